"""What is known to move a value and is no load: the day of the week, the menstrual cycle.

Both terms are learnt from the past of one person, shrunk towards 0, and come with an error that
goes into the value's. Neither is taken out of the index that a person sees: a hard Monday is hard.
The weekday term is for alerts (models.alerts); the cycle term is for people who log their cycle and
ask for it: they get a second index beside the first (models.adjusted).

Nothing else is corrected for: not illness, not alcohol, not travel, not medicine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.baseline import Flag, Real, Whole, sum_days
from models.parameters import AdjustmentParameters

WORKING, WEEKEND = 0, 1
WORKING_DAYS, WEEKEND_DAYS = 5, 2  # of a week


@dataclass(frozen=True)
class WeekdayMemory:
    """What the past says of working days and weekends. Shapes (..., 2): working days, weekends.

    `days` counts them; `weight`, `total` and `squares` are sums in which older days count less.
    """

    days: Whole
    weight: Real
    total: Real
    squares: Real


@dataclass(frozen=True)
class CycleTerm:
    """Two harmonics of the cycle's phase, in the unit of what they were fitted to.

    `coefficient` (..., features, 4) of cos 2πp, sin 2πp, cos 4πp, sin 4πp; `covariance` (..., features,
    4, 4). Both are 0 where too few cycles are logged.
    """

    coefficient: Real
    covariance: Real


def start_weekdays(people: int) -> WeekdayMemory:
    """Memory of people of whom nothing is known."""
    shape = (people, 2)
    return WeekdayMemory(np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape), np.zeros(shape))


def expect_weekday(memory: WeekdayMemory, weekend: Flag, p: AdjustmentParameters) -> tuple[Real, Real]:
    """Expect what this day's kind adds to a value, from the days before it.

    The difference D between weekends and working days is shrunk by n/(n + 8), n what it is worth in
    days (1/n = 1/n₀ + 1/n₁): the posterior mean where D ~ N(0, σ²/8), whose variance is σ²/(n + 8).
    It is shared out so that the mean over the days seen does not change.

    Parameters
    ----------
    memory : WeekdayMemory
        Of the days before.
    weekend : ndarray (...)
        Whether the day is a Saturday or Sunday.
    p : AdjustmentParameters

    Returns
    -------
    term, se : ndarray (...)
        In the value's unit. 0 and 0 before six weeks' worth of days (30 working days, 12 at weekends).
    """
    enough = (memory.days[..., WORKING] >= WORKING_DAYS * p.weekday_weeks) & (
        memory.days[..., WEEKEND] >= WEEKEND_DAYS * p.weekday_weeks
    )
    weight = np.where(enough[..., None], memory.weight, 1.0)
    mean = memory.total / weight
    both = weight.sum(axis=-1)
    within = (memory.squares - memory.total * mean).sum(axis=-1) / np.maximum(both - 2, 1.0)
    worth = weight.prod(axis=-1) / both
    shrunk = (mean[..., WEEKEND] - mean[..., WORKING]) * worth / (worth + p.weekday_days)
    share = np.where(weekend, weight[..., WORKING], -weight[..., WEEKEND]) / both
    se = np.abs(share) * np.sqrt(np.maximum(within, 0.0) / (worth + p.weekday_days))
    return np.where(enough, share * shrunk, 0.0), np.where(enough, se, 0.0)


def learn_weekday(
    memory: WeekdayMemory, value: Real, weekend: Flag, p: AdjustmentParameters
) -> WeekdayMemory:
    """Take a day (...) into the memory; NaN changes nothing, and what is older counts a little less."""
    known = ~np.isnan(value)
    kind = np.stack([known & ~weekend, known & weekend], axis=-1)
    kept = np.where(known, 0.5 ** (1 / p.weekday_half_life_days), 1.0)[..., None]
    seen = np.where(kind, value[..., None], 0.0)
    return WeekdayMemory(
        days=memory.days + kind,
        weight=kept * memory.weight + kind,
        total=kept * memory.total + seen,
        squares=kept * memory.squares + seen**2,
    )


def find_phases(days: Whole, starts: Whole, today: int, p: AdjustmentParameters) -> tuple[Real, int]:
    """Phase of the menstrual cycle on each day, 0 at the first day of bleeding and 1 at the next.

    Only starts until `today` are looked at. A past cycle has its own length; the present one is
    expected to be as long as the median of the past ones.

    Parameters
    ----------
    days : ndarray (days,)
        Days since 1970, none after `today`.
    starts : ndarray (starts,)
        Logged first days, in any order. Those within 18 days of the one before are taken as one.
    today : int
        The day that is scored.
    p : AdjustmentParameters

    Returns
    -------
    phase : ndarray (days,)
        NaN before the first start, in cycles longer than 45 days (a start was not logged), and when
        the next start is more than 5 days late.
    cycles : int
        Whole cycles of a plausible length so far.
    """
    known = merge_starts(starts[starts <= today], p.cycle_shortest_days)
    if known.size == 0:
        return np.full(days.shape, np.nan), 0
    length = np.diff(known).astype(float)
    length[length > p.cycle_longest_days] = np.nan
    whole = int(np.count_nonzero(~np.isnan(length)))
    usual = float(np.nanmedian(length)) if whole else np.nan
    place = np.searchsorted(known, days, side="right") - 1
    since = (days - known[np.maximum(place, 0)]).astype(float)
    divisor = np.append(length, usual)[np.maximum(place, 0)]
    late = since > divisor + p.cycle_late_days
    phase = np.minimum(since / divisor, 1.0)
    return np.where((place < 0) | late, np.nan, phase), whole


def merge_starts(starts: Whole, shortest: int) -> Whole:
    """Sort starts and drop those that come too soon after the one kept before."""
    kept: list[int] = []
    for start in np.unique(starts).tolist():
        if not kept or start - kept[-1] >= shortest:
            kept.append(start)
    return np.array(kept, dtype=np.int64)


def fit_cycle(value: Real, phase: Real, cycles: Whole, phi: Real, p: AdjustmentParameters) -> CycleTerm:
    """Fit two harmonics of the cycle to the days before the one scored.

    A normal prior around 0 shrinks each coefficient as if it had been seen to be 0 on 8 days. Days
    follow each other, and a cycle is slow: each counts (1−φ)/(1+φ). The mean is fitted and not shrunk.

    Parameters
    ----------
    value : ndarray (..., features, days)
        Past values in the unit wanted, NaN missing; leading axes are people or cases.
    phase : ndarray (..., days)
        `find_phases` of the same days.
    cycles : ndarray (...)
        Whole cycles logged; below two nothing is fitted.
    phi : ndarray (..., features)
        Lag-1 correlation, as the baseline has it.
    p : AdjustmentParameters

    Returns
    -------
    CycleTerm
        All 0 where cycles are too few, or fewer days have both than 8 a cycle asked for.
    """
    used = ~np.isnan(value) & ~np.isnan(phase)[..., None, :]
    days = np.count_nonzero(used, axis=-1)
    fitted = (cycles[..., None] >= p.cycles) & (days >= p.cycles * p.cycle_days)
    turned = turn_phase(np.nan_to_num(phase))
    basis = np.concatenate([np.ones((*phase.shape[:-1], 1, phase.shape[-1])), turned], axis=-2)
    basis = np.where(used[..., None, :], basis[..., None, :, :], 0.0)  # (..., features, 5, days)
    filled = np.where(used, value, 0.0)
    centre = sum_days(filled) / np.maximum(days, 1)
    off = np.where(used, value - centre[..., None], 0.0)
    worth = ((1 - phi) / (1 + phi))[..., None]
    gram = np.zeros((*days.shape, 5, 5))
    for day in range(value.shape[-1]):  # day by day: the order of a sum must not depend on the batch
        gram += basis[..., :, None, day] * basis[..., None, :, day]
    reach = sum_days(basis * off[..., None, :]) * worth
    inverse = np.linalg.inv(gram * worth[..., None] + np.diag([1e-9, *[p.cycle_days] * 4]))
    coefficient = sum_days(inverse * reach[..., None, :])
    left = off - sum_days(np.moveaxis(coefficient[..., None] * basis, -2, -1))
    variance = sum_days(left**2) / np.maximum(days - 5, 1)
    return CycleTerm(
        np.where(fitted[..., None], coefficient[..., 1:], 0.0),
        np.where(fitted[..., None, None], inverse[..., 1:, 1:] * variance[..., None, None], 0.0),
    )


def expect_cycle(term: CycleTerm, phase: Real) -> tuple[Real, Real]:
    """Expect what the cycle adds on days of these phases (..., days).

    Returns
    -------
    term, se : ndarray (..., features, days)
        In the unit of what was fitted. 0 and 0 where the phase is not known: nothing is taken out of
        such a day.
    """
    known = ~np.isnan(phase)[..., None, :]
    basis = np.where(known, turn_phase(np.nan_to_num(phase)), 0.0)[..., None, :, :]
    value = sum_days(np.moveaxis(term.coefficient[..., None] * basis, -2, -1))
    variance = np.zeros_like(value)
    for i in range(basis.shape[-2]):
        for j in range(basis.shape[-2]):
            variance += term.covariance[..., i, j, None] * basis[..., i, :] * basis[..., j, :]
    return value, np.sqrt(np.maximum(variance, 0.0))


def turn_phase(phase: Real) -> Real:
    """Two harmonics of a phase (..., days): (..., 4, days)."""
    angle = 2 * np.pi * phase
    return np.stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], axis=-2)
