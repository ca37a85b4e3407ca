"""Respiration rate from the intervals: right where breathing shows in them, null where it does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tachograms import judged, swing, without

from features.hrv.respiration import Respiration, find_breathing, measure_respiration
from features.hrv.spectrum import Density
from features.windows import sliding, whole


def breathe(
    seed: int,
    breaths_per_min: float,
    rsa_ms: float,
    *,
    noise_ms: float = 10.0,
    base_ms: float = 900.0,
    span_s: float = 300.0,
    overtone_ms: float = 0.0,
) -> Respiration:
    """Of one window with breathing at a rate, slow waves of .095 Hz, and noise."""
    hertz = breaths_per_min / 60
    tones = ((0.095, 25.0), (hertz, rsa_ms), (2 * hertz, overtone_ms))
    rr, end = swing(seed, *tones, noise_ms=noise_ms, base_ms=base_ms, span_s=span_s)
    return measure_respiration(judged(rr, end), whole(end, 0.0, span_s))


@pytest.mark.parametrize("span_s", [180.0, 300.0])
@pytest.mark.parametrize("rate", [9.7, 11.0, 13.3, 15.0, 16.24, 18.9, 21.0, 22.8])
def test_a_steady_breath_is_found_to_a_fifth_of_a_breath_a_minute(rate: float, span_s: float) -> None:
    found = [breathe(seed, rate, 20.0, span_s=span_s).rate_per_min[0] for seed in range(8)]
    assert np.abs(np.array(found) - rate).max() < 0.2


def test_breathing_that_changes_is_found_as_it_is_on_the_whole() -> None:
    random = np.random.default_rng(1)
    now_s, phase, rr_ms, end_s, rates = 0.0, 0.0, [], [], []
    hertz = 0.25
    while now_s < 299.0:
        length_s = (900 + 25 * np.sin(phase) + random.normal(0, 8)) / 1000
        hertz = 0.25 + 0.9 * (hertz - 0.25) + random.normal(0, 0.004)
        phase += 2 * np.pi * hertz * length_s
        now_s += length_s
        rr_ms.append(1000 * length_s)
        end_s.append(now_s)
        rates.append(hertz)
    end = np.array(end_s)
    found = measure_respiration(judged(np.array(rr_ms), end), whole(end, 0.0, 300.0))
    assert found.rate_per_min[0] == pytest.approx(60 * np.mean(rates), abs=0.75)


def test_noise_is_no_breathing() -> None:
    found = [breathe(seed, 15.0, 0.0, noise_ms=20.0) for seed in range(150)]
    assert sum(np.isfinite(f.rate_per_min[0]) for f in found) <= 1
    assert np.mean([f.peak_share[0] for f in found]) < 0.3


def test_a_weak_breath_is_null_rather_than_wrong() -> None:
    found = np.array([breathe(seed, 14.0, 8.0, noise_ms=14.0).rate_per_min[0] for seed in range(60)])
    assert 0.2 < np.isnan(found).mean() < 0.95
    assert np.abs(found[np.isfinite(found)] - 14.0).max() < 1.0


def test_the_overtone_of_slow_breathing_is_not_taken_for_breathing() -> None:
    slow = breathe(2, 6.0, 50.0, overtone_ms=15.0, noise_ms=3.0)
    assert slow.peak_share[0] > 0.6  # .2 Hz stands out, and is not it
    assert np.isnan(slow.rate_per_min[0])


def test_the_foot_of_a_hill_of_lf_is_not_taken_for_breathing() -> None:
    hertz = np.arange(62) / 120
    hill = np.exp(-np.square(hertz - 0.135) / (2 * 0.02**2))
    hill[19] *= 1.4  # .158 Hz sticks out a little, .142 Hz still has more
    peak = find_breathing(Density(hertz, np.stack((hill, np.roll(hill, 10)))), np.array([1.2, 1.2]))
    assert np.isnan(peak.rate_per_min[0])
    assert peak.rate_per_min[1] == pytest.approx(60 * (0.135 + 10 / 120), abs=0.2)


@pytest.mark.parametrize("rate", [8.0, 26.0])
def test_breathing_outside_the_band_is_null(rate: float) -> None:
    for seed in range(8):
        assert np.isnan(breathe(seed, rate, 30.0, base_ms=700.0, noise_ms=3.0).rate_per_min[0])


def test_a_heart_slower_than_twice_the_breathing_cannot_show_it() -> None:
    assert breathe(0, 14.0, 25.0, base_ms=1500.0).rate_per_min[0] == pytest.approx(14, abs=0.3)
    for rate in (17.0, 19.0, 22.0):  # .37 Hz at .67 beats a second is seen at .30 Hz, as 18 a minute
        assert np.isnan(breathe(0, rate, 25.0, base_ms=1500.0).rate_per_min[0])


def test_gaps_and_short_windows_are_null() -> None:
    rr, end = swing(4, (0.25, 25.0), base_ms=1000.0, noise_ms=5.0)
    broken = without(len(rr), (100, 110))
    for cleaned, span_s in ((judged(rr, end, broken), 300.0), (judged(rr, end), 110.0)):
        found = measure_respiration(cleaned, whole(end, 0.0, span_s))
        assert np.isnan(found.rate_per_min[0])
        assert np.isnan(found.peak_share[0])
    nothing = measure_respiration(
        judged(rr, end, np.zeros(len(rr), bool)), whole(end, [0.0, 300.0], [300.0, 600.0])
    )
    assert np.isnan(nothing.rate_per_min).all()
    assert measure_respiration(judged(rr, end), whole(end, [], [])).rate_per_min.shape == (0,)


def test_each_window_of_a_recording_has_its_own_rate() -> None:
    first, _ = swing(5, (12 / 60, 25.0), noise_ms=5.0, span_s=600.0)
    second, _ = swing(6, (18 / 60, 25.0), noise_ms=5.0, span_s=600.0)
    rr = np.concatenate((first, second))
    end = np.cumsum(rr) / 1000
    windows = sliding(end, span_s=180.0, step_s=60.0)
    found = measure_respiration(judged(rr, end), windows).rate_per_min
    np.testing.assert_allclose(found[windows.end_s <= 599], 12, atol=0.2)
    later = (windows.start_s >= 601) & (windows.end_s <= end[-1])
    np.testing.assert_allclose(found[later], 18, atol=0.2)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), shift_s=st.integers(-(2**31), 2**31))
def test_a_shift_in_time_changes_nothing(seed: int, shift_s: int) -> None:
    rr, end = swing(seed, (0.25, 25.0), noise_ms=10.0)
    later = end + shift_s
    here = measure_respiration(judged(rr, end), whole(end, 0.0, 300.0))
    there = measure_respiration(judged(rr, later), whole(later, shift_s, shift_s + 300.0))
    assert here.rate_per_min.tobytes() == there.rate_per_min.tobytes()
    assert here.peak_share.tobytes() == there.peak_share.tobytes()
