"""The intervals of a window as an even series: a spline through the beats, read at a fixed rate.

Two splines are known. `cubic` has continuous curvature and no knot at the second and the last but one
beat ("not-a-knot"). `quadratic` has its knots halfway between beats; its slope halfway between two
beats is what a tridiagonal system gives, and at both ends it is the chord's. Both are what SciPy's
`interp1d` draws under these names, one window after another and without its cost for each call.
"""

from __future__ import annotations

import numpy as np

from features.compiled import compiled
from features.wear import Floats, Ints

LEAST_BEATS = 4
"""A not-a-knot cubic has no fewer."""

BROKEN = 2.5e-3
"""Two beats further apart than 2.5 of the later interval (here seconds per millisecond) miss two beats or
more. A spline would swing out between them: 5 s missed added up to a third to LF in a simulation."""


def draw(
    end_s: Floats,
    rr_ms: Floats,
    first: Ints,
    stop: Ints,
    origin_s: Floats,
    *,
    length: int,
    rate_hz: float,
    cubic: bool,
) -> Floats:
    """Read the intervals of w windows at an even rate.

    Parameters
    ----------
    end_s, rr_ms : (n,) float arrays
        Time of each interval's ending beat, and its length.
    first, stop : (w,) int arrays
        The intervals of each window; at least four of them.
    origin_s : (w,) float array
        Time of each series' first sample.
    length : int
        Samples of each series.
    rate_hz : float
    cubic : bool
        Else the quadratic spline.

    Returns
    -------
    (w, length) float array
        Milliseconds. Before the first beat and after the last one the nearest beat's value stands.
        A row is NaN where two beats have the same time.
    """
    series = np.empty((first.size, length))
    _draw_all(end_s, rr_ms, first, stop, origin_s, 1.0 / rate_hz, cubic, series)
    return series


@compiled
def _draw_all(
    end_s: Floats,
    rr_ms: Floats,
    first: Ints,
    stop: Ints,
    origin_s: Floats,
    step_s: float,
    cubic: bool,  # noqa: FBT001 - compiled code has no keywords
    series: Floats,
) -> None:
    most = 0
    for w in range(first.size):
        most = max(most, stop[w] - first[w])
    x, bend, work = np.empty(most), np.empty(most), np.empty(most)
    for w in range(first.size):
        n = stop[w] - first[w]
        y = rr_ms[first[w] : stop[w]]
        rising = True
        for i in range(n):
            x[i] = end_s[first[w] + i] - origin_s[w]
            rising = rising and (i == 0 or x[i] > x[i - 1])
        if not rising or n < 4:
            series[w] = np.nan
        elif cubic:
            _draw_runs(x[:n], y, bend[:n], work[:n], step_s, series[w])
        else:
            _solve_quadratic(x[:n], y, bend[:n], work[:n])
            _read_quadratic(x[:n], y, bend[:n], step_s, series[w])


@compiled
def _draw_runs(x: Floats, y: Floats, bend: Floats, work: Floats, step_s: float, out: Floats) -> None:
    """A cubic through each run of beats that misses no more than one at a time, lines between the runs."""
    k = 0
    while k < out.size and k * step_s < x[0]:
        out[k] = y[0]
        k += 1
    start = 0
    for i in range(1, x.size + 1):
        if i < x.size and x[i] - x[i - 1] < BROKEN * y[i]:
            continue
        if i - start < LEAST_BEATS:
            bend[start:i] = 0.0
        else:
            _solve_cubic(x[start:i], y[start:i], bend[start:i], work[start:i])
        k = _read_cubic(x[start:i], y[start:i], bend[start:i], step_s, out, k)
        if i < x.size:
            work[:2] = 0.0
            k = _read_cubic(x[i - 1 : i + 1], y[i - 1 : i + 1], work[:2], step_s, out, k)
        start = i
    out[k:] = y[x.size - 1]


