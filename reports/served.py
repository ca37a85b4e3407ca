"""Pages that `steadyline serve` shows: the list of weeks, the question, what happened, the week with its form.

Values to text, nothing else: the server is in cli/web.py. The weekly page is the file that is there
already; only its question, which stores nothing in the file, becomes a form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby

from babel.dates import format_date

from reports import sentences
from reports.catalogue import Language, say
from reports.page import environment
from reports.week import days_from
from reports.words import FEELINGS

FELT = dict(zip(FEELINGS, (1, 3, 5, 7, 9), strict=True))
"""The words of the weekly page on the scale of felt stress, 0 to 10: each in the middle of its fifth."""
TAGS = ("therapy", "practice", "alcohol", "ill", "travel")
ISO_WEEK = re.compile(r"(\d{4})-W(\d\d)")
QUESTION = re.compile(r"<!-- checkin -->.*?<!-- /checkin -->", re.DOTALL)
"""The question in a weekly page: only its template writes these marks."""
REFERRER = '<meta name="referrer" content="no-referrer">'
OWN_REFERRER = '<meta name="referrer" content="same-origin">'
"""Under no-referrer a browser hides the origin of a form, and the server could not check it."""


@dataclass(frozen=True)
class Visit:
    """Whose pages these are: the path that every address begins with, the key of the question, the local day.

    `numbers` is false for a person who wants words only.
    """

    language: Language
    base: str
    key: str
    today: date
    numbers: bool = True


@dataclass(frozen=True)
class Kept:
    """An answer that is kept: its local day, hour of that day (None: the day as a whole), what it says.

    `event` is a scale or a kind of event as the diary has it, `detail` the value or who it was with.
    """

    day: date
    hour: float | None
    event: str
    detail: str


def render_home(visit: Visit, weeks: Sequence[str], kept: Sequence[Kept], *, calendar: bool) -> str:
    """Render the first page: the question, what is kept, and all weeks by month, the last one first.

    `calendar` says that the person has a page of months (reports/months.py).
    """
    mondays = sorted(filter(None, map(monday_of_week, weeks)), reverse=True)
    months = [
        (format_date(first, "MMMM y", locale=visit.language.locale), [name_week(visit, m) for m in group])
        for first, group in groupby(mondays, key=lambda m: m.replace(day=1))
    ]
    return render(
        visit,
        "serve_home.html.jinja",
        months=months,
        kept=[kept_text(visit, k) for k in kept],
        calendar=calendar,
    )


def render_tags(
    visit: Visit, kept: Sequence[Kept], *, given: Mapping[str, str] | None = None, problem: bool = False
) -> str:
    """Render the page to say what happened; with what was `given` again if there was a problem with it."""
    return render(
        visit,
        "serve_tags.html.jinja",
        tags=TAGS,
        kept=[kept_text(visit, k) for k in kept],
        given=dict(given or {}),
        problem=problem,
    )


def render_message(language: Language, status: int, *, home: str = "") -> str:
    """Render what went wrong in plain words; `home` is where to go on, for those who may."""
    page = environment().get_template("serve_message.html.jinja")
    return page.render(language=language, t=partial(say, language), status=status, home=home)


def add_form(html: str, visit: Visit, iso_week: str, said: str) -> str:
    """Turn the question of a weekly page into a form; a page without a question gets none.

    `said` is the value that was last answered for this week, empty if none was.
    """
    form = render(visit, "serve_answer.html.jinja", iso_week=iso_week, said=name_value(visit, said))
    return frame(QUESTION.sub(lambda _: form, html, count=1), visit)


def frame(html: str, visit: Visit) -> str:
    """Give a page that was written as a file a way back, and what a form in it needs."""
    head = render(visit, "serve_head.html.jinja")
    way_back = render(visit, "serve_back.html.jinja")
    html = html.replace(REFERRER, OWN_REFERRER, 1).replace("</head>", f"{head}</head>", 1)
    return html.replace("<main>", f"<main>\n{way_back}", 1)


def render(visit: Visit, template: str, **values: object) -> str:
    """Render a template with what all of them need."""
    page = environment().get_template(template)
    return page.render(
        language=visit.language,
        t=partial(say, visit.language),
        visit=visit,
        words=list(FELT.items()),
        **values,
    )


def monday_of_week(iso_week: str) -> date | None:
    """The Monday of an ISO week such as 2026-W09; None if it is none."""
    match = ISO_WEEK.fullmatch(iso_week)
    try:
        return None if match is None else date.fromisocalendar(int(match[1]), int(match[2]), 1)
    except ValueError:
        return None


def last_day(iso_week: str) -> date | None:
    """The Sunday of an ISO week; None if it is none."""
    monday = monday_of_week(iso_week)
    return None if monday is None else days_from(monday)[-1]


def name_week(visit: Visit, monday: date) -> tuple[str, str]:
    """The address of a week's page and its days in words."""
    address = f"{visit.base}/{monday:%G-W%V}.html"
    return address, sentences.day_range(visit.language, monday)


def kept_text(visit: Visit, kept: Kept) -> tuple[str, str, str]:
    """What is kept in words: when, what, and the detail that the person wrote."""
    language = visit.language
    gap = (visit.today - kept.day).days
    day = (
        say(language, f"serve.day.{('today', 'yesterday')[gap]}")
        if gap in (0, 1)
        else format_date(kept.day, "d MMMM y", locale=language.locale)
    )
    when = day if kept.hour is None else f"{day}, {sentences.clock(language, kept.hour)}"
    if kept.event in ("felt_stress", "felt_week"):
        return when, say(language, "serve.kept.felt", value=name_value(visit, kept.detail)), ""
    event = "practice" if kept.event == "mindful" else kept.event
    key = f"serve.tag.{event}"
    return when, say(language, key) if key in language.messages else event, kept.detail


def name_value(visit: Visit, value: str) -> str:
    """A value of felt stress as it was tapped: its word, and its number for those who want numbers."""
    word = next((say(visit.language, f"felt.{w}") for w, number in FELT.items() if str(number) == value), "")
    if not word or not visit.numbers:
        return word or value
    return say(visit.language, "serve.kept.word", word=word, value=value)
