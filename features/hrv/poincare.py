"""The cloud of every interval against the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.beats import Cleaned
from features.hrv.moments import sum_up
from features.wear import Floats
from features.windows import Windows


@dataclass(frozen=True)
class Poincare:
    """The cloud of (interval, next interval) in each of w windows; NaN where it has fewer than two points.

    Attributes
    ----------
    sd1_ms, sd2_ms : (w,) float arrays
        Standard deviation (n − 1) across and along the diagonal (Brennan 2001).
    sd1_sd2 : (w,) float array
        Their ratio; NaN where SD2 is 0.
    ellipse_ms2 : (w,) float array
        Area of the ellipse they span: π·SD1·SD2.
    """

    sd1_ms: Floats
    sd2_ms: Floats
    sd1_sd2: Floats
    ellipse_ms2: Floats


def measure_poincare(cleaned: Cleaned, windows: Windows) -> Poincare:
    """Measure the Poincaré cloud of windows.

    Parameters
    ----------
    cleaned : Cleaned
        n intervals; the pairs that follow each other are its points.
    windows : Windows
        w windows over them, which may overlap.

    Returns
    -------
    Poincare
    """
    sums = sum_up(cleaned, windows)
    sd1, sd2 = sums.step_deviation_ms / np.sqrt(2.0), sums.sum_deviation_ms / np.sqrt(2.0)
    ratio = np.divide(sd1, sd2, out=np.full(len(sd1), np.nan), where=sd2 > 0)
    return Poincare(sd1, sd2, ratio, np.pi * sd1 * sd2)
