"""The CSV layouts whose records are single values: names of files and columns, limits, rules for stamps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from ingest.source import Batch, Quantity, Rejected

from .csv_values import (
    TEMPERATURE,
    read_respiration,
    read_scores_of_sleep,
    read_stress,
    read_temperature,
    read_values,
    rest_before,
    rmssd,
    score,
    vital,
)
from .layout import GOOGLE, HR_MAX_BPM, HR_MIN_BPM, OLDER, Stream, google, older
from .verdict import rest_of_points

FIVE_MIN_S = 300
SOURCE_COLUMN = ("data source",)
RESTING = vital("resting_heart_rate", HR_MIN_BPM, HR_MAX_BPM, "/min")
SPO2_NONE = 50.0
"""Invalid minutes are set to it; every value below 70 is."""
SPO2 = vital("spo2", 50, 100, "%", SPO2_NONE)
SPO2_NIGHT = vital("spo2_night", 50, 100, "%", SPO2_NONE)
TIME = ("timestamp",)


def columns(**spellings: str | tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Columns by our name; one spelling may stand by itself."""
    return {name: (s,) if isinstance(s, str) else s for name, s in spellings.items()}


def of(
    *quantities: Quantity, by_day: bool = False, span_s: int | None = None
) -> partial[Iterator[Batch | Rejected]]:
    """A reader of these quantities."""
    return partial(read_values, quantities=quantities, by_day=by_day, span_s=span_s)


NEEDED = ("stamp", "value")
BREATHS = "full sleep stats - milli breaths per minute"
BREATHS_UNUSED = tuple(
    f"{part} sleep stats - {what}"
    for part in ("deep", "light", "rem", "full")
    for what in ("milli breaths per minute", "standard deviation milli breaths per minute", "signal to noise")
    if f"{part} sleep stats - {what}" != BREATHS
)

VITAL_STREAMS = (
    Stream(
        "resting heart rate",
        google("daily_resting_heart_rate"),
        "signal.vital",
        of(RESTING, by_day=True),
        GOOGLE,
        "resting heart rate",
        columns=columns(stamp=TIME, value="beats per minute", device=SOURCE_COLUMN),
        needed=NEEDED,
    ),
    Stream(
        "minutes of SpO2",
        older("Minute SpO2"),
        "signal.vital",
        of(SPO2),
        OLDER,
        "SpO2 by the minute",
        columns=columns(stamp=TIME, value="value"),
        needed=NEEDED,
        unused=("confidence", "coverage", "valid", "unused"),
        local=False,
        suspect=True,
        rests=rest_of_points,
    ),
    Stream(
        "minutes of SpO2",
        google("oxygen_saturation"),
        "signal.vital",
        of(SPO2),
        GOOGLE,
        "SpO2 by the minute",
        columns=columns(stamp=TIME, value="oxygen saturation percentage", device=SOURCE_COLUMN),
        needed=NEEDED,
        local=False,
        suspect=True,
        rests=rest_of_points,
    ),
    Stream(
        "SpO2 of nights",
        older("Daily SpO2"),
        "signal.vital",
        of(SPO2_NIGHT, by_day=True),
        OLDER,
        "SpO2 of nights",
        columns=columns(stamp=TIME, value="average_value"),
        needed=NEEDED,
        unused=("lower_bound", "upper_bound"),
    ),
    Stream(
        "SpO2 of nights",
        google("daily_oxygen_saturation"),
        "signal.vital",
        of(SPO2_NIGHT, by_day=True),
        GOOGLE,
        "SpO2 of nights",
        columns=columns(stamp=TIME, value="average percentage", device=SOURCE_COLUMN),
        needed=NEEDED,
        unused=(
            "lower bound percentage",
            "upper bound percentage",
            "baseline percentage",
            "standard deviation percentage",
        ),
    ),
    Stream(
        "respiration of nights",
        older("Daily Respiratory Rate Summary"),
        "signal.vital",
        partial(read_respiration, by_day=True),
        OLDER,
        "respiration of nights",
        columns=columns(stamp=TIME, value="daily_respiratory_rate"),
        needed=NEEDED,
    ),
    Stream(
        "respiration of nights",
        google("daily_respiratory_rate"),
        "signal.vital",
        partial(read_respiration, by_day=True),
        GOOGLE,
        "respiration of nights",
        columns=columns(stamp=TIME, value="breaths per minute", device=SOURCE_COLUMN),
        needed=NEEDED,
    ),
    Stream(
        "respiration in sleep",
        older("Respiratory Rate Summary"),
        "signal.vital",
        read_respiration,
        OLDER,
        "respiration in sleep",
        columns=columns(stamp=TIME, value="full_sleep_breathing_rate"),
        needed=NEEDED,
        unused=tuple(
            f"{part}_sleep_{what}"
            for part in ("full", "deep", "light", "rem")
            for what in ("breathing_rate", "standard_deviation", "signal_to_noise")
        ),
    ),
    Stream(
        "respiration in sleep",
        google("respiratory_rate_sleep_summary"),
        "signal.vital",
        read_respiration,
        GOOGLE,
        "respiration in sleep",
        columns=columns(stamp=TIME, value=BREATHS, device=SOURCE_COLUMN),
        needed=NEEDED,
        unused=BREATHS_UNUSED,
        local=False,
        suspect=True,
    ),
    Stream(
        "skin temperature",
        google("daily_sleep_temperature_derivations"),
        "signal.vital",
        read_temperature,
        GOOGLE,
        "skin temperature",
        columns=columns(
            stamp=TIME,
            value="nightly temperature celsius",
            baseline="baseline temperature celsius",
            device=SOURCE_COLUMN,
        ),
        needed=(*NEEDED, "baseline"),
        unused=("relative nightly stddev 30d celsius",),
    ),
    Stream(
        "skin temperature",
        older("Computed Temperature"),
        "signal.vital",
        of(TEMPERATURE),
        OLDER,
        "skin temperature",
        columns=columns(stamp="sleep_start", value="nightly_temperature"),
        needed=NEEDED,
        unused=(
            "type",
            "sleep_end",
            "temperature_samples",
            "baseline_relative_sample_sum",
            "baseline_relative_sample_sum_of_squares",
            "baseline_relative_nightly_standard_deviation",
            "baseline_relative_sample_standard_deviation",
        ),
    ),
)

