"""What the files of a Samsung Health export are: types, columns, units, and rows as they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    MISSING,
    Batch,
    Check,
    Flags,
    Instants,
    Moments,
    Quantity,
    instants,
    measure,
    parse_stamps,
)

CSV = re.compile(r"(com\.samsung\.s?health\.[a-z_.]*[a-z_])(?:\.\d+)?\.csv")

BINS = re.compile(r"[\w-]{8,}\.(?:com\.samsung\.s?health\.[a-z_.]+\.)?binning(?:_data)?\.json")

JSONS = re.compile(r"(?:^|/)jsons/com\.samsung\.s?health\.[^/]+/")

STAMP = ("YYYY-MM-DD hh:mm:ss.fff", "YYYY-MM-DD hh:mm:ss")

FIRST_US = int(np.datetime64("2012-01-01", "us").astype(np.int64))
"""S Health was first sold with the Galaxy S III, in 2012."""

DAY_US = 1440 * MINUTE_US

HR_MIN_BPM, HR_MAX_BPM = 20.0, 250.0

SLEEP_MAX_H, WORKOUT_MAX_H, STEPS_MAX_H = 48, 72, 25

STAGES: Mapping[float, str] = {40001: "wake", 40002: "light", 40003: "deep", 40004: "rem"}

ACTIVITIES: Mapping[float, str] = {
    0: "other",
    1001: "walk",
    1002: "run",
    9001: "pilates",
    9002: "yoga",
    10001: "stretching",
    10007: "circuit training",
    11007: "bike",
    13001: "hike",
    13002: "rock climbing",
    14001: "swim",
    15001: "stair climbing machine",
    15002: "weight machine",
    15003: "stationary bike",
    15004: "rowing machine",
    15005: "treadmill run",
    15006: "elliptical",
}
"""Exercise types of the vendor; others keep their number."""

WHEN = ("start_time", "end_time", "time_offset", "deviceuuid", "pkg_name")

HEART, HRV, SLEEP, STAGE, PROFILE, DAYS = (
    "com.samsung.shealth.tracker.heart_rate",
    "com.samsung.health.hrv",
    "com.samsung.shealth.sleep",
    "com.samsung.health.sleep_stage",
    "com.samsung.health.device_profile",
    "com.samsung.shealth.step_daily_trend",
)


@dataclass(frozen=True)
class Kind:
    """One type of data: what stands before its columns' names, the table it feeds, what is read of it."""

    prefix: str
    table: str
    columns: tuple[str, ...]
    needed: tuple[str, ...] = ("start_time", "time_offset")
    quantities: tuple[Quantity, ...] = ()


def values(prefix: str, table: str, quantity: Quantity) -> Kind:
    """A type of single values."""
    columns = (*WHEN, quantity.column)
    return Kind(prefix, table, columns, ("start_time", "time_offset", quantity.column), (quantity,))


