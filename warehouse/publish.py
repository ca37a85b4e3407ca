"""Publish a copy for researchers: results and the dictionary of the people who allowed it.

Readers never block the night: they read a file of their own, which a new one replaces in one step.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from warehouse.ddl import create_table_sql, wide_select
from warehouse.sql import quote, scalar
from warehouse.store import WarehouseError, content_hashes, open_warehouse
from warehouse.tables import TABLES

SCHEMAS = ("meta", "feature", "model")
STATES = ("model.alert_part", "model.shift_run")
"""What alerts and shifts go on from: of no use without the code."""
PERSONAL = ("model.agreement", "model.personal_weight", "model.index_adjusted")
PERSONAL_FEATURES = ("felt_stress", "cycle_start")
"""What stays with the person: what they said, how an index goes with it, and whether they log a cycle."""
PUBLISHED = tuple(
    t
    for t in TABLES
    if (t.schema in ("feature", "model") and t.full_name not in (*STATES, *PERSONAL))
    or t.full_name == "meta.column_dictionary"
)
"""What researchers get. Effects, when there is such a table, stay with the person too."""
PRIVATE = f"({', '.join(map(quote, PERSONAL_FEATURES))})"
ALLOWED = "select participant from meta.consent where purpose = 'research' and granted"


def publish(url: str | Path, target: Path, *, group: bool = False, wait_s: float = 60.0) -> bool:
    """Write the published file anew, unless it holds the same content already; says whether it did.

    It is built beside `target` and renamed into place, so a reader sees the old file or the new one.
    It is readable by its owner only, or by the group too where `group` says so.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        with open_warehouse(url, read_only=True, wait_s=wait_s) as con:
            state = published_state(con)
            if target.exists() and stored_state(target) == state:
                return False
            build(con, fresh, state)
        fresh.chmod(0o640 if group else 0o600)
        fresh.replace(target)
    except OSError as error:
        raise WarehouseError(
            f"Could not publish to {target} ({error}): check the folder and run again."
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
    return True


def published_state(con: duckdb.DuckDBPyConnection) -> str:
    """Hash what would be published: the tables' content and who allowed it."""
    hashes = content_hashes(con)
    allowed = con.execute(f"{ALLOWED} order by 1").fetchall()
    return str(scalar(con, "select sha256(?)", [repr((allowed, [hashes[t.full_name] for t in PUBLISHED]))]))


def stored_state(target: Path) -> str | None:
    """Read the state that a published file was built from; None where it is not such a file."""
    try:
        with duckdb.connect(str(target), read_only=True) as con:
            return str(scalar(con, "select state from meta.publication"))
    except duckdb.Error:
        return None


def build(con: duckdb.DuckDBPyConnection, fresh: Path, state: str) -> None:
    """Build the published file from an open warehouse."""
    con.execute(f"attach {quote(str(fresh))} as published (read_write)")
    for schema in SCHEMAS:
        con.execute(f"create schema if not exists published.{schema}")
    for table in PUBLISHED:
        con.execute(create_table_sql(table).replace("create table ", "create table published.", 1))
        person = f"participant in ({ALLOWED})" if "participant" in table.key else "true"
        feature = f"feature not in {PRIVATE}" if "feature" in table.key else "true"
        keys = ", ".join(f'"{k}"' for k in table.key)
        con.execute(
            f"insert into published.{table.full_name} select * from {table.full_name}"
            f" where {person} and {feature} order by {keys}"
        )
    for grain in ("night", "day"):
        rows = wide_select(con, grain)
        if rows:
            columns = f"columns(name -> name not in {PRIVATE})"
            allowed = (
                f"select {columns} from ({rows}) where participant in ({ALLOWED}) order by participant, day"
            )
            con.execute(f'create table published.feature."{grain}" as {allowed}')
    con.execute("create table published.meta.publication as select ? as state", [state])
    con.execute("detach published")
