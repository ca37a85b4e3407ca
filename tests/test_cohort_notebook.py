"""The notebook of a cohort runs as it stands, gives what it shows, and finds what was planted.

`python tests/test_cohort_notebook.py` runs it anew and stores the outputs.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import matplotlib as mpl
import numpy as np
import pytest
from cohort_file import DAYS, HEAVY, PEOPLE, make_folder
from conftest import ROOT
from matplotlib import pyplot as plt
from notebook_cells import check_form, code_cells, read_notebook, run_cells, store_outputs, stored_text
from scipy import stats

from cli.main import app

NOTEBOOK = ROOT / "docs" / "notebooks" / "cohort.ipynb"
FOLDER = "STEADYLINE_COHORT"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cohort")
    make_folder(path)
    return path


@pytest.fixture(scope="module")
def ran(folder: Path) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    mpl.use("Agg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(folder))
        yield run_cells(NOTEBOOK)
    plt.close("all")


def test_the_notebook_gives_what_it_shows(ran: tuple[list[Any], dict[str, Any]]) -> None:
    shown = [value.to_string() if value is not None else None for value in ran[0]]
    assert shown == [stored_text(cell) for cell in code_cells(read_notebook(NOTEBOOK))]
    assert sum(value is not None for value in shown) >= 8


def test_every_missing_night_is_counted_with_its_reason(
    ran: tuple[list[Any], dict[str, Any]], folder: Path
) -> None:
    _, space = ran
    with duckdb.connect(str(folder / "published.duckdb"), read_only=True) as con:
        sql = """select count(*) from feature.value where feature = 'tst_min' and value is null
                 and day > (select min(day) from feature.value)"""
        (missing,) = con.execute(sql).fetchall()[0]
    people = space["people"]
    assert (people["nights"] - people["complete"]).sum() == missing > 0
    assert people["nights"].tolist() == [DAYS - 1] * len(PEOPLE)


def read_truth(folder: Path) -> dict[str, list[tuple[float, float, bool]]]:
    """Person → hours of sleep, resting heart rate and whether planted, of every night."""
    truth: dict[str, list[tuple[float, float, bool]]] = {}
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            night = (float(row["tst_min"]) / 60, float(row["rhr_bpm"]), row["planted"] == "1")
            truth.setdefault(row["participant"], []).append(night)
    return truth


def mean_slope(nights: dict[str, list[tuple[float, float, bool]]]) -> tuple[float, float, float]:
    """Mean of the slopes of the people, and its t interval."""
    slopes = [stats.linregress([n[0] for n in of], [n[1] for n in of]).slope for of in nights.values()]
    half = stats.t.ppf(0.975, len(slopes) - 1) * stats.sem(slopes)
    return float(np.mean(slopes)), float(np.mean(slopes) - half), float(np.mean(slopes) + half)


def test_what_was_planted_is_found_and_nothing_where_nothing_was(
    ran: tuple[list[Any], dict[str, Any]], folder: Path
) -> None:
    results, truth = ran[1]["results"], read_truth(folder)
    planted, _, _ = mean_slope(truth)
    _, quiet_low, quiet_high = mean_slope({who: [n for n in of if not n[2]] for who, of in truth.items()})
    way = results.loc["a line a person"]
    assert way["low"] < planted < way["high"] < 0
    assert quiet_low < 0 < quiet_high
    # The mixed model and fixed intercepts are two ways to one slope.
    assert results["slope"]["mixed model"] == pytest.approx(results["slope"]["fixed intercepts"], abs=0.02)


def test_what_is_missing_is_missing_where_it_was_planted(ran: tuple[list[Any], dict[str, Any]]) -> None:
    weeks = ran[1]["weeks"]
    planted = {1 + (monday - min(HEAVY)).days // 7 + 2 for monday in HEAVY}
    assert planted == {3, 5}
    assert set(weeks["missing"].nlargest(2).index) == planted
    assert set(weeks["rhr_mean"].nlargest(2).index) == planted


def test_the_slope_under_each_assumption_is_the_one_worked_out_by_hand(
    ran: tuple[list[Any], dict[str, Any]],
) -> None:
    _, space = ran
    nights, patterns = space["nights"], space["patterns"]["slope"]
    x_all, y_all = [], []
    for _, own in nights.groupby("participant"):
        sleep, heart = own["tst_min"].to_numpy() / 60, own["rhr_night"].to_numpy()
        there = ~np.isnan(sleep)
        x = np.where(there, sleep, np.nanmean(sleep) - np.nanstd(sleep, ddof=1))
        y = np.where(there, heart, np.nanmean(heart) + np.nanstd(heart, ddof=1))
        x_all += (x - x.mean()).tolist()
        y_all += (y - y.mean()).tolist()
    slope = np.dot(x_all, y_all) / np.dot(x_all, x_all)
    assert patterns["an SD shorter, an SD faster"] == pytest.approx(slope)
    assert patterns["an SD shorter, an SD faster"] < patterns["complete nights only"]
    assert patterns["an SD shorter, an SD slower"] > patterns["complete nights only"]


def test_segments_of_whole_days_are_the_published_days(ran: tuple[list[Any], dict[str, Any]]) -> None:
    whole = ran[1]["whole"]
    assert len(whole) == DAYS * len(PEOPLE)
    assert (whole["value"] == whole["steps"]).all()


def test_the_picture_shows_every_night_once(ran: tuple[list[Any], dict[str, Any]]) -> None:
    left, middle, right = plt.figure(plt.get_fignums()[0]).axes
    drawn = [len(line.get_xdata()) for line in left.lines]
    assert sum(drawn) == (DAYS - 1) * len(PEOPLE)
    assert len(middle.lines[0].get_xdata()) == ran[1]["people"]["complete"].sum()
    assert right.get_yticks().tolist() == list(range(-1, 5))


def test_with_the_published_copy_alone_it_runs_and_says_what_it_does_without(
    folder: Path, ran: tuple[list[Any], dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(folder / "published.duckdb", tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(tmp_path))
        shown, space = run_cells(NOTEBOOK)
    plt.close(space["figure"])
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in told] == [
        f"There is no {name} in the folder" for name in ("segments.parquet", "truth.csv")
    ]
    alone = [value is None for value in shown]
    assert alone[-3:] == [True, True, True]
    assert alone[:-3] == [value is None for value in ran[0][:-3]]
    first = "".join(read_notebook(NOTEBOOK)["cells"][0]["source"])
    assert "segments.parquet" in first
    assert "truth.csv" in first
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert set(re.findall(r"`steadyline (\w+)", NOTEBOOK.read_text(encoding="utf-8"))) <= commands


def test_the_notebook_tells_nothing_of_the_machine_it_was_run_on() -> None:
    check_form(NOTEBOOK)


if __name__ == "__main__":
    mpl.use("Agg")
    with tempfile.TemporaryDirectory() as made:
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
        if given is None:
            make_folder(Path(made))
        os.environ[FOLDER] = str(given.absolute() if given else made)
        store_outputs(NOTEBOOK)
