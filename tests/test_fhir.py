"""The export in FHIR R4: what an Observation says, which codes it has, and what is never in it."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from standard_rows import CLOCK, FIRST, SOURCE, hours, index, put, three_days, value, workout, write_standard

from features.catalog import FEATURES as CATALOGUE
from reports.export.fhir import SAID, check_resource, write_fhir
from reports.export.fhir_resources import say_why
from reports.export.moments import Aliases
from reports.export.standard_measures import CODES, FEATURES, INDEX, LOINC, MEASURES, UCUM
from warehouse.aliases import Alias
from warehouse.errors import ExplainedError
from warehouse.publish import PERSONAL_FEATURES

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "references" / "standards" / "p-one.json"
R4 = {
    "Bundle": {"entry", "identifier", "link", "signature", "timestamp", "total", "type"},
    "Patient": {"identifier"},
    "Device": {"deviceName", "patient", "type", "version"},
    "Provenance": {"agent", "entity", "recorded", "target"},
    "CodeSystem": {
        *("caseSensitive", "concept", "content", "count", "description", "name", "status", "title", "url"),
    },
    "Observation": {
        *(
            "category",
            "code",
            "component",
            "dataAbsentReason",
            "device",
            "effectiveDateTime",
            "effectivePeriod",
        ),
        *("method", "note", "status", "subject", "valueQuantity"),
    },
}
"""Elements that a resource here may have, all of them of FHIR 4.0.1 under the same name and number."""


def export(warehouse: Path, folder: Path, aliases: Aliases = None) -> list[tuple[str, int]]:
    return write_standard(write_fhir, warehouse, folder, aliases)


def resources(folder: Path, kind: str, name: str = "p-one") -> list[dict[str, Any]]:
    bundle = json.loads((folder / f"{name}.json").read_text("utf-8"))
    made = [entry["resource"] for entry in bundle["entry"]]
    return [one for one in made if one["resourceType"] == kind]


def code_of(made: dict[str, Any]) -> str:
    """Our own code of an Observation, which each has as its last."""
    assert made["code"]["coding"][-1]["system"] == CODES
    return str(made["code"]["coding"][-1]["code"])


def observations(folder: Path, feature: str, name: str = "p-one") -> list[dict[str, Any]]:
    return [made for made in resources(folder, "Observation", name) if code_of(made) == feature]


def keys(made: Any) -> set[str]:
    """Every key, at any depth."""
    if isinstance(made, dict):
        return set(made) | {key for part in made.values() for key in keys(part)}
    return {key for part in made for key in keys(part)} if isinstance(made, list) else set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("fhir")
    export(three_days(base), base / "out")
    return base / "out"


def test_a_resting_heart_rate_is_a_vital_sign_of_its_night(folder: Path) -> None:
    rate, absent = observations(folder, "rhr_night")
    assert rate["meta"]["profile"] == ["http://hl7.org/fhir/StructureDefinition/heartrate"]
    assert [c["code"] for c in rate["category"][0]["coding"]] == ["vital-signs"]
    assert [(c["system"], c["code"]) for c in rate["code"]["coding"][:2]] == [
        (LOINC, "40443-4"),
        (LOINC, "8867-4"),
    ]
    assert rate["effectivePeriod"] == {
        "start": "2026-07-06T22:30:00+02:00",
        "end": "2026-07-07T06:30:00+02:00",
    }
    assert rate["valueQuantity"] == {"value": 54.12, "unit": "beats/minute", "system": UCUM, "code": "/min"}
    assert rate["note"] == [{"text": "Quality fair; 62 % of complete data; standard error 0.46 /min."}]
    assert rate["method"]["text"].startswith("Resting heart rate of the night. Computed as: 10th percentile")
    assert rate["status"] == "final"
    assert "valueQuantity" not in absent
    assert "device" not in absent
    assert absent["effectiveDateTime"] == "2026-07-08"
    assert absent["dataAbsentReason"] == {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
                "code": "not-performed",
                "display": "Not Performed",
            }
        ],
        "text": "no data",
    }


def test_each_code_is_the_one_that_was_checked_and_has_its_unit(folder: Path) -> None:
    first = {code_of(made): made for made in reversed(resources(folder, "Observation"))}
    told = {
        name: (made["code"]["coding"][0]["code"], made.get("valueQuantity", {}).get("code"))
        for name, made in first.items()
        if made["code"]["coding"][0]["system"] == LOINC
    }
    assert told == {
        "hr_mean_day": ("8867-4", "/min"),
        "rhr_night": ("40443-4", "/min"),
        "rhr_vendor": ("40443-4", "/min"),
        "resp_night": ("9279-1", "/min"),
        "spo2_night": ("59408-5", "%"),
        "tst_min": ("93832-4", "min"),
        "deep_min": ("93831-6", "min"),
        "light_min": ("93830-8", "min"),
        "rem_min": ("93829-0", "min"),
        "steps": ("41950-7", "/d"),
        "sdnn_spot_sleep": ("80404-7", "ms"),
    }
    local = {name: made["code"]["coding"] for name, made in first.items() if name not in told}
    assert {"rmssd_night", "skin_temp_night", "temp_dev", "waso_min", INDEX.feature} <= set(local)
    assert all(len(codings) == 1 for codings in local.values())


def test_every_loinc_code_has_its_check_digit() -> None:
    for measure in MEASURES:
        for code, _ in measure.loinc:
            number, digit = code.split("-")
            doubled = [int(d) * (2 - i % 2) for i, d in enumerate(reversed(number))]
            assert (10 - sum(d - 9 if d > 9 else d for d in doubled) % 10) % 10 == int(digit), code


def test_the_document_says_what_is_exported() -> None:
    lines = (ROOT / "docs" / "standards.md").read_text("utf-8").splitlines()
    told = [line for line in lines if re.match(r"\| `\w+` \| (none|\d)", line)]
    wanted = []
    for m in (*MEASURES, INDEX):
        codes = ", ".join(code for code, _ in m.loinc) or "none"
        category = f"vital-signs ({m.profile})" if m.profile else "activity"
        wanted.append(f"| `{m.feature}` | {codes} | `{m.unit}` | {category} | {m.over} |")
    assert told == wanted


def test_only_real_sdnn_has_the_code_of_sdnn() -> None:
    named = [m.feature for m in MEASURES if "80404-7" in [code for code, _ in m.loinc]]
    assert named == ["sdnn_spot_sleep"]
    assert all(not m.loinc for m in MEASURES if "rmssd" in m.feature)


def test_vital_signs_have_what_their_profiles_want(folder: Path) -> None:
    wanted = {"heartrate": ("8867-4", "/min"), "resprate": ("9279-1", "/min"), "oxygensat": ("2708-6", "%")}
    seen = set()
    for made in resources(folder, "Observation"):
        category = made["category"][0]["coding"][0]["code"]
        if "meta" not in made:
            assert category == "activity"
            continue
        profile = made["meta"]["profile"][0].rpartition("/")[2]
        seen.add(profile)
        code, unit = wanted[profile]
        assert category == "vital-signs"
        assert code in [c["code"] for c in made["code"]["coding"] if c["system"] == LOINC]
        assert all(c["system"] for c in made["code"]["coding"])
        assert ("valueQuantity" in made) != ("dataAbsentReason" in made)
        if "valueQuantity" in made:
            assert made["valueQuantity"]["system"] == UCUM
            assert made["valueQuantity"]["code"] == unit
        # vs-1: precise to the day at least.
        assert len(made.get("effectiveDateTime") or made["effectivePeriod"]["start"]) >= 10
    assert seen == set(wanted)


def test_the_index_goes_with_its_band_and_is_no_number_where_that_is_wide(folder: Path) -> None:
    first, second, third = observations(folder, INDEX.feature)
    assert first["valueQuantity"] == {"value": 61.2, "unit": "of 100", "system": UCUM, "code": "{score}"}
    band, level = first["component"]
    assert (band["valueRange"]["low"]["value"], band["valueRange"]["high"]["value"]) == (45, 75)
    assert level["valueCodeableConcept"]["coding"] == [{"system": CODES, "code": "usual"}]
    assert first["category"][0]["coding"][0]["code"] == "activity"
    assert "nothing of feelings or health" in first["method"]["text"]
    assert second["dataAbsentReason"]["text"] == "learning: 2 of 5 days"
    assert "component" not in second
    assert "valueQuantity" not in third
    assert third["dataAbsentReason"]["text"] == "too unsure for a number: its 80 % band is wider than 50"
    assert third["component"][0]["valueRange"]["high"]["value"] == 90


def test_an_index_of_a_day_worn_at_other_hours_says_so(tmp_path: Path) -> None:
    odd = index(FIRST, 61.2, reason="worn at other hours than usual", quality="low")
    export(put(tmp_path, values=[value(FIRST, "steps", 5.0)], index=[odd]), tmp_path / "out")
    (made,) = observations(tmp_path / "out", INDEX.feature)
    assert made["note"] == [{"text": "Quality low; 90 % of complete data; worn at other hours than usual."}]
    assert made["valueQuantity"]["value"] == 61.2


def test_a_day_that_may_change_is_preliminary(folder: Path) -> None:
    steps = observations(folder, "steps")
    assert [made["status"] for made in steps] == ["final", "preliminary", "preliminary"]
    assert steps[2]["note"][0]["text"] == "Quality low; 50 % of complete data."


def test_references_hold_within_the_bundle_and_ids_are_unlike(folder: Path) -> None:
    bundle = json.loads((folder / "p-one.json").read_text("utf-8"))
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    assert urls == [f"urn:uuid:{entry['resource']['id']}" for entry in bundle["entry"]]

    def references(made: Any) -> set[str]:
        if isinstance(made, dict):
            own = {made["reference"]} if isinstance(made.get("reference"), str) else set()
            return own | {r for part in made.values() for r in references(part)}
        return {r for part in made for r in references(part)} if isinstance(made, list) else set()

    assert references(bundle) <= set(urls)
    (patient,) = resources(folder, "Patient")
    assert set(patient) == {"resourceType", "id", "identifier"}


def test_a_device_that_only_logged_a_workout_is_not_named(tmp_path: Path) -> None:
    run = workout(datetime(2026, 7, 7, 16), 45, "run") | {"source": "polar"}
    export(put(tmp_path, values=[value(FIRST, "steps", 5.0)], workouts=[run]), tmp_path / "out")
    names = [made["deviceName"][0]["name"] for made in resources(tmp_path / "out", "Device")]
    assert names == ["oura-1", "Steadyline"]


def test_each_observation_has_a_provenance_with_software_version_and_inputs(folder: Path) -> None:
    traced = {t["reference"]: p for p in resources(folder, "Provenance") for t in p["target"]}
    made = resources(folder, "Observation")
    assert set(traced) == {f"urn:uuid:{one['id']}" for one in made}
    software = {f"urn:uuid:{d['id']}": d for d in resources(folder, "Device") if "version" in d}
    steps = traced[f"urn:uuid:{observations(folder, 'steps')[0]['id']}"]
    assert [v["value"] for v in software[steps["agent"][0]["who"]["reference"]]["version"]] == [
        version("steadyline"),
        "features-4",
    ]
    assert steps["entity"][0]["what"]["identifier"]["value"] == "in-0707"
    assert steps["recorded"] == "2026-07-08T00:00:00+02:00"
    of_index = traced[f"urn:uuid:{observations(folder, INDEX.feature)[0]['id']}"]
    assert of_index["entity"][0]["what"]["identifier"]["value"] == "ix-0707"


def test_nothing_that_names_or_judges_a_person_is_in_it(folder: Path) -> None:
    bundle = json.loads((folder / "p-one.json").read_text("utf-8"))
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert kinds == {"Patient", "Device", "Observation", "Provenance"}
    forbidden = {"birthDate", "telecom", "address", "gender", "photo", "serialNumber", "udiCarrier"}
    patients_and_devices = [*resources(folder, "Patient"), *resources(folder, "Device")]
    assert not {key for made in patients_and_devices for key in keys(made)} & forbidden
    assert resources(folder, "Device")[0]["deviceName"] == [{"name": "oura-1", "type": "other"}]
    assert not keys(bundle) & {"interpretation", "derivedFrom", "referenceRange", "extension", "diagnosis"}
    text = (folder / "p-one.json").read_text("utf-8")
    assert not re.search(r"Ann|4711|snomed|icd-10|Condition|felt_stress|cycle_start", text, re.IGNORECASE)


def test_nothing_is_read_of_what_stays_with_a_person() -> None:
    assert not set(PERSONAL_FEATURES) & set(FEATURES)


def test_every_measure_is_a_feature_of_the_catalogue_in_its_unit() -> None:
    units = {f.feature: f.unit for f in CATALOGUE}
    for measure in MEASURES:
        if measure.feature in ("hr_mean_day", "steps"):
            continue  # the one is made here; the other is a count of a day, which is /d
        assert units[measure.feature] == measure.unit, measure.feature


def test_it_goes_through_json_and_the_model_unchanged(folder: Path) -> None:
    bundle = json.loads((folder / "p-one.json").read_text("utf-8"))
    again = json.loads(Bundle.model_validate(bundle).model_dump_json())
    assert again == bundle


def test_no_element_is_used_that_r4_does_not_have(folder: Path) -> None:
    common = {"resourceType", "id", "meta"}
    bundle = json.loads((folder / "p-one.json").read_text("utf-8"))
    codes = json.loads((folder / "codes.json").read_text("utf-8"))
    for made in [bundle, codes, *(entry["resource"] for entry in bundle["entry"])]:
        assert set(made) <= R4[made["resourceType"]] | common, made["resourceType"]


def test_words_of_bound_lists_are_in_those_lists(folder: Path) -> None:
    # The library takes any word here, so the lists of the standard are held by this test.
    for made in resources(folder, "Observation"):
        assert made["status"] in {"final", "preliminary"}
    for made in resources(folder, "Device"):
        assert {n["type"] for n in made["deviceName"]} <= {"user-friendly-name", "other"}
    for made in resources(folder, "Provenance"):
        assert {e["role"] for e in made.get("entity", [])} <= {"source"}
        assert made["agent"][0]["type"]["coding"][0]["code"] == "assembler"
    bundle = json.loads((folder / "p-one.json").read_text("utf-8"))
    assert bundle["type"] == "collection"


def test_our_own_codes_are_all_described(folder: Path) -> None:
    codes = json.loads((folder / "codes.json").read_text("utf-8"))
    described = {concept["code"]: concept["definition"] for concept in codes["concept"]}
    assert codes["url"] == CODES
    assert codes["count"] == len(described) == len(codes["concept"])
    text = (folder / "p-one.json").read_text("utf-8")
    used = set(re.findall(rf'"system":"{CODES}","code":"(\w+)"', text))
    assert used <= set(described)
    assert described["rmssd_night"] == "Heart rate variability of the night, from beats."


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("no data", "not-performed"),
        ("not worn enough: 3.2 of 10 h", "not-performed"),
        ("no beats from this device", "unknown"),
        ("no value from the vendor", "unknown"),
        ("too uneven to use", "unknown"),
        ("no main sleep found", "unknown"),
    ],
)
def test_a_reason_has_a_code_and_keeps_its_words(reason: str, code: str) -> None:
    told = say_why(reason)
    assert told["coding"][0]["code"] == code
    assert told["text"] == reason


def test_only_a_device_that_never_told_a_measure_does_not_support_it(tmp_path: Path) -> None:
    later = [FIRST + timedelta(days=k) for k in range(4)]
    totals, mute = "only totals of the sleep from this device", "no value from the vendor"
    values = [
        value(later[0], "waso_min", 30.0),
        value(later[1], "waso_min", None, reason=totals, source=SOURCE),
        value(later[2], "waso_min", None, reason=totals, source="polar/H10"),
        value(later[3], "waso_min", None, reason=totals),
        value(later[0], "rhr_vendor", 56.0),
        value(later[1], "rhr_vendor", None, reason=mute, source="polar/H10"),
    ]
    export(put(tmp_path, values=values), tmp_path / "out")

    def codes(feature: str) -> list[str]:
        absent = [made["dataAbsentReason"] for made in observations(tmp_path / "out", feature)[1:]]
        return [told["coding"][0]["code"] for told in absent]

    assert codes("waso_min") == ["unknown", "unsupported", "unknown"]
    assert codes("rhr_vendor") == ["unknown"]


def test_a_measure_that_was_never_there_is_listed_not_repeated_every_day(folder: Path) -> None:
    assert not observations(folder, "rmssd_spot_sleep")
    lines = (folder / "omitted.csv").read_text("utf-8").splitlines()
    assert lines[0] == "person,measure,days,reason"
    assert ",hr_dip,0,no place in this standard: see the tables (--format parquet or csv)" in lines
    assert ",felt_stress,0,stays with the person" in lines
    assert not [line for line in lines if line.startswith(",tst_min,")]


def test_a_measure_without_a_value_on_any_day_is_listed(tmp_path: Path) -> None:
    rows = [value(FIRST, "steps", 5.0), value(FIRST, "rmssd_night", None, reason="no beats from this device")]
    export(put(tmp_path, values=rows), tmp_path / "out")
    assert not observations(tmp_path / "out", "rmssd_night")
    lines = (tmp_path / "out" / "omitted.csv").read_text("utf-8").splitlines()
    assert "p-one,rmssd_night,1,no value on any day" in lines


def test_each_feature_is_either_said_or_listed(folder: Path) -> None:
    listed = {line.split(",")[1] for line in (folder / "omitted.csv").read_text("utf-8").splitlines()}
    wanted = {f.feature for f in CATALOGUE if f.grain != "window"}
    assert wanted == (listed | set(SAID)) & wanted
    assert not (listed & set(SAID)) - {"rmssd_night", "rmssd_5min_vendor_night"}


def test_de_identified_nothing_leads_back(tmp_path: Path) -> None:
    warehouse = three_days(tmp_path)
    written = export(warehouse, tmp_path / "out", {"p-one": Alias("s-77", -21)})
    assert dict(written)["s-77.json"] == len(json.loads((tmp_path / "out/s-77.json").read_text())["entry"])
    text = "".join(path.read_text("utf-8") for path in (tmp_path / "out").iterdir())
    assert not re.search(r"p-one|in-07|ix-07|2026-07-0|\+02:00|Ann|4711", text)
    (rate, _) = observations(tmp_path / "out", "rhr_night", "s-77")
    assert rate["effectivePeriod"] == {"start": "2026-06-15T22:30:00Z", "end": "2026-06-16T06:30:00Z"}
    assert all("entity" not in made for made in resources(tmp_path / "out", "Provenance", "s-77"))
    export(warehouse, tmp_path / "plain")
    moved = {made["id"] for made in resources(tmp_path / "out", "Observation", "s-77")}
    assert not moved & {made["id"] for made in resources(tmp_path / "plain", "Observation")}


def test_an_estimated_sleep_period_is_said_in_the_note(tmp_path: Path) -> None:
    told = {**CLOCK, "window_estimated": 1.0, "rhr_night": 55.0, "steps": 10.0}
    values = [value(FIRST, name, number, quality="low") for name, number in told.items()]
    export(put(tmp_path, values=values, hours=hours(FIRST)), tmp_path / "out")
    (rate,) = observations(tmp_path / "out", "rhr_night")
    assert rate["note"][0]["text"].endswith("; the sleep period is estimated from heart rate.")
    (steps,) = observations(tmp_path / "out", "steps")
    assert "estimated" not in steps["note"][0]["text"]


def test_an_id_is_of_the_day_and_the_measure_so_that_a_new_value_updates_it(tmp_path: Path) -> None:
    ids = []
    for number in (8000.0, 8001.0):
        base = tmp_path / str(number)
        base.mkdir()
        export(put(base, values=[value(FIRST, "steps", number)]), base / "out")
        ids.append(observations(base / "out", "steps")[0]["id"])
    assert ids[0] == ids[1]


def test_an_invalid_resource_stops_the_export_with_one_sentence() -> None:
    entry = {"resource": {"resourceType": "Observation", "status": "final"}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
    with pytest.raises(ExplainedError, match=r"p-one\.json .*entry\.0\.resource\.code.*nothing was exported"):
        check_resource(bundle, "p-one.json")


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    warehouse = three_days(tmp_path)
    files = []
    for name in ("one", "two"):
        export(warehouse, tmp_path / name)
        files.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert files[0] == files[1]


def tiny(folder: Path) -> Path:
    """One day of one person: a resting heart rate, a night without stages, steps, an index."""
    values = [
        *(
            value(FIRST, name, number)
            for name, number in {**CLOCK, "tst_min": 447.5, "steps": 8000.0}.items()
        ),
        value(FIRST, "rhr_night", 54.123456, se=0.4567, coverage=0.97),
        value(FIRST, "deep_min", None, reason="no sleep stages that night"),
    ]
    return put(folder, values=values, hours=hours(FIRST), index=[index(FIRST, 61.234)])


def test_a_tiny_person_is_the_bundle_that_was_read_by_eye(tmp_path: Path) -> None:
    export(tiny(tmp_path), tmp_path / "out")
    made = (tmp_path / "out" / "p-one.json").read_text("utf-8")
    wanted = GOLDEN.read_text("utf-8").replace("0.1.0", version("steadyline"))
    assert made == wanted


def test_a_person_without_data_is_a_patient_and_nothing_else(tmp_path: Path) -> None:
    export(put(tmp_path, values=[]), tmp_path / "out")
    assert [
        e["resource"]["resourceType"] for e in json.loads((tmp_path / "out/p-one.json").read_text())["entry"]
    ] == ["Patient"]


def test_the_bundle_says_until_when_it_is_known(folder: Path) -> None:
    bundle = json.loads((folder / "p-one.json").read_text("utf-8"))
    assert datetime.fromisoformat(bundle["timestamp"]) == datetime.fromisoformat("2026-07-10T00:00:00+02:00")
