"""Nights on which two devices were worn: from the signals to where the new device's usual starts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_rows import Part, alternating, beats, computed, content, run, stream, values, vital
from score_rows import COLUMNS, NOW, ask, results
from score_rows import Row as ValueRow
from score_rows import run as run_models
from signal_rows import day_rows, instant, load_rows
from test_baseline import one_feature
from test_score import FIRST, MEASURED, P, person

from features.others import NAMES
from models import score as verb
from models.baseline import Baseline, Bridge, Flag, History, Real, Whole, fit_baseline
from models.bridges import Others, bridge_cases, find_bridge
from models.index import Day, Index, compute_index
from models.parameters import Parameters
from models.validate.simulation import simulate_people, true_index
from warehouse.commit import commit
from warehouse.staging import stage

A, B, C = 11, 22, 33
NAN = float("nan")

# --- the posterior ---------------------------------------------------------------------------------------


def window(value: Sequence[float], segment: Sequence[int], low: Sequence[bool] | None = None) -> History:
    """One case of one feature."""
    here = np.array(value)[None, None, :]
    return History(
        here,
        np.where(np.isnan(here), 0, np.array(segment)).astype(np.int64),
        np.array(low or [False] * len(value))[None, None, :],
    )


def bridged(
    history: History, beside: History, parameters: Parameters, today: int = B
) -> tuple[Bridge, Baseline]:
    of = np.array([[today]])
    bridge = find_bridge(history, beside, of, parameters.baseline)
    return bridge, fit_baseline(history, of, parameters, None, bridge)


def test_posterior_over_three_pairs_worked_out_by_hand() -> None:
    parameters = one_feature(phi=0.0, device_offset_sd=2.0)
    history = window([10, 12, 14, 12], [A] * 4)
    bridge, got = bridged(history, window([NAN, 16, 19, 17], [B] * 4), parameters)
    # differences 4, 5, 5
    assert (bridge.pairs.item(), bridge.mean.item()) == (3, pytest.approx(14 / 3))
    assert bridge.squares.item() == pytest.approx(2 / 3)
    # A: n_e 4, mean 12, s² = (2·4 + 8)/(2 + 4); variance of d̄ = (2·4·s² + 2/3)/6, of an offset 4·s²
    variance = 16 / 6
    gain = 4 * variance / ((2 * 4 * variance + 2 / 3) / 6)
    offset, doubt = gain / (1 + gain) * 14 / 3, 4 / (1 + gain)
    kappa = 0.25 + 1 / (1 / 4 + doubt)
    assert got.kappa.item() == pytest.approx(kappa)
    assert got.mean.item() == pytest.approx((0.25 * 9 + (kappa - 0.25) * (12 + offset)) / kappa)
    assert got.nu.item() == pytest.approx(2 + parameters.baseline.device_spread_share * 4)


@pytest.mark.parametrize(("pairs", "believed"), [(0, 0), (1, 0), (2, 0.5), (3, 0.75), (7, 21 / 22)])
def test_each_night_of_both_is_worth_more_and_one_is_worth_nothing(pairs: int, believed: float) -> None:
    parameters = one_feature(phi=0.0, device_offset_sd=2.0)
    # So long that the last mean is known, and a prior that says nothing: the mean is that of the bridge.
    parameters = dataclasses.replace(parameters, prior_between=np.array([1e6]))
    history = window([50.0 + (day % 2) for day in range(42)], [A] * 42)
    other = [NAN] * (42 - pairs) + [56.0 + (day % 2) for day in range(42 - pairs, 42)]
    _, got = bridged(history, window(other, [B] * 42), parameters)
    assert got.mean.item() == pytest.approx(50.5 + believed * 6, abs=1e-6)


def test_pairs_that_disagree_are_believed_less() -> None:
    parameters = dataclasses.replace(one_feature(phi=0.0), prior_between=np.array([1e6]))
    history = window([50.0] * 10, [A] * 10)
    even, uneven = [56.0] * 10, [46.0, 66.0] * 5
    means = [bridged(history, window(other, [B] * 10), parameters)[1].mean.item() for other in (even, uneven)]
    assert 50 < means[1] < means[0] < 56


def test_it_does_not_matter_which_of_the_two_counted_on_a_night_of_both() -> None:
    p = one_feature().baseline
    a, b = [60.0, 61, 63, 60, 62, 61], [66.0, 68, 68, 67, 67, 66]
    at = np.array([[B]])
    first = find_bridge(window(a, [A] * 6), window(b, [B] * 6), at, p)
    mixed = [A, A, B, A, B, B]
    value = [x if s == A else y for x, y, s in zip(a, b, mixed, strict=True)]
    other = [y if s == A else x for x, y, s in zip(a, b, mixed, strict=True)]
    swapped = [B if s == A else A for s in mixed]
    assert find_bridge(window(value, mixed), window(other, swapped), at, p) == first
    back = find_bridge(window(value, mixed), window(other, swapped), np.array([[A]]), p)
    assert back.mean.item() == pytest.approx(-first.mean.item())


def test_a_pair_of_low_quality_weighs_half() -> None:
    p = one_feature().baseline
    low = [False, False, True]
    bridge = find_bridge(
        window([60, 60, 60], [A] * 3), window([64, 66, 70], [B] * 3, low), np.array([[B]]), p
    )
    assert (bridge.pairs.item(), bridge.mean.item()) == (2.5, pytest.approx((4 + 6 + 5) / 2.5))


@pytest.mark.parametrize(
    ("segment", "beside", "today"),
    [
        ([A] * 6, [C] * 6, B),  # another device than the one worn now
        ([C] * 5 + [A], [B] * 5 + [0], B),  # another than the last one
        ([B] * 6, [C] * 6, B),  # no device before it
    ],
)
def test_nights_of_other_devices_are_no_pairs(segment: list[int], beside: list[int], today: int) -> None:
    other = [56.0 if s else NAN for s in beside]
    bridge, _ = bridged(window([50.0] * 6, segment), window(other, beside), one_feature(), today)
    assert (bridge.pairs.item(), bridge.mean.item(), bridge.squares.item()) == (0, 0, 0)


def test_pairs_from_before_a_long_absence_are_forgotten() -> None:
    value = [50.0] * 5 + [NAN] * 22 + [50.0] * 3
    other = [56.0] * 5 + [NAN] * 25
    bridge, _ = bridged(window(value, [A] * 30), window(other, [B] * 30), one_feature())
    assert bridge.pairs.item() == 0


def test_each_case_gets_the_pairs_of_its_own_window() -> None:
    """One row a day; the other device was worn on the last two, and read 10 and 11 higher."""
    p = one_feature().baseline
    rows = np.array([0, 2, 3, 4])
    value = np.full((46, 1), 50.0)
    other = np.where(np.arange(46) < 44, np.nan, 16.0 + np.arange(46))[:, None]
    others = Others(other, np.where(np.isnan(other), 0, B), np.zeros(other.shape, dtype=bool))
    windows = np.stack([value[first : first + 42].T for first in rows])
    history = History(windows, np.full(windows.shape, A), np.zeros(windows.shape, dtype=bool))
    bridge = bridge_cases(others, rows, history, np.full((4, 1), B), p)
    assert bridge.pairs[:, 0].tolist() == [0, 0, 1, 2]
    assert bridge.mean[:, 0].tolist() == [0, 0, 10, 10.5]
    assert bridge.squares[:, 0].tolist() == [0, 0, 0, 0.5]
    none = bridge_cases(None, rows, history, np.full((4, 1), B), p)
    assert not np.stack((none.pairs, none.mean, none.squares)).any()


lived = st.lists(st.one_of(st.just(NAN), st.floats(20, 120)), min_size=42, max_size=42)


@settings(deadline=None, max_examples=40)
@given(lived, st.integers(1, 41), st.integers(-1, 41))
def test_without_two_nights_of_both_every_bit_is_as_without_a_bridge(
    value: list[float], switch: int, pair: int
) -> None:
    parameters = one_feature(phi=0.4, phi_days=12.0)
    history = window(value, [A if day < switch else B for day in range(42)])
    other = [70.0 if day == pair else NAN for day in range(42)]
    beside = window(other, [B if day < switch else A for day in range(42)])
    _, got = bridged(history, beside, parameters)
    plain = fit_baseline(history, np.array([[B]]), parameters)
    for field in dataclasses.fields(Baseline):
        assert np.array_equal(getattr(got, field.name), getattr(plain, field.name), equal_nan=True), field


# --- simulated people of whom the truth is known ---------------------------------------------------------

RHR, HRV = (P.features.index(name) for name in ("rhr_night", "ln_rmssd_night"))
BEFORE = 42
RISE_BPM, FALL_MS = 6.0, 12.0


class Night(NamedTuple):
    """The first night with the new device alone: what was found, and what is true."""

    index: Index
    z: Real
    truth: Real
    error: Real


@cache
def first_night(together: int, phi: float, *, people: int = 400, apart: bool = True) -> Night:
    """People of one device for 42 nights, then of both, then of the other alone, which reads otherwise."""
    made = simulate_people(people, BEFORE + together + 1, phi, 20261122, P)
    rng = np.random.default_rng(7)

    def read() -> Real:
        return made.value + 0.2 * made.sd[:, None] * rng.standard_normal(made.value.shape)

    old, new = read(), read()
    if apart:
        new[..., RHR] += RISE_BPM
        new[..., HRV] = np.log(np.maximum(np.exp(new[..., HRV]) - FALL_MS, 5.0))
    nights = slice(together, together + BEFORE)
    both = np.arange(together, together + BEFORE) >= BEFORE
    segment = np.full((people, len(P.features), BEFORE), A)
    low: Flag = np.zeros(segment.shape, dtype=bool)
    beside = np.where(both[:, None], new[:, nights], np.nan).swapaxes(1, 2)
    history = History(old[:, nights].swapaxes(1, 2), segment, low)
    today: Whole = np.full(segment.shape[:2], B)
    worn = History(beside, np.where(np.isnan(beside), 0, B), low)
    bridge = find_bridge(history, worn, today, P.baseline)
    day = Day(new[:, -1], np.full(today.shape, np.nan), np.zeros(today.shape, dtype=bool))
    index = compute_index(day, fit_baseline(history, today, P, None, bridge), P)
    z = made.z[:, -1]
    return Night(index, index.z, true_index(z, P), (index.z - z)[:, [RHR, HRV]])


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_the_first_night_alone_is_hardly_biased_after_a_week_of_both(phi: float) -> None:
    """6 beats and 12 ms towards load are some 2 SD: what is left of them in z."""
    bias = {nights: first_night(nights, phi).error.mean() for nights in (0, 1, 3, 7)}
    assert 0.85 < bias[0] < 1.15
    assert bias[1] == pytest.approx(bias[0], abs=0.15)
    assert 0.3 < bias[3] < 0.6
    assert abs(bias[7]) < 0.2
    error = {nights: np.sqrt(np.mean(first_night(nights, phi).error ** 2)) for nights in (0, 3, 7)}
    assert error[7] < 0.5 < error[3] < 0.85
    assert error[0] > 1.2


@pytest.mark.parametrize("phi", [0.0, 0.4])
@pytest.mark.parametrize("nights", [0, 1, 3, 7, 28])
def test_the_band_holds_the_true_index_and_narrows_with_the_nights_of_both(phi: float, nights: int) -> None:
    found = first_night(nights, phi)
    inside = (found.index.lo80 <= found.truth) & (found.truth <= found.index.hi80)
    assert 0.75 <= inside.mean() <= 0.99
    width = {n: (first_night(n, phi).index.hi80 - first_night(n, phi).index.lo80).mean() for n in (0, 3, 7)}
    assert width[7] < 40 < width[3] < 56 < width[0]


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_a_changed_device_is_not_told_as_load(phi: float) -> None:
    """Days called higher, of 16 in 100 that are: 12 to 20 after a week of both, above 25 without a night."""
    told = {nights: float((first_night(nights, phi).index.index >= 85).mean()) for nights in (0, 7)}
    true = float((first_night(7, phi).truth >= 85).mean())
    assert told[0] > 0.22
    assert abs(told[7] - true) < 0.06
    much = float((first_night(7, phi).index.index >= 98).mean())
    assert much <= 0.04


def test_devices_that_read_alike_lose_nothing_by_it() -> None:
    for nights in (3, 7):
        assert abs(first_night(nights, 0.4, apart=False).error.mean()) < 0.1


# --- the verb of models ----------------------------------------------------------------------------------

SWITCH = 50
OtherRow = tuple[str, date, str, float, str, str]


def wear_both(rows: Iterable[ValueRow], first: int, last: int) -> list[OtherRow]:
    """What the other device gave on some days of `p-one`: 6 more, whichever counted."""
    days = {FIRST + timedelta(days=k) for k in range(first, last)}
    turned = {"fitbit_takeout/versa": "fitbit_takeout/sense", "fitbit_takeout/sense": "fitbit_takeout/versa"}
    higher = {"fitbit_takeout/versa": 6.0, "fitbit_takeout/sense": -6.0}
    return [
        (r[0], r[1], r[2], r[3] + higher[r[6]], "low" if r[1].day % 5 == 0 else "good", turned[r[6]])
        for r in rows
        if r[0] == "p-one" and r[1] in days and r[3] is not None and r[6] is not None
    ]


def put(warehouse: Path, staging: Path, rows: Sequence[ValueRow], others: Sequence[OtherRow]) -> None:
    """Commit values of the devices that count, and of others, as the features stage would."""
    text = dict.fromkeys(("method_version", "input_hash"), "-")
    listed = [
        dict(zip(COLUMNS, row, strict=True)) | {"n_obs": 1, "coverage": 1.0, "reason": "-"} | text
        for row in rows
    ]
    names = [name for name in COLUMNS if name != "se"]
    beside = [dict(zip(names, row, strict=True)) | text for row in others]
    days = sorted({(row[0], row[1]) for row in rows})
    with stage(staging, "features", method_version="features-1") as staged:
        staged.add("feature.value", pa.Table.from_pylist(listed))
        if beside:
            staged.add("feature.other_device", pa.Table.from_pylist(beside))
        staged.replace(pa.table({"participant": [p for p, _ in days], "day": [d for _, d in days]}))
    commit(warehouse, [staged.folder], now=NOW)


TWO = [*person("p-one", 64, seed=1, switch=SWITCH), *person("p-two", 20, seed=2)]
BESIDE = wear_both(TWO, 43, 53)


def scored(folder: Path, rows: Sequence[ValueRow], others: Sequence[OtherRow]) -> Path:
    (folder / "staging").mkdir(parents=True)
    warehouse = folder / "w.duckdb"
    put(warehouse, folder / "staging", rows, others)
    run_models(warehouse, folder / "staging")
    return warehouse


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, one of whom changed devices and wore both for ten days; only looked at."""
    return scored(tmp_path_factory.mktemp("both"), TWO, BESIDE)


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without the days of both; only looked at."""
    return scored(tmp_path_factory.mktemp("apart"), TWO, [])


def test_order_of_rows_nights_and_batches_change_nothing(
    both: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = results(both)
    assert results(scored(tmp_path / "turned", TWO[::-1], BESIDE[::-1])) == expected

    staging = tmp_path / "nightly" / "staging"
    staging.mkdir(parents=True)
    nightly = tmp_path / "nightly" / "w.duckdb"
    cuts = [FIRST + timedelta(days=k) for k in (0, 20, 44, 49, 50, 51, 54, 64)]
    for start, end in pairwise(cuts):
        put(
            nightly,
            staging,
            [r for r in TWO if start <= r[1] < end],
            [r for r in BESIDE if start <= r[1] < end],
        )
        run_models(nightly, staging, before=end)
    assert results(nightly) == expected

    monkeypatch.setattr(verb, "CASES_AT_ONCE", 7)
    assert results(scored(tmp_path / "batches", TWO, BESIDE)) == expected


def test_only_the_days_that_look_over_the_bridge_change(both: Path, apart: Path) -> None:
    sql = "select participant, day, input_hash, mean, kappa from model.baseline where feature = 'rhr_night'"
    one = {row[:2]: row[2:] for row in ask(both, sql)}
    other = {row[:2]: row[2:] for row in ask(apart, sql)}
    differing = {day for (who, day), found in one.items() if other[who, day] != found}
    assert {who for (who, day), found in one.items() if other[who, day] != found} == {"p-one"}
    # From the first night alone with the new device on; before it no other device counted.
    assert min(differing) >= FIRST + timedelta(days=SWITCH)
    assert {FIRST + timedelta(days=k) for k in range(SWITCH + 1, 64)} <= differing


def test_the_new_devices_usual_starts_where_the_pairs_say(both: Path, apart: Path) -> None:
    """Resting heart rate on the third day with the new device, which reads 6 more."""
    day = FIRST + timedelta(days=SWITCH + 2)
    sql = f"select mean, kappa, segment from model.baseline where feature = 'rhr_night' and day = '{day}'"
    (with_pairs,), (without,) = ask(both, sql), ask(apart, sql)
    assert with_pairs[2] == without[2] == "fitbit_takeout/sense"
    assert with_pairs[0] > without[0] + 0.5
    assert with_pairs[1] > without[1] + 1


def test_the_hash_of_a_day_covers_its_pairs(both: Path, tmp_path: Path) -> None:
    changed = [(*r[:3], r[3] + 1.0, *r[4:]) if r[2] == "rhr_night" else r for r in BESIDE]
    moved = scored(tmp_path / "moved", TWO, changed)
    sql = "select day, input_hash from model.index_day where participant = 'p-one'"
    one, other = dict(ask(both, sql)), dict(ask(moved, sql))
    differing = {day for day in one if one[day] != other[day]}
    assert {FIRST + timedelta(days=k) for k in range(SWITCH + 1, 64)} <= differing
    assert min(differing) >= FIRST + timedelta(days=SWITCH)


def test_another_value_of_the_other_device_alone_makes_the_models_due(tmp_path: Path) -> None:
    rows = [r for r in TWO if r[0] == "p-one"]
    warehouse = scored(tmp_path / "w", rows, BESIDE)
    day = FIRST + timedelta(days=45)
    some = [(*r[:3], r[3] + 1.0, *r[4:]) for r in BESIDE if r[1] == day]
    put(warehouse, tmp_path / "w" / "staging", [r for r in rows if r[1] == day], some)
    assert ask(warehouse, "select distinct day from meta.due where stage = 'models'") == [(day,)]
    run_models(warehouse, tmp_path / "w" / "staging")
    changed = {(r[1], r[2]): r for r in some}
    fresh = scored(tmp_path / "fresh", rows, [changed.get((r[1], r[2]), r) for r in BESIDE])
    assert results(warehouse) == results(fresh)
    assert {r[2] for r in BESIDE} == set(MEASURED)


# --- the verb of features --------------------------------------------------------------------------------

START = date(2020, 5, 1)
OLD, NEW = "old", "watch"


def nights_of(device: str, first: int, last: int, rise_bpm: float, seed: int) -> list[Part]:
    """Days of one device, each with a breathing rate and a skin temperature of the night that ends on it."""
    parts = []
    for k in range(first, last):
        day = START + timedelta(days=k)
        parts.append(day_rows("p-aaaaaa", day, device=device, seed=seed, rise_bpm=rise_bpm))
        parts.append(vital("respiration", instant(day, 2), 14 + rise_bpm / 10 + k % 3, device))
        parts.append(vital("skin_temperature", instant(day, 2), 33 + rise_bpm / 10 + k % 4, device))
    return parts


WITH_BEATS = START + timedelta(days=15)
OLD_ONES = [*nights_of(OLD, 0, 17, 0.0, 1), beats(instant(WITH_BEATS, 1), alternating(60, 30.0), device=OLD)]
NEW_ONES = [*nights_of(NEW, 4, 17, 6.0, 2), beats(instant(WITH_BEATS, 1), alternating(60, 20.0), device=NEW)]
OTHERS = "select day, feature, value, quality, source from feature.other_device order by all"


@pytest.fixture(scope="module")
def worn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person with two devices for twelve of 17 days; only looked at."""
    return computed(tmp_path_factory.mktemp("worn"), *OLD_ONES, *NEW_ONES)


