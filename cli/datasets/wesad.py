"""WESAD, wrist (Schmidt 2018, doi:10.1145/3242969.3242985): folders Sx with Sx_E4_Data and Sx_quest.csv.

Times of Sx_quest.csv are minutes.seconds of the chest recorder, which was started later than the band:
without the seconds below the conditions would be taken from the wrong minutes.
"""

from __future__ import annotations

from pathlib import Path

from cli.datasets.tables import DataSet, DataSetError, Part, find_file, find_folders, join_parts
from cli.datasets.wrist import read_session

NAME = "wesad"
ZONE = "Europe/Berlin"
CLASSES = ("baseline", "stress", "amusement")
CONDITIONS = {"Base": 0, "TSST": 1, "Fun": 2}

E4_AHEAD_S = {
    "S2": 1423.5,
    "S3": 1039.25,
    "S4": 1408.75,
    "S5": 1196.75,
    "S6": 1172.25,
    "S7": 1145.75,
    "S8": 1051.0,
    "S9": 928.75,
    "S10": 1203.5,
    "S11": 1130.5,
    "S13": 1202.5,
    "S14": 1299.5,
    "S15": 1152.5,
    "S16": 1304.5,
    "S17": 1188.0,
}
"""Seconds that the band had been on when the chest recorder was started (SCIENCE 6)."""


def read(path: Path) -> DataSet:
    """Read all subjects below a path: minutes with their condition, and unlabelled ones between."""
    from features.acute import FEATURES
    from models.acute import add_history

    parts, sources = [], []
    for folder in find_folders(path, "S[0-9]*_E4_Data"):
        subject = folder.name.removesuffix("_E4_Data")
        if subject not in E4_AHEAD_S:
            raise DataSetError(f"{subject} is none of WESAD's subjects: its alignment is not known")
        part, beats_from = read_subject(subject, folder, find_file(folder.parent, f"{subject}_quest.csv"))
        parts.append(part)
        sources.append(f"{subject} {beats_from}")
    notes = (
        "Beats: " + ", ".join(sources) + ".",
        "Minutes of the wrist every 30 s that lie wholly in one condition; meditation and reading are left out.",
    )
    return DataSet(add_history(join_parts(NAME, FEATURES, CLASSES, parts)), notes)


def read_subject(subject: str, folder: Path, quest: Path) -> tuple[Part, str]:
    """Minutes of one subject, and where their beats come from."""
    import numpy as np

    from cli.datasets.local import to_local
    from features.acute import SPAN_S, measure_wrist, place_windows

    recording, started_s, beats_from = read_session(folder)
    start_s = place_windows(recording)
    order, conditions = read_protocol(quest)
    label = np.full(len(start_s), np.nan)
    for name, from_s, to_s in conditions:
        if name in CONDITIONS:
            begin = started_s + E4_AHEAD_S[subject]
            label[(start_s >= begin + from_s) & (start_s + SPAN_S <= begin + to_s)] = CONDITIONS[name]
    local_s = to_local(start_s, ZONE)
    part = Part(
        subject,
        measure_wrist(recording, start_s),
        label,
        local_s,
        local_s + SPAN_S,
        (start_s - started_s) / 60,
        np.full(len(start_s), np.nan),
        order,
    )
    return part, beats_from


def read_protocol(quest: Path) -> tuple[str, list[tuple[str, float, float]]]:
    """The order of stress and amusement, and each condition with its seconds from the chest recorder's start."""
    lines: dict[str, list[str]] = {}
    for line in quest.read_text(encoding="utf-8").splitlines():
        first, *rest = line.split(";")
        lines.setdefault(
            first.strip().lstrip("# ").rstrip(":"), [cell.strip() for cell in rest if cell.strip()]
        )
    missing = [name for name in ("ORDER", "START", "END") if name not in lines]
    if missing:
        raise DataSetError(f"{quest.name}: no line {', '.join(missing)}; expected the questionnaire of WESAD")
    names = lines["ORDER"]
    spans = [(read_minutes(a), read_minutes(b)) for a, b in zip(lines["START"], lines["END"], strict=True)]
    first = min(("TSST", "Fun"), key=names.index)
    order = "stress first" if first == "TSST" else "amusement first"
    return order, [(name, *span) for name, span in zip(names, spans, strict=True)]


def read_minutes(text: str) -> float:
    """Seconds of minutes.seconds, in which a trailing 0 was lost: '7.08' is 428, '50.3' is 3030."""
    minutes, _, seconds = text.partition(".")
    return 60.0 * int(minutes) + (int(seconds.ljust(2, "0")) if seconds else 0)
