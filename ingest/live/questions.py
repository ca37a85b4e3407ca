"""What the questions of several providers have in common: which instants some days may have, and refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from ingest.live.answers import NotGiven, RawAnswer
from ingest.live.client import BadAnswerError, Client, NotGrantedError, Params

AHEAD, BEHIND = timedelta(hours=14), timedelta(hours=12)
"""How far local days reach beyond those of UTC."""
DAY = timedelta(days=1)
NOT_GRANTED = "not granted: the person may connect again and allow it"


def nothing(_: str) -> Sequence[bytes]:
    """No earlier answers."""
    return ()


def instants_of(first_day: date, last_day: date) -> tuple[datetime, datetime]:
    """The first instant of some local days and the first after them, wherever on Earth they were lived."""
    start = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
    end = datetime(last_day.year, last_day.month, last_day.day, tzinfo=UTC) + DAY
    return start - AHEAD, end + BEHIND


def stamp(moment: datetime) -> str:
    """An instant as most providers take it: 2026-10-28T23:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unless_refused(what: str, found: Iterator[RawAnswer | NotGiven]) -> Iterator[RawAnswer | NotGiven]:
    """Give what is found; if the person did not grant it, say so and go on."""
    try:
        yield from found
    except NotGrantedError as refusal:
        yield NotGiven(what, str(refusal))


def is_list_empty(body: bytes, key: str) -> bool:
    """Whether the list (or object) under a key has nothing in it; such an answer is not worth keeping."""
    return re.search(rb'"' + key.encode() + rb'"\s*:\s*(\[\s*\]|\{\s*\})', body[:4096]) is not None


def read_entries(answers: Sequence[bytes], path: Sequence[str], key: str) -> dict[str, object]:
    """Entries of lists in answers, by what each has under a key.

    `path` leads to the list; without it the answer is one. An answer that differs has none: whoever compares with
    it then takes everything for new.
    """
    found: dict[str, object] = {}
    for body in answers:
        try:
            entries = json.loads(body)
            for step in path:
                entries = entries[step]
            found |= {str(entry[key]): entry for entry in entries}
        except (KeyError, TypeError, ValueError):
            continue
    return found


def changed(now: Mapping[str, object], before: Mapping[str, object]) -> list[str]:
    """Keys whose entries are new or differ from before, in order."""
    return sorted(key for key, entry in now.items() if before.get(key) != entry)


def ask_if_there(client: Client, path: str, params: Params | None = None) -> bytes | None:
    """Ask for something that may not be there: None for an empty answer and for 'not found'."""
    try:
        body = client.ask(path, params)
    except BadAnswerError as refusal:
        if refusal.status != 404:
            raise
        return None
    return body if body.strip() not in (b"", b"[]", b"{}") else None
