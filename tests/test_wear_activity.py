"""Minutes, wear, steps and valid days; days of 23 and 25 hours."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import activity, gather, person, wear

NAN = np.nan


def day_number(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def zone_table(*rows: tuple[int, str]) -> pa.Table:
    return pa.table(
        {"person": [0] * len(rows), "from_min": [r[0] for r in rows], "zone": [r[1] for r in rows]}
    )


def sydney(first: str, last: str) -> wear.Clock:
    start, end = gather.axis_of(day_number(first), day_number(last))
    return wear.Clock(start, gather.zone_offsets(zone_table((-(10**9), "Australia/Sydney")), start, end))


@pytest.mark.parametrize(
    ("day", "minutes"), [("2020-04-04", 1440), ("2020-04-05", 1500), ("2020-10-04", 1380)]
)
def test_local_days_have_the_minutes_that_passed(day: str, minutes: int) -> None:
    clock = sydney(day, day)
    place = clock.minutes_of(day_number(day))
    assert len(place) == minutes
    assert (np.diff(place) == 1).all()
    midnight = datetime.fromtimestamp(int(clock.utc_min[place[0]]) * 60, UTC)
    assert midnight.strftime("%H:%M") == ("14:00" if day == "2020-10-04" else "13:00")


def test_noon_is_found_on_days_of_any_length() -> None:
    clock = sydney("2020-04-04", "2020-04-05")
    first, second = (clock.noon(day_number(d)) for d in ("2020-04-04", "2020-04-05"))
    assert second - first == 25 * 60
    assert clock.noon(day_number("2021-01-01")) == len(clock)


def test_clock_hours_are_those_of_the_middle_of_the_minute() -> None:
    clock = wear.Clock(0, np.full(1440, 90))
    assert clock.hour[0] == pytest.approx(1.5 + 0.5 / 60)
    assert clock.hour.max() < 24


def test_offsets_come_from_records_for_a_day_then_from_the_zone() -> None:
    clock = wear.fill_offsets(
        0, np.full(4000, 600), seen_min=np.array([100, 200]), seen_offset_min=np.array([0, 60])
    )
    assert clock.offset_min[[99, 100, 199, 200, 1639, 1640]].tolist() == [600, 0, 0, 60, 60, 600]
    empty = np.empty(0, np.int64)
    assert (
        wear.fill_offsets(0, np.full(9, 600), seen_min=empty, seen_offset_min=empty).offset_min == 600
    ).all()


def test_zone_segments_follow_each_other() -> None:
    start = day_number("2020-06-01") * 1440
    zones = zone_table((-(10**9), "Australia/Sydney"), (start + 600, "Asia/Kolkata"))
    offset = gather.zone_offsets(zones, start, start + 1440)
    assert (offset[:600] == 600).all()
    assert (offset[600:] == 330).all()


@pytest.mark.parametrize(("gap", "nonwear"), [(14, 0), (15, 15)])
def test_fifteen_minutes_without_heart_rate_are_non_wear(gap: int, nonwear: int) -> None:
    hr = np.full(100, 60.0)
    hr[40 : 40 + gap] = NAN
    assert wear.find_nonwear(hr).sum() == nonwear
    assert not wear.find_nonwear(hr)[[39, 40 + gap]].any()


def test_an_unlisted_minute_is_no_step_only_where_worn_on_a_day_that_counts() -> None:
    clock = wear.Clock(0, np.zeros(2880, np.int64))
    listed = np.full(2880, NAN)
    listed[10] = 7
    nonwear = np.zeros(2880, bool)
    nonwear[20:40] = True
    steps = wear.complete_steps(listed, nonwear, clock)
    assert steps[[9, 10, 11]].tolist() == [0, 7, 0]
    assert np.isnan(steps[20:40]).all()
    assert np.isnan(steps[1440:]).all()


def test_steps_of_a_quarter_hour_are_shared_out() -> None:
    minute, steps = wear.spread_steps(np.array([0, 15]), np.array([900, 60]), np.array([30, 9]))
    assert minute.tolist() == list(range(16))
    assert steps.tolist() == [2.0] * 15 + [9.0]


def test_steps_listed_twice_count_once() -> None:
    minute, steps = wear.spread_steps(np.array([5, 5]), np.array([60, 60]), np.array([3, 8]))
    assert (minute.tolist(), steps.tolist()) == ([5], [8.0])


@given(st.lists(st.tuples(st.integers(-500, 4000), st.integers(0, 900)), max_size=8))
@settings(deadline=None, max_examples=100)
def test_seconds_of_spans_are_those_a_counter_would_count(spans: list[tuple[int, int]]) -> None:
    merged = person._disjoint([(a, a + b) for a, b in spans])
    seconds = wear.seconds_in(wear.Clock(0, np.zeros(60, np.int64)), *merged)
    inside = np.zeros(3600, bool)
    for start, length in spans:
        inside[max(0, start) : max(0, start + length)] = True
    assert seconds == pytest.approx(inside.reshape(60, 60).sum(axis=1))


def test_five_minute_means_weigh_minutes_alike_and_stand_on_utc() -> None:
    hr = np.array([50.0, 60, NAN, 70, NAN, 80, NAN, NAN, NAN, 90])
    bins, mean = wear.five_minute_means(np.arange(100, 110), hr)
    assert (bins.tolist(), mean.tolist()) == ([100], [60.0])


def test_night_hours_without_a_main_sleep_are_neither_sleep_nor_waking() -> None:
    clock = wear.Clock(0, np.zeros(3 * 1440, np.int64))
    unsure = wear.find_unsure(clock, {1})
    hours = clock.local_min[unsure] / 60
    assert hours.min() == 0
    assert not ((hours >= 12) & (hours < 24 + 20) & ~((hours >= 24 + 20) | (hours < 12))).any()
    assert unsure.sum() == 60 * (12 + 0 + 4 + 12 + 4)


@pytest.mark.parametrize(
    ("waking", "steps", "valid"), [(600, 100, True), (599, 100, False), (600, 99, False), (900, NAN, False)]
)
def test_a_valid_day_has_ten_hours_awake_and_a_hundred_steps(waking: int, steps: float, valid: bool) -> None:
    assert activity.is_valid_day(waking, steps) is valid


def test_a_day_of_25_hours_counts_all_its_minutes_and_steps() -> None:
    hr, steps = np.full(1500, 70.0), np.full(1500, 1.0)
    waking = np.ones(1500, bool)
    waking[:480] = False
    values = activity.measure_day(hr, steps, waking)
    assert (values["worn_min"].value, values["worn_waking_min"].value) == (1500, 1020)
    assert (values["steps"].value, values["valid_day"].value) == (1500, 1)


def test_a_day_without_anything_has_no_steps_and_is_not_valid() -> None:
    nothing = np.full(1440, NAN)
    values = activity.measure_day(nothing, nothing, np.ones(1440, bool))
    assert (values["steps"].reason, values["worn_min"].value, values["valid_day"].value) == ("no data", 0, 0)
    worn = activity.measure_day(np.full(1440, 60.0), nothing, np.ones(1440, bool))
    assert worn["steps"].reason == "no steps recorded"


@pytest.mark.parametrize(("day", "hours"), [("2020-04-05", 25), ("2020-04-06", 24), ("2020-10-04", 23)])
def test_wear_is_reported_hour_by_hour_as_the_clocks_went(day: str, hours: int) -> None:
    clock = sydney(day, day)
    hr = np.full(len(clock), NAN)
    place = clock.minutes_of(day_number(day))
    hr[place[30:90]] = 60.0
    hr[place[75]] = 90.0
    listed = np.where(np.isnan(hr), NAN, 2.0)
    grid = person.make_grid(
        clock,
        hr,
        listed,
        logs=[],
        unsure=np.zeros(len(clock), bool),
        workout_s=np.empty((0, 2), np.int64),
    )
    table = person.measure_hours(grid, day_number(day))
    assert len(table.start_min) == hours
    assert (np.diff(table.start_min) == 60).all()
    assert table.worn_min[:3].tolist() == [30, 30, 0]
    assert table.hr_bpm[:2].tolist() == [60, 61]
    assert table.steps[:2].tolist() == [60, 60]
    assert np.isnan(table.steps[2])
    assert np.isnan(table.hr_bpm[2])
