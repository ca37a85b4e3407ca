"""What asks the Google Health API for `FitbitCompat`: a client of one person's connection."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time

from ingest.files.google_health.layout import BY_PATH
from ingest.live.client import Client
from ingest.live.google_health import filter_civil, walk

from .points import Fetch


def fetch_with(client: Client) -> Fetch:
    """Give a function that asks by this client, all pages of an answer."""

    def fetch(what: str, start: datetime | None = None, end: datetime | None = None) -> Iterator[bytes]:
        if start is None or end is None:
            yield client.ask(f"/v4/users/me/{what}")
            return
        kind = BY_PATH[what]
        edges = [write_edge(moment, daily=kind.kind == "daily") for moment in (start, end)]
        for answer in walk(client, kind, filter_civil(kind, *edges), what):
            yield answer.body

    return fetch


def write_edge(moment: datetime, *, daily: bool) -> str:
    """An edge of a range: a date for values of days, and where a day begins."""
    if daily or moment.time() == time():
        return str(moment.date())
    return moment.isoformat()
