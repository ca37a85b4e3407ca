"""Learn cards: one a week at most, none back within eight weeks, each with a source and easy to read."""

from __future__ import annotations

import random
import re
import warnings
from datetime import date, timedelta

import pytest

from reports.cards import CYCLE_WEEKS, Fact, LearnCard, choose_card, first_turn, read_facts, write_card
from reports.catalogue import load_language

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports pkg_resources, which is deprecated
    import textstat

ENGLISH = load_language()
MONDAY = date(2026, 1, 5)
OPEN = {"avoid": "none", "shift_work": "no", "age_band": "30-44"}
TOPICS = {"limits", "breathing", "sleep", "peers", "movement", "care", "heart", "caffeine", "alcohol"}


def weeks(count: int) -> list[date]:
    return [MONDAY + timedelta(days=7 * k) for k in range(count)]


def shown(participant: str, mondays: list[date], settings: dict[str, str] = OPEN) -> list[LearnCard | None]:
    return [choose_card(participant, monday, settings, ENGLISH) for monday in mondays]


@pytest.mark.parametrize("participant", ["p-1", "p-2", "anna", "", "x" * 10_000])
def test_in_a_cycle_a_person_meets_every_card_once(participant: str) -> None:
    names = [card.name for card in shown(participant, weeks(CYCLE_WEEKS)) if card]
    assert sorted(names) == sorted(fact.name for fact in read_facts())


def test_no_card_comes_back_within_eight_weeks_whatever_is_set_in_between() -> None:
    draw = random.Random(5)
    for participant in (f"p-{k}" for k in range(40)):
        last: dict[str, date] = {}
        for monday in weeks(120):
            settings = {"shift_work": draw.choice(["yes", "no"]), "age_band": "30-44"}
            if draw.random() < 0.8:
                settings["avoid"] = draw.choice(["none", "sleep", "care,alcohol", "breathing,peers,heart"])
            card = choose_card(participant, monday, settings, ENGLISH)
            if card is None:
                continue
            assert monday - last.get(card.name, date.min) > timedelta(weeks=8)
            last[card.name] = monday


def test_a_week_shows_the_same_card_rendered_again_alone_and_out_of_order() -> None:
    mondays = weeks(30)
    forward = shown("p-1", mondays)
    assert shown("p-1", mondays[::-1])[::-1] == forward
    assert forward[17] == choose_card("p-1", mondays[17], OPEN, ENGLISH)


def test_people_go_through_the_cycle_from_all_weeks_on() -> None:
    turns = [first_turn(f"p-{k}") for k in range(1200)]
    assert {turns.count(turn) > 60 for turn in range(CYCLE_WEEKS)} == {True}  # 100 each, sd 9.6


@pytest.mark.parametrize("unset", sorted(OPEN))
def test_without_a_word_on_what_suits_a_person_there_is_no_card(unset: str) -> None:
    settings = {name: value for name, value in OPEN.items() if name != unset}
    assert shown("p-1", weeks(CYCLE_WEEKS), settings) == [None] * CYCLE_WEEKS
    assert shown("p-1", weeks(CYCLE_WEEKS), {}) == [None] * CYCLE_WEEKS


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_a_topic_to_avoid_leaves_its_weeks_empty_and_the_others_as_they_were(topic: str) -> None:
    everything = shown("p-1", weeks(CYCLE_WEEKS))
    less = shown("p-1", weeks(CYCLE_WEEKS), {**OPEN, "avoid": f"fasting,{topic}"})
    assert less == [None if card and card.topic == topic else card for card in everything]
    assert less != everything


def test_what_the_page_tells_already_is_not_told_again() -> None:
    for monday, card in zip(weeks(CYCLE_WEEKS), shown("p-1", weeks(CYCLE_WEEKS)), strict=True):
        if card:
            assert choose_card("p-1", monday, OPEN, ENGLISH, told={card.topic}) is None
            assert choose_card("p-1", monday, OPEN, ENGLISH, told=TOPICS - {card.topic}) == card


def test_steady_hours_are_not_told_to_who_works_shifts() -> None:
    names = {card.name for card in shown("p-1", weeks(CYCLE_WEEKS), {**OPEN, "shift_work": "yes"}) if card}
    assert names == {fact.name for fact in read_facts()} - {"regular"}


@pytest.mark.parametrize("fact", read_facts(), ids=lambda fact: fact.name)
def test_a_card_is_sourced_easy_and_kind(fact: Fact) -> None:
    card = write_card(fact, ENGLISH)
    assert card.source == f"{fact.author}, {fact.year}, {fact.work}."
    assert re.fullmatch(r"https://doi\.org/10\.\d{4,}/\S+", card.url)
    assert date(2026, 11, 1) <= fact.reviewed_on <= date(2026, 11, 23)
    assert 1990 <= fact.year <= fact.reviewed_on.year
    assert fact.topic in TOPICS
    assert card.checked.endswith("on 23 November 2026.")
    text = f"{card.title}. {card.body}"
    assert textstat.flesch_kincaid_grade(text) <= 6
    assert grade(text) <= 6
    assert len(card.body.split()) <= 75
    assert not re.search(r"\d", text)  # gentle pages have no numbers
    promises = r"\b(must|should|always|never|cures?|heals?|proven|guarantee\w*|will|works?)\b"
    assert not re.search(promises, text, re.IGNORECASE)
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        assert not COMMANDS.fullmatch(sentence.split()[0].strip(",")), sentence


COMMANDS = re.compile(
    "add|ask|avoid|be|breathe|call|check|choose|cut|do|don't|drink|eat|find|get|give|go|have|join|keep|leave|let"
    "|limit|look|make|move|please|reach|read|remember|rest|see|start|stay|stop|take|talk|think|try|use|wait|walk",
    re.IGNORECASE,
)


def grade(text: str) -> float:
    """Flesch-Kincaid grade, syllables counted as groups of vowels without a silent e at the end."""
    words = re.findall(r"[A-Za-z']+", text)
    ends = len(re.findall(r"[.!?:](?:\s|$)", text))
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e\b", "", w.lower())))) for w in words)
    return 0.39 * len(words) / ends + 11.8 * syllables / len(words) - 15.59


def test_table_and_catalogue_name_the_same_cards() -> None:
    told = {key.split(".")[1] for key in ENGLISH.messages if re.fullmatch(r"learn\.\w+\.(title|body)", key)}
    assert told == {fact.name for fact in read_facts()}
    turns = [fact.turn for fact in read_facts()]
    assert len(turns) == len(set(turns))
    assert set(turns) <= set(range(CYCLE_WEEKS))
