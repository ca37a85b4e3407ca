"""CSV streams of single values: vital signs, variability of heart rate, the vendor's scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MISSING,
    Batch,
    Check,
    Flags,
    Instants,
    Moments,
    Quantity,
    Records,
    Rejected,
    check_instants,
    measure,
    parse_days,
    read_numbers,
    refuse_rows,
)

from .layout import (
    DAY_US,
    FIRST_US,
    Rests,
    Setting,
    by_date,
    place,
    read_stamps,
)

APPS = ("google health app", "google fitbit app", "fitbit app", "fitbit", "derived", "manual", "unknown")
"""Data sources that are no device: the app's own reckoning."""
HRV_MAX_MS = 500.0
MILLI_FROM = 1000.0
"""Breaths a minute above this are thousandths, as the column's name says and its values so far do not."""
REST_BEFORE_US = DAY_US // 4
"""A sleep score is stamped with the end of its sleep: so long before it the person slept."""
UNSPECIFIED = ("", "type_unspecified", "no_data")


def vital(name: str, low: float, high: float, unit: str, *none: float, column: str = "value") -> Quantity:
    """A vital sign; 0 and -1 are none, and what else is named."""
    return Quantity(column, "signal.vital", name, low, high, unit, (0.0, -1.0, *none))


def rmssd(name: str, column: str = "value") -> Quantity:
    """A variability of heart rate, in ms; 0 and -1 are none."""
    return Quantity(column, "signal.hrv_sample", name, 0, HRV_MAX_MS, "ms", (0.0, -1.0))


def score(name: str) -> Quantity:
    """A score of 1 to 100; 0 and -1 are none."""
    return Quantity("value", "signal.vendor_score", name, 1, 100, "", (0.0, -1.0))


RESPIRATION = vital("respiration", 4, 60, "/min")
TEMPERATURE = vital("skin_temperature", 10, 45, "Cel")
DEVIATION = Quantity("apart", "signal.vital", "skin_temperature_deviation", -15, 15, "Cel")


def read_values(
    records: Records,
    setting: Setting,
    *,
    quantities: tuple[Quantity, ...],
    by_day: bool = False,
    span_s: int | None = None,
) -> Iterator[Batch | Rejected]:
    """Read a table of stamps and values; of a bad record only the bad value is refused.

    Parameters
    ----------
    quantities
        What the columns become.
    by_day
        The stamps are dates of the local calendar, whatever time or zone is written behind them.
    span_s
        Length of what a value is of, in seconds; None where it is not known.
    """
    rows = records.rows
    stamp_us = read_dates(rows["stamp"]) if by_day else read_stamps(rows["stamp"])
    placed = place(stamp_us, by_date(setting) if by_day else setting)
    wrong = check_instants(placed.t_us, FIRST_US, setting.latest_us)
    keep, rejected = refuse_rows(rows, wrong, quantities[0].table)
    yield rejected
    length = None if span_s is None else np.full(rows.num_rows, float(span_s))
    when = Moments(placed.t_us, placed.offset_min, placed.assumed, length)
    rows, when = rows.filter(pa.array(keep)), when.filter(keep)
    for quantity in quantities:
        yield from take_values(rows, quantity, when)


def take_values(rows: pa.Table, quantity: Quantity, when: Moments) -> Iterator[Batch | Rejected]:
    """Take one quantity out of records whose stamps are good."""
    measured = measure(rows, quantity, when)
    _, rejected = refuse_rows(rows, measured.checks, quantity.table)
    yield rejected
    found = measured.rows
    beside = rows.take(pc.index_in(found["record"], rows["record"].combine_chunks()))
    if "label" in rows.column_names and "label" in found.column_names:
        found = put(found, "label", read_labels(beside["label"]))
    if "coverage" in rows.column_names and "coverage" in found.column_names:
        share, _ = read_numbers(beside["coverage"])
        found = put(found, "coverage", pa.array(share, mask=~((share >= 0) & (share <= 1))))
    yield Batch(quantity.table, with_device(found, beside))


def put(rows: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Rows with one column replaced."""
    return rows.set_column(rows.column_names.index(name), name, column)


def read_labels(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The vendor's words in lower case; null where they say nothing."""
    words = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(column, "")))
    return pc.if_else(pc.is_in(words, pa.array(UNSPECIFIED)), None, words)


