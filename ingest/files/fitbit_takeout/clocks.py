"""What the export's own files show of the offset that held, day by day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    MISSING,
    US_STAMP,
    Clock,
    Context,
    Export,
    Member,
    Midnights,
    Remark,
    parse_days,
    parse_stamps,
    prove_clock,
    settle_clock,
)

from .csv_sleep import SLEEPS
from .csv_values import read_offsets
from .layout import DAY_US, read_stamps
from .uncounted import uncount

DAY_FILE = re.compile(r"heart_rate-(\d{4}-\d{2}-\d{2})\.json")
STAMP = re.compile(rb'"dateTime"\s*:\s*"(\d\d/\d\d/\d\d \d\d:\d\d:\d\d)"')
DAY_FILE_SLACK_US = 15 * 60 * MINUTE_US
"""A stamp further than this from the file's local day in UTC is of no day: offsets end at 14 h."""


def day_files(members: Sequence[Member]) -> Midnights:
    """Gather what heart-rate files show, from their first and last kilobyte.

    Any stamp inside a file bounds the offset truly; the first and last ones bound it closely.
    """
    named = [(name[1], member) for member in members if (name := DAY_FILE.fullmatch(member.name))]
    stamps = [STAMP.findall(member.digest.head + b"\n" + member.digest.tail) for _, member in named]
    days = parse_days(pa.array([day for day, _ in named], pa.string()), ("YYYY-MM-DD",))
    day = np.repeat(days, [len(found) for found in stamps])
    t_us = parse_stamps(pa.array([s.decode() for found in stamps for s in found], pa.string()), US_STAMP)
    # A date that the calendar lacks is the least number there is: no sum of it may be formed.
    near = day != MISSING
    near &= abs(t_us - (np.where(near, day, 0) * DAY_US + DAY_US // 2)) < DAY_US // 2 + DAY_FILE_SLACK_US
    seen, place = np.unique(day[near], return_inverse=True)
    first_us = np.full(seen.size, np.iinfo(np.int64).max)
    last_us = np.full(seen.size, MISSING)
    np.minimum.at(first_us, place, t_us[near])
    np.maximum.at(last_us, place, t_us[near])
    return Midnights(seen, first_us, last_us)


def remark_on_zone(clock: Clock, zone: str) -> Iterator[Remark]:
    """Say where the files show another offset than the person's zone has."""
    off = np.flatnonzero(clock.proven & (clock.shift_min != 0))
    if off.size == 0:
        return
    days = (clock.first_day + off).astype("datetime64[D]")
    shifts = sorted({int(s) for s in clock.shift_min[off]})
    hours = ", ".join(f"{s / 60:+g} h" for s in shifts)
    share = off.size / max(int(clock.proven.sum()), 1)
    cause = "is --timezone right?" if share > 0.5 else "a journey, it seems."
    yield Remark(
        f"The heart-rate files of {off.size} days ({days[0]} to {days[-1]}) show a clock {hours} off {zone};"
        f" their own offset was used: {cause}"
    )


def find_clock(export: Export, context: Context) -> Clock:
    """The person's zone, corrected by what day files show, or else by the offsets stated beside sleeps."""
    seen = day_files(export.members)
    sleeps = [i for i, member in enumerate(export.members) if SLEEPS.pattern.fullmatch(member.name)]
    if seen.day.size or not sleeps:
        return settle_clock(context.zone, seen)
    t_us, offset_min = [], []
    for records in context.read_csv(
        uncount(export, sleeps), sleeps, SLEEPS.table, SLEEPS.columns, needed=SLEEPS.needed
    ):
        for stamp, stated in (("start", "start_offset"), ("end", "end_offset")):
            at, said = read_stamps(records.rows[stamp]), read_offsets(records.rows[stated])
            good = (at != MISSING) & np.isfinite(said)
            t_us.append(at[good])
            offset_min.append(said[good].astype(np.int16))
    if not t_us:
        return settle_clock(context.zone, seen)
    return prove_clock(context.zone, np.concatenate(t_us), np.concatenate(offset_min))
