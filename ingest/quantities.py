"""Single numbers out of cells of text: what they are, in which unit, what is possible, what means none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.columns import Check, Flags, constant, instants, lay_out, sift
from ingest.moments import Moments
from ingest.stamps import MISSING

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$"
DECIMAL_COMMA = r"^([+-]?\d+),(\d+)$"
NONE = ("", "nan", "null", "none", "-", "--", "n/a")
"""What vendors write where there is no number."""
LONGEST_S = 2 * 86_400
"""A value is of a night or a day at most: what claims a longer span has none that is known."""


@dataclass(frozen=True)
class Quantity:
    """A column of numbers and the table and name under which it is kept.

    The table is one of `signal.vital`, `vendor_score`, `hrv_sample`, `heart_rate` and `steps`.
    Values outside `low` to `high` (of the result) are refused; values in `none` mean that there is none.
    """

    column: str
    table: str
    name: str
    low: float
    high: float
    unit: str = ""
    none: tuple[float, ...] = ()
    factor: float = 1.0


@dataclass(frozen=True)
class Measured:
    """One quantity of all records: the rows of its table, and what is wrong with the others."""

    rows: pa.Table
    checks: tuple[Check, ...]


def read_numbers(column: pa.ChunkedArray | pa.Array) -> tuple[npt.NDArray[np.float64], Flags]:
    """Read cells as numbers, a decimal comma allowed: the values, NaN for none, and where there is text."""
    text = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_string(text.type) and not pa.types.is_large_string(text.type):
        values = np.asarray(pc.fill_null(text.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False))
        return np.where(np.isfinite(values), values, np.nan), np.zeros(values.size, dtype=np.bool_)
    text = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(text.cast(pa.string()), "")))
    text = pc.replace_substring_regex(text, DECIMAL_COMMA, r"\1.\2")
    is_number = pc.match_substring_regex(text, NUMBER)
    values = pc.if_else(is_number, text, "nan").cast(pa.float64()).to_numpy(zero_copy_only=False)
    empty = pc.is_in(text, pa.array(NONE))
    unreadable = ~(is_number.to_numpy(zero_copy_only=False) | empty.to_numpy(zero_copy_only=False))
    return np.where(np.isfinite(values), values, np.nan), np.asarray(unreadable, dtype=np.bool_)


def measure(rows: pa.Table, quantity: Quantity, when: Moments) -> Measured:
    """Take one quantity out of records: its good values as rows, and what is wrong with the others.

    `rows` has `member`, `record` and the quantity's column, of text or numbers.
    """
    values, unreadable = read_numbers(rows[quantity.column])
    values = values * quantity.factor
    absent = np.isnan(values) | np.isin(values, quantity.none)
    outside = ~absent & ((values < quantity.low) | (values > quantity.high))
    if quantity.table == "signal.steps":
        outside |= ~absent & (values % 1 > 0)
    limits = f"{quantity.low:g} to {quantity.high:g} {quantity.unit}".rstrip()
    checks = (
        (unreadable, f"expected a number in {quantity.column}"),
        (outside, f"{quantity.name} ({quantity.column}) outside {limits}"),
    )
    keep, _ = sift(rows, checks)
    keep &= ~absent & (when.t_us != MISSING)
    kept, at, value = rows.filter(pa.array(keep)), when.filter(keep), pa.array(values[keep])
    columns = {
        "t_utc": instants(at.t_us),
        "offset_min": pa.array(at.offset_min),
        "tz_assumed": pa.array(at.assumed),
        **value_columns(quantity, value, at),
    }
    return Measured(lay_out(kept, columns), checks)


def value_columns(quantity: Quantity, value: pa.Array, at: Moments) -> dict[str, pa.Array]:
    """The columns that hold a value in the quantity's table."""
    count = len(value)
    if quantity.table == "signal.vital":
        unit = constant(quantity.unit, count)
        nothing = pa.nulls(count, pa.float64())
        return {"vital": constant(quantity.name, count), "value": value, "unit": unit, "error": nothing}
    if quantity.table == "signal.heart_rate":
        return {"hr_bpm": value.cast(pa.float32()), "confidence": pa.nulls(count, pa.int8())}
    span_s = np.full(count, np.nan) if at.span_s is None else at.span_s
    known = (span_s >= 0) & (span_s <= LONGEST_S)
    span = pa.array(np.where(known, span_s, 0).astype(np.int32), mask=~known)
    if quantity.table == "signal.steps":
        return {"span_s": span, "steps": value.cast(pa.int32())}
    if quantity.table == "signal.hrv_sample":
        coverage = pa.nulls(count, pa.float64())
        return {
            "hrv": constant(quantity.name, count),
            "span_s": span,
            "value_ms": value,
            "coverage": coverage,
        }
    label = pa.nulls(count, pa.string())
    return {"score": constant(quantity.name, count), "value": value, "label": label}
