"""Sleep of Health Auto Export: segments put together to sleeps, or sums of a night without stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingest.source import (
    MISSING,
    Batch,
    Check,
    Rejected,
    Stretches,
    check_instants,
    instants,
    lay_out,
    overlay,
    refuse_rows,
)

from .document import Metric
from .layout import (
    FIRST_US,
    HOUR_US,
    IN_BED,
    SLEEP_MAX_H,
    STAGES,
    Setting,
    make_points,
    read_stamps,
)

APART_US = HOUR_US
"""Segments further apart than this belong to two sleeps."""


@dataclass(frozen=True, order=True)
class Segment:
    """A stretch of one stage, of time in bed, or of a night's sum ('')."""

    start_us: int
    end_us: int
    stage: str
    device: str
    offset_min: int
    end_offset_min: int
    assumed: bool
    member: int
    record: int


def read_segments(metric: Metric, setting: Setting) -> tuple[list[Segment], list[Rejected]]:
    """Read the points of a sleep metric, of either shape."""
    records = list(enumerate(metric.points, start=metric.first))
    single = [(n, p) for n, p in records if not (isinstance(p, dict) and "sleepStart" in p)]
    sums = [(n, p) for n, p in records if isinstance(p, dict) and "sleepStart" in p]
    found, refused = read_spans(single, ("startDate", "endDate"), setting, stage=None)
    asleep, refused_sums = read_spans(sums, ("sleepStart", "sleepEnd"), setting, stage="")
    in_bed = [(n, p) for n, p in sums if isinstance(p, dict) and is_positive(p.get("inBed"))]
    beds, refused_beds = read_spans(in_bed, ("inBedStart", "inBedEnd"), setting, stage=IN_BED)
    return [*found, *asleep, *beds], [refused, refused_sums, refused_beds]


def is_positive(value: object) -> bool:
    """Whether a value is a number above zero."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def read_spans(
    records: Sequence[tuple[int, object]], names: tuple[str, str], setting: Setting, stage: str | None
) -> tuple[list[Segment], Rejected]:
    """Read points with a start and an end; `stage` None is read from their value."""
    points = make_points(records, (*names, "value"), names[0], setting)
    end_us, end_offset, _ = read_stamps(points.rows[names[1]], setting)
    words = [(word or "").strip().casefold() for word in points.rows["value"].to_pylist()]
    stages = [STAGES.get(word) if stage is None else stage for word in words]
    known = ", ".join(STAGES)
    checks: list[Check] = check_instants(points.t_us, FIRST_US, setting.latest_us)
    checks += [
        (end_us == MISSING, f"expected {names[1]} such as 2024-02-06 07:30:00 -0800, found none"),
        (end_us < points.t_us, "ends before it starts"),
        (end_us - points.t_us > SLEEP_MAX_H * HOUR_US, f"longer than {SLEEP_MAX_H} hours"),
        (np.array([s is None for s in stages], dtype=bool), f"a value that is not known: expected {known}"),
    ]
    keep, refused = refuse_rows(points.rows, checks, "signal.sleep_stage", place="sleep_analysis point")
    keep &= end_us > points.t_us
    devices, numbers = points.device.to_pylist(), points.rows["record"].to_pylist()
    found = [
        Segment(
            int(points.t_us[i]),
            int(end_us[i]),
            stages[i] or "",
            devices[i] or "",
            int(points.offset_min[i]),
            int(end_offset[i]),
            bool(points.assumed[i]),
            setting.member,
            numbers[i],
        )
        for i in np.flatnonzero(keep).tolist()
    ]
    return found, refused


def lay_out_sleep(segments: Sequence[Segment], fresh: Sequence[int]) -> Iterator[Batch]:
    """Rows of sleeps and their stages, of those sleeps that have something fresh in them."""
    for in_bed in (False, True):
        mine = sorted(s for s in segments if (s.stage == IN_BED) == in_bed)
        episodes = [e for e in group(mine) if any(s.member in fresh for s in e)]
        if episodes:
            yield from lay_out_episodes(episodes, set(fresh), in_bed=in_bed)


def group(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Put segments of one device that follow each other together; sums of a night stand alone."""
    found: list[list[Segment]] = []
    for device in sorted({s.device for s in segments}):
        end_us = MISSING
        for segment in (s for s in segments if s.device == device):
            joins = end_us != MISSING and segment.stage != "" and found[-1][0].stage != ""
            if joins and segment.start_us - end_us <= APART_US:
                found[-1].append(segment)
                end_us = max(end_us, segment.end_us)
            else:
                found.append([segment])
                end_us = segment.end_us
    return found


