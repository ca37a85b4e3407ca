"""Data types of the Google Health API v4: how each is spelled, in which three ways, and what it becomes here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MINUTE_US,
    MISSING,
    Batch,
    Check,
    Clock,
    Field,
    Flags,
    Instants,
    Moments,
    Quantity,
    Rejected,
    check_instants,
    parse_zoned,
    read_numbers,
    take_quantity,
)

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2009-01-01", "us").astype(np.int64))
"""The first Fitbit was sold in 2009."""
HR_MIN_BPM, HR_MAX_BPM = 20.0, 250.0
SLEEP_MAX_H, WORKOUT_MAX_H, SPAN_MAX_H = 48, 72, 24
FIVE_MIN_S = 300.0
OFFSET_MAX_MIN = 14 * 60
PREFIX = "google_health_"
"""What the names of kept answers begin with."""
HOURS = "heart-rate-hours"
"""Answers with means of hours, kept to see which hours have changed: not read."""
HEART, HRV, VITAL, STEPS = "signal.heart_rate", "signal.hrv_sample", "signal.vital", "signal.steps"
EPISODE, WORKOUT, CHECKIN = "signal.sleep_episode", "signal.workout", "signal.checkin"
ANSWER = re.compile(rf"{PREFIX}([a-z-]+?)_\d.*\.json", re.IGNORECASE)


@dataclass(frozen=True)
class DataType:
    """A data type. A wrong spelling of `field` would read every page as nothing."""

    path: str
    """In addresses."""
    member: str
    """In filters."""
    field: str
    """In JSON."""
    kind: str
    """sample, interval, daily, session or sleep: where its time stands."""
    table: str
    """The main table that it feeds."""
    values: tuple[tuple[str, Quantity], ...] = ()
    """Path of a value below the field, and what it becomes."""
    merged: bool = False
    """Several devices count the same: it is asked for as one merged stream, which names no device."""


def heart() -> Quantity:
    """Heart rates."""
    return Quantity("value", HEART, "heart rate", HR_MIN_BPM, HR_MAX_BPM, "/min", none=(0.0,))


def vital(name: str, low: float, high: float, unit: str, *none: float, column: str = "value") -> Quantity:
    """A vital sign; 0 is none, and what else is named."""
    return Quantity(column, VITAL, name, low, high, unit, none=(0.0, *none))


def rmssd(name: str, column: str = "value") -> Quantity:
    """A variability of heart rate; 0 is none."""
    return Quantity(column, HRV, name, 0, 500, "ms", none=(0.0,))


SPO2_NONE = 50.0
"""What invalid minutes are set to."""
RMSSD = "rootMeanSquareOfSuccessiveDifferencesMilliseconds"
DEVIATION = Quantity("second", VITAL, "skin_temperature_deviation", -15, 15, "Cel")
"""Of a night from the vendor's baseline, which is what is given."""
TYPES: tuple[DataType, ...] = (
    DataType("heart-rate", "heart_rate", "heartRate", "sample", HEART, (("beatsPerMinute", heart()),)),
    DataType(
        "heart-rate-variability",
        "heart_rate_variability",
        "heartRateVariability",
        "sample",
        HRV,
        ((RMSSD, rmssd("rmssd_5min")),),
    ),
    DataType(
        "oxygen-saturation",
        "oxygen_saturation",
        "oxygenSaturation",
        "sample",
        VITAL,
        (("percentage", vital("spo2", 50, 100, "%", SPO2_NONE)),),
    ),
    DataType(
        "respiratory-rate-sleep-summary",
        "respiratory_rate_sleep_summary",
        "respiratoryRateSleepSummary",
        "sample",
        VITAL,
        (("fullSleepStats.breathsPerMinute", vital("respiration", 4, 60, "/min")),),
    ),
    DataType(
        "daily-heart-rate-variability",
        "daily_heart_rate_variability",
        "dailyHeartRateVariability",
        "daily",
        HRV,
        (
            ("averageHeartRateVariabilityMilliseconds", rmssd("rmssd_night")),
            (
                "deepSleepRootMeanSquareOfSuccessiveDifferencesMilliseconds",
                rmssd("rmssd_deep", "second"),
            ),
        ),
    ),
    DataType(
        "daily-resting-heart-rate",
        "daily_resting_heart_rate",
        "dailyRestingHeartRate",
        "daily",
        VITAL,
        (("beatsPerMinute", vital("resting_heart_rate", HR_MIN_BPM, HR_MAX_BPM, "/min")),),
    ),
    DataType(
        "daily-oxygen-saturation",
        "daily_oxygen_saturation",
        "dailyOxygenSaturation",
        "daily",
        VITAL,
        (("averagePercentage", vital("spo2_night", 50, 100, "%", SPO2_NONE)),),
    ),
    DataType(
        "daily-respiratory-rate",
        "daily_respiratory_rate",
        "dailyRespiratoryRate",
        "daily",
        VITAL,
        (("breathsPerMinute", vital("respiration", 4, 60, "/min")),),
    ),
    DataType(
        "daily-sleep-temperature-derivations",
        "daily_sleep_temperature_derivations",
        "dailySleepTemperatureDerivations",
        "daily",
        VITAL,
        (
            ("nightlyTemperatureCelsius", vital("skin_temperature", 10, 45, "Cel")),
            ("baselineTemperatureCelsius", DEVIATION),
        ),
    ),
    DataType(
        "steps",
        "steps",
        "steps",
        "interval",
        STEPS,
        (("count", Quantity("value", STEPS, "steps", 0, 100_000, "{count}")),),
        merged=True,
    ),
    DataType(
        "active-zone-minutes",
        "active_zone_minutes",
        "activeZoneMinutes",
        "interval",
        VITAL,
        (("activeZoneMinutes", vital("active_zone_minutes", 0, 2 * 1440, "min")),),
        merged=True,
    ),
    DataType("exercise", "exercise", "exercise", "session", WORKOUT),
    DataType("sleep", "sleep", "sleep", "sleep", EPISODE),
    DataType("moods", "moods", "moods", "sample", CHECKIN),
)
BY_PATH = {kind.path: kind for kind in TYPES}


