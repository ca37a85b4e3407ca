"""Types of a Samsung Health export whose CSV stands for itself: steps, exercise, breathing, single values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ingest.source import (
    Batch,
    Check,
    Rejected,
    check_instants,
    constant,
    instants,
    lay_out,
    measure,
    read_numbers,
    refuse_rows,
)

from .layout import (
    ACTIVITIES,
    FIRST_US,
    HEART,
    HR_MAX_BPM,
    HR_MIN_BPM,
    HRV,
    KINDS,
    SLEEP,
    STAGE,
    STEPS_MAX_H,
    WORKOUT_MAX_H,
    Sheet,
    check_ends,
    lay_out_values,
    place,
    revision,
)

STEPS_MAX_MIN = 1000.0


def read_sheet(sheet: Sheet, latest_us: int) -> Iterator[Batch | Rejected]:
    """Rows of one CSV of a type that stands for itself."""
    kind = KINDS[sheet.type]
    if sheet.type in (HEART, HRV, SLEEP, STAGE):
        return
    checks = check_instants(sheet.start_us, FIRST_US, latest_us)
    if kind.quantities:
        for quantity in kind.quantities:
            wrong = measure(sheet.rows, quantity, sheet.moments(sheet.start_us)).checks
            keep, refused = refuse_rows(sheet.rows, [*checks, *wrong], quantity.table)
            yield refused
            good = sheet.filter(keep)
            yield from lay_out_values(good, quantity, good.moments(good.start_us))
        return
    reader = {"signal.steps": read_steps, "signal.workout": read_workouts, "signal.event": read_breathing}
    yield from reader[kind.table](sheet, checks)


def read_steps(sheet: Sheet, checks: list[Check]) -> Iterator[Batch | Rejected]:
    """Steps in spans of time, by watch and phone apart."""
    steps, _ = read_numbers(sheet.rows["count"])
    minutes = np.maximum(1.0, (sheet.end_us - sheet.start_us) / 60e6)
    checks += check_ends(sheet, STEPS_MAX_H)
    checks += [
        (np.isnan(steps) | (steps % 1 > 0), "expected a whole number of steps in count"),
        (
            (steps < 0) | (steps > STEPS_MAX_MIN * minutes),
            f"steps outside 0 to {STEPS_MAX_MIN:.0f} in a minute",
        ),
    ]
    keep, refused = refuse_rows(sheet.rows, checks, "signal.steps")
    yield refused
    kept = sheet.filter(keep)
    span_s = np.maximum(1, np.rint((kept.end_us - kept.start_us) / 1e6))
    columns = {
        **place(kept),
        "span_s": pa.array(span_s.astype(np.int32)),
        "steps": pa.array(steps[keep].astype(np.int32)),
    }
    yield Batch("signal.steps", lay_out(kept.rows, columns))


def read_workouts(sheet: Sheet, checks: list[Check]) -> Iterator[Batch | Rejected]:
    """Exercise; whether the device found it is not said."""
    hr_bpm, _ = read_numbers(sheet.rows["mean_heart_rate"])
    codes, _ = read_numbers(sheet.rows["exercise_type"])
    checks += check_ends(sheet, WORKOUT_MAX_H)
    checks += [
        (sheet.rows["datauuid"].is_null().to_numpy(), "expected a datauuid, found none"),
        (np.isnan(codes), "expected a number in exercise_type"),
        (
            (hr_bpm != 0) & ((hr_bpm < HR_MIN_BPM) | (hr_bpm > HR_MAX_BPM)),
            "heart rate outside 20 to 250 a minute",
        ),
    ]
    keep, refused = refuse_rows(sheet.rows, checks, "signal.workout")
    yield refused
    kept, hr_bpm = sheet.filter(keep), hr_bpm[keep]
    count = kept.start_us.size
    names = [ACTIVITIES.get(code, f"exercise type {code:.0f}") for code in codes[keep].tolist()]
    columns = {
        **place(kept),
        "workout": kept.rows["datauuid"],
        "end_utc": instants(kept.end_us),
        "activity": pa.array(names, pa.string()),
        "detected": pa.nulls(count, pa.bool_()),
        "hr_mean_bpm": pa.array(hr_bpm, mask=~(hr_bpm > 0)),
        "steps": pa.nulls(count, pa.int32()),
        "revision": pa.array([revision(kept, row) for row in range(count)], pa.int64()),
    }
    yield Batch("signal.workout", lay_out(kept.rows, columns))


def read_breathing(sheet: Sheet, checks: list[Check]) -> Iterator[Batch | Rejected]:
    """Guided breathing: a stamp and a length in seconds; whether the stamp is its start is not documented."""
    length_s, _ = read_numbers(sheet.rows["duration"])
    checks.append((~((length_s >= 0) & (length_s <= 86_400)), "expected a duration of 0 to 86400 seconds"))
    keep, refused = refuse_rows(sheet.rows, checks, "signal.event")
    yield refused
    kept = sheet.filter(keep)
    count = kept.start_us.size
    columns = {
        **place(kept),
        "event": constant("mindful", count),
        "end_utc": pa.nulls(count, pa.timestamp("us")),
        "app": constant("Samsung Health", count),
        "amount": pa.array(length_s[keep] / 60),
    }
    yield Batch("signal.event", lay_out(kept.rows, columns))
