"""Did it help? People with a known truth, asked what real ones are asked, through the same `answer`.

Told are, for every way to a finding and days that follow each other little or much: findings where nothing
happens, how often intervals hold a planted difference, how often planted ones are found, what all looks at one
question find together, who is refused an answer, what a drift and a start after hard days do, and what plain
tests would have found. Writes docs/figures/effects.json and the tables of docs/effect.md.

Run: python benchmarks/effects.py [--json] [--people 1000]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path as File
from typing import Any

sys.path.insert(0, str(File(__file__).resolve().parent.parent))

import numpy as np
from scipy.stats import mannwhitneyu, ttest_ind

from models.baseline import Real, Whole
from models.effect import limits
from models.effect.answer import answer
from models.effect.question import Question
from models.effect.simulation import (
    PATHS,
    Path,
    ask,
    ask_after,
    ask_since,
    begin_after_hard_days,
    hold_after_hard_days,
    hold_sessions,
    lose_days,
    pass_by,
    simulate_noise,
    simulate_wander,
)
from models.effect.tables import fill_tables, fingerprint
from models.effect.terms import lay_terms

DOCS = File(__file__).resolve().parent.parent / "docs"
PHIS = (0.0, 0.3, 0.5)
PLANTED = (0.5, 1.0)
DRIFTS = (0.5, 1.0)
WANDERS = ((0.97, 0.15), (0.9, 0.3), (0.95, 0.3))
"""Correlation of the slow part with the day before, and its share of the variance."""
WANDERED: tuple[Path, ...] = ("since_start_84", "after_sessions", "blocks_2")
LOST = 0.2
HARD_SDS = 2.0
HARD_DAYS, HARD_TIME_SDS = (21, 35, 49, 70), 1.0
SEED = 20261123
NAMES = ("t test", "Mann-Whitney", "segmented, OLS", "segmented, Newey-West (7)", "segmented, GLSAR", "ours")

Cases = Iterator[tuple[Question, Real]]


def make_cases(path: Path, phi: float, people: int, planted: float, lost: float) -> Cases:
    """People on one path to a finding."""
    generator = np.random.default_rng([SEED, PATHS.index(path), round(10 * phi)])
    for _ in range(people):
        question = ask(path, generator)
        value = simulate_noise(generator, question.day.size, phi)
        yield question, lose_days(generator, value + planted * question.with_it, lost)


def tally(cases: Cases, planted: float) -> dict[str, Any]:
    """Count the answers. Shares are of those who got one, but for `refused`, of those who asked."""
    asked = told = outside = small_p = held = right = 0
    why: Counter[str] = Counter()
    for question, value in cases:
        asked += 1
        found = answer(question, value)
        if found.estimate is None:
            why[str(found.reason)] += 1
            continue
        told += found.verdict != "no_clear_change"
        right += found.verdict == ("likely_higher" if planted > 0 else "likely_lower")
        outside += not found.estimate.lo <= 0 <= found.estimate.hi
        held += found.estimate.lo <= planted <= found.estimate.hi
        small_p += found.estimate.p_value <= 0.05
    answered = max(1, asked - why.total())
    shares = {"told": told, "right": right, "outside": outside, "held": held, "small_p": small_p}
    refused = {reason: count / asked for reason, count in sorted(why.items())}
    return {"asked": asked, **{k: v / answered for k, v in shares.items()}, "refused": refused}


def measure_paths(people: int) -> dict[str, Any]:
    """Every path, with nothing and with something planted, with all days and with a fifth of them lost."""
    worlds: dict[str, tuple[float, float, int]] = {
        "none": (0.0, 0.0, people),
        "none, days lost": (0.0, LOST, people),
        "0.5": (0.5, 0.0, people),
        "1": (1.0, 0.0, people // 2),
    }
    return {
        path: {
            f"{phi:g}": {
                world: tally(make_cases(path, phi, count, planted, lost), planted)
                for world, (planted, lost, count) in worlds.items()
            }
            for phi in PHIS
        }
        for path in PATHS
    }


def measure_looks(phi: float, people: int) -> dict[str, float]:
    """Share of questions of which any look finds something where there is nothing."""
    generator = np.random.default_rng([SEED, 100, round(10 * phi)])
    found = {"since_start": 0, "after_sessions": 0}
    for _ in range(people):
        since = ask_since(limits.BEFORE_DAYS + limits.AFTER_DAYS, limits.BEFORE_DAYS)
        mondays = range(limits.BEFORE_DAYS + limits.LEAST_DAYS, since.day.size + 1, 7)
        found["since_start"] += finds_any(since, simulate_noise(generator, since.day.size, phi), mondays)
        after = ask_after(hold_sessions(generator, limits.RECORD_DAYS))
        looks = (limits.RECORD_EARLY, limits.RECORD_DAYS)
        found["after_sessions"] += finds_any(after, simulate_noise(generator, after.day.size, phi), looks)
    return {kind: count / people for kind, count in found.items()}


def finds_any(question: Question, value: Real, looks: range | tuple[int, ...]) -> bool:
    """Whether any look finds something, each with the days that are known by then."""
    return any(answer(keep_days(question, days), value[:days]).verdict.startswith("likely") for days in looks)


def keep_days(question: Question, days: int) -> Question:
    """Know the first days only."""
    parts = {name: getattr(question, name)[:days] for name in ("day", "with_it", "session", "others")}
    return dataclasses.replace(question, **parts)


def measure_drifts(people: int) -> dict[str, Any]:
    """What a drift does to a comparison since a start: one of known size, and one that the model expects."""
    found: dict[str, Any] = {}
    for drift in (*DRIFTS, "drawn"):
        generator = np.random.default_rng([SEED, 200])
        found[str(drift)] = {
            f"{phi:g}": tally(drift_cases(generator, drift, phi, people), 0.0) for phi in PHIS
        }
    return found


def drift_cases(generator: np.random.Generator, drift: float | str, phi: float, people: int) -> Cases:
    """People who drift."""
    question = ask_since(limits.BEFORE_DAYS + limits.AFTER_DAYS, limits.BEFORE_DAYS)
    for _ in range(people):
        value = simulate_noise(generator, question.day.size, phi)
        size = limits.TREND_SD * generator.standard_normal() if isinstance(drift, str) else drift
        yield question, value + size * np.arange(value.size) / limits.TREND_DAYS


def measure_wanders(people: int) -> dict[str, Any]:
    """What a level that wanders does to each kind of question."""
    return {
        f"{slow:g} {share:g}": {
            path: {f"{phi:g}": tally(wander_cases(path, phi, slow, share, people), 0.0) for phi in PHIS}
            for path in WANDERED
        }
        for slow, share in WANDERS
    }


def wander_cases(path: Path, phi: float, slow: float, share: float, people: int) -> Cases:
    """People whose level wanders."""
    generator = np.random.default_rng([SEED, 700, PATHS.index(path), round(10 * phi)])
    for _ in range(people):
        question = ask(path, generator)
        yield question, simulate_wander(generator, question.day.size, phi, slow, share)


def measure_chosen(phi: float, people: int) -> dict[str, Any]:
    """People who begin after a hard week, and people who hold sessions after hard days; no difference."""
    return {
        "start": tally(chosen_starts(phi, people), 0.0),
        "sessions": tally(chosen_sessions(phi, people), 0.0),
    }


def chosen_starts(phi: float, people: int) -> Cases:
    """Those who begin when a week was hard."""
    generator = np.random.default_rng([SEED, 300, round(10 * phi)])
    while people:
        value = simulate_noise(generator, 400, phi, weekday_sd=0.0)
        start = begin_after_hard_days(value, phi, HARD_SDS, limits.BEFORE_DAYS)
        if start is not None and start + limits.AFTER_DAYS <= value.size:
            people -= 1
            question = ask_since(limits.BEFORE_DAYS + limits.AFTER_DAYS, limits.BEFORE_DAYS)
            yield question, value[start - limits.BEFORE_DAYS : start + limits.AFTER_DAYS]


def chosen_sessions(phi: float, people: int) -> Cases:
    """Those who hold a session on the day after a hard one."""
    generator = np.random.default_rng([SEED, 400, round(10 * phi)])
    for _ in range(people):
        value = simulate_noise(generator, 200, phi, weekday_sd=0.0)
        session = hold_after_hard_days(value, 1.0)
        first = int(np.flatnonzero(session)[0])
        days = slice(first, first + limits.RECORD_DAYS)
        if value[days].size == limits.RECORD_DAYS:
            yield ask_after(session[days]), value[days]


def measure_hard_times(people: int) -> dict[str, Any]:
    """People who begin at the end of a hard time of weeks, which passes by itself; no difference."""
    return {
        str(hard): {f"{phi:g}": tally(hard_cases(hard, phi, people), 0.0) for phi in PHIS}
        for hard in HARD_DAYS
    }


def hard_cases(hard: int, phi: float, people: int) -> Cases:
    """People with a hard time of so many days."""
    generator = np.random.default_rng([SEED, 800, hard, round(10 * phi)])
    question = ask_since(limits.BEFORE_DAYS + limits.AFTER_DAYS, limits.BEFORE_DAYS)
    passing = pass_by(question.day.size, question.start, hard, HARD_TIME_SDS)
    for _ in range(people):
        yield question, simulate_noise(generator, question.day.size, phi) + passing


def measure_fixed(phi: float, people: int) -> dict[str, Any]:
    """Therapy on one weekday, never missed."""
    generator = np.random.default_rng([SEED, 500, round(10 * phi)])
    session = np.arange(limits.RECORD_DAYS) % 7 == 0
    return tally(
        (
            (ask_after(session), simulate_noise(generator, session.size, phi) + ask_after(session).with_it)
            for _ in range(people)
        ),
        1.0,
    )


def measure_peers(phi: float, people: int) -> dict[str, float]:
    """Findings of plain tests on 42 days before and 42 after, where there is nothing."""
    generator = np.random.default_rng([SEED, 600, round(10 * phi)])
    question = ask_since(84, 42)
    found = np.zeros(len(NAMES))
    for _ in range(people):
        value = simulate_noise(generator, question.day.size, phi)
        told = answer(question, value).estimate
        found += (
            np.array(
                [*try_peers(question.day, question.with_it, value), 1.0 if told is None else told.p_value]
            )
            < 0.05
        )
    return dict(zip(NAMES, (found / people).tolist(), strict=True))


def try_peers(day: Whole, with_it: np.ndarray, value: Real) -> list[float]:
    """p-values of plain tests."""
    from statsmodels.regression.linear_model import GLSAR, OLS  # noqa: PLC0415 - it takes a second

    terms = lay_terms(day, np.zeros((day.size, 0)), np.ones(day.size, dtype=bool))
    design = np.column_stack((terms.column, with_it))
    plain = OLS(value, design).fit()
    robust = plain.get_robustcov_results("HAC", maxlags=7, use_t=True)
    regressed = GLSAR(value, design, rho=1).iterative_fit(8)
    return [
        float(ttest_ind(value[with_it], value[~with_it]).pvalue),
        float(mannwhitneyu(value[with_it], value[~with_it]).pvalue),
        *(float(result.pvalues[-1]) for result in (plain, robust, regressed)),
    ]


def by_phi(measure: Callable[[float, int], Any], people: int) -> dict[str, Any]:
    """The same for each correlation between days."""
    return {f"{phi:g}": measure(phi, people) for phi in PHIS}


def measure(people: int) -> dict[str, Any]:
    """All of it."""
    began = time.perf_counter()
    found = {
        "method": limits.METHOD,
        "numbers": fingerprint(),
        "people": people,
        "paths": measure_paths(people),
        "looks": by_phi(measure_looks, people),
        "drifts": measure_drifts(people),
        "wanders": measure_wanders(people // 2),
        "chosen": by_phi(measure_chosen, people),
        "hard_times": measure_hard_times(people // 2),
        "fixed": by_phi(measure_fixed, people // 10),
        "peers": by_phi(measure_peers, people),
    }
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
    return round_all(found)


def round_all(found: Any) -> Any:
    """Numbers to four digits."""
    if isinstance(found, dict):
        return {key: round_all(value) for key, value in found.items()}
    return round(found, 4) if isinstance(found, float) else found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line and write nothing")
    parser.add_argument("--people", type=int, default=1000)
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found = measure(chosen.people)
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    if chosen.json:
        print(text)
        return
    (DOCS / "figures" / "effects.json").write_text(text + "\n", encoding="utf-8")
    page = DOCS / "effect.md"
    page.write_text(fill_tables(page.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
