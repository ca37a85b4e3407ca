"""One's own pages on loopback: nobody else gets in, nothing else gets out, and every answer is kept once."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import watch
from build_weeks import HEAVY_WEEK, MONDAY, NOW, fill
from conftest import ROOT
from markupsafe import escape
from playwright.sync_api import Browser, BrowserContext, Page

from cli import spool, web
from cli.night import load_inbox
from cli.nightly import utc_now
from cli.serve import open_server, open_site
from cli.settings import Settings, read_settings
from cli.web import PageServer, Site, same_as_any
from reports.catalogue import load_language
from reports.served import FELT, monday_of_week
from reports.weekly import write_week
from warehouse.errors import ExplainedError
from warehouse.preferences import write_preferences
from warehouse.store import open_warehouse

WHO, OTHER = "p-a", "p-b"
ZONE = "Australia/Sydney"
WEEKS = ["2020-W28", "2020-W29"]
FORM = "application/x-www-form-urlencoded"
KEY = "20261120T101500Z-abcdefgh"
SECRET = "the page of another person"
FORBIDDEN = (
    r"\b(failed|fail|poor|bad|diagnos\w*|must|should|disorder|illness|anxiety|depress\w*|stressed|caused)\b"
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One person with two weekly pages, and another person's page beside them."""
    places = read_settings({"STEADYLINE_VAR": str(tmp_path_factory.mktemp("serve") / "var")})
    fill(Path(places.warehouse), places.staging, {WHO: HEAVY_WEEK})
    with open_warehouse(places.warehouse) as con:
        for who in (WHO, OTHER):
            con.execute("insert into meta.participant values (?, ?, ?)", [who, ZONE, NOW])
    for monday in (MONDAY, MONDAY - timedelta(days=7)):
        after = MONDAY + timedelta(days=7)
        write_week(
            places.warehouse, places.staging, places.reports, participants=[WHO], before=after, of=monday
        )
    other = places.reports / OTHER
    other.mkdir(mode=0o700)
    (other / "2020-W29.html").write_text(SECRET, encoding="utf-8")
    (places.reports / "2020-W30.html").write_text(SECRET, encoding="utf-8")
    return places


