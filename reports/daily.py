"""Write the daily insights that are due: `report.insight`, values first, then the sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from reports.catalogue import Language, load_language
from reports.insights import LOOK_BACK_DAYS, Insight, choose_insights
from reports.read import Person, read_dues, read_people, read_spans
from reports.sentences import tell, told_features
from warehouse.staging import stage
from warehouse.store import open_warehouse
from warehouse.tables import find_table

METHOD_VERSION = "reports-2"
DAYS = pa.schema([("participant", pa.string()), ("day", pa.date32())])
Days = list[tuple[str, date]]


def write_insights(
    warehouse: str | Path, staging: Path, *, participants: Sequence[str], before: date
) -> Path | None:
    """Stage the insights of every due day before `before`; returns the folder to commit, None if none is due.

    A change of a day reaches the six days after it, since novelty looks back that far. Due days from
    `before` on stay due; those that a due day reaches there are put off.
    """
    with open_warehouse(warehouse, read_only=True) as con:
        dues = read_dues(con, participants, METHOD_VERSION)
        done = [(who, day) for who, days in dues.items() for day in sorted(days) if day < before]
        if not done:
            return None
        work, later = spread(done, read_spans(con, list(dues)), before)
        people: dict[str, Person] = {}
        if work:
            first, last = min(day for _, day in work), max(day for _, day in work)
            back = timedelta(days=LOOK_BACK_DAYS)
            people = read_people(con, sorted({who for who, _ in work}), first - back, last)
    rows = [row for who, day in work for row in insight_rows(people[who], day, load_language())]
    with stage(staging, "reports", method_version=METHOD_VERSION) as staged:
        schema = find_table("report.insight").arrow_schema
        staged.add("report.insight", pa.Table.from_pylist(rows, schema=schema))
        staged.replace(day_table([*work, *done]))
        staged.clear(day_table(done), day_table(later))
    return staged.folder


def spread(done: Days, spans: dict[str, tuple[date, date]], before: date) -> tuple[Days, Days]:
    """The days that the due days reach, within each person's span: those to work now, those put off."""
    reached = {(who, day + timedelta(days=k)) for who, day in done for k in range(LOOK_BACK_DAYS + 1)}
    known = ((who, day) for who, day in reached if who in spans)
    within = sorted((who, day) for who, day in known if spans[who][0] <= day <= spans[who][1])
    return [d for d in within if d[1] < before], [d for d in within if d[1] >= before]


def insight_rows(person: Person, day: date, language: Language) -> list[dict[str, object]]:
    """The rows of `report.insight` of one day."""
    scored = person.index.get(day)
    proof = {
        "source": scored.source if scored is not None else None,
        "method_version": METHOD_VERSION,
        "input_hash": hash_inputs(person, day),
    }
    chosen = choose_insights(person, day, told_features(language))
    return [{"participant": person.participant, **row(insight, language), **proof} for insight in chosen]


def row(insight: Insight, language: Language) -> dict[str, object]:
    """The values of one insight and the sentence rendered from them."""
    return {
        "day": insight.day,
        "rank": insight.rank,
        "kind": insight.kind,
        "feature": insight.feature,
        "direction": insight.direction,
        "value": insight.value,
        "usual_lo": insight.usual_lo,
        "usual_hi": insight.usual_hi,
        "certainty": insight.certainty,
        "text": tell(language, insight),
    }


def hash_inputs(person: Person, day: date) -> str:
    """Hash of the values that can enter the insights of a day: its own and those of the six before."""
    days = [day - timedelta(days=k) for k in range(LOOK_BACK_DAYS + 1)]
    inputs = [
        (
            str(d),
            person.index.get(d),
            person.parts.get(d),
            sorted(person.values.get(d, {}).items()),
            person.usual_days.get(d),
            person.workouts.get(d),
            person.events.get(d),
        )
        for d in days
    ]
    return hashlib.sha256(repr(inputs).encode()).hexdigest()[:16]


def day_table(days: Iterable[tuple[str, date]]) -> pa.Table:
    """Participant-days as a table, each once."""
    unique = sorted(set(days))
    return pa.table([[who for who, _ in unique], [day for _, day in unique]], schema=DAYS)
