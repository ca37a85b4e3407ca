"""WHOOP API v2: cycles, sleeps, recoveries and workouts. There is no heart rate and there are no steps in it.

Four questions cover two weeks: 25 records a page. Scores come when WHOOP has made them; what is pending is asked for
again by the next pulls.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from ingest.live.answers import Earlier, NotGiven, RawAnswer
from ingest.live.client import Bucket, Client, LiveError, NotGrantedError
from ingest.live.questions import (
    DAY,
    NOT_GRANTED,
    instants_of,
    is_list_empty,
    nothing,
    stamp,
    unless_refused,
)

NAME = "whoop"
LABEL = "WHOOP"
SPAN_DAYS = 28
PAGE = 25
PER_S, AT_ONCE = 100 / 60, 50.0
"""100 requests a minute, of all people of an app together."""
RECORDS: tuple[tuple[str, str], ...] = (
    ("sleep", "/v2/activity/sleep"),
    ("recovery", "/v2/recovery"),
    ("cycle", "/v2/cycle"),
    ("workout", "/v2/activity/workout"),
)
"""Kinds of records: our name, and the path."""


def limits() -> list[Bucket]:
    """Buckets for one person: WHOOP has none but the app's."""
    return []


def app_limit() -> Bucket:
    """The bucket that all people of the app share in one process."""
    return Bucket(PER_S, AT_ONCE)


def explain(status: int, _body: bytes) -> LiveError | None:
    """What a refusal of this provider means."""
    return NotGrantedError(NOT_GRANTED) if status == 403 else None


def pull(
    client: Client, first_day: date, last_day: date, earlier: Earlier = nothing
) -> Iterator[RawAnswer | NotGiven]:
    """Ask for all records of some local days, both included; `earlier` is not used.

    Raises
    ------
    LiveError
        If the provider cannot be asked; what came before it stands.
    """
    del earlier
    for name, path in RECORDS:
        yield from unless_refused(name, walk(client, name, path, first_day, last_day))


def walk(client: Client, name: str, path: str, first_day: date, last_day: date) -> Iterator[RawAnswer]:
    """Ask for all pages of one kind of record."""
    # A night belongs to the day on which it ends, and so does its recovery: it began the day before.
    start, end = instants_of(first_day - DAY, last_day)
    params: dict[str, str | int] = {"start": stamp(start), "end": stamp(end), "limit": PAGE}
    for number, body in enumerate(client.pages(path, params, "next_token", "nextToken")):
        if not is_list_empty(body, "records"):
            yield RawAnswer(f"{name}_{first_day}_{last_day}_{number:04d}", body)
