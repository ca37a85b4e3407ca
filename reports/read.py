"""What the reports read: all SQL of this stage, in frozen values by person and day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from warehouse.store import Connection

FEATURES = (
    "valid_day",
    "valid_night",
    "worn_min",
    "tst_min",
    "onset_clock_h",
    "wake_clock_h",
    "offset_wake_min",
    "sri_7d",
)
"""The features that reports read by name, beside those that entered an index."""


@dataclass(frozen=True)
class IndexDay:
    """The body stress signal of one day (model.index_day); numbers 0 to 100, None where not scored."""

    index: float | None
    lo80: float | None
    hi80: float | None
    level: str | None
    state: str
    show_number: bool
    source: str | None


@dataclass(frozen=True)
class Part:
    """What one feature gave to the index of a day (model.contribution with its model.baseline).

    `value`, `usual_lo`, `usual_hi`, `mean` and `scale` are in the feature's own unit; `z` is the
    distance from usual in the direction of load, None where the feature was missing.
    """

    feature: str
    value: float | None
    usual_lo: float | None
    usual_hi: float | None
    z: float | None
    contribution: float | None
    mean: float | None = None
    scale: float | None = None
    kappa: float | None = None
    nu: float | None = None


@dataclass(frozen=True)
class Workout:
    """One workout: when it began and ended, hours after local midnight of its day, and what it was."""

    start_h: float
    end_h: float
    activity: str | None


@dataclass(frozen=True)
class Event:
    """What a person did or met with: its kind (signal.event), and the app it came from."""

    kind: str
    app: str | None = None


@dataclass(frozen=True)
class CheckIn:
    """What a person said of how they felt: a number on its scale, or a word."""

    scale: str
    value: float | None = None
    label: str | None = None


@dataclass(frozen=True)
class Alert:
    """What lasts: the first day of its run, and the features with the largest part in it, largest first."""

    since: date
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Shift:
    """A usual that has moved: judged on the Monday `day`, from `start` to `end` in the feature's unit."""

    day: date
    feature: str
    start: float
    end: float
    since: date


@dataclass(frozen=True)
class Agreement:
    """Whether the index follows how the person feels, as judged on the Monday `day`."""

    day: date
    verdict: str
    checkins: int
    needed: int


@dataclass(frozen=True)
class Person:
    """What the tables know of a person between two days, by local day; a day without rows is absent."""

    participant: str
    index: dict[date, IndexDay] = field(default_factory=dict)
    parts: dict[date, tuple[Part, ...]] = field(default_factory=dict)
    values: dict[date, dict[str, float]] = field(default_factory=dict)
    usual_days: dict[date, int] = field(default_factory=dict)
    """Days that the person's usual rests on (the most of any feature), by the day it is used for."""
    workouts: dict[date, tuple[Workout, ...]] = field(default_factory=dict)
    events: dict[date, tuple[Event, ...]] = field(default_factory=dict)
    checkins: dict[date, tuple[CheckIn, ...]] = field(default_factory=dict)
    alerts: dict[date, Alert] = field(default_factory=dict)
    """Days on which an alert is told."""
    shifts: tuple[Shift, ...] = ()
    """Moves told up to the day after the last one: that Monday judges the week that ends."""
    agreement: Agreement | None = None
    """The newest judgement up to that Monday."""

    def value(self, day: date, feature: str) -> float | None:
        """The value of a feature on a day, None where there is none."""
        return self.values.get(day, {}).get(feature)


def read_people(con: Connection, participants: Sequence[str], first: date, last: date) -> dict[str, Person]:
    """Read everything that reports need of these people, `first` to `last`, both included."""
    people = {participant: Person(participant) for participant in participants}
    window = [list(participants), first, last]
    for who, day, *rest in con.execute(INDEX, window).fetchall():
        people[who].index[day] = IndexDay(*rest)
    for who, day, *rest in con.execute(PARTS, window).fetchall():
        people[who].parts[day] = (*people[who].parts.get(day, ()), Part(*rest))
    for who, day, feature, value in con.execute(VALUES, [*window, list(FEATURES)]).fetchall():
        people[who].values.setdefault(day, {})[feature] = value
    for who, day, days in con.execute(USUAL_DAYS, window).fetchall():
        people[who].usual_days[day] = days
    add_notes(con, people, window)
    return add_judgements(con, people, [list(participants), first, last + timedelta(days=1)])


def add_notes(con: Connection, people: dict[str, Person], window: list[object]) -> None:
    """Add what people did, noted and said, and the days on which something has lasted."""
    for who, day, *rest in con.execute(WORKOUTS, window).fetchall():
        people[who].workouts[day] = (*people[who].workouts.get(day, ()), Workout(*rest))
    for who, day, *rest in con.execute(EVENTS, window).fetchall():
        people[who].events[day] = (*people[who].events.get(day, ()), Event(*rest))
    for who, day, *rest in con.execute(CHECKINS, window).fetchall():
        people[who].checkins[day] = (*people[who].checkins.get(day, ()), CheckIn(*rest))
    for who, day, since, *causes in con.execute(ALERTS, window).fetchall():
        people[who].alerts[day] = Alert(since, tuple(cause for cause in causes if cause is not None))


def add_judgements(con: Connection, people: dict[str, Person], window: list[object]) -> dict[str, Person]:
    """Give the same people with what is judged on Mondays."""
    shifts: dict[str, list[Shift]] = {}
    for who, *rest in con.execute(SHIFTS, window).fetchall():
        shifts.setdefault(who, []).append(Shift(*rest))
    agreements = {who: Agreement(*rest) for who, *rest in con.execute(AGREEMENT, window).fetchall()}
    return {
        who: replace(person, shifts=tuple(shifts.get(who, ())), agreement=agreements.get(who))
        for who, person in people.items()
    }


