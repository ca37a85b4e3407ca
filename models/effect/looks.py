"""When a question is judged. Looking often finds more by chance, so looks are few, and early ones are strict."""

from __future__ import annotations

from models.effect.limits import (
    AFTER_DAYS,
    EARLY_LEVEL,
    LEAST_DAYS,
    LEVEL,
    RECORD_DAYS,
    RECORD_EARLY,
)
from models.effect.question import Look, Question
from models.effect.randomise import PLAN_DAYS
from models.effect.terms import WEEK, weekdays


def choose_look(question: Question) -> Look | None:
    """Choose the look that is in force with the days that are known; None: not yet.

    - since_start: on Mondays, early, from 21 days on; for good once 42 days are over, with these 42.
    - after_sessions: early after 84 days from the first session on, for good after 168; what comes then is a
      new record, judged after each 168 days on its own days.
    - plan: once, after its last day.
    """
    if question.kind == "plan":
        return look_at_plan(question)
    known = question.day.size - question.start
    if question.kind == "after_sessions":
        records = known // RECORD_DAYS
        if records:
            return Look(question.start + records * RECORD_DAYS - 1, LEVEL, early=False)
        return (
            Look(question.start + RECORD_EARLY - 1, EARLY_LEVEL, early=True)
            if known >= RECORD_EARLY
            else None
        )
    if known >= AFTER_DAYS:
        return Look(question.start + AFTER_DAYS - 1, LEVEL, early=False)
    since_sunday = (int(weekdays(question.day[-1:])[0]) + 1) % WEEK if known > 0 else 0
    early = known - since_sunday
    return Look(question.start + early - 1, EARLY_LEVEL, early=True) if early >= LEAST_DAYS else None


def look_at_plan(question: Question) -> Look | None:
    """Look at a plan once it is over."""
    if question.draw is None or question.day.size - question.draw.first < PLAN_DAYS:
        return None
    return Look(question.draw.first + PLAN_DAYS - 1, LEVEL, early=False)


def count_days_to_wait(question: Question) -> int:
    """Count the days until the first look, at least one."""
    if question.kind == "plan":
        first = question.draw.first if question.draw else question.start
        return max(1, PLAN_DAYS - (question.day.size - first))
    least = RECORD_EARLY if question.kind == "after_sessions" else LEAST_DAYS
    return max(1, least - (question.day.size - question.start))
