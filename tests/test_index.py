"""The index of a day: formulae against hand work, and what its band must do."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import chi2, norm

from models.baseline import STATES, Baseline
from models.index import (
    Day,
    Index,
    chi_ratio,
    combine,
    compute_index,
    correlate_features,
    draw_bands,
    explain_missing,
    grade_index,
    judge_quality,
    keep_positive,
    name_levels,
    score_features,
    show_numbers,
)
from models.parameters import PARAMETERS, PRIORS, ParameterError, load_parameters, read_parameters

SHIPPED = load_parameters()
F = len(SHIPPED.features)
RHR, TEMP, AHR = (SHIPPED.features.index(name) for name in ("rhr_night", "temp_dev", "ahr_day"))
NAN = float("nan")


def known_baseline(cases: int, *, days: int = 42, kappa: float = 1e9, nu: float = 1e9) -> Baseline:
    """A baseline with mean 0 and scale 1 in every feature."""
    one = np.ones((cases, F))
    count = np.full((cases, F), days)
    return Baseline(
        segment=count,
        days=count,
        days_before=0 * count,
        effective=one * kappa,
        phi=0 * one,
        mean=0 * one,
        scale=one,
        kappa=kappa * one,
        nu=nu * one,
        usual_lo=-one,
        usual_hi=one,
        state=np.full((cases, F), 0 if days < 5 else 1 if days < 14 else 2),
        residual=np.full((cases, F, 42), NAN),
    )


def day_of(value: NDArray[np.float64], *, se: float = NAN, low: bool = False) -> Day:
    return Day(value, np.full(value.shape, se), np.full(value.shape, low))


def width_of_latent(day: Day, baseline: Baseline) -> NDArray[np.float64]:
    """Width of the 80 % band before scaling."""
    correlation = correlate_features(baseline.residual, SHIPPED)
    coefficient, _, missing_var = combine(~np.isnan(day.value), correlation, SHIPPED.weight)
    bands = draw_bands(day, baseline, coefficient, correlation, missing_var, SHIPPED)
    return np.asarray(bands[2] - bands[1])


def test_weights_are_the_published_ones() -> None:
    weights = dict(zip(SHIPPED.features, SHIPPED.weight.round(12), strict=True))
    assert weights == {
        "rhr_night": 0.18,
        "ln_rmssd_night": 0.135,
        "resp_night": 0.09,
        "temp_dev": 0.045,
        "sleep_short": 0.125,
        "sleep_frag": 0.05,
        "cpd": 0.075,
        "ahr_day": 0.18,
        "arousal_min": 0.12,
    }
    assert [f for f, d in zip(SHIPPED.features, SHIPPED.direction, strict=True) if d < 0] == [
        "ln_rmssd_night"
    ]
    assert [f for f, g in zip(SHIPPED.features, SHIPPED.gate, strict=True) if g] == [
        "rhr_night",
        "ln_rmssd_night",
        "resp_night",
        "temp_dev",
        "ahr_day",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("winsor_mad = 3.0", "winsor_mda = 3.0", "unknown winsor_mda; missing winsor_mad"),
        ("draws = 1000", "draws = 1000.5", "draws: expected int, got 1000.5"),
        ("night = 0.45", "night = 0.55", "shares of the domains add up to 1.1"),
        ("rhr_night = {", "rhr_nights = {", "unknown rhr_night; missing rhr_nights"),
        ("direction = -1", "direction = 0", "every direction must be 1 or -1"),
    ],
)
def test_a_misspelt_or_impossible_parameter_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = PARAMETERS.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "parameters.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ParameterError, match=message):
        read_parameters(path, PRIORS)


def test_every_prior_has_a_source(tmp_path: Path) -> None:
    lines = PRIORS.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "feature,age_band,device_kind,mean,sd_within,sd_between,unit,tag,citation"
    bare = tmp_path / "priors.csv"
    bare.write_text("\n".join([lines[0], "rhr_night,,,60,3,10,/min,V,", *lines[2:]]), encoding="utf-8")
    with pytest.raises(ParameterError, match=r"rhr_night.*citation"):
        read_parameters(PARAMETERS, bare)


def test_parameters_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        SHIPPED.weight[0] = 1.0


def test_z_is_the_place_of_the_day_in_the_predictive() -> None:
    baseline = dataclasses.replace(
        known_baseline(1, kappa=2.25, nu=4.0), mean=np.full((1, F), 60.0), scale=np.full((1, F), 3.0)
    )
    value = np.full((1, F), 60 + 3 * np.sqrt(1 + 1 / 2.25) * 1.5331)  # t with 4 degrees, 90th percentile
    z = score_features(day_of(value), baseline, SHIPPED)
    assert z == pytest.approx(SHIPPED.direction[None, :] * ndtri(0.9), abs=1e-4)


def test_z_is_kept_within_three() -> None:
    assert set(np.unique(score_features(day_of(np.full((1, F), 1e9)), known_baseline(1), SHIPPED))) == {-3, 3}


def test_missing_feature_is_expected_from_the_others_by_hand() -> None:
    correlation = np.array([[[1.0, 0.5], [0.5, 1.0]]])
    coefficient, usual_var, missing_var = combine(
        np.array([[True, False]]), correlation, np.array([0.6, 0.4])
    )
    assert coefficient == pytest.approx(np.array([[0.6 + 0.5 * 0.4, 0.0]]))
    assert usual_var.item() == pytest.approx(0.36 + 0.16 + 2 * 0.5 * 0.24)
    assert missing_var.item() == pytest.approx(0.16 * (1 - 0.25))


def test_conditional_of_what_is_missing_against_monte_carlo() -> None:
    rng = np.random.default_rng(3)
    root = rng.standard_normal((F, F))
    scale = np.sqrt(np.diag(root @ root.T))
    correlation = root @ root.T / np.outer(scale, scale)
    drawn = rng.standard_normal((400_000, F)) @ np.linalg.cholesky(correlation).T
    latent = drawn @ SHIPPED.weight
    there = np.array([True, False, False, False, True, True, True, True, False])
    fitted, residual, *_ = np.linalg.lstsq(drawn[:, there], latent)
    coefficient, usual_var, missing_var = combine(there[None, :], correlation[None], SHIPPED.weight)
    assert coefficient[0, there] == pytest.approx(fitted, abs=0.005)
    assert missing_var.item() == pytest.approx(residual.item() / 400_000, rel=0.02)
    assert usual_var.item() == pytest.approx(latent.var(), rel=0.02)


def test_with_nothing_missing_the_coefficients_are_the_weights_exactly() -> None:
    coefficient, _, missing_var = combine(
        np.ones((1, F), dtype=bool), np.eye(F)[None] * 0.8 + 0.2, SHIPPED.weight
    )
    assert np.array_equal(coefficient[0], SHIPPED.weight)
    assert missing_var.item() == 0.0


def test_correlation_is_shrunk_to_its_target() -> None:
    rng = np.random.default_rng(1)
    residual = rng.standard_normal((1, F, 42))
    residual -= residual.mean(axis=-1, keepdims=True)
    residual /= np.sqrt(np.mean(residual**2, axis=-1, keepdims=True))
    got = correlate_features(residual, SHIPPED)[0]
    share = 60 / (60 + 42)
    signed = residual[0] * SHIPPED.direction[:, None]
    expected = share * 0.2 + (1 - share) * np.corrcoef(signed)
    np.fill_diagonal(expected, 1.0)
    assert got == pytest.approx(expected)


def test_features_never_seen_together_have_the_target_correlation() -> None:
    residual = np.ones((1, F, 42))
    residual[:, 0, ::2] = NAN
    residual[:, 1, 1::2] = NAN
    assert correlate_features(residual, SHIPPED)[0, 0, 1] == 0.2


def test_correlations_that_do_not_fit_together_are_moved_to_the_target() -> None:
    impossible = np.array([[[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]])
    target = np.full((3, 3), 0.2) + 0.8 * np.eye(3)
    mended = keep_positive(impossible, target)
    assert np.linalg.eigvalsh(mended)[0, 0] >= 0.05 - 1e-12
    fine = np.array([[[1, 0.3, 0.1], [0.3, 1, 0.2], [0.1, 0.2, 1]]])
    assert np.array_equal(keep_positive(fine, target), fine)


def random_index(cases: int, seed: int, *, missing: float = 0.3) -> tuple[Day, Baseline, Index]:
    rng = np.random.default_rng(seed)
    value = np.where(rng.random((cases, F)) < missing, NAN, 2 * rng.standard_normal((cases, F)))
    baseline = known_baseline(cases, kappa=9.0, nu=11.0)
    residual = np.where(rng.random((cases, F, 42)) < 0.2, NAN, rng.standard_normal((cases, F, 42)))
    baseline = dataclasses.replace(baseline, residual=residual)
    day = day_of(value)
    return day, baseline, compute_index(day, baseline, SHIPPED)


def test_contributions_add_up_to_latent_exactly_in_any_order() -> None:
    _, _, got = random_index(500, 1)
    parts = np.where(got.entered, got.contribution, 0.0)
    scored = ~np.isnan(got.latent)
    assert scored.sum() > 450
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert np.array_equal(parts[:, rng.permutation(F)].cumsum(axis=1)[scored, -1], got.latent[scored])
    product = got.coefficient * got.z
    assert np.nanmax(np.abs(product - got.contribution)) < 1e-12
    assert got.index[scored] == pytest.approx(100 * norm.cdf(got.latent / got.latent_sd)[scored])


def test_draw_of_the_spread_is_close_to_chi_square() -> None:
    percentiles = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
    for nu in (4.0, 6.0, 10.0, 40.0):
        exact = np.sqrt(chi2.ppf(percentiles, nu) / nu)
        got = chi_ratio(np.array(nu), norm.ppf(percentiles))
        assert np.max(np.abs(got - exact)) < 0.015
    assert chi_ratio(np.array(2.0), np.array(-9.0)) == 0.0


def test_known_baseline_and_nothing_missing_leave_no_doubt() -> None:
    value = np.full((1, F), 0.7) * SHIPPED.direction
    got = compute_index(day_of(value), known_baseline(1), SHIPPED)
    assert got.latent.item() == pytest.approx(0.7)  # weights add up to 1
    spread = np.sqrt(0.8 * np.sum(SHIPPED.weight**2) + 0.2)
    assert got.latent_sd.item() == pytest.approx(spread)
    assert got.index.item() == pytest.approx(100 * norm.cdf(0.7 / spread))
    assert got.hi95.item() - got.lo95.item() < 0.01


def test_band_of_an_uncertain_mean_is_that_of_correlated_errors() -> None:
    baseline = known_baseline(1, kappa=10.0)
    width = width_of_latent(day_of(np.zeros((1, F))), baseline)
    spread = np.sqrt(0.8 * np.sum(SHIPPED.weight**2) + 0.2)
    assert width.item() == pytest.approx(2 * 1.2816 * spread / np.sqrt(10), rel=0.06)


def test_band_of_what_is_missing_is_that_of_the_conditional() -> None:
    value = np.zeros((1, F))
    value[:, 1:4] = NAN
    there = ~np.isnan(value)
    _, _, var = combine(there, np.full((1, F, F), 0.2) + 0.8 * np.eye(F), SHIPPED.weight)
    width = width_of_latent(day_of(value), known_baseline(1))
    assert width.item() == pytest.approx(2 * 1.2816 * np.sqrt(var.item()), rel=0.06)


def test_standard_error_widens_the_band() -> None:
    widths = [
        width_of_latent(day_of(np.ones((1, F)), se=se), known_baseline(1, kappa=10.0)).item()
        for se in (0.0, 0.5, 1.0)
    ]
    assert widths == sorted(widths)
    exact = 2 * 1.2816 * np.sqrt((0.8 * np.sum(SHIPPED.weight**2) + 0.2) / 10 + np.sum(SHIPPED.weight**2))
    assert widths[2] == pytest.approx(exact, rel=0.06)


def test_low_quality_doubles_the_variance_of_the_day() -> None:
    value = np.full((1, F), 1.0)
    good, low = (score_features(day_of(value, low=q), known_baseline(1), SHIPPED) for q in (False, True))
    assert low == pytest.approx(good / np.sqrt(2))
    narrow, wide = (
        width_of_latent(day_of(value, low=q), known_baseline(1, kappa=10.0)) for q in (False, True)
    )
    assert wide.item() > 1.3 * narrow.item()


@pytest.mark.parametrize("size", [0.0, 3.0, 20.0])
def test_point_lies_inside_its_bands(size: float) -> None:
    rng = np.random.default_rng(5)
    value = size * rng.standard_normal((200, F))
    got = compute_index(day_of(value), known_baseline(200, kappa=2.0, nu=4.0), SHIPPED)
    ordered = np.stack([got.lo95, got.lo80, got.index, got.hi80, got.hi95])
    assert np.all(np.diff(ordered, axis=0) >= 0)


def test_order_and_batch_change_no_bit() -> None:
    day, baseline, got = random_index(600, 2)
    order = np.random.default_rng(9).permutation(600)[:301]
    some_day = Day(day.value[order], day.se[order], day.low[order])
    moved = {f.name: getattr(baseline, f.name)[order] for f in dataclasses.fields(Baseline)}
    other = compute_index(some_day, Baseline(**moved), SHIPPED)
    for field in dataclasses.fields(Index):
        expected = getattr(got, field.name)[order]
        assert np.array_equal(getattr(other, field.name), expected, equal_nan=expected.dtype.kind == "f"), (
            field
        )


def test_no_index_without_night_heart_rate_or_daytime_heart_rate() -> None:
    value = np.zeros((3, F))
    value[0, SHIPPED.gate] = NAN
    value[1, SHIPPED.gate] = NAN
    value[1, AHR] = 0.0
    value[2, SHIPPED.gate] = NAN
    value[2, RHR] = 0.0
    day, baseline = day_of(value), known_baseline(3)
    got = compute_index(day, baseline, SHIPPED)
    assert np.isnan(got.index).tolist() == [True, False, False]
    assert not got.entered[0].any()
    assert np.isnan(got.latent[0])
    assert explain_missing(day, baseline, got, SHIPPED) == [
        "no night heart rate and no daytime heart rate that day",
        None,
        None,
    ]


def test_learning_says_how_many_days_there_are() -> None:
    day, baseline = day_of(np.zeros((1, F))), known_baseline(1, days=3)
    got = compute_index(day, baseline, SHIPPED)
    assert np.isnan(got.index).all()
    assert explain_missing(day, baseline, got, SHIPPED) == ["learning: 3 of 5 days"]
    assert [STATES[k] for k in grade_index(day, baseline, got, SHIPPED)] == ["learning"]


def test_a_learning_feature_counts_as_missing() -> None:
    baseline = known_baseline(2)
    state = baseline.state.copy()
    state[0, TEMP] = 0
    value = np.full((2, F), 0.5)
    value[1, TEMP] = NAN
    got = compute_index(day_of(value), dataclasses.replace(baseline, state=state), SHIPPED)
    assert not got.entered[0, TEMP]
    assert got.index[0] == got.index[1]


def test_state_of_the_index_is_that_of_its_least_settled_gate_feature() -> None:
    baseline = known_baseline(3)
    state = baseline.state.copy()
    state[0, AHR] = 1
    state[1, SHIPPED.features.index("cpd")] = 1
    day = day_of(np.zeros((3, F)))
    got = compute_index(day, baseline, SHIPPED)
    states = grade_index(day, dataclasses.replace(baseline, state=state), got, SHIPPED)
    assert [STATES[k] for k in states] == ["provisional", "settled", "settled"]


def test_state_without_an_index_agrees_with_its_reason() -> None:
    baseline = known_baseline(2)
    state = baseline.state.copy()
    state[:, AHR] = 0  # daytime heart rate is still learning, the nights are settled
    value = np.full((2, F), NAN)
    value[0, AHR] = 0.0
    day, baseline = day_of(value), dataclasses.replace(baseline, state=state)
    got = compute_index(day, baseline, SHIPPED)
    assert np.isnan(got.index).all()
    assert [STATES[k] for k in grade_index(day, baseline, got, SHIPPED)] == ["learning", "settled"]


def test_words_at_the_cut_points_of_the_rounded_score() -> None:
    scores = [0.0, 2.4, 2.5, 15.4, 15.5, 50.0, 84.4, 84.5, 97.4, 97.5, 100.0, NAN]
    assert name_levels(np.array(scores), SHIPPED.levels) == [
        "much_calmer",
        "much_calmer",
        "calmer",
        "calmer",
        "usual",
        "usual",
        "usual",
        "higher",
        "higher",
        "much_higher",
        "much_higher",
        None,
    ]


def test_number_is_hidden_and_quality_low_where_the_band_is_wide() -> None:
    value = np.zeros((3, F))
    value[1, RHR + 1 :] = NAN
    low = np.zeros((3, F), dtype=bool)
    low[2, AHR] = True
    day, baseline = Day(value, np.full((3, F), NAN), low), known_baseline(3, kappa=20.0, nu=22.0)
    got = compute_index(day, baseline, SHIPPED)
    assert show_numbers(got, SHIPPED.index).tolist() == [True, False, True]
    state = grade_index(day, baseline, got, SHIPPED)
    assert judge_quality(got, day, state, SHIPPED.index) == ["good", "low", "fair"]
