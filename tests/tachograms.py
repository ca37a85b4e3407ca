"""Intervals between beats that swing as told, for tests of what is measured in them."""

from __future__ import annotations

import numpy as np

from features.beats import Beats, Cleaned
from features.wear import Bools, Floats


def swing(
    seed: int,
    *tones: tuple[float, float],
    span_s: float = 300.0,
    base_ms: float = 850.0,
    noise_ms: float = 0.0,
) -> tuple[Floats, Floats]:
    """Intervals (ms) that swing with (hertz, ms amplitude) tones, and the times (s) of their ends.

    Each interval has the length that the swing gives it when it begins, rounded to 1/1024 s so that times
    are exact and stay so when they are shifted.
    """
    random = np.random.default_rng(seed)
    phases = random.uniform(0, 2 * np.pi, len(tones))
    now_s, rr_ms, end_s = 0.0, [], []
    while True:
        wave = sum(a * np.sin(2 * np.pi * f * now_s + p) for (f, a), p in zip(tones, phases, strict=True))
        length_s = round((base_ms + wave + random.normal(0, noise_ms)) * 1.024) / 1024
        now_s += length_s
        if now_s >= span_s:
            return np.array(rr_ms), np.array(end_s)
        rr_ms.append(1000 * length_s)
        end_s.append(now_s)


def judged(rr_ms: Floats, end_s: Floats, kept: Bools | None = None) -> Cleaned:
    """A train of which some intervals are accepted, all unless told."""
    kept = np.ones(len(rr_ms), bool) if kept is None else kept
    successive = kept.copy()
    successive[0] = False
    successive[1:] &= kept[:-1]
    beats = Beats(end_s, rr_ms, np.zeros(len(rr_ms), bool))
    return Cleaned(beats, np.where(kept, 0, 1).astype(np.int8), successive)


def train(rr_ms: Floats, kept: Bools | None = None) -> Cleaned:
    """Intervals one after another from time 0."""
    return judged(rr_ms, np.cumsum(rr_ms) / 1000, kept)


def without(count: int, *runs: tuple[int, int]) -> Bools:
    """All of so many intervals, but for runs from one to before another."""
    kept = np.ones(count, bool)
    for start, stop in runs:
        kept[start:stop] = False
    return kept
