"""Steps, wear and valid days; cadence, bouts and sedentary time.

Cadence thresholds: moderate to vigorous from 100 steps a minute, vigorous from 130 (Tudor-Locke 2018,
doi:10.1136/bjsports-2017-097628). They are of walking: cycling and swimming have no cadence here.
"""

from __future__ import annotations

import numpy as np

from features import measure
from features.measure import Measure, found, missing, share_quality
from features.wear import Bools, Floats, Ints, find_runs, rolling_sum

VALID_WAKING_MIN = 600
VALID_STEPS = 100
DAY_GOAL_MIN = 960
"""Waking minutes of a whole day, 16 h: what coverage by day is a share of."""

MVPA_CADENCE, VIGOROUS_CADENCE = 100, 130
BOUT_MIN = 10
PEAK_MIN = 30
BANDS = {
    "cadence_1_19_min": (1, 20),
    "cadence_20_39_min": (20, 40),
    "cadence_40_59_min": (40, 60),
    "cadence_60_79_min": (60, 80),
    "cadence_80_99_min": (80, 100),
    "cadence_100_119_min": (100, 120),
    "cadence_120_min": (120, np.inf),
}
"""Steps a minute: from the first number to below the second (Tudor-Locke 2011)."""

CADENCE = ("mvpa_min", "vigorous_min", "mvpa_bouts", "mvpa_bout_min", *BANDS, "cadence_peak30")
SEDENTARY = ("sedentary_min", "sedentary_bouts", "sedentary_bout_min")
SEDENTARY_WINDOW_MIN, SEDENTARY_STEPS = 5, 10
SEDENTARY_BOUT_MIN = 30
STEPS_NONWEAR_MIN = 90
VALID_WEEK_DAYS = 4
MOST_SHARED = 0.1


def is_valid_day(worn_waking_min: float, steps: float) -> bool:
    """At least 600 worn waking minutes and 100 steps (SCIENCE 4); NaN steps are not 100."""
    return worn_waking_min >= VALID_WAKING_MIN and steps >= VALID_STEPS


def measure_day(hr_bpm: Floats, steps: Floats, waking: Bools) -> dict[str, Measure]:
    """Steps, worn minutes and validity of one local day.

    Parameters
    ----------
    hr_bpm : (n,) float array
        Mean heart rate of each minute of the day (1380, 1440 or 1500 of them), NaN where not worn.
    steps : (n,) float array
        Steps of each minute, NaN where unknown (`wear.complete_steps`).
    waking : (n,) bool array
        Minutes known to be awake: outside every sleep period, and not in the night hours of a night
        whose sleep was not found.
    """
    minutes = len(hr_bpm)
    worn = ~np.isnan(hr_bpm)
    worn_min, waking_min = int(worn.sum()), int((worn & waking).sum())
    known_min = int((worn | (steps > 0)).sum())
    total = float(np.nansum(steps)) if (~np.isnan(steps)).any() and known_min else float("nan")
    share = worn_min / minutes if minutes else 0.0
    valid = is_valid_day(waking_min, total)
    return {
        "worn_min": found(worn_min, n_obs=worn_min, coverage=share),
        "worn_waking_min": found(waking_min, n_obs=waking_min, coverage=share),
        "valid_day": found(valid, n_obs=worn_min, coverage=share),
        "steps": _measure_steps(total, known_min, minutes, worn_min),
    }


def _measure_steps(total: float, known_min: int, minutes: int, worn_min: int) -> Measure:
    """`steps`: null where no step was recorded all day."""
    share = known_min / minutes if minutes else 0.0
    if np.isnan(total):
        return missing(measure.NO_STEPS if worn_min else measure.NO_DATA)
    return found(total, n_obs=known_min, coverage=share, quality=share_quality(share))


def measure_steps_total(steps: float) -> Measure:
    """`steps` of a device that gives one number for the day: it says neither when nor how much was worn."""
    return found(steps, n_obs=1, coverage=None, quality="low")


def is_valid_week(valid_days: Bools, free: Bools) -> bool:
    """At least 4 valid days of which one is free (SCIENCE 4); one entry a day of the week."""
    return int(valid_days.sum()) >= VALID_WEEK_DAYS and bool((valid_days & free).any())


def find_steps_nonwear(steps: Floats) -> Bools:
    """Non-wear of a device without heart rate: ≥ 90 minutes on end without a step (after Choi 2011).

    Parameters
    ----------
    steps : (n,) float array
        Steps of neighbouring minutes as recorded; NaN where nothing was recorded, which is no step.
    """
    nonwear = np.zeros(len(steps), np.bool_)
    for start, end in zip(*find_runs(~(steps > 0)), strict=True):
        nonwear[start:end] = end - start >= STEPS_NONWEAR_MIN
    return nonwear


