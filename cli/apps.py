"""Providers as this installation has them: where each is asked, and our own registration with it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from warehouse.errors import ExplainedError

if TYPE_CHECKING:
    from ingest.live.client import Outside
    from ingest.live.oauth import App
    from ingest.live.providers import Provider
    from ingest.vault import Vault

PROVIDERS = ("google_health", "oura", "whoop", "polar", "withings", "garmin_personal")
"""Names of all providers (`ingest.live.providers`), for who lists them without asking one."""
KIND = "app"
"""The kind of row that a registration has in the vault; it is nobody's."""


class AppError(ExplainedError):
    """A provider cannot be used as it is set up here."""


def variable(provider: str, what: str) -> str:
    """The name of a variable on a provider, such as STEADYLINE_OURA_CLIENT_ID."""
    return f"STEADYLINE_{provider.upper()}_{what}"


def place_provider(name: str, environ: Mapping[str, str]) -> Provider:
    """Find a provider; STEADYLINE_<PROVIDER>_AT puts all its addresses elsewhere: a house's proxy, or a fake.

    Raises
    ------
    LiveError
        If there is no such provider.
    AppError
        If tokens would cross a network in the clear.
    """
    from cli.smtp import LOOPBACK
    from ingest.live.providers import find_provider, moved

    provider = find_provider(name)
    origin = environ.get(variable(name, "AT"))
    if not origin:
        return provider
    place = urlsplit(origin)
    if place.scheme != "https" and not (place.scheme == "http" and place.hostname in LOOPBACK):
        raise AppError(
            f"{variable(name, 'AT')} begins with https://; http:// is only for a server on this machine."
        )
    return moved(provider, origin)


def read_app(provider: Provider, environ: Mapping[str, str], vault: Vault) -> App:
    """Read our registration: from the environment, else from the vault.

    Raises
    ------
    AppError
        If there is none.
    """
    from cli.post import INSTALLATION
    from ingest.live.oauth import App

    redirect = environ.get(variable(provider.name, "REDIRECT"))
    if provider.grant == "key":
        return App("")
    given = environ.get(variable(provider.name, "CLIENT_ID"))
    if given:
        return App(given, environ.get(variable(provider.name, "CLIENT_SECRET"), ""), redirect)
    entry = vault.read(INSTALLATION, KIND, provider.name)
    if entry is None:
        raise AppError(
            f"{provider.label} does not know this installation yet: register an app there (docs/connect.md), then"
            f" keep its id and secret with 'steadyline vault app {provider.name}', or set"
            f" {variable(provider.name, 'CLIENT_ID')} and {variable(provider.name, 'CLIENT_SECRET')}."
        )
    held = entry.value
    return App(held["client_id"], held["client_secret"], redirect or held.get("redirect"))


def keep_app(vault: Vault, provider: str, client_id: str, client_secret: str, redirect: str) -> None:
    """Keep our registration with a provider, encrypted."""
    from cli.post import INSTALLATION, put

    value = {"client_id": client_id.strip(), "client_secret": client_secret.strip()}
    if redirect.strip():
        value["redirect"] = redirect.strip()
    put(vault, (INSTALLATION, KIND, provider), value)


def outside() -> Outside:
    """The clock, rest and chance that clients use."""
    from ingest.live.client import Outside

    return Outside(lambda: datetime.now(UTC), time.sleep, random.SystemRandom().random)
