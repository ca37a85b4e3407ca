"""Feature values put into a warehouse as the features stage would, and scored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from models.score import score
from warehouse.commit import commit
from warehouse.staging import stage
from warehouse.store import content_hashes, open_warehouse

NOW = datetime(2020, 12, 1, tzinfo=UTC).replace(tzinfo=None)
EVER = date(2030, 1, 1)
COLUMNS = ("participant", "day", "feature", "value", "se", "quality", "source")
Row = tuple[str, date, str, float | None, float | None, str | None, str | None]
Hour = tuple[str, date, int, float, float]
"""Participant, day, hour of the local clock, minutes worn, minutes asleep."""


def put(
    warehouse: Path,
    staging: Path,
    rows: Iterable[Row],
    *,
    gone: Iterable[tuple[str, date]] = (),
    hours: Iterable[Hour] = (),
) -> None:
    """Commit feature values as the features stage would."""
    rows, gone = list(rows), list(gone)
    table = pa.table(dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True))) if rows else None
    days = sorted({(row[0], row[1]) for row in rows} | set(gone))
    with stage(staging, "features", method_version="features-1") as staged:
        if table is not None:
            one = pa.array([1] * len(rows), pa.int64())
            text = pa.array(["-"] * len(rows))
            more = {"n_obs": one, "coverage": one.cast(pa.float64()), "reason": text}
            staged.add(
                "feature.value",
                pa.table(
                    {n: table[n] for n in COLUMNS} | more | {"method_version": text, "input_hash": text}
                ),
            )
        staged.add("feature.hour", tabulate_hours(list(hours)))
        staged.replace(pa.table({"participant": [p for p, _ in days], "day": [d for _, d in days]}))
    commit(warehouse, [staged.folder], now=NOW)


def run(
    warehouse: Path, staging: Path, participants: Iterable[str] = ("p-one", "p-two"), before: date = EVER
) -> bool:
    folder = score(warehouse, staging, participants=list(participants), before=before)
    if folder is not None:
        commit(warehouse, [folder], now=NOW)
    return folder is not None


def ask(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    with open_warehouse(warehouse, read_only=True) as con:
        return con.execute(sql).fetchall()


def results(warehouse: Path) -> dict[str, str]:
    with open_warehouse(warehouse, read_only=True) as con:
        hashes = content_hashes(con)
    return {k: v for k, v in hashes.items() if k.startswith("model.")}


def tabulate_hours(hours: list[Hour]) -> pa.Table:
    """Rows of feature.hour; the clock is an hour east of UTC."""
    stamps = [datetime(d.year, d.month, d.day) + timedelta(hours=hour - 1) for _, d, hour, _, _ in hours]
    text, none = pa.array(["-"] * len(hours)), pa.array([None] * len(hours), pa.float64())
    return pa.table(
        {
            "participant": pa.array([row[0] for row in hours], pa.string()),
            "day": pa.array([row[1] for row in hours], pa.date32()),
            "hour_utc": pa.array(stamps, pa.timestamp("us")),
            "offset_min": pa.array([60] * len(hours), pa.int16()),
            "worn_min": pa.array([row[3] for row in hours], pa.float64()),
            "asleep_min": pa.array([row[4] for row in hours], pa.float64()),
            "hr_bpm": none,
            "steps": none.cast(pa.int32()),
            "source": text,
            "method_version": text,
            "input_hash": text,
        }
    )
