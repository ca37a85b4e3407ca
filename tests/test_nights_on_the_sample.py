"""A real export: nights carry the right date, offset and heart rate."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features import compute
from ingest.load import load
from warehouse.commit import commit
from warehouse.store import open_warehouse

SAMPLE = Path(__file__).parent.parent / "sample_data" / "fitbit" / "MyFitbitData.zip"
NOW = datetime(2020, 7, 22, tzinfo=UTC)
CHANGE = date(2020, 4, 5)

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample export, loaded and computed; only looked at."""
    folder = tmp_path_factory.mktemp("sample")
    warehouse, staging = folder / "w.duckdb", folder / "staging"
    load(
        [SAMPLE],
        warehouse=warehouse,
        staging=staging,
        participant="p-sample",
        timezone="Australia/Sydney",
        now=NOW,
    )
    done = compute.compute(warehouse, staging, participants=["p-sample"], before=NOW.date())
    assert done is not None
    commit(warehouse, [done], now=NOW)
    return warehouse


def ask(warehouse: Path, sql: str) -> Rows:
    with open_warehouse(warehouse, read_only=True) as con:
        return con.execute(sql).fetchall()


def night_values(warehouse: Path, feature: str) -> dict[date, float]:
    rows = ask(
        warehouse, f"select day, value from feature.value where feature = '{feature}' and value is not null"
    )
    return dict(rows)


def test_there_are_124_nights_and_their_offsets_follow_the_clocks(sample: Path) -> None:
    offsets = night_values(sample, "offset_wake_min")
    assert len(offsets) == 124
    assert {day: value for day, value in offsets.items() if value != (660 if day < CHANGE else 600)} == {}
    onset = night_values(sample, "offset_onset_min")
    assert {day for day in onset if onset[day] != offsets[day]} == {CHANGE}


def test_the_night_the_clocks_changed_lasts_as_long_as_the_device_counted(sample: Path) -> None:
    assert night_values(sample, "tst_min")[CHANGE] == 519
    assert night_values(sample, "spt_min")[CHANGE] == 589


def test_the_lowest_heart_rate_of_a_day_lies_in_the_main_sleep(sample: Path) -> None:
    """On at least 118 of the 124 nights; those that fail are named.

    On 20 March less than four hours of sleep are logged and the lowest comes after them; on 28 March
    the log was entered by hand and the device not worn; on 26 May the lowest bin follows the final wake.
    """
    lowest = ask(
        sample,
        """
        with bins as (
            select time_bucket(interval '5 minutes', t_utc) as bin, avg(hr_bpm) as mean_bpm,
                (min(t_utc + to_minutes(offset_min)) + interval '12 hours')::date as day
            from signal.heart_rate where confidence > 0 group by 1
        )
        select day, arg_min(bin, (mean_bpm, bin)) from bins group by 1
        """,
    )
    onset, wake = night_values(sample, "onset_clock_h"), night_values(sample, "wake_clock_h")
    offset = night_values(sample, "offset_wake_min")
    inside, outside = set(), set()
    for day, start in lowest:
        if day in onset:
            midnight = datetime.combine(day, datetime.min.time()) - timedelta(minutes=offset[day])
            begins, ends = (
                (start - midnight).total_seconds() / 3600,
                (start - midnight).total_seconds() / 3600 + 1 / 12,
            )
            (inside if onset[day] <= begins and ends <= wake[day] else outside).add(day)
    assert len(inside) >= 118, sorted(outside)
    assert outside == {date(2020, 3, 20), date(2020, 3, 28), date(2020, 5, 26)}


@pytest.mark.parametrize(
    ("feature", "low", "high"),
    [
        ("tst_min", 450, 520),
        ("rhr_night", 55, 60),
        ("hr_dip", 12, 17),
        ("sri_7d", 75, 83),
        ("worn_min", 1400, 1440),
    ],
)
def test_medians_are_those_of_a_healthy_adult(sample: Path, feature: str, low: float, high: float) -> None:
    ((median,),) = ask(sample, f"select median(value) from feature.value where feature = '{feature}'")
    assert low < median < high


def test_a_night_that_was_not_logged_is_neither_slept_nor_waked_through(sample: Path) -> None:
    rows = ask(
        sample,
        "select feature, value, reason from feature.value where day = '2020-04-06'"
        " and feature in ('tst_min', 'worn_waking_min', 'rhr_night')",
    )
    told = {feature: (value, reason) for feature, value, reason in rows}
    assert told["tst_min"] == told["rhr_night"] == (None, "no main sleep found")
    assert told["worn_waking_min"][0] < 12 * 60


def test_an_account_of_no_confidence_never_enters_an_hour(sample: Path) -> None:
    hours = ask(sample, "select sum(worn_min) from feature.hour")
    minutes = ask(
        sample,
        "select count(distinct date_trunc('minute', t_utc)) from signal.heart_rate where confidence > 0",
    )
    assert hours == minutes
