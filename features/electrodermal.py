"""Electrodermal activity: the level of skin conductance, and how often it responds, while the wrist is still.

Sweat, motion, a cold or loose band and responses of the skin all move the same number. So what is not
of a worn and quiet wrist is left out first, with its reason; nothing in it can change what is counted.
Where it was left out a straight line carries the filters over, and no response is counted on the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from features.bootstrap import draw_blocks
from features.measure import NO_DATA, Measure, Quality, found, missing, too_little_skin
from features.wear import Bools, Floats, Ints, find_runs

Int8s = npt.NDArray[np.int8]

RATE_HZ = 4
"""Rate of the wrist devices that give it; faster recordings are averaged down to it."""

HOLE_S = 0.5
"""Holes up to so long come of the rate and the clock not agreeing; longer ones are missing data."""

SMOOTH_HZ = 1.0
"""Above this there is no skin response (Taylor 2015, doi:10.1109/EMBC.2015.7318762)."""

PHASIC_HZ = 0.05
"""What changes faster is phasic, what is slower tonic: NeuroKit2's high-pass, as in AcqKnowledge."""

LEAST_S = 15
"""A shorter recording is all tonic: the filters would not settle."""

LEAST_SCR_US = 0.01
WIDEST_SCR_S = 20.0
RISE_S = 5.0
"""A response is looked at against the 10 s on either side: it rises in 1 to 3 s, and falls in 2 to 10."""

EPOCH_S = 5
LEAST_US = 0.05
FASTEST_US_S = 10.0
BESIDE_S = 5
"""Out of range, too fast, and the seconds beside what is left out: Kleckner 2018 (doi:10.1109/TBME.2017.2758643)."""

COLDEST_CEL = 25.0
MOVING_G = 0.02
"""Standard deviation of the length of acceleration in 5 s. Measured with an E4: skin conductance cannot
fall by .02 µS in a quarter of a second, and did in 1 to 3 % of epochs below .015 g, in 10 % at .015 to
.03, 20 % at .04 and 89 % above .2; responses went from 2 a minute to 22."""

FLAT_G = 0.013
FLAT_BLOCK_S = 900
FLAT_BLOCKS = 4
"""An hour in which two of three axes vary by less than 13 mg is non-wear: van Hees 2011
(doi:10.1371/journal.pone.0022922)."""

NO_SIGNAL, LOW, JUMP, COLD, FLAT, MOVED, BESIDE = range(1, 8)
REASONS: dict[int, str] = {
    0: "used",
    NO_SIGNAL: "no skin conductance",
    LOW: "skin conductance below 0.05 µS: not on the skin",
    JUMP: "skin conductance jumped",
    COLD: "skin below 25 °C or no temperature: not worn",
    FLAT: "nothing moved for an hour: not worn",
    MOVED: "the wrist moved, or no acceleration",
    BESIDE: "within 5 s of one of these",
}
"""What each code of `Skin.reason` says; of several the first stands."""

WINDOW_MIN = 5
LEAST_SHARE = 0.5
LEAST_MIN, GOOD_MIN = 60, 120
BLOCK_MIN = 30


@dataclass(frozen=True)
class Skin:
    """Skin conductance of one recording or one day, four times a second.

    Attributes
    ----------
    start_s : float
        Time of the first sample; a whole quarter second.
    tonic_us, phasic_us : (n,) float arrays
        The slow and the fast part, in µS; straight lines where `reason` is not 0.
    reason : (n,) int8 array
        0 where the sample is used, else why not: a code of `REASONS`.
    response : (n,) bool array
        Peaks of skin conductance responses of at least 0.01 µS, at used samples only.
    """

    start_s: float
    tonic_us: Floats
    phasic_us: Floats
    reason: Int8s
    response: Bools

    def __len__(self) -> int:
        return len(self.reason)


@dataclass(frozen=True)
class Spans:
    """Electrodermal activity in spans of equal length, aligned to UTC.

    Attributes
    ----------
    start_min : (w,) int array
        Start of each, minutes since 1970-01-01 UTC.
    used_s : (w,) float array
        Seconds of it used.
    responses : (w,) int array
        Responses counted in them.
    scl_us : (w,) float array
        Median tonic level, in µS; NaN where nothing was used.
    reason : (w,) int8 array
        0 where at least half is used, else the commonest reason against it (`REASONS`).
    """

    start_min: Ints
    used_s: Floats
    responses: Ints
    scl_us: Floats
    reason: Int8s

    @property
    def scr_per_min(self) -> Floats:
        """(w,) responses a minute of what was used; NaN where nothing was."""
        minutes = np.where(self.used_s > 0, self.used_s / 60, np.nan)
        return np.asarray(self.responses / minutes, np.float64)


