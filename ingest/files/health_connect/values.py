"""Values of a Health Connect database: samples, steps, vitals and HRV."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    Batch,
    Check,
    Flags,
    Rejected,
    check_instants,
    constant,
    lay_out,
    numbers,
    read_rows,
    refuse_rows,
)

from .columns import (
    between,
    check_spans,
    find_parents,
    label,
    read_instants,
    read_offsets,
    shared,
    start,
    whole,
    with_member,
)
from .layout import FIRST_US, LIMITS, STEPS_MAX_H, STEPS_MAX_MIN, Database, Kind, Moments


def read_samples(database: Database, kind: Kind, records: pa.Table) -> Iterator[Batch | Rejected]:
    """Values of a child table, each by the offset and device of its record."""
    keys = whole(records, "row_id")
    order = np.argsort(keys, kind="stable")
    for samples in read_rows(database.con, kind.child, kind.child_columns or {}):
        rows = with_member(samples, database.member)
        parent, known = find_parents(keys, order, whole(rows, "parent_key"))
        t_us = read_instants(rows, "epoch_millis")
        value, absent, wrong = measure(kind, rows)
        checks = [
            (~known, f"no record in {kind.table} has the row_id that it names"),
            *check_instants(t_us, FIRST_US, database.latest_us),
            *wrong,
        ]
        checks = [(flags & ~absent, reason) for flags, reason in checks]
        keep, refused = refuse_rows(rows, checks, kind.stream, place=f"{kind.child} row")
        yield refused
        keep &= ~absent
        kept, t_us, of = rows.filter(pa.array(keep)), t_us[keep], records.take(pa.array(parent[keep]))
        offset, assumed = between(of, t_us, database.clock)
        when = Moments(t_us, offset, assumed, label(of, database.devices))
        yield Batch(kind.stream, lay_out(kept, name_values(kind, when, value[keep])))


def read_steps(database: Database, kind: Kind, rows: pa.Table) -> Iterator[Batch | Rejected]:
    """Steps in spans of time, whatever their length."""
    start_us, end_us = read_instants(rows, "start_time"), read_instants(rows, "end_time")
    steps = numbers(rows["count"])
    minutes = np.maximum(1.0, (end_us - start_us) / 60e6)
    checks = check_instants(start_us, FIRST_US, database.latest_us)
    checks += check_spans(start_us, end_us, STEPS_MAX_H)
    checks += [
        (np.isnan(steps) | (steps % 1 > 0), "expected a whole number of steps in count"),
        (
            (steps < 0) | (steps > STEPS_MAX_MIN * minutes),
            f"steps outside 0 to {STEPS_MAX_MIN:.0f} in a minute",
        ),
    ]
    keep, refused = refuse_rows(rows, checks, kind.stream, place=f"{kind.table} row")
    yield refused
    kept, start_us, end_us = rows.filter(pa.array(keep)), start_us[keep], end_us[keep]
    span_s = np.maximum(1, np.rint((end_us - start_us) / 1e6))
    columns = {
        **shared(start(kept, start_us, database)),
        "span_s": pa.array(span_s.astype(np.int32)),
        "steps": pa.array(steps[keep].astype(np.int32)),
    }
    yield Batch(kind.stream, lay_out(kept, columns))


def measure(kind: Kind, rows: pa.Table) -> tuple[npt.NDArray[np.float64], Flags, list[Check]]:
    """Values in our unit, which are sentinels for none, and what may be wrong with the others."""
    column, unit, least, most, factor = LIMITS[kind.name]
    value = numbers(rows[column]) * factor
    absent = (value == 0) if least > 0 else np.zeros(value.size, dtype=bool)
    return (
        value,
        absent,
        [
            (np.isnan(value), f"expected a number in {column}, found none"),
            ((value < least) | (value > most), f"{column} outside {least:g} to {most:g} {unit}"),
        ],
    )


def read_moments(database: Database, kind: Kind, rows: pa.Table) -> Iterator[Batch | Rejected]:
    """Single values of a moment: vitals, and the RMSSD that apps give without saying of how long."""
    t_us = read_instants(rows, "time")
    value, absent, wrong = measure(kind, rows)
    checks = [*check_instants(t_us, FIRST_US, database.latest_us), *wrong]
    checks = [(flags & ~absent, reason) for flags, reason in checks]
    keep, refused = refuse_rows(rows, checks, kind.stream, place=f"{kind.table} row")
    yield refused
    keep &= ~absent
    kept, t_us = rows.filter(pa.array(keep)), t_us[keep]
    when = Moments(
        t_us, *read_offsets(kept, "zone_offset", t_us, database.clock), label(kept, database.devices)
    )
    yield Batch(kind.stream, lay_out(kept, name_values(kind, when, value[keep])))


def name_values(
    kind: Kind, when: Moments, value: npt.NDArray[np.float64]
) -> dict[str, pa.Array | pa.ChunkedArray]:
    """Columns of single values: as heart rates, as HRV or as vitals."""
    count = value.size
    if kind.stream == "signal.heart_rate":
        hr_bpm = pa.array(value.astype(np.float32))
        return {**shared(when), "hr_bpm": hr_bpm, "confidence": pa.nulls(count, pa.int8())}
    if kind.stream == "signal.hrv_sample":
        return {
            **shared(when),
            "hrv": constant(kind.name, count),
            "span_s": pa.nulls(count, pa.int32()),
            "value_ms": pa.array(value),
            "coverage": pa.nulls(count, pa.float64()),
        }
    return {
        **shared(when),
        "vital": constant(kind.name, count),
        "value": pa.array(value),
        "unit": constant(LIMITS[kind.name][1], count),
        "error": pa.nulls(count, pa.float64()),
    }
