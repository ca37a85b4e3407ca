"""docs/effect.md says what the simulation found and what the numbers in use are, and nothing older."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from models.effect import limits
from models.effect.question import Reason
from models.effect.randomise import DRAWS, START_DAYS
from models.effect.simulation import PATHS, WEEKDAY_SD
from models.effect.tables import PHIS, fill_tables, fingerprint

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = (DOCS / "effect.md").read_text(encoding="utf-8")
FOUND = json.loads((DOCS / "figures" / "effects.json").read_text(encoding="utf-8"))
WORDS = re.sub(r"\s+", " ", re.sub(r"<!-- begin.*?<!-- end", "", PAGE, flags=re.DOTALL))
MOST_FALSE = 0.07
OURS = (
    *("few_days_before", "few_days_after", "few_days_with", "few_days_without", "many_days_missing"),
    *("same_weekday", "no_variation", "begun_on_hard_days", "sessions_on_hard_days", "plan_not_over"),
)
"""Reasons that depend on the outcome or the days known; the others come with the question."""


def short(value: float) -> str:
    return f"{value:g}".removeprefix("0")


def test_its_tables_are_those_of_the_simulation() -> None:
    assert fill_tables(PAGE, FOUND) == PAGE, "run `python benchmarks/effects.py`"


def test_its_simulation_was_made_with_the_numbers_of_today() -> None:
    assert FOUND["numbers"] == fingerprint(), "run `python benchmarks/effects.py`"
    assert FOUND["method"] == limits.METHOD
    assert FOUND["people"] >= 1000


def test_where_nothing_happens_at_most_7_percent_are_findings_on_every_path() -> None:
    for path in PATHS:
        for phi in PHIS:
            for world in ("none", "none, days lost"):
                assert FOUND["paths"][path][phi][world]["told"] <= MOST_FALSE, (path, phi, world)
                assert FOUND["paths"][path][phi][world]["small_p"] <= MOST_FALSE, (path, phi, world)
    for phi in PHIS:
        assert max(FOUND["looks"][phi].values()) <= MOST_FALSE


def test_an_interval_holds_what_was_planted_at_its_rate() -> None:
    """Of 1,000 people, .93 is three standard errors under .95."""
    for path in PATHS:
        for phi in PHIS:
            for world in ("0.5", "none, days lost"):
                assert FOUND["paths"][path][phi][world]["held"] >= 0.93, (path, phi, world)
    for phi in PHIS:
        assert FOUND["drifts"]["drawn"][phi]["held"] == pytest.approx(0.95, abs=0.021)


def test_sessions_and_plans_do_not_suffer_from_a_wandering_level() -> None:
    """Of 500 people, .10 is three standard errors above .07."""
    for paths in FOUND["wanders"].values():
        for path in ("after_sessions", "blocks_2"):
            assert max(paths[path][phi]["told"] for phi in PHIS) <= 0.10


def test_therapy_on_one_weekday_that_was_never_missed_is_refused_each_time() -> None:
    for phi in PHIS:
        assert FOUND["fixed"][phi]["refused"] == {"same_weekday": 1.0}
    assert (
        "Therapy on one weekday, never missed, with a true difference of 1 SD: `same_weekday`, each time."
        in WORDS
    )


def test_what_its_sentences_say_of_the_numbers_is_so() -> None:
    """Each phrase is made of the number and has to stand on the page."""
    people = f"{FOUND['people']:,}"
    early, late = f"{limits.EARLY_LEVEL:.0%}".replace("%", " %"), f"{limits.LEVEL:.0%}".replace("%", " %")
    for phrase in (
        f"up to {limits.BEFORE_DAYS} days before with up to {limits.AFTER_DAYS} days from it on",
        f"under {limits.LEAST_DAYS} days with a value on a side (a plan: {limits.PLAN_LEAST_DAYS})",
        f"under {limits.VALID_SHARE:.0%}".replace("%", " %") + " of days with a value",
        f"leave under {limits.LEAST_VARIATION:g} days' worth",
        f"the last {limits.STRETCHES[0]} or {limits.STRETCHES[1]} days before the start",
        f"p < {short(limits.HARD_P)}, days following each other",
        f"an even prior from {limits.PHI_GRID[0]:g} to {short(limits.PHI_GRID[-1])}",
        f"exactly on {limits.PHI_GRID.size} values of φ",
        f"The drift has a prior: {short(limits.TREND_SD)} SD in {limits.TREND_DAYS} days",
        f"all {START_DAYS.size} of a drawn start",
        f"the drawn one and {DRAWS - 1:,} others",
        f"Mondays from {limits.LEAST_DAYS} days on at {early}, for good after {limits.AFTER_DAYS} days at {late}",
        f"early after {limits.RECORD_EARLY} days at {early}, for good after {limits.RECORD_DAYS} days at {late}",
        f"φ fixed at {short(limits.PHI_LOW)} and {short(limits.PHI_HIGH)}",
        f"within ±{short(limits.ROPE_SD)} SD",
        f"weekday terms are drawn with {short(WEEKDAY_SD)} SD",
        f"With {people} people a share has a standard error of .007 at most around .05",
        "illness and travel (three days or more each way)",
        "more than a quarter of made-up starts",
    ):
        assert phrase in WORDS, phrase
    assert limits.OTHER_DAYS == 3
    assert limits.PLACEBO_SHARE == 0.25
    assert (0.05 * 0.95 / FOUND["people"]) ** 0.5 <= 0.007


def test_every_reason_that_depends_on_the_outcome_is_explained() -> None:
    assert set(OURS) < set(get_args(Reason))
    for reason in OURS:
        assert f"`{reason}`" in PAGE
    fired = {r for p in PATHS for phi in PHIS for w in FOUND["paths"][p][phi].values() for r in w["refused"]}
    assert fired <= set(OURS)


def test_plain_tests_are_wrong_more_often_than_this_one() -> None:
    ours = FOUND["peers"]["0.5"]["ours"]
    assert ours <= MOST_FALSE
    assert FOUND["peers"]["0.5"]["t test"] > 3 * MOST_FALSE
    assert FOUND["peers"]["0.5"]["segmented, OLS"] > 2 * MOST_FALSE
