"""Which days are to be computed, and in which batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from features.catalog import REACH_DAYS

EPOCH = date(1970, 1, 1)
MARGIN_DAYS = 2
"""Read before the reach, so that gaps and offsets at its edge are the same however much is read."""

MOST_DAYS = 3000
"""Participant-days (with what is read before them) held in memory at a time."""


@dataclass(frozen=True)
class Work:
    """What is to be done for one person; days since 1970-01-01, in order."""

    participant: str
    days: tuple[int, ...]
    done: tuple[int, ...]
    later: tuple[int, ...]


def plan(due: set[int], have: Mapping[int, bool], *, last: int, before: int) -> Work:
    """Which days to compute, which dues that settles, and which days to put off.

    A due day D touches D−1 (its night begins there) to D+reach, within the person's days. Days within
    the span that have no rows yet (a gap that new data closed) and days of an older method join in.

    Parameters
    ----------
    due : set of int
        Days whose signals changed.
    have : mapping
        Day → whether its rows are of the current method, for days with rows.
    last : int
        Last day with signals or rows.
    before : int
        Days from here on are put off.
    """
    # A due day that is put off touches nothing yet: else the day before it would be redone every night.
    done = {d for d in due if d < before}
    touched = {d for one in done for d in range(one - 1, min(one + REACH_DAYS, last) + 1)}
    first = min(due | have.keys())
    last = max(last, max(due, default=last))
    holes = set(range(first, last + 1)) - have.keys()
    wanted = (touched & have.keys()) | holes | due | {d for d, current in have.items() if not current}
    return Work(
        "",
        tuple(sorted(d for d in wanted if d < before)),
        tuple(sorted(done)),
        tuple(sorted(d for d in wanted if d >= before)),
    )


def split_work(works: Iterable[Work]) -> Iterable[list[Work]]:
    """Batches of people that fit into memory together: the results do not depend on them."""
    batch: list[Work] = []
    held = 0
    for work in works:
        if not work.days:
            continue
        size = work.days[-1] - work.days[0] + 1 + REACH_DAYS + MARGIN_DAYS
        if batch and held + size > MOST_DAYS:
            yield batch
            batch, held = [], 0
        batch.append(work)
        held += size
    if batch:
        yield batch


def to_day(value: date) -> int:
    """Days since 1970-01-01."""
    return (value - EPOCH).days


def to_date(day: int) -> date:
    """The date of a number of days since 1970-01-01."""
    return EPOCH + timedelta(days=day)
