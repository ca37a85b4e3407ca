"""The front door: help, answers, errors in one sentence, exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Ran

from cli.main import app
from cli.settings import Settings, make_places, read_settings

SAMPLE = ROOT / "sample_data" / "fitbit" / "MyFitbitData.zip"
Steadyline = Callable[..., subprocess.CompletedProcess[str]]
COMMANDS = [command.callback.__name__ for command in app.registered_commands if command.callback]
COMMANDS += [group.name for group in app.registered_groups if group.name]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_stands_in_the_readme(
    command: str, steadyline: Steadyline, tmp_path: Path
) -> None:
    done = steadyline(command, "--help", var=tmp_path / "var")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert f"`steadyline {command}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; import cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"duckdb", "numpy", "pyarrow", "scipy", "jinja2", "airflow", "rich", "babel"}
    assert not heavy & set(done.stdout.split())


def test_status_tells_what_the_tables_hold(sample_run: Ran, steadyline: Steadyline) -> None:
    done = steadyline("status", "--json", var=sample_run.settings.var)
    found = json.loads(done.stdout)
    assert [person["participant"] for person in found["people"]] == ["sample"]
    assert found["people"][0]["days_scored"] > 100
    assert {s["stream"]: s["rows"] for s in found["streams"]}["heart_rate"] == 1_309_430
    assert steadyline("status", var=sample_run.settings.var).returncode == 0


def test_sql_answers_and_can_change_and_reach_nothing(sample_run: Ran, steadyline: Steadyline) -> None:
    var = sample_run.settings.var
    done = steadyline("sql", "select count(*) as n from signal.heart_rate", "--json", var=var)
    assert json.loads(done.stdout) == [{"n": 1_309_430}]
    done = steadyline("sql", "select count(*) as n from feature.night", "--published", "--json", var=var)
    assert json.loads(done.stdout)[0]["n"] > 100
    for query in (
        "delete from signal.heart_rate",
        "copy signal.heart_rate to 'out.csv'",
        "select * from read_text('README.md')",
        "selec 1",
    ):
        refused = steadyline("sql", query, var=var)
        assert refused.returncode == 1
        assert refused.stderr.startswith("The query could not be run.")


def test_features_tells_one_and_all(steadyline: Steadyline, tmp_path: Path) -> None:
    rows = json.loads(steadyline("features", "--json", var=tmp_path).stdout)
    assert {"rhr_night", "ahr_day", "sri_7d"} <= {row["feature"] for row in rows}
    one = steadyline("features", "rhr_night", var=tmp_path)
    assert "/min" in one.stdout
    unknown = steadyline("features", "mood", var=tmp_path)
    assert unknown.returncode == 2
    assert "There is no feature mood" in unknown.stderr


def test_doctor_is_well_here_and_says_what_is_wrong(steadyline: Steadyline, tmp_path: Path) -> None:
    assert steadyline("doctor", var=tmp_path / "var").returncode == 0
    (tmp_path / "open").mkdir(mode=0o755)
    wrong = steadyline("doctor", "--json", var=tmp_path / "open")
    assert wrong.returncode == 1
    assert [c["do"] for c in json.loads(wrong.stdout) if not c["ok"]] == [f"chmod 700 {tmp_path / 'open'}"]


@pytest.mark.parametrize("command", [("status",), ("sql", "select 1"), ("forget", "p", "--yes")])
def test_without_a_warehouse_the_first_step_is_named(
    command: tuple[str, ...], steadyline: Steadyline, tmp_path: Path
) -> None:
    done = steadyline(*command, var=tmp_path / "var")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "steadyline" in done.stderr


FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
sys.argv[0] = "steadyline"
from cli.main import main
main()
"""


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path, steadyline: Steadyline) -> None:
    words = ("load", str(SAMPLE), "--participant", "p", "--timezone", "Australia/Sydney")
    environ = os.environ | {"STEADYLINE_VAR": str(tmp_path / "var"), "NO_COLOR": "1"}
    command = [sys.executable, "-c", FULL_DISK, *words]
    full = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert full.returncode == 1, full.stdout + full.stderr
    assert len(full.stderr.strip().splitlines()) == 1
    assert "free some space and run the same command again" in full.stderr
    again = steadyline(*words, var=tmp_path / "var")
    assert again.returncode == 0, again.stderr
    assert "1,309,430" in again.stdout


def test_settings_have_defaults_below_one_private_folder(tmp_path: Path) -> None:
    settings = read_settings({"STEADYLINE_VAR": str(tmp_path / "v")})
    assert settings == Settings(
        tmp_path / "v",
        str(tmp_path / "v/steadyline.duckdb"),
        tmp_path / "v/published/steadyline.duckdb",
        group=False,
    )
    make_places(settings)
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in (settings.var, settings.inbox, settings.raw))
    elsewhere = read_settings({"STEADYLINE_PUBLISH_TO": str(tmp_path / "shared.duckdb")})
    assert (elsewhere.published, elsewhere.group) == (tmp_path / "shared.duckdb", True)


def test_the_readme_names_no_command_that_is_not_there() -> None:
    named = set(re.findall(r"`steadyline ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named <= set(COMMANDS)
