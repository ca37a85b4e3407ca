"""Scripts written for the package `fitbit`: `open_fitbit` gives them a client of a person's connection."""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING

from cli.apps import outside, place_provider, read_app
from cli.keys import open_store
from cli.settings import read_settings

if TYPE_CHECKING:
    from ingest.live.fitbit_web.compat import FitbitCompat

PROVIDER = "google_health"
OPEN = ExitStack()
"""Connections that stay open as long as the script runs."""
atexit.register(OPEN.close)


def open_fitbit(participant: str) -> FitbitCompat:
    """Give what a script takes in the place of `fitbit.Fitbit(…)`; docs/fitbit.md tells what is null.

    The person was connected once with `steadyline connect google_health --participant P`.

    Raises
    ------
    ingest.connections.NotConnectedError
        If the person is not connected.
    """
    from ingest.connections import StoredTokens, read_held
    from ingest.live import google_health
    from ingest.live.client import Client, open_http
    from ingest.live.fitbit_web.compat import FitbitCompat
    from ingest.live.fitbit_web.fetching import fetch_with

    settings, world = read_settings(os.environ), outside()
    vault = open_store(settings, os.environ)
    read_held(vault, participant, PROVIDER)
    provider = place_provider(PROVIDER, os.environ)
    http = OPEN.enter_context(open_http())
    tokens = StoredTokens(vault, provider, read_app(provider, os.environ, vault), participant, world, http)
    buckets = (*google_health.limits(), google_health.app_limit())
    client = Client(provider.label, provider.base_url, tokens, world, http, buckets, google_health.explain)
    return FitbitCompat(fetch_with(client), lambda: datetime.now().astimezone())
