"""Settings of a person: kept, checked, taken back, and due where a stage reads them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from warehouse.preferences import PreferenceError, read_preferences, write_preferences
from warehouse.store import open_warehouse

NOW = datetime(2026, 3, 1)


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A warehouse with two people, one of whom has two scored days."""
    path = tmp_path / "w.duckdb"
    with open_warehouse(path) as con:
        for who in ("p-a", "p-b"):
            con.execute("insert into meta.participant values (?, 'Europe/Berlin', ?)", [who, NOW])
        for day in (date(2026, 1, 5), date(2026, 1, 6)):
            con.execute("insert into model.index_day (participant, day) values ('p-a', ?)", [day])
    return path


def test_a_setting_is_kept_for_one_person_and_can_be_taken_back(warehouse: Path) -> None:
    assert write_preferences(warehouse, "p-a", {"gentle": "yes", "country": "GB"}, now=NOW) == {
        "gentle": "yes",
        "country": "GB",
    }
    assert write_preferences(warehouse, "p-a", {"gentle": None}, now=NOW) == {"country": "GB"}
    with open_warehouse(warehouse, read_only=True) as con:
        assert read_preferences(con, ["p-a", "p-b"]) == {"p-a": {"country": "GB"}, "p-b": {}}


def test_a_setting_that_models_read_makes_the_first_day_due_once(warehouse: Path) -> None:
    write_preferences(warehouse, "p-a", {"cycle": "yes", "age_band": "30-44", "clock": "12"}, now=NOW)
    write_preferences(warehouse, "p-a", {"cycle": "yes"}, now=NOW)
    with open_warehouse(warehouse, read_only=True) as con:
        dues = con.execute("select participant, day, stage, reason from meta.due").fetchall()
    assert dues == [("p-a", date(2026, 1, 5), "models", "setting cycle changed")]


@pytest.mark.parametrize(
    ("who", "name", "value", "told"),
    [
        ("p-a", "colour", "red", "There is no setting 'colour'"),
        ("p-a", "country", "gb", "two capital letters, such as GB, not 'gb'"),
        ("p-a", "age_band", "17", "under18, 18-29"),
        ("p-c", "gentle", "yes", "There is no participant p-c"),
    ],
)
def test_what_cannot_be_set_is_explained_and_nothing_is_written(
    warehouse: Path, who: str, name: str, value: str, told: str
) -> None:
    with pytest.raises(PreferenceError, match=told):
        write_preferences(warehouse, who, {"units": "us", name: value}, now=NOW)
    with open_warehouse(warehouse, read_only=True) as con:
        assert con.execute("select count(*) from meta.setting").fetchall() == [(0,)]
