"""What any model has to beat: guesses that look at no body, or at the clock and the steps alone.

Each is asked the same rows as the model, and learns from the same training fold. One that cannot be
asked says why; it is never left out of the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.validate.learners import Fit, classify_with, fit_ridge, make_logistic, make_tree
from models.validate.past import clock_h, label_past, weekday
from models.validate.splits import Fold, Protocol
from models.validate.table import Floats, Ints, Table

NEW_PERSON = "a new person has no labels of their own"
NO_EARLIER_DAY = "no label of an earlier day"
NO_STEPS = "no steps in what is learned from"
ONE_HOUR = "all rows are of the same hour"
ONE_WEEKDAY = "fewer than two days of the week"
SMOOTH = 1.0
"""Rows' worth of the training share that are added where shares of a few rows are taken."""


@dataclass(frozen=True, eq=False)
class Guess:
    """What a baseline says of the rows asked: (n, k) probabilities or (n,) numbers; or why it cannot."""

    said: Floats | None
    reason: str = ""


Baseline = Callable[[Table, Fold, Protocol, Fit], Guess]


def majority(table: Table, fold: Fold, _protocol: Protocol, _fit: Fit) -> Guess:
    """Shares of the classes in training, or its median."""
    return Guess(spread(table, usual(table, fold.train), len(fold.test)))


def person_mean(table: Table, fold: Fold, protocol: Protocol, _fit: Fit) -> Guess:
    """The person's own shares or mean in training."""
    return by_person(table, fold, protocol, lambda rows: shares_or(np.mean, table, rows))


def person_median(table: Table, fold: Fold, protocol: Protocol, _fit: Fit) -> Guess:
    """The person's commonest class or median in training."""
    return by_person(table, fold, protocol, lambda rows: commonest_or_median(table, rows))


def last_value(table: Table, fold: Fold, protocol: Protocol, _fit: Fit) -> Guess:
    """The person's last label of an earlier day."""
    if protocol != "same person later":
        return Guess(None, NEW_PERSON)
    last = label_past(table)[fold.test, 1]
    if np.isnan(last).all():
        return Guess(None, NO_EARLIER_DAY)
    said = spread(table, usual(table, fold.train), len(fold.test))
    known = ~np.isnan(last)
    said[known] = one_hot(last[known], len(table.classes)) if table.classes else last[known]
    return Guess(said)


def day_of_week(table: Table, fold: Fold, _protocol: Protocol, _fit: Fit) -> Guess:
    """Shares or mean of the same day of the week in training."""
    days = weekday(table)
    if len(np.unique(days[fold.train])) < 2:
        return Guess(None, ONE_WEEKDAY)
    said = spread(table, usual(table, fold.train), len(fold.test))
    for day in range(7):
        rows = fold.train[days[fold.train] == day]
        if len(rows):
            said[days[fold.test] == day] = shares_or(np.mean, table, rows, fold.train)
    return Guess(said)


def time_of_day(table: Table, fold: Fold, _protocol: Protocol, _fit: Fit) -> Guess:
    """The hour of the local clock alone, by a tree."""
    hours = clock_h(table)
    if np.ptp(hours) < 1:
        return Guess(None, ONE_HOUR)
    return learn(table, fold, hours[:, None])


def steps_only(table: Table, fold: Fold, _protocol: Protocol, _fit: Fit) -> Guess:
    """The steps alone."""
    if np.isnan(table.steps[fold.train]).all():
        return Guess(None, NO_STEPS)
    return learn(table, fold, table.steps[:, None], smooth=True)


def time_since_start(table: Table, fold: Fold, _protocol: Protocol, _fit: Fit) -> Guess:
    """The minutes since the recording began alone, by a tree: what a clock would score."""
    return learn(table, fold, table.since_start_min[:, None])


