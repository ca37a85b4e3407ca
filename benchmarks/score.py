"""Scoring: a night of 1,000 people, and a year of 100 people, each on one core.

The night: one new day (a Monday, so that shifts are judged too) with 42-day baselines, 1,000 draws a
band, nine features, hours of wear and the stored state of the day before. The year: everything from
nothing. Timed is `models.score.score`, which reads, works and stages, in a process of its own whose
peak memory is told; then the commit. Values are made up.

Run: python benchmarks/score.py [--json] [--people 1000] [--year-people 100]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pyarrow as pa

from models.parameters import load_parameters
from models.score import score
from warehouse.commit import commit
from warehouse.staging import stage
from warehouse.store import open_warehouse

NOW = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
LAST = date(2025, 6, 2)
"""A Monday."""
EVER = date(2030, 1, 1)
WARM_DAYS = 2
LIMITS = {"night_s": 5.0, "night_mb": 1024.0, "year_s": 60.0, "year_mb": 1024.0}


def name_people(count: int) -> list[str]:
    """Pseudonyms."""
    return [f"p-{k:05d}" for k in range(count)]


def put_features(warehouse: Path, staging: Path, people: int, first: date, days: int) -> None:
    """Commit made-up features of all people and some days."""
    p = load_parameters()
    rng = np.random.default_rng((first - date(2020, 1, 1)).days)
    dates = pa.array([first + timedelta(days=k) for k in range(days)])
    features = len(p.features)
    count = people * days * features
    who = pa.array(name_people(people))

    def repeat(values: pa.Array, inner: int, outer: int) -> pa.Array:
        return values.take(pa.array(np.tile(np.repeat(np.arange(len(values)), inner), outer)))

    value = p.prior_mean + p.prior_within * rng.standard_normal((people * days, features))
    constant = {
        name: repeat(pa.array([text]), count, 1)
        for name, text in {
            "quality": "good",
            "reason": "",
            "source": "a/b",
            "method_version": "-",
            "input_hash": "-",
        }.items()
    }
    values = pa.table(
        {
            "participant": repeat(who, days * features, 1),
            "day": repeat(dates, features, people),
            "feature": repeat(pa.array(p.features), 1, people * days),
            "value": value.reshape(-1),
            "se": np.full(count, 0.2),
            "n_obs": np.ones(count, dtype=np.int64),
            "coverage": np.ones(count),
        }
        | constant
    )
    with stage(staging, "features", method_version="features-1") as staged:
        staged.add("feature.value", values)
        staged.add("feature.hour", make_hours(who, dates))
        keys = {"participant": repeat(who, days, 1), "day": repeat(dates, 1, people)}
        staged.replace(pa.table(keys))
    commit(warehouse, [staged.folder], now=NOW)


def make_hours(who: pa.Array, dates: pa.Array) -> pa.Table:
    """Hours of a watch worn from 7 to 23, in UTC."""
    hours = np.arange(7, 23)
    people, days = len(who), len(dates)
    count = people * days * hours.size
    start = dates.cast(pa.int32()).to_numpy()[:, None] * 86_400 + hours * 3600
    text = pa.array(["-"]).take(pa.array(np.zeros(count, dtype=np.int64)))
    none = pa.nulls(count, pa.float64())
    return pa.table(
        {
            "participant": who.take(pa.array(np.repeat(np.arange(people), days * hours.size))),
            "day": dates.take(pa.array(np.tile(np.repeat(np.arange(days), hours.size), people))),
            "hour_utc": pa.array(np.tile(start.reshape(-1), people) * 1_000_000).cast(pa.timestamp("us")),
            "offset_min": pa.array(np.zeros(count, dtype=np.int16)),
            "worn_min": np.full(count, 60.0),
            "asleep_min": np.zeros(count),
            "hr_bpm": none,
            "steps": none.cast(pa.int32()),
            "source": text,
            "method_version": text,
            "input_hash": text,
        }
    )


def time_score(warehouse: Path, staging: Path, people: int) -> dict[str, float]:
    """Score and commit in this process, on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    start = time.perf_counter()
    folder = score(warehouse, staging, participants=name_people(people), before=EVER)
    scored = time.perf_counter()
    peak_mb = read_peak_mb()
    assert folder is not None, "nothing was due"
    done = commit(warehouse, [folder], now=NOW)
    return {
        "s": scored - start,
        "mb": peak_mb,
        "commit_s": time.perf_counter() - scored,
        "days": float(done.partitions),
    }


def read_peak_mb() -> float:
    """Peak memory of this process (Linux); unlike getrusage's it is not that of the parent."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def run_alone(warehouse: Path, staging: Path, people: int) -> dict[str, float]:
    """The same in a process of its own, with one thread in every library."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, __file__, "--alone", str(warehouse), str(staging), str(people)]
    out = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | one)
    found: dict[str, float] = json.loads(out.stdout)
    return found


def prepare_night(folder: Path, people: int) -> Path:
    """A warehouse with 42 days, the last ones scored, and a new day."""
    warehouse = folder / "night.duckdb"
    put_features(warehouse, folder, people, LAST - timedelta(days=42), 42)
    with open_warehouse(warehouse) as con:
        con.execute("delete from meta.due where day < ?", [LAST - timedelta(days=WARM_DAYS)])
    run_alone(warehouse, folder, people)
    put_features(warehouse, folder, people, LAST, 1)
    return warehouse


def measure(people: int, year_people: int) -> dict[str, float]:
    """Both, in order."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        night = run_alone(prepare_night(folder, people), folder, people)
        found |= {f"night_{key}": value for key, value in night.items()}
        put_features(folder / "year.duckdb", folder, year_people, LAST - timedelta(days=365), 365)
        year = run_alone(folder / "year.duckdb", folder, year_people)
        found |= {f"year_{key}": value for key, value in year.items()}
    return found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--year-people", type=int, default=100)
    parser.add_argument("--alone", nargs=3, metavar=("WAREHOUSE", "STAGING", "PEOPLE"))
    chosen = parser.parse_args()
    if chosen.alone:
        warehouse, staging, people = chosen.alone
        print(json.dumps(time_score(Path(warehouse), Path(staging), int(people))))
        return
    found = measure(chosen.people, chosen.year_people)
    if chosen.json:
        print(json.dumps({key: round(value, 3) for key, value in found.items()}))
        return
    for key, value in found.items():
        limit = f"  (limit {LIMITS[key]:g})" if key in LIMITS else ""
        print(f"{key:16} {value:9.2f}{limit}")


if __name__ == "__main__":
    main()
