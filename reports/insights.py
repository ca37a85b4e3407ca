"""What is worth saying of a day: at most three things, chosen by size, certainty and novelty.

Everything here is a function of the values of the day and of the six days before it, never of what
was said then: so a day that is redone by itself says what it would have said in a full run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from scipy.special import ndtr, ndtri, stdtr

from reports.read import IndexDay, Part, Person, Workout

LOOK_BACK_DAYS = 6
MOST_A_DAY = 3
MOST_OTHERS = 2
USUAL_Z = 1.0
"""Usual is where about two in three days fall: within one z (SCIENCE: 16 to 84)."""
STRIKING_Z = 2.0
"""What a feature takes to be named on a day that was ordinary as a whole."""
FEWEST_NEWS = 0.8
"""Size times certainty times novelty below this is no news: what was so on most days before."""
LEARNING_DAYS = 5
ZONE_MIN = 120.0
"""Summer time moves a clock by 60 minutes; from here on it was a trip."""
ZONE_DAYS = 3
"""A trip over zones is named on its day and the two after it: a body clock moves about an hour a day."""
EVENTS = ("ill", "alcohol", "travel", "medicine", "therapy", "practice", "mindful", "heat")
"""What a person noted that can explain a day, most telling first (signal.event)."""
EVENING_H = 17.0
WORKOUT_MIN = 15.0
USUAL_LO, USUAL_HI = 16.0, 84.0


@dataclass(frozen=True)
class Other:
    """Another explanation that the tables know of: a workout, a short night, a drink that was noted.

    A kind that ends in `_eve` was on the day before the one that it explains.
    """

    kind: str
    day: date
    activity: str | None = None


@dataclass(frozen=True)
class Insight:
    """One thing worth saying: values only; `reports.sentences.tell` makes the sentence of it.

    `value`, `usual_lo`, `usual_hi` are in the feature's unit (an index: 0 to 100; learning: days);
    `certainty` is the probability that the value is away from usual in `direction`; `load` is +1
    where this goes with a harder day; `seen` counts those of the six days before that were alike.
    """

    day: date
    rank: int
    kind: str
    feature: str | None = None
    direction: int = 0
    load: int = 0
    value: float | None = None
    usual_lo: float | None = None
    usual_hi: float | None = None
    certainty: float | None = None
    seen: int = 0
    others: tuple[Other, ...] = ()
    turn: int = 0
    """How many insights of the day, higher in rank, name everyday causes of the same group."""


def choose_insights(person: Person, day: date, told: Sequence[str]) -> tuple[Insight, ...]:
    """Choose what to say of `day`; `told` are the features that there are words for.

    Returns one to three insights, best first. A day that was not scored, and an ordinary one, get
    one. An ordinary day is one whose index is usual and no feature of which is striking.
    """
    scored = person.index.get(day)
    if scored is None or scored.index is None:
        return (unscored(person, day, scored),)
    ranked = rank_features(person, day, told, index_load(scored))
    whole = index_insight(person, day, scored)
    chosen = [*([whole] if whole else []), *ranked][:MOST_A_DAY]
    if not chosen:
        ordinary = Insight(day, 1, "ordinary", value=scored.index, usual_lo=USUAL_LO, usual_hi=USUAL_HI)
        return (ordinary,)
    return finish(chosen, find_others(person, day))


def unscored(person: Person, day: date, scored: IndexDay | None) -> Insight:
    """Why a day has no index: still learning this person's usual, or too little wear."""
    worn = 1.0 in (person.value(day, "valid_day"), person.value(day, "valid_night"))
    if scored is not None and scored.state == "learning" and worn:
        days = min(person.usual_days.get(day, 0), LEARNING_DAYS)
        return Insight(day, 1, "learning", value=float(days))
    return Insight(day, 1, "too_little")


def index_load(scored: IndexDay) -> int:
    """+1 for a day above the usual range, -1 below it, 0 within it."""
    return {"higher": 1, "much_higher": 1, "calmer": -1, "much_calmer": -1}.get(scored.level or "", 0)


def index_certainty(scored: IndexDay) -> float | None:
    """Probability that the day was really outside the usual range, on the side where its index is.

    The band comes from draws on the probit scale, so its width there gives the standard deviation.
    None for a day inside the usual range.
    """
    load = index_load(scored)
    if not load or scored.index is None or scored.lo80 is None or scored.hi80 is None:
        return None
    lo, mid, hi = (ndtri(min(max(x, 0.01), 99.99) / 100) for x in (scored.lo80, scored.index, scored.hi80))
    sd = max((hi - lo) / (2 * ndtri(0.9)), 1e-6)
    return float(ndtr((load * mid - USUAL_Z) / sd))


