"""Every column that a researcher gets is described: unit, meaning, least data, reference."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import pytest
from conftest import ROOT, Ran

from cli.docs import dictionary
from features.catalog import BY_NAME, FEATURES, catalog_rows
from warehouse.commit import commit
from warehouse.ddl import SQL_TYPES
from warehouse.dictionary import describe_columns
from warehouse.publish import PERSONAL_FEATURES, PUBLISHED, publish
from warehouse.schema import TEXT, Column, Table
from warehouse.staging import stage
from warehouse.store import open_warehouse
from warehouse.tables.shared import ALWAYS

NOW = datetime(2026, 11, 23)
NUMBERS = ("DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT")
WITHOUT_A_UNIT = {"position"}
"""Numbers that count nothing and measure nothing."""

COLUMNS = """
    select table_schema, table_name, column_name, data_type from information_schema.columns
    where table_schema in ('meta', 'feature', 'model') order by all
"""
TOLD = """
    select schema_name, table_name, column_name, type, unit, meaning, minimum, reference
    from meta.column_dictionary order by 1, 2, 3, 4
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """A published file of nobody, whose features were computed: its columns, and what its dictionary says."""
    folder = tmp_path_factory.mktemp("published")
    url, target = folder / "w.duckdb", folder / "s.duckdb"
    with open_warehouse(url):
        pass
    with stage(folder / "staging", "features", method_version="test") as staged:
        staged.add("feature.catalog", catalog_rows())
    commit(url, [staged.folder], now=NOW)
    publish(url, target, now=NOW)
    with duckdb.connect(str(target), read_only=True) as con:
        return [con.execute(COLUMNS).fetchall(), con.execute(TOLD).fetchall()]


def test_the_published_dictionary_tells_of_every_column_there_is_and_of_no_other(published: Any) -> None:
    columns, told = published
    assert [row[:4] for row in told] == columns
    assert len(columns) > 300
    assert ("feature", "night") in {row[:2] for row in columns}


def test_every_published_column_has_a_meaning_its_least_data_and_a_reference(published: Any) -> None:
    for schema, table, column, *_, meaning, minimum, reference in published[1]:
        name = f"{schema}.{table}.{column}"
        assert meaning, f"{name} has no meaning"
        assert minimum, f"{name} has no least data: Column.minimum or Table.minimum"
        assert reference, f"{name} has no reference: Column.reference or Table.reference"


def test_every_published_number_has_a_unit(published: Any) -> None:
    for schema, table, column, kind, unit, *_ in published[1]:
        if kind in NUMBERS and column not in WITHOUT_A_UNIT:
            assert unit, f"{schema}.{table}.{column} is a number without a unit"


def test_references_name_files_and_tables_that_there_are(published: Any) -> None:
    columns, told = published
    there = {".".join(row[:3]) for row in columns} | {".".join(row[:2]) for row in columns}
    found = 0
    for *_, reference in told:
        for word in reference.replace(";", " ").replace(",", " ").replace(":", " ").split():
            if word.endswith((".py", ".md", "/")):
                assert (ROOT / word).exists(), reference
                found += 1
            if word.startswith("feature."):
                assert word in there, reference
                found += 1
    assert found > 100


def test_a_feature_is_described_as_in_the_catalogue_wherever_it_is_a_column(published: Any) -> None:
    told = {tuple(row[1:3]): row for row in published[1]}
    for feature in FEATURES:
        if feature.feature in PERSONAL_FEATURES:
            continue
        _, _, _, _, unit, _, minimum, reference = told[feature.grain, feature.feature]
        assert (unit, minimum, reference) == (feature.unit, feature.minimum_data, feature.citation)
    assert told["day", "steps"][5] == BY_NAME["steps"].definition


def test_what_is_always_there_is_never_null(sample_run: Ran) -> None:
    settings = sample_run.settings
    with open_warehouse(settings.warehouse, read_only=True) as con:
        checked = 0
        for table in PUBLISHED:
            always = con.execute(
                "select column_name from meta.column_dictionary where schema_name = ? and table_name = ?"
                " and minimum = ?",
                [table.schema, table.name, ALWAYS],
            ).fetchall()
            nulls = ", ".join(f'count(*) filter ("{name}" is null)' for (name,) in always)
            found = con.execute(f"select {nulls} from {table.full_name}").fetchone()
            assert found == (0,) * len(always), (table.full_name, always, found)
            checked += con.execute(f"select count(*) > 0 from {table.full_name}").fetchone() == (True,)
    assert checked >= 10


def test_a_column_goes_before_its_table_and_a_key_is_always_there() -> None:
    columns = (
        Column("a", TEXT, "the key"),
        Column("b", TEXT, "like the table"),
        Column("c", TEXT, "its own", minimum="two days", reference="here"),
    )
    table = Table("feature", "t", "made up", "result", columns, ("a",), minimum="one day", reference="there")
    rows = describe_columns([table]).to_pylist()
    assert [(row["minimum"], row["reference"]) for row in rows] == [
        (ALWAYS, "there"),
        ("one day", "there"),
        ("two days", "here"),
    ]
    assert [row["position"] for row in rows] == [1, 2, 3]


def test_the_page_shows_the_same() -> None:
    page = (ROOT / "docs" / "dictionary.md").read_text(encoding="utf-8")
    assert page == dictionary(), "docs/dictionary.md is old: make docs"
    for table in PUBLISHED:
        _, _, rest = page.partition(f"## {table.full_name}\n")
        section = rest.partition("\n## ")[0]
        for column in table.columns:
            assert f"\n| {column.name} | {SQL_TYPES[column.type]} |" in section
        assert table.reference in section
    night = page.partition("## feature.night\n")[2].partition("\n## ")[0]
    assert "\n| tst_min | DOUBLE | min |" in night
