"""Points of the Google Health API as a script of the Web API needs them: of the account's own device, by local time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from ingest.live.client import NotGrantedError

Json = dict[str, Any]
DAY = timedelta(days=1)
OWN_PLATFORMS = ("FITBIT", "PLATFORM_UNSPECIFIED", "")
NIGHT_GAP = timedelta(hours=2)
"""Values of a night that are further apart belong to two sleeps."""


class Fetch(Protocol):
    """Asks the Google Health API; the pages of an answer as they came.

    `what` is a data type as addresses spell it (`heart-rate`), whose points lie in a range of the person's own clock:
    by their start, a sleep by its end, a value of a day by its date. Or it is `identity`, `settings` or
    `pairedDevices`, without a range.

    Raises
    ------
    ingest.live.client.LiveError
        If the service cannot be asked, or refuses.
    """

    def __call__(
        self, what: str, start: datetime | None = None, end: datetime | None = None
    ) -> Iterable[bytes]:
        """Ask; `end` is left out of the range."""


class Sample(NamedTuple):
    """A value at a moment."""

    moment: datetime
    """UTC."""
    local: datetime
    """What the person's clock showed, naive."""
    body: Json
    """What the point says, without its source."""
    point: Json


@dataclass(frozen=True)
class Google:
    """The service as answers ask it."""

    fetch: Fetch
    now: Callable[[], datetime]

    def samples(self, what: str, field: str, start: datetime, end: datetime) -> list[Sample]:
        """Values of moments, the earliest first; a page that came twice counts once."""
        found = {}
        for point in self.points(what, start, end):
            one = read_sample(point, field)
            if one is not None:
                found[one.moment] = one
        return [found[moment] for moment in sorted(found)]

    def days(self, what: str, field: str, first: date, last: date) -> dict[date, Json]:
        """Values of days, by their date."""
        found = {}
        for point in self.points(what, midnight(first), midnight(last) + DAY):
            day = point[field]["date"]
            found[date(day["year"], day["month"], day["day"])] = point[field]
        return found

    def points(self, what: str, start: datetime, end: datetime) -> Iterator[Json]:
        """Points of the account's own devices: the Web API knew no others."""
        for page in self.fetch(what, start, end):
            body = json.loads(page)
            yield from (
                one for one in body.get("dataPoints", body.get("reconciledDataPoints", ())) if is_own(one)
            )

    def about(self, what: str) -> Json:
        """What is said of the account."""
        found: Json = {}
        for page in self.fetch(what):
            found |= json.loads(page)
        return found

    def zone(self) -> ZoneInfo | None:
        """The zone of the account; None where it says none that is known, or may not be asked."""
        try:
            return ZoneInfo(self.about("settings")["timeZone"])
        except (NotGrantedError, KeyError, TypeError, ValueError, OSError):
            return None


def is_own(point: Json) -> bool:
    """Whether a point is of the account's own wearable, and not of a phone or of another service."""
    source = point.get("dataSource", {})
    phone = source.get("device", {}).get("formFactor") == "PHONE"
    return source.get("platform", "") in OWN_PLATFORMS and not phone


def read_sample(point: Json, field: str) -> Sample | None:
    """A point with its moment: of a sample, or the start of an interval; None where it has none."""
    body: Json = point.get(field, {})
    time_of = body.get("sampleTime") or body.get("interval") or {}
    moment = read_moment(time_of.get("physicalTime") or time_of.get("startTime"))
    if moment is None:
        return None
    local = to_local(moment, time_of.get("utcOffset") or time_of.get("startUtcOffset"))
    return Sample(moment, local, body, point)


def read_moment(text: str | None) -> datetime | None:
    """An instant such as 2026-10-28T23:59:57Z."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def to_local(moment: datetime, offset: str | None) -> datetime:
    """What a clock shows whose offset is written as `-14400s`."""
    return moment.replace(tzinfo=None) + read_offset(offset)


@lru_cache(maxsize=64)
def read_offset(text: str | None) -> timedelta:
    """An offset such as `-14400s`; UTC's where it is left out."""
    return timedelta(seconds=float((text or "0s").removesuffix("s")))


def midnight(day: date) -> datetime:
    """The beginning of a day."""
    return datetime.combine(day, time())


def whole(value: object) -> int:
    """A whole number, which is written as text; 0 where it is left out."""
    return int(str(value or 0))


def whole_or_none(value: object) -> int | None:
    """A whole number; None where there is none, or something else."""
    text = str(value)
    return int(text) if text.isascii() and text.lstrip("-").isdigit() else None


def stamp(local: datetime) -> str:
    """A local time as the Web API writes it in logs."""
    return local.strftime("%Y-%m-%dT%H:%M:%S.000")


def by_night(samples: Sequence[Sample]) -> dict[date, list[Sample]]:
    """Values of sleep, by the date on which each sleep ended: values far apart are of two sleeps."""
    found: dict[date, list[Sample]] = {}
    night: list[Sample] = []
    for one, after in zip(samples, [*samples[1:], None], strict=False):
        night.append(one)
        if after is None or after.moment - one.moment > NIGHT_GAP:
            found.setdefault(one.local.date(), []).extend(night)
            night = []
    return found
