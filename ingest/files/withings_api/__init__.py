"""Withings' API: its answers as a pull keeps them, one page a file, all of one pull in a zip.

A file is called `withings_<kind>_<days asked for, or an instant>_….json`; `ingest.files.withings` reads the account
export, which has other files and units.

Time: instants are seconds since 1970. Days, nights and workouts name their zone, which proves the offset there and
then; what lies between takes the nearest proven offset, else that of the person's zone (flagged).

A night is read where its states are in the same pull: a pull asks for those that are new or have changed only, and
states that are not there say nothing of whether there are any. Values of a bed sensor are of the device `bed`.

Left out: HRV, of which Withings does not say over how long it is taken; places, calories, snoring.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from ingest.source import (
    About,
    Batch,
    Clock,
    Context,
    Export,
    Member,
    Rejected,
    Remark,
    peek,
    prove_clock,
    refuse_one,
    to_us,
)

from .layout import DAY_US, OF_NIGHT, Setting, find_kind, parse
from .readers import States, read_days, read_minutes, read_nights, read_workouts

NAME = "withings_api"
METHOD_VERSION = "withings_api-1"
ABOUT = About(
    device="Withings watches and sleep mats, through Withings' API",
    layouts="answers that a pull keeps: a zip a pull with `withings_activity_…`, `withings_intraday_…`,"
    " `withings_nights_…`, `withings_sleep_…` and `withings_workouts_….json`",
    signals="heart rate, steps, a day's steps (as a vital), SpO2, sleep with stages and its minutes by stage,"
    " respiration, workouts; sleep score as vendor score",
    zone="instants of UTC; days, nights and workouts name their zone, which proves the offsets around them",
    quirks="nights are read where their states are in the same pull; a bed sensor is a device of its own; HRV is left"
    " out, as Withings does not say over how long it is taken",
    how_to_export="Nothing to export: connect the account, and every night pulls. Kept answers lie below"
    " `var/raw/<participant>/withings` and can be loaded again.",
)


def claims(member: Member) -> bool:
    """Whether the member is a kept answer, by its name and its first byte."""
    return find_kind(member.name) is not None and peek(member).lstrip()[:1] == b"{"


def stream(name: str) -> str | None:
    """The main table that a file of that base name feeds."""
    kind = find_kind(name)
    return None if kind is None else kind.table


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export; days, nights and workouts of all members settle the clock."""
    kinds = {
        i: kind for i, member in enumerate(export.members) if (kind := find_kind(member.name)) is not None
    }
    fresh = set(export.fresh)
    pages = {
        i: parse(i, export.members[i].read(), kind)
        for i, kind in kinds.items()
        if i in fresh or kind.name in PROOFS
    }
    for i in sorted(fresh & set(pages)):
        for wrong in pages[i].wrong:
            stream_name = kinds[i].table if wrong.record is not None else "file"
            yield refuse_one(i, stream_name, wrong.record, wrong.place, wrong.reason, wrong.raw)
    proofs = [(kinds[i].name, page.rows) for i, page in pages.items() if kinds[i].name in PROOFS]
    setting = Setting(settle(context.zone, proofs), to_us(export.exported_utc) + DAY_US)
    for i in sorted(fresh & set(pages)):
        reader = READERS.get(kinds[i].name)
        if reader is not None:
            yield from reader(pages[i].rows, setting)
    states: dict[str, States] = {}
    for i in sorted(fresh & set(pages)):
        found = OF_NIGHT.fullmatch(export.members[i].name)
        if found is not None:
            before = states.get(found[1])
            parts = [] if before is None else [before.rows]
            states[found[1]] = States(i, pa.concat_tables([*parts, pages[i].rows]))
    nights = [rows for name, rows in proofs if name == "nights"]
    yield from read_nights(nights, states, setting)


PROOFS = ("nights", "activity", "workouts")
"""Kinds whose records name their zone."""
READERS = {"activity": read_days, "intraday": read_minutes, "workouts": read_workouts}


def settle(zone: str, proofs: Sequence[tuple[str, pa.Table]]) -> Clock:
    """The clock that records with a zone of their own prove."""
    t_us: list[int] = []
    offset: list[int] = []
    for name, rows in proofs:
        for names in ("date",) if name == "activity" else ("start", "end"):
            for text, own in zip(rows[names].to_pylist(), rows["zone"].to_pylist(), strict=True):
                found = prove(text, own)
                if found is not None:
                    t_us.append(found[0])
                    offset.append(found[1])
    return prove_clock(zone, np.array(t_us, dtype=np.int64), np.array(offset, dtype=np.int16))


def prove(text: str, zone: str | None) -> tuple[int, int] | None:
    """An instant (microseconds) and its offset (minutes), of seconds since 1970 or the noon of a date in a zone."""
    try:
        own = ZoneInfo(zone or "")
        if "-" in text:
            moment = datetime.fromisoformat(text).replace(hour=12, tzinfo=own)
        else:
            moment = datetime.fromtimestamp(int(text), own)
        shift = moment.utcoffset()
    except (KeyError, ValueError, OSError, OverflowError):
        return None
    return int(moment.timestamp()) * 1_000_000, 0 if shift is None else int(shift.total_seconds() // 60)
