"""What an export reads: all SQL of the tables that leave, and of the counts that say whether they may.

The people, their labels and their devices are held in temporary tables `leaving_*`, so that every table is
read with the same ones. Every query has a total order: equal rows give equal files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.export.anonymity import SENSITIVE_TAGS, Counted, Telling
from reports.export.clocks import Uneven, choose_weekdays
from reports.export.deidentify import (
    CLOCK_TABLES,
    COVERAGE_STEPS,
    DEVICES,
    HOUR_SHARES,
    LENGTH,
    MINUTE_SHARES,
    MINUTES_OF_A_DAY,
    SCALED,
    VALUE,
    YIELD,
    ZONE_FEATURES,
    redeclare_column,
)
from reports.export.tables import MINUTES_OF_DAY
from reports.read_study import RECORDED
from warehouse.aliases import Alias
from warehouse.consent import allowed_sql
from warehouse.device_names import hold_device_names, shown_sql
from warehouse.publish import PERSONAL_FEATURES, PUBLISHED
from warehouse.schema import DAY, INSTANT, Column, Table
from warehouse.sql import quote
from warehouse.store import Connection

WITH_DATA = "select participant from feature.value"
PEOPLE = """
    create or replace temp table leaving_person as
    select unnest(?::varchar[]) as participant, unnest(?::varchar[]) as label,
        unnest(?::integer[]) as shift_days, unnest(?::boolean[]) as raw
"""
DEVICES_NUMBERED = """
    create or replace temp table leaving_device as
    with first as (
        select participant, name, min(day) as day,
            case when contains(name, '/') then split_part(name, '/', 1) else 'device' end as source
        from ({named}) where name is not null group by participant, name
    ), known as (
        -- A segment is its device with @era: the era is dropped.
        select f.*, coalesce(d.name, f.name) as device
        from first f left join first d
            on d.participant = f.participant and d.name = regexp_replace(f.name, '@[^@/]*$', '')
            and d.name <> f.name
    ), numbered as (
        select participant, name, row_number() over (
            partition by participant, source order by day, name) as number
        from known where device = name
    )
    select k.participant, k.name, k.source || '-' || n.number as label
    from known k join numbered n on n.participant = k.participant and n.name = k.device
"""
DAYS = """
    create or replace temp table leaving_day as
    with yielded as (select participant, day, max(minutes) as minutes from feature.data_yield group by all),
    hours as (select participant, day, 60 * count(*) as minutes from feature.hour group by all)
    select participant, day, coalesce(y.minutes, h.minutes) as minutes
    from yielded y full join hours h using (participant, day)
    where participant in (select participant from leaving_person)
"""
UNEVEN = """
    create or replace temp table leaving_uneven as
    with several as (
        select participant, day from ({offsets}) group by participant, day having count(distinct offset_min) > 1
    )
    select participant, day, coalesce(d.minutes, $whole) as minutes
    from several s full join leaving_day d using (participant, day)
    where participant in (select participant from leaving_person)
        and (s.participant is not null or d.minutes <> $whole)
"""
WEEKDAYS = "create or replace temp table leaving_weekday as select unnest(?::integer[]) as weekday"
CLASSES = """
    create or replace temp table leaving_class as
    select p.participant,
        (select any_value(s.value) from meta.setting s
            where s.participant = p.participant and s.name = 'age_band' and $with_age) as age_band,
        (select string_agg(distinct d.label, ', ' order by d.label) from leaving_device d
            where d.participant = p.participant) as source
    from leaving_person p
"""
TAGS = """
    create or replace temp table leaving_tag as
    select distinct e.participant,
        (e.t_utc + to_minutes(coalesce(e.offset_min, 0)::bigint))::date as day, e.event as tag
    from signal.event e join leaving_person p on p.participant = e.participant
    where e.event not in ('menstruation', 'period') and $with_tags
"""
WIDE = """(
    pivot (
        select v.participant, v.day, v.feature, {value} as value
        from feature.value v join leaving_person w on w.participant = v.participant
            left join leaving_day l on l.participant = v.participant and l.day = v.day
        where v.feature in {features}
    ) on feature in {features} using any_value(value) group by participant, day
)"""
"""As feature.night and feature.day, in a third of the time."""
TELLING = """
    with users as (select distinct participant, tag from leaving_tag where tag in (select unnest($sensitive))),
    class as (
        select participant, age_band, source, count(*) over (partition by age_band, source) as size
        from leaving_class
    ), told as (
        select u.tag, c.size, count(*) as people from users u join class c on c.participant = u.participant
        group by u.tag, c.age_band, c.source, c.size
    ), study as (select tag, count(*) as people from users group by tag)
    select distinct t.tag, t.size from told t join study s on s.tag = t.tag
    where t.people = t.size and s.people < (select count(*) from leaving_class) order by 1, 2
