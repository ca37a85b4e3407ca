"""Mails: to whom, what is in them, and that none is lost, sent twice or sent in the clear."""

from __future__ import annotations

import logging
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from email.headerregistry import Address
from pathlib import Path

import pytest
from conftest import ROOT
from mail_servers import (
    BEFORE,
    LOGIN,
    MONDAY,
    NOW,
    Post,
    Running,
    enrol,
    free_port,
    make_certificate,
    run_server,
    vault_of,
    write_page,
)
from test_forget import places_of

from cli import post
from cli.forget import forget_person
from cli.keys import FileKeys
from cli.night import mail_pages
from cli.post import MOST_REFUSALS, Posted, PostError, keep_address, keep_password
from cli.settings import Settings, read_settings
from cli.smtp import MailServerError, read_server
from ingest.vault import Note, open_vault
from ingest.vault_file import VaultError
from reports.mail import AddressError, Mail, build_message, check_address, write_mail
from warehouse.preferences import write_preferences
from warehouse.store import open_warehouse

ADA = "ada.planted-4711@example.org"
BEN = "ben.planted-4712@example.org"
LATER = timedelta(hours=25)


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("mail.log").setLevel(logging.ERROR)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with one person who wants mails."""
    settings = read_settings({"STEADYLINE_VAR": str(tmp_path / "var")})
    enrol(settings, "p-ada", ADA, mail="yes")
    return settings


@pytest.fixture
def server() -> Iterator[Running]:
    with run_server(Post()) as running:
        yield running


@pytest.fixture(autouse=True)
def key_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.keys.usable_keyring", lambda: None)


def run(settings: Settings, environ: dict[str, str], now: datetime = NOW, of: date | None = None) -> Posted:
    return mail_pages(settings, environ, before=BEFORE, now=now, of=of)


def note_of(settings: Settings, who: str = "p-ada", week: str = "2026-W29") -> Note | None:
    entry = vault_of(settings).read(who, "queue", week)
    return None if entry is None else entry.note


def test_a_mail_that_was_taken_is_noted_and_never_sent_again(settings: Settings, server: Running) -> None:
    assert run(settings, server.environ) == Posted(sent=1)
    assert run(settings, server.environ, NOW + LATER) == Posted()
    assert run(settings, server.environ, NOW + LATER, of=MONDAY) == Posted()
    write_page(settings, "p-ada", "A page that came to say something else.")
    assert run(settings, server.environ, NOW + LATER) == Posted()
    assert server.post.people == [ADA]
    assert note_of(settings) == Note("sent", succeeded=NOW)
    entry = vault_of(settings).read("p-ada", "queue", "2026-W29")
    assert entry is not None
    assert entry.value == {}, "what was sent is not kept"


def test_a_message_has_these_headers_and_no_others(settings: Settings, server: Running) -> None:
    run(settings, server.environ)
    (message,) = server.post.messages
    headers = dict(message.items())
    name, domain = headers.pop("Message-ID").strip("<>").split("@")
    assert re.fullmatch("[0-9a-f]{32}", name)
    assert domain == "example.org"
    assert headers.pop("Content-Type").startswith("multipart/alternative")
    assert headers == {
        "From": "Steadyline <post@example.org>",
        "To": ADA,
        "Subject": "Your week, 13–19 July",
        "Date": "Mon, 20 Jul 2026 03:00:00 +0000",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
    }
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "An ordinary week for p-ada’s body." in plain.get_content()
    assert server.post.lines == ["example.org"], "the machine's own name is not told"
    assert max(map(len, server.post.taken[0][1].split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("wishes", "address", "gets"),
    [
        ({"mail": "yes"}, BEN, True),
        ({"mail": "yes", "gentle": "yes", "age_band": "18-29", "pause": "no"}, BEN, True),
        ({"mail": "yes"}, None, False),
        ({"mail": "no"}, BEN, False),
        ({}, BEN, False),
        ({"mail": "yes", "pause": "yes"}, BEN, False),
        ({"mail": "yes", "age_band": "under18"}, BEN, False),
    ],
)
def test_a_mail_goes_to_who_asked_for_it_and_may_have_it(
    settings: Settings, server: Running, wishes: dict[str, str], address: str | None, gets: bool
) -> None:
    enrol(settings, "p-ben", address, **wishes)
    posted = run(settings, server.environ)
    assert server.post.people == [ADA, BEN][: 1 + gets]
    assert posted.no_address == (("p-ben",) if address is None else ())


@pytest.mark.parametrize("where", ["recipients", "mails"])
def test_a_mail_that_is_put_off_waits_longer_each_time_and_then_arrives(
    settings: Settings, server: Running, where: str
) -> None:
    setattr(server.post, where, ["451 4.7.1 <ADDRESS> try later"] * 2)
    said = {"recipients": "451 at the address", "mails": "451 at the mail"}[where]
    minutes = {0: 1, 10: 1, 20: 1, 70: 1, 90: 0}
    for minute, waiting in minutes.items():
        posted = run(settings, server.environ, NOW + timedelta(minutes=minute))
        assert (posted.waiting, posted.sent) == (waiting, 1 - waiting), minute
        note = note_of(settings)
        assert note is not None
        if waiting:
            tried = NOW + timedelta(minutes=0 if minute < 15 else 20)
            assert note == Note("waiting", failed=tried, error=said), minute
    assert server.post.people == [ADA]


def test_an_address_refused_for_good_is_told_once_and_its_mail_is_kept_for_another(
    settings: Settings, server: Running
) -> None:
    server.post.recipients = ["550 5.1.1 <ADDRESS> unknown"] * MOST_REFUSALS
    told = [run(settings, server.environ, NOW + k * LATER).refused for k in range(5)]
    assert told == [(), (), ("p-ada",), (), ()]
    assert server.post.recipients == []
    assert note_of(settings) == Note("refused", failed=NOW + 2 * LATER, error="550 at the address")
    keep_address(vault_of(settings), "p-ada", BEN)
    assert run(settings, server.environ, NOW + 5 * LATER) == Posted(sent=1)
    assert server.post.people == [BEN]


def test_a_server_that_cannot_be_reached_is_told_and_the_next_run_tries_at_once(
    settings: Settings, server: Running
) -> None:
    enrol(settings, "p-ben", BEN, mail="yes")
    away = server.environ | {"STEADYLINE_SMTP_PORT": str(free_port())}
    with pytest.raises(
        PostError, match=r"2 waiting\n.*cannot be used .connection refused.; the next run"
    ) as told:
        run(settings, away)
    assert ADA not in str(told.value)
    assert [note_of(settings, who) for who in ("p-ada", "p-ben")] == [
        Note("waiting", failed=NOW, error="connection refused")
    ] * 2
    assert run(settings, server.environ) == Posted(sent=2)


def test_without_a_server_mails_wait_and_that_is_said(settings: Settings) -> None:
    with pytest.raises(PostError, match=r"1 waiting\nno mail server is set \(STEADYLINE_SMTP_HOST\)"):
        run(settings, {})
    assert note_of(settings) == Note("waiting")


def test_a_server_that_dies_after_the_mail_gets_the_same_mail_again(
    settings: Settings, server: Running
) -> None:
    server.post.die_after = 1
    assert run(settings, server.environ) == Posted(waiting=1)
    assert note_of(settings) == Note("waiting", failed=NOW, error="the connection broke")
    assert run(settings, server.environ, NOW + LATER) == Posted(sent=1)
    (to, first), (_, second) = server.post.taken
    assert to == ADA
    assert first == second, "a resend is the same to the byte, its Message-ID with it"


def test_one_mail_that_breaks_the_connection_does_not_stop_the_others(
    settings: Settings, server: Running
) -> None:
    enrol(settings, "p-ben", BEN, mail="yes")
    server.post.die_after = 1
    assert run(settings, server.environ) == Posted(sent=1, waiting=1)
    assert server.post.people == [ADA, BEN]


def test_a_server_that_breaks_every_time_is_left_alone_after_three(
    settings: Settings, server: Running
) -> None:
    for k in range(4):
        enrol(settings, f"p-{k}", f"someone-{k}@example.org", mail="yes")
    server.post.die_after = 99
    with pytest.raises(PostError, match="5 waiting"):
        run(settings, server.environ)
    assert len(server.post.taken) == 3


def test_a_421_ends_the_connection_and_the_next_mail_opens_a_new_one(
    settings: Settings, server: Running
) -> None:
    enrol(settings, "p-ben", BEN, mail="yes")
    server.post.mails = ["421 4.3.2 closing"]
    assert run(settings, server.environ) == Posted(sent=1, waiting=1)
    assert server.post.people == [BEN]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    return make_certificate(tmp_path)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_is_checked_before_anything_is_said(
    settings: Settings, certificate: tuple[Path, ssl.SSLContext], tls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, context = certificate
    desk = Post()
    keep_password(vault_of(settings), LOGIN[1])
    with run_server(desk, tls, context, authenticator=desk.authenticate) as running:
        environ = running.environ | {"STEADYLINE_SMTP_USER": LOGIN[0]}
        with pytest.raises(PostError, match="its certificate is not trusted"):
            run(settings, environ)
        assert (desk.logins, desk.taken) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        assert run(settings, environ) == Posted(sent=1)
        assert desk.logins == [(LOGIN[0].encode(), LOGIN[1].encode())]
        wrong = environ | {"STEADYLINE_SMTP_PASSWORD": "planted-wrong-password"}
        write_page(settings, "p-ada", "Another week.", MONDAY - timedelta(days=7))
        with pytest.raises(PostError, match="login refused, 535") as told:
            run(settings, wrong, of=MONDAY - timedelta(days=7))
        assert "planted" not in str(told.value)


def test_a_server_without_starttls_gets_nothing_in_the_clear(settings: Settings, server: Running) -> None:
    with pytest.raises(PostError, match="it offers no STARTTLS"):
        run(settings, server.environ | {"STEADYLINE_SMTP_TLS": "starttls"})
    with pytest.raises(PostError, match="it speaks no TLS there"):
        run(settings, server.environ | {"STEADYLINE_SMTP_TLS": "tls"})
    assert server.post.taken == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"TLS": "none", "HOST": "mail.example.org"}, "none only for a server on this machine"),
        ({"TLS": "ssl"}, "TLS is starttls"),
        ({"PORT": "70000"}, "PORT is a number"),
        ({"PORT": "²"}, "PORT is a number"),
        ({"USER": "post"}, "USER has no password"),
        ({"FROM": ""}, "FROM is an address"),
        ({"FROM": "post@example.org\r\nBcc: other@example.org"}, "FROM is an address"),
        ({"FROM": "Me\r\nBcc: other@example.org <post@example.org>"}, "FROM is an address"),
    ],
)
def test_a_server_that_is_described_wrongly_is_one_sentence(changes: dict[str, str], told: str) -> None:
    good = {"HOST": "localhost", "TLS": "none", "FROM": "post@example.org"}
    assert read_server({f"STEADYLINE_SMTP_{k}": v for k, v in good.items()}, None) is not None
    with pytest.raises(MailServerError, match=told):
        read_server({f"STEADYLINE_SMTP_{k}": v for k, v in (good | changes).items()}, None)


def test_a_password_is_in_no_repr(settings: Settings) -> None:
    environ = {
        "HOST": "localhost",
        "TLS": "none",
        "FROM": "post@example.org",
        "USER": "u",
        "PASSWORD": LOGIN[1],
    }
    assert LOGIN[1] not in repr(read_server({f"STEADYLINE_SMTP_{k}": v for k, v in environ.items()}, None))
    mail = Mail("Your week", text=ADA, html=ADA, name="0" * 32, written=NOW)
    assert ADA not in repr(mail)


def test_who_takes_the_wish_back_is_taken_out_of_the_queue(settings: Settings, server: Running) -> None:
    for wish in ({"mail": "no"}, {"pause": "yes", "mail": "yes"}, {"pause": "no", "age_band": "under18"}):
        write_preferences(settings.warehouse, "p-ada", {"mail": "yes", "pause": "no"}, now=NOW)
        with pytest.raises(PostError):
            run(settings, {})
        write_preferences(settings.warehouse, "p-ada", wish, now=NOW)
        assert run(settings, server.environ) == Posted()
        assert note_of(settings) is None
    assert server.post.taken == []


def test_a_page_that_changes_before_it_is_sent_changes_its_mail(settings: Settings, server: Running) -> None:
    with pytest.raises(PostError):
        run(settings, {})
    write_page(settings, "p-ada", "Words of the newer page.")
    assert run(settings, server.environ) == Posted(sent=1)
    assert "Words of the newer page." in server.post.messages[0].as_string()


def test_a_page_that_is_not_what_the_table_says_is_not_sent(settings: Settings, server: Running) -> None:
    for page in settings.reports.rglob("*.html"):
        page.write_text("half a pa", encoding="utf-8")
    assert run(settings, server.environ) == Posted()


def test_a_week_long_past_is_mailed_only_if_it_is_asked_for(settings: Settings, server: Running) -> None:
    enrol(settings, "p-ben", BEN, mail="yes")
    with open_warehouse(settings.warehouse) as con:
        con.execute("delete from report.week where participant = 'p-ben'")
    old = MONDAY - timedelta(days=14)
    write_page(settings, "p-ben", "Weeks ago.", old)
    assert run(settings, server.environ) == Posted(sent=1)
    assert run(settings, server.environ, of=old + timedelta(days=3)) == Posted(sent=1)
    assert server.post.people == [ADA, BEN]


def test_only_one_run_sends_at_a_time(settings: Settings, server: Running) -> None:
    with (
        vault_of(settings).hold("queue"),
        pytest.raises(VaultError, match=r"Another run is at work \(queue\)"),
    ):
        mail_pages(settings, server.environ, before=BEFORE, now=NOW, wait_s=0.1)
    assert server.post.taken == []


def test_who_is_erased_while_mails_go_out_gets_none_and_leaves_no_row(
    settings: Settings, server: Running
) -> None:
    enrol(settings, "p-ben", BEN, mail="yes")
    server.post.on_taken = lambda: forget_person(settings, "p-ben") and None
    posted = run(settings, server.environ)
    assert (posted.sent, server.post.people) == (1, [ADA])
    assert vault_of(settings).list_participant("p-ben") == []


def test_who_is_erased_while_their_mail_is_written_leaves_no_row(
    settings: Settings, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def erase_and_write(*given: object, **named: object) -> Mail:
        forget_person(settings, "p-ada")
        return write_mail(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(post, "write_mail", erase_and_write)
    assert run(settings, server.environ) == Posted()
    assert (server.post.taken, vault_of(settings).list_participant("p-ada")) == ([], [])


KILLED = """
import os, sys
from datetime import date, datetime
from cli import keys, night
from cli.settings import read_settings

