"""What judging effects reads from the warehouse: the only file of models/effect/ with SQL.

A verdict of a Monday rests on what was noted and measured before it, a first session years ago among it. So all
Mondays after a changed day are judged again; a Monday with nothing new has no row, and costs little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa

from models.baseline import Whole
from models.effect.limits import METHOD, RECORD_DAYS
from models.effect.outcomes import OTHER_FEATURES, Record
from models.effect.question import Design, Outcome
from models.effect.questions import ALLOWED_FOR, DAY_US, NOT_ASKED, Life, Noted, Planned, make_life
from models.effect.terms import WEEK
from models.grid import days_of, name_values, number_segments, places
from models.parameters import Parameters
from models.segments import load_eras
from warehouse.plans import Plan, read_plans
from warehouse.store import Connection, open_warehouse

REACH_DAYS = 2 * RECORD_DAYS + WEEK
"""A record of sessions is judged for good after RECORD_DAYS, which holds for as many; and the Monday before."""
EPOCH = date(1970, 1, 1)
NEW_DAY_US = 4 * 3_600_000_000
"""Four in the morning: before it most people who are awake have not slept yet."""

DUES = """
    select participant, day from meta.due
    where stage = 'effects' and participant in (select participant from person) and day < $before
"""
WORK = """
    with todo as (
        select participant, day from due
        union all
        select participant, day - 1 as day from model.effect
        where method_version <> $version and day <= $before and participant in (select participant from person)
    ), asked as (
        select participant from signal.event where event not in (select unnest($not_asked))
        union select participant from meta.plan union select participant from model.effect
    )
    select participant, min(day) as first_day from todo
    where participant in (select participant from asked) group by participant order by participant
"""
EVENTS = """
    select e.participant, e.event, trim(coalesce(e.app, '')) as app,
        epoch_us(e.t_utc) + e.offset_min::bigint * 60000000 as start_us,
        epoch_us(e.end_utc) + e.offset_min::bigint * 60000000 as end_us
    from signal.event e join work w on e.participant = w.participant
    order by all
"""
VALUES = """
    select v.participant, v.day, v.feature, v.value, v.source
    from feature.value v join work w on v.participant = w.participant
    where v.value is not null and v.feature in (select unnest($features))
        and v.day >= w.first_day - $reach and v.day < $before
"""
FIRSTS = """
    select participant, min(day) as day from feature.value
    where participant in (select participant from work) and value is not null
        and feature in (select unnest($features)) group by participant
"""
PARTICIPANTS = "select 1 from meta.participant where participant = ?"


@dataclass(frozen=True)
class Person:
    """One person: what they noted and planned, what was measured, and the first day that is due."""

    participant: str
    life: Life
    record: Record
    due: int


@dataclass(frozen=True)
class Inputs:
    """What was read for one run: dues that are done with it, and the people who are asked about."""

    due: pa.Table
    people: tuple[Person, ...]


def read_inputs(
    warehouse: str | Path, *, participants: Sequence[str], before: date, parameters: Parameters
) -> Inputs | None:
    """Read what is due of these participants before `before`; None when nothing is.

    Of people who noted nothing that is asked about, and have no plan, only the dues are read.

    Raises
    ------
    WarehouseError
        If the warehouse cannot be read.
    """
    with open_warehouse(warehouse, read_only=True) as con:
        con.register("person", pa.table({"participant": pa.array(participants, pa.string())}))
        due = con.execute(DUES, {"before": before}).to_arrow_table()
        con.register("due", due)
        asked = {"before": before, "version": METHOD, "not_asked": sorted(NOT_ASKED)}
        work = con.execute(WORK, asked).to_arrow_table()
        if due.num_rows == 0 and work.num_rows == 0:
            return None
        return Inputs(due, read_people(con, work, before, parameters))


def is_participant(con: Connection, participant: str) -> bool:
    """Whether there is such a person."""
    return con.execute(PARTICIPANTS, [participant]).fetchone() is not None


def read_people(con: Connection, work: pa.Table, before: date, parameters: Parameters) -> tuple[Person, ...]:
    """Read the people of `work` (participant, first_day): their days from REACH_DAYS before that day on."""
    if work.num_rows == 0:
        return ()
    names = work["participant"].combine_chunks()
    features = list(dict.fromkeys((*parameters.features, *OTHER_FEATURES)))
    con.register("work", work)
    events = con.execute(EVENTS).to_arrow_table()
    span = {"features": features, "reach": REACH_DAYS, "before": before}
    values = con.execute(VALUES, span).to_arrow_table()
    firsts = con.execute(FIRSTS, {"features": features}).to_arrow_table()
    plans = read_plans(con, names.to_pylist())
    noted = list_noted(events)
    first_of = dict(zip(firsts["participant"].to_pylist(), days_of(firsts["day"]).tolist(), strict=True))
    due = days_of(work["first_day"])
    records = lay_records(values, names, due - REACH_DAYS, (before - EPOCH).days, tuple(features))
    return tuple(
        Person(
            name,
            make_life(
                noted.get(name, ()), [make_planned(p) for p in plans.get(name, ())], first_of.get(name)
            ),
            records[place],
            int(due[place]),
        )
        for place, name in enumerate(names.to_pylist())
    )


def list_noted(events: pa.Table) -> dict[str, list[Noted]]:
    """Events by person; one that lasts no time at all from midnight on has no time of its own.

    What is done after midnight and before the sleep that follows belongs to the day that ends with that sleep.
    """
    noted: dict[str, list[Noted]] = {}
    columns = (events[name].to_pylist() for name in ("participant", "event", "app", "start_us", "end_us"))
    for participant, event, app, start_us, end_us in zip(*columns, strict=True):
        timed = start_us % DAY_US != 0 or (end_us is not None and end_us > start_us)
        late = 0 < start_us % DAY_US < NEW_DAY_US and event not in ALLOWED_FOR
        one = Noted(event, app, start_us // DAY_US - late, start_us, end_us, timed)
        noted.setdefault(participant, []).append(one)
    return noted


def make_planned(plan: Plan) -> Planned:
    """Put a stored plan as questions need it."""
    return Planned(
        event=plan.event,
        app=plan.app,
        design=cast("Design", plan.design),
        outcome=cast("Outcome", plan.outcome),
        seed=plan.seed,
        first=(plan.first_day - EPOCH).days,
        drawn=np.array(plan.drawn, dtype=np.int64),
        stopped=None if plan.stopped_day is None else (plan.stopped_day - EPOCH).days,
    )


def lay_records(
    values: pa.Table, people: pa.Array, first: Whole, before: int, features: tuple[str, ...]
) -> list[Record]:
    """Lay the values of each person out by day and feature, from their `first` day on."""
    named, sources, which = name_values(values, load_eras())
    numbers = number_segments(named)
    sources_of = dict(zip(numbers.tolist(), sources.to_pylist(), strict=True))
    person = places(values["participant"], people)
    column = places(values["feature"], pa.array(features))
    row = days_of(values["day"]) - first[person]
    value, segment = values["value"].to_numpy(), numbers[which]
    order = np.argsort(person, kind="stable")
    edges = np.searchsorted(person[order], np.arange(len(people) + 1))
    records = []
    for place in range(len(people)):
        own = order[edges[place] : edges[place + 1]]
        shape = (max(0, before - int(first[place])), len(features))
        laid, worn = np.full(shape, np.nan), np.zeros(shape, dtype=np.int64)
        laid[row[own], column[own]], worn[row[own], column[own]] = value[own], segment[own]
        records.append(Record(int(first[place]), features, laid, worn, sources_of))
    return records
