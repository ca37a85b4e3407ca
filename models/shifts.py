"""Level shifts: a person's usual has moved, and since when.

The baseline follows a person: after six weeks on a new level, that level is usual. It must not be
absorbed in silence. Two things are looked for once a week, feature by feature:

- **A step.** Bayesian online change point detection (Adams & MacKay 2007, arXiv:0710.3742) on weekly
  means: each run is a hypothesis "the present level holds since week w", a normal-inverse-gamma
  posterior of its level, and a weight. Each week every run predicts the week's mean as Student's t and
  is weighed by how well it did; a new run starts with the hazard. The eight likeliest are kept. A
  step is told from its second week on, when it is three quarters of an SD of a day or more and its
  runs, dated within two weeks of each other, have more than .9 of the weight.
- **A slow move**, which no step explains: the usual of now against that of 26 weeks ago, with the
  errors of both. It is told when the two are more than half an SD apart with probability .95.

Weeks, because days follow each other and weeks hardly do. A state goes in and a state comes out.
Arrays are shaped (people, features); the runs' have a last axis of eight, the likeliest first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln, ndtr

from models.baseline import Flag, Real, Whole, sum_days
from models.parameters import ShiftParameters

NO_WEEK = np.iinfo(np.int32).min
WEEK = 7


@dataclass(frozen=True)
class Told:
    """The last move that was told: its week, from where, to where. NO_WEEK and NaN where none was."""

    week: Whole
    start: Real
    end: Real


@dataclass(frozen=True)
class Runs:
    """State after a week. Shapes (people, features, runs), `told` (people, features).

    `since` is the Monday (days since 1970) of a run's first week, NO_WEEK for the run from the start
    of the record; `weight` its probability, 0 where there is no run; `mean`, `kappa`, `nu` and `squares`
    its posterior, in weeks and the feature's unit; `before` the level when it began, NaN at the start.
    """

    since: Whole
    weight: Real
    mean: Real
    kappa: Real
    nu: Real
    squares: Real
    before: Real
    told: Told


@dataclass(frozen=True)
class Week:
    """One week, all people. Shapes (people, features), `monday` a number (days since 1970).

    `mean` over the week's `days` of a value (NaN and 0 where none); `spread` the baseline's scale of
    a day; `restart` where the device is another than in the week before: the runs start anew.
    """

    monday: int
    mean: Real
    days: Whole
    spread: Real
    restart: Flag


@dataclass(frozen=True)
class Shifts:
    """What was found in a week. Shapes (people, features).

    `shifted` is true in the week of telling only. `start` and `end` are the levels in the feature's
    unit, `since` the Monday of the new level's first week, `probability` how sure the move is. All
    but `shifted` stand wherever there was something to judge; NaN and NO_WEEK elsewhere.
    """

    shifted: Flag
    start: Real
    end: Real
    since: Whole
    probability: Real


def start_runs(people: int, features: int, p: ShiftParameters) -> Runs:
    """State of people of whom nothing is known."""
    shape = (people, features, p.runs)
    zero, none = np.zeros(shape), np.full(shape, np.nan)
    since = np.full(shape, NO_WEEK, dtype=np.int64)
    told = Told(since[..., 0], none[..., 0], none[..., 0])
    return Runs(since, zero, zero, zero, zero, zero, none, told)


def follow_week(runs: Runs, week: Week, p: ShiftParameters) -> tuple[Runs, Shifts]:
    """Take a week into the state and judge whether a step is to be told.

    Weeks with fewer than 3 days of a feature leave that feature's state as it is.
    """
    runs = choose(week.restart, start_runs(week.mean.shape[0], week.mean.shape[1], p), runs)
    known = (week.days >= p.week_days) & ~np.isnan(week.mean) & (week.spread > 0)
    begun = runs.weight[..., 0] > 0
    seen = replace(week, mean=np.where(known, week.mean, 0.0), spread=np.where(known, week.spread, 1.0))
    after = choose(begun, learn(add_run(runs, seen, p), seen, p), begin(runs, seen, p))
    runs = choose(known, after, runs)
    shifts = judge_step(runs, seen, known & begun, p)
    return replace(runs, told=remember(runs.told, shifts, week.monday)), shifts


def new_prior(week: Week, p: ShiftParameters) -> tuple[Real, Real]:
    """κ and sum of squares of a level of which only this is known: how far days, and levels, spread."""
    weekly = week.spread**2 * (1 + p.phi) / (1 - p.phi) / WEEK
    return weekly / (p.jump_sd * week.spread) ** 2, p.prior_df * weekly


def begin(runs: Runs, week: Week, p: ShiftParameters) -> Runs:
    """State after the first week of a record: one run, whose level is that week's mean."""
    first = np.arange(p.runs) == 0
    _, squares = new_prior(week, p)
    return replace(
        runs,
        weight=np.where(first, 1.0, runs.weight),
        mean=np.where(first, week.mean[..., None], 0.0),
        kappa=np.where(first, week.days[..., None] / WEEK, 0.0),
        nu=np.where(first, p.prior_df + 1, 0.0),
        squares=np.where(first, squares[..., None], 0.0),
    )


