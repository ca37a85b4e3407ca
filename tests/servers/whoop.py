"""A fake of the WHOOP API v2: documented shapes, newest first; what is assumed is marked.

Assumed: a question outside what was granted is refused with 403; pages hold four records, whatever is asked (up to
25); the first page of cycles comes empty. P002 has a nap, whose values are no night's; the last night of P001 has no
scores yet. A recovery's `created_at` is five minutes after the wake.
"""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

from ingest.live.providers import WHOOP
from servers import people
from servers.people import Night, Person
from servers.service import Answer, Json, RefusedError, Service, as_json, main

BASE = "/developer"
SCOPE = {
    "/v2/activity/sleep": "read:sleep",
    "/v2/recovery": "read:recovery",
    "/v2/cycle": "read:cycles",
    "/v2/activity/workout": "read:workout",
    "/v2/user/profile/basic": "read:profile",
}
PAGE, MOST = 4, 25
MS = 1000


def iso(t_s: float) -> str:
    """An instant of UTC, to the millisecond."""
    return datetime.fromtimestamp(t_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def zone(person: Person, t_s: int) -> str:
    """The offset that held, as WHOOP writes it."""
    minutes = people.offset_s(person.zone, t_s // 3600) // 60
    return (
        "Z"
        if minutes == 0
        else f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    )


def number(person: Person, day: date, what: str) -> str:
    """WHOOP's identifier of something of a day."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{person.name} {day} {what}"))


def is_pending(person: Person, day: date) -> bool:
    """Whether WHOOP has yet to score a night."""
    return person.name == "P001" and day == people.days()[-1]


def nap(person: Person, day: date) -> tuple[int, int] | None:
    """A nap, in the afternoon of the third day of P002."""
    start = people.local_s(person, day, 14 * 60)
    return (start, start + 40 * 60) if (person.name, day) == ("P002", people.days()[2]) else None


def values(person: Person, day: date) -> dict[str, float]:
    """What WHOOP says of a night."""
    some = people.chance(person, day, "whoop")
    return {
        "hrv_rmssd_milli": round(float(some.normal(50, 8)), 6),
        "resting_heart_rate": float(people.resting_bpm(person, day)),
        "spo2_percentage": round(float(some.normal(96, 0.5)), 3),
        "skin_temp_celsius": round(float(some.normal(33.5, 0.3)), 3),
        "recovery_score": float(some.integers(10, 99)),
        "user_calibrating": False,
    }


def strain(person: Person, day: date) -> float:
    """The strain of a day."""
    return round(float(people.chance(person, day, "strain").uniform(3, 19)), 6)


def stages_ms(night: Night) -> dict[str, int]:
    """Milliseconds of a night by stage."""
    total = {
        name: sum(end - start for stage, start, end in night.stages if stage == name) * MS
        for name in ("AWAKE", "LIGHT", "DEEP", "REM")
    }
    return {**total, "IN_BED": (night.end_s - night.start_s) * MS}


def record(person: Person, start: int, end: int | None, changed: int, state: str = "SCORED") -> Json:
    """What all records have."""
    head: Json = {
        "user_id": 10129,
        "created_at": iso(changed),
        "updated_at": iso(changed),
        "score_state": state,
    }
    return {
        **head,
        "start": iso(start),
        "end": iso(end) if end else None,
        "timezone_offset": zone(person, start),
    }


def sleeps(person: Person, day: date) -> list[Json]:
    """The sleeps that end on a day."""
    found: list[Json] = []
    night, short = people.night(person, day), nap(person, day)
    if night is not None:
        state = "PENDING_SCORE" if is_pending(person, day) else "SCORED"
        one = record(person, night.start_s, night.end_s, night.end_s + 300, state)
        ms = stages_ms(night)
        score = {
            "stage_summary": {
                "total_in_bed_time_milli": ms["IN_BED"],
                "total_awake_time_milli": ms["AWAKE"],
                "total_light_sleep_time_milli": ms["LIGHT"],
                "total_slow_wave_sleep_time_milli": ms["DEEP"],
                "total_rem_sleep_time_milli": ms["REM"],
            },
            "sleep_needed": {
                "baseline_milli": 27_000_000,
                "need_from_sleep_debt_milli": 1_800_000,
                "need_from_recent_strain_milli": 600_000,
                "need_from_recent_nap_milli": -300_000,
            },
            "respiratory_rate": people.breaths(person, day),
            "sleep_performance_percentage": 91.0,
            "sleep_consistency_percentage": 80.0,
            "sleep_efficiency_percentage": 93.5,
        }
        scored = {"score": score} if state == "SCORED" else {}
        found.append({"id": number(person, day, "sleep"), "nap": False, **one, **scored})
    if short is not None:
        stages = {"total_light_sleep_time_milli": 30 * 60 * MS, "total_slow_wave_sleep_time_milli": 0}
        rest = {"total_rem_sleep_time_milli": 0, "total_in_bed_time_milli": 40 * 60 * MS}
        score = {
            "stage_summary": {**stages, **rest, "total_awake_time_milli": 10 * 60 * MS},
            "respiratory_rate": 9.0,
        }
        head = {"id": number(person, day, "nap"), "nap": True}
        found.append({**head, **record(person, *short, short[1] + 300), "score": score})
    return found


def recoveries(person: Person, day: date) -> list[Json]:
    """The recovery of a day."""
    night = people.night(person, day)
    if night is None:
        return []
    whole = record(person, night.start_s, night.end_s, night.end_s + 300)
    one = {key: whole[key] for key in ("user_id", "created_at", "updated_at")}
    one |= {"cycle_id": 93_845, "sleep_id": number(person, day, "sleep")}
    if is_pending(person, day):
        return [{**one, "score_state": "PENDING_SCORE"}]
    return [{**one, "score_state": "SCORED", "score": values(person, day)}]


def cycles(person: Person, day: date) -> list[Json]:
    """The cycle that begins with the sleep of a day; the last one is still running."""
    night = people.night(person, day)
    if night is None:
        return []
    following = people.night(person, day + timedelta(days=1))
    last = day == people.days()[-1]
    end = None if last else night.start_s + 86_400 if following is None else following.start_s
    one = record(person, night.start_s, end, night.end_s)
    return [{"id": 93_845, **one, "score": {"strain": strain(person, day), "kilojoule": 8000.0}}]


def workouts(person: Person, day: date) -> list[Json]:
    """The workouts of a day."""
    run = people.workout(person, day)
    if run is None:
        return []
    score = {"strain": 8.2, "average_heart_rate": 123, "max_heart_rate": 160}
    head = {"id": number(person, day, "run"), "sport_name": "running"}
    return [{**head, **record(person, *run, run[1] + 60), "score": score}]


LISTS = {
    "/v2/activity/sleep": sleeps,
    "/v2/recovery": recoveries,
    "/v2/cycle": cycles,
    "/v2/activity/workout": workouts,
}


class Whoop(Service):
    """The service."""

    provider = WHOOP

    def scopes(self, person: Person) -> tuple[str, ...]:
        return tuple(s for s in WHOOP.scopes if (person.name, s) != ("P002", "read:workout"))

    def answer(self, person: Person, method: str, path: str, query: dict[str, str]) -> Answer:
        kind = path.removeprefix(BASE)
        if SCOPE.get(kind, "") not in self.scopes(person):
            raise RefusedError(403 if kind in SCOPE else 404)
        if kind == "/v2/user/profile/basic":
            return as_json({"user_id": 10129, "email": "someone@example.org"})
        if int(query["limit"]) > MOST:
            raise RefusedError(400, "limit must be 25 at most")
        start, end = (datetime.fromisoformat(query[name]) for name in ("start", "end"))
        found = [one for day in reversed(people.days()) for one in LISTS[kind](person, day)]
        when = "created_at" if kind == "/v2/recovery" else "start"
        found = [one for one in found if start <= datetime.fromisoformat(one[when]) < end]
        at = int(query.get("nextToken", "-1" if kind == "/v2/cycle" else "0"))
        after = 0 if at < 0 else at + min(PAGE, int(query["limit"]))
        page = [] if at < 0 else found[at:after]
        return as_json({"records": page, "next_token": str(after) if after < len(found) else ""})


if __name__ == "__main__":
    main(Whoop)
