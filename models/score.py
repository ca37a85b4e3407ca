"""The verb of this stage: score the participant-days that are due, and stage the result.

Reads `meta.due` and `feature.value`, writes `model.baseline`, `model.index_day` and
`model.contribution`. The only file of models/ with SQL. A day's rows depend on the features of that
day and of the 42 before it and on nothing else, so that a due day is spread over the 42 days after
it (`reach_days`), and a day scored alone has the same bits as in a run over everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.lib.stride_tricks import sliding_window_view

from models.baseline import NO_SEGMENT, STATES, Baseline, Flag, History, Real, Whole, fit_baseline
from models.index import (
    Day,
    Index,
    compute_index,
    explain_missing,
    grade_index,
    judge_quality,
    name_levels,
    show_numbers,
)
from models.parameters import Parameters, load_parameters
from warehouse.staging import Staged, stage
from warehouse.store import open_warehouse

CASES_AT_ONCE = 5000
"""Participant-days worked together: bounds memory (some 200 MB) and changes no number."""

DUES = """
    select participant, day from meta.due
    where stage = 'models' and participant in (select participant from person) and day < $before
"""
SPANS = """
    select participant, min(day) as first_day, max(day) as last_day
    from feature.value where participant in (select participant from person) group by participant
"""
WORK = """
    with spread as (
        select participant, due.day + k::integer as day, k = 0 as named from due, range($reach + 1) steps(k)
        union all
        select participant, day, true from model.index_day
        where method_version <> $version and participant in (select participant from person)
    )
    select participant, day, coalesce(bool_or(day between first_day and last_day), false) as has_features
    from spread left join span using (participant)
    where day < $before group by participant, day having has_features or bool_or(named)
    order by participant, day
"""
LATER = """
    select distinct participant, $before::date as day from due join span using (participant)
    where due.day + $reach >= $before and last_day >= $before
"""
VALUES = """
    select v.participant, v.day, v.feature, v.value, v.se, v.quality, v.source
    from feature.value v join (
        select participant, min(day) - $reach as first_day, max(day) as last_day
        from work group by participant
    ) w on v.participant = w.participant and v.day between w.first_day and w.last_day
    where v.value is not null and v.feature in (select unnest($features))
