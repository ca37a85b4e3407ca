"""Every feature of every day asked for, and the episodes of momentary arousal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from features import activity, arousal, circadian, data_yield, electrodermal, measure, nights
from features.cycle import measure_start
from features.electrodermal import Spans
from features.episodes import Episode, find_episodes
from features.felt import Said, measure_felt
from features.five_minutes import FiveMinutes
from features.measure import Measure, missing
from features.night_signals import From, measure_signals, measure_temperatures
from features.person import Person
from features.wear import Ints

SKIN = ("scr_rate", "scl")


@dataclass(frozen=True)
class Valued:
    """One feature of one day, with the stream it is from."""

    day: int
    feature: str
    measure: Measure
    stream: str | None


@dataclass(frozen=True)
class Beside:
    """What is read day by day beside a person's minutes.

    Attributes
    ----------
    fives : mapping
        Stream → its windows of five minutes of the days asked for and of the days around them.
    skins : mapping
        Local day → stream → skin conductance by the minute.
    said : mapping
        Local day → check-ins of felt stress.
    """

    fives: Mapping[str, FiveMinutes]
    skins: Mapping[int, Mapping[str, Spans]]
    said: Mapping[int, Said]


def measure_days(
    person: Person, days: Iterable[int], beside: Beside, usual: Mapping[int, Usual | None]
) -> list[Valued]:
    """Every feature of each local day asked for, in order of day and feature."""
    valued = []
    temperatures = measure_temperatures(person)
    for day in sorted(days):
        streams = _stream_names(person, day)
        values = nights.measure_night(person, day) | _measure_waking(person, day, usual[day])
        named = {name: (m, streams.get(name, streams["day"])) for name, m in values.items()}
        named["steps"] = _measure_steps(person, day, named["steps"])
        named |= measure_signals(person, day, beside.fives, temperatures)
        named |= _measure_skin(person, day, beside.skins.get(day, {}))
        named["felt_stress"] = measure_felt(beside.said.get(day))
        named["cycle_start"] = measure_start(person.bleeding, day)
        valued += [Valued(day, name, m, stream) for name, (m, stream) in named.items()]
    return sorted(valued, key=lambda v: (v.day, v.feature))


def _stream_names(person: Person, day: int) -> dict[str, str | None]:
    """The stream of each feature that is not from the day's: by name, with the day's as 'day'."""
    one = person.night_of(day)
    heart = person.heart_of_night(one)
    of_sleep = (*nights.OF_SLEEP, *nights.HISTORY)
    names: dict[str, str | None] = dict.fromkeys(of_sleep, one.stream if one else None)
    names |= dict.fromkeys(nights.HEART, heart.name if heart else None)
    vendor = person.vendor_rhr.get(day)
    return names | {"rhr_vendor": vendor[2] if vendor else None, "day": person.stream_name(day)}


def _measure_steps(person: Person, day: int, counted: From) -> From:
    """`steps`, from a vendor's total of the day where no minute of the day has steps."""
    totals = {
        name: float(some.value[some.day == day][-1])
        for name, some in person.samples.get("steps_day", {}).items()
        if (some.day == day).any()
    }
    if counted[0].value is not None or not totals:
        return counted
    name = min(totals, key=lambda one: (one != counted[1], one))
    return activity.measure_steps_total(totals[name]), name


def _measure_skin(
    person: Person, day: int, skins: Mapping[str, Spans]
) -> dict[str, tuple[Measure, str | None]]:
    """`SKIN` from the device with most to say. A device without steps is still where its own motion says so."""
    grid, place = person.grid, person.clock.minutes_of(day)
    rest = grid.resting[place] & (grid.still[place] | np.isnan(grid.steps[place]))
    still_min = person.clock.utc_min[place][rest]
    each = {name: electrodermal.measure_skin(spans, still_min) for name, spans in sorted(skins.items())}
    if not each:
        return dict.fromkeys(SKIN, (missing(measure.NO_DATA), None))
    if not len(still_min):
        return dict.fromkeys(SKIN, (missing(measure.NOT_KNOWN_AWAKE), min(each)))
    best = max(each, key=lambda name: each[name]["scl"].n_obs)
    return {name: (each[best][name], best) for name in SKIN}


def sum_days(person: Person, days: Iterable[int]) -> dict[int, arousal.DaySums]:
    """The sums of `arousal` for those days that a fit for the given days may use."""
    grid = person.grid
    sums = {}
    for day in sorted({d - back for d in days for back in range(1, arousal.TRAILING_DAYS + 1)}):
        place = person.clock.minutes_of(day)
        if grid.usable[place].any():
            sums[day] = arousal.sum_day(grid.rows[place], grid.usable[place], person.clock.utc_min[place])
    return sums


