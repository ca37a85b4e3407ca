"""Agreement: does this person's index follow how they feel? It is not built to, and often it does not.

From 30 check-ins of felt stress on, Spearman's correlation of the index L with what was said on the
same day (lag 0) and on the next day (lag 1), each with an interval. The pairs are drawn again in
blocks, since days follow each other (moving block bootstrap: Künsch 1989,
doi:10.1214/aos/1176347265); the interval is on Fisher's z with the spread of these draws, which holds
its share better for few pairs than their percentiles. "Follows" is said only when an interval is above
0. Two lags are looked at, so each interval is a 97.5 % one.

Personal weights are for people whose feelings follow *some* of the features: a ridge that is centred
on the published weights. They are taken only if, on days that were not learnt from, they err less
than the published weights and less than the person's mean, beyond chance. Expect that to be rare.

One person at a time; days in order, none after the day of judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit
from scipy.stats import rankdata

from models.baseline import Real
from models.parameters import AgreementParameters

Verdict = Literal["follows", "does_not_follow", "cannot_tell_yet"]
LAGS = (0, 1)


@dataclass(frozen=True)
class Agreement:
    """How an index went with what was said, at each of LAGS. Tuples have one entry a lag.

    `checkins` counts the days with an index and a check-in (of lag 0) out of `needed`. `rho`, `lo` and
    `hi` are NaN where there are too few pairs, or one of the two never changed. `verdict` is a
    sentence's key.
    """

    verdict: Verdict
    checkins: int
    needed: int
    pairs: tuple[int, ...]
    rho: tuple[float, ...]
    lo: tuple[float, ...]
    hi: tuple[float, ...]


@dataclass(frozen=True)
class PersonalWeights:
    """Whether personal weights err less than the published ones and the person's mean.

    Mean absolute errors are on the check-in's scale, over the same `tested` pairs, NaN where there
    were too few to try. `weight` (features,) adds up to 1 and is what to use: the published weights unless
    `better`.
    """

    better: bool
    tested: int
    mae_personal: float
    mae_fixed: float
    mae_mean: float
    weight: Real


def compare_feeling(latent: Real, felt: Real, p: AgreementParameters) -> Agreement:
    """Compare an index with felt stress.

    Parameters
    ----------
    latent : ndarray (days,)
        L of each local day over its usual spread, days without gaps, NaN where there is none. Only
        the last 182 count.
    felt : ndarray (days,)
        Felt stress that day (the mean of its check-ins), NaN where nothing was said.
    p : AgreementParameters
    """
    latent, felt = latent[-p.window_days :], felt[-p.window_days :]
    found = [correlate_ranks(*pair_days(latent, felt, lag), p) for lag in LAGS]
    pairs, rho, lo, hi = (tuple(part) for part in zip(*found, strict=True))
    if pairs[0] < p.least_checkins:
        verdict: Verdict = "cannot_tell_yet"
    else:
        verdict = "follows" if any(low > 0 for low in lo) else "does_not_follow"
    return Agreement(verdict, int(pairs[0]), p.least_checkins, pairs, rho, lo, hi)


def pair_days(latent: Real, felt: Real, lag: int) -> tuple[Real, Real]:
    """Pair each day's index with what was said `lag` days later, where both are there."""
    earlier, later = latent[: latent.size - lag], felt[lag:]
    both = ~np.isnan(earlier) & ~np.isnan(later)
    return earlier[both], later[both]


