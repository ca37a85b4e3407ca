"""Oura: API v2 documents (JSON, or the same rows as CSV) and the account export (`App Data/*.csv`).

Documents are `{"data": […]}` or a bare list. In CSV a list or object stands inside a cell as JSON or as
Python text, which is read as a literal and never run.

Time: bedtimes carry the offset that held; they are proof, and prove the midnights around them. Stamps
at +00:00 (heart rate) are instants of UTC, whose offset is that of the nearest proven midnight, else of
the person's zone (flagged). Where all bedtimes of an export are at +00:00 and the person's zone never
is, they prove nothing; that is said. Daily documents have a date only: local midnight.

Sleeps of type `deleted` are left out; `rest` is no sleep, but its heart rates and HRV are kept.
Oura's lowest heart rate is not taken for a resting heart rate: the five-minute values tell more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MINUTE_US,
    MISSING,
    About,
    Batch,
    Check,
    Clock,
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
    Stretches,
    check_end,
    check_instants,
    constant,
    instants,
    lay_out,
    lay_out_episodes,
    lay_out_stages,
    parse_documents,
    parse_zoned,
    peek,
    place_days,
    place_stamps,
    prove_clock,
    read_cell,
    refuse_one,
    refuse_rows,
    settle_clock,
    spans,
    take_quantity,
    to_us,
    write_cell,
)

NAME = "oura"
METHOD_VERSION = "oura-1"
ABOUT = About(
    device="Oura ring",
    layouts="API v2 documents as JSON or CSV (`sleep`, `heartrate`, `daily_readiness`, `daily_sleep`, `daily_stress`,"
    " `daily_spo2`, `daily_activity`, `daily_resilience`, `workout`, also named `oura_…`); CSV of the account export"
    " (`App Data/sleepmodel.csv`, `heartrate.csv`, `dailyreadiness.csv`, `temperature.csv`, …)",
    signals="heart rate, HRV (RMSSD) every five minutes of sleep and its nightly mean, sleep with stages, respiration,"
    " SpO2, skin temperature and its deviation, workouts; readiness, sleep, activity, stress and day's steps as"
    " vendor scores",
    zone="bedtimes carry their offset, which is proof for the midnights around them; other stamps are UTC and take"
    " the nearest proven offset, else the person's zone (flagged)",
    quirks="deleted sleeps are left out; rest is no sleep; null and 0 in a series mean no value; of two hypnograms"
    " the one of 30 s is read; a day's steps are a total from 4 am, so they are no step signal",
    how_to_export="At membership.ouraring.com open Export data, choose Request your data, wait for the mail, download"
    " the zip, and load it as it is.",
)

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2013-01-01", "us").astype(np.int64))
"""Oura was founded in 2013: nothing of it is older."""
HR_MIN_BPM, HR_MAX_BPM = 20.0, 250.0
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 72
FIVE_MIN_S = 300
ITEMS_MAX = 100_000

TYPES: dict[str, bool | None] = {
    "long_sleep": True,
    "sleep": False,
    "late_nap": False,
    "rest": None,
    "deleted": None,
}
"""Types of sleep documents: whether it is the main sleep; None for what is no sleep."""
PHASES = {"1": "deep", "2": "light", "3": "rem", "4": "wake"}
FOUND_BY: dict[str, bool] = {
    "manual": False,
    "workout_heart_rate": False,
    "autodetected": True,
    "confirmed": True,
}
"""Whether the ring found a workout, by its source; a source that is not here leaves it open."""

VITAL, SCORE, HRV, HEART = "signal.vital", "signal.vendor_score", "signal.hrv_sample", "signal.heart_rate"
BPM = Quantity("bpm", HEART, "heart rate", HR_MIN_BPM, HR_MAX_BPM, "/min", none=(0.0,))
ITEM = Quantity("value", HEART, "heart rate", HR_MIN_BPM, HR_MAX_BPM, "/min", none=(0.0,))
RMSSD = Quantity("value", HRV, "rmssd_5min", 1, 500, "ms", none=(0.0,))
BREATH = Quantity("average_breath", VITAL, "respiration", 4, 60, "/min", none=(0.0,))
NIGHT_HRV = Quantity("average_hrv", HRV, "rmssd_night", 1, 500, "ms", none=(0.0,))
SKIN = Quantity("skin_temp", VITAL, "skin_temperature", 15, 45, "Cel", none=(0.0,))
DAILY: dict[str, tuple[Quantity, ...]] = {
    "dailyreadiness": (
        Quantity("score", SCORE, "readiness", 0, 100),
        Quantity("temperature_deviation", VITAL, "skin_temperature_deviation", -10, 10, "Cel"),
    ),
    "dailysleep": (Quantity("score", SCORE, "sleep_score", 0, 100),),
    "dailyactivity": (
        Quantity("score", SCORE, "activity_score", 0, 100),
        Quantity("steps", SCORE, "steps_day", 0, 200_000),
    ),
    "dailystress": (
        Quantity("stress_high", SCORE, "stress_high_s", 0, 86_400),
        Quantity("recovery_high", SCORE, "recovery_high_s", 0, 86_400),
    ),
    "dailyspo2": (Quantity("spo2_percentage", VITAL, "spo2", 50, 100, "%", none=(0.0,)),),
    "dailyresilience": (),
}
LABELS = {"dailystress": ("day_summary", "stress_day"), "dailyresilience": ("level", "resilience")}
"""Words that the vendor gives for a day: the column, and the score's name."""


