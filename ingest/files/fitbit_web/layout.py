"""Recorded answers of the Fitbit Web API: which file holds one, what its values become here, when its stamps were."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    ISO_STAMP,
    MINUTE_US,
    MISSING,
    Clock,
    Flags,
    Instants,
    Member,
    Moments,
    Quantity,
    parse_stamps,
    peek,
    place_local,
    to_utc,
)

DAY_US = 1440 * MINUTE_US
HOUR_US = 60 * MINUTE_US
FIRST_US = int(np.datetime64("2009-01-01", "us").astype(np.int64))
"""The first Fitbit was sold in 2009."""
HR_MIN_BPM, HR_MAX_BPM = 20.0, 250.0
STEPS_MAX = 1000
"""Steps in one minute; sprinters make about 300."""
MAX_BYTES = 128 << 20
GZIP_MAGIC, GZIP = b"\x1f\x8b", 16 + zlib.MAX_WBITS
HEART, STEPS, VITAL, HRV = "signal.heart_rate", "signal.steps", "signal.vital", "signal.hrv_sample"
EPISODE, STAGE = "signal.sleep_episode", "signal.sleep_stage"
MEANS = "minute means"
"""The device of heart rates that are means of minutes: a stream of its own, never mixed with single values."""

BPM = Quantity("value", HEART, "heart rate", HR_MIN_BPM, HR_MAX_BPM, "/min", none=(0.0,))
COUNT = Quantity("value", STEPS, "steps", 0, STEPS_MAX, "{count}", none=(0.0,))
"""The Web API lists 0 for every minute without a record, also of a watch in a drawer."""
COUNT_DAY = Quantity("value", VITAL, "steps_day", 0, 200_000, "{count}", none=(0.0,))
RESTING = Quantity("value", VITAL, "resting_heart_rate", HR_MIN_BPM, HR_MAX_BPM, "/min", none=(0.0,))
RMSSD = Quantity("value", HRV, "rmssd_5min", 0, 500, "ms", none=(0.0,))
RMSSD_NIGHT = Quantity("value", HRV, "rmssd_night", 0, 500, "ms", none=(0.0,))
RMSSD_DEEP = Quantity("value", HRV, "rmssd_deep", 0, 500, "ms", none=(0.0,))
OXYGEN = Quantity("value", VITAL, "spo2", 50, 100, "%", none=(0.0, 50.0))
"""50 is what invalid minutes are set to."""
OXYGEN_NIGHT = Quantity("value", VITAL, "spo2_night", 50, 100, "%", none=(0.0, 50.0))
BREATHS = Quantity("value", VITAL, "respiration", 4, 60, "/min", none=(0.0,))
SKIN = Quantity("value", VITAL, "skin_temperature_deviation", -15, 15, "Cel")

ADDRESS = re.compile(
    r"(?:(?P<account>.*?)/)??(?:1(?:\.\d)?/)?"
    r"(?:profile|devices|(?:activities|sleep|hrv|spo2|br|temp/skin|body/log/(?:weight|fat))(?:/[\w-]+)*?/date/.+)"
    r"\.json(?:\.gz)?"
)
"""Where an answer lies: in the folder of an account, by the path that was asked for."""
PLAIN = re.compile(r"(?:profile|devices)\.json(?:\.gz)?")
"""Names that anybody might use: what is in them decides."""
HEADS = (
    (re.compile(rb'\s*\{\s*"activities-(?:heart|steps)(?:-intraday)?"\s*:'), b""),
    (re.compile(rb'\s*\{\s*"sleep"\s*:\s*\[\s*\{'), b'"dateOfSleep"'),
    (re.compile(rb'\s*\{\s*"hrv"\s*:\s*\[\s*\{'), b'mssd"'),
    (re.compile(rb'\s*\{\s*"br"\s*:\s*\[\s*\{'), b'"breathingRate"'),
    (re.compile(rb'\s*\{\s*"tempSkin"\s*:'), b""),
    (re.compile(rb'\s*\{\s*"user"\s*:\s*\{'), b'"offsetFromUTCMillis"'),
    (re.compile(rb'\s*\[\s*\{\s*"battery"'), b'"deviceVersion"'),
)
"""How answers begin that are known for sure wherever they lie, and what else stands near their beginning."""


def is_answer(member: Member) -> bool:
    """Whether a member is a recorded answer."""
    if not member.name.lower().endswith((".json", ".json.gz")):
        return False
    head = unpack_head(peek(member) if not member.name.lower().endswith(".gz") else raw_head(member))
    if ADDRESS.fullmatch(member.path) and not PLAIN.fullmatch(member.name):
        return head.lstrip()[:1] in (b"{", b"[")
    return any(begins.match(head) and near in head for begins, near in HEADS)


def raw_head(member: Member) -> bytes:
    """The first kilobyte as it is; nothing where it cannot be read, which the load says later."""
    return member.head() if peek(member) else b""


def unpack_head(head: bytes) -> bytes:
    """The beginning of a file, unpacked where it is packed."""
    if head[:2] != GZIP_MAGIC:
        return head.removeprefix(b"\xef\xbb\xbf")
    try:
        return zlib.decompressobj(GZIP).decompress(head, 4096)
    except zlib.error:
        return b""


def unpack(data: bytes) -> bytes | None:
    """A file's bytes, unpacked where they are packed; None where that does not work, or they are too many."""
    if data[:2] != GZIP_MAGIC:
        return data
    stream = zlib.decompressobj(GZIP)
    try:
        found = stream.decompress(data, MAX_BYTES)
    except zlib.error:
        return None
    return found if stream.eof else None


