"""Windows of time over beats: where they start, and which intervals they hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.windows import aligned, sliding, spot, whole

TIMES = st.lists(st.floats(0, 2000, allow_nan=False), min_size=1, max_size=60).map(np.sort)


def test_aligned_windows_start_at_multiples_of_their_span_whatever_the_first_beat() -> None:
    found = aligned(np.array([1_790_000_123.0, 1_790_000_400.0, 1_790_001_000.0]))
    assert (found.start_s % 300 == 0).all()
    assert found.start_s.tolist() == [1_790_000_100.0, 1_790_000_400.0, 1_790_000_700.0, 1_790_001_000.0]
    assert found.first.tolist() == [0, 1, 2, 2]
    assert found.stop.tolist() == [1, 2, 2, 3]


def test_a_beat_on_an_edge_belongs_to_the_window_that_starts_there() -> None:
    found = aligned(np.array([299.999, 300.0, 599.9]))
    assert list(zip(found.first.tolist(), found.stop.tolist(), strict=True)) == [(0, 1), (1, 3)]


def test_sliding_windows_end_with_the_first_that_reaches_past_the_last_beat() -> None:
    found = sliding(np.array([65.0, 130.0, 300.0]), span_s=180, step_s=60)
    assert found.start_s.tolist() == [60.0, 120.0, 180.0]
    assert found.end_s.tolist() == [240.0, 300.0, 360.0]
    assert found.first.tolist() == [0, 1, 2]
    assert found.stop.tolist() == [2, 2, 3]
    assert sliding(np.array([65.0, 70.0]), span_s=180, step_s=60).start_s.tolist() == [60.0]


def test_a_day_has_288_windows_of_five_minutes_and_8623_of_three_every_ten_seconds() -> None:
    end_s = np.arange(0.5, 86_400)
    assert len(aligned(end_s)) == 288
    assert len(sliding(end_s, span_s=180, step_s=60)) == 1438
    assert len(sliding(end_s, span_s=180, step_s=10)) == 8623


def test_one_window_and_spots_are_where_they_are_asked() -> None:
    end_s = np.arange(0.0, 600.0)
    night = whole(end_s, 100.0, 200.0)
    assert (night.first.tolist(), night.stop.tolist(), night.span_s.tolist()) == ([100], [200], [100.0])
    spots = spot(end_s, np.array([0.0, 570.0]))
    assert (spots.stop - spots.first).tolist() == [60, 30]
    assert spots.span_s.tolist() == [60.0, 60.0]


def test_no_beats_no_windows_but_a_night_without_beats_is_an_empty_window() -> None:
    assert len(aligned(np.empty(0))) == 0
    night = whole(np.empty(0), 0.0, 28_800.0)
    assert night.first.tolist() == night.stop.tolist() == [0]


def test_a_span_or_a_step_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0 s"):
        sliding(np.arange(3.0), span_s=180, step_s=0)
    with pytest.raises(ValueError, match="above 0 s"):
        aligned(np.arange(3.0), span_s=-1)


@settings(deadline=None, max_examples=60)
@given(TIMES, st.sampled_from([7.0, 60.0, 300.0]), st.sampled_from([7.0, 10.0, 60.0]))
def test_every_window_holds_just_the_beats_within_it_and_no_beat_is_lost(
    end_s: np.ndarray, span_s: float, step_s: float
) -> None:
    found = sliding(end_s, span_s=span_s, step_s=step_s)
    for start, end, first, stop in zip(found.start_s, found.end_s, found.first, found.stop, strict=True):
        assert end_s[first:stop].tolist() == end_s[(end_s >= start) & (end_s < end)].tolist()
    assert found.start_s[0] <= end_s[0] < found.start_s[0] + step_s
    assert found.end_s[-1] > end_s[-1]
    assert (found.end_s[:-1] <= end_s[-1]).all()
