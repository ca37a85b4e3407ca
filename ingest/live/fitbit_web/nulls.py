"""What the Web API gave and the Google Health API does not: it is null in every answer, with the reason here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
NOT_OFFERED = "the Google Health API has no such value"
NOT_ASKED = "it has a place in the Google Health API that this does not ask for"
NULLS: dict[str, str] = {
    "heartRateZones.caloriesOut": NOT_OFFERED,
    "heartRateZones.max": "limits of zones are of another kind there",
    "heartRateZones.min": "limits of zones are of another kind there",
    "heartRateZones.minutes": "limits of zones are of another kind there; `active-zone-minutes` is answered",
    "customHeartRateZones": NOT_OFFERED,
    "sleep.efficiency": "the vendor's formula is not published; minutesAsleep and timeInBed are given",
    "sleep.levels.summary.thirtyDayAvgMinutes": NOT_OFFERED,
    "sleep.restlessCount": "a sleep with stages has no restless minutes there",
    "sleep.restlessDuration": "a sleep with stages has no restless minutes there",
    "sleep.infoCode": "only 'stages were found' has the same meaning there: it is 0, all else is null",
    "sleep.logType": "only 'found by the device' and 'entered by hand' have the same meaning there",
    "sleep.logId": "an identifier that is no number",
    "sleep.minutesAfterWakeup": "not said before a sleep is processed",
    "sleep.minutesAsleep": "not said before a sleep is processed",
    "sleep.minutesAwake": "not said before a sleep is processed",
    "sleep.minutesToFallAsleep": "not said before a sleep is processed",
    "sleep.timeInBed": "not said before a sleep is processed",
    "hrv.minutes.value.coverage": NOT_OFFERED,
    "hrv.minutes.value.hf": NOT_OFFERED,
    "hrv.minutes.value.lf": NOT_OFFERED,
    "br.value.lightSleepSummary.breathingRate": "left out there for some nights",
    "br.value.deepSleepSummary.breathingRate": "left out there for some nights",
    "br.value.remSleepSummary.breathingRate": "left out there for some nights",
    "br.value.fullSleepSummary.breathingRate": "left out there for some nights",
    "tempSkin.logType": NOT_OFFERED,
    "activities-steps.value": "a day without any record of steps: the Web API said 0, also of a watch in a drawer",
    "activities-activityCalories.value": NOT_OFFERED,
    "activities-calories.value": NOT_ASKED,
    "activities-caloriesBMR.value": NOT_OFFERED,
    "activities-distance.value": NOT_ASKED,
    "activities-elevation.value": NOT_ASKED,
    "activities-floors.value": NOT_ASKED,
    "activities-minutesFairlyActive.value": NOT_OFFERED,
    "activities-minutesLightlyActive.value": NOT_OFFERED,
    "activities-minutesSedentary.value": NOT_ASKED,
    "activities-minutesVeryActive.value": NOT_OFFERED,
    "activities.activityId": NOT_OFFERED,
    "activities.activityParentId": NOT_OFFERED,
    "activities.calories": "not said of some exercises",
    "activities.isFavorite": NOT_OFFERED,
    "activities.logId": "an identifier that is no number",
    "activities.steps": "not said of some exercises",
    "goals": NOT_OFFERED,
    "summary.caloriesOut": NOT_ASKED,
    "summary.distances": NOT_ASKED,
    "summary.restingHeartRate": "none of that day",
    "summary.sedentaryMinutes": NOT_ASKED,
    "summary.steps": "a day without any record of steps",
    "user.age": "the scope 'profile' is not asked for",
    "user.dateOfBirth": NOT_OFFERED,
    "user.displayName": NOT_OFFERED,
    "user.memberSince": "the scope 'profile' is not asked for",
    "user.offsetFromUTCMillis": "the scope 'settings' was not granted",
    "user.strideLengthWalking": "the scope 'profile' is not asked for",
    "user.timezone": "the scope 'settings' was not granted",
    "devices.battery": "not said of some devices",
    "devices.batteryLevel": "not said of some devices",
    "devices.deviceVersion": "not said of some devices",
    "devices.id": "an identifier that is no number",
    "devices.lastSyncTime": "not said of some devices, or the scope 'settings' was not granted",
    "devices.type": "not said of some devices",
    "weight": NOT_ASKED,
    "fat": NOT_ASKED,
}
"""Path of each field that can be null, without places in lists, days and names of stages, and why it is."""
DATASET = "dataset"
"""Values within a day, of which there may be 20,000: none of them is null."""
STAGES = ("asleep", "awake", "deep", "light", "rem", "restless", "wake")


def find_nulls(found: object, path: str = "") -> Iterator[str]:
    """Paths of what is null in an answer, each as often as it is there."""
    if found is None:
        yield shorten(path)
    elif isinstance(found, dict):
        for name, inner in found.items():
            if name != DATASET:
                yield from find_nulls(inner, f"{path}.{name}")
    elif isinstance(found, list):
        for inner in found:
            yield from find_nulls(inner, path)


def shorten(path: str) -> str:
    """The path of a field as `NULLS` has it."""
    names = [name for name in path.split(".") if name and name not in STAGES]
    if "heartRateZones" in names:
        return ".".join(names[names.index("heartRateZones") :])
    return "customHeartRateZones" if names[-1:] == ["customHeartRateZones"] else ".".join(names)
