"""Geometry of the charts: values of a week to places in an SVG, nothing drawn yet.

Across, places are in percent of the chart's width, so that one drawing fits a phone and a desk while
its text keeps its size; down, they are in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date

from scipy.special import ndtri

from reports.week import Mark, Night, Sleep

LABELS_PCT = 15.0
GAP_PCT = 2.0
STRIP_TOP, STRIP_BOTTOM = 18.0, 182.0
LOW_PX, DATES_PX = 40.0, 44.0
MOST_Z = 2.6
"""The strip ends here: an index of 99.5 or 0.5."""
ROW_PX = 30.0
BAR_PX = 20.0
TIMES_PCT = 98.0
"""Where the area of the bars ends."""
TICK_H = 3
COURSE_PX = 156.0
MOST_TICKS = 5
MARGIN_PX = 6.0


@dataclass(frozen=True)
class Dot:
    """A day on the strip: its place, its line of doubt from y_hi down to y_lo, and which shape it has."""

    day: date
    shape: str
    x: float
    y: float
    y_lo: float | None = None
    y_hi: float | None = None
    noted: bool = False


@dataclass(frozen=True)
class Strip:
    """The index strip: seven dots, and the band of usual, which is None before there is a usual."""

    dots: tuple[Dot, ...]
    height: float
    band_x: float
    band_y: float
    band_px: float | None
    band_width: float = 100.0 - LABELS_PCT
    label_x: float = LABELS_PCT - GAP_PCT
    """Where the words beside the band end, next to it."""


@dataclass(frozen=True)
class Bar:
    """One night: a row, and its bar across; None where there was no night."""

    night: Night
    y: float
    x: float | None = None
    width: float | None = None
    beside_x: float | None = None
    """Where a length begins that does not fit into the bar."""


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
    label_x: float = 0.0
    """Where the names of the days begin."""
    middle_x: float = (LABELS_PCT + TIMES_PCT) / 2


def mirror_strip(strip: Strip) -> Strip:
    """The strip for a language that runs from right to left: the first day on the right."""
    return replace(
        strip,
        dots=tuple(replace(dot, x=round(100 - dot.x, 2)) for dot in strip.dots),
        band_x=100 - strip.band_x - strip.band_width,
        label_x=100 - strip.label_x,
    )


def mirror_raster(raster: Raster) -> Raster:
    """The raster for a language that runs from right to left: time too."""
    return replace(
        raster,
        bars=tuple(mirror_bar(bar) for bar in raster.bars),
        ticks=tuple(replace(tick, x=round(100 - tick.x, 2)) for tick in raster.ticks),
        usual_x=turn(raster.usual_x, raster.usual_width),
        label_x=100 - raster.label_x,
        middle_x=100 - raster.middle_x,
    )


def mirror_bar(bar: Bar) -> Bar:
    """One night, mirrored."""
    return replace(bar, x=turn(bar.x, bar.width), beside_x=turn(bar.beside_x, 0.0))


def turn(x: float | None, width: float | None) -> float | None:
    """The left edge of what lay so far from the left, seen from the other side."""
    return None if x is None or width is None else round(100 - x - width, 2)


def draw_strip(marks: Sequence[Mark], *, noted: AbstractSet[date] = frozenset()) -> Strip:
    """Place the seven days; heights are even in probit units, so that equal distances are equally rare.

    Days of `noted` are marked.
    """
    column = (100.0 - LABELS_PCT) / len(marks)
    places = [place_dot(mark, LABELS_PCT + (k + 0.5) * column) for k, mark in enumerate(marks)]
    dots = tuple(replace(dot, noted=dot.day in noted) for dot in places)
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
    y = row * ROW_PX + (ROW_PX - BAR_PX) / 2
    span = place_span(night.onset_h, night.wake_h, first, per_h)
    return Bar(night, y) if span is None else Bar(night, y, *span, beside_x=round(sum(span) + GAP_PCT, 2))


def place_span(
    onset_h: float | None, wake_h: float | None, first: float, per_h: float
) -> tuple[float, float] | None:
    """Left edge and width, in percent, of a span of hours."""
    if onset_h is None or wake_h is None:
        return None
    return round(LABELS_PCT + (onset_h - first) * per_h, 2), round((wake_h - onset_h) * per_h, 2)


@dataclass(frozen=True)
class Course:
    """The days of a question: paths in a frame of `count` units across (a day each) and `height` pixels down.

    `full` marks the values of days with it, `open` those of the others; `band` and `middle` what was expected without
    it; `with_it` holds the first day and the length of each stretch with it, `start_x` the edge of the first of them,
    in percent of the chart's width.
    """

    count: int
    height: float
    full: str
    open: str
    band: str
    middle: str
    with_it: tuple[tuple[int, int], ...]
    start_x: float
    ticks: tuple[float, ...] = ()
    """How far down each label of the scale stands."""
    label_x: float = LABELS_PCT - GAP_PCT
    first_x: float = LABELS_PCT
    last_x: float = 100.0


def draw_course(
    values: Sequence[float | None],
    expected: Sequence[tuple[float, float, float] | None],
    with_it: Sequence[bool],
    *,
    ticks: Sequence[float] = (),
    probit: bool = False,
    mirror: bool = False,
) -> Course:
    """Place the days of a question: each value, and what was expected of it (middle, low and high end).

    A day without a value has no dot. The scale holds the `ticks` too. With `probit`, values are an index and
    heights are even as on the strip; `mirror` is for a language that runs from right to left. At least one value
    has to be there.
    """
    low, high = find_ends(values, expected)
    low, high = min(low, *ticks, high), max(high, *ticks, low)

    def y(value: float) -> float:
        ends = [height_of(x) if probit else -x for x in (high, low, value)]
        share = (ends[2] - ends[0]) / (ends[1] - ends[0])
        return round(MARGIN_PX + share * (COURSE_PX - 2 * MARGIN_PX), 1)

    count = len(values)
    x = [count - k - 0.5 if mirror else k + 0.5 for k in range(count)]
    places = [None if e is None else tuple(y(part) for part in e) for e in expected]
    runs = find_runs([place is not None for place in places])
    start = next((first for first, _ in find_runs(with_it)), count)
    across = (100.0 - LABELS_PCT) / count
    start_x = LABELS_PCT + start * across
    return Course(
        count=count,
        height=COURSE_PX,
        full="".join(f"M{x[k]:g} {y(v):g}h0" for k, v in enumerate(values) if v is not None and with_it[k]),
        open="".join(
            f"M{x[k]:g} {y(v):g}h0" for k, v in enumerate(values) if v is not None and not with_it[k]
        ),
        band="".join(band_path(x[a : a + n], places[a : a + n]) for a, n in runs),
        middle="".join(
            f"{'M' if k == a else 'L'}{x[k]:g} {p[0]:g}"
            for a, n in runs
            for k in range(a, a + n)
            if (p := places[k])
        ),
        with_it=tuple((count - a - n if mirror else a, n) for a, n in find_runs(with_it)),
        start_x=round(100 - start_x if mirror else start_x, 2),
        ticks=tuple(y(tick) for tick in ticks),
        label_x=100 - (LABELS_PCT - GAP_PCT) if mirror else LABELS_PCT - GAP_PCT,
        first_x=100 - LABELS_PCT if mirror else LABELS_PCT,
        last_x=0.0 if mirror else 100.0,
    )


def find_ends(
    values: Sequence[float | None], expected: Sequence[tuple[float, float, float] | None]
) -> tuple[float, float]:
    """Least and largest of the values and of the ends of what was expected; never the same."""
    known = [v for v in values if v is not None] + [x for e in expected if e is not None for x in e[1:]]
    low, high = min(known), max(known)
    return (low, high) if low < high else (low - 1, high + 1)


def choose_ticks(low: float, high: float) -> tuple[list[float], int]:
    """Round values from `low` to `high` (which differ), MOST_TICKS at most, and the decimals that they need."""
    power = math.floor(math.log10(high - low)) - 1
    for digits, step in ((max(0, -p), k * 10.0**p) for p in (power, power + 1, power + 2) for k in (1, 2, 5)):
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < MOST_TICKS:
            return [round(k * step, digits) for k in range(first, last + 1)], digits
    raise AssertionError


def band_path(x: Sequence[float], places: Sequence[tuple[float, ...] | None]) -> str:
    """A closed path along the high ends of some days and back along their low ends."""
    there = [(x[k], p[2]) for k, p in enumerate(places) if p is not None]
    back = [(x[k], p[1]) for k, p in enumerate(places) if p is not None]
    return "M" + "L".join(f"{a:g} {b:g}" for a, b in [*there, *back[::-1]]) + "Z"


def find_runs(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """First place and length of each row of true flags."""
    starts = [k for k, flag in enumerate(flags) if flag and (k == 0 or not flags[k - 1])]
    ends = [k + 1 for k, flag in enumerate(flags) if flag and (k + 1 == len(flags) or not flags[k + 1])]
    return [(a, b - a) for a, b in zip(starts, ends, strict=True)]