def with_device(rows: pa.Table, beside: pa.Table) -> pa.Table:
    """Rows with the device that the records beside them name; where that is an app, with none."""
    if "device" not in beside.column_names or beside["device"].null_count == beside.num_rows:
        return rows
    words = pc.utf8_trim_whitespace(beside["device"])
    is_app = pc.is_in(pc.utf8_lower(words), pa.array(["", *APPS]))
    return rows.append_column("device", pc.if_else(is_app, None, words))


def read_dates(column: pa.ChunkedArray) -> Instants:
    """The dates that stamps begin with, as their midnights; MISSING for none."""
    day = parse_days(pc.utf8_slice_codeunits(column, 0, 10), ("YYYY-MM-DD",))
    return np.where(day == MISSING, MISSING, day * DAY_US)


def read_respiration(
    records: Records, setting: Setting, *, by_day: bool = False
) -> Iterator[Batch | Rejected]:
    """Breaths a minute, also where they stand in thousandths."""
    values, _ = read_numbers(records.rows["value"])
    milli = values >= MILLI_FROM
    cells = pc.if_else(pa.array(milli), pa.array(values / 1000).cast(pa.string()), records.rows["value"])
    plain = Records(put(records.rows, "value", cells), records.broken)
    yield from read_values(plain, setting, quantities=(RESPIRATION,), by_day=by_day)


def read_temperature(records: Records, setting: Setting) -> Iterator[Batch | Rejected]:
    """Skin temperature of a night, and how far it is from the vendor's baseline (median of 30 days)."""
    rows = records.rows
    night, baseline = (read_numbers(rows[name])[0] for name in ("value", "baseline"))
    known = (night != 0) & (baseline > 0)
    apart = np.where(known, night - baseline, np.nan)
    text = pa.array(apart, mask=~np.isfinite(apart)).cast(pa.string())
    both = Records(rows.append_column("apart", text), records.broken)
    yield from read_values(both, setting, quantities=(TEMPERATURE, DEVIATION), by_day=True)


def read_stress(records: Records, setting: Setting) -> Iterator[Batch | Rejected]:
    """The vendor's stress score of days; where its calculation failed there is none."""
    rows = records.rows
    failed: Flags = np.asarray(
        pc.equal(pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(rows["failed"], ""))), "true")
    )
    value = pc.if_else(pa.array(failed), None, rows["value"])
    plain = Records(put(rows, "value", value), records.broken)
    yield from read_values(plain, setting, quantities=(score("stress_score"),), by_day=True)


def read_scores_of_sleep(records: Records, setting: Setting) -> Iterator[Batch | Rejected]:
    """Sleep scores, at the end of their sleep, by the offset that stands beside them."""
    rows = records.rows
    placed = place(read_stamps(rows["stamp"]), setting, read_offsets(rows["offset"]))
    wrong: list[Check] = check_instants(placed.t_us, FIRST_US, setting.latest_us)
    keep, rejected = refuse_rows(rows, wrong, "signal.vendor_score")
    yield rejected
    yield from take_values(rows.filter(pa.array(keep)), score("sleep_score"), placed.moments.filter(keep))


def read_offsets(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Offsets such as +05:30 in minutes; NaN for none."""
    found = pc.extract_regex(column.combine_chunks(), r"^\s*(?P<sign>[+-])(?P<h>\d\d):?(?P<m>\d\d)\s*$")
    h, m = (
        pc.fill_null(pc.struct_field(found, name), "nan").cast(pa.float64()).to_numpy(zero_copy_only=False)
        for name in ("h", "m")
    )
    minus = pc.fill_null(pc.equal(pc.struct_field(found, "sign"), "-"), fill_value=False)
    minutes = np.where(minus.to_numpy(zero_copy_only=False), -1.0, 1.0) * (h * 60 + m)
    return np.where(np.abs(minutes) <= 14 * 60, minutes, np.nan)


def rest_before(rows: pa.Table) -> Rests:
    """The hours before sleep scores, as stamped, with the offset that stands beside them."""
    end_us = read_stamps(rows["stamp"])
    start_us = np.where(end_us == MISSING, MISSING, end_us - REST_BEFORE_US)
    stated = read_offsets(rows["offset"]) if "offset" in rows.column_names else np.full(rows.num_rows, np.nan)
    return Rests(start_us, end_us, stated)
