"""A source read by itself, in memory: members given as bytes, what it gave checked against the contract."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.context import Reading
from ingest.source import RAW_BYTES, REJECTED, Batch, Export, Member, Rejected, Remark, Source
from warehouse.schema import Table
from warehouse.tables import find_table

EXPORTED = datetime(2024, 8, 1)
FIXTURES = Path(__file__).parent / "fixtures"
LABELS = frozenset({"participant", "source", "device", "file_id"})
"""Columns that the load adds; of these a source may give `device`."""
OLDEST = datetime(1990, 1, 1)
AHEAD = timedelta(days=3)
"""What is recorded may seem to be this much later than its export: a day of doubt about clocks, and zones."""
MAX_REASON, MAX_PLACE = 600, 200


@dataclass
class Found:
    """What a source gave for members."""

    members: tuple[Member, ...]
    """Those that it claims and reads: `member` of rows is a place in them."""
    unclaimed: list[str]
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Rows of each table that has any."""
    refusals: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    spans: list[tuple[str, str]] = field(default_factory=list)

    @property
    def refused(self) -> list[tuple[str, int | None, str]]:
        """Refusals as (name of the file, record, reason)."""
        return [(self.members[r["member"]].name, r["record"], r["reason"]) for r in self.refusals]

    def table(self, name: str) -> list[dict[str, Any]]:
        """Rows of one table."""
        return self.rows.get(name, [])

    def of(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of a table of signals, in order."""
        rows = [tuple(row[c] for c in columns) for row in self.table(f"signal.{table}")]
        return sorted(rows, key=lambda row: [(value is not None, value) for value in row])

    def signals(self) -> dict[str, set[tuple[Any, ...]]]:
        """All rows but where they came from."""
        return {
            table: {
                tuple((k, v) for k, v in sorted(row.items()) if k not in ("member", "record")) for row in rows
            }
            for table, rows in self.rows.items()
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
    latest: datetime | None = None,
) -> Found:
    """Read files that the source claims and does not leave out; checks that it keeps its contract.

    Nothing may have happened later than `latest`: three days after the export unless told otherwise.
    """
    given = [member(name, content) for name, content in files.items()]
    claimed = [m for m in given if source.claims(m)]
    members = tuple(m for m in claimed if source.stream(m.name) is not None)
    found = Found(members, [m.path for m in given if m not in claimed])
    export = Export("test", members, tuple(range(len(members))), exported)
    for part in source.read(export, Reading(zone, lambda _: None)):
        if isinstance(part, Batch):
            check_batch(part, len(members), latest or exported + AHEAD)
            if part.rows.num_rows:
                found.rows.setdefault(part.table, []).extend(part.rows.to_pylist())
            found.spans += [(members[s.member].name, s.stream) for s in part.complete]
        elif isinstance(part, Rejected):
            check_refusals(part.rows, len(members))
            found.refusals += part.rows.to_pylist()
        else:
            assert isinstance(part, Remark)
            found.remarks.append(part.text)
    return found


# --- the contract of a source ------------------------------------------------------------------


def check_batch(batch: Batch, n_members: int, latest: datetime) -> None:
    """Rows have the table's columns and fit their types, no key is null, times and places can be."""
    table, rows = find_table(batch.table), batch.rows
    declared = table.arrow_schema
    names = [name for name in declared.names if name not in LABELS]
    assert set(names) <= set(rows.column_names), (batch.table, set(names) - set(rows.column_names))
    assert rows["member"].type == pa.int32(), batch.table
    assert rows["record"].type == pa.int64(), batch.table
    cast = rows.select(names).cast(pa.schema([declared.field(n) for n in names]))
    assert not (missing := list(find_nulls(table, rows))), (batch.table, missing)
    assert not (nan := [n for n in names if has_no_number(cast[n])]), (batch.table, nan)
    assert in_range(rows["member"], 0, n_members - 1), batch.table
    assert in_range(rows["record"], 0, 1 << 62), batch.table
    check_times(batch.table, cast, latest)
    for span in batch.complete:
        assert 0 <= span.member < n_members, batch.table
        assert span.from_us <= span.to_us, (batch.table, span)
        assert find_table(span.stream), span


def find_nulls(table: Table, rows: pa.Table) -> Iterator[str]:
    """Columns of the key, and of where rows come from, that hold nulls."""
    needed = {*table.key, "offset_min", "tz_assumed"} - LABELS
    for name in [*sorted(needed & set(rows.column_names)), "member", "record"]:
        if rows[name].null_count:
            yield name


def has_no_number(column: pa.ChunkedArray) -> bool:
    """Whether a column of numbers holds one that is none: what is missing is null."""
    return pa.types.is_floating(column.type) and not np.isfinite(column.drop_null().to_numpy()).all()


def in_range(column: pa.ChunkedArray, first: object, last: object) -> bool:
    """Whether all values lie between two, both included."""
    low, high = pc.min_max(column).as_py().values()
    return low is None or (first <= low and high <= last)


def check_times(name: str, rows: pa.Table, latest: datetime) -> None:
    """Instants lie in the years of wearables and before the export, ends behind starts, offsets within a day."""
    if "t_utc" not in rows.column_names:
        return
    assert in_range(rows["t_utc"], OLDEST, latest), (name, pc.min_max(rows["t_utc"]))
    if "offset_min" in rows.column_names:
        assert in_range(rows["offset_min"], -14 * 60, 14 * 60), (name, pc.min_max(rows["offset_min"]))
    if "end_utc" in rows.column_names:
        assert pc.all(pc.less_equal(rows["t_utc"], rows["end_utc"])).as_py() in (True, None), name
        assert in_range(rows["end_utc"], OLDEST, latest), (name, pc.min_max(rows["end_utc"]))
    if "span_s" in rows.column_names:
        assert in_range(rows["span_s"], 0, 86_400 * 2), (name, pc.min_max(rows["span_s"]))


def check_refusals(rows: pa.Table, n_members: int) -> None:
    """Each refusal says file, place and reason in a sentence, and keeps at most a kilobyte."""
    assert rows.schema == REJECTED
    for row in rows.to_pylist():
        assert 0 <= row["member"] < n_members, row
        assert row["stream"], row
        assert row["place"], row
        assert len(row["place"]) <= MAX_PLACE, row
        assert row["reason"], row
        assert len(row["reason"]) <= MAX_REASON, row
        assert row["raw"] is not None, row
        assert len(row["raw"].encode()) <= RAW_BYTES, row
        assert row["record"] is None or row["record"] >= 0, row


# --- other states of files ---------------------------------------------------------------------


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