"""
SENSORS = """
    select distinct y.sensor from feature.data_yield y join leaving_person p on p.participant = y.participant
    order by 1
"""
YIELDED = """
    with best as (
        select participant, day, sensor, max({yielded_min}) as yielded_min, max({worn_min}) as worn_min
        from feature.data_yield group by participant, day, sensor
    ), bounds as (
        select participant, min(day) as first_day, max(day) as last_day from ({recorded}) group by participant
    ), span as (
        select participant, any_value(b.first_day) as first_day, any_value(b.last_day) as last_day,
            any_value(b.last_day - b.first_day + 1) as days,
            count(distinct day) filter (where value is not null) as days_with_values,
            count(*) filter (where feature = 'valid_day' and value = 1) as valid_days,
            count(*) filter (where feature = 'valid_night' and value = 1) as valid_nights
        from feature.value join bounds b using (participant)
        where feature not in {personal} and day between b.first_day and b.last_day group by participant
    ), scored as (
        select participant, count(*) filter (where "index" is not null) as index_days
        from model.index_day group by participant
    ), shares as (
        select participant, {shares} from best group by participant
    )
    select p.label as participant, s.first_day + p.shift_days as first_day,
        s.last_day + p.shift_days as last_day, s.days, s.days_with_values, s.valid_days, s.valid_nights,
        coalesce(i.index_days, 0) as index_days, {columns}
    from leaving_person p left join span s on s.participant = p.participant
        left join scored i on i.participant = p.participant left join shares y on y.participant = p.participant
    order by participant
"""
MISSING = """
    select p.label as participant, m.feature, m.reason, count(*) as days
    from (
        select participant, feature, regexp_replace(reason, ':.*', '') as reason from feature.value
        where value is null and feature not in {left_out}
        union all
        select participant, 'index', regexp_replace(reason, ':.*', '') from model.index_day
        where "index" is null
    ) m join leaving_person p on p.participant = m.participant
    where m.reason is not null group by all order by 1, 2, 3
