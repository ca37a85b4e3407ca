"""The values of a week, its charts' geometry, and the row and file that the weekly verb writes."""

from __future__ import annotations

import hashlib
import stat
import statistics
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from build_weeks import (
    CALM_WEEK,
    FIRST_WEEK,
    HEAVY_WEEK,
    LASTING,
    LASTING_WEEK,
    MONDAY,
    NEARLY_EMPTY_WEEK,
    NOW,
    ONE_DAY_WEEK,
    ORDINARY_WEEK,
    fill,
)

from reports.catalogue import load_language
from reports.charts import draw_raster, draw_strip
from reports.page import HINTS, choose_hint
from reports.read import Person, read_people
from reports.sentences import clock, day_range
from reports.week import Mark, Night, Sleep, Week, monday_of, summarise, tell_story
from reports.weekly import choose_weeks, person_folder, write_private, write_week
from reports.wishes import Wishes
from reports.words import (
    after_sentence,
    certain_sentences,
    mean_sentence,
    real_sentences,
    sleep_sentences,
    usual_sentences,
    week_sentence,
    went_card,
)
from warehouse.commit import commit
from warehouse.errors import ExplainedError
from warehouse.store import open_warehouse

ENGLISH = load_language()
TOLD_ALL = Wishes(settings={"age_band": "30-44", "shift_work": "no", "avoid": "none"})
AFTER = MONDAY + timedelta(days=7)
PLANS = {
    "p-heavy": HEAVY_WEEK,
    "p-ordinary": ORDINARY_WEEK,
    "p-empty": NEARLY_EMPTY_WEEK,
    "p-first": FIRST_WEEK,
    "p-calm": CALM_WEEK,
    "p-one": ONE_DAY_WEEK,
    "p-lasting": LASTING_WEEK,
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weeks")
    fill(folder / "w.duckdb", folder / "staging", PLANS, found={"p-lasting": LASTING})
    return folder / "w.duckdb"


@pytest.fixture(scope="module")
def people(warehouse: Path) -> dict[str, Person]:
    with open_warehouse(warehouse, read_only=True) as con:
        return read_people(con, list(PLANS), MONDAY - timedelta(days=42), MONDAY + timedelta(days=6))


def days(*places: int) -> tuple[date, ...]:
    return tuple(MONDAY + timedelta(days=k) for k in places)


def test_heavy_week_counts_its_days_and_says_when_it_was_over(people: dict[str, Person]) -> None:
    week = summarise(people["p-heavy"], MONDAY)
    assert (week.story, week.high, week.calm, week.valid_days, week.valid_nights) == (
        "heavy",
        days(2, 3, 4),
        (),
        7,
        7,
    )
    assert week.back == MONDAY + timedelta(days=5)
    assert week.last_week_high == 0
    assert week_sentence(week, ENGLISH) == (
        "A heavy week for your body: it worked harder than usual on Wednesday, Thursday and Friday."
    )
    assert after_sentence(week, ENGLISH) == (
        "Last week had no such day. By Saturday your body was back to its usual. Weeks like this happen."
        " Be kind to yourself."
    )
    assert week.iso_week == "2020-W29"


def test_two_things_are_those_that_gave_most_on_the_harder_days(people: dict[str, Person]) -> None:
    week = summarise(people["p-heavy"], MONDAY)
    # By hand, weight times sum of z: rhr .3 x 6.8 = 2.04, ahr .25 x 3.9 = .98, short .15 x 4.3 = .65.
    assert [went.feature for went in week.went] == ["rhr_night", "ahr_day"]
    assert week.went[0].day == MONDAY + timedelta(days=3)  # z 2.8, the furthest out
    card = went_card(week.went[0], ENGLISH)
    assert card.body == "60 a minute in the night to Thursday, where 52 to 56 is your usual."
    assert card.aside.startswith("Other things that do this: ")


def test_nothing_is_compared_with_under_four_valid_days(people: dict[str, Person]) -> None:
    week = summarise(people["p-empty"], MONDAY)
    assert (week.story, week.valid_days, week.went) == ("thin", 2, ())
    assert week_sentence(week, ENGLISH) == "Not enough wear to compare this week. That is fine."
    assert [mark.state for mark in week.marks].count("not_worn") == 5
    assert week.sleep.usual_min is None
    assert choose_hint(week, TOLD_ALL) is None


def test_first_week_is_learning_and_says_how_far(people: dict[str, Person]) -> None:
    week = summarise(people["p-first"], MONDAY)
    assert week.story == "learning"
    assert week_sentence(week, ENGLISH) == "We are still learning your usual: 4 of 5 days so far."
    assert [mark.state for mark in week.marks] == ["not_worn"] * 2 + ["learning"] * 5
    assert "We need 5 days to know your usual. We have 4." in usual_sentences(week, ENGLISH)


def test_one_day_out_is_no_drama_and_two_calm_days_are_a_calm_week(people: dict[str, Person]) -> None:
    one = summarise(people["p-one"], MONDAY)
    assert week_sentence(one, ENGLISH) == "A mostly ordinary week. Wednesday asked a bit more of your body."
    assert "one in a week is nothing odd" in after_sentence(one, ENGLISH)
    calm = summarise(people["p-calm"], MONDAY)
    assert week_sentence(calm, ENGLISH) == (
        "A calm week for your body: calmer than usual on Wednesday and Thursday."
    )
    assert {went.direction for went in calm.went} == {-1}


def test_how_sure_says_for_how_many_days_the_best_word_holds() -> None:
    assert (
        real_sentences("higher", (0.95, 0.91), ENGLISH)[0] == "The 2 days above your usual: very likely real."
    )
    assert real_sentences("calmer", (0.95, 0.7, 0.4), ENGLISH)[0] == (
        "Of the 3 days below your usual, 1 is very likely real. The rest is less sure."
    )
    assert real_sentences("higher", (0.5,), ENGLISH) == [
        "The day above your usual may be chance, we can't tell."
    ]


def test_ordinary_week_is_short(people: dict[str, Person]) -> None:
    week = summarise(people["p-ordinary"], MONDAY)
    assert (week.story, week.went) == ("ordinary", ())
    assert week.marks[4].state == "not_worn"
    assert len(certain_sentences(week, ENGLISH)) == 1


@pytest.mark.parametrize(
    ("high", "calm", "valid", "story"),
    [
        (3, 0, 7, "heavy"), (2, 0, 4, "harder"), (1, 1, 7, "one"), (1, 2, 7, "mixed"),
        (0, 2, 7, "calm"), (0, 1, 7, "ordinary"), (3, 0, 3, "thin"),
    ],
)  # fmt: skip
def test_story_of_a_week(high: int, calm: int, valid: int, story: str) -> None:
    marks = [Mark(day, "scored", 50.0) for day in days(*range(7))]
    assert tell_story(marks, valid, high, calm) == story


def test_a_gap_after_the_last_harder_day_leaves_the_end_open(people: dict[str, Person]) -> None:
    gap = people["p-heavy"]
    index = {d: row for d, row in gap.index.items() if d != MONDAY + timedelta(days=6)}
    assert summarise(replace(gap, index=index), MONDAY).back is None


def test_sleep_is_compared_with_the_42_days_and_the_week_before(people: dict[str, Person]) -> None:
    sleep = summarise(people["p-heavy"], MONDAY).sleep
    # The seven nights, wake - onset in hours, times .92 asleep.
    monday = varied_night()
    hours = [monday, 6.6 + 0.2, 6.3 - 0.8, 6.6 - 1.1, 6.8 - 0.4, 8.6 + 0.4, 8.0 + 1.1]
    assert sleep.mean_min == pytest.approx(sum(hours) / 7 * 60 * 0.92)
    assert (sleep.first_onset_h, sleep.last_onset_h) == (-1.1, 1.1)
    before = [HEAVY_WEEK[MONDAY - timedelta(days=k)] for k in range(1, 43)]
    nights = [(night.wake_h - (night.onset_h or 0)) * 60 * 0.92 for night in before]
    assert sleep.usual_min == pytest.approx(statistics.median(nights))
    assert sleep.last_week_min == pytest.approx(statistics.fmean(nights[:7]))
    texts = sleep_sentences(summarise(people["p-heavy"], MONDAY), ENGLISH)
    assert texts[-1] == "You fell asleep between 22:54 and 01:06."


def varied_night() -> float:
    day = HEAVY_WEEK[MONDAY]
    assert day.onset_h is not None
    return day.wake_h - day.onset_h


@pytest.mark.parametrize(
    ("mean", "usual", "text"),
    [
        (432.0, 425.0, "You slept about 7 h 10 min a night, close to your usual of 7 h 5 min."),
        (372.0, 421.0, "You slept about 6 h 10 min a night, 50 min less than your usual of 7 h."),
        (500.0, 421.0, "You slept about 8 h 20 min a night, 1 h 20 min more than your usual of 7 h."),
        (500.0, None, "You slept about 8 h 20 min a night."),
    ],
)
def test_mean_sleep_in_words_adds_up_as_shown(mean: float, usual: float | None, text: str) -> None:
    assert mean_sentence(mean, usual, ENGLISH) == text


def test_clock_and_dates_read_as_people_write_them() -> None:
    assert [clock(ENGLISH, h) for h in (-1.1, 0.0, 6.999, 25.5)] == ["22:54", "00:00", "07:00", "01:30"]
    assert day_range(ENGLISH, date(2020, 7, 13)) == "13–19 Jul 2020"
    assert day_range(ENGLISH, date(2020, 12, 28)).replace("\u2009", " ") == "28 Dec 2020 – 3 Jan 2021"


def ordinary_weeks(count: int) -> list[Week]:
    person = Person("p", {}, values={d: {"valid_day": 1.0} for d in days(*range(7))})
    base = replace(summarise(person, MONDAY), story="ordinary")
    return [replace(base, monday=MONDAY + timedelta(weeks=k)) for k in range(count)]


def test_hints_take_turns_by_week() -> None:
    turns = [choose_hint(week, TOLD_ALL) for week in ordinary_weeks(6)]
    assert set(turns[:5]) == set(range(len(HINTS)))
    assert turns[5] == turns[0]


@pytest.mark.parametrize("unset", ["age_band", "shift_work", "avoid"])
def test_no_hint_is_given_to_who_did_not_say_what_suits_them(unset: str) -> None:
    wishes = Wishes(settings={k: v for k, v in TOLD_ALL.settings.items() if k != unset})
    assert [choose_hint(week, wishes) for week in ordinary_weeks(5)] == [None] * 5


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({"avoid": "sleep"}, {1, 3, 4}), ({"avoid": "alcohol,caffeine"}, {0, 1, 3}),
        ({"shift_work": "yes"}, {1, 2, 3, 4}),
        ({"avoid": "sleep,breathing,movement,alcohol"}, {None}),
    ],
)  # fmt: skip
def test_hints_leave_out_what_does_not_suit(settings: dict[str, str], left: set[int | None]) -> None:
    wishes = Wishes(settings={**TOLD_ALL.settings, **settings})
    assert {choose_hint(week, wishes) for week in ordinary_weeks(10)} == left


