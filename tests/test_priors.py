"""Priors by age and device: the most specific row holds, and who set nothing keeps every number."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from score_rows import NOW, Row, ask, put, run
from test_score import FIRST

from models.baseline import NO_SEGMENT, History, fit_baseline
from models.parameters import (
    AGE_BANDS,
    DEVICE_KINDS,
    PARAMETERS,
    PRIORS,
    ParameterError,
    Prior,
    load_parameters,
    read_parameters,
)
from models.priors import choose_prior, find_bands, find_kinds, load_devices, read_devices
from warehouse.preferences import find_preference, write_preferences
from warehouse.store import open_warehouse

P = load_parameters()
HRV = P.features.index("ln_rmssd_night")
WRIST, RING, CHEST = (DEVICE_KINDS.index(kind) for kind in ("wrist", "ring", "chest"))
NAN = float("nan")


def write_priors(path: Path, *rows: str) -> Path:
    """The shipped priors with some lines more."""
    text = PRIORS.read_text(encoding="utf-8").rstrip()
    path.write_text("\n".join([text, *rows]) + "\n", encoding="utf-8")
    return path


def test_age_bands_are_those_that_a_person_can_set() -> None:
    assert "|".join(AGE_BANDS[1:]) == find_preference("age_band").pattern


def test_variability_falls_with_age_and_nothing_else_moves() -> None:
    hrv = {band: P.priors.mean[i, 0, HRV] for i, band in enumerate(AGE_BANDS)}
    assert hrv["18-29"] > hrv["30-44"] > hrv["45-59"] > hrv["60plus"]
    assert hrv["under18"] == hrv[""] == P.prior_mean[HRV] == 3.6
    others = np.arange(len(P.features)) != HRV
    for part, everyone in zip(
        (P.priors.mean, P.priors.within, P.priors.between),
        (P.prior_mean, P.prior_within, P.prior_between),
        strict=True,
    ):
        assert (part[..., others] == everyone[others]).all()
        assert (part[0] == everyone).all()
    assert (P.priors.mean == P.priors.mean[:, :1]).all()  # no figure by device is shipped


def test_the_most_specific_row_holds(tmp_path: Path) -> None:
    path = write_priors(
        tmp_path / "priors.csv",
        'rhr_night,,chest,61,3,10,/min,assumed,"-"',
        'rhr_night,30-44,,62,3,10,/min,assumed,"-"',
        'rhr_night,30-44,chest,63,4,9,/min,assumed,"-"',
        'rhr_night,45-59,,64,3,10,/min,assumed,"-"',
    )
    priors = read_parameters(PARAMETERS, path).priors
    middle, old = AGE_BANDS.index("30-44"), AGE_BANDS.index("60plus")
    assert priors.mean[
        [0, 0, middle, middle, middle, old], [0, CHEST, 0, RING, CHEST, CHEST], 0
    ].tolist() == [
        60,
        61,
        62,
        62,
        63,
        61,
    ]
    assert priors.mean[AGE_BANDS.index("45-59"), CHEST, 0] == 64  # age goes before the device
    assert (priors.within[middle, CHEST, 0], priors.between[middle, CHEST, 0]) == (4, 9)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('rhr_night,30-45,,62,3,10,/min,V,"-"', "rhr_night 30-45: expected an age_band of under18"),
        ('rhr_night,,belt,62,3,10,/min,V,"-"', "rhr_night belt.*device_kind wrist"),
        ('rhr_night,,,62,3,10,/min,V,"-"', "it is there twice"),
        ('pulse,30-44,,62,3,10,/min,V,"-"', "unknown pulse"),
        ('rhr_night,30-44,,62,0,10,/min,V,"-"', "both SDs must be above 0"),
    ],
)
def test_a_wrong_row_is_refused(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        read_parameters(PARAMETERS, write_priors(tmp_path / "priors.csv", row))


def test_each_feature_needs_a_row_for_everyone(tmp_path: Path) -> None:
    text = PRIORS.read_text(encoding="utf-8")
    path = tmp_path / "priors.csv"
    path.write_text(text.replace("ln_rmssd_night,,,", "ln_rmssd_night,under18,,"), encoding="utf-8")
    with pytest.raises(ParameterError, match="missing ln_rmssd_night"):
        read_parameters(PARAMETERS, path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("oura/Gen3", "ring"),
        ("fitbit_takeout/anything", "wrist"),
        ("polar/Polar H10 A1B2", "chest"),
        ("garmin_fit/HRM-Pro", "chest"),
        ("apple_health/Apple Watch Series 9", "wrist"),
        ("apple_health/iPhone", "phone"),
        ("samsung_health/Galaxy Ring", "ring"),
        ("health_connect/monitoring", ""),  # no ring
        ("rr_text/file", ""),
        ("unknown", ""),
    ],
)
def test_devices_are_of_a_kind_where_that_is_known(name: str, kind: str) -> None:
    assert DEVICE_KINDS[find_kinds([name], load_devices())[0]] == kind


def test_a_device_table_with_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    path.write_text("source,word,kind\noura,,finger\n")
    with pytest.raises(ParameterError, match=r"oura.*expected a source and a kind of wrist"):
        read_devices(path)
    path.write_text("source,kind\n")
    with pytest.raises(ParameterError, match="columns source, word, kind"):
        read_devices(path)


def test_bands_are_found_by_person() -> None:
    settings = pa.table(
        {
            "participant": ["p-b", "p-b", "p-a"],
            "name": ["cycle", "age_band", "cycle"],
            "value": ["yes", "60plus", "no"],
        }
    )
    people = pa.array(["p-a", "p-b"])
    assert find_bands(people, settings).tolist() == [0, AGE_BANDS.index("60plus")]
    assert find_bands(people, settings.slice(0, 0)).tolist() == [0, 0]


def fit(prior: Prior | None, nights: list[float]) -> float:
    """Baseline's mean of variability after some nights."""
    value = np.full((1, len(P.features), 42), NAN)
    if nights:
        value[0, HRV, -len(nights) :] = nights
    segment = np.where(np.isnan(value), NO_SEGMENT, 1)
    history = History(value, segment, np.zeros(value.shape, bool))
    return float(fit_baseline(history, segment[..., -1], P, prior).mean[0, HRV])


