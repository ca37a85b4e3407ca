"""Every kind of file of this export: those that are read, and those that are known and left out."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePosixPath

from ingest.source import Member, peek

from .csv_layouts import VALUE_STREAMS
from .csv_samples import SAMPLE_STREAMS
from .csv_sleep import SLEEP_STREAMS
from .json_streams import JSON_STREAMS
from .layout import JSON, Stream, dated, google, maybe_dated, older

STREAMS: tuple[Stream, ...] = (*JSON_STREAMS, *SAMPLE_STREAMS, *SLEEP_STREAMS, *VALUE_STREAMS)
"""A name fits one row at most."""

FOLDERS = frozenset({"Fitbit", "Google Health", "MyFitbitData", "Global Export Data", "user-site-export"})
"""Folders that hold nothing but this export; those of Google's own tables end in `_GoogleData`."""

LEFT_OUT: tuple[re.Pattern[str], ...] = (
    maybe_dated(
        "time_in_heart_rate_zones|(?:sedentary|lightly_active|moderately_active|very_active)_minutes"
    ),
    dated("demographic_vo2_max|run_vo2_max|calories|distance|altitude"),
    dated("estimated_oxygen_variation", "csv"),
    older("Active Zone Minutes|Heart Rate Variability Histogram|(?:Device|Wrist|Manual) Temperature"),
    older("Daily Readiness User Properties|Mindfulness (?:Goals|Eda Data Sessions)|Stress Daily Summaries"),
    older("Snore Details|Sleep Profile|Glucose"),
    re.compile(r"afib_ecg_reading_\d+\.csv"),
    re.compile(r"CalibrationStatusForReadinessAndLoad\.csv"),
)
"""Known by name wherever they lie."""

LEFT_OUT_INSIDE: tuple[re.Pattern[str], ...] = (
    google(
        "active_(?:minutes|zone_minutes|energy_burned)|activity_level|altitude|calories|distance|floors|speed"
    ),
    google(
        "calories_in_heart_rate_zone|time_in_heart_rate_zone|daily_heart_rate_zones|heart_rate_notification"
    ),
    google("body_fat|body_temperature|core_body_temperature|weight|height|hydration_log|nutrition_log|moods"),
    google(
        "cardio_load|cardio_load_observed_interval|cardio_acute_chronic_workload_ratio|mindfulness_session"
    ),
    google("(?:daily_|run_|demographic_)?vo2_?max|live_pace|gps_location|swim_lengths_data"),
    google("micro_motion|micro_stillness|sedentary_period|coarse_physical_location|weather_forecast"),
    google(r"User(?!Sleeps|SleepStages|SleepScores|Exercises)[A-Z]\w*?"),
    dated("(?:weight|height|swim_lengths_data|water_logs|food_logs)"),
    re.compile(r"badge(?:-\d+)?\.json"),
    re.compile(r"(?:.* )?README(?: .*)?(?:\.txt)?|.*[ _]readme\.txt", re.IGNORECASE),
)
"""Names that others may use too: known only inside the export's own folders."""


@lru_cache(maxsize=1 << 16)  # asked several times of each of 33,000 files
def find_stream(name: str) -> Stream | None:
    """The stream that a base name fits."""
    return next((row for row in STREAMS if row.pattern.fullmatch(name)), None)


def is_known(member: Member) -> bool:
    """Whether a member is of this export, by its name and folder, elsewhere by its header or first record too."""
    found = find_stream(member.name)
    inside = lies_inside(member)
    if found is not None:
        if inside or (found.encoding == JSON and re.search(r"-\d", member.name)):
            return True
        return bool(found.mark.search(peek(member))) if found.encoding == JSON else has_header(member, found)
    patterns = (*LEFT_OUT, *LEFT_OUT_INSIDE) if inside else LEFT_OUT
    return any(pattern.fullmatch(member.name) for pattern in patterns)


def lies_inside(member: Member) -> bool:
    """Whether a member lies in a folder that only this export has."""
    folders = PurePosixPath(member.path).parts[:-1]
    return any(folder in FOLDERS or folder.endswith("_GoogleData") for folder in folders)


def has_header(member: Member, stream: Stream) -> bool:
    """Whether the first line of a member names all columns that a stream needs."""
    line = peek(member).replace(b"\0", b"").partition(b"\n")[0].decode("utf-8", "replace").casefold()
    cells = {cell.strip().strip('"').strip() for cell in re.split(r"[,;\t]", line.lstrip("\ufeff"))}
    return all(any(s.casefold() in cells for s in stream.columns[name]) for name in stream.needed)