@dataclass(frozen=True)
class Kind:
    """Documents of one kind: what shows that a file is of it, its fields, and the table it feeds."""

    name: str
    marks: tuple[bytes, ...]
    """Names that its header or first record has, one of them at least."""
    table: str
    columns: tuple[str, ...]
    needed: tuple[str, ...]
    beside: bytes = b""
    """A name that must be there too, where the others are no vendor's own."""


KINDS: tuple[Kind, ...] = (
    Kind(
        "sleep",
        (b"bedtime_start", b"bedtime_end"),
        "signal.sleep_episode",
        (
            "id",
            "type",
            "bedtime_start",
            "bedtime_end",
            "average_breath",
            "average_hrv",
            "heart_rate",
            "hrv",
            "sleep_phase_30_sec",
            "sleep_phase_5_min",
        ),
        ("bedtime_start", "bedtime_end", "type"),
    ),
    Kind("heartrate", (b"bpm",), HEART, ("timestamp", "bpm"), ("timestamp", "bpm"), beside=b"timestamp"),
    Kind("temperature", (b"skin_temp",), VITAL, ("timestamp", "skin_temp"), ("timestamp", "skin_temp")),
    Kind(
        "workout",
        (b"start_datetime",),
        "signal.workout",
        ("id", "activity", "source", "start_datetime", "end_datetime"),
        ("start_datetime", "end_datetime"),
    ),
    Kind(
        "dailyreadiness",
        (b"temperature_deviation",),
        SCORE,
        ("day", "score", "temperature_deviation"),
        ("day",),
    ),
    Kind("dailysleep", (b"contributors",), SCORE, ("day", "score"), ("day", "score")),
    Kind("dailyactivity", (b"active_calories",), SCORE, ("day", "score", "steps"), ("day",)),
    Kind(
        "dailystress",
        (b"stress_high",),
        SCORE,
        ("day", "stress_high", "recovery_high", "day_summary"),
        ("day",),
    ),
    Kind("dailyspo2", (b"spo2_percentage",), VITAL, ("day", "spo2_percentage"), ("day", "spo2_percentage")),
    Kind("dailyresilience", (b"contributors",), SCORE, ("day", "level"), ("day", "level")),
)
ALIASES = {"sleepmodel": "sleep"}
FILE = re.compile(r"(?:oura[_-])?([a-z][a-z0-9_]*?)(?:[_-]\d{4}[-_\d]*)?\.(?:csv|json)", re.IGNORECASE)
LEFT_OUT = re.compile(
    r"(?:daytimestress|sleeptime|ringbatterylevel|ringconfiguration|enhancedtag|tag|session|vo2max|restmodeperiod"
    r"|dailycardiovascularage|dailysmoothedcardiovascularage|rawlocation|bloodglucose|meal|fooditem)"
)
"""Files of the account export that are known and left out, in its folder only."""
EXPORT_FOLDER = "app data/"


