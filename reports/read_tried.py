"""What is read of the things a person tried: the newest verdict on each, its days, and plans that run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from warehouse.plans import Plan, read_plans
from warehouse.store import Connection


@dataclass(frozen=True)
class Effect:
    """One verdict (model.effect), in the outcome's unit and in SDs; None where nothing was estimated.

    `since` is the first Monday on which this was found: the same verdict, early or for good with the same last day,
    or the same reason why it cannot be told.
    """

    day: date
    since: date
    event: str
    app: str
    question: str
    outcome: str
    primary: bool
    verdict: str
    reason: str | None
    needed: int | None
    start: date | None
    first: date | None
    last: date | None
    days_without: int
    days_with: int
    sessions: int
    method: str | None
    early: bool
    effect: float | None = None
    lo: float | None = None
    hi: float | None = None
    q_value: float | None = None
    phi: float | None = None
    tau: float | None = None
    placebo_share: float | None = None
    effect_sd: float | None = None
    without_a_week_lo_sd: float | None = None
    without_a_week_hi_sd: float | None = None
    without_weeks_before_sd: float | None = None
    phi_low_sd: float | None = None
    phi_high_sd: float | None = None
    steady: bool = True

    @property
    def key(self) -> tuple[str, str, str]:
        """Which question it answers: event, app and kind of question."""
        return self.event, self.app, self.question

    @property
    def taken_back(self) -> bool:
        """Whether the range leaves out 0 and a check says otherwise, so that it is no finding."""
        return not self.steady and self.lo is not None and self.hi is not None and self.lo * self.hi > 0


@dataclass(frozen=True)
class EffectDay:
    """A day behind a verdict: its value, what was expected of it without (an 80 % band), and whether it was with."""

    date: date
    value: float | None
    expected: float | None
    expected_lo: float | None
    expected_hi: float | None
    with_it: bool


@dataclass(frozen=True)
class Kept:
    """What the tables know of what a person tried, up to a Monday.

    `effects` holds the newest verdict on each question, the primary outcome before the exploratory ones; `days` the
    days behind it, by `Effect.key`; `plans` all plans that were stored.
    """

    effects: tuple[Effect, ...] = ()
    days: dict[tuple[str, str, str], tuple[EffectDay, ...]] = field(default_factory=dict)
    plans: tuple[Plan, ...] = ()


def read_tried(con: Connection, participants: Sequence[str], judged: date) -> dict[str, Kept]:
    """Read the newest verdicts of these people up to the Monday `judged`, their days, and their plans."""
    effects: dict[str, list[Effect]] = {who: [] for who in participants}
    for who, *rest in con.execute(EFFECTS, [list(participants), judged]).fetchall():
        effects[who].append(Effect(*rest))
    days: dict[str, dict[tuple[str, str, str], tuple[EffectDay, ...]]] = {who: {} for who in participants}
    for who, event, app, question, *rest in con.execute(DAYS, [list(participants), judged]).fetchall():
        key = event, app, question
        days[who][key] = (*days[who].get(key, ()), EffectDay(*rest))
    plans = read_plans(con, list(participants))
    return {who: Kept(tuple(effects[who]), days[who], plans.get(who, ())) for who in participants}


EFFECTS = """
    with told as (
        select *, if(verdict = 'cannot_tell', reason, if(early, 'early', last_day::varchar)) as finding,
            row_number() over (partition by participant, event, app, question order by day desc) as back
        from model.effect
        where primary_outcome and participant in (select unnest(?)) and day <= ?),
    newest as (select * from told where back = 1),
    changed as (
        select participant, event, app, question, max(t.day) as day
        from newest n join told t using (participant, event, app, question)
        where (t.verdict, t.finding) is distinct from (n.verdict, n.finding)
        group by all),
    found as (
        select participant, event, app, question, n.day, min(t.day) as since
        from newest n join told t using (participant, event, app, question)
        left join changed c using (participant, event, app, question)
        where c.day is null or t.day > c.day
        group by all)
    select e.participant, e.day, since, e.event, e.app, e.question, outcome, primary_outcome, verdict, reason, needed,
        start_day, first_day, last_day, days_without, days_with, sessions, method, coalesce(early, false), effect, lo,
        hi, q_value, phi, tau, placebo_share, effect_sd, without_a_week_lo_sd, without_a_week_hi_sd,
        without_weeks_before_sd, phi_low_sd, phi_high_sd, coalesce(steady, true)
    from found join model.effect e using (participant, event, app, question, day)
    order by e.participant, e.event, e.app, e.question, primary_outcome desc, outcome
"""
DAYS = """
    with newest as (
        select participant, event, app, question, max(day) as day
        from model.effect
        where primary_outcome and participant in (select unnest(?)) and day <= ?
        group by all)
    select participant, event, app, question, date, value, expected, expected_lo, expected_hi, with_it
    from newest join model.effect_day d using (participant, event, app, question, day)
    order by participant, event, app, question, d.date
"""