"""


@dataclass(frozen=True)
class Leaving:
    """Who leaves: person → alias (None where their own pseudonym stays), and of whom raw series leave."""

    aliases: Mapping[str, Alias | None]
    raw: frozenset[str] = frozenset()

    @property
    def people(self) -> list[str]:
        """Pseudonyms, in order."""
        return sorted(self.aliases)


def find_people(con: Connection) -> list[str]:
    """List everyone who is here."""
    return [p for (p,) in con.execute("select participant from meta.participant order by 1").fetchall()]


def find_allowed(con: Connection, purpose: str) -> list[str]:
    """List those who allow a purpose and of whom there is something to export."""
    sql = f"{allowed_sql(purpose)} intersect ({WITH_DATA}) order by 1"
    return [p for (p,) in con.execute(sql).fetchall()]


def find_with_data(con: Connection) -> list[str]:
    """List those of whom there is something to export."""
    return [p for (p,) in con.execute(f"{WITH_DATA} order by 1").fetchall()]


def hold_people(con: Connection, leaving: Leaving, tables: Sequence[Table]) -> None:
    """Hold who leaves, their devices and the lengths of their days in temporary tables, for all other reads."""
    people = leaving.people
    alias = [leaving.aliases[person] for person in people]
    labels = [person if a is None else a.study_id for person, a in zip(people, alias, strict=True)]
    shifts = [0 if a is None else a.shift_days for a in alias]
    con.execute(PEOPLE, [people, labels, shifts, [person in leaving.raw for person in people]])
    named = " union all ".join(
        f"select participant, day, {name} as name from {table.full_name}"
        for table in tables
        for name in _name_devices(table)
    )
    con.execute(DEVICES_NUMBERED.format(named=named))
    hold_device_names(con, PUBLISHED)
    hold_clocks(con)


def hold_clocks(con: Connection) -> None:
    """Hold how long each day is, the days that are not 24 hours of one offset, and the weekdays of clocks."""
    con.execute(DAYS)
    offsets = " union all ".join(f"select participant, day, offset_min from {name}" for name in CLOCK_TABLES)
    con.execute(UNEVEN.format(offsets=offsets), {"whole": MINUTES_OF_DAY})
    found = con.execute("select distinct day, minutes from leaving_uneven order by all").fetchall()
    con.execute(WEEKDAYS, [choose_weekdays([Uneven(*row) for row in found])])


def hold_study(con: Connection, *, left_out: frozenset[str]) -> None:
    """Hold what others may know of each person, and what they noted, in temporary tables."""
    con.execute(CLASSES, {"with_age": "age_band" not in left_out})
    con.execute(TAGS, {"with_tags": "tag" not in left_out})


def count_shared(con: Connection, columns: Sequence[str]) -> Counted:
    """Count who shares what, of those who are held; `columns` are of study.person."""
    tags = con.execute(
        "select tag, count(distinct participant) from leaving_tag group by tag order by tag"
    ).fetchall()
    told = con.execute(TELLING, {"sensitive": list(SENSITIVE_TAGS)}).fetchall()
    return Counted(
        people=len(con.execute("from leaving_class").fetchall()),
        alone={column: count_classes(con, [column]) for column in columns},
        together=count_classes(con, columns),
        tags=dict(tags),
        telling=[Telling(tag, size) for tag, size in told],
    )


def count_classes(con: Connection, columns: Sequence[str]) -> list[int]:
    """Count the people of each group who share these columns, smallest first; nulls share a null."""
    by = ", ".join(f'"{column}"' for column in columns) or "true"
    sql = f"select count(*) as people from leaving_class group by {by} order by people"
    return [people for (people,) in con.execute(sql).fetchall()]


def keep_tags(con: Connection, tags: Sequence[str]) -> None:
    """Keep only these kinds of notes."""
    con.execute("delete from leaving_tag where tag not in (select unnest(?::varchar[]))", [list(tags)])


def select_rows(table: Table, *, hidden: bool, csv: bool) -> str:
    """Write the SELECT of the rows of a table that leave, in order of its key.

    It reads what `hold_people` holds, and for study.* what `hold_study` does.

    Parameters
    ----------
    table : Table
        As it is declared in the warehouse (`tables.list_tables`).
    hidden : bool
        Whether it leaves de-identified, as `deidentify.redeclare` declares it.
    csv : bool
        Whether instants are written as text.
    """
    pairs = [(c, redeclare_column(table, c) if hidden else c) for c in table.columns]
    names = {c.name: after.name for c, after in pairs if after is not None}
    chosen = ", ".join(
        f'{_write_column(table, c, hidden=hidden, csv=csv)} as "{names[c.name]}"'
        for c, _ in pairs
        if c.name in names
    )
    order = ", ".join(f'"{names[name]}"' for name in table.key)
    where = _where(table, hidden=hidden)
    rows, joined = _rows_of(table, hidden=hidden), _join(table)
    return f"select {chosen} from {rows} t {joined} where {where} order by {order}"


def select_yield(sensors: Sequence[str], *, hidden: bool) -> str:
    """Write the SELECT of `tables.declare_yield`: minutes as they are, or hidden as of days of 24 hours."""
    shares = {"worn_share": "sum(worn_min)"} | {
        f"{sensor}_share": f"sum(yielded_min) filter (where sensor = {quote(sensor)})" for sensor in sensors
    }
    return YIELDED.format(
        personal=_texts(PERSONAL_FEATURES),
        recorded=RECORDED,
        yielded_min=_scale_to_day("yielded_min", LENGTH) if hidden else "yielded_min",
        worn_min=_scale_to_day("worn_min", LENGTH) if hidden else "worn_min",
        shares=", ".join(f'{sql} as "{name}"' for name, sql in shares.items()),
        columns=", ".join(
            f'coalesce(y."{name}" / (s.days * {MINUTES_OF_DAY}.0), 0) as "{name}"' for name in shares
        ),
    )


def select_missing(*, hidden: bool) -> str:
    """Write the SELECT of `tables.MISSING`."""
    return MISSING.format(left_out=_texts(unsaid_features(hidden=hidden)))


def find_sensors(con: Connection) -> list[str]:
    """List the sensors of which there are data yields, of those who are held."""
    return [sensor for (sensor,) in con.execute(SENSORS).fetchall()]


def find_methods(con: Connection, table: Table) -> tuple[list[str], str]:
    """Find the versions of the methods that made a table's rows, and a hash of the hashes of all their inputs."""
    joined = f"{table.full_name} t join leaving_person p on p.participant = t.participant"
    versions = con.execute(f"select distinct t.method_version from {joined} order by 1").fetchall()
    inputs = con.execute(
        "select sha256(count(*) || ':' || coalesce(sum(md5_number_lower(h)::hugeint), 0)) from"
        f" (select distinct t.participant || ' ' || t.day || ' ' || t.input_hash as h from {joined})"
    ).fetchall()
    return [version for (version,) in versions], str(inputs[0][0])


def unsaid_features(*, hidden: bool) -> tuple[str, ...]:
    """Name the features that never leave, and where hidden those that tell of zones."""
    return (*PERSONAL_FEATURES, *(ZONE_FEATURES if hidden else ()))


