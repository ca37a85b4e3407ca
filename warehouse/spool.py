"""Rows that are still worked on after the warehouse was let go: private files, read as tables again.

While a reader holds the warehouse nobody can write to it, so nobody could take a consent back. What takes
long copies the rows that it needs first, and works on these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse.copies import copy_rows
from warehouse.sql import quote
from warehouse.store import OFFLINE, WarehouseError


def copy_tables(con: duckdb.DuckDBPyConnection, tables: Mapping[str, str], folder: Path) -> None:
    """Write the rows of queries into a new folder that only its owner may read.

    Parameters
    ----------
    con : connection
        A warehouse; the queries read what the caller's transaction sees.
    tables : mapping
        Table with its schema, as it is to be called in the copy → SELECT of its rows.
    folder : Path
        Is not there yet; whoever calls removes it.

    Raises
    ------
    WarehouseError
        If the disk is full, or a file cannot be written.
    """
    folder.mkdir(mode=0o700)
    for name, sql in tables.items():
        copy_rows(con, sql, folder / f"{name}.parquet", "parquet")


@contextmanager
def open_copy(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open what `copy_tables` wrote, under the same names of tables; the warehouse is not touched.

    Raises
    ------
    WarehouseError
        If a file cannot be read.
    """
    con = duckdb.connect(config=OFFLINE)
    try:
        # What does not fit into memory goes beside the copy, and with it.
        con.execute(f"set temp_directory = {quote(str(folder))}")
        for path in sorted(folder.glob("*.parquet")):
            con.execute(f"create schema if not exists {path.stem.partition('.')[0]}")
            con.execute(f"create view {path.stem} as from read_parquet({quote(str(path))})")
        yield con
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise WarehouseError(
            f"The copy of the rows could not be read ({first}): nothing was left behind; run the same command again."
        ) from error
    finally:
        con.close()
