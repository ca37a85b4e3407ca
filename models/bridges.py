"""Bridges: nights on which the last device and this one were both worn tell how far apart they read.

Features keep one device a night in `feature.value`, and what the next best made of the same night in
`feature.other_device`. A pair is a night of the window with the one in the first and the other in the
second, whichever way round. Of pairs only the differences are used: a night that was high was high on
both devices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from models.baseline import NO_SEGMENT, Bridge, Flag, History, Real, Whole, choose_segments, describe
from models.parameters import BaselineParameters


@dataclass(frozen=True)
class Others:
    """Values of other devices beside those of a grid, one row a day: (rows, features), as in History."""

    value: Real
    segment: Whole
    low: Flag


def bridge_cases(
    others: Others | None, rows: Whole, history: History, today: Whole, p: BaselineParameters
) -> Bridge:
    """Find the bridge of each case and feature; only those with another device in their window are looked at.

    Parameters
    ----------
    others : Others or None
        None where nobody wore two devices.
    rows : ndarray (cases,)
        Row of `others` at which the window of each case begins.
    history, today
        As `models.baseline.fit_baseline` takes them: (cases, features, days) and (cases, features).
    p : BaselineParameters
    """
    bridge = Bridge(np.zeros(today.shape), np.zeros(today.shape), np.zeros(today.shape))
    if others is None:
        return bridge
    days = history.value.shape[-1]
    there = np.any(others.segment != NO_SEGMENT, axis=1)
    cases = np.flatnonzero(sliding_window_view(there, days)[rows].any(axis=-1))
    if cases.size == 0:
        return bridge
    worn = History(history.value[cases], history.segment[cases], history.low[cases])
    first = rows[cases]
    beside = History(
        sliding_window_view(others.value, days, axis=0)[first],
        sliding_window_view(others.segment, days, axis=0)[first],
        sliding_window_view(others.low, days, axis=0)[first],
    )
    found = find_bridge(worn, beside, today[cases], p)
    for name in ("pairs", "mean", "squares"):
        getattr(bridge, name)[cases] = getattr(found, name)
    return bridge


def find_bridge(history: History, beside: History, today: Whole, p: BaselineParameters) -> Bridge:
    """Describe the differences between this device and the last on nights of both, far ones pulled in.

    Parameters
    ----------
    history, beside : History
        What counts on each day, and what another device gave on it: (..., features, days).
    today : ndarray (..., features)
        Segment of the value on the day scored.
    p : BaselineParameters
    """
    seen, current, before = choose_segments(history.segment, today, p)
    now, last = current[..., None], before[..., None]
    mine, theirs = (seen == now) & (beside.segment == last), (seen == last) & (beside.segment == now)
    both = (mine | theirs) & (seen != NO_SEGMENT) & (beside.segment != NO_SEGMENT)
    higher = np.where(mine, history.value - beside.value, beside.value - history.value)
    pairs = describe(History(higher, history.segment, history.low | beside.low), both, p)
    return Bridge(pairs.weight, pairs.mean, pairs.squares)
