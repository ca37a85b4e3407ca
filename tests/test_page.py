"""The weekly page in a real browser: offline, quiet, readable, private, the same for everybody."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from build_weeks import (
    CALM_WEEK,
    FIRST_WEEK,
    HEAVY_WEEK,
    MONDAY,
    NEARLY_EMPTY_WEEK,
    NOW,
    ONE_DAY_WEEK,
    ORDINARY_WEEK,
    fill,
)
from playwright.sync_api import Browser, Page, sync_playwright

from reports.daily import write_insights
from reports.page import HINTS, HelpLine, fresh_lines, read_help_lines, render_page
from reports.read import read_people
from reports.sentences import load_language, say
from reports.week import summarise
from reports.weekly import write_week
from warehouse.commit import commit
from warehouse.store import open_warehouse

AFTER = MONDAY + timedelta(days=7)
HOSTILE = '<script>alert("x")</script>\'"&{{ 7 * 7 }}' + "x" * 10_000 + "\u202e"
PLANS = {
    "heavy": HEAVY_WEEK,
    "ordinary": ORDINARY_WEEK,
    "empty": NEARLY_EMPTY_WEEK,
    "first": FIRST_WEEK,
    "calm": CALM_WEEK,
    "one": ONE_DAY_WEEK,
}
FORBIDDEN = r"\b(failed|fail|poor|bad|diagnos\w*|must|should|disorder|illness|anxiety|depress\w*|stressed|caused you)\b"
ENGLISH = load_language()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    return write_pages(folder, PLANS)


def write_pages(folder: Path, plans: dict, device: str = "unknown") -> dict[str, Path]:
    warehouse, staging = folder / "w.duckdb", folder / "staging"
    fill(warehouse, staging, plans, device=device)
    insights = write_insights(warehouse, staging, participants=list(plans), before=AFTER)
    assert insights is not None
    commit(warehouse, [insights], now=NOW)
    pages = write_week(warehouse, staging, folder / "reports", participants=list(plans), before=AFTER).pages
    return dict(zip(sorted(plans), pages, strict=True))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, (
        "these tests need a Chromium: install your system's chromium package (Debian: apt install chromium)"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test on any request beyond the file, and on any console message or error."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    trouble: list[str] = []
    page.on("request", lambda r: trouble.append(r.url) if not r.url.startswith(("file:", "about:")) else None)
    page.on("console", lambda m: trouble.append(m.text))
    page.on("pageerror", lambda e: trouble.append(str(e)))
    yield page
    assert trouble == []
    context.close()


def open_all(page: Page, path: Path) -> None:
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")


@pytest.mark.parametrize("name", sorted(PLANS))
def test_every_week_has_its_eight_parts_in_order(page: Page, written: dict[str, Path], name: str) -> None:
    open_all(page, written[name])
    ids = page.eval_on_selector_all("h2", "hs => hs.map(h => h.id)")
    assert ids == ["felt", "sentence", "strip", "went", "sleep", "hint", "certain", "help"]
    assert page.locator("h2:visible").count() == 8


def test_the_question_comes_first_and_the_numbers_are_closed(page: Page, written: dict[str, Path]) -> None:
    page.goto(written["heavy"].as_uri())
    seen = page.locator("body").inner_text()
    assert seen.index("how did this week feel?") < seen.index("what your watch saw")
    assert "A heavy week" not in seen
    assert "call your emergency number now" in seen
    page.locator("summary").first.click()
    assert "A heavy week for your body" in page.locator("body").inner_text()


def test_an_answer_is_thanked_by_keyboard_too_and_stored_nowhere(
    page: Page, written: dict[str, Path]
) -> None:
    page.goto(written["heavy"].as_uri())
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
def test_nothing_overflows_and_chart_text_stays_readable(
    page: Page, written: dict[str, Path], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for name in ("heavy", "empty", "first"):
        open_all(page, written[name])
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        sizes = page.eval_on_selector_all(
            "svg.chart text",
            "ts => ts.map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)",
        )
        assert min(sizes) >= 11.9
        assert page.evaluate(OVERLAPS) == []


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


@pytest.mark.parametrize("name", sorted(PLANS))
def test_prints_on_two_pages_with_the_numbers_open(page: Page, written: dict[str, Path], name: str) -> None:
    page.goto(written[name].as_uri())
    pdf = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) <= 2
    page.emulate_media(media="print")
    assert page.locator("#certain").bounding_box() is not None
    assert "How sure are we?" in page.locator("body").inner_text()


def test_touch_targets_are_large_enough(page: Page, written: dict[str, Path]) -> None:
    open_all(page, written["heavy"])
    for box in page.eval_on_selector_all(
        "label, summary", "es => es.map(e => e.getBoundingClientRect().height)"
    ):
        assert box >= 24


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_text_and_of_marks_meets_wcag_aa(
    page: Page, written: dict[str, Path], scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    open_all(page, written["heavy"])
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


def test_forced_colours_keep_every_mark_apart_from_the_background(
    page: Page, written: dict[str, Path]
) -> None:
    page.emulate_media(forced_colors="active")
    open_all(page, written["heavy"])
    for mark in (".dot", ".up", ".sleep", ".chart .day"):
        fill_of = page.locator(mark).first.evaluate("e => getComputedStyle(e).fill")
        assert fill_of != page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_charts_say_in_text_what_they_show(page: Page, written: dict[str, Path]) -> None:
    open_all(page, written["heavy"])
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


def test_gaps_are_seen_as_gaps(page: Page, written: dict[str, Path]) -> None:
    open_all(page, written["empty"])
    assert page.locator("svg.chart .gap").all_text_contents() == ["not", "worn"] * 5
    assert page.locator("svg.chart .dot").count() == 2
    assert "%" not in page.locator("details.numbers").inner_text()


@pytest.mark.parametrize("name", sorted(PLANS))
def test_words_are_kind_and_easy(page: Page, written: dict[str, Path], name: str) -> None:
    open_all(page, written[name])
    text = page.locator("main").inner_text()
    assert re.findall(FORBIDDEN, text, re.IGNORECASE) == []
    body = page.eval_on_selector_all("p, li, h3", "ps => ps.map(p => p.innerText)")
    assert grade(" ".join(body)) <= 6


def test_every_message_of_the_catalogue_is_kind() -> None:
    for key, message in ENGLISH.messages.items():
        for form in message.values() if isinstance(message, dict) else [message]:
            assert not re.search(FORBIDDEN, form, re.IGNORECASE), key


def grade(text: str) -> float:
    """Flesch-Kincaid grade, syllables counted as groups of vowels without a silent e at the end."""
    words = re.findall(r"[A-Za-z']+", text)
    ends = len(re.findall(r"[.!?:](?:\s|$)", text))
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e\b", "", w.lower())))) for w in words)
    return 0.39 * len(words) / ends + 11.8 * syllables / len(words) - 15.59


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.mark.parametrize("name", sorted(PLANS))
def test_the_file_is_small_and_asks_for_nothing(written: dict[str, Path], name: str) -> None:
    html = written[name].read_text(encoding="utf-8")
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
    written = write_pages(tmp_path, {HOSTILE: HEAVY_WEEK, "../../up": HEAVY_WEEK}, device=HOSTILE)
    for path in written.values():
        assert path.parent.parent == tmp_path / "reports"
        html = path.read_text(encoding="utf-8")
        assert "<script" not in html
        assert "&lt;script&gt;" in html
        assert len(html) <= 100_000
        open_all(page, path)
        assert page.locator("bdi").inner_text().startswith("fitbit_takeout/<script>alert(")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_help_is_the_same_each_week_and_shows_checked_lines_only(
    tmp_path: Path, written: dict[str, Path]
) -> None:
    feet = {
        re.findall(r"<footer.*</footer>", p.read_text(encoding="utf-8"), re.DOTALL)[0]
        for p in written.values()
    }
    assert len(feet) == 1
    assert "If you might hurt yourself or are in danger, call your emergency number now." in feet.pop()
    sunday = MONDAY + timedelta(days=6)
    line = HelpLine("AU", "A <line>", "1", "", "", "en", "", "2020-01-21")
    assert fresh_lines([line], sunday) == [line]  # 180 days before
    assert fresh_lines([line], sunday + timedelta(days=1)) == []
    assert fresh_lines([HelpLine("AU", "x", "1", "", "", "en", "", "")], sunday) == []
    assert fresh_lines(read_help_lines(), date(2026, 11, 22)) == []  # none of those that ship was checked


def test_a_checked_help_line_is_shown_and_escaped(written: dict[str, Path]) -> None:
    warehouse = written["heavy"].parents[2] / "w.duckdb"
    with open_warehouse(warehouse, read_only=True) as con:
        person = read_people(con, ["heavy"], MONDAY - timedelta(days=42), MONDAY + timedelta(days=6))["heavy"]
    line = HelpLine("AU", "A <line>", "13 00", "", "day and night", "en", "", "2020-07-01")
    html = render_page(summarise(person, MONDAY), [], [line], ENGLISH)
    assert "A &lt;line&gt; (Australia): call 13 00, day and night" in html


def test_hints_are_all_there_and_sourced() -> None:
    for k in range(HINTS):
        assert re.search(r", 20\d\d, ", say(ENGLISH, f"hint.{k}.source"))
    assert f"hint.{HINTS}.title" not in ENGLISH.messages
