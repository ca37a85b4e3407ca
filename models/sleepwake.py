"""Asleep or awake from heart rate alone, for sources that give no sleep: to find the sleep window, no more.

After Walch 2019 (doi:10.1093/sleep/zsz180): heart rate smoothed at two widths, how much it varies
nearby, and a clock where the time in bed is known; then a logistic regression. Without motion it tells
little of short wakes: what is found is marked `estimated` and no sleep time is claimed from it.

Weights are learned where the data is (`steadyline validate sleep_accel --train`) and saved as plain
numbers. None are shipped: the recordings at hand are not ours to pass on. So no nightly run uses this,
and a day of a source without sleep has no night.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models.validate.table import Bools, Floats
from warehouse.errors import ExplainedError

EPOCH_S = 30.0
LEAST_BPM, MOST_BPM = 30.0, 220.0
FILL_EPOCHS = 10
"""Holes of up to five minutes are bridged by a line; in longer ones nothing is said."""

NARROW, WIDE, SLOW = 4.0, 20.0, 40.0
"""Widths in epochs: 2, 10 and 20 minutes."""

LEAST_SLEEP_S = 3 * 3600.0
JOIN_S = 3600.0
LOW_PERCENT, HIGH_PERCENT = 5, 90
LOW_SHARE = 0.4
ESTIMATED = "estimated"

FEATURES = ("hr_level", "hr_slow", "hr_rise", "hr_varies", "hr_varies_slow", "hr_unrest")
CLOCK = ("hours_in_bed", "clock_wave")
METHOD = "sleepwake-1"


class SleepWakeError(ExplainedError):
    """A saved model cannot be read: where it is, and what to do."""


@dataclass(frozen=True)
class SleepWake:
    """A logistic regression in plain numbers, each tuple of one entry a feature.

    Attributes
    ----------
    features : tuple of str
        `FEATURES`, with `CLOCK` behind them where the time in bed is known.
    middle, scale, weight : tuple of float
        Mean and SD in training, and the weight of the standardised feature.
    offset : float
        Log odds of being awake at the middle of all.
    wake_share : float
        Share of epochs awake in training.
    trained_on : str
        What it was trained on: data set and number of nights.
    """

    features: tuple[str, ...]
    middle: tuple[float, ...]
    scale: tuple[float, ...]
    weight: tuple[float, ...]
    offset: float
    wake_share: float
    trained_on: str
    method: str = METHOD


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
        In the order of `FEATURES`; NaN within holes of more than five minutes.
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


def measure_clock(epochs: int) -> Floats:
    """Clock of each epoch since the person went to bed: hours, and Walch's wave over the night, (epochs, 2)."""
    hours = (np.arange(epochs) + 0.5) * EPOCH_S / 3600
    return np.column_stack([hours, -np.cos(2 * np.pi * (hours - 1.0) / 24 - np.pi / 4)])


def mean_epochs(t_s: Floats, hr_bpm: Floats, start_s: float, epochs: int) -> Floats:
    """Mean heart rate of each epoch; NaN where there is no sample between 30 and 220."""
    place = np.floor((t_s - start_s) / EPOCH_S).astype(np.int64)
    good = (place >= 0) & (place < epochs) & (hr_bpm >= LEAST_BPM) & (hr_bpm <= MOST_BPM)
    count = np.bincount(place[good], minlength=epochs)
    total = np.bincount(place[good], hr_bpm[good], minlength=epochs)
    mean: Floats = np.divide(total, count, out=np.full(epochs, np.nan), where=count > 0)
    return mean


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


