"""Publish a copy for researchers: results and the dictionary of the people who allowed it.

Names that people gave their devices, and serials, stay behind (`warehouse.device_names`).

Readers never block the night: they read a file of their own, which a new one replaces in one step.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb

from warehouse.consent import VERSION, ConsentChangedError, allowed_sql, list_allowed, releasing
from warehouse.ddl import create_table_sql, wide_select
from warehouse.device_names import hold_device_names, naming_columns, shown_sql
from warehouse.dictionary import describe_columns
from warehouse.schema import TEXT, Column, Table
from warehouse.sql import quote, scalar
from warehouse.store import WarehouseError, content_hashes, open_warehouse
from warehouse.tables import TABLES

SCHEMAS = ("meta", "feature", "model")
STATES = ("model.alert_part", "model.shift_run")
"""What alerts and shifts go on from: of no use without the code."""
PERSONAL = (
    "model.agreement",
    "model.personal_weight",
    "model.index_adjusted",
    "model.effect",
    "model.effect_day",
)
PERSONAL_FEATURES = ("felt_stress", "cycle_start")
"""What stays with the person: what they said, how an index goes with it, whether they log a cycle, what they try."""
PUBLISHED = tuple(
    t
    for t in TABLES
    if (t.schema in ("feature", "model") and t.full_name not in (*STATES, *PERSONAL))
    or t.full_name == "meta.column_dictionary"
)
"""What researchers get."""
PUBLICATION = Table(
    "meta",
    "publication",
    "what this file was built from",
    "meta",
    (Column("state", TEXT, "hash of the tables' content and of who allowed it; a new one, a new file"),),
    ("state",),
    reference="warehouse/publish.py",
)
"""Declared here, since only the published file has it."""
PRIVATE = f"({', '.join(map(quote, PERSONAL_FEATURES))})"
ALLOWED = allowed_sql("research")
FORM = 2
"""Of what is published: with a new one the file is built anew, though no data changed."""
TRIES = 3
"""How often the copy is built anew where somebody takes research back meanwhile."""


def publish(
    url: str | Path, target: Path, *, now: datetime, group: bool = False, wait_s: float = 60.0
) -> bool:
    """Write the published file anew, unless it holds the same content already; says whether it did.

    It is built beside `target` and renamed into place, so a reader sees the old file or the new one.
    It is readable by its owner only, or by the group too where `group` says so. Who takes research back
    while it is built is not in it: it is built again.

    Raises
    ------
    ConsentChangedError
        If research is taken back again and again meanwhile: the old file stands.
    WarehouseError
        If the warehouse stays held by another process, or the file cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = target.with_name(f".{target.name}.new")
    for left in reversed(range(TRIES)):
        try:
            people = write_copy(url, fresh, target, wait_s=wait_s)
            if people is None:
                return False
            fresh.chmod(0o640 if group else 0o600)
            with releasing(url, people, way="published", format="duckdb", now=now, wait_s=wait_s):
                fresh.replace(target)
            break
        except ConsentChangedError:
            if not left:
                raise
        except OSError as error:
            raise WarehouseError(
                f"Could not publish to {target} ({error}): check the folder and run again."
            ) from error
        finally:
            fresh.unlink(missing_ok=True)
    return True


def write_copy(url: str | Path, fresh: Path, target: Path, *, wait_s: float) -> list[str] | None:
    """Write the copy beside `target`; gives the people in it, or None where `target` holds the same already."""
    fresh.unlink(missing_ok=True)
    with open_warehouse(url, read_only=True, wait_s=wait_s) as con:
        con.execute(f"attach {quote(str(fresh))} as published (read_write)")
        con.begin()  # who allows it and their rows are read as they stand at one instant
        state = published_state(con)
        known = target.exists() and stored_state(target) == state
        people = None if known else build(con, state)
        con.commit()
        con.execute("detach published")
    return people


def published_state(con: duckdb.DuckDBPyConnection) -> str:
    """Hash what would be published: the tables' content, and who allows it by which text."""
    hashes = content_hashes(con)
    what = (FORM, VERSION, list_allowed(con, "research"), [hashes[t.full_name] for t in PUBLISHED])
    return str(scalar(con, "select sha256(?)", [repr(what)]))


def stored_state(target: Path) -> str | None:
    """Read the state that a published file was built from; None where it is not such a file."""
    try:
        with duckdb.connect(str(target), read_only=True) as con:
            return str(scalar(con, "select state from meta.publication"))
    except duckdb.Error:
        return None


def build(con: duckdb.DuckDBPyConnection, state: str) -> list[str]:
    """Build the published file, attached as `published`, from an open warehouse; gives the people in it."""
    for schema in SCHEMAS:
        con.execute(f"create schema if not exists published.{schema}")
    hold_device_names(con, PUBLISHED)
    for table in PUBLISHED:
        con.execute(create_table_sql(table).replace("create table ", "create table published.", 1))
        person = f"participant in ({ALLOWED})" if "participant" in table.key else "true"
        feature = f"feature not in {PRIVATE}" if "feature" in table.key else "true"
        keys = ", ".join(f'"{k}"' for k in table.key)
        naming = naming_columns(table)
        columns = ", ".join(
            f'{shown_sql(f"t.{c.name}")} as "{c.name}"' if c.name in naming else f't."{c.name}"'
            for c in table.columns
        )
        con.execute(
            f"insert into published.{table.full_name} select {columns} from {table.full_name} t"
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
    fit_dictionary(con)
    with_people = [t.full_name for t in PUBLISHED if "participant" in t.key]
    rows = " union ".join(f"select participant from published.{name}" for name in with_people)
    return [p for (p,) in con.execute(f"{rows} order by 1").fetchall()]


def fit_dictionary(con: duckdb.DuckDBPyConnection) -> None:
    """Let the dictionary of the copy tell of every column that is in the copy, and of no other."""
    con.register("described", describe_columns([PUBLICATION]))
    con.execute("insert into published.meta.column_dictionary select * from described")
    con.unregister("described")
    con.execute(
        "delete from published.meta.column_dictionary d where not exists (select 1 from duckdb_columns() c"
        " where c.database_name = 'published' and c.schema_name = d.schema_name"
        " and c.table_name = d.table_name and c.column_name = d.column_name)"
    )