def same_device(person: Person, day: int, sums: Mapping[int, arousal.DaySums]) -> dict[int, arousal.DaySums]:
    """The sums of those days on which the same device counts: a fit uses only these."""
    stream = person.stream_of_day.get(day)
    return {d: s for d, s in sums.items() if person.stream_of_day.get(d) == stream}


@dataclass(frozen=True)
class Usual:
    """What is usual for a person before a day: the fit to the days before, and how heart rate strays from it.

    Attributes
    ----------
    model : arousal.Fit
    sd_bpm : float
        s_p: robust SD of heart rate above expected in the still minutes of those days, /min.
    """

    model: arousal.Fit
    sd_bpm: float


def fit_days(person: Person, days: Iterable[int]) -> dict[int, Usual | None]:
    """What is usual before each day; None with too few days before it."""
    days = list(days)
    sums = sum_days(person, days)
    return {day: _fit_before(person, day, same_device(person, day, sums)) for day in days}


def _fit_before(person: Person, day: int, sums: Mapping[int, arousal.DaySums]) -> Usual | None:
    model = arousal.fit_before(day, sums)
    if model is None:
        return None
    return Usual(model, usual_sd_bpm(person, model, arousal.days_used(day, sums)))


def _measure_waking(person: Person, day: int, usual: Usual | None) -> dict[str, Measure]:
    """The features of the waking day from heart rate and steps."""
    grid, place = person.grid, person.clock.minutes_of(day)
    waking = ~(grid.in_sleep | grid.unsure)[place]
    values = activity.measure_day(grid.hr_bpm[place], grid.steps[place], waking)
    values |= activity.measure_movement(
        grid.steps[place],
        person.clock.utc_min[place],
        awake=waking,
        worn=~grid.nonwear[place],
        coarse=grid.coarse[place],
    )
    values |= circadian.measure_rhythm(person.step_hours, day)
    values |= data_yield.measure_yield(*data_yield.yield_of_day(grid.hr_bpm[place], grid.nonwear[place]))
    values |= arousal.measure_rhythm(usual.model if usual else None)
    if np.isnan(grid.hr_bpm[place]).all():
        return values | dict.fromkeys(("ahr_day", "arousal_min"), missing(measure.NO_DATA))
    if usual is None:
        few = missing(measure.too_few_before(arousal.LEAST_DAYS, "days"))
        return values | dict.fromkeys(("ahr_day", "arousal_min"), few)
    return values | _measure_arousal(person, place, usual)


def _measure_arousal(person: Person, place: Ints, usual: Usual) -> dict[str, Measure]:
    """`ahr_day` and `arousal_min` from a fit and the still minutes of the day and of the days before."""
    grid = person.grid
    now = place[(grid.usable & grid.still)[place]]
    return arousal.measure_above(
        usual.model.above(grid.rows[now]),
        person.clock.utc_min[now],
        run=grid.still_run[now],
        ready=arousal.settled(grid.still)[now],
        sd_bpm=usual.sd_bpm,
        coverage=min(1.0, int(grid.usable[place].sum()) / activity.DAY_GOAL_MIN),
    )


def usual_sd_bpm(person: Person, model: arousal.Fit, past_days: list[int]) -> float:
    """s_p: robust SD of heart rate above expected in the still minutes of the days before, /min."""
    grid = person.grid
    past = np.concatenate([person.clock.minutes_of(d) for d in past_days])
    earlier = model.above(grid.rows[past[(grid.usable & grid.still)[past]]])
    return arousal.robust_sd(earlier) if len(earlier) else 0.0


BEFORE_MIN, AFTER_MIN = 120, 720
"""Minutes looked at on either side of a day: an episode over midnight belongs to the day it begins on, and
ends the day after."""


def find_day_episodes(person: Person, day: int, usual: Usual | None) -> list[Episode]:
    """Momentary arousal that begins on a local day; none where there is no fit to the days before."""
    minutes = person.clock.minutes_of(day)
    if usual is None or not len(minutes):
        return []
    grid = person.grid
    near = slice(max(0, int(np.min(minutes)) - BEFORE_MIN), int(np.max(minutes)) + AFTER_MIN + 1)
    found = find_episodes(
        usual.model.above(grid.rows[near]),
        still=grid.still[near],
        usable=grid.usable[near],
        start_min=person.clock.start_min + near.start,
        sd_bpm=usual.sd_bpm,
        kappa=usual.model.kappa,
    )
    starts = set(person.clock.utc_min[minutes].tolist())
    return [episode for episode in found if episode.start_min in starts]
