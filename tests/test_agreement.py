"""Does the index follow how a person feels? Said only when it does, and weights change only when that helps."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from models.agreement import (
    Agreement,
    block_length,
    compare_feeling,
    draw_sums,
    judge_blocks,
    learn_slopes,
    pair_days,
    sum_pairs,
    try_weights,
)
from models.parameters import load_parameters

PARAMETERS = load_parameters()
P = PARAMETERS.agreement
W = PARAMETERS.weight
F = len(W)
Real = NDArray[np.float64]


def noise(rng: np.random.Generator, people: int, days: int, phi: float) -> Real:
    value = rng.standard_normal((people, days))
    for day in range(1, days):
        value[:, day] = phi * value[:, day - 1] + np.sqrt(1 - phi**2) * value[:, day]
    return value


def answer(felt: Real, rng: np.random.Generator, silent: float) -> Real:
    """Felt stress as people give it: whole numbers from 0 to 10, not every day."""
    given = np.clip(np.round(3 + 2 * felt), 0, 10)
    return np.where(rng.random(felt.shape) < silent, np.nan, given)


@cache
def judge(rho: float, phi: float, days: int, lag: int = 0) -> list[Agreement]:
    rng = np.random.default_rng(int(100 * rho + 10 * phi) + days)
    latent = noise(rng, 250, days, phi)
    felt = rho * np.roll(latent, lag, axis=1) + np.sqrt(1 - rho**2) * noise(rng, 250, days, phi)
    return [compare_feeling(*pair, P) for pair in zip(latent, answer(felt, rng, 0.2), strict=True)]


def share_following(found: list[Agreement]) -> float:
    return float(np.mean([a.verdict == "follows" for a in found]))


@pytest.mark.parametrize("phi", [0.0, 0.4])
@pytest.mark.parametrize("days", [45, 182])
def test_an_index_that_does_not_follow_is_said_to_follow_in_at_most_one_in_twenty(
    phi: float, days: int
) -> None:
    found = [a for a in judge(0.0, phi, days) if a.verdict != "cannot_tell_yet"]
    assert len(found) > 200
    assert share_following(found) <= 0.05
    inside = [a.lo[0] <= 0 <= a.hi[0] for a in found]
    assert 0.95 <= np.mean(inside) <= 0.995  # a 97.5 % interval


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_an_index_that_follows_is_found(phi: float) -> None:
    found = judge(0.5, phi, 182)
    assert share_following(found) >= 0.95
    true = 6 / np.pi * np.arcsin(0.25)  # Spearman of a normal pair of correlation .5
    assert 0.94 <= np.mean([a.lo[0] <= true <= a.hi[0] for a in found]) <= 0.995
    assert share_following(judge(0.5, phi, 45)) > 0.3  # six weeks are little


def test_one_that_is_felt_the_next_day_is_found_at_lag_one() -> None:
    found = judge(0.5, 0.0, 182, 1)
    assert share_following(found) >= 0.95
    assert np.mean([a.lo[1] > 0 for a in found]) >= 0.95
    assert np.mean([a.lo[0] > 0 for a in found]) <= 0.03


def test_one_that_runs_against_the_feeling_does_not_follow() -> None:
    rng = np.random.default_rng(1)
    latent = noise(rng, 1, 150, 0.3)[0]
    found = compare_feeling(latent, 5 - 2 * latent, P)
    assert found.hi[0] < 0
    assert found.verdict == "does_not_follow"


def test_rho_is_spearmans_also_with_ties() -> None:
    rng = np.random.default_rng(2)
    latent = noise(rng, 1, 60, 0.3)[0]
    felt = answer(latent + noise(rng, 1, 60, 0.0)[0], rng, 0.1)
    found = compare_feeling(latent, felt, P)
    there = ~np.isnan(felt)
    assert found.rho[0] == pytest.approx(spearmanr(latent[there], felt[there]).statistic)
    late = there[1:]
    assert found.rho[1] == pytest.approx(spearmanr(latent[:-1][late], felt[1:][late]).statistic)
    assert found.pairs == (there.sum(), late.sum())


def test_under_thirty_check_ins_nothing_can_be_told_and_the_number_is_given() -> None:
    latent = np.arange(40.0)
    felt = np.where(np.arange(40) < 29, latent, np.nan)
    found = compare_feeling(latent, felt, P)
    assert (found.verdict, found.checkins, found.needed) == ("cannot_tell_yet", 29, 30)
    assert np.isnan([found.rho, found.lo, found.hi]).all()
    felt[29] = 29
    assert compare_feeling(latent, felt, P).verdict == "follows"


def test_someone_who_always_answers_the_same_is_not_said_to_be_followed() -> None:
    found = compare_feeling(noise(np.random.default_rng(3), 1, 60, 0.0)[0], np.full(60, 4.0), P)
    assert found.verdict == "does_not_follow"
    assert np.isnan(found.rho[0])


def test_only_the_last_half_year_counts_and_nothing_is_said_of_units() -> None:
    rng = np.random.default_rng(4)
    latent = noise(rng, 1, 300, 0.3)[0]
    felt = answer(latent, rng, 0.3)
    changed = felt.copy()
    changed[: 300 - P.window_days] = 0
    assert compare_feeling(latent, felt, P) == compare_feeling(latent, changed, P)
    assert compare_feeling(latent, felt, P) == compare_feeling(np.exp(latent), 3 * felt + 1, P)


def test_pairs_are_of_the_index_and_what_was_said_after_it() -> None:
    earlier, later = pair_days(np.array([1.0, np.nan, 3, 4]), np.array([10.0, 20, np.nan, 40]), 1)
    assert earlier.tolist() == [1, 3]
    assert later.tolist() == [20, 40]


def test_draws_are_made_of_whole_blocks_and_of_as_many_pairs() -> None:
    pairs = 31
    drawn = draw_sums(np.eye(pairs), P)  # how often each pair is in each draw
    assert drawn.shape == (P.draws, pairs)
    assert np.allclose(drawn.sum(axis=1), pairs)
    assert np.allclose(drawn, np.round(drawn))
    assert block_length(pairs) == 4
    assert drawn.mean() == pytest.approx(1)
    assert np.abs(drawn.mean(axis=0) - 1).max() < 0.25
    together = np.mean((drawn[:, 0] - 1) * (drawn[:, 1] - 1)) / np.mean((drawn[:, 0] - 1) ** 2)
    assert together == pytest.approx(0.75, abs=0.12)  # neighbours share three blocks of four


# Personal weights


@cache
def lives(kind: str, people: int = 80, days: int = 182) -> tuple[Real, Real]:
    """Contributions and what is felt: nothing to find, the published weights, or one feature alone."""
    rng = np.random.default_rng({"nothing": 1, "published": 2, "one": 3}[kind])
    z = rng.standard_normal((people, days, F)) @ np.linalg.cholesky(0.8 * np.eye(F) + 0.2).T
    for day in range(1, days):
        z[:, day] = 0.4 * z[:, day - 1] + np.sqrt(1 - 0.16) * z[:, day]
    usual = np.sqrt(W @ (0.8 * np.eye(F) + 0.2) @ W)
    one = np.arange(F) == 4
    signal = {"nothing": 0 * z[..., 0], "published": z @ W / usual, "one": z @ one.astype(float)}[kind]
    felt = answer(0.7 * signal + 0.7 * noise(rng, people, days, 0.3), rng, 0.2)
    return z * W / usual, felt


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("nothing", 0, 0.05), ("published", 0, 0.05), ("one", 0.5, 1)]
)
def test_personal_weights_are_taken_where_they_help_and_only_there(
    kind: str, low: float, high: float
) -> None:
    part, felt = lives(kind)
    found = [try_weights(*pair, W, P) for pair in zip(part, felt, strict=True)]
    assert low <= np.mean([w.better for w in found]) <= high
    for w in found:
        assert w.weight.sum() == pytest.approx(1)
        assert (w.weight >= 0).all()
        assert w.better or np.array_equal(w.weight, W)
        assert not w.better or w.mae_personal < min(w.mae_fixed, w.mae_mean)
    if kind == "one":
        assert np.mean([w.weight[4] for w in found if w.better]) > 3 * W[4]


def test_personal_weights_are_the_published_ones_times_what_was_learnt() -> None:
    part, felt = lives("one")
    person = next(k for k in range(len(part)) if try_weights(part[k], felt[k], W, P).better)
    there = ~np.isnan(felt[person])
    slope = learn_slopes(sum_pairs(part[person][there], felt[person][there])[-1], P)[1]
    got = try_weights(part[person], felt[person], W, P).weight
    assert got == pytest.approx(W * slope / (W @ slope))


@pytest.mark.parametrize(
    ("fixed", "mean", "better"), [(1.5, 1.6, True), (1.5, 0.9, False), (0.9, 1.5, False)]
)
def test_personal_weights_must_beat_both_the_published_ones_and_the_mean(
    monkeypatch: pytest.MonkeyPatch, fixed: float, mean: float, better: bool
) -> None:
    part, felt = lives("one")
    rng = np.random.default_rng(6)
    errors = np.array([1.0, fixed, mean])
    monkeypatch.setattr("models.agreement.judge_blocks", lambda *_: errors + rng.normal(0, 0.05, (9, 3)))
    assert try_weights(part[0], felt[0], W, P).better is better


def test_personal_weights_are_not_tried_on_fewer_than_sixty_check_ins() -> None:
    part, felt = lives("one")
    some = np.where(np.cumsum(~np.isnan(felt[0])) <= 59, felt[0], np.nan)
    found = try_weights(part[0], some, W, P)
    assert (found.better, found.tested) == (False, 0)
    assert np.isnan(found.mae_personal)
    more = np.where(np.cumsum(~np.isnan(felt[0])) <= 60, felt[0], np.nan)
    assert try_weights(part[0], more, W, P).tested == 28  # 28 to learn from, then 4 blocks of 7


def test_a_block_is_judged_on_what_came_before_it_only() -> None:
    part, felt = lives("one")
    there = ~np.isnan(felt[0])
    c, y = part[0][there], felt[0][there].copy()
    before = judge_blocks(c, y, P)
    y[56:] = 100.0
    c = c.copy()
    c[56:] = 100.0
    assert np.array_equal(judge_blocks(c, y, P)[:4], before[:4])  # the fourth block ends with the 56th pair
    planted = y.copy()
    planted[49:56] += 50  # what cannot be known is not foreseen
    assert (judge_blocks(c, planted, P)[3] > before[3] + 40).all()


def test_a_block_is_judged_by_what_least_squares_learn_before_it() -> None:
    """An oracle in its own words: rows in place of sums, one block after the other."""
    part, felt = lives("one")
    there = ~np.isnan(felt[1])
    c, y = part[1][there], felt[1][there]
    found = judge_blocks(c, y, P)
    assert len(found) == (len(y) - 28) // 7
    for k, errors in enumerate(found):
        now = 28 + 7 * k
        off, rest = c[:now] - c[:now].mean(axis=0), y[:now] - y[:now].mean()
        common = np.linalg.lstsq(off.sum(axis=1)[:, None], rest, rcond=None)[0][0]
        ridge = np.diag(np.sqrt(P.ridge_pairs / now) * np.sqrt((off**2).sum(axis=0)))
        left = np.concatenate([rest - common * off.sum(axis=1), np.zeros(F)])
        apart = np.linalg.lstsq(np.concatenate([off, ridge]), left, rcond=None)[0]
        ahead, truth = c[now : now + 7] - c[:now].mean(axis=0), y[now : now + 7] - y[:now].mean()
        guesses = (ahead @ np.maximum(common + apart, 0), common * ahead.sum(axis=1), 0.0)
        assert common > 0
        assert errors == pytest.approx([np.abs(truth - guess).mean() for guess in guesses], rel=1e-6)


def test_slopes_are_the_common_one_where_nothing_else_is_known() -> None:
    rng = np.random.default_rng(5)
    c = rng.standard_normal((200, F)) * W
    y = 3 + 2 * c.sum(axis=1)
    common, slope = learn_slopes(sum_pairs(c, y)[-1], P)
    assert common == pytest.approx(2)
    assert slope == pytest.approx(2)
    assert learn_slopes(sum_pairs(c, -y)[-1], P)[0] == 0
    more = sum_pairs(c, y + 5 * c[:, 0])[-1]
    firm = learn_slopes(more, replace(P, ridge_pairs=1e9))
    assert firm[1] == pytest.approx(float(firm[0]), rel=1e-5)  # drawn to the published weights
    free = learn_slopes(more, replace(P, ridge_pairs=0.0))[1]
    assert free == pytest.approx([7, *[2] * (F - 1)], rel=1e-3)
    none = learn_slopes(sum_pairs(np.full((40, F), 0.3), y[:40])[-1], P)
    assert (none[0], np.abs(none[1]).max()) == (0, 0)  # where nothing ever moves, nothing is learnt
