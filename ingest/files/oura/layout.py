"""Kinds of Oura's documents: how they are named, their fields and units, and what is known and left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    Batch,
    Check,
    Clock,
    Moments,
    Quantity,
    Rejected,
    check_instants,
    take_quantity,
)

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2013-01-01", "us").astype(np.int64))
"""Oura was founded in 2013: nothing of it is older."""
HR_MIN_BPM, HR_MAX_BPM = 20.0, 250.0
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 72
FIVE_MIN_S = 300
ITEMS_MAX = 100_000
TYPES: dict[str, bool | None] = {
    "long_sleep": True,
    "sleep": False,
    "late_nap": False,
    "rest": None,
    "deleted": None,
}
"""Types of sleep documents: whether it is the main sleep; None for what is no sleep."""
PHASES = {"1": "deep", "2": "light", "3": "rem", "4": "wake"}
FOUND_BY: dict[str, bool] = {
    "manual": False,
    "workout_heart_rate": False,
    "autodetected": True,
    "confirmed": True,
}
"""Whether the ring found a workout, by its source; a source that is not here leaves it open."""
VITAL, SCORE, HRV, HEART = "signal.vital", "signal.vendor_score", "signal.hrv_sample", "signal.heart_rate"
BPM = Quantity("bpm", HEART, "heart rate", HR_MIN_BPM, HR_MAX_BPM, "/min", none=(0.0,))
ITEM = Quantity("value", HEART, "heart rate", HR_MIN_BPM, HR_MAX_BPM, "/min", none=(0.0,))
RMSSD = Quantity("value", HRV, "rmssd_5min", 1, 500, "ms", none=(0.0,))
BREATH = Quantity("average_breath", VITAL, "respiration", 4, 60, "/min", none=(0.0,))
NIGHT_HRV = Quantity("average_hrv", HRV, "rmssd_night", 1, 500, "ms", none=(0.0,))
SKIN = Quantity("skin_temp", VITAL, "skin_temperature", 15, 45, "Cel", none=(0.0,))
DAILY: dict[str, tuple[Quantity, ...]] = {
    "dailyreadiness": (
        Quantity("score", SCORE, "readiness", 0, 100),
        Quantity("temperature_deviation", VITAL, "skin_temperature_deviation", -10, 10, "Cel"),
    ),
    "dailysleep": (Quantity("score", SCORE, "sleep_score", 0, 100),),
    "dailyactivity": (
        Quantity("score", SCORE, "activity_score", 0, 100),
        Quantity("steps", VITAL, "steps_day", 0, 200_000, "{count}", none=(0.0,)),
    ),
    "dailystress": (
        Quantity("stress_high", SCORE, "stress_high_s", 0, 86_400),
        Quantity("recovery_high", SCORE, "recovery_high_s", 0, 86_400),
    ),
    "dailyspo2": (Quantity("spo2_percentage", VITAL, "spo2", 50, 100, "%", none=(0.0,)),),
    "dailyresilience": (),
}
LABELS = {"dailystress": ("day_summary", "stress_day"), "dailyresilience": ("level", "resilience")}
"""Words that the vendor gives for a day: the column, and the score's name."""


@dataclass(frozen=True)
class Kind:
    """Documents of one kind: what shows that a file is of it, its fields, and the table it feeds."""

    name: str
    marks: tuple[bytes, ...]
    """Names that its header or first record has, one of them at least."""
    table: str
    columns: tuple[str, ...]
    needed: tuple[str, ...]
    beside: bytes = b""
    """A name that must be there too, where the others are no vendor's own."""
    unused: tuple[str, ...] = ()
    """Names that are known and left out."""


