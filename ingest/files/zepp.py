"""Zepp, Zepp Life and Mi Fit export: a CSV a kind, each in a folder of the same name.

What comes through: heart rate by minutes and single measurements, sleep with stages and respiration by minutes,
steps by minutes and as totals of dates, workouts, weight. Not: stretches of activity (they repeat the minutes), heart
rate in SLEEP_MINUTE (it repeats HEARTRATE_AUTO), SpO2, stress, tracks.

Zone: minutes are local without an offset, read with the person's zone (flagged). SLEEP, SPORT, BODY and
HEARTRATE are stamped +0000, which is tested: sleep must end on the date of its row, and heart rates must be
lower inside it; where both say local, these stamps are read as local, which is said.

Quirks: rows of SLEEP_MINUTE may be dated a day late; the shift that puts them into the nights of SLEEP is
taken, and where neither is better the stages are left out. A night of no length is a placeholder; 0, 254 and
255 are no heart rate. Written from documented columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MINUTE_US,
    MISSING,
    About,
    Batch,
    Check,
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
    Stretches,
    check_instants,
    constant,
    instants,
    lay_out,
    measure,
    overlay,
    parse_days,
    parse_stamps,
    peek,
    place_days,
    read_numbers,
    refuse_rows,
    settle_clock,
    take_quantity,
    to_us,
    to_utc,
)

NAME = "zepp"
METHOD_VERSION = "zepp-2"
ABOUT = About(
    device="Amazfit and Xiaomi Mi Band, by the apps Zepp, Zepp Life and Mi Fit",
    layouts="`HEARTRATE_AUTO_….csv`, `HEARTRATE_….csv`, `SLEEP_….csv`, `SLEEP_MINUTE_….csv`, `ACTIVITY_MINUTE_….csv`,"
    " `SPORT_….csv`, `BODY_….csv`, `ACTIVITY_….csv`",
    signals="heart rate, sleep with stages, respiration in sleep, steps, a day's steps (as a vital), workouts,"
    " weight",
    zone="minutes are local and take the person's zone (flagged); stamps with +0000 are tested against the dates and"
    " heart rates of the nights",
    quirks="SLEEP_MINUTE may be dated a day late; written from documented columns",
    how_to_export="In Zepp open Profile, Settings, About, Exercise data export (or the privacy page of the account on"
    " the web), choose the kinds and the time, confirm by mail, download the zip, unpack it with the password from the"
    " mail, and load the folder.",
)

KINDS: Mapping[str, tuple[str | None, tuple[str, ...]]] = {
    "HEARTRATE_AUTO": ("signal.heart_rate", ("date", "time", "heartRate")),
    "HEARTRATE": ("signal.heart_rate", ("time", "heartRate")),
    "SLEEP_MINUTE": ("signal.sleep_stage", ("date", "time", "stage")),
    "SLEEP": ("signal.sleep_episode", ("date", "start", "stop")),
    "ACTIVITY_MINUTE": ("signal.steps", ("date", "time", "steps")),
    "SPORT": ("signal.workout", ("type", "startTime", "sportTime(s)")),
    "BODY": ("signal.vital", ("time", "weight")),
    "ACTIVITY_STAGE": (None, ("date", "start", "stop", "steps")),
    "ACTIVITY": ("signal.vital", ("date", "steps", "distance")),
    "USER": (None, ("userId",)),
}
"""By kind of file: the table that it feeds, None for one left out, and the columns that it must have."""
MORE = {"SLEEP_MINUTE": ("respiratory_rate",)}
UNUSED: Mapping[str, tuple[str, ...]] = {
    "ACTIVITY": ("distance", "runDistance", "calories"),
    "BODY": (
        "height",
        "bmi",
        "fatRate",
        "bodyWaterRate",
        "boneMass",
        "metabolism",
        "muscleRate",
        "visceralFat",
    ),
    "SLEEP": ("deepSleepTime", "shallowSleepTime", "wakeTime", "REMTime", "naps"),
    "SLEEP_MINUTE": ("hr",),
    "SPORT": ("maxPace(/meter)", "minPace(/meter)", "distance(m)", "avgPace(/meter)", "calories(kcal)"),
}
"""Columns that are known and left out."""
FILE = re.compile(rf"({'|'.join(KINDS)})(_\d{{8,}})?\.csv", re.IGNORECASE)

FIRST_US = int(np.datetime64("2014-07-01", "us").astype(np.int64))
"""The first Mi Band was sold in 2014."""
DAY_US = 1440 * MINUTE_US
HR_MIN_BPM, HR_MAX_BPM, NO_HR = 20.0, 250.0, (0.0, 254.0, 255.0)
STEPS_MAX = 1000
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 72
CLEAR_BPM = 3.0
"""Heart rates in and out of sleep that differ by less decide nothing."""
STAMP = ("YYYY-MM-DD hh:mm:ss",)
MINUTE = ("YYYY-MM-DD hh:mm", "YYYY-MM-DD hh:mm:ss")
STAGES = {"LIGHT": "light", "DEEP": "deep", "REM": "rem", "WAKE": "wake", "AWAKE": "wake"}
ACTIVITIES = {1.0: "run"}
"""Sport types that are documented; others keep their number."""
WEIGHT = Quantity("weight", "signal.vital", "weight", 20, 400, "kg", (0.0,))
STEPS_DAY = Quantity("steps", "signal.vital", "steps_day", 0, 200_000, "{count}", (0.0,))
BREATHS = Quantity("respiratory_rate", "signal.vital", "respiration", 3, 60, "/min", (0.0,))


@dataclass(frozen=True)
class Sheet:
    """Rows of one file, as text."""

    kind: str
    member: int
    rows: pa.Table


@dataclass(frozen=True)
class Night:
    """One sleep: which row it is, and its start and end in UTC and on the local clock."""

    sheet: Sheet
    row: int
    start_us: int
    end_us: int
    local_start_us: int
    local_end_us: int


def claims(member: Member) -> bool:
    """Whether the member is of this layout, by its name with a running number, or by name and header."""
    found = FILE.fullmatch(member.name)
    if found is None:
        return False
    if found[2]:
        return True
    header = peek(member).removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].decode("ascii", "replace")
    names = {name.strip().strip('"').casefold() for name in header.split(",")}
    return names >= {name.casefold() for name in KINDS[found[1].upper()][1]}


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds; None for one that is known and left out."""
    found = FILE.fullmatch(name)
    return KINDS[found[1].upper()][0] if found else None


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh files; what shows the clocks of the export is read of all."""
    nothing = np.zeros(0, dtype=np.int64)
    clock = settle_clock(context.zone, Midnights(nothing, nothing, nothing))
    latest_us = to_us(export.exported_utc) + DAY_US
    sheets = []
    for sheet, broken in read_sheets(export, context):
        sheets.append(sheet)
        if sheet.member in export.fresh and broken.num_rows:
            yield Rejected(broken)
    local = is_local(sheets, clock)
    if local:
        yield Remark(
            "Dates and heart rates of the nights show that stamps with +0000 in this Zepp export are local:"
            " they were read as local."
        )
    fresh = set(export.fresh)
    for sheet in (s for s in sheets if s.member in fresh):
        if sheet.kind in ("HEARTRATE_AUTO", "ACTIVITY_MINUTE"):
            yield from read_minutes(sheet, clock, latest_us)
        elif sheet.kind == "ACTIVITY":
            when = place_days(sheet.rows["date"], clock)
            checks = check_instants(when.t_us, FIRST_US, latest_us)
            yield from take_quantity(sheet.rows, STEPS_DAY, when, checks)
        elif sheet.kind in ("HEARTRATE", "BODY", "SPORT"):
            yield from read_stamped(sheet, clock, latest_us, local=local)
    yield from read_sleep(sheets, fresh, clock, latest_us, local=local)
    yield from context.tell_unknown()


def read_sheets(export: Export, context: Context) -> Iterator[tuple[Sheet, pa.Table]]:
    """Read the files that are fresh, and of the others those that show clocks or hold sleep."""
    for place, member in enumerate(export.members):
        found = FILE.fullmatch(member.name)
        kind = found[1].upper() if found else ""
        table, needed = KINDS.get(kind, (None, ()))
        if table is None or (
            place not in export.fresh and kind not in ("SLEEP", "SLEEP_MINUTE", "HEARTRATE_AUTO")
        ):
            continue
        columns = {name: (name,) for name in (*needed, *MORE.get(kind, ()))}
        for records in context.read_csv(export, [place], table, columns, needed=needed):
            if place in export.fresh:
                context.count_unknown(kind, records.ignored, UNUSED.get(kind, ()))
            yield Sheet(kind, place, records.rows), records.broken


# --- clocks ------------------------------------------------------------------------------------


def minutes_of(rows: pa.Table) -> Instants:
    """Local times of rows with a date and a time."""
    text = pc.binary_join_element_wise(rows["date"].cast(pa.string()), rows["time"].cast(pa.string()), " ")
    return parse_stamps(text, MINUTE)


def stamps_of(column: pa.ChunkedArray) -> Instants:
    """Stamps such as `2023-02-18 02:13:00+0000` as they stand, without what is said of their zone."""
    text = pc.replace_substring_regex(column.cast(pa.string()), r"(\+00:?00|Z)$", "")
    return parse_stamps(text, STAMP)


def is_local(sheets: Sequence[Sheet], clock: Clock) -> bool:
    """Whether stamps with +0000 are local, as most nights show by their date and heart rates."""
    pulse = [
        (minutes_of(s.rows), read_numbers(s.rows["heartRate"])[0])
        for s in sheets
        if s.kind == "HEARTRATE_AUTO"
    ]
    t_us = np.concatenate([t for t, _ in pulse]) if pulse else np.zeros(0, dtype=np.int64)
    hr_bpm = np.concatenate([h for _, h in pulse]) if pulse else np.zeros(0)
    good = (t_us != MISSING) & ~np.isnan(hr_bpm) & ~np.isin(hr_bpm, NO_HR)
    order = np.argsort(t_us[good], kind="stable")
    t_us, total = t_us[good][order], np.concatenate([[0.0], np.cumsum(hr_bpm[good][order])])
    votes = 0
    for rows in (s.rows for s in sheets if s.kind == "SLEEP"):
        start_us, end_us = stamps_of(rows["start"]), stamps_of(rows["stop"])
        day = parse_days(rows["date"].cast(pa.string()), ("YYYY-MM-DD",))
        real = (start_us != MISSING) & (end_us > start_us) & (day != MISSING)
        start_us, end_us, day = start_us[real], end_us[real], day[real]
        by_us = clock.of_utc(end_us)[0].astype(np.int64) * MINUTE_US
        as_local, as_utc = end_us // DAY_US == day, (end_us + by_us) // DAY_US == day
        votes += int(as_local.sum()) - int(as_utc.sum())
        at_local, at_utc = (mean_between(t_us, total, start_us + by, end_us + by) for by in (0, by_us))
        votes += int((at_utc - at_local > CLEAR_BPM).sum()) - int((at_local - at_utc > CLEAR_BPM).sum())
    return votes > 0


def mean_between(
    t_us: Instants, total: np.ndarray[tuple[int], np.dtype[np.float64]], from_us: Instants, to: Instants
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mean heart rate between times, from running sums; NaN where there is none."""
    low, high = np.searchsorted(t_us, from_us), np.searchsorted(t_us, to)
    count = (high - low).astype(np.float64)
    return np.where(count > 0, (total[high] - total[low]) / np.maximum(count, 1), np.nan)


