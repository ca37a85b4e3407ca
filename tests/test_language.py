"""Languages: messages and plurals are read strictly, nothing is hard-coded, and pages mirror."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from build_pages import PLANS, pages, read_texts
from hypothesis import given, settings
from hypothesis import strategies as st
from pseudo import ACCENTS, RIGHT_TO_LEFT, accent, write_message, write_pseudo

from reports import catalogue
from reports.cards import read_facts
from reports.catalogue import (
    LOCALES,
    MessageError,
    check_translation,
    flatten,
    load_language,
    make_template,
    parse,
    read_language,
    read_translation,
    say,
    write_catalogue,
)
from reports.sentences import clock, full_hour, number, own_word
from reports.wishes import choose_language

ENGLISH = load_language()


@pytest.mark.parametrize(
    "message",
    [
        "{", "}", "a {b", "a b}", "{}", "{0}", "{A}", "{a b}", "{a.b}", "{a!r}", "{a:>3}",
        "{n, plural}", "{n, plural, one {x}}", "{n, plural, other {x} other {y}}", "{n, plural, other {x}",
        "{n, plural, =0 {none} other {x}}", "{n, select, other {x}}", "{n, number}", "{n, plural, other x}",
        "{n, plural, other {x} more}", "{n, plural, offset:1 other {x}}",
    ],
)  # fmt: skip
def test_what_is_no_argument_and_no_plural_is_refused(message: str) -> None:
    with pytest.raises(MessageError):
        parse(message)


def test_a_slip_in_a_catalogue_is_named() -> None:
    with pytest.raises(MessageError, match=r"message page\.days is \['a'\]: expected a text"):
        flatten({"page": {"days": ["a"]}})


plain = st.text(st.characters(exclude_characters="{}", exclude_categories=("Cs",)), min_size=1, max_size=20)
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
pieces = st.recursive(
    st.lists(st.one_of(plain, names.map(lambda name: f"{{{name}}}")), max_size=4).map("".join),
    lambda inner: st.tuples(names, inner, inner).map(
        lambda t: f"{{{t[0]}, plural, few {{{t[1]}}} other {{{t[2]}}}}}"
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=80)
@given(pieces)
def test_what_is_read_is_written_back_as_it_was(message: str) -> None:
    assert write_message(parse(message), str) == message


@settings(deadline=None, max_examples=80)
@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_so_many_words(message: str) -> None:
    with suppress(MessageError):
        assert write_message(parse(message), str).count("{") <= message.count("{")


def test_plural_forms_follow_the_language(tmp_path: Path) -> None:
    english = ENGLISH.messages["last.days"]
    polish = "{n, plural, one {{n} dzień} few {{n} dni (few)} many {{n} dni (many)} other {{n} dnia}}"
    (tmp_path / "pl.po").write_bytes(write_catalogue([("last.days", english, polish)], "pl"))
    language = read_language("pl", tmp_path)
    # By CLDR: 1 one; 2 to 4 and 22 few; 5, 12 and 25 many.
    said = {n: say(language, "last.days", n=n) for n in (1, 2, 4, 5, 12, 22, 25)}
    assert said == {
        1: "1 dzień",
        2: "2 dni (few)",
        4: "4 dni (few)",
        5: "5 dni (many)",
        12: "12 dni (many)",
        22: "22 dni (few)",
        25: "25 dni (many)",
    }
    assert say(ENGLISH, "last.days", n=1) == "Last week it was 1 day."
    assert say(ENGLISH, "last.days", n=2) == "Last week it was 2 days."


def test_a_form_that_a_translation_does_not_have_is_other(tmp_path: Path) -> None:
    english = ENGLISH.messages["last.days"]
    (tmp_path / "pl.po").write_bytes(
        write_catalogue([("last.days", english, "{n, plural, other {{n} x}}")], "pl")
    )
    assert say(read_language("pl", tmp_path), "last.days", n=2) == "2 x"


def test_a_value_that_is_missing_and_a_plural_of_no_whole_number_are_errors() -> None:
    with pytest.raises(KeyError):
        say(ENGLISH, "last.days")
    with pytest.raises(TypeError, match=r"whole number: n is 1\.5"):
        say(ENGLISH, "last.days", n=1.5)


def test_a_translation_of_what_is_no_longer_said_is_not_used(tmp_path: Path) -> None:
    english = {"a": "Now {x}", "b": "Same", "c": "Same", "d": "Same"}
    path = tmp_path / "de.po"
    path.write_bytes(
        write_catalogue([("a", "Before {x}", "Vorher"), ("b", "Same", "Gleich"), ("c", "Same", "")], "de")
        + b'\n#, fuzzy\nmsgctxt "d"\nmsgid "Same"\nmsgstr "Geraten"\n'
    )
    assert read_translation(path, english) == {"b": "Gleich"}


def test_a_translation_is_checked_before_it_ships() -> None:
    english = {"a": "{n, plural, one {day} other {{n} days}}", "b": "On {day}", "c": "x", "d": "y"}
    problems = check_translation({"a": "{n} Tage", "b": "Am {tag}", "d": "{", "e": "?"}, english)
    assert [problem.split(":")[0] for problem in problems] == ["c", "b", "d", "e"]


def test_every_translation_that_ships_is_whole() -> None:
    for path in LOCALES.glob("*.po"):
        found = read_translation(path, ENGLISH.messages)
        assert check_translation(found, ENGLISH.messages) == [], path.name


def test_every_english_message_can_be_read() -> None:
    for key, message in ENGLISH.messages.items():
        assert message == write_message(parse(message), str), key
        assert message.strip(), key


def test_the_template_for_translations_is_current() -> None:
    template = (LOCALES / "messages.pot").read_bytes()
    assert template == make_template(ENGLISH.messages), "run make docs"


def test_a_language_that_is_not_there_is_english_and_says_so() -> None:
    french = choose_language({"language": "fr"})
    assert say(french, "strip.usual") == "usual"
    assert french.locale.language == "en"
    assert not catalogue.has_language("fr")
    assert catalogue.has_language("en_US")
    assert choose_language({"language": "xx"}) == ENGLISH


def test_hours_degrees_and_dates_are_those_of_the_person() -> None:
    american = choose_language({"language": "en_US", "clock": "12", "units": "us"})
    assert (american.locale.territory, american.hours, american.units) == ("US", 12, "us")
    assert [clock(american, h).replace("\u202f", " ").lower() for h in (-1.1, 0.25)] == [
        "10:54 pm",
        "12:15 am",
    ]
    assert full_hour(american, 6).replace("\u202f", " ").lower() == "6 am"
    assert (clock(ENGLISH, 21.5), full_hour(ENGLISH, 21)) == ("21:30", "21:00")


def test_signs_stay_with_their_numbers_from_right_to_left(tmp_path: Path) -> None:
    write_pseudo(tmp_path)
    hebrew = read_language(RIGHT_TO_LEFT, tmp_path)
    assert hebrew.direction == "rtl"
    assert number(hebrew, -1.25, digits=1, signed=True) == "\u200e−1.2"
    assert number(hebrew, 3.0) == "3"
    assert number(ENGLISH, -1.25, digits=1, signed=True) == "−1.2"


def test_an_own_word_is_short_and_cannot_turn_the_text_around_it() -> None:
    assert own_word("  a\n b ") == "\u2068a b\u2069"
    assert own_word("\u202eevil\u2069") == "\u2068evil\u2069"
    assert len(own_word("x" * 10_000)) == 62


@pytest.mark.parametrize("name", sorted(PLANS))
def test_no_word_of_a_page_is_hard_coded(name: str) -> None:
    """In a language of accents and Greek days, a word in plain letters is one that no catalogue holds."""
    names = ["fitbit_takeout/unknown", "2020-W29"]
    names += [part for fact in read_facts() for part in (fact.author, fact.work, fact.url)]
    for tags, text in read_texts(pages()[f"{name}-{ACCENTS}"]):
        plain = re.sub("\u2068.*?\u2069", "", text)  # a person's own words
        for known in sorted(names, key=len, reverse=True):
            plain = plain.replace(known, "")
        assert not re.search(r"[A-Za-z]{2,}", plain), (tags, text)


def test_accents_make_a_message_longer_by_two_fifths() -> None:
    assert accent("{n, plural, one {One day} other {{n} days of work}}, and then {what}") == (
        "[{n, plural, one {Óńé ďáý} other {{n} ďáýś óƒ ŵóŕķ}}, áńď ťĥéń {what} ẋẋẋẋẋẋ]"
    )


@pytest.mark.parametrize("name", sorted(PLANS))
def test_a_page_from_right_to_left_says_so_and_keeps_its_numbers(name: str) -> None:
    html = pages()[f"{name}-{RIGHT_TO_LEFT}"].read_text(encoding="utf-8")
    assert '<html lang="he" dir="rtl">' in html
    english = pages()[name].read_text(encoding="utf-8")
    count = {page: len(re.findall(r'<circle|<path class="(?:up|down)"', page)) for page in (html, english)}
    assert count[html] == count[english]
