"""What the features read from the warehouse: all of this stage's SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features import gather
from features.catalog import METHOD_VERSION
from features.five_minutes import MARGIN_S
from features.work import to_date, to_day
from warehouse.consent import list_allowed
from warehouse.store import Connection
from warehouse.tables import find_table

STAGE = "features"


def read_due(con: Connection, participants: Sequence[str]) -> tuple[dict[str, set[int]], dict[str, int]]:
    """Days due by person, and the last local day with signals since the first of them."""
    rows = con.execute(
        "select participant, day from meta.due where stage = ? and participant in (select unnest(?))",
        [STAGE, list(participants)],
    ).fetchall()
    due: dict[str, set[int]] = {}
    for person, day in rows:
        due.setdefault(person, set()).add(to_day(day))
    if not due:
        return due, {}
    since = datetime.combine(to_date(min(min(days) for days in due.values()) - 2), datetime.min.time())
    last = con.execute(LAST_DAYS, [since, list(due)] * 3).fetchall()
    return due, {person: to_day(day) for person, day in last}


LAST_DAYS = """
    select participant, max(day) from (
        select participant, max(t_utc + to_minutes(offset_min))::date as day
        from signal.heart_rate where t_utc >= ? and participant in (select unnest(?)) group by 1
        union all
        select participant, max(t_utc + to_minutes(offset_min))::date
        from signal.steps where t_utc >= ? and participant in (select unnest(?)) group by 1
        union all
        select participant, max(end_utc + to_minutes(end_offset_min))::date
        from signal.sleep_episode where t_utc >= ? and participant in (select unnest(?)) group by 1
    ) group by 1
"""
"""The last local day with signals of each person; a sleep counts on the day it ends."""


def read_kept(con: Connection, participants: Sequence[str]) -> dict[str, dict[int, bool]]:
    """Days with rows by person, and whether they are of the current method."""
    rows = con.execute(
        "select participant, day, method_version = ? from feature.value"
        " where feature = 'worn_min' and participant in (select unnest(?))",
        [METHOD_VERSION, list(participants)],
    ).fetchall()
    kept: dict[str, dict[int, bool]] = {}
    for person, day, current in rows:
        kept.setdefault(person, {})[to_day(day)] = bool(current)
    return kept


READ = """
    select a.person, {columns} from signal.{table} s join asked a on s.participant = a.participant
    where s.t_utc >= a.from_utc and s.t_utc < a.to_utc and s.t_utc >= ? and s.t_utc < ?
      and s.participant in (select unnest(?)) and {which}
    {group} order by {order}
"""
"""Rows of each person's own range; the outer range and the names let DuckDB skip what nobody asked for."""

MINUTE = "epoch_us(s.t_utc) // 60000000 as minute"
STREAM = "s.source || '/' || s.device as stream"
LOCAL_DAY = "((s.t_utc + to_minutes(s.offset_min))::date - date '1970-01-01')::integer"
LAST_DAY = LOCAL_DAY.replace("s.t_utc", "greatest(s.t_utc, s.end_utc - to_microseconds(1))")
"""Of an event; that of its start where it has no end."""
SPAN = "epoch_us(s.t_utc) // 1000000 as start_s, epoch_us(s.end_utc) // 1000000 as end_s"


def read_signals(
    con: Connection, participants: Sequence[str], ranges: Sequence[tuple[int, int]]
) -> gather.Signals:
    """Read what the days need, minute by minute; heart rates of confidence 0 are left out.

    Parameters
    ----------
    con : connection
        A warehouse, read only.
    participants : sequence of str
        In the order that numbers them.
    ranges : sequence of (int, int)
        First and last local day for each.
    """
    asked = _asked_table(participants, ranges)
    con.register("asked", asked)
    given = [pc.min(asked["from_utc"]).as_py(), pc.max(asked["to_utc"]).as_py(), list(participants)]

    def read(table: str, columns: str, order: str, which: str = "true", group: str = "") -> pa.Table:
        asked_for = READ.format(table=table, columns=columns, order=order, which=which, group=group)
        return con.execute(asked_for, given).to_arrow_table()

    signals = gather.Signals(
        heart_rate=_read_minutes_of_heart(con, given[:2]),
        steps=read(
            "steps",
            f"{STREAM}, {MINUTE}, s.span_s, s.steps, s.offset_min",
            "person, stream, minute",
            "s.steps is not null",
        ),
        episodes=read(
            "sleep_episode",
            f"{STREAM}, s.episode, {SPAN}, s.offset_min, s.end_offset_min, s.scoring = 'stages' as staged,"
            " s.in_bed, s.tz_assumed as assumed, coalesce(s.revision, 0) as revision",
            "person, stream, start_s, s.episode",
        ),
        stages=read(
            "sleep_stage", f"{STREAM}, s.episode, {SPAN}, s.stage", "person, stream, s.episode, start_s"
        ),
        workouts=read("workout", SPAN, "person, start_s, end_s"),
        vitals=read(
            "vital",
            f"{STREAM}, {LOCAL_DAY} as day, s.value, s.error",
            "person, stream, day",
            "s.vital = 'resting_heart_rate' and s.value is not null",
        ),
        samples=con.execute(SAMPLES.format(stream=STREAM, day=LOCAL_DAY), given * 2).to_arrow_table(),
        zones=con.execute(ZONES).to_arrow_table(),
        bleeding=read(
            "event",
            f"{STREAM}, {LOCAL_DAY} as day, {LAST_DAY} as last_day",
            "person, stream, day, last_day",
            "s.event = 'menstruation'",
        ),
    )
    con.unregister("asked")
    return signals


