"""The values of a week, from the values of its days: what the weekly page says, before any words."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from reports.insights import (
    GROUPS,
    Insight,
    Other,
    away,
    causes_of,
    choose_insights,
    find_fitting,
    find_others,
    index_certainty,
    index_load,
    is_noted,
    value_direction,
)
from reports.read import Agreement, CheckIn, Part, Person, Shift

WEEK_DAYS = 7
USUAL_NIGHTS_DAYS = 42
FEWEST_VALID_DAYS = 4
FEWEST_SCORED_DAYS = 4
FEWEST_NIGHTS = 3
FEWEST_USUAL_NIGHTS = 7
HEAVY_DAYS = 3
"""By chance a usual week has this many days above its 84th percentile about 1 time in 12."""
SAME_SLEEP_MIN = 20.0
"""Within this, sleep is called the same: a watch errs by more (SCIENCE: 17 to 43 min a night)."""
MOVED_WEEKS = 4
"""A usual that has moved is told in the week that it is found in, and in the three after it."""
MOST_MOVED = 3
QUIET_EVENTS = frozenset({"eda_scan", "menstruation"})
"""Events that a page does not show: a measurement, and what is nobody else's to read over a shoulder."""
SAID_SCALES = frozenset({"felt_stress", "felt_week", "who5", "mood"})
"""Check-ins that are shown as they were said."""

Story = Literal["thin", "learning", "heavy", "harder", "one", "calm", "mixed", "ordinary"]
DayState = Literal["scored", "learning", "too_little", "not_worn"]


@dataclass(frozen=True)
class Mark:
    """One day on the index strip: 0 to 100 with the 80 % band, None where it was not scored."""

    day: date
    state: DayState
    index: float | None = None
    lo80: float | None = None
    hi80: float | None = None
    level: str | None = None
    show_number: bool = False


@dataclass(frozen=True)
class Night:
    """One night: when sleep began and ended (hours after midnight of `day`), and its length asleep."""

    day: date
    onset_h: float | None = None
    wake_h: float | None = None
    tst_min: float | None = None


@dataclass(frozen=True)
class Went:
    """A feature that went with the week's harder (or calmer) days, on the day it was furthest out."""

    feature: str
    direction: int
    day: date
    value: float
    usual_lo: float
    usual_hi: float
    others: tuple[Other, ...]
    causes: str
    """Which list of everyday causes belongs beside it."""
    turn: int = 0
    """1 where the feature before it names causes of the same list on the same day."""


@dataclass(frozen=True)
class Lasting:
    """An alert: how long it has lasted, and the features with the largest part in it, on their last day out.

    `by_night` where all of them are signals of nights.
    """

    day: date
    days: int
    by_night: bool
    parts: tuple[tuple[date, Part], ...]
    others: tuple[Other, ...]


@dataclass(frozen=True)
class Sleep:
    """Sleep of the week, in minutes and hours after midnight; None where too little is known.

    `steadiness` is +1 where times were steadier than the person's usual, -1 less steady, 0 alike.
    """

    mean_min: float | None
    usual_min: float | None
    last_week_min: float | None
    usual_onset_h: float | None
    usual_wake_h: float | None
    first_onset_h: float | None
    last_onset_h: float | None
    steadiness: int | None


@dataclass(frozen=True)
class Week:
    """Everything that a weekly page says, as values."""

    monday: date
    story: Story
    marks: tuple[Mark, ...]
    nights: tuple[Night, ...]
    went: tuple[Went, ...]
    sleep: Sleep
    valid_days: int
    valid_nights: int
    high: tuple[date, ...]
    calm: tuple[date, ...]
    high_certainty: tuple[float, ...]
    calm_certainty: tuple[float, ...]
    """How certain each day outside usual is to be so (`reports.insights.index_certainty`)."""
    back: date | None
    """The first day after the last harder one, if that and all later days were known and not harder."""
    last_week_high: int | None
    """Harder days of the week before; None where it had too few scored days to compare with."""
    state: str
    usual_days: int
    sources: tuple[str, ...]
    said: tuple[tuple[date, CheckIn], ...] = ()
    """What the person said of how they felt, in order."""
    noted: tuple[tuple[str, tuple[date, ...]], ...] = ()
    """What the person noted, or practised: each kind of event with its days."""
    lasting: Lasting | None = None
    moved: tuple[Shift, ...] = ()
    agreement: Agreement | None = None

    @property
    def iso_week(self) -> str:
        """The ISO name of the week, such as 2020-W28."""
        year, week, _ = self.monday.isocalendar()
        return f"{year}-W{week:02d}"

    @property
    def scored_days(self) -> int:
        """Days that have an index."""
        return sum(mark.state == "scored" for mark in self.marks)


