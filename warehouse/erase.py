"""Erase a person from the warehouse so that no byte of them is left in the file.

DELETE, CHECKPOINT and VACUUM leave old blocks behind, so what remains is copied into a new file
that takes the old one's place.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse.ddl import create_signal_views, create_table_sql, create_wide_views
from warehouse.sql import quote, scalar
from warehouse.store import LAKE, WarehouseError, open_warehouse
from warehouse.tables import SCHEMAS, TABLES


def erase(url: str | Path, participant: str, *, files: int, now: datetime, wait_s: float = 60.0) -> str:
    """Delete every row of a person and rewrite the file; returns the number of the receipt.

    The receipt in `meta.erasure` holds how many rows and files went, and nothing about whose.

    Raises
    ------
    WarehouseError
        If the person is not known, or the warehouse is a lake, whose old snapshots would keep the rows.
    """
    if str(url).startswith(LAKE):
        raise WarehouseError(
            f"{url} is a lake: erasing needs a warehouse file, since a lake keeps its old snapshots."
        )
    path, receipt = Path(url), secrets.token_hex(8)
    fresh = path.with_name(f".{path.name}.erased")
    fresh.unlink(missing_ok=True)
    try:
        with open_warehouse(path, wait_s=wait_s) as con:
            if scalar(con, "select 1 from meta.participant where participant = ?", [participant]) is None:
                raise WarehouseError(
                    f"No participant {participant} in {path}: 'steadyline status' lists them."
                )
            copy_without(con, fresh, participant, receipt, files, now)
            # Replaced while the old file is still locked: no writer can slip in between.
            fresh.replace(path)
        path.with_name(path.name + ".wal").unlink(missing_ok=True)
        with open_warehouse(path, wait_s=wait_s) as con:
            create_signal_views(con)
            create_wide_views(con)
    finally:
        fresh.unlink(missing_ok=True)
    return receipt


def copy_without(
    con: duckdb.DuckDBPyConnection, fresh: Path, participant: str, receipt: str, files: int, now: datetime
) -> None:
    """Copy every row that is not the person's into a new file, and write the receipt there."""
    rows = 0
    con.execute(f"attach {quote(str(fresh))} as kept")
    for schema in SCHEMAS:
        con.execute(f"create schema if not exists kept.{schema}")
    for table in TABLES:
        con.execute(create_table_sql(table).replace("create table ", "create table kept.", 1))
        source = f"from {table.stored_name}"
        if "participant" in table.key:
            theirs = "stream_id in (select stream_id from meta.stream where participant = ?)"
            is_theirs = theirs if table.kind == "signal" else "participant = ?"
            rows += scalar(con, f"select count(*) {source} where {is_theirs}", [participant])
            kept = f"insert into kept.{table.stored_name} select * {source} where not {is_theirs}"
            con.execute(kept, [participant])
        else:
            con.execute(f"insert into kept.{table.stored_name} select * {source}")
    con.execute("insert into kept.meta.erasure values (?, ?, ?, ?)", [receipt, now, rows, files])
    con.execute("detach kept")
    fresh.chmod(0o600)
