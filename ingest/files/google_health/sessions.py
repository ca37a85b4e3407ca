"""Sleeps, exercise and logged moods of the Google Health API."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MISSING,
    Batch,
    Field,
    Flags,
    Moments,
    Rejected,
    Remark,
    Span,
    Stretches,
    check_end,
    check_instants,
    constant,
    instants,
    lay_out,
    name_app,
    overlay,
    parse_zoned,
    read_numbers,
    refuse_rows,
    rename,
    spans,
)

from .layout import (
    CHECKIN,
    EPISODE,
    FIRST_US,
    HR_MAX_BPM,
    HR_MIN_BPM,
    SLEEP_MAX_H,
    WORKOUT,
    WORKOUT_MAX_H,
    DataType,
    Setting,
    origin,
    place,
    read_stamped,
    texts,
    with_device,
)
from .values import list_edges, list_time_fields

STAGES = {
    "AWAKE": "wake",
    "LIGHT": "light",
    "DEEP": "deep",
    "REM": "rem",
    "ASLEEP": "asleep",
    "RESTLESS": "restless",
}
SPORTS = {"running": "run", "walking": "walk", "biking": "bike", "swimming": "swim"}
PRACTICE = ("meditation", "guided breathing", "mindfulness")
"""Kinds of exercise that are mindful practice."""
NO_SPORT = ("", "exercise type unspecified", "unknown")
FOUND_BY = {"PASSIVELY_MEASURED": True, "ACTIVELY_MEASURED": False, "MANUAL": False}
"""Whether the watch found an exercise by itself."""
APP = "Google Health"
STRETCH = pa.list_(pa.struct([(n, pa.string()) for n in ("type", "startTime", "startUtcOffset", "endTime")]))


def list_session_fields(kind: DataType) -> list[Field]:
    """What is taken out of every point."""
    if kind.table == CHECKIN:
        moods = Field("moods", f"{kind.field}.moods", pa.list_(pa.string()))
        return [*list_time_fields(kind), moods, *origin()]
    named = texts(name="name", merged_name="dataPointName", updated=f"{kind.field}.updateTime")
    shared = [*list_edges(f"{kind.field}.interval"), *named, *origin()]
    if kind.table == WORKOUT:
        summary = f"{kind.field}.metricsSummary"
        return shared + texts(
            sport=f"{kind.field}.exerciseType",
            method="dataSource.recordingMethod",
            bpm=f"{summary}.averageHeartRateBeatsPerMinute",
            steps=f"{summary}.steps",
        )
    about = f"{kind.field}.metadata"
    flags = {"main": "mainSleep", "main_preview": "main", "processed": "processed"}
    return [
        *shared,
        *texts(scoring=f"{kind.field}.type", status=f"{about}.stagesStatus"),
        *(Field(name, f"{about}.{path}", pa.bool_()) for name, path in flags.items()),
        Field("stages", f"{kind.field}.stages", STRETCH),
        Field("wakes", f"{kind.field}.shortAwakenings", STRETCH),
    ]


def read_sessions(rows: pa.Table, kind: DataType, setting: Setting) -> Iterator[Batch | Rejected | Remark]:
    """Read the points of a data type that holds more than values."""
    if kind.table == CHECKIN:
        yield from read_moods(rows, setting)
        return
    start, end = (
        place(read_stamped(rows[name], rows[f"{name}_offset"]), setting.clock) for name in ("start", "end")
    )
    hours = WORKOUT_MAX_H if kind.table == WORKOUT else SLEEP_MAX_H
    checks = [
        *check_instants(start.t_us, FIRST_US, setting.latest_us),
        *check_end(start.t_us, end.t_us, hours),
    ]
    shown = [name for name in rows.column_names if name not in ("stages", "wakes")]
    keep, rejected = refuse_rows(rows.select(shown), checks, kind.table)
    yield rejected
    rows, start, end = rows.filter(pa.array(keep)), start.filter(keep), end.filter(keep)
    rows = rows.append_column("session", name_sessions(rows))
    read = read_exercise if kind.table == WORKOUT else read_sleeps
    yield from read(rows, start, end, whole=rejected.rows.num_rows == 0)


def name_sessions(rows: pa.Table) -> pa.Array:
    """The vendor's number of each session, without the account's; its start where it has none."""
    name = pc.coalesce(rows["name"], rows["merged_name"], rows["start"])
    return pc.replace_substring_regex(name.combine_chunks(), r"^.*/", "")


def revisions(rows: pa.Table) -> pa.Array:
    """When each session was last changed, in milliseconds since 1970; null where that is not said."""
    t_us = parse_zoned(rows["updated"]).t_us
    return pa.array(np.where(t_us == MISSING, 0, t_us) // 1000, mask=t_us == MISSING)


# --- sleep -------------------------------------------------------------------------------------


def read_sleeps(
    rows: pa.Table, start: Moments, end: Moments, *, whole: bool
) -> Iterator[Batch | Rejected | Remark]:
    """Sleeps and their stages; one whose stages are not known stays a sleep."""
    parts, own_min = unfold_stages(rows["stages"])
    wakes, _ = unfold_stages(rows["wakes"])
    wakes = Stretches(wakes.log, wakes.start_us, wakes.end_us, np.full(wakes.log.size, "AWAKE"))
    unknown = np.zeros(rows.num_rows, np.bool_)
    broken = parts.start_us >= parts.end_us
    unknown[parts.log[~np.isin(parts.stage, list(STAGES)) | broken]] = True
    wrong = [(unknown, f"a stage that is none, or ends before it starts: expected {', '.join(STAGES)}")]
    yield refuse_rows(rows.select(["member", "record", "session"]), wrong, "signal.sleep_stage")[1]
    kept = ~unknown[parts.log]
    parts, own_min = rename(parts.filter(kept), STAGES), own_min[kept]
    wakes = rename(wakes.filter(~unknown[wakes.log] & (wakes.start_us < wakes.end_us)), STAGES)
    staged = np.bincount(parts.log, minlength=rows.num_rows) > 0
    episodes = with_device(lay_out_sleeps(rows, start, end, staged), rows)
    yield Batch(EPISODE, episodes, complete(EPISODE, rows, start, end) if whole else ())
    overlaid = overlay(parts, wakes.filter(staged[wakes.log]), start.t_us, end.t_us)
    offset = offsets_of(overlaid, parts, own_min, start)
    stages = with_device(lay_out_stages(rows, overlaid, offset), rows)
    certain = whole and not unknown.any()
    yield Batch(
        "signal.sleep_stage", stages, complete("signal.sleep_stage", rows, start, end) if certain else ()
    )
    waiting = int(pc.sum(pc.invert(processed(rows))).as_py() or 0)
    if waiting:
        yield Remark(f"Sleeps that Google has not processed yet: {waiting}; the next pulls read them again.")


def processed(rows: pa.Table) -> pa.ChunkedArray:
    """Whether each sleep is processed; false is left out of an answer."""
    return pc.fill_null(rows["processed"], fill_value=False)


def unfold_stages(lists: pa.ChunkedArray) -> tuple[Stretches, npt.NDArray[np.float64]]:
    """Lists of stages, one list a sleep, side by side, with the offset (minutes) at each start, NaN for none.

    A stretch without a time is one that ends where it starts.
    """
    array = lists.combine_chunks()
    log = pc.list_parent_indices(array).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = pc.list_flatten(array)
    part = {name: pc.struct_field(flat, name) for name in STRETCH.value_type.names}
    begun = read_stamped(part["startTime"], part["startUtcOffset"])
    end_us = parse_zoned(part["endTime"]).t_us
    good = (begun.t_us != MISSING) & (end_us != MISSING)
    stage = np.array(pc.fill_null(part["type"], "").to_pylist(), dtype=np.str_)
    return (
        Stretches(log, np.where(good, begun.t_us, 0), np.where(good, end_us, 0), stage),
        begun.offset_min,
    )


def offsets_of(
    cut: Stretches, parts: Stretches, own_min: npt.NDArray[np.float64], start: Moments
) -> npt.NDArray[np.int16]:
    """The offset of each stretch: that of the stage that it begins in, else of its sleep's start."""
    pitch = 10 * SLEEP_MAX_H * 3_600_000_000
    base = np.arange(start.t_us.size, dtype=np.int64) * pitch - start.t_us
    line = parts.start_us + base[parts.log]
    order = np.argsort(line, kind="stable")
    found = np.searchsorted(line[order], cut.start_us + base[cut.log], side="right") - 1
    if order.size == 0:
        return start.offset_min[cut.log]
    stage = order[np.maximum(found, 0)]
    mine = (found >= 0) & (parts.log[stage] == cut.log) & ~np.isnan(own_min[stage])
    return np.where(mine, np.nan_to_num(own_min[stage]), start.offset_min[cut.log]).astype(np.int16)