def test_strip_puts_usual_inside_the_band_and_equal_rarity_at_equal_distance() -> None:
    marks = [
        Mark(MONDAY + timedelta(days=k), "scored", i, i, i, "usual")
        for k, i in enumerate((84, 50, 16, 97.7, 2.3))
    ]
    strip = draw_strip([*marks, Mark(MONDAY, "not_worn"), Mark(MONDAY, "learning")])
    high, middle, low, far_high, far_low = (dot.y for dot in strip.dots[:5])
    assert strip.band_px is not None
    assert (strip.band_y, strip.band_px) == (high, pytest.approx(low - high))
    assert middle == (high + low) / 2 == strip.dots[5].y
    assert middle - far_high == pytest.approx(2 * (middle - high), abs=0.5)
    assert far_low - middle == pytest.approx(2 * (low - middle), abs=0.5)
    assert [dot.x for dot in strip.dots] == sorted(dot.x for dot in strip.dots)
    assert (strip.dots[0].x, strip.dots[-1].x) == (21.07, 93.93)  # 15 % for labels, then seven even columns


def test_raster_places_nights_on_one_axis_across_midnight() -> None:
    sleep = Sleep(None, None, None, -1.0, 7.0, None, None, None)
    nights = [Night(MONDAY, -2.0, 8.0, 500.0), Night(MONDAY, 1.0, 6.0, 250.0), Night(MONDAY)]
    raster = draw_raster(nights, sleep)
    assert raster is not None
    # Ten hours, 22:00 to 08:00, over 15 to 98 %: 8.3 % an hour.
    assert [(bar.x, bar.width) for bar in raster.bars] == [(15.0, 83.0), (39.9, 41.5), (None, None)]
    assert (raster.usual_x, raster.usual_width) == (23.3, 66.4)
    assert [tick.hour for tick in raster.ticks] == [0, 3, 6]
    assert draw_raster([Night(MONDAY)], sleep) is None


