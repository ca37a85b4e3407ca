"""The verb: what is due is scored, once, with the same bits however the work is cut."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from score_rows import Row, ask, put, results, run

from models import score as verb
from models.parameters import load_parameters
from warehouse.store import open_warehouse

P = load_parameters()
FIRST = date(2020, 1, 1)
MEASURED = ("rhr_night", "sleep_short", "sleep_frag", "cpd", "ahr_day", "arousal_min")


def person(name: str, days: int, *, seed: int, switch: int = 9999) -> list[Row]:
    """Feature values of one person: some missing, some low, some with an error, perhaps two devices."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for k in range(days):
        for f in MEASURED:
            i = P.features.index(f)
            value = float(P.prior_mean[i] + P.prior_within[i] * rng.standard_normal())
            there = rng.random() > 0.15
            se = 0.4 if rng.random() > 0.5 else None
            quality = "low" if rng.random() < 0.1 else "good"
            source = "fitbit_takeout/" + ("versa" if k < switch else "sense")
            day = FIRST + timedelta(days=k)
            rows.append(
                (name, day, f, value, se, quality, source)
                if there
                else (name, day, f, None, None, None, None)
            )
    return rows


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    staging = tmp_path / "staging"
    staging.mkdir()
    return tmp_path / "one.duckdb", staging


TWO = [*person("p-one", 70, seed=1, switch=50), *person("p-two", 30, seed=2)]


