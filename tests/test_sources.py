"""All sources together: who claims what, and that loading everything in any order gives the same tables."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from conftest import ROOT

from cli.docs import sources
from ingest.export import walk
from ingest.load import load
from ingest.registry import SOURCES
from ingest.source import Member, lay_refusals
from warehouse.store import content_hashes, open_warehouse
from warehouse.tables import TABLES

FIXTURES = ROOT / "tests" / "fixtures"
NAMES = [source.NAME for source in SOURCES]
NOT_DATA = {"README.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "SOURCE.md"}
ORDER_FREE = tuple(t.full_name for t in TABLES if t.kind == "signal")


def test_words_of_a_file_in_a_refusal_are_cut_to_what_is_kept() -> None:
    row = {
        "member": 0,
        "stream": "file",
        "record": None,
        "place": "p" * 201,
        "reason": "r" * 600,
        "raw": "ü" * 9000,
    }
    (kept,) = lay_refusals([row]).to_pylist()
    assert kept["place"] == "p" * 199 + "…"
    assert kept["reason"] == "r" * 600
    assert kept["raw"] == "ü" * 512  # two bytes each


def members(name: str) -> Iterator[Member]:
    for container in walk([FIXTURES / name]):
        yield from (m for m in container.members if m.name not in NOT_DATA)


def test_names_are_unique_and_every_source_has_its_fixture() -> None:
    assert len(set(NAMES)) == len(NAMES)
    made_in_code = {"health_connect"}  # an SQLite file is written by its test
    assert {name for name in NAMES if not (FIXTURES / name).is_dir()} <= made_in_code | {"fitbit_takeout"}


@pytest.mark.parametrize("name", sorted(p.name for p in FIXTURES.iterdir() if p.is_dir()))
def test_every_fixture_is_claimed_by_exactly_one_source(name: str) -> None:
    for member in members(name):
        claims = [source.NAME for source in SOURCES if source.claims(member)]
        assert len(claims) == 1, f"{member.path} is claimed by {claims or 'nobody'}"


def test_the_sample_is_claimed_by_its_source_alone() -> None:
    (container,) = (c for c in walk([ROOT / "sample_data" / "fitbit" / "MyFitbitData.zip"]))
    for member in container.members:
        assert [s.NAME for s in SOURCES if s.claims(member)] == ["fitbit_takeout"], member.path


def test_foreign_files_are_claimed_by_nobody(tmp_path: Path) -> None:
    files = {
        "notes.txt": "dear diary, nothing here is a number",
        "numbers.csv": "a,b,c\n1,2,3\n",
        "list.json": '[{"name": "milk", "count": 2}]',
        "page.xml": "<html><body>hello</body></html>",
        "empty.csv": "",
        "photo.png": "\x89PNG\r\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
    for container in walk([tmp_path]):
        for member in container.members:
            assert [s.NAME for s in SOURCES if s.claims(member)] == [], member.path


def load_all(folder: Path, roots: list[Path]) -> dict[str, str]:
    staging = folder / "staging"
    for _ in range(2):
        for root in roots:
            load(
                [root],
                warehouse=folder / "w.duckdb",
                staging=staging,
                participant="p-everyone",
                timezone="Europe/Berlin",
                now=datetime(2026, 11, 22),
            )
    with open_warehouse(folder / "w.duckdb", read_only=True) as con:
        found = content_hashes(con)
    shutil.rmtree(staging)
    return {table: found[table] for table in ORDER_FREE}


def test_loading_all_fixtures_twice_in_two_orders_gives_identical_tables(tmp_path: Path) -> None:
    roots = sorted(p for p in FIXTURES.iterdir() if p.is_dir())
    forward = load_all(tmp_path / "a", roots)
    assert load_all(tmp_path / "b", roots[::-1]) == forward
    filled = {table for table, found in forward.items() if not found.startswith("0:")}
    assert {"signal.heart_rate", "signal.beat", "signal.hrv_sample", "signal.sleep_stage"} <= filled


def test_docs_say_of_every_source_what_it_takes_and_how_to_get_it() -> None:
    written = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    assert written == sources(), "run make docs"
    for source in SOURCES:
        about = source.ABOUT
        assert all(
            (about.device, about.layouts, about.signals, about.zone, about.quirks, about.how_to_export)
        )
        assert about.device in written
