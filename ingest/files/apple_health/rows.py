"""Records of Apple's kinds as rows of our tables, and what of them cannot be true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    MISSING,
    Batch,
    Check,
    Flags,
    check_instants,
    constant,
    instants,
    name_app,
)

from .beats import TICK_MS
from .origin import find_own, name_devices, settle_offsets, tidy
from .shape import Rows
from .vocabulary import HEART_RATE, HRV, KINDS, MINDFUL, SLEEP, STAGES, STEPS

FIRST_US = int(np.datetime64("2007-01-01", "us").astype(np.int64))
"""Apple Health is of 2014; what apps have put into it of earlier days is not older than the first wearables."""
HOUR_US = 60 * MINUTE_US
LONGEST_H = {SLEEP: 48, STEPS: 48, MINDFUL: 24}
STEPS_A_MINUTE = 1000
"""Sprinters make about 300."""

Words = Sequence[str]
Numbers = npt.NDArray[np.float64]


def convert(rows: Rows, words: Words) -> tuple[Numbers, Flags]:
    """Values in our units, and where the unit is not one that the kind has."""
    value = rows["value"].copy()
    unknown = np.zeros(rows.size, bool)
    size = len(words) + 1
    both = rows["kind"].astype(np.int64) * size + rows["unit"] + 1
    for code in np.unique(both).tolist():
        kind, unit = code // size, code % size - 1
        units = KINDS[kind].units
        if units is None:
            continue
        here = both == code
        factor, summand = units.get(words[unit] if unit >= 0 else "", (np.nan, 0.0))
        unknown |= here & np.isnan(factor)
        value[here] = value[here] * factor + summand
    return value, unknown


def check_rows(rows: Rows, value: Numbers, unknown: Flags, words: Words, latest_us: int) -> list[Check]:
    """What may be wrong with records; `value` is in our units."""
    kind, start_us, end_us = rows["kind"], rows["start_us"], rows["end_us"]
    has_number = np.array([k.units is not None for k in KINDS])[kind]
    low, high = (np.array([getattr(k, name) for k in KINDS])[kind] for name in ("low", "high"))
    longest_us = np.array([LONGEST_H.get(k, 24 * 366) for k in range(len(KINDS))])[kind] * HOUR_US
    is_stage = np.array([word in STAGES for word in words] + [False])[rows["label"]]
    minutes = np.maximum((end_us - start_us) / MINUTE_US, 1.0)
    is_sleep = kind == SLEEP
    return [
        *check_instants(start_us, FIRST_US, latest_us),
        (end_us == MISSING, "expected an endDate such as 2026-10-22 08:00:00 +0100, found none"),
        ((end_us < start_us) | (is_sleep & (end_us == start_us)), "ends before it starts"),
        (end_us > latest_us, "ends later than a day after the export was written"),
        (end_us - start_us > longest_us, "longer than such a record can be"),
        (is_sleep & ~is_stage, f"a sleep value that is not known: expected {', '.join(STAGES)}"),
        (has_number & np.isnan(rows["value"]), "expected a number as value, found none"),
        (unknown, "a unit that is not known for this kind of record"),
        (has_number & ((value < low) | (value > high)), "a value that no body can have"),
        ((kind == STEPS) & (value > STEPS_A_MINUTE * minutes), f"more than {STEPS_A_MINUTE} steps a minute"),
    ]


def first_reasons(checks: Sequence[Check], count: int) -> list[tuple[int, str]]:
    """The rows of which a check holds, each with the words of the first one that does."""
    reason = np.zeros(count, np.int8)
    for number, (wrong, _) in enumerate(checks, start=1):
        reason[wrong & (reason == 0)] = number
    return [(row, checks[reason[row] - 1][1]) for row in np.flatnonzero(reason).tolist()]


def lay_out(rows: Rows, words: Words, home: str, member: int, columns: dict[str, pa.Array]) -> pa.Table:
    """Rows of a table: where they came from, when they begin, and what is theirs alone."""
    offset, assumed = settle_offsets(rows["start_us"], rows["zone"], words, home)
    return pa.table(
        {
            "member": pa.array(np.full(rows.size, member, np.int32)),
            "record": pa.array(rows["number"]),
            "device": name_devices(rows, words),
            "t_utc": instants(rows["start_us"].astype(np.int64)),
            "offset_min": pa.array(offset),
            "tz_assumed": pa.array(assumed),
            **columns,
        }
    )


def read_kinds(rows: Rows, words: Words, home: str, member: int) -> Iterator[Batch]:
    """Good records of all kinds but sleep, their values in our units, as batches."""
    for table, kinds in BY_TABLE.items():
        found = rows[np.isin(rows["kind"], kinds)]
        if found.size:
            columns = COLUMNS[table](found, words)
            yield Batch(table, lay_out(found, words, home, member, columns))


def heart_rate_columns(rows: Rows, _words: Words) -> dict[str, pa.Array]:
    """Columns of signal.heart_rate."""
    return {
        "hr_bpm": pa.array(rows["value"].astype(np.float32)),
        "confidence": pa.nulls(rows.size, pa.int8()),
    }


def steps_columns(rows: Rows, _words: Words) -> dict[str, pa.Array]:
    """Columns of signal.steps; apps may give broken steps, which are rounded."""
    return {
        "span_s": pa.array(span_s(rows)),
        "steps": pa.array(np.rint(rows["value"]).astype(np.int32)),
    }


def hrv_columns(rows: Rows, _words: Words) -> dict[str, pa.Array]:
    """Columns of signal.hrv_sample."""
    return {
        "hrv": constant(KINDS[HRV].measure, rows.size),
        "span_s": pa.array(span_s(rows), mask=rows["end_us"] == rows["start_us"]),
        "value_ms": pa.array(rows["value"]),
        "coverage": pa.nulls(rows.size, pa.float64()),
    }


def vital_columns(rows: Rows, _words: Words) -> dict[str, pa.Array]:
    """Columns of signal.vital."""
    places = pa.array(rows["kind"])
    return {
        "vital": pa.DictionaryArray.from_arrays(places, pa.array([k.measure for k in KINDS])),
        "value": pa.array(rows["value"]),
        "unit": pa.DictionaryArray.from_arrays(places, pa.array([k.unit for k in KINDS])),
        "error": pa.nulls(rows.size, pa.float64()),
    }


def event_columns(rows: Rows, words: Words) -> dict[str, pa.Array]:
    """Columns of signal.event: a mindful session names the app that wrote it; a watch by its kind, not its name."""
    sources = [tidy(words[place]) if place >= 0 else None for place in rows["source"].tolist()]
    apps = [name and (find_own(name) or name_app(name)) for name in sources]
    return {
        "event": constant(KINDS[MINDFUL].measure, rows.size),
        "end_utc": instants(rows["end_us"].astype(np.int64)),
        "app": pa.array(apps, pa.string()),
        "amount": pa.nulls(rows.size, pa.float64()),
    }


def span_s(rows: Rows) -> npt.NDArray[np.int32]:
    """Length of what records are of, in seconds."""
    length: npt.NDArray[np.int32] = ((rows["end_us"] - rows["start_us"]) // 1_000_000).astype(np.int32)
    return length


def beat_batch(intervals: Rows, rows: Rows, words: Words, home: str, member: int) -> Batch:
    """Intervals as rows of signal.beat; `rows` holds the record of each."""
    own = rows.copy()
    own["start_us"] = intervals["t_us"]
    device = name_devices(rows, words)
    watch = pa.array(["Watch" in str(name) for name in device.dictionary.to_pylist()], pa.bool_())
    is_watch = watch.take(device.indices)
    columns = {
        "rr_ms": pa.array(intervals["rr_ms"]),
        "gap_before": pa.array(intervals["gap_before"]),
        "tick_ms": pa.array(np.full(rows.size, TICK_MS, np.float32)),
        "sensor": pa.array(["ppg" if w else None for w in is_watch.to_pylist()], pa.string()),
    }
    return Batch("signal.beat", lay_out(own, words, home, member, columns))


COLUMNS = {
    "signal.heart_rate": heart_rate_columns,
    "signal.steps": steps_columns,
    "signal.hrv_sample": hrv_columns,
    "signal.vital": vital_columns,
    "signal.event": event_columns,
}
BY_TABLE = {table: [i for i, k in enumerate(KINDS) if k.table == table] for table in COLUMNS}

assert BY_TABLE["signal.heart_rate"] == [HEART_RATE]  # noqa: S101 - the places in KINDS are as named