def claims(member: Member) -> bool:
    """Whether the member holds Oura's documents: by its name and a field that only these have."""
    kind = find_kind(member.name)
    if kind is None:
        return (
            LEFT_OUT.fullmatch(plain_name(member.name)) is not None and EXPORT_FOLDER in member.path.lower()
        )
    head = peek(member)
    return any(mark in head for mark in kind.marks) and kind.beside in head


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds (its main one); None for one that is left out."""
    kind = find_kind(name)
    return None if kind is None else kind.table


def plain_name(name: str) -> str:
    """What a file is called, without prefix, date, underscores and ending; '' if not like that."""
    found = FILE.fullmatch(name)
    return "" if found is None else found[1].lower().replace("_", "")


def find_kind(name: str) -> Kind | None:
    """The row of KINDS that a base name fits."""
    plain = plain_name(name)
    return next((kind for kind in KINDS if kind.name == ALIASES.get(plain, plain)), None)


@dataclass(frozen=True)
class Reading:
    """What the readers share: the clock that the bedtimes prove, and the latest instant that may be."""

    clock: Clock
    latest_us: int


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export; the bedtimes of all members settle the clock."""
    kinds = [find_kind(member.name) for member in export.members]
    sleeps = {
        i: load_rows(export, context, i, kind)
        for i, kind in enumerate(kinds)
        if kind is not None and kind.name == "sleep"
    }
    clock, remarks = settle(context.zone, [rows for rows, _ in sleeps.values()])
    yield from remarks
    reading = Reading(clock, to_us(export.exported_utc) + DAY_US)
    for i in export.fresh:
        kind = kinds[i]
        if kind is None:
            continue
        rows, refused = sleeps[i] if i in sleeps else load_rows(export, context, i, kind)
        yield from refused
        reader = READERS.get(kind.name)
        yield from reader(rows, reading) if reader else read_daily(rows, reading, kind.name)


def load_rows(export: Export, context: Context, i: int, kind: Kind) -> tuple[pa.Table, list[Rejected]]:
    """The fields of one member's documents as columns of text, whichever way they are written."""
    if export.members[i].name.lower().endswith(".csv"):
        columns: Mapping[str, Sequence[str]] = {name: (name,) for name in kind.columns}
        refused = []
        rows = empty_rows(kind)
        for records in context.read_csv(export, [i], kind.table, columns, needed=kind.needed):
            rows = records.rows
            refused = [Rejected(records.broken)] if records.broken.num_rows else []
        return rows, refused
    found = parse_documents(export.members[i].read(), "data")
    refused = []
    if found.reason:
        name = kind.table if found.records else "file"
        record = len(found.records) if found.records else None
        refused.append(refuse_one(i, name, record, found.place, found.reason, found.raw))
    kept = []
    for number, document in enumerate(found.records):
        if isinstance(document, dict) and set(kind.needed) <= set(document):
            cells = {name: write_cell(document.get(name)) for name in kind.columns}
            kept.append({"member": i, "record": number, **cells})
        else:
            reason = f"expected an object with {', '.join(kind.needed)}"
            raw = write_cell(document) or "null"
            refused.append(refuse_one(i, kind.table, number, f"record {number}", reason, raw))
    return pa.Table.from_pylist(kept, schema=empty_rows(kind).schema), refused


def empty_rows(kind: Kind) -> pa.Table:
    """Rows of no document."""
    fields = [(name, pa.string()) for name in kind.columns]
    return pa.schema([("member", pa.int32()), ("record", pa.int64()), *fields]).empty_table()


# --- time ---------------------------------------------------------------------------------------


def settle(zone: str, sleeps: Sequence[pa.Table]) -> tuple[Clock, list[Remark]]:
    """The clock that bedtimes prove, unless they are plainly in UTC."""
    ends = [rows[name] for rows in sleeps for name in ("bedtime_start", "bedtime_end")]
    zoned = parse_zoned(pa.chunked_array([c for end in ends for c in end.chunks], pa.string()))
    good = (zoned.t_us != MISSING) & ~zoned.naive
    t_us, offset = zoned.t_us[good], zoned.offset_min[good]
    assumed = settle_clock(zone, Midnights(*np.zeros((3, 0), dtype=np.int64)))
    if t_us.size and not offset.any() and assumed.of_utc(t_us)[0].all():
        text = f"All bedtimes are written at +00:00, where {zone} never is: their offsets are the zone's, unproven."
        return assumed, [Remark(text)]
    return prove_clock(zone, t_us, offset), []


