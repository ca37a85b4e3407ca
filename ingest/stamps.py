"""Stamps of fixed layout, read as bytes: a column of a million takes a few hundredths of a second."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Instants = npt.NDArray[np.int64]

MISSING: int = np.iinfo(np.int64).min
"""Stands for a stamp that is absent or none: no instant is as early."""

US_STAMP = ("MM/DD/YY hh:mm:ss",)
US_DATE = ("MM/DD/YY",)
ISO_STAMP = ("YYYY-MM-DDThh:mm:ss.fff", "YYYY-MM-DDThh:mm:ss")

DAY_US = 86_400 * 1_000_000
LETTERS = {letter: part for part, letter in enumerate("YMDhmsf")}
"""What the letters of a layout stand for, as `ingest.digits` numbers it."""
PIVOT_YEAR = 70
"""Two digits from here on are 19xx, as in POSIX."""
FIRST_YEAR, LAST_YEAR = 1900, 2199

MONTH_STARTS: npt.NDArray[np.int64] = (
    np.arange(f"{FIRST_YEAR}-01", f"{LAST_YEAR + 1}-02", dtype="datetime64[M]")
    .astype("datetime64[D]")
    .astype(np.int64)
)
"""Day number since 1970 of the first of every month from January of FIRST_YEAR on."""


def parse_stamps(column: pa.ChunkedArray | pa.Array, layouts: Sequence[str]) -> Instants:
    """Read stamps as microseconds since 1970-01-01 on their own clock; MISSING where there is none.

    A layout is written with Y M D h m s f (fraction of a second) for digits, other characters for
    themselves. A null, another layout, or a date that the calendar lacks is MISSING.
    """
    text = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    out = np.full(len(text), MISSING, dtype=np.int64)
    lengths = pc.fill_null(pc.binary_length(text), -1).to_numpy(zero_copy_only=False)
    for layout in layouts:
        rows = np.flatnonzero(lengths == len(layout))
        if rows.size == len(text):
            return read_matrix(byte_matrix(text, len(layout)), layout)
        if rows.size:
            out[rows] = read_matrix(byte_matrix(text.take(pa.array(rows)), len(layout)), layout)
    return out


def parse_days(column: pa.ChunkedArray | pa.Array, layouts: Sequence[str]) -> Instants:
    """Read dates as whole days since 1970-01-01; MISSING where there is none."""
    stamps = parse_stamps(column, layouts)
    return np.where(stamps == MISSING, MISSING, stamps // DAY_US)


def byte_matrix(text: pa.Array, width: int) -> npt.NDArray[np.uint8]:
    """Lay out strings of one byte length, none null, as a matrix of bytes, one row each."""
    flat = text.cast(pa.large_binary())
    start = np.frombuffer(flat.buffers()[1], np.int64)[flat.offset] if len(flat) else 0
    data = np.frombuffer(flat.buffers()[2] or b"", np.uint8)
    return data[start : start + width * len(flat)].reshape(len(flat), width)


def read_matrix(rows: npt.NDArray[np.uint8], layout: str) -> Instants:
    """Read stamps of one layout, given as rows of bytes."""
    if rows.shape[0] == 0:
        return np.zeros(0, dtype=np.int64)
    from ingest.digits import OTHER, read_stamps  # noqa: PLC0415 - it needs numba

    parts = np.array([LETTERS.get(letter, OTHER) for letter in layout], np.int64)
    return read_stamps(
        rows,
        parts,
        np.frombuffer(layout.encode(), np.uint8),
        layout.count("Y"),
        10 ** (6 - layout.count("f")),
        MONTH_STARTS,
        FIRST_YEAR,
        PIVOT_YEAR,
        MISSING,
    )
