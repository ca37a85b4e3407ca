"""Empatica wristbands: the E4's folder or zip of CSV files, and raw CSV files of the EmbracePlus.

E4 (a zip a session): the first row of a file is the instant of its first sample in seconds of UTC, the
second its rate in Hz, one sample a row from there; `HR.csv` has its own instant, 10 s later than the
others. `IBI.csv` has the instant and the word IBI in its first row, then the second in which a beat was
seen, counted from that instant, and the interval before it. The recorder counts in 1/64 s. Intervals
are sparse, 15 to 52 % of a session: where the time between two beats is not the interval, beats are
missing (`gap_before`).

EmbracePlus: what the vendor's own script writes from its Avro files, with the headers of its
documentation; stamps are microseconds of UTC, systolic peaks nanoseconds.

All stamps are UTC; the offset is that of the person's zone, flagged as assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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
    constant,
    decode_head,
    decode_text,
    instants,
    lay_out,
    lay_refusals,
    peek,
    read_figures,
    read_numbers,
    refuse_one,
    refuse_rows,
    settle_clock,
    sift,
    to_number,
    to_us,
)

NAME = "empatica"
METHOD_VERSION = "empatica-1"
ABOUT = About(
    device="Empatica E4, EmbracePlus",
    layouts="E4: `ACC.csv`, `BVP.csv`, `EDA.csv`, `HR.csv`, `IBI.csv`, `TEMP.csv`, `tags.csv`, one folder or zip a"
    " session; EmbracePlus: `accelerometer.csv`, `bvp.csv`, `eda.csv`, `temperature.csv`, `systolic_peaks.csv`,"
    " `tags.csv` as Empatica's script writes them from the Avro files",
    signals="beats with gaps, heart rate, electrodermal activity, skin temperature, acceleration, pulse wave, marks",
    zone="stamps are UTC; the offset is that of the person's zone (flagged)",
    quirks="E4 intervals are sparse (15 to 52 % of a session), with a tick of 1/64 s; a temperature of 382.18 is none;"
    " EmbracePlus accelerations must be in g (raw counts are refused); its gyroscope, steps and per-minute"
    " digital biomarkers are left out",
    how_to_export="E4: open E4 connect, Sessions, and download the zip of each session. EmbracePlus: fetch the raw Avro"
    " files of the study's bucket and convert them with Empatica's Python script. Load the zips or the folder.",
)

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2014-01-01", "us").astype(np.int64))
"""The E4 came in 2014: nothing is older."""
BLOCK_ROWS = 1 << 20
"""Rows a batch: what bounds the memory of a day at 64 Hz."""
TICK_MS = 1000 / 64
RR_MIN_MS, RR_MAX_MS = 100.0, 30_000.0
"""Beyond these it is no interval between beats; what is merely implausible is kept."""
GAP_US = int(1.5 * TICK_MS * 1000)
"""Two beats adjoin if the time between them is the interval, within one and a half ticks."""
PEAKS_APART_MS = 2000.0
"""Peaks further apart than this (30 a minute) have beats missing between them."""
RATE_MAX_HZ = 1024.0
NO_DAYS = Midnights(*np.zeros((3, 0), dtype=np.int64))


@dataclass(frozen=True)
class Stream:
    """Files of one kind: the table, its columns, and which values may occur, before scaling."""

    table: str | None
    """None for files that are known and left out."""
    columns: tuple[str, ...] = ()
    low: float = -np.inf
    high: float = np.inf
    what: str = ""
    """Names the range for a refusal."""
    scale: float = 1.0
    missing_from: float = np.inf
    """Values from here on stand for none."""
    header: str = ""
    """The documented header, where there is one."""


E4: dict[str, Stream] = {
    "ACC.csv": Stream(
        "signal.acceleration", ("x_g", "y_g", "z_g"), -128, 128, "-128 to 128 counts of 1/64 g", scale=1 / 64
    ),
    "BVP.csv": Stream("signal.pulse_wave", ("bvp",), -1e6, 1e6, "-1,000,000 to 1,000,000"),
    "EDA.csv": Stream("signal.eda", ("eda_us",), 0, 100, "0 to 100 uS"),
    "HR.csv": Stream("signal.heart_rate", ("hr_bpm",), 20, 250, "20 to 250 a minute"),
    "TEMP.csv": Stream("signal.vital", ("value",), -40, 115, "-40 to 115 Celsius", missing_from=380),
    "IBI.csv": Stream("signal.beat"),
    "tags.csv": Stream("signal.event"),
    "info.txt": Stream(None),
}
EMBRACE: dict[str, Stream] = {
    "accelerometer": Stream(
        "signal.acceleration", ("x_g", "y_g", "z_g"), -32, 32, "-32 to 32 g", header="unix_timestamp,x,y,z"
    ),
    "bvp": Stream(
        "signal.pulse_wave", ("bvp",), -1e6, 1e6, "-1,000,000 to 1,000,000", header="unix_timestamp,bvp"
    ),
    "eda": Stream("signal.eda", ("eda_us",), -1, 100, "-1 to 100 uS", header="unix_timestamp,eda"),
    "temperature": Stream(
        "signal.vital", ("value",), -40, 115, "-40 to 115 Celsius", header="unix_timestamp,temperature"
    ),
    "systolic_peaks": Stream("signal.beat", header="systolic_peak_timestamp"),
    "tags": Stream("signal.event", header="tags_timestamp"),
    "gyroscope": Stream(None, header="unix_timestamp,x,y,z"),
}
EMBRACE_NAME = re.compile(rf"(?:.*[_-])?({'|'.join(EMBRACE)})(?:[_-]\d+)?\.csv")
"""With or without the name of the Avro file before or behind."""
EPOCH = r"\d{9,10}(?:\.\d+)?"
E4_HEAD: dict[str, re.Pattern[str]] = {
    "ACC.csv": re.compile(rf"{EPOCH}(?:, *{EPOCH}){{2}}\n *\d+(?:\.\d+)?(?:, *\d+(?:\.\d+)?){{2}}\n"),
    "IBI.csv": re.compile(rf"{EPOCH}, *IBI\n", re.IGNORECASE),
    "tags.csv": re.compile(rf"(?:{EPOCH}(?:\n|\Z))*"),
    "info.txt": re.compile(r"\.csv files in this archive are in the following format:"),
}
SAMPLED_HEAD = re.compile(rf"{EPOCH}\n *\d+(?:\.\d+)?\n")

Columns = dict[str, pa.Array | pa.ChunkedArray]


def claims(member: Member) -> bool:
    """Whether the member is a file of an E4 or EmbracePlus, by its name and first rows."""
    if member.name not in E4 and EMBRACE_NAME.fullmatch(member.name) is None:
        return False
    head = decode_head(peek(member))
    if is_embrace(member.name, head):
        return True
    if member.name not in E4:
        return False
    if member.name == "tags.csv" and member.size_bytes:
        return re.match(rf"{EPOCH}(?:\n|\Z)", head) is not None
    return E4_HEAD.get(member.name, SAMPLED_HEAD).match(head) is not None


def is_embrace(name: str, head: str) -> bool:
    """Whether a file has the name and the documented header of an EmbracePlus file."""
    match = EMBRACE_NAME.fullmatch(name)
    return match is not None and head.split("\n", 1)[0].replace(" ", "") == EMBRACE[match[1]].header


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds; None for one that is known and left out."""
    match = EMBRACE_NAME.fullmatch(name)
    found = E4.get(name) or (EMBRACE[match[1]] if match else None)
    return None if found is None else found.table


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export, each a recording of its own."""
    clock = settle_clock(context.zone, NO_DAYS)
    latest_us = to_us(export.exported_utc) + DAY_US
    for place in export.fresh:
        member = export.members[place]
        if is_embrace(member.name, decode_head(peek(member))):
            yield from read_embrace(export, place, context, clock, latest_us)
        else:
            yield from read_e4(place, member.name, decode_text(member.read()), clock, latest_us)


# --- E4 ----------------------------------------------------------------------------------------


def read_e4(
    place: int, name: str, text: str, clock: Clock, latest_us: int
) -> Iterator[Batch | Rejected | Remark]:
    """Read one file of an E4 session."""
    if name == "tags.csv":
        yield from read_tags(place, text, clock, latest_us)
        return
    rows_before = 1 if name == "IBI.csv" else 2
    *head, body = (text + "\n" * rows_before).split("\n", rows_before)
    start_s = to_number(head[0].split(",")[0])
    if np.isnan(start_s):
        reason = "expected when the session began, in seconds since 1970"
        yield refuse_one(place, "file", None, "line 1", reason, head[0])
        return
    start_us = round(start_s * 1e6)
    if not FIRST_US <= start_us <= latest_us:
        day = np.datetime64(start_us, "us").astype("datetime64[D]")
        reason = f"the session begins on {day}: expected a day from 2014 to the export's own"
        yield refuse_one(place, "file", None, "line 1", reason, head[0])
        return
    body, cut = split_cut(body, text)
    if cut:
        reason = "the file breaks off in this line: download the session again"
        lines = [(body.count("\n"), reason, cut)]
        yield refuse_lines(place, str(E4[name].table), lines, rows_before + 1)
    if name == "IBI.csv":
        yield from read_intervals(place, body, start_us, clock, latest_us)
        return
    rate_hz = to_number(head[1].split(",")[0])
    if not 0 < rate_hz <= RATE_MAX_HZ:
        reason = f"expected a rate of more than 0 and at most {RATE_MAX_HZ:g} Hz in the second row"
        yield refuse_one(place, "file", None, "line 2", reason, head[1])
        return
    yield from read_samples(place, E4[name], body, start_us, 1e6 / rate_hz, clock, latest_us)


def split_cut(body: str, text: str) -> tuple[str, str]:
    """Part a last line in which the file breaks off; '' if it ends as it should.

    Every row ends a line. Where the last does not, it may have lost digits: it has if it has fewer
    decimals than the row above, or if rows have none.
    """
    if text.endswith("\n") or not body.strip():
        return body, ""
    whole, _, last = body.rstrip("\n").rpartition("\n")
    above = whole.rpartition("\n")[2]
    n_decimals = len(last.rpartition(".")[2]) if "." in last.rpartition(",")[2] else 0
    if n_decimals and n_decimals >= len(above.rpartition(".")[2]) * ("." in above) > 0:
        return body, ""
    return (whole + "\n" if whole else ""), last


def read_samples(
    place: int, kind: Stream, body: str, start_us: int, step_us: float, clock: Clock, latest_us: int
) -> Iterator[Batch | Rejected]:
    """Read samples at a fixed rate; a row that is refused keeps its place in time."""
    table = str(kind.table)
    found = read_figures(body, len(kind.columns))
    if found.bad:
        yield refuse_lines(place, table, found.bad, 3)
    for first in range(0, found.line.size, BLOCK_ROWS):
        line, values = (
            found.line[first : first + BLOCK_ROWS],
            found.values[first : first + BLOCK_ROWS],
        )
        t_us = start_us + np.rint(line * step_us).astype(np.int64)
        none = (values >= kind.missing_from).any(axis=1)
        line, values, t_us = line[~none], values[~none], t_us[~none]
        outside = is_outside(values, kind)
        checks = [(outside, f"a value outside {kind.what}"), *check_instants(t_us, FIRST_US, latest_us)]
        rows = number_rows(place, line)
        keep, bad = sift(rows, checks)
        if bad.rows.num_rows:
            yield refuse_lines(place, table, with_text(bad.rows, body), 3)
        yield Batch(table, lay_samples(rows.filter(keep), kind, t_us[keep], values[keep], clock))


def is_outside(values: npt.NDArray[np.float64], kind: Stream) -> Flags:
    """Records of which a value cannot occur."""
    return np.asarray(((values < kind.low) | (values > kind.high)).any(axis=1), np.bool_)


def lay_samples(
    rows: pa.Table, kind: Stream, t_us: Instants, values: npt.NDArray[np.float64], clock: Clock
) -> pa.Table:
    """Samples as rows of their table."""
    scaled = values * kind.scale
    if kind.table == "signal.vital":
        more: Columns = {
            "vital": constant("skin_temperature", rows.num_rows),
            "value": pa.array(scaled[:, 0]),
            "unit": constant("Cel", rows.num_rows),
            "error": pa.nulls(rows.num_rows, pa.float64()),
        }
    else:
        more = {c: pa.array(scaled[:, i].astype(np.float32)) for i, c in enumerate(kind.columns)}
    if kind.table == "signal.heart_rate":
        more["confidence"] = pa.nulls(rows.num_rows, pa.int8())
    return lay_out(rows, place_in_time(t_us, clock) | more)


def read_intervals(
    place: int, body: str, start_us: int, clock: Clock, latest_us: int
) -> Iterator[Batch | Rejected]:
    """Read beats: seconds since the start, and the interval that ends there, in any order of rows."""
    found = read_figures(body, 2)
    if found.bad:
        yield refuse_lines(place, "signal.beat", found.bad, 2)
    t_us = start_us + np.rint(np.clip(found.values[:, 0], -1e9, 1e9) * 1e6).astype(np.int64)
    rr_ms = found.values[:, 1] * 1000
    rows = number_rows(place, found.line)
    checks = [
        (t_us < start_us, "a beat before the start of the session"),
        ((rr_ms < RR_MIN_MS) | (rr_ms > RR_MAX_MS), "no interval between beats: outside 0.1 to 30 s"),
        *check_instants(t_us, FIRST_US, latest_us),
    ]
    keep, bad = sift(rows, checks)
    if bad.rows.num_rows:
        yield refuse_lines(place, "signal.beat", with_text(bad.rows, body), 2)
    order = sort_beats(t_us[keep])
    kept, t_us, rr_ms = rows.filter(keep).take(pa.array(order)), t_us[keep][order], rr_ms[keep][order]
    yield Batch("signal.beat", lay_beats(kept, t_us, rr_ms, mark_gaps(t_us, rr_ms), TICK_MS, clock))


def sort_beats(t_us: Instants) -> Instants:
    """Places of beats in order of time, an instant once (the last row of it, as everywhere)."""
    order = np.argsort(t_us, kind="stable")
    last = np.append(np.diff(t_us[order]) != 0, np.ones(min(t_us.size, 1), bool))
    return np.asarray(order[last], np.int64)


def mark_gaps(t_us: Instants, rr_ms: npt.NDArray[np.float64]) -> Flags:
    """Where beats are missing before an interval; before the first of a recording they are."""
    apart_us = np.diff(t_us)
    return np.append(np.ones(min(t_us.size, 1), bool), abs(apart_us - rr_ms[1:] * 1000) > GAP_US)


def lay_beats(
    rows: pa.Table,
    t_us: Instants,
    rr_ms: npt.NDArray[np.float64],
    gap: Flags,
    tick_ms: float | None,
    clock: Clock,
) -> pa.Table:
    """Beats as rows of their table."""
    columns = place_in_time(t_us, clock) | {
        "rr_ms": pa.array(rr_ms.astype(np.float32)),
        "gap_before": pa.array(gap),
        "tick_ms": pa.array([tick_ms] * rows.num_rows, pa.float32()),
        "sensor": constant("ppg", rows.num_rows),
    }
    return lay_out(rows, columns)


def read_tags(place: int, text: str, clock: Clock, latest_us: int) -> Iterator[Batch | Rejected]:
    """Read presses of the button, seconds of UTC, one a row."""
    found = read_figures(text, 1)
    if found.bad:
        yield refuse_lines(place, "signal.event", found.bad, 1)
    t_us = np.rint(np.clip(found.values[:, 0], 0, 1e11) * 1e6).astype(np.int64)
    rows = number_rows(place, found.line)
    keep, bad = sift(rows, check_instants(t_us, FIRST_US, latest_us))
    if bad.rows.num_rows:
        yield refuse_lines(place, "signal.event", with_text(bad.rows, text), 1)
    yield Batch("signal.event", lay_marks(rows.filter(keep), t_us[keep], clock))


def lay_marks(rows: pa.Table, t_us: Instants, clock: Clock) -> pa.Table:
    """Presses of the button as events."""
    columns = place_in_time(t_us, clock) | {
        "event": constant("mark", rows.num_rows),
        "end_utc": pa.nulls(rows.num_rows, pa.timestamp("us")),
        "app": pa.nulls(rows.num_rows, pa.string()),
        "amount": pa.nulls(rows.num_rows, pa.float64()),
    }
    return lay_out(rows, columns)


# --- EmbracePlus -------------------------------------------------------------------------------


def read_embrace(
    export: Export, place: int, context: Context, clock: Clock, latest_us: int
) -> Iterator[Batch | Rejected]:
    """Read one raw CSV file of an EmbracePlus."""
    match = EMBRACE_NAME.fullmatch(export.members[place].name)
    kind = EMBRACE[match[1] if match else "tags"]
    table, names = str(kind.table), kind.header.split(",")
    columns = {name: (name,) for name in names}
    for records in context.read_csv(export, [place], table, columns, needed=names):
        if records.broken.num_rows:
            yield Rejected(records.broken)
        rows = records.rows
        per_us = 1e-3 if kind.table == "signal.beat" else 1.0  # peaks are in nanoseconds
        stamp = read_numbers(rows[names[0]])[0]
        t_us = np.where(np.isnan(stamp), MISSING, np.nan_to_num(stamp.clip(-9e18, 9e18)) * per_us)
        values = np.column_stack([read_numbers(rows[name])[0] for name in names[1:]] or [np.zeros(t_us.size)])
        reason = doubt_units(kind, t_us[~np.isnan(stamp)], values)
        if reason:
            yield refuse_one(place, "file", None, "file", reason, kind.header)
            continue
        yield from sift_embrace(kind, rows, t_us.astype(np.int64), values, clock, latest_us)


def doubt_units(kind: Stream, t_us: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> str:
    """Why the units of a file are not those documented; '' if they are."""
    if t_us.size and not FIRST_US / 10 < np.median(t_us) < FIRST_US * 10:
        unit = "nanoseconds" if kind.table == "signal.beat" else "microseconds"
        return f"expected stamps in {unit} of UTC since 1970"
    size = np.sqrt((values**2).sum(axis=1))
    known = size[np.isfinite(size)]
    if kind.table == "signal.acceleration" and known.size and not 0.3 < np.median(known) < 3:
        return (
            f"expected accelerations in g, of which a resting arm shows 1; half are above {np.median(known):.3g}:"
            " convert the counts with the factor that the Avro file names, as the vendor's newer script does"
        )
    return ""


def sift_embrace(
    kind: Stream,
    rows: pa.Table,
    t_us: Instants,
    values: npt.NDArray[np.float64],
    clock: Clock,
    latest_us: int,
) -> Iterator[Batch | Rejected]:
    """Part good records of an EmbracePlus file from bad ones, and lay out the good ones."""
    table = str(kind.table)
    checks = check_instants(t_us, FIRST_US, latest_us)
    checks += [
        (np.asarray(np.isnan(values).any(axis=1), np.bool_), "expected a number in each column"),
        (is_outside(values, kind), f"a value outside {kind.what}"),
    ]
    keep, rejected = refuse_rows(rows, checks, table)
    if rejected.rows.num_rows:
        yield rejected
    kept, t_us, values = rows.filter(pa.array(keep)), t_us[keep], values[keep]
    if kind.table == "signal.event":
        yield Batch(table, lay_marks(kept, t_us, clock))
    elif kind.table == "signal.beat":
        yield Batch(table, lay_peaks(kept, t_us, clock))
    else:
        yield Batch(table, lay_samples(kept, kind, t_us, values, clock))


def lay_peaks(rows: pa.Table, t_us: Instants, clock: Clock) -> pa.Table:
    """Intervals between systolic peaks, in any order of rows; across a pause there is none."""
    order = sort_beats(t_us)
    rows, t_us = rows.take(pa.array(order)), t_us[order]
    rr_ms = np.diff(t_us, prepend=t_us[:1]) / 1000  # none before the first
    adjoins = (rr_ms >= RR_MIN_MS) & (rr_ms <= PEAKS_APART_MS)
    gap = ~np.append(np.zeros(min(t_us.size, 1), bool), adjoins[:-1])
    return lay_beats(rows.filter(pa.array(adjoins)), t_us[adjoins], rr_ms[adjoins], gap[adjoins], None, clock)


# --- both --------------------------------------------------------------------------------------


def number_rows(place: int, record: Instants) -> pa.Table:
    """Where records came from."""
    return pa.table({"member": pa.array(np.full(record.size, place, np.int32)), "record": pa.array(record)})


def place_in_time(t_us: Instants, clock: Clock) -> Columns:
    """Instants of UTC with the offset of the person's zone."""
    offset, assumed = clock.of_utc(t_us)
    return {"t_utc": instants(t_us), "offset_min": pa.array(offset), "tz_assumed": pa.array(assumed)}


def refuse_lines(place: int, table: str, found: Sequence[tuple[int, str, str]], first: int) -> Rejected:
    """Refusals of lines of one member: number behind the head, reason and text; `first` is line 0's number."""
    rows = [
        {
            "member": place,
            "stream": table,
            "record": number,
            "place": f"line {number + first}",
            "reason": why,
            "raw": raw,
        }
        for number, why, raw in found
    ]
    return Rejected(lay_refusals(rows))


def with_text(bad: pa.Table, body: str) -> list[tuple[int, str, str]]:
    """Refused records that are lines, with their text."""
    lines = body.split("\n") if bad.num_rows else []
    return [(r["record"], r["reason"], lines[r["record"]]) for r in bad.to_pylist()]