def settle(stamp_us: Instants, clock: Clock, *, local: bool) -> Moments:
    """Stamps with +0000, or local ones, as instants; their offset is always the zone's."""
    known = stamp_us != MISSING
    base = np.where(known, stamp_us, 0)
    offset = clock.of_local(base)[0] if local else clock.of_utc(base)[0]
    t_us = to_utc(base, offset) if local else base
    return Moments(np.where(known, t_us, MISSING), offset, np.ones(base.size, dtype=bool))


def place(when: Moments) -> dict[str, pa.Array | pa.ChunkedArray]:
    """Columns that all tables have."""
    return {
        "t_utc": instants(when.t_us),
        "offset_min": pa.array(when.offset_min),
        "tz_assumed": pa.array(when.assumed),
    }


# --- values ------------------------------------------------------------------------------------


def read_minutes(sheet: Sheet, clock: Clock, latest_us: int) -> Iterator[Batch | Rejected]:
    """Heart rates and steps of local minutes."""
    yield from read_numbers_at(sheet, settle(minutes_of(sheet.rows), clock, local=True), latest_us)


def read_stamped(sheet: Sheet, clock: Clock, latest_us: int, *, local: bool) -> Iterator[Batch | Rejected]:
    """Single measurements and workouts, stamped with +0000."""
    column = "startTime" if sheet.kind == "SPORT" else "time"
    when = settle(stamps_of(sheet.rows[column]), clock, local=local)
    reader = read_workouts if sheet.kind == "SPORT" else read_numbers_at
    yield from reader(sheet, when, latest_us)


