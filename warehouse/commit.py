"""The only writer: put what was staged into the warehouse, in one transaction.

Signals are merged by natural key. Every key has one winner, the row of the highest
(revision, export date, member, content hash, record number), so that any order of loading gives the
same table. Results replace the participant-days they were computed for. What changed is marked as
due for the next stage, and old values of days that were final are kept in `meta.change`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse.ddl import create_wide_views
from warehouse.dictionary import fill_dictionary
from warehouse.merge import list_again, merge_signals
from warehouse.replace import replace_results
from warehouse.sql import scalar
from warehouse.store import open_warehouse
from warehouse.tables import TABLES, find_table

RESULT_TABLES: dict[str, tuple[str, ...]] = {
    "features": (
        "feature.value",
        "feature.other_device",
        "feature.hour",
        "feature.window",
        "feature.episode",
        "feature.data_yield",
    ),
    "models": (
        "model.baseline",
        "model.index_day",
        "model.index_adjusted",
        "model.contribution",
        "model.alert",
        "model.alert_part",
        "model.shift",
        "model.shift_run",
        "model.agreement",
        "model.personal_weight",
    ),
    "effects": ("model.effect", "model.effect_day"),
    "reports": ("report.insight",),
    "weeks": ("report.week",),
}
READERS: dict[str, tuple[str, ...]] = {
    "ingest": ("features", "effects", "reports"),
    "features": ("models", "effects", "reports"),
    "models": ("reports",),
}
"""Which stages read what a stage writes; insights name workouts and features besides the index, effects read events."""


@dataclass(frozen=True)
class Folder:
    """A complete staged folder, and what its manifest says."""

    path: Path
    stage: str
    method_version: str
    rows: dict[str, int]

    def parts(self, name: str) -> list[str]:
        """Paths of the staged Parquet files of a table, or of replace, clear, later."""
        return [str(p) for p in sorted(self.path.glob(f"{name}-*.parquet"))]


@dataclass(frozen=True)
class Committed:
    """What a commit wrote: rows a table, participant-days replaced, and those that now say something else."""

    rows: dict[str, int] = field(default_factory=dict)
    partitions: int = 0
    changed: int = 0
    withdrawn: int = 0


def commit(url: str | Path, folders: Sequence[Path], *, now: datetime, wait_s: float = 60.0) -> Committed:
    """Write staged folders of one stage into the warehouse at `url`, then delete them.

    All or nothing: after an error or a kill the warehouse is as it was, and the same folders (or
    the same command) can be committed again. `now` is the instant (UTC, naive) that journal rows get.

    Raises
    ------
    WarehouseError
        If the warehouse stays held by another process, or the disk is full.
    """
    staged = [read_folder(path) for path in folders]
    if not staged:
        return Committed()
    with open_warehouse(url, wait_s=wait_s) as con:
        con.begin()
        try:
            done = write_all(con, staged, now)
            con.commit()
        except BaseException:
            con.rollback()
            raise
    for folder in staged:
        shutil.rmtree(folder.path, ignore_errors=True)
    return done


def read_folder(path: Path) -> Folder:
    """Read the manifest of a complete staged folder."""
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    return Folder(path, manifest["stage"], manifest["method_version"], manifest["rows"])


def write_all(con: duckdb.DuckDBPyConnection, staged: list[Folder], now: datetime) -> Committed:
    """Write everything that was staged, inside the caller's transaction."""
    stage = staged[0].stage
    list_again(con, all_parts(staged, "again"))
    upsert_meta(con, staged)
    if stage == "ingest":
        withdrawn = merge_signals(con, {t.full_name: all_parts(staged, t.full_name) for t in TABLES}, now)
        partitions = 0
    else:
        withdrawn = 0
        partitions = replace_results(con, RESULT_TABLES[stage], lambda name: all_parts(staged, name), now)
    add_dues(con, stage, staged)
    changed = int(scalar(con, "select count(*) from changed_days"))
    rows = sum_rows(staged)
    journal(con, stage, staged[0].method_version, rows, partitions, now)
    return Committed(rows=rows, partitions=partitions, changed=changed, withdrawn=withdrawn)


def all_parts(staged: Iterable[Folder], name: str) -> list[str]:
    """Paths of a table's parts over all folders."""
    return [part for folder in staged for part in folder.parts(name)]