def read_skin(
    eda: tuple[Floats, Floats], temperature: tuple[Floats, Floats], acceleration: tuple[Floats, Floats]
) -> Skin:
    """Judge every quarter second of a recording, part it in tonic and phasic, and find the responses.

    Parameters
    ----------
    eda : (n,) and (n,) float arrays
        Times in seconds since 1970-01-01 UTC, increasing, and skin conductance in µS. One day or one
        recording: memory goes with the time from first to last sample.
    temperature : (m,) and (m,) float arrays
        Times, and skin temperature in °C.
    acceleration : (k,) and (k, 3) float arrays
        Times, and acceleration in g, gravity included.

    Returns
    -------
    Skin
        What has no temperature in its minute or no acceleration in its 5 s is left out too: then it
        is not known whether the device was worn and the wrist still.
    """
    start, eda_us = lay_on_grid(*eda)
    if not len(eda_us):
        return Skin(0.0, eda_us, eda_us, np.empty(0, np.int8), np.empty(0, np.bool_))
    at_s = (start + np.arange(len(eda_us)) + 0.5) / RATE_HZ
    reason = np.zeros(len(eda_us), np.int8)
    jump = np.abs(np.diff(eda_us, prepend=eda_us[0])) * RATE_HZ > FASTEST_US_S
    for code, bad in (
        (MOVED, ~is_in(at_s, find_still(*acceleration), EPOCH_S)),
        (FLAT, is_in(at_s, find_flat(*acceleration), FLAT_BLOCK_S)),
        (COLD, ~is_in(at_s, find_warm(*temperature), 60)),
        (JUMP, jump),
        (LOW, eda_us < LEAST_US),
        (NO_SIGNAL, np.isnan(eda_us)),
    ):
        reason[bad] = code
    reason[widen(reason > 0, BESIDE_S * RATE_HZ) & (reason == 0)] = BESIDE
    tonic_us, phasic_us = part(draw_lines(eda_us, reason == 0))
    response = np.zeros(len(eda_us), np.bool_)
    response[find_responses(tonic_us, phasic_us)] = True
    return Skin(start / RATE_HZ, tonic_us, phasic_us, reason, response & (reason == 0))


def lay_on_grid(t_s: Floats, value: Floats) -> tuple[int, Floats]:
    """Mean of each quarter second from the first to the last sample; holes up to half a second filled by a line.

    Returns
    -------
    start : int
        Number of the first quarter second since the origin of time.
    value : (n,) float array
        NaN in longer holes; empty without a sample.
    """
    known = np.isfinite(value)
    t_s, value = t_s[known], value[known]
    if not len(value):
        return 0, np.empty(0)
    place = np.floor(t_s * RATE_HZ).astype(np.int64)
    start = int(place[0])
    count = np.bincount(place - start)
    total = np.bincount(place - start, weights=value)
    mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    first, stop = find_runs(np.isnan(mean))
    short = stop - first <= HOLE_S * RATE_HZ
    fill = np.zeros(len(mean), np.bool_)
    for a, b in zip(first[short].tolist(), stop[short].tolist(), strict=True):
        fill[a:b] = True
    mean[fill] = np.interp(np.flatnonzero(fill), np.flatnonzero(count), mean[count > 0])
    return start, mean


def is_in(t_s: Floats, spans: Ints, length_s: int) -> Bools:
    """Whether each instant lies in one of the spans of this length, given by their numbers since the origin."""
    return np.isin(np.floor(t_s / length_s).astype(np.int64), spans)


def find_still(t_s: Floats, xyz_g: Floats) -> Ints:
    """Numbers of the 5-second epochs in which the length of acceleration varies by at most 0.02 g."""
    if not len(t_s):
        return np.empty(0, np.int64)
    length_g = np.sqrt((xyz_g**2).sum(axis=1))
    epoch, first = np.unique(np.floor(t_s / EPOCH_S).astype(np.int64), return_index=True)
    sd_g = np.sqrt(_variances(length_g, first))
    return epoch[(sd_g <= MOVING_G) & (np.diff(np.append(first, len(t_s))) > 1)]


