"""Steps, wear and valid days."""

from __future__ import annotations

import numpy as np

from features import measure
from features.measure import Measure, found, missing, share_quality
from features.wear import Bools, Floats

VALID_WAKING_MIN = 600
VALID_STEPS = 100
DAY_GOAL_MIN = 960
"""Waking minutes of a whole day, 16 h: what coverage by day is a share of."""


def is_valid_day(worn_waking_min: float, steps: float) -> bool:
    """At least 600 worn waking minutes and 100 steps (SCIENCE 4); NaN steps are not 100."""
    return worn_waking_min >= VALID_WAKING_MIN and steps >= VALID_STEPS


def measure_day(hr_bpm: Floats, steps: Floats, waking: Bools) -> dict[str, Measure]:
    """Steps, worn minutes and validity of one local day.

    Parameters
    ----------
    hr_bpm : (n,) float array
        Mean heart rate of each minute of the day (1380, 1440 or 1500 of them), NaN where not worn.
    steps : (n,) float array
        Steps of each minute, NaN where unknown (`wear.complete_steps`).
    waking : (n,) bool array
        Minutes known to be awake: outside every sleep period, and not in the night hours of a night
        whose sleep was not found.
    """
    minutes = len(hr_bpm)
    worn = ~np.isnan(hr_bpm)
    worn_min, waking_min = int(worn.sum()), int((worn & waking).sum())
    known_min = int((worn | (steps > 0)).sum())
    total = float(np.nansum(steps)) if (~np.isnan(steps)).any() and known_min else float("nan")
    share = worn_min / minutes if minutes else 0.0
    valid = is_valid_day(waking_min, total)
    return {
        "worn_min": found(worn_min, n_obs=worn_min, coverage=share),
        "worn_waking_min": found(waking_min, n_obs=waking_min, coverage=share),
        "valid_day": found(valid, n_obs=worn_min, coverage=share),
        "steps": _measure_steps(total, known_min, minutes, worn_min),
    }


def _measure_steps(total: float, known_min: int, minutes: int, worn_min: int) -> Measure:
    """`steps`: null where no step was recorded all day."""
    share = known_min / minutes if minutes else 0.0
    if np.isnan(total):
        return missing(measure.NO_STEPS if worn_min else measure.NO_DATA)
    return found(total, n_obs=known_min, coverage=share, quality=share_quality(share))
