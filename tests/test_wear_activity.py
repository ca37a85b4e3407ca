"""Minutes, wear, steps and valid days; days of 23 and 25 hours."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import activity, gather, hours, measure, person, wear

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


@pytest.mark.parametrize(("day", "count"), [("2020-04-05", 25), ("2020-04-06", 24), ("2020-10-04", 23)])
def test_wear_is_reported_hour_by_hour_as_the_clocks_went(day: str, count: int) -> None:
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
        coarse=np.zeros(len(clock), bool),
        logs=[],
        unsure=np.zeros(len(clock), bool),
        workout_s=np.empty((0, 2), np.int64),
    )
    table = hours.measure_hours(grid, day_number(day))
    assert len(table.start_min) == count
    assert (np.diff(table.start_min) == 60).all()
    assert table.worn_min[:3].tolist() == [30, 30, 0]
    assert table.hr_bpm[:2].tolist() == [60, 61]
    assert table.steps[:2].tolist() == [60, 60]
    assert np.isnan(table.steps[2])
    assert np.isnan(table.hr_bpm[2])


def day_of(*stretches: tuple[int, float]) -> np.ndarray:
    """Steps of a day of 1440 minutes: (minutes, steps a minute) from its start, then none."""
    listed = np.concatenate([np.full(minutes, float(pace)) for minutes, pace in stretches])
    return np.concatenate((listed, np.zeros(1440 - len(listed))))


ALL_DAY, NO_MINUTE = np.ones(1440, bool), np.zeros(1440, bool)
MINUTES = 10**7 + np.arange(1440)


def movement(steps: np.ndarray, **masks: np.ndarray) -> dict[str, float | str | None]:
    """Value of each measure, or the reason it has none."""
    given_masks = {"awake": ALL_DAY, "worn": ALL_DAY, "coarse": NO_MINUTE} | masks
    told = activity.measure_movement(steps, MINUTES[: len(steps)], **given_masks)
    return {name: m.reason if m.value is None else m.value for name, m in told.items()}


def test_minutes_of_movement_worked_out_by_hand() -> None:
    told = movement(day_of((60, 0), (12, 105), (1, 99), (9, 130), (5, 19), (5, 20), (5, 85), (2, 119)))
    assert (told["mvpa_min"], told["vigorous_min"]) == (12 + 9 + 2, 9)
    assert (told["mvpa_bouts"], told["mvpa_bout_min"]) == (1, 12)
    bands = {name: told[name] for name in activity.BANDS}
    assert bands == {
        "cadence_1_19_min": 5,
        "cadence_20_39_min": 5,
        "cadence_40_59_min": 0,
        "cadence_60_79_min": 0,
        "cadence_80_99_min": 1 + 5,
        "cadence_100_119_min": 12 + 2,
        "cadence_120_min": 9,
    }
    # The 30 busiest: 9 · 130, 2 · 119, 12 · 105, 1 · 99, 5 · 85, 1 · 20.
    assert told["cadence_peak30"] == pytest.approx((1170 + 238 + 1260 + 99 + 425 + 20) / 30)


@pytest.mark.parametrize(("length", "bouts"), [(9, 0), (10, 1)])
def test_a_bout_has_ten_minutes_on_end_and_an_unknown_minute_ends_it(length: int, bouts: int) -> None:
    assert movement(day_of((30, 0), (length, 100)))["mvpa_bouts"] == bouts
    broken = day_of((30, 0), (19, 100))
    broken[39] = NAN
    assert movement(broken)["mvpa_bouts"] == 0
    assert movement(broken)["mvpa_min"] == 18
    beside = MINUTES[:40] + 5 * (np.arange(40) >= 35)
    assert activity.run_lengths(day_of((30, 0), (10, 100))[:40] >= 100, beside).tolist() == [5, 5]


def test_sedentary_time_has_under_ten_steps_in_any_five_minutes() -> None:
    # 40 minutes, then 5 in each of two minutes four apart, then 29 minutes: the five minutes from one to
    # the other hold 10 steps, all others less.
    steps = day_of((40, 0), (1, 5), (3, 0), (1, 5), (29, 0), (30, 50))
    spans = activity.sedentary_spans(steps, ALL_DAY, MINUTES)
    assert [(a - MINUTES[0], b - MINUTES[0]) for a, b in spans] == [(0, 44), (44, 74), (104, 1440)]
    told = movement(steps)
    assert told["sedentary_min"] == 44 + 30 + 1336
    assert (told["sedentary_bouts"], told["sedentary_bout_min"]) == (3, 44 + 30 + 1336)


def test_ten_steps_in_one_minute_end_a_sedentary_stretch_and_nine_do_not() -> None:
    for steps, spans in ((9.0, [(0, 1440)]), (10.0, [(0, 700), (701, 1440)])):
        day = day_of((700, 0), (1, steps))
        told = activity.sedentary_spans(day, ALL_DAY, MINUTES)
        assert [(a - MINUTES[0], b - MINUTES[0]) for a, b in told] == spans


@pytest.mark.parametrize(("length", "bouts"), [(29, 0), (30, 1)])
def test_a_sedentary_bout_lasts_half_an_hour_awake_and_worn(length: int, bouts: int) -> None:
    awake = ALL_DAY.copy()
    awake[500 + length :] = False
    told = activity.sedentary_spans(day_of((500, 60)), awake, MINUTES)
    assert [b - a for a, b in told] == [length]
    busy = np.full(1440, 60.0)
    busy[500 : 500 + length] = 0
    told_by = movement(busy)
    assert (told_by["sedentary_min"], told_by["sedentary_bouts"]) == (length, bouts)
    assert movement(busy, worn=ALL_DAY & (busy > 0))["sedentary_min"] == 0


def test_what_was_not_worn_or_known_is_not_sedentary() -> None:
    steps = day_of((800, 60))
    steps[900:905] = NAN
    jump = MINUTES + 30 * (np.arange(1440) >= 1000)
    spans = activity.sedentary_spans(steps, ALL_DAY, jump)
    assert [(a - MINUTES[0], b - MINUTES[0]) for a, b in spans] == [(800, 900), (905, 1000), (1030, 1470)]


@pytest.mark.parametrize(("known", "told"), [(600, True), (599, False)])
def test_movement_needs_ten_known_hours_awake(known: int, told: bool) -> None:
    steps = day_of((30, 110))
    steps[known:] = NAN
    values = activity.measure_movement(steps, MINUTES, awake=ALL_DAY, worn=ALL_DAY, coarse=NO_MINUTE)
    assert values["mvpa_min"].value == (30 if told else None)
    if told:
        assert {m.coverage for m in values.values()} == {600 / 960}
        assert {m.quality for m in values.values()} == {"fair"}
    else:
        assert values["sedentary_min"].reason == "not worn enough: 10.0 of 10 h"


def test_no_steps_at_all_is_said() -> None:
    nothing = np.full(1440, NAN)
    assert movement(nothing)["mvpa_min"] == "no steps recorded"
    assert movement(nothing, worn=NO_MINUTE)["sedentary_bouts"] == "no data"


def test_steps_of_longer_records_have_no_cadence() -> None:
    t_min, span_s = MINUTES[[0, 100, 200]], np.array([900, 60, 900])
    steps = day_of((15, 20))
    steps[100] = 110.0
    coarse = np.isin(MINUTES, activity.find_coarse(t_min, span_s, np.array([300, 110, 0])))
    assert np.flatnonzero(coarse).tolist() == list(range(15))
    told = movement(steps, coarse=coarse)
    assert told["mvpa_min"] == measure.COARSE_STEPS
    assert told["sedentary_min"] == 1440 - 15 - 1
    steps[100:130] = 110.0
    # 300 of 3,600 steps came in a longer record: those minutes are left out and the rest is told.
    assert movement(steps, coarse=coarse)["mvpa_min"] == 30
    steps[200:202] = 150.0
    coarse[200:202] = True
    coarse[:15] = False
    assert movement(steps, coarse=coarse)["mvpa_min"] == 30
    assert activity.find_coarse(MINUTES[[0, 3]], np.array([600, 60]), np.array([50, 5])).tolist() == [
        MINUTES[k] for k in range(10) if k != 3
    ]


def test_steps_without_heart_rate_tell_non_wear_by_ninety_empty_minutes() -> None:
    for length, nonwear in ((89, 0), (90, 90)):
        steps = np.ones(400)
        steps[100 : 100 + length] = 0
        steps[120] = NAN
        assert activity.find_steps_nonwear(steps).sum() == nonwear


def test_a_valid_week_has_four_valid_days_and_one_is_free() -> None:
    free = np.array([False] * 5 + [True] * 2)
    for valid, week in (
        ([1, 1, 1, 0, 0, 1, 0], True),
        ([1, 1, 1, 1, 1, 0, 0], False),
        ([1, 1, 0, 0, 0, 1, 0], False),
    ):
        assert activity.is_valid_week(np.array(valid, bool), free) is week


@given(st.lists(st.integers(0, 14), min_size=1, max_size=120), st.integers(0, 10**6))
@settings(deadline=None, max_examples=80)
def test_sedentary_minutes_are_those_of_windows_anyone_can_count(listed: list[int], shift: int) -> None:
    steps = np.array([NAN if s == 14 else float(max(0, s - 8)) for s in listed])
    minute = shift + np.arange(len(steps))
    spans = activity.sedentary_spans(steps, np.ones(len(steps), bool), minute)
    inside = {m - shift for a, b in spans for m in range(a, b)}
    windows = [range(i, i + 5) for i in range(len(steps) - 4) if steps[i : i + 5].sum() < 10]
    assert inside == {m for window in windows for m in window}
    assert sum(b - a for a, b in spans) == len(inside)