def _variances(value: Floats, first: Ints) -> Floats:
    """Variance of the values from each `first` to before the next, along the first axis."""
    count = np.diff(np.append(first, len(value))).reshape((-1,) + (1,) * (value.ndim - 1))
    mean = np.add.reduceat(value, first) / count
    apart = value - np.repeat(mean, count.ravel(), axis=0)
    return np.asarray(np.add.reduceat(apart**2, first) / count, np.float64)


def find_flat(t_s: Floats, xyz_g: Floats) -> Ints:
    """Numbers of the quarters of an hour that lie in a whole hour of non-wear by van Hees's rule.

    An hour is four quarters in a row that all have samples; a shorter recording holds none.
    """
    if not len(t_s):
        return np.empty(0, np.int64)
    quarter, first = np.unique(np.floor(t_s / FLAT_BLOCK_S).astype(np.int64), return_index=True)
    count = np.diff(np.append(first, len(t_s)))[:, None]
    mean = np.add.reduceat(xyz_g, first) / count
    variance = _variances(xyz_g, first)
    flat = np.zeros(len(quarter), np.bool_)
    for i in range(len(quarter) - FLAT_BLOCKS + 1):
        hour = slice(i, i + FLAT_BLOCKS)
        share = count[hour] / count[hour].sum()
        middle = (share * mean[hour]).sum(axis=0)
        spread = (share * (variance[hour] + (mean[hour] - middle) ** 2)).sum(axis=0)
        whole = quarter[i + FLAT_BLOCKS - 1] - quarter[i] == FLAT_BLOCKS - 1
        flat[hour] |= whole and int((spread < FLAT_G**2).sum()) >= 2
    return quarter[flat]


def find_warm(t_s: Floats, cel: Floats) -> Ints:
    """Numbers of the minutes with a mean skin temperature of at least 25 °C."""
    known = np.isfinite(cel)
    minute, group = np.unique(np.floor(t_s[known] / 60).astype(np.int64), return_inverse=True)
    mean = np.bincount(group, weights=cel[known]) / np.bincount(group)
    return minute[mean >= COLDEST_CEL]


def widen(bad: Bools, by: int) -> Bools:
    """Samples within `by` samples of a bad one."""
    total = np.concatenate(([0], np.cumsum(bad)))
    place = np.arange(len(bad))
    return total[np.minimum(place + by + 1, len(bad))] > total[np.maximum(place - by, 0)]


def draw_lines(value: Floats, used: Bools) -> Floats:
    """The values, with straight lines over what is not used; level before the first and after the last used."""
    place = np.arange(len(value))
    if not used.any():
        return np.zeros(len(value))
    return np.asarray(np.interp(place, place[used], value[used]), np.float64)


def part(eda_us: Floats) -> tuple[Floats, Floats]:
    """Tonic and phasic part of skin conductance without holes, smoothed first at 1 Hz.

    Butterworth filters of the second order run forwards and backwards; the two parts add up to the
    smoothed signal.

    Parameters
    ----------
    eda_us : (n,) float array
        Four samples a second.
    """
    from scipy.signal import butter, sosfiltfilt  # noqa: PLC0415 - slow to import, and few recordings hold skin

    if len(eda_us) < LEAST_S * RATE_HZ:
        return eda_us, np.zeros(len(eda_us))
    smooth = sosfiltfilt(butter(2, SMOOTH_HZ, fs=RATE_HZ, output="sos"), eda_us)
    tonic_us = sosfiltfilt(butter(2, PHASIC_HZ, fs=RATE_HZ, output="sos"), smooth)
    phasic_us = sosfiltfilt(butter(2, PHASIC_HZ, "highpass", fs=RATE_HZ, output="sos"), smooth)
    return np.asarray(tonic_us, np.float64), np.asarray(phasic_us, np.float64)


