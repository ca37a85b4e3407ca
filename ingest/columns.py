"""Columns that sources compute with: out of parsed records into arrays, and back into rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.clock import MINUTE_US
from ingest.stamps import MISSING

Instants = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Check = tuple[Flags, str]
"""What is wrong with records: where, and the words for it."""


@dataclass(frozen=True)
class Bad:
    """Records that a reader refuses: rows of `member`, `record`, `reason`."""

    rows: pa.Table


def sift(rows: pa.Table, checks: Sequence[Check]) -> tuple[Flags, Bad]:
    """Part good records from bad ones, which get the reason of the first check that holds."""
    keep = np.ones(rows.num_rows, dtype=bool)
    reason = np.zeros(rows.num_rows, dtype=np.int8)
    for number, (wrong, _) in enumerate(checks, start=1):
        reason[wrong & keep] = number
        keep &= ~wrong
    bad = np.flatnonzero(~keep)
    words = pa.array([checks[number - 1][1] for number in reason[bad]], pa.string())
    return keep, Bad(rows.select(["member", "record"]).take(pa.array(bad)).append_column("reason", words))


def numbers(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.float64]:
    """A column of numbers as an array; NaN where null or infinite."""
    values = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy()
    return np.where(np.isfinite(values), values, np.nan)


def instants(t_us: Instants) -> pa.Array:
    """Microseconds since 1970 as a column of instants."""
    return pa.array(t_us).view(pa.timestamp("us"))


def to_us(moment: datetime) -> int:
    """A naive UTC instant in microseconds since 1970."""
    return int(np.datetime64(moment, "us").astype(np.int64))


def to_utc(local_us: Instants, offset_min: npt.NDArray[np.int16]) -> Instants:
    """Times of a local clock in UTC."""
    return local_us - offset_min.astype(np.int64) * MINUTE_US


def constant(value: str | bool, count: int) -> pa.Array:  # noqa: FBT001 - the value itself
    """A column of one value."""
    return pa.repeat(pa.scalar(value), count)


def lay_out(rows: pa.Table, columns: dict[str, pa.Array | pa.ChunkedArray]) -> pa.Table:
    """Rows of a table: where they came from, and their columns."""
    return pa.table({"member": rows["member"], "record": rows["record"], **columns})


def check_instants(t_us: Instants, first_us: int, latest_us: int) -> list[Check]:
    """What may be wrong with the instants of records."""
    first = np.datetime64(first_us, "us").astype("datetime64[D]")
    latest = np.datetime64(latest_us, "us").astype("datetime64[m]")
    return [
        (t_us == MISSING, "expected a date and time, found none that the calendar has"),
        (t_us < first_us, f"dated before {first}, when there was no such device"),
        (t_us > latest_us, f"dated after {latest} UTC, a day after the export was written"),
    ]
