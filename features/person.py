"""One person: what each device recorded, on an axis of minutes, and which device counts when."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features import arousal, night, sleep, sleep_window, wear
from features.circadian import Hourly, hourly_means
from features.sleep import Log, Night
from features.wear import Bools, Clock, Floats, Ints
from warehouse.sleep_model import SleepModel


@dataclass(frozen=True)
class Stream:
    """What one device recorded, on the person's axis.

    Attributes
    ----------
    name : str
        'source/device'.
    hr_bpm : (n,) float array
        Mean heart rate of each minute, NaN without a sample of confidence above 0.
    listed_steps : (n,) float array
        Steps of each minute as recorded, NaN where nothing was.
    coarse : (n,) bool array
        The minute's steps were shared out from a longer record.
    """

    name: str
    hr_bpm: Floats
    listed_steps: Floats
    coarse: Bools


@dataclass(frozen=True)
class Samples:
    """Single values of one kind that one device gave, in order of time; every array is (n,).

    Attributes
    ----------
    t_s : float array
        Seconds since 1970-01-01 UTC.
    day : int array
        Local day of each.
    value : float array
        In the unit of the kind.
    """

    t_s: Floats
    day: Ints
    value: Floats

    def within(self, start_s: float, end_s: float) -> Samples:
        """Those at or after a start and before an end."""
        place = slice(*np.searchsorted(self.t_s, (start_s, end_s)))
        return Samples(self.t_s[place], self.day[place], self.value[place])


@dataclass(frozen=True)
class Person:
    """All that the features of one person's days are made from.

    Attributes
    ----------
    clock : Clock
        The axis: from 31 days before the first day asked for.
    streams : tuple of Stream
        In order of name.
    logs : mapping
        Stream → its sleep logs.
    workout_s : (k, 2) int array
        Start and end of workouts, seconds since 1970-01-01 UTC.
    vendor_rhr : mapping
        Local day → the vendor's resting heart rate, its error (NaN if none), and the stream.
    samples : mapping
        Kind (`respiration`, `sdnn_spot`, …) → stream → its values.
    zones : tuple of (int, str)
        First minute (UTC) and IANA zone of each stretch of time; the first holds from ever.
    bleeding : mapping
        Local day on which bleeding was logged → the stream that says so.
    sleep_model : SleepModel or None
        Finds the sleep window of nights that no source logs; None where none is installed.
    """

    clock: Clock
    streams: tuple[Stream, ...]
    logs: Mapping[str, tuple[Log, ...]]
    workout_s: Ints
    vendor_rhr: Mapping[int, tuple[float, float, str]]
    samples: Mapping[str, Mapping[str, Samples]]
    zones: tuple[tuple[int, str], ...]
    bleeding: Mapping[int, str]
    sleep_model: SleepModel | None = None

    @cached_property
    def nights(self) -> dict[int, Night]:
        """Date → the night of the device chosen for it."""
        each = [sleep.assemble(logs, name) for name, logs in sorted(self.logs.items())]
        chosen = {}
        for day in sorted(set().union(*each)):
            candidates = [nights[day] for nights in each if day in nights]
            shares = {n.stream: self.hr_share(n) for n in candidates} if len(candidates) > 1 else {}
            chosen[day] = sleep.choose(candidates, shares)
        return chosen

    @cached_property
    def estimated(self) -> dict[int, Night]:
        """Date → the night whose window is estimated, of those that no source logs anything of.

        They stand beside `nights`, not among them: what is asleep, awake or regular is told by logs alone.
        """
        if self.sleep_model is None:
            return {}
        logged_s = [(log.start_s, log.end_s) for logs in self.logs.values() for log in logs]
        return sleep_window.estimate_nights(
            self.sleep_model,
            self.clock,
            {stream.name: stream.hr_bpm for stream in self.streams},
            np.array(logged_s, np.int64).reshape(-1, 2),
        )

    def night_of(self, day: int) -> Night | None:
        """The night of a date as logged, else as estimated."""
        return self.nights.get(day) or self.estimated.get(day)

    def hr_share(self, one: Night) -> float:
        """Share of the minutes of a night's main sleep with heart rate of the same device."""
        shares = [share_known(s.hr_bpm[self.main_span(one)]) for s in self.streams if s.name == one.stream]
        return shares[0] if shares else 0.0

    def heart_of_night(self, one: Night | None) -> Stream | None:
        """The device whose heart rate a night uses: that of the sleep log, else the one with most of it.

        The log's own device needs heart rate in 60 % of the sleep; devices are never mixed.
        """
        if one is None or one.main is None or not self.streams:
            return None
        share = {s.name: share_known(s.hr_bpm[self.main_span(one)]) for s in self.streams}
        enough = share.get(one.stream, 0.0) >= night.LEAST_COVERAGE
        name = one.stream if enough else max(share, key=lambda n: (share[n], n == one.stream))
        return next(s for s in self.streams if s.name == name)

    def main_span(self, one: Night | None) -> slice:
        """Positions of the main sleep, onset to final wake; empty without one."""
        if one is None or one.main is None:
            return slice(0, 0)
        return self.span(one.main.onset_s, one.main.wake_s)

    def asleep_in(self, one: Night | None) -> Bools:
        """Which minutes of the main sleep are asleep; of an estimated one all, since nothing tells."""
        span = self.main_span(one)
        if one is not None and one.main is not None and one.main.estimated:
            return np.ones(len(self.clock.utc_min[span]), np.bool_)
        return self.grid.asleep[span]

    def asleep_min(self, one: Night | None) -> Ints:
        """Minutes asleep of the main sleep, minutes since 1970-01-01 UTC."""
        return self.clock.utc_min[self.main_span(one)][self.asleep_in(one)]

    def span(self, start_s: float, end_s: float) -> slice:
        """Positions of the whole minutes between two instants."""
        low = math.ceil(start_s / 60) - self.clock.start_min
        high = math.floor(end_s / 60) - self.clock.start_min
        return slice(max(0, low), max(0, low, high))

    @cached_property
    def stream_of_day(self) -> dict[int, int]:
        """Local day → place of the stream used by day: most minutes of heart rate, then of steps."""
        chosen = {}
        for day, place in self.clock.days.items():
            rank = [
                ((~np.isnan(s.hr_bpm[place])).sum(), (~np.isnan(s.listed_steps[place])).sum())
                for s in self.streams
            ]
            best = max(range(len(rank)), key=lambda i: (rank[i], -i), default=-1)
            if best >= 0 and any(rank[best]):
                chosen[day] = best
        return chosen

    def nonwear_of(self, stream: Stream) -> Bools:
        """Minutes in a gap of 15 min or more without heart rate of one device."""
        return wear.find_nonwear(stream.hr_bpm)

    def stream_name(self, day: int) -> str | None:
        """Name of the stream used on a local day; None without one."""
        place = self.stream_of_day.get(day)
        return None if place is None else self.streams[place].name

    @cached_property
    def step_hours(self) -> Hourly:
        """Steps an hour, by local clock hour."""
        return hourly_means(60 * self.grid.steps, self.clock.utc_min, self.clock.local_min)

    @cached_property
    def grid(self) -> Grid:
        """The minutes of the devices chosen day by day."""
        hr_bpm, listed = np.full((2, len(self.clock)), np.nan)
        coarse = np.zeros(len(self.clock), np.bool_)
        for day, place in self.stream_of_day.items():
            minutes = self.clock.minutes_of(day)
            hr_bpm[minutes] = self.streams[place].hr_bpm[minutes]
            listed[minutes] = self.streams[place].listed_steps[minutes]
            coarse[minutes] = self.streams[place].coarse[minutes]
        logs = sorted((log for n in self.nights.values() for log in n.logs), key=lambda log: log.onset_s)
        found_main = {day for day, n in self.nights.items() if n.main is not None}
        unsure = wear.find_unsure(self.clock, found_main)
        return make_grid(
            self.clock, hr_bpm, listed, coarse=coarse, logs=logs, unsure=unsure, workout_s=self.workout_s
        )


