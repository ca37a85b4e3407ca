"""The sources there are, in order. Adding a device is one file in `ingest/files` and one line here."""

from __future__ import annotations

from collections.abc import Iterable

from ingest.files import fitbit_takeout
from ingest.source import Member, Source

SOURCES: tuple[Source, ...] = (fitbit_takeout,)


def claim(members: Iterable[Member]) -> tuple[dict[str, list[Member]], list[Member]]:
    """Find the one source of every member.

    Returns
    -------
    tuple
        Members by the name of their source, and the members that no source claims.

    Raises
    ------
    ValueError
        If two sources claim a member: a fault of ours, never of the input.
    """
    claimed: dict[str, list[Member]] = {}
    unclaimed = []
    for member in members:
        names = [source.NAME for source in SOURCES if source.claims(member)]
        if len(names) > 1:
            raise ValueError(f"{member.path} is claimed by {' and '.join(names)}: make their claims narrower")
        if names:
            claimed.setdefault(names[0], []).append(member)
        else:
            unclaimed.append(member)
    return claimed, unclaimed


def find_source(name: str) -> Source:
    """The source of that name."""
    return next(source for source in SOURCES if name == source.NAME)
