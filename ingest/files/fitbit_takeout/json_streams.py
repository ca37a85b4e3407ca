"""Streams of the account export in JSON.

Time, as seen in a real export and stated by its files against each other:

- heart rate, steps and exercise are stamped in UTC; so are the steps of one person in one file that somebody wrote
  anew (`steps.json`), as far as seen, but those are tested against sleep (`stillness`);
- sleep is stamped by the local clock without an offset. A log runs on one clock: in a night in which
  the clocks change, its end is its start plus what the vendor gives as its duration;
- resting heart rate has a date only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    ISO_STAMP,
    MINUTE_US,
    MISSING,
    US_DATE,
    US_STAMP,
    Bad,
    Batch,
    Clock,
    Field,
    Flags,
    Instants,
    Records,
    Stretches,
    check_instants,
    check_levels,
    constant,
    instants,
    lay_out,
    numbers,
    overlay,
    parse_days,
    parse_stamps,
    rename,
    renumber,
    sift,
    spans,
    to_utc,
    unfold,
)

from .layout import (
    DAY_US,
    FIRST_US,
    HR_MAX_BPM,
    HR_MIN_BPM,
    SLEEP_MAX_H,
    STEPS_MAX,
    WORKOUT_MAX_H,
    Rests,
    Setting,
    Stream,
    dated,
    maybe_dated,
    on_local_clock,
    place,
)

ONE_CLOCK_US = 10 * MINUTE_US
"""How far a log's end may be from start plus duration; vendors round by up to a minute."""

EITHER_STAMP = (*US_STAMP, "YYYY-MM-DD hh:mm:ss")
"""The vendor's stamps, and those of whoever wrote the JSON anew."""

STEPS_OF_ONE = "steps in one file"
"""Name of the stream whose stamps are tested against sleep."""
MINUTE_RECORD = re.compile(
    rb'^[^"]{0,8}\[\s*\{\s*"dateTime"\s*:\s*"(?:\d{4}-\d\d-\d\d|\d\d/\d\d/\d\d) \d\d:\d\d:\d\d"\s*,'
    rb'\s*"value"\s*:\s*"?\d+"?\s*\}'
)
"""How a file of minutes begins, whatever folder it lies in."""

STAGES: dict[str, str] = {
    "wake": "wake",
    "awake": "wake",
    "light": "light",
    "deep": "deep",
    "rem": "rem",
    "asleep": "asleep",
    "restless": "restless",
    "unknown": "",
}
"""The vendor's levels as stages. Its own 'unknown' is no stage: that stretch is left out."""

LEVEL = pa.list_(pa.struct([("dateTime", pa.string()), ("level", pa.string()), ("seconds", pa.float64())]))


def read_heart_rate(records: Records, setting: Setting) -> Iterator[Batch | Bad]:
    """Heart rates, one a few seconds, stamped in UTC, with the vendor's confidence 0 to 3."""
    rows = records.rows
    t_us = parse_stamps(rows["stamp"], US_STAMP)
    hr_bpm, confidence = numbers(rows["hr_bpm"]), numbers(rows["confidence"])
    checks = check_instants(t_us, FIRST_US, setting.latest_us)
    checks += [
        (np.isnan(hr_bpm), "expected a heart rate in value.bpm, found none"),
        ((hr_bpm < HR_MIN_BPM) | (hr_bpm > HR_MAX_BPM), "heart rate outside 20 to 250 a minute"),
        ((confidence < 0) | (confidence > 3) | (confidence % 1 > 0), "expected a confidence of 0, 1, 2 or 3"),
    ]
    keep, bad = sift(rows, checks)
    yield bad
    kept = rows.filter(keep) if not keep.all() else rows
    t_us, hr_bpm, confidence = t_us[keep], hr_bpm[keep], confidence[keep]
    offset, assumed = setting.clock.of_utc(t_us)
    known = ~np.isnan(confidence)
    columns = {
        "t_utc": instants(t_us),
        "offset_min": pa.array(offset),
        "hr_bpm": pa.array(hr_bpm.astype(np.float32)),
        "confidence": pa.array(np.where(known, confidence, 0).astype(np.int8), mask=~known),
        "tz_assumed": pa.array(assumed),
    }
    yield Batch("signal.heart_rate", lay_out(kept, columns), spans("signal.heart_rate", kept, t_us, t_us))


