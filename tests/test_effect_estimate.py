"""The difference between days with and without something, where days follow each other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from statsmodels.regression.linear_model import GLS
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.statespace.structural import UnobservedComponents

from models.effect.answerable import take_window
from models.effect.checks import agree, find_t, fix_phi, leave_out_weeks, make_up_starts
from models.effect.counterfactual import fit_levels, forecast_difference
from models.effect.discovery import adjust_p_values
from models.effect.estimate import Fits, Series, expect, find_p, fit, quantiles, summarise, take_series
from models.effect.limits import PHI_GRID, TREND_SD
from models.effect.looks import choose_look
from models.effect.question import Estimate
from models.effect.simulation import ask_since, hold_sessions, simulate_noise
from models.effect.tau import correct_tau
from models.effect.terms import count_own_days, is_explained, lay_terms, weekdays

MONDAY = 20500


def make_series(days: int = 84, lost: float = 0.2, seed: int = 1, *, flat: bool = True) -> Series:
    """Days with gaps, a step and two kinds of other days."""
    generator = np.random.default_rng(seed)
    day = np.arange(MONDAY, MONDAY + days)
    value = simulate_noise(generator, days, 0.4) + (day >= day[days // 2])
    used = generator.random(days) >= lost
    terms = lay_terms(day, generator.random((days, 2)) < 0.2, used)
    if flat:
        terms = dataclasses.replace(terms, precision=np.zeros_like(terms.precision))
    return take_series(day, value, terms, day >= day[days // 2], used)


def dense(series: Series, phi: float) -> tuple[np.ndarray, np.ndarray]:
    """Design and correlation of the errors, written out."""
    apart = np.abs(series.day[:, None] - series.day)
    return np.column_stack((series.column, series.exposure)), phi**apart


@pytest.mark.parametrize("phi", [0.0, 0.2, 0.6, 0.9])
@pytest.mark.parametrize("lost", [0.0, 0.3])
def test_given_phi_it_is_generalised_least_squares_with_gaps(phi: float, lost: float) -> None:
    series = make_series(lost=lost)
    x, correlation = dense(series, phi)
    oracle = GLS(series.value, x, sigma=correlation).fit()
    found = fit(series, np.array([phi]))
    assert found.effect[0] == pytest.approx(oracle.params[-1], rel=1e-8)
    assert found.se[0] == pytest.approx(oracle.bse[-1], rel=1e-8)
    assert found.sd[0] == pytest.approx(np.sqrt(oracle.scale), rel=1e-8)
    assert found.df == oracle.df_resid


def test_a_drift_with_a_prior_is_one_more_day_that_says_how_large_drifts_are() -> None:
    series = make_series(flat=False)
    x, correlation = dense(series, 0.3)
    prior = np.zeros(x.shape[1])
    prior[1] = 1 / TREND_SD
    covariance = np.eye(len(x) + 1)
    covariance[:-1, :-1] = correlation
    oracle = GLS(np.append(series.value, 0.0), np.vstack((x, prior)), sigma=covariance).fit()
    found = fit(series, np.array([0.3]))
    assert found.effect[0] == pytest.approx(oracle.params[-1], rel=1e-6)  # its zero is ours less the mean
    assert found.se[0] == pytest.approx(oracle.bse[-1], rel=1e-6)
    assert found.df == oracle.df_resid


def test_the_weights_of_phi_are_the_restricted_likelihood() -> None:
    series = make_series()
    y = series.value
    logs = []
    for phi in PHI_GRID:
        x, correlation = dense(series, phi)
        inverse = np.linalg.inv(correlation)
        inner = x.T @ inverse @ x
        residual = y - x @ np.linalg.solve(inner, x.T @ inverse @ y)
        left = residual @ inverse @ residual
        df = len(y) - x.shape[1]
        log_dets = np.linalg.slogdet(correlation)[1] + np.linalg.slogdet(inner)[1]
        logs.append(-0.5 * (log_dets + df * np.log(left)))
    weight = np.exp(np.array(logs) - max(logs))
    assert fit(series).weight == pytest.approx(weight / weight.sum(), abs=1e-8)


def test_the_likeliest_phi_and_difference_are_near_those_of_sarimax() -> None:
    generator = np.random.default_rng(5)
    days = 600
    day = np.arange(MONDAY, MONDAY + days)
    value = simulate_noise(generator, days, 0.5) + 0.5 * (day >= day[300])
    value[generator.random(days) < 0.2] = np.nan
    used = np.isfinite(value)
    terms = lay_terms(day, np.zeros((days, 0)), used)
    series = take_series(day, value, terms, day >= day[300], used)
    found = summarise(fit(series), 0.95)
    model = SARIMAX(value, exog=np.column_stack((terms.column, day >= day[300])), order=(1, 0, 0))
    oracle = model.fit(disp=False)
    difference, phi, _ = oracle.params[-3:]
    assert oracle.model.param_names[-2:] == ["ar.L1", "sigma2"]
    assert found.phi == pytest.approx(phi, abs=0.03)
    # SARIMAX lets the drift be anything; ours expects half an SD, which in 600 days matters little.
    assert found.effect == pytest.approx(difference, abs=0.1)


def test_a_mixture_of_students_has_the_quantiles_and_tails_of_its_density() -> None:
    fits = Fits(
        np.array([0.0, 0.5]), np.array([-1.0, 0.5]), np.array([0.5, 1.0]), np.ones(2), np.array([0.7, 0.3]), 9
    )

    def density(x: float) -> float:
        return float(0.7 * stats.t.pdf(x, 9, -1, 0.5) + 0.3 * stats.t.pdf(x, 9, 0.5, 1))

    lo, hi = quantiles(fits, np.array([0.025, 0.975]))
    assert integrate.quad(density, -60, lo)[0] == pytest.approx(0.025, abs=1e-6)
    assert integrate.quad(density, hi, 60)[0] == pytest.approx(0.025, abs=1e-6)
    under = integrate.quad(density, -60, 0)[0]
    assert find_p(fits) == pytest.approx(2 * min(under, 1 - under), abs=1e-6)
    told = summarise(fits, 0.95)
    assert told.p_lower == pytest.approx(integrate.quad(density, -60, -0.2)[0], abs=1e-6)
    assert told.p_higher == pytest.approx(integrate.quad(density, 0.2, 60)[0], abs=1e-6)
    assert told.p_lower + told.p_inside + told.p_higher == pytest.approx(1)
    assert told.effect == pytest.approx(-0.7 + 0.15)
    assert told.phi == pytest.approx(0.15)


def test_a_p_value_is_under_5_percent_where_the_interval_leaves_out_no_difference() -> None:
    for seed in range(40):
        told = summarise(fit(make_series(seed=seed)), 0.95)
        assert (told.p_value < 0.05) == (not told.lo <= 0 <= told.hi)


@settings(max_examples=30, deadline=None)
@given(st.floats(-3, 3), st.floats(0.1, 50), st.floats(-40, 40))
def test_an_estimate_moves_with_what_is_planted_and_with_the_unit(
    planted: float, unit: float, level: float
) -> None:
    series = make_series(60)
    moved = dataclasses.replace(series, value=level + unit * (series.value + planted * series.exposure))
    first, other = summarise(fit(series), 0.95), summarise(fit(moved), 0.95)
    assert other.effect == pytest.approx(unit * (first.effect + planted), abs=1e-6 * unit)
    assert (other.lo, other.hi) == pytest.approx(
        (unit * (first.lo + planted), unit * (first.hi + planted)), abs=1e-5 * unit
    )
    assert (other.sd, other.phi) == pytest.approx((unit * first.sd, first.phi), rel=1e-6)


def test_what_was_expected_without_it_is_the_regression_without_its_difference() -> None:
    series = make_series(84, 0.0)
    expected, spread = expect(series, 0.4, series.column)
    x, correlation = dense(series, 0.4)
    oracle = GLS(series.value, x, sigma=correlation).fit()
    assert expected == pytest.approx(x[:, :-1] @ oracle.params[:-1], abs=1e-8)
    covariance = oracle.cov_params()[:-1, :-1]
    reach = np.einsum("ij,jk,ik->i", x[:, :-1], covariance, x[:, :-1])
    assert spread == pytest.approx(np.sqrt(oracle.scale + reach), rel=1e-8)


def test_terms_are_a_level_a_drift_six_weekdays_and_what_was_there_often_enough() -> None:
    day = np.arange(MONDAY, MONDAY + 28)
    others = np.zeros((28, 3))
    others[:3, 0] = 1  # three days: allowed for
    others[:2, 1] = 1  # two: not
    others[:, 2] = 1  # every day: not
    terms = lay_terms(day, others, np.ones(28, dtype=bool))
    assert terms.column.shape == (28, 9)
    assert terms.precision.tolist() == [0, 4, 0, 0, 0, 0, 0, 0, 0]
    assert terms.column[:, 2:8].sum(axis=0).tolist() == [4] * 6
    assert terms.column[:, 8].tolist() == others[:, 0].tolist()
    assert terms.column[-1, 1] - terms.column[0, 1] == pytest.approx(27 / 84)


def test_a_weekday_that_was_never_used_has_no_term() -> None:
    day = np.arange(MONDAY, MONDAY + 28)
    for gone in (0, 3):
        terms = lay_terms(day, np.zeros((28, 0)), weekdays(day) != gone)
        used = terms.column[weekdays(day) != gone]
        assert np.linalg.matrix_rank(used) == used.shape[1] == 7


def test_weekdays_begin_on_monday() -> None:
    assert weekdays(np.array([0, 4, MONDAY, MONDAY + 6])).tolist() == [3, 0, 0, 6]  # 1970-01-01: Thursday


def test_own_days_are_what_the_terms_leave() -> None:
    exposure = np.repeat([0.0, 1.0], 10)
    assert count_own_days(exposure, np.ones((20, 1)), np.zeros(1)) == pytest.approx(5.0)
    both = np.column_stack((np.ones(20), exposure))
    assert count_own_days(exposure, both, np.zeros(2)) == pytest.approx(0.0, abs=1e-12)
    assert is_explained(3 + 2 * exposure, both)
    assert not is_explained(exposure + np.arange(20) % 3, both)
    assert is_explained(np.full(5, 3.0), np.ones((5, 1)))


# The checks


def test_baseline_corrected_tau_worked_by_hand_without_a_drift() -> None:
    # Before 3 1 4 2, after 5 6 2.5: 12 pairs of a day before and one after, 10 of them up (5 and 6 over all
    # four; 2.5 over 1 and 2) and 2 down. tau-b = (10 - 2) / sqrt(12 * 21): 21 pairs of values, none tied.
    value = np.array([3.0, 1, 4, 2, 5, 6, 2.5])
    tau = correct_tau(np.arange(7.0), value, np.arange(7) >= 4)
    assert tau == pytest.approx(8 / np.sqrt(12 * 21))


def test_baseline_corrected_tau_worked_by_hand_with_a_drift() -> None:
    # 0 1 2 3 4 5 before (tau 1, p .003): slope 1. Less the slope: 0 six times, then 7-6, 8-7, 5-8 = 1 1 -3.
    # Of 18 pairs 12 are up, 6 down: 6. Pairs of values that differ: 36 less 15 (six zeros) less 1 (two ones) = 20.
    value = np.array([0.0, 1, 2, 3, 4, 5, 7, 8, 5])
    tau = correct_tau(np.arange(9.0), value, np.arange(9) >= 6)
    assert tau == pytest.approx(6 / np.sqrt(18 * 20))
    assert np.isnan(correct_tau(np.arange(9.0), value, np.zeros(9, dtype=bool)))
    assert correct_tau(np.arange(9.0), np.ones(9), np.arange(9) >= 6) == 0
    # A drift that goes on is none: the R package SingleCaseES gives 0 for 1 to 5 before and 6 to 10 after.
    assert correct_tau(np.arange(10.0), np.arange(10) / 3, np.arange(10) >= 5) == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=8, max_size=40), st.integers(0, 10**6))
def test_without_a_drift_it_is_kendalls_tau_b_with_ties(value: list[int], seed: int) -> None:
    found = np.random.default_rng(seed).permutation(value).astype(float)
    day, after = np.arange(found.size), np.arange(found.size) >= 4
    if stats.kendalltau(day[:4], found[:4]).pvalue < 0.05:
        return
    oracle = stats.kendalltau(after, found).statistic if np.ptp(found) else 0.0
    assert correct_tau(day.astype(float), found, after) == pytest.approx(oracle)


@pytest.mark.parametrize("q", [0.003, 0.1])
def test_the_forecast_is_that_of_a_local_level_with_regressors(q: float) -> None:
    generator = np.random.default_rng(3)
    days, start = 70, 50
    day = np.arange(MONDAY, MONDAY + days)
    value = simulate_noise(generator, days, 0.3)
    value[[5, 6, 20, 60]] = np.nan
    used, after = np.isfinite(value), day >= day[start]
    column = np.column_stack((np.ones(days), weekdays(day) >= 5))
    found = fit_levels(day, value, column, used & ~after, used & after, np.array([q]))
    x = column[:, 1:]
    model = UnobservedComponents(
        value[:start], "llevel", exog=x[:start], mle_regression=False, use_exact_diffuse=True
    )
    sigma2 = found.sd[0] ** 2
    oracle = model.smooth([sigma2, q * sigma2])
    ahead = oracle.get_forecast(days - start, exog=x[start:])
    late = used[start:]
    assert found.effect[0] == pytest.approx((value[start:] - ahead.predicted_mean)[late].mean(), abs=1e-6)


def test_the_spread_of_the_forecast_is_that_of_the_mean_of_its_days() -> None:
    generator = np.random.default_rng(4)
    day, q = np.arange(30), 0.05
    value = generator.standard_normal(30)
    before, after = day < 20, day >= 20
    found = fit_levels(day, value, np.ones((30, 1)), before, after, np.array([q]))
    covariance = np.eye(30) + q * np.minimum(day[:, None], day)
    inner = np.linalg.inv(covariance[:20, :20])
    one = np.ones(20)
    mean = (one @ inner @ value[:20]) / (one @ inner @ one)
    across = covariance[20:, :20].mean(axis=0)
    guess = mean + across @ inner @ (value[:20] - mean)
    variance = covariance[20:, 20:].mean() - across @ inner @ across
    variance += (1 - across @ inner @ one) ** 2 / (one @ inner @ one)
    left = (value[:20] - mean) @ inner @ (value[:20] - mean) / 19
    assert found.effect[0] == pytest.approx(value[20:].mean() - guess, abs=1e-9)
    assert found.se[0] == pytest.approx(np.sqrt(variance * left), rel=1e-9)


def test_a_forecast_of_days_like_those_before_holds_no_difference_and_one_of_other_days_does() -> None:
    generator = np.random.default_rng(6)
    day = np.arange(MONDAY, MONDAY + 126)
    value = generator.standard_normal(126)
    after = day >= day[84]
    used = np.ones(126, dtype=bool)
    terms = lay_terms(day, np.zeros((126, 0)), ~after)
    mean, lo, hi = forecast_difference(day, value, terms, used, after)
    moved = forecast_difference(day, value + 5 * after, terms, used, after)
    assert lo < 0 < hi
    assert moved == pytest.approx(np.array([mean, lo, hi]) + 5)


def test_leaving_out_a_week_is_fitting_without_it() -> None:
    series = make_series(flat=False)
    week = (series.day + 3) // 7
    found = []
    for one in np.unique(week):
        kept = week != one
        parts = (series.day, series.value, series.column)
        day, value, column = (part[kept] for part in parts)
        rest = Series(day, value - value.mean(), column, series.precision, series.exposure[kept])
        found.append(fit(rest, np.array([0.4])).effect[0])
    assert leave_out_weeks(series, 0.4) == pytest.approx([min(found), max(found)], abs=1e-6)


def test_the_only_week_of_an_illness_can_be_left_out() -> None:
    day = np.arange(MONDAY, MONDAY + 84)
    ill = ((day >= MONDAY + 14) & (day < MONDAY + 18)).astype(np.float64)
    value = simulate_noise(np.random.default_rng(2), 84, 0.3)
    used = np.ones(84, dtype=bool)
    series = take_series(day, value, lay_terms(day, ill[:, None], used), day >= day[42], used)
    low, high = leave_out_weeks(series, 0.3)
    plain = fit(series, np.array([0.3])).effect[0]
    assert low < plain < high
    assert high - low < 1


def test_t_of_a_made_up_start_is_that_of_a_regression() -> None:
    series = make_series(flat=False)
    t = find_t(
        series.day,
        series.column,
        series.precision,
        series.exposure[:, None],
        series.value - series.value.mean(),
        0.4,
    )
    found = fit(series, np.array([0.4]))
    assert t[0] == pytest.approx(found.effect[0] / found.se[0], rel=1e-9)


def test_days_that_are_all_alike_have_no_t_but_rounding() -> None:
    series = make_series(flat=False)
    value = np.full(series.value.size, 60.3)
    t = find_t(series.day, series.column, series.precision, series.exposure[:, None], value, 0.4)
    assert t[0] == pytest.approx(0, abs=1e-4)


def test_a_step_that_was_there_before_makes_made_up_starts_as_large() -> None:
    question = ask_since(126, 84)
    noise = simulate_noise(np.random.default_rng(8), 126, 0.0)
    look = choose_look(question)
    assert look is not None
    shares = []
    for step in (84, 42):
        value = noise + 2.0 * (np.arange(126) >= step)
        window = take_window(question, value, look)
        terms = lay_terms(window.day, window.others, window.used)
        series = take_series(window.day, window.value, terms, window.with_it, window.used)
        shares.append(make_up_starts(window, series, 0.2))
    assert shares[0] == 0
    assert shares[1] > 0.25


def test_too_few_days_before_make_no_made_up_starts() -> None:
    question = ask_since(63, 21)
    value = simulate_noise(np.random.default_rng(8), 63, 0.0)
    look = choose_look(question)
    assert look is not None
    window = take_window(question, value, look)
    terms = lay_terms(window.day, window.others, window.used)
    assert np.isnan(
        make_up_starts(window, take_series(window.day, value, terms, window.with_it, window.used), 0.2)
    )


def test_one_check_of_the_other_sign_is_enough_and_none_that_does_not_apply() -> None:
    found = Estimate(0.5, 0.1, 0.9, 0.95, 0.01, 1.0)
    assert agree(found, np.array([0.1, np.nan, 0.7]))
    assert not agree(found, np.array([0.1, -0.01]))


def test_fixed_correlations_are_point_two_and_point_six() -> None:
    series = make_series()
    assert fix_phi(series) == pytest.approx(fit(series, np.array([0.2, 0.6])).effect)


# Many outcomes


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg() -> None:
    # By hand, of four: .01*4/1, .02*4/2, .03*4/3 -> .04 each; .5*4/4.
    assert adjust_p_values(np.array([0.02, np.nan, 0.5, 0.01, 0.03])) == pytest.approx(
        [0.04, np.nan, 0.5, 0.04, 0.04], nan_ok=True
    )
    assert adjust_p_values(np.array([np.nan])) == pytest.approx([np.nan], nan_ok=True)
    assert adjust_p_values(np.empty(0)).size == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_p_values_are_those_of_scipy(p: list[float]) -> None:
    assert adjust_p_values(np.array(p)) == pytest.approx(stats.false_discovery_control(p))


def test_a_third_of_simulated_sessions_is_missed_or_moved() -> None:
    session = hold_sessions(np.random.default_rng(1), 168)
    usual = session[::7]
    assert usual.sum() == 24 - 8
    assert session.sum() == 24 - 4
