"""What a person said of their days: taken in, kept as a feature, and compared with the index every Monday."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from fitbit_export import load_into, write_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from score_rows import EVER, Row, ask, put, results, run
from score_rows import NOW as NIGHT
from signal_rows import NOW, ZONE, day_rows, instant, load_rows, offset_min

from features import catalog, compute
from features.felt import gather_said, measure_felt
from models import score as verb
from models.agreement import compare_feeling, try_weights
from models.parameters import load_parameters
from warehouse.commit import commit
from warehouse.erase import erase
from warehouse.publish import publish
from warehouse.store import open_warehouse

P = load_parameters()
FIRST = date(2020, 1, 1)  # a Wednesday
MEASURED = ("rhr_night", "ln_rmssd_night", "sleep_short", "ahr_day")
DAYS = 215
Real = NDArray[np.float64]

# The feature


def said_rows(*rows: tuple[int, str, float]) -> pa.Table:
    day, stream, value = zip(*rows, strict=True)
    return pa.table({"day": pa.array(day, pa.int32()), "stream": stream, "value": value})


def test_a_day_s_felt_stress_is_the_mean_of_all_that_was_said_on_it() -> None:
    found = gather_said(
        said_rows((5, "diary/unknown", 3.0), (5, "diary/unknown", 4.0), (5, "app/a", 8.0), (9, "app/a", 2.0))
    )
    assert sorted(found) == [5, 9]
    measure, source = found[5].felt
    assert (measure.value, measure.n_obs, measure.reason, measure.coverage) == (5.0, 3, None, None)
    assert source == "app/a, diary/unknown"
    assert measure_felt(found[9])[0].value == 2.0
    nothing, nowhere = measure_felt(None)
    assert (nothing.value, nothing.reason, nothing.n_obs, nowhere) == (None, "no check-in that day", 0, None)
    assert gather_said(said_rows((1, "a/b", 1.0)).slice(0, 0)) == {}


def test_the_mark_of_a_day_tells_other_answers_apart() -> None:
    rows = [(5, "a/b", 3.0), (5, "a/b", 4.0)]
    same = gather_said(said_rows(*rows))[5].mark
    assert gather_said(said_rows(*rows, (6, "a/b", 1.0)))[5].mark == same
    assert gather_said(said_rows(rows[0], (5, "a/b", 4.5)))[5].mark != same
    assert gather_said(said_rows(rows[0], (5, "a/c", 4.0)))[5].mark != same


WORN = [date(2020, 3, 20) + timedelta(days=k) for k in range(8)]
PERSON, SILENT = "p-aaaaaa", "p-bbbbbb"


def checkin(
    name: str, day: date, hour: float, value: float | None, scale: str = "felt_stress"
) -> dict[str, Any]:
    moment = instant(day, hour)
    return {
        "participant": name,
        "source": "diary",
        "device": "unknown",
        "scale": scale,
        "t_utc": moment,
        "offset_min": offset_min(moment),
        "value": value,
        "label": None if value is not None else "calm",
    }


def said(*rows: dict[str, Any]) -> dict[str, list[dict[str, object]]]:
    return {"signal.checkin": list(rows)}


def compute_due(warehouse: Path, *people: str) -> int:
    """Compute and commit; how many participant-days were written."""
    far = date(2020, 8, 1)
    folder = compute.compute(warehouse, warehouse.parent / "s", participants=people or (PERSON,), before=far)
    return commit(warehouse, [folder], now=NOW).partitions if folder else 0


BARE = WORN[-1] + timedelta(days=6)
ALONE = "p-cccccc"
ANSWERS = (
    checkin(PERSON, WORN[3], 0.5, 3.0),  # the day before by UTC
    checkin(PERSON, WORN[3], 23.8, 6.0),
    checkin(PERSON, WORN[3], 12, 80.0, "who5"),
    checkin(PERSON, WORN[4], 12, None, "mood"),
    checkin(PERSON, BARE, 9, 7.0),
    checkin(ALONE, WORN[0], 9, 1.0),
)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One who wore a watch for eight days and answered, one who did not answer, one who only answered."""
    warehouse = tmp_path_factory.mktemp("computed") / "w.duckdb"
    wear = [day_rows(p, day) for p in (PERSON, SILENT) for day in WORN]
    load_rows(warehouse, participants=(PERSON, SILENT, ALONE), parts=[*wear, said(*ANSWERS)])
    compute_due(warehouse, PERSON, SILENT, ALONE)
    return warehouse


