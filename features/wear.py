"""Minutes: the axis of one person's days, and in which of them the device was worn.

Everything finer than a night lies on one axis of UTC minutes without holes. Local days and clock
hours come from the offset of each minute, so a day of 23 or 25 hours is simply a day with 1,380 or
1,500 minutes. Missing is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DAY_MIN = 1440
NONWEAR_MIN = 15
"""So many minutes without heart rate are non-wear; shorter gaps are not (SCIENCE 4)."""

OFFSET_LASTS_MIN = DAY_MIN
"""How long the offset of the last record is believed before the person's zone is asked again."""


@dataclass(frozen=True)
class Clock:
    """A run of UTC minutes and the local time in each.

    Attributes
    ----------
    start_min : int
        First minute, in minutes since 1970-01-01 UTC.
    offset_min : (n,) int array
        Minutes east of UTC that held in each minute.
    """

    start_min: int
    offset_min: Ints

    def __len__(self) -> int:
        return len(self.offset_min)

    @cached_property
    def utc_min(self) -> Ints:
        """(n,) minutes since 1970-01-01 UTC."""
        return self.start_min + np.arange(len(self.offset_min), dtype=np.int64)

    @cached_property
    def local_min(self) -> Ints:
        """(n,) minutes of local time since 1970-01-01 00:00 local."""
        return self.utc_min + self.offset_min

    @cached_property
    def day(self) -> Ints:
        """(n,) local day, in days since 1970-01-01."""
        return self.local_min // DAY_MIN

    @cached_property
    def hour(self) -> Floats:
        """(n,) local clock hour of the middle of each minute, 0 to 24."""
        return np.asarray((self.local_min % DAY_MIN + 0.5) / 60.0, np.float64)

    @cached_property
    def days(self) -> dict[int, Ints]:
        """Local day → positions of its minutes, in order of time."""
        order = np.argsort(self.day, kind="stable")
        found, first = np.unique(self.day[order], return_index=True)
        return dict(zip(found.tolist(), np.split(order, first[1:]), strict=True))

    def minutes_of(self, day: int) -> Ints:
        """Positions of a local day's minutes; empty if the axis does not hold it."""
        return self.days.get(day, np.empty(0, np.int64))

    def noon(self, day: int) -> int:
        """Position of the first minute at or after noon of a local day; len(self) if not on the axis."""
        return self._noons.get(day, len(self))

    @cached_property
    def _noons(self) -> dict[int, int]:
        late = np.flatnonzero(self.local_min % DAY_MIN >= DAY_MIN // 2)
        days, first = np.unique(self.day[late], return_index=True)
        return dict(zip(days.tolist(), late[first].tolist(), strict=True))


def fill_offsets(start_min: int, zone_offset_min: Ints, *, seen_min: Ints, seen_offset_min: Ints) -> Clock:
    """The offset of each minute: what records said, for a day after each, else the zone's.

    Parameters
    ----------
    start_min : int
        First minute of the axis (minutes since 1970-01-01 UTC).
    zone_offset_min : (n,) int array
        Offset of the person's zone in each minute of the axis.
    seen_min, seen_offset_min : (k,) int arrays
        Minutes of records, in order of time, and the offset each record carries.
    """
    minute = start_min + np.arange(len(zone_offset_min), dtype=np.int64)
    last = np.searchsorted(seen_min, minute, side="right") - 1
    known = last >= 0
    last = np.maximum(last, 0)
    if len(seen_min):
        known &= minute - seen_min[last] < OFFSET_LASTS_MIN
        return Clock(start_min, np.where(known, seen_offset_min[last], zone_offset_min))
    return Clock(start_min, np.asarray(zone_offset_min, np.int64))


def lay_out(clock: Clock, minute: Ints, value: Floats) -> Floats:
    """Values of minutes on the axis, NaN where there is none; minutes off the axis are left out."""
    laid = np.full(len(clock), np.nan)
    place = minute - clock.start_min
    on_axis = (place >= 0) & (place < len(clock))
    laid[place[on_axis]] = value[on_axis]
    return laid


def spread_steps(t_min: Ints, span_s: Ints, steps: Ints) -> tuple[Ints, Floats]:
    """Steps of spans as steps a minute: a span of several minutes is shared out evenly.

    Returns
    -------
    minute, steps_per_min : arrays
        One entry a minute; where spans overlap the larger count stands.
    """
    length = np.maximum(1, -(-span_s // 60))
    minute = np.repeat(t_min, length) + _count_up(length)
    share = np.repeat(steps / length, length)
    order = np.lexsort((-share, minute))
    minute, share = minute[order], share[order]
    first = np.ones(len(minute), bool)
    first[1:] = minute[1:] != minute[:-1]
    return minute[first], share[first]


def _count_up(length: Ints) -> Ints:
    """0, 1, …, length−1 for each length, one after the other."""
    ends = np.cumsum(length)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - length, length)


def find_runs(flag: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Starts and (exclusive) ends of the runs of True."""
    edge = np.diff(np.concatenate(([0], np.asarray(flag, np.int8), [0])))
    return np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)


def find_nonwear(hr_bpm: Floats, *, gap_min: int = NONWEAR_MIN) -> Bools:
    """Minutes of non-wear: in a run of at least `gap_min` minutes without heart rate (SCIENCE 4)."""
    start, end = find_runs(np.isnan(hr_bpm))
    long = end - start >= gap_min
    mark = np.zeros(len(hr_bpm) + 1, np.int64)
    np.add.at(mark, start[long], 1)
    np.add.at(mark, end[long], -1)
    return np.cumsum(mark[:-1]) > 0


def complete_steps(listed: Floats, nonwear: Bools, clock: Clock) -> Floats:
    """Steps a minute, NaN where unknown: a worn minute without a record had no step.

    Fitbit lists a minute of no steps only where something moved: in the sample export unlisted
    waking minutes have a median heart rate of 68 /min against 76 in listed zeros and 84 in minutes
    with steps, and 5 % of their neighbours hold steps against 15 %. To read them as unknown would
    choose minutes by heart rate. So an unlisted minute counts as 0 where the device was worn and
    counted any steps that local day; otherwise it stays unknown.

    Parameters
    ----------
    listed : (n,) float array
        Steps a minute as recorded, NaN where nothing was recorded.
    nonwear : (n,) bool array
        From `find_nonwear`.
    clock : Clock
        The axis.
    """
    counting = np.zeros(len(listed), bool)
    for place in clock.days.values():
        counting[place] = not np.isnan(listed[place]).all()
    return np.where(np.isnan(listed) & counting & ~nonwear, 0.0, listed)


def find_unsure(clock: Clock, days_with_sleep: set[int]) -> Bools:
    """Minutes in which a worn device does not tell sleep from waking: nights without a main sleep.

    Where no main sleep was found for a date, the person slept without a log of it, so that 20:00 to
    noon is neither sleep nor waking. All 124 main sleeps of the sample export lie within those hours.

    Parameters
    ----------
    clock : Clock
        The axis.
    days_with_sleep : set of int
        Dates of nights with a main sleep, days since 1970-01-01.
    """
    date = (clock.local_min + DAY_MIN // 2) // DAY_MIN
    by_night = (clock.local_min % DAY_MIN < DAY_MIN // 2) | (clock.local_min % DAY_MIN >= 20 * 60)
    return by_night & ~np.isin(date, np.fromiter(days_with_sleep, np.int64, len(days_with_sleep)))


def rolling_sum(value: Floats, length: int) -> Floats:
    """Sum over the `length` minutes that end with each minute; fewer at the start of the axis."""
    total = np.concatenate(([0.0], np.cumsum(value)))
    end = np.arange(1, len(value) + 1)
    return total[end] - total[np.maximum(end - length, 0)]


def mark_spans(clock: Clock, start_s: Ints, end_s: Ints) -> Bools:
    """Minutes of which at least half lies in one of the spans (seconds since 1970-01-01 UTC)."""
    return seconds_in(clock, start_s, end_s) >= 30


def seconds_in(clock: Clock, start_s: Ints, end_s: Ints) -> Floats:
    """Seconds of each minute that lie in disjoint spans (seconds since 1970-01-01 UTC)."""
    low, high = clock.start_min * 60, (clock.start_min + len(clock)) * 60
    start, end = np.clip(start_s, low, high) - low, np.clip(end_s, low, high) - low
    keep = end > start
    start, end = start[keep], end[keep]
    covered = np.zeros(len(clock) + 2)
    for edge, sign in ((start, 1.0), (end, -1.0)):
        # A ramp begins in the edge's own minute with what is left of it, then 60 s in each later one.
        minute, into = edge // 60, edge % 60
        np.add.at(covered, minute, sign * (60 - into))
        np.add.at(covered, minute + 1, sign * into)
    return np.cumsum(covered)[: len(clock)]


def five_minute_means(utc_min: Ints, hr_bpm: Floats, *, least_min: int = 3) -> tuple[Ints, Floats]:
    """Mean heart rate in 5-minute bins aligned to UTC (:00, :05 …) with ≥ `least_min` minutes of it.

    Parameters
    ----------
    utc_min : (n,) int array
        Minutes since 1970-01-01 UTC, in order.
    hr_bpm : (n,) float array
        Mean heart rate of each minute, NaN where none.

    Returns
    -------
    bin_min, mean_bpm : arrays
        Start of each bin (minutes since 1970-01-01 UTC) and its mean of minute means.
    """
    have = ~np.isnan(hr_bpm)
    bins, group = np.unique(utc_min[have] // 5, return_inverse=True)
    count = np.bincount(group, minlength=len(bins))
    total = np.bincount(group, weights=hr_bpm[have], minlength=len(bins))
    enough = count >= least_min
    return bins[enough] * 5, total[enough] / count[enough]
