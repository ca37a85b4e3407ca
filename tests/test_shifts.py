"""A usual that moves is named, with where from, where to and since when; one that does not is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import t as student

from models.parameters import load_parameters
from models.shifts import (
    NO_WEEK,
    Runs,
    Shifts,
    Told,
    Week,
    compare_usual,
    follow_week,
    start_runs,
)
from models.validate.simulation import Move, People, follow_usual, raise_days, simulate_people

PARAMETERS = load_parameters()
P = PARAMETERS.shifts
WINDOW = PARAMETERS.baseline.window_days
MONDAY = 19_996
Real = NDArray[np.float64]
NOTHING_TOLD = Told(np.full((1, 1), NO_WEEK), np.full((1, 1), np.nan), np.full((1, 1), np.nan))


def week(mean: float, monday: int, days: int = 7, *, restart: bool = False, spread: float = 3.0) -> Week:
    one = (1, 1)
    return Week(monday, np.full(one, mean), np.full(one, days), np.full(one, spread), np.full(one, restart))


def run_weeks(means: list[float], days: int = 7) -> tuple[Runs, list[Shifts]]:
    runs, found = start_runs(1, 1, P), []
    for k, mean in enumerate(means):
        runs, shifts = follow_week(runs, week(mean, MONDAY + 7 * k, days), P)
        found.append(shifts)
    return runs, found


def exact_posterior(means: list[float]) -> dict[int, float]:
    """Adams and MacKay's run length posterior, all runs kept, from their recursion and scipy's t."""
    weekly = 9 * (1 + P.phi) / (1 - P.phi) / 7
    prior = P.prior_df, P.prior_df * weekly
    runs = {NO_WEEK: (0.0, means[0], 1.0, P.prior_df + 1, P.prior_df * weekly)}
    for k, x in enumerate(means[1:], 1):
        level = sum(np.exp(w) * m for w, m, *_ in runs.values())
        grown = {s: (w + np.log(1 - P.hazard), *rest) for s, (w, *rest) in runs.items()}
        grown[MONDAY + 7 * k] = (np.log(P.hazard), level, weekly / (9 * P.jump_sd**2), *prior)
        runs = {}
        for since, (w, m, kappa, nu, squares) in grown.items():
            likely = student.logpdf(x, nu, m, np.sqrt(squares / nu * (1 + 1 / kappa)))
            more = kappa * (x - m) ** 2 / (kappa + 1)
            runs[since] = (w + likely, (kappa * m + x) / (kappa + 1), kappa + 1, nu + 1, squares + more)
        total = logsumexp([w for w, *_ in runs.values()])
        runs = {since: (w - total, *rest) for since, (w, *rest) in runs.items()}
    return {since: float(np.exp(w)) for since, (w, *_) in runs.items()}


def test_the_weights_of_the_runs_are_those_of_the_exact_recursion() -> None:
    means = [60.0, 61.2, 59.5, 60.4, 64.9, 65.6]
    runs, _ = run_weeks(means)
    exact = exact_posterior(means)
    pairs = zip(runs.since[0, 0].tolist(), runs.weight[0, 0].tolist(), strict=True)
    got = {since: weight for since, weight in pairs if weight > 0}
    assert len(exact) == 6  # fewer than are kept: nothing is left out
    for since, weight in exact.items():
        assert got[since] == pytest.approx(weight, rel=1e-9)


def test_only_the_likeliest_runs_are_kept_and_their_weights_add_up() -> None:
    rng = np.random.default_rng(1)
    means = rng.normal(60, 1.7, 60).tolist()
    runs, _ = run_weeks(means)
    kept = runs.weight[0, 0]
    assert kept.shape == (8,)
    assert kept.sum() == pytest.approx(1)
    assert (np.diff(kept) <= 0).all()
    exact = exact_posterior(means)
    assert runs.since[0, 0, 0] == max(exact, key=lambda since: exact[since])
    assert kept[0] == pytest.approx(exact[int(runs.since[0, 0, 0])], abs=0.12)


def test_a_step_is_told_once_two_weeks_after_with_its_levels_and_its_first_week() -> None:
    runs, found = run_weeks([60.0, 60.5, 59.5, 60.2, 59.8] * 2 + [65.0, 65.4, 64.7, 65.1, 64.9, 65.3])
    told = [k for k, shifts in enumerate(found) if shifts.shifted[0, 0]]
    assert told == [11]
    step = found[11]
    assert step.since[0, 0] == MONDAY + 70
    assert step.start[0, 0] == pytest.approx(60, abs=0.3)
    assert step.end[0, 0] == pytest.approx(65, abs=0.6)
    assert step.probability[0, 0] > 0.9
    assert (runs.told.week[0, 0], runs.told.end[0, 0]) == (MONDAY + 77, step.end[0, 0])


def test_even_a_large_step_is_told_in_its_second_week_and_not_before() -> None:
    _, found = run_weeks([60.0] * 20 + [75.0] * 3)
    assert [k for k, shifts in enumerate(found) if shifts.shifted[0, 0]] == [21]


def test_a_second_step_is_told_too() -> None:
    _, found = run_weeks([60.0] * 8 + [66.0] * 6 + [60.0] * 5)
    moves = [(s.start[0, 0], s.end[0, 0]) for s in found if s.shifted[0, 0]]
    assert len(moves) == 2
    assert moves[0] == pytest.approx((60, 66), abs=1)
    assert moves[1] == pytest.approx((66, 60), abs=1)


def test_small_steps_and_short_ones_are_not_told() -> None:
    assert not any(s.shifted[0, 0] for s in run_weeks([60.0] * 99 + [62.0] * 9)[1])  # 2/3 of an SD
    assert run_weeks([60.0] * 99 + [62.0] * 9)[1][-1].probability[0, 0] > 0.9  # sure as it is
    assert not any(s.shifted[0, 0] for s in run_weeks([60.0] * 20 + [65.0] + [60.0] * 10)[1])


def test_weeks_with_too_few_days_and_missing_weeks_leave_the_state_as_it_is() -> None:
    runs, _ = run_weeks([60.0, 61, 60, 59])
    for thin in (
        week(90, MONDAY + 28, 2),
        week(np.nan, MONDAY + 28, 0),
        week(90, MONDAY + 28, spread=np.nan),
    ):
        after, shifts = follow_week(runs, thin, P)
        assert same(after, runs)
        assert not shifts.shifted.any()


def test_a_week_of_few_days_says_less() -> None:
    base, _ = run_weeks([60.0, 61, 60, 59, 60])
    full, _ = follow_week(base, week(66, MONDAY + 35, 7), P)
    few, _ = follow_week(base, week(66, MONDAY + 35, 3), P)
    newest = MONDAY + 35
    assert weight_of(full, newest) > weight_of(few, newest)


def weight_of(runs: Runs, since: int) -> float:
    return float(runs.weight[runs.since == since].sum())


def test_another_device_starts_anew() -> None:
    runs, _ = run_weeks([60.0] * 10)
    after, shifts = follow_week(runs, week(70, MONDAY + 70, restart=True), P)
    assert after.since[0, 0, 0] == NO_WEEK
    assert after.mean[0, 0, 0] == 70
    assert after.weight[0, 0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    for k in range(11, 20):
        after, shifts = follow_week(after, week(70, MONDAY + 7 * k), P)
        assert not shifts.shifted.any()


def same(one: Runs, other: Runs) -> bool:
    flat = [f.name for f in fields(Runs) if f.name != "told"]
    arrays = [(getattr(one, name), getattr(other, name)) for name in flat]
    arrays += [(getattr(one.told, f.name), getattr(other.told, f.name)) for f in fields(Told)]
    return all(np.array_equal(a, b, equal_nan=True) for a, b in arrays)


# Slow moves, by hand


def compare(path: list[float], told: Told = NOTHING_TOLD, effective: float = 18.0) -> Shifts:
    two = (1, 1, 2)
    whole = np.array(path)[None, None]
    return compare_usual(whole, np.full(two, 3.0), np.full(two, effective), told, MONDAY, P)


def ramp(start: float, end: float) -> list[float]:
    """Nine weeks of the old usual, sixteen of rise, two of the new one."""
    return [*[start] * 9, *np.linspace(start, end, 17)[1:].tolist(), end, end]


def test_a_slow_rise_is_told_from_where_to_where_and_since_a_quarter_of_the_way() -> None:
    got = compare(ramp(55, 60))
    assert got.shifted[0, 0]
    assert (got.start[0, 0], got.end[0, 0]) == (55, 60)
    # place 12 of 27 (0 first) has 4/16 of the way behind; this week is place 26
    assert got.since[0, 0] == MONDAY - (26 - 12) * 7
    # error 3·√(2/18) = 1; margin 1.5; Φ(3.5)
    assert got.probability[0, 0] == pytest.approx(0.99977, abs=1e-5)
    down = compare(ramp(60, 55))
    assert down.shifted[0, 0]
    assert down.since[0, 0] == got.since[0, 0]


def test_the_same_rise_is_not_told_when_little_is_known() -> None:
    assert not compare(ramp(55, 60), effective=4.0).shifted[0, 0]  # error 2.1: Φ(1.65) = .95
    assert not compare([np.nan, *ramp(55, 60)[1:]]).shifted[0, 0]


def test_what_was_told_is_not_told_again_unless_it_was_much_too_little() -> None:
    def told(start: float, end: float, weeks_ago: int) -> Told:
        one = (1, 1)
        return Told(np.full(one, MONDAY - 7 * weeks_ago), np.full(one, start), np.full(one, end))

    assert not compare(ramp(55, 60), told(55.5, 59.5, 3)).shifted[0, 0]
    assert compare(ramp(55, 60), told(55, 57, 3)).shifted[0, 0]
    assert compare(ramp(55, 60), told(60, 55, 3)).shifted[0, 0]  # the other way
    assert compare(ramp(55, 60), told(55, 60, 27)).shifted[0, 0]  # long ago


# Simulated people


@cache
def simulate(people: int, weeks: int, phi: float, seed: int) -> People:
    return simulate_people(people, WINDOW + 7 * weeks, phi, seed, PARAMETERS)


def follow_people(value: Real) -> Iterator[Move]:
    """Follow people from their 42nd day on, with the real baselines."""
    return follow_usual(value, PARAMETERS)


PEOPLE, WEEKS, AT = 50, 72, WINDOW + 7 * 30
YEARS = PEOPLE * 7 * WEEKS / 365


@pytest.mark.parametrize(("phi", "rate"), [(0.0, 0.1), (0.4, 0.5)])
def test_people_whose_usual_stays_are_seldom_told_that_it_moved(phi: float, rate: float) -> None:
    """All nine features together, a year."""
    value = simulate(PEOPLE, WEEKS, phi, 21).value
    assert len(list(follow_people(value))) / YEARS <= rate


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_a_step_of_five_beats_is_found_and_dated(phi: float) -> None:
    people = simulate(PEOPLE, WEEKS, phi, 21)
    mean, sd = people.mean, people.sd
    moved = raise_days(people, ("rhr_night",), 5 / 3, PARAMETERS, start=AT)
    found = [e for e in follow_people(moved) if e.feature == 0 and AT <= e.day <= AT + 56]
    assert len({e.person for e in found}) >= 0.95 * PEOPLE
    first = {e.person: e for e in reversed(found)}.values()
    assert np.mean([abs(e.since - AT) <= 7 for e in first]) >= 0.85
    assert np.median([(e.start - mean[e.person, 0]) / sd[e.person, 0] for e in first]) == pytest.approx(
        0, abs=0.15
    )
    assert np.median([(e.end - mean[e.person, 0]) / sd[e.person, 0] for e in first]) == pytest.approx(
        1.67, abs=0.25
    )


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_a_rise_over_four_months_is_named_rather_than_absorbed(phi: float) -> None:
    people = simulate(PEOPLE, WEEKS, phi, 21)
    way = np.clip((np.arange(people.value.shape[1]) - AT) / 119, 0, 1)
    moved = raise_days(people, ("rhr_night",), 5 / 3 * way, PARAMETERS)
    found = [e for e in follow_people(moved) if e.feature == 0 and AT <= e.day <= AT + 26 * 7]
    assert len({e.person for e in found}) >= 0.95 * PEOPLE
    assert len(found) <= 1.7 * PEOPLE
    last = {e.person: e for e in found}.values()
    up = [(e.end - e.start) / people.sd[e.person, 0] for e in last]
    assert np.median(up) == pytest.approx(1.5, abs=0.3)
    assert np.mean([AT <= e.since <= AT + 120 for e in last]) >= 0.9  # while it rose


def test_stored_state_batch_and_future_change_nothing() -> None:
    moved = simulate(PEOPLE, WEEKS, 0.4, 21).value[:6].copy()
    moved[:, AT:, 0] += 8
    whole = list(follow_people(moved))
    assert whole
    alone = [replace(e, person=2) for e in follow_people(moved[2:3])]
    assert alone == [e for e in whole if e.person == 2]
    later = moved.copy()
    later[:, AT + 70 :] += 20
    assert [e for e in follow_people(later) if e.day + 7 <= AT + 70] == [
        e for e in whole if e.day + 7 <= AT + 70
    ]
