"""A SIGKILL at any moment of any verb, then the same command again: the tables of an undisturbed run.

Every verb runs as a process of its own on a copy of what the verb before it left. It is killed after a
given number of calls in warehouse/ and in the module that writes pages (so always at the same place, however fast the
machine), and from outside while the database writes its files. What a dead process leaves is what was
there before it or what the whole verb makes, and the same command then makes the latter.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from synthetic import cohort_life, make_cohort

from cli.settings import read_settings
from warehouse.store import content_hashes, open_warehouse, warehouse_exists

ROOT = Path(__file__).resolve().parents[1]
PERSON = cohort_life.Person("p-killed", zone="Asia/Tokyo", days=20, sample_s=60, walks_per_day=12)
BEFORE = PERSON.first_day + timedelta(days=PERSON.days)
DEADLINE_S = 120
NEVER = 0
OF_THE_TOOL = {"meta.migration", "meta.column_dictionary"}
"""Tables that a new warehouse comes with; all others are empty in it."""

VERBS = {
    "load": "night.load_export(settings, export, now=now, participant='p-killed', timezone='Asia/Tokyo')",
    "compute": "commit(night.compute_batch(settings, staging(), before, ['p-killed']))",
    "score": "commit(night.score_people(settings, staging(), before, ['p-killed']))",
    "judge": "commit(night.judge_effects(settings, staging(), before, ['p-killed'])[0])",
    "write": "commit(night.write_daily(settings, staging(), before, ['p-killed']))",
    "week": "night.write_pages(settings, before=before, now=now)",
}
SCRIPT = """
import os, signal, sys
from datetime import date, datetime
from functools import lru_cache, partial
from pathlib import Path
from cli import night
from cli.settings import read_settings

settings = read_settings(os.environ)
export, before, now = Path(sys.argv[1]), date.fromisoformat(sys.argv[2]), datetime(2026, 1, 1)
staging = partial(night.begin_staging, settings)
fatal, calls, calls_before_commit = int(sys.argv[3]), 0, 0

def commit(folder):
    night.commit_stage(settings, [folder], now=now)

@lru_cache(maxsize=None)
def place(code):
    if code.co_filename.endswith("/warehouse/commit.py"):
        return "commit"
    return "/warehouse/" in code.co_filename or code.co_filename.endswith("/reports/weekly.py")

def count(frame, event, arg):
    global calls, calls_before_commit
    here = place(frame.f_code)
    if here:
        if here == "commit":
            calls_before_commit = calls_before_commit or calls
        calls += 1
        if calls == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

