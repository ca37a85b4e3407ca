"""Texts of intervals: units, starts and gaps are read right, and what cannot be known is refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fitbit_export import hashes_of, load_into, rows_of, write_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import Found, read_members

from ingest.files import rr_text

FIXTURES = Path(__file__).parent / "fixtures"
RR = {
    path.name: path.read_bytes()
    for path in sorted((FIXTURES / "rr_text").iterdir())
    if path.suffix in (".txt", ".csv", ".hrm")
}
E4 = {path.name: path.read_bytes() for path in sorted((FIXTURES / "empatica" / "e4").iterdir())}
SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
NAME = "2024-05-01 07-30-00.txt"
START = datetime(2024, 5, 1, 5, 30)  # 07:30 in Berlin in May


def read(members: dict[str, bytes]) -> Found:
    return read_members(rr_text, members, zone="Europe/Berlin", exported=datetime(2026, 11, 1))


def read_one(text: str, name: str = NAME) -> list[tuple[float, float, bool]]:
    """Seconds after 07:30, interval in ms, gap, of each beat."""
    found = read({name: text.encode()})
    assert found.unclaimed == []
    return [
        ((r["t_utc"] - START).total_seconds(), round(r["rr_ms"], 3), r["gap_before"])
        for r in found.table("signal.beat")
    ]


def test_intervals_follow_each_other_from_the_start_in_the_name() -> None:
    found = read({NAME: b"800\n810\n815\n750\n"})
    rows = found.table("signal.beat")
    assert rows[0] == {
        "member": 0,
        "record": 0,
        "t_utc": START + timedelta(seconds=0.8),
        "offset_min": 120,
        "tz_assumed": True,
        "rr_ms": 800.0,
        "gap_before": True,
        "tick_ms": None,
        "sensor": None,
    }
    assert [r["t_utc"] - START for r in rows] == [timedelta(seconds=s) for s in (0.8, 1.61, 2.425, 3.175)]
    assert [r["gap_before"] for r in rows] == [True, False, False, False]


@pytest.mark.parametrize(
    "text",
    [
        "0.8\n0.81\n0.815\n",
        "0,800\n0,810\n0,815\n",
        "800\r\n810\r\n815\r\n",
        "\ufeff800\n810\n815",
        "# made by hand\nrri\n800\n810\n815\n",
        "800,0\n810,0\n815,0\n",
        "800;\t\n".replace(";\t", "") + "810\n815\n\n\n",
    ],
)
def test_seconds_decimal_commas_line_ends_and_headers_give_the_same_beats(text: str) -> None:
    assert read_one(text) == [(0.8, 800.0, True), (1.61, 810.0, False), (2.425, 815.0, False)]


@pytest.mark.parametrize(
    "text",
    [
        "0.800 0.800\n1.610 0.810\n2.425 0.815\n3.175 0.750\n",
        "0.000 0.800\n0.800 0.810\n1.610 0.815\n2.425 0.750\n",  # the time is that of the beat before
        "800,800\n1610,810\n2425,815\n3175,750\n",
        "rri;time\n800;0,800\n810;1,610\n815;2,425\n750;3,175\n",
        "0.8\t800\n1.61\t810\n2.425\t815\n3.175\t750\n",
    ],
)
def test_of_two_columns_the_time_is_the_one_whose_steps_are_the_other(text: str) -> None:
    assert read_one(text) == [
        (0.8, 800.0, True),
        (1.61, 810.0, False),
        (2.425, 815.0, False),
        (3.175, 750.0, False),
    ]


def test_a_hole_in_the_times_is_a_gap() -> None:
    beats = read_one("0.8 0.8\n1.6 0.8\n2.4 0.8\n9.2 0.8\n10.0 0.8\n")
    assert [gap for _, _, gap in beats] == [True, False, False, True, False]


def test_a_line_that_is_no_interval_is_refused_and_leaves_a_gap() -> None:
    found = read({"2018-06-26 22-41-56 mistake.txt": RR["2018-06-26 22-41-56 mistake.txt"]})
    rows = found.table("signal.beat")
    assert [(r["rr_ms"], r["gap_before"], r["record"]) for r in rows] == [
        (800, True, 0),
        (700, False, 1),
        (890, True, 3),
        (860, False, 4),
    ]
    assert [(r["place"], r["raw"], r["reason"]) for r in found.refusals] == [
        ("line 3", "s", "expected 1 number in the line")
    ]
    assert rows[0]["t_utc"] == datetime(2018, 6, 26, 20, 41, 56, 800000)


def test_what_no_heart_does_is_refused_but_its_time_has_passed() -> None:
    found = read({NAME: b"800\n7\n820\n0\n830\n40000\n800\n-5\ninf\nnan\n810\n790\n800\n"})
    rows = found.table("signal.beat")
    assert [(r["rr_ms"], r["gap_before"]) for r in rows] == [
        (800, True),
        (820, True),
        (830, True),
        (800, True),
        (810, True),
        (790, False),
        (800, False),
    ]
    assert rows[1]["t_utc"] == START + timedelta(seconds=0.8 + 0.007 + 0.82)
    assert len(found.refusals) == 6


@pytest.mark.parametrize("absurd", ["1e308", "-1e300", "86400001", "-7"])
def test_what_is_no_time_at_all_costs_its_own_line_only(absurd: str) -> None:
    found = read({NAME: f"800\n810\n{absurd}\n820\n830\n".encode()})
    rows = found.table("signal.beat")
    assert [(r["rr_ms"], r["gap_before"]) for r in rows] == [
        (800, True),
        (810, False),
        (820, True),
        (830, False),
    ]
    assert rows[2]["t_utc"] == START + timedelta(seconds=0.8 + 0.81 + 0.82)
    assert [(r["place"], r["raw"]) for r in found.refusals] == [("line 3", absurd)]


def test_a_line_whose_time_lies_behind_the_export_costs_itself_only() -> None:
    lines = ["time;RR", "0.8;0.8", "1.6;0.8", "2.4;0.8", "3.2;0.8", "1e300;0.8"]
    found = read({NAME: "\n".join(lines).encode()})
    assert [r["record"] for r in found.table("signal.beat")] == [1, 2, 3, 4]
    assert [(r["place"], r["reason"][:11]) for r in found.refusals] == [("line 6", "dated after")]


def test_numbers_too_long_for_any_clock_are_none() -> None:
    line = "    0:00.{0:03d}   {1}     N    0    0    0\n"
    text = "".join(line.format(8 * n, "9" * (5000 if n == 2 else 3)) for n in range(6))
    assert read({"2020-01-02 03-04-05 x.txt": text.encode()}).rows == {}


def test_a_kubios_report_gives_its_intervals_and_its_gap() -> None:
    rows = read({"kubios_hrv.csv": RR["kubios_hrv.csv"]}).table("signal.beat")
    assert [((r["t_utc"] - START).total_seconds(), round(r["rr_ms"]), r["gap_before"]) for r in rows] == [
        (0.9, 900, True),
        (1.81, 910, False),
        (2.7, 890, False),
        (9.6, 900, True),
        (10.5, 900, False),
    ]


def test_hrv_logger_writes_its_own_offset_and_time_since_the_start() -> None:
    rows = read({"2025-03-11_RR_a.csv": RR["2025-03-11_RR_a.csv"]}).table("signal.beat")
    first = datetime(2025, 3, 11, 8, 57, 38)
    assert [(r["t_utc"] - first).total_seconds() for r in rows] == [0.0, 0.7, 10.7, 11.42]
    assert [r["gap_before"] for r in rows] == [True, False, True, False]
    assert {(r["offset_min"], r["tz_assumed"]) for r in rows} == {(60, False)}


def test_stamps_without_a_time_since_the_start_place_intervals_and_show_holes() -> None:
    text = "date,rr\n" + "".join(
        f"2024-05-01 {stamp},{rr}\n"
        for stamp, rr in (("07:30:00", 800), ("07:30:01", 810), ("07:31:00", 820), ("07:31:01", 830))
    )
    beats = read_one(text, "morning_rr.csv")
    # The third stamp is 59 s behind the second, whose beat is at 0.81 s; the fourth follows the third.
    assert beats == [(0.0, 800, True), (0.81, 810, False), (59.81, 820, True), (60.64, 830, False)]


def test_epoch_milliseconds_are_utc() -> None:
    text = "timestamp,rr,since_start\n1714541400000,800,800\n1714541400810,810,1610\n1714541401630,820,2430\n"
    rows = read({"x_RR_y.csv": text.encode()}).table("signal.beat")
    assert [(r["t_utc"] - START).total_seconds() for r in rows] == [0, 0.81, 1.63]
    assert (rows[0]["offset_min"], rows[0]["tz_assumed"]) == (0, False)


def test_polar_hrm_has_its_start_and_milliseconds() -> None:
    rows = read({"short.hrm": RR["short.hrm"]}).table("signal.beat")
    # Date=20080209, StartTime=09:28:17.0; Berlin is at +60 in February.
    assert [(r["t_utc"], r["rr_ms"]) for r in rows[:2]] == [
        (datetime(2008, 2, 9, 8, 28, 17, 800000), 800),
        (datetime(2008, 2, 9, 8, 28, 18, 610000), 810),
    ]
    assert {(r["tick_ms"], r["sensor"], r["offset_min"]) for r in rows} == {(1.0, "ecg", 60)}
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((b"Interval=238", b"Interval=5"), "it holds heart rates, not intervals"),
        ((b"[HRData]", b"[HR"), "the section [HRData] is not there"),
        ((b"Date=20080209", b"Date="), "no start time in the file or its name"),
        ((b"Date=20080209", b"Date=19700101"), "dated before 2005-01-01"),
        ((b"Date=20080209", b"Date=20990101"), "dated after 2026-11-02"),
    ],
)
def test_a_hrm_file_that_cannot_be_placed_or_read_is_refused(
    change: tuple[bytes, bytes], reason: str
) -> None:
    found = read({"short.hrm": RR["short.hrm"].replace(*change)})
    assert found.rows == {}
    assert [(r["stream"], r["reason"].startswith(reason)) for r in found.refusals] == [("file", True)]


def test_a_hrm_file_without_intervals_is_refused() -> None:
    found = read({"mistake.hrm": RR["mistake.hrm"]})
    assert found.rows == {}
    assert "[HRData]" in found.refusals[0]["reason"]


def test_annotations_of_physionet_are_differences_of_beats_to_the_sample() -> None:
    name = "2020-01-02 03-04-05 rdann.txt"
    rows = read({name: RR[name]}).table("signal.beat")
    # At 360 Hz: 77 to 370 samples are 293/360 s; '+' is no beat, '~' is noise before the fourth.
    assert [round(r["rr_ms"], 2) for r in rows] == [813.89, 811.11, 788.89, 791.67]
    assert [r["gap_before"] for r in rows] == [True, False, True, False]
    assert rows[0]["tick_ms"] == pytest.approx(1000 / 360)
    assert rows[0]["t_utc"] == datetime(2020, 1, 2, 2, 4, 6, 27778)  # 0.050 s + (370 - 18)/360 s


def test_annotations_with_a_date_count_from_its_midnight() -> None:
    text = (
        "[23:59:59.000 01/05/2024]    1000     N    0    0    0\n"
        "[00:00:00.000 02/05/2024]    1250     N    0    0    0\n"
        "[00:00:01.000 02/05/2024]    1500     N    0    0    0\n"
    )
    rows = read({"a.txt": text.encode()}).table("signal.beat")
    assert [r["t_utc"] for r in rows] == [datetime(2024, 5, 1, 22, 0), datetime(2024, 5, 1, 22, 0, 1)]
    assert [r["rr_ms"] for r in rows] == [1000, 1000]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("morning.txt", "800\n" * 12, "no start time in the file or its name"),
        (NAME, "800,800\n810,810\n815,815\n", "expected a time and an interval in each line"),
        ("2024-05-01 07-30-00_rr.csv", "time,rri\n1,790\n2,815\n3,800\n", "expected a time and an interval"),
        ("2024-02-31 07-30-00.txt", "800\n" * 12, "no start time in the file or its name"),
        ("kubios.txt", "Kubios HRV\nMean RR: 800\n", "expected intervals, one a line"),
    ],
)
def test_what_cannot_be_known_is_refused_with_what_to_do(name: str, text: str, reason: str) -> None:
    found = read({name: text.encode()})
    assert found.unclaimed == []
    assert found.rows == {}
    assert [(r["stream"], r["reason"][: len(reason)]) for r in found.refusals] == [("file", reason)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("2024-05-01 07-30-00.txt", "72\n75\n71\n" * 5),  # heart rates
        ("steps.csv", "800\n900\n" * 10),
        ("notes.txt", "Slept well\n"),
        ("numbers.txt", "1\n2\n3\n" * 10),
        ("data.csv", "date,steps\n2024-01-01,800\n"),
        ("rr.csv", "date,resting\n2024-01-01,800\n"),
        ("respiration_rr.csv", "date,rr\n2024-01-01,14\n2024-01-02,15\n"),
        ("empty.txt", ""),
        ("rr.json", "[800]"),
        ("x.hrm", "nothing"),
    ],
)
def test_other_texts_are_not_claimed(name: str, text: str) -> None:
    assert read({name: text.encode()}).unclaimed == [name]


def test_files_of_an_e4_are_not_claimed() -> None:
    assert sorted(read(E4).unclaimed) == sorted(E4)


def test_a_recording_runs_on_one_clock_through_the_change_of_clocks() -> None:
    text = "0.900\n" * 8000  # two hours from 01:30, over 02:00 when Berlin's clocks go to 03:00
    rows = read({"2024-03-31 01-30-00.txt": text.encode()}).table("signal.beat")
    assert {r["offset_min"] for r in rows} == {60}
    assert rows[-1]["t_utc"] == datetime(2024, 3, 31, 2, 30)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_file_cut_anywhere_keeps_its_whole_records(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(RR)))
    cut = data.draw(st.integers(0, len(RR[name])))
    whole, part = read({name: RR[name]}), read({name: RR[name][:cut]})

    def beats(found: Found) -> list[Any]:
        return [(r["record"], r["t_utc"], r["rr_ms"]) for r in found.table("signal.beat")]

    n_whole_lines = RR[name][:cut].count(b"\n")
    kept = [b for b in beats(part) if b[0] < n_whole_lines]
    if part.rows:
        assert kept == [b for b in beats(whole) if b[0] < n_whole_lines]
    assert all(r["place"] and r["reason"] for r in part.refusals)


@given(st.binary(max_size=300), st.sampled_from([NAME, "a_rr.csv", "b.hrm", "c.ibi"]))
@settings(max_examples=150, deadline=None)
def test_no_bytes_crash_it(data: bytes, name: str) -> None:
    for text in (data, b"[Params]\nInterval=238\n[HRData]\n" + data, b"800\n" * 12 + data):
        found = read({name: text})
        assert all(r["rr_ms"] >= 100 for r in found.table("signal.beat"))


def test_a_folder_of_recordings_loads_twice_into_the_same_tables(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "rr", RR, written=datetime(2025, 6, 1))
    report = load_into(tmp_path, folder)
    assert dict(report.rows) == {"signal.beat": 40 + 4 + 4 + 4 + 5 + 4}
    assert [f.file for f in report.refusals if f.place == "file"] == ["mistake.hrm"]
    before = hashes_of(tmp_path)
    load_into(tmp_path, folder)
    assert hashes_of(tmp_path) == before
    assert rows_of(tmp_path, "select count(*) from signal.beat where source = 'rr_text'") == [(61,)]


@pytest.mark.shared
def test_elite_hrv_files_come_through_whole() -> None:
    folder = SHARED / "elitehrv_rr" / "data" / "eliteHRV" / "export"
    found = read({path.name: path.read_bytes() for path in sorted(folder.glob("*.txt"))})
    rows = found.table("signal.beat")
    assert [sum(r["member"] == m for r in rows) for m in (0, 1)] == [4201, 5294]
    assert found.refusals == []
    # 13:11:53 in Berlin in summer is 11:11:53 UTC; the first interval is 720 ms; all add up to 51.5 min.
    assert rows[0]["t_utc"] == datetime(2017, 6, 29, 11, 11, 53, 720000)
    assert (
        rows[4200]["t_utc"] - rows[0]["t_utc"] == timedelta(minutes=51.5)
        or 51 < ((rows[4200]["t_utc"] - rows[0]["t_utc"]).total_seconds() / 60) < 52
    )


@pytest.mark.shared
def test_polar_recordings_come_through_whole() -> None:
    folder = SHARED / "hrv_bartels_rr" / "hrv" / "sampledata"
    found = read({path.name: path.read_bytes() for path in sorted(folder.glob("*.hrm"))})
    rows = found.table("signal.beat")
    # Length=00:42:41.7 and 00:40:03.0 in [Params].
    for member, start, length_s in (
        (0, datetime(2008, 2, 8, 7, 50, 31), 2561.7),
        (1, datetime(2008, 1, 25, 7, 57, 29), 2403.0),
    ):
        last = max(r["t_utc"] for r in rows if r["member"] == member)
        assert (last - start).total_seconds() == pytest.approx(length_s, abs=2)
