"""Days and instants as an export shows them: local time with its offset, or moved where nobody may be found.

De-identified, every date is moved by whole weeks, offsets are dropped and the person's own clock is written
with `Z`, since both standards ask for an offset: it is then no UTC. Both ends of a stretch are told with the
offset at its end, so that its length stays true, and a local day is 24 hours: else the day on which the clocks
changed would tell by how many weeks the dates were moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone

from reports.export.read_standards import Span
from warehouse.aliases import Alias

Aliases = Mapping[str, Alias | None] | None
"""Person → alias; None, or None for a person, where an export is not de-identified."""


def find_alias(aliases: Aliases, participant: str) -> Alias | None:
    """Give the alias of a person; KeyError where others have one and this person has none."""
    return None if aliases is None else aliases[participant]


def show_day(day: date, alias: Alias | None) -> str:
    """Write a date, moved where there is an alias."""
    return (day if alias is None else day + timedelta(days=alias.shift_days)).isoformat()


def show_span(span: Span, alias: Alias | None) -> tuple[str, str]:
    """Write start and end of a stretch: each with its own offset, or both moved."""
    if alias is None:
        return _show(span.start, span.start_offset_min), _show(span.end, span.end_offset_min)
    moved = timedelta(minutes=span.end_offset_min, days=alias.shift_days)
    return _show(span.start + moved, 0), _show(span.end + moved, 0)


def show_whole_day(day: date, span: Span, alias: Alias | None) -> tuple[str, str]:
    """Write a local day from midnight to midnight; `span` is where it lies in time."""
    if alias is None:
        return show_span(span, None)
    midnight = datetime.combine(day, time()) + timedelta(days=alias.shift_days)
    return _show(midnight, 0), _show(midnight + timedelta(days=1), 0)


def _show(utc: datetime, offset_min: int) -> str:
    zone = timezone(timedelta(minutes=offset_min))
    return utc.replace(tzinfo=UTC).astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")
