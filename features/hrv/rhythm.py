"""Whether a rhythm is too uneven for its variability to mean what it usually means.

A rhythm that is random from beat to beat has a large RMSSD that says nothing of the nerves to the
heart. Values are then withheld. What the cause is cannot be told from here and is never said.
"""

from __future__ import annotations

import numpy as np

from features.beats import Beats, clean
from features.hrv.moments import count_pairs
from features.hrv.quality import LEAST_PAIRS
from features.wear import Bools, Floats
from features.windows import Windows

UNEVEN_STEP = 0.20
UNEVEN_SHARE = 0.15


def uneven_share(beats: Beats, windows: Windows, *, asleep: bool | Bools = False) -> Floats:
    """Share of the pairs of each window whose two intervals differ by more than 20 % of the first.

    Parameters
    ----------
    beats : Beats
        n intervals as recorded: only the range is judged, since the rules that take out single
        beats would take the unevenness with them.
    windows : Windows
        w windows over them.
    asleep : bool or (n,) bool array
        As for `clean`.

    Returns
    -------
    (w,) float array
        NaN with fewer than 30 pairs.
    """
    cleaned = clean(beats, rule="none", asleep=asleep)
    rr = beats.rr_ms
    uneven = np.zeros(len(beats), bool)
    uneven[1:] = cleaned.successive[1:] & (np.abs(rr[1:] - rr[:-1]) > UNEVEN_STEP * rr[:-1])
    pairs, uneven_pairs = count_pairs(cleaned.successive, windows), count_pairs(uneven, windows)
    share = np.full(len(windows), np.nan)
    np.divide(uneven_pairs, pairs, out=share, where=pairs >= LEAST_PAIRS)
    return share


def is_irregular(beats: Beats, windows: Windows, *, asleep: bool | Bools = False) -> bool:
    """Whether more than 15 % of the pairs are uneven in more than half of the windows that can be told.

    Parameters
    ----------
    beats, windows, asleep
        As for `uneven_share`: the windows of a night, say.
    """
    return is_uneven(uneven_share(beats, windows, asleep=asleep))


def is_uneven(share: Floats) -> bool:
    """Whether more than half of the windows that can be told have a share of uneven pairs above 15 %.

    Parameters
    ----------
    share : (w,) float array
        From `uneven_share`; NaN where a window cannot be told.
    """
    known = share[~np.isnan(share)]
    return len(known) > 0 and float(np.mean(known > UNEVEN_SHARE)) > 0.5