@dataclass(frozen=True)
class Grid:
    """Minutes of one person, ready for the features; every array is (n,) on `clock`.

    Attributes
    ----------
    hr_bpm, steps : float arrays
        NaN where not worn, and where unknown.
    nonwear, in_sleep, unsure : bool arrays
        In a gap of ≥ 15 min; between onset and final wake of a sleep or nap; in the night hours of a
        night whose main sleep was not found (`wear.find_unsure`).
    asleep_s : float array
        Seconds asleep in each minute.
    coarse : bool array
        Steps were shared out from a longer record.
    resting : bool array
        Awake as far as is known, outside exercise and its recovery.
    usable : bool array
        Resting and worn, with known steps before it.
    still : bool array
        At rest (`arousal.find_still`).
    rows : (n, 8) float array
        The regressors of `arousal` and heart rate.
    """

    clock: Clock
    hr_bpm: Floats
    steps: Floats
    nonwear: Bools
    in_sleep: Bools
    unsure: Bools
    asleep_s: Floats
    coarse: Bools
    resting: Bools
    usable: Bools
    still: Bools
    rows: Floats

    @cached_property
    def asleep(self) -> Bools:
        """Minutes of which at least half is sleep."""
        return self.asleep_s >= 30

    @cached_property
    def known(self) -> Bools:
        """Minutes in which it is known whether the person slept."""
        return self.in_sleep | ~(self.nonwear | self.unsure)

    @cached_property
    def still_run(self) -> Ints:
        """A number for each stretch of still minutes; it changes wherever stillness breaks."""
        return np.cumsum(~self.still)