RMSSD = (
    "root mean square of successive differences milliseconds",
    "root mean square of successive differences ms",
)
HRV_STREAMS = (
    Stream(
        "5-minute HRV",
        older("Heart Rate Variability Details"),
        "signal.hrv_sample",
        of(rmssd("rmssd_5min"), span_s=FIVE_MIN_S),
        OLDER,
        "5-minute HRV",
        columns=columns(stamp=TIME, value="rmssd", coverage="coverage"),
        needed=NEEDED,
        unused=("low_frequency", "high_frequency"),
        rests=rest_of_points,
    ),
    Stream(
        "5-minute HRV",
        google("heart_rate_variability"),
        "signal.hrv_sample",
        of(rmssd("rmssd_5min"), span_s=FIVE_MIN_S),
        GOOGLE,
        "5-minute HRV",
        columns=columns(stamp=TIME, value=RMSSD, device=SOURCE_COLUMN),
        needed=NEEDED,
        unused=("standard deviation milliseconds", "standard deviation ms"),
        suspect=True,
        rests=rest_of_points,
    ),
    Stream(
        "HRV of nights",
        older("Daily Heart Rate Variability Summary"),
        "signal.hrv_sample",
        of(rmssd("rmssd_night"), by_day=True),
        OLDER,
        "HRV of nights",
        columns=columns(stamp=TIME, value="rmssd"),
        needed=NEEDED,
        unused=("nremhr", "entropy"),
    ),
    Stream(
        "HRV of nights",
        google("daily_heart_rate_variability"),
        "signal.hrv_sample",
        of(rmssd("rmssd_night"), rmssd("rmssd_deep", "deep"), by_day=True),
        GOOGLE,
        "HRV of nights",
        columns=columns(
            stamp=TIME,
            value="average heart rate variability milliseconds",
            deep="deep sleep root mean square of successive differences milliseconds",
            device=SOURCE_COLUMN,
        ),
        needed=NEEDED,
        unused=("non rem heart rate beats per minute", "entropy"),
    ),
)

STRESS_UNUSED = (
    "UPDATED_AT",
    "STATUS",
    *(f"{most}{part}_POINTS" for most in ("", "MAX_") for part in ("SLEEP", "RESPONSIVENESS", "EXERTION")),
)
SCORE_STREAMS = (
    Stream(
        "stress score",
        older("Stress Score"),
        "signal.vendor_score",
        read_stress,
        OLDER,
        columns=columns(stamp="DATE", value="STRESS_SCORE", failed="CALCULATION_FAILED"),
        needed=(*NEEDED, "failed"),
        unused=STRESS_UNUSED,
    ),
    Stream(
        "readiness",
        older("Daily Readiness Score"),
        "signal.vendor_score",
        of(score("readiness"), by_day=True),
        OLDER,
        "readiness",
        columns=columns(stamp="date", value="readiness_score_value", label="readiness_state"),
        needed=NEEDED,
        unused=tuple(f"{p}_{w}" for p in ("activity", "sleep", "hrv") for w in ("subcomponent", "state")),
    ),
    Stream(
        "readiness",
        google("daily_readiness"),
        "signal.vendor_score",
        of(score("readiness"), by_day=True),
        GOOGLE,
        "readiness",
        columns=columns(stamp=TIME, value="score", label=("type", "readiness level"), device=SOURCE_COLUMN),
        needed=NEEDED,
        unused=(
            "readiness level",
            "sleep readiness",
            "heart rate variability readiness",
            "resting heart rate readiness",
        ),
    ),
    Stream(
        "sleep score",
        older("sleep_score"),
        "signal.vendor_score",
        of(score("sleep_score")),
        OLDER,
        "sleep score",
        columns=columns(stamp=TIME, value="overall_score"),
        needed=NEEDED,
        unused=(
            "sleep_log_entry_id",
            "composition_score",
            "revitalization_score",
            "duration_score",
            "deep_sleep_in_minutes",
            "resting_heart_rate",
            "restlessness",
        ),
        suspect=True,
        rests=rest_before,
    ),
    Stream(
        "sleep score",
        google("UserSleepScores"),
        "signal.vendor_score",
        read_scores_of_sleep,
        GOOGLE,
        "sleep score",
        columns=columns(stamp="score_time", offset="score_utc_offset", value="overall_score"),
        needed=(*NEEDED, "offset"),
        unused=(
            "sleep_id",
            "sleep_score_id",
            "data_source",
            "duration_score",
            "composition_score",
            "revitalization_score",
            "sleep_time_minutes",
            "deep_sleep_minutes",
            "rem_sleep_percent",
            "resting_heart_rate",
            "sleep_goal_minutes",
            "waso_count_long_wakes",
            "waso_count_all_wake_time",
            "restlessness_normalized",
            "hr_below_resting_hr",
            "sleep_score_created",
            "sleep_score_last_updated",
        ),
        suspect=True,
        rests=rest_before,
    ),
)

VALUE_STREAMS: tuple[Stream, ...] = (*VITAL_STREAMS, *HRV_STREAMS, *SCORE_STREAMS)
