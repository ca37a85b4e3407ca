"""The CSVs of a Samsung Health export as sheets: rows with instants, offsets and devices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MINUTE_US,
    MISSING,
    Clock,
    Context,
    Export,
    Flags,
    Instants,
    Member,
    Records,
    Remark,
    parse_stamps,
)

from .layout import BINS, CSV, HEART, HRV, KINDS, PROFILE, SLEEP, STAGE, STAMP, Sheet

OFFSET = r"^UTC(?P<sign>[+-])(?P<hours>\d\d?):?(?P<minutes>\d\d)?$"

OWN_PACKAGES = ("com.sec.android.app.shealth", "com.samsung.android.wear.shealth")


def read_sheets(export: Export, context: Context) -> Iterator[tuple[str, int, Records]]:
    """Read the CSVs: those that are fresh, and those that fresh JSON files and sleeps may need."""
    for place, member in enumerate(export.members):
        name = CSV.fullmatch(member.name)
        if name is None or name[1] not in KINDS:
            continue
        if place not in export.fresh and name[1] not in (HEART, HRV, SLEEP, STAGE, PROFILE):
            continue
        kind = KINDS[name[1]]
        columns = {column: (f"{kind.prefix}.{column}", column) for column in kind.columns}
        widened = list(export.members)
        widened[place] = replace(member, open=partial(open_widened, member))
        tidy = replace(export, members=tuple(widened))
        for records in context.read_csv(tidy, [place], kind.table, columns, needed=kind.needed, skip_lines=1):
            yield name[1], place, records


def open_widened(member: Member) -> IO[bytes]:
    """The bytes of a CSV, its header widened by a comma where its rows have one more than it."""
    data = member.read()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", "replace").encode()
    first, _, rest = data.partition(b"\n")
    header, _, body = rest.partition(b"\n")
    row = body.partition(b"\n")[0].rstrip(b"\r")
    short = row.endswith(b",") and not header.rstrip(b"\r").endswith(b",") and b'"' not in row
    if short and row.count(b",") == header.count(b",") + 1:
        data = b"\n".join([first, header.rstrip(b"\r") + b",", body])
    return BytesIO(data)


def drop_empty(rows: pa.Table) -> pa.Table:
    """Leave out rows whose cells are all empty."""
    filled = np.zeros(rows.num_rows, dtype=bool)
    for name in rows.column_names[2:]:
        filled |= rows[name].is_valid().to_numpy()
    return rows.filter(pa.array(filled))


def name_models(profiles: Sequence[pa.Table]) -> dict[str, str]:
    """Models of devices by the vendor's identifier; their names are not read, people name them."""
    pairs = [(row["deviceuuid"], row["model"]) for rows in profiles for row in rows.to_pylist()]
    return {uuid: model.strip() for uuid, model in pairs if uuid and model}


def make_sheet(kind: str, member: int, rows: pa.Table, clock: Clock, models: Mapping[str, str]) -> Sheet:
    """Read times, offsets and devices of the rows of one CSV, taking stamps as UTC."""
    names = rows.column_names
    start_us = parse_stamps(rows["start_time"], STAMP)
    end_us = parse_stamps(rows["end_time"], STAMP) if "end_time" in names else start_us
    offset, assumed = read_offsets(rows["time_offset"], start_us, clock)
    pairs = zip(rows["deviceuuid"].to_pylist(), rows["pkg_name"].to_pylist(), strict=True)
    device = pa.array([label(uuid, package, models) for uuid, package in pairs], pa.string())
    return Sheet(kind, member, rows, start_us, end_us, offset, assumed, device)


def read_offsets(
    column: pa.ChunkedArray, t_us: Instants, clock: Clock
) -> tuple[npt.NDArray[np.int16], Flags]:
    """Offsets in minutes; the person's zone, flagged, where there is none that a zone has."""
    text = column.combine_chunks().cast(pa.string())
    unique = pc.unique(text)
    found = {value: read_offset(value) for value in unique.to_pylist()}
    minutes = np.array([found[value] for value in text.to_pylist()], dtype=np.float64)
    assumed = np.isnan(minutes)
    own = clock.of_utc(np.where(t_us == MISSING, 0, t_us))[0]
    return np.where(assumed, own, np.nan_to_num(minutes)).astype(np.int16), assumed


def read_offset(text: str | None) -> float:
    """One offset in minutes; NaN where it is none."""
    found = re.match(OFFSET, (text or "").strip())
    if found:
        minutes = int(found["hours"]) * 60 + int(found["minutes"] or 0)
        minutes = -minutes if found["sign"] == "-" else minutes
    elif re.fullmatch(r"-?\d{1,8}", (text or "").strip()) and int(text or 0) % 60_000 == 0:
        minutes = int(text or 0) // 60_000
    else:
        return float("nan")
    return float(minutes) if -720 <= minutes <= 840 and minutes % 15 == 0 else float("nan")


def label(uuid: str | None, package: str | None, models: Mapping[str, str]) -> str | None:
    """The device of a row: its model or identifier, and the app where it is not the vendor's own."""
    model = models.get(uuid or "", uuid or "").replace("/", "_")
    foreign = package if package and package not in OWN_PACKAGES else ""
    return " via ".join(part for part in (model, foreign) if part) or None


FIRST_BIN = re.compile(rb'"start_time"\s*:\s*(\d{12,14})\b')

PROOFS = 200
"""JSON files looked into; each shows the same."""

FAR_MIN = 120
"""Offsets nearer to UTC than this could not be told from a bin's place in its hour."""


def settle_stamps(export: Export, sheets: Sequence[Sheet]) -> tuple[bool, list[Remark]]:
    """Whether stamps are local, as the instants in the JSON files show, and what to say of it."""
    bins = {member.name: member for member in export.members if BINS.fullmatch(member.name)}
    utc = local = 0
    for sheet in sheets:
        if sheet.type not in (HEART, HRV) or utc + local >= PROOFS:
            continue
        far = ~sheet.assumed & (np.abs(sheet.offset_min) >= FAR_MIN) & (sheet.start_us != MISSING)
        files = base_names(sheet.rows["binning_data"])
        for row in [i for i in np.flatnonzero(far).tolist() if files[i] in bins][:PROOFS]:
            first = FIRST_BIN.search(bins[files[row]].digest.head)
            if first is None:
                continue
            after = int(first[1]) * 1000 - sheet.start_us[row]
            shift_us = -int(sheet.offset_min[row]) * MINUTE_US
            utc += -MINUTE_US <= after < 61 * MINUTE_US
            local += -MINUTE_US <= after - shift_us < 61 * MINUTE_US
    if local > utc:
        text = (
            f"The JSON files of minutes show that stamps of this Samsung export are local ({local} of {local + utc}"
            " files): they were read as local."
        )
        return True, [Remark(text)]
    return False, []


def base_names(column: pa.ChunkedArray) -> list[str]:
    """The names of the JSON files that rows refer to; '' where to none."""
    return [(path or "").strip().rpartition("/")[2] for path in column.to_pylist()]


def shift(sheet: Sheet, clock: Clock) -> Sheet:
    """Read stamps that were taken as UTC as local ones."""
    own = clock.of_local(np.where(sheet.start_us == MISSING, 0, sheet.start_us))[0]
    offset = np.where(sheet.assumed, own, sheet.offset_min).astype(np.int16)
    by_us = offset.astype(np.int64) * MINUTE_US
    start_us, end_us = (np.where(t == MISSING, t, t - by_us) for t in (sheet.start_us, sheet.end_us))
    return replace(sheet, start_us=start_us, end_us=end_us, offset_min=offset)
