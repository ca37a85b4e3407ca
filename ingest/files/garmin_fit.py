"""FIT files of Garmin and other makers: activities, monitoring, sleep, nightly HRV, skin temperature, naps.

Decoding is the vendor's own (garmin_fit_sdk), asked for raw values; scales, sentinels and the sums that
monitoring keeps are resolved here. A file is known by `.FIT` at its ninth byte.

Time, as the profile states it and real files show it:

- stamps are UTC. Where a message has a local stamp beside it (`monitoring_info`, `activity`,
  `skin_temp_overnight` …) the offset of the file is proven, from that message on and before the first;
  naps carry their own offsets; all else takes the person's zone, flagged;
- `hrv` lists intervals without stamps. They follow each other from the start of the timer on; where that
  clock leaves the records around it by more than 3 s, beats are missing: it is set anew, with a gap;
- `beat_intervals` and `raw_bbi` stamp a list of intervals, and the profile does not say whether with its
  start or its end: whichever makes neighbouring lists meet holds for the file, the start if none does;
- `hrv_value` stamps the end of its five minutes, as Connect's readings of the same nights show;
- a `sleep_level` stamps the end of its stretch, unless the file's own sleep events (74) say the start;
- monitoring counts steps from local midnight on, for each kind of activity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    MISSING,
    About,
    Batch,
    Beats,
    Check,
    Clock,
    Context,
    Export,
    Flags,
    Instants,
    Member,
    Message,
    Midnights,
    Numbered,
    Rejected,
    Remark,
    Tape,
    chain_intervals,
    chain_lists,
    check_instants,
    constant,
    count_steps,
    decode_fit,
    find_device,
    find_night,
    find_offsets,
    fit_column,
    fit_instants,
    has_strap,
    instants,
    monitoring_times,
    name_instants,
    ordinals,
    peek,
    profile_name,
    refuse_one,
    refuse_rows,
    settle_clock,
    to_us,
    unwind_strap,
)

NAME = "garmin_fit"
METHOD_VERSION = "garmin_fit-1"
ABOUT = About(
    device="Garmin watches, Edge and straps; activities of any maker that writes FIT",
    layouts="`*.fit`: activity, monitoring (wellness), sleep, HRV status, skin temperature, health snapshot",
    signals="heart rate, steps, beats (`hrv`, `beat_intervals`, `raw_bbi`), five-minute and nightly RMSSD, stress"
    " level, respiration, SpO2, resting heart rate, skin temperature deviation, sleep with stages and score, naps,"
    " workouts, meditation and breathwork; not body battery, positions, power, laps",
    zone="stamps are UTC; a local stamp in the file proves its offset, else the person's zone (flagged)",
    quirks="negative stress is not measurable; steps are sums since local midnight and become steps of spans; beats"
    " are marked as electric only from Garmin's own straps; compressed time headers (before 2010) are refused",
    how_to_export="On garmin.com open Account, Data Management, Export Your Data; wait for the mail; load the zip"
    " as it is: the zips in its DI_CONNECT/DI-Connect-Uploaded-Files are read where they lie. Or copy GARMIN/Monitor,"
    " GARMIN/Sleep, GARMIN/HRVStatus and GARMIN/Activity from the watch by USB.",
)

Floats = npt.NDArray[np.float64]
Offsets = npt.NDArray[np.int16]

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2005-01-01", "us").astype(np.int64))
"""FIT was published in 2008; a clock that was never set shows 1989 and the years after."""
BATCH_ROWS = 400_000
STEPS_PER_MINUTE = 1000
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 72

FILE_ID, SESSION, MONITORING, SLEEP_LEVEL, BEAT_INTERVALS = 0, 18, 55, 275, 290
SLEEP_ASSESSMENT, HRV_SUMMARY, RAW_BBI, NAP = 346, 370, 372, 412
ACTIVITY_FILE = 4
STAGES: dict[int, str] = {1: "wake", 2: "light", 3: "deep", 4: "rem"}
"""The profile's sleep_level; what is unmeasurable, or not known, is no stage."""
SPORTS: dict[str, str] = {"running": "run", "walking": "walk", "cycling": "bike", "swimming": "swim"}
"""Our words for the profile's most common sports; others keep its own."""
MINDFUL: dict[str, str] = {"meditation": "Garmin meditation", "breathing": "Garmin breathwork"}
"""Sports and sub-sports that are practice, not exercise."""


