"""LifeSnaps (Yfantidou 2022, doi:10.1038/s41597-022-01764-x): its table of days, daily_fitbit_sema_df_unprocessed.csv.

Written from the set's description; not run on the set itself. Whether a person felt tense or anxious is
asked in the day, so that only the night's values are of the same day and activity is of the day
before. Fitbit's own scores are left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli.datasets.days import DAY_S, Answers, Values, lay_days
from cli.datasets.local import to_day, to_number
from cli.datasets.tables import DataSet, DataSetError, find_file

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "lifesnaps"
FILE = "daily_fitbit_sema_df_unprocessed.csv"
CLASSES = ("not tense", "tense")
LABEL = "TENSE/ANXIOUS"
NIGHT = {
    "minutesAsleep": "tst_min",
    "minutesAwake": "awake_min",
    "nremhr": "hr_nrem",
    "rmssd": "rmssd_vendor",
    "full_sleep_breathing_rate": "resp_vendor",
    "nightly_temperature": "temp_cel",
    "spo2": "spo2_pct",
}
DAY = {
    "resting_hr": "rhr_vendor",
    "bpm": "hr_day",
    "sedentary_minutes": "sedentary_min",
    "lightly_active_minutes": "lightly_min",
    "moderately_active_minutes": "moderately_min",
    "very_active_minutes": "very_min",
    "steps": "steps",
}
ASKED_H = 20.0
"""The table of days does not say when the answer was given: an evening is assumed for all."""


def read(path: Path) -> DataSet:
    """Read the table below a path."""
    import numpy as np

    rows = read_rows(find_file(path, FILE))
    people: list[tuple[Answers, Values, Values]] = []
    for person in sorted({row["id"] for row in rows}):
        mine = [row for row in rows if row["id"] == person and row["date"]]
        told = sorted((to_day(row["date"]), to_number(row[LABEL])) for row in mine if row[LABEL])
        once = {day: float(label > 0) for day, label in told}
        at_s = np.array([day * DAY_S + ASKED_H * 3600 for day in once], np.float64)
        answers = Answers(f"L{len(people) + 1:02d}", at_s, np.array(list(once.values()), np.float64))
        people.append((answers, take(mine, NIGHT), take(mine, DAY)))
    notes = (
        "Tense is any answer of the day that says tense or anxious; the hour of the answer is not in this table.",
        "The adapter was written from the set's description and tested with a made-up table.",
    )
    return DataSet(lay_days(NAME, CLASSES, people, tuple(NIGHT.values()), tuple(DAY.values())), notes)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of the CSV as text."""
    import csv

    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        missing = [name for name in ("id", "date", LABEL) if name not in (reader.fieldnames or ())]
        if missing:
            raise DataSetError(
                f"{path.name}: no column {', '.join(missing)}; expected the table of days of LifeSnaps"
            )
        return list(reader)


def take(rows: list[dict[str, str]], names: Mapping[str, str]) -> Values:
    """Values of each day under our names; of a day that is there twice the later row's."""
    return {
        to_day(row["date"]): {ours: to_number(row.get(theirs)) for theirs, ours in names.items()}
        for row in rows
    }
