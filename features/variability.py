"""Heart rate variability of the night: from windows of five minutes, or as a vendor gives it.

Each kind stands by itself: RMSSD from beats, a vendor's RMSSD of five minutes or of the night, and spot
samples (Apple's SDNN) are never pooled and never turned into one another.
"""

from __future__ import annotations

import math

import numpy as np

from features.bootstrap import draw_blocks
from features.measure import (
    NO_DATA,
    NO_VENDOR_VALUE,
    TOO_UNEVEN,
    Measure,
    Quality,
    found,
    missing,
    too_few_windows,
)
from features.wear import Bools, Floats, Ints

WINDOW_MIN = 5
LEAST_ASLEEP_MIN = 3
"""Minutes asleep that make a window of five one of sleep, as for heart rate (`wear.five_minute_means`)."""

LEAST_WINDOWS, GOOD_WINDOWS = 6, 18
"""Half an hour, below which a night says nothing, and an hour and a half (SCIENCE 1)."""

EARLY_FROM_S, EARLY_LASTS_S = 30 * 60, 4 * 3600
"""The four hours that begin half an hour after sleep onset, which moved most after a load (Nuuttila 2022)."""

FAIR_SPOTS, GOOD_SPOTS = 3, 6
"""Samples of a minute: one says little, and few devices take more than a handful a night."""


