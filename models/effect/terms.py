"""What a day's value depends on besides the thing asked about: level, drift, weekday, illness, travel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.baseline import Flag, Real, Whole
from models.effect.limits import OTHER_DAYS, TREND_DAYS, TREND_SD

WEEK = 7
MONDAY = 3
"""1970-01-01 was a Thursday: three days on from a Monday."""
DEPENDENT = 1e-6
"""A column that the others leave less than this share of says nothing of its own."""


@dataclass(frozen=True)
class Terms:
    """Columns (days, terms) of a regression, and how surely each coefficient is near 0.

    `precision` (terms,) is that of a normal prior, over that of a day: 0 where nothing is known of it. The
    first two columns are the level and the drift, in TREND_DAYS from the middle of the days on.
    """

    column: Real
    precision: Real


def weekdays(day: Whole) -> Whole:
    """Weekday of days since 1970: 0 on a Monday, 6 on a Sunday."""
    return (day + MONDAY) % WEEK


def lay_terms(day: Whole, others: Real, used: Flag) -> Terms:
    """Lay out what is allowed for, on all days given.

    A season of the year is not among them: no window here is as long as a year, and in less it cannot be
    told from a drift.

    Parameters
    ----------
    day : ndarray (days,)
        Days since 1970.
    others : ndarray (days, kinds)
        As in `Question`; a kind is left out unless it has OTHER_DAYS used days both ways.
    used : ndarray (days,)
        The days that a fit will use; a column that says nothing of its own on them is left out.
    """
    drift = (day - day.mean()) / TREND_DAYS
    weekday = weekdays(day)[:, None] == np.arange(1, WEEK)
    count = others[used].sum(axis=0)
    told = (count >= OTHER_DAYS) & (used.sum() - count >= OTHER_DAYS)
    column = np.column_stack((np.ones(day.size), drift, weekday.astype(np.float64), others[:, told]))
    precision = np.zeros(column.shape[1])
    precision[1] = TREND_SD**-2
    kept = mark_independent(column[used])
    kept[1] = True  # its prior makes it harmless
    return Terms(column[:, kept], precision[kept])


def mark_independent(column: Real) -> Flag:
    """Mark the columns (days, terms) that those before them do not make up."""
    size = np.sqrt((column**2).sum(axis=0))
    left = np.zeros(column.shape[1])
    diagonal = np.abs(np.diagonal(np.linalg.qr(column, mode="r")))
    left[: diagonal.size] = diagonal
    return np.asarray(left > DEPENDENT * np.maximum(size, DEPENDENT))


def count_own_days(side: Real, column: Real, precision: Real) -> float:
    """What terms leave of an exposure or a value (days,): its sum of squares, 0 where they explain it."""
    if not side.size:
        return 0.0
    padded = np.vstack((column, np.diag(np.sqrt(precision))))
    target = np.append(side, np.zeros(precision.size))
    left = target - padded @ np.linalg.lstsq(padded, target, rcond=None)[0]
    return float((left**2).sum())


def is_explained(value: Real, column: Real) -> bool:
    """Whether columns (days, terms) leave nothing of a value (days,), or it never changes."""
    spread = float(((value - value.mean()) ** 2).sum()) if value.size else 0.0
    free = np.zeros(column.shape[1])
    return not spread > 0 or count_own_days(value - value.mean(), column, free) < DEPENDENT * spread
