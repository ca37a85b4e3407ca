"""The start of a cycle: written in a diary, kept as a feature of the day on which a bleeding began."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from fitbit_export import load_into
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_rows import NOW, day_rows, load_rows
from test_compute import ask, run

from features.cycle import LONGEST_DAYS, gather_bleeding, measure_start
from ingest.files.diary.words import name_event, name_own
from warehouse.publish import publish
from warehouse.store import open_warehouse

P = "p-aaaaaa"
FIRST = date(2020, 3, 20)


def logs(*rows: tuple[str, int, int]) -> pa.Table:
    stream, day, last = zip(*rows, strict=True)
    return pa.table(
        {"stream": stream, "day": pa.array(day, pa.int32()), "last_day": pa.array(last, pa.int32())}
    )


def starts(rows: pa.Table, days: range) -> dict[int, str | None]:
    bleeding = gather_bleeding(rows)
    found = {day: measure_start(bleeding, day) for day in days}
    return {day: source for day, (measure, source) in found.items() if measure.value == 1}


def test_a_cycle_starts_on_the_first_day_of_a_bleeding_however_it_is_logged() -> None:
    by_day = logs(*(("diary/a", day, day) for day in (5, 6, 7, 33, 34)))
    by_span = logs(("diary/a", 5, 7), ("diary/a", 33, 34))
    only_starts = logs(("diary/a", 5, 5), ("diary/a", 33, 33))
    for rows in (by_day, by_span, only_starts):
        assert starts(rows, range(40)) == {5: "diary/a", 33: "diary/a"}


def test_a_day_without_a_start_is_null_and_says_so() -> None:
    bleeding = gather_bleeding(logs(("diary/a", 5, 6)))
    for day in (4, 6, 7):
        measure, source = measure_start(bleeding, day)
        assert (measure.value, source) == (None, None)
        assert measure.reason == "no start of a cycle was logged that day"


def test_two_diaries_are_one_bleeding_and_a_wrong_end_hides_no_later_start() -> None:
    assert starts(logs(("b/b", 4, 4), ("a/a", 5, 6), ("a/a", 4, 4)), range(9)) == {4: "a/a"}
    endless = logs(("a/a", 5, 400), ("a/a", 33, 33))
    assert starts(endless, range(40)) == {5: "a/a", 33: "a/a"}
    assert starts(logs(("a/a", 5, 3)), range(9)) == {5: "a/a"}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 30)), min_size=1, max_size=8))
def test_what_is_read_before_a_day_is_enough(spans: list[tuple[int, int]]) -> None:
    """Logs that began more than eleven days before a day have no part in it."""
    rows = [("a/a", day, day + length) for day, length in spans]
    for day in range(100):
        near = [row for row in rows if row[1] >= day - LONGEST_DAYS - 1]
        whole = starts(logs(*rows), range(day, day + 1))
        assert (starts(logs(*near), range(day, day + 1)) if near else {}) == whole


def test_a_diary_says_it_in_its_own_column_and_a_calendar_never() -> None:
    assert name_own("Menstruation") == name_own(" period ") == ("menstruation", None)
    assert name_event("Period 3: maths") is None
    assert name_event("menstruation") is None


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten days of signals and a diary that was loaded after them; computed."""
    folder = tmp_path_factory.mktemp("cycle")
    made = folder / "w.duckdb"
    load_rows(made, participants=[P], parts=[day_rows(P, FIRST + timedelta(days=k)) for k in range(10)])
    run(made)
    diary = folder / "diary.csv"
    diary.write_text(
        "date,time,event,end\n"
        "2020-03-22,07:00,period,\n2020-03-23,23:30,Period,\n"  # 23:30 in Sydney: the same local day
        "2020-03-27,,menstruation,2020-03-28\n2020-03-24,,therapy,\n"
        "2020-03-30,,period,\n2020-04-19,,period,\n"
    )
    load_into(folder, diary, participant=P)
    return made


STARTS = "select day, value, source from feature.value where feature = 'cycle_start' and value is not null order by day"


def test_a_diary_loaded_later_makes_its_days_due_and_gives_the_starts(warehouse: Path) -> None:
    assert ask(warehouse, "select distinct event from signal.event order by 1") == [
        ("menstruation",),
        ("therapy",),
    ]
    assert run(warehouse)
    assert [(str(day), value, source) for day, value, source in ask(warehouse, STARTS)] == [
        ("2020-03-22", 1.0, "diary/unknown"),
        ("2020-03-27", 1.0, "diary/unknown"),
        ("2020-03-30", 1.0, "diary/unknown"),  # the log before it held two days, not three
        ("2020-04-19", 1.0, "diary/unknown"),  # a day with nothing but the log
    ]


def test_a_log_alone_changes_the_hash_of_the_days_that_it_reaches(tmp_path: Path) -> None:
    made = tmp_path / "w.duckdb"
    load_rows(made, participants=[P], parts=[day_rows(P, FIRST + timedelta(days=k)) for k in range(3)])
    run(made)
    hashes = "select distinct input_hash from feature.value where day = ?"
    before = ask(made, hashes, FIRST + timedelta(days=1))
    diary = tmp_path / "diary.csv"
    diary.write_text("date,event\n2020-03-21,period\n")
    load_into(tmp_path, diary, participant=P)
    run(made)
    assert ask(made, hashes, FIRST + timedelta(days=1)) != before


def test_the_log_of_a_cycle_stays_with_the_person(warehouse: Path, tmp_path: Path) -> None:
    with open_warehouse(warehouse) as con:
        con.execute(
            "insert into meta.consent values (?, 'research', 1, true, '1', ?)",
            [P, NOW],
        )
    target = tmp_path / "published.duckdb"
    assert publish(warehouse, target, now=NOW)
    with open_warehouse(target, read_only=True) as con:
        held = con.execute("select distinct feature from feature.value").fetchall()
    assert ("rhr_night",) in held
    assert ("cycle_start",) not in held
