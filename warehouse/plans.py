"""Randomised plans: drawn and stored before they start, never changed, given up if a person likes (`meta.plan`).

What was drawn is what is judged later, whatever was done, so a plan that could be changed once it has begun
would prove nothing. Giving one up leaves its row and says from which day on it no longer held.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from warehouse.errors import ExplainedError
from warehouse.sql import scalar
from warehouse.store import Connection, open_warehouse

DESIGNS = ("blocks_2", "blocks_7", "start")
OUTCOMES = ("index", "felt_stress", "ln_rmssd", "tst_min")
CARE = ("therapy", "medicine")
NO_PRACTICE = ("alcohol", "ill", "travel", "mark", "menstruation", "eda_scan", "change")
LATEST_START_DAYS = 366
"""A plan begins within a year: what lies further ahead is a slip of the keyboard."""
NO_SAY = (
    "A plan is drawn by chance, and chance has no say in {what}: keep to what was agreed with those who care for"
    " you, and go on noting it. Plans are for practices such as Headspace or a walk."
)


class PlanError(ExplainedError):
    """A plan that cannot be stored or given up: why, and what can be done instead."""


@dataclass(frozen=True)
class Draft:
    """A plan as it was drawn, not stored yet: `drawn` is true on days with it, `first_day` first.

    `event` and `app` as in `signal.event` (`app` empty where none is named), `seed` what the draw was made from.
    """

    event: str
    app: str
    design: str
    outcome: str
    seed: int
    first_day: date
    drawn: tuple[bool, ...]

    @property
    def last_day(self) -> date:
        """The last day of the plan."""
        return self.first_day + timedelta(days=len(self.drawn) - 1)


@dataclass(frozen=True)
class Plan:
    """A stored plan: the columns of `meta.plan`. `drawn` is true on days with it, `first_day` first."""

    participant: str
    plan: int
    event: str
    app: str
    design: str
    outcome: str
    seed: int
    first_day: date
    last_day: date
    drawn: tuple[bool, ...]
    made_utc: datetime
    stopped_day: date | None = None

    @property
    def name(self) -> str:
        """What it is about, as people call it: the app, where one is named."""
        return self.app or self.event


def read_plans(con: Connection, participants: Sequence[str]) -> dict[str, tuple[Plan, ...]]:
    """Read the plans of these people by number; no entry for those who have none."""
    columns = [field.name for field in fields(Plan)]
    rows = con.execute(
        f"select {', '.join(columns)} from meta.plan where participant in (select unnest(?))"
        " order by participant, plan",
        [list(participants)],
    ).fetchall()
    found: dict[str, tuple[Plan, ...]] = {}
    for row in rows:
        cells = dict(zip(columns, row, strict=True))
        plan = Plan(**cells | {"drawn": tuple(sign == "1" for sign in cells["drawn"])})
        found[plan.participant] = (*found.get(plan.participant, ()), plan)
    return found


def find_today(con: Connection, participant: str, now: datetime) -> date:
    """Find the local day of a person at an instant (UTC, naive).

    Raises
    ------
    PlanError
        If there is no such person.
    """
    zone = scalar(
        con,
        "select coalesce((select zone from meta.zone_segment z where z.participant = p.participant"
        " and from_utc <= ? and (to_utc is null or to_utc > ?) order by from_utc desc limit 1), timezone)"
        " from meta.participant p where participant = ?",
        [now, now, participant],
    )
    if zone is None:
        raise PlanError(f"There is no participant {participant[:80]}: 'steadyline status' lists them.")
    return now.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def check_event(event: str) -> None:
    """Check that a plan can be about an event: a practice, never care, never what nobody chooses.

    Raises
    ------
    PlanError
        For therapy and medicine, and for what is no practice.
    """
    if event in CARE:
        raise PlanError(NO_SAY.format(what=event))
    if event in NO_PRACTICE:
        raise PlanError(
            f"'{event}' is not a practice that could be done on drawn days: name a practice, such as Headspace,"
            f" or one word of your own."
        )


def read_noted(con: Connection, participant: str) -> frozenset[tuple[str, str]]:
    """Read what a person noted so far: kinds of event (their own words too) with their apps, '' where none is named."""
    rows = con.execute(
        "select distinct event, coalesce(app, '') from signal.event where participant = ?", [participant]
    ).fetchall()
    return frozenset((event, app) for event, app in rows)


def check_noted(noted: Collection[tuple[str, str]], event: str, app: str) -> None:
    """Check that a person did not note as therapy or medicine what a plan is to be about.

    Raises
    ------
    PlanError
        If it is the name of what they noted so, such as `tag medicine --app`.
    """
    names = {name.casefold() for name in (event, app) if name}
    for kind, with_what in sorted(noted):
        if kind in CARE and with_what.casefold() in names:
            raise PlanError(NO_SAY.format(what=f"{with_what}, which was noted as {kind}"))


def store_plan(
    url: str | Path, participant: str, draft: Draft, *, now: datetime, wait_s: float = 60.0
) -> Plan:
    """Store a drawn plan before it starts, and make the person due for the stage that judges it.

    Raises
    ------
    PlanError
        If there is no such person, the event is no practice or was noted as care, the first day is not to come
        on the person's own calendar, or a plan about the same holds on one of the days. Nothing is written then.
    WarehouseError
        If the warehouse stays held by another process.
    """
    check_event(draft.event)
    check_choice(draft.design, draft.outcome)
    if len(set(draft.drawn)) < 2:
        raise PlanError("A plan needs days with and days without: draw another one.")
    with open_warehouse(url, wait_s=wait_s) as con:
        today = find_today(con, participant, now)
        check_first_day(draft.first_day, today)
        check_noted(read_noted(con, participant), draft.event, draft.app)
        held = read_plans(con, [participant]).get(participant, ())
        for other in held:
            if is_about(other, draft.event, draft.app) and overlaps(other, draft.first_day, draft.last_day):
                raise PlanError(explain_held(other, today))
        number = 1 + max((other.plan for other in held), default=0)
        con.begin()
        try:
            insert(con, participant, number, draft, now)
            make_due(con, participant, draft.first_day, "plan stored")
            con.commit()
        except BaseException:
            con.rollback()
            raise
        return read_plans(con, [participant])[participant][-1]


def insert(con: Connection, participant: str, number: int, draft: Draft, now: datetime) -> None:
    """Write the row of a plan."""
    values = [
        *(participant, number, draft.event, draft.app, draft.design, draft.outcome, draft.seed),
        *(draft.first_day, draft.last_day, "".join("01"[day] for day in draft.drawn), now),
    ]
    con.execute("insert into meta.plan values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null)", values)


def check_choice(design: str, outcome: str) -> None:
    """Check that there are such a design and such an outcome.

    Raises
    ------
    PlanError
        If there are not: which there are.
    """
    if design not in DESIGNS:
        known = ", ".join(map(name_design, DESIGNS))
        raise PlanError(f"There is no design '{name_design(design[:40])}': there are {known}.")
    if outcome not in OUTCOMES:
        raise PlanError(f"A plan cannot be judged by '{outcome[:40]}': there are {', '.join(OUTCOMES)}.")


def name_design(design: str) -> str:
    """A design as people write it: blocks-2."""
    return design.replace("_", "-")


def check_first_day(first_day: date, today: date) -> None:
    """Check that a plan begins on a day to come, and within a year.

    Raises
    ------
    PlanError
        If its first day is today or earlier, or over a year ahead.
    """
    if first_day <= today:
        raise PlanError(
            f"A plan begins on a day to come, so that nobody knows how it went when it is drawn: {first_day} is"
            f" not after today, {today}."
        )
    if (first_day - today).days > LATEST_START_DAYS:
        raise PlanError(
            f"A plan begins within a year, and {first_day} is further ahead than that: name an earlier day."
        )


def is_about(plan: Plan, event: str, app: str) -> bool:
    """Whether a plan is about the same; one without an app is about all of them."""
    return plan.event == event and (plan.app == app or not plan.app or not app)


def overlaps(plan: Plan, first_day: date, last_day: date) -> bool:
    """Whether a plan holds on one of these days."""
    last = plan.last_day if plan.stopped_day is None else plan.stopped_day - timedelta(days=1)
    return plan.first_day <= min(last, last_day) and last >= first_day


def explain_held(plan: Plan, today: date) -> str:
    """Say why a plan that holds is not drawn anew."""
    begun = (
        f"began on {plan.first_day} and a plan is never changed after its start: let it run to {plan.last_day}"
        if plan.first_day <= today
        else f"is drawn already, from {plan.first_day} to {plan.last_day}, and is kept as it was drawn: follow it"
    )
    return f"Plan {plan.plan} about {plan.name} {begun}, or give it up with --stop {plan.plan}."


def stop_plan(
    url: str | Path, participant: str, plan: int, day: date, *, now: datetime, wait_s: float = 60.0
) -> Plan:
    """Note that a plan was given up: `day` is the first day on which it no longer held.

    Raises
    ------
    PlanError
        If there is no such plan, it is over or given up already, or the day lies ahead of today.
    WarehouseError
        If the warehouse stays held by another process.
    """
    with open_warehouse(url, wait_s=wait_s) as con:
        today = find_today(con, participant, now)
        held = {each.plan: each for each in read_plans(con, [participant]).get(participant, ())}
        check_stop(held, participant, plan, day, today)
        con.begin()
        try:
            con.execute(
                "update meta.plan set stopped_day = ? where participant = ? and plan = ?",
                [day, participant, plan],
            )
            make_due(con, participant, held[plan].first_day, "plan given up")
            con.commit()
        except BaseException:
            con.rollback()
            raise
        return read_plans(con, [participant])[participant][plan - 1]


def check_stop(held: dict[int, Plan], participant: str, plan: int, day: date, today: date) -> None:
    """Check that a plan can be given up on a day."""
    if plan not in held:
        known = ", ".join(map(str, held)) or "none"
        raise PlanError(f"{participant} has no plan {plan}: there are {known}.")
    if (stopped := held[plan].stopped_day) is not None:
        raise PlanError(f"Plan {plan} was given up on {stopped} already.")
    if held[plan].last_day < min(day, today):
        raise PlanError(f"Plan {plan} was over on {held[plan].last_day}: there is nothing left to give up.")
    if day > today:
        raise PlanError(f"A plan is given up today or earlier, and {day} is after {today}.")


def make_due(con: Connection, participant: str, day: date, reason: str) -> None:
    """Make the person due for the stage that judges plans, from a day on, once."""
    con.execute(
        "insert into meta.due select ?, ?, 'effects', ? where not exists (select 1 from meta.due"
        " where participant = ? and day = ? and stage = 'effects')",
        [participant, day, reason, participant, day],
    )
