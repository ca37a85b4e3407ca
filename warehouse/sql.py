"""Two small ways of asking a connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb


def scalar(con: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object] = ()) -> Any:
    """The first column of the first row of a query; None where there is no row."""
    row = con.execute(sql, list(values)).fetchone()
    return None if row is None else row[0]


def quote(text: str) -> str:
    """Write a text as an SQL literal, for the few places where SQL takes no parameter."""
    return "'" + text.replace("'", "''") + "'"
