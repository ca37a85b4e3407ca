"""The command that shows and changes what a person asked for."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cli.look import AsJson, Wait, print_json, print_table
from cli.nightly import utc_now
from cli.settings import read_settings


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(settings)


def settings(
    participant: Annotated[str, typer.Option(help="The pseudonym of the person.")],
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="What to change, such as gentle=yes.")
    ] = None,
    unset: Annotated[list[str] | None, typer.Option(help="A setting to take back; may be repeated.")] = None,
    wait: Wait = 60.0,
    as_json: AsJson = False,
) -> None:
    """Show what a person asked for, and change it; what is not set is never guessed."""
    from warehouse.preferences import PREFERENCES

    wanted = read_changes(changes or [], unset or [])
    held = change(participant, wanted, wait_s=wait)
    if as_json:
        print_json({p.name: held.get(p.name) for p in PREFERENCES})
        return
    rows = [
        {"setting": p.name, "value": held.get(p.name), "can be": p.form, "meaning": p.meaning}
        for p in PREFERENCES
    ]
    print_table(f"settings of {participant} (empty: not set, and never guessed)", rows, empty="")


def read_changes(changes: list[str], unset: list[str]) -> dict[str, str | None]:
    """Read what is asked for: values by name, None for what is taken back.

    Raises
    ------
    PreferenceError
        If it is not NAME=VALUE, or one name is asked for twice.
    """
    from warehouse.preferences import PreferenceError

    wanted: dict[str, str | None] = {}
    pairs = [change.partition("=") for change in changes]
    for name, sign, value in [*pairs, *((name, "=", None) for name in unset)]:
        if not sign:
            raise PreferenceError(f"Expected NAME=VALUE, such as gentle=yes, not '{name[:40]}'.")
        if name in wanted:
            raise PreferenceError(f"The setting '{name[:40]}' is given twice: say once what it is to be.")
        wanted[name] = value
    return wanted


def change(participant: str, wanted: dict[str, str | None], *, wait_s: float) -> dict[str, str]:
    """Change what is wanted, if anything is, and give all settings that the person has now."""
    from warehouse.preferences import PreferenceError, read_preferences, write_preferences
    from warehouse.status import list_participants
    from warehouse.store import open_warehouse

    warehouse = read_settings(os.environ).warehouse
    with open_warehouse(warehouse, read_only=True, wait_s=wait_s) as con:
        held = read_preferences(con, [participant])[participant]
    if participant not in list_participants(warehouse, wait_s=wait_s):
        raise PreferenceError(f"There is no participant {participant}: 'steadyline status' lists them.")
    if not wanted:
        return held
    return write_preferences(warehouse, participant, wanted, now=utc_now(), wait_s=wait_s)
