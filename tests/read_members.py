"""Read files of a source in memory, without a warehouse, for tests of sources."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingest.context import Reading
from ingest.source import REJECTED, Batch, Export, Member, Rejected, Source
from warehouse.tables import find_table

EXPORTED = datetime(2024, 8, 1)
FIXTURES = Path(__file__).parent / "fixtures"


@dataclass
class Found:
    """What a source gave: rows of each table, refusals as (name, record, reason), remarks."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    refused: list[tuple[str, int | None, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    spans: list[tuple[str, str]] = field(default_factory=list)

    def of(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of a table, in order."""
        rows = [tuple(row[c] for c in columns) for row in self.rows.get(f"signal.{table}", [])]
        return sorted(rows, key=lambda row: [(value is not None, value) for value in row])

    def signals(self) -> dict[str, set[tuple[Any, ...]]]:
        """All rows but where they came from."""
        return {
            table: {
                tuple((k, v) for k, v in sorted(row.items()) if k not in ("member", "record")) for row in rows
            }
            for table, rows in self.rows.items()
            if rows
        }


def member(name: str, content: bytes | str) -> Member:
    data = content.encode() if isinstance(content, str) else content
    return Member(name, len(data), EXPORTED, lambda: io.BytesIO(data))


def fixture(source: str) -> dict[str, bytes]:
    """The files of a source's fixture by name."""
    folder = FIXTURES / source
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if is_data(p)}


def is_data(path: Path) -> bool:
    return path.is_file() and path.name != "README.md"


def read_members(
    source: Source,
    files: Mapping[str, bytes | str],
    zone: str = "Australia/Sydney",
    exported: datetime = EXPORTED,
) -> Found:
    """Read files that the source claims and does not leave out; checks that rows fit their tables."""
    members = [m for m in (member(n, c) for n, c in files.items()) if source.claims(m)]
    members = [m for m in members if source.stream(m.name) is not None]
    export = Export("test", tuple(members), tuple(range(len(members))), exported)
    found = Found()
    for part in source.read(export, Reading(zone, lambda _: None)):
        if isinstance(part, Batch):
            declared = find_table(part.table).arrow_schema
            given = set(declared.names) - {"participant", "source", "device", "file_id"}
            assert given <= set(part.rows.column_names), (part.table, given - set(part.rows.column_names))
            names = sorted(given)
            part.rows.select(names).cast(pa.schema([declared.field(n) for n in names]))
            found.rows.setdefault(part.table, []).extend(part.rows.to_pylist())
            found.spans += [(members[s.member].name, s.stream) for s in part.complete]
        elif isinstance(part, Rejected):
            assert part.rows.schema == REJECTED
            found.refused += [
                (members[r["member"]].name, r["record"], r["reason"]) for r in part.rows.to_pylist()
            ]
            assert all(r["place"] and r["stream"] and r["raw"] is not None for r in part.rows.to_pylist())
        else:
            found.remarks.append(part.text)
    return found


def shuffle_lines(content: bytes, seed: int) -> bytes:
    """The header, then all other lines, some twice, in another order."""
    head, *lines = content.decode().splitlines()
    order = random.Random(seed)
    lines = [*lines, *order.sample(lines, min(2, len(lines)))]
    order.shuffle(lines)
    return "\n".join([head, *lines, ""]).encode()


def write_zip(path: Path, files: Mapping[str, bytes | str], written: datetime) -> Path:
    """A zip of an export, its members under the paths given."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name, written.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
    return path
