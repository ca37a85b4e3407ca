"""Fitbit account export: JSON files named for what they hold and the day they begin with.

Folders differ between the years of the export (`user-site-export`, `Global Export Data`, `Physical
Activity`), so members are recognised by base name only.

Time, as seen in a real export and stated by its files against each other:

- heart rate, steps and exercise are stamped in UTC; a heart-rate file holds one local day, so its
  first and last stamps show which offset held at the midnights around it;
- sleep is stamped by the local clock without an offset. A log runs on one clock: in a night in which
  the clocks change, its end is its start plus what the vendor gives as its duration;
- resting heart rate has a date only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    ISO_STAMP,
    MINUTE_US,
    MISSING,
    REJECTED,
    US_DATE,
    US_STAMP,
    About,
    Bad,
    Batch,
    Clock,
    Context,
    Export,
    Field,
    Flags,
    Instants,
    Member,
    Midnights,
    Records,
    Rejected,
    Remark,
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
    settle_clock,
    sift,
    spans,
    to_us,
    to_utc,
    unfold,
)

NAME = "fitbit_takeout"
METHOD_VERSION = "fitbit_takeout-1"
ABOUT = About(
    device="Fitbit, Google Pixel Watch",
    layouts="JSON of the account export: `heart_rate-…`, `sleep-…`, `steps-…`, `resting_heart_rate-…`, `exercise-…`",
    signals="heart rate with confidence, sleep with stages and short wakes, steps, resting heart rate, exercise",
    zone="heart rate, steps and exercise are UTC; a heart-rate file holds one local day and so shows the offset;"
    " sleep is local and takes that offset, else the person's zone (flagged)",
    quirks="sleep logs repeat in neighbouring files (the later wins); resting heart rate 0 is none;"
    " heart rates of confidence 0 are kept but never count as worn; `estimated_oxygen_variation` is no SpO2",
    how_to_export="Open the Fitbit or Google account's data page, ask for a copy of the Fitbit data (Google Takeout:"
    " select Fitbit only), wait for the mail, download the zip, and load it as it is.",
)


HR_MIN_BPM, HR_MAX_BPM = 20.0, 250.0
"""Beyond these no wrist sensor measures a heart: slower is asystole, faster than any human sinus rhythm."""
STEPS_MAX = 1000
"""Steps in one minute; sprinters make about 300."""
DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2007-01-01", "us").astype(np.int64))
"""Fitbit was founded in 2007: nothing of it is older."""
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 72
ONE_CLOCK_US = 10 * MINUTE_US
"""How far a log's end may be from start plus duration; vendors round by up to a minute."""

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


@dataclass(frozen=True)
class Stream:
    """Files of one kind: how they are named, the table they feed, how they are read."""

    pattern: re.Pattern[str]
    table: str | None
    """None for files that are known and left out."""
    fields: tuple[Field, ...] = ()
    read: Callable[[Records, Clock, int], Iterator[Batch | Bad]] | None = None
    """Reads records with the clock and the latest instant that may occur."""


def claims(member: Member) -> bool:
    """Whether the member is a file of this export, by its name."""
    return find_stream(member.name) is not None


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds; None for one that is known and left out."""
    found = find_stream(name)
    return None if found is None else found.table


def find_stream(name: str) -> Stream | None:
    """The row of STREAMS that a base name fits."""
    return next((row for row in STREAMS if row.pattern.fullmatch(name)), None)


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export, stream by stream."""
    clock = settle_clock(context.zone, day_files(export.members))
    yield from remark_on_zone(clock, context.zone)
    latest_us = to_us(export.exported_utc) + DAY_US
    for row in STREAMS:
        if row.table is None:
            continue
        members = [i for i in export.fresh if row.pattern.fullmatch(export.members[i].name)]
        for records in context.read_json(export, members, row.table, row.fields):
            yield from read_batch(row, records, clock, latest_us, export, context)


def read_batch(
    row: Stream, records: Records, clock: Clock, latest_us: int, export: Export, context: Context
) -> Iterator[Batch | Rejected]:
    """Read one batch of records; spans are complete only in members of which nothing was refused."""
    if row.read is None:
        return
    spoilt = set(records.broken["member"].to_pylist())
    if records.broken.num_rows:
        yield Rejected(records.broken)
    batches = []
    for found in row.read(records, clock, latest_us):
        if isinstance(found, Batch):
            batches.append(found)
        elif found.rows.num_rows:
            spoilt |= set(pc.unique(found.rows["member"]).to_pylist())
            yield Rejected(with_raw(found.rows, str(row.table), export, context))
    for batch in batches:
        whole = tuple(span for span in batch.complete if span.member not in spoilt)
        yield Batch(batch.table, batch.rows, whole)


def with_raw(bad: pa.Table, table: str, export: Export, context: Context) -> pa.Table:
    """Complete refusals with their place and their text."""
    wanted: dict[int, list[int]] = {}
    for member, record in zip(bad["member"].to_pylist(), bad["record"].to_pylist(), strict=True):
        wanted.setdefault(member, []).append(record)
    raw = context.raw_records(export, wanted)
    rows = [
        {
            **row,
            "stream": table,
            "place": f"record {row['record']}",
            "raw": raw.get((row["member"], row["record"]), ""),
        }
        for row in bad.to_pylist()
    ]
    return pa.Table.from_pylist(rows, schema=REJECTED)


