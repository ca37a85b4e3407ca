"""Small drawings as SVG: plain shapes and words, in greys and two colours that read on white and on black.

Series differ in line or shape as well as in colour; every drawing has a title and a description.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#707a85}.t{font-weight:600}.e{text-anchor:end}.m{text-anchor:middle}"
    ".g{stroke:#9aa3ac;stroke-opacity:.45}.n{stroke:#707a85;stroke-dasharray:2 3}"
    ".a,.b{fill:none;stroke-width:2}.a{stroke:#3b82c4}.b{stroke:#c8702a;stroke-dasharray:6 3}"
    ".da{fill:#3b82c4}.db{fill:none;stroke:#c8702a;stroke-width:2}.band{fill:#9aa3ac;fill-opacity:.25}"
)
LINES = {"0": "a", "0.4": "b"}
"""Class of the line of each φ; the dots have a d before it."""
WIDE, HIGH = 270, 170
LEFT, TOP, GAP_X, GAP_Y = 44, 30, 50, 58
PHI = {"0": "φ = 0: days do not follow each other", "0.4": "φ = .4: they do"}


def place(value: float, low: float, high: float, length: float) -> float:
    """Where a value lies on an axis of that length."""
    return (value - low) / (high - low) * length


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Words at a point."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def path(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    return f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" class="{kind}"/>'


def dot(x: float, y: float, kind: str) -> str:
    """A dot."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="{kind}"/>'


