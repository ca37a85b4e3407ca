"""Looking back: every day once and in its place, links that lead somewhere, small, calm and readable by everyone."""

from __future__ import annotations

import random
import re
import stat
from collections.abc import Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import watch
from build_weeks import HEAVY_WEEK, MONDAY, NOT_WORN, NOW, Day, fill
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page
from pseudo import ACCENTS, RIGHT_TO_LEFT, write_pseudo

from reports.catalogue import Language, load_language, read_language
from reports.months import Month, find_pages, lay_out, render_months, tell_story, write_months
from reports.week import monday_of
from warehouse.store import open_warehouse

ENGLISH = load_language()
LEVELS = ("", "usual", "higher", "much_higher", "calmer", "much_calmer", "usual", "usual")
NEXT = MONDAY + timedelta(days=7)


def iso(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def years(count: int, last: date = date(2026, 11, 22), levels: tuple[str, ...] = LEVELS) -> dict[date, str]:
    draw = random.Random(3)
    return {last - timedelta(days=k): draw.choice(levels) for k in range(round(count * 365.25))}


def all_weeks(levels: dict[date, str]) -> set[str]:
    return {iso(day) for day in levels}


def months_of(count: int, levels: tuple[str, ...] = LEVELS) -> list[Month]:
    found = years(count, levels=levels)
    return lay_out(found, all_weeks(found))


def test_days_stand_in_their_week_and_month_by_hand() -> None:
    levels = {date(2020, 12, 30): "usual", date(2020, 12, 31): "much_higher", date(2021, 1, 4): "calmer"}
    january, december = lay_out(levels, {"2020-W53"})
    assert (january.first, december.first) == (date(2021, 1, 1), date(2020, 12, 1))
    (week,) = december.weeks
    assert (week.iso_week, week.has_page, week.first, week.last) == (
        "2020-W53", True, date(2020, 12, 30), date(2020, 12, 31),
    )  # fmt: skip
    nothing = (None, None)
    assert week.days == (
        *nothing, (date(2020, 12, 30), "usual"), (date(2020, 12, 31), "higher"), None, *nothing,
    )  # fmt: skip
    # The first days of January belong to the last week of 2020, and nothing is known of them.
    first, second = january.weeks
    assert first.iso_week == "2020-W53"
    assert first.days[4:] == tuple((date(2021, 1, k), "unknown") for k in (1, 2, 3))
    assert (second.iso_week, second.has_page, second.days[0]) == (
        "2021-W01",
        False,
        (date(2021, 1, 4), "calmer"),
    )


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.dates(date(2019, 1, 1), date(2023, 12, 31)), st.sampled_from(LEVELS), max_size=60))
def test_every_day_from_the_first_to_the_last_stands_once_under_its_weekday(levels: dict[date, str]) -> None:
    placed = {}
    for month in lay_out(levels, ()):
        for week in month.weeks:
            for column, day in enumerate(week.days):
                if day is None:
                    continue
                assert day[0] not in placed
                assert (day[0].weekday(), day[0].replace(day=1)) == (column, month.first)
                assert iso(day[0]) == week.iso_week
                placed[day[0]] = day[1]
    span = (max(levels) - min(levels)).days + 1 if levels else 0
    assert len(placed) == span
    for day, mark in placed.items():
        level = levels.get(day, "")
        side = "higher" if "higher" in level else "calmer" if "calmer" in level else level or "unknown"
        assert mark == side


@pytest.mark.parametrize(
    ("high", "low", "same", "unknown", "story"),
    [
        (0, 0, 6, 25, "little"),
        (0, 0, 7, 0, "usual"),
        (9, 0, 19, 0, "usual"),  # 9 of 28 is less than a third
        (10, 0, 18, 3, "harder"),
        (0, 10, 20, 0, "calmer"),
        (10, 10, 10, 0, "mixed"),
        (3, 3, 1, 20, "mixed"),
    ],
)
def test_a_month_in_words_says_what_its_marks_show(
    high: int, low: int, same: int, unknown: int, story: str
) -> None:
    marks = ["higher"] * high + ["calmer"] * low + ["usual"] * same + ["unknown"] * unknown
    assert tell_story(marks) == story  # type: ignore[arg-type]


@pytest.mark.parametrize("levels", [LEVELS, ("",), ("higher",), ("", "calmer")])
def test_five_years_fit_in_100_kb_however_the_days_were(levels: tuple[str, ...]) -> None:
    assert len(render_months(months_of(5, levels), ENGLISH).encode()) <= 100_000


