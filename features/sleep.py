"""Nights: putting a device's sleep logs together, choosing between devices, and what a night measures.

Rules (SCIENCE 3): segments at most 60 min apart are one sleep and the gap is wake; under 20 min is no
sleep; the longest sleep of at least 3 h between two local noons is the main sleep, the rest are naps;
a night has the local date of its final wake. Devices are chosen between, never blended. Durations
are differences of UTC instants; clock times are local, with the offset at the final wake.

A log is of a *sleep period* unless the device says that it is of time in bed: then, and only then,
sleep efficiency can be had. Being awake in bed counts as neither sleep nor waking day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from features import measure
from features.measure import Measure, Quality, found, missing
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
LEAST_AWAKENING_S = 120
CONFLICT_MIN = 60.0
LONGEST_TST_MIN = 16 * 60.0
MOVED_MIN = 60
"""A change of offset that counts as a change of zone: an hour or more (SCIENCE 3, rule 1)."""


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
        """Total sleep time, minutes."""
        return float((self.stage_end_s - self.stage_start_s)[self.asleep].sum()) / 60

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


def join_logs(logs: Iterable[Log]) -> list[Log]:
    """Join segments of one device that are at most 60 min apart; drop what is then under 20 min.

    The gap between two joined segments is wake. A stretch that overlaps an earlier one is cut.
    A log without a stretch of sleep is dropped.
    """
    chains: list[list[Log]] = []
    end_s = 0
    for log in sorted(logs, key=lambda one: (one.start_s, one.end_s)):
        if chains and log.start_s - end_s <= JOIN_S:
            chains[-1].append(log)
            end_s = max(end_s, log.end_s)
        else:
            chains.append([log])
            end_s = log.end_s
    joined = (_join(chain) for chain in chains)
    return [log for log in joined if log.end_s - log.start_s >= LEAST_SLEEP_S and log.asleep.any()]


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
    )


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


def night_quality(night: Night, hr_coverage: float) -> Quality:
    """How far a night can be trusted: its heart rate coverage, low on conflict or over 16 h asleep."""
    if night.main is None or night.conflict or night.main.tst_min > LONGEST_TST_MIN:
        return "low"
    quality = measure.share_quality(hr_coverage)
    return "fair" if night.main.assumed and quality == "good" else quality


def stage_min(log: Log, code: int) -> float:
    """Minutes of one stage."""
    return float((log.stage_end_s - log.stage_start_s)[log.stage == code].sum()) / 60


def rem_latency_min(log: Log) -> float:
    """Minutes from onset to the first REM; NaN without REM."""
    first = log.stage_start_s[log.stage == REM]
    return (int(first[0]) - log.onset_s) / 60 if len(first) else float("nan")


def count_awakenings(log: Log) -> int:
    """Wake bouts of at least 2 min between onset and final wake; neighbouring stretches are one bout."""
    awake = ~log.asleep & (log.stage_start_s >= log.onset_s) & (log.stage_end_s <= log.wake_s)
    total, bouts = 0, 0
    for start, end, is_awake in zip(log.stage_start_s, log.stage_end_s, awake, strict=True):
        total = total + int(end - start) if is_awake else 0
        # Counted once, at the stretch with which the bout becomes long enough.
        bouts += is_awake and total >= LEAST_AWAKENING_S > total - int(end - start)
    return int(bouts)


def count_breaks(log: Log) -> int:
    """Changes to a lighter state inside the sleep: from deep or REM to light, from any sleep to wake."""
    inside = (log.stage_start_s >= log.onset_s) & (log.stage_end_s <= log.wake_s)
    stage = log.stage[inside]
    before, after = stage[:-1], stage[1:]
    to_light = (after == LIGHT) & ((before == DEEP) | (before == REM))
    to_wake = (after == WAKE) & (before != WAKE)
    return int((to_light | to_wake).sum())


def clock_hour(instant_s: float, offset_min: int, day: int) -> float:
    """Hours after local midnight of `day`, negative before it."""
    return (instant_s + 60 * offset_min - DAY_S * day) / 3600


def midsleep_hour(night: Night) -> float:
    """Clock hour of the middle of the sleep period; NaN without a main sleep."""
    if night.main is None:
        return float("nan")
    middle = (night.main.onset_s + night.main.wake_s) / 2
    return clock_hour(middle, night.main.end_offset_min, night.day)


def tst24_min(night: Night) -> float:
    """All sleep of the window, naps included, minutes."""
    return sum(log.tst_min for log in night.logs)


WITH_STAGES = ("rem_latency_min", "light_min", "deep_min", "rem_min", "sleep_frag")
WITH_MAIN = (
    "tib_min",
    "spt_min",
    "tst_min",
    "waso_min",
    "sol_min",
    "sleep_maint",
    "se",
    "awakenings_h",
    "onset_clock_h",
    "wake_clock_h",
    "midsleep_clock_h",
    "offset_wake_min",
    "offset_onset_min",
    "tst24_min",
)


def measure_night(night: Night | None, *, hr_coverage: float, known_share: float) -> dict[str, Measure]:
    """Every sleep measure of one night.

    Parameters
    ----------
    night : Night or None
        None where no sleep was recorded.
    hr_coverage : float
        Share of the sleep period's minutes with heart rate, 0 to 1.
    known_share : float
        Share of the window, noon to noon, in which the device was worn or a sleep is logged.
    """
    naps = _measure_naps(night, known_share)
    if night is None or night.main is None:
        reason = measure.NO_MAIN_SLEEP if known_share > 0 else measure.NO_DATA
        return {**dict.fromkeys((*WITH_MAIN, *WITH_STAGES), missing(reason)), "nap_min": naps}
    quality = night_quality(night, hr_coverage)
    values = _measure_main(night.main, quality) | _measure_stages(night.main, quality)
    values |= _measure_clock(night, night.main, quality)
    total = tst24_min(night)
    day_quality = min(quality, measure.share_quality(known_share), key=("low", "fair", "good").index)
    values["tst24_min"] = found(total, n_obs=round(total), coverage=known_share, quality=day_quality)
    return values | {"nap_min": naps}


def _measure_naps(night: Night | None, known_share: float) -> Measure:
    """Nap minutes: 0 only where at least half of the window is known and no nap was logged."""
    slept = sum(log.tst_min for log in night.naps) if night else 0.0
    if slept == 0 and known_share < 0.5:
        known_min = known_share * 1440
        return missing(measure.not_worn_enough(known_min, 720) if known_min else measure.NO_DATA)
    quality = measure.share_quality(known_share)
    return found(slept, n_obs=round(slept), coverage=known_share, quality=quality)


def _measure_main(log: Log, quality: Quality) -> dict[str, Measure]:
    """Durations of the main sleep. Time in bed is the log's length, quality low unless it truly is that."""
    tst, spt = log.tst_min, log.spt_min
    tib = (log.end_s - log.start_s) / 60

    def timed(value: float) -> Measure:
        return found(value, n_obs=round(spt), quality=quality)

    return {
        "tib_min": found(tib, n_obs=round(tib), quality=quality if log.in_bed else "low"),
        "spt_min": timed(spt),
        "tst_min": timed(tst),
        "waso_min": timed(spt - tst),
        "sol_min": missing(measure.NO_LIGHTS_OUT),
        "sleep_maint": timed(100 * tst / spt),
        "se": timed(100 * tst / tib) if log.in_bed else missing(measure.NO_TIME_IN_BED),
        "awakenings_h": timed(count_awakenings(log) / (tst / 60)),
    }


