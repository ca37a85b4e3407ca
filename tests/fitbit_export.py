"""Small Fitbit exports, written as the vendor writes them, for tests of ingest."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingest.load import load
from ingest.outcome import LoadReport
from warehouse.store import content_hashes, open_warehouse

NOW = datetime(2026, 11, 22, 12)
EXPORTED = datetime(2020, 7, 22)
SAMPLE = Path(__file__).parent.parent / "sample_data" / "fitbit" / "MyFitbitData.zip"
FOLDER = "MyFitbitData/user-site-export/"


def stamp(moment: datetime) -> str:
    """A stamp as in heart-rate and step files."""
    return f"{moment:%m/%d/%y %H:%M:%S}"


def heart_record(moment: datetime, bpm: Any, confidence: Any = 2) -> dict[str, Any]:
    return {"dateTime": stamp(moment), "value": {"bpm": bpm, "confidence": confidence}}


def vendor_json(records: Sequence[Any]) -> str:
    """JSON in the vendor's own print."""
    return "[" + ",".join(json.dumps(r, indent=2, separators=(",", " : ")) for r in records) + "]"


def heart_day(day: str, offset_h: float, *, step_s: int = 300, bpm: int = 60) -> list[dict[str, Any]]:
    """A local day of heart rates, worn throughout, stamped in UTC."""
    start = datetime.fromisoformat(day) - timedelta(hours=offset_h)
    return [heart_record(start + timedelta(seconds=s + 3), bpm) for s in range(0, 86_400, step_s)]


def sleep_log(start: str, end: str, levels: Sequence[tuple[str, str, int]], **extra: Any) -> dict[str, Any]:
    """A sleep log; times are local, levels are (start, level, seconds)."""
    length = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    data = [{"dateTime": f"{t}.000", "level": level, "seconds": s} for t, level, s in levels]
    log = {
        "logId": 1,
        "dateOfSleep": end[:10],
        "startTime": f"{start}.000",
        "endTime": f"{end}.000",
        "duration": int(length.total_seconds() * 1000),
        "type": "stages",
        "mainSleep": True,
        "levels": {"data": data, "shortData": []},
    }
    return log | extra


def write_zip(path: Path, members: Mapping[str, str | bytes], written: datetime = EXPORTED) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(
                zipfile.ZipInfo(FOLDER + name, written.timetuple()[:6]), content, zipfile.ZIP_DEFLATED
            )
    return path


def write_folder(path: Path, members: Mapping[str, str | bytes], written: datetime = EXPORTED) -> Path:
    seconds = written.replace(tzinfo=UTC).timestamp()
    for name, content in members.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(file, (seconds, seconds))
    return path


def load_into(place: Path, *paths: Path, **options: Any) -> LoadReport:
    """Load into a warehouse of this place; enrols `p` in Sydney unless told otherwise."""
    options = {"participant": "p", "timezone": "Australia/Sydney", "now": NOW, "wait_s": 1.0} | options
    return load(list(paths), warehouse=place / "w.duckdb", staging=place / "staging", **options)


def rows_of(place: Path, sql: str) -> list[tuple[Any, ...]]:
    with open_warehouse(place / "w.duckdb", read_only=True) as con:
        return con.execute(sql).fetchall()


def table_of(place: Path, sql: str) -> pa.Table:
    with open_warehouse(place / "w.duckdb", read_only=True) as con:
        return con.execute(sql).to_arrow_table()


def hashes_of(place: Path) -> dict[str, str]:
    with open_warehouse(place / "w.duckdb", read_only=True) as con:
        return content_hashes(con)


def left_in_staging(place: Path) -> list[Path]:
    staging = place / "staging"
    return list(staging.iterdir()) if staging.exists() else []
