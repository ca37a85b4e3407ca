"""What the simulated people's data looks like in the Google Health API v4: points of each data type.

Whole numbers are text, numbers with a fraction are numbers, what is zero or false is left out, and
offsets are durations, all as protocol buffers write JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from servers import people
from servers.people import Person

Point = dict[str, Any]
Row = tuple[int, int, Point, bool]
"""Start and end (seconds since 1970), the point, and whether it comes from the phone."""

DAY_ZERO = date(1970, 1, 1).toordinal()
ACTIVITY, METRICS, SLEEP, MIND = people.ALL_SCOPES[:4]


@dataclass(frozen=True)
class Type:
    """A data type: its field in JSON, what kind of record it is, and the scope that it needs."""

    field: str
    kind: str
    """sample, interval, daily, session or sleep."""
    scope: str
    rollup_days: int = 0
    """So many days may be rolled up at once; none where it cannot be."""
    lists: bool = True


TYPES = {
    "heart-rate": Type("heartRate", "sample", METRICS, rollup_days=14),
    "heart-rate-variability": Type("heartRateVariability", "sample", METRICS),
    "oxygen-saturation": Type("oxygenSaturation", "sample", METRICS),
    "respiratory-rate-sleep-summary": Type("respiratoryRateSleepSummary", "sample", METRICS),
    "daily-heart-rate-variability": Type("dailyHeartRateVariability", "daily", METRICS),
    "daily-resting-heart-rate": Type("dailyRestingHeartRate", "daily", METRICS),
    "daily-oxygen-saturation": Type("dailyOxygenSaturation", "daily", METRICS),
    "daily-respiratory-rate": Type("dailyRespiratoryRate", "daily", METRICS),
    "daily-sleep-temperature-derivations": Type("dailySleepTemperatureDerivations", "daily", METRICS),
    "steps": Type("steps", "interval", ACTIVITY, rollup_days=90),
    "active-zone-minutes": Type("activeZoneMinutes", "interval", ACTIVITY, rollup_days=90),
    "exercise": Type("exercise", "session", ACTIVITY),
    "sleep": Type("sleep", "sleep", SLEEP),
    "moods": Type("moods", "sample", MIND),
    "total-calories": Type("totalCalories", "interval", ACTIVITY, rollup_days=14, lists=False),
    "floors": Type("floors", "interval", ACTIVITY, rollup_days=90, lists=False),
}
DERIVED = {"recordingMethod": "DERIVED", "platform": "FITBIT"}
PHONE = {
    "recordingMethod": "PASSIVELY_MEASURED",
    "device": {"formFactor": "PHONE", "displayName": "Pixel 10"},
    "application": {"packageName": "com.google.android.apps.fitness"},
    "platform": "HEALTH_CONNECT",
}


def watch(person: Person, how: str = "PASSIVELY_MEASURED") -> Point:
    """The data source that is the person's watch."""
    device = {"formFactor": "WATCH", "displayName": person.device}
    return {"recordingMethod": how, "device": device, "platform": "FITBIT"}


