"""The second index of those who asked for it: as the first, with the menstrual cycle allowed for.

A person who set `cycle` and logs the starts of their cycles gets, beside the published index of a day,
the index that the same day has once the usual course over the cycle is taken out of the night's
heart rate, its variability, breathing and temperature: out of the value of the day and out of the days
of its baseline. The published index stays as it is, and both are shown.

The term is learnt from 182 days before the day scored and only from the device worn now: the 42 days
of a baseline do not hold two cycles. What is learnt is shrunk towards none, and its error widens the band.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.lib.stride_tricks import sliding_window_view

from models.adjustments import expect_cycle, find_phases, fit_cycle
from models.baseline import NO_SEGMENT, Baseline, Flag, History, Real, Whole, fit_baseline
from models.bridges import bridge_cases
from models.grid import Grid, Work, days_of, fill_grid, places, prior_of, read_work
from models.index import Day, Index, compute_index, explain_missing, name_levels
from models.parameters import Parameters
from models.rows import hash_rows, key_columns, name_sources, provenance
from models.segments import load_eras

ADJUSTED = ("rhr_night", "ln_rmssd_night", "resp_night", "temp_dev")
CASES_AT_ONCE = 500
"""Participant-days worked together: bounds memory and changes no number."""
NO_PHASE = "it is not known where in the cycle the day is"
FEW_NIGHTS = "too few nights of the logged cycles, or none that day"


@dataclass(frozen=True)
class Logged:
    """What was read of those who asked, for the days of the work and 182 days before.

    Attributes
    ----------
    values : participant, day, feature, value, se, quality, source
        As scoring reads them.
    starts : participant, day
        Days on which a cycle began.
    others : participant, day, feature, value, quality, source; or None
        Values of devices worn beside those of `values`.
    """

    values: pa.Table
    starts: pa.Table
    others: pa.Table | None = None


@dataclass(frozen=True)
class Adjusted:
    """Cases with the cycle allowed for.

    `phase` (cases, days) up to the day itself, `cycles` (cases,) logged so far. `fitted` (cases,
    features): something was taken out of the day's value.
    """

    day: Day
    baseline: Baseline
    index: Index
    phase: Real
    cycles: Whole
    fitted: Flag


def adjust_people(
    work: pa.Table, settings: pa.Table, logged: Logged, parameters: Parameters
) -> Iterator[pa.Table]:
    """Give rows of model.index_adjusted for those days of the work whose people asked for it.

    Parameters
    ----------
    work, settings : pa.Table
        As `models.read.Inputs` has them.
    logged : Logged
    parameters : Parameters
    """
    asked = settings.filter(pc.and_(pc.equal(settings["name"], "cycle"), pc.equal(settings["value"], "yes")))
    own = read_work(work.filter(pc.is_in(work["participant"], value_set=asked["participant"])))
    if own.day.size == 0:
        return
    reach = parameters.adjustments.cycle_window_days
    grid = fill_grid(own, logged.values, logged.others, None, settings, load_eras(), parameters, reach)
    starts = list_starts(logged.starts, own.people)
    for first in range(0, own.day.size, CASES_AT_ONCE):
        some = slice(first, first + CASES_AT_ONCE)
        batch = Work(own.people, own.person[some], own.day[some])
        yield adjust_cases(batch, grid, starts, parameters)


def list_starts(rows: pa.Table, people: pa.Array) -> list[Whole]:
    """Days on which each person's cycles began, days since 1970."""
    who, day = places(rows["participant"], people), days_of(rows["day"])
    return [day[who == person] for person in range(len(people))]


def adjust_cases(work: Work, grid: Grid, starts: list[Whole], parameters: Parameters) -> pa.Table:
    """Rows of model.index_adjusted of some participant-days."""
    reach = parameters.adjustments.cycle_window_days
    rows = grid.offset[work.person] + work.day - reach - grid.first[work.person]
    value, low, segment = (
        np.ascontiguousarray(sliding_window_view(a, reach + 1, axis=0)[rows])
        for a in (grid.value, grid.low, grid.segment)
    )
    phase, cycles = find_every_phase(work, starts, parameters)
    today = segment[..., -1].copy()
    history = History(value[..., :-1], segment[..., :-1], low[..., :-1])
    prior = prior_of(segment[..., -parameters.reach_days - 1 :], work, grid, parameters)
    day = Day(value[..., -1].copy(), grid.se[rows + reach], low[..., -1].copy())
    # The cycle moves what both devices read of a night alike: it leaves their differences as they are.
    recent, first = last_days(history, parameters), rows + reach - parameters.baseline.window_days
    bridge = bridge_cases(grid.others, first, recent, today, parameters.baseline)
    plain = fit_baseline(recent, today, parameters, prior, bridge)
    term, se = expect_terms(value, segment == plain.segment[..., None], phase, cycles, plain.phi, parameters)
    freed = replace(history, value=history.value - term[..., :-1])
    baseline = fit_baseline(last_days(freed, parameters), today, parameters, prior, bridge)
    known = np.where(se > 0, np.hypot(np.nan_to_num(day.se), se), day.se)
    day = replace(day, value=day.value - term[..., -1], se=known)
    index = compute_index(day, baseline, parameters)
    found = Adjusted(day, baseline, index, phase, cycles, index.entered & (se > 0))
    seen = bridge.pairs, bridge.mean, bridge.squares
    inputs = (value, low, segment, day.se, phase, prior.mean, prior.within, prior.between, *seen)
    used = np.where(index.entered, today, NO_SEGMENT)
    return tabulate_adjusted(work, found, hash_rows(inputs), name_sources(used, grid), parameters)


