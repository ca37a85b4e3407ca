"""Garmin Connect as JSON: answers of its API as somebody recorded them, and the files of the account export.

A document of the API is known by the keys that it begins with, whatever it is called; a file of the
export (folder DI_CONNECT) by its name. The export was not seen in a real file: its layout is as several
public readers of it agree on, and a record that lacks a column that is needed is refused with its name.

Time, as recorded answers show: whatever has a GMT and a Local stamp (text, or milliseconds of a clock
that is read as if it were UTC) proves its offset. Of a day with a change of clocks both ends are given;
the person's zone says which holds, if it agrees with one of them. Values of a date alone are put at its
local midnight. An HRV reading is stamped at the end of its five minutes: the first comes five minutes
after sleep began, the last at its end.

Profile and device numbers, names and places are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    MISSING,
    About,
    Batch,
    Check,
    Clock,
    Context,
    Export,
    Instants,
    Member,
    Midnights,
    Rejected,
    Remark,
    check_instants,
    constant,
    dig,
    instants,
    offset_between,
    parse_documents,
    peek,
    read_moment,
    read_pairs,
    refuse_one,
    refuse_rows,
    settle_clock,
    sub_records,
    to_float,
    to_us,
)

NAME = "garmin_connect"
METHOD_VERSION = "garmin_connect-1"
ABOUT = About(
    device="Garmin watches, by way of Garmin Connect",
    layouts="recorded API answers (hrv, dailyHeartRate, dailyStress, dailySleepData, dailySummaryChart,"
    " trainingreadiness); account export: `*_sleepData.json`, `UDSFile_*.json`, `*_healthStatusData.json`,"
    " `TrainingReadinessDTO_*.json`",
    signals="five-minute and nightly RMSSD, heart rate, resting heart rate, stress level and daily stress, body"
    " battery, sleep with stages, naps and score, respiration, SpO2, skin temperature deviation, steps of quarter"
    " hours, readiness; not workouts (these are in FIT) nor totals of a day, which say nothing of when",
    zone="GMT and Local stamps of the same moment prove the offset; dates alone take the person's zone (flagged)",
    quirks="stress -1 and -2 are not measurable; body battery null is none; nights of the export have no stages;"
    " the export's intraday data are in its FIT files",
    how_to_export="On garmin.com open Account, Data Management, Export Your Data; wait for the mail; load the zip."
    " Unpack the zips inside DI_CONNECT/DI-Connect-Uploaded-Files too: they hold the FIT files.",
)

Floats = npt.NDArray[np.float64]
Record = dict[str, Any]

DAY_US = 1440 * MINUTE_US
HRV_SPAN_S = 300
FIRST_US = int(np.datetime64("2008-01-01", "us").astype(np.int64))
"""Garmin Connect opened in 2008."""
BATCH_ROWS = 400_000
SLEEP_MAX_H = 48
LEVELS: dict[float, str] = {0.0: "deep", 1.0: "light", 2.0: "rem", 3.0: "wake"}
"""The API's activityLevel of a stretch of sleep; -1 is unmeasurable, no stage."""


@dataclass(frozen=True)
class Found:
    """Rows of a table before they are checked; `offset_min` is NaN where the record proves none."""

    table: str
    t_us: Instants
    offset_min: Floats
    columns: dict[str, pa.Array]
    checks: list[Check]


@dataclass(frozen=True)
class Kind:
    """Documents of one kind: how they are known, what a record must have, how it is read."""

    name: re.Pattern[str] | None
    """What the export calls it; None for answers of the API, which are known by `marks`."""
    marks: tuple[bytes, ...]
    """What the first kilobyte holds."""
    needed: tuple[str, ...]
    read: Callable[[Record, Clock], Iterator[Found]]
    key: str = ""
    """The key of the list of records, where the document is no list."""


def claims(member: Member) -> bool:
    """Whether the member is a document of Connect, by its name or the keys that it begins with."""
    return member.name.lower().endswith(".json") and find_kind(member) is not None