def test_answers_count_on_their_local_day_and_every_other_day_says_that_there_was_none(
    computed: Path,
) -> None:
    rows = ask(
        computed,
        "select day, value, n_obs, reason, source from feature.value"
        f" where participant = '{PERSON}' and feature = 'felt_stress' order by day",
    )
    there = {row[0]: row[1:] for row in rows}
    assert there.pop(WORN[3]) == (4.5, 2, None, "diary/unknown")
    assert there.pop(BARE) == (7.0, 1, None, "diary/unknown")
    assert set(there.values()) == {(None, 0, "no check-in that day", None)}
    assert len(there) == 12


def test_an_answer_on_a_day_without_wear_is_kept_and_no_wear_is_made_up(computed: Path) -> None:
    of_days = [f.feature for f in catalog.FEATURES if f.grain == "day"]
    for name, day, felt in ((PERSON, BARE, 7.0), (ALONE, WORN[0], 1.0)):
        of_day = f"participant = '{name}' and day = '{day}'"
        value = dict(ask(computed, f"select feature, value from feature.value where {of_day}"))
        assert {feature: value[feature] for feature in of_days if value[feature]} == {"felt_stress": felt}
        assert (value["worn_min"], value["valid_day"], value["steps"]) == (0, 0, None)
        worn = f"select coalesce(sum(worn_min), 0), count(hr_bpm) from feature.hour where {of_day}"
        assert ask(computed, worn) == [(0.0, 0)]


def test_answers_change_no_other_value_and_no_hash_of_another_day(computed: Path) -> None:
    both = (
        "select count(*), count(*) filter (where a.value is distinct from b.value),"
        " count(*) filter (where a.input_hash <> b.input_hash), max(a.day) filter (where a.input_hash <> b.input_hash)"
        " from feature.value a join feature.value b using (day, feature)"
        f" where a.participant = '{PERSON}' and b.participant = '{SILENT}' and feature <> 'felt_stress'"
    )
    rows, differing, hashed, last = ask(computed, both)[0]
    others = sum(f.grain != "window" for f in catalog.FEATURES) - 1
    assert rows == 9 * others
    assert (differing, hashed, last) == (0, others, WORN[3])


def test_a_changed_answer_makes_its_days_due_for_features_and_models_and_nothing_changes_by_itself(
    tmp_path: Path,
) -> None:
    warehouse = tmp_path / "w.duckdb"
    load_rows(
        warehouse, participants=[PERSON], parts=[*(day_rows(PERSON, d) for d in WORN), said(*ANSWERS[:2])]
    )
    compute_due(warehouse)
    run(warehouse, tmp_path / "s", [PERSON])
    assert ask(warehouse, "select * from meta.due where stage in ('features', 'models')") == []
    load_rows(warehouse, participants=[PERSON], parts=[said(ANSWERS[0])], export=1)  # the same again
    assert ask(warehouse, "select * from meta.due where stage = 'features'") == []
    again = [said(checkin(PERSON, WORN[3], 0.5, 2.0))]
    load_rows(warehouse, participants=[PERSON], parts=again, export=2)
    assert ask(warehouse, "select day from meta.due where stage = 'features'") == [(WORN[3],)]
    compute_due(warehouse)
    assert ask(warehouse, "select day from meta.due where stage = 'models'") == [(WORN[3],)]
    felt = f"select value from feature.value where feature = 'felt_stress' and day = '{WORN[3]}'"
    assert ask(warehouse, felt) == [(4.0,)]


