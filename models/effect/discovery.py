"""Many outcomes at once: how often a finding among them is one of chance."""

from __future__ import annotations

import numpy as np

from models.baseline import Real


def adjust_p_values(p: Real) -> Real:
    """Adjust p-values so that a share q of what is found at q is false, at most.

    Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.

    Parameters
    ----------
    p : ndarray (tests,)
        NaN where nothing was tested; it stays NaN and is not counted.
    """
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")][::-1]
    shares = p[order] * order.size / np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(shares))
    return adjusted
