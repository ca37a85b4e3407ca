"""Simulated people of whom the truth is known: their usual, their days and what was done to them.

Days of a person follow each other (AR(1) with φ) around means, and with spreads, that are drawn more
widely than the priors assume; features are correlated as the parameter file says. What is measured is
then scored with the functions that score real people. Arrays are (people, days, features).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from models.alerts import Observed
from models.baseline import NO_SEGMENT, STATES, Baseline, Flag, History, Real, Whole, fit_baseline
from models.index import Day, Index, compute_index, grade_index
from models.parameters import Parameters
from models.shifts import Shifts, Week, compare_usual, follow_week, remember, start_runs

MONDAY = 19_996
"""2024-09-30, days since 1970: the first simulated day, or the first one followed."""

PLANTED = ("rhr_night", "ahr_day", "sleep_short")
"""What a planted heavy week raises: one feature of each domain."""

SPREAD_OF_SPREADS = 0.3
"""People's own spreads lie log-normally around the prior's, with this SD of the logarithm."""

LEAST_RMSSD_MS = 5.0
SETTLED = len(STATES) - 1
WEEK = 7


@dataclass(frozen=True)
class People:
    """Who was made. `z` and `value` (people, days, features), `mean` and `sd` (people, features).

    `z` is the truth: how far each day lies from the person's true usual in true spreads, towards load.
    `value` is what was measured, in the features' units.
    """

    z: Real
    value: Real
    mean: Real
    sd: Real


@dataclass(frozen=True)
class Move:
    """One telling that a person's usual has moved: `kind` 'step' or 'slow', `day` and `since` day numbers."""

    kind: str
    day: int
    person: int
    feature: int
    start: float
    end: float
    since: int


def simulate_people(
    people: int, days: int, phi: float, seed: int, parameters: Parameters, *, wider: float = 1.0
) -> People:
    """Make people of whom nothing ever lasts but what φ makes last.

    Parameters
    ----------
    people, days : int
        How many.
    phi : float
        Correlation of a day with the day before it.
    seed : int
        Equal seeds give equal people.
    parameters : Parameters
        Their priors and their correlation are where people are drawn from.
    wider : float
        True spreads are this many times those that the priors expect.
    """
    rng = np.random.default_rng(seed)
    features = len(parameters.features)
    z = rng.standard_normal((people, days, features)) @ np.linalg.cholesky(true_correlation(parameters)).T
    for day in range(1, days):
        z[:, day] = phi * z[:, day - 1] + np.sqrt(1 - phi**2) * z[:, day]
    spread = np.exp(SPREAD_OF_SPREADS * rng.standard_normal((people, features)))
    sd = wider * parameters.prior_within * spread
    mean = parameters.prior_mean + parameters.prior_between * rng.standard_normal((people, features))
    return People(z, mean[:, None] + sd[:, None] * z * parameters.direction, mean, sd)


def fingerprint(parameters: Parameters) -> str:
    """Sixteen digits that stand for every number on which a simulation of bands, alerts and shifts depends."""
    arrays = ("weight", "direction", "gate", "prior_mean", "prior_within", "prior_between")
    numbers = [getattr(parameters, name).tolist() for name in arrays]
    groups = [getattr(parameters, name) for name in ("baseline", "index", "levels", "alerts", "shifts")]
    return hashlib.sha256(repr((parameters.features, numbers, groups)).encode()).hexdigest()[:16]


def true_correlation(parameters: Parameters) -> Real:
    """Correlation of the features, signed towards load: (features, features)."""
    rho = parameters.index.correlation_target
    return (1 - rho) * np.eye(len(parameters.features)) + rho


def true_index(z: Real, parameters: Parameters) -> Real:
    """The index of one whose usual is known exactly, from true z (..., features): 0 to 100."""
    w, clip = parameters.weight, parameters.index.z_clip
    spread = np.sqrt(w @ true_correlation(parameters) @ w)
    return np.asarray(100 * ndtr(np.clip(z, -clip, clip) @ w / spread))


def raise_days(
    people: People, names: Sequence[str], sds: float | Real, parameters: Parameters, *, start: int = 0
) -> Real:
    """Measured values with some features moved towards load from a day on, by so many of the person's SDs.

    `sds` is a number, or one for each day from `start`.
    """
    value = people.value.copy()
    for f in (parameters.features.index(name) for name in names):
        away = np.broadcast_to(sds, value.shape[1] - start)
        value[:, start:, f] += people.sd[:, f, None] * parameters.direction[f] * away
    return value


def lower_rmssd(value: Real, start: int, offset_ms: float, parameters: Parameters) -> Real:
    """Values of a device that from a day on reads nightly RMSSD so many ms lower (never under 5 ms)."""
    lowered = value.copy()
    f = parameters.features.index("ln_rmssd_night")
    lowered[:, start:, f] = np.log(np.maximum(np.exp(value[:, start:, f]) - offset_ms, LEAST_RMSSD_MS))
    return lowered


