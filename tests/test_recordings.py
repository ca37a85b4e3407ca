"""Beats, skin conductance and totals on their way to rows: every row right, and the same by any road."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_rows import (
    P,
    Part,
    alternating,
    ask,
    at,
    beats,
    computed,
    content,
    hrv,
    light_night,
    pulse_wave,
    run,
    skin,
    sleep,
    stream,
    values,
    vital,
)
from signal_rows import day_rows, instant, load_rows

from features import recordings, work

DAY = date(2020, 5, 11)
Q = "p-bbbbbb"


def test_windows_stand_on_the_local_day_they_begin_on_with_quality_and_reason(tmp_path: Path) -> None:
    # From 23:50 to 00:10: two windows on either day. Of the last only two minutes have beats.
    start = instant(DAY, -1 / 6)
    rows = beats(start, alternating(17, 40)[:-1], sensor="ecg")
    warehouse = computed(tmp_path, light_night(DAY), rows)
    told = ask(
        warehouse,
        "select day, start_utc, offset_min, span_s, sensor, derived, n_beats, n_pairs, round(coverage, 3),"
        " quality, reason, rmssd_ms, source from feature.window order by start_utc",
    )
    eve = DAY - timedelta(days=1)
    assert [row[0] for row in told] == [eve, eve, DAY, DAY]
    assert [row[1] for row in told] == [start + timedelta(minutes=5 * i) for i in range(4)]
    assert {row[2:6] for row in told} == {(600, 300, "ecg", False)}
    # The pair over the edge of two windows belongs to neither.
    assert told[1][6:] == (300, 299, 1.0, "good", None, 40.0, "made/watch")
    assert told[3][9:12] == (None, "beats cover less than half of the window", None)
    assert told[3][6] == 120
    cells = ask(warehouse, "select count(*) from feature.window where (rmssd_ms is null) = (reason is null)")
    assert cells == [(0,)]


def test_yield_counts_minutes_and_hours_of_each_sensor_of_each_device(tmp_path: Path) -> None:
    # 100 minutes from 10:00: an hour and two thirds of one are valid hours; 20 minutes of another device.
    rows = beats(instant(DAY, 10), alternating(100, 40)[:-1])
    other = beats(instant(DAY, 12), alternating(20, 40)[:-1], device="strap")
    heart = [
        {**stream("watch"), **at(instant(DAY, 10) + timedelta(minutes=m)), "hr_bpm": 60.0, "confidence": 2}
        for m in (*range(60), *range(70, 100))
    ]
    spots = hrv("sdnn_spot", instant(DAY, 11.5), 50)
    warehouse = computed(tmp_path, light_night(DAY), rows, other, {"signal.heart_rate": heart}, spots)
    told = ask(
        warehouse,
        "select sensor, source, minutes, yielded_min, valid_h, worn_min, worn_h from feature.data_yield"
        " where day = ? order by 1, 2",
        DAY,
    )
    assert told == [
        ("beat", "made/strap", 1440, 20, 0, None, None),
        ("beat", "made/watch", 1440, 100, 2, None, None),
        # Ten minutes without are no gap of wear.
        ("heart_rate", "made/watch", 1440, 90, 1, 100, 2),
        ("hrv_sample", "made/watch", 1440, 1, 0, None, None),
    ]


def test_skin_is_measured_in_still_waking_minutes(tmp_path: Path) -> None:
    warehouse = computed(tmp_path, light_night(DAY), skin(instant(DAY, 13), 90, every_s=30))
    told = values(warehouse, DAY, "scr_rate", "scl")
    assert told["scr_rate"][0] == pytest.approx(2, abs=0.1)
    assert told["scl"][0] == pytest.approx(2, abs=0.15)
    assert told["scl"][1] is None
    assert told["scl"][2] == pytest.approx(90, abs=1)
    assert told["scl"][4] == "made/band"
    sensors = ask(
        warehouse, "select sensor, yielded_min from feature.data_yield where day = ? order by 1", DAY
    )
    assert sensors == [("acceleration", 90), ("eda", 90)]
    other = computed(tmp_path / "other", light_night(DAY), skin(instant(DAY, 13), 90, every_s=31))
    assert {day for day, _ in input_hashes(warehouse) ^ input_hashes(other)} == {DAY}
    asleep = computed(tmp_path / "night", light_night(DAY), skin(instant(DAY, 0), 60, every_s=30))
    assert values(asleep, DAY, "scl")["scl"][:2] == (None, "no data")


def test_clocks_and_zones_that_change_are_told_apart(tmp_path: Path) -> None:
    flown = DAY + timedelta(days=1)
    abroad = light_night(flown)
    for row in (*abroad["signal.sleep_episode"], *abroad["signal.sleep_stage"]):
        row |= {"offset_min": 480, **({"end_offset_min": 480} if "end_offset_min" in row else {})}
    warehouse = computed(tmp_path, light_night(DAY), abroad)
    assert [v[0] for v in values(warehouse, flown, "tz_change", "dst", "offset_wake_min").values()] == [
        0.0,
        480.0,
        1.0,
    ]
    back = date(2020, 4, 5)
    autumn = computed(tmp_path / "dst", light_night(back - timedelta(days=1)), light_night(back))
    told = values(autumn, back, "tz_change", "dst", "tst_min", "offset_onset_min", "offset_wake_min")
    assert {name: row[0] for name, row in told.items()} == {
        "tz_change": 0,
        "dst": 1,
        "tst_min": 480,
        "offset_onset_min": 660,
        "offset_wake_min": 600,
    }


def test_an_episode_over_midnight_is_written_once_on_the_day_it_begins(tmp_path: Path) -> None:
    days = [DAY + timedelta(days=i) for i in range(9)]
    eve, morrow = days[-2], days[-1]
    parts = [day_rows(P, day, slept=day != eve) for day in days]
    # The last eve: to bed at half past three only, and the heart is quick from 23:40 to 02:40.
    late = sleep(morrow, ("light", 300), device="unknown", start_h=3.5)
    rise, fall = instant(morrow, -1 / 3), instant(morrow, 2 + 2 / 3)
    for part in parts:
        for row in part["signal.heart_rate"]:
            if rise <= row["t_utc"] < fall:  # type: ignore[operator]
                row["hr_bpm"] = float(row["hr_bpm"]) + 30  # type: ignore[arg-type]
    warehouse = computed(tmp_path, *parts, late)
    told = ask(
        warehouse,
        "select day, start_utc, end_utc, offset_min, minutes, peak_bpm, p_arousal, source from feature.episode"
        " where end_utc > ? and start_utc < ?",
        rise,
        fall,
    )
    assert len(told) == 1
    (day, start, end, offset, minutes, peak, p, source) = told[0]
    assert (day, offset, source) == (eve, 600, "made/unknown")
    assert timedelta(0) <= start - rise <= timedelta(minutes=4)
    assert timedelta(0) <= end - fall <= timedelta(minutes=15)
    assert minutes == (end - start) / timedelta(minutes=1)
    assert 15 < peak < 45
    assert p > 0.9


TOTALS = {"tst_min": 420.0, "light_min": 220.0, "deep_min": 90.0, "rem_min": 110.0, "tib_min": 475.0}


def totals(day: date, end_h: float, minutes: dict[str, float], device: str = "watch") -> list[Part]:
    return [vital(name, instant(day, end_h), value, device) for name, value in minutes.items()]


def test_a_night_of_totals_only_has_durations_and_says_what_it_lacks(tmp_path: Path) -> None:
    bare = sleep(DAY, ("", 480), vendor_main=True)
    warehouse = computed(tmp_path, bare, *totals(DAY, 7, TOTALS))
    told = values(
        warehouse,
        DAY,
        *("tst_min", "spt_min", "waso_min", "sleep_maint", "tib_min", "light_min", "deep_min", "rem_min"),
        *("light_pct", "deep_pct", "rem_pct", "tst24_min", "onset_clock_h", "wake_clock_h"),
    )
    assert {name: row[0] for name, row in told.items()} == {
        "tst_min": 420,
        "spt_min": 480,
        "waso_min": 60,
        "sleep_maint": 87.5,
        "tib_min": 475,
        "light_min": 220,
        "deep_min": 90,
        "rem_min": 110,
        "light_pct": pytest.approx(100 * 220 / 420, abs=1e-6),
        "deep_pct": pytest.approx(100 * 90 / 420, abs=1e-6),
        "rem_pct": pytest.approx(100 * 110 / 420, abs=1e-6),
        "tst24_min": 420,
        "onset_clock_h": -1,
        "wake_clock_h": 7,
    }
    assert {row[3] for row in told.values()} == {"low"}
    lacking = values(warehouse, DAY, "awakenings", "awakenings_h", "sleep_frag", "rem_latency_min", "se")
    reasons = {name: row[:2] for name, row in lacking.items()}
    assert reasons.pop("se") == (None, "no true time in bed from this device")
    assert set(reasons.values()) == {(None, "only totals of the sleep from this device")}


def test_totals_count_only_where_there_are_no_stretches_and_no_more_than_the_log(tmp_path: Path) -> None:
    staged = computed(tmp_path / "1", light_night(DAY), *totals(DAY, 7, TOTALS))
    assert values(staged, DAY, "tst_min")["tst_min"][0] == 480
    bare = sleep(DAY, ("", 480))
    longer = computed(tmp_path / "2", bare, *totals(DAY, 7, {"tst_min": 490.0}))
    assert values(longer, DAY, "tst_min")["tst_min"][:2] == (None, "no data")
    rounded = computed(tmp_path / "3", bare, *totals(DAY, 7, {"tst_min": 480.5}))
    assert values(rounded, DAY, "tst_min", "deep_min") == {
        "tst_min": (480.0, None, 480, "low", "made/watch"),
        "deep_min": (None, "no sleep stages that night", 0, None, "made/watch"),
    }
    other = computed(tmp_path / "4", bare, *totals(DAY, 7, TOTALS, device="ring"))
    assert values(other, DAY, "tst_min")["tst_min"][0] is None


def test_steps_of_a_day_stand_where_no_minute_has_any(tmp_path: Path) -> None:
    day, next_day = DAY, DAY + timedelta(days=1)
    counted = day_rows(P, day, device="watch")
    bare = day_rows(P, next_day, device="watch")
    bare["signal.steps"] = []
    given_steps = [
        vital("steps_day", instant(d, 0), 7654, device) for d in (day, next_day) for device in ("watch", "a")
    ]
    given_steps[2]["signal.vital"][0]["value"] = 4321.0
    warehouse = computed(tmp_path, counted, bare, *given_steps)
    by_minute = values(warehouse, day, "steps")["steps"]
    assert by_minute[0] == sum(row["steps"] for row in counted["signal.steps"])  # type: ignore[misc]
    assert by_minute[2] > 1000
    told = values(warehouse, next_day, "steps", "mvpa_min")
    assert told["steps"] == (4321.0, None, 1, "low", "made/watch")
    assert told["mvpa_min"][0] is None
    hours = ask(warehouse, "select count(steps) from feature.hour where day = ?", next_day)
    assert hours == [(0,)]


def recorded(day: date, number: int) -> list[Part]:
    """A day of everything, part of it over the end of the UTC day (10:00 in Sydney), unlike from day to day."""
    over = instant(day, 9.8)
    facts: dict[str, Any] = {"sensor": ["ppg", "ecg", None][number % 3], "tick_ms": [None, 8.0][number % 2]}
    ring = [
        beats(over, alternating(24, 30 + number), device="ring"),
        pulse_wave(over, np.cumsum(alternating(16, 60) / 1000), 25.0, "ring"),
    ][number % 2]
    fives = [
        hrv("rmssd_5min", instant(day, 2) + timedelta(minutes=5 * i), 30.0 + number + i) for i in range(8)
    ]
    return [
        light_night(day),
        beats(instant(day, 2), alternating(45, 40 + number), **facts),
        beats(over, alternating(24, 50 + number), **facts),
        ring,
        *fives,
        hrv("sdnn_spot", instant(day, 3), 60 + number),
        vital("skin_temperature", instant(day, 0), 33 + number / 10),
        vital("respiration", instant(day, -1), 14 + number / 10),
        vital("spo2_night", instant(day, 0), 95 + number / 10),
        vital("steps_day", instant(day, 0), 5000 + number),
        sleep(day, ("", 400), device="band", start_h=-0.5),
        *totals(day, 400 / 60 - 0.5, {"tst_min": 380.0 + number, "deep_min": 80.0}, "band"),
    ]


DAYS = [DAY + timedelta(days=i) for i in range(6)]
RECORDED = [recorded(day, i) for i, day in enumerate(DAYS)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six days of everything, computed at once; only looked at."""
    eda = skin(instant(DAYS[3], 14), 70, every_s=40)
    return computed(tmp_path_factory.mktemp("whole"), *(part for parts in RECORDED for part in parts), eda)


