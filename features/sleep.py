"""Nights: putting a device's sleep logs together, and choosing between devices.

Rules (SCIENCE 3): segments at most 60 min apart are one sleep and the gap is wake; under 20 min is no
sleep; the longest sleep of at least 3 h between two local noons is the main sleep, the rest are naps;
a night has the local date of its final wake. Devices are chosen between, never blended.

A log is of a *sleep period* unless the device says that it is of time in bed: then, and only then,
sleep efficiency can be had.

Some devices give the minutes of a sleep without its stretches. Such a log counts as asleep from its
start to its end wherever minutes are asked for (heart rate asleep, regularity): when the person woke in
between is not known, and they were in that period anyway. How long they slept is what the device says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, reduce
from typing import Literal

import numpy as np

from features.wear import Bools, Ints

Stage = Literal["wake", "light", "deep", "rem", "asleep", "restless"]

WAKE, LIGHT, DEEP, REM, ASLEEP, RESTLESS = range(6)
STAGES: Mapping[str, int] = {
    "wake": WAKE,
    "light": LIGHT,
    "deep": DEEP,
    "rem": REM,
    "asleep": ASLEEP,
    "restless": RESTLESS,
}
"""Codes of `signal.sleep_stage.stage`. A restless stretch of a classic log is not asleep, as in the
vendor's own count of minutes asleep."""

DAY_S = 86_400
NOON_S = 43_200
JOIN_S = 60 * 60
LEAST_SLEEP_S = 20 * 60
LEAST_MAIN_S = 3 * 3600
CONFLICT_MIN = 60.0
LEAST_TWICE = 0.5
"""Two logs of one device that share more of the shorter are of the same sleep."""


