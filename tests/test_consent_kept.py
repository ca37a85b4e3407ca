"""Who takes a consent back: no page, no mail, and the command, the operator and the erasure tell what is so."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from build_weeks import HEAVY_WEEK, MONDAY, fill
from mail_servers import BEFORE, NOW, Post, enrol, run_server, vault_of
from test_consent import ANN, BEN, make

from cli import permit
from cli.forget import forget_person
from cli.night import mail_pages
from cli.post import Posted, PostError
from cli.serve import open_site
from cli.settings import Settings, read_settings
from reports.months import write_months
from reports.sheet import read_sheet
from reports.weekly import write_week
from reports.wishes import why_no_page
from warehouse.consent import (
    PURPOSES,
    ConsentError,
    is_allowed,
    list_releases,
    read_statements,
    write_consent,
    write_consents,
)
from warehouse.errors import ExplainedError
from warehouse.publish import publish
from warehouse.status import describe_consent
from warehouse.store import open_warehouse
from warehouse.tables import TABLES

Steadyline = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return make(tmp_path / "w.duckdb", ANN, BEN)


# --- pages and mails -----------------------------------------------------------------------------


def test_a_consent_is_asked_after_the_age_and_before_a_pause() -> None:
    paused = {"pause": "yes"}
    assert why_no_page(paused, allowed=False) == "no consent to pages"
    assert why_no_page({**paused, "age_band": "under18"}, allowed=False) == "under 18"
    assert (why_no_page(paused, allowed=True), why_no_page({}, allowed=True)) == ("paused", None)


def test_who_allows_no_pages_gets_none_and_keeps_those_that_are_there(tmp_path: Path) -> None:
    settings = read_settings({"STEADYLINE_VAR": str(tmp_path / "var")})
    warehouse, reports = Path(settings.warehouse), settings.reports
    fill(warehouse, tmp_path / "s", {ANN: HEAVY_WEEK, BEN: HEAVY_WEEK})
    with open_warehouse(warehouse) as con:
        for who in (ANN, BEN):
            con.execute("insert into meta.participant values (?, 'Europe/Berlin', ?)", [who, NOW])
    write_consent(warehouse, ANN, "pages", False, now=NOW)
    kept = reports / ANN / "2020-W28.html"
    kept.parent.mkdir(parents=True)
    kept.write_text("an old page")
    after = MONDAY + timedelta(days=7)
    people = [ANN, BEN]
    written = write_week(warehouse, tmp_path / "s", reports, participants=people, before=after)
    assert written.unwritten == {ANN: "no consent to pages"}
    assert [path.parent.name for path in written.pages] == [BEN]
    assert [p.parent.name for p in write_months(warehouse, reports, participants=people, before=after)] == [
        BEN
    ]
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    with pytest.raises(ExplainedError, match=f"^{ANN} does not allow pages"):
        read_sheet(warehouse, ANN, before=after)
    with pytest.raises(ExplainedError, match=f"^{ANN} does not allow pages"):
        open_site(settings, ANN, wait_s=0)
    assert open_site(settings, BEN, wait_s=0).participant == BEN


@pytest.fixture
def mailing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation with two people who want mails."""
    monkeypatch.setattr("cli.keys.usable_keyring", lambda: None)
    settings = read_settings({"STEADYLINE_VAR": str(tmp_path / "var")})
    for who in (ANN, BEN):
        enrol(settings, who, f"{who}@example.org", mail="yes")
    return settings


@pytest.mark.parametrize("purpose", ["mail", "pages"])
def test_no_mail_goes_to_who_does_not_allow_it_whatever_the_setting_says(
    mailing: Settings, purpose: str
) -> None:
    with pytest.raises(PostError):
        mail_pages(mailing, {}, before=BEFORE, now=NOW)
    write_consent(mailing.warehouse, ANN, purpose, False, now=NOW)
    with run_server(Post()) as server:
        assert mail_pages(mailing, server.environ, before=BEFORE, now=NOW) == Posted(sent=1)
        assert server.post.people == [f"{BEN}@example.org"]
    assert waiting(mailing) == []


@pytest.mark.parametrize(("words", "left"), [("mail=no", [BEN]), ("pages=no", [BEN]), ("raw=no", [ANN, BEN])])
def test_mails_that_wait_are_deleted_as_soon_as_it_is_said(
    mailing: Settings, words: str, left: list[str]
) -> None:
    with pytest.raises(PostError):
        mail_pages(mailing, {}, before=BEFORE, now=NOW)
    assert waiting(mailing) == [ANN, BEN]
    assert permit.stop_at_once(mailing, ANN, permit.read_said([words]), wait_s=0) == []
    assert waiting(mailing) == left


def test_a_run_that_is_sending_keeps_what_was_said_and_is_told_of(mailing: Settings) -> None:
    with vault_of(mailing).hold("queue"):
        (told,) = permit.stop_at_once(mailing, ANN, {"mail": False}, wait_s=0)
    assert told.startswith("mails that wait may still go out: Another run is at work (queue)")


def waiting(settings: Settings) -> list[str]:
    rows = vault_of(settings).list_kind("queue")
    return sorted(row.participant for row in rows if row.note.status == "waiting")


