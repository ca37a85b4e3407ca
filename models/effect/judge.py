"""The verb of the stage "effects": judge on Mondays what people tried, and stage the verdicts.

Reads `meta.due`, `signal.event`, `meta.plan` and `feature.value`, writes `model.effect` and `model.effect_day`. What
holds on a Monday is a function of what was noted and measured before it. A row stands on the Mondays on which
that is something new: a question comes up, a look comes into force, a verdict or its reason (or how much more it
needs) is another than a week before. So the newest row up to a Monday is what holds on it, and a Monday judged
alone has the rows that it has in a run over all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.baseline import Real
from models.effect.answer import answer
from models.effect.discovery import adjust_p_values
from models.effect.limits import LEVEL, METHOD
from models.effect.looks import choose_look
from models.effect.outcomes import Record, Series, measure
from models.effect.question import OUTCOMES, Answer, Look, Outcome
from models.effect.questions import (
    OPEN_DAYS,
    RECORD_PAUSE_DAYS,
    WENT_ON_DAYS,
    Life,
    cut_question,
    find_questions,
    find_span,
    list_starts,
)
from models.effect.read import EPOCH, Inputs, Person, is_participant, read_inputs, read_people
from models.effect.rows import Row, Told, lay_days, lay_row, tabulate, to_date
from models.effect.terms import WEEK, weekdays
from models.parameters import Parameters, load_parameters
from warehouse.errors import ExplainedError
from warehouse.staging import Staged, stage
from warehouse.store import Connection

Key = tuple[str, str, str]
"""Kind of event, app, kind of question."""


@dataclass(frozen=True)
class Asked:
    """One question as of a day: a series an outcome, the look in force, and the record they are from."""

    series: tuple[Series, ...]
    look: Look | None
    primary: Outcome
    record: Record

    @cached_property
    def hashes(self) -> tuple[str, ...]:
        """What each answer is made of."""
        return tuple(hash_series(one) for one in self.series)

    @cached_property
    def told(self) -> tuple[Told, ...]:
        """The answers, the primary one first; the others allow for how many they are."""
        answers = [answer(one.question, one.value) for one in self.series]
        other = [one.question.outcome != self.primary for one in self.series]
        q_values = adjust_others(answers, other)
        return tuple(
            Told(
                question=one.question,
                value=one.value,
                answer=hold_back(found, q),
                primary=not exploratory,
                q_value=q,
                source=name_sources(one, self.record),
                input_hash=digest,
            )
            for one, found, exploratory, q, digest in zip(
                self.series, answers, other, q_values.tolist(), self.hashes, strict=True
            )
        )

    @property
    def last_day(self) -> int | None:
        """The last day of the look in force."""
        return None if self.look is None else int(self.series[0].question.day[self.look.last])

    @property
    def says(self) -> tuple[object, ...]:
        """What makes a row: of the primary outcome how much it needs, too."""
        needed = [told.answer.needed for told in self.told if told.primary]
        return (*((t.question.outcome, t.answer.verdict, t.answer.reason) for t in self.told), *needed)


@dataclass(frozen=True)
class Judged:
    """The folder of staged rows for `warehouse.commit`, None when nothing was due; and whom an error left out.

    `failed` names the error of each person that could not be judged: an error of ours. Their rows stay as they
    were and their days stay due.
    """

    folder: Path | None = None
    failed: Mapping[str, str] = field(default_factory=dict)


def judge(warehouse: str | Path, staging: Path, *, participants: Sequence[str], before: date) -> Judged:
    """Judge what is due of these participants, on Mondays up to `before`.

    Due are the Mondays after each day in `meta.due` of people who noted something that is asked about or have a
    plan, and Mondays judged by another version of the method. As long as time alone may bring something new,
    the next Monday is put off to a later run.

    Raises
    ------
    WarehouseError
        If the warehouse cannot be read or the staging folder cannot be written.
    """
    parameters = load_parameters()
    inputs = read_inputs(warehouse, participants=participants, before=before, parameters=parameters)
    if inputs is None:
        return Judged()
    with stage(staging, "effects", method_version=METHOD) as staged:
        failed = judge_people(inputs, (before - EPOCH).days, parameters, staged)
    return Judged(staged.folder, failed)


def judge_people(inputs: Inputs, before: int, parameters: Parameters, staged: Staged) -> dict[str, str]:
    """Judge the Mondays of everybody, and say which days are done; returns the errors of who could not be judged."""
    mondays: list[tuple[str, int]] = []
    later: list[tuple[str, int]] = []
    failed: dict[str, str] = {}
    for person in inputs.people:
        due = list_mondays(person.due, before)
        try:
            effects, days = lay_person(person, due, parameters)
        except Exception as error:  # noqa: BLE001 - one person's numbers may not hold up everybody else's night
            failed[person.participant] = f"{type(error).__name__}: {error}"
            continue
        mondays += [(person.participant, monday) for monday in due]
        if is_open(person, before):
            later.append((person.participant, next_monday(before) - 1))
        staged.add("model.effect", tabulate("model.effect", effects))
        staged.add("model.effect_day", tabulate("model.effect_day", days))
    left_out = pc.is_in(inputs.due["participant"], pa.array(failed, pa.string()))
    staged.replace(list_days(mondays))
    staged.clear(inputs.due.filter(pc.invert(left_out)), list_days(later))
    return failed


def lay_person(person: Person, mondays: Sequence[int], parameters: Parameters) -> tuple[list[Row], list[Row]]:
    """Judge the Mondays of one person: rows of model.effect and of model.effect_day."""
    effects: list[Row] = []
    days: list[Row] = []
    for monday, asked in judge_mondays(person, mondays, parameters):
        effects += [lay_row(told, person.participant, monday) for told in asked.told]
        for told in asked.told:
            days += lay_days(told, person.participant, monday) if told.primary else []
    return effects, days


def judge_mondays(
    person: Person, mondays: Sequence[int], parameters: Parameters
) -> Iterator[tuple[int, Asked]]:
    """Judge Mondays that follow each other: each question that has something new to say."""
    last: dict[Key, Asked] = ask(person, mondays[0] - WEEK, parameters) if mondays else {}
    for monday in mondays:
        now = ask(person, monday, parameters)
        for key, asked in now.items():
            earlier = last.get(key)
            if earlier is not None and earlier.hashes == asked.hashes:
                now[key] = earlier  # its answers are there
            elif earlier is None or is_new(asked, earlier):
                yield monday, asked
        last = now


def is_new(asked: Asked, earlier: Asked) -> bool:
    """Whether a question says something that it did not say a week before."""
    return asked.last_day != earlier.last_day or asked.says != earlier.says


def ask(
    person: Person, before: int, parameters: Parameters, primary: Outcome | None = None
) -> dict[Key, Asked]:
    """Ask all that can be asked of a person with the days before `before`."""
    asked: dict[Key, Asked] = {}
    for question in find_questions(person.life, before):
        look = choose_look(question)
        span = find_span(question, look)
        cut = cut_question(question, span[1])
        first = primary or question.outcome
        outcomes = (first, *(outcome for outcome in OUTCOMES if outcome != first))
        series = tuple(measure(cut, outcome, span, person.record, parameters) for outcome in outcomes)
        asked[question.event, question.app, question.kind] = Asked(series, look, first, person.record)
    return asked


def adjust_others(answers: Sequence[Answer], other: Sequence[bool]) -> Real:
    """Adjust the p-values of the exploratory outcomes for their number; NaN for the primary one."""
    p_values = [
        np.nan if found.estimate is None or not exploratory else found.estimate.p_value
        for found, exploratory in zip(answers, other, strict=True)
    ]
    return adjust_p_values(np.array(p_values, dtype=np.float64))


def hold_back(found: Answer, q_value: float) -> Answer:
    """Take back a finding that is too likely among so many by chance."""
    if found.estimate is None or np.isnan(q_value) or q_value <= 1 - max(found.estimate.level, LEVEL):
        return found
    return replace(found, verdict="no_clear_change")


def hash_series(series: Series) -> str:
    """Hash what an answer is made of."""
    question = series.question
    draw = question.draw
    words = (
        *(question.kind, question.event, question.app, question.outcome, question.hinders, question.needed),
        *(question.start, question.day.size, int(question.day[0]), draw and draw.design, draw and draw.first),
    )
    parts = [repr(words).encode()]
    parts += [a.tobytes() for a in (question.with_it, question.session, question.others)]
    # NaN has one form here, whichever it came in.
    parts.append(np.where(np.isnan(series.value), np.nan, series.value).tobytes())
    if draw is not None:
        parts += [draw.taken.tobytes(), draw.possible.tobytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def name_sources(series: Series, record: Record) -> str | None:
    """Names of the sources of a series, joined; None where there is none."""
    named = {one for k in series.used for one in (record.sources.get(k) or "").split(", ") if one}
    return ", ".join(sorted(named)) or None


def list_mondays(due: int, before: int) -> list[int]:
    """Mondays after a day, up to `before`."""
    return list(range(next_monday(due), before + 1, WEEK))


def next_monday(day: int) -> int:
    """The first Monday after a day."""
    return day + WEEK - int(weekdays(np.array([day]))[0])


def is_open(person: Person, before: int) -> bool:
    """Whether time alone may still bring something new."""
    last = person.life.last
    return last is not None and before <= last + max(OPEN_DAYS, RECORD_PAUSE_DAYS) + WEEK


def list_days(days: Sequence[tuple[str, int]]) -> pa.Table:
    """Participant-days as a table."""
    return pa.table(
        {
            "participant": pa.array([who for who, _ in days], pa.string()),
            "day": pa.array([to_date(day) for _, day in days], pa.date32()),
        }
    )


@dataclass(frozen=True)
class Now:
    """What holds as of a day: rows like those of model.effect and model.effect_day, or why nothing is asked yet."""

    effect: list[Row]
    effect_day: list[Row]
    too_early: str | None = None


def answer_now(
    con: Connection,
    participant: str,
    before: date,
    event: str | None = None,
    app: str | None = None,
    outcome: Outcome | None = None,
) -> Now:
    """Answer a person's questions with the days before `before`; nothing is written.

    A question is asked until some time after its last look: later, what held when it was last asked holds.

    Parameters
    ----------
    con : Connection
    participant : str
    before : date
    event : str, optional
        One kind of event, or an app: what people call it. Else all.
    app : str, optional
    outcome : Outcome, optional
        The one outcome asked about. Else the index, or the one that a plan names.

    Raises
    ------
    ExplainedError
        If there is no such person, or they noted no such thing.
    """
    if not is_participant(con, participant):
        raise ExplainedError(f"There is no participant {participant}: 'steadyline status' lists them.")
    parameters = load_parameters()
    day = (before - EPOCH).days
    person = read_one(con, participant, day, parameters)
    check_known(person, day, event, app)
    chosen = choose(ask(person, day, parameters, outcome), event, app)
    pending = explain_pending(person.life, day, event, app)
    for earlier in [] if chosen or pending else find_last_open(person.life, day, event, app):
        then = ask(read_one(con, participant, earlier, parameters), earlier, parameters, outcome)
        chosen = choose(then, event, app)
        if chosen:
            day = earlier
            break
    if not chosen:
        return Now(
            [], [], f"Cannot tell yet as of {before}: {pending or explain_nothing(person, day, event, app)}"
        )
    told = [told for one in chosen.values() for told in one.told]
    return Now(
        [lay_row(one, participant, day) for one in told],
        [row for one in told if one.primary for row in lay_days(one, participant, day)],
    )


def read_one(con: Connection, participant: str, before: int, parameters: Parameters) -> Person:
    """Read one person with the days before `before`."""
    work = list_days([(participant, before)]).rename_columns(["participant", "first_day"])
    (person,) = read_people(con, work, to_date(before), parameters)
    return person


def choose(asked: Mapping[Key, Asked], event: str | None, app: str | None) -> dict[Key, Asked]:
    """Choose the questions of what is wanted."""
    return {key: one for key, one in asked.items() if fits(key[0], key[1], event, app)}


def fits(event: str, own_app: str, wanted: str | None, app: str | None) -> bool:
    """Whether a thing is the one that is wanted; what is wanted may name its kind or its app."""
    of_kind = wanted is None or wanted.casefold() in (event.casefold(), own_app.casefold())
    return of_kind and (app is None or app.casefold() == own_app.casefold())


def list_known(person: Person, before: int) -> list[tuple[str, str]]:
    """List the things that a person noted or planned by a day."""
    noted = {(t.event, t.app) for t in person.life.things if t.day[0] < before}
    return sorted(noted | {(p.event, p.app) for p in person.life.plans})


def check_known(person: Person, before: int, event: str | None, app: str | None) -> None:
    """Refuse what a person never noted."""
    known = list_known(person, before)
    if any(fits(own, of, event, app) for own, of in known):
        return
    wanted = " with ".join(filter(None, (event, app))) or "practice, therapy, medicine or word of their own"
    raise ExplainedError(
        f"There is no {wanted} in what {person.participant} noted before {to_date(before)}: there"
        f" {'are ' + ', '.join(map(name_thing, known)) if known else 'is nothing that is asked about'}."
    )


def find_last_open(life: Life, before: int, event: str | None, app: str | None) -> list[int]:
    """Find the last days, the latest first, before which what is wanted could still be asked about."""
    days = {plan.first + OPEN_DAYS for plan in life.plans if fits(plan.event, plan.app, event, app)}
    for thing in life.things:
        if fits(thing.event, thing.app, event, app):
            noted = replace(thing, day=thing.day[thing.day < before])
            days |= {start + OPEN_DAYS for start in list_starts(noted, life.first)}
            days |= {int(last) + RECORD_PAUSE_DAYS for last in noted.day[-1:]}
    return sorted((day for day in days if day < before), reverse=True)


def explain_pending(life: Life, before: int, event: str | None, app: str | None) -> str | None:
    """Say of a plan or a start that it is too soon to ask about it; None where there is none."""
    for plan in life.plans:
        if fits(plan.event, plan.app, event, app) and before <= plan.first:
            span = f"from {to_date(plan.first)} to {to_date(plan.first + plan.drawn.size - 1)}"
            return f"the plan of {name_thing((plan.event, plan.app))} runs {span} and is judged after that."
    for thing in life.things:
        noted = replace(thing, day=thing.day[thing.day < before])
        starts = list_starts(noted, life.first)
        if starts and fits(thing.event, thing.app, event, app) and before < starts[-1] + WENT_ON_DAYS:
            return (
                f"{name_thing((thing.event, thing.app))} began on {to_date(starts[-1])}, and can be looked at from"
                f" {to_date(starts[-1] + WENT_ON_DAYS)} on, if it goes on for two days a week."
            )
    return None


def explain_nothing(person: Person, before: int, event: str | None, app: str | None) -> str:
    """Say why something that was noted asks nothing."""
    known = [name_thing(one) for one in list_known(person, before) if fits(*one, event, app)]
    return (
        f"of {', '.join(known)}, a start needs four weeks of record before it (a practice also two days a week in the"
        " three weeks after it), and sessions are asked about from the third on."
    )


def name_thing(thing: tuple[str, str]) -> str:
    """Name a thing: its app, else its kind."""
    return f"{thing[1]} ({thing[0]})" if thing[1] else thing[0]