def test_every_day_has_a_row_with_an_index_or_a_reason(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    assert run(warehouse, staging)
    rows = ask(warehouse, 'select "index", reason, level, state, quality, show_number from model.index_day')
    assert len(rows) == 100
    assert all((index is None) != (reason is None) for index, reason, *_ in rows)
    assert all(
        (index is None) == (level is None) == (quality is None) for index, _, level, _, quality, _ in rows
    )
    first = ask(
        warehouse,
        "select day, reason, state from model.index_day where participant = 'p-one' order by day limit 2",
    )
    assert first[0] == (FIRST, "learning: 0 of 5 days", "learning")
    assert first[1] == (FIRST + timedelta(days=1), "learning: 1 of 5 days", "learning")
    assert ask(warehouse, "select count(*) from meta.due where stage = 'models'") == [(0,)]


def test_latent_is_the_sum_of_its_contributions_in_sql(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    run(warehouse, staging)
    sums = ask(
        warehouse,
        "select i.latent, sum(c.contribution), any_value(i.n_obs), count(*) from model.index_day i"
        " join model.contribution c using (participant, day) group by i.participant, i.day, i.latent",
    )
    assert len(sums) > 70
    assert all(latent == total and said == counted for latent, total, said, counted in sums)
    unequal = ask(
        warehouse,
        "select count(*) from model.contribution c join model.baseline b using (participant, day, feature)"
        " where c.usual_lo <> b.usual_lo or c.usual_hi <> b.usual_hi or c.source <> b.segment",
    )
    assert unequal == [(0,)]
    assert ask(
        warehouse,
        "select count(*) from model.contribution c"
        " left join feature.value v using (participant, day, feature) where c.value is distinct from v.value",
    ) == [(0,)]


def test_all_at_once_is_day_by_day_is_person_by_person(paths: tuple[Path, Path], tmp_path: Path) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    run(warehouse, staging)
    expected = results(warehouse)

    nightly = tmp_path / "nightly.duckdb"
    cuts = [FIRST + timedelta(days=k) for k in (0, 20, 45, 49, 50, 51, 52, 70)]
    for start, end in pairwise(cuts):
        put(nightly, staging, [r for r in TWO if start <= r[1] < end])
        run(nightly, staging, before=end)
    assert results(nightly) == expected

    apart = tmp_path / "apart.duckdb"
    put(apart, staging, TWO[::-1])
    run(apart, staging, ["p-two"])
    run(apart, staging, ["p-one"])
    assert results(apart) == expected


def test_batches_change_nothing(
    paths: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    run(warehouse, staging)
    monkeypatch.setattr(verb, "CASES_AT_ONCE", 7)
    other = tmp_path / "other.duckdb"
    put(other, staging, TWO)
    run(other, staging)
    assert results(other) == results(warehouse)


def test_late_value_redoes_what_follows_and_moves_43_days_of_the_index(
    paths: tuple[Path, Path], tmp_path: Path
) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    run(warehouse, staging)
    late = FIRST + timedelta(days=10)
    changed = [r if (r[0], r[1], r[2]) != ("p-one", late, "cpd") else (*r[:3], 9.0, *r[4:]) for r in TWO]
    put(warehouse, staging, [r for r in changed if (r[0], r[1]) == ("p-one", late)])
    before = dict(ask(warehouse, "select (participant, day)::varchar, input_hash from model.index_day"))
    run(warehouse, staging)
    after = dict(ask(warehouse, "select (participant, day)::varchar, input_hash from model.index_day"))
    redone = ask(warehouse, "select partitions from meta.run where stage = 'models' order by rowid")
    assert redone == [(100,), (60,)]  # alerts go on to the last day
    assert sum(before[k] != after[k] for k in before) == 43
    fresh = tmp_path / "fresh.duckdb"
    put(fresh, staging, changed)
    run(fresh, staging)
    assert results(fresh) == results(warehouse)


def test_days_from_the_date_on_are_put_off(paths: tuple[Path, Path], tmp_path: Path) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    expected = tmp_path / "expected.duckdb"
    put(expected, staging, TWO)
    run(expected, staging)
    until = FIRST + timedelta(days=25)
    run(warehouse, staging, before=until)
    assert ask(warehouse, "select max(day) from model.index_day") == [(until - timedelta(days=1),)]
    left = ask(
        warehouse, "select participant, min(day) from meta.due where stage = 'models' group by 1 order by 1"
    )
    assert left == [("p-one", until), ("p-two", until)]
    assert not run(warehouse, staging, before=until)
    run(warehouse, staging)
    assert results(warehouse) == results(expected)


def test_change_near_the_date_reaches_days_after_it_later(paths: tuple[Path, Path], tmp_path: Path) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    run(warehouse, staging)
    day = FIRST + timedelta(days=20)
    changed = [(*r[:3], 1.0, *r[4:]) if r[:3] == ("p-two", day, "cpd") else r for r in TWO]
    put(warehouse, staging, [r for r in changed if r[:2] == ("p-two", day)])
    run(warehouse, staging, before=day + timedelta(days=3))
    assert ask(warehouse, "select participant, day from meta.due where stage = 'models'") == [
        ("p-two", day + timedelta(days=3))
    ]
    run(warehouse, staging)
    fresh = tmp_path / "fresh.duckdb"
    put(fresh, staging, changed)
    run(fresh, staging)
    assert results(fresh) == results(warehouse)


def test_nothing_due_is_nothing_done(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    assert not run(warehouse, staging, ["p-nobody"])
    assert run(warehouse, staging)
    assert not run(warehouse, staging)
    assert list(staging.iterdir()) == []


def test_days_whose_features_are_gone_lose_their_rows(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    run(warehouse, staging)
    put(warehouse, staging, [], gone=[("p-two", FIRST + timedelta(days=k)) for k in range(25, 30)])
    run(warehouse, staging)
    last = "select max(day) from {} where participant = 'p-two'"
    for table in ("model.index_day", "model.baseline", "model.contribution", "model.alert"):
        assert ask(warehouse, last.format(table)) == [(FIRST + timedelta(days=24),)]


def test_older_version_of_the_method_is_due_by_itself(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    run(warehouse, staging)
    expected = results(warehouse)
    with open_warehouse(warehouse) as con:
        con.execute("update model.index_day set method_version = 'models-0' where day < '2020-01-11'")
    assert run(warehouse, staging)
    assert results(warehouse) == expected


def test_company_does_not_matter(paths: tuple[Path, Path], tmp_path: Path) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    run(warehouse, staging)
    alone = tmp_path / "alone.duckdb"
    put(alone, staging, [r for r in TWO if r[0] == "p-two"])
    run(alone, staging)
    for table in ("baseline", "index_day", "contribution", "alert", "alert_part", "shift", "shift_run"):
        sql = f"select * from model.{table} where participant = 'p-two' order by all"
        assert ask(warehouse, sql) == ask(alone, sql)


def test_new_device_is_named_and_does_not_restart_learning(paths: tuple[Path, Path]) -> None:
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    run(warehouse, staging)
    switch = FIRST + timedelta(days=50)
    states = ask(
        warehouse,
        f"select distinct state from model.index_day where day >= '{switch}' and \"index\" is not null",
    )
    assert ("learning",) not in states
    rows = ask(
        warehouse,
        f"select distinct segment, day >= '{switch}' from model.baseline where feature = 'rhr_night'"
        " and (participant, day) in (select participant, day from feature.value"
        " where feature = 'rhr_night' and value is not null)",
    )
    assert set(rows) == {("fitbit_takeout/versa", False), ("fitbit_takeout/sense", True)}
    sources = ask(warehouse, 'select distinct source from model.index_day where "index" is not null')
    assert set(sources) == {("fitbit_takeout/versa",), ("fitbit_takeout/sense",)}


def test_numbers_do_not_depend_on_other_segments_names(paths: tuple[Path, Path], tmp_path: Path) -> None:
    """Segments are told apart, never ordered: other names, same numbers."""
    warehouse, staging = paths
    put(warehouse, staging, TWO)
    run(warehouse, staging)
    other = tmp_path / "other.duckdb"
    put(other, staging, [(*r[:6], None if r[6] is None else f"x'; drop table {r[6][::-1]}") for r in TWO])
    run(other, staging)
    sql = 'select participant, day, "index", lo80, hi95, latent from model.index_day order by all'
    assert ask(warehouse, sql) == ask(other, sql)


def test_quality_and_standard_error_reach_the_numbers(paths: tuple[Path, Path], tmp_path: Path) -> None:
    warehouse, staging = paths
    day, before = FIRST + timedelta(days=29), FIRST + timedelta(days=20)
    calm = [(*r[:4], 0.1, "good", r[6]) if r[3] is not None else r for r in TWO if r[0] == "p-two"]
    put(warehouse, staging, calm)
    run(warehouse, staging)

    def changed(name: str, day: date, se: float, quality: str) -> tuple[Any, ...]:
        other = tmp_path / f"{name}.duckdb"
        put(
            other,
            staging,
            [(*r[:4], se, quality, r[6]) if r[1] == day and r[3] is not None else r for r in calm],
        )
        run(other, staging)
        return ask(other, sql)[0]

    sql = (
        "select abs(latent), hi80 - lo80, (select sum(n_effective) from model.baseline b where b.day = i.day)"
        f" from model.index_day i where day = '{day}'"
    )
    plain = ask(warehouse, sql)[0]
    unsure = changed("se", day, 3.0, "good")
    assert unsure[0] == plain[0]
    assert unsure[1] > plain[1]
    low = changed("low", day, 0.1, "low")
    assert low[0] < plain[0]
    assert low[1] > plain[1]
    assert changed("earlier", before, 0.1, "low")[2] < plain[2]


def usable(rows: list[Row]) -> NDArray[np.bool_]:
    return np.array([r[3] is not None for r in rows])


def test_the_fixture_has_gaps_errors_low_values_and_two_devices() -> None:
    assert 0.05 < 1 - usable(TWO).mean() < 0.3
    assert {r[5] for r in TWO} == {"low", "good", None}
    assert {r[4] for r in TWO} == {0.4, None}
    assert len({r[6] for r in TWO}) == 3
