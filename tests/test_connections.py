"""Connections: single-use tokens survive processes, kills and lost answers; the right account; no secret told."""

from __future__ import annotations

import base64
import json
import logging
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from conftest import ROOT
from servers import Server, running
from servers.google_health import CLIENT
from servers.visit import NOW, World

from cli.keys import FileKeys
from ingest.connections import (
    KIND,
    LOST,
    Held,
    NotConnectedError,
    StoredTokens,
    as_held,
    as_value,
    list_connections,
    note_success,
    note_trouble,
    read_held,
    unhurried,
)
from ingest.consent import FixedToken, SharedAccountError, WrongAccountError, connect, end_consent
from ingest.live import oauth
from ingest.live.client import (
    BadAnswerError,
    Client,
    LiveError,
    NeedsReconsentError,
    OfflineError,
    ProviderDownError,
    RateLimitedError,
)
from ingest.live.oauth import App, Grant, UnknownAppError, make_question
from ingest.live.providers import PROVIDERS, Provider, moved
from ingest.vault import Note, Vault, open_vault

APP = App(*CLIENT)
PLAIN = NOW.replace(tzinfo=None)
WHO = "P002"
OURA = PROVIDERS["oura"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # A token that holds for a minute is never begun with, so that every use is a refresh.
    with running("google_health", "--rotate", "--no-faults", "--ttl", "60") as found:
        yield found


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path / "vault.db", FileKeys(tmp_path / "vault.key"))


def google(server: Server | str = "http://127.0.0.1:9") -> Provider:
    """Google Health as a test has it: at the fake, and with refresh tokens that serve once."""
    url = server if isinstance(server, str) else server.url
    return replace(moved(PROVIDERS["google_health"], url), rotates=True)


def keep(
    vault: Vault, held: Held, who: str = WHO, provider: str = "google_health", note: Note | None = None
) -> None:
    before = vault.read(who, KIND, provider)
    version = 0 if before is None else before.version
    vault.write(who, KIND, provider, as_value(held), compare_version=version, note=note or Note("active"))


def tokens_of(
    vault: Vault, provider: Provider, http: httpx.Client, conceal: Callable[[str], None] = lambda _: None
) -> StoredTokens:
    return StoredTokens(vault, provider, APP, WHO, World().outside(), http, conceal)


def status_of(vault: Vault, who: str = WHO) -> Note:
    (one,) = list_connections(vault, who)
    return one.note


CHILD = """
import sys, os, signal
from dataclasses import replace
from pathlib import Path
import httpx
from cli.keys import FileKeys
from ingest.connections import StoredTokens
from ingest.live import oauth
from ingest.live.oauth import App
from ingest.live.providers import PROVIDERS, moved
from ingest.vault import Vault, open_vault
from servers.google_health import CLIENT
from servers.visit import World
url, folder, what = sys.argv[1:4]
root = Path(folder)
vault = open_vault(root / "vault.db", FileKeys(root / "vault.key"))
provider = replace(moved(PROVIDERS["google_health"], url), rotates=True)
post = oauth.post
def post_and(number):
    def posted(*words):
        found = post(*words)
        os.kill(os.getpid(), number)
        return found
    return posted
if what in ("9", "15"):
    oauth.post = post_and(int(what))
with httpx.Client() as http:
    tokens = StoredTokens(vault, provider, App(*CLIENT), "P002", World().outside(), http)
    for _ in range(1 if what in ("9", "15") else int(what)):
        answer = httpx.get(url + "/v4/users/me/identity", headers={"Authorization": "Bearer " + tokens.get()})
        assert answer.status_code == 200, answer.text
"""


def child(server: Server, folder: Path, what: str) -> subprocess.Popen[str]:
    """A process of its own that gets tokens so many times, or gets one and is ended by a signal at the worst moment."""
    words = [sys.executable, "-c", CHILD, server.url, str(folder), what]
    environ = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    return subprocess.Popen(words, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True)


# --- tokens that serve once --------------------------------------------------------------------


def test_processes_that_refresh_at_once_lose_nothing(server: Server, vault: Vault, tmp_path: Path) -> None:
    server.tell("reset")
    keep(vault, Held(refresh=f"rt-{WHO}"))
    children = [child(server, tmp_path, "4") for _ in range(4)]
    said = [one.communicate(timeout=60)[1] for one in children]
    assert [one.returncode for one in children] == [0] * 4, "\n".join(said)
    assert status_of(vault).status == "active"
    held, _ = read_held(vault, WHO, "google_health")
    assert held.refresh not in (None, f"rt-{WHO}")
    assert held.renewing is None
    with httpx.Client() as http:
        tokens_of(vault, google(server), http).refresh(held.access or "")
    assert read_held(vault, WHO, "google_health")[0].refresh != held.refresh, "the last one kept serves too"


