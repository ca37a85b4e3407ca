"""What a warehouse knows of people and of the files that were read: what a load has to ask first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from warehouse.ddl import table_exists
from warehouse.store import open_warehouse, warehouse_exists


@dataclass(frozen=True)
class KnownFile:
    """A file of the ledger."""

    participant: str
    file_id: int
    member: str
    sha256: str
    source: str
    rows: int
    exported_utc: datetime


@dataclass(frozen=True)
class Known:
    """People by pseudonym with their zone, who allowed research, and the ledger of files."""

    zones: dict[str, str] = field(default_factory=dict)
    research: frozenset[str] = frozenset()
    files: tuple[KnownFile, ...] = ()


def read_known(url: str | Path, *, participant: str | None, sha256: Sequence[str], wait_s: float) -> Known:
    """Read the people, and the files of one participant or with one of the given hashes.

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
        research = con.execute(
            "select participant from meta.consent where purpose = 'research' and granted"
        ).fetchall()
        files = con.execute(
            "select participant, file_id, member, sha256, source, rows, exported_utc from meta.source_file"
            " where participant = ? or sha256 in (select unnest(?::varchar[])) order by participant, file_id",
            [participant, list(sha256)],
        ).fetchall()
    return Known(dict(zones), frozenset(p for (p,) in research), tuple(KnownFile(*row) for row in files))
