"""The numbers that somebody chose: models/parameters.toml and models/priors.csv, read once.

Everything else in models/ gets them as one frozen value. A key that is not known, or one that is
missing, is refused by name, so that a misspelt number cannot be silently ignored.
"""

from __future__ import annotations

import csv
import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from warehouse.preferences import find_preference

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Group = TypeVar("Group", bound=DataclassInstance)

PARAMETERS = Path(__file__).with_name("parameters.toml")
PRIORS = Path(__file__).with_name("priors.csv")
METHOD = "models-2"
AGE_BANDS = ("", *find_preference("age_band").pattern.split("|"))
DEVICE_KINDS = ("", "wrist", "ring", "arm", "chest", "phone")
"""Whom a prior is for; the empty text stands for everyone, and for any device."""
GROUPS = (
    "baseline",
    "index",
    "levels",
    "alerts",
    "adjustments",
    "wear",
    "shifts",
    "agreement",
)


class ParameterError(ValueError):
    """A parameter file does not say what it must: which key, where, what was expected."""


@dataclass(frozen=True)
class FeatureRow:
    """One feature of the index, as parameters.toml has it."""

    domain: str
    share: float
    direction: int
    gate: bool


@dataclass(frozen=True)
class PriorRow:
    """Population prior of one feature, in its unit, whom it is for, and where it comes from.

    `age_band` and `device_kind` are empty where it is for everyone, with any device. `tag` says how
    well it is known: V read in the source, R recalled, assumed where none exists.
    """

    age_band: str
    device_kind: str
    mean: float
    sd_within: float
    sd_between: float
    unit: str
    tag: str
    citation: str


@dataclass(frozen=True, eq=False)
class Prior:
    """What is known of a feature before anything is known of a person, in the feature's unit.

    `mean` over people, the spread `within` a person and that `between` people; all of one shape.
    """

    mean: NDArray[np.float64]
    within: NDArray[np.float64]
    between: NDArray[np.float64]


@dataclass(frozen=True)
class BaselineParameters:
    """What models.baseline needs; the meaning of each is in parameters.toml."""

    window_days: int
    learning_days: int
    settled_days: int
    winsor_mad: float
    winsor_days: int
    restart_days: int
    phi_target: float
    phi_days: float
    phi_max: float
    prior_df: float
    device_offset_sd: float
    device_spread_share: float
    low_quality_weight: float
    usual_lo: float
    usual_hi: float


@dataclass(frozen=True)
class IndexParameters:
    """What models.index needs; the meaning of each is in parameters.toml."""

    correlation_target: float
    correlation_days: float
    z_clip: float
    draws: int
    seed: int
    number_width: float
    good_coverage: float
    low_coverage: float


@dataclass(frozen=True)
class AlertParameters:
    """What models.alerts needs; the meaning of each is in parameters.toml."""

    allowance: float
    threshold: float
    ceiling: float
    latent_clip: float
    feature_z: float
    groups: int
    silent_days: int
    hold_days: int
    causes: int
    night_yellow_bpm: float
    night_red_bpm: float
    night_days: int


@dataclass(frozen=True)
class AdjustmentParameters:
    """What models.adjustments needs; the meaning of each is in parameters.toml."""

    weekday_weeks: int
    weekday_days: float
    weekday_half_life_days: float
    cycles: int
    cycle_window_days: int
    cycle_days: float
    cycle_shortest_days: int
    cycle_longest_days: int
    cycle_late_days: int


@dataclass(frozen=True)
class WearParameters:
    """What models.wear_profile needs; the meaning of each is in parameters.toml."""

    least_days: int
    distance: float
    distance_ratio: float


@dataclass(frozen=True)
class ShiftParameters:
    """What models.shifts needs; the meaning of each is in parameters.toml."""

    hazard: float
    runs: int
    jump_sd: float
    prior_df: float
    phi: float
    week_days: int
    settle_weeks: int
    blur_weeks: int
    probability: float
    step_sd: float
    slow_weeks: int
    slow_sd: float
    slow_probability: float
    more_sd: float
    slow_share: float


