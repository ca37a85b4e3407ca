"""CSV streams of many samples, and what the person logged: heart rate, steps, skin conductance, moods, practice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MISSING,
    Batch,
    Instants,
    Records,
    Rejected,
    check_instants,
    constant,
    instants,
    lay_out,
    parse_stamps,
    read_numbers,
    refuse_rows,
    spans,
)

from .csv_layouts import SOURCE_COLUMN, TIME, columns
from .csv_values import with_device
from .layout import (
    FIRST_US,
    GOOGLE,
    HR_MAX_BPM,
    HR_MIN_BPM,
    OLDER,
    STEPS_MAX,
    Setting,
    Stream,
    google,
    older,
    place,
    read_stamps,
)

EDA_MAX_US = 100.0
"""Skin conductance beyond this is a short circuit."""
MINDFUL_MAX_MS = 24 * 3_600_000.0
APP = "Fitbit"
SCAN = "quick-scan"
"""A session type that measures skin conductance and asks for no practice."""
NO_MOOD = ("", "no mood logged", "no_mood_logged")


def read_heart_rate(records: Records, setting: Setting) -> Iterator[Batch | Rejected]:
    """Heart rates, one a few seconds, stamped in true UTC; this encoding has no confidence."""
    rows = records.rows
    t_us = read_fast(rows["stamp"])
    hr_bpm, unreadable = read_numbers(rows["hr_bpm"])
    checks = [
        *check_instants(t_us, FIRST_US, setting.latest_us),
        (unreadable | np.isnan(hr_bpm), "expected a heart rate in beats per minute, found none"),
        ((hr_bpm < HR_MIN_BPM) | (hr_bpm > HR_MAX_BPM), "heart rate outside 20 to 250 a minute"),
    ]
    keep, rejected = refuse_rows(rows, checks, "signal.heart_rate")
    yield rejected
    kept, t_us, hr_bpm = rows.filter(pa.array(keep)), t_us[keep], hr_bpm[keep]
    offset, assumed = setting.clock.of_utc(t_us)
    found = {
        "t_utc": instants(t_us),
        "offset_min": pa.array(offset),
        "hr_bpm": pa.array(hr_bpm.astype(np.float32)),
        "confidence": pa.nulls(t_us.size, pa.int8()),
        "tz_assumed": pa.array(assumed),
    }
    yield complete_if_one("signal.heart_rate", lay_out(kept, found), kept, t_us)


def read_steps(records: Records, setting: Setting) -> Iterator[Batch | Rejected]:
    """Steps of single minutes, stamped in UTC, of each device by itself: they overlap and are not summed."""
    rows = records.rows
    t_us = read_fast(rows["stamp"])
    steps, unreadable = read_numbers(rows["steps"])
    checks = [
        *check_instants(t_us, FIRST_US, setting.latest_us),
        (unreadable | np.isnan(steps) | (steps % 1 > 0), "expected a whole number of steps"),
        ((steps < 0) | (steps > STEPS_MAX), f"steps outside 0 to {STEPS_MAX} in a minute"),
    ]
    keep, rejected = refuse_rows(rows, checks, "signal.steps")
    yield rejected
    kept, t_us = rows.filter(pa.array(keep)), t_us[keep]
    offset, assumed = setting.clock.of_utc(t_us)
    found = {
        "t_utc": instants(t_us),
        "offset_min": pa.array(offset),
        "span_s": pa.array(np.full(t_us.size, 60, dtype=np.int32)),
        "steps": pa.array(steps[keep].astype(np.int32)),
        "tz_assumed": pa.array(assumed),
    }
    yield complete_if_one("signal.steps", lay_out(kept, found), kept, t_us)


def read_fast(column: pa.ChunkedArray) -> Instants:
    """Stamps to the second in UTC, as nearly all are; others by the slower way."""
    t_us = parse_stamps(column, ("YYYY-MM-DDThh:mm:ssZ",))
    return read_stamps(column) if (t_us == MISSING).any() else t_us


def complete_if_one(table: str, found: pa.Table, kept: pa.Table, t_us: Instants) -> Batch:
    """Rows with their devices; complete only where no device is named.

    What is complete replaces older rows of the export's own label, and these may be another device's.
    """
    found = with_device(found, kept)
    whole = "device" not in found.column_names
    return Batch(table, found, spans(table, kept, t_us, t_us) if whole else ())


def read_eda(records: Records, setting: Setting) -> Iterator[Batch | Rejected]:
    """Continuous skin conductance. The instants are right; the offset written beside them is not."""
    rows = records.rows
    placed = place(read_stamps(rows["stamp"]), setting)
    eda_us, unreadable = read_numbers(rows["eda_us"])
    checks = [
        *check_instants(placed.t_us, FIRST_US, setting.latest_us),
        (unreadable, "expected a number in eda_level_real"),
        ((eda_us < 0) | (eda_us > EDA_MAX_US), f"skin conductance outside 0 to {EDA_MAX_US:g} uS"),
    ]
    keep, rejected = refuse_rows(rows, checks, "signal.eda")
    yield rejected
    keep &= ~np.isnan(eda_us)
    found = {
        "t_utc": instants(placed.t_us[keep]),
        "offset_min": pa.array(placed.offset_min[keep]),
        "eda_us": pa.array(eda_us[keep].astype(np.float32)),
        "tz_assumed": pa.array(placed.assumed[keep]),
    }
    yield Batch("signal.eda", lay_out(rows.filter(pa.array(keep)), found))


def read_moods(records: Records, setting: Setting) -> Iterator[Batch | Rejected]:
    """Moods that the person logged, as words."""
    rows = records.rows
    placed = place(read_stamps(rows["stamp"]), setting)
    checks = check_instants(placed.t_us, FIRST_US, setting.latest_us)
    keep, rejected = refuse_rows(rows, checks, "signal.checkin")
    yield rejected
    mood = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(rows["mood"], "")))
    keep &= ~np.asarray(pc.is_in(mood, pa.array(NO_MOOD)))
    count = int(keep.sum())
    found = {
        "scale": constant("mood", count),
        "t_utc": instants(placed.t_us[keep]),
        "offset_min": pa.array(placed.offset_min[keep]),
        "value": pa.nulls(count, pa.float64()),
        "label": pc.replace_substring(mood.filter(pa.array(keep)), "_", " "),
        "tz_assumed": pa.array(placed.assumed[keep]),
    }
    yield Batch("signal.checkin", lay_out(rows.filter(pa.array(keep)), found))


def read_mindful(records: Records, setting: Setting) -> Iterator[Batch | Rejected]:
    """Mindfulness sessions; a quick scan only measures, so it is an event of its own."""
    rows = records.rows
    placed = place(read_stamps(rows["stamp"]), setting)
    end_us = read_stamps(rows["end"])
    length_ms, unreadable = read_numbers(rows["length_ms"])
    end_us = np.where((end_us == MISSING) & ~np.isnan(length_ms), placed.t_us + ms_to_us(length_ms), end_us)
    checks = [
        *check_instants(placed.t_us, FIRST_US, setting.latest_us),
        (unreadable | (length_ms < 0) | (length_ms > MINDFUL_MAX_MS), "expected a duration of 0 ms to a day"),
        ((end_us != MISSING) & (end_us < placed.t_us), "ends before it starts"),
    ]
    keep, rejected = refuse_rows(rows, checks, "signal.event")
    yield rejected
    kept, end_us, length_ms = rows.filter(pa.array(keep)), end_us[keep], length_ms[keep]
    kind = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(kept["kind"], "")))
    found = {
        "event": pc.if_else(pc.equal(kind, SCAN), "eda_scan", "mindful"),
        "t_utc": instants(placed.t_us[keep]),
        "offset_min": pa.array(placed.offset_min[keep]),
        "end_utc": pc.if_else(pa.array(end_us == MISSING), None, instants(end_us)),
        "app": constant(APP, kept.num_rows),
        "amount": pa.array(length_ms / 60_000, mask=np.isnan(length_ms)),
        "tz_assumed": pa.array(placed.assumed[keep]),
    }
    yield Batch("signal.event", lay_out(kept, found))


def ms_to_us(length_ms: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Instants:
    """Lengths in microseconds; 0 for none."""
    return (np.nan_to_num(np.clip(length_ms, 0, MINDFUL_MAX_MS)) * 1000).astype(np.int64)


SAMPLE_STREAMS: tuple[Stream, ...] = (
    Stream(
        "heart rate",
        google("heart_rate"),
        "signal.heart_rate",
        read_heart_rate,
        GOOGLE,
        "heart rate",
        columns=columns(stamp=TIME, hr_bpm="beats per minute", device=SOURCE_COLUMN),
        needed=("stamp", "hr_bpm"),
        local=False,
    ),
    Stream(
        "steps",
        google("steps"),
        "signal.steps",
        read_steps,
        GOOGLE,
        "steps",
        columns=columns(stamp=TIME, steps="steps", device=SOURCE_COLUMN),
        needed=("stamp", "steps"),
        local=False,
    ),
    Stream(
        "skin conductance",
        older("CEDA Data"),
        "signal.eda",
        read_eda,
        OLDER,
        columns=columns(stamp=TIME, eda_us="eda_level_real"),
        needed=("stamp", "eda_us"),
        local=False,
    ),
    Stream(
        "moods",
        older("Survey Data"),
        "signal.checkin",
        read_moods,
        OLDER,
        columns=columns(stamp=TIME, mood="logged_value"),
        needed=("stamp", "mood"),
        local=False,
    ),
    Stream(
        "mindfulness",
        older("Mindfulness Sessions"),
        "signal.event",
        read_mindful,
        OLDER,
        columns=columns(
            stamp="start_date_time",
            end="end_date_time",
            length_ms="duration",
            kind="session_type",
            activity="activity_name",
        ),
        needed=("stamp", "kind"),
        unused=(
            "session_id",
            "average_heart_rate",
            "start_heart_rate",
            "end_heart_rate",
            "stress_metrics",
            "pause_times",
        ),
        local=False,
    ),
)
"""Streams of samples and logs that are CSV."""
