"""Weekly pages: 1,000 people, each process with its share, as the weekly run of two workers would.

Every person has seven weeks of features, an index and its parts, check-ins and events; values are made up.
Timed is `reports.weekly.write_week` (read, summarise, render, write the files, stage the rows) in
processes of their own, whose peak memory is told; filling the warehouse is not.

Run: python benchmarks/pages.py [--json] [--people 1000] [--jobs 2]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "tests"))

import pyarrow as pa
import pyarrow.compute as pc
from build_weeks import EXERCISE_WEEK, LASTING, LASTING_WEEK, MONDAY, NOW, ORDINARY_WEEK, fill

from reports.weekly import write_week
from warehouse.commit import RESULT_TABLES, commit
from warehouse.staging import stage
from warehouse.store import open_warehouse
from warehouse.tables import find_table

AFTER = MONDAY + timedelta(days=7)
WEEKS = {"a": LASTING_WEEK, "b": ORDINARY_WEEK, "c": EXERCISE_WEEK}
LIMITS = {"seconds": 60.0, "largest_kb": 100.0}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--people", type=int, default=1000)
    asked.add_argument("--jobs", type=int, default=2)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = measure(Path(folder), options.people, options.jobs)
    if options.json:
        print(json.dumps(told))
    else:
        for name, value in told.items():
            print(f"{name}: {value:g}" + (f" (at most {LIMITS[name]:g})" if name in LIMITS else ""))
    if any(told[name] > limit for name, limit in LIMITS.items()):
        sys.exit(1)


def measure(folder: Path, people: int, jobs: int) -> dict[str, float]:
    names = [f"p-{k:04d}" for k in range(people)]
    put_people(folder, names)
    shares = [names[k::jobs] for k in range(jobs)]
    begun = time.perf_counter()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(write_share, [folder] * jobs, shares))
    seconds = time.perf_counter() - begun
    sizes = [path.stat().st_size for path in (folder / "reports").rglob("*.html")]
    return {
        "people": float(len(sizes)),
        "jobs": float(jobs),
        "cores": float(os.cpu_count() or 0),
        "seconds": round(seconds, 2),
        "pages_per_second": round(len(sizes) / seconds, 1),
        "largest_kb": round(max(sizes) / 1000, 1),
        "cpu_seconds_a_process": round(max(cpu for cpu, _ in done), 2),
        "peak_mb": round(max(mb for _, mb in done), 1),
    }


def write_share(folder: Path, names: list[str]) -> tuple[float, float]:
    """Write the pages of some people; CPU seconds and peak memory (MB) of this process."""
    write_week(folder / "w.duckdb", folder / "staging", folder / "reports", participants=names, before=AFTER)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def put_people(folder: Path, names: list[str]) -> None:
    """Fill a warehouse with copies of three people, by Parquet files that name others."""
    fill(folder / "w.duckdb", folder / "staging", WEEKS, found={"a": LASTING})
    groups = {"a": names[0::3], "b": names[1::3], "c": names[2::3]}
    tables = [name for stage_name in ("features", "models") for name in RESULT_TABLES[stage_name]]
    with open_warehouse(folder / "w.duckdb", read_only=True) as con:
        con.execute("set enable_progress_bar = false")
        rows = {name: con.sql(f"select * from {name}").to_arrow_table() for name in tables}
        said = {name: con.sql(f"select * from {name}").to_arrow_table() for name in SAID}
    for stage_name in ("features", "models", "ingest"):
        with stage(folder / "staging", stage_name, method_version="bench") as staged:
            for name in SAID if stage_name == "ingest" else RESULT_TABLES[stage_name]:
                table = (said | rows)[name]
                if table.num_rows:
                    staged.add(name, rename(table, groups).cast(find_table(name).arrow_schema))
            if stage_name != "ingest":
                staged.replace(rename(list_days(rows), groups))
        commit(folder / "w.duckdb", [staged.folder], now=NOW)


SAID = ("signal.workout", "signal.event", "signal.checkin")


def list_days(rows: dict[str, pa.Table]) -> pa.Table:
    """The participant-days that are there."""
    days = [rows[name].select(["participant", "day"]) for name in ("feature.value", "model.shift")]
    return pa.concat_tables(days).group_by(["participant", "day"]).aggregate([])


def rename(table: pa.Table, groups: dict[str, list[str]]) -> pa.Table:
    """The rows of each person once for everybody of their group."""
    parts = []
    for who, names in groups.items():
        mine = table.filter(pc.equal(table["participant"], who))
        for name in names if mine.num_rows else ():
            column = pa.array([name] * mine.num_rows)
            parts.append(mine.set_column(mine.schema.get_field_index("participant"), "participant", column))
    return pa.concat_tables(parts)


if __name__ == "__main__":
    main()
