"""Merge signals by natural key, so that any order of loading gives the same table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb

from warehouse.ddl import named_rows
from warehouse.schema import STREAM, Table
from warehouse.sql import quote, scalar
from warehouse.tables import BY_NAME

CHANGED = "create or replace temp table changed_days (participant varchar, day date)"
AGAIN = "create or replace temp table files_again (participant varchar, file_id bigint)"


def list_again(con: duckdb.DuckDBPyConnection, parts: Sequence[str]) -> None:
    """List the files that were read again in the temporary table `files_again`."""
    con.execute(AGAIN)
    if parts:
        con.execute(
            "insert into files_again select distinct participant, file_id from read_parquet(?)", [parts]
        )


def merge_signals(con: duckdb.DuckDBPyConnection, parts: Mapping[str, Sequence[str]], now: datetime) -> int:
    """Merge staged signals into their tables and withdraw what newer exports no longer hold.

    Leaves the participant-days whose signals really changed in the temporary table `changed_days`;
    returns how many rows were withdrawn. `meta.source_file` and `meta.complete` are written already, and
    `files_again` has the files that were read again.
    """
    con.execute(CHANGED)
    rank_files(con)
    withdrawn = 0
    for name, table in BY_NAME.items():
        if table.kind == "signal":
            view_staged(con, table, parts.get(name, ()))
            withdrawn += withdraw_unread(con, table, now)
            if parts.get(name):
                merge(con, table)
            withdrawn += withdraw(con, table, now)
    con.execute("create or replace temp table changed_days as select distinct * from changed_days")
    return withdrawn


def rank_files(con: duckdb.DuckDBPyConnection) -> None:
    """Number the files of each person in the order in which they win: export date, name, content."""
    con.execute(
        "create or replace temp table file_rank as select participant, file_id, row_number() over ("
        "partition by participant order by exported_utc, member, sha256, file_id) as rank"
        " from meta.source_file"
    )


def view_staged(con: duckdb.DuckDBPyConnection, table: Table, parts: Sequence[str]) -> None:
    """Show the staged rows of one signal table as `staged`."""
    # A view cannot hold a parameter, so the paths are written out.
    paths = ", ".join(quote(part) for part in parts)
    rows = f"read_parquet([{paths}])" if parts else f"{table.stored_name} limit 0"
    con.execute(f"create or replace temp view staged as select * from {rows}")


def merge(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Merge the staged rows of one signal table."""
    con.execute(
        "create or replace temp table span as select stream_id, min(t_utc) as lo, max(t_utc) as hi"
        " from staged group by stream_id"
    )
    overlaps = meets_stored(con, table)
    # 1.3 M new samples of one export need no window and no join, just an insert.
    winners = find_winners(con, table) if overlaps or has_duplicates(con, table) else "staged"
    note_changes(con, table, winners, against_old=overlaps)
    if overlaps:
        same_unit = equal("t", "w", table.merge_key)
        con.execute(
            f"delete from {table.stored_name} t where exists (select 1 from {winners} w where {same_unit})"
        )
    con.execute(f"insert into {table.stored_name} by name select * from {winners}")


def equal(left: str, right: str, columns: Sequence[str]) -> str:
    """Write the condition that two aliases agree on columns that are never null."""
    return " and ".join(f'{left}."{c}" = {right}."{c}"' for c in columns)


def local_day(alias: str) -> str:
    """Write the local day of a row's instant."""
    return f"({alias}.t_utc + to_minutes({alias}.offset_min::bigint))::date"


def stored_rows(table: Table) -> str:
    """Write the FROM clause of stored rows (t) that could share a key with a staged one.

    A key with the instant in it can only be shared inside the staged time; an episode may have moved.
    """
    inside = " and t.t_utc between s.lo and s.hi" if "t_utc" in table.merge_key else ""
    return f"{table.stored_name} t join span s on t.stream_id = s.stream_id{inside}"


