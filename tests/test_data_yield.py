"""Data yield: the two examples of RAPIDS' manual, its rule row by row, and ours beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import data_yield, wear
from features.data_yield import Yield

NAN = np.nan


def test_half_a_day_missing_in_one_piece_or_half_of_every_hour() -> None:
    one_piece = np.arange(1440) >= 720
    each_hour = np.arange(1440) % 60 >= 30
    for has, hours in ((one_piece, 0.5), (each_hour, 1.0)):
        told = data_yield.count_yield(has, valid_hour=0.49)
        assert (told.minute_ratio, told.hour_ratio) == (0.5, hours)
    # An hour is valid above the threshold, not at it.
    assert data_yield.count_yield(each_hour).hour_ratio == 0.0


@pytest.mark.parametrize(
    ("minutes", "with_data", "minute_ratio", "hour_ratio"),
    [
        (1380, 1380, 1.0, 1.0),  # a day of 23 hours
        (1500, 750, 0.5, 12 / 25),  # of 25: the thirteenth hour is half full, and not above half
        (1500, 751, 751 / 1500, 13 / 25),
        (90, 31, 31 / 90, 1 / 1.5),
        (90, 90, 1.0, 1 / 1.5),  # a last half hour has 30 minutes of 60
        (30, 16, 16 / 30, 1.0),  # a segment under an hour is one bin of its own length
        (30, 15, 0.5, 0.0),
        (0, 0, 0.0, 0.0),
    ],
)
def test_segments_of_any_length(minutes: int, with_data: int, minute_ratio: float, hour_ratio: float) -> None:
    told = data_yield.count_yield(np.arange(minutes) < with_data)
    assert (told.minute_ratio, told.hour_ratio) == pytest.approx((minute_ratio, hour_ratio))


def row_by_row(t_ms: list[int], start_ms: int, end_ms: int, threshold: float) -> tuple[float, float]:
    """RAPIDS' ratios as its manual and code define them, from rows."""
    length_min = (end_ms - start_ms) / 60_000
    hours: dict[int, set[int]] = {}
    for t in t_ms:
        if start_ms <= t < end_ms:
            hours.setdefault((t - start_ms) // 3_600_000, set()).add((t - start_ms) // 60_000)
    valid = sum(len(found) / min(length_min, 60) > threshold for found in hours.values())
    ratio = min(sum(map(len, hours.values())) / length_min, 1)
    return ratio, min(valid / (length_min / 60), 1) if length_min > 60 else float(valid)


@given(
    st.integers(1, 400),
    st.integers(0, 10**9),
    st.floats(0, 1),
    st.lists(st.integers(-(10**6), 25 * 10**6), max_size=400),
)
@settings(deadline=None, max_examples=80)
def test_the_ratios_are_those_of_rapids_row_by_row(
    minutes: int, start_ms: int, threshold: float, rows: list[int]
) -> None:
    t_ms = [start_ms + row for row in rows]
    end_ms = start_ms + 60_000 * minutes
    has = data_yield.mark_minutes((np.array(t_ms) - start_ms) / 1000, 0.0, 60.0 * minutes)
    told = data_yield.count_yield(has, valid_hour=threshold)
    expected = row_by_row(t_ms, start_ms, end_ms, threshold)
    assert (told.minute_ratio, told.hour_ratio) == pytest.approx(expected)


def test_minutes_are_counted_from_the_start_of_the_segment() -> None:
    t_s = np.array([129.9, 100.0, 159.9, 160.0, 99.9, 280.0])
    assert data_yield.mark_minutes(t_s, 100.0, 280.0).tolist() == [True, True, False]
    assert data_yield.mark_minutes(t_s, 100.0, 290.0).tolist() == [True, True, False, True]


def test_wear_forgives_short_gaps_and_rapids_does_not() -> None:
    hr_bpm = np.full(2 * 1440, 60.0)
    hr_bpm[100:114] = NAN  # 14 minutes: worn
    hr_bpm[600:700] = NAN  # non-wear
    hr_bpm[1432:1448] = NAN  # 8 minutes on either side of midnight are one gap of 16
    rows, worn = data_yield.yield_of_day(hr_bpm[:1440], wear.find_nonwear(hr_bpm)[:1440])
    # 10:00 to 11:40: hour 10 is empty, hour 11 has 20 minutes.
    assert rows == Yield(1440, 1440 - 14 - 100 - 8, 22)
    assert worn == Yield(1440, 1440 - 100 - 8, 22)
    measures = data_yield.measure_yield(rows, worn)
    assert measures["yield_minutes"].value == pytest.approx(1318 / 1440)
    assert measures["yield_hours"].value == pytest.approx(22 / 24)
    assert measures["wear_minutes"].value == pytest.approx(1332 / 1440)
    assert measures["wear_hours"].value == pytest.approx(22 / 24)


@given(st.lists(st.booleans(), min_size=1, max_size=1500))
@settings(deadline=None, max_examples=50)
def test_wear_never_yields_less_than_rows_do(has: list[bool]) -> None:
    hr_bpm = np.where(has, 60.0, NAN)
    rows, worn = data_yield.yield_of_day(hr_bpm, wear.find_nonwear(hr_bpm))
    assert worn.yielded_min >= rows.yielded_min
    assert worn.valid_h >= rows.valid_h
    assert 0 <= rows.minute_ratio <= worn.minute_ratio <= 1
