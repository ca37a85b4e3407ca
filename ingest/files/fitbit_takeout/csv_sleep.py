"""Google's CSV tables of sleeps, their stages and exercise.

Their stamps say +0000. In exports whose sleeps are there in JSON too they were the local clock's; the
offset that held stands in columns of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MISSING,
    Batch,
    Check,
    Instants,
    Records,
    Rejected,
    Stretches,
    check_instants,
    constant,
    instants,
    lay_out,
    overlay,
    read_numbers,
    refuse_rows,
    spans,
)

from .csv_layouts import columns
from .csv_values import read_offsets
from .layout import (
    DAY_US,
    FIRST_US,
    GOOGLE,
    HR_MAX_BPM,
    HR_MIN_BPM,
    SLEEP_MAX_H,
    WORKOUT_MAX_H,
    Placed,
    Rests,
    Setting,
    Stream,
    google,
    place,
    read_stamps,
)

STAGES: dict[str, str] = {
    "awake": "wake",
    "wake": "wake",
    "light": "light",
    "deep": "deep",
    "rem": "rem",
    "asleep": "asleep",
    "restless": "restless",
}
SCORINGS = ("stages", "classic")
SLEEP_MAX_US = SLEEP_MAX_H * DAY_US // 24


def read_sleeps(records: Records, setting: Setting) -> Iterator[Batch | Rejected]:
    """Sleeps; `sleep_last_updated` is their revision."""
    rows = records.rows
    start, end = place_both(rows, setting)
    scoring = lower(rows["scoring"])
    checks = [
        (rows["episode"].is_null().to_numpy(), "expected a sleep_id, found none"),
        *check_length(start, end, setting, SLEEP_MAX_H),
        (~np.isin(scoring.to_pylist(), SCORINGS), f"expected a sleep_type of {' or '.join(SCORINGS)}"),
    ]
    keep, rejected = refuse_rows(rows, checks, "signal.sleep_episode")
    yield rejected
    kept = rows.filter(pa.array(keep))
    t_us, end_us = start.t_us[keep], end.t_us[keep]
    found = {
        "episode": kept["episode"],
        "t_utc": instants(t_us),
        "offset_min": pa.array(start.offset_min[keep]),
        "end_utc": instants(end_us),
        "end_offset_min": pa.array(end.offset_min[keep]),
        "scoring": scoring.filter(pa.array(keep)),
        "vendor_main": pa.nulls(kept.num_rows, pa.bool_()),
        "in_bed": constant(value=False, count=kept.num_rows),
        "tz_assumed": pa.array((start.assumed | end.assumed)[keep]),
        "revision": revisions(kept),
    }
    complete = spans("signal.sleep_episode", kept, t_us, end_us)
    yield Batch("signal.sleep_episode", lay_out(kept, found), complete)


def read_stages(records: Records, setting: Setting) -> Iterator[Batch | Rejected]:
    """Stages, one a record; waking lies over what is around it."""
    rows = records.rows
    start, end = place_both(rows, setting)
    names = lower(rows["stage"])
    known = ", ".join(STAGES)
    checks = [
        (rows["episode"].is_null().to_numpy(), "expected a sleep_id, found none"),
        *check_length(start, end, setting, SLEEP_MAX_H),
        (~np.isin(names.to_pylist(), list(STAGES)), f"a sleep stage that is not known: expected {known}"),
    ]
    log, log_start, log_end = group_logs(rows, start.t_us, end.t_us, ~any_wrong(checks))
    too_long = (log_end - log_start > SLEEP_MAX_US)[log] & ~any_wrong(checks)
    checks.append((too_long, f"stages of one sleep that are more than {SLEEP_MAX_H} hours apart"))
    keep, rejected = refuse_rows(rows, checks, "signal.sleep_stage")
    yield rejected
    if not keep.any():
        return
    kept = rows.filter(pa.array(keep))
    t_us, end_us, offset = start.t_us[keep], end.t_us[keep], start.offset_min[keep]
    log, log_start, log_end = group_logs(kept, t_us, end_us, np.ones(kept.num_rows, dtype=np.bool_))
    stage = np.array([STAGES[name] for name in names.filter(pa.array(keep)).to_pylist()], dtype="U8")
    all_parts = Stretches(log, t_us, end_us, stage)
    waking = stage == "wake"
    cut = overlay(all_parts.filter(~waking), all_parts.filter(waking), log_start, log_end)
    yield lay_out_cut(kept, cut, all_parts, offset, (log_start, log_end))


def lay_out_cut(
    kept: pa.Table,
    cut: Stretches,
    parts: Stretches,
    offset: npt.NDArray[np.int16],
    edges: tuple[Instants, Instants],
) -> Batch:
    """Stages that were cut, each with the offset of the record that it begins in."""
    log_start, log_end = edges
    # All logs on one line, a log as far from the next as none is long.
    pitch = 2 * SLEEP_MAX_US
    line = parts.log * pitch + parts.start_us - log_start[parts.log]
    order = np.argsort(line, kind="stable")
    on_line = cut.log * pitch + cut.start_us - log_start[cut.log]
    begun_in = order[np.searchsorted(line[order], on_line, side="right") - 1]
    first = np.unique(parts.log, return_index=True)[1]
    logs = kept.take(pa.array(first))
    revision = np.full(first.size, MISSING)
    np.maximum.at(revision, parts.log, revision_numbers(kept))
    said = revision[cut.log]
    rows = logs.select(["member", "record", "episode"]).take(pa.array(cut.log))
    found = {
        "episode": rows["episode"],
        "t_utc": instants(cut.start_us),
        "offset_min": pa.array(offset[begun_in]),
        "end_utc": instants(cut.end_us),
        "stage": pa.array(cut.stage.tolist(), pa.string()),
        "revision": pa.array(said, mask=said == MISSING),
    }
    complete = spans("signal.sleep_stage", logs, log_start, log_end)
    return Batch("signal.sleep_stage", lay_out(rows, found), complete)


def group_logs(
    rows: pa.Table, start_us: Instants, end_us: Instants, good: npt.NDArray[np.bool_]
) -> tuple[Instants, Instants, Instants]:
    """Number the sleeps that records belong to, with the first start and last end of their good records."""
    codes = pc.fill_null(rows["episode"], "").combine_chunks().dictionary_encode().indices
    log = np.asarray(codes, dtype=np.int64)
    count = int(log.max(initial=-1)) + 1
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(first, log[good], start_us[good])
    np.maximum.at(last, log[good], end_us[good])
    empty = first > last
    return log, np.where(empty, 0, first), np.where(empty, 0, last)


def read_exercises(records: Records, setting: Setting) -> Iterator[Batch | Rejected]:
    """Exercise, logged or found by the device; an average heart rate of 0 is none."""
    rows = records.rows
    start, end = place_both(rows, setting)
    hr_bpm, bad_hr = read_numbers(rows["hr_bpm"])
    steps, bad_steps = read_numbers(rows["steps"])
    checks = [
        (rows["workout"].is_null().to_numpy(), "expected an exercise_id, found none"),
        *check_length(start, end, setting, WORKOUT_MAX_H),
        (
            bad_hr | ((hr_bpm != 0) & ((hr_bpm < HR_MIN_BPM) | (hr_bpm > HR_MAX_BPM))),
            "no possible heart rate",
        ),
        (bad_steps | (steps < 0) | (steps > 1e6), "steps outside 0 to 1,000,000"),
    ]
    keep, rejected = refuse_rows(rows, checks, "signal.workout")
    yield rejected
    kept, hr_bpm, steps = rows.filter(pa.array(keep)), hr_bpm[keep], steps[keep]
    found = {
        "workout": kept["workout"],
        "t_utc": instants(start.t_us[keep]),
        "offset_min": pa.array(start.offset_min[keep]),
        "end_utc": instants(end.t_us[keep]),
        "activity": lower(kept["activity"]),
        "detected": pc.equal(lower(kept["kind"]), "auto_detected"),
        "hr_mean_bpm": pa.array(hr_bpm, mask=~(hr_bpm > 0)),
        "steps": pa.array(np.nan_to_num(steps).astype(np.int32), mask=np.isnan(steps)),
        "revision": revisions(kept),
        "tz_assumed": pa.array((start.assumed | end.assumed)[keep]),
    }
    yield Batch("signal.workout", lay_out(kept, found))


def place_both(rows: pa.Table, setting: Setting) -> tuple[Placed, Placed]:
    """Starts and ends in UTC, by the offsets that stand beside them."""
    first = read_offsets(rows["start_offset"])
    last = read_offsets(rows["end_offset"]) if "end_offset" in rows.column_names else first
    return place(read_stamps(rows["start"]), setting, first), place(read_stamps(rows["end"]), setting, last)


def check_length(start: Placed, end: Placed, setting: Setting, longest_h: int) -> list[Check]:
    """What may be wrong with a start and an end."""
    known = end.t_us != MISSING
    length_us = np.where(known, end.t_us - np.where(start.t_us == MISSING, 0, start.t_us), 0)
    return [
        *check_instants(start.t_us, FIRST_US, setting.latest_us),
        (~known, "expected an end such as 2026-10-22 06:30:00+0000, found none"),
        (known & (length_us <= 0), "ends before it starts"),
        (length_us > longest_h * DAY_US // 24, f"longer than {longest_h} hours"),
    ]


def any_wrong(checks: list[Check]) -> npt.NDArray[np.bool_]:
    """Records of which any check holds."""
    wrong = checks[0][0].copy()
    for holds, _ in checks:
        wrong |= holds
    return wrong


def revisions(rows: pa.Table) -> pa.Array:
    """When records were last changed, in seconds since 1970; null where that is not said."""
    seconds = revision_numbers(rows)
    return pa.array(seconds, mask=seconds == MISSING)


def revision_numbers(rows: pa.Table) -> Instants:
    """When records were last changed, in seconds since 1970; MISSING where that is not said."""
    changed_us = read_stamps(rows["changed"])
    return np.where(changed_us == MISSING, MISSING, changed_us // 1_000_000)


def lower(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Words in lower case, without spaces around them."""
    return pc.utf8_lower(pc.utf8_trim_whitespace(column))


