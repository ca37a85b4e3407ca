"""Health Connect: every table's rows at their instant, by their app, and nothing of what is not there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fitbit_export import hashes_of, load_into, rows_of, write_folder, write_zip
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import Found, member, read_members

from ingest.files import health_connect

NAME = "health_connect_export.db"
EXPORTED = datetime(2024, 7, 3)
HOUR_MS = 3_600_000
NIGHT = 1_719_871_200_000
"""2024-07-01T22:00:00Z, in milliseconds: midnight in Berlin."""
BERLIN_S = 7200
WATCH = "Google Pixel Watch 2 via com.fitbit.FitbitMobile"

INTERVAL = "start_time integer, start_zone_offset integer, end_time integer, end_zone_offset integer"
META = (
    "row_id integer primary key autoincrement, uuid blob unique, last_modified_time integer,"
    " client_record_id text, client_record_version text, device_info_id integer, app_info_id integer,"
    " recording_method integer, dedupe_hash blob"
)
SPAN = f"{META}, {INTERVAL}, local_date integer, later integer as (start_time + 1000 * start_zone_offset)"
MOMENT = f"{META}, time integer, zone_offset integer, local_date integer"
TABLES: Mapping[str, str] = {
    "application_info_table": "row_id integer primary key, package_name text, app_name text, app_icon blob",
    "device_info_table": "row_id integer primary key, manufacturer text, model text, device_type integer",
    "heart_rate_record_table": SPAN,
    "heart_rate_record_series_table": "parent_key integer, beats_per_minute integer, epoch_millis integer",
    "steps_record_table": f"{SPAN}, count integer",
    "sleep_session_record_table": f"{SPAN}, notes text, title text",
    "sleep_stages_table": (
        "parent_key integer, stage_start_time integer, stage_end_time integer, stage_type integer"
    ),
    "heart_rate_variability_rmssd_record_table": f"{MOMENT}, heart_rate_variability_millis real",
    "resting_heart_rate_record_table": f"{MOMENT}, beats_per_minute integer",
    "oxygen_saturation_record_table": f"{MOMENT}, percentage real",
    "respiratory_rate_record_table": f"{MOMENT}, rate real",
    "weight_record_table": f"{MOMENT}, weight real",
    "exercise_session_record_table": f"{SPAN}, exercise_type integer, title text, has_route integer",
    "skin_temperature_record_table": f"{SPAN}, baseline real, measurement_location integer",
    "skin_temperature_delta_table": "parent_key integer, delta real, epoch_millis integer",
    "mindfulness_session_record_table": f"{SPAN}, type integer, title text, notes text",
    "android_metadata": "locale text",
}
Rows = Mapping[str, Iterable[Mapping[str, Any]]]


def database(rows: Rows, tables: Mapping[str, str] = TABLES, *before: str) -> bytes:
    """A database as Android writes it, with these rows."""
    con = sqlite3.connect(":memory:")
    for statement in before:
        con.execute(statement)
    for name, columns in tables.items():
        con.execute(f"create table {name} ({columns})")
    for name, records in rows.items():
        for record in records:
            names, marks = ", ".join(record), ", ".join("?" * len(record))
            con.execute(f"insert into {name} ({names}) values ({marks})", list(record.values()))
    con.commit()
    data = con.serialize()
    con.close()
    return data


def who(number: int = 1, app: int = 1, device: int = 1) -> dict[str, Any]:
    """What every record has."""
    return {
        "uuid": bytes([number]) * 16,
        "app_info_id": app,
        "device_info_id": device,
        "last_modified_time": NIGHT + number,
        "recording_method": 2,
    }


def span(start: int, end: int, offset: int | None = BERLIN_S, end_offset: int | None = -1) -> dict[str, Any]:
    """A start and an end, in milliseconds after the night's midnight."""
    return {
        "start_time": NIGHT + start,
        "start_zone_offset": offset,
        "end_time": NIGHT + end,
        "end_zone_offset": offset if end_offset == -1 else end_offset,
    }


def at(after: int, offset: int | None = BERLIN_S) -> dict[str, Any]:
    return {"time": NIGHT + after, "zone_offset": offset}


