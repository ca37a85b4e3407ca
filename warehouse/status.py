"""What the warehouse holds, counted: for `steadyline status` and the summary after a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from warehouse.consent import count_allowed, list_outdated
from warehouse.errors import ExplainedError
from warehouse.sql import scalar
from warehouse.store import open_warehouse, warehouse_exists
from warehouse.tables import TABLES

Row = dict[str, Any]


def list_participants(url: str | Path, *, wait_s: float = 60.0) -> list[str]:
    """List the pseudonyms of everyone in the warehouse, in order; none where there is no warehouse yet."""
    if not warehouse_exists(url):
        return []
    with open_warehouse(url, read_only=True, wait_s=wait_s) as con:
        return [p for (p,) in con.execute("select participant from meta.participant order by 1").fetchall()]


def query(url: str | Path, sql: str, *, wait_s: float = 60.0) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run one read-only query that can reach no file but the warehouse; returns column names and rows."""
    with open_warehouse(url, read_only=True, wait_s=wait_s) as con:
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        try:
            found = con.execute(sql)
            return [column[0] for column in found.description or []], found.fetchall()
        except duckdb.Error as error:
            raise ExplainedError(f"The query could not be run. {error}") from error


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    """Run a query and give its rows as dictionaries."""
    found = con.execute(sql)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def count_rows(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count the rows of every table."""
    return {t.full_name: int(scalar(con, f"select count(*) from {t.full_name}")) for t in TABLES}


def describe_people(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Describe everyone: files, days and nights with data, days scored, what was refused, what is due."""
    return rows_of(
        con,
        """
        select p.participant, p.timezone,
            (select count(*) from meta.source_file f where f.participant = p.participant) as files,
            (select count(*) from meta.rejected r where r.participant = p.participant) as refused,
            (select min(v.day) from feature.value v where v.participant = p.participant) as first_day,
            (select max(v.day) from feature.value v where v.participant = p.participant) as last_day,
            (select count(*) from feature.value v where v.participant = p.participant
                and v.feature = 'tst_min' and v.value is not null) as nights,
            (select count(*) from model.index_day i where i.participant = p.participant
                and i."index" is not null) as days_scored,
            (select count(*) from meta.due d where d.participant = p.participant) as due
        from meta.participant p order by p.participant
        """,
    )


def describe_consent(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Count how many people allow each use of their data."""
    return [{"use": name, "people": count} for name, count in count_allowed(con).items()]


def describe_outdated(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """List who allowed a use by an older text, which holds no longer until they say it again."""
    return [{"participant": who, "use": name} for who, name in list_outdated(con)]


def describe_streams(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Describe every stream of everyone: rows, first and last instant."""
    streams = " union all ".join(
        f"select participant, '{t.name}' as stream, source, device, count(*) as rows,"
        f" min(t_utc) as first_utc, max(t_utc) as last_utc from {t.full_name} group by all"
        for t in TABLES
        if t.kind == "signal"
    )
    return rows_of(con, f"{streams} order by participant, stream, source, device")


def describe_refusals(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Count the refused records by stream and reason."""
    return rows_of(
        con,
        "select stream, reason, count(*) as records from meta.rejected group by all order by records desc, 1, 2",
    )


def describe_empty_days(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Count the days without an index, by reason."""
    return rows_of(
        con,
        'select reason, count(*) as days from model.index_day where "index" is null'
        " group by reason order by days desc, 1",
    )


def describe_pages(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """List the weekly pages, newest first."""
    return rows_of(
        con,
        "select participant, iso_week, page_path, page_bytes from report.week where page_path is not null"
        " order by day desc, participant",
    )


def describe_runs(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Say when each stage last wrote something, and how much."""
    return rows_of(
        con,
        "select stage, max(ended_utc) as last_utc, arg_max(partitions, ended_utc) as partitions"
        " from meta.run group by stage order by last_utc",
    )