def iso(t_s: int) -> str:
    """An instant as the service writes it."""
    return datetime.fromtimestamp(t_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def date_of(day: date) -> Point:
    """A date as the service writes it."""
    return {"year": day.year, "month": day.month, "day": day.day}


def civil(t_s: int, offset_s: int) -> Point:
    """What a clock shows; midnight has no hours, minutes or seconds."""
    clock = datetime.fromtimestamp(t_s + offset_s, UTC)
    parts = {"hours": clock.hour, "minutes": clock.minute, "seconds": clock.second}
    return {"date": date_of(clock.date()), "time": {name: part for name, part in parts.items() if part}}


def sample_time(person: Person, t_s: int) -> Point:
    """When a sample was taken."""
    offset = people.offset_s(person.zone, t_s // 3600)
    return {"physicalTime": iso(t_s), "utcOffset": f"{offset}s", "civilTime": civil(t_s, offset)}


def interval(person: Person, start_s: int, end_s: int) -> Point:
    """From when to when something lasted."""
    first, last = (people.offset_s(person.zone, t // 3600) for t in (start_s, end_s))
    return {
        "startTime": iso(start_s),
        "startUtcOffset": f"{first}s",
        "endTime": iso(end_s),
        "endUtcOffset": f"{last}s",
        "civilStartTime": civil(start_s, first),
        "civilEndTime": civil(end_s, last),
    }


def samples(
    person: Person, kind: str, values: people.Values, body: Callable[[float], Point]
) -> Iterator[Row]:
    """Points of single values that the watch took."""
    source, field = watch(person), TYPES[kind].field
    for t, value in zip(values.t_s.tolist(), values.value.tolist(), strict=True):
        yield (
            t,
            t,
            {"dataSource": source, field: {"sampleTime": sample_time(person, t), **body(value)}},
            False,
        )


def variability_rows(person: Person, day: date) -> Iterator[Row]:
    """RMSSD of the five-minute stretches of a night."""

    def body(rmssd: float) -> Point:
        name = "rootMeanSquareOfSuccessiveDifferencesMilliseconds"
        return {name: rmssd, "standardDeviationMilliseconds": round(1.25 * rmssd, 3)}

    return samples(person, "heart-rate-variability", people.variability(person, day), body)


def oxygen_rows(person: Person, day: date) -> Iterator[Row]:
    """SpO2 of the minutes of a night."""
    return samples(
        person, "oxygen-saturation", people.oxygen(person, day), lambda share: {"percentage": share}
    )


def breath_rows(person: Person, day: date) -> Iterator[Row]:
    """Breaths of a night, at its end, in all of it and in its stages."""
    night, breaths = people.night(person, day), people.breaths(person, day)
    if night is not None and breaths is not None:
        parts = (("fullSleepStats", 0.0), ("deepSleepStats", -0.3), ("remSleepStats", 0.6))
        body = {name: {"breathsPerMinute": round(breaths + more, 1)} for name, more in parts}
        time = {"sampleTime": sample_time(person, night.end_s)}
        yield (
            night.end_s,
            night.end_s,
            {"dataSource": DERIVED, "respiratoryRateSleepSummary": time | body},
            False,
        )


def mood_rows(person: Person, day: date) -> Iterator[Row]:
    """Moods that were logged on a day."""
    for t, words in people.moods(person, day):
        body = {"sampleTime": sample_time(person, t), "moods": list(words), "valences": ["PLEASANT"]}
        yield t, t, {"dataSource": {"recordingMethod": "MANUAL", "platform": "FITBIT"}, "moods": body}, False


def daily_body(person: Person, day: date, kind: str) -> Point | None:
    """The one value of a day."""
    if kind == "daily-resting-heart-rate":
        method = "ONLY_WITH_AWAKE_DATA" if people.is_unworn(person, day) else "WITH_SLEEP"
        more = {"dailyRestingHeartRateMetadata": {"calculationMethod": method}}
        return {"beatsPerMinute": str(people.resting_bpm(person, day)), **more}
    if people.night(person, day) is None:
        return None
    if kind == "daily-respiratory-rate":
        return {"breathsPerMinute": people.breaths(person, day)}
    if kind == "daily-sleep-temperature-derivations":
        skin = {"nightlyTemperatureCelsius": people.skin_cel(person, day)}
        return skin | {
            "baselineTemperatureCelsius": people.SKIN_BASE_CEL,
            "relativeNightlyStddev30dCelsius": 0.31,
        }
    if kind == "daily-oxygen-saturation":
        share = people.oxygen(person, day).value
        bounds = {"lowerBoundPercentage": float(share.min()), "upperBoundPercentage": float(share.max())}
        return {"averagePercentage": round(float(share.mean()), 1), **bounds}
    return variability_of_day(person, day)


def variability_of_day(person: Person, day: date) -> Point:
    """Mean RMSSD of a night, and of its deep sleep."""
    night, values = people.night(person, day), people.variability(person, day)
    assert night is not None
    deep = [v for t, v in zip(values.t_s.tolist(), values.value, strict=True) if night.stage_at(t) == "DEEP"]
    return {
        "averageHeartRateVariabilityMilliseconds": round(float(values.value.mean()), 3),
        "deepSleepRootMeanSquareOfSuccessiveDifferencesMilliseconds": round(float(np.mean(deep)), 3),
        "nonRemHeartRateBeatsPerMinute": str(person.base_bpm),
        "entropy": 2.871,
    }


def daily_rows(person: Person, day: date, kind: str) -> Iterator[Row]:
    """The one point of a day, at its midnight of UTC so that dates can be compared."""
    body = daily_body(person, day, kind)
    if body is not None:
        t = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        yield t, t, {"dataSource": DERIVED, TYPES[kind].field: {"date": date_of(day), **body}}, False


def step_rows(person: Person, day: date) -> Iterator[Row]:
    """Steps by the minute: the watch's, and some of the same steps as the phone counted them."""
    values = people.steps(person, day)
    for t, count in zip(values.t_s.tolist(), values.value.astype(int).tolist(), strict=True):
        time = {"interval": interval(person, t, t + 60)}
        yield t, t + 60, {"dataSource": watch(person), "steps": {**time, "count": str(count)}}, False
        if t // 60 % 3 == 0:
            fewer = str(max(1, int(0.9 * count)))
            yield t, t + 60, {"dataSource": PHONE, "steps": {**time, "count": fewer}}, True


def zone_rows(person: Person, day: date) -> Iterator[Row]:
    """Active zone minutes."""
    for t, zone, count in people.zone_minutes(person, day):
        body = {"interval": interval(person, t, t + 60), "heartRateZone": zone}
        point = {"dataSource": watch(person), "activeZoneMinutes": {**body, "activeZoneMinutes": str(count)}}
        yield t, t + 60, point, False


def exercise_rows(person: Person, day: date) -> Iterator[Row]:
    """The run of a day."""
    span = people.workout(person, day)
    if span is None:
        return
    start, end = span
    heart, steps = people.heart(person, day), people.steps(person, day)
    summary = {
        "caloriesKcal": 285.0,
        "distanceMillimeters": 2700.0 * (end - start),
        "steps": str(int(steps.value[people.inside(steps.t_s, span)].sum())),
        "averageHeartRateBeatsPerMinute": str(round(heart.value[people.inside(heart.t_s, span)].mean())),
    }
    body = {
        "interval": interval(person, start, end),
        "exerciseType": "RUNNING",
        "displayName": "Run",
        "activeDuration": f"{end - start}s",
        "metricsSummary": summary,
        "createTime": iso(end),
        "updateTime": iso(end),
    }
    named = {
        "name": f"users/{person.health_id}/dataTypes/exercise/dataPoints/{person.name.lower()}-{day:%m%d}"
    }
    yield start, end, {**named, "dataSource": watch(person, "ACTIVELY_MEASURED"), "exercise": body}, False


def sleep_rows(person: Person, day: date) -> Iterator[Row]:
    """The sleep that ends on a day, with its stages."""
    night = people.night(person, day)
    if night is None:
        return
    stages = []
    for name, start, end in night.stages:
        edges = interval(person, start, end)
        stages.append({"type": name, **{k: edges[k] for k in edges if not k.startswith("civil")}})
    summary = {
        "minutesInSleepPeriod": str((night.end_s - night.start_s) // 60),
        "minutesAsleep": str(night.minutes("LIGHT", "DEEP", "REM")),
        "minutesAwake": str(night.minutes("AWAKE")),
    }
    body = {
        "interval": interval(person, night.start_s, night.end_s),
        "type": "STAGES",
        "metadata": {"stagesStatus": "SUCCEEDED", "processed": True, "mainSleep": True},
        "stages": stages,
        "summary": summary,
        "createTime": iso(night.end_s),
        "updateTime": iso(night.end_s),
    }
    named = {"name": f"users/{person.health_id}/dataTypes/sleep/dataPoints/{night.number}"}
    yield night.start_s, night.end_s, {**named, "dataSource": DERIVED, "sleep": body}, False


def without_stages(point: Point) -> Point:
    """A sleep as it is given before the service has processed it."""
    kept = {k: v for k, v in point["sleep"].items() if k in ("interval", "type", "createTime", "updateTime")}
    return {**point, "sleep": {**kept, "metadata": {"mainSleep": True}}}


ROWS: dict[str, Callable[[Person, date], Iterator[Row]]] = {
    "heart-rate-variability": variability_rows,
    "oxygen-saturation": oxygen_rows,
    "respiratory-rate-sleep-summary": breath_rows,
    "moods": mood_rows,
    "steps": step_rows,
    "active-zone-minutes": zone_rows,
    "exercise": exercise_rows,
    "sleep": sleep_rows,
}


@dataclass(frozen=True)
class Points:
    """All points of a type, the latest start first, as the service lists them."""

    start_s: people.Ints
    end_s: people.Ints
    phone: npt.NDArray[np.bool_]
    points: tuple[Point, ...] = ()
    bpm: people.Ints | None = None
    """Heart rates instead of points, which would fill the memory."""


@lru_cache(maxsize=32)
def list_points(person: Person, kind: str) -> Points:
    """List the points of a type."""
    if kind == "heart-rate":
        each = [people.heart(person, day) for day in people.days()]
        t_s = np.concatenate([values.t_s for values in each])[::-1]
        bpm = np.concatenate([values.value for values in each])[::-1].astype(np.int64)
        return Points(t_s, t_s, np.zeros(t_s.size, bool), bpm=bpm)
    rows: list[Row] = []
    for day in people.days():
        rows += ROWS[kind](person, day) if kind in ROWS else daily_rows(person, day, kind)
    rows.sort(key=lambda row: -row[0])
    start, end = (np.array([row[i] for row in rows], np.int64) for i in (0, 1))
    return Points(start, end, np.array([row[3] for row in rows], bool), tuple(row[2] for row in rows))


def write_hearts(person: Person, points: Points, places: people.Ints) -> list[str]:
    """Heart rates as JSON, at once: there are hundreds of thousands."""
    assert points.bpm is not None
    source = json.dumps(watch(person))
    t_s, offsets = points.start_s[places], people.offsets_s(person, points.start_s[places])
    local = t_s + offsets
    stamps = np.datetime_as_string(t_s.astype("datetime64[s]")).tolist()
    dates = [date_text(day) for day in (local // 86_400).tolist()]
    hearts = points.bpm[places].tolist()
    rows = zip(stamps, offsets.tolist(), dates, (local % 86_400).tolist(), hearts, strict=True)
    return [
        f'{{"dataSource": {source}, "heartRate": {{"sampleTime": {{"physicalTime": "{stamp}Z", "utcOffset":'
        f' "{offset}s", "civilTime": {{"date": {day}, "time": {clock_text(second)}}}}}, "beatsPerMinute": "{bpm}",'
        ' "metadata": {"motionContext": "SEDENTARY"}}}'
        for stamp, offset, day, second, bpm in rows
    ]


@lru_cache(maxsize=64)
def date_text(day: int) -> str:
    """A date (days since 1970) as JSON."""
    return json.dumps(date_of(date.fromordinal(DAY_ZERO + day)))


@lru_cache(maxsize=1 << 17)
def clock_text(second: int) -> str:
    """The parts of a clock at a second of the day, as JSON, without those that are zero."""
    parts = (("hours", second // 3600), ("minutes", second // 60 % 60), ("seconds", second % 60))
    return "{" + ", ".join(f'"{name}": {part}' for name, part in parts if part) + "}"


def truth(person: Person) -> dict[str, Any]:
    """What the person's watch recorded, to the last sample, for a test to compare with."""

    def pairs(values: people.Values) -> list[list[float]]:
        return [[t, v] for t, v in zip(values.t_s.tolist(), values.value.tolist(), strict=True)]

    found: dict[str, Any] = {}
    for day in people.days():
        night, span = people.night(person, day), people.workout(person, day)
        found[day.isoformat()] = {
            "heart_rate": pairs(people.heart(person, day)),
            "steps": pairs(people.steps(person, day)),
            "rmssd": pairs(people.variability(person, day)),
            "oxygen": pairs(people.oxygen(person, day)),
            "zone_minutes": [[t, count] for t, _, count in people.zone_minutes(person, day)],
            "resting_bpm": people.resting_bpm(person, day),
            "breaths": people.breaths(person, day),
            "skin_cel": people.skin_cel(person, day),
            "sleep": None if night is None else [night.number, night.start_s, night.end_s, night.stages],
            "workout": span,
            "moods": [[t, " ".join(words).lower()] for t, words in people.moods(person, day)],
        }
    return found
