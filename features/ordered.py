"""Sorted values that change a little at a time, for compiled loops.

These are compiled into their callers: after a change here, touch the files that import it.
"""

from __future__ import annotations

from features.compiled import compiled
from features.wear import Floats


@compiled
def place_of(ordered: Floats, size: int, value: float) -> int:
    """How many of sorted values are less than a value."""
    low, high = 0, size
    while low < high:
        middle = (low + high) >> 1
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def put_in(ordered: Floats, size: int, value: float) -> int:
    """Put a value into sorted values; returns how many they are then."""
    k = place_of(ordered, size, value)
    for m in range(size, k, -1):
        ordered[m] = ordered[m - 1]
    ordered[k] = value
    return size + 1


@compiled
def take_out(ordered: Floats, size: int, value: float) -> int:
    """Take a value that is there out of sorted values; returns how many are left."""
    for m in range(place_of(ordered, size, value), size - 1):
        ordered[m] = ordered[m + 1]
    return size - 1


@compiled
def quantile(ordered: Floats, size: int, share: float) -> float:
    """Quantile of sorted values, linear between neighbours."""
    place = share * (size - 1)
    low = int(place)
    high = min(low + 1, size - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
