"""Synthetic people who try something, with the right answer to "did it help me?", as exports, diaries and calendars.

    python sample_data/make_effects.py OUT --days 112 --seed 7

Writes OUT/<participant>/MyFitbitData.zip, beside it diary.csv or calendar.ics with what the person noted, and
OUT/truth.json: what was planted, and the answer that is right. The same seed gives the same bytes. A
randomised plan is drawn as `steadyline plan` draws it, so this script needs Steadyline installed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cohort_life import Drawn, HeavyWeek, Person, Practice
from make_cohort import ZONES, Export, PersonTruth, Truth, draw_person, make_export, write_truth

from models.effect.randomise import draw_plan

PLAN_SEED = 20250922
PLAN_FROM = 21
"""The plan's first day, counted from the person's first: three weeks to know what is usual."""
TITLES = {"BetterHelp": "BetterHelp session", "Talkspace": "Talkspace: live session"}


def begin_calmer(day: list[date]) -> Practice:
    """Headspace from the middle on, six days in seven, and calmer since."""
    after = day[len(day) // 2 :]
    return Practice(
        *("mindful", "Headspace", "since_start", "likely_lower"),
        sessions=skip_every(after, 7),
        days_with=tuple(after),
        rhr_sd=-2.0,
        tst_sd=0.5,
        level_sd=-1.0,
        arousals_per_day=-1.0,
        clock="07:15",
    )


def begin_nothing(day: list[date]) -> Practice:
    """Calm from the middle on, and nothing goes with it."""
    after = day[len(day) // 2 :]
    return Practice(
        *("mindful", "Calm", "since_start", "no_clear_change"),
        sessions=skip_every(after, 5),
        clock="21:30",
    )


def begin_higher(day: list[date]) -> Practice:
    """Screens late at night from the middle on, noted by a word of one's own, and more load since."""
    after = day[len(day) // 2 :]
    return Practice(
        *("late-screens", "", "since_start", "likely_higher"),
        sessions=skip_every(after, 4),
        days_with=tuple(after),
        rhr_sd=2.0,
        tst_sd=-0.5,
        level_sd=1.0,
        arousals_per_day=1.6,
        clock="22:30",
        minutes=60,
    )


def follow_plan(day: list[date]) -> Practice:
    """Breathing in drawn blocks of two days, twelve weeks long; each ninth drawn day is forgotten."""
    drawn = tuple(int(d) for d in draw_plan("blocks_2", PLAN_SEED))
    first = day[PLAN_FROM]
    with_it = [first + timedelta(days=k) for k, d in enumerate(drawn) if d and PLAN_FROM + k < len(day)]
    done = skip_every(with_it, 9)
    return Practice(
        *("mindful", "Insight Timer", "plan", "likely_lower"),
        sessions=done,
        days_with=done,
        rhr_sd=-1.6,
        tst_sd=0.8,
        level_sd=-2.0,
        arousals_per_day=-1.3,
        clock="07:30",
        plan=Drawn("blocks_2", PLAN_SEED, first, drawn),
    )


def move_sessions(day: list[date]) -> Practice:
    """Weekly therapy from the first week on, often moved or missed, and calmer until the third night after."""
    planned = weekly(day, weekday=2)
    moved: dict[date, date | None] = {}
    for week, each in enumerate(planned):
        if week % 3 == 1:
            moved[each] = None
        elif week % 3 == 2:
            moved[each] = each + timedelta(days=(2, -2, 3, -1)[week // 3 % 4])
    held = sorted({d for each in planned if (d := moved.get(each, each)) is not None})
    after = sorted({d + timedelta(days=k) for d in held for k in range(3)})
    return Practice(
        *("therapy", "BetterHelp", "after_sessions", "likely_lower"),
        sessions=tuple(d for d in held if d <= day[-1]),
        days_with=tuple(after),
        rhr_sd=-1.5,
        tst_sd=0.5,
        level_sd=-1.5,
        arousals_per_day=-1.0,
        clock="18:00",
        minutes=50,
        weekly=True,
        moved=tuple(moved.items()),
    )


def keep_weekday(day: list[date]) -> Practice:
    """Weekly therapy, always on a Thursday: what goes with it cannot be told from Thursdays."""
    held = weekly(day, weekday=3)
    after = sorted({d + timedelta(days=k) for d in held for k in range(3)})
    return Practice(
        *("therapy", "Talkspace", "after_sessions", "cannot_tell", "same_weekday"),
        sessions=held,
        days_with=tuple(after),
        rhr_sd=-2.0,
        level_sd=-2.0,
        clock="17:00",
        minutes=45,
        weekly=True,
    )


def begin_after_hard_week(day: list[date]) -> Practice:
    """Headspace begun on the day after a heavy week: what follows is lower whatever one does."""
    return Practice(
        *("mindful", "Headspace", "since_start", "cannot_tell", "begun_on_hard_days"),
        sessions=skip_every(day[len(day) // 2 :], 6),
        clock="07:00",
    )


def skip_every(days: Sequence[date], nth: int) -> tuple[date, ...]:
    """The days without every `nth` one."""
    return tuple(day for k, day in enumerate(days, 1) if k % nth)


def weekly(day: Sequence[date], weekday: int) -> tuple[date, ...]:
    """The days of one weekday."""
    return tuple(each for each in day if each.weekday() == weekday)


PRACTICES: dict[str, Callable[[list[date]], Practice]] = {
    "calmer since the start": begin_calmer,
    "no difference": begin_nothing,
    "higher since the start": begin_higher,
    "drawn plan": follow_plan,
    "moved sessions": move_sessions,
    "same weekday": keep_weekday,
    "hard week": begin_after_hard_week,
}
EFFECT_ROLES = tuple(PRACTICES)


def draw_effect(seed: int, number: int, days: int) -> Person:
    """Person `number` of the cohort: a body from the seed, and what their role plants."""
    # Every eighth person of the other cohort is a steady one; this far on nobody has made them yet.
    body = draw_person(seed, 104 + 8 * number, days)
    role = EFFECT_ROLES[number % len(EFFECT_ROLES)]
    day = [body.first_day + timedelta(days=k) for k in range(days)]
    hard = (HeavyWeek(day[days // 2 - 7], rhr_sd=3.0),) if role == "hard week" else ()
    return replace(
        body,
        role=role,
        zone=ZONES[number % len(ZONES)],
        arousals_per_day=1.6,
        sample_s=60,
        practices=(PRACTICES[role](day),),
        heavy=hard,
    )


# ---------------------------------------------------------------- as files


def write_notes(person: Person, folder: Path) -> tuple[Export, ...]:
    """Write what a person noted: a calendar of what is weekly, a diary of the rest."""
    diary = [each for each in person.practices if not each.weekly]
    calendar = [each for each in person.practices if each.weekly]
    written = datetime(*(person.first_day + timedelta(days=person.days)).timetuple()[:3], tzinfo=UTC)
    texts = {}
    if diary:
        texts["diary.csv"] = write_diary(diary)
    if calendar:
        texts["calendar.ics"] = write_calendar(calendar, person.zone, written)
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())
        # A file by itself is as old as the disk says it is.
        os.utime(folder / name, (written.timestamp(), written.timestamp()))
    return tuple(Export(folder / name, None) for name in texts)


def write_diary(practices: Sequence[Practice]) -> str:
    """A diary as a table: one row a session, on the person's own clock."""
    rows = sorted(
        f"{day},{each.clock},{each.event},{each.app},{each.minutes},{end_clock(each)}"
        for each in practices
        for day in each.sessions
    )
    return "\n".join(["date,time,event,app,amount,end", *rows]) + "\n"


def end_clock(practice: Practice) -> str:
    """When a session ends, as HH:MM."""
    start = datetime.fromisoformat(f"2000-01-01T{practice.clock}")
    return f"{start + timedelta(minutes=practice.minutes):%H:%M}"


def write_calendar(practices: Sequence[Practice], zone: str, written: datetime) -> str:
    """A calendar: weekly appointments, their missed dates left out, their moved ones by themselves."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//synthetic//EN"]
    for number, each in enumerate(practices):
        moved = dict(each.moved)
        kept = {new for new in moved.values() if new is not None}
        planned = sorted({*(d for d in each.sessions if d not in kept), *moved})
        head = [f"UID:weekly-{number}", f"SUMMARY:{TITLES[each.app]}", f"DTSTAMP:{written:%Y%m%dT%H%M%SZ}"]
        missed = [day for day, new in moved.items() if new is None]
        rule = f"RRULE:FREQ=WEEKLY;UNTIL={until(planned[-1], each.clock, zone)}"
        series = [*head, *span(planned[0], each, zone), rule]
        series += [f"EXDATE;TZID={zone}:{stamp(day, each.clock)}" for day in missed]
        lines += ["BEGIN:VEVENT", *series, "END:VEVENT"]
        for day, new in moved.items():
            if new is not None:
                place = f"RECURRENCE-ID;TZID={zone}:{stamp(day, each.clock)}"
                lines += ["BEGIN:VEVENT", *head, place, *span(new, each, zone), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def span(day: date, practice: Practice, zone: str) -> list[str]:
    """Start and length of one appointment, on the clock of its zone."""
    return [f"DTSTART;TZID={zone}:{stamp(day, practice.clock)}", f"DURATION:PT{practice.minutes}M"]


def stamp(day: date, clock: str) -> str:
    """A local stamp as calendars write it."""
    return f"{day:%Y%m%d}T{clock.replace(':', '')}00"


def until(day: date, clock: str, zone: str) -> str:
    """The end of a rule: UTC, as the standard wants it."""
    local = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone))
    return f"{local.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def make_effect(person: Person, out: Path) -> PersonTruth:
    """Write one person's export and notes below `out`; say what is true."""
    truth = make_export(person, out)
    return replace(truth, exports=(*truth.exports, *write_notes(person, out / person.participant)))


def make_effects(out: Path, days: int = 112, seed: int = 7) -> Truth:
    """Write the files of one person a role and their truth.json below `out`."""
    people = [draw_effect(seed, number, days) for number in range(len(EFFECT_ROLES))]
    truth = Truth(tuple(make_effect(person, out) for person in people))
    (out / "truth.json").write_text(write_truth(truth, out))
    return truth


def main() -> None:
    """Make the cohort from the command line."""
    parser = argparse.ArgumentParser(
        description="Synthetic people who try something, with the right answers."
    )
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--days", type=int, default=112, help="days a person")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same bytes")
    wanted = parser.parse_args()
    make_effects(wanted.out, wanted.days, wanted.seed)


if __name__ == "__main__":
    main()