def test_a_prior_of_ones_own_is_where_the_baseline_starts_and_soon_weighs_little() -> None:
    band, kind = np.array([AGE_BANDS.index("60plus")]), np.zeros((1, len(P.features)), dtype=np.int64)
    old, nobody = choose_prior(P.priors, band, kind), choose_prior(P.priors, 0 * band, kind)
    assert old.mean.shape == (1, len(P.features))
    assert fit(old, []) == pytest.approx(old.mean[0, HRV]) == 3.25
    assert fit(nobody, []) == fit(None, []) == pytest.approx(3.6)
    few, many = [3.0] * 5, [3.0] * 40
    apart = [fit(nobody, nights) - fit(old, nights) for nights in ([], few, many)]
    # κ₀ = (.2/.5)² = .16; five equal nights, φ shrunk to .4 with no spread to learn from, are worth 15/7
    assert apart == pytest.approx([0.35, 0.35 * 0.16 / (0.16 + 15 / 7), 0.35 * 0.16 / (0.16 + 120 / 7)])
    assert fit(nobody, few) == fit(None, few)


# Through the warehouse


def lives(name: str, seed: int) -> list[Row]:
    rng = np.random.default_rng(seed)
    return [
        (
            name,
            FIRST + timedelta(days=k),
            feature,
            float(P.prior_mean[f] + P.prior_within[f] * rng.standard_normal()),
            0.1,
            "good",
            "fitbit_takeout/versa",
        )
        for k in range(20)
        for f, feature in enumerate(P.features)
    ]


NUMBERS = "select * exclude (input_hash) from model.{} where participant = '{}' order by all"


def test_a_set_age_moves_that_person_alone_and_is_taken_back(tmp_path: Path) -> None:
    staging = tmp_path / "staging"
    staging.mkdir()
    warehouse = tmp_path / "one.duckdb"
    put(warehouse, staging, [*lives("p-one", 1), *lives("p-two", 2)])
    with open_warehouse(warehouse) as con:
        con.execute("insert into meta.participant by name select 'p-one' as participant, 'UTC' as timezone")
    run(warehouse, staging)

    def read(name: str) -> list[list[tuple[object, ...]]]:
        return [ask(warehouse, NUMBERS.format(t, name)) for t in ("index_day", "baseline", "contribution")]

    before = read("p-one"), read("p-two")
    write_preferences(warehouse, "p-one", {"age_band": "60plus"}, now=NOW)
    assert run(warehouse, staging)
    assert read("p-two") == before[1]
    after = read("p-one")
    assert after[0] != before[0][0]
    moved = {row[2] for row in set(after[1]) - set(before[0][1])}
    assert moved == {"ln_rmssd_night"}
    hashes = ask(
        warehouse, "select count(distinct input_hash) from model.index_day where participant = 'p-one'"
    )
    write_preferences(warehouse, "p-one", {"age_band": None}, now=NOW)
    assert run(warehouse, staging)
    assert read("p-one") == before[0]
    assert hashes == [(20,)]


def test_a_prior_by_device_reaches_the_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A made-up row for wrists: only segments of wrists start from it."""
    path = write_priors(tmp_path / "priors.csv", 'rhr_night,,wrist,75,3,10,/min,assumed,"-"')
    monkeypatch.setattr("models.score.load_parameters", lambda: read_parameters(PARAMETERS, path))
    staging = tmp_path / "staging"
    staging.mkdir()
    warehouse = tmp_path / "one.duckdb"
    ring: list[Row] = [(*row[:6], "oura/gen3") for row in lives("p-two", 2)]
    put(warehouse, staging, [*lives("p-one", 1), *ring])
    run(warehouse, staging)
    first = "select mean from model.baseline where feature = 'rhr_night' and n_obs = 0 order by participant"
    assert [row[0] for row in ask(warehouse, first)] == pytest.approx([75, 60])
