"""Polar AccessLink v3: its answers as a pull keeps them, one list a file, all of one pull in a zip.

A file is called `polar_<kind>_<days asked for>_….json`; `ingest.files.polar` reads the account export, which has other
names and units. Keys are read with underscores or hyphens: Polar has both.

Time: sleeps carry their offset, which proves the midnights around them; training sessions carry theirs in minutes.
All else is by local date and time and takes the offset of the nearest proven midnight, else of the person's zone
(flagged). Times of a night are without a date: each is the first after the one before, from the start of the sleep of
that date on; samples of HRV whose night has no sleep are left out. Where a clock is put back, samples that go back in
time are of the second of the two hours.

Left out: heart rates inside a sleep's answer (five-minute means of the continuous ones), breathing samples, minutes by
stage (the hypnogram has them), names, numbers of people and devices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ingest.source import (
    MISSING,
    About,
    Batch,
    Context,
    Export,
    Member,
    Page,
    Rejected,
    Remark,
    parse_page,
    parse_zoned,
    peek,
    prove_clock,
    refuse_one,
    to_us,
)

from .layout import DAY_US, KINDS, Kind, Setting, find_kind, spell
from .readers import READERS, list_nights

NAME = "polar_api"
METHOD_VERSION = "polar_api-1"
ABOUT = About(
    device="Polar watches, through Polar AccessLink",
    layouts="answers that a pull keeps: a zip a pull with `polar_sleep_…`, `polar_nightly-recharge_…`,"
    " `polar_continuous-heart-rate_…`, `polar_activity-samples_…` and `polar_exercises_….json`",
    signals="heart rate, steps, a day's steps (as a vital), sleep with stages, HRV every five minutes of a night and of"
    " its four hours, respiration, workouts; sleep score and Nightly Recharge as vendor scores",
    zone="sleeps and workouts carry their offset; other stamps are local and take the nearest offset that a sleep"
    " proves, else the person's zone (flagged)",
    quirks="Polar gives the last 28 days only; heart rates inside training sessions are not among the continuous ones;"
    " times of a night have no date and are counted on from its start",
    how_to_export="Nothing to export: connect the account, and every night pulls. Kept answers lie below"
    " `var/raw/<participant>/polar` and can be loaded again.",
)


def claims(member: Member) -> bool:
    """Whether the member is a kept answer, by its name and its first byte."""
    return find_kind(member.name) is not None and peek(member).lstrip()[:1] in (b"{", b"[")


def stream(name: str) -> str | None:
    """The main table that a file of that base name feeds."""
    kind = find_kind(name)
    return None if kind is None else kind.table


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export, kind by kind; the sleeps of all members settle the clock."""
    kinds = [find_kind(member.name) for member in export.members]
    sleeps = {i: load(export, i, kind) for i, kind in enumerate(kinds) if kind is KINDS[0]}
    setting = settle(context.zone, list(sleeps.values()), to_us(export.exported_utc) + DAY_US)
    for kind in KINDS:
        for i in (place for place in export.fresh if kinds[place] is kind):
            page = sleeps[i] if i in sleeps else load(export, i, kind)
            for wrong in page.wrong:
                stream_name = kind.table if wrong.record is not None else "file"
                yield refuse_one(i, stream_name, wrong.record, wrong.place, wrong.reason, wrong.raw)
            for found in READERS[kind.name](page.rows, setting):
                # What is not all read does not say that the rest is gone.
                yield replace(found, complete=()) if page.wrong and isinstance(found, Batch) else found


def load(export: Export, i: int, kind: Kind) -> Page:
    """The records of one member."""
    return parse_page(i, spell(export.members[i].read()), kind.key, kind.fields, kind.needed)


def settle(zone: str, sleeps: list[Page], latest_us: int) -> Setting:
    """The clock that sleeps prove, and when nights began."""
    columns = [page.rows[name] for page in sleeps for name in ("start", "end")]
    none = (np.zeros(0, np.int64), np.zeros(0, np.int16))
    stamps = [none]
    for column in columns:
        zoned = parse_zoned(column)
        good = (zoned.t_us != MISSING) & ~zoned.naive
        stamps.append((zoned.t_us[good], zoned.offset_min[good]))
    t_us, offset = (np.concatenate([pair[place] for pair in stamps]) for place in (0, 1))
    nights: dict[str, int] = {}
    for page in sleeps:
        nights |= list_nights(page.rows)
    return Setting(prove_clock(zone, t_us, offset.astype(np.int16)), nights, latest_us)
