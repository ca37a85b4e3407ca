"""Shifts of stored people: once a week, on Monday, from the state of the last week and the week that ended.

A row has the date of the Monday on which the week before it is judged, so that it depends on nothing
later. What is usual in that week is the baseline of its own Monday, which does not hold it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa

from models.baseline import NO_SEGMENT, Flag, Real, Whole, sum_days
from models.grid import Grid, Work, days_of, name_numbers, number_segments, places, whole
from models.parameters import Parameters
from models.rows import date_column, key_columns, name_features, provenance
from models.shifts import (
    NO_WEEK,
    WEEK,
    Runs,
    Shifts,
    Told,
    Week,
    compare_usual,
    follow_week,
    remember,
    start_runs,
)

MONDAY = 4
"""1970-01-05, the first Monday, in days since 1970: they are those whose remainder by 7 is this."""

RUN_PARTS = ("weight", "mean", "kappa", "nu", "squares", "before")


@dataclass(frozen=True)
class Mondays:
    """Baselines of the Mondays from `first` on. Shapes (people, weeks, features); NaN and NO_SEGMENT where none."""

    first: int
    mean: Real
    scale: Real
    effective: Real
    segment: Whole


@dataclass(frozen=True)
class State:
    """The runs, and the segment (people, features) that they are of."""

    runs: Runs
    segment: Whole


@dataclass(frozen=True)
class Names:
    """Segments by number, in order: their names and the source/device of each."""

    ids: Whole
    segments: pa.Array
    sources: pa.Array


def join_names(grid: Grid, *stored: pa.Table) -> Names:
    """Names of the segments of this run and of stored rows, which have them as `segment` and `source`."""
    named = dict(zip(grid.segments.to_pylist(), grid.sources.to_pylist(), strict=True))
    for rows in stored:
        pairs = rows.select(["segment", "source"]).group_by(["segment", "source"]).aggregate([])
        named |= dict(zip(pairs["segment"].to_pylist(), pairs["source"].to_pylist(), strict=True))
    segments, sources = pa.array(list(named), pa.string()), pa.array(list(named.values()), pa.string())
    ids = number_segments(segments)
    order = np.argsort(ids)
    return Names(ids[order], segments.take(order), sources.take(order))


def is_monday(day: Whole) -> Flag:
    """Whether days since 1970 are Mondays."""
    return np.asarray(day % WEEK == MONDAY)


def empty_mondays(work: Work, parameters: Parameters) -> Mondays:
    """Make room for the Mondays of the work and those that it looks back on."""
    back = WEEK * (parameters.shifts.slow_weeks + 2)
    first = int(np.min(work.day)) - back
    first += (MONDAY - first) % WEEK
    shape = (len(work.people), (int(np.max(work.day)) - first) // WEEK + 1, len(parameters.features))
    mean, scale, effective = (np.full(shape, np.nan) for _ in range(3))
    return Mondays(first, mean, scale, effective, np.full(shape, NO_SEGMENT, dtype=np.int64))


def put_stored(mondays: Mondays, rows: pa.Table, people: pa.Array, parameters: Parameters) -> None:
    """Put rows of model.baseline in their places."""
    named = rows["segment"].combine_chunks().dictionary_encode()
    at = (
        places(rows["participant"], people),
        (days_of(rows["day"]) - mondays.first) // WEEK,
        places(rows["feature"], pa.array(parameters.features)),
    )
    mondays.mean[at] = rows["mean"].to_numpy()
    mondays.scale[at] = rows["scale"].to_numpy()
    mondays.effective[at] = rows["n_effective"].to_numpy()
    mondays.segment[at] = number_segments(named.dictionary)[whole(named.indices)]


def follow_weeks(
    work: Work,
    grid: Grid,
    mondays: Mondays,
    state: State,
    names: Names,
    hashes: pa.Array,
    parameters: Parameters,
) -> tuple[list[pa.Table], list[pa.Table]]:
    """Judge every Monday of the work, all people together; gives rows of model.shift and model.shift_run.

    Parameters
    ----------
    mondays : Mondays
        Filled from what was stored and from this run.
    state : State
        After the last week before each person's work.
    hashes : pa.Array
        Of each case with all before it.
    """
    shifts, runs = [], []
    for monday in np.unique(work.day[is_monday(work.day)]).tolist():
        case = np.flatnonzero(work.day == monday)
        state, told = judge_week(work.person[case], monday - WEEK, grid, mondays, state, parameters)
        some = Work(work.people, work.person[case], work.day[case])
        own = hashes.take(pa.array(case))
        shifts.append(tabulate_shifts(some, state, told, names, own, parameters))
        runs.append(tabulate_runs(some, state, names, own, parameters))
    return shifts, runs


@dataclass(frozen=True)
class Moves:
    """What is told in a week, (people, features): the step or, where there is one, the slow move."""

    step: Shifts
    slow: Shifts


def judge_week(
    people: Whole, monday: int, grid: Grid, mondays: Mondays, state: State, parameters: Parameters
) -> tuple[State, Moves]:
    """Take the week that began on `monday` into the state of these people; others stay as they are."""
    p = parameters.shifts
    here = np.zeros(len(state.segment), dtype=bool)
    here[people] = True
    place = (monday - mondays.first) // WEEK
    span = slice(place - p.slow_weeks, place + 1)
    segment = np.where(here[:, None], mondays.segment[:, place], NO_SEGMENT)
    known = segment != NO_SEGMENT
    moved = known & (state.segment != NO_SEGMENT) & (segment != state.segment)
    mean, days = mean_week(people, monday, segment, grid)
    spread = np.where(known, mondays.scale[:, place], np.nan)
    runs, step = follow_week(state.runs, Week(monday, mean, days, spread, moved), p)
    same = mondays.segment[:, span] == segment[:, None]
    path = np.where(same & known[:, None], mondays.mean[:, span], np.nan)
    ends = [np.stack([a[:, span.start], a[:, place]], axis=-1) for a in (mondays.scale, mondays.effective)]
    filled = [np.nan_to_num(end) for end in ends]
    slow = compare_usual(np.moveaxis(path, 1, -1), filled[0], filled[1], runs.told, monday, p)
    runs = replace(runs, told=remember(runs.told, slow, monday))
    return State(runs, np.where(known, segment, state.segment)), Moves(step, slow)


def mean_week(people: Whole, monday: int, segment: Whole, grid: Grid) -> tuple[Real, Whole]:
    """Mean of the week's values of the segment (people, features), and how many there are."""
    mean, days = np.full(segment.shape, np.nan), np.zeros(segment.shape, dtype=np.int64)
    rows = (grid.offset[people] + monday - grid.first[people])[:, None] + np.arange(WEEK)
    own = (grid.segment[rows] == segment[people, None]) & ~np.isnan(grid.value[rows])
    total = sum_days(np.moveaxis(np.where(own, grid.value[rows], 0.0), 1, -1))
    count = own.sum(axis=1)
    days[people] = count
    mean[people] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean, days


