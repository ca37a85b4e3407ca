"""Learn cards: short texts with a source, and which of them a week shows.

Words are in the catalogue ([learn.<name>]), facts in cards.csv: the topic, whose finding it is and when,
where it was published, and the day on which text and source were last compared.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from babel.dates import format_date

from reports.catalogue import Language, say
from reports.wishes import HINT_SETTINGS

CYCLE_WEEKS = 12
"""A card comes back after so many weeks; a turn that no card has is a week without one."""
OF_FIXED_HOURS = ("regular",)
"""Cards about steady hours, which are no choice for somebody who works shifts."""


@dataclass(frozen=True)
class Fact:
    """What stands behind a card (a row of cards.csv); `turn` is its week of the cycle, from 0."""

    name: str
    topic: str
    turn: int
    author: str
    year: int
    work: str
    url: str
    reviewed_on: date


@dataclass(frozen=True)
class LearnCard:
    """A card as it is read: all text, to be escaped by the template."""

    name: str
    topic: str
    title: str
    body: str
    source: str
    """Author, year and work in one line."""
    url: str
    """Where the source is; shown as text where a page has no links."""
    checked: str
    """When text and source were last compared, as a sentence."""


def choose_card(
    participant: str,
    monday: date,
    settings: Mapping[str, str],
    language: Language,
    *,
    told: Collection[str] = (),
) -> LearnCard | None:
    """Choose the card of a person's week, if it has one.

    The choice rests on the pseudonym, the week and the settings alone, not on what was shown before:
    a week that is rendered again, alone or out of order, shows the same card. A card that a setting
    leaves out gives its week to no other, so that none comes back within `CYCLE_WEEKS`, whatever is
    changed in between.

    Parameters
    ----------
    participant : str
        Pseudonym; people go through the same cycle from different weeks on.
    monday : datetime.date
        The Monday that the week starts with.
    settings : mapping
        What the person set (`warehouse.preferences.read_preferences`). There are no cards, as there are
        no hints, for who did not set all of `HINT_SETTINGS`: unset is not guessed.
    language : Language
        The catalogue.
    told : collection of str
        Topics that the page speaks of already that week, such as that of its hint.

    Returns
    -------
    LearnCard or None
        None in a week without a card.

    Examples
    --------
    >>> card = choose_card("p-1", week.monday, settings, language, told={"sleep"})  # doctest: +SKIP
    >>> card and page.render(learn=card)  # doctest: +SKIP
    """
    if not all(name in settings for name in HINT_SETTINGS):
        return None
    turn = (monday.toordinal() // 7 + first_turn(participant)) % CYCLE_WEEKS
    fact = next((fact for fact in read_facts() if fact.turn == turn), None)
    if fact is None or fact.topic in {*settings["avoid"].split(","), *told}:
        return None
    if fact.name in OF_FIXED_HOURS and settings["shift_work"] != "no":
        return None
    return write_card(fact, language)


def first_turn(participant: str) -> int:
    """Where in the cycle a person begins: spread evenly, the same on every machine."""
    return int.from_bytes(hashlib.sha256(participant.encode()).digest()[:8]) % CYCLE_WEEKS


def write_card(fact: Fact, language: Language) -> LearnCard:
    """Put a card into words."""
    day = format_date(fact.reviewed_on, "long", locale=language.locale)
    return LearnCard(
        name=fact.name,
        topic=fact.topic,
        title=say(language, f"learn.{fact.name}.title"),
        body=say(language, f"learn.{fact.name}.body"),
        source=say(language, "learn.source", author=fact.author, year=str(fact.year), work=fact.work),
        url=fact.url,
        checked=say(language, "learn.checked", day=day),
    )


@cache
def read_facts(path: Path = Path(__file__).parent / "cards.csv") -> Sequence[Fact]:
    """Read the table of cards, in its order."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            Fact(
                name=row["name"],
                topic=row["topic"],
                turn=int(row["turn"]),
                author=row["author"],
                year=int(row["year"]),
                work=row["work"],
                url=row["url"],
                reviewed_on=date.fromisoformat(row["reviewed_on"]),
            )
            for row in csv.DictReader(file)
        )
