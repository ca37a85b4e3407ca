"""From rows of signals to a person's arrays: the axis, the streams, the sleep logs, and their hashes.

Takes Arrow tables as `features.compute` reads them, in which `person` numbers the people of a batch.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features import wear
from features.activity import find_coarse
from features.cycle import gather_bleeding
from features.person import Person, Samples, Stream
from features.sleep import ASLEEP, STAGES, WAKE, Log, Totals
from features.wear import DAY_MIN, Clock, Ints
from features.zones import zone_offsets

EAST_MIN, WEST_MIN = 14 * 60, 12 * 60
"""The offsets farthest from UTC: a local day lies within that of the UTC day of its date."""

ROUNDING_MIN = 1.0
"""Vendors round the minutes of a sleep: by so much they may pass the length of the log."""


@dataclass(frozen=True)
class Signals:
    """What was read for a batch; every table has `person` and is in order of person and time.

    Attributes
    ----------
    heart_rate : person, stream, minute, hr_bpm, offset_min
        A row a minute with heart rate.
    steps : person, stream, minute, span_s, steps, offset_min
    episodes : person, stream, episode, start_s, end_s, offset_min, end_offset_min, staged, in_bed, assumed,
        revision
    stages : person, stream, episode, start_s, end_s, stage
    workouts : person, start_s, end_s
    vitals : person, stream, day, value, error
        The vendor's resting heart rates.
    samples : person, kind, stream, t_s, day, value
        Single values of other vitals, the mean of those of one minute, and of heart rate variability.
    zones : person, from_min, zone
        Zone segments; the first of a person holds from ever.
    bleeding : person, stream, day, last_day
        First and last local day of each logged bleeding.
    """

    heart_rate: pa.Table
    steps: pa.Table
    episodes: pa.Table
    stages: pa.Table
    workouts: pa.Table
    vitals: pa.Table
    samples: pa.Table
    zones: pa.Table
    bleeding: pa.Table


def axis_of(first_day: int, last_day: int) -> tuple[int, int]:
    """First minute, and the one after the last, that hold these local days whatever the offset."""
    return first_day * DAY_MIN - EAST_MIN, (last_day + 1) * DAY_MIN + WEST_MIN


def split(table: pa.Table, people: int) -> list[pa.Table]:
    """Rows of each person, of a table in order of `person`."""
    edges = np.searchsorted(table["person"].to_numpy(), np.arange(people + 1))
    return [table.slice(a, b - a) for a, b in pairwise(edges.tolist())]


def make_people(signals: Signals, ranges: Sequence[tuple[int, int]]) -> list[Person]:
    """The people of a batch, each with first and last day of what was read for them."""
    return list(each_person(signals, ranges))


def each_person(signals: Signals, ranges: Sequence[tuple[int, int]]) -> Iterator[Person]:
    """The people of a batch one after the other: what is made of one's minutes is large."""
    count = len(ranges)
    parts = [split(getattr(signals, f.name), count) for f in fields(signals)]
    for tables, days in zip(zip(*parts, strict=True), ranges, strict=True):
        yield make_person(Signals(*tables), *days)


def make_person(signals: Signals, first_day: int, last_day: int) -> Person:
    """One person from the rows of that person."""
    start_min, end_min = axis_of(first_day, last_day)
    clock = make_clock(signals, start_min, end_min)
    names = sorted(set(_texts(signals.heart_rate, "stream")) | set(_texts(signals.steps, "stream")))
    workouts, samples = signals.workouts, make_samples(signals.samples)
    vitals = signals.vitals.to_pylist()
    return Person(
        clock,
        tuple(make_stream(signals, name, clock) for name in names),
        make_logs(signals.episodes, signals.stages, find_totals(samples)),
        np.column_stack((_ints(workouts, "start_s"), _ints(workouts, "end_s"))),
        # Of several streams the first by name stands: rows are in that order, the last written wins.
        {v["day"]: (v["value"], _number(v["error"]), v["stream"]) for v in reversed(vitals)},
        samples,
        tuple((row["from_min"], row["zone"]) for row in signals.zones.to_pylist()),
        gather_bleeding(signals.bleeding),
    )


