"""The verb: what is due is done, no more, and the same whatever the order, the batch or the night."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_rows import NOW, day_rows, load_rows

from features import catalog, compute, work
from features.work import plan
from warehouse.commit import commit
from warehouse.store import content_hashes, open_warehouse
from warehouse.tables import find_table

FIRST = date(2020, 3, 20)
DAYS = 24
FAR = date(2020, 8, 1)
P, Q = "p-aaaaaa", "p-bbbbbb"


def days(count: int = DAYS, start: date = FIRST) -> list[date]:
    return [start + timedelta(days=i) for i in range(count)]


def run(warehouse: Path, *, before: date = FAR, people: Sequence[str] = (P,)) -> int:
    """Compute and commit; how many participant-days were written."""
    folder = compute.compute(warehouse, warehouse.parent / "staging", participants=people, before=before)
    return commit(warehouse, [folder], now=NOW).partitions if folder else 0


def ask(warehouse: Path, sql: str, *given: object) -> list[tuple[Any, ...]]:
    with open_warehouse(warehouse, read_only=True) as con:
        return con.execute(sql, list(given)).fetchall()


def content(warehouse: Path) -> dict[str, str]:
    with open_warehouse(warehouse, read_only=True) as con:
        return {name: mark for name, mark in content_hashes(con).items() if name.startswith("feature.")}


def build(folder: Path, *people: str, gap: Sequence[date] = ()) -> Path:
    folder.mkdir(parents=True)
    warehouse = folder / "w.duckdb"
    kept = [d for d in days() if d not in gap]
    load_rows(warehouse, participants=people, parts=[day_rows(p, d) for p in people for d in kept])
    return warehouse


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person of 24 days over the change of clocks, computed at once; only looked at."""
    warehouse = build(tmp_path_factory.mktemp("whole") / "w", P)
    run(warehouse)
    return warehouse


def test_every_day_has_every_feature_with_a_value_or_a_reason_never_both(whole: Path) -> None:
    rows = ask(
        whole, "select day, list(feature order by feature) from feature.value group by day order by day"
    )
    names = sorted(f.feature for f in catalog.FEATURES if f.grain != "window")
    # The last night ends on a day without any other signal: it is a day too.
    assert [day for day, _ in rows] == days(DAYS + 1)
    assert all(found == names for _, found in rows)
    wrong = "select count(*) from feature.value where (value is null) = (reason is null) or isnan(value)"
    assert ask(whole, wrong) == [(0,)]


def test_values_are_those_of_the_signals(whole: Path) -> None:
    value = dict(
        ask(whole, "select feature, value from feature.value where day = ?", FIRST + timedelta(days=20))
    )
    assert value["tst_min"] == value["spt_min"] - 4
    assert value["deep_min"] == 80
    assert 52 < value["rhr_night"] < 56
    assert 15 < value["hr_dip"] < 26
    assert -1 < value["ahr_day"] < 1
    assert value["hr_coverage_night"] == 1
    source = "select distinct source from feature.value where value is not null and feature <> 'valid_night'"
    assert ask(whole, source) == [("made/unknown",), (None,)] or ask(whole, source) == [("made/unknown",)]


def test_the_change_of_clocks_shows_in_offsets_hours_and_minutes(whole: Path) -> None:
    offsets = ask(
        whole,
        "select day, value from feature.value where feature = 'offset_wake_min' and day between ? and ? order by day",
        date(2020, 4, 4),
        date(2020, 4, 6),
    )
    assert [value for _, value in offsets] == [660, 600, 600]
    hours = ask(
        whole,
        "select day, count(*), sum(worn_min) from feature.hour where day between ? and ? group by 1 order by 1",
        date(2020, 4, 4),
        date(2020, 4, 6),
    )
    assert [row[1:] for row in hours] == [(24, 1440), (25, 1500), (24, 1440)]


