"""What came of every stream, day by day: for whoever watches that data go on coming."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from warehouse.schema import Table
from warehouse.tables import TABLES

SAID = ("event", "checkin")
"""What a person says, and may stop saying: nobody is watched over that."""
KINDS = ("vital", "hrv", "score")
"""Columns that tell one kind of value in a table from another."""
TIMES = ("offset_min", "end_offset_min", "end_utc", "span_s", "unit")
"""Columns that say when and in what unit: they are there whenever the value is."""


@dataclass(frozen=True)
class Came:
    """What came of one stream in one day (UTC)."""

    participant: str
    source: str
    stream: str
    """Table and kind of value, such as heart_rate or vital.spo2."""
    day: date
    rows: int
    filled: dict[str, int]
    """How many rows have a value, by column."""


def watched() -> list[Table]:
    """The tables of what devices record by themselves."""
    return [table for table in TABLES if table.kind == "signal" and table.name not in SAID]


def read_came(con: duckdb.DuckDBPyConnection, first: date, before: date) -> list[Came]:
    """Read what came of every stream on the days from `first` to the one before `before`, in order."""
    found = [one for table in watched() for one in read_table(con, table, first, before)]
    return sorted(found, key=lambda one: (one.participant, one.source, one.stream, one.day))


def read_table(con: duckdb.DuckDBPyConnection, table: Table, first: date, before: date) -> Iterator[Came]:
    """Read what came of one table."""
    kind = next((f'"{name}"' for name in KINDS if name in table.key), "null")
    fields = [name for name in table.value_columns if name not in TIMES]
    counts = "".join(f', count("{name}")' for name in fields)
    rows = con.execute(
        f"select participant, source, {kind}, t_utc::date, count(*){counts} from {table.full_name}"
        " where t_utc >= ? and t_utc < ? group by all",
        [first, before],
    ).fetchall()
    for participant, source, value, day, count, *filled in rows:
        stream = table.name if value is None else f"{table.name}.{value}"
        yield Came(participant, source, stream, day, count, dict(zip(fields, filled, strict=True)))


def read_last(con: duckdb.DuckDBPyConnection) -> dict[str, datetime]:
    """Read the last instant that a device of each person recorded anything at; who has nothing is left out."""
    parts = " union all ".join(
        f"select participant, max(t_utc) as last from {table.full_name} group by participant"
        for table in watched()
    )
    rows = con.execute(f"select participant, max(last) from ({parts}) group by participant").fetchall()
    return dict(rows)
