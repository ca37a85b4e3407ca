"""Free segments of time, as a study asks for them: day parts, periods, and the time around events.

A file in YAML names the segments (`read_segments`); what each becomes in one person's time is an
`Instance` (`find_instances`). Day parts and periods of days go by the person's local clock, so that a
night on which the clocks change is an hour shorter or longer; shorter periods and the time around events
go by elapsed time. Every instance begins and ends on a whole minute of UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import yaml

from features.wear import DAY_MIN, Clock, Ints
from features.work import to_day
from features.zones import offset_in
from warehouse.errors import ExplainedError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS_MIN = {"min": 1, "h": 60, "day": DAY_MIN, "days": DAY_MIN, "week": 7 * DAY_MIN, "weeks": 7 * DAY_MIN}
IN_DAYS = ("day", "days", "week", "weeks")
LEAST_MIN = 5
"""No segment is shorter, and of everyone at once all edges lie on this grid: else two segments whose edges are a
minute apart would tell that minute, and single minutes are raw signals."""
LONGEST_PART_MIN = 7 * DAY_MIN
LONGEST_MIN = 366 * DAY_MIN
EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday."""

DATE_ONLY = "only the date of the event is known, not its time of day"


class SegmentError(ExplainedError):
    """A file of segments, or what is asked of it, is wrong: where, what was expected, what to do."""


@dataclass(frozen=True)
class DayPart:
    """A part of the day by the local clock, on some days of the week.

    Attributes
    ----------
    start_min : int
        Local clock time of its start, minutes after midnight.
    length_min : int
        To its end on the same clock: 8 h from 22:00 is to 06:00, also when the clocks change between.
    weekdays : frozenset of int
        Days on which it starts, Monday 0.
    """

    name: str
    start_min: int
    length_min: int
    weekdays: frozenset[int]


@dataclass(frozen=True)
class Period:
    """Periods of one length, one after another from local midnight of a date.

    Attributes
    ----------
    length_min : int
        Of local days of 1,440 where `in_days`, else of elapsed time.
    in_days : bool
        It was given in days or weeks: its edges are local midnights.
    from_day : int
        Days since 1970-01-01.
    """

    name: str
    length_min: int
    in_days: bool
    from_day: int


@dataclass(frozen=True)
class AroundEvent:
    """The time from so many minutes after the start of an event (negative: before it) to so many."""

    name: str
    event: str
    from_min: int
    to_min: int


Segment = DayPart | Period | AroundEvent


@dataclass(frozen=True)
class Event:
    """An event of a person: its word, its start in seconds since 1970-01-01 UTC, and its offset."""

    event: str
    start_s: int
    offset_min: int


@dataclass(frozen=True)
class Instance:
    """One occurrence of a segment in one person's time.

    Attributes
    ----------
    segment : str
        Its name.
    start_min, end_min : int
        Minutes since 1970-01-01 UTC, the end exclusive.
    day : int
        Local date of its start, days since 1970-01-01.
    reason : str or None
        Why nothing can be told of it.
    """

    segment: str
    start_min: int
    end_min: int
    day: int
    reason: str | None = None


# --- in one person's time ----------------------------------------------------------------------


def find_instances(
    segments: Sequence[Segment],
    clock: Clock,
    days: tuple[int, int],
    *,
    zones: Sequence[tuple[int, str]],
    events: Sequence[Event],
    shared: bool = False,
) -> list[Instance]:
    """Every instance of every segment, in the order of the segments and of time.

    Parameters
    ----------
    segments : sequence
        From `read_segments`.
    clock : Clock
        The person's minutes; `margin_days` on either side of `days`.
    days : (int, int)
        First and last local day with data. Day parts and periods that hold a minute of them are
        found; events wherever they lie.
    zones : sequence of (int, str)
        First minute (UTC) and IANA zone of each stretch of time, as `Person.zones`.
    events : sequence of Event
        In order of time.
    shared : bool
        Whether it is for others: then the start of an event is taken down to five minutes.
    """
    found: list[Instance] = []
    for segment in segments:
        if isinstance(segment, AroundEvent):
            found += _around(segment, clock, events, step_min=LEAST_MIN if shared else 1)
            continue
        if isinstance(segment, DayPart):
            start, end = _day_parts(segment, clock, days)
        else:
            start, end = _periods(segment, clock, days, zones)
        first, last = (int(edge) for edge in find_edges(clock, DAY_MIN * np.array([days[0], days[1] + 1])))
        held = (start < end) & (end > first) & (start < last)
        day = clock.day[start[held] - clock.start_min]
        spans = zip(start[held].tolist(), end[held].tolist(), day.tolist(), strict=True)
        found += [Instance(segment.name, *span) for span in spans]
    return found


