"""Health Auto Export: points at their instant and of their kind, sleeps put together, nothing of whose it is."""

from __future__ import annotations

import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fitbit_export import hashes_of, load_into, rows_of, write_folder, write_zip
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import EXPORTED, Found, fixture, member, read_members

from ingest.files import health_auto_export
from ingest.files.health_auto_export.document import parse_document

FILES = fixture("health_auto_export")
POINTS, SUMS = sorted(FILES)
WATCH = "Apple Watch"
DOCUMENT = json.loads(FILES[POINTS])


def read(files: dict[str, bytes], zone: str = "Europe/Berlin") -> Found:
    return read_members(health_auto_export, files, zone)


def read_metric(name: str, units: str, points: list[Any], zone: str = "Europe/Berlin") -> Found:
    document = {"data": {"metrics": [{"name": name, "units": units, "data": points}]}}
    return read({"HealthAutoExport-1.json": json.dumps(document).encode()}, zone)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2024-{text}")


def test_points_are_at_their_instant_by_their_device() -> None:
    found = read({POINTS: FILES[POINTS]})
    assert found.refused == []
    assert found.of("heart_rate", "device", "t_utc", "offset_min", "hr_bpm", "tz_assumed") == [
        (WATCH, utc("07-01T21:30"), 120, 52.5, False),
        (WATCH, utc("07-01T21:31"), 120, 53.0, False),
        ("Polar Beat", utc("07-02T07:15:30"), 120, 71.0, False),
    ]
    assert found.of("steps", "device", "t_utc", "span_s", "steps") == [
        (f"{WATCH} + iPhone", utc("07-02T06:00"), 60, 88),
        ("iPhone", utc("07-02T06:01"), 60, 90),
    ]
    assert found.of("hrv_sample", "hrv", "t_utc", "span_s", "value_ms") == [
        ("sdnn_spot", utc("07-02T01:12:10"), None, 48.25)
    ]
    assert found.of("vital", "vital", "t_utc", "unit", "device") == [
        ("respiration", utc("07-02T00:00"), "/min", WATCH),
        ("resting_heart_rate", utc("07-01T22:00"), "/min", WATCH),
        ("skin_temperature", utc("07-02T05:00"), "Cel", WATCH),
        ("spo2", utc("07-02T00:00"), "%", WATCH),
        ("weight", utc("07-02T05:10"), "kg", "Withings"),
    ]
    values = [v for (v,) in found.of("vital", "value")]
    assert sorted(values) == pytest.approx([14.5, 35.0, 51.0, 68.0388555, 96.0])
    assert found.of("event", "event", "app", "t_utc", "end_utc", "amount") == [
        ("mindful", "Headspace", utc("07-02T16:00:05"), utc("07-02T16:10:05"), 10.0)
    ]
    assert found.remarks == ["Metrics of Health Auto Export that are not read: active_energy."]


def test_practice_goes_by_the_one_name_of_its_app() -> None:
    found = read({POINTS: FILES[POINTS].replace(b'"Headspace"', b'"Headspace: Meditation & Sleep"')})
    assert found.of("event", "app") == [("Headspace",)]


def test_half_a_character_in_a_name_is_marked_and_costs_no_row() -> None:
    whole = read({POINTS: FILES[POINTS]})
    found = read({POINTS: FILES[POINTS].replace(b"Polar Beat", rb"Polar\ud83d Beat")})
    assert {d for (d,) in found.of("heart_rate", "device")} == {WATCH, "Polar\ufffd Beat"}
    assert len(found.of("heart_rate", "t_utc")) == len(whole.of("heart_rate", "t_utc"))


