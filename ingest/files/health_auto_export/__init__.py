"""Health Auto Export: JSON that the iPhone app of that name writes out of Apple Health.

What comes through: heart rate, steps, HRV (Apple's SDNN), resting heart rate, respiration, SpO2, wrist
temperature in sleep, weight, sleep (segments or sums of a night), mindful minutes with their app, workouts.
Not: heart rates and routes inside workouts, State of Mind, symptoms, medications, ECG, cycle, and all other
metrics, which are named once.

Zone: every stamp has an offset. If all of an export have one offset though the person's zone changed its own
in that time, it is the offset of the phone at the export, and the person's zone is taken (flagged, said).

Quirks: the app can sum up by minutes, hours or days, and does not say so: the stamps show it. Means of heart
rate and HRV over hours and days are left out. A segment of sleep more than an hour after the one before
begins another sleep. Names of devices often hold the name of their owner, which is not kept; a metric summed
over several devices names them all. Written from the app's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ingest.source import (
    MISSING,
    About,
    Batch,
    Clock,
    Context,
    Export,
    Member,
    Midnights,
    Rejected,
    Remark,
    parse_zoned,
    peek,
    refuse_one,
    settle_clock,
    to_us,
)

from .document import Document, parse_document
from .layout import DAY_US, SLEEP, UNITS, Setting
from .metrics import read_metric, read_workouts
from .sleep import Segment, lay_out_sleep, read_segments

NAME = "health_auto_export"
METHOD_VERSION = "health_auto_export-2"
ABOUT = About(
    device="iPhone and Apple Watch, by the app Health Auto Export",
    layouts='JSON with `{"data": {"metrics": […], "workouts": […]}}`, often named `HealthAutoExport-….json`',
    signals="heart rate, steps, HRV (SDNN), resting heart rate, respiration, SpO2, wrist temperature, weight, sleep"
    " with stages, mindful minutes with their app, workouts",
    zone="the offset in each stamp; if that is the export's for all the year, the person's zone (flagged)",
    quirks="means of hours and days are left out for heart rate and HRV; sums of a night have no stages;"
    " written from the app's documentation",
    how_to_export="In the app choose Manual Export, the format JSON, export version 2, the metrics, and either no"
    " aggregation or minutes; save the file to a computer and load it. One file a month keeps them small.",
)

FILE = re.compile(r"HealthAutoExport[-_ ].*\.json", re.IGNORECASE)
DAY_FILE = re.compile(r"[a-z_]+-\d{4}-\d\d-\d\d\.json")
"""Names of another vendor's files, of which an export has ten thousands: they are not opened."""
HEAD = re.compile(rb'\s*\{\s*"data"\s*:\s*\{\s*"(?:metrics|workouts)"\s*:\s*\[')
EDGE = re.compile(rb'"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})"')
MAX_BYTES = 128 << 20
"""A larger file would take more than two gigabytes of memory."""


def claims(member: Member) -> bool:
    """Whether the member is a file of the app, by its name or by how it begins."""
    if not member.name.lower().endswith(".json") or DAY_FILE.fullmatch(member.name):
        return False
    return bool(FILE.fullmatch(member.name)) or bool(HEAD.match(peek(member).removeprefix(b"\xef\xbb\xbf")))


def stream(name: str) -> str | None:
    """The table that a file feeds first; it feeds several."""
    return "signal.heart_rate" if name.lower().endswith(".json") else None


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh files, and of the others the sleep that may belong to the same night."""
    nothing = np.zeros(0, dtype=np.int64)
    clock = settle_clock(context.zone, Midnights(nothing, nothing, nothing))
    fixed = has_one_offset(export, clock)
    if fixed:
        yield Remark(
            f"All stamps of Health Auto Export have one offset, though clocks changed in {context.zone} meanwhile:"
            " it is the phone's at the export. Instants stand, offsets are of that zone."
        )
    segments: list[Segment] = []
    unread: set[str] = set()
    for place, member in enumerate(export.members):
        setting = Setting(place, clock, fixed, to_us(export.exported_utc) + DAY_US)
        if member.size_bytes > MAX_BYTES:
            if place in export.fresh:
                reason = f"it has more than {MAX_BYTES >> 20} MB: export one month a file"
                yield refuse_one(place, "file", None, "file", reason, "")
            continue
        document = parse_document(member.read())
        for found in read_sleep(document, setting, segments):
            if place in export.fresh:
                yield found
        if place in export.fresh:
            yield from read_document(document, setting)
            unread |= {m.name for m in document.metrics if m.name not in UNITS and m.name != SLEEP}
    yield from lay_out_sleep(segments, export.fresh)
    if unread:
        names = ", ".join(sorted(name[:40] or "a metric without a name" for name in unread)[:40])
        yield Remark(f"Metrics of Health Auto Export that are not read: {names}.")


def read_sleep(document: Document, setting: Setting, segments: list[Segment]) -> Iterator[Rejected]:
    """Gather the sleep of a file."""
    for metric in document.metrics:
        if metric.name == SLEEP:
            found, refused = read_segments(metric, setting)
            segments += found
            yield from refused


def read_document(document: Document, setting: Setting) -> Iterator[Batch | Rejected | Remark]:
    """Read all of a file but sleep."""
    if document.reason:
        table = "file" if document.count == 0 else "signal.heart_rate"
        number = None if document.count == 0 else document.count
        yield refuse_one(setting.member, table, number, document.place, document.reason, document.raw)
    for metric in document.metrics:
        if metric.name in UNITS and metric.points:
            yield from read_metric(metric, setting)
    if document.workouts:
        yield from read_workouts(document.workouts, setting)


def has_one_offset(export: Export, clock: Clock) -> bool:
    """Whether stamps have one offset, at times at which the person's zone had that one and another."""
    edges = b"\n".join(m.digest.head + b"\n" + m.digest.tail for m in export.members)
    found = parse_zoned(pa.array([text.decode() for text in EDGE.findall(edges)], pa.string()))
    known = found.t_us != MISSING
    own = set(clock.of_utc(found.t_us[known])[0].tolist())
    given = set(found.offset_min[known].tolist())
    return len(given) == 1 and len(own) > 1 and given <= own
