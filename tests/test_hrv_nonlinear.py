"""Entropies, scaling exponents and fragmentation: NeuroKit2's values, brute force, and series of known truth."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tachograms import judged, swing, train, without

from features.hrv.entropy import _sum_far, _sum_one, _sum_three, count_alike, sum_likeness
from features.hrv.fragmentation import count_turns, index_stress
from features.hrv.nonlinear import Dfa, NonLinear, measure_nonlinear
from features.wear import Bools, Floats
from features.windows import sliding, whole

PARITY = 1e-9
TONES = ((0.02, 15.0), (0.1, 30.0), (0.25, 20.0))


def values_of(rr_ms: Floats, kept: Bools | None = None, *, dfa: Dfa = "peng") -> NonLinear:
    """Of one window that holds all of the intervals and no more."""
    cleaned = train(rr_ms, kept)
    return measure_nonlinear(cleaned, whole(cleaned.beats.end_s, 0.0, rr_ms.sum() / 1000 + 0.001), dfa=dfa)


def colours(seed: int, count: int) -> Floats:
    """Intervals with slow and quick parts, as hearts have them."""
    random = np.random.default_rng(seed)
    return 850 + np.cumsum(random.normal(0, 4, count)) + random.normal(0, 15, count)


@pytest.fixture(scope="module")
def neurokit() -> Iterator[ModuleType]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import neurokit2  # noqa: PLC0415

        yield neurokit2


# --- parity


@pytest.mark.parametrize("count", [130, 356, 721])
def test_entropies_are_those_of_neurokit(neurokit: ModuleType, count: int) -> None:
    for seed in range(3):
        rr = colours(seed, count)
        ours = values_of(rr)
        tolerance = 0.2 * np.std(rr, ddof=1)
        sample, _ = neurokit.entropy_sample(rr, delay=1, dimension=2, tolerance=tolerance)
        fuzzy, _ = neurokit.entropy_fuzzy(rr, delay=1, dimension=2, tolerance=tolerance)
        assert ours.sample_entropy[0] == pytest.approx(sample, rel=PARITY)
        assert ours.fuzzy_entropy[0] == pytest.approx(fuzzy, rel=PARITY)


@pytest.mark.parametrize("count", [130, 356, 721])
def test_scaling_exponents_are_those_of_neurokit_with_its_boxes(neurokit: ModuleType, count: int) -> None:
    rr = colours(count, count)
    ours = values_of(rr, dfa="neurokit2")
    short, _ = neurokit.fractal_dfa(rr, scale=np.arange(4, 12))
    long, _ = neurokit.fractal_dfa(rr, scale=np.arange(12, (count + 1) // 10 + 1))
    assert ours.dfa_alpha1[0] == pytest.approx(short, rel=PARITY)
    assert ours.dfa_alpha2[0] == pytest.approx(long, rel=PARITY)


def test_scaling_exponents_of_boxes_side_by_side_are_those_of_neurokit_without_overlap(
    neurokit: ModuleType,
) -> None:
    rr = colours(5, 721)
    ours = values_of(rr)
    short, _ = neurokit.fractal_dfa(rr, scale=np.arange(4, 12), overlap=False)
    long, _ = neurokit.fractal_dfa(rr, scale=np.arange(12, 65), overlap=False)
    assert ours.dfa_alpha1[0] == pytest.approx(short, rel=PARITY)
    assert ours.dfa_alpha2[0] == pytest.approx(long, rel=PARITY)


def test_fragmentation_and_the_indices_of_the_poincare_cloud_are_those_of_neurokit(
    neurokit: ModuleType,
) -> None:
    inside = import_module("neurokit2.hrv.hrv_nonlinear")
    for seed in range(3):
        rr = np.round(colours(seed, 360))  # whole ms: some steps are 0
        ours = values_of(rr)
        cloud = inside._hrv_nonlinear_poincare(rr, out={})
        turns = inside._hrv_nonlinear_fragmentation(rr, out={})
        assert (np.diff(rr) == 0).any()
        assert ours.csi[0] == pytest.approx(cloud["CSI"], rel=PARITY)
        assert ours.cvi[0] == pytest.approx(cloud["CVI"], rel=PARITY)
        assert ours.csi_modified_ms[0] == pytest.approx(cloud["CSI_Modified"], rel=PARITY)
        assert ours.pip_pct[0] == pytest.approx(100 * turns["PIP"], rel=PARITY)
        assert ours.ials[0] == pytest.approx(turns["IALS"], rel=PARITY)


def test_short_and_alternating_runs_are_counted_in_intervals_and_not_in_runs(neurokit: ModuleType) -> None:
    inside = import_module("neurokit2.hrv.hrv_nonlinear")
    # 95 steps up, then 5 that go down and up in turn, as Costa et al. 2017 count: intervals in runs.
    steps = np.concatenate((np.full(95, 2.0), np.array([-9.0, 9.0, -9.0, 9.0, -9.0])))
    rr = 800 + np.concatenate(([0.0], np.cumsum(steps)))
    ours = values_of(rr)
    assert ours.pss_pct[0] == pytest.approx(5.0)  # 5 of 100 steps are in runs shorter than three
    assert ours.pas_pct[0] == pytest.approx(6.0)  # the last step up begins the alternation
    theirs = inside._hrv_nonlinear_fragmentation(rr, out={})
    assert theirs["PSS"] == pytest.approx(5 / 6)  # 5 of 6 runs, however long the sixth
    assert theirs["PAS"] == pytest.approx(1.0)  # the one stretch of turns, however short


# --- by hand and by brute force


def alike_by_brute_force(rr: Floats, joined: Bools, share: float) -> tuple[int, int, float, float]:
    places = [i for i in range(len(rr) - 2) if joined[i + 1] and joined[i + 2]]
    tolerance = share * np.std(rr, ddof=1)
    two = three = 0
    like_two = like_three = 0.0
    for n, i in enumerate(places):
        for j in places[n + 1 :]:
            a, b = rr[i : i + 3], rr[j : j + 3]
            two += np.abs(a[:2] - b[:2]).max() <= tolerance
            three += np.abs(a - b).max() <= tolerance
            like_two += np.exp(-np.abs(a[:2] - a[:2].mean() - b[:2] + b[:2].mean()).max() / tolerance)
            like_three += np.exp(-np.abs(a - a.mean() - b + b.mean()).max() / tolerance)
    return two, three, like_two, like_three


@pytest.mark.parametrize("breaks", [(), (7,), (7, 8, 20), (1, 39)])
def test_no_template_reaches_across_a_break(breaks: tuple[int, ...]) -> None:
    rr = colours(1, 40)
    joined = np.ones(40, bool)
    joined[[0, *breaks]] = False
    whole_window = np.array([0]), np.array([40])
    counted = count_alike(rr, joined, *whole_window, 0.5)
    summed = sum_likeness(rr, joined, *whole_window, 0.5)
    two, three, like_two, like_three = alike_by_brute_force(rr, joined, 0.5)
    assert (counted[0][0], counted[1][0]) == (two, three)
    assert two > three > 0
    assert summed[0][0] == pytest.approx(like_two, rel=1e-12)
    assert summed[1][0] == pytest.approx(like_three, rel=1e-12)


def test_likeness_is_the_same_by_ratios_and_by_distances() -> None:
    random = np.random.default_rng(3)
    a, b, c, step = random.normal(0, 20, (4, 200))
    ratios = [np.exp(x) for x in (a, b, c, step)]
    inverse = [1 / x for x in ratios]
    far = _sum_far(a, b, c, step)
    assert _sum_one(ratios[3], inverse[3]) == pytest.approx(far[0], rel=1e-12)
    assert _sum_three(*ratios[:3], *inverse[:3]) == pytest.approx(far[1], rel=1e-12)


def test_an_interval_far_beyond_the_others_does_not_overflow() -> None:
    rr = np.random.default_rng(4).normal(800, 1e-3, 9000)
    rr[4000] = 1800.0  # 95 standard deviations, 474 tolerances
    values = values_of(rr)
    assert 0 <= values.fuzzy_entropy[0] < 0.01
    assert 0 <= values.sample_entropy[0] < 0.01


def test_turns_and_runs_of_a_series_by_hand() -> None:
    rr = np.array([800.0, 810, 820, 830, 820, 830, 820, 820, 825, 900, 890])
    joined = np.ones(11, bool)
    joined[[0, 9]] = False
    # steps: + + + - + - 0 + | - : turns where the sign changes, 0 being one
    steps, stretches, turns, moves, runs, in_long, in_turn = count_turns(
        rr, joined, np.array([0]), np.array([11])
    )[:, 0]
    assert (steps, stretches) == (9, 2)
    assert turns == 5  # +-, -+, +-, -0, 0+
    assert (moves, runs) == (8, 6)  # +++, -, +, -, +, -
    assert in_long == 3
    assert in_turn == 4  # + - + -


def test_baevskys_index_by_hand() -> None:
    rr = np.array([700.0, 749.9, 760, 770, 780, 790, 799.9, 810, 850, 900])
    # 750-800 ms holds 5 of 10: AMo 50 %, Mo .775 s, range .2 s
    assert index_stress(rr, np.array([0]), np.array([10]))[0] == pytest.approx(50 / (2 * 0.775 * 0.2))
    assert np.isnan(index_stress(np.full(10, 800.0), np.array([0]), np.array([10]))[0])


# --- known truth


def test_exponents_of_white_noise_and_of_its_sum() -> None:
    white, brown = [], []
    for seed in range(8):
        noise = np.random.default_rng(seed).normal(0, 1, 4000)
        white.append(values_of(800 + 20 * noise))
        summed = np.cumsum(noise)
        brown.append(values_of(800 + 300 * summed / np.abs(summed).max()))
    assert np.mean([v.dfa_alpha2[0] for v in white]) == pytest.approx(0.5, abs=0.03)
    assert np.mean([v.dfa_alpha2[0] for v in brown]) == pytest.approx(1.5, abs=0.05)
    # A line through n summed white figures leaves a variance of (n² - 4) / 15n: small boxes are steeper.
    box = np.arange(4, 12)
    expected = np.polyfit(np.log2(box), 0.5 * np.log2((box**2 - 4) / (15 * box)), 1)[0]
    assert expected == pytest.approx(0.62, abs=0.01)
    assert np.mean([v.dfa_alpha1[0] for v in white]) == pytest.approx(expected, abs=0.01)
    assert np.mean([v.dfa_alpha1[0] for v in brown]) == pytest.approx(1.5, abs=0.12)


def test_sample_entropy_of_white_noise_is_what_the_normal_law_gives() -> None:
    found = [values_of(np.random.default_rng(s).normal(800, 20, 4000)).sample_entropy[0] for s in range(4)]
    # Two independent normal figures are within .2 SD of each other with chance erf(.2 / 2) = .1125.
    assert np.mean(found) == pytest.approx(-np.log(0.112463), abs=0.03)


def test_a_regular_heart_has_less_entropy_and_fewer_turns_than_a_random_one() -> None:
    rr, _ = swing(0, (0.05, 50.0))
    regular, random = values_of(rr), values_of(np.random.default_rng(0).normal(850, 35, 350))
    assert regular.sample_entropy[0] < 0.5
    assert random.sample_entropy[0] > 1.5
    assert regular.fuzzy_entropy[0] < random.fuzzy_entropy[0]
    assert regular.pip_pct[0] < 20
    assert random.pip_pct[0] > 60  # of random figures two in three are turns


# --- null


def missing(values: NonLinear) -> set[str]:
    return {field.name for field in fields(values) if np.isnan(getattr(values, field.name)[0])}


def test_what_too_few_intervals_make_null() -> None:
    everything = {field.name for field in fields(NonLinear)}
    assert missing(values_of(colours(0, 99))) == everything
    assert missing(values_of(colours(0, 100))) == {"dfa_alpha2"}
    assert missing(values_of(colours(0, 239))) == {"dfa_alpha2"}
    assert missing(values_of(colours(0, 240))) == set()
    # NeuroKit2's boxes: at least two lengths from 12 up to a tenth of the intervals and one.
    assert "dfa_alpha2" in missing(values_of(colours(0, 128), dfa="neurokit2"))
    assert "dfa_alpha2" not in missing(values_of(colours(0, 129), dfa="neurokit2"))


def test_a_heart_that_never_changes_has_no_values_and_no_error() -> None:
    values = values_of(np.full(300, 800.0))
    assert missing(values) >= {"sample_entropy", "fuzzy_entropy", "dfa_alpha1", "csi", "cvi", "ials"}
    assert values.pip_pct[0] == 0


def test_a_gap_that_matters_makes_all_null_and_a_small_one_does_not() -> None:
    rr = colours(2, 400)
    assert missing(values_of(rr, without(400, (100, 108)))) == {field.name for field in fields(NonLinear)}
    assert missing(values_of(rr, without(400, (100, 102)))) == set()


# --- properties


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), factor=st.sampled_from([0.5, 0.75, 1.5, 2.0]))
def test_scaling_leaves_entropies_exponents_and_turns_alone(seed: int, factor: float) -> None:
    rr = colours(seed, 300)
    for dfa in ("peng", "neurokit2"):
        once, scaled = values_of(rr, dfa=dfa), values_of(factor * rr, dfa=dfa)  # type: ignore[arg-type]
        for name in ("dfa_alpha1", "dfa_alpha2", "fuzzy_entropy", "csi", "pip_pct", "ials", "pas_pct"):
            assert getattr(scaled, name)[0] == pytest.approx(getattr(once, name)[0], rel=1e-8)
        assert scaled.sample_entropy[0] == pytest.approx(once.sample_entropy[0], rel=1e-3)
        assert scaled.csi_modified_ms[0] == pytest.approx(factor * once.csi_modified_ms[0], rel=1e-8)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), shift_s=st.integers(-(2**31), 2**31))
def test_a_shift_in_time_changes_nothing(seed: int, shift_s: int) -> None:
    rr, end = swing(seed, *TONES, noise_ms=10.0)
    later = end + shift_s
    here = measure_nonlinear(judged(rr, end), whole(end, 0.0, 300.0))
    there = measure_nonlinear(judged(rr, later), whole(later, shift_s, shift_s + 300.0))
    for field in fields(here):
        assert getattr(here, field.name)[0] == getattr(there, field.name)[0]


def test_a_window_has_the_same_bytes_alone_and_among_others() -> None:
    rr, end = swing(3, *TONES, span_s=1800.0, noise_ms=15.0)
    windows = sliding(end, span_s=300.0, step_s=60.0)
    together = measure_nonlinear(judged(rr, end), windows)
    for w in range(0, len(windows), 5):
        alone = measure_nonlinear(judged(rr, end), whole(end, windows.start_s[w], windows.end_s[w]))
        for name in (
            "sample_entropy",
            "fuzzy_entropy",
            "dfa_alpha1",
            "dfa_alpha2",
            "pip_pct",
            "baevsky_per_s2",
        ):
            expected = getattr(together, name)[w : w + 1]
            assert getattr(alone, name).tobytes() == expected.tobytes(), name
