"""The contract of a source: what it is given, what it gives back, and the tools it may use.

A source is a module of `ingest/files`. It imports this module and nothing else of ours, so all that
it needs is here: the values that pass in and out, how stamps are read (`parse_stamps`) and how
local time is settled (`Clock`).
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import IO, Protocol

import numpy as np
import pyarrow as pa

from ingest.answers import dig, offset_between, read_moment, read_pairs, sub_records, to_float
from ingest.apps import APPS, name_app
from ingest.beats import lay_end_to_end
from ingest.cells import read_cell, write_cell
from ingest.clock import MINUTE_US, Clock, Midnights, settle_clock
from ingest.columns import (
    Bad,
    Check,
    Flags,
    Instants,
    check_instants,
    constant,
    instants,
    lay_out,
    numbers,
    sift,
    to_us,
    to_utc,
)
from ingest.documents import Documents, mend_escapes, parse_documents
from ingest.fit import (
    Beats,
    Message,
    Numbered,
    Tape,
    chain_intervals,
    chain_lists,
    count_steps,
    decode_fit,
    find_device,
    find_night,
    find_offsets,
    fit_column,
    fit_instants,
    has_strap,
    monitoring_times,
    name_instants,
    ordinals,
    profile_name,
    unwind_strap,
)
from ingest.lines import decode_head, decode_text, read_figures, to_number
from ingest.moments import Moments, check_end, place_days, place_local, place_stamps
from ingest.nights import lay_out_episodes, lay_out_stages
from ingest.offsets import Zoned, parse_zoned, prove_clock
from ingest.pages import Page, parse_page
from ingest.quantities import Measured, Quantity, measure, read_numbers
from ingest.stamps import ISO_STAMP, MISSING, US_DATE, US_STAMP, parse_days, parse_stamps
from ingest.stretches import Stretches, check_levels, overlay, rename, renumber, unfold
from warehouse.sqlite import SQLiteError, list_columns, open_sqlite, read_rows

__all__ = [
    "APPS",
    "ISO_STAMP",
    "MINUTE_US",
    "MISSING",
    "US_DATE",
    "US_STAMP",
    "About",
    "Bad",
    "Batch",
    "Beats",
    "Check",
    "Clock",
    "Context",
    "Documents",
    "Export",
    "Field",
    "Flags",
    "Instants",
    "Measured",
    "Member",
    "Message",
    "Midnights",
    "Moments",
    "Numbered",
    "Page",
    "Quantity",
    "Records",
    "Rejected",
    "Remark",
    "SQLiteError",
    "Source",
    "Span",
    "Stretches",
    "Tape",
    "Zoned",
    "chain_intervals",
    "chain_lists",
    "check_end",
    "check_instants",
    "check_levels",
    "clip_raw",
    "constant",
    "count_steps",
    "decode_fit",
    "decode_head",
    "decode_text",
    "dig",
    "find_device",
    "find_night",
    "find_offsets",
    "fit_column",
    "fit_instants",
    "has_strap",
    "instants",
    "lay_end_to_end",
    "lay_out",
    "lay_out_episodes",
    "lay_out_stages",
    "lay_refusals",
    "list_columns",
    "measure",
    "mend_escapes",
    "monitoring_times",
    "name_app",
    "name_instants",
    "numbers",
    "offset_between",
    "open_sqlite",
    "ordinals",
    "overlay",
    "parse_days",
    "parse_documents",
    "parse_page",
    "parse_stamps",
    "parse_zoned",
    "peek",
    "place_days",
    "place_local",
    "place_stamps",
    "profile_name",
    "prove_clock",
    "read_cell",
    "read_figures",
    "read_moment",
    "read_numbers",
    "read_pairs",
    "read_rows",
    "refuse_one",
    "refuse_rows",
    "rename",
    "renumber",
    "settle_clock",
    "sift",
    "spans",
    "sub_records",
    "take_quantity",
    "to_float",
    "to_number",
    "to_us",
    "to_utc",
    "unfold",
    "unwind_strap",
    "write_cell",
]

EDGE_BYTES = 1024
CHUNK_BYTES = 1 << 18
RAW_BYTES = 1024
"""How much of a refused record is kept."""
REASON_CHARACTERS, PLACE_CHARACTERS = 600, 200
"""How long reason and place may be: a file's own words in them can be of any length."""

REJECTED = pa.schema(
    [
        ("member", pa.int32()),
        ("stream", pa.string()),
        ("record", pa.int64()),
        ("place", pa.string()),
        ("reason", pa.string()),
        ("raw", pa.string()),
    ]
)
"""Columns of `Rejected.rows`; `member` is a position in `Export.members`."""


@dataclass(frozen=True)
class Digest:
    """What one pass over a member's bytes leaves: its hash and its first and last kilobyte."""

    sha256: str
    head: bytes
    tail: bytes


