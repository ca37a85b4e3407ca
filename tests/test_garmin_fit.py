"""FIT files: every kind of message at its instant, sums as steps, intervals as beats, damage refused by place.

Kinds of which no real file could be had are written with the SDK's own encoder.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fitbit_export import hashes_of, load_into, rows_of, write_folder
from garmin_fit_sdk import Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.export import file_member
from ingest.files import garmin_fit
from ingest.fit import FIT_EPOCH_S, Tape, chain_intervals, chain_lists, decode_fit, fit_column, unpack_12
from ingest.source import Batch, Export, Member, Rejected

FIXTURES = Path(__file__).parent / "fixtures" / "garmin_fit"
RUN = (FIXTURES / "garmin-fenix-5-run.fit").read_bytes()
EVENING = datetime(2024, 3, 1, 22, tzinfo=UTC)
FILE_ID = {
    "mesg_num": 0,
    "type": 32,
    "manufacturer": 1,
    "product": 3992,
    "serial_number": 987654321,
    "time_created": EVENING,
}
BERLIN_MIN = 60


class Asked:
    """The only thing of a context that FIT needs."""

    zone = "Europe/Berlin"


def write_fit(*messages: dict[str, Any]) -> bytes:
    encoder = Encoder()
    for message in (FILE_ID, *messages):
        encoder.write_mesg(message)
    return bytes(encoder.close())


def at(minutes: float) -> datetime:
    """An instant some minutes after 22:00 UTC, 23:00 in Berlin."""
    return EVENING + timedelta(minutes=minutes)


def read_bytes(
    data: bytes, name: str = "x.fit"
) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
    """Rows by table, and refusals, of one file."""

    def opened() -> Any:
        return io.BytesIO(data)

    member = Member(name, len(data), datetime(2026, 1, 1), opened)
    rows: dict[str, list[dict[str, Any]]] = {}
    refused: list[dict[str, Any]] = []
    export = Export("root", (member,), (0,), datetime(2026, 1, 1))
    for found in garmin_fit.read(export, Asked()):  # type: ignore[arg-type]
        if isinstance(found, Batch):
            rows.setdefault(found.table.removeprefix("signal."), []).extend(found.rows.to_pylist())
        elif isinstance(found, Rejected):
            refused += found.rows.to_pylist()
    return rows, refused


def naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


# --- real files --------------------------------------------------------------------------------


def test_a_real_day_of_monitoring_gives_the_steps_that_its_own_sums_say() -> None:
    rows, refused = read_bytes((FIXTURES / "MonitoringFile.fit").read_bytes())
    steps = rows["steps"]
    # The file's last two messages: 3142 steps walked and 31 run in 1440 minutes.
    assert sum(row["steps"] for row in steps) == 3142 + 31
    assert not refused
    first, last = steps[0], steps[-1]
    assert (first["t_utc"], first["span_s"], first["steps"]) == (datetime(2014, 12, 27, 14, 11), 240, 100)
    assert {(r["offset_min"], r["tz_assumed"], r["device"]) for r in steps} == {
        (-360, False, "Garmin vivo_fit")
    }
    ends = [row["t_utc"] + timedelta(seconds=row["span_s"]) for row in steps]
    assert all(end <= row["t_utc"] for end, row in zip(ends, steps[1:], strict=False))
    assert ends[-1] == datetime(2014, 12, 28, 6), last


def test_a_real_run_gives_heart_rates_beats_and_a_workout() -> None:
    rows, refused = read_bytes(RUN)
    assert not refused
    assert {table: len(found) for table, found in rows.items()} == {
        "heart_rate": 21,
        "beat": 113,
        "workout": 1,
    }
    beats = rows["beat"]
    start = datetime(2017, 6, 11, 14, 34, 9)
    assert [b["rr_ms"] for b in beats[:3]] == [1093.0, 1165.0, 1063.0]
    assert beats[0]["t_utc"] == start + timedelta(milliseconds=1093)
    # They follow each other without a gap from the start to the end of the activity, 75 s later.
    assert beats[-1]["t_utc"] == start + timedelta(milliseconds=75_005)
    assert [b["gap_before"] for b in beats] == [True] + [False] * 112
    assert {(b["sensor"], b["tick_ms"], b["offset_min"], b["tz_assumed"]) for b in beats} == {
        ("ecg", 1.0, -420, False)
    }
    (run,) = rows["workout"]
    assert (run["workout"], run["activity"], run["hr_mean_bpm"], run["steps"]) == (
        "2017-06-11T14:34:09Z",
        "run",
        90.0,
        156,
    )
    assert run["end_utc"] == start + timedelta(seconds=56.887)


def test_beats_of_a_strap_of_another_maker_are_of_no_known_sensor() -> None:
    rows, _ = read_bytes((FIXTURES / "garmin-edge-820-bike.fit").read_bytes())
    assert {b["sensor"] for b in rows["beat"]} == {None}
    assert sum(b["rr_ms"] for b in rows["beat"]) == 66_289


def test_files_that_are_damaged_keep_what_decodes_and_say_where_it_ends() -> None:
    rows, refused = read_bytes((FIXTURES / "activity-unexpected-eof.fit").read_bytes())
    assert len(rows["workout"]) == 1
    assert [(r["stream"], r["record"], r["place"]) for r in refused] == [
        ("signal.heart_rate", 21, "byte 752")
    ]
    assert "the 21 messages before it were kept" in refused[0]["reason"]
    rows, refused = read_bytes((FIXTURES / "activity-settings-corruptheader.fit").read_bytes())
    assert len(rows["workout"]) == 1
    assert refused[0]["place"] == "byte 771"
    changed = bytearray(RUN)
    changed[-1] ^= 0xFF
    rows, refused = read_bytes(bytes(changed))
    assert len(rows["beat"]) == 113
    assert (refused[0]["place"], "checksum" in refused[0]["reason"]) == (f"byte {len(RUN) - 2}", True)
    rows, refused = read_bytes(RUN[:20])
    assert (rows, refused[0]["stream"], len(refused)) == ({}, "file", 1)


# --- written files -----------------------------------------------------------------------------


def test_monitoring_takes_heart_rates_from_sixteen_bits_of_time_and_zero_as_none() -> None:
    info = {"mesg_num": 103, "timestamp": at(0), "local_timestamp": fit_s(at(0)) + 3600}
    low = [(fit_s(at(0)) + s) & 0xFFFF for s in (60, 120, 70_000, 70_060)]
    beats = [
        {"mesg_num": 55, "timestamp_16": t, "heart_rate": bpm}
        for t, bpm in zip(low, (52, 0, 61, 251), strict=True)
    ]
    # 70,000 s later is 4464 more than 16 bits hold: the time is that of the first instant that fits.
    rows, refused = read_bytes(write_fit(info, *beats))
    found = [(r["t_utc"], r["hr_bpm"], r["offset_min"], r["tz_assumed"]) for r in rows["heart_rate"]]
    assert found == [
        (naive(at(1)), 52.0, BERLIN_MIN, False),
        (naive(EVENING + timedelta(seconds=70_000)) - timedelta(seconds=65_536), 61.0, BERLIN_MIN, False),
    ]
    assert [(r["place"], r["reason"]) for r in refused] == [("message 5", "heart rate outside 20 to 250")]


def fit_s(moment: datetime) -> int:
    return int(moment.timestamp()) - FIT_EPOCH_S


def count(minutes: float, steps: int, kind: int = 6) -> dict[str, Any]:
    """A message of monitoring: so many steps since midnight (the encoder halves what the profile calls cycles)."""
    return {"mesg_num": 55, "timestamp": at(minutes), "activity_type": kind, "cycles": steps / 2}


def test_sums_of_steps_become_steps_of_spans_and_begin_anew_at_local_midnight() -> None:
    info = {"mesg_num": 103, "timestamp": at(0), "local_timestamp": fit_s(at(0)) + 3600}
    messages = [
        count(0, 5000),
        count(10, 5100),
        count(12, 40, kind=1),
        count(60, 5150),
        count(75, 30),
        count(75, 10, kind=1),
    ]
    rows, _ = read_bytes(write_fit(info, *messages))
    found = [(r["t_utc"], r["span_s"], r["steps"]) for r in rows["steps"]]
    assert found == [
        (naive(at(0)), 600, 100),
        (naive(at(10)), 120, 40),  # no running at the start of the file: it was none yet
        (naive(at(12)), 2880, 50),  # 60 min is midnight in Berlin, still the day before
        (naive(at(60)), 900, 40),
    ]


def test_the_first_count_of_a_file_that_begins_in_the_day_is_no_step() -> None:
    rows, _ = read_bytes(write_fit(count(10, 5100), count(11, 5110)))
    assert [(r["steps"], r["tz_assumed"], r["offset_min"]) for r in rows["steps"]] == [(10, True, BERLIN_MIN)]


def test_single_values_become_scores_vitals_and_hrv() -> None:
    data = write_fit(
        {"mesg_num": 227, "stress_level_time": at(0), "stress_level_value": 34},
        {"mesg_num": 227, "stress_level_time": at(3), "stress_level_value": -1},
        {"mesg_num": 227, "stress_level_time": at(6), "stress_level_value": -2},
        {"mesg_num": 297, "timestamp": at(1), "respiration_rate": 14.25},
        {"mesg_num": 297, "timestamp": at(2), "respiration_rate": -3},
        {"mesg_num": 269, "timestamp": at(1), "reading_spo2": 95},
        {"mesg_num": 211, "timestamp": at(1), "resting_heart_rate": 51, "current_day_resting_heart_rate": 49},
        {"mesg_num": 371, "timestamp": at(5), "value": 41.5},
        {"mesg_num": 370, "timestamp": at(480), "last_night_average": 44.0, "weekly_average": 50.0},
        {
            "mesg_num": 398,
            "timestamp": at(480),
            "local_timestamp": fit_s(at(480)) + 3602,
            "average_deviation": -0.5,
        },
    )
    rows, refused = read_bytes(data)
    assert not refused
    assert [(r["score"], r["t_utc"], r["value"]) for r in rows["vendor_score"]] == [
        ("stress_level", naive(at(0)), 34.0)
    ]
    vitals = {(r["vital"], r["t_utc"], r["value"], r["unit"]) for r in rows["vital"]}
    assert vitals == {
        ("respiration", naive(at(1)), 14.25, "/min"),
        ("spo2", naive(at(1)), 95.0, "%"),
        ("resting_heart_rate", naive(at(1)), 49.0, "/min"),
        ("skin_temperature_deviation", naive(at(480)), -0.5, "Cel"),
    }
    hrv = {(r["hrv"], r["t_utc"], r["span_s"], r["value_ms"]) for r in rows["hrv_sample"]}
    # The end of the five minutes is stamped; the night's mean is of 2 March, whose midnight is 23:00 UTC.
    assert hrv == {
        ("rmssd_5min", naive(at(0)), 300, 41.5),
        ("rmssd_night", datetime(2024, 3, 1, 23), None, 44.0),
    }
    # The local stamp of the skin temperature proves the offset of the whole file.
    assert {(r["offset_min"], r["tz_assumed"]) for t in rows.values() for r in t} == {(60, False)}
    assert {r["device"] for t in rows.values() for r in t} == {"Garmin fr255"}


def test_no_serial_number_leaves_a_file() -> None:
    rows, _ = read_bytes(write_fit({"mesg_num": 297, "timestamp": at(1), "respiration_rate": 14}))
    assert "987654321" not in str(rows)


def levels(*pairs: tuple[float, int]) -> list[dict[str, Any]]:
    return [{"mesg_num": 275, "timestamp": at(minute), "sleep_level": level} for minute, level in pairs]


def sleep_event(minutes: float, kind: int) -> dict[str, Any]:
    return {"mesg_num": 21, "timestamp": at(minutes), "event": 74, "event_type": kind}


NIGHT = {
    "stamps of ends": [
        sleep_event(0, 0),
        *levels((20, 2), (50, 3), (60, 0), (80, 4), (85, 4), (90, 1)),
        sleep_event(90, 1),
    ],
    "stamps of starts": [
        sleep_event(0, 0),
        *levels((0, 2), (20, 3), (50, 0), (60, 4), (80, 4), (85, 1)),
        sleep_event(90, 1),
    ],
}


@pytest.mark.parametrize("night", list(NIGHT))
def test_a_night_is_staged_whether_its_stamps_are_ends_or_starts(night: str) -> None:
    rows, refused = read_bytes(
        write_fit(
            sleep_event(0, 0), *NIGHT[night], sleep_event(90, 1), {"mesg_num": 346, "overall_sleep_score": 82}
        )
    )
    assert not refused
    (episode,) = rows["sleep_episode"]
    assert (episode["t_utc"], episode["end_utc"], episode["scoring"], episode["tz_assumed"]) == (
        naive(at(0)), naive(at(90)), "stages", True,
    )  # fmt: skip
    stages = [(r["t_utc"], r["end_utc"], r["stage"]) for r in rows["sleep_stage"]]
    assert stages == [
        (naive(at(0)), naive(at(20)), "light"),
        (naive(at(20)), naive(at(50)), "deep"),
        (naive(at(60)), naive(at(85)), "rem"),
        (naive(at(85)), naive(at(90)), "wake"),
    ]
    assert (
        {r["episode"] for r in rows["sleep_stage"]} == {episode["episode"]} == {"sleep 2024-03-01T22:00:00Z"}
    )
    assert [(r["score"], r["value"], r["t_utc"]) for r in rows["vendor_score"]] == [
        ("sleep_score", 82.0, naive(at(90)))
    ]


def test_a_night_without_events_leaves_out_the_stretch_whose_start_is_not_known() -> None:
    rows, _ = read_bytes(write_fit(*levels((20, 2), (50, 3), (60, 4))))
    assert [(r["t_utc"], r["stage"]) for r in rows["sleep_stage"]] == [
        (naive(at(20)), "deep"),
        (naive(at(50)), "rem"),
    ]


def test_naps_keep_their_own_offsets_and_deleted_ones_go() -> None:
    nap = {
        "mesg_num": 412,
        "start_time": at(0),
        "end_time": at(25),
        "start_timezone_offset": 330,
        "end_timezone_offset": 330,
    }
    rows, _ = read_bytes(
        write_fit(nap | {"is_deleted": 0}, nap | {"start_time": at(40), "end_time": at(50), "is_deleted": 1})
    )
    found = [
        (r["t_utc"], r["end_utc"], r["offset_min"], r["end_offset_min"], r["tz_assumed"], r["vendor_main"])
        for r in rows["sleep_episode"]
    ]
    assert found == [(naive(at(0)), naive(at(25)), 330, 330, False, False)]


def test_meditation_and_breathwork_are_practice_and_not_exercise() -> None:
    session = {
        "mesg_num": 18,
        "timestamp": at(10),
        "start_time": at(0),
        "total_elapsed_time": 600.0,
        "sport": 67,
    }
    breath = session | {"start_time": at(30), "sport": 10, "sub_sport": 62}
    yoga = session | {"start_time": at(60), "sport": 10, "sub_sport": 43}
    rows, _ = read_bytes(write_fit(session, breath, yoga))
    found = [(r["event"], r["app"], r["t_utc"], r["end_utc"]) for r in rows["event"]]
    assert found == [
        ("mindful", "Garmin meditation", naive(at(0)), naive(at(10))),
        ("mindful", "Garmin breathwork", naive(at(30)), naive(at(40))),
    ]
    assert [(r["activity"], r["t_utc"]) for r in rows["workout"]] == [("training", naive(at(60)))]


# --- beats -------------------------------------------------------------------------------------


def lists(stamps_ms: list[int], beats: list[list[int]]) -> Tape:
    found = [
        (n, {"timestamp": 10**9 + ms // 1000, "timestamp_ms": ms % 1000, "time": rr})
        for n, (ms, rr) in enumerate(zip(stamps_ms, beats, strict=True))
    ]
    return Tape({290: found}, len(found), None)


def test_lists_of_intervals_meet_whichever_end_their_stamp_is_of() -> None:
    beats = [[800, 900], [700, 750, 760], [1000]]
    of_start = chain_lists(lists([0, 1700, 3910], beats), 290)
    of_end = chain_lists(lists([1700, 3910, 4910], beats), 290)
    assert np.allclose(of_start.end_s, of_end.end_s)
    assert np.allclose(np.array(of_start.end_s) - 10**9, [0.8, 1.7, 2.4, 3.15, 3.91, 4.91])
    assert of_start.gap == of_end.gap == [True, False, False, False, False, False]
    torn = chain_lists(lists([0, 1700, 9000], beats), 290)
    assert torn.gap == [True, False, False, False, False, True]
    assert torn.end_s[-1] == 10**9 + 10.0


def test_raw_intervals_carry_a_gap_in_their_last_bit() -> None:
    packed = [800, 900 | 1 << 14, 1000 | 1 << 15, None, 0]
    tape = Tape({372: [(3, {"timestamp": 10**9, "timestamp_ms": 500, "data": packed})]}, 1, None)
    beats = chain_lists(tape, 372)
    assert (beats.rr_ms, beats.gap, beats.record) == ([800.0, 900.0, 1000.0], [True, False, True], [3, 3, 3])
    assert beats.end_s[0] == 10**9 + 1.3
    rows, _ = read_bytes(
        write_fit({"mesg_num": 290, "timestamp": at(0), "timestamp_ms": 250, "time": [800, 810]})
    )
    assert [(r["rr_ms"], r["sensor"], r["t_utc"]) for r in rows["beat"]] == [
        (800.0, "ppg", naive(at(0)) + timedelta(milliseconds=1050)),
        (810.0, "ppg", naive(at(0)) + timedelta(milliseconds=1860)),
    ]


def test_intervals_that_fall_behind_the_records_have_a_gap_there() -> None:
    def second(number: int, t: int) -> tuple[int, dict[str, Any]]:
        return number, {"timestamp": 10**9 + t}

    records = [second(0, 0), second(2, 2), second(4, 30), second(6, 32)]
    intervals = [(n, {"time": [1000, 1000, None]}) for n in (1, 3, 5, 7)]
    beats = chain_intervals(Tape({20: records, 78: intervals}, 8, None))
    assert np.allclose(np.array(beats.end_s) - 10**9, [1, 2, 3, 4, 31, 32, 33, 34])
    assert beats.gap == [True, False, False, False, True, False, False, False]


def test_a_straps_own_clock_of_twelve_bits_is_unwound() -> None:
    assert unpack_12([0x34, 0x12, 0xAB]) == [0x234, 0xAB1]
    ticks = [4000, 4000 + 900, 4000 + 1800]
    low = [t & 0xFFF for t in ticks[1:]]
    packed = [low[0] & 0xFF, low[0] >> 8 | (low[1] & 0xF) << 4, low[1] >> 4]
    anchor = (
        0,
        {
            "timestamp": fit_s(at(0)),
            "fractional_timestamp": 16_384,
            "event_timestamp": 4000,
            "filtered_bpm": 70,
        },
    )
    tape = Tape({132: [anchor, (1, {"event_timestamp_12": packed, "filtered_bpm": [71, 0]})]}, 2, None)
    (found,) = garmin_fit.read_strap(tape, None)  # type: ignore[arg-type]
    seconds = (found.t_us - int(EVENING.timestamp() * 1e6)) / 1e6
    assert np.allclose(seconds, [0.5, 0.5 + 900 / 1024])  # the third has no rate
    assert found.columns["hr_bpm"].to_pylist() == [70.0, 71.0]


# --- claims, bad input, the whole road ---------------------------------------------------------


def test_only_fit_files_are_claimed(tmp_path: Path) -> None:
    names = {"a.FIT": RUN, "b.fit": b"SIMPLE  =                    T", "c.fit": b"", "d.bin": RUN}
    write_folder(tmp_path, names)
    claimed = [name for name in names if garmin_fit.claims(file_member(tmp_path / name, name))]
    assert claimed == ["a.FIT"]


def test_a_message_without_a_time_is_refused_and_the_others_stay() -> None:
    rows, refused = read_bytes(write_fit({"mesg_num": 55, "heart_rate": 61}, count(1, 2), count(2, 3)))
    assert len(rows["steps"]) == 1
    assert [(r["place"], r["reason"][:22]) for r in refused] == [("message 1", "expected a date and ti")]


@pytest.mark.parametrize("odd", [[1, 2], "text", None, np.inf])
def test_a_field_that_is_no_number_is_none_even_if_all_are_alike(odd: object) -> None:
    assert np.isnan(fit_column([(0, {"x": odd}), (1, {"x": odd})], "x")).tolist() == [True, True]
    assert np.isnan(fit_column([(0, {"x": odd}), (1, {"x": 3})], "x")).tolist() == [True, False]


@pytest.mark.parametrize("moment", [datetime(1990, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)])
def test_dates_that_cannot_be_are_refused_with_the_message(moment: datetime) -> None:
    good = {"mesg_num": 297, "timestamp": at(1), "respiration_rate": 14}
    rows, refused = read_bytes(write_fit(good, good | {"timestamp": moment}))
    assert len(rows["vital"]) == 1
    assert [(r["stream"], r["place"], r["reason"][:5]) for r in refused] == [
        ("signal.vital", "message 2", "dated")
    ]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(RUN)), st.integers(0, len(RUN) - 1), st.integers(0, 255))
def test_a_file_cut_anywhere_or_changed_anywhere_never_crashes(cut: int, place: int, byte: int) -> None:
    whole = decode_fit(RUN)
    tape = decode_fit(RUN[:cut])
    assert tape.fault is not None or cut in (0, len(RUN))
    assert tape.messages.get(78, []) == whole.of(78)[: len(tape.of(78))]
    read_bytes(RUN[:cut])
    changed = bytearray(RUN)
    changed[place] = byte
    _, refused = read_bytes(bytes(changed))
    assert refused or bytes(changed) == RUN or place < 14


def test_files_loaded_twice_and_in_any_order_give_the_same_tables(tmp_path: Path) -> None:
    night = write_fit(*NIGHT["stamps of ends"])
    files = {"run.fit": RUN, "day.fit": (FIXTURES / "MonitoringFile.fit").read_bytes(), "night.fit": night}
    for order in (1, -1):
        place = tmp_path / str(order)
        for name in list(files)[::order]:
            load_into(place, write_folder(place / f"of {name}", {name: files[name]}, datetime(2026, 1, 1)))
        again = load_into(place, place / "of run.fit", place / "of day.fit")
        assert again.rows == ()
    assert hashes_of(tmp_path / "1") == hashes_of(tmp_path / "-1")
    assert rows_of(tmp_path / "1", "select count(*) from signal.sleep_stage") == [(4,)]
    found = rows_of(tmp_path / "1", "select source, device, count(*) from signal.beat group by all")
    assert found == [("garmin_fit", "Garmin fenix5", 113)]
    assert rows_of(tmp_path / "1", "select sum(steps) from signal.steps") == [(3173,)]


def test_batches_of_many_files_have_one_shape(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a.fit": RUN, "b.fit": write_fit(count(10, 5100), count(11, 5110))})
    members = tuple(file_member(tmp_path / name, name) for name in ("a.fit", "b.fit"))
    export = Export("root", members, (0, 1), datetime(2026, 1, 1))
    batches = [b for b in garmin_fit.read(export, Asked()) if isinstance(b, Batch)]  # type: ignore[arg-type]
    assert len({b.table for b in batches}) == len(batches)
    assert {b.rows.schema.field("tz_assumed").type for b in batches} == {pa.bool_()}


@pytest.mark.shared
def test_shared_swims_keep_the_heart_rates_that_their_straps_stored() -> None:
    shared = Path(__file__).parents[2] / "shared" / "data" / "fit_fitparse" / "tests" / "files"
    rows, refused = read_bytes((shared / "event_timestamp.fit").read_bytes())
    assert (len(rows["heart_rate"]), refused) == (11_292, [])
