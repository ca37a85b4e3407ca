"""Elements that are rare and rich: workouts, states of mind, the date of the export."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingest.source import MINUTE_US, Batch, instants

from .careful import Element, find_metadata, read_number, read_stamp
from .rows import FIRST_US, lay_out
from .shape import RECORD, Rows, Words, number_word
from .vocabulary import HR_MAX_BPM, HR_MIN_BPM, RATE, name_activity

WORKOUT_MAX_H = 72
STEPS_MAX = 500_000
LABELS = re.compile(r"[^\s,;\[\]\"']+")
HEART_RATE_TYPE = "HKQuantityTypeIdentifierHeartRate"
STEPS_TYPE = "HKQuantityTypeIdentifierStepCount"


@dataclass(frozen=True)
class Said:
    """An element with its time and origin as a row, and its own values by column."""

    row: Rows
    values: dict[str, object]


def read_origin(element: Element, number: int, words: Words) -> Rows:
    """Time and origin of an element, in the shape of a record."""
    said = element.attributes
    row = np.zeros(1, RECORD)
    row["number"], row["at"] = number, element.at
    row["start_us"] = read_stamp(said.get("startDate"))
    row["end_us"] = read_stamp(said.get("endDate"))
    texts = (said.get("sourceName"), said.get("sourceVersion"), said.get("device"))
    for name, text in zip(
        ("source", "version", "device", "zone"), (*texts, find_metadata(element, "HKTimeZone")), strict=True
    ):
        row[name] = -1 if text is None else number_word(words, text)
    return row


def read_workout(element: Element, number: int, words: Words, latest_us: int) -> Said | str:
    """A workout; or why it is refused."""
    row = read_origin(element, number, words)
    start_us, end_us = int(row["start_us"][0]), int(row["end_us"][0])
    problem = check_time(start_us, end_us, latest_us)
    if problem:
        return problem
    if end_us - start_us > WORKOUT_MAX_H * 60 * MINUTE_US:
        return f"longer than {WORKOUT_MAX_H} hours"
    activity = name_activity(element.attributes.get("workoutActivityType", ""))
    beat = find_statistic(element, HEART_RATE_TYPE)
    factor, _ = RATE.get(beat.get("unit", ""), (math.nan, 0.0))
    hr_bpm = read_number(beat.get("average")) * factor
    if not math.isnan(hr_bpm) and not HR_MIN_BPM <= hr_bpm <= HR_MAX_BPM:
        return "heart rate outside 20 to 250 a minute"
    steps = read_number(find_statistic(element, STEPS_TYPE).get("sum"))
    if not math.isnan(steps) and not 0 <= steps <= STEPS_MAX:
        return f"steps outside 0 to {STEPS_MAX}"
    values: dict[str, object] = {
        "workout": f"{activity}-{start_us // 1_000_000}",
        "activity": activity,
        "hr_mean_bpm": None if math.isnan(hr_bpm) else hr_bpm,
        "steps": None if math.isnan(steps) else round(steps),
    }
    return Said(row, values)


def find_statistic(element: Element, type_name: str) -> dict[str, str]:
    """The attributes of a workout's statistic of that type; empty where there is none."""
    found = [s for name, s in element.children if name == "WorkoutStatistics" and s.get("type") == type_name]
    return found[-1] if found else {}


def check_time(start_us: int, end_us: int, latest_us: int) -> str:
    """What is wrong with the time of an element; empty if nothing is."""
    if start_us < FIRST_US:
        return "expected a startDate such as 2026-10-22 08:00:00 +0100, of 2007 or later"
    if start_us > latest_us or end_us > latest_us:
        return "dated later than a day after the export was written"
    if end_us < start_us:
        return "ends before it starts, or has no endDate"
    return ""


def read_state_of_mind(element: Element, number: int, words: Words, latest_us: int) -> Said | str:
    """What a person said of how they felt, from -1 (very unpleasant) to 1; or why it is refused."""
    row = read_origin(element, number, words)
    start_us = int(row["start_us"][0])
    problem = check_time(start_us, start_us, latest_us)
    if problem:
        return problem
    said = element.attributes
    valence = read_number(
        said.get("valence") or find_metadata(element, "HKStateOfMindValence") or said.get("value")
    )
    if math.isnan(valence):
        return "a state of mind without a valence: expected a number from -1 to 1"
    if not -1 <= valence <= 1:
        return "a valence outside -1 to 1"
    labels = said.get("labels") or said.get("label") or find_metadata(element, "HKStateOfMindLabels") or ""
    names = [name.removeprefix("HKStateOfMindLabel").lower() for name in LABELS.findall(labels)]
    return Said(row, {"scale": "valence", "value": valence, "label": ", ".join(names) or None})


def workout_batch(found: Sequence[Said], words: Sequence[str], home: str, member: int) -> Batch:
    """Workouts as rows."""
    rows = np.concatenate([said.row for said in found])
    columns = {
        "workout": column(found, "workout", pa.string()),
        "end_utc": instants(rows["end_us"].astype(np.int64)),
        "activity": column(found, "activity", pa.string()),
        "detected": pa.nulls(rows.size, pa.bool_()),
        "hr_mean_bpm": column(found, "hr_mean_bpm", pa.float64()),
        "steps": column(found, "steps", pa.int32()),
        "revision": pa.nulls(rows.size, pa.int64()),
    }
    return Batch("signal.workout", lay_out(rows, words, home, member, columns))


def checkin_batch(found: Sequence[Said], words: Sequence[str], home: str, member: int) -> Batch:
    """States of mind as rows."""
    rows = np.concatenate([said.row for said in found])
    columns = {
        "scale": column(found, "scale", pa.string()),
        "value": column(found, "value", pa.float64()),
        "label": column(found, "label", pa.string()),
    }
    return Batch("signal.checkin", lay_out(rows, words, home, member, columns))


def column(found: Sequence[Said], name: str, kind: pa.DataType) -> pa.Array:
    """One of the own values of elements as a column."""
    return pa.array([said.values[name] for said in found], kind)


__all__ = ["checkin_batch", "read_state_of_mind", "read_workout", "workout_batch"]
