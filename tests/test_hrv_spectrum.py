"""Band powers: NeuroKit2's where settings agree, the truth where they do not, and null where a gap forbids it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline
from scipy.signal import welch
from tachograms import judged, swing, without

from features.beats import Cleaned
from features.hrv.continuity import couple
from features.hrv.spectrum import (
    NEUROKIT2,
    Density,
    Spectrum,
    estimate_density,
    measure_spectrum,
    sum_bands,
)
from features.hrv.tachogram import draw
from features.wear import Floats
from features.windows import sliding, whole

BANDS = ("vlf", "lf", "hf")
RANDOM_TONES = ((0.02, 15.0), (0.1, 30.0), (0.25, 20.0))
PARITY = 1e-9


def power_of(cleaned: Cleaned, span_s: float = 300.0, **how: Any) -> Spectrum:
    return measure_spectrum(cleaned, whole(cleaned.beats.end_s, 0.0, span_s), **how)


@pytest.fixture(scope="module")
def neurokit() -> Callable[..., dict[str, float]]:
    """NeuroKit2's frequency domain, by the names of its columns without their prefix."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import neurokit2  # noqa: PLC0415

    def measure(rr_ms: Floats, end_s: Floats, method: str, *, normalize: bool = False) -> dict[str, float]:
        rate = 4 if method == "welch" else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = neurokit2.hrv_frequency(
                {"RRI": rr_ms, "RRI_Time": end_s},
                psd_method=method,
                interpolation_rate=rate,
                normalize=normalize,
            )
        return {name.removeprefix("HRV_"): float(table[name].iloc[0]) for name in table.columns}

    return measure


# --- parity


@pytest.mark.parametrize("method", ["welch", "lomb"])
@pytest.mark.parametrize(
    ("span_s", "base_ms"), [(300.0, 850.0), (300.0, 612.0), (180.0, 1040.0), (737.0, 700.0)]
)
def test_powers_are_those_of_neurokit_with_its_settings(
    neurokit: Callable[..., dict[str, float]], method: Any, span_s: float, base_ms: float
) -> None:
    for seed in range(3):
        rr, end = swing(seed, *RANDOM_TONES, span_s=span_s, base_ms=base_ms, noise_ms=12.0)
        ours = power_of(judged(rr, end), span_s, method=method, settings=NEUROKIT2)
        theirs = neurokit(rr, end, method)
        for band in BANDS:
            assert getattr(ours, f"{band}_ms2")[0] == pytest.approx(theirs[band.upper()], rel=PARITY)


def test_the_catalogues_density_is_scipys_welch_of_scipys_cubic_spline() -> None:
    rr, end = swing(1, *RANDOM_TONES, noise_ms=15.0)
    at = np.arange(1200) / 4
    drawn = CubicSpline(end, rr)(np.clip(at, end[0], end[-1]))
    hertz, expected = welch(drawn, fs=4.0, nperseg=480, detrend="constant")
    density = estimate_density(couple(judged(rr, end), whole(end, 0.0, 300.0)))
    assert density.frequency_hz.tolist() == hertz[:62].tolist()
    np.testing.assert_allclose(density.density[0, 1:], expected[1:62], rtol=1e-9)
    power = sum_bands(density)
    for band, bins in (("vlf", slice(1, 5)), ("lf", slice(5, 18)), ("hf", slice(18, 48))):
        assert getattr(power, f"{band}_ms2")[0] == pytest.approx(expected[bins].sum() / 120, rel=1e-9)


# --- known truth, and who is right


