"""Recordings beside the checkout: `load` takes what it can of each, and says what it cannot."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from conftest import ROOT

from ingest.load import load

DATA = ROOT.parent / "shared" / "data"
pytestmark = pytest.mark.shared

EXPECTED = {
    "elitehrv_rr": {"signal.beat"},
    "fit_fitparse": {"signal.heart_rate", "signal.beat"},
    "fitbit_export_innergalileo": {"signal.heart_rate", "signal.sleep_stage", "signal.steps"},
    "flirt_e4_garmin_holter": {"signal.beat", "signal.eda", "signal.acceleration"},
    "hrv_bartels_rr": {"signal.beat"},
    "wesad_e4": {"signal.beat", "signal.eda", "signal.pulse_wave"},
}
"""Tables that must come out of each folder, at least."""


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_recording_comes_through(name: str, tmp_path: Path) -> None:
    report = load(
        [DATA / name],
        warehouse=tmp_path / "w.duckdb",
        staging=tmp_path / "staging",
        participant="p-shared",
        timezone="Europe/Berlin",
        now=datetime(2026, 11, 22),
    )
    assert EXPECTED[name] <= {table for table, rows in report.rows if rows > 0}
    for refusal in report.refusals:
        assert refusal.file
        assert refusal.place
        assert refusal.reason