def wear_device(value: Real) -> Whole:
    """Segments of one device worn all the time; none where a value is missing."""
    return np.where(np.isnan(value), NO_SEGMENT, NO_SEGMENT + 1)


def switch_device(value: Real, start: int) -> Whole:
    """Segments of one device, and of another from a day on."""
    later = np.arange(value.shape[1]) >= start
    return np.where(np.isnan(value), NO_SEGMENT, np.where(later, 2, 1)[None, :, None])


def score_day(value: Real, segment: Whole, day: int, parameters: Parameters) -> tuple[Day, Baseline, Index]:
    """Score one day of everybody with the days before it, up to a whole window."""
    window = parameters.baseline.window_days
    first = max(0, day - window)
    absent = [(0, 0), (window - (day - first), 0), (0, 0)]
    values = np.pad(value[:, first : day + 1], absent, constant_values=np.nan).swapaxes(1, 2)
    segments = np.pad(segment[:, first : day + 1], absent, constant_values=NO_SEGMENT).swapaxes(1, 2)
    low = np.zeros((*values.shape[:-1], window), dtype=bool)
    baseline = fit_baseline(History(values[..., :-1], segments[..., :-1], low), segments[..., -1], parameters)
    scored = Day(values[..., -1], np.full(values.shape[:-1], np.nan), low[..., 0])
    return scored, baseline, compute_index(scored, baseline, parameters)


def observe_days(value: Real, segment: Whole, parameters: Parameters) -> Observed:
    """Score every day after the first window, for alerts to follow; the first of them is a Monday."""
    first, length = parameters.baseline.window_days, value.shape[1]
    # Alerts do not look at the bands: two draws do.
    quick = replace(parameters, index=replace(parameters.index, draws=2))
    found = [score_day(value, segment, day, quick) for day in range(first, length)]
    index = [scored for _, _, scored in found]
    day = np.broadcast_to(MONDAY + np.arange(length - first), (len(value), length - first))
    return Observed(
        day=day,
        weekend=(day - MONDAY) % WEEK >= 5,
        latent=np.stack([i.latent for i in index], axis=1),
        latent_sd=np.stack([i.latent_sd for i in index], axis=1),
        z=np.stack([i.z for i in index], axis=1),
        contribution=np.stack([i.contribution for i in index], axis=1),
        settled=np.stack([grade_index(d, b, i, quick) == SETTLED for d, b, i in found], axis=1),
        comparable=np.ones(day.shape, dtype=bool),
    )


def follow_usual(value: Real, parameters: Parameters) -> Iterator[Move]:
    """Follow the usual of people who wear one device, week by week after their first window."""
    p, window = parameters.shifts, parameters.baseline.window_days
    usual: list[Baseline] = []
    runs = start_runs(len(value), value.shape[2], p)
    for day in range(window, value.shape[1] - WEEK + 1, WEEK):
        days = value[:, day - window : day].swapaxes(1, 2)
        worn = np.ones(days.shape, dtype=np.int64)
        history = History(days, worn, np.zeros(days.shape, dtype=bool))
        usual.append(fit_baseline(history, worn[..., 0], parameters))
        runs, steps = follow_week(runs, lay_week(value, day, usual[-1]), p)
        yield from list_moves("step", day, steps)
        if len(usual) > p.slow_weeks:
            then, now = usual[-1 - p.slow_weeks], usual[-1]
            path = np.stack([b.mean for b in usual[-1 - p.slow_weeks :]], axis=-1)
            scale = np.stack([then.scale, now.scale], axis=-1)
            effective = np.stack([then.effective, now.effective], axis=-1)
            slow = compare_usual(path, scale, effective, runs.told, day, p)
            runs = replace(runs, told=remember(runs.told, slow, day))
            yield from list_moves("slow", day, slow)


def lay_week(value: Real, day: int, usual: Baseline) -> Week:
    """The week from a day on, all days measured, on the device worn before."""
    shape = usual.mean.shape
    mean = value[:, day : day + WEEK].mean(axis=1)
    return Week(day, mean, np.full(shape, WEEK), usual.scale, np.zeros(shape, dtype=bool))


def list_moves(kind: str, day: int, shifts: Shifts) -> Iterator[Move]:
    """What was told in a week, one by one."""
    for person, feature in zip(*np.nonzero(shifts.shifted), strict=True):
        at = (person, feature)
        levels = float(shifts.start[at]), float(shifts.end[at])
        yield Move(kind, day, int(person), int(feature), *levels, int(shifts.since[at]))


def share_inside(low: Real, truth: Real, high: Real) -> float:
    """Share of truths inside their bands; days without an index are not asked, NaN where there is none."""
    asked = ~np.isnan(low)
    inside: Flag = (low <= truth) & (truth <= high)
    count = int(np.count_nonzero(asked))
    return int(np.count_nonzero(inside & asked)) / count if count else float("nan")