def train(x: Floats, awake: Bools, *, clock: bool, trained_on: str) -> SleepWake:
    """Learn the weights from epochs of known state.

    Parameters
    ----------
    x : (n, 6) or (n, 8) float array
        `measure_epochs`, with `measure_clock` behind it where `clock`; rows with NaN are left out.
    awake : (n,) bool array
        What polysomnography said.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - heavy

    whole = np.isfinite(x).all(axis=1)
    x, awake = x[whole], awake[whole]
    middle, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    fitted = LogisticRegression(C=0.1, max_iter=5000).fit((x - middle) / scale, awake)
    return SleepWake(
        FEATURES + (CLOCK if clock else ()),
        tuple(middle.tolist()),
        tuple(scale.tolist()),
        tuple(fitted.coef_[0].tolist()),
        float(fitted.intercept_[0]),
        float(awake.mean()),
        trained_on,
    )


def tell_wake(model: SleepWake, x: Floats) -> Floats:
    """Probability of being awake in each epoch, (n,); NaN where a feature is missing."""
    z = (x - np.array(model.middle)) / np.array(model.scale)
    log_odds = z @ np.array(model.weight) + model.offset
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -50, 50))), np.float64)


def find_window(
    model: SleepWake, t_s: Floats, hr_bpm: Floats, start_s: float, end_s: float
) -> tuple[float, float] | None:
    """The main sleep window in a span such as noon to noon: estimated, from heart rate alone.

    The longest stretch of low heart rate is taken for the time in bed, joined over breaks of up to an
    hour; the model then finds the first and the last sleep in it. It is not asked beyond: it learned
    from nights in bed, and knows no day.

    Parameters
    ----------
    model : SleepWake
        Without a clock: when the person went to bed is what is looked for.
    t_s, hr_bpm : (n,) float arrays
        Times in seconds and heart rate of the span.
    start_s, end_s : float
        The span.

    Returns
    -------
    (from_s, to_s) or None
        None where there is no window of three hours.
    """
    if model.features != FEATURES:
        raise SleepWakeError(
            "the sleep window is looked for without a clock: give a model trained without one"
        )
    epochs = int((end_s - start_s) // EPOCH_S)
    in_bed = find_low(mean_epochs(t_s, hr_bpm, start_s, epochs))
    if in_bed is None:
        return None
    first, stop = in_bed
    bed_s = start_s + first * EPOCH_S
    wake = smooth(tell_wake(model, measure_epochs(t_s, hr_bpm, bed_s, stop - first)), NARROW)
    awake, asleep = np.sqrt(model.wake_share), np.sqrt(1 - model.wake_share)
    sleeping = np.flatnonzero(wake < awake / (awake + asleep))
    if not len(sleeping):
        return None
    from_s, to_s = bed_s + sleeping[0] * EPOCH_S, bed_s + (sleeping[-1] + 1) * EPOCH_S
    return (float(from_s), float(to_s)) if to_s - from_s >= LEAST_SLEEP_S else None


def find_low(level: Floats) -> tuple[int, int] | None:
    """Epochs, from and to, of the longest stretch of low heart rate: nearer the day's low than its high."""
    slow = smooth(bridge_holes(level), WIDE)
    slow[np.isnan(bridge_holes(level))] = np.nan
    known = slow[np.isfinite(slow)]
    if len(known) < LEAST_SLEEP_S / EPOCH_S:
        return None
    low, high = np.percentile(known, [LOW_PERCENT, HIGH_PERCENT])
    low_epochs = np.flatnonzero(slow < low + LOW_SHARE * (high - low))
    if not len(low_epochs):
        return None
    cuts = np.flatnonzero(np.diff(low_epochs) * EPOCH_S > JOIN_S)
    first = low_epochs[np.concatenate(([0], cuts + 1))]
    last = low_epochs[np.concatenate((cuts, [len(low_epochs) - 1]))]
    longest = int(np.argmax(last - first))
    return int(first[longest]), int(last[longest]) + 1


def save(model: SleepWake, path: Path) -> None:
    """Write the model as JSON."""
    path.write_text(json.dumps(asdict(model), indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> SleepWake:
    """Read a saved model.

    Raises
    ------
    SleepWakeError
        If it is not there, or not one of this method.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        lists = {key: tuple(found[key]) for key in ("features", "middle", "scale", "weight")}
        plain = {key: found[key] for key in ("offset", "wake_share", "trained_on", "method")}
        model = SleepWake(lists["features"], lists["middle"], lists["scale"], lists["weight"], **plain)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SleepWakeError(f"{path.name} is no saved sleep model ({error}): train it again") from None
    if model.method != METHOD:
        raise SleepWakeError(f"{path.name} is of method {model.method}, expected {METHOD}: train it again")
    return model


def summarise_nights(night: np.ndarray, awake: Bools, wake: Floats, called: Bools) -> dict[str, float | None]:
    """Numbers that say how far to trust it: sleep time of a night, and specificity at sensitivity .93.

    Parameters
    ----------
    night : (n,) array
        Which night each epoch belongs to.
    awake, called : (n,) bool arrays
        What was so, and what was called.
    wake : (n,) float array
        Probability of being awake, from a model that did not learn from that night.
    """
    names = np.unique(night).tolist()
    share = np.array([(~awake[night == name]).mean() for name in names])
    said = np.array([(~called[night == name]).mean() for name in names])
    minutes = np.array([(night == name).sum() * EPOCH_S / 60 for name in names])
    error = np.abs(said - share) * minutes
    # Everyone else's efficiency: the night itself is not known beforehand.
    usual = (share.sum() - share) / max(len(names) - 1, 1)
    constant = np.abs(usual - share) * minutes
    threshold = float(np.percentile(wake[~awake], 93)) if (~awake).any() else np.nan
    return {
        "sleep time: mean absolute error of a night, min": float(error.mean()),
        "the same, assuming everyone's usual efficiency, min": float(constant.mean())
        if len(names) > 1
        else None,
        "specificity for wake at sensitivity .93 for sleep": float((wake[awake] > threshold).mean())
        if awake.any()
        else None,
    }
