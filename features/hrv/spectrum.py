"""Power of the intervals in the bands of the Task Force (1996): VLF, LF, HF, in ms².

The catalogue's way (SCIENCE 1): a cubic spline read at 4 Hz, Welch with Hann segments of 120 s that
overlap by half, each less its own mean; a band's power is the sum of its bins, so that bands that
touch add up to what lies under both. NeuroKit2 0.2.13 does it differently; its settings are kept as
`NEUROKIT2`, so that both can be had from one recording.

No LF/HF ratio is given: it is no balance of anything (Quigley et al. 2024).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import fft

from features.beats import Cleaned
from features.hrv.continuity import Train, couple
from features.hrv.periodogram import median_steps, sum_lomb
from features.hrv.tachogram import LEAST_BEATS, draw
from features.wear import Bools, Floats, Ints
from features.windows import Windows

VLF_HZ = (0.0033, 0.04)
LF_HZ = (0.04, 0.15)
HF_HZ = (0.15, 0.40)
BANDS_HZ = (VLF_HZ, LF_HZ, HF_HZ)
TOP_HZ = 0.5
"""Densities are kept a little beyond the bands: what lies there tells whether a peak is breathing."""

SHORTEST_SERIES = 120
"""Samples, 30 s: halves of less do not tell the bands apart."""

CHUNK = 64
"""Windows drawn and transformed at a time: so many fit the processor's cache."""


@dataclass(frozen=True)
class Settings:
    """How a spectrum is estimated, where two conventions exist.

    Attributes
    ----------
    spline : {'cubic', 'quadratic'}
        Drawn through the beats before Welch.
    segment_s : float or None
        Length of Welch's segments; None: half of each series, which then runs from the window's first
        beat to its last, and the transform is padded to twice the segment.
    detrend : {'segment', 'window'}
        Where a mean is taken away.
    band : {'sum', 'trapezoid'}
        A band's power: the sum of its bins, or the trapezoids between them, which leave out half a
        bin at both ends.
    lowest_hz : {'resolved', 'neurokit2'}
        Which frequencies count: all that the segment (Welch) or one turn in the window (Lomb)
        resolves; or those from 4/N times the rate on (Welch), from 4/N times the median interval *in
        seconds* on (Lomb), for N samples.
    lomb : {'density', 'power'}
        Lomb's values as a density in ms²/Hz, or the bare periodogram summed over hertz.
    """

    spline: Literal["cubic", "quadratic"]
    segment_s: float | None
    detrend: Literal["segment", "window"]
    band: Literal["sum", "trapezoid"]
    lowest_hz: Literal["resolved", "neurokit2"]
    lomb: Literal["density", "power"]


RATE_HZ = 4.0
CATALOGUE = Settings("cubic", 120.0, "segment", "sum", "resolved", "density")
NEUROKIT2 = Settings("quadratic", None, "window", "trapezoid", "neurokit2", "power")
"""`hrv_frequency({"RRI", "RRI_Time"}, interpolation_rate=4, normalize=False)`, and for Lomb
`psd_method="lomb", interpolation_rate=None, normalize=False`, of NeuroKit2 0.2.13."""


@dataclass(frozen=True)
class Spectrum:
    """Power in each of w windows; NaN where a window is too short or too broken for it.

    Attributes
    ----------
    vlf_ms2, lf_ms2, hf_ms2 : (w,) float arrays
        Power in .0033-.04, .04-.15 and .15-.40 Hz. VLF of a few minutes is a lower bound: segments of
        120 s hold nothing slower than that.
    total_ms2 : (w,) float array
        Power up to .40 Hz: the three together.
    lf_nu, hf_nu : (w,) float arrays
        Per cent of the power that is not VLF (Task Force 1996).
    """

    vlf_ms2: Floats
    lf_ms2: Floats
    hf_ms2: Floats
    total_ms2: Floats
    lf_nu: Floats
    hf_nu: Floats


@dataclass(frozen=True)
class Density:
    """One-sided power spectral densities of w windows.

    Attributes
    ----------
    frequency_hz : (f,) float array
        Evenly spaced, from 0 to the first above .5 Hz.
    density : (w, f) float array
        ms²/Hz; rows of NaN where there is none.
    """

    frequency_hz: Floats
    density: Floats


