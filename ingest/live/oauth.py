"""Consent by OAuth 2.0: the address where it is given, and tokens for a code, for a refresh token or for a key.

What a token endpoint says is read here and nowhere else. No secret stands in a text that this module writes:
not in an error, not in a `repr`, not in a log.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from ingest.live.client import (
    LONGEST_REST_S,
    BadAnswerError,
    LiveError,
    NeedsReconsentError,
    OfflineError,
    Outside,
    ProviderDownError,
    RateLimitedError,
    told_wait_s,
)
from ingest.live.providers import Provider

TRIES = 3
FIRST_REST_S = 1.0
TIMEOUT = httpx.Timeout(20.0, connect=10.0)
WORD = re.compile(r"[a-z][a-z_]{2,40}")
"""What OAuth's own words for an error look like; other text of an answer is not repeated."""
REFUSED = ("invalid_grant",)
UNKNOWN_APP = ("invalid_client", "unauthorized_client")
WITHOUT_END_S = 900
"""A token that does not say how long it holds is used for so long."""
WITHINGS_REFUSES = (100, 101, 102, 200, 401)
WITHINGS_WAIT = 601

Json = dict[str, Any]


class UnknownAppError(BadAnswerError):
    """The provider does not know the app's id and secret: the operator can help, the person cannot."""


@dataclass(frozen=True)
class App:
    """Our own registration with a provider."""

    client_id: str
    client_secret: str = field(default="", repr=False)
    redirect: str | None = None
    """The address that consent comes back to, where one is registered."""


@dataclass(frozen=True)
class Grant:
    """What a token endpoint gave. Instants are UTC, naive."""

    access: str = field(repr=False)
    access_ends: datetime
    refresh: str | None = field(default=None, repr=False)
    """None: go on with the one that was used."""
    consent_ends: datetime | None = None
    """When the consent itself runs out, where that is said."""
    scopes: tuple[str, ...] | None = None
    """None: not said, which means as asked."""
    identity: str | None = None


@dataclass(frozen=True)
class Question:
    """What goes to the consent page, and what its answer is checked against."""

    address: str
    redirect: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


def make_question(provider: Provider, app: App, redirect: str) -> Question:
    """Make the address of the consent page, with a state and a PKCE challenge (S256, RFC 7636) of its own."""
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    fields = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirect,
        "scope": provider.separator.join(provider.scopes),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **provider.authorize_fields,
    }
    return Question(
        f"{provider.authorize_url}?{urlencode(fields, quote_via=quote)}", redirect, state, verifier
    )


def exchange(
    provider: Provider, app: App, http: httpx.Client, outside: Outside, question: Question, code: str
) -> Grant:
    """Tokens for the code that a consent gave.

    Raises
    ------
    LiveError
        If there are none; of the kind that tells what may help.
    """
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": question.redirect}
    return ask_tokens(provider, app, http, outside, {**fields, "code_verifier": question.verifier})


def renew(provider: Provider, app: App, http: httpx.Client, outside: Outside, refresh: str) -> Grant:
    """Tokens for a refresh token, or for a person's key.

    Raises
    ------
    NeedsReconsentError
        If the provider takes it no longer.
    LiveError
        If there are none for another reason.
    """
    fields = {"grant_type": "refresh_token", "refresh_token": refresh, **provider.refresh_fields}
    return ask_tokens(provider, app, http, outside, fields)


def ask_tokens(
    provider: Provider, app: App, http: httpx.Client, outside: Outside, fields: Mapping[str, str]
) -> Grant:
    """Ask a token endpoint, again if what went wrong may pass.

    A refresh whose answer was lost is asked again too: if the first one was heard, its tokens are lost either way.
    """
    for attempt in range(TRIES):
        found = post(provider, app, http, fields)
        if isinstance(found, httpx.Response):
            grant = read_grant(provider, found, outside.now())
            if isinstance(grant, Grant):
                return grant
            trouble = grant
        else:
            trouble = judge_network(provider, found)
        if attempt == TRIES - 1 or not isinstance(trouble, ProviderDownError):
            raise trouble
        outside.rest(FIRST_REST_S * (1 << attempt) * (0.5 + outside.chance()))
    raise AssertionError("unreachable: the last try returns or raises")