def meets_stored(con: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Whether the table holds rows that a staged one could share a key with."""
    return scalar(con, f"select 1 from {stored_rows(table)} limit 1") is not None


def has_duplicates(con: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Whether two staged rows may share a key; rows that belong together always may."""
    if table.unit_key:
        return True
    if table.stored_key == ("stream_id", "t_utc") and rises_strictly(con):
        return False
    keys = ", ".join(f'"{k}"' for k in table.stored_key[1:])
    sql = (
        f"select bool_or(n > d) from (select count(*) as n, count(distinct ({keys})) as d"
        " from staged group by stream_id)"
    )
    return bool(scalar(con, sql))


def rises_strictly(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the staged rows are of one stream and each is later than the one before it.

    Most exports are, and to see it costs a tenth of counting distinct instants (0.05 against 0.55 µs a row).
    """
    if scalar(con, "select count(*) from span") != 1:
        return False
    later = "select t_utc > lag(t_utc) over () as later from staged"
    return bool(scalar(con, f"select coalesce(bool_and(later), true) from ({later})"))


def find_winners(con: duckdb.DuckDBPyConnection, table: Table) -> str:
    """Find the staged rows that win their key, over each other and over stored rows; names their table.

    Rows that belong together win or lose together: `record` is the log's, the same for all of them.
    """
    keys = ", ".join(f'x."{k}"' for k in table.merge_key)
    revision = "x.revision" if any(c.name == "revision" for c in table.columns) else "null::bigint"
    win = f"struct_pack(revision := coalesce({revision}, -1), file := r.rank, record := x.record)"
    ranked = (
        "from {} x join meta.stream m on m.stream_id = x.stream_id"
        " join file_rank r on r.participant = m.participant and r.file_id = x.file_id"
    )
    # What a file gave before does not compete with what it gives now.
    con.execute(
        f"create or replace temp table stored as select {keys}, max({win}) as win"
        f" {ranked.format(f'(select t.* from {stored_rows(table)})')} where not exists (select 1 from"
        f" files_again a where a.participant = m.participant and a.file_id = x.file_id) group by {keys}"
    )
    con.execute(
        "create or replace temp table winners as select x.* exclude (win) from ("
        f"select x.*, {win} as win {ranked.format('staged')}) x where not exists ("
        f"select 1 from stored s where {equal('s', 'x', table.merge_key)} and s.win > x.win)"
        f" qualify x.win = max(x.win) over (partition by {keys})"
    )
    return "winners"


def note_changes(con: duckdb.DuckDBPyConnection, table: Table, winners: str, *, against_old: bool) -> None:
    """Add to `changed_days` the local days on which the winners say something new."""
    if not against_old:
        con.execute(days_of(f"{winners} w", "w"))
        return
    said = " and ".join(f'o."{c}" is not distinct from w."{c}"' for c in table.value_columns)
    same_row = f"{equal('o', 'w', table.stored_key)} and {said}"
    new = f"{winners} w where not exists (select 1 from {table.stored_name} o where {same_row})"
    con.execute(days_of(new, "w"))
    old = (
        f"{table.stored_name} o where exists (select 1 from {winners} w where {equal('o', 'w', table.merge_key)})"
        f" and not exists (select 1 from {winners} w where {same_row})"
    )
    con.execute(days_of(old, "o"))


def days_of(rows: str, alias: str) -> str:
    """Write the statement that adds the local days of some rows to `changed_days`."""
    # Whole numbers: dates and intervals cost twice as much a row.
    day = f"(epoch_us({alias}.t_utc) + {alias}.offset_min::bigint * 60000000) // 86400000000"
    days = f"select distinct {alias}.stream_id, {day} as day from {rows}"
    return (
        f"insert into changed_days select m.participant, date '1970-01-01' + d.day::integer from ({days}) d"
        " join meta.stream m on m.stream_id = d.stream_id"
    )


def withdraw(con: duckdb.DuckDBPyConnection, table: Table, now: datetime) -> int:
    """Take out rows that a newer, complete export of the same device no longer holds; keep them aside.

    The rule looks at what is stored only, never at the order in which it came.
    """
    con.execute(
        "create or replace temp table spans as select c.*, f.exported_utc from meta.complete c"
        f" join meta.source_file f on {equal('f', 'c', ('participant', 'file_id'))} where c.stream = ?"
        f" and exists (select 1 from meta.source_file g where {equal('g', 'c', STREAM)}"
        " and g.exported_utc < f.exported_utc)",
        [table.full_name],
    )
    if scalar(con, "select 1 from spans limit 1") is None:
        return 0
    con.execute(
        f"create or replace temp table gone as select t.* from ({named_rows(table)}) t"
        f" join meta.source_file f on {equal('f', 't', ('participant', 'file_id'))}"
        f" where exists (select 1 from spans c where {equal('c', 't', STREAM)}"
        " and t.t_utc between c.from_utc and c.to_utc and c.exported_utc > f.exported_utc)"
    )
    return take_out(con, table, "withdrawn", now)


def withdraw_unread(con: duckdb.DuckDBPyConnection, table: Table, now: datetime) -> int:
    """Take out what files that were read again gave before and do not give now; keep it aside.

    Rows that belong together are one: of a log that the file still gives, `merge` replaces all.
    """
    if scalar(con, "select 1 from files_again limit 1") is None:
        return 0
    unit = [c for c in table.unit_key or table.key if c not in STREAM]
    again = " and ".join(["s.file_id = t.file_id", equal("m", "t", STREAM), equal("s", "t", unit)])
    con.execute(
        f"create or replace temp table gone as select t.* from ({named_rows(table)}) t"
        f" join files_again a on {equal('a', 't', ('participant', 'file_id'))}"
        f" where not exists (select 1 from staged s join meta.stream m on m.stream_id = s.stream_id where {again})"
    )
    return take_out(con, table, "read again", now)


def take_out(con: duckdb.DuckDBPyConnection, table: Table, reason: str, now: datetime) -> int:
    """Delete the rows in `gone`, keep them in `meta.change` and mark their days; returns how many they were."""
    gone = f"select m.stream_id, g.* from gone g join meta.stream m on {equal('m', 'g', STREAM)}"
    is_gone = f"exists (select 1 from ({gone}) g where {equal('t', 'g', table.stored_key)})"
    con.execute(f"delete from {table.stored_name} t where {is_gone}")
    keys = ", ".join(f'"{k}" := g."{k}"' for k in table.key)
    con.execute(
        f"insert into meta.change select g.participant, ?, {local_day('g')},"
        f" to_json(struct_pack({keys}))::varchar, to_json(g)::varchar, ?, ? from gone g",
        [table.full_name, reason, now],
    )
    con.execute(f"insert into changed_days select distinct g.participant, {local_day('g')} from gone g")
    return int(scalar(con, "select count(*) from gone"))
