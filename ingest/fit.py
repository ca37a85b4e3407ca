"""FIT files as tapes of messages, and what their messages mean: clocks, sums, lists of intervals.

Decoding is the vendor's own (garmin_fit_sdk), asked for raw values, which takes a fifth of the time of
its finished ones. Instants are seconds of FIT, from 1989-12-31 UTC, as floats; NaN is none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from garmin_fit_sdk import Decoder, Profile, Stream

from ingest.columns import Instants
from ingest.stamps import MISSING

Message = dict[Any, Any]
"""Raw values by the profile's names of fields, or by number where it has none; invalid ones are absent."""
Numbered = list[tuple[int, Message]]
"""Messages with their numbers in the file."""
Floats = npt.NDArray[np.float64]

FIT_EPOCH_S = 631_065_600
"""1989-12-31T00:00:00Z, from which FIT counts seconds."""
DAY_S = 86_400
FILE_ID, RECORD, EVENT, DEVICE_INFO, MONITORING, HRV, MONITORING_INFO = 0, 20, 21, 23, 55, 78, 103
HR, SLEEP_LEVEL, BEAT_INTERVALS, RAW_BBI = 132, 275, 290, 372
WITNESSES = (34, MONITORING, MONITORING_INFO, 162, 398)
"""Messages that may have a stamp of UTC and one of the local clock: activity, … , correlation, skin temperature."""
GARMIN_BRANDS = (1, 13, 15, 89)
"""Makers whose product numbers are Garmin's: Garmin, Dynastream, Tacx."""
SLEEP_EVENT, STARTS, STOPS = 74, 0, 1
RUNNING, WALKING = 1, 6
SLACK_S = 3.0
"""How far the clock of summed intervals may be from the records around it; these come every few seconds."""
MEET_MS = 250.0
"""Lists of intervals that are further apart than this do not follow each other; no beat is as short."""


@dataclass(frozen=True)
class Tape:
    """What a file decodes to: messages by kind, how many, and where and why decoding stopped or doubts."""

    messages: dict[int, Numbered]
    count: int
    fault: tuple[str, str] | None

    def of(self, kind: int) -> Numbered:
        """Messages of a kind, in their order."""
        return self.messages.get(kind, [])


@dataclass(frozen=True)
class Beats:
    """Intervals between beats: number of the message, when the beat that ends it was, length, gap before."""

    record: list[int] = field(default_factory=list)
    end_s: list[float] = field(default_factory=list)
    rr_ms: list[float] = field(default_factory=list)
    gap: list[bool] = field(default_factory=list)

    def append(self, record: int, end_s: float, rr_ms: float, *, gap: bool) -> None:
        """Add one interval."""
        self.record.append(record)
        self.end_s.append(end_s)
        self.rr_ms.append(rr_ms)
        self.gap.append(gap)


@dataclass(frozen=True)
class Counted:
    """Steps of spans: number of the message that ends each, its start and end, steps in it."""

    record: Instants
    start_s: Floats
    end_s: Floats
    steps: Floats


# --- decoding ----------------------------------------------------------------------------------


def decode_fit(data: bytes) -> Tape:
    """Decode a file, or several behind each other, as far as they go; never raises for what they hold."""
    messages: dict[int, Numbered] = {}
    count = 0

    def take(kind: int, message: Message) -> None:
        nonlocal count
        messages.setdefault(kind, []).append((count, message))
        count += 1

    opened = Stream.from_byte_array(bytearray(data))
    _, errors = Decoder(opened).read(
        apply_scale_and_offset=False,
        convert_datetimes_to_dates=False,
        convert_types_to_strings=False,
        enable_crc_check=False,
        expand_sub_fields=False,
        expand_components=False,
        merge_heart_rates=False,
        mesg_listener=take,
    )
    if errors:
        return Tape(messages, count, (f"byte {opened.position()}", explain(errors[0], count)))
    return Tape(messages, count, find_bad_sum(data))


