"""What was known of a person before a row: their usual values, and their own earlier labels.

Both look back only. The usual value is learned from values without labels, as it would be in use; the
labels' past is what any model that claims to follow feelings must beat.
"""

from __future__ import annotations

import numpy as np

from models.validate.table import DAY_S, Floats, Ints, Table

FARTHEST = 8.0
"""In spreads: beyond that a value is as far from usual as it needs to be."""


def relate_to_past(
    x: Floats, start_s: Floats, end_s: Floats, *, least: int, reach_s: float = np.inf
) -> Floats:
    """Distance of each row of one person from the median of the rows that ended before it began.

    Parameters
    ----------
    x : (n, f) float array
        Values of one person; NaN where missing.
    start_s, end_s : (n,) float arrays
        When each row begins and ends.
    least : int
        Fewest earlier rows with a value.
    reach_s : float
        How far back rows are looked at.

    Returns
    -------
    (n, f) float array
        In 1.4826 median absolute deviations of those rows, clipped to ±8; NaN where too few came
        before or they did not differ.
    """
    away = np.full(x.shape, np.nan)
    for row in range(len(x)):
        before = (end_s <= start_s[row]) & (start_s >= start_s[row] - reach_s)
        enough = np.isfinite(x[before]).sum(axis=0) >= least
        if not enough.any():
            continue
        past = x[before][:, enough]
        median = np.nanmedian(past, axis=0)
        spread = 1.4826 * np.nanmedian(np.abs(past - median), axis=0)
        step = np.divide(x[row, enough] - median, spread, out=np.full(len(median), np.nan), where=spread > 0)
        away[row, enough] = np.clip(step, -FARTHEST, FARTHEST)
    return away


def label_past(table: Table) -> Floats:
    """Mean and last of the person's own labels of earlier local days.

    Returns
    -------
    (n, 2) float array
        NaN where there is no label of an earlier day. The code of a class is taken as a number, so
        that of two classes the mean is the share of the second.
    """
    past = np.full((len(table), 2), np.nan)
    for person in table.people:
        mine = np.flatnonzero((table.participant == person) & ~np.isnan(table.label))
        mine = mine[np.lexsort((table.start_s[mine], table.day[mine]))]
        total = np.concatenate(([0.0], np.cumsum(table.label[mine])))
        rows = np.flatnonzero(table.participant == person)
        before = np.searchsorted(table.day[mine], table.day[rows], side="left")
        some = before > 0
        past[rows[some], 0] = total[before[some]] / before[some]
        past[rows[some], 1] = table.label[mine[before[some] - 1]]
    return past


def weekday(table: Table) -> Ints:
    """(n,) day of the week on which each row ends, Monday 0."""
    return (table.day + 3) % 7


def clock_h(table: Table) -> Floats:
    """(n,) hours of the local clock at which each row ends, 0 to 24."""
    return np.asarray((table.end_s % DAY_S) / 3600, np.float64)