keys.usable_keyring = lambda: None
night.mail_pages(read_settings(os.environ), os.environ, before=date(2026, 7, 20), now=datetime(2026, 7, 20, 3))
"""


def test_a_run_killed_while_a_mail_goes_out_loses_none_and_repeats_that_one_only(
    settings: Settings, server: Running
) -> None:
    for name in ("b", "c"):
        enrol(settings, f"p-{name}", f"{name}@example.org", mail="yes")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("STEADYLINE")} | server.environ
    environ |= {"STEADYLINE_VAR": str(settings.var)}
    sending = subprocess.Popen([sys.executable, "-c", KILLED], cwd=ROOT, env=environ)

    def kill_at_the_second() -> None:
        if len(server.post.taken) == 2 and sending.poll() is None:
            sending.send_signal(signal.SIGKILL)
            sending.wait(timeout=30)

    server.post.on_taken = kill_at_the_second
    assert sending.wait(timeout=60) == -signal.SIGKILL
    assert run(settings, server.environ) == Posted(sent=2)
    assert server.post.people == [ADA, "b@example.org", "b@example.org", "c@example.org"]
    ids = [message["Message-ID"] for message in server.post.messages]
    assert ids[1] == ids[2]
    assert len(set(ids)) == 3


def test_a_message_id_names_the_week_and_not_the_person(settings: Settings, tmp_path: Path) -> None:
    vault = vault_of(settings)
    names = {post.mail_name(vault, who, week) for who in ("a", "b") for week in ("2026-W29", "2026-W30")}
    assert len(names) == 4
    assert post.mail_name(vault, "a", "2026-W29") in names
    vault.rotate()
    assert post.mail_name(vault, "a", "2026-W29") in names
    other = open_vault(tmp_path / "other.db", FileKeys(tmp_path / "other.key"))
    assert post.mail_name(other, "a", "2026-W29") not in names, "it could be found by trying pseudonyms"


@pytest.mark.parametrize(
    "address", ["you@example.org", "  a.b+c@ex-ample.org ", "me@bücher.example", "root@localhost"]
)
def test_a_plain_address_is_taken(address: str) -> None:
    assert check_address(address).isascii()


@pytest.mark.parametrize(
    "address",
    [
        *("", "you", "@example.org", "you@", "you@.org", "you@example..org", ".you@example.org"),
        *("a@b@example.org", "you@example.org\nBcc: x@example.org", "<you@example.org>", "you @example.org"),
        *("you@-x.org", "y" * 65 + "@example.org", "you@" + "x" * 64 + ".org", "ü@example.org"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(AddressError) as told:
        check_address(address)
    assert str(told.value) == "That is not a mail address: expected one such as you@example.org."


def test_nothing_that_a_page_holds_reaches_a_header() -> None:
    sender = Address("Steadyline", addr_spec="post@example.org")
    hostile = "p\r\nBcc: x@example.org\r\n\r\n<script>"
    message = build_message(Mail("Your week", hostile, hostile, "0" * 32, NOW), sender=sender, to=ADA)
    head = message.as_bytes().split(b"\r\n\r\n")[0]
    assert b"Bcc" not in head
    with pytest.raises(ValueError, match="linefeed"):
        build_message(Mail("x\r\nBcc: y@example.org", "", "", "0" * 32, NOW), sender=sender, to=ADA)


NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
Command = Callable[..., subprocess.CompletedProcess[str]]


def test_the_commands_keep_an_address_send_a_page_and_never_show_the_address(
    settings: Settings, server: Running, steadyline: Command
) -> None:
    enrol(settings, "p-ben", None, mail="yes")
    environ = server.environ | NO_KEYRING
    kept = steadyline("address", "--participant", "p-ben", f" {BEN} ", var=settings.var, **environ)
    assert kept.returncode == 0, kept.stderr
    assert "The address is kept, encrypted." in kept.stdout
    words = ("week", "--mail", "--participant", "p-ben", "--date", BEFORE.isoformat())
    sent = steadyline(*words, var=settings.var, **environ)
    assert (sent.returncode, sent.stderr) == (0, "mails: 1 sent, 0 waiting\n")
    assert server.post.people == [BEN], "only who was named"
    listed = steadyline("vault", "status", "--json", var=settings.var)
    assert '"participant": "p-ben", "kind": "queue", "name": "2026-W29", "status": "sent"' in listed.stdout
    removed = steadyline("address", "--participant", "p-ben", "--remove", var=settings.var, **environ)
    assert removed.stdout == "the address is forgotten\n"
    assert vault_of(settings).read("p-ben", "mail", "address") is None
    for done in (kept, sent, listed, removed):
        assert BEN not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("p-ada",), "Give an address, such as you@example.org, or --remove."),
        (("p-ada", BEN, "--remove"), "Give an address, such as you@example.org, or --remove."),
        (("p-ada", "nobody"), "That is not a mail address: expected one such as you@example.org."),
        (("p-none", BEN), "There is no participant p-none: 'steadyline status' lists them."),
    ],
)
def test_what_cannot_be_kept_is_one_sentence(
    settings: Settings, steadyline: Command, words: tuple[str, ...], told: str
) -> None:
    done = steadyline("address", "--participant", *words, var=settings.var, **NO_KEYRING)
    assert (done.returncode, done.stderr) == (1, f"{told}\n")


def test_a_server_that_is_away_is_one_sentence_and_exit_code_1(
    settings: Settings, steadyline: Command
) -> None:
    away = {"HOST": "localhost", "PORT": str(free_port()), "TLS": "none", "FROM": "post@example.org"}
    environ = NO_KEYRING | {f"STEADYLINE_SMTP_{k}": v for k, v in away.items()}
    done = steadyline("week", "--mail", "--date", BEFORE.isoformat(), var=settings.var, **environ)
    assert done.returncode == 1
    assert "cannot be used (connection refused); the next run tries again" in done.stderr
    assert "Traceback" not in done.stderr


WEEKLY = """
import os
from cli.embedded import prepare, run_dag
from cli.settings import read_settings

prepare(read_settings(os.environ))
print(run_dag("weekly", {"date": "2020-07-22"}))
"""


def test_the_weekly_dag_mails_and_leaves_the_address_nowhere(sample_copy: Settings, server: Running) -> None:
    write_preferences(sample_copy.warehouse, "sample", {"mail": "yes"}, now=datetime(2020, 7, 22))
    keep_address(vault_of(sample_copy), "sample", ADA)
    dropped = ("AIRFLOW", "STEADYLINE")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(dropped)} | server.environ | NO_KEYRING
    environ |= {"STEADYLINE_VAR": str(sample_copy.var), "STEADYLINE_SMTP_PASSWORD": LOGIN[1]}
    done = subprocess.run(
        [sys.executable, "-c", WEEKLY], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("success\n"), done.stdout + done.stderr
    assert server.post.people == [ADA]
    assert places_of(sample_copy.var, "mail") != set(), "the search is blind"
    for secret in (ADA, LOGIN[1]):
        assert places_of(sample_copy.var, secret) == set()
        assert secret not in done.stdout + done.stderr
