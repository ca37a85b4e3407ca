"""What looking back reads, months and years of it: the levels of all days, and what a sheet of weeks shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from warehouse.store import Connection


@dataclass(frozen=True)
class Event:
    """What a person did or met with (signal.event), from its first local day to its last."""

    kind: str
    app: str | None
    first: date
    last: date


def read_levels(con: Connection, participants: Sequence[str], before: date) -> dict[str, dict[date, str]]:
    """The level of every scored day before `before` by person; a day without an index is an empty text."""
    levels: dict[str, dict[date, str]] = {participant: {} for participant in participants}
    for who, day, level in con.execute(LEVELS, [list(participants), before]).fetchall():
        levels[who][day] = level
    return levels


def read_features(
    con: Connection, participant: str, features: Sequence[str], first: date, last: date
) -> dict[str, dict[date, float]]:
    """The values of these features by day, `first` to `last`, both included; a null is absent."""
    values: dict[str, dict[date, float]] = {feature: {} for feature in features}
    rows = con.execute(FEATURE_VALUES, [participant, first, last, list(features)]).fetchall()
    for feature, day, value in rows:
        values[feature][day] = value
    return values


def read_events(con: Connection, participant: str, first: date, last: date) -> list[Event]:
    """All events that touch the days `first` to `last`, in order of their start."""
    rows = con.execute(EVENTS, [participant, first, last]).fetchall()
    return [Event(*row) for row in rows]


def read_origins(con: Connection, participant: str, first: date, last: date) -> tuple[list[str], list[str]]:
    """The devices (source/device) that these days are made of, and the versions of the methods."""
    rows = con.execute(ORIGINS, [participant, first, last] * 2).fetchall()
    sources = sorted({source for source, _ in rows if source})
    return sources, sorted({method for _, method in rows if method})


LEVELS = """
    select participant, day, coalesce(level, '')
    from model.index_day
    where participant in (select unnest(?)) and day < ?
    order by participant, day
"""
FEATURE_VALUES = """
    select feature, day, value
    from feature.value
    where participant = ? and day between ? and ? and value is not null and feature in (select unnest(?))
    order by feature, day
"""
EVENTS = """
    with told as (
        select event, app, t_utc, t_utc + to_minutes(offset_min::bigint) as start_local,
            greatest(t_utc, coalesce(end_utc - interval 1 minute, t_utc)) + to_minutes(offset_min::bigint)
                as end_local
        from signal.event
        where participant = ?
    )
    select event, app, start_local::date, end_local::date
    from told
    where end_local::date >= ? and start_local::date <= ?
    order by t_utc, event, app, end_local
"""
ORIGINS = """
    select distinct source, method_version from model.index_day
    where participant = ? and day between ? and ?
    union
    select distinct source, method_version from feature.value
    where participant = ? and day between ? and ? and value is not null and feature in ('rhr_night', 'tst_min')
"""
