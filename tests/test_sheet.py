"""The sheet for a professional: the values that were stored, what was noted, and exactly one A4 page."""

from __future__ import annotations

import re
import shutil
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from subprocess import CompletedProcess

import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import BROKEN_HEADS, watch
from build_weeks import FIRST_WEEK, HEAVY_WEEK, MONDAY, NEARLY_EMPTY_WEEK, NOT_WORN, NOW
from playwright.sync_api import Browser, Page
from pseudo import ACCENTS, write_pseudo
from sheet_rows import FIRST, NOTED, fill_sheet

from cli import sheet as command
from reports.catalogue import load_language, read_language
from reports.panels import LEFT, RIGHT, column, join_days, place_measure, place_spans, spread_ticks
from reports.read import Person, read_people
from reports.read_back import EVENTS, Event
from reports.sheet import HRV_KINDS, Sheet, choose_hrv, make_lanes, read_sheet, usual_range, wear
from reports.sheet_page import render_sheet
from warehouse.errors import ExplainedError
from warehouse.store import open_warehouse

ENGLISH = load_language()
NEXT = MONDAY + timedelta(days=7)
LONGEST = "p" + "w" * 63
HOSTILE = '<script>alert("x")</script>\'"&{{ 7 * 7 }}' + "x" * 10_000 + "\u202e"
PEOPLE = {"heavy": HEAVY_WEEK, LONGEST: HEAVY_WEEK}
FORBIDDEN = (
    r"\b(failed|fail|poor|bad|diagnos\w*|must|should|disorder|illness|anxiety|depress\w*|stressed|caused)\b"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of people who noted much, and one of people who noted nothing."""
    folder = tmp_path_factory.mktemp("sheet")
    fill_sheet(folder / "w.duckdb", folder / "staging", PEOPLE, **NOTED)
    quiet = {"empty": dict.fromkeys(HEAVY_WEEK, NOT_WORN), "first": FIRST_WEEK, "gaps": NEARLY_EMPTY_WEEK}
    fill_sheet(folder / "quiet.duckdb", folder / "staging", quiet)
    with open_warehouse(folder / "w.duckdb") as con:
        con.execute("insert into meta.participant values ('heavy', 'Australia/Brisbane', ?)", [NOW])
    return folder


def sheet_of(folder: Path, who: str, **wanted: object) -> Sheet:
    name = "w.duckdb" if who in PEOPLE else "quiet.duckdb"
    return read_sheet(folder / name, who, before=NEXT, of=MONDAY, **wanted)[0]  # type: ignore[arg-type]


def render(sheet: Sheet) -> str:
    return render_sheet(sheet, ENGLISH, version="0.1.0")


def test_four_weeks_end_with_the_last_complete_week_of_data(folder: Path) -> None:
    sheet, _ = read_sheet(folder / "w.duckdb", "heavy", before=NEXT + timedelta(days=3))
    assert (sheet.days[0], sheet.days[-1], len(sheet.days)) == (FIRST, NEXT - timedelta(days=1), 28)
    assert [mark.day for mark in sheet.marks] == list(sheet.days)
    assert [round(mark.index or 0, 1) for mark in sheet.marks[-5:-2]] == [94.0, 97.5, 90.0]


def test_values_are_those_of_the_tables(folder: Path) -> None:
    sheet = sheet_of(folder, "heavy")
    with open_warehouse(folder / "w.duckdb", read_only=True) as con:
        for measure in sheet.measures[:-1]:
            stored = con.execute(
                "select value from feature.value where participant = 'heavy' and feature = ?"
                " and day between ? and ? order by day",
                [measure.feature, sheet.days[0], sheet.days[-1]],
            ).fetchall()
            assert measure.values == tuple(value for (value,) in stored)
            before = con.execute(
                "select quantile_cont(value, .16), quantile_cont(value, .84) from feature.value"
                " where participant = 'heavy' and feature = ? and day >= ? and day < ?",
                [measure.feature, sheet.days[0] - timedelta(days=42), sheet.days[0]],
            ).fetchall()
            assert measure.usual == pytest.approx(before[0])
    assert [m.name for m in sheet.measures] == ["rhr_night", "rmssd", "tst_min", "sri_7d", "felt"]


def test_usual_is_the_middle_two_thirds_of_seven_or_more() -> None:
    assert usual_range([7, 1, 6, 2, 5, 3, 4]) == pytest.approx((1.96, 6.04))
    assert usual_range([1.0] * 6) is None


def test_kinds_of_variability_are_never_pooled() -> None:
    days = [date(2026, 1, k) for k in (1, 2, 3)]
    kinds: dict[str, dict[date, float]] = {kind: {} for kind in HRV_KINDS}
    vendor = dict.fromkeys(days, 40.0)
    assert choose_hrv({**kinds, "rmssd_night": {days[0]: 90.0}, "rmssd_night_vendor": vendor}, days) == (
        "rmssd_night_vendor"
    )
    assert choose_hrv({**kinds, "rmssd_night": vendor, "rmssd_spot_sleep": vendor}, days) == "rmssd_night"
    # Nights before the weeks do not count.
    early = {date(2025, 1, k): 1.0 for k in range(1, 20)}
    assert choose_hrv({**kinds, "rmssd_night": early, "rmssd_spot_sleep": vendor}, days) == "rmssd_spot_sleep"


def test_the_kind_of_variability_with_most_nights_is_shown_and_named(folder: Path) -> None:
    sheet = sheet_of(folder, "heavy")
    assert sheet.measures[1].feature == "rmssd_5min_vendor_night"
    assert max(sheet.measures[1].known) < 60  # none of the 90 ms of the other kind
    assert "ms, vendor&#39;s 5 min" in render(sheet)


def test_what_was_noted_stands_on_its_days(folder: Path) -> None:
    lanes = {lane.kind: lane for lane in sheet_of(folder, "heavy").lanes}
    assert list(lanes) == ["therapy", "mindful", "alcohol", "ill", "travel", "medicine", "exercise"]
    assert lanes["therapy"].spans == ((2, 2), (9, 9), (16, 16), (23, 23))
    assert lanes["therapy"].apps == ("BetterHelp",)
    assert lanes["travel"].spans == ((13, 16),)  # from 18:00 of one day to 23:00 three days later
    assert lanes["exercise"].spans == ((24, 24),)


def test_an_event_that_ends_at_midnight_ends_on_the_day_before_and_the_weeks_clip_it(folder: Path) -> None:
    person = sheet_person(folder)
    days = [FIRST + timedelta(days=k) for k in range(28)]
    long = Event("travel", None, FIRST - timedelta(days=9), FIRST + timedelta(days=99))
    (lane,) = [lane for lane in make_lanes(person, [long], days) if lane.kind == "travel"]
    assert lane.spans == ((0, 27),)
    with open_warehouse(folder / "w.duckdb", read_only=True) as con:
        one = (
            "(select 'p' as participant, 'ill' as event, null as app, 120 as offset_min,"
            " timestamp '2026-01-01 20:00' as t_utc, timestamp '2026-01-02 22:00' as end_utc)"
        )
        asked = ["p", date(2025, 1, 1), date(2027, 1, 1)]
        rows = con.execute(EVENTS.replace("signal.event", one), asked).fetchall()
    assert rows == [("ill", None, date(2026, 1, 1), date(2026, 1, 2))]


def sheet_person(folder: Path) -> Person:
    with open_warehouse(folder / "w.duckdb", read_only=True) as con:
        return read_people(con, ["heavy"], FIRST, NEXT)["heavy"]


def test_own_words_and_the_cycle_stay_with_the_person(folder: Path) -> None:
    html = render(sheet_of(folder, "heavy"))
    assert "argument" not in html
    assert "period" not in html


def test_checkins_are_shown_where_there_are_any(folder: Path) -> None:
    felt = sheet_of(folder, "heavy").measures[-1]
    assert {k: v for k, v in enumerate(felt.values) if v is not None} == {
        k: 3.0 + k % 5 for k in NOTED["mindful"]
    }
    assert "WHO-5 on 12 July 2020: 56 of 100." in render(sheet_of(folder, "heavy"))
    assert [m.name for m in sheet_of(folder, "gaps").measures] == ["rhr_night", "rmssd", "tst_min", "sri_7d"]


def test_wear_is_told_apart(folder: Path) -> None:
    sheet = sheet_of(folder, "gaps")
    assert sheet.worn_day[-7:] == ("none", "enough", "none", "none", "none", "enough", "none")
    person = sheet_person(folder)
    short = replace(person, values={FIRST: {"valid_day": 0.0, "worn_min": 90.0}})
    assert wear(short, FIRST, "valid_day", "worn_min") == "some"
    assert "22 of 28" in render(sheet_of(folder, "gaps")) or "23 of 28" in render(sheet_of(folder, "gaps"))


def test_summaries_say_what_the_values_are(folder: Path) -> None:
    sheet = sheet_of(folder, "heavy")
    html = render(sheet)
    heart = sheet.measures[0]
    assert f"median {statistics.median(heart.known):.1f}" in html
    assert f"from {min(heart.known):.1f} to {max(heart.known):.1f}" in html
    assert heart.usual is not None
    assert f"usual {heart.usual[0]:.1f} to {heart.usual[1]:.1f}" in html
    assert "28 of 28 days scored" in html
    assert "3 above usual" in html
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', html)
    assert len(rows) == 28
    assert rows[-5] == ("Wed 15 Jul", "".join(f"<td>{cell}</td>" for cell in
        ("94, higher than usual", f"{heart.values[-5]:.1f}", "46", "5.1", "80", "")))  # fmt: skip


def test_places_by_hand() -> None:
    assert column(0, 28) == pytest.approx(LEFT + 8.0)  # 448 units for 28 days are 16 a day
    assert column(27, 28) == pytest.approx(RIGHT - 8.0)
    (one, two) = place_spans([(0, 0), (26, 27)], 28)
    assert (one.x, one.width) == (LEFT + 2, 12.0)
    assert (two.x, two.width) == (LEFT + 26 * 16 + 2, 28.0)
    assert join_days([None, (1.0, 2.0), (3.0, 4.0), None, (5.0, 6.0)]) == "M1.0 2.0L3.0 4.0M5.0 6.0"
    assert [tick.y for tick in spread_ticks(10.0, 40.0, "b", "a")] == [13.5, 43.5]
    high, low = spread_ticks(20.0, 21.0, "b", "a")
    assert low.y - high.y == pytest.approx(10.5, abs=0.11)
    assert [tick.text for tick in spread_ticks(20.0, 21.0, "54", "54")] == ["54"]
    panel = place_measure([50.0, None, 60.0], (52.0, 58.0), 100.0, str)
    assert [point.y for point in panel.points] == [144.0, 106.0]  # 12 % of 50 from either end
    assert panel.band == (113.6, 22.8)
    assert place_measure([5.0, 5.0], None, 0.0, str).points[0].y == 25.0
    assert place_measure([None, None], (1.0, 2.0), 0.0, str).points == ()


def test_nothing_is_claimed_and_nothing_alarms(folder: Path) -> None:
    for who in ("heavy", "empty", "first", "gaps"):
        text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", render(sheet_of(folder, who)), flags=re.DOTALL)
        assert re.findall(FORBIDDEN, text, re.IGNORECASE) == []
        assert not re.search(r"emergency|\b[A-Z]\d{2}\.\d", text)
        assert "no medical finding" in text
        assert "arousal of the body, not feelings" in text


def test_hostile_names_are_text(folder: Path) -> None:
    sheet = replace(sheet_of(folder, "heavy"), participant=HOSTILE, sources=(HOSTILE,) * 5)
    html = render(replace(sheet, lanes=(replace(sheet.lanes[0], apps=(HOSTILE,) * 3),)))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert len(html) < 60_000
    assert "\u202e" not in html
    assert "and 3 more" in html


def test_equal_values_give_equal_bytes(folder: Path) -> None:
    assert render(sheet_of(folder, "heavy")) == render(sheet_of(folder, "heavy"))


def heaviest(folder: Path) -> Sheet:
    """All that a sheet can hold, with names as long as they are shown."""
    sheet = sheet_of(folder, LONGEST)
    apps = tuple(f"{k} Mindfulness and Meditation App Deluxe" for k in range(9))
    lanes = tuple(replace(lane, apps=apps) for lane in sheet.lanes)
    devices = tuple(f"health_auto_export/{k}-WWWWWWWWWW WWWWWWWWWWWWWWW Pro Max" for k in range(9))
    return replace(sheet, sources=devices, lanes=lanes, methods=("features-12", "models-12+2026-11"))


def test_without_a_browser_it_says_what_to_do_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ExplainedError, match=r"none was found \(chromium, .*--out FILE\.html"):
        command.print_pdf(b"<p>", tmp_path)


def test_a_browser_that_prints_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for script, said in (("#!/bin/sh\nexit 3\n", "exit code 3"), ("#!/bin/sh\n", "printed nothing")):
        browser = tmp_path / "chromium"
        browser.write_text(script)
        browser.chmod(0o700)
        monkeypatch.setattr(shutil, "which", lambda name, found=browser: str(found))
        with pytest.raises(ExplainedError, match=f"{said}.*--out FILE.html"):
            command.print_pdf(b"<p>", tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["chromium"]


def test_the_sandbox_is_left_out_for_root_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "--no-sandbox" not in command.options(tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "--no-sandbox" in command.options(tmp_path)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test on any request beyond the file, and on any console message or error."""
    with watch(browser, width=1000, height=900) as page:
        yield page


OUTSIDE = """() => {
    const frame = document.querySelector('svg').getBoundingClientRect();
    const boxes = [...document.querySelectorAll('svg text')].map(t => [t.textContent, t.getBoundingClientRect()]);
    const found = boxes.filter(([, b]) => b.left < frame.left - 1 || b.right > frame.right + 1).map(([t]) => t);
    boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
        const x = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        const y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (x > 1 && y > 5) found.push(a + ' / ' + b);
    }));
    return found;
}"""


@pytest.mark.parametrize("who", ["heavy", "empty", "first"])
def test_on_a_screen_it_fits_and_axe_finds_nothing(
    page: Page, folder: Path, tmp_path: Path, who: str
) -> None:
    path = tmp_path / "sheet.html"
    path.write_text(render(sheet_of(folder, who)), encoding="utf-8")
    page.goto(path.as_uri())
    page.evaluate("document.querySelector('details').open = true")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate(OUTSIDE) == []
    assert not page.locator("p.sideways").is_visible()
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(BROKEN_HEADS) == []
        assert page.locator("p.sideways").is_visible()
    page.emulate_media(media="print")
    assert not page.locator("p.sideways").is_visible()


@pytest.mark.parametrize("name", ["heavy", "heaviest", "empty", "first", "gaps", "week", "eight", ACCENTS])
def test_it_is_exactly_one_a4_page(page: Page, folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "locale").mkdir()
    write_pseudo(tmp_path / "locale")
    language = read_language(name, tmp_path / "locale") if name == ACCENTS else ENGLISH
    if name == "heaviest":
        sheet = heaviest(folder)
    else:
        who = name if name in ("empty", "first", "gaps") else "heavy"
        sheet = sheet_of(folder, who, weeks={"week": 1, "eight": 8}.get(name, 4))
    path = tmp_path / "sheet.html"
    path.write_text(render_sheet(sheet, language, version="0.1.0"), encoding="utf-8")
    page.goto(path.as_uri())
    text = one_page(page.pdf(prefer_css_page_size=True))
    # The last words of the page are on it, in whatever language.
    last = " ".join(page.locator("footer").inner_text().split())
    assert last[-12:].replace(" ", "") in text.replace(" ", "")


def one_page(pdf: bytes) -> str:
    """The text of a PDF that is one page of A4."""
    read = pypdf.PdfReader(BytesIO(pdf))
    assert len(read.pages) == 1
    box = read.pages[0].mediabox
    assert (round(box.width * 25.4 / 72), round(box.height * 25.4 / 72)) == (210, 297)
    return " ".join(read.pages[0].extract_text().split())


def test_a_sheet_is_refused_with_a_reason(folder: Path) -> None:
    def ask(who: str, **wanted: object) -> None:
        read_sheet(folder / "w.duckdb", who, **{"before": NEXT, **wanted})  # type: ignore[arg-type]

    with pytest.raises(ExplainedError, match="no complete week with data yet"):
        ask("heavy", before=date(2019, 1, 1))
    with pytest.raises(
        ExplainedError,
        match="The week of 2020-07-19 is not over on 2020-07-19: ask for a day before 2020-07-13",
    ):
        ask("heavy", before=NEXT - timedelta(days=1), of=NEXT - timedelta(days=1))
    for outside in (date(2018, 1, 1), NEXT):
        with pytest.raises(
            ExplainedError, match=f"Nothing was recorded in the week of {outside}: ask for a day"
        ):
            ask("heavy", before=NEXT + timedelta(days=7), of=outside)
    with open_warehouse(folder / "w.duckdb") as con:
        con.execute("insert into meta.setting values (?, 'age_band', 'under18', ?)", [LONGEST, NOW])
    try:
        with pytest.raises(ExplainedError, match="no pages for people under 18"):
            ask(LONGEST)
    finally:
        with open_warehouse(folder / "w.duckdb") as con:
            con.execute("delete from meta.setting")


Run = Callable[..., CompletedProcess[str]]


def test_the_command_writes_a_private_file_or_says_why_not(
    folder: Path, tmp_path: Path, steadyline: Run
) -> None:
    def run(who: str, name: str) -> CompletedProcess[str]:
        words = ["--participant", who, "--out", str(tmp_path / name), "--date", "2020-07-22"]
        return steadyline("sheet", *words, var=tmp_path, STEADYLINE_WAREHOUSE=str(folder / "w.duckdb"))

    done = run("heavy", "sheet.pdf")
    assert done.returncode == 0, done.stderr
    assert "What these numbers are not" in one_page((tmp_path / "sheet.pdf").read_bytes())
    assert (tmp_path / "sheet.pdf").stat().st_mode & 0o777 == 0o600
    assert run("heavy", "sheet.html").returncode == 0
    assert "22 Jun" in (tmp_path / "sheet.html").read_text(encoding="utf-8")
    refused = run("nobody", "sheet.html")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("There is no participant nobody")
    assert "is a .pdf or a .html file, not 'sheet.docx'" in run("heavy", "sheet.docx").stderr