BASE: dict[str, list[dict[str, Any]]] = {
    "application_info_table": [
        {"row_id": 1, "package_name": "com.fitbit.FitbitMobile", "app_name": "Fitbit"},
        {"row_id": 2, "package_name": "com.google.android.apps.fitness", "app_name": None},
    ],
    "device_info_table": [
        {"row_id": 1, "manufacturer": "Google", "model": "Google Pixel Watch 2"},
        {"row_id": 2, "manufacturer": None, "model": None},
    ],
}
FULL: dict[str, list[dict[str, Any]]] = {
    **BASE,
    "heart_rate_record_table": [who(1) | span(0, 120_000), who(2, app=2, device=2) | span(0, 60_000)],
    "heart_rate_record_series_table": [
        {"parent_key": 1, "beats_per_minute": 52, "epoch_millis": NIGHT + 1_500},
        {"parent_key": 1, "beats_per_minute": 54, "epoch_millis": NIGHT + 61_500},
        {"parent_key": 2, "beats_per_minute": 52, "epoch_millis": NIGHT + 1_500},
    ],
    "steps_record_table": [
        who(1) | span(8 * HOUR_MS, 8 * HOUR_MS + 90_000) | {"count": 140},
        who(2, app=2, device=2) | span(0, 24 * HOUR_MS) | {"count": 9_000},
    ],
    "sleep_session_record_table": [
        who(7) | span(0, 4 * HOUR_MS),
        who(8, app=2, device=2) | span(12 * HOUR_MS, 13 * HOUR_MS),
    ],
    "sleep_stages_table": [
        {"parent_key": 1, "stage_start_time": NIGHT + a, "stage_end_time": NIGHT + b, "stage_type": kind}
        for a, b, kind in [
            (2 * HOUR_MS, 3 * HOUR_MS, 6),
            (0, HOUR_MS, 4),
            (HOUR_MS, 2 * HOUR_MS, 5),
            (3 * HOUR_MS, 3 * HOUR_MS + 600_000, 1),
            (3 * HOUR_MS + 600_000, 3 * HOUR_MS + 1_200_000, 3),
            (3 * HOUR_MS + 1_200_000, 3 * HOUR_MS + 1_800_000, 0),
            (3 * HOUR_MS + 1_800_000, 5 * HOUR_MS, 2),
        ]
    ],
    "heart_rate_variability_rmssd_record_table": [
        who() | at(HOUR_MS) | {"heart_rate_variability_millis": 41.5}
    ],
    "resting_heart_rate_record_table": [who() | at(0) | {"beats_per_minute": 51}],
    "oxygen_saturation_record_table": [
        who() | at(0) | {"percentage": 96.5},
        who(2) | at(60_000) | {"percentage": 0},
    ],
    "respiratory_rate_record_table": [who() | at(0) | {"rate": 14.6}],
    "weight_record_table": [who() | at(0) | {"weight": 64_000.0}],
    "exercise_session_record_table": [
        who(3) | span(10 * HOUR_MS, 11 * HOUR_MS) | {"exercise_type": 33},
        who(4) | span(14 * HOUR_MS, 15 * HOUR_MS) | {"exercise_type": 99, "recording_method": 0},
        who(5) | span(16 * HOUR_MS, 17 * HOUR_MS) | {"exercise_type": 57, "recording_method": 3},
    ],
    "skin_temperature_record_table": [who(1) | span(0, HOUR_MS) | {"baseline": 33.0}],
    "skin_temperature_delta_table": [{"parent_key": 1, "delta": -0.4, "epoch_millis": NIGHT + 1_000}],
    "mindfulness_session_record_table": [who(6, app=2) | span(9 * HOUR_MS, 9 * HOUR_MS + 600_000)],
}


def read(data: bytes, zone: str = "Europe/Berlin") -> Found:
    return read_members(health_connect, {NAME: data}, zone, EXPORTED)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2024-{text}")