def test_day_by_day_gives_what_all_at_once_gives(whole: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    load_rows(warehouse, participants=[P], parts=[day_rows(P, day) for day in days()[:18]])
    run(warehouse, before=days()[17])
    for day in days()[18:]:
        load_rows(warehouse, participants=[P], parts=[day_rows(P, day)])
        run(warehouse, before=day + timedelta(days=day.day % 2))
    run(warehouse)
    assert content(warehouse) == content(whole)
    assert ask(warehouse, "select count(*) from meta.due where stage = 'features'") == [(0,)]


def test_loading_backwards_with_a_gap_gives_what_all_at_once_gives(tmp_path: Path) -> None:
    gap = days()[8:13]
    at_once = build(tmp_path / "once", P, gap=gap)
    run(at_once)
    backwards = tmp_path / "back" / "w.duckdb"
    backwards.parent.mkdir()
    for part in (days()[13:], days()[:8]):
        load_rows(backwards, participants=[P], parts=[day_rows(P, d) for d in part])
        run(backwards)
    assert content(backwards) == content(at_once)
    reasons = ask(
        at_once,
        "select distinct reason from feature.value where feature in ('steps', 'tst_min') and day = ?",
        gap[2],
    )
    assert reasons == [("no data",)]
    assert ask(
        at_once, "select count(*) from feature.hour where day = ? and worn_min = 0 and hr_bpm is null", gap[2]
    ) == [(24,)]


def test_who_else_is_in_the_batch_changes_nothing(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = build(tmp_path / "both", P, Q)
    run(both, people=[Q, P])
    split = build(tmp_path / "split", P, Q)
    monkeypatch.setattr(work, "MOST_DAYS", 10)
    run(split, people=[P, Q])
    assert content(both) == content(split)
    of_p = "select * exclude (participant) from feature.value where participant = ? order by day, feature"
    assert ask(both, of_p, P) == ask(whole, of_p, P)


def test_nothing_due_is_none_and_the_warehouse_is_only_read(whole: Path, tmp_path: Path) -> None:
    before = hashlib.sha256(whole.read_bytes()).hexdigest()
    assert compute.compute(whole, tmp_path, participants=[P, "p-cccccc"], before=FAR) is None
    assert hashlib.sha256(whole.read_bytes()).hexdigest() == before


def test_only_days_before_the_date_are_worked_and_the_rest_stays_due(whole: Path, tmp_path: Path) -> None:
    warehouse = build(tmp_path / "w", P)
    assert run(warehouse, before=FIRST + timedelta(days=10)) == 10
    assert ask(warehouse, "select max(day) from feature.value") == [(FIRST + timedelta(days=9),)]
    assert ask(warehouse, "select min(day), max(day) from meta.due where stage = 'features'") == [
        (FIRST + timedelta(days=10), FIRST + timedelta(days=DAYS))
    ]
    run(warehouse)
    assert content(warehouse) == content(whole)


def test_a_changed_day_redoes_itself_the_day_before_and_its_reach_only(tmp_path: Path) -> None:
    warehouse = build(tmp_path / "w", P)
    run(warehouse)
    heart = {"signal.heart_rate": day_rows(P, FIRST + timedelta(days=21), rise_bpm=5)["signal.heart_rate"]}
    load_rows(warehouse, participants=[P], parts=[heart], export=1)
    assert run(warehouse) == 5  # day 20, 21, and 22 to 24, where the person's days end
    assert run(warehouse) == 0


def test_a_changed_day_put_off_is_not_forgotten(tmp_path: Path) -> None:
    warehouse = build(tmp_path / "w", P)
    run(warehouse)
    changed = [day_rows(P, d, rise_bpm=5 if d == days()[5] else 0) for d in days()]
    load_rows(warehouse, participants=[P], parts=changed, export=1)
    run(warehouse, before=FIRST + timedelta(days=8))
    run(warehouse)
    fresh = tmp_path / "fresh" / "w.duckdb"
    fresh.parent.mkdir()
    load_rows(fresh, participants=[P], parts=changed)
    run(fresh)
    assert content(warehouse) == content(fresh)


def test_days_of_an_older_method_are_done_again(tmp_path: Path) -> None:
    warehouse = build(tmp_path / "w", P)
    run(warehouse)
    with open_warehouse(warehouse) as con:
        con.execute("update feature.value set method_version = 'features-0' where day = ?", [FIRST])
    assert run(warehouse) == 1


def test_heart_rate_of_confidence_0_counts_for_nothing(whole: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    parts = [day_rows(P, d) for d in days()]
    for part in parts:
        for row in part["signal.heart_rate"][600:780]:
            row |= {"confidence": 0, "hr_bpm": 200}
    load_rows(warehouse, participants=[P], parts=parts)
    run(warehouse)
    day = FIRST + timedelta(days=20)
    value = dict(ask(warehouse, "select feature, value from feature.value where day = ?", day))
    assert value["worn_min"] == 1440 - 180
    assert value["cr_mesor"] < 80
    assert value["ahr_day"] < 1
    assert ask(warehouse, "select max(hr_bpm) < 100, sum(worn_min) from feature.hour where day = ?", day) == [
        (True, 1260)
    ]


def test_devices_are_not_mixed(tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    old = [day_rows(P, d, device="old") for d in days()[:12]]
    new = [day_rows(P, d, device="new", rise_bpm=9, seed=3) for d in days()[12:]]
    load_rows(warehouse, participants=[P], parts=[*old, *new])
    run(warehouse)
    rows = ask(
        warehouse,
        "select day, value, reason, source from feature.value where feature = 'ahr_day' order by day",
    )
    at_switch = rows[12:17]
    assert {row[2] for row in at_switch} == {"fewer than 5 days before it"}
    assert {row[3] for row in at_switch} == {"made/new"}
    assert all(abs(row[1]) < 1.5 for row in rows[5:12] + rows[17:24])
    night = ask(
        warehouse,
        "select day, source from feature.value where feature = 'rhr_night' and value is not null order by day",
    )
    assert [source for _, source in night] == ["made/old"] * 11 + ["made/new"] * 12


due_days = st.sets(st.integers(0, 80), max_size=6)


@given(due_days, st.sets(st.integers(0, 80), max_size=30), st.integers(0, 90), st.integers(0, 80))
@settings(deadline=None, max_examples=200)
def test_plans_cover_the_reach_and_lose_nothing(
    due: set[int], rows: set[int], before: int, last: int
) -> None:
    if not due and not rows:
        return
    last = max(last, *due, *rows)
    work = plan(due, dict.fromkeys(rows, True), last=last, before=before)
    first = min(due | rows)
    # What is put off touches its neighbours when it is worked, and not before.
    now = {d for d in due if d < before}
    must = {d for one in now for d in range(one - 1, one + catalog.REACH_DAYS + 1) if first <= d <= last}
    must |= due | (set(range(first, last + 1)) - rows)
    assert set(work.days) | set(work.later) == must
    assert all(d < before for d in (*work.days, *work.done))
    assert all(d >= before for d in work.later)
    assert set(work.done) == {d for d in due if d < before}


def test_the_catalogue_is_whole_and_names_are_unique() -> None:
    names = [f.feature for f in catalog.FEATURES]
    grains = [catalog.names_of(grain) for grain in ("night", "day", "window")]
    assert len(set(names)) == len(names) == sum(map(len, grains))
    columns = [c.name for c in find_table("feature.window").columns]
    assert [name for name in columns if name in grains[2]] == grains[2]
    for feature in catalog.FEATURES:
        texts = (
            feature.unit,
            feature.definition,
            feature.formula,
            feature.reads,
            feature.window,
            feature.minimum_data,
        )
        assert all(texts), feature.feature
        assert feature.citation
        assert feature.direction in (-1, 0, 1)
    assert catalog.catalog_rows().num_rows == len(names)
    index = {"rhr_night": 1, "sleep_short": 1, "sleep_frag": 1, "cpd": 1, "ahr_day": 1, "arousal_min": 1}
    assert {name: catalog.BY_NAME[name].direction for name in index} == index
