"""What a night measures: durations, stages, clock times, counts and changes of clock.

Durations are differences of UTC instants; clock times are local, with the offset at the final wake.
Being awake in bed counts as neither sleep nor waking day.

Where a device gives only the minutes of a sleep (`sleep.Totals`), durations and stage minutes are
those, all of low quality, and what needs stretches (awakenings, fragmentation, REM latency) is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from features import measure
from features.measure import Measure, Quality, found, missing
from features.sleep import DAY_S, DEEP, LIGHT, REM, WAKE, Log, Night, Totals, stage_min
from features.wear import Ints

LEAST_AWAKENING_S = 120
LONGEST_TST_MIN = 16 * 60.0
MOVED_MIN = 60
"""A change of offset that counts as a change of zone: an hour or more (SCIENCE 3, rule 1)."""


def night_quality(night: Night, hr_coverage: float) -> Quality:
    """How far a night can be trusted: its heart rate coverage; low on conflict, over 16 h asleep or of totals only.

    Low too where the window is estimated.
    """
    log = night.main
    if log is None or night.conflict or log.estimated or log.totals is not None:
        return "low"
    if log.tst_min > LONGEST_TST_MIN:
        return "low"
    quality = measure.share_quality(hr_coverage)
    return "fair" if log.assumed and quality == "good" else quality


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
    """Durations of the main sleep.

    Time in bed is the vendor's, else the log's length, of quality low unless it truly is that.
    """
    tst, spt = log.tst_min, log.spt_min
    given = log.totals.tib_min if log.totals is not None else math.nan
    tib = (log.end_s - log.start_s) / 60 if math.isnan(given) else given

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
        "awakenings_h": timed(count_awakenings(log) / (tst / 60))
        if log.totals is None
        else missing(measure.NO_STRETCHES),
    }


def _measure_stages(log: Log, quality: Quality) -> dict[str, Measure]:
    """What needs light, deep and REM."""
    if log.totals is not None:
        return _measure_stage_totals(log, log.totals)
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


def _measure_stage_totals(log: Log, totals: Totals) -> dict[str, Measure]:
    """Minutes of each stage as the vendor gave them; what needs stretches is missing."""
    stages = {name: getattr(totals, name) for name in ("light_min", "deep_min", "rem_min")}
    measures = {
        name: missing(measure.NO_STAGES)
        if math.isnan(minutes)
        else found(minutes, n_obs=round(log.spt_min), quality="low")
        for name, minutes in stages.items()
    }
    return measures | dict.fromkeys(("rem_latency_min", "sleep_frag"), missing(measure.NO_STRETCHES))


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


SHARES: Mapping[str, str] = {"light_pct": "light_min", "deep_pct": "deep_min", "rem_pct": "rem_min"}
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
    minutes = {name: getattr(log.counted, stage) for name, stage in SHARES.items()}
    if all(math.isnan(part) for part in minutes.values()):
        return dict.fromkeys(SHARES, missing(measure.NO_STAGES))
    staged = min(1.0, float(np.nansum(list(minutes.values()))) / log.tst_min)
    return {
        name: missing(measure.NO_STAGES)
        if math.isnan(part)
        else found(100 * part / log.tst_min, n_obs=round(log.spt_min), coverage=staged, quality=quality)
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
    if night.main.totals is not None:
        awakenings = missing(measure.NO_STRETCHES)
    conflict = found(night.conflict, n_obs=night.devices)
    return {"awakenings": awakenings, "naps": naps, "source_conflict": conflict}


def measure_window(night: Night | None) -> dict[str, Measure]:
    """Whether the main sleep is estimated, and what is told of it then: its clock times, of low quality.

    Parameters
    ----------
    night : Night or None
        As logged, else as estimated (`sleep_window.estimate_nights`).

    Returns
    -------
    dict
        `window_estimated`: 1 where it is estimated, 0 where it is logged. Where it is 1 also every other
        feature of the main sleep: no durations and no stages, since no such thing can be told.
    """
    if night is None or night.main is None:
        return {"window_estimated": missing(measure.NO_MAIN_SLEEP)}
    if not night.main.estimated:
        return {"window_estimated": found(0, n_obs=1)}
    untold = (*WITH_MAIN, *WITH_STAGES, *SHARES, *CHANGES, "awakenings", "source_conflict")
    values = dict.fromkeys(untold, missing(measure.ESTIMATED))
    values |= _measure_clock(night, night.main, "low")
    return values | {"window_estimated": found(1, n_obs=1, quality="low")}


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