def read_steps(records: Records, setting: Setting) -> Iterator[Batch | Bad]:
    """Steps of single minutes; a minute that is absent is not known."""
    rows = records.rows
    placed = place(parse_stamps(rows["stamp"], EITHER_STAMP), setting)
    steps = numbers(rows["steps"])
    checks = check_instants(placed.t_us, FIRST_US, setting.latest_us)
    checks += [
        (np.isnan(steps) | (steps % 1 > 0), "expected a whole number of steps in value"),
        ((steps < 0) | (steps > STEPS_MAX), f"steps outside 0 to {STEPS_MAX} in a minute"),
    ]
    keep, bad = sift(rows, checks)
    yield bad
    kept, t_us = rows.filter(keep), placed.t_us[keep]
    columns = {
        "t_utc": instants(t_us),
        "offset_min": pa.array(placed.offset_min[keep]),
        "span_s": pa.array(np.full(t_us.size, 60, dtype=np.int32)),
        "steps": pa.array(steps[keep].astype(np.int32)),
        "tz_assumed": pa.array(placed.assumed[keep]),
    }
    yield Batch("signal.steps", lay_out(kept, columns), spans("signal.steps", kept, t_us, t_us))


def read_resting(records: Records, setting: Setting) -> Iterator[Batch | Bad]:
    """Resting heart rate by date; where the date is null or the value 0 the vendor has none."""
    rows = records.rows
    value, error = numbers(rows["value"]), numbers(rows["error"])
    absent = rows["date"].is_null().to_numpy() | (value == 0)
    day = parse_days(rows["date"], US_DATE)
    local_us = np.where(day == MISSING, MISSING, day * DAY_US)
    no_record = rows["stamp"].is_null().to_numpy()
    checks = [(no_record, "expected a dateTime, found none")]
    checks += [
        (bad & ~absent, reason) for bad, reason in check_instants(local_us, FIRST_US, setting.latest_us)
    ]
    checks += [
        (np.isnan(value) & ~absent, "expected a number in value.value, found none"),
        (((value < HR_MIN_BPM) | (value > HR_MAX_BPM)) & ~absent, "heart rate outside 20 to 250 a minute"),
    ]
    keep, bad = sift(rows, checks)
    yield bad
    keep &= ~absent
    kept, local_us, error = rows.filter(keep), local_us[keep], error[keep]
    offset, assumed = setting.clock.of_local(local_us)
    columns = {
        "vital": constant("resting_heart_rate", kept.num_rows),
        "t_utc": instants(to_utc(local_us, offset)),
        "offset_min": pa.array(offset),
        "value": pa.array(value[keep]),
        "unit": constant("/min", kept.num_rows),
        "error": pa.array(error, mask=~(error > 0)),
        "tz_assumed": pa.array(assumed),
    }
    yield Batch("signal.vital", lay_out(kept, columns))


