"""Commands by which a person says how they feel and what happened: checkin and tag."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated
from zoneinfo import ZoneInfo

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
from warehouse.errors import ExplainedError

SESSIONS = ("therapy", "mindful")
LONGEST_SESSION_H = 12
DATED = re.compile(r"\d{4}-\d\d-\d\d")
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
    read = check_row(row, now, zone or "UTC")
    # Where the zone is not known, nor is how long it is from an instant to a time of the person's own clock.
    span = read_span(read, zone) if zone or not row["time"].endswith("Z") else None
    if span is not None:
        check_span(read, span, row["end"])
    new = keep_one(settings, participant, row, now)
    said = " ".join(cell for cell in row.values() if cell)
    lasts = "" if span is None else f" ({say_span(span)})"
    typer.echo(
        f"kept: {said}{lasts}; the next night takes it in" if new else f"was kept already: {said}{lasts}"
    )
    for line in tell_own_word(read):
        typer.echo(line)
    if zone is None:
        typer.echo(
            "The warehouse could not be asked just now. The answer is safe: the next night takes it in, if"
            f" {participant} is enrolled.",
            err=True,
        )


def read_span(read: Mapping[str, object], zone: str | None) -> tuple[datetime, datetime] | None:
    """Start and end of an event on the clock it was said by; None where there is no end."""
    start_us, end_us, offset_min = read["t_us"], read.get("end_us"), read["offset_min"]
    if not (isinstance(start_us, int) and isinstance(end_us, int) and isinstance(offset_min, int)):
        return None
    own = ZoneInfo(zone or "UTC") if read["tz_assumed"] else timezone(timedelta(minutes=offset_min))
    start, end = (
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(own)
        for at in (start_us, end_us)
    )
    return start, end


def check_span(read: Mapping[str, object], span: tuple[datetime, datetime], end: str) -> None:
    """Check that no session became a day long because its end was the time of day before its start.

    Raises
    ------
    ExplainedError
        If therapy or practice would last over 12 hours, and only a time of day was given for its end.
    """
    if (
        count_minutes(span) > 60 * LONGEST_SESSION_H
        and read["event"] in SESSIONS
        and DATED.match(end) is None
    ):
        raise ExplainedError(
            f"Not kept: it would last {say_span(span)}, since an end before the start is of the next day: say --from"
            " and --to anew, with the date of the end if it is so."
        )


def count_minutes(span: tuple[datetime, datetime]) -> int:
    """Count the minutes that pass, also where the clocks change in between."""
    return round((span[1].timestamp() - span[0].timestamp()) / 60)


def say_span(span: tuple[datetime, datetime]) -> str:
    """Say from when to when something lasts, and how long that is."""
    start, end = span
    hours, rest = divmod(count_minutes(span), 60)
    long = " ".join(filter(None, (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "")))
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}, {long}"


def tell_own_word(read: Mapping[str, object]) -> list[str]:
    """Say that a word is kept as the person's own, where it looks like one that is known, or like care."""
    from cli.habits import find_near, fold, judge_word
    from ingest.files.diary.words import KINDS

    word = str(read.get("event", ""))
    if not word or word in KINDS:
        return []
    near = find_near(fold(word), KINDS | {"practice", "meditation"})
    if near is not None:
        return [f"'{word}' is kept as a word of your own; did you mean {near}?"]
    if judge_word(word) == "care":
        return [f"'{word}' is kept as a word of your own; 'tag medicine --app {word}' notes it as medicine."]
    return []


def keep_one(settings: Settings, participant: str, row: Row, now: datetime) -> bool:
    """Keep an answer once a minute: the same command sent twice is one answer."""
    # Its own date counts only where it was said: 'now' is another second each time.
    said = [cell for name, cell in row.items() if not (name == "time" and cell.endswith("Z"))]
    digest = hashlib.sha256("\0".join(said).encode()).hexdigest()[:16]
    key = f"{now.replace(second=0):{STAMP}}-{digest}"
    return keep(settings, participant, name_answer(row, key), row)