def find_responses(tonic_us: Floats, phasic_us: Floats) -> Ints:
    """Samples of the peaks of responses of at least 0.01 µS, from the parts of `part`.

    A top of the phasic part that stands so far above what lies before and after it, where the whole
    signal too rose by so much in the 5 s before: the high-pass rings after a large response, and
    what rings does not rise.
    """
    from scipy.ndimage import minimum_filter1d  # noqa: PLC0415 - as above
    from scipy.signal import find_peaks  # noqa: PLC0415

    if not len(phasic_us):
        return np.empty(0, np.int64)
    peaks, _ = find_peaks(phasic_us, prominence=LEAST_SCR_US, wlen=int(WIDEST_SCR_S * RATE_HZ) + 1)
    smooth_us, back = tonic_us + phasic_us, int(RISE_S * RATE_HZ)
    lowest_us = minimum_filter1d(smooth_us, back + 1, origin=back // 2)
    return np.asarray(peaks[smooth_us[peaks] - lowest_us[peaks] >= LEAST_SCR_US], np.int64)


def sum_spans(skin: Skin, *, span_min: int = WINDOW_MIN) -> Spans:
    """What was used, counted and measured in each span of minutes, aligned to UTC (:00, :05 …)."""
    if not len(skin):
        none = np.empty(0, np.int64)
        return Spans(none, np.empty(0), none, np.empty(0), none.astype(np.int8))
    per_span = span_min * 60 * RATE_HZ
    number = (round(skin.start_s * RATE_HZ) + np.arange(len(skin))) // per_span
    span, first = np.unique(number, return_index=True)
    edges = np.append(first, len(skin)).tolist()
    used = skin.reason == 0
    used_s = np.add.reduceat(used, first, dtype=np.int64) / RATE_HZ
    scl_us = np.full(len(span), np.nan)
    reason = np.zeros(len(span), np.int8)
    for i, (a, b) in enumerate(pairwise(edges)):
        if used_s[i]:
            scl_us[i] = np.median(skin.tonic_us[a:b][used[a:b]])
        if used_s[i] < LEAST_SHARE * span_min * 60:
            # What was not recorded of the span counts as missing.
            against = np.bincount(skin.reason[a:b], minlength=len(REASONS))
            against[NO_SIGNAL] += per_span - (b - a)
            reason[i] = 1 + np.argmax(against[1:])
    responses = np.add.reduceat(skin.response, first, dtype=np.int64)
    return Spans(span * span_min, used_s, responses, scl_us, reason)


def measure_skin(minutes: Spans, still_min: Ints) -> dict[str, Measure]:
    """`scr_rate` and `scl` of a day: needs 60 minutes' worth of use among its still waking minutes.

    Parameters
    ----------
    minutes : Spans
        Spans of one minute of that day (`sum_spans(skin, span_min=1)`).
    still_min : (k,) int array
        The still waking minutes of the day, minutes since 1970-01-01 UTC.

    Returns
    -------
    dict
        Responses a minute, and the median tonic level in µS. Standard errors by blocks of 30 minutes.
    """
    rest = np.isin(minutes.start_min, still_min)
    used_min = minutes.used_s[rest] / 60
    total_min = float(used_min.sum())
    if total_min < LEAST_MIN:
        return dict.fromkeys(("scr_rate", "scl"), missing(why_too_little(minutes, rest, total_min)))
    have = used_min > 0
    responses, used_min, scl_us = minutes.responses[rest][have], used_min[have], minutes.scl_us[rest][have]
    drawn = draw_blocks(len(used_min), block=BLOCK_MIN)
    rates = responses[drawn].sum(axis=1) / used_min[drawn].sum(axis=1)
    levels = np.median(scl_us[drawn], axis=1)
    share = min(1.0, total_min / len(still_min))
    n = int(total_min)
    quality: Quality = "good" if total_min >= GOOD_MIN else "fair"
    rate = float(responses.sum()) / total_min
    level = float(np.median(scl_us))
    return {
        "scr_rate": found(rate, n_obs=n, coverage=share, quality=quality, se=float(rates.std(ddof=1))),
        "scl": found(level, n_obs=n, coverage=share, quality=quality, se=float(levels.std(ddof=1))),
    }


def why_too_little(minutes: Spans, rest: Bools, used_min: float) -> str:
    """Reason why a day has no value: how much of it could be used, and what was mostly against the rest."""
    if not rest.any():
        return NO_DATA
    against = np.bincount(minutes.reason[rest], minlength=len(REASONS))[1:]
    mostly = REASONS[int(np.argmax(against)) + 1] if against.any() else None
    return too_little_skin(used_min, LEAST_MIN, mostly)
