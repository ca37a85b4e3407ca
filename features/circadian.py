"""Rest and activity round the clock, without a curve: stability, variability, the quietest and busiest hours.

The non-parametric measures of Witting 1990 and van Someren 1999 over hourly means x_i of any signal
(steps, heart rate), with n hours, p = 24 clock hours, mean x̄ and mean profile x̄_h:

    IS = n·Σ_h(x̄_h − x̄)² / (p·Σ_i(x_i − x̄)²)          how alike the days are, 0 to 1
    IV = n·Σ_i(x_i − x_{i−1})² / ((n−1)·Σ_i(x_i − x̄)²)  how broken up they are; noise has 2
    L5, M10 = the lowest 5 and the highest 10 hours on end of x̄_h, going round the clock
    RA = (M10 − L5) / (M10 + L5)

Hours are missing in life, so both ratios are taken of means instead of sums: each clock hour of IS is
weighted with its hours, n_h·p/n (without that IS can pass 1), and IV is over pairs of hours that truly
follow each other. Without a gap both are the formulae above, to the letter. The rhythm of heart rate
with activity taken out is `features.arousal`'s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from features import measure
from features.measure import Measure, found, missing, share_quality
from features.regularity import circular_mean_h
from features.wear import Bools, Floats, Ints

CLOCK_H = 24
WINDOW_DAYS = 7
LEAST_DAYS = 3
LEAST_MINUTES = 30
LEAST_HOURS = 20
LEAST_PER_CLOCK_HOUR = 2
QUIET_H, BUSY_H = 5, 10

RHYTHM = ("is_7d", "iv_7d", "l5_7d", "m10_7d", "ra_7d", "l5_start_h", "m10_start_h")


@dataclass(frozen=True)
class Hourly:
    """Means of local clock hours, in order of time; every array is (n,).

    Attributes
    ----------
    start_min : int array
        Start of the hour, minutes since 1970-01-01 UTC. A change of offset inside an hour makes two of it.
    day : int array
        Local day, days since 1970-01-01.
    clock_h : int array
        Local clock hour, 0 to 23.
    mean : float array
        Mean of the hour's known minutes; NaN with fewer than 30 of them.
    """

    start_min: Ints
    day: Ints
    clock_h: Ints
    mean: Floats

    def take(self, chosen: Bools) -> Hourly:
        """The hours chosen, (n,) bool."""
        return Hourly(self.start_min[chosen], self.day[chosen], self.clock_h[chosen], self.mean[chosen])


@dataclass(frozen=True)
class Rhythm:
    """Rest and activity of some days; NaN where it cannot be told. Units are those of the hourly means."""

    stability: float
    variability: float
    quiet: float
    busy: float
    amplitude: float
    quiet_start_h: float
    busy_start_h: float


def hourly_means(value: Floats, utc_min: Ints, local_min: Ints) -> Hourly:
    """Mean of each local clock hour.

    Parameters
    ----------
    value : (n,) float array
        One value a minute, NaN where unknown; for steps an hour, 60 times steps a minute.
    utc_min, local_min : (n,) int array
        The minutes in order of time, since 1970-01-01 UTC and since 1970-01-01 local.
    """
    start = local_min // 60 * 60 - (local_min - utc_min)
    first, index, group = np.unique(start, return_index=True, return_inverse=True)
    known = ~np.isnan(value)
    count = np.bincount(group, weights=known, minlength=len(first))
    total = np.bincount(group, weights=np.where(known, value, 0.0), minlength=len(first))
    mean = np.where(count >= LEAST_MINUTES, total / np.maximum(count, 1), np.nan)
    local_h = local_min[index] // 60
    return Hourly(first, local_h // CLOCK_H, local_h % CLOCK_H, np.asarray(mean, np.float64))


def valid_days(hours: Hourly) -> Ints:
    """Local days with at least 20 known hours, in order."""
    day, count = np.unique(hours.day[~np.isnan(hours.mean)], return_counts=True)
    return np.asarray(day[count >= LEAST_HOURS], np.int64)


def mean_profile(mean: Floats, clock_h: Ints) -> Floats:
    """(24,) mean of each clock hour; NaN for one without a known value."""
    known = ~np.isnan(mean)
    count = np.bincount(clock_h[known], minlength=CLOCK_H)
    total = np.bincount(clock_h[known], weights=mean[known], minlength=CLOCK_H)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float64)


def interdaily_stability(mean: Floats, clock_h: Ints) -> float:
    """IS: share of the variance of hourly means that the clock hour explains, 0 to 1; NaN without variance.

    Parameters
    ----------
    mean : (n,) float array
        Hourly means, NaN where unknown.
    clock_h : (n,) int array
        Local clock hour of each, 0 to 23.
    """
    known = ~np.isnan(mean)
    value, profile = mean[known], mean_profile(mean, clock_h)
    spread = _square_sum(value)
    if spread == 0:
        return math.nan
    return float(((profile[clock_h[known]] - value.mean()) ** 2).sum() / spread)


def intradaily_variability(mean: Floats, start_min: Ints) -> float:
    """IV: mean square of hour-to-hour changes over the variance; NaN without variance or a pair.

    Parameters
    ----------
    mean : (n,) float array
        Hourly means, NaN where unknown.
    start_min : (n,) int array
        Start of each hour in elapsed minutes: a pair is two known hours 60 min apart.
    """
    pair = (np.diff(start_min) == 60) & ~np.isnan(np.diff(mean))
    value = mean[~np.isnan(mean)]
    spread = _square_sum(value)
    if spread == 0 or not pair.any():
        return math.nan
    return float((np.diff(mean)[pair] ** 2).mean() / (spread / len(value)))


def _square_sum(value: Floats) -> float:
    """Σ(x − x̄)²; exactly 0 where all values are equal, or there are none."""
    if not len(value) or np.min(value) == np.max(value):
        return 0.0
    return float(((value - value.mean()) ** 2).sum())


def extreme_window(profile: Floats, hours: int, *, lowest: bool) -> tuple[float, float]:
    """The lowest or highest run of hours of a profile that goes round the clock.

    Parameters
    ----------
    profile : (24,) float array
        Mean of each clock hour, no NaN.
    hours : int
        Length of the run.

    Returns
    -------
    level, start_h : float
        Mean of the run, and the clock hour at which it starts, 0 ≤ h < 24. Where several runs are equal
        (nights without a step are) it is the circular mean of their starts; NaN where these cancel.
    """
    starts = np.arange(CLOCK_H)[:, None]
    level = profile[(starts + np.arange(hours)) % CLOCK_H].mean(axis=1)
    best = float(level.min() if lowest else level.max())
    # Sums of the same hours in another order differ in the last digits.
    equal = np.abs(level - best) <= 1e-9 * max(float(np.abs(profile).max()), 1e-300)
    return best, circular_mean_h(np.flatnonzero(equal).astype(np.float64)) % CLOCK_H


def relative_amplitude(quiet: float, busy: float) -> float:
    """RA = (M10 − L5) / (M10 + L5), 0 to 1 for a signal that is not negative; NaN where the sum is 0."""
    return (busy - quiet) / (busy + quiet) if busy + quiet else math.nan


def find_rhythm(hours: Hourly) -> Rhythm:
    """IS, IV, L5, M10 and RA of hourly means, such as those of the valid days of a week."""
    profile = mean_profile(hours.mean, hours.clock_h)
    quiet, quiet_start_h, busy, busy_start_h = (math.nan,) * 4
    if not np.isnan(profile).any():
        quiet, quiet_start_h = extreme_window(profile, QUIET_H, lowest=True)
        busy, busy_start_h = extreme_window(profile, BUSY_H, lowest=False)
    return Rhythm(
        interdaily_stability(hours.mean, hours.clock_h),
        intradaily_variability(hours.mean, hours.start_min),
        quiet,
        busy,
        relative_amplitude(quiet, busy),
        quiet_start_h,
        busy_start_h,
    )


def measure_rhythm(hours: Hourly, day: int) -> dict[str, Measure]:
    """`RHYTHM` of the 7 local days that end with `day`, from those of them with 20 known hours.

    Needs 3 such days, and each clock hour known on 2 of them. L5 and M10 are in the unit of the hourly
    means; clock hours are local.

    Parameters
    ----------
    hours : Hourly
        Any stretch that holds the 7 days.
    day : int
        Days since 1970-01-01.
    """
    week = hours.take((hours.day > day - WINDOW_DAYS) & (hours.day <= day))
    days = valid_days(week)
    used = week.take(np.isin(week.day, days) & ~np.isnan(week.mean))
    count, coverage = len(used.mean), min(1.0, len(used.mean) / (WINDOW_DAYS * CLOCK_H))
    reason = None
    if len(days) < LEAST_DAYS:
        nothing = np.isnan(week.mean).all()
        reason = measure.NO_DATA if nothing else f"known round the clock on {len(days)} of {LEAST_DAYS} days"
    elif np.min(np.bincount(used.clock_h, minlength=CLOCK_H)) < LEAST_PER_CLOCK_HOUR:
        reason = measure.HOLES
    elif np.min(used.mean) == np.max(used.mean):
        reason = measure.NO_CHANGE
    if reason:
        return dict.fromkeys(RHYTHM, missing(reason, n_obs=count, coverage=coverage))
    one = find_rhythm(used)
    values = (one.stability, one.variability, one.quiet, one.busy, one.amplitude)
    clocks = (one.quiet_start_h, one.busy_start_h)
    quality = share_quality(len(days) / WINDOW_DAYS, good=1.0, fair=0.7)
    return {
        name: missing(measure.NO_ONE_WINDOW, n_obs=count, coverage=coverage)
        if math.isnan(value)
        else found(value, n_obs=count, coverage=coverage, quality=quality)
        for name, value in zip(RHYTHM, (*values, *clocks), strict=True)
    }
