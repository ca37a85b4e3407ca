"""WHOOP account export: four CSV files, one row a cycle (a day from sleep to sleep), sleep, workout or answer.

Time: stamps are those of the local clock; the column `Cycle timezone` (UTC+10:00) says on each row
which offset held, and changes from row to row when the wearer travels. It is taken as proven.

What comes through: of a night HRV, resting heart rate, respiration, blood oxygen and skin temperature
(from the cycles only, which say the same as the sleeps); WHOOP's scores as vendor scores; sleeps and naps
as episodes **without stages**, since the export has no hypnogram, and its minutes by stage as vitals at the
final wake (`tst_min`, `tib_min`, `light_min`, …); workouts; and of the journal a clear yes to a question of
`QUESTIONS`, at the start of its cycle, the evening before the sleep that it is asked after. Notes are not
read. An empty cell is a value that is not there; a cycle without an end is still running and its strain not
final, so it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MINUTE_US,
    MISSING,
    About,
    Batch,
    Check,
    Context,
    Export,
    Flags,
    Instants,
    Member,
    Moments,
    Quantity,
    Records,
    Rejected,
    Remark,
    check_instants,
    constant,
    instants,
    lay_out,
    parse_zoned,
    peek,
    read_numbers,
    refuse_rows,
    spans,
    take_quantity,
    to_us,
)

NAME = "whoop"
METHOD_VERSION = "whoop-2"
ABOUT = About(
    device="WHOOP strap",
    layouts="CSV of the account export: `physiological_cycles`, `sleeps`, `workouts`, `journal_entries`",
    signals="nightly HRV (RMSSD), resting heart rate, respiration, SpO2, skin temperature; sleeps and naps"
    " without stages, their minutes by stage as vitals; workouts; recovery, strain, sleep scores, sleep need and debt"
    " as vendor scores; alcohol answers",
    zone="local stamps; each row names its own offset in `Cycle timezone`, which is taken as proven",
    quirks="no heart rate, steps or hypnogram in the export; the zone changes from row to row; an open cycle has"
    " no end and its strain is left out; journal notes are never read",
    how_to_export="In the WHOOP app open More, App Settings, Data Export, choose Create Export, wait for the mail,"
    " download my_whoop_data.zip, and load it as it is.",
)

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2012-01-01", "us").astype(np.int64))
"""WHOOP was founded in 2012: nothing of it is older."""
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 72
HR_MIN_BPM, HR_MAX_BPM = 20.0, 250.0
ZONE = re.compile(r"(?:UTC|GMT)(?:([+-])(\d{1,2})(?::?([0-5]\d))?)?|Z")
MAX_OFFSET_MIN = 14 * 60
QUESTIONS: dict[str, str] = {"have any alcoholic drinks?": "alcohol"}
"""Journal questions, in lower case, whose yes is an event of ours; the others are counted and left out."""
ANSWERS: dict[str, bool] = {"true": True, "yes": True, "false": False, "no": False}

VITAL, SCORE, HRV = "signal.vital", "signal.vendor_score", "signal.hrv_sample"
NIGHT_HRV = Quantity("hrv", HRV, "rmssd_night", 1, 500, "ms", none=(0.0,))
NIGHT = (
    Quantity("resting_hr", VITAL, "resting_heart_rate", HR_MIN_BPM, HR_MAX_BPM, "/min", none=(0.0,)),
    Quantity("respiration", VITAL, "respiration", 4, 60, "/min", none=(0.0,)),
    Quantity("spo2", VITAL, "spo2", 50, 100, "%", none=(0.0,)),
    Quantity("skin_temperature", VITAL, "skin_temperature", 15, 45, "Cel", none=(0.0,)),
    Quantity("recovery", SCORE, "recovery", 0, 100),
    Quantity("sleep_performance", SCORE, "sleep_performance", 0, 200),
    Quantity("sleep_efficiency", SCORE, "sleep_efficiency", 0, 100),
    Quantity("sleep_consistency", SCORE, "sleep_consistency", 0, 100),
    Quantity("sleep_need_min", SCORE, "sleep_need_min", 0, 2880),
    Quantity("sleep_debt_min", SCORE, "sleep_debt_min", 0, 2880),
)
MINUTES = (
    Quantity("asleep_min", VITAL, "tst_min", 0, 2880, "min"),
    Quantity("in_bed_min", VITAL, "tib_min", 0, 2880, "min"),
    Quantity("light_min", VITAL, "light_min", 0, 2880, "min"),
    Quantity("deep_min", VITAL, "deep_min", 0, 2880, "min"),
    Quantity("rem_min", VITAL, "rem_min", 0, 2880, "min"),
    Quantity("awake_min", VITAL, "wake_min", 0, 2880, "min"),
)
"""The vendor's totals of a sleep: all that the export has of its stages; of sleeps and naps alike."""
STRAIN = Quantity("strain", SCORE, "strain", 0, 21)