def read_numbers_at(sheet: Sheet, when: Moments, latest_us: int) -> Iterator[Batch | Rejected]:
    """Heart rates, steps of a minute, or weights."""
    checks = check_instants(when.t_us, FIRST_US, latest_us)
    if sheet.kind == "BODY":
        keep, refused = refuse_rows(
            sheet.rows, [*checks, *measure(sheet.rows, WEIGHT, when).checks], "signal.vital"
        )
        yield refused
        yield Batch(
            "signal.vital", measure(sheet.rows.filter(pa.array(keep)), WEIGHT, when.filter(keep)).rows
        )
        return
    is_steps = sheet.kind == "ACTIVITY_MINUTE"
    value, _ = read_numbers(sheet.rows["steps" if is_steps else "heartRate"])
    absent = np.zeros(value.size, dtype=bool) if is_steps else np.isin(value, NO_HR)
    low, high = (0, STEPS_MAX) if is_steps else (HR_MIN_BPM, HR_MAX_BPM)
    what = (
        f"steps outside 0 to {STEPS_MAX} in a minute" if is_steps else "heart rate outside 20 to 250 a minute"
    )
    checks += [
        (np.isnan(value) | (is_steps & (value % 1 > 0)), "expected a whole number"),
        ((value < low) | (value > high), what),
    ]
    table = str(KINDS[sheet.kind][0])
    keep, refused = refuse_rows(sheet.rows, [(f & ~absent, reason) for f, reason in checks], table)
    yield refused
    keep &= ~absent
    kept, value = sheet.rows.filter(pa.array(keep)), value[keep]
    if is_steps:
        span_s = pa.array(np.full(value.size, 60, dtype=np.int32))
        own = {"span_s": span_s, "steps": pa.array(value.astype(np.int32))}
    else:
        nothing = pa.nulls(value.size, pa.int8())
        own = {"hr_bpm": pa.array(value.astype(np.float32)), "confidence": nothing}
    yield Batch(table, lay_out(kept, {**place(when.filter(keep)), **own}))


