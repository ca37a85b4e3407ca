"""Commands that work what is due: nightly and week."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import night
from cli.look import AsJson, Wait, print_json, print_table
from cli.seal import ask_passphrase, seal_pages
from cli.settings import read_settings
from warehouse.errors import ExplainedError

Day = Annotated[
    datetime | None,
    typer.Option("--date", formats=["%Y-%m-%d"], help="Work the days before this one. Else: today, in UTC."),
]

NO_PAGE = {
    "paused": "paused by their own setting",
    "no consent to pages": "no consent to pages",
    "under 18": "Steadyline makes no pages for people under 18",
}
"""Why somebody got no page (reports.wishes.why_no_page), for the operator."""


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(nightly)
    app.command()(week)


def nightly(
    day: Day = None,
    jobs: Annotated[int, typer.Option(min=1, help="Batches of people computed at the same time.")] = 1,
    wait: Wait = 60.0,
    as_json: AsJson = False,
) -> None:
    """Do all that is due: pull, load the inbox, compute, score, write, judge, publish: the DAG's work by hand."""
    from rich.console import Console

    with Console(stderr=True).status("starting") as shown:
        done = night.run_night(
            read_settings(os.environ),
            before=day_or_today(day),
            now=utc_now(),
            jobs=jobs,
            environ=os.environ,
            wait_s=wait,
            tell=shown.update,
        )
    told = [o.line for o in done.pulls if o.is_news and not o.is_trouble]
    problems = [o.line for o in done.pulls if o.is_trouble]
    problems += [f"{w.participant}: {w.problem}" for w in done.inbox if w.problem is not None]
    problems += done.unjudged
    rows = [{"stage": stage, "days written": days} for stage, days in done.written.items()]
    if as_json:
        print_json({"written": done.written, "published": done.published, "told": told, "problems": problems})
    else:
        print_table("written", rows, empty="nothing")
        typer.echo("published anew" if done.published else "the published file is as it was")
    for line in (*told, *problems):
        typer.echo(line, err=True)
    if problems:
        raise typer.Exit(1)


def week(
    participant: Annotated[str | None, typer.Option(help="One person. Else: everyone.")] = None,
    of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="A day of the week wanted. Else: the last complete week with data."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the pages. Else: var/reports.")] = None,
    mail: Annotated[
        bool, typer.Option("--mail", help="Then send the pages to who asked for them by mail.")
    ] = False,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Ask for one, and write the page closed with it too.")
    ] = False,
    day: Day = None,
    wait: Wait = 60.0,
    as_json: AsJson = False,
) -> None:
    """Write the weekly page."""
    from warehouse.status import list_participants

    settings, before = read_settings(os.environ), day_or_today(day)
    secret = ask_for_one(participant) if passphrase else None
    if participant is not None and participant not in list_participants(settings.warehouse, wait_s=wait):
        raise ExplainedError(
            f"There is no participant {participant[:80]}: 'steadyline status' lists those there are."
        )
    written = night.write_pages(
        settings,
        before=before,
        now=utc_now(),
        participants=None if participant is None else [participant],
        of=None if of is None else of.date(),
        out=out,
        wait_s=wait,
    )
    pages = list(written.pages)
    if secret is not None:
        pages += seal_pages(pages, secret)
    for who, why in written.unwritten.items():
        typer.echo(f"{who}: {NO_PAGE[why]}; nothing was written", err=True)
    rows: list[dict[str, Any]] = [{"page": str(page)} for page in pages]
    if as_json:
        print_json(rows)
    elif rows or not written.unwritten:
        print_table("", rows, empty="no week to write: there is no complete week with data yet")
    if mail:
        posted = night.mail_pages(
            settings,
            os.environ,
            before=before,
            now=utc_now(),
            participants=None if participant is None else [participant],
            of=None if of is None else of.date(),
            out=out,
            wait_s=wait,
        )
        for line in posted.told:
            typer.echo(line, err=True)


def ask_for_one(participant: str | None) -> str:
    """Ask for the passphrase of one person's page."""
    if participant is None:
        raise ExplainedError("A passphrase is for one person's page: say whose with --participant.")
    return ask_passphrase()


def utc_now() -> datetime:
    """Tell the instant: UTC, naive, as the tables have it."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def day_or_today(day: datetime | None) -> date:
    """Give the day that was said, or today in UTC.

    Raises
    ------
    ExplainedError
        If it lies further ahead than tomorrow, when somebody's today may be: those days are not lived yet.
    """
    today = utc_now().date()
    if day is None:
        return today
    if day.date() > today + timedelta(days=1):
        raise ExplainedError(
            f"{day.date()} is still to come: name {today + timedelta(days=1)} at the latest, or leave --date out."
        )
    return day.date()
