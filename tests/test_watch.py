"""Alerts, shifts and wear through the verb: a night needs no history, and late data leave nothing stale."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from score_rows import EVER, Hour, Row, ask, put, results, run

from models import score as verb
from models import watch
from models.alerts import NO_DAY, NO_FEATURE, Observed, follow, start_watch
from models.parameters import load_parameters
from models.segments import Era
from warehouse.migrations import list_migrations
from warehouse.store import open_warehouse

P = load_parameters()
FIRST = date(2020, 1, 1)  # a Wednesday
MEASURED = ("rhr_night", "ln_rmssd_night", "sleep_short", "ahr_day")
Real = NDArray[np.float64]


def live(days: int, seed: int) -> Real:
    """Values (days, measured) of somebody whose usual and spread are the population's."""
    rng = np.random.default_rng(seed)
    at = [P.features.index(name) for name in MEASURED]
    z = rng.standard_normal((days, len(at))) @ np.linalg.cholesky(0.8 * np.eye(len(at)) + 0.2).T
    return np.asarray(P.prior_mean[at] + P.prior_within[at] * z)


def load(value: Real, days: slice, sds: float) -> Real:
    """Make some days heavier in all that is measured."""
    at = [P.features.index(name) for name in MEASURED]
    heavy = value.copy()
    heavy[days] += sds * P.prior_within[at] * P.direction[at]
    return heavy


def rows_of(name: str, value: Real, *, switch: int = 9999) -> list[Row]:
    """Rows of feature.value, of one device or, from day `switch` on, of another; NaN is left out."""
    return [
        (
            name,
            FIRST + timedelta(days=k),
            feature,
            float(x),
            None,
            "good",
            "band/" + ("new" if k >= switch else "old"),
        )
        for k, day in enumerate(value)
        for feature, x in zip(MEASURED, day, strict=True)
        if not np.isnan(x)
    ]


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    staging = tmp_path / "staging"
    staging.mkdir()
    return tmp_path / "one.duckdb", staging


ONE = load(load(live(110, 3), slice(60, 68), 2.0), slice(95, 100), 2.5)
TWO = live(80, 4)
LIVES = {"p-one": ONE, "p-two": TWO}
ROWS = [*rows_of("p-one", ONE), *rows_of("p-two", TWO, switch=50)]


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("once")
    put(folder / "w.duckdb", folder, ROWS)
    run(folder / "w.duckdb", folder)
    assert ask(folder / "w.duckdb", "select count(*) from model.alert where alert")[0][0] >= 2
    return results(folder / "w.duckdb")


