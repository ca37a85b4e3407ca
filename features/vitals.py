"""Breathing, skin temperature and blood oxygen of the night, of one device.

A device gives many values in sleep, or one for the night. Many are taken by windows of five minutes, so
that a device that measures each minute and one that measures each quarter of an hour mean the same.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from features.measure import (
    NO_DATA,
    Measure,
    Quality,
    found,
    missing,
    share_quality,
    too_few_before,
    too_few_windows,
)
from features.variability import (
    LEAST_WINDOWS,
    WINDOW_MIN,
    median_of_windows,
    windows_asleep,
)
from features.wear import Floats, Ints

Kind = Literal["samples", "nightly", "beats"]
"""Where a value is from: the device's samples in sleep, its one value of the night, or our beats. A
change of kind is a change of instrument."""

HISTORY_NIGHTS = 28
LEAST_NIGHTS = 7


def pick_nightly(t_s: Floats, value: Floats, *, midnight_s: float, start_s: float, end_s: float) -> float:
    """The one value that a device gave for a night; NaN if it gave none or many.

    Parameters
    ----------
    t_s, value : (n,) float arrays
        Values of one kind and one device, seconds since 1970-01-01 UTC.
    midnight_s : float
        Local midnight that begins the night's date, where a value stands that has a date only.
    start_s, end_s : float
        The log of the main sleep: else the only value within it is the night's.
    """
    known = np.isfinite(value)
    dated = value[known & (t_s == midnight_s)]
    if len(dated) == 1:
        return float(dated[0])
    within = value[known & (t_s >= start_s) & (t_s <= end_s)]
    return float(within[0]) if len(within) == 1 else math.nan


def window_medians(t_s: Floats, value: Floats, *, asleep_min: Ints) -> Floats:
    """Median of the values of each window of five minutes of UTC in sleep, in order of time.

    Parameters
    ----------
    t_s, value : (n,) float arrays
        Values of one kind and one device, seconds since 1970-01-01 UTC; NaN where none.
    asleep_min : (k,) int array
        Minutes asleep of the main sleep, minutes since 1970-01-01 UTC.

    Returns
    -------
    (w,) float array
        Of the windows of sleep (`variability.windows_asleep`) that hold a value.
    """
    window = np.floor(t_s / (60 * WINDOW_MIN)).astype(np.int64)
    used = np.isfinite(value) & np.isin(window, windows_asleep(asleep_min))
    order = np.lexsort((value[used], window[used]))
    ranked = value[used][order]
    _, first, count = np.unique(window[used][order], return_index=True, return_counts=True)
    return np.asarray((ranked[first + (count - 1) // 2] + ranked[first + count // 2]) / 2, np.float64)


def measure_vital(
    t_s: Floats, value: Floats, *, asleep_min: Ints, nightly: float
) -> tuple[Measure, Kind | None]:
    """A value of the night: the median of its samples in sleep, else the one that the device gave.

    For `spo2_night` (%), `skin_temp_night` (Cel) and `temp_dev_vendor` (Cel).

    Parameters
    ----------
    t_s, value, asleep_min
        As in `window_medians`; all rows of the night, of one device.
    nightly : float
        The device's one value of the night (`pick_nightly`); NaN where there is none.

    Returns
    -------
    measure : Measure
        From samples in at least 6 windows of five minutes, low below 18; null with a reason otherwise.
    kind : 'samples', 'nightly' or None
    """
    if len(t_s) < LEAST_WINDOWS and not math.isnan(nightly):
        return found(nightly, n_obs=1, coverage=None), "nightly"
    middle = window_medians(t_s, value, asleep_min=asleep_min)
    if len(middle) >= LEAST_WINDOWS:
        return median_of_windows(middle, of=len(windows_asleep(asleep_min))), "samples"
    if not math.isnan(nightly):
        return found(nightly, n_obs=1, coverage=None), "nightly"
    return missing(
        too_few_windows(len(middle), LEAST_WINDOWS) if len(middle) else NO_DATA, n_obs=len(middle)
    ), None


def measure_respiration(
    t_s: Floats, per_min: Floats, *, asleep_min: Ints, nightly: float, from_beats: Floats
) -> tuple[Measure, Kind | None]:
    """`resp_night`: the device's breaths a minute in sleep, or of the night, else those seen in the beats.

    Parameters
    ----------
    t_s, per_min, asleep_min, nightly
        As in `measure_vital`.
    from_beats : (w,) float array
        Breaths a minute of windows of five minutes asleep, in order of time, from respiratory sinus
        arrhythmia; NaN where the beats do not tell it. Used only where the device says nothing.

    Returns
    -------
    measure, kind
        As in `measure_vital`; 'beats' where they were used, which is fair at best.
    """
    measured, kind = measure_vital(t_s, per_min, asleep_min=asleep_min, nightly=nightly)
    known = from_beats[np.isfinite(from_beats)]
    if kind is not None or not len(known):
        return measured, kind
    seen = median_of_windows(known, of=len(windows_asleep(asleep_min)))
    if seen.value is None:
        return seen, None
    fair: Quality = "fair" if seen.quality == "good" else "low"
    return found(seen.value, n_obs=seen.n_obs, coverage=seen.coverage, quality=fair, se=seen.se), "beats"


def measure_temp_dev(tonight: Measure, past_cel: Floats) -> Measure:
    """`temp_dev`: skin temperature of a night less the median of the nights before it, °C.

    Parameters
    ----------
    tonight : Measure
        `skin_temp_night` of the night.
    past_cel : (k,) float array
        `skin_temp_night` of those of the 28 nights before that have one, of the same device and kind.

    Returns
    -------
    Measure
        Needs 7 nights before. Its error holds that of the night and that of the median.
    """
    if tonight.value is None:
        return missing(tonight.reason or NO_DATA)
    nights = len(past_cel)
    if nights < LEAST_NIGHTS:
        return missing(too_few_before(LEAST_NIGHTS, "nights"), n_obs=nights)
    share = min(1.0, nights / HISTORY_NIGHTS)
    usual_se = math.sqrt(math.pi / 2) * float(past_cel.std(ddof=1)) / math.sqrt(nights)
    low = tonight.quality == "low"
    return found(
        tonight.value - float(np.median(past_cel)),
        n_obs=nights,
        coverage=share,
        quality="low" if low else share_quality(share, fair=0.0, good=0.5),
        se=math.hypot(tonight.se or 0.0, usual_se),
    )