def read_workouts(sheet: Sheet, when: Moments, latest_us: int) -> Iterator[Batch | Rejected]:
    """Workouts, named by their start: the vendor gives them no identifier."""
    length_s, _ = read_numbers(sheet.rows["sportTime(s)"])
    codes, _ = read_numbers(sheet.rows["type"])
    checks = check_instants(when.t_us, FIRST_US, latest_us)
    checks += [
        (~(length_s >= 0), "expected a sportTime of 0 seconds or more"),
        (length_s > WORKOUT_MAX_H * 3600, f"longer than {WORKOUT_MAX_H} hours"),
        (np.isnan(codes), "expected a number in type"),
    ]
    keep, refused = refuse_rows(sheet.rows, checks, "signal.workout")
    yield refused
    kept, at = sheet.rows.filter(pa.array(keep)), when.filter(keep)
    count = at.t_us.size
    names = [ACTIVITIES.get(code, f"sport type {code:.0f}") for code in codes[keep].tolist()]
    columns = {
        **place(at),
        "workout": pa.array([f"{start}Z" for start in iso(at.t_us)], pa.string()),
        "end_utc": instants(at.t_us + (length_s[keep] * 1e6).astype(np.int64)),
        "activity": pa.array(names, pa.string()),
        "detected": pa.nulls(count, pa.bool_()),
        "hr_mean_bpm": pa.nulls(count, pa.float64()),
        "steps": pa.nulls(count, pa.int32()),
        "revision": pa.nulls(count, pa.int64()),
    }
    yield Batch("signal.workout", lay_out(kept, columns))


