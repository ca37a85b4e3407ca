"""One person as data points of IEEE 1752.1 and Open mHealth: sleep, activity, heart rate, breathing, oxygen.

The id of a point is a hash of what it says, of which installation it is and of whom: the standard wants a new one
where a value is computed anew, and two clinics may have a 'me' each who slept alike.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from reports.export.moments import show_span, show_whole_day
from reports.export.read_standards import HEART_RATE_OF_DAY, Recorded, Span, Value, Workout
from reports.export.standard_measures import CODES, DEVICES
from warehouse.aliases import Alias

Body = dict[str, Any]
DECIMALS = 2
ENDS = ("start_date_time", "end_date_time")
STAGES = ("light", "deep", "rem")


@dataclass(frozen=True)
class Point:
    """One data point: header and body, and how good what it says is."""

    header: Body
    body: Body
    quality: str | None
    coverage: float | None
    final: bool | None


@dataclass(frozen=True)
class Teller:
    """Whose points are made; `label` is the pseudonym, or the study id where there is an alias.

    `installation` is the random id of the warehouse, another one where there is an alias.
    """

    installation: str
    label: str
    alias: Alias | None
    recorded: Recorded

    def tell(self, schema: str, body: Body, span: Span, value: Value) -> Point:
        """Make a point of a value of a stretch of time."""
        return self._tell(schema, body, show_span(span, self.alias), value)

    def tell_day(self, schema: str, body: Body, span: Span, value: Value) -> Point:
        """Make a point of a value of a local day."""
        return self._tell(schema, body, show_whole_day(value.day, span, self.alias), value)

    def _tell(self, schema: str, body: Body, shown: tuple[str, str], value: Value) -> Point:
        framed = body | frame(shown)
        device = self.recorded.devices.get(value.source or "")
        header = self.head(schema, framed, shown[1], device, algorithm=value.feature)
        return Point(header, framed, value.quality, value.coverage, self.recorded.is_final(value.day))

    def head(
        self,
        schema: str,
        body: Body,
        created: str,
        device: str | None,
        *,
        algorithm: str | None = None,
        modality: str = "sensed",
    ) -> Body:
        """Make the header of a body: created when what it is of was over."""
        sheets = [] if algorithm is None else [("algorithm", f"{CODES}#{algorithm}")]
        if device is not None:
            sheets.append(("hardware", f"{DEVICES}#{device}"))
        told = [self.label, schema, sheets, json.dumps(body, sort_keys=True)]
        namespace, name, version = schema.split(":")
        header: Body = {
            "uuid": str(uuid.uuid5(uuid.UUID(self.installation), json.dumps(told))),
            "schema_id": {"namespace": namespace, "name": name, "version": version},
            "source_creation_date_time": created,
            "modality": modality,
        }
        if sheets:
            header["external_datasheets"] = [
                {"datasheet_type": kind, "datasheet_reference": reference} for kind, reference in sheets
            ]
        return header


def frame(shown: tuple[str, str]) -> Body:
    """Say of which time a body is."""
    return {"effective_time_frame": {"time_interval": dict(zip(ENDS, shown, strict=True))}}


def make_points(teller: Teller) -> Iterator[Point]:
    """Every point of one person, in order of day; workouts last, and only where it is not de-identified."""
    recorded = teller.recorded
    for day in sorted(recorded.values):
        known = {name: v for name, v in recorded.values[day].items() if v.value is not None}
        if day in recorded.nights:
            yield from _tell_sleep(teller, day, known)
            yield from _tell_vitals(teller, recorded.nights[day], known)
        if day in recorded.days:
            yield from _tell_day(teller, recorded.days[day], known)
    if teller.alias is None:
        for workout in recorded.workouts:
            yield _tell_workout(teller, workout)


def _tell_sleep(teller: Teller, day: date, known: dict[str, Value]) -> Iterator[Point]:
    """The main sleep of a night, in up to four schemas; nothing where its window is only estimated."""
    if "tst_min" not in known:
        return
    asleep, night = known["tst_min"], teller.recorded.nights[day]
    total = {"total_sleep_time": _minutes(asleep)}
    broken: Body = {}
    if "awakenings" in known:
        broken["number_of_awakenings"] = round(known["awakenings"].value or 0)
    if "sleep_maint" in known:
        # Of the sleep period, as the schema wants it: se of the catalogue is of the time in bed.
        broken["sleep_efficiency_percentage"] = _percent(known["sleep_maint"])
    stages = {f"{s}_sleep_duration": _minutes(known[f"{s}_min"]) for s in STAGES if f"{s}_min" in known}
    episode = total | stages | broken | {"is_main_sleep": True}
    if "waso_min" in known:
        episode["wake_after_sleep_onset"] = _minutes(known["waso_min"])
    yield teller.tell("ieee:sleep-episode:1.0", episode, night, asleep)
    yield teller.tell("ieee:total-sleep-time:1.0", total | {"is_main_sleep": True}, night, asleep)
    if stages:
        shares = {f"{s}_sleep_percentage": _percent(known[f"{s}_pct"]) for s in STAGES if f"{s}_pct" in known}
        summary = total | stages | shares | broken
        if "waso_min" in known:
            summary["awake_duration"] = _minutes(known["waso_min"])
        body = {"sleep_stage_summary": summary, "is_main_sleep": True}
        yield teller.tell("ieee:sleep-stage-summary:1.0", body, night, asleep)
    if day in teller.recorded.beds and "tib_min" in known:
        body = {"time_in_bed": _minutes(known["tib_min"]), "is_main_sleep": True}
        yield teller.tell("ieee:time-in-bed:1.0", body, teller.recorded.beds[day], known["tib_min"])


def _tell_vitals(teller: Teller, night: Span, known: dict[str, Value]) -> Iterator[Point]:
    """Heart rate, breathing and oxygen of a night."""
    if "rhr_night" in known:
        # A tenth percentile, which the schema cannot name: a resting heart rate, as devices give theirs.
        body = _heart_rate(known["rhr_night"]) | {
            "temporal_relationship_to_physical_activity": "at rest",
            "temporal_relationship_to_sleep": "during sleep",
        }
        yield teller.tell("omh:heart-rate:2.0", body, night, known["rhr_night"])
    if "resp_night" in known:
        value = known["resp_night"]
        body = {"respiratory_rate": _amount(value, "breaths/min")} | _median(value)
        yield teller.tell("omh:respiratory-rate:2.0", body, night, value)
    if "spo2_night" in known:
        value = known["spo2_night"]
        body = {
            "oxygen_saturation": _amount(value, "%"),
            "system": "peripheral capillary",
            "measurement_method": "pulse oximetry",
        }
        yield teller.tell("omh:oxygen-saturation:2.0", body | _median(value), night, value)


def _tell_day(teller: Teller, span: Span, known: dict[str, Value]) -> Iterator[Point]:
    """Heart rate and steps of a local day."""
    if HEART_RATE_OF_DAY in known:
        value = known[HEART_RATE_OF_DAY]
        body = _heart_rate(value) | {"descriptive_statistic": "average"}
        yield teller.tell_day("omh:heart-rate:2.0", body, span, value)
    if "rhr_vendor" in known:
        value = known["rhr_vendor"]
        body = _heart_rate(value) | {"temporal_relationship_to_physical_activity": "at rest"}
        yield teller.tell_day("omh:heart-rate:2.0", body, span, value)
    if "steps" in known:
        body = {"step_count": _amount(known["steps"], "steps")}
        yield teller.tell_day("omh:step-count:3.0", body, span, known["steps"])


def _tell_workout(teller: Teller, workout: Workout) -> Point:
    """A workout as a device logged it; the same one of two devices is two points."""
    length_min = (workout.span.end - workout.span.start).total_seconds() / 60
    body: Body = {
        "activity_name": workout.activity or "workout",
        "duration": {"value": _number(length_min), "unit": "min"},
    }
    if workout.steps is not None:
        body["base_movement_quantity"] = {"value": workout.steps, "unit": "steps"}
    shown = show_span(workout.span, teller.alias)
    body |= frame(shown)
    modality = "self-reported" if workout.detected is False else "sensed"
    device = teller.recorded.devices[workout.source]
    header = teller.head("ieee:physical-activity:1.0", body, shown[1], device, modality=modality)
    return Point(header, body, None, None, None)


def _median(value: Value) -> Body:
    """Say that it is a median, where it is not the device's own one value of the night."""
    given = value.n_obs == 1 and value.coverage is None
    return {} if given else {"descriptive_statistic": "median"}


def _heart_rate(value: Value) -> Body:
    return {"heart_rate": _amount(value, "beats/min")}


def _minutes(value: Value) -> Body:
    return _amount(value, "min")


def _percent(value: Value) -> Body:
    return _amount(value, "%")


def _amount(value: Value, unit: str) -> Body:
    return {"value": _number(value.value or 0.0), "unit": unit}


def _number(value: float) -> float | int:
    number = round(value, DECIMALS) + 0.0
    return int(number) if number.is_integer() else number