def frame(width: float, height: float, title: str, description: str, parts: Sequence[str]) -> str:
    """Put a drawing together."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="t d" width="{width:.0f}"'
        f' height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"><title id="t">{escape(title)}</title>'
        f'<desc id="d">{escape(description)}</desc><style>{STYLE}</style>{"".join(parts)}</svg>\n'
    )


def legend(x: float, y: float, *, dots: bool = False) -> list[str]:
    """What the two series are."""
    parts = []
    for row, (phi, kind) in enumerate(LINES.items()):
        at = y + row * 24
        parts.append(dot(x + 14, at - 4, f"d{kind}") if dots else line(x, at - 4, x + 28, at - 4, kind))
        parts.append(text(x + 38, at, PHI[phi]))
    return parts


def corner(place_of: int) -> tuple[float, float]:
    """Upper left corner of a panel, three in a row."""
    return LEFT + place_of % 3 * (WIDE + GAP_X), TOP + place_of // 3 * (HIGH + GAP_Y)


SHEET = (LEFT + 3 * WIDE + 2 * GAP_X + 12, TOP + 2 * HIGH + GAP_Y + 36)


def draw_coverage(bands: Mapping[str, Any], change: int) -> str:
    """Coverage of the two bands by day: a panel a world."""
    low, high, days = 0.2, 1.0, 120

    def at(x: float, y: float, day: float, share: float) -> tuple[float, float]:
        return x + place(day, 0, days, WIDE), y + HIGH - place(max(share, low), low, high, HIGH)

    parts = []
    for number, (world, by_phi) in enumerate(bands.items()):
        x, y = corner(number)
        parts.append(text(x, y - 10, world, "t"))
        for tick in (0.2, 0.4, 0.6, 0.8, 0.95):
            height = at(x, y, 0, tick)[1]
            parts.append(line(x, height, x + WIDE, height, "n" if tick in (0.8, 0.95) else "g"))
            parts.append(text(x - 6, height + 4, f"{tick:g}"[1:], "e"))
        parts += [text(at(x, y, day, low)[0], y + HIGH + 18, f"{day}", "m") for day in (0, 30, 60, 90, 120)]
        if world in ("new device", "firmware not listed"):
            parts.append(line(*at(x, y, change, low), *at(x, y, change, high), "g"))
        for phi, told in by_phi.items():
            for column in (1, 2):
                parts.append(path([at(x, y, row[0], row[column]) for row in told["by_day"]], LINES[phi]))
    x, y = corner(5)
    parts += legend(x, y + 30)
    parts += [
        text(x, y + 88, "lower pair: 80 % band, upper pair: 95 %"),
        text(x, y + 110, "dotted: what they promise"),
        text(x, y + 132, "across: day of wear; the grey upright"),
        text(x, y + 150, "line: the day of the change"),
    ]
    description = (
        "Five panels, one a simulated world. Up: share of true indices inside the band; across: day of wear,"
        f" 5 to 120. Device and firmware change on day {change}. The numbers are in the table beside this drawing."
    )
    return frame(*SHEET, "How often the bands hold the true index, by day", description, parts)


def draw_evenness(bands: Mapping[str, Any]) -> str:
    """Histograms of the index of ordinary days: a panel a world."""
    top = 0.3
    parts = []
    for number, (world, by_phi) in enumerate(bands.items()):
        x, y = corner(number)
        bins = len(by_phi["0"]["bins"])
        spread = 1.96 * (0.1 * 0.9 / by_phi["0"]["scores"]) ** 0.5
        upper, lower = (y + HIGH - place(0.1 + s * spread, 0, top, HIGH) for s in (1, -1))
        parts.append(text(x, y - 10, world, "t"))
        parts.append(
            f'<rect x="{x}" y="{upper:.1f}" width="{WIDE}" height="{lower - upper:.1f}" class="band"/>'
        )
        for tick in (0, 0.1, 0.2, 0.3):
            height = y + HIGH - place(tick, 0, top, HIGH)
            parts += [
                line(x, height, x + WIDE, height, "g"),
                text(x - 6, height + 4, f"{tick * 100:.0f} %", "e"),
            ]
        parts += [
            text(x + place(score, 0, 100, WIDE), y + HIGH + 18, f"{score}", "m") for score in (0, 50, 100)
        ]
        for phi, told in by_phi.items():
            points = []
            for place_of, share in enumerate(told["bins"]):
                height = y + HIGH - place(min(share, top), 0, top, HIGH)
                points += [(x + k / bins * WIDE, height) for k in (place_of, place_of + 1)]
            parts.append(path(points, LINES[phi]))
    x, y = corner(5)
    parts += legend(x, y + 30)
    parts += [
        text(x, y + 88, "across: the index; up: share of people"),
        text(x, y + 110, "grey: where chance alone lies"),
        text(x, y + 132, "one day each, day 63: three days"),
        text(x, y + 150, "after the change where there is one"),
    ]
    description = (
        "Five panels, one a simulated world: histogram of the index of one ordinary day of each person, in ten"
        " steps. Even bars at 10 % are right; the grey band is what chance allows."
    )
    return frame(*SHEET, "How evenly ordinary days spread over the scale", description, parts)


def draw_alerts(alerts: Mapping[str, Any]) -> str:
    """False alerts a year, and planted weeks told: a row a world."""
    left, wide, row_high = 170, 320, 34
    panels = (
        ("a_year", "alerts a year where nothing happens", 3.0),
        ("planted_told", "planted weeks told", 1.0),
    )
    height = TOP + 30 + row_high * len(alerts) + 70
    parts = []
    for number, (key, title, top) in enumerate(panels):
        x = left + number * (wide + 40)
        parts.append(text(x, TOP - 8, title, "t"))
        for tick in range(5 if top == 1 else 4):
            value = tick * (0.25 if top == 1 else 1)
            across = x + place(value, 0, top, wide)
            parts.append(line(across, TOP + 6, across, height - 92, "g"))
            parts.append(text(across, height - 74, f"{value:g}", "m"))
        for row, (world, by_phi) in enumerate(alerts.items()):
            y = TOP + 28 + row * row_high
            if number == 0:
                parts.append(text(left - 14, y + 4, world, "e"))
            for phi, told in by_phi.items():
                parts.append(dot(x + place(min(told[key], top), 0, top, wide), y, f"d{LINES[phi]}"))
    parts += legend(left, height - 40, dots=True)
    description = (
        "Left: alerts a person-year without any cause. Right: share of weeks told in which three features lie two"
        " standard deviations higher. A row a simulated world, a dot for each φ. The numbers are in the table."
    )
    return frame(
        left + 2 * wide + 60, height, "Alerts: what is told, and what is told for nothing", description, parts
    )


def draw_moves(moves: Mapping[str, Any]) -> str:
    """Share of people of whom a slow rise was told, by the week since it began."""
    wide, high, gap = 360, 190, 60
    parts = []
    for number, (world, by_phi) in enumerate(moves.items()):
        x, y = LEFT + number * (wide + gap), TOP
        weeks = len(by_phi["0"]["told_by_week"]) - 1
        parts.append(text(x, y - 10, world, "t"))
        for tick in (0, 0.5, 1):
            height = y + high - tick * high
            parts += [
                line(x, height, x + wide, height, "g"),
                text(x - 6, height + 4, f"{tick * 100:.0f} %", "e"),
            ]
        parts += [
            text(x + place(w, 0, weeks, wide), y + high + 18, f"{w}", "m") for w in range(0, weeks + 1, 4)
        ]
        end = x + place(17, 0, weeks, wide)
        parts.append(line(end, y, end, y + high, "n"))
        for phi, told in by_phi.items():
            points = [
                (x + place(week, 0, weeks, wide), y + high - share * high)
                for week, share in enumerate(told["told_by_week"])
            ]
            parts.append(path(points, LINES[phi]))
    parts += legend(LEFT, TOP + high + 54)
    parts.append(text(LEFT + 330, TOP + high + 54, "across: weeks since the rise began; dotted: it ends"))
    description = (
        "Share of people who were told that their resting heart rate has moved, by the week since a rise of five"
        " thirds of a standard deviation over 17 weeks began."
    )
    return frame(
        LEFT + 2 * wide + gap + 20, TOP + high + 92, "A slow rise over four months", description, parts
    )
