"""Withings: days, nights and workouts as lists; heart rate, steps and SpO2 by minutes; states of sleep.

Withings calls every answer good and says in its body what is wrong (`restate`). Minutes of a day and states of a
night are given for 24 hours at most, so the lists of days and nights are asked first: only days and nights that differ
from what they were at the pull before are asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from ingest.live.answers import Earlier, NotGiven, RawAnswer
from ingest.live.client import MOST_PAGES, BadAnswerError, Bucket, Client, LiveError, NotGrantedError
from ingest.live.questions import (
    DAY,
    NOT_GRANTED,
    changed,
    is_list_empty,
    nothing,
    read_entries,
    unless_refused,
)

NAME = "withings"
LABEL = "Withings"
FORM = True
"""Questions are forms."""
SPAN_DAYS = 28
PER_S, AT_ONCE = 2.0, 60.0
"""120 requests a minute, of all people of an app together."""
LONGEST = timedelta(hours=24)
"""Minutes and states are given for so long a time at once; what lies beyond is left out without a word."""
STATUS = re.compile(rb'\s*\{\s*"status"\s*:\s*(\d+)')
SAID = {401: (100, 101, 102, 200, 401), 403: (214, 277, 2553, 2554, 2555), 429: (601,), 503: (522,)}
"""What a status in a body is in HTTP's words."""
WRONG = (
    *range(201, 214),
    *range(234, 253),
    *range(260, 268),
    *range(283, 289),
    293,
    294,
    295,
    400,
    *range(501, 512),
)
"""Statuses of questions that are wrong, 503 among them; to ask again does not help. All others are faults."""
NIGHT_FIELDS = ("total_sleep_time", "total_timeinbed", "lightsleepduration", "deepsleepduration", "remsleepduration",
    "wakeupduration", "rr_average", "sleep_score", "hr_average")  # fmt: skip
WORKOUT_FIELDS = ("hr_average", "steps")
MINUTE_FIELDS = ("steps", "duration", "heart_rate", "spo2_auto")
STATE_FIELDS = ("hr",)
LISTS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("activity", "/v2/measure", "getactivity", ("steps",)),
    ("nights", "/v2/sleep", "getsummary", NIGHT_FIELDS),
    ("workouts", "/v2/measure", "getworkouts", WORKOUT_FIELDS),
)
"""Kinds of lists: our name, path, action, and the fields to ask for. All are of the scope `user.activity`."""
KEYS = {"activity": "activities", "nights": "series", "workouts": "series"}


def limits() -> list[Bucket]:
    """Buckets for one person: Withings has none but the app's."""
    return []


def app_limit() -> Bucket:
    """The bucket that all people of the app share in one process."""
    return Bucket(PER_S, AT_ONCE)


def restate(found: httpx.Response) -> httpx.Response:
    """Say in HTTP's words what the status in the body says; 0 is good."""
    status = STATUS.match(found.content[:64])
    if found.status_code != 200 or status is None or int(status[1]) == 0:
        return found
    said = int(status[1])
    code = next((code for code, names in SAID.items() if said in names), 400 if said in WRONG else 500)
    headers = {k: v for k, v in found.headers.items() if k.lower() == "retry-after"}
    return httpx.Response(code, content=found.content, headers=headers)


def explain(status: int, body: bytes) -> LiveError | None:
    """What a refusal of this provider means."""
    if status == 403:
        return NotGrantedError(NOT_GRANTED)
    said = STATUS.match(body[:64])
    if status == 400 and said is not None:
        return BadAnswerError(f"Withings refused a question (status {int(said[1])}).", status)
    return None


def pull(
    client: Client, first_day: date, last_day: date, earlier: Earlier = nothing
) -> Iterator[RawAnswer | NotGiven]:
    """Ask for all data of some local days.

    The lists of days and nights come last: if the pull breaks off, the next one asks for the same again.

    Parameters
    ----------
    first_day, last_day
        Both included.
    earlier
        Answers of the last pull that ended well: days and nights as they were then.

    Raises
    ------
    LiveError
        If the provider cannot be asked; what came before it stands.
    """
    lists = {
        name: list(unless_refused(name, walk(client, name, path, action, fields, first_day, last_day)))
        for name, path, action, fields in LISTS
    }
    days = read_changed(lists["activity"], earlier("activity"), "activities", "date")
    for day, entry in days.items():
        yield from unless_refused("intraday", ask_day(client, date.fromisoformat(day), entry))
    nights = read_changed(lists["nights"], earlier("nights"), "series", "id")
    for entry in nights.values():
        yield from unless_refused("sleep", ask_night(client, entry))
    for name in ("workouts", "activity", "nights"):
        yield from lists[name]


