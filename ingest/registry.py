"""The sources there are, in order. Adding a device is one file in `ingest/files` and one line here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.files import (
    apple_health,
    diary,
    empatica,
    fitbit_takeout,
    fitbit_web,
    garmin_connect,
    garmin_fit,
    garmin_stream,
    google_health,
    health_auto_export,
    health_connect,
    oura,
    polar,
    polar_api,
    rr_text,
    samsung_health,
    whoop,
    whoop_api,
    withings,
    withings_api,
    zepp,
)
from ingest.source import Member, Source

SOURCES: tuple[Source, ...] = (
    apple_health,
    diary,
    empatica,
    fitbit_takeout,
    fitbit_web,
    garmin_connect,
    garmin_fit,
    garmin_stream,
    google_health,
    health_auto_export,
    health_connect,
    oura,
    polar,
    polar_api,
    rr_text,
    samsung_health,
    whoop,
    whoop_api,
    withings,
    withings_api,
    zepp,
)


@dataclass(frozen=True)
class Claims:
    """Members by the name of their source, those that no source claims, and those that several do."""

    by_source: dict[str, list[Member]]
    nobodys: list[Member]
    disputed: list[tuple[Member, str]]
    """With the names of the sources: a fault of ours, which must not cost the other members of a load."""


def claim(members: Iterable[Member]) -> Claims:
    """Find the one source of every member."""
    claims = Claims({}, [], [])
    for member in members:
        names = [source.NAME for source in SOURCES if source.claims(member)]
        if len(names) > 1:
            claims.disputed.append((member, " and ".join(names)))
        elif names:
            claims.by_source.setdefault(names[0], []).append(member)
        else:
            claims.nobodys.append(member)
    return claims


def find_source(name: str) -> Source:
    """The source of that name."""
    return next(source for source in SOURCES if name == source.NAME)
