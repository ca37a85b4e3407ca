"""A fake of the Garmin Connect Personal API: the paths are Garmin's, the shapes those of recorded answers of Connect.

A person's key (`rt-P001` …) stands where others have a refresh token; what it is exchanged for is a JWT, the whole
answer. A burst of more than 12 requests in 14 s is told to wait 14 s (reported), by the clock of the test.

Assumed: the Personal API answers as Connect does; a day without readings gives 204; P002's key does not cover HRV.
"""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, date, datetime

import numpy as np

from ingest.live.providers import GARMIN_PERSONAL
from servers import people
from servers.people import Person, Values
from servers.service import Answer, Json, RefusedError, Service, as_json, main

LEVELS = {"DEEP": 0.0, "LIGHT": 1.0, "REM": 2.0, "AWAKE": 3.0}
HEART_STEP_S = 120
MOST_DAYS = 28


def hearts(person: Person, day: date) -> Values:
    """Heart rates of a day, one in two minutes."""
    found = people.heart(person, day)
    _, first = np.unique(found.t_s // HEART_STEP_S, return_index=True)
    return Values(found.t_s[first], found.value[first])


def stress(person: Person, day: date) -> int:
    """The mean stress of a day."""
    return int(people.chance(person, day, "stress").integers(15, 60))


def rmssd_night(person: Person, day: date) -> int:
    """The mean RMSSD of a night."""
    return int(people.chance(person, day, "garmin hrv").integers(20, 90))


def clock(person: Person, t_s: int, name: str) -> Json:
    """A moment as Garmin writes it: on the clock of UTC and on the person's."""
    offset = people.offset_s(person.zone, t_s // 3600)
    stamps = {"GMT": t_s, "Local": t_s + offset}
    return {
        f"{name}{key}": f"{datetime.fromtimestamp(t, UTC):%Y-%m-%dT%H:%M:%S}.0" for key, t in stamps.items()
    }


def heart_of(person: Person, day: date) -> Json:
    """The heart rates of a date."""
    edges = [people.local_s(person, d) for d in (day, date.fromordinal(day.toordinal() + 1))]
    found = hearts(person, day)
    pairs = [[t * 1000, int(v)] for t, v in zip(found.t_s.tolist(), found.value.tolist(), strict=True)]
    return {
        "userProfilePK": 1,
        "calendarDate": str(day),
        **clock(person, edges[0], "startTimestamp"),
        **clock(person, edges[1], "endTimestamp"),
        "restingHeartRate": people.resting_bpm(person, day),
        "heartRateValues": [*pairs, [edges[1] * 1000 - 60_000, None]],
    }


def sleep_of(person: Person, day: date) -> Json:
    """The sleep of a date; an empty one where there is none."""
    night = people.night(person, day)
    if night is None:
        return {"dailySleepDTO": {"calendarDate": str(day), "sleepStartTimestampGMT": None}}
    offsets = [people.offset_s(person.zone, t // 3600) for t in (night.start_s, night.end_s)]
    stamps = {
        "sleepStartTimestampGMT": night.start_s * 1000,
        "sleepEndTimestampGMT": night.end_s * 1000,
        "sleepStartTimestampLocal": (night.start_s + offsets[0]) * 1000,
        "sleepEndTimestampLocal": (night.end_s + offsets[1]) * 1000,
    }
    seconds = {f"{name}SleepSeconds": night.minutes(stage) * 60 for name, stage in
        (("deep", "DEEP"), ("light", "LIGHT"), ("rem", "REM"), ("awake", "AWAKE"))}  # fmt: skip
    levels = [
        {
            "startGMT": f"{datetime.fromtimestamp(start, UTC):%Y-%m-%dT%H:%M:%S}.0",
            "endGMT": f"{datetime.fromtimestamp(end, UTC):%Y-%m-%dT%H:%M:%S}.0",
            "activityLevel": LEVELS[name],
        }
        for name, start, end in night.stages
    ]
    found = {"id": night.number, "calendarDate": str(day), **stamps, **seconds}
    return {"dailySleepDTO": found, "sleepLevels": levels}


def summary_of(person: Person, day: date) -> Json:
    """The HRV of a night in short."""
    return {
        "calendarDate": str(day),
        "weeklyAvg": 45,
        "lastNightAvg": rmssd_night(person, day),
        "status": "BALANCED",
    }


def hrv_of(person: Person, day: date) -> Json:
    """The HRV of a night, with its readings, each at the end of its five minutes."""
    found = people.variability(person, day)
    readings = [
        {"hrvValue": round(v), **clock(person, t + 300, "readingTime")}
        for t, v in zip(found.t_s.tolist(), found.value.tolist(), strict=True)
    ]
    return {"userProfilePk": 1, "hrvSummary": summary_of(person, day), "hrvReadings": readings}


class GarminPersonal(Service):
    """The service."""

    provider = GARMIN_PERSONAL

    def token(self, form: dict[str, str]) -> Answer:
        """Exchange a key, which the tests hand over as they hand over refresh tokens."""
        name = self.refresh_tokens.get(form.get("refresh_token", ""))
        return Answer(401, b"{}") if name is None else as_json(self.issue(name))

    def exchange(self, key: str) -> Answer:
        """Exchange a key as Garmin does it: the whole answer is a JWT."""
        name = self.refresh_tokens.get(key)
        if name is None:
            return Answer(401, b"")
        claims = (
            base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 3600}).encode()).rstrip(b"=").decode()
        )
        token = f"head.{claims}.{self.issue(name)['access_token']}"
        self.access_tokens[token] = (name, time.time() + self.ttl_s)
        return Answer(200, token.encode())

    def take(self, method: str, path: str, query: dict[str, str], header: str | None) -> Answer:
        scheme, _, key = (header or "").partition(" ")
        return self.exchange(key) if scheme == "ApiKey" else super().take(method, path, query, header)

    def answer(self, person: Person, method: str, path: str, query: dict[str, str]) -> Answer:
        if method != "GET":
            raise RefusedError(404)
        if path.startswith("/hrv-service/") and person.name == "P002":
            raise RefusedError(403)
        place, *days = path.rsplit("/", 2)
        if place.endswith("/daily"):
            return self.list(person, place, *(date.fromisoformat(day) for day in days))
        day = (
            date.fromisoformat(query["date"])
            if "date" in query
            else date.fromisoformat(path.rpartition("/")[2])
        )
        if path == "/wellness-service/wellness/dailyHeartRate":
            return as_json(heart_of(person, day))
        if path == "/sleep-service/sleep/dailySleep":
            return as_json(sleep_of(person, day))
        return as_json(hrv_of(person, day)) if people.night(person, day) else Answer(204, b"")

    def list(self, person: Person, place: str, first: date, last: date) -> Answer:
        """A list of days."""
        if (last - first).days >= MOST_DAYS:
            raise RefusedError(400)
        days = [day for day in people.days() if first <= day <= last and str(day) not in self.hidden_days]
        if place == "/hrv-service/hrv/daily":
            return as_json(
                {"hrvSummaries": [summary_of(person, day) for day in days if people.night(person, day)]}
            )
        if place == "/usersummary-service/stats/steps/daily":
            steps = [int(people.steps(person, day).value.sum()) for day in days]
            found: list[Json] = [
                {"calendarDate": str(day), "totalSteps": count, "totalDistance": 1000, "stepGoal": 8000}
                for day, count in zip(days, steps, strict=True)
            ]
        else:
            values = [
                {"overallStressLevel": stress(person, day), "restStressDuration": 20_000} for day in days
            ]
            found = [{"calendarDate": str(day), "values": v} for day, v in zip(days, values, strict=True)]
        return as_json(found)


if __name__ == "__main__":
    main(GarminPersonal)
