"""The command that shows a person their own pages, on this machine only."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from cli.look import Wait
from cli.settings import Settings, make_places, read_settings
from warehouse.errors import ExplainedError

if TYPE_CHECKING:
    from cli.web import PageServer, Site

UNDER_AGE = (
    "No pages are shown to people under 18: they are made for adults. The setting is age_band; 'steadyline settings"
    " --participant {who}' shows it."
)


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(serve)


def serve(
    participant: Annotated[str, typer.Option(help="The pseudonym of the person.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback. 0: any that is free.")] = 0,
    wait: Wait = 60.0,
) -> None:
    """Show a person their own weeks in the browser and take their answers; Ctrl-C ends it."""
    site = open_site(read_settings(os.environ), participant, wait_s=wait)
    with open_server(site, port) as server, suppress(KeyboardInterrupt):
        typer.echo(server.address)
        typer.echo("Open this address in a browser of this machine. Ctrl-C ends it.", err=True)
        server.serve_forever()


def open_site(settings: Settings, participant: str, *, wait_s: float) -> Site:
    """Look up the person once; afterwards nothing holds the warehouse.

    Raises
    ------
    ExplainedError
        If there is no such person, or they do not allow pages or are under 18.
    WarehouseError
        If the warehouse stays held by another process.
    """
    from cli.spool import find_zone
    from cli.web import Site
    from reports.weekly import person_folder
    from reports.wishes import NO_CONSENT, PAGES_REFUSED, choose_language, why_no_page
    from warehouse.consent import list_refused
    from warehouse.preferences import read_preferences
    from warehouse.store import open_warehouse

    make_places(settings)
    with open_warehouse(settings.warehouse, read_only=True, wait_s=wait_s) as con:
        preferences = read_preferences(con, [participant])[participant]
        why = why_no_page(preferences, allowed=participant not in list_refused(con, "pages"))
    zone = find_zone(settings, participant, wait_s=wait_s)
    if zone is None:
        raise ExplainedError(
            "The warehouse is held by another process: wait until it is done, or give --wait SECONDS."
        )
    if why == "under 18":
        raise ExplainedError(UNDER_AGE.format(who=participant))
    if why == NO_CONSENT:
        raise ExplainedError(PAGES_REFUSED.format(who=participant))
    return Site(
        settings=settings,
        participant=participant,
        folder=person_folder(settings.reports, participant),
        zone=zone,
        token=secrets.token_urlsafe(24),
        language=choose_language(preferences),
        numbers=preferences.get("gentle") != "yes",
    )


def open_server(site: Site, port: int) -> PageServer:
    """Open the port.

    Raises
    ------
    ExplainedError
        If it cannot be had.
    """
    from cli.web import LOOPBACK, PageServer

    try:
        return PageServer(site, port)
    except OSError as error:
        raise ExplainedError(
            f"Port {port} of {LOOPBACK} cannot be had ({error.strerror or error}): give another --port, or none."
        ) from error