@dataclass(frozen=True)
class Point:
    """A kind of message that is one value at one instant."""

    kind: int
    table: str
    stamp: str
    source: str
    target: str
    scale: float
    limits: tuple[float, float]
    what: str
    none_below: float = 0.0
    """Raw values below it mean: not measured."""
    words: dict[str, str] = field(default_factory=dict)
    """Columns that are the same in all rows."""


def vital(name: str, unit: str) -> dict[str, str]:
    """The constant columns of a vital."""
    return {"vital": name, "unit": unit}


POINTS: tuple[Point, ...] = (
    Point(20, "signal.heart_rate", "timestamp", "heart_rate", "hr_bpm", 1, (20, 250), "heart rate", 1),
    Point(211, "signal.vital", "timestamp", "current_day_resting_heart_rate", "value", 1, (20, 250),
          "resting heart rate", 1, vital("resting_heart_rate", "/min")),
    Point(227, "signal.vendor_score", "stress_level_time", "stress_level_value", "value", 1, (0, 100),
          "stress level", 0, {"score": "stress_level"}),
    Point(269, "signal.vital", "timestamp", "reading_spo2", "value", 1, (50, 100), "SpO2", 1, vital("spo2", "%")),
    Point(297, "signal.vital", "timestamp", "respiration_rate", "value", 100, (3, 70), "respiration", 1,
          vital("respiration", "/min")),
    Point(371, "signal.hrv_sample", "timestamp", "value", "value_ms", 128, (1, 500), "RMSSD", 1,
          {"hrv": "rmssd_5min"}),
    Point(398, "signal.vital", "timestamp", "average_deviation", "value", 1, (-10, 10),
          "skin temperature deviation", -np.inf, vital("skin_temperature_deviation", "Cel")),
)  # fmt: skip
START_EARLIER_S: dict[int, int] = {371: 300}
"""Kinds whose stamp ends what they are of, and how long that is."""


@dataclass(frozen=True)
class Zone:
    """Offsets of a file: those it shows from their instants on, or the person's clock."""

    clock: Clock
    from_us: Instants
    offset_min: Offsets

    def at(self, t_us: Instants) -> tuple[Offsets, Flags]:
        """Offsets at instants of UTC, and where they are assumed."""
        if self.from_us.size == 0:
            return self.clock.of_utc(t_us)
        place = np.maximum(np.searchsorted(self.from_us, t_us, side="right") - 1, 0)
        return self.offset_min[place], np.zeros(t_us.size, dtype=bool)


@dataclass(frozen=True)
class Found:
    """Rows of a table, before they are checked: number of the message, instant, the other columns."""

    table: str
    record: Instants
    t_us: Instants
    columns: dict[str, pa.Array]
    checks: list[Check]
    own_min: Floats | None = None
    """Offsets that the messages carry themselves; NaN where they do not."""


def claims(member: Member) -> bool:
    """Whether the member is a FIT file: by its ending and, as astronomers use that too, its first bytes."""
    return member.name.lower().endswith(".fit") and b".FIT" in peek(member)[:12]


