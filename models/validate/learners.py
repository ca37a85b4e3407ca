"""The learning methods, each of fixed settings: logistic regression, gradient boosting and ridge.

A learner is given rows of a training fold and gives back what predicts. All that it learns (medians of
what is missing, scales, weights) comes from those rows.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from models.validate.table import Floats, Ints, Texts

Predict = Callable[[Floats], Floats]
"""(n, f) to probabilities (n, k) of the classes, or to numbers (n,)."""

Fit = Callable[[Floats, Floats, Texts], Predict]
"""Features, labels and people of the training rows, to what predicts."""

SEED = 20261122
BOOST_TREES = 120
BOOST_LEAVES = 8
BOOST_RATE = 0.06
BOOST_LEAST = 15
TREE_LEAVES = 12
LOGISTIC_C = 0.1
RIDGE_ALPHA = 30.0
TIE = 1e-9


def make_logistic() -> Any:
    """Median for what is missing, unit variance, logistic regression with a firm penalty."""
    from sklearn.impute import SimpleImputer  # noqa: PLC0415 - heavy, and only validation needs it
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=LOGISTIC_C, max_iter=5000),
    )


def make_boosting() -> Any:
    """Shallow gradient-boosted trees; what is missing goes to the side that served best in training."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

    return HistGradientBoostingClassifier(
        max_iter=BOOST_TREES,
        max_leaf_nodes=BOOST_LEAVES,
        learning_rate=BOOST_RATE,
        min_samples_leaf=BOOST_LEAST,
        early_stopping=False,
        random_state=SEED,
    )


def make_tree() -> Any:
    """One tree: for a single column, such as a clock, it says all that can be said and takes no time."""
    from sklearn.tree import DecisionTreeClassifier  # noqa: PLC0415

    return DecisionTreeClassifier(max_leaf_nodes=TREE_LEAVES, min_samples_leaf=BOOST_LEAST, random_state=SEED)


def fit_classifier(make: Callable[[], Any], x: Floats, codes: Ints, n_classes: int) -> tuple[Any, Predict]:
    """Fit a classifier; give it, or None where the rows hold one class only, and what predicts.

    Returns
    -------
    model : sklearn estimator or None
    predict : Predict
        Probabilities of all `n_classes`; 0 for one that was never seen.
    """
    seen = np.unique(codes)
    if len(seen) < 2 or not x.shape[1]:
        share = np.bincount(codes, minlength=n_classes) / len(codes)
        return None, lambda rows: np.tile(share, (len(rows), 1))
    threads = import_module("threadpoolctl")  # comes with scikit-learn
    model = make()
    # Boosting stumbles over a column that nobody in training has; of a constant nothing is learned.
    x = np.where(np.isnan(x).all(axis=0), 0.0, x)
    with threads.threadpool_limits(1):  # small tables: threads wait for each other longer than they work
        model.fit(x, codes)

    def predict(rows: Floats) -> Floats:
        prob = np.zeros((len(rows), n_classes))
        prob[:, seen] = model.predict_proba(rows)
        return prob

    return model, predict


def classify_with(make: Callable[[], Any], n_classes: int) -> Fit:
    """A learner of one method without selection."""

    def fit(x: Floats, label: Floats, _who: Texts) -> Predict:
        return fit_classifier(make, x, np.asarray(label, np.int64), n_classes)[1]

    return fit


def fit_ridge(x: Floats, label: Floats, _who: Texts) -> Predict:
    """Ridge regression on medians and unit variance; never beyond what was seen in training."""
    from sklearn.impute import SimpleImputer  # noqa: PLC0415
    from sklearn.linear_model import Ridge  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    low, high = float(np.min(label)), float(np.max(label))
    if not x.shape[1]:
        middle = float(np.median(label))
        return lambda rows: np.full(len(rows), middle)
    model = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), Ridge(RIDGE_ALPHA)
    )
    model.fit(x, label)
    return lambda rows: np.asarray(np.clip(model.predict(rows), low, high), np.float64)


def call_classes(prob: Floats, share: Floats, power: float = 1.0) -> Ints:
    """Class of each row: the one that is likeliest against its share in the training data.

    So no threshold is learned, and a rare class can be called. Of equal ones the commonest is called.

    Parameters
    ----------
    prob : (n, k) float array
        Probabilities.
    share : (k,) float array
        Shares of the classes in the training fold; a class that is not in it is never called.
    power : float
        1 holds probabilities against shares: best for balanced accuracy. 0.5 holds them against their
        roots: of two classes that are very unequal the rare one is then called about as often as it
        occurs, which is what agreement (κ) asks for.
    """
    against = np.divide(prob, share**power, out=np.full(prob.shape, -1.0), where=share > 0)
    close = against >= against.max(axis=1, keepdims=True) - TIE
    return np.asarray(np.argmax(np.where(close, share, -1.0), axis=1), np.int64)
