"""Sleeps of a Samsung Health export, and their stages, which lie in a CSV of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from ingest.source import (
    Batch,
    Export,
    Rejected,
    Stretches,
    check_instants,
    constant,
    instants,
    lay_out,
    overlay,
    read_numbers,
    refuse_rows,
)

from .layout import (
    FIRST_US,
    SLEEP,
    SLEEP_MAX_H,
    SLEEP_SCORE,
    STAGE,
    STAGES,
    Sheet,
    check_ends,
    lay_out_values,
    place,
    revision,
)


def read_sleep(sheets: Sequence[Sheet], export: Export, latest_us: int) -> Iterator[Batch | Rejected]:
    """Sleeps and their stages, which lie in another CSV."""
    logs = []
    for sheet in (s for s in sheets if s.type == SLEEP):
        checks = check_instants(sheet.start_us, FIRST_US, latest_us)
        checks += check_ends(sheet, SLEEP_MAX_H)
        checks += [
            (sheet.end_us == sheet.start_us, "has no length"),
            (sheet.rows["datauuid"].is_null().to_numpy(), "expected a datauuid, found none"),
        ]
        keep, refused = refuse_rows(sheet.rows, checks, "signal.sleep_episode")
        if sheet.member in export.fresh:
            yield refused
        logs.append(sheet.filter(keep))
    named = {uuid for s in sheets if s.type == SLEEP for uuid in s.rows["datauuid"].to_pylist()}
    place_of = {
        uuid: (number, row)
        for number, sheet in enumerate(logs)
        for row, uuid in enumerate(sheet.rows["datauuid"].to_pylist())
    }
    stages = [sheet for sheet in sheets if sheet.type == STAGE]
    staged: set[str] = set()
    for sheet in stages:
        found, refused = sift_stages(sheet, named, latest_us)
        if sheet.member in export.fresh:
            yield refused
        staged.update(found.rows["sleep_id"].to_pylist())
        if sheet.member in export.fresh:
            yield lay_out_stages(found, logs, place_of)
    for sheet in logs:
        if sheet.member in export.fresh:
            yield lay_out_logs(sheet, staged)
            yield from lay_out_values(sheet, SLEEP_SCORE, sheet.moments(sheet.end_us))


def sift_stages(sheet: Sheet, named: set[str | None], latest_us: int) -> tuple[Sheet, Rejected]:
    """Stages that are good, and those that are refused."""
    codes, _ = read_numbers(sheet.rows["stage"])
    orphan = np.array([uuid not in named for uuid in sheet.rows["sleep_id"].to_pylist()], dtype=bool)
    known = ", ".join(f"{code:.0f}" for code in STAGES)
    checks = [
        *check_instants(sheet.start_us, FIRST_US, latest_us),
        *check_ends(sheet, SLEEP_MAX_H),
        (~np.isin(codes, list(STAGES)), f"a sleep stage that is not known: expected {known}"),
        (orphan, f"no row of {SLEEP} has the datauuid that its sleep_id names"),
    ]
    keep, refused = refuse_rows(sheet.rows, checks, "signal.sleep_stage")
    return sheet.filter(keep), refused


def lay_out_stages(
    sheet: Sheet, logs: Sequence[Sheet], place_of: Mapping[str | None, tuple[int, int]]
) -> Batch:
    """Rows of stages, cut to their sleeps."""
    ids = sheet.rows["sleep_id"].to_pylist()
    kept = sheet.filter(np.array([uuid in place_of for uuid in ids], dtype=bool))
    ids = kept.rows["sleep_id"].to_pylist()
    uuids = sorted(set(ids))
    number = {uuid: i for i, uuid in enumerate(uuids)}
    log = np.array([number[uuid] for uuid in ids], dtype=np.int64)
    at = [place_of[uuid] for uuid in uuids]
    start_us = np.array([logs[n].start_us[r] for n, r in at], dtype=np.int64)
    end_us = np.array([logs[n].end_us[r] for n, r in at], dtype=np.int64)
    names = np.array([STAGES[code] for code in read_numbers(kept.rows["stage"])[0].tolist()], dtype="U8")
    nothing = np.zeros(0, dtype=np.int64)
    cut = overlay(
        Stretches(log, kept.start_us, kept.end_us, names),
        Stretches(nothing, nothing, nothing, np.zeros(0, dtype="U8")),
        start_us,
        end_us,
    )
    first = np.array([ids.index(uuid) for uuid in uuids], dtype=np.int64)[cut.log]
    of = kept.rows.take(pa.array(first))
    shared = {
        "device": pa.array([logs[n].device[r].as_py() for n, r in at], pa.string()).take(pa.array(cut.log)),
        "offset_min": pa.array(np.array([logs[n].offset_min[r] for n, r in at], dtype=np.int16)[cut.log]),
        "revision": pa.array([revision(logs[n], r) for n, r in at], pa.int64()).take(pa.array(cut.log)),
    }
    columns = {
        **shared,
        "episode": of["sleep_id"],
        "t_utc": instants(cut.start_us),
        "end_utc": instants(cut.end_us),
        "stage": pa.array(cut.stage.tolist(), pa.string()),
    }
    return Batch("signal.sleep_stage", lay_out(of, columns))


def lay_out_logs(sheet: Sheet, staged: set[str]) -> Batch:
    """Rows of sleeps."""
    count = sheet.start_us.size
    ids = sheet.rows["datauuid"].to_pylist()
    columns = {
        **place(sheet),
        "episode": sheet.rows["datauuid"],
        "end_utc": instants(sheet.end_us),
        "end_offset_min": pa.array(sheet.offset_min),
        "scoring": pa.array(["stages" if uuid in staged else "classic" for uuid in ids], pa.string()),
        "vendor_main": pa.nulls(count, pa.bool_()),
        "in_bed": constant(value=False, count=count),
        "revision": pa.array([revision(sheet, row) for row in range(count)], pa.int64()),
    }
    return Batch("signal.sleep_episode", lay_out(sheet.rows, columns))