def test_older_years_are_told_in_words_and_keep_their_links() -> None:
    html = render_months(months_of(12), ENGLISH)
    assert len(html.encode()) <= 100_000
    seen = Outline()
    seen.feed(html)
    assert seen.years == [str(year) for year in range(2026, 2013, -1)]
    assert seen.tables == 4 * 12 - 1  # 2023 to 2026, without December
    assert set(seen.links) == {f"{week}.html" for week in all_weeks(years(12))}


class Outline(HTMLParser):
    """The years, the tables and the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = 0
        self.links: list[str] = []
        self.years: list[str] = []
        self.tag = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tag = tag
        self.tags.append((tag, dict(attrs)))
        self.tables += tag == "table"
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")

    def handle_data(self, data: str) -> None:
        if self.tag == "h2" and data.strip().isdigit():
            self.years.append(data.strip())


def test_links_lead_to_pages_that_are_there_and_nowhere_else() -> None:
    levels = years(1)
    outline = Outline()
    outline.feed(render_months(lay_out(levels, {"2026-W20", "2026-W31"}), ENGLISH))
    # W31 begins in July and ends in August; the last page is named once more at the top.
    assert outline.links == ["2026-W31.html", "2026-W31.html", "2026-W31.html", "2026-W20.html"]
    assert not {tag for tag, _ in outline.tags} & {"script", "link", "img", "iframe", "form"}
    for tag, attrs in outline.tags:
        assert not {key for key in attrs if key.startswith("on") or key == "src"}
        assert tag == "a" or "href" not in attrs


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A warehouse of four people with eight weeks each, and a folder of reports with a page of most of them."""
    warehouse, reports = tmp_path / "w.duckdb", tmp_path / "reports"
    quiet: dict[date, Day] = dict.fromkeys(HEAVY_WEEK, NOT_WORN)
    people = dict.fromkeys(("p-1", "paused", "young", "pageless"), HEAVY_WEEK)
    fill(warehouse, tmp_path / "staging", {**people, "quiet": quiet})
    for who in ("p-1", "paused", "young", "quiet"):
        (reports / who).mkdir(parents=True)
        for name in ("2020-W28.html", "2020-W29.html", "2020-W29-closed.html", "notes.txt"):
            (reports / who / name).write_text("a page")
    with open_warehouse(warehouse) as con:
        for who, name, value in (("paused", "pause", "yes"), ("young", "age_band", "under18")):
            con.execute("insert into meta.setting values (?, ?, ?, ?)", [who, name, value, NOW])
    return warehouse, reports


PEOPLE = ["p-1", "paused", "young", "pageless", "quiet"]


def test_the_index_lies_beside_the_pages_of_who_has_some(places: tuple[Path, Path]) -> None:
    warehouse, reports = places
    written = write_months(warehouse, reports, participants=PEOPLE, before=NEXT)
    assert written == (reports / "p-1" / "index.html", reports / "quiet" / "index.html")
    assert stat.S_IMODE(written[0].stat().st_mode) == 0o600
    html = written[0].read_text(encoding="utf-8")
    assert re.findall(r'<a href="([^"]+)"', html) == ["2020-W28.html", "2020-W29.html"]
    assert html.count("<td class=h>") == 3  # the heavy week's Wednesday to Friday, and nothing else
    assert "<td class=h>15 <b>above</b><td class=h>16 <b>above</b><td class=h>17 <b>above</b>" in html
    assert not (reports / "pageless").exists()
    assert find_pages(reports / "p-1") == {"2020-W28", "2020-W29"}


