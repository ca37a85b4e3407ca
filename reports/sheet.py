"""The values of the sheet that a person may print for a professional: some weeks on one A4 page.

The document is made by `reports.sheet_page`. The sheet compares a person with their own earlier
weeks, marks what was noted, and says what the numbers are not; it names no condition and gives no advice.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from reports.read import Person, read_people, read_worn
from reports.read_back import Event, read_events, read_features, read_origins
from reports.read_tried import read_tried
from reports.tried import Finding, list_findings
from reports.week import (
    FEWEST_USUAL_NIGHTS,
    USUAL_NIGHTS_DAYS,
    WEEK_DAYS,
    Mark,
    days_from,
    mark_day,
    monday_of,
)
from reports.weekly import check_inside, check_over
from reports.wishes import NO_CONSENT, PAGES_REFUSED, why_no_page
from warehouse.consent import list_refused
from warehouse.errors import ExplainedError
from warehouse.preferences import read_preferences
from warehouse.store import open_warehouse

HRV_KINDS = ("rmssd_night", "rmssd_5min_vendor_night", "rmssd_night_vendor", "rmssd_spot_sleep")
"""Kinds of RMSSD, the best first: they are never pooled, so one of them is shown."""
EVENTS = ("therapy", "mindful", "alcohol", "ill", "travel", "medicine")
"""Kinds that are marked. A person's own words stay with the person, and so does the cycle."""
TRIED_WEEKS = 26
"""Verdicts found in so many weeks are told."""
QUESTIONNAIRES = ("who5", "pss4")

Wear = Literal["enough", "some", "none"]


@dataclass(frozen=True)
class Measure:
    """A measure of the weeks, by day: null where there is none.

    `usual` holds the 16th and 84th percentile of the 42 days before the weeks; None of fewer than 7 values.
    """

    name: str
    feature: str
    values: tuple[float | None, ...]
    usual: tuple[float, float] | None = None

    @property
    def known(self) -> list[float]:
        """The values that there are."""
        return [value for value in self.values if value is not None]


@dataclass(frozen=True)
class Lane:
    """What was noted of one kind: first and last day of each, as places in the weeks, and the apps it was with."""

    kind: str
    spans: tuple[tuple[int, int], ...]
    apps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """The answer to a questionnaire."""

    scale: str
    day: date
    value: float


@dataclass(frozen=True)
class Sheet:
    """Everything that a sheet says, as values."""

    participant: str
    days: tuple[date, ...]
    marks: tuple[Mark, ...]
    measures: tuple[Measure, ...]
    lanes: tuple[Lane, ...]
    worn_day: tuple[Wear, ...]
    worn_night: tuple[Wear, ...]
    said: tuple[Said, ...]
    sources: tuple[str, ...]
    methods: tuple[str, ...]
    tried: tuple[Finding, ...] = ()


def read_sheet(
    warehouse: str | Path,
    participant: str,
    *,
    before: date,
    of: date | None = None,
    weeks: int = 4,
    wait_s: float = 60.0,
) -> tuple[Sheet, Mapping[str, str]]:
    """Read the sheet of the weeks up to the one that `of` lies in, or up to the last complete week with data.

    `before` is the first day that is not known yet. The person's settings come with it.

    Raises
    ------
    ExplainedError
        If there is no such week yet, or the person does not allow pages or is under 18.
    """
    with open_warehouse(warehouse, read_only=True, wait_s=wait_s) as con:
        settings = read_preferences(con, [participant])[participant]
        why = why_no_page(settings, allowed=participant not in list_refused(con, "pages"))
        if why == "under 18":
            raise ExplainedError("Steadyline writes no pages for people under 18, and no sheet either.")
        if why == NO_CONSENT:
            raise ExplainedError(PAGES_REFUSED.format(who=participant))
        worn = read_worn(con, [participant], monday_of(before))
        monday = choose_last_week(worn.get(participant), of, before)
        days = tuple(days_from(monday - timedelta(days=WEEK_DAYS * (weeks - 1)), WEEK_DAYS * weeks))
        person = read_people(con, [participant], days[0], days[-1])[participant]
        first = days[0] - timedelta(days=USUAL_NIGHTS_DAYS)
        features = read_features(
            con, participant, ["rhr_night", *HRV_KINDS, "tst_min", "sri_7d"], first, days[-1]
        )
        events = read_events(con, participant, days[0], days[-1])
        sources, methods = read_origins(con, participant, days[0], days[-1])
        judged = monday + timedelta(days=WEEK_DAYS)
        kept = read_tried(con, [participant], judged)[participant]
    told = gather(person, days, features, events, sources, methods)
    findings = list_findings(kept, EVENTS, judged - timedelta(weeks=TRIED_WEEKS))
    return replace(told, tried=findings), settings