def margin_days(segments: Sequence[Segment]) -> int:
    """Days that must be on the axis before and after a person's data, so that it holds every instance."""
    lengths = [s.length_min if not isinstance(s, AroundEvent) else s.to_min - s.from_min for s in segments]
    return 2 + max(lengths, default=0) // DAY_MIN


def find_edges(clock: Clock, local_min: Ints) -> Ints:
    """When the local clock first showed these times or had gone past them.

    A time that the clock skips is the minute after the skip; of a time that it shows twice, the first.

    Parameters
    ----------
    local_min : (k,) int array
        Minutes since 1970-01-01 00:00 local.

    Returns
    -------
    (k,) int array
        Minutes since 1970-01-01 UTC; the ends of the axis for what lies beyond them.
    """
    furthest = np.maximum.accumulate(clock.local_min)
    return np.asarray(clock.start_min + np.searchsorted(furthest, local_min), np.int64)


def _day_parts(part: DayPart, clock: Clock, days: tuple[int, int]) -> tuple[Ints, Ints]:
    """Starts and ends of a day part."""
    back = -(-part.length_min // DAY_MIN)
    day = np.arange(days[0] - back, days[1] + 1, dtype=np.int64)
    day = day[np.isin((day + EPOCH_WEEKDAY) % 7, list(part.weekdays))]
    local = day * DAY_MIN + part.start_min
    return find_edges(clock, local), find_edges(clock, local + part.length_min)


def _periods(
    period: Period, clock: Clock, days: tuple[int, int], zones: Sequence[tuple[int, str]]
) -> tuple[Ints, Ints]:
    """Starts and ends of the periods that can hold a minute of the days."""
    from_min = period.from_day * DAY_MIN
    # The person's zone, not the axis: where a period lies must not depend on how much was recorded.
    anchor_min = from_min if period.in_days else from_min - _offset_at(zones, from_min)
    low, high = (edge * DAY_MIN - anchor_min for edge in (days[0] - 1, days[1] + 2))
    steps = np.arange(max(0, low // period.length_min), max(0, high // period.length_min) + 2, dtype=np.int64)
    edges = anchor_min + steps * period.length_min
    if period.in_days:
        edges = find_edges(clock, edges)
    return edges[:-1], edges[1:]


def _offset_at(zones: Sequence[tuple[int, str]], local_min: int) -> int:
    """Offset of the person's zone at a local time; 0 where no zone is known."""
    offset = 0
    for _ in range(2):  # The second time with the offset that the first found.
        utc_min = local_min - offset
        known = [zone for since, zone in zones if since <= utc_min]
        offset = offset_in(known[-1], utc_min) if known else 0
    return offset


def _around(
    around: AroundEvent, clock: Clock, events: Sequence[Event], *, step_min: int
) -> Iterator[Instance]:
    """The time around each event of a kind; the event's start is taken down to a step of minutes."""
    for event in events:
        if event.event != around.event:
            continue
        event_min = event.start_s // (60 * step_min) * step_min
        start, end = event_min + around.from_min, event_min + around.to_min
        place = start - clock.start_min
        on_axis = 0 <= place < len(clock)
        day = int(clock.day[place]) if on_axis else (start + event.offset_min) // DAY_MIN
        at_midnight = (event.start_s + 60 * event.offset_min) % (60 * DAY_MIN) == 0
        dated = at_midnight and end - start < DAY_MIN
        yield Instance(around.name, start, end, day, DATE_ONLY if dated else None)


def check_shared(wanted: Sequence[Segment]) -> None:
    """Refuse segments of everyone of which an edge is not on the grid of five minutes.

    Sums over stretches of which all edges lie on a grid tell, however they are subtracted, nothing finer than
    the grid; on any other minute, a chain of segments would tell single minutes.

    Raises
    ------
    SegmentError
        Names the segment.
    """
    for segment in wanted:
        if isinstance(segment, DayPart):
            edges = (segment.start_min, segment.length_min)
        elif isinstance(segment, Period):
            edges = (segment.length_min, 0)
        else:
            edges = (segment.from_min, segment.to_min)
        if any(edge % LEAST_MIN for edge in edges):
            raise SegmentError(
                f"Segment '{segment.name}' begins or ends between two steps of {LEAST_MIN} min: of everyone at once"
                " only whole steps are measured, since two segments whose edges are a minute apart would tell that"
                f" minute; give times and lengths in steps of {LEAST_MIN} min, or name one person with --participant."
            )


# --- the file ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """How one key of a segment is read: its reader, what it expects, and whether it may be left out."""

    read: Callable[[Any], Any]
    expected: str
    optional: bool = False


def read_segments(text: str, *, file: str) -> tuple[Segment, ...]:
    """Read the segments that a file in YAML names.

    Parameters
    ----------
    text : str
        The file.
    file : str
        Its name, for what is said of errors.

    Raises
    ------
    SegmentError
        If it is no YAML, or a key is unknown, missing, twice there or wrong: with file, line and key.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it has signs that no text has"
        raise SegmentError(f"{file}{line} is not YAML ({problem}): correct it and run again.") from error
    kinds = ", ".join(KINDS)
    if root is None:
        raise SegmentError(
            f"{file} names no segment: give one or more of {kinds}, as docs/segments.md shows."
        )
    found: list[Segment] = []
    for key, node in _pairs(root, f"{file}", file, "the file"):
        if key.value not in KINDS:
            raise _wrong(file, key, f"'{key.value}' is no kind of segment", kinds)
        if not isinstance(node, yaml.SequenceNode):
            raise _wrong(file, key, f"'{key.value}' holds no list", "a list, each entry with '- name: …'")
        for item in node.value:
            found.append(_read_one(item, key.value, file))
            if found[-1].name in [s.name for s in found[:-1]]:
                raise _wrong(file, item, f"there are two segments '{found[-1].name}'", "another name for one")
    if not found:
        raise SegmentError(
            f"{file} names no segment: give one or more of {kinds}, as docs/segments.md shows."
        )
    return tuple(found)


def _read_one(item: Any, kind: str, file: str) -> Segment:
    """Read one entry of a list."""
    make, fields = KINDS[kind]
    where = f"an entry of '{kind}'"
    values: dict[str, Any] = {}
    for key, node in _pairs(item, where, file, where):
        if key.value not in fields:
            raise _wrong(file, key, f"'{key.value}' is no key of {where}", f"one of {', '.join(fields)}")
        field = fields[key.value]
        try:
            values[key.value] = field.read(node)
        except ValueError:
            shown = f"be {node.value!r}" if isinstance(node, yaml.ScalarNode) else "be read"
            raise _wrong(file, node, f"'{key.value}' cannot {shown}", field.expected) from None
    missing = [name for name, field in fields.items() if name not in values and not field.optional]
    if missing:
        raise _wrong(file, item, f"{where} has no '{missing[0]}'", fields[missing[0]].expected)
    try:
        return make(values)
    except ValueError as error:
        raise _wrong(file, item, f"segment '{values['name']}' {error.args[0]}", error.args[1]) from None


def _pairs(node: Any, what: str, file: str, where: str) -> Iterator[tuple[Any, Any]]:
    """Keys and values of a mapping, each key once."""
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(file, node, f"{what} holds no keys", "lines such as 'name: morning'")
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong(file, key, f"{where} has a key that is no word", "lines such as 'name: morning'")
        if key.value in seen:
            raise _wrong(file, key, f"'{key.value}' is twice in {where}", "it once")
        seen.add(key.value)
        yield key, value


def _wrong(file: str, node: Any, what: str, expected: str) -> SegmentError:
    line = node.start_mark.line + 1
    return SegmentError(f"{file}, line {line}: {what}; expected {expected}: correct the line and run again.")


def _text(node: Any) -> str:
    """The text of a plain value, as it is written: 10:00 is no number here, and on is no yes."""
    if not isinstance(node, yaml.ScalarNode) or not str(node.value).strip():
        raise ValueError
    return str(node.value).strip()


def _clock_time(node: Any) -> int:
    """HH:MM as minutes after midnight."""
    told = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", _text(node), re.ASCII)
    if not told:
        raise ValueError
    return 60 * int(told[1]) + int(told[2])


def _measured(text: str) -> tuple[int, bool]:
    """A number with a unit as minutes, and whether the unit is days or weeks."""
    told = re.fullmatch(r"([+-]?\d{1,6})\s*([a-z]+)", text, re.ASCII)
    if not told or told[2] not in UNITS_MIN:
        raise ValueError
    return int(told[1]) * UNITS_MIN[told[2]], told[2] in IN_DAYS


def _length(node: Any) -> tuple[int, bool]:
    minutes, in_days = _measured(_text(node))
    if not 0 < minutes <= LONGEST_MIN:
        raise ValueError
    return minutes, in_days


def _from_event(node: Any) -> int:
    minutes, _ = _measured(_text(node))
    if abs(minutes) > LONGEST_MIN:
        raise ValueError
    return minutes


def _weekdays(node: Any) -> frozenset[int]:
    """Days of the week, Monday 0."""
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise ValueError
    return frozenset(WEEKDAYS.index(_text(day).lower()) for day in node.value)


def _date(node: Any) -> int:
    day = to_day(date.fromisoformat(_text(node)))
    if day < 0:
        raise ValueError
    return day


def _make_part(values: dict[str, Any]) -> DayPart:
    length_min, _ = values["length"]
    if length_min < LEAST_MIN:
        raise ValueError("is too short for what is measured in it", f"at least {LEAST_MIN} min")
    if length_min > LONGEST_PART_MIN:
        raise ValueError("is longer than a week", "a length of 7 days at most, or a period")
    return DayPart(values["name"], values["start"], length_min, values.get("on", frozenset(range(7))))


def _make_period(values: dict[str, Any]) -> Period:
    length_min, in_days = values["length"]
    if length_min < LEAST_MIN:
        raise ValueError("is too short for what is measured in it", f"at least {LEAST_MIN} min")
    return Period(values["name"], length_min, in_days, values["from"])


def _make_around(values: dict[str, Any]) -> AroundEvent:
    if values["to"] - values["from"] < LEAST_MIN:
        raise ValueError("ends before it has lasted", f"'to' at least {LEAST_MIN} min after 'from'")
    return AroundEvent(values["name"], values["event"], values["from"], values["to"])


NAME = Field(_text, "a name, such as morning")
LENGTH = Field(_length, "a length up to 366 days, such as 30 min, 6 h, 2 days or 1 week")
WHEN = "minutes, hours or days from the start of the event, such as -60 min or +2 h"
KINDS: dict[str, tuple[Callable[[dict[str, Any]], Segment], dict[str, Field]]] = {
    "day_parts": (
        _make_part,
        {
            "name": NAME,
            "start": Field(_clock_time, "a local clock time from 00:00 to 23:59, such as 06:00"),
            "length": LENGTH,
            "on": Field(
                _weekdays, f"a list of days, such as [mon, fri], of {', '.join(WEEKDAYS)}", optional=True
            ),
        },
    ),
    "periods": (
        _make_period,
        {"name": NAME, "length": LENGTH, "from": Field(_date, "a date from 1970 on, such as 2024-05-01")},
    ),
    "around_events": (
        _make_around,
        {
            "name": NAME,
            "event": Field(_text, "a word of signal.event, such as mindful"),
            "from": Field(_from_event, WHEN),
            "to": Field(_from_event, WHEN),
        },
    ),
}
"""Kinds of segments in a file, and the keys of each."""
