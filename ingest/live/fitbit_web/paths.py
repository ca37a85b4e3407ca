"""Addresses of the Fitbit Web API: what each asks for, of which days."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import urlsplit

ADDRESS = re.compile(r"/(1(?:\.\d)?)/user/([^/]+)/(.+)\.json")
DAY = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
"""`get_sleep` of the package writes 2026-1-5."""
FIRST_YEAR, LAST_YEAR = 2007, 2100
"""Fitbit was founded in 2007."""
CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
PERIOD_DAYS = {"1d": 1, "7d": 7, "30d": 30, "1w": 7, "1m": 30, "3m": 90, "6m": 180, "1y": 365}
DETAIL_S = {"1sec": 1, "1min": 60, "5min": 300, "15min": 900}
FIRST, LAST = r"/date/(?P<first>[^/]+)", r"/(?P<last>[^/]+)"
INTRADAY = rf"{FIRST}(?:{LAST})?/(?P<detail>1sec|1min|5min|15min)(?:/time/(?P<from>[^/]+)/(?P<to>[^/]+))?"
ROUTES: Mapping[str, str] = {
    "profile": r"profile",
    "devices": r"devices",
    "heart intraday": rf"activities/heart{INTRADAY}",
    "steps intraday": rf"activities/steps{INTRADAY}",
    "heart": rf"activities/heart{FIRST}(?:{LAST})?",
    "zone minutes": rf"activities/active-zone-minutes{FIRST}(?:{LAST})?",
    "activity": rf"activities/(?:tracker/)?(?P<what>\w+){FIRST}{LAST}",
    "day": rf"activities{FIRST}",
    "sleep": rf"sleep{FIRST}(?:{LAST})?",
    "hrv": rf"hrv{FIRST}(?:/(?!all$)(?P<last>[^/]+))?(?P<all>/all)?",
    "spo2": rf"spo2{FIRST}(?:/(?!all$)(?P<last>[^/]+))?(?P<all>/all)?",
    "breathing": rf"br{FIRST}(?:/(?!all$)(?P<last>[^/]+))?(?P<all>/all)?",
    "skin": rf"temp/skin{FIRST}(?:{LAST})?",
    "body": rf"body/log/(?P<what>weight|fat){FIRST}(?:{LAST})?",
}
RESOURCES = frozenset(
    (
        "steps",
        "distance",
        "calories",
        "caloriesBMR",
        "activityCalories",
        "floors",
        "elevation",
        "minutesSedentary",
        "minutesLightlyActive",
        "minutesFairlyActive",
        "minutesVeryActive",
    )
)
"""Time series of activities that the Web API had."""
REMOVED = re.compile(r"(heart|bp|glucose)(?:/date/.+)?")
"""Calls that the package has and the Web API lost in 2015."""


class PathError(Exception):
    """An address that is not understood: the status that the Web API would have given, and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Question:
    """What an address asks for."""

    kind: str
    """One of `ROUTES`."""
    version: str
    """1 or 1.2; sleep has other shapes in each."""
    user: str
    """`-` for whoever the token is of."""
    first: date = date.min
    last: date = date.min
    """Days, both included."""
    one: bool = True
    """One day was named, and no range."""
    detail_s: int = 0
    clock: tuple[int, int] = (0, 1440)
    """Minutes of the day, the first included, the last not."""
    all: bool = False
    """Values of a night one by one."""
    what: str = field(default="")

    @property
    def days(self) -> list[date]:
        """All days, in order."""
        return [self.first + timedelta(days=i) for i in range((self.last - self.first).days + 1)]


def read_path(url: str, today: date) -> Question:
    """Read an address such as `https://api.fitbit.com/1/user/-/activities/heart/date/2026-10-25/1d/1sec.json`.

    Raises
    ------
    PathError
        If it is none that this knows.
    """
    found = ADDRESS.fullmatch(urlsplit(url).path)
    if found is None:
        raise PathError(404, f"{urlsplit(url).path[:120]!r} is no address of a user's data: {NEXT}")
    version, user, rest = found.groups()
    if REMOVED.fullmatch(rest):
        raise PathError(404, removed(rest))
    for kind, pattern in ROUTES.items():
        part = re.fullmatch(pattern, rest)
        if part is not None:
            return read_parts(kind, version, user, part.groupdict(), today)
    raise PathError(404, f"{rest[:120]!r} has no counterpart in the Google Health API here: {NEXT}")


NEXT = "docs/fitbit.md lists the calls that are answered."


def removed(rest: str) -> str:
    """Why a call of the package cannot work, with any server."""
    name = rest.partition("/")[0]
    instead = "time_series('activities/heart', …)" if name == "heart" else "nothing"
    return (
        f"The Web API has had no {name!r} since 2015, though the package still has the call: take {instead}."
    )


def read_parts(kind: str, version: str, user: str, part: dict[str, str | None], today: date) -> Question:
    """The question in the parts of an address."""
    named = part.get("what") or ""
    if kind == "activity" and named not in RESOURCES:
        raise PathError(
            404, f"There is no time series of {named[:40]!r}: expected {', '.join(sorted(RESOURCES))}."
        )
    detail = part.get("detail")
    if kind == "steps intraday" and detail == "1sec":
        raise PathError(400, "Steps have no detail of 1sec: expected 1min, 5min or 15min.")
    given = part.get("first")
    first, last = (date.min, date.min) if given is None else read_days(given, part.get("last"), today)
    if detail is not None and first != last:
        raise PathError(400, "Values within days are given for one day a question: name one.")
    if kind == "sleep" and part.get("last") is not None and version != "1.2":
        raise PathError(404, "Sleep of several days is in version 1.2: set API_VERSION = 1.2.")
    return Question(
        kind,
        version,
        user,
        first,
        last,
        one=part.get("last") is None,
        detail_s=DETAIL_S.get(detail or "", 0),
        clock=read_clock(part.get("from"), part.get("to")),
        all=part.get("all") is not None,
        what=named,
    )


def read_days(first: str, last: str | None, today: date) -> tuple[date, date]:
    """The first and last of some days; a period ends with the day that is named."""
    start = read_day(first, today)
    if last is None:
        return start, start
    if last in PERIOD_DAYS:
        return start - timedelta(days=PERIOD_DAYS[last] - 1), start
    if last == "max":
        raise PathError(400, "The period 'max' has no counterpart: name the first and the last day.")
    end = read_day(last, today)
    if end < start:
        raise PathError(400, "The end date must not be before the start date.")
    return start, end


def read_day(text: str, today: date) -> date:
    """A day as an address names it."""
    if text == "today":
        return today
    found = DAY.fullmatch(text)
    if found is not None and FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
        with suppress(ValueError):
            return date(int(found[1]), int(found[2]), int(found[3]))
    raise PathError(400, f"{text[:40]!r} is no date: expected 2026-10-25 or 'today'.")


def read_clock(start: str | None, end: str | None) -> tuple[int, int]:
    """Minutes of the day from `start` to `end`, both included, which the range given leaves out at its end."""
    if start is None or end is None:
        return 0, 1440
    found = [CLOCK.fullmatch(text) for text in (start, end)]
    low, high = (-1 if one is None else int(one[1]) * 60 + int(one[2]) for one in found)
    if not 0 <= low <= high:
        raise PathError(
            400, f"{start[:20]!r} to {end[:20]!r} is no range of clock times: expected 08:00 to 09:30."
        )
    return low, high + 1
