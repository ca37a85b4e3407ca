"""PMData (Thambawita 2020, doi:10.1145/3339825.3394926): folders p01 … p16 of Fitbit JSON and wellness.csv.

The Fitbit files are whole in one file a stream, unlike those of an export, so ingest's source does not
take them; they are read here. Vendor scores are left out. wellness.csv is in UTC, its people lived in
Norway; Fitbit's stamps are local.

The questionnaire's stress runs from 1, highly stressed, to 5, very relaxed (McLean 2010,
doi:10.1123/ijspp.5.3.367): it is turned round here, so that more is more stressed. Each run says how
it goes with mood, which is better when higher.
"""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cli.datasets.days import DAY_S, Answers, Values, lay_days, one_a_day
from cli.datasets.local import to_day, to_seconds
from cli.datasets.tables import DataSet, find_folders

NAME = "pmdata"
ZONE = ZoneInfo("Europe/Oslo")
HIGHEST = 6
"""6 less the answer turns a scale of 1 to 5 round."""

NIGHT = (
    "tst_min",
    "tib_min",
    "awake_min",
    "deep_min",
    "light_min",
    "rem_min",
    "onset_clock_h",
    "wake_clock_h",
)
DAY = ("rhr_vendor", "sedentary_min", "lightly_min", "moderately_min", "very_min")
ACTIVITY = {
    "sedentary_min": "sedentary_minutes",
    "lightly_min": "lightly_active_minutes",
    "moderately_min": "moderately_active_minutes",
    "very_min": "very_active_minutes",
}


def read(path: Path) -> DataSet:
    """Read all people below a path."""
    people, goes_with_mood = [], []
    for folder in find_folders(path, "p[0-9][0-9]"):
        answers, moods = read_answers(folder)
        people.append((answers, read_nights(folder, answers), read_days(folder)))
        goes_with_mood.append(f"{folder.name} {describe_mood(answers, moods)}")
    notes = (
        "Stress is turned round (6 less the answer): more is more stressed. Spearman's correlation of the raw answer"
        " with mood, which confirms the direction where it is above 0: " + ", ".join(goes_with_mood) + ".",
        (
            "A row holds the night before the answer and resting heart rate and activity of the day before;"
            " vendor scores are left out."
        ),
    )
    return DataSet(lay_days(NAME, (), people, NIGHT, DAY), notes)


def read_answers(folder: Path) -> tuple[Answers, list[float]]:
    """The first answer of each local day, turned round, and the mood beside each."""
    import numpy as np

    rows = []
    with (folder / "pmsys" / "wellness.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            local = datetime.fromisoformat(row["effective_time_frame"]).astimezone(ZONE)
            rows.append((to_seconds(local), float(row["stress"]), float(row["mood"])))
    rows.sort()
    at_s, label = one_a_day(np.array([r[0] for r in rows]), np.array([HIGHEST - r[1] for r in rows]))
    mood = {at: value for at, _, value in reversed(rows)}
    return Answers(folder.name, at_s, label), [mood[at] for at in at_s.tolist()]


def describe_mood(answers: Answers, moods: list[float]) -> str:
    """Correlation of the answer as it was given with mood; a dash where either does not vary."""
    import numpy as np

    from models.validate.metrics import correlate_within

    rho = correlate_within(HIGHEST - answers.label, np.array(moods), np.zeros(len(moods), np.int64), 1)[0]
    return "–" if np.isnan(rho) else f"{rho:.2f}"


def read_nights(folder: Path, answers: Answers) -> Values:
    """The main sleep that ended on each day before the answer: the longest, each log once (its last version)."""
    logs: dict[int, dict[str, Any]] = {
        log["logId"]: log for log in read_json(folder / "fitbit" / "sleep.json")
    }
    asked = {int(at // DAY_S): at for at in answers.at_s.tolist()}
    best: dict[int, dict[str, float]] = {}
    for _, log in sorted(logs.items()):
        ends = datetime.fromisoformat(log["endTime"])
        day = to_day(log["dateOfSleep"])
        if to_seconds(ends) > asked.get(day, 0.0) or not log.get("mainSleep", True):
            continue
        if day not in best or log["minutesAsleep"] > best[day]["tst_min"]:
            best[day] = read_night(log, ends, day)
    return best


def read_night(log: dict[str, Any], ends: datetime, day: int) -> dict[str, float]:
    """Values of one log; stages only where it has them."""
    starts = datetime.fromisoformat(log["startTime"])
    summary = log["levels"]["summary"]
    stages = {f"{s}_min": float(summary[s]["minutes"]) for s in ("deep", "light", "rem") if s in summary}
    return {
        "tst_min": float(log["minutesAsleep"]),
        "tib_min": float(log["timeInBed"]),
        "awake_min": float(log["minutesAwake"]),
        "onset_clock_h": (to_seconds(starts) - day * DAY_S) / 3600,
        "wake_clock_h": (to_seconds(ends) - day * DAY_S) / 3600,
        **stages,
    }


def read_days(folder: Path) -> Values:
    """Resting heart rate (0 is none), minutes of activity and steps of each day."""
    found: dict[int, dict[str, float]] = {}
    for entry in read_json(folder / "fitbit" / "resting_heart_rate.json"):
        if float(entry["value"]["value"]) > 0:
            found.setdefault(to_day(entry["dateTime"]), {})["rhr_vendor"] = float(entry["value"]["value"])
    for name, file in ACTIVITY.items():
        for entry in read_json(folder / "fitbit" / f"{file}.json"):
            found.setdefault(to_day(entry["dateTime"]), {})[name] = float(entry["value"])
    minutes = {
        entry["dateTime"]: float(entry["value"]) for entry in read_json(folder / "fitbit" / "steps.json")
    }
    for stamp, steps in minutes.items():
        day = found.setdefault(to_day(stamp), {})
        day["steps"] = day.get("steps", 0.0) + steps
    return found


def read_json(path: Path) -> list[dict[str, Any]]:
    """Records of a file; none where it is absent, as some are for some people."""
    if not path.is_file():
        return []
    records: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return records
