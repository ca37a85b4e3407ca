"""Open a warehouse: a DuckDB file, or a DuckLake through its `ducklake:` URL.

One process writes, or many read: a writer waits for the others and says so when it has waited long
enough. Opening for writing creates what is missing and applies the migrations that are due.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from warehouse.errors import ExplainedError
from warehouse.migrations import is_behind, migrate
from warehouse.sql import quote, scalar
from warehouse.tables import TABLES

Connection = duckdb.DuckDBPyConnection
"""What `open_warehouse` gives, for annotations elsewhere: duckdb is imported in this package only."""

LAKE = "ducklake:"
POLL_S = 0.2


class WarehouseError(ExplainedError):
    """The warehouse cannot be opened or written: what, where and what to do, in one sentence."""


@contextmanager
def open_warehouse(
    url: str | Path, *, read_only: bool = False, wait_s: float = 60.0
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse at `url`, waiting up to `wait_s` seconds while another process holds it.

    Raises
    ------
    WarehouseError
        If it is not there (reading), is held by another process for longer than `wait_s`, is not a
        warehouse, or the disk is full.
    """
    if read_only and not warehouse_exists(url):
        raise WarehouseError(f"There is no warehouse at {url}: load something first with 'steadyline load'.")
    con = connect_waiting(str(url), read_only=read_only, wait_s=wait_s)
    try:
        if not read_only:
            migrate(con)
        elif is_behind(con):
            # After an upgrade whoever comes first brings the tables, a reader too.
            con.close()
            with open_warehouse(url, wait_s=wait_s):
                pass
            con = connect_waiting(str(url), read_only=True, wait_s=wait_s)
        yield con
    except duckdb.Error as error:
        raise explain(error, url) from error
    finally:
        con.close()


def warehouse_exists(url: str | Path) -> bool:
    """Whether there is something to read at `url`."""
    return Path(str(url).removeprefix(LAKE)).exists()


def content_hashes(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Hash the rows of every table, whatever their order; volatile columns and tables left out.

    Two warehouses with the same hashes hold the same rows. The hash is a count and a sum of row
    hashes, so that a row that is there twice counts twice.
    """
    hashes = {}
    for table in TABLES:
        if not table.volatile:
            columns = ", ".join(f'"{c}"' for c in table.stable_columns)
            rows = f'select hash({columns}) as h from {table.schema}."{table.name}"'
            total = scalar(con, f"select coalesce(sum(h::hugeint), 0) from ({rows})")
            hashes[table.full_name] = f"{scalar(con, f'select count(*) from ({rows})')}:{total:x}"
    return hashes


def connect_waiting(url: str, *, read_only: bool, wait_s: float) -> duckdb.DuckDBPyConnection:
    """Connect, trying again while another process holds the file."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return connect_lake(url) if url.startswith(LAKE) else connect_file(Path(url), read_only=read_only)
        except duckdb.IOException as error:
            if "lock" not in str(error) or time.monotonic() >= deadline:
                raise explain(error, url) from error
            time.sleep(POLL_S)
        except duckdb.Error as error:
            raise explain(error, url) from error


def connect_file(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Connect to a DuckDB file; one that is made now is readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mask = os.umask(0o077)
    try:
        if not read_only and not path.exists():
            create_file(path)
        return duckdb.connect(str(path), read_only=read_only, config=OFFLINE)
    finally:
        os.umask(mask)


def create_file(path: Path) -> None:
    """Make an empty DuckDB file that appears whole: one cut short by a kill could never be opened again."""
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.new")
    try:
        duckdb.connect(str(fresh), config=OFFLINE).close()
        # A link, not a rename: a file that another process made in the meantime stays.
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
    finally:
        fresh.unlink(missing_ok=True)


def connect_lake(url: str) -> duckdb.DuckDBPyConnection:
    """Attach a DuckLake and make it the place where tables are looked up."""
    # The extension comes as a wheel beside DuckDB: nothing is fetched at run time.
    from duckdb_extensions import import_extension  # noqa: PLC0415

    con = duckdb.connect(config=OFFLINE)
    import_extension("ducklake", con=con)
    con.load_extension("ducklake")
    con.execute(f"attach {quote(url)} as lake")
    con.execute("use lake")
    return con


OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # Columns of names repeat for millions of rows. The newest way of storing them is also the only one
    # that is tried: each further one costs 0.1 µs a row to try, and none makes the file smaller.
    "storage_compatibility_version": "v1.4.0",
    "disabled_compression_methods": "dictionary,fsst,zstd",
}


def explain(error: duckdb.Error, url: str | Path) -> WarehouseError:
    """Say in one sentence what went wrong with the warehouse and what to do."""
    text = str(error)
    if "lock" in text and isinstance(error, duckdb.IOException):
        return WarehouseError(
            f"The warehouse {url} is held by another process: wait until it is done, or give --wait SECONDS."
        )
    if "No space left" in text or "File too large" in text:
        return WarehouseError(
            f"The disk that holds {url} is full: free some space and run the same command again."
        )
    if "not a valid DuckDB database file" in text:
        return WarehouseError(f"{url} is not a DuckDB warehouse: name another file with --warehouse.")
    first = text.splitlines()[0]
    return WarehouseError(f"The warehouse {url} could not be used: {first}")
