"""Rows of `model.effect` and `model.effect_day`, from answers.

The index is asked about in spreads of L, where a difference means the same everywhere, and told in its own points:
100·(Φ(m + e) − Φ(m)) for a difference e, m being what is expected of the days with it, on average, without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import ndtr

from models.baseline import Flag, Real
from models.effect.limits import METHOD
from models.effect.question import Answer, Question
from warehouse.tables import find_table

EPOCH = date(1970, 1, 1)
BAND_SD = 1.2815515655446004
"""An 80 % band reaches so many SDs to either side."""
DECIMALS = 9
"""Numbers are rounded to it: below anything that means something, above the order of sums."""
CHECKS = {
    "tau": "tau",
    "forecast_sd": "forecast",
    "forecast_lo_sd": "forecast_lo",
    "forecast_hi_sd": "forecast_hi",
    "placebo_share": "placebo_share",
    "without_a_week_lo_sd": "without_a_week_lo",
    "without_a_week_hi_sd": "without_a_week_hi",
    "without_weeks_before_sd": "without_weeks_before",
    "phi_low_sd": "phi_low",
    "phi_high_sd": "phi_high",
}
"""Columns of checks, and their names in `Checks`."""
ESTIMATES = (
    *("sd", "effect_sd", "lo_sd", "hi_sd", "effect", "lo", "hi"),
    *("p_value", "p_lower", "p_inside", "p_higher", "phi"),
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """One outcome of a question, answered: its series, answer, adjusted p-value, and where it is from."""

    question: Question
    value: Real
    answer: Answer
    primary: bool
    q_value: float
    source: str | None
    input_hash: str


def to_date(day: int) -> date:
    """The date of a day since 1970."""
    return EPOCH + timedelta(days=int(day))


def lay_row(told: Told, participant: str, monday: int) -> Row:
    """Lay out one row of model.effect."""
    question, answer = told.question, told.answer
    checks = answer.checks
    return (
        lay_key(question, participant, monday)
        | {
            "outcome": question.outcome,
            "primary_outcome": told.primary,
            "verdict": answer.verdict,
            "reason": answer.reason,
            "needed": answer.needed,
            "start_day": to_date(find_start(question)),
            "first_day": to_date(question.day[answer.first]),
            "last_day": to_date(question.day[answer.last]),
            "days_without": answer.days_without,
            "days_with": answer.days_with,
            "sessions": answer.sessions,
            "method": name_method(told),
            "early": answer.early,
        }
        | lay_estimate(told)
        | {"q_value": tidy(told.q_value)}
        | {name: None if checks is None else tidy(getattr(checks, of)) for name, of in CHECKS.items()}
        | {"steady": None if checks is None else bool(checks.steady)}
        | lay_provenance(told)
    )


def lay_key(question: Question, participant: str, monday: int) -> Row:
    """Lay out the key that both tables have."""
    return {
        "participant": participant,
        "day": to_date(monday),
        "event": question.event,
        "app": question.app,
        "question": question.kind,
    }


def lay_provenance(told: Told) -> Row:
    """Lay out where a row is from."""
    return {"source": told.source, "method_version": METHOD, "input_hash": told.input_hash}


def find_start(question: Question) -> int:
    """First day with it; first day of a plan."""
    return int(question.day[question.start if question.draw is None else question.draw.first])


def name_method(told: Told) -> str | None:
    """How it was estimated; None where it was not."""
    if told.answer.estimate is None:
        return None
    return "autoregressive" if told.question.draw is None else "randomisation"


def lay_estimate(told: Told) -> Row:
    """Lay out the numbers of an estimate, in SDs and in the outcome's unit; all null where there is none."""
    estimate = told.answer.estimate
    if estimate is None:
        return dict.fromkeys(ESTIMATES)
    in_sd = {f"{name}_sd": getattr(estimate, name) / estimate.sd for name in ("effect", "lo", "hi")}
    unit = {name: getattr(estimate, name) for name in ("effect", "lo", "hi", "sd")}
    if told.question.outcome == "index":
        there = find_with_it(told)
        expected, spread = estimate.expected[there], estimate.expected_sd[there]
        unit = {
            name: float(np.mean(to_points(expected + away, spread) - to_points(expected, spread)))
            for name, away in unit.items()
        }
    chances = {
        name: getattr(estimate, name) for name in ("p_value", "p_lower", "p_inside", "p_higher", "phi")
    }
    found = in_sd | unit | chances
    return {name: tidy(found[name]) for name in ESTIMATES}


def to_points(expected: Real, spread: Real) -> Real:
    """What the index is on average (days,) where L is expected so high, and days lie about that with a spread.

    100·Φ of what is expected would be the middle day and not the mean of days, which is nearer to 50: a difference
    of middle days is larger (45 points instead of 36) than the one of means that a picture of the days shows.
    """
    return np.asarray(100 * ndtr(expected / np.sqrt(1 + spread**2)))


def find_with_it(told: Told) -> Flag:
    """The days with it, of those looked at, that have a value."""
    span = slice(told.answer.first, told.answer.last + 1)
    return np.asarray(told.question.with_it[span] & np.isfinite(told.value[span]))


def lay_days(told: Told, participant: str, monday: int) -> list[Row]:
    """Lay out the rows of model.effect_day of a primary outcome; none where nothing was estimated."""
    estimate = told.answer.estimate
    if estimate is None:
        return []
    span = slice(told.answer.first, told.answer.last + 1)
    expected, reach = estimate.expected, BAND_SD * estimate.expected_sd
    lines = [told.value[span], expected, expected - reach, expected + reach]
    if told.question.outcome == "index":
        lines = [100 * ndtr(line) for line in lines]
        lines[1] = to_points(expected, estimate.expected_sd)
    with_it: Flag = told.question.with_it[span]
    key, provenance = lay_key(told.question, participant, monday), lay_provenance(told)
    return [
        key
        | {
            "date": to_date(day),
            "value": tidy(value),
            "expected": tidy(expected),
            "expected_lo": tidy(low),
            "expected_hi": tidy(high),
            "with_it": bool(flag),
        }
        | provenance
        for day, value, expected, low, high, flag in zip(
            told.question.day[span], *lines, with_it, strict=True
        )
    ]


def tidy(number: float) -> float | None:
    """Round to DECIMALS; None for what is not a number, or has no end."""
    return round(float(number), DECIMALS) + 0.0 if np.isfinite(number) else None


def tabulate(table: str, rows: list[Row]) -> pa.Table:
    """Make a table of rows of a declared table."""
    return pa.Table.from_pylist(rows, schema=find_table(table).arrow_schema)
