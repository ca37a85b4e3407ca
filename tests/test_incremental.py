"""A night after one new day redoes that day and what depends on it, and nothing else."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from synthetic import cohort_life, make_cohort

from cli.night import load_export, run_night
from cli.nightly import utc_now
from cli.settings import Settings, read_settings
from warehouse.store import content_hashes, open_warehouse

DAYS = 60
PERSON = cohort_life.Person("p-steady", days=DAYS, sample_s=60)
LAST = PERSON.first_day + timedelta(days=DAYS - 1)
COMPARED = ("signal.", "feature.", "model.", "report.")


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    truth = make_cohort.make_export(PERSON, tmp_path_factory.mktemp("export"))
    path: Path = truth.exports[0].path
    return path


def copy_without(export: Path, target: Path, leave_out: Callable[[str], bool]) -> Path:
    with zipfile.ZipFile(export) as whole, zipfile.ZipFile(target, "w") as part:
        for info in whole.infolist():
            if not leave_out(info.filename):
                part.writestr(info, whole.read(info))
    return target


def load_and_work(settings: Settings, export: Path, before: date) -> dict[str, int]:
    load_export(
        settings, export, now=utc_now(), participant=PERSON.participant, timezone=PERSON.zone, device=None
    )
    return run_night(settings, before=before, now=utc_now()).written


def hashes(settings: Settings) -> dict[str, str]:
    with open_warehouse(settings.warehouse, read_only=True) as con:
        return {t: h for t, h in content_hashes(con).items() if t.startswith(COMPARED)}


def test_one_new_day_writes_that_day_and_its_eve_only(export: Path, tmp_path: Path) -> None:
    settings = read_settings({"STEADYLINE_VAR": str(tmp_path / "var")})
    # The last heart-rate file holds the last local day; the 30-day blocks of the others end with it too.
    shorter = copy_without(export, tmp_path / "shorter.zip", lambda name: f"heart_rate-{LAST}" in name)
    first = load_and_work(settings, shorter, LAST)
    assert first["features"] == DAYS - 1
    assert first["models"] == DAYS - 1
    again = load_and_work(settings, export, LAST + timedelta(days=1))
    # The new day, and its eve, whose evening ends in the new night; the eve's values stay as they were.
    assert again == {"features": 2, "models": 1, "effects": 0, "reports": 1}
    nothing = run_night(settings, before=LAST + timedelta(days=1), now=utc_now())
    assert nothing.written == {"features": 0, "models": 0, "effects": 0, "reports": 0}
    assert nothing.published is False

    at_once = read_settings({"STEADYLINE_VAR": str(tmp_path / "other")})
    load_and_work(at_once, export, LAST + timedelta(days=1))
    assert hashes(settings) == hashes(at_once), "two nights gave other tables than one"


def test_a_late_day_redoes_the_days_that_looked_back_on_it(export: Path, tmp_path: Path) -> None:
    settings = read_settings({"STEADYLINE_VAR": str(tmp_path / "var")})
    before = LAST + timedelta(days=1)
    late = PERSON.first_day + timedelta(days=20)
    load_and_work(
        settings, copy_without(export, tmp_path / "holey.zip", lambda n: f"heart_rate-{late}" in n), before
    )
    written = load_and_work(settings, export, before)
    # Features look back 29 days at most: the eve, the day and 29 days after it; the models 42 days.
    assert written["features"] == 31
    assert written["models"] <= DAYS - 19
    at_once = read_settings({"STEADYLINE_VAR": str(tmp_path / "other")})
    load_and_work(at_once, export, before)
    assert hashes(settings) == hashes(at_once)
