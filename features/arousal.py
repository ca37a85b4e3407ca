"""Heart rate above what activity and time of day explain: `ahr_day`, `arousal_min` and the rhythm behind.

The model (SCIENCE 2, after Bowman 2021, doi:10.1016/j.crmeth.2021.100058), fitted to the 14 days before
the day it is used on:

    HR_t = μ + a·cos(2πt/24) + b·sin(2πt/24) + Σ_k β_k·g_k + u_t,   u_t = κ·u_{t−1} + ε_t,   β_k ≥ 0

t in local clock hours; g_k the square root of mean steps a minute over lags 0-1, 2-5, 6-15 and 16-30 min.

Generalised least squares with AR(1) errors needs no whitened copy of the minutes. With z_t = (x_t, y_t),
the whitened normal equations are

    S_now − κ(S_lag + S_lagᵀ) + κ²·S_before + (1−κ²)·S_first

where S_now = Σ z_t z_tᵀ, S_lag = Σ z_t z_{t−1}ᵀ and S_before = Σ z_{t−1} z_{t−1}ᵀ run over pairs of
neighbouring minutes, and S_first = Σ z z ᵀ over minutes with none before them (the Prais-Winsten term).
All four add up over days. So a day is summed once, into four 8×8 matrices (`sum_day`), a fit to any
14 days starts from their sum (`fit`), and κ itself comes out of the same matrices.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features import measure
from features.measure import Measure, found, missing
from features.wear import Bools, Clock, Floats, Ints, rolling_sum

LAGS_MIN = ((0, 1), (2, 5), (6, 15), (16, 30))
FIXED = 3
"""μ, a and b come first and may have any sign; the steps coefficients after them may not be negative."""

TRAILING_DAYS = 14
LEAST_DAYS = 5
LEAST_MINUTES = 600
RECOVERY_MIN = 60
STILL_STEPS, STILL_WINDOW_MIN = 10, 5
LEAST_STILL_MIN = 120
RIDGE = 1.0
"""Weight of zero for every coefficient but μ, as if each had been seen once, as 0, in one whitened minute."""

MOST_KAPPA = 0.99
ROUNDS = 50
TAU_MIN = 5.0
SETTLED_MIN = 10
EPISODE_MIN = 5
MERGE_MIN = 5
LEAST_RISE_BPM = 6.0
RISE_IN_SD = 1.5
BLOCK_MIN = 60
LEAST_BLOCKS = 4
PACE = 100.0
"""Steps a minute of ordinary walking, at which `hr_per_step` is given."""


@dataclass(frozen=True)
class DaySums:
    """What one day adds to a fit: the four sums of the module's formula, and its usable minutes."""

    now: Floats
    lag: Floats
    before: Floats
    first: Floats
    minutes: int


@dataclass(frozen=True)
class Fit:
    """The fitted model.

    Attributes
    ----------
    coef : (7,) float array
        μ, a, b and the four steps coefficients, /min.
    kappa : float
        Correlation of one minute's error with the next.
    days, minutes : int
        What it was fitted to.
    """

    coef: Floats
    kappa: float
    days: int
    minutes: int

    @property
    def mesor_bpm(self) -> float:
        """Heart rate at rest, averaged over the clock, /min."""
        return float(self.coef[0])

    @property
    def amplitude_bpm(self) -> float:
        """Half the swing over the day, /min."""
        return math.hypot(self.coef[1], self.coef[2])

    @property
    def phase_h(self) -> float:
        """Local clock hour of the crest, 0 ≤ h < 24."""
        return math.atan2(self.coef[2], self.coef[1]) * 12 / math.pi % 24

    @property
    def hr_per_step(self) -> float:
        """Rise in heart rate for each step a minute, when walking steadily at 100 of them."""
        return float(self.coef[FIXED:].sum()) / math.sqrt(PACE)

    def above(self, rows: Floats) -> Floats:
        """Heart rate above expected, /min, of rows as `sum_day` takes them."""
        return np.asarray(rows[:, -1] - rows[:, :-1] @ self.coef)