def monday_of(day: date) -> date:
    """The Monday that the week of a day starts with."""
    return day - timedelta(days=day.weekday())


def days_from(monday: date, count: int = WEEK_DAYS) -> list[date]:
    """So many days in a row."""
    return [monday + timedelta(days=k) for k in range(count)]


def summarise(person: Person, monday: date) -> Week:
    """The values of the week that starts on `monday`; `person` holds the 42 days before it too."""
    days = days_from(monday)
    marks = tuple(mark_day(person, day) for day in days)
    high, calm = days_at(person, days, 1), days_at(person, days, -1)
    valid_days = count_valid(person, days, "valid_day")
    story = tell_story(marks, valid_days, len(high), len(calm))
    return Week(
        monday=monday,
        story=story,
        marks=marks,
        nights=tuple(night(person, day) for day in days),
        went=went_with(person, *told_days(story, high, calm)),
        sleep=sum_sleep(person, monday, compare=story != "thin"),
        valid_days=valid_days,
        valid_nights=count_valid(person, days, "valid_night"),
        high=high,
        calm=calm,
        high_certainty=certainties(person, high),
        calm_certainty=certainties(person, calm),
        back=back_to_usual(person, days, high),
        last_week_high=last_week_high(person, monday),
        state=last_state(person, days),
        usual_days=max((person.usual_days.get(day, 0) for day in days), default=0),
        sources=tuple(sorted({person.index[d].source or "" for d in days if d in person.index} - {""})),
        said=list_said(person, days),
        noted=list_noted(person, days),
        lasting=find_lasting(person, days),
        moved=find_moved(person, monday),
        agreement=person.agreement,
    )


def tell_days(person: Person, monday: date, told: Sequence[str]) -> tuple[Insight, ...]:
    """What is worth saying of each day of a week that the models have worked, as `report.insight` has it."""
    days = (day for day in days_from(monday) if day in person.index)
    return tuple(insight for day in days for insight in choose_insights(person, day, told))


def mark_day(person: Person, day: date) -> Mark:
    """What the strip shows of a day."""
    scored = person.index.get(day)
    if scored is not None and scored.index is not None:
        return Mark(day, "scored", scored.index, scored.lo80, scored.hi80, scored.level, scored.show_number)
    worn = 1.0 in (person.value(day, "valid_day"), person.value(day, "valid_night"))
    if worn and scored is not None and scored.state == "learning":
        return Mark(day, "learning")
    touched = (person.value(day, "worn_min") or 0) > 0 or (person.value(day, "tst_min") or 0) > 0
    return Mark(day, "too_little" if touched else "not_worn")


def days_at(person: Person, days: Sequence[date], load: int) -> tuple[date, ...]:
    """The days above (+1) or below (-1) the usual range."""
    return tuple(d for d in days if d in person.index and index_load(person.index[d]) == load)


def count_valid(person: Person, days: Sequence[date], feature: str) -> int:
    """How many days (nights) had enough wear."""
    return sum(person.value(day, feature) == 1.0 for day in days)


def tell_story(marks: Sequence[Mark], valid_days: int, high: int, calm: int) -> Story:
    """Which of the few kinds of week it was."""
    scored = sum(mark.state == "scored" for mark in marks)
    if any(mark.state == "learning" for mark in marks) and scored < FEWEST_SCORED_DAYS:
        return "learning"
    if valid_days < FEWEST_VALID_DAYS or scored == 0:
        return "thin"
    if high >= HEAVY_DAYS:
        return "heavy"
    if high and calm >= 2:
        return "mixed"
    if high:
        return "harder" if high > 1 else "one"
    return "calm" if calm >= 2 else "ordinary"


