"""The command by which a person lets chance draw the days of a practice, to find out whether it helps."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cli.look import AsJson, Wait, print_json, print_table
from cli.nightly import utc_now
from cli.settings import Settings, read_settings

if TYPE_CHECKING:
    from models.effect.question import Design
    from warehouse.plans import Plan

DESIGNS: Mapping[str, str] = {
    "blocks_2": "every two days chance says: with it, or without; each four days hold two of either",
    "blocks_7": "every week chance says: with it, or without; each two weeks hold one of either",
    "start": "without it at first; chance draws the day in weeks 3 to 9 from which on it is every day",
}
FIGURES = Path(__file__).resolve().parent.parent / "docs" / "figures" / "effects.json"
"""What simulated people gave: the tables of docs/effect.md are made of it."""
USUAL_PHI = "0.3"
"""How strongly days follow each other in most people."""
COMING_DAYS = 7


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(plan)


def plan(
    *,
    participant: Annotated[str, typer.Option(help="The pseudonym of the person.")],
    event: Annotated[
        str | None, typer.Option(help="What to try: Headspace, Calm, practice, or one word of your own.")
    ] = None,
    design: Annotated[str, typer.Option(help="blocks-2 or blocks-7 (days), or start.")] = "blocks-2",
    outcome: Annotated[
        str, typer.Option(help="What it is judged by: index, felt_stress, ln_rmssd or tst_min.")
    ] = "index",
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day, one to come. Else: next Monday."),
    ] = None,
    store: Annotated[bool, typer.Option("--store", help="Draw the plan and keep it.")] = False,
    is_habit: Annotated[
        bool,
        typer.Option(
            "--it-is-a-habit", help="The word is a habit of yours, and no medicine, therapy or other care."
        ),
    ] = False,
    stop: Annotated[int | None, typer.Option(help="Number of a plan to give up, from today on.")] = None,
    wait: Wait = 60.0,
    as_json: AsJson = False,
) -> None:
    """Try a practice on days that chance draws, and so find out whether calmer days go with it."""
    from warehouse.plans import PlanError, check_noted

    if store and (event is None or stop is not None):
        raise PlanError("--store needs --event NAME, what the plan is about, and goes without --stop.")
    settings, now = read_settings(os.environ), utc_now()
    today, noted = look_up(settings, participant, now, wait_s=wait)
    if stop is not None:
        give_up(settings, participant, stop, today, now, wait_s=wait, as_json=as_json)
        return
    if event is None:
        list_plans(settings, participant, today, wait_s=wait, as_json=as_json)
        return
    named, app = name_practice(event, is_habit=is_habit)
    check_noted(noted, named, app)
    first = next_monday(today) if since is None else since.date()
    asked = {
        "event": named,
        "app": app,
        "design": design.replace("-", "_"),
        "outcome": outcome,
        "first_day": first,
    }
    if store:
        kept = draw_and_store(settings, participant, asked, now, wait_s=wait)
        tell_plan(kept, today, as_json=as_json)
    else:
        offer(asked, today, as_json=as_json)
    if not as_json:
        for line in tell_new(app or named, noted):
            typer.echo(line)


def look_up(
    settings: Settings, participant: str, now: datetime, *, wait_s: float
) -> tuple[date, frozenset[tuple[str, str]]]:
    """Look up the person's own day, and what they noted so far."""
    from warehouse.plans import find_today, read_noted
    from warehouse.store import open_warehouse

    with open_warehouse(settings.warehouse, read_only=True, wait_s=wait_s) as con:
        return find_today(con, participant, now), read_noted(con, participant)


def next_monday(today: date) -> date:
    """Tell the next Monday after a day."""
    return today + timedelta(days=7 - today.weekday())


