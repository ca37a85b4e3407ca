"""Google Health API v4, the successor of the Fitbit Web API: what a pull asks, with as few requests as will do.

Most data types are asked for once for all days of a pull. Heart rates are most of the data, so the means of
their hours are asked first: only hours that differ from what they were at the pull before are fetched.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ingest.files.google_health.layout import BY_PATH, HOURS, TYPES, DataType
from ingest.live.answers import Earlier, NotGiven, RawAnswer
from ingest.live.client import (
    BadAnswerError,
    Bucket,
    Client,
    LiveError,
    NeedsReconsentError,
    NotGrantedError,
    TooSlowError,
    find_text,
    name_reason,
)

NAME = "google_health"
LABEL = "Google Health"
PER_S, AT_ONCE = 2.5, 20.0
"""What an app that Google has not verified may ask for one person."""
APP_PER_S, APP_AT_ONCE = 2000.0, 2000.0
SPAN_DAYS = 14
"""A pull of more days is done in parts of these."""
PAGE, SESSION_PAGE = 10_000, 25
"""The most that may be asked for; servers may give less."""
HALVINGS = 4
HOUR = timedelta(hours=1)
AHEAD, BEHIND = timedelta(hours=14), timedelta(hours=12)
"""How far local days reach beyond those of UTC."""
ROLLUP_DAYS = 14
WALK_HOURS = 7 * 24
"""Heart rates are walked through in parts, since a walk that breaks is begun anew."""
REVOKED = ("RESOURCE_PERMISSION_DENIED",)
"""Reported for accounts that only a new consent brings back."""

Means = tuple[Any, ...]
"""Mean, most and least heart rate of an hour."""


def limits() -> list[Bucket]:
    """Buckets for one person."""
    return [Bucket(PER_S, AT_ONCE)]


def app_limit() -> Bucket:
    """The bucket that all people of the app share in one process."""
    return Bucket(APP_PER_S, APP_AT_ONCE)


def explain(status: int, body: bytes) -> LiveError | None:
    """What a refusal of this provider means."""
    reason = name_reason(body)
    if reason == "ACCOUNT_NOT_LINKED":
        return NeedsReconsentError(
            "This Google account has no Google Health profile: the person opens the Google Health or Fitbit app with"
            " it once, or connects another account."
        )
    if reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
        return NotGrantedError("not granted: the person may connect again and allow it")
    if reason in REVOKED:
        return NeedsReconsentError(
            "Google Health refuses this account, which a new consent is known to mend: the person connects again."
        )
    if reason == "SERVICE_DISABLED":
        return BadAnswerError(
            "The Google Health API is not enabled in the Google Cloud project of this app: enable it in the console.",
            status,
            reason,
        )
    return None


def nothing(_: str) -> Sequence[bytes]:
    """No earlier answers."""
    return ()


def pull(
    client: Client, first_day: date, last_day: date, earlier: Earlier = nothing
) -> Iterator[RawAnswer | NotGiven]:
    """Ask for all data of some local days.

    Parameters
    ----------
    first_day, last_day
        Both included.
    earlier
        Answers of the last pull that ended well, by data type: hours of heart rate that have not changed
        since are not asked for again.

    Raises
    ------
    LiveError
        If the provider cannot be asked; what came before it stands.
    """
    for kind in TYPES:
        try:
            if kind.path == "heart-rate":
                yield from pull_heart_rate(client, first_day, last_day, earlier)
            else:
                days = filter_days(kind, first_day, last_day)
                yield from walk(client, kind, days, f"{kind.path}_{first_day}_{last_day}")
        except NotGrantedError as refusal:
            yield NotGiven(kind.path, str(refusal))
        except BadAnswerError as refusal:
            if refusal.reason not in ("INVALID_PARENT_DATA_TYPE_COLLECTION", "UNSUPPORTED_OPERATION"):
                raise
            yield NotGiven(kind.path, f"the service does not offer it ({refusal.reason})")


def filter_days(kind: DataType, first_day: date, last_day: date) -> str:
    """The filter for some local days."""
    return filter_civil(kind, str(first_day), str(last_day + timedelta(days=1)))


def filter_civil(kind: DataType, start: str, end: str) -> str:
    """The filter for a range of dates or times: by the person's own clock, so that no zone must be known."""
    time = {
        "sample": "sample_time.civil_time",
        "interval": "interval.civil_start_time",
        "session": "interval.civil_start_time",
        # A night belongs to the day on which it ends; its start cannot be asked for.
        "sleep": "interval.civil_end_time",
        "daily": "date",
    }[kind.kind]
    member = f"{kind.member}.{time}"
    return f'{member} >= "{start}" AND {member} < "{end}"'


