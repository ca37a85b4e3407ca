"""An Apple Health export.xml into the warehouse: megabytes a second on one core, beside raw expat.

`load` does all of its work (hash, parse, check, settle offsets, stage, find duplicates, commit) on a
made export; the baseline is the standard library's expat over the same bytes, which hands every
element's attributes to a function that does nothing, and keeps nothing.

Run: python benchmarks/apple.py [--megabytes 400] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.parsers import expat

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if hasattr(os, "sched_setaffinity"):
    # Before DuckDB and Arrow count the processors.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np
import pyarrow as pa

from ingest.export import MAX_MEMBER_BYTES
from ingest.files.apple_health.document import read_document
from ingest.load import load

FIRST = datetime(2017, 1, 1, tzinfo=UTC)
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 14 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Workout|ActivitySummary)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
]>
<HealthData locale="en_GB">
 <ExportDate value="2026-11-01 08:00:00 +0000"/>
"""
QUANTITY = "HKQuantityTypeIdentifier"
MOTION = '  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="1"/>\n'
ZONE = '  <MetadataEntry key="HKTimeZone" value="Europe/London"/>\n'
LEFT_OUT = (
    ("ActiveEnergyBurned", "kcal"),
    ("BasalEnergyBurned", "kcal"),
    ("ActiveEnergyBurned", "kcal"),
    ("DistanceWalkingRunning", "km"),
    ("PhysicalEffort", "kcal/hr·kg"),
)
STAGES = ("AsleepCore", "AsleepDeep", "AsleepREM", "Awake")


def stamp(second: int) -> str:
    """A stamp as Apple writes it, so many seconds after the first."""
    return f"{FIRST + timedelta(seconds=second):%Y-%m-%d %H:%M:%S} +0000"


def record(kind: str, start: int, end: int, value: str, unit: str, address: int, inside: str = "") -> str:
    """A record of a watch."""
    device = (
        f"&lt;&lt;HKDevice: {address:#x}&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch,"
        f" hardware:Watch6,2, software:{4 + start // 31_557_600}.1&gt;"
    )
    version = f"{4 + start // 31_557_600}.1"
    said = f'sourceName="Kim’s Apple\u00a0Watch" sourceVersion="{version}" device="{device}"{unit}'
    tag = (
        f' <Record type="{kind}" {said} creationDate="{stamp(end + 5)}" startDate="{stamp(start)}"'
        f' endDate="{stamp(end)}" value="{value}"'
    )
    return f"{tag}>\n{inside} </Record>\n" if inside else f"{tag}/>\n"


