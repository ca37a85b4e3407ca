"""What is asked: one thing a person does, its days, and what is known to stand in the way of an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from models.baseline import Flag, Real, Whole

Kind = Literal["since_start", "after_sessions", "plan"]
Outcome = Literal["index", "felt_stress", "ln_rmssd", "tst_min"]
Verdict = Literal["likely_lower", "no_clear_change", "likely_higher", "cannot_tell"]
Design = Literal["blocks_2", "blocks_7", "start"]
Reason = Literal[
    "no_outcome",
    "few_days_before",
    "few_days_after",
    "few_days_with",
    "few_days_without",
    "many_days_missing",
    "same_weekday",
    "few_moved_sessions",
    "begun_on_hard_days",
    "sessions_on_hard_days",
    "another_change",
    "device_changed",
    "wear_changed",
    "plan_not_over",
    "plan_given_up",
    "no_variation",
]

OUTCOMES: tuple[Outcome, ...] = ("index", "felt_stress", "ln_rmssd", "tst_min")
"""The first is the primary one unless a plan says otherwise; the others are exploratory."""


@dataclass(frozen=True)
class Draw:
    """What a randomised plan could have been: each row of `possible` (draws, days) is a 1 or 0 a day.

    `first` is the first day of the plan as a place in the question's days; `taken` the row that was drawn.
    """

    design: Design
    first: int
    taken: Whole
    possible: Whole


@dataclass(frozen=True)
class Question:
    """One question about one thing.

    `day` (days,) are days since 1970 in a row, from the first that may be looked at to the last that is known.
    `with_it` (days,) is true on days with it: from the start on; the day of a session and the three after it; the
    days a plan says. `session` (days,) is true on days of a session. `start` is the place in `day` of the first day
    with it. `others` (days, kinds) is 1 on days with illness, travel or another thing that is allowed for. `hinders`
    is the reason that the noted days themselves give for no answer, with `needed` of what would help.
    """

    kind: Kind
    event: str
    app: str
    day: Whole
    with_it: Flag
    session: Flag
    start: int
    others: Real
    hinders: Reason | None = None
    needed: int | None = None
    draw: Draw | None = None
    outcome: Outcome = "index"


@dataclass(frozen=True)
class Look:
    """When a question is judged: with the days up to `last` (a place), at this level, early or for good."""

    last: int
    level: float
    early: bool


@dataclass(frozen=True)
class Estimate:
    """A difference between days with and without it, in the outcome's unit, with its interval at `level`.

    `p_lower`, `p_inside`, `p_higher` (below, within, above .2 `sd`) and `phi` are NaN with randomisation. `expected`
    (days,) is what was expected of each day looked at without it, `expected_sd` its spread for a single day.
    """

    effect: float
    lo: float
    hi: float
    level: float
    p_value: float
    sd: float
    p_lower: float = np.nan
    p_inside: float = np.nan
    p_higher: float = np.nan
    phi: float = np.nan
    expected: Real = field(default_factory=lambda: np.empty(0))
    expected_sd: Real = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class Checks:
    """What other ways of looking say, in SDs of the outcome; NaN where a check does not apply.

    None of them is a finding by itself: they can only take one back (`steady` false).
    """

    tau: float = np.nan
    forecast: float = np.nan
    forecast_lo: float = np.nan
    forecast_hi: float = np.nan
    placebo_share: float = np.nan
    without_a_week_lo: float = np.nan
    without_a_week_hi: float = np.nan
    without_weeks_before: float = np.nan
    phi_low: float = np.nan
    phi_high: float = np.nan
    steady: bool = True


@dataclass(frozen=True)
class Answer:
    """The answer to a question about one outcome at one look.

    `reason` and `needed` where `verdict` is cannot_tell; `estimate` is None where nothing was estimated. `first`
    and `last` are places in the question's days; the counts are days with a value among them.
    """

    verdict: Verdict
    first: int
    last: int
    days_without: int
    days_with: int
    sessions: int
    early: bool = False
    reason: Reason | None = None
    needed: int | None = None
    estimate: Estimate | None = None
    checks: Checks | None = None
