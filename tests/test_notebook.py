"""The notebook runs as it stands, gives what it shows, and its recording is what it says.

`python tests/test_notebook.py` runs it anew and stores the outputs.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import re
from contextlib import chdir
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from matplotlib import pyplot as plt
from tachograms import swing

from features.wear import Floats

NOTEBOOK = ROOT / "docs" / "notebooks" / "hrv.ipynb"
RECORDING = NOTEBOOK.with_name("2026-03-02_21-00-00_evening.txt")
HEAD = """\
# Synthetic: an hour of beats, made by tests/test_notebook.py. Nobody's heart.
# seconds since the start, interval in ms
"""
SLOW_MS = 70.0


def make_recording() -> tuple[Floats, Floats]:
    """An hour: reading, 12 minutes of breathing 6 times a minute, rest; noisy for 7 minutes, off for 6."""
    parts = (
        swing(1, (0.10, 25.0), (0.25, 22.0), span_s=24 * 60, base_ms=840, noise_ms=8),
        swing(2, (0.10, SLOW_MS), span_s=12 * 60, base_ms=900),
        swing(3, (0.10, 20.0), (0.27, 30.0), span_s=24 * 60, base_ms=930, noise_ms=8),
    )
    starts_s = (0.0, 24 * 60.0, 36 * 60.0)
    rr_ms = np.concatenate([rr for rr, _ in parts])
    end_s = np.concatenate([end + start for (_, end), start in zip(parts, starts_s, strict=True)])
    # Every sixteenth beat of the noisy minutes is found a quarter of a second late.
    late = np.flatnonzero((end_s >= 11 * 60) & (end_s < 18 * 60))[::16]
    end_s[late] += 0.25
    rr_ms[late] += 250
    rr_ms[late + 1] -= 250
    on = (end_s < 43.5 * 60) | (end_s >= 49.5 * 60)
    return end_s[on], rr_ms[on]


def write_recording() -> str:
    lines = (f"{end:.3f} {rr:.0f}\n" for end, rr in zip(*make_recording(), strict=True))
    return HEAD + "".join(lines)


def read_notebook() -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return notebook


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run_cells(cells: list[dict[str, Any]]) -> tuple[list[Any], dict[str, Any]]:
    """Run cells in order in a fresh namespace, beside the notebook; the last value of each, and the names."""
    space: dict[str, Any] = {}
    shown = []
    with chdir(NOTEBOOK.parent):
        for cell in cells:
            tree = ast.parse("".join(cell["source"]))
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, cell["id"], "exec"), space)
            found = None
            if isinstance(last, ast.Expr):
                found = eval(compile(ast.Expression(last.value), cell["id"], "eval"), space)
            shown.append(found)
    return shown, space


def stored_text(cell: dict[str, Any]) -> str | None:
    texts = ["".join(out["data"]["text/plain"]) for out in cell["outputs"] if "text/plain" in out["data"]]
    return texts[0] if texts else None


@pytest.fixture(scope="module")
def ran() -> Any:
    mpl.use("Agg")
    shown, space = run_cells(code_cells(read_notebook()))
    yield shown, space
    plt.close("all")


def test_the_notebook_gives_what_it_shows(ran: tuple[list[Any], dict[str, Any]]) -> None:
    shown, _ = ran
    frames = [value for value in shown if value is not None]
    assert [value.to_string() if value is not None else None for value in shown] == [
        stored_text(cell) for cell in code_cells(read_notebook())
    ]
    assert [len(frame) for frame in frames] == [12, 12]
    for frame in frames:
        # A value is missing exactly where something is said of it.
        assert (frame.iloc[:, -2].isna() == frame["why_not"].notna()).all()


def test_it_goes_from_the_file_to_the_features_in_ten_lines() -> None:
    first = "".join(code_cells(read_notebook())[0]["source"])
    assert "loadtxt" in first
    assert len([line for line in first.splitlines() if line.strip()]) <= 10


def test_its_values_are_those_of_what_the_recording_was_made_of(
    ran: tuple[list[Any], dict[str, Any]],
) -> None:
    table, frame = ran[1]["table"], ran[1]["frame"]
    start_min = frame.index.tolist()
    rmssd, low_power = frame["rmssd_ms"], frame["lf_ms2"]
    # A sine of amplitude A and frequency f, sampled every T: RMSSD = √2 · A · sin(π·f·T).
    expected = np.sqrt(2) * SLOW_MS * np.sin(np.pi * 0.1 * 0.9)
    assert rmssd[25] == pytest.approx(expected, rel=0.03)
    assert rmssd[30] == pytest.approx(expected, rel=0.03)
    # And its power is A²/2, all of it at 0.1 Hz.
    assert low_power[25] == pytest.approx(SLOW_MS**2 / 2, rel=0.02)
    assert frame["hf_ms2"][25] < 5
    why = dict(zip(start_min, table.explain("rmssd_ms"), strict=True))
    assert [minute for minute, reason in why.items() if reason] == [45]
    quality = dict(zip(start_min, table.quality.quality.tolist(), strict=True))
    assert [minute for minute, code in quality.items() if code == 1] == [10, 15, 40]


def test_the_picture_leaves_gaps_open(ran: tuple[list[Any], dict[str, Any]]) -> None:
    figure = plt.figure(plt.get_fignums()[0])
    tachogram, bars = figure.axes[:2]
    (line,) = [drawn for drawn in tachogram.lines if len(drawn.get_xdata()) > 1000]
    x, y = (np.asarray(axis, np.float64) for axis in line.get_data())
    drawn = np.isfinite(y[1:]) & np.isfinite(y[:-1])
    assert np.diff(x)[drawn].max() < 2 / 60  # No stroke is longer than a beat: none spans what is missing.
    heights = [bar.get_height() for bar in bars.patches if bar.get_width() == pytest.approx(4.8)]
    assert len(heights) == 11  # Of 12 windows one has no value, and no bar.
    assert min(heights) > 0


def test_the_recording_is_made_as_it_says() -> None:
    assert RECORDING.read_text(encoding="utf-8") == write_recording()


def test_the_notebook_tells_nothing_of_the_machine_it_was_run_on() -> None:
    notebook = read_notebook()
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert not re.search(r"/(home|root|work|Users|tmp)/", NOTEBOOK.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        assert re.fullmatch(r"[a-z-]{1,64}", cell["id"])
        assert cell["metadata"] == {}
    for number, cell in enumerate(code_cells(notebook), 1):
        assert cell["execution_count"] == number
        ast.parse("".join(cell["source"]))
    pictures = [out for cell in code_cells(notebook) for out in cell["outputs"] if "image/png" in out["data"]]
    assert len(pictures) == 1
    assert base64.b64decode(pictures[0]["data"]["image/png"]).startswith(b"\x89PNG")


def lines_of(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def store_outputs() -> None:
    """Run the notebook and store what it prints and draws."""
    mpl.use("Agg")
    RECORDING.write_text(write_recording(), encoding="utf-8")
    notebook = read_notebook()
    cells = code_cells(notebook)
    shown, _ = run_cells(cells)
    for number, (cell, value) in enumerate(zip(cells, shown, strict=True), 1):
        cell["execution_count"], cell["outputs"] = number, []
        if value is not None:
            with pd.option_context("display.max_colwidth", None):
                data = {"text/html": lines_of(value.to_html()), "text/plain": lines_of(value.to_string())}
            told = {"data": data, "execution_count": number, "metadata": {}, "output_type": "execute_result"}
            cell["outputs"].append(told)
        if "plt.subplots" in "".join(cell["source"]):
            picture = io.BytesIO()
            plt.figure(plt.get_fignums()[0]).savefig(
                picture, format="png", dpi=110, metadata={"Software": None}
            )
            image = {"image/png": base64.b64encode(picture.getvalue()).decode()}
            cell["outputs"].append({"data": image, "metadata": {}, "output_type": "display_data"})
            if target := os.environ.get("PICTURE"):
                Path(target).write_bytes(picture.getvalue())
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    store_outputs()