STREAMS = """
    select a.person, m.stream_id, m.source || '/' || m.device as stream, a.from_utc, a.to_utc
    from meta.stream m join asked a on a.participant = m.participant order by 1, 3
"""
HEART = """
    select n.number, {minute}, sum(s.hr_bpm::double) / count(*) as hr_bpm, min(s.offset_min) as offset_min
    from {table} s join streams n on s.stream_id = n.stream_id
    where s.t_utc >= n.from_utc and s.t_utc < n.to_utc and s.t_utc >= ? and s.t_utc < ?
      and (s.confidence is null or s.confidence > 0) and s.hr_bpm is not null
    group by all
"""


def _read_minutes_of_heart(con: Connection, edges: Sequence[datetime]) -> pa.Table:
    """Heart rate by the minute of those asked for, in order of person and stream.

    Much the largest signal of most people: it is read by the numbers of the streams, not by names, and
    put in order by them here.
    """
    streams = con.execute(STREAMS).to_arrow_table()
    numbers = pa.array(range(streams.num_rows), pa.int32())
    con.register("streams", streams.append_column("number", numbers))
    table = find_table("signal.heart_rate").stored_name
    rows = con.execute(HEART.format(table=table, minute=MINUTE), list(edges)).to_arrow_table()
    con.unregister("streams")
    rows = rows.take(np.argsort(rows["number"].to_numpy(), kind="stable"))
    number = rows["number"].to_numpy()
    names = pa.DictionaryArray.from_arrays(pa.array(number, pa.int32()), streams["stream"].combine_chunks())
    person = pa.array(streams["person"].to_numpy()[number], pa.int32())
    return rows.drop_columns("number").append_column("person", person).append_column("stream", names)


def _asked_table(participants: Sequence[str], ranges: Sequence[tuple[int, int]]) -> pa.Table:
    """Who is asked for, their numbers, and the instants between which to read."""
    edges = np.array([gather.axis_of(*days) for days in ranges], np.int64) * 60_000_000
    return pa.table(
        {
            "person": pa.array(range(len(participants)), pa.int32()),
            "participant": pa.array(participants, pa.string()),
            "from_utc": pa.array(edges[:, 0], pa.timestamp("us")),
            "to_utc": pa.array(edges[:, 1], pa.timestamp("us")),
        }
    )


SAMPLES = """
    select a.person, s.vital as kind, {stream}, min(epoch_us(s.t_utc)) / 1e6 as t_s,
        {day} as day, round(sum(s.value) / count(*), 6) as value
    from signal.vital s join asked a on s.participant = a.participant
    where s.t_utc >= a.from_utc and s.t_utc < a.to_utc and s.t_utc >= ? and s.t_utc < ?
      and s.participant in (select unnest(?)) and s.value is not null
      and s.vital in ('respiration', 'skin_temperature', 'skin_temperature_deviation', 'spo2', 'spo2_night',
        'steps_day', 'tst_min', 'light_min', 'deep_min', 'rem_min', 'tib_min')
    group by a.person, kind, stream, epoch_us(s.t_utc) // 60000000, day
    union all
    select a.person, s.hrv, {stream}, epoch_us(s.t_utc) / 1e6, {day}, s.value_ms
    from signal.hrv_sample s join asked a on s.participant = a.participant
    where s.t_utc >= a.from_utc and s.t_utc < a.to_utc and s.t_utc >= ? and s.t_utc < ?
      and s.participant in (select unnest(?)) and s.value_ms is not null
    order by 1, 2, 3, 4
"""
"""Single values; of those of one minute (a wrist device gives four temperatures a second) the mean."""

