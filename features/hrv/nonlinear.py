"""Non-linear values of windows: entropies, scaling exponents, fragmentation, and two older indices.

For researchers. They read a window as one series, so a gap that matters makes them null; small ones are
closed up for the scaling exponents, and no template, step or run reaches across them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.beats import Cleaned
from features.hrv.continuity import Train, couple
from features.hrv.entropy import count_alike, sum_likeness
from features.hrv.fluctuation import fit_exponents
from features.hrv.fragmentation import count_turns, index_stress
from features.hrv.poincare import measure_poincare
from features.wear import Floats, Ints
from features.windows import Windows

Dfa = Literal["peng", "neurokit2"]

TOLERANCE = 0.2
"""Of the standard deviation of the window's intervals."""

LEAST_BEATS = 100
"""Entropies of templates of two want ten squared intervals and more (Richman and Moorman 2000)."""

SHORT_BOX = (4, 11)
LONG_BOX = (12, 64)
LEAST_LONG_BOX = 24
"""The long exponent wants boxes up to twice the shortest at least; none holds over a tenth of the beats."""


@dataclass(frozen=True)
class NonLinear:
    """Non-linear values of each of w windows; NaN where they cannot be told.

    Attributes
    ----------
    sample_entropy, fuzzy_entropy : (w,) float arrays
        Templates of 2, tolerance .2 SD. NaN too where no pair is alike.
    dfa_alpha1, dfa_alpha2 : (w,) float arrays
        Scaling exponents over 4-11 beats, and over 12-64 beats or a tenth of the window's.
    csi, cvi, csi_modified_ms : (w,) float arrays
        With L = 4 SD2 and T = 4 SD1: L/T, log10(L T), and L²/T in ms (Toichi 1997; Jeppesen 2014).
    pip_pct : (w,) float array
        Intervals at which the heart turns from slowing to quickening or back, per cent.
    ials : (w,) float array
        Inverse of the mean length of runs of slowing or quickening.
    pss_pct, pas_pct : (w,) float arrays
        Per cent of the steps not in runs of three or more, and of those in alternations of four
        intervals or more.
    baevsky_per_s2 : (w,) float array
        Stress index of Baevsky.
    """

    sample_entropy: Floats
    fuzzy_entropy: Floats
    dfa_alpha1: Floats
    dfa_alpha2: Floats
    csi: Floats
    cvi: Floats
    csi_modified_ms: Floats
    pip_pct: Floats
    ials: Floats
    pss_pct: Floats
    pas_pct: Floats
    baevsky_per_s2: Floats


def measure_nonlinear(cleaned: Cleaned, windows: Windows, *, dfa: Dfa = "peng") -> NonLinear:
    """Entropies, scaling exponents, fragmentation and indices of each window.

    Parameters
    ----------
    cleaned : Cleaned
        Intervals, of which the accepted ones count.
    windows : Windows
        w windows, each with 100 intervals, 95 % of its time in them and no gap over 5 s; else null.
        The long exponent needs 240 intervals.
    dfa : {'peng', 'neurokit2'}
        Boxes side by side; or NeuroKit2's, which overlap by half, without the last one and those
        that hold no variance, and as long as a tenth of the window.

    Returns
    -------
    NonLinear
        (w,) arrays.

    Notes
    -----
    Sample entropy: Richman and Moorman 2000. Fuzzy entropy: Chen et al. 2007. Scaling: Peng et al.
    1995. CSI and CVI: Toichi et al. 1997; modified: Jeppesen et al. 2014. Fragmentation: Costa et al.
    2017. Stress index: Baevsky and Berseneva 2008.
    """
    train = couple(cleaned, windows)
    chosen = np.flatnonzero(train.whole(LEAST_BEATS))
    first, stop = train.first[chosen], train.stop[chosen]
    poincare = measure_poincare(cleaned, windows)
    width, length = 4 * poincare.sd1_ms[chosen], 4 * poincare.sd2_ms[chosen]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (
            *_entropies(train, first, stop),
            *_exponents(train.rr_ms, first, stop, dfa),
            length / width,
            np.log10(length * width),
            length**2 / width,
            *_fragmentation(train, first, stop),
            index_stress(train.rr_ms, first, stop),
        )
    return NonLinear(*(_spread_out(value, chosen, train.first.size) for value in values))


def _spread_out(value: Floats, chosen: Ints, size: int) -> Floats:
    """Values of the chosen windows among all; what is not a finite number is NaN."""
    whole = np.full(size, np.nan)
    whole[chosen] = np.where(np.isfinite(value), value, np.nan)
    return whole


def _entropies(train: Train, first: Ints, stop: Ints) -> tuple[Floats, Floats]:
    counted = count_alike(train.rr_ms, train.joined, first, stop, TOLERANCE)
    summed = sum_likeness(train.rr_ms, train.joined, first, stop, TOLERANCE)
    return np.log(counted[0] / counted[1]), np.log(summed[0] / summed[1])


def _exponents(rr_ms: Floats, first: Ints, stop: Ints, dfa: Dfa) -> tuple[Floats, Floats]:
    count = stop - first
    overlap = dfa == "neurokit2"
    longest = (count + 1) // 10 if overlap else np.minimum(LONG_BOX[1], count // 10)
    longest = np.where(longest >= (LONG_BOX[0] + 1 if overlap else LEAST_LONG_BOX), longest, 0)
    lowest, highest = (np.full(count.size, box) for box in SHORT_BOX)
    alpha1 = fit_exponents(rr_ms, first, stop, lowest, highest, overlap)
    lowest = np.full(count.size, LONG_BOX[0])
    return alpha1, fit_exponents(rr_ms, first, stop, lowest, longest, overlap)


def _fragmentation(train: Train, first: Ints, stop: Ints) -> tuple[Floats, Floats, Floats, Floats]:
    steps, stretches, turns, moves, runs, in_long, in_turn = count_turns(
        train.rr_ms, train.joined, first, stop
    )
    return (
        100 * turns / (steps + stretches),
        runs / moves,
        100 - 100 * in_long / steps,
        100 * in_turn / steps,
    )
