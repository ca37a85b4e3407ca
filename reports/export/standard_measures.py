"""Which of our measures have a name in the standards that clinics read, and which have none and why.

The codes of LOINC here are those whose meaning was checked; a measure without one has our own code only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CODES = "urn:uuid:ced98456-20e4-5fdf-a2ed-53dabbd4e71d"
"""Our own codes: names of features (feature.catalog) and the few that an export adds."""
INPUTS = "urn:uuid:877c4684-30b0-59d2-95cb-f6462fba1f31"
"""Hashes of what a result was made of (input_hash)."""
DEVICES = "urn:uuid:784d63b5-0d90-5444-b368-a5cc7c37a1fe"
"""Devices by source and number."""

HEART_RATE = ("8867-4", "Heart rate")
RESTING = ("40443-4", "Heart rate --resting")
OXYGEN = ("2708-6", "Oxygen saturation in Arterial blood")
PULSE_OXIMETRY = ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry")


@dataclass(frozen=True)
class Measure:
    """One measure as an Observation.

    Attributes
    ----------
    feature : str
        Name in the catalogue, also our own code of it.
    display : str
        What it is, in a few words.
    unit, unit_text : str
        UCUM code, and the unit for people.
    over : 'night', 'day' or 'date'
        The time that it is of: onset to final wake, a local day, or a date and more days before it.
    loinc : tuple of (code, display)
        The most exact code first; empty where there is none.
    profile : str or None
        The vital signs profile of FHIR R4 that it conforms to.
    """

    feature: str
    display: str
    unit: str
    unit_text: str
    over: Literal["night", "day", "date"]
    loinc: tuple[tuple[str, str], ...] = ()
    profile: str | None = None


MS = ("ms", "ms")
MINUTES = ("min", "min")
BEATS = ("/min", "beats/minute")
CELSIUS = ("Cel", "°C")

MEASURES = (
    Measure("hr_mean_day", "Mean heart rate of the day", *BEATS, "day", (HEART_RATE,), "heartrate"),
    Measure(
        "rhr_night", "Resting heart rate of the night", *BEATS, "night", (RESTING, HEART_RATE), "heartrate"
    ),
    Measure(
        "rhr_vendor", "Resting heart rate, from the vendor", *BEATS, "day", (RESTING, HEART_RATE), "heartrate"
    ),
    Measure(
        "resp_night",
        "Breaths a minute asleep",
        "/min",
        "breaths/minute",
        "night",
        (("9279-1", "Respiratory rate"),),
        "resprate",
    ),
    Measure(
        "spo2_night",
        "Blood oxygen saturation asleep",
        "%",
        "%",
        "night",
        (PULSE_OXIMETRY, OXYGEN),
        "oxygensat",
    ),
    Measure("tst_min", "Time asleep", *MINUTES, "night", (("93832-4", "Sleep duration"),)),
    Measure("deep_min", "Deep sleep", *MINUTES, "night", (("93831-6", "Deep sleep duration"),)),
    Measure("light_min", "Light sleep", *MINUTES, "night", (("93830-8", "Light sleep duration"),)),
    Measure("rem_min", "REM sleep", *MINUTES, "night", (("93829-0", "REM sleep duration"),)),
    Measure("waso_min", "Awake after falling asleep", *MINUTES, "night"),
    Measure("sri_7d", "Sleep regularity index over 7 days", "1", "", "date"),
    Measure(
        "steps",
        "Steps of the day",
        "/d",
        "steps per day",
        "day",
        (("41950-7", "Number of steps in 24 hour Measured"),),
    ),
    Measure("mvpa_min", "Minutes of moderate to vigorous walking", *MINUTES, "day"),
    Measure(
        "sdnn_spot_sleep",
        "SDNN of spot samples asleep",
        *MS,
        "night",
        (("80404-7", "R-R interval.standard deviation (Heart rate variability)"),),
    ),
    Measure("rmssd_night", "RMSSD asleep, from beats", *MS, "night"),
    Measure("rmssd_5min_vendor_night", "RMSSD asleep, from the vendor's values of 5 minutes", *MS, "night"),
    Measure("rmssd_night_vendor", "RMSSD of the night, from the vendor", *MS, "night"),
    Measure("rmssd_spot_sleep", "RMSSD of spot samples asleep", *MS, "night"),
    Measure("skin_temp_night", "Skin temperature asleep", *CELSIUS, "night"),
    Measure("temp_dev", "Skin temperature against this person's usual", *CELSIUS, "night"),
    Measure(
        "temp_dev_vendor",
        "Skin temperature against this person's usual, from the vendor",
        *CELSIUS,
        "night",
    ),
)
"""What becomes an Observation of FHIR, in order."""

INDEX = Measure(
    "body_stress_signal",
    "Body stress signal: 0 to 100, where 50 is this person's usual",
    "{score}",
    "of 100",
    "day",
)
INDEX_METHOD = (
    "Arousal of the body on a day, compared with this person's own usual days; higher is more load."
    " It tells nothing of feelings or health and compares nobody with others."
)
HEART_RATE_METHOD = "mean of the minutes of the local day that have heart rate"

FEATURES = (
    *(m.feature for m in MEASURES if m.feature != "hr_mean_day"),
    *("awakenings", "deep_pct", "light_pct", "rem_pct", "se", "sleep_maint", "tib_min", "window_estimated"),
)
"""What is read of feature.value."""
