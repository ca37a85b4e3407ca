"""Commands on connections with wearables' own services: connect, disconnect, and our registration with them."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from cli.apps import PROVIDERS
from cli.look import Wait
from cli.settings import Settings, make_places, read_settings
from cli.vault import vault as vault_commands
from warehouse.errors import ExplainedError

if TYPE_CHECKING:
    import httpx

    from cli.consent import Listener
    from ingest.live.oauth import App, Grant, Question
    from ingest.live.providers import Provider
    from ingest.vault import Vault

ProviderName = Annotated[
    str,
    typer.Argument(metavar="PROVIDER", help=f"One of {', '.join(PROVIDERS)}."),
]
Participant = Annotated[str, typer.Option(help="The pseudonym of the person.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(connect)
    app.command()(disconnect)
    vault_commands.command("app")(keep)


def connect(
    provider: ProviderName,
    participant: Participant,
    timezone: Annotated[
        str | None, typer.Option(help="Zone the person lives in, such as Europe/Berlin; for a new person.")
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="Paste the address that a browser elsewhere ends at.")
    ] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the consent page in a browser.")] = False,
    wait: Wait = 60.0,
) -> None:
    """Let a person give consent at a wearable's own service; prints the address where they do."""
    from cli.apps import place_provider, read_app
    from cli.keys import open_store

    settings = read_settings(os.environ)
    check_person(settings, participant, timezone, wait_s=wait)
    make_places(settings)
    store = open_store(settings, os.environ)
    chosen = place_provider(provider, os.environ)
    app = read_app(chosen, os.environ, store)
    grant = ask_person(chosen, app, headless=headless, open_browser=open_browser)
    missing = keep_grant(store, chosen, participant, grant, timezone)
    typer.echo(
        f"{participant} is connected to {chosen.label}: 'steadyline pull --participant {participant}'."
    )
    for line in tell_limits(chosen, grant, missing):
        typer.echo(line)


def check_person(settings: Settings, participant: str, timezone: str | None, *, wait_s: float) -> None:
    """Check who is to be connected: enrolled, or a new one with a zone.

    Raises
    ------
    ExplainedError
        If neither.
    """
    from ingest.ledger import PARTICIPANT_ID, check_zone
    from warehouse.known import read_known

    if not PARTICIPANT_ID.fullmatch(participant):
        raise ExplainedError(
            f"{participant[:80]!r} cannot be a participant's id: take up to 64 letters, digits, dots, dashes and"
            " underscores, and no name or address."
        )
    zone = read_known(settings.warehouse, participant=None, sha256=[], wait_s=wait_s).zones.get(participant)
    if timezone is not None:
        check_zone(timezone)
    elif zone is None:
        raise ExplainedError(
            f"{participant} is new here: give the zone they live in, such as --timezone Europe/Berlin."
        )
    if zone is not None and timezone not in (None, zone):
        raise ExplainedError(f"{participant} is enrolled with the zone {zone}: leave --timezone out.")


def ask_person(provider: Provider, app: App, *, headless: bool, open_browser: bool) -> Grant:
    """Let the person consent, or hand over a key, and get tokens for it."""
    from cli.apps import outside
    from cli.consent import HOST, choose_redirect, listening, read_pasted, wait_for_answer
    from ingest.live import oauth
    from ingest.live.client import open_http

    with ExitStack() as stack:
        http = stack.enter_context(open_http())
        if provider.grant == "key":
            typer.echo(f"Make a key in the {provider.label} account (docs/connect.md).", err=True)
            key = read_secret("Key")
            return with_key(oauth.renew(provider, app, http, outside(), key), key)
        redirect, port = choose_redirect(provider, app)
        listener = None
        if port is not None and not headless:
            listener = stack.enter_context(listening(port))
        question = oauth.make_question(provider, app, redirect or f"http://{HOST}:{port_of(listener)}/")
        show_address(question, open_browser=open_browser)
        code = (
            read_pasted(read_line(provider), question)
            if listener is None
            else wait_for_answer(listener, question)
        )
        return oauth.exchange(provider, app, http, outside(), question, code)


def port_of(listener: Listener | None) -> int:
    """The port that is listened on; where nobody listens, one that is free, so that no other page answers."""
    from cli.consent import listening

    if listener is not None:
        return int(listener.port)
    with listening(0) as free:
        return int(free.port)


def with_key(grant: Grant, key: str) -> Grant:
    """A grant with the person's key in the place of a refresh token."""
    from dataclasses import replace

    return replace(grant, refresh=key)


def show_address(question: Question, *, open_browser: bool) -> None:
    """Print where consent is given, and open it if that was asked for."""
    typer.echo("The person opens this address and agrees there:", err=True)
    typer.echo(question.address)
    if open_browser:
        webbrowser.open(question.address)


def read_line(provider: Provider) -> str:
    """Read the address that a browser ended at, from standard input."""
    typer.echo(
        "Afterwards the browser may say that it cannot reach the page. Paste the address that it shows"
        f" (within {provider.code_lives_s} s), then press Enter:",
        err=True,
    )
    return sys.stdin.readline()