def stream(name: str) -> str | None:
    """The table that most rows of such a file feed; answers of the API are not known by their name."""
    return "signal.sleep_episode" if name.endswith("_sleepData.json") else "signal.vendor_score"


def find_kind(member: Member) -> Kind | None:
    """The row of KINDS that a member fits."""
    head = peek(member)
    for kind in KINDS:
        named = kind.name is None or kind.name.fullmatch(member.name)
        if named and all(mark in head for mark in kind.marks):
            return kind
    return None


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh documents, one after the other, into batches of many."""
    none = np.zeros(0, dtype=np.int64)
    clock = settle_clock(context.zone, Midnights(none, none, none))
    latest_us = to_us(export.exported_utc) + DAY_US
    waiting: dict[str, list[pa.Table]] = {}
    for member in export.fresh:
        for found in read_member(member, export.members[member], clock, latest_us):
            if isinstance(found, Rejected):
                yield found
                continue
            parts = waiting.setdefault(found.table, [])
            parts.append(found.rows)
            if sum(part.num_rows for part in parts) > BATCH_ROWS:
                yield Batch(
                    found.table, pa.concat_tables(waiting.pop(found.table), promote_options="default")
                )
    for table, parts in waiting.items():
        yield Batch(table, pa.concat_tables(parts, promote_options="default"))


def read_member(place: int, member: Member, clock: Clock, latest_us: int) -> Iterator[Batch | Rejected]:
    """Read one document; what stands where it breaks is not kept, as profile numbers may be in it."""
    kind, table = find_kind(member), stream(member.name) or "file"
    if kind is None:
        return
    documents = parse_documents(member.read(), kind.key)
    if documents.reason:
        name = table if documents.records else "file"
        yield refuse_one(
            member=place, stream=name, record=None, place=documents.place, reason=documents.reason, raw=""
        )
    for number, record in enumerate(documents.records):
        lacks = missing(record, kind.needed)
        if lacks:
            where = f"record {number}"
            yield refuse_one(member=place, stream=table, record=number, place=where, reason=lacks, raw="")
            continue
        if isinstance(record, dict):
            for found in kind.read(record, clock):
                yield from finish(found, place, number, clock, latest_us)


def missing(record: object, needed: tuple[str, ...]) -> str:
    """What a record lacks; nothing where it has all that is needed, if only as null."""
    if not isinstance(record, dict):
        return f"expected a record with {', '.join(needed)}, found none"
    lacks = [name for name in needed if name not in record]
    here = ", ".join(sorted(map(str, record))[:12])
    return f"expected a column {', '.join(lacks)}; the record has {here[:300]}" if lacks else ""


def finish(
    found: Found, member: int, number: int, clock: Clock, latest_us: int
) -> Iterator[Batch | Rejected]:
    """Part good rows from bad ones, and give the good ones their offset."""
    count = found.t_us.size
    if not count:
        return
    where = {"member": pa.repeat(pa.scalar(member, pa.int32()), count)}
    where["record"] = pa.repeat(pa.scalar(number, pa.int64()), count)
    rows = pa.table({**where, "t_utc": instants(found.t_us), **found.columns})
    checks = [*check_instants(found.t_us, FIRST_US, latest_us), *found.checks]
    # Stamps that are none, or beyond the calendar, cannot be shown.
    shown = [name for name in rows.column_names if not pa.types.is_timestamp(rows[name].type)]
    keep, rejected = refuse_rows(rows.select(shown), checks, found.table)
    if not keep.all():
        yield rejected
        rows = rows.filter(pa.array(keep))
    if rows.num_rows:
        own = found.offset_min[keep]
        known = np.isfinite(own)
        offset, assumed = clock.of_utc(found.t_us[keep])
        offset = np.where(known, np.where(known, own, 0), offset).astype(np.int16)
        rows = rows.append_column("offset_min", pa.array(offset))
        yield Batch(found.table, rows.append_column("tz_assumed", pa.array(assumed & ~known)))


# --- dates and offsets -------------------------------------------------------------------------


def midnight_of(record: Record, clock: Clock, offset_min: float) -> int:
    """Local midnight of a record's calendarDate, by its own offset or the person's zone."""
    local_us = read_moment(str(record.get("calendarDate"))[:10])
    if local_us == MISSING:
        return MISSING
    if np.isnan(offset_min):
        offset_min = float(clock.of_local(np.array([local_us]))[0][0])
    return local_us - int(offset_min) * MINUTE_US


def day_offsets(record: Record, t_us: Instants, clock: Clock) -> Floats:
    """Offsets at instants of a day whose two ends show theirs."""
    start = offset_between(record, "startTimestampGMT", "startTimestampLocal")
    end = offset_between(record, "endTimestampGMT", "endTimestampLocal")
    if np.isnan(start) or np.isnan(end) or start == end:
        return np.full(t_us.size, end if np.isnan(start) else start)
    zone = clock.of_utc(t_us)[0].astype(np.float64)
    return np.where((zone == start) | (zone == end), zone, start)


# --- rows --------------------------------------------------------------------------------------


def lay_out_scores(
    name: str, t_us: Instants, value: Floats, offset: Floats, label: str | None = None
) -> Found:
    """A vendor's score, 0 to 100; below 0 it could not be measured."""
    given = value >= 0
    count = int(given.sum())
    columns = {
        "score": constant(name, count),
        "value": pa.array(value[given]),
        "label": pa.array([label] * count, pa.string()),
    }
    checks = [(value[given] > 100, f"{name} outside 0 to 100")]
    return Found("signal.vendor_score", t_us[given], offset[given], columns, checks)


