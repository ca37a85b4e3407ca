"""Wearable Exam Stress (Amin 2022, PhysioNet 1.0.0): folders S1 … S10, each with Midterm 1, Midterm 2, Final.

Written from the set's description; not run on the set itself. Exams begin at 9:00 of Chicago's clock
and last 90 minutes, the final three hours; dates are shifted, times of day are not. No one was asked
how they felt: what can be told apart is only whether an exam was going on, which a clock knows too.
"""

from __future__ import annotations

from pathlib import Path

from cli.datasets.tables import DataSet, Part, find_folders, join_parts
from cli.datasets.wrist import read_session

NAME = "exam_stress"
ZONE = "America/Chicago"
CLASSES = ("outside the exam", "during the exam")
EXAM_S = {"midterm 1": 5400, "midterm 2": 5400, "final": 10800}
BEGINS_S = 9 * 3600


def read(path: Path) -> DataSet:
    """Read all sessions below a path."""
    from features.acute import FEATURES
    from models.acute import add_history

    parts = []
    for folder in find_folders(path, "S[0-9]*"):
        for session in sorted(folder.iterdir()):
            exam = session.name.lower().replace("_", " ")
            if session.is_dir() and exam in EXAM_S:
                parts.append(read_exam(folder.name, session, EXAM_S[exam]))
    notes = (
        "The label is whether an exam was going on. Time of day gives it away by design: no claim can come of it.",
        "The adapter was written from the set's description and tested with a made-up session.",
    )
    return DataSet(add_history(join_parts(NAME, FEATURES, CLASSES, parts)), notes)


def read_exam(subject: str, folder: Path, length_s: float) -> Part:
    """Minutes of one session."""
    import numpy as np

    from cli.datasets.local import to_local
    from features.acute import SPAN_S, measure_wrist, place_windows
    from models.validate.table import DAY_S

    recording, started_s, _ = read_session(folder)
    start_s = place_windows(recording)
    local_s = to_local(start_s, ZONE)
    clock_s = local_s % DAY_S
    label = np.full(len(start_s), np.nan)
    label[(clock_s >= BEGINS_S) & (clock_s + SPAN_S <= BEGINS_S + length_s)] = 1
    label[(clock_s + SPAN_S <= BEGINS_S) | (clock_s >= BEGINS_S + length_s)] = 0
    return Part(
        subject,
        measure_wrist(recording, start_s),
        label,
        local_s,
        local_s + SPAN_S,
        (start_s - started_s) / 60,
        np.full(len(start_s), np.nan),
    )
