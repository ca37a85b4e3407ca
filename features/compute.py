"""The verb of this stage: what is due is read from the warehouse, computed and staged.

It never writes the warehouse: `warehouse.commit` does, with what is staged here. A person's values
depend on that person's signals alone, not on who else is in the batch or which days are asked for
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features import gather
from features.catalog import METHOD_VERSION, REACH_DAYS, catalog_rows
from features.person import Hours, Person, Valued, measure_days, measure_hours
from warehouse.staging import Staged, stage
from warehouse.store import Connection, open_warehouse

STAGE = "features"
EPOCH = date(1970, 1, 1)
MARGIN_DAYS = 2
"""Read before the reach, so that gaps and offsets at its edge are the same however much is read."""

MOST_DAYS = 3000
"""Participant-days (with what is read before them) held in memory at a time."""

DECIMALS = 6
"""Values are rounded to it: below what any device can tell, above what the order of sums can change."""


@dataclass(frozen=True)
class Work:
    """What is to be done for one person; days since 1970-01-01, in order."""

    participant: str
    days: tuple[int, ...]
    done: tuple[int, ...]
    later: tuple[int, ...]


def compute(
    warehouse: str | Path, staging: Path, *, participants: Sequence[str], before: date
) -> Path | None:
    """Compute every feature of every day that is due, and stage it.

    Parameters
    ----------
    warehouse : str or Path
        As `warehouse.store.open_warehouse` takes it; only read.
    staging : Path
        Folder below which the result is staged.
    participants : sequence of str
        The people of this batch.
    before : date
        Only days before it are worked; later ones stay due.

    Returns
    -------
    Path or None
        The staged folder for `warehouse.commit`; None when nothing is due.
    """
    with open_warehouse(warehouse, read_only=True) as con:
        works = find_work(con, participants, before)
        if not works:
            return None
        with stage(staging, STAGE, method_version=METHOD_VERSION) as staged:
            for batch in split_work(works):
                _stage_batch(con, staged, batch)
            _stage_days(staged, works)
            staged.add("feature.catalog", catalog_rows())
    return staged.folder


def find_work(con: Connection, participants: Sequence[str], before: date) -> list[Work]:
    """What each person has to do: due days with their reach, days of an older method, days without rows."""
    limit = to_day(before)
    works = []
    due, last = _read_due(con, participants)
    kept = _read_kept(con, participants)
    for person in sorted(participants):
        raw, have = due.get(person, set()), kept.get(person, {})
        if not raw and not have:
            continue
        work = plan(raw, have, last=max(last.get(person, -1), max(have, default=-1)), before=limit)
        if work.days or work.done:
            works.append(Work(person, work.days, work.done, work.later))
    return works


def plan(due: set[int], have: Mapping[int, bool], *, last: int, before: int) -> Work:
    """Which days to compute, which dues that settles, and which days to put off.

    A due day D touches D−1 (its night begins there) to D+reach, within the person's days. Days within
    the span that have no rows yet (a gap that new data closed) and days of an older method join in.

    Parameters
    ----------
    due : set of int
        Days whose signals changed.
    have : mapping
        Day → whether its rows are of the current method, for days with rows.
    last : int
        Last day with signals or rows.
    before : int
        Days from here on are put off.
    """
    # A due day that is put off touches nothing yet: else the day before it would be redone every night.
    done = {d for d in due if d < before}
    touched = {d for one in done for d in range(one - 1, min(one + REACH_DAYS, last) + 1)}
    first = min(due | have.keys())
    last = max(last, max(due, default=last))
    holes = set(range(first, last + 1)) - have.keys()
    wanted = (touched & have.keys()) | holes | due | {d for d, current in have.items() if not current}
    return Work(
        "",
        tuple(sorted(d for d in wanted if d < before)),
        tuple(sorted(done)),
        tuple(sorted(d for d in wanted if d >= before)),
    )


def _read_due(con: Connection, participants: Sequence[str]) -> tuple[dict[str, set[int]], dict[str, int]]:
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


def _read_kept(con: Connection, participants: Sequence[str]) -> dict[str, dict[int, bool]]:
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


def split_work(works: Iterable[Work]) -> Iterable[list[Work]]:
    """Batches of people that fit into memory together: the results do not depend on them."""
    batch: list[Work] = []
    held = 0
    for work in works:
        if not work.days:
            continue
        size = work.days[-1] - work.days[0] + 1 + REACH_DAYS + MARGIN_DAYS
        if batch and held + size > MOST_DAYS:
            yield batch
            batch, held = [], 0
        batch.append(work)
        held += size
    if batch:
        yield batch


def _stage_batch(con: Connection, staged: Staged, batch: Sequence[Work]) -> None:
    """Read, compute and stage the days of some people."""
    back = REACH_DAYS + MARGIN_DAYS
    ranges = [(work.days[0] - back, work.days[-1] + 1) for work in batch]
    signals = read_signals(con, [work.participant for work in batch], ranges)
    values: list[pa.Table] = []
    hours: list[pa.Table] = []
    for work, person in zip(batch, gather.make_people(signals, ranges), strict=True):
        digests = gather.digest_days(person)
        hashes = {day: gather.hash_inputs(digests, day, reach=REACH_DAYS) for day in work.days}
        values.append(value_rows(work.participant, measure_days(person, work.days), hashes))
        hours.append(hour_rows(work.participant, person, work.days, hashes))
    staged.add("feature.value", pa.concat_tables(values))
    staged.add("feature.hour", pa.concat_tables(hours))


READ = """
    select a.person, {columns} from signal.{table} s join asked a on s.participant = a.participant
    where s.t_utc >= a.from_utc and s.t_utc < a.to_utc and s.t_utc >= ? and s.t_utc < ?
      and s.participant in (select unnest(?)) and {which}
    {group} order by {order}
