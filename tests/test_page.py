"""The weekly page in a real browser: offline, quiet, readable, private, the same for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import watch
from build_pages import FITS, NOTED, PLANS, pages, warehouse, write_pages
from build_weeks import HEAVY_WEEK, MONDAY
from playwright.sync_api import Browser, Page
from pseudo import ACCENTS, RIGHT_TO_LEFT

from reports.catalogue import load_language, say
from reports.page import HINTS, HelpLine, choose_lines, fresh_lines, read_help_lines, render_page
from reports.read import Person, read_people
from reports.week import summarise
from reports.wishes import Wishes
from warehouse.store import open_warehouse

HOSTILE = '<script>alert("x")</script>\'"&{{ 7 * 7 }}' + "x" * 10_000 + "\u202e"
ENGLISH = load_language()
EVERY = sorted(PLANS)
SHAPES = (
    *("heavy", "lasting", "empty", "first", "lasting-gentle", "travel-asked", "tried", "planned"),
    *(f"{week}-{language}" for week in ("travel", "first", "tried") for language in (ACCENTS, RIGHT_TO_LEFT)),
)
LINE = HelpLine("AU", "A <line>", "13 00", "", "day and night", "en", "https://example.org", "2020-07-01")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test on any request beyond the file, and on any console message or error."""
    with watch(browser, width=390, height=844) as page:
        yield page


def open_all(page: Page, path: Path) -> None:
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")


@pytest.mark.parametrize("name", EVERY)
def test_every_week_has_its_eight_parts_in_order(page: Page, name: str) -> None:
    open_all(page, pages()[name])
    ids = page.eval_on_selector_all("h2", "hs => hs.map(h => h.id)")
    tried = ["tried"] * (name in NOTED)
    assert ids == ["felt", "sentence", "strip", "went", "sleep", *tried, "hint", "certain", "help"]
    assert page.locator("h2:visible").count() == 8 + len(tried)


def test_the_question_comes_first_and_the_numbers_are_closed(page: Page) -> None:
    page.goto(pages()["heavy"].as_uri())
    seen = page.locator("body").inner_text()
    assert seen.index("how did this week feel?") < seen.index("what your watch saw")
    assert "A heavy week" not in seen
    assert "call your emergency number now" in seen
    page.locator("summary").first.click()
    assert "A heavy week for your body" in page.locator("body").inner_text()


def test_an_answer_is_thanked_by_keyboard_too_and_stored_nowhere(page: Page) -> None:
    page.goto(pages()["heavy"].as_uri())
    assert not page.locator(".thanks").is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator("#felt-calm").is_checked()
    assert "Nothing you tap here is stored" in page.locator(".thanks").inner_text()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("details.numbers").evaluate("d => d.open")
    assert page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("width", [320, 390, 768, 1200])
def test_nothing_overflows_and_chart_text_stays_readable(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for name in SHAPES:
        open_all(page, pages()[name])
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        sizes = page.eval_on_selector_all(
            "svg.chart text",
            "ts => ts.map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)",
        )
        assert min(sizes) >= 11.9
        assert page.evaluate(OVERLAPS) == [], name


OVERLAPS = """() => {
    const found = [];
    for (const chart of document.querySelectorAll('svg.chart')) {
        const boxes = [...chart.querySelectorAll('text')].filter(t => getComputedStyle(t).display != 'none')
            .map(t => [t.textContent, t.getBoundingClientRect()]);
        boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
            const x = Math.min(p.right, q.right) - Math.max(p.left, q.left);
            const y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
            if (x > 1 && y > 4) found.push(a + ' / ' + b);
        }));
    }
    return found;
}"""


@pytest.mark.parametrize("name", [*EVERY, "lasting-gentle", "lasting-he", "exercise-asked"])
def test_prints_on_two_pages_with_the_numbers_open(page: Page, name: str) -> None:
    page.goto(pages()[name].as_uri())
    pdf = page.pdf(format="A4")
    # What was tried may take a third page, in the few weeks that tell it.
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) <= 2 + (name in NOTED)
    page.emulate_media(media="print")
    assert page.locator("#certain").bounding_box() is not None


