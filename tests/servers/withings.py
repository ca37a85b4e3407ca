"""A fake of Withings: documented shapes; what is assumed is marked.

Every answer is 200 and says in its body what is wrong: 401, 601, 503 for a question that is wrong, 522 for a fault.
Questions are forms. Minutes of a day and states of a night are given for 24 hours from the start of what is asked.
P001 has a bed sensor beside the watch. Lists hold four entries a page (assumed; the size is not documented).
"""

from __future__ import annotations

import json
import zlib
from datetime import UTC, date, datetime, timedelta

import numpy as np

from ingest.live.providers import WITHINGS
from servers import people
from servers.people import Night, Person, Values
from servers.service import WAIT_S, Answer, Json, RefusedError, Service, as_json, main

STATE = {"AWAKE": 0, "LIGHT": 1, "DEEP": 2, "REM": 3}
PAGE = 4
HEART_STEP_S = 600
DAY_S, DAY = 86_400, timedelta(days=1)
SAID = {401: 401, 403: 2554, 429: 601, 400: 503, 500: 525, 503: 522, 404: 2556}
WATCH, BED = {"model": 16, "model_id": 93}, {"model": 32, "model_id": 63}
PERSON_WITH_BED = "P001"


def hearts(person: Person, day: date) -> Values:
    """Heart rates of a day, one in ten minutes."""
    found = people.heart(person, day)
    _, first = np.unique(found.t_s // HEART_STEP_S, return_index=True)
    return Values(found.t_s[first], found.value[first])


def bed_hearts(person: Person, day: date, night: Night) -> dict[int, int]:
    """Heart rates of a night that the bed sensor took."""
    some = people.chance(person, day, "bed")
    return {int(t): int(some.integers(45, 66)) for t in range(night.start_s + 60, night.end_s, 600)}


def watch_hearts(person: Person, day: date, night: Night) -> dict[int, int]:
    """Heart rates of a night that the watch took, beside those of the day."""
    some = people.chance(person, day, "watch night")
    return {int(t): int(some.integers(45, 66)) for t in range(night.start_s + 30, night.end_s, 900)}


def score(person: Person, day: date) -> int:
    """Withings' score of a night."""
    return int(people.chance(person, day, "withings").integers(40, 100))


def number(person: Person, day: date, what: str) -> int:
    """The number of something of a day."""
    return zlib.crc32(f"{person.name} {day} {what}".encode())


def sleeps(person: Person, day: date) -> list[Json]:
    """The sleeps of a day: the watch's, and the bed sensor's ten minutes longer."""
    night = people.night(person, day)
    if night is None:
        return []
    found = []
    kinds = [("watch", WATCH, 0)] + [("bed", BED, 600)] * (person.name == PERSON_WITH_BED)
    for name, model, more_s in kinds:
        seconds = {stage: night.minutes(stage) * 60 for stage in STATE}
        data = {
            "total_sleep_time": seconds["LIGHT"] + seconds["DEEP"] + seconds["REM"],
            "total_timeinbed": night.end_s - night.start_s + more_s,
            "lightsleepduration": seconds["LIGHT"],
            "deepsleepduration": seconds["DEEP"],
            "remsleepduration": seconds["REM"],
            "wakeupduration": seconds["AWAKE"],
            "rr_average": round(people.breaths(person, day) or 0),
            "sleep_score": score(person, day),
        }
        head = {
            "id": number(person, day, name),
            "timezone": person.zone,
            **model,
            "date": str(day),
            "data": data,
        }
        edges = {"startdate": night.start_s, "enddate": night.end_s + more_s, "modified": night.end_s + 900}
        found.append({**head, **edges})
    return found


def states(person: Person, day: date) -> list[Json]:
    """The states of a night, of all devices, each with the heart rates that fall into it."""
    night = people.night(person, day)
    found: list[Json] = []
    if night is None:
        return found
    kinds = [(WATCH, watch_hearts)] + [(BED, bed_hearts)] * (person.name == PERSON_WITH_BED)
    for model, rates_of in kinds:
        rates = rates_of(person, day, night)
        for name, start, end in night.stages:
            hr = {str(t): bpm for t, bpm in rates.items() if start <= t < end}
            found.append({"startdate": start, "enddate": end, "state": STATE[name], **model, "hr": hr})
    return found


def activity(person: Person, day: date) -> list[Json]:
    """The totals of a day."""
    steps = int(people.steps(person, day).value.sum()) if day in people.days() else 0
    return [{"date": str(day), "timezone": person.zone, "steps": steps, "brand": 1, "is_tracker": True}]


def workouts(person: Person, day: date) -> list[Json]:
    """The workouts of a day."""
    run = people.workout(person, day)
    if run is None:
        return []
    head = {"id": number(person, day, "run"), "category": 2, "timezone": person.zone, "date": str(day)}
    return [
        {**head, "startdate": run[0], "enddate": run[1], "modified": run[1] + 60, "data": {"hr_average": 133}}
    ]


def minutes(person: Person, day: date) -> dict[str, Json]:
    """Heart rates, steps and SpO2 of a day, under their instants."""
    found: dict[int, Json] = {}
    for t, v in zip(*vars(hearts(person, day)).values(), strict=True):
        found.setdefault(int(t), {})["heart_rate"] = int(v)
    for t, v in zip(*vars(people.steps(person, day)).values(), strict=True):
        found.setdefault(int(t), {}).update(steps=int(v), duration=60)
    oxygen = people.oxygen(person, day)
    for t, v in zip(oxygen.t_s[::30], oxygen.value[::30], strict=True):
        found.setdefault(int(t), {})["spo2_auto"] = round(v)
    return {
        str(t): {"deviceid": None, "model": "ScanWatch 2", "model_id": 93, **found[t]} for t in sorted(found)
    }


LISTS = {
    ("/v2/measure", "getactivity"): ("activities", activity),
    ("/v2/sleep", "getsummary"): ("series", sleeps),
    ("/v2/measure", "getworkouts"): ("series", workouts),
}


class Withings(Service):
    """The service."""

    provider = WITHINGS
    without_consent: tuple[str, ...] = ()

    def refuse(self, refused: RefusedError) -> Answer:
        headers = {"Retry-After": str(WAIT_S)} if refused.code == 429 else {}
        found = {"status": SAID[refused.code], "body": {}, "error": refused.reason}
        return Answer(200, json.dumps(found).encode(), headers)

    def days(self, query: dict[str, str]) -> list[date]:
        """Days that are asked for, and synced; with the eve of the first, on which a night began."""
        first, last = (date.fromisoformat(query[name]) for name in ("startdateymd", "enddateymd"))
        every = people.days() if query["action"] != "getactivity" else [people.FIRST - DAY, *people.days()]
        return [day for day in every if first <= day <= last and str(day) not in self.hidden_days]

    def answer(self, person: Person, method: str, path: str, query: dict[str, str]) -> Answer:
        if method != "POST" or "action" not in query:
            raise RefusedError(400, "Invalid Params")
        if person.name in self.without_consent:
            raise RefusedError(403)
        kind = (path, query["action"])
        if kind in LISTS:
            key, each = LISTS[kind]
            found = [one for day in self.days(query) for one in each(person, day)]
            at = int(query.get("offset", 0))
            more = at + PAGE < len(found)
            return as_json(
                {"status": 0, "body": {key: found[at : at + PAGE], "more": more, "offset": at + PAGE}}
            )
        start = int(query["startdate"])
        end = min(int(query["enddate"]), start + DAY_S)
        around = [
            d
            for d in people.days()
            if abs(datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp() - start) < 3 * DAY_S
        ]
        series: object
        if kind == ("/v2/measure", "getintradayactivity"):
            found = {t: one for day in around for t, one in minutes(person, day).items()}
            inside = {t: one for t, one in found.items() if start <= int(t) <= end}
            # An empty object is an empty list in the vendor's language.
            series = inside or []
        elif kind == ("/v2/sleep", "get"):
            series = [
                one
                for day in around
                for one in states(person, day)
                if one["startdate"] < end and one["enddate"] > start
            ]
        else:
            raise RefusedError(404)
        return as_json({"status": 0, "body": {"series": series}})

    def wrap(self, tokens: Json) -> Json:
        return {**tokens, "userid": "363"}

    def token(self, form: dict[str, str]) -> Answer:
        found = super().token(form)
        if form.get("action") != "requesttoken":
            return found
        if found.code != 200:
            return as_json({"status": 503, "body": {}, "error": "Invalid Params: invalid refresh_token"})
        return as_json({"status": 0, "body": json.loads(found.body)})


if __name__ == "__main__":
    main(Withings)
