"""The command that erases a person: rows, files, the published copy, and what Airflow noted."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli.look import Wait
from cli.permit import tell_left
from cli.settings import Settings, read_settings


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(forget)


def forget(
    participant: Annotated[str, typer.Argument(help="The pseudonym of the person to erase.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask. What is erased cannot be brought back.")
    ] = False,
    wait: Wait = 60.0,
) -> None:
    """Erase a person everywhere; prints the number of a receipt that says nothing about whose data it was."""
    settings = read_settings(os.environ)
    if not yes:
        typer.confirm(f"Erase {participant} for good: rows, files, pages and logs?", abort=True)
    receipt = forget_person(settings, participant, environ=os.environ, tell=typer.echo, wait_s=wait)
    typer.echo(f"erased; receipt {receipt}")


def forget_person(
    settings: Settings,
    participant: str,
    *,
    environ: Mapping[str, str] | None = None,
    tell: Callable[[str], None] = lambda _: None,
    wait_s: float = 60.0,
) -> str:
    """Erase a person from every place where a run may have put something of theirs.

    Whoever adds such a place (backups, a queue) adds it here and to the test.
    Files go last but for the receipt's count, so that after a kill the same command goes on.
    """
    from cli.embedded import forget_in_airflow
    from cli.keys import FileKeys
    from cli.nightly import utc_now
    from cli.spool import list_unfinished
    from ingest.vault import open_vault
    from reports.weekly import person_folder
    from warehouse.consent import list_releases
    from warehouse.erase import erase
    from warehouse.errors import ExplainedError
    from warehouse.publish import publish
    from warehouse.status import list_participants
    from warehouse.store import open_warehouse

    if participant not in list_participants(settings.warehouse, wait_s=wait_s):
        raise ExplainedError(
            f"There is no participant {participant}: 'steadyline status' lists those there are."
        )
    with open_warehouse(settings.warehouse, read_only=True, wait_s=wait_s) as con:
        left = list_releases(con, participant)
    if left:
        tell(f"{participant}: {tell_left(left)}")
    if environ is not None:
        take_consents_back(settings, environ, participant, tell)
    # Needs no key, so that it works where that is lost; a mail that is being sent is the last one.
    open_vault(settings.vault, FileKeys(settings.vault_key)).delete_participant(participant)
    personal = (settings.inbox / participant, settings.raw / participant, settings.watch / participant)
    files = sum(map(remove, (*personal, person_folder(settings.reports, participant))))
    for unfinished in list_unfinished(settings, participant):
        unfinished.unlink(missing_ok=True)
        files += 1
    files += remove(settings.staging)
    files += forget_in_airflow(settings.airflow, names(participant))
    now = utc_now()
    receipt = erase(settings.warehouse, participant, files=files, now=now, wait_s=wait_s)
    if settings.published.exists():
        publish(settings.warehouse, settings.published, now=now, group=settings.group, wait_s=wait_s)
    return receipt


def take_consents_back(
    settings: Settings, environ: Mapping[str, str], participant: str, tell: Callable[[str], None]
) -> None:
    """Take a person's consents back at the providers as well as that works, and say what became of each.

    A provider that is gone, or a lost key of the vault, does not hold up the erasure; a pull under way does.
    """
    from cli.connect import end_connections
    from cli.keys import open_store
    from ingest.vault_file import VaultError

    if not settings.vault.exists():
        return
    try:
        told = end_connections(settings, open_store(settings, environ), environ, participant)
    except VaultError as error:
        told = [f"consents could not be taken back, the person can do it in the account: {error}"]
    for line in told:
        tell(line)


def names(participant: str) -> re.Pattern[str]:
    """Match the pseudonym as a whole: erasing p-1 leaves p-12 alone."""
    return re.compile(rf"(?<![A-Za-z0-9._-]){re.escape(participant)}(?![A-Za-z0-9_-]|\.[A-Za-z0-9])")


def remove(folder: Path) -> int:
    """Remove a folder and count the files that were in it."""
    count = sum(path.is_file() for path in folder.rglob("*")) if folder.exists() else 0
    shutil.rmtree(folder, ignore_errors=True)
    return count
