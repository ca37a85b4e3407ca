"""Other ways of looking at the same days. None makes a finding; each can take one back."""

from __future__ import annotations

import numpy as np

from models.baseline import Real
from models.effect.answerable import Window
from models.effect.counterfactual import forecast_difference
from models.effect.estimate import Series, fit, take_series, whiten
from models.effect.limits import (
    LEAST_DAYS,
    LEFT_OUT,
    PHI_HIGH,
    PHI_LOW,
    PLACEBO_SHARE,
    PLACEBO_SIDE,
    PLAN_PHI,
)
from models.effect.question import Checks, Estimate
from models.effect.tau import correct_tau
from models.effect.terms import MONDAY, WEEK, Terms, lay_terms

TINY = 1e-9
FEW_STARTS = 8
"""Fewer made-up starts than this make no share."""


def check_start(window: Window, estimate: Estimate, terms: Terms) -> Checks:
    """Check a difference since a start."""
    series = take_series(window.day, window.value, terms, window.with_it, window.used)
    tau = find_tau(series)
    placebo = make_up_starts(window, series, estimate.phi)
    told = forecast(window) / estimate.sd
    weeks = leave_out_weeks(series, estimate.phi) / estimate.sd
    apart = leave_out_before(window, towards=float(np.sign(estimate.effect))) / estimate.sd
    fixed = fix_phi(series) / estimate.sd
    # A hard time of weeks that ends with the start makes a step that the days before it do not show.
    passing = apart * np.sign(estimate.effect) < abs(estimate.effect) / estimate.sd / 2
    # A level that wanders looks like a step: both ends of the forecast's interval have to lie on its side.
    alike = agree(estimate, np.array([tau, *told, *weeks, *fixed]))
    return Checks(
        tau=tau,
        forecast=float(told[0]),
        forecast_lo=float(told[1]),
        forecast_hi=float(told[2]),
        placebo_share=placebo,
        without_a_week_lo=float(weeks[0]),
        without_a_week_hi=float(weeks[1]),
        without_weeks_before=apart,
        phi_low=float(fixed[0]),
        phi_high=float(fixed[1]),
        steady=alike and not passing and not placebo > PLACEBO_SHARE,
    )


def check_sessions(window: Window, estimate: Estimate, terms: Terms) -> Checks:
    """Check a difference after sessions: there is no before and after to compare."""
    series = take_series(window.day, window.value, terms, window.with_it, window.used)
    weeks = leave_out_weeks(series, estimate.phi) / estimate.sd
    fixed = fix_phi(series) / estimate.sd
    return Checks(
        without_a_week_lo=float(weeks[0]),
        without_a_week_hi=float(weeks[1]),
        phi_low=float(fixed[0]),
        phi_high=float(fixed[1]),
        steady=agree(estimate, np.append(weeks, fixed)),
    )


def check_plan(window: Window, estimate: Estimate, terms: Terms, *, phased: bool) -> Checks:
    """Check a plan's difference. Its test is exact, so only one week that made it all takes it back."""
    series = take_series(window.day, window.value, terms, window.with_it, window.used)
    weeks = leave_out_weeks(series, PLAN_PHI) / estimate.sd
    told = forecast(window) / estimate.sd if phased else np.full(3, np.nan)
    return Checks(
        tau=find_tau(series) if phased else np.nan,
        forecast=float(told[0]),
        forecast_lo=float(told[1]),
        forecast_hi=float(told[2]),
        without_a_week_lo=float(weeks[0]),
        without_a_week_hi=float(weeks[1]),
        steady=agree(estimate, weeks),
    )


def find_tau(series: Series) -> float:
    """Baseline-corrected tau of a before and an after."""
    return correct_tau(series.day.astype(np.float64), series.value, series.exposure > 0)


def agree(estimate: Estimate, sizes: Real) -> bool:
    """Whether none of them has the other sign."""
    return not (np.sign(sizes) == -np.sign(estimate.effect)).any()


def fix_phi(series: Series) -> Real:
    """Differences with φ fixed at .2 and .6."""
    return fit(series, np.array([PHI_LOW, PHI_HIGH])).effect


