"""What tests of the package `fitbit` share: how the old service is asked, and everything a script may ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import fitbit
from fitbit import exceptions
from servers import Server
from servers.google_health import CLIENT
from servers.people import DAYS, FIRST, PEOPLE
from servers.visit import World

from ingest.live.fitbit_web.mended import MendedFitbit

EVERY_DAY = [FIRST + timedelta(days=i) for i in range(DAYS)]
LAST = EVERY_DAY[-1]
CHANGE = date(2026, 10, 25)
"""Summer time ends in London."""
WEB = "https://api.fitbit.com"
Ask = Callable[[fitbit.Fitbit], Any]


def mended(server: Server | str, who: str, world: World | None = None, **words: Any) -> MendedFitbit:
    """A client of the old service with a token that has expired, whose first question refreshes it."""
    kept: list[dict[str, Any]] = []
    url = server if isinstance(server, str) else server.url
    given = {
        "access_token": f"at-expired-{who}",
        "refresh_token": f"rt-secret-{who}",
        "refresh_cb": kept.append,
    }
    return MendedFitbit(*CLIENT, base_url=url, outside=(world or World()).outside(), **{**given, **words})


def of_day(day: date) -> dict[str, Ask]:
    """Everything that a script may ask of one day."""
    return {
        "heart 1sec": lambda fb: fb.intraday_time_series("activities/heart", day, detail_level="1sec"),
        "steps 1min": lambda fb: fb.intraday_time_series("activities/steps", day, detail_level="1min"),
        "steps part": lambda fb: fb.intraday_time_series("activities/steps", day, "15min", "16:50", "18:20"),
        "sleep 1": lambda fb: fb.get_sleep(day),
        "sleep 1.2": lambda fb: newer(fb, lambda new: new.sleep(day)),
        "day": lambda fb: fb.activities(day),
        "hrv all": lambda fb: fb.hrv(day, details=True),
        "hrv": lambda fb: fb.make_request(f"{fb.API_ENDPOINT}/1/user/-/hrv/date/{day}.json"),
        "spo2": lambda fb: fb.spo2(day),
        "spo2 all": lambda fb: fb.spo2(day, details=True),
        "br all": lambda fb: fb.breathing_rate(day, details=True),
    }


def of_week(who: str) -> dict[str, Ask]:
    """Everything that a script may ask of all days, and of the account."""
    return {
        "heart part": lambda fb: fb.intraday_time_series(
            "activities/heart", CHANGE, "1sec", "00:30", "02:10"
        ),
        "heart part by 1min": lambda fb: fb.intraday_time_series(
            "activities/heart", CHANGE, "1min", "00:59", "02:00"
        ),
        "heart 15min": lambda fb: fb.intraday_time_series("activities/heart", CHANGE, detail_level="15min"),
        "heart": lambda fb: fb.time_series("activities/heart", base_date=LAST, period="7d"),
        "steps": lambda fb: fb.time_series("activities/steps", base_date=FIRST, end_date=LAST),
        "tracker steps": lambda fb: fb.time_series("activities/tracker/steps", base_date=LAST, period="1w"),
        "distance": lambda fb: fb.time_series("activities/distance", base_date=LAST, period="1d"),
        "zone minutes": lambda fb: fb.active_zone_minutes(FIRST, LAST),
        "sleep": lambda fb: newer(fb, lambda new: new.time_series("sleep", base_date=FIRST, end_date=LAST)),
        "hrv": lambda fb: fb.hrv(FIRST, LAST),
        "hrv all": lambda fb: fb.hrv(FIRST, LAST, details=True),
        "spo2": lambda fb: fb.spo2(FIRST, LAST),
        "spo2 all": lambda fb: fb.spo2(FIRST, LAST, details=True),
        "br": lambda fb: fb.breathing_rate(FIRST, LAST),
        "skin": lambda fb: fb.skin_temperature(FIRST, LAST),
        "weight": lambda fb: fb.get_bodyweight(base_date=LAST, period="1w"),
        "profile": lambda fb: fb.user_profile_get(),
        "self": lambda fb: fb.user_profile_get(PEOPLE[who].fitbit_id),
        "devices": lambda fb: fb.get_devices(),
    }


def newer(fb: fitbit.Fitbit, ask: Ask) -> Any:
    """What version 1.2 answers, as scripts ask it."""
    fb.API_VERSION = 1.2
    try:
        return ask(fb)
    finally:
        fb.API_VERSION = 1


def outcome(fb: fitbit.Fitbit, ask: Ask) -> Any:
    """An answer, or the kind of the error."""
    try:
        return ask(fb)
    except exceptions.HTTPException as error:
        return type(error).__name__
