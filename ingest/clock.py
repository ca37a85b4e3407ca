"""Which offset from UTC held: the person's zone, corrected by what an export shows of its days.

All times are microseconds since 1970-01-01, of UTC or of the local clock as named; offsets are
minutes east of UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Instants = npt.NDArray[np.int64]
Offsets = npt.NDArray[np.int16]
Flags = npt.NDArray[np.bool_]

MINUTE_US = 60 * 1_000_000
DAY_US = 1440 * MINUTE_US
GRID_MIN = 15
"""Offsets of zones in use since 1986 are whole quarter hours."""
NEAR_MIN = 2
"""A file of a local day that begins (or ends) this near to the zone's midnight agrees with the zone."""
FIRST_YEAR, LAST_YEAR = 2005, 2060


@dataclass(frozen=True)
class Steps:
    """The offsets of a zone as a step function: `offset_min[i]` holds from `from_us[i]` on."""

    from_us: Instants
    local_from_us: Instants
    """The same on the local clock; a time that is there twice counts to the first, as in PEP 495."""
    offset_min: Offsets


@lru_cache(maxsize=64)
def zone_steps(zone: str) -> Steps:
    """Tabulate the offsets of a zone from 2005 to 2060, to the minute of each change."""
    info = ZoneInfo(zone)
    week = timedelta(days=7)
    moment, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    starts, offsets = [np.iinfo(np.int64).min // 2], [offset_at(info, moment)]
    while moment < end:
        if offset_at(info, moment + week) != offsets[-1]:
            change = find_change(info, moment, moment + week)
            starts.append(int(change.timestamp()) * 1_000_000)
            offsets.append(offset_at(info, change))
        moment += week
    from_us = np.array(starts, dtype=np.int64)
    offset_min = np.array(offsets, dtype=np.int16)
    before = np.concatenate([offset_min[:1], offset_min[:-1]])
    local = from_us + np.maximum(before, offset_min).astype(np.int64) * MINUTE_US
    return Steps(from_us, local, offset_min)


def offset_at(info: ZoneInfo, moment: datetime) -> int:
    """The offset of a zone at one instant, in minutes."""
    offset = moment.astimezone(info).utcoffset()
    return 0 if offset is None else int(offset.total_seconds() // 60)


def find_change(info: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first minute of the offset that holds at `high`, by halving from `low` on."""
    new = offset_at(info, high)
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=int((high - low).total_seconds() // 120))
        low, high = (low, middle) if offset_at(info, middle) == new else (middle, high)
    return high


def zone_offsets(steps: Steps, t_us: Instants, *, local: bool = False) -> Offsets:
    """The zone's offsets at instants of UTC, or at times of the local clock."""
    edges = steps.local_from_us if local else steps.from_us
    return steps.offset_min[np.searchsorted(edges, t_us, side="right") - 1]


@dataclass(frozen=True)
class Midnights:
    """What day files show: the local day of each, its earliest and its latest stamp in UTC.

    Sorted by day, a day once. A file that holds a local day puts bounds on the offsets at the two
    midnights around it, whatever is missing inside.
    """

    day: Instants
    first_us: Instants
    last_us: Instants


@dataclass(frozen=True)
class Clock:
    """The person's zone, and for each midnight how far the export's own files are off it.

    `shift_min[i]` belongs to the midnight that begins day `first_day + i`; `proven[i]` says that
    the files show it. An instant takes the shift of the midnight nearest to it.
    """

    steps: Steps
    first_day: int
    shift_min: Offsets
    proven: Flags

    def of_utc(self, t_us: Instants) -> tuple[Offsets, Flags]:
        """Offsets at instants of UTC, and where they are assumed from the zone without proof."""
        offsets = zone_offsets(self.steps, t_us)
        shift, proven = self.nearest(t_us + offsets.astype(np.int64) * MINUTE_US)
        if shift.any():
            shift, proven = self.nearest(t_us + (offsets + shift).astype(np.int64) * MINUTE_US)
        return (offsets + shift).astype(np.int16), ~proven

    def of_local(self, local_us: Instants) -> tuple[Offsets, Flags]:
        """Offsets at times of the local clock, and where they are assumed."""
        shift, proven = self.nearest(local_us)
        on_zone_clock = local_us - shift.astype(np.int64) * MINUTE_US
        offsets = zone_offsets(self.steps, on_zone_clock, local=True)
        return (offsets + shift).astype(np.int16), ~proven

    def nearest(self, local_us: Instants) -> tuple[Offsets, Flags]:
        """Shift and proof of the midnight nearest to local times; none beyond the days known."""
        place = (local_us + DAY_US // 2) // DAY_US - self.first_day
        known = (place >= 0) & (place < self.shift_min.size)
        if not known.any():
            return np.zeros(local_us.size, dtype=np.int16), known
        place = np.where(known, place, 0)
        return np.where(known, self.shift_min[place], 0).astype(np.int16), known & self.proven[place]


def settle_clock(zone: str, seen: Midnights) -> Clock:
    """Compare what day files show with the zone, midnight by midnight.

    At the midnight that begins a day, its offset is at least (midnight - first stamp of the day)
    and at most (midnight - last stamp of the day before). Where only one quarter hour fits, it is
    proven; so it is where one side is seen and the zone's midnight lies within two minutes of it.
    Between two proven midnights with the same shift that shift is carried on, without proof.
    """
    steps = zone_steps(zone)
    if seen.day.size == 0:
        return Clock(steps, 0, np.zeros(0, dtype=np.int16), np.zeros(0, dtype=bool))
    first_day = int(seen.day[0])
    n_midnights = int(seen.day[-1]) - first_day + 2
    midnight_us = (first_day + np.arange(n_midnights, dtype=np.int64)) * DAY_US
    zone_min = zone_offsets(steps, midnight_us, local=True).astype(np.int64)
    # Limits in microseconds; absent ones lie beyond any offset.
    at_least = np.full(n_midnights, -2 * DAY_US)
    at_most = np.full(n_midnights, 2 * DAY_US)
    place = seen.day - first_day
    at_least[place] = midnight_us[place] - seen.first_us
    at_most[place + 1] = midnight_us[place + 1] - seen.last_us
    grid_us = GRID_MIN * MINUTE_US
    low, high = -(-at_least // grid_us) * GRID_MIN, at_most // grid_us * GRID_MIN
    exact = low == high
    zone_us = zone_min * MINUTE_US
    fits = (at_least <= zone_us) & (zone_us <= at_most)
    near_us = NEAR_MIN * MINUTE_US
    agrees = fits & ((zone_us - at_least < near_us) | (at_most - zone_us < near_us))
    proven = exact | agrees
    shift = np.where(exact, low - zone_min, 0)
    return Clock(steps, first_day, carry_shifts(shift, proven).astype(np.int16), proven)


def carry_shifts(shift: Instants, proven: Flags) -> Instants:
    """Give midnights without proof the shift of the proven ones on both sides, if these agree."""
    known = np.flatnonzero(proven)
    if known.size == 0:
        return np.zeros_like(shift)
    place = np.searchsorted(known, np.arange(shift.size))
    after = shift[known[np.minimum(place, known.size - 1)]]
    before = shift[known[np.maximum(np.minimum(place, known.size) - 1, 0)]]
    inside = (place > 0) & (place < known.size)
    return np.where(proven, shift, np.where(inside & (before == after), after, 0))
