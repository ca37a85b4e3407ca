"""The providers that can be asked: where each lives, how consent is given, kept and taken back.

Only what a connection needs stands here; what is asked for stands in the provider's own module, which has its
name. Addresses can be put elsewhere (`moved`, `with_urls`): to a fake for tests, or to an institution's proxy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from types import ModuleType
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import httpx

from ingest.live.client import Bucket, Client, LiveError, Outside
from ingest.live.tokens import Tokens

SPACE, COMMA = " ", ","
URLS = ("authorize_url", "token_url", "revoke_url", "base_url")
"""The addresses of a provider that may be put elsewhere."""


@dataclass(frozen=True)
class Identity:
    """Where the number of an account stands; it is kept, so that another account is noticed."""

    key: str
    """The key of it, at the top of an answer."""
    path: str | None = None
    """What to GET below `base_url` with the access token; None if it stands in the answer with the tokens."""


@dataclass(frozen=True)
class Provider:
    """One provider. Facts are from the vendors' pages; what no page says is marked as assumed."""

    name: str
    """Ours, and that of its module in `ingest.live`."""
    label: str
    """As people know it."""
    base_url: str
    """What the paths of questions are put behind."""
    authorize_url: str | None
    """Where consent is given; None where the person makes a key in the account instead (`grant`)."""
    token_url: str
    identity: Identity | None
    """None where the provider has no way to tell whose data these are."""
    grant: Literal["code", "key"] = "code"
    """`key`: the person's own key stands where others have a refresh token; see `key_scheme`."""
    key_scheme: str = ""
    """The word before the key in the header Authorization; the whole answer is the access token, a JWT."""
    scopes: tuple[str, ...] = ()
    """What is asked for; people may grant less."""
    separator: str = SPACE
    """Between scopes, in the question and in the answer."""
    pkce: bool = False
    """Whether the provider checks PKCE; a challenge it does not know is ignored."""
    client_auth: Literal["form", "basic"] = "form"
    """How the app's own id and secret are sent to `token_url`."""
    authorize_fields: Mapping[str, str] = field(default_factory=dict)
    """Further parameters of `authorize_url`."""
    token_fields: Mapping[str, str] = field(default_factory=dict)
    """Further fields of every request to `token_url`."""
    refresh_fields: Mapping[str, str] = field(default_factory=dict)
    """Further fields of a refresh."""
    token_key: str | None = None
    """The key of the answer that the tokens stand under, beside a `status` that is 0; None for the top."""
    refreshes: bool = True
    """Whether there are refresh tokens; without them an access token holds until it is taken back."""
    rotates: bool = False
    """Whether a refresh token serves once, so that the new one is stored before it is used."""
    redirect: Literal["loopback", "registered", "registered_https", "registered_public"] = "registered"
    """Which addresses consent may come back to: any port of this machine; one that is registered with the app, which
    may be `http://localhost:…`; one with https; one with https that is neither localhost nor an IP address. The last
    two go through a person who copies the address that the browser ends at."""
    code_lives_s: int = 600
    """How long the code in that address can be used."""
    revoke_url: str | None = None
    """`{identity}` in it stands for the account's number; None if only the person can take consent back."""
    revoke_method: Literal["POST", "DELETE"] = "POST"
    revoke_with: Literal["form", "query", "bearer"] = "form"
    """How the token is given: the form field `token`, the parameter `access_token` (the address is then a secret and
    no log may have it), or the header Authorization."""
    revoke_page: str | None = None
    """Where the person takes consent back."""
    register_path: str | None = None
    """What a new account is registered at, once, after consent: POST `{"member-id": …}`; 409 says it already is."""


