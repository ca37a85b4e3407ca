"""Which windows are whole enough for a spectrum, an entropy or a scaling exponent.

These read a window as one unbroken series. SCIENCE 1: coverage of at least .95 and no gap over 5 s,
else null. What is missing between two accepted intervals is the time between the beats that end them,
less the later interval itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.beats import Cleaned
from features.compiled import compiled
from features.wear import Bools, Floats, Ints
from features.windows import Windows

LEAST_COVERAGE = 0.95
LONGEST_GAP_S = 5.0


@dataclass(frozen=True)
class Train:
    """The accepted intervals of a recording, and what of them each of w windows holds.

    Attributes
    ----------
    end_s, rr_ms : (n,) float arrays
        Time of the beat that ends each accepted interval, and its length.
    joined : (n,) bool array
        The interval follows the one before it with nothing missing between.
    start_s, span_s : (w,) float arrays
        Beginning and length of the windows.
    first, stop : (w,) int arrays
        Intervals first..stop-1 belong to the window.
    coverage : (w,) float array
        Time in accepted intervals over the window's length.
    longest_gap_s : (w,) float array
        The longest stretch of the window that no accepted interval tells of, its two ends included.
    """

    end_s: Floats
    rr_ms: Floats
    joined: Bools
    start_s: Floats
    span_s: Floats
    first: Ints
    stop: Ints
    coverage: Floats
    longest_gap_s: Floats

    @property
    def count(self) -> Ints:
        """Accepted intervals in each window, (w,)."""
        return self.stop - self.first

    def whole(self, least_count: int) -> Bools:
        """Windows without a gap that matters and with at least so many intervals, (w,)."""
        unbroken = (self.coverage >= LEAST_COVERAGE) & (self.longest_gap_s <= LONGEST_GAP_S)
        return np.asarray(unbroken & (self.count >= least_count), np.bool_)


def couple(cleaned: Cleaned, windows: Windows) -> Train:
    """Take the accepted intervals of a recording and measure how whole each window is.

    Parameters
    ----------
    cleaned : Cleaned
        Of n intervals.
    windows : Windows
        w windows over the same intervals.

    Returns
    -------
    Train
        A window without accepted intervals has coverage 0 and a gap as long as itself.
    """
    accepted = np.asarray(cleaned.accepted, np.bool_)
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(accepted, dtype=np.int64)))
    end_s = np.asarray(cleaned.beats.end_s[accepted], np.float64)
    rr_ms = np.asarray(cleaned.beats.rr_ms[accepted], np.float64)
    start_s = np.asarray(windows.start_s, np.float64)
    stop_s = np.asarray(windows.end_s, np.float64)
    first, stop = before[windows.first], before[windows.stop]
    told_s, longest_gap_s = _tell(end_s, rr_ms, first, stop, start_s, stop_s)
    span_s = stop_s - start_s
    with np.errstate(divide="ignore", invalid="ignore"):
        coverage = told_s / span_s
    joined = np.asarray(cleaned.successive[accepted], np.bool_)
    return Train(end_s, rr_ms, joined, start_s, span_s, first, stop, coverage, longest_gap_s)


@compiled
def _tell(
    end_s: Floats, rr_ms: Floats, first: Ints, stop: Ints, start_s: Floats, stop_s: Floats
) -> tuple[Floats, Floats]:
    """Seconds in intervals, and the longest gap, of every window."""
    told_s = np.zeros(first.size)
    longest_s = np.empty(first.size)
    for w in range(first.size):
        told_ms, at_s, longest = 0.0, start_s[w], 0.0
        for i in range(first[w], stop[w]):
            told_ms += rr_ms[i]
            longest = max(longest, end_s[i] - rr_ms[i] / 1000 - at_s)
            at_s = end_s[i]
        told_s[w] = told_ms / 1000
        longest_s[w] = max(longest, stop_s[w] - at_s)
    return told_s, longest_s
