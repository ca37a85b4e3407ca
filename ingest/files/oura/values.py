"""Oura's values of days and moments, and workouts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    Batch,
    Moments,
    Rejected,
    check_end,
    check_instants,
    constant,
    instants,
    lay_out,
    place_days,
    place_stamps,
    read_cell,
    refuse_rows,
    take_quantity,
    write_cell,
)

from .layout import BPM, DAILY, FIRST_US, FOUND_BY, LABELS, SCORE, SKIN, WORKOUT_MAX_H, Reading, take_checked


def read_daily(rows: pa.Table, reading: Reading, name: str) -> Iterator[Batch | Rejected]:
    """Values and words of single days."""
    when = place_days(rows["day"], reading.clock)
    checks = check_instants(when.t_us, FIRST_US, reading.latest_us)
    keep, rejected = refuse_rows(rows, [(checks[0][0], "expected a date in day"), *checks[1:]], SCORE)
    yield rejected
    rows, when = rows.filter(pa.array(keep)), when.filter(keep)
    if name == "dailyspo2":
        averages = [average_of(text) for text in rows["spo2_percentage"].to_pylist()]
        at = rows.column_names.index("spo2_percentage")
        rows = rows.set_column(at, "spo2_percentage", pa.array(averages, pa.string()))
    for quantity in DAILY[name]:
        yield from take_quantity(rows, quantity, when)
    if name in LABELS:
        yield lay_out_labels(rows, *LABELS[name], when)


def average_of(text: str | None) -> str | None:
    """The average out of a cell such as {"average": 97.1}; other cells as they are."""
    value = read_cell(text)
    return write_cell(value.get("average")) if isinstance(value, dict) else text


def lay_out_labels(rows: pa.Table, column: str, score: str, when: Moments) -> Batch:
    """Words for days, as scores without a value."""
    words = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(rows[column].combine_chunks(), "")))
    keep = np.asarray(pc.greater(pc.utf8_length(words), 0).to_numpy(zero_copy_only=False), dtype=np.bool_)
    at, count = when.filter(keep), int(keep.sum())
    columns = {
        "score": constant(score, count),
        "t_utc": instants(at.t_us),
        "offset_min": pa.array(at.offset_min),
        "value": pa.nulls(count, pa.float64()),
        "label": words.filter(pa.array(keep)),
        "tz_assumed": pa.array(at.assumed),
    }
    return Batch(SCORE, lay_out(rows.filter(pa.array(keep)), columns))


def read_heart_rate(rows: pa.Table, reading: Reading) -> Iterator[Batch | Rejected]:
    """Heart rates of day and night, every five minutes or so."""
    yield from take_checked(rows, BPM, place_stamps(rows["timestamp"], reading.clock), reading.latest_us)


def read_temperature(rows: pa.Table, reading: Reading) -> Iterator[Batch | Rejected]:
    """Skin temperatures of moments."""
    yield from take_checked(rows, SKIN, place_stamps(rows["timestamp"], reading.clock), reading.latest_us)


def read_workouts(rows: pa.Table, reading: Reading) -> Iterator[Batch | Rejected]:
    """Workouts that the ring found or the person logged."""
    start, end = (
        place_stamps(rows["start_datetime"], reading.clock),
        place_stamps(rows["end_datetime"], reading.clock),
    )
    checks = check_instants(start.t_us, FIRST_US, reading.latest_us)
    checks += check_end(start.t_us, end.t_us, WORKOUT_MAX_H)
    keep, rejected = refuse_rows(rows, checks, "signal.workout")
    yield rejected
    rows, start, end = rows.filter(pa.array(keep)), start.filter(keep), end.filter(keep)
    activity = pc.utf8_lower(rows["activity"].combine_chunks())
    found_by = [FOUND_BY.get(str(text or "").lower()) for text in rows["source"].to_pylist()]
    columns = {
        "workout": pc.coalesce(rows["id"].combine_chunks(), rows["start_datetime"].combine_chunks()),
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us),
        "activity": activity,
        "detected": pa.array(found_by, pa.bool_()),
        "hr_mean_bpm": pa.nulls(rows.num_rows, pa.float64()),
        "steps": pa.nulls(rows.num_rows, pa.int32()),
        "revision": pa.nulls(rows.num_rows, pa.int64()),
        "tz_assumed": pa.array(start.assumed),
    }
    yield Batch("signal.workout", lay_out(rows, columns))
