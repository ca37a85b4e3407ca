"""What a mail says: all that its page says, as text alone, and as HTML that mail programs leave alone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from babel import Locale
from build_weeks import (
    FIRST_WEEK,
    HEAVY_WEEK,
    LASTING_WEEK,
    MONDAY,
    NEARLY_EMPTY_WEEK,
    NOW,
    ORDINARY_WEEK,
    fill,
)
from playwright.sync_api import Browser

from reports.catalogue import load_language, say
from reports.daily import write_insights
from reports.mail import Mail, short_range, write_mail
from reports.markup import read_body, write_html
from reports.plain import COLUMNS, write_text
from reports.weekly import write_week
from warehouse.commit import commit
from warehouse.preferences import write_preferences
from warehouse.store import open_warehouse

AFTER = MONDAY + timedelta(days=7)
PLANS = {
    "empty": NEARLY_EMPTY_WEEK,
    "first": FIRST_WEEK,
    "gentle": HEAVY_WEEK,
    "heavy": HEAVY_WEEK,
    "lasting": LASTING_WEEK,
    "ordinary": ORDINARY_WEEK,
}
ENGLISH = load_language()
ABOUT_DRAWINGS = ("Made for you, and kept on your own machine.", "The same as a table")
SENTENCES = """
    () => [...document.querySelectorAll('h1, h2, h3, p, li, td, th, summary')]
        .filter(e => !e.closest('fieldset, svg, thead, [aria-hidden=true], .unseen'))
        .flatMap(e => e.innerText.split('\\n'))
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of each kind of week, written as every week."""
    folder = tmp_path_factory.mktemp("pages")
    warehouse, staging = folder / "w.duckdb", folder / "staging"
    fill(warehouse, staging, PLANS)
    with open_warehouse(warehouse) as con:
        for who in PLANS:
            con.execute("insert into meta.participant values (?, 'Europe/Berlin', ?)", [who, NOW])
    write_preferences(warehouse, "gentle", {"gentle": "yes"}, now=NOW)
    commit(warehouse, [write_insights(warehouse, staging, participants=list(PLANS), before=AFTER)], now=NOW)
    written = write_week(warehouse, staging, folder / "reports", participants=list(PLANS), before=AFTER).pages
    return {path.parent.name: path for path in written}


@pytest.fixture(scope="module")
def mails(pages: dict[str, Path]) -> dict[str, Mail]:
    return {
        who: write_mail(path.read_text(), MONDAY, ENGLISH, name="0" * 32, written=NOW)
        for who, path in pages.items()
    }


def plainly(text: str) -> str:
    """Words in a row, without the marks that keep names apart from right-to-left text."""
    return " ".join(re.sub("[\u2066-\u2069]", "", text).split())


@pytest.mark.parametrize("who", sorted(PLANS))
def test_the_text_alone_says_all_that_the_page_says(
    browser: Browser, pages: dict[str, Path], mails: dict[str, Mail], who: str
) -> None:
    page = browser.new_page()
    page.goto(pages[who].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    sentences = [plainly(text) for text in page.evaluate(SENTENCES)]
    page.close()
    assert len(sentences) > 30
    # A drawing's legend is left out; what stands behind it is not.
    drawn = [
        text
        for key, text in ENGLISH.messages.items()
        if re.fullmatch(r"(strip|sleep|gentle)\.legend\w*", key)
    ]
    text = plainly(mails[who].text.replace("\n- ", "\n").replace("\n  ", "\n"))
    for sentence in sentences:
        for legend in (*ABOUT_DRAWINGS, *sorted(drawn, key=len, reverse=True)):
            sentence = sentence.replace(legend, "").strip()  # noqa: PLW2901
        for part in re.split(r"(?<=[.:!?]) ", plainly(sentence)):
            assert part in text, f"the mail does not say: {part}"


@pytest.mark.parametrize("who", sorted(PLANS))
def test_the_text_fits_72_columns_and_is_laid_out_in_ascii(mails: dict[str, Mail], who: str) -> None:
    lines = mails[who].text.splitlines()
    assert [line for line in lines if len(line) > COLUMNS and "://" not in line] == []
    assert [line for line in lines if line != line.rstrip()] == []
    assert not re.search("[\u2500-\u257f\u2022\x00-\x09\x0b-\x1f]", mails[who].text)
    assert "\n\n\n\n" not in mails[who].text
    assert "call your emergency number now" in plainly(mails[who].text)
    assert mails[who].text.endswith("ask whoever runs Steadyline for you.\n")


def test_the_days_stand_in_a_table(mails: dict[str, Mail]) -> None:
    text = mails["heavy"].text
    assert "\nDay        Signal                  0 to 100  Likely between\n---------  -----" in text
    assert re.search(r"\nThursday   much higher than usual  98 +92 and 99\n", text)
    assert "Likely between: the true value lies there 4 times in 5." in text
    assert re.search(r"\nSunday +22:54 +08:00 +8 h 22 min\n", text)


def test_a_gentle_mail_has_no_number_of_the_body(mails: dict[str, Mail]) -> None:
    body = mails["gentle"].text.split("If you need someone")[0].replace("13–19", "").replace("2020", "")
    assert re.findall(r"\b\d+\b(?!-W)", body.replace("W29", "")) == []


@pytest.mark.parametrize("who", sorted(PLANS))
def test_the_html_says_the_same_and_holds_nothing_that_mail_programs_drop_or_fetch(
    browser: Browser, mails: dict[str, Mail], who: str
) -> None:
    mail = mails[who]
    assert re.findall(r"<(?:script|style|svg|form|input|details|fieldset|img|link|iframe)\b", mail.html) == []
    assert (
        re.findall(
            r"\b(?:src|href|on\w+|class|id)=|url\(|var\(", re.sub(r'href="(tel|sms|https):', "", mail.html)
        )
        == []
    )
    assert len(mail.html.encode()) < 60_000, "some programs cut a mail off at 100 kB"
    page = browser.new_page(viewport={"width": 320, "height": 700})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(mail.html)
    shown = plainly(page.locator("body").inner_text())
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.close()
    assert asked == []
    words = [w for w in plainly(mail.text).split() if not re.fullmatch("[-=]+", w)]
    # Cells of a table stand in another order where one goes on below.
    assert sorted(w for w in words if w != "-") == sorted(shown.split())


def test_the_subject_names_the_week_and_nothing_else(mails: dict[str, Mail]) -> None:
    assert {mail.subject for mail in mails.values()} == {"Your week, 13–19 July"}


@pytest.mark.parametrize(
    ("code", "monday", "shown"),
    [
        ("en_GB", date(2020, 6, 29), "29 June – 5 July"),
        ("en_US", date(2020, 7, 13), "July 13 – 19"),
        ("de", date(2020, 12, 28), "28. Dezember – 3. Januar"),
        ("ja", date(2020, 7, 13), "7月13日～19日"),
    ],
)
def test_the_days_of_a_week_are_written_as_its_reader_does(code: str, monday: date, shown: str) -> None:
    range_ = short_range(replace(ENGLISH, locale=Locale.parse(code)), monday)
    assert plainly(range_) == shown


def test_equal_pages_give_equal_mails(pages: dict[str, Path], mails: dict[str, Mail]) -> None:
    again = write_mail(pages["heavy"].read_text(), MONDAY, ENGLISH, name="0" * 32, written=NOW)
    assert again == mails["heavy"]


HOSTILE = """<body><h1>A &lt;b&gt;</h1><p onclick="x()">one<br>two <a href="javascript:x()">three</a>
<a href="https://example.org/?a=1&amp;b=2">four</a></p><p hidden>gone</p><script>gone()</script>
<div>loose <b>words</b><ul><li>five<li>six</ul></div><table><tr><td>&amp;amp;</td></tr></table></body>"""


def test_what_a_page_quotes_stays_quoted() -> None:
    body = read_body(HOSTILE, {})
    html = write_html(body)
    assert "A &lt;b&gt;</h1>" in html
    assert "&amp;amp;" in html
    assert "javascript" not in html
    assert "onclick" not in html
    assert '<a href="https://example.org/?a=1&amp;b=2">four</a>' in html
    text = write_text(body)
    assert text.startswith(
        "A <b>\n=====\n\none\ntwo three four (https://example.org/?a=1&b=2)\n\nloose words\n\n- five"
    )
    assert "gone" not in html + text


def test_a_column_that_holds_nothing_is_left_out(mails: dict[str, Mail]) -> None:
    for mail in (mails["first"].text, mails["first"].html):
        assert "Signal" in mail
        assert "0 to 100" not in mail


def test_a_table_that_is_too_wide_goes_on_below_in_its_column() -> None:
    wide = "word " * 20
    table = f"<table><thead><tr><th>Day</th><th>Words</th></tr></thead><tr><td>Monday</td><td>{wide}</td></tr></table>"
    lines = write_text(read_body(table, {})).splitlines()
    assert max(map(len, lines)) <= COLUMNS
    assert lines[1] == "------  " + "-" * 64
    assert lines[2].startswith("Monday  word word")
    assert lines[3].startswith("        word")
    assert sum(line.count("word") for line in lines) == 20


def test_a_long_name_and_an_address_are_not_lost() -> None:
    name, link = "x" * 300, "https://example.org/" + "y" * 90
    text = write_text(read_body(f"<p>{name} and {link}</p>", {}))
    assert name in text
    assert link in text


def test_the_words_of_a_mail_are_plain(mails: dict[str, Mail]) -> None:
    for key in ("mail.why", "mail.between"):
        assert not re.search(r"\b(must|fail\w*|poor|bad|diagnos\w*)\b", say(ENGLISH, key))
