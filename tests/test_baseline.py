"""A person's usual, checked against posteriors worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import t as student_t

from models.baseline import STATES, Baseline, History, fit_baseline, forget_absence, median, winsorise
from models.parameters import Parameters, load_parameters

A, B = 11, 22
NAN = float("nan")


def one_feature(*, phi: float = 1 / 3, **baseline: float) -> Parameters:
    """Parameters of one feature with prior mean 9, SD 2 within and 4 between people, and fixed φ."""
    shipped = load_parameters()
    fixed = {"phi_target": phi, "phi_days": 1e15} | baseline
    return dataclasses.replace(
        shipped,
        features=("pulse",),
        weight=np.array([1.0]),
        direction=np.array([1.0]),
        gate=np.array([True]),
        prior_mean=np.array([9.0]),
        prior_within=np.array([2.0]),
        prior_between=np.array([4.0]),
        baseline=dataclasses.replace(shipped.baseline, **fixed),
    )


def fit(
    values: list[float],
    parameters: Parameters,
    *,
    segments: list[int] | None = None,
    today: int = A,
    low: list[bool] | None = None,
) -> Baseline:
    """Baseline of one case and one feature, from the days before, oldest first."""
    value = np.array(values)[None, None, :]
    segment = np.where(np.isnan(value), 0, np.array(segments or [A] * len(values)))
    history = History(value, segment.astype(np.int64), np.array(low or [False] * len(values))[None, None, :])
    return fit_baseline(history, np.array([[today]]), parameters)


def test_posterior_worked_out_by_hand() -> None:
    # n 4, φ 1/3: n_e = 4·(2/3)/(4/3) = 2; κ₀ = (2/4)² = 1/4; mean 12, sum of squares 8.
    got = fit([10, NAN, 12, 14, NAN, 12], one_feature())
    assert got.days.item() == 4
    assert got.effective.item() == pytest.approx(2)
    assert got.kappa.item() == pytest.approx(2.25)
    assert got.mean.item() == pytest.approx((0.25 * 9 + 2 * 12) / 2.25)
    assert got.nu.item() == pytest.approx(4)
    # ν₀s₀² = 8, (n_e/n)·8 = 4, κ₀n_e·3²/κ = 2; over ν = 4
    assert got.scale.item() ** 2 == pytest.approx((8 + 4 + 2) / 4)


def test_usual_range_is_16th_to_84th_percentile_of_the_predictive() -> None:
    got = fit([10, 12, 14, 12], one_feature())
    predictive = student_t(4, got.mean.item(), np.sqrt(3.5 * (1 + 1 / 2.25)))
    assert got.usual_lo.item() == pytest.approx(predictive.ppf(0.16))
    assert got.usual_hi.item() == pytest.approx(predictive.ppf(0.84))


def test_without_any_day_the_baseline_is_the_prior_and_is_learning() -> None:
    got = fit([NAN] * 42, one_feature())
    assert (got.mean.item(), got.scale.item(), got.kappa.item(), got.nu.item()) == (9.0, 2.0, 0.25, 2.0)
    assert STATES[got.state.item()] == "learning"


def test_a_low_quality_day_weighs_half() -> None:
    # weights 1, 1, ½: mean (10 + 12 + 7)/2.5 = 11.6; Σw(x−x̄)² = 2.56 + 0.16 + 2.88 = 5.6
    got = fit([10, 12, 14], one_feature(phi=0.0), low=[False, False, True])
    assert got.days.item() == 3
    assert got.effective.item() == pytest.approx(2.5)
    assert got.mean.item() == pytest.approx((0.25 * 9 + 2.5 * 11.6) / 2.75)
    between = 0.25 * 2.5 * 2.6**2 / 2.75
    assert got.scale.item() ** 2 == pytest.approx((8 + 5.6 + between) / 4.5)


def test_far_value_is_pulled_in_from_seven_days_on() -> None:
    p = one_feature().baseline
    value = np.array([1.0, 2, 3, 4, 5, 6, 7, 100])
    pulled, days = winsorise(value, p)
    assert days == 8
    # median 4.5, deviations .5 .5 1.5 1.5 2.5 2.5 3.5 95.5, MAD 2
    assert pulled[-1] == pytest.approx(4.5 + 3 * 1.4826 * 2)
    assert np.array_equal(pulled[:-1], value[:-1])
    assert np.array_equal(winsorise(value[2:], p)[0], value[2:])


def test_series_with_no_robust_spread_is_left_alone() -> None:
    value = np.array([0.0] * 8 + [3.0, NAN])
    pulled, _ = winsorise(value, one_feature().baseline)
    assert np.array_equal(pulled, value, equal_nan=True)


@pytest.mark.parametrize(("absent", "days"), [(21, 11), (22, 1)])
def test_absence_of_more_than_21_days_restarts(absent: int, days: int) -> None:
    values = [10.0] * 10 + [NAN] * absent + [12.0] + [NAN] * (31 - absent)
    assert fit(values[:42], one_feature()).days.item() == days


def test_absence_up_to_the_day_scored_restarts() -> None:
    assert fit([10.0] * 20 + [NAN] * 21, one_feature()).days.item() == 20
    assert fit([10.0] * 20 + [NAN] * 22, one_feature()).days.item() == 0


def test_only_the_days_after_the_last_long_absence_count() -> None:
    segment = np.array([1, 0, 0, 0, 1, 0, 1, 1])
    expected = [False, True, True, True, True, True, True, True]
    assert forget_absence(segment, 2).tolist() == expected


def test_new_device_starts_from_the_last_one_through_an_unknown_offset() -> None:
    # A: n_e 2, mean 12, squares 8 → worth 2/(1 + 1.5²·2) = 4/11 of a day; spread shared by half.
    parameters = one_feature(device_offset_sd=1.5, device_spread_share=0.5)
    got = fit([10, 12, 14, 12, 20], parameters, segments=[A, A, A, A, B], today=B)
    carried = 4 / 11
    kappa_1 = 0.25 + carried
    mu_1 = (0.25 * 9 + carried * 12) / kappa_1
    sum_1 = 8 + 0.25 * carried * 3**2 / kappa_1 + 0.5 * (2 / 4) * 8
    kappa = kappa_1 + 0.5  # one day of B is worth ½
    assert got.kappa.item() == pytest.approx(kappa)
    assert got.mean.item() == pytest.approx((kappa_1 * mu_1 + 0.5 * 20) / kappa)
    assert got.nu.item() == pytest.approx(2 + 0.5 * 2 + 0.5)
    assert got.scale.item() ** 2 == pytest.approx((sum_1 + kappa_1 * 0.5 * (20 - mu_1) ** 2 / kappa) / 3.5)
    assert (got.days.item(), got.days_before.item()) == (1, 4)


def test_carry_over_without_offset_is_the_posterior_of_all_days() -> None:
    values = [10.0, 12, 14, 12, 15, 11, 13]
    parameters = one_feature(phi=0.0, device_offset_sd=0.0, device_spread_share=1.0, winsor_days=99)
    split = fit(values, parameters, segments=[A, A, A, B, B, B, B], today=B)
    pooled = fit(values, parameters)
    for name in ("kappa", "mean", "nu", "scale", "usual_lo", "usual_hi"):
        assert getattr(split, name).item() == pytest.approx(getattr(pooled, name).item()), name


def test_two_devices_are_never_pooled() -> None:
    parameters = one_feature(device_offset_sd=1e9, device_spread_share=0.0)
    both = fit([100, 10, 200, 12, 14, 300, 12], parameters, segments=[B, A, B, A, A, B, A])
    alone = fit([10, 12, 14, 12], parameters)
    assert both.mean.item() == pytest.approx(alone.mean.item())
    assert both.scale.item() == pytest.approx(alone.scale.item())


def test_without_a_value_the_segment_of_the_latest_day_is_meant() -> None:
    got = fit([10, 12, 14, NAN], one_feature(), segments=[A, A, B, A], today=0)
    assert (got.segment.item(), got.days.item(), got.days_before.item()) == (B, 1, 2)


@pytest.mark.parametrize(
    ("own", "before", "state"),
    [
        (4, 0, "learning"),
        (5, 0, "provisional"),
        (13, 0, "provisional"),
        (14, 0, "settled"),
        (0, 20, "provisional"),
        (2, 2, "learning"),
        (13, 20, "provisional"),
        (14, 20, "settled"),
    ],
)
def test_states(own: int, before: int, state: str) -> None:
    got = fit([10.0] * (own + before), one_feature(), segments=[B] * before + [A] * own)
    assert STATES[got.state.item()] == state


@pytest.mark.parametrize("phi", [0.1, 0.4, 0.7])
@pytest.mark.parametrize(("people", "days"), [(40, 400), (2000, 42)])
def test_personal_lag_1_correlation_is_found_again(phi: float, people: int, days: int) -> None:
    """Also of short series, which look less correlated than they are."""
    rng = np.random.default_rng(7)
    value = rng.standard_normal((people, 1, days))
    for day in range(1, days):
        value[..., day] = phi * value[..., day - 1] + np.sqrt(1 - phi**2) * value[..., day]
    parameters = one_feature(phi=0.4, phi_days=12.0)
    history = History(value, np.full(value.shape, A), np.zeros(value.shape, dtype=bool))
    got = fit_baseline(history, np.full((people, 1), A), parameters)
    pairs = days - 1
    assert got.phi.mean() == pytest.approx((pairs * phi + 12 * 0.4) / (pairs + 12), abs=0.025)


def test_correlation_counts_only_days_that_follow_each_other() -> None:
    alternating = [1.0, -1.0] * 21
    parameters = one_feature(phi=0.4, phi_days=12.0)
    assert fit(alternating, parameters).phi.item() == 0.0  # -1 on 41 pairs: nearer to it than to .4
    apart = [v for x in alternating[:21] for v in (x, NAN)]
    assert fit(apart, parameters).phi.item() == pytest.approx(0.4)


windows = st.lists(
    st.lists(st.one_of(st.just(NAN), st.floats(20, 120)), min_size=42, max_size=42), min_size=2, max_size=5
)


@settings(deadline=None, max_examples=40)
@given(windows)
def test_a_person_gets_the_same_bits_alone_and_in_any_company(rows: list[list[float]]) -> None:
    parameters = one_feature(phi=0.4, phi_days=12.0)
    value = np.array(rows)[:, None, :]
    segment = np.where(np.isnan(value), 0, np.where(np.arange(42) < 20, A, B)).astype(np.int64)
    history = History(value, segment, np.isnan(value))
    today = np.full((len(rows), 1), B)
    together = fit_baseline(history, today, parameters)
    order = np.random.default_rng(len(rows)).permutation(len(rows))
    shuffled = fit_baseline(
        History(history.value[order], segment[order], history.low[order]), today[order], parameters
    )
    for i in range(len(rows)):
        alone = fit_baseline(
            History(value[i : i + 1], segment[i : i + 1], history.low[i : i + 1]), today[:1], parameters
        )
        place = int(np.argmax(order == i))
        for field in dataclasses.fields(Baseline):
            all_of_them: NDArray[np.float64] = getattr(together, field.name)
            assert np.array_equal(getattr(alone, field.name)[0], all_of_them[i], equal_nan=True), field.name
            moved: NDArray[np.float64] = getattr(shuffled, field.name)
            assert np.array_equal(moved[place], all_of_them[i], equal_nan=True), field.name


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.just(NAN), st.floats(-1e6, 1e6)), min_size=1, max_size=12))
def test_median_is_numpys(values: list[float]) -> None:
    value = np.array(values)
    count = np.count_nonzero(~np.isnan(value))
    expected = np.nanmedian(value) if count else 0.0
    assert median(value, np.array(count)) == expected


def test_units_do_not_matter() -> None:
    values = [55.0, 57, 52, 61, 58, 54, 56, 90, 57]
    plain = one_feature()
    scaled = dataclasses.replace(
        plain,
        prior_mean=plain.prior_mean * 4,
        prior_within=plain.prior_within * 4,
        prior_between=plain.prior_between * 4,
    )
    got, other = fit(values, plain), fit([4 * v for v in values], scaled)
    for name in ("mean", "scale", "usual_lo", "usual_hi"):
        assert 4 * getattr(got, name).item() == getattr(other, name).item()
    for name in ("kappa", "nu", "phi", "effective"):
        assert getattr(got, name).item() == getattr(other, name).item()
