"""What is known to move a value and is no load: the day of the week, the menstrual cycle.

Both terms are learnt from the past of one person, shrunk towards 0, and come with an error that
goes into the value's. Neither is taken out of the index that a person sees: a hard Monday is hard.
The weekday term is for alerts and for the analysis of an intervention; the cycle term is for people
who log their cycle and ask for it, and both values are shown.

Illness, alcohol, travel and medicine are shown beside a day (`annotate_days`) and correct nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.baseline import Flag, Real, Whole, sum_days
from models.parameters import AdjustmentParameters

WORKING, WEEKEND = 0, 1
WORKING_DAYS, WEEKEND_DAYS = 5, 2  # of a week
ANNOTATED = ("alcohol", "ill", "medicine", "travel")


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

    `coefficient` (..., 4) of cos 2πp, sin 2πp, cos 4πp, sin 4πp; `covariance` (..., 4, 4).
    Both are 0 where too few cycles are logged.
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


def remove_weekdays(value: Real, weekend: Flag, p: AdjustmentParameters) -> tuple[Real, Real]:
    """Take the weekday term out of each day, as it was known on the morning of that day.

    Parameters
    ----------
    value, weekend : ndarray (people, days)
        Days in order, NaN missing.
    p : AdjustmentParameters

    Returns
    -------
    adjusted, se : ndarray (people, days)
        `se` is the error of the term, to be added in squares to the value's own.
    """
    memory = start_weekdays(len(value))
    adjusted, se = np.empty_like(value), np.empty_like(value)
    for day in range(value.shape[1]):
        term, se[:, day] = expect_weekday(memory, weekend[:, day], p)
        adjusted[:, day] = value[:, day] - term
        memory = learn_weekday(memory, value[:, day], weekend[:, day], p)
    return adjusted, se


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


def fit_cycle(value: Real, phase: Real, cycles: int, phi: Real, p: AdjustmentParameters) -> CycleTerm:
    """Fit two harmonics of the cycle to the days before the one scored.

    A normal prior around 0 shrinks each coefficient as if it had been seen to be 0 on 8 days. Days
    follow each other, and a cycle is slow: each counts (1−φ)/(1+φ). The mean is fitted and not shrunk.

    Parameters
    ----------
    value : ndarray (..., days)
        Past values of one person in the unit wanted, NaN missing; leading axes are features.
    phase : ndarray (days,)
        `find_phases` of the same days.
    cycles : int
        Whole cycles logged; below two nothing is fitted.
    phi : ndarray (...)
        Lag-1 correlation, as the baseline has it.
    p : AdjustmentParameters

    Returns
    -------
    CycleTerm
        All 0 where cycles are too few, or fewer days have both than 8 a cycle asked for.
    """
    used = ~np.isnan(value) & ~np.isnan(phase)
    days = np.count_nonzero(used, axis=-1)
    fitted = (cycles >= p.cycles) & (days >= p.cycles * p.cycle_days)
    basis = np.concatenate([np.ones((1, *phase.shape)), turn_phase(np.nan_to_num(phase))])
    worth = (1 - phi) / (1 + phi)
    filled = np.where(used, value, 0.0)
    centre = sum_days(filled) / np.maximum(days, 1)
    off = np.where(used, value - centre[..., None], 0.0)
    gram = sum_days(basis[:, None] * basis[None] * used[..., None, None, :]) * worth[..., None, None]
    reach = sum_days(basis * off[..., None, :]) * worth[..., None]
    inverse = np.linalg.inv(gram + np.diag([1e-9, *[p.cycle_days] * 4]))
    coefficient = (inverse @ reach[..., None])[..., 0]
    left = np.where(used, off - sum_days(np.moveaxis(coefficient[..., None] * basis, -2, -1)), 0.0)
    variance = sum_days(left**2) / np.maximum(days - 5, 1)
    return CycleTerm(
        np.where(fitted[..., None], coefficient[..., 1:], 0.0),
        np.where(fitted[..., None, None], inverse[..., 1:, 1:] * variance[..., None, None], 0.0),
    )


def expect_cycle(term: CycleTerm, phase: Real) -> tuple[Real, Real]:
    """Expect what the cycle adds at each phase: (..., days) twice, the term and its error.

    0 and 0 where the phase is not known: nothing is taken out of such a day.
    """
    known = ~np.isnan(phase)
    basis = np.where(known, turn_phase(np.nan_to_num(phase)), 0.0)
    value = np.zeros((*term.coefficient.shape[:-1], *phase.shape))
    variance = np.zeros_like(value)
    for i in range(len(basis)):
        value += term.coefficient[..., i, None] * basis[i]
        for j in range(len(basis)):
            variance += term.covariance[..., i, j, None] * basis[i] * basis[j]
    return value, np.sqrt(np.maximum(variance, 0.0))


def turn_phase(phase: Real) -> Real:
    """Two harmonics of a phase: (4, days)."""
    angle = 2 * np.pi * phase
    return np.stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)])


def annotate_days(
    event: Sequence[str], first: Sequence[int], last: Sequence[int], days: Sequence[int]
) -> list[tuple[str, ...]]:
    """Collect what a person noted of each day, for display only: nothing is ever corrected for it.

    Parameters
    ----------
    event : sequence of str
        `signal.event.event`; those not in ANNOTATED are left out.
    first, last : sequence of int
        Local days (since 1970) on which each began and ended.
    days : sequence of int
        The days wanted.

    Returns
    -------
    list of tuple of str
        Sorted names for each day. Alcohol also stands at the day after: a night has the date of
        its final wake.
    """
    noted: dict[int, set[str]] = {day: set() for day in days}
    for name, begin, end in zip(event, first, last, strict=True):
        if name in ANNOTATED:
            for day in range(begin, end + 1 + (name == "alcohol")):
                noted.get(day, set()).add(name)
    return [tuple(sorted(noted[day])) for day in days]
