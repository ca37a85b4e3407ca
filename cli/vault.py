"""Commands on what is kept encrypted: the address of a person, and the vault itself."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cli.look import AsJson, Wait, print_json, print_table
from cli.settings import read_settings

vault = typer.Typer(help="Look after what is kept encrypted.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(address)
    app.add_typer(vault, name="vault")


def address(
    participant: Annotated[str, typer.Option(help="The pseudonym of the person.")],
    mail: Annotated[str | None, typer.Argument(metavar="ADDRESS", help="Such as you@example.org.")] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Forget the address, and mails that wait.")
    ] = False,
    wait: Wait = 60.0,
) -> None:
    """Keep a person's mail address, encrypted and nowhere else, or forget it."""
    from cli.keys import open_store
    from cli.post import forget_address, keep_address
    from warehouse.errors import ExplainedError
    from warehouse.status import list_participants

    settings = read_settings(os.environ)
    if (mail is None) == (not remove):
        raise ExplainedError("Give an address, such as you@example.org, or --remove.")
    if participant not in list_participants(settings.warehouse, wait_s=wait):
        raise ExplainedError(f"There is no participant {participant}: 'steadyline status' lists them.")
    store = open_store(settings, os.environ)
    if mail is None:
        was_there = forget_address(store, participant, wait_s=wait)
        typer.echo("the address is forgotten" if was_there else "there was no address")
        return
    keep_address(store, participant, mail, wait_s=wait)
    typer.echo(
        f"The address is kept, encrypted. Mails go out once 'steadyline settings --participant {participant}"
        " mail=yes' is set. A mail is not sealed: who runs the mail servers on its way can read it."
    )


@vault.command()
def status(as_json: AsJson = False) -> None:
    """List what the vault holds, without what is secret; needs no key."""
    from cli.keys import FileKeys
    from ingest.vault import open_vault

    settings = read_settings(os.environ)
    held = open_vault(settings.vault, FileKeys(settings.vault_key)).list_all()
    rows = [
        {
            "participant": row.participant or "(installation)",
            "kind": row.kind,
            "name": row.name,
            "status": row.note.status,
            "well": row.note.succeeded,
            "trouble": row.note.failed,
            "what": row.note.error,
            "expires": row.note.expires,
        }
        for row in held
    ]
    if as_json:
        print_json(rows)
    else:
        print_table("vault", rows, empty="nothing is kept")


@vault.command()
def rotate() -> None:
    """Encrypt all with a new key and drop the old one; a kill in between loses nothing."""
    from cli.keys import open_store

    settings = read_settings(os.environ)
    if not settings.vault.exists():
        typer.echo("there is no vault yet: nothing to rotate")
        return
    store = open_store(settings, os.environ)
    count = store.rotate()
    old = "" if store.source.writable else f"; take the old key out of {store.source.place} now"
    typer.echo(f"{count} rows encrypted with the new key{old}")


@vault.command()
def key() -> None:
    """Print a new key, for STEADYLINE_VAULT_KEY."""
    from ingest.vault import make_key

    typer.echo(make_key())


@vault.command()
def password() -> None:
    """Ask for the mail server's password and keep it encrypted, instead of in STEADYLINE_SMTP_PASSWORD."""
    from cli.keys import open_store
    from cli.post import keep_password

    store = open_store(read_settings(os.environ), os.environ)
    keep_password(store, typer.prompt("Password of the mail server", hide_input=True))
    typer.echo("kept, encrypted")