def test_touch_targets_are_large_enough(page: Page) -> None:
    open_all(page, pages()["heavy"])
    for box in page.eval_on_selector_all(
        "label, summary", "es => es.map(e => e.getBoundingClientRect().height)"
    ):
        assert box >= 24


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_text_and_of_marks_meets_wcag_aa(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    open_all(page, pages()["heavy"])
    color = {
        name: page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')")
        for name in ("paper", "card", "band", "ink", "soft", "accent", "pick", "high", "calm", "sleep", "on-sleep",
                     "mid", "edge")
    }  # fmt: skip
    for text in ("ink", "soft", "accent"):
        assert all(contrast(color[text], color[back]) >= 4.5 for back in ("paper", "card", "band", "pick"))
    assert contrast(color["on-sleep"], color["sleep"]) >= 4.5
    for mark in ("accent", "high", "calm", "sleep", "mid", "edge"):
        assert contrast(color[mark], color["card"]) >= 3
    for mark in ("accent", "high", "calm", "mid"):
        assert contrast(color[mark], color["band"]) >= 3


def contrast(a: str, b: str) -> float:
    lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    """Relative luminance of #rgb or #rrggbb (WCAG 2.2)."""
    text = color.strip().lstrip("#")
    text = "".join(c * 2 for c in text) if len(text) == 3 else text
    channels = [int(text[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_forced_colours_keep_every_mark_apart_from_the_background(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    open_all(page, pages()["heavy"])
    for mark in (".dot", ".up", ".sleep", ".chart .day"):
        fill_of = page.locator(mark).first.evaluate("e => getComputedStyle(e).fill")
        assert fill_of != page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_charts_say_in_text_what_they_show(page: Page) -> None:
    open_all(page, pages()["heavy"])
    strip = page.locator("svg[aria-labelledby='strip-t strip-d']")
    assert strip.locator("title").text_content() == "Body stress signal, day by day"
    desc = strip.locator("desc").text_content() or ""
    assert "Wednesday: higher than usual. Thursday: much higher than usual. Friday: higher" in desc
    assert strip.locator(".up").count() == 3  # a shape of its own, not a colour alone
    rows = page.locator("section[aria-labelledby=strip] tbody tr").all_inner_texts()
    assert len(rows) == 7
    assert rows[2].split("\t")[:3] == ["Wednesday", "higher than usual", "94"]
    nights = page.locator("section[aria-labelledby=sleep] tbody tr").all_inner_texts()
    assert nights[2].split("\t") == ["Wednesday", "00:48", "06:18", "5 h 4 min"]
    assert page.locator("svg:not([aria-hidden]):not(.at):not([role=img])").count() == 0


def test_gaps_are_seen_as_gaps(page: Page) -> None:
    open_all(page, pages()["empty"])
    assert page.locator("svg.chart .gap").all_text_contents() == ["not", "worn"] * 5
    assert page.locator("svg.chart .dot").count() == 2
    assert "%" not in page.locator("details.numbers").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "name", ["lasting", "lasting-gentle", "travel-he", "first", "exercise-asked", "tried", "planned-he"]
)
def test_axe_finds_nothing_to_complain_of(page: Page, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    open_all(page, pages()[name])
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_page_from_right_to_left_is_mirrored_with_its_charts(page: Page) -> None:
    places = {}
    for name in ("heavy", f"heavy-{RIGHT_TO_LEFT}"):
        open_all(page, pages()[name])
        marks = "svg[aria-labelledby='strip-t strip-d'] :is(.up, .dot)"
        left, right = page.locator(".figure svg").first.evaluate(
            "s => [s.getBoundingClientRect().left, s.getBoundingClientRect().right]"
        )
        middles = page.eval_on_selector_all(
            marks, "ms => ms.map(m => { const b = m.getBoundingClientRect(); return (b.left + b.right) / 2 })"
        )
        places[name] = [round(x - left) if name == "heavy" else round(right - x) for x in middles]
    assert len(places["heavy"]) == 7
    assert places[f"heavy-{RIGHT_TO_LEFT}"] == pytest.approx(places["heavy"], abs=2)
    heading = page.locator("h1").evaluate(
        "h => getComputedStyle(h).textAlign + getComputedStyle(h).direction"
    )
    assert heading == "startrtl"
    # Earlier hours lie to the right of later ones, as the first day does.
    ticks = page.locator(".tick:not(.minor)").evaluate_all(
        "ts => ts.map(t => [t.textContent, t.getBoundingClientRect().x])"
    )
    assert [text for text, _ in sorted(ticks, key=lambda tick: -tick[1])] == [text for text, _ in ticks]


def test_gentle_mode_shows_no_number_of_the_body(page: Page) -> None:
    for name in EVERY:
        open_all(page, pages()[f"{name}-gentle"])
        shown = page.locator("details.numbers").inner_text()
        known = page.locator(".numbers .card > .soft:last-child").all_inner_texts()  # sources have a year
        for text in known:
            shown = shown.replace(text, "")
        assert re.findall(r"\d", shown) == [], name
        assert (
            page.locator("svg desc").evaluate_all("ds => ds.filter(d => /\\d/.test(d.textContent)).length")
            == 0
        )
        assert "away from your usual" not in shown


def test_what_was_said_stands_before_the_numbers_and_outside_them(page: Page) -> None:
    page.goto(pages()["lasting"].as_uri())
    seen = page.locator("body").inner_text()
    assert "You said: 4 of 10 on Tuesday and 8 and 7.5 of 10 on Thursday." in seen
    assert seen.index("how did this week feel?") < seen.index("You said") < seen.index("what your watch saw")
    page.goto(pages()["lasting-gentle"].as_uri())
    assert "You told us how you felt: mixed on Tuesday, very heavy on Thursday and heavy on Thursday." in (
        page.locator("body").inner_text()
    )


def test_who_does_not_want_the_question_is_not_asked(page: Page) -> None:
    html = pages()["heavy-asked"].read_text(encoding="utf-8")
    assert "checkin" not in html
    assert "fieldset" not in html.split("</style>")[1]
    page.goto(pages()["heavy-asked"].as_uri())
    assert page.locator("h2:visible").all_text_contents() == ["If you need someone"]


def test_the_question_lies_between_its_marks() -> None:
    for name in EVERY:
        html = pages()[name].read_text(encoding="utf-8")
        block = re.findall(r"<!-- checkin -->(.*?)<!-- /checkin -->", html, re.DOTALL)
        assert len(block) == 1
        assert block[0].count("<fieldset>") == 1


def test_noted_days_have_a_mark_and_their_words(page: Page) -> None:
    open_all(page, pages()["lasting"])
    assert page.locator(".noted").count() == 2
    rows = page.locator("section[aria-labelledby=strip] tbody th").all_inner_texts()
    assert rows[1].split("\n") == ["Tuesday", "alcohol"]
    assert rows[3].split("\n") == ["Thursday", "feeling ill, \u2068laundry\u2069, mindful time"]
    assert "menstruation" not in pages()["lasting"].read_text(encoding="utf-8")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.mark.parametrize("name", EVERY)
def test_the_file_is_small_and_asks_for_nothing(name: str) -> None:
    html = pages()[name].read_text(encoding="utf-8")
    assert len(html.encode()) <= 100_000
    tags = Tags()
    tags.feed(html)
    assert not {tag for tag, _ in tags.seen} & {"script", "link", "img", "iframe", "object", "embed", "form"}
    for _, attrs in tags.seen:
        assert not {key for key in attrs if key.startswith("on") or key in ("src", "href", "data-trace")}
    assert "url(" not in html
    assert "@import" not in html
    ids = [attrs["id"] for _, attrs in tags.seen if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_hostile_names_are_text_and_stay_in_their_folder(page: Page, tmp_path: Path) -> None:
    week = HEAVY_WEEK | {MONDAY: replace(HEAVY_WEEK[MONDAY], events=(HOSTILE, "</li><b>x", "😀 שלום"))}
    written = write_pages(tmp_path, {HOSTILE: week, "../../up": week}, device=HOSTILE)
    for path in written.values():
        assert path.parent.parent == tmp_path / "reports"
        html = path.read_text(encoding="utf-8")
        assert "<script" not in html
        assert "&lt;script&gt;" in html
        assert "\u202e" not in html
        assert len(html) <= 100_000
        open_all(page, path)
        assert page.locator("bdi").first.inner_text().startswith("\u2068fitbit_takeout/<script>alert(")
        assert "\u2068</li><b>x\u2069" in page.locator("main").inner_text()
        assert "😀 שלום" in page.locator("main").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_help_is_the_same_every_week_and_stale_lines_are_hidden() -> None:
    feet = {
        re.findall(r"<footer.*</footer>", pages()[name].read_text(encoding="utf-8"), re.DOTALL)[0]
        for week in EVERY
        for name in (week, f"{week}-gentle", f"{week}-asked")
    }
    assert len(feet) == 1
    assert "If you might hurt yourself or are in danger, call your emergency number now." in feet.pop()
    sunday = MONDAY + timedelta(days=6)
    line = replace(LINE, verified_on="2020-01-21")
    assert fresh_lines([line], sunday) == [line]  # 180 days before
    assert fresh_lines([line], sunday + timedelta(days=1)) == []
    assert fresh_lines([replace(LINE, verified_on="")], sunday) == []
    unchecked = [line for line in read_help_lines() if not line.verified_on]
    assert fresh_lines(unchecked, date(2026, 11, 22)) == []


def test_lines_of_the_country_come_before_those_for_all() -> None:
    everywhere, stale = replace(LINE, country="*"), replace(LINE, country="GB", verified_on="2019-01-01")
    lines = [LINE, everywhere, stale]
    assert choose_lines(lines, MONDAY, "AU") == [LINE]
    assert choose_lines(lines, MONDAY, "GB") == [everywhere]
    assert choose_lines(lines, MONDAY, None) == [everywhere]
    assert choose_lines([LINE, stale], MONDAY, "GB") == []


def read_heavy() -> Person:
    with open_warehouse(warehouse(), read_only=True) as con:
        first = MONDAY - timedelta(days=42)
        return read_people(con, ["heavy"], first, MONDAY + timedelta(days=6))["heavy"]


def test_a_checked_help_line_is_shown_and_escaped() -> None:
    html = render_page(summarise(read_heavy(), MONDAY), (), [LINE], ENGLISH)
    told = " ".join(re.sub(r"<[^>]*>", " ", html.split("<footer")[1]).split())
    assert "A &lt;line&gt; (Australia) Call 13 00 day and night https://example.org" in told
    assert '<bdi dir="ltr">13 00</bdi>' in html


def test_hints_are_all_there_and_sourced_and_off_until_they_suit() -> None:
    for k in range(len(HINTS)):
        assert re.search(r", 20\d\d, ", say(ENGLISH, f"hint.{k}.source"))
    assert f"hint.{len(HINTS)}.title" not in ENGLISH.messages
    week = summarise(read_heavy(), MONDAY)
    assert "Hints stay off until you have said" in render_page(week, (), [], ENGLISH)
    html = render_page(week, (), [], ENGLISH, Wishes(settings=FITS))
    assert "Hints stay off" not in html
    nothing = Wishes(settings={**FITS, "avoid": "sleep,breathing,movement,alcohol"})
    assert "Nothing this week. Rest is enough." in render_page(week, (), [], ENGLISH, nothing)


def test_a_language_that_is_not_there_is_told(page: Page) -> None:
    html = render_page(summarise(read_heavy(), MONDAY), (), [], ENGLISH, Wishes(settings={"language": "fr"}))
    assert "This page is in English, as it is not there in your language yet." in html
    assert "in your language yet" not in pages()["heavy"].read_text(encoding="utf-8")