def post(
    provider: Provider, app: App, http: httpx.Client, fields: Mapping[str, str]
) -> httpx.Response | httpx.RequestError:
    """Send one request to a token endpoint; a failure of the network is given back."""
    headers = {"Accept": "application/json"}
    auth = None
    form: dict[str, str] | None = {**fields, **provider.token_fields}
    if provider.grant == "key":
        headers["Authorization"] = f"{provider.key_scheme} {fields['refresh_token']}"
        form = None
    elif provider.client_auth == "basic":
        auth = httpx.BasicAuth(app.client_id, app.client_secret)
    elif form is not None:
        form |= {"client_id": app.client_id}
        form |= {"client_secret": app.client_secret} if app.client_secret else {}
    try:
        return http.post(
            provider.token_url, data=form, headers=headers, auth=auth or httpx.Auth(), timeout=TIMEOUT
        )
    except httpx.RequestError as error:
        return error


def judge_network(provider: Provider, error: httpx.RequestError) -> LiveError:
    """What a failure of the network means."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return OfflineError(f"{provider.label} cannot be reached: is this machine online?")
    return ProviderDownError(f"The connection to {provider.label} broke while tokens were asked for.")


def read_grant(provider: Provider, response: httpx.Response, now: datetime) -> Grant | LiveError:
    """Read what a token endpoint answered: tokens, or what is wrong."""
    if response.status_code == 429:
        return limited(provider, told_wait_s(response, now), now)
    if response.status_code >= 500:
        return ProviderDownError(f"{provider.label} gives no tokens now ({response.status_code}).")
    if provider.grant == "key" and response.is_success:
        return grant_of_jwt(provider, response.text.strip().strip('"'), now)
    try:
        found = json.loads(response.content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        found = {}
    if provider.token_key is not None and response.is_success:
        refusal = judge_status(provider, found, now)
        if refusal is not None:
            return refusal
        found = found.get(provider.token_key) or {}
    if response.is_success and isinstance(found.get("access_token"), str) and found["access_token"]:
        return grant_of(provider, found, now)
    return judge_refusal(provider, response.status_code, found)


def limited(provider: Provider, wait_s: float | None, now: datetime) -> RateLimitedError:
    """Too many questions: when it may go on."""
    until = now + timedelta(seconds=LONGEST_REST_S if wait_s is None else wait_s)
    return RateLimitedError(f"{provider.label} asks to wait until {until:%Y-%m-%d %H:%M:%S} UTC.", until)


def judge_refusal(provider: Provider, status: int, found: Json) -> LiveError:
    """What a refused request for tokens means."""
    error = found.get("error")
    word = error if isinstance(error, str) and WORD.fullmatch(error) else ""
    if word in REFUSED or (provider.grant == "key" and status in (401, 403)):
        return NeedsReconsentError(
            f"{provider.label} takes this consent no longer: the person connects the account again."
        )
    if word in UNKNOWN_APP:
        return UnknownAppError(
            f"{provider.label} does not know this app ({word}): check its id and secret"
            f" ('steadyline vault app {provider.name}').",
            status,
            word,
        )
    if 200 <= status < 400:
        return BadAnswerError(
            f"{provider.label} answered without tokens: is a login page or a proxy in between?", status
        )
    return BadAnswerError(
        f"{provider.label} gave no tokens ({status}, {word or 'without a reason'}).", status, word
    )


def judge_status(provider: Provider, found: Json, now: datetime) -> LiveError | None:
    """What the status in an answer means, of a provider that refuses with HTTP 200 (Withings)."""
    status = found.get("status")
    if status == 0:
        return None
    if status == WITHINGS_WAIT:
        return limited(provider, None, now)
    # Which status a spent refresh token gets is documented nowhere: its message names the token.
    spent = "refresh_token" in str(found.get("error", ""))
    if status in WITHINGS_REFUSES or spent:
        return judge_refusal(provider, 400, {"error": "invalid_grant"})
    number = status if isinstance(status, int) else -1
    return BadAnswerError(f"{provider.label} gave no tokens (status {number}).", number)


def grant_of(provider: Provider, found: Json, now: datetime) -> Grant:
    """Tokens of a JSON answer."""
    ends = read_seconds(found.get("expires_in"))
    consent = read_seconds(found.get("refresh_token_expires_in"))
    refresh, scope = found.get("refresh_token"), found.get("scope")
    number = found.get(provider.identity.key) if provider.identity and not provider.identity.path else None
    return Grant(
        access=found["access_token"],
        access_ends=plain(now) + timedelta(seconds=WITHOUT_END_S if ends is None else ends),
        refresh=refresh if isinstance(refresh, str) and refresh else None,
        consent_ends=None if consent is None else plain(now) + timedelta(seconds=consent),
        scopes=read_scopes(scope) if isinstance(scope, str) and scope else None,
        identity=None if number in (None, "") else str(number),
    )


def read_seconds(value: object) -> float | None:
    """A number of seconds, which some send as text; None for none."""
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < 1e9 else None


def read_scopes(text: str) -> tuple[str, ...]:
    """Scopes as providers write them: with spaces or commas between."""
    return tuple(sorted(set(text.replace(",", " ").split())))


def grant_of_jwt(provider: Provider, token: str, now: datetime) -> Grant | LiveError:
    """The token of a provider whose whole answer is one; its end stands inside."""
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii() or any(c.isspace() for c in token):
        return BadAnswerError(
            f"{provider.label} answered without a token: is a login page or a proxy in between?", 200
        )
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        ends = datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (ValueError, KeyError, TypeError, OverflowError):
        ends = now + timedelta(seconds=WITHOUT_END_S)
    return Grant(token, plain(ends))


def plain(moment: datetime) -> datetime:
    """An instant as the vault keeps it: UTC, naive, whole seconds."""
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def choose_token(provider: Provider, access: str, refresh: str | None) -> str:
    """The token with which a consent is taken back: the refresh token where it goes into a form, else the other."""
    return refresh if provider.revoke_with == "form" and refresh is not None else access


def revoke(provider: Provider, http: httpx.Client, token: str, identity: str | None) -> str | None:
    """Take a consent back at the provider; says in a few words why that was not done, None if it was.

    Parameters
    ----------
    token
        See `choose_token`; an access token has to be a good one.
    """
    if provider.revoke_url is None:
        return "the provider has no way to do it from here"
    if "{identity}" in provider.revoke_url and identity is None:
        return "the account's number is not known"
    url = provider.revoke_url.replace("{identity}", quote(identity or "", safe=""))
    headers = {"Authorization": f"Bearer {token}"} if provider.revoke_with == "bearer" else {}
    try:
        with unlogged():
            answer = http.request(
                provider.revoke_method,
                url,
                params={"access_token": token} if provider.revoke_with == "query" else None,
                data={"token": token} if provider.revoke_with == "form" else None,
                headers=headers,
                timeout=TIMEOUT,
            )
    except httpx.RequestError:
        return "the provider could not be reached"
    # What was taken back before cannot be taken back again.
    gone = answer.status_code in (400, 401) and b"invalid_token" in answer.content
    return None if answer.is_success or gone else f"the provider answered with {answer.status_code}"


@contextmanager
def unlogged() -> Iterator[None]:
    """Keep the network library from logging an address that holds a token."""
    library = logging.getLogger("httpx")
    before, library.disabled = library.disabled, True
    try:
        yield
    finally:
        library.disabled = before
