"""The warehouse: one schema, one writer, the same tables whatever the order."""

from __future__ import annotations

import multiprocessing
import stat
import time
from collections.abc import Iterator
from datetime import date, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse import migrations
from warehouse.commit import Committed, commit
from warehouse.ddl import SQL_TYPES
from warehouse.publish import publish
from warehouse.sql import scalar
from warehouse.staging import hash_stream, stage, staging_folder, sweep
from warehouse.store import WarehouseError, content_hashes, open_warehouse
from warehouse.tables import TABLES, find_table

NOW = datetime(2026, 1, 1)
EXPORTED = {1: datetime(2020, 4, 1), 2: datetime(2020, 5, 1), 3: datetime(2020, 6, 1)}


def file_row(file_id: int, participant: str = "p") -> pa.Table:
    row: dict[str, list[Any]] = {c.name: [None] for c in find_table("meta.source_file").columns}
    row |= {"participant": [participant], "file_id": [file_id], "source": ["f"], "device": ["u"]}
    row |= {"member": ["m"], "sha256": [str(file_id)], "exported_utc": [EXPORTED[file_id]]}
    return pa.table(row)


def heart_rate(file_id: int, seconds: list[int], bpm: float, participant: str = "p") -> pa.Table:
    n = len(seconds)
    t_utc = np.datetime64("2020-03-10T00:00:00", "us") + np.array(seconds).astype("timedelta64[s]")
    return pa.table(
        {
            "participant": pa.array([participant] * n).dictionary_encode(),
            "source": ["f"] * n,
            "device": ["u"] * n,
            "t_utc": t_utc,
            "offset_min": [660] * n,
            "hr_bpm": np.full(n, bpm),
            "confidence": [1] * n,
            "file_id": [file_id] * n,
            "record": list(range(n)),
        }
    )


def complete(file_id: int, first_s: int, last_s: int) -> pa.Table:
    base = np.datetime64("2020-03-10T00:00:00", "us")
    return pa.table(
        {
            "participant": ["p"],
            "source": ["f"],
            "device": ["u"],
            "stream": ["signal.heart_rate"],
            "from_utc": [base + np.timedelta64(first_s, "s")],
            "to_utc": [base + np.timedelta64(last_s, "s")],
            "file_id": [file_id],
        }
    )


def load(url: Path | str, staging: Path, file_id: int, seconds: list[int], bpm: float) -> Committed:
    with stage(staging, "ingest", method_version="test") as staged:
        staged.add("meta.source_file", file_row(file_id))
        staged.add("signal.heart_rate", heart_rate(file_id, seconds, bpm))
        staged.add("meta.complete", complete(file_id, seconds[0], seconds[-1]))
    return commit(url, [staged.folder], now=NOW)


# Three exports of one device: the second is newer and lacks second 3, the third is newest and overlaps.
EXPORTS = [(1, [0, 1, 2, 3, 4, 5], 60.0), (2, [1, 2, 4], 61.0), (3, [4, 5, 6, 7], 62.0)]
MERGED = [(0, 60.0), (1, 61.0), (2, 61.0), (4, 62.0), (5, 62.0), (6, 62.0), (7, 62.0)]


def stored(url: Path | str) -> list[tuple[int, float]]:
    with open_warehouse(url, read_only=not str(url).startswith("ducklake")) as con:
        return con.execute(
            "select second(t_utc), hr_bpm from signal.heart_rate order by t_utc",
        ).fetchall()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_order_of_loading_gives_the_same_tables(tmp_path: Path, order: tuple[int, ...]) -> None:
    for n in order:
        load(tmp_path / "w.duckdb", tmp_path / "staging", *EXPORTS[n])
    assert stored(tmp_path / "w.duckdb") == MERGED
    with open_warehouse(tmp_path / "w.duckdb") as con:
        withdrawn = con.execute(
            "select reason, json_extract(old_row, '$.hr_bpm') from meta.change"
        ).fetchall()
    assert [(r, float(v)) for r, v in withdrawn] == [("withdrawn", 60.0)]


