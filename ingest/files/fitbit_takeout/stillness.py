"""Which clock the minutes of steps show, told by sleep: read rightly, hardly a step falls into it.

Whoever puts all minutes of a person into one file and writes the stamps anew may have moved them. Sleep has
a clock of its own: few steps in it tell which of two readings is right, where no heart rates are there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingest.source import (
    MINUTE_US,
    MISSING,
    Clock,
    Context,
    Export,
    Instants,
    numbers,
    parse_stamps,
)

from .json_streams import EITHER_STAMP, JSON_STREAMS, read_sleep_stamps
from .layout import Stream
from .uncounted import uncount
from .verdict import MIN_NIGHTS, MIN_SHARE, Verdict

MIN_DIFFERENCE_STEPS = 20
"""A turn in bed counts as a few steps: a night in which the readings differ by less does not vote."""
BECAUSE = "so fewer steps fall into sleep"
(SLEEP,) = (stream for stream in JSON_STREAMS if stream.name == "sleep")


def judge_steps(
    stream: Stream, export: Export, context: Context, clock: Clock, judged: Sequence[tuple[Stream, Verdict]]
) -> Verdict:
    """Judge the stamps of a file of steps by the export's sleep logs, known ones too.

    `judged` are the verdicts so far: sleep may itself be stamped in UTC.
    """
    places = [i for i in export.fresh if stream.pattern.fullmatch(export.members[i].name)]
    nights = [i for i, member in enumerate(export.members) if SLEEP.pattern.fullmatch(member.name)]
    if not places or not nights:
        return Verdict(None)
    t_us, steps = read_minutes(stream, uncount(export, places), places, context)
    start_us, end_us = read_nights(uncount(export, nights), nights, context)
    local = all(verdict.local is not False for judged_stream, verdict in judged if judged_stream is SLEEP)
    of_start = clock.of_local(start_us)[0] if local else clock.of_utc(start_us)[0]
    return weigh_steps(t_us, steps, start_us, end_us, of_start.astype(np.int64) * MINUTE_US, local=local)


def weigh_steps(
    t_us: Instants, steps: Instants, start_us: Instants, end_us: Instants, offset_us: Instants, *, local: bool
) -> Verdict:
    """Count the steps in every sleep for both readings; nights vote for the one with fewer.

    Parameters
    ----------
    t_us, steps
        Minutes as stamped, in order, and the steps in each.
    start_us, end_us, offset_us
        Sleeps as stamped, and the offset from UTC that held there.
    local
        Whether sleeps are stamped by the local clock, else in UTC.
    """
    on_local, on_utc = (0, -offset_us) if local else (offset_us, 0)
    as_local = steps_between(t_us, steps, start_us + on_local, end_us + on_local)
    as_utc = steps_between(t_us, steps, start_us + on_utc, end_us + on_utc)
    fewer_if_local = as_utc - as_local
    votes = fewer_if_local[np.abs(fewer_if_local) >= MIN_DIFFERENCE_STEPS]
    for_local = int((votes > 0).sum())
    most = max(for_local, votes.size - for_local)
    if votes.size < MIN_NIGHTS or most < MIN_SHARE * votes.size:
        return Verdict(None, int(votes.size), most, BECAUSE)
    return Verdict(for_local == most, int(votes.size), most, BECAUSE)


def steps_between(t_us: Instants, steps: Instants, start_us: Instants, end_us: Instants) -> Instants:
    """The steps from each start to its end."""
    total = np.concatenate([[0], np.cumsum(steps)])
    first, last = (np.searchsorted(t_us, edge) for edge in (start_us, end_us))
    between: Instants = total[last] - total[first]
    return between


def read_minutes(
    stream: Stream, export: Export, members: Sequence[int], context: Context
) -> tuple[Instants, Instants]:
    """Minutes as stamped, in order, a minute once, with their steps."""
    stamps, counts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for records in context.read_json(export, members, stream.table, stream.fields):
        t_us, steps = parse_stamps(records.rows["stamp"], EITHER_STAMP), numbers(records.rows["steps"])
        good = (t_us != MISSING) & (steps >= 0)
        stamps.append(t_us[good])
        counts.append(steps[good].astype(np.int64))
    minutes, place = np.unique(np.concatenate(stamps), return_index=True)
    return minutes, np.concatenate(counts)[place]


def read_nights(export: Export, members: Sequence[int], context: Context) -> tuple[Instants, Instants]:
    """Starts and ends of sleeps as stamped, a sleep once."""
    edges = [np.zeros((0, 2), np.int64)]
    for records in context.read_json(export, members, SLEEP.table, SLEEP.fields):
        start_us, end_us = (read_sleep_stamps(records.rows[name]) for name in ("start", "end"))
        good = (start_us != MISSING) & (end_us != MISSING) & (end_us > start_us)
        edges.append(np.column_stack([start_us[good], end_us[good]]))
    sleeps = np.unique(np.concatenate(edges), axis=0)
    return sleeps[:, 0], sleeps[:, 1]
