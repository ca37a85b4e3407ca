"""De-identified exports over a change of clocks: nothing in the files tells which day it was."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import signal_rows
from signal_rows import day_rows, load_rows

from features import catalog, compute
from reports.export.clocks import Uneven, choose_weekdays, clocks_change
from reports.export.deidentify import HOUR_SHARES, MINUTE_SHARES, MINUTES_OF_A_DAY
from reports.export.export import Wanted, export
from warehouse.aliases import Alias, read_aliases
from warehouse.commit import commit
from warehouse.consent import write_consent
from warehouse.store import open_warehouse

NOW = datetime(2026, 1, 1)
SLEEPER, WAKER = "p-sleeper", "p-waker"
"""One logs sleep, the other does not: all of their minutes count as waking."""
WEAR = ("worn_min", "yield_minutes", "yield_hours", "wear_minutes", "wear_hours")
PLACES = {
    "autumn": ("Europe/Berlin", date(2025, 10, 26), 25),
    "spring": ("Europe/Berlin", date(2025, 3, 30), 23),
    "midnight": ("Africa/Cairo", date(2025, 4, 25), 23),
}
"""Zone, the day on which its clocks change, and its hours. In Cairo they go at midnight: one offset all day."""


def make(folder: Path, zone: str, changed: date, patch: pytest.MonkeyPatch) -> Path:
    """Two people over three weeks, with heart rate in every minute and some gaps; their features."""
    patch.setattr(signal_rows, "ZONE", zone)
    url, people = folder / "w.duckdb", (SLEEPER, WAKER)
    days = [changed + timedelta(days=d) for d in range(-14, 8)]
    load_rows(
        url,
        participants=people,
        parts=[day_rows(person, day, slept=person == SLEEPER) for person in people for day in days],
    )
    staged = compute.compute(url, folder / "staging", participants=people, before=days[-1])
    assert staged is not None
    commit(url, [staged], now=NOW)
    for person in people:
        write_consent(url, person, "research", True, now=NOW)
    return url


@pytest.fixture(scope="module", params=PLACES, ids=str)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Folder of the export, the moved day on which clocks changed of each person, and aliases."""
    zone, changed, hours = PLACES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        url = make(folder, zone, changed, patch)
    with open_warehouse(url, read_only=True) as con:
        sql = "select distinct minutes from feature.data_yield where day = ?"
        assert con.execute(sql, [changed]).fetchall() == [(60 * hours,)], "else the test is blind"
    export(url, folder / "out", Wanted("parquet", deidentify=True, k=2), code={}, now=NOW)
    with open_warehouse(url, read_only=True) as con:
        aliases = read_aliases(con, (SLEEPER, WAKER))
    return folder / "out", changed, aliases


def rows_of(folder: Path, name: str, alias: Alias) -> list[dict[str, Any]]:
    """Rows of one person, days moved back to the true ones."""
    found = pq.read_table(folder / f"{name}.parquet").to_pylist()
    mine = [row for row in found if row["participant"] == alias.study_id]
    return [{**row, "day": row["day"] - timedelta(days=alias.shift_days)} for row in mine]


def values_of(folder: Path, alias: Alias) -> dict[date, dict[str, Any]]:
    found: dict[date, dict[str, Any]] = {}
    for row in rows_of(folder, "feature_value", alias):
        found.setdefault(row["day"], {})[row["feature"]] = row
    return found


def test_the_day_is_in_the_same_tables_as_the_same_weekday_of_other_weeks(exported: Any) -> None:
    folder, changed, aliases = exported
    for alias in aliases.values():
        there: dict[date, set[str]] = {}
        for path in folder.glob("feature_*.parquet"):
            if path.stem != "feature_catalog":
                for row in rows_of(folder, path.stem, alias):
                    there.setdefault(row["day"], set()).add(path.stem)
        around = [changed + timedelta(days=d) for d in range(-10, 6)]
        assert {"feature_day", "feature_data_yield"} <= there[changed]
        by_weekday: dict[int, set[frozenset[str]]] = {}
        for day in around:
            told = there[day] - {"feature_episode"}  # only where something was
            by_weekday.setdefault(day.isoweekday(), set()).add(frozenset(told))
        assert [weekday for weekday, sets in by_weekday.items() if len(sets) > 1] == []
        gone = {w for w, sets in by_weekday.items() if "feature_hour" not in next(iter(sets))}
        assert gone == {7, changed.isoweekday()}
        assert all(row["day"].isoweekday() not in gone for row in rows_of(folder, "feature_episode", alias))


def test_every_count_is_of_a_day_of_24_hours(exported: Any) -> None:
    folder, changed, aliases = exported
    for person, alias in aliases.items():
        values = values_of(folder, alias)
        usual, odd = values[changed - timedelta(days=7)], values[changed]
        # Whoever wears it every minute has the same counts and shares on that day as on any other.
        for name in WEAR:
            assert odd[name]["value"] == usual[name]["value"], name
        assert [odd[n]["value"] for n in WEAR] == [1440.0, 1.0, 1.0, 1.0, 1.0]
        if person == WAKER:
            # Of whom no sleep is known is taken to be awake from noon to eight, whatever the clocks do at night.
            assert usual["worn_waking_min"]["value"] == 480
        wide = {row["day"]: row for row in rows_of(folder, "feature_day", alias)}
        assert all(wide[changed][name] == odd[name]["value"] for name in (*WEAR, "worn_waking_min"))