def lay_out_score(name: str, t_us: int, value: object, offset_min: float, label: object = None) -> Found:
    """One score."""
    word = label.lower() if isinstance(label, str) else None
    return lay_out_scores(name, np.array([t_us]), np.array([to_float(value)]), np.array([offset_min]), word)


VITALS: dict[str, tuple[str, float, float]] = {
    "resting_heart_rate": ("/min", 20, 250),
    "respiration": ("/min", 3, 70),
    "spo2": ("%", 50, 100),
    "skin_temperature_deviation": ("Cel", -10, 10),
}


def lay_out_vital(name: str, t_us: int, value: object, offset_min: float) -> Found:
    """One vital; 0 and less is none, but for a deviation."""
    unit, low, high = VITALS[name]
    number = to_float(value)
    count = int(number > 0 or (low < 0 and not np.isnan(number)))
    columns = {
        "vital": constant(name, count),
        "value": pa.array([number] * count, pa.float64()),
        "unit": constant(unit, count),
        "error": pa.nulls(count, pa.float64()),
    }
    checks = [(np.array([not low <= number <= high] * count, dtype=bool), f"{name} outside {low} to {high}")]
    at = np.array([t_us] * count, dtype=np.int64)
    return Found("signal.vital", at, np.array([offset_min] * count), columns, checks)


def lay_out_hrv(name: str, t_us: Instants, value: Floats, offset: Floats, span_s: int | None) -> Found:
    """RMSSD; 0 is none."""
    given = value > 0
    count = int(given.sum())
    columns = {
        "hrv": constant(name, count),
        "span_s": pa.array([span_s] * count, pa.int32()),
        "value_ms": pa.array(value[given]),
        "coverage": pa.nulls(count, pa.float64()),
    }
    checks = [(value[given] > 500, "RMSSD outside 0 to 500 ms")]
    return Found("signal.hrv_sample", t_us[given], offset[given], columns, checks)


def lay_out_night_hrv(record: Record, value: object, clock: Clock, offset_min: float) -> Found:
    """The mean RMSSD of the night of a date."""
    at = np.array([midnight_of(record, clock, offset_min)])
    return lay_out_hrv("rmssd_night", at, np.array([to_float(value)]), np.array([offset_min]), None)