def in_steps(folder: Path, steps: Sequence[Sequence[int]], *, compute_between: bool = True) -> Path:
    """The same days loaded in other steps, each computed before the next."""
    folder.mkdir(parents=True, exist_ok=True)
    warehouse = folder / "w.duckdb"
    for step in steps:
        parts = [part for i in step for part in RECORDED[i]]
        if 3 in step:
            parts.append(skin(instant(DAYS[3], 14), 70, every_s=40))
        load_rows(warehouse, participants=[P], parts=parts)
        if compute_between:
            run(warehouse, before=DAYS[max(step)] + timedelta(days=len(step) % 2))
    run(warehouse)
    return warehouse


def test_what_is_recorded_has_values_in_every_table(whole: Path) -> None:
    derived = ask(whole, "select distinct source, sensor, derived from feature.window order by all")
    assert derived == [
        ("made/ring", "ppg", True),
        ("made/ring", None, False),
        ("made/watch", "ecg", False),
        ("made/watch", "ppg", False),
        ("made/watch", None, False),
    ]
    told = values(
        whole, DAYS[3], "rmssd_night", "resp_night", "temp_dev", "spo2_night", "steps", "scl", "tst_min"
    )
    assert told["rmssd_night"][0] == pytest.approx(np.sqrt(43**2 - 8**2 / 2), abs=1e-6)
    assert told["resp_night"][0] == 14.3
    assert told["temp_dev"][1] == "fewer than 7 nights before it"
    assert told["spo2_night"][0] == 95.3
    assert told["steps"][0] == 5003
    assert told["scl"][0] is not None
    # Of a log with stages and one with totals, the one with stages counts.
    assert told["tst_min"][0] == 480
    assert told["tst_min"][4] == "made/watch"