KINDS: Mapping[str, Kind] = {
    HEART: Kind(
        "com.samsung.health.heart_rate",
        "signal.heart_rate",
        (*WHEN, "heart_rate", "binning_data"),
        ("start_time", "time_offset", "heart_rate"),
    ),
    HRV: Kind(
        HRV, "signal.hrv_sample", (*WHEN, "binning_data"), ("start_time", "time_offset", "binning_data")
    ),
    SLEEP: Kind(
        "com.samsung.health.sleep",
        "signal.sleep_episode",
        (*WHEN, "datauuid", "update_time", "sleep_score"),
        ("start_time", "end_time", "time_offset", "datauuid"),
    ),
    STAGE: Kind(
        STAGE,
        "signal.sleep_stage",
        (*WHEN, "sleep_id", "stage"),
        ("start_time", "end_time", "sleep_id", "stage"),
    ),
    "com.samsung.shealth.tracker.pedometer_step_count": Kind(
        "com.samsung.health.step_count",
        "signal.steps",
        (*WHEN, "count"),
        ("start_time", "end_time", "time_offset", "count"),
    ),
    "com.samsung.shealth.exercise": Kind(
        "com.samsung.health.exercise",
        "signal.workout",
        (*WHEN, "datauuid", "update_time", "exercise_type", "mean_heart_rate"),
        ("start_time", "end_time", "time_offset", "datauuid", "exercise_type"),
    ),
    "com.samsung.shealth.breathing": Kind(
        "com.samsung.shealth.breathing", "signal.event", (*WHEN, "duration"), ("start_time", "duration")
    ),
    "com.samsung.shealth.stress": values(
        "com.samsung.shealth.stress",
        "signal.vendor_score",
        Quantity("score", "signal.vendor_score", "stress_score", 0, 100),
    ),
    "com.samsung.shealth.tracker.oxygen_saturation": values(
        "com.samsung.health.oxygen_saturation",
        "signal.vital",
        Quantity("spo2", "signal.vital", "spo2", 50, 100, "%", (0.0,)),
    ),
    "com.samsung.health.respiratory_rate": values(
        "com.samsung.health.respiratory_rate",
        "signal.vital",
        Quantity("average", "signal.vital", "respiration", 3, 60, "/min", (0.0,)),
    ),
    "com.samsung.health.skin_temperature": values(
        "com.samsung.health.skin_temperature",
        "signal.vital",
        Quantity("temperature", "signal.vital", "skin_temperature", 15, 45, "Cel", (0.0,)),
    ),
    "com.samsung.health.weight": values(
        "com.samsung.health.weight",
        "signal.vital",
        Quantity("weight", "signal.vital", "weight", 20, 400, "kg", (0.0,)),
    ),
    DAYS: Kind(
        DAYS,
        "signal.vital",
        ("day_time", "count", "source_type", "deviceuuid", "pkg_name"),
        ("day_time", "count", "source_type"),
    ),
    PROFILE: Kind(PROFILE, "meta.source_file", ("deviceuuid", "model"), ("deviceuuid", "model")),
}
"""Types that are read; all others of the vendor are known and left out. The profile names devices only."""

STEPS_DAY = Quantity("count", "signal.vital", "steps_day", 0, 200_000, "{count}", (0.0,))

SLEEP_SCORE = Quantity("sleep_score", "signal.vendor_score", "sleep_score", 0, 100, none=(0.0, -1.0))


@dataclass(frozen=True)
class Sheet:
    """Rows of one CSV, with their times, offsets and devices."""

    type: str
    member: int
    rows: pa.Table
    start_us: Instants
    end_us: Instants
    offset_min: npt.NDArray[np.int16]
    assumed: Flags
    device: pa.Array

    def moments(self, t_us: Instants) -> Moments:
        """When its rows were, at these instants."""
        return Moments(t_us, self.offset_min, self.assumed)

    def filter(self, keep: Flags) -> Sheet:
        """Those where `keep` is true."""
        mask = pa.array(keep)
        return Sheet(
            self.type,
            self.member,
            self.rows.filter(mask),
            self.start_us[keep],
            self.end_us[keep],
            self.offset_min[keep],
            self.assumed[keep],
            self.device.filter(mask),
        )


def revision(sheet: Sheet, row: int) -> int | None:
    """When the vendor last changed a row, in milliseconds since 1970."""
    changed = int(parse_stamps(sheet.rows["update_time"].slice(row, 1), STAMP)[0])
    return None if changed == MISSING else changed // 1000


def lay_out_values(sheet: Sheet, quantity: Quantity, when: Moments) -> Iterator[Batch]:
    """Rows of one quantity, with the device of each."""
    rows = measure(sheet.rows, quantity, when).rows
    keys = zip(sheet.rows["member"].to_pylist(), sheet.rows["record"].to_pylist(), strict=True)
    device = dict(zip(keys, sheet.device.to_pylist(), strict=True))
    mine = zip(rows["member"].to_pylist(), rows["record"].to_pylist(), strict=True)
    names = pa.array([device[key] for key in mine], pa.string())
    yield Batch(quantity.table, rows.append_column("device", names))


def place(sheet: Sheet) -> dict[str, pa.Array | pa.ChunkedArray]:
    """Columns that all tables have."""
    return {
        "device": sheet.device,
        "t_utc": instants(sheet.start_us),
        "offset_min": pa.array(sheet.offset_min),
        "tz_assumed": pa.array(sheet.assumed),
    }


def check_ends(sheet: Sheet, longest_h: int) -> list[Check]:
    """What may be wrong with the ends of rows."""
    length_us = sheet.end_us - sheet.start_us
    return [
        (sheet.end_us == MISSING, "expected an end_time, found none that the calendar has"),
        (length_us < 0, "ends before it starts"),
        (length_us > longest_h * 60 * MINUTE_US, f"longer than {longest_h} hours"),
    ]
