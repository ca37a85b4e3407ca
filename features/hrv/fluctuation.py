"""Detrended fluctuation analysis (Peng et al. 1995): how departures from a line grow with the box."""

from __future__ import annotations

import math

import numpy as np

from features.hrv.kernels import compiled_sums
from features.wear import Floats, Ints

STILL_MS2 = 1e-8
"""NeuroKit2 leaves out boxes whose variance is not above this."""


@compiled_sums
def fit_exponents(
    rr_ms: Floats,
    first: Ints,
    stop: Ints,
    shortest: Ints,
    longest: Ints,
    overlap: bool,  # noqa: FBT001 - compiled code has no keywords
) -> Floats:
    """Slope of log fluctuation over log box length, by least squares.

    Parameters
    ----------
    rr_ms : (n,) float array
    first, stop : (w,) int arrays
        The intervals of each window, read as one series.
    shortest, longest : (w,) int arrays
        Box lengths: every whole number from one to the other.
    overlap : bool
        Boxes overlap by half, the last full one is left out, and those without variance too
        (NeuroKit2). Else they lie side by side (Peng) and all count.

    Returns
    -------
    (w,) float array
        NaN where a box length has no variance, or there are fewer than two lengths.
    """
    exponents = np.full(first.size, np.nan)
    most = 0
    for w in range(first.size):
        most = max(most, stop[w] - first[w])
    profile = np.empty(most)
    for w in range(first.size):
        n = stop[w] - first[w]
        mean = 0.0
        for i in range(first[w], stop[w]):
            mean += rr_ms[i]
        mean /= n
        height = 0.0
        for i in range(n):
            height += rr_ms[first[w] + i] - mean
            profile[i] = height
        count, sx, sy, sxx, sxy = 0, 0.0, 0.0, 0.0, 0.0
        for length in range(shortest[w], longest[w] + 1):
            x = math.log2(length)
            y = 0.5 * math.log2(_spread(profile[:n], length, overlap))
            count += 1
            sx += x
            sy += y
            sxx += x * x
            sxy += x * y
        if count > 1 and np.isfinite(sy):
            exponents[w] = (count * sxy - sx * sy) / (count * sxx - sx * sx)
    return exponents


@compiled_sums
def _spread(profile: Floats, length: int, overlap: bool) -> float:  # noqa: FBT001
    """Mean over the boxes of the variance around each box's own line."""
    stride = length // 2 if overlap else length
    last = profile.size - length - (1 if overlap else 0)
    middle = 0.5 * (length - 1)
    sxx = length * (length * length - 1) / 12.0
    boxes, total = 0, 0.0
    for start in range(0, last + 1, stride):
        base = profile[start + length // 2]
        sy, syy, sxy = 0.0, 0.0, 0.0
        for j in range(length):
            y = profile[start + j] - base
            sy += y
            syy += y * y
            sxy += y * (j - middle)
        variance = max(0.0, (syy - sy * sy / length - sxy * sxy / sxx) / length)
        if not overlap or variance > STILL_MS2:
            total += variance
            boxes += 1
    return total / boxes if boxes else 0.0
