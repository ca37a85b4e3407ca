"""The list of features: a feature is one function and one row here.

Values are in the unit of the row (UCUM). A value below its minimum data is null with a reason, from
the vocabulary of `features.measure`. `reach_days` is how many days after a changed signal a value may
change; the day before the change may too, since a night reaches back over midnight. Features of a night
and of a day are rows of `feature.value`, those of a window columns of `feature.window`.
"""

from __future__ import annotations

from dataclasses import fields

import pyarrow as pa

from .day import DAY_FEATURES
from .feature import METHOD_VERSION, Feature, Grain
from .heart import HEART_FEATURES
from .sleep import SLEEP_FEATURES
from .window import WINDOW_FEATURES

__all__ = ["BY_NAME", "FEATURES", "METHOD_VERSION", "REACH_DAYS", "Feature", "catalog_rows", "names_of"]

FEATURES: tuple[Feature, ...] = (*SLEEP_FEATURES, *HEART_FEATURES, *DAY_FEATURES, *WINDOW_FEATURES)

BY_NAME: dict[str, Feature] = {feature.feature: feature for feature in FEATURES}

REACH_DAYS = max(feature.reach_days for feature in FEATURES)
"""How many days after a changed signal any value may change."""


def names_of(grain: Grain) -> list[str]:
    """The features of a grain, in order of the catalogue: the columns of feature.night and feature.day."""
    return [feature.feature for feature in FEATURES if feature.grain == grain]


def catalog_rows() -> pa.Table:
    """The catalogue as rows of `feature.catalog`."""
    return pa.table({f.name: [getattr(row, f.name) for row in FEATURES] for f in fields(Feature)})
