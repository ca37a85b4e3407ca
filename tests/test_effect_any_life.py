"""Whatever a person noted and whatever was measured: a verdict is finite and holds together, and nothing raises."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest
from effect_people import FEATURES, FIRST, P

from models.effect.judge import judge_mondays, lay_person, list_mondays
from models.effect.outcomes import Record
from models.effect.question import Design
from models.effect.questions import Noted, Planned, make_life
from models.effect.randomise import draw_plan
from models.effect.read import Person
from models.effect.rows import Told, tabulate

ZERO = (FIRST - date(1970, 1, 1)).days
MINUTE_US, DAY_US = 60_000_000, 86_400_000_000
DESIGNS: tuple[Design, ...] = ("blocks_2", "blocks_7", "start")


def draw_series(days: int, rng: np.random.Generator) -> np.ndarray:
    """Daily values, of one kind or another: such as no body gives, and some as it does."""
    noise = rng.normal(size=days)
    kinds = (
        50 + 10 * noise,
        50 + 10 * np.cumsum(noise),
        50 + 1e-13 * noise,
        1e12 * noise,
        10 * rng.standard_t(1, days),
        rng.integers(0, 3, days).astype(float),
        np.full(days, 60.3),
        np.where(np.arange(days) == rng.integers(days), 1e6, 60.0),
    )
    return kinds[rng.integers(len(kinds))]


def draw_record(days: int, rng: np.random.Generator) -> Record:
    """What was measured: any series in any column, with gaps, an end, features that are not there, two devices."""
    value = np.column_stack([draw_series(days, rng) for _ in FEATURES])
    value[rng.random(value.shape) < rng.choice([0, 0.1, 0.3, 0.6, 1])] = np.nan
    if rng.random() < 0.2:
        value[rng.integers(days) :] = np.nan
    value[:, rng.random(len(FEATURES)) < rng.choice([0, 0.3])] = np.nan
    value[:, FEATURES.index("valid_day")] = rng.random(days) < rng.choice([0, 0.5, 1])
    second = rng.integers(days) if rng.random() < 0.3 else days
    segment = np.where(np.isnan(value), 0, 1 + (np.arange(days) >= second)[:, None])
    return Record(ZERO, FEATURES, value, segment, {1: "made/watch", 2: "made/ring"})


def draw_days(days: int, dice: random.Random) -> list[int]:
    """Days on which something was done, in a rhythm or none, some of them outside of the record."""
    first = dice.randrange(-30, days + 5)
    rhythm = dice.choice(("once", "daily", "weekly", "fortnightly", "a while", "any"))
    if rhythm == "any":
        return [dice.randrange(-10, days + 5) for _ in range(dice.randrange(1, 40))]
    if rhythm == "a while":
        return list(range(first, first + dice.randrange(1, 60)))
    step = {"once": 10_000, "daily": 1, "weekly": 7, "fortnightly": 14}[rhythm]
    return list(range(first, max(days, first + 1), step))


def draw_noted(days: int, dice: random.Random) -> Iterator[Noted]:
    """Up to five things that were noted, with times and without, with ends before and long after their starts."""
    kinds = ("mindful", "therapy", "medicine", "late screens", "ill", "travel", "alcohol")
    for _ in range(dice.randrange(6)):
        kind, app = dice.choice(kinds), dice.choice(("", "Calm", "Headspace"))
        for day in draw_days(days, dice):
            timed = dice.random() < 0.7
            start_us = (ZERO + day) * DAY_US + (dice.randrange(1, 1440) * MINUTE_US if timed else 0)
            length_us = dice.choice((None, -5, 0, MINUTE_US, 60 * MINUTE_US, 2400 * MINUTE_US))
            end_us = None if length_us is None else start_us + length_us
            yield Noted(kind, app, ZERO + day, start_us, end_us, timed)


def draw_planned(days: int, dice: random.Random) -> Planned:
    """A plan that begins before, in or after the record, and may be given up."""
    design, seed, first = dice.choice(DESIGNS), dice.randrange(2**62), ZERO + dice.randrange(-20, days + 10)
    app, outcome = dice.choice(("", "Calm")), dice.choice(("index", "felt_stress", "ln_rmssd", "tst_min"))
    stopped = dice.choice((None, first, first + 10))
    return Planned("mindful", app, design, outcome, seed, first, draw_plan(design, seed), stopped)


def check(told: Told) -> None:
    """A verdict has its numbers or its reason, in order and within their bounds."""
    found = told.answer
    assert (found.verdict == "cannot_tell") == (found.reason is not None)
    if found.verdict == "cannot_tell":
        return
    assert found.estimate is not None
    assert found.estimate.lo <= found.estimate.effect <= found.estimate.hi
    assert 0 <= found.estimate.p_value <= 1
    assert np.isfinite(found.estimate.effect)
    if found.verdict != "no_clear_change":
        above = found.verdict == "likely_higher"
        assert found.estimate.lo > 0 if above else found.estimate.hi < 0


@pytest.mark.parametrize("seed", range(24))
def test_any_life_and_any_record_have_verdicts_that_hold_together(seed: int) -> None:
    dice, rng = random.Random(seed), np.random.default_rng(seed)
    days = dice.choice((1, 5, 30, 84, 130, 200))
    plans = [draw_planned(days, dice) for _ in range(dice.choice((0, 0, 1, 2)))]
    life = make_life(draw_noted(days, dice), plans, dice.choice((ZERO, ZERO, ZERO + days // 2, None)))
    person = Person("p-any", life, draw_record(days, rng), ZERO)
    mondays = list_mondays(ZERO, ZERO + days + 30)
    for _, asked in judge_mondays(person, mondays, P):
        for told in asked.told:
            check(told)
    effects, days_of_it = lay_person(person, mondays, P)
    for row in (*effects, *days_of_it):
        assert not [name for name, cell in row.items() if isinstance(cell, float) and np.isinf(cell)]
    tabulate("model.effect", effects)
    tabulate("model.effect_day", days_of_it)
