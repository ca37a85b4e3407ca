"""Acute stress of the body from a wristband's minutes: which method, how sure, and where it was learned.

Logistic regression or boosted trees, whichever did better on people left out of the training fold,
with a probability that was calibrated on the same left-out people. It is trained where the data is
and never shipped trained. What it tells is arousal in a situation like those of the training data; it
does not know feelings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from models.validate.learners import (
    Fit,
    Predict,
    call_classes,
    fit_classifier,
    make_boosting,
    make_logistic,
)
from models.validate.metrics import mean_known, sum_confusion
from models.validate.past import relate_to_past
from models.validate.splits import MOST_ALONE
from models.validate.table import Floats, Ints, Table, Texts, keep_labelled
from warehouse.errors import ExplainedError

CANDIDATES: dict[str, Callable[[], Any]] = {
    "logistic regression": make_logistic,
    "gradient boosting": make_boosting,
}
"""In order; of equals the first is taken."""

HISTORY = "_from_usual"
"""Ending of the features that say how far a value is from the person's own usual."""

LEAST_WINDOWS = 10
"""Windows that must have ended before: five minutes and a half of wear."""

INNER_FOLDS = 10
COOLEST, HOTTEST = 0.2, 5.0
MODEL_FILE, CARD_FILE = "acute.skops", "acute.json"
METHOD = "acute-1"

TRUSTED = ("numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")
"""Types a saved model may hold besides those that skops trusts by itself. Nothing else is ever loaded."""


class AcuteError(ExplainedError):
    """A saved detector cannot be used: where it is, what is wrong, what to do."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained detector.

    Attributes
    ----------
    name : str
        Which of `CANDIDATES`.
    model : sklearn estimator or None
        None where only one class was there to learn.
    temperature : float
        Log probabilities are divided by it: above 1 the model was too sure.
    share : (k,) float array
        Shares of the classes in training.
    scores : dict of str to float
        Balanced accuracy of each candidate on people left out; empty where nobody could be.
    predict : Predict
        Calibrated probabilities.
    """

    name: str
    model: Any
    temperature: float
    share: Floats
    scores: Mapping[str, float]
    predict: Predict


def add_history(table: Table) -> Table:
    """The table with each feature's distance from the person's own past beside it.

    Only values without labels of windows that had ended are used, of labelled and unlabelled windows:
    call it before unlabelled ones are dropped.
    """
    away = np.full(table.x.shape, np.nan)
    for person in table.people:
        mine = np.flatnonzero(table.participant == person)
        away[mine] = relate_to_past(
            table.x[mine], table.start_s[mine], table.end_s[mine], least=LEAST_WINDOWS
        )
    names = tuple(name + HISTORY for name in table.features)
    joined = np.column_stack([table.x, away])
    return replace(table, features=table.features + names, x=joined)


def fit_acute(x: Floats, label: Floats, who: Texts, *, n_classes: int) -> Fitted:
    """Choose, fit and calibrate within one training fold.

    Parameters
    ----------
    x : (n, f) float array
        Features; NaN where missing.
    label : (n,) float array
        Codes of the classes.
    who : (n,) text array
        Whose row each is: people are left out one by one, or in ten groups where there are many.
    n_classes : int
        How many classes there are.
    """
    codes = np.asarray(label, np.int64)
    share = np.bincount(codes, minlength=n_classes) / len(codes)
    name, temperature, scores = next(iter(CANDIDATES)), 1.0, dict[str, float]()
    if len(np.unique(who)) > 1:
        told = {key: tell_left_out(make, x, codes, who, n_classes) for key, make in CANDIDATES.items()}
        scores = {key: score_calls(prob, codes, share) for key, prob in told.items()}
        name = max(scores, key=lambda key: round(scores[key], 6))
        temperature = find_temperature(told[name], codes)
    model, raw = fit_classifier(CANDIDATES[name], x, codes, n_classes)
    return Fitted(name, model, temperature, share, scores, lambda rows: temper(raw(rows), temperature))


def learner(n_classes: int) -> Fit:
    """The detector as a learner for `models.validate.trial`."""

    def fit(x: Floats, label: Floats, who: Texts) -> Predict:
        return fit_acute(x, label, who, n_classes=n_classes).predict

    return fit


