"""Metrics of Health Auto Export but sleep, and workouts, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from ingest.source import (
    MISSING,
    Batch,
    Check,
    Rejected,
    Remark,
    check_instants,
    constant,
    instants,
    lay_out,
    measure,
    name_app,
    read_numbers,
    refuse_one,
    refuse_rows,
)

from .document import Metric
from .layout import (
    ACTIVITIES,
    FIRST_US,
    HEART,
    HOUR_US,
    HR_MAX_BPM,
    HR_MIN_BPM,
    MINDFUL,
    QUANTITIES,
    STEPS,
    UNITS,
    WORKOUT_MAX_H,
    Points,
    Setting,
    grid_us,
    make_points,
    read_stamps,
    shared,
)

STEPS_MAX_MIN = 1000.0
TABLES = {HEART: "signal.heart_rate", STEPS: "signal.steps", MINDFUL: "signal.event"}
COARSE = "export again with the time grouping set to minutes, or without aggregation"


def read_metric(metric: Metric, setting: Setting) -> Iterator[Batch | Rejected | Remark]:
    """Read a metric whose units are known; one with other units is refused as a whole."""
    table = TABLES.get(metric.name) or QUANTITIES[metric.name][0].table
    factor = UNITS[metric.name].get(metric.units)
    if factor is None:
        expected = " or ".join(UNITS[metric.name])
        reason = f"units {metric.units[:40]!r} of {metric.name} are not known: expected {expected}"
        yield refuse_one(setting.member, table, metric.first, f"metric {metric.name}", reason, "")
        return
    records = list(enumerate(metric.points, start=metric.first))
    points = make_points(records, ("date", "endDate", "qty", "Avg"), "date", setting)
    checks = check_instants(points.t_us, FIRST_US, setting.latest_us)
    if metric.name in TABLES:
        reader = {HEART: read_hearts, STEPS: read_steps, MINDFUL: read_mindful}[metric.name]
        yield from reader(points, checks, factor, setting)
    else:
        yield from read_values(metric, points, checks, factor)


def read_values(
    metric: Metric, points: Points, checks: Sequence[Check], factor: float
) -> Iterator[Batch | Rejected | Remark]:
    """Single values: vitals, and SDNN of a moment."""
    quantity = replace(QUANTITIES[metric.name][0], factor=factor)
    if quantity.table == "signal.hrv_sample" and grid_us(points) >= HOUR_US:
        yield coarse_remark(metric.name, len(metric.points))
        return
    if metric.units == "degF":
        celsius = (read_numbers(points.rows["qty"])[0] - 32) / 1.8
        rows = points.rows.set_column(points.rows.column_names.index("qty"), "qty", pa.array(celsius))
        points = replace(points, rows=rows)
    no_number = np.isnan(read_numbers(points.rows["qty"])[0])
    wrong = [
        *checks,
        (no_number, "expected a number in qty"),
        *measure(points.rows, quantity, points.moments()).checks,
    ]
    keep, refused = refuse_rows(points.rows, wrong, quantity.table, place=f"{metric.name} point")
    yield refused
    good = points.filter(keep)
    rows = measure(good.rows, quantity, good.moments()).rows
    device = dict(zip(good.rows["record"].to_pylist(), good.device.to_pylist(), strict=True))
    names = pa.array([device[number] for number in rows["record"].to_pylist()], pa.string())
    yield Batch(quantity.table, rows.append_column("device", names))


def coarse_remark(name: str, count: int) -> Remark:
    """Say that means of hours or days were left out."""
    return Remark(f"{count} points of {name} are means of hours or days and were left out: {COARSE}.")


def read_hearts(
    points: Points, checks: list[Check], factor: float, setting: Setting
) -> Iterator[Batch | Rejected | Remark]:
    """Heart rates: the mean of a minute or a sample; those of hours and days are left out."""
    del factor, setting
    if grid_us(points) >= HOUR_US:
        yield coarse_remark(HEART, points.t_us.size)
        return
    mean, sample = (read_numbers(points.rows[name])[0] for name in ("Avg", "qty"))
    hr_bpm = np.where(np.isnan(mean), sample, mean)
    absent = hr_bpm == 0
    checks += [
        (np.isnan(hr_bpm), "expected a number in Avg or qty"),
        ((hr_bpm < HR_MIN_BPM) | (hr_bpm > HR_MAX_BPM), "heart rate outside 20 to 250 a minute"),
    ]
    wrong = [(flags & ~absent, reason) for flags, reason in checks]
    keep, refused = refuse_rows(points.rows, wrong, "signal.heart_rate", place="heart_rate point")
    yield refused
    keep &= ~absent
    kept = points.filter(keep)
    columns = {
        **shared(kept),
        "hr_bpm": pa.array(hr_bpm[keep].astype(np.float32)),
        "confidence": pa.nulls(kept.t_us.size, pa.int8()),
    }
    yield Batch("signal.heart_rate", lay_out(kept.rows, columns))


def read_steps(
    points: Points, checks: list[Check], factor: float, setting: Setting
) -> Iterator[Batch | Rejected | Remark]:
    """Steps of minutes, hours or days, as their stamps show; without such a grid their span is not known."""
    del factor, setting
    span_us = grid_us(points)
    if span_us == 0 and points.t_us.size:
        yield Remark(
            f"{points.t_us.size} points of step_count do not say of how long they are and were left out: {COARSE}."
        )
        return
    steps, _ = read_numbers(points.rows["qty"])
    most = STEPS_MAX_MIN * max(span_us / 60e6, 1)
    checks += [
        (np.isnan(steps), "expected a number in qty"),
        ((steps < 0) | (steps > most), f"steps outside 0 to {STEPS_MAX_MIN:.0f} in a minute"),
    ]
    keep, refused = refuse_rows(points.rows, checks, "signal.steps", place="step_count point")
    yield refused
    kept = points.filter(keep)
    columns = {
        **shared(kept),
        "span_s": pa.array(np.full(kept.t_us.size, span_us // 1_000_000, dtype=np.int32)),
        "steps": pa.array(np.rint(steps[keep]).astype(np.int32)),
    }
    yield Batch("signal.steps", lay_out(kept.rows, columns))


def read_mindful(
    points: Points, checks: list[Check], factor: float, setting: Setting
) -> Iterator[Batch | Rejected]:
    """Mindful minutes, with the app that wrote them; of hours and days only how many."""
    length_min = read_numbers(points.rows["qty"])[0] * factor
    stated_us, _, _ = read_stamps(points.rows["endDate"], setting)
    absent = length_min == 0
    checks.append((~((length_min >= 0) & (length_min <= 1440)), "expected 0 to 1440 minutes in qty"))
    wrong = [(flags & ~absent, reason) for flags, reason in checks]
    keep, refused = refuse_rows(points.rows, wrong, "signal.event", place="mindful_minutes point")
    yield refused
    exact = grid_us(points) < HOUR_US
    keep &= ~absent
    kept, length_min, stated_us = points.filter(keep), length_min[keep], stated_us[keep]
    count = kept.t_us.size
    end_us = np.where(stated_us >= kept.t_us, stated_us, kept.t_us + (length_min * 60e6).astype(np.int64))
    columns = {
        **shared(kept),
        "event": constant("mindful", count),
        "end_utc": instants(end_us) if exact else pa.nulls(count, pa.timestamp("us")),
        "app": pa.array([name and name_app(name) for name in kept.device.to_pylist()], pa.string()),
        "amount": pa.array(length_min),
    }
    yield Batch("signal.event", lay_out(kept.rows, columns))


def read_workouts(records: Sequence[tuple[int, object]], setting: Setting) -> Iterator[Batch | Rejected]:
    """Workouts; without an id, as older versions write them, their start names them."""
    flat = [(number, flatten(workout)) for number, workout in records]
    points = make_points(flat, ("id", "name", "start", "end", "hr_bpm"), "start", setting)
    end_us, _, _ = read_stamps(points.rows["end"], setting)
    hr_bpm, _ = read_numbers(points.rows["hr_bpm"])
    checks = check_instants(points.t_us, FIRST_US, setting.latest_us)
    checks += [
        (end_us == MISSING, "expected an end such as 2024-02-06 07:30:00 -0800, found none"),
        (end_us < points.t_us, "ends before it starts"),
        (end_us - points.t_us > WORKOUT_MAX_H * HOUR_US, f"longer than {WORKOUT_MAX_H} hours"),
        (
            (hr_bpm != 0) & ((hr_bpm < HR_MIN_BPM) | (hr_bpm > HR_MAX_BPM)),
            "heart rate outside 20 to 250 a minute",
        ),
    ]
    keep, refused = refuse_rows(points.rows, checks, "signal.workout", place="workout")
    yield refused
    kept, hr_bpm = points.filter(keep), hr_bpm[keep]
    count = kept.t_us.size
    names = [(name or "unknown").strip().lower() for name in kept.rows["name"].to_pylist()]
    starts = np.datetime_as_string(kept.t_us.astype("datetime64[us]"), unit="s").tolist()
    ids = [own or f"{start}Z" for own, start in zip(kept.rows["id"].to_pylist(), starts, strict=True)]
    columns = {
        **shared(kept),
        "workout": pa.array(ids, pa.string()),
        "end_utc": instants(end_us[keep]),
        "activity": pa.array([ACTIVITIES.get(name, name) for name in names], pa.string()),
        "detected": pa.nulls(count, pa.bool_()),
        "hr_mean_bpm": pa.array(hr_bpm, mask=~(hr_bpm > 0)),
        "steps": pa.nulls(count, pa.int32()),
        "revision": pa.nulls(count, pa.int64()),
    }
    yield Batch("signal.workout", lay_out(kept.rows, columns))


def flatten(workout: object) -> object:
    """A workout with its mean heart rate beside its name, wherever the version puts it."""
    if not isinstance(workout, dict):
        return workout
    rates = workout.get("heartRate")
    found = rates.get("avg") if isinstance(rates, dict) else workout.get("avgHeartRate")
    return {**workout, "hr_bpm": found.get("qty") if isinstance(found, dict) else found}
