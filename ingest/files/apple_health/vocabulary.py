"""Apple's words as ours: kinds of records, units, stages, activities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

HR_MIN_BPM, HR_MAX_BPM = 20.0, 250.0
"""Beyond these no wrist sensor measures a heart: slower is asystole, faster than any human sinus rhythm."""

Units = Mapping[str, tuple[float, float]]
"""Unit as written → factor and summand that lead to ours."""

RATE: Units = {"count/min": (1.0, 0.0), "count/s": (60.0, 0.0), "bpm": (1.0, 0.0)}
DURATION: Units = {"ms": (1.0, 0.0), "s": (1000.0, 0.0)}
TEMPERATURE: Units = {"degC": (1.0, 0.0), "degF": (1 / 1.8, -32 / 1.8), "K": (1.0, -273.15)}
MASS: Units = {"kg": (1.0, 0.0), "g": (1e-3, 0.0), "lb": (0.45359237, 0.0), "st": (6.35029318, 0.0)}
COUNT: Units = {"count": (1.0, 0.0)}
SHARE: Units = {"%": (100.0, 0.0)}
"""Apple's percent of a record is a share of 1, whatever it calls it."""


@dataclass(frozen=True)
class Kind:
    """One kind of `Record`: Apple's name, the table it feeds, what a value may be."""

    type: str
    table: str
    measure: str = ""
    """Our name of what is measured, for tables that hold several."""
    unit: str = ""
    """UCUM unit of the value once converted."""
    units: Units | None = None
    """None where the value is a word or nothing."""
    low: float = 0.0
    high: float = 0.0

    @property
    def is_word(self) -> bool:
        """Whether the value is a word."""
        return self.table == "signal.sleep_episode"


KINDS: tuple[Kind, ...] = (
    Kind(
        "HKQuantityTypeIdentifierHeartRate",
        "signal.heart_rate",
        unit="/min",
        units=RATE,
        low=HR_MIN_BPM,
        high=HR_MAX_BPM,
    ),
    Kind(
        "HKQuantityTypeIdentifierHeartRateVariabilitySDNN",
        "signal.hrv_sample",
        "sdnn_spot",
        "ms",
        DURATION,
        0.1,
        1000.0,
    ),
    Kind("HKCategoryTypeIdentifierSleepAnalysis", "signal.sleep_episode"),
    Kind("HKQuantityTypeIdentifierStepCount", "signal.steps", "", "{count}", COUNT, 0.0, 200_000.0),
    Kind("HKQuantityTypeIdentifierRespiratoryRate", "signal.vital", "respiration", "/min", RATE, 2.0, 100.0),
    Kind("HKQuantityTypeIdentifierOxygenSaturation", "signal.vital", "spo2", "%", SHARE, 50.0, 100.0),
    Kind(
        "HKQuantityTypeIdentifierAppleSleepingWristTemperature",
        "signal.vital",
        "skin_temperature",
        "Cel",
        TEMPERATURE,
        20.0,
        45.0,
    ),
    Kind(
        "HKQuantityTypeIdentifierRestingHeartRate",
        "signal.vital",
        "resting_heart_rate",
        "/min",
        RATE,
        HR_MIN_BPM,
        HR_MAX_BPM,
    ),
    Kind("HKQuantityTypeIdentifierBodyMass", "signal.vital", "weight", "kg", MASS, 2.0, 650.0),
    Kind("HKCategoryTypeIdentifierMindfulSession", "signal.event", "mindful"),
)
"""The kinds of records that come through; all others are counted and left out."""

HEART_RATE, HRV, SLEEP, STEPS, MINDFUL = 0, 1, 2, 3, 9
"""Places in KINDS that are spoken of by name."""

STATE_OF_MIND = frozenset({"HKDataTypeStateOfMind", "HKDataTypeIdentifierStateOfMind", "HKStateOfMind"})
"""Names under which a state of mind may come; rare, and so read by the careful reader only."""

BED = "bed"
STAGES: dict[str, str] = {
    "HKCategoryValueSleepAnalysisInBed": BED,
    "HKCategoryValueSleepAnalysisAwake": "wake",
    "HKCategoryValueSleepAnalysisAsleep": "asleep",
    "HKCategoryValueSleepAnalysisAsleepUnspecified": "asleep",
    "HKCategoryValueSleepAnalysisAsleepCore": "light",
    "HKCategoryValueSleepAnalysisAsleepDeep": "deep",
    "HKCategoryValueSleepAnalysisAsleepREM": "rem",
}

ACTIVITIES: dict[str, str] = {
    "Running": "run",
    "Walking": "walk",
    "Cycling": "bike",
    "Swimming": "swim",
    "Hiking": "hike",
    "HighIntensityIntervalTraining": "interval training",
    "FunctionalStrengthTraining": "strength training",
    "TraditionalStrengthTraining": "strength training",
    "MindAndBody": "mind and body",
}
"""Apple's activities whose name is not simply its words in lower case."""

WORD = re.compile(r"[A-Z][a-z0-9]*|[a-z0-9]+")


def name_activity(type_name: str) -> str:
    """Our name of a workout's activity: `HKWorkoutActivityTypeTableTennis` is `table tennis`."""
    name = type_name.removeprefix("HKWorkoutActivityType")
    return ACTIVITIES.get(name) or " ".join(WORD.findall(name)).lower() or "other"