def name_practice(word: str, *, is_habit: bool = False) -> tuple[str, str]:
    """Name the kind of event and the app that a word means; a word that nobody knows only where `is_habit` says so.

    Raises
    ------
    PlanError
        If it is care, is spelled much like care, is no practice, is more than one word, or nobody knows it.
    """
    from cli.habits import judge_word
    from cli.spool import OWN_WORDS
    from ingest.files.diary.words import name_own
    from warehouse.plans import NO_SAY, PlanError, check_event

    named = name_own(OWN_WORDS.get(word.strip().casefold(), word))
    if named is not None:
        check_event(named[0])
    standing = judge_word(word)
    if standing == "care":
        raise PlanError(NO_SAY.format(what=f"medicine or therapy, as '{word.strip()[:40]}' is or may be"))
    if named is None:
        raise PlanError(
            f"Expected a practice, such as Headspace, or one word of your own (tai-chi), not '{word[:40]}': note it"
            f" with the same word on the days you do it."
        )
    if named[0] != "mindful" and standing != "habit":
        check_unknown(word.strip()[:40], is_habit=is_habit)
    return named[0], named[1] or ""


def check_unknown(word: str, *, is_habit: bool) -> None:
    """Check a word that is no known habit: it goes only if the person says that it is one, and never near care.

    Raises
    ------
    PlanError
        If it does not go: what it may have been meant to be.
    """
    from cli.habits import HABITS, NAMES, find_near, fold
    from ingest.apps import APPS
    from warehouse.plans import PlanError

    practices = {name.casefold(): name for _, kind, name in APPS if kind == "mindful"}
    meant = find_near(fold(word), HABITS | set(practices))
    care = find_near(fold(word), NAMES)
    near = " or ".join(filter(None, (practices.get(meant, meant) if meant else None, care)))
    hint = f" Did you mean {near}?" if near else ""
    if care is not None:
        raise PlanError(
            f"'{word}' is spelled much like {care}, and chance has no say in medicine, therapy or other care.{hint}"
        )
    if not is_habit:
        raise PlanError(
            f"'{word}' is not among the practices that are known: if it is a habit that you may leave out on any"
            f" day, and no medicine, therapy or other care, say so with --it-is-a-habit.{hint}"
        )


def tell_new(name: str, noted: Collection[tuple[str, str]]) -> list[str]:
    """Say that a name was never noted so far, where that is so, and what was that is spelled much like it."""
    from difflib import get_close_matches

    known = {each.casefold(): each for pair in noted for each in pair if each}
    if name.casefold() in known:
        return []
    near = get_close_matches(name.casefold(), sorted(known), n=1)
    meant = f" You noted {known[near[0]]}: is that what you mean?" if near else ""
    return [f"{name} was never noted so far: note it by that name when you do it.{meant}"]


def offer(asked: Mapping[str, Any], today: date, *, as_json: bool) -> None:
    """Show what a plan would be like; nothing is drawn or kept."""
    from warehouse.plans import check_choice, check_first_day

    check_choice(asked["design"], asked["outcome"])
    check_first_day(asked["first_day"], today)
    last = asked["first_day"] + timedelta(days=count_days() - 1)
    power = read_power(asked["design"])
    if as_json:
        print_json({**asked, "last_day": last, "days": count_days(), "found_percent": power})
        return
    name = asked["app"] or asked["event"]
    typer.echo(f"A plan for {name}: {count_days()} days, {asked['first_day']} to {last}.")
    typer.echo(f"How: {DESIGNS[asked['design']]}.")
    typer.echo("Do it on the days with it, leave it on the others, and note it when you do. A day that goes")
    typer.echo("another way is fine: it is judged as it was drawn, once, when it is over.")
    for line in tell_power(power):
        typer.echo(line)
    typer.echo("For a practice only. What was agreed with those who care for you stays as agreed.")
    typer.echo("Add --store, and chance draws the days.")


def read_power(design: str) -> dict[str, int]:
    """Read how many plans in 100 find a difference of .5 and of 1 SD; none where the figures are not here."""
    if not FIGURES.is_file():
        return {}
    found = json.loads(FIGURES.read_text(encoding="utf-8"))["paths"][design][USUAL_PHI]
    return {size: min(99, round(100 * found[size]["right"])) for size in ("0.5", "1")}


def tell_power(power: Mapping[str, int]) -> list[str]:
    """Say how likely a plan is to find a difference, where that is known."""
    words = {"0.5": "half your usual ups and downs", "1": "as much as your usual ups and downs"}
    return [
        f"If days with it differ by {words[size]}, about {percent} plans in 100 find it."
        for size, percent in power.items()
    ]


