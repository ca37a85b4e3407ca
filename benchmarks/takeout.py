"""Heart rates of a Fitbit export, from the zip into the warehouse: samples a second on one core, and memory.

`load` does all of its work (inflate, hash, parse, check, settle offsets, stage, find duplicates,
commit) on a made export; the baseline only inflates, parses with the standard library's json and
keeps instants and values in lists, without checks or a database.

Twenty-one million samples are an export of 2 GB: with `--samples 21000000` it shows what a load needs at most.

Run: python benchmarks/takeout.py [--samples 4000000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if hasattr(os, "sched_setaffinity"):
    # Before DuckDB and Arrow count the processors.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np
import pyarrow as pa

from ingest.load import load

DAY_SAMPLES = 10_000
FIRST_DAY = datetime(2019, 1, 1, tzinfo=UTC)


def write_export(path: Path, samples: int, seed: int) -> int:
    """Write a zip of heart-rate files as Fitbit prints them, one a UTC day; returns how many samples."""
    random = np.random.default_rng(seed)
    days = max(samples // DAY_SAMPLES, 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as made:
        for number in range(days):
            day = FIRST_DAY + timedelta(days=number)
            seconds = np.sort(random.choice(86_400, DAY_SAMPLES, replace=False)).tolist()
            bpm = random.integers(45, 130, DAY_SAMPLES).tolist()
            records = (
                f'{{\n  "dateTime" : "{day + timedelta(seconds=s):%m/%d/%y %H:%M:%S}",\n  "value" : {{\n'
                f'    "bpm" : {b},\n    "confidence" : {2 + s % 2}\n  }}\n}}'
                for s, b in zip(seconds, bpm, strict=True)
            )
            name = f"MyFitbitData/user-site-export/heart_rate-{day:%Y-%m-%d}.json"
            info = zipfile.ZipInfo(name, (2026, 11, 1, 0, 0, 0))
            made.writestr(info, f"[{','.join(records)}]", zipfile.ZIP_DEFLATED)
    return days * DAY_SAMPLES


def read_plainly(path: Path) -> int:
    """Read the same zip with the standard library only."""
    count = 0
    with zipfile.ZipFile(path) as opened:
        for name in opened.namelist():
            records = json.loads(opened.read(name))
            stamps = [datetime.strptime(r["dateTime"], "%m/%d/%y %H:%M:%S") for r in records]  # noqa: DTZ007
            values = [(r["value"]["bpm"], r["value"]["confidence"]) for r in records]
            count += len(list(zip(stamps, values, strict=True)))
    return count


def main() -> None:
    """Measure, and print what was measured."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--samples", type=int, default=4_000_000)
    options.add_argument("--json", action="store_true", help="print one line of JSON")
    asked = options.parse_args()
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as place:
        zipped, part = Path(place) / "export.zip", Path(place) / "part.zip"
        samples = write_export(zipped, asked.samples, seed=1)
        part_samples = write_export(part, max(asked.samples // 20, DAY_SAMPLES), seed=2)
        start = time.perf_counter()
        report = load(
            [zipped],
            warehouse=Path(place) / "warehouse.duckdb",
            staging=Path(place) / "staging",
            participant="benchmark",
            timezone="UTC",
            now=datetime(2026, 11, 22, tzinfo=UTC),
        )
        load_s = time.perf_counter() - start
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        assert dict(report.rows) == {"signal.heart_rate": samples}, report
        start = time.perf_counter()
        read_plainly(part)
        plain_s = (time.perf_counter() - start) * samples / part_samples
    result = {
        "samples": samples,
        "load_s": round(load_s, 2),
        "samples_per_s": round(samples / load_s),
        "ratio_to_stdlib_json": round(plain_s / load_s, 1),
        "peak_mb": peak_mb,
    }
    if asked.json:
        print(json.dumps(result))
    else:
        print(f"{samples:,} heart rates from the zip into the warehouse on one core: {load_s:.2f} s,")
        print(
            f"{samples / load_s:,.0f} a second, {plain_s / load_s:.1f} times the standard library's json alone;"
            f" {peak_mb} MB at most."
        )


if __name__ == "__main__":
    main()
