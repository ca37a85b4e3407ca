"""Calendars (ICS): events whose title says something, their repetitions, their times.

Only titles are looked at, block by block, so that a broken event costs only itself; an event is parsed in
full (icalendar) if its title is known. Nothing of a title or note leaves this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import icalendar
from dateutil.rrule import rrulestr  # type: ignore[import-untyped]

from ingest.files.diary.words import name_event

PROPERTY = re.compile(r'([A-Za-z-]+)((?:;(?:"[^"]*"|[^":])*)?):(.*)', re.DOTALL)
STAMPS = ("DTSTART", "DTEND", "DTSTAMP", "CREATED", "LAST-MODIFIED", "RECURRENCE-ID")
REPEATS = frozenset(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
MAX_REPEATS = 4000
"""Ten years of a daily event; what goes on longer is cut there."""
BROKEN = (ValueError, KeyError, AttributeError, TypeError, IndexError, OverflowError, OSError)
"""What parsing an event may raise; OSError where a zone's name is no name of a file, as `Europe` is a folder's."""


@dataclass(frozen=True)
class Block:
    """One event as text, and what its first look showed."""

    number: int
    text: str
    title: str
    uid: str
    status: str
    last_day: str
    """The latest date in it, as YYYYMMDD; '' if there is none."""


@dataclass(frozen=True)
class Calendar:
    """The events of a calendar, its definitions of zones, and whether it breaks off in an event."""

    blocks: tuple[Block, ...]
    zones: str
    broken: bool


@dataclass(frozen=True)
class Occurrence:
    """One event in time: a date, a naive (floating) or an aware date and time, and its end of the same kind."""

    number: int
    event: str
    app: str | None
    start: date
    end: date | None


def look_through(text: str) -> Calendar:
    """Cut a calendar into its events."""
    blocks: list[Block] = []
    zones: list[str] = []
    inside: list[str] = []
    kind = ""
    for line in re.sub(r"\n[ \t]", "", text).split("\n"):
        word = line.strip().upper()
        if not kind and word in ("BEGIN:VEVENT", "BEGIN:VTIMEZONE"):
            kind, inside = word.removeprefix("BEGIN:"), []
        if kind:
            inside.append(line)
        if word == f"END:{kind}":
            body = "\r\n".join(inside) + "\r\n"
            if kind == "VEVENT":
                blocks.append(look_at(len(blocks), inside, body))
            else:
                zones.append(body)
            kind = ""
    return Calendar(tuple(blocks), "".join(zones), kind == "VEVENT")


def look_at(number: int, lines: Sequence[str], body: str) -> Block:
    """Look at the properties of an event; those of an alarm inside are not its own."""
    found: dict[str, str] = {}
    depth = 0
    days = [""]
    for line in lines[1:]:
        match = PROPERTY.fullmatch(line)
        if match is None:
            continue
        name = match[1].upper()
        depth += (name == "BEGIN") - (name == "END")
        if depth == 0:
            found.setdefault(name, match[3])
            if name in STAMPS and re.match(r"\d{8}", match[3]):
                days.append(match[3][:8])
    title = re.sub(r"\\([,;\\])", r"\1", found.get("SUMMARY", "").replace("\\n", " "))
    return Block(
        number, body, title, found.get("UID", ""), found.get("STATUS", "").strip().upper(), max(days)
    )


def read_events(calendar: Calendar, until: datetime) -> Iterator[Occurrence | tuple[int, str]]:
    """Read the events whose title is known, each repetition by itself, up to the calendar's own end.

    Parameters
    ----------
    calendar
        What `look_through` found.
    until
        No repetition begins later than this, UTC, nor than the latest day that the calendar names.

    Yields
    ------
    Occurrence or tuple
        An event in time, or the number of one that cannot be read and why.
    """
    days = [block.last_day for block in calendar.blocks if block.last_day]
    horizon = min(until, end_of_day(max(days)) if days else until)
    known = [(block, name) for block in calendar.blocks if (name := name_event(block.title))]
    uids = {block.uid for block, _ in known if block.uid}
    moved: dict[str, set[date]] = {}
    for block in calendar.blocks:
        if block.uid in uids and "RECURRENCE-ID" in block.text.upper():
            try:
                moved.setdefault(block.uid, set()).add(
                    comparable(parse_event(block, calendar)["RECURRENCE-ID"].dt)
                )
            except BROKEN:
                continue
    for block, (event, app) in known:
        if block.status == "CANCELLED":
            continue
        try:
            parsed = parse_event(block, calendar)
            start, end = find_times(parsed)
            away = set() if "RECURRENCE-ID" in parsed else moved.get(block.uid, set())
            starts = repeat(parsed, start, horizon, away)
        except BROKEN:
            yield block.number, "the event cannot be read: expected DTSTART with a date or a date and time"
            continue
        for each in starts:
            yield Occurrence(block.number, event, app, each, None if end is None else each + (end - start))


def end_of_day(day: str) -> datetime:
    """The last moment of a day written YYYYMMDD, wherever on earth."""
    try:
        return datetime(int(day[:4]), int(day[4:6]), int(day[6:8]), tzinfo=UTC) + timedelta(hours=36)
    except (ValueError, OverflowError):
        return datetime.max.replace(tzinfo=UTC)


def parse_event(block: Block, calendar: Calendar) -> Any:
    """Parse one event with the calendar's zones."""
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//steadyline//EN\r\n"
    parsed = icalendar.Calendar.from_ical(f"{head}{calendar.zones}{block.text}END:VCALENDAR\r\n")
    return parsed.walk("VEVENT")[0]


