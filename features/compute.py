"""The verb of this stage: what is due is read from the warehouse, computed and staged.

It never writes the warehouse: `warehouse.commit` does, with what is staged here. A person's values
depend on that person's signals alone, not on who else is in the batch or which days are asked for
together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa

from features import gather, read, recordings, rows
from features.catalog import METHOD_VERSION, REACH_DAYS, catalog_rows
from features.days import Beside, find_day_episodes, fit_days, measure_days
from features.electrodermal import Spans
from features.felt import Said, gather_said
from features.five_minutes import FiveMinutes, join
from features.others import measure_others
from features.person import Person
from features.read import STAGE
from features.work import MARGIN_DAYS, Work, plan, split_work, to_day
from warehouse.sleep_model import SleepModel, read_sleep_model
from warehouse.staging import Staged, stage
from warehouse.store import Connection, open_warehouse


def compute(
    warehouse: str | Path,
    staging: Path,
    *,
    participants: Sequence[str],
    before: date,
    sleep_model: Path | None = None,
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
    sleep_model : Path or None
        Coefficients that find the sleep window of nights that no source logs (`warehouse.sleep_model`).
        None: such nights have no window, and their features are missing.

    Returns
    -------
    Path or None
        The staged folder for `warehouse.commit`; None when nothing is due.
    """
    with open_warehouse(warehouse, read_only=True) as con:
        works = find_work(con, participants, before)
        if not works:
            return None
        model = None if sleep_model is None else read_sleep_model(sleep_model)
        with stage(staging, STAGE, method_version=METHOD_VERSION) as staged:
            for batch in split_work(works):
                _stage_batch(con, staged, batch, model)
            _stage_days(staged, works)
            staged.add("feature.catalog", catalog_rows())
    return staged.folder


def find_work(con: Connection, participants: Sequence[str], before: date) -> list[Work]:
    """What each person has to do: due days with their reach, days of an older method, days without rows."""
    limit = to_day(before)
    works = []
    due, last = read.read_due(con, participants)
    kept = read.read_kept(con, participants)
    for person in sorted(participants):
        raw, have = due.get(person, set()), kept.get(person, {})
        if not raw and not have:
            continue
        work = plan(raw, have, last=max(last.get(person, -1), max(have, default=-1)), before=limit)
        if work.days or work.done:
            works.append(Work(person, work.days, work.done, work.later))
    return works


def _stage_batch(con: Connection, staged: Staged, batch: Sequence[Work], model: SleepModel | None) -> None:
    """Read, compute and stage the days of some people."""
    back = REACH_DAYS + MARGIN_DAYS
    names = [work.participant for work in batch]
    ranges = [(work.days[0] - back, work.days[-1] + 1) for work in batch]
    asked = [(work.days[0] + recordings.UTC_DAYS[0], work.days[-1] + 1) for work in batch]
    signals = read.read_signals(con, names, ranges)
    recorded = read.find_recorded(con, names, asked)
    minutes = read.read_minutes(con, names, asked, [sensor for sensor, people in recorded.items() if people])
    checkins = gather.split(read.read_checkins(con, names, asked), len(batch))
    tables: dict[str, list[pa.Table]] = {}
    for work, person, own, said in zip(
        batch,
        gather.each_person(signals, ranges),
        gather.split(minutes, len(batch)),
        map(gather_said, checkins),
        strict=True,
    ):
        sensors = [sensor for sensor, people in recorded.items() if work.participant in people]
        whole = replace(person, sleep_model=model)
        for table, found in _measure(con, work, whole, sensors, own, said).items():
            tables.setdefault(table, []).append(found)
    for table, parts in tables.items():
        staged.add(table, pa.concat_tables(parts))


