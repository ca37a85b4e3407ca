"""The data-yield page: the values of a study to one self-contained HTML document, charts drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import fmean, median

from babel.dates import format_date
from babel.numbers import format_decimal

from reports import sentences
from reports.catalogue import Language, say
from reports.page import environment
from reports.study import SAME_DEVICE, Contrast, Stopped, Study
from reports.weekly import write_private
from warehouse.errors import ExplainedError

SHADES = 5
LABELS_PCT = 9.0
ROWS_PX = (26.0, 7.0)
"""Height of a row of the heat map, of few people and of many."""
MOST_ROWS_PX = 460.0
LABELLED_PX = 16.0
"""Numbers beside rows stand so far apart at least."""
HOUR_TICKS = range(0, 24, 3)
BAR_WIDTH = 0.8
BARS_HEIGHT = 100
MOST_NAMED = 40
"""Numbers of people in a cell of a table."""


@dataclass(frozen=True)
class Shades:
    """Cells of equal size in a frame of `columns` by `rows`: a path for each shade, the palest first."""

    columns: int
    rows: int
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Bars:
    """Bars in a frame of `count` by 100: the whole as outlines, the part of it filled; `most` is at the top."""

    count: int
    whole: str
    part: str
    most: int


@dataclass(frozen=True)
class Heat:
    """The heat map: its cells, its height in pixels, and where the numbers of people and the hours stand."""

    shades: Shades
    height: float
    people: tuple[tuple[int, float], ...]
    hours: tuple[tuple[int, float, bool], ...]
    left: float = LABELS_PCT


def write_study(study: Study, path: Path, language: Language) -> None:
    """Write the page beside `path` and rename it: it is there whole, readable by its owner only, or not at all.

    Raises
    ------
    ExplainedError
        If `path` is a folder, or its own folder is not there.
    """
    if path.is_dir():
        raise ExplainedError(f"{path} is a folder: name a file to write, such as {path / 'study.html'}.")
    if not path.absolute().parent.is_dir():
        raise ExplainedError(f"There is no folder {path.absolute().parent}: make it, or name another file.")
    write_private(path.absolute(), render_study(study, language).encode())


def render_study(study: Study, language: Language) -> str:
    """Render the page; equal values give equal bytes."""

    def number(value: float | None, digits: int = 0) -> str:
        return "–" if value is None else sentences.number(language, value, digits=digits)

    def percent(share: float | None) -> str:
        return "–" if share is None else say(language, "study.percent", value=number(100 * share))

    return (
        environment()
        .get_template("study.html.jinja")
        .render(
            study=study,
            language=language,
            t=lambda key, **values: say(language, f"study.{key}", **values),
            number=number,
            percent=percent,
            last_day=format_date(study.before - timedelta(days=1), "long", locale=language.locale),
            day=lambda day: format_date(day, "medium", locale=language.locale),
            full_hour=lambda hour: sentences.full_hour(language, hour),
            sums=sum_up(study),
            heat=draw_heat(study.hours),
            everyone=mean_hours(study.hours),
            everyone_bars=draw_bars([(round(60 * share), 60) for share in mean_hours(study.hours)]),
            day_bars=draw_bars([(week.valid_days, week.days) for week in study.weeks]),
            night_bars=draw_bars([(week.valid_nights, week.nights) for week in study.weeks]),
            since_bars=draw_bars([(row.sending, row.people) for row in study.since]),
            strips={sensor.name: draw_shades([sensor.shares]) for sensor in study.sensors},
            verdict=name_verdict,
            longer=lambda hours: say(
                language, f"study.missing.{'shorter' if hours < 0 else 'longer'}", hours=number(abs(hours), 2)
            ),
            count=lambda value: format_decimal(value, locale=language.locale),
            stopped=group_stopped(study.stopped),
            most_named=MOST_NAMED,
            same_device=SAME_DEVICE,
        )
    )


def sum_up(study: Study) -> dict[str, float | None]:
    """What the page says first: days in all, shares of valid days and nights, who still sends data."""
    days = sum(week.days for week in study.weeks)
    nights = sum(week.nights for week in study.weeks)
    return {
        "days": days,
        "median_days": median(one.days for one in study.people) if study.people else None,
        "valid_days": sum(week.valid_days for week in study.weeks) / days if days else None,
        "valid_nights": sum(week.valid_nights for week in study.weeks) / nights if nights else None,
    }


def group_stopped(stopped: Sequence[Stopped]) -> list[tuple[str, list[int], float]]:
    """Sensors that stopped, with the numbers of their people, and for how many weeks (median)."""
    by_sensor: dict[str, list[Stopped]] = {}
    for one in stopped:
        by_sensor.setdefault(one.sensor, []).append(one)
    return [
        (sensor, [one.person for one in of], median(one.weeks for one in of))
        for sensor, of in by_sensor.items()
    ]


def name_verdict(contrast: Contrast) -> str:
    """Whether wear differs: few, differs or same."""
    if contrast.difference_h is None:
        return "few"
    return "differs" if contrast.differs else "same"


def mean_hours(hours: Sequence[Sequence[float]]) -> list[float]:
    """Worn share of each hour, every person counting once; nothing without people."""
    return [fmean(column) for column in zip(*hours, strict=True)]


def draw_heat(hours: Sequence[Sequence[float]]) -> Heat:
    """Place the worn shares: a row a person, a column an hour."""
    count = len(hours)
    row = min(ROWS_PX[0], max(ROWS_PX[1], MOST_ROWS_PX / max(count, 1)))
    every = next((n for n in (1, 2, 5, 10, 20, 50) if n * row >= LABELLED_PX), 100)
    numbered = sorted({1, *range(every, count + 1, every)}) if count else []
    across = (100 - LABELS_PCT) / 24
    return Heat(
        shades=draw_shades(hours),
        height=round(row * count, 1),
        people=tuple((k, round((k - 0.5) * row + 4, 1)) for k in numbered),
        hours=tuple((h, round(LABELS_PCT + h * across, 2), bool(h % 6)) for h in HOUR_TICKS),
    )


def draw_shades(rows: Sequence[Sequence[float]]) -> Shades:
    """Lay shares of 0 to 1 out as cells of five shades; a share under 1 % is no cell. Equal neighbours are one."""
    paths = [""] * SHADES
    for y, row in enumerate(rows):
        start = 0
        for x in range(1, len(row) + 1):
            shade = shade_of(row[start])
            if x < len(row) and shade_of(row[x]) == shade:
                continue
            if shade:
                paths[shade - 1] += f"M{start} {y}h{x - start}v.9h-{x - start}z"
            start = x
    return Shades(len(rows[0]) if rows else 0, len(rows), tuple(paths))


def shade_of(share: float) -> int:
    """0 for nothing, 1 for up to a fifth, …, 5 for more than four fifths."""
    return 0 if share < 0.01 else min(SHADES, max(1, math.ceil(round(share * SHADES, 6))))


def draw_bars(counts: Sequence[tuple[int, int]]) -> Bars:
    """Draw parts of wholes, side by side."""
    most = max((whole for _, whole in counts), default=0)

    def draw(heights: Sequence[int]) -> str:
        edge = (1 - BAR_WIDTH) / 2
        return "".join(
            f"M{k + edge:g} {BARS_HEIGHT}v-{round(BARS_HEIGHT * height / most, 1):g}h{BAR_WIDTH:g}V{BARS_HEIGHT}z"
            for k, height in enumerate(heights)
            if height
        )

    return Bars(len(counts), draw([whole for _, whole in counts]), draw([part for part, _ in counts]), most)
