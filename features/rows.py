"""What was measured as rows of the tables of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from features.catalog import names_of
from features.data_yield import Yield
from features.days import Valued
from features.episodes import Episode
from features.five_minutes import SPAN_S, FiveMinutes
from features.hours import Hours, measure_hours
from features.hrv.quality import QUALITIES
from features.person import Person
from features.wear import Floats, Ints

DECIMALS = 6
"""Values are rounded to it: below what any device can tell, above what the order of sums can change."""


@dataclass(frozen=True)
class Stamp:
    """Whose rows they are, by which method, and local day → hash of the inputs."""

    participant: str
    method_version: str
    hashes: Mapping[int, str]

    def columns(self, days: Sequence[int]) -> dict[str, pa.Array]:
        """The columns that every row has, for rows of these local days."""
        count = len(days)
        return {
            "participant": pa.repeat(pa.scalar(self.participant), count),
            "day": pa.array(np.asarray(days, np.int32), pa.int32()).cast(pa.date32()),
            "method_version": pa.repeat(pa.scalar(self.method_version), count),
            "input_hash": pa.array([self.hashes[day] for day in days], pa.string()),
        }


def value_rows(stamp: Stamp, valued: Sequence[Valued]) -> pa.Table:
    """Rows of `feature.value` of one person."""
    measures = [v.measure for v in valued]
    return pa.table(
        {
            **stamp.columns([v.day for v in valued]),
            "feature": pa.array([v.feature for v in valued], pa.string()),
            "value": pa.array([rounded(m.value) for m in measures], pa.float64()),
            "se": pa.array([rounded(m.se) for m in measures], pa.float64()),
            "n_obs": pa.array([m.n_obs for m in measures], pa.int64()),
            "coverage": pa.array([rounded(m.coverage) for m in measures], pa.float64()),
            "quality": pa.array([m.quality for m in measures], pa.string()),
            "reason": pa.array([m.reason for m in measures], pa.string()),
            "source": pa.array([v.stream for v in valued], pa.string()),
        }
    )


def other_rows(stamp: Stamp, valued: Sequence[Valued]) -> pa.Table:
    """Rows of `feature.other_device` of one person."""
    return pa.table(
        {
            **stamp.columns([v.day for v in valued]),
            "feature": pa.array([v.feature for v in valued], pa.string()),
            "value": pa.array([rounded(v.measure.value) for v in valued], pa.float64()),
            "quality": pa.array([v.measure.quality for v in valued], pa.string()),
            "source": pa.array([v.stream for v in valued], pa.string()),
        }
    )


def rounded(value: float | None) -> float | None:
    """Round a value; −0 becomes 0."""
    return None if value is None else round(value, DECIMALS) + 0.0


def reals(values: Floats) -> pa.Array:
    """Rounded values as a column; null where NaN."""
    return pa.array(np.round(values, DECIMALS) + 0.0, pa.float64(), from_pandas=True)


def instants(second: Ints | list[int]) -> pa.Array:
    """Seconds since 1970-01-01 UTC as a column of instants."""
    return pa.array(np.asarray(second, np.int64) * 1_000_000).cast(pa.timestamp("us"))


def hour_rows(stamp: Stamp, person: Person, days: Sequence[int]) -> pa.Table:
    """Rows of `feature.hour` of one person."""
    each: list[Hours] = [measure_hours(person.grid, day) for day in days]
    counts = [len(h.start_min) for h in each]

    def joined(name: str) -> Any:
        return np.concatenate([getattr(h, name) for h in each])

    names = [person.stream_name(day) for day, n in zip(days, counts, strict=True) for _ in range(n)]
    return pa.table(
        {
            **stamp.columns(np.repeat(np.asarray(days), counts).tolist()),
            "hour_utc": instants(60 * joined("start_min")),
            "offset_min": pa.array(joined("offset_min"), pa.int16()),
            "worn_min": pa.array(joined("worn_min")),
            "asleep_min": reals(joined("asleep_min")),
            "hr_bpm": reals(joined("hr_bpm")),
            "steps": pa.array(np.round(joined("steps")), from_pandas=True).cast(pa.int32()),
            "source": pa.array(names, pa.string()),
        }
    )


def window_rows(
    stamp: Stamp, person: Person, days: Sequence[int], fives: Mapping[str, FiveMinutes]
) -> pa.Table:
    """Rows of `feature.window` that begin on the days of one person, in order of stream and time."""
    wanted = np.asarray(days)
    parts = []
    for stream, windows in sorted(fives.items()):
        minute = windows.start_s // 60 - person.clock.start_min
        inside = (minute >= 0) & (minute < len(person.clock))
        day = np.where(inside, person.clock.day[np.where(inside, minute, 0)], -1)
        mine = inside & np.isin(day, wanted)
        parts.append(
            _window_rows(stamp, stream, windows.take(mine), day[mine], _offsets(person, minute[mine]))
        )
    if not parts:
        none = np.zeros(0, np.int64)
        empty = {name: np.empty(0) for name in (*names_of("window"), "n_beats", "n_pairs")}
        nothing = FiveMinutes(none, none, [], *(np.empty(0),) * 3, empty, [], np.zeros(0, np.bool_))
        parts = [_window_rows(stamp, "", nothing, none, none)]
    return pa.concat_tables(parts)


def _offsets(person: Person, minute: Ints) -> Ints:
    return np.asarray(person.clock.offset_min[minute], np.int64)


def _window_rows(stamp: Stamp, stream: str, windows: FiveMinutes, day: Ints, offset_min: Ints) -> pa.Table:
    """Rows of the windows of one device."""
    count = len(day)

    def counts(name: str) -> pa.Array:
        return pa.array(windows.values[name].astype(np.int64), pa.int32())

    return pa.table(
        {
            **stamp.columns(day.tolist()),
            "start_utc": instants(windows.start_s),
            "offset_min": pa.array(offset_min, pa.int16()),
            "span_s": pa.array(np.full(count, SPAN_S), pa.int32()),
            "sensor": pa.array(windows.sensor, pa.string()),
            "derived": pa.array(windows.derived, pa.bool_()),
            "n_beats": counts("n_beats"),
            "n_pairs": counts("n_pairs"),
            "coverage": reals(windows.coverage),
            "artefact": reals(windows.artefact),
            "uneven": reals(windows.uneven),
            "quality": pa.array([QUALITIES[code] for code in windows.quality.tolist()], pa.string()),
            "reason": pa.array(windows.reason, pa.string()),
            **{name: reals(windows.values[name]) for name in names_of("window")},
            "source": pa.array([stream] * count, pa.string()),
        }
    )


def episode_rows(stamp: Stamp, person: Person, episodes: Mapping[int, Sequence[Episode]]) -> pa.Table:
    """Rows of `feature.episode` of one person."""
    flat = [(day, episode) for day, some in sorted(episodes.items()) for episode in some]
    start_min = np.array([e.start_min for _, e in flat], np.int64)
    return pa.table(
        {
            **stamp.columns([day for day, _ in flat]),
            "start_utc": instants(60 * start_min),
            "end_utc": instants([60 * e.end_min for _, e in flat]),
            "offset_min": pa.array(_offsets(person, start_min - person.clock.start_min), pa.int16()),
            "minutes": pa.array([e.minutes for _, e in flat], pa.int32()),
            "peak_bpm": reals(np.array([e.peak_bpm for _, e in flat], np.float64)),
            "p_arousal": reals(np.array([e.p_arousal for _, e in flat], np.float64)),
            "source": pa.array([person.stream_name(day) for day, _ in flat], pa.string()),
        }
    )


def yield_rows(
    stamp: Stamp, yields: Mapping[int, Mapping[tuple[str, str], tuple[Yield, Yield | None]]]
) -> pa.Table:
    """Rows of `feature.data_yield` of one person."""
    flat = [
        (day, *names, *found) for day, each in sorted(yields.items()) for names, found in sorted(each.items())
    ]
    worn = [w for *_, w in flat]
    return pa.table(
        {
            **stamp.columns([day for day, *_ in flat]),
            "sensor": pa.array([sensor for _, sensor, *_ in flat], pa.string()),
            "minutes": pa.array([y.minutes for *_, y, _ in flat], pa.int32()),
            "yielded_min": pa.array([y.yielded_min for *_, y, _ in flat], pa.int32()),
            "valid_h": pa.array([y.valid_h for *_, y, _ in flat], pa.int32()),
            "worn_min": pa.array([w and w.yielded_min for w in worn], pa.int32()),
            "worn_h": pa.array([w and w.valid_h for w in worn], pa.int32()),
            "source": pa.array([stream for _, _, stream, *_ in flat], pa.string()),
        }
    )
