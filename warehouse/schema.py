"""What a table declaration is: columns with type, unit and meaning, a key, a way of being written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pyarrow as pa

TEXT = pa.string()
FLAG = pa.bool_()
REAL = pa.float64()
REAL32 = pa.float32()
INT = pa.int32()
BIG = pa.int64()
SMALL = pa.int16()
TINY = pa.int8()
DAY = pa.date32()
INSTANT = pa.timestamp("us")

Kind = Literal["signal", "result", "meta"]
"""How rows come to be written: signals are merged by key, results replace whole
participant-days, meta tables are written by the verb that owns them."""


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, its unit (UCUM) and what it means in one line.

    `minimum` is the least data below which it is null, `reference` where its rule or formula is told; a
    column without them has those of its table (`warehouse.dictionary`).
    """

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    volatile: bool = False
    """True where two equal runs may differ (a clock time, a path): left out of content hashes."""
    minimum: str = ""
    reference: str = ""


STREAM = ("participant", "source", "device")
"""What one device recorded of one person is a stream."""

STREAM_ID = Column("stream_id", BIG, "whose it is and of what device (meta.stream)")


def name_stream(key: tuple[str, ...]) -> tuple[str, ...]:
    """Put the stream's number in the place of the columns that name it."""
    return (STREAM_ID.name, *(k for k in key if k not in STREAM)) if set(STREAM) <= set(key) else key


@dataclass(frozen=True)
class Table:
    """One table: its columns, its natural key, and how its rows are written.

    A signal is declared as it is read. It lies in the schema `stored` with one number for its stream: three
    columns of names in every row were four fifths of the file and of the time to write it.

    `unit_key` is what a signal is merged by: usually the key; for rows that belong together (the
    stages of one sleep log) the key of the whole, so that a re-scored log replaces all its stages.
    `partition` is the date or instant column by month of which a lake lays out its files.
    `volatile` tables (a journal of runs) are left out of content hashes altogether.
    `minimum` and `reference` hold for every column that has none of its own.
    """

    schema: str
    name: str
    meaning: str
    kind: Kind
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unit_key: tuple[str, ...] = ()
    partition: str | None = None
    volatile: bool = False
    minimum: str = ""
    reference: str = ""

    @property
    def full_name(self) -> str:
        """Schema and name, as SQL writes it: `signal.heart_rate`."""
        return f"{self.schema}.{self.name}"

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema that staged rows of this table have."""
        return pa.schema([(c.name, c.type) for c in self.columns])

    @property
    def stored_name(self) -> str:
        """Where the rows lie: signals in `stored.*`, read through views that name their stream."""
        return f"stored.{self.name}" if self.kind == "signal" else self.full_name

    @cached_property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns as they lie: of a signal with one number for its stream."""
        if self.kind != "signal":
            return self.columns
        return (STREAM_ID, *(c for c in self.columns if c.name not in STREAM))

    @cached_property
    def stored_schema(self) -> pa.Schema:
        """The Arrow schema of rows as they lie."""
        return pa.schema([(c.name, c.type) for c in self.stored_columns])

    @property
    def stored_key(self) -> tuple[str, ...]:
        """The natural key of rows as they lie."""
        return name_stream(self.key)

    @property
    def merge_key(self) -> tuple[str, ...]:
        """The columns that a signal is merged by, as they lie."""
        return name_stream(self.unit_key or self.key)

    @property
    def stable_columns(self) -> tuple[str, ...]:
        """The columns on which two equal runs agree."""
        return tuple(c.name for c in self.columns if not c.volatile)

    @property
    def value_columns(self) -> tuple[str, ...]:
        """What a signal row says, without where it came from: a change here makes a day due."""
        origin = {"file_id", "record", "revision"}
        return tuple(c.name for c in self.columns if c.name not in origin and c.name not in self.key)
