"""Stamps of fixed layout, read as bytes: a column of a million takes a few hundredths of a second."""

from __future__ import annotations

import re
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

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
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
    digits = rows - np.uint8(ord("0"))
    good = np.ones(rows.shape[0], dtype=bool)
    for place, letter in enumerate(layout):
        good &= digits[:, place] <= 9 if letter in "YMDhmsf" else rows[:, place] == ord(letter)
    part = {letter: number(digits, layout, letter) for letter in "YMDhmsf"}
    year = part["Y"]
    if layout.count("Y") == 2:
        year = year + np.where(year < PIVOT_YEAR, 2000, 1900)
    month = (year - FIRST_YEAR) * 12 + part["M"] - 1
    good &= (month >= 0) & (month < MONTH_STARTS.size - 1) & (part["M"] >= 1) & (part["M"] <= 12)
    month = np.where(good, month, 0)
    day = MONTH_STARTS[month] + part["D"] - 1
    good &= (part["D"] >= 1) & (day < MONTH_STARTS[month + 1])
    good &= (part["h"] < 24) & (part["m"] < 60) & (part["s"] < 60)
    second = (part["h"].astype(np.int64) * 60 + part["m"]) * 60 + part["s"]
    fraction = part["f"].astype(np.int64) * 10 ** (6 - layout.count("f"))
    return np.where(good, day * DAY_US + second * SECOND_US + fraction, MISSING)


def number(digits: npt.NDArray[np.uint8], layout: str, letter: str) -> npt.NDArray[np.int32]:
    """The number that stands at the places of one letter; 0 where the layout lacks it."""
    value = np.zeros(digits.shape[0], dtype=np.int32)
    for match in re.finditer(letter, layout):
        value = value * 10 + digits[:, match.start()]
    return value
