"""Stretches of sleep logs: what lies over what, cut so that a log's stretches are disjoint and in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.columns import Check, Flags, Instants, numbers
from ingest.stamps import MISSING, parse_stamps


@dataclass(frozen=True)
class Stretches:
    """Parts of sleep logs: which log (row), from when to when on the log's clock, which stage."""

    log: Instants
    start_us: Instants
    end_us: Instants
    stage: npt.NDArray[np.str_]

    def filter(self, keep: Flags) -> Stretches:
        """Those where `keep` is true."""
        return Stretches(self.log[keep], self.start_us[keep], self.end_us[keep], self.stage[keep])


def renumber(parts: Stretches, keep: Flags, place: Instants) -> Stretches:
    """Keep the parts of logs that are kept, and number these anew."""
    kept = parts.filter(keep[parts.log])
    return Stretches(place[kept.log], kept.start_us, kept.end_us, kept.stage)


def overlay(parts: Stretches, over: Stretches, start_us: Instants, end_us: Instants) -> Stretches:
    """Lay short stretches over the stages around them, which they cut, and cut all to their log.

    All logs at once: they are laid one behind the other on one line, cut at every edge; each piece is
    what lies over it, or else the part below; equal neighbours are joined. A stage '' is no stage.

    Parameters
    ----------
    parts, over
        Stages that follow each other, and what lies over them; `log` is a position in `start_us`.
    start_us, end_us : (n,) int64
        Start and end of each log, on the same clock, end not before start.
    """
    # Logs lie this far apart on the line, so that a piece between two of them is known by its length.
    pitch = 4 * int(np.max(end_us - start_us, initial=1))
    base = np.arange(start_us.size, dtype=np.int64) * pitch - start_us
    lines = [line_up(p, base, start_us, end_us) for p in (parts, over)]
    edges = np.unique(np.concatenate([e for line in lines for e in (line.start_us, line.end_us)]))
    left, right = edges[:-1], edges[1:]
    above = stage_at(lines[1], left)
    stage = np.where(above != "", above, stage_at(lines[0], left))
    log = (left + pitch // 2) // pitch
    whole = (stage != "") & (right - left < pitch // 2)
    left, right, stage, log = left[whole], right[whole], stage[whole], log[whole]
    if left.size == 0:
        return Stretches(log, left, right, stage)
    joins = (left[1:] == right[:-1]) & (stage[1:] == stage[:-1]) & (log[1:] == log[:-1])
    first = np.flatnonzero(np.concatenate([[True], ~joins]))
    last = np.concatenate([first[1:] - 1, [left.size - 1]])
    log = log[first]
    return Stretches(log, left[first] - base[log], right[last] - base[log], stage[first])


def line_up(parts: Stretches, base: Instants, start_us: Instants, end_us: Instants) -> Stretches:
    """Put the parts of all logs on one line, in order, cut to their logs."""
    start = np.maximum(parts.start_us, start_us[parts.log]) + base[parts.log]
    end = np.minimum(parts.end_us, end_us[parts.log]) + base[parts.log]
    order = np.argsort(start, kind="stable")
    line = Stretches(parts.log[order], start[order], end[order], parts.stage[order])
    return line.filter(line.end_us > line.start_us)


def stage_at(line: Stretches, place: Instants) -> npt.NDArray[np.str_]:
    """The stage over each place; '' where no part is."""
    if line.start_us.size == 0:
        return np.full(place.size, "")
    found = np.searchsorted(line.start_us, place, side="right") - 1
    inside = (found >= 0) & (line.end_us[np.maximum(found, 0)] > place)
    return np.where(inside, line.stage[found], "")


def unfold(levels: pa.ChunkedArray, layouts: Sequence[str], longest_h: int) -> Stretches:
    """Lay lists of dateTime, level and seconds, one list a log, side by side.

    A level without a name is None's text, ''; one without a start, or of no or absurd length, ends at MISSING.
    """
    array = pa.concat_arrays(levels.chunks) if levels.num_chunks else pa.array([], levels.type)
    log = pc.list_parent_indices(array).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = pc.list_flatten(array)
    start_us = parse_stamps(pc.struct_field(flat, "dateTime"), layouts)
    seconds = numbers(pc.struct_field(flat, "seconds"))
    good = (start_us != MISSING) & (seconds > 0) & (seconds < longest_h * 3600)
    names = np.array(pc.fill_null(pc.struct_field(flat, "level"), "").to_pylist(), dtype=np.str_)
    length_us = np.where(good, seconds, 0) * 1e6
    end_us = np.where(good, start_us + length_us.astype(np.int64), MISSING)
    return Stretches(log, start_us, end_us, names)


def rename(parts: Stretches, names: Mapping[str, str]) -> Stretches:
    """The vendor's levels as our stages."""
    stages = np.array([names[name] for name in parts.stage.tolist()], dtype="U8")
    return Stretches(parts.log, parts.start_us, parts.end_us, stages)


def check_levels(parts: Stretches, names: Mapping[str, str], n_logs: int) -> list[Check]:
    """Logs with a level that has no known name, or no time."""
    nameless = ~np.isin(parts.stage, list(names))
    timeless = parts.end_us == MISSING
    found = ", ".join(sorted({repr(str(name)[:20]) for name in parts.stage[nameless]})[:5])
    known = ", ".join(names)
    return [
        (mark(parts.log[nameless], n_logs), f"a sleep stage that is not known ({found}): expected {known}"),
        (mark(parts.log[timeless], n_logs), "a sleep stage without a start or a length"),
    ]


def mark(places: Instants, count: int) -> Flags:
    """True at the given places."""
    marked = np.zeros(count, dtype=bool)
    marked[places] = True
    return marked