def test_a_week_is_chosen_by_the_last_worn_day_or_asked_for() -> None:
    worn = {"a": (date(2020, 4, 8), date(2020, 7, 8)), "b": (date(2020, 4, 15), date(2020, 5, 3))}
    assert choose_weeks(worn, AFTER, None) == {"a": date(2020, 7, 6), "b": date(2020, 4, 27)}
    assert choose_weeks(worn, AFTER, date(2020, 5, 1)) == dict.fromkeys(worn, date(2020, 4, 27))
    with pytest.raises(ExplainedError, match="not over on 2020-07-19: ask for a day before 2020-07-13"):
        choose_weeks(worn, date(2020, 7, 19), MONDAY)
    assert monday_of(date(2020, 7, 19)) == MONDAY


def test_no_page_is_written_of_a_week_outside_of_the_record() -> None:
    worn = {"a": (date(2020, 4, 8), date(2020, 7, 8)), "b": (date(2020, 4, 15), date(2020, 5, 3))}
    # The 6th of April is the Monday before the first day; the week of the last day is in the record too.
    for day, inside in ((date(2020, 4, 6), ["a"]), (date(2020, 5, 4), ["a"]), (date(2020, 7, 12), ["a"])):
        assert list(choose_weeks(worn, AFTER, day)) == inside
    for day in (date(2020, 4, 5), date(2020, 7, 13), date(2018, 1, 1)):
        with pytest.raises(ExplainedError, match="day of the record, 2020-04-08 to 2020-07-08"):
            choose_weeks(worn, AFTER, day)
    assert choose_weeks({}, AFTER, date(2020, 5, 1)) == {}