def explain(error: Exception, count: int) -> str:
    """Say why decoding stopped."""
    if not count:
        return "this is no whole FIT file, perhaps a copy that broke off: copy or export it again"
    words = str(error).removeprefix("FIT Runtime Error").strip()
    return f"the file breaks off or is damaged here ({words}); the {count} messages before it were kept"


def sum_table() -> list[int]:
    """The 256 steps of CRC-16/ARC, which FIT uses; the SDK's own sum takes several times as long."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return table


SUMS = sum_table()


def find_bad_sum(data: bytes) -> tuple[str, str] | None:
    """Find the first of the files behind each other in `data` whose checksum is not that of its bytes."""
    start = 0
    while start + 12 <= len(data):
        end = start + data[start] + int.from_bytes(data[start + 4 : start + 8], "little")
        crc, sums = 0, SUMS
        for byte in data[start:end]:
            crc = (crc >> 8) ^ sums[(crc ^ byte) & 0xFF]
        if crc != int.from_bytes(data[end : end + 2], "little"):
            return f"byte {end}", "the checksum is not that of the bytes before it: some values may be wrong"
        start = end + 2
    return None


def profile_name(kind: str, code: object) -> str | None:
    """The profile's name of a code, such as of a sport or a product; None if it has none."""
    name = Profile["types"][kind].get(code) if isinstance(code, int) else None
    return None if name is None else str(name)


