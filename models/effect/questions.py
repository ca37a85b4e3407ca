"""What can be asked of what a person noted: which things, from which day on, and what stands in the way.

A thing is a practice, therapy, medicine or an own word, with the app that it is done with. It can be asked about in
three ways, each as of a day (what is noted for that day and later is not looked at):

- `plan`: a randomised plan of it. While one runs, nothing else is asked of the same thing.
- `since_start`: it began: the first day with it after at least 28 days of record without it. A practice or an own
  word counts as begun once it went on: on six days or more of its first three weeks. Medicine and changes of habit:
  a dated tag is a change from that day on.
- `after_sessions`: the day of a session and the three after it, of therapy, and of what did not begin in the record
  or did not go on.

At most five are asked a person, plans first, then those with most days: of many questions some are answered wrongly
by chance, and a page of answers is no answer.

Days are days since 1970; arrays of them rise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from models.baseline import Flag, Real, Whole
from models.effect.limits import BEFORE_DAYS, LEAST_DAYS, RECORD_DAYS
from models.effect.looks import choose_look
from models.effect.question import Design, Draw, Look, Outcome, Question, Reason
from models.effect.randomise import possible_plans
from models.effect.terms import WEEK, weekdays

NOT_ASKED = frozenset(["alcohol", "ill", "travel", "mark", "eda_scan", "menstruation"])
"""Kinds of event that nobody asks about."""
ALLOWED_FOR = ("ill", "travel")
"""Kinds whose days are allowed for: the columns of `Question.others`."""
CHANGES = ("medicine", "change")
"""Kinds of which one dated tag is a change from that day on; `change` is one of habits, its word is in `app`."""
MOST_QUESTIONS = 5
PAUSE_DAYS = 28
"""Days without it before a start; days of record before a first one."""
WENT_ON_DAYS, WENT_ON_LEAST = 21, 6
"""A practice went on if it was done on so many of its first days: two days a week."""
OPEN_DAYS = 98
"""A start or a plan is asked about for so many days: its last look is long over by then."""
AFTER_SESSION_DAYS = 3
RECORD_PAUSE_DAYS = 84
"""After so many days without a session the next one begins a new record."""
LEAST_SESSIONS = 3
CHANGE_DAYS = 14
"""Another change so near to a start cannot be told from it."""
WEAR_SHARE = 0.3
"""Shares of valid days that are farther apart than this differ by far."""
MOVED_NEEDED = 4
SESSION_GAP_US = 15 * 60_000_000
"""A session that begins so soon after another is the same: a tag at its end, two clocks."""
DAY_US = 86_400_000_000
RHYTHM_SESSIONS, RHYTHM_SHARE = 4, 0.6
"""Sessions have a weekday of their own if at least so many, and this share of them, are on it."""


@dataclass(frozen=True)
class Noted:
    """One event: local day, start and end in local microseconds (None: not said), whether it has a time."""

    event: str
    app: str
    day: int
    start_us: int
    end_us: int | None
    timed: bool


@dataclass(frozen=True)
class Thing:
    """What a person does, and the days on which they did."""

    event: str
    app: str
    day: Whole

    @property
    def is_practice(self) -> bool:
        """Whether one tag alone begins nothing: it has to go on."""
        return self.event not in ("therapy", *CHANGES)


@dataclass(frozen=True)
class Planned:
    """A stored plan: its first day, the draw as 1 or 0 a day, and the day on which it was given up."""

    event: str
    app: str
    design: Design
    outcome: Outcome
    seed: int
    first: int
    drawn: Whole
    stopped: int | None = None


@dataclass(frozen=True)
class Life:
    """What one person noted and planned.

    `apart` are the days with illness and with travel (ALLOWED_FOR); `first` is the first day of record, None
    where nothing was ever measured.
    """

    things: tuple[Thing, ...]
    apart: tuple[Whole, ...]
    plans: tuple[Planned, ...]
    first: int | None

    @property
    def last(self) -> int | None:
        """The last day that anything asked about is noted or planned for."""
        days = [int(thing.day[-1]) for thing in self.things] + [p.first + p.drawn.size for p in self.plans]
        return max(days) if days else None


def make_life(noted: Iterable[Noted], plans: Sequence[Planned], first: int | None) -> Life:
    """Gather what a person noted: sessions that overlap, or that two sources wrote, count once."""
    every = list(noted)
    asked = gather_things([one for one in every if one.event not in NOT_ASKED])
    return Life(asked, tuple(spread_days(every, kind) for kind in ALLOWED_FOR), tuple(plans), first)


def gather_things(noted: Sequence[Noted]) -> tuple[Thing, ...]:
    """Days of each thing, by kind and app.

    Sessions of one kind on a day that overlap, or are minutes apart, are one. Each goes by the app that names most
    days so far. What has no app is of the one app of its kind that was used of late, if there is but one: a tag, or
    a watch, beside it. Of medicine it is not: what has no name may be anything.
    """
    of_day: dict[tuple[str, int], list[Noted]] = defaultdict(list)
    for one in noted:
        of_day[one.event, one.day].append(one)
    days: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event, day in sorted(of_day):
        used = {app: own for (kind, app), own in days.items() if kind == event}
        apps = name_sessions(of_day[event, day], used)
        lately = [app for app, own in used.items() if app and day - own[-1] <= PAUSE_DAYS]
        if "" in apps and len(lately) == 1 and event != "medicine":
            apps = apps - {""} | {lately[0]}
        for app in sorted(apps):
            days[event, app].append(day)
    return tuple(Thing(event, app, np.array(days[event, app])) for event, app in sorted(days))


def name_sessions(noted: Sequence[Noted], used: Mapping[str, Sequence[int]]) -> set[str]:
    """Apps of the sessions of one kind on one day; `used` are the days of each app so far."""
    spelled = {app.casefold(): app for app in used}
    sessions: list[set[str]] = []
    until: int | None = None
    for one in sorted((n for n in noted if n.timed), key=lambda n: (n.start_us, n.app)):
        if until is None or one.start_us > until + SESSION_GAP_US:
            sessions.append(set())
        sessions[-1].add(spelled.setdefault(one.app.casefold(), one.app))
        end = one.start_us if one.end_us is None else one.end_us
        until = end if until is None else max(until, end)
    apps = {min(own - {""} or {""}, key=lambda a: (-len(used.get(a, ())), a)) for own in sessions}
    untimed = {spelled.setdefault(n.app.casefold(), n.app) for n in noted if not n.timed}
    return apps | untimed if not apps else apps | (untimed - {""})


def spread_days(noted: Sequence[Noted], kind: str) -> Whole:
    """Days of a kind, from that of each start to that of its end; midnight is the end of a day, not a new one."""
    days: set[int] = set()
    for one in noted:
        if one.event == kind:
            until = one.day if one.end_us is None else (one.end_us - 1) // DAY_US
            days.update(range(one.day, min(int(until), one.day + BEFORE_DAYS) + 1))
            days.add(one.day)
    return np.array(sorted(days), dtype=np.int64)


def find_questions(life: Life, before: int) -> list[Question]:
    """Find what can be asked, with the days before `before`; at most MOST_QUESTIONS, but all plans.

    `hinders` is what the noted days give; outcomes may add to it (devices, wear).
    """
    running = [plan for plan in life.plans if plan.first < before <= plan.first + OPEN_DAYS]
    running = [plan for plan in running if plan.stopped is None or plan.stopped > plan.first]
    # A plan that is over is judged before the next one of the same thing takes its place.
    running.sort(key=lambda plan: (before >= plan.first + plan.drawn.size, plan.first))
    plans = {(plan.event, plan.app): ask_plan(plan, life, before) for plan in running}
    rest: list[Question] = []
    for thing in life.things if life.first is not None and life.first < before else ():
        days = thing.day[thing.day < before]
        planned = {app for event, app in plans if event == thing.event}
        if days.size and not planned & {"", thing.app}:
            rest += ask_thing(replace(thing, day=days), life, before)
    rest.sort(key=lambda q: (-int(q.session.sum()), q.event, q.app, q.kind))
    return [*plans.values(), *rest[: max(0, MOST_QUESTIONS - len(plans))]]


def ask_thing(thing: Thing, life: Life, before: int) -> list[Question]:
    """Ask about one thing, whose days are those before `before`."""
    began = [s for s in list_starts(thing, life.first) if went_on(thing, s, before)]
    asked = []
    if began and before <= began[-1] + OPEN_DAYS:
        asked.append(ask_start(thing, began[-1], life, before))
    record = take_record(thing, life, before)
    if thing.event in CHANGES or record.size < LEAST_SESSIONS:
        return asked
    if thing.is_practice:
        starts = [s for s in list_starts(thing, life.first) if s >= record[0]]
        pending = starts[-1:] == [int(record[0])] and before < int(record[0]) + WENT_ON_DAYS
        if pending or any(s in began for s in starts):
            return asked
    return [*asked, ask_sessions(thing, record, life, before)]


def list_starts(thing: Thing, first: int | None) -> list[int]:
    """List the first days with it after PAUSE_DAYS of record without it.

    A medicine that is noted each month, as it is fetched, does not begin each month: its days without are
    BEFORE_DAYS.
    """
    if first is None or thing.day.size == 0:
        return []
    gap = np.diff(thing.day, prepend=first - 1 - BEFORE_DAYS)
    least = BEFORE_DAYS if thing.event in CHANGES else PAUSE_DAYS
    return [int(s) for s in thing.day[(gap > least) & (thing.day >= first + PAUSE_DAYS)]]


def went_on(thing: Thing, start: int, before: int) -> bool:
    """Whether a start counts as one; of a practice that is not known before three weeks."""
    if not thing.is_practice:
        return True
    soon = (thing.day >= start) & (thing.day < start + WENT_ON_DAYS)
    return before >= start + WENT_ON_DAYS and int(soon.sum()) >= WENT_ON_LEAST


def take_record(thing: Thing, life: Life, before: int) -> Whole:
    """Days of the record of sessions that is still going on: none if it ended."""
    own = thing.day[thing.day >= (life.first or 0)]
    if own.size == 0 or before - int(own[-1]) > RECORD_PAUSE_DAYS:
        return own[:0]
    pauses = np.flatnonzero(np.diff(own) > RECORD_PAUSE_DAYS)
    return own[pauses[-1] + 1 :] if pauses.size else own


def ask_start(thing: Thing, start: int, life: Life, before: int) -> Question:
    """Ask about the days since it began; days with an earlier time of it are no days without it."""
    earlier = thing.day[thing.day < start]
    after_it = int(earlier[-1]) + AFTER_SESSION_DAYS + 1 if earlier.size else start - BEFORE_DAYS
    first = max(start - BEFORE_DAYS, life.first or 0, after_it)
    day = np.arange(first, before)
    another = any(abs(change - start) <= CHANGE_DAYS for change in list_other_changes(thing, life, before))
    return Question(
        kind="since_start",
        event=thing.event,
        app=thing.app,
        day=day,
        with_it=day >= start,
        session=np.isin(day, thing.day),
        start=start - first,
        others=lay_apart(life, day),
        hinders="another_change" if another else None,
    )


def list_other_changes(thing: Thing, life: Life, before: int) -> list[int]:
    """List the days on which something else began or was given up, as far as is known."""
    plans = [p for p in life.plans if p.stopped is None or p.stopped > p.first]
    changes = [p.first for p in plans if p.first < before and not is_of(p, thing)]
    for other in life.things:
        if (other.event, other.app) == (thing.event, thing.app):
            continue
        seen = replace(other, day=other.day[other.day < before])
        changes += [s for s in list_starts(seen, life.first) if went_on(seen, s, before)]
        if other.event not in CHANGES:
            changes += list_ends(seen, before)
    return changes


def is_of(plan: Planned, thing: Thing) -> bool:
    """Whether a plan is of this thing."""
    return plan.event == thing.event and plan.app in ("", thing.app)


def list_ends(thing: Thing, before: int) -> list[int]:
    """List the days after which a thing that had gone on was left for PAUSE_DAYS."""
    ends = thing.day[np.diff(thing.day, append=before) > PAUSE_DAYS]
    least = WENT_ON_LEAST if thing.is_practice else 1
    recent = [int(((thing.day > end - WENT_ON_DAYS) & (thing.day <= end)).sum()) for end in ends]
    return [int(end) + 1 for end, count in zip(ends, recent, strict=True) if count >= least]


def ask_sessions(thing: Thing, record: Whole, life: Life, before: int) -> Question:
    """Ask about the day of a session and those after it, from the first session of the record on."""
    day = np.arange(record[0], before)
    since = day - record[np.searchsorted(record, day, side="right") - 1]
    question = Question(
        kind="after_sessions",
        event=thing.event,
        app=thing.app,
        day=day,
        with_it=since <= AFTER_SESSION_DAYS,
        session=np.isin(day, record),
        start=0,
        others=lay_apart(life, day),
    )
    first, end = find_span(question, choose_look(question))
    judged = record[(record >= day[first]) & (record <= day[end - 1])]
    hinders, needed = judge_rhythm(judged)
    return replace(question, hinders=hinders, needed=needed)


def judge_rhythm(session: Whole) -> tuple[Reason | None, int | None]:
    """Whether sessions keep to one weekday so well that nothing but the weekday could be seen.

    Against their own rhythm, weekly or fortnightly: what counts is how often one was missed or moved, since only
    then is there such a weekday without one. Sessions on several weekdays, or with no rhythm, are free of this.
    """
    if session.size < RHYTHM_SESSIONS:
        return None, None
    weekday = weekdays(session)
    usual = int(np.argmax(np.bincount(weekday, minlength=WEEK)))
    gap = float(np.median(np.diff(session)))
    if np.mean(weekday == usual) < RHYTHM_SHARE or gap > 2.5 * WEEK:
        return None, None
    period = WEEK if gap <= 1.5 * WEEK else 2 * WEEK
    phases = np.unique(session[weekday == usual] % period)
    changed = min(count_moved(session, int(phase), period) for phase in phases)
    if changed >= MOVED_NEEDED:
        return None, None
    return ("few_moved_sessions" if changed else "same_weekday"), MOVED_NEEDED - changed


def count_moved(session: Whole, phase: int, period: int) -> int:
    """Count the sessions that were missed or moved, of one every `period` days between the first and the last."""
    first = int(session[0]) + (phase - int(session[0])) % period
    due = np.arange(first, int(session[-1]) + 1, period)
    return max(int((~np.isin(due, session)).sum()), int((~np.isin(session, due)).sum()))


def ask_plan(plan: Planned, life: Life, before: int) -> Question:
    """Ask about a plan as it was drawn, whatever was done."""
    day = np.arange(plan.first, min(before, plan.first + plan.drawn.size))
    done = [thing.day for thing in life.things if is_of(plan, thing)]
    given_up = plan.stopped is not None and plan.stopped < before
    possible = list_possible(plan.design, plan.seed, tuple(plan.drawn.tolist()))
    return Question(
        kind="plan",
        event=plan.event,
        app=plan.app,
        day=day,
        with_it=plan.drawn[: day.size] == 1,
        session=np.isin(day, np.concatenate(done)) if done else np.zeros(day.size, dtype=bool),
        start=int(np.argmax(plan.drawn == 1)),
        others=lay_apart(life, day),
        hinders="plan_given_up" if given_up else None,
        draw=Draw(plan.design, 0, plan.drawn, possible),
        outcome=plan.outcome,
    )


@lru_cache(maxsize=16)
def list_possible(design: Design, seed: int, drawn: tuple[int, ...]) -> Whole:
    """List the plans that could have been drawn, the stored one first; kept, since a plan is asked every week.

    What was stored holds, should the same seed ever draw another one.
    """
    possible, stored = possible_plans(design, seed), np.array([drawn])
    if (possible[0] == stored[0]).all():
        return possible
    return np.concatenate((stored, possible[(possible != stored[0]).any(axis=1)]))


def lay_apart(life: Life, day: Whole) -> Real:
    """Lay out the days with illness and with travel: (days, 2)."""
    return np.column_stack([np.isin(day, days) for days in life.apart]).astype(np.float64)


def find_span(question: Question, look: Look | None) -> tuple[int, int]:
    """Find the places, from and until, of the days that are judged at a look; of all days where there is none.

    Of a record of sessions those are its last RECORD_DAYS, so that each record is judged on its own days.
    """
    end = question.day.size if look is None else look.last + 1
    first = 0
    if question.kind == "after_sessions" and look is not None and not look.early:
        first = end - RECORD_DAYS
    return first, end


def cut_question(question: Question, end: int) -> Question:
    """Leave out the days from a place on: what came after a look has no part in its answer."""
    return replace(
        question,
        day=question.day[:end],
        with_it=question.with_it[:end],
        session=question.session[:end],
        others=question.others[:end],
    )


def choose_segment(segment: Whole, start: int | None) -> tuple[int | None, bool]:
    """Choose the device whose days are used, and say whether another one came about the start.

    Parameters
    ----------
    segment : ndarray (days,)
        Number of the segment of each day's value (models.segments); 0 where there is none.
    start : int or None
        Place of the start: within four weeks of it, the device most worn before and after have to be one. None:
        the one most worn counts.
    """
    if start is None:
        return most_common(segment), False
    before = most_common(segment[max(0, start - PAUSE_DAYS) : start])
    after = most_common(segment[start : start + PAUSE_DAYS])
    changed = before is not None and after is not None and before != after
    return (after if before is None else before), changed


def most_common(segment: Whole) -> int | None:
    """The segment of most days; of equals the one of the smallest number; None where there is no day."""
    names, days = np.unique(segment[segment != 0], return_counts=True)
    return int(names[np.argmax(days)]) if names.size else None


def wears_otherwise(valid: Flag, known: Flag, start: int) -> bool:
    """Whether the share of valid days is another by far in the four weeks before and after a start.

    Parameters
    ----------
    valid, known : ndarray (days,)
        Days worn enough, and days on which the outcome has a value: as many as an answer needs on either side,
        since with fewer it is they that are missing.
    start : int
    """
    sides = slice(max(0, start - PAUSE_DAYS), start), slice(start, start + PAUSE_DAYS)
    if min(int(known[side].sum()) for side in sides) < LEAST_DAYS:
        return False
    before, after = (float(valid[side].mean()) for side in sides)
    return abs(before - after) > WEAR_SHARE
