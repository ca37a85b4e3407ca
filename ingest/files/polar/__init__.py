"""Polar: the Flow account export (JSON), and beats that the Polar Sensor Logger app wrote as text.

The export has never been seen from a real device here: this follows its documentation, and a record that
lacks a documented key is refused with the name of that key.

Time: sleeps carry their offset, which proves the midnights around them; training sessions carry theirs in
minutes. Continuous heart rate, steps and nightly values are by local date and time: they take the offset
of the nearest proven midnight, else of the person's zone (flagged). The logger stamps local time.

The logger's stamps are those of arrival at the phone, in bundles; beats are laid end to end from the
first of them, and set anew, with a gap, where they leave the stamps by more than three seconds.

Left out: beat-to-beat samples of the watch (`ppi_samples`: what their stamp is of is not documented), the
nightly blob (undated), heart rate inside training sessions (its origin is not documented), sports (numbers
of a catalogue that the export does not hold), names, notes, places and device numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ingest.source import (
    About,
    Batch,
    Context,
    Export,
    Member,
    Midnights,
    Rejected,
    Remark,
    parse_documents,
    peek,
    prove_clock,
    refuse_one,
    settle_clock,
    to_us,
)

from .beats import read_beats
from .layout import DAY_US, File, find_kind
from .sleep import read_sleeps, sleep_offsets
from .values import read_days, read_nightly, read_scores, read_sessions, read_steps

NAME = "polar"
METHOD_VERSION = "polar-2"
ABOUT = About(
    device="Polar watches (Flow account export); Polar chest straps through the Polar Sensor Logger app",
    layouts="JSON of the account export: `247ohr_…`, `activity-…`, `sleep_result_…`, `sleep_score_…`,"
    " `nightly_recovery_…`, `training-session…`; text of the logger (`Phone timestamp;RR-interval [ms]`)",
    signals="heart rate, steps, a day's steps (as a vital), sleep with stages, nightly HRV (RMSSD of four hours) and"
    " respiration, workouts; sleep"
    " score and Nightly Recharge as vendor scores; beats of a strap",
    zone="sleeps and workouts carry their offset; other stamps are local and take the nearest offset that a sleep"
    " proves, else the person's zone (flagged)",
    quirks="written from documentation, not from a real export: what differs is refused and named; sports are numbers"
    " without names and left out; watch beats (`ppi_samples`) are left out",
    how_to_export="At account.polar.com open Download your data, wait for the mail, download the zip, and load it as it"
    " is. From the logger app share the file whose name ends in RR.txt.",
)


def claims(member: Member) -> bool:
    """Whether the member is a file of these layouts: by its name and a key or header that these have."""
    kind = find_kind(member.name)
    return kind is not None and any(mark in peek(member) for mark in kind.marks)


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds (its main one); None for one that is left out."""
    kind = find_kind(name)
    return None if kind is None else kind.table


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export; the sleeps of all members settle the clock."""
    kinds = [find_kind(member.name) for member in export.members]
    clock = prove_clock(context.zone, *sleep_offsets(export, kinds))
    zone = settle_clock(context.zone, Midnights(*np.zeros((3, 0), dtype=np.int64)))
    latest_us = to_us(export.exported_utc) + DAY_US
    for i in export.fresh:
        kind = kinds[i]
        if kind is None or kind.table is None:
            continue
        file = File(i, kind.table, clock, zone, latest_us)
        if kind.read == "beats":
            yield from read_beats(export, context, file)
            continue
        found = parse_documents(export.members[i].read(), "deviceDays")
        if found.reason:
            stream_name, record = (kind.table, len(found.records)) if found.records else ("file", None)
            yield refuse_one(i, stream_name, record, found.place, found.reason, found.raw)
        yield from READERS[kind.read](found.records, file)


READERS: Mapping[str, Callable[[tuple[object, ...], File], Iterator[Batch | Rejected]]] = {
    "days": read_days,
    "steps": read_steps,
    "scores": read_scores,
    "nightly": read_nightly,
    "sessions": read_sessions,
    "sleeps": read_sleeps,
}