def label_only(table: Table, fold: Fold, protocol: Protocol, _fit: Fit) -> Guess:
    """Mean and last of the person's own earlier labels: no sensor at all."""
    if protocol != "same person later":
        return Guess(None, NEW_PERSON)
    past = label_past(table)
    if np.isnan(past[fold.train]).all():
        return Guess(None, NO_EARLIER_DAY)
    return learn(table, fold, past, smooth=True)


def shuffled_labels(table: Table, fold: Fold, _protocol: Protocol, fit: Fit) -> Guess:
    """The model itself, taught with each person's labels in another order: what chance and leaks give."""
    # Another order in each fold: one order for all would give every fold the same chance finding.
    rng = np.random.default_rng([len(fold.train), len(fold.test), int(fold.test[0])])
    label = table.label[fold.train].copy()
    who = table.participant[fold.train]
    for person in np.unique(who).tolist():
        mine = np.flatnonzero(who == person)
        label[mine] = label[rng.permutation(mine)]
    return Guess(fit(table.x[fold.train], label, who)(table.x[fold.test]))


BASELINES: dict[str, Baseline] = {
    "majority": majority,
    "person mean": person_mean,
    "person median": person_median,
    "last value": last_value,
    "day of week": day_of_week,
    "time of day": time_of_day,
    "steps only": steps_only,
    "time since start": time_since_start,
    "label only": label_only,
    "shuffled labels": shuffled_labels,
}
"""All of them, in the order in which they are printed."""


def usual(table: Table, rows: Ints) -> Floats:
    """Shares (k,) of the classes of some rows, or (1,) their median."""
    if table.classes:
        return np.asarray(
            np.bincount(table.codes[rows], minlength=len(table.classes)) / len(rows), np.float64
        )
    return np.array([np.median(table.label[rows])])


def spread(table: Table, value: Floats, n: int) -> Floats:
    """The same shares or number for n rows."""
    return np.tile(value, (n, 1)) if table.classes else np.full(n, value[0])


def shares_or(
    middle: Callable[[Floats], np.floating], table: Table, rows: Ints, around: Ints | None = None
) -> Floats:
    """Shares of some rows' classes, with one row's worth of those of `around`; or their middle."""
    if not table.classes:
        return np.array([float(middle(table.label[rows]))])
    count = np.bincount(table.codes[rows], minlength=len(table.classes)).astype(np.float64)
    if around is not None:
        count += SMOOTH * usual(table, around)
    shares: Floats = count / count.sum()
    return shares


def commonest_or_median(table: Table, rows: Ints) -> Floats:
    """The commonest class for certain, or the median."""
    if not table.classes:
        return np.array([np.median(table.label[rows])])
    return one_hot(np.array([np.argmax(usual(table, rows))]), len(table.classes)).ravel()


def one_hot(codes: Floats | Ints, n_classes: int) -> Floats:
    """Classes as certain probabilities, (n, k)."""
    return np.asarray(np.eye(n_classes)[np.asarray(codes, np.int64)], np.float64)


def by_person(table: Table, fold: Fold, protocol: Protocol, tell: Callable[[Ints], Floats]) -> Guess:
    """What is told of each person's own training rows; of everyone's where a person has none."""
    if protocol != "same person later":
        return Guess(None, NEW_PERSON)
    said = spread(table, usual(table, fold.train), len(fold.test))
    for person in np.unique(table.participant[fold.test]).tolist():
        own = fold.train[table.participant[fold.train] == person]
        if len(own):
            said[table.participant[fold.test] == person] = tell(own)
    return Guess(said)


def learn(table: Table, fold: Fold, x: Floats, *, smooth: bool = False) -> Guess:
    """Fit a small model on other columns than the features: a tree, or a straight line where `smooth`."""
    fit: Fit = fit_ridge
    if table.classes:
        fit = classify_with(make_logistic if smooth else make_tree, len(table.classes))
    predict = fit(x[fold.train], table.label[fold.train], table.participant[fold.train])
    return Guess(predict(x[fold.test]))