def last_days(history: History, parameters: Parameters) -> History:
    """The days that a baseline is made of."""
    days = parameters.baseline.window_days
    return History(history.value[..., -days:], history.segment[..., -days:], history.low[..., -days:])


def find_every_phase(work: Work, starts: list[Whole], parameters: Parameters) -> tuple[Real, Whole]:
    """Phases of the days up to each case's own (cases, days), and whole cycles logged by then (cases,).

    Starts of the same 182 days only: what is older is another time of life.
    """
    p = parameters.adjustments
    phase = np.empty((work.day.size, p.cycle_window_days + 1))
    cycles = np.empty(work.day.size, dtype=np.int64)
    for case, (person, today) in enumerate(zip(work.person.tolist(), work.day.tolist(), strict=True)):
        days = np.arange(today - p.cycle_window_days, today + 1)
        own = starts[person]
        phase[case], cycles[case] = find_phases(days, own[own >= days[0]], today, p)
    return phase, cycles


def expect_terms(
    value: Real, own: Flag, phase: Real, cycles: Whole, phi: Real, parameters: Parameters
) -> tuple[Real, Real]:
    """Learn from the days before what the cycle adds, and expect it on each.

    Parameters
    ----------
    value : ndarray (cases, features, days)
        The day scored last.
    own : ndarray (cases, features, days)
        Values of the device that counts on that day.
    phase, cycles : ndarray (cases, days), (cases,)
    phi : ndarray (cases, features)
    parameters : Parameters

    Returns
    -------
    term : ndarray (cases, features, days)
        0 for the features that are left as they are.
    se : ndarray (cases, features)
        Error of the day's own term; 0 where there is none.
    """
    at = [parameters.features.index(name) for name in ADJUSTED]
    past = np.where(own, value, np.nan)[:, at, :-1]
    found = fit_cycle(past, phase[:, :-1], cycles, phi[:, at], parameters.adjustments)
    expected, error = expect_cycle(found, phase)
    term, se = np.zeros(value.shape), np.zeros(phi.shape)
    term[:, at], se[:, at] = expected, error[..., -1]
    return term, se


def tabulate_adjusted(
    work: Work, found: Adjusted, hashes: pa.Array, sources: pa.Array, parameters: Parameters
) -> pa.Table:
    """Rows of model.index_adjusted, one a case, with an index or a reason."""
    reasons = explain_cases(found, parameters)
    none = np.array([reason is not None for reason in reasons])
    shown = {name: np.where(none, np.nan, getattr(found.index, name)) for name in ("index", "lo80", "hi80")}
    return pa.table(
        key_columns(work, np.arange(none.size))
        | shown
        | {
            "level": pa.array(name_levels(shown["index"], parameters.levels), pa.string()),
            "cycles": found.cycles,
            "reason": pa.array(reasons, pa.string()),
            "source": sources,
        }
        | provenance(hashes, parameters)
    )


def explain_cases(found: Adjusted, parameters: Parameters) -> list[str | None]:
    """Say in plain words why there is no second index; None where there is one."""
    needed = parameters.adjustments.cycles
    few = [f"{n} of {needed} whole cycles are logged" if n < needed else None for n in found.cycles.tolist()]
    lost = np.isnan(found.phase[:, -1]).tolist()
    bare = np.asarray(~found.fitted.any(axis=-1))
    missing = explain_missing(found.day, found.baseline, found.index, parameters)
    return [
        unscored or early or (NO_PHASE if away else FEW_NIGHTS if nothing else None)
        for unscored, early, away, nothing in zip(missing, few, lost, bare.tolist(), strict=True)
    ]