"""


@dataclass(frozen=True)
class Work:
    """Participant-days to score: place of the person in `people`, day in days since 1970."""

    people: pa.Array
    person: Whole
    day: Whole


@dataclass(frozen=True)
class Grid:
    """All values needed, one row a day and a column a feature, each person's days in one block.

    A person's block starts `reach_days` before the first day scored, at row `offset` for the day
    `first`. `sources` names the segments, sorted by their numbers in `segment_ids`.
    """

    value: Real
    se: Real
    low: Flag
    segment: Whole
    offset: Whole
    first: Whole
    segment_ids: Whole
    sources: pa.Array


def score(warehouse: str | Path, staging: Path, *, participants: Sequence[str], before: date) -> Path | None:
    """Score what is due of these participants, for days before `before`.

    Due are the days in `meta.due` with the days they reach, as far as the person has features, and
    days scored by another version of the method. Days from `before` on are put off.

    Returns
    -------
    Path or None
        The folder of staged rows for `warehouse.commit`; None when nothing was due.

    Raises
    ------
    WarehouseError
        If the warehouse cannot be read or the staging folder cannot be written.
    """
    parameters = load_parameters()
    with open_warehouse(warehouse, read_only=True) as con:
        # A table, not a list: DuckDB takes half a millisecond for each string in a list.
        con.register("person", pa.table({"participant": pa.array(participants, pa.string())}))
        until, reach = {"before": before}, {"reach": parameters.reach_days}
        due = con.execute(DUES, until).to_arrow_table()
        con.register("due", due)
        con.register("span", con.execute(SPANS).to_arrow_table())
        version = {"version": parameters.method_version}
        work = con.execute(WORK, until | reach | version).to_arrow_table()
        if work.num_rows == 0:
            return None
        later = con.execute(LATER, until | reach).to_arrow_table()
        con.register("work", work)
        features = {"features": list(parameters.features)}
        values = con.execute(VALUES, reach | features).to_arrow_table()
    with stage(staging, "models", method_version=parameters.method_version) as staged:
        staged.replace(work)
        staged.clear(due, later)
        score_work(read_work(work), values, parameters, staged)
    return staged.folder


def read_work(work: pa.Table) -> Work:
    """Take the participant-days that have features out of the table of work."""
    rows = work.filter(work["has_features"])
    person = rows["participant"].combine_chunks().dictionary_encode()
    return Work(person.dictionary, whole(person.indices), whole(rows["day"].cast(pa.int32())))


def score_work(work: Work, values: pa.Table, parameters: Parameters, staged: Staged) -> None:
    """Score all participant-days, some thousand at once, and stage their rows."""
    if work.day.size == 0:
        return
    grid = fill_grid(work, values, parameters)
    for first in range(0, work.day.size, CASES_AT_ONCE):
        some = slice(first, first + CASES_AT_ONCE)
        score_cases(Work(work.people, work.person[some], work.day[some]), grid, parameters, staged)


def fill_grid(work: Work, values: pa.Table, parameters: Parameters) -> Grid:
    """Lay the values out by person, day and feature."""
    people = np.arange(len(work.people))
    starts = np.searchsorted(work.person, people)
    ends = np.searchsorted(work.person, people, side="right") - 1
    first = work.day[starts] - parameters.reach_days
    length = work.day[ends] - first + 1
    offset = np.concatenate([[0], np.cumsum(length)[:-1]])
    person = whole(pc.index_in(values["participant"], value_set=work.people))
    row = offset[person] + whole(values["day"].cast(pa.int32())) - first[person]
    column = whole(pc.index_in(values["feature"], value_set=pa.array(parameters.features)))
    source = values["source"].fill_null("unknown").combine_chunks().dictionary_encode()
    numbers = np.array([number_segment(name) for name in source.dictionary.to_pylist()], dtype=np.int64)
    shape = (int(length.sum()), len(parameters.features))
    value, se = np.full(shape, np.nan), np.full(shape, np.nan)
    low, segment = np.zeros(shape, dtype=bool), np.full(shape, NO_SEGMENT, dtype=np.int64)
    value[row, column] = values["value"].to_numpy()
    se[row, column] = values["se"].cast(pa.float64()).to_numpy()
    low[row, column] = pc.equal(values["quality"], "low").fill_null(fill_value=False).to_numpy()
    segment[row, column] = numbers[whole(source.indices)]
    order = np.argsort(numbers)
    return Grid(value, se, low, segment, offset, first, numbers[order], source.dictionary.take(order))


def number_segment(name: str) -> int:
    """Give a segment a number that depends on its name only, never on what else is there."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big") + 1


def score_cases(work: Work, grid: Grid, parameters: Parameters, staged: Staged) -> None:
    """Score some participant-days and stage their rows."""
    span = parameters.reach_days + 1
    rows = grid.offset[work.person] + work.day - parameters.reach_days - grid.first[work.person]
    value, low, segment = (
        sliding_window_view(a, span, axis=0)[rows] for a in (grid.value, grid.low, grid.segment)
    )
    history = History(*(np.ascontiguousarray(a[..., :-1]) for a in (value, segment, low)))
    day = Day(value[..., -1].copy(), grid.se[rows + parameters.reach_days], low[..., -1].copy())
    today = segment[..., -1].copy()
    baseline = fit_baseline(history, today, parameters)
    index = compute_index(day, baseline, parameters)
    hashes = hash_cases(value, low, segment, day.se)
    used = np.where(index.entered | np.isnan(index.index)[:, None], today, NO_SEGMENT)
    staged.add("model.baseline", tabulate_baseline(work, grid, baseline, hashes, parameters))
    staged.add(
        "model.contribution", tabulate_contributions(work, grid, day, baseline, index, hashes, parameters)
    )
    sources = name_sources(used, grid)
    staged.add("model.index_day", tabulate_index(work, sources, day, baseline, index, hashes, parameters))


def hash_cases(value: Real, low: Flag, segment: Whole, se: Real) -> pa.Array:
    """Hash what each case was made of: its window, with the day itself, and the errors of that day."""
    parts = [np.ascontiguousarray(a).reshape(len(a), -1).view(np.uint8) for a in (value, low, segment, se)]
    inputs = np.concatenate(parts, axis=1)
    return pa.array([hashlib.sha256(case).hexdigest()[:16] for case in inputs], pa.string())


