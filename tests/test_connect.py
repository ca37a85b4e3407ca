"""From a consent to data and back: the listener, the commands, pulls of a night, and no secret anywhere below var."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from conftest import ROOT
from servers import Server, running
from servers.people import PEOPLE
from servers.run_live import BEFORE, agree, connect, make_environ

from cli.apps import PROVIDERS, AppError, keep_app, place_provider, read_app
from cli.connect import end_connections
from cli.consent import ConsentError, Listener, choose_redirect, listening, read_pasted, wait_for_answer
from cli.forget import forget_person
from cli.keys import FileKeys
from cli.night import run_night
from cli.pulls import Errand, Outcome, choose_first, list_people, pull_all, pull_one, tidy
from cli.settings import Settings, make_places, read_settings
from ingest.connections import KIND, Held, as_value, list_connections, read_held
from ingest.live import providers
from ingest.live.oauth import App, Question
from ingest.pull import BusyError, holding
from ingest.vault import Note, Vault, open_vault
from warehouse.errors import ExplainedError
from warehouse.store import content_hashes, open_warehouse

NOW = datetime(2026, 10, 29, 3, 0)
CLOSED = "http://127.0.0.1:9"
TOKENS = re.compile(r"ya29\.[\w-]+|\brt-[A-Z]\w*|test-client-secret")
"""What any secret of the fake looks like."""


@dataclass(frozen=True)
class House:
    """One installation, beside a fake of the service."""

    settings: Settings
    environ: dict[str, str]

    @property
    def vault(self) -> Vault:
        return open_vault(self.settings.vault, FileKeys(self.settings.vault_key))

    def give(
        self, who: str, refresh: str, *, provider: str = "google_health", zone: str | None = None
    ) -> None:
        """A connection, as a consent would have left it."""
        held = Held(refresh=refresh, timezone=zone or "Europe/London")
        before = self.vault.read(who, KIND, provider)
        version = 0 if before is None else before.version
        self.vault.write(who, KIND, provider, as_value(held), compare_version=version, note=Note("active"))

    def pull(self, who: str, days: int = 1, **more: str) -> Outcome:
        return pull_one(
            self.settings, {**self.environ, **more}, Errand(who, "google_health", BEFORE, NOW, days)
        )

    def status(self, who: str) -> Note:
        (one,) = list_connections(self.vault, who)
        return one.note


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("google_health", "--no-faults") as found:
        yield found


@pytest.fixture
def house(server: Server, tmp_path: Path) -> House:
    server.tell("reset")
    environ = make_environ(server, tmp_path / "var") | {"STEADYLINE_VAULT_KEY": ""}
    settings = read_settings(environ)
    make_places(settings)
    return House(settings, environ)


# --- where a consent comes back ----------------------------------------------------------------

QUESTION = Question("https://x.example/?a=1", "http://127.0.0.1:1/", "planted-state", "verifier")


def ask_listener(port: int, *queries: str) -> list[int]:
    return [httpx.get(f"http://127.0.0.1:{port}/{query}").status_code for query in queries]


def test_the_listener_takes_the_answer_to_its_question_and_nothing_else() -> None:
    found: list[int] = []
    with listening(0) as server:
        assert server.server_address[0] == "127.0.0.1"
        queries = ("favicon.ico", "?code=evil&state=other", "?code=evil", "?code=good&state=planted-state")
        browser = threading.Thread(target=lambda: found.extend(ask_listener(server.port, *queries)))
        browser.start()
        assert wait_for_answer(server, QUESTION, 20) == "good"
        browser.join()
        port = server.port
    assert found == [404, 404, 404, 200]
    with pytest.raises(httpx.ConnectError):
        ask_listener(port, "?code=again&state=planted-state")


def test_nobody_who_comes_back_or_disagrees_leaves_anything() -> None:
    with listening(0) as server, pytest.raises(ConsentError, match="Nobody came back"):
        wait_for_answer(server, QUESTION, 0.2)
    with listening(0) as server, socket.create_connection(("127.0.0.1", server.port)):
        server.RequestHandlerClass.timeout = 0.2  # type: ignore[attr-defined]
        with pytest.raises(ConsentError, match="Nobody came back"):
            wait_for_answer(server, QUESTION, 0.5)
    with pytest.raises(ConsentError, match="did not agree"):
        read_pasted("http://127.0.0.1:1/?error=access_denied&state=planted-state\n", QUESTION)
    with listening(0) as server, pytest.raises(ConsentError, match="in use"), listening(server.port):
        pass


@pytest.mark.parametrize("text", ["", "nonsense", "http://127.0.0.1:1/?code=c&state=wrong", "?code=c"])
def test_another_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConsentError) as caught:
        read_pasted(text, QUESTION)
    assert "code=" not in str(caught.value)


def test_what_a_browser_sees_holds_nothing_and_may_load_nothing() -> None:
    answers: list[httpx.Response] = []
    with listening(0) as server:
        address = f"http://127.0.0.1:{server.port}/?code=planted-code&state=planted-state"
        browser = threading.Thread(target=lambda: answers.append(httpx.get(address)))
        browser.start()
        wait_for_answer(server, QUESTION, 20)
        browser.join()
    assert answers[0].headers["Content-Security-Policy"] == "default-src 'none'"
    assert answers[0].headers["Cache-Control"] == "no-store"
    assert "planted" not in answers[0].text
    assert isinstance(server, Listener)


def test_where_consent_comes_back_follows_the_provider_and_what_is_registered() -> None:
    google, whoop = providers.PROVIDERS["google_health"], providers.PROVIDERS["whoop"]
    assert choose_redirect(google, App("x")) == (None, 0)
    with pytest.raises(ConsentError, match="STEADYLINE_WHOOP_REDIRECT"):
        choose_redirect(whoop, App("x"))
    assert choose_redirect(whoop, App("x", redirect="https://a.example/back")) == (
        "https://a.example/back",
        None,
    )
    assert choose_redirect(whoop, App("x", redirect="http://localhost:8537/")) == (
        "http://localhost:8537/",
        8537,
    )


# --- our registration --------------------------------------------------------------------------


def test_the_apps_id_and_secret_come_from_the_environment_or_the_vault(house: House) -> None:
    oura = place_provider("oura", {})
    with pytest.raises(AppError, match="steadyline vault app oura"):
        read_app(oura, {}, house.vault)
    keep_app(house.vault, "oura", " id \n", "planted-secret", "http://localhost:8537/")
    app = read_app(oura, {}, house.vault)
    assert app == App("id", "planted-secret", "http://localhost:8537/")
    assert "planted-secret" not in repr(app)
    environ = {"STEADYLINE_OURA_CLIENT_ID": "other", "STEADYLINE_OURA_REDIRECT": "https://a.example/"}
    assert read_app(oura, environ, house.vault) == App("other", "", "https://a.example/")
    assert read_app(place_provider("garmin_personal", {}), {}, house.vault) == App("")


def test_tokens_do_not_cross_a_network_in_the_clear() -> None:
    for origin in ("http://proxy.example", "http://127.0.0.1.evil.example", "ftp://127.0.0.1"):
        with pytest.raises(AppError, match="https"):
            place_provider("oura", {"STEADYLINE_OURA_AT": origin})
    assert (
        place_provider("oura", {"STEADYLINE_OURA_AT": "https://p.example/o"}).base_url
        == "https://p.example/o"
    )


def test_the_list_of_providers_is_that_of_the_table() -> None:
    assert tuple(providers.PROVIDERS) == PROVIDERS


# --- the commands ------------------------------------------------------------------------------


def test_three_ways_to_consent_and_the_right_account(
    house: House, server: Server, steadyline: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """With a browser on this machine, without one, and not at all."""
    words = [sys.executable, "-m", "cli", "connect", "google_health", "--participant", "P001"]
    environ = {**os.environ, **house.environ, "PYTHONUNBUFFERED": "1"}
    listening_ = subprocess.Popen(
        [*words, "--timezone", "Europe/London"], cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True
    )
    assert listening_.stdout is not None
    address = listening_.stdout.readline().strip()
    assert address.startswith(f"{server.url}/o/oauth2/v2/auth?")
    page = httpx.get(f"{address}&{urlencode({'login_hint': 'P001'})}", follow_redirects=True)
    assert "Thank you" in page.text
    said, _ = listening_.communicate(timeout=30)
    assert listening_.returncode == 0
    assert "P001 is connected to Google Health" in said
    assert "This consent ends on" in said
    held, _ = read_held(house.vault, "P001", "google_health")
    assert (held.identity, held.timezone) == (PEOPLE["P001"].health_id, "Europe/London")
    assert not TOKENS.search(said)

    # The wrong account: it is refused, given back, and what was there stays.
    wrong = connect("P001", "Europe/London", house.environ, account="P002")
    assert wrong.returncode == 1
    assert "another Google Health account than P001" in wrong.stderr
    assert read_held(house.vault, "P001", "google_health")[0].identity == PEOPLE["P001"].health_id
    assert httpx.post(f"{server.url}/token", data=refresh_form("rt-P002")).status_code == 400, (
        "it was not given back"
    )
    # Somebody else's account: it is refused, and not given back, which would end theirs.
    shared = connect("P009", "Europe/London", house.environ, account="P001")
    assert "connected for P001 already" in shared.stderr
    assert httpx.post(f"{server.url}/token", data=refresh_form("rt-P001")).status_code == 200
    pasted = connect("P001", "Europe/London", house.environ, paste="http://127.0.0.1:1/?code=c&state=s")
    assert "not the address that this consent ends at" in pasted.stderr
    new = steadyline(
        "connect", "google_health", "--participant", "P010", var=house.settings.var, **house.environ
    )
    assert "P010 is new here: give the zone" in new.stderr

    ended = steadyline(
        *("disconnect", "google_health", "--participant", "P001"), var=house.settings.var, **house.environ
    )
    assert ended.stdout == "Google Health: the consent was taken back, the tokens were deleted\n"
    assert list_connections(house.vault) == []
    assert httpx.post(f"{server.url}/token", data=refresh_form("rt-P001")).status_code == 400


def refresh_form(token: str) -> dict[str, str]:
    mine = {"client_id": "test-client", "client_secret": "test-client-secret"}
    return {"grant_type": "refresh_token", "refresh_token": token, **mine}


def test_an_account_that_has_no_profile_is_told_and_not_kept(house: House) -> None:
    done = connect("P001", "Europe/London", house.environ, account="UNLINKED")
    assert done.returncode == 1
    assert "no Google Health profile" in done.stderr
    assert list_connections(house.vault) == []


# --- pulls -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reached", "days", "first"),
    [
        (None, None, "2026-11-09"),  # never pulled: two weeks
        (None, 90, "2026-08-25"),
        ("2026-11-21", None, "2026-11-09"),  # every night
        ("2026-10-01", None, "2026-09-19"),  # after an outage: no gap
        ("2026-11-21", 90, "2026-08-25"),
        ("2026-10-01", 3, "2026-09-19"),  # never less than what is new
    ],
)
def test_a_pull_asks_for_what_is_new_and_for_more_where_that_is_wanted(
    reached: str | None, days: int | None, first: str
) -> None:
    known = None if reached is None else date.fromisoformat(reached)
    assert choose_first(date(2026, 11, 22), known, days) == date.fromisoformat(first)


def test_a_pull_enrols_loads_and_notes_how_far_it_came(house: House) -> None:
    house.give("P002", "rt-P002", zone="America/New_York")
    outcome = house.pull("P002")
    assert (outcome.state, outcome.is_news) == ("pulled", False), outcome.line
    assert re.fullmatch(
        r"P002, google_health: 2026-10-28 to 2026-10-28, \d+ answers with \d+ rows", outcome.line
    )
    held, entry = read_held(house.vault, "P002", "google_health")
    assert (held.reached, entry.note.succeeded, entry.note.error) == (date(2026, 10, 28), NOW, None)
    with open_warehouse(house.settings.warehouse, read_only=True) as con:
        zones = con.execute("select participant, timezone from meta.participant").fetchall()
        assert zones == [("P002", "America/New_York")]
        assert con.execute("select count(*) > 4000 from signal.heart_rate").fetchone() == (True,)
    assert [path for path in house.settings.staging.iterdir() if path.is_dir()] == []
    raw = list((house.settings.raw / "P002" / "google_health").glob("*.zip"))
    assert len(raw) == 1
    assert raw[0].stat().st_mode & 0o077 == 0
    # The zone was for enrolling: another one kept there later does not matter.
    house.give("P002", "rt-P002", zone="Europe/Berlin")
    assert house.pull("P002").state == "pulled"


def test_one_persons_trouble_stops_nobody_and_a_lost_consent_is_told_once(house: House) -> None:
    house.give("P001", "rt-P001-withdrawn")
    house.give("P002", "rt-P002")
    house.give("P003", "rt-UNLINKED")
    first = {o.participant: o for o in pull_everybody(house)}
    assert {who: o.state for who, o in first.items()} == {
        "P001": "needs_reconsent",
        "P002": "pulled",
        "P003": "needs_reconsent",
    }
    assert first["P001"].line == (
        "P001, google_health: Google Health takes this consent no longer: the person connects the account again:"
        " 'steadyline connect google_health --participant P001'"
    )
    assert all(o.is_news and not o.is_trouble for who, o in first.items() if who != "P002")
    assert house.status("P001").status == "needs_reconsent"
    assert [o.participant for o in pull_everybody(house)] == ["P002"], "they are left alone"
    assert list_people(house.settings, "google_health") == ["P002"]
    # By hand they are tried again, and not told of as news.
    again = house.pull("P001")
    assert (again.state, again.is_news) == ("needs_reconsent", False)
    house.give("P001", "rt-P001")
    assert house.pull("P001").state == "pulled"
    assert house.status("P001").status == "active"


def pull_everybody(house: House) -> list[Outcome]:
    return list(pull_all(house.settings, house.environ, before=BEFORE, now=NOW, days=1))


def test_offline_is_one_line_for_all_and_the_night_goes_on(house: House) -> None:
    for who in ("P001", "P002"):
        house.give(who, f"rt-{who}")
    environ = {**house.environ, "STEADYLINE_GOOGLE_HEALTH_AT": CLOSED}
    done = run_night(house.settings, before=BEFORE, now=NOW, environ=environ)
    (outcome,) = done.pulls
    assert outcome.line == "P001, google_health: Google Health cannot be reached: is this machine online?"
    assert (outcome.state, outcome.is_trouble) == ("offline", False)
    assert set(done.written) == {"features", "models", "effects", "reports"}
    assert house.status("P001").status == "active"


def test_a_wait_that_a_provider_asks_for_is_kept_to(house: House, server: Server) -> None:
    house.give("P002", "rt-P002")
    assert house.pull("P002").state == "pulled"
    held, entry = read_held(house.vault, "P002", "google_health")
    later = replace(held, not_before=datetime.now(UTC).replace(tzinfo=None) + timedelta(days=2))
    house.vault.write(
        "P002", KIND, "google_health", as_value(later), compare_version=entry.version, note=entry.note
    )
    asked = len(server.tell("log"))
    outcome = house.pull("P002")
    assert (outcome.state, outcome.is_news) == ("waiting", False)
    assert len(server.tell("log")) == asked, "it was asked nevertheless"


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (KeyError("planted-personal-value"), "KeyError in test_connect.py"),
        (OSError(28, "No space left on device"), "No space left on device in test_connect.py"),
    ],
)
def test_what_nobody_foresaw_is_one_line_without_what_came(
    house: House, monkeypatch: pytest.MonkeyPatch, trouble: Exception, words: str
) -> None:
    house.give("P002", "rt-P002")

    def fail(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr("ingest.pull.pull", fail)
    outcome = house.pull("P002")
    assert (outcome.state, outcome.is_trouble) == ("refused", True)
    assert words in outcome.line
    assert "planted" not in outcome.line
    assert "planted" not in str(house.status("P002").error)


def test_a_vault_without_its_key_is_told_for_each_and_ends_nothing(house: House) -> None:
    house.give("P002", "rt-P002")
    house.settings.vault_key.unlink()
    outcome = house.pull("P002")
    assert outcome.state == "refused"
    assert "There is no key" in outcome.line
    assert (
        run_night(house.settings, before=BEFORE, now=NOW, environ=house.environ).pulls[0].state == "refused"
    )


def test_what_comes_late_scores_its_days_anew(house: House, server: Server, tmp_path: Path) -> None:
    """A night that pulled half of a day, and one that pulled the rest, give what one that pulled all gives."""
    hidden = [int(datetime.fromisoformat("2026-10-27T16:00:00+00:00").timestamp()), 2**40]
    other = House(read_settings({"STEADYLINE_VAR": str(tmp_path / "other")}), house.environ)
    make_places(other.settings)
    for one in (house, other):
        one.give("P002", "rt-P002", zone="America/New_York")
    server.tell("late", who="P002", hidden_s=hidden)
    run_night(house.settings, before=BEFORE, now=NOW, environ=house.environ)
    server.tell("late", who="P002", hidden_s=None)
    early = results(house)
    run_night(house.settings, before=BEFORE, now=NOW + timedelta(days=1), environ=house.environ)
    run_night(other.settings, before=BEFORE, now=NOW, environ=house.environ)
    assert results(house) == results(other)
    assert results(house) != early


def results(house: House) -> dict[str, str]:
    with open_warehouse(house.settings.warehouse, read_only=True) as con:
        found = content_hashes(con)
    names = ("feature.value", "model.index_day", "model.baseline", "report.insight")
    return {name: found[name] for name in names}


def test_old_answers_go_and_other_files_of_a_person_stay(house: House) -> None:
    folder = house.settings.raw / "P002" / "google_health"
    own = house.settings.raw / "P002" / "exports" / "my_2020_1.zip"
    names = [f"google_health_2026-01-01_2026-01-02_2026{m:02d}01T050000Z_ab.zip" for m in (5, 9, 10)]
    for path in (*(folder / name for name in names), own, own.with_name("my_2020_2.zip")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert tidy(house.settings, {}, now=NOW) == 1
    assert sorted(p.name for p in folder.iterdir()) == sorted(names[1:])
    assert own.exists()
    assert tidy(house.settings, {"STEADYLINE_KEEP_ANSWERS_DAYS": "0"}, now=NOW) == 1
    assert [p.name for p in folder.iterdir()] == names[2:], "the last is kept, to compare with"
    with pytest.raises(ExplainedError, match="STEADYLINE_KEEP_ANSWERS_DAYS"):
        tidy(house.settings, {"STEADYLINE_KEEP_ANSWERS_DAYS": "-3"}, now=NOW)


# --- the end of it, and secrets ----------------------------------------------------------------


def test_forgetting_takes_consents_back_and_says_where_that_did_not_work(
    house: House, server: Server
) -> None:
    house.give("P002", "rt-P002", zone="America/New_York")
    house.give("P001", "rt-P001")
    assert house.pull("P002").state == "pulled"
    house.give("P002", "rt-oura", provider="oura")
    told: list[str] = []
    environ = {**house.environ, "STEADYLINE_OURA_AT": CLOSED}
    forget_person(house.settings, "P002", environ=environ, tell=told.append)
    assert told[0] == "Google Health: the consent was taken back, the tokens were deleted"
    assert told[1].startswith(
        "Oura: the tokens were deleted here, but the consent was not taken back (Oura cannot"
    )
    assert told[1].endswith("the person can do it at https://cloud.ouraring.com/user/profile")
    assert house.vault.list_participant("P002") == []
    assert house.status("P001").status == "active"
    assert httpx.post(f"{server.url}/token", data=refresh_form("rt-P002")).status_code == 400
    assert httpx.post(f"{server.url}/token", data=refresh_form("rt-P001")).status_code == 200


def test_an_end_waits_for_no_key_and_for_no_pull(house: House) -> None:
    house.give("P002", "rt-P002")
    with (
        holding(house.settings.staging, "P002-google_health"),
        pytest.raises(BusyError),
    ):
        end_connections(house.settings, house.vault, house.environ, "P002")
    house.settings.vault_key.unlink()
    (told,) = end_connections(house.settings, house.vault, house.environ, "P002")
    assert "the tokens were deleted here; the consent was not taken back" in told
    assert list_connections(house.vault) == []
    with pytest.raises(ExplainedError, match="not connected to oura"):
        end_connections(house.settings, house.vault, house.environ, "P002", "oura")


def test_no_secret_is_anywhere_below_var_nor_in_what_was_said(
    house: House, server: Server, steadyline: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    assert connect("P002", "America/New_York", house.environ).returncode == 0
    said = []
    for words in (
        ("pull", "--date", str(BEFORE), "--days", "1"),
        ("vault", "status"),
    ):
        done = steadyline(*words, var=house.settings.var, **house.environ)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout + done.stderr)
    server.tell("revoke", who="P002")
    server.tell("expire")
    done = steadyline("nightly", "--date", str(BEFORE), var=house.settings.var, **house.environ)
    assert done.returncode == 0, done.stderr
    assert "P002, google_health: Google Health takes this consent no longer" in done.stderr
    said.append(done.stdout + done.stderr)
    status = steadyline("status", "--json", var=house.settings.var, **house.environ).stdout
    assert '"status": "needs_reconsent"' in status
    assert "to look at" in status
    assert not [text for text in [*said, status] if TOKENS.search(text)]
    held, _ = read_held(house.vault, "P002", "google_health")
    assert held.refresh == "rt-P002", "the search would be blind"
    assert secrets_below(house.settings.var) == []


def secrets_below(var: Path) -> list[str]:
    """Where anything stands that looks like a secret: in names, in bytes, in tables and in zips."""
    found = []
    for path in sorted(p for p in var.rglob("*") if p.is_file()):
        texts = [str(path), path.read_bytes().decode("latin-1")]
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as packed:
                texts += [packed.read(name).decode() for name in packed.namelist()]
        if path.suffix == ".duckdb":
            with open_warehouse(path, read_only=True) as con:
                tables = con.execute(
                    "select table_schema || '.' || table_name from information_schema.tables"
                    " where table_schema in ('meta', 'report')"
                ).fetchall()
                texts += [str(con.execute(f"select * from {name}").fetchall()) for (name,) in tables]
        found += [str(path) for text in texts if TOKENS.search(text)]
    return found


def test_the_person_of_the_fake_agrees_at_the_address_that_is_printed(server: Server) -> None:
    query = urlencode({"redirect_uri": "http://127.0.0.1:1/", "state": "s", "scope": "a"})
    assert agree(f"{server.url}/o/oauth2/v2/auth?{query}", "P001").startswith("http://127.0.0.1:1/?code=")
