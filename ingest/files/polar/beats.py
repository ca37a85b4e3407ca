"""Beats of a strap that the Sensor Logger wrote."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ingest.source import (
    Batch,
    Context,
    Export,
    Rejected,
    check_instants,
    constant,
    instants,
    lay_end_to_end,
    lay_out,
    parse_zoned,
    place_local,
    read_numbers,
    refuse_rows,
)

from .layout import FIRST_US, RR_MAX_MS, File


def read_beats(export: Export, context: Context, file: File) -> Iterator[Batch | Rejected]:
    """Beats of a strap that the logger wrote, laid end to end from their first stamp."""
    columns = {"stamp": ("Phone timestamp",), "rr": ("RR-interval [ms]",)}
    for records in context.read_csv(export, [file.member], file.table, columns, needed=("stamp", "rr")):
        if records.broken.num_rows:
            yield Rejected(records.broken)
        rows = records.rows
        stamp_us = parse_zoned(rows["stamp"]).t_us
        when = place_local(stamp_us, file.clock)
        rr_ms, no_number = read_numbers(rows["rr"])
        checks = [
            *check_instants(when.t_us, FIRST_US, file.latest_us),
            (
                no_number | ~(rr_ms > 0) | (rr_ms > RR_MAX_MS),
                "expected an interval in milliseconds, up to a minute",
            ),
        ]
        keep, rejected = refuse_rows(rows, checks, file.table)
        yield rejected
        # A beat that was refused, or a line that is no row, leaves a gap before the next one.
        number = rows["record"].to_numpy()
        broken = np.diff(number[keep], prepend=-1) > 1
        rows, when, rr_ms = rows.filter(pa.array(keep)), when.filter(keep), rr_ms[keep]
        t_us, gap = lay_end_to_end(when.t_us, rr_ms, broken)
        count = rows.num_rows
        beats = {
            "t_utc": instants(t_us),
            "offset_min": pa.array(when.offset_min),
            "rr_ms": pa.array(rr_ms.astype(np.float32)),
            "gap_before": pa.array(gap),
            "tick_ms": pa.nulls(count, pa.float32()),
            "sensor": constant("ecg", count),
            "tz_assumed": pa.array(when.assumed),
        }
        yield Batch(file.table, lay_out(rows, beats))
