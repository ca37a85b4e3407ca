"""Segments: what may be compared. A source and device, in an era of its firmware.

Values of two segments are never pooled (models.baseline). Firmware opens a segment only where
`firmware_eras.csv` lists it: vendors change algorithms without notice, and a segment opened at every
update would leave nobody a baseline. What two devices read on nights when both were worn says how far
apart they are (models.bridges).

Restart after a long absence is models.baseline.forget_absence.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from models.parameters import ParameterError

FIRMWARE_ERAS = Path(__file__).with_name("firmware_eras.csv")
COLUMNS = ["device", "feature", "since", "era", "citation"]
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Era:
    """From the local day `since` (days since 1970) on, this device's feature is another segment."""

    device: str
    feature: str
    since: int
    era: str
    citation: str


@cache
def load_eras() -> tuple[Era, ...]:
    """Read the eras that this package ships; the file is read once."""
    return read_eras(FIRMWARE_ERAS)


def read_eras(path: Path) -> tuple[Era, ...]:
    """Read known firmware eras, in order of day. Lines that begin with # are comments.

    Raises
    ------
    ParameterError
        If the columns are others than expected, a day is no ISO date, or a field is empty.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(line for line in lines if not line.startswith("#"))
        if reader.fieldnames != COLUMNS:
            raise ParameterError(f"{path.name}: expected the columns {', '.join(COLUMNS)}")
        eras = [read_era(row, path.name) for row in reader]
    return tuple(sorted(eras, key=lambda era: (era.since, era.device, era.feature)))


def read_era(row: dict[str, str], name: str) -> Era:
    """Read one row."""
    where = f"{name} line of {row['device']}"
    if not all(row[column] for column in COLUMNS):
        raise ParameterError(f"{where}: expected a value in each of {', '.join(COLUMNS)}")
    try:
        since = (date.fromisoformat(row["since"]) - EPOCH).days
    except ValueError:
        raise ParameterError(f"{where}, since: expected a day as 2026-11-22, got {row['since']!r}") from None
    return Era(row["device"], row["feature"], since, row["era"], row["citation"])


def name_segments(
    source: Sequence[str], feature: Sequence[str], day: Sequence[int], eras: Sequence[Era]
) -> list[str]:
    """Name the segment of each value: `source/device`, with `@era` from the day of a listed era on.

    Parameters
    ----------
    source : sequence of str
        `feature.value.source`, as `source/device`.
    feature : sequence of str
    day : sequence of int
        Local days since 1970.
    eras : sequence of Era
        As `load_eras` gives them; the latest that has begun counts.
    """
    listed: dict[tuple[str, str], list[Era]] = {}
    for era in eras:
        listed.setdefault((era.device, era.feature), []).append(era)
    if not listed:
        return list(source)
    names = []
    for name, wanted, when in zip(source, feature, day, strict=True):
        begun = [e for e in listed.get((name.partition("/")[2], wanted), ()) if e.since <= when]
        names.append(f"{name}@{begun[-1].era}" if begun else name)
    return names
