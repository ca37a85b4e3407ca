"""A fake of the Fitbit Web API as it was, versions 1 and 1.2, for tests; `--gone` is how it is now.

`python -m servers.fitbit_web` prints where it listens. Accounts are the simulated people, the same as those of
`servers.google_health`; refresh tokens (`rt-P001` …) serve once. The fourth request of each account is refused with
429, the sixth with 500 (`--no-faults`). `--bare-429` leaves out Retry-After, `--html` answers refusals in HTML.

Assumed, as nobody has said: the body of a 410; that minutes of an hour that clocks repeat are put together.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from servers import people
from servers.fitbit_shapes import (
    clocks,
    heart_day,
    intraday,
    is_known,
    log_stamp,
    night_value,
    run_of,
    sleep_log,
    steps_total,
    zone_minutes,
)
from servers.google_health import CLIENT
from servers.people import PEOPLE, Person
from servers.web import Handler, listen, serve

Json = dict[str, Any]
PERIODS = {"1d": 1, "7d": 7, "30d": 30, "1w": 7, "1m": 30, "3m": 90, "6m": 180, "1y": 365}
FAULTS = {4: 429, 6: 500}
KINDS = {400: "validation", 401: "invalid_token", 403: "insufficient_scope", 404: "not_found", 410: "gone"}
SERIES = {"distance": 0.00075, "calories": 0.04, "floors": 0.0, "minutesSedentary": 0.1}
"""Other series are made of the steps; nothing compares them."""
NOW = datetime(2026, 10, 29, 5, tzinfo=UTC)
SUBJECT = r"/date/([^/]+)"


class RefusedError(Exception):
    """A request that the service refuses."""

    def __init__(self, code: int, words: str, kind: str = "", **headers: str) -> None:
        super().__init__(words)
        self.code, self.headers = code, {name.replace("_", "-"): value for name, value in headers.items()}
        self.body = {
            "errors": [{"errorType": kind or KINDS.get(code, "system"), "message": words}],
            "success": False,
        }


@dataclass(frozen=True)
class Options:
    """How the server behaves."""

    ttl_s: int = 28_800
    faults: bool = True
    gone: bool = False
    html: bool = False
    bare_429: bool = False
    per_hour: int = 150


# --- the service -------------------------------------------------------------------------------


@dataclass
class Service:
    """The service: its tokens, and what it answers."""

    options: Options
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew, with the accounts' first refresh tokens."""
        self.refresh_tokens = {f"rt-secret-{name}": name for name in PEOPLE}
        self.access_tokens: dict[str, tuple[str, float]] = {
            f"at-expired-{name}": (name, 0.0) for name in PEOPLE
        }
        self.counts = dict.fromkeys(PEOPLE, 0)
        self.log: list[Json] = []
        self.issued = 0

    def token(self, form: dict[str, str], header: str | None) -> Json:
        """New tokens for a refresh token, which serves once."""
        given = base64.b64decode((header or "").removeprefix("Basic ")).decode()
        if tuple(given.split(":", 1)) != CLIENT:
            raise RefusedError(401, "Invalid authorization header.", "invalid_client")
        name = self.refresh_tokens.pop(form.get("refresh_token", ""), None)
        if name is None:
            raise RefusedError(400, f"Refresh token invalid: {form.get('refresh_token')}.", "invalid_grant")
        self.issued += 1
        access, refresh = f"at-secret-{name}-{self.issued}", f"rt-secret-{name}-{self.issued}"
        self.access_tokens[access] = (name, time.time() + self.options.ttl_s)
        self.refresh_tokens[refresh] = name
        given_s = {"access_token": access, "refresh_token": refresh, "expires_in": self.options.ttl_s}
        return {**given_s, "token_type": "Bearer", "user_id": PEOPLE[name].fitbit_id}

    def who(self, header: str | None) -> str:
        """The account of a request's token."""
        token = (header or "").removeprefix("Bearer ")
        name, until = self.access_tokens.get(token, ("", 0.0))
        if not name:
            raise RefusedError(401, f"Access token invalid: {token}.")
        if until < time.time():
            raise RefusedError(401, f"Access token expired: {token}.", "expired_token")
        return name

    def count(self, name: str) -> None:
        """Count a request of an account, which may be one too many or meet a fault."""
        self.counts[name] += 1
        number = self.counts[name]
        fault = FAULTS.get(number) if self.options.faults else None
        if fault == 429 or number > self.options.per_hour:
            wait = {} if self.options.bare_429 else {"Retry_After": "1"}
            raise RefusedError(429, "Too Many Requests", **wait)
        if fault:
            raise RefusedError(fault, "Internal Server Error")

    def take(self, method: str, path: str, form: dict[str, str], header: str | None) -> Any:
        """Answer one request."""
        if self.options.gone:
            raise RefusedError(
                410, "The Fitbit Web API has been shut down. Migrate to the Google Health API."
            )
        if path == "/oauth2/token" and method == "POST":
            return self.token(form, header)
        found = re.fullmatch(r"/(1(?:\.\d)?)/user/([^/]+)/(.+)\.json", path)
        if found is None:
            raise RefusedError(404, "The API you are requesting could not be found.")
        name = self.who(header)
        person = PEOPLE[name]
        if found[2] not in ("-", person.fitbit_id):
            raise RefusedError(403, "This client may not access this user.", "insufficient_permissions")
        self.count(name)
        return answer(person, found[1], found[3])


