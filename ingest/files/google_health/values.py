"""Single values of the Google Health API: of moments, of spans and of days."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    Batch,
    Check,
    Field,
    Moments,
    Rejected,
    check_end,
    place_days,
    read_numbers,
)

from .layout import (
    DEVIATION,
    FIVE_MIN_S,
    SPAN_MAX_H,
    DataType,
    Setting,
    origin,
    place,
    read_stamped,
    take_checked,
    texts,
)

COLUMNS = ("value", "second")
"""What the values of a point are called while they are read."""


def list_value_fields(kind: DataType) -> list[Field]:
    """What is taken out of every point."""
    values = {name: f"{kind.field}.{path}" for name, (path, _) in zip(COLUMNS, kind.values, strict=False)}
    return [*list_time_fields(kind), *texts(**values), *([] if kind.merged else origin())]


def list_time_fields(kind: DataType) -> list[Field]:
    """Where the time of a point stands."""
    if kind.kind == "daily":
        return [Field(part, f"{kind.field}.date.{part}", pa.int64()) for part in ("year", "month", "day")]
    if kind.kind == "sample":
        time = f"{kind.field}.sampleTime"
        return texts(start=f"{time}.physicalTime", start_offset=f"{time}.utcOffset")
    return list_edges(f"{kind.field}.interval")


def list_edges(path: str) -> list[Field]:
    """Where the start and end of an interval stand, with their offsets."""
    return texts(
        start=f"{path}.startTime",
        start_offset=f"{path}.startUtcOffset",
        end=f"{path}.endTime",
        end_offset=f"{path}.endUtcOffset",
    )


def read_values(rows: pa.Table, kind: DataType, setting: Setting) -> Iterator[Batch | Rejected]:
    """Read the points of a data type that holds values."""
    when, checks = settle(rows, kind, setting)
    if kind.merged:
        # A zero is left out.
        rows = put(rows, "value", pc.fill_null(rows["value"], "0"))
    for (_, quantity), name in zip(kind.values, COLUMNS, strict=False):
        if quantity is DEVIATION:
            rows = put(rows, name, apart(rows))
        yield from take_checked(rows, quantity, when, setting, *checks)


def settle(rows: pa.Table, kind: DataType, setting: Setting) -> tuple[Moments, list[Check]]:
    """When the points were, and what may be wrong with that."""
    if kind.kind == "daily":
        return place_days(write_dates(rows), setting.clock), []
    start = read_stamped(rows["start"], rows["start_offset"])
    if kind.kind == "sample":
        five_min = kind.path == "heart-rate-variability"
        return place(start, setting.clock, np.full(rows.num_rows, FIVE_MIN_S if five_min else np.nan)), []
    end_us = read_stamped(rows["end"], rows["end_offset"]).t_us
    checks = check_end(start.t_us, end_us, SPAN_MAX_H)
    good = ~np.any(np.stack([wrong for wrong, _ in checks]), axis=0)
    span_s = np.where(good, np.where(good, end_us, 0) - np.where(good, start.t_us, 0), 0) / 1e6
    return place(start, setting.clock, span_s), checks


def write_dates(rows: pa.Table) -> pa.Array:
    """Years, months and days as dates; null where one of them is missing."""
    parts = zip(*(rows[name].to_pylist() for name in ("year", "month", "day")), strict=True)
    return pa.array(
        [None if None in part else "{:04d}-{:02d}-{:02d}".format(*part) for part in parts], pa.string()
    )


def apart(rows: pa.Table) -> pa.Array:
    """How far a night's temperature is from the baseline; null where one of them is missing."""
    night, baseline = (read_numbers(rows[name])[0] for name in COLUMNS)
    known = (night != 0) & (baseline > 0)
    return pa.array(np.where(known, night - baseline, np.nan), mask=~known | np.isnan(night))


def put(rows: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Rows with one column replaced."""
    return rows.set_column(rows.column_names.index(name), name, column)