def test_segments_are_put_together_to_sleeps_by_device_and_gap() -> None:
    found = read({POINTS: FILES[POINTS]})
    columns = ("device", "episode", "t_utc", "end_utc", "scoring", "in_bed", "offset_min", "end_offset_min")
    assert found.of("sleep_episode", *columns) == [
        (WATCH, "2024-07-01T21:00:00Z", utc("07-01T21:00"), utc("07-02T03:00"), "stages", False, 120, 120),
        (WATCH, "2024-07-02T12:00:00Z", utc("07-02T12:00"), utc("07-02T12:30"), "stages", False, 120, 120),
        (
            "AutoSleep",
            "2024-07-01T21:15:00Z",
            utc("07-01T21:15"),
            utc("07-02T02:45"),
            "classic",
            False,
            120,
            120,
        ),
        (
            "iPhone",
            "2024-07-01T20:45:00Z in bed",
            utc("07-01T20:45"),
            utc("07-02T03:10"),
            "classic",
            True,
            120,
            120,
        ),
    ]
    assert found.of("sleep_stage", "device", "t_utc", "end_utc", "stage") == [
        (WATCH, utc("07-01T21:00"), utc("07-01T23:30"), "light"),
        (WATCH, utc("07-01T23:30"), utc("07-02T01:00"), "deep"),
        (WATCH, utc("07-02T01:00"), utc("07-02T01:10"), "wake"),
        (WATCH, utc("07-02T01:10"), utc("07-02T03:00"), "rem"),
        (WATCH, utc("07-02T12:00"), utc("07-02T12:30"), "light"),
        ("AutoSleep", utc("07-01T21:15"), utc("07-02T02:45"), "asleep"),
    ]


def test_sums_of_a_night_are_a_sleep_without_stages_and_days_of_steps_are_days() -> None:
    found = read({SUMS: FILES[SUMS]})
    assert found.of("sleep_episode", "t_utc", "end_utc", "scoring", "in_bed") == [
        (utc("07-03T20:40"), utc("07-04T04:10"), "classic", True),
        (utc("07-03T21:00"), utc("07-04T04:00"), "classic", False),
    ]
    assert found.of("sleep_stage", "stage") == []
    assert found.of("steps", "t_utc", "span_s", "steps") == [
        (utc("07-02T22:00"), 86_400, 9120),
        (utc("07-03T22:00"), 86_400, 8000),
    ]


def test_a_night_in_two_files_is_one_sleep() -> None:
    night = {"2024-07-01": [("23:00", "23:59", "Core")], "2024-07-02": [("00:00", "06:00", "Deep")]}
    files = {
        f"HealthAutoExport-{day}.json": json.dumps(
            {
                "data": {
                    "metrics": [
                        {
                            "name": "sleep_analysis",
                            "units": "hr",
                            "data": [
                                {
                                    "startDate": f"{day} {a}:00 +0200",
                                    "endDate": f"{day} {b}:00 +0200",
                                    "value": v,
                                }
                                for a, b, v in parts
                            ],
                        }
                    ]
                }
            }
        ).encode()
        for day, parts in night.items()
    }
    assert read(files).of("sleep_episode", "t_utc", "end_utc") == [(utc("07-01T21:00"), utc("07-02T04:00"))]


def test_workouts_of_both_versions_come_through() -> None:
    columns = ("workout", "activity", "t_utc", "end_utc", "hr_mean_bpm")
    assert read({POINTS: FILES[POINTS]}).of("workout", *columns) == [
        ("2024-07-02T17:00:00Z", "yoga", utc("07-02T17:00"), utc("07-02T17:20"), 80.0),
        ("550e8400-e29b-41d4-a716-446655440000", "run", utc("07-02T15:00"), utc("07-02T15:45"), 140.5),
    ]


@pytest.mark.parametrize("name", ["heart_rate", "heart_rate_variability"])
def test_means_of_hours_and_days_are_left_out_and_said(name: str) -> None:
    units = "ms" if name == "heart_rate_variability" else "bpm"
    points = [{"date": f"2024-07-02 {h:02d}:00:00 +0200", "Avg": 60, "qty": 60} for h in range(3)]
    found = read_metric(name, units, points)
    assert found.signals() == {}
    assert found.remarks[0].startswith(f"3 points of {name} are means of hours or days and were left out")


