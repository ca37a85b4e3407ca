"""The data yield of a study, as values: who wore what and when, who left, what is missing, and where.

Only people who allow research are in it, as numbers from 1 in order of their valid days: no name, no
pseudonym, no date of a single person. A device is named where enough people have one of that name, since
people name their devices after themselves.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from statistics import fmean, median, stdev

from scipy.special import stdtrit

from reports import read_study
from reports.months import MARKS
from reports.read_study import PersonDay, Refused, Stream
from reports.week import monday_of
from warehouse.store import open_warehouse

MOST_BARS = 60
STEPS_WEEKS = (1, 2, 4, 8, 13, 26, 52)
LATE_DAYS = 28
STOPPED_DAYS = 14
"""A stream that gave nothing in the last so many days of a person's data has stopped."""
SAME_DEVICE = 3
"""A device is named where so many people have one of that name."""
LEAST_DAYS = 3
LEAST_PEOPLE = 5
"""Days of either kind that a person needs, and people that a comparison needs."""
SENSORS = (
    *("heart_rate", "steps", "sleep_episode", "beat", "pulse_wave", "hrv_sample", "eda", "acceleration"),
    *("vital", "workout", "vendor_score"),
)
LEVELS = ("calmer", "usual", "higher", "none")


@dataclass(frozen=True)
class Totals:
    """A person's record: days in it, those with data, valid days, valid nights, sensors."""

    days: int
    sent: int
    valid_days: int
    valid_nights: int
    sensors: int


@dataclass(frozen=True)
class Weeks:
    """Some weeks from a Monday on: people, days and nights of their records, and how many were valid."""

    monday: date
    people: int
    days: int
    valid_days: int
    nights: int
    valid_nights: int


@dataclass(frozen=True)
class Since:
    """So many whole weeks after each one's start: who could still send data by then, and who did."""

    weeks: int
    people: int
    sending: int


@dataclass(frozen=True)
class Sensor:
    """Share of the days of each person's record on which a sensor gave anything, in order of people."""

    name: str
    shares: tuple[float, ...]
    minutes_share: float | None

    @property
    def people(self) -> int:
        """How many have it at all."""
        return sum(share > 0 for share in self.shares)

    @property
    def usual_share(self) -> float:
        """The median over those who have it."""
        return median(share for share in self.shares if share > 0)


@dataclass(frozen=True)
class LevelDays:
    """The days of one level of the index: worn hours then and the day after, and the night after."""

    level: str
    people: int
    days: int
    worn_h: float | None
    next_days: int
    next_worn_h: float | None
    next_night_share: float | None


