"""Windows of five minutes of a UTC day: which there are, what they hold, and that they stand alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.beats import Beats
from features.five_minutes import DAY_S, MARGIN_S, FiveMinutes, find_wave_beats, join, measure_five_minutes

UTC_DAY = 18_400
START_S = UTC_DAY * DAY_S


def make_beats(start_s: float, count: int, step_ms: float = 40.0) -> Beats:
    """Intervals of a second that go up and down by a step."""
    rr_ms = 1000 + step_ms / 2 * np.where(np.arange(count) % 2, 1.0, -1.0)
    return Beats(start_s + np.cumsum(rr_ms) / 1000, rr_ms, np.zeros(count, bool))


def measured(beats: Beats, *, utc_day: int = UTC_DAY, sensor: int = 1) -> FiveMinutes:
    none = np.zeros(len(beats), bool)
    return measure_five_minutes(beats, utc_day, none, sensor=np.full(len(beats), sensor))


def put_together(*parts: Beats) -> Beats:
    names = ("end_s", "rr_ms", "gap_before")
    return Beats(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def test_a_day_has_the_windows_that_begin_in_it_and_hold_a_beat() -> None:
    # From five minutes before the day to ten after its start, and ten at noon.
    both = put_together(make_beats(START_S - MARGIN_S, 900), make_beats(START_S + 43_200, 599))
    windows = measured(both)
    # The 900th beat ends on an edge: the third window has it alone.
    assert ((windows.start_s - START_S) // 300).tolist() == [0, 1, 2, 144, 145]
    assert windows.reason[2] == "beats cover less than half of the window"
    assert windows.usable.tolist() == [True, True, False, True, True]
    assert windows.rmssd_ms[windows.usable] == pytest.approx(40)
    assert np.isnan(windows.rmssd_ms[2])
    assert not windows.derived.any()
    assert measured(both, utc_day=UTC_DAY - 1).start_s.tolist() == [START_S - 300]


def test_a_window_is_seen_by_what_saw_its_first_beat() -> None:
    beats = make_beats(START_S, 899)
    sensor = np.where(beats.end_s < START_S + 310, 1, 2)
    windows = measure_five_minutes(beats, UTC_DAY, np.zeros(899, bool), sensor=sensor)
    assert windows.sensor == ["ppg", "ppg", "ecg"]
    assert windows.take(np.array([False, True, True])).sensor == ["ppg", "ecg"]
    unknown = measured(beats, sensor=0)
    assert join([windows, unknown]).sensor == ["ppg", "ppg", "ecg", None, None, None]


def test_days_put_together_keep_what_is_each_ones_own() -> None:
    own, found = measured(make_beats(START_S, 299)), measured(make_beats(START_S + 600, 299))
    found = FiveMinutes(**{**vars(found), "derived": np.ones(1, bool)})
    both = join([own, found])
    assert both.derived.tolist() == [False, True]
    assert both.start_s.tolist() == [START_S, START_S + 600]
    assert both.take(both.derived).start_s.tolist() == [START_S + 600]
    assert len(both.reason) == len(both.coverage) == len(both.values["rmssd_ms"]) == 2


def test_the_ticks_of_the_clock_are_taken_out_only_where_they_are_known() -> None:
    beats = make_beats(START_S, 299)
    known = Beats(beats.end_s, beats.rr_ms, beats.gap_before, tick_ms=16.0)
    assert measured(beats).rmssd_ms == pytest.approx([40])
    assert measured(known).rmssd_ms == pytest.approx([np.sqrt(1600 - 128)])


@given(st.integers(0, 4000), st.integers(1, 4000), st.sampled_from([20.0, 60.0, 300.0]))
@settings(deadline=None, max_examples=30)
def test_a_day_sees_no_farther_than_its_margin(first: int, count: int, step_ms: float) -> None:
    beats = make_beats(START_S + DAY_S - 3000 + first, count, step_ms)
    near = beats.end_s < START_S + DAY_S + MARGIN_S
    whole = measured(beats)
    part = measured(Beats(beats.end_s[near], beats.rr_ms[near], beats.gap_before[near]))
    assert whole.start_s.tolist() == part.start_s.tolist()
    assert whole.reason == part.reason
    assert np.array_equal(whole.rmssd_ms, part.rmssd_ms, equal_nan=True)


@pytest.mark.parametrize("rate_hz", [10.0, 19.0])
def test_a_wave_of_few_samples_times_no_beats(rate_hz: float) -> None:
    t_s = np.arange(0, 60, 1 / rate_hz)
    assert find_wave_beats(t_s, np.sin(2 * np.pi * t_s)) is None
    assert find_wave_beats(t_s[:1], t_s[:1]) is None


def test_a_wave_of_enough_samples_is_timed_between_them() -> None:
    t_s = np.arange(0, 60, 1 / 32)
    found = find_wave_beats(t_s, np.exp(-0.5 * (((t_s % 0.9) - 0.3) / 0.08) ** 2))
    assert found is not None
    assert len(found) > 50
    assert found.rr_ms == pytest.approx(np.full(len(found), 900), abs=6)
