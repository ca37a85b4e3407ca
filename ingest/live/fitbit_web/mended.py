"""`MendedFitbit`: a `fitbit.Fitbit` for an institution's own proxy of the Web API, with the package's faults mended.

The package hangs without limits of time, never tries again, loses refreshed tokens without a callback, breaks on a 429
without Retry-After and on answers that are no JSON, and shows tokens in errors and debug logs.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import fitbit
import requests
from fitbit import exceptions
from oauthlib.oauth2 import InsecureTransportError, OAuth2Error
from requests.auth import HTTPBasicAuth

from ingest.live.client import LiveError, Outside

from .calls import MoreCalls
from .paths import ADDRESS, REMOVED, removed
from .refusals import FitbitGoneError, Told, refuse, refuse_wait

VENDOR_HOST = "fitbit.com"
TIMEOUT_S = 20.0
TRIES = 4
TRY_AGAIN = (500, 502, 503)
LONGEST_WAIT_S = 120.0
UNTOLD_WAIT_S = 3600.0
"""The Web API counted requests by the hour."""
SHORTEST_SECRET = 6
REFUSED_REFRESH = (
    "The refresh token is no longer good: the person gives consent again, at whoever runs the proxy."
)
Json = dict[str, Any]


class MendedClient(fitbit.FitbitOauth2Client):  # type: ignore[misc]  # the package has no types
    """The package's client at another address."""

    def __init__(
        self, base_url: str, outside: Outside, client_id: str, client_secret: str, **words: Any
    ) -> None:
        # The package reads these once, of its class, when it is imported.
        self.request_token_url = self.access_token_url = self.refresh_token_url = f"{base_url}/oauth2/token"
        self.authorization_url = f"{base_url}/oauth2/authorize"
        self.outside = outside
        self.secrets = {client_secret, words.get("access_token"), words.get("refresh_token")}
        super().__init__(client_id, client_secret, timeout=TIMEOUT_S, **words)
        self.session.hooks["response"].append(self.look_at)
        keep = words.get("refresh_cb")
        if keep is not None:
            self.session.token_updater = self.keeping(keep)
        # At this level they write down every token.
        logging.getLogger("requests_oauthlib").setLevel(logging.INFO)
        logging.getLogger("oauthlib").setLevel(logging.INFO)

    def keeping(self, keep: Callable[[Json], None]) -> Callable[[Json], None]:
        """What is told new tokens: they are concealed in errors, and kept before they are used."""

        def update(token: Json) -> None:
            self.secrets |= {token.get("access_token"), token.get("refresh_token")}
            keep(token)

        return update

    def look_at(self, answer: requests.Response, **_: object) -> None:
        """Look at every answer, that of a refresh too, before the package does."""
        if answer.status_code == 410:
            raise FitbitGoneError
        if str(answer.url).startswith(self.refresh_token_url) and read_json(answer) is None:
            raise refuse(
                503, f"The token endpoint answered with something else than JSON ({answer.status_code})."
            )

    def refresh_token(self) -> Json:
        """Get new tokens and give them to the callback, within a limit of time."""
        auth = HTTPBasicAuth(self.client_id, self.client_secret)
        token: Json = self.session.refresh_token(self.refresh_token_url, auth=auth, timeout=self.timeout)
        if self.session.token_updater:
            self.session.token_updater(token)
        return token

    def make_request(
        self, url: str, data: Any = None, method: str | None = None, **kwargs: Any
    ) -> requests.Response:
        """Ask, again where that helps, and give the answer if it is good."""
        method = method or ("POST" if data else "GET")
        tries = TRIES if method == "GET" else 1
        for attempt in range(tries):
            answer = self.ask_once(method, url, data=data or {}, **kwargs)
            wait_s = self.wait_before(answer, attempt)
            if wait_s is None or attempt == tries - 1:
                break
            self.outside.rest(wait_s)
        self.raise_for(answer)
        return answer

    def ask_once(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """Ask one question; a token that has expired is refreshed."""
        kwargs = {
            "timeout": self.timeout,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            **kwargs,
        }
        trouble: Exception
        try:
            answer: requests.Response = self.session.request(method, url, **kwargs)
            if (
                answer.status_code == 401
                and kind_of(answer) == "expired_token"
                and self.session.token_updater
            ):
                self.refresh_token()
                answer = self.session.request(method, url, **kwargs)
        except requests.Timeout:
            trouble = exceptions.Timeout(f"No answer within {self.timeout:g} s.")
        except requests.ConnectionError:
            trouble = refuse(503, "The proxy of the Web API cannot be reached: is this machine online?")
        except InsecureTransportError:
            trouble = refuse(400, "The proxy's address has no https, so tokens would travel in the clear.")
        except OAuth2Error:
            # Its text may hold the token.
            trouble = refuse(401, REFUSED_REFRESH, "invalid_grant")
        else:
            return answer
        raise trouble

    def wait_before(self, answer: requests.Response, attempt: int) -> float | None:
        """Seconds to wait before asking again; None where it is not to be asked again."""
        if answer.status_code == 429:
            wait_s = told_wait_s(answer)
            return wait_s if wait_s <= LONGEST_WAIT_S else None
        return self.outside.chance() * (1 << attempt) if answer.status_code in TRY_AGAIN else None

    def raise_for(self, answer: requests.Response) -> None:
        """Raise what the package raises for an answer that is a refusal, without the secrets in its text."""
        if answer.status_code < 400:
            return
        if answer.status_code == 429:
            raise refuse_wait(self.conceal(message_of(answer)), told_wait_s(answer))
        content = self.conceal(answer.content.decode("utf-8", "replace")).encode()
        exceptions.detect_and_raise_error(Told(answer.status_code, content, answer.headers))

    def conceal(self, text: str) -> str:
        """A text without tokens."""
        for secret in self.secrets:
            if secret and len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, "…")
        return text


