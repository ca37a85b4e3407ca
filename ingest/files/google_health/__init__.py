"""Google Health API v4: its answers as a pull keeps them, one page a file, all of one pull in a zip.

A file is called `google_health_<data type>_<days asked for>_….json` and holds the answer as it came:
whole numbers as text, what is zero or false left out. Points are read by position of their fields, whatever
else they hold, so that an answer kept long ago can be read again by a mended reader.

Time: every instant is written with the offset that held there and then, which is proof. Values of a date
alone are put at its local midnight, by the clock that sleeps and steps of the same pull prove.

A sleep's revision is the moment of its last change, so that a sleep that was not yet processed gives way to
the processed one. Sleeps and workouts of a page are complete from its first to its last: what a later pull no
longer has there is withdrawn.

Moods are check-ins in words; exercise that is meditation or guided breathing is mindful practice.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    About,
    Batch,
    Clock,
    Context,
    Export,
    Member,
    Records,
    Rejected,
    Remark,
    peek,
    prove_clock,
    to_us,
)

from .layout import ANSWER, DAY_US, HOURS, TYPES, DataType, Setting, find_type, read_stamped
from .sessions import list_session_fields, read_sessions
from .values import list_value_fields, read_values

NAME = "google_health"
METHOD_VERSION = "google_health-2"
ABOUT = About(
    device="Fitbit, Google Pixel Watch, through the Google Health API",
    layouts="answers that a pull keeps: a zip a pull with `google_health_<data type>_….json`, a page a file;"
    " `google_health_heart-rate-hours_….json` are known and left out",
    signals="heart rate, HRV (5 min, night, deep sleep), resting heart rate, sleep with stages and short wakes, steps,"
    " SpO2 (minutes, nights), respiration, skin temperature and its deviation, active zone minutes (as a vital),"
    " exercise, mindful practice, logged moods",
    zone="instants are UTC with the offset that held; dates take the offset that sleeps and steps of the same pull"
    " show, else the person's zone (flagged)",
    quirks="the account's own wearables are one stream, as merged steps name no device; phones and other services"
    " stand apart under their names; SpO2 50.0 and 0 are none; stages of a sleep come when it is processed",
    how_to_export="Nothing to export: connect the account, and every night pulls. Kept answers lie below"
    " `var/raw/<participant>/google_health` and can be loaded again.",
)
PROOFS = ("sleep", "steps")
"""Data types of all days of a pull whose offsets prove the clock for dates."""
POINTS = re.compile(rb'"(?:dataPoints|reconciledDataPoints)"\s*:\s*\[')
END = re.compile(rb'\]\s*(?:,\s*"\w+"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)\s*)*\}\s*\Z')
"""What follows the points: the next page's token, perhaps, and the end. Lists inside points lie deeper."""


def claims(member: Member) -> bool:
    """Whether the member is a kept answer, by its name and its first byte."""
    found = ANSWER.fullmatch(member.name)
    if found is None or (find_type(member.name) is None and found[1].lower() != HOURS):
        return False
    return peek(member).lstrip(b" \t\r\n").startswith(b"{")


def stream(name: str) -> str | None:
    """The main table that a file of that base name feeds; None for one that is left out."""
    kind = find_type(name)
    return None if kind is None else kind.table


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export, data type by data type."""
    answers = replace(export, members=tuple(cut_answer(member) for member in export.members))
    kinds = [find_type(member.name) for member in export.members]
    every = {kind.path: [i for i, found in enumerate(kinds) if found is kind] for kind in TYPES}
    # Known answers take part in the proof: rows must not depend on which of a pull's answers are fresh.
    proofs = {
        kind.path: list(read_points(answers, every[kind.path], kind, context))
        for kind in TYPES
        if kind.path in PROOFS
    }
    clock = prove(context.zone, [records for each in proofs.values() for records in each])
    setting = Setting(clock, to_us(export.exported_utc) + DAY_US)
    fresh = set(export.fresh)
    for kind in TYPES:
        places = [i for i in every[kind.path] if i in fresh]
        if not places:
            continue
        read_kind = read_values if kind.values else read_sessions
        for records in proofs.get(kind.path) or read_points(answers, places, kind, context):
            rows, broken = (only(part, places) for part in (records.rows, records.broken))
            yield Rejected(broken)
            yield from read_kind(rows, kind, setting)


def cut_answer(member: Member) -> Member:
    """The member as the array of its points alone."""
    return replace(member, open=partial(open_points, member))


def open_points(member: Member) -> IO[bytes]:
    """The array of points in an answer, for reading."""
    return io.BytesIO(cut_points(member.read()))


def cut_points(data: bytes) -> bytes:
    """The array of points in an answer; none where the answer has no points; all of it where it is no answer."""
    found = POINTS.search(data)
    if found is None:
        return b"[]" if is_object(data) else data
    end = data.rfind(b"]")
    # An answer that breaks off has no end: what there is of its array is read as far as it goes.
    return data[found.end() - 1 : end + 1 if END.match(data, max(end, 0)) else len(data)]


def is_object(data: bytes) -> bool:
    """Whether bytes are a whole JSON object."""
    try:
        return isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False


def read_points(
    answers: Export, places: Sequence[int], kind: DataType, context: Context
) -> Iterator[Records]:
    """Read the fields of the points of some members of one data type."""
    fields = list_value_fields(kind) if kind.values else list_session_fields(kind)
    schema = pa.schema([("member", pa.int32()), ("record", pa.int64()), *((f.name, f.type) for f in fields)])
    for records in context.read_json(answers, places, kind.table, fields):
        yield Records(records.rows.cast(schema), records.broken)


def only(rows: pa.Table, places: Sequence[int]) -> pa.Table:
    """Rows of some members."""
    return rows.filter(pc.is_in(rows["member"], pa.array(places, pa.int32())))


def prove(zone: str, proofs: Sequence[Records]) -> Clock:
    """The clock that sleeps and steps prove, by their starts and ends."""
    stamped = [
        read_stamped(records.rows[name], records.rows[f"{name}_offset"])
        for records in proofs
        for name in ("start", "end")
    ]
    known = [(s.t_us[s.known], s.offset_min[s.known]) for s in stamped]
    t_us = np.concatenate([np.zeros(0, np.int64), *(t for t, _ in known)])
    offset = np.concatenate([np.zeros(0), *(o for _, o in known)])
    return prove_clock(zone, t_us, offset.astype(np.int16))
