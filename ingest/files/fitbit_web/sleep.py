"""Sleep logs of the Fitbit Web API: stages of version 1.2, minutes of version 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from ingest.source import (
    ISO_STAMP,
    MINUTE_US,
    MISSING,
    Batch,
    Clock,
    Flags,
    Instants,
    Moments,
    Rejected,
    Stretches,
    check_end,
    check_instants,
    constant,
    dig,
    instants,
    lay_out,
    overlay,
    parse_stamps,
    place_local,
    refuse_rows,
    spans,
    sub_records,
    to_float,
    write_cell,
)

from .layout import EPISODE, FIRST_US, STAGE, second_time

SLEEP_MAX_H = 48
ONE_CLOCK_US = 10 * MINUTE_US
"""How far a log's end may be from its start and duration; vendors round by up to a minute."""
STAGES = {
    "wake": "wake",
    "awake": "wake",
    "light": "light",
    "deep": "deep",
    "rem": "rem",
    "asleep": "asleep",
    "restless": "restless",
    "unknown": "",
}
"""The vendor's levels as stages; its own 'unknown' is left out."""
CODES = {"1": "asleep", "2": "restless", "3": "wake"}
"""What version 1 says of minutes."""
OLD, NEW = 10, 12
"""Revisions of the versions' logs, so that the stages of a log win over its minutes, whichever came last."""


@dataclass(frozen=True)
class Log:
    """One log and its parts in microseconds of UTC; `wrong` says why it is refused."""

    start_us: int
    end_us: int
    parts: tuple[tuple[int, int, str], ...]
    short: tuple[tuple[int, int, str], ...]
    wrong: str = ""


def read_sleep(
    records: Sequence[object], member: int, clock: Clock, latest_us: int
) -> Iterator[Batch | Rejected]:
    """Sleep logs of one answer."""
    known = [record if isinstance(record, dict) else {} for record in records]
    logs = [settle(record, clock) for record in known]
    rows = pa.table(
        {
            "member": pa.array(np.full(len(known), member, np.int32)),
            "record": pa.array(np.arange(len(known), dtype=np.int64)),
            "episode": pa.array([write_cell(record.get("logId")) for record in known], pa.string()),
            "start": pa.array([write_cell(record.get("startTime")) for record in known], pa.string()),
            "end": pa.array([write_cell(record.get("endTime")) for record in known], pa.string()),
        }
    )
    start_us, end_us = (
        np.array([getattr(log, name) for log in logs], np.int64) for name in ("start_us", "end_us")
    )
    wrong = np.array([bool(log.wrong) for log in logs], np.bool_)
    words = next((log.wrong for log in logs if log.wrong), "")
    checks = [
        (rows["episode"].is_null().to_numpy(), "expected a logId, found none"),
        *check_instants(start_us, FIRST_US, latest_us),
        *check_end(start_us, end_us, SLEEP_MAX_H),
        (wrong, words),
    ]
    keep, rejected = refuse_rows(rows, checks, EPISODE)
    yield rejected
    kept = np.flatnonzero(keep)
    yield from lay_out_logs(
        rows.filter(pa.array(keep)),
        [known[i] for i in kept],
        [logs[i] for i in kept],
        clock,
        whole=not rejected.rows.num_rows,
    )


def settle(record: dict[str, Any], clock: Clock) -> Log:
    """Put a log into UTC.

    Its parts are stamped by the clock at its start, or as the clocks change in the night: its duration tells which.
    """
    local_us = read_locals([record.get("startTime"), record.get("endTime")])
    if MISSING in local_us:
        return Log(int(local_us[0]), int(local_us[1]), (), ())
    (start_us, end_us), (offset, of_end) = (m.tolist() for m in place_both(local_us, clock))
    length_us = to_float(record.get("duration")) * 1000
    moves = offset != of_end and abs(end_us - start_us - length_us) < ONE_CLOCK_US
    if not moves:
        end_us = int(local_us[1]) - offset * MINUTE_US
    fixed = None if moves else offset
    if "levels" not in record and isinstance(record.get("minuteData"), list):
        return Log(start_us, end_us, read_minutes(record["minuteData"], start_us), ())
    data = sub_records(dig(record, "levels", "data"))
    short = sub_records(dig(record, "levels", "shortData"))
    names = {str(one.get("level")) for one in (*data, *short)} - set(STAGES)
    wrong = f"a sleep stage that is not known: expected {', '.join(STAGES)}" if names else ""
    parts, blinks = (read_levels(some, fixed, start_us, clock) for some in (data, short))
    return Log(start_us, end_us, parts, blinks, wrong)


def place_both(local_us: Instants, clock: Clock) -> tuple[Instants, Instants]:
    """The edges of a log in UTC, and their offsets, each as its own clock showed it."""
    when = place_local(local_us, clock)
    return when.t_us, when.offset_min.astype(np.int64)


