"""Scores of predictions, for all people at once and for every draw of people.

Each score is made of sums over people, so a draw of people is a row of weights: W (b, p) says how often
each of p people was drawn, its first row is everyone once. One pass then gives the score and its b − 1
bootstrap values.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.validate.table import Floats, Ints

BINS = 10
LEAST_ROWS = 8
"""Fewest rows of a person for a correlation within them."""
CHUNK = 128
"""Draws at a time: what bounds the memory."""


def score_classes(
    truth: Ints, prob: Floats, called: Ints, person: Ints, weights: Floats
) -> dict[str, Floats]:
    """Scores of class predictions.

    Parameters
    ----------
    truth, called : (n,) int arrays
        Codes of the true and the called class.
    prob : (n, k) float array
        Probabilities.
    person : (n,) int array
        Number of each row's person, 0 … p − 1.
    weights : (b, p) float array
        See above.

    Returns
    -------
    dict of (b,) float arrays
        NaN where a draw does not allow a score.
    """
    k = prob.shape[1]
    table = sum_confusion(truth, called, person, k, weights)
    scores = score_confusion(table)
    asked = [1] if k == 2 else list(range(k))
    ranked = [score_ranks(truth == c, prob[:, c], person, weights) for c in asked]
    scores["auroc"] = mean_known(np.column_stack([area for area, _ in ranked]))
    scores["auprc"] = mean_known(np.column_stack([precision for _, precision in ranked]))
    scores["prevalence"] = table[:, asked].sum(axis=2).mean(axis=1) / table.sum(axis=(1, 2))
    wrong = prob - np.eye(k)[truth]
    each = wrong[:, 1] ** 2 if k == 2 else (wrong**2).sum(axis=1)
    rows = sum_people(np.ones(len(truth)), person, weights)
    scores["brier"] = sum_people(each, person, weights) / rows
    scores["ece"] = score_calibration(truth, prob, person, weights)
    return scores


def score_numbers(truth: Floats, said: Floats, person: Ints, weights: Floats) -> dict[str, Floats]:
    """Mean absolute error of predicted numbers, as (b,)."""
    rows = sum_people(np.ones(len(truth)), person, weights)
    return {"mae": sum_people(np.abs(said - truth), person, weights) / rows}


def sum_people(value: Floats, person: Ints, weights: Floats) -> Floats:
    """Sum of a value over rows, for each draw of people: (b,)."""
    return np.asarray(weights @ np.bincount(person, value, minlength=weights.shape[1]), np.float64)


def sum_confusion(truth: Ints, called: Ints, person: Ints, k: int, weights: Floats) -> Floats:
    """Rows of each true class (first axis) that were called each class: (b, k, k)."""
    cell = (person * k + truth) * k + called
    counts = np.bincount(cell, minlength=weights.shape[1] * k * k).reshape(weights.shape[1], k * k)
    return np.asarray((weights @ counts).reshape(len(weights), k, k), np.float64)


def score_confusion(table: Floats) -> dict[str, Floats]:
    """Accuracy, balanced accuracy, macro-F1, Matthews' coefficient (of k classes) and Cohen's κ: each (b,)."""
    total = table.sum(axis=(1, 2))
    true, called = table.sum(axis=2), table.sum(axis=1)
    right = np.diagonal(table, axis1=1, axis2=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = right / np.where(true > 0, true, np.nan)
        f1 = 2 * right / np.where(true + called > 0, true + called, np.nan)
        expected = (true * called).sum(axis=1)
        hits = right.sum(axis=1)
        spread = np.sqrt((total**2 - (true**2).sum(axis=1)) * (total**2 - (called**2).sum(axis=1)))
        mcc = np.where(spread > 0, (hits * total - expected) / spread, 0.0)
        chance = expected / total**2
        kappa = np.where(chance < 1, (hits / total - chance) / (1 - chance), np.nan)
    return {
        "balanced_accuracy": mean_known(recall),
        "accuracy": hits / total,
        "macro_f1": mean_known(f1),
        "mcc": np.asarray(mcc, np.float64),
        "kappa": np.asarray(kappa, np.float64),
    }


def score_ranks(positive: np.ndarray, score: Floats, person: Ints, weights: Floats) -> tuple[Floats, Floats]:
    """Area under the ROC curve, and average precision: (b,) each; ties count half, NaN with one class only."""
    value, place = np.unique(score, return_inverse=True)
    people = weights.shape[1]
    cell = person * len(value) + place
    hits, others = (
        np.bincount(cell, which, minlength=people * len(value)).reshape(people, len(value))
        for which in (positive.astype(float), (~positive).astype(float))
    )
    area, precision = np.full(len(weights), np.nan), np.full(len(weights), np.nan)
    for draws in chunks(len(weights)):
        pos, neg = weights[draws] @ hits, weights[draws] @ others
        n_pos, n_neg = pos.sum(axis=1), neg.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            below = np.cumsum(neg, axis=1) - neg / 2
            found = (pos * below).sum(axis=1) / (n_pos * n_neg)
            above = np.cumsum(pos[:, ::-1], axis=1)
            all_above = above + np.cumsum(neg[:, ::-1], axis=1)
            share = np.divide(above, all_above, out=np.zeros_like(above), where=all_above > 0)
            average = (share * pos[:, ::-1]).sum(axis=1) / n_pos
        known = (n_pos > 0) & (n_neg > 0)
        area[draws] = np.where(known, found, np.nan)
        precision[draws] = np.where(known, average, np.nan)
    return area, precision


def chunks(n: int) -> Iterator[slice]:
    """Slices that cover 0 … n."""
    for first in range(0, n, CHUNK):
        yield slice(first, min(n, first + CHUNK))


def bin_confidence(truth: Ints, prob: Floats) -> tuple[Ints, Floats, Floats]:
    """Bin, stated probability and whether it came true: of class 1 if there are two, else of the likeliest."""
    if prob.shape[1] == 2:
        stated, true = prob[:, 1], truth == 1
    else:
        likeliest = np.argmax(prob, axis=1)
        stated, true = prob[np.arange(len(prob)), likeliest], truth == likeliest
    place = np.minimum((stated * BINS).astype(np.int64), BINS - 1)
    return place, np.asarray(stated, np.float64), true.astype(np.float64)


def score_calibration(truth: Ints, prob: Floats, person: Ints, weights: Floats) -> Floats:
    """Expected calibration error over ten bins of equal width: (b,)."""
    place, stated, true = bin_confidence(truth, prob)
    people = weights.shape[1]
    cell = person * BINS + place
    apart = np.bincount(cell, true - stated, minlength=people * BINS).reshape(people, BINS)
    rows = np.bincount(person, minlength=people).astype(np.float64)
    return np.asarray(np.abs(weights @ apart).sum(axis=1) / (weights @ rows), np.float64)


def list_reliability(truth: Ints, prob: Floats) -> list[dict[str, float]]:
    """Bins of stated probability that hold rows: how many, what was stated on average, what came true."""
    place, stated, true = bin_confidence(truth, prob)
    bins = []
    for b in range(BINS):
        inside = place == b
        if inside.any():
            bins.append(
                {"from": b / BINS, "rows": int(inside.sum()), "stated": float(stated[inside].mean())}
                | {"came_true": float(true[inside].mean())}
            )
    return bins


def recall_by_person(truth: Ints, called: Ints, person: Ints, people: int, k: int) -> Floats:
    """(p,) balanced accuracy of each person; NaN for one of whom only one class is known."""
    table = sum_confusion(truth, called, person, k, np.eye(people))
    several = (table.sum(axis=2) > 0).sum(axis=1) > 1
    return np.where(several, score_confusion_recall(table), np.nan)


def score_confusion_recall(table: Floats) -> Floats:
    """Mean recall over the classes that occur: (b,)."""
    true = table.sum(axis=2)
    recall = np.diagonal(table, axis1=1, axis2=2) / np.where(true > 0, true, np.nan)
    return mean_known(recall)


def correlate_within(truth: Floats, said: Floats, person: Ints, people: int) -> Floats:
    """(p,) Spearman's correlation within each person; NaN where either does not vary or rows are few."""
    from scipy.stats import rankdata  # noqa: PLC0415 - slow to import

    rho = np.full(people, np.nan)
    for p in range(people):
        mine = person == p
        if mine.sum() < LEAST_ROWS or np.ptp(truth[mine]) == 0 or np.ptp(said[mine]) == 0:
            continue
        rho[p] = np.corrcoef(rankdata(truth[mine]), rankdata(said[mine]))[0, 1]
    return rho


def mean_by_person(value: Floats, person: Ints, people: int) -> Floats:
    """(p,) mean of each person's rows."""
    rows = np.bincount(person, minlength=people)
    return np.bincount(person, value, minlength=people) / np.where(rows > 0, rows, np.nan)


def average_people(each: Floats, weights: Floats) -> Floats:
    """Mean over people of whom a value is known, for each draw: (b,)."""
    known = np.isfinite(each)
    drawn = weights @ known.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((weights @ np.where(known, each, 0.0)) / np.where(drawn > 0, drawn, np.nan))


def mean_known(value: Floats) -> Floats:
    """Mean along the last axis of what is not NaN; NaN where nothing is."""
    known = np.isfinite(value)
    count = known.sum(axis=-1)
    total = np.where(known, value, 0.0).sum(axis=-1)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0), np.float64)
