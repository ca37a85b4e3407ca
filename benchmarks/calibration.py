"""Calibration: people with a known truth, scored by the functions that score real ones.

Five worlds (all measured; features missing; a new device; new firmware that no table lists; true spreads
twice those that the priors expect), each with days that do not follow each other (φ = 0) and that do
(φ = .4). Told are: how often the bands hold the true index by day, how evenly ordinary days spread over
the scale, false alerts a year and planted heavy weeks that are told, steps and slow rises that are told.
Writes the figures and `calibration.json` into docs/figures; `python -m cli.docs docs` puts its tables
into docs/model-card.md.

Run: python benchmarks/calibration.py [--json] [--people 600] [--out docs/figures]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import kstest

from benchmarks.figures import draw_alerts, draw_coverage, draw_evenness, draw_moves
from models.alerts import RED, follow, mark_night_signal, start_watch
from models.baseline import Real, Whole
from models.parameters import load_parameters
from models.validate.card import lay_calibration
from models.validate.simulation import (
    PLANTED,
    People,
    fingerprint,
    follow_usual,
    lower_rmssd,
    observe_days,
    raise_days,
    score_day,
    share_inside,
    simulate_people,
    switch_device,
    true_index,
    wear_device,
)

FIGURES = Path(__file__).resolve().parent.parent / "docs" / "figures"
P = load_parameters()
PHIS = (0.0, 0.4)
SEED = 20261122
ALL, MISSING, DEVICE, FIRMWARE, WIDE = (
    "all measured",
    "features missing",
    "new device",
    "firmware not listed",
    "twice the spread",
)
WORLDS = (ALL, MISSING, DEVICE, FIRMWARE, WIDE)

DAYS = (5, 6, 7, 8, 10, 12, 14, 17, 21, 28, 35, 42, 49, 56, 60, 61, 62, 64, 67, 70, 74, 80, 90, 105, 120)
CHANGE = 60
"""Day from which another device is worn, or other firmware runs."""

EVEN_DAY = 63
BINS = 10
OFFSET_MS = 15.0
LEAST_MS = 30.0
"""A device that reads 15 ms less makes no sense of people who have hardly more."""

GONE = ("ln_rmssd_night", "resp_night", "temp_dev")
GONE_SHARE = 0.2
WINDOW = P.baseline.window_days
PLANT_AFTER = 28
PLANT_SDS = 2.0
RISE_SDS = 5 / 3
RISE_DAYS = 119
SHIFT_WEEKS = 66
RISE_START = WINDOW + 7 * 30
STEP_WEEKS, RISE_WEEKS = 8, 26


@dataclass(frozen=True)
class Record:
    """What was measured of some people, on what, and the truth."""

    people: People
    value: Real
    segment: Whole


def make_record(world: str, people: int, days: int, phi: float, seed: int, change: int) -> Record:
    """Make people of a world, whose device or firmware changes on a day if it does."""
    made = simulate_people(people, days, phi, seed, P, wider=2.0 if world == WIDE else 1.0)
    if world in (DEVICE, FIRMWARE):
        made = keep_people(made, made.mean[:, P.features.index("ln_rmssd_night")] > np.log(LEAST_MS))
    return measure_record(world, made, made.value, change)


def keep_people(made: People, kept: np.ndarray) -> People:
    """Some of the people."""
    return People(made.z[kept], made.value[kept], made.mean[kept], made.sd[kept])


def measure_record(world: str, made: People, value: Real, change: int) -> Record:
    """What a world makes of the values of people."""
    if world in (DEVICE, FIRMWARE):
        value = lower_rmssd(value, change, OFFSET_MS, P)
    if world == MISSING:
        rng = np.random.default_rng(SEED)
        value = np.where(rng.random(value.shape) < GONE_SHARE, np.nan, value)
        value[..., [P.features.index(name) for name in GONE]] = np.nan
    segment = switch_device(value, change) if world == DEVICE else wear_device(value)
    return Record(made, value, segment)


def measure_bands(world: str, phi: float, people: int) -> dict[str, Any]:
    """Share of true indices inside the bands by day, and one day's scores for the evenness."""
    record = make_record(world, people, max(DAYS) + 1, phi, SEED, CHANGE)
    rows, scores = [], np.empty(0)
    for day in sorted({*DAYS, EVEN_DAY}):
        index = score_day(record.value, record.segment, day, P)[2]
        truth = true_index(record.people.z[:, day], P)
        if day == EVEN_DAY:
            scores = index.index[np.isfinite(index.index)] / 100
        if day in DAYS:
            inside = [
                share_inside(index.lo80, truth, index.hi80),
                share_inside(index.lo95, truth, index.hi95),
            ]
            rows.append([day, *inside, float(np.nanmedian(index.hi80 - index.lo80))])
    counts = np.histogram(scores, BINS, (0, 1))[0]
    return {
        "by_day": rows,
        "bins": (counts / counts.sum()).tolist(),
        "scores": len(scores),
        "ks_p": float(kstest(scores, "uniform").pvalue),
        "usual_share": float(np.mean((scores >= 0.16) & (scores <= 0.84))),
    }