def _measure(
    con: Connection,
    work: Work,
    person: Person,
    sensors: Sequence[str],
    minutes: pa.Table,
    said: Mapping[int, Said],
) -> dict[str, pa.Table]:
    """Rows of every table for the days of one person, who has signals of some sensors in some minutes."""
    fives, beat_marks = _measure_fives(con, work, person, sensors)
    skins, skin_marks = _measure_skins(con, work, person) if "eda" in sensors else ({}, {})
    yields = {day: recordings.yield_by_sensor(person, day, minutes) for day in work.days}
    digests = gather.digest_days(person)
    hashes = {}
    for day in work.days:
        seen = (beat_marks.get((day + d, day + u), b"") for d in (-1, 0, 1) for u in recordings.UTC_DAYS)
        # Which minutes a sensor gave is all that is known of some; their counts stand for them.
        beside = (*seen, skin_marks.get(day, b""), repr(sorted(yields[day].items())).encode())
        beside += (said[day].mark,) if day in said else ()
        if person.sleep_model is not None and day in person.estimated:
            beside += (person.sleep_model.mark,)
        hashes[day] = gather.hash_inputs(digests, day, reach=REACH_DAYS, beside=beside)
    stamp = rows.Stamp(work.participant, METHOD_VERSION, hashes)
    usual, beside_minutes = fit_days(person, work.days), Beside(fives, skins, said)
    episodes = {day: find_day_episodes(person, day, usual[day]) for day in work.days}
    valued = measure_days(person, work.days, beside_minutes, usual)
    return {
        "feature.value": rows.value_rows(stamp, valued),
        "feature.other_device": rows.other_rows(stamp, measure_others(person, valued, fives)),
        "feature.hour": rows.hour_rows(stamp, person, work.days),
        "feature.window": rows.window_rows(stamp, person, work.days, fives),
        "feature.episode": rows.episode_rows(stamp, person, episodes),
        "feature.data_yield": rows.yield_rows(stamp, yields),
    }


def _measure_fives(
    con: Connection, work: Work, person: Person, sensors: Sequence[str]
) -> tuple[dict[str, FiveMinutes], dict[tuple[int, int], bytes]]:
    """Windows of five minutes around the days of a person by stream, and digests by local and UTC day.

    A device that gave no beats on a UTC day but a pulse wave has them found in it.
    """
    utc_days = recordings.utc_days_of(work.days)
    beats, waves = (
        read.find_days(con, work.participant, utc_days, table) if table in sensors else {}
        for table in ("beat", "pulse_wave")
    )
    parts: dict[str, list[FiveMinutes]] = {}
    marks: dict[tuple[int, int], bytes] = {}
    for utc_day in utc_days:
        given = beats.get(utc_day, set())
        for stream in sorted(given | waves.get(utc_day, set())):
            table = "beat" if stream in given else "pulse_wave"
            some = read.read_day(con, work.participant, table, stream, utc_day)
            measured = recordings.measure_beats if stream in given else recordings.measure_wave
            found = measured(person, some, utc_day)
            if found is not None:
                parts.setdefault(stream, []).append(found)
            for day, mark in recordings.digest_by_day(person, some).items():
                marks[day, utc_day] = marks.get((day, utc_day), b"") + mark
    return {stream: join(some) for stream, some in parts.items()}, marks


def _measure_skins(
    con: Connection, work: Work, person: Person
) -> tuple[dict[int, dict[str, Spans]], dict[int, bytes]]:
    """Skin conductance by the minute of each local day and stream, and a digest by local day."""
    days = read.find_days(con, work.participant, recordings.utc_days_of(work.days), "eda")
    skins: dict[int, dict[str, Spans]] = {}
    marks: dict[int, bytes] = {}
    for day in work.days:
        span_us = recordings.local_span_us(person, day)
        if span_us is None:
            continue
        for stream in sorted(set().union(*(days.get(day + u, set()) for u in recordings.UTC_DAYS))):
            read_parts = read.read_skin(con, work.participant, stream, span_us)
            if read_parts[0].num_rows:
                skins.setdefault(day, {})[stream] = recordings.measure_skin(*read_parts)
                marks[day] = marks.get(day, b"") + b"".join(recordings.digest(part) for part in read_parts)
    return skins, marks


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