@dataclass(frozen=True)
class Stream:
    """A file of the export: its columns, ours to the vendor's, and how it is read."""

    name: str
    table: str
    columns: Mapping[str, Sequence[str]]
    needed: tuple[str, ...]
    read: Callable[[Records, int], Iterator[Batch | Rejected | Remark]]
    left_out: frozenset[str] = field(default_factory=frozenset)


def claims(member: Member) -> bool:
    """Whether the member is one of the four files, by its name and WHOOP's first column."""
    return find_stream(member.name) is not None and b"cycle start time" in peek(member).lower()


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds (its main one)."""
    found = find_stream(name)
    return None if found is None else found.table


def find_stream(name: str) -> Stream | None:
    """The row of STREAMS that a base name is."""
    return next((row for row in STREAMS if row.name == name.lower()), None)


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export, file by file."""
    latest_us = to_us(export.exported_utc) + DAY_US
    for row in STREAMS:
        members = [i for i in export.fresh if export.members[i].name.lower() == row.name]
        for records in context.read_csv(export, members, row.table, row.columns, needed=row.needed):
            if records.broken.num_rows:
                yield Rejected(records.broken)
            context.count_unknown(row.name, records.ignored, row.left_out)
            yield from row.read(records, latest_us)
    yield from context.tell_unknown()


# --- time ---------------------------------------------------------------------------------------


def read_offsets(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int16], Flags]:
    """Offsets of rows, in minutes, and where the column names none that we know."""
    known: dict[str | None, int] = {}
    for text in column.unique().to_pylist():
        found = ZONE.fullmatch((text or "").strip())
        if found is not None:
            sign, hours, minutes = found.groups()
            offset = (int(hours or 0) * 60 + int(minutes or 0)) * (-1 if sign == "-" else 1)
            if abs(offset) <= MAX_OFFSET_MIN:
                known[text] = offset
    texts = column.to_pylist()
    offsets = np.array([known.get(text, 0) for text in texts], dtype=np.int16)
    return offsets, np.array([text not in known for text in texts], dtype=np.bool_)


def place(column: pa.ChunkedArray, offset_min: npt.NDArray[np.int16]) -> Instants:
    """Local stamps as instants of UTC; MISSING where there is none."""
    zoned = parse_zoned(column)
    shift = np.where(zoned.naive, offset_min, 0).astype(np.int64) * MINUTE_US
    return np.where(zoned.t_us == MISSING, MISSING, zoned.t_us - shift)


def blank(column: pa.ChunkedArray) -> Flags:
    """Where a cell is empty."""
    return np.asarray(column.is_null().to_numpy(), dtype=np.bool_)


def check_rows(rows: pa.Table, main: str, start_us: Instants, latest_us: int) -> list[Check]:
    """What may be wrong with the zone and the main stamp of rows."""
    unknown = read_offsets(rows["zone"])[1]
    early_late = check_instants(start_us, FIRST_US, latest_us)
    return [
        (unknown, "expected an offset such as UTC+10:00 in Cycle timezone"),
        (start_us == MISSING, f"expected a date and time in {main}, such as 2024-05-01 22:48:03"),
        *early_late[1:],
    ]