def read_exercise(records: Records, setting: Setting) -> Iterator[Batch | Bad]:
    """Workouts, logged or found by the device, stamped in UTC; `lastModified` is their revision."""
    rows = records.rows
    t_us = parse_stamps(rows["stamp"], EITHER_STAMP)
    changed_us = parse_stamps(rows["changed"], US_STAMP)
    length_ms, steps, hr_bpm = numbers(rows["length_ms"]), numbers(rows["steps"]), numbers(rows["hr_bpm"])
    checks = check_instants(t_us, FIRST_US, setting.latest_us)
    checks += [
        (rows["workout"].is_null().to_numpy(), "expected a logId, found none"),
        (~(length_ms >= 0), "ends before it starts: expected a duration of 0 ms or more"),
        (length_ms > WORKOUT_MAX_H * 3.6e6, f"longer than {WORKOUT_MAX_H} hours"),
        (
            (hr_bpm != 0) & ((hr_bpm < HR_MIN_BPM) | (hr_bpm > HR_MAX_BPM)),
            "heart rate outside 20 to 250 a minute",
        ),
        ((steps < 0) | (steps > 1e6), "steps outside 0 to 1,000,000"),
    ]
    keep, bad = sift(rows, checks)
    yield bad
    kept, t_us, changed_us = rows.filter(keep), t_us[keep], changed_us[keep]
    steps, hr_bpm = steps[keep], hr_bpm[keep]
    offset, assumed = setting.clock.of_utc(t_us)
    kind = kept["kind"]
    columns = {
        "workout": kept["workout"],
        "t_utc": instants(t_us),
        "offset_min": pa.array(offset),
        "end_utc": instants(t_us + (length_ms[keep] * 1000).astype(np.int64)),
        "activity": pc.utf8_lower(kept["activity"]),
        "detected": pc.equal(kind, "auto_detected"),
        "hr_mean_bpm": pa.array(hr_bpm, mask=~(hr_bpm > 0)),
        "steps": pa.array(np.nan_to_num(steps).astype(np.int32), mask=np.isnan(steps)),
        "revision": pa.array(changed_us // 1_000_000, mask=changed_us == MISSING),
        "tz_assumed": pa.array(assumed),
    }
    yield Batch("signal.workout", lay_out(kept, columns))


# --- sleep -------------------------------------------------------------------------------------


def read_sleep(records: Records, setting: Setting) -> Iterator[Batch | Bad]:
    """Sleep logs and their stages, stamped by the local clock."""
    rows = records.rows
    start_us, end_us = (on_local_clock(read_sleep_stamps(rows[name]), setting) for name in ("start", "end"))
    parts, blinks = (
        on_their_clock(unfold(rows[name], ISO_STAMP, SLEEP_MAX_H), setting)
        for name in ("levels", "short_levels")
    )
    checks = check_instants(start_us, FIRST_US, setting.latest_us)
    checks += [
        (rows["episode"].is_null().to_numpy(), "expected a logId, found none"),
        (end_us == MISSING, "expected an endTime such as 2020-04-08T08:40:30.000, found none"),
        (end_us <= start_us, "ends before it starts"),
        (end_us - start_us > SLEEP_MAX_H * 60 * MINUTE_US, f"longer than {SLEEP_MAX_H} hours"),
        (~np.isin(rows["scoring"].to_pylist(), ["stages", "classic"]), "expected type stages or classic"),
        *check_levels(parts, STAGES, rows.num_rows),
        *check_levels(blinks, STAGES, rows.num_rows),
    ]
    keep, bad = sift(rows, checks)
    yield bad
    place = np.cumsum(keep) - 1
    kept, start_us, end_us = rows.filter(keep), start_us[keep], end_us[keep]
    parts, blinks = (renumber(p, keep, place) for p in (parts, blinks))
    cut = overlay(rename(parts, STAGES), rename(blinks, STAGES), start_us, end_us)
    yield from lay_out_sleep(kept, start_us, end_us, cut, setting.clock)


def read_sleep_stamps(column: pa.ChunkedArray) -> Instants:
    """Stamps of sleep logs; whoever wrote the JSON anew may have put a space for the T."""
    return parse_stamps(pc.replace_substring(column, " ", "T", max_replacements=1), ISO_STAMP)


def on_their_clock(parts: Stretches, setting: Setting) -> Stretches:
    """Parts of sleep logs as the local clock showed them."""
    start_us, end_us = (on_local_clock(stamp_us, setting) for stamp_us in (parts.start_us, parts.end_us))
    return Stretches(parts.log, start_us, end_us, parts.stage)


def rest_in_logs(rows: pa.Table) -> Rests:
    """The sleep of logs, as stamped."""
    start_us, end_us = read_sleep_stamps(rows["start"]), read_sleep_stamps(rows["end"])
    return Rests(start_us, end_us, np.full(rows.num_rows, np.nan))


def lay_out_sleep(
    rows: pa.Table, start_us: Instants, end_us: Instants, cut: Stretches, clock: Clock
) -> Iterator[Batch]:
    """Put sleep logs and stages, whose stamps are local, into UTC."""
    offset, assumed = clock.of_local(start_us)
    start_utc = to_utc(start_us, offset)
    own_end, end_assumed = clock.of_local(end_us)
    length_us = numbers(rows["length_ms"]) * 1000
    # The vendor stamps a log by the clock at its start, unless its duration says otherwise.
    changes = own_end != offset
    own_length = to_utc(end_us, own_end) - start_utc
    wall = changes & (np.abs(own_length - length_us) < ONE_CLOCK_US)
    end_utc = np.where(wall, to_utc(end_us, own_end), to_utc(end_us, offset))
    end_offset = clock.of_utc(end_utc)[0]
    columns = {
        "episode": rows["episode"],
        "t_utc": instants(start_utc),
        "offset_min": pa.array(offset),
        "end_utc": instants(end_utc),
        "end_offset_min": pa.array(end_offset),
        "scoring": rows["scoring"],
        "vendor_main": rows["main"],
        "in_bed": constant(value=False, count=rows.num_rows),
        "tz_assumed": pa.array(assumed | end_assumed),
        "revision": pa.nulls(rows.num_rows, pa.int64()),
    }
    complete = spans("signal.sleep_episode", rows, start_utc, end_utc)
    yield Batch("signal.sleep_episode", lay_out(rows, columns), complete)
    stages = lay_out_stages(rows, cut, offset, wall, clock)
    yield Batch(stages.table, stages.rows, spans(stages.table, rows, start_utc, end_utc))


def lay_out_stages(
    rows: pa.Table, cut: Stretches, offset: npt.NDArray[np.int16], wall: Flags, clock: Clock
) -> Batch:
    """Put stages into UTC by the clock of their log."""
    of_start, of_end = offset[cut.log], offset[cut.log]
    of_start = np.where(wall[cut.log], clock.of_local(cut.start_us)[0], of_start)
    of_end = np.where(wall[cut.log], clock.of_local(cut.end_us)[0], of_end)
    t_utc = to_utc(cut.start_us, of_start)
    logs = rows.select(["member", "record", "episode"]).take(pa.array(cut.log))
    columns = {
        "episode": logs["episode"],
        "t_utc": instants(t_utc),
        "offset_min": pa.array(clock.of_utc(t_utc)[0]),
        "end_utc": instants(to_utc(cut.end_us, of_end)),
        "stage": pa.array(cut.stage.tolist(), pa.string()),
        "revision": pa.nulls(cut.log.size, pa.int64()),
    }
    return Batch("signal.sleep_stage", lay_out(logs, columns))


def text(name: str, path: str) -> Field:
    """A text to take out of a record."""
    return Field(name, path, pa.string())


def real(name: str, path: str) -> Field:
    """A number to take out of a record."""
    return Field(name, path, pa.float64())


JSON_STREAMS: tuple[Stream, ...] = (
    Stream(
        "heart rate",
        dated("heart_rate"),
        "signal.heart_rate",
        read_heart_rate,
        family="heart rate",
        fields=(
            text("stamp", "dateTime"),
            real("hr_bpm", "value.bpm"),
            real("confidence", "value.confidence"),
        ),
        local=False,
    ),
    Stream(
        "sleep",
        maybe_dated("sleep"),
        "signal.sleep_episode",
        read_sleep,
        family="sleep",
        fields=(
            text("episode", "logId"),
            text("start", "startTime"),
            text("end", "endTime"),
            real("length_ms", "duration"),
            text("scoring", "type"),
            Field("main", "mainSleep", pa.bool_()),
            Field("levels", "levels.data", LEVEL),
            Field("short_levels", "levels.shortData", LEVEL),
        ),
        rests=rest_in_logs,
        mark=re.compile(rb'"dateOfSleep"'),
    ),
    Stream(
        "steps",
        dated("steps"),
        "signal.steps",
        read_steps,
        family="steps",
        fields=(text("stamp", "dateTime"), real("steps", "value")),
        local=False,
    ),
    Stream(
        STEPS_OF_ONE,
        re.compile(r"steps\.json"),
        "signal.steps",
        read_steps,
        family="steps",
        fields=(text("stamp", "dateTime"), real("steps", "value")),
        mark=MINUTE_RECORD,
        local=False,
        suspect=True,
    ),
    Stream(
        "resting heart rate",
        maybe_dated("resting_heart_rate"),
        "signal.vital",
        read_resting,
        family="resting heart rate",
        fields=(
            text("stamp", "dateTime"),
            text("date", "value.date"),
            real("value", "value.value"),
            real("error", "value.error"),
        ),
        mark=re.compile(rb'"error"'),
    ),
    Stream(
        "exercise",
        re.compile(r"exercise(?:-\d+)?\.json"),
        "signal.workout",
        read_exercise,
        family="exercise",
        fields=(
            text("workout", "logId"),
            text("stamp", "startTime"),
            text("changed", "lastModified"),
            real("length_ms", "duration"),
            text("activity", "activityName"),
            text("kind", "logType"),
            real("hr_bpm", "averageHeartRate"),
            real("steps", "steps"),
        ),
        mark=re.compile(rb'"activityName"'),
        local=False,
    ),
)
"""Every kind of JSON file that is read."""