def find_offsets(tape: Tape) -> tuple[Instants, npt.NDArray[np.int16]]:
    """Instants (microseconds of UTC), in order, and the offset in minutes that messages with two stamps show.

    The local stamp of some is a second or two off; an offset is a whole quarter hour.
    """
    seen = [pair for kind in WITNESSES for pair in tape.of(kind) if "local_timestamp" in pair[1]]
    utc_s, local_s = fit_column(seen, "timestamp"), fit_column(seen, "local_timestamp")
    off_s = local_s - utc_s
    quarter_s = np.rint(off_s / 900) * 900
    good = (np.abs(quarter_s) <= 14 * 3600) & (np.abs(off_s - quarter_s) <= 120)
    order = np.argsort(utc_s[good], kind="stable")
    return fit_instants(utc_s[good][order]), (quarter_s[good][order] // 60).astype(np.int16)


def find_device(tape: Tape) -> str | None:
    """Maker and model of the recorder, never its serial number; None where the file does not say."""
    for _, message in tape.of(FILE_ID):
        maker, product = message.get("manufacturer"), message.get("product")
        if maker in GARMIN_BRANDS:
            return f"Garmin {profile_name('garmin_product', product) or product or 'device'}"
        if isinstance(maker, int):
            return profile_name("manufacturer", maker) or f"maker {maker}"
    return None


def has_strap(tape: Tape) -> bool:
    """Whether one of Garmin's own straps took part, all of which are electric."""
    return any(
        message.get("manufacturer") in GARMIN_BRANDS
        and (profile_name("garmin_product", message.get("product")) or "").startswith("hrm")
        for _, message in [*tape.of(DEVICE_INFO), *tape.of(FILE_ID)]
    )


# --- messages as columns -----------------------------------------------------------------------


def fit_column(found: Numbered, name: str) -> Floats:
    """A field of messages as numbers; NaN where it is absent, a list or text."""
    values = [message.get(name) for _, message in found]
    numbers = np.zeros((0, 0))
    with suppress(TypeError, ValueError):
        numbers = np.array(values, dtype=np.float64)
    if numbers.ndim != 1:  # lists of one length would be a matrix
        numbers = np.array([v if isinstance(v, int | float) else np.nan for v in values], dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def ordinals(found: Numbered) -> Instants:
    """The numbers of messages in their file."""
    return np.array([number for number, _ in found], dtype=np.int64)


def fit_instants(fit_s: Floats) -> Instants:
    """Seconds of FIT in microseconds of UTC since 1970; MISSING for NaN."""
    known = np.isfinite(fit_s)
    us = np.rint((np.where(known, fit_s, 0.0) + FIT_EPOCH_S) * 1e6).astype(np.int64)
    return np.where(known, us, MISSING)


def name_instants(fit_s: Floats) -> list[str]:
    """Instants as text, such as 2017-06-11T14:34:09Z, which names what began at them."""
    return [f"{moment}Z" for moment in fit_instants(fit_s).astype("datetime64[us]").astype("datetime64[s]")]


def listed(value: object) -> list[float]:
    """A field that may be a list or one number, without what is absent."""
    values = value if isinstance(value, list) else [value]
    return [float(v) for v in values if isinstance(v, int | float)]


# --- heart rates of straps ---------------------------------------------------------------------


def unwind_strap(tape: Tape) -> tuple[Instants, Floats, Floats]:
    """Heart rates that a strap stored by itself (`hr`, in water): message, instant, rate a minute.

    Events are counted in 1/1024 s; those of an anchor have all bits, those after it the last 12.
    """
    rows: list[tuple[int, float, float]] = []
    anchor_s, first, tick = np.nan, 0, 0
    for number, message in tape.of(HR):
        rates, full = listed(message.get("filtered_bpm")), listed(message.get("event_timestamp"))
        ticks = []
        if full and isinstance(message.get("timestamp"), int):
            first = tick = int(full[0])
            fraction = listed(message.get("fractional_timestamp"))
            anchor_s = message["timestamp"] + (fraction[0] / 32_768 if fraction else 0.0)
            ticks.append(tick)
        else:
            for low in unpack_12(message.get("event_timestamp_12")):
                tick += (low - tick) & 0xFFF
                ticks.append(tick)
        rows += [(number, anchor_s + (t - first) / 1024, r) for t, r in zip(ticks, rates, strict=False)]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return table[:, 0].astype(np.int64), table[:, 1], table[:, 2]


def unpack_12(value: object) -> list[int]:
    """Numbers of 12 bits out of a list of bytes, three bytes to two numbers."""
    data = [int(v) for v in listed(value)]
    out = []
    for a, b, c in zip(data[0::3], data[1::3], data[2::3], strict=False):
        out += [a | (b & 0xF) << 8, b >> 4 | c << 4]
    return out


# --- monitoring --------------------------------------------------------------------------------


def monitoring_times(tape: Tape) -> Floats:
    """Instants of monitoring messages, of which most give only their last 16 bits (or 8 bits of minutes)."""
    infos = [(number, message, False) for number, message in tape.of(MONITORING_INFO)]
    wanted = [(number, message, True) for number, message in tape.of(MONITORING)]
    last: int | None = None
    times = []
    for _, message, asked in sorted(infos + wanted, key=lambda item: item[0]):
        full, low, minute = (message.get(k) for k in ("timestamp", "timestamp_16", "timestamp_min_8"))
        if isinstance(full, int):
            last = full
        elif last is not None and isinstance(low, int):
            last += (low - last) & 0xFFFF
        elif last is not None and isinstance(minute, int):
            last += ((minute - last // 60) & 0xFF) * 60 - last % 60
        known = last is not None and not {"timestamp", "timestamp_16", "timestamp_min_8"}.isdisjoint(message)
        if asked:
            times.append(float(last) if known and last is not None else np.nan)
    return np.array(times, dtype=np.float64)


def count_steps(tape: Tape, time_s: Floats, offset_s: Callable[[Floats], Floats]) -> Counted:
    """Steps between monitoring messages, out of counts since local midnight, walking and running together.

    A message of any activity ends a span. What was counted before the first message of a file is not
    known, unless the file begins at local midnight.

    Parameters
    ----------
    time_s : (n,) float64
        Instants of the monitoring messages.
    offset_s
        The offset from UTC at instants, both in seconds.
    """
    found = tape.of(MONITORING)
    kind = np.array([activity_of(message) for _, message in found])
    long, short = fit_column(found, "cycles"), fit_column(found, "cycles_16")
    count = np.where(np.isfinite(long), long, short)
    use = np.flatnonzero((kind >= 0) & np.isfinite(time_s))
    use = use[np.argsort(time_s[use], kind="stable")]
    shift_s = offset_s(time_s[use])
    # Midnight itself belongs to the day before: what is given then are that day's sums.
    midnight_s = np.ceil((time_s[use] + shift_s) / DAY_S - 1) * DAY_S - shift_s
    began_s = fit_column(tape.of(MONITORING_INFO)[:1], "timestamp")
    spans = add_spans(
        [
            (found[p][0], t, m, int(kind[p]), float(count[p]))
            for p, t, m in zip(use, time_s[use].tolist(), midnight_s.tolist(), strict=True)
        ],
        float(began_s[0]) if began_s.size else np.nan,
    )
    table = np.array(spans, dtype=np.float64).reshape(-1, 4)
    return Counted(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3])


def activity_of(message: Message) -> int:
    """The kind of activity of a monitoring message; -1 where it says none."""
    kind, packed = message.get("activity_type"), message.get("current_activity_type_intensity")
    if kind is None and isinstance(packed, int):
        return packed & 0x1F
    return kind if isinstance(kind, int) else -1


def add_spans(
    rows: list[tuple[int, float, float, int, float]], began_s: float
) -> list[tuple[int, float, float, float]]:
    """Turn counts (message, instant, midnight before it, activity, count), in order, into steps of spans."""
    spans = []
    before: dict[int, float] = {}
    last_s, day_s, place = np.nan, np.nan, 0
    while place < len(rows):
        record, now_s, midnight_s, *_ = rows[place]
        counts = []
        while place < len(rows) and rows[place][1] == now_s:
            counts.append(rows[place][3:])
            place += 1
        if midnight_s != day_s:
            whole = not np.isnan(day_s) or abs(began_s - midnight_s) < 60
            before = {RUNNING: 0.0, WALKING: 0.0} if whole else {}
            last_s, day_s = (midnight_s if whole else np.nan), midnight_s
        gain = add_up(before, counts)
        if now_s == began_s and before:
            # The first messages of a file give the sums so far; an activity that is not there has none.
            before = {RUNNING: 0.0, WALKING: 0.0} | before
        if now_s > last_s and not np.isnan(gain):
            spans.append((record, last_s, now_s, gain))
        last_s = now_s
    return spans


def add_up(before: dict[int, float], counts: list[tuple[int, float]]) -> float:
    """Steps since the counts `before`, which are renewed; NaN where none is given or none was known."""
    gain = np.nan
    for kind, count in counts:
        if kind not in (RUNNING, WALKING) or np.isnan(count):
            continue
        if kind in before:
            more = count - before[kind]
            gain = (0.0 if np.isnan(gain) else gain) + (more if more >= 0 else count)
        before[kind] = count
    return gain


# --- beats -------------------------------------------------------------------------------------


def chain_intervals(tape: Tape) -> Beats:
    """Intervals of an activity (`hrv`), which have no stamps, laid end to end between its records.

    Where their clock leaves the records and events around them, beats are missing: it is set anew.
    """
    beats = Beats()
    marks = sorted([*tape.of(RECORD), *tape.of(EVENT)], key=lambda item: item[0])
    number, mark_s = ordinals(marks), fit_column(marks, "timestamp")
    number, mark_s = number[np.isfinite(mark_s)], mark_s[np.isfinite(mark_s)]
    if not mark_s.size:
        return beats
    lower_s = np.maximum.accumulate(mark_s)
    upper_s = np.append(np.minimum.accumulate(mark_s[::-1])[::-1], np.inf)
    clock_s = float(mark_s[0])
    for at, message in tape.of(HRV):
        place = int(np.searchsorted(number, at))
        low_s = float(lower_s[max(place - 1, 0)])
        high_s = max(float(upper_s[place]), low_s)
        for rr_ms in (v for v in listed(message.get("time")) if v > 0):
            gap = not beats.record
            if not low_s - SLACK_S <= clock_s + rr_ms / 1000 <= high_s + SLACK_S:
                gap, clock_s = True, low_s
            clock_s += rr_ms / 1000
            beats.append(at, clock_s, rr_ms, gap=gap)
    return beats


def chain_lists(tape: Tape, kind: int) -> Beats:
    """Intervals of a watch (`beat_intervals`, `raw_bbi`), in lists that have a stamp.

    The profile does not say whether the stamp is of a list's start or end: whichever makes neighbouring
    lists meet holds for the file, the start if both do equally.
    """
    beats = Beats()
    name, unpack = ("data", unpack_raw) if kind == RAW_BBI else ("time", unpack_plain)
    lists = [(n, m, unpack(m.get(name))) for n, m in tape.of(kind)]
    lists = [item for item in lists if item[2]]
    stamped = [(n, m) for n, m, _ in lists]
    stamp_ms = fit_column(stamped, "timestamp") * 1000 + np.nan_to_num(fit_column(stamped, "timestamp_ms"))
    length_ms = np.array([sum(ms for ms, _ in items) for *_, items in lists])
    apart_ms = np.diff(stamp_ms)
    misses = [np.abs(apart_ms - length) for length in (length_ms[:-1], length_ms[1:])]
    of_end = bool(apart_ms.size) and np.nanmedian(misses[1]) < np.nanmedian(misses[0])
    from_ms = stamp_ms - length_ms if of_end else stamp_ms
    last_ms = np.nan
    for (number, _, items), start_ms in zip(lists, from_ms.tolist(), strict=True):
        torn, clock_ms = not abs(start_ms - last_ms) <= MEET_MS, start_ms
        for ms, flagged in items:
            clock_ms += ms
            beats.append(number, clock_ms / 1000, ms, gap=flagged or torn)
            torn = False
        last_ms = clock_ms
    return beats


def unpack_plain(value: object) -> list[tuple[float, bool]]:
    """Intervals of `beat_intervals`; it has no flags."""
    return [(ms, False) for ms in listed(value) if ms > 0]


def unpack_raw(value: object) -> list[tuple[float, bool]]:
    """Intervals of `raw_bbi` and whether a gap is before them: of 16 bits 14 are the interval, the last the gap."""
    packed = [int(v) for v in listed(value)]
    return [(float(v & 0x3FFF), bool(v >> 15 & 1)) for v in packed if v & 0x3FFF]


# --- sleep -------------------------------------------------------------------------------------


def find_night(tape: Tape) -> tuple[Floats, list[int]]:
    """Edges of the stretches of a night, in order, and the sleep level between each two of them.

    A `sleep_level` is stamped with the end of its stretch; with its start only where the file's sleep
    event begins with the first of them and ends after the last. Without an event the first stretch has
    no known start and is left out.
    """
    found = tape.of(SLEEP_LEVEL)
    stamp_s, level = fit_column(found, "timestamp"), fit_column(found, "sleep_level")
    order = np.argsort(stamp_s, kind="stable")
    order = order[np.isfinite(stamp_s[order]) & np.isfinite(level[order])]
    stamp_s, codes = stamp_s[order], [int(code) for code in level[order]]
    if not codes:
        return stamp_s, codes
    events = [(number, message) for number, message in tape.of(EVENT) if message.get("event") == SLEEP_EVENT]
    kind, at_s = fit_column(events, "event_type"), fit_column(events, "timestamp")
    began_s, ended_s = at_s[kind == STARTS][:1], at_s[kind == STOPS][-1:]
    if began_s.size and ended_s.size and began_s[0] == stamp_s[0] and ended_s[0] > stamp_s[-1]:
        return np.append(stamp_s, ended_s), codes
    if began_s.size and 0 < stamp_s[0] - began_s[0] < DAY_S:
        return np.append(began_s, stamp_s), codes
    return stamp_s, codes[1:]