def windows_asleep(asleep_min: Ints) -> Ints:
    """Numbers since 1970 of the 5-minute windows of UTC with at least 3 minutes asleep.

    Parameters
    ----------
    asleep_min : (k,) int array
        Minutes asleep, minutes since 1970-01-01 UTC.
    """
    window, minutes = np.unique(asleep_min // WINDOW_MIN, return_counts=True)
    return window[minutes >= LEAST_ASLEEP_MIN]


def median_of_windows(value: Floats, *, of: int) -> Measure:
    """Median of the windows of a night that could be used, in order of time, with its bootstrap error.

    Parameters
    ----------
    value : (n,) float array
        One a window, NaN-free.
    of : int
        Windows that there were in sleep.
    """
    n = len(value)
    if not n:
        return missing(NO_DATA)
    coverage = min(1.0, n / of) if of else 0.0
    if n < LEAST_WINDOWS:
        return missing(too_few_windows(n, LEAST_WINDOWS), n_obs=n, coverage=coverage)
    se = float(np.median(value[draw_blocks(n)], axis=1).std(ddof=1))
    quality: Quality = "good" if n >= GOOD_WINDOWS else "low"
    return found(float(np.median(value)), n_obs=n, coverage=coverage, quality=quality, se=se)


def take_log(measured: Measure) -> Measure:
    """The natural logarithm of a measure; its error is the relative error. Missing stays missing."""
    if measured.value is None:
        return measured
    if measured.value <= 0:
        return missing(NO_DATA, n_obs=measured.n_obs, coverage=measured.coverage)
    se = None if measured.se is None else measured.se / measured.value
    return found(
        math.log(measured.value),
        n_obs=measured.n_obs,
        coverage=measured.coverage,
        quality=measured.quality or "low",
        se=se,
    )


def measure_rmssd(
    start_s: Floats, rmssd_ms: Floats, usable: Bools, *, asleep_min: Ints, onset_s: float, irregular: bool
) -> dict[str, Measure]:
    """`rmssd_night`, `rmssd_4h` and `ln_rmssd_night` from beats: medians of the windows asleep.

    Parameters
    ----------
    start_s : (w,) float array
        Start of each window of five minutes, aligned to UTC, seconds since 1970-01-01 UTC.
    rmssd_ms : (w,) float array
        RMSSD of each, corrected for the tick of the clock where that is known; NaN where none.
    usable : (w,) bool array
        Windows of good or fair quality.
    asleep_min : (k,) int array
        Minutes asleep of the main sleep, minutes since 1970-01-01 UTC.
    onset_s : float
        Sleep onset, seconds since 1970-01-01 UTC.
    irregular : bool
        The rhythm of the night is too uneven (`hrv.rhythm.is_irregular`).

    Returns
    -------
    dict
        Each null below 6 windows, low below 18.
    """
    if irregular:
        return dict.fromkeys(("rmssd_night", "rmssd_4h", "ln_rmssd_night"), missing(TOO_UNEVEN))
    asleep = windows_asleep(asleep_min)
    window = np.floor(start_s / (60 * WINDOW_MIN)).astype(np.int64)
    used = usable & np.isfinite(rmssd_ms) & np.isin(window, asleep)
    night = median_of_windows(rmssd_ms[used], of=len(asleep))
    early = used & is_early(window, onset_s)
    first = median_of_windows(rmssd_ms[early], of=int(is_early(asleep, onset_s).sum()))
    return {"rmssd_night": night, "rmssd_4h": first, "ln_rmssd_night": take_log(night)}


def is_early(window: Ints, onset_s: float) -> Bools:
    """Whether windows lie wholly in the four hours that begin half an hour after sleep onset."""
    start_s = 60 * WINDOW_MIN * window
    from_s = onset_s + EARLY_FROM_S
    return np.asarray((start_s >= from_s) & (start_s + 60 * WINDOW_MIN <= from_s + EARLY_LASTS_S), np.bool_)


def measure_vendor_windows(
    t_s: Floats, rmssd_ms: Floats, *, asleep_min: Ints, span_s: float = 60.0 * WINDOW_MIN
) -> Measure:
    """`rmssd_5min_vendor_night`: median of a vendor's RMSSD of five minutes, of those in sleep.

    Parameters
    ----------
    t_s : (n,) float array
        Start of each, in order, seconds since 1970-01-01 UTC; need not be aligned.
    rmssd_ms : (n,) float array
        The vendor's values of one device; NaN where none.
    asleep_min : (k,) int array
        Minutes asleep of the main sleep.
    span_s : float
        Length of what a value is of: it counts as of sleep if its middle is in a minute asleep.
    """
    middle_min = np.floor((t_s + span_s / 2) / 60).astype(np.int64)
    used = np.isfinite(rmssd_ms) & np.isin(middle_min, asleep_min)
    return median_of_windows(rmssd_ms[used], of=round(60 * len(asleep_min) / span_s))


def measure_vendor_night(value_ms: float) -> Measure:
    """`rmssd_night_vendor`: the vendor's one value of the night as it stands; NaN where there is none."""
    if math.isnan(value_ms):
        return missing(NO_VENDOR_VALUE)
    return found(value_ms, n_obs=1, coverage=None)


def measure_spots(t_s: Floats, value_ms: Floats, *, asleep_min: Ints) -> Measure:
    """`sdnn_spot_sleep` (or `rmssd_spot_sleep`): median of the spot samples that a device took asleep.

    Parameters
    ----------
    t_s : (n,) float array
        Start of each, seconds since 1970-01-01 UTC.
    value_ms : (n,) float array
        SDNN, or RMSSD, of a minute or so; one kind and one device.
    asleep_min : (k,) int array
        Minutes asleep of the main sleep.

    Returns
    -------
    Measure
        From one sample on; low below 3, good from 6. Its error, from 3 on, is that of a median of
        values spread normally: 1.2533·SD/√n.
    """
    minute = np.floor(t_s / 60).astype(np.int64)
    value = value_ms[np.isfinite(value_ms) & np.isin(minute, asleep_min)]
    n = len(value)
    if not n:
        return missing(NO_VENDOR_VALUE)
    se = math.sqrt(math.pi / 2) * float(value.std(ddof=1)) / math.sqrt(n) if n >= FAIR_SPOTS else None
    quality: Quality = "good" if n >= GOOD_SPOTS else "fair" if n >= FAIR_SPOTS else "low"
    return found(float(np.median(value)), n_obs=n, coverage=None, quality=quality, se=se)