@pytest.mark.parametrize("method", ["welch", "lomb"])
@pytest.mark.parametrize("base_ms", [700.0, 850.0, 1000.0])
def test_two_tones_have_the_power_that_was_put_in(method: Any, base_ms: float) -> None:
    found = []
    for seed in range(12):
        rr, end = swing(seed, (0.1, 30.0), (0.25, 20.0), base_ms=base_ms)
        power = power_of(judged(rr, end), method=method)
        found.append([power.vlf_ms2[0], power.lf_ms2[0], power.hf_ms2[0], power.total_ms2[0], power.lf_nu[0]])
    vlf, lf, hf, total, lf_nu = np.mean(found, axis=0)
    assert lf == pytest.approx(450, rel=0.03)
    assert hf == pytest.approx(200, rel=0.05)
    assert total == pytest.approx(650, rel=0.03)
    assert vlf < 0.02 * total
    assert lf_nu == pytest.approx(100 * 450 / 650, abs=2)
    assert np.max(np.abs(np.array(found)[:, 1] / 450 - 1)) < 0.12


@pytest.mark.parametrize(
    ("hertz", "band"), [(0.02, "vlf"), (0.06, "lf"), (0.13, "lf"), (0.17, "hf"), (0.38, "hf")]
)
@pytest.mark.parametrize("method", ["welch", "lomb"])
def test_a_tone_is_found_in_its_own_band(hertz: float, band: str, method: Any) -> None:
    rr, end = swing(3, (hertz, 30.0), base_ms=800.0)
    power = power_of(judged(rr, end), method=method)
    assert getattr(power, f"{band}_ms2")[0] > 0.9 * power.total_ms2[0]


def test_normalised_powers_of_neurokit_are_no_powers(neurokit: Callable[..., dict[str, float]]) -> None:
    rr, end = swing(0, (0.1, 30.0), (0.25, 20.0))
    assert neurokit(rr, end, "welch", normalize=True)["LF"] < 1.0  # of a true 450 ms²
    assert power_of(judged(rr, end)).lf_ms2[0] == pytest.approx(450, rel=0.1)


def test_lomb_is_a_power_in_ms2_where_neurokits_grows_with_the_heart_rate(
    neurokit: Callable[..., dict[str, float]],
) -> None:
    ours, theirs = [], []
    for base_ms in (500.0, 1000.0):
        rr, end = swing(2, (0.1, 30.0), base_ms=base_ms)
        ours.append(power_of(judged(rr, end), method="lomb").lf_ms2[0])
        theirs.append(neurokit(rr, end, "lomb")["LF"])
    assert ours == pytest.approx([450, 450], rel=0.05)  # 30²/2, whatever the rate
    assert theirs[0] / theirs[1] == pytest.approx(2, rel=0.1)  # twice as many beats, twice the "power"
    assert theirs[1] == pytest.approx(450 / 2, rel=0.1)  # half of a beat a second


def test_lombs_lowest_frequency_is_a_turn_in_the_window_and_not_seconds_taken_for_hertz(
    neurokit: Callable[..., dict[str, float]],
) -> None:
    rr, end = swing(5, (0.008, 30.0), base_ms=1400.0)
    floor_of_neurokit = 4 * np.median(np.diff(end)) / len(end)
    assert floor_of_neurokit > 0.02  # "Hz": above a tone of which the window holds two full turns
    scale = 2 * (end[-1] - end[0]) / len(end)
    assert neurokit(rr, end, "lomb")["VLF"] * scale < 60
    assert power_of(judged(rr, end), method="lomb").vlf_ms2[0] == pytest.approx(450, rel=0.1)


def test_normalised_units_leave_vlf_out_as_the_task_force_does(
    neurokit: Callable[..., dict[str, float]],
) -> None:
    rr, end = swing(4, (0.025, 60.0), (0.1, 30.0), (0.25, 20.0))
    power = power_of(judged(rr, end))
    assert power.lf_nu[0] == pytest.approx(100 * 450 / 650, abs=4)
    assert power.lf_nu[0] + power.hf_nu[0] == pytest.approx(100)
    assert 100 * neurokit(rr, end, "welch")["LFn"] < 30  # 450 of 2450, VLF and all