def test_no_row_tells_how_many_observations_or_which_share_of_23_or_25_hours(exported: Any) -> None:
    folder, changed, aliases = exported
    for alias in aliases.values():
        for day, features in values_of(folder, alias).items():
            for name, row in features.items():
                assert "n_obs" not in row
                if row["coverage"] is not None:
                    assert round(20 * row["coverage"], 9).is_integer(), (day, name)
        # Of a week of whole days, whichever hours it has, all is known.
        week = [
            values_of(folder, alias)[changed + timedelta(days=d)]["is_7d"]["coverage"] for d in range(-2, 7)
        ]
        assert set(week) == {1.0}


def test_what_is_told_twice_agrees_on_every_day(exported: Any) -> None:
    folder, _, aliases = exported
    for alias in aliases.values():
        values = values_of(folder, alias)
        hours: dict[date, list[dict[str, Any]]] = {}
        for row in rows_of(folder, "feature_hour", alias):
            hours.setdefault(row["day"], []).append(row)
        for row in rows_of(folder, "feature_data_yield", alias):
            if row["sensor"] != "heart_rate":
                continue
            mine = values[row["day"]]
            assert row["yielded_min"] == mine["worn_min"]["value"]
            assert row["yielded_min"] == round(1440 * mine["yield_minutes"]["value"], 2)
            assert row["worn_min"] == round(1440 * mine["wear_minutes"]["value"], 2)
            assert row["valid_h"] == round(24 * mine["yield_hours"]["value"], 3)
            if row["day"] in hours:
                assert sum(hour["worn_min"] for hour in hours[row["day"]]) == row["yielded_min"]
                assert len(hours[row["day"]]) == 24


def test_shares_of_a_day_with_gaps_are_whole_minutes_of_24_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone, changed, _ = PLACES["autumn"]
    url = make(tmp_path, zone, changed, monkeypatch)
    with open_warehouse(url) as con:
        # 1491 of 1500 minutes have heart rate, in 24 of 25 hours more than half.
        for name, value in {"worn_min": 1491, "yield_minutes": 0.994, "yield_hours": 0.96}.items():
            con.execute(
                "update feature.value set value = ? where day = ? and feature = ?", [value, changed, name]
            )
        con.execute(
            "update feature.data_yield set yielded_min = 1491, valid_h = 24 where day = ? and sensor = 'heart_rate'",
            [changed],
        )
    export(url, tmp_path / "out", Wanted("parquet", deidentify=True, k=2), code={}, now=NOW)
    with open_warehouse(url, read_only=True) as con:
        alias = read_aliases(con, (SLEEPER,))[SLEEPER]
    mine = values_of(tmp_path / "out", alias)[changed]
    # 1491 · 24 / 25 = 1431.36 and 24 · 24 / 25 = 23.04
    told = [mine[n]["value"] for n in ("worn_min", "yield_minutes", "yield_hours")]
    assert told == [1431.0, round(1431 / 1440, 6), round(23 / 24, 6)]
    (row,) = [
        r
        for r in rows_of(tmp_path / "out", "feature_data_yield", alias)
        if r["day"] == changed and r["sensor"] == "heart_rate"
    ]
    assert (row["yielded_min"], row["valid_h"]) == (1431, 23)


def test_the_report_of_a_person_adds_up_as_days_of_24_hours(exported: Any) -> None:
    folder, _, aliases = exported
    with (folder / "data_yield.csv").open(newline="", encoding="utf-8") as file:
        reports = {row["participant"]: row for row in csv.DictReader(file)}
    for alias in aliases.values():
        report, rows = reports[alias.study_id], rows_of(folder, "feature_data_yield", alias)
        worn_min = sum(row["worn_min"] for row in rows if row["sensor"] == "heart_rate")
        assert float(report["worn_share"]) * int(report["days"]) * 1440 == pytest.approx(worn_min, abs=1e-6)


def test_weekdays_are_those_on_which_clocks_may_have_changed_and_always_sunday() -> None:
    friday, thursday, wednesday = date(2025, 4, 25), date(2025, 10, 30), date(2025, 6, 11)
    assert choose_weekdays([]) == [7]
    assert choose_weekdays([Uneven(friday, 1380), Uneven(thursday, 1500)]) == [4, 5, 7]
    assert choose_weekdays([Uneven(wednesday, 1380)]) == [7], "nobody's clocks change then: London to Paris"
    assert choose_weekdays([Uneven(friday, 1080)]) == [7], "six hours are a flight"
    assert clocks_change(date(2025, 3, 30))
    assert not clocks_change(wednesday)


def test_scaled_features_are_those_that_count_a_day() -> None:
    named = {*MINUTES_OF_A_DAY, *MINUTE_SHARES, *HOUR_SHARES}
    assert {catalog.BY_NAME[name].grain for name in named} == {"day"}
    shares = {f.feature for f in catalog.FEATURES if "of the day" in f.formula}
    assert shares == {*MINUTE_SHARES, *HOUR_SHARES}
