"""Loops over bytes of records and stamps, compiled: a few nanoseconds a value.

This module needs numba, which takes half a second to import: import it only where bytes are read.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.compiled import EIGHT, MAX_DIGITS, PAD_BYTES, Bytes, compiled, load, same_bytes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

START, STOP, IS_TEXT, QUOTED, COLUMN = range(5)
"""What `walk_records` is told of a value."""
ZERO = np.uint8(48)
YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, FRACTION, OTHER = range(8)
"""What a place of a stamp's layout holds: a digit of one of its parts, or a character that stands for itself."""


@compiled
def walk_records(
    body: Bytes, place: int, model: Bytes, free: Bytes, gap: int, slots: Ints, numbers: Floats, texts: Bytes
) -> tuple[int, int]:
    """Read records that equal `model` but for the digits of their values; they fill `numbers` and `texts`.

    Parameters
    ----------
    body : bytes
        The document, with PAD_BYTES behind it.
    place : int
        Where the first record begins.
    model : bytes
        The first record with the separator of `gap` bytes that follows it, and PAD_BYTES.
    free : bytes
        As long as the model: the bits in which texts may differ from its own (the lower half of a digit).
    slots : (k, 5) ints
        The values in the order in which they stand: START and STOP in the model; IS_TEXT: as long as in
        the model (else a whole number of any length up to MAX_DIGITS); QUOTED;
        COLUMN: a row of `numbers`, or the first column in `texts`.
    numbers : (_, n) floats
    texts : (n, _) bytes
        There must be room for all records that the document can hold.

    Returns
    -------
    int, int
        How many records there are up to the first that is followed by no separator, and where it ends;
        0 and -1 where one of them is otherwise.
    """
    stop, close = body.size - PAD_BYTES, model.size - PAD_BYTES - gap
    for row in range(texts.shape[0]):
        at = 0
        for k in range(slots.shape[0]):
            first, size = slots[k, START], slots[k, STOP] - slots[k, START]
            shared = first - at
            if place + shared + size > stop or not same_bytes(body, place, model, at, shared):
                return 0, -1
            place += shared
            if slots[k, IS_TEXT]:
                if not same_text(body, place, model, free, first, size):
                    return 0, -1
                copy_text(body, place, size, texts, row, slots[k, COLUMN])
                place += size
            else:
                digits = read_number(body, place, slots[k, QUOTED], numbers, row, slots[k, COLUMN])
                if digits == 0:
                    return 0, -1
                place += digits
            at = slots[k, STOP]
        if place + close - at > stop or not same_bytes(body, place, model, at, close - at):
            return 0, -1
        place += close - at
        if place + gap > stop or not same_bytes(body, place, model, close, gap):
            return row + 1, place
        place += gap
    return 0, -1


@compiled
def same_text(body: Bytes, place: int, model: Bytes, free: Bytes, first: int, size: int) -> bool:
    """Whether a text equals the model's but for its digits.

    What ASCII has beside the digits (`:` to `?`) passes in their place: a text too, and copied as it is.
    """
    for i in range(0, size, 8):
        differs = (load(body, place + i) ^ load(model, first + i)) & ~load(free, first + i)
        if size - i < 8:
            differs <<= EIGHT * np.uint64(8 - size + i)
        if differs:
            return False
    return True


@compiled
def copy_text(body: Bytes, place: int, size: int, texts: Bytes, row: int, column: int) -> None:
    """Copy a text into its row."""
    for i in range(size):
        texts[row, column + i] = body[place + i]


@compiled
def read_number(body: Bytes, place: int, quoted: int, out: Floats, row: int, column: int) -> int:
    """Read a whole number; returns how many digits it has, 0 where JSON has no such number."""
    digits, value = 0, 0
    # The padding is zero bytes, so that the loop ends with the document.
    while digits <= MAX_DIGITS:
        digit = np.int64(body[place + digits]) - 48
        if digit < 0 or digit > 9:
            break
        value = value * 10 + digit  # type: ignore[assignment]
        digits += 1
    if digits > MAX_DIGITS or (digits > 1 and body[place] == ZERO and not quoted):
        return 0
    out[column, row] = value
    return digits


@compiled
def read_stamps(  # noqa: PLR0913, PLR0917 - plain numbers are what compiled code takes
    rows: Bytes,
    parts: Ints,
    literals: Bytes,
    year_digits: int,
    fraction_us: int,
    month_starts: Ints,
    first_year: int,
    pivot_year: int,
    missing: int,
) -> Ints:
    """Read stamps of one layout as microseconds since 1970 on their own clock; `missing` where there is none.

    Parameters
    ----------
    rows : (n, width) bytes
    parts : (width,) ints
        What each place holds, YEAR to OTHER.
    literals : (width,) bytes
        The characters that stand for themselves.
    year_digits : int
        2 or 4; two digits from `pivot_year` on are 19xx.
    fraction_us : int
        Microseconds of one unit of the fraction as written.
    month_starts : ints
        Day number of the first of every month from January of `first_year` on, and one more.
    """
    out = np.empty(rows.shape[0], np.int64)
    part = np.zeros(8, np.int64)
    months = month_starts.size - 1
    for row in range(rows.shape[0]):
        part[:] = 0
        good = True
        for i in range(parts.size):
            byte = rows[row, i]
            if parts[i] == OTHER:
                good &= byte == literals[i]
            else:
                good &= 48 <= byte <= 57
                part[parts[i]] = part[parts[i]] * 10 + byte - 48
        year = part[YEAR]
        if year_digits == 2:
            year += 2000 if year < pivot_year else 1900
        month = (year - first_year) * 12 + part[MONTH] - 1
        good &= 1 <= part[MONTH] <= 12 and 0 <= month < months and part[DAY] >= 1
        good &= part[HOUR] < 24 and part[MINUTE] < 60 and part[SECOND] < 60
        out[row] = missing
        if good:
            day = month_starts[month] + part[DAY] - 1
            if day < month_starts[month + 1]:
                second = ((day * 24 + part[HOUR]) * 60 + part[MINUTE]) * 60 + part[SECOND]
                out[row] = second * 1_000_000 + part[FRACTION] * fraction_us
    return out
