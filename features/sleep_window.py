"""The sleep window from heart rate alone, for nights of which no source logs a sleep: the window, no more.

After Walch 2019 (doi:10.1093/sleep/zsz180): heart rate smoothed at two widths, how much it varies
nearby, then a logistic regression. Without motion it tells little of short wakes: what is found is
marked `estimated`, every value made from it is of low quality, and no sleep time is claimed from it.

Weights are learned elsewhere and read from a file (`warehouse.sleep_model`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.sleep import ASLEEP, Log, Night
from features.wear import Bools, Clock, Floats, Ints
from warehouse.sleep_model import EPOCH_S, FEATURES, SleepModel

LEAST_BPM, MOST_BPM = 30.0, 220.0
FILL_EPOCHS = 10
"""Holes of up to five minutes are bridged by a line; in longer ones nothing is said."""

NARROW, WIDE, SLOW = 4.0, 20.0, 40.0
"""Widths in epochs: 2, 10 and 20 minutes."""

LEAST_SLEEP_S, LONGEST_SLEEP_S = 3 * 3600.0, 16 * 3600.0
LOW_PERCENT, HIGH_PERCENT = 5, 90
LOW_SHARE = 0.35
VARIES_WEIGHT = 0.5
EDGE_S = 1800.0
"""A window that comes so near to either noon is cut by it, and not told."""

LEAST_COVERAGE = 0.6
"""Share of the minutes from noon to noon, and of those of the window, that need heart rate."""


def measure_epochs(t_s: Floats, hr_bpm: Floats, start_s: float, epochs: int) -> Floats:
    """Features of heart rate for each 30-second epoch of a span.

    Levels are relative to the span itself, which lies in the past when a night is scored the morning
    after; no label enters.

    Parameters
    ----------
    t_s, hr_bpm : (n,) float arrays
        Times in seconds and heart rate, in any order.
    start_s : float
        Where the first epoch begins.
    epochs : int
        How many.

    Returns
    -------
    (epochs, 6) float array
        In the order of `warehouse.sleep_model.FEATURES`; NaN within holes of more than five minutes.
    """
    level = mean_epochs(t_s, hr_bpm, start_s, epochs)
    level = bridge_holes(level)
    known = np.isfinite(level)
    if known.sum() < 2:
        return np.full((epochs, len(FEATURES)), np.nan)
    middle = float(np.median(level[known]))
    spread = 1.4826 * float(np.median(np.abs(level[known] - middle)))
    spread = max(spread, 1.0)
    near, wide, slow = (smooth(level, width) for width in (NARROW, WIDE, SLOW))
    varies = np.sqrt(smooth((level - wide) ** 2, NARROW * 2.5))
    unrest = smooth(np.abs(np.diff(level, prepend=level[:1])), NARROW)
    typical = max(float(np.median(varies[np.isfinite(varies)])), 0.1)
    found = np.column_stack(
        [
            (near - middle) / spread,
            (slow - middle) / spread,
            (near - wide) / spread,
            np.log((varies + 0.1) / typical),
            np.log((smooth(varies, SLOW) + 0.1) / typical),
            np.log(unrest + 0.1),
        ]
    )
    found[~known] = np.nan
    return np.asarray(found, np.float64)


def mean_epochs(t_s: Floats, hr_bpm: Floats, start_s: float, epochs: int) -> Floats:
    """Mean heart rate of each epoch; NaN where there is no sample between 30 and 220."""
    place = np.floor((t_s - start_s) / EPOCH_S).astype(np.int64)
    good = (place >= 0) & (place < epochs) & (hr_bpm >= LEAST_BPM) & (hr_bpm <= MOST_BPM)
    count = np.bincount(place[good], minlength=epochs)
    total = np.bincount(place[good], hr_bpm[good], minlength=epochs)
    mean: Floats = np.divide(total, count, out=np.full(epochs, np.nan), where=count > 0)
    return mean


def mean_minutes(t_s: Floats, hr_bpm: Floats) -> tuple[Floats, Floats]:
    """Means of whole minutes, each at the middle of its minute: what a night is estimated from.

    A model has to learn from the same: within a minute heart rate varies more than between minutes.
    """
    good = (hr_bpm >= LEAST_BPM) & (hr_bpm <= MOST_BPM)
    minute, group = np.unique(np.floor(t_s[good] / 60), return_inverse=True)
    mean = np.bincount(group, hr_bpm[good]) / np.bincount(group)
    return 60 * minute + 30, mean


def bridge_holes(level: Floats) -> Floats:
    """The level with holes of up to five minutes filled by a line."""
    known = np.flatnonzero(np.isfinite(level))
    if len(known) < 2:
        return level
    place = np.arange(len(level))
    after = np.searchsorted(known, place)
    inner = (after > 0) & (after < len(known))
    length = known[np.minimum(after, len(known) - 1)] - known[np.maximum(after - 1, 0)]
    fill = np.isnan(level) & inner & (length - 1 <= FILL_EPOCHS)
    return np.where(fill, np.interp(place, known, level[known]), level)


def smooth(value: Floats, width: float) -> Floats:
    """Mean under a Gaussian of that width in epochs, over what is known."""
    from scipy.ndimage import gaussian_filter1d  # noqa: PLC0415 - slow to import

    known = np.isfinite(value)
    total = gaussian_filter1d(np.where(known, value, 0.0), width, mode="nearest")
    weight = gaussian_filter1d(known.astype(np.float64), width, mode="nearest")
    mean: Floats = np.divide(total, weight, out=np.full(len(value), np.nan), where=weight > 1e-3)
    return mean


def tell_wake(model: SleepModel, x: Floats) -> Floats:
    """Probability of being awake in each epoch, (n,); NaN where a feature is missing."""
    z = (x - np.array(model.middle)) / np.array(model.scale)
    log_odds = z @ np.array(model.weight) + model.offset
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -50, 50))), np.float64)


def tell_asleep(model: SleepModel, t_s: Floats, hr_bpm: Floats, bed_s: float, epochs: int) -> Bools:
    """Which epochs of a time in bed are called sleep, (epochs,); False where nothing is known.

    The threshold lies between an even one and the share of waking that the model learned from.
    """
    wake = smooth(tell_wake(model, measure_epochs(t_s, hr_bpm, bed_s, epochs)), NARROW)
    awake, asleep = np.sqrt(model.wake_share), np.sqrt(1 - model.wake_share)
    return np.asarray(wake < awake / (awake + asleep), np.bool_)


def find_window(
    model: SleepModel, t_s: Floats, hr_bpm: Floats, start_s: float, end_s: float
) -> tuple[float, float] | None:
    """The main sleep window in a span such as noon to noon: estimated, from heart rate alone.

    The stretch in which heart rate is low and steady is taken for the time in bed (`find_low`); the
    model then finds the first and the last sleep in it. It is not asked beyond: it learned from nights
    in bed, and knows no day.

    Parameters
    ----------
    model : SleepModel
    t_s, hr_bpm : (n,) float arrays
        Times in seconds and heart rate of the span, as `mean_minutes` gives them.
    start_s, end_s : float
        The span.

    Returns
    -------
    (from_s, to_s) or None
        None where there is no window of 3 to 16 hours.
    """
    epochs = int((end_s - start_s) // EPOCH_S)
    in_bed = find_low(mean_epochs(t_s, hr_bpm, start_s, epochs))
    if in_bed is None:
        return None
    first, stop = in_bed
    bed_s = start_s + first * EPOCH_S
    sleeping = np.flatnonzero(tell_asleep(model, t_s, hr_bpm, bed_s, stop - first))
    if not len(sleeping):
        return None
    from_s, to_s = bed_s + sleeping[0] * EPOCH_S, bed_s + (sleeping[-1] + 1) * EPOCH_S
    return (float(from_s), float(to_s)) if LEAST_SLEEP_S <= to_s - from_s <= LONGEST_SLEEP_S else None


def find_low(level: Floats) -> tuple[int, int] | None:
    """Epochs, from and to, of the stretch in which heart rate is low and steady for the span.

    Level and variation each count by where they lie between the span's low and its high; each epoch
    speaks for sleep by how far it lies below a third or so of the way, against it above. The stretch
    with the largest sum is the one: short wakes within it cost little, a long one ends it. Epochs
    without heart rate say nothing.
    """
    bridged = bridge_holes(level)
    if np.isfinite(bridged).sum() < LEAST_SLEEP_S / EPOCH_S:
        return None
    varies = np.log(np.sqrt(smooth((bridged - smooth(bridged, WIDE)) ** 2, NARROW * 2.5)) + 0.5)
    high = place_between(smooth(bridged, NARROW), bridged) - LOW_SHARE
    unsteady = place_between(varies, bridged) - LOW_SHARE
    against = np.concatenate(([0.0], np.cumsum(np.nan_to_num(-high - VARIES_WEIGHT * unsteady))))
    stop = int(np.argmax(against - np.minimum.accumulate(against)))
    first = int(np.argmin(against[: stop + 1]))
    return (first, stop) if (stop - first) * EPOCH_S >= LEAST_SLEEP_S else None


def place_between(value: Floats, level: Floats) -> Floats:
    """Where each value lies between the low (0) and the high (1) of all; NaN where the level is."""
    known = np.isfinite(level)
    low, high = np.percentile(value[known], [LOW_PERCENT, HIGH_PERCENT])
    return np.where(known, np.clip((value - low) / max(float(high - low), 1e-9), 0, 1), np.nan)


def estimate_nights(
    model: SleepModel, clock: Clock, hearts: Mapping[str, Floats], logged_s: Ints
) -> dict[int, Night]:
    """Nights whose main sleep is estimated, by date: those that no source logs anything of.

    Parameters
    ----------
    model : SleepModel
    clock : Clock
        The person's axis.
    hearts : mapping
        Stream → mean heart rate of each minute of the axis, NaN where none.
    logged_s : (k, 2) int array
        Start and end of every sleep that any source logs, whatever it says of it.

    Returns
    -------
    dict of int to Night
        With one log, of which `estimated` is True, and the stream whose heart rate it is from. No night
        where heart rate lies in under 60 % of the minutes from noon to noon or of those of the window,
        where the window is cut by a noon, or where it ends on another date.
    """
    nights = {}
    for day in clock.days:
        span = slice(clock.noon(day - 1), clock.noon(day))
        if span.stop >= len(clock) or span.start >= span.stop:
            continue
        start_s, end_s = (60 * (clock.start_min + place) for place in (span.start, span.stop))
        if ((logged_s[:, 0] < end_s) & (logged_s[:, 1] > start_s)).any():
            continue
        share = {name: float(np.isfinite(hr_bpm[span]).mean()) for name, hr_bpm in hearts.items()}
        best = max(sorted(share), key=lambda name: share[name], default=None)
        if best is None or share[best] < LEAST_COVERAGE:
            continue
        log = estimate_log(model, clock, hearts[best], span)
        if log is not None and log.wake_day == day:
            nights[day] = Night(day, log, stream=best)
    return nights


def estimate_log(model: SleepModel, clock: Clock, hr_bpm: Floats, span: slice) -> Log | None:
    """The main sleep of a span of the axis as a log of one stretch, whole minutes; None where there is none."""
    known = np.isfinite(hr_bpm[span])
    t_s = np.asarray(60 * clock.utc_min[span][known] + 30, np.float64)
    rate = hr_bpm[span][known]
    start_s, end_s = (60.0 * (clock.start_min + place) for place in (span.start, span.stop))
    window = find_window(model, t_s, rate, start_s, end_s)
    if window is None or window[0] < start_s + EDGE_S or window[1] > end_s - EDGE_S:
        return None
    first, stop = (round(edge_s / 60) - clock.start_min for edge_s in window)
    if np.isfinite(hr_bpm[first:stop]).mean() < LEAST_COVERAGE:
        return None
    from_s, to_s = (60 * (clock.start_min + place) for place in (first, stop))
    return Log(
        from_s,
        to_s,
        int(clock.offset_min[first]),
        int(clock.offset_min[stop]),
        np.array([from_s]),
        np.array([to_s]),
        np.array([ASLEEP]),
        staged=False,
        estimated=True,
    )
