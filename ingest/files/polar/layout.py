"""Kinds of Polar's files: how they are named, what marks them, the tables they feed, codes and units."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ingest.source import MINUTE_US, Clock, Quantity

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2005-01-01", "us").astype(np.int64))
"""Polar's web service, whose heir Flow is, began after 2005."""
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 96
RR_MAX_MS = 60_000.0
STATES: dict[str, str] = {
    "WAKE": "wake",
    "REM": "rem",
    "NONREM1": "light",
    "NONREM2": "light",
    "NONREM12": "light",
    "NONREM3": "deep",
    "UNKNOWN": "",
    "WS_UNKNOWN": "",
}
"""Sleep states as stages; the vendor's own 'unknown' is no stage, that stretch is left out."""
DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
TIME = re.compile(r"(?:\d{4}-\d\d-\d\dT)?(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?")
HEART = Quantity("value", "signal.heart_rate", "heart rate", 20, 250, "/min", none=(0.0,))
STEPS = Quantity("value", "signal.steps", "steps", 0, 1000)
STEPS_DAY = Quantity("total", "signal.vital", "steps_day", 0, 200_000, "{count}", none=(0.0,))
SCORE = "signal.vendor_score"
RMSSD = Quantity("meanNightlyRecoveryRmssd", "signal.hrv_sample", "rmssd_night", 1, 500, "ms", none=(0.0,))
BREATHS = Quantity("breaths", "signal.vital", "respiration", 4, 60, "/min")
NIGHTLY = (
    RMSSD,
    BREATHS,
    Quantity("ansStatus", SCORE, "ans_charge", -10, 10),
    Quantity("ansRate", SCORE, "ans_status", 1, 5),
    Quantity("recoveryIndicator", SCORE, "nightly_recharge", 1, 6),
)
SLEEP_SCORE = Quantity("sleepScore", SCORE, "sleep_score", 0, 100)


@dataclass(frozen=True)
class Kind:
    """Files of one kind: how they are named, what their first kilobyte holds, the table they feed."""

    pattern: re.Pattern[str]
    marks: tuple[bytes, ...]
    table: str | None
    read: str = ""


def named(start: str) -> re.Pattern[str]:
    """Names that begin so and go on with numbers, dates or identifiers."""
    return re.compile(rf"{start}[-_][\w.:-]*\.json", re.IGNORECASE)


KINDS: tuple[Kind, ...] = (
    Kind(named("247ohr"), (b'"deviceDays"',), "signal.heart_rate", "days"),
    Kind(
        re.compile(r"activity-\d{4}-\d\d-\d\d[\w-]*\.json"),
        (b'"exportVersion"', b'"samples"'),
        "signal.steps",
        "steps",
    ),
    Kind(named("sleep_result"), (b'"night"', b'"sleepResult"'), "signal.sleep_episode", "sleeps"),
    Kind(named("sleep_score"), (b'"night"', b'"sleepScoreResult"'), SCORE, "scores"),
    Kind(named("nightly_recovery_blob"), (b'"hrvData"', b'"breathingRateData"'), None),
    Kind(named("nightly_recovery"), (b'"night"',), "signal.hrv_sample", "nightly"),
    Kind(
        re.compile(r"training-session[-_]\d{4}[\w.:-]*\.json"),
        (b'"startTime"', b'"identifier"', b'"exportVersion"', b'"created"', b'"deviceId"'),
        "signal.workout",
        "sessions",
    ),
    Kind(named("ppi_samples"), (b'"devicePpiSamplesList"',), None),
    Kind(
        re.compile(r".+\.(?:txt|csv)", re.IGNORECASE),
        (b"Phone timestamp;RR-interval [ms]",),
        "signal.beat",
        "beats",
    ),
)


def find_kind(name: str) -> Kind | None:
    """The first row of KINDS that a base name fits."""
    return next((kind for kind in KINDS if kind.pattern.fullmatch(name)), None)


@dataclass(frozen=True)
class File:
    """A member and what the readers of its records share."""

    member: int
    table: str
    clock: Clock
    zone: Clock
    """The person's zone alone, as if nothing were proven."""
    latest_us: int
