"""Time domain, Poincaré, quality and the table of windows: parity, known truth, and what is withheld."""

from __future__ import annotations

import warnings
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from features.beats import Beats, Cleaned, clean
from features.hrv.engine import COUNTS, STURDY, measure_windows
from features.hrv.order import BIN_MS, describe_windows
from features.hrv.poincare import measure_poincare
from features.hrv.quality import (
    FAIR,
    GOOD,
    NO_BEATS,
    NO_QUALITY,
    ONLY_FAIR,
    TOO_FEW_PAIRS,
    TOO_LITTLE,
    TOO_SHORT,
    TOO_UNSURE,
    judge_windows,
)
from features.hrv.time_domain import measure_time
from features.windows import Windows, aligned, sliding, spot, whole

Floats = npt.NDArray[np.float64]


def train(rr_ms: npt.ArrayLike, *, tick_ms: float = 1.0) -> Beats:
    rr = np.asarray(rr_ms, np.float64)
    return Beats(np.cumsum(rr) / 1000, rr, np.zeros(len(rr), bool), tick_ms)


def without(beats: Beats, lost: npt.NDArray[np.bool_]) -> Beats:
    """The train as a recorder gives it that lost some intervals."""
    gap = np.concatenate(([False], lost[:-1]))[~lost]
    return Beats(beats.end_s[~lost], beats.rr_ms[~lost], gap, beats.tick_ms)