def add_run(runs: Runs, week: Week, p: ShiftParameters) -> Runs:
    """Put a run before the others that begins with this week, as likely as the hazard."""
    level = sum_days(runs.weight * runs.mean)
    kappa, squares = new_prior(week, p)
    shape = level.shape

    def put(first: Real | float, others: Real) -> Real:
        return np.concatenate([np.broadcast_to(first, shape)[..., None], others], axis=-1)

    monday = np.full((*shape, 1), week.monday, dtype=np.int64)
    return Runs(
        since=np.concatenate([monday, runs.since], axis=-1),
        weight=put(p.hazard, runs.weight * (1 - p.hazard)),
        mean=put(level, runs.mean),
        kappa=put(kappa, runs.kappa),
        nu=put(p.prior_df, runs.nu),
        squares=put(squares, runs.squares),
        before=put(level, runs.before),
        told=runs.told,
    )


def learn(runs: Runs, week: Week, p: ShiftParameters) -> Runs:
    """Weigh each run by how well it expected the week, teach it the week, keep the likeliest."""
    there = runs.weight > 0
    kappa, nu = np.where(there, runs.kappa, 1.0), np.where(there, runs.nu, 1.0)
    squares = np.where(there, runs.squares, 1.0)
    worth = np.maximum(week.days, 1)[..., None] / WEEK
    off = week.mean[..., None] - runs.mean
    likely = log_density(off, np.sqrt(squares / nu * (1 / worth + 1 / kappa)), nu)
    best = np.where(there, likely, -np.inf).max(axis=-1, keepdims=True)
    weight = np.where(there, runs.weight * np.exp(np.minimum(likely - best, 0.0)), 0.0)
    order = np.argsort(-weight, axis=-1, kind="stable")[..., : p.runs]

    def keep(value: Real) -> Real:
        return np.take_along_axis(np.where(there, value, 0.0), order, axis=-1)

    kept = keep(weight)
    return Runs(
        since=np.take_along_axis(runs.since, order, axis=-1),
        weight=kept / sum_days(kept)[..., None],
        mean=keep((kappa * runs.mean + worth * week.mean[..., None]) / (kappa + worth)),
        kappa=keep(kappa + worth),
        nu=keep(nu + 1),
        squares=keep(squares + kappa * worth * off**2 / (kappa + worth)),
        before=np.take_along_axis(runs.before, order, axis=-1),
        told=runs.told,
    )


def log_density(off: Real, scale: Real, nu: Real) -> Real:
    """Log density of Student's t at `off` from its centre, but for a constant."""
    shape = gammaln((nu + 1) / 2) - gammaln(nu / 2) - np.log(nu) / 2 - np.log(scale)
    return np.asarray(shape - (nu + 1) / 2 * np.log1p((off / scale) ** 2 / nu))


def judge_step(runs: Runs, week: Week, known: Flag, p: ShiftParameters) -> Shifts:
    """Judge the runs that began after the last telling and are two weeks old.

    The weeks around a step share its probability: the likeliest of these runs dates it, and those
    that began within two weeks of that one are the same step. Younger runs are left out of the sum:
    each week one is born with the hazard, whatever happened.
    """
    aged = week.monday - runs.since >= (p.settle_weeks - 1) * WEEK
    fresh = aged & (runs.since > runs.told.week[..., None])  # the run from the start never is
    likeliest = np.argmax(np.where(fresh, runs.weight, 0.0), axis=-1)[..., None]
    since = np.take_along_axis(runs.since, likeliest, axis=-1)
    weight = np.where(fresh & (np.abs(runs.since - since) <= p.blur_weeks * WEEK), runs.weight, 0.0)
    probability = sum_days(weight)
    judged = known & (probability > 0)
    total = np.where(judged, probability, 1.0)
    end = sum_days(weight * runs.mean) / total
    start = sum_days(weight * np.where(fresh, runs.before, 0.0)) / total
    large = np.abs(end - start) >= p.step_sd * week.spread
    return Shifts(
        shifted=judged & large & (probability > p.probability),
        start=np.where(judged, start, np.nan),
        end=np.where(judged, end, np.nan),
        since=np.where(judged, since[..., 0], NO_WEEK),
        probability=np.where(known, probability, np.nan),
    )


