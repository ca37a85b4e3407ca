"""Sessions of a Health Connect database: sleep with stages, exercise, mindfulness."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ingest.source import (
    MISSING,
    Batch,
    Check,
    Instants,
    Rejected,
    Stretches,
    check_instants,
    constant,
    instants,
    lay_out,
    name_app,
    overlay,
    refuse_rows,
)

from .columns import (
    between,
    check_spans,
    find_parents,
    gather,
    read_instants,
    read_offsets,
    shared,
    start,
    whole,
)
from .layout import (
    ACTIVITIES,
    AUTOMATIC,
    FIRST_US,
    NO_STAGE,
    SLEEP_MAX_H,
    STAGES,
    UNKNOWN_METHOD,
    WORKOUT_MAX_H,
    Database,
    Kind,
    Moments,
)


def read_sleep(database: Database, kind: Kind, rows: pa.Table) -> Iterator[Batch | Rejected]:
    """Sleep sessions and their stages."""
    start_us, end_us = read_instants(rows, "start_time"), read_instants(rows, "end_time")
    checks = check_instants(start_us, FIRST_US, database.latest_us)
    checks += [
        (rows["uuid"].is_null().to_numpy(), "expected a uuid of 16 bytes, found none"),
        *check_spans(start_us, end_us, SLEEP_MAX_H),
        (end_us == start_us, "has no length"),
    ]
    keep, refused = refuse_rows(rows, checks, kind.stream, place=f"{kind.table} row")
    yield refused
    kept, start_us, end_us = rows.filter(pa.array(keep)), start_us[keep], end_us[keep]
    parts, refused = gather_stages(database, kind, whole(rows, "row_id"), whole(kept, "row_id"))
    yield refused
    nothing = np.zeros(0, dtype=np.int64)
    none = Stretches(nothing, nothing, nothing, np.zeros(0, dtype="U8"))
    cut = overlay(parts, none, start_us, end_us)
    yield from lay_out_sleep(database, kept, start_us, end_us, cut)


def gather_stages(
    database: Database, kind: Kind, sessions: Instants, good: Instants
) -> tuple[Stretches, Rejected]:
    """Stages of the good sessions, and those refused: of no session at all, not known, or without time."""
    rows = gather(database, kind.child, kind.child_columns or {})
    order = np.argsort(good, kind="stable")
    parent, known = find_parents(good, order, whole(rows, "parent_key"))
    orphan = ~np.isin(whole(rows, "parent_key"), sessions)
    start_us, end_us = read_instants(rows, "stage_start_time"), read_instants(rows, "stage_end_time")
    kinds = np.array(
        [
            STAGES[code] if 0 <= code < len(STAGES) else NO_STAGE
            for code in whole(rows, "stage_type", -1).tolist()
        ],
        dtype="U8",
    )
    checks: list[Check] = [
        (orphan, f"no record in {kind.table} has the row_id that it names"),
        ((start_us == MISSING) | (end_us == MISSING), "a sleep stage without a start or an end"),
        (end_us < start_us, "ends before it starts"),
        (kinds == NO_STAGE, f"a stage_type that is not known: expected 0 to {len(STAGES) - 1}"),
    ]
    keep, refused = refuse_rows(rows, checks, "signal.sleep_stage", place=f"{kind.child} row")
    keep &= known
    return Stretches(parent[keep], start_us[keep], end_us[keep], kinds[keep]), refused


def lay_out_sleep(
    database: Database, rows: pa.Table, start_us: Instants, end_us: Instants, cut: Stretches
) -> Iterator[Batch]:
    """Rows of sleep sessions and of their stages."""
    when = start(rows, start_us, database)
    end_offset, end_assumed = read_offsets(rows, "end_zone_offset", end_us, database.clock)
    staged = np.zeros(rows.num_rows, dtype=bool)
    staged[cut.log[np.isin(cut.stage, ["light", "deep", "rem"])]] = True
    columns = {
        **shared(when),
        "episode": rows["uuid"],
        "end_utc": instants(end_us),
        "end_offset_min": pa.array(end_offset),
        "scoring": pa.array(np.where(staged, "stages", "classic").tolist(), pa.string()),
        "vendor_main": pa.nulls(rows.num_rows, pa.bool_()),
        "in_bed": pa.nulls(rows.num_rows, pa.bool_()),
        "tz_assumed": pa.array(when.assumed | end_assumed),
        "revision": rows["last_modified_time"],
    }
    yield Batch("signal.sleep_episode", lay_out(rows, columns))
    log = pa.array(cut.log)
    of = rows.take(log)
    offset, assumed = between(of, cut.start_us, database.clock)
    columns = {
        **shared(Moments(cut.start_us, offset, assumed, when.device.take(log))),
        "episode": of["uuid"],
        "end_utc": instants(cut.end_us),
        "stage": pa.array(cut.stage.tolist(), pa.string()),
        "revision": of["last_modified_time"],
    }
    yield Batch("signal.sleep_stage", lay_out(of, columns))


def read_sessions(database: Database, kind: Kind, rows: pa.Table) -> Iterator[Batch | Rejected]:
    """Exercise and mindfulness: sessions with a start and an end."""
    start_us, end_us = read_instants(rows, "start_time"), read_instants(rows, "end_time")
    checks = check_instants(start_us, FIRST_US, database.latest_us)
    checks += check_spans(start_us, end_us, WORKOUT_MAX_H)
    checks.append((rows["uuid"].is_null().to_numpy(), "expected a uuid of 16 bytes, found none"))
    keep, refused = refuse_rows(rows, checks, kind.stream, place=f"{kind.table} row")
    yield refused
    kept, start_us, end_us = rows.filter(pa.array(keep)), start_us[keep], end_us[keep]
    columns = {**shared(start(kept, start_us, database)), "end_utc": instants(end_us)}
    own = name_workouts(kept) if kind.stream == "signal.workout" else name_practice(kept, database)
    yield Batch(kind.stream, lay_out(kept, {**columns, **own}))


def name_workouts(rows: pa.Table) -> dict[str, pa.Array | pa.ChunkedArray]:
    """What a workout is; the database holds no heart rate or steps of its own for it."""
    codes = whole(rows, "exercise_type", -1).tolist()
    method = whole(rows, "recording_method", UNKNOWN_METHOD)
    return {
        "workout": rows["uuid"],
        "activity": pa.array(
            [ACTIVITIES[c] if 0 <= c < len(ACTIVITIES) else f"exercise type {c}" for c in codes], pa.string()
        ),
        "detected": pa.array(method == AUTOMATIC, mask=method == UNKNOWN_METHOD),
        "hr_mean_bpm": pa.nulls(rows.num_rows, pa.float64()),
        "steps": pa.nulls(rows.num_rows, pa.int32()),
        "revision": rows["last_modified_time"],
    }


def name_practice(rows: pa.Table, database: Database) -> dict[str, pa.Array | pa.ChunkedArray]:
    """A mindfulness session, with the app that wrote it."""
    apps = whole(rows, "app_info_id", -1).tolist()
    return {
        "event": constant("mindful", rows.num_rows),
        "app": pa.array([name_app(database.devices.get((a, -1), "")) or None for a in apps], pa.string()),
        "amount": pa.nulls(rows.num_rows, pa.float64()),
    }