def test_what_another_process_got_is_used_and_not_asked_for_again(server: Server, vault: Vault) -> None:
    ends = PLAIN + timedelta(hours=1)
    keep(vault, Held(access="ya29.newer", access_ends=ends, refresh="rt-spent"))
    with httpx.Client() as http:
        tokens = tokens_of(vault, google(server), http)
        assert tokens.get() == "ya29.newer"
        assert tokens.refresh("ya29.older") == "ya29.newer"
        with pytest.raises(NeedsReconsentError):
            tokens.refresh("ya29.newer")


def test_a_kill_between_refresh_and_store_is_told_as_that(
    server: Server, vault: Vault, tmp_path: Path
) -> None:
    server.tell("reset")
    keep(vault, Held(refresh=f"rt-{WHO}"))
    died = child(server, tmp_path, "9")
    died.communicate(timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert read_held(vault, WHO, "google_health")[0].renewing is not None
    with httpx.Client() as http, pytest.raises(NeedsReconsentError) as caught:
        tokens_of(vault, google(server), http).get()
    assert str(caught.value) == LOST
    note = status_of(vault)
    assert (note.status, note.error) == ("needs_reconsent", LOST)


def test_being_asked_to_end_waits_until_the_token_is_kept(
    server: Server, vault: Vault, tmp_path: Path
) -> None:
    server.tell("reset")
    keep(vault, Held(refresh=f"rt-{WHO}"))
    died = child(server, tmp_path, "15")
    died.communicate(timeout=60)
    assert died.returncode == -signal.SIGTERM
    held, _ = read_held(vault, WHO, "google_health")
    assert held.refresh != f"rt-{WHO}"
    with httpx.Client() as http:
        assert tokens_of(vault, google(server), http).get().startswith("ya29.secret")


def test_a_second_ctrl_c_is_heard_at_once() -> None:
    reached: list[int] = []

    def stop_twice() -> None:
        with unhurried():
            signal.raise_signal(signal.SIGINT)
            reached.append(1)
            signal.raise_signal(signal.SIGINT)
            reached.append(2)

    before = signal.getsignal(signal.SIGTERM)
    # What runs in the background of a shell may have been started with Ctrl-C ignored.
    was = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            stop_twice()
    finally:
        signal.signal(signal.SIGINT, was)
    assert reached == [1]
    assert signal.getsignal(signal.SIGTERM) == before


# --- what a token endpoint may say -------------------------------------------------------------


def scripted(*answers: httpx.Response | Exception, seen: list[httpx.Request] | None = None) -> httpx.Client:
    """A network of which every answer is given; it knows no more than these."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return httpx.Client(transport=httpx.MockTransport(answer))


def refused(word: str, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": word, "error_description": "secret-words"})


def given(**more: Any) -> httpx.Response:
    return httpx.Response(200, json={"access_token": "at-2", "expires_in": 3600, **more})


def try_refresh(
    vault: Vault, *answers: httpx.Response | Exception, provider: Provider = OURA
) -> LiveError | None:
    with scripted(*answers) as http:
        tokens = StoredTokens(vault, provider, APP, WHO, World().outside(), http)
        try:
            tokens.refresh("at-1")
        except LiveError as error:
            return error
    return None


@pytest.mark.parametrize(
    ("answers", "kind", "lost"),
    [
        ([httpx.ConnectError("at-1")] * 3, OfflineError, False),
        ([httpx.ReadTimeout("at-1")] * 3, ProviderDownError, True),
        ([httpx.Response(503)] * 3, ProviderDownError, True),
        ([httpx.Response(429, headers={"Retry-After": "7200"})], RateLimitedError, False),
        ([refused("invalid_client", 401)], UnknownAppError, False),
        ([httpx.Response(200, text="<html>log in</html>")], BadAnswerError, False),
    ],
    ids=["offline", "answer lost", "down", "too many", "app not known", "login page"],
)
def test_what_may_pass_leaves_the_connection_and_tells_a_lost_answer_from_a_refusal(
    vault: Vault, answers: list[httpx.Response | Exception], kind: type[LiveError], lost: bool
) -> None:
    keep(vault, Held(access="at-1", refresh="rt-1"), provider="oura")
    assert type(try_refresh(vault, *answers)) is kind
    assert status_of(vault).status == "active"
    assert read_held(vault, WHO, "oura")[0].refresh == "rt-1"
    error = try_refresh(vault, refused("invalid_grant"))
    assert isinstance(error, NeedsReconsentError)
    assert (str(error) == LOST) is lost
    assert status_of(vault).status == "needs_reconsent"


def test_a_lost_answer_is_asked_for_again_and_may_come(vault: Vault) -> None:
    keep(vault, Held(access="at-1", refresh="rt-1"), provider="oura")
    assert try_refresh(vault, httpx.ReadTimeout(""), given(refresh_token="rt-2")) is None
    held, _ = read_held(vault, WHO, "oura")
    assert (held.access, held.refresh, held.renewing) == ("at-2", "rt-2", None)


def test_a_wait_that_is_told_is_kept(vault: Vault) -> None:
    keep(vault, Held(access="at-1", refresh="rt-1"), provider="oura")
    error = try_refresh(vault, httpx.Response(429, headers={"Retry-After": "7200"}))
    assert isinstance(error, RateLimitedError)
    assert error.until == NOW + timedelta(hours=2)
    note_trouble(vault, WHO, "oura", PLAIN, str(error), not_before=error.until)
    assert read_held(vault, WHO, "oura")[0].not_before == PLAIN + timedelta(hours=2)
    note_success(vault, WHO, "oura", PLAIN, date(2026, 10, 28))
    held, _ = read_held(vault, WHO, "oura")
    assert (held.not_before, held.reached) == (None, date(2026, 10, 28))
    note_success(vault, WHO, "oura", PLAIN, date(2026, 10, 1))
    assert read_held(vault, WHO, "oura")[0].reached == date(2026, 10, 28), "an older pull takes nothing back"


def test_a_connection_that_was_ended_meanwhile_stays_ended_and_the_new_token_is_taken_back(
    vault: Vault,
) -> None:
    keep(vault, Held(refresh="rt-1"), provider="google_health")
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/token":
            vault.delete_participant(WHO)
            return given(refresh_token="rt-2")
        return httpx.Response(200)

    with httpx.Client(transport=httpx.MockTransport(answer)) as http, pytest.raises(NotConnectedError):
        tokens_of(vault, google(), http).get()
    assert vault.read(WHO, KIND, "google_health") is None
    assert [request.url.path for request in seen] == ["/token", "/revoke"]
    assert parse_qs(seen[1].content.decode()) == {"token": ["rt-2"]}


def form(request: httpx.Request) -> dict[str, str]:
    return {key: value for key, (value,) in parse_qs(request.content.decode()).items()}


def test_every_provider_is_asked_in_its_own_way() -> None:
    def asked(name: str, answer: httpx.Response) -> tuple[httpx.Request, Grant]:
        seen: list[httpx.Request] = []
        with scripted(answer, seen=seen) as http:
            grant = oauth.renew(PROVIDERS[name], APP, http, World().outside(), "rt-1")
        return seen[0], grant

    plain = {"grant_type": "refresh_token", "refresh_token": "rt-1"}
    mine = {"client_id": CLIENT[0], "client_secret": CLIENT[1]}
    request, grant = asked("google_health", given(refresh_token_expires_in=604_799, scope="b a"))
    assert form(request) == plain | mine
    assert (grant.refresh, grant.scopes) == (None, ("a", "b"))
    assert grant.consent_ends == PLAIN + timedelta(seconds=604_799)
    request, _ = asked("whoop", given())
    assert form(request) == plain | mine | {"scope": "offline"}
    request, grant = asked("polar", given(x_user_id=10579))
    assert form(request) == plain
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode() == ":".join(
        CLIENT
    )
    assert grant.identity == "10579"
    body = {"access_token": "at-2", "expires_in": "10800", "refresh_token": "rt-2", "userid": 363}
    request, grant = asked("withings", httpx.Response(200, json={"status": 0, "body": body}))
    assert form(request) == plain | mine | {"action": "requesttoken"}
    assert (grant.access, grant.refresh, grant.identity) == ("at-2", "rt-2", "363")
    claims = (
        base64.urlsafe_b64encode(json.dumps({"exp": NOW.timestamp() + 900}).encode()).decode().rstrip("=")
    )
    request, grant = asked("garmin_personal", httpx.Response(200, text=f"e30.{claims}.c2ln"))
    assert request.headers["Authorization"] == "ApiKey rt-1"
    assert request.content == b""
    assert grant.access_ends == PLAIN + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("name", "answer", "kind"),
    [
        ("withings", httpx.Response(200, json={"status": 401, "error": "token"}), NeedsReconsentError),
        (
            "withings",
            httpx.Response(200, json={"status": 503, "error": "invalid refresh_token"}),
            NeedsReconsentError,
        ),
        ("withings", httpx.Response(200, json={"status": 601}), RateLimitedError),
        ("withings", httpx.Response(200, json={"status": 2555}), BadAnswerError),
        ("garmin_personal", httpx.Response(401), NeedsReconsentError),
        ("garmin_personal", httpx.Response(200, text="<html>"), BadAnswerError),
        ("oura", httpx.Response(200, json=[1]), BadAnswerError),
    ],
)
def test_a_refusal_means_what_its_provider_means(
    name: str, answer: httpx.Response, kind: type[LiveError]
) -> None:
    with scripted(answer) as http, pytest.raises(kind):
        oauth.renew(PROVIDERS[name], APP, http, World().outside(), "rt-1")


def test_a_token_without_refresh_tokens_is_used_until_it_is_refused(vault: Vault) -> None:
    polar = PROVIDERS["polar"]
    keep(vault, Held(access="at-1", access_ends=PLAIN - timedelta(days=9)), provider="polar")
    with scripted() as http:
        tokens = StoredTokens(vault, polar, APP, WHO, World().outside(), http)
        assert tokens.get() == "at-1"
        with pytest.raises(NeedsReconsentError):
            tokens.refresh("at-1")
    assert status_of(vault).status == "needs_reconsent"


# --- whose account it is -----------------------------------------------------------------------


def take_consent(
    vault: Vault, who: str, number: str, provider: Provider = OURA, **more: Any
) -> tuple[str, ...]:
    """Connect a person with the account of that number."""
    with scripted(httpx.Response(200, json={"id": number, "email": "a@b.example"})) as http:
        client = Client(provider.label, provider.base_url, FixedToken("at-9"), World().outside(), http)
        grant = Grant("at-9", PLAIN + timedelta(hours=1), **{"refresh": "rt-9", **more})
        return connect(vault, provider, who, grant, client, timezone="Europe/Berlin")


def test_the_account_is_kept_and_another_one_is_refused_later(vault: Vault) -> None:
    missing = take_consent(vault, "p-a", "one", scopes=("daily", "heartrate"))
    assert missing == ("personal", "workout", "spo2", "stress")
    held, entry = read_held(vault, "p-a", "oura")
    assert (held.identity, held.scopes, held.timezone) == ("one", ("daily", "heartrate"), "Europe/Berlin")
    assert "a@b.example" not in json.dumps(entry.value), "only the number is kept"
    note_success(vault, "p-a", "oura", PLAIN, date(2026, 10, 1))
    with pytest.raises(WrongAccountError, match="another Oura account"):
        take_consent(vault, "p-a", "two", refresh="rt-wrong")
    assert read_held(vault, "p-a", "oura")[0].refresh == "rt-9"
    with pytest.raises(SharedAccountError, match="connected for p-a already"):
        take_consent(vault, "p-b", "one")
    assert list_connections(vault, "p-b") == []
    note_trouble(vault, "p-a", "oura", PLAIN, "withdrawn", needs_reconsent=True)
    assert take_consent(vault, "p-a", "one", refresh="rt-new") == ()
    held, entry = read_held(vault, "p-a", "oura")
    assert (held.refresh, held.reached, entry.note.status) == ("rt-new", date(2026, 10, 1), "active")


def test_a_consent_that_would_not_last_or_names_nobody_is_not_kept(vault: Vault) -> None:
    with pytest.raises(LiveError, match="no refresh token"):
        take_consent(vault, "p-a", "one", refresh=None)
    with pytest.raises(LiveError, match="whose account"):
        take_consent(vault, "p-a", "")
    assert list_connections(vault) == []


def test_polar_registers_an_account_once_under_a_name_that_tells_nothing(vault: Vault) -> None:
    polar = PROVIDERS["polar"]
    seen: list[httpx.Request] = []
    with scripted(httpx.Response(409), seen=seen) as http:
        client = Client(polar.label, polar.base_url, FixedToken("at-9"), World().outside(), http)
        grant = Grant("at-9", PLAIN, identity="77")
        assert connect(vault, polar, "p-a", grant, client, timezone=None) == ()
    assert seen[0].url.path == "/v3/users"
    assert "p-a" not in seen[0].content.decode()


def test_the_consent_page_is_asked_with_a_challenge_and_a_state_of_its_own() -> None:
    one, two = (make_question(PROVIDERS["google_health"], APP, "http://127.0.0.1:1/") for _ in range(2))
    asked = {key: value for key, (value,) in parse_qs(urlsplit(one.address).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert asked["access_type"] == "offline"
    assert asked["state"] == one.state != two.state
    assert len(one.state) >= 43
    assert one.verifier not in one.address
    assert one.verifier != two.verifier
    assert 43 <= len(one.verifier) <= 128, "RFC 7636, 4.1"
    assert one.verifier not in repr(one)


def test_ending_a_consent_uses_each_providers_way_and_no_log_has_the_token(
    vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ends = PLAIN + timedelta(hours=1)
    for name, expected in (
        ("google_health", ("POST", "", "token=rt-secret", None)),
        ("oura", ("POST", "access_token=at-secret", "", None)),
        ("whoop", ("DELETE", "", "", "Bearer at-secret")),
        ("polar", ("DELETE", "", "", "Bearer at-secret")),
    ):
        keep(
            vault,
            Held(access="at-secret", access_ends=ends, refresh="rt-secret", identity="7/7"),
            provider=name,
        )
        seen: list[httpx.Request] = []
        with scripted(httpx.Response(200), seen=seen) as http:
            tokens = StoredTokens(vault, PROVIDERS[name], APP, WHO, World().outside(), http)
            assert end_consent(tokens) is None
        (asked,) = seen
        told = (
            asked.method,
            asked.url.query.decode(),
            asked.content.decode(),
            asked.headers.get("Authorization"),
        )
        assert told == expected
    assert "7%2F7" in str(asked.url)
    assert not [record for record in caplog.records if "secret" in record.getMessage()]
    logging.getLogger("httpx").info("it logs as before")
    assert "it logs as before" in caplog.text


def test_what_cannot_be_taken_back_is_told(vault: Vault) -> None:
    keep(
        vault,
        Held(access="at-1", access_ends=PLAIN + timedelta(hours=1), refresh="rt-1"),
        provider="withings",
    )
    with scripted() as http:
        told = end_consent(StoredTokens(vault, PROVIDERS["withings"], APP, WHO, World().outside(), http))
    assert told == "the provider has no way to do it from here"
    keep(vault, Held(refresh="rt-1"))
    with scripted(httpx.ConnectError("rt-1")) as http:
        assert end_consent(tokens_of(vault, google(), http)) == "the provider could not be reached"
    with scripted(httpx.Response(400, json={"error": "invalid_token"})) as http:
        assert end_consent(tokens_of(vault, google(), http)) is None, "it was taken back before"


# --- no secret anywhere ------------------------------------------------------------------------


def test_no_secret_is_in_a_log_an_error_a_repr_or_a_file(
    server: Server, vault: Vault, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.tell("reset")
    concealed: set[str] = set()
    keep(vault, Held(refresh=f"rt-{WHO}"))
    told: list[str] = []
    with httpx.Client() as http:
        tokens = tokens_of(vault, google(server), http, concealed.add)
        first = tokens.get()
        second = tokens.refresh(first)
        told += [repr(tokens), repr(read_held(vault, WHO, "google_health"))]
        assert end_consent(tokens) is None
        with pytest.raises(NeedsReconsentError) as caught:
            tokens.refresh(second)
    server.tell("reset")
    told += ["".join(traceback.format_exception(caught.value)), caplog.text]
    told += [path.read_bytes().decode("latin-1") for path in tmp_path.iterdir() if path.suffix != ".key"]
    assert {first, second, f"rt-{WHO}"} <= concealed
    assert len(concealed) >= 5, "three refresh tokens and two access tokens were used"
    assert not [secret for secret in concealed for text in told if secret in text]


def test_a_connection_comes_back_as_it_was_kept() -> None:
    full = Held("a", PLAIN, "r", "7", ("x", "y"), "Asia/Tokyo", date(2026, 1, 2), PLAIN, datetime(2026, 1, 1))
    assert as_held(json.loads(json.dumps(as_value(full)))) == full
    assert as_held({"of a later version": 1}) == Held()
