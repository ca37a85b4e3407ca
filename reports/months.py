"""Looking back: a calm calendar of months, a mark a day, and a link to the page of each week.

Values first (`lay_out`), then one self-contained document (`render_months`), written beside the weekly
pages as `index.html` (`write_months`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Literal

from babel.dates import format_date

from reports import sentences
from reports.catalogue import Language, say
from reports.page import environment
from reports.read_back import read_levels
from reports.week import monday_of
from reports.weekly import person_folder, write_private
from reports.wishes import choose_language, why_no_page
from warehouse.consent import list_refused
from warehouse.preferences import read_preferences
from warehouse.store import open_warehouse

CALENDAR_YEARS = 4
"""Older years are told in words, so that the page stays small however long a person stays."""
FEWEST_KNOWN_DAYS = 7
MANY = 1 / 3
"""Twice what is usual: by its making, about one day in six lies above usual and one below."""
PAGE = re.compile(r"\d{4}-W\d{2}\.html")

DayMark = Literal["usual", "higher", "calmer", "unknown"]
MonthStory = Literal["little", "usual", "harder", "calmer", "mixed"]
MARKS: Mapping[str, DayMark] = {
    "usual": "usual",
    "higher": "higher",
    "much_higher": "higher",
    "calmer": "calmer",
    "much_calmer": "calmer",
}


@dataclass(frozen=True)
class WeekRow:
    """The days of one week that lie in one month; None before the month, after it, or outside the record."""

    iso_week: str
    days: tuple[tuple[date, DayMark] | None, ...]
    has_page: bool

    @property
    def first(self) -> date:
        """Its first day in the month."""
        return next(day[0] for day in self.days if day)

    @property
    def last(self) -> date:
        """Its last day in the month."""
        return next(day[0] for day in reversed(self.days) if day)


@dataclass(frozen=True)
class Month:
    """A calendar month: its first day, its weeks, and what kind of month it was."""

    first: date
    weeks: tuple[WeekRow, ...]
    story: MonthStory


def write_months(
    warehouse: str | Path, reports_dir: Path, *, participants: Sequence[str], before: date
) -> tuple[Path, ...]:
    """Write `index.html` beside the weekly pages of each person who has any.

    Only days before `before` are shown. A person who paused, does not allow pages, or is under 18, is
    left alone. A file that is there already with the same bytes is not written again.
    """
    folders = {who: person_folder(reports_dir, who) for who in participants}
    having = sorted(who for who, folder in folders.items() if find_pages(folder))
    if not having:
        return ()
    with open_warehouse(warehouse, read_only=True) as con:
        settings = read_preferences(con, having)
        refused = set(list_refused(con, "pages"))
        wanted = [who for who in having if why_no_page(settings[who], allowed=who not in refused) is None]
        levels = read_levels(con, wanted, before)
    paths = []
    for who in wanted:
        months = lay_out(levels[who], find_pages(folders[who]))
        gentle = settings[who].get("gentle") == "yes"
        html = render_months(months, choose_language(settings[who]), gentle=gentle).encode()
        path = folders[who] / "index.html"
        if not path.exists() or path.read_bytes() != html:
            write_private(path, html)
        paths.append(path)
    return tuple(paths)


def find_pages(folder: Path) -> frozenset[str]:
    """The ISO weeks whose pages lie in a folder: a link never leads nowhere."""
    if not folder.is_dir():
        return frozenset()
    return frozenset(path.stem for path in folder.iterdir() if PAGE.fullmatch(path.name))


def lay_out(levels: Mapping[date, str], pages: Collection[str]) -> list[Month]:
    """Lay the days out in months, newest first, from the first day of the record to the last.

    Parameters
    ----------
    levels : mapping
        Level of each day (model.index_day); an empty text, or no entry, is unknown.
    pages : collection of str
        ISO weeks that have a page.
    """
    if not levels:
        return []
    first, last = min(levels), max(levels)
    days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    marked = [(day, MARKS.get(levels.get(day, ""), "unknown")) for day in days]
    months = groupby(marked, key=lambda one: one[0].replace(day=1))
    return [make_month(start, list(of), pages) for start, of in months][::-1]


def make_month(first: date, days: Sequence[tuple[date, DayMark]], pages: Collection[str]) -> Month:
    """One month, of those of its days that lie in the record."""
    weeks = tuple(
        make_row(monday, {day.weekday(): (day, mark) for day, mark in of}, pages)
        for monday, of in groupby(days, key=lambda one: monday_of(one[0]))
    )
    return Month(first, weeks, tell_story([mark for _, mark in days]))


def make_row(monday: date, days: Mapping[int, tuple[date, DayMark]], pages: Collection[str]) -> WeekRow:
    """One week of a month, Monday to Sunday."""
    year, week, _ = monday.isocalendar()
    iso_week = f"{year}-W{week:02d}"
    return WeekRow(iso_week, tuple(days.get(k) for k in range(7)), iso_week in pages)


def tell_story(marks: Sequence[DayMark]) -> MonthStory:
    """What kind of month it was: the same in words as its calendar is in marks."""
    known = [mark for mark in marks if mark != "unknown"]
    if len(known) < FEWEST_KNOWN_DAYS:
        return "little"
    harder = known.count("higher") >= MANY * len(known)
    calmer = known.count("calmer") >= MANY * len(known)
    if harder and calmer:
        return "mixed"
    return "harder" if harder else "calmer" if calmer else "usual"


def render_months(months: Sequence[Month], language: Language, *, gentle: bool = False) -> str:
    """Render the months as one document; gentle ones in words only. Equal values give equal bytes."""
    newest = months[0].first.year if months else 0
    latest = max((w for m in months for w in m.weeks if w.has_page), key=lambda w: w.iso_week, default=None)
    numbers = [sentences.number(language, k) for k in range(32)]
    return (
        environment()
        .get_template("months.html.jinja")
        .render(
            language=language,
            t=lambda key, **values: say(language, key, **values),
            years=[(year, list(of)) for year, of in groupby(months, key=lambda month: month.first.year)],
            calendar_from=newest + 1 - (0 if gentle else CALENDAR_YEARS),
            newest=newest,
            gentle=gentle,
            latest=latest,
            latest_dates=latest and sentences.day_range(language, iso_monday(latest.iso_week)),
            weekdays=[format_date(date(2024, 1, k), "EEEEEE", locale=language.locale) for k in range(1, 8)],
            number=lambda k: numbers[k],
            year_name=lambda year: format_date(date(year, 1, 1), "y", locale=language.locale),
            month_name=lambda day: format_date(day, "LLLL", locale=language.locale),
        )
    )


def iso_monday(iso_week: str) -> date:
    """The Monday of an ISO week such as 2020-W28."""
    return date.fromisocalendar(int(iso_week[:4]), int(iso_week[6:]), 1)
