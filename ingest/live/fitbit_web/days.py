"""Answers of the Web API on days and moments: heart rate, steps, zone minutes, values of nights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from .paths import Question
from .points import DAY, Google, Json, Sample, by_night, midnight, stamp, whole, whole_or_none

ZONES = ("Out of Range", "Fat Burn", "Cardio", "Peak")
RMSSD = "rootMeanSquareOfSuccessiveDifferencesMilliseconds"
BREATHS = ("deepSleep", "remSleep", "fullSleep", "lightSleep")
FIVE_MIN = timedelta(minutes=5)


def edges(question: Question) -> tuple[datetime, datetime]:
    """From when to when a question asks, by the person's clock."""
    start = midnight(question.first)
    low, high = question.clock
    return start + timedelta(minutes=low), midnight(question.last) + timedelta(minutes=high)


# --- within a day ------------------------------------------------------------------------------


def answer_heart_intraday(question: Question, google: Google) -> Json:
    """Heart rates of a day, one by one or means of minutes."""
    found = google.samples("heart-rate", "heartRate", *edges(question))
    values = [(one.local, whole(one.body.get("beatsPerMinute"))) for one in found]
    values = [(local, bpm) for local, bpm in values if bpm]
    if question.detail_s > 1:
        bins = put_in_bins(values, question.detail_s)
        entries = [entry(second, round(sum(some) / len(some))) for second, some in sorted(bins.items())]
    else:
        entries = [{"time": local.strftime("%H:%M:%S"), "value": bpm} for local, bpm in values]
    return {**answer_heart(question, google), "activities-heart-intraday": dataset(question, entries)}


