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

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MINUTE_US,
    MISSING,
    About,
    Batch,
    Clock,
    Context,
    Export,
    Instants,
    Member,
    Midnights,
    Moments,
    Quantity,
    Rejected,
    Remark,
    Span,
    Stretches,
    check_end,
    check_instants,
    constant,
    dig,
    instants,
    lay_end_to_end,
    lay_out,
    lay_out_episodes,
    lay_out_stages,
    parse_documents,
    parse_zoned,
    peek,
    place_days,
    place_local,
    prove_clock,
    read_numbers,
    refuse_one,
    refuse_rows,
    settle_clock,
    spans,
    take_quantity,
    to_us,
    write_cell,
)

NAME = "polar"
METHOD_VERSION = "polar-1"
ABOUT = About(
    device="Polar watches (Flow account export); Polar chest straps through the Polar Sensor Logger app",
    layouts="JSON of the account export: `247ohr_…`, `activity-…`, `sleep_result_…`, `sleep_score_…`,"
    " `nightly_recovery_…`, `training-session…`; text of the logger (`Phone timestamp;RR-interval [ms]`)",
    signals="heart rate, steps, sleep with stages, nightly HRV (RMSSD of four hours) and respiration, workouts; sleep"
    " score and Nightly Recharge as vendor scores; beats of a strap",
    zone="sleeps and workouts carry their offset; other stamps are local and take the nearest offset that a sleep"
    " proves, else the person's zone (flagged)",
    quirks="written from documentation, not from a real export: what differs is refused and named; sports are numbers"
    " without names and left out; watch beats (`ppi_samples`) are left out",
    how_to_export="At account.polar.com open Download your data, wait for the mail, download the zip, and load it as it"
    " is. From the logger app share the file whose name ends in RR.txt.",
)

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2005-01-01", "us").astype(np.int64))
"""Polar's web service, whose heir Flow is, began after 2005."""
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 96
RR_MAX_MS = 60_000.0

STATES: dict[str, str] = {
    "WAKE": "wake",
    "REM": "rem",
    "NONREM1": "light",
    "NONREM2": "light",
    "NONREM12": "light",
    "NONREM3": "deep",
    "UNKNOWN": "",
    "WS_UNKNOWN": "",
}
"""Sleep states as stages; the vendor's own 'unknown' is no stage, that stretch is left out."""
DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
TIME = re.compile(r"(?:\d{4}-\d\d-\d\dT)?(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?")

HEART = Quantity("value", "signal.heart_rate", "heart rate", 20, 250, "/min", none=(0.0,))
STEPS = Quantity("value", "signal.steps", "steps", 0, 1000)
SCORE = "signal.vendor_score"
RMSSD = Quantity("meanNightlyRecoveryRmssd", "signal.hrv_sample", "rmssd_night", 1, 500, "ms", none=(0.0,))
BREATHS = Quantity("breaths", "signal.vital", "respiration", 4, 60, "/min")
NIGHTLY = (
    RMSSD,
    BREATHS,
    Quantity("ansStatus", SCORE, "ans_charge", -10, 10),
    Quantity("ansRate", SCORE, "ans_status", 1, 5),
    Quantity("recoveryIndicator", SCORE, "nightly_recharge", 1, 6),
)
SLEEP_SCORE = Quantity("sleepScore", SCORE, "sleep_score", 0, 100)


Value = TypeVar("Value")


class DiffersError(Exception):
    """A record is not as documented: which key, and what was expected of it."""


@dataclass(frozen=True)
class Kind:
    """Files of one kind: how they are named, what their first kilobyte holds, the table they feed."""

    pattern: re.Pattern[str]
    marks: tuple[bytes, ...]
    table: str | None
    read: str = ""


def named(start: str) -> re.Pattern[str]:
    """Names that begin so and go on with numbers, dates or identifiers."""
    return re.compile(rf"{start}[-_][\w.:-]*\.json", re.IGNORECASE)