# --- readers ------------------------------------------------------------------------------------


def read_daily(rows: pa.Table, reading: Reading, name: str) -> Iterator[Batch | Rejected]:
    """Values and words of single days."""
    when = place_days(rows["day"], reading.clock)
    checks = check_instants(when.t_us, FIRST_US, reading.latest_us)
    keep, rejected = refuse_rows(rows, [(checks[0][0], "expected a date in day"), *checks[1:]], SCORE)
    yield rejected
    rows, when = rows.filter(pa.array(keep)), when.filter(keep)
    if name == "dailyspo2":
        averages = [average_of(text) for text in rows["spo2_percentage"].to_pylist()]
        at = rows.column_names.index("spo2_percentage")
        rows = rows.set_column(at, "spo2_percentage", pa.array(averages, pa.string()))
    for quantity in DAILY[name]:
        yield from take_quantity(rows, quantity, when)
    if name in LABELS:
        yield lay_out_labels(rows, *LABELS[name], when)


def average_of(text: str | None) -> str | None:
    """The average out of a cell such as {"average": 97.1}; other cells as they are."""
    value = read_cell(text)
    return write_cell(value.get("average")) if isinstance(value, dict) else text


def lay_out_labels(rows: pa.Table, column: str, score: str, when: Moments) -> Batch:
    """Words for days, as scores without a value."""
    words = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(rows[column].combine_chunks(), "")))
    keep = np.asarray(pc.greater(pc.utf8_length(words), 0).to_numpy(zero_copy_only=False), dtype=np.bool_)
    at, count = when.filter(keep), int(keep.sum())
    columns = {
        "score": constant(score, count),
        "t_utc": instants(at.t_us),
        "offset_min": pa.array(at.offset_min),
        "value": pa.nulls(count, pa.float64()),
        "label": words.filter(pa.array(keep)),
        "tz_assumed": pa.array(at.assumed),
    }
    return Batch(SCORE, lay_out(rows.filter(pa.array(keep)), columns))


def read_heart_rate(rows: pa.Table, reading: Reading) -> Iterator[Batch | Rejected]:
    """Heart rates of day and night, every five minutes or so."""
    yield from take_checked(rows, BPM, place_stamps(rows["timestamp"], reading.clock), reading.latest_us)


def read_temperature(rows: pa.Table, reading: Reading) -> Iterator[Batch | Rejected]:
    """Skin temperatures of moments."""
    yield from take_checked(rows, SKIN, place_stamps(rows["timestamp"], reading.clock), reading.latest_us)


def take_checked(
    rows: pa.Table, quantity: Quantity, when: Moments, latest_us: int, *checks: Check
) -> Iterator[Batch | Rejected]:
    """One quantity of rows whose instants, and what else is given, are checked first."""
    yield from take_quantity(rows, quantity, when, [*check_instants(when.t_us, FIRST_US, latest_us), *checks])


def read_workouts(rows: pa.Table, reading: Reading) -> Iterator[Batch | Rejected]:
    """Workouts that the ring found or the person logged."""
    start, end = (
        place_stamps(rows["start_datetime"], reading.clock),
        place_stamps(rows["end_datetime"], reading.clock),
    )
    checks = check_instants(start.t_us, FIRST_US, reading.latest_us)
    checks += check_end(start.t_us, end.t_us, WORKOUT_MAX_H)
    keep, rejected = refuse_rows(rows, checks, "signal.workout")
    yield rejected
    rows, start, end = rows.filter(pa.array(keep)), start.filter(keep), end.filter(keep)
    activity = pc.utf8_lower(rows["activity"].combine_chunks())
    found_by = [FOUND_BY.get(str(text or "").lower()) for text in rows["source"].to_pylist()]
    columns = {
        "workout": pc.coalesce(rows["id"].combine_chunks(), rows["start_datetime"].combine_chunks()),
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us),
        "activity": activity,
        "detected": pa.array(found_by, pa.bool_()),
        "hr_mean_bpm": pa.nulls(rows.num_rows, pa.float64()),
        "steps": pa.nulls(rows.num_rows, pa.int32()),
        "revision": pa.nulls(rows.num_rows, pa.int64()),
        "tz_assumed": pa.array(start.assumed),
    }
    yield Batch("signal.workout", lay_out(rows, columns))


