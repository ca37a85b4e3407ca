"""Three simulated people and what their wearables recorded in a week, to the last sample.

London, where summer time ends on the 25th; New York, with a night without the watch; Tokyo, with a
sample every four seconds. The same person on the same day is always the same, whoever asks.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FIRST = date(2026, 10, 22)
DAYS = 7
SEED = 4711
CYCLE = (("LIGHT", 24), ("DEEP", 22), ("LIGHT", 14), ("REM", 18), ("AWAKE", 4))
"""A sleep cycle: stages and about how many minutes each lasts."""


@dataclass(frozen=True)
class Person:
    """One person, their account and their watch."""

    name: str
    zone: str
    heart_step_s: int
    base_bpm: int
    device: str
    health_id: str
    fitbit_id: str
    scopes: tuple[str, ...]
    unworn_day: int | None = None
    """The day, from 0, whose night was slept without the watch."""


ALL_SCOPES = ("activity_and_fitness", "health_metrics_and_measurements", "sleep", "mindfulness", "settings")
PEOPLE = {
    person.name: person
    for person in (
        Person("P001", "Europe/London", 5, 58, "Charge 6", "1" * 21, "A1B2C3", ALL_SCOPES),
        Person("P002", "America/New_York", 12, 64, "Versa 4", "2" * 21, "D4E5F6", ALL_SCOPES, unworn_day=3),
        Person(
            *("P003", "Asia/Tokyo", 4, 52, "Pixel Watch 3", "3" * 21, "G7H8J9"),
            tuple(scope for scope in ALL_SCOPES if scope != "sleep"),
        ),
    )
}


@dataclass(frozen=True)
class Night:
    """A main sleep: its number, its edges and its stages (name, start, end), in seconds since 1970."""

    number: int
    start_s: int
    end_s: int
    stages: tuple[tuple[str, int, int], ...]

    def minutes(self, *names: str) -> int:
        """Whole minutes in some stages."""
        return round(sum(end - start for name, start, end in self.stages if name in names) / 60)

    def stage_at(self, t_s: int) -> str:
        """The stage at an instant inside."""
        return next(name for name, start, end in self.stages if start <= t_s < end)


@dataclass(frozen=True)
class Values:
    """Values at instants (seconds since 1970), in order."""

    t_s: Ints
    value: Floats


def days() -> list[date]:
    """The local days that there is data of."""
    return [FIRST + timedelta(days=i) for i in range(DAYS)]


def chance(person: Person, day: date, what: str) -> np.random.Generator:
    """Random numbers of one person, day and purpose."""
    return np.random.default_rng([SEED, zlib.crc32(f"{person.name} {day} {what}".encode())])


def local_s(person: Person, day: date, minutes: float = 0) -> int:
    """The instant at which the person's clock shows so many minutes after midnight."""
    clock = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(person.zone)) + timedelta(minutes=minutes)
    return int(clock.timestamp())


