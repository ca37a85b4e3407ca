"""Heart rate of the night."""

from __future__ import annotations

import numpy as np
import pytest

from features import night


def test_resting_heart_rate_is_the_tenth_percentile_of_five_minute_means_asleep() -> None:
    minute = np.arange(1000, 1000 + 5 * 31)
    hr = np.repeat(np.arange(31.0) + 50, 5)
    asleep = np.ones(len(minute), bool)
    found = night.measure_rhr(minute, hr, asleep, coverage=1.0, quality="good")
    assert (found.value, found.n_obs) == (53.0, 31)
    # The lowest five bins are awake: 26 bins from 55 up are left.
    asleep[:25] = False
    assert night.measure_rhr(minute, hr, asleep, coverage=1.0, quality="good").value == 57.5


def test_bins_stand_on_utc_and_need_three_minutes() -> None:
    # From minute 1003 on: two minutes of the first bin do not make one.
    minute = np.arange(1003, 1003 + 2 + 5 * 24)
    hr = np.where(minute < 1005, 0.0, 60.0)
    found = night.measure_rhr(minute, hr, np.ones(len(hr), bool), coverage=1.0, quality="good")
    assert (found.value, found.n_obs) == (60.0, 24)


def test_twenty_three_bins_are_too_few() -> None:
    minute = np.arange(1000, 1000 + 5 * 23)
    found = night.measure_rhr(
        minute, np.full(len(minute), 60.0), np.ones(len(minute), bool), coverage=1.0, quality="good"
    )
    assert (found.value, found.reason) == (None, "too little heart rate in sleep: 115 of 120 min")


def test_the_standard_error_is_that_of_nights_drawn_again() -> None:
    rng = np.random.default_rng(4)
    nights = []
    for _ in range(400):
        noise = rng.normal(size=110)
        for i in range(1, 110):
            noise[i] += 0.6 * noise[i - 1]
        nights.append(58 + noise)
    true = np.std([night.rhr_bpm(n) for n in nights])
    told = np.median([night.rhr_se_bpm(n) for n in nights])
    assert told == pytest.approx(true, rel=0.3)
    assert night.rhr_se_bpm(nights[0]) == night.rhr_se_bpm(nights[0])


def test_the_dip_is_a_share_of_the_waking_level() -> None:
    asleep, still = np.full(130, 56.0), np.full(130, 70.0)
    assert night.measure_dip(asleep, still, coverage=1.0, quality="good").value == pytest.approx(20)
    few = night.measure_dip(asleep, still[:119], coverage=1.0, quality="good")
    assert few.reason == "too few still waking minutes: 119 of 120"
    assert night.measure_dip(asleep[:119], still, coverage=1.0, quality="good").value is None


def test_the_nadir_is_placed_between_onset_and_wake() -> None:
    minute = np.arange(1000, 1400)
    hr = np.full(400, 60.0)
    hr[100:105] = 50.0
    found = night.measure_nadir(minute, hr, 1000.0, 1400.0, coverage=1.0, quality="good")
    assert found.value == pytest.approx(102.5 / 400)


def test_a_bin_that_reaches_out_of_the_sleep_is_no_nadir() -> None:
    bins, mean = np.array([995, 1000, 1005, 1010]), np.array([40.0, 60.0, 55.0, 41.0])
    assert night.nadir_share(bins, mean, 997.0, 1012.0) == pytest.approx((1007.5 - 997) / 15)
    assert np.isnan(night.nadir_share(bins, mean, 2000.0, 2100.0))


def test_the_nadir_needs_heart_rate_in_most_of_the_sleep() -> None:
    minute = np.arange(1000, 1400)
    found = night.measure_nadir(minute, np.full(400, 60.0), 1000.0, 1400.0, coverage=0.59, quality="fair")
    assert found.value is None
