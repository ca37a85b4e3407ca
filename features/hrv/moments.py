"""Counts, sums and sums of squares of windows, from running totals over the whole train.

A window is the difference of two totals, so that what it costs does not depend on how many overlap.
A total over a day is large beside a window's share of it: each is kept in two parts, what fits a
float64 and what rounding took away (Neumaier's sum). The difference is then as exact as the sum of
the window by itself, however long the recording.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.beats import Cleaned
from features.compiled import compiled
from features.wear import Bools, Floats, Ints
from features.windows import Windows

BEATS, PAIRS, OVER_20, OVER_50 = range(4)
OFF, OFF2, STEP, STEP2, ALONG, ALONG2 = range(6)


@dataclass(frozen=True)
class Moments:
    """What w windows hold; means of nothing and deviations of fewer than two are NaN.

    Attributes
    ----------
    n_beats, n_pairs, n_over_20, n_over_50 : (w,) int arrays
        Accepted intervals, pairs that follow each other, and those that differ by more than 20 or 50 ms.
    mean_ms, deviation_ms : (w,) float arrays
        Mean and standard deviation (n − 1) of the accepted intervals.
    step_ms2, step_deviation_ms : (w,) float arrays
        Mean square and standard deviation (n − 1) of the differences of pairs.
    sum_deviation_ms : (w,) float array
        Standard deviation (n − 1) of the sums of pairs.
    """

    n_beats: Ints
    n_pairs: Ints
    n_over_20: Ints
    n_over_50: Ints
    mean_ms: Floats
    deviation_ms: Floats
    step_ms2: Floats
    step_deviation_ms: Floats
    sum_deviation_ms: Floats


def sum_up(cleaned: Cleaned, windows: Windows) -> Moments:
    """Moments of the accepted intervals and of the pairs in each window.

    Sums of squares are taken about the mean of the train, not about 0: they then lose no figures
    that matter.
    """
    accepted = cleaned.accepted
    rr = np.ascontiguousarray(cleaned.beats.rr_ms, np.float64)
    centre = float(rr[accepted].mean()) if accepted.any() else 0.0
    edges, at = np.unique(
        np.concatenate((windows.first, windows.stop, np.minimum(windows.first + 1, windows.stop))),
        return_inverse=True,
    )
    counts, whole, rest = _run_totals(rr - centre, accepted, cleaned.successive, edges)
    first, stop, second = at.reshape(3, -1)
    n_beats = counts[BEATS, stop] - counts[BEATS, first]
    n_pairs, over_20, over_50 = counts[1:, stop] - counts[1:, second]
    begin = np.stack((first, first, second, second, second, second))
    row = np.arange(len(begin))[:, np.newaxis]
    total = (whole[row, stop] - whole[row, begin]) + (rest[row, stop] - rest[row, begin])
    with np.errstate(divide="ignore", invalid="ignore"):
        return Moments(
            n_beats,
            n_pairs,
            over_20,
            over_50,
            mean_ms=centre + total[OFF] / n_beats,
            deviation_ms=_deviation(total[OFF], total[OFF2], n_beats),
            step_ms2=total[STEP2] / n_pairs,
            step_deviation_ms=_deviation(total[STEP], total[STEP2], n_pairs),
            sum_deviation_ms=_deviation(total[ALONG], total[ALONG2], n_pairs),
        )


def _deviation(total: Floats, total2: Floats, count: Ints) -> Floats:
    """Standard deviation (n − 1); what rounding alone could leave of squares about the mean is 0."""
    about_mean = total2 - total**2 / count
    about_mean = np.where(about_mean <= 1e-14 * total2, 0.0, about_mean)
    return np.where(count > 1, np.sqrt(about_mean / (count - 1)), np.nan)


def count_pairs(flag: Bools, windows: Windows) -> Ints:
    """In how many pairs of each window a flag of their second interval is set: (n,) flags, (w,) counts."""
    total = np.concatenate((np.zeros(1, np.int64), np.cumsum(flag, dtype=np.int64)))
    return np.asarray(total[windows.stop] - total[np.minimum(windows.first + 1, windows.stop)], np.int64)


@compiled
def _run_totals(
    off_ms: Floats, accepted: Bools, successive: Bools, edges: Ints
) -> tuple[Ints, Floats, Floats]:
    """Totals of all intervals before each edge: (4, e) counts and the two parts of (6, e) sums."""
    counts = np.zeros((4, len(edges)), np.int64)
    whole, rest = np.zeros((6, len(edges))), np.zeros((6, len(edges)))
    beats, pairs, over_20, over_50 = 0, 0, 0, 0
    total, lost, term = np.zeros(6), np.zeros(6), np.zeros(6)
    i = 0
    for e in range(len(edges)):
        while i < edges[e]:
            used = 0
            if accepted[i]:
                beats += 1
                term[OFF], term[OFF2] = off_ms[i], off_ms[i] ** 2
                used = 2
            if successive[i]:
                step, along = off_ms[i] - off_ms[i - 1], off_ms[i] + off_ms[i - 1]
                pairs += 1
                over_20 += abs(step) > 20.0
                over_50 += abs(step) > 50.0
                term[STEP], term[STEP2], term[ALONG], term[ALONG2] = step, step**2, along, along**2
                used = 6
            for k in range(used):
                new = total[k] + term[k]
                back = new - total[k]
                lost[k] += (total[k] - (new - back)) + (term[k] - back)
                total[k] = new
            i += 1
        counts[BEATS, e], counts[PAIRS, e], counts[OVER_20, e], counts[OVER_50, e] = (
            beats,
            pairs,
            over_20,
            over_50,
        )
        whole[:, e], rest[:, e] = total, lost
    return counts, whole, rest