def check_span(
    rows: pa.Table, names: tuple[str, str], edges: tuple[Instants, Instants], hours: int
) -> list[Check]:
    """What may be wrong with a start and an end of which either may be empty."""
    checks = [
        ((t_us == MISSING) & ~blank(rows[name]), f"the cell {name} holds no date and time")
        for name, t_us in zip(names, edges, strict=True)
    ]
    both = (edges[0] != MISSING) & (edges[1] != MISSING)
    length = np.where(both, edges[1], 0) - np.where(both, edges[0], 0)
    return [
        *checks,
        (both & (length <= 0), "ends before it starts"),
        (length > hours * 60 * MINUTE_US, f"longer than {hours} hours"),
    ]


# --- readers ------------------------------------------------------------------------------------


def read_cycles(records: Records, latest_us: int) -> Iterator[Batch | Rejected | Remark]:
    """Nightly values and scores of each cycle: of its final wake, HRV of its sleep."""
    rows = records.rows
    offset, _ = read_offsets(rows["zone"])
    start_us, end_us, onset_us, wake_us = (place(rows[n], offset) for n in ("start", "end", "onset", "wake"))
    checks = check_rows(rows, "Cycle start time", start_us, latest_us)
    checks += check_span(rows, ("start", "end"), (start_us, end_us), 14 * 24)
    checks += check_span(rows, ("onset", "wake"), (onset_us, wake_us), SLEEP_MAX_H)
    keep, rejected = refuse_rows(rows, checks, VITAL)
    yield rejected
    rows, offset = rows.filter(pa.array(keep)), offset[keep]
    start_us, end_us, onset_us, wake_us = (t[keep] for t in (start_us, end_us, onset_us, wake_us))
    slept = (onset_us != MISSING) & (wake_us != MISSING)
    proven = np.zeros(offset.size, dtype=np.bool_)
    # A night's values belong to the date of its final wake; HRV is of the span from onset on.
    at_wake = Moments(np.where(slept, wake_us, start_us), offset, proven)
    span_s = np.where(slept, (wake_us - np.where(slept, onset_us, 0)) / 1e6, np.nan)
    asleep = Moments(np.where(slept, onset_us, start_us), offset, proven, span_s)
    closed = Moments(np.where(end_us == MISSING, MISSING, at_wake.t_us), offset, proven)
    for quantity, when in [(NIGHT_HRV, asleep), (STRAIN, closed), *((q, at_wake) for q in NIGHT)]:
        yield from take_quantity(rows, quantity, when)


def read_sleeps(records: Records, latest_us: int) -> Iterator[Batch | Rejected | Remark]:
    """Sleeps and naps, as episodes without stages: the export has totals only."""
    rows = records.rows
    offset, _ = read_offsets(rows["zone"])
    start_us, end_us = place(rows["onset"], offset), place(rows["wake"], offset)
    nap = read_answers(rows["nap"])
    checks = check_rows(rows, "Sleep onset", start_us, latest_us)
    checks += [
        (end_us == MISSING, "expected a date and time in Wake onset"),
        *check_span(rows, ("onset", "wake"), (start_us, end_us), SLEEP_MAX_H),
        (nap.unknown, "expected true or false in Nap"),
    ]
    keep, rejected = refuse_rows(rows, checks, "signal.sleep_episode")
    yield rejected
    rows, offset, start_us, end_us = rows.filter(pa.array(keep)), offset[keep], start_us[keep], end_us[keep]
    columns = {
        "episode": name_instants(start_us),
        "t_utc": instants(start_us),
        "offset_min": pa.array(offset),
        "end_utc": instants(end_us),
        "end_offset_min": pa.array(offset),
        "scoring": pa.nulls(rows.num_rows, pa.string()),
        "vendor_main": pa.array(~nap.yes[keep], mask=~nap.given[keep]),
        "in_bed": pa.nulls(rows.num_rows, pa.bool_()),
        "tz_assumed": constant(value=False, count=rows.num_rows),
        "revision": pa.nulls(rows.num_rows, pa.int64()),
    }
    whole = not rejected.rows.num_rows and not records.broken.num_rows
    complete = spans("signal.sleep_episode", rows, start_us, end_us) if whole else ()
    yield Batch("signal.sleep_episode", lay_out(rows, columns), complete)
    at_wake = Moments(end_us, offset, np.zeros(offset.size, dtype=np.bool_))
    for quantity in MINUTES:
        yield from take_quantity(rows, quantity, at_wake)


