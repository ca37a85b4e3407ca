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
    seen: dict[int, tuple[int, int]] = {}
    for member in members:
        name = DAY_FILE.fullmatch(member.name)
        if name is None:
            continue
        day = parse_days(pa.array([name[1]]), ("YYYY-MM-DD",))[0]
        edges = member.digest.head + b"\n" + member.digest.tail
        found = parse_stamps(pa.array([s.decode() for s in STAMP.findall(edges)], pa.string()), US_STAMP)
        near = found[abs(found - (day * DAY_US + DAY_US // 2)) < DAY_US // 2 + DAY_FILE_SLACK_US]
        if day != MISSING and near.size:
            first, last = seen.get(int(day), (int(near[0]), int(near[0])))
            seen[int(day)] = (min(first, int(near.min())), max(last, int(near.max())))
    days = sorted(seen)
    edges_us = np.array([seen[d] for d in days], dtype=np.int64).reshape(-1, 2)
    return Midnights(np.array(days, dtype=np.int64), edges_us[:, 0], edges_us[:, 1])


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
