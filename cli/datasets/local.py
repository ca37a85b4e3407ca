"""Cells of the sets' tables: moments on a local clock, and numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.validate.table import Floats


def to_local(t_s: Floats, zone: str) -> Floats:
    """Seconds of the zone's clock, by the offset at the first moment: for recordings of hours."""
    from zoneinfo import ZoneInfo

    if not len(t_s):
        return t_s
    offset = datetime.fromtimestamp(float(t_s[0]), UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return t_s + (offset.total_seconds() if offset else 0.0)


def to_seconds(local: datetime) -> float:
    """Seconds of the local clock since 1970."""
    return (local.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - a clock, no instant


def to_day(text: str) -> int:
    """Days since 1970 of a stamp that begins with its date."""
    return date.fromisoformat(text[:10]).toordinal() - date(1970, 1, 1).toordinal()


def to_number(text: str | None) -> float:
    """A number; NaN for an empty cell or a word."""
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")
