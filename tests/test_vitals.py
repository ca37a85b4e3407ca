"""Breathing, temperature and oxygen of the night: samples before a night's value before beats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import vitals
from features.measure import NO_DATA, found, missing

FIRST_MIN = 29_000_000 - 29_000_000 % 5
ASLEEP = FIRST_MIN + np.arange(420)
NONE = np.empty(0)


def each(minutes: int, value: float, *, until: int = 420):
    t_s = 60.0 * (FIRST_MIN + np.arange(0, until, minutes)) + 7
    return t_s, np.full(len(t_s), value)


def test_a_sample_a_minute_and_one_a_quarter_of_an_hour_mean_the_same() -> None:
    dense, _ = vitals.measure_vital(*each(1, 14.5), asleep_min=ASLEEP, nightly=math.nan)
    sparse, kind = vitals.measure_vital(*each(15, 14.5), asleep_min=ASLEEP, nightly=math.nan)
    assert (dense.value, dense.n_obs, dense.coverage) == (14.5, 84, 1.0)
    assert (sparse.value, sparse.n_obs, sparse.coverage) == (14.5, 28, 28 / 84)
    assert kind == "samples"


def test_a_window_is_the_median_of_its_samples() -> None:
    t_s = 60.0 * FIRST_MIN + np.array([200, 10, 290, 310, 320.0])
    value = np.array([9.0, 1, 2, 4, 7])
    windows = vitals.window_medians(t_s, value, asleep_min=ASLEEP)
    assert windows.tolist() == [2.0, 5.5]


def test_samples_awake_or_without_a_value_do_not_count() -> None:
    t_s, value = each(5, 96.0)
    value[:3] = np.nan
    awake = np.setdiff1d(ASLEEP, FIRST_MIN + np.arange(400, 420))
    value[80:] = 50.0
    measured, _ = vitals.measure_vital(t_s, value, asleep_min=awake, nightly=math.nan)
    assert (measured.value, measured.n_obs, measured.coverage) == (96.0, 77, 77 / 80)


def test_samples_come_before_the_value_of_the_night_which_comes_before_beats() -> None:
    beats = np.full(40, 17.0)
    t_s, value = each(5, 15.0)
    samples = vitals.measure_respiration(t_s, value, asleep_min=ASLEEP, nightly=16.0, from_beats=beats)
    assert (samples[0].value, samples[1]) == (15.0, "samples")
    nightly = vitals.measure_respiration(
        t_s[:5], value[:5], asleep_min=ASLEEP, nightly=16.0, from_beats=beats
    )
    assert nightly == (found(16.0, n_obs=1, coverage=None), "nightly")
    seen, kind = vitals.measure_respiration(
        t_s[:5], value[:5], asleep_min=ASLEEP, nightly=math.nan, from_beats=beats
    )
    assert (seen.value, seen.quality, kind) == (17.0, "fair", "beats")
    few, kind = vitals.measure_respiration(
        NONE, NONE, asleep_min=ASLEEP, nightly=math.nan, from_beats=beats[:5]
    )
    assert (few.reason, kind) == ("too few stretches of 5 minutes in sleep: 5 of 6", None)


def test_nothing_is_missing_and_too_little_says_how_little() -> None:
    nothing = vitals.measure_respiration(NONE, NONE, asleep_min=ASLEEP, nightly=math.nan, from_beats=NONE)
    assert nothing == (missing(NO_DATA), None)
    few, _ = vitals.measure_vital(*each(5, 33.0, until=25), asleep_min=ASLEEP, nightly=math.nan)
    assert few.reason == "too few stretches of 5 minutes in sleep: 5 of 6"


def test_the_value_of_a_night_stands_at_midnight_or_alone_in_the_log() -> None:
    night = {"midnight_s": 1000.0, "start_s": 2000.0, "end_s": 9000.0}
    assert vitals.pick_nightly(np.array([1000.0, 3000]), np.array([15.0, 99]), **night) == 15.0
    assert vitals.pick_nightly(np.array([500.0, 2000]), np.array([99.0, 14]), **night) == 14.0
    assert math.isnan(vitals.pick_nightly(np.array([2500.0, 3000]), np.array([14.0, 15]), **night))
    assert math.isnan(vitals.pick_nightly(np.array([1000.0, 9500]), np.array([np.nan, 15]), **night))


def test_temperature_is_told_from_the_median_of_the_nights_before() -> None:
    tonight = found(34.6, n_obs=60, se=0.03)
    past = np.array([33.8, 34.0, 34.1, 34.2, 34.3, 34.4, 36.0])
    dev = vitals.measure_temp_dev(tonight, past)
    assert dev.value == pytest.approx(0.4, abs=1e-12)
    assert (dev.n_obs, dev.coverage, dev.quality) == (7, 0.25, "fair")
    usual = math.sqrt(math.pi / 2) * past.std(ddof=1) / math.sqrt(7)
    assert dev.se == pytest.approx(math.sqrt(0.03**2 + usual**2), rel=1e-12)
    assert vitals.measure_temp_dev(tonight, np.full(14, 34.0)).quality == "good"
    assert vitals.measure_temp_dev(found(34.6, n_obs=7, quality="low"), np.full(14, 34.0)).quality == "low"


def test_six_nights_before_are_too_few_and_no_night_keeps_its_reason() -> None:
    tonight = found(34.6, n_obs=60)
    assert vitals.measure_temp_dev(tonight, np.full(6, 34.0)).reason == "fewer than 7 nights before it"
    assert vitals.measure_temp_dev(missing("why"), np.full(28, 34.0)).reason == "why"


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 419), st.floats(8, 30)), min_size=1, max_size=120), st.randoms())
def test_the_order_of_rows_does_not_matter(rows, random) -> None:
    def of(pairs):
        t_s = 60.0 * (FIRST_MIN + np.array([p[0] for p in pairs]))
        return vitals.measure_vital(t_s, np.array([p[1] for p in pairs]), asleep_min=ASLEEP, nightly=math.nan)

    shuffled = list(rows)
    random.shuffle(shuffled)
    assert of(rows) == of(shuffled)
