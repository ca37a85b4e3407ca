"""The series that are asked about: one value a day, from one device, on a scale that lasts.

A day is asked about with the night that follows it: what is done on a day can change that night, and the night
before it can change what is done. Tables date a night by the day on which it ends, so nights are taken from the day
after; that of the last day is not over when the day is judged. Dated as in the tables, who meditates after bad
nights would be told that meditation goes with bad nights (.44 of people if one SD more makes it e times as likely).

The published L of a day is measured against the 42 days before it, which take in any lasting change within weeks: a
step is gone from it when its question is judged. So the outcome `index` is L against one fixed usual: each feature
of the index, in its published direction, less its mean over its SD, of the days before the start (of all days judged,
for sessions and plans), with the published weights and with what is missing expected from what is there, as the
index has it (models.index). It is in spreads of L; 100·Φ of it is on the scale of the index.

The other outcomes are features as they are. Values of low quality count as any other: leaving them out would leave
out the very nights that something else was done in, and what they add in noise the intervals show.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.baseline import MAD_TO_SD, Flag, Real, Whole
from models.effect.question import Outcome, Question
from models.effect.questions import choose_segment, wears_otherwise
from models.index import combine, correlate_features, sum_features
from models.parameters import Parameters

HRV = ("ln_rmssd_night", "ln_rmssd_5min_vendor_night", "ln_rmssd_night_vendor")
"""From beats, from the vendor's 5 minutes, the vendor's own: the first of those with most days."""
VALID = "valid_day"
OTHER_FEATURES = (*HRV[1:], "tst_min", "felt_stress", VALID)
"""What is read besides the features of the index."""


FEWEST_DAYS = 2
"""Days that have a spread."""


@dataclass(frozen=True)
class Record:
    """What was measured of one person, a row a day from the day `first` on, a column a feature of `features`.

    `segment` numbers the device of each value, 0 where there is none; `sources` names source and device by that
    number.
    """

    first: int
    features: tuple[str, ...]
    value: Real
    segment: Whole
    sources: dict[int, str]

    def take(self, name: str, day: Whole) -> tuple[Real, Whole]:
        """Values and segments of a feature on days in a row; NaN and 0 outside of what was read."""
        column = self.features.index(name)
        row = day - self.first
        there = (row >= 0) & (row < len(self.value))
        value, segment = np.full(day.size, np.nan), np.zeros(day.size, dtype=np.int64)
        value[there], segment[there] = self.value[row[there], column], self.segment[row[there], column]
        return value, segment

    def take_night(self, name: str, day: Whole) -> tuple[Real, Whole]:
        """The same of the nights that follow days in a row; the last of them is not over yet."""
        value, segment = np.full(day.size, np.nan), np.zeros(day.size, dtype=np.int64)
        value[:-1], segment[:-1] = self.take(name, day[1:])
        return value, segment


@dataclass(frozen=True)
class Series:
    """One outcome of a question: the question with what stands in its way, (days,) values, their segments."""

    question: Question
    value: Real
    used: tuple[int, ...]


def measure(
    question: Question, outcome: Outcome, span: tuple[int, int], record: Record, parameters: Parameters
) -> Series:
    """Make the series of one outcome for a question.

    Parameters
    ----------
    question : Question
    outcome : Outcome
    span : (first, end)
        Places of the days that are judged; values outside of it are NaN.
    record : Record
    parameters : Parameters
    """
    first, end = span
    asked = replace(question, outcome=outcome)
    day = question.day[first:end]
    start = question.start - first if question.kind == "since_start" else None
    if outcome == "index":
        value, changed, used = measure_index(day, start, record, parameters)
    else:
        value, changed, used = measure_feature(day, start, outcome, record)
    whole = np.full(question.day.size, np.nan)
    whole[first:end] = value
    if asked.hinders is None and changed:
        asked = replace(asked, hinders="device_changed")
    # Nights have a value or not; an index of days worn otherwise is made of other features.
    if asked.hinders is None and outcome == "index" and start is not None:
        valid = record.take(VALID, day)[0] == 1
        if wears_otherwise(valid, np.isfinite(value), start):
            asked = replace(asked, hinders="wear_changed")
    return Series(asked, whole, used)


def measure_feature(
    day: Whole, start: int | None, outcome: Outcome, record: Record
) -> tuple[Real, bool, tuple[int, ...]]:
    """Values of a feature, whether its device changed about the start, and the segments used."""
    if outcome == "felt_stress":
        value, segment = record.take(outcome, day)
        return value, False, tuple(np.unique(segment[~np.isnan(value)]).tolist())
    name = outcome if outcome == "tst_min" else choose_hrv(day, record)
    value, segment = record.take_night(name, day)
    chosen, changed = choose_segment(segment, start)
    own = segment == chosen
    return np.where(own, value, np.nan), changed, () if chosen is None else (chosen,)


def choose_hrv(day: Whole, record: Record) -> str:
    """Choose the heart rate variability with most days, from beats where they are equal."""
    return max(HRV, key=lambda name: int((~np.isnan(record.take_night(name, day)[0])).sum()))


def measure_index(
    day: Whole, start: int | None, record: Record, parameters: Parameters
) -> tuple[Real, bool, tuple[int, ...]]:
    """L against one fixed usual, whether the devices changed about the start, and the segments used.

    A feature whose device changed about the start is left out, on all days; if those are half of the weight, or all
    that the index cannot do without, the devices changed.
    """
    shape = (day.size, len(parameters.features))
    value = np.full(shape, np.nan)
    moved = np.zeros(len(parameters.features), dtype=bool)
    used: set[int] = set()
    for column, (name, domain) in enumerate(zip(parameters.features, parameters.domain, strict=True)):
        own, segment = (record.take if domain == "waking" else record.take_night)(name, day)
        chosen, changed = choose_segment(segment, start)
        moved[column] = changed
        if chosen is not None and not changed:
            value[:, column] = np.where(segment == chosen, own, np.nan)
            used.add(chosen)
    base = np.arange(day.size) < (day.size if start is None else start)
    score = score_days(value, base, parameters)
    half = float(parameters.weight[moved].sum()) >= parameters.weight.sum() / 2
    lost = bool(moved.any()) and bool(np.isnan(score).all())
    return score, half or lost, tuple(sorted(used))


def score_days(value: Real, base: Flag, parameters: Parameters) -> Real:
    """Score days (days, features) against the usual of the base days: (days,) L over its spread.

    NaN where no feature that the index cannot do without is there. A feature enters with as many base days as a
    settled usual needs. Where none that it cannot do without has so many, fewer do: there are too few days for an
    answer then, and that is what the answer has to say, not that there was no index.
    """
    days = (~np.isnan(value))[base].sum(axis=0)
    enough = days >= parameters.baseline.settled_days
    if not (enough & parameters.gate).any():
        enough = days >= FEWEST_DAYS
    z = standardise(value, base, enough, parameters)
    known = ~np.isnan(z)
    entered = known & np.any(known & parameters.gate, axis=1)[:, None]
    residual = np.where(base[:, None], z * parameters.direction, np.nan)
    correlation = correlate_features(centre(residual).T[None], parameters)
    coefficient, usual_var, _ = combine(
        entered, np.broadcast_to(correlation[0], (len(z), *correlation.shape[1:])), parameters.weight
    )
    latent = sum_features(coefficient * np.where(entered, z, 0.0)) / np.sqrt(usual_var)
    return np.where(entered.any(axis=1), latent, np.nan)


def standardise(value: Real, base: Flag, enough: Flag, parameters: Parameters) -> Real:
    """Spreads from the usual, towards load; NaN where a feature is missing or has no usual.

    Mean and SD are of the base days, winsorised as those of the index are.
    """
    z = np.full(value.shape, np.nan)
    for column in np.flatnonzero(enough):
        own = value[base, column]
        own = own[~np.isnan(own)]
        middle = np.median(own)
        reach = parameters.baseline.winsor_mad * MAD_TO_SD * np.median(np.abs(own - middle))
        if reach > 0:
            own = np.clip(own, middle - reach, middle + reach)
            z[:, column] = parameters.direction[column] * (value[:, column] - own.mean()) / own.std(ddof=1)
    return np.asarray(np.clip(z, -parameters.index.z_clip, parameters.index.z_clip))


def centre(residual: Real) -> Real:
    """Centre columns on 0 and scale their mean square to 1, as the index's correlation expects; NaN stays."""
    there = ~np.isnan(residual)
    count = np.maximum(there.sum(axis=0), 1)
    away = residual - np.where(there, residual, 0.0).sum(axis=0) / count
    size = np.sqrt((np.where(there, away, 0.0) ** 2).sum(axis=0) / count)
    return np.asarray(away / np.where(size > 0, size, 1.0))
