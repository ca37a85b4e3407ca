"""A difference between days with and without something, where days follow each other.

    y_t = terms·b + δ·exposure_t + e_t,   corr(e_t, e_s) = φ^|t−s|

A missing day is simply not there: the errors of the days on either side of it are φ² apart. Drawing φ from
the residuals and then taking it for known, as GLSAR does, finds too much in few weeks. Here it is averaged
over: with flat priors on the coefficients (but for the drift: `terms`), 1/σ for the spread and an even
prior on a grid of φ, the posterior of δ given φ is Student's t and that of φ is known but for a constant
(Zellner & Tiao 1964, J. Am. Stat. Assoc. 59:763), so that the mixture needs no draws. Innovations make each
φ cost as much as one plain regression, and one Cholesky factor of [terms, exposure, value] holds the
estimate, its spread and the likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from models.baseline import Flag, Real, Whole
from models.effect.limits import PHI_GRID, ROPE_SD
from models.effect.question import Estimate
from models.effect.terms import Terms

HALVINGS = 30
"""Of the range in which a quantile lies."""


@dataclass(frozen=True)
class Series:
    """Days with a value, in order: what a fit uses.

    `day` (n,) whole days, `value` (n,), `column` (n, terms) with `precision` (terms,), `exposure` (n,).
    """

    day: Whole
    value: Real
    column: Real
    precision: Real
    exposure: Real


@dataclass(frozen=True)
class Fits:
    """Posterior of the difference at each φ. Arrays (phis,).

    Given φ it is `effect` + `se`·t with `df` degrees of freedom; `sd` is the spread of a day; `weight` adds
    up to 1.
    """

    phi: Real
    effect: Real
    se: Real
    sd: Real
    weight: Real
    df: int


def take_series(day: Whole, value: Real, terms: Terms, exposure: Flag | Real, used: Flag) -> Series:
    """Take the used days."""
    return Series(
        day[used], value[used], terms.column[used], terms.precision, exposure[used].astype(np.float64)
    )


def count_free(series: Series) -> int:
    """Days less free coefficients: the degrees of freedom of a fit. The drift has a prior and is not free."""
    return series.value.size - 1 - int((series.precision == 0).sum())


def whiten(column: Real, day: Whole, phi: Real) -> tuple[Real, Real]:
    """Make errors independent: (phis, n, columns) and the log determinant of their correlation (phis,)."""
    tie = phi[:, None] ** np.diff(day).astype(np.float64)
    left = 1 - tie**2
    out = np.empty((phi.size, *column.shape))
    out[:, 0] = column[0]
    out[:, 1:] = (column[1:] - tie[..., None] * column[:-1]) / np.sqrt(left)[..., None]
    return out, np.log(left).sum(axis=1)


def fit(series: Series, phi: Real = PHI_GRID) -> Fits:
    """Fit the difference at each φ.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the terms explain the exposure or the value wholly; `checks` of identifiability come before.
    """
    scale = max(float(series.value.std()), np.finfo(np.float64).tiny)
    value = (series.value - series.value.mean()) / scale
    white, log_det = whiten(np.column_stack((series.column, series.exposure, value)), series.day, phi)
    gram = np.swapaxes(white, 1, 2) @ white
    terms = series.precision.size
    gram[:, range(terms), range(terms)] += series.precision
    low = np.linalg.cholesky(gram)
    own, left = low[:, terms, terms], low[:, -1, -1]
    df = count_free(series)
    sd = left / np.sqrt(df)
    log_terms = np.log(np.diagonal(low, axis1=1, axis2=2)[:, :-1]).sum(axis=1)
    weight = -0.5 * log_det - log_terms - df * np.log(left)
    weight = np.exp(weight - np.max(weight))
    return Fits(phi, low[:, -1, terms] / own * scale, sd / own * scale, sd * scale, weight / weight.sum(), df)


def below(fits: Fits, limit: Real) -> Real:
    """Probability that the difference is below a limit at each φ: limits (..., phis) → (...)."""
    return np.asarray(stdtr(fits.df, (limit - fits.effect) / fits.se) @ fits.weight)


def quantiles(fits: Fits, probability: Real) -> Real:
    """Quantiles of the difference, by halving: they lie between the least and the largest of those given φ."""
    given = fits.effect + fits.se * stdtrit(fits.df, probability[:, None])
    low, high = np.min(given, axis=1), np.max(given, axis=1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        under = below(fits, middle[:, None]) < probability
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.asarray((low + high) / 2)


def find_p(fits: Fits) -> float:
    """Two-sided p-value of no difference: twice the smaller tail."""
    tail = float(below(fits, np.zeros(1)))
    return min(1.0, 2 * min(tail, 1 - tail))


def summarise(fits: Fits, level: float) -> Estimate:
    """Mean, interval at a level, tails about the range that is no difference worth a name."""
    lo, hi = quantiles(fits, np.array([(1 - level) / 2, (1 + level) / 2])).tolist()
    lower = float(below(fits, -ROPE_SD * fits.sd))
    higher = 1 - float(below(fits, ROPE_SD * fits.sd))
    return Estimate(
        effect=float(fits.effect @ fits.weight),
        lo=lo,
        hi=hi,
        level=level,
        p_value=find_p(fits),
        sd=float(fits.sd @ fits.weight),
        p_lower=lower,
        p_inside=1 - lower - higher,
        p_higher=higher,
        phi=float(fits.phi @ fits.weight),
    )


def expect(series: Series, phi: float, column: Real) -> tuple[Real, Real]:
    """Expect the value of days (days, terms) without the exposure, and the spread of a single day's."""
    design = np.column_stack((series.column, series.exposure))
    white, _ = whiten(np.column_stack((design, series.value)), series.day, np.array([phi]))
    x, y = white[0, :, :-1], white[0, :, -1]
    inverse = np.linalg.inv(x.T @ x + np.diag(np.append(series.precision, 0.0)))
    found = inverse @ (x.T @ y)
    left = float(((y - x @ found) ** 2).sum() + (series.precision * found[:-1] ** 2).sum())
    variance = left / count_free(series)
    reach = np.einsum("ij,jk,ik->i", column, inverse[:-1, :-1], column)
    return column @ found[:-1], np.sqrt(variance * (1 + reach))
