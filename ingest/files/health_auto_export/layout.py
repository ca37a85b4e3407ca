"""What Health Auto Export writes: metrics, units, words for stages, and points as rows with their times."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    MISSING,
    Clock,
    Flags,
    Instants,
    Moments,
    Quantity,
    instants,
    parse_zoned,
)

FIRST_US = int(np.datetime64("2014-06-01", "us").astype(np.int64))
"""HealthKit came with iOS 8, in 2014."""
DAY_US, HOUR_US = 1440 * MINUTE_US, 60 * MINUTE_US
HR_MIN_BPM, HR_MAX_BPM = 20.0, 250.0
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 72

PER_MINUTE = {"count/min": 1.0, "bpm": 1.0}
QUANTITIES: Mapping[str, tuple[Quantity, Mapping[str, float]]] = {
    "resting_heart_rate": (
        Quantity("qty", "signal.vital", "resting_heart_rate", 20, 250, "/min", (0.0,)),
        PER_MINUTE,
    ),
    "respiratory_rate": (Quantity("qty", "signal.vital", "respiration", 3, 60, "/min", (0.0,)), PER_MINUTE),
    "blood_oxygen_saturation": (Quantity("qty", "signal.vital", "spo2", 50, 100, "%", (0.0,)), {"%": 1.0}),
    "apple_sleeping_wrist_temperature": (
        Quantity("qty", "signal.vital", "skin_temperature", 15, 45, "Cel", (0.0,)),
        {"degC": 1.0, "degF": 1.0},
    ),
    "weight_body_mass": (
        Quantity("qty", "signal.vital", "weight", 20, 400, "kg", (0.0,)),
        {"kg": 1.0, "lb": 0.45359237},
    ),
    "heart_rate_variability": (
        Quantity("qty", "signal.hrv_sample", "sdnn_spot", 1, 300, "ms", (0.0,)),
        {"ms": 1.0},
    ),
}
"""Metrics that are single values: what they become, and the factor of each unit (degF is shifted as well)."""
HEART, STEPS, MINDFUL, SLEEP = "heart_rate", "step_count", "mindful_minutes", "sleep_analysis"
UNITS: Mapping[str, Mapping[str, float]] = {
    HEART: PER_MINUTE,
    STEPS: {"count": 1.0, "steps": 1.0},
    MINDFUL: {"min": 1.0, "hr": 60.0},
    **{name: units for name, (_, units) in QUANTITIES.items()},
}

IN_BED = "in bed"
STAGES: Mapping[str, str] = {
    "awake": "wake",
    "asleep": "asleep",
    "unspecified": "asleep",
    "asleep unspecified": "asleep",
    "core": "light",
    "deep": "deep",
    "rem": "rem",
    "in bed": IN_BED,
    "inbed": IN_BED,
}
ACTIVITIES: Mapping[str, str] = {
    "walking": "walk",
    "outdoor walk": "walk",
    "indoor walk": "walk",
    "running": "run",
    "outdoor run": "run",
    "indoor run": "treadmill run",
    "cycling": "bike",
    "outdoor cycling": "bike",
    "indoor cycling": "stationary bike",
    "hiking": "hike",
    "swimming": "swim",
    "pool swim": "pool swim",
}
"""Names of workouts as others write them too; all else stays, in lower case."""
DEVICES = (("watch", "Apple Watch"), ("iphone", "iPhone"), ("ipad", "iPad"), ("ipod", "iPod"))
OWNER = re.compile(r"^.*['’]s?\s+|\s+(?:von|de|di|van)\s+.*$")
"""Whose a device is, in its name: that is not kept."""


@dataclass(frozen=True)
class Points:
    """Points of a metric as rows, with their times."""

    rows: pa.Table
    t_us: Instants
    offset_min: npt.NDArray[np.int16]
    assumed: Flags
    device: pa.Array

    def moments(self) -> Moments:
        """When the points were."""
        return Moments(self.t_us, self.offset_min, self.assumed)

    def filter(self, keep: Flags) -> Points:
        """Those where `keep` is true."""
        mask = pa.array(keep)
        return Points(
            self.rows.filter(mask),
            self.t_us[keep],
            self.offset_min[keep],
            self.assumed[keep],
            self.device.filter(mask),
        )


@dataclass(frozen=True)
class Setting:
    """What reading a file needs."""

    member: int
    clock: Clock
    fixed: bool
    """Stamps carry the offset of the export, not of their time: the person's zone is taken."""
    latest_us: int


def make_points(
    records: Sequence[tuple[int, object]], columns: Sequence[str], stamp: str, setting: Setting
) -> Points:
    """Lay points out as rows of text, and read the stamp in one of their columns."""
    cells = [point if isinstance(point, dict) else {stamp: None, "found": point} for _, point in records]
    rows = pa.table(
        {
            "member": pa.array(np.full(len(cells), setting.member, dtype=np.int32)),
            "record": pa.array([number for number, _ in records], pa.int64()),
            **{name: pa.array([write(cell.get(name)) for cell in cells], pa.string()) for name in columns},
        }
    )
    t_us, offset, assumed = read_stamps(rows[stamp], setting)
    sources = [write(cell.get("source")) for cell in cells]
    return Points(rows, t_us, offset, assumed, pa.array([label(source) for source in sources], pa.string()))


def write(value: object) -> str | None:
    """A cell as text."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)[:200]


def read_stamps(column: pa.ChunkedArray, setting: Setting) -> tuple[Instants, npt.NDArray[np.int16], Flags]:
    """Instants and offsets of stamps such as `2024-02-06 14:30:00 -0800`; local ones take the person's zone."""
    found = parse_zoned(column)
    known = found.t_us != MISSING
    local_us = np.where(known, found.t_us, 0)
    naive_offset = setting.clock.of_local(local_us)[0]
    t_us = np.where(found.naive & known, local_us - naive_offset.astype(np.int64) * MINUTE_US, found.t_us)
    own = setting.clock.of_utc(np.where(known, t_us, 0))[0]
    assumed = found.naive | setting.fixed
    return t_us, np.where(assumed, own, found.offset_min).astype(np.int16), assumed


def label(source: str | None) -> str | None:
    """The device or app that a point is from, without whose it is; several are named together."""
    names = sorted({name_device(part) for part in (source or "").split("|") if part.strip()})
    return " + ".join(names).replace("/", "_") or None


def name_device(text: str) -> str:
    """One device or app: Apple's by their kind, others by their name."""
    folded = text.casefold()
    return next(
        (name for word, name in DEVICES if word in folded), OWNER.sub("", text.strip()) or text.strip()
    )


def grid_us(points: Points) -> int:
    """How coarse the local times of points are: on whole days, hours or minutes; 0 on none of these."""
    known = points.t_us != MISSING
    local_us = points.t_us[known] + points.offset_min[known].astype(np.int64) * MINUTE_US
    sizes = (DAY_US, HOUR_US, MINUTE_US)
    return next((size for size in sizes if local_us.size and not (local_us % size).any()), 0)


def shared(points: Points) -> dict[str, pa.Array | pa.ChunkedArray]:
    """Columns that all tables have."""
    return {
        "device": points.device,
        "t_utc": instants(points.t_us),
        "offset_min": pa.array(points.offset_min),
        "tz_assumed": pa.array(points.assumed),
    }