def walk(
    client: Client,
    name: str,
    path: str,
    action: str,
    fields: Sequence[str],
    first_day: date,
    last_day: date,
) -> Iterator[RawAnswer]:
    """Ask for all pages of a list, which are counted by an offset."""
    params: dict[str, str | int] = {
        "action": action,
        "startdateymd": str(first_day),
        "enddateymd": str(last_day),
        "data_fields": ",".join(fields),
    }
    seen: set[int] = set()
    for number in range(MOST_PAGES):
        body = client.ask(path, params)
        if not is_list_empty(body, KEYS[name]):
            yield RawAnswer(f"{name}_{first_day}_{last_day}_{number:04d}", body)
        offset = next_offset(body)
        if offset is None:
            return
        if offset in seen:
            break
        seen.add(offset)
        params = {**params, "offset": offset}
    raise BadAnswerError("Withings gave the same page twice: its answer has no end.", 200)


def next_offset(body: bytes) -> int | None:
    """Where the next page begins; None if there is none."""
    try:
        found = json.loads(body)["body"]
        return int(found["offset"]) if found.get("more") else None
    except (KeyError, TypeError, ValueError):
        return None


def read_changed(
    now: Sequence[RawAnswer | NotGiven], before: Sequence[bytes], key: str, name: str
) -> Mapping[str, Any]:
    """Entries of a list that are new or differ from before, by their name, in order."""
    bodies = [answer.body for answer in now if isinstance(answer, RawAnswer)]
    entries = read_entries(bodies, ("body", key), name)
    return {found: entries[found] for found in changed(entries, read_entries(before, ("body", key), name))}


def ask_day(client: Client, day: date, entry: Mapping[str, Any]) -> Iterator[RawAnswer]:
    """Ask for the minutes of a day, by the clock of its own zone; a day of 25 hours takes two questions."""
    start, end = day_in(entry.get("timezone"), day)
    while start < end:
        stop = min(end, start + LONGEST)
        params: dict[str, str | int] = {
            "action": "getintradayactivity",
            "startdate": int(start.timestamp()),
            "enddate": int(stop.timestamp()) - 1,
            "data_fields": ",".join(MINUTE_FIELDS),
        }
        body = client.ask("/v2/measure", params)
        if not is_list_empty(body, "series"):
            yield RawAnswer(f"intraday_{day}_{int(start.timestamp())}", body)
        start = stop


def day_in(zone: object, day: date) -> tuple[datetime, datetime]:
    """Start and end of a day in a zone, as instants; of UTC if the zone is none."""
    try:
        clock = ZoneInfo(str(zone))
    except (KeyError, ValueError, OSError):
        clock = ZoneInfo("UTC")
    first, after = (datetime(d.year, d.month, d.day, tzinfo=clock) for d in (day, day + DAY))
    utc = ZoneInfo("UTC")
    return first.astimezone(utc), after.astimezone(utc)


def ask_night(client: Client, entry: Mapping[str, Any]) -> Iterator[RawAnswer]:
    """Ask for the states of one sleep."""
    try:
        number, start, end = (int(entry[name]) for name in ("id", "startdate", "enddate"))
    except (KeyError, TypeError, ValueError):
        return
    while start < end:
        stop = min(end, start + int(LONGEST.total_seconds()))
        params: dict[str, str | int] = {
            "action": "get",
            "startdate": start,
            "enddate": stop,
            "data_fields": ",".join(STATE_FIELDS),
        }
        # An empty answer is kept too: it says that this sleep has no states.
        yield RawAnswer(f"sleep_{start}_{number}", client.ask("/v2/sleep", params))
        start = stop