ACTIVITY = (
    *("active_calories", "average_met_minutes", "class_5_min", "equivalent_walking_distance"),
    *("high_activity_met_minutes", "high_activity_time", "inactivity_alerts"),
    *("low_activity_met_minutes", "low_activity_time", "medium_activity_met_minutes"),
    *("medium_activity_time", "met", "meters_to_target", "non_wear_time", "resting_time"),
    *("sedentary_met_minutes", "sedentary_time", "target_calories", "target_meters", "total_calories"),
)
"""Fields of daily activity that are known and left out."""
KINDS: tuple[Kind, ...] = (
    Kind(
        "sleep",
        (b"bedtime_start", b"bedtime_end"),
        "signal.sleep_episode",
        (
            "id",
            "type",
            "bedtime_start",
            "bedtime_end",
            "average_breath",
            "average_hrv",
            "heart_rate",
            "hrv",
            "sleep_phase_30_sec",
            "sleep_phase_5_min",
        ),
        ("bedtime_start", "bedtime_end", "type"),
        unused=(
            *("average_heart_rate", "awake_time", "deep_sleep_duration", "efficiency", "latency"),
            *("light_sleep_duration", "low_battery_alert", "lowest_heart_rate", "movement_30_sec", "period"),
            *("readiness", "readiness_score_delta", "rem_sleep_duration", "restless_periods"),
            *("sleep_algorithm_version", "sleep_analysis_reason", "sleep_score_delta", "time_in_bed"),
            *("total_sleep_duration", "app_sleep_phase_5_min"),
        ),
    ),
    Kind(
        "heartrate",
        (b"bpm",),
        HEART,
        ("timestamp", "bpm"),
        ("timestamp", "bpm"),
        beside=b"timestamp",
        unused=("source",),
    ),
    Kind("temperature", (b"skin_temp",), VITAL, ("timestamp", "skin_temp"), ("timestamp", "skin_temp")),
    Kind(
        "workout",
        (b"start_datetime",),
        "signal.workout",
        ("id", "activity", "source", "start_datetime", "end_datetime"),
        ("start_datetime", "end_datetime"),
        unused=("calories", "distance", "intensity", "label"),
    ),
    Kind(
        "dailyreadiness",
        (b"temperature_deviation",),
        SCORE,
        ("day", "score", "temperature_deviation"),
        ("day",),
        unused=("temperature_trend_deviation",),
    ),
    Kind("dailysleep", (b"contributors",), SCORE, ("day", "score"), ("day", "score")),
    Kind(
        "dailyactivity",
        (b"active_calories",),
        SCORE,
        ("day", "score", "steps"),
        ("day",),
        unused=ACTIVITY,
    ),
    Kind(
        "dailystress",
        (b"stress_high",),
        SCORE,
        ("day", "stress_high", "recovery_high", "day_summary"),
        ("day",),
    ),
    Kind(
        "dailyspo2",
        (b"spo2_percentage",),
        VITAL,
        ("day", "spo2_percentage"),
        ("day", "spo2_percentage"),
        unused=("breathing_disturbance_index",),
    ),
    Kind("dailyresilience", (b"contributors",), SCORE, ("day", "level"), ("day", "level")),
)
COMMON = ("id", "day", "timestamp", "contributors", "ring_id", "meta")
"""Names that documents of several kinds have, and that are left out where they are not asked for."""
ALIASES = {"sleepmodel": "sleep"}
FILE = re.compile(r"(?:oura[_-])?([a-z][a-z0-9_]*?)(?:[_-]\d{4}[-_\dTZ]*)?\.(?:csv|json)", re.IGNORECASE)
"""A name may end with a date, with days asked for and with the moment of a pull."""
LEFT_OUT = re.compile(
    r"(?:daytimestress|sleeptime|ringbatterylevel|ringconfiguration|enhancedtag|tag|session|vo2max|restmodeperiod"
    r"|dailycardiovascularage|dailysmoothedcardiovascularage|rawlocation|bloodglucose|meal|fooditem)"
)
"""Files of the account export that are known and left out, in its folder only."""
EXPORT_FOLDER = "app data/"


def plain_name(name: str) -> str:
    """What a file is called, without prefix, date, underscores and ending; '' if not like that."""
    found = FILE.fullmatch(name)
    return "" if found is None else found[1].lower().replace("_", "")


def find_kind(name: str) -> Kind | None:
    """The row of KINDS that a base name fits."""
    plain = plain_name(name)
    return next((kind for kind in KINDS if kind.name == ALIASES.get(plain, plain)), None)


@dataclass(frozen=True)
class Reading:
    """What the readers share: the clock that the bedtimes prove, and the latest instant that may be."""

    clock: Clock
    latest_us: int


def take_checked(
    rows: pa.Table, quantity: Quantity, when: Moments, latest_us: int, *checks: Check
) -> Iterator[Batch | Rejected]:
    """One quantity of rows whose instants, and what else is given, are checked first."""
    yield from take_quantity(rows, quantity, when, [*check_instants(when.t_us, FIRST_US, latest_us), *checks])
