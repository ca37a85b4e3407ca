"""What is done with an input: its source reads it to the end, and must keep its contract."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from unittest import mock

from source_reading import Found, member, read_members

from ingest import context
from ingest.files import apple_health, fitbit_takeout
from ingest.registry import SOURCES
from ingest.source import Source

from .inputs import neighbours, read_input

ZONE = "Europe/Berlin"
EXPORTED, FAR = datetime(2026, 11, 1), datetime(9999, 12, 31)


def take(data: bytes) -> int:
    """Read an input and check what comes; -1 for one that is not worth keeping.

    Raises
    ------
    Exception
        Whatever the source raises: it may not. AssertionError where what it gives is not as agreed.
    """
    given = read_input(data)
    if given is None:
        return -1
    mine = member(given.path, given.content)
    claimants = [source for source in SOURCES if source.claims(mine)]
    if len(claimants) != 1:
        return -1  # made of files of two sources, it may be claimed by both: then a load refuses it
    (source,) = claimants
    files = neighbours(given)
    # The date that a phone writes into its export is believed.
    latest = FAR if source is apple_health else None
    found = read_members(source, files, ZONE, EXPORTED, latest)
    other_way = find_other_way(source, given.path)
    if other_way is not None:
        with other_way:
            check_same(found, read_members(source, files, ZONE, EXPORTED, latest))
    return 0


def find_other_way(source: Source, path: str) -> AbstractContextManager[object] | None:
    """What has a source read a file in the way that it would not choose; None where it has but one."""
    if source is apple_health:
        return mock.patch.object(apple_health, "FAST_FROM_BYTES", 0)
    if source is fitbit_takeout and path.endswith(".json"):
        return mock.patch.object(context, "scan_array", return_value=None)
    return None


def check_same(one: Found, other: Found) -> None:
    """Two ways of reading a file give the same rows and refusals, in any order."""
    assert sort(one) == sort(other)


def sort(found: Found) -> list[str]:
    """All that was found, as text, in order."""
    rows = [repr((table, row)) for table, rows in found.rows.items() for row in rows]
    return sorted([*rows, *map(repr, found.refusals), *found.remarks])