def regressors(clock: Clock, steps: Floats) -> Floats:
    """The model's columns for each minute of the axis.

    Parameters
    ----------
    clock : Clock
        The axis, n minutes.
    steps : (n,) float array
        Steps a minute, NaN where unknown.

    Returns
    -------
    (n, 7) float array
        1, cos, sin and the four steps terms. A lag band's mean is over its known minutes; a minute with
        a band less than half known is NaN throughout.
    """
    angle = clock.hour * (math.pi / 12)
    columns = [np.ones(len(clock)), np.cos(angle), np.sin(angle)]
    known = ~np.isnan(steps)
    count = np.where(known, steps, 0.0)
    usable = np.ones(len(clock), bool)
    for near, far in LAGS_MIN:
        length = far - near + 1
        total = _shift(rolling_sum(count, length), near)
        sure = _shift(rolling_sum(known.astype(float), length), near)
        usable &= 2 * sure >= length
        columns.append(np.sqrt(total / np.maximum(sure, 1)))
    return np.where(usable[:, None], np.column_stack(columns), np.nan)


def _shift(value: Floats, by: int) -> Floats:
    """Values of `by` minutes earlier; 0 where the axis had not begun."""
    return np.concatenate((np.zeros(by), value))[: len(value)]


def find_still(steps: Floats) -> Bools:
    """Minutes at rest: all of the five minutes that end with it are known and hold ≤ 10 steps together."""
    known = ~np.isnan(steps)
    sure = rolling_sum(known.astype(float), STILL_WINDOW_MIN) >= STILL_WINDOW_MIN
    return sure & (rolling_sum(np.where(known, steps, 0.0), STILL_WINDOW_MIN) <= STILL_STEPS)


def sum_day(rows: Floats, usable: Bools, minute: Ints) -> DaySums:
    """Sum one day for the fit.

    Parameters
    ----------
    rows : (m, 8) float array
        Minutes of the day in order of time: the 7 regressors and heart rate; finite where usable.
    usable : (m,) bool array
        Minutes that may enter. A pair is two neighbouring usable minutes of the day.
    minute : (m,) int array
        The minutes, so that neighbours can be told.
    """
    z = np.where(usable[:, None], rows, 0.0)
    paired = usable.copy()
    paired[1:] &= usable[:-1] & (np.diff(minute) == 1)
    paired[:1] = False
    now, first = z[paired], z[usable & ~paired]
    before = z[:-1][paired[1:]]
    return DaySums(now.T @ now, now.T @ before, before.T @ before, first.T @ first, int(usable.sum()))


def add_days(days: Sequence[DaySums]) -> DaySums:
    """The sums of several days (at least one) together."""
    return DaySums(
        sum((d.now for d in days[1:]), days[0].now),
        sum((d.lag for d in days[1:]), days[0].lag),
        sum((d.before for d in days[1:]), days[0].before),
        sum((d.first for d in days[1:]), days[0].first),
        sum(d.minutes for d in days),
    )


def whitened(sums: DaySums, kappa: float) -> Floats:
    """The normal equations of (x, y) for a given κ, (8, 8): see the module's formula."""
    pairs = sums.now - kappa * (sums.lag + sums.lag.T) + kappa**2 * sums.before
    return np.asarray(pairs + (1 - kappa**2) * sums.first)


def solve_nonnegative(gram: Floats, moment: Floats, *, free: int = FIXED) -> Floats:
    """Minimise ½·cᵀGc − mᵀc with c ≥ 0 beyond the first `free` entries (Lawson & Hanson 1974, ch. 23).

    Parameters
    ----------
    gram : (p, p) float array
        Symmetric and positive definite.
    moment : (p,) float array
        Right-hand side.
    """
    active = np.arange(len(moment)) < free
    coef = np.zeros(len(moment))
    coef[active] = np.linalg.solve(gram[np.ix_(active, active)], moment[active])
    tiny = 1e-10 * max(1.0, float(np.abs(moment).max()))
    for _ in range(3 * len(moment)):
        pull = np.where(active, -np.inf, moment - gram @ coef)
        best = int(np.argmax(pull))
        if pull[best] <= tiny:
            break
        active[best] = True
        coef = _step_inside(gram, moment, coef, active, free)
    return coef