@pytest.fixture
def places(filled: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(filled.var, tmp_path / "var")
    return read_settings({"STEADYLINE_VAR": str(tmp_path / "var")})


@pytest.fixture
def server(places: Settings) -> Iterator[PageServer]:
    with running(open_site(places, WHO, wait_s=5.0)) as server:
        yield server


@contextmanager
def running(site: Site) -> Iterator[PageServer]:
    with open_server(site, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: PageServer,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    **headers: str | None,
) -> tuple[int, dict[str, str], str]:
    """Send one request as a browser would; a header that is None is left out."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    given = {"Host": server.hosts[0]}
    if method == "POST":
        given |= {"Origin": f"http://{server.hosts[0]}", "Content-Type": FORM}
        given["Content-Length"] = str(len(body or b""))
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(connection):
        # Bytes of a path as they are: a browser would escape some of them.
        connection._encode_request = lambda request: request.encode("latin-1")  # type: ignore[attr-defined]
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (given | changed).items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode("utf-8")


def post(
    server: PageServer, page: str, fields: dict[str, str], **headers: str | None
) -> tuple[int, dict, str]:
    return ask(server, f"{server.site.base}/{page}", "POST", urlencode(fields).encode(), **headers)


def kept(places: Settings) -> list[dict[str, str]]:
    return spool.list_kept(places, WHO)


def tap(value: str = "7", key: str = KEY) -> dict[str, str]:
    return {"key": key, "value": value}


# --- who gets in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["", "tags", "2020-W29.html"])
def test_the_person_sees_their_pages_with_headers_that_keep_them_private(
    server: PageServer, page: str
) -> None:
    status, headers, html = ask(server, f"{server.site.base}/{page}")
    assert status == 200
    assert "<form" in html
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self';"
        " frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["Cache-Control"] == "no-store"
    # A page of another origin never hears of the address; the form itself needs an origin to be checked.
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "steadyline"
    assert "no-referrer" not in html
    assert "<script" not in html


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "", None]
)
def test_another_host_gets_nothing_even_with_the_token(
    server: PageServer, places: Settings, host: str | None
) -> None:
    """A name that was bound anew to 127.0.0.1 sends its own name as Host."""
    named = None if host is None else host.format(port=server.server_port)
    for status, headers, html in (
        ask(server, f"{server.site.base}/", Host=named),
        post(server, "checkin", tap(), Host=named, Origin=f"http://{named}"),
    ):
        assert status == 403
        assert server.site.token not in html + str(headers)
        assert "2020" not in html
    assert kept(places) == []


def test_localhost_is_this_machine_too(server: PageServer) -> None:
    host = f"localhost:{server.server_port}"
    assert ask(server, f"{server.site.base}/", Host=host)[0] == 200
    assert post(server, "checkin", tap(), Host=host, Origin=f"http://{host}")[0] == 303
    assert post(server, "checkin", tap(), Host=host)[0] == 403, "an origin of another name is another origin"


def test_two_hosts_in_one_request_are_refused(server: PageServer) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.server_port), timeout=10)) as line:
        hosts = f"Host: {server.hosts[0]}\r\nHost: evil.example"
        line.sendall(f"GET {server.site.base}/ HTTP/1.1\r\n{hosts}\r\n\r\n".encode())
        assert line.recv(12) == b"HTTP/1.0 403"


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1", None]
)
def test_a_form_from_another_page_changes_nothing(
    server: PageServer, places: Settings, origin: str | None
) -> None:
    sent = None if origin is None else origin.format(port=server.server_port)
    for page, fields in (("checkin", tap()), ("tags", {"key": KEY, "event": "ill", "date": "2026-11-01"})):
        assert post(server, page, fields, Origin=sent)[0] == 403
    assert kept(places) == []


def test_without_the_token_there_is_nothing(server: PageServer, places: Settings) -> None:
    own = server.site.token
    for base in ("", "wrong", f"{own}x", own[:-1], own.swapcase(), "%2e%2e", "\xc3\xa9"):
        for status, headers, html in (
            ask(server, f"/{base}/"),
            ask(server, f"/{base}/2020-W29.html"),
            ask(server, f"/{base}/checkin", "POST", urlencode(tap()).encode()),
        ):
            assert status == 404, base
            assert own not in html + str(headers)
            assert "2020" not in html
    assert [ask(server, path)[0] for path in ("/", "/favicon.ico", "/2020-W29.html")] == [404] * 3
    assert kept(places) == []


def test_texts_are_compared_as_they_are() -> None:
    assert same_as_any("abc", ("x", "abc"))
    assert same_as_any("abc", ("abc", "x"))
    assert not same_as_any("ab", ("abc", "x"))
    assert not same_as_any("", ())
    assert not same_as_any("\udce9", ("é",))


# --- what gets out --------------------------------------------------------------------------------


TRAVERSALS = (
    "../p-b/2020-W29.html",
    "..%2fp-b%2f2020-W29.html",
    "%2e%2e/p-b/2020-W29.html",
    "....//p-b/2020-W29.html",
    "..\\p-b\\2020-W29.html",
    "/etc/hostname",
    "//2020-W29.html",
    "./2020-W29.html",
    "2020-W29.html/",
    "2020-W29.html/../2020-W28.html",
    "2020-W29.html%00",
    "2020-W29.html\xd9\xa0",
    "2020-W2\xd9\xa9.html",
    ".",
    "..",
    "p-a",
    "../../steadyline.duckdb",
    "2020-W27.html",
    "2020-W31.html",
    "2020-W32.html",
    "2020-W33.html",
    "notes.html",
    "checkin",
)


def test_only_weekly_pages_of_the_persons_own_folder_are_shown(server: PageServer, places: Settings) -> None:
    own = places.reports / WHO
    (own / "2020-W31.html").symlink_to(places.reports / OTHER / "2020-W29.html")
    (own / "2020-W32.html").mkdir()
    os.mkfifo(own / "2020-W33.html")
    (own / "notes.html").write_text(SECRET, encoding="utf-8")
    for path in TRAVERSALS:
        status, _, html = ask(server, f"{server.site.base}/{path}")
        assert status == 404, path
        assert SECRET not in html, path
    _, _, home = ask(server, f"{server.site.base}/")
    assert re.findall(r"\d{4}-W\d\d\.html", home) == [f"{week}.html" for week in WEEKS[::-1]]


def test_a_folder_that_is_a_link_shows_nothing(places: Settings) -> None:
    site = replace(open_site(places, WHO, wait_s=5.0), folder=places.reports / "elsewhere")
    site.folder.symlink_to(places.reports / OTHER)
    with running(site) as server:
        assert ask(server, f"{site.base}/2020-W29.html")[0] == 404
        assert "2020-W29" not in ask(server, f"{site.base}/")[2]


def test_a_person_without_pages_is_told_when_the_first_comes(places: Settings) -> None:
    shutil.rmtree(places.reports / WHO)
    with running(open_site(places, WHO, wait_s=5.0)) as server:
        status, _, html = ask(server, f"{server.site.base}/")
    assert status == 200
    assert "Your first page comes after your first full week." in html


def test_the_calendar_is_shown_where_there_is_one(server: PageServer, places: Settings) -> None:
    assert ask(server, f"{server.site.base}/index.html")[0] == 404
    assert "index.html" not in ask(server, f"{server.site.base}/")[2]
    (places.reports / WHO / "index.html").write_text("<main><h1>months</h1></main>", encoding="utf-8")
    assert f'href="{server.site.base}/index.html"' in ask(server, f"{server.site.base}/")[2]
    assert f'<a href="{server.site.base}/">' in ask(server, f"{server.site.base}/index.html")[2]


def test_other_methods_are_refused(server: PageServer, places: Settings) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "BREW"):
        status, headers, html = ask(server, f"{server.site.base}/checkin", method, urlencode(tap()).encode())
        assert (status, headers["Allow"]) == (405, "GET, HEAD, POST"), method
        assert "Traceback" not in html
    assert kept(places) == []


def test_head_is_a_page_without_its_body_and_a_page_takes_no_answer(server: PageServer) -> None:
    path = f"{server.site.base}/2020-W29.html"
    full = ask(server, path)
    status, headers, html = ask(server, path, "HEAD")
    assert (status, html) == (200, "")
    assert int(headers["Content-Length"]) == len(full[2].encode())
    assert post(server, "2020-W29.html", tap())[0] == 405
    assert post(server, "nothing", tap())[0] == 404


def test_nothing_that_is_sent_makes_a_trace(server: PageServer, capfd: pytest.CaptureFixture[str]) -> None:
    for raw in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"",
    ):
        with closing(socket.create_connection(("127.0.0.1", server.server_port), timeout=10)) as line:
            line.sendall(raw)
            line.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda line=line: line.recv(65536), b""))  # type: ignore[misc]
        assert answer == b"" or re.match(rb"HTTP/1.0 4|\s*<!doctype", answer), answer[:80]
        assert b"Traceback" not in answer
        assert b"Error" not in answer
    assert ask(server, f"{server.site.base}/")[0] == 200
    assert server.site.token not in "".join(capfd.readouterr())


def test_a_fault_of_our_own_is_told_in_words_without_a_trace(
    server: PageServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(web, "list_weeks", lambda folder: 1 / 0)
    status, _, html = ask(server, f"{server.site.base}/")
    assert status == 500
    assert "Something went wrong on our side" in html
    assert "Zero" not in html
    assert capfd.readouterr().err == "A request could not be answered: ZeroDivisionError.\n"


# --- what is kept ---------------------------------------------------------------------------------


def test_a_second_click_and_a_reload_store_one_answer(server: PageServer, places: Settings) -> None:
    first = post(server, "checkin", tap())
    assert (first[0], first[1]["Location"]) == (303, f"{server.site.base}/#kept")
    assert post(server, "checkin", tap("2"))[0] == 303
    for _ in range(3):
        assert "heavy (7)" in ask(server, f"{server.site.base}/")[2]
    assert [row["value"] for row in kept(places)] == ["7"]
    load_inbox(places, now=utc_now())
    assert post(server, "checkin", tap())[0] == 303
    load_inbox(places, now=utc_now())
    with open_warehouse(places.warehouse, read_only=True) as con:
        rows = con.execute("select scale, value, label from signal.checkin").fetchall()
    assert rows == [("felt_stress", 7.0, None)]
    assert "heavy (7)" not in ask(server, f"{server.site.base}/")[2], "it is taken in, and waits no longer"


def test_two_servers_at_once_lose_nothing_and_keep_their_tokens_apart(
    server: PageServer, places: Settings
) -> None:
    with running(open_site(places, WHO, wait_s=5.0)) as second:
        assert ask(second, f"{server.site.base}/")[0] == 404
        threads = [
            threading.Thread(
                target=post, args=(one, "checkin", tap(str(k), f"20261120T1015{k:02d}Z-abcdefgh"))
            )
            for k in range(10)
            for one in (server, second)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [row["value"] for row in kept(places)] == [str(k) for k in range(9, -1, -1)]


def test_an_answer_about_a_week_is_dated_on_its_last_evening_and_shown_when_looking_back(
    server: PageServer, places: Settings
) -> None:
    about = tap("9") | {"week": "2020-W29"}
    assert post(server, "checkin", about)[1]["Location"] == f"{server.site.base}/2020-W29.html#felt"
    assert kept(places)[0] == {"date": "2020-07-19", "time": "21:00", "scale": "felt_week", "value": "9"}
    post(server, "checkin", tap("1", "20261119T101500Z-abcdefgh") | {"week": "2020-W29"})
    assert "You said: very heavy (9)." in ask(server, f"{server.site.base}/2020-W29.html")[2]
    home = ask(server, f"{server.site.base}/")[2]
    assert ("very heavy (9)" in home, "calm (1)" in home) == (True, False), (
        "the later question's answer counts"
    )
    assert "You said" not in ask(server, f"{server.site.base}/2020-W28.html")[2]
    load_inbox(places, now=utc_now())
    assert "You said: very heavy (9)." in ask(server, f"{server.site.base}/2020-W29.html")[2]
    with open_warehouse(places.warehouse, read_only=True) as con:
        rows = con.execute("select t_utc, offset_min, value from signal.checkin").fetchall()
    assert rows == [(datetime(2020, 7, 19, 11), 600, 9.0)]  # 21:00 in Sydney in winter


def test_a_tag_is_kept_with_all_that_was_filled_in(server: PageServer, places: Settings) -> None:
    given = {
        "key": KEY,
        "event": "practice",
        "date": "2026-11-01",
        "time": "07:30",
        "until": "",
        "app": "calm",
    }
    status, headers, _ = post(server, "tags", given)
    assert (status, headers["Location"]) == (303, f"{server.site.base}/tags#kept")
    page = ask(server, f"{server.site.base}/tags")[2]
    assert "practice · <bdi>calm</bdi>" in page
    assert "1 November 2026, 07:30" in page
    post(server, "tags", given | {"key": KEY[:-1] + "i", "event": "ill", "time": "", "until": "2026-11-03"})
    load_inbox(places, now=utc_now())
    with open_warehouse(places.warehouse, read_only=True) as con:
        rows = con.execute("select event, app, t_utc, end_utc from signal.event order by t_utc").fetchall()
    assert rows == [
        ("ill", "Calm", datetime(2026, 10, 31, 13), datetime(2026, 11, 3, 13)),
        ("mindful", "Calm", datetime(2026, 10, 31, 20, 30), None),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"event": "sauna"},
        {"event": ""},
        {"date": ""},
        {"date": "2026-02-30"},
        {"date": "2126-01-01"},
        {"date": "tomorrow"},
        {"time": "25:00"},
        {"until": "2026-10-01"},
        {"until": "x"},
        {"until": "2029-10-01"},
    ],
)
def test_a_tag_that_does_not_fit_is_asked_for_again_with_what_was_filled_in(
    server: PageServer, places: Settings, change: dict[str, str]
) -> None:
    given = {"key": KEY, "event": "ill", "date": "2026-11-01", "time": "", "until": "", "app": 'at "home"'}
    status, _, page = post(server, "tags", given | change)
    assert status == 422
    assert "did not fit together yet" in page
    assert "at &#34;home&#34;" in page
    assert kept(places) == []


BODIES = (
    b"",
    b"value=7",
    b"key=../../x&value=7",
    b"key=20261120T101500Z-../../../etc&value=7",
    b"key=20261120T101500Z-abcdefgh&value=11",
    b"key=20261120T101500Z-abcdefgh&value=",
    "key=20261120T101500Z-abcdefgh&value=\u0667".encode(),
    b"key=20261120T101500Z-abcdefgh&value=%D9%A7",
    b"key=20261120T101500Z-abcdefgh&value=7&value=8",
    b"key=20261120T101500Z-abcdefgh&value=7&week=2020-W27",
    b"key=20261120T101500Z-abcdefgh&value=7&week=../p-b",
    b"key=20261120T101500Z-abcdefgh&value=%FF",
    b"&".join(b"a%d=1" % k for k in range(50)),
)


def test_what_no_form_of_ours_sends_is_refused(server: PageServer, places: Settings) -> None:
    for body in BODIES:
        status, _, html = ask(server, f"{server.site.base}/checkin", "POST", body)
        assert status == 400, body
        assert "Nothing was stored" in html
    assert not list(places.inbox.rglob("*.csv"))


ODD_HEADERS: tuple[tuple[dict[str, str | None], int], ...] = (
    ({"Content_Length": None}, 411),
    ({"Content_Length": "-1"}, 411),
    ({"Content_Length": "1e9"}, 411),
    ({"Content_Length": "\u0662".encode().decode("latin-1")}, 411),
    ({"Transfer_Encoding": "chunked"}, 411),
    ({"Content_Type": "text/plain"}, 415),
    ({"Content_Type": "multipart/form-data; boundary=x"}, 415),
    ({"Content_Type": None}, 415),
)


def test_an_answer_that_no_form_sends_so_is_refused(server: PageServer, places: Settings) -> None:
    for headers, status in ODD_HEADERS:
        assert post(server, "checkin", tap(), **headers)[0] == status, headers
    assert kept(places) == []


def test_a_huge_answer_is_refused_and_a_long_one_is_cut(server: PageServer, places: Settings) -> None:
    huge = urlencode({"key": KEY, "event": "ill", "date": "2026-11-01", "app": "x" * 100_000}).encode()
    status, _, html = ask(server, f"{server.site.base}/tags", "POST", huge)
    assert status == 413
    assert "more text than fits" in html
    assert kept(places) == []
    post(server, "tags", {"key": KEY, "event": "ill", "date": "2026-11-01", "app": "x" * 10_000})
    assert kept(places)[0]["app"] == "x" * 60
    with closing(socket.create_connection(("127.0.0.1", server.server_port), timeout=20)) as line:
        head = f"POST {server.site.base}/tags HTTP/1.1\r\nHost: {server.hosts[0]}\r\n"
        head += (
            f"Origin: http://{server.hosts[0]}\r\nContent-Type: {FORM}\r\nContent-Length: 99999999999\r\n\r\n"
        )
        line.sendall(head.encode())
        line.shutdown(socket.SHUT_WR)
        assert line.recv(12) == b"HTTP/1.0 413"


def test_a_slow_sender_holds_up_nobody_and_is_ended(
    server: PageServer, places: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "PATIENCE_S", 1.0)
    head = f"POST {server.site.base}/checkin HTTP/1.1\r\nHost: {server.hosts[0]}\r\n"
    head += f"Origin: http://{server.hosts[0]}\r\nContent-Type: {FORM}\r\nContent-Length: 60000\r\n\r\n"
    with ExitStack() as stack:
        lines = [
            stack.enter_context(
                closing(socket.create_connection(("127.0.0.1", server.server_port), timeout=20))
            )
            for _ in range(20)
        ]
        for line in lines:
            line.sendall(head.encode() + b"key=")
        started = time.monotonic()
        assert ask(server, f"{server.site.base}/")[0] == 200
        assert post(server, "checkin", tap())[0] == 303
        assert time.monotonic() - started < 5
        assert send_slowly(lines[0]) == b"HTTP/1.0 408", "a byte now and then does not buy more time"
        for line in lines[1:]:
            assert line.recv(12) == b"HTTP/1.0 408"
    assert [row["value"] for row in kept(places)] == ["7"]


def send_slowly(line: socket.socket) -> bytes:
    """Send a byte every .4 s for up to 8 s; what is answered meanwhile."""
    line.settimeout(0.4)
    for _ in range(20):
        line.sendall(b"2")
        with suppress(TimeoutError):
            return line.recv(12)
    return b""


def test_a_full_disk_is_told_and_the_same_click_is_kept_later(
    server: PageServer, places: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("cli.spool.os.fsync", full)
        status, _, html = post(server, "checkin", tap())
    assert status == 507
    assert "the disk may be full" in html
    assert "No space left on device" in capfd.readouterr().err
    assert post(server, "checkin", tap())[0] == 303
    assert [row["value"] for row in kept(places)] == ["7"]


def test_the_warehouse_is_free_while_pages_are_served(server: PageServer, places: Settings) -> None:
    with open_warehouse(places.warehouse, wait_s=0):
        assert ask(server, f"{server.site.base}/")[0] == 200
        assert post(server, "checkin", tap())[0] == 303
    assert len(kept(places)) == 1


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "quotes": "\"'><img src=x onerror=alert(1)>&amp;{{ 7 * 7 }}",
    "emoji": "🧘🏽‍♀️ 🌊",
    "long": "a long name " * 1000,
    "unbroken": "x" * 10_000,
    "right to left": "\u202eمعالج\u2066 evil",
    "lines": "one\r\nSet-Cookie: a=b\r\n\r\n<b>two</b>",
    "formula": '=1+1,"x"',
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_what_a_person_types_is_text_and_nothing_else(
    server: PageServer, places: Settings, name: str
) -> None:
    given = {"key": KEY, "event": "therapy", "date": "2026-11-01", "app": HOSTILE[name]}
    again = post(server, "tags", given | {"date": "2126-01-01"})
    assert again[0] == 422
    done = post(server, "tags", given)
    assert done[0] == 303
    assert "Set-Cookie" not in done[1]
    stored = kept(places)[0]["app"]
    assert stored == spool.clean(HOSTILE[name])
    for html in (
        again[2],
        ask(server, f"{server.site.base}/tags")[2],
        ask(server, f"{server.site.base}/")[2],
    ):
        assert "<script" not in html
        assert "<img" not in html
        assert "<b>two" not in html
        assert "{{" not in html.replace("{{ 7 * 7 }}", "")
    assert str(escape(stored)) in ask(server, f"{server.site.base}/tags")[2]
    load_inbox(places, now=utc_now())
    with open_warehouse(places.warehouse, read_only=True) as con:
        assert con.execute("select count(*) from signal.event where event = 'therapy'").fetchall() == [(1,)]


# --- the command ----------------------------------------------------------------------------------


COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from cli.main import main
main()
"""
"""The command as a terminal starts it: in the background of a shell Ctrl-C is ignored from the start."""


def serving(places: Settings, *words: str) -> subprocess.Popen[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("STEADYLINE")}
    environ |= {"STEADYLINE_VAR": str(places.var), "NO_COLOR": "1"}
    command = [sys.executable, "-c", COMMAND, "serve", "--participant", WHO, *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=pipe, stderr=pipe, text=True)


def test_the_command_says_its_address_once_and_ends_at_ctrl_c(places: Settings) -> None:
    command = serving(places)
    assert command.stdout
    address = command.stdout.readline().strip()
    match = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/([A-Za-z0-9_-]{32})/", address)
    assert match, address
    connection = http.client.HTTPConnection("127.0.0.1", int(match[1]), timeout=20)
    with closing(connection):
        connection.request("GET", f"/{match[2]}/")
        assert connection.getresponse().status == 200
    taken = serving(places, "--port", match[1])
    said, why = taken.communicate(timeout=120)
    assert (taken.returncode, said) == (1, "")
    assert f"Port {match[1]} of 127.0.0.1 cannot be had" in why
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=30)
    assert (command.returncode, out) == (0, "")
    assert err == "Open this address in a browser of this machine. Ctrl-C ends it.\n"