def test_the_other_devices_night_is_the_one_it_would_be_alone(worn: Path, tmp_path: Path) -> None:
    alone = {
        f"made/{name}": computed(tmp_path / name, *parts)
        for name, parts in ((OLD, OLD_ONES), (NEW, NEW_ONES))
    }
    rows = ask(worn, OTHERS)
    assert {row[1] for row in rows} == set(NAMES)
    assert {row[1] for row in rows if row[0] == WITH_BEATS} == set(NAMES)
    for day, feature, value, quality, source in rows:
        counts = values(worn, day, feature)[feature]
        assert counts[0] is not None
        assert counts[4] != source
        by_itself = values(alone[source], day, feature)[feature]
        assert (by_itself[0], by_itself[3], by_itself[4]) == (value, quality, source), (day, feature)
    nights = {row[0] for row in rows if row[1] == "rhr_night"}
    assert nights == {START + timedelta(days=k) for k in range(5, 17)}
    apart = [
        abs(value - values(worn, day, feature)[feature][0])
        for day, feature, value, *_ in rows
        if feature == "rhr_night"
    ]
    assert 4 < min(apart) <= max(apart) < 8


def test_a_person_of_one_device_has_no_rows_and_no_second_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.others.leave_out", None)
    # A phone that only counts steps is no second device of a night.
    phone = {**stream("phone"), "t_utc": instant(START, 12), "offset_min": 600, "span_s": 60, "steps": 9}
    warehouse = computed(tmp_path, *OLD_ONES[:24], {"signal.steps": [phone]})
    assert ask(warehouse, "select count(*) from feature.other_device") == [(0,)]
    assert ask(warehouse, "select count(*) > 3 from feature.value where feature = 'rhr_night' and value > 0")


