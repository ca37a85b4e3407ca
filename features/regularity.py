"""How alike a person's sleep is from day to day, and how much sleep they need."""

from __future__ import annotations

import math
from collections.abc import Set as AbstractSet

import numpy as np

from features import measure
from features.measure import Measure, found, missing, share_quality
from features.wear import DAY_MIN, Bools, Floats, Ints

SRI_DAYS = 7
SRI_MONTH_DAYS = 28
LEAST_PAIRS = 5
LEAST_KNOWN = 0.75
HISTORY_NIGHTS = 28
LEAST_NIGHTS = 5
LEAST_FREE = 2
FREE_NIGHTS = 8
"""Free nights in 28."""

LEAST_WORK = 3
NEED_LOW_H, NEED_HIGH_H = 7.0, 9.0


def wrap_hours(difference_h: Floats) -> Floats:
    """A difference of clock hours on the shorter way round: −12 ≤ result < 12."""
    return (np.asarray(difference_h, float) + 12.0) % 24.0 - 12.0


def circular_mean_h(clock_h: Floats) -> float:
    """Mean of clock hours on the circle, −12 to 12; NaN if they cancel or there are none."""
    angle = np.asarray(clock_h, float) * (math.pi / 12)
    east, north = float(np.cos(angle).sum()), float(np.sin(angle).sum())
    if math.hypot(east, north) < 1e-9 * max(1, len(angle)):
        return math.nan
    return math.atan2(north, east) * 12 / math.pi


def circular_median_h(clock_h: Floats) -> float:
    """Median of clock hours about their circular mean, −12 to 12; NaN as for the mean."""
    mean = circular_mean_h(clock_h)
    if math.isnan(mean):
        return math.nan
    return float(wrap_hours(np.asarray(mean + np.median(wrap_hours(np.asarray(clock_h) - mean)))))


def is_free(day: int) -> bool:
    """Whether a night ends on a free day: a Saturday or a Sunday (days since 1970-01-01, a Thursday)."""
    return (day + 3) % 7 >= 5


def find_free(days: Ints, holidays: AbstractSet[int] = frozenset()) -> Bools:
    """(n,) whether each night ends on a free day: a weekend, or a holiday of those given.

    Parameters
    ----------
    days : (n,) int array
        Dates of nights, days since 1970-01-01.
    holidays : set of int
        Days off that are not weekends. Who works other days builds the mask from a calendar of their own.
    """
    return np.array([is_free(day) or day in holidays for day in days.tolist()], np.bool_)


def sri(asleep: Bools, known: Bools) -> tuple[float, int, float]:
    """Sleep regularity index over whole days of minutes, from pairs of minutes 24 h of elapsed time apart.

    −100 + 200 · (share of known pairs in the same state), over the pairs of neighbouring days in
    which at least 75 % of the pairs are known (Phillips 2017, doi:10.1038/s41598-017-03171-4).

    Parameters
    ----------
    asleep, known : (days·1440,) bool arrays
        State of each minute, and whether it is known; naps included, non-wear not known.

    Returns
    -------
    sri : float
        −100 to 100; NaN where no pair of days is good enough.
    day_pairs : int
        Pairs of days that entered.
    share_known : float
        Share of their minutes that was known.
    """
    state, sure = asleep.reshape(-1, DAY_MIN), known.reshape(-1, DAY_MIN)
    both = sure[1:] & sure[:-1]
    enough = both.mean(axis=1) >= LEAST_KNOWN
    if not enough.any():
        return math.nan, 0, 0.0
    same = (state[1:] == state[:-1]) & both
    share = same[enough].sum() / both[enough].sum()
    return float(-100 + 200 * share), int(enough.sum()), float(both[enough].mean())


