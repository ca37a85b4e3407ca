"""Heart rate and HRV of a Samsung Health export: single measurements, minutes and windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    MISSING,
    Batch,
    Check,
    Clock,
    Context,
    Export,
    Field,
    Flags,
    Instants,
    Member,
    Quantity,
    Rejected,
    Remark,
    check_instants,
    lay_out,
    numbers,
    read_numbers,
    refuse_rows,
)

from .layout import BINS, FIRST_US, HEART, HR_MAX_BPM, HR_MIN_BPM, HRV, Sheet, lay_out_values, place
from .sheets import base_names

MEAN_MAX_US = 10 * MINUTE_US
"""A heart rate of a longer time is a mean, not a measurement."""

FIVE_MIN_S = (240.0, 360.0)
"""Lengths that count as five minutes; the vendor's windows end some seconds short."""

BIN_FIELDS = tuple(
    Field(name, name, pa.float64()) for name in ("start_time", "end_time", "heart_rate", "sdnn", "rmssd")
)


def read_bins(
    export: Export, context: Context, sheets: Sequence[Sheet], clock: Clock, latest_us: int
) -> Iterator[Batch | Rejected]:
    """Minutes of heart rate and windows of HRV, by the offset and device of the row that names their file."""
    rows_of = {
        name: (sheet, row)
        for sheet in sheets
        if sheet.type in (HEART, HRV)
        for row, name in enumerate(base_names(sheet.rows["binning_data"]))
        if name
    }
    wanted = [i for i in export.fresh if is_wanted(export.members[i], rows_of)]
    for records in context.read_json(export, wanted, "signal.heart_rate", BIN_FIELDS):
        if records.broken.num_rows:
            yield Rejected(records.broken)
        rows = records.rows
        names = [export.members[m].name for m in rows["member"].to_pylist()]
        heart = np.array([is_of(HEART, rows_of.get(name)) for name in names], dtype=bool)
        start_us, end_us = (ms_instants(rows[name]) for name in ("start_time", "end_time"))
        found = [rows_of.get(name) for name in names]
        own = clock.of_utc(np.where(start_us == MISSING, 0, start_us))[0]
        offset = np.array(
            [f[0].offset_min[f[1]] if f else o for f, o in zip(found, own, strict=True)], dtype=np.int16
        )
        assumed = np.array([bool(f[0].assumed[f[1]]) if f else True for f in found], dtype=bool)
        device = pa.array([f[0].device[f[1]].as_py() if f else None for f in found], pa.string())
        checks = check_instants(start_us, FIRST_US, latest_us)
        sheet = Sheet("", 0, rows, start_us, end_us, offset, assumed, device)
        yield from lay_out_hearts(sheet, heart | ~np.isnan(numbers(rows["heart_rate"])), checks)
        yield from lay_out_windows(sheet, ~heart & ~np.isnan(numbers(rows["rmssd"])), checks)


def is_wanted(member: Member, rows_of: Mapping[str, object]) -> bool:
    """Whether a JSON file is of heart rate or HRV, by its folder or by the row that names it."""
    if not BINS.fullmatch(member.name):
        return False
    return member.name in rows_of or HEART in member.path or HRV in member.path


def is_of(kind: str, found: tuple[Sheet, int] | None) -> bool:
    """Whether the row that names a file is of a type."""
    return found is not None and found[0].type == kind


def ms_instants(column: pa.ChunkedArray) -> Instants:
    """Milliseconds as microseconds; MISSING where there are none."""
    ms = numbers(column)
    good = np.abs(np.nan_to_num(ms, nan=np.inf)) < 1 << 53
    return np.where(good, np.where(good, ms, 0).astype(np.int64) * 1000, MISSING)


def lay_out_hearts(sheet: Sheet, mine: Flags, checks: Sequence[Check]) -> Iterator[Batch | Rejected]:
    """Heart rates of those rows that are some."""
    hr_bpm, unreadable = read_numbers(sheet.rows["heart_rate"])
    absent = (hr_bpm == 0) | ~mine
    wrong = [
        *checks,
        (unreadable | np.isnan(hr_bpm), "expected a number in heart_rate"),
        ((hr_bpm < HR_MIN_BPM) | (hr_bpm > HR_MAX_BPM), "heart rate outside 20 to 250 a minute"),
    ]
    wrong = [(flags & ~absent, reason) for flags, reason in wrong]
    keep, refused = refuse_rows(sheet.rows, wrong, "signal.heart_rate")
    yield refused
    keep &= ~absent
    kept = sheet.filter(keep)
    columns = {
        **place(kept),
        "hr_bpm": pa.array(hr_bpm[keep].astype(np.float32)),
        "confidence": pa.nulls(kept.start_us.size, pa.int8()),
    }
    yield Batch("signal.heart_rate", lay_out(kept.rows, columns))


def lay_out_windows(sheet: Sheet, mine: Flags, checks: Sequence[Check]) -> Iterator[Batch | Rejected]:
    """RMSSD and SDNN of windows, some five minutes long."""
    sheet, checks = sheet.filter(mine), [(flags[mine], reason) for flags, reason in checks]
    span_s = np.rint((sheet.end_us - sheet.start_us) / 1e6)
    checks.append(((sheet.end_us == MISSING) | (span_s < 0), "ends before it starts, or has no end"))
    keep, refused = refuse_rows(sheet.rows, checks, "signal.hrv_sample")
    yield refused
    sheet, span_s = sheet.filter(keep), span_s[keep]
    five = (span_s >= FIVE_MIN_S[0]) & (span_s <= FIVE_MIN_S[1])
    for column, name, part in (
        ("rmssd", "rmssd_5min", five),
        ("rmssd", "rmssd_spot", ~five),
        ("sdnn", "sdnn_spot", five | ~five),
    ):
        quantity = Quantity(column, "signal.hrv_sample", name, 1, 300, "ms", (0.0, -1.0))
        some = sheet.filter(part)
        yield from lay_out_values(some, quantity, replace(some.moments(some.start_us), span_s=span_s[part]))


def read_hearts(
    sheets: Sequence[Sheet], export: Export, latest_us: int
) -> Iterator[Batch | Rejected | Remark]:
    """Heart rates of the CSV: single measurements; means of an hour are left out."""
    present = {member.name for member in export.members if BINS.fullmatch(member.name)}
    n_means = 0
    for sheet in sheets:
        if sheet.member not in export.fresh:
            continue
        binned = np.array([name in present for name in base_names(sheet.rows["binning_data"])], dtype=bool)
        timed = (sheet.start_us != MISSING) & (sheet.end_us != MISSING)
        mean = timed & (sheet.end_us - sheet.start_us > MEAN_MAX_US)
        n_means += int((mean & ~binned).sum())
        checks = check_instants(sheet.start_us, FIRST_US, latest_us)
        yield from lay_out_hearts(sheet, ~binned & ~mean, checks)
    if n_means:
        yield Remark(
            f"{n_means} heart rates of the Samsung export are means of a longer time whose file of minutes is not"
            " there: they were left out; load the whole folder, with jsons/ in it."
        )
