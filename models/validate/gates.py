"""What has to be reached before anything is claimed, and what others have published: one place for both (SCIENCE 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.validate.trial import CLOCKS, MODEL, Trial, Value

Bound = Literal["value", "lo95", "worst_tenth", "above the clocks"]

TOO_FEW = "not a gate result: too few people"
NOT_RUN = "not run"
PASSED, FAILED = "passed", "not passed"


@dataclass(frozen=True)
class Gate:
    """One bound: which number of which trial of which data set, and how high it must be.

    `people` is how many the whole set has: with fewer there is no gate result. A bound of
    'above the clocks' asks the model to be above every clock-only baseline of the same trial.
    """

    dataset: str
    task: str
    protocol: str
    variant: str
    metric: str
    bound: Bound
    at_least: float
    people: int


def stress_gate(
    protocol: str, variant: str, bound: Bound, at_least: float, task: str = "stress or not"
) -> Gate:
    """Gate of balanced accuracy on WESAD's wrist signals."""
    return Gate("wesad", task, protocol, variant, "balanced_accuracy", bound, at_least, 15)


THREE = "baseline, stress or amusement"
FELT = "lift_over_label_only"
GATES: tuple[Gate, ...] = (
    stress_gate("cross-order", "all", "value", 0.92),
    stress_gate("cross-order", "all", "lo95", 0.86),
    stress_gate("cross-order", "all", "above the clocks", 0.0),
    stress_gate("new person", "all", "value", 0.95),
    stress_gate("new person", "all", "worst_tenth", 0.87),
    stress_gate("cross-order", "without EDA", "value", 0.905),
    stress_gate("new person", "without EDA", "value", 0.88),
    stress_gate("cross-order", "without personal history", "value", 0.89),
    stress_gate("cross-order", "all", "value", 0.76, THREE),
    Gate("sleep_accel", "asleep or awake", "new person", "all", "kappa", "value", 0.43, 31),
    Gate("sleep_accel", "wake, NREM or REM", "new person", "all", "kappa", "value", 0.51, 31),
    Gate("pmdata", "felt stress, 1 to 5", "same person later", "all", FELT, "lo95", 0.0, 16),
    Gate("lifesnaps", "tense or not", "same person later", "all", FELT, "lo95", 0.0, 71),
)
"""The bounds of SCIENCE 6. Those of felt stress must be above 0, the others at least what is said."""


@dataclass(frozen=True)
class Published:
    """A number of somebody else's, and how it was got; `tag` V read in the source, R recalled, M our measurement."""

    dataset: str
    what: str
    protocol: str
    number: str
    source: str
    tag: Literal["V", "R", "M"]


