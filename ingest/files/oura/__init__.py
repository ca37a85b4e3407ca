"""Oura: API v2 documents (JSON, or the same rows as CSV) and the account export (`App Data/*.csv`).

Documents are `{"data": […]}` or a bare list. In CSV a list or object stands inside a cell as JSON or as
Python text, which is read as a literal and never run.

Time: bedtimes carry the offset that held; they are proof, and prove the midnights around them. Stamps
at +00:00 (heart rate) are instants of UTC, whose offset is that of the nearest proven midnight, else of
the person's zone (flagged). Where all bedtimes of an export are at +00:00 and the person's zone never
is, they prove nothing; that is said. Daily documents have a date only: local midnight.

Sleeps of type `deleted` are left out; `rest` is no sleep, but its heart rates and HRV are kept.
Oura's lowest heart rate is not taken for a resting heart rate: the five-minute values tell more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from ingest.source import (
    MISSING,
    About,
    Batch,
    Clock,
    Context,
    Export,
    Member,
    Midnights,
    Rejected,
    Remark,
    parse_documents,
    parse_zoned,
    peek,
    prove_clock,
    refuse_one,
    settle_clock,
    to_us,
    write_cell,
)

from .layout import COMMON, DAY_US, EXPORT_FOLDER, LEFT_OUT, Kind, Reading, find_kind, plain_name
from .sleep import read_sleeps
from .values import read_daily, read_heart_rate, read_temperature, read_workouts

NAME = "oura"
METHOD_VERSION = "oura-2"
ABOUT = About(
    device="Oura ring",
    layouts="API v2 documents as JSON or CSV (`sleep`, `heartrate`, `daily_readiness`, `daily_sleep`, `daily_stress`,"
    " `daily_spo2`, `daily_activity`, `daily_resilience`, `workout`, also named `oura_…`); CSV of the account export"
    " (`App Data/sleepmodel.csv`, `heartrate.csv`, `dailyreadiness.csv`, `temperature.csv`, …)",
    signals="heart rate, HRV (RMSSD) every five minutes of sleep and its nightly mean, sleep with stages, respiration,"
    " SpO2, skin temperature and its deviation, a day's steps (as a vital), workouts; readiness, sleep, activity and"
    " stress as vendor scores",
    zone="bedtimes carry their offset, which is proof for the midnights around them; other stamps are UTC and take"
    " the nearest proven offset, else the person's zone (flagged)",
    quirks="deleted sleeps are left out; rest is no sleep; null and 0 in a series mean no value; of two hypnograms"
    " the one of 30 s is read; a day's steps are a total from 4 am, so they are no step signal",
    how_to_export="At membership.ouraring.com open Export data, choose Request your data, wait for the mail, download"
    " the zip, and load it as it is.",
)


def claims(member: Member) -> bool:
    """Whether the member holds Oura's documents: by its name and a field that only these have."""
    kind = find_kind(member.name)
    if kind is None:
        return (
            LEFT_OUT.fullmatch(plain_name(member.name)) is not None and EXPORT_FOLDER in member.path.lower()
        )
    head = peek(member)
    return any(mark in head for mark in kind.marks) and kind.beside in head


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds (its main one); None for one that is left out."""
    kind = find_kind(name)
    return None if kind is None else kind.table


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export; the bedtimes of all members settle the clock."""
    kinds = [find_kind(member.name) for member in export.members]
    sleeps = {
        i: load_rows(export, context, i, kind)
        for i, kind in enumerate(kinds)
        if kind is not None and kind.name == "sleep"
    }
    clock, remarks = settle(context.zone, [rows for rows, _ in sleeps.values()])
    yield from remarks
    reading = Reading(clock, to_us(export.exported_utc) + DAY_US)
    for i in export.fresh:
        kind = kinds[i]
        if kind is None:
            continue
        rows, refused = sleeps[i] if i in sleeps else load_rows(export, context, i, kind)
        yield from refused
        reader = READERS.get(kind.name)
        yield from reader(rows, reading) if reader else read_daily(rows, reading, kind.name)
    yield from context.tell_unknown()


def load_rows(export: Export, context: Context, i: int, kind: Kind) -> tuple[pa.Table, list[Rejected]]:
    """The fields of one member's documents as columns of text, whichever way they are written."""
    if export.members[i].name.lower().endswith(".csv"):
        columns: Mapping[str, Sequence[str]] = {name: (name,) for name in kind.columns}
        refused = []
        rows = empty_rows(kind)
        for records in context.read_csv(export, [i], kind.table, columns, needed=kind.needed):
            rows = records.rows
            if i in export.fresh:
                context.count_unknown(kind.name, records.ignored, (*kind.unused, *COMMON))
            refused = [Rejected(records.broken)] if records.broken.num_rows else []
        return rows, refused
    found = parse_documents(export.members[i].read(), "data")
    refused = []
    if found.reason:
        name = kind.table if found.records else "file"
        record = len(found.records) if found.records else None
        refused.append(refuse_one(i, name, record, found.place, found.reason, found.raw))
    kept = []
    names = {str(name) for document in found.records if isinstance(document, dict) for name in document}
    if i in export.fresh:
        context.count_unknown(kind.name, names - set(kind.columns), (*kind.unused, *COMMON))
    for number, document in enumerate(found.records):
        if isinstance(document, dict) and set(kind.needed) <= set(document):
            cells = {name: write_cell(document.get(name)) for name in kind.columns}
            kept.append({"member": i, "record": number, **cells})
        else:
            reason = f"expected an object with {', '.join(kind.needed)}"
            raw = write_cell(document) or "null"
            refused.append(refuse_one(i, kind.table, number, f"record {number}", reason, raw))
    return pa.Table.from_pylist(kept, schema=empty_rows(kind).schema), refused


def empty_rows(kind: Kind) -> pa.Table:
    """Rows of no document."""
    fields = [(name, pa.string()) for name in kind.columns]
    return pa.schema([("member", pa.int32()), ("record", pa.int64()), *fields]).empty_table()


def settle(zone: str, sleeps: Sequence[pa.Table]) -> tuple[Clock, list[Remark]]:
    """The clock that bedtimes prove, unless they are plainly in UTC."""
    ends = [rows[name] for rows in sleeps for name in ("bedtime_start", "bedtime_end")]
    zoned = parse_zoned(pa.chunked_array([c for end in ends for c in end.chunks], pa.string()))
    good = (zoned.t_us != MISSING) & ~zoned.naive
    t_us, offset = zoned.t_us[good], zoned.offset_min[good]
    assumed = settle_clock(zone, Midnights(*np.zeros((3, 0), dtype=np.int64)))
    if t_us.size and not offset.any() and assumed.of_utc(t_us)[0].all():
        text = f"All bedtimes are written at +00:00, where {zone} never is: their offsets are the zone's, unproven."
        return assumed, [Remark(text)]
    return prove_clock(zone, t_us, offset), []


READERS: dict[str, Callable[[pa.Table, Reading], Iterator[Batch | Rejected | Remark]]] = {
    "sleep": read_sleeps,
    "heartrate": read_heart_rate,
    "temperature": read_temperature,
    "workout": read_workouts,
}