def answer(person: Person, version: str, path: str) -> Any:
    """Answer a question for data."""
    for pattern, reply in ROUTES.items():
        found = re.fullmatch(pattern, path)
        if found is not None:
            return reply(person, version, *found.groups())
    raise RefusedError(404, "The API you are requesting could not be found.")


def read_day(text: str) -> date:
    """A date, which is padded."""
    if text == "today":
        return NOW.date()
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise RefusedError(400, f"Invalid date: {text}")
    return date.fromisoformat(text)


def read_days(first: str, last: str | None) -> Iterator[date]:
    """The days of a range, or of a period that ends with the day named."""
    start = end = read_day(first)
    if last in PERIODS:
        start = end - timedelta(days=PERIODS[last] - 1)
    elif last is not None:
        end = read_day(last)
    if end < start:
        raise RefusedError(400, "The end date must be after the start date.")
    while start <= end:
        yield start
        start += timedelta(days=1)


def give_profile(person: Person, _: str) -> Json:
    """Who the account is."""
    offset = people.offset_s(person.zone, int(NOW.timestamp()) // 3600)
    user = {"encodedId": person.fitbit_id, "timezone": person.zone, "offsetFromUTCMillis": 1000 * offset}
    about = {"age": 34, "dateOfBirth": "1992-01-01", "displayName": person.name, "memberSince": "2019-05-01"}
    return {"user": {**user, **about, "strideLengthWalking": 70.5}}


def give_devices(person: Person, _: str) -> list[Json]:
    """The account's watch."""
    battery, level = people.BATTERY
    device = {"battery": battery, "batteryLevel": level, "deviceVersion": person.device, "id": "1"}
    return [{**device, "lastSyncTime": log_stamp(person, people.synced_s(person)), "type": "TRACKER"}]


def give_intraday(
    person: Person,
    _: str,
    what: str,
    day: str,
    last: str | None,
    detail: str,
    low: str | None,
    high: str | None,
) -> Json:
    """Values of one day."""
    days = list(read_days(day, last))
    if len(days) > 1:
        raise RefusedError(400, "Intraday is given for one day.")
    values = {"heart": people.heart, "steps": people.steps}[what]
    rows = clocks(person, values(person, days[0])) if is_known(days[0]) else []
    found = intraday(rows, detail, low or "00:00", high or "23:59", add=what == "steps")
    listed = [heart_day(person, days[0]) if what == "heart" else step_day(person, days[0])]
    return {f"activities-{what}": listed, f"activities-{what}-intraday": found}


def step_day(person: Person, day: date) -> Json:
    """The steps of a day."""
    return {"dateTime": str(day), "value": str(steps_total(person, day))}


def give_heart(person: Person, _: str, first: str, last: str | None) -> Json:
    """Resting heart rates and zones of days."""
    return {"activities-heart": [heart_day(person, day) for day in read_days(first, last)]}


def give_zone_minutes(person: Person, _: str, first: str, last: str | None) -> Json:
    """Active zone minutes of days."""
    found = [zone_minutes(person, day) for day in read_days(first, last)]
    return {"activities-active-zone-minutes": [one for one in found if one]}


def give_series(person: Person, _: str, what: str, first: str, last: str) -> Json:
    """A time series of activity."""
    days = list(read_days(first, last))
    if what == "steps":
        return {"activities-steps": [step_day(person, day) for day in days]}
    if what not in SERIES:
        raise RefusedError(404, "The API you are requesting could not be found.")
    values = [str(SERIES[what] * steps_total(person, day)) for day in days]
    return {
        f"activities-{what}": [{"dateTime": str(d), "value": v} for d, v in zip(days, values, strict=True)]
    }


def give_day(person: Person, _: str, day: str) -> Json:
    """The summary of a day."""
    when = read_day(day)
    run = run_of(person, when)
    summary: Json = {"caloriesOut": 2000, "distances": [{"activity": "total", "distance": 5.1}]}
    summary["heartRateZones"] = heart_day(person, when)["value"]["heartRateZones"]
    summary |= {"restingHeartRate": people.resting_bpm(person, when), "sedentaryMinutes": 700}
    summary["steps"] = steps_total(person, when)
    return {"activities": [run] if run else [], "goals": {"steps": 10_000}, "summary": summary}


def give_sleep(person: Person, version: str, first: str, last: str | None) -> Json:
    """Sleeps that ended on some days, the latest first."""
    if "sleep" not in person.scopes:
        raise RefusedError(403, "This application does not have permission to access sleep data.")
    if last is not None and version != "1.2":
        raise RefusedError(404, "The API you are requesting could not be found.")
    days = [day for day in read_days(first, last) if is_known(day)]
    logs = [log for day in reversed(days) if (log := sleep_log(person, day, version))]
    if last is not None:
        return {"sleep": logs}
    summary: Json = {"totalMinutesAsleep": sum(log["minutesAsleep"] for log in logs)}
    summary |= {"totalSleepRecords": len(logs), "totalTimeInBed": sum(log["timeInBed"] for log in logs)}
    if version == "1.2" and logs:
        summary["stages"] = {level: one["minutes"] for level, one in logs[0]["levels"]["summary"].items()}
    return {"sleep": logs, "summary": summary}


def give_nights(person: Person, _: str, kind: str, first: str, last: str | None, details: str | None) -> Any:
    """What was measured in nights."""
    days = read_days(first, last)
    found = [one for day in days if (one := night_value(person, day, kind, details=details is not None))]
    if kind == "spo2":
        return found if last is not None else (found[0] if found else {})
    return {{"hrv": "hrv", "br": "br", "temp/skin": "tempSkin"}[kind]: found}


def give_body(_: Person, __: str, what: str, *___: str | None) -> Json:
    """No weight was ever logged."""
    return {what: []}


LAST = r"/((?!all$)[^/]+)"
ROUTES = {
    r"profile": give_profile,
    r"devices": give_devices,
    rf"activities/(heart|steps){SUBJECT}(?:{LAST})?/(1sec|1min|5min|15min)(?:/time/([^/]+)/([^/]+))?": give_intraday,
    rf"activities/heart{SUBJECT}{LAST}": give_heart,
    rf"activities/active-zone-minutes{SUBJECT}{LAST}": give_zone_minutes,
    rf"activities/(?:tracker/)?(\w+){SUBJECT}{LAST}": give_series,
    rf"activities{SUBJECT}": give_day,
    rf"sleep{SUBJECT}(?:{LAST})?": give_sleep,
    rf"(hrv|spo2|br|temp/skin){SUBJECT}(?:{LAST})?(/all)?": give_nights,
    rf"body/log/(weight|fat){SUBJECT}(?:{LAST})?": give_body,
}


class Requests(Handler):
    """Requests for the Fitbit Web API."""

    service: Service

    def take(self, method: str) -> None:
        """Answer one request, and note it."""
        url, service = urlsplit(self.path), self.service
        raw = self.body().decode()
        if url.path.startswith("/__test/"):
            self.send(200, json.dumps(self.test(url.path.rpartition("/")[2])).encode())
            return
        headers: dict[str, str] = {}
        with service.lock:
            try:
                code, found = (
                    200,
                    service.take(method, url.path, dict(parse_qsl(raw)), self.headers.get("Authorization")),
                )
            except RefusedError as refused:
                code, headers, found = refused.code, refused.headers, refused.body
            service.log.append({"method": method, "path": url.path, "status": code})
        if code != 200 and service.options.html:
            self.send(code, b"<html><title>No</title></html>", {**headers, "Content-Type": "text/html"})
        else:
            self.send(code, json.dumps(found).encode(), headers)

    def test(self, what: str) -> Any:
        """Answer a test: the log, or begin anew, or let all tokens expire."""
        with self.service.lock:
            if what == "reset":
                self.service.reset()
            elif what == "expire":
                known = self.service.access_tokens
                self.service.access_tokens = {token: (name, 0.0) for token, (name, _) in known.items()}
            return self.service.log if what == "log" else {}


def main() -> None:
    """Serve until ended."""
    words = argparse.ArgumentParser()
    for name, default in (("port", 0), ("ttl", 28_800), ("per-hour", 150)):
        words.add_argument(f"--{name}", type=int, default=default)
    for name in ("no-faults", "gone", "html", "bare-429"):
        words.add_argument(f"--{name}", action="store_true")
    said = words.parse_args()
    options = Options(said.ttl, not said.no_faults, said.gone, said.html, said.bare_429, said.per_hour)
    serve(listen(Requests, Service(options), said.port))


if __name__ == "__main__":
    main()
