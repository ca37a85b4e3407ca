"""Sample and fuzzy entropy of windows: pairs of templates of two and three neighbouring intervals.

Templates never reach across a gap. The fuzzy likeness of two templates is exp(-distance / tolerance),
each less its mean. An exponential is taken once for each template, not for each pair: a distance is the
largest of some differences, so a likeness is the least of some ratios, each the lesser way round.
"""

from __future__ import annotations

import math

import numpy as np

from features.compiled import compiled
from features.hrv.kernels import compiled_sums
from features.wear import Bools, Floats, Ints

LARGEST_POWER = 300.0
"""exp of this, and its inverse, can still be multiplied without overflow."""


@compiled
def count_alike(rr_ms: Floats, joined: Bools, first: Ints, stop: Ints, share: float) -> tuple[Ints, Ints]:
    """Pairs of templates that are alike over two and over three intervals.

    Parameters
    ----------
    rr_ms : (n,) float array
    joined : (n,) bool array
        The interval follows the one before it.
    first, stop : (w,) int arrays
        The intervals of each window, at least two.
    share : float
        Intervals are alike that differ by no more than this of the window's standard deviation.

    Returns
    -------
    two, three : (w,) int arrays
        Of the same templates: those that have a third interval. None where all intervals are the same.
    """
    two, three = np.zeros(first.size, np.int64), np.zeros(first.size, np.int64)
    most = _most(first, stop)
    a, b, c = np.empty(most), np.empty(most), np.empty(most)
    for w in range(first.size):
        n = _lay_templates(rr_ms, joined, first[w], stop[w], a, b, c)
        tolerance_ms = share * _deviate(rr_ms[first[w] : stop[w]])
        if tolerance_ms > 0.0:
            two[w], three[w] = _count_pairs(a[:n], b[:n], c[:n], tolerance_ms)
    return two, three


@compiled
def sum_likeness(
    rr_ms: Floats, joined: Bools, first: Ints, stop: Ints, share: float
) -> tuple[Floats, Floats]:
    """Likeness of the pairs of templates over two and over three intervals, summed.

    Parameters and shapes as in `count_alike`; a pair's likeness lies between 0 and 1.
    """
    two, three = np.zeros(first.size), np.zeros(first.size)
    most = _most(first, stop)
    a, b, c, step = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    ia, ib, ic, istep = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    for w in range(first.size):
        n = _lay_templates(rr_ms, joined, first[w], stop[w], a, b, c)
        tolerance_ms = share * _deviate(rr_ms[first[w] : stop[w]])
        if n < 2 or not tolerance_ms > 0.0:
            continue
        if _centre(a[:n], b[:n], c[:n], step[:n], tolerance_ms) > LARGEST_POWER:
            two[w], three[w] = _sum_far(a[:n], b[:n], c[:n], step[:n])
            continue
        for grown, shrunk in ((a, ia), (b, ib), (c, ic), (step, istep)):
            for i in range(n):
                grown[i] = math.exp(grown[i])
                shrunk[i] = 1.0 / grown[i]
        two[w] = _sum_one(step[:n], istep[:n])
        three[w] = _sum_three(a[:n], b[:n], c[:n], ia[:n], ib[:n], ic[:n])
    return two, three


@compiled
def _most(first: Ints, stop: Ints) -> int:
    most = 0
    for w in range(first.size):
        most = max(most, stop[w] - first[w])
    return most


@compiled
def _deviate(values: Floats) -> float:
    """Standard deviation (n - 1)."""
    mean = values.sum() / values.size
    squares = 0.0
    for value in values:
        squares += (value - mean) ** 2
    return math.sqrt(squares / (values.size - 1))


@compiled
def _lay_templates(
    rr_ms: Floats, joined: Bools, first: int, stop: int, a: Floats, b: Floats, c: Floats
) -> int:
    """Write down all that are three unbroken intervals; how many there are."""
    n = 0
    for i in range(first, stop - 2):
        if joined[i + 1] and joined[i + 2]:
            a[n], b[n], c[n] = rr_ms[i], rr_ms[i + 1], rr_ms[i + 2]
            n += 1
    return n


@compiled
def _count_pairs(a: Floats, b: Floats, c: Floats, tolerance_ms: float) -> tuple[int, int]:
    two, three = 0, 0
    for lag in range(1, a.size):  # neighbours in memory are compared with neighbours: several at a time
        for i in range(a.size - lag):
            alike = (abs(a[i] - a[i + lag]) <= tolerance_ms) & (abs(b[i] - b[i + lag]) <= tolerance_ms)
            two += alike
            three += alike & (abs(c[i] - c[i + lag]) <= tolerance_ms)
    return two, three


@compiled
def _centre(a: Floats, b: Floats, c: Floats, step: Floats, tolerance_ms: float) -> float:
    """Take each template's mean away and count in tolerances; the largest figure that is left.

    Of two intervals less their mean one figure says all: half their step.
    """
    largest = 0.0
    for i in range(a.size):
        step[i] = (a[i] - b[i]) / (2.0 * tolerance_ms)
        mean = (a[i] + b[i] + c[i]) / 3.0
        a[i], b[i], c[i] = (
            (a[i] - mean) / tolerance_ms,
            (b[i] - mean) / tolerance_ms,
            (c[i] - mean) / tolerance_ms,
        )
        largest = max(largest, abs(step[i]), abs(a[i]), abs(b[i]), abs(c[i]))
    return largest


@compiled_sums
def _sum_one(grown: Floats, shrunk: Floats) -> float:
    total = 0.0
    for lag in range(1, grown.size):
        for i in range(grown.size - lag):
            total += min(grown[i] * shrunk[i + lag], shrunk[i] * grown[i + lag])
    return total


@compiled_sums
def _sum_three(a: Floats, b: Floats, c: Floats, ia: Floats, ib: Floats, ic: Floats) -> float:
    total = 0.0
    for lag in range(1, a.size):
        for i in range(a.size - lag):
            j = i + lag
            least = min(a[i] * ia[j], ia[i] * a[j])
            least = min(b[i] * ib[j], least)
            least = min(ib[i] * b[j], least)
            least = min(c[i] * ic[j], least)
            total += min(ic[i] * c[j], least)
    return total


@compiled
def _sum_far(a: Floats, b: Floats, c: Floats, step: Floats) -> tuple[float, float]:
    """Both sums from the distances themselves: slower, and good for any distance."""
    two, three = 0.0, 0.0
    for i in range(a.size):
        for j in range(i + 1, a.size):
            two += math.exp(-abs(step[i] - step[j]))
            three += math.exp(-max(abs(a[i] - a[j]), abs(b[i] - b[j]), abs(c[i] - c[j])))
    return two, three
