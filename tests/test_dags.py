"""The DAGs: what they promise a scheduler, and what they do to the sample."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Ran, run_sample

from warehouse.sql import scalar
from warehouse.store import content_hashes, open_warehouse

DESCRIBE = """
import json, os, sys
from cli.embedded import DAGS, prepare
from cli.settings import read_settings
prepare(read_settings(os.environ))
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(str(DAGS))
dags = {
    dag.dag_id: {
        "catchup": dag.catchup, "max_active_runs": dag.max_active_runs, "tags": sorted(dag.tags),
        "schedule": type(dag.timetable).__name__, "doc": bool(dag.doc_md),
        "tasks": {t.task_id: {"retries": t.retries, "pool": t.pool, "outlets": [o.name for o in t.outlets],
                              "after": sorted(t.upstream_task_ids)} for t in dag.tasks},
    } for dag in bag.dags.values()
}
print("@@" + json.dumps({"errors": bag.import_errors, "dags": dags}))
"""


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The DAGs as Airflow sees them, in a process and a home of their own."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")}
    environ["STEADYLINE_VAR"] = str(tmp_path_factory.mktemp("airflow") / "var")
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    described: dict[str, Any] = json.loads(done.stdout.split("@@")[-1])
    return described


def test_every_dag_imports(bag: dict[str, Any]) -> None:
    assert bag["errors"] == {}
    assert set(bag["dags"]) == {"nightly", "watch", "weekly"}


@pytest.mark.parametrize("dag_id", ["nightly", "watch", "weekly"])
def test_a_dag_says_what_a_scheduler_must_know(bag: dict[str, Any], dag_id: str) -> None:
    dag = bag["dags"][dag_id]
    assert dag["catchup"] is False, "a first start must not work years of nights"
    assert dag["max_active_runs"] == 1, "there is one writer"
    assert dag["tags"] == ["steadyline"]
    assert dag["doc"]
    for task_id, task in dag["tasks"].items():
        assert task["retries"] >= 1, f"{task_id} would be lost with its worker"


def test_only_one_task_at_a_time_writes(bag: dict[str, Any]) -> None:
    tasks = bag["dags"]["nightly"]["tasks"] | bag["dags"]["weekly"]["tasks"]
    writers = {name for name, task in tasks.items() if task["pool"] == "steadyline_writer"}
    assert writers == {"load", "commit", "score", "effects", "insights", "publish", "write_pages"}


def test_stages_follow_each_other_and_the_week_follows_the_night(bag: dict[str, Any]) -> None:
    tasks = bag["dags"]["nightly"]["tasks"]
    assert "tidy" in tasks["load"]["after"]
    pulls = {name for name in tasks if name.startswith("pull_")}
    assert tasks["tidy"]["after"] == sorted(pulls), "a night loads once all pulls have ended"
    assert {tasks[name]["pool"] for name in pulls} == {f"steadyline_{name[5:]}" for name in pulls}
    chain = ["load", "plan", "compute", "commit", "score", "insights", "publish", "end"]
    aside = ["score", "effects", "end"]
    for before, after in (*pairwise(chain), *pairwise(aside)):
        assert before in tasks[after]["after"], f"{after} does not wait for {before}"
    waiting = [name for name, task in tasks.items() if "effects" in task["after"]]
    assert waiting == ["end"], "an error in judging effects would hold up more than them"
    assert tasks["publish"]["outlets"] == ["steadyline"]
    assert "Asset" in bag["dags"]["weekly"]["schedule"]


def test_the_sample_goes_down_the_whole_road(sample_run: Ran) -> None:
    assert sample_run.exit_code == 0, sample_run.output
    with open_warehouse(sample_run.settings.warehouse, read_only=True) as con:
        samples = scalar(con, "select count(*) from signal.heart_rate")
        scored = scalar(con, 'select count(*) from model.index_day where "index" is not null')
        nights = scalar(con, "select count(*) from feature.night where tst_min is not null")
        page = scalar(con, "select page_path from report.week where page_path is not null")
    assert samples == 1_309_430
    assert scored > 100
    assert nights > 100
    # The summary's numbers come from the tables.
    for number in (f"{samples:,}", f"{scored:,}", f"{nights:,}"):
        assert number in sample_run.output
    assert str(sample_run.settings.reports / page) in sample_run.output
    assert (sample_run.settings.reports / page).is_file()
    assert list(sample_run.settings.staging.iterdir()) == []


@pytest.mark.parametrize(
    ("table", "value"),
    [
        ("feature.value", "value"),
        ("model.index_day", '"index"'),
        ("report.insight", "text"),
        ("report.week", "sentence"),
    ],
)
def test_every_day_has_its_rows_and_a_null_has_its_reason(sample_run: Ran, table: str, value: str) -> None:
    with open_warehouse(sample_run.settings.warehouse, read_only=True) as con:
        days = scalar(con, f"select count(distinct day) from {table}")
        has_reason = table not in ("report.insight", "report.week")
        # An index of a day worn at other hours than usual stands, with that as its reason.
        kept = " and not coalesce(wear_differs, false)" if table == "model.index_day" else ""
        unexplained = f"({value} is null) <> (reason is not null){kept}" if has_reason else f"{value} is null"
        assert scalar(con, f"select count(*) from {table} where {unexplained}") == 0
    assert days == (1 if table == "report.week" else 134)


def test_a_second_run_changes_nothing(sample_run: Ran, tmp_path: Path) -> None:
    shutil.copytree(sample_run.settings.var, tmp_path / "var")
    pages = {p: p.read_bytes() for p in (tmp_path / "var" / "reports").rglob("*.html")}
    again = run_sample(tmp_path / "var")
    assert again.exit_code == 0, again.output
    with open_warehouse(sample_run.settings.warehouse, read_only=True) as con:
        before, runs = content_hashes(con), scalar(con, "select count(*) from meta.run")
    with open_warehouse(again.settings.warehouse, read_only=True) as con:
        assert content_hashes(con) == before
        assert scalar(con, "select count(*) from meta.run") == runs, (
            "a run with nothing to do wrote something"
        )
    assert {p: p.read_bytes() for p in pages} == pages


def test_a_night_by_hand_gives_the_tables_that_the_dag_gives(
    sample_run: Ran, tmp_path: Path, steadyline: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    zipped = ROOT / "sample_data" / "fitbit" / "MyFitbitData.zip"
    words = ("--participant", "sample", "--timezone", "Australia/Sydney", "--research")
    var = tmp_path / "var"
    for command in (
        ("load", str(zipped), *words),
        ("nightly", "--date", "2020-07-22"),
        ("week", "--date", "2020-07-22"),
    ):
        done = steadyline(*command, var=var)
        assert done.returncode == 0, done.stdout + done.stderr
    with open_warehouse(sample_run.settings.warehouse, read_only=True) as con:
        by_dag = content_hashes(con)
    with open_warehouse(var / "steadyline.duckdb", read_only=True) as con:
        assert content_hashes(con) == by_dag
