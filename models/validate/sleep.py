"""What is asked of sleep besides: minutes of a night, wakes found when most sleep is, and the model to save."""

from __future__ import annotations

import numpy as np

from models import sleepwake
from models.validate.learners import call_classes, fit_classifier, make_logistic
from models.validate.splits import split
from models.validate.table import Table, keep_labelled, relabel
from warehouse.sleep_model import FEATURES, SleepModel

POWER = 0.5


def measure_nights(table: Table) -> dict[str, dict[str, float | None]]:
    """Numbers of `sleepwake.summarise_nights`, each night told by a model that did not learn from it."""
    known = keep_labelled(relabel(table, {0: 1, 1: 0, 2: 0}, ("asleep", "awake")))
    wake, called = np.full(len(known), np.nan), np.zeros(len(known), np.bool_)
    for fold in split(known, "new person"):
        codes = known.codes[fold.train]
        prob = fit_classifier(make_logistic, known.x[fold.train], codes, 2)[1](known.x[fold.test])
        share = np.bincount(codes, minlength=2) / len(codes)
        wake[fold.test], called[fold.test] = prob[:, 1], call_classes(prob, share, POWER) == 1
    if np.isnan(wake).any():
        return {}
    return {
        "Nights, asleep or awake": sleepwake.summarise_nights(
            known.participant, known.codes == 1, wake, called
        )
    }


def train_sleepwake(table: Table) -> SleepModel:
    """The model that finds sleep windows, from all nights of a table with the features of its file."""
    known = keep_labelled(relabel(table, {0: 1, 1: 0, 2: 0}, ("asleep", "awake")))
    hearts = [known.features.index(name) for name in FEATURES]
    told = f"{table.name}, {len(known.people)} nights"
    return sleepwake.train(known.x[:, hearts], known.codes == 1, trained_on=told)