# --- sleep --------------------------------------------------------------------------------------


def read_sleeps(rows: pa.Table, reading: Reading) -> Iterator[Batch | Rejected | Remark]:
    """Sleep documents: episodes, stages, and the series inside them."""
    kinds = np.array([str(text or "").strip().lower() for text in rows["type"].to_pylist()], dtype=np.str_)
    start, end = (place_stamps(rows[name], reading.clock) for name in ("bedtime_start", "bedtime_end"))
    checks = [
        (~np.isin(kinds, list(TYPES)), f"a type of sleep that is not known: expected {', '.join(TYPES)}"),
        *check_instants(start.t_us, FIRST_US, reading.latest_us),
        *check_end(start.t_us, end.t_us, SLEEP_MAX_H),
    ]
    deleted = kinds == "deleted"
    keep, rejected = refuse_rows(rows, [(bad & ~deleted, why) for bad, why in checks], "signal.sleep_episode")
    yield rejected
    if deleted.any():
        yield Remark(f"{int(deleted.sum())} sleeps that the wearer deleted were left out.")
    keep &= ~deleted
    rows, kinds, start, end = rows.filter(pa.array(keep)), kinds[keep], start.filter(keep), end.filter(keep)
    yield from read_series(rows, reading)
    slept = np.array([TYPES[kind] is not None for kind in kinds.tolist()], dtype=np.bool_)
    rows, kinds, start, end = (
        rows.filter(pa.array(slept)),
        kinds[slept],
        start.filter(slept),
        end.filter(slept),
    )
    main = kinds == "long_sleep"
    span_s = (end.t_us - start.t_us) / 1e6
    nights, at = rows.filter(pa.array(main)), Moments(start.t_us, start.offset_min, start.assumed, span_s)
    yield from take_quantity(nights, NIGHT_HRV, at.filter(main))
    # A night's values belong to the date of its final wake.
    yield from take_quantity(nights, BREATH, end.filter(main))
    yield from lay_out_sleeps(rows, main, start, end, reading.clock, whole=not rejected.rows.num_rows)


def lay_out_sleeps(
    rows: pa.Table, main: Flags, start: Moments, end: Moments, clock: Clock, *, whole: bool
) -> Iterator[Batch | Rejected]:
    """Episodes and their stages; complete if no sleep of the member was refused."""
    parts, staged, unknown = read_phases(rows, start.t_us)
    wrong = [(unknown, f"a sleep phase that is not known: expected {', '.join(PHASES)}")]
    episode = pc.coalesce(rows["id"].combine_chunks(), rows["bedtime_start"].combine_chunks())
    rows = rows.append_column("episode", episode)
    yield refuse_rows(rows, wrong, "signal.sleep_stage")[1]
    complete = spans("signal.sleep_episode", rows, start.t_us, end.t_us) if whole else ()
    episodes = lay_out_episodes(rows, start, end, staged=staged, main=pa.array(main), in_bed=True)
    yield Batch("signal.sleep_episode", episodes, complete)
    complete = spans("signal.sleep_stage", rows, start.t_us, end.t_us) if whole and not unknown.any() else ()
    yield Batch("signal.sleep_stage", lay_out_stages(rows, parts, start, end, clock), complete)


