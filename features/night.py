"""Heart rate of the night: how low it goes, how far below the waking day, and when."""

from __future__ import annotations

import numpy as np

from features import measure
from features.bootstrap import draw_blocks
from features.measure import Measure, Quality, found, missing
from features.wear import Bools, Floats, Ints, five_minute_means

LEAST_BINS = 24
LEAST_WAKING_MIN = 120
LEAST_COVERAGE = 0.6
RHR_PERCENTILE = 10


def rhr_bpm(bin_bpm: Floats) -> float:
    """Resting heart rate of a night: 10th percentile of 5-minute mean heart rates asleep, /min."""
    return float(np.percentile(bin_bpm, RHR_PERCENTILE))


def rhr_se_bpm(bin_bpm: Floats) -> float:
    """Standard error of `rhr_bpm` by `bootstrap.draw_blocks`: blocks of 6 neighbouring bins (30 min)."""
    drawn = bin_bpm[draw_blocks(len(bin_bpm))]
    return float(np.percentile(drawn, RHR_PERCENTILE, axis=1).std(ddof=1))


def dip_percent(asleep_bpm: Floats, still_bpm: Floats) -> float:
    """How far the median asleep lies below the median awake and still, % of the latter."""
    return float(100 * (1 - np.median(asleep_bpm) / np.median(still_bpm)))


def nadir_share(bin_min: Ints, bin_bpm: Floats, onset_min: float, wake_min: float) -> float:
    """Where in the sleep period the lowest 5-minute mean lies: 0 at onset, 1 at the final wake.

    The middle of the lowest bin, the earliest of equals; bins that reach out of the period are left
    out. Minutes since 1970-01-01 UTC; NaN without a bin.
    """
    inside = (bin_min >= onset_min) & (bin_min + 5 <= wake_min)
    if not inside.any():
        return float("nan")
    lowest = bin_min[inside][np.argmin(bin_bpm[inside])] + 2.5
    return float((lowest - onset_min) / (wake_min - onset_min))


def measure_rhr(
    utc_min: Ints, hr_bpm: Floats, asleep: Bools, *, coverage: float, quality: Quality
) -> Measure:
    """`rhr_night`: needs 24 five-minute bins (2 h) asleep with heart rate.

    Parameters
    ----------
    utc_min, hr_bpm, asleep : (n,) arrays
        Minutes of the sleep period, mean heart rate in each (NaN where none), and whether asleep.
    """
    _, bin_bpm = five_minute_means(utc_min, np.where(asleep, hr_bpm, np.nan))
    if len(bin_bpm) < LEAST_BINS:
        reason = measure.too_little_heart_rate(len(bin_bpm), LEAST_BINS)
        return missing(reason, n_obs=len(bin_bpm), coverage=coverage)
    return found(
        rhr_bpm(bin_bpm), n_obs=len(bin_bpm), coverage=coverage, quality=quality, se=rhr_se_bpm(bin_bpm)
    )


def measure_dip(asleep_bpm: Floats, still_bpm: Floats, *, coverage: float, quality: Quality) -> Measure:
    """`hr_dip`: needs 120 min of heart rate asleep and 120 still waking minutes in the 24 h before onset.

    Parameters
    ----------
    asleep_bpm, still_bpm : float arrays
        Heart rate of minutes asleep, and of still waking minutes, NaN-free.
    """
    if len(asleep_bpm) < 5 * LEAST_BINS:
        return missing(measure.too_little_heart_rate(len(asleep_bpm) // 5, LEAST_BINS), coverage=coverage)
    if len(still_bpm) < LEAST_WAKING_MIN:
        return missing(measure.too_few_still(len(still_bpm), LEAST_WAKING_MIN), coverage=coverage)
    value = dip_percent(asleep_bpm, still_bpm)
    return found(value, n_obs=len(asleep_bpm) + len(still_bpm), coverage=coverage, quality=quality)


def measure_nadir(
    utc_min: Ints, hr_bpm: Floats, onset_min: float, wake_min: float, *, coverage: float, quality: Quality
) -> Measure:
    """`t_hr_nadir`: needs 24 five-minute bins in the sleep period and heart rate in 60 % of it."""
    bin_min, bin_bpm = five_minute_means(utc_min, hr_bpm)
    if len(bin_min) < LEAST_BINS or coverage < LEAST_COVERAGE:
        return missing(measure.too_little_heart_rate(len(bin_min), LEAST_BINS), coverage=coverage)
    value = nadir_share(bin_min, bin_bpm, onset_min, wake_min)
    return found(value, n_obs=len(bin_min), coverage=coverage, quality=quality)
