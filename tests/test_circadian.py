"""Stability, variability and the quietest and busiest hours: toy days by hand, formulae to the letter."""

from __future__ import annotations

import math
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import circadian, measure

NAN = np.nan
NIGHT_AND_DAY = np.repeat([0.0, 1.0], 12)


def hourly(*days: np.ndarray, first_day: int = 0, turn_h: int = 0) -> circadian.Hourly:
    """Hours of whole days that follow each other; the clock reads `turn_h` at the first."""
    mean = np.concatenate(days)
    elapsed = np.arange(len(mean))
    clock = elapsed + turn_h
    return circadian.Hourly(60 * elapsed, first_day + clock // 24, clock % 24, mean)


def values(hours: circadian.Hourly, day: int) -> dict[str, float | str | None]:
    told = circadian.measure_rhythm(hours, day)
    return {name: m.reason if m.value is None else m.value for name, m in told.items()}


def test_days_all_alike_worked_out_by_hand() -> None:
    told = values(hourly(*[NIGHT_AND_DAY] * 3), 2)
    assert told["is_7d"] == 1.0
    # Five changes of 1 in 71 pairs; 72 hours are ½ from their mean: 72·5 / (71·18).
    assert told["iv_7d"] == pytest.approx(360 / 1278)
    assert (told["l5_7d"], told["m10_7d"], told["ra_7d"]) == (0.0, 1.0, 1.0)
    # L5 can start at 0 to 7, M10 at 12 to 14: the middle is told.
    assert (told["l5_start_h"], told["m10_start_h"]) == (pytest.approx(3.5), pytest.approx(13))


def test_one_day_turned_round_costs_eight_ninths_of_stability() -> None:
    # Profile 1/3 and 2/3 about ½: 72·24·(1/6)² / (24·18) = 1/9.
    told = values(hourly(NIGHT_AND_DAY, NIGHT_AND_DAY, 1 - NIGHT_AND_DAY), 2)
    assert told["is_7d"] == pytest.approx(1 / 9)
    # Changes at 12, 24, 36 and 60 h; from day two to day three there is none.
    assert told["iv_7d"] == pytest.approx(72 * 4 / (71 * 18))


def test_a_change_every_hour_is_the_most_variable_there_is() -> None:
    told = values(hourly(*[np.tile([0.0, 1.0], 12)] * 3), 2)
    assert told["iv_7d"] == pytest.approx(4.0)
    assert told["is_7d"] == 1.0


def test_relative_amplitude_of_a_day_of_two_levels() -> None:
    profile = np.full(24, 2.0)
    profile[8:18] = 10.0
    told = values(hourly(*[profile] * 3), 2)
    assert (told["l5_7d"], told["m10_7d"]) == (pytest.approx(2), pytest.approx(10))
    assert told["ra_7d"] == pytest.approx(8 / 12)
    assert told["m10_start_h"] == pytest.approx(8)


def test_windows_go_round_midnight() -> None:
    profile = 10.0 + np.arange(24) % 3
    profile[[22, 23, 0, 1, 2]] = 1.0
    assert circadian.extreme_window(profile, 5, lowest=True) == (pytest.approx(1), pytest.approx(22))
    # 10, 11, 12 in turn from 3 to 21: the ten from 5 to 14 hold four 12s; so do those from 8 and from 11.
    assert circadian.extreme_window(profile, 10, lowest=False) == (pytest.approx(11.1), pytest.approx(8))
    late = np.zeros(24)
    late[[20, 21, 22, 23, 0, 1, 2, 3, 4, 5]] = 7.0
    assert circadian.extreme_window(late, 10, lowest=False) == (pytest.approx(7), pytest.approx(20))


def literal(mean: np.ndarray, clock_h: np.ndarray) -> tuple[float, float]:
    """IS and IV as the formulae stand, in loops; no gaps."""
    n, p, average = len(mean), 24, sum(mean) / len(mean)
    total = sum((x - average) ** 2 for x in mean)
    profile = [np.mean([x for x, h in zip(mean, clock_h, strict=True) if h == hour]) for hour in range(p)]
    stability = n * sum((x - average) ** 2 for x in profile) / (p * total)
    changes = sum((mean[i] - mean[i - 1]) ** 2 for i in range(1, n))
    return stability, n * changes / ((n - 1) * total)


@pytest.mark.parametrize("seed", range(4))
def test_without_gaps_the_formulae_hold_to_the_letter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hours = hourly(rng.gamma(0.5, 400, 7 * 24), turn_h=5)
    stability, variability = literal(hours.mean, hours.clock_h)
    rhythm = circadian.find_rhythm(hours)
    assert rhythm.stability == pytest.approx(stability, rel=1e-12)
    assert rhythm.variability == pytest.approx(variability, rel=1e-12)


def test_noise_has_a_variability_of_two_and_no_stability() -> None:
    hours = hourly(np.random.default_rng(3).normal(size=400 * 24))
    rhythm = circadian.find_rhythm(hours)
    assert rhythm.variability == pytest.approx(2.0, abs=0.06)
    assert rhythm.stability == pytest.approx(1 / 400, abs=2e-3)


def test_a_pair_over_a_gap_is_no_pair() -> None:
    mean, start_min = np.array([0.0, 1.0, NAN, 9.0, 9.0]), np.array([0, 60, 120, 180, 240])
    # Changes 1 and 0; the jump from 1 to 9 is over the gap. Variance of 0, 1, 9, 9: 72.75/4.
    assert circadian.intradaily_variability(mean, start_min) == pytest.approx(0.5 / (72.75 / 4))
    cut = ~np.isnan(mean)
    assert circadian.intradaily_variability(mean[cut], start_min[cut]) == pytest.approx(0.5 / (72.75 / 4))


def test_with_gaps_stability_stays_a_share_where_the_plain_formula_passes_one() -> None:
    mean, clock_h = np.array([10.0, *[0.0] * 50, *[1.0] * 50]), np.array([0, *[1] * 50, *[2] * 50])
    average, profile = mean.mean(), np.array([10.0, 0.0, 1.0])
    plain = 101 * ((profile - average) ** 2).sum() / (3 * ((mean - average) ** 2).sum())
    assert plain > 1
    assert circadian.interdaily_stability(mean, clock_h) == pytest.approx(1.0)


seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.floats(0.01, 1000), st.integers(0, 23), st.integers(0, 3000))
@settings(deadline=None, max_examples=40)
def test_scale_and_shift_leave_the_ratios_and_turn_the_clock(
    seed: int, scale: float, turn_h: int, later_d: int
) -> None:
    rng = np.random.default_rng(seed)
    mean = rng.gamma(0.5, 400, 7 * 24)
    mean[rng.random(len(mean)) < 0.05] = NAN
    here = circadian.find_rhythm(hourly(mean))
    there = circadian.find_rhythm(hourly(scale * mean, turn_h=turn_h, first_day=later_d))
    for name in ("stability", "variability", "amplitude"):
        assert getattr(there, name) == pytest.approx(getattr(here, name), rel=1e-9)
    assert there.quiet == pytest.approx(scale * here.quiet)
    assert 0 <= here.stability <= 1
    for name in ("quiet_start_h", "busy_start_h"):
        apart = getattr(there, name) - getattr(here, name) - turn_h
        assert (apart + 12) % 24 - 12 == pytest.approx(0, abs=1e-6)


