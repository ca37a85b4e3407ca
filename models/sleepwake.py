"""Learning to tell asleep from awake by heart rate alone, and how far it can be trusted.

The weights are learned where the data is (`steadyline validate sleep_accel --train`) and saved as plain
numbers with their error (`warehouse.sleep_model`). None are shipped: the recordings at hand are not ours
to pass on. Where an operator puts a file, `features` finds sleep windows with it, and nothing else: what
is found is marked `estimated`, and no sleep time is claimed from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.validate.table import Bools, Floats
from warehouse.errors import ExplainedError
from warehouse.sleep_model import EPOCH_S, METHOD, SleepModel, WindowError

__all__ = [
    "CLOCK",
    "METHOD",
    "SleepTrainingError",
    "measure_clock",
    "summarise_nights",
    "summarise_windows",
    "train",
]

CLOCK = ("hours_in_bed", "clock_wave")
"""Of the time in bed, where that is known: for telling stages, never for finding a window."""


NOT_MEASURED = WindowError(0, float("nan"), float("nan"), float("nan"))


class SleepTrainingError(ExplainedError):
    """A model cannot be learned from a set: what is missing."""


def measure_clock(epochs: int) -> Floats:
    """Clock of each epoch since the person went to bed: hours, and Walch's wave over the night, (epochs, 2)."""
    hours = (np.arange(epochs) + 0.5) * EPOCH_S / 3600
    return np.column_stack([hours, -np.cos(2 * np.pi * (hours - 1.0) / 24 - np.pi / 4)])


def train(x: Floats, awake: Bools, *, trained_on: str) -> SleepModel:
    """Learn the weights from epochs of known state.

    Parameters
    ----------
    x : (n, 6) float array
        In the order of `warehouse.sleep_model.FEATURES`; rows with NaN are left out.
    awake : (n,) bool array
        What polysomnography said.
    trained_on : str
        What it says of itself.

    Returns
    -------
    SleepModel
        Its error is not measured yet (`summarise_windows`).
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - heavy

    whole = np.isfinite(x).all(axis=1)
    x, awake = x[whole], awake[whole]
    if awake.all() or not awake.any():
        raise SleepTrainingError(f"{trained_on}: epochs asleep and epochs awake are needed, with heart rate")
    middle, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    fitted = LogisticRegression(C=0.1, max_iter=5000).fit((x - middle) / scale, awake)
    return SleepModel(
        tuple(middle.tolist()),
        tuple(scale.tolist()),
        tuple(fitted.coef_[0].tolist()),
        float(fitted.intercept_[0]),
        float(awake.mean()),
        trained_on,
        NOT_MEASURED,
    )


def summarise_windows(nights: Sequence[tuple[Bools, Bools]]) -> WindowError:
    """How far the first and the last sleep of nights, and the sleep time between them, were off.

    Parameters
    ----------
    nights : sequence of ((n,) bool array, (n,) bool array)
        Of each night's epochs in order of time: which were asleep, and which were called so by a model
        that did not learn from that night. Nights without both are left out and not counted.
    """
    onset, wake, tst = [], [], []
    for asleep, called in nights:
        if asleep.any() and called.any():
            was, said = np.flatnonzero(asleep), np.flatnonzero(called)
            onset.append(abs(int(said[0]) - int(was[0])))
            wake.append(abs(int(said[-1]) - int(was[-1])))
            tst.append(abs(len(said) - len(was)))
    if not onset:
        raise SleepTrainingError("no night has sleep that was found: an error cannot be stated")
    means = (float(np.mean(epochs)) * EPOCH_S / 60 for epochs in (onset, wake, tst))
    return WindowError(len(onset), *means)


def summarise_nights(night: np.ndarray, awake: Bools, wake: Floats, called: Bools) -> dict[str, float | None]:
    """Numbers that say how far to trust it: sleep time of a night, and specificity at sensitivity .93.

    Parameters
    ----------
    night : (n,) array
        Which night each epoch belongs to.
    awake, called : (n,) bool arrays
        What was so, and what was called.
    wake : (n,) float array
        Probability of being awake, from a model that did not learn from that night.
    """
    names = np.unique(night).tolist()
    share = np.array([(~awake[night == name]).mean() for name in names])
    said = np.array([(~called[night == name]).mean() for name in names])
    minutes = np.array([(night == name).sum() * EPOCH_S / 60 for name in names])
    error = np.abs(said - share) * minutes
    # Everyone else's efficiency: the night itself is not known beforehand.
    usual = (share.sum() - share) / max(len(names) - 1, 1)
    constant = np.abs(usual - share) * minutes
    threshold = float(np.percentile(wake[~awake], 93)) if (~awake).any() else np.nan
    return {
        "sleep time: mean absolute error of a night, min": float(error.mean()),
        "the same, assuming everyone's usual efficiency, min": float(constant.mean())
        if len(names) > 1
        else None,
        "specificity for wake at sensitivity .93 for sleep": float((wake[awake] > threshold).mean())
        if awake.any()
        else None,
    }
