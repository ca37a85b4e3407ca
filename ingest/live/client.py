"""One client for all providers: it carries the token, keeps the pace, tries again where that helps, and explains.

Nothing here knows a clock or a network beyond what it is given. No token stands in a text that this module
writes: not in an error, not in a `repr`, not in a log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ingest.live.tokens import Tokens
from warehouse.errors import ExplainedError

CONNECT_S, ANSWER_S = 10.0, 60.0
TRIES = 6
FIRST_REST_S, LONGEST_REST_S = 1.0, 32.0
"""Rests between tries are drawn from nothing to these, doubling: clients that failed together part."""
LONGEST_WAIT_S = 120.0
"""If a provider says to wait longer than this, the run goes on without it and comes back later."""
MOST_PAGES = 10_000
TRY_AGAIN = (500, 502, 503)
REASON_CHARACTERS = 80
NAME = re.compile(r"[A-Z][A-Z0-9_]{2,79}")
"""What a machine's reason looks like; other text of an answer may hold what is personal, and is not repeated."""

Params = Mapping[str, str | int]


class LiveError(ExplainedError):
    """A provider could not be asked, or did not answer as it should."""


class NeedsReconsentError(LiveError):
    """Only the person can help, by consenting anew: do not try again, do not hold up the others."""


class NotGrantedError(LiveError):
    """The person granted other data, but not this."""


class ProviderDownError(LiveError):
    """The provider, or the way to it, does not work now: later it may."""


class OfflineError(ProviderDownError):
    """There is no way to the provider: the machine may be offline."""


class TooSlowError(ProviderDownError):
    """The provider gave up over the question: a smaller one may be answered."""


class RateLimitedError(LiveError):
    """Too much was asked; `until` says from when on it may be asked again."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class BadAnswerError(LiveError):
    """The provider refused the question, or its answer is none; to ask again does not help."""

    def __init__(self, message: str, status: int, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Outside:
    """What a client may use of the world: a clock, a rest, and chance."""

    now: Callable[[], datetime]
    """The present, with its zone."""
    rest: Callable[[float], None]
    """Wait so many seconds."""
    chance: Callable[[], float]
    """A number from 0 up to 1."""


@dataclass
class Bucket:
    """A token bucket: so many requests a second on average, so many at once."""

    per_s: float
    size: float
    level: float = field(init=False)
    filled: datetime | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.level = self.size

    def take(self, now: datetime) -> float:
        """Take one request out of it; returns how many seconds to wait first."""
        if self.filled is not None:
            gained = max(0.0, (now - self.filled).total_seconds()) * self.per_s
            self.level = min(self.size, self.level + gained)
        self.filled = now
        self.level -= 1
        return max(0.0, -self.level / self.per_s)


class Bearer(httpx.Auth):
    """Puts a token into a request; nothing shows it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "Bearer(…)"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


Explain = Callable[[int, bytes], "LiveError | None"]
"""What a provider's refusal means, by status and body; None leaves it to the client."""
Restate = Callable[[httpx.Response], httpx.Response]
"""Says in HTTP's words what a provider says in the body of an answer that HTTP calls good."""