def _rows_of(table: Table, *, hidden: bool) -> str:
    """Where the rows of a table lie, with the pseudonym of each person."""
    if table.full_name in ("feature.night", "feature.day"):
        value = _even_out("v") if hidden else "v.value"
        features = _texts([c.name for c in table.columns if c.name not in table.key])
        return WIDE.format(features=features, value=value)
    held = {"study.person": "leaving_class", "study.tag": "leaving_tag"}
    return held.get(table.full_name, table.full_name)


def _join(table: Table) -> str:
    """Join the people; and the devices, by every column that names one."""
    if "participant" not in table.key:
        return ""
    devices = " ".join(
        f"left join leaving_device d_{name} on d_{name}.participant = t.participant"
        f" and d_{name}.name = t.{name}"
        for name in _name_devices(table)
    )
    days = (
        "left join leaving_day l on l.participant = t.participant and l.day = t.day"
        if table.full_name == VALUE
        else ""
    )
    return f"join leaving_person p on p.participant = t.participant {devices} {days}"


def _name_devices(table: Table) -> list[str]:
    """The columns that name a device as 'source/device'."""
    return [c.name for c in table.columns if c.name in DEVICES and table.kind == "result"]


def _where(table: Table, *, hidden: bool) -> str:
    """Leave out personal features; where hidden, those of zones, weekdays of clocks and days of travel."""
    rules = ["p.raw"] if table.kind == "signal" else []
    if "feature" in table.key:
        rules.append(f"t.feature not in {_texts(unsaid_features(hidden=hidden))}")
    if hidden and table.full_name in CLOCK_TABLES:
        rules.append("isodow(t.day) not in (select weekday from leaving_weekday)")
        rules.append("(t.participant, t.day) not in (select participant, day from leaving_uneven)")
    return " and ".join(rules) or "true"


def _write_column(table: Table, column: Column, *, hidden: bool, csv: bool) -> str:
    """Write the SQL of a column as it leaves."""
    name, value = column.name, f't."{column.name}"'
    if name == "participant":
        value = "p.label"
    elif column.type == INSTANT:
        value = _write_instant(value, table, hidden=hidden, csv=csv)
    elif name in _name_devices(table):
        value = f"d_{name}.label" if hidden else shown_sql(value)
    elif name == "device" and table.kind == "signal":
        stream = shown_sql(f"t.source || '/' || {value}")
        value = f"substring({stream}, length(t.source) + 2)"
    elif hidden and column.type == DAY:
        value = f"({value} + p.shift_days)"
    elif hidden and table.full_name == YIELD and name in SCALED:
        value = _scale_to_day(value, f"t.{LENGTH}")
    elif hidden and table.full_name == VALUE and name == "value":
        value = _even_out("t")
    elif hidden and table.full_name == VALUE and name == "coverage":
        value = f"round({value} * {COVERAGE_STEPS}) / {COVERAGE_STEPS}"
    return value


def _scale_to_day(value: str, minutes: str) -> str:
    """Write the SQL of a count of a day with so many minutes as of a day of 24 hours."""
    return f"round({value} * {MINUTES_OF_DAY}.0 / nullif({minutes}, 0))::integer"


def _even_out(row: str) -> str:
    """Write the SQL of a feature's value as of a day of 24 hours; `l` is its `leaving_day`.

    Values of days that have 24 hours stay as they are, to the bit.
    """
    value, feature, rounded = f"{row}.value", f"{row}.feature", "round(round({0} * {1}) / {1}, 6)"
    return (
        f"case when l.minutes is null or l.minutes = {MINUTES_OF_DAY} then {value}"
        f" when {feature} in {_texts(MINUTES_OF_A_DAY)} then {_scale_to_day(value, 'l.minutes')}"
        f" when {feature} in {_texts(MINUTE_SHARES)} then {rounded.format(value, MINUTES_OF_DAY)}"
        f" when {feature} in {_texts(HOUR_SHARES)} then {rounded.format(value, 24)}"
        f" else {value} end"
    )


def _write_instant(value: str, table: Table, *, hidden: bool, csv: bool) -> str:
    """Write the SQL of an instant: UTC, or hidden the person's own clock, moved."""
    if hidden:
        value = f"({value} + to_minutes(t.offset_min::bigint) + to_days(p.shift_days))"
    if csv:
        # Signals to the microsecond; results lie on whole seconds.
        fraction, zone = ".%f" if table.kind == "signal" else "", "" if hidden else "Z"
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S{fraction}{zone}')"
    return value if hidden else f"({value} at time zone 'UTC')"


def _texts(names: Sequence[str]) -> str:
    return f"({', '.join(map(quote, names))})"
