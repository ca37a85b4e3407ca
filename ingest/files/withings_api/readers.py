"""Withings' days, minutes, nights and workouts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingest.source import (
    MISSING,
    Batch,
    Flags,
    Instants,
    Moments,
    Rejected,
    Remark,
    Stretches,
    check_end,
    check_instants,
    constant,
    instants,
    lay_out,
    lay_out_episodes,
    lay_out_stages,
    place_days,
    read_numbers,
    refuse_rows,
    take_quantity,
)

from .layout import (
    BED,
    BED_MODEL,
    BED_MODELS,
    EPISODE,
    FIRST_US,
    MINUTE_STEPS,
    NIGHT,
    NIGHT_RATE,
    RATE,
    SECONDS_MAX,
    SLEEP_MAX_H,
    SPO2,
    SPORTS,
    STAGE,
    STATES,
    STEPS_DAY,
    WORKOUT,
    WORKOUT_MAX_H,
    Setting,
)

Part = Batch | Rejected | Remark


@dataclass(frozen=True)
class States:
    """The states of one night, and the answer that they are from, which may have none."""

    member: int
    rows: pa.Table


def read_seconds(column: pa.ChunkedArray) -> Instants:
    """Seconds since 1970 as instants; MISSING for what is none."""
    seconds, _ = read_numbers(column)
    good = (seconds > 0) & (seconds < 1 << 33)
    return np.where(good, (np.where(good, seconds, 0) * 1e6).astype(np.int64), MISSING)


def place(t_us: Instants, setting: Setting) -> Moments:
    """Instants with the offsets that the clock has for them."""
    offset, assumed = setting.clock.of_utc(np.where(t_us == MISSING, 0, t_us))
    return Moments(t_us, offset, assumed & (t_us != MISSING))


def check_times(when: Moments, setting: Setting) -> list[tuple[Flags, str]]:
    """What may be wrong with instants."""
    return check_instants(when.t_us, FIRST_US, setting.latest_us)


def read_days(rows: pa.Table, setting: Setting) -> Iterator[Part]:
    """Steps of dates, which say nothing of when in the day."""
    when = place_days(rows["date"], setting.clock)
    yield from take_quantity(rows, STEPS_DAY, when, check_times(when, setting))


def read_minutes(rows: pa.Table, setting: Setting) -> Iterator[Part]:
    """Heart rates, steps and SpO2 of moments of a day."""
    when = place(read_seconds(rows["start"]), setting)
    seconds, _ = read_numbers(rows["duration"])
    known = (seconds > 0) & (seconds <= SECONDS_MAX)
    spanned = Moments(when.t_us, when.offset_min, when.assumed, np.where(known, seconds, np.nan))
    keep, rejected = refuse_rows(rows, check_times(when, setting), RATE.table)
    yield rejected
    rows, when, spanned = rows.filter(pa.array(keep)), when.filter(keep), spanned.filter(keep)
    yield from take_quantity(rows, RATE, when)
    yield from take_quantity(rows, SPO2, when)
    walked = ~np.isnan(read_numbers(rows["steps"])[0])
    steps, spanned = rows.filter(pa.array(walked)), spanned.filter(walked)
    missing = np.asarray(np.isnan(np.asarray(spanned.span_s, dtype=np.float64)))
    unknown = [(missing, "expected a duration in seconds, up to a day")]
    yield from take_quantity(steps, MINUTE_STEPS, spanned, unknown)


# --- nights -------------------------------------------------------------------------------------


def read_nights(nights: Sequence[pa.Table], states: Mapping[str, States], setting: Setting) -> Iterator[Part]:
    """Nights whose states were asked for: the watch's, then those of a bed sensor."""
    found: dict[str, dict[str, object]] = {}
    for rows in nights:
        found |= {row["id"]: row for row in rows.to_pylist()}
    unknown = sorted(set(states) - set(found))
    if unknown:
        yield Remark(
            f"States of {len(unknown)} sleeps were left out: the list of nights does not have these."
        )
    for in_bed in (False, True):
        mine = [number for number in sorted(set(states) & set(found)) if is_bed(found[number]) == in_bed]
        if mine:
            parts = [of_device(states[number].rows, in_bed=in_bed) for number in mine]
            rows = tabulate([{**found[number], "member": states[number].member} for number in mine])
            for part in read_group(rows, parts, setting):
                yield with_device(part) if in_bed else part


def is_bed(row: Mapping[str, object]) -> bool:
    """Whether a record is of a bed sensor."""
    return row["kind"] == BED_MODEL or row["model"] in BED_MODELS


def of_device(rows: pa.Table, *, in_bed: bool) -> pa.Table:
    """Records of a bed sensor, or the others."""
    mine = [is_bed(row) == in_bed for row in rows.select(["kind", "model"]).to_pylist()]
    return rows.filter(pa.array(mine, pa.bool_()))


def with_device(part: Part) -> Part:
    """Rows named as those of a bed sensor."""
    if not isinstance(part, Batch):
        return part
    return Batch(part.table, part.rows.append_column("device", constant(BED, part.rows.num_rows)))


def tabulate(nights: Sequence[dict[str, object]]) -> pa.Table:
    """Nights as rows; each comes from the answer with its states."""
    names = [name for name in nights[0] if name not in ("member", "record")]
    schema = [("member", pa.int32()), ("record", pa.int64()), *((name, pa.string()) for name in names)]
    return pa.Table.from_pylist(list(nights), schema=pa.schema(schema))


