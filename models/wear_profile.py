"""Wear as a confound: a day worn at other hours than usual has other features, and no more load.

Heart rate above expected is a median over the minutes that were worn. Of a person who wears a watch
all day, and one day in the evening only, it says something else that day. So the clock of a day's
wear is compared with the clock of the baseline's days: half the sum of |share of each hour − usual
share| is the part of the wear that lies at other hours (total variation distance, 0 to 1).

A day that differs keeps its index, of low quality; alerts leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.baseline import Flag, Real, median, sum_days
from models.parameters import WearParameters


@dataclass(frozen=True)
class WearCheck:
    """How a day's wear compares. Shapes (cases,).

    `distance` is the share of the day's wear at other hours than usual, `usual` the median of that
    over the baseline's days; NaN where a day was not worn or too few are there to compare with.
    """

    distance: Real
    usual: Real
    differs: Flag


def compare_wear(before: Real, today: Real, p: WearParameters) -> WearCheck:
    """Compare the hours of a day's wear with those of the baseline's days.

    Parameters
    ----------
    before : ndarray (cases, days, 24)
        Worn waking minutes in each hour of the local clock, on the days of the baseline's window; NaN
        or 0 where not worn.
    today : ndarray (cases, 24)
        The same of the day scored.
    p : WearParameters

    Returns
    -------
    WearCheck
        `differs` is False where nothing is known.
    """
    shares, worn = share_hours(before)
    share, worn_today = share_hours(today)
    days = np.count_nonzero(worn, axis=-1)
    usual = sum_days(np.moveaxis(shares, 1, -1)) / np.maximum(days, 1)[:, None]
    own = np.where(worn, sum_days(np.abs(shares - usual[:, None])) / 2, np.nan)
    known = worn_today & (days >= p.least_days)
    distance = np.where(known, sum_days(np.abs(share - usual)) / 2, np.nan)
    typical = np.where(known, median(own, days), np.nan)
    differs = (distance > p.distance) & (distance > p.distance_ratio * typical)
    return WearCheck(distance, typical, differs)


def share_hours(minutes: Real) -> tuple[Real, Flag]:
    """Share of the day's wear in each hour (last axis), 0 on days without any; and which have some."""
    filled = np.nan_to_num(minutes)
    total = sum_days(filled)
    return filled / np.where(total > 0, total, 1.0)[..., None], total > 0