def read_workouts(records: Records, latest_us: int) -> Iterator[Batch | Rejected | Remark]:
    """Workouts; who found them, the person or the strap, is not said."""
    rows = records.rows
    offset, _ = read_offsets(rows["zone"])
    start_us, end_us = place(rows["onset"], offset), place(rows["wake"], offset)
    hr_bpm, no_number = read_numbers(rows["hr_bpm"])
    checks = check_rows(rows, "Workout start time", start_us, latest_us)
    checks += [
        (end_us == MISSING, "expected a date and time in Workout end time"),
        *check_span(rows, ("onset", "wake"), (start_us, end_us), WORKOUT_MAX_H),
        (no_number, "expected a number in Average HR (bpm)"),
        (
            (hr_bpm != 0) & ((hr_bpm < HR_MIN_BPM) | (hr_bpm > HR_MAX_BPM)),
            "heart rate outside 20 to 250 a minute",
        ),
    ]
    keep, rejected = refuse_rows(rows, checks, "signal.workout")
    yield rejected
    rows, offset, start_us, hr_bpm = rows.filter(pa.array(keep)), offset[keep], start_us[keep], hr_bpm[keep]
    activity = pc.utf8_lower(pc.fill_null(rows["activity"].combine_chunks(), ""))
    columns = {
        "workout": pc.binary_join_element_wise(name_instants(start_us), activity, " "),
        "t_utc": instants(start_us),
        "offset_min": pa.array(offset),
        "end_utc": instants(end_us[keep]),
        "activity": pc.if_else(pc.equal(activity, ""), pa.scalar(None, pa.string()), activity),
        "detected": pa.nulls(rows.num_rows, pa.bool_()),
        "hr_mean_bpm": pa.array(hr_bpm, mask=~(hr_bpm > 0)),
        "steps": pa.nulls(rows.num_rows, pa.int32()),
        "revision": pa.nulls(rows.num_rows, pa.int64()),
        "tz_assumed": constant(value=False, count=rows.num_rows),
    }
    yield Batch("signal.workout", lay_out(rows, columns))


def read_journal(records: Records, latest_us: int) -> Iterator[Batch | Rejected | Remark]:
    """Questions of the journal that were answered with a clear yes and are events of ours."""
    rows = records.rows
    offset, _ = read_offsets(rows["zone"])
    start_us = place(rows["start"], offset)
    answers = read_answers(rows["answer"])
    checks = check_rows(rows, "Cycle start time", start_us, latest_us)
    checks.append((answers.unknown, "expected true or false in Answered yes"))
    keep, rejected = refuse_rows(rows, checks, "signal.event")
    yield rejected
    asked = [str(text or "").strip().casefold() for text in rows["question"].to_pylist()]
    events = [QUESTIONS.get(text) for text in asked]
    other = {text for text, event in zip(asked, events, strict=True) if event is None}
    if other:
        n_other = sum(event is None for event in events)
        yield Remark(f"{n_other} journal answers to {len(other)} other questions were left out.")
    keep &= answers.yes & np.array([event is not None for event in events], dtype=np.bool_)
    kept = rows.filter(pa.array(keep))
    columns = {
        "event": pa.array(events, pa.string()).filter(pa.array(keep)),
        "t_utc": instants(start_us[keep]),
        "offset_min": pa.array(offset[keep]),
        "end_utc": pa.nulls(kept.num_rows, pa.timestamp("us")),
        "app": pa.nulls(kept.num_rows, pa.string()),
        "amount": pa.nulls(kept.num_rows, pa.float64()),
        "tz_assumed": constant(value=False, count=kept.num_rows),
    }
    yield Batch("signal.event", lay_out(kept, columns))