SCHMIDT = "Schmidt 2018, doi:10.1145/3242969.3242985"
WALCH = "Walch 2019, doi:10.1093/sleep/zsz180"
OURS = "an earlier, plain pipeline on the whole set"
PUBLISHED: tuple[Published, ...] = (
    Published(
        "wesad",
        "stress or not, wrist physiology",
        "leave-one-person-out",
        "accuracy .883, F1 .861",
        SCHMIDT,
        "R",
    ),
    Published(
        "wesad",
        "three classes, all wrist sensors",
        "leave-one-person-out",
        "accuracy .762, F1 .663",
        SCHMIDT,
        "R",
    ),
    Published(
        "wesad", "stress or not, chest and wrist", "leave-one-person-out", "accuracy up to .93", SCHMIDT, "V"
    ),
    Published(
        "wesad",
        "stress or not, wrist",
        "leave-one-person-out",
        "accuracy .893",
        "open rerun, not reviewed",
        "V",
    ),
    Published(
        "wesad", "stress or not", "random folds of windows: leaks", "accuracy .997 to .9996", "several", "V"
    ),
    Published(
        "wesad", "stress or not, wrist", "cross-order", "balanced accuracy .920 [.862, .967]", OURS, "M"
    ),
    Published(
        "wesad",
        "stress or not, wrist",
        "leave-one-person-out",
        "balanced accuracy .953 [.920, .982]",
        OURS,
        "M",
    ),
    Published(
        "wesad", "minutes since switch-on alone", "leave-one-person-out", "balanced accuracy .915", OURS, "M"
    ),
    Published(
        "wesad", "minutes since switch-on alone", "cross-order", "balanced accuracy .605 to .814", OURS, "M"
    ),
    Published(
        "sleep_accel",
        "asleep or awake, heart rate and motion",
        "new people",
        "accuracy .90, sensitivity .93, specificity .60",
        WALCH,
        "V",
    ),
    Published(
        "sleep_accel", "wake, NREM or REM, heart rate and motion", "new people", "accuracy .72", WALCH, "V"
    ),
    Published(
        "sleep_accel",
        "asleep or awake, heart rate alone",
        "leave-one-person-out",
        "κ .425, AUROC .845, specificity .542 at sensitivity .93",
        OURS,
        "M",
    ),
    Published(
        "sleep_accel",
        "wake, NREM or REM, heart rate alone",
        "leave-one-person-out",
        "κ .512, accuracy .768",
        OURS,
        "M",
    ),
    Published(
        "sleep_accel",
        "sleep time of a night",
        "leave-one-person-out",
        "error 23.6 min; constant efficiency 17.1 min",
        OURS,
        "M",
    ),
    Published(
        "swell_kw",
        "stressor or neutral",
        "leave-one-person-out",
        "accuracy .59",
        "Koldijk 2018, doi:10.1109/TAFFC.2016.2610975",
        "R",
    ),
    Published(
        "swell_kw",
        "stressor or neutral",
        "people mixed: leaks",
        "accuracy .90",
        "Koldijk 2018, doi:10.1109/TAFFC.2016.2610975",
        "R",
    ),
    Published(
        "lifesnaps",
        "anxious (STAI)",
        "split not verified",
        "accuracy .776, AUROC .709; always yes .65",
        "Velu 2025",
        "V",
    ),
    Published(
        "lifesnaps",
        "tense or not",
        "same person later",
        "AUROC: label only .720, with sensors .708",
        OURS,
        "M",
    ),
    Published(
        "pmdata", "felt stress", "same person later", "lift in MAE over the label's own past .000", OURS, "M"
    ),
    Published(
        "exam_stress",
        "high or low grade",
        "not comparable: another question",
        "accuracy .70 to .80",
        "Amin 2022, the data set's paper",
        "R",
    ),
)


@dataclass(frozen=True)
class Result:
    """A gate, the number that was reached, and what follows."""

    gate: Gate
    reached: float | None
    outcome: str


def judge(dataset: str, trials: tuple[Trial, ...]) -> tuple[Result, ...]:
    """Hold the trials of a data set against its gates."""
    return tuple(judge_gate(gate, trials) for gate in GATES if gate.dataset == dataset)


def judge_gate(gate: Gate, trials: tuple[Trial, ...]) -> Result:
    """Hold the trial that a gate names against it."""
    named = [t for t in trials if (t.task, t.protocol, t.variant) == (gate.task, gate.protocol, gate.variant)]
    if not named or not named[0].schemes:
        return Result(gate, None, f"{NOT_RUN}: {named[0].reason if named else 'no such trial'}")
    trial = named[0]
    found = trial.score(MODEL, gate.metric)
    if gate.bound == "above the clocks":
        reached, passed = above_clocks(gate, trial, found)
    else:
        reached = {"value": found.value, "lo95": found.lo95, "worst_tenth": found.worst_tenth}[gate.bound]
        strict = gate.metric == FELT
        passed = reached is not None and (reached > gate.at_least if strict else reached >= gate.at_least)
    if trial.people < gate.people:
        return Result(gate, reached, TOO_FEW)
    return Result(gate, reached, PASSED if passed else FAILED)


def above_clocks(gate: Gate, trial: Trial, found: Value) -> tuple[float | None, bool]:
    """How far the model is above the best baseline that knows only a clock."""
    clocks = [trial.score(clock, gate.metric).value for clock in CLOCKS]
    known = [value for value in clocks if value is not None]
    if not known or found.value is None:
        return None, False
    above = found.value - max(known)
    return above, above > 0
