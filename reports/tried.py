"""What a weekly page says of the things a person tried, as values: findings, what was found earlier, running plans."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from reports.read_tried import Effect, EffectDay, Kept
from reports.week import WEEK_DAYS, days_from
from warehouse.plans import CARE, Plan

TOLD_WEEKS = 4
"""A verdict is told in the week that it is found in, and in the three after it."""
RECALLED_WEEKS = 12
"""For so long it is named in one line; then it is left to the sheet and the command."""
MOST_TOLD = 3
LOOKED_DAYS = {"since_start": 42, "plan": 84}
"""Of a start and of a plan, so many days are looked at and never more. Sessions go on."""


@dataclass(frozen=True)
class Finding:
    """A verdict that is told: its exploratory outcomes, and the days of its picture (none where nothing is drawn)."""

    effect: Effect
    also: tuple[Effect, ...] = ()
    days: tuple[EffectDay, ...] = ()


@dataclass(frozen=True)
class Coming:
    """A plan in the coming week: its days with it and without; `begins` and `ends` where that lies in this week."""

    plan: Plan
    days_with: tuple[date, ...]
    days_without: tuple[date, ...]
    begins: date | None = None
    ends: date | None = None


@dataclass(frozen=True)
class Tried:
    """All that a page says of what was tried; `monday` begins the week to come."""

    monday: date
    findings: tuple[Finding, ...] = ()
    earlier: tuple[Effect, ...] = ()
    coming: tuple[Coming, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say."""
        return not (self.findings or self.earlier or self.coming)


def choose_tried(kept: Kept, monday: date) -> Tried:
    """Choose what the page of the week that starts on `monday` tells.

    A verdict is told for four weeks and then named for eight more; that something cannot be told is said
    once, and again when the reason is another. At most three are told: plans first, then what could be
    answered, the newest first.
    """
    judged = monday + timedelta(days=WEEK_DAYS)
    coming = tuple(c for plan in kept.plans if (c := coming_week(plan, judged)) is not None)
    reminded = {(c.plan.event, c.plan.app) for c in coming}
    primary = [e for e in kept.effects if e.primary and not is_waiting(e, reminded)]
    told = sorted((e for e in primary if is_told(e, judged)), key=rank)[:MOST_TOLD]
    earlier = sorted((e for e in primary if is_recalled(e, judged)), key=rank)[:MOST_TOLD]
    return Tried(judged, tuple(find(kept, effect) for effect in told), tuple(earlier), coming)


def list_findings(kept: Kept, events: Collection[str], since: date) -> tuple[Finding, ...]:
    """The verdicts on these kinds of events that were found since a day, three at most, plans and answers first."""
    primary = [e for e in kept.effects if e.primary and e.event in events and e.since >= since]
    return tuple(find(kept, effect) for effect in sorted(primary, key=rank)[:MOST_TOLD])


def is_told(effect: Effect, judged: date) -> bool:
    """Whether a verdict is new enough to be told on the Monday `judged`."""
    weeks = 1 if effect.verdict == "cannot_tell" else TOLD_WEEKS
    return judged - effect.since < timedelta(weeks=weeks)


def is_recalled(effect: Effect, judged: date) -> bool:
    """Whether a verdict that was told in earlier weeks is still named."""
    weeks = (judged - effect.since) / timedelta(weeks=1)
    return effect.verdict != "cannot_tell" and TOLD_WEEKS <= weeks < RECALLED_WEEKS


def is_over(effect: Effect) -> bool:
    """Whether all days that a question will ever look at from its start on are over."""
    days = LOOKED_DAYS.get(effect.question)
    if days is None or effect.early or effect.start is None or effect.last is None:
        return False
    return (effect.last - effect.start).days + 1 >= days


def is_waiting(effect: Effect, reminded: set[tuple[str, str]]) -> bool:
    """Whether it cannot be told of a plan that still runs, of which the page reminds anyhow."""
    waits = effect.question == "plan" and effect.verdict == "cannot_tell"
    return waits and (effect.event, effect.app) in reminded


def rank(effect: Effect) -> tuple[bool, bool, int, tuple[str, str, str]]:
    """Plans first, then what could be answered, then the newest."""
    return (
        effect.question != "plan",
        effect.verdict == "cannot_tell",
        -effect.since.toordinal(),
        effect.key,
    )


def find(kept: Kept, effect: Effect) -> Finding:
    """A verdict with what else was looked at, and its days where there is an estimate to draw."""
    also = tuple(
        e for e in kept.effects if e.key == effect.key and not e.primary and e.verdict != "cannot_tell"
    )
    drawn = effect.verdict != "cannot_tell" and effect.effect is not None
    days = kept.days.get(effect.key, ()) if drawn else ()
    return Finding(effect, also, days if any(day.value is not None for day in days) else ())


def coming_week(plan: Plan, monday: date) -> Coming | None:
    """The days of a plan in the week that starts on `monday`; None where it does not run.

    Nobody is ever reminded of days without care, whatever a plan says.
    """
    stop = plan.stopped_day or plan.last_day + timedelta(days=1)
    days = [day for day in days_from(monday) if plan.first_day <= day <= plan.last_day and day < stop]
    if not days or plan.event in CARE:
        return None
    drawn = {day: plan.drawn[(day - plan.first_day).days] for day in days}
    return Coming(
        plan,
        tuple(day for day in days if drawn[day]),
        tuple(day for day in days if not drawn[day]),
        plan.first_day if plan.first_day in days else None,
        plan.last_day if plan.last_day in days else None,
    )
