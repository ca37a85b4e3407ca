"""Values out of answers of an API, which are JSON objects and may hold anything: stamps, offsets, pairs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.columns import Instants, to_us
from ingest.stamps import MISSING

QUARTER_US = 15 * 60 * 1_000_000
QUARTERS_MAX = 14 * 4
"""No zone is further from UTC than 14 hours."""
LAST_MS = 4_102_444_800_000.0
"""Milliseconds since 1970 of the year 2100: a greater number is no stamp."""


def dig(record: object, *path: str) -> Any:
    """What lies at a path of keys; None where it ends."""
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def sub_records(value: object) -> list[dict[str, Any]]:
    """The objects of a list, where it is one."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def to_float(value: object) -> float:
    """A finite number; NaN for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan
    try:
        number = float(value)
    except OverflowError:
        return np.nan
    return number if np.isfinite(number) else np.nan


def read_moment(value: object) -> int:
    """A stamp, ISO 8601 or milliseconds since 1970, as microseconds on its own clock; MISSING for none.

    Text without an offset stays on the clock that it is of; text with one is turned into UTC.
    """
    if not isinstance(value, str):
        number_ms = to_float(value)
        return int(number_ms * 1000) if abs(number_ms) < LAST_MS else MISSING
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
        return to_us(moment.replace(tzinfo=None))
    except (ValueError, OverflowError):
        return MISSING


def offset_between(record: dict[str, Any], gmt: str, local: str) -> float:
    """The offset in minutes that two stamps of one moment show, by their keys; NaN where they show none."""
    gmt_us, local_us = read_moment(record.get(gmt)), read_moment(record.get(local))
    if MISSING in (gmt_us, local_us):
        return np.nan
    quarters = round((local_us - gmt_us) / QUARTER_US)
    return quarters * 15.0 if abs(quarters) <= QUARTERS_MAX else np.nan


def read_pairs(values: object, stamp: int, value: int) -> tuple[Instants, npt.NDArray[np.float64]]:
    """Instants and numbers out of a list of lists, by their places in these; where no number is, no pair."""
    rows = [item for item in values if isinstance(item, list)] if isinstance(values, list) else []
    found = [(read_moment(r[stamp]), to_float(r[value])) for r in rows if len(r) > max(stamp, value)]
    found = [pair for pair in found if not np.isnan(pair[1])]
    t_us = np.array([t for t, _ in found], dtype=np.int64)
    return t_us, np.array([number for _, number in found], dtype=np.float64)
