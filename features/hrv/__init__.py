"""Heart rate variability over windows: time, frequency and non-linear values of a cleaned train of beats."""

from features.hrv.engine import WindowTable, measure_windows
from features.hrv.nonlinear import NonLinear, measure_nonlinear
from features.hrv.poincare import Poincare, measure_poincare
from features.hrv.quality import Quality, judge_windows
from features.hrv.respiration import Respiration, measure_respiration
from features.hrv.rhythm import is_irregular, uneven_share
from features.hrv.spectrum import Spectrum, measure_spectrum
from features.hrv.time_domain import TimeDomain, measure_time

__all__ = [
    "NonLinear",
    "Poincare",
    "Quality",
    "Respiration",
    "Spectrum",
    "TimeDomain",
    "WindowTable",
    "is_irregular",
    "judge_windows",
    "measure_nonlinear",
    "measure_poincare",
    "measure_respiration",
    "measure_spectrum",
    "measure_time",
    "measure_windows",
    "uneven_share",
]
