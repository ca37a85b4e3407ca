"""Replace results by participant-day, and keep what a final day used to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import duckdb

from warehouse.merge import CHANGED
from warehouse.schema import Table
from warehouse.sql import scalar
from warehouse.tables import find_table

FINAL_AFTER_H = 48
FINAL_AFTER_DAYS = 14
KEPT = ("feature.value", "model.index_day")
"""Tables whose old values are kept when a final day changes; the others follow from them."""


def replace_results(
    con: duckdb.DuckDBPyConnection, tables: Sequence[str], parts: Callable[[str], list[str]], now: datetime
) -> int:
    """Replace the staged participant-days in `tables`; returns how many there were.

    Leaves the days on which a value, a reason or a quality really changed in `changed_days`.
    """
    con.execute(CHANGED)
    scope = parts("replace")
    if not scope:
        return 0
    con.execute(
        "create or replace temp table scope as select distinct participant, day from read_parquet(?)", [scope]
    )
    for name in tables:
        table = find_table(name)
        columns = ", ".join(f'"{c.name}"' for c in table.columns)
        fresh = f"create or replace temp table fresh as select {columns} from"
        if parts(name):
            con.execute(f"{fresh} read_parquet(?)", [parts(name)])
        else:
            con.execute(f"{fresh} {name} limit 0")
        replace(con, table, now)
    con.execute("create or replace temp table changed_days as select distinct * from changed_days")
    return int(scalar(con, "select count(*) from scope"))


def replace(con: duckdb.DuckDBPyConnection, table: Table, now: datetime) -> None:
    """Replace the rows of the scope's participant-days by those in `fresh`."""
    name = table.full_name
    in_scope = "exists (select 1 from scope s where s.participant = t.participant and s.day = t.day)"
    con.execute(f"create or replace temp table old as select t.* from {name} t where {in_scope}")
    said = ", ".join(f'"{c}"' for c in said_columns(table))
    con.execute(
        f"create or replace temp table differing as (select {said} from old except select {said} from fresh)"
        f" union all (select {said} from fresh except select {said} from old)"
    )
    con.execute("insert into changed_days select distinct participant, day from differing")
    if name in KEPT:
        keep_final(con, table, now)
    con.execute(f"delete from {name} t where {in_scope}")
    con.execute(f"insert into {name} by name select * from fresh")


def said_columns(table: Table) -> list[str]:
    """List the columns that say something: a new hash or version alone makes nothing due."""
    return [c for c in table.stable_columns if c not in ("input_hash", "method_version")]


def keep_final(con: duckdb.DuckDBPyConnection, table: Table, now: datetime) -> None:
    """Put old rows of final days that now say something else into `meta.change`.

    A day is final when 48 h of later heart rate are there, or 14 days after it.
    """
    keys = ", ".join(f'"{k}" := o."{k}"' for k in table.key)
    same = " and ".join(f'o."{c}" is not distinct from d."{c}"' for c in said_columns(table))
    con.execute(
        "insert into meta.change select o.participant, ?, o.day,"
        f" to_json(struct_pack({keys}))::varchar, to_json(o)::varchar, 'final day changed', ?"
        f" from old o where exists (select 1 from differing d where {same}) and ("
        "o.day + to_days(?) <= ?::date or o.day + to_days(1) + to_hours(?) <="
        " (select max(h.t_utc) from signal.heart_rate h where h.participant = o.participant))",
        [table.full_name, now, FINAL_AFTER_DAYS, now, FINAL_AFTER_H],
    )