@dataclass(frozen=True)
class AgreementParameters:
    """What models.agreement needs; the meaning of each is in parameters.toml."""

    least_checkins: int
    window_days: int
    draws: int
    seed: int
    confidence: float
    weights_pairs: int
    train_pairs: int
    block_pairs: int
    ridge_pairs: float
    better: float


@dataclass(frozen=True)
class Levels:
    """Cut points, in whole scores, between the words for an index."""

    much_higher: int
    higher: int
    calmer: int
    much_calmer: int


@dataclass(frozen=True, eq=False)
class Parameters:
    """All of them. Arrays have one entry a feature, in the order of `features`.

    `domain` names the domain of each; `weight` adds up to 1; `direction` is +1 or -1; `gate` is true for
    features without any of which there is no index. `prior_mean`, `prior_within` and `prior_between`
    are in the feature's unit, for everyone; `priors` (AGE_BANDS, DEVICE_KINDS, features) has those of
    each age band and device kind too.
    """

    version: str
    features: tuple[str, ...]
    domain: tuple[str, ...]
    weight: NDArray[np.float64]
    direction: NDArray[np.float64]
    gate: NDArray[np.bool_]
    prior_mean: NDArray[np.float64]
    prior_within: NDArray[np.float64]
    prior_between: NDArray[np.float64]
    priors: Prior
    baseline: BaselineParameters
    index: IndexParameters
    levels: Levels
    alerts: AlertParameters
    adjustments: AdjustmentParameters
    wear: WearParameters
    shifts: ShiftParameters
    agreement: AgreementParameters

    @property
    def reach_days(self) -> int:
        """Give how many later days a change of a day reaches: those that have it in their window."""
        return self.baseline.window_days

    @property
    def method_version(self) -> str:
        """Version that every row of model.* carries, such as `models-2+2026-11`."""
        return f"{METHOD}+{self.version}"


@cache
def load_parameters() -> Parameters:
    """Read the parameters that this package ships; the files are read once."""
    return read_parameters(PARAMETERS, PRIORS)


def read_parameters(toml_path: Path, priors_path: Path) -> Parameters:
    """Read a parameter file and the priors of its features.

    Raises
    ------
    ParameterError
        If a key is unknown, missing or of another type, if shares do not add up to 1, or if a
        feature lacks its prior or a prior its feature.
    """
    name = toml_path.name
    document = tomllib.loads(toml_path.read_text(encoding="utf-8"))
    check_keys(document, ("version", "domains", "features", *GROUPS), name)
    rows = {f: take(FeatureRow, row, f"{name} [features] {f}") for f, row in document["features"].items()}
    priors = lay_priors(read_priors(priors_path), tuple(rows), priors_path.name)
    return Parameters(
        version=str(document["version"]),
        features=tuple(rows),
        domain=tuple(row.domain for row in rows.values()),
        weight=frozen(weigh(rows, document["domains"], name)),
        direction=frozen([float(row.direction) for row in rows.values()]),
        gate=np.array([row.gate for row in rows.values()]),
        prior_mean=priors.mean[0, 0],
        prior_within=priors.within[0, 0],
        prior_between=priors.between[0, 0],
        priors=priors,
        baseline=take(BaselineParameters, document["baseline"], f"{name} [baseline]"),
        index=take(IndexParameters, document["index"], f"{name} [index]"),
        levels=take(Levels, document["levels"], f"{name} [levels]"),
        alerts=take(AlertParameters, document["alerts"], f"{name} [alerts]"),
        adjustments=take(AdjustmentParameters, document["adjustments"], f"{name} [adjustments]"),
        wear=take(WearParameters, document["wear"], f"{name} [wear]"),
        shifts=take(ShiftParameters, document["shifts"], f"{name} [shifts]"),
        agreement=take(AgreementParameters, document["agreement"], f"{name} [agreement]"),
    )


