"""Garmin Connect Personal API: the data of one's own account, by a key that its owner makes.

A person makes a key in Garmin Connect on the web and hands it over; there is no consent page and no app to register.
Garmin means it for people and their own programs, not for a service with many customers: a study asks every
participant for a key, or uses the account export. Garmin's Health API, which pushes data to companies that it has
approved, takes a contract and a public address, and is not built here.

Heart rates, readings of HRV and stages of sleep are given day by day. So the lists of steps, stress and HRV are asked
first, and only the days that differ in one of them from what they were at the pull before. Answers are those of
Connect, so `ingest.files.garmin_connect` reads them (their shapes are taken from Connect's; Garmin documents the paths
only). Workouts come with FIT files, out of the account export or off the watch.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from ingest.live.answers import Earlier, NotGiven, RawAnswer
from ingest.live.client import Bucket, Client, LiveError, NeedsReconsentError, NotGrantedError
from ingest.live.questions import ask_if_there, changed, nothing, read_entries, unless_refused

NAME = "garmin_personal"
LABEL = "Garmin"
SPAN_DAYS = 28
"""Lists of about a month are answered, as people report."""
PER_S, AT_ONCE = 0.8, 10.0
"""Limits are not published: a burst of 12 was told to wait 14 seconds."""
NOT_GRANTED = "not granted: the person's key does not cover it, or the account has no such data"
LISTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("steps", "/usersummary-service/stats/steps/daily/{first}/{last}", ()),
    ("stress", "/usersummary-service/stats/stress/daily/{first}/{last}", ()),
    ("hrv-nights", "/hrv-service/hrv/daily/{first}/{last}", ("hrvSummaries",)),
)
"""Lists of days: our name, the path, and where the list stands in the answer."""
DAYS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("heart-rate", "/wellness-service/wellness/dailyHeartRate", ("date",)),
    ("sleep", "/sleep-service/sleep/dailySleep", ("date",)),
    ("hrv", "/hrv-service/hrv/{day}", ()),
)
"""What is given of one day: our name, the path, and the parameters that the day goes into."""


def limits() -> list[Bucket]:
    """Buckets for one person, whose key it is that is counted."""
    return [Bucket(PER_S, AT_ONCE)]


def app_limit() -> Bucket:
    """The bucket that all people share in one process: a guess at what one address may do."""
    return Bucket(PER_S * 10, AT_ONCE * 10)


def explain(status: int, _body: bytes) -> LiveError | None:
    """What a refusal of this provider means."""
    if status == 401:
        return NeedsReconsentError(
            "Garmin no longer takes this person's key: it has run out or was deleted. The person makes a new one in"
            " Garmin Connect on the web and connects again."
        )
    return NotGrantedError(NOT_GRANTED) if status == 403 else None


def pull(
    client: Client, first_day: date, last_day: date, earlier: Earlier = nothing
) -> Iterator[RawAnswer | NotGiven]:
    """Ask for all data of some local days.

    The lists come last: if the pull breaks off, the next one asks for the same days again.

    Parameters
    ----------
    first_day, last_day
        Both included.
    earlier
        Answers of the last pull that ended well: the lists as they were then.

    Raises
    ------
    LiveError
        If the provider cannot be asked; what came before it stands.
    """
    lists: list[RawAnswer | NotGiven] = []
    days: dict[str, set[str]] = {}
    for name, path, place in LISTS:
        asked = path.format(first=first_day, last=last_day)
        found = list(unless_refused(name, ask_one(client, f"{name}_{first_day}_{last_day}", asked)))
        bodies = [answer.body for answer in found if isinstance(answer, RawAnswer)]
        now, before = (read_entries(some, place, "calendarDate") for some in (bodies, earlier(name)))
        for day in changed(now, before):
            days.setdefault(day, set()).add(name)
        lists += found
    for day in sorted(days):
        yield from ask_day(client, day, with_hrv="hrv-nights" in days[day])
    yield from lists


def ask_day(client: Client, day: str, *, with_hrv: bool) -> Iterator[RawAnswer | NotGiven]:
    """Ask for all that is given of one day; readings of HRV only where the list has the night."""
    for name, path, params in DAYS:
        if name != "hrv" or with_hrv:
            asked = dict.fromkeys(params, day)
            yield from unless_refused(name, ask_one(client, f"{name}_{day}", path.format(day=day), asked))


def ask_one(
    client: Client, name: str, path: str, params: dict[str, str] | None = None
) -> Iterator[RawAnswer]:
    """Ask one question; an answer with nothing in it is none."""
    body = ask_if_there(client, path, params)
    if body is not None:
        yield RawAnswer(name, body)