@dataclass(frozen=True)
class Totals:
    """Minutes of one sleep as the vendor counted them; NaN where not given.

    Attributes
    ----------
    tst_min : float
        Asleep.
    light_min, deep_min, rem_min : float
        In each stage.
    tib_min : float
        In bed.
    """

    tst_min: float = math.nan
    light_min: float = math.nan
    deep_min: float = math.nan
    rem_min: float = math.nan
    tib_min: float = math.nan

    def plus(self, other: Totals) -> Totals:
        """Minutes of both; NaN where one of them is not known."""
        return Totals(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class Log:
    """One sleep as a device logged it, or several that were joined.

    Attributes
    ----------
    start_s, end_s : int
        Seconds since 1970-01-01 UTC.
    offset_min, end_offset_min : int
        Minutes east of UTC at start and at end.
    stage_start_s, stage_end_s, stage : (k,) int arrays
        Disjoint stretches in order of time; codes as in `STAGES`.
    staged : bool
        Scored as light, deep and REM; False for classic logs.
    in_bed : bool
        The device says that the log is of time in bed.
    assumed : bool
        Its local stamps were read with the person's zone, without proof.
    revision : int
        The vendor's revision; 0 where none is given.
    totals : Totals or None
        All that the device says of it, besides its start and end: it is then one stretch of sleep
        (several, where logs were joined) and not staged. None where the stretches say all.
    estimated : bool
        No source logs it: the window was found in heart rate (`sleep_window`), one stretch that is no
        claim of sleep time.
    """

    start_s: int
    end_s: int
    offset_min: int
    end_offset_min: int
    stage_start_s: Ints
    stage_end_s: Ints
    stage: Ints
    staged: bool = True
    in_bed: bool = False
    assumed: bool = False
    revision: int = 0
    totals: Totals | None = None
    estimated: bool = False

    @cached_property
    def asleep(self) -> Bools:
        """(k,) which stretches are sleep."""
        return np.asarray((self.stage != WAKE) & (self.stage != RESTLESS), np.bool_)

    @cached_property
    def onset_s(self) -> int:
        """Start of the first stretch of sleep; needs one."""
        return int(self.stage_start_s[self.asleep][0])

    @cached_property
    def wake_s(self) -> int:
        """End of the last stretch of sleep: the final wake; needs one."""
        return int(self.stage_end_s[self.asleep][-1])

    @cached_property
    def tst_min(self) -> float:
        """Total sleep time, minutes; the vendor's where it is given, and no longer than the sleep period."""
        if self.totals is not None:
            return min(self.totals.tst_min, self.spt_min)
        return float((self.stage_end_s - self.stage_start_s)[self.asleep].sum()) / 60

    @property
    def counted(self) -> Totals:
        """Its minutes: the vendor's, else those of its stretches."""
        if self.totals is not None:
            return self.totals
        minutes = (stage_min(self, code) if self.staged else math.nan for code in (LIGHT, DEEP, REM))
        return Totals(self.tst_min, *minutes)

    @property
    def spt_min(self) -> float:
        """Sleep period, first sleep to final wake, minutes."""
        return (self.wake_s - self.onset_s) / 60

    @property
    def wake_day(self) -> int:
        """Local date of the final wake, days since 1970-01-01."""
        return (self.wake_s + 60 * self.end_offset_min) // DAY_S

    @property
    def window_day(self) -> int:
        """The date D whose window, local noon of D−1 to noon of D, holds the onset."""
        return (self.onset_s + 60 * self.offset_min - NOON_S) // DAY_S + 1


@dataclass(frozen=True)
class Night:
    """What one device recorded of the sleep that belongs to one date.

    Attributes
    ----------
    day : int
        Local date of the final wake, days since 1970-01-01.
    main : Log or None
        The main sleep.
    naps : tuple of Log
        Every other sleep of its window, in order of time.
    stream : str
        'source/device'.
    conflict : bool
        Another device's sleep of this night differs by more than 60 min.
    devices : int
        Devices with a main sleep of this night, that it was chosen from.
    """

    day: int
    main: Log | None
    naps: tuple[Log, ...] = ()
    stream: str = ""
    conflict: bool = False
    devices: int = 1

    @property
    def logs(self) -> tuple[Log, ...]:
        """Main sleep and naps, in order of time."""
        logs = (self.main, *self.naps) if self.main else self.naps
        return tuple(sorted(logs, key=lambda log: log.start_s))


def stage_min(log: Log, code: int) -> float:
    """Minutes of one stage in the stretches."""
    return float((log.stage_end_s - log.stage_start_s)[log.stage == code].sum()) / 60


def drop_twice(logs: Iterable[Log]) -> list[Log]:
    """Drop logs of one device that are another log of the same sleep.

    Two logs that share more than half of the shorter are of the same sleep, and so are two that overlap
    at all where one has only totals, which cannot be cut. The one with stages stays, else one with
    stretches of sleep, else with totals; of equals the later revision, the longer, the earlier, the
    first given.
    """
    once: list[Log] = []
    for overlapping in _chain(logs, within_s=-1):
        kept: list[Log] = []
        for log in sorted(overlapping, key=_rank_of_twice):
            if not any(is_twice(log, other) for other in kept):
                kept.append(log)
        once += sorted(kept, key=lambda one: (one.start_s, one.end_s))
    return once


def _rank_of_twice(log: Log) -> tuple[int, int, int, int]:
    told = 0 if not log.asleep.any() else 1 if log.totals else 3 if log.staged else 2
    return (-told, -log.revision, log.start_s - log.end_s, log.start_s)


def _chain(logs: Iterable[Log], *, within_s: int) -> list[list[Log]]:
    """Logs in order of time, those put together that begin so soon after the end of all before them."""
    chains: list[list[Log]] = []
    end_s = 0
    for log in sorted(logs, key=lambda one: (one.start_s, one.end_s)):
        if chains and log.start_s - end_s <= within_s:
            chains[-1].append(log)
            end_s = max(end_s, log.end_s)
        else:
            chains.append([log])
            end_s = log.end_s
    return chains


def is_twice(one: Log, other: Log) -> bool:
    """Whether two logs of one device are of the same sleep (`drop_twice`)."""
    shared_s = min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
    if one.totals is not None or other.totals is not None:
        return shared_s > 0
    return shared_s > LEAST_TWICE * min(one.end_s - one.start_s, other.end_s - other.start_s)


def join_logs(logs: Iterable[Log]) -> list[Log]:
    """Join segments of one device that are at most 60 min apart; drop what is then under 20 min.

    The gap between two joined segments is wake. A stretch that overlaps an earlier one is cut, unless it
    is the same sleep twice (`drop_twice`). A log without a stretch of sleep is dropped. Where one of the
    segments has only totals, so has the whole: the sums of all.
    """
    joined = (
        chain[0] if len(chain) == 1 and _is_whole(chain[0]) else _join(chain)
        for chain in _chain(drop_twice(logs), within_s=JOIN_S)
    )
    return [log for log in joined if log.end_s - log.start_s >= LEAST_SLEEP_S and log.asleep.any()]


def _is_whole(log: Log) -> bool:
    """Whether a log's stretches follow each other without a hole, so that there is nothing to join."""
    start, end = log.stage_start_s, log.stage_end_s
    return bool(start[0] >= log.start_s and (start[1:] == end[:-1]).all() and (end > start).all())


def _join(chain: Sequence[Log]) -> Log:
    """Make one log of segments in order of time."""
    last = max(chain, key=lambda one: one.end_s)
    start = np.concatenate([log.stage_start_s for log in chain])
    end = np.concatenate([log.stage_end_s for log in chain])
    stage = np.concatenate([log.stage for log in chain])
    order = np.argsort(start, kind="stable")
    start, end, stage = start[order], end[order], stage[order]
    covered = np.concatenate(([chain[0].start_s], np.maximum.accumulate(end)))[: len(start)]
    start = np.maximum(start, covered)
    keep = end > start
    start, end, stage = start[keep], end[keep], stage[keep]
    hole = np.flatnonzero(start[1:] > end[:-1])
    return Log(
        chain[0].start_s,
        last.end_s,
        chain[0].offset_min,
        last.end_offset_min,
        np.insert(start, hole + 1, end[hole]),
        np.insert(end, hole + 1, start[hole + 1]),
        np.insert(stage, hole + 1, WAKE),
        all(log.staged for log in chain),
        all(log.in_bed for log in chain),
        any(log.assumed for log in chain),
        max(log.revision for log in chain),
        _sum_totals(chain),
    )


def _sum_totals(chain: Sequence[Log]) -> Totals | None:
    """The sums of segments of which one has only totals; None where all have their stretches."""
    if all(log.totals is None for log in chain):
        return None
    first, *rest = (log.counted for log in chain)
    return reduce(Totals.plus, rest, first)


def assemble(logs: Iterable[Log], stream: str = "") -> dict[int, Night]:
    """Nights of one device by date.

    Each noon-to-noon window has at most one main sleep, its longest of at least 3 h. It takes the
    local date of its final wake; where two windows' main sleeps wake on one date (work by night),
    the longer one keeps the date and the other is a nap of it.
    """
    windows: dict[int, list[Log]] = {}
    for log in join_logs(logs):
        windows.setdefault(log.window_day, []).append(log)
    mains: dict[int, Log] = {}
    naps: dict[int, list[Log]] = {}
    for window in sorted(windows):
        inside = windows[window]
        longest = max(inside, key=lambda log: (log.end_s - log.start_s, -log.start_s))
        if longest.end_s - longest.start_s < LEAST_MAIN_S:
            naps.setdefault(window, []).extend(inside)
            continue
        day = longest.wake_day
        rest = [log for log in inside if log is not longest]
        if day in mains:
            short, longest = sorted((mains[day], longest), key=lambda log: log.end_s - log.start_s)
            rest.append(short)
        mains[day] = longest
        naps.setdefault(day, []).extend(rest)
    return {
        day: Night(day, mains.get(day), tuple(sorted(naps.get(day, []), key=lambda n: n.start_s)), stream)
        for day in sorted(mains.keys() | naps.keys())
    }


def choose(candidates: Sequence[Night], coverage: Mapping[str, float]) -> Night:
    """One device's night out of several of the same date: choose, never blend (SCIENCE 3, rule 4).

    Ranked by: has a main sleep, has stages, share of the sleep with heart rate of the same device,
    then by name. A difference of more than 60 min of sleep between main sleeps is a conflict.

    Parameters
    ----------
    candidates : sequence of Night
        At least one, all of the same date.
    coverage : mapping
        Stream → share of its main sleep with heart rate, 0 to 1.
    """

    def rank(night: Night) -> tuple[bool, bool, float, str]:
        staged = night.main is not None and night.main.staged
        return (night.main is None, not staged, -round(coverage.get(night.stream, 0.0), 2), night.stream)

    best = min(candidates, key=rank)
    slept = [night.main.tst_min for night in candidates if night.main is not None]
    conflict = bool(slept) and max(slept) - min(slept) > CONFLICT_MIN
    return Night(best.day, best.main, best.naps, best.stream, conflict, len(slept))