@dataclass
class Series:
    """Values of one quantity in one answer, in the order in which they are listed."""

    stamps: list[str] = field(default_factory=list)
    """Local, without an offset; a date for a value of a day."""
    values: list[str | None] = field(default_factory=list)
    more: list[float | None] = field(default_factory=list)
    """What else is said of each."""

    def add(self, stamp: object, value: object, more: float | None = None) -> None:
        """Add a value; it is looked at later."""
        self.stamps.append(stamp if isinstance(stamp, str) else "")
        self.values.append(None if value is None else str(value))
        self.more.append(more)

    def rows(self, member: int, first: int) -> pa.Table:
        """The values as rows of text, numbered from `first` on."""
        count = len(self.values)
        return pa.table(
            {
                "member": pa.array(np.full(count, member, np.int32)),
                "record": pa.array(np.arange(first, first + count, dtype=np.int64)),
                "stamp": pa.array(self.stamps, pa.string()),
                "value": pa.array(self.values, pa.string()),
            }
        )


def place_in_order(stamps: Sequence[str], clock: Clock, span_s: float = np.nan) -> Moments:
    """Local stamps of one answer as moments.

    Stamps follow each other as they happened: where they step back, the hour that clocks repeat begins again.
    """
    local_us = parse_stamps(pa.array(stamps, pa.string()), ISO_STAMP)
    when = place_local(local_us, clock)
    spans = np.full(local_us.size, span_s)
    known = np.flatnonzero(when.t_us != MISSING)
    back = known[1:][np.diff(local_us[known]) < 0] if known.size else known
    if back.size == 0:
        return Moments(when.t_us, when.offset_min, when.assumed, spans)
    later_us, later_min, twice = second_time(local_us, when, clock)
    again = twice & (np.arange(local_us.size) >= back[0])
    return Moments(
        np.where(again, later_us, when.t_us),
        np.where(again, later_min, when.offset_min).astype(np.int16),
        when.assumed,
        spans,
    )


def second_time(
    local_us: Instants, when: Moments, clock: Clock
) -> tuple[Instants, npt.NDArray[np.int16], Flags]:
    """The later instants at which the clock showed local times again, their offsets, and which there are."""
    good = when.t_us != MISSING
    first_us, shown_us = np.where(good, when.t_us, 0), np.where(good, local_us, 0)
    offset = clock.of_utc(first_us + HOUR_US)[0]
    later_us = to_utc(shown_us, offset)
    twice = good & (offset < when.offset_min) & (clock.of_utc(later_us)[0] == offset)
    return later_us, offset, twice
