"""What every column is: unit, meaning, the least data it needs, and where its formula is told.

Columns of tables are told where they are declared (`warehouse.tables`), features where they are listed
(`feature.catalog`). `describe_columns` is the one place where both meet: `meta.column_dictionary`,
docs/dictionary.md and the dictionary of an export come from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.ddl import SQL_TYPES
from warehouse.schema import REAL, Column, Table
from warehouse.tables import TABLES, find_table
from warehouse.tables.shared import ALWAYS, DAY_COLUMN, PARTICIPANT

Row = dict[str, Any]


def describe_columns(tables: Iterable[Table], catalog: Sequence[Row] = ()) -> pa.Table:
    """Describe every column of these tables, and of the wide views where there is a catalogue.

    Parameters
    ----------
    tables : iterable of Table
        Declared tables.
    catalog : sequence of dict
        Rows of `feature.catalog`, from which columns of features take what is said of them; none as long
        as nothing was computed.

    Returns
    -------
    pa.Table
        Rows of `meta.column_dictionary`. Texts are never null; a unit is empty for what has none.
    """
    features = {(row["grain"], row["feature"]): row for row in catalog}
    rows = [
        describe_column(table, column, position, features)
        for table in (*tables, *declare_wide(catalog))
        for position, column in enumerate(table.columns, start=1)
    ]
    return pa.Table.from_pylist(rows, schema=find_table("meta.column_dictionary").arrow_schema)


def describe_column(table: Table, column: Column, position: int, features: dict[tuple[str, str], Row]) -> Row:
    """Describe one column; in feature.window what the catalogue says of a feature goes first."""
    own = features.get(("window", column.name)) if table.full_name == "feature.window" else None
    minimum, reference = (own["minimum_data"], own["citation"]) if own else (column.minimum, column.reference)
    never_null = ALWAYS if column.name in table.key else ""
    return {
        "schema_name": table.schema,
        "table_name": table.name,
        "column_name": column.name,
        "position": position,
        "type": SQL_TYPES[column.type],
        "unit": column.unit,
        "in_key": column.name in table.key,
        "volatile": column.volatile,
        "meaning": column.meaning,
        "minimum": minimum or never_null or table.minimum,
        "reference": reference or table.reference,
    }


def declare_wide(catalog: Sequence[Row]) -> list[Table]:
    """Declare the views feature.night and feature.day as `warehouse.ddl.create_wide_views` makes them."""
    tables = []
    for grain in ("night", "day"):
        mine = sorted((row for row in catalog if row["grain"] == grain), key=lambda row: str(row["feature"]))
        if mine:
            columns = (PARTICIPANT, DAY_COLUMN, *map(declare_feature, mine))
            meaning = f"feature.value of a {grain}, a column a feature"
            tables.append(Table("feature", grain, meaning, "result", columns, ("participant", "day")))
    return tables


def declare_feature(row: Row) -> Column:
    """Declare a feature of the catalogue as a column."""
    return Column(
        row["feature"],
        REAL,
        row["definition"],
        row["unit"],
        minimum=row["minimum_data"],
        reference=row["citation"],
    )


def read_catalog(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Read the rows of feature.catalog."""
    found = con.execute("select * from feature.catalog order by grain, feature")
    rows: list[Row] = found.to_arrow_table().to_pylist()
    return rows


def fill_dictionary(con: duckdb.DuckDBPyConnection) -> None:
    """Write `meta.column_dictionary` anew, from the declarations and from feature.catalog as it stands."""
    con.execute("delete from meta.column_dictionary")
    con.register("described", describe_columns(TABLES, read_catalog(con)))
    con.execute("insert into meta.column_dictionary select * from described")
    con.unregister("described")
