"""Kinds of documents of Connect, answers of its API and files of the account export, and how each is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingest.source import (
    MISSING,
    Clock,
    constant,
    dig,
    instants,
    offset_between,
    read_moment,
    read_pairs,
    sub_records,
    to_float,
)

from .rows import (
    LEVELS,
    Found,
    Record,
    day_offsets,
    lay_out_hrv,
    lay_out_night_hrv,
    lay_out_score,
    lay_out_scores,
    lay_out_sleep,
    lay_out_vital,
    midnight_of,
    name_sleep,
)

HRV_SPAN_S = 300
HOUR_US = 3_600_000_000


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
    asked: re.Pattern[str] | None = None
    """What is asked for, where nothing in the answer tells: such an answer is known in a recording only."""


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
        yield from read_totals(night, own)
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


def read_totals(night: Record, own: float) -> Iterator[Found]:
    """The vendor's own minutes of a sleep by stage, at its end: all that an export has of its stages."""
    end_us = read_moment(night.get("sleepEndTimestampGMT"))
    deep, light, rem, wake = (
        to_float(night.get(f"{stage}SleepSeconds")) / 60 for stage in ("deep", "light", "rem", "awake")
    )
    # A watch that cannot tell REM sleep has none apart.
    asleep = deep + light + (0.0 if np.isnan(rem) else rem)
    for name, minutes in (
        ("tst_min", asleep),
        ("deep_min", deep),
        ("light_min", light),
        ("rem_min", rem),
        ("wake_min", wake),
    ):
        yield lay_out_vital(name, end_us, minutes, own)


def read_export_sleep(record: Record, clock: Clock) -> Iterator[Found]:
    """A night of the export, in GMT only and without its stages, and its naps; a date may have no night."""
    if "calendarDate" in record:
        yield lay_out_sleep(record, "sleep", SLEEP, clock, staged=False)
        yield from read_measured(record, dig(record, "sleepScores", "overallScore"), np.nan)
        yield from read_totals(record, np.nan)
    for nap in sub_records(record.get("napList")):
        yield lay_out_sleep(nap, "nap", NAP, clock, staged=False)


def read_day(record: Record, clock: Clock) -> Iterator[Found]:
    """A date of the export: resting heart rate, steps, mean stress, the ends of body battery."""
    own = offset_between(record, "wellnessStartTimeGmt", "wellnessStartTimeLocal")
    at = midnight_of(record, clock, own)
    resting = record.get("currentDayRestingHeartRate") or record.get("restingHeartRate")
    yield lay_out_vital("resting_heart_rate", at, resting, own)
    yield lay_out_vital("steps_day", at, record.get("totalSteps"), own)
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
    wrong = not 0 < end_us - start_us <= HOUR_US or not 0 <= steps <= 60_000
    columns = {
        "span_s": pa.array([0 if wrong else (end_us - start_us) // 1_000_000], pa.int32()),
        "steps": pa.array([0 if wrong else int(steps)], pa.int32()),
    }
    checks = [(np.array([wrong]), "expected an hour or less with 0 to 60,000 steps")]
    yield Found("signal.steps", np.array([start_us]), np.array([np.nan]), columns, checks)


def read_day_steps(record: Record, clock: Clock) -> Iterator[Found]:
    """The steps of a date, out of a list."""
    yield lay_out_vital("steps_day", midnight_of(record, clock, np.nan), record["totalSteps"], np.nan)


def read_day_stress(record: Record, clock: Clock) -> Iterator[Found]:
    """The mean stress of a date, out of a list."""
    level = dig(record, "values", "overallStressLevel")
    yield lay_out_score("stress_score", midnight_of(record, clock, np.nan), level, np.nan)


def read_day_sleep_score(record: Record, clock: Clock) -> Iterator[Found]:
    """The sleep score of a date, out of a list."""
    yield lay_out_score("sleep_score", midnight_of(record, clock, np.nan), record["value"], np.nan)


def read_weights(record: Record, _clock: Clock) -> Iterator[Found]:
    """Weights, in grams, of a day or of the days of a list; what lies before or after these is not read."""
    days = sub_records(record.get("dailyWeightSummaries"))
    inside = [part for day in days for part in sub_records(day.get("allWeightMetrics"))]
    for part in [*inside, *sub_records(record.get("dateWeightList"))]:
        # `date` is the local clock's, in milliseconds as if it were UTC.
        own = offset_between(part, "timestampGMT", "date")
        weight_kg = to_float(part.get("weight")) / 1000
        yield lay_out_vital("weight", read_moment(part.get("timestampGMT")), weight_kg, own)


def read_battery_event(record: Record, _clock: Clock) -> Iterator[Found]:
    """Stress and body battery of a sleep, nap or activity; its offset is in milliseconds."""
    own = to_float(dig(record, "event", "timezoneOffset")) / 60_000
    for name, key, place in (
        ("stress_level", "stressValuesArray", 1),
        ("body_battery", "bodyBatteryValuesArray", 2),
    ):
        t_us, value = read_pairs(record.get(key), 0, place)
        yield lay_out_scores(name, t_us, value, np.full(t_us.size, own))


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
    Kind(None, (b'"totalSteps"', b'"stepGoal"', b'"calendarDate"'), ("calendarDate", "totalSteps"), read_day_steps),
    Kind(None, (b'"overallStressLevel"', b'"calendarDate"'), ("calendarDate", "values"), read_day_stress),
    Kind(None, (b'"bodyBatteryValuesArray"', b'"activityType"'), ("bodyBatteryValuesArray",), read_battery_event),
    Kind(None, (b'"dailyWeightSummaries"',), ("dailyWeightSummaries",), read_weights),
    Kind(None, (b'"dateWeightList"',), ("dateWeightList",), read_weights),
    Kind(None, (), ("calendarDate", "value"), read_day_sleep_score,
         asked=re.compile(r"/wellness-service/stats/daily/sleep/score/")),
)  # fmt: skip
"""Files of the export first; of two kinds that an answer fits the first is right."""


def find_export_kind(name: str, head: bytes) -> Kind | None:
    """The kind of a file, by its name and first kilobyte."""
    for kind in KINDS:
        here = kind.name is None or kind.name.fullmatch(name)
        if here and kind.asked is None and all(mark in head for mark in kind.marks):
            return kind
    return None


def find_answer_kind(asked: str, head: bytes) -> Kind | None:
    """The kind of a recorded answer, by what was asked and its first kilobyte."""
    for kind in KINDS:
        fits = kind.asked is None or kind.asked.search(asked)
        if kind.name is None and fits and all(mark in head for mark in kind.marks):
            return kind
    return None
