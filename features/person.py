"""One person's days: from signals on a minute axis to every feature of every day asked for.

This is where the function modules are put together. It holds no science of its own beyond which
minutes and nights each feature is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features import activity, arousal, measure, night, regularity, sleep, wear
from features.measure import Measure, found, missing
from features.sleep import Log, Night
from features.wear import Bools, Clock, Floats, Ints


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
    """

    name: str
    hr_bpm: Floats
    listed_steps: Floats


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
    """

    clock: Clock
    streams: tuple[Stream, ...]
    logs: Mapping[str, tuple[Log, ...]]
    workout_s: Ints
    vendor_rhr: Mapping[int, tuple[float, float, str]]

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

    def hr_share(self, one: Night) -> float:
        """Share of the minutes of a night's main sleep with heart rate of the same device."""
        shares = [_share(s.hr_bpm[_main_span(self, one)]) for s in self.streams if s.name == one.stream]
        return shares[0] if shares else 0.0

    def heart_of_night(self, one: Night | None) -> Stream | None:
        """The device whose heart rate a night uses: that of the sleep log, else the one with most of it.

        The log's own device needs heart rate in 60 % of the sleep; devices are never mixed.
        """
        if one is None or one.main is None or not self.streams:
            return None
        share = {s.name: _share(s.hr_bpm[_main_span(self, one)]) for s in self.streams}
        enough = share.get(one.stream, 0.0) >= night.LEAST_COVERAGE
        name = one.stream if enough else max(share, key=lambda n: (share[n], n == one.stream))
        return next(s for s in self.streams if s.name == name)

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

    def stream_name(self, day: int) -> str | None:
        """Name of the stream used on a local day; None without one."""
        place = self.stream_of_day.get(day)
        return None if place is None else self.streams[place].name

    @cached_property
    def grid(self) -> Grid:
        """The minutes of the devices chosen day by day."""
        hr_bpm, listed = np.full((2, len(self.clock)), np.nan)
        for day, place in self.stream_of_day.items():
            minutes = self.clock.minutes_of(day)
            hr_bpm[minutes] = self.streams[place].hr_bpm[minutes]
            listed[minutes] = self.streams[place].listed_steps[minutes]
        logs = sorted((log for n in self.nights.values() for log in n.logs), key=lambda log: log.onset_s)
        found_main = {day for day, n in self.nights.items() if n.main is not None}
        unsure = wear.find_unsure(self.clock, found_main)
        return make_grid(self.clock, hr_bpm, listed, logs=logs, unsure=unsure, workout_s=self.workout_s)


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
    usable : bool array
        Awake, worn, outside exercise and its recovery, with known steps before it.
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
    usable: Bools
    still: Bools
    rows: Floats

    @property
    def asleep(self) -> Bools:
        """Minutes of which at least half is sleep."""
        return self.asleep_s >= 30

    @property
    def known(self) -> Bools:
        """Minutes in which it is known whether the person slept."""
        return self.in_sleep | ~(self.nonwear | self.unsure)

    @cached_property
    def still_run(self) -> Ints:
        """A number for each stretch of still minutes; it changes wherever stillness breaks."""
        return np.cumsum(~self.still)


