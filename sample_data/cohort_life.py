"""How a synthetic person lives: nights, steps, heart rate and wear, minute by minute.

Awake, the heart rate follows the model that the features fit: a daily rhythm, a response to steps
and noise that remembers the last minute (Bowman 2021, doi:10.1016/j.crmeth.2021.100058). Asleep it
sinks to a nadir; stages follow each other in cycles and wakes are cut in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Span: TypeAlias = tuple[int, int]
"""First minute and first minute after it, on a person's grid of minutes."""

STEP_LAGS_MIN = ((0, 1), (2, 5), (6, 15), (16, 30))
EPOCH_S = 30
AROUSAL_BPM = 14.0


@dataclass(frozen=True)
class HeavyWeek:
    """Seven days whose nights and days are shifted, in units of the person's own SD."""

    first_day: date
    rhr_sd: float = 2.0
    tst_sd: float = -1.5
    level_sd: float = 2.5
    arousals_per_day: float = 3.0

    def covers(self, day: date) -> bool:
        """Whether `day` is one of the seven."""
        return self.first_day <= day < self.first_day + timedelta(days=7)


@dataclass(frozen=True)
class Drawn:
    """A randomised plan: its design, what the draw was made from, its first day, a 1 or 0 a day."""

    design: str
    seed: int
    first_day: date
    drawn: tuple[int, ...]


@dataclass(frozen=True)
class Practice:
    """What a person does on some days and notes, what goes with it, and what can be found of it.

    `sessions` are the days on which it was done and noted, at `clock` for `minutes`. On `days_with`, and in the
    night after each, the body is shifted in units of the person's own SD. `moved` are sessions of a weekly
    appointment (calendar) by the day for which they were planned; None for one that was missed. `question` is
    what can be asked of it, `verdict` and `reason` the right answer.
    """

    event: str
    app: str
    question: str
    verdict: str
    reason: str | None = None
    sessions: tuple[date, ...] = ()
    days_with: tuple[date, ...] = ()
    rhr_sd: float = 0.0
    tst_sd: float = 0.0
    level_sd: float = 0.0
    arousals_per_day: float = 0.0
    clock: str = "18:00"
    minutes: int = 15
    weekly: bool = False
    moved: tuple[tuple[date, date | None], ...] = ()
    plan: Drawn | None = None


@dataclass(frozen=True)
class Trip:
    """A stay in another zone, from noon of `leave` (old clock) to noon of `back` (clock there)."""

    leave: date
    back: date
    zone: str


@dataclass(frozen=True)
class Switch:
    """Another device from noon of `day` on, which reads heart rate higher by `bias_bpm`."""

    day: date
    device: str = "sense-2"
    bias_bpm: float = 3.0


@dataclass(frozen=True)
class Person:
    """Everything that is planted in one person. Clock hours are local; `beta` is bpm per √(steps/min)."""

    participant: str
    role: str = "steady"
    seed: int = 7
    zone: str = "Australia/Brisbane"
    first_day: date = date(2025, 9, 1)
    days: int = 120
    rhr_bpm: float = 58.0
    rhr_sd_bpm: float = 1.5
    night_phi: float = 0.4
    nadir: float = 0.65
    mu_bpm: float = 72.0
    a_bpm: float = -2.5
    b_bpm: float = -3.0
    beta: tuple[float, float, float, float] = (1.5, 1.1, 0.7, 0.3)
    kappa: float = 0.7
    noise_sd_bpm: float = 1.6
    level_sd_bpm: float = 1.0
    onset_clock_h: float = 23.25
    onset_sd_h: float = 0.35
    tst_free_h: float = 8.0
    tst_work_h: float = 7.4
    tst_sd_h: float = 0.5
    walks_per_day: int = 36
    arousals_per_day: float = 0.8
    sample_s: int = 15
    heavy: tuple[HeavyWeek, ...] = ()
    off_days: tuple[date, ...] = ()
    unworn_nights: tuple[date, ...] = ()
    trips: tuple[Trip, ...] = ()
    switch: Switch | None = None
    nap_weekday: int | None = None
    practices: tuple[Practice, ...] = ()

    @property
    def sleep_need_h(self) -> float:
        """Hours of sleep needed, as the features estimate them: free nights, kept between 7 and 9."""
        return float(np.clip(self.tst_free_h, 7.0, 9.0))


