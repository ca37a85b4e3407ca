"""Baseline-corrected tau: how consistently days after a start lie on one side of the days before it.

Kendall's tau-b between phase (0 before, 1 after) and value; if the days before drift by themselves (Kendall's
test at 5 %), their Theil-Sen slope is first taken out of both phases (Tarlow 2017,
doi:10.1177/0145445516676750). Unlike Tau-U it is bounded by ±1 and not inflated. It takes days for
independent, so its own p-value is not used: it is a size, not a test.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import kendalltau, theilslopes

from models.baseline import Flag, Real
from models.effect.limits import TREND_P

LEAST_BEFORE = 3
DIGITS = 10


def correct_tau(day: Real, value: Real, after: Flag) -> float:
    """Baseline-corrected tau of the used days (n,); NaN where a phase is empty, 0 where all values are alike."""
    before = ~after
    if not after.any() or before.sum() < LEAST_BEFORE:
        return np.nan
    size = max(float(np.max(np.abs(value))), np.finfo(np.float64).tiny)
    if np.ptp(value[before]) > 0 and kendalltau(day[before], value[before]).pvalue < TREND_P:
        value = value - theilslopes(value[before], day[before])[0] * day
    # Values that are equal but for rounding are tied.
    value = np.round(value / size, DIGITS)
    pairs = value.size * (value.size - 1) / 2
    alike = np.unique(value, return_counts=True)[1]
    told = pairs - (alike * (alike - 1) / 2).sum()
    higher = np.sign(value[after] - value[before, None]).sum()
    return float(higher / np.sqrt(told * before.sum() * after.sum())) if told > 0 else 0.0
