"""Recordings beside the checkout: `load` takes what is a device's, counts it truly, and lists what is not."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from fitbit_export import rows_of
from garmin_fit_sdk import Decoder, Stream

from ingest.load import load
from ingest.outcome import LoadReport

DATA = ROOT.parent / "shared" / "data"
NOTES = {"LICENSE", "LICENSE.md", "SOURCE.md"}
pytestmark = pytest.mark.shared


def take(place: Path, name: str, timezone: str = "Europe/Berlin") -> LoadReport:
    return load(
        [DATA / name],
        warehouse=place / "w.duckdb",
        staging=place / "staging",
        participant="p-shared",
        timezone=timezone,
        now=datetime(2026, 11, 22),
    )


def rows(report: LoadReport) -> dict[str, int]:
    return {table.removeprefix("signal."): count for table, count in report.rows}


def unclaimed(report: LoadReport) -> set[str]:
    """What nobody claims, each once, but for the notes beside the data."""
    paths = [found.path for found in report.unclaimed]
    assert len(set(paths)) == len(paths)
    assert all(found.nature for found in report.unclaimed)
    return {path for path in paths if Path(path).name not in NOTES}


def sources(report: LoadReport) -> dict[str, tuple[int, int, int]]:
    """Files read, refused and left out, by source."""
    return {e.source: (e.files_read, e.files_refused, e.files_left_out) for e in report.exports}


def lines(path: Path) -> list[str]:
    return path.read_text().split()


# --- sports files and straps -------------------------------------------------------------------


def test_intervals_of_an_app_are_its_lines(tmp_path: Path) -> None:
    report = take(tmp_path, "elitehrv_rr")
    files = sorted((DATA / "elitehrv_rr").rglob("*.txt"))
    assert sources(report) == {"rr_text": (len(files), 0, 0)}
    assert rows(report) == {"beat": sum(len(lines(path)) for path in files)}
    assert (unclaimed(report), report.refused) == (set(), 0)
    days = rows_of(
        tmp_path, "select distinct (t_utc + to_minutes(offset_min))::date::varchar from signal.beat"
    )
    assert days == [("2017-06-29",)]


def test_fit_files_are_decoded_as_the_vendors_own_library_does_and_broken_ones_named(tmp_path: Path) -> None:
    report = take(tmp_path, "fit_fitparse")
    files = sorted((DATA / "fit_fitparse").rglob("*.fit"))
    assert sources(report) == {"garmin_fit": (len(files), 0, 0)}
    assert {Path(r.file).name for r in report.refusals} == {
        "activity-settings-corruptheader.fit",
        "activity-unexpected-eof.fit",
    }
    beats = heart = 0
    for path in files:
        messages, _ = Decoder(Stream.from_byte_array(bytearray(path.read_bytes()))).read(
            merge_heart_rates=False
        )
        times = [t for m in messages.get("hrv_mesgs", []) for t in listed(m["time"])]
        beats += sum(t is not None and 0 < t < 65 for t in times)
        heart += sum(m.get("heart_rate", 0) > 0 for m in messages.get("record_mesgs", []))
    assert rows(report)["beat"] == beats == 301
    assert rows(report)["heart_rate"] >= heart > 0  # and those of monitoring and of straps that sent later
    assert unclaimed(report) == set()


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_text_without_a_start_is_refused_and_beats_with_one_are_kept(tmp_path: Path) -> None:
    report = take(tmp_path, "hrv_bartels_rr")
    place = DATA / "hrv_bartels_rr"
    straps = [*place.glob("hrv/sampledata/*.hrm"), place / "tests/test_files/test_file_2.hrm"]
    counts = [len(path.read_text().partition("[HRData]")[2].split()) for path in straps]
    assert rows(report) == {"beat": sum(counts)}
    whole = {Path(r.file).name: r.reason for r in report.refusals if r.place in ("name", "file")}
    assert set(whole) == {
        "real_rri.txt",
        "rest_rri.txt",
        "rri_1.csv",
        "rri_header.csv",
        "rri_multiple_columns.csv",
        "rri_multiple_columns_datetime.csv",
        "rri_semicolon.csv",
        "test_file_mistake_2.hrm",
    }
    assert report.refused_wholesale
    # Four lines are no recording, and words are no interval.
    assert {Path(path).name for path in unclaimed(report)} == {
        "empty.txt",
        "test_file_1.txt",
        "test_file_2.txt",
        "test_file_3.txt",
        "test_file_mistake_1.txt",
    }


# --- wrist recorders ---------------------------------------------------------------------------


def empatica(folder: Path) -> dict[str, int]:
    """Rows of a folder of an E4: lines but for the start and the rate, or the start of the beats."""
    tables = {"ACC": "acceleration", "BVP": "pulse_wave", "EDA": "eda", "HR": "heart_rate", "TEMP": "vital"}
    found = {}
    for name, table in (tables | {"IBI": "beat"}).items():
        path = folder / f"{name}.csv"
        if path.exists():
            found[table] = len(path.read_text().strip().splitlines()) - (1 if name == "IBI" else 2)
    return found


@pytest.mark.parametrize("person", ["S2", "S3"])
def test_a_session_with_an_e4_is_whole_and_its_questionnaire_nobodys(person: str, tmp_path: Path) -> None:
    report = take(tmp_path, f"wesad_e4/data/{person}")
    folder = DATA / "wesad_e4" / "data" / person / f"{person}_E4_Data"
    assert report.refused == 0
    expected = empatica(folder)
    # An E4 writes 382.18 °C in its first second, which is none.
    expected["vital"] -= lines(folder / "TEMP.csv").count("382.18")
    assert rows(report) == expected
    assert unclaimed(report) == {f"{person}_quest.csv", f"{person}_readme.txt"}


def test_a_garmin_stream_and_an_e4_side_by_side_are_two_exports(tmp_path: Path) -> None:
    report = take(tmp_path, "flirt_e4_garmin_holter")
    place = DATA / "flirt_e4_garmin_holter" / "test" / "wearable-data"
    values = [line.split(";") for line in lines(place / "garmin" / "data.csv")]
    kinds = Counter(kind for _, kind, value in values if float(value) >= 0)
    e4 = empatica(place / "empatica")
    assert sources(report) == {"empatica": (7, 0, 1), "garmin_stream": (1, 0, 0)}
    assert rows(report) == {
        **e4,
        "beat": e4["beat"] + kinds["HEART_RATE_VARIABILITY"],
        "heart_rate": e4["heart_rate"] + kinds["HEART_RATE"],
        "vendor_score": kinds["STRESS"],
    }
    assert kinds["HEART_RATE_VARIABILITY"] == 14_316
    assert (report.refused, unclaimed(report)) == (0, set())
    beats = "from signal.beat where source = 'garmin_stream'"
    # Most beats follow the one before them; the stamps of arrival scatter by a tenth of a second.
    ((n_gaps, offset),) = rows_of(tmp_path, f"select count_if(gap_before), min(offset_min) {beats}")
    assert 0.05 * 14_316 < n_gaps < 0.2 * 14_316
    assert offset == 120


# --- accounts ----------------------------------------------------------------------------------


def test_a_small_apple_export_in_a_folder_is_counted(tmp_path: Path) -> None:
    report = take(tmp_path, "apple_health_xml_fixture", "America/Denver")
    documents = [path.read_text() for path in (DATA / "apple_health_xml_fixture").rglob("export.xml")]
    assert sources(report) == {"apple_health": (len(documents), 0, 1)}
    assert rows(report) == {
        "heart_rate": sum(text.count('"HKQuantityTypeIdentifierHeartRate"') for text in documents),
        "workout": sum(text.count("<Workout ") for text in documents),
    }
    assert (report.refused, unclaimed(report)) == (0, set())


def test_a_real_fitbit_export_is_counted_to_the_sample(tmp_path: Path) -> None:
    report = take(tmp_path, "fitbit_export_innergalileo/MyFitbitData.zip", "Australia/Sydney")
    counts: Counter[str] = Counter()
    with zipfile.ZipFile(DATA / "fitbit_export_innergalileo" / "MyFitbitData.zip") as opened:
        for name in opened.namelist():
            kind = Path(name).name.partition("-")[0]
            if kind in ("heart_rate", "sleep", "steps", "exercise") and name.endswith(".json"):
                counts[kind] += len(json.loads(opened.read(name)))
    found = rows(report)
    assert found["heart_rate"] == counts["heart_rate"] == 1_309_430
    assert found["sleep_episode"] == counts["sleep"] == 128
    assert (found["steps"], found["workout"]) == (counts["steps"], counts["exercise"])
    assert (report.refused, unclaimed(report)) == (0, set())
    assert rows_of(tmp_path, "select count(*) from signal.sleep_episode") == [(125,)]
    ((low, high),) = rows_of(tmp_path, "select min(offset_min), max(offset_min) from signal.heart_rate")
    assert (low, high) == (600, 660)


@pytest.mark.parametrize("person", ["p01", "p02", "p03"])
def test_fitbit_files_of_a_study_load_without_their_dates(person: str, tmp_path: Path) -> None:
    report = take(tmp_path, f"pmdata/{person}", "Europe/Oslo")
    fitbit = DATA / "pmdata" / person / "fitbit"
    logs = json.loads((fitbit / "sleep.json").read_text())
    resting = json.loads((fitbit / "resting_heart_rate.json").read_text())
    found = rows(report)
    assert found["sleep_episode"] == len(logs)
    assert found["workout"] == len(json.loads((fitbit / "exercise.json").read_text()))
    assert found["vital"] == sum(r["value"]["value"] > 0 for r in resting)
    assert found["vendor_score"] == len((fitbit / "sleep_score.csv").read_text().strip().splitlines()) - 1
    assert report.refused == 0
    said = [remark for remark in report.remarks if "could not confirm" in remark]
    assert len(said) == 1, "without heart rates no clock can be tested, which must be said"
    ((kept,),) = rows_of(tmp_path, "select count(*) from signal.sleep_episode")
    assert kept == len({log["logId"] for log in logs})
    study = {"googledocs/reporting.csv", *(f"pmsys/{name}.csv" for name in ("injury", "srpe", "wellness"))}
    assert unclaimed(report) == study
    if person == "p03":
        assert found["steps"] == len(json.loads((fitbit / "steps.json").read_text())) == 53_042
        assert_steps_are_utc(tmp_path, report)


def assert_steps_are_utc(place: Path, report: LoadReport) -> None:
    """Steps stand where nights are still and workouts are walked; an hour aside, where Oslo would put them, not."""
    assert any(remark.startswith("Stamps read as UTC, because so fewer steps") for remark in report.remarks)
    counted = (
        "select sum(s.steps) from signal.{} e join signal.steps s on s.participant = e.participant"
        " and s.t_utc - to_hours({}) >= e.t_utc and s.t_utc - to_hours({}) < e.end_utc {}"
    )
    asleep = {
        h: rows_of(place, counted.format("sleep_episode", h, h, "where e.vendor_main"))[0][0]
        for h in (-1, 0, 1)
    }
    assert asleep[0] < 3000
    assert min(asleep[-1], asleep[1]) > 12_000
    walked = {h: rows_of(place, counted.format("workout", h, h, ""))[0][0] for h in (-1, 0, 1)}
    ((said,),) = rows_of(place, "select sum(steps) from signal.workout")
    assert abs(walked[0] - said) < 0.05 * said
    assert max(walked[-1], walked[1]) < 0.1 * said


def bodies() -> Iterator[tuple[str, Any]]:
    """Answers that were asked for and hold something, by what was asked."""
    for path in sorted((DATA / "garmin_connect_api_garth").rglob("*.yaml")):
        for part in yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)["interactions"]:
            text = part["response"]["body"]["string"]
            text = gzip.decompress(text).decode() if isinstance(text, bytes) and text else text
            if text and part["request"]["method"] == "GET":
                yield part["request"]["uri"].partition(".com")[2], json.loads(text)


def test_recorded_answers_of_connect_are_counted(tmp_path: Path) -> None:
    report = take(tmp_path, "garmin_connect_api_garth", "America/Chicago")
    heart = nights = logs = 0
    for asked, body in bodies():
        if "/dailyHeartRate/" in asked:
            heart += sum(bpm is not None for _, bpm in body["heartRateValues"])
        elif asked.startswith("/hrv-service/hrv/daily/"):
            nights += len(body["hrvSummaries"])
        elif asked.startswith("/hrv-service/hrv/"):
            nights += 1 + len(body["hrvReadings"])
        elif "/dailySleepData" in asked and body["dailySleepDTO"]["sleepStartTimestampGMT"]:
            logs += 1
    found = rows(report)
    assert (found["heart_rate"], found["hrv_sample"], found["sleep_episode"]) == (heart, nights, logs)
    assert sources(report) == {"garmin_connect": (50, 0, 0)}
    assert (report.refused, unclaimed(report)) == (0, set())
    (remark,) = report.remarks
    assert remark.startswith("Recorded answers of kinds that are not used here were left out: ")
    totals = rows_of(
        tmp_path,
        "select value from signal.vital where vital = 'steps_day' order by t_utc limit 2",
    )
    assert totals == [(12_413.0,), (5_719.0,)]
    proven = "select min(offset_min), max(offset_min) from signal.hrv_sample where hrv = 'rmssd_5min'"
    assert rows_of(tmp_path, proven) == [(-360, -360)]


# --- no device's file --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pyhrv_sample", "walch_sleep_accel"])
def test_what_is_no_devices_file_is_listed_and_nothing_is_made_of_it(name: str, tmp_path: Path) -> None:
    report = take(tmp_path, name)
    files = {p.relative_to(DATA / name).as_posix() for p in (DATA / name).rglob("*") if p.is_file()}
    assert {found.path for found in report.unclaimed} == files
    assert (report.rows, report.exports, report.changed) == ((), (), False)
    (refusal,) = report.refusals
    assert refusal.reason.startswith(f"no source knows any of its {len(files)} files")