def test_steps_on_no_grid_have_no_known_length_and_are_left_out() -> None:
    points = [
        {"date": "2024-07-02 08:00:17 +0200", "qty": 30},
        {"date": "2024-07-02 08:05:00 +0200", "qty": 30},
    ]
    found = read_metric("step_count", "count", points)
    assert found.signals() == {}
    assert "do not say of how long they are" in found.remarks[0]


def test_one_offset_all_the_year_is_the_phones_at_the_export_and_not_the_recordings() -> None:
    points = [{"date": f"2024-{m}-15 10:30:00 +0200", "Avg": 60} for m in ("01", "07")]
    found = read_metric("heart_rate", "bpm", points)
    assert found.of("heart_rate", "t_utc", "offset_min", "tz_assumed") == [
        (utc("01-15T08:30"), 60, True),
        (utc("07-15T08:30"), 120, True),
    ]
    assert found.remarks[0].startswith("All stamps of Health Auto Export have one offset")
    # Where the person's clocks never change, or the stamps change with them, they are taken as they are.
    assert read_metric("heart_rate", "bpm", points, "Asia/Tokyo").of("heart_rate", "offset_min") == [
        (120,),
        (120,),
    ]


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"date": "2024-07-02 08:00:30 +0200", "Avg": 300}, "heart rate outside 20 to 250"),
        ({"date": "2024-07-02 08:00:30 +0200", "Avg": "fast"}, "expected a number in Avg or qty"),
        ({"date": "2024-07-02 08:00:30 +0200"}, "expected a number in Avg or qty"),
        ({"date": "2024-07-02 8:00:30 AM +0200", "Avg": 60}, "expected a date and time"),
        ({"date": "2024-07-32 08:00:30 +0200", "Avg": 60}, "expected a date and time"),
        ({"date": "1970-01-01 00:00:30 +0000", "Avg": 60}, "dated before 2014"),
        ({"date": "2099-01-01 00:00:30 +0000", "Avg": 60}, "dated after 2024-08-02"),
        ({"date": {"nested": 1}, "Avg": 60}, "expected a date and time"),
        ("heart", "expected a date and time"),
        (None, "expected a date and time"),
        ([1, 2], "expected a date and time"),
    ],
)
def test_an_impossible_point_is_refused_and_all_others_stay(point: Any, words: str) -> None:
    good = [{"date": f"2024-07-02 08:0{m}:00 +0200", "Avg": 60 + m} for m in range(3)]
    found = read_metric("heart_rate", "bpm", [good[0], point, *good[1:]])
    assert found.of("heart_rate", "hr_bpm") == [(60.0,), (61.0,), (62.0,)]
    assert [(record, words in reason) for _, record, reason in found.refused] == [(1, True)]


def test_unknown_units_and_unknown_stages_are_refused_not_guessed() -> None:
    found = read_metric("weight_body_mass", "stone", [{"date": "2024-07-02 08:00:00 +0200", "qty": 10}])
    assert "units 'stone' of weight_body_mass are not known: expected kg or lb" in found.refused[0][2]
    span = {"startDate": "2024-07-01 23:00:00 +0200", "endDate": "2024-07-02 01:00:00 +0200", "value": "Tief"}
    found = read_metric("sleep_analysis", "hr", [span])
    assert "a value that is not known: expected awake" in found.refused[0][2]
    assert found.signals() == {}


def test_local_stamps_take_the_persons_zone_flagged() -> None:
    found = read_metric("heart_rate", "bpm", [{"date": "2024-07-02 08:00:30", "Avg": 60}])
    assert found.of("heart_rate", "t_utc", "offset_min", "tz_assumed") == [(utc("07-02T06:00:30"), 120, True)]


