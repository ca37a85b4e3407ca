"""What a warehouse knows of people and of the files that were read: what a load has to ask first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from warehouse.consent import Statement, read_last
from warehouse.ddl import table_exists
from warehouse.store import open_warehouse, warehouse_exists
from warehouse.tables import find_table


@dataclass(frozen=True)
class Known:
    """People by pseudonym with their zone, what each said last of research, and rows of `meta.source_file`."""

    zones: dict[str, str] = field(default_factory=dict)
    research: dict[str, Statement] = field(default_factory=dict)
    files: pa.Table = field(default_factory=find_table("meta.source_file").arrow_schema.empty_table)


def read_known(url: str | Path, *, participant: str | None, sha256: Sequence[str], wait_s: float) -> Known:
    """Read the people, and the files of one participant and of whoever has one of the given hashes.

    A warehouse that is not there yet knows nothing.

    Raises
    ------
    WarehouseError
        If it is held by another process for longer than `wait_s`, or is not a warehouse.
    """
    if not warehouse_exists(url):
        return Known()
    with open_warehouse(url, read_only=True, wait_s=wait_s) as con:
        if not table_exists(con, "meta.source_file"):
            return Known()  # a first load that was killed before its commit left an empty file
        zones = con.execute("select participant, timezone from meta.participant").fetchall()
        research = read_last(con, "research")
        files = con.execute(
            "select * from meta.source_file where participant = $participant or participant in ("
            "select participant from meta.source_file where sha256 in (select unnest($hashes::varchar[])))"
            " order by participant, file_id",
            {"participant": participant, "hashes": list(sha256)},
        ).to_arrow_table()
    return Known(dict(zones), research, files)