def _measure_stages(log: Log, quality: Quality) -> dict[str, Measure]:
    """What needs light, deep and REM."""
    if not log.staged:
        return dict.fromkeys(WITH_STAGES, missing(measure.NO_STAGES))
    n_obs = round(log.spt_min)
    latency = rem_latency_min(log)
    values = {
        "light_min": stage_min(log, LIGHT),
        "deep_min": stage_min(log, DEEP),
        "rem_min": stage_min(log, REM),
        "sleep_frag": count_breaks(log) / (log.tst_min / 60),
    }
    measures = {name: found(value, n_obs=n_obs, quality=quality) for name, value in values.items()}
    latency_is = (
        missing(measure.NO_REM) if np.isnan(latency) else found(latency, n_obs=n_obs, quality=quality)
    )
    return measures | {"rem_latency_min": latency_is}


def _measure_clock(night: Night, log: Log, quality: Quality) -> dict[str, Measure]:
    """Clock times, in the zone at the final wake, and the two offsets."""
    values = {
        "onset_clock_h": clock_hour(log.onset_s, log.end_offset_min, night.day),
        "wake_clock_h": clock_hour(log.wake_s, log.end_offset_min, night.day),
        "midsleep_clock_h": midsleep_hour(night),
        "offset_wake_min": log.end_offset_min,
        "offset_onset_min": log.offset_min,
    }
    return {name: found(value, n_obs=1, quality=quality) for name, value in values.items()}


