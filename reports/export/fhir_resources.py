"""One person as resources of FHIR R4: who, with which devices, what was observed, and what it was made of.

Ids are hashes of what a row is (of which installation, whose, day, measure), so that a newer export of the same
day updates it, and no other clinic's does. They are made of what the export shows, so that a de-identified one
cannot be joined to another by them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from importlib.metadata import version
from typing import Any

from reports.export.moments import show_day, show_span, show_whole_day
from reports.export.read_standards import HEART_RATE_OF_DAY, Index, Recorded, Span, Told, Value
from reports.export.standard_measures import (
    CODES,
    HEART_RATE_METHOD,
    INDEX,
    INDEX_METHOD,
    INPUTS,
    LOINC,
    MEASURES,
    UCUM,
    Measure,
)
from warehouse.aliases import Alias

Resource = dict[str, Any]
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
AGENTS = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
PROFILES = "http://hl7.org/fhir/StructureDefinition/"
DECIMALS = 2
"""FHIR takes the digits of a number for its precision; no device tells more than these."""


@dataclass(frozen=True)
class Subject:
    """Whose export it is, and how it is shown.

    `label` is the pseudonym, or the study id where there is an alias; `installation` is the random id of the
    warehouse, another one where there is an alias: labels are free, and two clinics may have a 'me' each.
    """

    installation: str
    label: str
    alias: Alias | None
    recorded: Recorded
    catalogue: Mapping[str, Told]

    def id_of(self, *names: str) -> str:
        """The id of a thing of this person."""
        return str(uuid.uuid5(uuid.UUID(self.installation), json.dumps((self.label, *names))))

    def refer(self, *names: str) -> dict[str, str]:
        """Refer to a thing of this person within the bundle."""
        return {"reference": f"urn:uuid:{self.id_of(*names)}"}


def make_resources(subject: Subject) -> Iterator[Resource]:
    """Everything of one person, in order: the person, devices, then day by day."""
    yield {
        "resourceType": "Patient",
        "id": subject.id_of("person"),
        "identifier": [{"system": f"urn:uuid:{subject.installation}", "value": subject.label}],
    }
    yield from _make_devices(subject)
    recorded = subject.recorded
    ever = {name for of in recorded.values.values() for name, v in of.items() if v.value is not None}
    for day in sorted({*recorded.values, *recorded.index}):
        values = recorded.values.get(day, {})
        told = [(m, values[m.feature]) for m in MEASURES if m.feature in values and m.feature in ever]
        for measure, value in told:
            yield observe(subject, measure, value)
        yield from _trace(subject, day, "features", [(m.feature, v) for m, v in told])
        if (index := recorded.index.get(day)) is not None:
            yield observe_index(subject, index)
            yield from _trace(subject, day, "index", [(INDEX.feature, index)])


def _make_devices(subject: Subject) -> Iterator[Resource]:
    """Devices by the source that read them and a number, and the software in each version that made values."""
    named = {v.source for of in subject.recorded.values.values() for v in of.values() if v.source is not None}
    for name in sorted(subject.recorded.devices[source] for source in named):
        yield {
            "resourceType": "Device",
            "id": subject.id_of("device", name),
            "deviceName": [{"name": name, "type": "other"}],
            "type": {"text": f"wearable sensor, read by the source {name.rpartition('-')[0]}"},
            "patient": subject.refer("person"),
        }
    methods = {v.method_version or "" for of in subject.recorded.values.values() for v in of.values()}
    methods |= {row.method_version or "" for row in subject.recorded.index.values()}
    for method in sorted(methods):
        yield {
            "resourceType": "Device",
            "id": subject.id_of("software", method),
            "deviceName": [{"name": "Steadyline", "type": "user-friendly-name"}],
            "type": {"text": "software that computes features of days from wearable sensors"},
            "version": [
                {"type": {"text": "program"}, "value": version("steadyline")},
                {"type": {"text": "method"}, "value": method or "unknown"},
            ],
        }


def observe(subject: Subject, measure: Measure, value: Value) -> Resource:
    """One value of a day as an Observation; one without a value says why, and has a date only."""
    made = _begin(subject, measure, value.day)
    if value.value is None:
        made |= {
            "effectiveDateTime": show_day(value.day, subject.alias),
            "dataAbsentReason": say_why(
                value.reason or "unknown", unable=_is_unable(subject.recorded, value)
            ),
        }
    else:
        made |= _effective(subject, measure, value.day)
        made["valueQuantity"] = _quantity(value.value, measure)
        made["note"] = [{"text": say_quality(value, measure, estimated=_is_estimated(subject, value))}]
    made["method"] = {"text": _say_method(subject, value)}
    if value.value is not None and value.source is not None:
        made["device"] = subject.refer("device", subject.recorded.devices[value.source])
    return made


def observe_index(subject: Subject, row: Index) -> Resource:
    """Make the Observation of a day's index: a number where its band is narrow enough, always with the band."""
    made = _begin(subject, INDEX, row.day)
    if row.index is None:
        made["effectiveDateTime"] = show_day(row.day, subject.alias)
        made["dataAbsentReason"] = say_why(row.reason or "unknown")
        return made | {"method": {"text": INDEX_METHOD}}
    made |= _effective(subject, INDEX, row.day)
    if row.show_number:
        made["valueQuantity"] = _quantity(row.index, INDEX)
    else:
        made["dataAbsentReason"] = say_why("too unsure for a number: its 80 % band is wider than 50")
    parts = [f"Quality {row.quality or 'unknown'}"]
    parts += [] if row.coverage is None else [f"{_percent(row.coverage)} of complete data"]
    # Where there is an index, the reason says that it was worn at other hours than usual.
    parts += [] if row.reason is None else [row.reason]
    made["note"] = [{"text": "; ".join(parts) + "."}]
    made["method"] = {"text": INDEX_METHOD}
    made["component"] = []
    if row.lo80 is not None and row.hi80 is not None:
        band = {"low": _quantity(row.lo80, INDEX), "high": _quantity(row.hi80, INDEX)}
        made["component"].append({"code": _own("band80", "80 % band"), "valueRange": band})
    if row.level is not None:
        level = {"coding": [{"system": CODES, "code": row.level}], "text": row.level.replace("_", " ")}
        made["component"].append({"code": _own("level", "Level in words"), "valueCodeableConcept": level})
    if not made["component"]:
        del made["component"]
    return made