def read_priors(path: Path) -> dict[tuple[str, str, str], PriorRow]:
    """Read the population priors by feature, age band and device kind, each with its citation."""
    priors = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            key = row.get("feature", ""), row.get("age_band", ""), row.get("device_kind", "")
            where = f"{path.name} line of {' '.join(filter(None, key))}"
            values: dict[str, object] = {k: v for k, v in row.items() if k != "feature"}
            for number in ("mean", "sd_within", "sd_between"):
                values[number] = to_number(row.get(number), f"{where}, {number}")
            prior = take(PriorRow, values, where)
            if prior.age_band not in AGE_BANDS or prior.device_kind not in DEVICE_KINDS:
                known = f"{', '.join(AGE_BANDS[1:])}; device_kind {', '.join(DEVICE_KINDS[1:])}; or nothing"
                raise ParameterError(f"{where}: expected an age_band of {known}")
            if min(prior.sd_within, prior.sd_between) <= 0 or not prior.citation:
                raise ParameterError(f"{where}: both SDs must be above 0 and the citation must be there")
            if key in priors:
                raise ParameterError(f"{where}: it is there twice; keep one")
            priors[key] = prior
    return priors


def lay_priors(rows: Mapping[tuple[str, str, str], PriorRow], features: tuple[str, ...], where: str) -> Prior:
    """Lay the priors out for every age band, device kind and feature: the most specific row holds.

    A row for age and device goes before one for the age alone, that before one for the device alone,
    and that before the one for everyone, which each feature has.
    """
    everyone = {feature: row for (feature, band, kind), row in rows.items() if not band and not kind}
    check_keys(everyone, features, f"{where} column feature, rows for everyone")
    check_keys({feature: None for feature, _, _ in rows}, features, f"{where} column feature")
    values = np.empty((3, len(AGE_BANDS), len(DEVICE_KINDS), len(features)))
    for i, band in enumerate(AGE_BANDS):
        for j, kind in enumerate(DEVICE_KINDS):
            for f, feature in enumerate(features):
                wanted = (band, kind), (band, ""), ("", kind), ("", "")
                row = next(rows[feature, *whom] for whom in wanted if (feature, *whom) in rows)
                values[:, i, j, f] = row.mean, row.sd_within, row.sd_between
    values.flags.writeable = False
    return Prior(*values)


def weigh(rows: dict[str, FeatureRow], domains: dict[str, float], where: str) -> list[float]:
    """Weight of each feature: share of its domain in the index times its share in the domain."""
    check_keys(domains, tuple(dict.fromkeys(row.domain for row in rows.values())), f"{where} [domains]")
    sums = {"the domains": sum(domains.values())}
    for domain in domains:
        sums[domain] = sum(row.share for row in rows.values() if row.domain == domain)
    for what, total in sums.items():
        if abs(total - 1.0) > 1e-9:
            raise ParameterError(f"{where}: shares of {what} add up to {total:g}, expected 1")
    if any(row.direction not in (-1, 1) for row in rows.values()):
        raise ParameterError(f"{where} [features]: every direction must be 1 or -1")
    return [domains[row.domain] * row.share for row in rows.values()]


def take(kind: type[Group], values: dict[str, object], where: str) -> Group:
    """Make a dataclass of a table with exactly its keys, each of its type."""
    fields = {field.name: str(field.type) for field in dataclasses.fields(kind)}
    check_keys(values, tuple(fields), where)
    for key, expected in fields.items():
        value = values[key]
        if expected == "float" and type(value) is int:
            continue
        if type(value).__name__ != expected:
            raise ParameterError(f"{where}, {key}: expected {expected}, got {value!r}")
    return kind(**values)


def check_keys(values: Mapping[str, object], expected: tuple[str, ...], where: str) -> None:
    """Refuse unknown and missing keys by name."""
    unknown = [key for key in values if key not in expected]
    missing = [key for key in expected if key not in values]
    if unknown or missing:
        raise ParameterError(
            f"{where}: unknown {', '.join(unknown) or 'none'}; missing {', '.join(missing) or 'none'};"
            f" expected exactly {', '.join(expected)}"
        )


def to_number(text: str | None, where: str) -> float:
    """Read one number of the CSV."""
    try:
        return float(text or "")
    except ValueError:
        raise ParameterError(f"{where}: expected a number, got {text!r}") from None


def frozen(values: list[float]) -> NDArray[np.float64]:
    """Make an array that nobody can write to."""
    array = np.array(values)
    array.flags.writeable = False
    return array
