"""Names of devices: makers and models leave, what a person called theirs and serials do not."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from random import Random

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_warehouse import NOW, SERIAL, Someone, build

from reports.export.export import Wanted, export
from warehouse.device_names import is_plain, name_devices, naming_columns
from warehouse.publish import PUBLISHED, publish
from warehouse.schema import TEXT
from warehouse.store import content_hashes, open_warehouse

EARLY, LATE = date(2021, 1, 1), date(2021, 2, 1)


@pytest.mark.parametrize(
    "name",
    [
        *("unknown", "Apple Watch", "iPhone", "iPhone (Pedometer)", "iPhone 15 Pro Max", "Fitbit Charge 6"),
        *(
            "Google Pixel Watch 3",
            "Galaxy Watch4 Classic",
            "SM-R905F",
            "Polar H10",
            "Polar OH1",
            "Empatica E4",
        ),
        *(
            "Polar Verity Sense",
            "Garmin fēnix 7X",
            "Forerunner 245",
            "HRM-Pro Plus",
            "Mi Band 6",
            "WHOOP 4.0",
        ),
        *("Oura Ring Gen 3", "Oura Ring III", "ScanWatch 2", "Vivosmart HR+", "made watch", "Watch SE"),
    ],
)
def test_makers_and_models_are_plain(name: str) -> None:
    assert is_plain(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "Kim Müllers Uhr", "Kim's Watch", "Watch of Kim", "Watch Kim", "Apple Watch von Kim"),
        *("Polar H10 8A1B2C3D", "E4 A01234", "SN4711", "Kim's iPhone 12", "12345678", "AA:BB:CC:DD:EE:FF"),
        *("Max Watch", "Lily Watch", "Verity", "Mi", "Gen", "device 1", "Watch @home", "Zoe, first", "手表"),
    ],
)
def test_what_a_person_called_theirs_and_serials_are_not(name: str) -> None:
    assert not is_plain(name)


def test_devices_are_numbered_by_person_and_source_in_order_of_first_use() -> None:
    used = [
        ("p", "polar/Zoe's strap", EARLY),
        ("p", "polar/H10 8A1B2C3D", LATE),
        ("p", "polar/H10", EARLY),
        ("p", "oura/Kim's ring", LATE),
        ("q", "polar/Zoe's strap", LATE),
    ]
    assert name_devices(used, [("p", "polar/Anna's, never used")]) == {
        ("p", "polar/Zoe's strap"): "polar/device 1",
        ("p", "polar/H10 8A1B2C3D"): "polar/device 2",
        ("p", "polar/Anna's, never used"): "polar/device 3",
        ("p", "oura/Kim's ring"): "oura/device 1",
        ("q", "polar/Zoe's strap"): "polar/device 1",
    }


def test_lists_and_eras_tell_the_same_device() -> None:
    streams = [
        ("p", "oura/Kim's ring"),
        ("p", "fitbit_takeout/Zoe, then Anna"),
        ("p", "fitbit_takeout/me@home"),
    ]
    used = [
        ("p", "fitbit_takeout/Zoe, then Anna, oura/Kim's ring", LATE),
        ("p", "fitbit_takeout/Zoe, then Anna@2021-era", EARLY),
        ("p", "fitbit_takeout/me@home", LATE),
        ("p", "oura/Kim's ring", LATE),
    ]
    assert name_devices(used, streams) == {
        ("p", "oura/Kim's ring"): "oura/device 1",
        ("p", "fitbit_takeout/Zoe, then Anna"): "fitbit_takeout/device 1",
        ("p", "fitbit_takeout/me@home"): "fitbit_takeout/device 2",
        ("p", "fitbit_takeout/Zoe, then Anna, oura/Kim's ring"): "fitbit_takeout/device 1, oura/device 1",
        ("p", "fitbit_takeout/Zoe, then Anna@2021-era"): "fitbit_takeout/device 1@2021-era",
    }


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text("Kim's watch,/@ 1", max_size=12), unique=True, max_size=6), st.randoms())
def test_devices_stay_apart_whatever_they_are_called_and_in_whatever_order_they_come(
    names: list[str], chance: Random
) -> None:
    streams = [("p", f"oura/{name}") for name in names]
    used = [("p", name, EARLY) for _, name in streams]
    shown = name_devices(used, streams)
    told = [shown.get(("p", name), name) for _, name in streams]
    assert len(set(told)) == len(told)
    assert all(is_plain(name.removeprefix("oura/")) or "/device " in name for name in told)
    chance.shuffle(used)
    chance.shuffle(streams)
    assert name_devices(used, streams) == shown


STUDY = [
    Someone("p-one", raw=True),
    Someone("p-two", source="oura", raw=True),
]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    url = build(tmp_path_factory.mktemp("made") / "w.duckdb", STUDY)
    with open_warehouse(url) as con:
        con.execute(
            f"update feature.value set source = 'oura/Oura Ring Gen 3, {STUDY[0].stream}'"
            " where participant = 'p-one' and day = '2021-03-22'"
        )
    return url


def test_no_name_leaves_with_the_published_copy_and_the_warehouse_keeps_them(
    warehouse: Path, tmp_path: Path
) -> None:
    with open_warehouse(warehouse, read_only=True) as con:
        before = content_hashes(con)
    target = tmp_path / "p.duckdb"
    assert publish(warehouse, target, now=NOW)
    data = target.read_bytes()
    assert b"feature" in data
    assert SERIAL.encode() not in data
    assert b"Watch of" not in data
    with open_warehouse(warehouse, read_only=True) as con:
        after = content_hashes(con)
    assert {n: h for n, h in after.items() if n != "meta.released"} == {
        n: h for n, h in before.items() if n != "meta.released"
    }
    with duckdb.connect(str(target), read_only=True) as con:
        found = con.execute("select distinct participant, source from feature.value order by all").fetchall()
        assert found == [
            ("p-one", "fitbit_takeout/device 1"),
            ("p-one", "fitbit_takeout/device 1, oura/Oura Ring Gen 3"),
            ("p-two", "oura/device 1"),
        ]
        assert con.execute("select distinct segment from model.baseline order by 1").fetchall() == [
            ("fitbit_takeout/device 1@2021-era",),
            ("oura/device 1@2021-era",),
        ]
    assert not publish(warehouse, target, now=NOW)


def test_no_name_leaves_with_an_export_and_a_device_is_the_same_in_all_of_it(
    warehouse: Path, tmp_path: Path
) -> None:
    for kind in ("parquet", "csv"):
        export(warehouse, tmp_path / kind, Wanted(kind, raw=True), code={}, now=NOW)
    for path in tmp_path.rglob("*.csv"):
        assert SERIAL not in path.read_text(encoding="utf-8"), path.name
    named = 0
    for path in (tmp_path / "parquet").glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            assert not [value for value in row.values() if SERIAL in str(value)], path.name
            if "device" in row:
                assert (row["source"], row["device"]) in {
                    ("fitbit_takeout", "device 1"),
                    ("oura", "device 1"),
                }
                named += 1
    assert named == 2 * 20 * len(STUDY)


def test_every_published_column_that_may_name_a_device_is_covered() -> None:
    others = {
        (table.full_name, column.name)
        for table in PUBLISHED
        for column in table.columns
        if table.kind == "result"
        and column.type == TEXT
        and "device" in column.meaning
        and column.name not in naming_columns(table)
    }
    assert others == set()
