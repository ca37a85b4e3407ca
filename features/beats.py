"""Intervals between heart beats: which to believe, and which two follow each other.

What is not believed is left out, never replaced: no filling of gaps is best for SDNN and RMSSD where
losses come in bursts, as at the wrist (Cajal 2022). Every interval left out keeps the reason, and no
pair is ever made across a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from features import beat_rules
from features.beat_rules import ECTOPIC, EXTRA, LOCAL_MEDIAN, LONG, MALIK, MISSED, OUT_OF_RANGE, SHORT
from features.wear import Bools, Floats

Int8s = npt.NDArray[np.int8]
Rule = Literal["local20", "malik20", "lt2019", "none"]

REASONS: dict[int, str] = {
    0: "accepted",
    OUT_OF_RANGE: "out of range",
    LOCAL_MEDIAN: "more than a fifth from the median around it",
    MALIK: "more than a fifth from the interval accepted before it",
    LONG: "long",
    SHORT: "short",
    ECTOPIC: "ectopic beat",
    MISSED: "beat missed",
    EXTRA: "extra beat",
}
"""What each code of `Cleaned.reason` says."""

LEAST_MS, LEAST_ASLEEP_MS, MOST_MS = 300.0, 400.0, 2000.0
CLOCK_MS = 20.0
"""Elapsed time and the interval of a pair may differ by so much, or by 1.5 ticks of the clock."""

ROUNDING_MS = 1e-3
"""Seconds since 1970 as float64 are good to 0.0002 ms: a difference of exactly 20 ms is within 20 ms."""


@dataclass(frozen=True)
class Beats:
    """A train of intervals between beats, in order of time.

    Attributes
    ----------
    end_s : (n,) float array
        Elapsed seconds, from any origin, of the beat that ends each interval.
    rr_ms : (n,) float array
        The intervals, in ms; NaN where one was recorded without a value.
    gap_before : (n,) bool array
        Beats are missing between the interval before and this one.
    tick_ms : float
        Resolution of the recorder's clock, in ms; NaN where it is not known.
    """

    end_s: Floats
    rr_ms: Floats
    gap_before: Bools
    tick_ms: float = np.nan

    def __len__(self) -> int:
        return len(self.rr_ms)


@dataclass(frozen=True)
class Cleaned:
    """A train of intervals, judged.

    Attributes
    ----------
    beats : Beats
        The train as it was given; nothing is removed from it.
    reason : (n,) int8 array
        0 where the interval is accepted, else why not: a code of `REASONS`.
    successive : (n,) bool array
        Interval i − 1 and interval i are both accepted and follow each other without a gap.
    """

    beats: Beats
    reason: Int8s
    successive: Bools

    def __len__(self) -> int:
        return len(self.reason)

    @property
    def accepted(self) -> Bools:
        """(n,) whether each interval is believed."""
        return np.asarray(self.reason == 0, np.bool_)


def clean(beats: Beats, *, rule: Rule = "local20", asleep: bool | Bools = False) -> Cleaned:
    """Judge each interval, and which neighbours make a pair.

    First the range (300 to 2000 ms, asleep 400 to 2000 ms), then the rule:

    - ``local20``: left out if more than 20 % from the median of the 11 valid intervals around it, of
      those within 60 s.
    - ``malik20``: left out if more than 20 % from the last accepted interval, of the last 60 s; after
      5 rejections in a row the next interval is believed (the Malik 20 % rule).
    - ``lt2019``: Lipponen and Tarvainen 2019 (doi:10.1080/03091902.2019.1640306), one pass, cut at
      gaps first; only for trains from an electrocardiogram, a chest strap or one's own peaks.
    - ``none``: the range alone.

    Parameters
    ----------
    beats : Beats
        n intervals in order of time.
    rule : {'local20', 'malik20', 'lt2019', 'none'}
        See above.
    asleep : bool or (n,) bool array
        Whether the person slept, which narrows the range.

    Returns
    -------
    Cleaned
        Of the same n intervals.
    """
    _check(beats, rule)
    rr = np.ascontiguousarray(beats.rr_ms, np.float64)
    end = np.ascontiguousarray(beats.end_s, np.float64)
    in_range = (rr >= np.where(asleep, LEAST_ASLEEP_MS, LEAST_MS)) & (rr <= MOST_MS)
    follows = find_following(beats)
    reason = np.where(in_range, 0, OUT_OF_RANGE).astype(np.int8)
    if rule == "lt2019":
        label = beat_rules.label_train(rr, follows, longest_ms=2 * MOST_MS)
        reason = np.where(label > 0, label, reason)
    elif rule != "none":
        kept = np.flatnonzero(in_range)
        judge = beat_rules.judge_local if rule == "local20" else beat_rules.judge_malik
        reason[kept] = judge(rr[kept], end[kept])
    accepted = reason == 0
    successive = follows & accepted
    successive[1:] &= accepted[:-1]
    return Cleaned(beats, reason, successive)


def _check(beats: Beats, rule: str) -> None:
    if rule not in get_args(Rule):
        raise ValueError(f"cleaning of beats: {rule!r} is no rule; give one of {', '.join(get_args(Rule))}")
    if not len(beats.end_s) == len(beats.rr_ms) == len(beats.gap_before):
        raise ValueError(
            f"beats: {len(beats.end_s)} times, {len(beats.rr_ms)} intervals and {len(beats.gap_before)} gap marks; "
            "give one of each for every interval"
        )
    if not np.isfinite(beats.end_s).all() or (np.diff(beats.end_s) < 0).any():
        raise ValueError(
            "beats: their times are not in order, or not all known; sort them and drop unknown ones"
        )


def find_following(beats: Beats) -> Bools:
    """Whether each interval follows the one before it: no gap is marked, and the clock agrees.

    The clock agrees if the time between the two beats differs from the interval by 20 ms at most, or
    by 1.5 ticks of the recorder's clock if that is more.

    Returns
    -------
    (n,) bool array
        False for the first interval.
    """
    follows = np.zeros(len(beats), bool)
    step_ms = np.diff(beats.end_s) * 1000.0
    allowed = np.fmax(CLOCK_MS, 1.5 * beats.tick_ms) + ROUNDING_MS
    follows[1:] = ~beats.gap_before[1:] & (np.abs(step_ms - beats.rr_ms[1:]) <= allowed)
    return follows


def correct_ticks(rmssd_ms: npt.ArrayLike, tick_ms: float) -> Floats:
    """RMSSD without what the recorder's clock adds to it: √max(0, RMSSD² − Δ²/2).

    A beat time rounded to ticks of Δ errs by a variance of Δ²/12, and a difference of two intervals
    holds three of them: Var(t₊₁ − 2·t₀ + t₋₁) = 6·Δ²/12. At 1/64 s, 23.9 ms reads as 26.2 ms.

    Parameters
    ----------
    rmssd_ms : float or array
        RMSSD as measured, in ms.
    tick_ms : float
        Tick of the clock, in ms. Where it is NaN, so is the result: nothing is known to be right.
    """
    return np.asarray(np.sqrt(np.maximum(0.0, np.square(rmssd_ms) - tick_ms**2 / 2)), np.float64)