def read_dues(con: Connection, participants: Sequence[str], method_version: str) -> dict[str, set[date]]:
    """The days for which insights are due by meta.due, and those that an older method wrote."""
    dues: dict[str, set[date]] = {}
    for who, day in con.execute(DUES, [list(participants), method_version, list(participants)]).fetchall():
        dues.setdefault(who, set()).add(day)
    return dues


def read_spans(con: Connection, participants: Sequence[str]) -> dict[str, tuple[date, date]]:
    """The first and last day of each person that the models have worked."""
    rows = con.execute(SPANS, [list(participants)]).fetchall()
    return {who: (first, last) for who, first, last in rows}


def read_worn(con: Connection, participants: Sequence[str], before: date) -> dict[str, tuple[date, date]]:
    """The first and last day before `before` on which each person wore the device or slept with it."""
    rows = con.execute(WORN, [list(participants), before]).fetchall()
    return {who: (first, last) for who, first, last in rows}


def read_pages(con: Connection, participants: Sequence[str], monday: date) -> dict[str, tuple[str, str]]:
    """What `report.week` says of each person's page of a week: its hash and the version that wrote it."""
    rows = con.execute(PAGES, [list(participants), monday]).fetchall()
    return {who: (sha256, version) for who, sha256, version in rows}


@dataclass(frozen=True)
class WeekPage:
    """A page that was written (report.week): its week, where it lies below the reports folder, its hash."""

    monday: date
    iso_week: str
    path: str
    sha256: str


def read_week_pages(
    con: Connection, participants: Sequence[str], first: date, last: date
) -> dict[str, WeekPage]:
    """The newest page of each person whose week starts between `first` and `last`, both included."""
    rows = con.execute(WEEK_PAGES, [list(participants), first, last]).fetchall()
    return {who: WeekPage(*rest) for who, *rest in rows}


INDEX = """
    select participant, day, "index", lo80, hi80, level, coalesce(state, 'learning'),
        coalesce(show_number, false), source
    from model.index_day
    where participant in (select unnest(?)) and day between ? and ?
    order by participant, day
"""
PARTS = """
    select c.participant, c.day, c.feature, c.value, c.usual_lo, c.usual_hi, c.z, c.contribution,
        b.mean, b.scale, b.kappa, b.nu
    from model.contribution c
    left join model.baseline b on b.participant = c.participant and b.day = c.day and b.feature = c.feature
    where c.participant in (select unnest(?)) and c.day between ? and ?
    order by c.participant, c.day, c.feature
"""
VALUES = """
    select participant, day, feature, value
    from feature.value
    where participant in (select unnest(?)) and day between ? and ? and value is not null
        and feature in (select unnest(?))
    order by participant, day, feature
"""
USUAL_DAYS = """
    select participant, day, max(n_obs)
    from model.baseline
    where participant in (select unnest(?)) and day between ? and ? and n_obs is not null
    group by participant, day
    order by participant, day
"""
WORKOUTS = """
    with told as (
        select participant, t_utc + to_minutes(offset_min::bigint) as start_local,
            end_utc + to_minutes(offset_min::bigint) as end_local, activity
        from signal.workout
    )
    select participant, start_local::date as day,
        date_diff('minute', start_local::date::timestamp, start_local) / 60.0 as start_h,
        date_diff('minute', start_local::date::timestamp, end_local) / 60.0 as end_h, activity
    from told
    where participant in (select unnest(?)) and start_local::date between ? and ?
    order by participant, day, start_h, end_h, activity
"""
EVENTS = """
    select distinct participant, (t_utc + to_minutes(offset_min::bigint))::date as day, event, app
    from signal.event
    where participant in (select unnest(?)) and (t_utc + to_minutes(offset_min::bigint))::date between ? and ?
    order by participant, day, event, app
"""
CHECKINS = """
    with told as (
        select participant, t_utc + to_minutes(offset_min::bigint) as said_local, scale, value, label
        from signal.checkin
    )
    select participant, said_local::date as day, scale, value, label
    from told
    where participant in (select unnest(?)) and said_local::date between ? and ?
        and (value is not null or label is not null)
    order by participant, said_local, scale, value, label
"""
ALERTS = """
    select participant, day, since_day, cause_1, cause_2, cause_3
    from model.alert
    where participant in (select unnest(?)) and day between ? and ? and alert and since_day is not null
    order by participant, day
"""
SHIFTS = """
    select participant, day, feature, start, "end", since
    from model.shift
    where participant in (select unnest(?)) and day between ? and ? and shifted
    order by participant, day, feature
"""
DUES = """
    select participant, day from meta.due where stage = 'reports' and participant in (select unnest(?))
    union
    select participant, day from report.insight
    where method_version is distinct from ? and participant in (select unnest(?))
    order by participant, day
"""
SPANS = """
    select participant, min(day), max(day) from model.index_day
    where participant in (select unnest(?)) group by participant order by participant
"""
WORN = """
    select participant, min(day), max(day) from feature.value
    where participant in (select unnest(?)) and day < ? and feature in ('worn_min', 'tst_min') and value > 0
    group by participant order by participant
"""
PAGES = """
    select participant, page_sha256, method_version from report.week
    where participant in (select unnest(?)) and day = ?
"""
AGREEMENT = """
    select participant, day, verdict, checkins, needed
    from model.agreement
    where participant in (select unnest(?)) and day between ? and ? and lag = 0
    order by participant, day
"""
WEEK_PAGES = """
    select participant, day, iso_week, page_path, page_sha256 from report.week
    where participant in (select unnest(?)) and day between ? and ? and page_path is not null
    order by participant, day
"""