def find_times(parsed: Any) -> tuple[date, date | None]:
    """Start and end of an event, of one kind; a date alone lasts its day, a time alone has no end."""
    start = parsed["DTSTART"].dt
    if not isinstance(start, date):
        raise TypeError("DTSTART is no date")
    if "DTEND" in parsed:
        end = parsed["DTEND"].dt
        if isinstance(end, datetime) != isinstance(start, datetime) or comparable(end) < comparable(start):
            raise ValueError("DTEND does not fit DTSTART")
        zone = getattr(start, "tzinfo", None)
        return start, end.astimezone(zone) if zone and end.tzinfo else end
    if "DURATION" in parsed:
        return start, start + parsed["DURATION"].dt
    return start, None if isinstance(start, datetime) else start + timedelta(days=1)


def comparable(moment: date) -> date:
    """A date as it is; a time in UTC if it has a zone, else as it is."""
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return moment.astimezone(UTC)
    return moment


def repeat(parsed: Any, start: date, horizon: datetime, away: set[date]) -> list[date]:
    """All starts of an event up to a moment of UTC; those in `away` were moved and stand by themselves."""
    starts = [start]
    rule = parsed.get("RRULE")
    if rule is not None:
        starts = follow_rule(rule[0] if isinstance(rule, list) else rule, start, horizon)
    starts += listed(parsed, "RDATE")
    gone = {comparable(moment) for moment in listed(parsed, "EXDATE")} | away
    kept = {comparable(each): each for each in starts if comparable(each) not in gone}
    return [kept[key] for key in sorted(kept, key=str)]


def follow_rule(rule: Any, start: date, horizon: datetime) -> list[date]:
    """Starts that a rule gives, on the wall clock of its zone."""
    if rule["FREQ"][0].upper() not in REPEATS or int(rule.get("INTERVAL", [1])[0]) < 1:
        raise ValueError("no rule of days, weeks, months or years")
    zone: tzinfo | None = start.tzinfo if isinstance(start, datetime) else None
    timed = start if isinstance(start, datetime) else datetime.combine(start, time.min)
    wall = timed.replace(tzinfo=None)
    plain = dict(rule)
    if "UNTIL" in plain:
        plain["UNTIL"] = [on_wall(plain["UNTIL"][0], zone)]
    text: str = icalendar.vRecur(plain).to_ical().decode()  # type: ignore[no-untyped-call]
    last = on_wall(horizon, zone)
    starts: list[date] = []
    for each in rrulestr(text, dtstart=wall):
        if each > last or len(starts) >= MAX_REPEATS:
            break
        starts.append(each.replace(tzinfo=zone) if isinstance(start, datetime) else each.date())
    return starts


def on_wall(until: date, zone: tzinfo | None) -> datetime:
    """The end of a rule on the wall clock of the event; a date alone includes its day."""
    if not isinstance(until, datetime):
        return datetime(until.year, until.month, until.day, 23, 59, 59)  # noqa: DTZ001 - wall clock
    return (until.astimezone(zone) if zone and until.tzinfo else until).replace(tzinfo=None)


def listed(parsed: Any, name: str) -> list[date]:
    """Dates that an event lists under a name, once or several times; periods count by their start."""
    found = parsed.get(name, [])
    moments = [item.dt for part in (found if isinstance(found, list) else [found]) for item in part.dts]
    return [moment[0] if isinstance(moment, tuple) else moment for moment in moments]