def lay_out_sleep(
    record: Record, prefix: str, names: tuple[str, str], clock: Clock, *, staged: bool
) -> Found:
    """One sleep, named by its start; `names` are the columns of its stamps, to which GMT and Local are added."""
    start, end = names
    start_us, end_us = (read_moment(record.get(f"{name}GMT")) for name in names)
    offset, end_offset = (offset_between(record, f"{name}GMT", f"{name}Local") for name in (start, end))
    if np.isnan(end_offset):
        end_offset = float(clock.of_utc(np.array([end_us]))[0][0]) if np.isnan(offset) else offset
    columns = {
        "episode": constant(name_sleep(record, prefix, start), 1),
        "end_utc": instants(np.array([end_us])),
        "end_offset_min": pa.array([int(end_offset)], pa.int16()),
        "scoring": constant("stages" if staged else "classic", 1),
        "vendor_main": pa.array([None if prefix == "sleep" else False], pa.bool_()),
        "in_bed": constant(value=False, count=1),
        "revision": pa.nulls(1, pa.int64()),
    }
    checks = [
        (np.array([end_us == MISSING]), f"expected a stamp in {end}GMT, found none"),
        (np.array([end_us <= start_us]), "ends before it starts"),
        (np.array([end_us - start_us > SLEEP_MAX_H * 60 * MINUTE_US]), f"longer than {SLEEP_MAX_H} hours"),
    ]
    return Found("signal.sleep_episode", np.array([start_us]), np.array([offset]), columns, checks)


def name_sleep(record: Record, prefix: str, start: str) -> str:
    """A name that the API and the export both give a sleep: they share nothing but its start."""
    return f"{prefix} {np.datetime64(read_moment(record.get(f'{start}GMT')), 'us').astype('datetime64[s]')}Z"


# --- readers -----------------------------------------------------------------------------------

SLEEP, NAP = ("sleepStartTimestamp", "sleepEndTimestamp"), ("napStartTimestamp", "napEndTimestamp")


def read_hrv(record: Record, clock: Clock) -> Iterator[Found]:
    """The readings of a night, each at the end of its five minutes, and their mean."""
    readings = sub_records(record.get("hrvReadings"))
    t_us = np.array([read_moment(r.get("readingTimeGMT")) for r in readings], dtype=np.int64)
    offset = np.array([offset_between(r, "readingTimeGMT", "readingTimeLocal") for r in readings])
    value = np.array([to_float(r.get("hrvValue")) for r in readings])
    start_us = np.where(t_us == MISSING, MISSING, t_us - HRV_SPAN_S * 1_000_000)
    yield lay_out_hrv("rmssd_5min", start_us, value, offset, HRV_SPAN_S)
    summary = record.get("hrvSummary")
    if isinstance(summary, dict):
        own = offset_between(record, "endTimestampGMT", "endTimestampLocal")
        yield lay_out_night_hrv(summary, summary.get("lastNightAvg"), clock, own)


def read_hrv_days(record: Record, clock: Clock) -> Iterator[Found]:
    """The mean of one night, out of a list."""
    yield lay_out_night_hrv(record, record.get("lastNightAvg"), clock, np.nan)


def read_heart(record: Record, clock: Clock) -> Iterator[Found]:
    """Heart rates of a day, two minutes apart, and the resting heart rate of its date."""
    t_us, bpm = read_pairs(record.get("heartRateValues"), 0, 1)
    t_us, bpm = t_us[bpm > 0], bpm[bpm > 0]
    columns = {"hr_bpm": pa.array(bpm.astype(np.float32)), "confidence": pa.nulls(bpm.size, pa.int8())}
    checks = [((bpm < 20) | (bpm > 250), "heart rate outside 20 to 250 a minute")]
    yield Found("signal.heart_rate", t_us, day_offsets(record, t_us, clock), columns, checks)
    own = offset_between(record, "startTimestampGMT", "startTimestampLocal")
    at = midnight_of(record, clock, own)
    yield lay_out_vital("resting_heart_rate", at, record.get("restingHeartRate"), own)


