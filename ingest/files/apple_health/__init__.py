"""Apple Health export: `export.xml`, a document of all that a phone holds, up to some gigabytes.

What comes through: heart rate; heart rate variability (SDNN) and the beats it was computed from; sleep with
stages; steps, each device's apart; respiration, SpO2, wrist temperature, resting heart rate, weight;
workouts; mindful sessions with the app that wrote them; states of mind.

Time: stamps carry the offset that held where and when the export was made, for all years alike. The
instants are right; the offset of the recording is that of the record's `HKTimeZone`, else the person's
zone. Beat lists carry a wall-clock time only, which is laid on the record's instant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from ingest.source import (
    MINUTE_US,
    About,
    Batch,
    Context,
    Export,
    Member,
    Rejected,
    Remark,
    lay_refusals,
    to_us,
)

from .beats import find_intervals
from .careful import Element, is_state_of_mind, read_stamp
from .document import Piece, read_document
from .elements import Said, checkin_batch, read_state_of_mind, read_workout, workout_batch
from .rows import beat_batch, check_rows, convert, first_reasons, read_kinds
from .shape import Rows, Words
from .sleep import read_sleep
from .vocabulary import HRV, KINDS, SLEEP

NAME = "apple_health"
METHOD_VERSION = "apple_health-2"
ABOUT = About(
    device="Apple Watch, iPhone, and whatever writes into Apple Health",
    layouts="`export.zip` of the Health app: `apple_health_export/export.xml`, also under its names in other"
    " languages. Known and left out: `export_cda.xml`, `workout-routes/*.gpx`, `electrocardiograms/*.csv`",
    signals="heart rate, SDNN with its beats, sleep with stages, steps, respiration, SpO2, wrist temperature, resting"
    " heart rate, weight, workouts, mindful sessions with their app, states of mind",
    zone="stamps carry the offset of the export, not of the recording: instants are right, offsets come from a record's"
    " `HKTimeZone`, else from the person's zone (flagged)",
    quirks="devices are kept apart and never summed; in bed and asleep are two episodes; beats are intervals"
    " between times at 10 ms, gaps are seen in the times; how a state of mind is written is not confirmed by an export",
    how_to_export="On the iPhone open Health, tap your picture at the top right, then Export All Health Data at the"
    " bottom; wait, save `export.zip` where you can reach it, and load it as it is.",
)

DAY_US = 1440 * MINUTE_US
FAST_FROM_BYTES = 8 << 20
"""Shorter documents are read by expat alone: the fast scan takes a second to get going."""
BATCH_ROWS = 500_000
ROOT = re.compile(rb"<!DOCTYPE\s+HealthData\b|<HealthData(?=[\s/>])")
CDA = re.compile(r".*_cda\.xml", re.IGNORECASE)
ROUTE = re.compile(r"route_.*\.gpx", re.IGNORECASE)
ECG = re.compile(r"ecg_.*\.csv", re.IGNORECASE)
ECG_FOLDER = "electrocardiograms"


def claims(member: Member) -> bool:
    """Whether the member is of this export; documents by their first bytes, as their names are translated."""
    suffix = PurePosixPath(member.name).suffix.lower()
    if suffix == ".xml":
        head = member.head()
        return bool(ROOT.search(head)) or bool(CDA.fullmatch(member.name) and b"<ClinicalDocument" in head)
    if suffix == ".gpx":
        return bool(ROUTE.fullmatch(member.name)) and b"Apple Health Export" in member.head()
    return bool(ECG.fullmatch(member.name)) and ECG_FOLDER in PurePosixPath(member.path).parts


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds first; None for one that is known and left out."""
    if PurePosixPath(name).suffix.lower() != ".xml" or CDA.fullmatch(name):
        return None
    return "signal.heart_rate"