def _step_inside(gram: Floats, moment: Floats, coef: Floats, active: Bools, free: int) -> Floats:
    """Go to the solution on the active set, dropping (from `active`) whatever would turn negative."""
    while True:
        goal = np.zeros(len(moment))
        goal[active] = np.linalg.solve(gram[np.ix_(active, active)], moment[active])
        below = active & (goal <= 0) & (np.arange(len(moment)) >= free)
        if not below.any():
            return goal
        reach = coef[below] / np.maximum(coef[below] - goal[below], 1e-300)
        coef = coef + float(np.min(reach)) * (goal - coef)
        active &= ~(below & (coef <= 1e-12))
        coef = np.where(active, coef, 0.0)


def fit(sums: DaySums, *, days: int) -> Fit:
    """Fit the model to summed days: least squares and κ in turn (Cochrane-Orcutt) until neither moves.

    Ridge of weight 1 on all but μ; κ is held between 0 and .99.
    """
    ridge = RIDGE * np.diag((np.arange(len(sums.now) - 1) > 0).astype(float))
    kappa, coef = 0.0, np.zeros(len(sums.now) - 1)
    for _ in range(ROUNDS):
        normal = whitened(sums, kappa)
        coef = solve_nonnegative(normal[:-1, :-1] + ridge, normal[:-1, -1])
        error = np.append(-coef, 1.0)
        power = float(error @ sums.before @ error)
        update = float(error @ sums.lag @ error) / power if power > 0 else 0.0
        update = min(max(update, 0.0), MOST_KAPPA)
        if abs(update - kappa) < 1e-9:
            break
        kappa = update
    return Fit(coef, kappa, days, sums.minutes)


def days_used(day: int, sums: Mapping[int, DaySums]) -> list[int]:
    """The days among the 14 before `day` with at least 600 usable minutes."""
    trailing = range(day - TRAILING_DAYS, day)
    return [d for d in trailing if d in sums and sums[d].minutes >= LEAST_MINUTES]


def fit_before(day: int, sums: Mapping[int, DaySums]) -> Fit | None:
    """Fit to the days of `days_used`; None with fewer than 5."""
    used = days_used(day, sums)
    return fit(add_days([sums[d] for d in used]), days=len(used)) if len(used) >= LEAST_DAYS else None


def robust_sd(value: Floats) -> float:
    """1.4826 times the median distance from the median."""
    return float(1.4826 * np.median(np.abs(value - np.median(value))))


