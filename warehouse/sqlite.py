"""SQLite databases that a vendor wrote, read from memory: bytes in, Arrow columns out, nothing on disk.

What is in them is not trusted: only plain tables are read, with no trigger, view or function of the
database run, and a value of another type than the wanted one is null.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa

BATCH_ROWS = 200_000
MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
READ_VERSION, WRITE_VERSION = 19, 18
"""Places in the header of the journal's kind: 2 asks for a write-ahead log, which memory does not have."""
MAX_TEXT = 1000
"""Characters of a text that are kept."""
FORMS = {
    "integer": ("case when typeof({0}) in ('integer', 'real') then cast({0} as integer) end", pa.int64()),
    "real": ("case when typeof({0}) in ('integer', 'real') then cast({0} as real) end", pa.float64()),
    "text": ("case when typeof({0}) = 'text' then substr({0}, 1, " + str(MAX_TEXT) + ") end", pa.string()),
    "hex": ("case when typeof({0}) = 'blob' then lower(hex(substr({0}, 1, 64))) end", pa.string()),
}
"""What a column may be read as: its SQL and its Arrow type."""


class SQLiteError(Exception):
    """A database cannot be opened, or breaks while it is read."""


@contextmanager
def open_sqlite(data: bytes) -> Iterator[sqlite3.Connection]:
    """Open the bytes of a database for reading.

    Raises
    ------
    SQLiteError
        If they are no SQLite database; while or after it is read, if it is damaged or breaks off.
    """
    if not data.startswith(MAGIC) or len(data) < HEADER_BYTES:
        raise SQLiteError("expected a SQLite database, which begins with 'SQLite format 3'")
    con = sqlite3.connect(":memory:")
    try:
        con.deserialize(without_log(data))
        con.text_factory = decode_text
        for setting in ("query_only = on", "trusted_schema = off", "cell_size_check = on"):
            con.execute(f"pragma {setting}")
        yield con
        # Said last, so that what can be read is read; pages that nobody asks for may be missing unnoticed.
        if len(data) < declared_bytes(data):
            raise SQLiteError(
                f"the database breaks off: {len(data)} of {declared_bytes(data)} bytes are there"
            )
    except (sqlite3.Error, OverflowError) as error:
        raise SQLiteError(f"the database is damaged ({error})") from error
    finally:
        con.close()


def declared_bytes(data: bytes) -> int:
    """How long a database says that it is; 0 where it does not say."""
    size = int.from_bytes(data[16:18], "big")
    counted = data[24:28] == data[92:96]
    return (65_536 if size == 1 else size) * int.from_bytes(data[28:32], "big") if counted else 0


def without_log(data: bytes) -> bytes:
    """The same database, marked as one without a write-ahead log."""
    if data[WRITE_VERSION] != 2 and data[READ_VERSION] != 2:
        return data
    return data[:WRITE_VERSION] + b"\1\1" + data[READ_VERSION + 1 :]


def decode_text(raw: bytes) -> str:
    """Read text; what is not UTF-8 is marked as such."""
    return raw.decode("utf-8", "replace")


def list_columns(con: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """The stored columns of a plain table; none if there is no such table."""
    plain = "select 1 from sqlite_master where type = 'table' and name = ? and sql not like 'create virtual%'"
    if con.execute(plain, [table]).fetchone() is None:
        return ()
    found = con.execute("select name from pragma_table_info(?)", [table]).fetchall()
    return tuple(name for (name,) in found)


def read_rows(con: sqlite3.Connection, table: str, columns: Mapping[str, str]) -> Iterator[pa.Table]:
    """Read columns of a table in the order of its row numbers, a batch at a time.

    Parameters
    ----------
    columns
        Name of a column → how it is read: integer, real, text (cut to 1000 characters) or hex (of bytes).

    Returns
    -------
    iterator of pyarrow.Table
        `record` (SQLite's row number) and the columns, null where a value is of another type; one
        without rows where the table has none.
    """
    forms = [FORMS[kind][0].format(quoted(name)) for name, kind in columns.items()]
    schema = pa.schema([("record", pa.int64()), *((name, FORMS[kind][1]) for name, kind in columns.items())])
    found = con.execute(f"select rowid, {', '.join(forms)} from {quoted(table)} order by rowid")
    yield schema.empty_table()
    while rows := found.fetchmany(BATCH_ROWS):
        arrays = [
            pa.array(values, field.type)
            for values, field in zip(zip(*rows, strict=True), schema, strict=True)
        ]
        yield pa.table(arrays, schema=schema)


def quoted(name: str) -> str:
    """Write a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