def test_it_listens_on_loopback_alone(server: PageServer) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_who_is_under_18_is_shown_nothing_and_told_why(places: Settings) -> None:
    write_preferences(places.warehouse, WHO, {"age_band": "under18"}, now=NOW)
    done = serving(places)
    out, err = done.communicate(timeout=120)
    assert (done.returncode, out) == (1, "")
    assert err.startswith("No pages are shown to people under 18")
    assert len(err.strip().splitlines()) == 1


def test_who_paused_can_still_look_back_and_gentle_is_words_only(places: Settings) -> None:
    write_preferences(places.warehouse, WHO, {"pause": "yes", "gentle": "yes"}, now=NOW)
    with running(open_site(places, WHO, wait_s=5.0)) as server:
        post(server, "checkin", tap())
        home, week = (ask(server, f"{server.site.base}/{page}")[2] for page in ("", "2020-W29.html"))
    assert "13–19 Jul 2020" in home
    assert ">heavy<" in home.replace("\n", "")
    assert "(7)" not in home
    assert 'class="on"' not in home + week
    assert 'aria-label="7 of 10"' not in home


def test_nobody_is_refused(places: Settings) -> None:
    with pytest.raises(ExplainedError, match="There is no participant 'p-x'"):
        open_site(places, "p-x", wait_s=0)