def forecast(window: Window) -> Real:
    """Difference of the days after from their forecast; NaN with too few days before."""
    before = window.used & ~window.with_it
    if before.sum() < PLACEBO_SIDE:
        return np.full(3, np.nan)
    terms = lay_terms(window.day, window.others, before)
    return forecast_difference(window.day, window.value, terms, window.used, window.with_it)


def leave_out_weeks(series: Series, phi: float) -> Real:
    """Smallest and largest difference with any one calendar week left out.

    Days left out are days with a term of their own: each week costs one small system, not a fit.
    """
    n, terms = series.value.size, series.precision.size
    x = np.column_stack((series.column, series.exposure))
    root = whiten(np.eye(n), series.day, np.array([phi]))[0][0]
    weighed = root.T @ (root @ x)
    gram = x.T @ weighed
    gram[range(terms), range(terms)] += series.precision
    taken = np.linalg.solve(gram, weighed.T)
    left = root.T @ root - weighed @ taken
    residual, difference = left @ series.value, taken[-1] @ series.value
    week = (series.day + MONDAY) // WEEK
    found = []
    for days in (np.flatnonzero(week == one) for one in np.unique(week)):
        kept = np.delete(series.exposure, days)
        if np.ptp(kept) > 0:
            # A term that only these days tell leaves a gap, in which nothing is left to explain either.
            inner = left[np.ix_(days, days)] + TINY * np.eye(days.size)
            own = np.linalg.solve(inner, residual[days])
            found.append(float(difference - taken[-1, days] @ own))
    return np.array([min(found), max(found)]) if found else np.full(2, np.nan)


def leave_out_before(window: Window, *, towards: float) -> float:
    """Smallest difference, towards 1 or -1, with the weeks just before the start left out.

    NaN with too few days before those weeks.
    """
    place, found = np.arange(window.day.size), []
    for days in LEFT_OUT:
        used = window.used & ~((place >= window.start - days) & (place < window.start))
        if (used & ~window.with_it).sum() >= PLACEBO_SIDE:
            terms = lay_terms(window.day, window.others, used)
            fitted = fit(take_series(window.day, window.value, terms, window.with_it, used))
            found.append(float(fitted.effect @ fitted.weight))
    return towards * min(towards * one for one in found) if found else np.nan


def make_up_starts(window: Window, series: Series, phi: float) -> float:
    """Share of made-up starts among the days before whose t is as large as that of the true one."""
    places = np.arange(PLACEBO_SIDE, window.start - PLACEBO_SIDE + 1)
    before = series.exposure == 0
    if places.size < FEW_STARTS or before.sum() < LEAST_DAYS:
        return np.nan
    kept = ~window.with_it & window.used
    terms = lay_terms(window.day, window.others, kept)
    made_up = (series.day[before, None] >= window.day[places]).astype(np.float64)
    placebo = find_t(
        series.day[before], terms.column[kept], terms.precision, made_up, series.value[before], phi
    )
    true = find_t(series.day, series.column, series.precision, series.exposure[:, None], series.value, phi)
    return float(np.mean(np.abs(placebo) >= abs(true[0])))


def find_t(day: np.ndarray, column: Real, precision: Real, exposure: Real, value: Real, phi: float) -> Real:
    """Give t of each exposure (n, exposures) by itself, beside the terms, at one φ."""
    white = whiten(np.column_stack((column, exposure, value)), day, np.array([phi]))[0][0]
    terms = precision.size
    x, rest = white[:, :terms], white[:, terms:]
    inverse = np.linalg.inv(x.T @ x + np.diag(precision))
    across = x.T @ rest
    left = rest.T @ rest - across.T @ inverse @ across
    own, with_value, total = np.diagonal(left)[:-1], left[:-1, -1], left[-1, -1]
    tiny, eps = np.finfo(np.float64).tiny, np.finfo(np.float64).eps
    own = np.maximum(own, tiny)
    df = value.size - 1 - int((precision == 0).sum())
    # Of days that are all alike nothing is left but rounding, which is no difference: t is 0 then, not 0 / 0.
    rounding = max(eps * float(rest[:, -1] @ rest[:, -1]), tiny)
    noise = np.maximum(total - with_value**2 / own, rounding) / df
    return np.asarray(with_value / (np.sqrt(own) * np.sqrt(noise)))