def test_all_tables_give_the_rows_worked_out_by_hand() -> None:
    found = read(database(FULL))
    assert found.refused == []
    fitness = "com.google.android.apps.fitness"
    assert found.of("heart_rate", "device", "t_utc", "offset_min", "hr_bpm") == [
        (WATCH, utc("07-01T22:00:01.500"), 120, 52.0),
        (WATCH, utc("07-01T22:01:01.500"), 120, 54.0),
        (fitness, utc("07-01T22:00:01.500"), 120, 52.0),
    ]
    assert found.of("steps", "device", "t_utc", "span_s", "steps") == [
        (WATCH, utc("07-02T06:00"), 90, 140),
        (fitness, utc("07-01T22:00"), 86_400, 9_000),
    ]
    assert found.of("hrv_sample", "hrv", "t_utc", "span_s", "value_ms") == [
        ("rmssd_spot", utc("07-01T23:00"), None, 41.5)
    ]
    assert found.of("vital", "vital", "t_utc", "value", "unit") == [
        ("respiration", utc("07-01T22:00"), 14.6, "/min"),
        ("resting_heart_rate", utc("07-01T22:00"), 51.0, "/min"),
        ("skin_temperature_deviation", utc("07-01T22:00:01"), -0.4, "Cel"),
        ("spo2", utc("07-01T22:00"), 96.5, "%"),
        ("weight", utc("07-01T22:00"), 64.0, "kg"),
    ]
    assert found.of("workout", "workout", "t_utc", "end_utc", "activity", "detected", "revision") == [
        ("03" * 16, utc("07-02T08:00"), utc("07-02T09:00"), "run", True, NIGHT + 3),
        ("04" * 16, utc("07-02T12:00"), utc("07-02T13:00"), "exercise type 99", None, NIGHT + 4),
        ("05" * 16, utc("07-02T14:00"), utc("07-02T15:00"), "yoga", False, NIGHT + 5),
    ]
    assert found.of("event", "event", "app", "t_utc", "end_utc", "amount") == [
        ("mindful", fitness, utc("07-02T07:00"), utc("07-02T07:10"), None)
    ]
    assumed = {row["tz_assumed"] for rows in found.rows.values() for row in rows}
    assert assumed == {False}


def test_practice_goes_by_the_name_of_its_app_and_not_of_its_package() -> None:
    app = {"row_id": 2, "package_name": "com.getsomeheadspace.android", "app_name": None}
    found = read(database(FULL | {"application_info_table": [BASE["application_info_table"][0], app]}))
    assert found.of("event", "app") == [("Headspace",)]


def test_sleep_stages_are_in_order_cut_to_their_session_and_of_its_app() -> None:
    found = read(database(FULL))
    episode = ("episode", "device", "t_utc", "end_utc", "offset_min", "scoring", "in_bed", "revision")
    assert found.of("sleep_episode", *episode) == [
        ("07" * 16, WATCH, utc("07-01T22:00"), utc("07-02T02:00"), 120, "stages", None, NIGHT + 7),
        (
            "08" * 16,
            "com.google.android.apps.fitness",
            utc("07-02T10:00"),
            utc("07-02T11:00"),
            120,
            "classic",
            None,
            NIGHT + 8,
        ),
    ]
    # Unknown (0) is no stage; awake and out of bed are one wake; the last stretch ends with the session.
    assert found.of("sleep_stage", "episode", "t_utc", "end_utc", "stage") == [
        ("07" * 16, utc("07-01T22:00"), utc("07-01T23:00"), "light"),
        ("07" * 16, utc("07-01T23:00"), utc("07-02T00:00"), "deep"),
        ("07" * 16, utc("07-02T00:00"), utc("07-02T01:00"), "rem"),
        ("07" * 16, utc("07-02T01:00"), utc("07-02T01:20"), "wake"),
        ("07" * 16, utc("07-02T01:30"), utc("07-02T02:00"), "asleep"),
    ]
    assert {row["device"] for row in found.rows["signal.sleep_stage"]} == {WATCH}


def test_the_offset_is_the_records_own_and_the_zone_is_only_a_fallback() -> None:
    tokyo = 9 * 3600
    rows = {
        **BASE,
        "resting_heart_rate_record_table": [
            who(1) | at(0, tokyo) | {"beats_per_minute": 50},
            who(2) | at(1_000, None) | {"beats_per_minute": 51},
            who(3) | at(2_000, 7 * 86_400) | {"beats_per_minute": 52},
        ],
    }
    found = read(database(rows))
    assert found.of("vital", "t_utc", "offset_min", "tz_assumed") == [
        (utc("07-01T22:00:00"), 540, False),
        (utc("07-01T22:00:01"), 120, True),
        (utc("07-01T22:00:02"), 120, True),
    ]


def test_a_record_over_the_clocks_change_gives_each_sample_its_own_offset() -> None:
    change = int(datetime(2024, 3, 31, 1).timestamp() - datetime(2024, 7, 1, 22).timestamp()) * 1000
    rows = {
        **BASE,
        "heart_rate_record_table": [who(1) | span(change - HOUR_MS, change + HOUR_MS, 3600, 7200)],
        "heart_rate_record_series_table": [
            {"parent_key": 1, "beats_per_minute": 50, "epoch_millis": NIGHT + change - 1_000},
            {"parent_key": 1, "beats_per_minute": 51, "epoch_millis": NIGHT + change + 1_000},
        ],
    }
    found = read(database(rows))
    assert found.of("heart_rate", "hr_bpm", "offset_min", "tz_assumed") == [
        (50.0, 60, False),
        (51.0, 120, False),
    ]


