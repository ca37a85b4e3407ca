"""Apple's export.xml: every value once, each device's apart, by two readers that agree on any bytes."""

from __future__ import annotations

import io
import random
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from fitbit_export import hashes_of, load_into, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import Found, fixture, member, read_members, write_zip

from ingest.context import Reading
from ingest.files import apple_health
from ingest.files.apple_health import scan
from ingest.files.apple_health.beats import find_intervals
from ingest.files.apple_health.careful import mend, read_wall
from ingest.files.apple_health.document import read_document
from ingest.files.apple_health.origin import name_device
from ingest.files.apple_health.shape import BEAT, TEXTS
from ingest.files.apple_health.vocabulary import name_activity
from ingest.source import Export, Rejected

FILES = fixture("apple_health")
DOCUMENT = FILES["apple_health_export/Exportieren.xml"]
BERLIN = "Europe/Berlin"
HEART_RATE = "HKQuantityTypeIdentifierHeartRate"
HRV = "HKQuantityTypeIdentifierHeartRateVariabilitySDNN"
STEPS = "HKQuantityTypeIdentifierStepCount"
SLEEP = "HKCategoryTypeIdentifierSleepAnalysis"
WATCH = (
    "&lt;&lt;HKDevice: 0x28a4581f0&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch,"
    " hardware:Watch6,2, software:10.4&gt;"
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


def record(
    kind: str = HEART_RATE, at: str = "2024-05-02 08:00:00 +0200", inside: str = "", **said: str
) -> str:
    """A record as Apple writes it, from 08:00 in Berlin, a heart rate of 61 unless told otherwise."""
    units = {HEART_RATE: "count/min", HRV: "ms", STEPS: "count"}
    attributes = {
        "type": kind,
        "sourceName": "Kim’s Apple\u00a0Watch",
        "sourceVersion": "10.4",
        "device": WATCH,
        **({"unit": units[kind]} if kind in units else {}),
        "creationDate": at,
        "startDate": at,
        "endDate": said.pop("end", at),
        "value": "61",
    } | said
    spelled = " ".join(f'{name}="{text}"' for name, text in attributes.items() if text != "-")
    tag = f" <Record {spelled}"
    return f"{tag}/>\n" if not inside else f"{tag}>\n{inside} </Record>\n"


def beat_list(*beats: tuple[object, str]) -> str:
    lines = "".join(f'   <InstantaneousBeatsPerMinute bpm="{bpm}" time="{time}"/>\n' for bpm, time in beats)
    return f"  <HeartRateVariabilityMetadataList>\n{lines}  </HeartRateVariabilityMetadataList>\n"


def document(*elements: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<HealthData locale="de_DE">\n{"".join(elements)}</HealthData>\n'


def read(*elements: str, zone: str = BERLIN) -> Found:
    return read_members(apple_health, {"export.xml": document(*elements)}, zone=zone)


def rates(found: Found) -> list[float]:
    return [value for (value,) in found.of("heart_rate", "hr_bpm")]


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read short documents by the fast scan too."""
    monkeypatch.setattr(apple_health, "FAST_FROM_BYTES", 0)


# --- what comes through ------------------------------------------------------------------------


@pytest.mark.parametrize("from_bytes", [0, 1 << 40])
def test_every_stream_of_the_fixture_comes_through(from_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apple_health, "FAST_FROM_BYTES", from_bytes)
    found = read_members(apple_health, {"e.xml": DOCUMENT}, zone=BERLIN)
    assert found.refused == []
    assert found.remarks == ["3 records of kinds that are not used here (energy, distance, …) were left out."]
    assert found.of("heart_rate", "t_utc", "device", "hr_bpm", "offset_min", "record") == [
        (utc("2024-01-10T06:00"), "Apple Watch", 58.0, 60, 4),
        (utc("2024-05-02T06:00"), "Apple Watch", 61.0, 120, 2),
        (utc("2024-05-02T06:00"), "Polar H10 8A1B2C3D", 66.0, 120, 5),
        (utc("2024-05-02T06:05"), "Apple Watch", 62.5, 120, 3),
    ]
    assert found.of("vital", "vital", "value", "unit", "t_utc", "tz_assumed") == [
        ("respiration", 14.5, "/min", utc("2024-05-02T01:00"), True),
        ("resting_heart_rate", 55.0, "/min", utc("2024-05-01T22:00"), True),
        ("skin_temperature", pytest.approx(35.1), "Cel", utc("2024-05-01T22:10"), False),
        ("spo2", 97.0, "%", utc("2024-05-02T01:00"), True),
        ("weight", pytest.approx(74.84274105), "kg", utc("2024-05-02T05:30"), True),
    ]
    assert found.of("hrv_sample", "hrv", "t_utc", "span_s", "value_ms") == [
        ("sdnn_spot", utc("2024-05-02T01:10"), 60, 42.25)
    ]
    assert found.of("event", "event", "t_utc", "end_utc", "app", "amount") == [
        ("mindful", utc("2024-05-02T19:00"), utc("2024-05-02T19:10"), "Headspace", None)
    ]
    assert found.of("checkin", "scale", "t_utc", "value", "label") == [
        ("valence", utc("2024-05-02T19:15"), -0.4, "stressed, tired")
    ]
    assert found.of("workout", "activity", "t_utc", "end_utc", "hr_mean_bpm", "steps", "device") == [
        ("run", utc("2024-05-02T16:00"), utc("2024-05-02T16:30:30"), 141.5, 4812, "Apple Watch"),
        ("table tennis", utc("2024-05-02T18:00"), utc("2024-05-02T18:20"), None, None, "Ping"),
    ]


@pytest.mark.parametrize(
    ("source", "app"),
    [
        ("Kim’s Apple\u00a0Watch", "Apple Watch"),
        ("Headspace: Meditation &amp; Sleep", "Headspace"),
        ("A quiet\u00a0app", "A quiet app"),
    ],
)
def test_practice_goes_by_its_app_or_by_the_kind_of_the_watch_never_by_its_owner(
    source: str, app: str
) -> None:
    kind = "HKCategoryTypeIdentifierMindfulSession"
    assert read(record(kind, sourceName=source)).of("event", "app") == [(app,)]


def test_steps_of_watch_and_phone_and_app_stay_apart() -> None:
    found = read_members(apple_health, {"e.xml": DOCUMENT}, zone=BERLIN)
    assert found.of("steps", "device", "steps", "span_s", "t_utc") == [
        ("Apple Watch", 850, 600, utc("2024-05-02T07:00")),
        ("iPhone", 800, 600, utc("2024-05-02T07:00")),
        ("iPhone (Pedometer++)", 801, 600, utc("2024-05-02T07:00")),
    ]


def test_beats_are_the_times_between_beats_and_a_gap_is_seen_in_them() -> None:
    found = read_members(apple_health, {"e.xml": DOCUMENT}, zone=BERLIN)
    assert found.of("beat", "t_utc", "rr_ms", "gap_before", "tick_ms", "sensor", "record") == [
        (utc("2024-05-02T01:10:03.110"), 1000.0, True, 10.0, "ppg", 15),
        (utc("2024-05-02T01:10:04.080"), 970.0, False, 10.0, "ppg", 15),
        # 4 s from 04.08 to 08.08 at 60 a minute: beats are missing, and there is no interval
        (utc("2024-05-02T01:10:09.100"), 1020.0, True, 10.0, "ppg", 15),
    ]


def test_sleep_is_one_episode_a_device_and_block_and_bed_is_its_own() -> None:
    found = read_members(apple_health, {"e.xml": DOCUMENT}, zone=BERLIN)
    assert found.of(
        "sleep_episode", "device", "episode", "t_utc", "end_utc", "scoring", "in_bed", "offset_min"
    ) == [
        ("Apple Watch", "bed-1714595700", utc("2024-05-01T20:35"), utc("2024-05-02T04:55"), "classic", True, 120),
        ("Apple Watch", "sleep-1714596000", utc("2024-05-01T20:40"), utc("2024-05-02T04:50"), "stages", False, 120),
        ("Apple Watch", "sleep-1714651200", utc("2024-05-02T12:00"), utc("2024-05-02T12:30"), "stages", False, 60),
        ("AutoSleep", "sleep-1714596600", utc("2024-05-01T20:50"), utc("2024-05-02T04:40"), "classic", False, 120),
        ("iPhone", "bed-1714594800", utc("2024-05-01T20:20"), utc("2024-05-02T05:00"), "classic", True, 120),
    ]  # fmt: skip
    night = [s for s in found.of("sleep_stage", "episode", "t_utc", "stage") if s[0] == "sleep-1714596000"]
    assert [stage for _, _, stage in night] == ["light", "deep", "wake", "rem", "light"]
    assert [s for s in found.of("sleep_stage", "device", "stage") if s[0] == "AutoSleep"] == [
        ("AutoSleep", "asleep")
    ]


def test_an_export_of_2019_is_read() -> None:
    found = read_members(
        apple_health, {"export.xml": FILES["iphone_2019/export.xml"]}, zone="America/Los_Angeles"
    )
    assert found.refused == []
    assert found.of("heart_rate", "t_utc", "hr_bpm", "device", "offset_min", "tz_assumed") == [
        (utc("2018-09-10T09:28:55"), 72.0, "Apple Watch", -420, True)
    ]
    assert found.of("workout", "activity", "t_utc", "end_utc", "offset_min", "tz_assumed") == [
        ("run", utc("2016-11-14T14:25:41"), utc("2016-11-14T14:30:52"), -480, False)
    ]


# --- who claims what ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "claimed", "table"),
    [
        ("export.xml", document(), True, "signal.heart_rate"),
        ("exportieren.xml", "\ufeff<!DOCTYPE HealthData [\n]>", True, "signal.heart_rate"),
        ("export.xml", "<html><body>HealthData</body></html>", False, "signal.heart_rate"),
        ("export.xml", "<HealthDataset/>", False, "signal.heart_rate"),
        ("export_cda.xml", "<ClinicalDocument/>", True, None),
        ("export_cda.xml", "<other/>", False, None),
        ("workout-routes/route_2019-06-11_3.00pm.gpx", '<gpx creator="Apple Health Export">', True, None),
        ("workout-routes/route_2019-06-11_3.00pm.gpx", '<gpx creator="Strava">', False, None),
        ("electrocardiograms/ecg_2024-05-02.csv", "Name,N", True, None),
        ("elsewhere/ecg_2024-05-02.csv", "Name,N", False, None),
        ("notes.txt", "<HealthData>", False, None),
    ],
)
def test_documents_are_claimed_by_their_first_bytes(
    name: str, content: str, claimed: bool, table: str | None
) -> None:
    one = member(name, content)
    assert apple_health.claims(one) is claimed
    assert not claimed or apple_health.stream(one.name) == table


# --- clocks ------------------------------------------------------------------------------------


def test_the_offset_of_the_export_is_not_that_of_the_recording() -> None:
    stamps = ["2024-01-15 12:00:00 -0400", "2024-07-15 12:00:00 -0400"]
    found = read(*(record(at=at) for at in stamps), zone="America/New_York")
    assert found.of("heart_rate", "t_utc", "offset_min", "tz_assumed") == [
        (utc("2024-01-15T16:00"), -300, True),
        (utc("2024-07-15T16:00"), -240, True),
    ]


@pytest.mark.parametrize(
    ("zone", "offset_min", "assumed"),
    [
        ("Asia/Tokyo", 540, False),
        ("GMT+0530", 330, False),
        ("GMT-3", -180, False),
        ("GMT", 0, False),
        ("Nowhere/Land", 120, True),
        ("../../etc/passwd", 120, True),
        ("America", 120, True),
        ("", 120, True),
    ],
)
@pytest.mark.usefixtures("fast")
def test_a_zone_in_the_record_gives_its_offset(zone: str, offset_min: int, assumed: bool) -> None:
    found = read(record(inside=f'  <MetadataEntry key="HKTimeZone" value="{zone}"/>\n'))
    assert found.of("heart_rate", "offset_min", "tz_assumed") == [(offset_min, assumed)]


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("6:14:48.94 PM", 22_488_940),
        ("18:14:48.94", 22_488_940),
        ("08:34:05,10", 30_845_100),
        ("3:10:02,11 AM", 11_402_110),
        ("3:10:02.11\u202fAM", 11_402_110),
        ("12:00:00.50 AM", 500),
        ("00:00:00,5", 500),
        ("오후 6:14:48.94", 22_488_940),
        ("8.34.05,10", 30_845_100),
        ("6:14:48", -1),
        ("6:14:60.00", -1),
        ("25:14:48.00", -1),
        ("noon", -1),
        ("2024-05-02 08:34:05 +0200", -1),
        ("", -1),
    ],
)
def test_wall_clock_times_of_any_locale_are_read_the_same_both_ways(text: str, milliseconds: int) -> None:
    assert read_wall(text) == milliseconds
    found = read_all(document(record(HRV, value="40", inside=beat_list((60, text), (60, text)))), fast=True)
    refused = [line for line in found if "beat list" in str(line)]
    assert bool(refused) is (milliseconds < 0)
    if milliseconds >= 0:
        assert [line[1] for line in found if line[0] == "beat"] == [milliseconds] * 2


def test_the_wall_clock_of_another_zone_is_laid_on_the_instant() -> None:
    """One real record begins at 19:14:47 -0400 while its beats say 6:14:48 PM: the export was made in summer."""
    beats = beat_list((95, "6:14:48.94 PM"), (94, "6:14:49.58 PM"), (91, "6:14:50.24 PM"))
    at = "2017-11-22 19:14:47 -0400"
    found = read(
        record(HRV, at, beats, end="2017-11-22 19:15:52 -0400", value="32.1"), zone="America/New_York"
    )
    assert found.of("beat", "t_utc", "rr_ms", "offset_min") == [
        (utc("2017-11-22T23:14:49.580"), 640.0, -300),
        (utc("2017-11-22T23:14:50.240"), pytest.approx(660.0), -300),
    ]


def test_midnight_and_noon_may_pass_inside_a_list() -> None:
    for first, second in (("11:59:59.50 PM", "12:00:00.40 AM"), ("23:59:59,50", "00:00:00,40")):
        beats = beat_list((66, first), (66, second))
        found = read(record(HRV, "2024-05-01 23:59:59 +0200", beats, end="2024-05-02 00:01:00 +0200"))
        assert found.of("beat", "t_utc", "rr_ms") == [(utc("2024-05-01T22:00:00.400"), 900.0)]


def test_offsets_of_quarter_hours_do_not_matter_to_beats() -> None:
    beats = beat_list((60, "11:45:01.20"), (60, "11:45:02.20"))  # Kathmandu, 5:45 ahead
    found = read(record(HRV, "2024-05-02 08:00:00 +0200", beats, end="2024-05-02 08:01:00 +0200"))
    assert found.of("beat", "t_utc", "rr_ms") == [(utc("2024-05-02T06:00:02.200"), 1000.0)]


@pytest.mark.parametrize(
    ("beats", "reason"),
    [
        ([(60, "8:00:05.00"), (60, "8:00:04.00")], "a beat list whose times run backwards"),
        (
            [(60, "8:07:00.00"), (60, "8:07:01.00")],
            "a beat list that does not lie within the time of its record",
        ),
        (
            [(60, "8:00:05.00"), ("many", "8:00:06.00")],
            "a beat list with a time or rate of no known layout: expected times such as 6:14:48.94 PM",
        ),
    ],
)
@pytest.mark.usefixtures("fast")
def test_an_impossible_beat_list_is_refused_and_its_record_kept(
    beats: list[tuple[object, str]], reason: str
) -> None:
    found = read(record(HRV, inside=beat_list(*beats), end="2024-05-02 08:01:00 +0200", value="40"))
    assert found.refused == [("export.xml", 0, reason)]
    assert found.of("hrv_sample", "value_ms") == [(40.0,)]
    assert found.of("beat", "rr_ms") == []


def test_intervals_follow_the_times_whatever_the_rates_say() -> None:
    random_ = np.random.default_rng(3)
    rr_ms = random_.integers(50, 110, 200) * 10
    wall = np.concatenate([[0], np.cumsum(rr_ms)])
    beats = np.zeros(wall.size, BEAT)
    beats["wall_ms"], beats["bpm"][1:] = wall, np.round(60_000 / rr_ms)
    kept = np.ones(wall.size, bool)
    kept[[50, 51, 120]] = False
    start = np.array([0], np.int64)
    found, bad = find_intervals(beats[kept], start, np.array([wall[-1] * 1000], np.int64))
    assert bad == {}
    # 50 and 51 are missing, so the steps to 52 and, of 120, to 121 are gaps; all others are as they were.
    expected = [(i + 1, rr) for i, rr in enumerate(rr_ms) if i + 1 not in (50, 51, 52, 120, 121)]
    assert found["rr_ms"].tolist() == [rr for _, rr in expected]
    assert found["t_us"].tolist() == [wall[i] * 1000 for i, _ in expected]
    gaps = {i for (i, _), gap in zip(expected, found["gap_before"], strict=True) if gap}
    assert gaps == {1, 53, 122}


# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "version", "device", "name"),
    [
        ("Kim’s Apple\u00a0Watch", "10.4", "<<HKDevice: 0x1>, name:Apple Watch, model:Watch, software:9>", "Apple Watch"),
        ("Kim’s Apple\u00a0Watch", "10.4", "<<HKDevice: 0x2>, name:Apple Watch, model:Watch, software:10>", "Apple Watch"),
        ("Bob", "10.4", "<<HKDevice: 0x2>, name:Apple Watch, hardware:Watch6,2, software:10.4>", "Apple Watch"),
        ("Strava", "300", "<<HKDevice: 0x2>, name:Apple Watch, software:10.4>", "Apple Watch (Strava)"),
        ("Kim’s iPhone", "17", "", "iPhone"),
        ("Sleep\u00a0Cycle", "6", "", "Sleep Cycle"),
        ("Kim’s iPhone", "3", "<<HKDevice: 0x2>, name:Polar H10, manufacturer:Polar, software:1>", "Polar H10"),
        ("Withings", "3", "<<HKDevice: 0x2>, manufacturer:Withings, model:Body+>", "Withings Body+"),
        ("", "", "", None),
    ],
)  # fmt: skip
def test_devices_have_the_same_name_in_every_export(
    source: str, version: str, device: str, name: str | None
) -> None:
    assert name_device(source, version, device) == name


@pytest.mark.parametrize(
    ("type_name", "name"),
    [
        ("HKWorkoutActivityTypeRunning", "run"),
        ("HKWorkoutActivityTypeTableTennis", "table tennis"),
        ("HKWorkoutActivityTypeHighIntensityIntervalTraining", "interval training"),
        ("", "other"),
    ],
)
def test_activities_are_words(type_name: str, name: str) -> None:
    assert name_activity(type_name) == name


# --- sleep -------------------------------------------------------------------------------------


def stage(start: str, end: str, value: str, **said: str) -> str:
    at = f"2024-05-02 {start}:00 +0200"
    label = f"HKCategoryValueSleepAnalysis{value}"
    return record(SLEEP, at, end=f"2024-05-02 {end}:00 +0200", value=label, **said)


def stages_of(found: Found) -> list[tuple[str, str, str]]:
    rows = found.of("sleep_stage", "t_utc", "end_utc", "stage")
    return [(f"{start:%H:%M}", f"{end:%H:%M}", name) for start, end, name in rows]


def test_stages_of_a_device_that_overlap_are_cut_to_be_disjoint() -> None:
    found = read(
        stage("02:00", "06:00", "AsleepUnspecified"),
        stage("02:00", "04:00", "AsleepCore"),
        stage("03:00", "03:10", "Awake"),
    )
    assert stages_of(found) == [
        ("00:00", "01:00", "light"),
        ("01:00", "01:10", "wake"),
        ("01:10", "02:00", "light"),
        ("02:00", "04:00", "asleep"),
    ]


def test_an_hour_between_stretches_parts_two_sleeps() -> None:
    found = read(
        stage("01:00", "02:00", "Asleep"),
        stage("03:00", "04:00", "Asleep"),
        stage("05:01", "06:00", "Asleep"),
    )
    assert found.of("sleep_episode", "t_utc", "end_utc") == [
        (utc("2024-05-01T23:00"), utc("2024-05-02T02:00")),
        (utc("2024-05-02T03:01"), utc("2024-05-02T04:00")),
    ]


def test_a_whole_sleep_has_the_zone_that_one_of_its_stretches_names() -> None:
    zone = '  <MetadataEntry key="HKTimeZone" value="Asia/Tokyo"/>\n'
    found = read(stage("01:00", "02:00", "AsleepREM"), stage("02:00", "03:00", "AsleepDeep", inside=zone))
    assert found.of("sleep_episode", "offset_min", "end_offset_min", "tz_assumed") == [(540, 540, False)]


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (record(value="400"), "a value that no body can have"),
        (record(value="0"), "a value that no body can have"),
        (record(value="61,5"), "expected a number as value, found none"),
        (record(value="NaN"), "expected a number as value, found none"),
        (record(value="INF"), "expected a number as value, found none"),
        (record(value="-"), "expected a number as value, found none"),
        (record(unit="furlongs"), "a unit that is not known for this kind of record"),
        (record(at="1970-01-01 00:00:00 +0000"), "dated before 2007-01-01, when there was no such device"),
        (record(at="2099-01-01 00:00:00 +0000"), "dated after 2024-08-02T00:00 UTC, a day after the export was written"),
        (record(at="2024-02-30 08:00:00 +0200"), "expected a date and time, found none that the calendar has"),
        (record(at="yesterday"), "expected a date and time, found none that the calendar has"),
        (record(end="2024-05-02 07:00:00 +0200"), "ends before it starts"),
        (record(end="-"), "expected an endDate such as 2026-10-22 08:00:00 +0100, found none"),
        (record(STEPS, value="5000"), "more than 1000 steps a minute"),
        (record(STEPS, value="-1"), "a value that no body can have"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("from_bytes", [0, 1 << 40])
def test_what_cannot_be_true_is_refused_and_the_rest_kept(
    bad: str, reason: str, from_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apple_health, "FAST_FROM_BYTES", from_bytes)
    found = read(record(value="60"), bad, record(value="62", at="2024-05-02 08:00:01 +0200"))
    assert found.refused == [("export.xml", 1, reason)]
    assert rates(found) == [60.0, 62.0]


def test_a_sleep_value_that_is_not_known_is_refused() -> None:
    found = read(stage("01:00", "02:00", "AsleepDreaming"), stage("02:00", "02:00", "AsleepREM"))
    assert [reason[:40] for _, _, reason in found.refused] == [
        "a sleep value that is not known: expecte",
        "ends before it starts",
    ]
    assert found.rows == {}


@pytest.mark.parametrize("inside", ["", '  <MetadataEntry key="HKStateOfMindValence" value="7"/>\n'])
def test_a_state_of_mind_without_a_valence_from_minus_one_to_one_is_refused(inside: str) -> None:
    found = read(record("HKDataTypeStateOfMind", value="-", inside=inside))
    assert len(found.refused) == 1
    assert "valence" in found.refused[0][2]


def test_a_state_of_mind_may_be_an_element_of_its_own() -> None:
    element = ' <StateOfMind sourceName="Health" startDate="2024-05-02 21:15:00 +0200" valence="0.5" labels="Calm"/>\n'
    assert read(element).of("checkin", "value", "label") == [(0.5, "calm")]


def test_the_date_inside_the_document_says_what_is_too_late() -> None:
    date, late = ' <ExportDate value="2025-01-01 00:00:00 +0000"/>\n', record(at="2024-12-31 08:00:00 +0100")
    text = document(date, late, late.replace("2024-", "2025-"))
    found = read_members(apple_health, {"export.xml": text}, zone=BERLIN, latest=datetime(2025, 1, 2))
    assert [(number, reason[:10]) for _, number, reason in found.refused] == [(2, "dated afte")]
    # Further down it is not the phone's own, and how much is read at once must not matter.
    assert len(read(late, date, late).refused) == 2


# --- XML, whole and broken ---------------------------------------------------------------------

PLAIN = record(value="60")
ODD = {
    "single quotes": PLAIN.replace('value="60"', "value='60'"),
    "another order": PLAIN.replace(' value="60"', "").replace("<Record ", '<Record value="60" '),
    "spaces around the sign": PLAIN.replace('value="60"', 'value = "60"'),
    "a comment inside": PLAIN.replace("/>", '><!-- <Record value="9"/> --></Record>'),
    "a comment before": '<!-- <Record type="x"/> -->' + PLAIN,
    "CDATA inside": PLAIN.replace("/>", "><![CDATA[<Record/>]]></Record>"),
    "an instruction": "<?go on?>" + PLAIN,
    "a number for a character": PLAIN.replace("Kim’s", "Kim&#8217;s"),
    "an attribute not known": PLAIN.replace("/>", ' shoe="42"/>'),
    "a child not known": PLAIN.replace("/>", '><Shoe size="42"/></Record>'),
    "white space in the end tag": PLAIN.replace("/>", "></Record >"),
    "a new line in a value": PLAIN.replace("Kim’s", "Kim’s\n"),
    "a control character": PLAIN.replace("Kim’s", "Kim\x01\x0b"),
    "an unused kind before": record("HKQuantityTypeIdentifierHeight") + PLAIN,
    "words between": "text" + PLAIN,
    "CRLF": PLAIN.replace("\n", "\r\n").replace(" sourceName", "\r\n sourceName"),
    "an exponent": PLAIN.replace('value="60"', 'value="6.0e1"'),
    "many digits": PLAIN.replace('value="60"', 'value="60.000000000000000000001"'),
    "a long line": PLAIN.replace("Kim’s", "K" * 1_000_000),
    "an end tag": PLAIN.replace("/>", "></Record>"),
    "a correlation": f'<Correlation type="c">{record("HKQuantityTypeIdentifierHeight")}</Correlation>' + PLAIN,
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("from_bytes", [0, 1 << 40])
def test_odd_but_whole_xml_gives_the_same_rows(
    name: str, from_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apple_health, "FAST_FROM_BYTES", from_bytes)
    after = record(value="70", at="2024-05-02 09:00:00 +0200")
    found = read(record(value="50", at="2024-05-02 07:00:00 +0200"), ODD[name], after)
    assert found.refused == []
    assert rates(found) == [50.0, 60.0, 70.0]


BROKEN = {
    "an entity not known": PLAIN.replace("Kim’s", "&bomb;"),
    "a less-than sign in a value": PLAIN.replace("Kim’s", "a < b"),
    "an ampersand": PLAIN.replace("Kim’s", "Kim & Co"),
    "a quote too few": PLAIN.replace('value="60"', 'value="60'),
    "an attribute twice": PLAIN.replace("/>", ' value="61"/>'),
    "an end tag that fits none": PLAIN.replace("/>", "></Rekord>"),
    "an end tag missing": PLAIN.replace("/>", ">"),
    "names with spaces, as iOS 8 wrote them": PLAIN.replace("/>", ' Health Mate App Version="2.6.0"/>'),
    "no space between": PLAIN.replace('" value', '"value'),
    "a comment without end": "<!-- " + PLAIN,
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("from_bytes", [0, 1 << 40])
def test_a_broken_element_is_refused_with_its_byte_and_the_others_kept(
    name: str, from_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apple_health, "FAST_FROM_BYTES", from_bytes)
    before, after = record(value="50", at="2024-05-02 07:00:00 +0200"), record(at="2024-05-02 09:00:00 +0200")
    found = read(before, BROKEN[name], after, after.replace("61", "62"))
    assert {"50.0", "62.0"} <= {str(rate) for rate in rates(found)}
    assert len(found.refused) == 1
    assert found.refused[0][1] == 1
    raw = refused_rows(document(before, BROKEN[name], after))[0]
    place = len(document(before).partition("</HealthData>")[0].encode())
    assert raw["place"] in {f"byte {place}", f"byte {place + 1}"}
    assert raw["raw"].startswith(BROKEN[name].strip()[:20])


def rest_of(found: Found) -> list[str]:
    return [reason for _, _, reason in found.refused if reason.startswith("the rest of the file")]


OPENED = "<![CDATA[ text without end " + "x" * 2000 + record(value="60")


@pytest.mark.usefixtures("fast")
def test_however_many_elements_have_no_end_what_follows_them_is_read() -> None:
    found = read(*[OPENED] * 40, record(value="70", at="2024-05-02 09:00:00 +0200"))
    assert rates(found) == [60.0] * 40 + [70.0]
    assert (len(found.refused), rest_of(found)) == (40, [])


@pytest.mark.usefixtures("fast")
def test_where_too_much_was_looked_at_in_vain_it_is_said_from_where_on_nothing_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apple_health.document, "WASTE_BYTES", 60_000)
    found = read(*[OPENED] * 20)
    assert 0 < len(rates(found)) < 20
    assert len(rest_of(found)) == 1
    assert found.refusals[-1]["raw"].startswith("<Record")
    # Nothing more is to be read of a file that is merely cut, or spoilt at its end.
    spoilt = document(PLAIN, "<Record " + "x" * 200_000)
    for text in (spoilt, spoilt.partition("</HealthData>")[0]):
        cut = read_members(apple_health, {"e.xml": text})
        assert (len(cut.refused), rest_of(cut)) == (1, [])


@pytest.mark.usefixtures("fast")
def test_a_correlation_without_end_is_known_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apple_health.document, "WASTE_BYTES", 60_000)
    kept = f'<Correlation type="c">{PLAIN}</Correlation>'
    found = read(*[f'<Correlation type="c">{record(value="60")}'] * 30, kept, record(value="70"))
    assert rates(found) == [60.0] * 30 + [70.0]
    assert len(found.refused) == 30


@pytest.mark.usefixtures("fast")
def test_what_is_kept_of_a_refused_element_is_a_kilobyte_of_utf8() -> None:
    found = read(
        record(value="61", sourceName="\x00\xff" * 2000, end="2024-05-01 08:00:00 +0200"),
        "<Record \x00" * 300,
    )
    assert len(found.refused) > 1
    assert max(len(row["raw"].encode()) for row in found.refusals) <= 1024


def refused_rows(text: str) -> list[dict[str, Any]]:
    one = member("export.xml", text)
    export = Export("x", (one,), (0,), datetime(2024, 8, 1))
    parts = apple_health.read(export, Reading(BERLIN, lambda _: None))
    return [row for part in parts if isinstance(part, Rejected) for row in part.rows.to_pylist()]


BOMB = "<!DOCTYPE HealthData [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY a{i} '&a{i - 1 if i else ''};&a{i - 1 if i else ''};'>" for i in range(1, 30)
)


@pytest.mark.parametrize(
    "head",
    [
        BOMB.replace("&a0;", "&a;") + "]>",
        '<!DOCTYPE HealthData [<!ENTITY a29 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE HealthData SYSTEM "http://127.0.0.1:9/x.dtd">',
    ],
)
@pytest.mark.usefixtures("fast")
def test_entities_are_never_expanded_or_fetched(head: str) -> None:
    text = document(record(value="50"), PLAIN.replace("Kim’s", "&a29;")).replace("?>\n", f"?>\n{head}\n", 1)
    found = read_members(apple_health, {"export.xml": text}, zone=BERLIN)
    assert rates(found) == [50.0]
    assert [(record, reason[:47]) for _, record, reason in found.refused] == [
        (1, "no well-formed XML (undefined entity at byte " + found.refused[0][2][45:47])
    ]


@pytest.mark.parametrize(
    "head",
    [
        "<!DOCTYPE HealthData [\n<!-- it's of 2022 -->\n<!ATTLIST Broken\n startDate CDATA #REQUIRED\n>\n endDate CDATA>\n]>",
        "<!DOCTYPE HealthData [ <!-- <HealthData> --> <!ENTITY x '\"'> ]>",
        "<!-- <HealthData locale='x'> -->",
        "",
    ],
)
def test_any_document_type_is_passed_over(head: str) -> None:
    text = document(PLAIN).replace("?>\n", f"?>\n{head}\n", 1)
    found = read_members(apple_health, {"export.xml": text}, zone=BERLIN)
    assert (rates(found), found.refused) == ([60.0], [])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!DOCTYPE HealthData [", "expected a HealthData element, as Apple's export.xml has; found none"),
        (document().replace("UTF-8", "ISO-8859-1").encode(), "it says that it is encoded as ISO-8859-1: expected UTF-8"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_read_is_refused_as_a_whole(content: bytes, reason: str) -> None:
    found = read_members(apple_health, {"export.xml": content}, zone=BERLIN)
    assert [text[: len(reason)] for _, _, text in found.refused] == [reason]


@pytest.mark.parametrize("text", ["<HealthData/>", "<HealthData></HealthData>", document()])
def test_an_export_without_records_is_empty_not_broken(text: str) -> None:
    found = read_members(apple_health, {"export.xml": text}, zone=BERLIN)
    assert (found.rows, found.refused) == ({}, [])


def test_a_byte_order_mark_and_text_behind_the_end() -> None:
    found = read_members(apple_health, {"e.xml": "\ufeff" + document(PLAIN) + "more"}, zone=BERLIN)
    assert rates(found) == [60.0]
    assert [reason for _, _, reason in found.refused] == ["unexpected text follows the export"]


ELEMENT_ENDS = [
    m.end() for m in re.finditer(rb"\n <[A-Z].*?(?=\n <[A-Z]|\n</HealthData>)", DOCUMENT, re.DOTALL)
]


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(min_value=900, max_value=len(DOCUMENT) - 15))
def test_cut_at_any_byte_all_whole_elements_before_are_kept(cut: int) -> None:
    found = read_members(apple_health, {"export.xml": DOCUMENT[:cut]}, zone=BERLIN)
    (refused,) = found.refused
    assert refused[1] == sum(end <= cut for end in ELEMENT_ENDS)
    assert "the file breaks off here" in refused[2]
    whole = read_members(apple_health, {"export.xml": DOCUMENT}, zone=BERLIN)
    for table in ("heart_rate", "steps", "vital", "hrv_sample", "event", "checkin", "workout"):
        kept = [row for row in whole.of(table, "record", "t_utc", "device") if row[0] < (refused[1] or 0)]
        assert found.of(table, "record", "t_utc", "device") == kept


def test_shuffled_and_repeated_records_give_the_same_rows() -> None:
    head, *elements = re.split(rb"(?=\n <[A-Z])", DOCUMENT.removesuffix(b"\n</HealthData>\n"))
    whole = read_members(apple_health, {"e.xml": DOCUMENT}, zone=BERLIN).signals()
    for seed in range(3):
        order = random.Random(seed)
        mixed = [*elements, *order.sample(elements, 8)]
        order.shuffle(mixed)
        text = b"".join([head, *mixed, b"\n</HealthData>\n"])
        assert read_members(apple_health, {"e.xml": text}, zone=BERLIN).signals() == whole


# --- two readers, one meaning ------------------------------------------------------------------


def read_all(text: str | bytes, *, fast: bool, chunk_bytes: int = 1 << 16) -> list[tuple[object, ...]]:
    """All that a reader gives for a document, texts by name, in order."""
    data = text.encode() if isinstance(text, str) else text
    words: dict[str, int] = {}
    lines: list[tuple[object, ...]] = []
    for piece in read_document(io.BytesIO(data), words, fast=fast, chunk_bytes=chunk_bytes):
        names = [*words, None]
        for place, row in enumerate(piece.rows):
            own = [row[name].item() for name in ("number", "at", "kind", "start_us", "end_us")]
            lines.append(("row", *own, repr(row["value"].item()), *(names[row[name]] for name in TEXTS)))
            if own[2] == 1:
                mine = piece.beats[piece.beats["row"] == place]
                lines += [("beat", b["wall_ms"].item(), b["bpm"].item()) for b in mine]
        lines += [("element", number, e.name, e.at, str(e.attributes)) for number, e in piece.elements]
        lines += [("refused", r.number, r.at, r.reason, r.raw) for r in piece.refused]
        lines += [("left out",)] * piece.n_other
    kinds = {"row": 0, "beat": 0, "element": 1, "refused": 2, "left out": 3}
    return sorted(lines, key=lambda line: kinds[str(line[0])])


def agree(data: bytes, chunk_bytes: int = 1 << 16) -> None:
    assert read_all(data, fast=True, chunk_bytes=chunk_bytes) == read_all(data, fast=False)


TEXT = st.text(alphabet=st.sampled_from("aé&;<>\"'\x01\n\t ’\u00a0\u202f#lt0:,."), max_size=12)
SPELLED = st.sampled_from(
    ["61", "-0", "0.1", "61.", ".5", "1e3", "1234567890123456", "0.12345678901234567", "", "4 ", "+4", "٣"]
)
STAMP = st.sampled_from(
    [
        "2024-05-02 08:00:00 +0200", "2024-02-29 00:00:00 -0330", "2023-02-29 00:00:00 +0000", "0000-01-01 00:00:00 +0000",
        "2024-05-02 24:00:00 +0200", "2024-05-02T08:00:00 +0200", "20[]-05-02 08:00:00 +0200", "2024-05-02 08:00:00 +02:0", "2024-05-02 08:00:00 +2400", "2024-05-02 08:00:00", "",
    ]
)  # fmt: skip
WALLS = st.sampled_from(
    ["6:14:48.94 PM", "08:34:05,10", "3:10:02,11\u202fAM", "1:2:3.4", "12:00:00", "a1:00:00.00b1"]
)


@st.composite
def spelled_records(draw: st.DrawFn) -> str:
    """A record with whatever in it, some of it no XML."""
    kind = draw(
        st.sampled_from(
            [HEART_RATE, HRV, SLEEP, STEPS, "HKQuantityTypeIdentifierHeight", "HKDataTypeStateOfMind"]
        )
    )
    said = {"value": draw(SPELLED)} if draw(st.booleans()) else {}
    if draw(st.integers(0, 3)) == 0:
        said["sourceName"] = draw(TEXT)
    if draw(st.integers(0, 5)) == 0:
        said["device"] = draw(
            st.sampled_from(["&lt;&lt;HKDevice: 0x1F&gt;, name:x", "&lt;&lt;HKDevice: 0x&gt;, ", "-", "x"])
        )
    end = {"end": draw(STAMP)} if draw(st.integers(0, 4)) == 0 else {}
    inside = ""
    if draw(st.booleans()):
        inside += f'  <MetadataEntry key="HKTimeZone" value="{draw(TEXT)}"/>\n'
    if draw(st.booleans()):
        inside += beat_list(*draw(st.lists(st.tuples(SPELLED, WALLS), max_size=3)))
    at = draw(STAMP) if draw(st.integers(0, 4)) == 0 else "2024-05-02 08:00:00 +0200"
    text = record(kind, at, inside, **said, **end)
    return text.replace('"', "'") if draw(st.integers(0, 9)) == 0 else text


@settings(deadline=None, max_examples=150)
@given(
    elements=st.lists(
        st.one_of(spelled_records(), st.sampled_from([*ODD.values(), *BROKEN.values()])), max_size=6
    )
)
def test_both_readers_agree_on_any_spelling(elements: list[str]) -> None:
    elements = [element for element in elements if len(element) < 100_000]
    agree(document(*elements).encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=150)
@given(
    place=st.integers(min_value=600, max_value=len(DOCUMENT) - 1),
    bytes_=st.binary(max_size=6)
    | st.sampled_from([b"<!--", b"]]>", b"&#0;", b"'", b'"', b"<", b">", b"\x00", b"\xff", b"/"]),
    length=st.integers(min_value=0, max_value=40),
)
def test_both_readers_agree_on_damaged_bytes(place: int, bytes_: bytes, length: int) -> None:
    agree(DOCUMENT[:place] + bytes_ + DOCUMENT[place + length :])


@settings(deadline=None, max_examples=25)
@given(chunk_bytes=st.integers(min_value=256, max_value=4000), seed=st.integers(0, 100))
def test_where_the_stream_is_cut_into_pieces_does_not_matter(chunk_bytes: int, seed: int) -> None:
    names = [*ODD]
    random.Random(seed).shuffle(names)
    text = document(
        *(ODD[n] for n in names[:6] if n != "a long line"), DOCUMENT.decode().partition("/>\n")[2]
    )
    agree(text.encode(), chunk_bytes)


def test_more_texts_than_one_scan_keeps_apart() -> None:
    text = document(*(record(sourceName=f"app {i}") for i in range(2 * scan.MAX_TEXTS + 3)))
    rows = [line for line in read_all(text, fast=True) if line[0] == "row"]
    assert [line[7] for line in rows] == [f"app {i}" for i in range(2 * scan.MAX_TEXTS + 3)]
    agree(text.encode())


def test_bytes_that_xml_forbids_are_marked_and_stay_where_they_are() -> None:
    assert mend(b"a\x00\xff\xc3\xa9\xed\xa0\x80\xef\xbf\xbf\tz\xe2\x80") == b"a??\xc3\xa9??????\tz??"


# --- the whole road ----------------------------------------------------------------------------


def test_an_export_loads_and_loading_it_again_changes_nothing(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "export.zip", FILES, datetime(2024, 6, 1))
    report = load_into(tmp_path, path, timezone=BERLIN)
    assert report.refused == 0
    assert dict(report.rows) == {
        "signal.beat": 3,
        "signal.checkin": 1,
        "signal.event": 1,
        "signal.heart_rate": 5,
        "signal.hrv_sample": 1,
        "signal.sleep_episode": 5,
        "signal.sleep_stage": 7,
        "signal.steps": 3,
        "signal.vital": 5,
        "signal.workout": 3,
    }
    sql = "select device, sum(steps) from signal.steps where source = 'apple_health' group by 1 order by 1"
    assert rows_of(tmp_path, sql) == [("Apple Watch", 850), ("iPhone", 800), ("iPhone (Pedometer++)", 801)]
    before = hashes_of(tmp_path)
    load_into(tmp_path, path, timezone=BERLIN)
    assert hashes_of(tmp_path) == before


def test_the_scan_is_compiled_only_where_it_is_needed() -> None:
    script = "import sys, ingest.registry; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