def read_stress(record: Record, clock: Clock) -> Iterator[Found]:
    """Stress and body battery of a day, three minutes apart, and the mean stress of its date."""
    for name, key, place in (
        ("stress_level", "stressValuesArray", 1),
        ("body_battery", "bodyBatteryValuesArray", 2),
    ):
        t_us, value = read_pairs(record.get(key), 0, place)
        yield lay_out_scores(name, t_us, value, day_offsets(record, t_us, clock))
    own = offset_between(record, "startTimestampGMT", "startTimestampLocal")
    yield lay_out_score("stress_score", midnight_of(record, clock, own), record.get("avgStressLevel"), own)


def read_sleep(record: Record, clock: Clock) -> Iterator[Found]:
    """A night of the API: the sleep, its stages where they are kept still, its naps, what was measured in it."""
    night = record["dailySleepDTO"] if isinstance(record["dailySleepDTO"], dict) else {}
    if read_moment(night.get("sleepStartTimestampGMT")) != MISSING:
        levels = sub_records(record.get("sleepLevels"))
        own = offset_between(night, "sleepStartTimestampGMT", "sleepStartTimestampLocal")
        yield lay_out_sleep(night, "sleep", SLEEP, clock, staged=bool(levels))
        yield lay_out_levels(levels, name_sleep(night, "sleep", SLEEP[0]), own)
        yield from read_measured(night, dig(night, "sleepScores", "overall", "value"), own)
        at = midnight_of(night, clock, own)
        yield lay_out_vital("skin_temperature_deviation", at, record.get("avgSkinTempDeviationC"), own)
        yield lay_out_vital("resting_heart_rate", at, record.get("restingHeartRate"), own)
    for nap in sub_records(night.get("dailyNapDTOS")) or sub_records(record.get("dailyNapDTOS")):
        yield lay_out_sleep(nap, "nap", NAP, clock, staged=False)


def lay_out_levels(levels: list[Record], name: str, offset_min: float) -> Found:
    """Stretches of one stage, in order; no stage where it is unmeasurable."""
    kept = [(read_moment(r.get("startGMT")), read_moment(r.get("endGMT")), r) for r in levels]
    kept = [item for item in kept if to_float(item[2].get("activityLevel")) != -1]
    kept.sort(key=lambda item: item[0])
    start_us = np.array([start for start, *_ in kept], dtype=np.int64)
    end_us = np.array([end for _, end, _ in kept], dtype=np.int64)
    stage = [LEVELS.get(to_float(r.get("activityLevel"))) for *_, r in kept]
    columns = {
        "episode": constant(name, len(kept)),
        "end_utc": instants(end_us),
        "stage": pa.array(stage, pa.string()),
        "revision": pa.nulls(len(kept), pa.int64()),
    }
    unknown = np.array([word is None for word in stage], dtype=bool)
    checks = [
        (unknown, "a sleep stage that is not known: expected activityLevel 0, 1, 2, 3 or -1"),
        (end_us <= start_us, "a sleep stage without an end, or that ends before it starts"),
    ]
    return Found("signal.sleep_stage", start_us, np.full(len(kept), offset_min), columns, checks)


def read_measured(night: Record, score: object, own: float) -> Iterator[Found]:
    """What was measured in a sleep, at its start, and its score, at its end."""
    start_us = read_moment(night.get("sleepStartTimestampGMT"))
    breath = night.get("averageRespirationValue", night.get("averageRespiration"))
    spo2 = night.get("averageSpO2Value", dig(night, "spo2SleepSummary", "averageSPO2"))
    yield lay_out_vital("respiration", start_us, breath, own)
    yield lay_out_vital("spo2", start_us, spo2, own)
    yield lay_out_score("sleep_score", read_moment(night.get("sleepEndTimestampGMT")), score, own)


def read_export_sleep(record: Record, clock: Clock) -> Iterator[Found]:
    """A night of the export, in GMT only and without its stages, and its naps; a date may have no night."""
    if "calendarDate" in record:
        yield lay_out_sleep(record, "sleep", SLEEP, clock, staged=False)
        yield from read_measured(record, dig(record, "sleepScores", "overallScore"), np.nan)
    for nap in sub_records(record.get("napList")):
        yield lay_out_sleep(nap, "nap", NAP, clock, staged=False)