@dataclass
class Client:
    """Asks one provider on behalf of one person.

    `buckets` are those of the person and of the app; the app's is shared by the clients of a process.
    """

    provider: str
    """As people know it."""
    base_url: str
    tokens: Tokens = field(repr=False)
    outside: Outside = field(repr=False)
    http: httpx.Client = field(repr=False)
    buckets: Sequence[Bucket] = ()
    explain: Explain = field(default=lambda _status, _body: None, repr=False)
    restate: Restate = field(default=lambda found: found, repr=False)
    form: bool = False
    """Whether parameters go into the body of a POST instead of the address."""
    requests: int = 0
    """How many requests were sent."""

    def ask(self, path: str, params: Params | None = None, *, method: str = "GET", body: Any = None) -> bytes:
        """Ask one question and give the answer, which is a JSON object or list, or empty where there is nothing.

        A token that is refused is refreshed once. What may pass is tried again: faults of the provider,
        a broken connection, too many requests if the wait is short.

        Raises
        ------
        LiveError
            Of the kind that tells what may help.
        """
        refreshed = False
        token = self.tokens.get()
        for attempt in range(TRIES):
            found = self.send(path, params, method, body, token)
            if self.is_stale(found) and not refreshed:
                token, refreshed = self.tokens.refresh(token), True
                found = self.send(path, params, method, body, token)
            if isinstance(found, httpx.Response) and found.is_success:
                return self.check(found)
            trouble = self.judge(found)
            rest_s = self.rest_before(attempt, found)
            if rest_s is None or attempt == TRIES - 1:
                raise trouble
            self.outside.rest(rest_s)
        raise AssertionError("unreachable: the last try returns or raises")

    def is_stale(self, found: httpx.Response | httpx.RequestError) -> bool:
        """Whether a token is refused; some providers refuse with 401 what was not granted, too."""
        if isinstance(found, httpx.RequestError) or found.status_code != 401:
            return False
        return not isinstance(self.explain(401, found.content), NotGrantedError)

    def send(
        self, path: str, params: Params | None, method: str, body: Any, token: str
    ) -> httpx.Response | httpx.RequestError:
        """Send one request, at the pace that is allowed; a failure of the network is given back."""
        for bucket in self.buckets:
            wait_s = bucket.take(self.outside.now())
            if wait_s > 0:
                self.outside.rest(wait_s)
        self.requests += 1
        try:
            url, auth = f"{self.base_url}{path}", Bearer(token)
            if self.form:
                return self.restate(self.http.post(url, data=dict(params or {}), auth=auth))
            return self.restate(self.http.request(method, url, params=params, json=body, auth=auth))
        except httpx.RequestError as error:
            return error

    def check(self, response: httpx.Response) -> bytes:
        """The body of a good answer; a page that a hotel's network put in its place is none."""
        body = response.content
        if body.strip()[:1] + body.strip()[-1:] not in (b"{}", b"[]", b""):
            raise BadAnswerError(
                f"{self.provider} answered with something else than JSON: is a login page or a proxy in between?",
                response.status_code,
            )
        return body

    def judge(self, found: httpx.Response | httpx.RequestError) -> LiveError:
        """What a failure means."""
        if isinstance(found, httpx.ConnectError | httpx.ConnectTimeout):
            return OfflineError(f"{self.provider} cannot be reached: is this machine online?")
        if isinstance(found, httpx.RequestError):
            what = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(found).__name__).lower()
            return ProviderDownError(f"The connection to {self.provider} broke ({what}): try again later.")
        status, body = found.status_code, found.content
        explained = self.explain(status, body)
        if explained is not None:
            return explained
        if status == 429:
            wait_s = told_wait_s(found, self.outside.now())
            return self.limited(LONGEST_REST_S if wait_s is None else wait_s)
        return self.judge_status(status, name_reason(body))

    def judge_status(self, status: int, reason: str) -> LiveError:
        """What a status means that the provider's own rules say nothing of."""
        if status == 401:
            return NeedsReconsentError(
                f"{self.provider} refuses a token that is new: the person has to connect the account again."
            )
        if status == 504:
            return TooSlowError(f"{self.provider} took too long over a question (504): try again later.")
        if status >= 500:
            return ProviderDownError(f"{self.provider} has a fault of its own ({status}): try again later.")
        return BadAnswerError(f"{self.provider} refused a question ({status}, {reason}).", status, reason)

    def limited(self, wait_s: float) -> RateLimitedError:
        """Too much was asked: when it may go on."""
        until = self.outside.now() + timedelta(seconds=wait_s)
        clock = until.astimezone(UTC)
        return RateLimitedError(f"{self.provider} asks to wait until {clock:%Y-%m-%d %H:%M:%S} UTC.", until)

    def rest_before(self, attempt: int, found: httpx.Response | httpx.RequestError) -> float | None:
        """Seconds to rest before the next try; None where trying again does not help."""
        jitter = self.outside.chance()
        backoff_s = jitter * min(LONGEST_REST_S, FIRST_REST_S * (1 << attempt))
        if isinstance(found, httpx.RequestError):
            return backoff_s
        if found.status_code == 429:
            told_s = told_wait_s(found, self.outside.now())
            wait_s = backoff_s if told_s is None else told_s + jitter
            return wait_s if wait_s <= LONGEST_WAIT_S else None
        return backoff_s if found.status_code in TRY_AGAIN else None

    def pages(self, path: str, params: Params, next_key: str, token_key: str) -> Iterator[bytes]:
        """Ask for all pages of an answer; a page that is empty but has a token is not the last.

        Parameters
        ----------
        next_key
            The key in an answer whose value leads to the next page.
        token_key
            The parameter that it is given back in.
        """
        seen: set[str] = set()
        token = None
        for _ in range(MOST_PAGES):
            body = self.ask(path, params if token is None else {**params, token_key: token})
            yield body
            token = find_text(body, next_key)
            if token is None:
                return
            if token in seen:
                raise BadAnswerError(f"{self.provider} gave the same page twice: its answer has no end.", 200)
            seen.add(token)
        raise BadAnswerError(f"{self.provider} gave more than {MOST_PAGES} pages of one answer.", 200)


@contextmanager
def open_http() -> Iterator[httpx.Client]:
    """Connections that are kept between questions, with limits of time; no redirect is followed."""
    with httpx.Client(timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S)) as http:
        yield http


def told_wait_s(response: httpx.Response, now: datetime) -> float | None:
    """Seconds that a Retry-After header tells to wait, as a number or as a date; None where it tells nothing."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    wait_s: float = (until - now).total_seconds()
    return max(0.0, wait_s)


def find_text(body: bytes, key: str) -> str | None:
    """The text under a key of a JSON object, found without reading all of it; None for none, or an empty one."""
    place = body.rfind(f'"{key}"'.encode())
    found = (
        re.compile(rb'\s*:\s*("(?:[^"\\]|\\.)*")').match(body, place + len(key) + 2) if place >= 0 else None
    )
    return str(json.loads(found[1])) or None if found else None


def name_reason(body: bytes) -> str:
    """The machine's reason in an answer, such as ACCOUNT_NOT_LINKED: the last word of that shape under such a key."""
    found = [
        match.decode() for match in re.findall(rb'"(?:reason|status|error)"\s*:\s*"([^"]+)"', body[:65_536])
    ]
    named = [word for word in found if NAME.fullmatch(word)]
    return named[-1][:REASON_CHARACTERS] if named else "without a reason"