def lay_out_sleeps(rows: pa.Table, start: Moments, end: Moments, staged: Flags) -> pa.Table:
    """Rows of `signal.sleep_episode`."""
    classic = pc.fill_null(pc.equal(rows["scoring"], "CLASSIC"), fill_value=False)
    scoring = pc.if_else(classic, "classic", "stages")
    known = pc.or_(pc.is_valid(rows["status"]), pc.is_valid(rows["processed"]))
    # False is left out, so a sleep with anything said of it is no main sleep unless it says so.
    unsaid = pc.if_else(known, pa.scalar(False), pa.scalar(None, pa.bool_()))  # noqa: FBT003 - a scalar
    columns = {
        "episode": rows["session"],
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us),
        "end_offset_min": pa.array(end.offset_min),
        "scoring": pc.if_else(pa.array(staged), scoring, pa.scalar(None, pa.string())),
        "vendor_main": pc.coalesce(rows["main"], rows["main_preview"], unsaid),
        "in_bed": constant(value=False, count=rows.num_rows),
        "tz_assumed": pa.array(start.assumed | end.assumed),
        "revision": revisions(rows),
    }
    return lay_out(rows, columns)


def lay_out_stages(rows: pa.Table, cut: Stretches, offset: npt.NDArray[np.int16]) -> pa.Table:
    """Rows of `signal.sleep_stage`."""
    logs = rows.append_column("revision", revisions(rows)).take(pa.array(cut.log))
    columns = {
        "episode": logs["session"],
        "t_utc": instants(cut.start_us),
        "offset_min": pa.array(offset),
        "end_utc": instants(cut.end_us),
        "stage": pa.array(cut.stage.tolist(), pa.string()),
        "revision": logs["revision"],
    }
    return lay_out(logs, columns)


