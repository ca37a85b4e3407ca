"""Plans that chance draws, their exact test, and when questions are judged."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from statsmodels.regression.linear_model import GLS

from models.effect import limits
from models.effect.looks import choose_look, count_days_to_wait
from models.effect.question import Design, Look, Question
from models.effect.randomise import (
    DRAWS,
    PLAN_DAYS,
    draw_plan,
    invert,
    judge_plan,
    possible_plans,
    weigh_days,
)
from models.effect.simulation import ask_after, ask_of_plan, ask_since, hold_sessions, simulate_noise
from models.effect.terms import lay_terms

DESIGNS: tuple[Design, ...] = ("blocks_2", "blocks_7", "start")
MONDAY = 20500


def weigh(used: np.ndarray, *, flat: bool = False) -> np.ndarray:
    day = np.arange(MONDAY, MONDAY + PLAN_DAYS)
    terms = lay_terms(day, np.zeros((PLAN_DAYS, 0)), used)
    if flat:
        terms = dataclasses.replace(terms, precision=np.zeros_like(terms.precision))
    return weigh_days(day, terms, used)


ALL = np.ones(PLAN_DAYS, dtype=bool)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**63 - 1))
def test_a_plan_is_one_of_its_design_and_the_first_of_those_possible(seed: int) -> None:
    for design, length in (("blocks_2", 2), ("blocks_7", 7)):
        plan = draw_plan(design, seed)
        assert plan.shape == (PLAN_DAYS,)
        blocks = plan.reshape(-1, length)
        assert (blocks == blocks[:, :1]).all()
        assert (blocks[::2, 0] + blocks[1::2, 0] == 1).all()  # of each pair of blocks, one is with it
    start = draw_plan("start", seed)
    assert (np.diff(start) >= 0).all()
    assert 14 <= int(np.argmax(start)) <= 62  # a day of weeks 3 to 9
    for design in ("blocks_7", "start"):
        assert (possible_plans(design, seed)[0] == draw_plan(design, seed)).all()


@pytest.mark.parametrize(("design", "count"), [("blocks_7", 64), ("start", 49)])
def test_every_plan_that_could_have_been_drawn_is_possible_once(design: Design, count: int) -> None:
    possible = possible_plans(design, 7)
    assert possible.shape == (count, PLAN_DAYS)
    assert len(np.unique(possible, axis=0)) == count
    assert {tuple(row) for row in possible.tolist()} == {tuple(r) for r in possible_plans(design, 8).tolist()}


def test_of_blocks_of_two_days_4999_more_are_drawn_by_the_same_seed() -> None:
    possible = possible_plans("blocks_2", 7)
    assert possible.shape == (DRAWS, PLAN_DAYS) == (5000, 84)
    assert (possible[0] == draw_plan("blocks_2", 7)).all()
    assert (possible == possible_plans("blocks_2", 7)).all()
    assert (possible != possible_plans("blocks_2", 8)).any()
    assert possible.mean(axis=0) == pytest.approx(np.full(84, 0.5), abs=0.04)


def test_a_seed_draws_the_same_plan_for_ever() -> None:
    assert draw_plan("blocks_7", 2026)[::7].tolist() == [0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0]
    assert "".join(map(str, draw_plan("blocks_2", 2026)[::4])) == "010001101011111100001"
    assert int(np.argmax(draw_plan("start", 2026))) == 17


def test_seeds_draw_plans_evenly() -> None:
    starts = [int(np.argmax(draw_plan("start", seed))) for seed in range(2450)]
    assert chisquare(np.bincount(starts)[14:63]).pvalue > 0.001
    codes = [int("".join(map(str, draw_plan("blocks_7", seed)[::14])), 2) for seed in range(3200)]
    assert chisquare(np.bincount(codes, minlength=64)).pvalue > 0.001


@pytest.mark.parametrize("design", DESIGNS)
def test_the_statistic_is_that_of_a_regression_for_every_plan(design: Design) -> None:
    generator = np.random.default_rng(2)
    used = generator.random(PLAN_DAYS) > 0.2
    value = simulate_noise(generator, PLAN_DAYS, 0.3)[used]
    day = np.arange(PLAN_DAYS)[used]
    terms = lay_terms(np.arange(MONDAY, MONDAY + PLAN_DAYS), np.zeros((PLAN_DAYS, 0)), used).column[used]
    correlation = limits.PLAN_PHI ** np.abs(day[:, None] - day)
    possible = possible_plans(design, 3)[:49]
    sizes = []
    for plan in possible[:, used]:
        oracle = GLS(value, np.column_stack((terms, plan)), sigma=correlation).fit()
        sizes.append(abs(oracle.params[-1]) / np.sqrt(oracle.normalized_cov_params[-1, -1]))
    p = np.mean(np.array(sizes) >= sizes[0] * (1 - 1e-9))
    first = GLS(value, np.column_stack((terms, possible[0, used])), sigma=correlation).fit()
    found = judge_plan(value, weigh(used, flat=True), possible[:, used], 0.95, int(first.df_resid))
    assert found.p_value == p
    assert found.effect == pytest.approx(first.params[-1], abs=1e-8)
    assert found.sd == pytest.approx(np.sqrt(first.scale), rel=1e-8)


@pytest.mark.parametrize("design", ["blocks_7", "start"])
@pytest.mark.parametrize("phi", [0.0, 0.5])
def test_under_no_effect_a_small_p_is_as_rare_as_it_says_whatever_the_days(
    design: Design, phi: float
) -> None:
    # Exact for each series of days, however they follow each other: each possible plan takes its turn.
    possible = possible_plans(design, 1)
    weighing = weigh(ALL)
    for seed in range(4):
        value = np.exp(simulate_noise(np.random.default_rng(seed), PLAN_DAYS, phi))
        p = []
        for turn in range(len(possible)):
            plans = np.roll(possible, -turn, axis=0)
            p.append(judge_plan(value, weighing, plans, 0.95, 75).p_value)
        for level in (0.02, 0.05, 0.1, 0.5):
            assert np.mean(np.array(p) <= level) <= level


@pytest.mark.parametrize(
    ("design", "least"), [("blocks_7", 2 / 64), ("start", 1 / 49), ("blocks_2", 1 / 5000)]
)
def test_the_smallest_p_of_a_design(design: Design, least: float) -> None:
    possible = possible_plans(design, 5)
    noise = 0.01 * simulate_noise(np.random.default_rng(5), PLAN_DAYS, 0.0)
    found = judge_plan(noise + 3 * possible[0], weigh(ALL), possible, 0.95, 75)
    assert found.p_value == pytest.approx(least)
    assert found.effect == pytest.approx(3, abs=0.02)
    assert found.lo > 0


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("lost", [0.0, 0.25])
def test_the_interval_holds_the_shifts_that_the_test_does_not_refuse(design: Design, lost: float) -> None:
    generator = np.random.default_rng(11)
    used = generator.random(PLAN_DAYS) >= lost
    possible = possible_plans(design, 4)[:, used]
    value = (simulate_noise(generator, PLAN_DAYS, 0.3) + 0.8 * draw_plan(design, 4))[used]
    weighing = weigh(used)

    def p_of(shift: float) -> float:
        return judge_plan(value - shift * possible[0], weighing, possible, 0.95, 60).p_value

    found = judge_plan(value, weighing, possible, 0.95, 60)
    assert found.lo < found.effect < found.hi
    gap = 1e-6 * (found.hi - found.lo)
    assert p_of(found.lo + gap) > 0.05 >= p_of(found.lo - gap)
    assert p_of(found.hi - gap) > 0.05 >= p_of(found.hi + gap)
    for shift in np.linspace(found.lo - 2, found.hi + 2, 9):
        assert (p_of(shift) > 0.05) == (found.lo <= shift <= found.hi)


def test_an_interval_of_twenty_plans_worked_by_hand() -> None:
    # Statistic 2, which a shift by 1 lowers by 1; the 19 others are 0 to 1.8, and a shift leaves them alone. A
    # plan at s looks as large as 2 - d between d = 2 - s and 2 + s. More than 1 of 20 has to: any but the drawn
    # one, so from the first of the nineteen on, 2 - 1.8, to the last, 2 + 1.8.
    statistic = np.append(2.0, np.arange(19) / 10)
    shift = np.append(1.0, np.zeros(19))
    assert invert(statistic, shift, 0.95) == pytest.approx((0.2, 3.8))
    assert invert(statistic, shift, 0.9) == pytest.approx((0.3, 3.7))


def test_too_few_possible_plans_are_an_error_that_says_how_many_are_needed() -> None:
    with pytest.raises(ValueError, match="19 possible draws was given; a test at 5 % needs 20"):
        judge_plan(np.zeros(84), weigh(ALL), possible_plans("start", 1)[:19], 0.95, 75)


def test_a_plan_that_the_days_left_cannot_tell_counts_against_the_finding() -> None:
    # With the days after the 50th gone, starts on and after it look like no plan at all.
    used = np.arange(PLAN_DAYS) < 50
    possible = possible_plans("start", 3)
    early = np.argmax(possible, axis=1).argmin()
    plans = np.roll(possible, -early, axis=0)[:, used]
    noise = 0.01 * simulate_noise(np.random.default_rng(5), PLAN_DAYS, 0.0)[used]
    found = judge_plan(noise + 3 * plans[0], weigh(used), plans, 0.95, 42)
    assert found.p_value == pytest.approx((1 + 13) / 49)


# When a question is judged


def know(question: Question, days: int) -> Question:
    parts = {name: getattr(question, name)[:days] for name in ("day", "with_it", "session", "others")}
    return dataclasses.replace(question, **parts)


def test_since_a_start_looks_are_on_mondays_from_21_days_on_and_the_last_after_42() -> None:
    question = ask_since(140, 86)  # starts on a Wednesday: 21 days on is again one
    looks = {days: choose_look(know(question, days)) for days in range(80, 141)}
    assert all(
        looks[days] is None for days in range(80, 112)
    )  # 21 days are over with 107; their Sunday is the 112th
    assert all(looks[days] == Look(111, 0.99, early=True) for days in range(112, 119))
    assert all(looks[days] == Look(118, 0.99, early=True) for days in range(119, 126))
    assert looks[126] == looks[127] == Look(125, 0.99, early=True)
    assert all(looks[days] == Look(127, 0.95, early=False) for days in range(128, 141))


def test_sessions_are_looked_at_early_after_84_days_and_then_each_168_on_their_own() -> None:
    question = ask_after(hold_sessions(np.random.default_rng(1), 400))
    for days, look in (
        (83, None),
        (84, Look(83, 0.99, early=True)),
        (167, Look(83, 0.99, early=True)),
        (168, Look(167, 0.95, early=False)),
        (335, Look(167, 0.95, early=False)),
        (336, Look(335, 0.95, early=False)),
    ):
        assert choose_look(know(question, days)) == look, days


def test_a_plan_is_looked_at_once_when_it_is_over() -> None:
    question = ask_of_plan("blocks_7", 1)
    assert choose_look(know(question, 83)) is None
    assert choose_look(question) == Look(83, 0.95, early=False)
    assert question.draw is not None
    later = dataclasses.replace(question, draw=dataclasses.replace(question.draw, first=3))
    assert choose_look(later) is None
    assert count_days_to_wait(later) == 3


def test_the_days_to_wait_are_those_until_a_look() -> None:
    assert count_days_to_wait(know(ask_since(140, 86), 90)) == 17
    assert count_days_to_wait(know(ask_since(140, 86), 110)) == 1  # only a Monday is missing
    assert count_days_to_wait(know(ask_after(hold_sessions(np.random.default_rng(1), 84)), 80)) == 4
    assert count_days_to_wait(know(ask_of_plan("start", 1), 14)) == 70
