"""A fake of the Oura API v2: documented shapes; what is assumed is marked.

Assumed: a question outside what was granted is refused with 401 and names the scope; pages hold three documents or a
thousand heart rates; `sleep` and `daily_activity` leave out the end date; the first page of daily_spo2 comes empty.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np

from ingest.live.providers import OURA
from servers import people
from servers.people import Night, Person, Values
from servers.service import Answer, Json, RefusedError, Service, as_json, main

BASE = "/v2/usercollection/"
SCOPE = {
    "heartrate": "heartrate",
    "workout": "workout",
    "daily_spo2": "spo2",
    "daily_stress": "stress",
    "daily_resilience": "stress",
    "personal_info": "personal",
}
PAGE, HEART_PAGE = 3, 1000
PHASE = {"DEEP": "1", "LIGHT": "2", "REM": "3", "AWAKE": "4"}
END_LEFT_OUT = ("sleep", "daily_activity")
FIVE_MIN_S = 300


def iso(person: Person, t_s: int) -> str:
    """An instant with the offset that held for a person."""
    offset = people.offset_s(person.zone, t_s // 3600)
    return datetime.fromtimestamp(t_s, timezone(timedelta(seconds=offset))).isoformat()


def hearts(person: Person, day: date) -> Values:
    """Heart rates of a day, one in five minutes."""
    found = people.heart(person, day)
    _, first = np.unique(found.t_s // FIVE_MIN_S, return_index=True)
    return Values(found.t_s[first], found.value[first])


def series(person: Person, day: date, night: Night) -> tuple[list[int | None], list[float | None]]:
    """Heart rates and RMSSD of the five minutes of a night, some of which have none."""
    some = people.chance(person, day, "oura")
    count = (night.end_s - night.start_s) // FIVE_MIN_S
    bpm = [None if some.random() < 0.1 else int(some.integers(45, 70)) for _ in range(count)]
    rmssd = [None if some.random() < 0.1 else int(some.integers(20, 90)) for _ in range(count)]
    return bpm, [None if value is None else float(value) for value in rmssd]


def phases(night: Night) -> str:
    """The stage at the start of each five minutes of a night."""
    return "".join(PHASE[night.stage_at(t)] for t in range(night.start_s, night.end_s, FIVE_MIN_S))


def score(person: Person, day: date, what: str) -> int:
    """A score of Oura's."""
    return int(people.chance(person, day, f"oura {what}").integers(40, 100))


def steps_of(person: Person, day: date) -> int:
    """The steps of a day."""
    return int(people.steps(person, day).value.sum())


def documents(person: Person, kind: str, day: date) -> list[Json]:
    """The documents of a day of one kind."""
    night = people.night(person, day)
    head = {"id": f"{kind}-{person.name}-{day}", "day": str(day)}
    if kind == "daily_activity":
        found = {"active_calories": 300, "score": score(person, day, kind), "steps": steps_of(person, day)}
        return [{**head, **found}]
    if kind == "workout":
        run = people.workout(person, day)
        edges = () if run is None else [iso(person, t) for t in run]
        times = dict(zip(("start_datetime", "end_datetime"), edges, strict=False))
        return [{**head, "activity": "running", **times, "source": "confirmed"}] if times else []
    return [] if night is None else [{**head, **of_night(person, kind, day, night)}]


def of_night(person: Person, kind: str, day: date, night: Night) -> Json:
    """What a document of a night says besides its number and day."""
    if kind == "sleep":
        bpm, rmssd = series(person, day, night)
        start = iso(person, night.start_s)
        times: Json = {"interval": 300.0, "timestamp": start}
        edges: Json = {"bedtime_end": iso(person, night.end_s), "bedtime_start": start}
        values: Json = {
            "average_breath": people.breaths(person, day),
            "average_hrv": 41,
            "type": "long_sleep",
        }
        lists: Json = {"heart_rate": {**times, "items": bpm}, "hrv": {**times, "items": rmssd}}
        return {**edges, **values, **lists, "sleep_phase_5_min": phases(night), "period": 0}
    spo2 = round(float(people.oxygen(person, day).value.mean()), 3)
    scored: Json = {
        "contributors": {},
        "score": score(person, day, kind),
        "timestamp": f"{day}T00:00:00+00:00",
    }
    found: dict[str, Json] = {
        "daily_spo2": {"spo2_percentage": {"average": spo2}, "breathing_disturbance_index": 2},
        "daily_stress": {"stress_high": 3600, "recovery_high": 1800, "day_summary": "normal"},
        "daily_resilience": {"contributors": {}, "level": "solid"},
        "daily_readiness": {**scored, "temperature_deviation": -0.2},
        "daily_sleep": scored,
    }
    return found[kind]


class Oura(Service):
    """The service."""

    provider = OURA

    def scopes(self, person: Person) -> tuple[str, ...]:
        return tuple(s for s in OURA.scopes if (person.name, s) != ("P002", "spo2"))

    def answer(self, person: Person, method: str, path: str, query: dict[str, str]) -> Answer:
        kind = path.removeprefix(BASE)
        if method != "GET" or path == kind:
            raise RefusedError(404)
        if SCOPE.get(kind, "daily") not in self.scopes(person):
            raise RefusedError(401, f"Missing scope: {SCOPE.get(kind, 'daily')}")
        if kind == "personal_info":
            return as_json({"id": f"oura-{person.name}", "age": 40, "email": "someone@example.org"})
        found = self.heart(person, query) if kind == "heartrate" else self.list(person, kind, query)
        size = HEART_PAGE if kind == "heartrate" else PAGE
        at = int(query.get("next_token", "-1" if kind == "daily_spo2" else "0"))
        after = 0 if at < 0 else at + size
        page = [] if at < 0 else found[at:after]
        return as_json({"data": page, "next_token": str(after) if after < len(found) else None})

    def list(self, person: Person, kind: str, query: dict[str, str]) -> list[Json]:
        """Documents of some dates."""
        first, last = date.fromisoformat(query["start_date"]), date.fromisoformat(query["end_date"])
        last -= timedelta(days=kind in END_LEFT_OUT)
        return [one for day in people.days() if first <= day <= last for one in documents(person, kind, day)]

    def heart(self, person: Person, query: dict[str, str]) -> list[Json]:
        """Heart rates between two instants."""
        start, end = (datetime.fromisoformat(query[f"{name}_datetime"]) for name in ("start", "end"))
        if end - start > timedelta(days=30):
            raise RefusedError(400, "Start and end may be 30 days apart at most.")
        found = [
            (t, v) for day in people.days() for t, v in zip(*vars(hearts(person, day)).values(), strict=True)
        ]
        return [
            {"bpm": int(v), "source": "awake", "timestamp": datetime.fromtimestamp(int(t), UTC).isoformat()}
            for t, v in found
            if start.timestamp() <= t < end.timestamp()
        ]


if __name__ == "__main__":
    main(Oura)