def correlate_ranks(x: Real, y: Real, p: AgreementParameters) -> tuple[int, float, float, float]:
    """Spearman's ρ of pairs in order of time, with its interval: (pairs, ρ, low, high)."""
    n = int(x.size)
    none = (n, np.nan, np.nan, np.nan)
    if n < p.least_checkins:
        return none
    ranks = [rankdata(side) for side in (x, y)]
    a, b = ((r - r.mean()) / max(r.std(), 1e-12) for r in ranks)
    moments = np.stack([np.ones(n), a, b, a * a, b * b, a * b], axis=1)
    if not (np.ptp(x) > 0 and np.ptp(y) > 0):
        return none
    drawn = correlate_moments(draw_sums(moments, p))
    rho = float(np.mean(a * b))
    centre = np.arctanh(np.clip(rho, -0.999, 0.999))
    spread = np.std(np.arctanh(np.clip(drawn, -0.999, 0.999)))
    reach = stdtrit(n // block_length(n) - 1, (1 + p.confidence) / 2) * spread
    return n, rho, float(np.tanh(centre - reach)), float(np.tanh(centre + reach))


def correlate_moments(moments: Real) -> Real:
    """Correlation from sums of 1, a, b, a², b², ab: (..., 6) → (...)."""
    count, a, b, aa, bb, ab = np.moveaxis(moments, -1, 0)
    spread = np.maximum(aa / count - (a / count) ** 2, 1e-12) * np.maximum(
        bb / count - (b / count) ** 2, 1e-12
    )
    return np.asarray((ab / count - a * b / count**2) / np.sqrt(spread))


def block_length(pairs: int) -> int:
    """Length of the blocks: as the cube root of the number of pairs, and one more."""
    return round(float(np.cbrt(pairs))) + 1


def draw_sums(moments: Real, p: AgreementParameters) -> Real:
    """Sum the moments (pairs, m) over each draw of blocks: (draws, m).

    Blocks start anywhere and go round the end; the last one is cut to make up the number. The draws
    are the same for everyone with as many pairs.
    """
    pairs, length = len(moments), block_length(len(moments))
    generator = np.random.Generator(np.random.PCG64([p.seed, pairs]))
    starts = generator.integers(0, pairs, (p.draws, -(-pairs // length)))
    so_far = np.concatenate([np.zeros((1, moments.shape[1])), np.cumsum(np.tile(moments, (2, 1)), axis=0)])
    whole, cut = starts[:, :-1], starts[:, -1]
    full = (so_far[length:] - so_far[:-length])[whole]
    last = so_far[cut + pairs - length * whole.shape[1]] - so_far[cut]
    return np.asarray(full.sum(axis=1) + last)


def try_weights(part: Real, felt: Real, weight: Real, p: AgreementParameters) -> PersonalWeights:
    """Try personal weights on days that they were not learnt from.

    The published index is felt ≈ a + b·Σc, c the contributions over their usual spread. Personal
    weights let each contribution have its own b_f ≥ 0, drawn to the common b. Rolling origin:
    learnt from the first 28 pairs, judged on the next 7, learnt from 35, and so on. They are better
    if the errors of these blocks are smaller than both others', by a t test at 2.5 %.

    Parameters
    ----------
    part : ndarray (days, features)
        Contributions over latent_sd; NaN where a feature did not enter, all NaN without an index.
    felt : ndarray (days,)
        As in `compare_feeling`.
    weight : ndarray (features,)
        The published weights.
    p : AgreementParameters
    """
    part, felt = part[-p.window_days :], felt[-p.window_days :]
    both = ~np.isnan(part).all(axis=1) & ~np.isnan(felt)
    c, y = np.nan_to_num(part[both]), felt[both]
    origins = range(p.train_pairs, len(y) - p.block_pairs + 1, p.block_pairs)
    if len(y) < p.weights_pairs:
        return PersonalWeights(
            better=False, tested=0, mae_personal=np.nan, mae_fixed=np.nan, mae_mean=np.nan, weight=weight
        )
    errors = np.array([judge_block(c, y, origin, p) for origin in origins])
    personal, fixed, mean = errors.mean(axis=0).tolist()
    _, slope = learn_slopes(c, y, p)
    own = weight * slope
    better = bool(own.sum() > 0) and all(exceeds(errors[:, k] - errors[:, 0], p.better) for k in (1, 2))
    used = own / own.sum() if better else weight
    return PersonalWeights(better, len(origins) * p.block_pairs, personal, fixed, mean, used)


def judge_block(c: Real, y: Real, origin: int, p: AgreementParameters) -> Real:
    """Mean absolute errors on the block after `origin`: personal weights, published ones, the mean."""
    common, slope = learn_slopes(c[:origin], y[:origin], p)
    centre, mean = c[:origin].mean(axis=0), y[:origin].mean()
    block = slice(origin, origin + p.block_pairs)
    off, truth = c[block] - centre, y[block] - mean
    guesses = (off @ slope, common * off.sum(axis=1), np.zeros(len(truth)))
    return np.array([np.abs(truth - guess).mean() for guess in guesses])


def learn_slopes(c: Real, y: Real, p: AgreementParameters) -> tuple[float, Real]:
    """Learn the common slope b ≥ 0 on the published sum, and the slope b_f ≥ 0 of each contribution.

    Ridge centred on b: b_f − b is shrunk as if each feature had been seen to differ by 0 on 20 more
    pairs. A negative slope is set to 0: more load is never a reason to expect less stress.
    """
    off, rest = c - c.mean(axis=0), y - y.mean()
    total = off.sum(axis=1)
    square = float(total @ total)
    common = max(0.0, float(total @ rest) / square) if square > 0 else 0.0
    gram = off.T @ off
    penalty = np.diag(p.ridge_pairs * np.diag(gram) / len(y) + 1e-9)
    apart = np.linalg.solve(gram + penalty, off.T @ (rest - common * total))
    return common, np.maximum(common + apart, 0.0)


def exceeds(gain: Real, sure: float) -> bool:
    """Whether a mean over blocks is above 0, one-sided t test."""
    spread = float(gain.std(ddof=1)) / np.sqrt(gain.size)
    return bool(gain.mean() > stdtrit(gain.size - 1, sure) * spread and spread > 0)
