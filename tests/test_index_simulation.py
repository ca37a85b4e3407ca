"""Does the index do what it says? Simulated people whose true usual and true index are known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import kstest

from models.baseline import STATES, Baseline, Real, Whole
from models.index import Day, Index, combine, compute_index, correlate_features, draw_bands, grade_index
from models.parameters import load_parameters
from models.validate import simulation
from models.validate.simulation import People, raise_days, share_inside, wear_device

P = load_parameters()
F = len(P.features)


@cache
def simulate(people: int, days: int, phi: float, seed: int) -> People:
    return simulation.simulate_people(people, days, phi, seed, P)


def score_day(value: Real, day: int, segment: Whole | None = None) -> tuple[Day, Baseline, Index]:
    """Score one day of everybody from (people, days, features)."""
    return simulation.score_day(value, wear_device(value) if segment is None else segment, day, P)


def true_index(people: People, day: int) -> Real:
    return simulation.true_index(people.z[:, day], P)


@pytest.mark.parametrize("phi", [0.0, 0.4])
@pytest.mark.parametrize("day", [28, 49])
def test_bands_hold_the_true_index_as_often_as_they_say(phi: float, day: int) -> None:
    people = simulate(2000, 50, phi, 1)
    _, _, got = score_day(people.value, day)
    truth = true_index(people, day)
    assert 0.77 <= share_inside(got.lo80, truth, got.hi80) <= 0.85
    assert 0.93 <= share_inside(got.lo95, truth, got.hi95) <= 0.985


@pytest.mark.parametrize("phi", [0.0, 0.4])
@pytest.mark.parametrize("day", [7, 14])
def test_bands_are_not_too_narrow_while_learning_goes_on(phi: float, day: int) -> None:
    people = simulate(2000, 50, phi, 1)
    _, _, got = score_day(people.value, day)
    truth = true_index(people, day)
    assert share_inside(got.lo80, truth, got.hi80) >= 0.77
    assert share_inside(got.lo95, truth, got.hi95) >= 0.93


@pytest.mark.parametrize("phi", [0.0, 0.4])
@pytest.mark.parametrize("day", [28, 49])
def test_ordinary_days_spread_evenly_over_the_scale(phi: float, day: int) -> None:
    """One day each of people without a heavy week: about two in three are in the usual range."""
    _, _, got = score_day(simulate(2000, 50, phi, 1).value, day)
    assert 0.65 <= np.mean((got.index >= 16) & (got.index <= 84)) <= 0.72
    assert kstest(got.index / 100, "uniform").pvalue > 0.01
    assert np.median(got.index) == pytest.approx(50, abs=2.5)


def test_learning_then_provisional_then_settled() -> None:
    people = simulate(40, 50, 0.4, 3)
    for day, state in [(0, 0), (4, 0), (5, 1), (13, 1), (14, 2), (49, 2)]:
        scored, baseline, got = score_day(people.value, day)
        assert set(grade_index(scored, baseline, got, P)) == {state}, STATES[state]
        assert np.isnan(got.index).all() == (state == 0)


def width_of_latent(day: Day, baseline: Baseline) -> Real:
    correlation = correlate_features(baseline.residual, P)
    coefficient, _, missing_var = combine(~np.isnan(day.value), correlation, P.weight)
    bands = draw_bands(day, baseline, coefficient, correlation, missing_var, P)
    return np.asarray(bands[2] - bands[1])


def test_hiding_a_feature_widens_the_band_and_moves_scores_to_the_middle() -> None:
    """On the scale of L, to within the noise of 1,000 draws (3 %)."""
    people = simulate(600, 50, 0.4, 4)
    day, baseline, got = score_day(people.value, 49)
    width, moved, ratios = width_of_latent(day, baseline), [], []
    for f in range(F):
        hidden = day.value.copy()
        hidden[:, f] = np.nan
        without = Day(hidden, day.se, day.low)
        ratios.append(width_of_latent(without, baseline) / width)
        away = np.abs(compute_index(without, baseline, P).index - 50)
        moved.append(np.mean(away) - np.mean(np.abs(got.index - 50)))
    assert np.min(ratios) > 0.97
    assert np.mean(np.array(ratios) >= 1) > 0.995
    assert np.median(ratios, axis=0).min() > 1.0
    assert np.mean(moved) < 0
    assert max(moved) < 0.2


def test_a_device_export_without_heart_rate_variability_stays_calibrated() -> None:
    people = simulate(2000, 50, 0.4, 5)
    value = people.value.copy()
    value[..., 1:4] = np.nan
    _, _, got = score_day(value, 42)
    truth = true_index(people, 42)
    assert 0.77 <= share_inside(got.lo80, truth, got.hi80) <= 0.85
    assert np.all(got.coverage == pytest.approx(0.73))


def switch_device(people: People, day: int) -> tuple[Real, Whole]:
    """From `day` on a device that reads two heart features 1.5 SD towards load; and who wore what."""
    value = raise_days(people, ("rhr_night", "ln_rmssd_night"), 1.5, P, start=day)
    return value, simulation.switch_device(value, day)


def test_a_new_device_does_not_by_itself_make_high_days() -> None:
    people = simulate(600, 90, 0.4, 6)
    value, devices = switch_device(people, 50)
    days = (50, 51, 53, 56, 60, 70, 80)
    plain = np.mean([np.mean(score_day(people.value, day)[2].index >= 84.5) for day in days])
    known = [score_day(value, day, devices) for day in days]
    high = [np.mean(got.index >= 84.5) for _, _, got in known]
    blind = [np.mean(score_day(value, day)[2].index >= 84.5) for day in days]
    assert max(high[1:]) < plain + 0.05
    assert high[0] < plain + 0.1  # that day nothing is known of the new device
    assert np.mean(high) < plain + 0.04
    assert np.mean(blind[:3]) > plain + 0.13  # what pooling the two devices would have said
    assert all((baseline.state >= 1).all() for _, baseline, _ in known)  # nobody learns from scratch
    first = known[0][2]
    assert np.median(first.hi80 - first.lo80) > 40  # and the band says that little is known


def test_an_ordinary_day_on_a_new_device_is_not_high() -> None:
    people = simulate(600, 90, 0.4, 6)
    value, devices = switch_device(people, 50)
    usual = (people.value - people.sd[:, None] * people.z * P.direction) + (value - people.value)
    for day in range(50, 64):
        ordinary = value.copy()
        ordinary[:, day] = usual[:, day]
        got = score_day(ordinary, day, devices)[2].index
        assert np.mean(got >= 84.5) < 0.06, day  # not all zero: usual itself is known with an error
        assert np.median(got) < 70, day


def test_a_planted_heavy_week_raises_the_score_and_names_its_features() -> None:
    people = simulate(300, 57, 0.4, 7)
    heavy = raise_days(people, simulation.PLANTED, 2, P, start=50)
    named = [P.features.index(name) for name in simulation.PLANTED]
    before = [score_day(people.value, day)[2].index for day in range(50, 57)]
    got = [score_day(heavy, day)[2] for day in range(50, 57)]
    assert np.mean([np.mean(i.index >= 84.5) for i in got]) > 0.6
    assert np.mean([i.index.mean() for i in got]) > np.mean(before) + 25
    top = np.argsort(-np.mean([i.contribution for i in got], axis=(0, 1)))[:3]
    assert set(top) == set(named)
    ranked = np.argsort(-np.mean([i.contribution for i in got], axis=0), axis=1)[:, :3]
    assert np.mean(np.isin(ranked, named)) > 0.75