def told_days(story: Story, high: tuple[date, ...], calm: tuple[date, ...]) -> tuple[tuple[date, ...], int]:
    """The days that the story is about, and their side of usual; none where nothing is compared."""
    if story in ("heavy", "harder", "one", "mixed"):
        return high, 1
    return (calm, -1) if story == "calm" else ((), 0)


def certainties(person: Person, days: Sequence[date]) -> tuple[float, ...]:
    """How certain each of these days is to be outside usual; 0 where its band is not known."""
    return tuple(index_certainty(person.index[day]) or 0.0 for day in days)


def back_to_usual(person: Person, days: Sequence[date], high: Sequence[date]) -> date | None:
    """The first day after the last harder one, if there are two or more and all were scored."""
    after = [day for day in days if high and day > high[-1]]
    known = [person.index.get(day) for day in after]
    if len(after) < 2 or any(d is None or d.index is None for d in known):
        return None
    return after[0]


def last_week_high(person: Person, monday: date) -> int | None:
    """Harder days of the week before, None where that had too few days to compare with."""
    days = days_from(monday - timedelta(days=WEEK_DAYS))
    scored = [d for d in days if d in person.index and person.index[d].index is not None]
    if len(scored) < FEWEST_SCORED_DAYS or count_valid(person, days, "valid_day") < FEWEST_VALID_DAYS:
        return None
    return len(days_at(person, days, 1))


def last_state(person: Person, days: Sequence[date]) -> str:
    """The state of the newest day that has one: learning, provisional or settled."""
    states = [person.index[day].state for day in days if day in person.index]
    return states[-1] if states else "learning"


def went_with(person: Person, days: Sequence[date], load: int) -> tuple[Went, ...]:
    """The two features that gave most to these days, of those that were outside usual on one."""
    given: dict[str, float] = {}
    out: dict[str, list[tuple[float, date, Part]]] = {}
    for day in days:
        for part in person.parts.get(day, ()):
            given[part.feature] = given.get(part.feature, 0.0) + load * (part.contribution or 0.0)
            if away(part) == load:
                out.setdefault(part.feature, []).append((abs(part.z or 0.0), day, part))
    most = sorted((f for f in out if given[f] > 0), key=lambda f: (-given[f], f))[:2]
    told = [make_went(person, *max(out[f], key=lambda o: (o[0], o[1]))[1:]) for f in most]
    if len(told) == 2 and (told[0].causes, told[0].day) == (told[1].causes, told[1].day):
        told[1] = replace(told[1], turn=1, others=())
    return tuple(told)


def make_went(person: Person, day: date, part: Part) -> Went:
    """A feature on the day it was furthest out, with what else could have done it."""
    if part.value is None or part.usual_lo is None or part.usual_hi is None:
        raise ValueError(f"{part.feature} on {day} is outside its usual range but has no value or no range")
    causes = causes_of(part.feature, away(part))
    others = find_fitting(find_others(person, day), part.feature, causes)
    direction = value_direction(part)
    return Went(part.feature, direction, day, part.value, part.usual_lo, part.usual_hi, others, causes)


def list_said(person: Person, days: Sequence[date]) -> tuple[tuple[date, CheckIn], ...]:
    """The check-ins of some days; one that was sent twice is said once."""
    told = [(day, said) for day in days for said in person.checkins.get(day, ()) if said.scale in SAID_SCALES]
    return tuple(dict.fromkeys(told))


def list_noted(person: Person, days: Sequence[date]) -> tuple[tuple[str, tuple[date, ...]], ...]:
    """The events of some days by kind, in order of their first day."""
    noted: dict[str, list[date]] = {}
    for day in days:
        for kind in dict.fromkeys(event.kind for event in person.events.get(day, ())):
            if kind not in QUIET_EVENTS:
                noted.setdefault(kind, []).append(day)
    return tuple((kind, tuple(when)) for kind, when in noted.items())


