"""Dates on which vendors turn something off: `sunsets.csv`, the one place for them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("sunsets.csv")


@dataclass(frozen=True)
class Sunset:
    """One date: what ends then, what to do, and where that is said."""

    provider: str
    day: date
    what: str
    do: str
    source: str


@cache
def read_sunsets() -> tuple[Sunset, ...]:
    """Read the table, in the order of its dates."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = [
            Sunset(row["provider"], date.fromisoformat(row["day"]), row["what"], row["do"], row["source"])
            for row in csv.DictReader(file)
        ]
    return tuple(sorted(rows, key=lambda one: (one.day, one.provider)))
