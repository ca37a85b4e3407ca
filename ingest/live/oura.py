"""Oura API v2: documents of days and nights, and heart rates by instant.

Nine questions cover any number of days up to `SPAN_DAYS`; a ring has nothing that would tell which days changed.
Answers are what the account's JSON export holds, so `ingest.files.oura` reads them. Oura would rather notify than be
asked, but that takes a public address; at nine questions a person and night its limits are far away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ingest.live.answers import Earlier, NotGiven, RawAnswer
from ingest.live.client import BadAnswerError, Bucket, Client, LiveError, NotGrantedError
from ingest.live.questions import (
    DAY,
    NOT_GRANTED,
    instants_of,
    is_list_empty,
    nothing,
    stamp,
    unless_refused,
)

NAME = "oura"
LABEL = "Oura"
SPAN_DAYS = 28
"""Heart rates are given for 30 days at most; two of these are the edges of local days."""
PER_S, AT_ONCE = 5000 / 300, 500.0
"""5000 requests in five minutes, of all people of an app together."""


@dataclass(frozen=True)
class Document:
    """A kind of document: its path, and whether it is asked for by instants or by dates."""

    path: str
    by_instant: bool = False


DOCUMENTS = (
    Document("sleep"),
    Document("heartrate", by_instant=True),
    Document("daily_sleep"),
    Document("daily_readiness"),
    Document("daily_activity"),
    Document("daily_spo2"),
    Document("daily_stress"),
    Document("daily_resilience"),
    Document("workout"),
)


def limits() -> list[Bucket]:
    """Buckets for one person: Oura has none but the app's."""
    return []


def app_limit() -> Bucket:
    """The bucket that all people of the app share in one process."""
    return Bucket(PER_S, AT_ONCE)


def explain(status: int, body: bytes) -> LiveError | None:
    """What a refusal of this provider means."""
    if status in (401, 403) and b"scope" in body.lower():
        return NotGrantedError(NOT_GRANTED)
    if status == 403:
        return BadAnswerError(
            "Oura gives an app data of paying members only: the membership of this account has ended, or it never had"
            " one. Its export can be loaded instead.",
            status,
        )
    if status == 426:
        return BadAnswerError(
            "Oura asks this person to update the Oura app on the phone; until then it gives nothing.", status
        )
    return None


def pull(
    client: Client, first_day: date, last_day: date, earlier: Earlier = nothing
) -> Iterator[RawAnswer | NotGiven]:
    """Ask for all documents of some local days, both included; `earlier` is not used.

    Raises
    ------
    LiveError
        If the provider cannot be asked; what came before it stands.
    """
    del earlier
    for document in DOCUMENTS:
        yield from unless_refused(document.path, walk(client, document, first_day, last_day))


def walk(client: Client, document: Document, first_day: date, last_day: date) -> Iterator[RawAnswer]:
    """Ask for all pages of one kind of document."""
    params: dict[str, str | int]
    if document.by_instant:
        start, end = instants_of(first_day, last_day)
        params = {"start_datetime": stamp(start), "end_datetime": stamp(end)}
    else:
        # For some kinds the last date is left out, for others not: one more costs nothing.
        params = {"start_date": str(first_day), "end_date": str(last_day + DAY)}
    path = f"/v2/usercollection/{document.path}"
    for number, body in enumerate(client.pages(path, params, "next_token", "next_token")):
        if not is_list_empty(body, "data"):
            yield RawAnswer(f"{document.path}_{first_day}_{last_day}_{number:04d}", body)
