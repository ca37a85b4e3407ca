"""Kinds of WHOOP's records, as its API gives them: their fields, their units, and what they become here."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ingest.source import MINUTE_US, Quantity

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2012-01-01", "us").astype(np.int64))
"""WHOOP was founded in 2012: nothing of it is older."""
SLEEP_MAX_H, WORKOUT_MAX_H, CYCLE_MAX_H = 48, 72, 14 * 24
HR_MIN_BPM, HR_MAX_BPM = 20.0, 250.0
SCORED = "SCORED"
"""The state of a record whose values are final; other states are PENDING_SCORE and UNSCORABLE."""
MS_MIN = 1 / 60_000
VITAL, SCORE, HRV, EPISODE = (
    "signal.vital",
    "signal.vendor_score",
    "signal.hrv_sample",
    "signal.sleep_episode",
)
WORKOUT = "signal.workout"
NIGHT_HRV = Quantity("rmssd", HRV, "rmssd_night", 1, 500, "ms", none=(0.0,))
RECOVERY = (
    Quantity("resting", VITAL, "resting_heart_rate", HR_MIN_BPM, HR_MAX_BPM, "/min", none=(0.0,)),
    Quantity("spo2", VITAL, "spo2", 50, 100, "%", none=(0.0,)),
    Quantity("skin", VITAL, "skin_temperature", 15, 45, "Cel", none=(0.0,)),
    Quantity("recovery", SCORE, "recovery", 0, 100),
)
NIGHT = (
    Quantity("breaths", VITAL, "respiration", 4, 60, "/min", none=(0.0,)),
    Quantity("performance", SCORE, "sleep_performance", 0, 200),
    Quantity("efficiency", SCORE, "sleep_efficiency", 0, 100),
    Quantity("consistency", SCORE, "sleep_consistency", 0, 100),
    Quantity("need", SCORE, "sleep_need_min", 0, 2880),
    Quantity("debt_ms", SCORE, "sleep_debt_min", 0, 2880, factor=MS_MIN),
)
"""Of main sleeps only."""
MINUTES = (
    Quantity("asleep", VITAL, "tst_min", 0, 2880, "min"),
    Quantity("in_bed_ms", VITAL, "tib_min", 0, 2880, "min", factor=MS_MIN),
    Quantity("light_ms", VITAL, "light_min", 0, 2880, "min", factor=MS_MIN),
    Quantity("deep_ms", VITAL, "deep_min", 0, 2880, "min", factor=MS_MIN),
    Quantity("rem_ms", VITAL, "rem_min", 0, 2880, "min", factor=MS_MIN),
    Quantity("awake_ms", VITAL, "wake_min", 0, 2880, "min", factor=MS_MIN),
)
"""The vendor's totals of a sleep, which has no stages of its own; of sleeps and naps alike."""
ASLEEP = ("light_ms", "deep_ms", "rem_ms")
NEED = ("baseline_ms", "debt_ms", "strain_ms", "nap_ms")
"""Parts of the need of sleep; that of a nap is below zero."""
STRAIN = Quantity("strain", SCORE, "strain", 0, 21)


@dataclass(frozen=True)
class Kind:
    """Records of one kind: the table that they feed, their fields, and those that none lacks."""

    name: str
    table: str
    fields: dict[str, str]
    needed: tuple[str, ...]


TIMES = {
    "start": "start",
    "end": "end",
    "offset": "timezone_offset",
    "updated": "updated_at",
    "state": "score_state",
}
STAGES, NEEDED = "score.stage_summary", "score.sleep_needed"
KINDS: tuple[Kind, ...] = (
    Kind(
        "sleep",
        EPISODE,
        {
            **TIMES,
            "id": "id",
            "nap": "nap",
            "breaths": "score.respiratory_rate",
            "performance": "score.sleep_performance_percentage",
            "efficiency": "score.sleep_efficiency_percentage",
            "consistency": "score.sleep_consistency_percentage",
            "in_bed_ms": f"{STAGES}.total_in_bed_time_milli",
            "awake_ms": f"{STAGES}.total_awake_time_milli",
            "light_ms": f"{STAGES}.total_light_sleep_time_milli",
            "deep_ms": f"{STAGES}.total_slow_wave_sleep_time_milli",
            "rem_ms": f"{STAGES}.total_rem_sleep_time_milli",
            "baseline_ms": f"{NEEDED}.baseline_milli",
            "debt_ms": f"{NEEDED}.need_from_sleep_debt_milli",
            "strain_ms": f"{NEEDED}.need_from_recent_strain_milli",
            "nap_ms": f"{NEEDED}.need_from_recent_nap_milli",
        },
        ("id", "start", "end", "offset"),
    ),
    Kind(
        "recovery",
        VITAL,
        {
            "sleep": "sleep_id",
            "created": "created_at",
            "state": "score_state",
            "rmssd": "score.hrv_rmssd_milli",
            "resting": "score.resting_heart_rate",
            "spo2": "score.spo2_percentage",
            "skin": "score.skin_temp_celsius",
            "recovery": "score.recovery_score",
        },
        ("sleep", "created"),
    ),
    Kind("cycle", SCORE, {**TIMES, "strain": "score.strain"}, ("start", "offset")),
    Kind(
        "workout",
        WORKOUT,
        {**TIMES, "id": "id", "sport": "sport_name", "bpm": "score.average_heart_rate"},
        ("id", "start", "end", "offset"),
    ),
)
ANSWER = re.compile(r"whoop_([a-z]+)_\d.*\.json", re.IGNORECASE)
"""What a pull calls the answers that it keeps."""


def find_kind(name: str) -> Kind | None:
    """The kind of a kept answer, by its base name."""
    found = ANSWER.fullmatch(name)
    return None if found is None else next((kind for kind in KINDS if kind.name == found[1].lower()), None)