@dataclass
class Gathered:
    """Good rows of one document, until there are enough for a batch."""

    words: Words = field(default_factory=dict)
    rows: list[Rows] = field(default_factory=list)
    intervals: list[tuple[Rows, Rows]] = field(default_factory=list)
    """Intervals between beats, and for each the record that it is of."""
    sleep: list[Rows] = field(default_factory=list)
    workouts: list[Said] = field(default_factory=list)
    checkins: list[Said] = field(default_factory=list)
    n_rows: int = 0
    n_other: int = 0


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh documents of an export."""
    left_out: Counter[str] = Counter()
    for member in export.fresh:
        gathered = Gathered()
        latest_us = to_us(export.exported_utc) + DAY_US
        source = export.members[member]
        with source.open() as opened:
            fast = source.size_bytes >= FAST_FROM_BYTES
            for piece in read_document(opened, gathered.words, fast=fast):
                latest_us = max(latest_us, find_export_date(piece) + DAY_US)
                refused = take_piece(piece, gathered, latest_us, member)
                if refused:
                    yield Rejected(lay_refusals(refused))
                if gathered.n_rows >= BATCH_ROWS:
                    yield from lay_out(gathered, context.zone, member)
        yield from lay_out(gathered, context.zone, member)
        yield from lay_out_rest(gathered, context.zone, member)
        left_out["records"] += gathered.n_other
    if left_out["records"]:
        yield Remark(
            f"{left_out['records']:,} records of kinds that are not used here (energy, distance, …) were left out."
        )


def find_export_date(piece: Piece) -> int:
    """The instant at which the phone wrote the document, if its first element says so; 0 if not."""
    dates = [
        e.attributes.get("value") for number, e in piece.elements if number == 0 and e.name == "ExportDate"
    ]
    return max([0, *map(read_stamp, dates)])


def take_piece(piece: Piece, gathered: Gathered, latest_us: int, member: int) -> list[dict[str, object]]:
    """Gather what is good of a piece; returns what is not."""
    refused: list[dict[str, object]] = []

    def refuse(stream_name: str, number: int | None, at: int, reason: str, raw: bytes) -> None:
        text = raw.decode("utf-8", "replace")
        row = {"stream": stream_name, "record": number, "place": f"byte {at}", "reason": reason, "raw": text}
        refused.append({"member": member, **row})

    for refusal in piece.refused:
        refuse(refusal.stream, refusal.number, refusal.at, refusal.reason, refusal.raw)
    rows, words = piece.rows, list(gathered.words)
    gathered.n_other += piece.n_other
    if rows.size:
        value, unknown = convert(rows, words)
        keep = np.ones(rows.size, bool)
        for place, reason in first_reasons(check_rows(rows, value, unknown, words, latest_us), rows.size):
            keep[place] = False
            at = int(rows["at"][place])
            refuse(KINDS[rows["kind"][place]].table, int(rows["number"][place]), at, reason, piece.raw(at))
        rows["value"] = value
        listed = keep & (rows["kind"] == HRV)
        intervals, bad = find_intervals(
            piece.beats[listed[piece.beats["row"]]], rows["start_us"], rows["end_us"]
        )
        for place, reason in bad.items():
            at = int(rows["at"][place])
            refuse("signal.beat", int(rows["number"][place]), at, reason, piece.raw(at))
        gathered.intervals.append((intervals, rows[intervals["row"]]))
        gathered.sleep.append(rows[keep & (rows["kind"] == SLEEP)])
        gathered.rows.append(rows[keep & (rows["kind"] != SLEEP)])
        gathered.n_rows += rows.size + intervals.size
    for number, element in piece.elements:
        problem = take_element(element, number, gathered, latest_us)
        if problem:
            table = "signal.workout" if element.name == "Workout" else "signal.checkin"
            refuse(table, number, element.at, problem, piece.raw(element.at))
    return refused


def take_element(element: Element, number: int, gathered: Gathered, latest_us: int) -> str:
    """Gather an element that is no plain record; returns why not, if it is refused."""
    if element.name == "Workout":
        said = read_workout(element, number, gathered.words, latest_us)
        kept = gathered.workouts
    elif is_state_of_mind(element):
        said = read_state_of_mind(element, number, gathered.words, latest_us)
        kept = gathered.checkins
    else:
        return ""
    if isinstance(said, str):
        return said
    kept.append(said)
    return ""


def lay_out(gathered: Gathered, home: str, member: int) -> Iterator[Batch]:
    """What was gathered of records and beats as batches; it is empty afterwards."""
    words = list(gathered.words)
    if gathered.rows:
        yield from read_kinds(np.concatenate(gathered.rows), words, home, member)
    intervals = [pair for pair in gathered.intervals if pair[0].size]
    if intervals:
        each, rows = (np.concatenate(part) for part in zip(*intervals, strict=True))
        yield beat_batch(each, rows, words, home, member)
    gathered.rows, gathered.intervals, gathered.n_rows = [], [], 0


def lay_out_rest(gathered: Gathered, home: str, member: int) -> Iterator[Batch]:
    """What needs the whole document, and what is little, as batches."""
    words = list(gathered.words)
    if gathered.sleep:
        yield from read_sleep(np.concatenate(gathered.sleep), words, home, member)
    if gathered.workouts:
        yield workout_batch(gathered.workouts, words, home, member)
    if gathered.checkins:
        yield checkin_batch(gathered.checkins, words, home, member)