def index_insight(person: Person, day: date, scored: IndexDay) -> Insight | None:
    """The day as a whole, where it was outside the usual range."""
    load = index_load(scored)
    if not load:
        return None
    before = [person.index[d] for d in days_before(day) if d in person.index]
    return Insight(
        day,
        1,
        "index",
        direction=load,
        load=load,
        value=scored.index,
        usual_lo=USUAL_LO,
        usual_hi=USUAL_HI,
        certainty=index_certainty(scored),
        seen=sum(index_load(d) == load for d in before),
    )


def rank_features(person: Person, day: date, told: Sequence[str], load: int) -> list[Insight]:
    """The features that were away from usual and are worth naming, best first.

    With a harder (calmer) day go those that were away in that direction; others are named only
    where they are striking. They are ordered by size times certainty times novelty, and what has
    been so on the days before is left out unless it is large.
    """
    found = []
    for part in person.parts.get(day, ()):
        side = away(part)
        if part.feature not in told or not side or part.z is None:
            continue
        if side != load and abs(part.z) < STRIKING_Z:
            continue
        news = score(part, seen_before(person, day, part.feature, side))
        if news >= FEWEST_NEWS:
            found.append((news, part, side))
    found.sort(key=lambda scored: (-scored[0], scored[1].feature))
    return [feature_insight(person, day, part, side) for _, part, side in found]


def away(part: Part) -> int:
    """On which side of usual a feature was, in the direction of load: +1, -1, or 0 for neither."""
    if part.z is None or part.value is None or part.usual_lo is None or part.usual_hi is None:
        return 0
    outside = part.value < part.usual_lo or part.value > part.usual_hi
    return (1 if part.z > 0 else -1) if outside and part.z else 0


def value_direction(part: Part) -> int:
    """+1 where the value is above the usual range, -1 where it is below, 0 within."""
    if part.value is None or part.usual_lo is None or part.usual_hi is None:
        return 0
    return int(part.value > part.usual_hi) - int(part.value < part.usual_lo)


def certainty(part: Part) -> float | None:
    """Probability that a usual day would have been less far out, from the baseline's predictive t.

    The predictive is t with `nu` degrees of freedom, centre `mean`, scale s·√(1 + 1/κ)
    (Gelman et al., Bayesian Data Analysis, 3rd ed., section 3.3). None without a baseline.
    """
    if part.value is None or part.mean is None or part.scale is None or not part.kappa or part.nu is None:
        return None
    spread = part.scale * (1 + 1 / part.kappa) ** 0.5
    if spread <= 0:
        return None
    return float(stdtr(part.nu, value_direction(part) * (part.value - part.mean) / spread))


def score(part: Part, seen: int) -> float:
    """Size times certainty times novelty: a thing seen on k of the six days before counts 1/(1+k)."""
    return abs(part.z or 0.0) * (certainty(part) or 0.5) / (1 + seen)


def seen_before(person: Person, day: date, feature: str, side: int) -> int:
    """On how many of the six days before the same feature was away on the same side."""
    before = (part for d in days_before(day) for part in person.parts.get(d, ()))
    return sum(part.feature == feature and away(part) == side for part in before)


def feature_insight(person: Person, day: date, part: Part, side: int) -> Insight:
    """One feature that was away from usual."""
    return Insight(
        day,
        1,
        "feature",
        feature=part.feature,
        direction=value_direction(part),
        load=side,
        value=part.value,
        usual_lo=part.usual_lo,
        usual_hi=part.usual_hi,
        certainty=certainty(part),
        seen=seen_before(person, day, part.feature, side),
    )


def find_others(person: Person, day: date) -> tuple[Other, ...]:
    """Other explanations of a day that the tables know of, most telling first."""
    return (
        *find_events(person, day),
        *find_clock(person, day),
        *find_workouts(person, day),
        *find_short_sleep(person, day),
        *find_warm_night(person, day),
    )


def find_events(person: Person, day: date) -> tuple[Other, ...]:
    """What the person noted on the day and on the day before."""
    eve = day - timedelta(days=1)
    noted = {when: {event.kind for event in person.events.get(when, ())} for when in (day, eve)}
    return tuple(
        Other(kind if when == day else f"{kind}_eve", when)
        for kind in EVENTS
        for when in (day, eve)
        if kind in noted[when]
    )


def is_noted(other: Other) -> bool:
    """Whether an explanation is what the person noted."""
    return name_kind(other) in EVENTS


def find_workouts(person: Person, day: date) -> tuple[Other, ...]:
    """The longest workout of the day, and the longest that ended in the evening before."""
    eve = day - timedelta(days=1)
    today = [w for w in person.workouts.get(day, ()) if (w.end_h - w.start_h) * 60 >= WORKOUT_MIN]
    late = [w for w in person.workouts.get(eve, ()) if (w.end_h - w.start_h) * 60 >= WORKOUT_MIN]
    late = [w for w in late if w.end_h >= EVENING_H]
    longest = (
        (kind, when, max(some, key=length_h))
        for kind, when, some in (("workout_evening", eve, late), ("workout_day", day, today))
        if some
    )
    return tuple(Other(kind, when, workout.activity) for kind, when, workout in longest)