def beat_list(second: int, rr_ms: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
    """A minute of beats with their wall-clock times."""
    lines = []
    for since_ms, rr in zip(np.cumsum(rr_ms).tolist(), rr_ms.tolist(), strict=True):
        at = FIRST + timedelta(seconds=second, milliseconds=int(since_ms))
        time_text = f"{at:%I:%M:%S}.{at.microsecond // 10_000:02d} {at:%p}".lstrip("0")
        lines.append(f'   <InstantaneousBeatsPerMinute bpm="{60_000 // rr}" time="{time_text}"/>\n')
    inside = "".join(lines)
    return f"  <HeartRateVariabilityMetadataList>\n{inside}  </HeartRateVariabilityMetadataList>\n"


def make_records(seed: int) -> Iterator[str]:
    """Records without end, mixed as in a public census of a real export of 3.1 GB.

    A third of its records are active energy and a seventh each basal energy and heart rates; there
    are 2.7 beat lists a thousand records. Most bytes are of no use here, as in life.
    """
    random = np.random.default_rng(seed)
    second = 0
    while True:
        draws = random.integers(0, 1000, 1000).tolist()
        steps = random.integers(4, 90, 1000).tolist()
        values = random.integers(45, 130, 1000).tolist()
        addresses = random.integers(0x280000000, 0x290000000, 1000).tolist()
        for draw, step, value, address in zip(draws, steps, values, addresses, strict=True):
            second += step
            if draw < 150:
                kind, unit, text = f"{QUANTITY}HeartRate", ' unit="count/min"', str(value)
                yield record(kind, second, second, text, unit, address, MOTION)
            elif draw < 230:
                kind, unit = f"{QUANTITY}StepCount", ' unit="count"'
                yield record(kind, second, second + step, str(value), unit, address)
            elif draw < 990:
                name, unit = LEFT_OUT[draw % len(LEFT_OUT)]
                text = f"{value / 37:.3f}"
                yield record(f"{QUANTITY}{name}", second, second + step, text, f' unit="{unit}"', address)
            elif draw < 997:
                kind = "HKCategoryTypeIdentifierSleepAnalysis"
                stage = f"HKCategoryValueSleepAnalysis{STAGES[value % 4]}"
                yield record(kind, second, second + step, stage, "", address, ZONE)
            else:
                rr_ms = random.integers(70, 100, 60) * 10
                kind, unit, text = f"{QUANTITY}HeartRateVariabilitySDNN", ' unit="ms"', f"{value / 3:.4f}"
                second += 70
                yield record(
                    kind, second - 65, second - 1, text, unit, address, beat_list(second - 65, rr_ms)
                )


def write_export(path: Path, megabytes: float, seed: int) -> None:
    """Write an export of about this size."""
    size = 0
    with path.open("w", encoding="utf-8") as out:
        out.write(HEAD)
        for text in make_records(seed):
            out.write(text)
            size += len(text)
            if size > megabytes * 1e6:
                break
        out.write("</HealthData>\n")


def time_expat(path: Path) -> float:
    """Seconds that expat takes for the document."""
    start = time.perf_counter()
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda _name, _attributes: None
    with path.open("rb") as stream:
        parser.ParseFile(stream)
    return time.perf_counter() - start


def time_reading(path: Path) -> float:
    """Seconds that reading the document into typed columns takes."""
    start = time.perf_counter()
    with path.open("rb") as stream:
        for _ in read_document(stream, {}):
            pass
    return time.perf_counter() - start


def time_load(path: Path, place: Path) -> float:
    """Seconds that the whole load takes, into a new warehouse in a new folder."""
    place.mkdir()
    start = time.perf_counter()
    report = load(
        [path],
        warehouse=place / "warehouse.duckdb",
        staging=place / "staging",
        participant="benchmark",
        timezone="Europe/London",
        now=datetime(2026, 11, 22, tzinfo=UTC),
    )
    seconds = time.perf_counter() - start
    assert report.refused == 0, report.refusals[:5]
    return seconds


def main() -> None:
    """Measure, and print what was measured."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--megabytes", type=float, default=400)
    options.add_argument("--json", action="store_true", help="print one line of JSON")
    asked = options.parse_args()
    if asked.megabytes * 1.1e6 > MAX_MEMBER_BYTES:
        options.error(f"the load reads at most {MAX_MEMBER_BYTES} bytes of one file")
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as place:
        path, warm = Path(place) / "export.xml", Path(place) / "warm.xml"
        write_export(warm, 10, seed=2)
        time_load(warm, Path(place) / "warm")  # imports, and compiles where that was not done yet
        write_export(path, asked.megabytes, seed=1)
        size = path.stat().st_size / 1e6
        read_s = time_reading(path)
        load_s = time_load(path, Path(place) / "timed")
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        expat_s = time_expat(path)
    result = {
        "megabytes": round(size),
        "load_mb_per_s": round(size / load_s, 1),
        "read_mb_per_s": round(size / read_s, 1),
        "expat_mb_per_s": round(size / expat_s, 1),
        "load_ratio_to_expat": round(expat_s / load_s, 1),
        "read_ratio_to_expat": round(expat_s / read_s, 1),
        "peak_mb": round(peak_mb),
    }
    if asked.json:
        print(json.dumps(result))
    else:
        print(f"{size:,.0f} MB of export.xml on one core; peak memory of the process {peak_mb:,.0f} MB")
        print(f"into typed columns {size / read_s:,.0f} MB/s, {expat_s / read_s:.1f} times raw expat,")
        print(f"into the warehouse {size / load_s:,.0f} MB/s, {expat_s / load_s:.1f} times raw expat.")


if __name__ == "__main__":
    main()
