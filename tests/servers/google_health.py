"""A fake of the Google Health API v4 and of Google's OAuth server, for tests: documented shapes, reported quirks.

`python -m servers.google_health` prints where it listens. Accounts are the simulated people (refresh token
`rt-P001` …), UNLINKED (no Google Health profile) and REVOKED (consent withdrawn). Of each account's data
requests the third is refused with 429, the fifth with 500, the seventh with 503 (`--no-faults`).

Quirks (`--no-quirks`): pages have 5000 points at most, whatever is asked; the resting heart rate's first
page is empty but has a token; steps are listed twice, by watch and phone, unless reconciled.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np

from servers import people
from servers.google_points import TYPES, Points, iso, list_points, truth, without_stages, write_hearts
from servers.people import PEOPLE, Ints, Person
from servers.web import Handler, listen, serve

Json = dict[str, Any]
CLIENT = ("test-client", "test-client-secret")
SCOPE = "https://www.googleapis.com/auth/googlehealth.{}.readonly"
FAULTS = {3: 429, 5: 500, 7: 503}
SMALL_PAGE, PAGE, MOST_PAGE = 25, 1440, 10_000
STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
STATUS |= {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}


class RefusedError(Exception):
    """A request that the service refuses: status, reason, and the headers that go with it."""

    def __init__(
        self, code: int, reason: str = "", words: str = "", status: str = "", **headers: str
    ) -> None:
        super().__init__(words)
        self.code, self.headers = code, {name.replace("_", "-"): value for name, value in headers.items()}
        error: Json = {"code": code, "message": words or reason, "status": status or STATUS[code]}
        if reason:
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            error["details"] = [{"@type": kind, "reason": reason, "domain": "googleapis.com"}]
        self.body = {"error": error}


@dataclass(frozen=True)
class Options:
    """How the server behaves."""

    ttl_s: int = 3600
    faults: bool = True
    quirks: bool = True
    rotate: bool = False
    """Refresh tokens serve once, as those of other providers do."""
    page_cap: int = 5000
    per_minute: int = 300


@dataclass
class Account:
    """The state of one account: how often it was asked, which faults are to come, what is not synced yet."""

    requests: int = 0
    faults: dict[int, int] = field(default_factory=dict)
    hidden_s: tuple[int, int] | None = None
    minute: list[float] = field(default_factory=list)


class Service:
    """The service: its tokens and accounts, and what it answers."""

    def __init__(self, options: Options) -> None:
        self.options, self.lock = options, threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Begin anew, with the accounts' first refresh tokens."""
        with self.lock:
            names = (*PEOPLE, "UNLINKED")
            self.refresh_tokens = {f"rt-{name}": name for name in names}
            self.access_tokens: dict[str, tuple[str, float]] = {f"ya29.expired-{n}": (n, 0.0) for n in names}
            self.codes: dict[str, Json] = {}
            self.issued = 0
            self.log: list[Json] = []
            self.pages: dict[tuple[object, ...], bytes] = {}
            faults = dict(FAULTS) if self.options.faults else {}
            self.accounts = {name: Account(faults=dict(faults)) for name in names}

    # --- OAuth ---------------------------------------------------------------------------------

    def issue(self, name: str) -> Json:
        """A new access token."""
        self.issued += 1
        token = f"ya29.secret-{name}-{self.issued}-{secrets.token_hex(8)}"
        self.access_tokens[token] = (name, time.time() + self.options.ttl_s)
        scopes = PEOPLE[name].scopes if name in PEOPLE else people.ALL_SCOPES
        granted = " ".join(SCOPE.format(scope) for scope in scopes)
        return {
            "access_token": token,
            "expires_in": self.options.ttl_s,
            "scope": granted,
            "token_type": "Bearer",
        }

    def token(self, form: dict[str, str]) -> tuple[int, Json]:
        """The token endpoint."""
        with self.lock:
            if (form.get("client_id"), form.get("client_secret")) != CLIENT:
                return 401, {"error": "invalid_client"}
            if form.get("grant_type") == "refresh_token":
                return self.refresh(form.get("refresh_token", ""))
            if form.get("grant_type") == "authorization_code":
                return self.exchange(form)
            return 400, {"error": "unsupported_grant_type"}

    def refresh(self, token: str) -> tuple[int, Json]:
        """A new access token for a refresh token; a new refresh token too where they serve once."""
        name = self.refresh_tokens.get(token)
        if name is None:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        found = self.issue(name)
        if self.options.rotate:
            del self.refresh_tokens[token]
            found["refresh_token"] = f"rt-{name}-{secrets.token_hex(8)}"
            self.refresh_tokens[found["refresh_token"]] = name
        return 200, found

    def exchange(self, form: dict[str, str]) -> tuple[int, Json]:
        """Tokens for a code that the consent gave, if whoever asks is who began."""
        code = self.codes.pop(form.get("code", ""), None)
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        if code is None or code["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant", "error_description": "Malformed auth code."}
        if code.get("code_challenge") not in (None, challenge):
            return 400, {"error": "invalid_grant", "error_description": "Invalid code verifier."}
        found = self.issue(code["login_hint"])
        if code.get("access_type") == "offline":
            self.refresh_tokens[f"rt-{code['login_hint']}"] = code["login_hint"]
            # What an app gets whose consent screen is still in testing.
            found |= {"refresh_token": f"rt-{code['login_hint']}", "refresh_token_expires_in": 604_799}
        return 200, found | {"scope": code.get("scope", "")}

    def consent(self, query: dict[str, str]) -> str:
        """Where the browser is sent after a consent, which is given at once."""
        code = secrets.token_urlsafe(12)
        self.codes[code] = {"login_hint": "P001", **query}
        given = {"code": code, "state": query.get("state", ""), "scope": query.get("scope", "")}
        return f"{query['redirect_uri']}?{urlencode(given)}"

    def revoke(self, token: str) -> None:
        """Withdraw a consent by any of its tokens."""
        with self.lock:
            name = self.refresh_tokens.get(token) or self.access_tokens.get(token, ("", 0.0))[0]
            self.refresh_tokens = {t: n for t, n in self.refresh_tokens.items() if n != name}
            self.access_tokens = {t: (n, e) for t, (n, e) in self.access_tokens.items() if n != name}

    # --- requests ------------------------------------------------------------------------------

    def who(self, header: str | None) -> str:
        """The account of a request's token."""
        name, until = self.access_tokens.get((header or "").removeprefix("Bearer "), ("", 0.0))
        if until < time.time():
            known = (header or "").startswith("Bearer ya29.")
            reason = "ACCESS_TOKEN_EXPIRED" if known else "CREDENTIALS_MISSING"
            words = "Request had invalid authentication credentials."
            raise RefusedError(401, reason, words, WWW_Authenticate='Bearer error="invalid_token"')
        return name

    def count(self, name: str) -> None:
        """Count a request of an account, which may be over its quota or meet a fault."""
        with self.lock:
            account, now = self.accounts[name], time.time()
            account.requests += 1
            account.minute = [*(t for t in account.minute if t > now - 60), now]
            fault = account.faults.pop(account.requests, 0)
        if fault == 429 or len(account.minute) > self.options.per_minute:
            words = "Quota exceeded for quota metric 'Queries per minute per user'."
            raise RefusedError(429, "RATE_LIMIT_EXCEEDED", words, Retry_After="1")
        if fault == 403:
            raise RefusedError(403, "RESOURCE_PERMISSION_DENIED")
        if fault == 401:
            raise RefusedError(401, "ACCESS_TOKEN_EXPIRED")
        if fault:
            raise RefusedError(fault, words="The service had a fault.")

    def answer(self, method: str, path: str, query: dict[str, str], body: Json, header: str | None) -> bytes:
        """Answer one request for data."""
        name = self.who(header)
        self.count(name)
        if name == "UNLINKED":
            words = "The account is not linked to Google Health."
            raise RefusedError(400, "ACCOUNT_NOT_LINKED", words, "FAILED_PRECONDITION")
        person = PEOPLE[name]
        found = re.fullmatch(r"/v4/users/(?:me|\d+)/(.+)", path)
        if found and found[1] in ("identity", "settings", "pairedDevices"):
            return json.dumps(self.describe(person, found[1])).encode()
        found = found and re.fullmatch(r"dataTypes/([^/]+)/dataPoints(:\w+)?", found[1])
        if not found:
            raise RefusedError(404)
        kind, verb = found[1], found[2] or ""
        if kind not in TYPES:
            raise RefusedError(400, "INVALID_PARENT_DATA_TYPE_COLLECTION")
        if TYPES[kind].scope not in person.scopes:
            raise RefusedError(403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        if method == "GET" and verb in ("", ":reconcile"):
            return self.list(person, kind, query, reconcile=verb == ":reconcile")
        if method == "POST" and verb == ":rollUp":
            return json.dumps(self.roll_up(person, kind, body)).encode()
        raise RefusedError(404)

    def describe(self, person: Person, what: str) -> Json:
        """Who the account is, or how it is set."""
        name = {"name": f"users/{person.health_id}/{what}"}
        if what == "identity":
            return {**name, "legacyUserId": person.fitbit_id, "healthUserId": person.health_id}
        if what == "pairedDevices":
            battery, level = people.BATTERY
            device = {"deviceType": "TRACKER", "deviceVersion": person.device, "batteryStatus": battery}
            device |= {"batteryLevel": level, "lastSyncTime": iso(people.synced_s(person))}
            return {"pairedDevices": [{"name": f"users/{person.health_id}/pairedDevices/1", **device}]}
        return {**name, "timeZone": person.zone}

    # --- data ----------------------------------------------------------------------------------

    def list(self, person: Person, kind: str, query: dict[str, str], *, reconcile: bool) -> bytes:
        """One page of points."""
        if not TYPES[kind].lists:
            raise RefusedError(400, "UNSUPPORTED_OPERATION")
        if kind == "sleep" and not reconcile and "dataSourceFamily" in query:
            raise RefusedError(400, "INVALID_DATA_POINT_DATA_SOURCE_FAMILY")
        asked = tuple(sorted((k, v) for k, v in query.items() if k != "pageToken"))
        first = self.read_token(query.get("pageToken"), (kind, reconcile, *asked))
        key = (person.name, kind, reconcile, asked, first, self.accounts[person.name].hidden_s)
        if key not in self.pages:
            self.pages[key] = self.make_page(person, kind, query, reconcile=reconcile, first=first)
        return self.pages[key]

    def read_token(self, token: str | None, asked: tuple[object, ...]) -> int:
        """The place of a page's first point, -1 for the first page; a token fits its own question only."""
        if token is None:
            return -1
        mark, _, place = base64.urlsafe_b64decode(token).decode().partition(":")
        if mark != mark_of(asked):
            raise RefusedError(400, "INVALID_PAGE_TOKEN")
        return int(place)

    def make_page(
        self, person: Person, kind: str, query: dict[str, str], *, reconcile: bool, first: int
    ) -> bytes:
        """Write one page of points, from the `first` on."""
        points = list_points(person, kind)
        places = self.select(person, kind, points, query.get("filter", ""), reconcile=reconcile)
        small = kind in ("sleep", "exercise")
        size = min(
            int(query.get("pageSize") or (SMALL_PAGE if small else PAGE)), SMALL_PAGE if small else MOST_PAGE
        )
        if self.options.quirks:
            size = min(size, self.options.page_cap)
        asked = (kind, reconcile, *sorted((k, v) for k, v in query.items() if k != "pageToken"))
        empty_first = self.options.quirks and kind == "daily-resting-heart-rate" and first < 0 and places.size
        start = max(first, 0)
        chosen = [] if empty_first else places[start : start + size].tolist()
        after = 0 if empty_first else start + size
        more: Json = {}
        if after < places.size:
            more["nextPageToken"] = base64.urlsafe_b64encode(f"{mark_of(asked)}:{after}".encode()).decode()
        if not chosen:
            return json.dumps(more).encode()
        if kind == "heart-rate":
            texts = write_hearts(person, points, places[start : start + size])
        else:
            texts = [json.dumps(self.show(person, kind, points, i, reconcile=reconcile)) for i in chosen]
        rest = json.dumps(more).removeprefix("{")
        return f'{{"dataPoints": [{", ".join(texts)}]{", " if more else ""}{rest}'.encode()

    def show(self, person: Person, kind: str, points: Points, place: int, *, reconcile: bool) -> Json:
        """One point as it is given: a sleep that is not synced wholly has no stages; merged ones have no source."""
        point = points.points[place]
        hidden = self.accounts[person.name].hidden_s
        if (
            kind == "sleep"
            and hidden
            and points.end_s[place] > hidden[0]
            and points.start_s[place] < hidden[1]
        ):
            point = without_stages(point)
        if not reconcile:
            return point
        named = {"dataPointName": point["name"]} if "name" in point else {}
        return named | {k: v for k, v in point.items() if k not in ("dataSource", "name")}

    def select(self, person: Person, kind: str, points: Points, text: str, *, reconcile: bool) -> Ints:
        """Places of the points that a filter lets through."""
        keep = np.ones(points.start_s.size, bool)
        if reconcile:
            keep &= ~points.phone
        hidden = self.accounts[person.name].hidden_s
        if hidden and kind != "sleep":
            keep &= (points.start_s < hidden[0]) | (points.start_s >= hidden[1])
        for member, comparator, limit in read_filter(text, kind):
            times = points.end_s if "end_time" in member else points.start_s
            if "civil" in member:
                times = times + people.offsets_s(person, times)
            keep &= times >= limit if comparator == ">=" else times < limit
        return np.flatnonzero(keep)

    def roll_up(self, person: Person, kind: str, body: Json) -> Json:
        """Mean, most and least of heart rate in windows of an hour or so."""
        limit = TYPES[kind].rollup_days
        start, end = (int(read_time(body["range"][name])) for name in ("startTime", "endTime"))
        if not limit or kind != "heart-rate":
            raise RefusedError(400, "UNSUPPORTED_OPERATION")
        if not 0 < end - start <= limit * 86_400:
            raise RefusedError(400, "INVALID_ROLLUP_RANGE")
        points = list_points(person, kind)
        places = self.select(person, kind, points, "", reconcile=True)
        width = int(body["windowSize"].rstrip("s"))
        assert points.bpm is not None
        t, bpm = points.start_s[places], points.bpm[places]
        windows = []
        for low in range(start, end, width):
            some = bpm[(t >= low) & (t < min(end, low + width))]
            if some.size:
                values = {
                    "Avg": round(float(some.mean()), 3),
                    "Max": float(some.max()),
                    "Min": float(some.min()),
                }
                rates = {f"beatsPerMinute{name}": value for name, value in values.items()}
                windows.append(
                    {"startTime": iso(low), "endTime": iso(min(end, low + width)), "heartRate": rates}
                )
        return {"rollupDataPoints": windows} if windows else {}

    # --- what tests ask ------------------------------------------------------------------------

    def test(self, what: str, values: Json) -> Any:
        """Answer a test."""
        with self.lock:
            if what == "truth":
                return truth(PEOPLE[values["who"]])
            if what == "log":
                return self.log
            if what == "reset":
                self.reset()
            elif what == "expire":
                self.access_tokens = {token: (name, 0.0) for token, (name, _) in self.access_tokens.items()}
            elif what == "revoke":
                self.revoke(f"rt-{values['who']}")
            else:
                self.set_account(what, values)
        return {}

    def set_account(self, what: str, values: Json) -> None:
        """Hide what is not synced yet, or plan faults, counted from now on."""
        account = self.accounts[values["who"]]
        if what == "late":
            hidden = values.get("hidden_s")
            account.hidden_s = tuple(hidden) if hidden else None
        elif what == "faults":
            account.faults = {account.requests + int(n): code for n, code in values["plan"].items()}


def mark_of(asked: tuple[object, ...]) -> str:
    """A mark of a question, for its page tokens."""
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:12]


