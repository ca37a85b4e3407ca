"""Days of people with a known truth, to ask of them what is asked of real ones.

A day is weekday + φ-correlated noise + drift + the planted difference, in SDs of the noise. Weekday terms are
drawn anew for each person (.3 SD). Nothing here is used to judge a real person.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from scipy.signal import lfilter

from models.baseline import Flag, Real, Whole
from models.effect.limits import TREND_DAYS
from models.effect.question import Design, Draw, Question
from models.effect.randomise import PLAN_DAYS, possible_plans
from models.effect.terms import WEEK

Path = Literal[
    "since_start", "since_start_84", "after_sessions_84", "after_sessions", "blocks_2", "blocks_7", "start"
]
PATHS: tuple[Path, ...] = (
    "since_start",
    "since_start_84",
    "after_sessions_84",
    "after_sessions",
    "blocks_2",
    "blocks_7",
    "start",
)
"""What can be reported as a finding. since_start has 42 days on either side, since_start_84 has 84 days before."""
MONDAY_DAY = 20500 + (-(20500 + 3)) % WEEK
"""A Monday, in days since 1970."""
WEEKDAY_SD = 0.3
AFTERMATH_DAYS = 4
"""The day of a session and the three after it."""
CHANGED_SHARE = 1 / 3
"""Of sessions of a weekly therapy, the share that is missed or moved: half and half."""
PLAN_SEEDS = 16
"""Draws of a plan that are simulated: each is kept, since 5,000 plans take longer to lay out than to test."""
FADE_DAYS = 14
"""Days in which a hard time of weeks passes."""
SPAN_DAYS = 7
"""Who begins something on hard days looks back on so many."""


def simulate_noise(
    generator: np.random.Generator,
    days: int,
    phi: float,
    *,
    weekday_sd: float = WEEKDAY_SD,
    drift_sd: float = 0.0,
) -> Real:
    """Simulate days (days,) of a person to whom nothing happens; a drift is in SDs over 84 days."""
    shock = generator.standard_normal(days)
    shock[1:] *= np.sqrt(1 - phi**2)
    noise = lfilter([1.0], [1.0, -phi], shock)
    place = np.arange(days)
    weekday = weekday_sd * generator.standard_normal(WEEK)
    return np.asarray(
        noise + weekday[place % WEEK] + drift_sd * generator.standard_normal() * place / TREND_DAYS
    )


def simulate_wander(
    generator: np.random.Generator, days: int, phi: float, slow_phi: float, share: float
) -> Real:
    """Simulate days whose variance is by that share a level that wanders, with its own correlation."""
    slow = simulate_noise(generator, days, slow_phi, weekday_sd=0.0)
    return np.asarray(np.sqrt(share) * slow + np.sqrt(1 - share) * simulate_noise(generator, days, phi))


def lose_days(generator: np.random.Generator, value: Real, share: float) -> Real:
    """Lose a share of the days."""
    return np.where(generator.random(value.size) < share, np.nan, value)


def ask(path: Path, generator: np.random.Generator) -> Question:
    """Make up a question whose days are all known."""
    if path in ("blocks_2", "blocks_7", "start"):
        return ask_of_plan(path, int(generator.integers(PLAN_SEEDS)))
    if path in ("since_start", "since_start_84"):
        before = 42 if path == "since_start" else 84
        return ask_since(before + 42, before)
    return ask_after(hold_sessions(generator, 84 if path == "after_sessions_84" else 168))


def ask_since(days: int, start: int) -> Question:
    """Ask about what began on a day."""
    with_it = np.arange(days) >= start
    return Question("since_start", "mindful", "", count_days(days), with_it, with_it, start, no_others(days))


def ask_after(session: Flag) -> Question:
    """Ask about sessions."""
    with_it = np.convolve(session, np.ones(AFTERMATH_DAYS))[: session.size] > 0
    start = int(np.flatnonzero(session)[0])
    days = count_days(session.size)
    return Question("after_sessions", "therapy", "", days, with_it, session, start, no_others(session.size))


@cache
def ask_of_plan(design: Design, seed: int) -> Question:
    """Ask about a plan that was drawn and kept to."""
    possible = possible_plans(design, seed)
    taken = possible[0]
    return Question(
        "plan",
        "mindful",
        "",
        count_days(PLAN_DAYS),
        taken.astype(bool),
        np.zeros(PLAN_DAYS, dtype=bool),
        int(np.flatnonzero(taken)[0]),
        no_others(PLAN_DAYS),
        draw=Draw(design, 0, taken, possible),
    )


def hold_sessions(generator: np.random.Generator, days: int) -> Flag:
    """Hold weekly sessions from the first day on, a third of which are missed or moved by two days."""
    place = np.arange(0, days, WEEK)
    changed = generator.permutation(place[1:])[: round(CHANGED_SHARE * place.size)]
    missed, moved = changed[::2], changed[1::2]
    session = np.zeros(days, dtype=bool)
    session[place] = True
    session[missed] = False
    session[moved] = False
    session[moved[moved + 2 < days] + 2] = True
    return session


def count_days(days: int) -> Whole:
    """Days since 1970, from a Monday on."""
    return np.arange(MONDAY_DAY, MONDAY_DAY + days)


def no_others(days: int) -> Real:
    """Nothing else happened."""
    return np.zeros((days, 0))


def begin_after_hard_days(value: Real, phi: float, sds: float, first: int) -> int | None:
    """Begin on the first day from `first` on after a week that was so many SDs of a week above usual."""
    place = np.arange(SPAN_DAYS)
    sd = np.sqrt((phi ** np.abs(place[:, None] - place)).sum()) / SPAN_DAYS
    mean = np.convolve(value, np.ones(SPAN_DAYS) / SPAN_DAYS, "valid")
    hard = np.flatnonzero(mean[first - SPAN_DAYS : -1] > sds * sd)
    return first + int(hard[0]) if hard.size else None


def pass_by(days: int, start: int, hard: int, sds: float) -> Real:
    """A hard time (days,) of so many days up to a start, that fades within FADE_DAYS of it by itself."""
    place = np.arange(days) - start
    return np.where(place < -hard, 0.0, sds * np.clip(1 - np.maximum(place, 0) / FADE_DAYS, 0.0, 1.0))


def hold_after_hard_days(value: Real, above: float, apart: int = 5) -> Flag:
    """Hold a session on the day after each day above a value, so many days apart at least."""
    session = np.zeros(value.size, dtype=bool)
    last = -apart
    for day in range(1, value.size):
        if value[day - 1] > above and day - last >= apart:
            session[day] = True
            last = day
    return session