KINDS: tuple[Kind, ...] = (
    Kind(named("247ohr"), (b'"deviceDays"',), "signal.heart_rate", "days"),
    Kind(
        re.compile(r"activity-\d{4}-\d\d-\d\d[\w-]*\.json"),
        (b'"exportVersion"', b'"samples"'),
        "signal.steps",
        "steps",
    ),
    Kind(named("sleep_result"), (b'"night"', b'"sleepResult"'), "signal.sleep_episode", "sleeps"),
    Kind(named("sleep_score"), (b'"night"', b'"sleepScoreResult"'), SCORE, "scores"),
    Kind(named("nightly_recovery_blob"), (b'"hrvData"', b'"breathingRateData"'), None),
    Kind(named("nightly_recovery"), (b'"night"',), "signal.hrv_sample", "nightly"),
    Kind(
        re.compile(r"training-session[-_]\d{4}[\w.:-]*\.json"),
        (b'"startTime"', b'"identifier"', b'"exportVersion"', b'"created"', b'"deviceId"'),
        "signal.workout",
        "sessions",
    ),
    Kind(named("ppi_samples"), (b'"devicePpiSamplesList"',), None),
    Kind(
        re.compile(r".+\.(?:txt|csv)", re.IGNORECASE),
        (b"Phone timestamp;RR-interval [ms]",),
        "signal.beat",
        "beats",
    ),
)


def claims(member: Member) -> bool:
    """Whether the member is a file of these layouts: by its name and a key or header that these have."""
    kind = find_kind(member.name)
    return kind is not None and any(mark in peek(member) for mark in kind.marks)


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds (its main one); None for one that is left out."""
    kind = find_kind(name)
    return None if kind is None else kind.table


def find_kind(name: str) -> Kind | None:
    """The first row of KINDS that a base name fits."""
    return next((kind for kind in KINDS if kind.pattern.fullmatch(name)), None)


@dataclass(frozen=True)
class File:
    """A member and what the readers of its records share."""

    member: int
    table: str
    clock: Clock
    zone: Clock
    """The person's zone alone, as if nothing were proven."""
    latest_us: int


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


def sleep_offsets(export: Export, kinds: list[Kind | None]) -> tuple[Instants, npt.NDArray[np.int16]]:
    """Instants and offsets of all sleeps of an export."""
    stamps: list[str] = []
    for i, kind in enumerate(kinds):
        if kind is not None and kind.read == "sleeps":
            for record in parse_documents(export.members[i].read(), "deviceDays").records:
                try:
                    stamps += [
                        need(record, f"sleepResult.hypnogram.{key}", str)
                        for key in ("sleepStart", "sleepEnd")
                    ]
                except DiffersError:
                    continue
    zoned = parse_zoned(pa.array(stamps, pa.string()))
    good = (zoned.t_us != MISSING) & ~zoned.naive
    return zoned.t_us[good], zoned.offset_min[good]


# --- records ------------------------------------------------------------------------------------


def need(record: object, path: str, kind: type[Value]) -> Value:
    """The value at a dotted path; raises DiffersError where there is none of that kind."""
    value = dig(record, *path.split("."))
    if value is None or not isinstance(value, kind):
        found = "none" if value is None else type(value).__name__
        raise DiffersError(f"expected the key {path} with {WORDS[kind]}, found {found}")
    return value


WORDS: dict[type, str] = {str: "text", list: "a list", object: "a value"}


def cell_at(record: object, key: str) -> str | None:
    """What an optional key holds, as the text of a cell."""
    return write_cell(record.get(key)) if isinstance(record, dict) else None


Cells = dict[str, str | None]


def gather(
    records: tuple[object, ...], file: File, names: tuple[str, ...], each: Callable[[object], list[Cells]]
) -> tuple[pa.Table, list[Rejected]]:
    """Rows of text out of records, and the records that are not as documented."""
    rows: list[dict[str, object]] = []
    refused = []
    for number, record in enumerate(records):
        try:
            rows += [{"member": file.member, "record": number, **cells} for cells in each(record)]
        except DiffersError as error:
            raw = write_cell(record) or "null"
            refused.append(
                refuse_one(file.member, file.table, number, f"record {number}", str(error), raw[:4096])
            )
    fields = [("member", pa.int32()), ("record", pa.int64()), *((name, pa.string()) for name in names)]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields)), refused


def add_times(day: pa.ChunkedArray, seconds: npt.NDArray[np.float64]) -> Instants:
    """Dates and seconds of the day as times of the local clock; MISSING without either."""
    midnight = parse_zoned(pc.binary_join_element_wise(day.combine_chunks(), "00:00:00", "T")).t_us
    good = (midnight != MISSING) & (seconds >= 0) & (seconds < 90_000)
    return np.where(good, midnight + (np.where(good, seconds, 0) * 1e6).astype(np.int64), MISSING)


# --- readers ------------------------------------------------------------------------------------


