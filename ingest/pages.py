"""Pages of answers of an API: records of a list as rows of text, whatever else they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ingest.answers import dig
from ingest.cells import write_cell
from ingest.documents import parse_documents

RAW_CHARACTERS = 1024


@dataclass(frozen=True)
class Wrong:
    """A record that is none, or a page that breaks off: its number, where, why, and what stands there."""

    record: int | None
    place: str
    reason: str
    raw: str


@dataclass(frozen=True)
class Page:
    """Records of a page: rows of `member`, `record` and text, null where a record lacks a field."""

    rows: pa.Table
    wrong: tuple[Wrong, ...]


def parse_page(member: int, data: bytes, key: str, fields: Mapping[str, str], needed: Sequence[str]) -> Page:
    """Read the records of a page.

    Parameters
    ----------
    member
        Its position in the export.
    key
        The key of the list; a page may be the list itself.
    fields
        Our name of each field, and its path in a record, with dots.
    needed
        Names of the fields that a record cannot lack.
    """
    found = parse_documents(data, key)
    wrong = []
    if found.reason:
        record = len(found.records) if found.records else None
        wrong.append(Wrong(record, found.place, found.reason, found.raw))
    rows: list[dict[str, object]] = []
    for number, document in enumerate(found.records):
        cells = {name: write_cell(dig(document, *path.split("."))) for name, path in fields.items()}
        lacks = [fields[name] for name in needed if cells[name] is None]
        if lacks:
            reason = f"expected an object with {', '.join(lacks)}"
            raw = (write_cell(document) or "null")[:RAW_CHARACTERS]
            wrong.append(Wrong(number, f"record {number}", reason, raw))
        else:
            rows.append({"member": member, "record": number, **cells})
    schema = [("member", pa.int32()), ("record", pa.int64()), *((name, pa.string()) for name in fields)]
    return Page(pa.Table.from_pylist(rows, schema=pa.schema(schema)), tuple(wrong))