def test_the_same_folders_serve_a_ducklake(tmp_path: Path) -> None:
    url = f"ducklake:{tmp_path / 'lake.ducklake'}"
    for export in EXPORTS:
        load(url, tmp_path / "staging", *export)
    load(tmp_path / "w.duckdb", tmp_path / "staging", *EXPORTS[0])
    assert stored(url) == MERGED


def test_loading_again_changes_nothing_and_makes_nothing_due(tmp_path: Path) -> None:
    url = tmp_path / "w.duckdb"
    first = load(url, tmp_path / "staging", *EXPORTS[0])
    with open_warehouse(url) as con:
        con.execute("delete from meta.due")
        before = content_hashes(con)
    again = load(url, tmp_path / "staging", *EXPORTS[0])
    with open_warehouse(url) as con:
        assert content_hashes(con) == before
    assert (first.changed, again.changed) == (1, 0)


def test_a_key_twice_in_one_file_keeps_the_later_record(tmp_path: Path) -> None:
    url = tmp_path / "w.duckdb"
    with stage(tmp_path / "staging", "ingest", method_version="test") as staged:
        staged.add("meta.source_file", file_row(1))
        rows = heart_rate(1, [0, 1, 1], 60.0)
        staged.add("signal.heart_rate", rows.set_column(5, "hr_bpm", pa.array([60.0, 61.0, 62.0])))
    commit(url, [staged.folder], now=NOW)
    assert stored(url) == [(0, 60.0), (1, 62.0)]


def stages_of(file_id: int, revision: int, stages: list[tuple[int, str]]) -> pa.Table:
    n, base = len(stages), np.datetime64("2020-03-10T00:00:00", "us")
    start = base + np.array([s for s, _ in stages]).astype("timedelta64[s]")
    return pa.table(
        {
            "participant": ["p"] * n,
            "source": ["f"] * n,
            "device": ["u"] * n,
            "episode": ["log"] * n,
            "t_utc": start,
            "offset_min": [660] * n,
            "end_utc": start + np.timedelta64(30, "s"),
            "stage": [name for _, name in stages],
            "revision": [revision] * n,
            "file_id": [file_id] * n,
            "record": [0] * n,
        }
    )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_rescored_log_replaces_all_its_stages(tmp_path: Path, order: tuple[int, int]) -> None:
    versions = [
        (1, 7, [(0, "light"), (30, "deep"), (60, "wake")]),
        (2, 8, [(0, "light"), (60, "rem")]),
    ]
    for n in order:
        file_id, revision, stages = versions[n]
        with stage(tmp_path / "staging", "ingest", method_version="test") as staged:
            staged.add("meta.source_file", file_row(file_id))
            staged.add("signal.sleep_stage", stages_of(file_id, revision, stages))
        commit(tmp_path / "w.duckdb", [staged.folder], now=NOW)
    with open_warehouse(tmp_path / "w.duckdb") as con:
        kept = con.execute("select stage from signal.sleep_stage order by t_utc").fetchall()
    assert kept == [("light",), ("rem",)]


# --- files that are read again -------------------------------------------------------------------

Reading = dict[int, float]
"""Second → heart rate, as one version of a source reads a file."""


def files_of(*file_ids: int, participant: str = "p") -> pa.Table:
    return pa.table({"participant": [participant] * len(file_ids), "file_id": list(file_ids)})


def read_files(
    url: Path,
    staging: Path,
    readings: dict[int, Reading],
    *,
    again: tuple[int, ...] = (),
    first_record: int = 0,
) -> Committed:
    """Commit some files as a load would that read them all, some of them anew."""
    with stage(staging, "ingest", method_version="test") as staged:
        for file_id, reading in readings.items():
            staged.add("meta.source_file", file_row(file_id))
            if reading:
                rows = heart_rate(file_id, list(reading), 0.0)
                record = pa.array([first_record + i for i in range(len(reading))], pa.int64())
                rows = rows.set_column(rows.column_names.index("record"), "record", record)
                bpm = pa.array(list(reading.values()))
                staged.add("signal.heart_rate", rows.set_column(5, "hr_bpm", bpm))
        if again:
            staged.read_again(files_of(*again))
    return commit(url, [staged.folder], now=NOW)


