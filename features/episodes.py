"""Momentary arousal: when heart rate stands above what activity explains, while the body is still.

SCIENCE 2: the exponentially weighted mean (τ 5 min) of heart rate above expected is over
max(6, 1.5·s_p) /min for at least 5 minutes on end; still for at least 10 minutes, awake, outside
exercise and the hour after it; gaps under 5 min are joined. Caffeine, heat, illness, posture and joy do
it too: it is a body alert while still, not a feeling.

The rules are those of `features.arousal`, which counts the minutes of a day; here are the episodes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from features import arousal
from features.wear import Bools, Floats


@dataclass(frozen=True)
class Episode:
    """One episode of momentary arousal.

    Attributes
    ----------
    start_min, end_min : int
        Minutes since 1970-01-01 UTC, the end exclusive.
    minutes : int
        Still minutes with heart rate in it.
    peak_bpm : float
        Highest smoothed heart rate above expected, /min.
    p_arousal : float
        Mean over those minutes of Φ((level − 1.5·s_p) / SE); NaN where s_p is 0. It says how far the
        level is from this person's usual wander, not how likely a feeling is.
    """

    start_min: int
    end_min: int
    minutes: int
    peak_bpm: float
    p_arousal: float


def threshold_bpm(sd_bpm: float) -> float:
    """The level an episode must pass: max(6, 1.5·s_p) /min."""
    return max(arousal.LEAST_RISE_BPM, arousal.RISE_IN_SD * sd_bpm)


def level_se_bpm(sd_bpm: float, kappa: float) -> float:
    """Standard error of the smoothed level where minutes are only noise: an AR(1) of SD s_p.

    The smoothing e^(−1/τ) = ρ keeps (1−ρ)/(1+ρ) · (1+ρκ)/(1−ρκ) of the variance of a series whose
    neighbours correlate by κ.

    Parameters
    ----------
    sd_bpm : float
        s_p, the robust SD of heart rate above expected in the still minutes of the 14 days before.
    kappa : float
        Correlation of one minute with the next, 0 to .99 (`arousal.Fit.kappa`).
    """
    rho = math.exp(-1 / arousal.TAU_MIN)
    kept = (1 - rho) / (1 + rho) * (1 + rho * kappa) / (1 - rho * kappa)
    return sd_bpm * math.sqrt(kept)


def find_episodes(
    above_bpm: Floats, *, still: Bools, usable: Bools, start_min: int, sd_bpm: float, kappa: float
) -> list[Episode]:
    """Episodes of momentary arousal in a run of minutes, in order of time.

    Parameters
    ----------
    above_bpm : (n,) float array
        Heart rate above expected in each of n neighbouring minutes, NaN where unknown.
    still : (n,) bool array
        At rest (`arousal.find_still`); an episode needs 10 such minutes behind each of its own.
    usable : (n,) bool array
        Awake, worn, outside exercise and recovery.
    start_min : int
        First minute, minutes since 1970-01-01 UTC.
    sd_bpm, kappa : float
        s_p and κ, from the days before (`level_se_bpm`).
    """
    now = np.flatnonzero(usable & still & ~np.isnan(above_bpm))
    run = np.cumsum(~still, dtype=np.int64)
    level = arousal.smooth(above_bpm[now], now, run[now])
    high = (level > threshold_bpm(sd_bpm)) & arousal.settled(still)[now]
    se = level_se_bpm(sd_bpm, kappa)
    found = []
    for start, end in arousal.find_episodes(high, now):
        inside = level[(now >= start) & (now < end)]
        p = float(ndtr((inside - arousal.RISE_IN_SD * sd_bpm) / se).mean()) if se > 0 else math.nan
        found.append(Episode(start_min + start, start_min + end, len(inside), float(np.max(inside)), p))
    return found