def test_the_total_ends_at_the_hf_band_as_the_task_forces_does(
    neurokit: Callable[..., dict[str, float]],
) -> None:
    rr, end = swing(6, (0.1, 30.0), (0.46, 30.0), base_ms=750.0)
    theirs = neurokit(rr, end, "welch")
    ours = power_of(judged(rr, end), settings=NEUROKIT2)
    assert ours.total_ms2[0] == pytest.approx(theirs["TP"] - theirs["VHF"], rel=PARITY)
    assert theirs["TP"] > 1.5 * ours.total_ms2[0]
    assert power_of(judged(rr, end)).total_ms2[0] == pytest.approx(450, rel=0.1)


def test_bins_that_are_counted_whole_add_up_where_trapezoids_lose_the_borders() -> None:
    hertz = np.arange(50) / 120
    flat = sum_bands(Density(hertz, np.ones((1, 50))))
    assert flat.hf_ms2[0] == pytest.approx(0.25)  # .15 to .40 Hz of 1 ms²/Hz
    assert flat.total_ms2[0] == pytest.approx(47 / 120)  # every bin from 1/120 to 47/120 Hz, once
    inside = (hertz >= 0.15) & (hertz < 0.40)
    assert np.trapezoid(np.ones(inside.sum()), hertz[inside]) == pytest.approx(0.25 - 1 / 120)


# --- null


def test_a_gap_that_neurokit_fills_with_power_makes_the_spectrum_null(
    neurokit: Callable[..., dict[str, float]],
) -> None:
    rr, end = swing(7, (0.1, 30.0), (0.25, 20.0))
    kept = without(len(rr), (120, 190))
    assert neurokit(rr[kept], end[kept], "welch")["VLF"] > 10 * neurokit(rr, end, "welch")["VLF"]
    for how in ({}, {"settings": NEUROKIT2}, {"method": "lomb"}):
        assert all_missing(power_of(judged(rr, end, kept), **how))


def all_missing(power: Spectrum) -> bool:
    return all(np.isnan(getattr(power, field.name)).all() for field in fields(power))


@pytest.mark.parametrize("method", ["welch", "lomb"])
def test_a_window_must_be_told_nearly_whole_and_last_two_minutes(method: Any) -> None:
    rr, end = swing(8, (0.1, 30.0), base_ms=1000.0)
    assert not all_missing(power_of(judged(rr, end, without(len(rr), (50, 54))), method=method))
    assert all_missing(power_of(judged(rr, end, without(len(rr), (50, 56))), method=method))  # 6 s
    scattered = without(len(rr), *((at, at + 1) for at in range(20, 280, 13)))  # 20 s, a beat at a time
    assert all_missing(power_of(judged(rr, end, scattered), method=method))
    assert all_missing(power_of(judged(rr, end), span_s=310.0, method=method))  # nothing in the last 10 s
    assert not all_missing(power_of(judged(rr, end), span_s=120.0, method=method))
    assert all_missing(power_of(judged(rr, end), span_s=119.0, method=method))


def test_windows_without_beats_and_no_windows_at_all_are_no_error() -> None:
    rr, end = swing(8, (0.1, 30.0))
    for how in ({}, {"settings": NEUROKIT2}, {"method": "lomb"}):
        windows = whole(end, [-900.0, 1000.0], [-600.0, 1300.0])
        assert all_missing(measure_spectrum(judged(rr, end), windows, **how))
        nothing = measure_spectrum(judged(rr, end), whole(end, [], []), **how)
        assert nothing.lf_ms2.shape == (0,)
        empty = np.empty(0)
        assert all_missing(measure_spectrum(judged_of_none(), whole(empty, 0.0, 300.0), **how))


def judged_of_none() -> Cleaned:
    one = judged(np.array([800.0]), np.array([0.8]), np.zeros(1, bool))
    return Cleaned(one.beats, one.reason, one.successive)


def test_two_beats_at_one_time_make_the_spectrum_null() -> None:
    rr, end = swing(9, (0.1, 30.0))
    end[100] = end[99]
    assert all_missing(power_of(judged(rr, end)))


# --- how the series is drawn