def iso(t_us: Instants) -> list[str]:
    """Instants as text, to the second."""
    return [str(text) for text in np.datetime_as_string(t_us.astype("datetime64[us]"), unit="s")]


# --- sleep -------------------------------------------------------------------------------------


def read_sleep(
    sheets: Sequence[Sheet], fresh: set[int], clock: Clock, latest_us: int, *, local: bool
) -> Iterator[Batch | Rejected | Remark]:
    """Nights, and the minutes of their stages."""
    nights: list[Night] = []
    for sheet in (s for s in sheets if s.kind == "SLEEP"):
        when, end = (settle(stamps_of(sheet.rows[name]), clock, local=local) for name in ("start", "stop"))
        checks = check_instants(when.t_us, FIRST_US, latest_us)
        checks += [
            (end.t_us == MISSING, "expected a stop such as 2023-02-18 08:02:00+0000, found none"),
            (end.t_us < when.t_us, "ends before it starts"),
            (end.t_us - when.t_us > SLEEP_MAX_H * 60 * MINUTE_US, f"longer than {SLEEP_MAX_H} hours"),
        ]
        keep, refused = refuse_rows(sheet.rows, checks, "signal.sleep_episode")
        if sheet.member in fresh:
            yield refused
        keep &= end.t_us > when.t_us
        by = [m.t_us + m.offset_min.astype(np.int64) * MINUTE_US for m in (when, end)]
        nights += [
            Night(sheet, i, int(when.t_us[i]), int(end.t_us[i]), int(by[0][i]), int(by[1][i]))
            for i in np.flatnonzero(keep).tolist()
        ]
    nights.sort(key=lambda night: (night.start_us, night.end_us, night.sheet.member, night.row))
    minutes = [s for s in sheets if s.kind == "SLEEP_MINUTE"]
    late = find_shift(minutes, nights)
    staged: set[int] = set()
    if late is None and any(s.rows.num_rows for s in minutes if s.member in fresh):
        yield Remark(
            "SLEEP_MINUTE of the Zepp export fits its nights on no date clearly: stages were left out."
        )
    for sheet in minutes if late is not None else ():
        found, logs = read_stages(sheet, nights, int(late or 0), clock)
        staged |= logs
        if sheet.member in fresh:
            yield from found
    for sheet in (s for s in sheets if s.kind == "SLEEP" and s.member in fresh):
        yield lay_out_nights(sheet, nights, staged, clock)


def find_shift(minutes: Sequence[Sheet], nights: Sequence[Night]) -> int | None:
    """By how many days rows of SLEEP_MINUTE are late, 0 or 1; None where neither fits the nights better."""
    inside = [
        sum(int((night_of(minutes_of(s.rows) - late * DAY_US, nights) >= 0).sum()) for s in minutes)
        for late in (0, 1)
    ]
    return None if inside[0] == inside[1] else int(inside[1] > inside[0])


def night_of(local_us: Instants, nights: Sequence[Night]) -> Instants:
    """The night that local times lie in; -1 for none."""
    if not nights:
        return np.full(local_us.size, -1, dtype=np.int64)
    starts = np.array([night.local_start_us for night in nights], dtype=np.int64)
    ends = np.array([night.local_end_us for night in nights], dtype=np.int64)
    order = np.argsort(starts, kind="stable")
    found = order[np.maximum(np.searchsorted(starts[order], local_us, side="right") - 1, 0)]
    return np.where((starts[found] <= local_us) & (local_us < ends[found]), found, -1)


