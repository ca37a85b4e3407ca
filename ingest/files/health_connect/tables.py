"""Every kind of record of a Health Connect database that is read, and the devices that wrote them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from ingest.source import (
    list_columns,
    read_rows,
)

from .layout import LIMITS, LOG, MOMENT, SAMPLE, SERIES, SPAN, STAGE, Kind
from .sessions import read_sessions, read_sleep
from .values import read_moments, read_samples, read_steps


def lacks(con: sqlite3.Connection, table: str, columns: Mapping[str, str]) -> list[str]:
    """What a table lacks of what is read; empty if nothing."""
    found = list_columns(con, table)
    if not found:
        return [f"expected a table {table}; the database has none"]
    missing = [name for name in columns if name not in found]
    names = ", ".join(found)[:200]
    return [f"expected a column {', '.join(missing)} in {table}; it has {names}"] if missing else []


def list_devices(con: sqlite3.Connection) -> tuple[dict[tuple[int, int], str], list[tuple[str, str]]]:
    """Device labels by the ids of app and device, and what is missing to make them."""
    app_columns = {"row_id": "integer", "package_name": "text"}
    device_columns = {"row_id": "integer", "manufacturer": "text", "model": "text"}
    problems = []
    tables: list[dict[int, str]] = []
    for table, columns in (("application_info_table", app_columns), ("device_info_table", device_columns)):
        reasons = lacks(con, table, columns)
        problems += [(table, reason) for reason in reasons]
        rows = [] if reasons else [r for part in read_rows(con, table, columns) for r in part.to_pylist()]
        tables.append({row["row_id"]: name_of(row) for row in rows if row["row_id"] is not None})
    apps, models = tables
    labels = {
        (app, device): " via ".join(part for part in (model, package) if part)
        for app, package in [*apps.items(), (-1, "")]
        for device, model in [*models.items(), (-1, "")]
    }
    return labels, problems


def name_of(row: Mapping[str, str | int | None]) -> str:
    """The package of an app, or manufacturer and model of a device without saying a name twice."""
    if "package_name" in row:
        return str(row["package_name"] or "").strip()
    maker, model = (str(row[part] or "").strip() for part in ("manufacturer", "model"))
    return model if model.casefold().startswith(maker.casefold()) else f"{maker} {model}".strip()


def moments(table: str, name: str, table_of_ours: str = "signal.vital") -> Kind:
    """A table of single values."""
    return Kind(table, table_of_ours, MOMENT | {LIMITS[name][0]: "real"}, read_moments, name=name)


def series(
    table: str, child: str, name: str, table_of_ours: str = "signal.vital", *, newer: bool = False
) -> Kind:
    """A table of records with a child table of their values."""
    columns = SAMPLE | {LIMITS[name][0]: "real"}
    return Kind(table, table_of_ours, SERIES, read_samples, child, columns, name=name, newer=newer)


KINDS: tuple[Kind, ...] = (
    series("heart_rate_record_table", "heart_rate_record_series_table", "heart_rate", "signal.heart_rate"),
    Kind("steps_record_table", "signal.steps", SPAN | {"count": "real"}, read_steps),
    Kind("sleep_session_record_table", "signal.sleep_episode", LOG, read_sleep, "sleep_stages_table", STAGE),
    moments("heart_rate_variability_rmssd_record_table", "rmssd_spot", "signal.hrv_sample"),
    moments("resting_heart_rate_record_table", "resting_heart_rate"),
    moments("oxygen_saturation_record_table", "spo2"),
    moments("respiratory_rate_record_table", "respiration"),
    moments("weight_record_table", "weight"),
    Kind(
        "exercise_session_record_table", "signal.workout", LOG | {"exercise_type": "integer"}, read_sessions
    ),
    series(
        "skin_temperature_record_table",
        "skin_temperature_delta_table",
        "skin_temperature_deviation",
        newer=True,
    ),
    Kind("mindfulness_session_record_table", "signal.event", LOG, read_sessions, newer=True),
)
"""Every kind of record that is read."""
