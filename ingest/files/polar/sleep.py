"""Polar's sleeps: their states as stages, and the offsets that they prove."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    MISSING,
    Batch,
    Export,
    Instants,
    Moments,
    Rejected,
    Stretches,
    check_end,
    check_instants,
    lay_out_episodes,
    lay_out_stages,
    parse_documents,
    parse_zoned,
    refuse_rows,
    spans,
    write_cell,
)

from .layout import DURATION, FIRST_US, SLEEP_MAX_H, STATES, File, Kind
from .records import Cells, DiffersError, gather, need


def sleep_offsets(export: Export, kinds: list[Kind | None]) -> tuple[Instants, npt.NDArray[np.int16]]:
    """Instants and offsets of all sleeps of an export."""
    stamps: list[str] = []
    for i, kind in enumerate(kinds):
        if kind is not None and kind.read == "sleeps":
            for record in parse_documents(export.members[i].read(), "deviceDays").records:
                try:
                    stamps += [
                        need(record, f"sleepResult.hypnogram.{key}", str)
                        for key in ("sleepStart", "sleepEnd")
                    ]
                except DiffersError:
                    continue
    zoned = parse_zoned(pa.array(stamps, pa.string()))
    good = (zoned.t_us != MISSING) & ~zoned.naive
    return zoned.t_us[good], zoned.offset_min[good]


def read_sleeps(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Nights with their states, which hold until the next change."""

    def each(record: object) -> list[Cells]:
        found = [
            (duration_of(need(change, "offsetFromStart", str)), state_of(need(change, "state", str)))
            for change in need(record, "sleepResult.hypnogram.sleepStateChanges", list)
        ]
        start, end = (need(record, f"sleepResult.hypnogram.{key}", str) for key in ("sleepStart", "sleepEnd"))
        night = need(record, "night", str)
        return [{"episode": night, "start": start, "end": end, "states": write_cell(sorted(found))}]

    rows, refused = gather(records, file, ("episode", "start", "end", "states"), each)
    yield from refused
    start, end = read_edges(rows["start"]), read_edges(rows["end"])
    checks = check_instants(start.t_us, FIRST_US, file.latest_us)
    checks += check_end(start.t_us, end.t_us, SLEEP_MAX_H)
    keep, rejected = refuse_rows(rows, checks, file.table)
    yield rejected
    rows, start, end = rows.filter(pa.array(keep)), start.filter(keep), end.filter(keep)
    parts = lay_states(rows["states"].to_pylist(), start.t_us, end.t_us)
    whole = not refused and not rejected.rows.num_rows
    main = pa.nulls(rows.num_rows, pa.bool_())
    staged = np.isin(np.arange(rows.num_rows), parts.log)
    episodes = lay_out_episodes(rows, start, end, staged=staged, main=main, in_bed=None)
    for table, laid in (
        ("signal.sleep_episode", episodes),
        ("signal.sleep_stage", lay_out_stages(rows, parts, start, end, file.clock)),
    ):
        yield Batch(table, laid, spans(table, rows, start.t_us, end.t_us) if whole else ())


def read_edges(column: pa.ChunkedArray) -> Moments:
    """Stamps that must carry their offset; one without is none."""
    zoned = parse_zoned(column)
    t_us = np.where(zoned.naive, MISSING, zoned.t_us)
    return Moments(t_us, zoned.offset_min, np.zeros(t_us.size, dtype=np.bool_))


def duration_of(text: str) -> float:
    """Seconds of a duration such as PT1H30M."""
    found = DURATION.fullmatch(text)
    if found is None or text == "PT":
        raise DiffersError("expected a duration such as PT1H30M in sleepStateChanges.offsetFromStart")
    return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60 + float(found[3] or 0)


def state_of(text: str) -> str:
    """The stage of a sleep state."""
    if text not in STATES:
        raise DiffersError(f"a sleep state that is not known ({text[:20]!r}): expected {', '.join(STATES)}")
    return STATES[text]


def lay_states(states: list[str], start_us: Instants, end_us: Instants) -> Stretches:
    """Changes of state (seconds, stage) as stretches, each up to the next or to the end of its sleep."""
    log, begin, stop, stage = [], [], [], []
    for place, text in enumerate(states):
        found: list[tuple[float, str]] = json.loads(text)
        edges = [int(start_us[place] + seconds * 1e6) for seconds, _ in found] + [int(end_us[place])]
        for (_, name), left, right in zip(found, edges, edges[1:], strict=False):
            log.append(place)
            begin.append(left)
            stop.append(right)
            stage.append(name)
    logs, begins, stops = (np.array(values, dtype=np.int64) for values in (log, begin, stop))
    return Stretches(logs, begins, stops, np.array(stage, dtype="U8"))
