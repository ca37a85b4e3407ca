"""Rules that judge intervals by those around them, compiled. The way in is `features.beats.clean`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.compiled import compiled
from features.ordered import put_in, quantile, take_out
from features.wear import Bools, Floats

Int8s = npt.NDArray[np.int8]

OUT_OF_RANGE, LOCAL_MEDIAN, MALIK, LONG, SHORT, ECTOPIC, MISSED, EXTRA = range(1, 9)

SHARE = 0.20
AROUND = 5
"""Intervals on either side that enter the local median."""

REACH_S = 60.0
"""An interval further off says nothing about this one. Eleven without a gap span 22 s at most."""

REJECTED_IN_A_ROW = 5

ALPHA = 5.2
QUARTILE_WINDOW = 91
C1, C2 = 0.13, 0.17


@compiled
def judge_local(rr_ms: Floats, end_s: Floats) -> Int8s:
    """`LOCAL_MEDIAN` where an interval is more than 20 % from the median of the 11 around it, else 0.

    Parameters
    ----------
    rr_ms, end_s : (n,) float arrays
        Valid intervals only, in order, and when they end.
    """
    n = len(rr_ms)
    reason = np.zeros(n, np.int8)
    near = np.empty(2 * AROUND + 1)
    for i in range(n):
        value = rr_ms[i]
        low, high = i - AROUND, i + AROUND
        whole = low >= 0 and high < n
        whole = whole and end_s[i] - end_s[low] <= REACH_S and end_s[high] - end_s[i] <= REACH_S
        if whole and _surely_near(rr_ms[low : high + 1], value):
            continue
        size = 0
        for j in range(max(0, low), min(n, high + 1)):
            if abs(end_s[j] - end_s[i]) <= REACH_S:
                near[size] = rr_ms[j]
                size += 1
        around = np.sort(near[:size])
        median = 0.5 * (around[(size - 1) // 2] + around[size // 2])
        if abs(value - median) > SHARE * median:
            reason[i] = LOCAL_MEDIAN
    return reason


@compiled
def _surely_near(around: Floats, value: float) -> bool:
    """Whether the median of 11 values must be within 20 %: to count is much faster than to sort."""
    low, high = value / (1 + SHARE) * (1 + 1e-9), value / (1 - SHARE) * (1 - 1e-9)
    above, below = 0, 0
    for other in around:
        above += other > low
        below += other < high
    return bool(above > AROUND and below > AROUND)


@compiled
def judge_malik(rr_ms: Floats, end_s: Floats) -> Int8s:
    """`MALIK` where an interval is more than 20 % from the last accepted one, else 0.

    Parameters
    ----------
    rr_ms, end_s : (n,) float arrays
        Valid intervals only, in order, and when they end.
    """
    reason = np.zeros(len(rr_ms), np.int8)
    last = -1
    rejected = 0
    for i in range(len(rr_ms)):
        compared = last >= 0 and rejected < REJECTED_IN_A_ROW and end_s[i] - end_s[last] <= REACH_S
        if compared and abs(rr_ms[i] - rr_ms[last]) > SHARE * rr_ms[last]:
            reason[i] = MALIK
            rejected += 1
        else:
            last = i
            rejected = 0
    return reason


def label_train(rr_ms: Floats, follows: Bools, *, longest_ms: float) -> Int8s:
    """Labels by Lipponen and Tarvainen 2019 (doi:10.1080/03091902.2019.1640306), each stretch by itself.

    A stretch ends at a gap and at an interval longer than one missed beat can explain. An ectopic beat
    spoils the interval before it and the one after, and so does an extra beat: both are labelled.

    Parameters
    ----------
    rr_ms : (n,) float array
        All intervals, in order.
    follows : (n,) bool array
        Whether each follows the one before it without a gap.
    longest_ms : float
        Longer intervals are gaps.

    Returns
    -------
    (n,) int8 array
        0, `LONG`, `SHORT`, `ECTOPIC`, `MISSED` or `EXTRA`.
    """
    usable = (rr_ms > 0) & (rr_ms <= longest_ms)
    inside = follows & usable
    inside[1:] &= usable[:-1]
    start = np.flatnonzero(usable & ~inside)
    label = np.zeros(len(rr_ms), np.int8)
    end = np.searchsorted(np.flatnonzero(~inside), start, side="right")
    edges = np.append(np.flatnonzero(~inside), len(rr_ms))
    for first, stop in zip(start.tolist(), edges[end].tolist(), strict=True):
        label[first:stop] = spread_labels(label_stretch(rr_ms[first:stop]))
    return label


@compiled
def spread_labels(label: Int8s) -> Int8s:
    """Labels of beats as labels of intervals: an ectopic or extra beat spoils two.

    The pattern of an ectopic beat is centred on the interval after it (the difference there is the
    large one, between two of opposite sign); an extra beat is found on the interval before it.
    """
    spread = label.copy()
    for i in range(len(label)):
        if label[i] == ECTOPIC and i > 0 and spread[i - 1] in (0, LONG, SHORT):
            spread[i - 1] = ECTOPIC
        if label[i] == EXTRA and i + 1 < len(label) and label[i + 1] in (0, LONG, SHORT):
            spread[i + 1] = EXTRA
    return spread


def label_stretch(rr_ms: Floats) -> Int8s:
    """Label the beats of a stretch without gaps, in one pass over its intervals.

    Every label stands on the interval that ends with the beat. As in the published method the series
    begins with one made-up interval, the mean, so that the first real one can be judged.

    Parameters
    ----------
    rr_ms : (n,) float array
        Intervals, in ms.
    """
    n = len(rr_ms)
    if n < 3:
        return np.zeros(n, np.int8)
    rr = np.concatenate(([rr_ms.mean()], rr_ms))
    step = np.diff(rr, prepend=rr[0])
    step[0] = step[1:].mean()
    step_limit = _limit(step)
    median = rolling_quantiles(rr, 2 * AROUND + 1, 0.5, 0.5)[0]
    off = np.where(rr < median, 2.0, 1.0) * (rr - median)
    off_limit = _limit(off)
    return walk(rr, step / step_limit, off / off_limit, median, off_limit)[1:]


def _limit(value: Floats) -> Floats:
    """Limit that follows the spread: 5.2 quartile deviations of 91 values; NaN where they are all alike."""
    first, third = rolling_quantiles(np.abs(value), QUARTILE_WINDOW, 0.25, 0.75)
    return np.asarray(np.where(third > first, ALPHA * 0.5 * (third - first), np.nan), np.float64)


@compiled
def walk(rr: Floats, step: Floats, off: Floats, median: Floats, off_limit: Floats) -> Int8s:
    """The decision tree of figure 1 of Lipponen and Tarvainen 2019, beat by beat.

    Parameters
    ----------
    rr, median : (n,) float arrays
        Intervals and their running median, in ms.
    step, off : (n,) float arrays
        Difference from the interval before, and from the median, in units of their limits.
    off_limit : (n,) float array
        The latter limit, in ms.
    """
    n = len(rr)
    label = np.zeros(n, np.int8)
    i = 0
    while i < n:
        at, before, after, later = _reflected(step, i)
        if not abs(at) > 1:
            i += 1
        elif _is_ectopic(at, before, after):
            label[i] = ECTOPIC
            i += 1
        else:
            last = i + 1 if i + 1 < n and abs(after) < abs(later) else i
            for j in range(i, last + 1):
                label[j] = _name_long_short(rr, step, off, median, off_limit, j)
            i = last + 1
    return label


@compiled
def _reflected(step: Floats, i: int) -> tuple[float, float, float, float]:
    """Differences at, before, after and two after an interval; beyond the ends mirrored."""
    n = len(step)
    last = n - 1
    before = step[i - 1] if i > 0 else step[1]
    after = step[i + 1] if i + 1 <= last else step[last - 1]
    later = step[i + 2] if i + 2 <= last else step[2 * last - i - 2]
    return step[i], before, after, later


@compiled
def _is_ectopic(at: float, before: float, after: float) -> bool:
    """Positive-negative-positive or negative-positive-negative: equations 1 and 2."""
    if at > 1:
        return bool(max(before, after) < -C1 * at - C2)
    return bool(min(before, after) > -C1 * at + C2)


@compiled
def _name_long_short(rr: Floats, step: Floats, off: Floats, median: Floats, off_limit: Floats, j: int) -> int:
    """Long, short, missed, extra, or 0: equations 3 to 7."""
    at, _, after, later = _reflected(step, j)
    long = at > 1 and min(after, later) < -1
    short = at < -1 and max(after, later) > 1
    if not (long or short or abs(off[j]) > 3):
        return 0
    if short and j + 1 < len(rr) and abs(rr[j] + rr[j + 1] - median[j]) < off_limit[j]:
        return EXTRA
    if long and abs(rr[j] / 2 - median[j]) < off_limit[j]:
        return MISSED
    return LONG if rr[j] > median[j] else SHORT


@compiled
def rolling_quantiles(value: Floats, window: int, low: float, high: float) -> tuple[Floats, Floats]:
    """Two quantiles of the values around each, fewer at the ends (window: odd)."""
    n, half = len(value), window // 2
    ordered = np.empty(window + 1)  # one enters before one leaves
    lower, upper = np.empty(n), np.empty(n)
    size = 0
    for k in range(min(half, n)):
        size = put_in(ordered, size, value[k])
    for i in range(n):
        if i + half < n:
            size = put_in(ordered, size, value[i + half])
        if i - half - 1 >= 0:
            size = take_out(ordered, size, value[i - half - 1])
        lower[i] = quantile(ordered, size, low)
        upper[i] = quantile(ordered, size, high)
    return lower, upper