def test_whose_the_devices_are_is_not_kept() -> None:
    assert "Anna" not in json.dumps(read(FILES).rows, default=str)


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_and_repeated_points_give_the_same(seed: int) -> None:
    order = random.Random(seed)
    turned = json.loads(FILES[POINTS])
    for metric in turned["data"]["metrics"]:
        metric["data"] += order.sample(metric["data"], 1)
        order.shuffle(metric["data"])
    order.shuffle(turned["data"]["metrics"])
    turned["data"]["workouts"].reverse()
    found = read({POINTS: json.dumps(turned).encode()})
    assert found.signals() == read({POINTS: FILES[POINTS]}).signals()


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 0.99))
def test_a_file_cut_anywhere_gives_its_whole_points(share: float) -> None:
    text = FILES[POINTS].decode()
    place = int(share * len(text))
    cut = parse_document(text[:place].encode())
    assert cut.reason
    whole = parse_document(FILES[POINTS])
    kept = [p for m in cut.metrics for p in m.points]
    assert kept == [p for m in whole.metrics for p in m.points][: len(kept)]
    found = read({POINTS: text[:place].encode()})
    assert found.refused


def test_every_whole_point_before_a_cut_is_kept() -> None:
    lines = [{"date": f"2024-07-02 08:{m:02d}:30 +0200", "Avg": 60} for m in range(20)]
    text = json.dumps({"data": {"metrics": [{"name": "heart_rate", "units": "bpm", "data": lines}]}})
    for number in range(1, 20):
        place = text.index(f"08:{number:02d}:30")
        assert parse_document(text[:place].encode()).count == number


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 0.999), value=st.integers(0, 255))
def test_a_spoilt_byte_never_crashes(share: float, value: int) -> None:
    data = bytearray(FILES[POINTS])
    data[int(share * len(data))] = value
    read({POINTS: bytes(data)})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0",
        b"[]",
        b"{}",
        b'{"data": []}',
        b'{"data": {"metrics": 5}}',
        b"NaN",
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_such_document_is_refused_or_gives_nothing(data: bytes) -> None:
    found = read({"HealthAutoExport-x.json": data})
    assert found.signals() == {}
    assert found.refused or data == b'{"data": {"metrics": 5}}'


def test_nan_and_byte_order_marks_and_utf16_are_read() -> None:
    text = FILES[POINTS].decode()
    whole = read({POINTS: FILES[POINTS]}).signals()
    assert read({POINTS: b"\xef\xbb\xbf" + FILES[POINTS]}).signals() == whole
    assert read({POINTS: text.encode("utf-16")}).signals() == whole
    assert read({POINTS: text.replace("\n", "\r\n").encode()}).signals() == whole
    spoilt = read({POINTS: text.replace('"Avg": 52.5', '"Avg": NaN').encode()})
    assert spoilt.of("heart_rate", "hr_bpm") == [(53.0,), (71.0,)]


def test_it_claims_its_files_by_name_or_by_how_they_begin() -> None:
    claims = health_auto_export.claims
    assert claims(member("HealthAutoExport-2024.json", b"{}"))
    assert claims(member("export.json", FILES[SUMS]))
    assert claims(member("export.json", b'\xef\xbb\xbf{"data":{"workouts":[]}}'))
    for name, data in [
        ("heart_rate-2020-03-10.json", b'[{"dateTime": "x"}]'),
        ("sleep.json", b'{"data": [{"id": 1}]}'),
        ("export.txt", FILES[SUMS]),
    ]:
        assert not claims(member(name, data))


def test_it_loads_the_same_twice_and_in_either_order(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    zipped = write_zip(tmp_path / "hae.zip", FILES, EXPORTED)
    parts = [
        write_folder(tmp_path / f"part{i}", {n: FILES[n]}, EXPORTED) for i, n in enumerate((SUMS, POINTS))
    ]
    for place, paths in ((first, [zipped]), (second, parts)):
        place.mkdir()
        for path in paths:
            report = load_into(place, path, timezone="Europe/Berlin")
            assert (report.refused, report.unclaimed) == (0, ())
        before = hashes_of(place)
        assert not load_into(place, *paths, timezone="Europe/Berlin").changed
        assert hashes_of(place) == before
    assert rows_of(first, "select count(*) from signal.sleep_episode") == [(6,)]
    signals = {t: h for t, h in hashes_of(first).items() if t.startswith("signal.")}
    assert signals == {t: h for t, h in hashes_of(second).items() if t.startswith("signal.")}