ZONES = """
    select a.person, epoch_us(z.from_utc) // 60000000 as from_min, z.zone
    from meta.zone_segment z join asked a on z.participant = a.participant
    union all
    select a.person, -1000000000, p.timezone
    from meta.participant p join asked a on p.participant = a.participant
    order by 1, 2
"""
"""Where each person lived; the zone of meta.participant holds before the first segment."""


DAYS = """
    select distinct {stream}, (epoch_us(s.t_utc) // 86400000000)::integer as utc_day
    from signal.{table} s where s.participant = ? and s.t_utc >= ? and s.t_utc < ?
"""
SPAN_OF = """
    select epoch_us(t_utc) as t_us, {columns} from signal.{table}
    where participant = ? and source = ? and device = ? and t_utc >= ? and t_utc < ? and {which}
    order by t_utc
"""
COLUMNS = {
    "beat": "rr_ms, gap_before, tick_ms, coalesce(list_position(['ppg', 'ecg'], sensor), 0)::integer as sensor",
    "pulse_wave": "bvp",
}
"""The number of a sensor is its place in `five_minutes.SENSORS`."""


def find_days(con: Connection, participant: str, utc_days: Sequence[int], table: str) -> dict[int, set[str]]:
    """UTC day → streams that recorded a signal on it."""
    found = con.execute(
        DAYS.format(table=table, stream=STREAM),
        [participant, _start_of(utc_days[0]), _start_of(utc_days[-1] + 1)],
    ).fetchall()
    wanted = set(utc_days)
    days: dict[int, set[str]] = {}
    for stream, utc_day in found:
        if utc_day in wanted:
            days.setdefault(utc_day, set()).add(stream)
    return days


def read_day(con: Connection, participant: str, table: str, stream: str, utc_day: int) -> pa.Table:
    """Beats or the pulse wave of one stream on a UTC day and a little on either side."""
    margin = timedelta(seconds=MARGIN_S)
    span = _start_of(utc_day) - margin, _start_of(utc_day + 1) + margin
    return read_span(con, participant, stream, span, (table, COLUMNS[table], "true"))


def read_span(
    con: Connection,
    participant: str,
    stream: str,
    span: tuple[datetime, datetime],
    what: tuple[str, str, str],
) -> pa.Table:
    """Table, columns and rows of one stream between two instants, in order of time."""
    table, columns, which = what
    source, _, device = stream.partition("/")
    asked = SPAN_OF.format(table=table, columns=columns, which=which)
    return con.execute(asked, [participant, source, device, *span]).to_arrow_table()


def _start_of(utc_day: int) -> datetime:
    """The instant at which a UTC day begins."""
    return datetime.combine(to_date(utc_day), datetime.min.time())


RECORDED = """
    select distinct '{table}' as sensor, s.participant from signal.{table} s
    join asked a on s.participant = a.participant
    where s.t_utc >= a.from_utc and s.t_utc < a.to_utc and s.t_utc >= $from_utc and s.t_utc < $to_utc
"""
MINUTES = """
    select a.person, '{table}' as sensor, {stream}, epoch_us(s.t_utc) // 60000000 as minute
    from signal.{table} s join asked a on s.participant = a.participant
    where s.t_utc >= a.from_utc and s.t_utc < a.to_utc and s.t_utc >= $from_utc and s.t_utc < $to_utc
    group by all
"""
SENSORS = ("beat", "eda", "acceleration", "pulse_wave", "hrv_sample")
"""Signals beside heart rate and steps whose minutes are counted."""


def find_recorded(
    con: Connection, participants: Sequence[str], ranges: Sequence[tuple[int, int]]
) -> dict[str, set[str]]:
    """Signal of `SENSORS` → who has any of it: most people have none, and are then not asked again."""
    sql = " union all ".join(RECORDED.format(table=table) for table in SENSORS)
    rows = _ask(con, sql, participants, ranges).to_pydict()
    found = list(zip(*rows.values(), strict=True))
    return {table: {who for name, who in found if name == table} for table in SENSORS}


def read_minutes(
    con: Connection,
    participants: Sequence[str],
    ranges: Sequence[tuple[int, int]],
    sensors: Sequence[str],
) -> pa.Table:
    """Every minute in which one of some sensors gave a row: person, sensor, stream, minute.

    Parameters
    ----------
    participants : sequence of str
        In the order that numbers them.
    ranges : sequence of (int, int)
        First and last local day for each.
    sensors : sequence of str
        Some of `SENSORS`.
    """
    parts = [MINUTES.format(table=table, stream=STREAM) for table in sensors]
    return _ask(con, " union all ".join(parts or [NO_MINUTES]) + " order by 1", participants, ranges)


