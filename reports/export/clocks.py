"""On which weekdays clocks change: tables by the clock go without these, of everybody, where nobody may be found.

A day of 23 or 25 hours among days of 24 is a Sunday of one spring or autumn, and joins moved dates to true ones.
Filling the hour in, or leaving the day out, marks it as well. Where the weekday is missing every week and of
everybody, nothing tells which week it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

SUNDAY = 7
"""The weekday on which most of the world changes its clocks; never in tables by the clock, whoever is there."""
WHOLE_MIN = 24 * 60
STEP_MIN = 60
"""Clocks change by an hour at the most; what is more is travel."""


@dataclass(frozen=True)
class Uneven:
    """A local day that is not 24 hours of one offset."""

    day: date
    minutes: int


def choose_weekdays(days: Iterable[Uneven]) -> list[int]:
    """Choose the weekdays, 1 to 7 from Monday, of which tables by the clock tell nothing.

    Sunday, and those of days on which clocks may have changed, in Egypt a Friday and a Thursday: all days a
    little shorter or longer than 24 hours on which clocks changed somewhere. The others are travel.
    """
    found = {
        one.day.isoweekday()
        for one in days
        if abs(one.minutes - WHOLE_MIN) <= STEP_MIN
        and one.day.isoweekday() != SUNDAY
        and clocks_change(one.day)
    }
    return sorted({SUNDAY, *found})


@cache
def clocks_change(day: date) -> bool:
    """Whether any place's clocks change on a local day, or on the midnights at its ends."""
    start = datetime.combine(day, time(), UTC) - timedelta(hours=15)
    ends = (start, start + timedelta(hours=24 + 30))
    zones = map(ZoneInfo, sorted(available_timezones()))
    return any(len({end.astimezone(zone).utcoffset() for end in ends}) > 1 for zone in zones)
