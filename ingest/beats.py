"""Intervals between beats that carry stamps of their arrival, laid out as beats."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.columns import Flags, Instants

RESYNC_US = 3_000_000
"""Stamps of arrival lag by up to two seconds, since beats travel in bundles; beyond this beats are missing."""


def lay_end_to_end(
    stamp_us: Instants, rr_ms: npt.NDArray[np.float64], broken: Flags
) -> tuple[Instants, Flags]:
    """Instants of beats from their intervals, set anew where these leave the stamps; and where that is.

    Parameters
    ----------
    stamp_us, rr_ms : (n,) arrays
        When each interval arrived, and its length.
    broken : (n,) bool
        Where beats before this one are known to be missing.
    """
    t_us = np.zeros(stamp_us.size, dtype=np.int64)
    gap = np.zeros(stamp_us.size, dtype=np.bool_)
    clock_us = 0
    for i, (stamp, length) in enumerate(zip(stamp_us.tolist(), (rr_ms * 1000).tolist(), strict=True)):
        on = clock_us + int(length)
        gap[i] = i == 0 or bool(broken[i]) or abs(stamp - on) > RESYNC_US
        # A key is an instant: beats never go back, whatever the stamps do.
        clock_us = max(stamp, clock_us + 1) if gap[i] else on
        t_us[i] = clock_us
    return t_us, gap
