"""Beats: what is believed and why, which pairs follow each other, labels of planted errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.beat_rules import (
    ECTOPIC,
    EXTRA,
    LOCAL_MEDIAN,
    LONG,
    MALIK,
    MISSED,
    OUT_OF_RANGE,
    SHORT,
    label_stretch,
)
from features.beats import REASONS, Beats, clean, correct_ticks
from features.hrv.rhythm import is_irregular, uneven_share
from features.windows import aligned

Floats = npt.NDArray[np.float64]


def train(rr_ms: npt.ArrayLike, *, gaps: tuple[int, ...] = (), tick_ms: float = 1.0) -> Beats:
    """Beats one after the other; before each of `gaps` 30 s are missing."""
    rr = np.asarray(rr_ms, np.float64)
    gap = np.zeros(len(rr), bool)
    gap[list(gaps)] = True
    return Beats(np.cumsum(rr) / 1000 + 30 * np.cumsum(gap), rr, gap, tick_ms)


def sinus(n: int, seed: int = 0, noise_ms: float = 15.0) -> Floats:
    """Intervals that breathe and drift."""
    random = np.random.default_rng(seed)
    beat = np.arange(n)
    slow = 60 * np.sin(beat / 300)
    return 850 + slow + 40 * np.sin(beat * 0.25) + random.normal(0, noise_ms, n)


# --- range, local median, Malik


def test_range_is_narrower_asleep_and_both_ends_belong_to_it() -> None:
    rr = [299.0, 300.0, 399.0, 400.0, 2000.0, 2001.0, np.nan, 0.0, -5.0]
    beats = Beats(np.arange(9.0), np.array(rr), np.zeros(9, bool))
    awake, asleep = clean(beats, rule="none"), clean(beats, rule="none", asleep=True)
    assert awake.accepted.tolist() == [False, True, True, True, True, False, False, False, False]
    assert asleep.accepted.tolist() == [False, False, False, True, True, False, False, False, False]
    assert set(awake.reason.tolist()) == {0, OUT_OF_RANGE}
    mixed = clean(beats, rule="none", asleep=np.arange(9) == 2)
    assert mixed.accepted.tolist() == [False, True, False, True, True, False, False, False, False]


def test_local_median_keeps_a_fifth_and_drops_more() -> None:
    rr = np.full(30, 800.0)
    rr[[7, 15, 22]] = [960.0, 961.0, 639.0]
    reason = clean(train(rr)).reason
    assert np.flatnonzero(reason).tolist() == [15, 22]
    assert set(reason[[15, 22]].tolist()) == {LOCAL_MEDIAN}


def test_local_median_is_of_valid_intervals_only() -> None:
    rr = np.full(11, 800.0)
    rr[[0, 2, 4, 6, 8, 10]] = 2500.0
    assert clean(train(rr)).accepted.tolist() == [False, True] * 5 + [False]


def test_local_median_does_not_look_beyond_a_minute() -> None:
    rr = np.array([1000.0] * 6 + [600.0] * 3 + [1000.0] * 6)
    near, far = train(rr, gaps=(6, 9)), train(rr, gaps=(6, 9))
    far = Beats(far.end_s + 3600 * np.cumsum(far.gap_before), far.rr_ms, far.gap_before)
    assert clean(near).accepted.sum() == 12
    assert clean(far).accepted.all()


def naive_local(rr: Floats, end_s: Floats) -> list[bool]:
    kept = []
    for i in range(len(rr)):
        around = slice(max(0, i - 5), i + 6)
        median = np.median(rr[around][np.abs(end_s[around] - end_s[i]) <= 60])
        kept.append(bool(abs(rr[i] - median) <= 0.20 * median))
    return kept


@settings(deadline=None, max_examples=80)
@given(
    st.lists(
        st.sampled_from([500.0, 600.0, 640.0, 750.0, 800.0, 960.0, 1000.0, 1200.0]), min_size=1, max_size=60
    ),
    st.integers(0, 6),
)
def test_local_median_is_what_it_says(rr: list[float], gap: int) -> None:
    beats = train(rr, gaps=tuple(range(gap, len(rr), 7))[1:])
    assert clean(beats).accepted.tolist() == naive_local(beats.rr_ms, beats.end_s)


def test_malik_compares_with_the_last_accepted_and_gives_in_after_five() -> None:
    rr = [800, 1000, 810, 1100, 1100, 1100, 1100, 1100, 1100, 1100, 800]
    reason = clean(train(rr), rule="malik20").reason
    assert reason.tolist() == [0, MALIK, 0, *[MALIK] * 5, 0, 0, MALIK]


def test_malik_depends_on_the_order_and_the_local_median_does_not() -> None:
    rr = np.array([*[800.0] * 6, 1000.0, *[800.0] * 6])
    rr[7:] = 830.0
    rr[0] = 1010.0
    forth = [clean(train(rr), rule=rule).accepted for rule in ("malik20", "local20")]
    back = [clean(train(rr[::-1]), rule=rule).accepted[::-1] for rule in ("malik20", "local20")]
    assert (forth[0] != back[0]).any()
    assert (forth[1] == back[1]).all()


# --- pairs


def test_a_rejected_interval_takes_two_pairs_with_it_and_nothing_is_bridged() -> None:
    rr = np.full(20, 800.0)
    rr[10] = 1300.0
    cleaned = clean(train(rr))
    assert np.flatnonzero(~cleaned.successive).tolist() == [0, 10, 11]
    assert len(cleaned) == 20


def test_a_marked_gap_and_a_clock_that_disagrees_both_break_a_pair() -> None:
    rr = np.full(12, 800.0)
    beats = train(rr, gaps=(4,))
    unmarked = Beats(beats.end_s, rr, np.zeros(12, bool))
    marked_only = Beats(np.cumsum(rr) / 1000, rr, beats.gap_before)
    for case in (beats, unmarked, marked_only):
        assert np.flatnonzero(~clean(case).successive).tolist() == [0, 4]


@pytest.mark.parametrize(("tick_ms", "late_ms", "follows"), [
    (1.0, 20.0, True), (1.0, 20.1, False), (np.nan, 20.0, True), (np.nan, 20.1, False),
    (15.625, 23.4, True), (15.625, 23.5, False),
])  # fmt: skip
def test_the_clock_may_differ_by_20_ms_or_one_and_a_half_ticks(
    tick_ms: float, late_ms: float, follows: bool
) -> None:
    rr = np.full(4, 800.0)
    end_s = 1_790_000_000 + np.cumsum(rr) / 1000 + np.array([0, 0, late_ms, late_ms]) / 1000
    assert clean(Beats(end_s, rr, np.zeros(4, bool), tick_ms)).successive[2] == follows


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(250, 2100), min_size=1, max_size=80), st.integers(-(10**6), 2 * 10**9))
def test_a_shift_in_time_changes_nothing(rr: list[int], shift_s: int) -> None:
    beats = train(rr, gaps=tuple(range(9, len(rr), 10)))
    later = Beats(beats.end_s + shift_s, beats.rr_ms, beats.gap_before, beats.tick_ms)
    for rule in ("none", "local20", "malik20", "lt2019"):
        one, other = clean(beats, rule=rule), clean(later, rule=rule)
        assert (one.reason == other.reason).all()
        assert (one.successive == other.successive).all()


def test_beats_that_cannot_be_a_train_are_refused_with_what_to_do() -> None:
    rr = np.full(3, 800.0)
    with pytest.raises(ValueError, match="sort them"):
        clean(Beats(np.array([2.0, 1.0, 3.0]), rr, np.zeros(3, bool)))
    with pytest.raises(ValueError, match="one of each"):
        clean(Beats(np.arange(3.0), rr, np.zeros(2, bool)))
    with pytest.raises(ValueError, match="local20"):
        clean(train(rr), rule="kubios")  # type: ignore[arg-type]


def test_no_beats_are_no_trouble_under_any_rule() -> None:
    for rule in ("none", "local20", "malik20", "lt2019"):
        for n in range(4):
            assert len(clean(train(np.full(n, 800.0)), rule=rule)) == n


# --- Lipponen and Tarvainen


def peaks_of(rr_ms: Floats) -> Floats:
    return np.concatenate(([0.0], np.cumsum(rr_ms)))


def without_beat(peaks: Floats, k: int) -> Floats:
    return np.delete(peaks, k)


def with_beat(peaks: Floats, k: int) -> Floats:
    return np.insert(peaks, k, peaks[k - 1] + 0.45 * (peaks[k] - peaks[k - 1]))


def early_beat(peaks: Floats, k: int) -> Floats:
    moved = peaks.copy()
    moved[k] -= 250.0
    return moved


@pytest.mark.parametrize(("plant", "label", "spoiled"), [
    (without_beat, MISSED, [-1]),
    (with_beat, EXTRA, [-1, 0]),
    (early_beat, ECTOPIC, [-1, 0]),
])  # fmt: skip
def test_a_planted_error_is_named_and_only_what_it_spoils_is_left_out(
    plant: Callable[[Floats, int], Floats], label: int, spoiled: list[int]
) -> None:
    collateral = 0
    for k in range(100, 900, 80):
        beats = train(np.diff(plant(peaks_of(sinus(1000, noise_ms=8.0)), k)))
        reason = clean(beats, rule="lt2019").reason
        assert reason[[k + i for i in spoiled]].tolist() == [label] * len(spoiled), REASONS[label]
        collateral += np.count_nonzero(np.delete(reason[k - 8 : k + 8], [8 + i for i in spoiled]))
    assert collateral <= 2  # of 140: the method's limit is about 2.2 standard deviations of the steps


def test_long_and_short_intervals_are_told_apart() -> None:
    rr = sinus(400, noise_ms=8.0)
    rr[100] += 350.0
    rr[300] -= 220.0
    reason = clean(train(rr), rule="lt2019").reason
    assert (reason[100], reason[300]) == (LONG, SHORT)


def test_a_missed_beat_longer_than_the_range_is_still_called_missed() -> None:
    rr = 1.3 * sinus(300, noise_ms=8.0)
    beats = train(np.diff(without_beat(peaks_of(rr), 150)))
    assert beats.rr_ms[149] > 2000
    assert clean(beats, rule="lt2019").reason[149] == MISSED


def test_stretches_are_judged_by_themselves_and_a_long_silence_is_a_gap() -> None:
    first, second = sinus(300, seed=1), 0.6 * sinus(300, seed=2)
    apart = [clean(train(rr), rule="lt2019").reason for rr in (first, second)]
    joined = clean(train(np.concatenate((first, second)), gaps=(300,)), rule="lt2019").reason
    assert (joined == np.concatenate(apart)).all()
    silent = clean(train(np.concatenate((first, [31_000.0], second))), rule="lt2019")
    assert (silent.reason == np.concatenate((apart[0], [OUT_OF_RANGE], apart[1]))).all()
    assert not silent.successive[[300, 301]].any()


@pytest.fixture(scope="module")
def find_artifacts() -> Callable[..., Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from neurokit2.signal.signal_fixpeaks import _find_artifacts  # noqa: PLC0415
    return _find_artifacts  # type: ignore[no-any-return]


def spoil(seed: int) -> Floats:
    """Peaks in ms with beats missed, added and moved at random."""
    random = np.random.default_rng(seed)
    peaks = peaks_of(sinus(2000, seed, noise_ms=12.0))
    peaks = np.delete(peaks, random.choice(np.arange(50, 1900), 15, replace=False))
    where = random.choice(np.arange(50, 1900), 15, replace=False)
    peaks = np.sort(np.concatenate((peaks, peaks[where] + random.uniform(200, 600, 15))))
    peaks[random.choice(np.arange(50, 1900), 15, replace=False)] -= 230.0
    return np.sort(peaks)


def test_labels_are_those_of_one_pass_of_neurokit(find_artifacts: Callable[..., Any]) -> None:
    names = {LONG: "longshort", SHORT: "longshort", ECTOPIC: "ectopic", MISSED: "missed", EXTRA: "extra"}
    for seed in range(6):
        peaks = spoil(seed)
        theirs, _ = find_artifacts(peaks, sampling_rate=1000)
        ours = label_stretch(np.diff(peaks))
        for name in set(names.values()):
            found = [i + 1 for i, label in enumerate(ours[:-2].tolist()) if names.get(label) == name]
            assert found == theirs[name], f"seed {seed}: {name}"
        assert min(len(theirs[name]) for name in names.values()) > 5


# --- ticks


def test_the_correction_for_ticks_gives_the_published_example() -> None:
    assert correct_ticks(26.2, 1000 / 64) == pytest.approx(23.7, abs=0.1)
    assert correct_ticks(5.0, 1000 / 64) == 0.0
    assert np.isnan(correct_ticks(26.2, np.nan))
    assert correct_ticks(26.2, 1.0) == pytest.approx(26.2, abs=0.01)


def test_the_correction_undoes_a_real_clock() -> None:
    random = np.random.default_rng(3)
    rr = 900 + random.normal(0, 23.9 / np.sqrt(2), 100_000)
    tick = 1000 / 64
    coarse = np.diff(np.round(np.cumsum(rr) / tick) * tick)
    rmssd = [np.sqrt(np.mean(np.diff(x) ** 2)) for x in (rr, coarse)]
    assert rmssd[0] == pytest.approx(23.9, rel=0.01)
    assert rmssd[1] == pytest.approx(26.3, rel=0.01)
    assert correct_ticks(rmssd[1], tick) == pytest.approx(rmssd[0], rel=0.01)


# --- irregular rhythm


def test_a_rhythm_random_from_beat_to_beat_is_irregular_and_the_rule_for_single_beats_would_hide_it() -> None:
    rr = np.random.default_rng(5).uniform(400, 1100, 4000)
    beats = train(rr)
    windows = aligned(beats.end_s)
    assert is_irregular(beats, windows)
    assert np.nanmin(uneven_share(beats, windows)) > 0.4


def test_breathing_and_single_extra_beats_are_not_irregular() -> None:
    rr = sinus(4000, noise_ms=30.0)
    rr[::25] *= 0.7
    rr[1::25] *= 1.3
    beats = train(rr)
    windows = aligned(beats.end_s)
    assert not is_irregular(beats, windows)
    assert 0.08 < np.nanmax(uneven_share(beats, windows)) < 0.15


def test_less_than_half_of_the_windows_uneven_is_not_irregular_and_few_pairs_are_not_judged() -> None:
    random = np.random.default_rng(6)
    for wild, irregular in ((1200, False), (2800, True)):
        rr = np.concatenate((random.uniform(400, 1100, wild), sinus(4000 - wild)))
        assert is_irregular(train(rr), aligned(train(rr).end_s)) == irregular
    short = train(random.uniform(400, 1100, 20))
    assert np.isnan(uneven_share(short, aligned(short.end_s))).all()
    assert not is_irregular(short, aligned(short.end_s))
