"""Answers of the Web API on sleep, in the shapes of its versions 1 and 1.2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from .paths import Question
from .points import DAY, Google, Json, midnight, read_moment, stamp, to_local, whole, whole_or_none

STAGES = {"AWAKE": "wake", "LIGHT": "light", "DEEP": "deep", "REM": "rem"}
CLASSIC = {"AWAKE": "awake", "ASLEEP": "asleep", "RESTLESS": "restless"}
CODES = {"RESTLESS": "2", "AWAKE": "3"}
"""What version 1 says of a minute; 1 is asleep."""
FOUND_BY = {"MANUAL": "manual", "DERIVED": "auto_detected", "PASSIVELY_MEASURED": "auto_detected"}
NEWEST = "1.2"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Part:
    """A stretch of one stage."""

    stage: str
    start: datetime
    end: datetime
    """UTC."""
    local: datetime
    """Its start, as the person's clock showed it."""

    @property
    def seconds(self) -> int:
        """How long it lasts."""
        return round((self.end - self.start).total_seconds())


@dataclass(frozen=True)
class Sleep:
    """A sleep of the Google Health API."""

    point: Json
    start: datetime
    end: datetime
    """UTC."""
    local_start: datetime
    local_end: datetime
    parts: tuple[Part, ...]
    short: tuple[Part, ...]
    """Wakes so short that they lie over another stage."""

    @property
    def body(self) -> Json:
        """What is said of it."""
        found: Json = self.point["sleep"]
        return found

    @property
    def is_classic(self) -> bool:
        """Whether it has no stages but sleep, wake and restlessness."""
        return bool(self.body.get("type") == "CLASSIC")


def answer_sleep(question: Question, google: Google) -> Json:
    """Sleeps that ended on some days, the latest first."""
    start, end = midnight(question.first), midnight(question.last) + DAY
    found = {}
    for point in google.points("sleep", start, end):
        sleep = read_sleep(point)
        if sleep is not None:
            found[(sleep.start, point.get("name", ""))] = sleep
    sleeps = [found[key] for key in sorted(found, reverse=True)]
    if question.version == NEWEST:
        logs = [{**describe(sleep), **show_levels(sleep)} for sleep in sleeps]
    else:
        zone = google.zone() if sleeps else None
        logs = [{**describe(sleep), **show_minutes(sleep, zone)} for sleep in sleeps]
    return {"sleep": logs, **({"summary": sum_up(logs)} if question.one else {})}


def read_sleep(point: Json) -> Sleep | None:
    """A sleep with its stages, in order; None where it has no edges."""
    body = point.get("sleep", {})
    edges = body.get("interval", {})
    start, end = read_moment(edges.get("startTime")), read_moment(edges.get("endTime"))
    if start is None or end is None:
        return None
    offset = edges.get("startUtcOffset")
    return Sleep(
        point,
        start,
        end,
        to_local(start, offset),
        to_local(end, edges.get("endUtcOffset") or offset),
        read_parts(body.get("stages", ()), offset),
        read_parts(body.get("shortAwakenings", ()), offset),
    )


def read_parts(stages: Sequence[Json], offset: str | None) -> tuple[Part, ...]:
    """Stretches of stages, in order."""
    found = []
    for one in stages:
        start, end = read_moment(one.get("startTime")), read_moment(one.get("endTime"))
        if start is not None and end is not None:
            local = to_local(start, one.get("startUtcOffset") or offset)
            found.append(Part(one.get("type", "AWAKE"), start, end, local))
    return tuple(sorted(found, key=lambda part: part.start))


def describe(sleep: Sleep) -> Json:
    """What both versions say of a sleep."""
    said = sleep.body.get("summary")

    def minutes(name: str) -> int | None:
        return None if said is None else whole(said.get(name))

    return {
        "dateOfSleep": str(sleep.local_end.date()),
        "duration": round((sleep.end - sleep.start).total_seconds() * 1000),
        "efficiency": None,
        "endTime": stamp(sleep.local_end),
        "isMainSleep": bool(main_of(sleep.body.get("metadata", {}))),
        "logId": whole_or_none(name_of(sleep.point)),
        "minutesAfterWakeup": minutes("minutesAfterWakeUp"),
        "minutesAsleep": minutes("minutesAsleep"),
        "minutesAwake": minutes("minutesAwake"),
        "minutesToFallAsleep": minutes("minutesToFallAsleep"),
        "startTime": stamp(sleep.local_start),
        "timeInBed": minutes("minutesInSleepPeriod"),
    }


