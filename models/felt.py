"""Agreement with check-ins of stored people: once a week, on Monday, from the half year before it.

A row has the date of the Monday on which the days before it are judged, so that it depends on nothing
later. Index and contributions are those of this run and, before each person's first day, the stored
ones, which have the same bits. Who said nothing in that time has no row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from models.agreement import LAGS, Agreement, PersonalWeights, compare_feeling, try_weights
from models.baseline import Real, Whole
from models.grid import Work, days_of, places, whole
from models.parameters import Parameters
from models.rows import key_columns, name_features, provenance
from models.watch import Scored
from models.weeks import is_monday

DECIMALS = 9
"""Numbers are rounded to it: below anything that means something, above the order of sums."""


@dataclass(frozen=True)
class Said:
    """What scoring read for agreement.

    Attributes
    ----------
    felt : participant, day, value, source
        `felt_stress` of the days of the work and of the half year before it.
    index : participant, day, latent, latent_sd
        Stored days before each person's first one, of people in `felt`.
    parts : participant, day, feature, contribution
        What went into them.
    """

    felt: pa.Table
    index: pa.Table
    parts: pa.Table


@dataclass(frozen=True)
class Lives:
    """Days of people who said something, one row a day, each person's in one block.

    A block starts `window_days` before the person's first day of work, at row `offset` for the day
    `first`, and ends with the last; `people` are the places of the persons in the work. `latent` and
    `part` (rows, features) are over the usual spread of L; NaN where there is none. `source` is a
    place in `sources`.
    """

    people: Whole
    first: Whole
    offset: Whole
    felt: Real
    latent: Real
    part: Real
    source: Whole
    sources: list[str | None]


@dataclass(frozen=True)
class Judged:
    """What was found for one person on one Monday, and the hash and the sources of what it was made of."""

    person: int
    day: int
    agreement: Agreement
    weights: PersonalWeights
    input_hash: str
    source: str | None


def judge_feelings(work: Work, scored: Scored, said: Said, parameters: Parameters) -> dict[str, pa.Table]:
    """Judge every Monday of the work of people who said how they felt: table → rows.

    Parameters
    ----------
    work, scored : Work, Scored
        Each person's days without gaps.
    said : Said
    parameters : Parameters
    """
    if said.felt.num_rows == 0:
        return {}
    judged = list(judge_mondays(lay_out(work, scored, said, parameters), work, parameters))
    return {
        "model.agreement": tabulate_agreement(judged, work, parameters),
        "model.personal_weight": tabulate_weights(judged, work, parameters),
    }


def lay_out(work: Work, scored: Scored, said: Said, parameters: Parameters) -> Lives:
    """Lay what was said, the index and its parts out by person and day."""
    people = np.unique(places(said.felt["participant"], work.people))
    starts = np.searchsorted(work.person, people)
    ends = np.searchsorted(work.person, people, side="right") - 1
    first = work.day[starts] - parameters.agreement.window_days
    length = work.day[ends] - first + 1
    offset = np.concatenate([[0], np.cumsum(length)[:-1]])
    rows = int(np.sum(length))
    felt, latent, spread = (np.full(rows, np.nan) for _ in range(3))
    part = np.full((rows, len(parameters.features)), np.nan)
    source = np.zeros(rows, dtype=np.int64)

    def find_rows(person: Whole, day: Whole) -> Whole:
        slot = np.searchsorted(people, person)
        return np.asarray(offset[slot] + day - first[slot])

    def rows_of(table: pa.Table) -> Whole:
        return find_rows(places(table["participant"], work.people), days_of(table["day"]))

    named = said.felt["source"].combine_chunks().dictionary_encode()
    at = rows_of(said.felt)
    felt[at], source[at] = said.felt["value"].to_numpy(), whole(named.indices)
    at = rows_of(said.index)
    latent[at], spread[at] = said.index["latent"].to_numpy(), said.index["latent_sd"].to_numpy()
    column = places(said.parts["feature"], pa.array(parameters.features))
    part[rows_of(said.parts), column] = said.parts["contribution"].to_numpy()
    case = np.flatnonzero(np.isin(work.person, people) & ~np.isnan(scored.latent))
    at = find_rows(work.person[case], work.day[case])
    latent[at], spread[at] = scored.latent[case], scored.latent_sd[case]
    part[at] = scored.contribution[case]
    return Lives(
        people,
        first,
        offset,
        felt,
        latent / spread,
        part / spread[:, None],
        source,
        named.dictionary.to_pylist(),
    )


def judge_mondays(lives: Lives, work: Work, parameters: Parameters) -> Iterator[Judged]:
    """Judge the Mondays of the work on which something had been said in the half year before."""
    window_days = parameters.agreement.window_days
    for case in np.flatnonzero(np.isin(work.person, lives.people) & is_monday(work.day)).tolist():
        person, day = int(work.person[case]), int(work.day[case])
        slot = int(np.searchsorted(lives.people, person))
        row = int(lives.offset[slot] + day - lives.first[slot])
        before = slice(row - window_days, row)
        felt, latent, part = lives.felt[before], lives.latent[before], lives.part[before]
        there = ~np.isnan(felt)
        if not there.any():
            continue
        yield Judged(
            person,
            day,
            compare_feeling(latent, felt, parameters.agreement),
            try_weights(part, felt, parameters.weight, parameters.agreement),
            hash_window(felt, latent, part),
            join_sources(np.unique(lives.source[before][there]), lives.sources),
        )


def hash_window(*arrays: Real) -> str:
    """Hash what a judgement was made of; NaN has one form here, whichever it came in."""
    whole_window = [np.where(np.isnan(a), np.nan, a).tobytes() for a in arrays]
    return hashlib.sha256(b"".join(whole_window)).hexdigest()[:16]


def join_sources(which: Whole, sources: list[str | None]) -> str | None:
    """Names of all the sources of some days, joined; None where there is none."""
    named = {one for k in which.tolist() for one in (sources[k] or "").split(", ") if one}
    return ", ".join(sorted(named)) or None


def tabulate_agreement(judged: list[Judged], work: Work, parameters: Parameters) -> pa.Table:
    """Rows of model.agreement, one a Monday and lag."""
    which = np.repeat(np.arange(len(judged)), len(LAGS))
    found = [one.agreement for one in judged]

    def each(name: str) -> pa.Array:
        return pa.array([getattr(a, name) for a in found]).take(pa.array(which))

    def by_lag(name: str) -> Real:
        return np.array([value for a in found for value in getattr(a, name)], dtype=np.float64)

    return pa.table(
        shared_columns(judged, which, work, parameters)
        | {"lag": np.tile(np.array(LAGS), len(judged))}
        | {name: each(name) for name in ("verdict", "checkins", "needed")}
        | {"pairs": by_lag("pairs").astype(np.int64)}
        | {name: round_off(by_lag(name)) for name in ("rho", "lo", "hi")}
    )


def tabulate_weights(judged: list[Judged], work: Work, parameters: Parameters) -> pa.Table:
    """Rows of model.personal_weight, one a feature of Mondays on which they could be tried."""
    tried = [one for one in judged if one.weights.tested > 0]
    features = len(parameters.features)
    which = np.repeat(np.arange(len(tried)), features)
    found = [one.weights for one in tried]
    better = np.array([w.better for w in found], dtype=bool)[which]
    weight = np.array([w.weight for w in found], dtype=np.float64).reshape(-1)

    def each(name: str) -> pa.Array:
        return pa.array([getattr(w, name) for w in found]).take(pa.array(which))

    return pa.table(
        shared_columns(tried, which, work, parameters)
        | {
            "feature": name_features(np.tile(np.arange(features), len(tried)), parameters),
            "weight": round_off(np.where(better, weight, np.nan)),
            "published_weight": round_off(np.tile(parameters.weight, len(tried))),
            "better": better,
            "pairs": pa.array([one.agreement.checkins for one in tried]).take(pa.array(which)),
            "tested": each("tested"),
        }
        | {
            name: round_off(np.array([getattr(w, name) for w in found], dtype=np.float64)[which])
            for name in ("mae_personal", "mae_fixed", "mae_mean")
        }
    )


def shared_columns(
    judged: list[Judged], which: Whole, work: Work, parameters: Parameters
) -> dict[str, pa.Array]:
    """Participant, Monday and where it is from, of rows that are of these places in `judged`."""
    person, day = (np.array([getattr(one, k) for one in judged], dtype=np.int64) for k in ("person", "day"))
    hashes, sources = (
        pa.array([getattr(one, k) for one in judged], pa.string()).take(pa.array(which))
        for k in ("input_hash", "source")
    )
    keys = key_columns(Work(work.people, person, day), which)
    return keys | {"source": sources} | provenance(hashes, parameters)


def round_off(values: Real) -> Real:
    """Round to DECIMALS; −0 becomes 0."""
    return np.round(values, DECIMALS) + 0.0
