"""Segments: what may be compared. A source and device, in an era of its firmware; two that were worn together.

Values of two segments are never pooled (models.baseline). Firmware opens a segment only where
`firmware_eras.csv` lists it: vendors change algorithms without notice, and a segment opened at every
update would leave nobody a baseline. Two devices worn together for a week of nights tell how far they
disagree: then the old one's days are worth more to the new one's baseline, and the result is flagged.

Restart after a long absence is models.baseline.forget_absence.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np

from models.baseline import MAD_TO_SD, Flag, Real, Whole, median
from models.parameters import ParameterError, SegmentParameters

FIRMWARE_ERAS = Path(__file__).with_name("firmware_eras.csv")
COLUMNS = ["device", "feature", "since", "era", "citation"]
EPOCH = date(1970, 1, 1)
MEDIAN_SE = 1.2533  # √(π/2): standard error of a median over that of a mean


@dataclass(frozen=True)
class Era:
    """From the local day `since` (days since 1970) on, this device's feature is another segment."""

    device: str
    feature: str
    since: int
    era: str
    citation: str


@dataclass(frozen=True)
class Bridge:
    """How far the new device reads above the old one. Shapes (...).

    `offset` and its error `se` in the feature's unit (a ln-difference where the feature is a
    logarithm), from `nights` worn together. `bridged` is False, and both NaN, where they are too few.
    """

    offset: Real
    se: Real
    nights: Whole
    bridged: Flag


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


def bridge_devices(old: Real, new: Real, p: SegmentParameters) -> Bridge:
    """Measure how two devices disagree on the nights on which both were worn.

    Parameters
    ----------
    old, new : ndarray (..., nights)
        One feature as each device has it on the same nights *before* the day scored; NaN missing.
        HRV as ln RMSSD, so that the difference is a ln-difference. HRV kinds are never bridged.
    p : SegmentParameters

    Returns
    -------
    Bridge
        The median difference new − old and its error.
    """
    apart = new - old
    nights = np.count_nonzero(~np.isnan(apart), axis=-1)
    offset = median(apart, nights)
    spread = MAD_TO_SD * median(np.abs(apart - offset[..., None]), nights)
    bridged = nights >= p.bridge_nights
    se = MEDIAN_SE * spread / np.sqrt(np.maximum(nights, 1))
    return Bridge(np.where(bridged, offset, np.nan), np.where(bridged, se, np.nan), nights, bridged)


def carry_across(bridge: Bridge, mean: Real, scale: Real, offset_sd: float) -> tuple[Real, Real]:
    """Move the old device's mean to the new one's scale, for the prior of models.baseline.join.

    Parameters
    ----------
    bridge : Bridge
        Shapes (...).
    mean, scale : ndarray (...)
        Mean and spread of the old segment, in the feature's unit.
    offset_sd : float
        `device_offset_sd`: how far two devices disagree that were never worn together.

    Returns
    -------
    mean, offset_sd : ndarray (...)
        To take the place of `last.mean` and of `p.device_offset_sd`: a bridge of small error makes
        the old device's days nearly as good as the new one's own. Unchanged where there is no bridge.
    """
    moved = np.where(bridge.bridged, mean + np.nan_to_num(bridge.offset), mean)
    error = np.nan_to_num(bridge.se) / np.where(scale > 0, scale, 1.0)
    return moved, np.where(bridge.bridged & (scale > 0), np.minimum(error, offset_sd), offset_sd)
