"""The declarations of `warehouse.tables` as SQL: plain tables that DuckDB and DuckLake both take.

No primary keys, checks, enums, sequences or indexes: DuckLake has none, and keys are held by the
one writer (`warehouse.commit`).
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from warehouse.schema import STREAM, Table
from warehouse.sql import scalar
from warehouse.tables import SCHEMAS, TABLES

SQL_TYPES: dict[pa.DataType, str] = {
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.float64(): "DOUBLE",
    pa.float32(): "FLOAT",
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.int16(): "SMALLINT",
    pa.int8(): "TINYINT",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
}


def create_table_sql(table: Table) -> str:
    """Write the CREATE TABLE of a declaration."""
    columns = ",\n".join(f'    "{c.name}" {SQL_TYPES[c.type]}' for c in table.stored_columns)
    return f"create table {table.stored_name} (\n{columns}\n)"


def create_signal_views(con: duckdb.DuckDBPyConnection) -> None:
    """Make the views `signal.*`, which name the stream of each row."""
    for table in TABLES:
        if table.kind == "signal":
            con.execute(f"create or replace view {table.full_name} as {named_rows(table)}")


def named_rows(table: Table) -> str:
    """Write the SELECT of a signal's rows as they are declared."""
    columns = ", ".join(f'm."{c.name}"' if c.name in STREAM else f's."{c.name}"' for c in table.columns)
    return f"select {columns} from {table.stored_name} s join meta.stream m on m.stream_id = s.stream_id"


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create every schema and every declared table in an empty warehouse."""
    for schema in SCHEMAS:
        con.execute(f"create schema if not exists {schema}")
    for table in TABLES:
        con.execute(create_table_sql(table))
        if table.partition is not None and is_lake(con):
            month = f'year("{table.partition}"), month("{table.partition}")'
            con.execute(f"alter table {table.stored_name} set partitioned by ({month})")
    create_signal_views(con)


def is_lake(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the tables lie in a DuckLake rather than in a DuckDB file."""
    return bool(scalar(con, "select current_database()") == "lake")


def table_exists(con: duckdb.DuckDBPyConnection, full_name: str) -> bool:
    """Whether the table is there, in the database that is in use."""
    schema, name = full_name.split(".")
    sql = (
        "select 1 from information_schema.tables"
        " where table_catalog = current_database() and table_schema = ? and table_name = ?"
    )
    return scalar(con, sql, [schema, name]) is not None


def create_wide_views(con: duckdb.DuckDBPyConnection) -> None:
    """Make `feature.night` and `feature.day`, a column a feature, from `feature.catalog`."""
    for grain in ("night", "day"):
        sql = wide_select(con, grain)
        if sql:
            con.execute(f'create or replace view feature."{grain}" as {sql}')


def wide_select(con: duckdb.DuckDBPyConnection, grain: str) -> str:
    """Write the SELECT that lays the features of one grain out as columns; empty without any."""
    names = con.execute(
        "select feature from feature.catalog where grain = ? order by feature", [grain]
    ).fetchall()
    columns = ", ".join(f"any_value(value) filter (where feature = '{n}') as \"{n}\"" for (n,) in names)
    return f"select participant, day, {columns} from feature.value group by participant, day" if names else ""