def test_what_is_there_already_is_not_written_again(places: tuple[Path, Path]) -> None:
    warehouse, reports = places
    (path, _) = write_months(warehouse, reports, participants=PEOPLE, before=NEXT)
    before = path.stat()
    assert write_months(warehouse, reports, participants=PEOPLE[::-1], before=NEXT)[0] == path
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_run_shows_only_days_before_its_date(places: tuple[Path, Path]) -> None:
    warehouse, reports = places
    (path, _) = write_months(warehouse, reports, participants=PEOPLE, before=MONDAY + timedelta(days=3))
    html = path.read_text(encoding="utf-8")
    assert "<td class=h>15" in html
    assert "<td class=h>16" not in html
    assert "13–15" in html


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test on any request beyond the file, and on any console message or error."""
    with watch(browser, width=390, height=844) as page:
        yield page


def show(page: Page, folder: Path, *, gentle: bool = False, language: Language = ENGLISH) -> Path:
    path = folder / "index.html"
    path.write_text(render_months(months_of(2), language, gentle=gentle), encoding="utf-8")
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    return path


def read_pseudo(folder: Path, code: str) -> Language:
    (folder / "locale").mkdir()
    write_pseudo(folder / "locale")
    return read_language(code, folder / "locale")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("gentle", [False, True])
def test_axe_finds_nothing(page: Page, tmp_path: Path, scheme: str, gentle: bool) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    show(page, tmp_path, gentle=gentle)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [320, 390, 768, 1200])
@pytest.mark.parametrize("gentle", [False, True])
def test_nothing_overflows_and_links_can_be_touched(
    page: Page, tmp_path: Path, width: int, gentle: bool
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    show(page, tmp_path, gentle=gentle)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = page.eval_on_selector_all(
        "main a, summary",
        "es => es.map(e => e.getBoundingClientRect()).map(r => Math.min(r.width, r.height))",
    )
    assert len(sizes) > 100
    assert min(sizes) >= 24


def test_shapes_differ_and_every_day_that_is_not_usual_has_a_word(page: Page, tmp_path: Path) -> None:
    show(page, tmp_path)
    shapes = {
        name: page.locator(selector).first.evaluate(
            "e => { const s = getComputedStyle(e, '::after'); return [s.clipPath, s.borderRadius, s.height].join() }"
        )
        for name, selector in
        {"usual": "td:not([class]):not(:empty)", "higher": "td.h", "calmer": "td.c", "unknown": "td.u"}.items()
    }  # fmt: skip
    assert len(set(shapes.values())) == 4
    words = page.eval_on_selector_all("td[class]", "es => es.map(e => [e.className, e.textContent])")
    for kind, text in words:
        assert re.fullmatch(rf"\d+ {({'h': 'above', 'c': 'below', 'u': 'not known'})[kind]}", text)
    drawn = "es => es.filter(e => getComputedStyle(e, '::after').display != 'none').length"
    assert page.eval_on_selector_all("td:empty", drawn) == 0
    assert page.eval_on_selector_all("td:not(:empty)", drawn) > 700
    assert page.locator("td:not([class]):not(:empty)").first.inner_text().strip().isdigit()


def test_forced_colours_keep_every_mark(page: Page, tmp_path: Path) -> None:
    page.emulate_media(forced_colors="active")
    show(page, tmp_path)
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for selector in ("td.h", "td.c", "td.u", "td:not([class]):not(:empty)"):
        mark = page.locator(selector).first
        assert mark.evaluate("e => getComputedStyle(e, '::after').backgroundColor") != back
        assert mark.evaluate("e => getComputedStyle(e).color") != back


def test_gentle_mode_has_words_and_links_and_no_mark(page: Page, tmp_path: Path) -> None:
    show(page, tmp_path, gentle=True)
    assert page.locator("table, td, .key").count() == 0
    text = page.locator("main").inner_text()
    assert "Mostly about your usual." in text
    links = page.eval_on_selector_all("section a", "es => es.map(e => e.textContent)")
    assert len(links) > 100
    assert [link for link in links if not re.fullmatch(r"\d+(–\d+)?", link)] == []


def test_it_opens_on_the_newest_year_and_a_link_opens_the_week_beside_it(page: Page, tmp_path: Path) -> None:
    path = show(page, tmp_path)
    (tmp_path / "2026-W47.html").write_text("<!doctype html><title>the week</title>")
    page.goto(path.as_uri())
    assert page.eval_on_selector_all("details", "ds => ds.map(d => d.open)") == [True, False, False]
    assert page.locator("caption").first.inner_text().split("\n")[0] == "November"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/2026-W47.html")
    assert page.title() == "the week"


def test_every_language_and_direction(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    show(page, tmp_path, language=read_pseudo(tmp_path, RIGHT_TO_LEFT))
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    week, monday = (page.locator(f"thead th:nth-child({k})").first.bounding_box() for k in (1, 2))
    assert week is not None
    assert monday is not None
    assert week["x"] > monday["x"]


def test_no_word_is_written_outside_the_catalogue(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    show(page, tmp_path, language=read_pseudo(tmp_path, ACCENTS))
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert re.findall(r"[A-Za-z]{2,}", page.locator("body").inner_text()) == []


def test_it_prints_with_all_years_open(page: Page, tmp_path: Path) -> None:
    path = show(page, tmp_path)
    page.goto(path.as_uri())
    page.emulate_media(media="print")
    box = page.locator("details").last.locator("table").last.bounding_box()
    assert box is not None
    assert box["height"] > 50


def test_a_week_of_the_calendar_begins_on_monday() -> None:
    for month in months_of(2):
        for week in month.weeks:
            assert monday_of(week.first) == monday_of(week.last)


def test_equal_values_give_equal_bytes_and_nothing_gives_a_kind_word() -> None:
    assert render_months(months_of(2), ENGLISH) == render_months(months_of(2), ENGLISH)
    empty = render_months(lay_out({}, ()), ENGLISH)
    assert "There is nothing to look back on yet." in empty
    assert "call your emergency number now" in empty
