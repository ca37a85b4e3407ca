"""All values of all windows of a recording at once: from beats to one table."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from features.beats import Beats, Cleaned, Int8s, Rule, clean
from features.hrv.continuity import couple
from features.hrv.nonlinear import NonLinear, measure_nonlinear
from features.hrv.poincare import Poincare, measure_poincare
from features.hrv.quality import NOT_TOLD, WHY_NOT, Quality, judge_windows
from features.hrv.respiration import count_beats_hz, find_breathing
from features.hrv.rhythm import uneven_share
from features.hrv.spectrum import Spectrum, estimate_density, sum_bands
from features.hrv.time_domain import TimeDomain, measure_time
from features.wear import Bools, Floats
from features.windows import Windows

COUNTS = ("n_beats", "n_pairs")
"""Given for every window, whatever its quality."""

STURDY = ("mean_rr_ms", "mean_hr_bpm", "rmssd_ms", "rmssd_corrected_ms")
"""Given for fair windows too: RMSSD and heart rate stand losses that the others do not (SCIENCE 1)."""


@dataclass(frozen=True)
class WindowTable:
    """Heart rate variability of w windows, and why what is missing is missing.

    Attributes
    ----------
    windows : Windows
        The windows, w of them.
    quality : Quality
        Coverage, artefact share, quality and reasons of each.
    uneven_share : (w,) float array
        Share of pairs that differ by more than 20 %, of the beats as recorded (`is_irregular`).
    values : dict of str to (w,) float array
        Every value by its name, unit in the name: the fields of `TimeDomain`, `Poincare`, `Spectrum`
        and `NonLinear`, and `respiration_per_min` with `respiration_peak_share` (`Respiration`). NaN
        where a window does not allow it.
    """

    windows: Windows
    quality: Quality
    uneven_share: Floats
    values: dict[str, Floats]

    def reason(self, name: str) -> Int8s:
        """Why a value is missing in each window: (w,) codes of `WHY_NOT`, 0 where it is not missing."""
        missing = np.isnan(self.values[name])
        known = self.quality.reason if name in STURDY else self.quality.rest_reason
        return np.where(missing, np.where(known > 0, known, NOT_TOLD), 0).astype(np.int8)

    def explain(self, name: str) -> list[str | None]:
        """Why a value is missing in each window, in words; None where it is not missing."""
        return [WHY_NOT[code] for code in self.reason(name).tolist()]


def measure_windows(
    beats: Beats, windows: Windows, *, rule: Rule = "local20", asleep: bool | Bools = False
) -> WindowTable:
    """Clean a train of beats once and measure all windows of it.

    Parameters
    ----------
    beats : Beats
        n intervals in order of time.
    windows : Windows
        w windows over them (`aligned`, `sliding`, `whole`, `spot`).
    rule : {'local20', 'malik20', 'lt2019', 'none'}
        How intervals are judged: see `clean`.
    asleep : bool or (n,) bool array
        Whether the person slept: see `clean`.

    Returns
    -------
    WindowTable
        Values are given only where the window's quality allows them; the catalogue's settings hold.
        Other settings are had from `measure_time`, `measure_spectrum` and `measure_nonlinear`.

    Examples
    --------
    >>> import numpy as np
    >>> rr_ms = 800 + 40 * np.sin(np.arange(400) / 2)
    >>> beats = Beats(np.cumsum(rr_ms) / 1000, rr_ms, np.zeros(400, bool))
    >>> table = measure_windows(beats, aligned(beats.end_s))
    >>> table.values["rmssd_ms"].round(1).tolist(), table.explain("rmssd_ms")
    ([14.0, nan], [None, 'beats cover less than half of the window'])
    """
    cleaned = clean(beats, rule=rule, asleep=asleep)
    quality = judge_windows(cleaned, windows)
    values = {
        **_name(measure_time(cleaned, windows)),
        **_name(measure_poincare(cleaned, windows)),
        **_measure_waves(cleaned, windows),
        **_name(measure_nonlinear(cleaned, windows)),
    }
    for name in values.keys() - set(COUNTS):
        allowed = (quality.reason if name in STURDY else quality.rest_reason) == 0
        values[name] = np.where(allowed, values[name], np.nan)
    return WindowTable(windows, quality, uneven_share(beats, windows, asleep=asleep), values)


def _measure_waves(cleaned: Cleaned, windows: Windows) -> dict[str, Floats]:
    """Power in the bands and breathing, from one estimate of the spectra."""
    train = couple(cleaned, windows)
    density = estimate_density(train)
    breathing = find_breathing(density, count_beats_hz(train))
    return {
        **_name(sum_bands(density)),
        "respiration_per_min": breathing.rate_per_min,
        "respiration_peak_share": breathing.peak_share,
    }


def _name(part: TimeDomain | Poincare | Spectrum | NonLinear) -> dict[str, Floats]:
    """The values of a part by their names."""
    return {field.name: getattr(part, field.name) for field in fields(part)}