@pytest.mark.parametrize(
    ("table", "record", "words"),
    [
        (
            "steps_record_table",
            who(9) | span(0, 60_000) | {"count": 5000},
            "steps outside 0 to 1000 in a minute",
        ),
        (
            "steps_record_table",
            who(9) | span(0, 60_000) | {"count": -1},
            "steps outside 0 to 1000 in a minute",
        ),
        (
            "steps_record_table",
            who(9) | span(0, 60_000) | {"count": "many"},
            "expected a whole number of steps",
        ),
        ("steps_record_table", who(9) | span(0, -1) | {"count": 5}, "ends before it starts"),
        ("steps_record_table", who(9) | span(0, 72 * HOUR_MS) | {"count": 5}, "longer than 25 hours"),
        ("steps_record_table", who(9) | span(-NIGHT, 60_000) | {"count": 5}, "dated before 2009"),
        (
            "resting_heart_rate_record_table",
            who(9) | at(90 * 24 * HOUR_MS) | {"beats_per_minute": 60},
            "dated after",
        ),
        (
            "resting_heart_rate_record_table",
            who(9) | at(1 << 60) | {"beats_per_minute": 60},
            "expected a date",
        ),
        (
            "resting_heart_rate_record_table",
            who(9) | at(0) | {"beats_per_minute": 300},
            "outside 20 to 250 /min",
        ),
        ("oxygen_saturation_record_table", who(9) | at(0) | {"percentage": 20.0}, "outside 50 to 100 %"),
        (
            "oxygen_saturation_record_table",
            who(9) | at(0) | {"percentage": float("inf")},
            "expected a number",
        ),
        ("weight_record_table", who(9) | at(0) | {"weight": 64.0}, "outside 20 to 400 kg"),
        ("sleep_session_record_table", who(9) | span(0, HOUR_MS) | {"uuid": None}, "expected a uuid"),
        ("sleep_session_record_table", who(9) | span(0, 0), "has no length"),
        ("sleep_session_record_table", who(9) | span(0, 49 * HOUR_MS), "longer than 48 hours"),
        (
            "heart_rate_record_series_table",
            {"parent_key": 77, "beats_per_minute": 60, "epoch_millis": NIGHT},
            "no record in heart_rate_record_table has the row_id",
        ),
        (
            "heart_rate_record_series_table",
            {"parent_key": 1, "beats_per_minute": 15, "epoch_millis": NIGHT},
            "outside 20 to 250 /min",
        ),
        (
            "sleep_stages_table",
            {"parent_key": 1, "stage_start_time": NIGHT, "stage_end_time": NIGHT + 1000, "stage_type": 12},
            "a stage_type that is not known: expected 0 to 7",
        ),
    ],
)
def test_an_impossible_record_is_refused_with_its_place_and_all_others_stay(
    table: str, record: dict[str, Any], words: str
) -> None:
    whole = read(database(FULL))
    found = read(database({**FULL, table: [*FULL[table], record]}))
    assert found.signals() == whole.signals()
    assert len(found.refused) == 1
    name, _, reason = found.refused[0]
    assert name == NAME
    assert words in reason


def test_a_table_or_column_that_is_not_there_is_named_and_the_rest_is_read() -> None:
    columns = TABLES["steps_record_table"].replace("count integer", "number integer")
    changed = {name: text for name, text in TABLES.items() if name != "oxygen_saturation_record_table"}
    rows = {
        name: list(records)
        for name, records in FULL.items()
        if name not in ("oxygen_saturation_record_table", "steps_record_table")
    }
    found = read(database(rows, {**changed, "steps_record_table": columns}))
    assert sorted(reason[:80] for _, _, reason in found.refused) == [
        "expected a column count in steps_record_table; it has row_id, uuid, last_modifie",
        "expected a table oxygen_saturation_record_table; the database has none",
    ]
    assert len(found.of("heart_rate", "t_utc")) == 3
    assert found.of("steps", "t_utc") == []


