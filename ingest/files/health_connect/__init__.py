"""Health Connect export: one SQLite database, `health_connect_export.db`, in the zip that Android writes.

What comes through: heart rate, steps, sleep sessions with stages, HRV (RMSSD), resting heart rate,
SpO2, respiration, skin temperature deviation, weight, exercise, mindfulness. Not: distance, energy,
laps and segments of exercise, body temperature, blood pressure and glucose, nutrition, cycle, medical.

Zone: instants are milliseconds of UTC, each with the offset in seconds that held (proven); where an
app gave none, the person's zone is taken (flagged).

Quirks: several apps write the same into it, some of it copied from one another, so each app is kept
apart: the device of a row is 'model via app'. A sample of a heart-rate record lies between the two
offsets of its record. Tables of newer Android versions (mindfulness, skin temperature) may be absent;
the others and every column that is read must be there. Written from the documented tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np

from ingest.source import (
    About,
    Batch,
    Clock,
    Context,
    Export,
    Member,
    Midnights,
    Rejected,
    Remark,
    SQLiteError,
    list_columns,
    open_sqlite,
    read_rows,
    refuse_one,
    settle_clock,
    to_us,
)

from .columns import gather, with_member
from .layout import DAY_US, FILE, Database
from .tables import KINDS, lacks, list_devices

NAME = "health_connect"

METHOD_VERSION = "health_connect-2"

ABOUT = About(
    device="Any app that writes into Android's Health Connect (Fitbit, Samsung Health, Garmin, Oura, Withings, …)",
    layouts="`health_connect_export.db` (SQLite), in the zip of the export",
    signals="heart rate, steps, sleep with stages, HRV (RMSSD of a moment), resting heart rate, SpO2, respiration,"
    " skin temperature deviation, weight, exercise, mindfulness sessions with their app",
    zone="UTC with the offset that held, record by record; the person's zone (flagged) where an app gave none",
    quirks="each writing app is kept apart as a device ('model via app'), because apps copy one another's data;"
    " written from the documented tables, so a table or column that is not there is said and left out",
    how_to_export="On the phone open Settings, then Security & privacy, Privacy controls, Health Connect; choose Manage"
    " data, then Backup and restore, then scheduled export, and pick a folder or drive; when the zip is there, load it"
    " as it is.",
)


def claims(member: Member) -> bool:
    """Whether the member is the database of a Health Connect export, by its name."""
    return FILE.fullmatch(member.name) is not None


def stream(name: str) -> str | None:
    """The table that the file feeds first; it feeds several."""
    return "signal.heart_rate" if FILE.fullmatch(name) else None


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh databases, table by table."""
    none = np.zeros(0, dtype=np.int64)
    clock = settle_clock(context.zone, Midnights(none, none, none))
    latest_us = to_us(export.exported_utc) + DAY_US
    for member in export.fresh:
        try:
            data = export.members[member].read()
            with open_sqlite(data) as con:
                yield from read_database(con, member, clock, latest_us)
        except SQLiteError as error:
            reason = f"{error}: export it again; whole rows before the damage were kept"
            yield refuse_one(member, "file", None, "file", reason, "")


def read_database(
    con: sqlite3.Connection, member: int, clock: Clock, latest_us: int
) -> Iterator[Batch | Rejected]:
    """Read every kind of record; what lacks a table or column is refused by name."""
    devices, problems = list_devices(con)
    for table, reason in problems:
        yield refuse_one(member, "file", None, table, reason, "")
    database = Database(con, member, devices, clock, latest_us)
    for kind in KINDS:
        parts = [(kind.table, kind.columns)]
        if kind.child_columns is not None:
            parts.append((kind.child, kind.child_columns))
        reasons = [(table, reason) for table, columns in parts for reason in lacks(con, table, columns)]
        if reasons and not (kind.newer and not list_columns(con, kind.table)):
            table, reason = reasons[0]
            yield refuse_one(member, kind.stream, None, table, reason, "")
        if reasons:
            continue
        if kind.child_columns is not None:
            yield from kind.read(database, kind, gather(database, kind.table, kind.columns))
            continue
        for rows in read_rows(con, kind.table, kind.columns):
            yield from kind.read(database, kind, with_member(rows, member))