def read_day(record: Record, clock: Clock) -> Iterator[Found]:
    """A date of the export: resting heart rate, mean stress, the ends of body battery."""
    own = offset_between(record, "wellnessStartTimeGmt", "wellnessStartTimeLocal")
    at = midnight_of(record, clock, own)
    resting = record.get("currentDayRestingHeartRate") or record.get("restingHeartRate")
    yield lay_out_vital("resting_heart_rate", at, resting, own)
    for part in sub_records(dig(record, "allDayStress", "aggregatorList")):
        if part.get("type") == "TOTAL":
            yield lay_out_score("stress_score", at, part.get("averageStressLevel"), own)
    for part in sub_records(dig(record, "bodyBattery", "bodyBatteryStatList")):
        kind = part.get("bodyBatteryStatType")
        if kind in ("HIGHEST", "LOWEST"):
            yield lay_out_score(f"body_battery_{kind.lower()}", at, part.get("statsValue"), own)


def read_health(record: Record, clock: Clock) -> Iterator[Found]:
    """The nightly HRV and skin temperature (from the person's own usual) of a date."""
    for part in sub_records(record["metrics"]):
        if part.get("type") == "HRV":
            yield lay_out_night_hrv(record, part.get("value"), clock, np.nan)
        elif part.get("type") == "SKIN_TEMP_C":
            at = midnight_of(record, clock, np.nan)
            yield lay_out_vital("skin_temperature_deviation", at, part.get("value"), np.nan)


def read_readiness(record: Record, _clock: Clock) -> Iterator[Found]:
    """Training readiness, with the vendor's word for it."""
    own = offset_between(record, "timestamp", "timestampLocal")
    yield lay_out_score(
        "readiness", read_moment(record["timestamp"]), record["score"], own, record.get("level")
    )


def read_steps(record: Record, _clock: Clock) -> Iterator[Found]:
    """Steps of a quarter of an hour."""
    start_us, end_us = read_moment(record["startGMT"]), read_moment(record["endGMT"])
    steps = to_float(record["steps"])
    wrong = not 0 < end_us - start_us <= DAY_US // 24 or not 0 <= steps <= 60_000
    columns = {
        "span_s": pa.array([0 if wrong else (end_us - start_us) // 1_000_000], pa.int32()),
        "steps": pa.array([0 if wrong else int(steps)], pa.int32()),
    }
    checks = [(np.array([wrong]), "expected an hour or less with 0 to 60,000 steps")]
    yield Found("signal.steps", np.array([start_us]), np.array([np.nan]), columns, checks)


def named(ending: str) -> re.Pattern[str]:
    """Names of files of the export."""
    return re.compile(rf".*{ending}\.json")


KINDS: tuple[Kind, ...] = (
    Kind(named("_sleepData"), (b'"sleepWindowConfirmationType"',), ("sleepWindowConfirmationType",), read_export_sleep),
    Kind(re.compile(r"UDSFile_.*\.json"), (b'"calendarDate"',), ("calendarDate",), read_day),
    Kind(named("_healthStatusData"), (b'"calendarDate"',), ("calendarDate", "metrics"), read_health),
    Kind(None, (b'"sleepScoreFactorPercent"', b'"timestampLocal"'), ("timestamp", "score"), read_readiness),
    Kind(None, (b'"hrvSummary"', b'"lastNightAvg"'), ("hrvSummary", "hrvReadings"), read_hrv),
    Kind(None, (b'"hrvSummaries"', b'"lastNightAvg"'), ("calendarDate", "lastNightAvg"), read_hrv_days, "hrvSummaries"),
    Kind(None, (b'"heartRateValues"', b'"calendarDate"'), ("calendarDate", "heartRateValues"), read_heart),
    Kind(None, (b'"stressValuesArray"', b'"calendarDate"'), ("calendarDate", "stressValuesArray"), read_stress),
    Kind(None, (b'"dailySleepDTO"',), ("dailySleepDTO",), read_sleep),
    Kind(None, (b'"startGMT"', b'"steps"', b'"primaryActivityLevel"'), ("startGMT", "endGMT", "steps"), read_steps),
)  # fmt: skip
