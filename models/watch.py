"""Alerts of stored people: the state of the day before goes in, a row a day with its state comes out.

Every person is followed from the first day that is worked to the last one, together with others but
on their own. A row's hash covers the row before it: it stands for all days that made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa

from models.adjustments import WEEKEND, WORKING, WeekdayMemory
from models.alerts import (
    NO_DAY,
    Alerts,
    Observed,
    Watch,
    count_groups,
    mark_night_signal,
    start_watch,
    step,
)
from models.baseline import NO_SEGMENT, STATES, Flag, Real, Whole
from models.grid import Work, days_of, places
from models.parameters import Parameters
from models.rows import WORN_OTHERWISE, Cases, date_column, key_columns, name_features, provenance

PEOPLE_AT_ONCE = 200
"""People followed together: bounds memory and changes no number."""

UNKNOWN = -1
NIGHT_FEATURE = "rhr_night"
MEMORY = ("days", "weight", "total", "squares")
KINDS = {"working": WORKING, "weekend": WEEKEND}
SATURDAY = 5


@dataclass(frozen=True)
class Scored:
    """What alerts need of each participant-day. Shapes (cases[, features]).

    `night_signal` is NightSignal's colour, UNKNOWN where it cannot be told.
    """

    latent: Real
    latent_sd: Real
    z: Real
    contribution: Real
    settled: Flag
    comparable: Flag
    night_signal: Whole
    hashes: pa.Array
    sources: pa.Array


def keep_scored(cases: Cases, night_signal: Whole) -> Scored:
    """Keep what alerts need; the rest of a batch can go."""
    index = cases.index
    return Scored(
        latent=index.latent,
        latent_sd=index.latent_sd,
        z=index.z,
        contribution=index.contribution,
        settled=cases.state == len(STATES) - 1,
        comparable=~cases.wear.differs,
        night_signal=night_signal,
        hashes=cases.hashes,
        sources=cases.sources,
    )


def join_scored(parts: Sequence[Scored]) -> Scored:
    """Join batches, in order."""
    return Scored(
        latent=np.concatenate([part.latent for part in parts]),
        latent_sd=np.concatenate([part.latent_sd for part in parts]),
        z=np.concatenate([part.z for part in parts]),
        contribution=np.concatenate([part.contribution for part in parts]),
        settled=np.concatenate([part.settled for part in parts]),
        comparable=np.concatenate([part.comparable for part in parts]),
        night_signal=np.concatenate([part.night_signal for part in parts]),
        hashes=pa.concat_arrays([part.hashes for part in parts]),
        sources=pa.concat_arrays([part.sources for part in parts]),
    )


def judge_nights(value: Real, segment: Whole, parameters: Parameters) -> Whole:
    """NightSignal's colour of each case, from its window and the day itself (cases, features, days).

    Nights of another device than the last one's are left out. UNKNOWN where one of the last two nights
    is missing or too few are before them.
    """
    column = parameters.features.index(NIGHT_FEATURE)
    own = segment[:, column]
    same = (own == own[:, -1:]) & (own != NO_SEGMENT)
    nights = np.where(same, value[:, column], np.nan)
    there = ~np.isnan(nights)
    known = there[:, -2:].all(axis=1) & (there[:, :-2].sum(axis=1) >= parameters.alerts.night_days)
    return np.where(known, mark_night_signal(nights, parameters.alerts), UNKNOWN)


def follow_people(
    work: Work, scored: Scored, stored: pa.Table, parts: pa.Table, parameters: Parameters
) -> tuple[pa.Table, pa.Table]:
    """Follow everybody from the stored state; gives rows of model.alert and model.alert_part.

    Parameters
    ----------
    work, scored : Work, Scored
        Each person's days without gaps.
    stored, parts : pa.Table
        Rows of both tables on the day before each person's first day; people without any are new.
    parameters : Parameters
    """
    before, hashes = read_watch(work.people, stored, parts, parameters)
    chained = pa.array(chain_hashes(work.person, scored.hashes, hashes), pa.string())
    found = [
        follow_some(
            work, scored, before, range(first, min(first + PEOPLE_AT_ONCE, len(work.people))), parameters
        )
        for first in range(0, len(work.people), PEOPLE_AT_ONCE)
    ]
    after = join_watches([state for state, _ in found])
    alerts = Alerts(*(np.concatenate([getattr(a, f.name) for _, a in found]) for f in fields(Alerts)))
    return (
        tabulate_alerts(work, scored, after, alerts, chained, parameters),
        tabulate_parts(work, scored, after, chained, parameters),
    )


def follow_some(
    work: Work, scored: Scored, before: Watch, people: range, parameters: Parameters
) -> tuple[Watch, Alerts]:
    """Follow some people side by side; state after, and alerts of, each of their cases.

    Those with fewer days are followed on over days without an index, which are dropped.
    """
    some = slice(people.start, people.stop)
    starts = np.searchsorted(work.person, np.arange(people.start, people.stop))
    ends = np.searchsorted(work.person, np.arange(people.start, people.stop), side="right")
    reach = np.arange(int(np.max(ends - starts)))
    place = np.minimum(starts[:, None] + reach, ends[:, None] - 1)
    real = reach < (ends - starts)[:, None]
    day = work.day[starts][:, None] + reach
    observed = Observed(
        day=day,
        weekend=(day + 3) % 7 >= SATURDAY,
        latent=np.where(real, scored.latent[place], np.nan),
        latent_sd=scored.latent_sd[place],
        z=scored.z[place],
        contribution=scored.contribution[place],
        settled=scored.settled[place],
        comparable=scored.comparable[place],
    )
    watch = take_watch(before, some)
    states, alerts = [], []
    for k in reach.tolist():
        watch, told = step(watch, observed, k, parameters)
        states.append(take_watch(watch, real[:, k]))
        alerts.append(Alerts(*(getattr(told, f.name)[real[:, k]] for f in fields(Alerts))))
    order = np.argsort(place.T[real.T], kind="stable")
    after = take_watch(join_watches(states), order)
    return after, Alerts(
        *(np.concatenate([getattr(a, f.name) for a in alerts])[order] for f in fields(Alerts))
    )


def take_watch(watch: Watch, rows: slice | Flag | Whole) -> Watch:
    """State of some rows."""
    memory = WeekdayMemory(*(getattr(watch.weekdays, name)[rows] for name in MEMORY))
    return Watch(
        watch.last[rows],
        watch.level[rows],
        watch.since[rows],
        watch.quiet_until[rows],
        watch.run[rows],
        memory,
    )


def join_watches(watches: Sequence[Watch]) -> Watch:
    """States one after the other."""

    def join(name: str) -> Any:
        return np.concatenate([getattr(watch, name) for watch in watches])

    weekdays = [watch.weekdays for watch in watches]
    memory = WeekdayMemory(*(np.concatenate([getattr(w, name) for w in weekdays]) for name in MEMORY))
    return Watch(
        last=join("last"),
        level=join("level"),
        since=join("since"),
        quiet_until=join("quiet_until"),
        run=join("run"),
        weekdays=memory,
    )


def read_watch(
    people: pa.Array, stored: pa.Table, parts: pa.Table, parameters: Parameters
) -> tuple[Watch, list[str]]:
    """State of each person from the stored rows, and the hash of its row ("" for a new person)."""
    watch = start_watch(len(people), len(parameters.features))
    at = places(stored["participant"], people)
    hashes = [""] * len(people)
    for who, text in zip(at.tolist(), stored["input_hash"].to_pylist(), strict=True):
        hashes[who] = text
    last, since, quiet_until = (
        put_days(watch.last, at, stored[name]) for name in ("last_day", "since_after", "quiet_until")
    )
    watch = replace(watch, last=last, since=since, quiet_until=quiet_until)
    watch.level[at] = stored["level_after"].to_numpy()
    for kind, place in KINDS.items():
        for name in MEMORY:
            getattr(watch.weekdays, name)[at, place] = stored[f"{kind}_{name}"].to_numpy()
    who, feature = (
        places(parts["participant"], people),
        places(parts["feature"], pa.array(parameters.features)),
    )
    watch.run[who, feature] = parts["run_total"].to_numpy()
    return watch, hashes


def put_days(into: Whole, at: Whole, column: pa.ChunkedArray) -> Whole:
    """A copy with days in their places, NO_DAY where null."""
    days = into.copy()
    days[at] = days_of(column.fill_null(pa.scalar(NO_DAY, pa.int32()).cast(pa.date32())))
    return days


def chain_hashes(person: Whole, hashes: pa.Array, before: list[str]) -> list[str]:
    """Hash each case together with the hash of the day before."""
    last, chained = list(before), []
    for who, own in zip(person.tolist(), hashes.to_pylist(), strict=True):
        last[who] = hashlib.sha256(f"{last[who]}{own}".encode()).hexdigest()[:16]
        chained.append(last[who])
    return chained


def tabulate_alerts(
    work: Work, scored: Scored, after: Watch, alerts: Alerts, hashes: pa.Array, parameters: Parameters
) -> pa.Table:
    """Rows of model.alert, one for every participant-day."""
    scoreless = np.isnan(scored.latent)
    counts = ~scoreless & scored.settled & scored.comparable
    causes = {
        f"cause_{k + 1}": name_features(alerts.causes[:, k], parameters)
        for k in range(alerts.causes.shape[1])
    }
    memory = {
        f"{kind}_{name}": getattr(after.weekdays, name)[:, place]
        for kind, place in KINDS.items()
        for name in MEMORY
    }
    return pa.table(
        key_columns(work, np.arange(work.day.size))
        | {
            "alert": pa.array(alerts.alert, mask=~counts),
            "level": alerts.level,
            "since_day": date_column(alerts.since, NO_DAY),
            "corroborated_groups": pa.array(count_groups(scored.z, parameters), mask=scoreless),
            "night_signal": pa.array(scored.night_signal, mask=scored.night_signal == UNKNOWN),
            "reason": explain_silence(scoreless, scored),
            "last_day": date_column(after.last, NO_DAY),
            "level_after": after.level,
            "since_after": date_column(after.since, NO_DAY),
            "quiet_until": date_column(after.quiet_until, NO_DAY),
            "source": scored.sources,
        }
        | causes
        | memory
        | provenance(hashes, parameters)
    )


def explain_silence(scoreless: Flag, scored: Scored) -> pa.Array:
    """Say why a day does not count; null where it does."""
    texts = pa.array(["no index that day", "the usual is not settled yet", WORN_OTHERWISE])
    place = np.select([scoreless, ~scored.settled, ~scored.comparable], [0, 1, 2], UNKNOWN)
    return texts.take(pa.array(np.maximum(place, 0), mask=place == UNKNOWN))


def tabulate_parts(
    work: Work, scored: Scored, after: Watch, hashes: pa.Array, parameters: Parameters
) -> pa.Table:
    """Rows of model.alert_part, for features that have a part in the present run."""
    at = np.nonzero(after.run)
    return pa.table(
        key_columns(work, at[0])
        | {
            "feature": name_features(at[1], parameters),
            "run_total": after.run[at],
            "source": scored.sources.take(pa.array(at[0])),
        }
        | provenance(hashes.take(pa.array(at[0])), parameters)
    )