def say_why(reason: str, *, unable: bool = False) -> dict[str, Any]:
    """Make the dataAbsentReason of a reason: the standard's code, and the reason in its own words.

    `unable`: whether the device never told this measure, so that it may be called unsupported.
    """
    code, display = "unknown", "Unknown"
    if reason == "no data" or reason.startswith("not worn"):
        code, display = "not-performed", "Not Performed"
    elif unable and reason.endswith("from this device"):
        code, display = "unsupported", "Unsupported"
    return {"coding": [{"system": ABSENT, "code": code, "display": display}], "text": reason}


def _is_unable(recorded: Recorded, value: Value) -> bool:
    """Whether it is known of which device a value lacks, and that has the measure on no day."""
    return value.source is not None and (recorded.devices[value.source], value.feature) not in recorded.able


def say_quality(value: Value, measure: Measure, *, estimated: bool = False) -> str:
    """Say how good a value is, in one form: 'Quality fair; 62 % of complete data; standard error 0.4 ms.'."""
    parts = [f"Quality {value.quality or 'unknown'}"]
    if value.coverage is not None:
        parts.append(f"{_percent(value.coverage)} of complete data")
    if value.se is not None:
        parts.append(f"standard error {round(value.se, DECIMALS):g} {measure.unit}")
    if estimated:
        parts.append("the sleep period is estimated from heart rate")
    return "; ".join(parts) + "."