def correlated(n: int, sd_ms: float, phi: float, seed: int) -> Floats:
    """Intervals with SDNN `sd_ms` and RMSSD √2·`sd_ms`·√(1 − φ)."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, sd_ms * np.sqrt(1 - phi**2), n)
    rr = np.empty(n)
    rr[0] = random.normal(0, sd_ms)
    for i in range(1, n):
        rr[i] = phi * rr[i - 1] + noise[i]
    return 900 + rr


def everything(cleaned: Cleaned, windows: Windows) -> dict[str, Floats]:
    parts = (measure_time(cleaned, windows), measure_poincare(cleaned, windows))
    return {field.name: getattr(part, field.name) for part in parts for field in fields(part)}


def one(rr_ms: npt.ArrayLike, **options: Any) -> dict[str, float]:
    """All values of one window over a train, nothing rejected but by the range."""
    beats = train(rr_ms, **options)
    window = whole(beats.end_s, 0.0, beats.end_s[-1] + 1)
    return {name: float(value[0]) for name, value in everything(clean(beats, rule="none"), window).items()}


# --- by hand


def test_five_intervals_by_hand() -> None:
    found = one([800, 830, 770, 800, 900])
    assert (found["n_beats"], found["n_pairs"]) == (5, 4)
    assert found["mean_rr_ms"] == pytest.approx(820)
    assert found["mean_hr_bpm"] == pytest.approx(60000 / 820)
    assert found["sdnn_ms"] == pytest.approx(np.sqrt((400 + 100 + 2500 + 400 + 6400) / 4))
    assert found["rmssd_ms"] == pytest.approx(np.sqrt((900 + 3600 + 900 + 10000) / 4))
    assert found["sdsd_ms"] == pytest.approx(np.sqrt((25 + 7225 + 25 + 5625) / 3))
    assert (found["pnn20_pct"], found["pnn50_pct"]) == (100.0, 50.0)
    assert (found["median_rr_ms"], found["iqr_rr_ms"]) == (800.0, 30.0)
    assert found["mad_rr_ms"] == pytest.approx(1.4826 * 30)
    assert found["cvnn"] == pytest.approx(found["sdnn_ms"] / 820)
    assert found["cvsd"] == pytest.approx(found["rmssd_ms"] / 820)


def test_poincare_by_hand() -> None:
    found = one([800, 840, 860, 900])
    # differences 40, 20, 40: their deviation is √(400/3); sums 1640, 1700, 1760: 60.
    assert found["sd1_ms"] == pytest.approx(np.sqrt(400 / 3 / 2))
    assert found["sd2_ms"] == pytest.approx(60 / np.sqrt(2))
    assert found["sd1_sd2"] == pytest.approx(found["sd1_ms"] / found["sd2_ms"])
    assert found["ellipse_ms2"] == pytest.approx(np.pi * found["sd1_ms"] * found["sd2_ms"])


def test_a_pair_across_the_edge_of_a_window_belongs_to_neither() -> None:
    beats = train(np.full(20, 1000.0) + np.arange(20))
    found = measure_time(clean(beats), whole(beats.end_s, [0.0, 10.0], [10.0, 30.0]))
    assert found.n_beats.tolist() == [9, 11]
    assert found.n_pairs.tolist() == [8, 10]


def test_too_few_beats_for_a_value_are_nan() -> None:
    none, single, pair = one([2500.0]), one([800.0]), one([800.0, 810.0])
    assert none["n_beats"] == 0
    assert np.isnan([none["mean_rr_ms"], none["median_rr_ms"], single["rmssd_ms"], single["sdnn_ms"]]).all()
    assert np.isnan([single["pnn50_pct"], pair["sdsd_ms"], pair["sd1_ms"]]).all()
    assert (single["mean_rr_ms"], pair["rmssd_ms"]) == (800.0, 10.0)


def test_beats_all_alike_have_no_spread_whatever_the_rest_of_the_day() -> None:
    alike = (733.37, 810.3, 951.1, 1003.77, 655.1)
    beats = train([*np.repeat(alike, 400), *correlated(400, 60, 0.3, 11)])
    cleaned = clean(beats, rule="none")
    for k in range(len(alike)):
        inside = beats.end_s[400 * k + 5], beats.end_s[400 * k + 395]
        found = everything(cleaned, whole(beats.end_s, *inside))
        names = ("sdnn_ms", "rmssd_ms", "sdsd_ms", "sd1_ms", "sd2_ms", "mad_rr_ms", "iqr_rr_ms")
        assert [found[name][0] for name in names] == [0.0] * len(names)
        assert np.isnan(found["sd1_sd2"][0])


def test_the_tick_is_corrected_only_where_it_is_known() -> None:
    rr = [800, 830, 770, 800, 900] * 10
    coarse, unknown = one(rr, tick_ms=15.625), one(rr, tick_ms=np.nan)
    assert coarse["rmssd_corrected_ms"] == pytest.approx(np.sqrt(coarse["rmssd_ms"] ** 2 - 15.625**2 / 2))
    assert np.isnan(unknown["rmssd_corrected_ms"])
    assert unknown["rmssd_ms"] == coarse["rmssd_ms"]


# --- NeuroKit2


@pytest.fixture(scope="module")
def nk() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import neurokit2  # noqa: PLC0415
    return neurokit2


@pytest.fixture(scope="module")
def poincare_there(nk: Any) -> Any:
    from neurokit2.hrv.hrv_nonlinear import _hrv_nonlinear_poincare  # noqa: PLC0415

    return _hrv_nonlinear_poincare


SAME_TIME = {
    "MeanNN": "mean_rr_ms", "SDNN": "sdnn_ms", "RMSSD": "rmssd_ms", "SDSD": "sdsd_ms", "CVNN": "cvnn",
    "CVSD": "cvsd", "MedianNN": "median_rr_ms", "MadNN": "mad_rr_ms", "IQRNN": "iqr_rr_ms", "HTI": "hti",
}  # fmt: skip
SAME_POINCARE = {"SD1": "sd1_ms", "SD2": "sd2_ms", "SD1SD2": "sd1_sd2", "S": "ellipse_ms2"}


def test_every_value_that_both_have_is_that_of_neurokit(nk: Any, poincare_there: Any) -> None:
    for rr in (correlated(6000, 45, 0.7, 1), np.round(correlated(6000, 45, 0.7, 2) / 125) * 125):
        beats = train(rr)
        cleaned = clean(beats, rule="none")
        for windows in (aligned(beats.end_s), sliding(beats.end_s, span_s=180, step_s=60)):
            ours = everything(cleaned, windows)
            pnn = measure_time(cleaned, windows, pnn_over="pairs + 1")
            for w in range(1, len(windows) - 1, 5):
                of = slice(windows.first[w], windows.stop[w])
                theirs = nk.hrv_time({"RRI": rr[of], "RRI_Time": beats.end_s[of]}).iloc[0]
                for name, mine in SAME_TIME.items():
                    assert ours[mine][w] == pytest.approx(theirs[f"HRV_{name}"], rel=1e-9), name
                assert pnn.pnn50_pct[w] == pytest.approx(theirs["HRV_pNN50"], rel=1e-9)
                assert pnn.pnn20_pct[w] == pytest.approx(theirs["HRV_pNN20"], rel=1e-9)
                cloud = poincare_there(rr[of], out={})
                for name, mine in SAME_POINCARE.items():
                    assert ours[mine][w] == pytest.approx(cloud[name], rel=1e-9), name


def test_gaps_are_treated_as_neurokit_treats_them_when_it_is_told_the_times(nk: Any) -> None:
    rr = correlated(500, 45, 0.5, 3)
    lost = np.zeros(500, bool)
    lost[[*range(50, 90), *range(200, 203), 400]] = True
    beats = without(train(rr), lost)
    ours = everything(clean(beats, rule="none"), whole(beats.end_s, 0.0, 1000.0))
    theirs = nk.hrv_time({"RRI": beats.rr_ms, "RRI_Time": beats.end_s}).iloc[0]
    for name in ("SDNN", "RMSSD", "SDSD"):
        assert ours[SAME_TIME[name]][0] == pytest.approx(theirs[f"HRV_{name}"], rel=1e-9), name


def test_pnn50_of_nothing_but_large_steps_is_100_here_and_less_there(nk: Any) -> None:
    rr = np.tile([800.0, 900.0], 20)
    theirs = nk.hrv_time({"RRI": rr, "RRI_Time": np.cumsum(rr) / 1000}).iloc[0]
    assert one(rr)["pnn50_pct"] == 100.0
    assert theirs["HRV_pNN50"] == pytest.approx(100 * 39 / 40)


def test_tinn_finds_the_triangle_that_stray_beats_hide_from_neurokit(nk: Any) -> None:
    bars = {84 + k: 3 * k for k in range(1, 16)} | {99 + k: 45 - 3 * k for k in range(1, 15)}
    rr = np.concatenate([np.full(count, (k + 0.5) * BIN_MS) for k, count in bars.items()])
    rr = np.random.default_rng(4).permutation(np.append(rr, [560.0, 561.0, 1000.0]))
    base_ms = (114 - 84) * BIN_MS
    theirs = nk.hrv_time({"RRI": rr, "RRI_Time": np.cumsum(rr) / 1000}).iloc[0]["HRV_TINN"]
    assert one(rr)["tinn_ms"] == pytest.approx(base_ms)
    assert theirs > 1.3 * base_ms


# --- order statistics against NumPy


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(300, 2000), min_size=1, max_size=120), st.integers(1, 40), st.integers(1, 60))
def test_sorted_values_are_those_of_numpy_in_windows_that_overlap(
    rr: list[int], step: int, size: int
) -> None:
    value = np.asarray(rr, np.float64)
    first = np.arange(0, len(rr), step)
    stop = np.minimum(first + size, len(rr))
    found = describe_windows(value, first, stop)
    for w in range(len(first)):
        inside = value[first[w] : stop[w]]
        median = np.median(inside)
        assert found[0, w] == median
        assert found[1, w] == pytest.approx(1.4826 * np.median(np.abs(inside - median)))
        assert found[2, w] == pytest.approx(np.subtract(*np.percentile(inside, [75, 25])))
        bars = np.histogram(inside, np.arange(0, inside.max() + BIN_MS, BIN_MS))[0]
        assert found[3, w] == pytest.approx(len(inside) / bars.max())
        assert any(found[4, w] == pytest.approx(width * BIN_MS) for width in naive_tinn(bars))


def naive_tinn(bars: npt.NDArray[np.int64]) -> set[int]:
    """All pairs of feet tried, differences over all bars; every width that no other triangle beats."""
    held = np.flatnonzero(bars)
    low, top, high = held[0], int(np.argmax(bars)), held[-1]
    place = np.arange(len(bars) + 1)
    bars = np.append(bars, 0)
    tried = {}
    for right in range(top + 1, high + 2):
        for left in range(top - 1, low - 2, -1):
            triangle = np.interp(place, [left, top, right], [0, bars[top], 0])
            tried[right - top, top - left] = float(np.sum((bars - triangle) ** 2))
    least = min(tried.values())
    return {sum(feet) for feet, error in tried.items() if error <= least + 1e-6}


# --- known truth


def test_sdnn_and_rmssd_of_a_known_process() -> None:
    found = one(correlated(200_000, 40, 0.8, 5))
    assert found["sdnn_ms"] == pytest.approx(40, rel=0.01)
    assert found["rmssd_ms"] == pytest.approx(40 * np.sqrt(2 * 0.2), rel=0.01)
    assert found["sd1_ms"] == pytest.approx(found["rmssd_ms"] / np.sqrt(2), rel=1e-4)
    assert found["sd2_ms"] ** 2 == pytest.approx(2 * 40**2 - found["sd1_ms"] ** 2, rel=0.02)


def test_rmssd_stands_the_loss_of_40_per_cent_in_bursts_and_bridging_would_not() -> None:
    beats = train(correlated(94_000, 40, 0.9, 6))
    random = np.random.default_rng(7)
    lost = np.zeros(94_000, bool)
    while lost.mean() < 0.4:
        start = random.integers(0, 94_000)
        lost[start : start + random.integers(2, 40)] = True
    kept = without(beats, lost)
    truth = 40 * np.sqrt(2 * 0.1)
    for seen in (kept, Beats(kept.end_s, kept.rr_ms, np.zeros(len(kept), bool), 1.0)):
        found = measure_time(clean(seen), whole(seen.end_s, 0.0, 90_000.0))
        assert found.rmssd_ms[0] == pytest.approx(truth, rel=0.01)
        assert found.sdnn_ms[0] == pytest.approx(40, rel=0.02)
    assert np.sqrt(np.mean(np.diff(kept.rr_ms) ** 2)) > 1.03 * truth


def test_running_totals_lose_nothing_over_ten_days_of_beats() -> None:
    rr = correlated(1_000_000, 3, 0.0, 8) + np.linspace(-500, 900, 1_000_000)
    beats = train(rr)
    cleaned = clean(beats, rule="none")
    found = measure_time(cleaned, whole(beats.end_s, beats.end_s[-300] - 0.1, beats.end_s[-1] + 1))
    assert found.sdnn_ms[0] == pytest.approx(np.std(rr[-300:], ddof=1), rel=1e-9)
    assert found.rmssd_ms[0] == pytest.approx(np.sqrt(np.mean(np.diff(rr[-300:]) ** 2)), rel=1e-9)


@pytest.mark.shared
def test_the_sample_of_pyhrv_reads_as_published() -> None:
    folder = ROOT.parent / "shared" / "data" / "pyhrv_sample" / "pyhrv" / "files"
    found = one(np.load(folder / "SampleNNISeriesLong.npy"))
    assert found["sdnn_ms"] == pytest.approx(85.357, abs=0.001)
    assert found["rmssd_ms"] == pytest.approx(60.523, abs=0.001)
    assert found["mean_rr_ms"] == pytest.approx(768.438, abs=0.001)


# --- properties

RR = st.lists(st.integers(600, 1100), min_size=3, max_size=120).map(lambda x: np.asarray(x, np.float64))
SCALED = (
    "mean_rr_ms",
    "sdnn_ms",
    "rmssd_ms",
    "sdsd_ms",
    "median_rr_ms",
    "mad_rr_ms",
    "iqr_rr_ms",
    "sd1_ms",
    "sd2_ms",
)


@settings(deadline=None, max_examples=40)
@given(RR, st.integers(-(10**6), 2 * 10**9))
def test_a_shift_in_time_changes_nothing(rr: Floats, shift: int) -> None:
    beats = train(rr)
    later = Beats(beats.end_s + shift, rr, beats.gap_before, 1.0)
    here = everything(clean(beats), whole(beats.end_s, 0.0, 200.0))
    there = everything(clean(later), whole(later.end_s, shift, shift + 200.0))
    for name, value in here.items():
        np.testing.assert_array_equal(value, there[name], name)


@settings(deadline=None, max_examples=40)
@given(RR, st.floats(0.8, 1.5))
def test_intervals_twice_as_long_vary_twice_as_much(rr: Floats, scale: float) -> None:
    plain, scaled = one(rr), one(scale * rr)
    for name in SCALED:
        assert scaled[name] == pytest.approx(scale * plain[name], rel=1e-9, abs=1e-5), name
    assert scaled["cvnn"] == pytest.approx(plain["cvnn"], rel=1e-9, abs=1e-8)


@settings(deadline=None, max_examples=40)
@given(RR, st.randoms(use_true_random=False))
def test_order_matters_to_rmssd_and_not_to_sdnn(rr: Floats, random: Any) -> None:
    mixed = rr.copy()
    random.shuffle(mixed)
    plain, other = one(np.sort(rr)), one(mixed)
    for name in ("sdnn_ms", "mean_rr_ms", "mad_rr_ms", "hti", "tinn_ms"):
        assert other[name] == pytest.approx(plain[name], rel=1e-9, abs=1e-5), name
    # Sorted, neighbours are as alike as can be.
    assert plain["rmssd_ms"] <= other["rmssd_ms"] + 1e-9


def test_the_same_intervals_in_another_order_have_another_rmssd() -> None:
    rising, zigzag = np.array([600.0, 700, 800, 900]), np.array([600.0, 800, 700, 900])
    assert one(rising)["rmssd_ms"] == pytest.approx(100)
    assert one(zigzag)["rmssd_ms"] == pytest.approx(np.sqrt((200**2 + 100**2 + 200**2) / 3))
    assert one(rising)["sdnn_ms"] == pytest.approx(one(zigzag)["sdnn_ms"])


# --- quality and the table


def day(n: int = 360, rr_ms: float = 830.0) -> Beats:
    return train(rr_ms + 30 * np.sin(np.arange(n) / 2))


def first_window(beats: Beats, span_s: float = 300.0) -> Windows:
    return whole(beats.end_s, 0.0, span_s)


def lose(beats: Beats, share: float) -> Beats:
    """A train without the first part of its five minutes."""
    return without(beats, beats.end_s < 300 * share)


def spread_out_errors(beats: Beats, every: int) -> Beats:
    rr = beats.rr_ms.copy()
    rr[5::every] = 2500.0
    return Beats(beats.end_s, rr, beats.gap_before, beats.tick_ms)


@pytest.mark.parametrize(
    ("beats", "quality", "reason", "rest_reason"),
    [
        (day(), GOOD, 0, 0),
        (lose(day(), 0.19), GOOD, 0, 0),
        (lose(day(), 0.22), FAIR, 0, ONLY_FAIR),
        (lose(day(), 0.48), FAIR, 0, ONLY_FAIR),
        (lose(day(), 0.52), NO_QUALITY, TOO_LITTLE, TOO_LITTLE),
        (spread_out_errors(day(), 21), GOOD, 0, 0),
        (spread_out_errors(day(), 18), FAIR, 0, ONLY_FAIR),
        (spread_out_errors(day(), 6), FAIR, 0, ONLY_FAIR),
        (spread_out_errors(day(), 4), NO_QUALITY, TOO_UNSURE, TOO_UNSURE),
        (Beats(np.array([301.0]), np.array([800.0]), np.zeros(1, bool)), NO_QUALITY, NO_BEATS, NO_BEATS),
    ],
)
def test_what_a_window_may_be_used_for(beats: Beats, quality: int, reason: int, rest_reason: int) -> None:
    found = judge_windows(clean(beats), first_window(beats))
    assert (found.quality[0], found.reason[0], found.rest_reason[0]) == (quality, reason, rest_reason)


def test_beats_enough_but_never_two_in_a_row_are_too_few_pairs() -> None:
    beats = day(200, 1600.0)
    gaps = Beats(beats.end_s, beats.rr_ms, np.arange(200) % 2 == 0, 1.0)
    found = judge_windows(clean(gaps), first_window(gaps))
    assert found.coverage[0] > 0.99
    assert (found.quality[0], found.reason[0]) == (FAIR, 0)
    alone = Beats(beats.end_s, beats.rr_ms, np.ones(200, bool), 1.0)
    assert judge_windows(clean(alone), first_window(alone)).reason[0] == TOO_FEW_PAIRS


def test_coverage_and_artefact_share_by_hand() -> None:
    rr = np.full(300, 1000.0)
    rr[::10] = 2500.0
    beats = Beats(np.arange(300) + 0.5, rr, np.zeros(300, bool), 1.0)
    found = judge_windows(clean(beats), first_window(beats))
    assert found.coverage[0] == pytest.approx(0.9)
    assert found.artefact[0] == pytest.approx(0.1)
    assert np.isnan(judge_windows(clean(beats), whole(beats.end_s, 400.0, 700.0)).artefact[0])


def test_a_minute_gives_rmssd_and_heart_rate_and_nothing_else() -> None:
    beats = day()
    table = measure_windows(beats, spot(beats.end_s, [10.0, 290.0]))
    assert table.quality.quality.tolist() == [GOOD, NO_QUALITY]
    for name, value in table.values.items():
        assert np.isnan(value[0]) == (name not in STURDY + COUNTS), name
    assert set(table.reason("sdnn_ms").tolist()) == {TOO_SHORT, TOO_LITTLE}
    few = without(beats, beats.end_s > 36)
    assert measure_windows(few, spot(few.end_s, 10.0)).reason("rmssd_ms").tolist() == [TOO_LITTLE]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.0, 0.9))
def test_every_missing_value_has_a_reason_and_every_value_has_none(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    beats = train(correlated(1100, 40, 0.6, seed))
    beats = without(beats, np.repeat(random.random(110) < share, 10))
    table = measure_windows(beats, aligned(beats.end_s))
    for name, value in table.values.items():
        reason = table.reason(name)
        assert ((reason > 0) == np.isnan(value)).all()
        assert [word is None for word in table.explain(name)] == (~np.isnan(value)).tolist()
    poor = table.quality.quality == NO_QUALITY
    assert np.isnan(table.values["rmssd_ms"][poor]).all()
    assert not np.isnan(table.values["rmssd_ms"][~poor]).any()
    fair = table.quality.quality == FAIR
    assert np.isnan(table.values["sdnn_ms"][fair]).all()


def test_the_table_holds_what_the_functions_say_and_no_two_values_share_a_name() -> None:
    beats = train(correlated(2000, 40, 0.6, 9))
    windows = aligned(beats.end_s)
    table = measure_windows(beats, windows)
    parts = everything(clean(beats), windows)
    good = table.quality.quality == GOOD
    assert good.sum() >= 5
    assert parts.keys() < table.values.keys()
    for name, value in parts.items():
        np.testing.assert_array_equal(value[good], table.values[name][good], name)
    for name in ("hf_ms2", "sample_entropy", "dfa_alpha1"):
        assert not np.isnan(table.values[name][good]).any(), name
    assert (table.uneven_share[good] < 0.15).all()


def test_no_beats_give_an_empty_table_and_an_empty_night_its_reason() -> None:
    nothing = Beats(np.empty(0), np.empty(0), np.empty(0, bool))
    assert len(measure_windows(nothing, aligned(nothing.end_s)).values["rmssd_ms"]) == 0
    night = measure_windows(nothing, whole(nothing.end_s, 0.0, 28_800.0))
    assert night.explain("rmssd_ms") == ["no beats"]
    assert night.values["n_beats"].tolist() == [0.0]
