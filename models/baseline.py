"""A person's usual: the days before a day, made into a predictive distribution for that day.

For every person, feature and device segment a normal-inverse-gamma posterior is made of the
trailing window, which never holds the day scored. Days follow each other, so that n of them are
worth only n(1-φ)/(1+φ). With prior mean μ₀, spread s₀, κ₀ = s₀²/τ² (τ between people) and ν₀:

    κ = κ₀ + nₑ        m = (κ₀μ₀ + nₑx̄)/κ        ν = ν₀ + nₑ
    s² = [ν₀s₀² + (nₑ/n)Σ(x−x̄)² + κ₀nₑ(x̄−μ₀)²/κ] / ν

and a new day is expected as Student's t with ν degrees of freedom around m with scale s√(1+1/κ).
(Conjugate analysis: Gelman et al., Bayesian Data Analysis, 3rd ed., section 3.3; effective number
of an AR(1) mean: Bayley & Hammersley 1946, doi:10.2307/2983560.)

**Devices.** Values of two segments (`source/device`) are never pooled. A new segment starts from
what the last one taught: the last segment's mean counts as one observation of the new mean with
variance s²(1/nₑ + r²), where r is how far two devices disagree. It is thus worth at most 1/r² days
however long that device was worn: enough to know roughly where the person is, too little to call a
device's offset a strange day. Only days of the last segment that lie *inside the window* count, so
that a baseline depends on its 42 days and on nothing else: a day can be recomputed alone, with the
same bits, and the old device fades as its days leave the window.

**Bridges.** Where both devices were worn in n of those nights (models.bridges), their offset δ is not
only expected to be about N(0, r²s²), it was seen: d̄ on average. The variance of d̄ is taken as
(ν₀r²s² + Σ(d−d̄)²) / n(n−1), a sample variance that starts from ν₀ pairs as far apart as devices are.
With g = r²s² over it, δ is then g/(1+g)·d̄ with variance r²s²/(1+g): none and one pair change nothing,
two are believed by half, three by three quarters, seven by .95 (less where the pairs disagree).

**φ.** The lag-1 correlation is the person's own, shrunk to a fixed target. The people in the
warehouse are deliberately not pooled for it: a person's number must not change because somebody
else was enrolled or erased.

Arrays are shaped (..., features, days), the day before the one scored last; NaN is missing. Leading
axes are participants, days, or cases (participant-days): no function loops over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from models.parameters import BaselineParameters, Parameters, Prior

Real = NDArray[np.float64]
Whole = NDArray[np.int64]
Flag = NDArray[np.bool_]
State = Literal["learning", "provisional", "settled"]

NO_SEGMENT = 0
STATES: tuple[State, ...] = ("learning", "provisional", "settled")
MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class History:
    """The days before those that are scored. Shapes (..., features, days).

    `value` is NaN where missing; `segment` numbers the source and device that a value is of
    (equal numbers, same device; NO_SEGMENT where missing); `low` marks values of low quality.
    """

    value: Real
    segment: Whole
    low: Flag


@dataclass(frozen=True)
class Segment:
    """What the days of one segment say. Shapes (..., features) but for `value`.

    `value` (..., features, days) is winsorised, NaN elsewhere. `days` counts them, `weight` counts
    those of low quality as less, `effective` is what they are worth. Where there is no day, `mean`
    and `squares` (the weighted sum of squares about the mean) are 0.
    """

    value: Real
    days: Whole
    weight: Real
    effective: Real
    phi: Real
    mean: Real
    squares: Real


@dataclass(frozen=True)
class Bridge:
    """What the last device and this one read in the same nights. Shapes (..., features).

    `pairs` counts the nights (one with a value of low quality as less), `mean` is by how much this
    device reads higher, `squares` the weighted sum of squares about it; all 0 where there is none.
    """

    pairs: Real
    mean: Real
    squares: Real


@dataclass(frozen=True)
class Baseline:
    """Posterior of each feature, in its unit. Shapes (..., features).

    `days` are of this segment, `days_before` of the segment worn before, both inside the window.
    `residual` (..., features, days) are the days themselves, centred and with mean square 1, NaN
    where missing: what the correlation between features is made of.
    """

    segment: Whole
    days: Whole
    days_before: Whole
    effective: Real
    phi: Real
    mean: Real
    scale: Real
    kappa: Real
    nu: Real
    usual_lo: Real
    usual_hi: Real
    state: Whole
    residual: Real


def fit_baseline(
    history: History,
    today: Whole,
    parameters: Parameters,
    prior: Prior | None = None,
    bridge: Bridge | None = None,
) -> Baseline:
    """Make each feature's posterior from the days before.

    Parameters
    ----------
    history : History
        Trailing window, in the features' units.
    today : ndarray (..., features)
        Segment of the value on the day scored; NO_SEGMENT where there is none: then the segment of
        the latest value before it is meant.
    parameters : Parameters
        Their features are those of the arrays, in the same order.
    prior : Prior, optional
        Of each person and feature (..., features), as `models.priors.choose_prior` gives it; without
        it, that for everyone.
    bridge : Bridge, optional
        As `models.bridges.find_bridge` gives it; without it no two devices were worn together.

    Returns
    -------
    Baseline
        With no day at all it is the population's prior and its state is learning.
    """
    p = parameters.baseline
    seen, current, before = choose_segments(history.segment, today, p)
    now = describe(history, (seen == current[..., None]) & (seen != NO_SEGMENT), p)
    last = describe(history, (seen == before[..., None]) & (seen != NO_SEGMENT), p)
    everyone = Prior(parameters.prior_mean, parameters.prior_within, parameters.prior_between)
    return join(current, now, last, prior or everyone, p, bridge)


def choose_segments(segment: Whole, today: Whole, p: BaselineParameters) -> tuple[Whole, Whole, Whole]:
    """Segments that still count (..., days); the one that a baseline is of; the one worn before it."""
    seen = np.where(forget_absence(segment, p.restart_days), segment, NO_SEGMENT)
    current = np.where(today != NO_SEGMENT, today, latest(seen))
    return seen, current, latest(np.where(seen == current[..., None], NO_SEGMENT, seen))


def join(
    current: Whole, now: Segment, last: Segment, prior: Prior, p: BaselineParameters, bridge: Bridge | None
) -> Baseline:
    """Posterior of the segment `now`, whose prior has learnt from the segment `last`."""
    mu_0, s_0 = prior.mean, prior.within
    kappa_0 = (s_0 / prior.between) ** 2
    # One observation of the mean, as uncertain as the offset between the two devices.
    offset, doubt = cross(last, s_0, p, bridge)
    carried = last.effective / (1 + doubt * last.effective)
    share = p.device_spread_share
    kappa_1, mu_1, sum_1 = update(kappa_0, mu_0, p.prior_df * s_0**2, carried, last.mean + offset)
    sum_1 = sum_1 + share * per_day(last.squares, last)
    nu_1 = p.prior_df + share * last.effective
    kappa, mean, total = update(kappa_1, mu_1, sum_1, now.effective, now.mean)
    nu = nu_1 + now.effective
    scale = np.sqrt((total + per_day(now.squares, now)) / nu)
    spread = scale * np.sqrt(1 + 1 / kappa)
    return Baseline(
        segment=current,
        days=now.days,
        days_before=last.days,
        effective=now.effective,
        phi=now.phi,
        mean=mean,
        scale=scale,
        kappa=kappa,
        nu=nu,
        usual_lo=mean + spread * stdtrit(nu, p.usual_lo),
        usual_hi=mean + spread * stdtrit(nu, p.usual_hi),
        state=grade(now.days, last.days, p),
        residual=standardise_days(now),
    )


def cross(last: Segment, within: Real, p: BaselineParameters, bridge: Bridge | None) -> tuple[Real, Real]:
    """By how much the new device reads higher than the last, and how uncertain that is, in variances s²."""
    general = np.full(last.mean.shape, p.device_offset_sd**2)
    if bridge is None:
        return np.zeros(last.mean.shape), general
    variance = (p.prior_df * within**2 + per_day(last.squares, last)) / (p.prior_df + last.effective)
    spread = p.prior_df * general + bridge.squares / variance
    pairs = np.maximum(bridge.pairs * (bridge.pairs - 1), 0.0)
    gain = general * pairs / np.where(spread > 0, spread, 1.0)
    return gain / (1 + gain) * bridge.mean, general / (1 + gain)


def update(kappa: Real, mu: Real, total: Real, weight: Real, mean: Real) -> tuple[Real, Real, Real]:
    """Conjugate step of the mean: (κ, μ, sum of squares) after a mean of `weight` days."""
    after = kappa + weight
    squares = kappa * weight * (mean - mu) ** 2 / after
    return after, (kappa * mu + weight * mean) / after, total + squares


def per_day(squares: Real, segment: Segment) -> Real:
    """Scale a sum of squares to the effective number of days."""
    return squares * segment.effective / np.where(segment.weight > 0, segment.weight, 1.0)


def grade(days: Whole, days_before: Whole, p: BaselineParameters) -> Whole:
    """State as a place in STATES. A new device does not send a person back to learning."""
    known = days + days_before >= p.learning_days
    return known.astype(np.int64) + (known & (days >= p.settled_days))


def describe(history: History, own: Flag, p: BaselineParameters) -> Segment:
    """Winsorise the days marked `own` and take their weighted mean, spread and lag-1 correlation."""
    value, days = winsorise(np.where(own, history.value, np.nan), p)
    weights = np.where(own, np.where(history.low, p.low_quality_weight, 1.0), 0.0)
    filled = np.where(own, value, 0.0)
    weight = sum_days(weights)
    mean = sum_days(weights * filled) / np.where(weight > 0, weight, 1.0)
    off = np.where(own, value - mean[..., None], 0.0)
    phi = correlate_days(off, own, days, p)
    return Segment(
        value=value,
        days=days,
        weight=weight,
        effective=weight * (1 - phi) / (1 + phi),
        phi=phi,
        mean=mean,
        squares=sum_days(weights * off**2),
    )


def winsorise(value: Real, p: BaselineParameters) -> tuple[Real, Whole]:
    """Pull far values in to median ± `winsor_mad`·1.4826·MAD; also count the values (..., features).

    Left alone are series of fewer than `winsor_days` values, and those more than half of whose
    values are the same: their MAD is 0 and knows nothing of their spread.
    """
    days = np.count_nonzero(~np.isnan(value), axis=-1)
    centre = median(value, days)
    mad = median(np.abs(value - centre[..., None]), days)
    apply = (days >= p.winsor_days) & (mad > 0)
    reach = np.where(apply, p.winsor_mad * MAD_TO_SD * mad, np.inf)[..., None]
    centre = np.where(apply, centre, 0.0)[..., None]
    return np.clip(value, centre - reach, centre + reach), days


def median(value: Real, count: Whole) -> Real:
    """Median over the last axis of the `count` values that are not NaN; 0 where there is none."""
    ordered = np.sort(value, axis=-1)  # NaN goes to the end
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0)[..., None] // 2, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, value.shape[-1] - 1)[..., None], axis=-1)
    return np.where(count > 0, (low[..., 0] + high[..., 0]) / 2, 0.0)


def correlate_days(off: Real, own: Flag, days: Whole, p: BaselineParameters) -> Real:
    """Lag-1 correlation of deviations `off`, of this person alone, shrunk to the target.

    Pairs are days that follow each other with a value on both. A short series looks less
    correlated than it is; (1+3r)/n is added back (Marriott & Pope 1954, doi:10.1093/biomet/41.3-4.390).
    """
    paired = own[..., 1:] & own[..., :-1]
    pairs = np.count_nonzero(paired, axis=-1)
    together = sum_days(off[..., 1:] * off[..., :-1])
    squares = sum_days(off**2)
    known = (pairs > 0) & (squares > 0)
    raw = np.where(known, together * days, 0.0) / np.where(known, squares * pairs, 1.0)
    mended = np.clip(raw + (1 + 3 * raw) / np.maximum(days, 1), -1.0, 1.0)
    weight = np.where(known, pairs, 0)
    shrunk = (weight * mended + p.phi_days * p.phi_target) / (weight + p.phi_days)
    return np.clip(shrunk, 0.0, p.phi_max)


def standardise_days(segment: Segment) -> Real:
    """Days of a segment about their own mean with mean square 1; NaN where missing or all alike."""
    present = ~np.isnan(segment.value)
    days = np.maximum(segment.days, 1)
    filled = np.where(present, segment.value, 0.0)
    off = np.where(present, filled - (sum_days(filled) / days)[..., None], 0.0)
    spread = np.sqrt(sum_days(off**2) / days)[..., None]
    usable = present & (spread > 0)
    return np.where(usable, off, np.nan) / np.where(spread > 0, spread, 1.0)


def forget_absence(segment: Whole, restart_days: int) -> Flag:
    """Mark the days (last axis) that still count: those after the last absence that was too long.

    An absence is a run of more than `restart_days` days without a value of any device; it may
    last up to the day scored.
    """
    length = segment.shape[-1]
    place = np.arange(length)
    here = np.where(segment != NO_SEGMENT, place, length)
    coming = np.minimum.accumulate(here[..., ::-1], axis=-1)[..., ::-1]
    following = np.concatenate([coming[..., 1:], np.full((*segment.shape[:-1], 1), length)], axis=-1)
    broken = (segment != NO_SEGMENT) & (following - place - 1 > restart_days)
    cut = np.max(np.where(broken, place, -1), axis=-1)
    return np.asarray(place > cut[..., None])


def latest(segment: Whole) -> Whole:
    """Segment of the latest day (last axis) that has one; NO_SEGMENT where none has."""
    length = segment.shape[-1]
    back = np.argmax(segment[..., ::-1] != NO_SEGMENT, axis=-1)
    return np.take_along_axis(segment, length - 1 - back[..., None], axis=-1)[..., 0]


def sum_days(value: Real) -> Real:
    """Sum over the last axis, day by day from the oldest.

    `np.sum` adds in an order that depends on the shape of the whole array; this one gives a person
    the same bits in every batch.
    """
    total = np.zeros(value.shape[:-1])
    for day in range(value.shape[-1]):
        total += value[..., day]
    return total