def find_type(name: str) -> DataType | None:
    """The data type of a kept answer, by its base name; None for one that is not read, or no such name."""
    found = ANSWER.fullmatch(name)
    return None if found is None else BY_PATH.get(found[1].lower())


def texts(**paths: str) -> list[Field]:
    """Values to take out of every point as text: our name of each, and its path."""
    return [Field(name, path, pa.string()) for name, path in paths.items()]


def origin() -> list[Field]:
    """What says which device a point comes from."""
    return texts(
        platform="dataSource.platform",
        form="dataSource.device.formFactor",
        device_name="dataSource.device.displayName",
        package="dataSource.application.packageName",
    )


@dataclass(frozen=True)
class Setting:
    """What the readers share: the clock that sleeps and steps prove, and the latest instant that may be."""

    clock: Clock
    latest_us: int


@dataclass(frozen=True)
class Stamped:
    """Instants of UTC (MISSING for none) and the offsets written beside them, NaN for none."""

    t_us: Instants
    offset_min: npt.NDArray[np.float64]

    @property
    def known(self) -> Flags:
        """Where there is an instant with its offset."""
        return np.asarray((self.t_us != MISSING) & ~np.isnan(self.offset_min), np.bool_)


def read_stamped(stamp: pa.ChunkedArray, offset: pa.ChunkedArray) -> Stamped:
    """Read instants such as 2026-10-28T23:59:57Z and offsets such as -14400s."""
    zoned = parse_zoned(stamp)
    # Without an offset or Z it would be no instant.
    t_us = np.where(zoned.naive, MISSING, zoned.t_us)
    cut = pc.replace_substring_regex(offset, r"^\s*([+-]?\d+(?:\.\d+)?)s\s*$", r"\1")
    minutes = np.round(read_numbers(cut)[0] / 60)
    return Stamped(t_us, np.where(np.abs(minutes) <= OFFSET_MAX_MIN, minutes, np.nan))


def place(stamped: Stamped, clock: Clock, span_s: npt.NDArray[np.float64] | None = None) -> Moments:
    """Moments with their own offset; where none is written it is the clock's."""
    good = stamped.t_us != MISSING
    offset, assumed = clock.of_utc(np.where(good, stamped.t_us, 0))
    offset = np.where(stamped.known, np.nan_to_num(stamped.offset_min), offset).astype(np.int16)
    return Moments(stamped.t_us, offset, assumed & good & ~stamped.known, span_s)


def take_checked(
    rows: pa.Table, quantity: Quantity, when: Moments, setting: Setting, *checks: Check
) -> Iterator[Batch | Rejected]:
    """One quantity of rows whose instants are checked first, each with the device that it comes from."""
    instants = check_instants(when.t_us, FIRST_US, setting.latest_us)
    for found in take_quantity(rows, quantity, when, [*instants, *checks]):
        yield found if isinstance(found, Rejected) else Batch(found.table, with_device(found.rows, rows))


def with_device(found: pa.Table, rows: pa.Table) -> pa.Table:
    """Rows with the device of the records that they are of, in the order of these."""
    if "platform" not in rows.column_names:
        return found
    names = name_devices(rows)
    if names.null_count == len(names):
        return found
    width = int(pc.max(rows["record"]).as_py() or 0) + 1
    keys = [t["member"].to_numpy().astype(np.int64) * width + t["record"].to_numpy() for t in (rows, found)]
    order = np.argsort(keys[0], kind="stable")
    return found.append_column(
        "device", names.take(pa.array(order[np.searchsorted(keys[0][order], keys[1])]))
    )


def name_devices(rows: pa.Table) -> pa.Array:
    """The device of each record; null for the account's own wearable.

    What the account's own watch or band gives is one stream, as merged steps name no device; what comes
    from a phone or from another service stands apart under its name.
    """
    filled = {name: pc.fill_null(rows[name].combine_chunks(), "") for name in ("platform", "form")}
    fitbit = pc.is_in(filled["platform"], pa.array(["FITBIT", "PLATFORM_UNSPECIFIED", ""]))
    own = pc.and_(fitbit, pc.not_equal(filled["form"], "PHONE"))
    name = pc.coalesce(
        rows["device_name"].combine_chunks(),
        rows["package"].combine_chunks(),
        pc.utf8_lower(filled["platform"]),
    )
    return pc.if_else(own, pa.scalar(None, pa.string()), name.cast(pa.string()))