def read_locals(stamps: Sequence[object]) -> Instants:
    """Local stamps."""
    return parse_stamps(
        pa.array([one if isinstance(one, str) else None for one in stamps], pa.string()), ISO_STAMP
    )


def read_levels(
    levels: Sequence[dict[str, Any]], fixed_min: int | None, start_us: int, clock: Clock
) -> tuple[tuple[int, int, str], ...]:
    """Stretches of stages in UTC, on one clock (its offset) or on one that changes; what has no time is left out."""
    local_us = read_locals([one.get("dateTime") for one in levels])
    seconds = [to_float(one.get("seconds")) for one in levels]
    if fixed_min is None:
        when = place_local(local_us, clock)
        later_us, _, twice = second_time(local_us, when, clock)
        first_us = when.t_us
    else:
        first_us = later_us = np.where(local_us == MISSING, MISSING, local_us - fixed_min * MINUTE_US)
        twice = np.zeros(local_us.size, np.bool_)
    found = []
    expected_us = start_us
    for i, one in enumerate(levels):
        if first_us[i] == MISSING or not 0 < seconds[i] < SLEEP_MAX_H * 3600:
            continue
        # Of an hour that comes twice, the stretch lies where the one before it ends.
        again = twice[i] and abs(later_us[i] - expected_us) < abs(first_us[i] - expected_us)
        begin_us = int(later_us[i] if again else first_us[i])
        expected_us = begin_us + int(seconds[i] * 1e6)
        found.append((begin_us, expected_us, STAGES.get(str(one.get("level")), "")))
    return tuple(found)


def read_minutes(minutes: Sequence[object], start_us: int) -> tuple[tuple[int, int, str], ...]:
    """Minutes of version 1, which follow each other from the log's start, as stretches of them."""
    stages = [CODES.get(str(dig(one, "value")), "") for one in minutes]
    edges = [i for i in range(len(stages) + 1) if i in (0, len(stages)) or stages[i] != stages[i - 1]]
    return tuple((start_us + a * MINUTE_US, start_us + b * MINUTE_US, stages[a]) for a, b in pairwise(edges))


def lay_out_logs(
    rows: pa.Table, records: Sequence[dict[str, Any]], logs: Sequence[Log], clock: Clock, *, whole: bool
) -> Iterator[Batch]:
    """Rows of logs and of their stages; what version 1 lacks is not withdrawn from what version 1.2 gave."""
    start, end = (place_utc([getattr(log, name) for log in logs], clock) for name in ("start_us", "end_us"))
    newer = np.array(["levels" in record for record in records], np.bool_)
    staged = np.array([bool(log.parts) for log in logs], np.bool_)
    stages = np.array([record.get("type") == "stages" for record in records], np.bool_)
    main = [dig(record, "isMainSleep") for record in records]
    revision = pa.array(np.where(newer, NEW, OLD).astype(np.int64))
    columns = {
        "episode": rows["episode"],
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us),
        "end_offset_min": pa.array(end.offset_min),
        "scoring": pa.array(np.where(stages, "stages", "classic"), pa.string(), mask=~staged),
        "vendor_main": pa.array([one if isinstance(one, bool) else None for one in main], pa.bool_()),
        "in_bed": constant(value=False, count=rows.num_rows),
        "tz_assumed": pa.array(start.assumed | end.assumed),
        "revision": revision,
    }
    certain = whole and bool(newer.all())
    complete = [spans(table, rows, start.t_us, end.t_us) if certain else () for table in (EPISODE, STAGE)]
    yield Batch(EPISODE, lay_out(rows, columns), complete[0])
    parts, short = (gather([getattr(log, name) for log in logs]) for name in ("parts", "short"))
    cut = overlay(parts, short, start.t_us, end.t_us)
    own = rows.append_column("revision", revision).take(pa.array(cut.log))
    found = {
        "episode": own["episode"],
        "t_utc": instants(cut.start_us),
        "offset_min": pa.array(clock.of_utc(cut.start_us)[0]),
        "end_utc": instants(cut.end_us),
        "stage": pa.array(cut.stage.tolist(), pa.string()),
        "revision": own["revision"],
    }
    yield Batch(STAGE, lay_out(own, found), complete[1])


def place_utc(t_us: Sequence[int], clock: Clock) -> Moments:
    """Instants with their offsets."""
    found = np.array(t_us, np.int64)
    offset, assumed = clock.of_utc(found)
    flags: Flags = assumed
    return Moments(found, offset, flags)


def gather(parts: Sequence[Sequence[tuple[int, int, str]]]) -> Stretches:
    """Parts of all logs side by side."""
    flat = [(log, *part) for log, some in enumerate(parts) for part in some]
    log, start, end = (np.array([one[i] for one in flat], np.int64) for i in range(3))
    return Stretches(log, start, end, np.array([one[3] for one in flat], dtype="U8"))