def find_coarse(t_min: Ints, span_s: Ints, steps: Ints) -> Ints:
    """Minutes whose steps were shared out from a longer record, so that their cadence is not known.

    A record of no steps tells of each of its minutes, however long it is; a minute that has a record of
    its own as well is known. Parameters as of `wear.spread_steps`; minutes ascending, each once.
    """
    long = (span_s > 60) & (steps > 0)
    covered = [np.arange(t, t + -(-s // 60)) for t, s in zip(t_min[long], span_s[long], strict=True)]
    shared = np.concatenate(covered) if covered else np.empty(0, np.int64)
    return np.setdiff1d(shared, t_min[span_s <= 60]).astype(np.int64)


def run_lengths(flag: Bools, minute: Ints) -> Ints:
    """Lengths of the runs of flagged minutes that follow each other.

    Parameters
    ----------
    flag : (n,) bool array
    minute : (n,) int array
        The minutes, in order of time: a hole between two of them ends a run.
    """
    on = minute[flag]
    if not len(on):
        return np.empty(0, np.int64)
    edges = np.concatenate(([0], np.flatnonzero(np.diff(on) != 1) + 1, [len(on)]))
    return np.asarray(np.diff(edges), np.int64)


def peak_cadence(steps: Floats) -> float:
    """Mean of the 30 minutes with most steps, which need not follow each other, steps/min.

    Tudor-Locke 2012 ("peak 30-min cadence"). NaN with fewer than 30 known minutes.
    """
    known = steps[~np.isnan(steps)]
    if len(known) < PEAK_MIN:
        return float("nan")
    return float(np.partition(known, len(known) - PEAK_MIN)[-PEAK_MIN:].mean())


def sedentary_spans(steps: Floats, awake: Bools, minute: Ints) -> list[tuple[int, int]]:
    """Stretches in which any 5 minutes on end hold under 10 steps together.

    Parameters
    ----------
    steps : (n,) float array
        Steps of each minute, NaN where unknown.
    awake : (n,) bool array
        Known to be awake, and worn.
    minute : (n,) int array
        The minutes, in order of time.

    Returns
    -------
    list of (start, end)
        Minutes, the end exclusive; each of at least 5 minutes unless it was cut: stretches do not
        overlap, a minute two of them could have belongs to the earlier.
    """
    sure = awake & ~np.isnan(steps)
    low = rolling_sum(sure.astype(float), SEDENTARY_WINDOW_MIN) >= SEDENTARY_WINDOW_MIN
    low &= rolling_sum(np.where(sure, steps, 0.0), SEDENTARY_WINDOW_MIN) < SEDENTARY_STEPS
    back = SEDENTARY_WINDOW_MIN - 1
    low[back:] &= minute[back:] - minute[:-back] == back
    spans: list[tuple[int, int]] = []
    for last in np.split(minute[low], np.flatnonzero(np.diff(minute[low]) != 1) + 1):
        if len(last):
            start = int(last[0]) - SEDENTARY_WINDOW_MIN + 1
            spans.append((max(start, spans[-1][1]) if spans else start, int(last[-1]) + 1))
    return spans


def measure_movement(
    steps: Floats, minute: Ints, *, awake: Bools, worn: Bools, coarse: Bools
) -> dict[str, Measure]:
    """Cadence and sedentary time of one local day.

    Parameters
    ----------
    steps : (n,) float array
        Steps of each minute of the day, NaN where unknown (`wear.complete_steps`).
    minute : (n,) int array
        The minutes (UTC), in order of time.
    awake : (n,) bool array
        Known to be awake.
    worn : (n,) bool array
        Not in a gap of non-wear: a device that lies still counts no steps.
    coarse : (n,) bool array
        Steps were shared out from a record of more than a minute (`find_coarse`).

    Returns
    -------
    dict
        `CADENCE` over all minutes of known steps, `SEDENTARY` over those awake and worn. A minute with
        steps of a longer record is unknown to both. Both need 600 known minutes awake and worn, and
        `coverage` is their share of a waking day of 16 h; `CADENCE` is null where more than a tenth of
        the steps came in longer records.
    """
    shared = coarse & (steps > 0)
    cadence = np.where(shared, np.nan, steps)
    known_min = int((awake & worn & ~np.isnan(cadence)).sum())
    share = min(1.0, known_min / DAY_GOAL_MIN)
    reason = None
    if np.isnan(steps).all():
        reason = measure.NO_STEPS if worn.any() else measure.NO_DATA
    elif known_min < VALID_WAKING_MIN:
        counted_min = int((awake & worn & ~np.isnan(steps)).sum())
        enough = counted_min >= VALID_WAKING_MIN
        reason = measure.COARSE_STEPS if enough else measure.not_worn_enough(counted_min, VALID_WAKING_MIN)
    if reason:
        return dict.fromkeys((*CADENCE, *SEDENTARY), missing(reason, n_obs=known_min, coverage=share))
    values = _measure_cadence(cadence, minute) | _measure_sedentary(cadence, awake & worn, minute)
    measures = {
        name: found(value, n_obs=known_min, coverage=share, quality=share_quality(share))
        for name, value in values.items()
    }
    if float(steps[shared].sum()) > MOST_SHARED * float(np.nansum(steps)):
        measures |= dict.fromkeys(CADENCE, missing(measure.COARSE_STEPS, n_obs=known_min, coverage=share))
    return measures


def _measure_cadence(cadence: Floats, minute: Ints) -> dict[str, float]:
    """Values of `CADENCE`; NaN is a minute of unknown cadence, which ends a bout."""
    bouts = run_lengths(cadence >= MVPA_CADENCE, minute)
    bouts = bouts[bouts >= BOUT_MIN]
    bands = {name: int(((cadence >= low) & (cadence < high)).sum()) for name, (low, high) in BANDS.items()}
    return {
        "mvpa_min": int((cadence >= MVPA_CADENCE).sum()),
        "vigorous_min": int((cadence >= VIGOROUS_CADENCE).sum()),
        "mvpa_bouts": len(bouts),
        "mvpa_bout_min": int(bouts.sum()),
        **bands,
        "cadence_peak30": peak_cadence(cadence),
    }


def _measure_sedentary(steps: Floats, awake: Bools, minute: Ints) -> dict[str, float]:
    """Values of `SEDENTARY`."""
    lengths = np.array([end - start for start, end in sedentary_spans(steps, awake, minute)], np.int64)
    bouts = lengths[lengths >= SEDENTARY_BOUT_MIN]
    return {
        "sedentary_min": int(lengths.sum()),
        "sedentary_bouts": len(bouts),
        "sedentary_bout_min": int(bouts.sum()),
    }
