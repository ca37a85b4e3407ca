"""What a source may ask for while it reads: records out of JSON members, whatever state these are in.

Three ways give the same rows, each for what the one before cannot: records that all look alike are
read by position (`ingest.scan`), other JSON by DuckDB (`warehouse.reader`), broken JSON record by
record up to where it breaks.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ingest.delimited import HeaderError, parse_delimited
from ingest.export import READ_ERRORS, explain_read_error
from ingest.scan import scan_array
from ingest.source import REJECTED, Export, Field, Records, Remark, clip_raw, lay_refusals, no_rejected
from warehouse.reader import parse_arrays, parse_records

BATCH_BYTES = 32 << 20
"""Bytes of members read together: what bounds the memory, with the largest single member."""
SPACE = " \t\r\n"
"""What JSON counts as white space; Python counts more."""
NO_DATA = "no data"
"""What a vendor writes into a file that has none: it is empty, not broken."""
MAX_NAMES = 10
"""Unknown fields that are said of a stream by name."""
MAX_DEPTH_ERRORS = (ValueError, RecursionError)


@dataclass(frozen=True)
class Reading:
    """The context of one export being read for one person."""

    zone: str
    on_read: Callable[[int], None]
    """Told the bytes of every member that was read, for progress."""
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Fields that nobody asked for and nobody knows, by stream and name: in how many files."""

    def count_unknown(self, stream: str, names: Iterable[str], unused: Collection[str]) -> None:
        """Count fields of one file that are neither read nor known; see `ingest.source.Context`."""
        known = {name.casefold() for name in unused}
        self.unknown.update((stream, name) for name in set(names) if name.casefold() not in known)

    def tell_unknown(self) -> Iterator[Remark]:
        """Say which fields were counted, once; see `ingest.source.Context`."""
        by_stream: dict[str, list[str]] = {}
        for (stream, name), count in sorted(self.unknown.items()):
            by_stream.setdefault(stream, []).append(f"{name[:40]!r} ({count} files)")
        self.unknown.clear()
        for stream, found in by_stream.items():
            more = f" and {len(found) - MAX_NAMES} more" if len(found) > MAX_NAMES else ""
            yield Remark(
                f"Columns of {stream} that are not known and were not read: {', '.join(found[:MAX_NAMES])}{more}."
            )

    def read_json(
        self, export: Export, members: Sequence[int], stream: str, fields: Sequence[Field]
    ) -> Iterator[Records]:
        """Read members that are JSON arrays of records; see `ingest.source.Context`."""
        for batch in batches(export, members):
            yield join_records([self.read_member(export, member, stream, fields) for member in batch])

    def read_member(self, export: Export, member: int, stream: str, fields: Sequence[Field]) -> Records:
        """Read one member, by the first way that can."""
        size = export.members[member].size_bytes
        try:
            data = export.members[member].read()
        except READ_ERRORS as error:
            broken = one_broken(member, "file", None, "file", explain_read_error(error), "")
            return Records(empty_rows(fields), broken)
        self.on_read(size)
        paths, texts = [f.path for f in fields], [f.type == pa.string() for f in fields]
        simple = all(f.type in (pa.string(), pa.float64()) for f in fields)
        columns = scan_array(data, paths, texts) if simple else None
        if columns is not None:
            return Records(rows_of(member, columns, fields), no_rejected())
        return read_any(member, decode(data), stream, fields)

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
        """Read members that are delimited text; see `ingest.source.Context`."""
        for member in members:
            none = rows_schema([Field(name, name, pa.string()) for name in columns]).empty_table()
            try:
                text = decode(export.members[member].read())
                self.on_read(export.members[member].size_bytes)
                if text.strip().lower().rstrip(".") == NO_DATA:
                    continue
                found = parse_delimited(text, columns, needed=needed, skip_lines=skip_lines)
            except READ_ERRORS as error:
                broken = one_broken(member, "file", None, "file", explain_read_error(error), "")
                yield Records(none, broken)
                continue
            except HeaderError as error:
                yield Records(none, one_broken(member, "file", None, "header", str(error), text[:200]))
                continue
            index = pa.array(np.full(found.rows.num_rows, member, dtype=np.int32))
            bad = [broken_row(member, stream, n, f"record {n}", why, raw) for n, why, raw in found.bad]
            yield Records(
                found.rows.add_column(0, "member", index),
                lay_refusals(bad),
                found.ignored,
            )

    def raw_records(self, export: Export, wanted: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], str]:
        """Fetch the text of some records, by member and number, for the quarantine."""
        found = {}
        for member, records in wanted.items():
            texts, _ = split_records(decode(export.members[member].read()))
            found.update({(member, r): clip_raw(texts[r]) for r in records if r < len(texts)})
        return found


def batches(export: Export, members: Sequence[int]) -> Iterator[list[int]]:
    """Group members so that each group's bytes stay below the limit, or is a single one."""
    batch: list[int] = []
    size = 0
    for member in members:
        bytes_here = export.members[member].size_bytes
        if batch and size + bytes_here > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(member)
        size += bytes_here
    if batch:
        yield batch


