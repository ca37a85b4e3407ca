"""What the exports for clinics read of one person: values of nights and days, the index, workouts, time in bed.

Everything is as the warehouse holds it: instants are UTC with the offset that held there and then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from reports.export.standard_measures import FEATURES
from warehouse.replace import FINAL_AFTER_H
from warehouse.store import Connection

HEART_RATE_OF_DAY = "hr_mean_day"
"""The mean heart rate of a local day: of no table, made here of `feature.hour`."""
CLOCK = ("onset_clock_h", "wake_clock_h", "offset_onset_min", "offset_wake_min")
"""Features that say when a sleep period was."""


@dataclass(frozen=True)
class Value:
    """One value of a day (feature.value), or why there is none; in the unit of the catalogue."""

    day: date
    feature: str
    value: float | None
    se: float | None
    n_obs: int | None
    coverage: float | None
    quality: str | None
    reason: str | None
    source: str | None
    method_version: str | None
    input_hash: str | None


@dataclass(frozen=True)
class Index:
    """The index of a day (model.index_day), 0 to 100; None with a reason where there is none."""

    day: date
    index: float | None
    lo80: float | None
    hi80: float | None
    level: str | None
    show_number: bool | None
    coverage: float | None
    quality: str | None
    reason: str | None
    method_version: str | None
    input_hash: str | None


@dataclass(frozen=True)
class Span:
    """A stretch of time: UTC instants without zone, and the minutes east of UTC that held at each."""

    start: datetime
    end: datetime
    start_offset_min: int
    end_offset_min: int


@dataclass(frozen=True)
class Workout:
    """One workout as a device logged it (signal.workout)."""

    span: Span
    activity: str | None
    detected: bool | None
    steps: int | None
    source: str


@dataclass(frozen=True)
class Recorded:
    """What is known of one person."""

    values: dict[date, dict[str, Value]] = field(default_factory=dict)
    """Local day → feature → value, in order of day."""
    index: dict[date, Index] = field(default_factory=dict)
    days: dict[date, Span] = field(default_factory=dict)
    """Local day → from its midnight to the next."""
    nights: dict[date, Span] = field(default_factory=dict)
    """Date of the final wake → from sleep onset to the final wake."""
    beds: dict[date, Span] = field(default_factory=dict)
    """Date of the final wake → the log of a device that truly gives time in bed."""
    workouts: tuple[Workout, ...] = ()
    devices: dict[str, str] = field(default_factory=dict)
    """'source/device' → the source and a number, in order of first use: no name that somebody gave."""
    last: datetime | None = None
    """End of the last hour with heart rate, UTC."""

    def is_final(self, day: date) -> bool:
        """Whether 48 h of heart rate came after the day, so that it hardly changes any more."""
        span = self.days.get(day)
        end = span.end if span else datetime.combine(day, time()) + timedelta(days=1)
        return self.last is not None and end + timedelta(hours=FINAL_AFTER_H) <= self.last


VALUES = """
    select day, feature, value, se, n_obs, coverage, quality, reason, source, method_version, input_hash
    from feature.value
    where participant = ? and feature in (select unnest(?))
    order by day, feature
"""
INDEX = """
    select day, "index", lo80, hi80, level, show_number, coverage, quality, reason, method_version, input_hash
    from model.index_day
    where participant = ?
    order by day
"""
HOURS = """
    select day, hour_utc, offset_min, worn_min, hr_bpm, source, method_version, input_hash
    from feature.hour
    where participant = ?
    order by day, hour_utc
"""
WORKOUTS = """
    select t_utc, end_utc, offset_min, activity, detected, steps, source || '/' || device
    from signal.workout
    where participant = ? and end_utc > t_utc
    order by t_utc, source, device, workout
"""
BEDS = """
    select source || '/' || device, t_utc, end_utc, offset_min, coalesce(end_offset_min, offset_min)
    from signal.sleep_episode
    where participant = ? and in_bed
    order by t_utc, source, device, episode