def lay_out_episodes(
    episodes: Sequence[Sequence[Segment]], fresh: set[int], *, in_bed: bool
) -> Iterator[Batch]:
    """Rows of sleeps, and of the stages of those that are not of time in bed."""
    first = [min((s for s in e if s.member in fresh), key=lambda s: (s.member, s.record)) for e in episodes]
    last = [max(e, key=lambda s: s.end_us) for e in episodes]
    start_us = np.array([e[0].start_us for e in episodes], dtype=np.int64)
    end_us = np.array([s.end_us for s in last], dtype=np.int64)
    starts = np.datetime_as_string(start_us.astype("datetime64[us]"), unit="s").tolist()
    names = [f"{start}Z in bed" if in_bed else f"{start}Z" for start in starts]
    rows = pa.table(
        {
            "member": pa.array([s.member for s in first], pa.int32()),
            "record": pa.array([s.record for s in first], pa.int64()),
        }
    )
    device = pa.array([e[0].device or None for e in episodes], pa.string())
    staged = [any(s.stage in ("light", "deep", "rem") for s in e) for e in episodes]
    count = len(episodes)
    columns = {
        "device": device,
        "episode": pa.array(names, pa.string()),
        "t_utc": instants(start_us),
        "offset_min": pa.array([e[0].offset_min for e in episodes], pa.int16()),
        "end_utc": instants(end_us),
        "end_offset_min": pa.array([s.end_offset_min for s in last], pa.int16()),
        "scoring": pa.array(["stages" if s else "classic" for s in staged], pa.string()),
        "vendor_main": pa.nulls(count, pa.bool_()),
        "in_bed": pa.array([in_bed] * count, pa.bool_()),
        "tz_assumed": pa.array([any(s.assumed for s in e) for e in episodes], pa.bool_()),
        "revision": pa.nulls(count, pa.int64()),
    }
    yield Batch("signal.sleep_episode", lay_out(rows, columns))
    if not in_bed:
        yield lay_out_stages(episodes, rows, columns, start_us, end_us)


def lay_out_stages(
    episodes: Sequence[Sequence[Segment]],
    rows: pa.Table,
    columns: dict[str, pa.Array | pa.ChunkedArray],
    start_us: np.ndarray[tuple[int], np.dtype[np.int64]],
    end_us: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> Batch:
    """Rows of stages: those with a name lie over 'asleep'."""
    named = [(i, s) for i, e in enumerate(episodes) for s in e if s.stage]
    both = [[(i, s) for i, s in named if (s.stage == "asleep") == under] for under in (True, False)]
    below, above = (
        Stretches(
            np.array([i for i, _ in part], dtype=np.int64),
            np.array([s.start_us for _, s in part], dtype=np.int64),
            np.array([s.end_us for _, s in part], dtype=np.int64),
            np.array([s.stage for _, s in part], dtype="U8"),
        )
        for part in both
    )
    cut = overlay(below, above, start_us, end_us)
    log = pa.array(cut.log)
    offsets = [
        next((s.offset_min for s in reversed(episodes[i]) if s.start_us <= t), episodes[i][0].offset_min)
        for i, t in zip(cut.log.tolist(), cut.start_us.tolist(), strict=True)
    ]
    found = {
        **{name: columns[name].take(log) for name in ("device", "episode", "revision")},
        "t_utc": instants(cut.start_us),
        "offset_min": pa.array(offsets, pa.int16()),
        "end_utc": instants(cut.end_us),
        "stage": pa.array(cut.stage.tolist(), pa.string()),
    }
    return Batch("signal.sleep_stage", lay_out(rows.take(log), found))
