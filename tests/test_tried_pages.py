"""What was tried, on pages, in mails and on the sheet: its pictures, its numbers, each with its row in a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pypdf
import pytest
from browsing import launch, watch
from build_pages import NOTED, pages, read_body, read_texts, warehouse
from build_weeks import HEAVY_WEEK, MONDAY, NOW
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page
from sheet_rows import NOTED as NOTED_ON_SHEET
from sheet_rows import fill_sheet
from tried_rows import ADVICE, JUDGED, LOWER, OPEN, Noted, effect_of, fill_tried

from reports.catalogue import load_language, say
from reports.charts import COURSE_PX, MARGIN_PX, MOST_TICKS, choose_ticks, draw_course, find_runs, height_of
from reports.mail import write_mail
from reports.read_tried import EffectDay, Kept
from reports.sheet import read_sheet
from reports.sheet_page import render_sheet
from reports.sheet_tried import tell_checks, tell_note
from reports.tried import Finding, Tried, list_findings
from reports.tried_words import (
    describe_days,
    mark_scale,
    put_in_words,
    write_level,
)
from warehouse.store import open_warehouse

ENGLISH = load_language()
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with watch(browser, width=390, height=844) as page:
        yield page


# The picture


def test_the_picture_is_placed_by_hand() -> None:
    course = draw_course(
        [1.0, None, 3.0, 5.0],
        [(2.0, 1.0, 3.0), (2.0, 1.0, 3.0), None, (2.0, 1.0, 3.0)],
        [False, False, True, True],
        ticks=[2.0, 4.5],
    )
    # From 1 at the bottom to 5 at the top, six pixels of air: 36 px a unit.
    assert (COURSE_PX, MARGIN_PX) == (156.0, 6.0)
    assert course.open == "M0.5 150h0"  # the day without a value has no dot
    assert course.full == "M2.5 78h0M3.5 6h0"
    assert course.band == "M0.5 78L1.5 78L1.5 150L0.5 150ZM3.5 78L3.5 150Z"
    assert course.middle == "M0.5 114L1.5 114M3.5 114"
    assert course.ticks == (114.0, 24.0)
    assert course.with_it == ((2, 2),)
    assert course.start_x == 57.5  # half of the 85 % after the labels
    # The scale holds its labels too: from 1 to 9, 18 px a unit.
    assert draw_course([1.0, 5.0], [None] * 2, [True] * 2, ticks=[9.0]).full == "M0.5 150h0M1.5 78h0"
    mirrored = draw_course([1.0, None, 3.0, 5.0], [None] * 4, [False, False, True, True], mirror=True)
    assert mirrored.open == "M3.5 150h0"
    assert (mirrored.with_it, mirrored.start_x) == (((0, 2),), 42.5)
    assert find_runs([True, False, True, True]) == [(0, 1), (2, 2)]


def test_an_index_is_even_as_on_the_strip_and_one_value_alone_can_be_drawn() -> None:
    course = draw_course([16.0, 50.0, 84.0], [None] * 3, [False] * 3, probit=True)
    y = [float(place.split(" ")[1]) for place in course.open.removesuffix("h0").split("h0")]
    assert y[1] - y[0] == pytest.approx(y[2] - y[1], abs=0.11)
    assert height_of(16.0) > height_of(84.0)
    assert draw_course([5.0], [None], [True]).full == "M0.5 78h0"
    # 84, 50 and 16 stand as far apart, also where all days lie close together.
    ticks = draw_course([48.0, 52.0], [None] * 2, [False] * 2, ticks=(84.0, 50.0, 16.0), probit=True).ticks
    assert ticks == (6.0, 78.0, 150.0)


@pytest.mark.parametrize(
    ("low", "high", "ticks", "digits"),
    [
        (6.4, 8.2, [6.5, 7.0, 7.5, 8.0], 1),
        (22.0, 61.0, [30.0, 40.0, 50.0, 60.0], 0),
        (0.0, 10.0, [0.0, 5.0, 10.0], 0),
        (3.11, 3.19, [3.12, 3.14, 3.16, 3.18], 2),
    ],
)
def test_a_scale_is_labelled_with_round_numbers(
    low: float, high: float, ticks: list[float], digits: int
) -> None:
    assert choose_ticks(low, high) == (ticks, digits)


@settings(deadline=None, max_examples=200)
@given(st.floats(-50, 900), st.floats(0.01, 900))
def test_any_scale_has_two_to_five_labels_within_it(low: float, span: float) -> None:
    ticks, digits = choose_ticks(low, low + span)
    assert 2 <= len(ticks) <= MOST_TICKS
    assert low - 1e-6 <= ticks[0] < ticks[-1] <= low + span + 1e-6
    assert len({f"{tick:.{digits}f}" for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("outcome", "ends", "labels"),
    [
        ("index", (30.0, 60.0), [(84.0, "84"), (50.0, "50"), (16.0, "16")]),
        ("felt_stress", (1.2, 7.8), [(2.0, "2"), (4.0, "4"), (6.0, "6")]),
        ("tst_min", (350.0, 560.0), [(360.0, "6"), (420.0, "7"), (480.0, "8"), (540.0, "9")]),
        (
            "ln_rmssd",
            (3.1, 4.0),
            [(np.log(30), "30"), (np.log(40), "40"), (np.log(50), "50")],
        ),  # 22.2 to 54.6 ms
    ],
)
def test_a_scale_is_read_in_its_unit(
    outcome: str, ends: tuple[float, float], labels: list[tuple[float, str]]
) -> None:
    found = mark_scale(outcome, *ends, ENGLISH)
    assert [text for _, text in found] == [text for _, text in labels]
    assert [place for place, _ in found] == pytest.approx([place for place, _ in labels])


def test_the_picture_has_its_text_and_its_table(page: Page) -> None:
    page.goto(pages()["tried"].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    drawn = page.locator("section.tried svg[role=img]")
    assert drawn.count() == 2
    desc = drawn.first.locator("desc").text_content() or ""
    key = "event = 'mindful' and question = 'since_start' and participant = 'tried'"
    ((without, with_it, expected),) = query(
        "select avg(value) filter (not with_it), avg(value) filter (with_it),"
        f" avg(expected) filter (with_it and value is not null) from model.effect_day where {key}"
    )
    assert f"Before: {without:.0f} on average." in desc
    assert f"Since: {with_it:.0f}, where {expected:.0f} was expected." in desc
    heads = page.locator("section.tried thead").first.locator("th").all_inner_texts()
    assert heads == ["Week from", "Before", "Since", "Expected"]
    texts = drawn.first.locator("text").all_text_contents()
    assert texts[:5] == ["Body stress signal, 0 to 100", "84", "50", "16", "since"]
    rows = page.locator("section.tried tbody").first.locator("tr").all_inner_texts()
    weeks = query(
        "select date_trunc('week', date), avg(value) filter (not with_it), avg(value) filter (with_it),"
        f" avg(expected) filter (value is not null) from model.effect_day where {key} group by 1 order by 1"
    )
    told = [row.split("\t")[1:] for row in rows]
    assert told == [["" if x is None else f"{x:.0f}" for x in means] for _, *means in weeks]
    assert [bool(row[0]) for row in told] == [True] * 6 + [False] * 6
    dots = (
        page.locator("section.tried svg.at")
        .first.locator("path.days")
        .evaluate_all(
            "ps => ps.filter(p => !p.classList.contains('hollow'))"
            ".map(p => p.getAttribute('d').split('M').length - 1)"
        )
    )
    assert sum(dots) == query(f"select count(value) from model.effect_day where {key}")[0][0] < 84
    start = drawn.first.locator("line.start").bounding_box()
    bar = drawn.first.locator("rect.with").bounding_box()
    assert start is not None
    assert bar is not None
    assert start["x"] == pytest.approx(bar["x"], abs=1.5)


def test_the_picture_in_words_has_the_means_of_each_side_by_hand() -> None:
    values = [
        (40.0, 44.0, False),
        (60.0, 46.0, False),
        (None, 90.0, True),
        (30.0, 70.0, True),
        (34.0, 60.0, True),
    ]
    days = tuple(
        EffectDay(MONDAY + timedelta(days=k), value, expected, expected - 9, expected + 9, with_it)
        for k, (value, expected, with_it) in enumerate(values)
    )
    assert describe_days(effect_of("likely_lower", **LOWER), days, ENGLISH) == (
        "From 13 July 2020 to 17 July 2020. Before: 50 on average. Since: 32, where 65 was expected."
    )


@pytest.mark.parametrize(
    ("outcome", "value", "shown"),
    [
        ("index", 49.6, "50"),
        ("felt_stress", 4.25, "4.2 of 10"),
        ("ln_rmssd", 3.7, "40 ms"),  # e^3.7 is 40.4
        ("tst_min", 431.0, "7 h 11 min"),
        ("index", None, "–"),
    ],
)
def test_levels_are_written_in_their_unit(outcome: str, value: float | None, shown: str) -> None:
    assert write_level(outcome, value, ENGLISH) == shown


# The pages


def query(sql: str) -> list[tuple]:
    with open_warehouse(warehouse(), read_only=True) as con:
        return con.execute(sql).fetchall()


def section_of(name: str) -> str:
    html = pages()[name].read_text(encoding="utf-8")
    found = re.search(r'<section class="tried".*?</section>', html, re.DOTALL)
    return "" if found is None else found[0]


def test_a_page_of_somebody_who_tried_nothing_has_no_such_part() -> None:
    for name, path in pages().items():
        tried = name.split("-")[0] in NOTED
        assert bool(section_of(name)) == tried
        assert (".tried" in path.read_text(encoding="utf-8")) == tried


CONSTANTS = ("4 days in 5", "19 times in 20", "99 times in 100", "of 100 points", "of 10 points")


@pytest.mark.parametrize("name", sorted(NOTED))
def test_every_number_of_what_was_tried_is_in_a_table(name: str) -> None:
    known: set[str] = set()
    for row in query(
        "select days_without, days_with, sessions, needed, abs(effect), abs(lo), abs(hi), day(first_day),"
        f" day(last_day), day(start_day), year(last_day) from model.effect where participant = '{name}'"
    ):
        known |= {f"{x:.0f}" for x in row if x is not None}
    for row in query(
        "select avg(value) filter (with_it),"
        " avg(value) filter (not with_it), avg(expected) filter (with_it and value is not null)"
        f" from model.effect_day where participant = '{name}' group by event"
    ):
        known |= {f"{x:.0f}" for x in row} | {f"{x / 60:.1f}" for x in row} | lengths(row)
    for row in query(
        "select avg(value) filter (with_it), avg(value) filter (not with_it), avg(expected) filter (value is not null),"
        f" day(date_trunc('week', any_value(date))) from model.effect_day where participant = '{name}'"
        " group by event, date_trunc('week', date)"
    ):
        means = [x for x in row if x is not None]
        known |= {f"{x:.0f}" for x in means} | lengths(means[:-1])
    known |= {str(day.day) for day in (JUDGED, JUDGED + timedelta(days=6))}
    inside = [text for tags, text in read_texts(pages()[name]) if "section.tried" in tags]
    told = " ".join(inside)
    for constant in CONSTANTS:
        told = told.replace(constant, "")
    numbers = re.findall(r"\d+(?:\.\d+)?", told)
    known |= {"84", "50", "16", "0", "100", "6.5", "7.0", "7.5", "8.0"}  # labels of scales
    assert [n for n in numbers if n not in known] == []
    assert len(numbers) > 60


def lengths(minutes: Iterable[float]) -> set[str]:
    return {str(part) for m in minutes for part in divmod(round(m), 60)}


def test_a_page_tells_the_verdicts_of_the_table() -> None:
    body = read_body(pages()["tried"])
    assert any(t.startswith("Likely lower. Since then, your body stress signal was about 9") for t in body)
    assert "About 12 more days with a value would be enough." in body
    assert any("felt stress (likely lower) and sleep time (no clear change)" in text for text in body)
    planned = read_body(pages()["planned"])
    assert "Told in earlier weeks: therapy with \u2068Talkspace\u2069 (likely lower)." in planned
    assert any("you slept about 18 min more a night, between 6 min and 31 min." in text for text in planned)
    # The plan began 42 days before, on a Monday; its 43rd day is the third of a block of four: with it.
    (line,) = [text for text in planned if text.startswith("\u2068Yoga\u2069")]
    drawn = "0110" * 21
    with_it = [day for k, day in enumerate(WEEKDAYS) if drawn[42 + k] == "1"]
    assert f"with it on {' and '.join([', '.join(with_it[:-1]), with_it[-1]])}," in line


def test_a_picture_since_a_start_says_before_and_since_and_the_key_is_given_once() -> None:
    started, sessions = re.findall(r'<p class="soft small">(Each dot.*?)</p>', section_of("tried"), re.DOTALL)
    assert started == (
        "Each dot is a day: full ones since then, open ones before. A day counts with the night after it."
        " The shaded band is what we expected of a day without it, and holds about 4 days in 5. The thick bar below"
        " marks the days since. In the scale, 50 is your usual, and steps are wider near the ends. A day without a dot"
        " is one without a value."
    )
    assert sessions == (
        "Each dot is a day: full ones on the day of a session and the three days after, open ones on the others."
        " The thick bars below mark a session and the days just after."
    )
    assert "full ones drawn with it, open ones drawn without." in section_of("planned")
    assert "wider near the ends" not in section_of("planned")  # hours of sleep are even
    since = effect_of("no_clear_change", **OPEN)
    days = tuple(EffectDay(MONDAY + timedelta(days=k), 50.0 + k, 51.0, 40.0, 60.0, k > 2) for k in range(6))
    said = put_in_words(Tried(JUDGED, (Finding(since, (), days),) * 2), ENGLISH)
    assert said is not None
    first, second = (card.picture for card in said.cards)
    assert first is not None
    assert second is not None
    assert len(first.legend) == 5
    assert second.legend == ()  # it is folded, since all of its key stands above


WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@pytest.mark.parametrize("name", sorted(NOTED))
def test_gentle_mode_tells_the_verdict_without_a_number_or_a_picture(name: str) -> None:
    section = section_of(f"{name}-gentle")
    assert "<svg" not in section
    words = re.sub(r"<[^>]*>", " ", section.replace('id="tried"', ""))
    assert not re.search(r"\d", words)
    assert "likely" in words
    assert "because" in words


@pytest.mark.parametrize("name", sorted(NOTED))
def test_a_page_and_its_mail_say_the_same_and_promise_nothing(name: str) -> None:
    page = pages()[name].read_text(encoding="utf-8")
    mail = write_mail(page, MONDAY, ENGLISH, name="0" * 32, written=NOW)
    text = plainly(mail.text.replace("\n- ", "\n").replace("\n  ", "\n"))
    said = [
        plainly(t)
        for tags, t in read_texts(pages()[name])
        if "section.tried" in tags and "svg.chart" not in tags
    ]
    left_out = [
        plainly(say(ENGLISH, key))
        for key in ENGLISH.messages
        if key.startswith(("effect.legend", "effect.see", "page.as_table"))
    ]
    for sentence in said:
        for legend in left_out:
            sentence = sentence.replace(legend, "").strip()  # noqa: PLW2901
        assert sentence in text, sentence
    assert "Each dot is a day" not in text
    assert not re.search(ADVICE, plainly(re.sub(r"<[^>]*>", " ", section_of(name))), re.IGNORECASE)


def plainly(text: str) -> str:
    return " ".join(re.sub("[\u2066-\u2069]", "", text).split())


HOSTILE = '<script>alert("x")</script>' + "x" * 500 + "\u202e"


def test_hostile_names_are_text() -> None:
    days = (EffectDay(MONDAY, 50.0, 51.0, 40.0, 60.0, True),)
    found = Finding(effect_of("likely_lower", **LOWER, event=HOSTILE, app=HOSTILE), (), days)
    said = put_in_words(Tried(JUDGED, (found,)), ENGLISH)
    assert said is not None
    assert "\u202e" not in said.cards[0].title
    assert len(said.cards[0].title) < 250


# The sheet


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheet")
    fill_sheet(folder / "w.duckdb", folder / "staging", {"p": HEAVY_WEEK}, **NOTED_ON_SHEET)
    rows = (*NOTED["tried"].effects, *NOTED["planned"].effects)
    fill_tried(folder / "w.duckdb", folder / "staging", {"p": Noted(rows)})
    with open_warehouse(folder / "w.duckdb") as con:
        con.execute(
            "insert into meta.participant select 'p', 'UTC', ?"
            " where not exists (select 1 from meta.participant where participant = 'p')",
            [NOW],
        )
    return folder


def test_the_sheet_tells_three_and_no_own_words(folder: Path, page: Page, tmp_path: Path) -> None:
    sheet, _ = read_sheet(folder / "w.duckdb", "p", before=JUDGED, of=MONDAY)
    assert [f.effect.event for f in sheet.tried] == ["mindful", "mindful", "therapy"]
    html = render_sheet(sheet, ENGLISH, version="0.1.0")
    assert "cold showers" not in html
    assert "yoga" not in html
    text = plainly(re.sub(r"<[^>]*>", " ", html))
    assert (
        "Mindful time with Headspace: Likely lower. Body stress signal −9.4 points of 100 (95 % interval −15.2 to −3.1;"
        " −0.52 SD). 40 days before and 41 since" in text
    )
    assert (
        "Checks: φ 0.34 (at .2 −0.53, at .6 −0.50 SD), 0.02 of made-up starts as large, −0.61 to −0.44 SD with any"
        " week left out, −0.47 SD without the 4 or 6 weeks before and tau −0.31." in text
    )
    assert "Felt stress, as said likely lower (q 0.02) and Sleep time no clear change (q 0.40)." in text
    assert (
        "(99 % interval −7.4 to +5.3; −0.07 SD). An early look, days are still to come. 11 sessions" in text
    )
    assert (
        "Plans: randomisation test of the days as drawn. Starts and sessions: regression with AR(1) errors"
        in text
    )
    assert not re.search(ADVICE, text.split("What was tried")[1].split("What these")[0], re.IGNORECASE)
    path = tmp_path / "sheet.html"
    path.write_text(html, encoding="utf-8")
    page.goto(path.as_uri())
    read = pypdf.PdfReader(BytesIO(page.pdf(prefer_css_page_size=True)))
    assert len(read.pages) == 1
    printed = " ".join(read.pages[0].extract_text().split())
    assert "nothing was sent" in printed
    assert "is no advice on a treatment" in printed
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_sheet_says_of_a_start_what_its_interval_does_not_allow_for() -> None:
    start = Finding(effect_of("likely_lower", **LOWER))
    plan = Finding(
        effect_of("likely_lower", question="plan", method="randomisation", effect=-9.0, lo=-15.0, hi=-3.0)
    )
    sessions = Finding(replace(start.effect, question="after_sessions"))
    unknown = Finding(effect_of("cannot_tell", reason="few_days_after"))
    limit = "a season, a holiday or a hard time that ends can look the same as a change"
    assert limit in tell_note([plan, start], ENGLISH)
    assert limit not in tell_note([plan, sessions, unknown], ENGLISH)


def test_the_sheet_says_that_checks_disagree_only_where_they_took_something_back() -> None:
    def checks(**more: object) -> str:
        return " ".join(tell_checks(effect_of("no_clear_change", **more), ENGLISH))

    assert "not counted as a change" in checks(**LOWER, steady=False)
    assert "not counted as a change" not in checks(**OPEN, steady=False)
    assert "not counted as a change" not in checks(**LOWER)


def test_a_sheet_of_somebody_who_tried_nothing_is_as_it_was(folder: Path) -> None:
    sheet, _ = read_sheet(folder / "w.duckdb", "p", before=JUDGED, of=MONDAY)
    html = render_sheet(replace(sheet, tried=()), ENGLISH, version="0.1.0")
    assert "tried" not in html


def test_old_verdicts_leave_the_sheet() -> None:
    found = effect_of("likely_lower", **LOWER, since=JUDGED - timedelta(weeks=27))
    assert list_findings(Kept((found,)), ("mindful",), JUDGED - timedelta(weeks=26)) == ()
    assert len(list_findings(Kept((found,)), ("mindful",), JUDGED - timedelta(weeks=27))) == 1
    assert list_findings(Kept((found,)), ("therapy",), JUDGED - timedelta(weeks=27)) == ()


# From a sentence to its rows (docs/trace.md)


def test_the_trace_leads_from_the_sentence_to_the_days_and_their_features() -> None:
    text = (ROOT / "docs" / "trace.md").read_text(encoding="utf-8").split("## 5.")[1]
    statements = re.findall(r"```sql\n(.*?)```", text, flags=re.DOTALL)
    assert len(statements) == 3
    swaps = {"'sample'": "'tried'"}
    found, days, features = (query(re.sub("|".join(swaps), lambda m: swaps[m[0]], sql)) for sql in statements)
    (verdict_, effect, lo, hi, without, with_it, *_rest) = found[0]
    said = next(text for text in read_body(pages()["tried"]) if text.startswith("Likely lower."))
    assert verdict_ == "likely_lower"
    assert said.endswith(f"about {-effect:.0f} of 100 points lower, between {-hi:.0f} and {-lo:.0f}.")
    assert (without, with_it) == (40, 41)
    assert [flag for flag, *_ in days] == [False, True]
    assert len(features) > 100
