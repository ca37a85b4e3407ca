"""Changes of the schema, in order: each one SQL file, applied in a transaction with its row.

A new warehouse is made from the declarations in `warehouse.tables` and takes all migrations as
applied; a test holds that an old one, migrated, has the same tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

import duckdb

from warehouse.ddl import create_tables, table_exists
from warehouse.dictionary import fill_dictionary
from warehouse.installation import draw_installation
from warehouse.sql import scalar


@dataclass(frozen=True)
class Migration:
    """One change: its number, what it does, and its SQL."""

    version: int
    name: str
    sql: str


def list_migrations() -> list[Migration]:
    """Every migration, in order, from the files `NNNN_what_it_does.sql` beside this module."""
    found = sorted((f for f in files(__name__).iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [
        Migration(int(f.name[:4]), f.name[5:-4].replace("_", " "), f.read_text(encoding="utf-8"))
        for f in found
    ]


def migrate(con: duckdb.DuckDBPyConnection) -> None:
    """Bring a warehouse to the declared schema: make it when it is new, else apply what is due."""
    if not table_exists(con, "meta.migration"):
        con.begin()
        create_tables(con)
        draw_installation(con)
        for migration in list_migrations():
            record(con, migration)
        fill_dictionary(con)
        con.commit()
        return
    last = scalar(con, "select coalesce(max(version), 0) from meta.migration")
    apply(con, [m for m in list_migrations() if m.version > last])


def is_behind(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a warehouse lacks migrations; a file that is none (a published copy) does not."""
    if not table_exists(con, "meta.migration"):
        return False
    newest = max(int(f.name[:4]) for f in files(__name__).iterdir() if f.name.endswith(".sql"))
    return bool(scalar(con, "select coalesce(max(version), 0) from meta.migration") < newest)


def apply(con: duckdb.DuckDBPyConnection, migrations: list[Migration]) -> None:
    """Apply migrations, each in a transaction with its row; the last one brings the dictionary and draws ids."""
    for migration in migrations:
        con.begin()
        con.execute(migration.sql)
        record(con, migration)
        if migration == migrations[-1]:
            draw_installation(con)
            fill_dictionary(con)
        con.commit()


def record(con: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    """Write a migration's row."""
    now = datetime.now(UTC).replace(tzinfo=None)
    con.execute("insert into meta.migration values (?, ?, ?)", [migration.version, migration.name, now])
