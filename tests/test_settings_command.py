"""`steadyline settings`: shown with what they mean, changed, taken back, and refused in a sentence."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from cli.settings import read_settings
from warehouse.preferences import PREFERENCES, read_preferences
from warehouse.store import open_warehouse

Steadyline = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def var(tmp_path: Path) -> Path:
    with open_warehouse(tmp_path / "steadyline.duckdb") as con:
        con.execute("insert into meta.participant values ('p-a', 'Europe/Berlin', ?)", [datetime(2026, 1, 1)])
    return tmp_path


def held(var: Path) -> dict[str, str]:
    with open_warehouse(read_settings({"STEADYLINE_VAR": str(var)}).warehouse, read_only=True) as con:
        return read_preferences(con, ["p-a"])["p-a"]


def test_all_settings_are_shown_with_what_they_mean_and_none_is_guessed(
    steadyline: Steadyline, var: Path
) -> None:
    done = steadyline("settings", "--participant", "p-a", var=var)
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    for preference in PREFERENCES:
        assert preference.name in shown
        assert preference.meaning in shown
    told = steadyline("settings", "--participant", "p-a", "--json", var=var)
    assert json.loads(told.stdout) == {p.name: None for p in PREFERENCES}


def test_settings_are_changed_and_taken_back_in_one_go(steadyline: Steadyline, var: Path) -> None:
    words = ("settings", "--participant", "p-a")
    steadyline(*words, "gentle=yes", "country=GB", "avoid=sleep,alcohol", var=var)
    assert held(var) == {"gentle": "yes", "country": "GB", "avoid": "sleep,alcohol"}
    done = steadyline(*words, "clock=12", "--unset", "gentle", "--unset", "country", "--json", var=var)
    assert held(var) == {"clock": "12", "avoid": "sleep,alcohol"}
    assert {k: v for k, v in json.loads(done.stdout).items() if v} == held(var)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("gentle",), "Expected NAME=VALUE, such as gentle=yes, not 'gentle'."),
        (("colour=red",), "There is no setting 'colour'"),
        (("country=gb",), "is two capital letters, such as GB, not 'gb'."),
        (("gentle=yes", "--unset", "gentle"), "The setting 'gentle' is given twice"),
        (("clock=12", "--unset", "colour"), "There is no setting 'colour'"),
    ],
)
def test_what_cannot_be_set_is_one_sentence_and_changes_nothing(
    steadyline: Steadyline, var: Path, words: tuple[str, ...], told: str
) -> None:
    done = steadyline("settings", "--participant", "p-a", "pause=yes", *words, var=var)
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert held(var) == {}


def test_nobody_and_nowhere_are_told(steadyline: Steadyline, var: Path) -> None:
    done = steadyline("settings", "--participant", "p-b", var=var)
    assert (done.returncode, done.stderr.strip()) == (
        1,
        "There is no participant p-b: 'steadyline status' lists them.",
    )
    none = steadyline("settings", "--participant", "p-a", "gentle=yes", var=var / "none")
    assert none.returncode == 1
    assert "load something first" in none.stderr
    assert not (var / "none" / "steadyline.duckdb").exists()
