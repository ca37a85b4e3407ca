"""The answer to one question: what can be said, or why nothing can."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.baseline import Real
from models.effect.answerable import Why, Window, find_obstacle, take_window
from models.effect.checks import check_plan, check_sessions, check_start
from models.effect.estimate import count_free, expect, fit, summarise, take_series
from models.effect.limits import PLAN_PHI
from models.effect.looks import choose_look, count_days_to_wait
from models.effect.question import Answer, Checks, Estimate, Look, Question, Reason, Verdict
from models.effect.randomise import judge_plan, weigh_days
from models.effect.terms import lay_terms

WAITING: dict[str, Reason] = {
    "plan": "plan_not_over",
    "since_start": "few_days_after",
    "after_sessions": "few_days_with",
}


def answer(question: Question, value: Real) -> Answer:
    """Answer a question about one outcome, at the look that is in force.

    A difference is told only where its interval at the look's level leaves out 0 and no check takes it back.

    Parameters
    ----------
    question : Question
    value : ndarray (days,)
        The outcome on the question's days, NaN where missing.

    Returns
    -------
    Answer
        `cannot_tell` with a reason where the days cannot answer; more data may then not help (`needed`
        None). Without an estimate, the days that are looked at are all that are known.
    """
    look = choose_look(question)
    if not np.isfinite(value).any():
        return refuse(question, value, look, Why("no_outcome"))
    if question.hinders is not None:
        return refuse(question, value, look, Why(question.hinders, question.needed))
    if look is None:
        return refuse(question, value, None, Why(WAITING[question.kind], count_days_to_wait(question)))
    window = take_window(question, value, look)
    obstacle = find_obstacle(question, window, look)
    if obstacle is not None:
        return refuse(question, value, look, obstacle)
    estimate, checks = judge(question, window, look)
    return describe(window, look, weigh(estimate, checks), estimate=estimate, checks=checks)


def judge(question: Question, window: Window, look: Look) -> tuple[Estimate, Checks]:
    """Estimate the difference, and look in the other ways."""
    terms = lay_terms(window.day, window.others, window.used)
    series = take_series(window.day, window.value, terms, window.with_it, window.used)
    if question.draw is not None:
        weighing = weigh_days(window.day, terms, window.used)
        possible = question.draw.possible[:, window.used]
        found = judge_plan(series.value, weighing, possible, look.level, count_free(series))
        checks = check_plan(window, found, terms, phased=question.draw.design == "start")
        phi = PLAN_PHI
    else:
        found = summarise(fit(series), look.level)
        look_again = check_start if question.kind == "since_start" else check_sessions
        checks = look_again(window, found, terms)
        phi = found.phi
    expected, spread = expect(series, phi, terms.column)
    return replace(found, expected=expected, expected_sd=spread), checks


def weigh(estimate: Estimate, checks: Checks) -> Verdict:
    """Choose the words. Never more than these."""
    if not checks.steady or estimate.lo <= 0 <= estimate.hi:
        return "no_clear_change"
    return "likely_lower" if estimate.hi < 0 else "likely_higher"


def refuse(question: Question, value: Real, look: Look | None, why: Why) -> Answer:
    """Say why nothing can be told."""
    known = look or Look(question.day.size - 1, np.nan, early=True)
    window = take_window(question, value, known)
    answered = describe(window, known, "cannot_tell")
    return replace(answered, early=look is not None and look.early, reason=why.reason, needed=why.needed)


def describe(
    window: Window,
    look: Look,
    verdict: Verdict,
    *,
    estimate: Estimate | None = None,
    checks: Checks | None = None,
) -> Answer:
    """Put an answer together."""
    return Answer(
        verdict=verdict,
        first=window.first,
        last=look.last,
        days_without=int((window.used & ~window.with_it).sum()),
        days_with=int((window.used & window.with_it).sum()),
        sessions=int(window.session.sum()),
        early=look.early,
        estimate=estimate,
        checks=checks,
    )
