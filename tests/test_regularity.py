"""Regularity, phase deviation and need: toy days are exact."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import regularity
from features.measure import found, missing

SEVEN = 7 * 1440


def nights(*shift_min: int) -> np.ndarray:
    """Seven days, asleep from minute 600 to 1080 of each, moved by so many minutes."""
    asleep = np.zeros(SEVEN, bool)
    for day, shift in enumerate(shift_min):
        asleep[day * 1440 + 600 + shift : day * 1440 + 1080 + shift] = True
    return asleep


KNOWN = np.ones(SEVEN, bool)


def test_the_same_sleep_every_day_is_100() -> None:
    assert regularity.sri(nights(0, 0, 0, 0, 0, 0, 0), KNOWN) == (100.0, 6, 1.0)


def test_sleep_turned_round_every_day_is_minus_100() -> None:
    asleep = np.tile(np.repeat([True, False], 1440), 4)[:SEVEN]
    assert regularity.sri(asleep, KNOWN)[0] == -100.0


def test_one_shift_of_an_hour_costs_two_hours_of_one_pair() -> None:
    # From day 4 on an hour later: 120 of 1440 minutes differ in one of six pairs.
    value, _, _ = regularity.sri(nights(0, 0, 0, 60, 60, 60, 60), KNOWN)
    assert value == pytest.approx(-100 + 200 * (1 - 120 / (6 * 1440)))


def test_unknown_minutes_are_left_out_and_a_day_of_them_takes_two_pairs() -> None:
    known = KNOWN.copy()
    known[3 * 1440 : 3 * 1440 + 361] = False
    value, pairs, share = regularity.sri(nights(0, 0, 0, 0, 0, 0, 0), known)
    assert (value, pairs, share) == (100.0, 4, 1.0)
    assert regularity.measure_sri(nights(0, 0, 0, 0, 0, 0, 0), known).reason == (
        "sleep and wake known on 4 of 5 pairs of days"
    )
    known = KNOWN.copy()
    known[3 * 1440 : 3 * 1440 + 360] = False
    assert regularity.sri(nights(0, 0, 0, 0, 0, 0, 0), known)[1:] == (6, 1 - 2 * 360 / (6 * 1440))


def test_no_known_minute_is_no_data() -> None:
    assert regularity.measure_sri(nights(), np.zeros(SEVEN, bool)).reason == "no data"


def test_clock_means_go_round_midnight() -> None:
    assert regularity.circular_mean_h(np.array([23.0, 1.0])) == pytest.approx(0.0)
    assert regularity.circular_median_h(np.array([23.0, -0.5, 0.0, 1.0, 2.0])) == pytest.approx(0.0)
    assert math.isnan(regularity.circular_mean_h(np.array([0.0, 12.0])))
    assert math.isnan(regularity.circular_mean_h(np.array([])))


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=20), st.floats(-24, 24))
@settings(deadline=None, max_examples=100)
def test_the_circular_median_turns_with_the_clock(hours: list[float], turn: float) -> None:
    still = regularity.circular_median_h(np.array(hours))
    turned = regularity.circular_median_h(np.array(hours) + turn)
    assert float(regularity.wrap_hours(np.asarray(turned - still - turn))) == pytest.approx(0, abs=1e-6)
    assert still == pytest.approx(float(np.median(hours)), abs=1e-6)


def test_free_nights_end_on_a_saturday_or_sunday() -> None:
    monday = (date(2020, 6, 1) - date(1970, 1, 1)).days
    assert [regularity.is_free(monday + d) for d in range(7)] == [False] * 5 + [True] * 2


def test_mid_sleep_of_free_days_is_corrected_for_sleeping_in() -> None:
    free = np.array([False] * 5 + [True] * 2)
    middle = np.array([3.0] * 5 + [5.0] * 2)
    slept = np.array([7.0] * 5 + [9.0] * 2)
    week = (5 * 7 + 2 * 9) / 7
    assert regularity.msf_sc_h(middle, slept, free) == pytest.approx(5 - (9 - week) / 2)
    assert regularity.msf_sc_h(middle, slept[::-1].copy(), free) == pytest.approx(5)
    assert math.isnan(regularity.msf_sc_h(middle[:6], slept[:6], free[:6]))


def test_composite_phase_deviation_is_the_length_of_two_legs() -> None:
    assert regularity.cpd_h(6.0, 2.0, 3.0) == 5.0
    assert regularity.cpd_h(-11.0, 10.0, 11.0) == pytest.approx(math.hypot(2, 3))


def test_phase_deviation_needs_a_night_before_and_five_nights() -> None:
    past = {"past_sleep_h": np.full(5, 8.0), "past_free": np.zeros(5, bool)}
    middle = np.array([2.0, 3.0, 3.0, 3.0, 4.0])
    # No free nights: the median, 3, is the reference.
    assert regularity.measure_cpd(6.0, 7.0, past_midsleep_h=middle, **past).value == pytest.approx(
        math.hypot(3, 1)
    )
    assert regularity.measure_cpd(6.0, math.nan, past_midsleep_h=middle, **past).reason == (
        "no main sleep on the night before"
    )
    assert (
        regularity.measure_cpd(math.nan, 3.0, past_midsleep_h=middle, **past).reason == "no main sleep found"
    )
    few = {name: array[:4] for name, array in past.items()}
    assert regularity.measure_cpd(6.0, 7.0, past_midsleep_h=middle[:4], **few).reason == (
        "fewer than 5 nights before it"
    )


@pytest.mark.parametrize(("slept", "need"), [([8.0, 8.4, 7.0], 8.0), ([6.0, 6.2], 7.0), ([9.5, 10.0], 9.0)])
def test_need_is_the_median_of_free_nights_between_seven_and_nine(slept: list[float], need: float) -> None:
    assert regularity.sleep_need_h(np.array(slept)) == need


def test_need_waits_for_two_free_nights() -> None:
    assert regularity.measure_need(np.array([8.0])).reason == "fewer than 2 free nights before it"


def test_short_sleep_has_no_floor_and_hands_on_why_it_is_missing() -> None:
    need = found(8.0, n_obs=3)
    assert regularity.measure_short(need, found(390, n_obs=390)).value == 1.5
    assert regularity.measure_short(need, found(540, n_obs=540)).value == -1.0
    assert regularity.measure_short(need, missing("no main sleep found")).reason == "no main sleep found"
    late = missing("fewer than 2 free nights before it")
    assert regularity.measure_short(late, found(390, n_obs=390)).reason == late.reason