def read_secret(what: str) -> str:
    """Read a secret: unseen from a terminal, else one line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True)).strip()
    return sys.stdin.readline().strip()


def keep_grant(
    store: Vault, provider: Provider, participant: str, grant: Grant, timezone: str | None
) -> tuple[str, ...]:
    """Keep a consent if its account is the right one; else give it back, unless it is another participant's."""
    from cli.apps import outside
    from ingest.consent import FixedToken, WrongAccountError
    from ingest.consent import connect as keep_consent
    from ingest.live import oauth
    from ingest.live.client import Client, open_http
    from ingest.live.providers import load_module

    with open_http() as http:
        explain = load_module(provider.name).explain
        tokens = FixedToken(grant.access)
        client = Client(provider.label, provider.base_url, tokens, outside(), http, explain=explain)
        try:
            return keep_consent(store, provider, participant, grant, client, timezone=timezone)
        except WrongAccountError:
            token = oauth.choose_token(provider, grant.access, grant.refresh)
            oauth.revoke(provider, http, token, grant.identity)
            raise


def tell_limits(provider: Provider, grant: Grant, missing: tuple[str, ...]) -> list[str]:
    """What an operator has to know of a consent: what is missing, and when it ends."""
    told = []
    if missing:
        names = ", ".join(scope.rpartition("/")[2] for scope in missing)
        told.append(f"Not granted: {names}. What needs it stays empty; connecting again can add it.")
    if provider.identity is None:
        told.append(f"{provider.label} does not say whose account it is: make sure that it is the person's.")
    if grant.consent_ends is not None:
        told.append(f"This consent ends on {grant.consent_ends:%Y-%m-%d}.")
        if provider.name == "google_health":
            told.append(
                "Google ends consents after 7 days while the app's status is Testing: publish the app, then let"
                " everybody consent again (docs/connect.md)."
            )
    return told


def disconnect(provider: ProviderName, participant: Participant) -> None:
    """End a connection: take the consent back at the provider, then delete the tokens. What was pulled stays."""
    from cli.keys import open_store

    settings = read_settings(os.environ)
    store = open_store(settings, os.environ)
    for line in end_connections(settings, store, os.environ, participant, provider):
        typer.echo(line)


def end_connections(
    settings: Settings,
    store: Vault,
    environ: Mapping[str, str],
    participant: str,
    provider: str | None = None,
) -> list[str]:
    """Take a person's consents back, as far as that works, and delete their tokens; says what became of each.

    Raises
    ------
    ExplainedError
        If one provider is named, and the person is not connected to it.
    BusyError
        If a pull for the person is under way.
    """
    from ingest.connections import KIND, list_connections
    from ingest.live.client import open_http
    from ingest.pull import holding

    names = [c.provider for c in list_connections(store, participant) if provider in (None, c.provider)]
    if provider is not None and not names:
        raise ExplainedError(
            f"{participant} is not connected to {provider}: 'steadyline status' lists connections."
        )
    told = []
    with open_http() as http:
        for name in names:
            with holding(settings.staging, f"{participant}-{name}"):
                told.append(take_back(store, environ, participant, name, http))
                store.delete(participant, KIND, name)
    return told


def take_back(
    store: Vault, environ: Mapping[str, str], participant: str, name: str, http: httpx.Client
) -> str:
    """Take one consent back at its provider; says what became of it."""
    from cli.apps import AppError, outside, place_provider, read_app
    from ingest.connections import StoredTokens
    from ingest.consent import end_consent
    from ingest.live.oauth import App

    try:
        provider = place_provider(name, environ)
        try:
            app = read_app(provider, environ, store)
        except AppError:
            app = App("")
        why = end_consent(StoredTokens(store, provider, app, participant, outside(), http))
    except ExplainedError as error:
        return f"{name}: the tokens were deleted here; the consent was not taken back ({error})"
    if why is None:
        return f"{provider.label}: the consent was taken back, the tokens were deleted"
    where = f" at {provider.revoke_page}" if provider.revoke_page else " in the account"
    return (
        f"{provider.label}: the tokens were deleted here, but the consent was not taken back ({why}): the person"
        f" can do it{where}"
    )


def keep(provider: ProviderName) -> None:
    """Ask for the id and secret of the app that was registered with a provider, and keep them encrypted."""
    from cli.apps import keep_app
    from cli.keys import open_store
    from ingest.live.providers import find_provider

    chosen = find_provider(provider)
    settings = read_settings(os.environ)
    make_places(settings)
    store = open_store(settings, os.environ)
    client_id = typer.prompt("Client id")
    client_secret = typer.prompt(
        "Client secret (may be empty)", hide_input=True, default="", show_default=False
    )
    redirect = ""
    if chosen.redirect != "loopback":
        redirect = typer.prompt("Registered redirect address", default="http://localhost:8537/")
    keep_app(store, provider, client_id, client_secret, redirect)
    typer.echo("kept, encrypted")
