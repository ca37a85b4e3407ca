"""Offsets of zones from UTC, minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from features.wear import DAY_MIN, Ints

ZONE_STEP_MIN = 30
"""No zone changes its clocks but on a whole half hour of UTC."""


def offset_in(zone: str, minute: int) -> int:
    """Offset of a zone in one minute, minutes east of UTC."""
    return int(_offsets(zone, minute, minute + 1)[0])


def zone_offsets(zones: pa.Table, start_min: int, end_min: int) -> Ints:
    """Offset of the person's zone in each minute; UTC where no zone is known."""
    minute = np.arange(start_min, end_min, dtype=np.int64)
    offset = np.zeros(len(minute), np.int64)
    for row in zones.to_pylist():
        since = max(0, row["from_min"] - start_min)
        if since < len(minute):
            offset[since:] = _offsets(row["zone"], start_min, end_min)[since:]
    return offset


def _offsets(zone: str, start_min: int, end_min: int) -> Ints:
    """Offset of a zone in each minute."""
    days = range(start_min // DAY_MIN, (end_min - 1) // DAY_MIN + 1)
    whole = np.repeat(np.concatenate([_offsets_of_day(zone, day) for day in days]), ZONE_STEP_MIN)
    return whole[start_min - days[0] * DAY_MIN :][: end_min - start_min]


@lru_cache(maxsize=20_000)
def _offsets_of_day(zone: str, day: int) -> tuple[int, ...]:
    """Offset of a zone in each half hour of a UTC day."""
    place = ZoneInfo(zone)
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    halves = (start + timedelta(minutes=m) for m in range(0, DAY_MIN, ZONE_STEP_MIN))
    return tuple(int(half.astimezone(place).utcoffset() / timedelta(minutes=1)) for half in halves)  # type: ignore[operator]
