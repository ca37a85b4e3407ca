"""Empatica: E4 sessions and EmbracePlus files become rows at the right instants, with their gaps."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest
from fitbit_export import hashes_of, load_into, rows_of, write_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import Found, member, read_members

from ingest.files import empatica
from ingest.lines import read_figures
from ingest.registry import claim

FIXTURES = Path(__file__).parent / "fixtures" / "empatica"
E4 = {path.name: path.read_bytes() for path in sorted((FIXTURES / "e4").iterdir())}
EMBRACE = {path.name: path.read_bytes() for path in sorted((FIXTURES / "embraceplus").iterdir())}
WESAD = Path(__file__).parent.parent.parent / "shared" / "data" / "wesad_e4" / "data"


def read(members: dict[str, bytes], zone: str = "Europe/Zurich") -> Found:
    return read_members(empatica, members, zone=zone, exported=datetime(2026, 1, 1))


def test_intervals_are_beats_at_the_second_written_with_a_gap_where_time_is_missing() -> None:
    rows = read({"IBI.csv": E4["IBI.csv"]}).table("signal.beat")
    assert len(rows) == 40
    # 1560279825 is 2019-06-11 19:03:45 UTC; the first beat is 83.503822 s later; Zurich is at +120 then.
    assert rows[0] == {
        "member": 0,
        "record": 0,
        "t_utc": datetime(2019, 6, 11, 19, 5, 8, 503822),
        "offset_min": 120,
        "tz_assumed": True,
        "rr_ms": pytest.approx(609.403, abs=1e-4),
        "gap_before": True,
        "tick_ms": 15.625,
        "sensor": "ppg",
    }
    assert rows[2]["t_utc"] == datetime(2019, 6, 11, 19, 5, 25, 770238)
    # 100.770238 - 99.973326 = 0.796912 is the interval; 99.973326 - 83.503822 is 16 s, not 0.84.
    assert [r["gap_before"] for r in rows[:8]] == [True, True, False, False, False, False, True, False]
    assert sum(r["gap_before"] for r in rows) == 7


def test_a_gap_of_two_ticks_is_one_and_rounding_is_none() -> None:
    text = b"1560279825.000000, IBI\n10.0,0.8\n10.8,0.800001\n11.62,0.8\n12.445,0.8\n"
    gaps = [r["gap_before"] for r in read({"IBI.csv": text}).table("signal.beat")]
    assert gaps == [True, False, False, True]


def test_samples_stand_at_the_start_plus_their_number_over_the_rate() -> None:
    found = read({name: E4[name] for name in ("ACC.csv", "BVP.csv", "EDA.csv", "HR.csv", "TEMP.csv")})
    acc = found.table("signal.acceleration")
    assert (acc[0]["x_g"], acc[0]["y_g"], acc[0]["z_g"]) == (-61 / 64, 25 / 64, 6 / 64)
    assert acc[1]["t_utc"] == datetime(2019, 6, 11, 19, 3, 45, 31250)
    bvp = found.table("signal.pulse_wave")
    assert bvp[31]["t_utc"] == datetime(2019, 6, 11, 19, 3, 45, 484375)
    eda = found.table("signal.eda")
    assert (eda[1]["t_utc"], eda[1]["eda_us"]) == (
        datetime(2019, 6, 11, 19, 3, 45, 250000),
        pytest.approx(0.020499),
    )
    hr = found.table("signal.heart_rate")  # begins 10 s after the others
    assert (hr[0]["t_utc"], hr[1]["hr_bpm"]) == (datetime(2019, 6, 11, 19, 3, 55), 101.0)
    vital = found.table("signal.vital")
    assert (vital[0]["vital"], vital[0]["value"], vital[0]["unit"]) == ("skin_temperature", 32.13, "Cel")
    assert all(len(rows) == 32 for rows in (acc, bvp, eda, hr, vital))
    assert found.refusals == []


def test_a_temperature_before_the_sensor_is_ready_is_missing_and_an_impossible_one_refused() -> None:
    text = b"1560279825.00\n4.000000\n382.18\n32.10\n150.00\nx\n32.20\n"
    found = read({"TEMP.csv": text})
    rows = found.table("signal.vital")
    assert [(r["record"], r["value"]) for r in rows] == [(1, 32.1), (4, 32.2)]
    assert rows[1]["t_utc"] == datetime(2019, 6, 11, 19, 3, 46)  # the refused ones keep their place
    assert [(r["place"], r["raw"]) for r in found.refusals] == [("line 6", "x"), ("line 5", "150.00")]


def test_tags_are_marks_and_no_tag_is_no_row() -> None:
    rows = read({"tags.csv": b"1560281234.56\n1560281300.00\n"}).table("signal.event")
    assert [(r["event"], r["t_utc"]) for r in rows] == [
        ("mark", datetime(2019, 6, 11, 19, 27, 14, 560000)),
        ("mark", datetime(2019, 6, 11, 19, 28, 20)),
    ]
    assert read({"tags.csv": b""}).rows == {}


def test_shuffled_and_repeated_intervals_give_the_same_beats() -> None:
    head, *lines = E4["IBI.csv"].decode().splitlines()
    mixed = "\n".join([head, *lines[::-1], *lines[5:9]]) + "\n"

    def beats(text: bytes) -> list[tuple[object, ...]]:
        rows = read({"IBI.csv": text}).table("signal.beat")
        return [(r["t_utc"], r["rr_ms"], r["gap_before"]) for r in rows]

    assert beats(mixed.encode()) == beats(E4["IBI.csv"])


@pytest.mark.parametrize(
    "encode",
    [
        lambda b: b"\xef\xbb\xbf" + b,
        lambda b: b.replace(b"\n", b"\r\n"),
        lambda b: b.decode().encode("utf-16"),
    ],
)
def test_a_byte_order_mark_or_other_line_ends_change_nothing(encode: object) -> None:
    assert callable(encode)
    changed = {name: encode(data) if data else data for name, data in E4.items() if name != "info.txt"}
    plain = {name: data for name, data in E4.items() if name != "info.txt"}
    assert read(changed).rows == read(plain).rows
    assert read(changed).unclaimed == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"0000000001.00\n4.0\n1\n", "the session begins on 1970-01-01"),
        (b"4070908800.00\n4.0\n1\n", "the session begins on 2099-01-01"),
        (b"1560279825.00\n0.0\n1\n", "expected a rate of more than 0"),
        (b"1560279825.00\n99999.0\n1\n", "expected a rate of more than 0"),
        # UTF-16 of which a byte was lost: its first kilobyte without NULs still looks like a session.
        (
            "1560279825.00\n4.0\n1\n".encode("utf-16")[:2] + "1560279825.00\n4.0\n1\n".encode("utf-16")[3:],
            "expected when the session began",
        ),
    ],
)
def test_a_session_without_a_credible_start_or_rate_is_refused_as_a_whole(text: bytes, reason: str) -> None:
    found = read({"EDA.csv": text})
    assert found.rows == {}
    assert found.refusals[0]["stream"] == "file"
    assert found.refusals[0]["reason"].startswith(reason)


def test_nan_infinite_and_empty_cells_are_refused_and_the_rest_is_kept() -> None:
    found = read({"EDA.csv": b"1560279825.00\n4.0\n0.1\nnan\ninf\n\n1e400\n-5\n0.2\n"})
    assert [r["record"] for r in found.table("signal.eda")] == [0, 6]
    assert sorted(r["place"] for r in found.refusals) == [f"line {n}" for n in (4, 5, 6, 7, 8)]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_file_cut_anywhere_keeps_its_whole_records_and_invents_none(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["ACC.csv", "BVP.csv", "EDA.csv", "HR.csv", "IBI.csv", "TEMP.csv"]))
    cut = data.draw(st.integers(0, len(E4[name])))
    whole, part = read({name: E4[name]}), read({name: E4[name][:cut]})
    table = str(empatica.stream(name))
    rows, all_rows = part.table(table), whole.table(table)
    n_lines = max(E4[name][:cut].count(b"\n") - (1 if name == "IBI.csv" else 2), 0)
    assert rows == all_rows[: len(rows)]
    assert len(rows) in (n_lines, n_lines + 1)
    assert all(r["place"] and r["reason"] for r in part.refusals)


def test_claims_are_narrow() -> None:
    assert read(E4).unclaimed == []
    assert read(EMBRACE).unclaimed == []
    others = {
        "EDA.csv": b"timestamp,eda\n2020-01-01,1\n",
        "HR.csv": b"72\n75\n",
        "tags.csv": b"id,tag\n1,run\n",
        "eda.csv": b"t,eda\n1,2\n",
        "accelerometer.csv": b"time,x,y,z\n1,2,3,4\n",
        "info.txt": b"hello",
        "BVP.csv": b"",
    }
    assert sorted(read(others).unclaimed) == sorted(others)


def test_embraceplus_stamps_are_microseconds_and_peaks_nanoseconds() -> None:
    found = read(EMBRACE)
    start = datetime(2024, 2, 7, 13, 4, 24)
    acc = found.table("signal.acceleration")
    assert [(r["t_utc"], r["z_g"]) for r in acc] == [
        (start, pytest.approx(0.97)),
        (start.replace(microsecond=15625), pytest.approx(0.96)),
    ]
    assert acc[0]["offset_min"] == 60
    assert [r["bvp"] for r in found.table("signal.pulse_wave")] == [-1.5, 2.25]
    assert len(found.table("signal.eda")) == 2
    assert [r["value"] for r in found.table("signal.vital")] == [32.5]
    assert found.table("signal.event")[0]["t_utc"] == datetime(2024, 2, 7, 13, 5, 0, 123456)
    # Peaks at 24.5, 25.3, 26.15, (3.85 s of nothing) 30.0, 30.9 s.
    beats = found.table("signal.beat")
    assert [(round(r["rr_ms"]), r["gap_before"]) for r in beats] == [(800, True), (850, False), (900, True)]
    assert beats[0]["t_utc"] == start.replace(second=25, microsecond=300000)
    assert [(r["place"], r["reason"][:28]) for r in found.refusals] == [
        ("record 2", "expected a number in each co"),
        ("record 1", "a value outside -40 to 115 C"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("eda.csv", "unix_timestamp,eda\n1707311064000,0.3\n", "expected stamps in microseconds"),
        (
            "systolic_peaks.csv",
            "systolic_peak_timestamp\n1707311064000000\n",
            "expected stamps in nanoseconds",
        ),
        (
            "accelerometer.csv",
            "unix_timestamp,x,y,z\n1707311064000000,10,20,2048\n",
            "expected accelerations in g",
        ),
    ],
)
def test_an_embraceplus_file_in_other_units_is_refused(name: str, text: str, reason: str) -> None:
    found = read({name: text.encode()})
    assert found.rows == {}
    assert found.refusals[0]["stream"] == "file"
    assert found.refusals[0]["reason"].startswith(reason)


def test_header_only_files_have_no_rows_and_no_refusal() -> None:
    heads = {name: data.split(b"\n")[0] + b"\n" for name, data in EMBRACE.items()}
    found = read(heads | {"IBI.csv": b"1560279825.000000, IBI\n", "BVP.csv": b"1560279825.00\n64.0\n"})
    assert (found.rows, found.refusals, found.unclaimed) == ({}, [], [])


def test_two_sessions_in_one_folder_load_twice_into_the_same_tables(tmp_path: Path) -> None:
    later = {name: data.replace(b"15602798", b"15603798") for name, data in E4.items()}
    files = {f"a/{n}": d for n, d in E4.items()} | {f"b/{n}": d for n, d in later.items()}
    folder = write_folder(tmp_path / "e4", files, written=datetime(2019, 7, 1))
    report = load_into(tmp_path, folder)
    assert report.refused == 0
    assert report.unclaimed == ()
    assert dict(report.rows) == {
        "signal.acceleration": 64,
        "signal.beat": 80,
        "signal.eda": 64,
        "signal.heart_rate": 64,
        "signal.pulse_wave": 64,
        "signal.vital": 64,
    }
    assert rows_of(tmp_path, "select count(*), count(distinct device) from signal.beat") == [(80, 1)]
    before = hashes_of(tmp_path)
    load_into(tmp_path, shutil.copytree(folder, tmp_path / "again"))
    assert hashes_of(tmp_path) == before
    other = tmp_path / "other"
    load_into(other, folder / "b")
    load_into(other, folder / "a")
    beats = "select t_utc, rr_ms, gap_before, offset_min from signal.beat order by t_utc"
    assert rows_of(other, beats) == rows_of(tmp_path, beats)


def test_lines_are_read_alike_at_once_and_one_by_one() -> None:
    clean = read_figures("1,2\n-3.5,4e1\n", 2)
    each = read_figures("1,2\nx\n-3.5,4e1\n", 2)
    assert clean.values.tolist() == each.values.tolist() == [[1, 2], [-3.5, 40]]
    assert (clean.line.tolist(), each.line.tolist()) == ([0, 1], [0, 2])
    assert each.bad == ((1, "expected 2 numbers in the line, found 1 cells", "x"),)


@pytest.mark.shared
def test_wesad_sessions_come_through_whole() -> None:
    folder = WESAD / "S2" / "S2_E4_Data"
    found = read({path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))})
    counts = {table: len(rows) for table, rows in found.rows.items()}
    # Lines less the two of the head (one in IBI); the first four temperatures are 382.18, which is none.
    assert counts["signal.beat"] == 3458
    assert counts["signal.pulse_wave"] == 503945 - 2
    assert counts["signal.acceleration"] == 251972 - 2
    assert counts["signal.heart_rate"] == 7867 - 2
    assert counts["signal.vital"] == 31498 - 2 - 4
    beats = found.table("signal.beat")
    assert sum(r["gap_before"] for r in beats) == 269
    held = sum(r["rr_ms"] for r in beats) / 1000 / (7867 - 2)
    assert 0.15 < held < 0.52
    assert found.refusals == []


def test_only_empatica_claims_its_files(tmp_path: Path) -> None:
    found = claim(member(name, content) for name, content in (E4 | EMBRACE).items())
    assert (list(found.by_source), found.nobodys, found.disputed) == (["empatica"], [], [])