def test_a_page_that_cannot_be_written_is_explained_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reports.weekly.os.fsync", full)
    with pytest.raises(
        ExplainedError, match=r"page.html \(No space left on device\): nothing was left behind"
    ):
        write_private(tmp_path / "p" / "page.html", b"a page")
    assert list((tmp_path / "p").iterdir()) == []


def test_an_incomplete_week_waits_and_the_one_before_is_written(warehouse: Path, tmp_path: Path) -> None:
    sunday = MONDAY + timedelta(days=6)
    written = write_week(
        warehouse, tmp_path / "s", tmp_path / "r", participants=["p-heavy", "p-first"], before=sunday
    )
    assert [page.relative_to(tmp_path / "r").as_posix() for page in written.pages] == [
        "p-heavy/2020-W28.html"
    ]


def test_pages_are_private_whole_and_the_same_bytes_each_time(warehouse: Path, tmp_path: Path) -> None:
    once = write_week(warehouse, tmp_path / "s", tmp_path / "a" / "r", participants=list(PLANS), before=AFTER)
    again = write_week(
        warehouse,
        tmp_path / "s",
        tmp_path / "b",
        participants=list(PLANS)[::-1],
        before=AFTER + timedelta(days=6),
    )
    assert len(once.pages) == 7
    for a, b in zip(sorted(once.pages), sorted(again.pages), strict=True):
        assert a.read_bytes() == b.read_bytes()
        assert len(a.read_bytes()) <= 100_000
        assert stat.S_IMODE(a.stat().st_mode) == 0o600
        assert stat.S_IMODE(a.parent.stat().st_mode) == 0o700
        assert list(a.parent.iterdir()) == [a]


def test_the_row_says_what_the_page_says(warehouse: Path, tmp_path: Path) -> None:
    copy = tmp_path / "w.duckdb"
    copy.write_bytes(warehouse.read_bytes())
    people = ["p-heavy", "p-empty"]
    written = write_week(copy, tmp_path / "s", tmp_path / "r", participants=people, before=AFTER)
    assert written.folder is not None
    commit(copy, [written.folder], now=NOW)
    again = write_week(copy, tmp_path / "s", tmp_path / "r", participants=people, before=AFTER)
    assert (again.folder, again.pages) == (None, written.pages), "what is there already was staged again"
    with open_warehouse(copy, read_only=True) as con:
        rows = con.execute(
            "select iso_week, valid_days, index_days, high_days, calm_days, reason, page_path,"
            " page_sha256, page_bytes, sentence from report.week order by participant"
        ).fetchall()
    assert len(rows) == 2
    assert rows[0][:6] == ("2020-W29", 2, 2, 0, 0, "too little wear")
    assert rows[1][:6] == ("2020-W29", 7, 7, 3, 0, None)
    page = (tmp_path / "r" / rows[1][6]).read_bytes()
    assert (hashlib.sha256(page).hexdigest(), len(page)) == rows[1][7:9]
    assert rows[1][9].encode() in page


def test_nobody_without_data_gets_a_page(warehouse: Path, tmp_path: Path) -> None:
    written = write_week(warehouse, tmp_path / "s", tmp_path / "r", participants=["p-nobody"], before=AFTER)
    assert (written.folder, written.pages) == (None, ())
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    "name", ["../evil", "/etc", "..", ".", "", "a/b", "x" * 10_000, "<script>", "p-1\n", "a\0b"]
)
def test_no_participant_id_can_leave_the_reports_folder(name: str, tmp_path: Path) -> None:
    folder = person_folder(tmp_path, name)
    assert folder.parent == tmp_path
    assert len(folder.name) < 64
    assert person_folder(tmp_path, "p-4f7k2m") == tmp_path / "p-4f7k2m"