def read_days(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Continuous heart rate: days of a device, samples by second of the day."""

    def each(record: object) -> list[Cells]:
        date = need(record, "date", str)
        samples = need(record, "samples", list)
        return [
            {"date": date, "seconds": cell_at(s, "secondsFromDayStart"), "value": cell_at(s, "heartRate")}
            for s in samples
        ]

    rows, refused = gather(records, file, ("date", "seconds", "value"), each)
    yield from refused
    local_us = add_times(rows["date"], read_numbers(rows["seconds"])[0])
    when = place_local(local_us, file.clock)
    no_rate = np.asarray(rows["value"].is_null().to_numpy(), dtype=np.bool_)
    checks = [
        *check_instants(when.t_us, FIRST_US, file.latest_us),
        (no_rate, "expected the key heartRate in samples"),
    ]
    yield from take_whole(take_quantity(rows, HEART, when, checks), local_us, file, whole=not refused)


def take_whole(
    found: Iterator[Batch | Rejected], local_us: Instants, file: File, *, whole: bool
) -> Iterator[Batch | Rejected]:
    """Give a member's rows with the time that they are all of, if nothing of it was refused.

    The span reaches to where the zone alone would have put them: rows of an older export lie there, if
    that did not yet hold the sleeps which prove another offset.
    """
    for part in found:
        if isinstance(part, Rejected):
            whole &= not part.rows.num_rows
            yield part
        elif whole and part.rows.num_rows:
            local_us = local_us[local_us != MISSING]
            both = np.concatenate([place_local(local_us, clock).t_us for clock in (file.clock, file.zone)])
            span = Span(file.member, part.table, int(both.min()), int(both.max()))
            yield Batch(part.table, part.rows, (span,))
        else:
            yield part


def read_steps(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Steps of single minutes; a file with another pace is not as documented."""

    def each(record: object) -> list[Cells]:
        date = need(record, "date", str)
        samples = need(record, "samples.steps", list)
        seconds = [second_of(need(sample, "localTime", str)) for sample in samples]
        pace = np.diff(np.unique(seconds)).min(initial=np.inf)
        if samples and pace != 60:
            raise DiffersError(
                f"expected steps of single minutes in samples.steps, found one every {pace:g} s"
            )
        return [
            {"date": date, "seconds": str(second), "value": cell_at(sample, "value")}
            for second, sample in zip(seconds, samples, strict=True)
        ]

    rows, refused = gather(records, file, ("date", "seconds", "value"), each)
    yield from refused
    local_us = add_times(rows["date"], read_numbers(rows["seconds"])[0])
    when = place_local(local_us, file.clock)
    minutes = Moments(when.t_us, when.offset_min, when.assumed, np.full(rows.num_rows, 60.0))
    found = take_quantity(rows, STEPS, minutes, check_instants(when.t_us, FIRST_US, file.latest_us))
    yield from take_whole(found, local_us, file, whole=not refused)


def second_of(text: str) -> float:
    """The second of the day of a local time such as 08:15:00 or 2024-05-01T08:15:00.000."""
    found = TIME.fullmatch(text)
    if found is None:
        raise DiffersError("expected a time such as 08:15:00 in samples.steps.localTime")
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3] or 0)


