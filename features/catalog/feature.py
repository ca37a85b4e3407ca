"""What a row of the catalogue is, and what many rows say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

METHOD_VERSION = "features-4"

Grain = Literal["night", "day", "window"]


@dataclass(frozen=True)
class Feature:
    """One row of `feature.catalog`, whose columns have these names.

    `direction` is +1 or −1 where more or less of it means more load, 0 where it only describes.
    """

    feature: str
    grain: Grain
    unit: str
    definition: str
    formula: str
    reads: str
    window: str
    minimum_data: str
    direction: int = 0
    reach_days: int = 1
    citation: str = "AASM definitions as used for consumer sleep technology, ANSI/CTA/NSF-2052.1"
    since_version: str = "features-1"


SLEEP = "signal.sleep_episode,signal.sleep_stage"
TOTALS = f"{SLEEP},signal.vital"
"""A device that gives no stretches of sleep may give its minutes."""

HEART = "signal.heart_rate"
STEPS = "signal.steps"
NIGHT_HEART = f"{HEART},{SLEEP}"
NIGHT_BEATS = f"signal.beat,signal.pulse_wave,{SLEEP}"
SKIN = f"signal.eda,signal.acceleration,signal.vital,{HEART},{STEPS},signal.workout,{SLEEP}"
WAKING = f"{HEART},{STEPS},signal.workout,{SLEEP}"

MAIN = "main sleep: the longest of at least 3 h between two local noons"
NOON = "noon to noon, local"
LOCAL_DAY = "local day"
NIGHTS_28 = "the night and the 28 nights before it"
DAYS_14 = "the 14 days before"

ONE_MAIN = "a main sleep"
STAGED = "a main sleep with stages"
PACED = "600 known worn waking minutes; 10 % of steps at most from records longer than a minute"
STILL_120 = "5 days with 600 usable minutes among the 14 before; 120 still waking minutes that day"
FIT_5 = "5 days with 600 usable minutes among the 14 before"

BOWMAN = "Bowman 2021, Cell Rep Methods 1:100058, doi:10.1016/j.crmeth.2021.100058; form ours"
VALID = "worn-minutes rule common to wrist devices; 100 steps as in All of Us"
FISCHER = "Fischer 2016, Sci Rep 6:38601, doi:10.1038/srep38601; MSFsc as in Roenneberg 2004"
TASK_FORCE = "Task Force 1996, Circulation 93:1043, doi:10.1161/01.CIR.93.5.1043"
TUDOR_LOCKE = "Tudor-Locke 2018, Br J Sports Med 52:776, doi:10.1136/bjsports-2017-097628"
OWN = "own rule"
VENDOR = "the vendor"


def since(version: str, *features: Feature) -> tuple[Feature, ...]:
    """Features that an edition of the method brought."""
    return tuple(replace(feature, since_version=version) for feature in features)