def block_se(value: Floats, minute: Ints) -> float | None:
    """Standard error of a median of neighbouring minutes, from medians of clock-hour blocks.

    The spread of the medians of 60-minute blocks with at least 15 values, over the square root of
    their number (batch means): minutes an hour apart are taken as independent, and the error of the
    fit is left out. None with fewer than 4 blocks.
    """
    block, count = np.unique(minute // BLOCK_MIN, return_counts=True)
    medians = [np.median(value[minute // BLOCK_MIN == b]) for b in block[4 * count >= BLOCK_MIN]]
    if len(medians) < LEAST_BLOCKS:
        return None
    return float(np.std(medians, ddof=1) / math.sqrt(len(medians)))


def smooth(value: Floats, minute: Ints, run: Ints, *, tau_min: float = TAU_MIN) -> Floats:
    """Exponentially weighted mean of each run of minutes up to now, weights e^(−age/τ).

    Weights are of the minutes that are there, so that a run's first value is its own mean and a
    missing minute only ages what came before it.

    Parameters
    ----------
    value, minute, run : (n,) arrays
        Values in order of time, their minutes, and a number for the run each belongs to. A run is at
        most some 2 days long.
    """
    smoothed = np.empty(len(value))
    for start, end in zip(*_stretches(run), strict=True):
        # The weights grow towards now; the last exponent is 0, so that nothing overflows.
        weight = np.exp((minute[start:end] - minute[end - 1]) / tau_min)
        smoothed[start:end] = np.cumsum(weight * value[start:end]) / np.cumsum(weight)
    return smoothed


def _stretches(run: Ints) -> tuple[Ints, Ints]:
    """Starts and ends of stretches of one run number."""
    change = np.flatnonzero(np.diff(run)) + 1
    edges = np.concatenate(([0], change, [len(run)])) if len(run) else np.zeros(1, np.int64)
    return edges[:-1], edges[1:]


def find_episodes(above: Bools, minute: Ints) -> list[tuple[int, int]]:
    """Episodes of momentary arousal: ≥ 5 minutes on end above the threshold, merged over gaps < 5 min.

    Parameters
    ----------
    above : (n,) bool array
        Smoothed heart rate above expected is over the threshold; for settled still minutes.
    minute : (n,) int array
        Those minutes, in order of time.

    Returns
    -------
    list of (start, end)
        Minutes, the end exclusive.
    """
    on = minute[above]
    if not len(on):
        return []
    first, last = find_runs_of_minutes(on)
    long = last - first >= EPISODE_MIN
    merged: list[tuple[int, int]] = []
    for start, end in zip(first[long].tolist(), last[long].tolist(), strict=True):
        if merged and start - merged[-1][1] < MERGE_MIN:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def find_runs_of_minutes(minute: Ints) -> tuple[Ints, Ints]:
    """First minute and (exclusive) last of each stretch of consecutive minutes."""
    start, end = _stretches(np.cumsum(np.concatenate(([0], np.diff(minute) > 1))))
    return minute[start], minute[end - 1] + 1


def settled(still: Bools) -> Bools:
    """Minutes that have been still for at least 10 minutes."""
    return rolling_sum(still.astype(float), SETTLED_MIN) >= SETTLED_MIN


def arousal_minutes(
    above_bpm: Floats, minute: Ints, *, run: Ints, ready: Bools, sd_bpm: float
) -> tuple[float, list[tuple[int, int]]]:
    """Minutes in episodes, and the episodes, of one day.

    Parameters
    ----------
    above_bpm, minute, run : (n,) arrays
        Heart rate above expected in still waking minutes, the minutes, and the still run of each.
    ready : (n,) bool array
        Still for at least 10 minutes.
    sd_bpm : float
        s_p: robust SD of the 14 days before. The threshold is max(6, 1.5·s_p) /min.
    """
    high = smooth(above_bpm, minute, run) > max(LEAST_RISE_BPM, RISE_IN_SD * sd_bpm)
    episodes = find_episodes(high & ready, minute)
    inside = sum(int(((minute >= start) & (minute < end)).sum()) for start, end in episodes)
    return float(inside), episodes


RHYTHM = ("cr_mesor", "cr_amp", "cr_phase_h", "hr_per_step")


def measure_rhythm(model: Fit | None) -> dict[str, Measure]:
    """`cr_mesor`, `cr_amp`, `cr_phase_h` and `hr_per_step`, from the fit to the 14 days before."""
    if model is None:
        return dict.fromkeys(RHYTHM, missing(measure.too_few_before(LEAST_DAYS, "days")))
    values = (model.mesor_bpm, model.amplitude_bpm, model.phase_h, model.hr_per_step)
    share = model.days / TRAILING_DAYS
    quality = measure.share_quality(share, good=0.7, fair=0.5)
    return {
        name: found(value, n_obs=model.minutes, coverage=share, quality=quality)
        for name, value in zip(RHYTHM, values, strict=True)
    }


def measure_above(
    above_bpm: Floats, minute: Ints, *, run: Ints, ready: Bools, sd_bpm: float, coverage: float
) -> dict[str, Measure]:
    """`ahr_day` and `arousal_min` of a day with a fit; both need 120 still waking minutes.

    Parameters
    ----------
    above_bpm, minute, run, ready, sd_bpm
        As in `arousal_minutes`, all still waking worn minutes of the day outside exercise.
    coverage : float
        Share of a waking day of 16 h that could be used, at most 1.
    """
    count = len(above_bpm)
    if count < LEAST_STILL_MIN:
        none = missing(measure.too_few_still(count, LEAST_STILL_MIN), n_obs=count, coverage=coverage)
        return {"ahr_day": none, "arousal_min": none}
    quality = measure.share_quality(count / 480, good=0.75, fair=0.5)
    inside, _ = arousal_minutes(above_bpm, minute, run=run, ready=ready, sd_bpm=sd_bpm)
    se = block_se(above_bpm, minute)
    return {
        "ahr_day": found(float(np.median(above_bpm)), n_obs=count, coverage=coverage, quality=quality, se=se),
        "arousal_min": found(60 * inside / count, n_obs=count, coverage=coverage, quality=quality),
    }
