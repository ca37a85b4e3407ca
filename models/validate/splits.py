"""Who and when is learned from, and who and when is asked: two claims, two kinds of split.

*A new person* is leave-one-person-out, or five folds of people where there are more than 50. *The same
person later* is a rolling origin. Where a set has protocol orders that give the answer away by the
clock, one order is learned from and the other is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from models.validate.table import Ints, Table

Protocol = Literal["cross-order", "new person", "same person later"]

MOST_ALONE = 50
FOLDS = 5
SEED = 20261122

TRAIN_DAYS = 28
BLOCK_DAYS = 7
EMBARGO_DAYS = 1
"""Days left out between what is learned from and what is asked: an evening's answer and the night after
it would otherwise lie on both sides."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One split: positions of the rows that are learned from, and of those that are asked."""

    name: str
    train: Ints
    test: Ints


def split(table: Table, protocol: Protocol) -> list[Fold]:
    """Folds of a protocol; none where the table does not allow it.

    Rows to learn from that share a moment with a row asked of the same person are left out.
    """
    if protocol == "cross-order":
        folds = cross_orders(table)
    elif protocol == "new person":
        folds = leave_people_out(table)
    else:
        folds = roll_origin(table)
    return [f for f in (keep_apart(table, fold) for fold in folds) if len(f.train) and len(f.test)]


def leave_people_out(table: Table) -> list[Fold]:
    """One fold a person, or five folds of people."""
    people = table.people
    if len(people) < 2:
        return []
    groups: Sequence[Sequence[str]] = [[person] for person in people]
    if len(people) > MOST_ALONE:
        shuffled = np.random.default_rng(SEED).permutation(np.array(people))
        groups = [sorted(part.tolist()) for part in np.array_split(shuffled, FOLDS)]
    return [hold_out(table, group) for group in groups]


def hold_out(table: Table, people: Sequence[str]) -> Fold:
    """A fold that asks these people."""
    asked = np.isin(table.participant, people)
    name = people[0] if len(people) == 1 else f"{len(people)} people from {people[0]}"
    return Fold(name, np.flatnonzero(~asked), np.flatnonzero(asked))


def cross_orders(table: Table) -> list[Fold]:
    """Learn from all orders but one, ask that one; none where there is only one order."""
    orders = [order for order in np.unique(table.order).tolist() if order]
    if len(orders) < 2:
        return []
    folds = []
    for order in orders:
        asked = table.order == order
        known = ~asked & (table.order != "") & ~np.isin(table.participant, table.participant[asked])
        folds.append(Fold(f"asked: {order}", np.flatnonzero(known), np.flatnonzero(asked)))
    return folds


def roll_origin(table: Table) -> list[Fold]:
    """Blocks of seven days, each asked of what was learned before it, for everyone by the calendar.

    Asked are people whose first row lies at least 28 days before the last day that may be learned from.
    """
    day = table.day
    if not len(day):
        return []
    first = {person: int(day[table.participant == person].min()) for person in table.people}
    began = np.array([first[person] for person in table.participant.tolist()])
    folds = []
    for origin in range(int(np.min(day)) + TRAIN_DAYS + EMBARGO_DAYS, int(np.max(day)) + 1, BLOCK_DAYS):
        train = np.flatnonzero(day < origin - EMBARGO_DAYS)
        ready = origin - EMBARGO_DAYS - began >= TRAIN_DAYS
        test = np.flatnonzero((day >= origin) & (day < origin + BLOCK_DAYS) & ready)
        folds.append(Fold(f"week from {np.datetime64(origin, 'D')}", train, test))
    return folds


def keep_apart(table: Table, fold: Fold) -> Fold:
    """The fold without rows to learn from that share a moment with a row asked of the same person."""
    shared = np.zeros(len(fold.train), np.bool_)
    for person in np.unique(table.participant[fold.test]).tolist():
        mine = np.flatnonzero(table.participant[fold.train] == person)
        asked = fold.test[table.participant[fold.test] == person]
        asked = asked[np.argsort(table.start_s[asked], kind="stable")]
        latest = np.concatenate(([-np.inf], np.maximum.accumulate(table.end_s[asked])))
        begun = np.searchsorted(table.start_s[asked], table.end_s[fold.train[mine]], side="left")
        shared[mine] = latest[begun] > table.start_s[fold.train[mine]]
    return replace(fold, train=fold.train[~shared])