@dataclass(frozen=True)
class Member:
    """One file of an export, in a folder or in a zip."""

    path: str
    """Path inside the folder or zip, with forward slashes."""
    size_bytes: int
    modified_utc: datetime
    """Naive UTC; what the zip or the file system says of its last change."""
    open: Callable[[], IO[bytes]]
    """Open the bytes for reading; nothing is unpacked to disk."""
    packed: bool = False
    """The bytes must be inflated each time they are read."""

    @cached_property
    def name(self) -> str:
        """Base name, by which layouts are recognised whatever folder they lie in."""
        return PurePosixPath(self.path).name

    @cached_property
    def digest(self) -> Digest:
        """Hash, head and tail, from one pass over the bytes, kept.

        Raises
        ------
        OSError, zipfile.BadZipFile, zlib.error
            If the bytes cannot be read; `ingest.export.READ_ERRORS` names them.
        """
        sha, head, tail = hashlib.sha256(), b"", b""
        with self.open() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                sha.update(chunk)
                head = head or chunk[:EDGE_BYTES]
                tail = (tail + chunk)[-EDGE_BYTES:] if len(chunk) < EDGE_BYTES else chunk[-EDGE_BYTES:]
        return Digest(sha.hexdigest(), head, tail)

    def keep(self) -> Member:
        """The same member with its bytes in memory, for inflating them once only."""
        return replace(self, open=partial(io.BytesIO, self.read()), packed=False)

    def head(self) -> bytes:
        """The first kilobyte; reads no more than that."""
        with self.open() as stream:
            return stream.read(EDGE_BYTES)

    def read(self) -> bytes:
        """All bytes."""
        with self.open() as stream:
            return stream.read()


@dataclass(frozen=True)
class Export:
    """All members that one source reads under one root: what decisions about time need.

    `fresh` are the positions of the members to read now; the others are known already and are here
    because what they show (the offset of a day) helps to read the fresh ones.
    """

    root: str
    members: tuple[Member, ...]
    fresh: tuple[int, ...]
    exported_utc: datetime
    """When the vendor wrote it, as well as known: the newest date of a member."""


@dataclass(frozen=True)
class Span:
    """A time of which a member holds all of a stream: older rows there that it lacks are withdrawn."""

    member: int
    stream: str
    from_us: int
    to_us: int
    """First and last instant, both included, in microseconds of UTC since 1970."""


@dataclass(frozen=True)
class Batch:
    """Rows of one table.

    `rows` has the table's columns but participant, source, device and file_id, and instead
    `member`, the position in `Export.members`. A column `device` may name the device of each row,
    where an export holds several; where it is null or absent the export's label stands. A boolean
    column `tz_assumed`, whether or not the table has it, says that the offset is that of the
    person's zone, without proof in the export.
    """

    table: str
    rows: pa.Table
    complete: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Rejected:
    """Records that were refused, in the columns of `REJECTED`."""

    rows: pa.Table


@dataclass(frozen=True)
class Remark:
    """Something that the person who loads should know, in one sentence."""

    text: str


@dataclass(frozen=True)
class Field:
    """One value to take out of every record: a column name, a dotted path, an Arrow type."""

    name: str
    path: str
    type: pa.DataType


@dataclass(frozen=True)
class Records:
    """Records of some members, parsed: one row a record, null where a value is absent or no such type.

    `rows` has `member`, `record` (its number in the member, from 0) and the fields asked for.
    `broken` has what could not be parsed at all, in the columns of `REJECTED`. `ignored` are columns
    of delimited text that nobody asked for.
    """

    rows: pa.Table
    broken: pa.Table
    ignored: tuple[str, ...] = ()


class Context(Protocol):
    """What a source may ask for while it reads an export."""

    @property
    def zone(self) -> str:
        """IANA zone of the person."""

    def read_json(
        self, export: Export, members: Sequence[int], stream: str, fields: Sequence[Field]
    ) -> Iterator[Records]:
        """Read members that are JSON arrays of records, a batch of members at a time.

        A member that breaks in the middle gives its whole records up to there, and a row in `broken`.
        """

    def read_csv(
        self,
        export: Export,
        members: Sequence[int],
        stream: str,
        columns: Mapping[str, Sequence[str]],
        *,
        needed: Sequence[str] = (),
        skip_lines: int = 0,
    ) -> Iterator[Records]:
        """Read members that are delimited text with a header, one at a time; all values are text.

        `columns` gives for each of our names the spellings that a header may have; a member whose
        header lacks one of `needed` is refused as a whole, a row of another width by itself.
        """

    def count_unknown(self, stream: str, names: Iterable[str], unused: Collection[str]) -> None:
        """Count fields of one file that nobody asked for, but those in `unused`, which are known and left out."""

    def tell_unknown(self) -> Iterator[Remark]:
        """Say which fields were counted: the last thing that a source gives which counts them."""

    def raw_records(self, export: Export, wanted: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], str]:
        """Fetch the text of some records, by member and number, for the quarantine."""