sys.setprofile(count)
"""
LAST = """
sys.setprofile(None)
print(calls_before_commit, calls)
"""


@dataclass(frozen=True)
class Stage:
    """One verb of the undisturbed run: the installation before and after it, and its calls."""

    before: Path
    after: Path
    calls_before_commit: int
    calls: int


def start(verb: str, var: Path, export: Path, fatal: int) -> subprocess.Popen[str]:
    """Run a verb as a process that kills itself at call `fatal`; in a session, so that children die with it."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("STEADYLINE")}
    code = f"{SCRIPT}\n{VERBS[verb]}\n{LAST}"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(export), str(BEFORE), str(fatal)],
        cwd=ROOT,
        env=environ | {"STEADYLINE_VAR": str(var)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(verb: str, var: Path, export: Path) -> tuple[int, int]:
    """Run a verb to its end; returns how many calls it made before it committed, and in all."""
    process = start(verb, var, export, NEVER)
    said, complained = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, complained
    before_commit, calls = said.split()
    return int(before_commit), int(calls)


def run_until(verb: str, var: Path, export: Path, fatal: int, ripe: Callable[[], bool]) -> bool:
    """Run a verb that dies at call `fatal`, or is killed as soon as `ripe`; whether it died."""
    began = time.monotonic()
    process = start(verb, var, export, fatal)
    while process.poll() is None and not ripe():
        assert time.monotonic() - began < DEADLINE_S, f"{verb} hangs"
        time.sleep(0.0005)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    _, complained = process.communicate()
    assert process.returncode in {0, -signal.SIGKILL}, complained
    return process.returncode != 0


def look(var: Path) -> dict[str, str]:
    """Content hashes of every table, and the pages; none where there are no tables yet."""
    settings = read_settings({"STEADYLINE_VAR": str(var)})
    if not warehouse_exists(settings.warehouse):
        return {}
    with open_warehouse(settings.warehouse, read_only=True) as con:
        made = con.execute("select count(*) > 0 from information_schema.tables").fetchall()
        found = content_hashes(con) if made == [(True,)] else {}
    pages = sorted(settings.reports.rglob("*.html"))
    return found | {str(page.relative_to(var)): page.read_text(encoding="utf-8") for page in pages}


def fatal_calls(verb: str, stage: Stage) -> tuple[int, int, int]:
    """At which calls to die: while it works, amid its transaction, and at its end, where it tidies up."""
    working, writing = np.random.default_rng([20, list(VERBS).index(verb)]).uniform(0.4, 0.9, 2)
    first, last = stage.calls_before_commit, stage.calls
    return int(working * first), int(first + writing * (last - first)), last - 6


def watch_files(var: Path) -> Callable[[], bool]:
    """A function that tells whether the database's files have changed since now."""
    files = (var / "steadyline.duckdb", var / "steadyline.duckdb.wal")

    def state() -> list[tuple[int, int]]:
        stats = [p.stat() for p in files if p.exists()]
        return [(s.st_mtime_ns, s.st_size) for s in stats]

    as_found = state()
    return lambda: state() != as_found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Stage]]:
    """The export, and every verb of a run that nothing disturbs."""
    root = tmp_path_factory.mktemp("undisturbed")
    export = make_cohort.make_export(PERSON, root).exports[0].path
    before = root / "0"
    before.mkdir()
    stages = {}
    for number, verb in enumerate(VERBS, start=1):
        after = root / str(number)
        shutil.copytree(before, after)
        stages[verb] = Stage(before, after, *run(verb, after, export))
        before = after
    return export, stages


def test_the_undisturbed_run_fills_every_stage(undisturbed):
    _, stages = undisturbed
    found = look(stages["week"].after)
    tables = ("signal.heart_rate", "feature.value", "model.index_day", "report.insight", "report.week")
    assert all(not found[table].startswith("0:") for table in tables)
    for stage in stages.values():
        assert look(stage.before) != look(stage.after), (
            "each verb changes something, or the test shows nothing"
        )


@pytest.mark.parametrize("verb", list(VERBS))
def test_a_killed_verb_that_is_run_again_gives_the_same_tables(undisturbed, tmp_path, verb):
    export, stages = undisturbed
    stage = stages[verb]
    old, new = look(stage.before), look(stage.after)
    var = tmp_path / "var"
    shutil.copytree(stage.before, var)
    for fatal in (*fatal_calls(verb, stage), NEVER):  # NEVER: from outside, as the database writes its files
        died = run_until(verb, var, export, fatal, watch_files(var) if fatal == NEVER else lambda: False)
        assert died or fatal in {NEVER, stage.calls - 6}
        found = look(var)
        assert_whole(found, old, new, f"{verb} died at call {fatal} of {stage.calls}")
        if found == new:  # it had done all: again must change nothing
            run(verb, var, export)
            assert look(var) == new
            shutil.rmtree(var)
            shutil.copytree(stage.before, var)
    run(verb, var, export)
    assert look(var) == new


def assert_whole(found: dict[str, str], old: dict[str, str], new: dict[str, str], when: str) -> None:
    """Tables are all as before the verb or all as after it; pages that are there are whole."""
    tables = {name: value for name, value in found.items() if not name.endswith(".html")}
    states = [{n: v for n, v in state.items() if not n.endswith(".html")} for state in (old, new)]
    filled = [name for name, rows in tables.items() if name not in OF_THE_TOOL and not rows.startswith("0:")]
    assert tables in states or not (old or filled), when
    assert {n: v for n, v in found.items() if n.endswith(".html")}.items() <= new.items(), when
