"""Momentary arousal: planted rises are found with start, end, peak and how sure it is."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from features import arousal, episodes

NAN = np.nan


def find(above: np.ndarray, *, sd_bpm: float = 2.0, start_min: int = 0, **masks: np.ndarray) -> list:
    every = np.ones(len(above), bool)
    return episodes.find_episodes(
        above,
        still=masks.get("still", every),
        usable=masks.get("usable", every),
        start_min=start_min,
        sd_bpm=sd_bpm,
        kappa=0.8,
    )


def spans(found: list) -> list[tuple[int, int]]:
    return [(one.start_min, one.end_min) for one in found]


def test_a_level_of_twelve_from_the_first_still_minute_is_an_episode_after_ten() -> None:
    (one,) = find(np.full(60, 12.0), start_min=1000)
    assert (one.start_min, one.end_min, one.minutes) == (1009, 1060, 51)
    assert one.peak_bpm == pytest.approx(12)
    # Φ((12 − 1.5·2) / SE), SE² = 4 · .18127/1.81873 · (1 + .81873·.8)/(1 − .81873·.8).
    se = 2 * math.sqrt(0.1812692 / 1.8187308 * 1.6549846 / 0.3450154)
    assert episodes.level_se_bpm(2.0, 0.8) == pytest.approx(se, rel=1e-6)
    assert one.p_arousal == pytest.approx(float(ndtr(9 / se)))


def test_start_and_end_are_where_the_weighted_mean_passes_the_threshold() -> None:
    above = np.zeros(120)
    above[40:70] = 10.0
    # In a long run the level k minutes into the rise is 10·(1 − e^(−k/5)), over 6 from k = 5
    # (6.3); after it 9.98·e^(−k/5), under 6 from k = 3.
    (one,) = find(above)
    assert (one.start_min, one.end_min) == (44, 72)
    assert one.peak_bpm == pytest.approx(10 * (1 - math.exp(-6)), abs=0.01)


@pytest.mark.parametrize(("level", "count"), [(5.99, 0), (6.01, 1)])
def test_a_calm_person_needs_more_than_six_beats(level: float, count: int) -> None:
    assert len(find(np.full(40, level), sd_bpm=1.0)) == count


@pytest.mark.parametrize(("level", "count"), [(7.49, 0), (7.51, 1)])
def test_a_lively_person_needs_more_than_one_and_a_half_of_their_spread(level: float, count: int) -> None:
    assert len(find(np.full(40, level), sd_bpm=5.0)) == count
    assert episodes.threshold_bpm(5.0) == 7.5


@pytest.mark.parametrize(("length", "count"), [(13, 0), (14, 1)])
def test_five_minutes_after_ten_still_ones_are_the_least(length: int, count: int) -> None:
    still = np.zeros(60, bool)
    still[20 : 20 + length] = True
    found = find(np.full(60, 20.0), still=still)
    assert spans(found) == [(29, 34)][:count]


@pytest.mark.parametrize(("gap", "parts"), [(4, 1), (5, 2)])
def test_gaps_under_five_minutes_are_joined(gap: int, parts: int) -> None:
    above = np.full(80, 20.0)
    above[40 : 40 + gap] = NAN
    found = find(above)
    assert spans(found) == ([(9, 80)] if parts == 1 else [(9, 40), (45, 80)])
    assert sum(one.minutes for one in found) == 71 - gap


def test_sleep_and_exercise_are_left_out() -> None:
    usable = np.ones(90, bool)
    usable[30:60] = False
    assert spans(find(np.full(90, 20.0), usable=usable)) == [(9, 30), (60, 90)]
    assert find(np.full(90, 20.0), usable=~np.ones(90, bool)) == []


def test_without_a_spread_there_is_no_probability() -> None:
    (one,) = find(np.full(60, 12.0), sd_bpm=0.0)
    assert math.isnan(one.p_arousal)


def test_the_standard_error_is_that_of_smoothed_noise() -> None:
    rng = np.random.default_rng(11)
    kappa, count = 0.8, 60_000
    noise = rng.normal(0, math.sqrt(1 - kappa**2), count)
    for t in range(1, count):
        noise[t] += kappa * noise[t - 1]
    minute = np.arange(count)
    level = np.concatenate(
        [
            arousal.smooth(noise[a : a + 2000], minute[:2000], np.zeros(2000, int))[100:]
            for a in range(0, count, 2000)
        ]
    )
    assert level.std() == pytest.approx(episodes.level_se_bpm(1.0, kappa), rel=0.05)


def by_definition(above: np.ndarray, still: np.ndarray, usable: np.ndarray, limit: float) -> set[int]:
    """Minutes over the limit, one by one; before least length and joining."""
    over = set()
    for t in range(len(above)):
        if not (usable[t] and still[t] and not np.isnan(above[t]) and t >= 9 and still[t - 9 : t + 1].all()):
            continue
        first = max([k + 1 for k in range(t) if not still[k]], default=0)
        past = [k for k in range(first, t + 1) if usable[k] and not np.isnan(above[k])]
        weight = [math.exp((k - t) / 5) for k in past]
        if sum(w * above[k] for w, k in zip(weight, past, strict=True)) / sum(weight) > limit:
            over.add(t)
    return over


@given(st.integers(0, 2**32 - 1), st.integers(-(10**7), 10**7))
@settings(deadline=None, max_examples=40)
def test_episodes_hold_what_the_definition_says_wherever_they_lie(seed: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    above = np.repeat(rng.normal(5, 5, 20), 12) + rng.normal(0, 1, 240)
    above[rng.random(240) < 0.05] = NAN
    still, usable = np.repeat(rng.random(12) < 0.85, 20), np.repeat(rng.random(8) < 0.85, 30)
    found = find(above, still=still, usable=usable)
    over = by_definition(above, still, usable, 6.0)
    runs = [list(r) for r in np.split(sorted(over), np.flatnonzero(np.diff(sorted(over)) > 1) + 1) if len(r)]
    long = {int(m) for run in runs if len(run) >= 5 for m in run}
    assert long == {m for one in found for m in range(one.start_min, one.end_min)} & long
    for one in found:
        assert {one.start_min, one.end_min - 1} <= long
    for before, after in pairwise(found):
        assert after.start_min - before.end_min >= 5
    moved = find(above, still=still, usable=usable, start_min=shift)
    assert spans(moved) == [(a + shift, b + shift) for a, b in spans(found)]
    # The same minutes as `arousal` counts for the day.
    now = np.flatnonzero(usable & still & ~np.isnan(above))
    counted, _ = arousal.arousal_minutes(
        above[now], now, run=np.cumsum(~still)[now], ready=arousal.settled(still)[now], sd_bpm=2.0
    )
    assert counted == sum(one.minutes for one in found)