def test_a_warehouse_of_the_last_method_gets_the_feature_on_every_day(computed: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    warehouse.write_bytes(computed.read_bytes())
    with open_warehouse(warehouse) as con:
        con.execute("delete from feature.value where feature = 'felt_stress'")
        con.execute("update feature.value set method_version = 'features-2'")
        con.execute("delete from meta.due")
    assert compute_due(warehouse, PERSON, SILENT, ALONE) == 14 + 9 + 1
    felt = (
        "select participant, day, value, reason from feature.value where feature = 'felt_stress' order by all"
    )
    assert ask(warehouse, felt) == ask(computed, felt)
    due = "select participant, count(*) from meta.due where stage = 'models' group by 1 order by 1"
    assert ask(warehouse, due) == [(PERSON, 14), (SILENT, 9), (ALONE, 1)]


# Agreement


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    staging = tmp_path / "staging"
    staging.mkdir()
    return tmp_path / "one.duckdb", staging


def live(seed: int, days: int = DAYS) -> Real:
    """Values (days, measured) of somebody whose usual and spread are the population's."""
    rng = np.random.default_rng(seed)
    at = [P.features.index(name) for name in MEASURED]
    z = rng.standard_normal((days, len(at))) @ np.linalg.cholesky(0.8 * np.eye(len(at)) + 0.2).T
    return np.asarray(P.prior_mean[at] + P.prior_within[at] * z)


def rows_of(name: str, value: Real, felt: Real | None = None) -> list[Row]:
    """Rows of feature.value of a band, with what was said from day to day; NaN is left out."""
    columns = value if felt is None else np.column_stack((value, felt))
    sources = dict.fromkeys(MEASURED, "band/x") | {"felt_stress": "diary/unknown"}
    return [
        (name, FIRST + timedelta(days=k), feature, float(x), None, "good", sources[feature])
        for k, day in enumerate(columns)
        for feature, x in zip((*MEASURED, "felt_stress"), day, strict=False)
        if not np.isnan(x)
    ]


def answer(signal: Real, seed: int, silent: float = 0.15) -> Real:
    """Whole numbers from 0 to 10, not every day."""
    rng = np.random.default_rng(seed)
    given = np.clip(np.round(4 + 2 * signal), 0, 10)
    return np.where(rng.random(len(signal)) < silent, np.nan, given)


def noise(seed: int) -> Real:
    return np.random.default_rng(seed).standard_normal(DAYS)


def read_index(warehouse: Path, name: str) -> Real:
    """Index of each day over its usual spread, NaN where there is none."""
    rows = ask(
        warehouse,
        f"select latent / latent_sd from model.index_day where participant = '{name}' order by day",
    )
    return np.array([np.nan if row[0] is None else row[0] for row in rows])


ONE, TWO, ODD = live(3), live(4), live(5)
PEOPLE = ("p-follows", "p-noise", "p-few", "p-mute", "p-one")


@pytest.fixture(scope="module")
def latent(tmp_path_factory: pytest.TempPathFactory) -> Real:
    folder = tmp_path_factory.mktemp("latent")
    put(folder / "w.duckdb", folder, rows_of("p-follows", ONE))
    run(folder / "w.duckdb", folder, ["p-follows"])
    return np.nan_to_num(read_index(folder / "w.duckdb", "p-follows"))


@pytest.fixture(scope="module")
def felt(latent: Real) -> dict[str, Real]:
    """What each person said: of the index, of nothing, of nothing and seldom, and of one feature alone."""
    few = answer(noise(13), 13)
    few[np.cumsum(~np.isnan(few)) > 34] = np.nan
    usual = P.prior_within[P.features.index("sleep_short")]
    sleep = (ODD[:, 2] - ODD[:, 2].mean()) / usual
    return {
        "p-follows": answer(0.8 * latent + 0.6 * noise(11), 11),
        "p-noise": answer(noise(12), 12),
        "p-few": few,
        "p-one": answer(0.9 * sleep + 0.3 * noise(14), 14),
    }


@pytest.fixture(scope="module")
def rows(felt: dict[str, Real]) -> list[Row]:
    value = {"p-follows": ONE, "p-noise": TWO, "p-few": TWO, "p-one": ODD, "p-mute": TWO}
    return [row for name in PEOPLE for row in rows_of(name, value[name], felt.get(name))]


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> Path:
    folder = tmp_path_factory.mktemp("once")
    put(folder / "w.duckdb", folder, rows)
    run(folder / "w.duckdb", folder, PEOPLE)
    return folder / "w.duckdb"


def judged(warehouse: Path, name: str) -> list[tuple[Any, ...]]:
    """Day, checkins and verdict of each Monday; lag 0 and lag 1 must say the same."""
    found = ask(
        warehouse,
        "select day, checkins, verdict, count(*), count(distinct lag), min(needed) from model.agreement"
        f" where participant = '{name}' group by all order by day",
    )
    assert all(row[3:] == (2, 2, 30) for row in found)
    return [row[:3] for row in found]


def test_who_feels_like_their_index_is_told_so_and_who_does_not_is_told_that(at_once: Path) -> None:
    last = {name: judged(at_once, name)[-1] for name in PEOPLE[:3]}
    assert last["p-follows"][2] == "follows"
    assert last["p-noise"][2] == "does_not_follow"
    assert last["p-follows"][0] == date(2020, 7, 27)
    rho, lo, hi = ask(
        at_once,
        "select rho, lo, hi from model.agreement where participant = 'p-follows' and day = '2020-07-27' and lag = 0",
    )[0]
    assert 0.6 < rho < 0.9
    assert lo < rho < hi
    later = "select bool_or(lo > 0) from model.agreement where participant = 'p-follows' and lag = 1"
    assert ask(at_once, later) == [(False,)]


def test_nothing_is_told_before_thirty_check_ins_and_they_are_counted(
    at_once: Path, felt: dict[str, Real]
) -> None:
    index = read_index(at_once, "p-few")
    both = ~np.isnan(index) & ~np.isnan(felt["p-few"])
    found = judged(at_once, "p-few")
    for day, checkins, verdict in found:
        assert day.isoweekday() == 1
        place = (day - FIRST).days
        assert checkins == both[max(0, place - 182) : place].sum()
        assert (verdict == "cannot_tell_yet") == (checkins < 30)
    assert found[0] == (date(2020, 1, 6), 0, "cannot_tell_yet")  # no index before the sixth day
    assert {row[2] for row in found} == {"cannot_tell_yet", "does_not_follow"}
    odd = "select count(*) from model.agreement where (rho is null) <> (pairs < 30)"
    assert ask(at_once, odd) == [(0,)]


def test_who_said_nothing_has_no_row_and_what_is_older_than_half_a_year_is_forgotten(
    paths: tuple[Path, Path], at_once: Path
) -> None:
    assert judged(at_once, "p-mute") == []
    warehouse, staging = paths
    early = np.full(DAYS, np.nan)
    early[:3] = 5.0  # until 3 January
    put(warehouse, staging, rows_of("p-early", TWO, early))
    run(warehouse, staging, ["p-early"])
    days = [row[0] for row in judged(warehouse, "p-early")]
    assert (days[0], days[-1]) == (date(2020, 1, 6), date(2020, 6, 29))  # 3 July is 182 days after 3 January
    assert {row[1] for row in judged(warehouse, "p-early")} == {0}


def test_stored_rows_are_what_the_functions_say_of_the_stored_index_and_parts(at_once: Path) -> None:
    name = "p-one"
    index = read_index(at_once, name)
    said_by_day, part = np.full(DAYS, np.nan), np.full((DAYS, len(P.features)), np.nan)
    for day, value in ask(
        at_once,
        f"select day, value from feature.value where feature = 'felt_stress' and participant = '{name}'",
    ):
        said_by_day[(day - FIRST).days] = value
    for day, feature, value in ask(
        at_once,
        "select day, feature, contribution / latent_sd from model.contribution join model.index_day"
        f" using (participant, day) where participant = '{name}'",
    ):
        part[(day - FIRST).days, P.features.index(feature)] = value
    compared = tried = 0
    for monday in range(5, DAYS, 7):
        day = FIRST + timedelta(days=monday)
        before = slice(max(0, monday - 182), monday)
        expected = compare_feeling(index[before], said_by_day[before], P.agreement)
        got = ask(
            at_once,
            "select pairs, rho, lo, hi, verdict from model.agreement"
            f" where participant = '{name}' and day = '{day}' order by lag",
        )
        for lag, row in enumerate(got):
            numbers = np.array([expected.rho[lag], expected.lo[lag], expected.hi[lag]])
            assert row[0] == expected.pairs[lag]
            assert np.array(row[1:4], float) == pytest.approx(numbers, abs=1e-8, nan_ok=True)
            assert row[4] == expected.verdict
            compared += 1
        weights = try_weights(part[before], said_by_day[before], P.weight, P.agreement)
        stored = ask(
            at_once,
            "select feature, weight, published_weight, better, tested, pairs, mae_personal, mae_fixed, mae_mean"
            f" from model.personal_weight where participant = '{name}' and day = '{day}'",
        )
        assert len(stored) == (len(P.features) if expected.checkins >= 60 else 0)
        for feature, weight, published, *rest in stored:
            place = P.features.index(feature)
            assert weight == (pytest.approx(weights.weight[place], abs=1e-8) if weights.better else None)
            assert published == pytest.approx(P.weight[place])
            assert rest[:3] == [weights.better, weights.tested, expected.checkins]
            errors = [weights.mae_personal, weights.mae_fixed, weights.mae_mean]
            assert rest[3:] == pytest.approx(errors, abs=1e-8)
            tried += 1
    assert (compared, tried % len(P.features)) == (60, 0)
    assert tried > 10 * len(P.features)


def test_who_feels_one_feature_alone_gets_personal_weights_and_the_index_stays_the_published_one(
    at_once: Path, tmp_path: Path, rows: list[Row]
) -> None:
    weights = ask(
        at_once,
        "select feature, weight, published_weight from model.personal_weight"
        " where participant = 'p-one' and better and day = '2020-07-27'",
    )
    assert sum(row[1] for row in weights) == pytest.approx(1)
    own = {row[0]: row[1] / row[2] for row in weights}
    assert own["sleep_short"] > 2
    assert own["rhr_night"] < 1
    none = "select count(*), count(weight) from model.personal_weight where participant = 'p-noise' and not better"
    counted, filled = ask(at_once, none)[0]
    assert counted > 0
    assert filled == 0
    put(tmp_path / "w.duckdb", tmp_path, [r for r in rows if r[0] == "p-one" and r[2] != "felt_stress"])
    run(tmp_path / "w.duckdb", tmp_path, ["p-one"])
    index = "select * from model.index_day where participant = 'p-one' order by day"
    assert ask(tmp_path / "w.duckdb", index) == ask(at_once, index)


TABLES = ("model.agreement", "model.personal_weight")


def rows_until(warehouse: Path, name: str, last: date) -> list[list[tuple[Any, ...]]]:
    where = f"participant = '{name}' and day <= '{last}'"
    return [ask(warehouse, f"select * from {table} where {where} order by all") for table in TABLES]


@pytest.mark.parametrize("monday", [date(2020, 3, 30), date(2020, 7, 6)])
def test_nothing_said_or_measured_on_a_monday_or_later_changes_what_was_told_by_then(
    paths: tuple[Path, Path], at_once: Path, felt: dict[str, Real], monday: date
) -> None:
    warehouse, staging = paths
    place = (monday - FIRST).days
    value, others = ONE.copy(), felt["p-follows"].copy()
    value[place:] = live(99)[place:]
    others[place:] = 10 - np.nan_to_num(others[place:])
    put(warehouse, staging, rows_of("p-follows", value, others))
    run(warehouse, staging, ["p-follows"])
    before = rows_until(warehouse, "p-follows", monday)
    assert before[0][-1][1] == monday
    assert before == rows_until(at_once, "p-follows", monday)
    after = monday + timedelta(days=7)
    assert rows_until(warehouse, "p-follows", after) != rows_until(at_once, "p-follows", after)
    # The day before is seen.
    others[place - 1] = 10 - np.nan_to_num(others[place - 1])
    put(warehouse, staging, rows_of("p-follows", value, others))
    run(warehouse, staging, ["p-follows"])
    assert rows_until(warehouse, "p-follows", monday)[0][-1] != before[0][-1]


@settings(max_examples=3, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_nights_any_batch_and_any_order_give_the_same_tables(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, at_once: Path, rows: list[Row]
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    people = ("p-follows", "p-one", "p-few", "p-mute")
    cuts = sorted(data.draw(st.sets(st.integers(30, DAYS - 3), min_size=2, max_size=4)))
    spans = list(zip([0, *cuts], [*cuts, DAYS], strict=True))
    order = data.draw(st.permutations(spans))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verb, "CASES_AT_ONCE", data.draw(st.sampled_from([37, 2500])))
        for start, stop in order:
            first, last = (FIRST + timedelta(days=k) for k in (start, stop))
            put(folder / "w.duckdb", folder, [r for r in rows if first <= r[1] < last and r[0] in people])
            if data.draw(st.booleans()):
                run(folder / "w.duckdb", folder, data.draw(st.permutations(people)))
        run(folder / "w.duckdb", folder, people)
    for name in people:
        assert rows_until(folder / "w.duckdb", name, EVER) == rows_until(at_once, name, EVER)


def test_night_after_night_gives_what_one_run_gives_and_a_late_answer_is_taken_in(
    paths: tuple[Path, Path], at_once: Path, rows: list[Row]
) -> None:
    warehouse, staging = paths
    mine = [r for r in rows if r[0] == "p-follows"]
    late, nights = date(2020, 7, 11), [date(2020, 7, 11) + timedelta(days=k) for k in range(4)]
    put(warehouse, staging, [r for r in mine if r[1] < late])
    run(warehouse, staging, ["p-follows"])
    for day in nights:  # Saturday to Tuesday
        put(warehouse, staging, [r for r in mine if r[1] == day and (r[1], r[2]) != (late, "felt_stress")])
        assert run(warehouse, staging, ["p-follows"], before=day + timedelta(days=1))
    put(warehouse, staging, [r for r in mine if r[1] > nights[-1]])
    run(warehouse, staging, ["p-follows"])
    silent, once = (rows_until(w, "p-follows", EVER) for w in (warehouse, at_once))
    assert [len(some) for some in silent] == [len(some) for some in once]
    told = [[row for row in some[0] if row[1] < late] for some in (silent, once)]
    assert told[0] == told[1]
    assert all(row not in silent[0] for row in once[0] if row[1] > late)
    put(warehouse, staging, [r for r in mine if r[1] == late])
    run(warehouse, staging, ["p-follows"])
    assert rows_until(warehouse, "p-follows", EVER) == once


def test_what_was_said_stays_with_the_person_and_goes_with_them(at_once: Path, tmp_path: Path) -> None:
    warehouse, target = tmp_path / "w.duckdb", tmp_path / "published.duckdb"
    warehouse.write_bytes(at_once.read_bytes())
    with open_warehouse(warehouse) as con:
        con.execute(
            "insert into meta.consent select p, 'research', 1, true, '1', ? from unnest(?) t(p)",
            [NIGHT, PEOPLE],
        )
        con.execute(
            "insert into meta.participant (participant, timezone) select p, 'UTC' from unnest(?) t(p)",
            [PEOPLE],
        )
        con.execute(
            "insert into feature.catalog (feature, grain) values ('felt_stress', 'day'), ('ahr_day', 'day')"
        )
    publish(warehouse, target, now=NIGHT)
    with duckdb.connect(str(target), read_only=True) as con:
        there = con.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
        ).fetchall()
        assert not {(name,) for name in TABLES} & set(there)
        assert ("model.index_day",) in there
        features = con.execute("select distinct feature from feature.value order by 1").fetchall()
        assert [name for (name,) in features] == sorted(MEASURED)
        assert con.execute("select feature from feature.catalog").fetchall() == [("ahr_day",)]
        columns = con.execute("select column_name from (describe feature.day)").fetchall()
        assert columns == [("participant",), ("day",), ("ahr_day",)]
    kept = {t: ask(warehouse, f"select * from {t} where participant <> 'p-one' order by all") for t in TABLES}
    erase(warehouse, "p-one", files=0, now=NIGHT)
    for table in TABLES:
        assert ask(warehouse, f"select * from {table} order by all") == kept[table]
        assert kept[table]


# The whole road


def write_answers(path: Path, answers: Sequence[tuple[date, float]], written: datetime) -> Path:
    lines = ["date,time,scale,value", *(f"{day},20:15,felt_stress,{value:g}" for day, value in answers)]
    return write_folder(path, {"checkins.csv": "\n".join(lines) + "\n"}, written=written)


def test_a_table_of_check_ins_is_loaded_computed_and_judged_and_a_corrected_one_judged_anew(
    tmp_path: Path,
) -> None:
    warehouse = tmp_path / "w.duckdb"
    days = [date(2020, 3, 20) + timedelta(days=k) for k in range(19)]  # until Tuesday, 7 April
    load_rows(warehouse, participants=[PERSON], parts=[day_rows(PERSON, day) for day in days])
    answers = [(day, float(k % 5 + 2)) for k, day in enumerate(days)]
    first = write_answers(tmp_path / "a", answers, datetime(2020, 6, 1))
    load_into(tmp_path, first, participant=PERSON, timezone=ZONE)

    def work() -> list[tuple[Any, ...]]:
        compute_due(warehouse)
        run(warehouse, tmp_path / "s", [PERSON])
        return ask(
            warehouse,
            "select day, checkins, verdict, source, input_hash from model.agreement where lag = 0 order by day",
        )

    found = work()
    with_index = {
        row[0] for row in ask(warehouse, 'select day from model.index_day where "index" is not null')
    }
    assert len(with_index) > 10
    mondays = [date(2020, 3, 23), date(2020, 3, 30), date(2020, 4, 6)]
    assert [row[:4] for row in found] == [
        (monday, sum(day < monday for day in with_index), "cannot_tell_yet", "diary/unknown")
        for monday in mondays
    ]
    answers[12] = (answers[12][0], 9.0)  # 1 April
    second = write_answers(tmp_path / "b", answers, datetime(2020, 6, 2))
    load_into(tmp_path, second, participant=PERSON)
    again = work()
    assert again[:2] == found[:2]
    assert again[2][:4] == found[2][:4]
    assert again[2][4] != found[2][4]
    assert results(warehouse)