def msf_sc_h(midsleep_h: Floats, sleep_h: Floats, free: Bools) -> float:
    """Mid-sleep on free days, corrected for sleep debt of the week (Roenneberg 2004; MCTQ).

    MSFsc = MSF − ½(SDf − SDweek) where SDf > SDweek = (5·SDw + 2·SDf)/7, else MSF.

    Parameters
    ----------
    midsleep_h, sleep_h : (n,) float arrays
        Clock hour of mid-sleep, and sleep duration in hours, of each night.
    free : (n,) bool array
        Nights that end on a free day.

    Returns
    -------
    float
        Clock hour, −12 to 12; NaN with fewer than 2 free or 3 work nights.
    """
    if free.sum() < LEAST_FREE or (~free).sum() < LEAST_WORK:
        return math.nan
    middle = circular_mean_h(midsleep_h[free])
    on_free = float(sleep_h[free].mean())
    week = (5 * float(sleep_h[~free].mean()) + 2 * on_free) / 7
    return float(wrap_hours(np.asarray(middle - max(0.0, on_free - week) / 2)))


def social_jetlag_h(midsleep_h: Floats, free: Bools) -> float:
    """Social jetlag |MSF − MSW|, hours, 0 to 12: circular means of mid-sleep on free and on work days.

    Wittmann 2006, doi:10.1080/07420520500545979. NaN with fewer than 2 free or 3 work nights, or where
    clock hours cancel.

    Parameters
    ----------
    midsleep_h : (n,) float array
        Clock hour of mid-sleep of each night.
    free : (n,) bool array
        Nights that end on a free day.
    """
    if free.sum() < LEAST_FREE or (~free).sum() < LEAST_WORK:
        return math.nan
    apart = circular_mean_h(midsleep_h[free]) - circular_mean_h(midsleep_h[~free])
    return float(np.abs(wrap_hours(np.asarray(apart))))


def _mean_se_h(clock_h: Floats) -> float:
    """Standard error of the circular mean of at least 2 clock hours, from distances to it."""
    away = wrap_hours(clock_h - circular_mean_h(clock_h))
    return float(np.sqrt((away**2).sum() / (len(away) - 1) / len(away)))


def cpd_h(midsleep_h: float, before_h: float, reference_h: float) -> float:
    """Composite phase deviation of a night, hours (Fischer 2016, doi:10.1038/srep38601).

    The length of the way from usual (`reference_h`) and from the night before (`before_h`), each on
    the shorter way round the clock.
    """
    away, moved = wrap_hours(np.array([midsleep_h - reference_h, midsleep_h - before_h]))
    return math.hypot(away, moved)


def sleep_need_h(free_tst_h: Floats) -> float:
    """Sleep need: the median of free nights, held between 7 and 9 h; NaN with fewer than 2."""
    if len(free_tst_h) < LEAST_FREE:
        return math.nan
    return float(np.clip(np.median(free_tst_h), NEED_LOW_H, NEED_HIGH_H))