@compiled
def _solve_cubic(x: Floats, y: Floats, bend: Floats, work: Floats) -> None:
    """Second derivatives at the beats."""
    n = x.size
    before = x[1] - x[0]
    chord_before = (y[1] - y[0]) / before
    start_ratio = before / (x[2] - x[1])
    end_ratio = (x[n - 1] - x[n - 2]) / (x[n - 2] - x[n - 3])
    work[0], bend[0] = 0.0, 0.0
    for i in range(1, n - 1):
        after = x[i + 1] - x[i]
        chord = (y[i + 1] - y[i]) / after
        lower, diagonal, upper = before, 2.0 * (before + after), after
        if i == 1:
            diagonal += before * (1.0 + start_ratio)
            upper -= before * start_ratio
            lower = 0.0
        if i == n - 2:
            diagonal += after * (1.0 + end_ratio)
            lower -= after * end_ratio
            upper = 0.0
        pivot = 1.0 / (diagonal - lower * work[i - 1])
        work[i] = upper * pivot
        bend[i] = (6.0 * (chord - chord_before) - lower * bend[i - 1]) * pivot
        before, chord_before = after, chord
    for i in range(n - 3, 0, -1):
        bend[i] -= work[i] * bend[i + 1]
    bend[0] = bend[1] - start_ratio * (bend[2] - bend[1])
    bend[n - 1] = bend[n - 2] + end_ratio * (bend[n - 2] - bend[n - 3])


@compiled
def _read_cubic(x: Floats, y: Floats, bend: Floats, step_s: float, out: Floats, k: int) -> int:
    """Samples k, k+1, ... of the curve from x[0] to x[-1]; the number of the first one past it."""
    last = x.size - 1
    for i in range(last):
        if k == out.size:
            break
        if k * step_s >= x[i + 1]:
            continue
        wide = x[i + 1] - x[i]
        third = (bend[i + 1] - bend[i]) / (6.0 * wide)
        slope = (y[i + 1] - y[i]) / wide - wide * (2.0 * bend[i] + bend[i + 1]) / 6.0
        half = 0.5 * bend[i]
        while k < out.size and k * step_s < x[i + 1]:
            u = k * step_s - x[i]
            out[k] = y[i] + u * (slope + u * (half + u * third))
            k += 1
    return k


@compiled
def _solve_quadratic(x: Floats, y: Floats, bend: Floats, work: Floats) -> None:
    """Slopes halfway between beat i and beat i+1."""
    last = x.size - 2
    bend[0], work[0] = (y[1] - y[0]) / (x[1] - x[0]), 0.0
    for i in range(1, last):
        before, here, after = x[i] - x[i - 1], x[i + 1] - x[i], x[i + 2] - x[i + 1]
        lower, upper = here / (before + here), here / (here + after)
        diagonal = 2.0 + before / (before + here) + after / (here + after)
        pivot = 1.0 / (diagonal - lower * work[i - 1])
        work[i] = upper * pivot
        bend[i] = (4.0 * (y[i + 1] - y[i]) / here - lower * bend[i - 1]) * pivot
    bend[last] = (y[last + 1] - y[last]) / (x[last + 1] - x[last])
    for i in range(last - 1, 0, -1):
        bend[i] -= work[i] * bend[i + 1]


@compiled
def _read_quadratic(x: Floats, y: Floats, slope: Floats, step_s: float, out: Floats) -> None:
    last = x.size - 1
    k = 0
    while k < out.size and k * step_s < x[0]:
        out[k] = y[0]
        k += 1
    for i in range(1, last):
        before, after = x[i] - x[i - 1], x[i + 1] - x[i]
        curve = (slope[i] - slope[i - 1]) / (before + after)
        here = slope[i - 1] + curve * before
        until = x[last] if i == last - 1 else x[i] + 0.5 * after
        while k < out.size and k * step_s <= until:
            u = k * step_s - x[i]
            out[k] = y[i] + u * (here + u * curve)
            k += 1
    out[k:] = y[last]
