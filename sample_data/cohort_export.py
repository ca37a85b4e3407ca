"""A synthetic person's life as a Fitbit account export ("user-site-export"), file by file.

Stamps of heart rate, steps and exercise are UTC, those of sleep are local without offset; a heart-rate
file holds one local day, sleep and steps files thirty. The layout is that of the real export.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from cohort_life import EPOCH_S, Ints, Life, find_minute, is_recorded, to_days, to_utc

SHORT_WAKE_EPOCHS = 6  # up to 3 min: the vendor lists such a wake apart, over the stage it falls in
FOLDER = "MyFitbitData/user-site-export"
CLOCK = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86400)]


def sample_heart_rate(life: Life) -> tuple[Ints, Ints, Ints]:
    """Seconds since 1970, bpm and confidence of every sample, as the device would have given them.

    One sample in 300 has confidence 0 and a wrong heart rate; so has one in 40 of a device not worn.
    """
    rng = np.random.default_rng([life.person.seed, 1])
    every = life.person.sample_s
    second = np.arange(life.minute0 * 60, (life.minute0 + life.hr_bpm.size) * 60, every)
    inside = np.isin(life.day_index, np.arange(life.person.days))[(second // 60) - life.minute0]
    second = second[inside]
    minute = second // 60 - life.minute0
    worn = life.worn[minute]
    doubt = rng.random(second.size) < np.where(worn, 1 / 300, 1 / 40)
    bpm = life.hr_bpm[minute] + rng.normal(0, 0.6, second.size)
    if life.person.switch is not None:
        bpm += life.person.switch.bias_bpm * (second >= switch_s(life))
    read = np.where(doubt, rng.integers(60, 140, second.size), np.rint(bpm).astype(np.int64))
    confidence = np.where(doubt, 0, rng.choice(np.array([1, 2, 3]), second.size, p=[0.1, 0.3, 0.6]))
    jitter = rng.integers(0, min(every, 5), second.size)
    off = np.isin(life.day_index[minute], [(d - life.person.first_day).days for d in life.person.off_days])
    keep = (worn | doubt) & ~off
    return (second + jitter)[keep], read[keep], confidence[keep]


def switch_s(life: Life) -> int:
    """The instant (epoch seconds) at which the device is changed: noon of the day."""
    if life.person.switch is None:
        raise ValueError(f"{life.person.participant} changes no device: Person.switch is None")
    noon = to_days(life.person.switch.day) * 1440 + 720
    return (life.minute0 + find_minute(life.minute0, life.offset_min, noon)) * 60


def stamps(second: Ints) -> Iterator[str]:
    """`MM/DD/YY HH:MM:SS` of epoch seconds, in UTC."""
    dates = {int(d): f"{to_utc(int(d) * 86400):%m/%d/%y} " for d in np.unique(second // 86400)}
    day, rest = (second // 86400).tolist(), (second % 86400).tolist()
    return (dates[d] + CLOCK[s] for d, s in zip(day, rest, strict=True))


def write_heart_rate(second: Ints, bpm: Ints, confidence: Ints) -> str:
    """One day's file, laid out as the vendor lays it out."""
    rows = [
        f'{{\n  "dateTime" : "{at}",\n  "value" : {{\n    "bpm" : {b},\n    "confidence" : {c}\n  }}\n}}'
        for at, b, c in zip(stamps(second), bpm.tolist(), confidence.tolist(), strict=True)
    ]
    return f"[{','.join(rows)}]"


def write_steps(second: Ints, steps: Ints) -> str:
    """One block's file: counts are strings."""
    rows = [
        f'{{\n  "dateTime" : "{at}",\n  "value" : "{n}"\n}}'
        for at, n in zip(stamps(second), steps.tolist(), strict=True)
    ]
    return f"[{','.join(rows)}]"


def as_local(epoch_s: int, offset_min: int) -> str:
    """A local stamp without offset: `2025-09-01T23:10:30.000`."""
    return f"{to_utc(epoch_s + offset_min * 60):%Y-%m-%dT%H:%M:%S}.000"


