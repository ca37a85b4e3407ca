"""Geometry of the sheet's figure: values of some weeks to places in one drawing, nothing drawn yet.

One unit is a quarter of a millimetre on paper. Days run across in columns that all rows share, so that
what happened on a day stands above and below each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports import charts
from reports.week import Mark

WIDTH = 744.0
LEFT, RIGHT = 146.0, 594.0
"""Where the columns of days begin and end; names stand before them, summaries after them."""
AXIS_PX = 26.0
INDEX_PX = 92.0
MEASURE_PX = 50.0
EMPTY_PX = 28.0
"""A measure without any value takes less room."""
LANE_PX = 15.0
GAP_PX = 8.0
LABELS_APART_PX = 10.5
"""Two labels of one scale stand at least so far apart."""
MARGIN = 0.12
"""Share of a row's height that is kept free above and below its values."""


@dataclass(frozen=True)
class Point:
    """A value of a day: its place and shape, with the ends of its line of doubt where it has one."""

    x: float
    y: float
    shape: str = "dot"
    y_lo: float | None = None
    y_hi: float | None = None


@dataclass(frozen=True)
class Tick:
    """A label of a scale; `y` is where its text stands."""

    y: float
    text: str


@dataclass(frozen=True)
class Panel:
    """One row of the figure: its top and height, its points, the band of usual, and a line through days in a row."""

    y: float
    height: float
    points: tuple[Point, ...] = ()
    band: tuple[float, float] | None = None
    ticks: tuple[Tick, ...] = ()
    line: str = ""


@dataclass(frozen=True)
class Stretch:
    """One event on its lane: from the left edge of its first day to the right edge of its last."""

    x: float
    width: float


def column(k: int, count: int) -> float:
    """The middle of the column of day `k`."""
    return round(LEFT + (k + 0.5) * column_px(count), 1)


def column_px(count: int) -> float:
    """The width of a day."""
    return (RIGHT - LEFT) / count


def place_index(marks: Sequence[Mark], top: float, write: Callable[[float], str]) -> Panel:
    """The strip of the index, even in probit units as on the weekly page; days without one have no point.

    `write` puts the labels of the scale into words.
    """
    points = [
        Point(
            column(k, len(marks)),
            index_y(mark.index, top),
            {"higher": "up", "much_higher": "up", "calmer": "down", "much_calmer": "down"}.get(
                mark.level or "", "dot"
            ),
            None if mark.lo80 is None else index_y(mark.lo80, top),
            None if mark.hi80 is None else index_y(mark.hi80, top),
        )
        for k, mark in enumerate(marks)
        if mark.index is not None
    ]
    if not points:
        return Panel(top, INDEX_PX)
    high, low = index_y(84.0, top), index_y(16.0, top)
    ticks = tuple(Tick(round(index_y(value, top) + 3.5, 1), write(value)) for value in (84.0, 50.0, 16.0))
    return Panel(top, INDEX_PX, tuple(points), (high, round(low - high, 1)), ticks)


def index_y(index: float, top: float) -> float:
    """Units from the top of the figure for an index of 0 to 100."""
    share = (charts.height_of(index) - charts.STRIP_TOP) / (charts.STRIP_BOTTOM - charts.STRIP_TOP)
    return round(top + share * INDEX_PX, 1)


def place_measure(
    values: Sequence[float | None],
    usual: tuple[float, float] | None,
    top: float,
    write: Callable[[float], str],
    limits: tuple[float, float] | None = None,
) -> Panel:
    """One measure on a scale that holds its values and its usual range, or on a scale of given limits.

    `write` puts the labels of the scale into words: the ends of usual, else the smallest and the largest value.
    """
    known = [value for value in values if value is not None]
    if not known:
        return Panel(top, EMPTY_PX)
    least, most = limits or (min(known + list(usual or ())), max(known + list(usual or ())))
    spread = (most - least) or 1.0

    def y(value: float) -> float:
        share = (most - value) / spread if most > least else 0.5
        return round(top + MEASURE_PX * (MARGIN + (1 - 2 * MARGIN) * share), 1)

    places = [None if value is None else (column(k, len(values)), y(value)) for k, value in enumerate(values)]
    low, high = usual or limits or (least, most)
    band = (y(high), round(y(low) - y(high), 1)) if usual else None
    return Panel(
        top,
        MEASURE_PX,
        tuple(Point(*place) for place in places if place),
        band,
        spread_ticks(y(high), y(low), write(high), write(low)),
        join_days(places),
    )


def spread_ticks(y_high: float, y_low: float, high: str, low: str) -> tuple[Tick, ...]:
    """Labels of the two ends of a range, moved apart where they would touch; one where they say the same."""
    if high == low:
        return (Tick(round((y_high + y_low) / 2 + 3.5, 1), high),)
    push = max(0.0, LABELS_APART_PX - (y_low - y_high)) / 2
    return (Tick(round(y_high + 3.5 - push, 1), high), Tick(round(y_low + 3.5 + push, 1), low))


def join_days(places: Sequence[tuple[float, float] | None]) -> str:
    """A line through days that follow each other; a day without a value is a gap in it."""
    steps = []
    for before, place in zip([None, *places], places, strict=False):
        if place:
            steps.append(f"{'L' if before else 'M'}{place[0]} {place[1]}")
    return "".join(steps)


def place_spans(spans: Sequence[tuple[int, int]], count: int) -> list[Stretch]:
    """Events on their lane, by their first and last day."""
    px = column_px(count)
    return [Stretch(round(LEFT + a * px + 2, 1), round((b - a + 1) * px - 4, 1)) for a, b in spans]