def make_samples(rows: pa.Table) -> dict[str, dict[str, Samples]]:
    """Single values by kind and stream."""
    found: dict[str, dict[str, Samples]] = {}
    for kind in _texts(rows, "kind"):
        of_kind = _of(rows, "kind", kind)
        for stream in _texts(of_kind, "stream"):
            one = _of(of_kind, "stream", stream)
            value = np.asarray(one["value"].to_numpy(), np.float64)
            t_s = np.asarray(one["t_s"].to_numpy(), np.float64)
            found.setdefault(kind, {})[stream] = Samples(t_s, _ints(one, "day"), value)
    return found


def _number(value: float | None) -> float:
    """NaN for None."""
    return float("nan") if value is None else float(value)


def _texts(table: pa.Table, column: str) -> list[str]:
    """Distinct texts of a column."""
    return [str(text) for text in table[column].unique().to_pylist()]


def _ints(table: pa.Table, column: str) -> Ints:
    """A column of whole numbers."""
    return np.asarray(table[column].to_numpy(), np.int64)


def make_clock(signals: Signals, start_min: int, end_min: int) -> Clock:
    """The axis, with the offsets that heart rate and steps carry, else the person's zone's."""
    seen_min = np.concatenate([_ints(t, "minute") for t in (signals.heart_rate, signals.steps)])
    offset = np.concatenate([_ints(t, "offset_min") for t in (signals.heart_rate, signals.steps)])
    order = np.lexsort((offset, seen_min))
    zone = zone_offsets(signals.zones, start_min, end_min)
    return wear.fill_offsets(start_min, zone, seen_min=seen_min[order], seen_offset_min=offset[order])


def make_stream(signals: Signals, name: str, clock: Clock) -> Stream:
    """One device's minutes on the axis."""
    heart = _of(signals.heart_rate, "stream", name)
    steps = _of(signals.steps, "stream", name)
    records = (_ints(steps, "minute"), _ints(steps, "span_s"), _ints(steps, "steps"))
    hr_bpm = np.asarray(heart["hr_bpm"].to_numpy(), np.float64)
    return Stream(
        name,
        wear.lay_out(clock, _ints(heart, "minute"), hr_bpm),
        wear.lay_out(clock, *wear.spread_steps(*records)),
        np.isin(clock.utc_min, find_coarse(*records)),
    )


def _of(table: pa.Table, column: str, text: str) -> pa.Table:
    """Rows with this text in a column."""
    return table.filter(pc.equal(table[column], text))


def find_totals(samples: Mapping[str, Mapping[str, Samples]]) -> dict[tuple[str, int], Totals]:
    """The vendor's minutes of sleeps: (stream, second at which the sleep ends) → minutes."""
    given: dict[tuple[str, int], dict[str, float]] = {}
    for name in (field.name for field in fields(Totals)):
        for stream, some in samples.get(name, {}).items():
            for t_s, minutes in zip(some.t_s.tolist(), some.value.tolist(), strict=True):
                given.setdefault((stream, math.floor(t_s)), {})[name] = minutes
    return {key: Totals(**minutes) for key, minutes in given.items()}


def make_logs(
    episodes: pa.Table, stages: pa.Table, totals: Mapping[tuple[str, int], Totals]
) -> dict[str, tuple[Log, ...]]:
    """Sleep logs of each stream.

    A log without stretches of stages is one stretch: of sleep where the vendor gave its minutes
    (`sleep.Log.totals`), else of wake, since then no sleep is known.
    """
    stretches: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    for row in stages.to_pylist():
        code = STAGES.get(row["stage"], WAKE)
        key = (row["stream"], row["episode"])
        stretches.setdefault(key, []).append((row["start_s"], row["end_s"], code))
    logs: dict[str, list[Log]] = {}
    for row in episodes.to_pylist():
        parts = stretches.get((row["stream"], row["episode"]), [])
        given = None if parts else believable(totals.get((row["stream"], row["end_s"])), row)
        parts = parts or [(row["start_s"], row["end_s"], ASLEEP if given else WAKE)]
        start, end, code = np.array(parts, np.int64).T
        log = Log(
            row["start_s"],
            row["end_s"],
            row["offset_min"],
            row["end_offset_min"],
            start,
            end,
            code,
            staged=bool(row["staged"]) and given is None,
            in_bed=bool(row["in_bed"]),
            assumed=bool(row["assumed"]),
            revision=row["revision"],
            totals=given,
        )
        logs.setdefault(row["stream"], []).append(log)
    return {stream: tuple(some) for stream, some in logs.items()}