def test_three_days_known_round_the_clock_are_needed() -> None:
    short = NIGHT_AND_DAY.copy()
    short[:5] = NAN
    assert values(hourly(NIGHT_AND_DAY, NIGHT_AND_DAY, short), 2)["is_7d"] == (
        "known round the clock on 2 of 3 days"
    )
    short[4] = 0
    assert values(hourly(NIGHT_AND_DAY, NIGHT_AND_DAY, short), 2)["is_7d"] == 1.0
    assert values(hourly(np.full(24, NAN)), 0)["ra_7d"] == "no data"


def test_an_hour_of_the_clock_that_is_never_known_makes_it_null() -> None:
    charging = NIGHT_AND_DAY.copy()
    charging[20:22] = NAN
    days = [charging] * 3
    assert values(hourly(*days), 2)["l5_7d"] == measure.HOLES
    assert values(hourly(*days, NIGHT_AND_DAY), 3)["l5_7d"] == measure.HOLES
    assert values(hourly(*days, NIGHT_AND_DAY, NIGHT_AND_DAY), 4)["l5_7d"] == 0.0


def test_only_the_seven_days_that_end_with_the_day_are_looked_at() -> None:
    other = np.tile([5.0, 0.0], 12)
    hours = hourly(other, *[NIGHT_AND_DAY] * 7, other)
    told = circadian.measure_rhythm(hours, 7)
    assert told["is_7d"].value == 1.0
    assert (told["is_7d"].n_obs, told["is_7d"].coverage, told["is_7d"].quality) == (168, 1.0, "good")
    assert values(hours, 8)["is_7d"] != 1.0


