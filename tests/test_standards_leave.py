"""Exports in a standard as they leave: devices that were counted, ids of one installation, a warehouse that is free."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from standard_rows import HIDDEN_ID, NAMED_ID, set_installation
from study_warehouse import FIRST_DAY, NOW, Someone, build, insert, people

from cli.forget import forget_person
from cli.settings import read_settings
from reports.export import export as exporting
from reports.export import fhir, omh
from reports.export.export import Wanted, export
from warehouse import migrations
from warehouse.consent import ConsentChangedError, ConsentError, list_releases, write_consent
from warehouse.installation import read_installation
from warehouse.store import open_warehouse
from warehouse.tables import find_table

K = 3
FORMATS = ("fhir", "omh")
WORKOUT = datetime(FIRST_DAY.year, 1, 5, 12)
"""Months before the first day with values."""


def run(url: Path, to: Path, kind: str, **more: Any) -> dict[str, Any]:
    return export(url, to, Wanted(kind, **more), code={}, now=NOW)


def read_ids(folder: Path) -> set[str]:
    """Ids of resources or points, in all files of people."""
    found = set()
    for path in folder.iterdir():
        if path.suffix == ".jsonl":
            found |= {json.loads(line)["header"]["uuid"] for line in path.read_text("utf-8").splitlines()}
        elif path.suffix == ".json" and path.stem not in ("manifest", "codes"):
            bundle = json.loads(path.read_text("utf-8"))
            found |= {bundle["id"], *(entry["resource"]["id"] for entry in bundle["entry"])}
    return found


def read_devices(folder: Path) -> list[str]:
    """Labels of devices in the bundles or points of each person, without those of the program."""
    found: list[str] = []
    for path in sorted(folder.glob("*.json*")):
        if path.suffix == ".jsonl":
            headers = [json.loads(line)["header"] for line in path.read_text("utf-8").splitlines()]
            sheets = [sheet for h in headers for sheet in h.get("external_datasheets", [])]
            used = {s["datasheet_reference"] for s in sheets if s["datasheet_type"] == "hardware"}
            found += sorted(name.rpartition("#")[2] for name in used)
        elif path.stem not in ("manifest", "codes"):
            entries = json.loads(path.read_text("utf-8"))["entry"]
            devices = [e["resource"] for e in entries if e["resource"]["resourceType"] == "Device"]
            found += [d["deviceName"][0]["name"] for d in devices if "version" not in d]
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people of one source; one of them logged a workout elsewhere long before."""
    url = build(tmp_path_factory.mktemp("made") / "w.duckdb", people(K))
    with open_warehouse(url) as con:
        stream = {"stream_id": 99, "participant": "anna-01", "source": "fitbit_takeout", "device": "Strava"}
        insert(con, find_table("meta.stream"), [stream], 0)
        workout = {"stream_id": 99, "workout": "1", "t_utc": WORKOUT, "end_utc": WORKOUT.replace(hour=13)}
        insert(con, find_table("signal.workout"), [workout | {"offset_min": 60, "activity": "run"}], 0)
    set_installation(url, NAMED_ID, HIDDEN_ID)
    return url


@pytest.fixture
def warehouse(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "w.duckdb"))


# --- devices -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_the_labels_of_devices_that_leave_are_those_that_were_counted(
    kind: str, warehouse: Path, tmp_path: Path
) -> None:
    manifest = run(warehouse, tmp_path / "out", kind, deidentify=True, k=K)
    assert manifest["anonymity"]["smallest_group"] == K
    assert read_devices(tmp_path / "out") == ["fitbit_takeout-1"] * K


def test_a_device_that_only_logged_workouts_comes_after_the_others(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "out", "omh")
    assert read_devices(tmp_path / "out") == [
        "fitbit_takeout-1",
        *("fitbit_takeout-1", "fitbit_takeout-2"),
        "fitbit_takeout-1",
    ]


# --- ids ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_people_of_two_clinics_under_one_name_share_no_id(kind: str, tmp_path: Path) -> None:
    folders = []
    for clinic in ("north", "south"):
        (tmp_path / clinic).mkdir()
        url = build(tmp_path / clinic / "w.duckdb", [Someone("me", research=True)])
        run(url, tmp_path / clinic / "out", kind, participants=("me",))
        run(url, tmp_path / clinic / "again", kind, participants=("me",))
        folders.append(tmp_path / clinic / "out")
        assert read_ids(folders[-1]) == read_ids(tmp_path / clinic / "again")
    north, south = (read_ids(folder) for folder in folders)
    assert len(north) == len(south) > 10
    assert not north & south


