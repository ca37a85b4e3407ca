"""Commands by which a person says how they feel and what happened: checkin and tag."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from typing import Annotated

import typer

from cli.look import Wait
from cli.nightly import utc_now
from cli.settings import Settings, read_settings
from cli.spool import (
    STAMP,
    Row,
    check_row,
    date_now,
    date_said,
    find_zone,
    keep,
    make_checkin,
    make_event,
    name_answer,
)

Person = Annotated[str, typer.Option(help="The pseudonym of the person.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(checkin)
    app.command()(tag)


def checkin(
    value: Annotated[
        list[str],
        typer.Argument(help="The answer: 4; or calm, fine, mixed, heavy, very_heavy; or 3 4 2 5 1 for who5."),
    ],
    participant: Person,
    scale: Annotated[
        str,
        typer.Option(
            help="felt_stress or felt_week (0 to 10), who5, who5_raw, who5_index, pss4, valence or mood."
        ),
    ] = "felt_stress",
    at: Annotated[
        str | None, typer.Option(help="'2026-03-01 21:00' of the person's own clock. Else: now.")
    ] = None,
    wait: Wait = 2.0,
) -> None:
    """Say how you feel; it is kept at once and taken in by the next night."""
    now = utc_now()
    when = date_now(now) if at is None else date_said(at)
    answer = " ".join(value)
    keep_and_tell(participant, make_checkin(when, scale, felt_number(scale, answer)), now, wait_s=wait)


def felt_number(scale: str, answer: str) -> str:
    """Give the number of a word of the weekly page; anything else is left as it is."""
    if scale != "felt_stress" or not answer[:1].isalpha():
        return answer
    from reports.served import FELT

    return str(FELT.get(answer.casefold().replace(" ", "_"), answer))


def tag(
    event: Annotated[
        str,
        typer.Argument(
            help="therapy, practice, alcohol, ill, travel, medicine, mark or one word of your own."
        ),
    ],
    participant: Person,
    app: Annotated[str, typer.Option(help="Who or what it was with, such as BetterHelp.")] = "",
    since: Annotated[
        str | None,
        typer.Option(
            "--from", help="'2026-03-01' or '2026-03-01 18:00' of the person's own clock. Else: now."
        ),
    ] = None,
    until: Annotated[
        str, typer.Option("--to", help="When it ended: '18:50', '2026-03-03' (that day included) or both.")
    ] = "",
    wait: Wait = 2.0,
) -> None:
    """Say what happened; it is kept at once and taken in by the next night."""
    now = utc_now()
    when = date_now(now) if since is None else date_said(since)
    keep_and_tell(participant, make_event(when, event, app=app, end=until.strip()), now, wait_s=wait)


def keep_and_tell(participant: str, row: Row, now: datetime, *, wait_s: float) -> None:
    """Keep an answer, and say that it is kept."""
    settings = read_settings(os.environ)
    zone = find_zone(settings, participant, wait_s=wait_s)
    check_row(row, now)
    new = keep_one(settings, participant, row, now)
    said = " ".join(cell for cell in row.values() if cell)
    typer.echo(f"kept: {said}; the next night takes it in" if new else f"was kept already: {said}")
    if zone is None:
        typer.echo(
            "The warehouse could not be asked just now. The answer is safe: the next night takes it in, if"
            f" {participant} is enrolled.",
            err=True,
        )


def keep_one(settings: Settings, participant: str, row: Row, now: datetime) -> bool:
    """Keep an answer once a minute: the same command sent twice is one answer."""
    # Its own date counts only where it was said: 'now' is another second each time.
    said = [cell for name, cell in row.items() if not (name == "time" and cell.endswith("Z"))]
    digest = hashlib.sha256("\0".join(said).encode()).hexdigest()[:16]
    key = f"{now.replace(second=0):{STAMP}}-{digest}"
    return keep(settings, participant, name_answer(row, key), row)