def compare_usual(
    path: Real, scale: Real, effective: Real, told: Told, monday: int, p: ShiftParameters
) -> Shifts:
    """Compare the usual of now with that of 26 weeks ago: a slow move that no step explains.

    Parameters
    ----------
    path : ndarray (people, features, 27)
        Means of the baselines on 27 Mondays, this week's last; NaN where there is none, and where
        the baseline is of another segment than this week's.
    scale, effective : ndarray (people, features, 2)
        Spread of a day, and effective number of days, of the first and the last of these baselines.
    told : Told
        After this week's steps. What was told in these 26 weeks is not told again: the move must be
        .75 SD larger than what was told, or the other way.
    monday : int
        This week's.
    p : ShiftParameters

    Returns
    -------
    Shifts
        `since` is the first week from which at least a quarter of the way was behind for good.
    """
    start, end = path[..., 0], path[..., -1]
    spread = np.sqrt((scale**2).sum(axis=-1) / 2)
    judged = ~np.isnan(start) & ~np.isnan(end) & (spread > 0) & (effective > 0).all(axis=-1)
    move = np.where(judged, end - start, 0.0)
    worth = np.where(judged[..., None], effective, 1.0)
    error = np.where(judged, spread, 1.0) * np.sqrt(1 / worth[..., 0] + 1 / worth[..., 1])
    recent = monday - told.week <= p.slow_weeks * WEEK
    named = np.where(recent, np.nan_to_num(told.end - told.start), 0.0)
    beyond = np.sign(move) * (move - named)
    margin = p.slow_sd * spread
    probability = ndtr((np.abs(move) - margin) / error)
    shifted = judged & (probability > p.slow_probability) & (beyond > p.more_sd * spread)
    return Shifts(
        shifted=shifted,
        start=np.where(judged, start, np.nan),
        end=np.where(judged, end, np.nan),
        since=np.where(judged, date_start(path, move, monday, p), NO_WEEK),
        probability=np.where(judged, probability, np.nan),
    )


def date_start(path: Real, move: Real, monday: int, p: ShiftParameters) -> Whole:
    """Date a move: the Monday after the last one on which less than a quarter of it was behind."""
    behind = (path - path[..., :1]) * np.sign(move)[..., None]
    early = ~(behind >= p.slow_share * np.abs(move)[..., None]) & ~np.isnan(path)
    weeks = path.shape[-1]
    last_early = weeks - 1 - np.argmax(early[..., ::-1], axis=-1)
    return np.asarray(monday - (weeks - 2 - np.minimum(last_early, weeks - 2)) * WEEK)


def remember(told: Told, shifts: Shifts, monday: int) -> Told:
    """Keep what was told this week; the caller does it after `compare_usual`."""
    return Told(
        week=np.where(shifts.shifted, monday, told.week),
        start=np.where(shifts.shifted, shifts.start, told.start),
        end=np.where(shifts.shifted, shifts.end, told.end),
    )


def choose(condition: Flag, yes: Runs, no: Runs) -> Runs:
    """Take each person's feature from one state or the other."""
    one = condition[..., None]
    return Runs(
        since=np.where(one, yes.since, no.since),
        weight=np.where(one, yes.weight, no.weight),
        mean=np.where(one, yes.mean, no.mean),
        kappa=np.where(one, yes.kappa, no.kappa),
        nu=np.where(one, yes.nu, no.nu),
        squares=np.where(one, yes.squares, no.squares),
        before=np.where(one, yes.before, no.before),
        told=Told(
            np.where(condition, yes.told.week, no.told.week),
            np.where(condition, yes.told.start, no.told.start),
            np.where(condition, yes.told.end, no.told.end),
        ),
    )
