"""Kinds of Polar's answers, as AccessLink gives them: their fields, their units, and what they become here."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ingest.source import MINUTE_US, Clock, Quantity

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2012-01-01", "us").astype(np.int64))
"""Flow began in 2013: its service has nothing that is older."""
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 96
FIVE_MIN_S = 300.0
STAGES: dict[int, str] = {0: "wake", 1: "rem", 2: "light", 3: "light", 4: "deep", 5: ""}
"""Codes of a hypnogram, as Polar's reference names them; 5 is unknown, no stage."""
VITAL, SCORE, HRV, HEART = "signal.vital", "signal.vendor_score", "signal.hrv_sample", "signal.heart_rate"
EPISODE, STAGE, STEPS, WORKOUT = (
    "signal.sleep_episode",
    "signal.sleep_stage",
    "signal.steps",
    "signal.workout",
)
RATE = Quantity("value", HEART, "heart rate", 20, 250, "/min", none=(0.0,))
MINUTE_STEPS = Quantity("value", STEPS, "steps", 0, 1000)
STEPS_DAY = Quantity("total", VITAL, "steps_day", 0, 200_000, "{count}", none=(0.0,))
SLEEP_SCORE = Quantity("score", SCORE, "sleep_score", 0, 100, none=(0.0,))
RMSSD = Quantity("value", HRV, "rmssd_5min", 1, 500, "ms", none=(0.0,))
NIGHTLY = (
    Quantity("rmssd", HRV, "rmssd_night", 1, 500, "ms", none=(0.0,)),
    Quantity("breaths", VITAL, "respiration", 4, 60, "/min", none=(0.0,)),
    Quantity("ans_charge", SCORE, "ans_charge", -10, 10),
    Quantity("ans_status", SCORE, "ans_status", 1, 5),
    Quantity("recharge", SCORE, "nightly_recharge", 1, 6),
)


@dataclass(frozen=True)
class Kind:
    """Answers of one kind: the key of their list, the table that they feed, their fields, those that none lacks."""

    name: str
    key: str
    table: str
    fields: dict[str, str]
    needed: tuple[str, ...]


KINDS: tuple[Kind, ...] = (
    Kind(
        "sleep",
        "nights",
        EPISODE,
        {
            "date": "date",
            "start": "sleep_start_time",
            "end": "sleep_end_time",
            "hypnogram": "hypnogram",
            "score": "sleep_score",
        },
        ("date", "start", "end"),
    ),
    Kind(
        "nightly-recharge",
        "recharges",
        HRV,
        {
            "date": "date",
            "rmssd": "heart_rate_variability_avg",
            "breaths": "breathing_rate_avg",
            "ans_charge": "ans_charge",
            "ans_status": "ans_charge_status",
            "recharge": "nightly_recharge_status",
            "samples": "hrv_samples",
        },
        ("date",),
    ),
    Kind(
        "continuous-heart-rate",
        "heart_rates",
        HEART,
        {"date": "date", "samples": "heart_rate_samples"},
        ("date", "samples"),
    ),
    Kind(
        "activity-samples",
        "activity_samples",
        STEPS,
        {
            "date": "date",
            "samples": "steps.samples",
            "interval_ms": "steps.interval_ms",
            "total": "steps.total_steps",
        },
        ("date",),
    ),
    Kind(
        "exercises",
        "exercises",
        WORKOUT,
        {
            "id": "id",
            "start": "start_time",
            "offset": "start_time_utc_offset",
            "duration": "duration",
            "sport": "detailed_sport_info",
            "sport_group": "sport",
            "bpm": "heart_rate.average",
        },
        ("id", "start", "duration"),
    ),
)
"""Sleeps first: they prove the clock."""
ANSWER = re.compile(r"polar_([a-z-]+?)_\d.*\.json", re.IGNORECASE)
"""What a pull calls the answers that it keeps."""
HYPHEN = re.compile(rb'"([a-z0-9]+(?:-[a-z0-9]+)+)"(?=\s*:)')
"""A key with hyphens: some answers spell keys so and others with underscores."""


def find_kind(name: str) -> Kind | None:
    """The kind of a kept answer, by its base name."""
    found = ANSWER.fullmatch(name)
    return None if found is None else next((kind for kind in KINDS if kind.name == found[1].lower()), None)


def spell(data: bytes) -> bytes:
    """An answer with its keys spelled one way."""
    return HYPHEN.sub(lambda found: b'"' + found[1].replace(b"-", b"_") + b'"', data)


@dataclass(frozen=True)
class Setting:
    """What the readers share: the clock that sleeps prove, the starts of nights, and the latest instant that may be."""

    clock: Clock
    nights: dict[str, int]
    """Start of each night on the local clock, microseconds, by its date."""
    latest_us: int