def sum_rows(staged: Iterable[Folder]) -> dict[str, int]:
    """Rows staged a table, over all folders."""
    rows: dict[str, int] = {}
    for folder in staged:
        for table, count in folder.rows.items():
            rows[table] = rows.get(table, 0) + count
    return rows


def upsert_meta(con: duckdb.DuckDBPyConnection, staged: list[Folder]) -> None:
    """Write staged rows of meta tables and of the feature catalogue by their keys."""
    for table in TABLES:
        parts = all_parts(staged, table.full_name) if table.kind == "meta" else []
        if not parts:
            continue
        keys = " and ".join(f't."{k}" is not distinct from s."{k}"' for k in table.key)
        con.execute(
            "create or replace temp table incoming as select distinct * from read_parquet(?)", [parts]
        )
        if table.full_name == "meta.source_file":
            keep_newest_date(con)
            forget_readings(con)
        if table.full_name == "meta.consent":
            keep_what_was_said(con)
        if table.full_name == "feature.catalog":
            con.execute("delete from feature.catalog")
        con.execute(f"delete from {table.full_name} t where exists (select 1 from incoming s where {keys})")
        con.execute(f"insert into {table.full_name} by name select * from incoming")
        con.execute("drop table incoming")
    if all_parts(staged, "feature.catalog"):
        create_wide_views(con)
        fill_dictionary(con)


def keep_newest_date(con: duckdb.DuckDBPyConnection) -> None:
    """Give a file that is known already the newest of its export dates: order must not matter."""
    con.execute(
        "update incoming s set exported_utc = t.exported_utc from meta.source_file t"
        " where t.participant = s.participant and t.file_id = s.file_id and t.exported_utc > s.exported_utc"
    )


def keep_what_was_said(con: duckdb.DuckDBPyConnection) -> None:
    """Let a statement that was written since a load began stand: what comes with the load was said before it."""
    con.execute(
        "delete from incoming s using meta.consent t where t.participant = s.participant"
        " and t.purpose = s.purpose and t.number = s.number"
    )


def forget_readings(con: duckdb.DuckDBPyConnection) -> None:
    """Forget what was refused of files that were read again, and what they were thought to hold completely."""
    for name in ("meta.rejected", "meta.complete"):
        con.execute(
            f"delete from {name} t where exists (select 1 from files_again a"
            " where a.participant = t.participant and a.file_id = t.file_id)"
        )


def add_dues(con: duckdb.DuckDBPyConnection, stage: str, staged: list[Folder]) -> None:
    """Clear this stage's dues that are done, keep those put off, add those of the stages that read it."""
    done, later = all_parts(staged, "clear"), all_parts(staged, "later")
    if done:
        con.execute(
            "delete from meta.due d where stage = ? and exists (select 1 from read_parquet(?) c"
            " where c.participant = d.participant and c.day = d.day)",
            [stage, done],
        )
    if later:
        put_off = "select distinct participant, day from read_parquet(?)"
        insert_dues(con, stage, "put off", put_off, [later])
    for reader in READERS.get(stage, ()):
        insert_dues(con, reader, f"{stage} changed", "select participant, day from changed_days", [])


def insert_dues(
    con: duckdb.DuckDBPyConnection, stage: str, reason: str, days: str, values: list[object]
) -> None:
    """Mark the participant-days of a query as due for a stage, once each."""
    con.execute(
        f"insert into meta.due select c.participant, c.day, ?, ? from ({days}) c where not exists ("
        "select 1 from meta.due d where d.participant = c.participant and d.day = c.day and d.stage = ?)",
        [stage, reason, *values, stage],
    )


def journal(
    con: duckdb.DuckDBPyConnection,
    stage: str,
    method_version: str,
    rows: dict[str, int],
    partitions: int,
    now: datetime,
) -> None:
    """Write one row of `meta.run`."""
    data = {t: n for t, n in rows.items() if find_table(t).kind != "meta"}
    people = scalar(con, "select count(distinct participant) from changed_days")
    con.execute(
        "insert into meta.run values (?, ?, ?, ?, ?, ?)",
        [stage, now, people, partitions, sum(data.values()), method_version],
    )
