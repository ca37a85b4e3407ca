"""Synthetic people with known truth, written as Fitbit account exports.

    python sample_data/make_cohort.py OUT --people 8 --days 120 --seed 7

Writes OUT/<participant>/MyFitbitData.zip (and one more zip where a device is changed) and
OUT/truth.json: what was planted in each person, and what was true of each of their days. The same
seed gives the same bytes. cohort_life.py says how they live, cohort_export.py how it is written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from cohort_export import export_members, switch_s, write_zip
from cohort_life import HeavyWeek, Life, Person, Span, Switch, Trip, is_recorded, live, to_utc

ROLES = ("steady", "heavy week", "gaps", "switch", "dst", "traveller", "short sleeper", "newcomer")
ZONES = (
    "Australia/Brisbane",
    "Africa/Nairobi",
    "America/Phoenix",
    "Asia/Kolkata",
    "Europe/Berlin",
    "Asia/Dubai",
    "America/Bogota",
    "Asia/Tokyo",
)
CLOCKS_CHANGE = (date(2025, 10, 26), date(2025, 3, 30))  # Europe/Berlin: an hour gained, an hour lost


@dataclass(frozen=True)
class DayTruth:
    """What was true of one local day, and of the night that ended on it; null where there was none."""

    day: date
    heavy: bool
    night_recorded: bool
    onset_utc: datetime | None
    wake_utc: datetime | None
    log_start_utc: datetime | None
    log_end_utc: datetime | None
    offset_onset_min: int | None
    offset_wake_min: int | None
    tst_min: float | None
    waso_min: float | None
    light_min: float | None
    deep_min: float | None
    rem_min: float | None
    awakenings: int | None
    rhr_bpm: float | None
    nap_min: float
    steps: int
    worn_min: int
    level_bpm: float
    workouts: tuple[tuple[datetime, datetime], ...]
    arousals: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True)
class Export:
    """One zip to load, and the device to name with it (null: the export's own, unknown)."""

    path: Path
    device: str | None


@dataclass(frozen=True)
class PersonTruth:
    """A person, the exports written for them, and what was true of each day."""

    person: Person
    exports: tuple[Export, ...]
    days: tuple[DayTruth, ...] = field(repr=False)


@dataclass(frozen=True)
class Truth:
    """The cohort as planted."""

    people: tuple[PersonTruth, ...]

    def by_role(self, role: str) -> PersonTruth:
        """The first person of a role; KeyError names the roles there are."""
        for one in self.people:
            if one.person.role == role:
                return one
        raise KeyError(f"nobody is {role!r} in this cohort: there are {[p.person.role for p in self.people]}")


def draw_person(seed: int, number: int, days: int) -> Person:
    """Person `number` of a cohort: the role by turn, the body drawn from the seed."""
    rng = np.random.default_rng([seed, number])
    role = ROLES[number % len(ROLES)]
    amplitude, peak_h = rng.uniform(3, 5), rng.uniform(14, 17)
    rhr = round(float(rng.uniform(51, 66)), 1)
    person = Person(
        participant=f"p-{hashlib.sha256(f'{seed} {number}'.encode()).hexdigest()[:6]}",
        role=role,
        seed=int(rng.integers(2**31)),
        zone=ZONES[number % len(ZONES)],
        days=days,
        rhr_bpm=rhr,
        rhr_sd_bpm=round(float(rng.uniform(1.2, 1.9)), 2),
        mu_bpm=round(rhr + float(rng.uniform(13, 17)), 1),
        a_bpm=round(float(amplitude * np.cos(2 * np.pi * peak_h / 24)), 2),
        b_bpm=round(float(amplitude * np.sin(2 * np.pi * peak_h / 24)), 2),
        kappa=round(float(rng.uniform(0.6, 0.8)), 2),
        onset_clock_h=round(float(rng.uniform(22.5, 23.75)), 2),
    )
    return give_role(person, number // len(ROLES))


def give_role(person: Person, turn: int) -> Person:
    """`person` with what makes their role; `turn` counts how many had it before."""
    day = [person.first_day + timedelta(days=k) for k in range(person.days)]
    middle, late, last_ten = person.days // 2, day[person.days * 3 // 5], min(10, person.days)
    change = CLOCKS_CHANGE[turn % 2]
    trip = Trip(leave=day[person.days // 3], back=day[middle], zone="Asia/Tokyo")
    by_role: dict[str, dict[str, Any]] = {
        "steady": {},
        "heavy week": {"heavy": (HeavyWeek(late - timedelta(days=late.weekday())),)},
        "gaps": {"off_days": tuple(day[middle : middle + 4]), "unworn_nights": tuple(day[5::9])},
        "switch": {"switch": Switch(day[middle])},
        "dst": {"zone": "Europe/Berlin", "first_day": change - timedelta(days=middle)},
        "traveller": {"zone": "Asia/Dubai", "trips": (trip,)},
        "short sleeper": {"tst_free_h": 6.4, "tst_work_h": 5.9, "onset_clock_h": 24.25, "nap_weekday": 6},
        "newcomer": {"first_day": day[person.days - last_ten], "days": last_ten},
    }
    return replace(person, **by_role[person.role])


def instants(life: Life, k: int, spans: tuple[Span, ...]) -> tuple[tuple[datetime, datetime], ...]:
    """Those spans of the k-th day that the device was worn in, as instants."""
    return tuple(
        (to_utc((life.minute0 + first) * 60), to_utc((life.minute0 + after) * 60))
        for first, after in spans
        if life.day_index[first] == k and life.worn[first:after].all()
    )


def day_truth(life: Life, k: int) -> DayTruth:
    """What was true of the person's k-th day; the night before the first day is not known."""
    night = life.nights[k]
    here = life.day_index == k
    wakes = [len(list(run)) for stage, run in groupby(night.period) if stage == "wake"]
    nap_min = sum(b - a - 1 for a, b in life.naps if here[a] and life.worn[a:b].all())
    return DayTruth(
        day=night.day,
        heavy=any(week.covers(night.day) for week in life.person.heavy),
        night_recorded=is_recorded(life, night),
        onset_utc=to_utc(night.onset_s),
        wake_utc=to_utc(night.wake_s),
        log_start_utc=to_utc(night.log_start_s),
        log_end_utc=to_utc(night.log_end_s),
        offset_onset_min=int(life.offset_min[life.at(night.onset_s)]),
        offset_wake_min=int(life.offset_min[life.at(night.wake_s)]),
        tst_min=sum(night.minutes(stage) for stage in ("light", "deep", "rem")),
        waso_min=night.minutes("wake"),
        light_min=night.minutes("light"),
        deep_min=night.minutes("deep"),
        rem_min=night.minutes("rem"),
        awakenings=sum(length >= 4 for length in wakes),
        rhr_bpm=float(life.rhr_bpm[k]),
        nap_min=float(nap_min),
        steps=int(life.steps[here & life.worn].sum()),
        worn_min=int(life.worn[here].sum()),
        level_bpm=float(life.level_bpm[k]),
        workouts=instants(life, k, life.workouts),
        arousals=instants(life, k, life.arousals),
    )


def make_export(person: Person, out: Path) -> PersonTruth:
    """Write one person's export (two where a device is changed) below `out`; say what is true.

    Plant what a test needs by `Person(...)` or `dataclasses.replace`.
    """
    life = live(person)
    folder = out / person.participant
    begin, end = life.minute0 * 60, (life.minute0 + life.steps.size) * 60
    written = person.first_day + timedelta(days=person.days)
    exports = [Export(folder / "MyFitbitData.zip", None)]
    change = end if person.switch is None else switch_s(life)
    write_zip(exports[0].path, export_members(life, begin, change), written)
    if person.switch is not None:
        exports.append(Export(folder / f"MyFitbitData-{person.switch.device}.zip", person.switch.device))
        write_zip(exports[1].path, export_members(life, change, end), written)
    days = tuple(day_truth(life, k) for k in range(person.days))
    return PersonTruth(person, tuple(exports), days)


def make_cohort(out: Path, people: int = 8, days: int = 120, seed: int = 7) -> Truth:
    """Write the exports of a cohort and its truth.json below `out`; the roles take turns."""
    truth = Truth(tuple(make_export(draw_person(seed, k, days), out) for k in range(people)))
    (out / "truth.json").write_text(write_truth(truth, out))
    return truth


def write_truth(truth: Truth, out: Path) -> str:
    """The truth as JSON: paths below `out`, instants in ISO 8601, UTC."""

    def encode(value: object) -> str:
        if isinstance(value, Path):
            return value.relative_to(out).as_posix()
        if isinstance(value, date):  # a datetime is one
            return value.isoformat()
        raise TypeError(
            f"{type(value).__name__} has no place in truth.json: make it a date, a path or a number"
        )

    people = [asdict(one) for one in truth.people]
    for plain, one in zip(people, truth.people, strict=True):
        plain["person"]["sleep_need_h"] = one.person.sleep_need_h
        if not one.person.practices:
            del plain["person"]["practices"]
    return json.dumps({"people": people}, default=encode, indent=1) + "\n"


def main() -> None:
    """Make a cohort from the command line."""
    parser = argparse.ArgumentParser(
        description="Synthetic people with known truth, as Fitbit account exports."
    )
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--people", type=int, default=8, help="how many; each takes the next role")
    parser.add_argument("--days", type=int, default=120, help="days a person (newcomers have 10)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same bytes")
    wanted = parser.parse_args()
    make_cohort(wanted.out, wanted.people, wanted.days, wanted.seed)


if __name__ == "__main__":
    main()
