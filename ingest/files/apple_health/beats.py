"""Beats out of the lists that heart rate variability comes with: intervals between wall-clock times."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.source import Flags

from .shape import HALF_DAY_MS, Ints, Rows

TICK_MS = 10.0
"""Resolution of the times."""
ANCHOR_US = 15 * 60 * 1_000_000
"""Clocks of all zones differ by whole quarter hours, so an instant and a wall clock agree within one."""
SLACK_US = 2_000_000
"""How far outside its record's time a beat may lie: those stamps are cut to the second."""
LEAST_US = 120_000_000
"""A list takes about a minute: so long it may run, however short its record says that it is."""
GAP = 1.5
"""An interval longer than this times what the rates on both sides say has lost a beat: one makes it twice as long."""
GAP_MS = 2500.0
"""The same where no rate is given: 24 beats a minute."""

INTERVAL = np.dtype([("row", np.int32), ("t_us", np.int64), ("rr_ms", np.float32), ("gap_before", np.bool_)])


def find_intervals(beats: Rows, start_us: Ints, end_us: Ints) -> tuple[Rows, dict[int, str]]:
    """Turn beat lists into intervals.

    Each list is laid on its record's instant: the wall clock is off UTC by a number of quarter hours
    that need not be known. A step of time that a lost beat explains gives no interval but a gap.

    Parameters
    ----------
    beats : (n,) BEAT
        Entries of lists, those of a record together and in order.
    start_us, end_us : (m,) int64
        Time of each record in microseconds of UTC; `beats.row` is a place in them.

    Returns
    -------
    intervals : (k,) INTERVAL
        The instant of the beat that ends each, its length, and whether beats are missing before it.
    bad : dict
        Row of a list that was left out, and why.
    """
    beats = drop_repeated(beats)
    row, wall_ms = beats["row"], beats["wall_ms"].astype(np.int64)
    if row.size == 0:
        return np.zeros(0, INTERVAL), {}
    first = np.diff(row, prepend=-1) != 0
    # Midnight, noon and words for the half of the day vanish in the remainder of twelve hours.
    step_ms = (np.diff(wall_ms, prepend=0) + HALF_DAY_MS // 2) % HALF_DAY_MS - HALF_DAY_MS // 2
    step_ms[first] = 0
    begins = np.flatnonzero(first)
    group = np.cumsum(first) - 1
    total_us = np.cumsum(step_ms) * 1000
    since_us = total_us - total_us[begins][group]
    anchor_us = (wall_ms[begins] * 1000 - start_us[row[begins]] + SLACK_US) % ANCHOR_US - SLACK_US
    t_us = start_us[row] + anchor_us[group] + since_us
    latest_us = np.maximum(end_us, start_us + LEAST_US) + SLACK_US
    bad: dict[int, str] = {}
    for wrong, reason in (
        (step_ms < 0, "a beat list whose times run backwards"),
        (t_us > latest_us[row], "a beat list that does not lie within the time of its record"),
    ):
        for place in np.unique(row[wrong]).tolist():
            bad.setdefault(place, reason)
    lost = find_gaps(step_ms, beats["bpm"].astype(np.float64))
    is_interval = ~first & ~lost & ~np.isin(row, list(bad))
    out = np.zeros(int(is_interval.sum()), INTERVAL)
    out["row"], out["t_us"] = row[is_interval], t_us[is_interval]
    out["rr_ms"] = step_ms[is_interval]
    out["gap_before"] = ~np.concatenate([[False], is_interval[:-1]])[is_interval]
    return out, bad


def drop_repeated(beats: Rows) -> Rows:
    """Leave out entries that repeat the one before: no time has passed, no beat is missing."""
    if beats.size == 0:
        return beats
    same = (beats["row"][1:] == beats["row"][:-1]) & (beats["wall_ms"][1:] == beats["wall_ms"][:-1])
    kept: Rows = beats[np.concatenate([[True], ~same])]
    return kept


def find_gaps(step_ms: Ints, bpm: npt.NDArray[np.float64]) -> Flags:
    """Where the step to an entry is so long that beats are missing in it."""
    with np.errstate(divide="ignore"):
        expected_ms = np.where(bpm > 0, 60_000.0 / bpm, np.nan)
    before_ms = np.concatenate([[np.nan], expected_ms[:-1]])
    longest_ms = np.fmax(expected_ms, before_ms)
    return np.where(np.isnan(longest_ms), step_ms > GAP_MS, step_ms > GAP * longest_ms)