def choose_last_week(worn: tuple[date, date] | None, of: date | None, before: date) -> date:
    """The Monday of the last week of a sheet: that of `of`, or of the last day worn.

    `worn` has the first and last day worn in complete weeks. Who never wore anything may have noted something:
    of them any week can be asked for.

    Raises
    ------
    ExplainedError
        If there is no day worn and none is asked for, or the week of `of` is not over or outside of the record.
    """
    if of is not None:
        check_over(of, before)
        if worn is not None:
            check_inside(of, *worn)
        return monday_of(of)
    if worn is None:
        raise ExplainedError("There is no complete week with data yet: a sheet needs one.")
    return monday_of(worn[1])


def gather(
    person: Person,
    days: tuple[date, ...],
    features: Mapping[str, Mapping[date, float]],
    events: Sequence[Event],
    sources: Sequence[str],
    methods: Sequence[str],
) -> Sheet:
    """Lay what was read out over the days of the weeks; `features` reach back 42 days further."""
    rmssd = choose_hrv(features, days)
    names = {"rhr_night": "rhr_night", "rmssd": rmssd, "tst_min": "tst_min", "sri_7d": "sri_7d"}
    measures = [measure(name, feature, features[feature], days) for name, feature in names.items()]
    felt = Measure("felt", "felt_stress", tuple(felt_stress(person, day) for day in days))
    return Sheet(
        participant=person.participant,
        days=days,
        marks=tuple(mark_day(person, day) for day in days),
        measures=(*measures, felt) if felt.known else tuple(measures),
        lanes=tuple(make_lanes(person, events, days)),
        worn_day=tuple(wear(person, day, "valid_day", "worn_min") for day in days),
        worn_night=tuple(wear(person, day, "valid_night", "tst_min") for day in days),
        said=tuple(last_said(person, days)),
        sources=tuple(sources),
        methods=tuple(methods),
    )


def choose_hrv(features: Mapping[str, Mapping[date, float]], days: Sequence[date]) -> str:
    """The kind of RMSSD with most nights in these weeks; the better one where two have as many."""
    return max(HRV_KINDS, key=lambda kind: sum(day in features[kind] for day in days))


def measure(name: str, feature: str, values: Mapping[date, float], days: Sequence[date]) -> Measure:
    """A measure over the weeks, with its usual range of the days before them."""
    before = [value for day, value in values.items() if day < days[0]]
    return Measure(name, feature, tuple(values.get(day) for day in days), usual_range(before))


def usual_range(values: Sequence[float]) -> tuple[float, float] | None:
    """The middle two thirds: 16th to 84th percentile; None of fewer than seven values."""
    if len(values) < FEWEST_USUAL_NIGHTS:
        return None
    low, high = np.quantile(values, [0.16, 0.84])
    return float(low), float(high)


def felt_stress(person: Person, day: date) -> float | None:
    """Felt stress of a day, the mean of what was said (0 to 10)."""
    said = [c.value for c in person.checkins.get(day, ()) if c.scale == "felt_stress" and c.value is not None]
    return statistics.fmean(said) if said else None


def last_said(person: Person, days: Sequence[date]) -> list[Said]:
    """The last answer to each questionnaire."""
    found = {
        c.scale: Said(c.scale, day, c.value)
        for day in days
        for c in person.checkins.get(day, ())
        if c.scale in QUESTIONNAIRES and c.value is not None
    }
    return [found[scale] for scale in QUESTIONNAIRES if scale in found]


def make_lanes(person: Person, events: Sequence[Event], days: Sequence[date]) -> list[Lane]:
    """One lane a kind of event that was noted in these weeks, and one for exercise."""
    lanes = []
    for kind in EVENTS:
        noted = [event for event in events if event.kind == kind]
        spans = tuple(
            (max(0, (e.first - days[0]).days), min(len(days) - 1, (e.last - days[0]).days)) for e in noted
        )
        apps = tuple(dict.fromkeys(e.app for e in noted if e.app))
        if spans:
            lanes.append(Lane(kind, spans, apps))
    trained = tuple((k, k) for k, day in enumerate(days) for _ in person.workouts.get(day, ()))
    return [*lanes, Lane("exercise", trained)] if trained else lanes


def wear(person: Person, day: date, valid: str, some: str) -> Wear:
    """Whether a day (or night) was worn enough to count, a little, or not at all."""
    if person.value(day, valid) == 1.0:
        return "enough"
    return "some" if (person.value(day, some) or 0) > 0 else "none"