def read_stages(
    sheet: Sheet, nights: Sequence[Night], late: int, clock: Clock
) -> tuple[list[Batch | Rejected], set[int]]:
    """Stages and respiration of a file of minutes, and the starts of the nights that have some."""
    local_us = minutes_of(sheet.rows)
    log = night_of(local_us - late * DAY_US, nights)
    words = [(word or "").strip().upper() for word in sheet.rows["stage"].to_pylist()]
    known = ", ".join(STAGES)
    when = settle(np.where(local_us == MISSING, MISSING, local_us - late * DAY_US), clock, local=True)
    checks: list[Check] = [
        (local_us == MISSING, "expected a date and a time, found none that the calendar has"),
        (
            np.array([w not in STAGES for w in words], dtype=bool),
            f"a stage that is not known: expected {known}",
        ),
        *measure(sheet.rows, BREATHS, when).checks,
    ]
    keep, refused = refuse_rows(sheet.rows, checks, "signal.sleep_stage")
    keep &= log >= 0
    rows, log, at = sheet.rows.filter(pa.array(keep)), log[keep], when.filter(keep)
    names = np.array([STAGES[w] for w, k in zip(words, keep, strict=True) if k], dtype="U8")
    nothing = np.zeros(0, dtype=np.int64)
    cut = overlay(
        Stretches(log, at.t_us, at.t_us + MINUTE_US, names),
        Stretches(nothing, nothing, nothing, np.zeros(0, dtype="U8")),
        np.array([night.start_us for night in nights], dtype=np.int64),
        np.array([night.end_us for night in nights], dtype=np.int64),
    )
    first = np.searchsorted(np.sort(log), cut.log)
    of = rows.take(pa.array(np.argsort(log, kind="stable")[first]))
    episodes = [f"{start}Z" for start in iso(np.array([n.start_us for n in nights], dtype=np.int64))]
    columns = {
        "episode": pa.array(episodes, pa.string()).take(pa.array(cut.log)),
        "t_utc": instants(cut.start_us),
        "offset_min": pa.array(clock.of_utc(cut.start_us)[0]),
        "end_utc": instants(cut.end_us),
        "stage": pa.array(cut.stage.tolist(), pa.string()),
        "revision": pa.nulls(cut.log.size, pa.int64()),
    }
    stages = Batch("signal.sleep_stage", lay_out(of, columns))
    breaths = Batch("signal.vital", measure(rows, BREATHS, at).rows)
    return [refused, stages, breaths], {nights[log].start_us for log in set(cut.log.tolist())}


def lay_out_nights(sheet: Sheet, nights: Sequence[Night], staged: set[int], clock: Clock) -> Batch:
    """Rows of the nights of one file."""
    mine = [night for night in nights if night.sheet is sheet]
    start_us = np.array([night.start_us for night in mine], dtype=np.int64)
    end_us = np.array([night.end_us for night in mine], dtype=np.int64)
    count = len(mine)
    columns = {
        "episode": pa.array([f"{start}Z" for start in iso(start_us)], pa.string()),
        "t_utc": instants(start_us),
        "offset_min": pa.array(clock.of_utc(start_us)[0]),
        "end_utc": instants(end_us),
        "end_offset_min": pa.array(clock.of_utc(end_us)[0]),
        "scoring": pa.array(["stages" if n.start_us in staged else "classic" for n in mine], pa.string()),
        "vendor_main": pa.nulls(count, pa.bool_()),
        "in_bed": constant(value=False, count=count),
        "tz_assumed": constant(value=True, count=count),
        "revision": pa.nulls(count, pa.int64()),
    }
    return Batch(
        "signal.sleep_episode",
        lay_out(sheet.rows.take(pa.array([n.row for n in mine], pa.int64())), columns),
    )
