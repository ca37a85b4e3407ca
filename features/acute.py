"""A wrist recording in minutes: skin conductance, beats, temperature and motion of each window.

For the detector of acute stress (models/acute.py). Unlike the daily skin conductance of
`features.electrodermal`, samples of a moving wrist are used: whoever speaks before a jury moves, and
the motion stands beside it as a feature.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from features.beats import Beats, clean
from features.electrodermal import (
    FASTEST_US_S,
    LEAST_US,
    RATE_HZ,
    draw_lines,
    find_responses,
    lay_on_grid,
    part,
)
from features.hrv import judge_windows, measure_time
from features.wear import Bools, Floats
from features.windows import whole

SPAN_S = 60.0
STEP_S = 30.0
LEAST_SHARE = 0.5
"""Of a window, in seconds that hold a usable sample."""

FEATURES = (
    "hr_bpm",
    "hr_sd_bpm",
    "hr_slope_bpm_min",
    "beat_rr_ms",
    "beat_ln_rmssd",
    "beat_ln_sdnn",
    "beat_share",
    "eda_level_us",
    "eda_slope_us_min",
    "eda_sd_us",
    "eda_responses_min",
    "eda_phasic_us",
    "temp_cel",
    "temp_slope_cel_min",
    "motion_g",
    "motion_most_g",
)


def empty() -> tuple[Floats, Floats]:
    """A stream without samples."""
    return np.empty(0), np.empty(0)


def no_beats() -> Beats:
    """A train without beats."""
    return Beats(np.empty(0), np.empty(0), np.empty(0, np.bool_))


@dataclass(frozen=True)
class Recording:
    """What a wristband recorded in one session, each stream as times (s) and values.

    Attributes
    ----------
    heart_rate : (n,) and (n,) float arrays
        In beats a minute.
    eda : (n,) and (n,) float arrays
        In µS.
    temperature : (n,) and (n,) float arrays
        In °C.
    acceleration : (n,) and (n, 3) float arrays
        In g.
    beats : Beats
        On the same axis of seconds.
    """

    heart_rate: tuple[Floats, Floats] = field(default_factory=empty)
    eda: tuple[Floats, Floats] = field(default_factory=empty)
    temperature: tuple[Floats, Floats] = field(default_factory=empty)
    acceleration: tuple[Floats, Floats] = field(default_factory=lambda: (np.empty(0), np.empty((0, 3))))
    beats: Beats = field(default_factory=no_beats)


def measure_wrist(recording: Recording, start_s: Floats, *, span_s: float = SPAN_S) -> Floats:
    """All features of windows that begin at given moments.

    Parameters
    ----------
    recording : Recording
        One session.
    start_s : (w,) float array
        Where windows begin, in order.
    span_s : float
        How long they are.

    Returns
    -------
    (w, 16) float array
        In the order of `FEATURES`; NaN where less than half of a window could be used.
    """
    edges = (start_s, start_s + span_s)
    columns = [
        *measure_level(*recording.heart_rate, *edges),
        *measure_beats(recording.beats, *edges),
        *measure_skin_windows(*recording.eda, *edges),
        *measure_level(*recording.temperature, *edges)[::2],
        *measure_motion(*recording.acceleration, *edges),
    ]
    return np.column_stack(columns)


def place_windows(recording: Recording, *, step_s: float = STEP_S, span_s: float = SPAN_S) -> Floats:
    """Starts of windows, every 30 s from the first sample, as long as they end before the last."""
    times = [s[0] for s in (recording.eda, recording.temperature, recording.heart_rate) if len(s[0])]
    if not times:
        return np.empty(0)
    first, last = min(t[0] for t in times), max(t[-1] for t in times)
    return np.asarray(
        first + step_s * np.arange(max(0, int((last - first - span_s) // step_s) + 1)), np.float64
    )


def measure_level(
    t_s: Floats, value: Floats, start_s: Floats, end_s: Floats
) -> tuple[Floats, Floats, Floats]:
    """Mean, standard deviation and slope a minute in each window, of means of seconds."""
    found = np.full((3, len(start_s)), np.nan)
    if len(t_s):
        first_s = np.floor(t_s[0])
        place = np.floor(t_s - first_s).astype(np.int64)
        count = np.bincount(place)
        mean = np.divide(np.bincount(place, value), count, out=np.full(len(count), np.nan), where=count > 0)
        at_s = first_s + np.arange(len(mean)) + 0.5
        for w, (low, high) in enumerate(spans(at_s, start_s, end_s)):
            found[:, w] = describe(at_s[low:high], mean[low:high], end_s[w] - start_s[w])
    return found[0], found[1], found[2]


def spans(t_s: Floats, start_s: Floats, end_s: Floats) -> list[tuple[int, int]]:
    """Positions of the samples of each window, from and to."""
    low, high = np.searchsorted(t_s, start_s), np.searchsorted(t_s, end_s)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def describe(t_s: Floats, value: Floats, span_s: float) -> tuple[float, float, float]:
    """Mean, standard deviation and slope a minute of seconds; NaN if less than half are known."""
    known = np.isfinite(value)
    if known.sum() < LEAST_SHARE * span_s or known.sum() < 2:
        return np.nan, np.nan, np.nan
    t_min, value = t_s[known] / 60, value[known]
    t_min = t_min - t_min.mean()
    mean = float(value.mean())
    return mean, float(value.std()), float((t_min * (value - mean)).sum() / (t_min**2).sum())


def measure_beats(beats: Beats, start_s: Floats, end_s: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean interval, ln RMSSD without the clock's tick, ln SDNN, and the share of time in accepted beats.

    The first three are given from ten pairs of beats on, fewer than a resting window needs: wrist
    beats of a moving arm are sparse, and the share tells the model how sparse.
    """
    if not len(beats):
        nothing = np.full(len(start_s), np.nan)
        return nothing, nothing, nothing, np.zeros(len(start_s))
    cleaned = clean(beats)
    windows = whole(beats.end_s, start_s, end_s)
    values = measure_time(cleaned, windows)
    share = judge_windows(cleaned, windows).coverage
    rmssd = values.rmssd_corrected_ms if np.isfinite(beats.tick_ms) else values.rmssd_ms
    enough = values.n_pairs >= 10
    return (
        np.where(enough, values.mean_rr_ms, np.nan),
        take_log(rmssd, enough),
        take_log(values.sdnn_ms, enough),
        np.nan_to_num(share),
    )


