"""The table of providers: what it holds is enough to connect, to renew and to take back a consent with each of them."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from live_pulls import played
from servers.garmin_personal import GarminPersonal
from servers.google_health import CLIENT
from servers.oura import Oura
from servers.polar import Polar
from servers.service import Service
from servers.visit import NOW, World
from servers.whoop import Whoop
from servers.withings import Withings

from ingest.consent import FixedToken, ask_identity, register
from ingest.live.client import BadAnswerError, LiveError, NeedsReconsentError
from ingest.live.oauth import App, exchange, make_question, renew, revoke
from ingest.live.providers import PROVIDERS, URLS, find_provider, load_module, make_client, moved, with_urls

FAKES: dict[str, type[Service]] = {kind.provider.name: kind for kind in (Oura, Whoop, Polar, Withings)}
IDENTITY = {"oura": "oura-P001", "whoop": "10129", "polar": "10579", "withings": "363"}
OUTSIDE = World().outside()


@pytest.mark.parametrize("name", list(FAKES))
def test_a_consent_is_given_renewed_and_taken_back(name: str) -> None:
    app, back = App(*CLIENT), "http://localhost:8537/"
    with played(FAKES[name], faults=False) as (service, url), httpx.Client() as http:
        provider = moved(service.provider, url)
        question = make_question(provider, app, back)
        consent = http.get(question.address)
        said = parse_qs(urlsplit(consent.headers["Location"]).query)
        assert said["state"] == [question.state]
        grant = exchange(provider, app, http, OUTSIDE, question, said["code"][0])
        assert set(grant.scopes or ()) == set(provider.scopes)
        client = make_client(provider, FixedToken(grant.access), OUTSIDE, http, ())
        assert (grant.identity or ask_identity(provider, client)) == IDENTITY[name]
        register(provider, client)
        if provider.refreshes:
            assert grant.refresh is not None
            newer = renew(provider, app, http, OUTSIDE, grant.refresh)
            assert newer.access != grant.access
            if provider.rotates:
                assert newer.refresh != grant.refresh
                with pytest.raises((NeedsReconsentError, BadAnswerError)):
                    renew(provider, app, http, OUTSIDE, grant.refresh)
        if provider.revoke_url is None:
            assert revoke(provider, http, grant.access, grant.identity) is not None
            assert provider.revoke_page is not None, "the person is told where"
        else:
            assert revoke(provider, http, grant.access, grant.identity or "x") is None
            assert not [t for t, (who, _) in service.access_tokens.items() if who == "P001"]


def test_a_key_is_exchanged_for_a_token_that_says_how_long_it_holds() -> None:
    with played(GarminPersonal, faults=False) as (service, url), httpx.Client() as http:
        provider = moved(service.provider, url)
        grant = renew(provider, App(""), http, OUTSIDE, "rt-P001")
        claims = json.loads(base64.urlsafe_b64decode(grant.access.split(".")[1] + "=="))
        assert grant.access_ends.timestamp() > 0
        assert claims["exp"] > NOW.timestamp() - 365 * 86_400
        client = make_client(provider, FixedToken(grant.access), OUTSIDE, http, ())
        assert client.ask("/wellness-service/wellness/dailyHeartRate", {"date": "2026-10-24"})
        with pytest.raises(NeedsReconsentError):
            renew(provider, App(""), http, OUTSIDE, "not-a-key")


def test_every_provider_has_a_module_that_keeps_the_contract_of_a_pull() -> None:
    for name, provider in PROVIDERS.items():
        module = load_module(name)
        assert (name, provider.label) == (module.NAME, module.LABEL)
        assert module.SPAN_DAYS > 0
        assert module.app_limit().size > 0
        assert all(url.startswith("https://") for url in (provider.base_url, provider.token_url))
        assert (provider.grant == "key") == (provider.authorize_url is None)


def test_addresses_can_be_put_elsewhere_with_their_paths() -> None:
    found = moved(PROVIDERS["whoop"], "http://127.0.0.1:8787/proxy/")
    assert {name: getattr(found, name) for name in URLS} == {
        "authorize_url": "http://127.0.0.1:8787/proxy/oauth/oauth2/auth",
        "token_url": "http://127.0.0.1:8787/proxy/oauth/oauth2/token",
        "revoke_url": "http://127.0.0.1:8787/proxy/developer/v2/user/access",
        "base_url": "http://127.0.0.1:8787/proxy/developer",
    }
    assert moved(PROVIDERS["garmin_personal"], "http://127.0.0.1:1").authorize_url is None
    assert (
        with_urls(PROVIDERS["oura"], {"base_url": "https://proxy.example/"}).base_url
        == "https://proxy.example"
    )


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(LiveError, match="no address of a provider"):
        with_urls(PROVIDERS["oura"], {"scopes": "https://x"})
    with pytest.raises(LiveError, match="neither http nor https"):
        with_urls(PROVIDERS["oura"], {"base_url": "file:///etc"})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("garmin", "contract with Garmin"),
        ("apple_health", "no service"),
        ("health_connect", "no service"),
        ("nike", "There is no provider"),
    ],
)
def test_who_cannot_be_asked_is_told_the_road_that_there_is(name: str, words: str) -> None:
    with pytest.raises(LiveError, match=words):
        find_provider(name)


def test_a_client_speaks_as_its_provider_does() -> None:
    with httpx.Client() as http:
        clients = {
            name: make_client(provider, FixedToken("t"), OUTSIDE, http, ())
            for name, provider in PROVIDERS.items()
        }
    assert {name for name, client in clients.items() if client.form} == {"withings"}
    refused = httpx.Response(200, content=b'{"status": 401, "body": {}}')
    assert {name for name, client in clients.items() if client.restate(refused).status_code == 401} == {
        "withings"
    }
