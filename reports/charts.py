"""Geometry of the two charts: values of a week to places in an SVG, nothing drawn yet.

Across, places are in percent of the chart's width, so that one drawing fits a phone and a desk while
its text keeps its size; down, they are in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from scipy.special import ndtri

from reports.week import Mark, Night, Sleep

LABELS_PCT = 15.0
STRIP_TOP, STRIP_BOTTOM = 18.0, 182.0
LOW_PX, DATES_PX = 40.0, 44.0
MOST_Z = 2.6
"""The strip ends here: an index of 99.5 or 0.5."""
ROW_PX = 30.0
BAR_PX = 20.0
TIMES_PCT = 98.0
"""Where the area of the bars ends."""
TICK_H = 3


@dataclass(frozen=True)
class Dot:
    """A day on the strip: its place, its line of doubt from y_hi down to y_lo, and which shape it has."""

    day: date
    shape: str
    x: float
    y: float
    y_lo: float | None = None
    y_hi: float | None = None


@dataclass(frozen=True)
class Strip:
    """The index strip: seven dots, and the band of usual, which is None before there is a usual."""

    dots: tuple[Dot, ...]
    height: float
    band_x: float
    band_y: float
    band_px: float | None


@dataclass(frozen=True)
class Bar:
    """One night: a row, and its bar across; None where there was no night."""

    night: Night
    y: float
    x: float | None = None
    width: float | None = None


@dataclass(frozen=True)
class Tick:
    """A time of day on the axis."""

    hour: int
    x: float
    minor: bool


@dataclass(frozen=True)
class Raster:
    """The sleep raster: a row a night, ticks of time, and where sleep usually lies."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    height: float
    usual_x: float | None
    usual_width: float | None


def draw_strip(marks: Sequence[Mark]) -> Strip:
    """Place the seven days; heights are even in probit units, so that equal distances are equally rare."""
    column = (100.0 - LABELS_PCT) / len(marks)
    dots = tuple(place_dot(mark, LABELS_PCT + (k + 0.5) * column) for k, mark in enumerate(marks))
    top, bottom = height_of(84.0), height_of(16.0)
    if all(mark.index is None for mark in marks):
        # No usual and nothing beside it: one low row of open shapes.
        low = tuple(replace(dot, y=LOW_PX / 2) for dot in dots)
        return Strip(low, LOW_PX + DATES_PX, LABELS_PCT, 0.0, None)
    return Strip(dots, STRIP_BOTTOM + DATES_PX, LABELS_PCT, top, round(bottom - top, 1))


def place_dot(mark: Mark, x: float) -> Dot:
    """Place one day; a day without an index stands in the middle of usual, as an open shape."""
    x = round(x, 2)
    if mark.index is None:
        return Dot(mark.day, mark.state, x, height_of(50.0))
    shape = {"higher": "up", "much_higher": "up", "calmer": "down", "much_calmer": "down"}
    y_lo = None if mark.lo80 is None else height_of(mark.lo80)
    y_hi = None if mark.hi80 is None else height_of(mark.hi80)
    return Dot(mark.day, shape.get(mark.level or "", "dot"), x, height_of(mark.index), y_lo, y_hi)


def height_of(index: float) -> float:
    """Pixels from the top for an index of 0 to 100."""
    z = float(ndtri(min(max(index / 100, 1e-6), 1 - 1e-6)))
    share = (MOST_Z - min(max(z, -MOST_Z), MOST_Z)) / (2 * MOST_Z)
    return round(STRIP_TOP + share * (STRIP_BOTTOM - STRIP_TOP), 1)


def draw_raster(nights: Sequence[Night], sleep: Sleep) -> Raster | None:
    """Place the nights on an axis that holds them all and what is usual; None if there is no night."""
    spans = [(n.onset_h, n.wake_h) for n in nights]
    spans.append((sleep.usual_onset_h, sleep.usual_wake_h))
    whole = [(onset, wake) for onset, wake in spans if onset is not None and wake is not None]
    if not any(n.onset_h is not None and n.wake_h is not None for n in nights):
        return None
    first = math.floor(min(onset for onset, _ in whole))
    last = math.ceil(max(wake for _, wake in whole))
    per_h = (TIMES_PCT - LABELS_PCT) / max(last - first, 1)
    bars = tuple(place_bar(n, k, first, per_h) for k, n in enumerate(nights))
    hours = range(TICK_H * math.ceil(first / TICK_H), last + 1, TICK_H)
    ticks = tuple(Tick(h, round(LABELS_PCT + (h - first) * per_h, 2), bool(h % 6)) for h in hours)
    usual = place_span(sleep.usual_onset_h, sleep.usual_wake_h, first, per_h)
    return Raster(bars, ticks, ROW_PX * len(nights), *(usual or (None, None)))


def place_bar(night: Night, row: int, first: float, per_h: float) -> Bar:
    """Place one night."""
    span = place_span(night.onset_h, night.wake_h, first, per_h)
    return Bar(night, row * ROW_PX + (ROW_PX - BAR_PX) / 2, *(span or (None, None)))


def place_span(
    onset_h: float | None, wake_h: float | None, first: float, per_h: float
) -> tuple[float, float] | None:
    """Left edge and width, in percent, of a span of hours."""
    if onset_h is None or wake_h is None:
        return None
    return round(LABELS_PCT + (onset_h - first) * per_h, 2), round((wake_h - onset_h) * per_h, 2)