"""
"""Rows of each person's own range; the outer range and the names let DuckDB skip what nobody asked for."""

MINUTE = "epoch_us(s.t_utc) // 60000000 as minute"
STREAM = "s.source || '/' || s.device as stream"
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
        heart_rate=read(
            "heart_rate",
            f"{STREAM}, {MINUTE}, sum(s.hr_bpm::double) / count(*) as hr_bpm,"
            " min(s.offset_min) as offset_min",
            "person, stream, minute",
            "(s.confidence is null or s.confidence > 0) and s.hr_bpm is not null",
            "group by person, stream, minute",
        ),
        steps=read(
            "steps",
            f"{STREAM}, {MINUTE}, s.span_s, s.steps, s.offset_min",
            "person, stream, minute",
            "s.steps is not null",
        ),
        episodes=read(
            "sleep_episode",
            f"{STREAM}, s.episode, {SPAN}, s.offset_min, s.end_offset_min, s.scoring = 'stages' as staged,"
            " s.in_bed, s.tz_assumed as assumed",
            "person, stream, start_s, s.episode",
        ),
        stages=read(
            "sleep_stage", f"{STREAM}, s.episode, {SPAN}, s.stage", "person, stream, s.episode, start_s"
        ),
        workouts=read("workout", SPAN, "person, start_s, end_s"),
        vitals=read(
            "vital",
            f"{STREAM}, ((s.t_utc + to_minutes(s.offset_min))::date - date '1970-01-01')::integer as day,"
            " s.value, s.error",
            "person, stream, day",
            "s.vital = 'resting_heart_rate' and s.value is not null",
        ),
        zones=con.execute(ZONES).to_arrow_table(),
    )
    con.unregister("asked")
    return signals


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


ZONES = """
    select a.person, epoch_us(z.from_utc) // 60000000 as from_min, z.zone
    from meta.zone_segment z join asked a on z.participant = a.participant
    union all
    select a.person, -1000000000, p.timezone
    from meta.participant p join asked a on p.participant = a.participant
    order by 1, 2
"""
"""Where each person lived; the zone of meta.participant holds before the first segment."""


