"""What two stages both say is said alike: they share tables, not code."""

from __future__ import annotations

import csv
from pathlib import Path

from features.catalog import FEATURES
from models.parameters import load_parameters
from reports.read import FEATURES as READ_BY_REPORTS

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = {feature.feature: feature for feature in FEATURES}


def test_the_index_and_the_catalogue_agree_on_direction_and_unit() -> None:
    parameters = load_parameters()
    with (ROOT / "models" / "priors.csv").open(encoding="utf-8", newline="") as file:
        units = {row["feature"]: row["unit"] for row in csv.DictReader(file)}
    assert set(parameters.features) <= CATALOGUE.keys()
    for name, direction in zip(parameters.features, parameters.direction, strict=True):
        assert CATALOGUE[name].direction == direction, name
        assert CATALOGUE[name].unit == units[name], name


def test_every_feature_that_reports_read_is_in_the_catalogue() -> None:
    assert set(READ_BY_REPORTS) <= CATALOGUE.keys()
