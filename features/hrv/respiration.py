"""Respiration rate from the intervals: breathing in quickens the heart, breathing out slows it.

The rate is where the HF band of the spectrum has its peak, if that stands out. It is null where it does
not; where it is the foot of a hill of LF; where breathing may lie outside the band (.15 to .40 Hz: 9 to
24 breaths a minute); where the peak may be the first overtone of slow breathing; and where the heart beats
so slowly that other breathing would show at the same place: a wave of f Hz is seen at b - f Hz too, with b
beats a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.beats import Cleaned
from features.hrv.continuity import Train, couple
from features.hrv.spectrum import HF_HZ, Density, estimate_density
from features.wear import Bools, Floats, Ints
from features.windows import Windows

PEAK_BINS = 2
"""A steady rate fills so many bins on either side of its own (a Hann segment's main lobe)."""

LEAST_SHARE = 0.4
"""Of the HF band's power, that the peak's bins hold. In noise alone they hold a quarter or so."""

MOST_BELOW = 4.0
"""Power at half the peak's frequency, in times the peak's, from which the peak may be an overtone."""


@dataclass(frozen=True)
class Respiration:
    """Breathing in each of w windows; NaN where the spectrum does not tell it.

    Attributes
    ----------
    rate_per_min : (w,) float array
        Breaths a minute.
    peak_share : (w,) float array
        Share of the HF band's power in the bins of its highest peak, 0 to 1: how clear the peak is. Given
        wherever there is a spectrum.
    """

    rate_per_min: Floats
    peak_share: Floats


def measure_respiration(cleaned: Cleaned, windows: Windows) -> Respiration:
    """Respiration rate of each window, from respiratory sinus arrhythmia.

    Parameters
    ----------
    cleaned : Cleaned
        Intervals, of which the accepted ones count.
    windows : Windows
        w windows; each needs what a spectrum needs (`spectrum.measure_spectrum`).

    Returns
    -------
    Respiration
        (w,) arrays.
    """
    train = couple(cleaned, windows)
    return find_breathing(estimate_density(train), count_beats_hz(train))


def count_beats_hz(train: Train) -> Floats:
    """Mean number of beats a second in each window, from the first beat to the last; NaN of under two."""
    beats_hz = np.full(train.count.size, np.nan)
    inside = np.flatnonzero(train.count > 1)
    reach_s = train.end_s[train.stop[inside] - 1] - train.end_s[train.first[inside]]
    beats_hz[inside] = np.divide(
        train.count[inside] - 1, reach_s, out=np.full(inside.size, np.nan), where=reach_s > 0
    )
    return beats_hz


def find_breathing(density: Density, beats_hz: Floats) -> Respiration:
    """The peak of the HF band, between its bins, and whether it is breathing.

    Parameters
    ----------
    density : Density
        Of w windows.
    beats_hz : (w,) float array
        Beats a second.

    Returns
    -------
    Respiration
        A parabola through the logarithms of the peak and its two neighbours says where it is.
    """
    step_hz = density.frequency_hz[1]
    low, high = (int(at) for at in np.searchsorted(density.frequency_hz, HF_HZ))
    told = np.flatnonzero(np.isfinite(density.density[:, low]))
    power = density.density[told]
    peak = low + np.argmax(power[:, low:high], axis=1)
    share = _share_of_peak(power, peak, low, high)
    rate_hz = (peak + _offset(power, peak)) * step_hz
    clear = share >= LEAST_SHARE
    clear &= ~_maybe_overtone(power, peak)
    clear &= ~_on_a_slope(power, peak)
    clear &= power[:, high:].max(axis=1) <= power[np.arange(told.size), peak]
    clear &= rate_hz < beats_hz[told] - HF_HZ[1]
    rate, shares = np.full(density.density.shape[0], np.nan), np.full(density.density.shape[0], np.nan)
    rate[told] = np.where(clear, 60 * rate_hz, np.nan)
    shares[told] = share
    return Respiration(rate, shares)


def _share_of_peak(power: Floats, peak: Ints, low: int, high: int) -> Floats:
    """Share of the band's power that lies in the peak's bins."""
    total = np.cumsum(np.pad(power[:, low:high], ((0, 0), (1, 0))), axis=1)
    row = np.arange(peak.size)
    first = np.maximum(peak - PEAK_BINS, low) - low
    stop = np.minimum(peak + PEAK_BINS + 1, high) - low
    inside = total[row, stop] - total[row, first]
    share = np.zeros(peak.size)
    np.divide(inside, total[:, -1], out=share, where=total[:, -1] > 0)
    return share


def _offset(power: Floats, peak: Ints) -> Floats:
    """How far from its bin's middle the peak lies, in bins, -.5 to .5."""
    row = np.arange(peak.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        before, here, after = (np.log(power[row, peak + k]) for k in (-1, 0, 1))
        offset = 0.5 * (before - after) / (before - 2 * here + after)
    return np.asarray(np.where(np.isfinite(offset), np.clip(offset, -0.5, 0.5), 0.0), np.float64)


def _on_a_slope(power: Floats, peak: Ints) -> Bools:
    """Whether more power lies a little below: then the band's peak is the foot of a hill of LF."""
    row = np.arange(peak.size)
    below = np.stack([power[row, peak - k] for k in range(1, 2 * PEAK_BINS + 1)])
    return np.asarray((below > power[row, peak]).any(axis=0), np.bool_)


def _maybe_overtone(power: Floats, peak: Ints) -> Bools:
    """Whether much more power lies at half the peak's frequency."""
    row = np.arange(peak.size)
    below = np.maximum(power[row, peak // 2], power[row, (peak + 1) // 2])
    return np.asarray(below > MOST_BELOW * power[row, peak], np.bool_)