def measure_spectrum(
    cleaned: Cleaned,
    windows: Windows,
    *,
    method: Literal["welch", "lomb"] = "welch",
    settings: Settings = CATALOGUE,
) -> Spectrum:
    """Power of the intervals of each window in VLF, LF and HF.

    Parameters
    ----------
    cleaned : Cleaned
        Intervals, of which the accepted ones count.
    windows : Windows
        w windows. A spectrum needs 95 % of a window in accepted intervals, no gap over 5 s, and the
        length of a Welch segment (120 s; Lomb: LF asks for 120 s, Task Force 1996).
    method : {'welch', 'lomb'}
        An even series and Welch's average, or Lomb-Scargle on the beats themselves.
    settings : Settings
        `CATALOGUE` or `NEUROKIT2`.

    Returns
    -------
    Spectrum
        (w,) arrays, NaN where a window does not allow it.

    Notes
    -----
    Task Force of the ESC and NASPE, Circulation 1996;93:1043-1065; Welch 1967; Lomb 1976, Scargle
    1982.
    """
    train = couple(cleaned, windows)
    if method == "lomb":
        return split_bands(_lomb_bands(train, settings))
    if settings.segment_s is None:
        return split_bands(_halved_bands(train, settings))
    return sum_bands(estimate_density(train))


def sum_bands(density: Density) -> Spectrum:
    """Power in the bands, from densities: bins are counted whole, each in the band of its frequency."""
    return split_bands(_integrate(density.frequency_hz, density.density, "sum"))


def split_bands(bands_ms2: Floats) -> Spectrum:
    """Total and normalised units, from the (w, 3) powers of VLF, LF and HF."""
    vlf_ms2, lf_ms2, hf_ms2 = (np.ascontiguousarray(column) for column in bands_ms2.T)
    beyond_vlf = lf_ms2 + hf_ms2
    with np.errstate(divide="ignore", invalid="ignore"):
        lf_nu, hf_nu = 100 * lf_ms2 / beyond_vlf, 100 * hf_ms2 / beyond_vlf
    return Spectrum(vlf_ms2, lf_ms2, hf_ms2, vlf_ms2 + beyond_vlf, lf_nu, hf_nu)


def estimate_density(train: Train) -> Density:
    """Welch's densities as the catalogue has them.

    Parameters
    ----------
    train : Train
        Accepted intervals and w windows, from `continuity.couple`.

    Returns
    -------
    Density
        Each window is a series from its beginning to its end: the nearest beat's value stands before
        the first and after the last one.
    """
    segment = round((CATALOGUE.segment_s or 0.0) * RATE_HZ)
    frequency_hz = _frequencies(segment)
    density = np.full((train.first.size, frequency_hz.size), np.nan)
    length = np.floor(train.span_s * RATE_HZ + 1e-6).astype(np.int64)
    usable = train.whole(LEAST_BEATS) & (length >= segment)
    for size, chosen in _by_length(length, usable):
        series = _draw(train, chosen, train.start_s[chosen], size, CATALOGUE)
        density[chosen] = welch(series, segment, segment, frequency_hz.size, detrend="segment")
    return Density(frequency_hz, density)


def welch(
    series: Floats, segment: int, padded: int, bins: int, *, detrend: Literal["segment", "window"]
) -> Floats:
    """One-sided densities (ms²/Hz) of (w, n) even series: Hann segments that overlap by half.

    The transform is padded to `padded` samples; of its bins the first ones are given. Bin 0 is as the
    others, twice too high, and in no band.
    """
    if detrend == "window":
        series = series - series.mean(axis=1, keepdims=True)
    step = segment - segment // 2
    cuts = np.lib.stride_tricks.sliding_window_view(series, segment, axis=1)[:, ::step]
    if detrend == "segment":
        cuts = cuts - cuts.mean(axis=2, keepdims=True)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(segment) / segment)
    wave = fft.rfft(cuts * hann, n=padded, axis=2)[:, :, :bins]
    power = (np.square(wave.real) + np.square(wave.imag)).mean(axis=1)
    return np.asarray(power * (2 / (RATE_HZ * np.square(hann).sum())), np.float64)