def read_phases(rows: pa.Table, start_us: Instants) -> tuple[Stretches, Flags, Flags]:
    """Hypnograms as stretches, which sleeps have one, and which have one with an unknown digit."""
    logs, starts, ends, stages = [], [], [], []
    unknown = np.zeros(rows.num_rows, dtype=np.bool_)
    staged = np.zeros(rows.num_rows, dtype=np.bool_)
    fine, coarse = rows["sleep_phase_30_sec"].to_pylist(), rows["sleep_phase_5_min"].to_pylist()
    for i, (half, five) in enumerate(zip(fine, coarse, strict=True)):
        epoch_us, text = (30_000_000, half) if half and half.strip() else (FIVE_MIN_S * 1_000_000, five or "")
        digits = text.strip()
        unknown[i] = bool(set(digits) - set(PHASES))
        staged[i] = bool(digits) and not unknown[i]
        for run in re.finditer(r"(.)\1*", digits) if staged[i] else ():
            logs.append(i)
            starts.append(int(start_us[i]) + run.start() * epoch_us)
            ends.append(int(start_us[i]) + run.end() * epoch_us)
            stages.append(PHASES[run[1]])
    log, start, end = (np.array(values, dtype=np.int64) for values in (logs, starts, ends))
    return Stretches(log, start, end, np.array(stages, dtype="U8")), staged, unknown


def read_series(rows: pa.Table, reading: Reading) -> Iterator[Batch | Rejected]:
    """Heart rate and RMSSD every five minutes, out of the lists inside sleep documents."""
    for name in ("heart_rate", "hrv"):
        found, odd = unroll(rows, name)
        table = HEART if name == "heart_rate" else HRV
        expected = f"expected {name} to have a timestamp, an interval in seconds and a list of items"
        yield refuse_rows(rows.select(["member", "record", name]), [(odd, expected)], table)[1]
        when = place_stamps(found["timestamp"], reading.clock)
        step_us = (found["interval"].to_numpy() * found["number"].to_numpy() * 1e6).astype(np.int64)
        t_us = np.where(when.t_us == MISSING, MISSING, when.t_us + step_us)
        offset, assumed = reading.clock.of_utc(np.where(t_us == MISSING, 0, t_us))
        at = Moments(t_us, offset, assumed, found["interval"].to_numpy())
        if name == "heart_rate":
            yield from take_checked(found, ITEM, at, reading.latest_us)
        else:
            # RMSSD of another length would be another kind of value.
            five = found["interval"].to_numpy() == FIVE_MIN_S
            odd_length = (~five, "expected an interval of 300 s in hrv")
            yield from take_checked(found, RMSSD, at, reading.latest_us, odd_length)


def unroll(rows: pa.Table, name: str) -> tuple[pa.Table, Flags]:
    """Lists inside documents, one row an item that is there, and where the column holds no such list."""
    out: list[dict[str, object]] = []
    odd = np.zeros(rows.num_rows, dtype=np.bool_)
    columns = (rows["member"].to_pylist(), rows["record"].to_pylist(), rows[name].to_pylist())
    for i, (member, record, text) in enumerate(zip(*columns, strict=True)):
        if text is None or not text.strip() or text.strip().lower() in ("null", "none"):
            continue
        series = read_cell(text)
        items, interval = series_of(series)
        odd[i] = items is None
        stamp = series.get("timestamp") if isinstance(series, dict) else None
        head = {"member": member, "record": record, "timestamp": write_cell(stamp), "interval": interval}
        out += [
            {**head, "number": number, "value": write_cell(value)}
            for number, value in enumerate(items or ())
            if value is not None
        ]
    return pa.Table.from_pylist(out, schema=SERIES), odd


def series_of(series: object) -> tuple[list[object] | None, float]:
    """The items and interval of a series; None where it is none."""
    if not isinstance(series, dict):
        return None, 0.0
    items, interval = series.get("items"), series.get("interval")
    if not isinstance(items, list) or not isinstance(interval, int | float) or len(items) > ITEMS_MAX:
        return None, 0.0
    return (items, float(interval)) if 1 <= interval <= 3600 else (None, 0.0)


SERIES = pa.schema(
    [
        ("member", pa.int32()),
        ("record", pa.int64()),
        ("timestamp", pa.string()),
        ("interval", pa.float64()),
        ("number", pa.int64()),
        ("value", pa.string()),
    ]
)
READERS: dict[str, Callable[[pa.Table, Reading], Iterator[Batch | Rejected | Remark]]] = {
    "sleep": read_sleeps,
    "heartrate": read_heart_rate,
    "temperature": read_temperature,
    "workout": read_workouts,
}
