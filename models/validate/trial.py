"""One trial: a model and every baseline under one protocol, asked the same rows, scored the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.validate import metrics
from models.validate.baselines import BASELINES, Guess, usual
from models.validate.learners import Fit, Predict, call_classes
from models.validate.splits import SEED, Fold, Protocol, split
from models.validate.table import Floats, Ints, Table, keep_labelled

MODEL = "model"
DRAWS = 1000
LEAST_PEOPLE = 5
"""From fewer people an interval over people says nothing."""
CLOCKS = ("time since start", "time of day")
CARRIED = "another data set"
"""Name of the protocol in which a model that learned elsewhere is asked."""

NOTHING_LEARNED = "nothing is learned from this set"
Spread = tuple[float | None, float | None, float | None]
NOBODY: Spread = (None, None, None)


@dataclass(frozen=True)
class Plan:
    """What is to be tried.

    Attributes
    ----------
    task : str
        What is told apart or told, such as 'stress or not'.
    protocol : Protocol
        How rows are parted.
    variant : str
        'all', or what was left out.
    table : Table
        The rows.
    fit : Fit
        The learner, of one configuration fixed beforehand.
    power : float
        How classes are called: see `learners.call_classes`.
    """

    task: str
    protocol: Protocol
    variant: str
    table: Table
    fit: Fit
    power: float = 1.0


@dataclass(frozen=True)
class Value:
    """A score over everyone, its interval over people, and the person at the bad tenth.

    Attributes
    ----------
    value : float or None
        None where it cannot be said.
    lo95, hi95 : float or None
        2.5 and 97.5 per cent of 1,000 draws of whole people; None from fewer than five.
    worst_tenth, middle_person, best_tenth : float or None
        The spread over people: the person of whom nine in ten are better, the one in the middle, and the
        one of whom nine in ten are worse (interpolated); None where it cannot be said of a person.
    """

    value: float | None
    lo95: float | None = None
    hi95: float | None = None
    worst_tenth: float | None = None
    middle_person: float | None = None
    best_tenth: float | None = None


@dataclass(frozen=True)
class Scheme:
    """Scores of the model or of a baseline; or why it could not be asked."""

    name: str
    scores: dict[str, Value]
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Asked:
    """What was said of the rows asked, over all folds: rows (m,), truth (m,), said and called by scheme."""

    rows: Ints
    truth: Floats
    person: Ints
    people: int
    said: dict[str, Floats]
    called: dict[str, Ints]
    reasons: dict[str, str]


@dataclass(frozen=True)
class Trial:
    """What came of a plan.

    Attributes
    ----------
    task, protocol, variant : str
        As planned.
    people, rows, folds : int
        How many were asked.
    classes : tuple of str
        As in the table; of numbers none.
    schemes : tuple of Scheme
        The model first; empty where the protocol could not be run.
    reliability : list of dict
        Of the model: bins of stated probability.
    reason : str
        Why it could not be run; '' if it was.
    """

    task: str
    protocol: str
    variant: str
    people: int
    rows: int
    folds: int
    classes: tuple[str, ...]
    schemes: tuple[Scheme, ...]
    reliability: list[dict[str, float]]
    reason: str = ""

    @property
    def main_metric(self) -> str:
        """The score that trials are compared by: balanced accuracy, of numbers the mean absolute error."""
        return "balanced_accuracy" if self.classes else "mae"

    def score(self, scheme: str, metric: str) -> Value:
        """One score; an unknown one where there is none."""
        for found in self.schemes:
            if found.name == scheme:
                return found.scores.get(metric, Value(None))
        return Value(None)


def run_trial(plan: Plan, *, say: Callable[[str], None] = lambda _text: None) -> Trial:
    """Run a plan: split, learn in each training fold, ask, score."""
    table = keep_labelled(plan.table)
    folds = split(table, plan.protocol)
    if not folds:
        reason = why_not(table, plan.protocol)
        return Trial(plan.task, plan.protocol, plan.variant, 0, 0, 0, table.classes, (), [], reason)
    asked = ask_all(plan, table, folds, say)
    schemes = tuple(score_scheme(name, table, asked) for name in (MODEL, *BASELINES))
    reliability = []
    if table.classes:
        reliability = metrics.list_reliability(asked.truth.astype(np.int64), asked.said[MODEL])
    return Trial(
        plan.task,
        plan.protocol,
        plan.variant,
        asked.people,
        len(asked.rows),
        len(folds),
        table.classes,
        schemes,
        reliability,
    )


def ask_saved(task: str, trained_on: str, table: Table, predict: Predict, share: Floats) -> Trial:
    """Ask a detector that has learned from another data set, to see whether it carries over.

    Parameters
    ----------
    task : str
        What is told apart.
    trained_on : str
        The set that it learned from.
    table : Table
        The rows asked; nothing is learned from them, and so no baseline is.
    predict : Predict
        Probabilities of its classes.
    share : (k,) float array
        Shares of the classes where it was trained.
    """
    known = keep_labelled(table)
    prob = predict(known.x)
    people, person = np.unique(known.participant, return_inverse=True)
    asked = Asked(
        np.arange(len(known)),
        known.label,
        np.asarray(person, np.int64),
        len(people),
        {MODEL: prob},
        {MODEL: call_classes(prob, share)},
        dict.fromkeys(BASELINES, NOTHING_LEARNED),
    )
    schemes = tuple(score_scheme(name, known, asked) for name in (MODEL, *BASELINES))
    bins = metrics.list_reliability(known.codes, prob)
    variant = f"learned from {trained_on}"
    return Trial(task, CARRIED, variant, len(people), len(known), 1, known.classes, schemes, bins)


def why_not(table: Table, protocol: Protocol) -> str:
    """Why a protocol gives no fold."""
    if protocol == "cross-order":
        orders = sorted({order for order in table.order.tolist() if order})
        return f"only one protocol order here ({', '.join(orders) or 'none named'}): two are needed"
    if protocol == "new person":
        return f"{len(table.people)} people here: at least two are needed"
    return "nobody has more than 28 days before the days that would be asked"


def ask_all(plan: Plan, table: Table, folds: list[Fold], say: Callable[[str], None]) -> Asked:
    """Teach the model and every baseline in each fold, and put together what they said."""
    said: dict[str, list[Guess]] = {name: [] for name in (MODEL, *BASELINES)}
    called: dict[str, list[Ints]] = {name: [] for name in said}
    for number, fold in enumerate(folds, 1):
        say(f"{plan.task}, {plan.protocol}, {plan.variant}: fold {number} of {len(folds)}")
        train = (table.x[fold.train], table.label[fold.train], table.participant[fold.train])
        guesses = {MODEL: Guess(plan.fit(*train)(table.x[fold.test]))}
        guesses |= {name: guess(table, fold, plan.protocol, plan.fit) for name, guess in BASELINES.items()}
        share = usual(table, fold.train)
        for name, guess in guesses.items():
            said[name].append(guess)
            if table.classes and guess.said is not None:
                called[name].append(call_classes(guess.said, share, plan.power))
    rows = np.concatenate([fold.test for fold in folds])
    people, person = np.unique(table.participant[rows], return_inverse=True)
    whole = {name: [g.said for g in each if g.said is not None] for name, each in said.items()}
    reasons = {name: next((g.reason for g in each if g.said is None), "") for name, each in said.items()}
    return Asked(
        rows,
        table.label[rows],
        np.asarray(person, np.int64),
        len(people),
        {name: np.concatenate(parts) for name, parts in whole.items() if not reasons[name]},
        {name: np.concatenate(parts) for name, parts in called.items() if parts and not reasons[name]},
        reasons,
    )


def score_scheme(name: str, table: Table, asked: Asked) -> Scheme:
    """All scores of one scheme, with intervals over people."""
    if name not in asked.said:
        return Scheme(name, {}, asked.reasons[name])
    weights = draw_people(asked.people)
    said = asked.said[name]
    if table.classes:
        truth, called = asked.truth.astype(np.int64), asked.called[name]
        drawn = metrics.score_classes(truth, said, called, asked.person, weights)
        each = metrics.recall_by_person(truth, called, asked.person, asked.people, len(table.classes))
        people = {"balanced_accuracy": spread_out(each)}
    else:
        drawn = metrics.score_numbers(asked.truth, said, asked.person, weights)
        each = metrics.mean_by_person(np.abs(said - asked.truth), asked.person, asked.people)
        people = {"mae": spread_out(each)[::-1]}
    within = metrics.correlate_within(asked.truth, as_number(said), asked.person, asked.people)
    drawn["within_spearman"] = metrics.average_people(within, weights)
    people["within_spearman"] = spread_out(within)
    for title, other in (("lift_over_person_mean", "person mean"), ("lift_over_label_only", "label only")):
        gained = lift(name, other, asked)
        if gained is not None:
            drawn[title], people[title] = metrics.average_people(gained, weights), spread_out(gained)
    return Scheme(
        name, {metric: summarise(v, people.get(metric, NOBODY), asked.people) for metric, v in drawn.items()}
    )


def as_number(said: Floats) -> Floats:
    """One number a row: that which was said, or the mean of the class codes under the probabilities."""
    return np.asarray(said @ np.arange(said.shape[1]), np.float64) if said.ndim == 2 else said


def lift(name: str, other: str, asked: Asked) -> Floats | None:
    """(p,) how much smaller a person's error is than under another scheme; None where that was not asked.

    The error is the absolute one of numbers, and Brier's of classes (DeMasi 2017,
    doi:10.1371/journal.pone.0184604).
    """
    if other not in asked.said:
        return None
    errors = [
        metrics.mean_by_person(row_errors(asked.said[n], asked.truth), asked.person, asked.people)
        for n in (other, name)
    ]
    return np.asarray(errors[0] - errors[1], np.float64)


def row_errors(said: Floats, truth: Floats) -> Floats:
    """(m,) absolute error of numbers, Brier's of classes."""
    if said.ndim == 1:
        return np.asarray(np.abs(said - truth), np.float64)
    wrong = said - np.eye(said.shape[1])[truth.astype(np.int64)]
    return np.asarray((wrong**2).sum(axis=1) / (2 if said.shape[1] == 2 else 1), np.float64)


