"""Kinds of Withings' answers: their fields, their units, and what they become here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import numpy as np

from ingest.source import MINUTE_US, Clock, Page, Quantity, parse_page

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2009-01-01", "us").astype(np.int64))
"""Withings sold its first device in 2009: nothing of it is older."""
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 72
SECONDS_MAX = 86_400
STATES = {"0": "wake", "1": "light", "2": "deep", "3": "rem", "4": "", "5": ""}
"""Sleep states; 4 was entered by hand and 5 is not specified: no stages."""
BED, BED_MODEL, BED_MODELS = "bed", "32", ("60", "61", "63")
"""What a bed sensor is called, and its numbers: the kind of device of a night, and models."""
VITAL, SCORE, HEART, STEPS = "signal.vital", "signal.vendor_score", "signal.heart_rate", "signal.steps"
EPISODE, STAGE, WORKOUT = "signal.sleep_episode", "signal.sleep_stage", "signal.workout"
RATE = Quantity("heart_rate", HEART, "heart rate", 20, 250, "/min", none=(0.0,))
NIGHT_RATE = Quantity("value", HEART, "heart rate", 20, 250, "/min", none=(0.0,))
SPO2 = Quantity("spo2_auto", VITAL, "spo2", 50, 100, "%", none=(0.0,))
MINUTE_STEPS = Quantity("steps", STEPS, "steps", 0, 100_000)
STEPS_DAY = Quantity("steps", VITAL, "steps_day", 0, 200_000, "{count}", none=(0.0,))
S_MIN = 1 / 60
NIGHT = (
    Quantity("asleep_s", VITAL, "tst_min", 0, 2880, "min", factor=S_MIN),
    Quantity("in_bed_s", VITAL, "tib_min", 0, 2880, "min", factor=S_MIN),
    Quantity("light_s", VITAL, "light_min", 0, 2880, "min", factor=S_MIN),
    Quantity("deep_s", VITAL, "deep_min", 0, 2880, "min", factor=S_MIN),
    Quantity("rem_s", VITAL, "rem_min", 0, 2880, "min", factor=S_MIN),
    Quantity("wake_s", VITAL, "wake_min", 0, 2880, "min", factor=S_MIN),
    Quantity("breaths", VITAL, "respiration", 4, 60, "/min", none=(0.0,)),
    Quantity("score", SCORE, "sleep_score", 0, 100),
)
SPORTS = {
    "1": "walk",
    "2": "run",
    "3": "hiking",
    "4": "skating",
    "6": "bicycling",
    "7": "swimming",
    "12": "tennis",
    "16": "weights",
    "17": "fitness",
    "18": "elliptical",
    "19": "pilates",
    "20": "basketball",
    "21": "soccer",
    "26": "riding",
    "27": "golf",
    "28": "yoga",
    "29": "dancing",
    "30": "boxing",
    "33": "martial arts",
    "34": "skiing",
    "35": "snowboarding",
    "187": "rowing",
    "195": "climbing",
    "306": "indoor walk",
    "307": "indoor run",
    "308": "indoor cycling",
}
"""Categories of workouts; others have no name here."""


@dataclass(frozen=True)
class Kind:
    """Answers of one kind: the key of their list, the table that they feed, their fields, those that none lacks."""

    name: str
    key: str
    table: str
    fields: dict[str, str]
    needed: tuple[str, ...]


EDGES = {"start": "startdate", "end": "enddate"}
KINDS: tuple[Kind, ...] = (
    Kind(
        "nights",
        "series",
        EPISODE,
        {
            **EDGES,
            "id": "id",
            "zone": "timezone",
            "kind": "model",
            "model": "model_id",
            "changed": "modified",
            "asleep_s": "data.total_sleep_time",
            "in_bed_s": "data.total_timeinbed",
            "light_s": "data.lightsleepduration",
            "deep_s": "data.deepsleepduration",
            "rem_s": "data.remsleepduration",
            "wake_s": "data.wakeupduration",
            "breaths": "data.rr_average",
            "score": "data.sleep_score",
        },
        ("id", "start", "end"),
    ),
    Kind(
        "sleep",
        "series",
        STAGE,
        {**EDGES, "state": "state", "kind": "model", "model": "model_id", "rates": "hr"},
        ("start", "end", "state"),
    ),
    Kind("activity", "activities", VITAL, {"date": "date", "zone": "timezone", "steps": "steps"}, ("date",)),
    Kind(
        "intraday",
        "series",
        HEART,
        {
            "start": "t",
            "heart_rate": "heart_rate",
            "steps": "steps",
            "duration": "duration",
            "spo2_auto": "spo2_auto",
        },
        ("start",),
    ),
    Kind(
        "workouts",
        "series",
        WORKOUT,
        {
            **EDGES,
            "id": "id",
            "category": "category",
            "zone": "timezone",
            "changed": "modified",
            "bpm": "data.hr_average",
            "steps": "data.steps",
        },
        ("id", "start", "end"),
    ),
)
ANSWER = re.compile(r"withings_([a-z]+)_\d.*\.json", re.IGNORECASE)
"""What a pull calls the answers that it keeps."""
OF_NIGHT = re.compile(r"withings_sleep_\d+_(\d+)_.*\.json", re.IGNORECASE)
"""An answer with the states of one sleep, and the sleep's number."""


def find_kind(name: str) -> Kind | None:
    """The kind of a kept answer, by its base name."""
    found = ANSWER.fullmatch(name)
    return None if found is None else next((kind for kind in KINDS if kind.name == found[1].lower()), None)


def parse(member: int, data: bytes, kind: Kind) -> Page:
    """The records of an answer; minutes, which stand under their instants, as a list."""
    try:
        found = json.loads(data)["body"][kind.key]
        if isinstance(found, dict):
            found = [{"t": t, **values} for t, values in found.items()]
        data = json.dumps(found).encode()
    except (KeyError, TypeError, ValueError, RecursionError):
        pass  # It is refused as what it is.
    return parse_page(member, data, kind.key, kind.fields, kind.needed)


@dataclass(frozen=True)
class Setting:
    """What the readers share: the clock that days and nights prove, and the latest instant that may be."""

    clock: Clock
    latest_us: int
