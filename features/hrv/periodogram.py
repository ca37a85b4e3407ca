"""Lomb-Scargle: power of uneven samples at a grid of frequencies, with a mean fitted at each.

The sums over beats are exact. Sines and cosines are not called for anew: those of a frequency are
those of the one before, turned by a fixed angle.
"""

from __future__ import annotations

import math

import numpy as np

from features.compiled import compiled
from features.hrv.kernels import compiled_sums
from features.wear import Floats, Ints

LANES = 16
"""The beats of a window are filled up with noughts to a multiple of this: no loop has a rest."""


@compiled_sums
def sum_lomb(
    end_s: Floats,
    rr_ms: Floats,
    first: Ints,
    stop: Ints,
    lowest_hz: Floats,
    step_hz: Floats,
    edges_hz: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Sum the power of every window over each band.

    Parameters
    ----------
    end_s, rr_ms : (n,) float arrays
        Time of each interval's ending beat, and its length.
    first, stop : (w,) int arrays
        The intervals of each window.
    lowest_hz, step_hz : (w,) float arrays
        First frequency of each window's grid, and the distance to the next.
    edges_hz : (b + 1,) float array
        A frequency f is of band k where edges[k] <= f < edges[k + 1].

    Returns
    -------
    total, head, tail : (w, b) float arrays
        Sum of the powers of a band, the first of them and the last. A power is half of what the best
        sine takes from the sum of squares (Zechmeister and Kürster 2009, times half the sum).
    """
    shape = (first.size, edges_hz.size - 1)
    total, head, tail = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    most = LANES
    for w in range(first.size):
        most = max(most, stop[w] - first[w] + LANES)
    y, cosine, sine = np.empty(most), np.empty(most), np.empty(most)
    turn_cosine, turn_sine = np.empty(most), np.empty(most)
    for w in range(first.size):
        n = stop[w] - first[w]
        end = n + (LANES - n % LANES) % LANES
        y[n:end], cosine[n:end], sine[n:end], turn_cosine[n:end], turn_sine[n:end] = 0.0, 0.0, 0.0, 0.0, 0.0
        mean = rr_ms[first[w] : stop[w]].mean()
        for i in range(n):
            angle = 2.0 * math.pi * (end_s[first[w] + i] - end_s[first[w]])
            y[i] = rr_ms[first[w] + i] - mean
            cosine[i], sine[i] = math.cos(angle * lowest_hz[w]), math.sin(angle * lowest_hz[w])
            turn_cosine[i], turn_sine[i] = math.cos(angle * step_hz[w]), math.sin(angle * step_hz[w])
        k, band = 0, 0
        frequency = lowest_hz[w]
        while frequency < edges_hz[-1]:
            power = _power(n, y[:end], cosine, sine, turn_cosine, turn_sine)
            while frequency >= edges_hz[band + 1]:
                band += 1
            if frequency >= edges_hz[band]:
                head[w, band] = power if total[w, band] == 0.0 else head[w, band]
                total[w, band] += power
                tail[w, band] = power
            k += 1
            frequency = lowest_hz[w] + step_hz[w] * k
    return total, head, tail


@compiled_sums
def _power(n: int, y: Floats, cosine: Floats, sine: Floats, turn_cosine: Floats, turn_sine: Floats) -> float:
    """Power at the present frequency; the sines and cosines are left turned to the next."""
    yc, ys, c1, s1, cc, cs = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(y.size):
        c, s = cosine[i], sine[i]
        yc += y[i] * c
        ys += y[i] * s
        c1 += c
        s1 += s
        cc += c * c
        cs += c * s
        cosine[i] = c * turn_cosine[i] - s * turn_sine[i]
        sine[i] = s * turn_cosine[i] + c * turn_sine[i]
    ss = n - cc - s1 * s1 / n
    cc -= c1 * c1 / n
    cs -= c1 * s1 / n
    return 0.5 * (ss * yc * yc + cc * ys * ys - 2.0 * cs * yc * ys) / (cc * ss - cs * cs)


@compiled
def median_steps(end_s: Floats, first: Ints, stop: Ints) -> Floats:
    """Median time between neighbouring beats of each window, in seconds."""
    medians = np.empty(first.size)
    for w in range(first.size):
        medians[w] = np.median(end_s[first[w] + 1 : stop[w]] - end_s[first[w] : stop[w] - 1])
    return medians