def make_grid(
    clock: Clock, hr_bpm: Floats, listed: Floats, *, logs: Iterable[Log], unsure: Bools, workout_s: Ints
) -> Grid:
    """Lay sleep and exercise over the minutes and prepare the regressors.

    Parameters
    ----------
    clock, hr_bpm, listed
        The axis, heart rate and steps as recorded.
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


@dataclass(frozen=True)
class Valued:
    """One feature of one day, with the stream it is from."""

    day: int
    feature: str
    measure: Measure
    stream: str | None


def measure_days(person: Person, days: Iterable[int]) -> list[Valued]:
    """Every feature of each local day asked for, in order of day and feature."""
    asked = sorted(days)
    sums = _sum_days(person, {d for day in asked for d in range(day - arousal.TRAILING_DAYS, day)})
    valued = []
    for day in asked:
        streams = _stream_names(person, day)
        values = measure_night(person, day) | _measure_waking(person, day, sums)
        valued += [Valued(day, name, m, streams.get(name, streams["day"])) for name, m in values.items()]
    return sorted(valued, key=lambda v: (v.day, v.feature))


def _stream_names(person: Person, day: int) -> dict[str, str | None]:
    """The stream of each feature that is not from the day's: by name, with the day's as 'day'."""
    one = person.nights.get(day)
    heart = person.heart_of_night(one)
    of_sleep = (*sleep.WITH_MAIN, *sleep.WITH_STAGES, "nap_min", "valid_night", *HISTORY)
    names: dict[str, str | None] = dict.fromkeys(of_sleep, one.stream if one else None)
    names |= dict.fromkeys(HEART, heart.name if heart else None)
    vendor = person.vendor_rhr.get(day)
    return names | {"rhr_vendor": vendor[2] if vendor else None, "day": person.stream_name(day)}


def measure_night(person: Person, day: int) -> dict[str, Measure]:
    """The night features of one date."""
    one, grid = person.nights.get(day), person.grid
    window = slice(person.clock.noon(day - 1), person.clock.noon(day))
    known = grid.known[window]
    known_share = float(known.mean()) if len(known) else 0.0
    heart = person.heart_of_night(one)
    hr_bpm = heart.hr_bpm if heart else np.full(len(person.clock), np.nan)
    share = _share(hr_bpm[_main_span(person, one)])
    values = sleep.measure_night(one, hr_coverage=share, known_share=known_share)
    values |= _measure_heart(person, one, hr_bpm, share)
    values |= _measure_history(person, day, values["tst24_min"])
    noon = person.clock.noon(day)
    week = slice(max(0, noon - regularity.SRI_DAYS * wear.DAY_MIN), noon)
    if week.stop - week.start == regularity.SRI_DAYS * wear.DAY_MIN:
        values["sri_7d"] = regularity.measure_sri(grid.asleep[week], grid.known[week])
    else:
        values["sri_7d"] = missing(measure.NO_DATA)
    return values | {"rhr_vendor": _measure_vendor(person, day)}


def _share(hr_bpm: Floats) -> float:
    """Share of minutes with heart rate; 0 of none."""
    return float((~np.isnan(hr_bpm)).mean()) if len(hr_bpm) else 0.0


def _main_span(person: Person, one: Night | None) -> slice:
    """Positions of the main sleep, onset to final wake; empty without one."""
    if one is None or one.main is None:
        return slice(0, 0)
    return person.span(one.main.onset_s, one.main.wake_s)


HEART = ("rhr_night", "hr_dip", "t_hr_nadir", "hr_coverage_night")


def _measure_heart(person: Person, one: Night | None, hr_bpm: Floats, share: float) -> dict[str, Measure]:
    """Heart rate features of the night, and whether it is valid."""
    if one is None or one.main is None:
        none = dict.fromkeys(HEART, missing(measure.NO_MAIN_SLEEP))
        return none | {"valid_night": found(0, n_obs=0, coverage=0.0)}
    main, grid, span = one.main, person.grid, _main_span(person, one)
    minute, asleep = person.clock.utc_min[span], grid.asleep[span]
    quality = sleep.night_quality(one, share)
    before = person.span(main.onset_s - sleep.DAY_S, main.onset_s)
    still = hr_bpm[before][grid.usable[before] & grid.still[before]]
    sleeping = hr_bpm[span][asleep]
    valid = share >= night.LEAST_COVERAGE
    return {
        "rhr_night": night.measure_rhr(minute, hr_bpm[span], asleep, coverage=share, quality=quality),
        "hr_dip": night.measure_dip(
            sleeping[~np.isnan(sleeping)], still[~np.isnan(still)], coverage=share, quality=quality
        ),
        "t_hr_nadir": night.measure_nadir(
            minute, hr_bpm[span], main.onset_s / 60, main.wake_s / 60, coverage=share, quality=quality
        ),
        "hr_coverage_night": found(share, n_obs=len(minute), coverage=share, quality=quality),
        "valid_night": found(valid, n_obs=len(minute), coverage=share),
    }


HISTORY = ("sleep_need_h", "sleep_short", "cpd")


def _measure_history(person: Person, day: int, tst24: Measure) -> dict[str, Measure]:
    """What a night is against the 28 nights before it: need, shortness, phase deviation."""
    past = [person.nights.get(d) for d in range(day - regularity.HISTORY_NIGHTS, day)]
    slept = [(n.day, n, n.main) for n in past if n is not None and n.main is not None]
    free = np.array([regularity.is_free(d) for d, _, _ in slept], bool)
    tst_h = np.array([main.tst_min / 60 for _, _, main in slept], float)
    need = regularity.measure_need(tst_h[free])
    this, before = person.nights.get(day), person.nights.get(day - 1)
    return {
        "sleep_need_h": need,
        "sleep_short": regularity.measure_short(need, tst24),
        "cpd": regularity.measure_cpd(
            sleep.midsleep_hour(this) if this else math.nan,
            sleep.midsleep_hour(before) if before else math.nan,
            past_midsleep_h=np.array([sleep.midsleep_hour(n) for _, n, _ in slept], float),
            past_sleep_h=np.array([main.spt_min / 60 for _, _, main in slept], float),
            past_free=free,
        ),
    }


def _measure_vendor(person: Person, day: int) -> Measure:
    """`rhr_vendor`, as the vendor gave it."""
    if day not in person.vendor_rhr:
        return missing(measure.NO_VENDOR_VALUE)
    value, error, _ = person.vendor_rhr[day]
    return found(value, n_obs=1, coverage=None, se=None if math.isnan(error) else error)


def _sum_days(person: Person, days: Iterable[int]) -> dict[int, arousal.DaySums]:
    """The sums of `arousal` for those of the days that have usable minutes."""
    grid = person.grid
    sums = {}
    for day in sorted(days):
        place = person.clock.minutes_of(day)
        if grid.usable[place].any():
            sums[day] = arousal.sum_day(grid.rows[place], grid.usable[place], person.clock.utc_min[place])
    return sums


def _measure_waking(person: Person, day: int, sums: Mapping[int, arousal.DaySums]) -> dict[str, Measure]:
    """The day features of one local day. A fit uses only days of the same device as the day scored."""
    grid, place = person.grid, person.clock.minutes_of(day)
    stream = person.stream_of_day.get(day)
    same = {d: s for d, s in sums.items() if person.stream_of_day.get(d) == stream}
    model = arousal.fit_before(day, same)
    waking = ~(grid.in_sleep | grid.unsure)[place]
    values = activity.measure_day(grid.hr_bpm[place], grid.steps[place], waking)
    values |= arousal.measure_rhythm(model)
    if np.isnan(grid.hr_bpm[place]).all():
        return values | dict.fromkeys(("ahr_day", "arousal_min"), missing(measure.NO_DATA))
    if model is None:
        few = missing(measure.too_few_before(arousal.LEAST_DAYS, "days"))
        return values | dict.fromkeys(("ahr_day", "arousal_min"), few)
    return values | _measure_arousal(person, place, model, arousal.days_used(day, same))


def _measure_arousal(
    person: Person, place: Ints, model: arousal.Fit, past_days: list[int]
) -> dict[str, Measure]:
    """`ahr_day` and `arousal_min` from a fit and the still minutes of the day and of the days before."""
    grid = person.grid
    past = np.concatenate([person.clock.minutes_of(d) for d in past_days])
    earlier = model.above(grid.rows[past[(grid.usable & grid.still)[past]]])
    now = place[(grid.usable & grid.still)[place]]
    return arousal.measure_above(
        model.above(grid.rows[now]),
        person.clock.utc_min[now],
        run=grid.still_run[now],
        ready=arousal.settled(grid.still)[now],
        sd_bpm=arousal.robust_sd(earlier) if len(earlier) else 0.0,
        coverage=min(1.0, int(grid.usable[place].sum()) / activity.DAY_GOAL_MIN),
    )


@dataclass(frozen=True)
class Hours:
    """Wear of a local day, an array entry an hour.

    Attributes
    ----------
    start_min : int array
        Start of each local hour, minutes since 1970-01-01 UTC.
    offset_min : int array
        Minutes east of UTC in it.
    worn_min, asleep_min, hr_bpm, steps : float arrays
        As `feature.hour` declares them; NaN where there is nothing.
    """

    start_min: Ints
    offset_min: Ints
    worn_min: Floats
    asleep_min: Floats
    hr_bpm: Floats
    steps: Floats


def measure_hours(grid: Grid, day: int) -> Hours:
    """Wear hour by hour of one local day: 23, 24 or 25 hours as the clocks went."""
    place = grid.clock.minutes_of(day)
    offset = grid.clock.offset_min[place]
    start = grid.clock.local_min[place] // 60 * 60 - offset
    # A change of offset inside an hour makes two rows of it, which start at different instants.
    first, index, group = np.unique(start, return_index=True, return_inverse=True)
    worn = ~np.isnan(grid.hr_bpm[place])
    counted = ~np.isnan(grid.steps[place])

    def total(value: Floats) -> Floats:
        return np.bincount(group, weights=value, minlength=len(first)).astype(np.float64)

    worn_min, counted_min = total(worn.astype(float)), total(counted.astype(float))
    hr_sum = total(np.where(worn, grid.hr_bpm[place], 0.0))
    steps = total(np.where(counted, grid.steps[place], 0.0))
    return Hours(
        first,
        offset[index],
        worn_min,
        total(grid.asleep_s[place]) / 60,
        np.where(worn_min > 0, hr_sum / np.maximum(worn_min, 1), np.nan),
        np.where((counted_min > 0) & ((worn_min > 0) | (steps > 0)), steps, np.nan),
    )
