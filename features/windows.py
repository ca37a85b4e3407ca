"""Windows of time over a train of beat intervals.

An interval belongs to a window if the beat that ends it lies in start ≤ t < end; a pair of intervals
belongs to it if both do. Times are seconds of elapsed time on the axis of the beats, so a change of
the local clock is no matter here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.wear import Floats, Ints

ALIGNED_S = 300.0
SPOT_S = 60.0


@dataclass(frozen=True)
class Windows:
    """Windows in order of their starts, and the intervals that each holds.

    Attributes
    ----------
    start_s, end_s : (w,) float arrays
        Edges, in seconds on the axis of the beats.
    first, stop : (w,) int arrays
        Intervals `first` … `stop` − 1 belong to the window; none where they are equal.
    """

    start_s: Floats
    end_s: Floats
    first: Ints
    stop: Ints

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def span_s(self) -> Floats:
        """(w,) length of each window, in seconds."""
        return self.end_s - self.start_s


def aligned(end_s: Floats, *, span_s: float = ALIGNED_S) -> Windows:
    """Windows side by side at multiples of their length, from the first beat to the last.

    Parameters
    ----------
    end_s : (n,) float array
        When each interval ends, in seconds, in order. Given seconds since 1970, windows of 300 s
        start at :00, :05 … of UTC.
    span_s : float
        Length of a window, in seconds.

    Returns
    -------
    Windows
        Empty where there is no beat.
    """
    return sliding(end_s, span_s=span_s, step_s=span_s)


def sliding(end_s: Floats, *, span_s: float, step_s: float) -> Windows:
    """Windows that start at every multiple of a step, from the one of the first beat on.

    The last window is the first that reaches past the last beat.

    Parameters
    ----------
    end_s : (n,) float array
        When each interval ends, in seconds, in order.
    span_s, step_s : float
        Length of a window and time from one start to the next, in seconds.
    """
    if not (span_s > 0 and step_s > 0):
        raise ValueError(f"windows of {span_s} s every {step_s} s: give a span and a step above 0 s")
    if not len(end_s):
        return whole(end_s, np.empty(0), np.empty(0))
    first_step = np.floor(end_s[0] / step_s)
    reach = (end_s[-1] - first_step * step_s - span_s) / step_s
    start = (first_step + np.arange(max(0, int(np.floor(reach)) + 1) + 1)) * step_s
    return whole(end_s, start, start + span_s)


def whole(end_s: Floats, start_s: npt.ArrayLike, stop_s: npt.ArrayLike) -> Windows:
    """Windows from given starts to given ends: one (a night), or as many as are given.

    Parameters
    ----------
    end_s : (n,) float array
        When each interval ends, in seconds, in order.
    start_s, stop_s : float or (w,) float array
        Edges of the windows, in seconds.
    """
    start, stop = (np.atleast_1d(np.asarray(edge, np.float64)) for edge in (start_s, stop_s))
    first, after = (np.asarray(np.searchsorted(end_s, edge, side="left"), np.int64) for edge in (start, stop))
    return Windows(start, stop, first, np.maximum(first, after))


def spot(end_s: Floats, start_s: npt.ArrayLike) -> Windows:
    """Windows of 60 s from given starts: enough for RMSSD and heart rate and no more (SCIENCE 1)."""
    start = np.asarray(start_s, np.float64)
    return whole(end_s, start, start + SPOT_S)