@dataclass(frozen=True)
class Night:
    """The main sleep that ends on `day`: its log from `log_start_s` (epoch seconds), one stage every 30 s."""

    day: date
    log_start_s: int
    stages: tuple[str, ...]
    lead_epochs: int
    tail_epochs: int

    @property
    def onset_s(self) -> int:
        """First sleep, in epoch seconds."""
        return self.log_start_s + self.lead_epochs * EPOCH_S

    @property
    def wake_s(self) -> int:
        """Final wake, in epoch seconds."""
        return self.log_start_s + (len(self.stages) - self.tail_epochs) * EPOCH_S

    @property
    def log_end_s(self) -> int:
        """End of the log, in epoch seconds."""
        return self.log_start_s + len(self.stages) * EPOCH_S

    @property
    def period(self) -> tuple[str, ...]:
        """Stages from the first sleep to the final wake."""
        return self.stages[self.lead_epochs : len(self.stages) - self.tail_epochs]

    def minutes(self, stage: str) -> float:
        """Minutes of `stage` between the first sleep and the final wake."""
        return self.period.count(stage) * EPOCH_S / 60


@dataclass(frozen=True)
class Life:
    """One person's minutes, from `minute0` (minutes since 1970, UTC). Arrays have one entry a minute."""

    person: Person
    minute0: int
    offset_min: Ints
    nights: tuple[Night, ...]
    naps: tuple[Span, ...]
    workouts: tuple[Span, ...]
    arousals: tuple[Span, ...]
    rhr_bpm: Floats
    level_bpm: Floats
    steps: Ints
    asleep: Flags
    hr_bpm: Floats
    worn: Flags

    @cached_property
    def day_index(self) -> Ints:
        """Local day of each minute, 0 on the person's first day."""
        return local_day(self.minute0, self.offset_min) - to_days(self.person.first_day)

    def at(self, epoch_s: int) -> int:
        """The minute of the grid that an instant falls in."""
        return epoch_s // 60 - self.minute0


# ---------------------------------------------------------------- clocks


