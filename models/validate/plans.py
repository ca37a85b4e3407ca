"""What is tried on each data set: one configuration, fixed before anything was looked at."""

from __future__ import annotations

from collections.abc import Callable

from models import acute, sleepwake
from models.validate.learners import Fit, classify_with, fit_ridge, make_logistic
from models.validate.past import label_past
from models.validate.splits import Protocol
from models.validate.table import Table, keep_labelled, relabel, select_features, with_columns
from models.validate.trial import Plan

STRESS = ("not stressed", "stressed")
AGREEMENT = 0.5
"""Stages of sleep are very unequal, and their gate is agreement: see `learners.call_classes`."""


def plan_wesad(table: Table) -> list[Plan]:
    """Stress or not, and three classes, of minutes of the wrist: cross-order first, leave-one-out beside it.

    `table` has classes 0 baseline, 1 stress, 2 amusement, and its history beside each feature
    (`acute.add_history`).
    """
    two = relabel(table, {0: 0, 1: 1, 2: 0}, STRESS)
    protocols: tuple[Protocol, ...] = ("cross-order", "new person")
    plans = []
    for protocol in protocols:
        for name, part in list_variants(two).items():
            plans.append(Plan("stress or not", protocol, name, part, acute.learner(2)))
        plans.append(Plan("baseline, stress or amusement", protocol, "all", table, acute.learner(3)))
    return plans


def list_variants(table: Table) -> dict[str, Table]:
    """All features; without skin conductance; without the person's own past."""
    return {
        "all": table,
        "without EDA": select_features(table, lambda name: not name.startswith("eda_")),
        "without personal history": select_features(table, lambda name: not name.endswith(acute.HISTORY)),
    }


def plan_exams(table: Table) -> list[Plan]:
    """During an exam or outside it, for a new person: the clock knows this by design, and is printed."""
    return [
        Plan("during an exam or not", "new person", name, part, acute.learner(2))
        for name, part in list_variants(table).items()
    ]


def plan_minutes(table: Table, task: str) -> list[Plan]:
    """Two classes of minutes or windows, for a new person, by the detector's learner."""
    return [Plan(task, "new person", "all", table, acute.learner(len(table.classes)))]


def plan_days(table: Table, task: str) -> list[Plan]:
    """A daily answer: sensors with the person's own earlier answers, and sensors alone; later, and for a new person.

    For a new person their own answers are no input.
    """
    fit: Fit = classify_with(make_logistic, len(table.classes)) if table.classes else fit_ridge
    known = keep_labelled(table)
    past = label_past(known)
    with_past = with_columns(known, {"label_mean_before": past[:, 0], "label_last_before": past[:, 1]})
    return [
        Plan(task, "same person later", "all", with_past, fit),
        Plan(task, "same person later", "sensors alone", known, fit),
        Plan(task, "new person", "sensors alone", known, fit),
    ]


def plan_pmdata(table: Table) -> list[Plan]:
    """Felt stress as a number, and whether it is above the middle of its scale."""
    above = relabel(table, {1: 0, 2: 0, 3: 0, 4: 1, 5: 1}, ("not stressed", "stressed"))
    return plan_days(table, "felt stress, 1 to 5") + plan_days(above, "felt stress above 3 or not")


def plan_sleep(table: Table) -> list[Plan]:
    """Sleep from heart rate, with and without a clock since bedtime.

    `table` has classes 0 wake, 1 NREM, 2 REM.
    """
    two = relabel(table, {0: 1, 1: 0, 2: 0}, ("asleep", "awake"))
    three = table
    plans = []
    for name, wanted in (("all", anything), ("without clock", without_clock)):
        for task, part in (("asleep or awake", two), ("wake, NREM or REM", three)):
            fit = classify_with(make_logistic, len(part.classes))
            plans.append(Plan(task, "new person", name, select_features(part, wanted), fit, AGREEMENT))
    return plans


def anything(_name: str) -> bool:
    """Every feature."""
    return True


def without_clock(name: str) -> bool:
    """Features of the heart only."""
    return name not in sleepwake.CLOCK


def plan_own(table: Table) -> list[Plan]:
    """A table of one's own: days if each row is of another day of its person, else windows."""
    daily = len({(p, d) for p, d in zip(table.participant.tolist(), table.day.tolist(), strict=True)}) == len(
        table
    )
    if daily:
        return plan_days(table, "label")
    plans = (
        plan_minutes(table, "label")
        if table.classes
        else [Plan("label", "new person", "all", table, fit_ridge)]
    )
    if any(table.order.tolist()):
        first = plans[0]
        plans.insert(0, Plan(first.task, "cross-order", first.variant, table, first.fit))
    return plans


PLANS: dict[str, Callable[[Table], list[Plan]]] = {
    "wesad": plan_wesad,
    "exam_stress": plan_exams,
    "swell_kw": lambda table: plan_minutes(table, "under a stressor or not"),
    "lifesnaps": lambda table: plan_days(table, "tense or not"),
    "pmdata": plan_pmdata,
    "sleep_accel": plan_sleep,
    "own": plan_own,
}
"""Plans by data set."""