@lru_cache(maxsize=256)
def offset_s(zone: str, hour: int) -> int:
    """The offset from UTC in an hour (hours since 1970): no zone here changes within one."""
    offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def offsets_s(person: Person, t_s: Ints) -> Ints:
    """Offsets from UTC at instants."""
    hours, place = np.unique(t_s // 3600, return_inverse=True)
    return np.array([offset_s(person.zone, int(hour)) for hour in hours], np.int64)[place]


def is_unworn(person: Person, day: date) -> bool:
    """Whether the night that ends on a day was slept without the watch."""
    return person.unworn_day is not None and day == FIRST + timedelta(days=person.unworn_day)


@lru_cache(maxsize=64)
def night(person: Person, day: date) -> Night | None:
    """The sleep that ends on a local day."""
    if is_unworn(person, day):
        return None
    some = chance(person, day, "night")
    start = local_s(person, day - timedelta(days=1), 60 * 23 + int(some.integers(-20, 60))) + 30
    end = start + 60 * int(some.integers(400, 500))
    stages: list[tuple[str, int, int]] = []
    at = start
    while at < end:
        for name, about_min in CYCLE:
            stop = min(end, at + 30 * round(2 * about_min * some.uniform(0.7, 1.3)))
            if stop > at:
                stages.append((name, at, stop))
            at = stop
    return Night(zlib.crc32(f"{person.name} {day}".encode()), start, end, tuple(stages))


@lru_cache(maxsize=64)
def workout(person: Person, day: date) -> tuple[int, int] | None:
    """Start and end of a run, on most days."""
    some = chance(person, day, "workout")
    if some.random() < 0.35:
        return None
    start = local_s(person, day, 17 * 60 + int(some.integers(0, 40)))
    return start, start + 60 * int(some.integers(25, 50))


def charging(person: Person, day: date) -> tuple[int, int]:
    """Start and end of the time in the evening at which the watch lies on its charger."""
    start = local_s(person, day, 20 * 60 + int(chance(person, day, "charger").integers(0, 30)))
    return start, start + 45 * 60


def inside(t_s: Ints, span: tuple[int, int] | None) -> npt.NDArray[np.bool_]:
    """Which instants lie in a span."""
    return np.zeros(t_s.size, bool) if span is None else (span[0] <= t_s) & (t_s < span[1])


def asleep_at(person: Person, day: date, t_s: Ints) -> npt.NDArray[np.bool_]:
    """Which instants of a day lie in the night before or after it."""
    asleep = np.zeros(t_s.size, bool)
    for one in (night(person, day), night(person, day + timedelta(days=1))):
        asleep |= inside(t_s, None if one is None else (one.start_s, one.end_s))
    return asleep


@lru_cache(maxsize=64)
def heart(person: Person, day: date) -> Values:
    """Heart rates of a local day, as often as the watch takes them; none while it is not worn."""
    some = chance(person, day, "heart")
    start, end = local_s(person, day), local_s(person, day + timedelta(days=1))
    step = person.heart_step_s
    gaps = np.full(2 * 86_400 // step, step)
    if step > 4:
        gaps = np.maximum(1, step + some.choice([-2, -1, 0, 0, 0, 1, 3], gaps.size))
    t = start + int(some.integers(0, step + 1)) + np.concatenate([[0], np.cumsum(gaps)])
    t = t[t < end]
    worn = ~inside(t, charging(person, day))
    if is_unworn(person, day):
        worn &= t >= start + 8 * 3600
    t = t[worn]
    awake = np.where(asleep_at(person, day, t), 0.0, 16 + 6 * np.sin((t - start) / 86_400 * 2 * np.pi))
    noise = some.normal(0, 3, t.size)
    bpm = person.base_bpm + awake + 55 * inside(t, workout(person, day)) + noise
    return Values(t, bpm.round().clip(38, 190))


@lru_cache(maxsize=64)
def steps(person: Person, day: date) -> Values:
    """Steps of the minutes of a local day in which there were any, as the watch counted them."""
    some = chance(person, day, "steps")
    t = np.arange(local_s(person, day), local_s(person, day + timedelta(days=1)), 60)
    run = inside(t, workout(person, day))
    clock_h = (t + offsets_s(person, t)) % 86_400 // 3600
    walks = (clock_h >= 8) & (clock_h < 22) & (some.random(t.size) < 0.18)
    counts = np.where(run, some.integers(120, 166, t.size), some.integers(5, 96, t.size))
    kept = (run | walks) & ~inside(t, charging(person, day))
    return Values(t[kept], counts[kept].astype(float))


@lru_cache(maxsize=64)
def variability(person: Person, day: date) -> Values:
    """RMSSD (ms) of the five-minute stretches of a night, by their start."""
    one = night(person, day)
    if one is None:
        return Values(np.zeros(0, np.int64), np.zeros(0))
    some = chance(person, day, "variability")
    t = np.arange(-(-one.start_s // 300) * 300, one.end_s - 299, 300)
    level = 44 - 1.1 * (person.base_bpm - 58) + some.normal(0, 5)
    return Values(t, some.normal(level, 7, t.size).clip(8, 180).round(3))


@lru_cache(maxsize=64)
def oxygen(person: Person, day: date) -> Values:
    """SpO2 (%) of most minutes of a night."""
    one = night(person, day)
    if one is None:
        return Values(np.zeros(0, np.int64), np.zeros(0))
    some = chance(person, day, "oxygen")
    t = np.arange(-(-one.start_s // 60) * 60, one.end_s, 60)
    t = t[some.random(t.size) > 0.07]
    return Values(t, some.normal(95.6, 1.1, t.size).clip(86, 100).round(1))


def zone_minutes(person: Person, day: date) -> Iterator[tuple[int, str, int]]:
    """Active zone minutes of a run: instant, zone and how many they count."""
    span = workout(person, day)
    some = chance(person, day, "zone minutes")
    for t in range(-(-span[0] // 60) * 60, span[1], 60) if span else ():
        zone = str(some.choice(["FAT_BURN", "CARDIO", "CARDIO", "PEAK"]))
        yield t, zone, 1 if zone == "FAT_BURN" else 2


def moods(person: Person, day: date) -> Iterator[tuple[int, tuple[str, ...]]]:
    """What the person logged of their mood, on some evenings."""
    some = chance(person, day, "moods")
    if some.random() < 0.5:
        yield local_s(person, day, 21 * 60 + int(some.integers(0, 60))), ("CALM", "TIRED")


def resting_bpm(person: Person, day: date) -> int:
    """The resting heart rate of a day."""
    return person.base_bpm + int(chance(person, day, "resting").integers(-2, 4))


def breaths(person: Person, day: date) -> float | None:
    """Breaths a minute of a night."""
    return None if night(person, day) is None else round(chance(person, day, "breaths").normal(14.8, 0.6), 1)


def skin_cel(person: Person, day: date) -> float | None:
    """Skin temperature of a night."""
    return None if night(person, day) is None else round(33.8 + chance(person, day, "skin").normal(0, 0.3), 3)


SKIN_BASE_CEL = 33.8


BATTERY = ("Medium", 71)


def synced_s(person: Person) -> int:
    """When the watch last gave its data away: at eleven in the evening of the last day."""
    return local_s(person, days()[-1], 23 * 60)
