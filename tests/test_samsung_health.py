"""Samsung Health: minutes for means, stages for nights, each device apart, and stamps as the export shows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from fitbit_export import hashes_of, load_into, rows_of, write_folder, write_zip
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import EXPORTED, Found, fixture, member, read_members, shuffle_lines

from ingest.files import samsung_health
from ingest.files.samsung_health.sheets import read_offset

FILES = fixture("samsung_health")
HEART = "com.samsung.shealth.tracker.heart_rate.20240703080000.csv"
STAGES = "com.samsung.health.sleep_stage.20240703080000.csv"
STEPS = "com.samsung.shealth.tracker.pedometer_step_count.20240703080000.csv"
HEART_BINS = next(n for n in FILES if "tracker.heart_rate/1" in n)
WATCH, PHONE = "SM-R960", "SM-S901E"
NAN = float("nan")


def read(files: dict[str, bytes], zone: str = "Europe/Berlin") -> Found:
    return read_members(samsung_health, files, zone)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2024-07-{text}")


def edit(name: str, change: Callable[[str], str]) -> dict[str, bytes]:
    """The fixture with one file changed."""
    return FILES | {name: change(FILES[name].decode("utf-8-sig")).encode()}


def test_heart_rate_is_the_minutes_and_single_measurements_not_the_means() -> None:
    found = read(FILES)
    assert found.of("heart_rate", "device", "t_utc", "offset_min", "hr_bpm", "tz_assumed") == [
        (WATCH, utc("01T22:00:00"), 120, 54.0, False),
        (WATCH, utc("01T22:01:00"), 120, 56.0, False),
        (WATCH, utc("02T09:15:30.500"), 120, 71.0, False),
    ]
    assert len(found.remarks) == 1
    assert found.remarks[0].startswith("1 heart rates of the Samsung export are means")
    assert found.refused == []


def test_hrv_windows_keep_their_kind_and_length() -> None:
    assert read(FILES).of("hrv_sample", "hrv", "t_utc", "span_s", "value_ms", "device") == [
        ("rmssd_5min", utc("01T23:00:00"), 299, 40.25, WATCH),
        ("rmssd_spot", utc("01T23:10:00"), 60, 38.5, WATCH),
        ("sdnn_spot", utc("01T23:00:00"), 299, 61.5, WATCH),
    ]


def test_a_window_of_no_possible_length_has_none() -> None:
    name = next(n for n in FILES if "com.samsung.health.hrv/" in n)
    found = read(FILES | {name: FILES[name].replace(b"1719875460000", b"4102444800000")})
    assert ("rmssd_spot", None) in found.of("hrv_sample", "hrv", "span_s")


def test_sleep_has_its_stages_cut_to_it_and_another_app_is_another_device() -> None:
    found = read(FILES)
    columns = ("episode", "device", "t_utc", "end_utc", "offset_min", "end_offset_min", "scoring", "in_bed")
    assert found.of("sleep_episode", *columns) == [
        ("nap-1", WATCH, utc("02T12:00"), utc("02T12:30"), 120, 120, "classic", False),
        ("night-1", WATCH, utc("01T21:30"), utc("02T01:30"), 120, 120, "stages", False),
        (
            "night-2",
            f"{WATCH} via com.urbandroid.sleep",
            utc("01T21:35"),
            utc("02T01:25"),
            120,
            120,
            "classic",
            False,
        ),
    ]
    assert found.of("sleep_stage", "episode", "t_utc", "end_utc", "stage", "device") == [
        ("night-1", utc("01T21:30"), utc("01T22:30"), "light", WATCH),
        ("night-1", utc("01T22:30"), utc("01T23:30"), "deep", WATCH),
        ("night-1", utc("01T23:30"), utc("01T23:40"), "wake", WATCH),
        ("night-1", utc("01T23:40"), utc("02T01:30"), "rem", WATCH),
    ]
    revision = int(datetime.fromisoformat("2024-07-02T05:00:00+00:00").timestamp() * 1000)
    for table in ("signal.sleep_episode", "signal.sleep_stage"):
        assert {r["revision"] for r in found.rows[table] if r["episode"] == "night-1"} == {revision}


def test_watch_and_phone_are_apart_and_an_absurd_offset_gives_way_to_the_zone() -> None:
    found = read(FILES)
    assert found.of("steps", "device", "t_utc", "span_s", "steps", "offset_min", "tz_assumed") == [
        (WATCH, utc("02T06:00"), 60, 90, 120, False),
        (PHONE, utc("02T06:00"), 60, 84, 120, False),
        (PHONE, utc("02T07:00"), 600, 600, 120, True),
    ]


def test_values_scores_exercise_and_breathing_come_through() -> None:
    found = read(FILES)
    assert found.of("vital", "vital", "t_utc", "value", "unit", "device") == [
        ("respiration", utc("01T21:30"), 15.25, "/min", WATCH),
        ("skin_temperature", utc("01T21:30"), 33.5, "Cel", WATCH),
        ("spo2", utc("01T21:30"), 95.0, "%", WATCH),
        ("steps_day", utc("01T22:00"), 9000.0, "{count}", "combined"),
        ("weight", utc("02T05:00"), 64.5, "kg", PHONE),
    ]
    assert found.of("vendor_score", "score", "t_utc", "value") == [
        ("sleep_score", utc("02T01:30"), 78.0),
        ("stress_score", utc("02T08:00"), 42.0),
    ]
    assert found.of("workout", "workout", "t_utc", "end_utc", "activity", "hr_mean_bpm", "detected") == [
        ("odd-1", utc("02T16:00"), utc("02T16:20"), "exercise type 10099", None, None),
        ("run-1", utc("02T15:00"), utc("02T15:45"), "run", 140.0, None),
    ]
    assert found.of("event", "event", "t_utc", "end_utc", "app", "amount") == [
        ("mindful", utc("02T18:00"), None, "Samsung Health", 5.0)
    ]


def test_stamps_that_the_minutes_show_to_be_local_are_read_as_local() -> None:
    local = edit(
        HEART,
        lambda t: t.replace("2024-07-01 22:", "2024-07-02 00:").replace(
            "2024-07-02 09:15", "2024-07-02 11:15"
        ),
    )
    local = {n: d for n, d in local.items() if "heart_rate" in n or "device_profile" in n}
    found = read(local)
    assert found.of("heart_rate", "t_utc", "offset_min")[2] == (utc("02T09:15:30.500"), 120)
    assert found.remarks[0].startswith(
        "The JSON files of minutes show that stamps of this Samsung export are local"
    )


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("UTC+0900", 540.0),
        ("UTC-0330", -210.0),
        ("UTC+05:45", 345.0),
        ("UTC+1", 60.0),
        ("7200000", 120.0),
        ("-18000000", -300.0),
        ("UTC+28550", NAN),
        ("UTC+0017", NAN),
        ("UTC+1500", NAN),
        ("", NAN),
        (None, NAN),
        ("Europe/Berlin", NAN),
    ],
)
def test_offsets_are_read_as_the_vendor_writes_them(text: str | None, minutes: float) -> None:
    assert read_offset(text) == pytest.approx(minutes, nan_ok=True)


def test_a_minute_file_alone_takes_the_persons_zone() -> None:
    found = read({HEART_BINS: FILES[HEART_BINS]})
    assert found.of("heart_rate", "device", "offset_min", "tz_assumed", "hr_bpm") == [
        (None, 120, True, 54.0),
        (None, 120, True, 56.0),
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (HEART, ",71.0,", ",471.0,", "heart rate outside 20 to 250"),
        (HEART, ",71.0,", ",fast,", "expected a number in heart_rate"),
        (HEART, "2024-07-02 09:15:30.500", "1970-01-01 00:00:00.000", "dated before 2012"),
        (HEART, "2024-07-02 09:15:30.500", "2099-01-01 00:00:00.000", "dated after 2024-08-02"),
        (HEART, "2024-07-02 09:15:30.500", "2024-13-02 09:15:30.500", "expected a date and time"),
        (STEPS, ",90,", ",9000,", "steps outside 0 to 1000 in a minute"),
        (STEPS, ",90,", ",nan,", "expected a whole number of steps"),
        (STAGES, ",40003,", ",40009,", "a sleep stage that is not known: expected 40001, 40002"),
        (STAGES, "2024-07-02 01:40", "2024-07-01 20:40", "ends before it starts"),
        (
            STAGES,
            "2024-07-01 21:30:00.000,night-1",
            "2024-07-01 21:30:00.000,night-9",
            "no row of com.samsung",
        ),
    ],
)
def test_an_impossible_row_is_refused_and_all_others_stay(name: str, old: str, new: str, words: str) -> None:
    whole = read(FILES)
    changed = edit(name, lambda t: t.replace(old, new))
    assert changed[name] != FILES[name]
    found = read(changed)
    assert words in found.refused[0][2]
    assert {n for n, _, _ in found.refused} == {name}
    lost = {t: whole.signals()[t] - found.signals().get(t, set()) for t in whole.signals()}
    table = {HEART: "signal.heart_rate", STEPS: "signal.steps", STAGES: "signal.sleep_stage"}[name]
    assert not any(rows for other, rows in lost.items() if other != table)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        (HEART, "com.samsung.health.heart_rate.heart_rate"),
        (STAGES, "sleep_id"),
        (STEPS, "com.samsung.health.step_count.time_offset"),
    ],
)
def test_a_missing_column_is_named(name: str, column: str) -> None:
    found = read(edit(name, lambda t: t.replace(column, "renamed", 1)))
    assert [(n, r) for n, _, r in found.refused if "expected a column" in r and column in r] != []


def test_the_older_bare_names_of_columns_are_read_too() -> None:
    found = read(edit(STEPS, lambda t: t.replace("com.samsung.health.step_count.", "")))
    assert found.of("steps", "steps") == [(84,), (90,), (600,)]


def test_byte_order_marks_line_ends_and_commas_do_not_matter() -> None:
    whole = read(FILES).signals()
    crlf = {n: d.replace(b"\n", b"\r\n") if n.endswith(".csv") else d for n, d in FILES.items()}
    wide = {n: d.decode("utf-8-sig").encode("utf-16") if n.endswith(".csv") else d for n, d in FILES.items()}
    plain = {n: d.replace(b",\n", b"\n") if n.endswith(".csv") else d for n, d in FILES.items()}
    for files in (crlf, wide, plain):
        assert read(files).signals() == whole


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_and_repeated_rows_give_the_same(seed: int) -> None:
    def shuffle(data: bytes) -> bytes:
        first, rest = data.split(b"\n", 1)
        return first + b"\n" + shuffle_lines(rest, seed)

    turned = {n: shuffle(d) if n.endswith(".csv") else d for n, d in FILES.items()}
    assert read(turned).signals() == read(FILES).signals()


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(sorted(FILES)), share=st.floats(0, 1), value=st.integers(0, 255))
def test_files_cut_or_spoilt_anywhere_never_crash(name: str, share: float, value: int) -> None:
    data = FILES[name]
    place = int(share * len(data))
    read(FILES | {name: data[:place]})
    read(FILES | {name: data[:place] + bytes([value]) + data[place + 1 :]})


def test_a_broken_device_profile_is_refused_and_devices_it_still_names_are_named() -> None:
    name = "com.samsung.health.device_profile.20240703080000.csv"
    found = read(FILES | {name: FILES[name][:150]})
    assert {n for n, _, _ in found.refused} == {name}
    assert found.of("steps", "device") == [("PHONEuuid1",), ("PHONEuuid1",), (WATCH,)]


@pytest.mark.parametrize("rest", [b"", b"\n", b"\0\0\0", b"no,such\n", b"\xff\xfe\x00"])
def test_empty_and_foreign_files_are_refused_or_give_nothing(rest: bytes) -> None:
    found = read({HEART: rest, HEART_BINS: rest})
    assert found.signals() == {}
    assert found.refused


def test_a_header_alone_gives_nothing_and_no_refusal() -> None:
    found = read(edit(HEART, lambda t: "\n".join(t.splitlines()[:2])))
    assert [r for n, _, r in found.refused if n == HEART] == []


def test_it_claims_its_files_and_leaves_out_what_it_knows() -> None:
    for name in FILES:
        assert samsung_health.claims(member(name, FILES[name])), name
    left_out = (
        "com.samsung.shealth.stress.histogram.1.csv",
        "com.samsung.health.floors_climbed.20240703080000.csv",
    )
    assert [samsung_health.stream(name) for name in left_out] == [None, None]
    for name in ("heart_rate.csv", "data.json", "com.apple.health.csv", "sleep-2020-03-10.json"):
        assert not samsung_health.claims(member(name, b""))


def test_the_devices_name_that_a_person_gave_is_not_read() -> None:
    found = read(FILES)
    assert "Anna" not in json.dumps(found.rows, default=str)


def test_it_loads_the_same_twice_from_zip_and_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    zipped = write_zip(tmp_path / "samsung.zip", FILES, EXPORTED)
    folder = write_folder(tmp_path / "samsung", FILES, EXPORTED)
    for place, path in ((first, zipped), (second, folder)):
        place.mkdir()
        report = load_into(place, path, timezone="Europe/Berlin")
        assert (report.refused, report.unclaimed) == (0, ())
        before = hashes_of(place)
        assert not load_into(place, path, timezone="Europe/Berlin").changed
        assert hashes_of(place) == before
    assert rows_of(first, "select count(*), min(device) from signal.heart_rate") == [(3, WATCH)]
    signals = {t: h for t, h in hashes_of(first).items() if t.startswith("signal.")}
    assert signals == {t: h for t, h in hashes_of(second).items() if t.startswith("signal.")}


def test_totals_of_dates_are_kept_by_device_at_local_midnight() -> None:
    name = "com.samsung.shealth.step_daily_trend.20240703080000.csv"
    head = FILES[name].decode("utf-8-sig").splitlines()[:2]
    lines = [
        ",9000,-2,,,,1719878400000,",
        ",8000,0,WATCHuuid1,com.sec.android.app.shealth,,1719878400000,",
        ",7000,-2,,,,2024-03-31 00:00:00.000,",
        ",0,-2,,,,1719705600000,",
        ",6000,-2,,,,yesterday,",
        ",-5,-2,,,,1719792000000,",
    ]
    found = read({name: "\n".join([*head, *lines])})
    rows = [r for r in found.rows["signal.vital"] if r["vital"] == "steps_day"]
    assert [
        (r["device"], str(r["t_utc"]), r["value"], r["unit"], r["offset_min"], r["tz_assumed"]) for r in rows
    ] == [
        ("combined", "2024-07-01 22:00:00", 9000.0, "{count}", 120, True),
        ("WATCHuuid1", "2024-07-01 22:00:00", 8000.0, "{count}", 120, True),
        ("combined", "2024-03-30 23:00:00", 7000.0, "{count}", 60, True),
    ]
    assert [(record, reason[:30]) for _, record, reason in found.refused] == [
        (4, "expected a date and time, foun"),
        (5, "steps_day (count) outside 0 to"),
    ]
