"""Garmin's health stream: what a watch sends to an app of the Health (Companion) SDK, one value a line.

Lines are `2019-10-16T12:08:58.808+02:00;HEART_RATE_VARIABILITY;821.0`, without a header. Here from a
recording of a study (flirt, ETH Zürich).

Time: each stamp carries its offset, which is proof. It is that of the value's arrival, which scatters by
about a tenth of a second: beats are laid end to end, and set anew where they leave the stamps; late by
more than half an interval, beats are missing before this one.

HEART_RATE_VARIABILITY is the interval before a beat, in milliseconds; a heart rate below 0 and a stress
below 0 are not measurable. STEPS, CALORIES, ASCENT, INTENSITY_MINUTES are running totals of the day that
come hours apart: left out and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MINUTE_US,
    About,
    Batch,
    Context,
    Export,
    Flags,
    Instants,
    Member,
    Midnights,
    Moments,
    Quantity,
    Rejected,
    Remark,
    check_instants,
    constant,
    decode_text,
    instants,
    lay_out,
    peek,
    place_stamps,
    read_numbers,
    refuse_rows,
    settle_clock,
    take_quantity,
    to_us,
)

NAME = "garmin_stream"
METHOD_VERSION = "garmin_stream-1"
ABOUT = About(
    device="Garmin watches, by way of an app of the Garmin Health SDK",
    layouts="text of lines `stamp;KIND;value` without a header, with the kinds HEART_RATE, HEART_RATE_VARIABILITY,"
    " STRESS, STEPS, …",
    signals="beats (optical), heart rate, stress level as vendor score",
    zone="each stamp carries its offset",
    quirks="stamps are those of arrival: beats are laid end to end; -1 and -2 are not measurable; running totals"
    " (steps, calories) are left out",
    how_to_export="The app of the study writes this file: ask who runs it for a copy of yours, and load it as it is.",
)

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2014-01-01", "us").astype(np.int64))
"""Before 2014 there was no such SDK."""
LINE = r"^(?P<stamp>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d));(?P<kind>[A-Z][A-Z_0-9]*);(?P<value>[^;]*)$"
KINDS = frozenset(
    {"ASCENT", "CALORIES", "HEART_RATE", "HEART_RATE_VARIABILITY", "INTENSITY_MINUTES", "PULSE_OX"}
)
KINDS |= {"RESPIRATION", "STEPS", "STRESS"}
"""Kinds by which a file is known; others may follow."""
BEATS = "HEART_RATE_VARIABILITY"
RR_MAX_MS = 60_000.0
HEART = Quantity("value", "signal.heart_rate", "heart rate", 20, 250, "/min", none=(0.0, -1.0, -2.0))
STRESS = Quantity("value", "signal.vendor_score", "stress_level", 0, 100, none=(-1.0, -2.0, -3.0, -4.0, -5.0))
VALUES = {"HEART_RATE": HEART, "STRESS": STRESS}
AHEAD_US = -300_000
"""A beat cannot come later than its stamp: where the intervals run ahead by this, they started too late."""


def claims(member: Member) -> bool:
    """Whether the first two lines are of this layout."""
    if not member.name.lower().endswith((".csv", ".txt")):
        return False
    lines = peek(member).decode("utf-8-sig", "replace").splitlines()[:2]
    found = [re.match(LINE, line.strip()) for line in lines]
    return bool(found) and all(match is not None and match["kind"] in KINDS for match in found)


def stream(name: str) -> str | None:  # noqa: ARG001 - no name tells anything
    """The table that most lines feed."""
    return "signal.beat"


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members, one by one."""
    clock = settle_clock(context.zone, Midnights(*np.zeros((3, 0), dtype=np.int64)))
    latest_us = to_us(export.exported_utc) + DAY_US
    unused: dict[str, int] = {}
    for i in export.fresh:
        rows, odd = read_lines(i, decode_text(export.members[i].read()))
        yield refuse_rows(odd, [(np.ones(odd.num_rows, dtype=bool), EXPECTED)], "signal.beat", place="line")[
            1
        ]
        when = place_stamps(rows["stamp"], clock)
        keep, rejected = refuse_rows(rows, check_instants(when.t_us, FIRST_US, latest_us), "signal.beat")
        yield rejected
        rows, when = rows.filter(pa.array(keep)), when.filter(keep)
        kinds = np.asarray(rows["kind"].to_pylist(), dtype=np.str_)
        for kind in np.unique(kinds).tolist():
            here = kinds == kind
            if kind in VALUES:
                yield from take_quantity(rows.filter(pa.array(here)), VALUES[kind], when.filter(here))
            elif kind == BEATS:
                yield from read_beats(rows.filter(pa.array(here)), when.filter(here))
            else:
                unused[kind] = unused.get(kind, 0) + int(here.sum())
    if unused:
        shown = ", ".join(f"{kind[:40]} ({count})" for kind, count in sorted(unused.items())[:20])
        yield Remark(f"Values of kinds that are not used here were left out: {shown}.")


