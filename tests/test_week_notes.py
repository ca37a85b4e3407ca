"""What a week says beyond its days: what lasts, what moved, what the person said, noted and asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from build_weeks import (
    CALM_WEEK,
    HEAVY_WEEK,
    LASTING,
    LASTING_WEEK,
    MONDAY,
    NOW,
    ONE_DAY_WEEK,
    fill,
)

from reports import gentle
from reports.catalogue import load_language
from reports.read import Agreement, Alert, CheckIn, Person, Shift, read_people
from reports.week import summarise, tell_days
from reports.weekly import write_week
from reports.words import (
    lasting_card,
    lasting_parts,
    moved_sentences,
    noted_sentence,
    said_sentence,
    trust_sentence,
)
from warehouse.commit import commit
from warehouse.store import open_warehouse

ENGLISH = load_language()
AFTER = MONDAY + timedelta(days=7)
PLANS = {"p-heavy": HEAVY_WEEK, "p-calm": CALM_WEEK, "p-one": ONE_DAY_WEEK, "p-lasting": LASTING_WEEK}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notes")
    fill(folder / "w.duckdb", folder / "staging", PLANS, found={"p-lasting": LASTING})
    return folder / "w.duckdb"


@pytest.fixture(scope="module")
def people(warehouse: Path) -> dict[str, Person]:
    with open_warehouse(warehouse, read_only=True) as con:
        return read_people(con, list(PLANS), MONDAY - timedelta(days=42), MONDAY + timedelta(days=6))


def days(*places: int) -> tuple[date, ...]:
    return tuple(MONDAY + timedelta(days=k) for k in places)


def test_what_lasts_is_told_with_its_values_and_with_what_else_it_may_be(people: dict[str, Person]) -> None:
    lasting = summarise(people["p-lasting"], MONDAY).lasting
    assert lasting is not None
    assert (lasting.day, lasting.days, lasting.by_night) == (MONDAY + timedelta(days=4), 3, True)
    # What was noted comes before what was measured: the workout of Thursday, the short nights.
    assert [(other.kind, other.day) for other in lasting.others] == [
        ("ill_eve", MONDAY + timedelta(days=3)), ("alcohol_eve", MONDAY + timedelta(days=1)),
    ]  # fmt: skip
    card = lasting_card(lasting, ENGLISH)
    assert card.title == "By Friday, your night signals had been away from your usual for 3 nights."
    assert card.aside.startswith(
        "Other things that do this: the sick day you noted on Thursday, the drink you noted on Tuesday or "
    )
    assert lasting_parts(lasting, ENGLISH) == (
        "Heart rate in the night to Friday: 57 a minute, mostly 52 to 56.",
        "Sleep by Friday morning: about 50 min less than you mostly have.",
    )
    assert summarise(people["p-heavy"], MONDAY).lasting is None


def test_what_lasts_by_day_too_is_not_called_a_night_signal(people: dict[str, Person]) -> None:
    alert = Alert(MONDAY + timedelta(days=2), ("rhr_night", "ahr_day", "resp_night"))
    person = replace(people["p-heavy"], alerts={MONDAY + timedelta(days=3): alert})
    lasting = summarise(person, MONDAY).lasting
    assert lasting is not None
    assert lasting_card(lasting, ENGLISH).title == (
        "By Thursday, your signals had been away from your usual for 2 days."
    )
    assert [part.feature for _, part in lasting.parts] == ["rhr_night", "ahr_day"]  # the third has no value


def moved(weeks_ago: int, feature: str, start: float, end: float) -> Shift:
    return Shift(MONDAY + timedelta(weeks=1 - weeks_ago), feature, start, end, date(2020, 5, 4))


def test_a_usual_that_moved_is_told_for_four_weeks_the_newest_of_each_feature() -> None:
    shifts = (
        moved(5, "cpd", 0.5, 1.0), moved(4, "sleep_frag", 4.0, 6.0), moved(3, "rhr_night", 51.0, 54.0),
        moved(1, "rhr_night", 54.0, 57.0), moved(0, "ahr_day", 0.3, 2.4), moved(-1, "resp_night", 14.0, 15.0),
    )  # fmt: skip
    week = summarise(Person("p", shifts=shifts), MONDAY)
    assert [(shift.feature, shift.end) for shift in week.moved] == [("ahr_day", 2.4), ("rhr_night", 57.0)]
    texts = moved_sentences(week, ENGLISH)
    assert texts[1] == (
        "Your usual has moved. Your heart beat about 54 times a minute in the night. Since May it is about 57."
    )
    assert texts[-1].startswith("A usual can move with the season")
    year_before = replace(week, moved=(replace(shifts[2], since=date(2019, 12, 2)),))
    assert "Since December 2019 it is about 54." in moved_sentences(year_before, ENGLISH)[0]
    assert gentle.moved_sentences(week, ENGLISH)[1] == (
        "Your usual has moved: since May your heart beats a bit faster in the night."
    )
    assert moved_sentences(summarise(Person("p"), MONDAY), ENGLISH) == []


@pytest.mark.parametrize(
    ("agreement", "said", "in_words"),
    [
        (
            Agreement(MONDAY, "does_not_follow", 34, 30),
            "For you, this number does not follow how you feel. Trust how you feel. That is from 34 check-ins.",
            "For you, this signal does not follow how you feel. Trust how you feel.",
        ),
        (
            Agreement(MONDAY, "follows", 61, 30),
            (
                "In 61 check-ins of yours, this number went with how you feel, though not on each day."
                " If the two differ, trust how you feel."
            ),
            (
                "For you, this signal has gone with how you feel, though not on each day."
                " If the two differ, trust how you feel."
            ),
        ),
        (
            Agreement(MONDAY, "cannot_tell_yet", 12, 30),
            (
                "You gave 12 of the 30 check-ins that we need. So we can't tell yet if this number follows how you"
                " feel. Trust how you feel."
            ),
            "We can't tell yet if this signal follows how you feel. Trust how you feel.",
        ),
        (
            None,
            (
                "For many people, a signal like this does not match how they feel. If the two differ, trust how you"
                " feel."
            ),
            (
                "For many people, a signal like this does not match how they feel. If the two differ, trust how you"
                " feel."
            ),
        ),
    ],
)
def test_whether_the_number_follows_the_person_is_said_as_it_was_found(
    agreement: Agreement | None, said: str, in_words: str
) -> None:
    week = summarise(Person("p", agreement=agreement), MONDAY)
    assert trust_sentence(week, ENGLISH) == said
    assert gentle.trust_sentence(week, ENGLISH) == in_words


def test_check_ins_are_said_in_the_persons_own_words(people: dict[str, Person]) -> None:
    week = summarise(people["p-lasting"], MONDAY)
    assert said_sentence(week.said, ENGLISH) == (
        "You said: 4 of 10 on Tuesday and 8 and 7.5 of 10 on Thursday. Here 0 is calm and 10 is very heavy."
    )
    mood, who5 = CheckIn("mood", label="over it \u202e"), CheckIn("who5", 52.0)
    said = ((MONDAY, mood), (MONDAY, who5))
    assert said_sentence(said, ENGLISH) == (
        "You said: “\u2068over it\u2069” on Monday and 52 of 100 on Monday, from five questions."
    )
    assert gentle.said_sentence(said, ENGLISH) == (
        "You told us how you felt: “\u2068over it\u2069” on Monday and an answer on Monday."
    )
    assert said_sentence((), ENGLISH) == gentle.said_sentence((), ENGLISH) == ""


def test_noted_days_are_listed_by_kind_and_some_kinds_stay_private(people: dict[str, Person]) -> None:
    week = summarise(people["p-lasting"], MONDAY)
    assert [kind for kind, _ in week.noted] == ["alcohol", "ill", "laundry", "mindful"]
    travel = replace(week, noted=(("travel", days(1, 2)), ("ill", days(4))))
    assert noted_sentence(travel, ENGLISH) == (
        "Noted this week: travel on Tuesday and Wednesday and feeling ill on Friday."
    )


def test_gentle_words_say_the_same_week_without_a_number(people: dict[str, Person]) -> None:
    week = summarise(people["p-lasting"], MONDAY)
    words = gentle.put_in_words(week, tell_days(people["p-lasting"], MONDAY, ()), ENGLISH)
    assert words.lasting is None
    assert words.after == (
        "By Saturday your body was back to its usual. Weeks like this happen. Be kind to yourself."
    )
    assert words.certain[0] == (
        "You wore the watch long enough on every day and night. That your body worked harder is very likely real."
        " Your usual rests on many earlier days."
    )
    # 92 % of 5.5 h asleep is 304 min, where the median is some 415; Monday's 403 min is within an hour of it.
    slept = {row[0]: row[1] for row in words.raster_table.rows}
    assert (slept["Monday"], slept["Wednesday"]) == ("about as long as usual", "shorter than usual")
    assert words.told[0] == "Nothing stood out on Monday."


def test_who_paused_or_is_under_18_gets_no_page_and_no_row(warehouse: Path, tmp_path: Path) -> None:
    copy = tmp_path / "w.duckdb"
    copy.write_bytes(warehouse.read_bytes())
    with open_warehouse(copy) as con:
        for row in (("p-heavy", "pause", "yes"), ("p-one", "age_band", "under18"), ("p-calm", "pause", "no")):
            con.execute("insert into meta.setting values (?, ?, ?, ?)", [*row, NOW])
    people = ["p-heavy", "p-one", "p-calm"]
    written = write_week(copy, tmp_path / "s", tmp_path / "r", participants=people, before=AFTER)
    assert written.unwritten == {"p-heavy": "paused", "p-one": "under 18"}
    assert [path.name for path in (tmp_path / "r").iterdir()] == ["p-calm"]
    assert written.folder is not None
    commit(copy, [written.folder], now=NOW)
    with open_warehouse(copy, read_only=True) as con:
        assert con.execute("select participant from report.week").fetchall() == [("p-calm",)]
