"""The notebook runs as it stands, gives what it shows, and its recording is what it says.

`python tests/test_notebook.py` runs it anew and stores the outputs.
"""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from conftest import ROOT
from matplotlib import pyplot as plt
from notebook_cells import check_form, code_cells, read_notebook, run_cells, store_outputs, stored_text
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


@pytest.fixture(scope="module")
def ran() -> Any:
    mpl.use("Agg")
    shown, space = run_cells(NOTEBOOK)
    yield shown, space
    plt.close("all")


def test_the_notebook_gives_what_it_shows(ran: tuple[list[Any], dict[str, Any]]) -> None:
    shown, _ = ran
    frames = [value for value in shown if value is not None]
    assert [value.to_string() if value is not None else None for value in shown] == [
        stored_text(cell) for cell in code_cells(read_notebook(NOTEBOOK))
    ]
    assert [len(frame) for frame in frames] == [12, 12]
    for frame in frames:
        # A value is missing exactly where something is said of it.
        assert (frame.iloc[:, -2].isna() == frame["why_not"].notna()).all()


def test_it_goes_from_the_file_to_the_features_in_ten_lines() -> None:
    first = "".join(code_cells(read_notebook(NOTEBOOK))[0]["source"])
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
    check_form(NOTEBOOK)


if __name__ == "__main__":
    mpl.use("Agg")
    RECORDING.write_text(write_recording(), encoding="utf-8")
    store_outputs(NOTEBOOK)