def tell_left_out(make: Callable[[], Any], x: Floats, codes: Ints, who: Texts, n_classes: int) -> Floats:
    """Probabilities for each person from a model that did not see them."""
    prob = np.zeros((len(codes), n_classes))
    people = np.unique(who)
    groups = np.array_split(people, len(people) if len(people) <= MOST_ALONE else INNER_FOLDS)
    for group in groups:
        out = np.isin(who, group)
        prob[out] = fit_classifier(make, x[~out], codes[~out], n_classes)[1](x[out])
    return prob


def score_calls(prob: Floats, codes: Ints, share: Floats) -> float:
    """Balanced accuracy over all rows."""
    called = call_classes(prob, share)
    table = sum_confusion(codes, called, np.zeros(len(codes), np.int64), len(share), np.ones((1, 1)))[0]
    true = table.sum(axis=1)
    recall = np.diagonal(table) / np.where(true > 0, true, np.nan)
    return float(mean_known(recall))


def find_temperature(prob: Floats, codes: Ints) -> float:
    """The temperature under which the truth was likeliest (Guo 2017, arXiv:1706.04599)."""
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - slow to import

    rows = np.arange(len(codes))

    def loss(log_t: float) -> float:
        return float(-np.log(np.maximum(temper(prob, np.exp(log_t))[rows, codes], 1e-12)).mean())

    found = minimize_scalar(loss, bounds=(np.log(COOLEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))


def temper(prob: Floats, temperature: float) -> Floats:
    """Probabilities whose logarithms are divided by a temperature."""
    log = np.log(np.maximum(prob, 1e-12)) / temperature
    raised = np.exp(log - log.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float64)


def train_on(table: Table) -> Fitted:
    """Train on all labelled rows of a table."""
    known = keep_labelled(table)
    return fit_acute(known.x, known.label, known.participant, n_classes=len(known.classes))


def make_card(
    fitted: Fitted, table: Table, notes: Sequence[str], versions: Mapping[str, str]
) -> dict[str, Any]:
    """What a saved detector says of itself."""
    known = keep_labelled(table)
    return {
        "method": METHOD,
        "trained_on": table.name,
        "people": len(known.people),
        "rows": len(known),
        "classes": list(table.classes),
        "features": list(table.features),
        "candidate": fitted.name,
        "left_out_balanced_accuracy": {k: round(v, 4) for k, v in fitted.scores.items()},
        "temperature": round(fitted.temperature, 4),
        "share": [round(v, 6) for v in fitted.share.tolist()],
        "tells": "arousal of a body in situations like those of the training data; not feelings, not health",
        "notes": list(notes),
        "versions": dict(versions),
    }


def save_acute(fitted: Fitted, card: Mapping[str, Any], folder: Path) -> tuple[Path, Path]:
    """Write the model (skops) and its card (JSON) into a folder.

    Raises
    ------
    AcuteError
        Where skops is not installed, or nothing was learned.
    """
    if fitted.model is None:
        raise AcuteError("nothing to save: the training data hold one class only; label both")
    skops = import_skops()
    model_path, card_path = folder / MODEL_FILE, folder / CARD_FILE
    model_path.write_bytes(skops.dumps(fitted.model))
    card_path.write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return model_path, card_path


def load_acute(folder: Path) -> tuple[Predict, dict[str, Any]]:
    """Read a saved detector and its card; types that are not trusted are refused, not loaded.

    Raises
    ------
    AcuteError
        Where a file is missing, of another method, or holds other types than `TRUSTED`.
    """
    skops = import_skops()
    try:
        data = (folder / MODEL_FILE).read_bytes()
        card: dict[str, Any] = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AcuteError(f"no saved detector in {folder.name} ({error}): train one with --train") from None
    if card.get("method") != METHOD:
        raise AcuteError(f"the detector in {folder.name} is of another method than {METHOD}: train it again")
    strange = sorted(set(skops.get_untrusted_types(data=data)) - set(TRUSTED))
    if strange:
        raise AcuteError(f"{MODEL_FILE} holds {', '.join(strange)}, which is not trusted: train it again")
    model = skops.loads(data, trusted=list(TRUSTED))
    n_classes = len(card["classes"])

    def predict(rows: Floats) -> Floats:
        prob = np.zeros((len(rows), n_classes))
        prob[:, np.asarray(model.classes_, np.int64)] = model.predict_proba(rows)
        return temper(prob, float(card["temperature"]))

    return predict, card


def import_skops() -> Any:
    """The part of skops that reads and writes models, imported when it is needed."""
    try:
        return import_module("skops.io")
    except ImportError:
        raise AcuteError("saving and loading a detector needs skops: install it") from None
