"""What documents of Connect hold, laid out as rows of tables that are not checked yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    MISSING,
    Check,
    Clock,
    Instants,
    constant,
    instants,
    offset_between,
    read_moment,
    to_float,
)

Floats = npt.NDArray[np.float64]
Record = dict[str, Any]

SLEEP_MAX_H = 48
LEVELS: dict[float, str] = {0.0: "deep", 1.0: "light", 2.0: "rem", 3.0: "wake"}
"""The API's activityLevel of a stretch of sleep; -1 is unmeasurable, no stage."""


@dataclass(frozen=True)
class Found:
    """Rows of a table before they are checked; `offset_min` is NaN where the record proves none."""

    table: str
    t_us: Instants
    offset_min: Floats
    columns: dict[str, pa.Array]
    checks: list[Check]


def midnight_of(record: Record, clock: Clock, offset_min: float) -> int:
    """Local midnight of a record's calendarDate, by its own offset or the person's zone."""
    local_us = read_moment(str(record.get("calendarDate"))[:10])
    if local_us == MISSING:
        return MISSING
    if np.isnan(offset_min):
        offset_min = float(clock.of_local(np.array([local_us]))[0][0])
    return local_us - int(offset_min) * MINUTE_US


def day_offsets(record: Record, t_us: Instants, clock: Clock) -> Floats:
    """Offsets at instants of a day whose two ends show theirs."""
    start = offset_between(record, "startTimestampGMT", "startTimestampLocal")
    end = offset_between(record, "endTimestampGMT", "endTimestampLocal")
    if np.isnan(start) or np.isnan(end) or start == end:
        return np.full(t_us.size, end if np.isnan(start) else start)
    zone = clock.of_utc(t_us)[0].astype(np.float64)
    return np.where((zone == start) | (zone == end), zone, start)


# --- rows --------------------------------------------------------------------------------------


def lay_out_scores(
    name: str, t_us: Instants, value: Floats, offset: Floats, label: str | None = None
) -> Found:
    """A vendor's score, 0 to 100; below 0 it could not be measured."""
    given = value >= 0
    count = int(given.sum())
    columns = {
        "score": constant(name, count),
        "value": pa.array(value[given]),
        "label": pa.array([label] * count, pa.string()),
    }
    checks = [(value[given] > 100, f"{name} outside 0 to 100")]
    return Found("signal.vendor_score", t_us[given], offset[given], columns, checks)


def lay_out_score(name: str, t_us: int, value: object, offset_min: float, label: object = None) -> Found:
    """One score."""
    word = label.lower() if isinstance(label, str) else None
    return lay_out_scores(name, np.array([t_us]), np.array([to_float(value)]), np.array([offset_min]), word)


VITALS: dict[str, tuple[str, float, float]] = {
    "resting_heart_rate": ("/min", 20, 250),
    "respiration": ("/min", 3, 70),
    "spo2": ("%", 50, 100),
    "skin_temperature_deviation": ("Cel", -10, 10),
    "weight": ("kg", 20, 650),
    "steps_day": ("{count}", 1, 200_000),
    "tst_min": ("min", 0, 2880),
    "light_min": ("min", 0, 2880),
    "deep_min": ("min", 0, 2880),
    "rem_min": ("min", 0, 2880),
    "wake_min": ("min", 0, 2880),
}
"""Unit, lowest and highest value of each; where the lowest is above 0, 0 means none."""


def lay_out_vital(name: str, t_us: int, value: object, offset_min: float) -> Found:
    """One vital, if there is a value."""
    unit, low, high = VITALS[name]
    number = to_float(value)
    count = int(number > 0 or (low <= 0 and not np.isnan(number)))
    columns = {
        "vital": constant(name, count),
        "value": pa.array([number] * count, pa.float64()),
        "unit": constant(unit, count),
        "error": pa.nulls(count, pa.float64()),
    }
    checks = [(np.array([not low <= number <= high] * count, dtype=bool), f"{name} outside {low} to {high}")]
    at = np.array([t_us] * count, dtype=np.int64)
    return Found("signal.vital", at, np.array([offset_min] * count), columns, checks)


def lay_out_hrv(name: str, t_us: Instants, value: Floats, offset: Floats, span_s: int | None) -> Found:
    """RMSSD; 0 is none."""
    given = value > 0
    count = int(given.sum())
    columns = {
        "hrv": constant(name, count),
        "span_s": pa.array([span_s] * count, pa.int32()),
        "value_ms": pa.array(value[given]),
        "coverage": pa.nulls(count, pa.float64()),
    }
    checks = [(value[given] > 500, "RMSSD outside 0 to 500 ms")]
    return Found("signal.hrv_sample", t_us[given], offset[given], columns, checks)


def lay_out_night_hrv(record: Record, value: object, clock: Clock, offset_min: float) -> Found:
    """The mean RMSSD of the night of a date."""
    at = np.array([midnight_of(record, clock, offset_min)])
    return lay_out_hrv("rmssd_night", at, np.array([to_float(value)]), np.array([offset_min]), None)


def lay_out_sleep(
    record: Record, prefix: str, names: tuple[str, str], clock: Clock, *, staged: bool
) -> Found:
    """One sleep, named by its start; `names` are the columns of its stamps, to which GMT and Local are added."""
    start, end = names
    start_us, end_us = (read_moment(record.get(f"{name}GMT")) for name in names)
    offset, end_offset = (offset_between(record, f"{name}GMT", f"{name}Local") for name in (start, end))
    if np.isnan(end_offset):
        end_offset = float(clock.of_utc(np.array([end_us]))[0][0]) if np.isnan(offset) else offset
    columns = {
        "episode": constant(name_sleep(record, prefix, start), 1),
        "end_utc": instants(np.array([end_us])),
        "end_offset_min": pa.array([int(end_offset)], pa.int16()),
        "scoring": pa.array(["stages" if staged else None], pa.string()),
        "vendor_main": pa.array([None if prefix == "sleep" else False], pa.bool_()),
        "in_bed": constant(value=False, count=1),
        "revision": pa.nulls(1, pa.int64()),
    }
    checks = [
        (np.array([end_us == MISSING]), f"expected a stamp in {end}GMT, found none"),
        (np.array([end_us <= start_us]), "ends before it starts"),
        (np.array([end_us - start_us > SLEEP_MAX_H * 60 * MINUTE_US]), f"longer than {SLEEP_MAX_H} hours"),
    ]
    return Found("signal.sleep_episode", np.array([start_us]), np.array([offset]), columns, checks)


def name_sleep(record: Record, prefix: str, start: str) -> str:
    """A name that the API and the export both give a sleep: they share nothing but its start."""
    return f"{prefix} {np.datetime64(read_moment(record.get(f'{start}GMT')), 'us').astype('datetime64[s]')}Z"