def decode(data: bytes) -> str:
    """Read bytes as text; a byte order mark is honoured, what is not UTF-8 is marked as such."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding, errors="replace")


def read_any(member: int, text: str, stream: str, fields: Sequence[Field]) -> Records:
    """Read a document by DuckDB's parser, or record by record where it is broken."""
    if text.strip(" \t\r\n").lower().rstrip(".") in (NO_DATA, "[]"):
        return Records(empty_rows(fields), no_rejected())
    wanted = [(f.name, f.path, f.type) for f in fields]
    rows = parse_arrays([text], wanted)
    if rows.num_rows == 0 or rows["record"].null_count == 0:
        return Records(with_member(rows, member), no_rejected())
    texts, stop = split_records(text)
    broken = describe_break(member, stream, text, len(texts), stop)
    return Records(with_member(parse_records(texts, wanted), member) if texts else empty_rows(fields), broken)


def split_records(text: str) -> tuple[list[str], int]:
    """Cut an array into the texts of its whole records, and say where (character) reading stopped.

    Reading stops behind the closing bracket, or where the document breaks; a number such as NaN that
    JSON does not have is written as null.
    """
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    place = skip_space(text, 0)
    texts: list[str] = []
    if text[place : place + 1] != "[":
        return texts, place
    place = skip_space(text, place + 1)
    while place < len(text) and text[place] != "]":
        try:
            value, stop = decoder.raw_decode(text, place)
        except MAX_DEPTH_ERRORS:
            return texts, place
        after = skip_space(text, stop)
        if text[after : after + 1] not in (",", "]") and not isinstance(value, dict):
            return texts, place  # a number or word that the cut may have shortened
        raw = text[place:stop]
        texts.append(json.dumps(value) if "NaN" in raw or "Infinity" in raw else raw)
        if text[after : after + 1] == ",":
            after = skip_space(text, after + 1)
        elif text[after : after + 1] != "]":
            return texts, after
        place = after
    return texts, place + 1 if place < len(text) else place


def skip_space(text: str, place: int) -> int:
    """The place of the next character that is not JSON's white space."""
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place


def describe_break(member: int, stream: str, text: str, n_whole: int, stop: int) -> pa.Table:
    """Say where a document broke and what was kept; nothing if only its records are odd."""
    if not text.strip("\0 \t\r\n"):
        kind = "the file is empty" if not text else "the file holds nothing but zero bytes or spaces"
        return one_broken(
            member, "file", None, "file", f"{kind}: expected a JSON array of records", text[:80]
        )
    if not text.lstrip().startswith("["):
        reason = "expected a JSON array of records that begins with '['"
        return one_broken(member, "file", None, "byte 0", reason, text)
    tail = text[stop:]
    closed = text[:stop].endswith("]")
    if closed and not tail.strip(SPACE):
        return no_rejected()
    place = f"byte {len(text[:stop].encode('utf-8', 'surrogatepass'))}"
    what = "unexpected text follows the array" if closed else "the JSON breaks off here"
    reason = f"{what}; the {n_whole} whole records before it were kept"
    return one_broken(member, stream, n_whole, place, reason, tail)


def one_broken(member: int, stream: str, record: int | None, place: str, reason: str, raw: str) -> pa.Table:
    """One refusal as a table."""
    row = broken_row(member, stream, record, place, reason, raw)
    return lay_refusals([row])


def broken_row(
    member: int, stream: str, record: int | None, place: str, reason: str, raw: str
) -> dict[str, object]:
    """One refusal in the columns of REJECTED."""
    cells = (member, stream, record, place, reason, raw)
    return dict(zip(REJECTED.names, cells, strict=True))


def rows_schema(fields: Sequence[Field]) -> pa.Schema:
    """Columns of `Records.rows` for some fields."""
    return pa.schema([("member", pa.int32()), ("record", pa.int64()), *((f.name, f.type) for f in fields)])


def rows_of(member: int, columns: Sequence[pa.Array], fields: Sequence[Field]) -> pa.Table:
    """Lay out the values of all records of one member as rows."""
    count = len(columns[0])
    index = pa.array(np.full(count, member, dtype=np.int32))
    return pa.table([index, pa.array(np.arange(count)), *columns], names=rows_schema(fields).names)


def with_member(rows: pa.Table, member: int) -> pa.Table:
    """Put the member in the place of the reader's number of a document."""
    index = pa.array(np.full(rows.num_rows, member, dtype=np.int32))
    return rows.drop_columns(["document"]).add_column(0, "member", index)


def empty_rows(fields: Sequence[Field]) -> pa.Table:
    """Rows of no record."""
    return rows_schema(fields).empty_table()


def join_records(parts: Sequence[Records]) -> Records:
    """Put the records of several members below each other."""
    rows = pa.concat_tables([wide_text(p.rows) for p in parts])
    return Records(rows, pa.concat_tables([p.broken for p in parts]))


def wide_text(rows: pa.Table) -> pa.Table:
    """Give all text columns the same type, that of long columns."""
    schema = pa.schema([f.with_type(pa.large_string()) if f.type == pa.string() else f for f in rows.schema])
    return rows.cast(schema)