"""
CATALOGUE = "select feature, grain, definition, formula from feature.catalog order by feature"


@dataclass(frozen=True)
class Told:
    """What the catalogue says of a feature."""

    grain: str
    definition: str
    formula: str


def read_catalogue(con: Connection) -> dict[str, Told]:
    """Feature → what the catalogue says of it, in order of name."""
    return {name: Told(*rest) for name, *rest in con.execute(CATALOGUE).fetchall()}


def read_recorded(con: Connection, participant: str) -> Recorded:
    """Read what of one person can be said in a standard."""
    values: dict[date, dict[str, Value]] = {}
    for row in con.execute(VALUES, [participant, [*FEATURES, *CLOCK]]).fetchall():
        values.setdefault(row[0], {})[row[1]] = Value(*row)
    hours = con.execute(HOURS, [participant]).fetchall()
    days = _find_days(hours)
    for day, value in _mean_heart_rates(hours, days).items():
        values.setdefault(day, {})[HEART_RATE_OF_DAY] = value
    nights = {day: span for day, of in values.items() if (span := _find_night(of)) is not None}
    workouts = tuple(
        Workout(Span(start, end, offset or 0, offset or 0), *rest)
        for start, end, offset, *rest in con.execute(WORKOUTS, [participant]).fetchall()
    )
    worn = [hour for _, hour, _, worn_min, *_ in hours if worn_min]
    return Recorded(
        values=values,
        index={row[0]: Index(*row) for row in con.execute(INDEX, [participant]).fetchall()},
        days=days,
        nights=nights,
        beds=_find_beds(con.execute(BEDS, [participant]).fetchall(), values, nights),
        workouts=workouts,
        devices=_number_devices(values, workouts),
        last=max(worn) + timedelta(hours=1) if worn else None,
    )


def _find_days(hours: Sequence[tuple[Any, ...]]) -> dict[date, Span]:
    """Local days, each from midnight to midnight by the offsets of its first and last hour."""
    first: dict[date, int] = {}
    last: dict[date, int] = {}
    for day, _, offset_min, *_ in hours:
        first.setdefault(day, offset_min)
        last[day] = offset_min
    return {
        day: Span(
            _midnight(day) - timedelta(minutes=offset_min),
            _midnight(day) + timedelta(days=1) - timedelta(minutes=last[day]),
            offset_min,
            last[day],
        )
        for day, offset_min in first.items()
    }


def _mean_heart_rates(hours: Sequence[tuple[Any, ...]], days: dict[date, Span]) -> dict[date, Value]:
    """`HEART_RATE_OF_DAY` of each local day: the mean of its minutes with heart rate."""
    found: dict[date, list[tuple[Any, ...]]] = {}
    for row in hours:
        found.setdefault(row[0], []).append(row)
    means = {}
    for day, rows in found.items():
        *_, source, method_version, input_hash = rows[0]
        worn_min = math.fsum(row[3] or 0.0 for row in rows)
        total = math.fsum((row[3] or 0.0) * row[4] for row in rows if row[4] is not None)
        minutes = (days[day].end - days[day].start) / timedelta(minutes=1)
        share = min(1.0, worn_min / minutes)
        told = (round(total / worn_min, 6), None) if worn_min else (None, "no data")
        means[day] = Value(
            day,
            HEART_RATE_OF_DAY,
            told[0],
            None,
            int(worn_min),
            round(share, 6),
            _quality(share) if worn_min else None,
            told[1],
            source if worn_min else None,
            method_version,
            input_hash,
        )
    return means


def _quality(share: float) -> str:
    """What is said of a day of which so much is known, as of a feature: good from .8, fair from .5, else low."""
    if share >= 0.8:
        return "good"
    return "fair" if share >= 0.5 else "low"


def _find_night(values: dict[str, Value]) -> Span | None:
    """Sleep onset to final wake, to the second; None where it is not known."""
    clock = [values[name].value for name in CLOCK if name in values]
    known = [value for value in clock if value is not None]
    if len(known) < len(CLOCK):
        return None
    onset_h, wake_h, offset_onset_min, offset_wake_min = known
    # Both clock times are in the zone at wake.
    midnight = _midnight(values[CLOCK[0]].day) - timedelta(minutes=offset_wake_min)
    start = midnight + timedelta(seconds=round(3600 * onset_h))
    end = midnight + timedelta(seconds=round(3600 * wake_h))
    return Span(start, end, round(offset_onset_min), round(offset_wake_min)) if end > start else None


def _find_beds(
    logs: Sequence[tuple[Any, ...]], values: dict[date, dict[str, Value]], nights: dict[date, Span]
) -> dict[date, Span]:
    """The time in bed of nights whose device truly gives it: only then is there a sleep efficiency."""
    beds = {}
    for day, night in nights.items():
        efficiency = values[day].get("se")
        if efficiency is None or efficiency.value is None:
            continue
        mine = [
            log for log in logs if log[0] == efficiency.source and log[1] < night.end and log[2] > night.start
        ]
        if mine:
            first, last = mine[0], max(mine, key=lambda log: log[2])
            beds[day] = Span(first[1], last[2], first[3], last[4])
    return beds


def _number_devices(values: dict[date, dict[str, Value]], workouts: Sequence[Workout]) -> dict[str, str]:
    """Source and number of each device: numbers of a source in order of first use, then of name."""
    seen = [(day, v.source) for day, of in values.items() for v in of.values() if v.source is not None]
    seen += [((w.span.start + timedelta(minutes=w.span.start_offset_min)).date(), w.source) for w in workouts]
    numbers: dict[str, int] = {}
    named: dict[str, str] = {}
    for _, name in sorted(seen):
        if name not in named:
            source = name.partition("/")[0]
            numbers[source] = numbers.get(source, 0) + 1
            named[name] = f"{source}-{numbers[source]}"
    return named


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())
