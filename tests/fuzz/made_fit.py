"""A FIT file with every kind of message that is read, of which no fixture has most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from garmin_fit_sdk import Encoder

EVENING = datetime(2024, 3, 1, 22, tzinfo=UTC)
FIT_S = int(EVENING.timestamp()) - 631_065_600


def at(minutes: float) -> datetime:
    """An instant some minutes after 22:00 UTC."""
    return EVENING + timedelta(minutes=minutes)


MESSAGES: tuple[dict[str, Any], ...] = (
    {"mesg_num": 0, "type": 32, "manufacturer": 1, "product": 3992, "time_created": EVENING},
    {"mesg_num": 103, "timestamp": at(0), "local_timestamp": FIT_S + 3600},
    {"mesg_num": 55, "timestamp": at(1), "activity_type": 6, "cycles": 10.0},
    {"mesg_num": 55, "timestamp_16": (FIT_S + 120) & 0xFFFF, "heart_rate": 61},
    {"mesg_num": 55, "timestamp": at(3), "activity_type": 1, "cycles": 20.0},
    {"mesg_num": 227, "stress_level_time": at(0), "stress_level_value": 34},
    {"mesg_num": 297, "timestamp": at(1), "respiration_rate": 14.25},
    {"mesg_num": 269, "timestamp": at(1), "reading_spo2": 95},
    {"mesg_num": 211, "timestamp": at(1), "resting_heart_rate": 51, "current_day_resting_heart_rate": 49},
    {"mesg_num": 371, "timestamp": at(5), "value": 41.5},
    {"mesg_num": 370, "timestamp": at(480), "last_night_average": 44.0},
    {"mesg_num": 398, "timestamp": at(480), "local_timestamp": FIT_S + 480 * 60 + 3600, "average_deviation": -0.5},
    {"mesg_num": 21, "timestamp": at(0), "event": 74, "event_type": 0},
    {"mesg_num": 275, "timestamp": at(30), "sleep_level": 2},
    {"mesg_num": 275, "timestamp": at(60), "sleep_level": 3},
    {"mesg_num": 275, "timestamp": at(90), "sleep_level": 4},
    {"mesg_num": 21, "timestamp": at(90), "event": 74, "event_type": 1},
    {"mesg_num": 346, "overall_sleep_score": 82},
    {"mesg_num": 412, "start_time": at(0), "end_time": at(25), "start_timezone_offset": 330, "is_deleted": 0},
    {"mesg_num": 18, "timestamp": at(10), "start_time": at(0), "total_elapsed_time": 600.0, "sport": 67},
    {"mesg_num": 18, "timestamp": at(70), "start_time": at(60), "total_elapsed_time": 600.0, "sport": 1},
    {"mesg_num": 290, "timestamp": at(0), "timestamp_ms": 250, "time": [800, 810]},
    {"mesg_num": 372, "timestamp": at(0), "timestamp_ms": 500, "data": [800, 900, 33768]},
    {"mesg_num": 132, "timestamp": at(0), "fractional_timestamp": 0.5, "event_timestamp": [3.9], "filtered_bpm": [70]},
    {"mesg_num": 132, "event_timestamp_12": [36, 67, 22], "filtered_bpm": [71, 72]},
    {"mesg_num": 20, "timestamp": at(0), "heart_rate": 60},
    {"mesg_num": 78, "time": [0.8, 0.81]},
    {"mesg_num": 20, "timestamp": at(0.1), "heart_rate": 62},
)  # fmt: skip


def write_kinds() -> dict[str, bytes]:
    """The messages in one file, and in two as a watch parts them: those of an activity, and the others."""
    activity = [m for m in MESSAGES if m["mesg_num"] in (18, 20, 78, 132)]
    first = MESSAGES[0]
    return {
        "made/monitoring.fit": write_fit([m for m in MESSAGES if m not in activity]),
        "made/activity.fit": write_fit([first | {"type": 4}, *activity]),
        "made/all.fit": write_fit(MESSAGES),
    }


def write_fit(messages: list[dict[str, Any]] | tuple[dict[str, Any], ...]) -> bytes:
    """Messages as a file."""
    encoder = Encoder()
    for message in messages:
        encoder.write_mesg(message)
    return bytes(encoder.close())