def answer_steps_intraday(question: Question, google: Google) -> Json:
    """Steps of a day by minutes; where there is a record of the day, minutes without any have none."""
    day = list_steps(google, question.first, question.last)[question.first]
    bins = put_in_bins([(one.local, whole(one.body.get("count"))) for one in day], question.detail_s)
    low, high = question.clock
    seconds = range(-(-low * 60 // question.detail_s) * question.detail_s, high * 60, question.detail_s)
    entries = [entry(second, sum(bins.get(second, ()))) for second in seconds] if day else []
    total = {"dateTime": str(question.first), "value": sum_steps(day)}
    return {"activities-steps": [total], "activities-steps-intraday": dataset(question, entries)}


def put_in_bins(values: Sequence[tuple[datetime, int]], width_s: int) -> dict[int, list[int]]:
    """Values by the second of the day at which their stretch begins; an hour that came twice is one."""
    bins: dict[int, list[int]] = {}
    for local, value in values:
        second = local.hour * 3600 + local.minute * 60 + local.second
        bins.setdefault(second // width_s * width_s, []).append(value)
    return bins


def entry(second: int, value: int) -> Json:
    """One value of a dataset."""
    return {"time": f"{second // 3600:02d}:{second // 60 % 60:02d}:00", "value": value}


def dataset(question: Question, entries: list[Json]) -> Json:
    """Values of a day with how far they are apart."""
    seconds = question.detail_s == 1
    return {
        "dataset": entries,
        "datasetInterval": 1 if seconds else question.detail_s // 60,
        "datasetType": "second" if seconds else "minute",
    }


# --- by day ------------------------------------------------------------------------------------


def answer_heart(question: Question, google: Google) -> Json:
    """Resting heart rates; what the Web API said of zones is null."""
    field = "dailyRestingHeartRate"
    found = google.days("daily-resting-heart-rate", field, question.first, question.last)
    days = []
    for day in question.days:
        value: Json = {"customHeartRateZones": None, "heartRateZones": list_zones()}
        resting = whole(found.get(day, {}).get("beatsPerMinute"))
        days.append(
            {"dateTime": str(day), "value": {**value, **({"restingHeartRate": resting} if resting else {})}}
        )
    return {"activities-heart": days}


def list_zones() -> list[Json]:
    """The zones of the Web API, by name alone."""
    return [{"caloriesOut": None, "max": None, "min": None, "minutes": None, "name": name} for name in ZONES]


def answer_activity(question: Question, google: Google) -> Json:
    """A time series of activity: steps; what else there was is null."""
    name = f"activities-{question.what}"
    if question.what != "steps":
        return {name: [{"dateTime": str(day), "value": None} for day in question.days]}
    found = list_steps(google, question.first, question.last)
    return {name: [{"dateTime": str(day), "value": sum_steps(found[day])} for day in question.days]}


def list_steps(google: Google, first: date, last: date) -> dict[date, list[Sample]]:
    """Records of steps by day; none where there is no record."""
    days: dict[date, list[Sample]] = {first + DAY * i: [] for i in range((last - first).days + 1)}
    for one in google.samples("steps", "steps", midnight(first), midnight(last) + DAY):
        days.setdefault(one.local.date(), []).append(one)
    return days


def sum_steps(records: Sequence[Sample]) -> str | None:
    """The steps of a day as the Web API writes them; None of a day without any record."""
    return str(sum(whole(one.body.get("count")) for one in records)) if records else None


def answer_zone_minutes(question: Question, google: Google) -> Json:
    """Active zone minutes of the days that have any."""
    days: dict[date, dict[str, int]] = {}
    start, end = edges(question)
    for one in google.samples("active-zone-minutes", "activeZoneMinutes", start, end):
        zones = days.setdefault(one.local.date(), dict.fromkeys(("FAT_BURN", "CARDIO", "PEAK"), 0))
        zone = str(one.body.get("heartRateZone"))
        zones[zone] = zones.get(zone, 0) + whole(one.body.get("activeZoneMinutes"))
    listed = []
    for day, zones in sorted(days.items()):
        names = {"FAT_BURN": "fatBurn", "CARDIO": "cardio", "PEAK": "peak"}
        value = {f"{name}ActiveZoneMinutes": zones[zone] for zone, name in names.items()}
        listed.append({"dateTime": str(day), "value": {**value, "activeZoneMinutes": sum(zones.values())}})
    return {"activities-active-zone-minutes": listed}


def answer_day(question: Question, google: Google) -> Json:
    """The summary of a day, and its exercise."""
    resting = google.days("daily-resting-heart-rate", "dailyRestingHeartRate", question.first, question.first)
    steps = sum_steps(list_steps(google, question.first, question.first)[question.first])
    runs = google.samples("exercise", "exercise", *edges(question))
    summary: Json = {
        "caloriesOut": None,
        "distances": None,
        "heartRateZones": list_zones(),
        "restingHeartRate": whole_or_none(resting.get(question.first, {}).get("beatsPerMinute")),
        "sedentaryMinutes": None,
        "steps": None if steps is None else int(steps),
    }
    return {"activities": [show_exercise(one) for one in runs], "goals": None, "summary": summary}


def show_exercise(one: Sample) -> Json:
    """An exercise as a summary of a day lists it."""
    end = datetime.fromisoformat(one.body["interval"]["endTime"])
    said: Json = one.body.get("metricsSummary", {})
    kcal = said.get("caloriesKcal")
    return {
        "activityId": None,
        "activityParentId": None,
        "calories": None if kcal is None else round(kcal),
        "duration": round((end - one.moment).total_seconds() * 1000),
        "hasStartTime": True,
        "isFavorite": None,
        "logId": whole_or_none(one.point.get("name", "").rpartition("/")[2]),
        "name": one.body.get("displayName", ""),
        "startDate": str(one.local.date()),
        "startTime": one.local.strftime("%H:%M"),
        "steps": whole_or_none(said.get("steps")),
    }


# --- by night ----------------------------------------------------------------------------------


def list_nights(google: Google, what: str, field: str, question: Question) -> list[tuple[date, list[Sample]]]:
    """Values of nights, by the days asked for on which the nights ended."""
    start, end = midnight(question.first) - DAY, midnight(question.last) + 2 * DAY
    found = by_night(google.samples(what, field, start, end))
    return [(day, found[day]) for day in question.days if day in found]


def answer_hrv(question: Question, google: Google) -> Json:
    """Heart rate variability of nights: the night's, or every five minutes."""
    if question.all:
        nights = list_nights(google, "heart-rate-variability", "heartRateVariability", question)
        return {
            "hrv": [
                {"minutes": [show_variability(one) for one in values], "dateTime": str(day)}
                for day, values in nights
            ]
        }
    field = "dailyHeartRateVariability"
    found = google.days("daily-heart-rate-variability", field, question.first, question.last)
    deep = "deepSleepRootMeanSquareOfSuccessiveDifferencesMilliseconds"
    listed = []
    for day, body in sorted(found.items()):
        value = {
            "dailyRmssd": body.get("averageHeartRateVariabilityMilliseconds"),
            "deepRmssd": body.get(deep),
        }
        listed.append({"value": value, "dateTime": str(day)})
    return {"hrv": listed}


def show_variability(one: Sample) -> Json:
    """RMSSD of five minutes; the Web API's powers and coverage are null."""
    value = {"rmssd": one.body.get(RMSSD), "coverage": None, "hf": None, "lf": None}
    return {"minute": stamp(one.local), "value": value}


def answer_spo2(question: Question, google: Google) -> Any:
    """Oxygen saturation of nights: mean, least and most, or every minute; of one day it is no list."""
    found: list[Json] = []
    if question.all:
        for day, values in list_nights(google, "oxygen-saturation", "oxygenSaturation", question):
            minutes = [
                {"value": one.body.get("percentage"), "minute": one.local.strftime("%Y-%m-%dT%H:%M:%S")}
                for one in values
            ]
            found.append({"dateTime": str(day), "minutes": minutes})
    else:
        field = "dailyOxygenSaturation"
        daily = google.days("daily-oxygen-saturation", field, question.first, question.last)
        names = {"avg": "averagePercentage", "min": "lowerBoundPercentage", "max": "upperBoundPercentage"}
        for day, body in sorted(daily.items()):
            value = {name: body.get(path) for name, path in names.items()}
            found.append({"dateTime": str(day), "value": value})
    if question.one:
        return found[0] if found else {}
    return found


def answer_breathing(question: Question, google: Google) -> Json:
    """Breaths a minute of nights, or of the stages of each."""
    listed = []
    if question.all:
        start, end = edges(question)
        name = "respiratoryRateSleepSummary"
        for one in google.samples("respiratory-rate-sleep-summary", name, start, end):
            parts = {part: one.body.get(f"{part}Stats", {}).get("breathsPerMinute") for part in BREATHS}
            value: Json = {f"{part}Summary": {"breathingRate": rate} for part, rate in parts.items()}
            listed.append({"value": value, "dateTime": str(one.local.date())})
        return {"br": listed}
    field = "dailyRespiratoryRate"
    found = google.days("daily-respiratory-rate", field, question.first, question.last)
    for day, body in sorted(found.items()):
        listed.append({"value": {"breathingRate": body.get("breathsPerMinute")}, "dateTime": str(day)})
    return {"br": listed}


def answer_skin(question: Question, google: Google) -> Json:
    """Skin temperature of nights, from the vendor's own baseline."""
    field = "dailySleepTemperatureDerivations"
    found = google.days("daily-sleep-temperature-derivations", field, question.first, question.last)
    listed = []
    for day, body in sorted(found.items()):
        night, usual = body.get("nightlyTemperatureCelsius"), body.get("baselineTemperatureCelsius")
        if night is not None and usual is not None:
            value = {"nightlyRelative": round(night - usual, 1)}
            listed.append({"dateTime": str(day), "value": value, "logType": None})
    return {"tempSkin": listed}
