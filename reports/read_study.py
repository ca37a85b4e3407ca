"""What the data-yield page of a study reads: of people who allow research, and nothing that they said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from warehouse.consent import allowed_sql
from warehouse.store import Connection


@dataclass(frozen=True)
class PersonDay:
    """A day of a person's record: whether anything came, how long it was worn, what it was valid for.

    `worn_min` is None where no device of that day tells wear; `level` (model.index_day) is None without an index.
    """

    participant: str
    day: date
    sent: bool
    worn_min: float | None
    valid_day: bool
    valid_night: bool
    level: str | None


@dataclass(frozen=True)
class Stream:
    """What one device gave a person of one sensor: the days with any of it, the first and the last one.

    `minutes_share` is the mean share of those days' minutes with a row, None for what comes now and then.
    """

    participant: str
    sensor: str
    source: str
    device: str
    days: int
    first: date
    last: date
    minutes_share: float | None


@dataclass(frozen=True)
class Refused:
    """Records of a source that were read and refused: of all files, and of those exported of late."""

    source: str
    files: int
    rows: int
    refused: int
    late_rows: int
    late_refused: int


def count_people(con: Connection) -> tuple[int, int]:
    """Count who allows research, and who is here and does not."""
    allowed, others = con.execute(allowed_only(COUNT)).fetchall()[0]
    return int(allowed), int(others)


def read_days(con: Connection, before: date) -> list[PersonDay]:
    """Read every day of every record before `before`, in order of people and days."""
    return [PersonDay(*row) for row in con.execute(allowed_only(DAYS), {"before": before}).fetchall()]


def read_hours(con: Connection, before: date) -> dict[str, dict[int, float]]:
    """Read the share of each hour of the local clock that was worn, over all days of a record, by person."""
    worn: dict[str, dict[int, float]] = {}
    for who, hour, share in con.execute(allowed_only(HOURS), {"before": before}).fetchall():
        worn.setdefault(who, {})[hour] = share
    return worn


def read_streams(con: Connection, before: date) -> list[Stream]:
    """Read what each device gave each person, in order of people, sensors and devices."""
    return [Stream(*row) for row in con.execute(allowed_only(STREAMS), [before]).fetchall()]


def read_refused(con: Connection, late: date) -> list[Refused]:
    """Read how many records were refused, by source; `late` is the first day of the files exported of late."""
    return [Refused(*row) for row in con.execute(allowed_only(REFUSED), {"late": late}).fetchall()]


def allowed_only(sql: str) -> str:
    """Put who allows research, and what counts as data, into a query."""
    return sql.format(allowed=allowed_sql("research"), recorded=RECORDED, span=SPAN.format(recorded=RECORDED))


COUNT = """
    select count(*) filter (participant in ({allowed})), count(*) filter (participant not in ({allowed}))
    from meta.participant
"""
RECORDED = """
    select participant, sensor, split_part(source, '/', 1) as source,
        substring(source, position('/' in source) + 1) as device, day, yielded_min / nullif(minutes, 0) as share
    from feature.data_yield where yielded_min > 0
    union all
    select participant, 'sleep_episode', source, device,
        (end_utc + to_minutes(end_offset_min::bigint))::date, null
    from signal.sleep_episode
    union all
    select participant, 'workout', source, device, (t_utc + to_minutes(offset_min::bigint))::date, null
    from signal.workout
    union all
    select participant, 'vital', source, device, (t_utc + to_minutes(offset_min::bigint))::date, null
    from signal.vital
    union all
    select participant, 'vendor_score', source, device, (t_utc + to_minutes(offset_min::bigint))::date, null
    from signal.vendor_score
"""
"""A row a person, sensor, device and day with data. Check-ins and events are what a person said: they are not asked."""

SPAN = """
    recorded as ({recorded}),
    sent as (select distinct participant, day from recorded where day < $before),
    span as (select participant, min(day) as first, max(day) as last from sent group by participant)
"""
"""The days with data of each person, and the first and the last of them: a record goes from one to the other.

Features also have days on which something was only said; those lie outside.
"""

DAYS = """
    with {span},
    record as (
        select participant, day, max(value) filter (feature = 'worn_min') as worn_min,
            coalesce(max(value) filter (feature = 'valid_day'), 0) = 1 as valid_day,
            coalesce(max(value) filter (feature = 'valid_night'), 0) = 1 as valid_night
        from feature.value join span using (participant)
        where day between first and last and feature in ('worn_min', 'valid_day', 'valid_night')
            and participant in ({allowed})
        group by all
    )
    select r.participant, r.day, s.day is not null, r.worn_min, r.valid_day, r.valid_night, i.level
    from record r
    left join sent s on s.participant = r.participant and s.day = r.day
    left join model.index_day i on i.participant = r.participant and i.day = r.day
    order by r.participant, r.day
"""
HOURS = """
    with {span}
    select participant, hour(hour_utc + to_minutes(offset_min::bigint))::integer,
        least(sum(worn_min) / (60.0 * count(distinct day)), 1.0)
    from feature.hour join span using (participant)
    where day between first and last and participant in ({allowed})
    group by all order by all
"""
STREAMS = """
    with recorded as ({recorded})
    select participant, sensor, source, device, count(distinct day), min(day), max(day), avg(share)
    from recorded where day < ? and participant in ({allowed})
    group by all order by participant, sensor, source, device
"""
REFUSED = """
    select source, count(*), sum("rows")::bigint, sum(refused)::bigint,
        coalesce(sum("rows") filter (exported_utc >= $late), 0)::bigint,
        coalesce(sum(refused) filter (exported_utc >= $late), 0)::bigint
    from meta.source_file where source <> 'diary' and participant in ({allowed})
    group by source order by source
"""
