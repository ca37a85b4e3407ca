"""The command that answers "did it help?" as of a day: first what the days can answer at all, then what they say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.look import AsJson, Wait, print_json, print_table
from cli.nightly import Day, day_or_today
from cli.settings import read_settings

if TYPE_CHECKING:
    from reports.catalogue import Language
    from reports.read_tried import Effect

OUTCOMES = ("index", "felt_stress", "ln_rmssd", "tst_min")
UNITS = {"index": "points of 100", "felt_stress": "points of 10", "ln_rmssd": "ln ms", "tst_min": "min"}
PROBABILITIES = {
    "p_value": "by chance alone as much (p)",
    "p_lower": "probability below -.2 SD",
    "p_inside": "probability within .2 SD",
    "p_higher": "probability above .2 SD",
}
"""Columns of model.effect that hold probabilities, and how they are told."""
CHECKS = {
    "phi": "lag-1 correlation",
    "forecast_sd": "forecast from the days before, SD",
    "forecast_lo_sd": "… low end",
    "forecast_hi_sd": "… high end",
    "tau": "baseline-corrected tau",
    "placebo_share": "share of made-up starts as large",
    "without_a_week_lo_sd": "least with any one week left out, SD",
    "without_a_week_hi_sd": "most with any one week left out, SD",
    "without_weeks_before_sd": "least without the 4 or 6 weeks before, SD",
    "phi_low_sd": "with the correlation at .2, SD",
    "phi_high_sd": "with the correlation at .6, SD",
}
"""Columns of model.effect that hold checks, and how they are told."""
CHOSEN = (
    "You chose this outcome yourself: unless you did so before it began, take what it says as exploratory. Of four"
    " outcomes, one can stand out by chance."
)
LOOKS = (
    "Asking again changes nothing: a verdict is made on few days that are fixed beforehand, so that looking often does"
    " not find more."
)


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(effect)


def effect(
    participant: Annotated[str, typer.Option(help="The pseudonym of the person.")],
    event: Annotated[
        str | None, typer.Option(help="What was tried: an app such as Headspace, or a kind such as therapy.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option(help="index, felt_stress, ln_rmssd or tst_min. Else: index, or the plan's.")
    ] = None,
    day: Day = None,
    wait: Wait = 60.0,
    as_json: AsJson = False,
) -> None:
    """Say what the days can answer of what a person tried, and what went with it; writes nothing."""
    from models.effect.judge import answer_now
    from warehouse.errors import ExplainedError
    from warehouse.plans import read_plans
    from warehouse.preferences import read_preferences
    from warehouse.store import open_warehouse

    if outcome is not None and outcome not in OUTCOMES:
        raise ExplainedError(f"There is no outcome '{outcome[:40]}': there are {', '.join(OUTCOMES)}.")
    before = day_or_today(day)
    with open_warehouse(read_settings(os.environ).warehouse, read_only=True, wait_s=wait) as con:
        now = answer_now(con, participant, before, event, outcome=outcome)  # type: ignore[arg-type]
        wishes = read_preferences(con, [participant])[participant]
        planned = {(p.event, p.app, p.outcome) for p in read_plans(con, [participant]).get(participant, ())}
    for row in now.effect:
        row["chosen"] = row["primary_outcome"] and is_chosen(row, outcome, planned)
    if as_json:
        print_json({"effect": now.effect, "effect_day": now.effect_day, "too_early": now.too_early})
        return
    if now.too_early is not None:
        typer.echo(now.too_early)
        return
    print_answers(now.effect, wishes)


def is_chosen(row: dict[str, Any], outcome: str | None, planned: set[tuple[str, str, str]]) -> bool:
    """Whether the outcome was picked by hand: not the index, and not what a plan named beforehand."""
    named = row["question"] == "plan" and (row["event"], row["app"], row["outcome"]) in planned
    return outcome is not None and outcome != "index" and not named


def print_answers(rows: list[dict[str, Any]], wishes: dict[str, str]) -> None:
    """Print each question: what can be answered, the verdict, its numbers, its checks, the exploratory outcomes."""
    from reports.tried import Finding
    from reports.tried_words import tell_notes
    from reports.wishes import choose_language

    language = choose_language(wishes)
    primary = [row for row in rows if row["primary_outcome"]]
    for row in primary:
        effect = as_effect(row)
        also = [other for other in rows if is_beside(other, row)]
        for line in tell(effect, language):
            typer.echo(line)
        if row["effect"] is not None:
            print_table(f"{row['outcome']}, numbers", list_numbers(row), empty="")
            checks = [{"check": name, "value": row[of]} for of, name in CHECKS.items() if row[of] is not None]
            print_table("checks: they can only take a verdict back", checks, empty="none apply")
        print_table(
            "exploratory, allowed for their number (q)",
            [list_outcome(other) for other in also],
            empty="no other outcome could be looked at",
        )
        if row["chosen"]:
            typer.echo(f"{CHOSEN}\n")
    for note in tell_notes([Finding(as_effect(row)) for row in primary], language, gentle=False):
        typer.echo(note)
    typer.echo(LOOKS)


def list_numbers(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The numbers of a verdict, one a row: what it is, its value, the ends of its interval, its unit."""
    percent = 99 if row["early"] else 95
    what = f"difference with it ({percent} % interval)"
    unit = UNITS[row["outcome"]]
    rows = [
        {"what": what, "value": row["effect"], "low": row["lo"], "high": row["hi"], "unit": unit},
        {
            "what": "the same in usual ups and downs",
            "value": row["effect_sd"],
            "low": row["lo_sd"],
            "high": row["hi_sd"],
            "unit": "SD",
        },
    ]
    for name, told in PROBABILITIES.items():
        if row[name] is not None:
            rows.append(
                {"what": told, "value": small(row[name]), "low": None, "high": None, "unit": "0 to 1"}
            )
    return rows


