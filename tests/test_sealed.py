"""A page closed with a passphrase: it opens in a browser to who knows it, and says nothing to others."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import ROOT
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from playwright.sync_api import Browser, Page

from cli.seal import seal_pages
from cli.settings import Settings, read_settings
from reports.catalogue import load_language
from reports.markup import read_body
from reports.plain import write_text
from reports.sealed import (
    ITERATIONS,
    NONCE_BYTES,
    PAD_BYTES,
    SALT_BYTES,
    PassphraseError,
    check_passphrase,
    derive_key,
    seal_page,
)

PASSPHRASE = "grün plough ferry 7 lantern"
PAGE = """<!doctype html>
<html lang="de" dir="ltr"><head><meta charset="utf-8"><title>A planted title</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>h1{color:rgb(1, 2, 3)}</style></head><body><main><h1>A planted heading</h1>
<p>Ein schwerer Tag – für den Körper.</p><details><summary>More planted words</summary><p>Inside.</p></details>
<img src="x" onerror="document.title = 'ran'"><script>document.title = "ran"</script></main></body></html>
"""
SALT, NONCE = bytes(range(SALT_BYTES)), bytes(range(NONCE_BYTES))
ENGLISH = load_language()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sealed") / "2026-W29.html"
    path.write_bytes(seal_page(PAGE.encode(), PASSPHRASE, salt=SALT, nonce=NONCE, language=ENGLISH))
    return path


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab that fails the test on any request beyond the file; `said` has what it wrote to the console."""
    context = browser.new_context(viewport={"width": 320, "height": 700})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if not r.url.startswith("file:") else None)
    yield page
    assert asked == []
    context.close()


def enter(page: Page, path: Path, passphrase: str) -> None:
    page.goto(path.as_uri())
    page.get_by_label("Passphrase").fill(passphrase)
    page.keyboard.press("Enter")


def test_the_right_passphrase_shows_the_page_in_the_place_of_the_form(page: Page, sealed: Path) -> None:
    enter(page, sealed, PASSPHRASE)
    heading = page.get_by_role("heading", name="A planted heading")
    heading.wait_for()
    assert page.title() == "A planted title", "no script of the page may run"
    assert page.get_by_text("Ein schwerer Tag – für den Körper.").is_visible()
    assert heading.evaluate("h => getComputedStyle(h).color") == "rgb(1, 2, 3)"
    assert heading.evaluate("h => h === document.activeElement"), "who hears the page is taken to it"
    assert page.evaluate("[document.documentElement.lang, document.compatMode]") == ["de", "CSS1Compat"]
    assert page.locator("form, script").count() == 0
    assert page.url == sealed.as_uri()


@pytest.mark.parametrize("typed", [f"  {PASSPHRASE} ", PASSPHRASE.replace("ü", "u\u0308")])
def test_spaces_around_it_and_how_an_accent_is_typed_do_not_matter(
    page: Page, sealed: Path, typed: str
) -> None:
    enter(page, sealed, typed)
    page.get_by_role("heading", name="A planted heading").wait_for()


def test_a_wrong_passphrase_is_told_kindly_and_can_be_tried_again_by_keyboard(
    page: Page, sealed: Path
) -> None:
    enter(page, sealed, PASSPHRASE.upper())
    page.locator("#status", has_text="That did not open it.").wait_for()
    assert page.locator("#status").get_attribute("role") == "status"
    field = page.get_by_label("Passphrase")
    assert field.get_attribute("aria-invalid") == "true"
    assert "planted" not in page.content()
    page.keyboard.type(PASSPHRASE)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert field.get_attribute("type") == "text"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="A planted heading").wait_for()


def test_an_empty_form_is_not_tried(page: Page, sealed: Path) -> None:
    enter(page, sealed, "")
    assert page.locator("#status").inner_text() == ""


def test_without_scripts_a_sentence_says_what_to_do(browser: Browser, sealed: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(sealed.as_uri())
    seen = page.locator("body").inner_text()
    context.close()
    assert "This page needs JavaScript to open, and it is off here." in seen
    assert "Open the page" not in seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_is_free_of_barriers(browser: Browser, sealed: Path, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 320, "height": 700})
    page = context.new_page()
    # For axe, which is a script that the test puts into the page.
    context.new_cdp_session(page).send("Page.setBypassCSP", {"enabled": True})
    page.goto(sealed.as_uri())
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    context.close()


def test_the_policy_allows_this_one_script_and_nothing_else(sealed: Path) -> None:
    html = sealed.read_text()
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'; base-uri 'none';"
        " form-action 'none'"
    )
    assert re.findall(r"https?:|src=|\son\w+=|url\(", html) == []


def test_the_file_holds_no_word_of_the_page_and_tells_nothing_by_its_size(sealed: Path) -> None:
    html = sealed.read_text()
    sentences = [line for line in write_text(read_body(PAGE, {})).splitlines() if len(line) > 6]
    assert len(sentences) >= 3
    for sentence in [*sentences, "A planted title", "planted", PASSPHRASE]:
        assert sentence not in html
        assert base64.b64encode(sentence.encode()).decode()[:-4] not in html
    other = seal_page(PAGE.encode() * 5, PASSPHRASE, salt=SALT, nonce=NONCE, language=ENGLISH)
    assert len(other) == len(html.encode())


