"""The folder that docs/notebooks/cohort.ipynb reads: made-up people, published; and what was planted in them.

    python tests/cohort_file.py FOLDER

Two weeks of each person are planted with shorter sleep and a faster heart, and the device is left off in more
nights of these weeks than of others: what is missing is not missing by chance.
"""

from __future__ import annotations

import csv
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from synthetic import cohort_life, make_cohort

from cli import night
from cli.settings import read_settings
from features.segment_export import measure_segments, write_rows
from features.segments import read_segments
from warehouse.consent import write_consent

ROOT = Path(__file__).resolve().parents[1]
NOW = datetime(2026, 1, 1)
BEFORE = date(2026, 1, 1)
FIRST = date(2025, 9, 1)
PEOPLE = ("p-ash", "p-birch", "p-cedar", "p-elm", "p-fir")
DAYS = 42
HEAVY = (date(2025, 9, 15), date(2025, 9, 29))
"""Mondays of the planted weeks: the third and the fifth."""
SHIFT_SD = 1.5
SEGMENTS = ROOT / "docs" / "notebooks" / "cohort_segments.yaml"


def draw_person(number: int) -> Any:
    """One person; nights without the device are drawn, half of the planted ones, one in ten of the others."""
    rng = np.random.default_rng([11, number])
    heavy = tuple(
        cohort_life.HeavyWeek(monday, rhr_sd=SHIFT_SD, tst_sd=-SHIFT_SD, level_sd=0.5, arousals_per_day=0.5)
        for monday in HEAVY
    )
    days = [FIRST + timedelta(days=k) for k in range(DAYS)]
    chance = [0.5 if any(week.covers(day) for week in heavy) else 0.1 for day in days]
    off = tuple(day for day, p in zip(days, chance, strict=True) if rng.random() < p)
    return cohort_life.Person(
        PEOPLE[number],
        seed=1 + number,
        zone=("Asia/Tokyo", "Africa/Nairobi", "America/Phoenix", "Asia/Kolkata", "Asia/Dubai")[number],
        first_day=FIRST,
        days=DAYS,
        rhr_bpm=float(rng.uniform(52, 66)),
        mu_bpm=float(rng.uniform(70, 80)),
        sample_s=60,
        heavy=heavy,
        unworn_nights=off,
    )


def make_folder(folder: Path) -> None:
    """Write published.duckdb, segments.parquet and truth.csv into a folder, by the road that data take."""
    settings = read_settings({"STEADYLINE_VAR": str(folder / "var")})
    truths = [make_cohort.make_export(draw_person(k), folder / "exports") for k in range(len(PEOPLE))]
    for one in truths:
        who, zone = one.person.participant, one.person.zone
        for export in one.exports:
            night.load_export(
                settings, export.path, participant=who, timezone=zone, device=export.device, now=NOW
            )
        write_consent(settings.warehouse, who, "research", True, now=NOW)
    night.run_night(settings, before=BEFORE, now=NOW)
    settings.published.replace(folder / "published.duckdb")
    wanted = read_segments(SEGMENTS.read_text(encoding="utf-8"), file=SEGMENTS.name)
    write_rows(measure_segments(settings.warehouse, wanted), folder / "segments.parquet")
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file)
        write.writerow(["participant", "day", "tst_min", "rhr_bpm", "planted"])
        for one in truths:
            # The night before the first day is not known to anybody.
            for day in one.days[1:]:
                write.writerow([one.person.participant, day.day, day.tst_min, day.rhr_bpm, int(day.heavy)])


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    make_folder(target)
