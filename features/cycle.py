"""The menstrual cycle as a person logged it: on which local days a bleeding began."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from features.measure import NOT_LOGGED, found, missing
from features.night_signals import From

LONGEST_DAYS = 10
"""A bleeding logged with an end is taken to last so many days at most: a wrong end must not hide the next."""


def gather_bleeding(rows: pa.Table) -> dict[int, str]:
    """Local day of bleeding → the stream that says so, the first by name where several do.

    Parameters
    ----------
    rows : stream, day, last_day
        A person's events, each with its first and last local day.
    """
    days: dict[int, str] = {}
    for row in sorted(rows.to_pylist(), key=lambda row: row["stream"]):
        last = min(max(row["last_day"], row["day"]), row["day"] + LONGEST_DAYS - 1)
        for day in range(row["day"], last + 1):
            days.setdefault(day, row["stream"])
    return days


def measure_start(bleeding: Mapping[int, str], day: int) -> From:
    """`cycle_start` of a local day: 1 where bleeding was logged on it and not on the day before."""
    if day not in bleeding or day - 1 in bleeding:
        return missing(NOT_LOGGED), None
    return found(1, n_obs=1, coverage=None), bleeding[day]
