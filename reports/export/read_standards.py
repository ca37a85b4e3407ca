"""What the exports for clinics read of one person: values of nights and days, the index, workouts, time in bed.

Everything is as the warehouse holds it: instants are UTC with the offset that held there and then. It is read
from a copy of these rows (`copied_rows`), since validation takes long and nobody can write to the warehouse
while it is read.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from reports.export.standard_measures import FEATURES
from warehouse.installation import read_installation
from warehouse.replace import FINAL_AFTER_H
from warehouse.sql import quote
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
    """'source/device' → the source and a number, as in the tables: no name that somebody gave."""
    last: datetime | None = None
    """End of the last hour with heart rate, UTC."""

    @cached_property
    def able(self) -> frozenset[tuple[str, str]]:
        """Device and feature of every value: what a device told on any day."""
        told = (v for of in self.values.values() for v in of.values() if v.value is not None)
        return frozenset((self.devices[v.source], v.feature) for v in told if v.source is not None)

    def is_final(self, day: date) -> bool:
        """Whether 48 h of heart rate came after the day, so that it hardly changes any more."""
        span = self.days.get(day)
        end = span.end if span else datetime.combine(day, time()) + timedelta(days=1)
        return self.last is not None and end + timedelta(hours=FINAL_AFTER_H) <= self.last


VALUE = "feature.value"
COPIED = {
    VALUE: "day, feature",
    "feature.hour": "day, hour_utc",
    "feature.data_yield": "day, sensor",
    "model.index_day": "day",
    "signal.workout": "t_utc",
    "signal.sleep_episode": "t_utc",
}
"""Tables of which the rows of those who leave are copied, and their order within a person."""
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
LENGTHS = "select day, max(minutes) from feature.data_yield where participant = ? group by day"
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
DEVICES = "select name, label from leaving.device where participant = ?"
INSTALLATION = "select id from leaving.installation"
CATALOGUE = "select feature, grain, definition, formula from feature.catalog order by feature"


@dataclass(frozen=True)
class Told:
    """What the catalogue says of a feature."""

    grain: str
    definition: str
    formula: str


def copied_rows(con: Connection, *, hidden: bool) -> dict[str, str]:
    """Table → SELECT of its rows that a standard tells of, of the people and devices that `read.hold_people` holds.

    Where hidden, the devices are those that were counted among others, and no more.
    """
    of_people = "where participant in (select participant from leaving_person)"
    of_features = f"and feature in ({', '.join(map(quote, (*FEATURES, *CLOCK)))})"
    rows = {name: f"from {name} {of_people} order by participant, {by}" for name, by in COPIED.items()}
    rows[VALUE] = f"from {VALUE} {of_people} {of_features} order by participant, {COPIED[VALUE]}"
    installation = quote(read_installation(con, hidden=hidden))
    return {
        **rows,
        "feature.catalog": "from feature.catalog order by feature",
        "leaving.device": "from leaving_device order by participant, name",
        "leaving.installation": f"select {installation} as id",
    }


def read_installation_id(con: Connection) -> str:
    """Give the random id of the installation whose rows these are."""
    return str(con.execute(INSTALLATION).fetchall()[0][0])


def read_catalogue(con: Connection) -> dict[str, Told]:
    """Feature → what the catalogue says of it, in order of name."""
    return {name: Told(*rest) for name, *rest in con.execute(CATALOGUE).fetchall()}


def read_recorded(con: Connection, participant: str, *, hidden: bool) -> Recorded:
    """Read what of one person can be said in a standard, from a copy of the rows (`copied_rows`)."""
    values: dict[date, dict[str, Value]] = {}
    for row in con.execute(VALUES, [participant, [*FEATURES, *CLOCK]]).fetchall():
        value = Value(*row)
        values.setdefault(value.day, {})[value.feature] = blur(value) if hidden else value
    hours = con.execute(HOURS, [participant]).fetchall()
    days = _find_days(hours)
    lengths = dict(con.execute(LENGTHS, [participant]).fetchall())
    for day, value in _mean_heart_rates(hours, days, lengths).items():
        values.setdefault(day, {})[HEART_RATE_OF_DAY] = blur(value) if hidden else value
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
        devices=_name_workout_devices(dict(con.execute(DEVICES, [participant]).fetchall()), workouts),
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


def blur(value: Value) -> Value:
    """Tell coverage in steps of a twentieth: 167 of 168 hours would tell the week in which the clocks changed."""
    return value if value.coverage is None else replace(value, coverage=round(20 * value.coverage) / 20)


def _mean_heart_rates(
    hours: Sequence[tuple[Any, ...]], days: dict[date, Span], lengths: dict[date, int]
) -> dict[date, Value]:
    """`HEART_RATE_OF_DAY` of each local day: the mean of its minutes with heart rate.

    A day is as long as its minutes in `lengths`: a clock that changes at midnight shows in no offset of its hours.
    """
    found: dict[date, list[tuple[Any, ...]]] = {}
    for row in hours:
        found.setdefault(row[0], []).append(row)
    means = {}
    for day, rows in found.items():
        *_, source, method_version, input_hash = rows[0]
        worn_min = math.fsum(row[3] or 0.0 for row in rows)
        total = math.fsum((row[3] or 0.0) * row[4] for row in rows if row[4] is not None)
        minutes = lengths.get(day) or (days[day].end - days[day].start) / timedelta(minutes=1)
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


def _name_workout_devices(named: dict[str, str], workouts: Sequence[Workout]) -> dict[str, str]:
    """Label the devices that only logged workouts too, after all others of their source, in order of first use.

    Only what is not de-identified tells of workouts, so the labels that were counted stay the only ones there.
    """
    numbers = Counter(label.rpartition("-")[0] for label in set(named.values()))
    for workout in workouts:
        if workout.source not in named:
            source = workout.source.partition("/")[0]
            numbers[source] += 1
            named[workout.source] = f"{source}-{numbers[source]}"
    return named


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())