def _say_method(subject: Subject, value: Value) -> str:
    if value.feature == HEART_RATE_OF_DAY:
        return HEART_RATE_METHOD
    told = subject.catalogue.get(value.feature)
    return f"{told.definition} Computed as: {told.formula}." if told else value.feature


def _is_estimated(subject: Subject, value: Value) -> bool:
    night = subject.recorded.values[value.day].get("window_estimated")
    told = subject.catalogue.get(value.feature)
    return night is not None and night.value == 1 and told is not None and told.grain == "night"


def _begin(subject: Subject, measure: Measure, day: date) -> Resource:
    """Whatever an Observation has, with a value or without."""
    own = {"system": CODES, "code": measure.feature, "display": measure.display}
    names = [{"system": LOINC, "code": code, "display": text} for code, text in measure.loinc]
    category, display = ("vital-signs", "Vital Signs") if measure.profile else ("activity", "Activity")
    made: Resource = {
        "resourceType": "Observation",
        "id": subject.id_of(show_day(day, subject.alias), measure.feature),
    }
    if measure.profile:
        made["meta"] = {"profile": [PROFILES + measure.profile]}
    return made | {
        "status": "final" if subject.recorded.is_final(day) else "preliminary",
        "category": [{"coding": [{"system": CATEGORIES, "code": category, "display": display}]}],
        "code": {"coding": [*names, own], "text": measure.display},
        "subject": subject.refer("person"),
    }


def _own(code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": CODES, "code": code, "display": display}], "text": display}


def _quantity(value: float, measure: Measure) -> dict[str, Any]:
    number = round(value, DECIMALS) + 0.0
    made: dict[str, Any] = {"value": int(number) if number.is_integer() else number}
    return made | {"unit": measure.unit_text or measure.unit, "system": UCUM, "code": measure.unit}


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _effective(subject: Subject, measure: Measure, day: date) -> dict[str, Any]:
    """The time that a value is of; a date where the stretch itself is not known."""
    recorded, alias = subject.recorded, subject.alias
    if measure.over == "night" and day in recorded.nights:
        start, end = show_span(recorded.nights[day], alias)
    elif measure.over == "day" and day in recorded.days:
        start, end = show_whole_day(day, recorded.days[day], alias)
    else:
        return {"effectiveDateTime": show_day(day, alias)}
    return {"effectivePeriod": {"start": start, "end": end}}


def _trace(
    subject: Subject, day: date, stage: str, rows: Sequence[tuple[str, Value | Index]]
) -> Iterator[Resource]:
    """Say of a day's results which software made them, in which version, and of what."""
    shown = show_day(day, subject.alias)
    groups: dict[tuple[str, str], list[str]] = {}
    for name, row in rows:
        groups.setdefault((row.method_version or "", row.input_hash or ""), []).append(name)
    for number, ((method, input_hash), names) in enumerate(sorted(groups.items()), 1):
        made: Resource = {
            "resourceType": "Provenance",
            "id": subject.id_of(shown, "provenance", stage, str(number)),
            "target": [subject.refer(shown, name) for name in names],
            "recorded": _end_of(subject, day),
            "agent": [
                {
                    "type": {"coding": [{"system": AGENTS, "code": "assembler", "display": "Assembler"}]},
                    "who": subject.refer("software", method),
                }
            ],
        }
        if input_hash and subject.alias is None:
            # The same hash stands in every table: it would join a de-identified person to the others.
            what = {"identifier": {"system": INPUTS, "value": input_hash}, "display": "hash of the inputs"}
            made["entity"] = [{"role": "source", "what": what}]
        yield made


def _end_of(subject: Subject, day: date) -> str:
    """When a day was over, as an instant: nothing of it can have been recorded earlier."""
    midnight = datetime.combine(day, time())
    span = subject.recorded.days.get(day) or Span(midnight, midnight + timedelta(days=1), 0, 0)
    return show_whole_day(day, span, subject.alias)[1]
