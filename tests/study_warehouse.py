"""A warehouse for tests of exports: every published table filled from its declaration, at once and by hand.

Everything that could tell who somebody is stands in it on purpose: pseudonyms, device names with serials,
hashes, offsets of a zone with its change of clocks, words of one's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.catalog import catalog_rows
from warehouse.consent import write_consents
from warehouse.dictionary import fill_dictionary
from warehouse.publish import PUBLISHED
from warehouse.schema import DAY, FLAG, INSTANT, TEXT, Column, Table
from warehouse.store import open_warehouse
from warehouse.tables import find_table

NOW = datetime(2026, 1, 1)
FIRST_DAY = date(2021, 3, 20)
CLOCKS_CHANGE = date(2021, 3, 28)
"""The Sunday on which Berlin goes from UTC+1 to UTC+2, at 1:00 UTC."""
DAYS = 12
SERIAL = "SN4711"
FEATURES = ("tst_min", "rhr_night", "worn_min", "valid_day", "felt_stress", "offset_wake_min", "dst")
"""Two that never leave unhidden or hidden (felt_stress), two that tell the zone, and four that leave."""
WHY = "not worn enough: 6.2 of 12 h"


@dataclass(frozen=True)
class Someone:
    """A person of the study."""

    participant: str
    source: str = "fitbit_takeout"
    age_band: str | None = None
    research: bool = True
    raw: bool = False
    tags: dict[str, int] = field(default_factory=dict)
    """Kind of event → on how many days."""

    @property
    def stream(self) -> str:
        """Source and device, as tables name them."""
        return f"{self.source}/{self.device}"

    @property
    def device(self) -> str:
        """A device that carries the person's name."""
        return f"Watch of {self.participant} {SERIAL}"


def people(number: int, **same: Any) -> list[Someone]:
    return [Someone(f"anna-{i:02d}", **same) for i in range(number)]


def offset_min(utc: datetime) -> int:
    return 120 if utc >= datetime(2021, 3, 28, 1) else 60


def build(url: Path, study: Sequence[Someone], *, order: int = 0) -> Path:
    """Fill a new warehouse; `order` is the seed of the order in which rows come in."""
    with open_warehouse(url) as con:
        con.register("rows", catalog_rows())
        con.execute("insert into feature.catalog select * from rows")
        for table in PUBLISHED:
            if table.kind == "result":
                insert(con, table, [row for one in study for row in rows_of(table, one)], order)
        signals(con, study, order)
        for one in study:
            con.execute("insert into meta.participant values (?, 'Europe/Berlin', ?)", [one.participant, NOW])
            if one.age_band:
                setting = [one.participant, "age_band", one.age_band, NOW]
                con.execute("insert into meta.setting values (?, ?, ?, ?)", setting)
        fill_dictionary(con)
    for one in study:
        said = {"research": one.research, "raw": one.raw}
        write_consents(url, one.participant, said, now=NOW)
    return url


def insert(con: Any, table: Table, rows: list[dict[str, Any]], order: int) -> None:
    """Insert rows in an order of chance."""
    shuffled = [rows[i] for i in np.random.default_rng(order).permutation(len(rows))]
    con.register("rows", pa.Table.from_pylist(shuffled, schema=table.stored_schema))
    con.execute(f"insert into {table.stored_name} select * from rows")


def rows_of(table: Table, one: Someone) -> list[dict[str, Any]]:
    """Rows of one person: one a day, or one a day and feature, or one an hour."""
    names = FEATURES if "feature" in table.key else ("",)
    rows = []
    for number in range(DAYS):
        day = FIRST_DAY + timedelta(days=number)
        hours = hours_of(day)
        for name in names:
            for start in {"hour": hours, "window": [hours[0], hours[-1]]}.get(table.name, [hours[8]]):
                known = known_of(one, day, name, start)
                rows.append({c.name: value_of(c, known, day, start) for c in table.columns})
    return rows


def hours_of(day: date) -> list[datetime]:
    """UTC starts of the hours of a local day in Berlin: 23 on the day on which clocks change."""
    midnight = datetime(day.year, day.month, day.day)
    start = midnight - timedelta(minutes=60 if day <= CLOCKS_CHANGE else 120)
    return [start + timedelta(hours=h) for h in range(23 if day == CLOCKS_CHANGE else 24)]


def known_of(one: Someone, day: date, feature: str, start: datetime) -> dict[str, Any]:
    """Values of the columns that tests look at."""
    missing = feature == "rhr_night" and (day - FIRST_DAY).days == 3
    minutes = 60 * len(hours_of(day))
    return {
        "participant": one.participant,
        "day": day,
        "feature": feature,
        "offset_min": offset_min(start),
        "source": one.stream,
        "segment": f"{one.stream}@2021-era",
        "method_version": "features-4",
        "input_hash": hashlib.sha256(f"{one.participant} {day}".encode()).hexdigest()[:16],
        "minutes": minutes,
        "yielded_min": minutes,
        "worn_min": minutes,
        "valid_h": minutes // 60,
        "sensor": "heart_rate",
        "quality": "good",
        "reason": WHY if missing else None,
        "value": None if missing else 1.0 if feature.startswith("valid") else 7 + (day - FIRST_DAY).days / 3,
    }


def value_of(column: Column, known: dict[str, Any], day: date, start: datetime) -> Any:
    """A value of a column, of its type."""
    if column.name in known:
        return known[column.name]
    if column.type == INSTANT:
        return start + timedelta(minutes=9 if column.name == "end_utc" else 0)
    return day - timedelta(days=2) if column.type == DAY else {TEXT: "usual", FLAG: True}.get(column.type, 2)


def signals(con: Any, study: Sequence[Someone], order: int) -> None:
    """A stream of heart rate and beats, and the days on which something was noted."""
    insert(
        con,
        find_table("meta.stream"),
        [
            {"stream_id": i, "participant": one.participant, "source": one.source, "device": one.device}
            for i, one in enumerate(study)
        ],
        order,
    )
    noon = datetime(2021, 3, 24, 12)
    for name, value in (("heart_rate", {"hr_bpm": 61.5, "confidence": 2}), ("beat", {"rr_ms": 812.25})):
        rows = [
            {
                "stream_id": i,
                "t_utc": noon + timedelta(seconds=s),
                "offset_min": 60,
                "file_id": 1,
                "record": s,
            }
            | value
            for i in range(len(study))
            for s in range(20)
        ]
        insert(con, find_table(f"signal.{name}"), rows, order)
    events = [
        {
            "stream_id": i,
            "event": tag,
            "t_utc": noon + timedelta(days=d),
            "offset_min": 60,
            "app": "Headspace",
        }
        for i, one in enumerate(study)
        for tag, days in one.tags.items()
        for d in range(days)
    ]
    insert(con, find_table("signal.event"), events, order)
