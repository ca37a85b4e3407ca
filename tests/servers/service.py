"""What the fakes of providers share: consent, tokens, faults, a log; each adds what it answers.

A fake runs as a thread (`serving`) or as a process (`python -m servers.oura` prints where it listens). Accounts are
the simulated people; the first refresh token of P001 is `rt-P001`. Where refresh tokens rotate each serves once.
Faults (`--no-faults`): of each account's data requests the second is refused as one too many, the fourth and the sixth
with a fault of the service.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from ingest.live.providers import Provider, moved
from servers.google_health import CLIENT
from servers.people import PEOPLE, Person
from servers.web import Handler, listen, serve

Json = dict[str, Any]
FAULTS = {2: 429, 4: 500, 6: 503}
WAIT_S = 3
"""What a request that is one too many is told to wait."""


class RefusedError(Exception):
    """A request that the service refuses."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass
class Answer:
    """An answer as it is sent."""

    code: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def as_json(found: object, code: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(code, json.dumps(found).encode(), {"Content-Type": "application/json"})


class Service:
    """A provider that is played; subclasses answer questions in its words."""

    provider: Provider
    token_prefix = "at"
    ttl_s = 3600

    def __init__(self, *, faults: bool = True) -> None:
        self.with_faults, self.lock = faults, threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Begin anew, with the accounts' first refresh tokens."""
        with self.lock:
            self.refresh_tokens = {f"rt-{name}": name for name in PEOPLE}
            self.access_tokens: dict[str, tuple[str, float]] = {}
            self.codes: dict[str, Json] = {}
            self.log: list[Json] = []
            self.counts = dict.fromkeys(PEOPLE, 0)
            self.faults = {name: dict(FAULTS) if self.with_faults else {} for name in PEOPLE}
            self.hidden_days: set[str] = set()
            """Local dates that are not synced yet."""

    # --- what a subclass says --------------------------------------------------------------------

    def answer(self, person: Person, method: str, path: str, query: dict[str, str]) -> Answer:
        """Answer a question for data."""
        raise NotImplementedError

    def refuse(self, refused: RefusedError) -> Answer:
        """Say no in the provider's words."""
        headers = {"Retry-After": str(WAIT_S)} if refused.code == 429 else {}
        return Answer(refused.code, json.dumps({"detail": refused.reason}).encode(), headers)

    def wrap(self, tokens: Json) -> Json:
        """The answer with tokens in the provider's words."""
        return tokens

    def scopes(self, person: Person) -> tuple[str, ...]:
        """What a person granted."""
        return self.provider.scopes

    # --- consent and tokens ----------------------------------------------------------------------

    def consent(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to; the person is whom `login_hint` names, else the first."""
        code = secrets.token_hex(8)
        self.codes[code] = {"redirect_uri": query["redirect_uri"], "name": query.get("login_hint", "P001")}
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query.get('state', '')})}"

    def token(self, form: dict[str, str]) -> Answer:
        """The token endpoint; the app's id and secret are in the form, wherever they came."""
        with self.lock:
            name = None
            if form.get("grant_type") == "authorization_code":
                name = self.codes.pop(form.get("code", ""), {}).get("name")
            elif form.get("grant_type") == "refresh_token":
                name = self.refresh_tokens.get(form.get("refresh_token", ""))
                if name is not None and self.provider.rotates:
                    del self.refresh_tokens[form["refresh_token"]]
            if name is None or (form.get("client_id"), form.get("client_secret")) != CLIENT:
                return as_json({"error": "invalid_grant"}, 400)
            return as_json(self.wrap(self.issue(name)))

    def revoke(self, token: str) -> Answer:
        """Take back the consent that a token is of."""
        with self.lock:
            found = self.refresh_tokens.get(token) or self.access_tokens.get(token, ("", 0.0))[0]
            self.refresh_tokens = {t: name for t, name in self.refresh_tokens.items() if name != found}
            self.access_tokens = {t: one for t, one in self.access_tokens.items() if one[0] != found}
        return Answer(204 if found else 401, b"")

    def issue(self, name: str) -> Json:
        """New tokens."""
        token = f"{self.token_prefix}-secret-{name}-{secrets.token_hex(8)}"
        self.access_tokens[token] = (name, time.time() + self.ttl_s)
        found: Json = {"access_token": token, "expires_in": self.ttl_s, "token_type": "bearer"}
        found["scope"] = self.provider.separator.join(self.scopes(PEOPLE[name]))
        if self.provider.refreshes:
            refresh = f"rt-{name}-{secrets.token_hex(8)}" if self.provider.rotates else f"rt-{name}"
            self.refresh_tokens[refresh] = name
            found["refresh_token"] = refresh
        return found

    # --- questions -------------------------------------------------------------------------------

    def take(self, method: str, path: str, query: dict[str, str], header: str | None) -> Answer:
        """Take a question, and note it."""
        try:
            found = self.answer(self.admit(header), method, path, query)
        except RefusedError as refused:
            found = self.refuse(refused)
        with self.lock:
            self.log.append({"method": method, "path": path, "query": query, "status": found.code})
        return found

    def admit(self, header: str | None) -> Person:
        """Who asks, if the token is good and no fault is due."""
        name, until = self.access_tokens.get((header or "").removeprefix("Bearer "), ("", 0.0))
        if until < time.time():
            raise RefusedError(401, "The token has expired.")
        with self.lock:
            self.counts[name] += 1
            fault = self.faults[name].pop(self.counts[name], None)
        if fault is not None:
            raise RefusedError(fault, "Not now.")
        return PEOPLE[name]


class Requests(Handler):
    """Requests for a service."""

    service: Service

    def take(self, method: str) -> None:
        """Answer one request."""
        url, service = urlsplit(self.path), self.service
        raw = self.body()
        is_form = "urlencoded" in (self.headers.get("Content-Type") or "")
        given = {**dict(parse_qsl(url.query)), **dict(parse_qsl(raw.decode()) if is_form else ())}
        places = moved(service.provider, "http://here")
        scheme, _, proof = (self.headers.get("Authorization") or "").partition(" ")
        if scheme == "Basic":
            given |= dict(
                zip(("client_id", "client_secret"), b64decode(proof).decode().split(":"), strict=True)
            )
        pattern = path_of(places.revoke_url).replace("%7Bidentity%7D", "[^/]+").replace("{identity}", "[^/]+")
        if places.authorize_url is not None and url.path == path_of(places.authorize_url):
            self.give(Answer(302, b"", {"Location": service.consent(given)}))
        elif url.path in ("/token", path_of(places.token_url)) and scheme != "ApiKey":
            self.give(service.token(given))
        elif pattern and method == places.revoke_method and re.fullmatch(pattern, url.path):
            self.give(service.revoke(given.get("token") or given.get("access_token") or proof))
        else:
            self.give(service.take(method, url.path, given, self.headers.get("Authorization")))

    def give(self, answer: Answer) -> None:
        """Send an answer."""
        self.send(answer.code, answer.body, answer.headers)


def path_of(url: str | None) -> str:
    """The path of an address; '' for none."""
    return "" if url is None else urlsplit(url).path


@contextmanager
def serving(service: Service) -> Iterator[str]:
    """Play a service in a thread; gives where it listens."""
    server = listen(Requests, service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def main(kind: type[Service]) -> None:
    """Play a service in this process until it is ended."""
    words = argparse.ArgumentParser()
    words.add_argument("--no-faults", action="store_true")
    serve(listen(Requests, kind(faults=not words.parse_args().no_faults)))