def to_days(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def to_utc(epoch_s: int) -> datetime:
    """An instant from epoch seconds."""
    return datetime.fromtimestamp(epoch_s, UTC)


def local_day(minute0: int, offset_min: Ints) -> Ints:
    """Local days since 1970 of a grid of minutes."""
    return (minute0 + np.arange(offset_min.size) + offset_min) // 1440


def zone_at(person: Person, when: datetime) -> ZoneInfo:
    """The zone that the person is in at an instant; travel takes no time."""
    for trip in person.trips:
        noon = datetime(trip.leave.year, trip.leave.month, trip.leave.day, 12, tzinfo=ZoneInfo(person.zone))
        back = datetime(trip.back.year, trip.back.month, trip.back.day, 12, tzinfo=ZoneInfo(trip.zone))
        if noon <= when < back:
            return ZoneInfo(trip.zone)
    return ZoneInfo(person.zone)


def lay_minutes(person: Person) -> tuple[int, Ints]:
    """First minute (since 1970) and the offset of every minute, a little longer than the days."""
    hour0 = (to_days(person.first_day) - 2) * 24
    hours = range(hour0, hour0 + (person.days + 5) * 24)
    offsets = []
    for hour in hours:
        when = to_utc(hour * 3600)
        shift = when.astimezone(zone_at(person, when)).utcoffset()
        offsets.append(0 if shift is None else int(shift.total_seconds()) // 60)
    return hour0 * 60, np.repeat(np.array(offsets, dtype=np.int64), 60)


def find_minute(minute0: int, offset_min: Ints, local_min: float) -> int:
    """The first minute of the grid whose local clock (minutes since 1970) has reached `local_min`."""
    clock = minute0 + np.arange(offset_min.size) + offset_min
    return int(np.argmax(clock >= local_min))


# ---------------------------------------------------------------- what is planted


def shift_night(person: Person, day: date, name: str) -> float:
    """What is planted in the night that ends on `day`: of its week, and of practice on the day before."""
    eve = day - timedelta(days=1)
    heavy = sum(getattr(week, name) for week in person.heavy if week.covers(day))
    return float(heavy + sum(getattr(each, name) for each in person.practices if eve in each.days_with))


def shift_day(person: Person, day: date, name: str) -> float:
    """What is planted in the waking hours of `day`."""
    heavy = sum(getattr(week, name) for week in person.heavy if week.covers(day))
    return float(heavy + sum(getattr(each, name) for each in person.practices if day in each.days_with))


# ---------------------------------------------------------------- nights


def remember(noise: Floats, kappa: float) -> Floats:
    """AR(1): u_t = kappa·u_(t-1) + noise_t."""
    return np.array(list(accumulate(noise.tolist(), lambda u, e: kappa * u + e)))


def draw_stages(rng: np.random.Generator, sleep_epochs: int) -> tuple[str, ...]:
    """Stages of a night with exactly `sleep_epochs` of sleep: cycles of about 90 min, wakes put between."""
    cycles: list[str] = []
    turn = 0
    while len(cycles) < sleep_epochs:
        deep, rem = max(4, 60 - 16 * turn), 20 + 14 * turn
        for stage, mean in (("light", 60), ("deep", deep), ("light", 40), ("rem", rem)):
            cycles += [stage] * int(rng.integers(mean * 3 // 4, mean * 5 // 4 + 1))
        turn += 1
    sleep = cycles[:sleep_epochs]
    places = rng.choice(sleep_epochs // 8 - 4, int(rng.integers(8, 25)), replace=False)
    wakes = {int(at): int(rng.integers(1, 5)) for at in places}
    wakes |= {int(at): int(rng.integers(8, 20)) for at in rng.choice(list(wakes), 3, replace=False)}
    stages: list[str] = []
    for eighth in range(-(-sleep_epochs // 8)):
        stages += ["wake"] * wakes.get(eighth - 2, 0)
        stages += sleep[eighth * 8 : eighth * 8 + 8]
    return tuple(stages)


def draw_nights(
    person: Person, rng: np.random.Generator, minute0: int, offset_min: Ints
) -> tuple[Night, ...]:
    """One night for each day and for the day after the last: clock, length and stages."""
    nights = []
    for k in range(person.days + 1):
        day = person.first_day + timedelta(days=k)
        shift = shift_night(person, day, "tst_sd")
        free = day.weekday() >= 5
        mean_h = person.tst_free_h if free else person.tst_work_h
        tst_h = mean_h + person.tst_sd_h * float(np.clip(rng.normal() + shift, -3.5, 2.5))
        onset_h = (
            person.onset_clock_h + 0.6 * free + person.onset_sd_h * float(np.clip(rng.normal(), -2.5, 2.5))
        )
        onset = find_minute(minute0, offset_min, (to_days(day) - 1) * 1440 + round(onset_h * 60))
        lead, tail = (int(n) for n in rng.choice([0, 0, 10, 24], 2))
        stages = ("wake",) * lead + draw_stages(rng, round(tst_h * 120)) + ("wake",) * tail
        nights.append(Night(day, (minute0 + onset) * 60 - lead * EPOCH_S, stages, lead, tail))
    return tuple(nights)


def draw_levels(person: Person, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Planted resting heart rate of each night and shift of each day, bpm; one more than days."""
    count = person.days + 1
    days = [person.first_day + timedelta(days=k) for k in range(count)]
    rhr_sd = np.array([shift_night(person, d, "rhr_sd") for d in days])
    level_sd = np.array([shift_day(person, d, "level_sd") for d in days])
    spread = np.sqrt(1 - person.night_phi**2)
    nights = remember(rng.normal(size=count + 20) * spread, person.night_phi)[20:]
    rhr = person.rhr_bpm + person.rhr_sd_bpm * (np.clip(nights, -2.5, 2.5) + rhr_sd)
    return rhr, person.level_sd_bpm * (np.clip(rng.normal(size=count), -2.5, 2.5) + level_sd)


def night_curve(person: Person, rng: np.random.Generator, night: Night, rhr_bpm: float) -> Floats:
    """Heart rate of each minute from first sleep to final wake, bpm.

    It falls from the evening, bottoms out at the nadir and rises in wakes; the whole is shifted so that the
    10th percentile of its 5-minute means asleep is `rhr_bpm`.
    """
    first = night.onset_s // 60
    minute = np.arange(night.wake_s // 60 - first)
    epoch = np.array(night.period) == "wake"
    awake = np.repeat(epoch, EPOCH_S)[: minute.size * 60].reshape(-1, 60).mean(axis=1)
    place = minute / minute.size
    curve = 7 * ((place - person.nadir) / person.nadir) ** 2 + 6 * np.exp(-minute / 10) + 6 * awake
    curve += remember(rng.normal(0, 0.6, minute.size), 0.7)
    skip = -first % 5
    bins = (minute.size - skip) // 5
    fives = slice(skip, skip + bins * 5)
    still = awake[fives].reshape(bins, 5).max(axis=1) == 0
    means = curve[fives].reshape(bins, 5).mean(axis=1)
    return np.asarray(curve + rhr_bpm - np.percentile(means[still], 10))


# ---------------------------------------------------------------- days


def draw_day(
    person: Person, rng: np.random.Generator, span: Span, day: date
) -> tuple[list[tuple[int, Ints]], list[Span], list[Span], list[Span]]:
    """Walks (minute, steps), workouts, naps and arousals between a wake and the next log, as grid minutes."""
    first, last = span[0] + 30, span[1] - 40
    walks = [
        (int(at), rng.integers(15, 106, int(rng.integers(1, 10))))
        for at in rng.integers(first, last, person.walks_per_day)
    ]
    workouts, naps = [], []
    middle = (first + last) // 2
    if to_days(day) % 3 == 0:
        length = int(rng.integers(30, 46))
        workouts.append((middle + 120, middle + 120 + length))
        walks.append((middle + 120, rng.integers(120, 141, length)))
    if day.weekday() == person.nap_weekday:
        naps.append((middle - 60, middle - 20))
    mean = max(0.0, person.arousals_per_day + shift_day(person, day, "arousals_per_day"))
    arousals: list[Span] = []
    for _ in range(int(rng.poisson(mean))):
        at, length = int(rng.integers(first + 30, last - 60)), int(rng.integers(12, 21))
        busy = [*arousals, *((a, b + 90) for a, b in workouts), *naps]
        if all(at + length + 40 < a or at > b + 40 for a, b in busy):
            arousals.append((at, at + length))
    return walks, workouts, naps, arousals


def respond_to_steps(person: Person, steps: Ints) -> Floats:
    """Σ beta_k·√(mean steps/min over the k-th range of lags), bpm: what walking adds to heart rate."""
    total = np.concatenate(([0], np.cumsum(steps)))
    minute = np.arange(1, steps.size + 1)
    rise = np.zeros(steps.size)
    for beta, (near, far) in zip(person.beta, STEP_LAGS_MIN, strict=True):
        window = total[np.maximum(minute - near, 0)] - total[np.maximum(minute - far - 1, 0)]
        rise += beta * np.sqrt(window / (far - near + 1))
    return rise


def mark(size: int, spans: Iterable[Span]) -> Flags:
    """True in the minutes of `spans`."""
    flags = np.zeros(size, dtype=np.bool_)
    for first, after in spans:
        flags[max(first, 0) : after] = True
    return flags


def live(person: Person) -> Life:
    """One person's life, minute by minute, from their own seed."""
    rng = np.random.default_rng(person.seed)
    minute0, offset_min = lay_minutes(person)
    nights = draw_nights(person, rng, minute0, offset_min)
    rhr, level = draw_levels(person, rng)
    steps = np.zeros(offset_min.size, dtype=np.int64)
    workouts: list[Span] = []
    naps: list[Span] = []
    arousals: list[Span] = []
    for night, following in pairwise(nights):
        span = (night.log_end_s // 60 - minute0, following.log_start_s // 60 - minute0)
        walks, *found = draw_day(person, rng, span, night.day)
        for at, counts in walks:
            steps[at : at + counts.size] = counts
        for kind, more in zip((workouts, naps, arousals), found, strict=True):
            kind.extend(more)
    still = [*naps, *((a - 15, b) for a, b in arousals)]
    steps[mark(steps.size, still)] = 0
    asleep = mark(steps.size, [(n.onset_s // 60 - minute0, n.wake_s // 60 - minute0) for n in nights])
    life = Life(
        person, minute0, offset_min, nights, tuple(naps), tuple(workouts), tuple(arousals), rhr, level, steps,
        asleep, np.zeros(steps.size), np.zeros(steps.size, dtype=np.bool_),
    )  # fmt: skip
    return replace(life, hr_bpm=beat(life, rng), worn=wear(life))


def beat(life: Life, rng: np.random.Generator) -> Floats:
    """Heart rate of every minute, bpm: the day's model while awake, each night's curve asleep."""
    person = life.person
    hour = ((life.minute0 + np.arange(life.offset_min.size) + life.offset_min) % 1440) / 60
    turn = 2 * np.pi * hour / 24
    hr = person.mu_bpm + person.a_bpm * np.cos(turn) + person.b_bpm * np.sin(turn)
    hr += respond_to_steps(person, life.steps)
    hr += remember(rng.normal(0, person.noise_sd_bpm, hr.size), person.kappa)
    hr += life.level_bpm[np.clip(life.day_index, 0, person.days)]
    hr += AROUSAL_BPM * mark(hr.size, life.arousals) - 8.0 * mark(hr.size, life.naps)
    for night, rhr in zip(life.nights, life.rhr_bpm, strict=True):
        curve = night_curve(person, rng, night, float(rhr))
        first = life.at(night.onset_s)
        hr[first : first + curve.size] = curve
    return np.asarray(hr)


def wear(life: Life) -> Flags:
    """Minutes with the device on: from 09:00 of the first day to bedtime of the last, without the gaps."""
    person = life.person
    start = find_minute(life.minute0, life.offset_min, to_days(person.first_day) * 1440 + 540)
    worn = mark(life.offset_min.size, [(start, life.at(life.nights[-1].log_start_s))])
    off = [to_days(day) - to_days(person.first_day) for day in person.off_days]
    worn &= ~np.isin(life.day_index, off)
    for night in life.nights:
        if night.day in person.unworn_nights:
            worn[life.at(night.log_start_s) - 20 : life.at(night.log_end_s) + 20] = False
    return worn


def is_recorded(life: Life, night: Night) -> bool:
    """Whether the device was on all night, so that the vendor wrote a log."""
    return bool(life.worn[life.at(night.log_start_s) : life.at(night.log_end_s) + 1].all())