EXPECTED = "expected a line such as 2019-10-16T12:08:58.808+02:00;HEART_RATE;62.0"


def read_lines(member: int, text: str) -> tuple[pa.Table, pa.Table]:
    """Lines as rows of `member`, `record`, `stamp`, `kind`, `value`, and those that are of another layout."""
    lines = pa.array(text.replace("\0", "").split("\n"), pa.string())
    lines = pc.utf8_trim_whitespace(lines)
    record = pa.array(np.arange(len(lines)))
    some = pc.greater(pc.utf8_length(lines), 0)
    lines, record = lines.filter(some), record.filter(some)
    found = pc.extract_regex(lines, LINE)
    good, bad = found.is_valid(), found.is_null()
    parts = [pc.struct_field(found, name).filter(good) for name in ("stamp", "kind", "value")]
    return (
        pa.table(
            [members(member, good), record.filter(good), *parts],
            names=["member", "record", "stamp", "kind", "value"],
        ),
        pa.table(
            [members(member, bad), record.filter(bad), lines.filter(bad)], names=["member", "record", "line"]
        ),
    )


def members(member: int, where: pa.Array) -> pa.Array:
    """The column `member` for the lines that are there."""
    return pa.array(np.full(int(pc.sum(where).as_py() or 0), member, dtype=np.int32))


def read_beats(rows: pa.Table, when: Moments) -> Iterator[Batch | Rejected]:
    """Intervals between beats, in the order of their arrival."""
    rr_ms, no_number = read_numbers(rows["value"])
    wrong = no_number | ~(rr_ms > 0) | (rr_ms > RR_MAX_MS)
    checks = [(wrong, "expected an interval in milliseconds, up to a minute")]
    keep, rejected = refuse_rows(rows, checks, "signal.beat")
    yield rejected
    order = np.flatnonzero(keep)[np.argsort(when.t_us[keep], kind="stable")]
    rows, rr_ms, stamp_us = rows.take(pa.array(order)), rr_ms[order], when.t_us[order]
    offset_min, assumed = when.offset_min[order], when.assumed[order]
    t_us, gap = chain_beats(stamp_us, rr_ms)
    count = rows.num_rows
    columns = {
        "t_utc": instants(t_us),
        "offset_min": pa.array(offset_min),
        "rr_ms": pa.array(rr_ms.astype(np.float32)),
        "gap_before": pa.array(gap),
        "tick_ms": pa.nulls(count, pa.float32()),
        "sensor": constant("ppg", count),
        "tz_assumed": pa.array(assumed),
    }
    yield Batch("signal.beat", lay_out(rows, columns))


def chain_beats(stamp_us: Instants, rr_ms: npt.NDArray[np.float64]) -> tuple[Instants, Flags]:
    """Instants of beats from their intervals, held near the stamps of their arrival; where beats are missing.

    Parameters
    ----------
    stamp_us, rr_ms : (n,) arrays
        When each interval arrived, in order, and its length.
    """
    t_us = np.zeros(stamp_us.size, dtype=np.int64)
    gap = np.zeros(stamp_us.size, dtype=np.bool_)
    clock_us = 0
    for i, (stamp, length_us) in enumerate(zip(stamp_us.tolist(), (rr_ms * 1000).tolist(), strict=True)):
        on = clock_us + int(length_us)
        late = stamp - on
        gap[i] = i == 0 or late > length_us / 2
        # A key is an instant: beats never go back.
        clock_us = on if not gap[i] and late > AHEAD_US else max(stamp, clock_us + 1)
        t_us[i] = clock_us
    return t_us, gap
