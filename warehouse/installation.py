"""Installation: random ids that tell the people of this warehouse from those of every other.

A system that takes resources by id would otherwise take two clinics' participants of one name for one. There
are two, and neither leads to the other: one goes into exports under a person's own pseudonym, one into
de-identified ones. They are drawn once, in the transaction that makes the warehouse or brings its newest tables.
"""

from __future__ import annotations

import uuid

import duckdb

from warehouse.errors import ExplainedError
from warehouse.sql import scalar


def draw_installation(con: duckdb.DuckDBPyConnection) -> None:
    """Draw both ids where there are none yet, in the caller's transaction."""
    if scalar(con, "select 1 from meta.installation") is None:
        # Of the system's own source of chance: from one id of a database's generator the next can be computed.
        con.execute("insert into meta.installation values (?, ?)", [str(uuid.uuid4()), str(uuid.uuid4())])


def read_installation(con: duckdb.DuckDBPyConnection, *, hidden: bool) -> str:
    """Give the id that goes into exports; the other one where they are de-identified.

    Raises
    ------
    ExplainedError
        If there is none: then the file was not made by Steadyline.
    """
    column = "hidden_id" if hidden else "named_id"
    found = scalar(con, f"select {column} from meta.installation")
    if found is None:
        raise ExplainedError(
            "This warehouse has no id of its own (meta.installation is empty), so people of two warehouses could"
            " be taken for one: restore it from a backup, or load the exports into a new one."
        )
    return str(found)
