"""Windows of five minutes over a person's beats, UTC day by UTC day.

A day's windows are made from the beats of that day and of five minutes on either side, so that they are
the same whichever days are asked for together: no rule for a beat looks further than 60 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress

import numpy as np

from features.beats import Beats
from features.hrv import measure_windows
from features.hrv.quality import FAIR
from features.peaks import find_beats
from features.wear import Bools, Floats, Ints
from features.windows import whole

SPAN_S = 300
MARGIN_S = 300
DAY_S = 86_400
SENSORS = (None, "ppg", "ecg")
"""What sees beats, by number: not known, light, electrodes."""

LEAST_WAVE_HZ = 20.0
"""A pulse wave of fewer samples a second cannot time beats."""


@dataclass(frozen=True)
class FiveMinutes:
    """Windows with beats of one device, in order of time; every array is (w,).

    Attributes
    ----------
    start_s : int array
        Start of each, seconds since 1970-01-01 UTC.
    quality : int8 array
        As `hrv.quality.QUALITIES` numbers it.
    reason : list of str or None
        Why RMSSD and heart rate are missing.
    coverage, artefact, uneven : float arrays
        As `feature.window` declares them.
    values : mapping
        Name of a window feature → its values; NaN where missing.
    sensor : list of str or None
        What saw the first beat of each (`SENSORS`).
    derived : bool array
        The beats were found in the pulse wave.
    """

    start_s: Ints
    quality: Ints
    reason: list[str | None]
    coverage: Floats
    artefact: Floats
    uneven: Floats
    values: Mapping[str, Floats]
    sensor: list[str | None]
    derived: Bools

    @property
    def rmssd_ms(self) -> Floats:
        """RMSSD without what the clock's ticks add, where these are known."""
        corrected = self.values["rmssd_corrected_ms"]
        return np.where(np.isfinite(corrected), corrected, self.values["rmssd_ms"])

    @property
    def usable(self) -> Bools:
        """Windows of good or fair quality."""
        return self.quality >= FAIR

    def take(self, place: Bools) -> FiveMinutes:
        """Some of the windows."""
        return FiveMinutes(
            self.start_s[place],
            self.quality[place],
            list(compress(self.reason, place)),
            self.coverage[place],
            self.artefact[place],
            self.uneven[place],
            {name: value[place] for name, value in self.values.items()},
            list(compress(self.sensor, place)),
            self.derived[place],
        )


def measure_five_minutes(
    beats: Beats, utc_day: int, asleep: Bools, *, sensor: Ints, derived: bool = False
) -> FiveMinutes:
    """Measure the windows of one UTC day that hold a beat.

    Parameters
    ----------
    beats : Beats
        Of the day and of `MARGIN_S` on either side; `end_s` in seconds since 1970-01-01 UTC.
    utc_day : int
        Days since 1970-01-01.
    asleep : (n,) bool array
        Whether the person slept when each interval ended.
    sensor : (n,) int array
        What saw each beat: its place in `SENSORS`.
    """
    start = utc_day * DAY_S + np.arange(0, DAY_S, SPAN_S, dtype=np.int64)
    windows = whole(beats.end_s, start, start + SPAN_S)
    held = windows.stop > windows.first
    start, first = start[held], windows.first[held]
    table = measure_windows(beats, whole(beats.end_s, start, start + SPAN_S), asleep=asleep)
    return FiveMinutes(
        start,
        table.quality.quality.astype(np.int64),
        table.explain("rmssd_ms"),
        table.quality.coverage,
        table.quality.artefact,
        table.uneven_share,
        table.values,
        [SENSORS[code] for code in sensor[first].tolist()],
        np.full(len(start), derived),
    )


def find_wave_beats(t_s: Floats, wave: Floats) -> Beats | None:
    """The beats in a pulse wave; None where it has too few samples a second to time them."""
    if len(t_s) < 2:
        return None
    # To a tenth: the rate of the device, not of how its stamps were rounded that day.
    rate_hz = round(1.0 / float(np.median(np.diff(t_s))), 1)
    return find_beats(t_s, wave, rate_hz=rate_hz, sensor="ppg") if rate_hz >= LEAST_WAVE_HZ else None


def join(parts: list[FiveMinutes]) -> FiveMinutes:
    """Put the windows of several days of one device together; at least one, in order of time."""
    return FiveMinutes(
        np.concatenate([p.start_s for p in parts]),
        np.concatenate([p.quality for p in parts]),
        [why for p in parts for why in p.reason],
        np.concatenate([p.coverage for p in parts]),
        np.concatenate([p.artefact for p in parts]),
        np.concatenate([p.uneven for p in parts]),
        {name: np.concatenate([p.values[name] for p in parts]) for name in parts[0].values},
        [sensor for p in parts for sensor in p.sensor],
        np.concatenate([p.derived for p in parts]),
    )