def make_grid(
    clock: Clock,
    hr_bpm: Floats,
    listed: Floats,
    *,
    coarse: Bools,
    logs: Iterable[Log],
    unsure: Bools,
    workout_s: Ints,
) -> Grid:
    """Lay sleep and exercise over the minutes and prepare the regressors.

    Parameters
    ----------
    clock, hr_bpm, listed, coarse
        The axis, heart rate and steps as recorded, and where steps were shared out.
    logs : iterable of Log
        The sleeps chosen, in order of onset.
    unsure : (n,) bool array
        From `wear.find_unsure`.
    workout_s : (k, 2) int array
        Start and end of workouts, seconds.
    """
    logs = list(logs)
    nonwear = wear.find_nonwear(hr_bpm)
    steps = wear.complete_steps(listed, nonwear, clock)
    in_sleep = wear.mark_spans(clock, *_disjoint([(log.onset_s, log.wake_s) for log in logs]))
    stretches = [
        (int(a), int(b))
        for log in logs
        for a, b in zip(log.stage_start_s[log.asleep], log.stage_end_s[log.asleep], strict=True)
    ]
    recovery_s = 60 * arousal.RECOVERY_MIN
    exercise = _disjoint([(int(a), int(b) + recovery_s) for a, b in workout_s])
    rows = np.column_stack((arousal.regressors(clock, steps), hr_bpm))
    resting = ~in_sleep & ~unsure & ~(wear.seconds_in(clock, *exercise) > 0)
    return Grid(
        clock,
        hr_bpm,
        steps,
        nonwear,
        in_sleep,
        unsure & ~in_sleep,
        wear.seconds_in(clock, *_disjoint(stretches)),
        coarse,
        resting,
        resting & ~np.isnan(rows).any(axis=1),
        arousal.find_still(steps),
        rows,
    )


def _disjoint(spans: list[tuple[int, int]]) -> tuple[Ints, Ints]:
    """Starts and ends of spans, those that touch or overlap joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    pairs = np.array(joined, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def share_known(value: Floats) -> float:
    """Share of minutes with a value; 0 of none."""
    return float((~np.isnan(value)).mean()) if len(value) else 0.0