def test_every_scored_day_is_followed_and_says_why_it_does_not_count(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    put(warehouse, staging, ROWS)
    run(warehouse, staging)
    both = ask(warehouse, "select count(*) from model.alert join model.index_day using (participant, day)")
    assert both == [(190,)]
    odd = "select count(*) from model.alert where (alert is null) <> (reason is not null)"
    assert ask(warehouse, odd) == [(0,)]
    reasons = ask(warehouse, "select reason, count(*) from model.alert where day < '2020-02-01' group by 1")
    # Five days without an index and nine more until 14 days are known, of both.
    assert dict(reasons) == {"no index that day": 10, "the usual is not settled yet": 18, None: 34}


def observe_stored(warehouse: Path, name: str) -> tuple[Observed, list[Any]]:
    """All stored days of one person, as arrays, with the weekday counted by hand."""
    with open_warehouse(warehouse, read_only=True) as con:
        days = con.execute(
            "select day, latent, latent_sd, state from model.index_day where participant = ? order by day",
            [name],
        ).fetchall()
        parts = con.execute(
            "select day, feature, z, contribution from model.contribution where participant = ?", [name]
        ).fetchall()
    place = {row[0]: k for k, row in enumerate(days)}
    z, contribution = np.full((2, 1, len(days), len(P.features)), np.nan)
    for day, feature, own, part in parts:
        z[0, place[day], P.features.index(feature)] = own
        contribution[0, place[day], P.features.index(feature)] = part

    def column(k: int) -> Real:
        return np.array([[np.nan if row[k] is None else row[k] for row in days]])

    number = np.array([[(row[0] - date(1970, 1, 1)).days for row in days]])
    weekend = np.array([[row[0].isoweekday() > 5 for row in days]])
    settled = np.array([[row[3] == "settled" for row in days]])
    yes = np.ones(settled.shape, dtype=bool)
    return Observed(number, weekend, column(1), column(2), z, contribution, settled, yes), days


def test_alerts_are_those_of_following_the_stored_index_from_the_first_day(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    for start, stop in ((0, 61), (61, 64), (64, 110)):
        first, last = (FIRST + timedelta(days=k) for k in (start, stop))
        put(warehouse, staging, [r for r in ROWS if first <= r[1] < last])
        run(warehouse, staging)
    for name in LIVES:
        observed, days = observe_stored(warehouse, name)
        _, expected = follow(start_watch(1, len(P.features)), observed, P)
        got = ask(
            warehouse,
            "select day, level, coalesce(alert, false), since_day, cause_1, cause_2, cause_3 from model.alert"
            f" where participant = '{name}' order by day",
        )
        for k, (day, level, alert, since, *causes) in enumerate(got):
            assert (day, level, alert) == (days[k][0], expected.level[0, k], expected.alert[0, k])
            place = int(expected.since[0, k])
            assert since == (None if place == NO_DAY else date(1970, 1, 1) + timedelta(days=place))
            named = [None if c == NO_FEATURE else P.features[c] for c in expected.causes[0, k]]
            assert causes == named
        if name == "p-one":
            told = [row[0] for row in got if row[2]]
            assert FIRST + timedelta(days=60) <= told[0] < FIRST + timedelta(days=68)


@settings(max_examples=4, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_order_of_loading_and_any_nights_give_the_same_tables(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, at_once: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    cuts = sorted(data.draw(st.sets(st.integers(1, 109), min_size=1, max_size=2)))
    spans = list(zip([0, *cuts], [*cuts, 110], strict=True))
    order = data.draw(st.permutations(spans))
    until = data.draw(st.sampled_from([*range(20, 110, 7), None]))
    batch, people = data.draw(st.sampled_from([(13, 1), (2500, 200)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verb, "CASES_AT_ONCE", batch)
        patch.setattr(watch, "PEOPLE_AT_ONCE", people)
        for start, stop in order:
            first, last = (FIRST + timedelta(days=k) for k in (start, stop))
            put(folder / "w.duckdb", folder, [r for r in ROWS if first <= r[1] < last])
            run(folder / "w.duckdb", folder, before=EVER if until is None else FIRST + timedelta(days=until))
        run(folder / "w.duckdb", folder)
    assert results(folder / "w.duckdb") == at_once


def test_a_late_heavy_week_moves_every_alert_after_it_and_leaves_no_stale_row(
    paths: tuple[Path, Path], at_once: dict[str, str]
) -> None:
    warehouse, staging = paths
    put(warehouse, staging, rows_of("p-two", TWO, switch=50))
    put(warehouse, staging, rows_of("p-one", load(ONE, slice(60, 68), -2.0)))
    run(warehouse, staging)
    early = "select count(*) from model.alert where alert and day between '2020-03-01' and '2020-03-08'"
    assert ask(warehouse, early) == [(0,)]
    put(warehouse, staging, [r for r in rows_of("p-one", ONE) if r[1] >= FIRST + timedelta(days=60)][: 8 * 4])
    run(warehouse, staging)
    assert ask(warehouse, early) == [(1,)]
    assert results(warehouse) == at_once


def test_a_new_device_that_reads_variability_fifteen_ms_lower_is_no_alarm(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    rows = []
    for k in range(12):
        value = live(90, 20 + k)
        value[50:, 1] = np.log(np.maximum(np.exp(value[50:, 1]) - 15, 5))
        rows += rows_of(f"p-{k}", value, switch=50)
    put(warehouse, staging, rows)
    run(warehouse, staging, [f"p-{k}" for k in range(12)])
    after = "from model.alert where day >= '2020-02-20'"
    waiting = f"select count(*), max(level), bool_or(alert) {after} and day < '2020-03-05'"
    assert ask(warehouse, waiting) == [(168, 0.0, None)]
    assert ask(warehouse, f"select count(*) {after} and alert")[0][0] <= 1
    named = ask(warehouse, f"select count(*) {after} and cause_1 = 'ln_rmssd_night' and level > 3")
    assert named[0][0] <= 2


def hours_of(name: str, days: int, evenings: slice) -> Iterator[Hour]:
    """A watch worn from 7 to 22 and asleep at 6, but on some days from 18 on only."""
    for k in range(days):
        bare = k in range(days)[evenings]
        for hour in range(18 if bare else 6, 22):
            yield name, FIRST + timedelta(days=k), hour, 60.0, 60.0 if hour == 6 else 0.0


def test_days_worn_at_other_hours_are_of_low_quality_and_not_followed(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    evenings = slice(40, 46)
    heavy = load(live(60, 9), evenings, 3.0)
    plain, worn = "p-one", "p-two"
    put(
        warehouse,
        staging,
        [*rows_of(plain, heavy), *rows_of(worn, heavy)],
        hours=hours_of(worn, 60, evenings),
    )
    run(warehouse, staging)
    told = "select participant, count(*) from model.alert where alert and day between '2020-02-10' and '2020-02-16'"
    assert dict(ask(warehouse, f"{told} group by 1")) == {plain: 1}
    low = ask(
        warehouse,
        'select day, wear_distance, quality, reason, "index" is not null from model.index_day where wear_differs',
    )
    assert [row[0] for row in sorted(low)] == [FIRST + timedelta(days=k) for k in range(40, 46)]
    # Usual: 15 hours a day; 11 of them are not worn. Later the evenings are part of what is usual.
    assert low[0][1] == pytest.approx(11 / 15)
    assert {row[2:] for row in low} == {("low", "worn at other hours than usual", True)}
    unknown = "select participant, count(*) from model.index_day where wear_distance is null group by 1"
    assert dict(ask(warehouse, unknown)) == {plain: 60, worn: 7}  # seven days to compare with
    held = ask(
        warehouse,
        f"select distinct level, reason from model.alert where participant = '{worn}'"
        " and day between '2020-02-10' and '2020-02-15'",
    )
    assert len(held) == 1
    assert held[0][1] == "worn at other hours than usual"


def test_night_signal_looks_at_nights_of_one_device(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    value = np.full((14, len(MEASURED)), np.nan)
    value[:, 0] = [55, 56, 54, 55, 55, 56, 54, 58, 58, 59.5, 59.5, 55, 65, 65]
    put(warehouse, staging, rows_of("p-one", value, switch=12))
    run(warehouse, staging)
    got = [row[0] for row in ask(warehouse, "select night_signal from model.alert order by day")]
    # Nine nights are needed; then 58, 58 over 55, one of them again, and 59.5 twice over 55.
    assert got == [None] * 8 + [1, 1, 2, 0, None, None]


def test_a_step_is_told_once_with_its_levels_and_its_week_whatever_the_nights(
    paths: tuple[Path, Path], tmp_path: Path
) -> None:
    warehouse, staging = paths
    value = live(260, 5)
    at = (date(2020, 6, 1) - FIRST).days  # a Monday
    value[at:, 0] += 6.0
    rows = [r for r in rows_of("p-one", value) if r[2] == "rhr_night"]
    put(warehouse, staging, rows)
    run(warehouse, staging)
    told = ask(
        warehouse,
        'select day, kind, start, "end", since, probability from model.shift where shifted order by day',
    )
    steps = [row for row in told if row[1] == "step"]
    assert len(steps) == 1
    day, _, start, end, since, probability = steps[0]
    assert day == date(2020, 6, 15)  # after two weeks
    assert since == date(2020, 6, 1)
    assert start == pytest.approx(value[:at, 0].mean(), abs=1.0)
    assert end == pytest.approx(value[at : at + 14, 0].mean(), abs=0.7)
    assert probability > 0.9
    assert {row[0].isoweekday() for row in ask(warehouse, "select day from model.shift")} == {1}

    nightly = tmp_path / "nightly.duckdb"
    stops = [date(2020, 8, 1), date(2020, 3, 4), date(2020, 6, 2), date(2020, 6, 9), date(2020, 6, 16), EVER]
    done: set[date] = set()
    for stop in stops:  # what is before August comes late, in pieces; then all the rest
        some = (
            {r[1] for r in rows if r[1] < stop} - done
            if stop != stops[0]
            else {r[1] for r in rows if date(2020, 7, 1) <= r[1] < stop}
        )
        put(nightly, staging, [r for r in rows if r[1] in some])
        run(nightly, staging)
        done |= some
    assert results(nightly) == results(warehouse)


def test_a_slow_rise_is_named_and_a_new_device_is_not_a_rise(
    paths: tuple[Path, Path], tmp_path: Path
) -> None:
    warehouse, staging = paths
    slow, device = live(330, 6), live(330, 7)
    slow[:, 0] += 7 * np.clip((np.arange(330) - 120) / 150, 0, 1)
    device[200:, 0] += 7
    rows = [*rows_of("p-one", slow), *rows_of("p-two", device, switch=200)]
    rows = [r for r in rows if r[2] == "rhr_night"]
    put(warehouse, staging, rows)
    run(warehouse, staging)
    told = ask(warehouse, 'select participant, kind, "end" - start from model.shift where shifted')
    assert {row[0] for row in told} == {"p-one"}
    assert all(row[2] > 0 for row in told)
    assert sum(row[2] for row in told if row[1] == "slow") > 2
    assert 1 <= sum(row[1] == "slow" for row in told) <= 3  # not every week while it rises
    segments = ask(warehouse, "select distinct segment from model.shift where participant = 'p-two'")
    assert sorted(segments) == [("band/new",), ("band/old",)]

    cut = tmp_path / "cut.duckdb"
    last = FIRST + timedelta(days=205)  # a Friday of the new device's first week
    put(cut, staging, [r for r in rows if r[1] < last])
    run(cut, staging)
    put(cut, staging, [r for r in rows if r[1] >= last])
    run(cut, staging)
    assert results(cut) == results(warehouse)


def test_a_listed_firmware_opens_a_segment_of_the_same_source(
    paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, staging = paths
    since = FIRST + timedelta(days=30)
    era = Era("old", "rhr_night", (since - date(1970, 1, 1)).days, "2", "made up")
    monkeypatch.setattr(verb, "load_eras", lambda: (era,))
    put(warehouse, staging, rows_of("p-one", live(50, 8)))
    run(warehouse, staging)
    found = ask(
        warehouse,
        f"select distinct feature = 'rhr_night', day >= '{since}', segment, source from model.baseline order by all",
    )
    assert found == [
        (False, False, "band/old", "band/old"),
        (False, True, "band/old", "band/old"),
        (True, False, "band/old", "band/old"),
        (True, True, "band/old@2", "band/old"),
    ]
    n_obs = ask(
        warehouse, f"select n_obs from model.baseline where feature = 'rhr_night' and day = '{since}'"
    )
    assert n_obs == [(0,)]
    assert ask(warehouse, "select distinct source from model.index_day") == [("band/old",)]


def test_an_older_warehouse_keeps_its_index_and_everybody_is_followed_from_their_first_day(
    tmp_path: Path,
) -> None:
    *old, new = (m for m in list_migrations() if m.version <= 4)
    with duckdb.connect(str(tmp_path / "old.duckdb")) as con:
        for migration in old:
            con.execute(migration.sql)
        con.execute(
            "insert into model.index_day by name"
            " select 'p-' || p as participant, date '2020-01-01' + d::integer as day,"
            " 50.0 + d as \"index\", 'good' as quality, 'models-1' as method_version from range(2) a(p), range(3) b(d)"
        )
        con.execute("insert into meta.due values ('p-1', '2020-01-01', 'models', 'features changed')")
        con.execute(new.sql)
        kept = con.execute(
            'select count(*), sum("index"), count(wear_differs) from model.index_day'
        ).fetchall()
        dues = con.execute("select participant, day, stage from meta.due order by 1").fetchall()
    assert kept == [(6, 306.0, 0)]
    assert dues == [(f"p-{k}", date(2020, 1, 1), "models") for k in range(2)]