# --- the command, the operator, the erasure ------------------------------------------------------


def test_the_command_shows_says_and_tells_what_has_left(tmp_path: Path, steadyline: Steadyline) -> None:
    warehouse = make(tmp_path / "steadyline.duckdb", ANN, BEN)
    words = ("consent", "--participant", ANN)
    first = steadyline(*words, "research=yes", "raw=yes", "pages=yes", var=tmp_path)
    assert first.stdout.splitlines()[:3] == [
        f"{name}: allowed from now on, by text 1." for name in ("research", "raw", "pages")
    ]
    publish(warehouse, tmp_path / "published.duckdb", now=datetime(2026, 11, 20))
    again = steadyline(*words, "research=yes", var=tmp_path)
    assert re.match(
        r"research: allowed already, since \d{4}-\d\d-\d\d; nothing was written\.\n", again.stdout
    )
    back = json.loads(steadyline(*words, "research=no", "--json", var=tmp_path).stdout)
    assert back["told"] == [
        (
            "research: not allowed any more; this takes effect with the next publish and the next export, which leave"
            " you out."
        ),
        "research: what has left before cannot be called back: the published copy (duckdb), once, on 2026-11-20.",
        "raw: not allowed any more; this takes effect with the next export, which leaves your raw signals out.",
        "raw: nothing has left for others before.",
    ]
    holds = {row["purpose"]: (row["allowed"], row["text"]) for row in back["consent"]}
    assert holds == {
        "pages": (True, "1"),
        "research": (False, "1"),
        "raw": (False, "1"),
        "mail": (True, None),
    }
    assert [one["way"] for one in back["left"]] == ["published"]
    assert len(back["said"]) == 5
    shown = " ".join(steadyline(*words, var=tmp_path).stdout.split())
    assert "nothing was said, so it is on" in shown
    assert "what has left for others" in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["research"], "Expected research=yes or research=no, not 'research'."),
        (["research=maybe"], "Expected research=yes or research=no, not 'research=maybe'."),
        (["fun=yes"], "There is no purpose 'fun': there are pages, research, raw, mail."),
        (["raw=no", "raw=yes"], "The purpose 'raw' is given twice: say yes or no once."),
    ],
)
def test_what_is_not_yes_or_no_to_a_purpose_is_one_sentence(words: list[str], told: str) -> None:
    with pytest.raises(ConsentError) as caught:
        permit.read_said(words)
    assert str(caught.value) == told


def told_of(url: Path, words: Mapping[str, bool]) -> list[str]:
    new = write_consents(url, ANN, words, now=NOW)
    with open_warehouse(url, read_only=True) as con:
        holding = {name: is_allowed(con, ANN, name) for name in PURPOSES}
        return permit.tell_said(words, new, read_statements(con, ANN), list_releases(con, ANN), holding)


def test_a_first_no_and_raw_alone_are_told_as_what_they_are(warehouse: Path) -> None:
    assert told_of(warehouse, {"research": False}) == [
        "research: not allowed, as it was; that is written down now."
    ]
    assert told_of(warehouse, {"raw": True}) == [
        "raw: allowed from now on, by text 1.",
        "raw: counts only together with research, which is not allowed.",
    ]
    assert told_of(warehouse, {"pages": False}) == [
        (
            "pages: not allowed any more; this takes effect at once: no page, months or sheet is written or shown, and"
            " no mail is sent; pages that are there stay where they are unless you ask for them to be deleted."
        )
    ]


def test_an_operator_reads_counts_and_no_names(warehouse: Path) -> None:
    write_consents(warehouse, ANN, {"research": True, "mail": False}, now=NOW)
    with open_warehouse(warehouse, read_only=True) as con:
        assert describe_consent(con) == [
            {"use": "pages", "people": 2},
            {"use": "research", "people": 1},
            {"use": "raw", "people": 0},
            {"use": "mail", "people": 1},
        ]


def test_an_erasure_takes_all_of_it_and_says_what_it_cannot_reach(tmp_path: Path) -> None:
    settings = read_settings({"STEADYLINE_VAR": str(tmp_path)})
    warehouse = make(Path(settings.warehouse), ANN, BEN)
    write_consent(warehouse, ANN, "research", True, now=NOW)
    publish(warehouse, settings.published, now=NOW)
    with open_warehouse(warehouse) as con:
        con.execute("insert into meta.alias values (?, 's-1', 7)", [ANN])
        con.execute("insert into meta.plan (participant, plan) values (?, 1)", [ANN])
    told: list[str] = []
    forget_person(settings, ANN, tell=told.append)
    assert told == [
        (
            f"{ANN}: what has left before cannot be called back: the published copy (duckdb), once, on"
            f" {NOW:%Y-%m-%d}."
        )
    ]
    with open_warehouse(warehouse, read_only=True) as con:
        for table in TABLES:
            assert ANN not in str(con.execute(f"select * from {table.full_name}").fetchall()), table.full_name
        assert con.execute("select rows from meta.erasure").fetchall() == [(6,)], "five of meta, one feature"
    assert ANN.encode() not in settings.published.read_bytes()
