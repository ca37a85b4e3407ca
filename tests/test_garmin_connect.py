"""Garmin Connect: recorded answers and the account export become rows with offsets that they prove."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from fitbit_export import hashes_of, load_into, rows_of, write_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.answers import offset_between, read_moment, read_pairs, to_float
from ingest.files import garmin_connect
from ingest.registry import claim
from ingest.source import MISSING, Batch, Export, Member, Rejected, Remark

FIXTURES = Path(__file__).parent / "fixtures" / "garmin_connect"
FILES = {path.name: path.read_bytes() for path in sorted(FIXTURES.glob("*.json"))}
SLEEP_FILE = "2026-05-01_2026-08-09_100_sleepData.json"
HEALTH_FILE = "2026-05-01_2026-08-09_100_healthStatusData.json"
RECORDING = "recording.yaml"
FIXTURE = (FIXTURES / RECORDING).read_bytes()
LEVEL = {"primaryActivityLevel": "sedentary"}
DAY_FILE = "UDSFile_2026-05-01_2026-08-09.json"


class Asked:
    """The only thing of a context that Connect needs."""

    zone = "Europe/Berlin"


def member_of(name: str, data: bytes) -> Member:
    return Member(name, len(data), datetime(2026, 11, 1), lambda: io.BytesIO(data))


def read_files(files: Mapping[str, bytes]) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
    """Rows by table, and refusals."""
    members = tuple(member_of(name, data) for name, data in files.items())
    export = Export("root", members, tuple(range(len(members))), datetime(2026, 11, 1))
    rows: dict[str, list[dict[str, Any]]] = {}
    refused: list[dict[str, Any]] = []
    for found in garmin_connect.read(export, Asked()):  # type: ignore[arg-type]
        if isinstance(found, Batch):
            rows.setdefault(found.table.removeprefix("signal."), []).extend(found.rows.to_pylist())
        elif isinstance(found, Rejected):
            refused += found.rows.to_pylist()
    return rows, refused


def read_one(name: str) -> dict[str, list[dict[str, Any]]]:
    rows, refused = read_files({name: FILES[name]})
    assert not refused
    return rows


def pick(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


# --- answers of the API ------------------------------------------------------------------------


def test_a_night_of_hrv_starts_its_readings_five_minutes_before_their_stamps() -> None:
    found = pick(
        read_one("hrv_night.json")["hrv_sample"],
        "hrv",
        "t_utc",
        "span_s",
        "value_ms",
        "offset_min",
        "tz_assumed",
    )
    assert found[0] == ("rmssd_5min", datetime(2023, 7, 20, 5, 24, 48), 300, 54.0, -360, False)
    assert found[5] == ("rmssd_5min", datetime(2023, 7, 20, 12, 4, 48), 300, 38.0, -360, False)
    # The mean of the night of 20 July, at its midnight by the offset that the answer shows.
    assert found[6] == ("rmssd_night", datetime(2023, 7, 20, 6), None, 42.0, -360, False)
    assert len(found) == 7


def test_a_list_of_nights_has_dates_only_and_takes_the_persons_zone() -> None:
    found = pick(read_one("hrv_days.json")["hrv_sample"], "t_utc", "value_ms", "offset_min", "tz_assumed")
    assert found == [
        (datetime(2023, 7, 17, 22), 40.0, 120, True),
        (datetime(2023, 7, 18, 22), 43.0, 120, True),
        (datetime(2023, 7, 19, 22), 42.0, 120, True),
    ]


def test_heart_rates_of_a_day_leave_out_what_is_null() -> None:
    rows = read_one("heart_rate_day.json")
    found = pick(rows["heart_rate"], "t_utc", "hr_bpm", "offset_min", "tz_assumed")
    assert found[0] == (datetime(2026, 1, 6, 6), 67.0, -360, False)
    assert found[-1] == (datetime(2026, 1, 7, 5, 58), 62.0, -360, False)
    assert len(found) == 9
    assert pick(rows["vital"], "vital", "t_utc", "value") == [
        ("resting_heart_rate", datetime(2026, 1, 6, 6), 53.0)
    ]


def test_stress_below_zero_and_body_battery_null_are_not_measured() -> None:
    rows = read_one("stress_day.json")["vendor_score"]
    found = {
        name: [r["value"] for r in rows if r["score"] == name] for name in sorted({r["score"] for r in rows})
    }
    assert found == {
        "body_battery": [32.0, 32.0, 31.0, 31.0, 31.0, 31.0],
        "stress_level": [84.0, 71.0, 57.0],
        "stress_score": [22.0],
    }
    assert {(r["offset_min"], r["tz_assumed"]) for r in rows} == {(-360, False)}
    assert rows[-1]["t_utc"] == datetime(2025, 12, 18, 6)


def test_a_real_night_without_stages_keeps_what_was_measured_in_it() -> None:
    rows = read_one("sleep_day.json")
    start, end = datetime(2025, 7, 7, 4, 47, 28), datetime(2025, 7, 7, 11, 37, 28)
    episode = pick(
        rows["sleep_episode"], "episode", "t_utc", "end_utc", "offset_min", "end_offset_min", "scoring"
    )
    assert episode == [("sleep 2025-07-07T04:47:28Z", start, end, -360, -360, None)]
    assert "sleep_stage" not in rows
    midnight = datetime(2025, 7, 7, 6)
    assert set(pick(rows["vital"], "vital", "t_utc", "value", "unit")) == {
        ("respiration", start, 13.0, "/min"),
        ("spo2", start, 93.0, "%"),
        ("skin_temperature_deviation", midnight, -0.4, "Cel"),
        ("resting_heart_rate", midnight, 44.0, "/min"),
        # 5280, 13440, 5460 and 420 s, at the end of the sleep.
        ("deep_min", end, 88.0, "min"),
        ("light_min", end, 224.0, "min"),
        ("rem_min", end, 91.0, "min"),
        ("tst_min", end, 403.0, "min"),
        ("wake_min", end, 7.0, "min"),
    }
    assert pick(rows["vendor_score"], "score", "t_utc", "value") == [("sleep_score", end, 83.0)]
    assert read_one("sleep_day_empty.json") == {}


def test_levels_of_sleep_become_stages_and_what_is_unmeasurable_none() -> None:
    rows = read_one("sleep_stages.json")
    start = datetime(2026, 5, 1, 21, 10)
    stages = [
        (start + timedelta(minutes=a), start + timedelta(minutes=b), stage)
        for a, b, stage in ((0, 20, "light"), (20, 50, "deep"), (60, 85, "rem"), (85, 90, "wake"))
    ]
    assert pick(rows["sleep_stage"], "t_utc", "end_utc", "stage") == stages
    night, nap = pick(rows["sleep_episode"], "episode", "scoring", "vendor_main", "offset_min", "tz_assumed")
    assert night == ("sleep 2026-05-01T21:10:00Z", "stages", None, 120, False)
    assert nap == ("nap 2026-05-02T12:00:00Z", None, False, 120, False)


def test_steps_of_quarter_hours_and_readiness_come_through() -> None:
    steps = pick(read_one("steps_day.json")["steps"], "t_utc", "span_s", "steps", "offset_min", "tz_assumed")
    assert steps == [
        (datetime(2026, 5, 2, 6), 900, 412, 120, True),
        (datetime(2026, 5, 2, 6, 15), 900, 0, 120, True),
    ]
    ready = pick(read_one("readiness.json")["vendor_score"], "score", "t_utc", "value", "label", "offset_min")
    assert ready[0] == ("readiness", datetime(2025, 7, 8, 3, 50, 17), 50.0, "moderate", -360)


def test_a_day_of_a_change_of_clocks_has_both_offsets() -> None:
    day = {
        "calendarDate": "2026-03-29",
        "startTimestampGMT": "2026-03-28T23:00:00.0",
        "startTimestampLocal": "2026-03-29T00:00:00.0",
        "endTimestampGMT": "2026-03-29T22:00:00.0",
        "endTimestampLocal": "2026-03-30T00:00:00.0",
        "heartRateValues": [[1774742400000 + h * 3_600_000, 60] for h in (-1, 0, 1, 2)],
    }
    rows, _ = read_files({"day.json": json.dumps(day).encode()})
    assert pick(rows["heart_rate"], "offset_min", "tz_assumed") == [
        (60, False),
        (60, False),
        (120, False),
        (120, False),
    ]


# --- the account export ------------------------------------------------------------------------


def test_nights_of_the_export_are_named_as_those_of_the_api() -> None:
    rows = read_one(SLEEP_FILE)
    found = pick(rows["sleep_episode"], "episode", "t_utc", "end_utc", "scoring", "offset_min", "tz_assumed")
    assert found == [
        (
            "sleep 2026-05-01T21:10:00Z",
            datetime(2026, 5, 1, 21, 10),
            datetime(2026, 5, 2, 5),
            None,
            120,
            True,
        ),
        (
            "nap 2026-05-02T12:00:00Z",
            datetime(2026, 5, 2, 12),
            datetime(2026, 5, 2, 12, 25),
            None,
            120,
            True,
        ),
    ]
    assert pick(rows["vital"], "vital", "value") == [
        ("respiration", 14.5),
        ("spo2", 95.0),
        ("tst_min", 450.0),
        ("deep_min", 90.0),
        ("light_min", 260.0),
        ("rem_min", 100.0),
        ("wake_min", 20.0),
    ]
    assert pick(rows["vendor_score"], "score", "value") == [("sleep_score", 81.0)]


def test_days_of_the_export_have_their_own_offset_and_their_steps_as_a_total() -> None:
    rows = read_one(DAY_FILE)
    midnight = datetime(2026, 5, 1, 22)
    assert pick(rows["vital"], "vital", "value", "t_utc", "tz_assumed") == [
        ("resting_heart_rate", 49.0, midnight, False),
        ("steps_day", 8240.0, midnight, False),  # 0 on the day after is none
    ]
    assert pick(rows["vendor_score"], "score", "value", "offset_min") == [
        ("stress_score", 31.0, 120),
        ("body_battery_highest", 88.0, 120),
        ("body_battery_lowest", 17.0, 120),
    ]
    assert "steps" not in rows


def test_health_status_gives_the_nights_hrv_and_skin_temperature() -> None:
    rows = read_one(HEALTH_FILE)
    assert pick(rows["hrv_sample"], "hrv", "value_ms", "t_utc") == [
        ("rmssd_night", 52.0, datetime(2026, 5, 1, 22))
    ]
    assert pick(rows["vital"], "vital", "value") == [("skin_temperature_deviation", -0.2)]


# --- recordings of answers ---------------------------------------------------------------------


def test_a_recording_gives_what_its_answers_hold() -> None:
    rows, refused = read_files({RECORDING: FIXTURE})
    assert not refused
    assert len(rows["hrv_sample"]) == 7  # a packed body: six readings and the night
    utc = datetime
    assert pick(rows["vital"], "record", "vital", "t_utc", "value", "unit", "offset_min", "tz_assumed") == [
        (0, "steps_day", utc(2023, 6, 30, 22), 12413.0, "{count}", 120, True),
        (1, "steps_day", utc(2023, 7, 1, 22), 5719.0, "{count}", 120, True),
        (2, "steps_day", utc(2023, 7, 2, 22), 3633.0, "{count}", 120, True),
        # Grams; what was weighed before or after the days asked for is not of the answer.
        (3, "weight", utc(2025, 6, 15, 0, 52, 5, 175000), 59.5, "kg", -360, False),
        (3, "weight", utc(2025, 6, 14, 13, 53), 59.13, "kg", -360, False),
    ]
    scores = pick(rows["vendor_score"], "score", "t_utc", "value", "offset_min")
    asleep = utc(2023, 7, 20, 0, 10)
    assert ("body_battery", asleep, 45.0, -420) in scores
    assert ("stress_level", asleep, 12.0, -420) in scores
    assert [s[1:3] for s in scores if s[0] == "sleep_score"] == [
        (utc(2023, 6, 30, 22), 60.0),
        (utc(2023, 7, 1, 22), 70.0),
    ]
    assert [s[2] for s in scores if s[0] == "stress_score"] == [35.0, 29.0]


def test_answers_that_nobody_reads_are_counted_by_service_without_names() -> None:
    export = Export("root", (member_of(RECORDING, FIXTURE),), (0,), datetime(2026, 11, 1))
    found = garmin_connect.read(export, Asked())  # type: ignore[arg-type]
    (remark,) = [part.text for part in found if isinstance(part, Remark)]
    # A mean of weeks, what was written (not asked for), and the profile.
    assert remark.endswith("left out: userprofile-service (1), usersummary-service (2).")


@settings(deadline=None, max_examples=40)
@given(st.integers(0, len(FIXTURE) - 1))
def test_a_recording_cut_anywhere_keeps_its_whole_answers(cut: int) -> None:
    rows, refused = read_files({RECORDING: FIXTURE[:cut]})
    whole, _ = read_files({RECORDING: FIXTURE})
    assert all(row in whole[table] for table, found in rows.items() for row in found)
    assert all(r["place"] and r["reason"] and not r["raw"] for r in refused)


def test_a_recording_follows_no_alias_makes_no_object_and_unpacks_no_bomb() -> None:
    body = (
        "- request: {method: GET, uri: https://connectapi.garmin.com/x/y}\n  response: {body: {string: %s}}\n"
    )
    bomb = base64.b64encode(gzip.compress(bytes(80 << 20))).decode()
    documents = {
        "alias": "interactions: &a\n" + body % "*a",
        "object": "interactions:\n" + body % "!!python/object/apply:os.system [echo]",
        "deep": "interactions:\n" + body % ("[" * 3000 + "]" * 3000),
        "bomb": "interactions:\n" + body % f"!!binary {bomb}",
        "zeros": "interactions:\n\0" + body % "''",
    }
    for name, text in documents.items():
        rows, refused = read_files({f"{name}.yaml": text.encode()})
        assert not rows
        assert len(refused) == (name in ("bomb", "zeros")), name


# --- claims, refusals, the whole road ----------------------------------------------------------


def test_each_file_is_claimed_by_this_source_alone() -> None:
    others = {
        "heart_rate-2020-03-10.json": b'[{"dateTime":"03/10/20 08:00:04","value":{"bpm":61,"confidence":2}}]',
        "gear.json": b'[{"gearPk": 1, "calendarDate": "2020-01-01"}]',
        "null.json": b"null",
        "hrv.txt": FILES["hrv_night.json"],
    }
    found = claim([member_of(name, data) for name, data in FILES.items()])
    assert (sorted(found.by_source), found.nobodys, found.disputed) == (["garmin_connect"], [], [])
    assert not any(garmin_connect.claims(member_of(name, data)) for name, data in others.items())


@pytest.mark.parametrize(
    ("name", "document", "words"),
    [
        (
            HEALTH_FILE,
            [{"calendarDate": "2026-05-02"}],
            "expected a column metrics; the record has calendarDate",
        ),
        (
            "r.json",
            [{"sleepScoreFactorPercent": 1, "timestampLocal": "x", "score": 5}],
            "expected a column timestamp",
        ),
        (
            "s.json",
            [{"startGMT": "2026-05-02T06:00:00", "steps": 1, "primaryActivityLevel": ""}],
            "a column endGMT",
        ),
        (
            "s.json",
            [{"startGMT": "2026-05-02", "endGMT": "2026-05-03", "steps": 9, "primaryActivityLevel": ""}],
            "an hour",
        ),
        (
            SLEEP_FILE,
            [{"sleepWindowConfirmationType": "", "calendarDate": "2026-05-02"}],
            "expected a date and time",
        ),
        (DAY_FILE, [{"calendarDate": "1970-01-01", "restingHeartRate": 50}], "dated before 2008"),
        (DAY_FILE, [{"calendarDate": "2099-01-01", "restingHeartRate": 50}], "dated after 2026"),
        (
            DAY_FILE,
            [{"calendarDate": "2026-05-02", "restingHeartRate": 500}],
            "resting_heart_rate outside 20 to 250",
        ),
        (DAY_FILE, ["calendarDate"], "expected a record with calendarDate, found none"),
    ],
)
def test_what_differs_is_refused_by_name_and_record(name: str, document: Any, words: str) -> None:
    rows, refused = read_files({name: json.dumps(document).encode()})
    assert not rows
    assert [(r["member"], r["record"], r["place"]) for r in refused] == [(0, 0, "record 0")]
    assert words in refused[0]["reason"]


def test_no_profile_or_device_number_is_kept_even_of_what_is_refused() -> None:
    day = {"userProfilePK": 31337, "deviceId": 31337, "calendarDate": "1970-01-01", "restingHeartRate": 50}
    _, refused = read_files(
        {DAY_FILE: json.dumps([day]).encode(), "UDSFile_b.json": json.dumps([day]).encode()[:-9]}
    )
    assert len(refused) == 2
    assert "31337" not in str(refused)


def test_odd_values_are_none_or_refused_and_take_nothing_with_them() -> None:
    day = json.loads(FILES["heart_rate_day.json"])
    odd: list[Any] = [
        [1767679200000, "fast"],
        [1767679200000],
        "x",
        [None, 60],
        [1e300, 61],
        [1767679320000, 700],
    ]
    day["heartRateValues"] = [*odd, [1767679440000, 62], [1767679560000, float("nan")], [1767679680000, True]]
    rows, refused = read_files({"d.json": json.dumps(day).encode()})
    assert pick(rows["heart_rate"], "hr_bpm") == [(62.0,)]
    assert sorted(r["reason"][:12] for r in refused) == ["expected a d", "expected a d", "heart rate o"]


@pytest.mark.parametrize("name", sorted(FILES))
def test_other_encodings_and_line_ends_read_the_same(name: str) -> None:
    plain, _ = read_files({name: FILES[name]})
    for data in (
        b"\xef\xbb\xbf" + FILES[name].replace(b"\n", b"\r\n"),
        FILES[name].decode().encode("utf-16"),
    ):
        assert garmin_connect.claims(member_of(name, data))
        assert read_files({name: data}) == (plain, [])


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(sorted(FILES)), st.floats(0, 1))
def test_a_document_cut_anywhere_keeps_its_whole_records(name: str, share: float) -> None:
    data = FILES[name].rstrip()
    cut = data[: int(share * len(data))]
    whole, _ = read_files({name: data})
    rows, refused = read_files({name: cut})
    assert all(row in whole[table] for table, found in rows.items() for row in found)
    if garmin_connect.claims(member_of(name, cut)) and cut != data:
        assert refused
        assert all(r["place"] and r["reason"] for r in refused)


def test_stamps_and_offsets_are_read_as_the_vendor_writes_them() -> None:
    assert read_moment("2023-07-20T05:29:48.0") == read_moment(1689830988000) == 1689830988000000
    assert (
        read_moment("2023-07-20T06:00:00.000Z")
        == read_moment("2023-07-20T08:00:00+02:00")
        == 1689832800000000
    )
    for none in (None, True, "", "yesterday", float("nan"), 1e20, [1], {}, "0001-01-01T00:00:00+14:00"):
        assert read_moment(none) == MISSING
    assert offset_between({"a": 1751863648000, "b": 1751842048000}, "a", "b") == -360
    assert offset_between({"a": "2026-01-01T00:00:00", "b": "2026-01-02T00:00:00"}, "a", "b") != -360
    assert [str(to_float(v)) for v in (1, "1", True, 10**400, float("inf"))] == [
        "1.0",
        "nan",
        "nan",
        "nan",
        "nan",
    ]
    assert read_pairs({"no": "list"}, 0, 1)[0].size == 0


def test_loading_twice_and_in_two_orders_gives_the_same_tables(tmp_path: Path) -> None:
    names = sorted(FILES)
    halves = {"0": names[:5], "1": names[5:]}
    for order in ("01", "10"):
        place = tmp_path / order
        for half in order:
            folder = write_folder(place / half, {n: FILES[n] for n in halves[half]}, datetime(2026, 11, 1))
            load_into(place, folder, timezone="Europe/Berlin")
        assert load_into(place, place / "0", place / "1", timezone="Europe/Berlin").rows == ()
    assert hashes_of(tmp_path / "01") == hashes_of(tmp_path / "10")
    counts = rows_of(tmp_path / "01", "select score, count(*) from signal.vendor_score group by 1 order by 1")
    assert dict(counts)["stress_level"] == 3


@pytest.mark.shared
def test_shared_answers_are_read_whole() -> None:
    shared = (
        Path(__file__).parents[2]
        / "shared"
        / "data"
        / "garmin_connect_api_garth"
        / "tests"
        / "data"
        / "cassettes"
    )
    bodies = {}
    for name in (
        "test_hrv_data_get",
        "test_daily_heart_rate_get",
        "test_daily_body_battery_stress_get_incomplete_data",
    ):
        cassette = yaml.safe_load((shared / f"{name}.yaml").read_text())
        bodies[f"{name}.json"] = cassette["interactions"][0]["response"]["body"]["string"].encode()
    assert all(garmin_connect.claims(member_of(name, data)) for name, data in bodies.items())
    rows, refused = read_files(bodies)
    assert not refused
    assert sum(r["hrv"] == "rmssd_5min" for r in rows["hrv_sample"]) == 81
    values = json.loads(bodies["test_daily_heart_rate_get.json"])["heartRateValues"]
    assert (len(values), len(rows["heart_rate"])) == (710, 710 - [bpm for _, bpm in values].count(None))
    # Of 397 stress values 154 are -1 and 13 are -2.
    assert sum(r["score"] == "stress_level" for r in rows["vendor_score"]) == 397 - 167