def measure_sri(asleep: Bools, known: Bools) -> Measure:
    """`sri_7d` or `sri_28d` from the 7 or 28 · 1440 minutes that end at noon of the night's date.

    Needs 5 pairs of days. Quality is that of what is known within the pairs, and no better than the
    share of all pairs that entered.
    """
    value, pairs, share = sri(asleep, known)
    if pairs < LEAST_PAIRS:
        nothing = not known.any()
        return missing(measure.NO_DATA if nothing else measure.too_few_day_pairs(pairs, LEAST_PAIRS))
    entered = pairs / (len(known) // DAY_MIN - 1)
    quality = min(
        share_quality(share, good=0.9, fair=0.8), share_quality(entered), key=("low", "fair", "good").index
    )
    return found(value, n_obs=pairs, coverage=share, quality=quality)


def measure_cpd(
    midsleep_h: float, before_h: float, *, past_midsleep_h: Floats, past_sleep_h: Floats, past_free: Bools
) -> Measure:
    """`cpd` of a night, against MSFsc of the 28 nights before it, else the median of their mid-sleeps.

    Parameters
    ----------
    midsleep_h, before_h : float
        Mid-sleep of the night and of the night before, clock hours; NaN where there is none.
    past_midsleep_h, past_sleep_h, past_free : (n,) arrays
        The nights with a main sleep among the 28 before it.
    """
    if math.isnan(midsleep_h):
        return missing(measure.NO_MAIN_SLEEP)
    if math.isnan(before_h):
        return missing(measure.NO_NIGHT_BEFORE)
    nights = len(past_midsleep_h)
    if nights < LEAST_NIGHTS:
        return missing(measure.too_few_before(LEAST_NIGHTS, "nights"), n_obs=nights)
    reference = msf_sc_h(past_midsleep_h, past_sleep_h, past_free)
    if math.isnan(reference):
        reference = circular_median_h(past_midsleep_h)
    value = cpd_h(midsleep_h, before_h, reference)
    quality = share_quality(nights / HISTORY_NIGHTS, fair=0.0, good=0.5)
    return found(value, n_obs=nights, coverage=nights / HISTORY_NIGHTS, quality=quality)


def measure_need(free_tst_h: Floats) -> Measure:
    """`sleep_need_h` from the free nights among the 28 nights before."""
    need, nights = sleep_need_h(free_tst_h), len(free_tst_h)
    if math.isnan(need):
        return missing(measure.too_few_before(LEAST_FREE, "free nights"), n_obs=nights)
    share = min(1.0, nights / FREE_NIGHTS)
    return found(need, n_obs=nights, coverage=share, quality=share_quality(share, fair=0.0, good=0.5))


def measure_short(need: Measure, tst24: Measure) -> Measure:
    """`sleep_short`: need less sleep in the 24 h, hours; negative where the night was longer than need."""
    if tst24.value is None:
        return missing(tst24.reason or measure.NO_DATA)
    if need.value is None:
        return missing(need.reason or measure.NO_DATA)
    short_h = need.value - tst24.value / 60
    return found(short_h, n_obs=tst24.n_obs, coverage=tst24.coverage, quality=tst24.quality or "low")


WORK_AND_FREE = ("social_jetlag_h", "msfsc_h")


def measure_work_and_free(midsleep_h: Floats, sleep_h: Floats, free: Bools) -> dict[str, Measure]:
    """`social_jetlag_h` and `msfsc_h`, from the nights with a main sleep among 28.

    Parameters
    ----------
    midsleep_h, sleep_h : (n,) float arrays
        Clock hour of mid-sleep, and sleep period in hours, of each night; no NaN.
    free : (n,) bool array
        Nights that end on a free day (`find_free`, or a work calendar).

    Returns
    -------
    dict
        Both need 2 free and 3 work nights. `se` is that of the means of mid-sleep; for `msfsc_h` the
        error of the correction is left out.
    """
    nights, coverage = len(free), min(1.0, len(free) / HISTORY_NIGHTS)
    few = None
    if free.sum() < LEAST_FREE:
        few = measure.too_few_before(LEAST_FREE, "free nights") if nights else measure.NO_DATA
    elif (~free).sum() < LEAST_WORK:
        few = measure.too_few_before(LEAST_WORK, "work nights")
    if few is not None:
        return dict.fromkeys(WORK_AND_FREE, missing(few, n_obs=nights, coverage=coverage))
    jetlag, middle = social_jetlag_h(midsleep_h, free), msf_sc_h(midsleep_h, sleep_h, free)
    if math.isnan(jetlag):
        scattered = missing(measure.NO_MEAN_CLOCK, n_obs=nights, coverage=coverage)
        return dict.fromkeys(WORK_AND_FREE, scattered)
    error = _mean_se_h(midsleep_h[free])
    both = math.hypot(error, _mean_se_h(midsleep_h[~free]))
    quality = share_quality(coverage, fair=0.0, good=0.5)
    return {
        "social_jetlag_h": found(jetlag, n_obs=nights, coverage=coverage, quality=quality, se=both),
        "msfsc_h": found(middle, n_obs=nights, coverage=coverage, quality=quality, se=error),
    }
