"""A fake of Polar AccessLink v3: documented shapes; what is assumed is marked.

There are no refresh tokens and no pages. Times are the local clock's, without an offset but for sleeps and training
sessions; times of a night have no date. Nothing is given that is older than 28 days, and 204 where there is nothing.

Assumed: samples are in the order in which they were taken, through an hour that is there twice as well; `exercises`
spells its keys with hyphens, the others with underscores. P002 never agreed to Polar's terms (`without_terms`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np

from ingest.live.providers import POLAR
from servers import people
from servers.people import Night, Person, Values
from servers.service import Answer, Json, RefusedError, Service, as_json, main
from servers.visit import NOW

CODES = {"AWAKE": 0, "REM": 1, "LIGHT": 3, "DEEP": 4}
KEPT_DAYS, MOST_DAYS = 28, 28
HEART_STEP_S = 60


def local(person: Person, t_s: int) -> datetime:
    """The person's clock at an instant."""
    return datetime.fromtimestamp(t_s, timezone(timedelta(seconds=people.offset_s(person.zone, t_s // 3600))))


def hearts(person: Person, day: date) -> Values:
    """Heart rates of a day, about one a minute."""
    found = people.heart(person, day)
    _, first = np.unique(found.t_s // HEART_STEP_S, return_index=True)
    return Values(found.t_s[first], found.value[first])


def hypnogram(person: Person, night: Night) -> dict[str, int]:
    """Changes of stage by the minute of the clock."""
    return {f"{local(person, start):%H:%M}": CODES[name] for name, start, _ in night.stages}


def five_minutes(person: Person, day: date) -> dict[str, int]:
    """RMSSD of the five minutes of a night, by the minute of the clock; a minute that is there twice stands once."""
    found = people.variability(person, day)
    pairs = zip(found.t_s.tolist(), found.value.tolist(), strict=True)
    return {f"{local(person, t):%H:%M}": round(value) for t, value in pairs}


def recharge(person: Person, day: date) -> Json:
    """What Polar says of a night's rest."""
    some = people.chance(person, day, "polar")
    return {
        "heart_rate_avg": 58,
        "beat_to_beat_avg": 1030,
        "heart_rate_variability_avg": int(some.integers(20, 90)),
        "breathing_rate_avg": people.breaths(person, day),
        "nightly_recharge_status": int(some.integers(1, 7)),
        "ans_charge": round(float(some.uniform(-9, 9)), 1),
        "ans_charge_status": int(some.integers(1, 6)),
    }


def sleep_score(person: Person, day: date) -> int:
    """Polar's score of a night."""
    return int(people.chance(person, day, "polar sleep").integers(40, 100))


def night_of(person: Person, day: date) -> Json | None:
    """The sleep of a date."""
    night = people.night(person, day)
    if night is None:
        return None
    return {
        "polar_user": "https://www.polaraccesslink/v3/users/1",
        "date": str(day),
        "sleep_start_time": local(person, night.start_s).isoformat(),
        "sleep_end_time": local(person, night.end_s).isoformat(),
        "device_id": "1111AAAA",
        "sleep_score": sleep_score(person, day),
        "hypnogram": hypnogram(person, night),
        "heart_rate_samples": {"00:41": 76},
    }


def recharge_of(person: Person, day: date) -> Json | None:
    """The Nightly Recharge of a date."""
    if people.night(person, day) is None:
        return None
    return {"date": str(day), **recharge(person, day), "hrv_samples": five_minutes(person, day)}


def heart_of(person: Person, day: date) -> Json:
    """The heart rates of a date."""
    found = hearts(person, day)
    samples = [
        {"heart_rate": int(v), "sample_time": f"{local(person, t):%H:%M:%S}"}
        for t, v in zip(found.t_s.tolist(), found.value.tolist(), strict=True)
    ]
    return {
        "polar_user": "https://www.polaraccesslink/v3/users/1",
        "date": str(day),
        "heart_rate_samples": samples,
    }


def steps_of(person: Person, day: date) -> Json:
    """The steps of a date, minute by minute."""
    found = people.steps(person, day)
    samples = [
        {"steps": int(v), "timestamp": f"{local(person, t):%Y-%m-%dT%H:%M:%S}"}
        for t, v in zip(found.t_s.tolist(), found.value.tolist(), strict=True)
    ]
    steps = {"interval_ms": 60_000, "total_steps": int(found.value.sum()), "samples": samples}
    return {"date": str(day), "steps": steps}


def exercise_of(person: Person, day: date) -> Json | None:
    """The training session of a date."""
    run = people.workout(person, day)
    if run is None:
        return None
    seconds = run[1] - run[0]
    return {
        "id": f"2AC312F-{day}",
        "upload-time": "2026-10-29T04:00:00Z",
        "start-time": f"{local(person, run[0]):%Y-%m-%dT%H:%M:%S}",
        "start-time-utc-offset": people.offset_s(person.zone, run[0] // 3600) // 60,
        "duration": f"PT{seconds // 60}M{seconds % 60}S",
        "sport": "RUNNING",
        "detailed-sport-info": "TRAIL_RUNNING",
        "heart-rate": {"average": 143, "maximum": 171},
    }


LISTS = {
    "/v3/users/sleep": ("nights", night_of),
    "/v3/users/nightly-recharge": ("recharges", recharge_of),
    "/v3/users/continuous-heart-rate": ("heart_rates", heart_of),
    "/v3/users/activities/samples": ("", steps_of),
}


class Polar(Service):
    """The service."""

    provider = POLAR
    without_terms: tuple[str, ...] = ()

    def wrap(self, tokens: Json) -> Json:
        return {**tokens, "x_user_id": 10_579, "expires_in": 157_679_999}

    def answer(self, person: Person, method: str, path: str, query: dict[str, str]) -> Answer:
        if person.name in self.without_terms:
            raise RefusedError(403)
        if (method, path) == ("POST", "/v3/users"):
            return as_json({"polar-user-id": 10_579, "member-id": "x"})
        if path == "/v3/exercises":
            found = [one for day in people.days() if (one := exercise_of(person, day)) is not None]
            return as_json(found)
        if method != "GET" or path not in LISTS:
            raise RefusedError(404)
        first, last = date.fromisoformat(query["from"]), date.fromisoformat(query["to"])
        if (last - first).days >= MOST_DAYS:
            raise RefusedError(400)
        first = max(first, (NOW - timedelta(days=KEPT_DAYS - 1)).astimezone(UTC).date())
        key, each = LISTS[path]
        days = [day for day in people.days() if first <= day <= last and str(day) not in self.hidden_days]
        found = [one for day in days if (one := each(person, day)) is not None]
        if not found:
            return Answer(204, b"")
        return as_json({key: found} if key else found)


if __name__ == "__main__":
    main(Polar)