def read_scores(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Sleep scores by night."""

    def each(record: object) -> list[Cells]:
        return [
            {
                "night": need(record, "night", str),
                "sleepScore": write_cell(need(record, "sleepScoreResult.sleepScore", object)),
            }
        ]

    rows, refused = gather(records, file, ("night", "sleepScore"), each)
    yield from refused
    when = place_days(rows["night"], file.clock)
    yield from take_quantity(rows, SLEEP_SCORE, when, check_instants(when.t_us, FIRST_US, file.latest_us))


def read_nightly(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Nightly Recharge: RMSSD, respiration and the vendor's ratings, by the date of the night."""
    optional = ("meanNightlyRecoveryRmssd", "ansStatus", "ansRate", "recoveryIndicator")

    def each(record: object) -> list[Cells]:
        interval = need(record, "meanNightlyRecoveryRespirationInterval", object)
        # Milliseconds from breath to breath; 0 is none.
        breaths = repr(60_000 / interval) if isinstance(interval, int | float) and interval > 0 else None
        others = {key: cell_at(record, key) for key in optional}
        return [{"night": need(record, "night", str), "breaths": breaths, **others}]

    rows, refused = gather(records, file, ("night", "breaths", *optional), each)
    yield from refused
    when = place_days(rows["night"], file.clock)
    keep, rejected = refuse_rows(rows, check_instants(when.t_us, FIRST_US, file.latest_us), file.table)
    yield rejected
    for quantity in NIGHTLY:
        yield from take_quantity(rows.filter(pa.array(keep)), quantity, when.filter(keep))


def read_sessions(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Training sessions."""
    names = ("workout", "start", "end", "offset", "hr_bpm", "modified")

    def each(record: object) -> list[Cells]:
        return [
            {
                "workout": need(record, "identifier.id", str),
                "start": need(record, "startTime", str),
                "end": need(record, "stopTime", str),
                "offset": cell_at(record, "timezoneOffsetMinutes"),
                "hr_bpm": cell_at(record, "hrAvg"),
                "modified": cell_at(record, "modified"),
            }
        ]

    rows, refused = gather(records, file, names, each)
    yield from refused
    offset, odd_offset = read_numbers(rows["offset"])
    start, end = (shift_local(rows[name], offset, file.clock) for name in ("start", "end"))
    hr_bpm, no_number = read_numbers(rows["hr_bpm"])
    checks = check_instants(start.t_us, FIRST_US, file.latest_us)
    checks += check_end(start.t_us, end.t_us, WORKOUT_MAX_H)
    checks += [
        (odd_offset | (np.abs(offset) > 840), "expected minutes from UTC in timezoneOffsetMinutes"),
        (no_number, "expected a number in hrAvg"),
        ((hr_bpm != 0) & ((hr_bpm < 20) | (hr_bpm > 250)), "heart rate outside 20 to 250 a minute"),
    ]
    keep, rejected = refuse_rows(rows, checks, file.table)
    yield rejected
    rows, start, hr_bpm = rows.filter(pa.array(keep)), start.filter(keep), hr_bpm[keep]
    changed_us = parse_zoned(rows["modified"]).t_us
    columns = {
        "workout": rows["workout"],
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us[keep]),
        "activity": pa.nulls(rows.num_rows, pa.string()),
        "detected": pa.nulls(rows.num_rows, pa.bool_()),
        "hr_mean_bpm": pa.array(hr_bpm, mask=~(hr_bpm > 0)),
        "steps": pa.nulls(rows.num_rows, pa.int32()),
        "revision": pa.array(changed_us // 1_000_000, mask=changed_us == MISSING),
        "tz_assumed": pa.array(start.assumed),
    }
    yield Batch(file.table, lay_out(rows, columns))


def shift_local(column: pa.ChunkedArray, offset: npt.NDArray[np.float64], clock: Clock) -> Moments:
    """Local stamps as moments, by the offset given beside them, else by the clock."""
    local_us = parse_zoned(column).t_us
    by_clock = place_local(local_us, clock)
    known = np.isfinite(offset) & (np.abs(offset) <= 840) & (local_us != MISSING)
    minutes = np.where(known, offset, 0).astype(np.int16)
    t_us = np.where(known, local_us - minutes.astype(np.int64) * MINUTE_US, by_clock.t_us)
    return Moments(
        t_us, np.where(known, minutes, by_clock.offset_min).astype(np.int16), by_clock.assumed & ~known
    )


# --- sleep --------------------------------------------------------------------------------------


def read_sleeps(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Nights with their states, which hold until the next change."""

    def each(record: object) -> list[Cells]:
        found = [
            (duration_of(need(change, "offsetFromStart", str)), state_of(need(change, "state", str)))
            for change in need(record, "sleepResult.hypnogram.sleepStateChanges", list)
        ]
        start, end = (need(record, f"sleepResult.hypnogram.{key}", str) for key in ("sleepStart", "sleepEnd"))
        night = need(record, "night", str)
        return [{"episode": night, "start": start, "end": end, "states": write_cell(sorted(found))}]

    rows, refused = gather(records, file, ("episode", "start", "end", "states"), each)
    yield from refused
    start, end = read_edges(rows["start"]), read_edges(rows["end"])
    checks = check_instants(start.t_us, FIRST_US, file.latest_us)
    checks += check_end(start.t_us, end.t_us, SLEEP_MAX_H)
    keep, rejected = refuse_rows(rows, checks, file.table)
    yield rejected
    rows, start, end = rows.filter(pa.array(keep)), start.filter(keep), end.filter(keep)
    parts = lay_states(rows["states"].to_pylist(), start.t_us, end.t_us)
    whole = not refused and not rejected.rows.num_rows
    main = pa.nulls(rows.num_rows, pa.bool_())
    staged = np.isin(np.arange(rows.num_rows), parts.log)
    episodes = lay_out_episodes(rows, start, end, staged=staged, main=main, in_bed=None)
    for table, laid in (
        ("signal.sleep_episode", episodes),
        ("signal.sleep_stage", lay_out_stages(rows, parts, start, end, file.clock)),
    ):
        yield Batch(table, laid, spans(table, rows, start.t_us, end.t_us) if whole else ())


def read_edges(column: pa.ChunkedArray) -> Moments:
    """Stamps that must carry their offset; one without is none."""
    zoned = parse_zoned(column)
    t_us = np.where(zoned.naive, MISSING, zoned.t_us)
    return Moments(t_us, zoned.offset_min, np.zeros(t_us.size, dtype=np.bool_))


def duration_of(text: str) -> float:
    """Seconds of a duration such as PT1H30M."""
    found = DURATION.fullmatch(text)
    if found is None or text == "PT":
        raise DiffersError("expected a duration such as PT1H30M in sleepStateChanges.offsetFromStart")
    return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60 + float(found[3] or 0)


def state_of(text: str) -> str:
    """The stage of a sleep state."""
    if text not in STATES:
        raise DiffersError(f"a sleep state that is not known ({text[:20]!r}): expected {', '.join(STATES)}")
    return STATES[text]


def lay_states(states: list[str], start_us: Instants, end_us: Instants) -> Stretches:
    """Changes of state (seconds, stage) as stretches, each up to the next or to the end of its sleep."""
    log, begin, stop, stage = [], [], [], []
    for place, text in enumerate(states):
        found: list[tuple[float, str]] = json.loads(text)
        edges = [int(start_us[place] + seconds * 1e6) for seconds, _ in found] + [int(end_us[place])]
        for (_, name), left, right in zip(found, edges, edges[1:], strict=False):
            log.append(place)
            begin.append(left)
            stop.append(right)
            stage.append(name)
    logs, begins, stops = (np.array(values, dtype=np.int64) for values in (log, begin, stop))
    return Stretches(logs, begins, stops, np.array(stage, dtype="U8"))


# --- beats --------------------------------------------------------------------------------------


def read_beats(export: Export, context: Context, file: File) -> Iterator[Batch | Rejected]:
    """Beats of a strap that the logger wrote, laid end to end from their first stamp."""
    columns = {"stamp": ("Phone timestamp",), "rr": ("RR-interval [ms]",)}
    for records in context.read_csv(export, [file.member], file.table, columns, needed=("stamp", "rr")):
        if records.broken.num_rows:
            yield Rejected(records.broken)
        rows = records.rows
        stamp_us = parse_zoned(rows["stamp"]).t_us
        when = place_local(stamp_us, file.clock)
        rr_ms, no_number = read_numbers(rows["rr"])
        checks = [
            *check_instants(when.t_us, FIRST_US, file.latest_us),
            (
                no_number | ~(rr_ms > 0) | (rr_ms > RR_MAX_MS),
                "expected an interval in milliseconds, up to a minute",
            ),
        ]
        keep, rejected = refuse_rows(rows, checks, file.table)
        yield rejected
        # A beat that was refused, or a line that is no row, leaves a gap before the next one.
        number = rows["record"].to_numpy()
        broken = np.diff(number[keep], prepend=-1) > 1
        rows, when, rr_ms = rows.filter(pa.array(keep)), when.filter(keep), rr_ms[keep]
        t_us, gap = lay_end_to_end(when.t_us, rr_ms, broken)
        count = rows.num_rows
        beats = {
            "t_utc": instants(t_us),
            "offset_min": pa.array(when.offset_min),
            "rr_ms": pa.array(rr_ms.astype(np.float32)),
            "gap_before": pa.array(gap),
            "tick_ms": pa.nulls(count, pa.float32()),
            "sensor": constant("ecg", count),
            "tz_assumed": pa.array(when.assumed),
        }
        yield Batch(file.table, lay_out(rows, beats))


READERS: Mapping[str, Callable[[tuple[object, ...], File], Iterator[Batch | Rejected]]] = {
    "days": read_days,
    "steps": read_steps,
    "scores": read_scores,
    "nightly": read_nightly,
    "sessions": read_sessions,
    "sleeps": read_sleeps,
}
