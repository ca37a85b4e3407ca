"""Alerts: what lasts. A sum of how far each day's index was from usual, one person at a time.

    S = max(0, S + u − 0.6),    an alert at S > 4.5

with u = L over its own usual spread, less this person's weekday term (one-sided CUSUM: Page 1954,
doi:10.1093/biomet/41.1-2.100). An alert needs features of two domains beyond their usual that day,
names the features that made the sum, and is followed by a week of silence. It says that signals
have been away from usual, and nothing of why.

A state goes in and a state comes out: a night's run needs the day and the state after the day
before, no history. Days that do not count (no index, wear that cannot be compared) leave the state
as it is; a device whose baseline is not settled, or too long a gap, starts it anew.

Beside it, for comparison, NightSignal's rule (Alavi 2022, doi:10.1038/s41591-021-01593-2): the
resting heart rate of two nights running over the personal median by 3 (yellow) or 4 /min (red). Its
thresholds are the same for everybody, so that people with a wide spread are told far more often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.adjustments import WeekdayMemory, expect_weekday, learn_weekday, start_weekdays
from models.baseline import Flag, Real, Whole, median
from models.parameters import AlertParameters, Parameters

NO_DAY = np.iinfo(np.int32).min
NO_FEATURE = -1
NONE, YELLOW, RED = 0, 1, 2


@dataclass(frozen=True)
class Watch:
    """State after a day. Shapes (people,), `run` (people, features).

    `last` is the last day that counted and `since` the first one of the present run (NO_DAY: none);
    `quiet_until` the last day of silence; `run` the contributions since, over the usual spread.
    """

    last: Whole
    level: Real
    since: Whole
    quiet_until: Whole
    run: Real
    weekdays: WeekdayMemory


@dataclass(frozen=True)
class Observed:
    """Days to follow, in order, each with its index. Shapes (people, days[, features]).

    `day` in days since 1970; `latent`, `latent_sd`, `z` and `contribution` as models.index.Index has
    them, NaN where missing. `settled`: the baselines under it are (grade_index). `comparable`: wear
    was as on the days of the baseline (models.wear_profile).
    """

    day: Whole
    weekend: Flag
    latent: Real
    latent_sd: Real
    z: Real
    contribution: Real
    settled: Flag
    comparable: Flag


@dataclass(frozen=True)
class Alerts:
    """What was found on each day. Shapes (people, days), `causes` (people, days, at most 3).

    `level` is S that day, before an alert sets it back; `since` the first day of the run (NO_DAY
    where level is 0). `causes` are places of features, the largest first; NO_FEATURE where fewer
    were above usual. They stand on every day of a run, `alert` on the few that are told.
    """

    alert: Flag
    level: Real
    since: Whole
    causes: Whole


def start_watch(people: int, features: int) -> Watch:
    """State of people of whom nothing is known."""
    none = np.full(people, NO_DAY, dtype=np.int64)
    run = np.zeros((people, features))
    return Watch(none, np.zeros(people), none, none, run, start_weekdays(people))


def follow(watch: Watch, days: Observed, parameters: Parameters) -> tuple[Watch, Alerts]:
    """Follow some days from the state before them.

    Followed day by day or all at once, in one batch or many, the result is the same to the bit.

    Returns
    -------
    Watch
        State after the last day.
    Alerts
        Of each day.
    """
    found = []
    for k in range(days.day.shape[1]):
        watch, alerts = step(watch, days, k, parameters)
        found.append(alerts)
    return watch, Alerts(
        alert=np.stack([day.alert for day in found], axis=1),
        level=np.stack([day.level for day in found], axis=1),
        since=np.stack([day.since for day in found], axis=1),
        causes=np.stack([day.causes for day in found], axis=1),
    )


def step(watch: Watch, days: Observed, k: int, parameters: Parameters) -> tuple[Watch, Alerts]:
    """Take day `k` into the state; the Alerts are of that day alone: (people,) and (people, causes)."""
    p = parameters.alerts
    day, weekend = days.day[:, k], days.weekend[:, k]
    u = np.clip(days.latent[:, k] / days.latent_sd[:, k], -p.latent_clip, p.latent_clip)
    there = ~np.isnan(u)
    counts = there & days.settled[:, k] & days.comparable[:, k]
    level, since, run = restart(watch, day, there & ~days.settled[:, k], p)

    term, se = expect_weekday(watch.weekdays, weekend, parameters.adjustments)
    grown = np.minimum(level + (u - term) / np.sqrt(1 + se**2) - p.allowance, p.ceiling)
    level = np.where(counts, np.maximum(grown, 0.0), level)
    going = level > 0
    since = np.where(going, np.where(since == NO_DAY, day, since), NO_DAY)
    part = np.nan_to_num(days.contribution[:, k] / days.latent_sd[:, k, None])
    run = np.where(going[:, None], run + np.where(counts[:, None], part, 0.0), 0.0)

    alert = counts & (level > p.threshold) & (day > watch.quiet_until)
    alert &= count_groups(days.z[:, k], parameters) >= p.groups
    weekdays = learn_weekday(watch.weekdays, np.where(counts, u, np.nan), weekend, parameters.adjustments)
    after = Watch(
        last=np.where(counts, day, watch.last),
        level=np.where(alert, 0.0, level),
        since=np.where(alert, NO_DAY, since),
        quiet_until=np.where(alert, day + p.silent_days, watch.quiet_until),
        run=np.where(alert[:, None], 0.0, run),
        weekdays=weekdays,
    )
    return after, Alerts(alert, level, since, name_causes(run, p))


def restart(watch: Watch, day: Whole, unsettled: Flag, p: AlertParameters) -> tuple[Real, Whole, Real]:
    """Level, since and run before a day: none on an unsettled baseline or after too long a gap."""
    gap = day - watch.last - 1
    anew = unsettled | (gap > p.hold_days)
    return (
        np.where(anew, 0.0, watch.level),
        np.where(anew, NO_DAY, watch.since),
        np.where(anew[:, None], 0.0, watch.run),
    )


def count_groups(z: Real, parameters: Parameters) -> Whole:
    """Count the domains (people,) in which a feature of z (people, features) speaks for an alert."""
    speaks = z > parameters.alerts.feature_z  # NaN does not
    domain = np.array(parameters.domain)
    groups = [speaks[:, domain == name].any(axis=1) for name in dict.fromkeys(parameters.domain)]
    return np.asarray(np.sum(groups, axis=0))


def name_causes(run: Real, p: AlertParameters) -> Whole:
    """Name the features with the largest share of the run, the largest first: (people, causes)."""
    order = np.argsort(-run, axis=1, kind="stable")[:, : p.causes]
    return np.where(np.take_along_axis(run, order, axis=1) > 0, order, NO_FEATURE)


def mark_night_signal(rhr_bpm: Real, p: AlertParameters) -> Whole:
    """Judge the last night by NightSignal's rule: NONE, YELLOW or RED.

    Parameters
    ----------
    rhr_bpm : ndarray (..., nights)
        Resting heart rate of nights of one device, the one judged last, NaN missing.
    p : AlertParameters

    Returns
    -------
    ndarray (...)
        RED: the last two nights are both at least 4 /min over the median of all before them; YELLOW:
        both at least 3 /min. NONE else, also where a night is missing or fewer than 7 are before.
    """
    before = rhr_bpm[..., :-2]
    nights = np.count_nonzero(~np.isnan(before), axis=-1)
    excess = (rhr_bpm[..., -2:] - median(before, nights)[..., None]).min(axis=-1)
    colour = (excess >= p.night_yellow_bpm).astype(np.int64) + (excess >= p.night_red_bpm)
    return np.asarray(np.where(nights >= p.night_days, colour, NONE))
