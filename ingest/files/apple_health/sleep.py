"""Sleep out of loose stretches: one episode a device and block, its stages disjoint and in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    Batch,
    Instants,
    Stretches,
    instants,
    overlay,
)

from .origin import name_devices, settle_offsets
from .shape import Rows
from .vocabulary import BED, STAGES

JOIN_US = 60 * MINUTE_US
"""Stretches of one device at most this far apart are one sleep (as in the features' rules)."""
STAGED = ("light", "deep", "rem")

Texts = npt.NDArray[np.str_]


def read_sleep(rows: Rows, words: Sequence[str], home: str, member: int) -> Iterator[Batch]:
    """Lay out sleep records, whose labels are all known, as episodes and stages.

    In bed and asleep are different things: where a device gives both they are two episodes.
    """
    if rows.size == 0:
        return
    stage = np.array([STAGES.get(words[i], "") for i in range(len(words))])[rows["label"]]
    device = name_devices(rows, words)
    codes = device.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    in_bed = stage == BED
    lane = codes * 2 + in_bed
    order = np.lexsort((stage, rows["end_us"], rows["start_us"], lane))
    rows, stage, lane = rows[order], stage[order], lane[order]
    block = number_blocks(lane, rows["start_us"], rows["end_us"])
    begins = np.flatnonzero(np.diff(block, prepend=-1))
    start_us = rows["start_us"][begins]
    end_us = np.maximum.reduceat(rows["end_us"], begins)
    zone = first_zone(rows["zone"], begins)
    logs = rows[begins]
    logs["number"] = np.minimum.reduceat(rows["number"], begins)
    offset, assumed = settle_offsets(start_us, zone, words, home)
    bed = lane[begins] % 2 == 1
    staged = np.zeros(begins.size, bool)
    np.logical_or.at(staged, block, np.isin(stage, STAGED))
    names = name_episodes(bed, start_us)
    shared = {
        "member": pa.array(np.full(begins.size, member, np.int32)),
        "record": pa.array(logs["number"]),
        "episode": names,
        "device": name_devices(logs, words),
    }
    columns = {
        "t_utc": instants(start_us),
        "offset_min": pa.array(offset),
        "end_utc": instants(end_us),
        "end_offset_min": pa.array(settle_offsets(end_us, zone, words, home)[0]),
        "scoring": pa.array(np.where(staged, "stages", "classic").tolist(), pa.string()),
        "vendor_main": pa.nulls(begins.size, pa.bool_()),
        "in_bed": pa.array(bed),
        "tz_assumed": pa.array(assumed),
        "revision": pa.nulls(begins.size, pa.int64()),
    }
    yield Batch("signal.sleep_episode", pa.table({**shared, **columns}))
    asleep = ~in_bed[order]
    parts = Stretches(block[asleep], rows["start_us"][asleep], rows["end_us"][asleep], stage[asleep])
    cut = cut_stages(parts, start_us, end_us)
    yield lay_out_stages(cut, pa.table(shared), zone, words, home)


def number_blocks(lane: Instants, start_us: Instants, end_us: Instants) -> Instants:
    """Number the blocks of stretches, sorted by lane and start, that lie at most JOIN_US apart."""
    new = np.ones(lane.size, bool)
    latest = np.iinfo(np.int64).min
    for i, (here, start, end) in enumerate(
        zip(lane.tolist(), start_us.tolist(), end_us.tolist(), strict=True)
    ):
        if i and here == lane[i - 1]:
            new[i] = start > latest + JOIN_US
            latest = max(latest, end)
        else:
            latest = end
    return np.cumsum(new) - 1


def first_zone(zone: npt.NDArray[np.int32], begins: Instants) -> npt.NDArray[np.int32]:
    """The zone of the first stretch of each block that names one; -1 where none does."""
    place = np.where(zone >= 0, np.arange(zone.size), zone.size)
    first = np.minimum.reduceat(place, begins)  # of a block without a zone: the number of rows
    found: npt.NDArray[np.int32] = np.append(zone, np.int32(-1))[first]
    return found


def name_episodes(bed: npt.NDArray[np.bool_], start_us: Instants) -> pa.Array:
    """Names of episodes, for Apple gives none: what they are and the second in which they begin."""
    seconds = (start_us // 1_000_000).tolist()
    kinds = ["bed" if b else "sleep" for b in bed.tolist()]
    return pa.array([f"{kind}-{second}" for kind, second in zip(kinds, seconds, strict=True)], pa.string())


def cut_stages(parts: Stretches, start_us: Instants, end_us: Instants) -> Stretches:
    """Make the stretches of each episode disjoint: stages lie over sleep without one, wakes over both."""
    plain, staged, wake = (
        parts.filter(np.isin(parts.stage, names)) for names in (("asleep",), STAGED, ("wake",))
    )
    return overlay(overlay(plain, staged, start_us, end_us), wake, start_us, end_us)


def lay_out_stages(
    cut: Stretches, shared: pa.Table, zone: npt.NDArray[np.int32], words: Sequence[str], home: str
) -> Batch:
    """Stages as rows, each with the offset that held at its start."""
    offset, _ = settle_offsets(cut.start_us, zone[cut.log], words, home)
    logs = shared.take(pa.array(cut.log))
    columns = {
        "t_utc": instants(cut.start_us),
        "offset_min": pa.array(offset),
        "end_utc": instants(cut.end_us),
        "stage": pa.array(cut.stage.tolist(), pa.string()),
        "revision": pa.nulls(cut.log.size, pa.int64()),
    }
    rows = logs
    for name, column in columns.items():
        rows = rows.append_column(name, column)
    return Batch("signal.sleep_stage", rows)
