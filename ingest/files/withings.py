"""Withings account export: CSV files whose column names follow the language of the account.

The raw files (`raw_tracker_hr.csv`) have a start, and in each cell a list of durations and of values
that follow each other; rows are in no order and thousands repeat a start. Of values at one instant the
one that stands for the longest time is kept, of equally long ones the smallest, so that the order of
rows never matters. Values of a bed sensor (`raw_bed_hr.csv`) are of the device `bed`.

Sleeps are those of `sleep.csv`; their stages come from `raw_tracker_sleep-state.csv`, cut to each
sleep, so the two must be loaded together. Of the totals (`aggregates_…`) a day's steps are kept, as a
vital; the others, places, calories and the bed sensor's other values are known and left out; weights,
blood pressure and ECG are not claimed.

Time: stamps carry an offset. A file whose stamps all have one offset that the person's zone has only for a
part of their dates was stamped with the offset of the export: then the zone's are used and flagged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MINUTE_US,
    MISSING,
    About,
    Batch,
    Clock,
    Context,
    Export,
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
    instants,
    lay_out,
    lay_out_episodes,
    lay_out_stages,
    measure,
    parse_zoned,
    peek,
    place_days,
    place_stamps,
    read_cell,
    read_numbers,
    refuse_one,
    refuse_rows,
    settle_clock,
    spans,
    take_quantity,
    to_us,
)

NAME = "withings"
METHOD_VERSION = "withings-2"
ABOUT = About(
    device="Withings watches and sleep mats",
    layouts="CSV of the account export: `raw_tracker_hr`, `raw_hr_hr`, `raw_bed_hr`, `raw_tracker_steps`,"
    " `aggregates_steps`, `raw_spo2_auto_spo2`, `raw_tracker_sleep-state`, `sleep`, `activities` (headers in English or"
    " German)",
    signals="heart rate, steps, a day's steps (as a vital), SpO2, sleep with stages, workouts",
    zone="stamps carry their offset; where a whole file has one offset across a change of the person's clocks, the"
    " zone's are used (flagged)",
    quirks="rows unsorted, lists in cells, many repeated starts (the longest value is kept); stages need sleep.csv"
    " beside raw_tracker_sleep-state.csv; other aggregates are left out",
    how_to_export="At account.withings.com or in the app open Profile, Settings, Download your data, wait for the mail,"
    " download the zip, and load it as it is.",
)

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2009-01-01", "us").astype(np.int64))
"""Withings sold its first device in 2009: nothing of it is older."""
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 72
STEPS_MAX = 1000
"""Steps in one minute; sprinters make about 300."""
SECONDS_MAX = 86_400
STATES = {0: "wake", 1: "light", 2: "deep", 3: "rem"}
"""Sleep states as the export's README and the vendor's API name them."""

HEART = Quantity("value", "signal.heart_rate", "heart rate", 20, 250, "/min", none=(0.0,))
SPO2 = Quantity("value", "signal.vital", "spo2", 50, 100, "%", none=(0.0,))
STEPS = Quantity("value", "signal.steps", "steps", 0, STEPS_MAX * 1440)
STEPS_DAY = Quantity("value", "signal.vital", "steps_day", 0, 200_000, "{count}", none=(0.0,))

RAW = {"start": ("start",), "duration": ("duration",), "value": ("value",)}
EDGES = {"start": ("from", "von"), "end": ("to", "bis")}
ACTIVITY = {
    **EDGES,
    "manual": ("from (manual)", "von (manuell)"),
    "activity": ("Activity type",),
    "data": ("Data",),
    "changed": ("Modified",),
}


@dataclass(frozen=True)
class Stream:
    """A file of the export: the table it feeds and how its raw values are taken."""

    name: str
    table: str
    quantity: Quantity | None = None
    device: str | None = None


DAYS = "aggregates_steps.csv"
STREAMS = (
    Stream("raw_tracker_hr.csv", HEART.table, HEART),
    Stream("raw_hr_hr.csv", HEART.table, HEART),
    Stream("raw_bed_hr.csv", HEART.table, HEART, "bed"),
    Stream("raw_tracker_steps.csv", STEPS.table, STEPS),
    Stream("raw_spo2_auto_spo2.csv", SPO2.table, SPO2),
    Stream("raw_tracker_sleep-state.csv", "signal.sleep_stage"),
    Stream("sleep.csv", "signal.sleep_episode"),
    Stream("activities.csv", "signal.workout"),
    Stream(DAYS, STEPS_DAY.table),
)
UNUSED = (
    *(
        "light (s)",
        "deep (s)",
        "awake (s)",
        "wake up",
        "leicht (s)",
        "tief (s)",
        "rem (s)",
        "wach (s)",
        "Aufwachen",
    ),
    *("Duration to sleep (s)", "Duration to wake up (s)", "Snoring (s)", "Snoring episodes"),
    *("Average heart rate", "Heart rate (min)", "Heart rate (max)"),
    *("to (manual)", "bis (manuell)", "Timezone", "GPS"),
)
"""Columns of sleeps and activities that are known and left out; in other languages they are counted as unknown."""
LEFT_OUT = re.compile(
    r"(?:raw_(?:tracker|bed|hr|location|spo2|swim|core_body_temperature)|aggregates)_.+\.csv"
)
RAW_HEADER = re.compile(rb'(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*"?start"?[,;]"?duration"?[,;]"?value"?')
MARKS = {
    "sleep.csv": re.compile(rb'(?:from|von)"?[,;]"?(?:to|bis)"?[,;].*\(s\)'),
    "activities.csv": re.compile(rb'(?:from|von)"?[,;]"?(?:to|bis)"?[,;].*activity type', re.IGNORECASE),
}


def claims(member: Member) -> bool:
    """Whether the member is a file of this export: by its name and its header."""
    name, head = member.name.lower(), peek(member)
    if name in MARKS:
        return MARKS[name].search(head.split(b"\n", 1)[0]) is not None
    if name.startswith("aggregates_"):
        return LEFT_OUT.fullmatch(name) is not None and head.startswith(
            (b"date,value", b"\xef\xbb\xbfdate,value")
        )
    return LEFT_OUT.fullmatch(name) is not None and RAW_HEADER.match(head) is not None


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds; None for one that is known and left out."""
    found = find_stream(name)
    return None if found is None else found.table