def stream(name: str) -> str | None:
    """The table that most rows of such a file feed; its messages decide about the others."""
    return "signal.heart_rate" if name.lower().endswith(".fit") else None


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh files, one after the other, into batches of many files."""
    none = np.zeros(0, dtype=np.int64)
    clock = settle_clock(context.zone, Midnights(none, none, none))
    latest_us = to_us(export.exported_utc) + DAY_US
    waiting: dict[str, list[pa.Table]] = {}
    for member in export.fresh:
        for found in read_file(member, export.members[member].read(), clock, latest_us):
            if isinstance(found, Rejected):
                yield found
                continue
            parts = waiting.setdefault(found.table, [])
            parts.append(found.rows)
            if sum(part.num_rows for part in parts) > BATCH_ROWS:
                yield Batch(
                    found.table, pa.concat_tables(waiting.pop(found.table), promote_options="default")
                )
    for table, parts in waiting.items():
        yield Batch(table, pa.concat_tables(parts, promote_options="default"))


def read_file(member: int, data: bytes, clock: Clock, latest_us: int) -> Iterator[Batch | Rejected]:
    """Read all that a file holds; what cannot be decoded is refused with its place."""
    tape = decode_fit(data)
    if tape.fault is not None:
        place, reason = tape.fault
        table = "signal.heart_rate" if tape.count else "file"
        yield refuse_one(member=member, stream=table, record=tape.count, place=place, reason=reason, raw="")
    zone, device = Zone(clock, *find_offsets(tape)), find_device(tape)
    for reader in READERS:
        for found in reader(tape, zone):
            if found.record.size:
                yield from finish(found, member, device, zone, latest_us)


def finish(
    found: Found, member: int, device: str | None, zone: Zone, latest_us: int
) -> Iterator[Batch | Rejected]:
    """Part good rows from bad ones, and give the good ones their offset and device."""
    count = found.record.size
    columns = {"member": pa.array(np.full(count, member, dtype=np.int32)), "record": pa.array(found.record)}
    rows = pa.table({**columns, "t_utc": instants(found.t_us), **found.columns})
    checks = [*check_instants(found.t_us, FIRST_US, latest_us), *found.checks]
    # Stamps that are none, or beyond the calendar, cannot be shown.
    shown = [name for name in rows.column_names if not pa.types.is_timestamp(rows[name].type)]
    keep, rejected = refuse_rows(rows.select(shown), checks, found.table, place="message")
    if not keep.all():
        yield rejected
        rows = rows.filter(pa.array(keep))
    if rows.num_rows:
        own_min = None if found.own_min is None else found.own_min[keep]
        offset, assumed = settle_offsets(zone, found.t_us[keep], own_min)
        more = {
            "offset_min": pa.array(offset),
            "tz_assumed": pa.array(assumed),
            "device": pa.array([device] * rows.num_rows, pa.string()),
        }
        for name, column in more.items():
            rows = rows.append_column(name, column)
        yield Batch(found.table, rows)


def settle_offsets(zone: Zone, t_us: Instants, own_min: Floats | None) -> tuple[Offsets, Flags]:
    """Offsets that messages carry themselves, else those of the file or the person; where assumed."""
    offset, assumed = zone.at(t_us)
    if own_min is None:
        return offset, assumed
    known = np.abs(own_min) <= 14 * 60
    return np.where(known, np.where(known, own_min, 0), offset).astype(np.int16), assumed & ~known


# --- one value at one instant ------------------------------------------------------------------


def read_points(tape: Tape, _zone: Zone) -> Iterator[Found]:
    """Messages of one value each."""
    for point in POINTS:
        found = tape.of(point.kind)
        raw, stamp_s = fit_column(found, point.source), fit_column(found, point.stamp)
        given = raw >= point.none_below
        yield lay_out_point(point, ordinals(found)[given], stamp_s[given], raw[given] / point.scale)


def lay_out_point(point: Point, record: Instants, stamp_s: Floats, value: Floats) -> Found:
    """Put values into the shape of their table."""
    span_s = START_EARLIER_S.get(point.kind, 0)
    low, high = point.limits
    columns = {name: constant(word, value.size) for name, word in point.words.items()}
    as_float = value.astype(np.float32) if point.table == "signal.heart_rate" else value
    columns[point.target] = pa.array(as_float)
    empty: dict[str, tuple[str, pa.DataType]] = {
        "signal.heart_rate": ("confidence", pa.int8()),
        "signal.vital": ("error", pa.float64()),
        "signal.vendor_score": ("label", pa.string()),
        "signal.hrv_sample": ("coverage", pa.float64()),
    }
    name, kind = empty[point.table]
    columns[name] = pa.nulls(value.size, kind)
    if point.table == "signal.hrv_sample":
        columns["span_s"] = pa.array(np.full(value.size, span_s, dtype=np.int32))
    outside = (value < low) | (value > high)
    checks = [(outside, f"{point.what} outside {low:g} to {high:g}")]
    return Found(point.table, record, fit_instants(stamp_s - span_s), columns, checks)


def read_nightly(tape: Tape, zone: Zone) -> Iterator[Found]:
    """The mean RMSSD of nights, at the local midnight of the date of their summary."""
    found = tape.of(HRV_SUMMARY)
    stamp_us = fit_instants(fit_column(found, "timestamp"))
    local_us = zone.at(stamp_us)[0].astype(np.int64) * MINUTE_US
    midnight_us = (stamp_us + local_us) // DAY_US * DAY_US - local_us
    value = fit_column(found, "last_night_average") / 128
    given = value > 0
    t_us = np.where(stamp_us == MISSING, MISSING, midnight_us)[given]
    columns = {
        "hrv": constant("rmssd_night", t_us.size),
        "span_s": pa.nulls(t_us.size, pa.int32()),
        "value_ms": pa.array(value[given]),
        "coverage": pa.nulls(t_us.size, pa.float64()),
    }
    checks = [(value[given] > 500, "RMSSD outside 1 to 500")]
    yield Found("signal.hrv_sample", ordinals(found)[given], t_us, columns, checks)


def read_strap(tape: Tape, _zone: Zone) -> Iterator[Found]:
    """Heart rates that a strap stored by itself and sent afterwards."""
    record, stamp_s, bpm = unwind_strap(tape)
    given = bpm >= 1
    yield lay_out_point(POINTS[0], record[given], stamp_s[given], bpm[given])


def read_monitoring(tape: Tape, zone: Zone) -> Iterator[Found]:
    """Heart rates and steps of every day."""
    found, time_s = tape.of(MONITORING), monitoring_times(tape)
    bpm = fit_column(found, "heart_rate")
    given = bpm >= 1
    yield lay_out_point(POINTS[0], ordinals(found)[given], time_s[given], bpm[given])
    counted = count_steps(tape, time_s, lambda at_s: zone.at(fit_instants(at_s))[0].astype(np.float64) * 60)
    length_s = counted.end_s - counted.start_s
    columns = {
        "span_s": pa.array(length_s.astype(np.int32)),
        "steps": pa.array(np.minimum(counted.steps, 2**31 - 1).astype(np.int32)),
    }
    too_many = counted.steps > STEPS_PER_MINUTE * np.maximum(length_s / 60, 1)
    checks = [(too_many, f"more than {STEPS_PER_MINUTE} steps a minute")]
    yield Found("signal.steps", counted.record, fit_instants(counted.start_s), columns, checks)


def read_beats(tape: Tape, _zone: Zone) -> Iterator[Found]:
    """Intervals of activities, from straps or the watch, and those that the watch writes day and night."""
    yield lay_out_beats(chain_intervals(tape), "ecg" if has_strap(tape) else None)
    of_activity = ACTIVITY_FILE in fit_column(tape.of(FILE_ID), "type")
    for kind in (BEAT_INTERVALS, RAW_BBI):
        yield lay_out_beats(chain_lists(tape, kind), None if of_activity else "ppg")


def lay_out_beats(beats: Beats, sensor: str | None) -> Found:
    """Put beats into the shape of their table; FIT gives whole milliseconds."""
    count = len(beats.record)
    columns = {
        "rr_ms": pa.array(np.array(beats.rr_ms, dtype=np.float32)),
        "gap_before": pa.array(np.array(beats.gap, dtype=bool)),
        "tick_ms": pa.array(np.full(count, 1.0, dtype=np.float32)),
        "sensor": pa.array([sensor] * count, pa.string()),
    }
    end_us = fit_instants(np.array(beats.end_s, dtype=np.float64))
    return Found("signal.beat", np.array(beats.record, dtype=np.int64), end_us, columns, [])


# --- sleep and workouts ------------------------------------------------------------------------


def read_sleep(tape: Tape, zone: Zone) -> Iterator[Found]:
    """The night of a sleep file, its stages and score."""
    edge_s, codes = find_night(tape)
    if not codes:
        return
    stage = [STAGES.get(code, "") for code in codes]
    number = tape.of(SLEEP_LEVEL)[0][0]
    name = f"sleep {name_instants(edge_s[:1])[0]}"
    yield lay_out_episodes([number], [name], edge_s[:1], edge_s[-1:], zone, scoring="stages", main=None)
    if edge_s[-1] - edge_s[0] > SLEEP_MAX_H * 3600:
        return
    yield lay_out_stages(number, name, edge_s, stage)
    score = fit_column(tape.of(SLEEP_ASSESSMENT)[:1], "overall_sleep_score")
    if score.size and score[0] >= 1:
        columns = {
            "score": constant("sleep_score", 1),
            "value": pa.array(score),
            "label": pa.nulls(1, pa.string()),
        }
        checks = [(score > 100, "sleep score outside 1 to 100")]
        record = ordinals(tape.of(SLEEP_ASSESSMENT)[:1])
        yield Found("signal.vendor_score", record, fit_instants(edge_s[-1:]), columns, checks)


def lay_out_stages(record: int, name: str, edge_s: Floats, stage: list[str]) -> Found:
    """Stretches of a night, equal neighbours joined; no stage where none could be measured."""
    names = np.array(stage)
    first = np.flatnonzero(np.append(True, names[1:] != names[:-1]))
    start_s, end_s = edge_s[first], edge_s[np.append(first[1:], names.size)]
    staged = (names[first] != "") & (end_s > start_s)
    start_s, end_s, names = start_s[staged], end_s[staged], names[first][staged]
    columns = {
        "episode": constant(name, names.size),
        "end_utc": instants(fit_instants(end_s)),
        "stage": pa.array(names.tolist(), pa.string()),
        "revision": pa.nulls(names.size, pa.int64()),
    }
    return Found("signal.sleep_stage", np.full(names.size, record), fit_instants(start_s), columns, [])


def lay_out_episodes(
    record: list[int],
    names: list[str],
    start_s: Floats,
    end_s: Floats,
    zone: Zone,
    *,
    scoring: str,
    main: bool | None,
    own_min: tuple[Floats, Floats] | None = None,
) -> Found:
    """Put sleeps into the shape of their table; `own_min` are offsets that they carry themselves."""
    end_us = fit_instants(end_s)
    end_offset, _ = settle_offsets(zone, end_us, None if own_min is None else own_min[1])
    columns = {
        "episode": pa.array(names, pa.string()),
        "end_utc": instants(end_us),
        "end_offset_min": pa.array(end_offset),
        "scoring": constant(scoring, len(names)),
        "vendor_main": pa.array([main] * len(names), pa.bool_()),
        "in_bed": constant(value=False, count=len(names)),
        "revision": pa.nulls(len(names), pa.int64()),
    }
    length_h = (end_s - start_s) / 3600
    checks = [
        (~np.isfinite(length_h), "expected a start and an end"),
        (length_h <= 0, "ends before it starts"),
        (length_h > SLEEP_MAX_H, f"longer than {SLEEP_MAX_H} hours"),
    ]
    own = None if own_min is None else own_min[0]
    return Found("signal.sleep_episode", np.array(record), fit_instants(start_s), columns, checks, own)


def read_naps(tape: Tape, zone: Zone) -> Iterator[Found]:
    """Naps that were not deleted, unstaged, with the offsets that they carry."""
    found = [(n, m) for n, m in tape.of(NAP) if not m.get("is_deleted")]
    start_s, end_s = fit_column(found, "start_time"), fit_column(found, "end_time")
    own = tuple(fit_column(found, name) for name in ("start_timezone_offset", "end_timezone_offset"))
    names = [f"nap {moment}" for moment in name_instants(start_s)]
    record = [n for n, _ in found]
    yield lay_out_episodes(
        record, names, start_s, end_s, zone, scoring="classic", main=False, own_min=(own[0], own[1])
    )


def read_sessions(tape: Tape, _zone: Zone) -> Iterator[Found]:
    """Workouts; meditation and breathwork are practice and become events."""
    workouts: Numbered = []
    practice: Numbered = []
    for number, message in tape.of(SESSION):
        (workouts if find_app(message) is None else practice).append((number, message))
    yield lay_out_workouts(workouts)
    start_s, elapsed_s = fit_column(practice, "start_time"), fit_column(practice, "total_elapsed_time") / 1000
    columns = {
        "event": constant("mindful", len(practice)),
        "end_utc": instants(fit_instants(start_s + elapsed_s)),
        "app": pa.array([find_app(message) for _, message in practice], pa.string()),
        "amount": pa.nulls(len(practice), pa.float64()),
    }
    checks = [(np.isnan(elapsed_s), "expected a total_elapsed_time, found none")]
    yield Found("signal.event", ordinals(practice), fit_instants(start_s), columns, checks)


def find_app(message: Message) -> str | None:
    """The app of a session that is practice; None for exercise."""
    sport = profile_name("sport", message.get("sport")) or ""
    return MINDFUL.get(sport) or MINDFUL.get(profile_name("sub_sport", message.get("sub_sport")) or "")


def lay_out_workouts(found: Numbered) -> Found:
    """Put sessions into the shape of their table; their start is their name."""
    sport = [profile_name("sport", message.get("sport")) or "generic" for _, message in found]
    start_s, elapsed_s = fit_column(found, "start_time"), fit_column(found, "total_elapsed_time") / 1000
    bpm, cycles = fit_column(found, "avg_heart_rate"), fit_column(found, "total_cycles")
    on_foot = np.isin(sport, ["running", "walking", "hiking"])
    steps = np.where(on_foot, cycles * 2, np.nan)
    columns = {
        "workout": pa.array(name_instants(start_s), pa.string()),
        "end_utc": instants(fit_instants(start_s + elapsed_s)),
        "activity": pa.array([SPORTS.get(name, name.replace("_", " ")) for name in sport], pa.string()),
        "detected": pa.nulls(len(found), pa.bool_()),
        "hr_mean_bpm": pa.array(bpm, mask=~(bpm >= 1)),
        "steps": pa.array(np.nan_to_num(steps).astype(np.int32), mask=np.isnan(steps)),
        "revision": pa.nulls(len(found), pa.int64()),
    }
    checks = [
        (np.isnan(elapsed_s), "expected a total_elapsed_time, found none"),
        (elapsed_s > WORKOUT_MAX_H * 3600, f"longer than {WORKOUT_MAX_H} hours"),
        ((bpm >= 1) & ((bpm < 20) | (bpm > 250)), "heart rate outside 20 to 250"),
    ]
    return Found("signal.workout", ordinals(found), fit_instants(start_s), columns, checks)


READERS: tuple[Callable[[Tape, Zone], Iterator[Found]], ...] = (
    read_points, read_nightly, read_strap, read_monitoring, read_beats, read_sleep, read_naps, read_sessions,
)  # fmt: skip