@dataclass(frozen=True)
class About:
    """What a newcomer and a researcher should know of a source; docs/sources.md is made of it."""

    device: str
    layouts: str
    """Which files, by name."""
    signals: str
    zone: str
    """How the offsets of its stamps are settled."""
    quirks: str
    how_to_export: str
    """Step by step, from the vendor's app or site to a file."""


class Source(Protocol):
    """A layout of files: recognises its members and reads them."""

    NAME: str
    METHOD_VERSION: str
    ABOUT: About

    def claims(self, member: Member) -> bool:
        """Whether the member is of this layout: certain, from name and first bytes."""

    def stream(self, name: str) -> str | None:
        """The table that a file of that base name feeds; None for one that is known and left out."""

    def read(self, export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
        """Read the fresh members of an export."""


def spans(table: str, rows: pa.Table, start_us: Instants, end_us: Instants) -> tuple[Span, ...]:
    """The time from the first to the last row of each member; rows of a member lie together."""
    members = rows["member"].to_numpy()
    if members.size == 0:
        return ()
    begins = np.flatnonzero(np.diff(members, prepend=-1))
    first, last = np.minimum.reduceat(start_us, begins), np.maximum.reduceat(end_us, begins)
    ends = zip(members[begins].tolist(), first.tolist(), last.tolist(), strict=True)
    return tuple(Span(member, table, low, high) for member, low, high in ends)


def no_rejected() -> pa.Table:
    """An empty table of refusals."""
    return REJECTED.empty_table()


def clip_raw(text: str) -> str:
    """Cut a refused record to what the quarantine keeps, without NULs and half characters."""
    return (
        text[: 4 * RAW_BYTES]
        .replace("\0", "\N{SYMBOL FOR NULL}")
        .encode("utf-8", "replace")[:RAW_BYTES]
        .decode("utf-8", "ignore")
    )


def lay_refusals(rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """Refusals in the columns of `REJECTED`, the text of each cut to what the quarantine keeps."""
    clipped = [
        {
            **row,
            "place": clip(str(row["place"]), PLACE_CHARACTERS),
            "reason": clip(str(row["reason"]), REASON_CHARACTERS),
            "raw": clip_raw(str(row["raw"])),
        }
        for row in rows
    ]
    return pa.Table.from_pylist(clipped, schema=REJECTED)


def clip(text: str, most: int) -> str:
    """A text, or its beginning with an ellipsis where it is longer than it may be."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def peek(member: Member) -> bytes:
    """The first kilobyte without NULs (so that UTF-16 is legible), for claims.

    Nothing where the bytes cannot be read, which the load says later.
    """
    try:
        return member.head().replace(b"\0", b"")
    except (
        OSError,
        EOFError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
    ):
        return b""


def refuse_rows(
    rows: pa.Table, checks: Sequence[Check], stream: str, *, place: str = "record"
) -> tuple[Flags, Rejected]:
    """Part good records from bad ones, which are refused with their number, a reason and what they held.

    `rows` has `member`, `record` and what was read of the records; the first check that holds is the reason.
    """
    keep, bad = sift(rows, checks)
    # An instant that no calendar has would overflow a datetime; its number can always be shown.
    plain = [f.with_type(pa.int64()) if pa.types.is_timestamp(f.type) else f for f in rows.schema]
    cells = rows.cast(pa.schema(plain)).filter(pa.array(~keep)).drop_columns(["member", "record"]).to_pylist()
    refused = [
        {
            **row,
            "stream": stream,
            "place": f"{place} {row['record']}",
            "raw": json.dumps(cell, ensure_ascii=False, default=str),
        }
        for row, cell in zip(bad.rows.to_pylist(), cells, strict=True)
    ]
    return keep, Rejected(lay_refusals(refused))


def refuse_one(member: int, stream: str, record: int | None, place: str, reason: str, raw: str) -> Rejected:
    """Refuse one record, or a member (stream 'file', no record)."""
    cells = (member, stream, record, place, reason, raw)
    return Rejected(lay_refusals([dict(zip(REJECTED.names, cells, strict=True))]))


def take_quantity(
    rows: pa.Table, quantity: Quantity, when: Moments, checks: Sequence[Check] = ()
) -> Iterator[Batch | Rejected]:
    """One quantity of records: what was refused by the checks or is no such value, and the others as rows."""
    keep, rejected = refuse_rows(rows, checks, quantity.table)
    yield rejected
    rows, when = rows.filter(pa.array(keep)), when.filter(keep)
    found = measure(rows, quantity, when)
    yield refuse_rows(rows.select(["member", "record", quantity.column]), found.checks, quantity.table)[1]
    yield Batch(quantity.table, found.rows)
