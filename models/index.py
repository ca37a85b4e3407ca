"""The index: how far a day is from a person's usual, all features together, and how sure that is.

Each feature becomes z = d·Φ⁻¹(T_ν((x−m)/(s√(1+1/κ)))), d = ±1 towards load, kept within ±3: the
day's place among what the baseline expects, as a normal score. With fixed weights w and the
feature correlation R the index is the place of L = wᵀz on its own usual spread:

    L̂ = Σ c_f = (w_o + R_oo⁻¹R_om w_m)ᵀ z_o        I = 100·Φ(L̂/√(wᵀRw))

o are the features there, m those missing: what is missing is expected from what is there
(conditional mean of a normal), never filled with a guess, and its conditional variance
w_mᵀ(R_mm − R_mo R_oo⁻¹ R_om)w_m widens the band.

**The band** is for the index that the person would get if their baseline were known exactly:
the true z of a feature is d(x−μ)/σ. Draws of (μ, σ²) from the posterior, of the measured
value within its standard error, and of what is missing, give a distribution of L; its
percentiles are the band. The point above is not their middle: it is a *predictive* score,
calibrated so that ordinary days spread evenly over 0 to 100 while the baseline is still learnt, and so
it lies a little nearer to 50. Where it would fall outside its own band the band is widened to hold it.

All participant-days share one fixed matrix of base normals. A day's band is therefore a function of
its own inputs, whatever the order, the batch or the number of workers, and two days' bands differ
by their data only.

Arrays are shaped (cases, features): a case is a participant-day. NaN is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri, stdtr

from models.baseline import STATES, Baseline, Flag, Real, Whole
from models.parameters import IndexParameters, Levels, Parameters

Level = Literal["much_calmer", "calmer", "usual", "higher", "much_higher"]
Quality = Literal["good", "fair", "low"]

LEVELS: tuple[Level, ...] = ("much_calmer", "calmer", "usual", "higher", "much_higher")
BAND_PERCENTILES = (2.5, 10.0, 90.0, 97.5)
SMALLEST_EIGENVALUE = 0.05
# Contributions are rounded to this grid: a sum of nine of them is then exact in any order.
GRID = 2.0**-40
CASES_AT_ONCE = 250


@dataclass(frozen=True)
class Day:
    """What was measured on the days scored. Shapes (cases, features).

    `value` in the feature's unit, NaN where missing; `se` its standard error, NaN where not
    estimated; `low` marks low quality.
    """

    value: Real
    se: Real
    low: Flag


@dataclass(frozen=True)
class Index:
    """The index of each case, and how it came about.

    Shapes (cases,): `index`, the bands, `latent`, `latent_sd` (NaN where there is no index),
    `coverage` (share of the weight that was there). Shapes (cases, features): `z`, `coefficient`,
    `contribution`, NaN for features that did not enter; `entered` says which did.
    """

    index: Real
    lo80: Real
    hi80: Real
    lo95: Real
    hi95: Real
    latent: Real
    latent_sd: Real
    coverage: Real
    z: Real
    coefficient: Real
    contribution: Real
    entered: Flag


def compute_index(day: Day, baseline: Baseline, parameters: Parameters) -> Index:
    """Score days against their baselines.

    A feature enters when it has a value and its baseline is not learning. There is an index only
    where a gate feature (a night autonomic one, or daytime heart rate above expected) enters.
    """
    w = parameters.weight
    known = ~np.isnan(day.value) & (baseline.state > 0)
    entered = known & np.any(known & parameters.gate, axis=-1)[:, None]
    scored = entered.any(axis=-1)
    z = np.where(entered, score_features(day, baseline, parameters), 0.0)
    correlation = correlate_features(baseline.residual, parameters)
    coefficient, usual_var, missing_var = combine(entered, correlation, w)
    contribution = np.round(coefficient * z / GRID) * GRID
    latent, latent_sd = sum_features(contribution), np.sqrt(usual_var)
    index = 100 * ndtr(latent / latent_sd)
    bands = 100 * ndtr(
        draw_bands(day, baseline, coefficient, correlation, missing_var, parameters) / latent_sd
    )
    return Index(
        index=np.where(scored, index, np.nan),
        lo95=np.where(scored, np.minimum(bands[0], index), np.nan),
        lo80=np.where(scored, np.minimum(bands[1], index), np.nan),
        hi80=np.where(scored, np.maximum(bands[2], index), np.nan),
        hi95=np.where(scored, np.maximum(bands[3], index), np.nan),
        latent=np.where(scored, latent, np.nan),
        latent_sd=np.where(scored, latent_sd, np.nan),
        coverage=sum_features(np.where(entered, w, 0.0)),
        z=np.where(entered, z, np.nan),
        coefficient=np.where(entered, coefficient, np.nan),
        contribution=np.where(entered, contribution, np.nan),
        entered=entered,
    )


def score_features(day: Day, baseline: Baseline, parameters: Parameters) -> Real:
    """Score each feature as z; NaN where it is missing.

    A value of low quality has its variance about the person's usual doubled.
    """
    spread = baseline.scale * np.sqrt(1 + 1 / baseline.kappa + day.low)
    place = stdtr(baseline.nu, parameters.direction * (day.value - baseline.mean) / spread)
    clip = parameters.index.z_clip
    return np.asarray(np.clip(ndtri(place), -clip, clip))


def correlate_features(residual: Real, parameters: Parameters) -> Real:
    """Personal correlation of the features, shrunk to the target: (cases, features, features).

    r_fg = (λ₀·target + Σ v_f·v_g)/(λ₀ + n_fg) over the n_fg days that have both, features signed
    towards load. With all days there this is λ·target + (1−λ)·correlation, λ = λ₀/(λ₀ + n).
    """
    p = parameters.index
    present = ~np.isnan(residual)
    signed = np.where(present, residual, 0.0) * parameters.direction[:, None]
    shape = (*residual.shape[:-1], residual.shape[-2])
    together, days = np.zeros(shape), np.zeros(shape)
    for t in range(residual.shape[-1]):  # day by day: the order of a sum must not depend on the batch
        together += signed[..., :, None, t] * signed[..., None, :, t]
        days += present[..., :, None, t] & present[..., None, :, t]
    target = np.full(shape[-2:], p.correlation_target)
    shrunk = (p.correlation_days * target + together) / (p.correlation_days + days)
    unit = np.eye(shape[-1], dtype=bool)
    return keep_positive(np.where(unit, 1.0, shrunk), np.where(unit, 1.0, target))


def keep_positive(correlation: Real, target: Real) -> Real:
    """Move a matrix towards its target until its smallest eigenvalue is large enough.

    Correlations over different days need not fit together; the smallest eigenvalue is concave, so
    that a mixture has at least the mixture of both.
    """
    floor = np.linalg.eigvalsh(correlation)[..., 0]
    goal = np.linalg.eigvalsh(target)[0]
    short = floor < SMALLEST_EIGENVALUE
    share = np.where(short, (goal - SMALLEST_EIGENVALUE) / np.where(short, goal - floor, 1.0), 1.0)
    kept = share[..., None, None]
    return np.where(short[..., None, None], target + kept * (correlation - target), correlation)


def combine(entered: Flag, correlation: Real, weight: Real) -> tuple[Real, Real, Real]:
    """Coefficients of the features that entered (0 elsewhere), variance of L, and of its missing part.

    Returns (cases, features), (cases,), (cases,): w_o + R_oo⁻¹R_om w_m, wᵀRw, and
    w_mᵀ(R_mm − R_mo R_oo⁻¹ R_om)w_m. With nothing missing they are w, wᵀRw and 0 exactly.
    """
    missing = np.where(entered, 0.0, weight)
    both = entered[..., :, None] & entered[..., None, :]
    observed = np.where(both, correlation, np.eye(weight.size))
    pull = sum_features(correlation * missing[..., None, :])
    reach = np.where(entered, pull, 0.0)
    moved = np.linalg.solve(observed, reach[..., None])[..., 0]
    usual_var = sum_features(sum_features(correlation * weight) * weight)
    missing_var = sum_features(pull * missing) - sum_features(reach * moved)
    return np.where(entered, weight + moved, 0.0), usual_var, np.maximum(missing_var, 0.0)


def draw_bands(
    day: Day,
    baseline: Baseline,
    coefficient: Real,
    correlation: Real,
    missing_var: Real,
    parameters: Parameters,
) -> Real:
    """Percentiles (2.5, 10, 90, 97.5) of L over the draws: (4, cases); chunked to bound memory.

    What was unusual on the days of the baseline was unusual in several features at once, so the
    errors of their means are correlated as the features are. Drawing them one by one would make the
    band of the weighted sum far too narrow; together they are one normal of variance aᵀRa,
    a_f = coefficient_f/√κ_f.
    """
    cases, features = coefficient.shape
    normals = base_normals(parameters.index, features)
    lean = coefficient / np.sqrt(baseline.kappa)
    level_var = sum_features(sum_features(correlation * lean[:, None, :]) * lean)
    # Both are normal and added to L alone: one normal of the sum of their variances says the same.
    plain_sd = np.sqrt(level_var + missing_var)
    bands = np.empty((len(BAND_PERCENTILES), cases))
    for first in range(0, cases, CASES_AT_ONCE):
        some = slice(first, first + CASES_AT_ONCE)
        total = plain_sd[some, None] * normals[0]
        for f in range(features):
            total += draw_feature(f, some, day, baseline, coefficient, parameters)
        bands[:, some] = np.percentile(total, BAND_PERCENTILES, axis=-1)
    return bands


def draw_feature(
    f: int, some: slice, day: Day, baseline: Baseline, coefficient: Real, parameters: Parameters
) -> Real:
    """Draws of one feature's part of L, but for the error of its mean: (cases of the chunk, draws).

    z = d·(x + e − m)/σ with σ² = νs²/χ²_ν. χ²_ν is made of a normal by Wilson and Hilferty's cube
    (1931, doi:10.1073/pnas.17.12.684), which costs a square root a draw. 0 where it did not enter.
    """
    p = parameters.index
    spread, noise = base_normals(p, coefficient.shape[1])[1 + 2 * f : 3 + 2 * f]
    scale, nu = baseline.scale[some, f, None], baseline.nu[some, f, None]
    away = parameters.direction[f] * (day.value[some, f, None] - baseline.mean[some, f, None])
    error = np.sqrt((np.nan_to_num(day.se[some, f, None]) / scale) ** 2 + day.low[some, f, None])
    z = (np.nan_to_num(away) / scale + error * noise) * chi_ratio(nu, spread)
    return np.asarray(coefficient[some, f, None] * np.clip(z, -p.z_clip, p.z_clip, out=z))


def chi_ratio(nu: Real, normal: Real) -> Real:
    """√(χ²_ν/ν) from a standard normal: the ratio of the posterior scale s to a drawn σ."""
    ninth = 2 / (9 * nu)
    cube_root = np.maximum(1 - ninth + np.sqrt(ninth) * normal, 0.0)
    return np.asarray(cube_root * np.sqrt(cube_root))


@cache
def base_normals(p: IndexParameters, features: int) -> Real:
    """Make the fixed standard normals of all draws: (1 for L and 2 a feature, draws).

    Half of them mirror the other half, so that the bands of symmetric things are symmetric.
    """
    generator = np.random.Generator(np.random.PCG64(p.seed))
    half = generator.standard_normal((1 + 2 * features, p.draws // 2))
    normals = np.concatenate([half, -half], axis=1)
    normals.flags.writeable = False
    return normals


def explain_missing(day: Day, baseline: Baseline, index: Index, parameters: Parameters) -> list[str | None]:
    """Say in plain words why there is no index; None where there is one."""
    gate = parameters.gate & ~np.isnan(day.value)
    days = np.max(np.where(gate, baseline.days + baseline.days_before, 0), axis=-1)
    needed = parameters.baseline.learning_days
    nothing = "no night heart rate and no daytime heart rate that day"
    measured = np.asarray(gate.any(axis=-1))
    return [
        None if not none else f"learning: {n} of {needed} days" if some else nothing
        for none, some, n in zip(np.isnan(index.index), measured, days, strict=True)
    ]


def grade_index(day: Day, baseline: Baseline, index: Index, parameters: Parameters) -> Whole:
    """State of each case as a place in STATES.

    With an index: the least settled of the gate features that entered. Without: learning where gate
    features had a value that day, else the most settled of all gate features.
    """
    state = np.where(parameters.gate, baseline.state, -1).max(axis=-1)
    measured = np.any(parameters.gate & ~np.isnan(day.value), axis=-1)
    used = np.where(index.entered & parameters.gate, baseline.state, len(STATES)).min(axis=-1)
    return np.asarray(np.where(np.isfinite(index.index), used, np.where(measured, 0, state)))


def name_levels(index: Real, levels: Levels) -> list[Level | None]:
    """Words for scores, by the score rounded to a whole number (halves upwards); None for NaN."""
    whole = np.floor(np.nan_to_num(index) + 0.5)
    edges = (levels.much_calmer + 1, levels.calmer + 1, levels.higher, levels.much_higher)
    place = np.searchsorted(edges, whole, side="right")
    return [None if np.isnan(i) else LEVELS[k] for i, k in zip(index, place, strict=True)]


def show_numbers(index: Index, p: IndexParameters) -> Flag:
    """Whether to show the number and not words only: the 80 % band is narrow enough."""
    return np.asarray(index.hi80 - index.lo80 <= p.number_width)


def judge_quality(index: Index, day: Day, state: Whole, p: IndexParameters) -> list[Quality | None]:
    """Quality of an index; None where there is none.

    low: the number is not shown, or little of the weight was there. good: most of the weight was
    there, the baselines are settled and no value was of low quality. fair: else.
    """
    low = ~show_numbers(index, p) | (index.coverage < p.low_coverage)
    doubtful = np.any(index.entered & day.low, axis=-1)
    good = (index.coverage >= p.good_coverage) & (state == len(STATES) - 1) & ~doubtful
    return [
        None if np.isnan(i) else "low" if bad else "good" if fine else "fair"
        for i, bad, fine in zip(index.index, low, good, strict=True)
    ]


def sum_features(value: Real) -> Real:
    """Sum over the last axis, feature by feature in their order: the same bits in every batch."""
    total = np.zeros(value.shape[:-1])
    for f in range(value.shape[-1]):
        total += value[..., f]
    return total