def list_outcome(row: dict[str, Any]) -> dict[str, Any]:
    """An exploratory outcome in one row, with its unit."""
    return {
        "outcome": row["outcome"],
        "verdict": row["verdict"].replace("_", " "),
        "difference": row["effect"],
        "low": row["lo"],
        "high": row["hi"],
        "unit": UNITS[row["outcome"]],
        "q": small(row["q_value"]),
    }


def small(value: float | None) -> str | None:
    """A probability in two digits that count."""
    return None if value is None else f"{value:.2g}"


def is_beside(other: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether a row is an exploratory outcome of the same question that could be looked at."""
    same = all(other[name] == row[name] for name in ("event", "app", "question"))
    return same and not other["primary_outcome"] and other["verdict"] != "cannot_tell"


def as_effect(row: dict[str, Any]) -> Effect:
    """A row of model.effect as reports read it."""
    from dataclasses import fields

    from reports.read_tried import Effect

    named = {"primary": "primary_outcome", "since": "day", "start": "start_day", "first": "first_day"}
    named |= {"last": "last_day"}
    held = {field.name: row[named.get(field.name, field.name)] for field in fields(Effect)}
    return Effect(**{**held, "steady": held["steady"] is not False})


def tell(effect: Effect, language: Language) -> list[str]:
    """What can be answered, then the verdict in words: the sentences of the weekly page."""
    from reports.sentences import BIDI
    from reports.tried import Finding
    from reports.tried_words import how_sentence, tell_finding

    card = tell_finding(Finding(effect), language, gentle=False)
    if effect.verdict == "cannot_tell":
        able = f"Not yet ({(effect.reason or '').replace('_', ' ')})."
    else:
        able = f"Yes, {'early: days are still to come' if effect.early else 'for good'}."
    lines = [
        card.title,
        f"  Can the days answer it? {able} {how_sentence(effect, language)}",
        f"  {' '.join(filter(None, (card.verdict, card.body)))}",
        *([f"  {card.aside}"] if effect.verdict == "cannot_tell" else []),
        "",
    ]
    # A terminal shows the marks that keep a name apart from right-to-left text.
    return [BIDI.sub("", line) for line in lines]
