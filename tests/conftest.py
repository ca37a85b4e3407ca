"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browsing import launch
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser

from cli.settings import Settings, read_settings

ROOT = Path(__file__).resolve().parent.parent

# No test is timed: a busy machine takes .3 s over what takes .3 ms otherwise.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")


@dataclass(frozen=True)
class Ran:
    """What one run of the sample printed, and where it put things."""

    output: str
    exit_code: int
    settings: Settings


def run_sample(var: Path) -> Ran:
    """Do what `make run` does, with its data in `var`."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "STEADYLINE"))}
    environ |= {"STEADYLINE_VAR": str(var), "COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "cli.demo"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    return Ran(done.stdout + done.stderr, done.returncode, read_settings(environ))


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The sample, taken down the whole road by the DAGs once for all tests; look, do not change it."""
    return run_sample(tmp_path_factory.mktemp("sample") / "var")


@pytest.fixture
def sample_copy(sample_run: Ran, tmp_path: Path) -> Settings:
    """A copy of what the sample's run left, to change as a test likes."""
    shutil.copytree(sample_run.settings.var, tmp_path / "var", symlinks=True)
    return read_settings({"STEADYLINE_VAR": str(tmp_path / "var")})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser; one a module, since its event loop would be in the way of other tests."""
    with launch() as browser:
        yield browser


@pytest.fixture(scope="session")
def steadyline() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the `steadyline` command as a process of its own, as a person would."""

    def run(*words: str, var: Path, **more: str) -> subprocess.CompletedProcess[str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("STEADYLINE")}
        environ |= {"STEADYLINE_VAR": str(var), "COLUMNS": "160", "NO_COLOR": "1", **more}
        command = [sys.executable, "-m", "cli", *words]
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    return run
