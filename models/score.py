"""The verb of this stage: score the participant-days that are due, and stage the result.

Reads `meta.due`, `feature.value`, `feature.other_device` and `feature.hour`, writes the tables `model.*`. A day's index
depends on the features of that day and of the 42 before it and on nothing else, so that a day scored
alone has the same bits as in a run over everything. Alerts and shifts are recursive: they go on
from the stored state of the day (the Monday) before, to the person's last day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

from models.adjusted import adjust_people
from models.baseline import NO_SEGMENT, History, Whole, fit_baseline
from models.bridges import bridge_cases
from models.felt import judge_feelings
from models.grid import Grid, Work, fill_grid, prior_of, read_work
from models.index import Day, compute_index, grade_index
from models.parameters import Parameters, load_parameters
from models.read import Inputs, read_inputs
from models.rows import (
    Cases,
    hash_rows,
    name_sources,
    tabulate_baseline,
    tabulate_contributions,
    tabulate_index,
)
from models.segments import load_eras
from models.shifts import WEEK
from models.watch import follow_people, join_scored, judge_nights, keep_scored
from models.wear_profile import compare_wear
from models.weeks import (
    Mondays,
    empty_mondays,
    follow_weeks,
    is_monday,
    join_names,
    put_stored,
    read_state,
)
from warehouse.staging import Staged, stage

CASES_AT_ONCE = 2500
"""Participant-days worked together: bounds memory and changes no number."""


def score(warehouse: str | Path, staging: Path, *, participants: Sequence[str], before: date) -> Path | None:
    """Score what is due of these participants, for days before `before`.

    Due are the days in `meta.due` and days scored by another version of the method, with all later days
    of the person, as far as there are features. Days from `before` on are put off.

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
    inputs = read_inputs(warehouse, participants=participants, before=before, parameters=parameters)
    if inputs is None:
        return None
    with stage(staging, "models", method_version=parameters.method_version) as staged:
        staged.replace(inputs.work)
        staged.clear(inputs.due, inputs.later)
        score_work(inputs, parameters, staged)
    return staged.folder


def score_work(inputs: Inputs, parameters: Parameters, staged: Staged) -> None:
    """Score all participant-days, some thousand at once, then follow everybody through them."""
    work = read_work(inputs.work)
    if work.day.size == 0:
        return
    reach = parameters.reach_days
    grid = fill_grid(
        work, inputs.values, inputs.others, inputs.hours, inputs.settings, load_eras(), parameters, reach
    )
    mondays = empty_mondays(work, parameters)
    scored = []
    for first in range(0, work.day.size, CASES_AT_ONCE):
        some = slice(first, first + CASES_AT_ONCE)
        batch = Work(work.people, work.person[some], work.day[some])
        cases, nights = score_cases(batch, grid, parameters)
        staged.add("model.baseline", tabulate_baseline(cases, grid, parameters))
        staged.add("model.contribution", tabulate_contributions(cases, grid, parameters))
        staged.add("model.index_day", tabulate_index(cases, parameters))
        put_fresh(mondays, cases)
        scored.append(keep_scored(cases, nights))
    joined = join_scored(scored)
    alerts, parts = follow_people(work, joined, inputs.watch, inputs.watch_parts, parameters)
    staged.add("model.alert", alerts)
    staged.add("model.alert_part", parts)
    for table, rows in judge_feelings(work, joined, inputs.said, parameters).items():
        staged.add(table, rows)
    stage_weeks(work, grid, mondays, inputs, alerts["input_hash"].combine_chunks(), parameters, staged)
    for rows in adjust_people(inputs.work, inputs.settings, inputs.logged, parameters):
        staged.add("model.index_adjusted", rows)


def score_cases(work: Work, grid: Grid, parameters: Parameters) -> tuple[Cases, Whole]:
    """Score some participant-days; also NightSignal's colour of each."""
    span = parameters.reach_days + 1
    rows = grid.offset[work.person] + work.day - parameters.reach_days - grid.first[work.person]
    value, low, segment, worn = (
        sliding_window_view(a, span, axis=0)[rows] for a in (grid.value, grid.low, grid.segment, grid.worn_s)
    )
    history = History(*(np.ascontiguousarray(a[..., :-1]) for a in (value, segment, low)))
    day = Day(value[..., -1].copy(), grid.se[rows + parameters.reach_days], low[..., -1].copy())
    today = segment[..., -1].copy()
    prior = prior_of(segment, work, grid, parameters)
    bridge = bridge_cases(grid.others, rows, history, today, parameters.baseline)
    baseline = fit_baseline(history, today, parameters, prior, bridge)
    index = compute_index(day, baseline, parameters)
    wear = compare_wear(np.moveaxis(worn[..., :-1], -1, 1), worn[..., -1], parameters.wear)
    used = np.where(index.entered | np.isnan(index.index)[:, None], today, NO_SEGMENT)
    known = prior.mean, prior.within, prior.between
    seen = bridge.pairs, bridge.mean, bridge.squares
    inputs = (value, low, segment, day.se, wear.distance, wear.usual, *known, *seen)
    cases = Cases(
        work=work,
        day=day,
        baseline=baseline,
        index=index,
        state=grade_index(day, baseline, index, parameters),
        wear=wear,
        hashes=hash_rows(inputs),
        sources=name_sources(used, grid),
    )
    return cases, judge_nights(value, segment, parameters)


def put_fresh(mondays: Mondays, cases: Cases) -> None:
    """Keep the baselines of a batch's Mondays."""
    work, baseline = cases.work, cases.baseline
    case = np.flatnonzero(is_monday(work.day))
    at = work.person[case], (work.day[case] - mondays.first) // WEEK
    there = baseline.segment[case] != NO_SEGMENT
    for name in ("mean", "scale", "effective"):
        getattr(mondays, name)[at] = np.where(there, getattr(baseline, name)[case], np.nan)
    mondays.segment[at] = baseline.segment[case]


def stage_weeks(
    work: Work,
    grid: Grid,
    mondays: Mondays,
    inputs: Inputs,
    hashes: pa.Array,
    parameters: Parameters,
    staged: Staged,
) -> None:
    """Judge the Mondays of the work and stage their rows."""
    if not is_monday(work.day).any():
        return
    put_stored(mondays, inputs.mondays, work.people, parameters)
    state = read_state(work.people, inputs.shifts, inputs.shift_runs, parameters)
    names = join_names(grid, inputs.mondays, inputs.shifts)
    shifts, runs = follow_weeks(work, grid, mondays, state, names, hashes, parameters)
    for table in shifts:
        staged.add("model.shift", table)
    for table in runs:
        staged.add("model.shift_run", table)
