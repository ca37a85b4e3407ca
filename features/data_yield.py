"""Data yield: minutes and hours with data, as RAPIDS counts them and as our rule of wear does.

RAPIDS (carissalow/rapids, data yield): a minute is *yielded* when a sensor logged at least one row in
it, minutes being counted from the start of the segment; an hour is *valid* when the share of its minutes
that are yielded is above a threshold (its code says above, its manual "at least"; the code is followed).
Ours: a minute counts when the device was worn, that is when it is in no gap of 15 minutes or more
without heart rate. So ours forgives short gaps, and RAPIDS' needs heart rate every minute.

Both are the same count of another mask, so that the difference between two yields is the difference
between two rules and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.measure import Measure, found
from features.wear import Bools, Floats

VALID_HOUR = 0.5
"""Share of an hour's minutes above which it is valid. RAPIDS leaves the choice to the study."""

YIELD = ("yield_minutes", "yield_hours", "wear_minutes", "wear_hours")


@dataclass(frozen=True)
class Yield:
    """How much of a segment has data.

    Attributes
    ----------
    minutes : int
        Length of the segment, minutes.
    yielded_min : int
        Minutes with data.
    valid_h : int
        Valid hours: 60-minute bins from the start of the segment.
    """

    minutes: int
    yielded_min: int
    valid_h: int

    @property
    def minute_ratio(self) -> float:
        """RAPIDS' ratiovalidyieldedminutes: yielded minutes over the segment's, 0 to 1; 0 of none."""
        return min(1.0, self.yielded_min / self.minutes) if self.minutes else 0.0

    @property
    def hour_ratio(self) -> float:
        """RAPIDS' ratiovalidyieldedhours: valid hours over the segment's, 0 to 1.

        A segment of an hour or less is one bin: 1 where that is valid, else 0.
        """
        return min(1.0, self.valid_h / max(1.0, self.minutes / 60))


def mark_minutes(t_s: Floats, start_s: float, end_s: float) -> Bools:
    """Minutes of a segment, counted from its start, in which a sensor logged at least one row.

    Parameters
    ----------
    t_s : (k,) float array
        Instants of the rows, seconds of any one origin, in any order.
    start_s, end_s : float
        The segment, its end exclusive; a last part of a minute is a minute.
    """
    minute = np.floor((t_s[(t_s >= start_s) & (t_s < end_s)] - start_s) / 60).astype(np.int64)
    has = np.zeros(max(0, int(np.ceil((end_s - start_s) / 60))), np.bool_)
    has[minute] = True
    return has


def count_yield(has: Bools, *, valid_hour: float = VALID_HOUR) -> Yield:
    """Yield of a segment from its minutes.

    Parameters
    ----------
    has : (n,) bool array
        Minutes of the segment with data, from its start; a local day may have 1,380 or 1,500.
    valid_hour : float
        An hour is valid where the share of its minutes with data is above this. The last bin of a
        segment that is no whole number of hours is still judged by 60 minutes, as RAPIDS does; a
        segment shorter than an hour by its own length.
    """
    minutes = len(has)
    if not minutes:
        return Yield(0, 0, 0)
    count = np.add.reduceat(has.astype(np.int64), np.arange(0, minutes, 60))
    valid = count / min(minutes, 60) > valid_hour
    return Yield(minutes, int(has.sum()), int(valid.sum()))


def yield_of_day(hr_bpm: Floats, nonwear: Bools) -> tuple[Yield, Yield]:
    """Yield of one local day of one stream: as RAPIDS counts it, and by wear.

    Parameters
    ----------
    hr_bpm : (n,) float array
        Mean heart rate of each minute of the day, NaN where none.
    nonwear : (n,) bool array
        The same minutes of `wear.find_nonwear` of the whole axis: a gap over midnight is one gap.
    """
    return count_yield(~np.isnan(hr_bpm)), count_yield(~nonwear)


def measure_yield(rows: Yield, worn: Yield) -> dict[str, Measure]:
    """`YIELD` of one local day, from the two of `yield_of_day` of the stream used by day."""
    return {
        "yield_minutes": found(rows.minute_ratio, n_obs=rows.yielded_min, coverage=rows.minute_ratio),
        "yield_hours": found(rows.hour_ratio, n_obs=rows.valid_h, coverage=rows.minute_ratio),
        "wear_minutes": found(worn.minute_ratio, n_obs=worn.yielded_min, coverage=worn.minute_ratio),
        "wear_hours": found(worn.hour_ratio, n_obs=worn.valid_h, coverage=worn.minute_ratio),
    }
