"""What every feature function returns: a number with what stands behind it, or the reason it is missing.

The reasons are one small vocabulary, kept here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Quality = Literal["good", "fair", "low"]

NO_DATA = "no data"
NO_MAIN_SLEEP = "no main sleep found"
NO_NIGHT_BEFORE = "no main sleep on the night before"
NO_LIGHTS_OUT = "no lights-out time from this device"
NO_TIME_IN_BED = "no true time in bed from this device"
NO_STAGES = "no sleep stages that night"
NO_REM = "no REM sleep found"
ESTIMATED = "the sleep window is estimated from heart rate"
NO_STEPS = "no steps recorded"
NOT_KNOWN_AWAKE = "it is not known when the person was awake and at rest"
NO_VENDOR_VALUE = "no value from the vendor"
NO_BEATS = "no beats from this device"
NO_STRETCHES = "only totals of the sleep from this device"
TOO_UNEVEN = "too uneven to use"
COARSE_STEPS = "steps were not counted by the minute"
HOLES = "some hours of the clock are hardly ever known"
NO_CHANGE = "nothing changes over the hours"
NO_ONE_WINDOW = "no one time of the clock stands out"
NO_MEAN_CLOCK = "sleep lies all round the clock"
NO_CHECKIN = "no check-in that day"
NOT_LOGGED = "no start of a cycle was logged that day"


@dataclass(frozen=True)
class Measure:
    """One value of one feature, or why there is none.

    Attributes
    ----------
    value : float or None
        In the catalogue's unit; None exactly where `reason` says why.
    reason : str or None
        Plain English, from the vocabulary of this module.
    se : float or None
        Standard error, same unit; None where it is not estimated.
    n_obs : int
        Observations (minutes, 5-minute bins, nights) that entered the value.
    coverage : float or None
        Share of complete data, 0 to 1.
    quality : {'good', 'fair', 'low'} or None
        None where there is no value.
    """

    value: float | None
    reason: str | None = None
    se: float | None = None
    n_obs: int = 0
    coverage: float | None = None
    quality: Quality | None = None


def found(
    value: float,
    *,
    n_obs: int,
    coverage: float | None = 1.0,
    quality: Quality = "good",
    se: float | None = None,
) -> Measure:
    """A value that could be measured."""
    return Measure(float(value), None, se, int(n_obs), coverage, quality)


def missing(reason: str, *, n_obs: int = 0, coverage: float | None = None) -> Measure:
    """A value that could not be measured, and why."""
    return Measure(None, reason, None, int(n_obs), coverage, None)


def not_worn_enough(worn_min: float, needed_min: float) -> str:
    """Reason: 'not worn enough: 3.2 of 10 h'."""
    return f"not worn enough: {worn_min / 60:.1f} of {needed_min / 60:g} h"


def too_few_before(needed: int, what: Literal["days", "nights", "free nights", "work nights"]) -> str:
    """Reason: 'fewer than 5 days before it'."""
    return f"fewer than {needed} {what} before it"


def too_few_still(minutes: int, needed: int) -> str:
    """Reason: 'too few still waking minutes: 45 of 120'."""
    return f"too few still waking minutes: {minutes} of {needed}"


def too_little_heart_rate(bins: int, needed: int) -> str:
    """Reason: 'too little heart rate in sleep: 40 of 120 min' (from counts of 5-minute bins)."""
    return f"too little heart rate in sleep: {5 * bins} of {5 * needed} min"


def too_few_windows(windows: int, needed: int) -> str:
    """Reason: 'too few stretches of 5 minutes in sleep: 4 of 6'."""
    return f"too few stretches of 5 minutes in sleep: {windows} of {needed}"


def too_little_skin(used_min: float, needed: int, mostly: str | None) -> str:
    """Reason: 'skin conductance usable in 12 of 60 still waking minutes; mostly the wrist moved, or no …'."""
    why = f"; mostly {mostly}" if mostly else ""
    return f"skin conductance usable in {used_min:.0f} of {needed} still waking minutes{why}"


def too_few_day_pairs(pairs: int, needed: int) -> str:
    """Reason: 'sleep and wake known on 3 of 5 pairs of days'."""
    return f"sleep and wake known on {pairs} of {needed} pairs of days"


def share_quality(share: float, *, good: float = 0.8, fair: float = 0.5) -> Quality:
    """Quality from a share of complete data (SCIENCE: heart rate missing in over half a sleep is low)."""
    if share >= good:
        return "good"
    return "fair" if share >= fair else "low"
