"""Calendars and diaries: therapy, practice, alcohol, illness, travel, medicine, and how a person felt.

Three layouts:

- ICS, as any calendar exports it. An event whose title has a word of `words.WORDS` becomes an event of that
  kind; all others are counted and left where they are. Titles, notes, places and guests are never stored,
  not even of what is refused. Repetitions are unrolled up to the calendar's own last day; what lies ahead of
  the export is left out, of an event that goes on its days ahead.
- CSV of events with the header `date,time,event,app,amount,end`: `date` is YYYY-MM-DD, `time` is HH:MM (empty:
  the day as a whole) with an offset if wanted (14:00+02:00, 14:00Z), `event` is mindful, therapy, alcohol, ill,
  travel, medicine, change (of a habit, from that day on), mark, menstruation (or period) or one word of your own,
  `app` is who or what it was with, which medicine, or what changed (decaf),
  `amount` a number (drinks, minutes), `end` HH:MM (past midnight if earlier than the start), YYYY-MM-DD (that
  day included), or both. Only `date` and `event` must be there.
- CSV of check-ins with the header `date,time,scale,value`: `felt_stress` (that moment) and `felt_week` (the week that
  ends) 0 to 10; `who5` as five answers 0 to 5
  (`3 4 2 5 1`, stored as 0 to 100), `who5_raw` 0 to 25, `who5_index` 0 to 100; `pss4` as four answers 0 to 4
  or their sum 0 to 16; `valence` -1 to 1; `mood` a word.

A time in a zone keeps that zone's offset; UTC, floating times and dates alone take the person's zone, flagged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.files.diary.calendars import Occurrence, look_through, read_events
from ingest.files.diary.words import KINDS, name_own, name_provider
from ingest.source import (
    MINUTE_US,
    About,
    Batch,
    Clock,
    Context,
    Export,
    Member,
    Midnights,
    Rejected,
    Remark,
    decode_head,
    decode_text,
    instants,
    lay_out,
    lay_refusals,
    peek,
    settle_clock,
    to_number,
    to_us,
)

NAME = "diary"
METHOD_VERSION = "diary-3"
ABOUT = About(
    device="any calendar; a diary or check-ins kept as a table",
    layouts="`.ics`; CSV with the header `date,time,event,app,amount,end`; CSV with the header `date,time,scale,value`",
    signals="therapy (BetterHelp, Talkspace, in person), practice (Headspace, Calm, …), alcohol, illness, travel,"
    " medicine, a change of habit, menstruation (tables only); felt stress, WHO-5, PSS-4",
    zone="a time in a zone keeps that zone's offset; UTC, floating times and dates take the person's zone (flagged)",
    quirks="only calendar events with a known word in their title come in, as their kind alone: titles and notes are"
    " never stored; repetitions are unrolled up to the calendar's own last day; what is moved or deleted in the"
    " calendar later stays as it was loaded; `who5` wants the five answers, `pss4` the four or their sum",
    how_to_export="Google Calendar: Settings, Import & export, Export. Apple Calendar: File, Export. Outlook: save the"
    " calendar as iCalendar. Or write a table: date,time,event,app,amount,end with rows such as"
    " 2024-05-01,18:00,therapy,BetterHelp,,18:50, and date,time,scale,value with 2024-05-01,21:00,felt_stress,4."
    " Load the file.",
)

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2005-01-01", "us").astype(np.int64))
"""Offsets of zones are known from here on."""
LONGEST_US = 400 * DAY_US
EVENT_COLUMNS = ("date", "time", "event", "app", "amount", "end")
CHECKIN_COLUMNS = ("date", "time", "scale", "value")
SCALES: dict[str, tuple[str, float, float, float]] = {
    "felt_stress": ("felt_stress", 0, 10, 1),
    "felt_week": ("felt_week", 0, 10, 1),
    "who5": ("who5", 26, 100, 1),
    "who5_raw": ("who5", 0, 25, 4),
    "who5_index": ("who5", 0, 100, 1),
    "pss4": ("pss4", 0, 16, 1),
    "valence": ("valence", -1, 1, 1),
}
"""Scale as written: as stored, least and greatest value as written, factor."""
ITEMS: dict[str, tuple[str, int, int]] = {"who5": ("who5", 5, 5), "pss4": ("pss4", 4, 4)}
"""Scales that may be written as answers: as stored, how many, the highest."""
PSS4_REVERSED = (1, 2)
"""Answers 2 and 3 of the PSS-4 ask for what goes well and count backwards (doi:10.2307/2136404)."""
DATE = re.compile(r"\d{4}-\d\d-\d\d")
TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?\s*(Z|z|[+-]\d\d:?[0-5]\d)?")
MAX_OFFSET_MIN = 14 * 60
"""No zone is further from UTC: Kiribati is 14 hours ahead."""
When = tuple[int, int, bool]
"""An instant in microseconds of UTC, its offset in minutes, and whether that is assumed."""
BLANK_DATE = "there is no date: expected one as YYYY-MM-DD"
NO_DATE = "expected a date as YYYY-MM-DD and a time as HH:MM that the calendar has"


def claims(member: Member) -> bool:
    """Whether the member is a calendar or a table of ours, by its suffix and first line."""
    name = member.name.casefold()
    head = decode_head(peek(member)).lstrip()
    if name.endswith((".ics", ".ical")):
        return head[:15].upper() == "BEGIN:VCALENDAR"
    return name.endswith(".csv") and table_of(head) is not None


def table_of(head: str) -> str | None:
    """The table that a CSV of ours feeds, by its header; None if it is not ours."""
    line = head.split("\n", 1)[0]
    delimiter = max(",;\t", key=line.count)
    names = [cell.strip().strip('"').strip().casefold() for cell in line.split(delimiter)]
    if len(set(names)) == len(names) and {"date", "event"} <= set(names) <= set(EVENT_COLUMNS):
        return "signal.event"
    if {"date", "scale", "value"} <= set(names) <= set(CHECKIN_COLUMNS) and len(set(names)) == len(names):
        return "signal.checkin"
    return None


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds, as far as a name can tell."""
    return "signal.checkin" if "check" in name.casefold() else "signal.event"


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export."""
    clock = settle_clock(context.zone, Midnights(*np.zeros((3, 0), dtype=np.int64)))
    latest_us = to_us(export.exported_utc) + DAY_US
    for place in export.fresh:
        member = export.members[place]
        if member.name.casefold().endswith(".csv"):
            yield from read_sheet(export, place, context, clock, latest_us)
        else:
            yield from read_calendar(place, decode_text(member.read()), clock, latest_us)


# --- calendars ---------------------------------------------------------------------------------


def read_calendar(place: int, text: str, clock: Clock, latest_us: int) -> Iterator[Batch | Rejected | Remark]:
    """Read one calendar."""
    calendar = look_through(text)
    until = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=latest_us)
    rows: list[dict[str, object]] = []
    bad: list[tuple[int, str]] = []
    named: set[int] = set()
    n_ahead = 0
    for found in read_events(calendar, until):
        if not isinstance(found, Occurrence):
            bad.append(found)
            named.add(found[0])
            continue
        named.add(found.number)
        t_us, offset_min, assumed = place_moment(found.start, clock)
        end_us = None if found.end is None else place_moment(found.end, clock)[0]
        if t_us > latest_us:
            n_ahead += 1
        elif t_us < FIRST_US:
            bad.append((found.number, "dated before 2005-01-01, from when on zones are known"))
        elif end_us is not None and end_us - t_us > LONGEST_US:
            bad.append((found.number, "longer than 400 days"))
        else:
            what = {"record": found.number, "event": found.event, "app": found.app, "amount": None}
            rows.append(
                what | {"t_us": t_us, "offset_min": offset_min, "tz_assumed": assumed, "end_us": end_us}
            )
    if calendar.broken:
        bad.append((len(calendar.blocks), "the calendar breaks off in this event: export it again"))
    if bad:
        yield refuse_events(place, "signal.event", [(n, f"event {n + 1}", why) for n, why in bad])
    if rows:
        yield Batch("signal.event", lay_events(place, rows, latest_us))
    n_other = sum(block.number not in named for block in calendar.blocks)
    yield Remark(
        f"Of {len(calendar.blocks)} calendar events {n_other} have no known word in their title and were not stored;"
        f" {n_ahead} lie ahead of the export and were left out."
    )


def place_moment(moment: date, clock: Clock) -> When:
    """An instant in microseconds, its offset, and whether that is assumed."""
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        t_us = to_us(moment.astimezone(UTC).replace(tzinfo=None))
        if moment.tzname() != "UTC":
            offset = moment.utcoffset() or timedelta()
            return t_us, round(offset.total_seconds() / 60), False
        found, assumed = clock.of_utc(np.array([t_us]))
        return t_us, int(found[0]), bool(assumed[0])
    naive = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
    local_us = to_us(naive)
    found, assumed = clock.of_local(np.array([local_us]))
    return local_us - int(found[0]) * MINUTE_US, int(found[0]), bool(assumed[0])


# --- tables ------------------------------------------------------------------------------------


def read_sheet(
    export: Export, place: int, context: Context, clock: Clock, latest_us: int
) -> Iterator[Batch | Rejected | Remark]:
    """Read one table of events or check-ins."""
    table = table_of(decode_head(peek(export.members[place])).lstrip()) or "signal.event"
    names = EVENT_COLUMNS if table == "signal.event" else CHECKIN_COLUMNS
    read_row = read_event_row if table == "signal.event" else read_checkin_row
    for records in context.read_csv(export, [place], table, {n: (n,) for n in names}, needed=("date",)):
        if records.broken.num_rows:
            blank = pa.array([""] * records.broken.num_rows, pa.string())
            at = records.broken.column_names.index("raw")
            yield Rejected(records.broken.set_column(at, "raw", blank))
        rows: list[dict[str, object]] = []
        bad: list[tuple[int, str, str]] = []
        for cells in records.rows.to_pylist():
            number = cells["record"]
            text = {name: (cells[name] or "").strip() for name in names}
            when = read_start(text["date"], text["time"], clock)
            wrong = BLANK_DATE if not text["date"] else NO_DATE
            row = wrong if when is None else check_time(when, latest_us) or read_row(text, when, clock)
            if isinstance(row, str):
                bad.append((number, f"record {number}", row))
            else:
                rows.append({"record": number} | row)
        if bad:
            yield refuse_events(place, table, bad)
        if rows:
            events = table == "signal.event"
            laid = lay_events(place, rows, latest_us) if events else lay_checkins(place, rows)
            yield Batch(table, laid)


def read_start(day: str, time: str, clock: Clock) -> When | None:
    """When a row was: a date, and a time that may have an offset; None if it is none."""
    match = TIME.fullmatch(time or "0:00")
    if match is None or DATE.fullmatch(day) is None:
        return None
    zone = (match[4] or "").upper()
    try:
        moment = datetime.fromisoformat(f"{day}T{int(match[1]):02d}:{match[2]}:{match[3] or '00'}{zone}")
    except ValueError:
        return None
    local_us = to_us(moment.replace(tzinfo=None))
    if zone in ("", "Z"):
        # Z says when, not where: its offset is that of the person's zone.
        settle = clock.of_utc if zone else clock.of_local
        found, assumed = settle(np.array([local_us]))
        return local_us - (0 if zone else int(found[0]) * MINUTE_US), int(found[0]), bool(assumed[0])
    offset_min = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    return (
        (local_us - offset_min * MINUTE_US, offset_min, False) if abs(offset_min) <= MAX_OFFSET_MIN else None
    )


def check_time(when: When, latest_us: int) -> str:
    """What is wrong with a time; '' if nothing is."""
    if when[0] < FIRST_US:
        return "dated before 2005-01-01, from when on zones are known"
    return "dated after the day on which the table was written" if when[0] > latest_us else ""


def read_event_row(text: dict[str, str], when: When, clock: Clock) -> dict[str, object] | str:
    """One event, or what is wrong with it."""
    named = name_own(text["event"])
    if named is None:
        return f"expected a kind of event: {', '.join(sorted(KINDS))} or one word"
    amount = to_number(text["amount"].replace(",", ".")) if text["amount"] else None
    if amount is not None and not 0 <= amount <= 10_000:
        return "expected an amount of 0 to 10000"
    end_us = read_end(text["end"], text["date"], when, clock) if text["end"] else None
    if text["end"] and (end_us is None or not 0 <= end_us - when[0] <= LONGEST_US):
        return "expected an end as HH:MM, YYYY-MM-DD or both, at most 400 days after the start"
    return {
        "event": named[0],
        "app": name_provider(text["app"])[:60] if text["app"] else named[1],
        "amount": amount,
        "end_us": end_us,
        "t_us": when[0],
        "offset_min": when[1],
        "tz_assumed": when[2],
    }


def read_end(end: str, day: str, when: When, clock: Clock) -> int | None:
    """When an event ended, in microseconds of UTC; None if that cannot be read.

    A time alone runs on the clock of the start, and is of the next day if it is earlier.
    """
    if TIME.fullmatch(end):
        found = read_start(day, end, clock)
        if found is None:
            return None
        end_us = found[0]
        if TIME.fullmatch(end)[4] is None and not when[2]:  # type: ignore[index]
            end_us += (found[1] - when[1]) * MINUTE_US
        return end_us if end_us >= when[0] else end_us + DAY_US
    if DATE.fullmatch(end):
        found = read_start(end, "", clock)
        if found is None:
            return None
        # The next midnight, whatever the clocks do that day.
        local_us = found[0] + found[1] * MINUTE_US + DAY_US
        return local_us - int(clock.of_local(np.array([local_us]))[0][0]) * MINUTE_US
    found = read_start(end[:10], end[10:].lstrip(" T"), clock)
    return None if found is None else found[0]


def read_checkin_row(text: dict[str, str], when: When, clock: Clock) -> dict[str, object] | str:  # noqa: ARG001 - as read_event_row
    """One check-in, or what is wrong with it."""
    scale = text["scale"].casefold().replace("-", "").replace(" ", "_")
    answers = [to_number(part) for part in re.split(r"[\s/;+]+", text["value"])]
    row: dict[str, object] = {"t_us": when[0], "offset_min": when[1], "tz_assumed": when[2], "label": None}
    if scale == "mood":
        word = text["value"].casefold()
        known = re.fullmatch(r"[^\W\d_][\w -]{0,29}", word) is not None
        return row | {"scale": "mood", "value": None, "label": word} if known else "expected a mood as a word"
    if scale in ITEMS and len(answers) > 1:
        stored, count, top = ITEMS[scale]
        if len(answers) != count or not all(a % 1 == 0 and 0 <= a <= top for a in answers):
            return f"expected {count} answers of 0 to {top} for {scale}"
        return row | {"scale": stored, "value": score(stored, answers)}
    if scale not in SCALES:
        return f"expected a scale of {', '.join(SCALES)} or mood"
    stored, low, high, factor = SCALES[scale]
    if not low <= answers[0] <= high:
        hint = (
            ": up to 25 it could be the raw sum, so write who5_raw or who5_index" if scale == "who5" else ""
        )
        return f"expected a number of {low:g} to {high:g} for {scale}{hint}"
    return row | {"scale": stored, "value": answers[0] * factor}


def score(scale: str, answers: Sequence[float]) -> float:
    """The score of a questionnaire from its answers: WHO-5 0 to 100, PSS-4 0 to 16."""
    if scale == "who5":
        return 4 * sum(answers)
    return sum(4 - a if i in PSS4_REVERSED else a for i, a in enumerate(answers))


# --- rows --------------------------------------------------------------------------------------


def lay_rows(place: int, rows: Sequence[dict[str, object]], types: dict[str, pa.DataType]) -> pa.Table:
    """Rows with their instants and the columns named."""
    origin = pa.table(
        {
            "member": pa.array([place] * len(rows), pa.int32()),
            "record": pa.array([row["record"] for row in rows], pa.int64()),
        }
    )
    columns = {
        "t_utc": instants(np.array([row["t_us"] for row in rows], np.int64)),
        "offset_min": pa.array([row["offset_min"] for row in rows], pa.int16()),
        "tz_assumed": pa.array([row["tz_assumed"] for row in rows], pa.bool_()),
        **{name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()},
    }
    return lay_out(origin, columns)


def lay_events(place: int, rows: Sequence[dict[str, object]], latest_us: int) -> pa.Table:
    """Events as rows of their table; of one that goes on, what lies ahead is a plan and is cut off."""
    types = {"event": pa.string(), "app": pa.string(), "amount": pa.float64()}
    planned = pa.array([row["end_us"] for row in rows], pa.int64())
    end = pc.min_element_wise(planned, latest_us, skip_nulls=False).view(pa.timestamp("us"))
    return lay_rows(place, rows, types).append_column("end_utc", end)


def lay_checkins(place: int, rows: Sequence[dict[str, object]]) -> pa.Table:
    """Check-ins as rows of their table."""
    return lay_rows(place, rows, {"scale": pa.string(), "value": pa.float64(), "label": pa.string()})


def refuse_events(place: int, table: str, bad: Sequence[tuple[int, str, str]]) -> Rejected:
    """Refusals: number, place and reason; what was written is private and not kept."""
    rows = [
        {"member": place, "stream": table, "record": n, "place": where, "reason": why, "raw": ""}
        for n, where, why in bad
    ]
    return Rejected(lay_refusals(rows))