def tabulate_baseline(
    work: Work, grid: Grid, baseline: Baseline, hashes: pa.Array, parameters: Parameters
) -> pa.Table:
    """Rows of model.baseline, for features with a value on the day or in its window."""
    at = np.nonzero(baseline.segment != NO_SEGMENT)
    names = name_segments(baseline.segment[at], grid)
    return pa.table(
        key_columns(work, at[0])
        | {
            "feature": name_features(at[1], parameters),
            "segment": names,
            "n_obs": baseline.days[at],
            "n_effective": baseline.effective[at],
            "phi": baseline.phi[at],
            "mean": baseline.mean[at],
            "scale": baseline.scale[at],
            "kappa": baseline.kappa[at],
            "nu": baseline.nu[at],
            "usual_lo": baseline.usual_lo[at],
            "usual_hi": baseline.usual_hi[at],
            "state": name_states(baseline.state[at]),
            "source": names,
        }
        | provenance(hashes.take(at[0]), parameters)
    )


def tabulate_contributions(
    work: Work,
    grid: Grid,
    day: Day,
    baseline: Baseline,
    index: Index,
    hashes: pa.Array,
    parameters: Parameters,
) -> pa.Table:
    """Rows of model.contribution, for the features that entered an index."""
    at = np.nonzero(index.entered)
    return pa.table(
        key_columns(work, at[0])
        | {
            "feature": name_features(at[1], parameters),
            "value": day.value[at],
            "usual_lo": baseline.usual_lo[at],
            "usual_hi": baseline.usual_hi[at],
            "z": index.z[at],
            "coefficient": index.coefficient[at],
            "contribution": index.contribution[at],
            "source": name_segments(baseline.segment[at], grid),
        }
        | provenance(hashes.take(at[0]), parameters)
    )


def tabulate_index(
    work: Work,
    sources: pa.Array,
    day: Day,
    baseline: Baseline,
    index: Index,
    hashes: pa.Array,
    parameters: Parameters,
) -> pa.Table:
    """Rows of model.index_day, one for every participant-day, with or without an index."""
    state = grade_index(day, baseline, index, parameters)
    none = np.isnan(index.index)
    return pa.table(
        key_columns(work, np.arange(none.size))
        | {name: getattr(index, name) for name in ("index", "lo80", "hi80", "lo95", "hi95")}
        | {
            "latent": index.latent,
            "latent_sd": index.latent_sd,
            "level": pa.array(name_levels(index.index, parameters.levels), pa.string()),
            "state": name_states(state),
            "show_number": pa.array(show_numbers(index, parameters.index), mask=none),
            "n_obs": np.count_nonzero(index.entered, axis=-1),
            "coverage": index.coverage,
            "quality": pa.array(judge_quality(index, day, state, parameters.index), pa.string()),
            "reason": pa.array(explain_missing(day, baseline, index, parameters), pa.string()),
            "source": sources,
        }
        | provenance(hashes, parameters)
    )


def key_columns(work: Work, case: Whole) -> dict[str, pa.Array]:
    """Participant and day of each row, given its case."""
    days = pa.array(work.day[case].astype(np.int32)).cast(pa.date32())
    return {"participant": work.people.take(pa.array(work.person[case])), "day": days}


def provenance(hashes: pa.Array, parameters: Parameters) -> dict[str, pa.Array]:
    """Version and hash of each row."""
    versions = pa.array([parameters.method_version]).take(pa.array(np.zeros(len(hashes), dtype=np.int64)))
    return {"method_version": versions, "input_hash": hashes}


def name_features(place: Whole, parameters: Parameters) -> pa.Array:
    """Names of features by their places."""
    return pa.array(parameters.features).take(pa.array(place))


def name_states(state: Whole) -> pa.Array:
    """Names of states by their places in STATES."""
    return pa.array(STATES).take(pa.array(state))


def name_segments(segment: Whole, grid: Grid) -> pa.Array:
    """Names of segments by their numbers, none of which is NO_SEGMENT."""
    return grid.sources.take(pa.array(np.searchsorted(grid.segment_ids, segment)))


def name_sources(segment: Whole, grid: Grid) -> pa.Array:
    """Names of all segments of a case (cases, features), joined; null where there is none.

    Few combinations exist: the loop is over them, not over the cases.
    """
    distinct, which = np.unique(np.sort(segment, axis=-1), axis=0, return_inverse=True)
    names = []
    for row in distinct:
        there = np.unique(row[row != NO_SEGMENT])
        names.append(", ".join(sorted(name_segments(there, grid).to_pylist())) or None)
    return pa.array(names, pa.string()).take(pa.array(which.reshape(-1)))


def whole(column: pa.Array | pa.ChunkedArray) -> Whole:
    """Make an array of a column of whole numbers."""
    return np.array(column, dtype=np.int64)
