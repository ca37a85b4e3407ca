"""What the simulated people's data looks like in the Fitbit Web API, versions 1 and 1.2: local times without a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from servers import people
from servers.people import Person, Values

Json = dict[str, Any]
WIDTHS = {"1sec": 1, "1min": 60, "5min": 300, "15min": 900}
ZONES = (("Out of Range", 30, 98), ("Fat Burn", 98, 137), ("Cardio", 137, 167), ("Peak", 167, 220))
LEVELS = {"AWAKE": "wake", "LIGHT": "light", "DEEP": "deep", "REM": "rem"}


def clocks(person: Person, values: Values) -> list[tuple[datetime, float]]:
    """Values with what the person's clock showed."""
    local = values.t_s + people.offsets_s(person, values.t_s)
    pairs = zip(local.tolist(), values.value.tolist(), strict=True)
    return [(datetime.fromtimestamp(t, UTC).replace(tzinfo=None), value) for t, value in pairs]


def clock(person: Person, t_s: int) -> datetime:
    """What the person's clock showed at an instant."""
    return datetime.fromtimestamp(t_s + people.offset_s(person.zone, t_s // 3600), UTC).replace(tzinfo=None)


def log_stamp(person: Person, t_s: int) -> str:
    """A local time as logs have it."""
    return clock(person, t_s).isoformat(timespec="milliseconds")


def is_known(day: date) -> bool:
    """Whether there is data of a day."""
    return day in people.days()


def heart_day(person: Person, day: date) -> Json:
    """Resting heart rate and zones of a day."""
    values = people.heart(person, day) if is_known(day) else Values(np.zeros(0, np.int64), np.zeros(0))
    zones = []
    for name, low, high in ZONES:
        minutes = np.unique(values.t_s[(values.value >= low) & (values.value < high)] // 60).size
        zones.append(
            {"caloriesOut": 1.9 * minutes, "max": high, "min": low, "minutes": minutes, "name": name}
        )
    value: Json = {"customHeartRateZones": [], "heartRateZones": zones}
    if is_known(day):
        value["restingHeartRate"] = people.resting_bpm(person, day)
    return {"dateTime": str(day), "value": value}


def steps_total(person: Person, day: date) -> int:
    """The steps of a day."""
    return int(people.steps(person, day).value.sum()) if is_known(day) else 0


def intraday(rows: list[tuple[datetime, float]], detail: str, low: str, high: str, *, add: bool) -> Json:
    """Values of a day, or their sums or means in stretches; stretches without steps have 0 of them."""
    width = WIDTHS[detail]
    if width == 1:
        found = [(local.isoformat()[11:19], int(value)) for local, value in rows]
    else:
        bins: dict[int, list[float]] = {second: [] for second in range(0, 86_400 if add else 0, width)}
        for local, value in rows:
            second = (local.hour * 3600 + local.minute * 60) // width * width
            bins.setdefault(second, []).append(value)
        found = [
            (
                f"{s // 3600:02d}:{s // 60 % 60:02d}:00",
                int(sum(some)) if add else round(sum(some) / len(some)),
            )
            for s, some in sorted(bins.items())
        ]
    entries = [{"time": text, "value": value} for text, value in found if low <= text[:5] <= high]
    interval = {"datasetInterval": max(1, width // 60), "datasetType": "second" if width == 1 else "minute"}
    return {"dataset": entries, **interval}


def sleep_log(person: Person, day: date, version: str) -> Json | None:
    """The sleep that ended on a day."""
    night = people.night(person, day)
    if night is None:
        return None
    minutes = {name: night.minutes(name) for name in LEVELS}
    asleep, period = night.minutes("LIGHT", "DEEP", "REM"), (night.end_s - night.start_s) // 60
    log: Json = {
        "dateOfSleep": str(clock(person, night.end_s).date()),
        "duration": 1000 * (night.end_s - night.start_s),
        "efficiency": round(100 * asleep / period),
        "endTime": log_stamp(person, night.end_s),
        "isMainSleep": True,
        "logId": night.number,
        "minutesAfterWakeup": 0,
        "minutesAsleep": asleep,
        "minutesAwake": minutes["AWAKE"],
        "minutesToFallAsleep": 0,
        "startTime": log_stamp(person, night.start_s),
        "timeInBed": period,
    }
    return log | (
        levels_of(person, night, minutes) if version == "1.2" else minutes_of(person, night, minutes)
    )


def levels_of(person: Person, night: people.Night, minutes: dict[str, int]) -> Json:
    """Stages, as version 1.2 has them."""
    data = [
        {"dateTime": log_stamp(person, start), "level": LEVELS[stage], "seconds": end - start}
        for stage, start, end in night.stages
    ]
    counts = {stage: sum(one[0] == stage for one in night.stages) for stage in LEVELS}
    summary = {
        level: {"count": counts[stage], "minutes": minutes[stage], "thirtyDayAvgMinutes": minutes[stage]}
        for stage, level in LEVELS.items()
    }
    levels = {"data": data, "shortData": [], "summary": summary}
    return {"infoCode": 0, "levels": levels, "logType": "auto_detected", "type": "stages"}


def minutes_of(person: Person, night: people.Night, minutes: dict[str, int]) -> Json:
    """Minutes of sleep and wake, as version 1 has them."""
    wakes = sum(stage == "AWAKE" for stage, _, _ in night.stages)
    data = [
        {"dateTime": f"{clock(person, t):%H:%M:%S}", "value": "3" if night.stage_at(t) == "AWAKE" else "1"}
        for t in range(night.start_s, night.end_s, 60)
    ]
    found = {"awakeCount": wakes, "awakeDuration": minutes["AWAKE"], "awakeningsCount": wakes}
    return {**found, "minuteData": data, "restlessCount": 0, "restlessDuration": 0}


def zone_minutes(person: Person, day: date) -> Json | None:
    """Active zone minutes of a day that has any."""
    found = list(people.zone_minutes(person, day)) if is_known(day) else []
    names = {"FAT_BURN": "fatBurn", "CARDIO": "cardio", "PEAK": "peak"}
    value = {
        f"{name}ActiveZoneMinutes": sum(n for _, z, n in found if z == zone) for zone, name in names.items()
    }
    value["activeZoneMinutes"] = sum(value.values())
    return {"dateTime": str(day), "value": value} if found else None


def night_value(person: Person, day: date, kind: str, *, details: bool) -> Json | None:
    """What was measured in the night that ended on a day."""
    night = people.night(person, day) if is_known(day) else None
    if night is None:
        return None
    when: Json = {"dateTime": str(day)}
    if kind == "hrv":
        return {**when, **variability(person, day, night, details=details)}
    if kind == "spo2":
        values = people.oxygen(person, day)
        if details:
            pairs = clocks(person, values)
            return {**when, "minutes": [{"value": v, "minute": f"{t:%Y-%m-%dT%H:%M:%S}"} for t, v in pairs]}
        share = values.value
        mean = {"avg": round(float(share.mean()), 1), "min": float(share.min()), "max": float(share.max())}
        return {**when, "value": mean}
    if kind == "br":
        breaths = people.breaths(person, day) or 0.0
        parts = {"deepSleep": -0.3, "remSleep": 0.6, "fullSleep": 0.0, "lightSleep": 0.1}
        rates = {
            f"{part}Summary": {"breathingRate": round(breaths + more, 1)} for part, more in parts.items()
        }
        return {**when, "value": rates if details else {"breathingRate": breaths}}
    apart = (people.skin_cel(person, day) or 0.0) - people.SKIN_BASE_CEL
    return {**when, "value": {"nightlyRelative": round(apart, 1)}, "logType": "dedicated_temp_sensor"}


def variability(person: Person, day: date, night: people.Night, *, details: bool) -> Json:
    """RMSSD of a night: of every five minutes, or in the mean and in deep sleep."""
    values = people.variability(person, day)
    if details:
        more = {"coverage": 0.98, "hf": 300.0, "lf": 400.0}
        stamped = [(t.isoformat(timespec="milliseconds"), v) for t, v in clocks(person, values)]
        return {"minutes": [{"minute": text, "value": {"rmssd": v, **more}} for text, v in stamped]}
    in_deep = np.array([night.stage_at(t) == "DEEP" for t in values.t_s.tolist()])
    mean, deep = (round(float(some.mean()), 3) for some in (values.value, values.value[in_deep]))
    return {"value": {"dailyRmssd": mean, "deepRmssd": deep}}


def run_of(person: Person, day: date) -> Json | None:
    """The run of a day, as its summary lists it."""
    span = people.workout(person, day) if is_known(day) else None
    if span is None:
        return None
    steps = people.steps(person, day)
    start = clock(person, span[0])
    return {
        "activityId": 90009,
        "activityParentId": 90009,
        "calories": 285,
        "duration": 1000 * (span[1] - span[0]),
        "hasStartTime": True,
        "isFavorite": False,
        "logId": span[0],
        "name": "Run",
        "startDate": f"{start:%Y-%m-%d}",
        "startTime": f"{start:%H:%M}",
        "steps": int(steps.value[people.inside(steps.t_s, span)].sum()),
    }