def sleep_log(
    log_id: int, start_s: int, stages: tuple[str, ...], offset_min: int, *, main: bool
) -> dict[str, Any]:
    """One sleep log, all of whose stamps run on in the offset of its start.

    So do those of the real export in the night when the clocks change: the levels add up to the
    difference of the stamps, and the steps fall into the wakes only when read in this way.
    """
    data: list[dict[str, Any]] = []
    short: list[dict[str, Any]] = []
    at = 0
    for stage, run in groupby(stages):
        length = len(list(run))
        stamp = as_local(start_s + at * EPOCH_S, offset_min)
        entry = {"dateTime": stamp, "level": stage, "seconds": length * EPOCH_S}
        brief = stage == "wake" and 0 < at < len(stages) - length and length <= SHORT_WAKE_EPOCHS
        if brief:
            short.append(entry)
        if data and (brief or data[-1]["level"] == stage):
            data[-1]["seconds"] += length * EPOCH_S
        else:
            data.append(entry)
        at += length
    awake = sum(stage in {"wake", "awake", "restless"} for stage in stages) // 2
    counts = {s: {"count": 1, "minutes": stages.count(s) // 2} for s in sorted(set(stages))}
    levels: dict[str, Any] = {"summary": counts, "data": data}
    return {
        "logId": log_id,
        "dateOfSleep": as_local(start_s + at * EPOCH_S, offset_min)[:10],
        "startTime": as_local(start_s, offset_min),
        "endTime": as_local(start_s + at * EPOCH_S, offset_min),
        "duration": at * EPOCH_S * 1000,
        "minutesToFallAsleep": 0,
        "minutesAsleep": at // 2 - awake,
        "minutesAwake": awake,
        "minutesAfterWakeup": 0,
        "timeInBed": at // 2,
        "efficiency": 95,
        "type": "stages" if main else "classic",
        "infoCode": 0,
        "levels": levels | ({"shortData": short} if main else {}),
        "mainSleep": main,
    }


def sleep_logs(life: Life) -> list[dict[str, Any]]:
    """Every log the device made, in order of time."""
    number = int(hashlib.sha256(life.person.participant.encode()).hexdigest()[:6], 16) * 10_000
    logs = []
    for k, night in enumerate(life.nights[:-1]):
        if is_recorded(life, night):
            offset = int(life.offset_min[life.at(night.log_start_s)])
            logs.append(sleep_log(number + k, night.log_start_s, night.stages, offset, main=True))
    for k, (first, after) in enumerate(life.naps):
        if life.worn[first:after].all():
            stages = ("asleep",) * (after - first) + ("restless",) * 2 + ("asleep",) * (after - first - 2)
            start_s = (life.minute0 + first) * 60
            logs.append(
                sleep_log(number + 5000 + k, start_s, stages, int(life.offset_min[first]), main=False)
            )
    return sorted(logs, key=lambda log: str(log["startTime"]))


def exercise_logs(life: Life) -> list[dict[str, Any]]:
    """Every workout the device found, stamps in UTC, with `end_s` (epoch seconds) that is not written."""
    number = int(hashlib.sha256(life.person.participant.encode()).hexdigest()[:6], 16) * 1000
    return [
        {
            "end_s": (life.minute0 + after) * 60,
            "logId": number + k,
            "activityName": "Run",
            "activityTypeId": 90009,
            "averageHeartRate": round(float(life.hr_bpm[first:after].mean())),
            "duration": (after - first) * 60_000,
            "activeDuration": (after - first) * 60_000,
            "steps": int(life.steps[first:after].sum()),
            "logType": "auto_detected",
            "lastModified": f"{to_utc((life.minute0 + after) * 60):%m/%d/%y %H:%M:%S}",
            "startTime": f"{to_utc((life.minute0 + first) * 60):%m/%d/%y %H:%M:%S}",
            "originalStartTime": f"{to_utc((life.minute0 + first) * 60):%m/%d/%y %H:%M:%S}",
        }
        for k, (first, after) in enumerate(life.workouts)
        if life.worn[first:after].all()
    ]


def resting_rows(life: Life, days: Iterable[int]) -> str:
    """The vendor's own resting heart rate; value 0 and no date where the night was not recorded."""
    rows = []
    for k in days:
        night = life.nights[k]
        known = is_recorded(life, night)
        bias = after_switch(life, night.wake_s)
        rows.append({
            "dateTime": f"{night.day:%m/%d/%y} 00:00:00",
            "value": {
                "date": f"{night.day:%m/%d/%y}" if known else None,
                "value": round(float(life.rhr_bpm[k]) + 2.0 + bias, 3) if known else 0.0,
                "error": 6.5 if known else 0.0,
            },
        })  # fmt: skip
    return json.dumps(rows, indent=2)


def after_switch(life: Life, epoch_s: int) -> float:
    """By how much the device worn at an instant reads high, bpm."""
    switch = life.person.switch
    return switch.bias_bpm if switch is not None and epoch_s >= switch_s(life) else 0.0


def rescore(log: dict[str, Any]) -> dict[str, Any]:
    """The log as it stood before the vendor scored it again: REM still taken for light sleep."""
    levels = log["levels"]
    data = [entry | {"level": entry["level"].replace("rem", "light")} for entry in levels["data"]]
    return log | {"levels": levels | {"data": data}}


def sleep_members(life: Life, logs: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Files of 30 days, newest log first.

    The first log of each block stands in the file before it too, as it was scored then: the real
    export repeats logs in this way, and the later file is right.
    """
    first = life.person.first_day
    block_of = [(date.fromisoformat(log["dateOfSleep"]) - first).days // 30 for log in logs]
    for block in sorted(set(block_of)):
        inside = [log for log, b in zip(logs, block_of, strict=True) if b == block]
        older = [rescore(log) for log, b in zip(logs, block_of, strict=True) if b == block + 1][:1]
        name = f"sleep-{first + timedelta(days=30 * block)}.json"
        yield name, json.dumps((inside + older)[::-1], indent=2)


def minute_members(life: Life, from_s: int, to_s: int) -> Iterator[tuple[str, str]]:
    """Heart rate, a file a local day, and steps, a file every 30 local days, from `from_s` to `to_s`."""
    first = life.person.first_day
    second, bpm, confidence = sample_heart_rate(life)
    inside = (second >= from_s) & (second < to_s)
    day = np.where(inside, life.day_index[second // 60 - life.minute0], -1)
    for k in range(life.person.days):
        here = day == k
        if here.any():
            name = f"heart_rate-{first + timedelta(days=k)}.json"
            yield name, write_heart_rate(second[here], bpm[here], confidence[here])
    second = (life.minute0 + np.arange(life.steps.size)) * 60
    near = np.convolve(life.steps, [1, 1, 1], "same") > 0  # a zero is written beside a walk, nowhere else
    keep = near & life.worn & (second >= from_s) & (second < to_s)
    for block in range(-(-life.person.days // 30)):
        here = keep & (life.day_index // 30 == block)
        if here.any():
            name = f"steps-{first + timedelta(days=30 * block)}.json"
            yield name, write_steps(second[here], life.steps[here])


def export_members(life: Life, from_s: int, to_s: int) -> Iterator[tuple[str, str]]:
    """Name and text of every file of one export: what ends from `from_s` to `to_s`."""
    yield from minute_members(life, from_s, to_s)
    ends = {log["logId"]: log for log in sleep_logs(life)}
    wake_s = {k: night.log_end_s for k, night in enumerate(life.nights[:-1])}
    nap_s = {5000 + k: (life.minute0 + after) * 60 for k, (_, after) in enumerate(life.naps)}
    kept = [log for log in ends.values() if from_s <= (wake_s | nap_s)[log["logId"] % 10_000] < to_s]
    yield from sleep_members(life, kept)
    days = [k for k, end_s in wake_s.items() if from_s <= end_s < to_s]
    yield f"resting_heart_rate-{life.person.first_day}.json", resting_rows(life, days)
    runs = [log for log in exercise_logs(life) if from_s <= log.pop("end_s") < to_s]
    yield "exercise-0.json", json.dumps(runs, indent=2)


def write_zip(path: Path, members: Iterable[tuple[str, str]], written: date) -> None:
    """A zip whose bytes depend on its content alone; every member is dated `written`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in members:
            info = ZipInfo(f"{FOLDER}/{name}", (written.year, written.month, written.day, 0, 0, 0))
            info.compress_type = ZIP_DEFLATED
            archive.writestr(info, text)