def take_log(value_ms: Floats, enough: Bools) -> Floats:
    """Natural logarithm where there is enough, of at least 1 ms."""
    known = enough & np.isfinite(value_ms)
    return np.where(known, np.log(np.maximum(np.where(known, value_ms, 1.0), 1.0)), np.nan)


def measure_skin_windows(
    t_s: Floats, eda_us: Floats, start_s: Floats, end_s: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Tonic level, its slope a minute, SD, responses a minute and mean absolute phasic part in each window."""
    found = np.full((5, len(start_s)), np.nan)
    first, level_us = lay_on_grid(t_s, eda_us)
    if len(level_us):
        used = usable(level_us)
        tonic_us, phasic_us = part(draw_lines(level_us, used))
        peak = np.zeros(len(level_us), np.bool_)
        peak[find_responses(tonic_us, phasic_us)] = True
        at_s = (first + np.arange(len(level_us)) + 0.5) / RATE_HZ
        for w, (a, b) in enumerate(spans(at_s, start_s, end_s)):
            mine = used[a:b]
            seconds = mine.sum() / RATE_HZ
            if seconds < LEAST_SHARE * (end_s[w] - start_s[w]):
                continue
            tonic = tonic_us[a:b][mine]
            t_min = at_s[a:b][mine] / 60
            t_min = t_min - t_min.mean()
            slope = (t_min * tonic).sum() / (t_min**2).sum()
            responses = (peak[a:b] & mine).sum() * 60 / seconds
            found[:, w] = np.median(tonic), slope, tonic.std(), responses, np.abs(phasic_us[a:b][mine]).mean()
    return found[0], found[1], found[2], found[3], found[4]


def usable(eda_us: Floats) -> Bools:
    """Samples on the grid that can be of skin: known, at least 0.05 µS, not jumping."""
    with np.errstate(invalid="ignore"):
        jump = np.abs(np.diff(eda_us, prepend=eda_us[:1])) * RATE_HZ > FASTEST_US_S
        return np.asarray(np.isfinite(eda_us) & (eda_us >= LEAST_US) & ~jump, np.bool_)


def measure_motion(t_s: Floats, xyz_g: Floats, start_s: Floats, end_s: Floats) -> tuple[Floats, Floats]:
    """Mean and largest standard deviation of the length of acceleration within a second, in each window."""
    found = np.full((2, len(start_s)), np.nan)
    if len(t_s):
        length_g = np.sqrt((xyz_g**2).sum(axis=1))
        second, first = np.unique(np.floor(t_s), return_index=True)
        count = np.diff(np.append(first, len(t_s)))
        mean = np.add.reduceat(length_g, first) / count
        apart = length_g - np.repeat(mean, count)
        sd = np.sqrt(np.add.reduceat(apart**2, first) / count)
        for w, (a, b) in enumerate(spans(second, start_s, end_s)):
            if b - a >= LEAST_SHARE * (end_s[w] - start_s[w]):
                found[:, w] = sd[a:b].mean(), sd[a:b].max()
    return found[0], found[1]
