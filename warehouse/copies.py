"""Copy the rows of a query out of the warehouse, into one file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import duckdb

from warehouse.sql import quote
from warehouse.store import WarehouseError

FileFormat = Literal["parquet", "csv"]
OPTIONS: dict[FileFormat, str] = {
    # Fixed, so that equal rows in equal order are equal bytes.
    "parquet": "format parquet, compression zstd, row_group_size 122880",
    # RFC 4180; a null is an empty field, an empty text a quoted one.
    "csv": "format csv, header true, delimiter ',', quote '\"', escape '\"', new_line '\\r\\n'",
}


def copy_rows(con: duckdb.DuckDBPyConnection, sql: str, path: Path, kind: FileFormat) -> int:
    """Write the rows of a query, in its order, to a new file that only its owner may read; how many.

    Raises
    ------
    WarehouseError
        If the disk is full, or the file cannot be written.
    """
    try:
        path.touch(mode=0o600, exist_ok=False)
        row = con.execute(
            f"copy ({sql}) to {quote(str(path))} ({OPTIONS[kind]}, use_tmp_file false)"
        ).fetchone()
    except (duckdb.IOException, OSError) as error:
        text = str(error)
        full = "No space left" in text or "File too large" in text
        why = "the disk is full" if full else text.splitlines()[0]
        raise WarehouseError(
            f"Could not write {path.name} ({why}): nothing was left behind; free some space or choose another"
            " folder, and run the same command again."
        ) from error
    return 0 if row is None else int(row[0])