@dataclass(frozen=True)
class Contrast:
    """Worn hours of days of higher index less those of the same people's usual days.

    `difference_h` is the mean over people, lo and hi its 95 % interval; None with fewer people than needed.
    """

    people: int
    higher_days: int
    usual_days: int
    difference_h: float | None = None
    lo_h: float | None = None
    hi_h: float | None = None

    @property
    def differs(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.lo_h is not None and self.hi_h is not None and (self.lo_h > 0 or self.hi_h < 0)


@dataclass(frozen=True)
class Stopped:
    """A sensor of a person, by number, that gave nothing in the last whole weeks of their data."""

    person: int
    sensor: str
    weeks: int


@dataclass(frozen=True)
class Device:
    """A device in use, unnamed where too few have it: who ever had it, and who had it at the end of their data."""

    source: str
    name: str | None
    people: int
    now: int


@dataclass(frozen=True)
class Study:
    """Everything that the page shows. People are in order; `hours` has the worn share of 24 hours of each."""

    before: date
    others: int
    silent: int
    people: tuple[Totals, ...]
    hours: tuple[tuple[float, ...], ...]
    step_weeks: int
    weeks: tuple[Weeks, ...]
    since: tuple[Since, ...]
    sensors: tuple[Sensor, ...]
    levels: tuple[LevelDays, ...]
    same_day: Contrast
    day_after: Contrast
    stopped: tuple[Stopped, ...]
    refused: tuple[Refused, ...]
    devices: tuple[Device, ...]
    changed_device: int


def read(warehouse: str | Path, *, before: date, wait_s: float = 60.0) -> Study:
    """Read the data yield of everyone who allows research, of the days before `before`."""
    with open_warehouse(warehouse, read_only=True, wait_s=wait_s) as con:
        allowed, others = read_study.count_people(con)
        days = read_study.read_days(con, before)
        hours = read_study.read_hours(con, before)
        streams = read_study.read_streams(con, before)
        refused = read_study.read_refused(con, before - timedelta(days=LATE_DAYS))
    return summarise(days, hours, streams, refused, before=before, allowed=allowed, others=others)


def summarise(
    days: Sequence[PersonDay],
    hours: Mapping[str, Mapping[int, float]],
    streams: Sequence[Stream],
    refused: Sequence[Refused],
    *,
    before: date,
    allowed: int,
    others: int,
) -> Study:
    """Make the study of what was read; days and streams come in order of people."""
    records = {who: list(of) for who, of in groupby(days, key=lambda day: day.participant)}
    order = order_people(records)
    mine = {who: [s for s in streams if s.participant == who] for who in order}
    step = choose_step(days)
    return Study(
        before=before,
        others=others,
        silent=allowed - len(order),
        people=tuple(total(records[who], mine[who]) for who in order),
        hours=tuple(tuple(hours.get(who, {}).get(h, 0.0) for h in range(24)) for who in order),
        step_weeks=step,
        weeks=count_weeks(records, step),
        since=count_since(records.values(), before, step),
        sensors=cover_sensors(order, records, mine),
        levels=tuple(describe_level(level, records.values()) for level in LEVELS),
        same_day=contrast(records.values(), 0),
        day_after=contrast(records.values(), 1),
        stopped=find_stopped(order, mine),
        refused=tuple(refused),
        devices=list_devices(mine),
        changed_device=sum(has_changed(own) for own in mine.values()),
    )


def order_people(records: Mapping[str, Sequence[PersonDay]]) -> list[str]:
    """Pseudonyms by valid days, most first; equals by a hash, which says nothing of who came first."""

    def place(who: str) -> tuple[int, int, str]:
        record = records[who]
        days, nights = sum(d.valid_day for d in record), sum(d.valid_night for d in record)
        return -days, -nights, hashlib.sha256(who.encode()).hexdigest()

    return sorted(records, key=place)


def total(record: Sequence[PersonDay], streams: Sequence[Stream]) -> Totals:
    """Count one person's record."""
    return Totals(
        days=len(record),
        sent=sum(d.sent for d in record),
        valid_days=sum(d.valid_day for d in record),
        valid_nights=sum(d.valid_night for d in record),
        sensors=len({s.sensor for s in streams}),
    )


# ---------------------------------------------------------------- time


def choose_step(days: Sequence[PersonDay]) -> int:
    """How many weeks a bar holds, so that there are not too many of them."""
    if not days:
        return 1
    span = max(d.day for d in days) - min(d.day for d in days)
    weeks = span.days // 7 + 2
    return next((step for step in STEPS_WEEKS if weeks <= step * MOST_BARS), STEPS_WEEKS[-1])


def count_weeks(records: Mapping[str, Sequence[PersonDay]], step: int) -> tuple[Weeks, ...]:
    """Count days and nights by calendar weeks; a record has no night on its first day."""
    if not records:
        return ()
    first = monday_of(min(record[0].day for record in records.values()))
    last = max(record[-1].day for record in records.values())
    bins: dict[int, list[tuple[PersonDay, bool]]] = {}
    for record in records.values():
        for day in record:
            place = (day.day - first).days // (7 * step)
            bins.setdefault(place, []).append((day, day.day != record[0].day))
    return tuple(
        Weeks(
            monday=first + timedelta(weeks=k * step),
            people=len({day.participant for day, _ in bins.get(k, [])}),
            days=len(bins.get(k, [])),
            valid_days=sum(day.valid_day for day, _ in bins.get(k, [])),
            nights=sum(has_night for _, has_night in bins.get(k, [])),
            valid_nights=sum(day.valid_night and has_night for day, has_night in bins.get(k, [])),
        )
        for k in range((last - first).days // (7 * step) + 1)
    )


def count_since(records: Iterable[Sequence[PersonDay]], before: date, step: int) -> tuple[Since, ...]:
    """Count by weeks since each one's start who sent data in that week or later.

    Somebody counts in a week once it is over: who began lately is no loss.
    """
    spans = []
    for record in records:
        sent = [day.day for day in record if day.sent]
        if sent:
            spans.append((sent[0], sent[-1]))
    rows = []
    for weeks in range(0, 53 * 100, step):
        could = [(start, end) for start, end in spans if start + timedelta(weeks=weeks + 1) <= before]
        if not could:
            break
        still = sum(end >= start + timedelta(weeks=weeks) for start, end in could)
        rows.append(Since(weeks, len(could), still))
    return tuple(rows[: rows_told(rows)])


def rows_told(rows: Sequence[Since]) -> int:
    """How many rows there are to tell: to the first week in which nobody sends, and no more than fit."""
    ended = next((k + 1 for k, row in enumerate(rows) if row.sending == 0), len(rows))
    return min(ended, MOST_BARS)


# ---------------------------------------------------------------- sensors


def cover_sensors(
    order: Sequence[str], records: Mapping[str, Sequence[PersonDay]], mine: Mapping[str, Sequence[Stream]]
) -> tuple[Sensor, ...]:
    """Share of days with data by sensor and person; where two devices gave one, those of the better."""
    found = []
    for name in SENSORS:
        own = {who: [s for s in mine[who] if s.sensor == name] for who in order}
        shares = tuple(min(1.0, sum_days(own[who]) / len(records[who])) if own[who] else 0.0 for who in order)
        told = [s.minutes_share for streams in own.values() for s in streams if s.minutes_share is not None]
        if any(shares):
            found.append(Sensor(name, shares, median(told) if told else None))
    return tuple(found)


def sum_days(streams: Sequence[Stream]) -> int:
    """Days with data of streams of one sensor: one after another they add up, side by side the longest counts."""
    apart = all(
        a.last <= b.first or b.last <= a.first for k, a in enumerate(streams) for b in streams[k + 1 :]
    )
    return sum(s.days for s in streams) if apart else max(s.days for s in streams)


def find_stopped(order: Sequence[str], mine: Mapping[str, Sequence[Stream]]) -> tuple[Stopped, ...]:
    """Find sensors that gave nothing at the end of a person's data."""
    found = []
    for number, who in enumerate(order, start=1):
        end = max((s.last for s in mine[who]), default=None)
        for name in SENSORS:
            last = max((s.last for s in mine[who] if s.sensor == name), default=None)
            if end is not None and last is not None and (end - last).days >= STOPPED_DAYS:
                found.append(Stopped(number, name, (end - last).days // 7))
    return tuple(found)


def list_devices(mine: Mapping[str, Sequence[Stream]]) -> tuple[Device, ...]:
    """Count people by source and device; a name that few have is left out."""
    ever: dict[tuple[str, str], set[str]] = {}
    now: dict[tuple[str, str], set[str]] = {}
    for who, streams in mine.items():
        end = max((s.last for s in streams), default=None)
        for s in streams:
            ever.setdefault((s.source, s.device), set()).add(who)
            if end is not None and (end - s.last).days < STOPPED_DAYS:
                now.setdefault((s.source, s.device), set()).add(who)
    named: dict[tuple[str, str | None], tuple[set[str], set[str]]] = {}
    for (source, device), people in ever.items():
        key = (source, device if len(people) >= SAME_DEVICE or device == "unknown" else None)
        had, has = named.setdefault(key, (set(), set()))
        had |= people
        has |= now.get((source, device), set())
    rows = [Device(*key, len(had), len(has)) for key, (had, has) in named.items()]
    return tuple(sorted(rows, key=lambda row: (row.source, row.name is None, -row.people, row.name or "")))


def has_changed(streams: Sequence[Stream]) -> bool:
    """Whether a person had a sensor of more than one device."""
    devices: dict[str, set[tuple[str, str]]] = {}
    for s in streams:
        devices.setdefault(s.sensor, set()).add((s.source, s.device))
    return any(len(of) > 1 for of in devices.values())


# ---------------------------------------------------------------- missing, and the index


def level_of(day: PersonDay) -> str:
    """Calmer, usual, higher, or none without an index."""
    return MARKS.get(day.level or "", "none")


def followed(record: Sequence[PersonDay]) -> list[tuple[PersonDay, PersonDay | None]]:
    """Each day of a record with the day after it, None at its end."""
    by_day = {day.day: day for day in record}
    return [(day, by_day.get(day.day + timedelta(days=1))) for day in record]


def describe_level(level: str, records: Iterable[Sequence[PersonDay]]) -> LevelDays:
    """Describe the wear of all days of a level, and of the days after them."""
    pairs = [pair for record in records for pair in followed(record) if level_of(pair[0]) == level]
    after = [then for _, then in pairs if then is not None]
    return LevelDays(
        level=level,
        people=len({day.participant for day, _ in pairs}),
        days=len(pairs),
        worn_h=mean_h(day for day, _ in pairs),
        next_days=len(after),
        next_worn_h=mean_h(after),
        next_night_share=fmean(then.valid_night for then in after) if after else None,
    )


def mean_h(days: Iterable[PersonDay]) -> float | None:
    """Mean worn hours of the days on which wear is known; None if there is none."""
    worn = [day.worn_min / 60 for day in days if day.worn_min is not None]
    return fmean(worn) if worn else None


def contrast(records: Iterable[Sequence[PersonDay]], later: int) -> Contrast:
    """Compare wear on days of higher index (`later` 0), or on the day after (1), with the same people's usual days.

    Each person counts once, by the difference of their two means; the interval is Student's over people.
    """
    differences: list[float] = []
    higher_days = usual_days = 0
    for record in records:
        worn: dict[str, list[float]] = {}
        for day, then in followed(record):
            seen = then if later else day
            if seen is not None and seen.worn_min is not None:
                worn.setdefault(level_of(day), []).append(seen.worn_min / 60)
        higher, usual = worn.get("higher", []), worn.get("usual", [])
        if min(len(higher), len(usual)) >= LEAST_DAYS:
            differences.append(fmean(higher) - fmean(usual))
            higher_days += len(higher)
            usual_days += len(usual)
    people = len(differences)
    if people < LEAST_PEOPLE:
        return Contrast(people, higher_days, usual_days)
    half = float(stdtrit(people - 1, 0.975)) * stdev(differences) / math.sqrt(people)
    middle = fmean(differences)
    return Contrast(people, higher_days, usual_days, middle, middle - half, middle + half)