def find_stream(name: str) -> Stream | None:
    """The row of STREAMS that a base name is."""
    return next((row for row in STREAMS if row.name == name.lower()), None)


@dataclass(frozen=True)
class Reading:
    """What the readers share."""

    export: Export
    context: Context
    clock: Clock
    latest_us: int

    def rows(
        self, member: int, table: str, columns: Mapping[str, Sequence[str]], needed: Sequence[str]
    ) -> tuple[pa.Table, list[Rejected]]:
        """The columns of one member as text, and what could not be read of it."""
        for records in self.context.read_csv(self.export, [member], table, columns, needed=needed):
            self.context.count_unknown(self.export.members[member].name, records.ignored, UNUSED)
            return records.rows, [Rejected(records.broken)] if records.broken.num_rows else []
        empty = {name: pa.nulls(0, pa.string()) for name in columns}
        ids = {"member": pa.nulls(0, pa.int32()), "record": pa.nulls(0, pa.int64())}
        return pa.table({**ids, **empty}), []


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export."""
    clock = settle_clock(context.zone, Midnights(*np.zeros((3, 0), dtype=np.int64)))
    reading = Reading(export, context, clock, to_us(export.exported_utc) + DAY_US)
    names = [member.name.lower() for member in export.members]
    for member in export.fresh:
        row = find_stream(names[member])
        if row is not None and row.quantity is not None:
            yield from read_raw(member, row, row.quantity, reading)
        elif names[member] == "activities.csv":
            yield from read_activities(member, reading)
        elif names[member] == DAYS:
            yield from read_days(member, reading)
    if {"sleep.csv", "raw_tracker_sleep-state.csv"} & {names[member] for member in export.fresh}:
        yield from read_sleeps(reading, names)
    yield from context.tell_unknown()


def settle(column: pa.ChunkedArray, reading: Reading, name: str) -> tuple[Moments, list[Remark]]:
    """Stamps as moments, by the zone where their one offset is plainly that of the export."""
    when = place_stamps(column, reading.clock)
    zoned = parse_zoned(column)
    good = (when.t_us != MISSING) & ~zoned.naive
    if not good.any():
        return when, []
    own, zones = np.unique(zoned.offset_min[good]), reading.clock.of_utc(when.t_us[good])[0]
    if own.size > 1 or own[0] not in zones or np.unique(zones).size == 1:
        # The stamps' own offsets are what they say, +00:00 too.
        offset = np.where(good, zoned.offset_min, when.offset_min)
        return Moments(when.t_us, offset, when.assumed & ~good), []
    offset, assumed = reading.clock.of_utc(np.where(when.t_us == MISSING, 0, when.t_us))
    text = (
        f"{name} has one offset for all its dates, though the clocks of {reading.context.zone} changed between"
        " them: the zone's offsets were used."
    )
    return Moments(when.t_us, offset, assumed), [Remark(text)]


def read_days(member: int, reading: Reading) -> Iterator[Batch | Rejected]:
    """Steps of dates, which say nothing of when in the day."""
    columns = {"date": ("date",), "value": ("value",)}
    rows, refused = reading.rows(member, STEPS_DAY.table, columns, ("date", "value"))
    yield from refused
    when = place_days(rows["date"], reading.clock)
    yield from take_quantity(rows, STEPS_DAY, when, check_instants(when.t_us, FIRST_US, reading.latest_us))


# --- raw values ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unrolled:
    """Lists of durations and values, one row a value, with the place of its row and its own start."""

    row: Instants
    start_us: Instants
    seconds: npt.NDArray[np.float64]
    value: pa.Array


def split_lists(column: pa.ChunkedArray) -> pa.Array:
    """Cells such as [60,60] as lists of text; an empty one is no list."""
    text = pc.fill_null(column.combine_chunks(), "")
    is_list = pc.match_substring_regex(text, r"^\s*\[.*\]\s*$")
    inside = pc.utf8_trim_whitespace(pc.utf8_trim(text, characters="[] \t"))
    inside = pc.if_else(pc.and_(is_list, pc.not_equal(inside, "")), inside, pa.scalar(None, pa.string()))
    return pc.split_pattern(inside, ",")


def read_lists(
    member: int, row: Stream, reading: Reading
) -> Iterator[Rejected | Remark | tuple[pa.Table, Moments, Unrolled]]:
    """Unroll the lists of one raw file; the last thing given are the rows, their moments and the values."""
    rows, refused = reading.rows(member, row.table, RAW, ("start", "duration", "value"))
    yield from refused
    when, remarks = settle(rows["start"], reading, row.name)
    yield from remarks
    durations, values = split_lists(rows["duration"]), split_lists(rows["value"])
    n_durations = pc.fill_null(pc.list_value_length(durations), 0).to_numpy(zero_copy_only=False)
    n_values = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    checks = [
        *check_instants(when.t_us, FIRST_US, reading.latest_us),
        (n_values == 0, "expected a list such as [60,60] in value"),
        (n_durations != n_values, "expected as many durations as values"),
    ]
    keep, rejected = refuse_rows(rows, checks, row.table)
    yield rejected
    mask = pa.array(keep)
    rows, when, count = rows.filter(mask), when.filter(keep), n_values[keep]
    place = np.repeat(np.arange(count.size, dtype=np.int64), count)
    seconds, no_number = read_numbers(pc.list_flatten(durations.filter(mask)))
    value = pc.utf8_trim_whitespace(pc.list_flatten(values.filter(mask)))
    # A span of no known length makes the starts of what follows it in its list unknown.
    seconds = np.where(no_number | ~(seconds > 0) | (seconds > SECONDS_MAX), np.nan, seconds)
    before = np.concatenate([[0.0], np.cumsum(np.nan_to_num(seconds))])[:-1] if seconds.size else seconds
    lost = np.concatenate([[0], np.cumsum(np.isnan(seconds))])[:-1] if seconds.size else place
    first = np.cumsum(count) - count
    inside = before - before[first][place] if place.size else before
    known = (lost == lost[first][place]) if place.size else lost.astype(bool)
    start_us = np.where(known, when.t_us[place] + (inside * 1e6).astype(np.int64), MISSING)
    yield rows, when, Unrolled(place, start_us, seconds, value)


def read_raw(
    member: int, row: Stream, quantity: Quantity, reading: Reading
) -> Iterator[Batch | Rejected | Remark]:
    """Heart rates, steps or SpO2 of one raw file."""
    for found in read_lists(member, row, reading):
        if isinstance(found, Rejected | Remark):
            yield found
            continue
        rows, when, unrolled = found
        place = pa.array(unrolled.row)
        each = rows.select(["member", "record"]).take(place).append_column("value", unrolled.value)
        numbers, _ = read_numbers(unrolled.value)
        checks = [(unrolled.start_us == MISSING, "a duration before this value is no number of seconds")]
        if quantity is STEPS:
            too_fast = numbers > STEPS_MAX * np.maximum(1, np.nan_to_num(unrolled.seconds) / 60)
            checks += [
                (np.isnan(unrolled.seconds), "expected a duration in seconds, up to a day"),
                (too_fast, f"more than {STEPS_MAX} steps a minute"),
            ]
        keep, rejected = refuse_rows(each, checks, row.table)
        yield rejected
        at = Moments(
            unrolled.start_us, when.offset_min[unrolled.row], when.assumed[unrolled.row], unrolled.seconds
        ).filter(keep)
        each = each.filter(pa.array(keep))
        yield from keep_longest(each, numbers[keep], at, row, quantity)


def keep_longest(
    each: pa.Table, numbers: npt.NDArray[np.float64], at: Moments, row: Stream, quantity: Quantity
) -> Iterator[Batch | Rejected | Remark]:
    """One value an instant, whatever the order of rows; what is no value does not stand in the way of one."""
    wrong = measure(each, quantity, at).checks
    yield refuse_rows(each, wrong, row.table)[1]
    fine = ~np.any(np.stack([flags for flags, _ in wrong]), axis=0) & ~np.isnan(numbers)
    fine &= ~np.isin(numbers, quantity.none)
    each, numbers, at = each.filter(pa.array(fine)), numbers[fine], at.filter(fine)
    seconds = np.zeros(numbers.size) if at.span_s is None else np.nan_to_num(at.span_s)
    order = np.lexsort((numbers, -seconds, at.t_us))
    first = order[np.diff(at.t_us[order], prepend=MISSING) != 0]
    if first.size < numbers.size:
        yield Remark(
            f"{row.name}: {numbers.size - first.size} values repeat an instant; the longest was kept."
        )
    kept = np.zeros(numbers.size, dtype=np.bool_)
    kept[first] = True
    rows = measure(each.filter(pa.array(kept)), quantity, at.filter(kept)).rows
    if row.device is not None:
        rows = rows.append_column("device", pa.repeat(pa.scalar(row.device), rows.num_rows))
    yield Batch(row.table, rows)


# --- sleep --------------------------------------------------------------------------------------


def read_sleeps(reading: Reading, names: Sequence[str]) -> Iterator[Batch | Rejected | Remark]:
    """The sleeps of all members, with the raw states of all members as their stages."""
    raw, spoilt = [], False
    for member, name in enumerate(names):
        if name == "raw_tracker_sleep-state.csv":
            parts, others = read_states(member, reading)
            raw.append(parts)
            spoilt |= any(isinstance(other, Rejected) and other.rows.num_rows for other in others)
            if member in reading.export.fresh:
                yield from others
    if "sleep.csv" not in names:
        for member in reading.export.fresh:
            if names[member] == "raw_tracker_sleep-state.csv":
                reason = "its stages belong to the sleeps of sleep.csv: load the whole export together"
                yield refuse_one(member, "file", None, "file", reason, "")
        return
    start_us, end_us, stage = (np.concatenate([[], *(part[k] for part in raw)]) for k in range(3))
    order = np.lexsort((stage, end_us, start_us))
    states = (start_us[order].astype(np.int64), end_us[order].astype(np.int64), stage[order].astype(np.int64))
    for member, name in enumerate(names):
        if name == "sleep.csv":
            yield from read_nights(member, states, reading, spoilt=spoilt)


def read_states(
    member: int, reading: Reading
) -> tuple[tuple[Instants, Instants, Instants], list[Rejected | Remark]]:
    """Raw sleep states: start, end and code of each; a row with a code that is not known is refused."""
    row = next(s for s in STREAMS if s.name == "raw_tracker_sleep-state.csv")
    others: list[Rejected | Remark] = []
    empty = np.zeros(0, dtype=np.int64)
    states = (empty, empty, empty)
    for found in read_lists(member, row, reading):
        if isinstance(found, Rejected | Remark):
            others.append(found)
            continue
        rows, _, unrolled = found
        code, no_number = read_numbers(unrolled.value)
        unknown = np.zeros(rows.num_rows, dtype=np.bool_)
        unknown[unrolled.row[no_number | ~np.isin(code, list(STATES))]] = True
        lengthless = np.zeros(rows.num_rows, dtype=np.bool_)
        lengthless[unrolled.row[np.isnan(unrolled.seconds)]] = True
        known = ", ".join(f"{code} {stage}" for code, stage in STATES.items())
        checks = [
            (unknown, f"a sleep state that is not known: expected {known}"),
            (lengthless, "expected durations in seconds, up to a day"),
        ]
        keep, rejected = refuse_rows(rows, checks, row.table)
        others.append(rejected)
        good = keep[unrolled.row]
        start_us, seconds = unrolled.start_us[good], unrolled.seconds[good]
        states = (start_us, start_us + (seconds * 1e6).astype(np.int64), code[good].astype(np.int64))
    return states, others


def read_nights(
    member: int, states: tuple[Instants, Instants, Instants], reading: Reading, *, spoilt: bool
) -> Iterator[Batch | Rejected | Remark]:
    """The sleeps of one sleep.csv and their stages; of two with one start the longer is kept."""
    rows, refused = reading.rows(member, "signal.sleep_episode", EDGES, ("start", "end"))
    start, remarks = settle(rows["start"], reading, "sleep.csv")
    end, _ = settle(rows["end"], reading, "sleep.csv")
    checks = check_instants(start.t_us, FIRST_US, reading.latest_us)
    checks += check_end(start.t_us, end.t_us, SLEEP_MAX_H)
    keep, rejected = refuse_rows(rows, checks, "signal.sleep_episode")
    if member in reading.export.fresh:
        yield from refused
        yield from remarks
        yield rejected
    order = np.lexsort((-end.t_us, start.t_us))
    order = order[keep[order]]
    first = order[np.diff(start.t_us[order], prepend=MISSING) != 0]
    keep[:] = False
    keep[first] = True
    rows, start, end = rows.filter(pa.array(keep)), start.filter(keep), end.filter(keep)
    names = np.datetime_as_string(start.t_us.astype("datetime64[us]").astype("datetime64[s]"), timezone="UTC")
    rows = rows.append_column("episode", pa.array(names.tolist(), pa.string()))
    parts = share_out(states, start.t_us, end.t_us)
    stages = offset_stages(lay_out_stages(rows, parts, start, end, reading.clock), start, end, reading.clock)
    staged = np.isin(np.arange(rows.num_rows), parts.log)
    episodes = lay_out_episodes(
        rows, start, end, staged=staged, main=pa.nulls(rows.num_rows, pa.bool_()), in_bed=None
    )
    whole = not (rejected.rows.num_rows or any(other.rows.num_rows for other in refused))
    complete = spans("signal.sleep_episode", rows, start.t_us, end.t_us) if whole else ()
    yield Batch("signal.sleep_episode", episodes, complete)
    complete = spans("signal.sleep_stage", rows, start.t_us, end.t_us) if whole and not spoilt else ()
    yield Batch("signal.sleep_stage", stages, complete)


def offset_stages(stages: pa.Table, start: Moments, end: Moments, clock: Clock) -> pa.Table:
    """Stages with the offset of their sleep: that of its start, and from a change of the clocks that of its end."""
    if start.t_us.size == 0:
        return stages
    t_us = stages["t_utc"].cast(pa.int64()).to_numpy()
    order = np.argsort(start.t_us, kind="stable")
    log = order[np.maximum(np.searchsorted(start.t_us[order], t_us, side="right") - 1, 0)]
    changed = clock.of_utc(t_us)[0] == end.offset_min[log]
    offset = np.where(changed, end.offset_min[log], start.offset_min[log]).astype(np.int16)
    return stages.set_column(stages.column_names.index("offset_min"), "offset_min", pa.array(offset))


def share_out(states: tuple[Instants, Instants, Instants], start_us: Instants, end_us: Instants) -> Stretches:
    """The states that overlap each sleep; states are in order of their start."""
    from_us, to_us_, code = states
    reach = np.maximum.accumulate(to_us_) if to_us_.size else to_us_
    low = np.searchsorted(reach, start_us, side="right")
    high = np.maximum(np.searchsorted(from_us, end_us, side="left"), low)
    log = np.repeat(np.arange(start_us.size, dtype=np.int64), high - low)
    place = np.concatenate(
        [np.zeros(0, np.int64), *(np.arange(a, b) for a, b in zip(low, high, strict=True))]
    )
    names = np.array([STATES[c] for c in code[place].tolist()], dtype="U8")
    return Stretches(log, from_us[place], to_us_[place], names)


# --- workouts -----------------------------------------------------------------------------------


def read_activities(member: int, reading: Reading) -> Iterator[Batch | Rejected | Remark]:
    """Workouts; those with manual times were logged by the person."""
    rows, refused = reading.rows(member, "signal.workout", ACTIVITY, ("start", "end", "activity"))
    yield from refused
    start, remarks = settle(rows["start"], reading, "activities.csv")
    yield from remarks
    end, changed_us = place_stamps(rows["end"], reading.clock), parse_zoned(rows["changed"]).t_us
    cells = [read_cell(text) for text in rows["data"].to_pylist()]
    rates = [cell.get("hr_average") if isinstance(cell, dict) else None for cell in cells]
    hr_bpm = np.array([r if isinstance(r, int | float) else np.nan for r in rates], dtype=np.float64)
    checks = check_instants(start.t_us, FIRST_US, reading.latest_us)
    checks += check_end(start.t_us, end.t_us, WORKOUT_MAX_H)
    checks.append(((hr_bpm != 0) & ((hr_bpm < 20) | (hr_bpm > 250)), "heart rate outside 20 to 250 a minute"))
    keep, rejected = refuse_rows(rows, checks, "signal.workout")
    yield rejected
    rows, start, hr_bpm, changed_us = (
        rows.filter(pa.array(keep)),
        start.filter(keep),
        hr_bpm[keep],
        changed_us[keep],
    )
    activity = pc.utf8_lower(pc.fill_null(rows["activity"].combine_chunks(), ""))
    names = np.datetime_as_string(start.t_us.astype("datetime64[us]").astype("datetime64[s]"), timezone="UTC")
    by_hand = pc.greater(pc.utf8_length(pc.fill_null(rows["manual"].combine_chunks(), "")), 0)
    columns = {
        "workout": pc.binary_join_element_wise(pa.array(names.tolist(), pa.string()), activity, " "),
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us[keep]),
        "activity": pc.if_else(pc.equal(activity, ""), pa.scalar(None, pa.string()), activity),
        "detected": pc.if_else(by_hand, pa.scalar(value=False), pa.scalar(None, pa.bool_())),
        "hr_mean_bpm": pa.array(hr_bpm, mask=~(hr_bpm > 0)),
        "steps": pa.nulls(rows.num_rows, pa.int32()),
        "revision": pa.array(changed_us // 1_000_000, mask=changed_us == MISSING),
        "tz_assumed": pa.array(start.assumed),
    }
    yield Batch("signal.workout", lay_out(rows, columns))