CHECKINS = """
    select a.person, {day} as day, {stream}, s.value from signal.checkin s
    join asked a on s.participant = a.participant
    where s.t_utc >= a.from_utc and s.t_utc < a.to_utc and s.t_utc >= $from_utc and s.t_utc < $to_utc
        and s.scale = 'felt_stress' and s.value is not null
    order by a.person, day, stream, s.t_utc
"""


def read_checkins(
    con: Connection, participants: Sequence[str], ranges: Sequence[tuple[int, int]]
) -> pa.Table:
    """Answers on felt stress: person, day, stream, value; of these days at least."""
    return _ask(con, CHECKINS.format(day=LOCAL_DAY, stream=STREAM), participants, ranges)


NO_MINUTES = (
    "select 0::integer as person, '' as sensor, '' as stream, 0::bigint as minute where $from_utc > $to_utc"
)


def _ask(
    con: Connection, sql: str, participants: Sequence[str], ranges: Sequence[tuple[int, int]]
) -> pa.Table:
    """Rows for those asked for, of SQL that joins `asked` and takes $from_utc and $to_utc."""
    asked = _asked_table(participants, ranges)
    con.register("asked", asked)
    edges = {"from_utc": pc.min(asked["from_utc"]).as_py(), "to_utc": pc.max(asked["to_utc"]).as_py()}
    rows = con.execute(sql, edges).to_arrow_table()
    con.unregister("asked")
    return rows


def _at_minute(minute: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(minutes=minute)  # noqa: DTZ001 - naive UTC, as everywhere


def read_skin(
    con: Connection, participant: str, stream: str, span_us: tuple[int, int]
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Skin conductance, skin temperature and acceleration of one stream between two instants."""
    start, end = (_at_minute(us // 60_000_000) for us in span_us)
    parts = [
        read_span(con, participant, stream, (start, end), what)
        for what in (
            ("eda", "eda_us", "true"),
            ("vital", "value", "vital = 'skin_temperature'"),
            ("acceleration", "x_g, y_g, z_g", "true"),
        )
    ]
    return parts[0], parts[1], parts[2]


def find_people(con: Connection) -> dict[str, bool]:
    """Everyone in the warehouse, in order, and whether they allow research."""
    allowed = set(list_allowed(con, "research"))
    people = con.execute("select participant from meta.participant order by 1").fetchall()
    return {participant: participant in allowed for (participant,) in people}


def find_days_with_data(con: Connection, participant: str) -> tuple[int, int] | None:
    """First and last local day on which a person's devices recorded what features are made from."""
    parts = [EXTENT.format(table=table, edge="t_utc", offset="offset_min") for table in CONTINUOUS]
    parts.append(EXTENT.format(table="sleep_episode", edge="end_utc", offset="end_offset_min"))
    sql = f"select min(low), max(high) from ({' union all '.join(parts)})"  # noqa: S608 - names of tables
    found = con.execute(sql, {"participant": participant}).fetchone()
    return None if found is None or found[0] is None else (to_day(found[0]), to_day(found[1]))


CONTINUOUS = ("heart_rate", "steps", "beat", "pulse_wave", "eda")
EXTENT = """
    select min(t_utc + to_minutes(offset_min))::date as low, max({edge} + to_minutes({offset}))::date as high
    from signal.{table} where participant = $participant
"""


def read_events(con: Connection, participant: str, words: Sequence[str]) -> pa.Table:
    """Starts of a person's events of some words, each once: event, start_s, offset_min, in order of time."""
    return con.execute(EVENTS, [participant, list(words)]).to_arrow_table()


EVENTS = """
    select event, epoch_us(t_utc) // 1000000 as start_s, min(offset_min)::integer as offset_min
    from signal.event where participant = ? and event in (select unnest(?)) group by 1, 2 order by 2, 1
"""


def read_windows(con: Connection, participant: str) -> pa.Table:
    """A person's rows of `feature.window` of the current method, in order of stream and time."""
    return con.execute(WINDOWS, [participant, METHOD_VERSION]).to_arrow_table()


WINDOWS = """
    select source as stream, epoch_us(start_utc) // 1000000 as start_s, quality, reason, coverage, artefact,
        uneven, sensor, derived, rmssd_ms, rmssd_corrected_ms, sdnn_ms, mean_hr_bpm
    from feature.window where participant = ? and method_version = ? order by 1, 2
"""