def test_older_databases_have_no_mindfulness_and_no_skin_temperature() -> None:
    newer = (
        "mindfulness_session_record_table",
        "skin_temperature_record_table",
        "skin_temperature_delta_table",
    )
    tables = {name: text for name, text in TABLES.items() if name not in newer}
    found = read(database({name: rows for name, rows in FULL.items() if name not in newer}, tables))
    assert found.refused == []
    assert found.of("event", "t_utc") == []


def test_a_view_in_a_tables_place_is_not_read() -> None:
    tables = {name: text for name, text in TABLES.items() if name != "weight_record_table"}
    view = "create view weight_record_table as select 1 as time"
    found = read(database({n: r for n, r in FULL.items() if n != "weight_record_table"}, tables, view))
    assert [reason for _, _, reason in found.refused] == [
        "expected a table weight_record_table; the database has none"
    ]


def test_a_database_with_a_write_ahead_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "wal.db"
    con = sqlite3.connect(path)
    con.deserialize(database(FULL))
    with sqlite3.connect(path) as disk:
        con.backup(disk)
        disk.execute("pragma journal_mode = wal")
    disk.close()
    data = path.read_bytes()
    assert data[18:20] == b"\2\2"
    assert read(data).signals() == read(database(FULL)).signals()


def test_the_order_of_rows_in_the_database_does_not_matter() -> None:
    turned = {name: list(reversed(rows)) for name, rows in FULL.items()}
    for parent, child in (
        ("heart_rate_record_table", "heart_rate_record_series_table"),
        ("sleep_session_record_table", "sleep_stages_table"),
    ):
        count = len(FULL[parent])
        turned[child] = [row | {"parent_key": count + 1 - row["parent_key"]} for row in turned[child]]
    found, whole = read(database(turned)), read(database(FULL))
    assert found.signals() == whole.signals()


def test_it_claims_its_database_and_nothing_else() -> None:
    data = database(BASE)
    assert health_connect.claims(member(NAME, data))
    assert health_connect.claims(member("Health Connect/health_connect_export (1).db", data))
    for name in ("Gadgetbridge.db", "heart_rate-2020-03-10.json", "health_connect_export.zip"):
        assert not health_connect.claims(member(name, data))


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 5000, b"SQLite format 3\0", b"id,value\n1,2\n", b"\xef\xbb\xbf{}"]
)
def test_what_is_no_database_is_refused_as_a_whole(data: bytes) -> None:
    found = read(data)
    assert found.signals() == {}
    assert found.refused[0][2].startswith(("expected a SQLite database", "the database is damaged"))


def test_an_empty_database_says_what_it_lacks() -> None:
    found = read(database({}, {"other": "a integer"}))
    assert "expected a table heart_rate_record_table; the database has none" in [
        r for _, _, r in found.refused
    ]
    assert found.signals() == {}


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4))
def test_damage_anywhere_is_refused_and_never_crashes(share: float, flips: list[tuple[float, int]]) -> None:
    data = bytearray(GOOD)
    for place, value in flips:
        data[int(place * len(data))] = value
    found = read(bytes(data[: int(share * len(data))]))
    if share < 0.99 and not flips:
        assert found.refused


@pytest.mark.parametrize("pages", [1, 2, 10])
def test_a_database_that_breaks_off_says_so_even_where_all_that_is_read_is_there(pages: int) -> None:
    found = read(GOOD[: -4096 * pages])
    assert any("breaks off" in reason or "damaged" in reason for _, _, reason in found.refused)


GOOD = database(FULL)


def test_it_loads_into_the_warehouse_the_same_twice_from_zip_and_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    zipped = write_zip(tmp_path / "Health Connect.zip", {NAME: GOOD}, EXPORTED)
    folder = write_folder(tmp_path / "folder", {NAME: GOOD}, EXPORTED)
    for place, path in ((first, zipped), (second, folder)):
        place.mkdir()
        report = load_into(place, path, timezone="Europe/Berlin")
        assert (report.refused, report.unclaimed) == (0, ())
        before = hashes_of(place)
        again = load_into(place, path, timezone="Europe/Berlin")
        assert not again.changed
        assert hashes_of(place) == before
    devices = "select distinct source, device from signal.heart_rate order by all"
    assert rows_of(first, devices) == [
        ("health_connect", WATCH),
        ("health_connect", "com.google.android.apps.fitness"),
    ]
    tables = ("signal.heart_rate", "signal.sleep_stage", "signal.vital", "signal.workout", "signal.event")
    assert {t: hashes_of(first)[t] for t in tables} == {t: hashes_of(second)[t] for t in tables}