@pytest.mark.parametrize(
    "steps",
    [[[0], [1], [2], [3], [4], [5]], [[5], [4, 3], [1, 2], [0]]],
    ids=["day by day", "backwards"],
)
def test_days_loaded_and_computed_in_any_order_give_the_same_rows(
    whole: Path, tmp_path: Path, steps: list[list[int]]
) -> None:
    assert content(in_steps(tmp_path, steps)) == content(whole)


def test_beats_that_come_late_leave_the_days_before_their_eve_alone(whole: Path, tmp_path: Path) -> None:
    # Beats of a morning lie in the UTC day of the eve, which the day before the eve reads too.
    warehouse = tmp_path / "w.duckdb"
    late = [part for part in RECORDED[5] if {"signal.beat", "signal.pulse_wave"} & part.keys()]
    parts = [part for parts in RECORDED for part in parts if part not in late]
    load_rows(warehouse, participants=[P], parts=[*parts, skin(instant(DAYS[3], 14), 70, every_s=40)])
    run(warehouse)
    load_rows(warehouse, participants=[P], parts=late)
    assert run(warehouse) == 2
    assert content(warehouse) == content(whole)


def test_who_else_is_asked_and_how_many_at_a_time_changes_nothing(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MOST_DAYS", 10)
    parts = [part for parts in RECORDED for part in parts]
    eda = skin(instant(DAYS[3], 14), 70, every_s=40)
    others = [
        {table: [{**row, "participant": Q} for row in rows] for table, rows in part.items()}
        for part in parts[:30]
    ]
    folder = tmp_path / "two"
    folder.mkdir()
    warehouse = folder / "w.duckdb"
    load_rows(warehouse, participants=[P, Q], parts=[*parts, eda, *others])
    run(warehouse, [Q, P])
    for table in ("value", "window", "data_yield", "hour"):
        of_p = f"select * exclude (participant) from feature.{table} where participant = ? order by all"
        assert ask(warehouse, of_p, P) == ask(whole, of_p, P)


def test_other_beats_of_a_night_change_the_rows_of_that_day_only(whole: Path, tmp_path: Path) -> None:
    warehouse = in_steps(tmp_path, [[0, 1, 2, 3, 4, 5]], compute_between=False)
    assert content(warehouse) == content(whole)
    before, hashes = changed_rows(warehouse), input_hashes(warehouse)
    again = beats(instant(DAYS[2], 2), alternating(45, 90), sensor=None)
    load_rows(warehouse, participants=[P], parts=[again], export=1)
    # The eve, the day, and the three after it.
    assert run(warehouse) == 5
    after = changed_rows(warehouse)
    assert {row[:2] for row in before ^ after} == {
        ("value", DAYS[2]),
        ("window", DAYS[2]),
    }
    features = {row[2] for row in before ^ after if row[0] == "value"}
    assert features == {"rmssd_night", "ln_rmssd_night", "rmssd_4h"}
    assert {day for day, _ in hashes ^ input_hashes(warehouse)} == set(DAYS[1:4])
    assert run(warehouse) == 0


def input_hashes(warehouse: Path) -> set[tuple[Any, ...]]:
    return set(ask(warehouse, "select distinct day, input_hash from feature.value"))


def changed_rows(warehouse: Path) -> set[tuple[Any, ...]]:
    """What is said of each day, without the hash of what it was made from."""
    said = ask(warehouse, "select 'value', day, feature, value, reason, n_obs from feature.value")
    windows = ask(warehouse, "select 'window', day, source, start_utc, rmssd_ms, reason from feature.window")
    yields = ask(
        warehouse, "select 'yield', day, sensor, source, yielded_min, valid_h from feature.data_yield"
    )
    return {*said, *windows, *yields}


@given(st.sets(st.integers(-3, 3000), min_size=1, max_size=20))
@settings(deadline=None, max_examples=50)
def test_utc_days_hold_the_local_day_and_the_noon_before_it_in_every_zone(days: set[int]) -> None:
    chosen = set(recordings.utc_days_of(tuple(sorted(days))))
    for day in days:
        for offset in (-720, 0, 840):
            edges = ((day - 1) * 1440 + 720 - offset, (day + 1) * 1440 - 1 - offset)
            assert {minute // 1440 for minute in range(edges[0], edges[1] + 1, 1440)} | {
                edges[1] // 1440
            } <= chosen


def test_of_two_clocks_in_one_train_the_coarser_counts() -> None:
    rows = pa.table(
        {
            "t_us": [1_000_000, 2_000_000, 3_000_000],
            "rr_ms": pa.array([1000.0, None, 990.0], pa.float32()),
            "gap_before": [False, True, False],
            "tick_ms": pa.array([None, 1.0, 16.0], pa.float32()),
        }
    )
    train = recordings.take_beats(rows)
    assert train.end_s.tolist() == [1, 2, 3]
    assert np.isnan(train.rr_ms[1])
    assert train.gap_before.tolist() == [False, True, False]
    assert train.tick_ms == 16
    none = recordings.take_beats(rows.set_column(3, "tick_ms", pa.nulls(3, pa.float32())))
    assert np.isnan(none.tick_ms)