def test_what_is_closed_is_aes_gcm_under_a_key_that_costs_a_million_rounds(sealed: Path) -> None:
    html = sealed.read_text()
    salt, nonce, closed = (
        base64.b64decode(re.findall(rf'data-{name}="([^"]*)"', html)[0])
        for name in ("salt", "nonce", "closed")
    )
    assert f'data-iterations="{ITERATIONS}"' in html
    assert ITERATIONS >= 600_000
    key = hashlib.pbkdf2_hmac("sha256", PASSPHRASE.encode(), salt, ITERATIONS)
    assert key == derive_key(PASSPHRASE, SALT)
    opened = AESGCM(key).decrypt(nonce, closed, None)
    assert len(opened) % PAD_BYTES == 0
    assert opened.rstrip(b"\n") == PAGE.encode().rstrip(b"\n")
    with pytest.raises(InvalidTag):
        AESGCM(key).decrypt(nonce, closed[:-1] + bytes([closed[-1] ^ 1]), None)


@pytest.mark.parametrize("weak", ["", "short", "eleven char", "aaaaaaaaaaaaaaaa", "abababababababab"])
def test_a_passphrase_that_is_easy_to_guess_is_refused(weak: str) -> None:
    with pytest.raises(PassphraseError, match="easy to guess: take 12 characters or more"):
        check_passphrase(weak)


@pytest.mark.parametrize("odd", [" plough ferry lantern", "plough ferry lantern ", "plough\tferry lantern"])
def test_a_passphrase_that_is_easily_mistyped_is_refused(odd: str) -> None:
    with pytest.raises(PassphraseError, match="begins or ends with a space"):
        check_passphrase(odd)


def test_every_file_has_its_own_salt_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    pages = [tmp_path / "p-ada" / f"2026-W{week}.html" for week in (29, 30)]
    pages[0].parent.mkdir()
    for path in pages:
        path.write_text(PAGE, encoding="utf-8")
    old = os.umask(0)
    try:
        sealed = seal_pages(pages, PASSPHRASE)
    finally:
        os.umask(old)
    assert sealed == [tmp_path / "p-ada" / "sealed" / path.name for path in pages]
    assert [stat.S_IMODE(path.stat().st_mode) for path in sealed] == [0o600, 0o600]
    salts = {re.findall('data-salt="([^"]*)"', path.read_text())[0] for path in sealed}
    assert len(salts) == 2


ASK = "from cli.seal import ask_passphrase; print(len(ask_passphrase()))"


def ask(text: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ASK]
    return subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_passphrase_is_one_line_of_standard_input() -> None:
    assert ask(f"{PASSPHRASE}\nnot this\n").stdout == f"{len(PASSPHRASE)}\n"
    refused = ask("short\n")
    assert refused.returncode == 1
    assert "easy to guess" in refused.stderr


@pytest.mark.parametrize(("second", "code"), [(PASSPHRASE, 0), ("something else", 1)])
def test_at_a_terminal_it_is_asked_for_twice_and_never_shown(second: str, code: int) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASK])
    seen = b""
    for prompt, typed in ((b"Passphrase: ", PASSPHRASE), (b"The same again: ", second)):
        while prompt not in seen:
            seen += os.read(terminal, 1024)
        os.write(terminal, f"{typed}\n".encode())
    try:
        while part := os.read(terminal, 1024):
            seen += part
    except OSError:
        pass  # the other end is closed
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == code
    os.close(terminal)
    assert PASSPHRASE.encode() not in seen
    assert (b"differ" in seen) == bool(code)


def week(settings: Settings, passphrase: str, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("STEADYLINE")}
    environ |= {"STEADYLINE_VAR": str(settings.var), "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "cli", "week", "--date", "2020-07-22", "--passphrase", *words]
    return subprocess.run(
        command, input=f"{passphrase}\n", cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


def test_the_command_writes_a_week_that_opens_with_its_passphrase_only(
    sample_copy: Settings, page: Page
) -> None:
    done = week(sample_copy, PASSPHRASE, "--participant", "sample", "--json")
    assert done.returncode == 0, done.stderr
    plain, closed = (Path(row["page"]) for row in json.loads(done.stdout))
    assert closed == plain.parent / "sealed" / plain.name
    assert stat.S_IMODE(closed.stat().st_mode) == 0o600
    assert PASSPHRASE not in done.stdout + done.stderr + closed.read_text()
    words = [line for line in write_text(read_body(plain.read_text(), {})).splitlines() if len(line) > 12]
    assert len(words) > 30
    assert [line for line in words if line in closed.read_text()] == []
    enter(page, closed, "not the passphrase")
    page.locator("#status", has_text="That did not open it.").wait_for()
    assert [line for line in words if line in page.content()] == []
    enter(page, closed, PASSPHRASE)
    page.get_by_role("heading", name="Your week").wait_for()
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.get_by_role("heading", name="If you need someone").is_visible()
    assert page.locator("svg.chart").first.is_visible()


@pytest.mark.parametrize(
    ("passphrase", "words", "told"),
    [
        (PASSPHRASE, (), "A passphrase is for one person's page: say whose with --participant."),
        ("short", ("--participant", "p"), "The passphrase is easy to guess: take 12 characters or more"),
    ],
)
def test_the_command_says_what_it_needs_and_writes_nothing(
    tmp_path: Path, passphrase: str, words: tuple[str, ...], told: str
) -> None:
    done = week(read_settings({"STEADYLINE_VAR": str(tmp_path / "var")}), passphrase, *words)
    assert done.returncode == 1
    assert done.stderr.startswith(told)
    assert not (tmp_path / "var").exists()
