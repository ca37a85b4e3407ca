"""A few days of known people for the exports in standards: every number here can be followed by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from features.catalog import catalog_rows
from reports.export.moments import Aliases
from reports.export.read import Leaving, hold_people
from reports.export.read_standards import copied_rows
from reports.export.tables import list_tables
from warehouse.commit import commit
from warehouse.dictionary import read_catalog
from warehouse.spool import copy_tables, open_copy
from warehouse.staging import stage
from warehouse.store import open_warehouse
from warehouse.tables import find_table

FIRST = date(2026, 7, 7)
"""A Tuesday."""
NOW = datetime(2026, 8, 1)
SOURCE = "oura/Ring of Ann, serial 4711"
"""A device by a name that somebody gave it."""
CLOCK = {"onset_clock_h": -1.5, "wake_clock_h": 6.5, "offset_onset_min": 120.0, "offset_wake_min": 120.0}
"""Asleep from 22:30 to 06:30, two hours east of UTC."""
NAMED_ID, HIDDEN_ID = "7f8a4a52-98b8-4be5-9f0f-6e3f2a1c0d11", "0b6f6a8e-52f1-4c1c-8f43-c5bd4c2ab022"
"""Ids of the installation; else they are drawn."""
Row = dict[str, object]


def fill(table: str, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """Rows of a declared table; columns that are not given are null, file and record 0."""
    schema = find_table(table).arrow_schema
    filled = [{"file_id": 0, "record": 0, **row} for row in rows]
    return pa.table({f.name: pa.array([row.get(f.name) for row in filled], f.type) for f in schema}, schema)


def value(day: date, feature: str, number: float | None, **more: object) -> Row:
    """A row of feature.value, of good quality and complete unless said otherwise."""
    row: Row = {"participant": "p-one", "day": day, "feature": feature, "value": number, "n_obs": 90}
    row |= {"method_version": "features-4", "input_hash": f"in-{day:%m%d}"}
    if number is not None:
        row |= {"quality": "good", "coverage": 1.0, "source": SOURCE}
    return row | more


def hours(day: date, *, worn: int = 24, offset_min: int = 120) -> list[Row]:
    """The hours of a local day: 60 /min in those that begin before noon, 72 /min after; worn from midnight on."""
    midnight = datetime(day.year, day.month, day.day) - timedelta(minutes=offset_min)
    return [
        {
            "participant": "p-one",
            "day": day,
            "hour_utc": midnight + timedelta(hours=h),
            "offset_min": offset_min,
            "worn_min": 60.0 if h < worn else 0.0,
            "asleep_min": 0.0,
            "hr_bpm": (60.0 if h < 12 else 72.0) if h < worn else None,
            "source": SOURCE,
            "method_version": "features-4",
            "input_hash": f"in-{day:%m%d}",
        }
        for h in range(24)
    ]


def index(day: date, number: float | None, **more: object) -> Row:
    """A row of model.index_day with the band of 45 to 75."""
    row: Row = {"participant": "p-one", "day": day, "index": number, "method_version": "models-1"}
    row |= {"input_hash": f"ix-{day:%m%d}", "reason": None if number is not None else "learning: 2 of 5 days"}
    if number is not None:
        row |= {"lo80": 45.0, "hi80": 75.0, "level": "usual", "show_number": True}
        row |= {"coverage": 0.9, "quality": "good"}
    return row | more


def full_night(day: date) -> list[Row]:
    """Every value of one day that the exports know, of the night from 22:30 to 06:30."""
    plain = {
        **CLOCK,
        "tst_min": 450.0,
        "light_min": 240.0,
        "deep_min": 90.0,
        "rem_min": 120.0,
        "waso_min": 30.0,
        "light_pct": 53.333333,
        "deep_pct": 20.0,
        "rem_pct": 26.666667,
        "sleep_maint": 93.75,
        "awakenings": 2.0,
        "tib_min": 500.0,
        "se": 90.0,
        "sri_7d": 81.0,
        "window_estimated": 0.0,
        "steps": 8000.0,
        "mvpa_min": 35.0,
        "rmssd_night": 42.5,
        "sdnn_spot_sleep": 55.0,
        "skin_temp_night": 33.2,
        "temp_dev": -0.14,
    }
    return [
        *(value(day, name, number) for name, number in plain.items()),
        value(day, "rhr_night", 54.123456, se=0.4567, coverage=0.62, quality="fair"),
        value(day, "rhr_vendor", 56.0, coverage=None, n_obs=1),
        value(day, "resp_night", 14.0, coverage=None, n_obs=1),
        value(day, "spo2_night", 96.0, coverage=0.3, quality="low"),
        value(day, "felt_stress", 7.0),
        value(day, "cycle_start", 1.0),
    ]


def put(
    folder: Path,
    *,
    values: Iterable[Row] = (),
    hours: Iterable[Row] = (),
    index: Iterable[Row] = (),
    workouts: Iterable[Row] = (),
    sleeps: Iterable[Row] = (),
) -> Path:
    """Commit rows to a new warehouse in a folder; gives its path."""
    warehouse = folder / "w.duckdb"
    results = {
        "features": {"feature.value": list(values), "feature.hour": list(hours)},
        "models": {"model.index_day": list(index)},
    }
    for name, tables in results.items():
        with stage(folder / "staging", name, method_version=f"{name}-1") as stages:
            if name == "features":
                stages.add("feature.catalog", catalog_rows())
            for table, rows in tables.items():
                stages.add(table, fill(table, rows))
            keys = sorted({(r["participant"], r["day"]) for rows in tables.values() for r in rows}, key=str)
            who, days = [k[0] for k in keys], [k[1] for k in keys]
            stages.replace(
                pa.table({"participant": pa.array(who, pa.string()), "day": pa.array(days, pa.date32())})
            )
        if name == "features" or keys:
            commit(warehouse, [stages.folder], now=NOW)
    signals = {"signal.workout": list(workouts), "signal.sleep_episode": list(sleeps)}
    if any(signals.values()):
        with stage(folder / "staging", "ingest", method_version="ingest-1") as stages:
            for table, rows in signals.items():
                stages.add(table, fill(table, rows))
        commit(warehouse, [stages.folder], now=NOW)
    set_installation(warehouse, NAMED_ID, HIDDEN_ID)
    return warehouse


def set_installation(warehouse: Path, named_id: str, hidden_id: str) -> None:
    """Give a warehouse known ids."""
    with open_warehouse(warehouse) as con:
        con.execute("update meta.installation set named_id = ?, hidden_id = ?", [named_id, hidden_id])


def write_standard(
    write: Callable[..., list[tuple[str, int]]], warehouse: Path, folder: Path, aliases: Aliases = None
) -> list[tuple[str, int]]:
    """Write p-one in a standard, from a copy of the rows, as an export does."""
    folder.mkdir()
    copy = folder.with_name(f"{folder.name}-rows")
    with open_warehouse(warehouse, read_only=True) as con:
        leaving = Leaving({"p-one": None if aliases is None else aliases.get("p-one")})
        tables = list_tables(read_catalog(con), raw=False, study=aliases is not None)
        hold_people(con, leaving, tables)
        copy_tables(con, copied_rows(con, hidden=aliases is not None), copy)
    with open_copy(copy) as con:
        return write(con, ["p-one"], folder, aliases=aliases)


def bed(start: datetime, end: datetime) -> Row:
    """A log of time in bed by the device of `SOURCE`."""
    source, _, device = SOURCE.partition("/")
    row: Row = {"participant": "p-one", "source": source, "device": device, "episode": str(start)}
    row |= {"t_utc": start, "end_utc": end, "offset_min": 120, "end_offset_min": 120}
    return row | {"scoring": "stages", "in_bed": True}


def workout(start: datetime, minutes: int, activity: str | None, **more: object) -> Row:
    """A workout by the device of `SOURCE`, found by it, of 3,000 steps."""
    source, _, device = SOURCE.partition("/")
    row: Row = {"participant": "p-one", "source": source, "device": device, "workout": str(start)}
    row |= {"t_utc": start, "end_utc": start + timedelta(minutes=minutes), "offset_min": 120}
    return row | {"activity": activity, "detected": True, "steps": 3000} | more


def three_days(folder: Path) -> Path:
    """One person: a full day, one not worn, and one that may still change, worn until noon."""
    second, third = FIRST + timedelta(days=1), FIRST + timedelta(days=2)
    empty = [value(second, str(r["feature"]), None, reason="no data") for r in full_night(second)]
    return put(
        folder,
        values=[*full_night(FIRST), *empty, value(third, "steps", 3000.0, quality="low", coverage=0.5)],
        hours=[*hours(FIRST), *hours(second, worn=0), *hours(third)],
        index=[
            index(FIRST, 61.2),
            index(second, None),
            index(third, 70.0, lo80=20.0, hi80=90.0, show_number=False, quality="low"),
        ],
        workouts=[
            workout(datetime(2026, 7, 7, 16), 45, "run"),
            workout(datetime(2026, 7, 7, 18), 30, "sword dance", detected=False, steps=None),
        ],
        # In bed from 22:20 to 06:40.
        sleeps=[bed(datetime(2026, 7, 6, 20, 20), datetime(2026, 7, 7, 4, 40))],
    )
