"""Weeks for a sheet: what a person noted and said, beside the planned days of tests/build_weeks.py."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

from build_weeks import MONDAY, NOW, Day, Rows, fill, put, table, value_rows

from warehouse.commit import commit
from warehouse.staging import stage

FIRST = MONDAY - timedelta(days=21)
"""The first of the four weeks that end with the week of MONDAY."""
NOTED = {
    "therapy": [2, 9, 16, 23],
    "mindful": [0, 1, 3, 4, 7, 8, 10, 14, 15, 21, 22, 24],
    "alcohol": [5, 12, 19, 26],
    "ill": [17],
    "travel": [13],
    "medicine": list(range(28)),
    "period": [3],
    "argument": [6],
}
"""Kinds of events by the days of the four weeks on which they were noted, from 0."""


def fill_sheet(warehouse: Path, staging: Path, plans: dict[str, dict[date, Day]], **noted: list[int]) -> None:
    """Commit planned days with heart rate variability, and what these people noted and said."""
    fill(warehouse, staging, plans)
    hrv: Rows = lambda day, plan: [*value_rows(day, plan), *hrv_rows(day, plan)]  # noqa: E731
    put(warehouse, staging, "features", plans, {"feature.value": hrv}, "fitbit_takeout/unknown")
    with stage(staging, "ingest", method_version="ingest-1") as staged:
        rows = [row for who in plans for row in event_rows(who, noted)]
        staged.add("signal.event", table("signal.event", rows))
        staged.add(
            "signal.checkin", table("signal.checkin", [r for who in plans for r in checkin_rows(who, noted)])
        )
    commit(warehouse, [staged.folder], now=NOW)


def hrv_rows(day: date, plan: Day) -> Iterable[dict[str, object]]:
    """Two kinds of heart rate variability: one on every night, a better one on every third."""
    if plan.onset_h is not None:
        yield {"feature": "rmssd_5min_vendor_night", "value": 40.0 + day.toordinal() * 7919 % 11}
        if day.toordinal() % 3 == 0:
            yield {"feature": "rmssd_night", "value": 90.0}


def event_rows(who: str, noted: dict[str, list[int]]) -> Iterable[dict[str, object]]:
    """One event a day; travel lasts four days, therapy an hour."""
    lasts = {"travel": timedelta(days=3, hours=5), "therapy": timedelta(minutes=50)}
    apps = {"therapy": "BetterHelp", "mindful": "Headspace"}
    for event, days in noted.items():
        for k in days:
            t_utc = datetime.combine(FIRST, datetime.min.time()) + timedelta(days=k, hours=8)
            yield {
                **origin(who, k),
                "event": event,
                "t_utc": t_utc,
                "end_utc": t_utc + lasts[event] if event in lasts else None,
                "app": apps.get(event),
            }


def checkin_rows(who: str, noted: dict[str, list[int]]) -> Iterable[dict[str, object]]:
    """Felt stress on the days of practice, 3 to 7, and one WHO-5."""
    for k in noted.get("mindful", ()):
        t_utc = datetime.combine(FIRST, datetime.min.time()) + timedelta(days=k, hours=9)
        yield {**origin(who, k), "scale": "felt_stress", "t_utc": t_utc, "value": 3.0 + k % 5}
    if noted:
        t_utc = datetime.combine(FIRST, datetime.min.time()) + timedelta(days=20, hours=9)
        yield {**origin(who, 99), "scale": "who5", "t_utc": t_utc, "value": 56.0}


def origin(who: str, record: int) -> dict[str, object]:
    """Whose row it is, and where it came from."""
    return {
        "participant": who,
        "source": "diary",
        "device": "unknown",
        "offset_min": 600,
        "file_id": 2,
        "record": record,
    }
