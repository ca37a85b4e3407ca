"""The file of coefficients that tells sleep from waking by heart rate: what it holds, written and read.

Like a table, it is all that the stage that learns it and the stage that uses it share. None is shipped.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, astuple, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from warehouse.errors import ExplainedError

FEATURES = ("hr_level", "hr_slow", "hr_rise", "hr_varies", "hr_varies_slow", "hr_unrest")
"""What is measured of each 30-second epoch, in this order."""

EPOCH_S = 30.0

METHOD = "sleepwake-2"


class SleepModelError(ExplainedError):
    """A saved model cannot be read: where it is, and what to do."""


@dataclass(frozen=True)
class WindowError:
    """How far windows were off on nights that the model had not learned from, time in bed being known.

    Attributes
    ----------
    nights : int
        So many nights, each of another person.
    onset_mae_min, wake_mae_min : float
        Mean absolute error of the first and of the last sleep, minutes.
    tst_mae_min : float
        That of the sleep time between them: why none is told.
    """

    nights: int
    onset_mae_min: float
    wake_mae_min: float
    tst_mae_min: float


@dataclass(frozen=True)
class SleepModel:
    """A logistic regression in plain numbers, each tuple of one entry a feature.

    Attributes
    ----------
    middle, scale, weight : tuple of float
        Mean and SD in training, and the weight of the standardised feature.
    offset : float
        Log odds of being awake at the middle of all.
    wake_share : float
        Share of epochs awake in training.
    trained_on : str
        What it was trained on: data set and number of nights.
    error : WindowError
    """

    middle: tuple[float, ...]
    scale: tuple[float, ...]
    weight: tuple[float, ...]
    offset: float
    wake_share: float
    trained_on: str
    error: WindowError
    features: tuple[str, ...] = FEATURES
    method: str = METHOD

    @property
    def mark(self) -> bytes:
        """A digest of every number in it."""
        return hashlib.sha256(to_json(self).encode()).digest()


def to_json(model: SleepModel) -> str:
    """The text of the file."""
    return json.dumps(asdict(model), indent=1, sort_keys=True) + "\n"


def write_sleep_model(model: SleepModel, path: Path) -> None:
    """Write a model as JSON."""
    path.write_text(to_json(model), encoding="utf-8")


def read_sleep_model(path: Path) -> SleepModel:
    """Read a saved model.

    Raises
    ------
    SleepModelError
        If it is not there, not one of this method, or not whole.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        model = parse(found)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SleepModelError(
            f"{path.name} is no saved sleep model ({error}): train it again, or take it away"
        ) from None
    if model.method != METHOD or model.features != FEATURES:
        raise SleepModelError(
            f"{path.name} is of method {model.method}, expected {METHOD} with its features: train it again"
        )
    return model


def parse(found: dict[str, Any]) -> SleepModel:
    """A model of what its file says; ValueError where a number is missing or is none."""
    middle, scale, weight = (tuple(float(x) for x in found[name]) for name in ("middle", "scale", "weight"))
    model = SleepModel(
        middle,
        scale,
        weight,
        offset=float(found["offset"]),
        wake_share=float(found["wake_share"]),
        trained_on=str(found["trained_on"]),
        error=WindowError(**found["error"]),
        features=tuple(found["features"]),
        method=str(found["method"]),
    )
    lists = (model.middle, model.scale, model.weight)
    numbers = [model.offset, model.wake_share, *astuple(model.error), *chain(*lists)]
    if not all(math.isfinite(x) for x in numbers) or {len(some) for some in lists} != {len(model.features)}:
        raise ValueError("expected finite numbers, one a feature in middle, scale and weight")
    if not 0 < model.wake_share < 1 or min(model.scale) <= 0:
        raise ValueError("expected scales above 0 and a wake_share between 0 and 1")
    return model
