"""A source read by itself: members given as bytes, what it gave as plain rows."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa

from ingest.context import Reading
from ingest.source import Batch, Export, Member, Rejected, Remark, Source
from warehouse.tables import find_table


@dataclass(frozen=True)
class Read:
    """What a source gave for members."""

    members: tuple[Member, ...]
    all_rows: dict[str, list[dict[str, Any]]]
    refusals: list[dict[str, Any]]
    remarks: list[str]
    unclaimed: list[str]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of one table."""
        return self.all_rows.get(table, [])


def read_members(
    source: Source,
    members: Mapping[str, bytes],
    *,
    zone: str = "Europe/Berlin",
    exported: datetime = datetime(2026, 11, 1),
) -> Read:
    """Read members of these names as one export; what the source does not claim is not read."""
    made = [Member(name, len(data), exported, partial(io.BytesIO, data)) for name, data in members.items()]
    mine = tuple(m for m in made if source.claims(m))
    fresh = tuple(i for i, m in enumerate(mine) if source.stream(m.name) is not None)
    export = Export("export", mine, fresh, exported)
    rows: dict[str, list[dict[str, Any]]] = {}
    refusals: list[dict[str, Any]] = []
    remarks: list[str] = []
    for found in source.read(export, Reading(zone, lambda _: None)):
        if isinstance(found, Remark):
            remarks.append(found.text)
        elif isinstance(found, Rejected):
            refusals += found.rows.to_pylist()
        elif found.rows.num_rows:
            rows.setdefault(found.table, []).extend(check_columns(found))
    unclaimed = [m.path for m in made if not source.claims(m)]
    return Read(tuple(made), rows, refusals, remarks, unclaimed)


def check_columns(batch: Batch) -> list[dict[str, Any]]:
    """Rows of a batch, whose columns must be those of the table and of their types."""
    schema = find_table(batch.table).arrow_schema
    for name in set(schema.names) - {"participant", "source", "device", "file_id"}:
        batch.rows[name].cast(schema.field(name).type)
    assert batch.rows["member"].type == pa.int32()
    assert batch.rows["record"].type == pa.int64()
    return list(batch.rows.to_pylist())
