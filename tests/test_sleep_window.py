"""Nights that no source logs: the window is found in heart rate, marked, and nothing else is claimed from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recording_rows import WATCH, alternating, beats, vital
from signal_rows import NOW, day_rows, instant, load_rows

from cli.night import compute_batch
from cli.settings import read_settings
from features import catalog, compute, gather, measure, nights, read, sleep_measures
from features.person import Person
from features.sleep import WAKE, Log
from features.sleep_window import EDGE_S, estimate_nights, find_low, find_window, measure_epochs
from features.wear import DAY_MIN, Clock
from features.work import to_day
from ingest.load import load
from models import sleepwake
from models.parameters import load_parameters
from warehouse.commit import commit
from warehouse.sleep_model import EPOCH_S, SleepModel, WindowError, write_sleep_model
from warehouse.store import content_hashes, open_warehouse

SAMPLE = Path(__file__).parent.parent / "sample_data" / "fitbit" / "MyFitbitData.zip"
FIRST, DAYS = date(2020, 4, 10), 5
P = "p-aaaaaa"
ERROR = WindowError(3, 10.0, 10.0, 20.0)
MODEL = SleepModel((0.0,) * 6, (1.0,) * 6, (0.5, 0.5, 0.0, 0.5, 0.0, 0.0), -2.0, 0.1, "made, 3 nights", ERROR)
"""Awake where heart rate is high and varies."""

NONE_LOGGED = np.empty((0, 2), np.int64)


def axis(days: int = 3) -> Clock:
    """Days from 1970-01-11 on, in UTC."""
    return Clock(10 * DAY_MIN, np.zeros(days * DAY_MIN, np.int64))


def beat(clock: Clock, *spans_h: tuple[float, float], seed: int = 1) -> np.ndarray:
    """Heart rate of the axis: 55 and steady within spans (hours from its start), 75 and unsteady without."""
    rng = np.random.default_rng(seed)
    hour = np.arange(len(clock)) / 60
    low = np.any([(hour >= a) & (hour < b) for a, b in spans_h], axis=0)
    slow = np.repeat(rng.normal(0, 1, len(clock) // 5 + 1), 5)[: len(clock)]
    return np.where(low, 55, 75 + 6 * slow) + rng.normal(0, 1, len(clock))


def estimate(
    clock: Clock, hr_bpm: np.ndarray, logged: np.ndarray = NONE_LOGGED
) -> dict[int, tuple[float, float]]:
    """Hours from the start of the axis of the nights found."""
    found = estimate_nights(MODEL, clock, {"made/watch": hr_bpm}, logged)
    hours = {}
    for day, one in found.items():
        assert one.main is not None
        assert one.main.estimated
        assert one.stream == "made/watch"
        start_s = 60 * clock.start_min
        hours[day] = ((one.main.onset_s - start_s) / 3600, (one.main.wake_s - start_s) / 3600)
    return hours


def test_a_window_is_found_where_heart_rate_is_low_and_steady_and_dated_by_its_end() -> None:
    clock = axis()
    found = estimate(clock, beat(clock, (22, 30), (47, 54.5)))
    assert list(found) == [11, 12]
    assert found[11] == pytest.approx((22, 30), abs=0.25)
    assert found[12] == pytest.approx((47, 54.5), abs=0.25)


def test_half_an_hour_up_is_within_the_window_and_three_hours_end_it() -> None:
    clock = axis()
    assert estimate(clock, beat(clock, (22, 25), (25.5, 30)))[11] == pytest.approx((22, 30), abs=0.25)
    assert estimate(clock, beat(clock, (20, 23.5), (26.5, 32)))[11] == pytest.approx((26.5, 32), abs=0.25)


@pytest.mark.parametrize(
    ("span_h", "why"),
    [
        ((24, 26.5), "under three hours"),
        ((13, 21), "it ends on the date before"),
        ((30, 41), "noon cuts it"),
        ((15, 32.5), "over sixteen hours"),
    ],
)
def test_what_is_no_night_is_not_told(span_h: tuple[float, float], why: str) -> None:
    clock = axis()
    assert 11 not in estimate(clock, beat(clock, span_h)), why


def test_sparse_heart_rate_tells_nothing_and_the_stream_with_most_of_it_is_asked() -> None:
    clock = axis()
    hr = beat(clock, (22, 30))
    minute = np.arange(len(clock))
    assert 11 in estimate(clock, np.where(minute % 10 < 7, hr, np.nan)), "70 % of the minutes"
    assert 11 not in estimate(clock, np.where(minute % 10 < 5, hr, np.nan)), "50 %"
    taken_off = np.where((minute > 23 * 60) & (minute < 29 * 60), np.nan, hr)
    assert 11 not in estimate(clock, taken_off), "75 % of the day, but not of the night"
    both = estimate_nights(
        MODEL, clock, {"a/less": np.where(minute % 10 < 7, hr, np.nan), "b/more": hr}, NONE_LOGGED
    )
    assert both[11].stream == "b/more"
    assert estimate_nights(MODEL, clock, {}, NONE_LOGGED) == {}


def test_any_log_from_noon_to_noon_leaves_the_night_to_the_sources() -> None:
    clock = axis()
    hr = beat(clock, (22, 30), (46, 54))
    nap_s = 60 * clock.start_min + np.array([[14 * 3600, 14.4 * 3600]], np.int64)
    assert list(estimate(clock, hr, nap_s)) == [12], "a nap in the afternoon before"
    before_s = nap_s - 3 * 3600
    assert list(estimate(clock, hr, before_s)) == [11, 12], (
        "one that ends before noon belongs to the date before"
    )


def test_a_day_without_a_low_has_no_window() -> None:
    assert find_low(np.full(2880, np.nan)) is None
    t_s = np.arange(30.0, 86400.0, 60.0)
    assert find_window(MODEL, t_s[:100], np.full(100, 60.0), 0.0, 86400.0) is None
    assert EDGE_S < 3600


def build(folder: Path, unlogged: set[int], *more: dict[str, list[dict[str, Any]]]) -> Path:
    """Five days, 55 /min until seven in the morning and 70 after; no log of the nights of some of them."""
    folder.mkdir()
    days = [(i, FIRST + timedelta(days=i)) for i in range(DAYS)]
    load_rows(
        folder / "w.duckdb",
        participants=[P],
        parts=[*(day_rows(P, day, slept=i not in unlogged) for i, day in days), *more],
    )
    return folder / "w.duckdb"


def run(warehouse: Path, model: Path | None, *, before: date = date(2020, 8, 1)) -> None:
    done = compute.compute(
        warehouse, warehouse.parent / "st", participants=[P], before=before, sleep_model=model
    )
    assert done is not None
    commit(warehouse, [done], now=NOW)


def content(warehouse: Path) -> dict[str, str]:
    with open_warehouse(warehouse, read_only=True) as con:
        return {name: mark for name, mark in content_hashes(con).items() if name.startswith("feature.")}


def told(warehouse: Path) -> dict[tuple[date, str], tuple[Any, ...]]:
    """(day, feature) → value, quality, reason, source."""
    with open_warehouse(warehouse, read_only=True) as con:
        rows = con.execute(
            "select day, feature, value, quality, reason, source from feature.value"
        ).fetchall()
    return {row[:2]: row[2:] for row in rows}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "sleepwake.json"
    write_sleep_model(MODEL, path)
    return path


@pytest.fixture(scope="module")
def without_logs(tmp_path_factory: pytest.TempPathFactory, file: Path) -> Mapping[str, Path]:
    """A person without any sleep log, without and with the file; only looked at."""
    folder = tmp_path_factory.mktemp("people")
    made = {name: build(folder / name, set(range(DAYS))) for name in ("bare", "model")}
    run(made["bare"], None)
    run(made["model"], file)
    return made


def test_where_sources_log_every_night_the_file_changes_not_a_byte(tmp_path: Path, file: Path) -> None:
    bare, model = build(tmp_path / "bare", set()), build(tmp_path / "model", set())
    run(bare, None)
    run(model, file)
    assert content(model) == content(bare)


def test_without_the_file_such_a_night_is_missing_with_its_reason(without_logs: Mapping[str, Path]) -> None:
    rows = told(without_logs["bare"])
    for name in ("rhr_night", "tst_min", "onset_clock_h", "window_estimated"):
        assert rows[FIRST + timedelta(days=2), name][:3] == (None, None, "no main sleep found"), name


def test_with_it_what_needs_the_window_is_told_low_and_marked(without_logs: Mapping[str, Path]) -> None:
    rows, day = told(without_logs["model"]), FIRST + timedelta(days=2)
    at = {name: rows[day, name] for name in catalog.BY_NAME if (day, name) in rows}
    assert at["window_estimated"] == (1, "low", None, "made/unknown")
    assert at["onset_clock_h"][0] == pytest.approx(0, abs=0.3)
    assert at["wake_clock_h"][0] == pytest.approx(7, abs=0.3)
    assert at["midsleep_clock_h"][0] == pytest.approx(3.5, abs=0.3)
    # Five-minute means of 55 with an SD of 2 within: their 10th percentile is some 1.1 lower.
    assert at["rhr_night"][0] == pytest.approx(53.9, abs=0.4)
    assert at["hr_dip"][0] == pytest.approx(100 * (1 - 55 / 70), abs=2)
    assert at["hr_coverage_night"][0] == 1
    assert at["valid_night"][0] == 1
    made_of_it = {"rhr_night", "hr_dip", "t_hr_nadir", "hr_coverage_night", "valid_night", "window_estimated"}
    made_of_it |= {"onset_clock_h", "wake_clock_h", "midsleep_clock_h", "offset_wake_min", "offset_onset_min"}
    nightly = {name for name in at if catalog.BY_NAME[name].grain == "night" and at[name][0] is not None}
    assert nightly == made_of_it
    assert {at[name][1] for name in made_of_it} == {"low"}


def test_no_sleep_time_no_stage_and_no_regularity_is_told_of_it(without_logs: Mapping[str, Path]) -> None:
    rows, day = told(without_logs["model"]), FIRST + timedelta(days=4)
    for name in (
        "tst_min",
        "tib_min",
        "spt_min",
        "se",
        "waso_min",
        "sleep_maint",
        "awakenings",
        "awakenings_h",
    ):
        assert rows[day, name][:3] == (None, None, measure.ESTIMATED), name
    for name in (*sleep_measures.WITH_STAGES, *sleep_measures.SHARES, "tst24_min", "tz_change", "temp_dev"):
        assert rows[day, name][:3] == (None, None, measure.ESTIMATED), name
    for name in ("sri_7d", "cpd", "sleep_need_h", "sleep_debt_h", "social_jetlag_h", "nap_min"):
        assert rows[day, name][0] is None, name


def test_beats_and_breaths_within_the_window_are_told_of_low_quality(tmp_path: Path, file: Path) -> None:
    day = FIRST + timedelta(days=2)
    breaths = [vital("respiration", instant(day, 1) + timedelta(minutes=i), 14) for i in range(300)]
    warehouse = build(
        tmp_path / "w",
        set(range(DAYS)),
        beats(instant(day, 1), alternating(300, 40)),
        beats(instant(day, 10), alternating(120, 90)),
        *breaths,
    )
    run(warehouse, file)
    rows = told(warehouse)
    assert rows[day, "rmssd_night"] == (40.0, "low", None, WATCH)
    assert rows[day, "ln_rmssd_night"][:2] == (pytest.approx(np.log(40)), "low")
    assert rows[day, "resp_night"][:2] == (14.0, "low")


def test_no_value_of_a_waking_day_depends_on_it(without_logs: Mapping[str, Path]) -> None:
    bare, model = (told(without_logs[name]) for name in ("bare", "model"))
    waking = [key for key in bare if catalog.BY_NAME[key[1]].grain == "day"]
    assert len(waking) > 100
    assert [model[key] for key in waking] == [bare[key] for key in waking]


def test_a_night_among_logged_ones_is_filled_and_the_others_stay(tmp_path: Path, file: Path) -> None:
    bare, model = build(tmp_path / "bare", {2}), build(tmp_path / "model", {2})
    run(bare, None)
    run(model, file)
    filled, before, after = FIRST + timedelta(days=3), told(bare), told(model)
    assert after[filled, "window_estimated"][0] == 1
    assert after[filled + timedelta(days=1), "window_estimated"][:2] == (0, "good")
    assert {day for day, name in after if after[day, name] != before[day, name]} == {filled}


def test_it_is_the_same_night_by_night_as_at_once(
    tmp_path: Path, file: Path, without_logs: Mapping[str, Path]
) -> None:
    warehouse = build(tmp_path / "steps", set(range(DAYS)))
    for days in (2, 4, 90):
        run(warehouse, file, before=FIRST + timedelta(days=days))
    assert content(warehouse) == content(without_logs["model"])


def test_the_hash_of_the_inputs_covers_the_coefficients(
    tmp_path: Path, without_logs: Mapping[str, Path]
) -> None:
    def hashes(warehouse: Path) -> dict[date, str]:
        with open_warehouse(warehouse, read_only=True) as con:
            return dict(con.execute("select distinct day, input_hash from feature.value").fetchall())

    other = tmp_path / "other.json"
    write_sleep_model(replace(MODEL, offset=MODEL.offset - 1e-9), other)
    warehouse = build(tmp_path / "w", set(range(DAYS)))
    run(warehouse, other)
    bare, model, changed = (hashes(w) for w in (without_logs["bare"], without_logs["model"], warehouse))
    estimated = {FIRST + timedelta(days=i) for i in range(1, DAYS)}
    assert {day for day in bare if bare[day] != model[day]} == estimated
    assert {day for day in bare if changed[day] != model[day]} == estimated


def test_a_file_in_its_place_is_used_by_the_nightly_run(tmp_path: Path) -> None:
    settings = read_settings({"STEADYLINE_VAR": str(tmp_path / "var")})
    (tmp_path / "var" / "models").mkdir(parents=True)
    warehouse = build(tmp_path / "w", set(range(DAYS)))
    mine = replace(settings, warehouse=str(warehouse))
    staging = tmp_path / "staging"
    bare = compute_batch(mine, staging, date(2020, 8, 1), [P])
    write_sleep_model(MODEL, settings.sleep_model)
    folder = compute_batch(mine, staging, date(2020, 8, 1), [P])
    assert bare is not None
    assert folder is not None
    commit(warehouse, [folder], now=NOW)
    assert told(warehouse)[FIRST + timedelta(days=2), "window_estimated"][0] == 1


def test_values_of_low_quality_weigh_half_in_the_models() -> None:
    assert load_parameters().baseline.low_quality_weight == 0.5


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Person:
    """The person of the sample export, all days."""
    folder = tmp_path_factory.mktemp("sample")
    now = datetime(2020, 7, 22, tzinfo=UTC)
    warehouse = folder / "w.duckdb"
    load(
        [SAMPLE],
        warehouse=warehouse,
        staging=folder / "st",
        participant="p-sample",
        timezone="Australia/Sydney",
        now=now,
    )
    with open_warehouse(warehouse, read_only=True) as con:
        span = read.find_days_with_data(con, "p-sample")
        assert span is not None
        ranges = [(span[0] - 2, span[1] + 1)]
        return gather.make_people(read.read_signals(con, ["p-sample"], ranges), ranges)[0]


def learn(person: Person, days: list[int]) -> SleepModel:
    """The model from logged nights of a person."""
    x, awake = [], []
    for day in days:
        log = person.nights[day].main
        assert log is not None
        heart = person.streams[0].hr_bpm
        known = np.isfinite(heart)
        epochs = (log.end_s - log.start_s) // 30
        x.append(measure_epochs(60.0 * person.clock.utc_min[known] + 30, heart[known], log.start_s, epochs))
        middle = log.start_s + EPOCH_S * (np.arange(epochs) + 0.5)
        awake.append(~is_asleep(log, middle))
    model = sleepwake.train(np.vstack(x), np.concatenate(awake), trained_on=f"sample, {len(days)} nights")
    return replace(model, error=ERROR)


def is_asleep(log: Log, t_s: np.ndarray) -> np.ndarray:
    at = np.searchsorted(log.stage_start_s, t_s, side="right") - 1
    return (at >= 0) & (log.stage[np.maximum(at, 0)] != WAKE)


def test_without_its_logs_the_samples_nights_are_found_as_near_as_the_model_card_says(sample: Person) -> None:
    """Learned from every other night; asked the rest, all sleep records taken away.

    Median absolute error of a night: onset 24 min, final wake 21 min, resting heart rate .1 /min.
    """
    logged = [day for day, one in sample.nights.items() if one.main is not None]
    told_apart = replace(sample, logs={}, sleep_model=learn(sample, logged[::2]))
    asked = logged[1::2]
    found = [day for day in asked if day in told_apart.estimated]
    assert len(found) >= 0.9 * len(asked)
    edges = []
    for day in found:
        said, was = told_apart.estimated[day].main, sample.nights[day].main
        assert said is not None
        assert was is not None
        edges.append((said.onset_s - was.onset_s, said.wake_s - was.wake_s))
    onset_min, wake_min = np.median(np.abs(edges), axis=0) / 60
    assert onset_min == pytest.approx(24, abs=2)
    assert wake_min == pytest.approx(21, abs=2)
    apart = [
        abs(a - b)
        for day in found
        if (a := nights.measure_night(told_apart, day)["rhr_night"].value) is not None
        and (b := nights.measure_night(sample, day)["rhr_night"].value) is not None
    ]
    assert len(apart) > 50
    assert np.median(apart) == pytest.approx(0.1, abs=0.05)
    assert np.percentile(apart, 90) < 0.6


def test_a_person_with_logs_has_estimates_only_for_nights_without(sample: Person) -> None:
    with_model = replace(sample, sleep_model=MODEL)
    estimated = set(with_model.estimated)
    assert not estimated & set(sample.nights)
    assert to_day(date(2020, 4, 6)) in estimated, "the night that was not logged"
