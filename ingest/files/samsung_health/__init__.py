"""Samsung Health export: a CSV for each type of data, and small JSON files of minutes under `jsons/`.

What comes through: heart rate (minutes, single measurements), HRV (RMSSD and SDNN of windows), sleep with
stages and score, steps, totals of steps by date, stress score, SpO2, respiration, skin temperature, weight,
exercise, breathing exercises as mindful events. Not: totals of calories, floors, food, water, blood pressure,
ECG, snoring, minutes of SpO2 and skin temperature, heart rates inside exercises, combined sleeps.

Layout: a first line with the type, a header on the second; names of columns bare or with the type before
them; rows may end with a comma more than the header has.

Zone: stamps are UTC, with the offset in `time_offset` (`UTC+0900`, or milliseconds). That they are UTC is
tested against the instants in the JSON files; where these show local stamps, they are read as local, which is
said. Absurd offsets (`UTC+28550` occurs) give way to the person's zone, flagged.

Quirks: heart rate is there as means of an hour and as minutes: the minutes are read, and a mean of more than
ten minutes is left out. Watch and phone, and other apps that write into it, are devices of their own.
Written from documented columns.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ingest.source import (
    About,
    Batch,
    Context,
    Export,
    Member,
    Midnights,
    Rejected,
    Remark,
    settle_clock,
    to_us,
)

from .days import read_days
from .hearts import read_bins, read_hearts
from .layout import BINS, CSV, DAY_US, DAYS, HEART, JSONS, KINDS, PROFILE
from .records import read_sheet
from .sheets import drop_empty, make_sheet, name_models, read_sheets, settle_stamps, shift
from .sleep import read_sleep

NAME = "samsung_health"

METHOD_VERSION = "samsung_health-2"

ABOUT = About(
    device="Samsung Galaxy Watch, Fit, Ring and phones",
    layouts="`com.samsung.shealth.….csv` and `com.samsung.health.….csv`, `….binning_data.json` under `jsons/`",
    signals="heart rate, HRV (RMSSD and SDNN), sleep with stages and score, steps, a day's steps (as a vital), stress"
    " score, SpO2, respiration,"
    " skin temperature, weight, exercise, breathing exercises",
    zone="UTC with the offset in the row, tested against the JSON files of the export; absurd offsets give way to the"
    " person's zone (flagged)",
    quirks="hourly means of heart rate are left out for the minutes in `jsons/`: load the whole folder;"
    " steps by minutes are there for the last month only, totals of dates for all; written from documented columns",
    how_to_export="In Samsung Health open Settings, then Download personal data, and confirm; on the phone or a"
    " computer find the folder Download/Samsung Health, and load it as it is, or zipped.",
)


def claims(member: Member) -> bool:
    """Whether the member is of this layout: a CSV named for its type, or a JSON file below `jsons/`."""
    return bool(CSV.fullmatch(member.name) or JSONS.search(member.path) or BINS.fullmatch(member.name))


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds; None for one that is known and left out."""
    csv = CSV.fullmatch(name)
    if csv:
        kind = KINDS.get(csv[1])
        return None if kind is None else kind.table
    return "signal.heart_rate" if BINS.fullmatch(name) else None


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export."""
    nothing = np.zeros(0, dtype=np.int64)
    clock = settle_clock(context.zone, Midnights(nothing, nothing, nothing))
    latest_us = to_us(export.exported_utc) + DAY_US
    raw: list[tuple[str, int, pa.Table]] = []
    for kind, member, records in read_sheets(export, context):
        if member in export.fresh and records.broken.num_rows:
            yield Rejected(records.broken)
        raw.append((kind, member, drop_empty(records.rows)))
    models = name_models([rows for kind, _, rows in raw if kind == PROFILE])
    sheets = [
        make_sheet(kind, member, rows, clock, models)
        for kind, member, rows in raw
        if kind not in (PROFILE, DAYS)
    ]
    local, remark = settle_stamps(export, sheets)
    yield from remark
    if local:
        sheets = [shift(sheet, clock) for sheet in sheets]
    yield from read_bins(export, context, sheets, clock, latest_us)
    yield from read_hearts([s for s in sheets if s.type == HEART], export, latest_us)
    yield from read_sleep(sheets, export, latest_us)
    for sheet in sheets:
        if sheet.member in export.fresh:
            yield from read_sheet(sheet, latest_us)
    for _, _, rows in (found for found in raw if found[0] == DAYS):
        yield from read_days(rows, clock, models, latest_us)