def test_the_system_of_an_identifier_is_the_installation(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "own", "fhir", participants=("anna-00",))
    run(warehouse, tmp_path / "study", "fhir", deidentify=True, k=K)
    texts = [
        "".join(path.read_text("utf-8") for path in sorted((tmp_path / name).glob("*.json")))
        for name in ("own", "study")
    ]
    assert f'"identifier":[{{"system":"urn:uuid:{NAMED_ID}","value":"anna-00"}}]' in texts[0]
    assert texts[1].count(f'"identifier":[{{"system":"urn:uuid:{HIDDEN_ID}","value":"s') == K
    assert HIDDEN_ID not in texts[0]
    assert NAMED_ID not in texts[1]
    assert not read_ids(tmp_path / "own") & read_ids(tmp_path / "study")


def test_an_installation_is_drawn_once_when_a_warehouse_is_made_or_migrated(tmp_path: Path) -> None:
    drawn = []
    old = tmp_path / "old.duckdb"
    with duckdb.connect(str(old)) as con:
        for migration in (m for m in migrations.list_migrations() if m.version < 12):
            con.execute(migration.sql)
            migrations.record(con, migration)
    for url in (old, tmp_path / "new.duckdb", tmp_path / "other.duckdb"):
        for _ in range(2):
            with open_warehouse(url) as con:
                ids = [read_installation(con, hidden=hidden) for hidden in (False, True)]
        with open_warehouse(url, read_only=True) as con:
            assert con.execute("from meta.installation").fetchall() == [tuple(ids)]
        drawn += ids
    assert len(set(drawn)) == 6


# --- a warehouse that is free ------------------------------------------------------------------


def meanwhile(monkeypatch: pytest.MonkeyPatch, kind: str, do: Callable[[], object]) -> None:
    """Have something done by another process while a person's file is validated."""
    module, name = {"fhir": (fhir, "check_resource"), "omh": (omh, "check_point")}[kind]
    check, done = getattr(module, name), []

    def check_slowly(*args: Any) -> None:
        if not done:
            done.append(do())
        check(*args)

    monkeypatch.setattr(module, name, check_slowly)


@pytest.mark.parametrize("kind", FORMATS)
def test_consent_can_be_taken_back_while_an_export_is_validated_and_nothing_leaves(
    kind: str, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(
        monkeypatch, kind, lambda: write_consent(warehouse, "anna-02", "research", False, now=NOW, wait_s=0)
    )
    with pytest.raises(ConsentChangedError, match="anna-02 took the consent to research back"):
        run(warehouse, tmp_path / "out", kind)
    assert [path.name for path in tmp_path.iterdir()] == ["w.duckdb"]
    run(warehouse, tmp_path / "out", kind)
    assert sorted(path.stem for path in (tmp_path / "out").glob("anna*")) == ["anna-00", "anna-01"]


@pytest.mark.parametrize("kind", FORMATS)
def test_who_is_erased_while_their_own_export_is_validated_is_not_in_it(
    kind: str, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_settings({"STEADYLINE_VAR": str(tmp_path), "STEADYLINE_WAREHOUSE": str(warehouse)})
    meanwhile(monkeypatch, kind, lambda: forget_person(settings, "anna-00", wait_s=0))
    with pytest.raises(ConsentError, match="There is no participant anna-00"):
        run(warehouse, tmp_path / "out", kind, participants=("anna-00",))
    assert not (tmp_path / "out").exists()
    with open_warehouse(warehouse, read_only=True) as con:
        assert list_releases(con, "anna-00") == []


@pytest.mark.parametrize("kind", FORMATS)
def test_the_copy_of_the_rows_is_private_and_gone_afterwards(
    kind: str, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def look() -> None:
        (copy,) = tmp_path.glob(".out.new/" + exporting.COPY)
        seen.extend(path.stat().st_mode & 0o077 for path in (copy, *copy.iterdir()))

    meanwhile(monkeypatch, kind, look)
    manifest = run(warehouse, tmp_path / "out", kind)
    assert len(seen) > 5
    assert not any(seen)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*manifest["files"], "manifest.json"}