def read_time(text: str) -> float:
    """An instant that names its offset; a time without one is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise RefusedError(400, "INVALID_DATA_POINT_FILTER_RESTRICTION_TIME_LITERAL")
    return moment.timestamp()


def read_filter(text: str, kind: str) -> list[tuple[str, str, float]]:
    """Members, comparators and limits (seconds) of a filter; what the service does not document is refused."""
    snake, rules = kind.replace("-", "_"), []
    members = {
        "sample": ("sample_time.physical_time", "sample_time.civil_time"),
        "interval": ("interval.start_time", "interval.civil_start_time"),
        "session": ("interval.civil_start_time",),
        "sleep": ("interval.end_time", "interval.civil_end_time"),
        "daily": ("date",),
    }[TYPES[kind].kind]
    for clause in text.split(" AND ") if text else ():
        found = re.fullmatch(r'\s*([a-z0-9_.]+)\s*(>=|<)\s*"([^"]*)"\s*', clause)
        if not found:
            raise RefusedError(400, "INVALID_DATA_POINT_FILTER_SYNTAX")
        if found[1] not in [f"{snake}.{member}" for member in members]:
            raise RefusedError(400, "INVALID_DATA_POINT_FILTER_DATA_TYPE_MEMBER")
        rules.append((found[1], found[2], read_limit(found[1], found[3])))
    low = max((limit for _, comparator, limit in rules if comparator == ">="), default=-np.inf)
    high = min((limit for _, comparator, limit in rules if comparator == "<"), default=np.inf)
    if low >= high:
        raise RefusedError(400, "INVALID_DATA_POINT_FILTER_TIME_RANGE")
    return rules


def read_limit(member: str, text: str) -> float:
    """A limit in seconds: of UTC for instants, of the person's clock for civil times and dates."""
    if not member.endswith(".date") and "civil" not in member:
        return read_time(text)
    clock = datetime.fromisoformat(text)
    if clock.tzinfo is not None:
        raise RefusedError(400, "INVALID_DATA_POINT_FILTER_RESTRICTION_TIME_LITERAL")
    return clock.replace(tzinfo=UTC).timestamp()


