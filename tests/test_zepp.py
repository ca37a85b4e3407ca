"""Zepp: local minutes and UTC stamps on one clock, stages in their nights, and no placeholder taken for sleep."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from fitbit_export import hashes_of, load_into, rows_of, write_folder, write_zip
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import EXPORTED, Found, fixture, member, read_members, shuffle_lines

from ingest.files import zepp

FILES = fixture("zepp")
NAME = {name.partition("/")[0]: name for name in FILES}


def read(files: dict[str, bytes], zone: str = "Asia/Tokyo") -> Found:
    return read_members(zepp, files, zone)


def edit(kind: str, change: Callable[[str], str]) -> dict[str, bytes]:
    """The fixture with one file changed."""
    return FILES | {NAME[kind]: change(FILES[NAME[kind]].decode("utf-8-sig")).encode()}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2024-07-{text}")


def test_minutes_are_local_and_stamps_are_utc() -> None:
    found = read(FILES)
    assert (found.refused, found.remarks) == ([], [])
    hearts = found.of("heart_rate", "t_utc", "hr_bpm", "offset_min", "tz_assumed")
    assert len(hearts) == 15
    assert hearts[0] == (utc("01T15:00"), 52.0, 540, True)
    assert (utc("02T03:15:30"), 88.0, 540, True) in hearts
    assert found.of("steps", "t_utc", "span_s", "steps") == [
        (utc("01T23:00"), 60, 104),
        (utc("01T23:01"), 60, 0),
    ]
    assert found.of("workout", "workout", "t_utc", "end_utc", "activity") == [
        ("2024-07-02T09:00:00Z", utc("02T09:00"), utc("02T09:30"), "run"),
        ("2024-07-02T10:00:00Z", utc("02T10:00"), utc("02T11:00"), "sport type 85"),
    ]
    assert found.of("vital", "vital", "t_utc", "value", "unit") == [
        ("respiration", utc("01T14:12"), 14.5, "/min"),
        ("steps_day", utc("01T15:00"), 8000.0, "{count}"),
        ("weight", utc("01T22:10"), 64.5, "kg"),
    ]


def test_stages_dated_a_day_late_lie_in_their_nights() -> None:
    found = read(FILES)
    assert found.of("sleep_episode", "episode", "t_utc", "end_utc", "scoring", "offset_min") == [
        ("2024-07-01T14:10:00Z", utc("01T14:10"), utc("01T21:30"), "stages", 540),
        ("2024-07-02T15:20:00Z", utc("02T15:20"), utc("02T22:00"), "stages", 540),
    ]
    assert found.of("sleep_stage", "episode", "t_utc", "end_utc", "stage") == [
        ("2024-07-01T14:10:00Z", utc("01T14:10"), utc("01T14:12"), "light"),
        ("2024-07-01T14:10:00Z", utc("01T14:12"), utc("01T14:14"), "deep"),
        ("2024-07-01T14:10:00Z", utc("01T14:14"), utc("01T14:15"), "rem"),
        ("2024-07-01T14:10:00Z", utc("01T14:15"), utc("01T14:16"), "wake"),
        ("2024-07-01T14:10:00Z", utc("01T14:16"), utc("01T14:17"), "light"),
        ("2024-07-02T15:20:00Z", utc("02T21:54"), utc("02T22:00"), "light"),
    ]


def test_stages_dated_rightly_are_taken_as_dated() -> None:
    def earlier(text: str) -> str:
        return text.replace("2024-07-02", "2024-07-01").replace("2024-07-04", "2024-07-03")

    found = read(edit("SLEEP_MINUTE", earlier))
    assert found.signals() == read(FILES).signals()


def test_stages_that_fit_no_night_are_left_out_and_said() -> None:
    found = read(edit("SLEEP_MINUTE", lambda t: t.replace("2024-07", "2024-05")))
    assert found.of("sleep_stage", "t_utc") == []
    assert found.of("sleep_episode", "scoring") == [("classic",), ("classic",)]
    assert found.remarks[0].startswith("SLEEP_MINUTE of the Zepp export fits its nights on no date clearly")


def test_stamps_that_dates_and_heart_rates_show_to_be_local_are_read_as_local() -> None:
    def to_local(text: str) -> str:
        pairs = [
            ("01 14:10", "01 23:10"),
            ("01 21:30", "02 06:30"),
            ("02 15:20", "03 00:20"),
            ("02 22:00", "03 07:00"),
        ]
        for old, new in pairs:
            text = text.replace(f"2024-07-{old}", f"2024-07-{new}")
        return text

    local = edit("SLEEP", to_local)
    found = read(local)
    assert found.remarks[0].startswith("Dates and heart rates of the nights show that stamps with +0000")
    assert found.of("sleep_episode", "t_utc", "end_utc") == read(FILES).of(
        "sleep_episode", "t_utc", "end_utc"
    )
    assert found.of("sleep_stage", "t_utc", "stage") == read(FILES).of("sleep_stage", "t_utc", "stage")
    # Weights and workouts carry the same false zone.
    assert found.of("workout", "t_utc")[0] == (utc("02T00:00"),)


def test_heart_rates_alone_decide_where_dates_do_not() -> None:
    # A nap: both readings end on its date; hearts are slow from 13:00 to 14:00 of the local clock.
    sleep = b"date,start,stop\n2024-07-02,2024-07-02 13:00:00+0000,2024-07-02 14:00:00+0000\n"
    rows = [
        f"2024-07-02,{h:02d}:{m:02d},{50 if h == 13 else 80}" for h in range(12, 24) for m in range(0, 60, 5)
    ]
    hearts = "\n".join(["date,time,heartRate", *rows, ""]).encode()
    files = {"SLEEP_1720000000000.csv": sleep, "HEARTRATE_AUTO_1720000000000.csv": hearts}
    assert read(files).of("sleep_episode", "t_utc") == [(utc("02T04:00"),)]
    slow_later = hearts.replace(b",13:", b",xx:").replace(b",22:", b",13:").replace(b",xx:", b",22:")
    assert read(files | {"HEARTRATE_AUTO_1720000000000.csv": slow_later}).of("sleep_episode", "t_utc") == [
        (utc("02T13:00"),)
    ]


@pytest.mark.parametrize(
    ("kind", "old", "new", "words"),
    [
        ("HEARTRATE_AUTO", "12:30,75", "12:30,251", "heart rate outside 20 to 250"),
        ("HEARTRATE_AUTO", "12:30,75", "12:30,fast", "expected a whole number"),
        ("HEARTRATE_AUTO", "2024-07-02,12:30", "2024-07-02,25:30", "expected a date and time"),
        ("HEARTRATE_AUTO", "2024-07-02,12:30", "1970-01-01,12:30", "dated before 2014"),
        ("HEARTRATE_AUTO", "2024-07-02,12:30", "2099-07-02,12:30", "dated after 2024-08-02"),
        ("ACTIVITY_MINUTE", ",104", ",1040", "steps outside 0 to 1000"),
        ("ACTIVITY_MINUTE", ",104", ",nan", "expected a whole number"),
        ("BODY", ",64.5,", ",645,", "weight (weight) outside 20 to 400 kg"),
        ("SPORT", ",1800,", ",-5,", "expected a sportTime"),
        ("SLEEP_MINUTE", ",REM,", ",DREAM,", "a stage that is not known: expected LIGHT, DEEP, REM"),
        ("SLEEP", "2024-07-02 22:00", "2024-07-02 14:00", "ends before it starts"),
    ],
)
def test_an_impossible_row_is_refused_and_all_others_stay(kind: str, old: str, new: str, words: str) -> None:
    changed = edit(kind, lambda t: t.replace(old, new))
    found = read(changed)
    assert [(name, words in reason) for name, _, reason in found.refused] == [(Path(NAME[kind]).name, True)]
    whole, kept = read(FILES).signals(), found.signals()
    assert sum(len(rows) for rows in kept.values()) >= sum(len(rows) for rows in whole.values()) - 3


@pytest.mark.parametrize(
    ("kind", "column"), [("HEARTRATE_AUTO", "heartRate"), ("SLEEP", "stop"), ("SPORT", "type")]
)
def test_a_missing_column_is_named(kind: str, column: str) -> None:
    found = read(edit(kind, lambda t: t.replace(column, "renamed", 1)))
    assert any(f"expected a column '{column}'" in reason for _, _, reason in found.refused)


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_and_repeated_rows_give_the_same(seed: int) -> None:
    turned = {name: shuffle_lines(data.removeprefix(b"\xef\xbb\xbf"), seed) for name, data in FILES.items()}
    assert read(turned).signals() == read(FILES).signals()


def test_byte_order_marks_and_line_ends_do_not_matter() -> None:
    whole = read(FILES).signals()
    for change in (
        lambda d: d.replace(b"\n", b"\r\n"),
        lambda d: d.removeprefix(b"\xef\xbb\xbf"),
        lambda d: d.decode("utf-8-sig").encode("utf-16"),
    ):
        assert read({name: change(data) for name, data in FILES.items()}).signals() == whole


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(sorted(FILES)), share=st.floats(0, 1), value=st.integers(0, 255))
def test_files_cut_or_spoilt_anywhere_never_crash(name: str, share: float, value: int) -> None:
    data = FILES[name]
    place = int(share * len(data))
    read(FILES | {name: data[:place]})
    read(FILES | {name: data[:place] + bytes([value]) + data[place + 1 :]})


@pytest.mark.parametrize("data", [b"", b"\n", b"\0\0", b"no,such\n1,2\n", b"date,time,heartRate"])
def test_empty_and_foreign_files_give_nothing(data: bytes) -> None:
    found = read({"HEARTRATE_AUTO_1720000000000.csv": data})
    assert found.signals() == {}
    assert bool(found.refused) == (data != b"date,time,heartRate")


def test_it_claims_its_files_and_leaves_bare_names_of_others_alone() -> None:
    for name, data in FILES.items():
        assert zepp.claims(member(name, data)), name
    assert zepp.claims(member("SLEEP.csv", FILES[NAME["SLEEP"]]))
    assert zepp.stream("ACTIVITY_1720000000000.csv") == "signal.vital"
    assert zepp.stream("ACTIVITY_STAGE_1720000000000.csv") is None
    for name, data in [
        ("sleep.csv", b"von,bis,leicht (s)\n"),
        ("activity.csv", b"date,value\n"),
        ("heart_rate.csv", b"date,time,heartRate\n"),
        ("SLEEP.json", b"[]"),
    ]:
        assert not zepp.claims(member(name, data))


def test_it_loads_the_same_twice_from_zip_and_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    zipped = write_zip(tmp_path / "zepp.zip", FILES, EXPORTED)
    folder = write_folder(tmp_path / "zepp", FILES, EXPORTED)
    for place, path in ((first, zipped), (second, folder)):
        place.mkdir()
        report = load_into(place, path, timezone="Asia/Tokyo")
        assert (report.refused, report.unclaimed) == (0, ())
        before = hashes_of(place)
        assert not load_into(place, path, timezone="Asia/Tokyo").changed
        assert hashes_of(place) == before
    assert rows_of(first, "select count(*), min(source) from signal.sleep_stage") == [(6, "zepp")]
    signals = {t: h for t, h in hashes_of(first).items() if t.startswith("signal.")}
    assert signals == {t: h for t, h in hashes_of(second).items() if t.startswith("signal.")}


def test_a_column_that_nobody_knows_is_said_and_the_rest_is_read() -> None:
    more = edit("ACTIVITY", lambda t: t.replace("calories", "calories,mood").replace(",300", ",300,5"))
    found = read(more)
    assert found.remarks == ["Columns of ACTIVITY that are not known and were not read: 'mood' (1 files)."]
    assert ("steps_day", 8000.0) in found.of("vital", "vital", "value")