def rest_of_records(rows: pa.Table) -> Rests:
    """The times of records, as stamped, with the offset that stands beside their start."""
    return Rests(read_stamps(rows["start"]), read_stamps(rows["end"]), read_offsets(rows["start_offset"]))


def rest_of_stages(rows: pa.Table) -> Rests:
    """The times of sleeps from their first to their last stage, as stamped."""
    each = rest_of_records(rows)
    good = (each.start_us != MISSING) & (each.end_us != MISSING)
    log, first, last = group_logs(rows, each.start_us, each.end_us, good)
    stated = np.full(first.size, np.nan)
    stated[log] = each.offset_min
    seen = last > first
    return Rests(first[seen], last[seen], stated[seen])


NIGHT_NEEDED = ("episode", "start", "end", "start_offset", "end_offset")
SLEEPS = Stream(
    "sleeps",
    google("UserSleeps"),
    "signal.sleep_episode",
    read_sleeps,
    GOOGLE,
    "sleep",
    columns=columns(
        episode="sleep_id",
        scoring="sleep_type",
        start="sleep_start",
        end="sleep_end",
        start_offset="start_utc_offset",
        end_offset="end_utc_offset",
        changed="sleep_last_updated",
    ),
    needed=(*NIGHT_NEEDED, "scoring"),
    unused=(
        "minutes_in_sleep_period",
        "minutes_after_wake_up",
        "minutes_to_fall_asleep",
        "minutes_asleep",
        "minutes_awake",
        "minutes_longest_awakening",
        "minutes_to_persistent_sleep",
        "data_source",
        "algorithm_version",
        "sleep_created",
    ),
    suspect=True,
    rests=rest_of_records,
)
STAGES_OF_SLEEPS = Stream(
    "stages of sleeps",
    google("UserSleepStages"),
    "signal.sleep_stage",
    read_stages,
    GOOGLE,
    "sleep",
    columns=columns(
        episode="sleep_id",
        stage="sleep_stage_type",
        start="sleep_stage_start",
        end="sleep_stage_end",
        start_offset="start_utc_offset",
        end_offset="end_utc_offset",
        changed="sleep_stage_last_updated",
    ),
    needed=(*NIGHT_NEEDED, "stage"),
    unused=("sleep_stage_id", "data_source", "algorithm_version", "sleep_stage_created"),
    suspect=True,
    rests=rest_of_stages,
)
EXERCISES = Stream(
    "exercise",
    google("UserExercises"),
    "signal.workout",
    read_exercises,
    GOOGLE,
    "exercise",
    columns=columns(
        workout="exercise_id",
        start="exercise_start",
        end="exercise_end",
        start_offset="utc_offset",
        changed="exercise_last_updated",
        activity="activity_name",
        kind="log_type",
        hr_bpm="tracker_avg_heart_rate",
        steps="tracker_total_steps",
    ),
    needed=("workout", "start", "end", "start_offset", "activity"),
    unused=(
        "exercise_created",
        "pool_length",
        "pool_length_unit",
        "intervals",
        "distance_units",
        "events",
        *(
            f"{by}_{what}"
            for by in ("tracker", "manually_logged")
            for what in (
                "total_calories",
                "total_steps",
                "total_distance_mm",
                "total_altitude_mm",
                "peak_heart_rate",
                "avg_pace_mm_per_second",
                "avg_speed_mm_per_second",
                "peak_speed_mm_per_second",
                "auto_stride_run_mm",
                "auto_stride_walk_mm",
                "swim_lengths",
                "pool_length",
                "pool_length_unit",
                "cardio_load",
            )
        ),
    ),
    local=False,
    suspect=True,
    rests=rest_of_records,
    quickens=True,
)
SLEEP_STREAMS: tuple[Stream, ...] = (SLEEPS, STAGES_OF_SLEEPS, EXERCISES)