def test_one_missing_beat_is_splined_over_and_more_are_bridged_by_a_line() -> None:
    rr, end = swing(10, (0.25, 40.0), base_ms=1000.0)
    one, four = without(len(rr), (100, 101)), without(len(rr), (100, 104))
    for kept, straight in ((one, False), (four, True)):
        x, y = end[kept], rr[kept]
        series = draw(
            x, y, np.array([0]), np.array([len(x)]), np.zeros(1), length=1200, rate_hz=4.0, cubic=True
        )[0]
        inside = (np.arange(1200) / 4 > x[99]) & (np.arange(1200) / 4 < x[100])
        line = np.interp(np.arange(1200)[inside] / 4, x, y)
        assert np.allclose(series[inside], line) is straight
    runs = [CubicSpline(x[part], y[part]) for part in (slice(0, 100), slice(100, None))]
    at = np.arange(1200) / 4
    before, after = (at > x[0]) & (at < x[99]), (at > x[100]) & (at < x[-1])
    np.testing.assert_allclose(series[before], runs[0](at[before]), rtol=1e-12)
    np.testing.assert_allclose(series[after], runs[1](at[after]), rtol=1e-12)


# --- properties


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    base_ms=st.sampled_from([700.0, 850.0, 1000.0]),
    gaps=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 12)), min_size=1, max_size=4),
)
def test_a_gap_never_adds_power(seed: int, base_ms: float, gaps: list[tuple[int, int]]) -> None:
    rr, end = swing(seed, (0.1, 30.0), (0.25, 20.0), base_ms=base_ms, noise_ms=8.0)
    kept = without(len(rr), *((at, at + length) for at, length in gaps))
    for method in ("welch", "lomb"):
        full = power_of(judged(rr, end), method=method)  # type: ignore[arg-type]
        less = power_of(judged(rr, end, kept), method=method)  # type: ignore[arg-type]
        assert np.isnan(less.total_ms2[0]) or less.total_ms2[0] <= 1.06 * full.total_ms2[0]


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), shift_s=st.integers(-(2**31), 2**31))
def test_a_shift_in_time_changes_nothing(seed: int, shift_s: int) -> None:
    rr, end = swing(seed, *RANDOM_TONES, noise_ms=10.0)
    for how in ({}, {"settings": NEUROKIT2}, {"method": "lomb"}):
        here = measure_spectrum(judged(rr, end), whole(end, 0.0, 300.0), **how)
        later = end + shift_s
        there = measure_spectrum(judged(rr, later), whole(later, shift_s, shift_s + 300.0), **how)
        assert here == there or all(
            getattr(here, f.name)[0] == getattr(there, f.name)[0] for f in fields(here)
        )


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), factor=st.floats(0.25, 2.0))
def test_swings_that_are_k_times_as_wide_have_k_squared_times_the_power(seed: int, factor: float) -> None:
    rr, end = swing(seed, *RANDOM_TONES, noise_ms=10.0)
    wider = rr.mean() + factor * (rr - rr.mean())
    for how in ({}, {"settings": NEUROKIT2}, {"method": "lomb"}):
        once, scaled = power_of(judged(rr, end), **how), power_of(judged(wider, end), **how)
        for band in (*BANDS, "total"):
            expected = factor**2 * getattr(once, f"{band}_ms2")[0]
            assert getattr(scaled, f"{band}_ms2")[0] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("how", [{}, {"settings": NEUROKIT2}, {"method": "lomb"}])
def test_a_window_has_the_same_bytes_alone_and_among_others(how: dict[str, Any]) -> None:
    rr, end = swing(11, *RANDOM_TONES, span_s=2400.0, noise_ms=20.0)
    windows = sliding(end, span_s=180.0, step_s=10.0)
    assert len(windows) > 200
    together = measure_spectrum(judged(rr, end), windows, **how)
    for w in range(0, len(windows), 17):
        alone = measure_spectrum(judged(rr, end), whole(end, windows.start_s[w], windows.end_s[w]), **how)
        assert alone.total_ms2.tobytes() == together.total_ms2[w : w + 1].tobytes()