def name_of(point: Json) -> str:
    """The vendor's number of a point, without the account's."""
    return str(point.get("name") or point.get("dataPointName") or "").rpartition("/")[2]


def main_of(metadata: Json) -> object:
    """Whether a sleep is the main one, in the spelling of today or of the preview."""
    return metadata.get("mainSleep", metadata.get("main", False))


def show_levels(sleep: Sleep) -> Json:
    """What version 1.2 says besides: stages."""
    names = CLASSIC if sleep.is_classic else STAGES
    unsaid = {} if sleep.is_classic else {"thirtyDayAvgMinutes": None}
    summary = {name: {**count_stage(sleep, stage), **unsaid} for stage, name in names.items()}
    levels: Json = {"data": [show_part(part, names) for part in sleep.parts], "summary": summary}
    if not sleep.is_classic:
        levels["shortData"] = [show_part(part, names) for part in sleep.short]
    succeeded = sleep.body.get("metadata", {}).get("stagesStatus") == "SUCCEEDED"
    return {
        "infoCode": 0 if succeeded else None,
        "levels": levels,
        "logType": FOUND_BY.get(sleep.point.get("dataSource", {}).get("recordingMethod", "")),
        "type": "classic" if sleep.is_classic else "stages",
    }


def count_stage(sleep: Sleep, stage: str) -> Json:
    """How often a stage was, and for how many minutes: as the service says, else as its stretches show."""
    for one in sleep.body.get("summary", {}).get("stagesSummary", ()):
        if one.get("type") == stage:
            return {"count": whole(one.get("count")), "minutes": whole(one.get("minutes"))}
    own = [part for part in sleep.parts if part.stage == stage]
    if stage == "AWAKE":
        own += sleep.short
        seconds = sum(part.seconds for part in own)
    else:
        seconds = sum(part.seconds for part in own) - sum(shared_s(a, b) for a in own for b in sleep.short)
    return {"count": len(own), "minutes": round(seconds / 60)}


def shared_s(one: Part, other: Part) -> int:
    """For how many seconds two stretches lie over each other."""
    return max(0, round((min(one.end, other.end) - max(one.start, other.start)).total_seconds()))


def show_part(part: Part, names: dict[str, str]) -> Json:
    """A stretch as version 1.2 lists it."""
    return {
        "dateTime": stamp(part.local),
        "level": names.get(part.stage, part.stage.lower()),
        "seconds": part.seconds,
    }


def show_minutes(sleep: Sleep, zone: tzinfo | None) -> Json:
    """What version 1 says besides: a code for every minute."""
    awake = [part for part in sleep.parts if part.stage == "AWAKE"]
    restless = [part for part in sleep.parts if part.stage == "RESTLESS"]
    return {
        "awakeCount": len(awake),
        "awakeDuration": round(sum(part.seconds for part in awake) / 60),
        "awakeningsCount": len(awake) + len(restless),
        "minuteData": list_minutes(sleep, zone),
        "restlessCount": len(restless) if sleep.is_classic else None,
        "restlessDuration": round(sum(part.seconds for part in restless) / 60) if sleep.is_classic else None,
    }


def list_minutes(sleep: Sleep, zone: tzinfo | None) -> list[Json]:
    """The code of every minute of a sleep, with the time that the clock showed.

    Where clocks changed in the night, the zone tells in which minute; without it the change is put at the end.
    """
    offset = sleep.local_start - sleep.start.replace(tzinfo=None)
    changes = sleep.local_end - sleep.end.replace(tzinfo=None) != offset
    found, at = [], sleep.start
    for part in (*sleep.parts, Part("ASLEEP", sleep.end, sleep.end, sleep.local_end)):
        # Before the first stretch, and between two, nothing is said: that counts as asleep.
        for stage, until in (("ASLEEP", part.start), (part.stage, part.end)):
            while at < min(until, sleep.end):
                local = at.astimezone(zone) if changes and zone is not None else at + offset
                found.append({"dateTime": local.strftime("%H:%M:%S"), "value": CODES.get(stage, "1")})
                at += MINUTE
    return found


def sum_up(logs: Sequence[Json]) -> Json:
    """The summary of one day's sleeps."""
    staged = [log["levels"]["summary"] for log in logs if log.get("type") == "stages"]
    stages = {name: sum(one[name]["minutes"] for one in staged) for name in STAGES.values()}
    return {
        **({"stages": stages} if staged else {}),
        "totalMinutesAsleep": sum(log["minutesAsleep"] or 0 for log in logs),
        "totalSleepRecords": len(logs),
        "totalTimeInBed": sum(log["timeInBed"] or 0 for log in logs),
    }