def complete(table: str, rows: pa.Table, start: Moments, end: Moments) -> tuple[Span, ...]:
    """The time of which a page holds all sessions."""
    return spans(table, rows, start.t_us, np.maximum(start.t_us, end.t_us))


# --- exercise and moods ------------------------------------------------------------------------


def read_exercise(
    rows: pa.Table, start: Moments, end: Moments, *, whole: bool
) -> Iterator[Batch | Rejected | Remark]:
    """Exercise; meditation and guided breathing are no workouts but mindful practice."""
    sport = pc.replace_substring(pc.utf8_lower(pc.fill_null(rows["sport"], "")), "_", " ").to_pylist()
    practice = np.isin(np.array(sport, dtype=np.str_), PRACTICE)
    yield Batch(
        "signal.event",
        with_device(
            lay_out_practice(rows.filter(pa.array(practice)), start.filter(practice), end.filter(practice)),
            rows,
        ),
    )
    rows, start, end = rows.filter(pa.array(~practice)), start.filter(~practice), end.filter(~practice)
    names = [SPORTS.get(word, word) for word, mindful in zip(sport, practice, strict=True) if not mindful]
    bpm, steps = (read_numbers(rows[name])[0] for name in ("bpm", "steps"))
    counted = (steps >= 0) & (steps < 1_000_000)
    columns = {
        "workout": rows["session"],
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us),
        "activity": pa.array([None if name in NO_SPORT else name for name in names], pa.string()),
        "detected": pa.array([FOUND_BY.get(how or "") for how in rows["method"].to_pylist()], pa.bool_()),
        "hr_mean_bpm": pa.array(bpm, mask=~((bpm >= HR_MIN_BPM) & (bpm <= HR_MAX_BPM))),
        "steps": pa.array(np.where(counted, steps, 0).astype(np.int32), mask=~counted),
        "revision": revisions(rows),
        "tz_assumed": pa.array(start.assumed),
    }
    whole_time = complete(WORKOUT, rows, start, end) if whole else ()
    yield Batch(WORKOUT, with_device(lay_out(rows, columns), rows), whole_time)


def lay_out_practice(rows: pa.Table, start: Moments, end: Moments) -> pa.Table:
    """Rows of `signal.event`."""
    columns = {
        "event": constant("mindful", rows.num_rows),
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us),
        "app": pa.array([name_app(package or APP) for package in rows["package"].to_pylist()], pa.string()),
        "amount": pa.array((end.t_us - start.t_us) / 60e6),
        "tz_assumed": pa.array(start.assumed),
    }
    return lay_out(rows, columns)


def read_moods(rows: pa.Table, setting: Setting) -> Iterator[Batch | Rejected]:
    """Moods that the person logged; the words of one moment are one answer."""
    when = place(read_stamped(rows["start"], rows["start_offset"]), setting.clock)
    words = [
        ", ".join(sorted({str(word) for word in some or () if word})) for some in rows["moods"].to_pylist()
    ]
    label = pc.replace_substring(pc.utf8_lower(pa.array(words, pa.string())), "_", " ")
    checks = check_instants(when.t_us, FIRST_US, setting.latest_us)
    keep, rejected = refuse_rows(rows.drop_columns(["moods"]), checks, CHECKIN)
    yield rejected
    keep &= np.array([bool(text) for text in words], dtype=np.bool_)
    kept, at, count = rows.filter(pa.array(keep)), when.filter(keep), int(keep.sum())
    columns = {
        "scale": constant("mood", count),
        "t_utc": instants(at.t_us),
        "offset_min": pa.array(at.offset_min),
        "value": pa.nulls(count, pa.float64()),
        "label": label.filter(pa.array(keep)),
        "tz_assumed": pa.array(at.assumed),
    }
    yield Batch(CHECKIN, with_device(lay_out(kept, columns), rows))
