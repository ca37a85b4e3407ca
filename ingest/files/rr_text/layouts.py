"""The layouts of texts of intervals: each read into a recording that is not yet placed in time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import MISSING, Flags, Instants, parse_zoned, to_number

DAY_MS = 86_400_000.0

Values = npt.NDArray[np.float64]

RR_MIN_MS, RR_MAX_MS = 100.0, 30_000.0
"""Beyond these it is no interval between beats; what is merely implausible is kept."""
MS_FROM, MS_TO = 200.0, 3000.0
"""A median interval within these is of a heart, if it is in milliseconds."""
MATCH_MS = 20.0
"""How far times and intervals may be apart, as in the rule for successive beats."""
STAMP_MS = 2000.0
"""How far stamps to the second may be from the sum of intervals before beats are missing."""
EPOCH_MS = (1.1e12, 4e12)
"""Milliseconds since 1970 between 2004 and 2096."""
RR_NAMES = frozenset(
    [
        *("rr", "rri", "ibi", "nn", "nni", "rrinterval", "rrintervals", "rr_interval", "rr_intervals"),
        *("rr-interval", "rr-intervals", "rr_ms", "ibi_ms", "rr(ms)", "rr[ms]", "ibi(ms)", "rr(s)", "rr[s]"),
    ]
)
TIME_NAMES = frozenset(["time", "date", "timestamp", "since_start", "elapsed", "time(s)", "time[s]", "t"])
START_IN_TEXT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?(?:\.\d+)?)\s*(Z|[+-]\d\d:?\d\d)?(?!\d)"
)
ANNOTATION = re.compile(
    r"\s*\[?(?:(?P<h>\d{1,6}):)?(?P<m>\d{1,6}):(?P<s>\d\d\.\d{3})(?:\s+(?P<day>\d\d/\d\d/\d{4}))?\]?"
    r"\s+(?P<sample>\d{1,15})\s+(?P<type>\S+)\s+-?\d+\s+-?\d+\s+-?\d+(?:\s.*)?"
)
"""A line of `rdann`: time, sample, type, sub, chan, num, aux."""
BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")
"""Types of annotations that are beats, as PhysioNet lists them."""
NOISE = frozenset("~|![]")
"""Types after which beats may be missing."""
KUBIOS_SECTION = "rr interval data"
RR_INTERVAL = "238"
"""`Interval` of a .hrm file of beats; other values are seconds between heart rates."""


class LayoutError(Exception):
    """A text that is not of a layout that is known: what was expected and what to do."""


@dataclass(frozen=True)
class Recording:
    """One recording, not yet placed: intervals, when each ended, and what was refused of it.

    `line` are numbers of lines from 0, `end_ms` counts from the start, `gap` is where beats are missing
    before an interval. `start` is as written, '' if the text has none.
    """

    line: Instants
    end_ms: Values
    rr_ms: Values
    gap: Flags
    bad: tuple[tuple[int, str, str], ...] = ()
    start: str = ""
    tick_ms: float | None = None
    sensor: str | None = None


@dataclass
class Table:
    """Lines of numbers: their numbers from 0, their cells, and what stands above and between them."""

    line: list[int] = field(default_factory=list)
    cells: list[list[float]] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    bad: list[tuple[int, str, str]] = field(default_factory=list)


def read_text(name: str, text: str) -> Recording:
    """Read a text in the layout it is of.

    Raises
    ------
    LayoutError
        If it is none that is known, or its intervals are in no unit that is.
    """
    if name.casefold().endswith(".hrm"):
        return read_hrm(text)
    lines = text.split("\n")
    filled = [line for line in lines if line.strip()]
    if not filled:
        raise LayoutError("the file is empty: expected intervals, one a line")
    if any(KUBIOS_SECTION in line.casefold() for line in lines):
        return read_kubios(lines)
    if is_annotations(filled[:20]):
        return read_annotations(lines)
    return read_table(split_table(lines), lines)


def is_annotations(lines: Sequence[str]) -> bool:
    """Whether lines are those of `rdann`, with or without its header."""
    rows = lines[1:] if lines[0].split()[:2] == ["Time", "Sample"] else lines
    return len(rows) > 2 and all(ANNOTATION.fullmatch(line) for line in rows)


def header_columns(line: str) -> list[str] | None:
    """The names of a header all of whose words are known, one of them for intervals; None if it is none."""
    names = [
        re.sub(r"\s*([(\[])", r"\1", cell.strip().strip('"#').strip().casefold()).replace(" ", "_")
        for cell in split_cells(line, spaces=False)
    ]
    known = all(name in RR_NAMES or name in TIME_NAMES for name in names)
    return names if known and sum(name in RR_NAMES for name in names) == 1 else None


def add_up(line: Sequence[int], rr_ms: Values, bad: Sequence[tuple[int, str, str]]) -> tuple[Values, Flags]:
    """When intervals that follow each other end, and where a refused line lies before one.

    What is below zero or longer than a day is no time: none has passed with it.
    """
    numbers = np.array(line, np.int64)
    lost = np.array(sorted(number for number, _, _ in bad), np.int64)
    n_lost = np.searchsorted(lost, numbers)
    gap = np.append(np.ones(min(numbers.size, 1), np.bool_), np.diff(n_lost) > 0)
    return np.cumsum(np.where((rr_ms < 0) | (rr_ms > DAY_MS), 0.0, rr_ms)), gap


def find_scale(rr: Values) -> float:
    """What makes milliseconds of intervals, decided from their median.

    Raises
    ------
    LayoutError
        If they are in no unit that a heart allows.
    """
    middle = float(np.median(rr)) if rr.size else 0.0
    for scale in (1.0, 1000.0):
        if MS_FROM <= middle * scale <= MS_TO:
            return scale
    hint = ", which looks like heart rates" if 30 <= middle < MS_FROM else ""
    raise LayoutError(
        f"the middle value is {middle:g}{hint}: expected intervals of 200 to 3000 (ms) or 0.2 to 3 (s)"
    )


def finish(recording: Recording, raw: Sequence[str]) -> Recording:
    """Refuse what cannot be an interval; the time it says has passed all the same."""
    wrong = (recording.rr_ms < RR_MIN_MS) | (recording.rr_ms > RR_MAX_MS)
    why = "no interval between beats: outside 0.1 to 30 s"
    bad = [(int(n), why, raw[n] if n < len(raw) else "") for n in recording.line[wrong]]
    gap = recording.gap | np.append(np.zeros(min(wrong.size, 1), np.bool_), wrong[:-1])
    return Recording(
        recording.line[~wrong],
        recording.end_ms[~wrong],
        recording.rr_ms[~wrong],
        gap[~wrong],
        (*recording.bad, *bad),
        recording.start,
        recording.tick_ms,
        recording.sensor,
    )


# --- numbers -----------------------------------------------------------------------------------


def split_cells(line: str, *, spaces: bool = True) -> list[str]:
    """Cut a line at its separators; where these are not commas, a comma is a decimal one."""
    for separator in (";", "\t"):
        if separator in line:
            return [cell.strip().replace(",", ".") for cell in line.strip().split(separator)]
    if "," in line:
        return [cell.strip() for cell in line.split(",")]
    return line.split() if spaces else [line.strip()]


def split_table(lines: Sequence[str]) -> Table:
    """Cut lines into numbers, what stands above them, and lines that are none."""
    table = Table()
    width = 0
    for number, (text, cells) in enumerate(zip(lines, cut_cells(lines), strict=True)):
        if not text.strip() or text.lstrip().startswith("#"):
            table.head += [text] if not table.line and text.strip() else []
            continue
        values = [to_number(cell) for cell in cells]
        if width == 0:
            # Stamps, which are no numbers, stand only under a header that names them.
            names = header_columns(table.head[-1]) if table.head else None
            n_stamps = int(names is not None and len(names) > 1)
            if np.isnan(values[n_stamps:]).any() or len(values) == n_stamps:
                table.head.append(text)
                continue
        width = width or len(values)
        if len(values) == width and not np.isnan(values[1:] or values).any():
            table.line.append(number)
            table.cells.append(values)
        else:
            table.bad.append((number, f"expected {width} number{'s' * (width > 1)} in the line", text))
    return table


def cut_cells(lines: Sequence[str]) -> list[list[str]]:
    """Cut lines at their separators; where all lines are one number with a comma, it is a decimal one."""
    if has_decimal_commas(lines):
        return [[line.strip().replace(",", ".")] for line in lines]
    return [split_cells(line) for line in lines]


def has_decimal_commas(lines: Sequence[str]) -> bool:
    """Whether all lines are one number with a decimal comma: 0,790 (s) or 790,5 (ms)."""
    filled = [line.strip() for line in lines if re.match(r"\s*\d", line)]
    return bool(filled) and all(re.fullmatch(r"[0-2],\d{2,6}|\d{3,4},\d{1,2}", line) for line in filled)


def read_table(table: Table, lines: Sequence[str]) -> Recording:
    """Read lines of numbers: intervals alone, or times and intervals, in the order the header or they say."""
    if not table.line:
        raise LayoutError("expected intervals, one a line: no line is a number")
    names = header_columns(table.head[-1]) if table.head else None
    values = np.array(table.cells, np.float64)
    width = values.shape[1]
    start = next((m[0] for text in table.head if (m := START_IN_TEXT.search(text))), "")
    if width > 2 and (names is None or len(names) != width):
        raise LayoutError(f"expected one or two numbers a line, or a header that names them; found {width}")
    if width == 1:
        rr_ms = values[:, 0] * find_scale(values[:, 0])
        end_ms, gap = add_up(table.line, rr_ms, table.bad)
    elif names is not None and np.isnan(values[:, 0]).all():
        texts = [lines[n] for n in table.line]
        start, end_ms, rr_ms, gap = read_stamped(texts, values, names)
    else:
        end_ms, rr_ms, gap = read_columns(values, names)
        if names is not None and EPOCH_MS[0] < values[0, 0] < EPOCH_MS[1]:
            start = f"{np.datetime64(int(values[0, 0]), 'ms')}Z"
            end_ms = end_ms - end_ms[0]
    line = np.array(table.line, np.int64)
    return finish(Recording(line, end_ms, rr_ms, gap, tuple(table.bad), start), lines)


def read_stamped(
    lines: Sequence[str], values: Values, names: Sequence[str]
) -> tuple[str, Values, Values, Flags]:
    """Read rows of a stamp and an interval, and perhaps a time since the start, as HRV Logger writes them.

    The stamp of the first row is the end of its interval. Stamps are to the second, so intervals that
    follow each other are added up; where stamps run ahead by more than two seconds, beats are missing.
    """
    found = [START_IN_TEXT.search(line) for line in lines]
    if found[0] is None:
        raise LayoutError("expected stamps such as 2024-05-01 07:30:00 +0200 in the first column")
    place = next(i for i, n in enumerate(names) if n in RR_NAMES)
    if values.shape[1] > 2:
        end_ms, rr_ms, gap = read_columns(values, names)
        return found[0][0], end_ms - end_ms[0], rr_ms, gap
    rr_ms = values[:, place] * find_scale(values[:, place])
    stamp_us = parse_zoned(pa.array([m[0] if m else None for m in found])).t_us
    added_ms = np.cumsum(rr_ms) - rr_ms[0]
    ahead_ms = np.where(stamp_us == MISSING, 0.0, (stamp_us - stamp_us[0]) / 1000 - added_ms)
    jump_ms = np.diff(ahead_ms, prepend=0.0)
    gap = (np.abs(jump_ms) > STAMP_MS) | (stamp_us == MISSING)
    end_ms = added_ms + np.cumsum(np.where(gap, jump_ms, 0.0))
    gap[:1] = True
    return found[0][0], end_ms, rr_ms, gap


def read_columns(values: Values, names: Sequence[str] | None) -> tuple[Values, Values, Flags]:
    """Tell times from intervals and read both: ends of intervals since the start, intervals, gaps.

    Raises
    ------
    LayoutError
        If no column is the time whose steps are the intervals of the other.
    """
    places = [next(i for i, n in enumerate(names) if n in RR_NAMES)] if names else [1, 0]
    for place in places:
        rr = values[:, place]
        try:
            rr_ms = rr * find_scale(rr)
        except LayoutError:
            continue
        for other in (i for i in range(values.shape[1]) if i != place):
            for scale in (1000.0, 1.0):
                end_ms = fit_times(values[:, other] * scale, rr_ms)
                if end_ms is not None:
                    apart = np.abs(np.diff(end_ms) - rr_ms[1:])
                    gap = np.append(np.ones(min(rr_ms.size, 1), np.bool_), apart > MATCH_MS)
                    return end_ms, rr_ms, gap
    raise LayoutError(
        "expected a time and an interval in each line: the steps of no column are the intervals of another"
    )


def fit_times(t_ms: Values, rr_ms: Values) -> Values | None:
    """When intervals ended, if the times are of the beats that end or begin them; None if of neither."""
    if t_ms.size < 3 or np.isnan(t_ms).any() or (np.diff(t_ms) < 0).any():
        return None
    steps = np.diff(t_ms)
    if np.median(np.abs(steps - rr_ms[1:])) <= 1.5:
        return t_ms
    if np.median(np.abs(steps - rr_ms[:-1])) <= 1.5:
        return t_ms + rr_ms
    return None


# --- layouts -----------------------------------------------------------------------------------


def read_hrm(text: str) -> Recording:
    """Read a Polar .hrm file: start in [Params], intervals in ms in [HRData]."""
    lines = text.split("\n")
    params = dict(line.strip().split("=", 1) for line in lines if re.match(r"\w+=", line))
    places = [n for n, line in enumerate(lines) if line.strip() == "[HRData]"]
    if not places:
        raise LayoutError("the section [HRData] is not there: the file may have broken off")
    if params.get("Interval") != RR_INTERVAL:
        found = params.get("Interval", "none")
        raise LayoutError(f"it holds heart rates, not intervals: expected Interval=238, found {found[:40]}")
    table = Table()
    for number, line in enumerate(lines[places[0] + 1 :], start=places[0] + 1):
        if line.strip().startswith("["):
            break
        if not line.strip():
            continue
        value = to_number(line)
        if np.isnan(value):
            table.bad.append((number, "expected one interval in ms in the line", line))
        else:
            table.line.append(number)
            table.cells.append([value])
    if not table.line:
        raise LayoutError("the section [HRData] has no intervals")
    day = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", params.get("Date", "").strip())
    clock = re.fullmatch(r"(\d\d?):(\d\d:\d\d(?:\.\d+)?)", params.get("StartTime", "").strip())
    start = f"{day[1]}-{day[2]}-{day[3]} {int(clock[1]):02d}:{clock[2]}" if day and clock else ""
    rr_ms = np.array(table.cells, np.float64)[:, 0]
    end_ms, gap = add_up(table.line, rr_ms, table.bad)
    numbers = np.array(table.line, np.int64)
    return finish(Recording(numbers, end_ms, rr_ms, gap, tuple(table.bad), start, 1.0, "ecg"), lines)


def read_kubios(lines: Sequence[str]) -> Recording:
    """Read the section of a Kubios report that has times and intervals in seconds."""
    first = next(n for n, line in enumerate(lines) if KUBIOS_SECTION in line.casefold()) + 1
    line: list[int] = []
    cells: list[list[float]] = []
    for number, text in enumerate(lines[first:], start=first):
        values = [to_number(cell) for cell in split_cells(text)[:2]]
        if len(values) == 2 and not np.isnan(values).any():
            line.append(number)
            cells.append(values)
    if not cells:
        raise LayoutError(
            "the section of intervals has none: expected columns of time and interval, in seconds"
        )
    start = next((m[0] for text in lines[:first] if (m := START_IN_TEXT.search(text))), "")
    end_ms, rr_ms, gap = read_columns(np.array(cells, np.float64), None)
    return finish(Recording(np.array(line, np.int64), end_ms, rr_ms, gap, (), start), lines)


def read_annotations(lines: Sequence[str]) -> Recording:
    """Read the output of `rdann`: intervals are the time between annotations that are beats."""
    found = [(n, m) for n, text in enumerate(lines) if (m := ANNOTATION.fullmatch(text))]
    bad = [
        (n, "expected time, sample, type, sub, chan and num", text)
        for n, text in enumerate(lines)
        if n and text.strip() and not ANNOTATION.fullmatch(text)
    ]
    kinds = np.array([m["type"] for _, m in found])
    t_ms = np.array(
        [1000 * (3600 * int(m["h"] or 0) + 60 * int(m["m"]) + float(m["s"])) for _, m in found], np.float64
    )
    t_ms += DAY_MS * np.cumsum(np.append([0], np.diff(t_ms) < 0))  # midnight passed
    sample = np.array([int(m["sample"]) for _, m in found], np.float64)
    rate_hz = find_rate(sample, t_ms)
    exact_ms = t_ms if rate_hz is None else t_ms[0] + (sample - sample[0]) * 1000 / rate_hz
    beat = np.isin(kinds, list(BEATS))
    noise = np.cumsum(np.isin(kinds, list(NOISE)))[beat]
    lost = np.searchsorted([n for n, _, _ in bad], np.array([n for n, _ in found])[beat])
    gap = (np.diff(noise) > 0) | (np.diff(lost) > 0)
    gap[:1] = True
    line = np.array([n for n, _ in found], np.int64)[beat][1:]
    rr_ms, start = np.diff(exact_ms[beat]), ""
    if found[0][1]["day"]:
        # Times with a date are of the day: they count from its midnight.
        day, month, year = found[0][1]["day"].split("/")
        start = f"{year}-{month}-{day} 00:00:00"
    tick_ms = None if rate_hz is None else 1000 / rate_hz
    ends = exact_ms[beat][1:]
    return finish(Recording(line, ends, rr_ms, gap, tuple(bad), start, tick_ms, "ecg"), lines)


def find_rate(sample: Values, t_ms: Values) -> float | None:
    """The rate in Hz that makes the written times of the samples, to the millisecond; None if none does."""
    n_ms = t_ms[-1] - t_ms[0]
    if n_ms <= 0:
        return None
    rate_hz = round((sample[-1] - sample[0]) * 1000 / n_ms)
    if rate_hz <= 0:
        return None
    fits = np.abs((sample - sample[0]) * 1000 / rate_hz - (t_ms - t_ms[0])) <= 1.5
    return float(rate_hz) if fits.all() else None