class Requests(Handler):
    """Requests for Google Health."""

    service: Service

    def take(self, method: str) -> None:
        """Answer one request."""
        url = urlsplit(self.path)
        query, raw = dict(parse_qsl(url.query)), self.body()
        service = self.service
        if url.path.startswith("/__test/"):
            self.send(200, json.dumps(service.test(url.path.rpartition("/")[2], json.loads(raw))).encode())
        elif url.path == "/o/oauth2/v2/auth":
            self.send(302, b"", {"Location": service.consent(query)})
        elif url.path == "/token":
            code, body = service.token(dict(parse_qsl(raw.decode())))
            self.send(code, json.dumps(body).encode())
        elif url.path == "/revoke":
            service.revoke({**query, **dict(parse_qsl(raw.decode()))}.get("token", ""))
            self.send(200, b"{}")
        else:
            self.take_data(method, url.path, query, json.loads(raw) if raw else {})

    def take_data(self, method: str, path: str, query: dict[str, str], body: Json) -> None:
        """Answer a request for data, and note it."""
        headers: dict[str, str] = {}
        try:
            found = self.service.answer(method, path, query, body, self.headers.get("Authorization"))
            code = 200
        except RefusedError as refused:
            code, headers, found = refused.code, refused.headers, json.dumps(refused.body).encode()
        with self.service.lock:
            self.service.log.append({"method": method, "path": path, "query": query, "status": code})
        self.send(code, found, headers)


def main() -> None:
    """Serve until ended."""
    words = argparse.ArgumentParser()
    for name, default in (("port", 0), ("ttl", 3600), ("page-cap", 5000), ("per-minute", 300)):
        words.add_argument(f"--{name}", type=int, default=default)
    for name in ("no-faults", "no-quirks", "rotate"):
        words.add_argument(f"--{name}", action="store_true")
    said = words.parse_args()
    options = Options(
        said.ttl, not said.no_faults, not said.no_quirks, said.rotate, said.page_cap, said.per_minute
    )
    serve(listen(Requests, Service(options), said.port))


if __name__ == "__main__":
    main()
