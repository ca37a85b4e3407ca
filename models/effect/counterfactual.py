"""What the days before a start led one to expect of the days after it: a state-space forecast.

    y_t = level_t + terms·b + ε_t,   level_t = level_{t−1} + η_t,   Var(η) = q·Var(ε)

The level wanders, so that no drift is drawn on for weeks. It is statsmodels' `UnobservedComponents` with a
local level and regressors (Brodersen et al. 2015, doi:10.1214/14-AOAS788, forecast the same way), solved
directly: with as few days as here the covariances are small matrices, and instead of one fitted q, a grid
of them is averaged over by their likelihood, so that no search can end in the wrong place.
"""

from __future__ import annotations

import numpy as np

from models.baseline import Flag, Real, Whole
from models.effect.estimate import Fits, quantiles
from models.effect.limits import LEVEL_GRID
from models.effect.terms import Terms


def forecast_difference(day: Whole, value: Real, terms: Terms, used: Flag, after: Flag) -> Real:
    """Difference of the used days after from their forecast: (mean, low, high) of its 95 % interval.

    Parameters
    ----------
    day, value, used, after : ndarray (days,)
    terms : Terms
        Laid out for the used days before. Its drift is not used: here the level wanders instead.
    """
    fits = fit_levels(day, value, np.delete(terms.column, 1, axis=1), used & ~after, used & after)
    lo, hi = quantiles(fits, np.array([0.025, 0.975])).tolist()
    return np.array([float(fits.effect @ fits.weight), lo, hi])


def fit_levels(
    day: Whole, value: Real, column: Real, before: Flag, after: Flag, grid: Real = LEVEL_GRID
) -> Fits:
    """Forecast from the days before at each q; `phi` of the result holds the grid."""
    n, terms = int(before.sum()), column.shape[1]
    since = (day - day[before][0]).astype(np.float64)
    early, late = since[before], since[after]
    # The mean of the days after is one more day: the level has moved as far as before, and then on.
    shared = np.minimum(np.append(early, np.inf)[:, None], np.append(early, np.inf))
    shared[n], shared[:, n] = np.append(early, 0.0), np.append(early, 0.0)
    shared[n, n] = np.minimum(late[:, None], late).mean()
    own = np.diag(np.append(np.ones(n), 1 / late.size))
    spread = own + grid[:, None, None] * shared
    x = np.vstack((column[before], column[after].mean(axis=0)))
    y = np.append(value[before], value[after].mean())
    low = np.linalg.cholesky(spread)
    centre = y[:n].mean()
    white = np.linalg.solve(
        low, np.broadcast_to(np.column_stack((x, y - centre)), (grid.size, n + 1, terms + 1))
    )
    gram = np.swapaxes(white[:, :n], 1, 2) @ white[:, :n]
    inverse = np.linalg.inv(gram[:, :terms, :terms])
    found = (inverse @ gram[:, :terms, terms:])[..., 0]
    left = gram[:, terms, terms] - (found * gram[:, :terms, terms]).sum(axis=1)
    df = n - terms
    last, edge = white[:, n], low[:, n, n]
    reach = np.einsum("qi,qij,qj->q", last[:, :terms], inverse, last[:, :terms])
    effect = edge * (last[:, terms] - (last[:, :terms] * found).sum(axis=1))
    sd = np.sqrt(left / df)
    log_det = 2 * np.log(np.diagonal(low[:, :n, :n], axis1=1, axis2=2)).sum(axis=1)
    weight = -0.5 * (log_det + np.linalg.slogdet(gram[:, :terms, :terms])[1] + df * np.log(left))
    weight = np.exp(weight - np.max(weight))
    return Fits(grid, effect, sd * edge * np.sqrt(1 + reach), sd, weight / weight.sum(), df)