seconds = st.dictionaries(st.integers(0, 7), st.sampled_from([60.0, 61.0]), max_size=5)


@settings(deadline=None, max_examples=10)
@given(
    before=st.dictionaries(st.sampled_from([1, 2, 3]), seconds, min_size=1),
    after=st.fixed_dictionaries({1: seconds, 2: seconds, 3: seconds}),
    order=st.permutations([1, 2, 3]),
)
def test_files_that_are_read_again_leave_what_their_new_reading_gives(
    before: dict[int, Reading],
    after: dict[int, Reading],
    order: list[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = tmp_path_factory.mktemp("w")
    # The old reader numbered its records higher: that must not make them win.
    read_files(place / "w.duckdb", place / "s", before, first_record=1000)
    read_files(place / "w.duckdb", place / "s", {i: after[i] for i in order}, again=tuple(before))
    best = {second: bpm for i in (1, 2, 3) for second, bpm in after[i].items()}
    assert stored(place / "w.duckdb") == sorted(best.items())


def test_what_a_file_no_longer_gives_is_kept_aside_and_only_its_day_is_due(tmp_path: Path) -> None:
    url, staging = tmp_path / "w.duckdb", tmp_path / "staging"
    hour, day = 3600, 24 * 3600  # the clock is 11 h ahead: the local days are those of 10 and 11 March
    read_files(url, staging, {1: {0: 60.0, 1: 60.0, day: 70.0}, 2: {hour: 65.0}})
    with open_warehouse(url) as con:
        con.execute("delete from meta.due")
    done = read_files(url, staging, {1: {0: 60.0, 1: 60.0, day + 1: 70.0}}, again=(1,))
    assert (done.withdrawn, done.changed) == (1, 1)
    with open_warehouse(url) as con:
        kept = con.execute(
            "select participant, table_name, day, reason, json_extract(old_row, '$.hr_bpm')::double,"
            " json_extract_string(row_key, '$.t_utc') from meta.change"
        ).fetchall()
        due = con.execute("select distinct day from meta.due").fetchall()
        rows = con.execute(
            "select epoch(t_utc - timestamp '2020-03-10'), file_id from signal.heart_rate order by 1"
        )
        assert rows.fetchall() == [(0, 1), (1, 1), (hour, 2), (day + 1, 1)]
    assert kept == [
        ("p", "signal.heart_rate", date(2020, 3, 11), "read again", 70.0, "2020-03-11 00:00:00"),
    ]
    assert due == [(date(2020, 3, 11),)]


def test_a_file_that_gives_the_same_again_changes_nothing(tmp_path: Path) -> None:
    url, staging = tmp_path / "w.duckdb", tmp_path / "staging"
    read_files(url, staging, {1: {0: 60.0, 1: 61.0}})
    with open_warehouse(url) as con:
        con.execute("delete from meta.due")
        before = content_hashes(con)
    done = read_files(url, staging, {1: {0: 60.0, 1: 61.0}}, again=(1,))
    with open_warehouse(url) as con:
        assert content_hashes(con) == before
    assert (done.changed, done.withdrawn) == (0, 0)


def test_reading_a_file_again_touches_no_other_persons_rows_of_the_same_file(tmp_path: Path) -> None:
    url, staging = tmp_path / "w.duckdb", tmp_path / "staging"
    with stage(staging, "ingest", method_version="test") as staged:
        for person in ("p", "q"):
            staged.add("meta.source_file", file_row(1, person))
            staged.add("signal.heart_rate", heart_rate(1, [0, 1], 60.0, person))
    commit(url, [staged.folder], now=NOW)
    read_files(url, staging, {1: {1: 60.0}}, again=(1,))
    with open_warehouse(url) as con:
        left = con.execute("select participant, second(t_utc) from signal.heart_rate order by all").fetchall()
    assert left == [("p", 1), ("q", 0), ("q", 1)]


def test_a_file_that_names_another_device_now_leaves_nothing_with_the_old_one(tmp_path: Path) -> None:
    url, staging = tmp_path / "w.duckdb", tmp_path / "staging"
    read_files(url, staging, {1: {0: 60.0}})
    rows = heart_rate(1, [0], 60.0)
    with stage(staging, "ingest", method_version="test") as staged:
        staged.add("meta.source_file", file_row(1))
        staged.add("signal.heart_rate", rows.set_column(2, "device", pa.array(["watch"])))
        staged.read_again(files_of(1))
    commit(url, [staged.folder], now=NOW)
    with open_warehouse(url) as con:
        assert con.execute("select device from signal.heart_rate").fetchall() == [("watch",)]


def test_a_log_that_a_file_no_longer_gives_goes_with_all_its_stages(tmp_path: Path) -> None:
    url, staging = tmp_path / "w.duckdb", tmp_path / "staging"
    for stages in ([(0, "light"), (30, "deep"), (60, "wake")], [(0, "light"), (40, "rem")], []):
        with stage(staging, "ingest", method_version="test") as staged:
            staged.add("meta.source_file", file_row(1))
            if stages:
                staged.add("signal.sleep_stage", stages_of(1, 7, stages))
            staged.read_again(files_of(1))
        commit(url, [staged.folder], now=NOW)
        with open_warehouse(url) as con:
            since = "epoch(t_utc - timestamp '2020-03-10')"
            kept = con.execute(f"select {since}, stage from signal.sleep_stage order by 1").fetchall()
        assert kept == stages


def test_what_was_refused_and_complete_of_a_file_is_what_its_last_reading_says(tmp_path: Path) -> None:
    url, staging = tmp_path / "w.duckdb", tmp_path / "staging"
    for n, (lost, last) in enumerate([([3, 4], 9), ([4], 5)]):
        with stage(staging, "ingest", method_version="test") as staged:
            for file_id in (1, 2) if n == 0 else (1,):
                staged.add("meta.source_file", file_row(file_id))
                staged.add("meta.complete", complete(file_id, n, last))
                refused = [
                    {"participant": "p", "file_id": file_id, "record": r, "reason": "bad"} for r in lost
                ]
                staged.add(
                    "meta.rejected", pa.Table.from_pylist(refused, find_table("meta.rejected").arrow_schema)
                )
            if n:
                staged.read_again(files_of(1))
        commit(url, [staged.folder], now=NOW)
    with open_warehouse(url) as con:
        assert con.execute("select file_id, record from meta.rejected order by all").fetchall() == [
            (1, 4),
            (2, 3),
            (2, 4),
        ]
        spans = con.execute("select file_id, second(from_utc), second(to_utc) from meta.complete order by 1")
        assert spans.fetchall() == [(1, 1, 5), (2, 0, 9)]


def value_rows(days: list[int], value: float) -> pa.Table:
    n = len(days)
    columns: dict[str, Any] = {c.name: [None] * n for c in find_table("feature.value").columns}
    columns |= {"participant": ["p"] * n, "day": [date(2020, 3, d) for d in days], "feature": ["steps"] * n}
    return pa.table(columns | {"value": [value] * n, "method_version": ["v"] * n, "input_hash": ["h"] * n})


def write_values(url: Path, staging: Path, days: list[int], value: float) -> Committed:
    scope = pa.table({"participant": ["p"] * len(days), "day": [date(2020, 3, d) for d in days]})
    with stage(staging, "features", method_version="v") as staged:
        staged.add("feature.value", value_rows(days, value))
        staged.replace(scope)
        staged.clear(scope)
    return commit(url, [staged.folder], now=NOW)


def test_results_replace_their_days_and_only_changed_days_are_due_next(tmp_path: Path) -> None:
    url, staging = tmp_path / "w.duckdb", tmp_path / "staging"
    assert write_values(url, staging, [10, 11, 12], 5.0).changed == 3
    with open_warehouse(url) as con:
        con.execute("delete from meta.due")
    same = write_values(url, staging, [11, 12], 5.0)
    assert (same.partitions, same.changed) == (2, 0)
    assert write_values(url, staging, [12], 6.0).changed == 1
    with open_warehouse(url) as con:
        assert con.execute("select day(day), value from feature.value order by day").fetchall() == [
            (10, 5.0),
            (11, 5.0),
            (12, 6.0),
        ]
        # NOW is years later: the day was final, so its old value is kept.
        assert con.execute("select day(day), reason from meta.change").fetchall() == [
            (12, "final day changed")
        ]


def test_a_failed_commit_leaves_everything_as_it_was(tmp_path: Path) -> None:
    url, staging = tmp_path / "w.duckdb", tmp_path / "staging"
    load(url, staging, *EXPORTS[0])
    with open_warehouse(url) as con:
        before = content_hashes(con)
    with stage(staging, "ingest", method_version="test") as staged:
        staged.add("meta.source_file", file_row(2))
        staged.add("signal.heart_rate", heart_rate(2, [9], 70.0))
    next(staged.folder.glob("signal.heart_rate*")).write_bytes(b"not parquet")
    with pytest.raises(WarehouseError):
        commit(url, [staged.folder], now=NOW)
    with open_warehouse(url) as con:
        assert content_hashes(con) == before
    assert staged.folder.exists()


def test_a_migrated_schema_equals_a_fresh_one(tmp_path: Path) -> None:
    columns = (
        "select table_schema, table_name, column_name, data_type, ordinal_position"
        " from information_schema.columns"
        " where table_schema in ('meta', 'stored', 'signal', 'feature', 'model', 'report') order by all"
    )
    with open_warehouse(tmp_path / "fresh.duckdb") as con:
        fresh = con.execute(columns).fetchall()
    with duckdb.connect(str(tmp_path / "old.duckdb")) as con:
        migrations.apply(con, migrations.list_migrations())
        migrated = con.execute(columns).fetchall()
        assert scalar(con, "select count(*) from meta.column_dictionary") == sum(
            len(t.columns) for t in TABLES
        )
    assert migrated == fresh


def test_every_column_has_a_meaning_and_every_number_a_unit_or_a_reason_not_to() -> None:
    unitless = {
        "record",
        "file_id",
        "stream_id",
        "revision",
        "direction",
        "version",
        "position",
        "confidence",
        "rank",
    }
    # Units of these are those of the feature or of the row itself.
    by_feature = {"value", "se", "mean", "scale", "usual_lo", "usual_hi", "error"}
    for table in TABLES:
        for column in table.columns:
            assert column.meaning, f"{table.full_name}.{column.name} has no meaning"
            if SQL_TYPES[column.type] in ("DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT"):
                known = column.unit or column.name in unitless | by_feature
                assert known, f"{table.full_name}.{column.name} has no unit"


def test_unknown_tables_and_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match=r"no table signal\.mood"):
        find_table("signal.mood")
    with (
        pytest.raises(ValueError, match="lack hr_bpm"),
        stage(tmp_path, "ingest", method_version="test") as staged,
    ):
        staged.add("signal.heart_rate", heart_rate(1, [0], 60.0).drop_columns(["hr_bpm"]))
    assert list(tmp_path.iterdir()) == []


def hold(path: str, seconds: float) -> None:
    with open_warehouse(path):
        time.sleep(seconds)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A warehouse that another process holds for two seconds."""
    path = tmp_path / "w.duckdb"
    with open_warehouse(path):
        pass
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=hold, args=(str(path), 2.0))
    process.start()
    while not is_held(path):
        time.sleep(0.02)
    yield path
    process.join()


def is_held(path: Path) -> bool:
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.IOException:
        return True
    return False


def test_a_held_warehouse_is_waited_for_then_said(held: Path) -> None:
    with pytest.raises(WarehouseError, match="held by another process"), open_warehouse(held, wait_s=0.1):
        pass
    with open_warehouse(held, wait_s=30) as con:
        assert scalar(con, "select count(*) from meta.participant") == 0


def test_a_file_that_is_no_warehouse_and_a_missing_one_are_said(tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").write_bytes(b"hello" * 1000)
    with pytest.raises(WarehouseError, match="not a DuckDB warehouse"), open_warehouse(tmp_path / "x.duckdb"):
        pass
    with (
        pytest.raises(WarehouseError, match="There is no warehouse"),
        open_warehouse(tmp_path / "none.duckdb", read_only=True),
    ):
        pass


def test_files_and_folders_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    with open_warehouse(tmp_path / "var" / "w.duckdb"):
        pass
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "var" / "w.duckdb").stat().st_mode) == 0o600


def test_staging_leaves_nothing_behind(tmp_path: Path) -> None:
    with staging_folder(tmp_path) as folder, stage(folder, "ingest", method_version="test") as staged:
        staged.add("signal.heart_rate", heart_rate(1, [0], 60.0))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "run-old").mkdir()
    sweep(tmp_path, older_than_s=60)
    assert (tmp_path / "run-old").exists()
    sweep(tmp_path, older_than_s=-1)
    assert list(tmp_path.iterdir()) == []


def publishable(tmp_path: Path, *, granted: bool) -> Path:
    url = tmp_path / "w.duckdb"
    write_values(url, tmp_path / "staging", [10], 5.0)
    with open_warehouse(url) as con:
        con.execute(
            "insert into meta.consent values ('p', 'research', 1, ?, '1', now()::timestamp)", [granted]
        )
        con.execute("insert into feature.catalog (feature, grain) values ('steps', 'day')")
    return url


def test_the_published_file_holds_only_those_who_allowed_it(tmp_path: Path) -> None:
    url, target = publishable(tmp_path, granted=False), tmp_path / "published" / "s.duckdb"
    assert publish(url, target, now=NOW)
    with duckdb.connect(str(target), read_only=True) as con:
        assert scalar(con, "select count(*) from feature.value") == 0
    with open_warehouse(url) as con:
        con.execute("update meta.consent set granted = true")
    assert publish(url, target, now=NOW)
    with duckdb.connect(str(target), read_only=True) as con:
        assert con.execute("select steps from feature.day").fetchall() == [(5.0,)]
        found = con.execute(
            "select distinct table_schema from information_schema.tables order by 1"
        ).fetchall()
        assert found == [("feature",), ("meta",), ("model",)]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not publish(url, target, now=NOW), "the same content is not written twice"


def test_signals_of_the_first_schema_are_the_same_rows_after_the_migration(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    first, *later = migrations.list_migrations()
    with duckdb.connect(str(path)) as con:
        con.execute(first.sql)
        con.execute(
            "insert into signal.heart_rate select p, 'fitbit_takeout', d, timestamp '2020-04-05 00:00:00'"
            " + to_seconds(i), 60, 50 + i, 3, 7, i from range(5) t(i), (values ('p-1'), ('p-2')) a(p),"
            " (values ('left'), ('right')) b(d)"
        )
        before = con.execute("select * from signal.heart_rate order by all").fetchall()
        migrations.apply(con, later)
        assert con.execute("select * from signal.heart_rate order by all").fetchall() == before
        streams = con.execute("select * from meta.stream").fetchall()
    assert len(before) == 20
    named = [(p, "fitbit_takeout", d) for p in ("p-1", "p-2") for d in ("left", "right")]
    assert sorted(streams) == sorted((hash_stream(names), *names) for names in named)
