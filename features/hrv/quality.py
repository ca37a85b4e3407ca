"""How much of a window is there, and what may be said from it (SCIENCE 1).

| quality | coverage | artefact | pairs | what may be used |
|---|---|---|---|---|
| good | ≥ .80 | ≤ .05 | ≥ 150 | all |
| fair | ≥ .50 | ≤ .20 | ≥ 60 | RMSSD and heart rate, at twice the variance |
| none | else | | | nothing |

The counts of pairs are for 5 minutes. A shorter window needs its share of them and never fewer than
30, which is what one of 60 s needs; a longer one needs no more, since coverage already judges it.
Below 2 minutes nothing but RMSSD and heart rate is given, however good the window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.beats import Cleaned
from features.hrv.moments import sum_up
from features.wear import Bools, Floats
from features.windows import Windows

Int8s = npt.NDArray[np.int8]

GOOD_COVERAGE, FAIR_COVERAGE = 0.80, 0.50
GOOD_ARTEFACT, FAIR_ARTEFACT = 0.05, 0.20
GOOD_PAIRS, FAIR_PAIRS, LEAST_PAIRS = 150, 60, 30
PAIRS_SPAN_S = 300.0
SHORTEST_S = 120.0

NO_QUALITY, FAIR, GOOD = range(3)
QUALITIES = (None, "fair", "good")
"""What each code of `Quality.quality` says."""

NO_BEATS, TOO_LITTLE, TOO_UNSURE, TOO_FEW_PAIRS, ONLY_FAIR, TOO_SHORT, NOT_TOLD = range(1, 8)
WHY_NOT: dict[int, str | None] = {
    0: None,
    NO_BEATS: "no beats",
    TOO_LITTLE: "beats cover less than half of the window",
    TOO_UNSURE: "more than a fifth of the beats are not to be believed",
    TOO_FEW_PAIRS: "too few pairs of beats that follow each other",
    ONLY_FAIR: "too much is missing for more than RMSSD and heart rate",
    TOO_SHORT: "shorter than two minutes: RMSSD and heart rate only",
    NOT_TOLD: "the window does not allow this value",
}
"""What each code of a reason says; None where there is a value."""


@dataclass(frozen=True)
class Quality:
    """What w windows may be used for.

    Attributes
    ----------
    coverage : (w,) float array
        Time in accepted intervals over the window's length, 0 to 1.
    artefact : (w,) float array
        Share of the intervals received that were not accepted; NaN where none were.
    quality : (w,) int8 array
        A code of `QUALITIES`.
    reason : (w,) int8 array
        A code of `WHY_NOT`: why RMSSD and heart rate are missing.
    rest_reason : (w,) int8 array
        The same for all other values.
    """

    coverage: Floats
    artefact: Floats
    quality: Int8s
    reason: Int8s
    rest_reason: Int8s


def judge_windows(cleaned: Cleaned, windows: Windows) -> Quality:
    """Judge what windows may be used for.

    Parameters
    ----------
    cleaned : Cleaned
        n intervals.
    windows : Windows
        w windows over them.

    Returns
    -------
    Quality
    """
    sums = sum_up(cleaned, windows)
    n_beats, n_pairs = sums.n_beats, sums.n_pairs
    told_ms = np.where(n_beats > 0, n_beats * sums.mean_ms, 0.0)
    received = windows.stop - windows.first
    # The first interval of a window may begin before it: without the limit a full one may hold 1.003.
    coverage = np.minimum(1.0, told_ms / 1000.0 / windows.span_s)
    artefact = np.divide(received - n_beats, received, out=np.full(len(windows), np.nan), where=received > 0)
    fair_pairs, good_pairs = (_pairs_needed(windows.span_s, count) for count in (FAIR_PAIRS, GOOD_PAIRS))
    good = (coverage >= GOOD_COVERAGE) & (artefact <= GOOD_ARTEFACT) & (n_pairs >= good_pairs)
    reason = _first_reason(
        (n_beats == 0, NO_BEATS),
        (coverage < FAIR_COVERAGE, TOO_LITTLE),
        (artefact > FAIR_ARTEFACT, TOO_UNSURE),
        (n_pairs < fair_pairs, TOO_FEW_PAIRS),
    )
    rest = _first_reason((reason > 0, reason), (windows.span_s < SHORTEST_S, TOO_SHORT), (~good, ONLY_FAIR))
    quality = np.where(reason > 0, NO_QUALITY, np.where(good, GOOD, FAIR)).astype(np.int8)
    return Quality(coverage, artefact, quality, reason, rest)


def _pairs_needed(span_s: Floats, count: int) -> Floats:
    """Pairs that a window of a span needs, given those of 5 minutes."""
    needed = np.maximum(LEAST_PAIRS, count * np.minimum(1.0, span_s / PAIRS_SPAN_S))
    return np.asarray(needed, np.float64)


def _first_reason(*tests: tuple[Bools, int | Int8s]) -> Int8s:
    """The code of the first test that holds in each window, 0 where none does."""
    found = np.zeros(len(tests[0][0]), np.int8)
    for holds, code in reversed(tests):
        found = np.where(holds, np.asarray(code, np.int8), found)
    return found