# --- what the export shows of its clock ---------------------------------------------------------

DAY_FILE = re.compile(r"heart_rate-(\d{4}-\d{2}-\d{2})\.json")
STAMP = re.compile(rb'"dateTime"\s*:\s*"(\d\d/\d\d/\d\d \d\d:\d\d:\d\d)"')
DAY_FILE_SLACK_US = 15 * 60 * MINUTE_US
"""A stamp further than this from the file's local day in UTC is of no day: offsets end at 14 h."""


def day_files(members: Sequence[Member]) -> Midnights:
    """Gather what heart-rate files show, from their first and last kilobyte.

    Any stamp inside a file bounds the offset truly; the first and last ones bound it closely.
    """
    seen: dict[int, tuple[int, int]] = {}
    for member in members:
        name = DAY_FILE.fullmatch(member.name)
        if name is None:
            continue
        day = parse_days(pa.array([name[1]]), ("YYYY-MM-DD",))[0]
        edges = member.digest.head + b"\n" + member.digest.tail
        found = parse_stamps(pa.array([s.decode() for s in STAMP.findall(edges)], pa.string()), US_STAMP)
        near = found[abs(found - (day * DAY_US + DAY_US // 2)) < DAY_US // 2 + DAY_FILE_SLACK_US]
        if day != MISSING and near.size:
            first, last = seen.get(int(day), (int(near[0]), int(near[0])))
            seen[int(day)] = (min(first, int(near.min())), max(last, int(near.max())))
    days = sorted(seen)
    edges_us = np.array([seen[d] for d in days], dtype=np.int64).reshape(-1, 2)
    return Midnights(np.array(days, dtype=np.int64), edges_us[:, 0], edges_us[:, 1])


def remark_on_zone(clock: Clock, zone: str) -> Iterator[Remark]:
    """Say where the files show another offset than the person's zone has."""
    off = np.flatnonzero(clock.proven & (clock.shift_min != 0))
    if off.size == 0:
        return
    days = (clock.first_day + off).astype("datetime64[D]")
    shifts = sorted({int(s) for s in clock.shift_min[off]})
    hours = ", ".join(f"{s / 60:+g} h" for s in shifts)
    share = off.size / max(int(clock.proven.sum()), 1)
    cause = "is --timezone right?" if share > 0.5 else "a journey, it seems."
    yield Remark(
        f"The heart-rate files of {off.size} days ({days[0]} to {days[-1]}) show a clock {hours} off {zone};"
        f" their own offset was used: {cause}"
    )


# --- readers -----------------------------------------------------------------------------------


def read_heart_rate(records: Records, clock: Clock, latest_us: int) -> Iterator[Batch | Bad]:
    """Heart rates, one a few seconds, stamped in UTC, with the vendor's confidence 0 to 3."""
    rows = records.rows
    t_us = parse_stamps(rows["stamp"], US_STAMP)
    hr_bpm, confidence = numbers(rows["hr_bpm"]), numbers(rows["confidence"])
    checks = check_instants(t_us, FIRST_US, latest_us)
    checks += [
        (np.isnan(hr_bpm), "expected a heart rate in value.bpm, found none"),
        ((hr_bpm < HR_MIN_BPM) | (hr_bpm > HR_MAX_BPM), "heart rate outside 20 to 250 a minute"),
        ((confidence < 0) | (confidence > 3) | (confidence % 1 > 0), "expected a confidence of 0, 1, 2 or 3"),
    ]
    keep, bad = sift(rows, checks)
    yield bad
    kept = rows.filter(keep) if not keep.all() else rows
    t_us, hr_bpm, confidence = t_us[keep], hr_bpm[keep], confidence[keep]
    offset, assumed = clock.of_utc(t_us)
    known = ~np.isnan(confidence)
    columns = {
        "t_utc": instants(t_us),
        "offset_min": pa.array(offset),
        "hr_bpm": pa.array(hr_bpm.astype(np.float32)),
        "confidence": pa.array(np.where(known, confidence, 0).astype(np.int8), mask=~known),
        "tz_assumed": pa.array(assumed),
    }
    yield Batch("signal.heart_rate", lay_out(kept, columns), spans("signal.heart_rate", kept, t_us, t_us))


def read_steps(records: Records, clock: Clock, latest_us: int) -> Iterator[Batch | Bad]:
    """Steps of single minutes, stamped in UTC; a minute that is absent is not known."""
    rows = records.rows
    t_us = parse_stamps(rows["stamp"], US_STAMP)
    steps = numbers(rows["steps"])
    checks = check_instants(t_us, FIRST_US, latest_us)
    checks += [
        (np.isnan(steps) | (steps % 1 > 0), "expected a whole number of steps in value"),
        ((steps < 0) | (steps > STEPS_MAX), f"steps outside 0 to {STEPS_MAX} in a minute"),
    ]
    keep, bad = sift(rows, checks)
    yield bad
    kept, t_us = rows.filter(keep), t_us[keep]
    offset, assumed = clock.of_utc(t_us)
    columns = {
        "t_utc": instants(t_us),
        "offset_min": pa.array(offset),
        "span_s": pa.array(np.full(t_us.size, 60, dtype=np.int32)),
        "steps": pa.array(steps[keep].astype(np.int32)),
        "tz_assumed": pa.array(assumed),
    }
    yield Batch("signal.steps", lay_out(kept, columns), spans("signal.steps", kept, t_us, t_us))


def read_resting(records: Records, clock: Clock, latest_us: int) -> Iterator[Batch | Bad]:
    """Resting heart rate by date; where the date is null or the value 0 the vendor has none."""
    rows = records.rows
    value, error = numbers(rows["value"]), numbers(rows["error"])
    absent = rows["date"].is_null().to_numpy() | (value == 0)
    day = parse_days(rows["date"], US_DATE)
    local_us = np.where(day == MISSING, MISSING, day * DAY_US)
    no_record = rows["stamp"].is_null().to_numpy()
    checks = [(no_record, "expected a dateTime, found none")]
    checks += [(bad & ~absent, reason) for bad, reason in check_instants(local_us, FIRST_US, latest_us)]
    checks += [
        (np.isnan(value) & ~absent, "expected a number in value.value, found none"),
        (((value < HR_MIN_BPM) | (value > HR_MAX_BPM)) & ~absent, "heart rate outside 20 to 250 a minute"),
    ]
    keep, bad = sift(rows, checks)
    yield bad
    keep &= ~absent
    kept, local_us, error = rows.filter(keep), local_us[keep], error[keep]
    offset, assumed = clock.of_local(local_us)
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


def read_exercise(records: Records, clock: Clock, latest_us: int) -> Iterator[Batch | Bad]:
    """Workouts, logged or found by the device, stamped in UTC; `lastModified` is their revision."""
    rows = records.rows
    t_us = parse_stamps(rows["stamp"], US_STAMP)
    changed_us = parse_stamps(rows["changed"], US_STAMP)
    length_ms, steps, hr_bpm = numbers(rows["length_ms"]), numbers(rows["steps"]), numbers(rows["hr_bpm"])
    checks = check_instants(t_us, FIRST_US, latest_us)
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
    offset, assumed = clock.of_utc(t_us)
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


def read_sleep(records: Records, clock: Clock, latest_us: int) -> Iterator[Batch | Bad]:
    """Sleep logs and their stages, stamped by the local clock."""
    rows = records.rows
    start_us, end_us = parse_stamps(rows["start"], ISO_STAMP), parse_stamps(rows["end"], ISO_STAMP)
    parts, blinks = (unfold(rows[name], ISO_STAMP, SLEEP_MAX_H) for name in ("levels", "short_levels"))
    checks = check_instants(start_us, FIRST_US, latest_us)
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
    yield from lay_out_sleep(kept, start_us, end_us, cut, clock)


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


def dated(names: str, ending: str = "json") -> re.Pattern[str]:
    """Names of files that carry the date they begin with."""
    return re.compile(rf"(?:{names})-\d{{4}}-\d{{2}}-\d{{2}}\.{ending}")


STREAMS: tuple[Stream, ...] = (
    Stream(
        dated("heart_rate"),
        "signal.heart_rate",
        (text("stamp", "dateTime"), real("hr_bpm", "value.bpm"), real("confidence", "value.confidence")),
        read_heart_rate,
    ),
    Stream(
        dated("sleep"),
        "signal.sleep_episode",
        (
            text("episode", "logId"),
            text("start", "startTime"),
            text("end", "endTime"),
            real("length_ms", "duration"),
            text("scoring", "type"),
            Field("main", "mainSleep", pa.bool_()),
            Field("levels", "levels.data", LEVEL),
            Field("short_levels", "levels.shortData", LEVEL),
        ),
        read_sleep,
    ),
    Stream(
        dated("steps"),
        "signal.steps",
        (text("stamp", "dateTime"), real("steps", "value")),
        read_steps,
    ),
    Stream(
        dated("resting_heart_rate"),
        "signal.vital",
        (
            text("stamp", "dateTime"),
            text("date", "value.date"),
            real("value", "value.value"),
            real("error", "value.error"),
        ),
        read_resting,
    ),
    Stream(
        re.compile(r"exercise-\d+\.json"),
        "signal.workout",
        (
            text("workout", "logId"),
            text("stamp", "startTime"),
            text("changed", "lastModified"),
            real("length_ms", "duration"),
            text("activity", "activityName"),
            text("kind", "logType"),
            real("hr_bpm", "averageHeartRate"),
            real("steps", "steps"),
        ),
        read_exercise,
    ),
    Stream(
        dated("time_in_heart_rate_zones|(?:sedentary|lightly_active|moderately_active|very_active)_minutes"),
        None,
    ),
    Stream(dated("demographic_vo2_max|run_vo2_max|calories|distance|altitude"), None),
    Stream(dated("estimated_oxygen_variation", "csv"), None),
)
"""Every kind of file of this layout, each name fits one row."""
