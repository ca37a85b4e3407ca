"""Values of the intervals themselves and of the differences between neighbours (Task Force 1996)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.beats import Cleaned, correct_ticks
from features.hrv.moments import sum_up
from features.hrv.order import describe_windows
from features.wear import Floats
from features.windows import Windows

PnnOver = Literal["pairs", "pairs + 1"]


@dataclass(frozen=True)
class TimeDomain:
    """Each of w windows in the time domain; NaN where there are too few intervals to say.

    Attributes
    ----------
    n_beats, n_pairs : (w,) float arrays
        Accepted intervals, and pairs of them that follow each other.
    mean_rr_ms, median_rr_ms : (w,) float arrays
        Mean and median interval.
    mean_hr_bpm : (w,) float array
        60000 over the mean interval.
    sdnn_ms : (w,) float array
        Standard deviation of the intervals (n − 1); of at least two.
    rmssd_ms : (w,) float array
        Root mean square of the differences of pairs.
    rmssd_corrected_ms : (w,) float array
        The same without what the clock's tick adds (`correct_ticks`); NaN where the tick is not known.
    sdsd_ms : (w,) float array
        Standard deviation of the differences (n − 1); of at least two.
    pnn20_pct, pnn50_pct : (w,) float arrays
        Per cent of the pairs that differ by more than 20 or 50 ms.
    cvnn, cvsd : (w,) float arrays
        SDNN and RMSSD over the mean interval.
    mad_rr_ms : (w,) float array
        1.4826 times the median distance from the median.
    iqr_rr_ms : (w,) float array
        Third less first quartile, linear between neighbours.
    hti : (w,) float array
        Triangular index: intervals over the highest bar of their histogram in bins of 1/128 s.
    tinn_ms : (w,) float array
        Base of the triangle that fits that histogram best.
    """

    n_beats: Floats
    n_pairs: Floats
    mean_rr_ms: Floats
    mean_hr_bpm: Floats
    sdnn_ms: Floats
    rmssd_ms: Floats
    rmssd_corrected_ms: Floats
    sdsd_ms: Floats
    pnn20_pct: Floats
    pnn50_pct: Floats
    cvnn: Floats
    cvsd: Floats
    median_rr_ms: Floats
    mad_rr_ms: Floats
    iqr_rr_ms: Floats
    hti: Floats
    tinn_ms: Floats


def measure_time(cleaned: Cleaned, windows: Windows, *, pnn_over: PnnOver = "pairs") -> TimeDomain:
    """Measure windows in the time domain.

    Nothing is said here of whether a window holds enough to be used: that is `judge_windows`.

    Parameters
    ----------
    cleaned : Cleaned
        n intervals; the accepted ones count, and of pairs the successive ones.
    windows : Windows
        w windows over them, which may overlap.
    pnn_over : {'pairs', 'pairs + 1'}
        What pNN20 and pNN50 are shares of. NeuroKit2 0.2.13 divides by one more than there are
        differences, so that its pNN50 cannot reach 100.

    Returns
    -------
    TimeDomain
    """
    sums = sum_up(cleaned, windows)
    rmssd = np.sqrt(sums.step_ms2)
    shares = sums.n_pairs if pnn_over == "pairs" else sums.n_pairs + 1
    some = sums.n_pairs > 0
    median, mad, iqr, hti, tinn = _describe(cleaned, windows)
    with np.errstate(divide="ignore", invalid="ignore"):
        return TimeDomain(
            n_beats=sums.n_beats.astype(np.float64),
            n_pairs=sums.n_pairs.astype(np.float64),
            mean_rr_ms=sums.mean_ms,
            mean_hr_bpm=60000.0 / sums.mean_ms,
            sdnn_ms=sums.deviation_ms,
            rmssd_ms=rmssd,
            rmssd_corrected_ms=correct_ticks(rmssd, cleaned.beats.tick_ms),
            sdsd_ms=sums.step_deviation_ms,
            pnn20_pct=np.where(some, 100.0 * sums.n_over_20 / shares, np.nan),
            pnn50_pct=np.where(some, 100.0 * sums.n_over_50 / shares, np.nan),
            cvnn=sums.deviation_ms / sums.mean_ms,
            cvsd=rmssd / sums.mean_ms,
            median_rr_ms=median,
            mad_rr_ms=mad,
            iqr_rr_ms=iqr,
            hti=hti,
            tinn_ms=tinn,
        )


def _describe(cleaned: Cleaned, windows: Windows) -> Floats:
    """Median, MAD, IQR, triangular index and TINN: (5, w)."""
    before = np.zeros(len(cleaned) + 1, np.int64)
    np.cumsum(cleaned.accepted, out=before[1:])
    accepted = np.ascontiguousarray(cleaned.beats.rr_ms[cleaned.accepted], np.float64)
    return describe_windows(accepted, before[windows.first], before[windows.stop])
