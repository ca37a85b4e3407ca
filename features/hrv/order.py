"""Values of a window's sorted intervals: median, spread, and the shape of their histogram, compiled."""

from __future__ import annotations

import numpy as np

from features.compiled import compiled
from features.ordered import place_of, quantile
from features.wear import Floats, Ints

BIN_MS = 1000 / 128
"""Width of the histogram's bins (Task Force 1996)."""

MAD_SCALE = 1.4826
"""Makes the median absolute deviation of normal values their standard deviation."""


CHUNK = 256
"""Windows sorted at a time: so many fit the processor's cache."""


def describe_windows(rr_ms: Floats, first: Ints, stop: Ints) -> Floats:
    """Median, scaled MAD, interquartile range, triangular index and TINN of windows.

    Parameters
    ----------
    rr_ms : (n,) float array
        Accepted intervals, positive.
    first, stop : (w,) int arrays
        Intervals of each window.

    Returns
    -------
    (5, w) float array
        NaN where a window is empty.
    """
    found = np.full((5, len(first)), np.nan)
    bars = np.zeros(int(np.max(rr_ms, initial=0.0) / BIN_MS) + 3)
    padded = np.append(rr_ms, np.inf)
    for low in range(0, len(first), CHUNK):
        begin, end = first[low : low + CHUNK], stop[low : low + CHUNK]
        size = end - begin
        place = np.minimum(begin[:, np.newaxis] + np.arange(np.max(size)), len(rr_ms))
        place[np.arange(np.max(size)) >= size[:, np.newaxis]] = len(rr_ms)
        # NumPy sorts rows ten times as fast as a compiled loop does.
        _describe_sorted(np.sort(padded[place], axis=1), size, bars, found[:, low : low + CHUNK])
    return found


@compiled
def _describe_sorted(ordered: Floats, size: Ints, bars: Floats, found: Floats) -> None:
    """Fill (5, w) values from (w, most) sorted rows, of which the first `size` values count."""
    for w in range(len(size)):
        if size[w] == 0:
            continue
        row = ordered[w, : size[w]]
        median = quantile(row, size[w], 0.5)
        found[0, w] = median
        found[1, w] = MAD_SCALE * _median_deviation(row, median)
        found[2, w] = quantile(row, size[w], 0.75) - quantile(row, size[w], 0.25)
        left, top, right = _fill_bars(bars, row)
        found[3, w] = size[w] / bars[top]
        found[4, w] = _triangle_base(bars, left, top, right) * BIN_MS
        bars[left : right + 1] = 0.0


@compiled
def _median_deviation(ordered: Floats, median: float) -> float:
    """Median distance from the median: walk outwards from it, always to the nearer side."""
    size = len(ordered)
    right = place_of(ordered, size, median)
    left = right - 1
    before, now = 0.0, 0.0
    for _ in range(size // 2 + 1):
        before = now
        if right >= size or (left >= 0 and median - ordered[left] <= ordered[right] - median):
            now = median - ordered[left]
            left -= 1
        else:
            now = ordered[right] - median
            right += 1
    return now if size % 2 else 0.5 * (before + now)


@compiled
def _fill_bars(bars: Floats, ordered: Floats) -> tuple[int, int, int]:
    """Count sorted values in bins from 0 ms on; returns the first, the (first) highest and the last bar.

    A value on an edge belongs to the bin above, but on the last edge to the bin below, as in NumPy.
    """
    right = int(np.ceil(ordered[-1] / BIN_MS)) - 1
    top = right
    for value in ordered:
        bars[min(int(value / BIN_MS), right)] += 1
    left = min(int(ordered[0] / BIN_MS), right)
    for k in range(right, left - 1, -1):
        if bars[k] >= bars[top]:
            top = k
    return left, top, right


@compiled
def _triangle_base(bars: Floats, left: int, top: int, right: int) -> float:
    """Bins between the feet of the triangle that fits the histogram best (Task Force 1996).

    The triangle has the highest bar as its apex; the squared differences over *all* bars are least.
    Each foot adds its own side's differences, so each is found by itself. A foot stands on a bar or
    next to the outermost.
    """
    return _best_foot(bars, top, right - top + 1, 1) + _best_foot(bars, top, top - left + 1, -1)


@compiled
def _best_foot(bars: Floats, top: int, furthest: int, side: int) -> float:
    """Bins from the apex to the best foot on one side."""
    best, least = 0, np.inf
    beyond = 0.0
    for k in range(1, furthest):
        beyond += bars[top + side * k] ** 2
    for foot in range(1, furthest + 1):
        slope = bars[top] / foot
        error = beyond
        for k in range(1, foot):
            error += (bars[top + side * k] - slope * (foot - k)) ** 2
        if error < least:
            best, least = foot, error
        if foot < furthest:
            beyond -= bars[top + side * foot] ** 2
    return float(best)
