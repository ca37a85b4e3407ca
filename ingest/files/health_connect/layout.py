"""What the tables of a Health Connect database are: their columns, what they feed, what codes mean."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    Batch,
    Clock,
    Flags,
    Instants,
    Rejected,
)

FILE = re.compile(r"health_connect_export.*\.db", re.IGNORECASE)

FIRST_US = int(np.datetime64("2009-01-01", "us").astype(np.int64))
"""Apps carry old data of theirs into it; the first consumer tracker was sold in 2009."""

DAY_US = 86_400 * 1_000_000

STEPS_MAX_MIN = 1000.0
"""Steps in a minute; sprinters make about 300."""

SLEEP_MAX_H, WORKOUT_MAX_H, STEPS_MAX_H = 48, 72, 25

AUTOMATIC, UNKNOWN_METHOD = 2, 0
"""Recording methods: found by the device; not said. 1 is started by, 3 entered by the person."""

STAGES = ("", "wake", "asleep", "wake", "light", "deep", "rem", "wake")
"""By stage type: 0 unknown, 1 awake, 2 sleeping, 3 out of bed, 4 light, 5 deep, 6 REM, 7 awake in bed."""

NO_STAGE = "?"

ACTIVITY_NAMES = (
    "unknown,badminton,baseball,basketball,bike,stationary bike,boot camp,boxing,calisthenics,cricket,dance,"
    "exercise class,fencing,american football,australian football,frisbee,golf,guided breathing,gymnastics,"
    "handball,high intensity interval training,hike,ice hockey,ice skating,martial arts,paddling,paragliding,"
    "pilates,racquetball,rock climbing,roller hockey,rowing,rugby,run,treadmill run,sailing,scuba diving,"
    "skating,skiing,snowboarding,snowshoeing,soccer,softball,squash,stair climbing,strength training,"
    "stretching,surfing,open water swim,pool swim,table tennis,tennis,volleyball,walk,water polo,"
    "weightlifting,wheelchair,yoga,other,stair climbing machine,elliptical,rowing machine"
)

ACTIVITIES = tuple(ACTIVITY_NAMES.split(","))
"""Exercise types of the platform, by their number from 0."""

WHO = dict.fromkeys(("app_info_id", "device_info_id"), "integer")

SPAN = WHO | dict.fromkeys(("start_time", "start_zone_offset", "end_time", "end_zone_offset"), "integer")

SERIES = SPAN | {"row_id": "integer"}

LOG = SERIES | {"uuid": "hex", "last_modified_time": "integer", "recording_method": "integer"}

MOMENT = WHO | {"time": "integer", "zone_offset": "integer"}

SAMPLE = {"parent_key": "integer", "epoch_millis": "integer"}

STAGE = dict.fromkeys(("parent_key", "stage_start_time", "stage_end_time", "stage_type"), "integer")


@dataclass(frozen=True)
class Database:
    """An open database and what reading its tables needs."""

    con: sqlite3.Connection
    member: int
    devices: Mapping[tuple[int, int], str]
    """Device by the ids of app and device."""
    clock: Clock
    latest_us: int


@dataclass(frozen=True)
class Kind:
    """One kind of record: its table, what it feeds, what is read of it and how."""

    table: str
    stream: str
    columns: Mapping[str, str]
    read: Callable[[Database, Kind, pa.Table], Iterator[Batch | Rejected]]
    child: str = ""
    child_columns: Mapping[str, str] | None = None
    name: str = ""
    """The vital, for tables of single values."""
    newer: bool = False
    """Older Android versions do not have it."""


@dataclass(frozen=True)
class Moments:
    """When and by which device values were taken."""

    t_us: Instants
    offset_min: npt.NDArray[np.int16]
    assumed: Flags
    device: pa.Array


LIMITS: Mapping[str, tuple[str, str, float, float, float]] = {
    "heart_rate": ("beats_per_minute", "/min", 20, 250, 1),
    "resting_heart_rate": ("beats_per_minute", "/min", 20, 250, 1),
    "spo2": ("percentage", "%", 50, 100, 1),
    "respiration": ("rate", "/min", 3, 60, 1),
    "weight": ("weight", "kg", 20, 400, 0.001),
    "skin_temperature_deviation": ("delta", "Cel", -10, 10, 1),
    "rmssd_spot": ("heart_rate_variability_millis", "ms", 1, 300, 1),
}
"""By name: the column, our unit, the least and most that a body does, and the factor to our unit."""
