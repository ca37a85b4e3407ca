"""Heart rate fragmentation (Costa, Davis and Goldberger 2017) and the stress index of Baevsky."""

from __future__ import annotations

import numpy as np

from features.compiled import compiled
from features.wear import Bools, Floats, Ints

LONG_RUN = 3
"""Steps of a run that is not short, and of an alternation: four intervals."""

NOTHING = 2
"""In place of a step's sign, where there is no step."""

BIN_MS = 50.0
MOST_BINS = 200


@compiled
def count_turns(rr_ms: Floats, joined: Bools, first: Ints, stop: Ints) -> Ints:
    """Count steps, turns and runs in each window.

    Parameters
    ----------
    rr_ms : (n,) float array
    joined : (n,) bool array
        The interval follows the one before it: the two make a step.
    first, stop : (w,) int arrays
        The intervals of each window.

    Returns
    -------
    (7, w) int array
        Steps; unbroken stretches of steps; turns (two neighbouring steps of different sign, zero
        being a sign); steps up or down; runs of steps of one such sign; steps in runs of three or more;
        steps in stretches of three or more that go up and down in turn.
    """
    counts = np.zeros((7, first.size), np.int64)
    for w in range(first.size):
        before, run, swing = NOTHING, 0, 0
        for i in range(first[w] + 1, stop[w] + 1):
            here = NOTHING
            if i < stop[w] and joined[i]:
                here = int(rr_ms[i] > rr_ms[i - 1]) - int(rr_ms[i] < rr_ms[i - 1])
                counts[0, w] += 1
                counts[1, w] += before == NOTHING
                counts[2, w] += (before != NOTHING) & (before != here)
            moves = (here == 1) | (here == -1)
            counts[3, w] += moves
            if here != before:
                counts[4, w] += run > 0
                counts[5, w] += run if run >= LONG_RUN else 0
                run = 0
            if here != -before:
                counts[6, w] += swing if swing >= LONG_RUN else 0
                swing = 0
            run += moves
            swing += moves
            before = here
    return counts


@compiled
def index_stress(rr_ms: Floats, first: Ints, stop: Ints) -> Floats:
    """Baevsky's index: share of the commonest 50 ms (%) over twice their middle and the range (s).

    Parameters
    ----------
    rr_ms : (n,) float array
    first, stop : (w,) int arrays
        The intervals of each window.

    Returns
    -------
    (w,) float array
        1/s². Bins begin at whole multiples of 50 ms; of two as common the one with the shorter
        intervals counts. NaN where all intervals are the same.
    """
    index = np.full(first.size, np.nan)
    tally = np.empty(MOST_BINS, np.int64)
    for w in range(first.size):
        least, most = np.inf, -np.inf
        tally[:] = 0
        for i in range(first[w], stop[w]):
            least, most = min(least, rr_ms[i]), max(most, rr_ms[i])
            tally[min(MOST_BINS - 1, max(0, int(rr_ms[i] / BIN_MS)))] += 1
        if most > least:
            mode = np.argmax(tally)
            share = 100.0 * tally[mode] / (stop[w] - first[w])
            index[w] = share / (2.0 * (mode + 0.5) * BIN_MS / 1000.0 * (most - least) / 1000.0)
    return index
