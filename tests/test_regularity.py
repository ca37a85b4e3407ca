"""Regularity, phase deviation and need: toy days are exact."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import debt, measure, regularity, wear
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


def month(*missing_days: int) -> np.ndarray:
    known = np.ones((28, 1440), bool)
    known[list(missing_days)] = False
    return known.ravel()


EVERY_NIGHT = np.tile(nights(0, 0, 0, 0, 0, 0, 0), 4)


def test_regularity_over_four_weeks_counts_27_pairs_of_days() -> None:
    asleep = EVERY_NIGHT.reshape(28, 1440).copy()
    asleep[14] = np.roll(asleep[14], 60)
    # One day an hour late differs by 120 minutes from the day before and from the day after.
    told = regularity.measure_sri(asleep.ravel(), month())
    assert told.value == pytest.approx(-100 + 200 * (1 - 240 / (27 * 1440)))
    assert (told.n_obs, told.quality) == (27, "good")


def test_few_pairs_of_a_month_are_told_with_low_quality_and_fewer_than_five_are_not() -> None:
    six_days = regularity.measure_sri(EVERY_NIGHT, month(*range(6, 28)))
    assert (six_days.value, six_days.n_obs, six_days.quality) == (100.0, 5, "low")
    # Every other day is known: no pair at all.
    assert regularity.measure_sri(EVERY_NIGHT, month(*range(0, 28, 2))).reason == (
        "sleep and wake known on 0 of 5 pairs of days"
    )


def test_pairs_over_a_change_of_clocks_are_24_hours_of_elapsed_time_apart() -> None:
    zone = ZoneInfo("Australia/Sydney")
    first = datetime(2020, 4, 1, 12, tzinfo=zone)
    start_min = int(first.timestamp()) // 60
    axis = wear.Clock(start_min, np.zeros(SEVEN, np.int64))
    known = np.ones(SEVEN, bool)

    def sleeps(by_clock: bool) -> np.ndarray:
        onset = np.array(
            [
                int((first + timedelta(days=d, hours=11)).timestamp())
                if by_clock
                else start_min * 60 + (24 * d + 11) * 3600
                for d in range(7)
            ]
        )
        return wear.mark_spans(axis, onset, onset + 8 * 3600)

    # Who keeps to the sun is perfectly regular; who keeps to the clock moves by an hour, once.
    assert regularity.sri(sleeps(by_clock=False), known)[0] == 100.0
    assert regularity.sri(sleeps(by_clock=True), known)[0] == pytest.approx(
        -100 + 200 * (1 - 120 / (6 * 1440))
    )


@given(st.integers(0, 2**32 - 1), st.integers(0, 1439))
@settings(deadline=None, max_examples=25)
def test_turning_all_days_alike_leaves_regularity(seed: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    asleep = rng.random((7, 1440)) < 0.3
    turned = np.roll(asleep, shift, axis=1)
    whole = np.ones((7, 1440), bool)
    assert regularity.sri(turned.ravel(), whole.ravel()) == regularity.sri(asleep.ravel(), whole.ravel())


def test_holidays_are_free_days() -> None:
    monday = (date(2020, 6, 1) - date(1970, 1, 1)).days
    week = np.arange(monday, monday + 7)
    assert regularity.find_free(week).tolist() == [False] * 5 + [True] * 2
    assert regularity.find_free(week, {monday + 2}).tolist() == [False, False, True, False, False, True, True]


WEEK_FREE = np.array([False] * 5 + [True] * 2)


def test_social_jetlag_goes_the_shorter_way_round_the_clock() -> None:
    work, free = [3.0, 3.5, 2.5, 3.0, 3.0], [5.0, 5.5]
    assert regularity.social_jetlag_h(np.array(work + free), WEEK_FREE) == pytest.approx(2.25)
    # Before midnight on work days, after it on free days; earlier on free days counts the same.
    assert regularity.social_jetlag_h(np.array([-1.0] * 5 + [1.0] * 2), WEEK_FREE) == pytest.approx(2)
    assert regularity.social_jetlag_h(np.array([11.5] * 5 + [-11.5] * 2), WEEK_FREE) == pytest.approx(1)
    assert regularity.social_jetlag_h(np.array([4.0] * 5 + [3.0] * 2), WEEK_FREE) == pytest.approx(1)


def test_social_jetlag_comes_with_its_standard_error() -> None:
    middle = np.array([2.0, 3.0, 4.0, 3.0, 3.0, 5.0, 6.0])
    told = regularity.measure_work_and_free(middle, np.full(7, 8.0), WEEK_FREE)
    assert told["social_jetlag_h"].value == pytest.approx(2.5)
    # Variances of the means: free .5/2 = .25, work .5/5 = .1.
    assert told["social_jetlag_h"].se == pytest.approx(math.sqrt(0.35), rel=1e-2)
    assert told["msfsc_h"].value == pytest.approx(5.5)
    assert told["msfsc_h"].se == pytest.approx(0.5, rel=1e-2)
    assert told["msfsc_h"].coverage == 0.25


@pytest.mark.parametrize(
    ("free", "reason"),
    [
        ([False] * 6 + [True], "fewer than 2 free nights before it"),
        ([True] * 5 + [False] * 2, "fewer than 3 work nights before it"),
        ([], "no data"),
    ],
)
def test_work_and_free_nights_need_three_and_two(free: list[bool], reason: str) -> None:
    count = len(free)
    told = regularity.measure_work_and_free(np.full(count, 3.0), np.full(count, 8.0), np.array(free, bool))
    assert {m.reason for m in told.values()} == {reason}


def test_sleep_all_round_the_clock_has_no_middle() -> None:
    middle = np.array([0.0, 6.0, 12.0, -6.0, 3.0, 1.0, 1.0])
    free = np.array([True, True, True, True, False, False, False])
    told = regularity.measure_work_and_free(middle, np.full(7, 8.0), free)
    assert told["social_jetlag_h"].reason == measure.NO_MEAN_CLOCK


ALL_WEIGHT = sum(0.9**k for k in range(14))


def test_debt_is_the_sum_of_what_was_missing_older_nights_counting_less() -> None:
    slept = np.full(14, 8.0)
    slept[0], slept[2] = 6.0, 9.0
    # 2 h short last night, 1 h over two nights before it: 2 − .81.
    assert debt.debt_h(slept, 8.0) == (pytest.approx(2 - 0.81), 0.0)
    told = debt.measure_debt(np.full(14, 7.0), (7.5, 8.0, 8.5))
    assert told["sleep_debt_h"].value == pytest.approx(ALL_WEIGHT)
    assert told["sleep_debt_low_h"].value == pytest.approx(0.5 * ALL_WEIGHT)
    assert told["sleep_debt_high_h"].value == pytest.approx(1.5 * ALL_WEIGHT)
    assert told["sleep_debt_h"].se == pytest.approx(0.5 * ALL_WEIGHT / 1.2816)


def test_sleep_to_spare_is_no_debt() -> None:
    told = debt.measure_debt(np.full(14, 9.0), (7.0, 8.0, 9.0))
    assert {m.value for m in told.values()} == {0.0}


@pytest.mark.parametrize(("known", "told"), [(10, True), (9, False)])
def test_debt_needs_ten_nights_of_fourteen(known: int, told: bool) -> None:
    slept = np.full(14, 7.0)
    slept[known:] = math.nan
    measures = debt.measure_debt(slept, (8.0, 8.0, 8.0))
    if told:
        # Missing nights are taken to be like the others, which were all alike.
        assert measures["sleep_debt_h"].value == pytest.approx(ALL_WEIGHT)
        assert measures["sleep_debt_h"].coverage == pytest.approx(10 / 14)
    else:
        assert measures["sleep_debt_h"].reason == "fewer than 10 nights before it"


def test_debt_waits_for_a_need() -> None:
    need = debt.need_range_h(np.array([8.0]))
    assert debt.measure_debt(np.full(14, 7.0), need)["sleep_debt_h"].reason == (
        "fewer than 2 free nights before it"
    )


def test_the_range_of_need_is_that_of_a_median_and_stays_within_bounds() -> None:
    low, need, high = debt.need_range_h(np.array([8.0, 8.4, 7.0]))
    # SD .7211, t(2) at .9 = 1.8856: 1.2533 · .7211 / √3 · 1.8856 = .9839.
    assert (low, need, high) == pytest.approx((7.0161, 8.0, 8.9839), abs=1e-3)
    assert debt.need_range_h(np.array([6.0, 6.1, 6.2])) == (7.0, 7.0, 7.0)
    assert debt.need_range_h(np.array([5.0, 8.0, 11.0])) == (7.0, 8.0, 9.0)


def test_the_range_holds_what_missing_nights_would_have_shown_in_four_of_five() -> None:
    rng = np.random.default_rng(5)
    weight, held = 0.9 ** np.arange(14), 0
    for _ in range(1000):
        slept = rng.normal(5.0, 1.0, 14)
        seen = slept.copy()
        seen[rng.choice(14, 4, replace=False)] = math.nan
        told = debt.measure_debt(seen, (8.0, 8.0, 8.0))
        low, high = told["sleep_debt_low_h"].value, told["sleep_debt_high_h"].value
        assert low is not None
        assert high is not None
        held += low <= float((weight * (8 - slept)).sum()) <= high
    assert 0.75 <= held / 1000 <= 0.85