def draw_people(people: int) -> Floats:
    """Everyone once, then 1,000 draws of as many people with replacement: (1001, p) counts."""
    rng = np.random.default_rng(SEED)
    drawn = rng.multinomial(people, np.full(people, 1 / people), size=DRAWS)
    return np.asarray(np.vstack([np.ones(people), drawn]), np.float64)


def spread_out(each: Floats) -> Spread:
    """Percentiles 10, 50 and 90 over people of whom the value is known."""
    known = each[np.isfinite(each)]
    if not len(known):
        return NOBODY
    low, middle, high = np.percentile(known, [10, 50, 90])
    return float(low), float(middle), float(high)


def summarise(drawn: Floats, people: Spread, count: int) -> Value:
    """A score with its interval and its spread over people.

    Parameters
    ----------
    drawn : (b,) float array
        The value over everyone, then those of the draws.
    people : Spread
        Of the bad tenth, the middle and the good tenth.
    count : int
        How many people there are: of fewer than five there is no interval.
    """
    if not np.isfinite(drawn[0]):
        return Value(None)
    known = drawn[1:][np.isfinite(drawn[1:])]
    if count < LEAST_PEOPLE or len(known) < DRAWS // 2:
        return Value(float(drawn[0]), None, None, *people)
    lo, hi = np.percentile(known, [2.5, 97.5])
    return Value(float(drawn[0]), float(lo), float(hi), *people)