def _halved_bands(train: Train, settings: Settings) -> Floats:
    """Powers of the bands where segments are half of the series from the first beat to the last."""
    bands_ms2 = np.full((train.first.size, len(BANDS_HZ)), np.nan)
    usable = np.flatnonzero(train.whole(LEAST_BEATS))
    start_s = train.end_s[train.first[usable]]
    last_s = train.end_s[train.stop[usable] - 1]
    length = np.ceil((last_s + 1 / RATE_HZ - start_s) * RATE_HZ).astype(np.int64)
    for size, at in _by_length(length, length >= SHORTEST_SERIES):
        segment = size // 2
        series = _draw(train, usable[at], start_s[at], size, settings)
        frequency_hz = _frequencies(2 * segment)
        density = welch(series, segment, 2 * segment, frequency_hz.size, detrend=settings.detrend)
        low = np.searchsorted(frequency_hz, 4 * RATE_HZ / size if settings.lowest_hz == "neurokit2" else 0.0)
        bands_ms2[usable[at]] = _integrate(frequency_hz[low:], density[:, low:], settings.band)
    return bands_ms2


def _lomb_bands(train: Train, settings: Settings) -> Floats:
    """Powers of the bands by Lomb-Scargle: five frequencies to each turn that the window could hold."""
    bands_ms2 = np.full((train.first.size, len(BANDS_HZ)), np.nan)
    usable = train.whole(LEAST_BEATS) & (train.span_s >= (CATALOGUE.segment_s or 0.0))
    first, stop = train.first[usable], train.stop[usable]
    reach_s = train.end_s[stop - 1] - train.end_s[first]
    step_hz = 1 / reach_s / 5
    lowest_hz = 1 / reach_s
    if settings.lowest_hz == "neurokit2":
        lowest_hz = median_steps(train.end_s, first, stop) * 4 / (stop - first)
    edges_hz = np.array([VLF_HZ[0], *(high for _, high in BANDS_HZ)])
    total, head, tail = sum_lomb(train.end_s, train.rr_ms, first, stop, lowest_hz, step_hz, edges_hz)
    if settings.band == "trapezoid":
        total -= 0.5 * (head + tail)
    scale = step_hz
    if settings.lomb == "density":
        mean_rr_s = (train.coverage * train.span_s / np.maximum(1, train.count))[usable]
        scale = step_hz * 2 * mean_rr_s  # of the beats that are there: a gap is not spread over them
    bands_ms2[usable] = total * scale[:, None]
    return bands_ms2


def _frequencies(padded: int) -> Floats:
    """Frequencies of the bins of a transform of so many samples, up to the first above .5 Hz."""
    frequency_hz = np.fft.rfftfreq(padded, 1 / RATE_HZ)
    return np.asarray(frequency_hz[: 1 + np.searchsorted(frequency_hz, TOP_HZ, "right")], np.float64)


def _integrate(frequency_hz: Floats, density: Floats, band: Literal["sum", "trapezoid"]) -> Floats:
    """Power of (w, f) densities in each band, (w, 3); NaN where a band holds no bin."""
    step_hz = frequency_hz[1] - frequency_hz[0]
    bands_ms2 = np.full((density.shape[0], len(BANDS_HZ)), np.nan)
    for k, (low, high) in enumerate(BANDS_HZ):
        a, b = np.searchsorted(frequency_hz, (low, high))
        if b - a > (band == "trapezoid"):
            bands_ms2[:, k] = density[:, a:b].sum(axis=1)
            if band == "trapezoid":
                bands_ms2[:, k] -= 0.5 * (density[:, a] + density[:, b - 1])
    return np.asarray(bands_ms2 * step_hz, np.float64)


def _by_length(length: Ints, usable: Bools) -> Iterator[tuple[int, Ints]]:
    """Windows whose series are of one length, a cacheful at a time."""
    for size in np.unique(length[usable]):
        chosen = np.flatnonzero(usable & (length == size))
        for at in range(0, chosen.size, CHUNK):
            yield int(size), chosen[at : at + CHUNK]


def _draw(train: Train, chosen: Ints, origin_s: Floats, length: int, settings: Settings) -> Floats:
    return draw(
        train.end_s,
        train.rr_ms,
        train.first[chosen],
        train.stop[chosen],
        origin_s,
        length=length,
        rate_hz=RATE_HZ,
        cubic=settings.spline == "cubic",
    )