def believable(given: Totals | None, row: Mapping[str, Any]) -> Totals | None:
    """The minutes of a sleep, where they say that there was some and no more than the log is long."""
    if given is None:
        return None
    longest_min = (row["end_s"] - row["start_s"]) / 60 + ROUNDING_MIN
    return given if 0 < given.tst_min <= longest_min else None


def digest_days(person: Person) -> dict[int, bytes]:
    """Hash of each local day's signals: minutes, offsets, and the logs and workouts that begin on it."""
    marks: dict[int, list[bytes]] = {}
    for day, *parts in chain(_mark_minutes(person), _mark_events(person)):
        marks.setdefault(day, []).extend(parts)
    digests = {}
    for day, place in person.clock.days.items():
        offsets = person.clock.offset_min[place].tobytes()
        digests[day] = hashlib.sha256(b"\0".join((offsets, *marks.get(day, [])))).digest()
    return digests


Mark = tuple[int, bytes, bytes]
"""A local day, what is noted of it, and its bytes."""


def _mark_minutes(person: Person) -> Iterator[Mark]:
    """Heart rate and steps of each day and stream; days without any leave no mark."""
    for stream in person.streams:
        for day, place in person.clock.days.items():
            for kind, value in (("heart", stream.hr_bpm[place]), ("steps", stream.listed_steps[place])):
                if not np.isnan(value).all():
                    yield day, f"{kind} {stream.name}".encode(), value.tobytes()


def _mark_events(person: Person) -> Iterator[Mark]:
    """Sleep logs and workouts on the day they begin, and the vendor's values."""
    for name, logs in sorted(person.logs.items()):
        for log in logs:
            day = (log.start_s + 60 * log.offset_min) // (60 * DAY_MIN)
            facts = (log.start_s, log.end_s, log.offset_min, log.end_offset_min, *_flags(log))
            yield day, f"sleep {name} {facts}".encode(), _bytes(log)
    for start_s, end_s in person.workout_s.tolist():
        yield _local_day(person.clock, start_s), b"workout", f"{start_s} {end_s}".encode()
    for day, vital in sorted(person.vendor_rhr.items()):
        yield day, b"vital", str(vital).encode()
    for day, stream in sorted(person.bleeding.items()):
        yield day, b"bleeding", stream.encode()
    for kind, streams in sorted(person.samples.items()):
        for name, some in sorted(streams.items()):
            for day in np.unique(some.day).tolist():
                of_day = some.day == day
                yield (
                    day,
                    f"{kind} {name}".encode(),
                    some.t_s[of_day].tobytes() + some.value[of_day].tobytes(),
                )


def _flags(log: Log) -> tuple[bool, bool, bool, int]:
    return log.staged, log.in_bed, log.assumed, log.revision


def _bytes(log: Log) -> bytes:
    """The stretches of a log."""
    return np.concatenate((log.stage_start_s, log.stage_end_s, log.stage)).tobytes()


def _local_day(clock: Clock, instant_s: int) -> int:
    """Local day of an instant; the nearest on the axis if it lies off it."""
    place = min(max(instant_s // 60 - clock.start_min, 0), len(clock) - 1)
    return int(clock.day[place])


def hash_inputs(digests: Mapping[int, bytes], day: int, *, reach: int, beside: Iterable[bytes]) -> str:
    """Hash of all that a day's values are made from.

    Parameters
    ----------
    digests : mapping
        Local day → digest of its signals (`digest_days`): the day after it back to `reach` days before count.
    beside : iterable of bytes
        Digests of what is read for this day alone (`recordings`).
    """
    parts = (digests.get(d, b"") for d in range(day - reach, day + 2))
    return hashlib.sha256(b"".join((*parts, *beside))).hexdigest()[:16]
