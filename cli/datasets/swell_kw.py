"""SWELL-KW (Koldijk 2014, doi:10.1145/2663204.2663257): its minutes of heart rate, RMSSD and skin conductance.

Written from the set's description and public readers of it; not run on the set itself. Conditions are
N neutral, T time pressure, I interruptions, and R rest, which is left out; 999 stands for none.
"""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

from cli.datasets.local import to_number, to_seconds
from cli.datasets.tables import DataSet, DataSetError, Part, find_file, join_parts

NAME = "swell_kw"
FILE = "D - Physiology features (HR_HRV_SCL - final).csv"
CLASSES = ("neutral", "under a stressor")
CONDITIONS = {"N": 0.0, "T": 1.0, "I": 1.0}
VALUES = {"HR": "hr_bpm", "RMSSD": "rmssd_s", "SCL": "eda_level"}
NONE = 999.0
MINUTE_S = 60.0


def read(path: Path) -> DataSet:
    """Read the minutes below a path."""
    from models.acute import add_history

    rows = read_rows(find_file(path, FILE))
    parts = [
        lay_person(person, [r for r in rows if r["PP"] == person])
        for person in sorted({r["PP"] for r in rows})
    ]
    notes = (
        "The label is the working condition, not a feeling; conditions come in blocks, which a clock knows too.",
        "The adapter was written from the set's description and tested with a made-up table.",
    )
    return DataSet(add_history(join_parts(NAME, tuple(VALUES.values()), CLASSES, parts)), notes)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of the CSV as text, delimited by comma or semicolon."""
    text = path.read_text(encoding="utf-8-sig")
    delimiter = ";" if text.split("\n", 1)[0].count(";") > 2 else ","
    reader = csv.DictReader(text.splitlines(), delimiter=delimiter)
    missing = [n for n in ("PP", "timestamp", "Condition", *VALUES) if n not in (reader.fieldnames or ())]
    if missing:
        raise DataSetError(
            f"{path.name}: no column {', '.join(missing)}; expected SWELL-KW's minutes of physiology"
        )
    return list(reader)


def lay_person(person: str, rows: list[dict[str, str]]) -> Part:
    """Minutes of one person in order of time."""
    import numpy as np

    start_s = np.array([read_stamp(row["timestamp"]) for row in rows])
    x = np.array([[to_number(row[name]) for name in VALUES] for row in rows])
    label = np.array([CONDITIONS.get(row["Condition"].strip(), np.nan) for row in rows])
    order = np.argsort(start_s, kind="stable")
    start_s, x, label = start_s[order], np.where(x == NONE, np.nan, x)[order], label[order]
    since_min = (start_s - start_s[0]) / 60
    return Part(person, x, label, start_s, start_s + MINUTE_S, since_min, np.full(len(rows), np.nan))


def read_stamp(text: str) -> float:
    """Seconds of 20120918T131600000 (local time, milliseconds at the end) or of an ISO stamp."""
    compact = text.strip()
    if len(compact) == 18 and compact[8] == "T":
        return to_seconds(datetime.strptime(compact[:15], "%Y%m%dT%H%M%S"))  # noqa: DTZ007 - a clock, no instant
    return to_seconds(datetime.fromisoformat(compact))
