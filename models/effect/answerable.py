"""Whether the days can answer a question at all. "Cannot tell yet, because …" is a full answer.

What the noted days themselves say (`Question.hinders`) is known before; here is what depends on the outcome.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.baseline import Flag, Real, Whole
from models.effect.estimate import find_p, fit, take_series
from models.effect.limits import (
    BEFORE_DAYS,
    EVE_DAYS,
    HARD_P,
    LEAST_DAYS,
    LEAST_VARIATION,
    PLAN_LEAST_DAYS,
    RECORD_DAYS,
    STRETCHES,
    VALID_SHARE,
)
from models.effect.question import Look, Question, Reason
from models.effect.terms import count_own_days, is_explained, lay_terms, weekdays

MOST_CHANGE = 2.0
"""Days' worth of variation that one more moved or missed session brings, at the least."""
LEAST_MARKED = 1.0
"""Days' worth of variation of marked days that the weekday and the drift must leave."""


class Why(NamedTuple):
    """Why there is no answer, and how many more days or sessions would bring one; None: more would not."""

    reason: Reason
    needed: int | None = None


class Window(NamedTuple):
    """The days that are looked at. Arrays (days,); `used` marks those with a value."""

    first: int
    day: Whole
    value: Real
    with_it: Flag
    session: Flag
    others: Real
    used: Flag
    start: int


def take_window(question: Question, value: Real, look: Look) -> Window:
    """Take the days of a look: none before the first value that lies among them."""
    if question.draw is not None:
        first = start = question.draw.first
    elif question.kind == "since_start":
        first, start = max(0, question.start - BEFORE_DAYS), question.start
        there = np.flatnonzero(np.isfinite(value[first:start]))
        first = first + int(there[0]) if there.size else start
    else:
        first = start = max(question.start, look.last + 1 - RECORD_DAYS)
    days = slice(first, look.last + 1)
    kept = value[days]
    with_it = (
        question.with_it[days] if question.draw is None else question.draw.taken[: kept.size].astype(bool)
    )
    return Window(
        first,
        question.day[days],
        kept,
        with_it,
        question.session[days],
        question.others[days],
        np.isfinite(kept),
        start - first,
    )


def find_obstacle(question: Question, window: Window, look: Look) -> Why | None:
    """Find what stands in the way of an answer at this look."""
    return (
        find_gap(question, window, look)
        or find_sameness(question, window)
        or (find_hard_days(question, window) if question.kind != "plan" else None)
    )


def find_gap(question: Question, window: Window, look: Look) -> Why | None:
    """Too few days, or too many of them without a value."""
    more = look.early or question.kind == "after_sessions"
    least = PLAN_LEAST_DAYS if question.kind == "plan" else LEAST_DAYS
    names: tuple[Reason, Reason] = ("few_days_without", "few_days_with")
    if question.kind == "since_start":
        names = "few_days_before", "few_days_after"
    for side, name in zip((~window.with_it, window.with_it), names, strict=True):
        count = int((side & window.used).sum())
        if count < least:
            return Why(name, least - count if more and name != "few_days_before" else None)
    sides = (
        (~window.with_it, window.with_it) if question.kind == "since_start" else (np.ones_like(window.used),)
    )
    for side in sides:
        days, count = int(side.sum()), int((side & window.used).sum())
        if count < VALID_SHARE * days:
            grows = more and bool(side[-1])
            return Why("many_days_missing", count_more(days, count) if grows else None)
    return None


def count_more(days: int, count: int) -> int:
    """How many more days, all with a value, make the share."""
    return int(np.ceil(round((VALID_SHARE * days - count) / (1 - VALID_SHARE), 9)))


def find_sameness(question: Question, window: Window) -> Why | None:
    """With and without differ in nothing but the weekday, or the value never changes."""
    used = window.used
    terms = lay_terms(window.day, window.others, used)
    exposure = window.with_it[used].astype(np.float64)
    apart = used & ~window.with_it
    if is_explained(window.value[used], np.column_stack((terms.column[used], exposure))) or is_explained(
        window.value[apart], terms.column[apart]
    ):
        return Why("no_variation")
    own = count_own_days(exposure, terms.column[used], terms.precision)
    if question.kind == "plan":
        return None if own > 0.5 else Why("no_variation")
    if own >= LEAST_VARIATION:
        return None
    week = (weekdays(window.day[used])[:, None] == np.arange(7)).astype(np.float64)
    plain = float(((exposure - exposure.mean()) ** 2).sum())
    if count_own_days(exposure, week, np.zeros(7)) < plain / 2:
        return Why("same_weekday", int(np.ceil((LEAST_VARIATION - own) / MOST_CHANGE)))
    return Why("no_variation")


def find_hard_days(question: Question, window: Window) -> Why | None:
    """What was begun, or each session, came after unusual days: they would have passed by themselves."""
    if question.kind == "since_start":
        before = ~window.with_it & window.used
        place = np.arange(window.day.size)
        hard = any(differ(window, place >= window.start - days, before, days // 2) for days in STRETCHES)
        return Why("begun_on_hard_days") if hard else None
    eve = np.append(window.session[1:], False)
    apart = ~window.with_it & window.used
    return Why("sessions_on_hard_days") if differ(window, eve, apart, EVE_DAYS) else None


def differ(window: Window, marked: Flag, among: Flag, least: int) -> bool:
    """Whether marked days differ from the others among them, beyond chance, with days following each other."""
    count = int((marked & among).sum())
    if count < least or int(among.sum()) - count < least:
        return False
    terms = lay_terms(window.day, window.others, among)
    exposure = marked.astype(np.float64)
    column = terms.column[among]
    told = count_own_days(exposure[among], column, terms.precision) >= LEAST_MARKED
    if not told or is_explained(window.value[among], np.column_stack((column, exposure[among]))):
        return False
    return find_p(fit(take_series(window.day, window.value, terms, exposure, among))) < HARD_P