def measure_alerts(world: str, phi: float, people: int) -> dict[str, float]:
    """Alerts of people to whom nothing happens, in a year in whose middle device or firmware changes."""
    record = make_record(world, people, WINDOW + 365, phi, SEED + 1, WINDOW + 182)
    alerts = watch(record)
    rhr = sliding_window_view(record.value[..., P.features.index("rhr_night")], WINDOW + 1, axis=1)
    red = mark_night_signal(rhr, P.alerts) == RED
    planted = plant_weeks(world, phi, people * 3)
    return {
        "a_year": float(alerts.sum() / len(alerts)),
        "nights_red_a_year": float((red[:, 1:] & ~red[:, :-1]).sum() / len(red)),
        **planted,
    }


def watch(record: Record) -> np.ndarray:
    """Alert days of (people, days after the first window)."""
    days = observe_days(record.value, record.segment, P)
    return np.asarray(follow(start_watch(len(record.value), len(P.features)), days, P)[1].alert)


def plant_weeks(world: str, phi: float, people: int) -> dict[str, float]:
    """Share of planted weeks told within the week, four weeks after device or firmware changed."""
    start = WINDOW + PLANT_AFTER
    record = make_record(world, people, start + 7, phi, SEED + 2, WINDOW)
    heavy = raise_days(record.people, PLANTED, PLANT_SDS, P, start=start)
    made = measure_record(world, record.people, heavy, WINDOW)
    days = observe_days(made.value, made.segment, P)
    alerts = follow(start_watch(len(made.value), len(P.features)), days, P)[1]
    week = alerts.alert[:, PLANT_AFTER:]
    told = week.any(axis=1)
    causes = alerts.causes[np.nonzero(told)[0], PLANT_AFTER + np.argmax(week, axis=1)[told]]
    named = causes[causes >= 0]
    right = np.isin(named, [P.features.index(name) for name in PLANTED])
    return {"planted_told": float(told.mean()), "causes_right": float(right.mean())}


def measure_moves(world: str, phi: float, people: int) -> dict[str, Any]:
    """Moves told where nothing moves, where resting heart rate steps, and where it rises for four months."""
    made = make_record(world, people, WINDOW + 7 * SHIFT_WEEKS, phi, SEED + 3, 0).people
    years = people * SHIFT_WEEKS * 7 / 365
    way = np.clip((np.arange(made.value.shape[1]) - RISE_START) / RISE_DAYS, 0, 1)
    risen = raise_days(made, ("rhr_night",), RISE_SDS * way, P)
    stepped = raise_days(made, ("rhr_night",), RISE_SDS, P, start=RISE_START)
    weeks = first_told(risen, people)
    return {
        "false_a_year": len(list(follow_usual(made.value, P))) / years,
        "step_told": float(np.mean(first_told(stepped, people) <= STEP_WEEKS)),
        "rise_told": float(np.mean(weeks <= RISE_WEEKS)),
        "rise_weeks": float(np.median(weeks)),
        "told_by_week": [float(np.mean(weeks <= week)) for week in range(RISE_WEEKS + 1)],
    }


def first_told(value: Real, people: int) -> Real:
    """Weeks after the start in which a move of resting heart rate is first told; infinite where it is not."""
    weeks = np.full(people, np.inf)
    for move in follow_usual(value, P):
        if move.feature == 0 and move.day >= RISE_START:
            weeks[move.person] = min(weeks[move.person], (move.day - RISE_START) / 7 + 1)
    return weeks


def measure(people: int) -> dict[str, Any]:
    """All of it."""
    began = time.perf_counter()
    found: dict[str, Any] = {
        "method": P.method_version,
        "parameters": fingerprint(P),
        "people": people,
        "bands": {w: {f"{phi:g}": measure_bands(w, phi, people) for phi in PHIS} for w in WORLDS},
        "alerts": {w: {f"{phi:g}": measure_alerts(w, phi, people // 6) for phi in PHIS} for w in WORLDS},
        "moves": {w: {f"{phi:g}": measure_moves(w, phi, people // 6) for phi in PHIS} for w in (ALL, WIDE)},
    }
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
    return round_all(found)


def round_all(found: Any) -> Any:
    """Numbers to four digits."""
    if isinstance(found, Mapping):
        return {key: round_all(value) for key, value in found.items()}
    if isinstance(found, list):
        return [round_all(value) for value in found]
    return round(found, 4) if isinstance(found, float) else found


def write_figures(found: dict[str, Any], folder: Path) -> None:
    """Write the numbers and the drawings of them."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    (folder / "calibration.json").write_text(text + "\n", encoding="utf-8")
    drawings = {
        "coverage": draw_coverage(found["bands"], CHANGE),
        "evenness": draw_evenness(found["bands"]),
        "alerts": draw_alerts(found["alerts"]),
        "moves": draw_moves(found["moves"]),
    }
    for name, svg in drawings.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--people", type=int, default=600)
    parser.add_argument("--out", type=Path, default=FIGURES)
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found = measure(chosen.people)
    write_figures(found, chosen.out)
    print(json.dumps(found, ensure_ascii=False) if chosen.json else lay_calibration(found))


if __name__ == "__main__":
    main()