def read_state(people: pa.Array, shifts: pa.Table, runs: pa.Table, parameters: Parameters) -> State:
    """State of each person from the stored rows of a Monday."""
    p = parameters.shifts
    state = start_runs(len(people), len(parameters.features), p)
    features = pa.array(parameters.features)
    named = shifts["segment"].combine_chunks().dictionary_encode()
    at = places(shifts["participant"], people), places(shifts["feature"], features)
    segment = np.full((len(people), len(parameters.features)), NO_SEGMENT, dtype=np.int64)
    segment[at] = number_segments(named.dictionary)[whole(named.indices)]
    told = Told(*(getattr(state.told, f.name).copy() for f in fields(Told)))
    told.week[at] = read_weeks(shifts["told_week"])
    told.start[at] = read_real(shifts["told_start"])
    told.end[at] = read_real(shifts["told_end"])
    place = (
        places(runs["participant"], people),
        places(runs["feature"], features),
        whole(runs["rank"]) - 1,
    )
    parts = {name: getattr(state, name).copy() for name in RUN_PARTS}
    for name, part in parts.items():
        part[place] = read_real(runs[name])
    since = state.since.copy()
    since[place] = read_weeks(runs["since"])
    return State(Runs(since=since, **parts, told=told), segment)


def read_weeks(column: pa.ChunkedArray) -> Whole:
    """Days since 1970 of a column of dates, NO_WEEK where null."""
    return days_of(column.fill_null(pa.scalar(NO_WEEK, pa.int32()).cast(pa.date32())))


def read_real(column: pa.ChunkedArray) -> Real:
    """Numbers of a column, NaN where null."""
    numbers: Real = column.cast(pa.float64()).to_numpy()
    return numbers


def tabulate_shifts(
    work: Work, state: State, moves: Moves, names: Names, hashes: pa.Array, parameters: Parameters
) -> pa.Table:
    """Rows of model.shift of one Monday, for features that had a device by then."""
    at = np.nonzero(state.segment[work.person] != NO_SEGMENT)
    own = work.person[at[0]], at[1]
    slow, told = moves.slow.shifted[own], state.runs.told
    shifted = slow | moves.step.shifted[own]

    def either(name: str) -> Real:
        numbers: Real = np.where(slow, getattr(moves.slow, name)[own], getattr(moves.step, name)[own])
        return numbers

    kinds = pa.array(["step", "slow"]).take(pa.array(slow.astype(np.int64), mask=~shifted))
    return pa.table(
        key_columns(work, at[0])
        | {
            "feature": name_features(at[1], parameters),
            "segment": name_numbers(state.segment[own], names.ids, names.segments),
            "shifted": shifted,
            "kind": kinds,
            "start": np.where(shifted, either("start"), np.nan),
            "end": np.where(shifted, either("end"), np.nan),
            "since": date_column(np.where(shifted, either("since"), NO_WEEK).astype(np.int64), NO_WEEK),
            "probability": np.where(shifted, either("probability"), np.nan),
            "told_week": date_column(told.week[own], NO_WEEK),
            "told_start": told.start[own],
            "told_end": told.end[own],
            "source": name_numbers(state.segment[own], names.ids, names.sources),
        }
        | provenance(hashes.take(pa.array(at[0])), parameters)
    )


def tabulate_runs(
    work: Work, state: State, names: Names, hashes: pa.Array, parameters: Parameters
) -> pa.Table:
    """Rows of model.shift_run of one Monday."""
    runs = state.runs
    at = np.nonzero(runs.weight[work.person] > 0)
    own = work.person[at[0]], at[1], at[2]
    return pa.table(
        key_columns(work, at[0])
        | {
            "feature": name_features(at[1], parameters),
            "rank": at[2] + 1,
            "since": date_column(runs.since[own], NO_WEEK),
            "source": name_numbers(state.segment[own[:2]], names.ids, names.sources),
        }
        | {name: getattr(runs, name)[own] for name in RUN_PARTS}
        | provenance(hashes.take(pa.array(at[0])), parameters)
    )