def value_rows(participant: str, valued: Sequence[Valued], hashes: Mapping[int, str]) -> pa.Table:
    """Rows of `feature.value` of one person."""
    measures = [v.measure for v in valued]
    return pa.table(
        {
            "participant": pa.array([participant] * len(valued), pa.string()),
            "day": pa.array([v.day for v in valued], pa.int32()).cast(pa.date32()),
            "feature": pa.array([v.feature for v in valued], pa.string()),
            "value": pa.array([_rounded(m.value) for m in measures], pa.float64()),
            "se": pa.array([_rounded(m.se) for m in measures], pa.float64()),
            "n_obs": pa.array([m.n_obs for m in measures], pa.int64()),
            "coverage": pa.array([_rounded(m.coverage) for m in measures], pa.float64()),
            "quality": pa.array([m.quality for m in measures], pa.string()),
            "reason": pa.array([m.reason for m in measures], pa.string()),
            "source": pa.array([v.stream for v in valued], pa.string()),
            "method_version": pa.array([METHOD_VERSION] * len(valued), pa.string()),
            "input_hash": pa.array([hashes[v.day] for v in valued], pa.string()),
        }
    )


def _rounded(value: float | None) -> float | None:
    """Round a value; −0 becomes 0."""
    return None if value is None else round(value, DECIMALS) + 0.0


def hour_rows(participant: str, person: Person, days: Sequence[int], hashes: Mapping[int, str]) -> pa.Table:
    """Rows of `feature.hour` of one person."""
    each: list[Hours] = [measure_hours(person.grid, day) for day in days]
    counts = [len(h.start_min) for h in each]

    def joined(name: str) -> Any:
        return np.concatenate([getattr(h, name) for h in each])

    def repeated(values: Sequence[str | None]) -> pa.Array:
        return pa.array([v for v, n in zip(values, counts, strict=True) for _ in range(n)], pa.string())

    total = sum(counts)
    return pa.table(
        {
            "participant": pa.array([participant] * total, pa.string()),
            "day": pa.array(np.repeat(np.asarray(days), counts), pa.int32()).cast(pa.date32()),
            "hour_utc": pa.array(joined("start_min") * 60_000_000, pa.timestamp("us")),
            "offset_min": pa.array(joined("offset_min"), pa.int16()),
            "worn_min": pa.array(joined("worn_min")),
            "asleep_min": pa.array(np.round(joined("asleep_min"), DECIMALS)),
            "hr_bpm": pa.array(np.round(joined("hr_bpm"), DECIMALS), from_pandas=True),
            "steps": pa.array(np.round(joined("steps")), from_pandas=True).cast(pa.int32()),
            "source": repeated([person.stream_name(day) for day in days]),
            "method_version": repeated([METHOD_VERSION] * len(days)),
            "input_hash": repeated([hashes[day] for day in days]),
        }
    )


def _stage_days(staged: Staged, works: Sequence[Work]) -> None:
    """Say which participant-days were redone, which dues are done and which are put off."""
    staged.replace(_day_table([(w.participant, w.days) for w in works]))
    staged.clear(
        _day_table([(w.participant, w.done) for w in works]),
        _day_table([(w.participant, w.later) for w in works]),
    )


def _day_table(days: Sequence[tuple[str, Sequence[int]]]) -> pa.Table:
    """Participant-days as a table."""
    flat = [(person, day) for person, some in days for day in some]
    return pa.table(
        {
            "participant": pa.array([person for person, _ in flat], pa.string()),
            "day": pa.array([day for _, day in flat], pa.int32()).cast(pa.date32()),
        }
    )


def to_day(value: date) -> int:
    """Days since 1970-01-01."""
    return (value - EPOCH).days


def to_date(day: int) -> date:
    """The date of a number of days since 1970-01-01."""
    return EPOCH + timedelta(days=day)