def test_day_by_day_in_any_order_gives_what_all_at_once_gives(worn: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    for some in (NEW_ONES[:20], OLD_ONES[:30], NEW_ONES[20:], OLD_ONES[30:]):
        load_rows(warehouse, participants=["p-aaaaaa"], parts=some)
        run(warehouse, before=START + timedelta(days=12))
    run(warehouse)
    assert content(warehouse)["feature.other_device"] == content(worn)["feature.other_device"]


def test_a_device_that_only_logs_sleep_tells_nothing_else(tmp_path: Path) -> None:
    parts = nights_of(OLD, 0, 3, 0.0, 1)
    parts.append(beats(instant(START + timedelta(days=2), 1), alternating(60, 30.0), device=OLD))
    for k in range(3):
        logged = day_rows("p-aaaaaa", START + timedelta(days=k), device=NEW)
        parts.append({name: rows for name, rows in logged.items() if name != "signal.heart_rate"})
    warehouse = computed(tmp_path, *parts)
    assert ask(warehouse, "select distinct feature, source from feature.other_device") == [
        ("sleep_frag", f"made/{NEW}")
    ]
    counted = values(warehouse, START + timedelta(days=2), *NAMES)
    assert {name for name, found in counted.items() if found[0] is not None} == set(NAMES) - {"temp_dev"}