def test_words_are_on_the_scale_in_their_order() -> None:
    assert FELT == {"calm": 1, "fine": 3, "mixed": 5, "heavy": 7, "very_heavy": 9}
    assert monday_of_week("2020-W53") == datetime(2020, 12, 28).date()
    assert monday_of_week("2021-W53") is None
    assert monday_of_week("2020-W00") is None


def test_every_word_of_these_pages_is_kind() -> None:
    messages = {k: v for k, v in load_language().messages.items() if k.startswith("serve.")}
    assert len(messages) > 40
    for key, message in messages.items():
        assert not re.search(FORBIDDEN, message, re.IGNORECASE), key


# --- in a real browser ----------------------------------------------------------------------------


@pytest.fixture
def page(browser: Browser, server: PageServer) -> Iterator[Page]:
    """A page that fails the test on any request elsewhere, and on any console message or error."""
    start = f"http://{server.hosts[0]}{server.site.base}/"
    with watch(browser, width=390, height=844, allowed=(start, "data:")) as page:
        page.goto(start)
        yield page


def test_one_tap_is_kept_and_a_reload_and_going_back_store_nothing_more(
    page: Page, places: Settings, server: PageServer
) -> None:
    page.get_by_role("button", name="very heavy").click()
    assert page.url == f"{server.address}#kept"
    assert "very heavy (9)" in page.locator("section[aria-labelledby=kept]").inner_text()
    page.reload()
    page.go_back()
    page.go_forward()
    assert [row["value"] for row in kept(places)] == ["9"]
    page.get_by_role("button", name="0 of 10", exact=True).dblclick()
    page.get_by_text("Stress: 0").wait_for()
    assert [row["value"] for row in kept(places)] == ["0", "9"]


