"""The command by which a person allows uses of their data, and takes that back."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.look import AsJson, Wait, print_json, print_table
from cli.nightly import utc_now
from cli.settings import Settings, read_settings

if TYPE_CHECKING:
    from warehouse.consent import Release, Statement

    History = Mapping[str, tuple[Statement, ...]]

WIDEST_COLUMNS = 100
ANSWERS = {"yes": True, "no": False}
LEAVES = ("research", "raw")
"""Purposes by which data leaves for others, who keep what they have."""


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(consent)


def consent(
    participant: Annotated[str, typer.Option(help="The pseudonym of the person.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="PURPOSE=yes|no", help="What the person says, such as research=yes raw=no."),
    ] = None,
    wait: Wait = 60.0,
    as_json: AsJson = False,
) -> None:
    """Show which uses of their data a person allows and what has left; write what they say of it."""
    from warehouse.consent import check_person, is_allowed, list_releases, read_statements, write_consents
    from warehouse.store import open_warehouse

    settings = read_settings(os.environ)
    said = read_said(changes or [])
    new = write_consents(settings.warehouse, participant, said, now=utc_now(), wait_s=wait) if said else []
    stopped = stop_at_once(settings, participant, said, wait_s=wait)
    with open_warehouse(settings.warehouse, read_only=True, wait_s=wait) as con:
        check_person(con, participant)
        history, left = read_statements(con, participant), list_releases(con, participant)
        holding = {name: is_allowed(con, participant, name) for name in history}
    rows = [describe(name, every, holds=holding[name]) for name, every in history.items()]
    told = [*tell_said(said, new, history, left, holding), *stopped]
    if as_json:
        print_json(
            {
                "participant": participant,
                "told": told,
                "consent": rows,
                "said": [vars(one) for every in history.values() for one in every],
                "left": [vars(one) for one in left],
            }
        )
        return
    for line in told:
        typer.echo(line)
    typer.echo(f"what {participant} allows")
    for row in rows:
        typer.echo(lay_out(row))
    typer.echo()
    print_table("what has left for others", [vars(one) for one in left], empty="nothing")


def lay_out(row: Mapping[str, Any]) -> str:
    """One purpose as a paragraph: whether it is allowed and why, then what that means."""
    since = "" if row["since"] is None else f" since {row['since']:%Y-%m-%d}, by text {row['text']}"
    verb = "allowed" if row["allowed"] else "not allowed"
    width = min(shutil.get_terminal_size().columns, WIDEST_COLUMNS)
    meaning = textwrap.fill(row["meaning"], width, initial_indent="  ", subsequent_indent="  ")
    return f"\n{row['purpose']}: {verb}{since} ({row['why']})\n{meaning}"


def read_said(changes: Sequence[str]) -> dict[str, bool]:
    """Read what is said: yes or no by purpose.

    Raises
    ------
    ConsentError
        If it is not PURPOSE=yes or PURPOSE=no, there is no such purpose, or one is named twice.
    """
    from warehouse.consent import ConsentError, find_purpose

    said: dict[str, bool] = {}
    for change in changes:
        name, _, answer = change.partition("=")
        find_purpose(name)
        if answer not in ANSWERS:
            raise ConsentError(f"Expected {name}=yes or {name}=no, not '{change[:40]}'.")
        if name in said:
            raise ConsentError(f"The purpose '{name}' is given twice: say yes or no once.")
        said[name] = ANSWERS[answer]
    return said


def stop_at_once(
    settings: Settings, participant: str, said: Mapping[str, bool], *, wait_s: float
) -> list[str]:
    """Delete the mails that wait for a person who wants no mails or no pages any more; tells what kept it from that."""
    from cli.keys import FileKeys
    from cli.post import stop_mails
    from ingest.vault import open_vault
    from ingest.vault_file import VaultError

    if (said.get("mail", True) and said.get("pages", True)) or not settings.vault.exists():
        return []
    try:
        stop_mails(open_vault(settings.vault, FileKeys(settings.vault_key)), participant, wait_s=wait_s)
    except VaultError as error:
        return [f"mails that wait may still go out: {error}"]
    return []


def describe(name: str, every: Sequence[Statement], *, holds: bool) -> dict[str, Any]:
    """Lay out one purpose: whether it is allowed, since when and by which text, and what that means."""
    from warehouse.consent import PURPOSES

    last = every[-1] if every else None
    return {
        "purpose": name,
        "allowed": holds,
        "since": None if last is None else last.since_utc,
        "text": None if last is None else last.version,
        "why": explain(last, holds=holds),
        "meaning": PURPOSES[name].meaning,
    }


def explain(last: Statement | None, *, holds: bool) -> str:
    """Say in a few words why a purpose is allowed or not."""
    if last is None:
        return "nothing was said, so it is " + ("on" if holds else "off")
    if last.granted == holds:
        return "as it was said"
    return "an older text: has to be said again" if last.is_outdated else "counts only together with research"


def tell_said(
    said: Mapping[str, bool],
    new: Sequence[str],
    history: History,
    left: Sequence[Release],
    holding: Mapping[str, bool],
) -> list[str]:
    """Tell what became of what was said: what is new, when it takes effect, and what has left before."""
    told = []
    for name in dict.fromkeys([*said, *new]):
        last = history[name][-1]
        if name not in new:
            verb = "allowed" if last.granted else "not allowed"
            told.append(f"{name}: {verb} already, since {last.since_utc:%Y-%m-%d}; nothing was written.")
        elif last.granted:
            told.append(f"{name}: allowed from now on, by text {last.version}.")
        else:
            told += tell_refused(name, history[name], left)
    if said.get("raw") and not holding["raw"]:
        told.append("raw: counts only together with research, which is not allowed.")
    return told


def tell_refused(name: str, every: Sequence[Statement], left: Sequence[Release]) -> list[str]:
    """Tell when a refusal takes effect, and what has left before it."""
    from warehouse.consent import PURPOSES

    purpose = PURPOSES[name]
    if not purpose.default and not any(one.granted for one in every):
        return [f"{name}: not allowed, as it was; that is written down now."]
    told = [f"{name}: not allowed any more; this takes effect {purpose.ends}."]
    if name in LEAVES:
        told.append(f"{name}: {tell_left([one for one in left if one.raw or name == 'research'])}")
    return told


def tell_left(left: Sequence[Release]) -> str:
    """Say in one sentence what has left for others, when, and that it stays with them."""
    if not left:
        return "nothing has left for others before."
    return f"what has left before cannot be called back: {'; '.join(map(name_release, left))}."


def name_release(one: Release) -> str:
    """Name what has left: 'the published copy (duckdb), 3 times, from 2026-11-01 to 2026-11-20'."""
    what = "the published copy" if one.way == "published" else one.way
    marks = ["de-identified"] * one.deidentified + ["with raw signals"] * one.raw
    first, last = f"{one.first_utc:%Y-%m-%d}", f"{one.last_utc:%Y-%m-%d}"
    times = f"once, on {first}" if one.times == 1 else f"{one.times} times, from {first} to {last}"
    return f"{what} ({', '.join([one.format, *marks])}), {times}"