def count_days() -> int:
    """Count the days of a plan."""
    from models.effect.randomise import PLAN_DAYS

    return PLAN_DAYS


def draw_and_store(
    settings: Settings, participant: str, asked: Mapping[str, Any], now: datetime, *, wait_s: float
) -> Plan:
    """Draw a plan from a seed that nobody chose, and store it."""
    from models.effect.randomise import draw_plan
    from warehouse.plans import Draft, check_choice, store_plan

    check_choice(asked["design"], asked["outcome"])
    seed = secrets.randbelow(2**62)
    drawn = tuple(bool(day) for day in draw_plan(cast("Design", asked["design"]), seed))
    draft = Draft(**asked, seed=seed, drawn=drawn)
    return store_plan(settings.warehouse, participant, draft, now=now, wait_s=wait_s)


def tell_plan(kept: Plan, today: date, *, as_json: bool) -> None:
    """Print a stored plan, stretch by stretch."""
    if as_json:
        print_json(describe(kept, today) | {"drawn": "".join("01"[day] for day in kept.drawn)})
        return
    rows = []
    at = kept.first_day
    for with_it, days in groupby(kept.drawn):
        length = len(list(days))
        until = at + timedelta(days=length - 1)
        rows.append({"from": at, "to": until, "days": length, "plan": say(kept, with_it=with_it)})
        at = until + timedelta(days=1)
    print_table(f"plan {kept.plan}: {kept.name}, {kept.first_day} to {kept.last_day}", rows, empty="")
    typer.echo("It is kept as it was drawn. Your weekly page reminds you; --stop gives it up.")


def list_plans(settings: Settings, participant: str, today: date, *, wait_s: float, as_json: bool) -> None:
    """List a person's plans, and what today and the coming days say."""
    from warehouse.plans import read_plans
    from warehouse.store import open_warehouse

    with open_warehouse(settings.warehouse, read_only=True, wait_s=wait_s) as con:
        held = read_plans(con, [participant]).get(participant, ())
    rows = [describe(each, today) for each in held]
    if as_json:
        print_json([row | {"coming": list_coming(each, today)} for row, each in zip(rows, held, strict=True)])
        return
    print_table(f"plans of {participant}", rows, empty="none; --event NAME shows what one would be like")
    for each in held:
        coming = list_coming(each, today)
        if coming:
            print_table(f"plan {each.plan}: {each.name}", coming, empty="")


def describe(plan: Plan, today: date) -> dict[str, Any]:
    """Describe a plan in one row."""
    if plan.stopped_day is not None:
        state = f"given up on {plan.stopped_day}"
    elif today > plan.last_day:
        state = "over"
    else:
        state = "to come" if today < plan.first_day else "on"
    return {
        "plan": plan.plan,
        "about": plan.name,
        "design": plan.design.replace("_", "-"),
        "judged by": plan.outcome,
        "first day": plan.first_day,
        "last day": plan.last_day,
        "state": state,
    }


def list_coming(plan: Plan, today: date) -> list[dict[str, Any]]:
    """List what a plan says of today and the coming days; nothing once it is over or given up."""
    if plan.stopped_day is not None:
        return []
    days = [today + timedelta(days=k) for k in range(COMING_DAYS + 1)]
    return [
        {
            "day": day,
            "weekday": f"{day:%A}",
            "plan": say(plan, with_it=plan.drawn[(day - plan.first_day).days]),
        }
        for day in days
        if plan.first_day <= day <= plan.last_day
    ]


def say(plan: Plan, *, with_it: bool) -> str:
    """Say what a plan says of a day."""
    return f"{'with' if with_it else 'without'} {plan.name}"


def give_up(
    settings: Settings,
    participant: str,
    number: int,
    today: date,
    now: datetime,
    *,
    wait_s: float,
    as_json: bool,
) -> None:
    """Give a plan up from today on, and say what that means."""
    from warehouse.plans import stop_plan

    stopped = stop_plan(settings.warehouse, participant, number, today, now=now, wait_s=wait_s)
    if as_json:
        print_json(describe(stopped, today))
        return
    typer.echo(f"Plan {number} about {stopped.name} is given up from {today} on. That is fine.")
    typer.echo("What it would have found cannot be told: only a plan that ran to its end is judged.")