def test_hours_of_a_day_that_is_mostly_unknown_do_not_count() -> None:
    evening = np.full(24, NAN)
    evening[5:] = 7.0
    told = values(hourly(*[NIGHT_AND_DAY] * 3, evening), 3)
    assert told == values(hourly(*[NIGHT_AND_DAY] * 3), 2)
    evening[4] = 7.0
    assert values(hourly(*[NIGHT_AND_DAY] * 3, evening), 3)["m10_7d"] == pytest.approx(2.5)


def test_a_signal_that_never_changes_has_no_rhythm() -> None:
    assert set(values(hourly(*[np.full(24, 0.1)] * 3), 2).values()) == {measure.NO_CHANGE}
    assert math.isnan(circadian.interdaily_stability(np.full(48, 0.1), np.arange(48) % 24))


def test_equal_lows_on_opposite_sides_have_no_one_start() -> None:
    profile = np.tile(np.repeat([1.0, 0.0], 6), 2)
    told = values(hourly(*[profile] * 3), 2)
    assert told["l5_start_h"] == measure.NO_ONE_WINDOW
    assert told["l5_7d"] == 0.0


@pytest.mark.parametrize(("day", "hours"), [("2020-04-05", 25), ("2020-04-06", 24), ("2020-10-04", 23)])
def test_hours_follow_each_other_in_elapsed_time_when_the_clocks_change(day: str, hours: int) -> None:
    zone = ZoneInfo("Australia/Sydney")
    midnight = int(datetime.fromisoformat(day).replace(tzinfo=zone).timestamp()) // 60
    utc_min = midnight + np.arange(60 * hours)
    offset = [datetime.fromtimestamp(60 * int(m), zone).utcoffset() for m in utc_min]
    local_min = utc_min + np.array([int(o.total_seconds() // 60) for o in offset if o is not None])
    told = circadian.hourly_means(np.arange(60.0 * hours), utc_min, local_min)
    assert told.start_min.tolist() == (midnight + 60 * np.arange(hours)).tolist()
    assert told.mean.tolist() == (29.5 + 60 * np.arange(hours)).tolist()
    assert set(told.day.tolist()) == {(date.fromisoformat(day) - date(1970, 1, 1)).days}
    twice_or_never = {25: [0, 1, 2, 2, 3], 24: [0, 1, 2, 3, 4], 23: [0, 1, 3, 4, 5]}
    assert told.clock_h[:5].tolist() == twice_or_never[hours]
    # Steady change over every hour: each pair is a pair, so IV is that of a straight line.
    line = 60.0 * np.arange(hours)
    straight = 60**2 / ((line - line.mean()) ** 2).mean()
    assert circadian.intradaily_variability(told.mean, told.start_min) == pytest.approx(straight)


def test_hours_are_local_where_the_offset_is_not_whole_and_need_half_their_minutes() -> None:
    utc_min = np.arange(180)
    value = np.ones(180)
    value[[*range(30, 61), *range(90, 120)]] = NAN
    told = circadian.hourly_means(value, utc_min, utc_min + 330)
    assert told.start_min.tolist() == [-30, 30, 90, 150]
    assert told.clock_h.tolist() == [5, 6, 7, 8]
    # 30 known of the half hour that is on the axis, 29 of the next, 30 of the third, 30 again.
    assert np.isnan(told.mean).tolist() == [False, True, False, False]
