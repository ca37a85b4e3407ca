"""`FitbitCompat`: the calls of the package `fitbit`, answered from the Google Health API in the shapes of old."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import fitbit
from fitbit import exceptions

from ingest.live.client import LiveError, NotGrantedError

from . import days, sleeps
from .calls import MoreCalls
from .nulls import NULLS, find_nulls
from .paths import PathError, Question, read_path
from .points import Fetch, Google, Json, read_moment, stamp, whole_or_none
from .refusals import refuse, translate

Answer = Callable[[Question, Google], Any]
ODD = (AttributeError, LookupError, TypeError, ValueError)
"""What an answer of a shape that nobody foresaw can raise."""


class FitbitCompat(MoreCalls, fitbit.Fitbit):  # type: ignore[misc]  # the package has no types
    """A `fitbit.Fitbit` without the Fitbit Web API: scripts go on calling it as they did.

    What the Google Health API does not have is null in an answer, and listed in `not_given`. Errors are those of
    `fitbit.exceptions`. Only reading is answered.
    """

    def __init__(self, fetch: Fetch, now: Callable[[], datetime]) -> None:
        """Take what asks the Google Health API for one person, and the clock of the machine, with its zone."""
        super().__init__("", "")
        self.google = Google(fetch, now)
        self.not_given: dict[str, str] = {}
        """What was null in answers so far, and why (`NULLS`)."""
        self._account: str | None = None

    def make_request(self, *args: Any, **kwargs: Any) -> Any:
        """Answer a question that the package asks, by its address.

        Raises
        ------
        fitbit.exceptions.HTTPException
            Of the kind that the Web API's refusal would have led to; its text says what may help.
        """
        url, data, method = (*args, None, None)[:3] if args else (kwargs["url"], None, None)
        if data or kwargs.get("data") or (method or kwargs.get("method") or "GET") != "GET":
            raise refuse(400, "Nothing can be written or deleted: the Google Health API is only read here.")
        now = self.google.now()
        try:
            question = read_path(url, now.date())
            self._check_user(question.user)
            found = ANSWERS[question.kind](question, self.google)
        except PathError as error:
            trouble = refuse(error.status, str(error), "not_found" if error.status == 404 else "validation")
        except LiveError as error:
            trouble = translate(error, now.astimezone(UTC))
        except ODD as error:
            words = f"The Google Health API answered in a shape that is not known ({type(error).__name__})."
            trouble = exceptions.BadResponse(words)
        else:
            for path in find_nulls(found, question.kind if question.kind == "devices" else ""):
                self.not_given[path] = NULLS.get(path, "the Google Health API gave none")
            return found
        # Outside of the handlers, so that nothing of a question hangs on the error.
        raise trouble

    def _check_user(self, user: str) -> None:
        """Refuse questions about somebody else."""
        if user == "-":
            return
        if self._account is None:
            self._account = str(self.google.about("identity").get("legacyUserId"))
        if user != self._account:
            raise NotGrantedError("Only whoever the connection is of can be asked about: name the user '-'.")


# --- the account -------------------------------------------------------------------------------


def answer_profile(_: Question, google: Google) -> Json:
    """Who the account is, as far as is known."""
    zone, now = google.zone(), google.now()
    offset = None if zone is None else now.astimezone(zone).utcoffset()
    unknown = ("age", "dateOfBirth", "displayName", "memberSince", "strideLengthWalking")
    user = {
        "encodedId": google.about("identity").get("legacyUserId"),
        "offsetFromUTCMillis": None if offset is None else round(offset.total_seconds() * 1000),
        "timezone": None if zone is None else zone.key,
        **dict.fromkeys(unknown),
    }
    return {"user": user}


def answer_devices(_: Question, google: Google) -> list[Json]:
    """The account's devices."""
    zone = google.zone()
    found = []
    for one in google.about("pairedDevices").get("pairedDevices", ()):
        synced = read_moment(one.get("lastSyncTime"))
        local = None if synced is None or zone is None else stamp(synced.astimezone(zone))
        number = one.get("name", "").rpartition("/")[2]
        found.append(
            {
                "battery": one.get("batteryStatus"),
                "batteryLevel": one.get("batteryLevel"),
                "deviceVersion": one.get("deviceVersion"),
                "id": None if whole_or_none(number) is None else number,
                "lastSyncTime": local,
                "type": one.get("deviceType"),
            }
        )
    return found


def answer_body(question: Question, _: Google) -> Json:
    """Weights and shares of fat, which are not asked for here."""
    return {question.what: None}


ANSWERS: Mapping[str, Answer] = {
    "profile": answer_profile,
    "devices": answer_devices,
    "heart intraday": days.answer_heart_intraday,
    "steps intraday": days.answer_steps_intraday,
    "heart": days.answer_heart,
    "zone minutes": days.answer_zone_minutes,
    "activity": days.answer_activity,
    "day": days.answer_day,
    "sleep": sleeps.answer_sleep,
    "hrv": days.answer_hrv,
    "spo2": days.answer_spo2,
    "breathing": days.answer_breathing,
    "skin": days.answer_skin,
    "body": answer_body,
}