def length_h(workout: Workout) -> float:
    """How long a workout took."""
    return workout.end_h - workout.start_h


def find_short_sleep(person: Person, day: date) -> tuple[Other, ...]:
    """A night with clearly less sleep than usual."""
    short = (p for p in person.parts.get(day, ()) if p.feature == "sleep_short")
    return tuple(Other("short_sleep", day) for part in short if away(part) == 1)


def find_warm_night(person: Person, day: date) -> tuple[Other, ...]:
    """A night with a skin warmer than usual."""
    warm = (p for p in person.parts.get(day, ()) if p.feature == "temp_dev")
    return tuple(Other("warm_night", day) for part in warm if away(part) == 1)


def find_clock(person: Person, day: date) -> tuple[Other, ...]:
    """A clock that was put an hour forward or back in the night, or a trip over time zones."""
    for back in range(ZONE_DAYS):
        when = day - timedelta(days=back)
        moved_min = clock_moved_min(person, when)
        if moved_min >= ZONE_MIN:
            return (Other("zone", when),)
        if moved_min >= 60 and not back:
            return (Other("clock", when),)
    return ()


def clock_moved_min(person: Person, day: date) -> float:
    """How far the clock at waking stood from that of the last known night, at most six before; 0 if unknown."""
    now = person.value(day, "offset_wake_min")
    known = (person.value(d, "offset_wake_min") for d in days_before(day))
    last = next((offset for offset in known if offset is not None), None)
    return 0.0 if now is None or last is None else abs(now - last)


GROUPS = {
    "ahr_day": "still",
    "arousal_min": "still",
    "sleep_short": "sleep",
    "sleep_frag": "sleep",
    "cpd": "sleep",
}
NIGHT_GROUP = "night"


def causes_of(feature: str | None, load: int) -> str:
    """Which list of everyday causes belongs beside a feature, or beside the day as a whole."""
    if load < 0:
        return "calm"
    return "whole" if feature is None else GROUPS.get(feature, NIGHT_GROUP)


def cause_group(insight: Insight) -> str:
    """Which list of everyday causes belongs beside an insight."""
    return causes_of(insight.feature, insight.load)


def finish(chosen: list[Insight], others: tuple[Other, ...]) -> tuple[Insight, ...]:
    """Number the insights and put what is known beside the first that it can explain."""
    finished: list[Insight] = []
    left = list(others)
    for rank, insight in enumerate(chosen, 1):
        group = cause_group(insight)
        fits = find_fitting(left, insight.feature, group)
        named = {name_kind(other) for other in fits}
        left = [other for other in left if name_kind(other) not in named]
        turn = sum(cause_group(i) == group for i in finished)
        finished.append(replace(insight, rank=rank, others=fits, turn=turn))
    return tuple(finished)


EXPLAINS = {
    "whole": {"ill", "ill_eve", "alcohol", "alcohol_eve", "travel", "travel_eve", "medicine", "medicine_eve"}
    | {"therapy", "heat", "heat_eve", "zone", "clock", "workout_evening", "workout_day", "short_sleep"}
    | {"warm_night"},
    "night": {"ill", "ill_eve", "alcohol_eve", "travel", "travel_eve", "medicine_eve", "heat_eve", "zone"}
    | {"clock", "workout_evening", "short_sleep", "warm_night"},
    "still": {"ill", "ill_eve", "alcohol", "travel", "medicine", "medicine_eve", "therapy", "heat"}
    | {"workout_day", "short_sleep"},
    "sleep": {"ill", "ill_eve", "alcohol_eve", "travel", "travel_eve", "heat_eve", "zone", "clock"}
    | {"workout_evening", "warm_night"},
    "calm": {"practice", "practice_eve", "mindful", "mindful_eve", "therapy_eve"},
}
"""Which known explanations can stand beside an insight of a group: a cause comes before what it explains."""


KIN = {"zone": "travel"}
"""Kinds that say the same."""


def find_fitting(others: Iterable[Other], feature: str | None, group: str) -> tuple[Other, ...]:
    """Of known explanations those that can stand beside an insight: at most two, one of a kind."""
    fits: dict[str, Other] = {}
    for other in others:
        # Warm skin does not explain itself.
        if other.kind in EXPLAINS[group] and not (other.kind == "warm_night" and feature == "temp_dev"):
            fits.setdefault(name_kind(other), other)
    return tuple(fits.values())[:MOST_OTHERS]


def name_kind(other: Other) -> str:
    """What kind of thing an explanation is, whichever day it was on."""
    kind = other.kind.removesuffix("_eve")
    return KIN.get(kind, kind)


def days_before(day: date) -> list[date]:
    """The six days before a day, the nearest first."""
    return [day - timedelta(days=k) for k in range(1, LOOK_BACK_DAYS + 1)]
