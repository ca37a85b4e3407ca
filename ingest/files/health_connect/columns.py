"""Columns that all records of a Health Connect database share: instants, offsets, devices."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MISSING,
    Check,
    Clock,
    Flags,
    Instants,
    instants,
    read_rows,
)

from .layout import Database, Moments

OFFSET_MAX_S = 18 * 3600


def with_member(rows: pa.Table, member: int) -> pa.Table:
    """Put the member's position before the columns."""
    return rows.add_column(0, "member", pa.array(np.full(rows.num_rows, member, dtype=np.int32)))


def whole(rows: pa.Table, name: str, default: int = MISSING) -> Instants:
    """A column of whole numbers; `default` where null."""
    return pc.fill_null(rows[name], default).to_numpy().astype(np.int64)  # type: ignore[no-any-return]


def read_instants(rows: pa.Table, name: str) -> Instants:
    """Milliseconds as microseconds; MISSING where there are none, or none that an instant can be."""
    ms = whole(rows, name)
    return np.where(np.abs(ms) < 1 << 53, ms * 1000, MISSING) if ms.size else ms


def read_offsets(
    rows: pa.Table, name: str, t_us: Instants, clock: Clock
) -> tuple[npt.NDArray[np.int16], Flags]:
    """Offsets in minutes; the person's zone, flagged, where there is none that is one."""
    seconds = whole(rows, name)
    good = (np.abs(seconds) <= OFFSET_MAX_S) & (seconds % 60 == 0)
    own = clock.of_utc(t_us)[0]
    return np.where(good, np.where(good, seconds, 0) // 60, own).astype(np.int16), ~good


def label(rows: pa.Table, devices: Mapping[tuple[int, int], str]) -> pa.Array:
    """The device of each row; null where neither app nor device is named."""
    app, device = whole(rows, "app_info_id", -1), whole(rows, "device_info_id", -1)
    names = [
        devices.get((a, d)) or devices.get((a, -1)) or None
        for a, d in zip(app.tolist(), device.tolist(), strict=True)
    ]
    return pa.array(names, pa.string())


def start(rows: pa.Table, start_us: Instants, database: Database) -> Moments:
    """When records that have a start and an end begin."""
    offset, assumed = read_offsets(rows, "start_zone_offset", start_us, database.clock)
    return Moments(start_us, offset, assumed, label(rows, database.devices))


def shared(when: Moments) -> dict[str, pa.Array | pa.ChunkedArray]:
    """Columns that all tables have."""
    return {
        "device": when.device,
        "t_utc": instants(when.t_us),
        "offset_min": pa.array(when.offset_min),
        "tz_assumed": pa.array(when.assumed),
    }


def check_spans(start_us: Instants, end_us: Instants, longest_h: int) -> list[Check]:
    """What may be wrong with the ends of records."""
    return [
        (end_us == MISSING, "expected an end_time in milliseconds, found none"),
        (end_us < start_us, "ends before it starts"),
        (end_us - start_us > longest_h * 3600 * 1_000_000, f"longer than {longest_h} hours"),
    ]


def gather(database: Database, table: str, columns: Mapping[str, str]) -> pa.Table:
    """All rows of a table together, with their member."""
    parts = list(read_rows(database.con, table, columns))
    return with_member(pa.concat_tables(parts), database.member)


def find_parents(keys: Instants, order: Instants, wanted: Instants) -> tuple[Instants, Flags]:
    """The position of the record that each row belongs to, and whether there is one."""
    if keys.size == 0:
        return np.zeros(wanted.size, dtype=np.int64), np.zeros(wanted.size, dtype=bool)
    place = np.minimum(np.searchsorted(keys[order], wanted), keys.size - 1)
    found = order[place]
    return found, keys[found] == wanted


def between(records: pa.Table, t_us: Instants, clock: Clock) -> tuple[npt.NDArray[np.int16], Flags]:
    """Offsets inside records: that of the start, or of the end where the person's zone says so too."""
    start, start_assumed = read_offsets(records, "start_zone_offset", t_us, clock)
    end, end_assumed = read_offsets(records, "end_zone_offset", t_us, clock)
    own = clock.of_utc(t_us)[0]
    late = (own == end) & ~end_assumed
    return np.where(late, end, start).astype(np.int16), start_assumed & ~late
