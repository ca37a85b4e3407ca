"""Heart beats from a wave: the pulse of a wrist (PPG) or an electrocardiogram (ECG), and how far to trust them.

NeuroKit2 finds the beats; what stands here is the time of each between two samples, and which of them
are beats at all. A wave is worked in pieces of a minute that lie on the clock, so that a day at 64 Hz
needs little memory and the same beats come out wherever a reading began.

A beat is believed if its wave looks like those around it. Motion, a loose strap and ectopic beats do
not; the intervals beside such a beat are left out and the place is marked as a gap. No gap is bridged.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from features.beats import Beats
from features.wear import Bools, Floats, Ints, find_runs

Sensor = Literal["ppg", "ecg"]

PIECE_S = 60
"""A threshold of the detectors is a mean over what they are given: a burst of motion spoils its own minute."""

MARGIN_S = 10
"""What is given beside a piece, for the filters to settle (they begin at .5 Hz)."""

LEAST_S = 10
"""Shorter stretches of wave are not looked at: the filters would not settle."""

FLAT_S = 0.5
"""So long at one value is a lost contact or a full scale, not a heart."""

SAME_S = 1.5
"""In samples: stamps farther apart than that have samples missing between them."""

LONGEST_RR_S = 2.0
"""Above this it is no interval (`features.beats`), so a beat was missed between."""

LEAST_RR_S = 0.3
"""Two beats found closer than that, one on either side of a border of pieces, are one."""

NEIGHBOURS = 5
LIKE_NEIGHBOURS = {"ppg": 0.86, "ecg": 0.66}
"""Least correlation with other beats, as Orphanidou 2015 found it against labels by hand."""

SHAPE_S = {"ppg": (-0.25, 0.35), "ecg": (-0.10, 0.10)}
"""What of a wave is compared, about its beat: the pulse, and the QRS complex."""

PULSE_RISE_S = 0.35
"""From foot to top a pulse at the wrist takes a fifth to a third of a second."""


@dataclass(frozen=True)
class Pulses:
    """Beats as found, before any is left out.

    Attributes
    ----------
    t_s : (n,) float array
        Times, in order, on the axis of the wave.
    likeness : (n,) float array
        −1 to 1: median correlation with the beats around it in the same stretch; NaN without any.
    stretch : (n,) int array
        Number of the unbroken stretch of wave that each lies in.
    """

    t_s: Floats
    likeness: Floats
    stretch: Ints


def find_beats(t_s: Floats, wave: Floats, *, rate_hz: float, sensor: Sensor) -> Beats:
    """Intervals between the beats of a wave.

    Parameters
    ----------
    t_s : (n,) float array
        Time of each sample in seconds, from any origin, increasing. Samples may be missing.
    wave : (n,) float array
        The wave in any unit, up at the pulse; NaN where there is none.
    rate_hz : float
        Nominal samples a second: at least 20 for a pulse, 100 for an electrocardiogram.
    sensor : {'ppg', 'ecg'}
        Which wave it is.

    Returns
    -------
    Beats
        Only intervals between neighbouring beats that are both believed, none above 2 s. `tick_ms` is
        0: times lie between samples, so nothing of a clock's ticks is left to correct for.

    Raises
    ------
    ValueError
        Where the arrays differ in length, time does not increase or the rate is too low.
    """
    pulses = find_pulses(t_s, wave, rate_hz=rate_hz, sensor=sensor)
    return make_intervals(pulses, believed=pulses.likeness >= LIKE_NEIGHBOURS[sensor])


def find_pulses(t_s: Floats, wave: Floats, *, rate_hz: float, sensor: Sensor) -> Pulses:
    """All beats of a wave, with how alike each is to its neighbours. Parameters as in `find_beats`."""
    check_wave(t_s, wave, rate_hz, least_hz=20.0 if sensor == "ppg" else 100.0)
    found = [Pulses(np.empty(0), np.empty(0), np.empty(0, np.int64))]
    for number, (first, stop) in enumerate(find_stretches(t_s, wave, rate_hz)):
        at_s, shapes = _search(t_s[first:stop], wave[first:stop], rate_hz, sensor)
        found.append(Pulses(at_s, likeness(shapes), np.full(len(at_s), number)))
    return Pulses(
        np.concatenate([p.t_s for p in found]),
        np.concatenate([p.likeness for p in found]),
        np.concatenate([p.stretch for p in found]),
    )


def check_wave(t_s: Floats, wave: Floats, rate_hz: float, *, least_hz: float) -> None:
    """Refuse a wave whose beats could not be told."""
    if len(t_s) != len(wave):
        raise ValueError(f"wave: {len(t_s)} times and {len(wave)} values; expected one of each a sample")
    if not rate_hz >= least_hz:
        raise ValueError(f"wave: {rate_hz:g} samples a second; expected at least {least_hz:g} to time beats")
    if len(t_s) > 1 and not (np.diff(t_s) > 0).all():
        raise ValueError("wave: times do not increase; sort the samples by time, one a moment")


def find_stretches(t_s: Floats, wave: Floats, rate_hz: float) -> list[tuple[int, int]]:
    """Unbroken stretches of a wave: samples there, one after the other, not flat, for 10 s or longer.

    Returns
    -------
    list of (first, stop)
        Positions in the arrays, in order.
    """
    usable = np.isfinite(wave) & ~find_flat(wave, least=max(2, round(FLAT_S * rate_hz)))
    start, stop = find_runs(usable)
    jumps = np.flatnonzero(np.diff(t_s) > SAME_S / rate_hz) + 1
    cuts = np.unique(np.concatenate((start, stop, jumps)))
    least = LEAST_S * rate_hz
    return [(a, b) for a, b in pairwise(cuts.tolist()) if usable[a] and b - a >= least]


def find_flat(wave: Floats, *, least: int) -> Bools:
    """Samples within a run of at least `least` equal ones."""
    flat = np.zeros(len(wave), np.bool_)
    start, stop = find_runs(np.diff(wave) == 0)
    long = stop - start + 1 >= least
    for a, b in zip(start[long].tolist(), stop[long].tolist(), strict=True):
        flat[a : b + 1] = True
    return flat


def _search(t_s: Floats, wave: Floats, rate_hz: float, sensor: Sensor) -> tuple[Floats, Floats]:
    """Times of the beats of one stretch, and the shape of the wave about each: (k,) and (k, m)."""
    low, high = (round(edge * rate_hz) for edge in SHAPE_S[sensor])
    times, shapes = [np.empty(0)], [np.empty((0, high - low + 1))]
    last_s = -np.inf
    edges = np.arange(np.floor(t_s[0] / PIECE_S), np.floor(t_s[-1] / PIECE_S) + 2) * PIECE_S
    for from_s, to_s in pairwise(edges.tolist()):
        first, stop = np.searchsorted(t_s, (from_s - MARGIN_S, to_s + MARGIN_S))
        clean, beat = detect(wave[first:stop], rate_hz, sensor)
        place = locate(clean, beat, rate_hz, sensor)
        at_s = np.interp(place, np.arange(stop - first), t_s[first:stop])
        middle = np.rint(place).astype(np.int64)
        whole = (middle + low >= 0) & (middle + high < len(clean))
        # By the sample, not the time between two: seen from either piece it is the same one.
        own = (t_s[first + beat] >= from_s) & (t_s[first + beat] < to_s)
        mine = whole & own & (at_s > last_s + LEAST_RR_S)
        times.append(at_s[mine])
        shapes.append(clean[middle[mine][:, None] + np.arange(low, high + 1)])
        last_s = at_s[mine][-1] if mine.any() else last_s
    return np.concatenate(times), np.concatenate(shapes)


def detect(wave: Floats, rate_hz: float, sensor: Sensor) -> tuple[Floats, Ints]:
    """The filtered wave and the samples of its peaks, by NeuroKit2.

    A pulse by Elgendi 2013 (doi:10.1371/journal.pone.0076585): of the detectors there it is the one
    that is quick enough for a day, and it agrees with the others. An electrocardiogram by NeuroKit2's
    own, which needs no rate of a certain device.
    """
    import neurokit2  # noqa: PLC0415 - takes seconds to import, and few recordings hold a wave

    if sensor == "ecg":
        clean = np.asarray(neurokit2.ecg_clean(wave, sampling_rate=rate_hz), np.float64)
        peaks = neurokit2.ecg_findpeaks(clean, sampling_rate=rate_hz)["ECG_R_Peaks"]
    else:
        clean = np.asarray(neurokit2.ppg_clean(wave, sampling_rate=rate_hz), np.float64)
        try:
            peaks = neurokit2.ppg_findpeaks(clean, sampling_rate=rate_hz)["PPG_Peaks"]
        except IndexError:  # it takes the first wave without asking whether there is one
            peaks = []
    return clean, np.asarray(peaks, np.int64)


def locate(clean: Floats, peak: Ints, rate_hz: float, sensor: Sensor) -> Floats:
    """Where each beat lies, in samples and parts of one.

    The R peak of an electrocardiogram; of a pulse the steepest rise before its peak, which noise and
    the shape of the top move less (Peralta 2019, doi:10.1088/1361-6579/ab009b). Between samples: the
    vertex of the parabola through the largest value and its two neighbours.
    """
    if sensor == "ecg":
        return vertex(clean, peak)
    rise = np.gradient(clean)
    back = round(PULSE_RISE_S * rate_hz)
    before = np.maximum(peak[:, None] - back + np.arange(back + 1), 0)
    steepest = np.take_along_axis(before, np.argmax(rise[before], axis=1)[:, None], axis=1)[:, 0]
    return vertex(rise, steepest)


def vertex(curve: Floats, top: Ints) -> Floats:
    """Top of the parabola through a largest sample and its neighbours; the sample itself where there is none."""
    inner = np.clip(top, 1, len(curve) - 2)
    left, middle, right = curve[inner - 1], curve[inner], curve[inner + 1]
    bend = left - 2 * middle + right
    peaked = (inner == top) & (bend < 0)
    shift = np.where(peaked, 0.5 * (left - right) / np.where(peaked, bend, 1.0), 0.0)
    return np.asarray(top + np.clip(shift, -0.5, 0.5), np.float64)


def likeness(shapes: Floats) -> Floats:
    """How like its neighbours each beat is: the median of its correlations with five before and five after.

    The median, so that one bad beat does not speak against those around it. After Orphanidou 2015
    (doi:10.1109/JBHI.2014.2338351), who compare with the mean of all beats in ten seconds.

    Parameters
    ----------
    shapes : (n, m) float array
        The wave about each beat of one stretch, in order.

    Returns
    -------
    (n,) float array
        −1 to 1; NaN where there is no neighbour or no shape.
    """
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    unit = np.divide(centred, size, out=np.full_like(centred, np.nan), where=size > 0)
    n = len(unit)
    each = np.full((2 * NEIGHBOURS, n), np.nan)
    for lag in range(1, min(NEIGHBOURS, n - 1) + 1):
        alike = (unit[lag:] * unit[:-lag]).sum(axis=1)
        each[lag - 1, lag:] = alike
        each[NEIGHBOURS + lag - 1, :-lag] = alike
    known = ~np.isnan(each).all(axis=0)
    alike_median = np.full(n, np.nan)
    if known.any():
        alike_median[known] = np.nanmedian(each[:, known], axis=0)
    return alike_median


def make_intervals(pulses: Pulses, *, believed: Bools) -> Beats:
    """Intervals between neighbouring believed beats of one stretch, at most 2 s long.

    Parameters
    ----------
    pulses : Pulses
        n beats.
    believed : (n,) bool array
        Which of them are beats.
    """
    rr_s = np.diff(pulses.t_s)
    kept = believed[1:] & believed[:-1] & (np.diff(pulses.stretch) == 0) & (rr_s <= LONGEST_RR_S)
    after_kept = np.concatenate(([False], kept[:-1])) if len(kept) else kept
    return Beats(pulses.t_s[1:][kept], 1000.0 * rr_s[kept], ~after_kept[kept], 0.0)