def read_group(rows: pa.Table, states: Sequence[pa.Table], setting: Setting) -> Iterator[Part]:
    """Nights of one device, with their states, which lie beside them in the same order."""
    start, end = (place(read_seconds(rows[name]), setting) for name in ("start", "end"))
    checks = [*check_times(start, setting), *check_end(start.t_us, end.t_us, SLEEP_MAX_H)]
    keep, rejected = refuse_rows(rows, checks, EPISODE)
    yield rejected
    rows, start, end = rows.filter(pa.array(keep)), start.filter(keep), end.filter(keep)
    states = [part for part, good in zip(states, keep.tolist(), strict=True) if good]
    rows = rows.append_column("episode", rows["id"])
    yield from read_rates(states, setting)
    parts, odd = read_states(states)
    wrong = [(odd, f"a sleep state that is not known, or without a span: expected {', '.join(STATES)}")]
    yield refuse_rows(rows.select(["member", "record", "episode"]), wrong, STAGE)[1]
    parts = parts.filter(~odd[parts.log])
    staged = np.isin(np.arange(rows.num_rows), parts.log)
    main = pa.nulls(rows.num_rows, pa.bool_())
    episodes = lay_out_episodes(rows, start, end, staged=staged, main=main, in_bed=None)
    changed, _ = read_numbers(rows["changed"])
    revision = pa.array(np.nan_to_num(changed * 1000).astype(np.int64), mask=np.isnan(changed))
    yield Batch(EPISODE, put(episodes, "revision", revision))
    stages = lay_out_stages(rows, parts, start, end, setting.clock)
    by_night = dict(zip(rows["episode"].to_pylist(), revision.to_pylist(), strict=True))
    of_stages = pa.array([by_night[name] for name in stages["episode"].to_pylist()], pa.int64())
    yield Batch(STAGE, put(stages, "revision", of_stages))
    # A night's values belong to the date of its final wake.
    for quantity in NIGHT:
        yield from take_quantity(rows, quantity, end)


def read_states(states: Sequence[pa.Table]) -> tuple[Stretches, Flags]:
    """States as stretches, by the place of their night, and which nights have one that is none."""
    logs, starts, stops, stages = [], [], [], []
    odd = np.zeros(len(states), dtype=np.bool_)
    for i, rows in enumerate(states):
        begin, stop = (read_seconds(rows[name]) for name in ("start", "end"))
        names = rows["state"].to_pylist()
        odd[i] = bool((begin >= stop).any()) or any(name not in STATES for name in names)
        for left, right, name in zip(begin.tolist(), stop.tolist(), names, strict=True):
            if not odd[i]:
                logs.append(i)
                starts.append(left)
                stops.append(right)
                stages.append(STATES[name])
    log, left_us, right_us = (np.array(values, dtype=np.int64) for values in (logs, starts, stops))
    return Stretches(log, left_us, right_us, np.array(stages, dtype="U8")), odd


def read_rates(states: Sequence[pa.Table], setting: Setting) -> Iterator[Part]:
    """Heart rates of a night, which stand under their instants beside its states."""
    out = []
    for rows in states:
        for row in rows.select(["member", "record", "rates"]).to_pylist():
            found = json.loads(row["rates"] or "{}")
            where = {"member": row["member"], "record": row["record"]}
            pairs = found.items() if isinstance(found, dict) else ()
            out += [{**where, "t": str(t), "value": str(value)} for t, value in pairs]
    schema = [("member", pa.int32()), ("record", pa.int64()), ("t", pa.string()), ("value", pa.string())]
    rates = pa.Table.from_pylist(out, schema=pa.schema(schema))
    when = place(read_seconds(rates["t"]), setting)
    yield from take_quantity(rates, NIGHT_RATE, when, check_times(when, setting))


def put(rows: pa.Table, name: str, column: pa.Array) -> pa.Table:
    """Rows with one column replaced."""
    return rows.set_column(rows.column_names.index(name), name, column)


def read_workouts(rows: pa.Table, setting: Setting) -> Iterator[Part]:
    """Workouts; who found them, the person or the watch, is not said."""
    start, end = (place(read_seconds(rows[name]), setting) for name in ("start", "end"))
    bpm, no_number = read_numbers(rows["bpm"])
    checks = [
        *check_times(start, setting),
        *check_end(start.t_us, end.t_us, WORKOUT_MAX_H),
        (no_number, "expected a number in hr_average"),
        ((bpm != 0) & ((bpm < 20) | (bpm > 250)), "heart rate outside 20 to 250 a minute"),
    ]
    keep, rejected = refuse_rows(rows, checks, WORKOUT)
    yield rejected
    rows, start, end, bpm = rows.filter(pa.array(keep)), start.filter(keep), end.filter(keep), bpm[keep]
    steps, changed = read_numbers(rows["steps"])[0], read_numbers(rows["changed"])[0]
    counted = (steps >= 0) & (steps < 1_000_000)
    columns = {
        "workout": rows["id"],
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us),
        "activity": pa.array([SPORTS.get(c or "") for c in rows["category"].to_pylist()], pa.string()),
        "detected": pa.nulls(rows.num_rows, pa.bool_()),
        "hr_mean_bpm": pa.array(bpm, mask=~(bpm > 0)),
        "steps": pa.array(np.where(counted, steps, 0).astype(np.int32), mask=~counted),
        "revision": pa.array(np.nan_to_num(changed * 1000).astype(np.int64), mask=np.isnan(changed)),
        "tz_assumed": pa.array(start.assumed),
    }
    yield Batch(WORKOUT, lay_out(rows, columns))
