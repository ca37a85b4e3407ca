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
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import rankdata

from models.baseline import Real
from models.parameters import AgreementParameters

Verdict = Literal["follows", "does_not_follow", "cannot_tell_yet"]
LAGS = (0, 1)
TINY = 1e-9
"""Below it a sum of squares is none."""


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
    if n < p.least_checkins or not (np.ptp(x) > 0 and np.ptp(y) > 0):
        return n, np.nan, np.nan, np.nan
    # Twice the ranks about their mean: whole numbers, whose sums are exact in any order.
    a, b = (2 * rankdata(side) - (n + 1) for side in (x, y))
    moments = np.stack([np.ones(n), a, b, a * a, b * b, a * b], axis=1)
    drawn = correlate_moments(draw_sums(moments, p))
    rho = float(correlate_moments(moments.sum(axis=0)))
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
    """Sum the moments (pairs, m) over each draw of blocks: (draws, m)."""
    drawn: Real = draw_counts(len(moments), p.draws, p.seed).astype(np.float64) @ moments
    return drawn


@cache
def draw_counts(pairs: int, draws: int, seed: int) -> NDArray[np.uint8]:
    """Count how often each pair is in each draw of blocks: (draws, pairs).

    Blocks start anywhere and go round the end; the last one is cut to make up the number. The draws
    are the same for everyone with as many pairs.
    """
    length = block_length(pairs)
    generator = np.random.Generator(np.random.PCG64([seed, pairs]))
    starts = generator.integers(0, pairs, (draws, -(-pairs // length)))
    places = (starts[..., None] + np.arange(length)).reshape(draws, -1)[:, :pairs] % pairs
    cells = places + pairs * np.arange(draws)[:, None]
    counts = np.bincount(cells.reshape(-1), minlength=draws * pairs)
    return counts.reshape(draws, pairs).astype(np.uint8)


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
    if len(y) < p.weights_pairs:
        return PersonalWeights(
            better=False, tested=0, mae_personal=np.nan, mae_fixed=np.nan, mae_mean=np.nan, weight=weight
        )
    errors = judge_blocks(c, y, p)
    personal, fixed, mean = errors.mean(axis=0).tolist()
    _, slope = learn_slopes(sum_pairs(c, y)[-1], p)
    own = weight * slope
    better = bool(own.sum() > 0) and all(exceeds(errors[:, k] - errors[:, 0], p.better) for k in (1, 2))
    used = own / own.sum() if better else weight
    return PersonalWeights(better, len(errors) * p.block_pairs, personal, fixed, mean, used)


def judge_blocks(c: Real, y: Real, p: AgreementParameters) -> Real:
    """Mean absolute errors on each block (blocks, 3): personal weights, published ones, the mean.

    A block is guessed from the pairs before it only.
    """
    origin = np.arange(p.train_pairs, len(y) - p.block_pairs + 1, p.block_pairs)
    sums = sum_pairs(c, y)[origin - 1]
    common, slope = learn_slopes(sums, p)
    mean = sums[:, 0, 1:] / sums[:, :1, 0]
    block = origin[:, None] + np.arange(p.block_pairs)
    off, truth = c[block] - mean[:, None, :-1], y[block] - mean[:, -1:]
    own, published = (off * slope[:, None]).sum(axis=-1), common[:, None] * off.sum(axis=-1)
    guesses = np.stack([own, published, np.zeros(own.shape)], axis=1)
    return np.asarray(np.abs(truth[:, None] - guesses).mean(axis=-1))


def sum_pairs(c: Real, y: Real) -> Real:
    """Sums over the pairs up to each one (pairs, 2 + features, 2 + features) of 1, c, y times each other."""
    row = np.column_stack((np.ones(len(y)), c, y))
    return np.cumsum(row[:, :, None] * row[:, None, :], axis=0)


def learn_slopes(sums: Real, p: AgreementParameters) -> tuple[Real, Real]:
    """Learn the common slope b ≥ 0 on the published sum, and the slope b_f ≥ 0 of each contribution.

    Ridge centred on b: b_f − b is shrunk as if each feature had been seen to differ by 0 on 20 more
    pairs. A negative slope is set to 0: more load is never a reason to expect less stress.

    Parameters
    ----------
    sums : ndarray (..., 2 + features, 2 + features)
        Of the pairs to learn from, as `sum_pairs` has them.

    Returns
    -------
    common, slope : ndarray (...), ndarray (..., features)
    """
    pairs, total = sums[..., 0, 0], sums[..., 0, 1:]
    about = sums[..., 1:, 1:] - total[..., :, None] * total[..., None, :] / pairs[..., None, None]
    gram, cross = about[..., :-1, :-1], about[..., :-1, -1]
    square, rise = gram.sum(axis=(-2, -1)), cross.sum(axis=-1)
    common = np.where(square > TINY, np.maximum(rise, 0.0) / np.maximum(square, TINY), 0.0)
    diagonal = np.eye(gram.shape[-1]) * gram
    penalty = p.ridge_pairs * diagonal / pairs[..., None, None] + TINY * np.eye(gram.shape[-1])
    rest = cross - common[..., None] * gram.sum(axis=-1)
    apart = np.linalg.solve(gram + penalty, rest[..., None])[..., 0]
    return common, np.maximum(common[..., None] + apart, 0.0)


def exceeds(gain: Real, sure: float) -> bool:
    """Whether a mean over blocks is above 0, one-sided t test."""
    spread = float(gain.std(ddof=1)) / np.sqrt(gain.size)
    return bool(gain.mean() > stdtrit(gain.size - 1, sure) * spread and spread > 0)
