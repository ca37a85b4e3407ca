"""Sleep debt: sleep that was missing over two weeks, older nights counting less, as a range.

    debt = Σ_{k=0…13} .9^k · (need − TST24_{d−k}),   not below 0

Two things make it uncertain, and both are in the range: need is known only from a handful of free
nights, and some nights are missing. A missing night is taken to be as short as the others are on
weighted average, and its error is that of a new night about that average.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

from features import measure, regularity
from features.measure import Measure, found, missing, share_quality
from features.wear import Floats

NIGHTS = 14
LEAST_NIGHTS = 10
KEEP = 0.9
"""What a night keeps of its weight from one day to the next."""

ALL_WEIGHT = (1 - KEEP**NIGHTS) / (1 - KEEP)

UPPER = 0.9
NORMAL_UPPER = 1.2816
"""The 80 % range ends at the 10th and 90th percentile; of the normal distribution, that is ±1.2816 SD."""

MEDIAN_SE = math.sqrt(math.pi / 2)
"""Standard error of a median over that of a mean, for normal values."""

DEBT = ("sleep_debt_h", "sleep_debt_low_h", "sleep_debt_high_h")


def need_range_h(free_tst_h: Floats) -> tuple[float, float, float]:
    """Low end, value and high end of sleep need, hours: the median of free nights with its 80 % range.

    All three are held between 7 and 9 h, as `regularity.sleep_need_h` is; NaN with fewer than 2 nights.
    A need that a person set has no range: give it three times.
    """
    need, nights = regularity.sleep_need_h(free_tst_h), len(free_tst_h)
    if math.isnan(need):
        return math.nan, math.nan, math.nan
    half = MEDIAN_SE * float(np.std(free_tst_h, ddof=1)) / math.sqrt(nights) * stdtrit(nights - 1, UPPER)
    ends = np.median(free_tst_h) + np.array([-half, half])
    low, high = np.clip(ends, regularity.NEED_LOW_H, regularity.NEED_HIGH_H).tolist()
    return low, need, high


def debt_h(tst24_h: Floats, need_h: float) -> tuple[float, float]:
    """Debt, which may be negative (sleep to spare), and the standard error that missing nights leave.

    Parameters
    ----------
    tst24_h : (14,) float array
        All sleep of each 24 h, hours, the night itself first and the oldest last; NaN where not known.
    need_h : float
        Sleep need, hours.

    Returns
    -------
    debt_h, se_h : float
        The known nights' sum scaled up to all 14, and its error: 0 where all are known. NaN with fewer
        than 2 nights.
    """
    weight = KEEP ** np.arange(len(tst24_h))
    known = ~np.isnan(tst24_h)
    if known.sum() < 2:
        return math.nan, math.nan
    there, absent = weight[known], weight[~known]
    short = need_h - tst24_h[known]
    mean = float((there * short).sum() / there.sum())
    spread = float(np.std(short, ddof=1))
    of_mean = absent.sum() ** 2 * (there**2).sum() / there.sum() ** 2
    return mean * float(weight.sum()), spread * math.sqrt((absent**2).sum() + of_mean)


def measure_debt(tst24_h: Floats, need_h: tuple[float, float, float]) -> dict[str, Measure]:
    """`sleep_debt_h` with the ends of its 80 % range, none below 0.

    Parameters
    ----------
    tst24_h : (14,) float array
        As in `debt_h`; 10 must be known.
    need_h : tuple of float
        Low end, value and high end of need (`need_range_h`), hours; NaN where it is not known.

    Returns
    -------
    dict
        The errors of need and of missing nights are added in squares at each end; `se` is the range
        before it was cut at 0, over 2 · 1.2816.
    """
    nights = int((~np.isnan(tst24_h)).sum())
    coverage = nights / NIGHTS
    low_need, need, high_need = need_h
    if nights < LEAST_NIGHTS:
        reason = measure.too_few_before(LEAST_NIGHTS, "nights") if nights else measure.NO_DATA
        return dict.fromkeys(DEBT, missing(reason, n_obs=nights, coverage=coverage))
    if math.isnan(need):
        reason = measure.too_few_before(regularity.LEAST_FREE, "free nights")
        return dict.fromkeys(DEBT, missing(reason, n_obs=nights, coverage=coverage))
    debt, se = debt_h(tst24_h, need)
    absent = se * float(stdtrit(nights - 1, UPPER))
    # An hour more need is an hour more debt for each night's weight.
    low = debt - math.hypot(ALL_WEIGHT * (need - low_need), absent)
    high = debt + math.hypot(ALL_WEIGHT * (high_need - need), absent)
    quality, se = share_quality(coverage), (high - low) / (2 * NORMAL_UPPER)
    values = zip(DEBT, (debt, low, high), (se, None, None), strict=True)
    return {
        name: found(max(0.0, value), n_obs=nights, coverage=coverage, quality=quality, se=error)
        for name, value, error in values
    }
