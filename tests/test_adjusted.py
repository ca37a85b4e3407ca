"""A second index with the cycle allowed for: of those who asked, beside the first, and right about what it removes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from score_rows import COLUMNS, NOW, Row, ask, put, results, run

from models import adjusted
from models.adjusted import ADJUSTED, Logged, adjust_people
from models.parameters import load_parameters
from models.validate.simulation import score_day, share_inside, simulate_people, true_index, wear_device
from warehouse.preferences import write_preferences
from warehouse.store import open_warehouse

P = load_parameters()
Real = NDArray[np.float64]
FIRST = date(2020, 1, 1)
EPOCH = date(1970, 1, 1)
REACH, SCORED, LENGTH = P.adjustments.cycle_window_days, 28, 28
DAYS = REACH + SCORED
PEOPLE = 60
AT = [P.features.index(name) for name in ADJUSTED]
PHASE = np.arange(DAYS) % LENGTH / LENGTH
LATE, EARLY = np.flatnonzero(PHASE[REACH:] > 0.8), np.flatnonzero(PHASE[REACH:] < 0.35)


def test_the_features_that_a_cycle_moves_are_the_four_of_the_night() -> None:
    assert ADJUSTED == ("rhr_night", "ln_rmssd_night", "resp_night", "temp_dev")


@cache
def live(amplitude: float) -> tuple[Real, Real]:
    """Values (people, days, features) of people whose nights are most strained shortly before a start; true z."""
    people = simulate_people(PEOPLE, DAYS, 0.4, 41, P)
    course = -amplitude * np.cos(2 * np.pi * (PHASE - 0.4))
    value = people.value.copy()
    for f in AT:
        value[..., f] += people.sd[:, None, f] * P.direction[f] * course
    return value, people.z


def name_people(count: int) -> list[str]:
    return [f"p-{k:03d}" for k in range(count)]


def lay_rows(value: Real, source: str = "fitbit_takeout/versa") -> list[Row]:
    days = [FIRST + timedelta(days=k) for k in range(value.shape[1])]
    return [
        (name, day, feature, float(value[i, k, f]), None, "good", source)
        for i, name in enumerate(name_people(len(value)))
        for k, day in enumerate(days)
        for f, feature in enumerate(P.features)
    ]


def tabulate(rows: list[Row]) -> pa.Table:
    types = [pa.string(), pa.date32(), pa.string(), pa.float64(), pa.float64(), pa.string(), pa.string()]
    columns = map(list, zip(*rows, strict=True))
    return pa.table([pa.array(c, t) for c, t in zip(columns, types, strict=True)], names=list(COLUMNS))


def tabulate_days(people: Iterable[str], days: Iterable[int]) -> pa.Table:
    pairs = [(name, FIRST + timedelta(days=k)) for name in people for k in days]
    return pa.table(
        {
            "participant": pa.array([p for p, _ in pairs], pa.string()),
            "day": pa.array([d for _, d in pairs], pa.date32()),
        }
    )


def adjust(
    value: Real, starts: Iterable[int], scored: range = range(REACH, DAYS), rows: list[Row] | None = None
) -> dict[str, list[Any]]:
    """Second index of everybody on some days, from what is read for these."""
    people = name_people(len(value))
    work = tabulate_days(people, scored)
    work = work.append_column("has_features", pa.array([True] * work.num_rows))
    asked = {"participant": people, "name": ["cycle"] * len(people), "value": ["yes"] * len(people)}
    first, last = (FIRST + timedelta(days=k) for k in (scored.start - REACH, scored.stop - 1))
    read = [r for r in rows or lay_rows(value) if first <= r[1] <= last]
    own = [k for k in starts if scored.start - REACH <= k < scored.stop]
    logged = Logged(tabulate(read), tabulate_days(people, own))
    tables = list(adjust_people(work, pa.table(asked), logged, P))
    return pa.concat_tables(tables).to_pydict()


def shape(rows: dict[str, list[Any]], name: str) -> Real:
    """A column as (people, days), NaN where null."""
    return np.array(rows[name], dtype=float).reshape(PEOPLE, -1)


@cache
def first_index(amplitude: float) -> dict[str, Real]:
    """The published index of the same days."""
    value, _ = live(amplitude)
    found = [score_day(value, wear_device(value), day, P)[2] for day in range(REACH, DAYS)]
    return {name: np.stack([getattr(i, name) for i in found], axis=1) for name in ("index", "lo80", "hi80")}


@cache
def second_index(amplitude: float) -> dict[str, Real]:
    rows = adjust(live(amplitude)[0], range(0, DAYS, LENGTH))
    return {name: shape(rows, name) for name in ("index", "lo80", "hi80")}


def test_what_the_cycle_does_is_mostly_gone_from_the_second_index() -> None:
    """Nights move by .8 SD up and down: .7 of it is learnt in half a year."""
    first, second = first_index(0.8), second_index(0.8)
    gap = [found["index"][:, LATE].mean() - found["index"][:, EARLY].mean() for found in (first, second)]
    plain = first_index(0.0)["index"]
    gap_of_none = plain[:, LATE].mean() - plain[:, EARLY].mean()
    assert gap[0] - gap_of_none > 15
    assert abs(gap[1] - gap_of_none) < 0.35 * (gap[0] - gap_of_none)


def test_the_second_index_is_nearer_to_the_truth_and_its_band_holds_it() -> None:
    first, second = first_index(0.8), second_index(0.8)
    truth = true_index(live(0.8)[1], P)[:, REACH:]
    error = [np.sqrt(np.mean((found["index"] - truth) ** 2)) for found in (first, second)]
    assert error[1] < 0.9 * error[0]
    held = [share_inside(found["lo80"], truth, found["hi80"]) for found in (first, second)]
    assert 0.76 <= held[1] <= 0.87
    assert held[1] > held[0] + 0.04


def test_where_there_is_no_cycle_both_say_nearly_the_same() -> None:
    first, second = first_index(0.0), second_index(0.0)
    truth = true_index(live(0.0)[1], P)[:, REACH:]
    assert np.mean(np.abs(first["index"] - second["index"])) < 5
    assert 0.76 <= share_inside(second["lo80"], truth, second["hi80"]) <= 0.87
    width = [np.mean(found["hi80"] - found["lo80"]) for found in (first, second)]
    assert width[1] > width[0]  # what was learnt is not known exactly


def test_without_two_whole_cycles_or_a_known_day_there_is_none_and_it_says_why() -> None:
    value, _ = live(0.8)
    value = value[:2]
    none = adjust(value, [])
    assert set(none["reason"]) == {"0 of 2 whole cycles are logged"}
    assert set(none["cycles"]) == {0}
    one = adjust(value, [REACH - 40, REACH - 12])
    assert set(one["reason"]) == {"1 of 2 whole cycles are logged"}
    two = adjust(value, [REACH - 68, REACH - 40, REACH - 12])
    at = {reason: two["reason"][:SCORED].index(reason) for reason in set(two["reason"])}
    assert at == {None: 0, adjusted.NO_PHASE: 28 + 5 - 12 + 1}  # six days after the next start was due
    early = adjust(value, [REACH - 150, REACH - 122, REACH - 94])
    assert set(early["reason"]) == {adjusted.NO_PHASE}
    lacking = [reason is not None for reason in two["reason"]]
    for name in ("index", "lo80", "hi80"):
        assert np.isnan(two[name]).tolist() == lacking, name
    assert [level is None for level in two["level"]] == lacking


def test_starts_of_more_than_half_a_year_ago_do_not_count() -> None:
    value, _ = live(0.8)
    rows = adjust(value[:1], [REACH - 68, REACH - 40, REACH - 12], range(REACH + 110, REACH + 120))
    assert rows["cycles"] == [2] * 5 + [1] * 5


def test_only_the_nights_of_the_device_worn_now_teach() -> None:
    value, _ = live(0.8)
    rows = lay_rows(value[:1])
    switch = FIRST + timedelta(days=REACH - 10)
    moved = [(*r[:6], "oura/ring") if r[1] >= switch else r for r in rows]
    found = adjust(value[:1], range(0, DAYS, LENGTH), range(REACH, REACH + 12), moved)
    nights = P.adjustments.cycles * P.adjustments.cycle_days
    assert found["reason"] == [adjusted.FEW_NIGHTS if 10 + k < nights else None for k in range(12)]


# Through the warehouse


def log_starts(rows: list[Row], people: Iterable[str], length: int) -> list[Row]:
    days = sorted({r[1] for r in rows})
    return rows + [
        (name, day, "cycle_start", 1.0 if k % length == 0 else None, None, None, "diary/mine")
        for name in people
        for k, day in enumerate(days)
    ]


def some_lives(people: int = 2, days: int = 90) -> list[Row]:
    rows = lay_rows(simulate_people(people, days, 0.4, 5, P).value)
    return log_starts(rows, name_people(people), 27)


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    staging = tmp_path / "staging"
    staging.mkdir()
    return tmp_path / "one.duckdb", staging


def enrol(warehouse: Path, people: Iterable[str]) -> None:
    with open_warehouse(warehouse) as con:
        for name in people:
            con.execute(
                "insert into meta.participant by name select ? as participant, 'UTC' as timezone", [name]
            )


def ask_for(warehouse: Path, participant: str, value: str | None) -> None:
    write_preferences(warehouse, participant, {"cycle": value}, now=NOW)


ROWS = "select * from model.index_adjusted order by participant, day"
PUBLISHED = "select * exclude (method_version) from model.index_day order by participant, day"


def test_only_who_asked_has_a_second_index_and_the_first_stays_as_it_was(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    people = name_people(2)
    put(warehouse, staging, some_lives())
    run(warehouse, staging, people)
    enrol(warehouse, people)
    assert ask(warehouse, ROWS) == []
    before = ask(warehouse, PUBLISHED)
    ask_for(warehouse, people[0], "yes")
    assert run(warehouse, staging, people)
    assert ask(warehouse, "select participant, count(*) from model.index_adjusted group by 1") == [
        (people[0], 90)
    ]
    assert ask(warehouse, PUBLISHED) == before
    both = ask(
        warehouse,
        'select count(*), count(a."index"), avg(abs(a."index" - i."index")) from model.index_adjusted a'
        " join model.index_day i using (participant, day)",
    )[0]
    assert both[0] == 90
    assert both[1] == 90 - 54  # from the third start on
    assert 0 < both[2] < 15
    for value in ("no", None):
        ask_for(warehouse, people[0], "yes")
        run(warehouse, staging, people)
        ask_for(warehouse, people[0], value)
        assert run(warehouse, staging, people)
        assert ask(warehouse, ROWS) == []
    assert ask(warehouse, PUBLISHED) == before


def test_night_after_night_is_all_at_once_and_company_does_not_matter(
    paths: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, staging = paths
    people, rows = name_people(2), some_lives()
    put(warehouse, staging, rows)
    enrol(warehouse, people)
    for name in people:
        ask_for(warehouse, name, "yes")
    run(warehouse, staging, people)
    expected = results(warehouse)
    assert len(ask(warehouse, ROWS)) == 180

    nightly = tmp_path / "nightly.duckdb"
    put(nightly, staging, rows[:1])
    enrol(nightly, people)
    for name in people:
        ask_for(nightly, name, "yes")
    monkeypatch.setattr(adjusted, "CASES_AT_ONCE", 7)
    for start, end in pairwise([FIRST + timedelta(days=k) for k in (0, 50, 70, 71, 72, 90)]):
        put(nightly, staging, [r for r in rows if start <= r[1] < end])
        for name in reversed(people):
            run(nightly, staging, [name], before=end)
    assert results(nightly) == expected


def test_a_start_logged_late_moves_the_days_from_it_on_only(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    people, rows = name_people(1), some_lives(1)
    missing = FIRST + timedelta(days=54)
    put(
        warehouse,
        staging,
        [(*r[:3], None, *r[4:]) if (r[1], r[2]) == (missing, "cycle_start") else r for r in rows],
    )
    enrol(warehouse, people)
    ask_for(warehouse, people[0], "yes")
    run(warehouse, staging, people)
    early = ask(warehouse, f"select * from model.index_adjusted where day < '{missing}' order by day")
    first = ask(warehouse, PUBLISHED)
    counted = f"select count(\"index\") from model.index_adjusted where day >= '{missing}'"
    assert ask(warehouse, counted) == [(0,)]
    put(warehouse, staging, [r for r in rows if r[1] == missing])
    run(warehouse, staging, people)
    assert ask(warehouse, counted) == [(36,)]
    assert ask(warehouse, f"select * from model.index_adjusted where day < '{missing}' order by day") == early
    assert ask(warehouse, PUBLISHED) == first
