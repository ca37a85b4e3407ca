"""The sheet's document: its values to one self-contained HTML page that prints on one A4 side."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date, format_interval, format_skeleton

from reports import panels, sentences
from reports.catalogue import Language, say
from reports.page import environment
from reports.panels import Panel, Stretch
from reports.sheet import Lane, Measure, Said, Sheet, Wear
from reports.sheet_tried import tell_note, tell_tried
from reports.week import WEEK_DAYS

MOST_DEVICES = 2
DEVICE_LENGTH = 44
MOST_APPS = 4
APP_LENGTH = 24
DIGITS = {"rhr_night": 1, "tst_min": 1}
HOURS = {"tst_min"}
"""Measures in minutes that are shown in hours."""
LIMITS = {"felt": (0.0, 10.0)}


@dataclass(frozen=True)
class Row:
    """One panel with its words: what it is, in what unit, and what it comes to."""

    panel: Panel
    name: str
    unit: str
    summary: tuple[str, ...]


@dataclass(frozen=True)
class LaneRow:
    """What was noted of one kind."""

    y: float
    name: str
    stretches: list[Stretch]
    summary: str


@dataclass(frozen=True)
class WearRow:
    """Which days, or nights, were worn."""

    y: float
    name: str
    squares: list[tuple[float, Wear]]
    summary: str


@dataclass(frozen=True)
class Figure:
    """The figure: a row of the index, rows of measures, lanes of what was noted, rows of wear."""

    height: float
    weeks: list[tuple[float, str]]
    """Where each week begins, and the name of its Monday."""
    weekends: list[tuple[float, float]]
    rows: list[Row]
    lanes: list[LaneRow]
    lanes_y: float
    worn: list[WearRow]
    square: float
    """How wide the mark of a day's wear is."""


def render_sheet(sheet: Sheet, language: Language, *, version: str) -> str:
    """Render a sheet as one document; equal values give equal bytes. `version` is that of Steadyline."""
    return (
        environment()
        .get_template("sheet.html.jinja")
        .render(
            sheet=sheet,
            language=language,
            t=lambda key, **values: say(language, key, **values),
            weeks=len(sheet.days) // WEEK_DAYS,
            dates=format_interval(sheet.days[0], sheet.days[-1], "yMMMMd", locale=language.locale),
            figure=draw_figure(sheet, language),
            edges=panels,
            person=sentences.own_word(sheet.participant),
            devices=[clip(source, DEVICE_LENGTH) for source in sheet.sources[:MOST_DEVICES]],
            more_devices=max(0, len(sheet.sources) - MOST_DEVICES),
            said=[*apps_sentences(sheet, language), *(said_sentence(said, language) for said in sheet.said)],
            tried=[tell_tried(finding, language) for finding in sheet.tried],
            tried_note=tell_note(sheet.tried, language),
            table=[table_row(sheet, k, language) for k in range(len(sheet.days))],
            heads=[
                say(language, f"sheet.{name}.name") for name in ("index", *(m.name for m in sheet.measures))
            ],
            version=version,
        )
    )


def draw_figure(sheet: Sheet, language: Language) -> Figure:
    """Place every row below the one before it."""
    count = len(sheet.days)
    y = panels.AXIS_PX
    strip = panels.place_index(sheet.marks, y, lambda value: sentences.number(language, value))
    rows = [Row(strip, *index_words(sheet, language))]
    y += panels.INDEX_PX + panels.GAP_PX
    for measure in sheet.measures:
        rows.append(measure_row(measure, y, language))
        y += rows[-1].panel.height + panels.GAP_PX
    lanes_y = y
    lanes = [lane_row(lane, y + k * panels.LANE_PX, count, language) for k, lane in enumerate(sheet.lanes)]
    y += panels.LANE_PX * max(len(lanes), 1) + panels.GAP_PX
    worn = [
        wear_row("worn_day", sheet.worn_day, y, language),
        wear_row("worn_night", sheet.worn_night, y + panels.LANE_PX, language),
    ]
    px = panels.column_px(count)
    starts = [
        (round(panels.LEFT + k * px, 1), format_skeleton("MMMd", sheet.days[k], locale=language.locale))
        for k in range(0, count, WEEK_DAYS)
    ]
    weekends = [(round(x + 5 * px, 1), round(2 * px, 1)) for x, _ in starts]
    return Figure(y + 2 * panels.LANE_PX + 2, starts, weekends, rows, lanes, lanes_y, worn, min(8.0, px - 2))