def test_the_check_in_of_a_week_by_keyboard_alone(page: Page, places: Settings, server: PageServer) -> None:
    press_until(page, "a[href$='2020-W29.html']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/2020-W29.html")
    assert "how did this week feel?" in page.locator("#felt").inner_text()
    assert not page.locator("#strip").is_visible()
    press_until(page, "button[value='3']")
    assert page.locator(":focus").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/2020-W29.html#felt")
    assert page.get_by_role("status").first.inner_text() == "Thank you. You said: mostly fine (3)."
    assert [(row["date"], row["value"]) for row in kept(places)] == [("2020-07-19", "3")]
    press_until(page, "nav a")
    page.keyboard.press("Enter")
    page.wait_for_url(server.address)


def press_until(page: Page, wanted: str) -> None:
    """Press Tab until what is wanted has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(":focus").count() and page.locator(":focus").evaluate(
            "(e, w) => e.matches(w)", wanted
        ):
            return
    raise AssertionError(f"{wanted} is not reached by keyboard")


def test_a_tag_by_keyboard_and_with_a_hostile_name(page: Page, places: Settings) -> None:
    press_until(page, "a[href$='/tags']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tags")
    press_until(page, "input[name=event]")
    page.keyboard.press("ArrowRight")
    assert page.locator("#tag-practice").is_checked()
    press_until(page, "#app")
    page.keyboard.insert_text("<script>alert(1)</script>\u202e" + "x" * 10_000)
    page.keyboard.press("Enter")
    page.wait_for_url("**/tags#kept")
    assert page.locator("bdi").inner_text().startswith("<script>alert(1)</script>")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [row["event"] for row in kept(places)] == ["mindful"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_pages_fit_and_have_no_fault_that_axe_finds(
    browser: Browser, server: PageServer, scheme: str, width: int
) -> None:
    post(server, "tags", {"key": KEY, "event": "therapy", "date": "2026-11-01", "app": "y" * 60})
    post(server, "checkin", tap(key=KEY[:-1] + "i") | {"week": "2020-W29"})
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    for name in ("", "tags", "2020-W29.html", "nothing"):
        page.goto(f"{server.address}{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert Axe().run(page).response["violations"] == []
        boxes = page.eval_on_selector_all(
            "button, label, a, summary", "es => es.map(e => e.getBoundingClientRect().height)"
        )
        assert min([b for b in boxes if b], default=24) >= 24
    context.close()


def test_another_page_in_the_same_browser_can_neither_answer_nor_frame(
    browser: Browser, server: PageServer, places: Settings
) -> None:
    context = browser.new_context()
    page = context.new_page()
    target = f"{server.address}checkin"
    form = (
        f'<form method=post action="{target}"><input name=key value={KEY}><input name=value value=9></form>'
    )
    page.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body=form))
    page.goto("http://evil.example/")
    with page.expect_navigation():
        page.evaluate("document.forms[0].submit()")
    assert "did not come from your own page" in page.locator("main").inner_text()
    frame = f'<iframe src="{server.address}"></iframe>'
    page.route("http://frame.example/", lambda route: route.fulfill(content_type="text/html", body=frame))
    page.goto("http://frame.example/")
    assert "Looking back" not in page.frames[1].content()
    assert kept(places) == []
    context.close()
