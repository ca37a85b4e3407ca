"""Whose prior: by the age band that a person has set, and by where their device is worn.

The first weeks of a person lean on what is known of people. A person who set no age band, and a
device of unknown kind, get the prior for everyone; so does a feature of which no figure by age or
kind is known well enough (models/priors.csv says which are).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from models.baseline import Whole
from models.parameters import AGE_BANDS, DEVICE_KINDS, ParameterError, Prior

DEVICE_TABLE = Path(__file__).with_name("device_kinds.csv")
COLUMNS = ["source", "word", "kind"]
ANY_SOURCE = "*"


@dataclass(frozen=True)
class DeviceRow:
    """Devices of a source (ANY_SOURCE: all) with this word in their name (empty: all) are of this kind."""

    source: str
    word: str
    kind: str


@cache
def load_devices() -> tuple[DeviceRow, ...]:
    """Read the table that this package ships; the file is read once."""
    return read_devices(DEVICE_TABLE)


def read_devices(path: Path) -> tuple[DeviceRow, ...]:
    """Read which devices are of which kind, the first that fits first. Lines that begin with # are comments.

    Raises
    ------
    ParameterError
        If the columns are others than expected, or a kind is not known.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(line for line in lines if not line.startswith("#"))
        if reader.fieldnames != COLUMNS:
            raise ParameterError(f"{path.name}: expected the columns {', '.join(COLUMNS)}")
        rows = tuple(DeviceRow(row["source"], row["word"], row["kind"]) for row in reader)
    for row in rows:
        if row.kind not in DEVICE_KINDS[1:] or not row.source:
            where = f"{path.name} line of {row.source} {row.word}"
            raise ParameterError(f"{where}: expected a source and a kind of {', '.join(DEVICE_KINDS[1:])}")
    return rows


def find_kinds(sources: Iterable[str], rows: Sequence[DeviceRow]) -> Whole:
    """Kind of each `source/device`, as a place in DEVICE_KINDS; 0 where it is not known."""
    return np.array([DEVICE_KINDS.index(name_kind(name, rows)) for name in sources], dtype=np.int64)


def name_kind(name: str, rows: Sequence[DeviceRow]) -> str:
    """Kind of one `source/device`; empty where it is not known."""
    source, _, device = name.casefold().partition("/")
    words = set(re.findall(r"[^\W_]+", device))
    fits = (r.kind for r in rows if r.source in (source, ANY_SOURCE) and (not r.word or r.word in words))
    return next(fits, "")


def find_bands(people: pa.Array, settings: pa.Table) -> Whole:
    """Age band of each person, as a place in AGE_BANDS; 0 for those who set none.

    Parameters
    ----------
    people : pa.Array
        Their names.
    settings : pa.Table
        `meta.setting`: participant, name, value.
    """
    rows = settings.to_pylist()
    bands = {row["participant"]: row["value"] for row in rows if row["name"] == "age_band"}
    if not bands:
        return np.zeros(len(people), dtype=np.int64)
    return np.array([AGE_BANDS.index(bands.get(name, "")) for name in people.to_pylist()], dtype=np.int64)


def choose_prior(priors: Prior, band: Whole, kind: Whole) -> Prior:
    """Priors of each case and feature, from the age band (cases,) and the device kind (cases, features)."""
    at = band[:, None], kind, np.arange(kind.shape[1])
    return Prior(priors.mean[at], priors.within[at], priors.between[at])
