"""A small person for tests of the feature stage: one heart rate a minute, steps, one sleep a night."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from warehouse.commit import commit
from warehouse.staging import stage
from warehouse.tables import find_table

ZONE = "Australia/Sydney"
NOW = datetime(2020, 9, 1, tzinfo=UTC)


def instant(day: date, hour: float) -> datetime:
    """UTC instant, without zone, of a local clock hour (negative: the evening before)."""
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE))
    return (
        (local.replace(tzinfo=None) + timedelta(hours=hour))
        .replace(tzinfo=ZoneInfo(ZONE))
        .astimezone(UTC)
        .replace(tzinfo=None)
    )


def offset_min(moment: datetime) -> int:
    offset = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(ZONE)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds() // 60)


def fill(table: str, rows: list[dict[str, object]]) -> pa.Table:
    """Rows of a declared table; columns not given are null, file and record are 0."""
    schema = find_table(table).arrow_schema
    filled = [{"file_id": 0, "record": 0, **row} for row in rows]
    return pa.table({f.name: pa.array([row.get(f.name) for row in filled], f.type) for f in schema}, schema)


def minutes_of_day(
    day: date, *, seed: int, rise_bpm: float = 0.0
) -> tuple[list[datetime], np.ndarray, np.ndarray]:
    """Instants, heart rates and steps of each minute of a local day."""
    rng = np.random.default_rng((seed, day.toordinal()))
    start, end = instant(day, 0), instant(day + timedelta(days=1), 0)
    count = int((end - start).total_seconds() // 60)
    moments = [start + timedelta(minutes=i) for i in range(count)]
    hour = np.arange(count) / 60
    steps = np.where((hour > 9) & (hour < 21) & (rng.random(count) < 0.15), rng.integers(5, 90, count), 0)
    pulse = np.where(hour < 7, 55.0, 70.0) + rng.normal(0, 2, count) + rise_bpm + np.sqrt(steps) * 2
    return moments, np.round(pulse), steps


def day_rows(
    participant: str,
    day: date,
    *,
    device: str = "unknown",
    seed: int = 1,
    rise_bpm: float = 0.0,
    slept: bool = True,
) -> dict[str, list[dict[str, object]]]:
    """Signals that begin on one local day: heart rate, steps, and the sleep of the night that begins on it."""
    stream = {"participant": participant, "source": "made", "device": device}
    moments, pulse, steps = minutes_of_day(day, seed=seed, rise_bpm=rise_bpm)
    heart = [
        {**stream, "t_utc": t, "offset_min": offset_min(t), "hr_bpm": p, "confidence": 2}
        for t, p in zip(moments, pulse, strict=True)
    ]
    counted = [
        {**stream, "t_utc": t, "offset_min": offset_min(t), "span_s": 60, "steps": int(s)}
        for t, s in zip(moments, steps, strict=True)
        if s
    ]
    night = sleep_rows(stream, day, seed=seed) if slept else ([], [])
    return {
        "signal.heart_rate": heart,
        "signal.steps": counted,
        "signal.sleep_episode": night[0],
        "signal.sleep_stage": night[1],
    }


def sleep_rows(
    stream: dict[str, object], day: date, *, seed: int
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The sleep that begins in the evening of `day`: some 8 h from about 22:30, four stages."""
    late = int(np.random.default_rng((seed, day.toordinal(), 2)).integers(-60, 60))
    start = instant(day, 22.5) + timedelta(minutes=late)
    episode = f"night-{day}"
    stages, at = [], start
    for stage_name, minutes in (
        ("light", 90),
        ("deep", 80),
        ("wake", 4),
        ("light", 120),
        ("rem", 100),
        ("light", 70 - late),
    ):
        until = at + timedelta(minutes=minutes)
        stages.append(
            {
                **stream,
                "episode": episode,
                "t_utc": at,
                "offset_min": offset_min(at),
                "end_utc": until,
                "stage": stage_name,
            }
        )
        at = until
    log = {
        **stream,
        "episode": episode,
        "t_utc": start,
        "offset_min": offset_min(start),
        "end_utc": at,
        "end_offset_min": offset_min(at),
        "scoring": "stages",
        "tz_assumed": False,
    }
    return [log], stages


def load_rows(
    warehouse: Path,
    *,
    participants: Iterable[str],
    parts: Iterable[dict[str, list[dict[str, object]]]],
    export: int = 0,
) -> None:
    """Commit signals of some people as a load would; of two exports the one with the higher number wins."""
    joined: dict[str, list[dict[str, object]]] = {}
    for part in parts:
        for table, rows in part.items():
            joined.setdefault(table, []).extend({"file_id": export, **row} for row in rows)
    written = NOW.replace(tzinfo=None)
    for person in participants:
        who: dict[str, object] = {"participant": person, "file_id": export}
        file = {
            **who,
            "member": "made",
            "sha256": str(export),
            "exported_utc": written + timedelta(days=export),
        }
        joined.setdefault("meta.source_file", []).append(file)
        known = {**who, "timezone": ZONE, "enrolled_utc": written}
        joined.setdefault("meta.participant", []).append(known)
    with stage(warehouse.parent / "staging", "ingest", method_version="made-1") as staged:
        for table, rows in joined.items():
            if rows:
                staged.add(table, fill(table, rows))
    commit(warehouse, [staged.folder], now=NOW)