def index_words(sheet: Sheet, language: Language) -> tuple[str, str, tuple[str, ...]]:
    """What the index is called, its unit, and how many days lay outside usual."""
    levels = [mark.level or "" for mark in sheet.marks if mark.index is not None]
    high, low = sum("higher" in level for level in levels), sum("calmer" in level for level in levels)
    summary = (
        say(language, "sheet.index.scored", n=len(levels), of=len(sheet.days)),
        say(language, "sheet.index.high", n=high),
        say(language, "sheet.index.low", n=low),
        say(language, "sheet.index.chance"),
    )
    name, unit = say(language, "sheet.index.name"), say(language, "sheet.index.unit")
    return name, unit, summary if levels else (say(language, "sheet.index.none"),)


def measure_row(measure: Measure, y: float, language: Language) -> Row:
    """One measure with its panel and its words."""
    panel = panels.place_measure(
        measure.values,
        measure.usual,
        y,
        lambda value: shown(measure, value, language),
        LIMITS.get(measure.name),
    )
    name = say(language, f"sheet.{measure.name}.name")
    unit = say(language, f"sheet.unit.{measure.feature}")
    return Row(panel, name, unit, tuple(measure_words(measure, language)))


def measure_words(measure: Measure, language: Language) -> list[str]:
    """The middle value, the smallest and the largest, and the usual range, where there are any."""
    known = measure.known
    if not known:
        return [say(language, "sheet.nothing")]
    lo, hi, middle = (shown(measure, f(known), language) for f in (min, max, statistics.median))
    words = [say(language, "sheet.median", value=middle), say(language, "sheet.spread", lo=lo, hi=hi)]
    if measure.usual:
        low, high = (shown(measure, value, language) for value in measure.usual)
        words.append(say(language, "sheet.usual", lo=low, hi=high))
    elif measure.name != "felt":
        words.append(say(language, "sheet.no_usual"))
    return words


def shown(measure: Measure, value: float, language: Language) -> str:
    """A value as the sheet writes it."""
    scaled = value / 60 if measure.name in HOURS else value
    return sentences.number(language, scaled, digits=DIGITS.get(measure.name, 0))


def lane_row(lane: Lane, y: float, count: int, language: Language) -> LaneRow:
    """What was noted of one kind, and how often."""
    name, times = say(language, f"sheet.event.{lane.kind}"), say(language, "sheet.times", n=len(lane.spans))
    return LaneRow(y, name, panels.place_spans(lane.spans, count), times)


def wear_row(name: str, worn: Sequence[Wear], y: float, language: Language) -> WearRow:
    """Which days were worn, and how many of them were worn enough."""
    squares = [(panels.column(k, len(worn)), one) for k, one in enumerate(worn)]
    summary = say(language, "sheet.worn", n=worn.count("enough"), of=len(worn))
    return WearRow(y, say(language, f"sheet.{name}"), squares, summary)


def apps_sentences(sheet: Sheet, language: Language) -> list[str]:
    """What sessions and practice were with, as far as that was noted."""
    apps = list(dict.fromkeys(app for lane in sheet.lanes for app in lane.apps))
    named = ", ".join(clip(app, APP_LENGTH) for app in apps[:MOST_APPS])
    return [say(language, "sheet.apps", apps=named)] if apps else []


def clip(text: str, length: int) -> str:
    """A name that an export or a person gave, at most so long."""
    plain = " ".join(text.split())
    return sentences.own_word(plain if len(plain) <= length else f"{plain[: length - 1]}…")


def said_sentence(said: Said, language: Language) -> str:
    """The answer to a questionnaire."""
    day = format_date(said.day, "long", locale=language.locale)
    value = sentences.number(language, said.value)
    return say(language, f"sheet.said.{said.scale}", value=value, day=day)


def table_row(sheet: Sheet, k: int, language: Language) -> tuple[str, list[str]]:
    """One day as text: the same as the figure shows."""
    mark = sheet.marks[k]
    index = "" if mark.index is None else say(language, f"level.{mark.level or 'usual'}")
    if mark.index is not None and mark.show_number:
        index = f"{sentences.number(language, mark.index)}, {index}"
    values = [(measure, measure.values[k]) for measure in sheet.measures]
    cells = ["" if value is None else shown(measure, value, language) for measure, value in values]
    return day_name(sheet.days[k], language), [index, *cells]


def day_name(day: date, language: Language) -> str:
    """A day with its weekday: Mon 13 Jul."""
    return str(format_skeleton("MMMEd", day, locale=language.locale))