def walk(client: Client, kind: DataType, chosen: str, name: str) -> Iterator[RawAnswer]:
    """Ask for all pages; where the service is too slow for a page, pages are halved and the walk begins anew."""
    path = f"/v4/users/me/dataTypes/{kind.path}/dataPoints{':reconcile' if kind.merged else ''}"
    most = SESSION_PAGE if kind.kind in ("session", "sleep") else PAGE
    for halved in range(HALVINGS + 1):
        size = most >> halved
        try:
            bodies = client.pages(path, {"filter": chosen, "pageSize": size}, "nextPageToken", "pageToken")
            for number, body in enumerate(map(expect_object, bodies)):
                if has_points(body):
                    yield RawAnswer(f"{name}_{size}-{number:04d}", body)
        except TooSlowError:
            if halved == HALVINGS:
                raise
        else:
            return


def expect_object(body: bytes) -> bytes:
    """The answer, which this provider always gives as an object: nothing at all would look like no data."""
    if not body.lstrip().startswith(b"{"):
        raise BadAnswerError(f"{LABEL} answered with nothing, or with a list: try again later.", 200)
    return body


def has_points(body: bytes) -> bool:
    """Whether an answer has anything in it but a token; what it has is not read here."""
    return b'"dataPoints"' in body[:4096] or b'"reconciledDataPoints"' in body[:4096]


def pull_heart_rate(
    client: Client, first_day: date, last_day: date, earlier: Earlier
) -> Iterator[RawAnswer | NotGiven]:
    """Ask for the heart rates of the hours that are new or have changed, then keep the hours' means.

    The means come last: if the pull breaks off, the next one asks for these hours again.
    """
    start = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC) - AHEAD
    end = datetime(last_day.year, last_day.month, last_day.day, tzinfo=UTC) + timedelta(days=1) + BEHIND
    try:
        answers = list(roll_up(client, start, end))
    except (BadAnswerError, TooSlowError):
        answers = []
    now, before = read_hours([answer.body for answer in answers]), read_hours(earlier(HOURS))
    # Without means there is no telling what has changed, or whether there is anything: all is asked for.
    hours = sorted(now | before) if now else [start + HOUR * i for i in range((end - start) // HOUR)]
    changed = [hour for hour in hours if start <= hour < end and differs(now.get(hour), before.get(hour))]
    for first, after in join_hours(changed, now):
        chosen = filter_instants(first, after)
        name = f"heart-rate_{first:%Y-%m-%dT%H}_{after:%Y-%m-%dT%H}"
        yield from walk(client, BY_PATH["heart-rate"], chosen, name)
    yield from answers


def roll_up(client: Client, start: datetime, end: datetime) -> Iterator[RawAnswer]:
    """Mean, least and most of every hour with heart rates."""
    path = "/v4/users/me/dataTypes/heart-rate/dataPoints:rollUp"
    while start < end:
        stop = min(end, start + timedelta(days=ROLLUP_DAYS))
        asked = {"range": {"startTime": stamp(start), "endTime": stamp(stop)}, "windowSize": "3600s"}
        number = 0
        token: str | None = None
        while token is not None or number == 0:
            more: dict[str, str] = {} if token is None else {"pageToken": token}
            body = expect_object(client.ask(path, method="POST", body={**asked, **more}))
            yield RawAnswer(f"{HOURS}_{start:%Y-%m-%dT%H}_{stop:%Y-%m-%dT%H}_{number:04d}", body)
            number, token = number + 1, find_text(body, "nextPageToken")
        start = stop


def differs(now: Means | None, before: Means | None) -> bool:
    """Whether an hour may have changed; one without all its means always may."""
    return now is None or None in now or now != before


def read_hours(answers: Sequence[bytes]) -> dict[datetime, Means]:
    """The means of hours, by their start; none where one is not as expected."""
    found: dict[datetime, Means] = {}
    for body in answers:
        try:
            for window in json.loads(body).get("rollupDataPoints", []):
                hour = datetime.fromisoformat(window["startTime"])
                means = tuple(
                    window["heartRate"].get(f"beatsPerMinute{name}") for name in ("Avg", "Max", "Min")
                )
                found[hour] = (*found.get(hour, ()), *means)
        except (KeyError, TypeError, ValueError, AttributeError):
            return {}
    return found


def join_hours(
    changed: Sequence[datetime], given: Collection[datetime]
) -> Iterator[tuple[datetime, datetime]]:
    """Join hours to walks of limited length: start of the first, end of the last.

    Hours between two that changed are walked through too if nothing is given of them, since that costs nothing.
    """
    first = None
    for hour, after in zip(changed, [*changed[1:], None], strict=False):
        first = hour if first is None else first
        between = [] if after is None else [hour + HOUR * i for i in range(1, (after - hour) // HOUR)]
        goes_on = after is not None and not any(other in given for other in between)
        if after is None or not goes_on or after + HOUR - first > HOUR * WALK_HOURS:
            yield first, hour + HOUR
            first = None


def filter_instants(start: datetime, end: datetime) -> str:
    """The filter for heart rates between two instants."""
    member = f"{BY_PATH['heart-rate'].member}.sample_time.physical_time"
    return f'{member} >= "{stamp(start)}" AND {member} < "{stamp(end)}"'


def stamp(moment: datetime) -> str:
    """An instant as filters take it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