class MendedFitbit(MoreCalls, fitbit.Fitbit):  # type: ignore[misc]  # the package has no types
    """A `fitbit.Fitbit` that asks a proxy of the Web API."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        base_url: str,
        outside: Outside,
        access_token: str | None = None,
        refresh_token: str | None = None,
        expires_at: float | None = None,
        refresh_cb: Callable[[Json], None] | None = None,
    ) -> None:
        """Take the proxy's address, and what `fitbit.Fitbit` takes.

        Raises
        ------
        FitbitGoneError
            If the address is the vendor's own: nothing is there any more, and nothing is asked.
        LiveError
            If there is a refresh token and nothing that keeps the next one: the old one serves once.
        """
        host = urlsplit(base_url).hostname or ""
        if host == VENDOR_HOST or host.endswith(f".{VENDOR_HOST}"):
            raise FitbitGoneError
        if refresh_token and refresh_cb is None:
            raise LiveError(
                "A refresh token of the Web API serves once: give refresh_cb, a function that keeps the new one."
            )
        super().__init__(client_id, client_secret)
        self.API_ENDPOINT = base_url.rstrip("/")
        self.client = MendedClient(
            self.API_ENDPOINT,
            outside,
            client_id,
            client_secret,
            access_token=access_token,
            refresh_token=refresh_token,
            expires_at=expires_at,
            refresh_cb=refresh_cb,
        )

    def make_request(self, *args: Any, **kwargs: Any) -> Any:
        """Ask, as the package does; a call whose endpoint is long gone is refused before it is sent."""
        url = str(args[0] if args else kwargs["url"])
        refuse_removed(url)
        return super().make_request(*args, **kwargs)


def refuse_removed(url: str) -> None:
    """Refuse an address of the package that no server has had since 2015."""
    found = ADDRESS.fullmatch(urlsplit(url).path)
    if found is not None and REMOVED.fullmatch(found[3]):
        raise refuse(404, removed(found[3]), "not_found")


def read_json(answer: requests.Response) -> Json | None:
    """An answer's object; None where it is none."""
    with suppress(ValueError, RecursionError):
        found = json.loads(answer.content)
        return found if isinstance(found, dict) else None
    return None


def first_error(answer: requests.Response) -> Json:
    """The first error that an answer names; an empty one where it names none."""
    errors = (read_json(answer) or {}).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    return first if isinstance(first, dict) else {}


def kind_of(answer: requests.Response) -> str:
    """The machine's name of an error."""
    return str(first_error(answer).get("errorType", ""))


def message_of(answer: requests.Response) -> str:
    """The words of an error."""
    return str(first_error(answer).get("message", f"The proxy refused with {answer.status_code}."))


def told_wait_s(answer: requests.Response) -> float:
    """Seconds that an answer tells to wait; an hour where it tells nothing."""
    for name in ("Retry-After", "Fitbit-Rate-Limit-Reset"):
        text = answer.headers.get(name, "").strip()
        if text.isdigit():
            return float(text[:9])
    return UNTOLD_WAIT_S
