"""Beats, pulse waves and skin conductance: much data for few days, so it is read for those days alone.

Beats are taken by whole UTC days (`features.five_minutes`), skin conductance by local days: then a day's
values do not depend on which days are asked for together.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa

from features import electrodermal
from features.beats import Beats
from features.data_yield import Yield, count_yield
from features.electrodermal import Spans
from features.five_minutes import SENSORS, FiveMinutes, find_wave_beats, measure_five_minutes
from features.person import Person
from features.wear import Bools, Floats, Ints

UTC_DAYS = (-2, -1, 0, 1)
"""The UTC days that can hold a local day and the noon before it, counted from its date."""


def utc_days_of(days: tuple[int, ...]) -> list[int]:
    """The UTC days that local days are made from, in order."""
    return sorted({day + beside for day in days for beside in UTC_DAYS})


def take_beats(rows: pa.Table) -> Beats:
    """Beats of one device from rows of t_us, rr_ms, gap_before and tick_ms, in order of time."""
    tick = np.unique(floats(rows, "tick_ms"))
    return Beats(
        floats(rows, "t_us") / 1e6,
        floats(rows, "rr_ms"),
        floats(rows, "gap_before") == 1,
        # Two clocks in one train: the coarser one, whose error is the larger; NaN sorts last.
        float(np.nanmax(tick)) if (~np.isnan(tick)).any() else np.nan,
    )


def measure_beats(person: Person, rows: pa.Table, utc_day: int) -> FiveMinutes:
    """Windows of one UTC day of one device from its beats, rows as of `take_beats` with sensor."""
    beats, sensor = take_beats(rows), np.asarray(rows["sensor"].to_numpy(), np.int64)
    return measure_five_minutes(beats, utc_day, were_asleep(person, beats), sensor=sensor)


def measure_wave(person: Person, rows: pa.Table, utc_day: int) -> FiveMinutes | None:
    """The same from its pulse wave, rows of t_us and bvp; None where that cannot time beats."""
    beats = find_wave_beats(floats(rows, "t_us") / 1e6, floats(rows, "bvp"))
    if beats is None or not len(beats):
        return None
    sensor = np.full(len(beats), SENSORS.index("ppg"))
    return measure_five_minutes(beats, utc_day, were_asleep(person, beats), sensor=sensor, derived=True)


def were_asleep(person: Person, beats: Beats) -> Bools:
    """Whether the person slept when each interval ended; not, where that is off the axis."""
    place = np.floor(beats.end_s / 60).astype(np.int64) - person.clock.start_min
    inside = (place >= 0) & (place < len(person.clock))
    return inside & person.grid.asleep[np.where(inside, place, 0)]


def measure_skin(eda: pa.Table, temperature: pa.Table, acceleration: pa.Table) -> Spans:
    """Skin conductance by the minute, of one local day of one device.

    Rows have t_us with eda_us, with value (Celsius), and with x_g, y_g and z_g.
    """
    xyz = np.column_stack([floats(acceleration, axis) for axis in ("x_g", "y_g", "z_g")])
    skin = electrodermal.read_skin(
        (floats(eda, "t_us") / 1e6, floats(eda, "eda_us")),
        (floats(temperature, "t_us") / 1e6, floats(temperature, "value")),
        (floats(acceleration, "t_us") / 1e6, xyz),
    )
    return electrodermal.sum_spans(skin, span_min=1)


def yield_by_sensor(
    person: Person, day: int, minutes: pa.Table
) -> dict[tuple[str, str], tuple[Yield, Yield | None]]:
    """Data yield of a local day: (sensor, stream) → minutes with a row, and minutes worn.

    Parameters
    ----------
    minutes : pyarrow.Table
        sensor, stream, minute: every minute of the person's days in which a sensor gave a row, of those
        that are not on the person's axis already.
    """
    place = person.clock.minutes_of(day)
    found: dict[tuple[str, str], tuple[Yield, Yield | None]] = {}
    for stream in person.streams:
        beating, stepping = ~np.isnan(stream.hr_bpm[place]), ~np.isnan(stream.listed_steps[place])
        if beating.any():
            worn = count_yield(~person.nonwear_of(stream)[place])
            found["heart_rate", stream.name] = (count_yield(beating), worn)
        if stepping.any():
            found["steps", stream.name] = (count_yield(stepping), None)
    utc_min = person.clock.utc_min[place]
    for row in minutes.group_by(["sensor", "stream"]).aggregate([("minute", "list")]).to_pylist():
        has = np.isin(utc_min, row["minute_list"])
        if has.any():
            found[row["sensor"], row["stream"]] = (count_yield(has), None)
    return found


def digest(rows: pa.Table) -> bytes:
    """Hash of rows: of their values, whatever chunks they came in."""
    return _digest([floats(rows, name) for name in rows.column_names])


def _digest(columns: list[Floats]) -> bytes:
    return hashlib.sha256(b"".join(values.tobytes() for values in columns)).digest()


def digest_by_day(person: Person, rows: pa.Table) -> dict[int, bytes]:
    """Hash of the rows of each local day, of rows with t_us.

    A UTC day holds parts of two local days or three, and a change in one of them redoes itself and those
    beside it only: the third must not see it.
    """
    columns = [floats(rows, name) for name in rows.column_names]
    minute = np.floor(floats(rows, "t_us") / 60e6).astype(np.int64) - person.clock.start_min
    day = person.clock.day[np.clip(minute, 0, len(person.clock) - 1)]
    return {d: _digest([values[day == d] for values in columns]) for d in np.unique(day).tolist()}


def floats(rows: pa.Table, name: str) -> Floats:
    """A column as float64; NaN where null."""
    return np.asarray(rows[name].cast(pa.float64()).to_numpy(), np.float64)


def local_span_us(person: Person, day: int) -> tuple[int, int] | None:
    """First microsecond of a local day and the one after its last; None where the axis lacks it."""
    minutes: Ints = person.clock.utc_min[person.clock.minutes_of(day)]
    if not len(minutes):
        return None
    return int(np.min(minutes)) * 60_000_000, (int(np.max(minutes)) + 1) * 60_000_000
