"""Polar AccessLink v3: sleeps, Nightly Recharge, heart rate of day and night, steps, training sessions.

Five questions cover any number of days that Polar keeps. The lists of v3 are asked, never the older transactions:
what a transaction has once given is gone, so that a pull that breaks off would lose it. Heart rates inside training
sessions are no part of the continuous heart rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from ingest.live.answers import Earlier, NotGiven, RawAnswer
from ingest.live.client import Bucket, Client, LiveError, NeedsReconsentError
from ingest.live.questions import ask_if_there, is_list_empty, nothing, unless_refused

NAME = "polar"
LABEL = "Polar"
KEPT_DAYS = 28
"""Polar gives the last days only, and as many at once."""
SPAN_DAYS = KEPT_DAYS
PER_S, AT_ONCE = 500 / 900, 100.0
"""500 requests in a quarter of an hour for all people of an app together, and 20 more for each of them."""
LISTS: tuple[tuple[str, str, str], ...] = (
    ("sleep", "/v3/users/sleep", "nights"),
    ("nightly-recharge", "/v3/users/nightly-recharge", "recharges"),
    ("continuous-heart-rate", "/v3/users/continuous-heart-rate", "heart_rates"),
    ("activity-samples", "/v3/users/activities/samples", ""),
)
"""Kinds of data: our name, the path, and the key of the list in its answer; '' where the answer is the list."""
EXERCISES = "/v3/exercises"
"""Training sessions of 30 days, whatever is asked; the answer is a list."""


def limits() -> list[Bucket]:
    """Buckets for one person: Polar has none but the app's."""
    return []


def app_limit() -> Bucket:
    """The bucket that all people of the app share in one process."""
    return Bucket(PER_S, AT_ONCE)


def explain(status: int, _body: bytes) -> LiveError | None:
    """What a refusal of this provider means."""
    if status == 403:
        return NeedsReconsentError(
            "Polar refuses this account: it is not registered with the app, or the person has yet to agree to Polar's"
            " terms at account.polar.com. The person connects again."
        )
    return None


def pull(
    client: Client, first_day: date, last_day: date, earlier: Earlier = nothing
) -> Iterator[RawAnswer | NotGiven]:
    """Ask for all data of some local days, both included; `earlier` is not used.

    Raises
    ------
    LiveError
        If the provider cannot be asked; what came before it stands.
    """
    del earlier
    kept_from = client.outside.now().date() - timedelta(days=KEPT_DAYS - 1)
    if first_day < kept_from:
        why = f"Polar gives the last {KEPT_DAYS} days only; its account export has the others"
        yield NotGiven(f"days before {kept_from}", why)
    first_day = max(first_day, kept_from)
    if last_day < first_day:
        return
    for name, path, key in LISTS:
        yield from unless_refused(name, ask_list(client, name, path, key, first_day, last_day))
    body = ask_if_there(client, EXERCISES)
    if body is not None:
        yield RawAnswer(f"exercises_{first_day}_{last_day}", body)


def ask_list(
    client: Client, name: str, path: str, key: str, first_day: date, last_day: date
) -> Iterator[RawAnswer]:
    """Ask for one kind of data."""
    body = ask_if_there(client, path, {"from": str(first_day), "to": str(last_day)})
    if body is not None and not (key and is_list_empty(body, key)):
        yield RawAnswer(f"{name}_{first_day}_{last_day}", body)