@dataclass(frozen=True)
class Answers:
    """Cells of yes and no: which are yes, which are given, which say something else."""

    yes: Flags
    given: Flags
    unknown: Flags


def read_answers(column: pa.ChunkedArray) -> Answers:
    """Read cells that say true or false."""
    texts = [str(text or "").strip().lower() for text in column.to_pylist()]
    yes = np.array([ANSWERS.get(text, False) for text in texts], dtype=np.bool_)
    given = np.array([text in ANSWERS for text in texts], dtype=np.bool_)
    return Answers(yes, given, np.array([text != "" for text in texts], dtype=np.bool_) & ~given)


def name_instants(t_us: Instants) -> pa.Array:
    """Instants as identifiers, where the vendor gives none: 2024-05-01T12:48:03Z."""
    texts = np.datetime_as_string(t_us.astype("datetime64[us]").astype("datetime64[s]"), timezone="UTC")
    return pa.array(texts.tolist(), pa.string())


CYCLE = {
    "start": ("Cycle start time",),
    "end": ("Cycle end time",),
    "zone": ("Cycle timezone",),
}
SPLIT = {
    "asleep_min": ("Asleep duration (min)",),
    "in_bed_min": ("In bed duration (min)",),
    "light_min": ("Light sleep duration (min)",),
    "deep_min": ("Deep (SWS) duration (min)",),
    "rem_min": ("REM duration (min)",),
    "awake_min": ("Awake duration (min)",),
}
TOTALS = {
    "sleep_performance": ("Sleep performance %",),
    "respiration": ("Respiratory rate (rpm)",),
    "sleep_need_min": ("Sleep need (min)",),
    "sleep_debt_min": ("Sleep debt (min)",),
    "sleep_efficiency": ("Sleep efficiency %",),
    "sleep_consistency": ("Sleep consistency %",),
}


def spelled(columns: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The vendor's names of columns, in lower case."""
    return frozenset(spelling.casefold() for spellings in columns.values() for spelling in spellings)


SPENT = frozenset({"energy burned (cal)", "max hr (bpm)", "average hr (bpm)"})
ROUTE = frozenset(
    {
        "gps enabled",
        "distance (meters)",
        "altitude gain (meters)",
        "altitude change (meters)",
        "duration (min)",
    }
)
ZONES = frozenset(f"hr zone {number} %" for number in range(1, 6))

STREAMS: tuple[Stream, ...] = (
    Stream(
        "physiological_cycles.csv",
        VITAL,
        {
            **CYCLE,
            **TOTALS,
            "onset": ("Sleep onset",),
            "wake": ("Wake onset",),
            "recovery": ("Recovery score %",),
            "resting_hr": ("Resting heart rate (bpm)",),
            "hrv": ("Heart rate variability (ms)",),
            "skin_temperature": ("Skin temp (celsius)",),
            "spo2": ("Blood oxygen %",),
            "strain": ("Day Strain",),
        },
        ("start", "zone"),
        read_cycles,
        SPENT | spelled(SPLIT),
    ),
    Stream(
        "sleeps.csv",
        "signal.sleep_episode",
        {**CYCLE, **SPLIT, "onset": ("Sleep onset",), "wake": ("Wake onset",), "nap": ("Nap",)},
        ("zone", "onset", "wake"),
        read_sleeps,
        spelled(TOTALS),
    ),
    Stream(
        "workouts.csv",
        "signal.workout",
        {
            **CYCLE,
            "onset": ("Workout start time",),
            "wake": ("Workout end time",),
            "activity": ("Activity name",),
            "hr_bpm": ("Average HR (bpm)",),
        },
        ("zone", "onset", "wake"),
        read_workouts,
        SPENT | ROUTE | ZONES | {"activity strain"},
    ),
    Stream(
        "journal_entries.csv",
        "signal.event",
        {**CYCLE, "question": ("Question text",), "answer": ("Answered yes", "Answered yes/no")},
        ("start", "zone", "question", "answer"),
        read_journal,
        frozenset({"notes"}),
    ),
)
"""The four files, in the order in which they are read."""