def find_lasting(person: Person, days: Sequence[date]) -> Lasting | None:
    """The last alert of some days, with the features behind it as they were on their last day out."""
    told = [day for day in days if day in person.alerts]
    if not told:
        return None
    day, alert = told[-1], person.alerts[told[-1]]
    run = days_from(alert.since, (day - alert.since).days + 1)
    parts = [last_away(person, run, feature) for feature in alert.causes]
    others = [other for d in reversed(run) for other in find_others(person, d)]
    return Lasting(
        day=day,
        days=len(run),
        by_night=not any(GROUPS.get(feature) == "still" for feature in alert.causes),
        parts=tuple(part for part in parts if part is not None),
        others=find_fitting(sorted(others, key=lambda o: not is_noted(o)), None, "whole"),
    )


def last_away(person: Person, days: Sequence[date], feature: str) -> tuple[date, Part] | None:
    """A feature on the last of some days on which it was away from usual, towards load."""
    out = [
        (day, p) for day in days for p in person.parts.get(day, ()) if p.feature == feature and away(p) == 1
    ]
    return out[-1] if out else None


def find_moved(person: Person, monday: date) -> tuple[Shift, ...]:
    """The moves of usual that are told this week: the newest of each feature, the newest first."""
    judged = monday + timedelta(days=WEEK_DAYS)
    fresh = [s for s in person.shifts if timedelta(0) <= judged - s.day < timedelta(weeks=MOVED_WEEKS)]
    newest = {s.feature: s for s in sorted(fresh, key=lambda s: s.day)}
    return tuple(sorted(newest.values(), key=lambda s: (-s.day.toordinal(), s.feature)))[:MOST_MOVED]


def night(person: Person, day: date) -> Night:
    """The night that ended on a day."""
    values = person.values.get(day, {})
    return Night(day, values.get("onset_clock_h"), values.get("wake_clock_h"), values.get("tst_min"))


def sum_sleep(person: Person, monday: date, *, compare: bool) -> Sleep:
    """Sleep of the week beside the 42 days and the week before it."""
    days = days_from(monday)
    before = days_from(monday - timedelta(days=USUAL_NIGHTS_DAYS), USUAL_NIGHTS_DAYS)
    onsets = known(person, days, "onset_clock_h")
    return Sleep(
        mean_min=mean(known(person, days, "tst_min"), FEWEST_NIGHTS),
        usual_min=median(known(person, before, "tst_min")) if compare else None,
        last_week_min=mean(known(person, before[-WEEK_DAYS:], "tst_min"), FEWEST_NIGHTS) if compare else None,
        usual_onset_h=median(known(person, before, "onset_clock_h")),
        usual_wake_h=median(known(person, before, "wake_clock_h")),
        first_onset_h=min(onsets) if len(onsets) >= FEWEST_NIGHTS else None,
        last_onset_h=max(onsets) if len(onsets) >= FEWEST_NIGHTS else None,
        steadiness=compare_steadiness(person, days, before) if compare else None,
    )


def known(person: Person, days: Sequence[date], feature: str) -> list[float]:
    """The values of a feature on those days that have one."""
    values = (person.value(day, feature) for day in days)
    return [value for value in values if value is not None]


def mean(values: Sequence[float], fewest: int) -> float | None:
    """The mean, None of fewer than `fewest` values."""
    return statistics.fmean(values) if len(values) >= fewest else None


def median(values: Sequence[float]) -> float | None:
    """The median, None of fewer than seven nights."""
    return statistics.median(values) if len(values) >= FEWEST_USUAL_NIGHTS else None


def compare_steadiness(person: Person, days: Sequence[date], before: Sequence[date]) -> int | None:
    """The week's last regularity index beside the middle two thirds of those before; None if unknown."""
    usual = sorted(known(person, before, "sri_7d"))
    now = known(person, days, "sri_7d")
    if not now or len(usual) < FEWEST_USUAL_NIGHTS:
        return None
    lo, hi = usual[round(0.16 * (len(usual) - 1))], usual[round(0.84 * (len(usual) - 1))]
    return int(now[-1] > hi) - int(now[-1] < lo)
