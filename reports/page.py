"""The weekly page: values of a week to one self-contained HTML document."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports import charts, gentle, sentences, tried_words, words
from reports.cards import choose_card
from reports.catalogue import Language, has_language, say
from reports.insights import Insight
from reports.tried import Tried
from reports.week import Week, days_from
from reports.wishes import Wishes
from reports.words import FEELINGS, Card

HERE = Path(__file__).parent
FRESH_DAYS = 180
EVERYWHERE = "*"
"""The country of a help line that is for all."""
SOURCE_LENGTH = 60


@dataclass(frozen=True)
class Hint:
    """One of the hints of the catalogue: its topics, of which none may be left out, and whom it does not fit."""

    topics: frozenset[str]
    fixed_hours: bool = False


HINTS = (
    Hint(frozenset({"sleep"}), fixed_hours=True),
    Hint(frozenset({"breathing"})),
    Hint(frozenset({"caffeine", "sleep"})),
    Hint(frozenset({"movement"})),
    Hint(frozenset({"alcohol"})),
)
"""In order of their numbers in the catalogue (hint.0 …)."""


@dataclass(frozen=True)
class HelpLine:
    """A line that a person can call (help_lines.csv); empty text where there is none."""

    country: str
    name: str
    phone: str
    text: str
    hours: str
    language: str
    url: str
    verified_on: str


def render_page(
    week: Week,
    insights: Sequence[Insight],
    lines: Sequence[HelpLine],
    language: Language,
    wishes: Wishes | None = None,
    *,
    participant: str = "",
    tried: Tried | None = None,
) -> str:
    """Render the page of a week; equal values give equal bytes.

    Parameters
    ----------
    week : Week
        `reports.week.summarise`.
    insights : sequence of Insight
        Those of its days (`reports.week.tell_days`).
    lines : sequence of HelpLine
        The help lines to show (`choose_lines`).
    language : Language
        `reports.wishes.choose_language`.
    wishes : Wishes
        What the person asked for; None where nothing is set.
    participant : str
        Pseudonym, by which learn cards take turns; it is not on the page.
    tried : Tried
        What they tried (`reports.tried.choose_tried`); None where nothing is known of it.
    """
    wishes = wishes or Wishes()
    put_in_words = gentle.put_in_words if wishes.gentle else words.put_in_words
    turn = choose_hint(week, wishes)
    told = HINTS[turn].topics if turn is not None else frozenset()
    page = environment().get_template("weekly.html.jinja")
    return page.render(
        week=week,
        words=put_in_words(week, insights, language),
        wishes=wishes,
        tried=None if tried is None else tried_words.put_in_words(tried, language, gentle=wishes.gentle),
        language=language,
        t=lambda key, **values: say(language, key, **values),
        dates=sentences.day_range(language, week.monday),
        strip=place_strip(week, language),
        raster=place_raster(week, language),
        hint=None if turn is None else hint_card(turn, language),
        learn=choose_card(participant, week.monday, wishes.settings, language, told=told),
        sources=() if wishes.gentle else [sentences.own_word(source) for source in week.sources],
        lines=lines,
        feelings=FEELINGS,
        other_language=not has_language(wishes.settings.get("language", language.locale.language)),
        weekday=lambda day: sentences.weekday(language, day, width="EEE"),
        full_hour=lambda hour: sentences.full_hour(language, hour),
        minutes=lambda value: sentences.minutes(language, value),
    )


@cache
def environment() -> Environment:
    """The template engine: everything is escaped, and a name that is missing is an error."""
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def place_strip(week: Week, language: Language) -> charts.Strip:
    """The strip, from the side on which the language begins; days with something noted are marked."""
    strip = charts.draw_strip(week.marks, noted=frozenset(day for _, days in week.noted for day in days))
    return charts.mirror_strip(strip) if language.direction == "rtl" else strip


def place_raster(week: Week, language: Language) -> charts.Raster | None:
    """The raster, from the side on which the language begins; None without a night."""
    raster = charts.draw_raster(week.nights, week.sleep)
    return charts.mirror_raster(raster) if raster is not None and language.direction == "rtl" else raster


def choose_hint(week: Week, wishes: Wishes) -> int | None:
    """The number of the week's hint: its turn among those that suit this person; None where there is none.

    There is none in a week with too little wear, and none for who did not say what suits them.
    """
    if week.story == "thin" or not wishes.hints:
        return None
    fits = [
        k
        for k, hint in enumerate(HINTS)
        if not hint.topics & wishes.avoid and not (hint.fixed_hours and wishes.shift_work)
    ]
    return fits[(week.monday.toordinal() // 7) % len(fits)] if fits else None


def hint_card(turn: int, language: Language) -> Card:
    """A hint in words, with its source."""
    return Card(*(say(language, f"hint.{turn}.{part}") for part in ("title", "body", "source")))


def read_help_lines(path: Path = HERE / "help_lines.csv") -> list[HelpLine]:
    """Read every help line, verified or not."""
    with path.open(encoding="utf-8", newline="") as file:
        return [HelpLine(**row) for row in csv.DictReader(file)]


def fresh_lines(lines: Sequence[HelpLine], week_end: date) -> list[HelpLine]:
    """The lines that someone checked no longer than 180 days before the week ended; the rest stay hidden."""
    oldest = (week_end - timedelta(days=FRESH_DAYS)).isoformat()
    return [line for line in lines if line.verified_on and line.verified_on >= oldest]


def choose_lines(lines: Sequence[HelpLine], monday: date, country: str | None) -> list[HelpLine]:
    """The help lines of a page: fresh ones of the person's country, else those that are for all."""
    fresh = fresh_lines(lines, days_from(monday)[-1])
    own = [line for line in fresh if line.country == country]
    return own or [line for line in fresh if line.country == EVERYWHERE]
