"""Intervals between heart beats as text: one number a line, two columns, or with a header.

Layouts: plain numbers (Elite HRV names its files for the local start), Kubios (a report with the section
'RR INTERVAL DATA', or numbers under a header), HRV Logger and HRV4Training (`date, rr, since start`), Polar
`.hrm`, and PhysioNet (`ann2rr` columns of time and interval, `rdann` annotations).

Units are decided from the values: the median interval is 200 to 3000 (ms) or 0.2 to 3 (s), else the file
is refused. Of two columns, that one is the time whose steps are the other. An interval ends at its beat:
the first one ends its own length after the start, the next where the one before ended; a line that is no
interval is refused and the next has `gap_before`, its own time, about a second, being unknown.

The start comes from the file (`.hrm`, HRV Logger, a stamp in the header) or from its name; without one a
recording cannot be placed in time and is refused. Starts are local, in the person's zone, flagged as
assumed, unless an offset is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ingest.files.rr_text.layouts import (
    MS_FROM,
    MS_TO,
    RR_NAMES,
    LayoutError,
    Recording,
    cut_cells,
    header_columns,
    is_annotations,
    read_text,
)
from ingest.source import (
    MINUTE_US,
    MISSING,
    About,
    Batch,
    Clock,
    Context,
    Export,
    Flags,
    Instants,
    Member,
    Midnights,
    Rejected,
    Remark,
    check_instants,
    decode_head,
    decode_text,
    instants,
    lay_out,
    lay_refusals,
    parse_zoned,
    peek,
    refuse_one,
    settle_clock,
    to_number,
    to_us,
    to_utc,
)

NAME = "rr_text"
METHOD_VERSION = "rr_text-1"
ABOUT = About(
    device="chest straps and ECG through Elite HRV, HRV Logger, HRV4Training, Kubios, Polar (.hrm), PhysioNet",
    layouts="`.txt`, `.csv`, `.rr`, `.rri`, `.ibi`: one interval a line, or time and interval; Kubios reports;"
    " `date, rr, since start`; Polar `.hrm`; output of PhysioNet's `ann2rr` and `rdann`",
    signals="beats",
    zone="the start is local, from the file or its name, in the person's zone (flagged), unless it has an offset",
    quirks="no start time, no reading: name the file YYYY-MM-DD HH-MM-SS.txt; ms or s is decided from the values;"
    " a line that is no interval leaves a gap; Kubios writes corrected intervals if correction was on",
    how_to_export="Elite HRV: Settings, Export data. HRV Logger, HRV4Training: export to Dropbox or mail. Kubios: Save"
    " results, text or CSV. Any other tool: one interval a line, in a file named for the local start,"
    " such as 2024-05-01 07-30-00.txt. Load the file.",
)

DAY_US = 1440 * MINUTE_US
LONGEST_MS = 1e13
"""Three centuries: what claims to last longer ends too late in any case, and can be counted so far."""
FIRST_US = int(np.datetime64("2005-01-01", "us").astype(np.int64))
"""Offsets of zones are known from here on."""
SUFFIXES = (".txt", ".csv", ".rr", ".rri", ".ibi")

TELLING = re.compile(r"(?:^|[^a-z])(?:rr|rri|rrs|ibi|nn|nni|hrv|rr[-_ ]?intervals?)(?:[^a-z]|$)")
"""Words of a file name that say intervals."""
START_IN_NAME = re.compile(r"(\d{4}-\d\d-\d\d)[- T_](\d\d)[-:.h](\d\d)(?:[-:.m](\d\d))?(?!\d)")
N_SURE = 10
"""Numbers that a file without a telling name must begin with to be taken for intervals."""


def claims(member: Member) -> bool:
    """Whether the member is a text of intervals: by its suffix, its first lines, and its name."""
    name = member.name.casefold()
    if not name.endswith((*SUFFIXES, ".hrm")):
        return False
    head = decode_head(peek(member))
    if name.endswith(".hrm"):
        return head.lstrip().startswith("[Params]")
    lines = [line for line in head.split("\n") if line.strip()]
    if len(head) >= 1000 and len(lines) > 1:
        lines.pop()
    if not lines:
        return False
    if "kubios" in lines[0].casefold() and not name.startswith("readme"):
        return True
    if is_annotations(lines):
        return True
    return is_numbers(lines, telling=says_intervals(member.name), plain=not name.endswith(".csv"))


def says_intervals(name: str) -> bool:
    """Whether a file name has a start time or a word for intervals."""
    return bool(START_IN_NAME.search(name) or TELLING.search(name.casefold()))


def is_numbers(lines: Sequence[str], *, telling: bool, plain: bool) -> bool:
    """Whether lines are intervals, in one unit, under a header of words for them or none.

    `telling` and `plain` are facts of the name: that it says intervals, that its suffix is for plain text.
    """
    rows = [line for line in lines if not line.startswith("#")]
    named = header_columns(rows[0]) if rows else None
    cells = [[to_number(cell) for cell in row] for row in cut_cells(rows[named is not None :])]
    if not cells:
        return False
    if named is not None:
        place = next(i for i, name in enumerate(named) if name in RR_NAMES)
    else:
        if np.isnan(cells[0]).any() or len(cells[0]) > (2 if telling else 1):
            return False
        if not telling and (not plain or len(cells) < N_SURE):
            return False
        place = len(cells[0]) - 1
    size = np.array([row[place] if place < len(row) else np.nan for row in cells], np.float64)
    in_ms = (size >= MS_FROM) & (size <= MS_TO)
    in_s = (size >= MS_FROM / 1000) & (size <= MS_TO / 1000)
    share = max(in_ms.mean(), in_s.mean() * bool((size[in_s] % 1 > 0).any()))
    return bool(share >= (0.5 if telling else 0.8))


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds."""
    return "signal.beat" if name.casefold().endswith((*SUFFIXES, ".hrm")) else None


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export, each a recording of its own."""
    clock = settle_clock(context.zone, Midnights(*np.zeros((3, 0), dtype=np.int64)))
    latest_us = to_us(export.exported_utc) + DAY_US
    for place in export.fresh:
        member = export.members[place]
        text = decode_text(member.read())
        try:
            recording = read_text(member.name, text)
        except LayoutError as error:
            yield refuse_one(place, "file", None, "file", str(error), text[:200])
            continue
        if recording.bad:
            yield refuse_lines(place, recording.bad)
        yield from place_recording(place, member.name, recording, clock, latest_us)


# --- in time -----------------------------------------------------------------------------------


def place_recording(
    place: int, name: str, recording: Recording, clock: Clock, latest_us: int
) -> Iterator[Batch | Rejected]:
    """Place a recording in time, and give its beats."""
    start_us, offset_min = find_start(name, recording.start)
    if start_us == MISSING:
        reason = (
            "no start time in the file or its name, so it cannot be placed in time:"
            " name the file for its local start, YYYY-MM-DD HH-MM-SS.txt"
        )
        yield refuse_one(place, "file", None, "name", reason, "")
        return
    passed_us = np.rint(np.clip(recording.end_ms, -LONGEST_MS, LONGEST_MS) * 1000).astype(np.int64)
    if offset_min is None:
        # A recording runs on one clock: its offset is that of its start, also where the clocks change.
        offset, assumed = clock.of_local(np.array([start_us]))
        t_us, offset_min = to_utc(start_us + passed_us, np.repeat(offset, passed_us.size)), int(offset[0])
        is_assumed = bool(assumed[0])
    else:
        t_us, is_assumed = start_us + passed_us, False
    checks = check_instants(t_us, FIRST_US, latest_us)
    for wrong, why in checks:
        if wrong[:1].any():
            reason = f"{why}: is the start time right?"
            yield refuse_one(place, "file", None, "start", reason, recording.start)
            return
    late = np.zeros(t_us.size, np.bool_)
    for wrong, why in checks:
        yield refuse_lines(place, [(int(n), why, "") for n in recording.line[wrong & ~late]])
        late |= wrong
    yield lay_beats(place, recording, ~late, t_us[~late], offset_min, is_assumed=is_assumed)


def lay_beats(
    place: int, recording: Recording, keep: Flags, t_us: Instants, offset_min: int, *, is_assumed: bool
) -> Batch:
    """The intervals of a recording that are kept, and when each ended, as rows."""
    count = t_us.size
    lost = np.append(np.zeros(min(keep.size, 1), np.bool_), ~keep[:-1])
    rows = pa.table(
        {"member": pa.array(np.full(count, place, np.int32)), "record": pa.array(recording.line[keep])}
    )
    columns = {
        "t_utc": instants(t_us),
        "offset_min": pa.array(np.full(count, offset_min, np.int16)),
        "tz_assumed": pa.array(np.full(count, is_assumed)),
        "rr_ms": pa.array(recording.rr_ms[keep].astype(np.float32)),
        "gap_before": pa.array((recording.gap | lost)[keep]),
        "tick_ms": pa.array([recording.tick_ms] * count, pa.float32()),
        "sensor": pa.array([recording.sensor] * count, pa.string()),
    }
    return Batch("signal.beat", lay_out(rows, columns))


def find_start(name: str, written: str) -> tuple[int, int | None]:
    """The start, from the text or else the name: microseconds, and the offset if one is written.

    MISSING if there is none. With an offset the start is in UTC, without one it is local.
    """
    found = START_IN_NAME.search(name)
    if not written and found:
        written = f"{found[1]} {found[2]}:{found[3]}:{found[4] or '00'}"
    zoned = parse_zoned(pa.array([written.replace(",", ".")]))
    start_us = int(zoned.t_us[0])
    return start_us, None if bool(zoned.naive[0]) else int(zoned.offset_min[0])


def refuse_lines(place: int, bad: Sequence[tuple[int, str, str]]) -> Rejected:
    """Refusals of lines of one member: number, reason and text."""
    rows = [
        {
            "member": place,
            "stream": "signal.beat",
            "record": number,
            "place": f"line {number + 1}",
            "reason": why,
            "raw": raw,
        }
        for number, why, raw in bad
    ]
    return Rejected(lay_refusals(rows))
