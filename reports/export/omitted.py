"""`omitted.csv`: what an export in a standard does not say, and why. Nothing is left out silently."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from reports.export.manifest import write_private
from reports.export.read_standards import Recorded, Told
from warehouse.publish import PERSONAL_FEATURES

NO_PLACE = "no place in this standard: see the tables (--format parquet or csv)"
STAYS = "stays with the person"
RAW = "raw signals identify people: not in this format"
SIGNALS = ("signal.beat", "signal.heart_rate", "signal.steps", "feature.window", "feature.episode")


@dataclass(frozen=True, order=True)
class Omitted:
    """One thing that was left out: of whom (empty: of everyone), of how many days (0: of all), and why."""

    person: str
    measure: str
    days: int
    reason: str


def list_unsaid(
    catalogue: Mapping[str, Told], said: Collection[str], why: Mapping[str, str]
) -> list[Omitted]:
    """Features of nights and days of which the format says nothing, and signals."""
    unsaid = [name for name, told in catalogue.items() if told.grain != "window" and name not in said]
    rows = [
        Omitted("", name, 0, STAYS if name in PERSONAL_FEATURES else why.get(name, NO_PLACE))
        for name in unsaid
    ]
    return [*rows, *(Omitted("", name, 0, RAW) for name in SIGNALS)]


def list_unmeasured(label: str, recorded: Recorded, said: Collection[str]) -> list[Omitted]:
    """Features that one person has no value of on any day."""
    days = Counter(name for values in recorded.values.values() for name in values)
    ever = {name for values in recorded.values.values() for name, v in values.items() if v.value is not None}
    return [
        Omitted(label, name, count, "no value on any day")
        for name, count in days.items()
        if name in said and name not in ever
    ]


def list_missing(label: str, recorded: Recorded, said: Collection[str]) -> list[Omitted]:
    """Days without a value, by feature and reason: for a standard that cannot say that something is missing."""
    days = Counter(
        (name, value.reason or "unknown")
        for values in recorded.values.values()
        for name, value in values.items()
        if name in said and value.value is None
    )
    return [Omitted(label, name, count, reason) for (name, reason), count in days.items()]


def write_omitted(path: Path, rows: Iterable[Omitted]) -> int:
    """Write the rows in order; returns how many there are."""
    ordered = sorted(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("person", "measure", "days", "reason"))
    writer.writerows(astuple(row) for row in ordered)
    write_private(path, text.getvalue())
    return len(ordered)
