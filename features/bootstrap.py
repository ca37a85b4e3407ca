"""Standard errors of values that follow each other in time."""

from __future__ import annotations

import numpy as np

from features.wear import Ints

BLOCK = 6
RESAMPLES = 200
SEED = 20190820


def draw_blocks(n: int, *, block: int = BLOCK) -> Ints:
    """Positions of the moving-block bootstrap (Künsch 1989, doi:10.1214/aos/1176347265).

    Blocks of neighbours keep the dependence of one value on the next; the standard deviation of a
    statistic over the resamples is its standard error. The seed is fixed: the same values give the
    same error.

    Parameters
    ----------
    n : int
        How many values there are; at least 1.
    block : int
        Length of a block; all of them where there are fewer.

    Returns
    -------
    (200, n) int array
        A resample in each row.
    """
    block = min(block, n)
    rng = np.random.default_rng(SEED)
    first = rng.integers(0, n - block + 1, size=(RESAMPLES, -(-n // block)))
    return np.asarray((first[:, :, None] + np.arange(block)).reshape(RESAMPLES, -1)[:, :n], np.int64)