SHARES: Mapping[str, int] = {"light_pct": LIGHT, "deep_pct": DEEP, "rem_pct": REM}
COUNTS = ("awakenings", "naps", "source_conflict")
CHANGES = ("tz_change", "dst")


def measure_shares(night: Night | None, *, hr_coverage: float, known_share: float) -> dict[str, Measure]:
    """`light_pct`, `deep_pct` and `rem_pct`: stages as shares of total sleep time, %.

    Parameters are those of `measure_night`. Sleep that the device left without a stage is in no share;
    `coverage` is the share of the sleep that has one.
    """
    if night is None or night.main is None:
        return dict.fromkeys(SHARES, missing(measure.NO_MAIN_SLEEP if known_share > 0 else measure.NO_DATA))
    log, quality = night.main, night_quality(night, hr_coverage)
    if not log.staged:
        return dict.fromkeys(SHARES, missing(measure.NO_STAGES))
    minutes = {name: stage_min(log, code) for name, code in SHARES.items()}
    staged = sum(minutes.values()) / log.tst_min
    return {
        name: found(100 * part / log.tst_min, n_obs=round(log.spt_min), coverage=staged, quality=quality)
        for name, part in minutes.items()
    }


def measure_counts(night: Night | None, *, hr_coverage: float, known_share: float) -> dict[str, Measure]:
    """`awakenings`, `naps` and `source_conflict` of one night; parameters as of `measure_night`.

    `awakenings` are wake bouts of at least 2 min in the sleep period; `naps` is null where `nap_min` is;
    `source_conflict` is 1 where devices differ by more than 60 min of sleep, its `n_obs` the number of
    devices: with one there is nothing to differ from, and it is 0.
    """
    minutes = _measure_naps(night, known_share)
    count = len(night.naps) if night else 0
    naps = minutes if minutes.value is None else replace(minutes, value=float(count), n_obs=count)
    if night is None or night.main is None:
        none = missing(measure.NO_MAIN_SLEEP if known_share > 0 else measure.NO_DATA)
        return {"awakenings": none, "naps": naps, "source_conflict": none}
    bouts, quality = count_awakenings(night.main), night_quality(night, hr_coverage)
    awakenings = found(bouts, n_obs=round(night.main.spt_min), quality=quality)
    conflict = found(night.conflict, n_obs=night.devices)
    return {"awakenings": awakenings, "naps": naps, "source_conflict": conflict}


def find_changes(offset_min: Ints, zone_offset_min: Ints) -> tuple[bool, bool]:
    """Whether the person changed zone, and whether the clocks of the zone changed.

    A step of the offset that the zone's own clocks made too is a change of clocks; any other of an hour
    or more is a change of zone.

    Parameters
    ----------
    offset_min : (k,) int array
        Minutes east of UTC that held at instants in order of time.
    zone_offset_min : (k,) int array
        Offset, at the same instants, of one and the same zone: that of the person at the first of them.
    """
    step, own = np.diff(offset_min), np.diff(zone_offset_min)
    clocks = (step != 0) & (step == own)
    return bool((~clocks & (np.abs(step) >= MOVED_MIN)).any()), bool(clocks.any())


def measure_changes(night: Night | None, before: Night | None, zone_offset_min: Ints) -> dict[str, Measure]:
    """`tz_change` and `dst`, 0 or 1: between the final wake before, the onset and this final wake.

    Parameters
    ----------
    night, before : Night or None
        This night and the one of the date before. Without the latter only a change within the sleep is
        seen: it is told, but its absence is not.
    zone_offset_min : (3,) int array
        Offset of one zone at the wake before, at the onset and at this wake (`find_changes`); the first
        is not looked at without a night before.
    """
    if night is None or night.main is None:
        return dict.fromkeys(CHANGES, missing(measure.NO_MAIN_SLEEP))
    log, last = night.main, before.main if before else None
    offsets = np.array([last.end_offset_min if last else 0, log.offset_min, log.end_offset_min])
    first = 0 if last else 1
    flags = find_changes(offsets[first:], np.asarray(zone_offset_min)[first:])
    if last is None and not any(flags):
        return dict.fromkeys(CHANGES, missing(measure.NO_NIGHT_BEFORE))
    quality: Quality = "fair" if log.assumed else "good"
    return {
        name: found(flag, n_obs=3 - first, quality=quality) for name, flag in zip(CHANGES, flags, strict=True)
    }
