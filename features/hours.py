"""Wear, hour by hour: totals depend on it, so it is shown with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.person import Grid
from features.wear import Floats, Ints


@dataclass(frozen=True)
class Hours:
    """Wear of a local day, an array entry an hour.

    Attributes
    ----------
    start_min : int array
        Start of each local hour, minutes since 1970-01-01 UTC.
    offset_min : int array
        Minutes east of UTC in it.
    worn_min, asleep_min, hr_bpm, steps : float arrays
        As `feature.hour` declares them; NaN where there is nothing.
    """

    start_min: Ints
    offset_min: Ints
    worn_min: Floats
    asleep_min: Floats
    hr_bpm: Floats
    steps: Floats


def measure_hours(grid: Grid, day: int) -> Hours:
    """Wear hour by hour of one local day: 23, 24 or 25 hours as the clocks went."""
    place = grid.clock.minutes_of(day)
    offset = grid.clock.offset_min[place]
    start = grid.clock.local_min[place] // 60 * 60 - offset
    # A change of offset inside an hour makes two rows of it, which start at different instants.
    first, index, group = np.unique(start, return_index=True, return_inverse=True)
    worn = ~np.isnan(grid.hr_bpm[place])
    counted = ~np.isnan(grid.steps[place])

    def total(value: Floats) -> Floats:
        return np.bincount(group, weights=value, minlength=len(first)).astype(np.float64)

    worn_min, counted_min = total(worn.astype(float)), total(counted.astype(float))
    hr_sum = total(np.where(worn, grid.hr_bpm[place], 0.0))
    steps = total(np.where(counted, grid.steps[place], 0.0))
    return Hours(
        first,
        offset[index],
        worn_min,
        total(grid.asleep_s[place]) / 60,
        np.where(worn_min > 0, hr_sum / np.maximum(worn_min, 1), np.nan),
        np.where((counted_min > 0) & ((worn_min > 0) | (steps > 0)), steps, np.nan),
    )