GOOGLE_HEALTH = Provider(
    name="google_health",
    label="Google Health",
    base_url="https://health.googleapis.com",
    authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
    token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
    identity=Identity("healthUserId", "/v4/users/me/identity"),
    scopes=tuple(
        f"https://www.googleapis.com/auth/googlehealth.{name}.readonly"
        for name in (
            "activity_and_fitness",
            "health_metrics_and_measurements",
            "sleep",
            "mindfulness",
            "settings",
        )
    ),
    pkce=True,
    authorize_fields={"access_type": "offline", "prompt": "consent"},
    redirect="loopback",
    revoke_url="https://oauth2.googleapis.com/revoke",
    revoke_page="https://myaccount.google.com/connections",
)
OURA = Provider(
    name="oura",
    label="Oura",
    base_url="https://api.ouraring.com",
    authorize_url="https://cloud.ouraring.com/oauth/authorize",
    token_url="https://api.ouraring.com/oauth/token",  # noqa: S106 - an address
    # Its answer holds age, sex and a mail address beside the id: only the id may be kept.
    identity=Identity("id", "/v2/usercollection/personal_info"),
    scopes=("personal", "daily", "heartrate", "workout", "spo2", "stress"),
    rotates=True,
    revoke_url="https://api.ouraring.com/oauth/revoke",
    revoke_with="query",
    revoke_page="https://cloud.ouraring.com/user/profile",
)
WHOOP = Provider(
    name="whoop",
    label="WHOOP",
    base_url="https://api.prod.whoop.com/developer",
    authorize_url="https://api.prod.whoop.com/oauth/oauth2/auth",
    token_url="https://api.prod.whoop.com/oauth/oauth2/token",  # noqa: S106 - an address
    identity=Identity("user_id", "/v2/user/profile/basic"),
    scopes=("offline", "read:recovery", "read:cycles", "read:sleep", "read:workout", "read:profile"),
    refresh_fields={"scope": "offline"},
    rotates=True,
    redirect="registered_https",
    revoke_url="https://api.prod.whoop.com/developer/v2/user/access",
    revoke_method="DELETE",
    revoke_with="bearer",
)
POLAR = Provider(
    name="polar",
    label="Polar",
    base_url="https://www.polaraccesslink.com",
    authorize_url="https://flow.polar.com/oauth2/authorization",
    token_url="https://polarremote.com/v2/oauth2/token",  # noqa: S106 - an address
    identity=Identity("x_user_id"),
    scopes=("accesslink.read_all",),
    client_auth="basic",
    refreshes=False,
    revoke_url="https://www.polaraccesslink.com/v3/users/{identity}",
    revoke_method="DELETE",
    revoke_with="bearer",
    revoke_page="https://account.polar.com",
    register_path="/v3/users",
)
WITHINGS = Provider(
    name="withings",
    label="Withings",
    base_url="https://wbsapi.withings.net",
    authorize_url="https://account.withings.com/oauth2_user/authorize2",
    token_url="https://wbsapi.withings.net/v2/oauth2",  # noqa: S106 - an address
    identity=Identity("userid"),
    scopes=("user.activity",),
    separator=COMMA,
    token_fields={"action": "requesttoken"},
    token_key="body",  # noqa: S106 - a key
    rotates=True,
    redirect="registered_public",
    code_lives_s=30,
    # Withings says that a partner cannot take back a consent; the person can, in the account.
    revoke_page="https://account.withings.com/partner/disconnect_partner/",
)
GARMIN_PERSONAL = Provider(
    name="garmin_personal",
    label="Garmin",
    base_url="https://personal.connectapi.garmin.com",
    authorize_url=None,
    token_url="https://personal.connectapi.garmin.com/personalapitoken-service/personal-api/personal-api-key/token",  # noqa: S106
    # What the API says of the account is not documented; a key is made inside of it.
    identity=None,
    grant="key",
    key_scheme="ApiKey",
    revoke_page="https://connect.garmin.com",
)
PROVIDERS: dict[str, Provider] = {
    provider.name: provider for provider in (GOOGLE_HEALTH, OURA, WHOOP, POLAR, WITHINGS, GARMIN_PERSONAL)
}

FILE_ROAD = "Load its export instead; docs/sources.md says how to get it."
NOT_OFFERED: dict[str, str] = {
    "fitbit": "The Fitbit Web API was switched off on 2 November 2026, and no token of it can be taken along. Next"
    " step: the person connects their Google account with 'steadyline connect google_health'; a script that was"
    " written for the package fitbit takes cli.fitbit.open_fitbit in the place of fitbit.Fitbit (docs/fitbit.md).",
    "garmin": "Garmin's Health API for companies takes a contract with Garmin and a public address that it can push to,"
    f" and is not offered here. A person can make a key of their own: connect garmin_personal. {FILE_ROAD}",
    "apple_health": f"Apple Health is on the phone only: there is no service to ask. {FILE_ROAD}",
    "health_connect": f"Health Connect is on the phone only: there is no service to ask. {FILE_ROAD}",
}
"""Names that people will try, and why they are no providers."""


def find_provider(name: str) -> Provider:
    """The provider of that name.

    Raises
    ------
    LiveError
        If there is none; it says which other road there is.
    """
    if name in NOT_OFFERED:
        raise LiveError(NOT_OFFERED[name])
    if name not in PROVIDERS:
        raise LiveError(f"There is no provider {name[:40]!r}: expected {', '.join(sorted(PROVIDERS))}.")
    return PROVIDERS[name]


def load_module(name: str) -> ModuleType:
    """The module that asks the provider of that name (`ingest.pull.Provider`), imported when it is needed."""
    return import_module(f"ingest.live.{find_provider(name).name}")


def make_client(
    provider: Provider, tokens: Tokens, outside: Outside, http: httpx.Client, app: Sequence[Bucket]
) -> Client:
    """Make a client of a provider for one person.

    Parameters
    ----------
    app
        Buckets that all people of the app share (`app_limit` of the provider's module, once a process).
    """
    module = load_module(provider.name)
    client = Client(
        provider.label, provider.base_url, tokens, outside, http, (*module.limits(), *app), module.explain
    )
    # Only Withings has ways of its own to ask and to answer.
    client.restate = getattr(module, "restate", client.restate)
    client.form = getattr(module, "FORM", False)
    return client


def with_urls(provider: Provider, urls: Mapping[str, str]) -> Provider:
    """The provider with some of its addresses (`URLS`) put elsewhere.

    Raises
    ------
    LiveError
        If a name is none of `URLS`, or an address has no http or https.
    """
    for name, url in urls.items():
        if name not in URLS:
            raise LiveError(f"{name[:40]!r} is no address of a provider: expected {', '.join(URLS)}.")
        if urlsplit(url).scheme not in ("http", "https"):
            raise LiveError(f"The address {name} of {provider.label} begins with neither http nor https.")
    return replace(provider, **{name: url.rstrip("/") for name, url in urls.items()})  # type: ignore[arg-type]


def moved(provider: Provider, origin: str) -> Provider:
    """The provider with all its addresses at one place, such as `http://127.0.0.1:8787`; paths stay."""
    found = {name: getattr(provider, name) for name in URLS}
    return with_urls(provider, {name: move(url, origin) for name, url in found.items() if url is not None})


def move(url: str, origin: str) -> str:
    """An address at another place, its path behind that of the place."""
    old, new = urlsplit(url), urlsplit(origin)
    return urlunsplit((new.scheme, new.netloc, new.path.rstrip("/") + old.path, old.query, ""))
