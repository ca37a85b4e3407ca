"""Erasing a person: every planted value can be found before, and none after."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import pytest
from synthetic import cohort_life, make_cohort

from cli.forget import forget_person, names
from cli.keys import FileKeys
from cli.night import load_export, run_night, write_pages
from cli.nightly import utc_now
from cli.settings import Settings
from ingest.vault import open_vault
from warehouse.sql import quote, scalar
from warehouse.store import open_warehouse

PERSON = "p-9zq7xkd8w4"
LIKE_THEM = "p-9zq7xkd8w42"
"""Longer than the 8 bytes that the file format keeps of a string in its statistics."""
DEVICE = "plantedwatch77"
VAULT_ROWS = (("mail", "address"), ("queue", "2025-W37"), ("token", "oura"))
AIRFLOW_ROWS = {
    "xcom": ("key", "value"),
    "rendered_task_instance_fields": ("task_id", "rendered_fields"),
    "task_instance": ("task_id", "rendered_map_index"),
    "dag_run": ("run_id", "conf"),
    "log": ("event", "extra"),
}


def places_of(folder: Path, word: str) -> set[str]:
    """Where a word is found below a folder: in names, in bytes, and in every row of every table, decoded."""
    return {place for path in sorted(folder.rglob("*")) for place in places_in(path, folder, word)}


def places_in(path: Path, folder: Path, word: str) -> Iterator[str]:
    if word in mask(str(path.relative_to(folder))):
        yield f"name of {path}"
    if path.is_file() and word in mask(path.read_bytes().decode("latin-1")):
        yield f"bytes of {path}"
    if path.is_file():
        yield from tables_in(path, word)


def tables_in(path: Path, word: str) -> Iterator[str]:
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as con:
            sql = "select table_schema || '.' || table_name from information_schema.tables"
            for (table,) in con.execute(sql).fetchall():
                if rows_with(con, f"select t::varchar as row from {table} t", word):
                    yield f"{path}:{table}"
    elif path.suffix == ".parquet":
        with duckdb.connect() as con:
            if rows_with(con, f"select t::varchar as row from read_parquet({quote(str(path))}) t", word):
                yield f"rows of {path}"
    elif path.suffix == ".db":
        with closing(sqlite3.connect(path)) as db:
            for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
                if word in mask(repr(db.execute(f'select * from "{table}"').fetchall())):
                    yield f"{path}:{table}"


def mask(text: str) -> str:
    """Take out the pseudonym that only begins like the one that is looked for."""
    return text.replace(LIKE_THEM, "")


def rows_with(con: duckdb.DuckDBPyConnection, rows: str, word: str) -> int:
    sql = f"select count(*) from ({rows}) where contains(replace(row, ?, ''), ?)"
    return int(scalar(con, sql, [LIKE_THEM, word]))


def plant_in_airflow(settings: Settings) -> None:
    """Put the pseudonym where Airflow keeps what a run was called with, as its own rows."""
    with closing(sqlite3.connect(settings.airflow / "airflow.db")) as db:
        for table, (_, column) in AIRFLOW_ROWS.items():
            changed = db.execute(
                f"update {table} set {column} = ? where rowid in (select min(rowid) from {table})", [PERSON]
            )
            assert changed.rowcount == 1, f"the sample's run left no row in {table}"
        db.commit()
    log = settings.airflow / "logs" / "dag_id=nightly" / "attempt=1.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"computing {PERSON}\n", encoding="utf-8")


@pytest.fixture
def planted(sample_copy: Settings, tmp_path: Path) -> Settings:
    """The sample's places with two more people in them, one of whom is in every place there is."""
    settings = sample_copy
    for participant in (PERSON, LIKE_THEM):
        person = cohort_life.Person(participant=participant, days=12)
        truth = make_cohort.make_export(person, tmp_path / participant)
        load_export(
            settings,
            *(export.path for export in truth.exports),
            now=utc_now(),
            participant=participant,
            timezone=person.zone,
            device=DEVICE if participant == PERSON else None,
            research=True,
        )
    before = date(2025, 9, 14)
    run_night(settings, before=before, now=utc_now())
    write_pages(settings, before=before, now=utc_now())
    for folder in (settings.inbox / PERSON, settings.raw / PERSON, settings.watch / PERSON):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "export.json").write_text(f'{{"owner": "{PERSON}"}}', encoding="utf-8")
    left_over = settings.staging / "run-killed"
    left_over.mkdir(parents=True)
    with duckdb.connect() as con:
        con.execute(f"copy (select '{PERSON}' as participant) to {quote(str(left_over / 'x.parquet'))}")
    plant_in_airflow(settings)
    plant_in_vault(settings)
    sealed = settings.reports / PERSON / "sealed" / "2025-W37.html"
    sealed.parent.mkdir()
    sealed.write_text("closed", encoding="utf-8")
    return settings


def plant_in_vault(settings: Settings) -> None:
    """Give both people an address, a mail that waits and a token, encrypted."""
    vault = open_vault(settings.vault, FileKeys(settings.vault_key))
    for who in (PERSON, LIKE_THEM):
        for kind, name in VAULT_ROWS:
            vault.write(who, kind, name, {"secret": f"{kind} of {who}"}, compare_version=0)


def read_vault(settings: Settings, who: str) -> list[str]:
    """What the vault gives of a person, decrypted."""
    vault = open_vault(settings.vault, FileKeys(settings.vault_key))
    entries = [vault.read(who, kind, name) for kind, name in VAULT_ROWS]
    return [entry.value["secret"] for entry in entries if entry is not None]


def test_nothing_is_left_of_an_erased_person_and_nobody_else_is_touched(planted: Settings) -> None:
    var = planted.var
    before = places_of(var, PERSON)
    wanted = [
        "meta.participant",
        "signal.heart_rate",
        "signal.sleep_stage",
        "feature.value",
        "model.baseline",
    ]
    wanted += [
        "report.insight",
        "inbox",
        "raw",
        "watch",
        "reports",
        "x.parquet",
        "attempt=1.log",
        "published",
    ]
    wanted += ["sealed", "vault.db:entry", "bytes of " + str(planted.vault)]
    for place in [*wanted, *(f"airflow.db:{table}" for table in AIRFLOW_ROWS)]:
        assert any(place in found for found in before), (
            f"the planted pseudonym is not in {place}: the test is blind"
        )
    assert any("signal.heart_rate" in place for place in places_of(var, DEVICE))
    others = count_rows(planted, "participant <> ?")
    assert read_vault(planted, PERSON) == [f"{kind} of {PERSON}" for kind, _ in VAULT_ROWS]
    tokens = raw_tokens(planted.vault)

    receipt = forget_person(planted, PERSON)
    assert read_vault(planted, PERSON) == []
    assert read_vault(planted, LIKE_THEM) == [f"{kind} of {LIKE_THEM}" for kind, _ in VAULT_ROWS]
    left = planted.vault.read_bytes()
    assert [token for token in tokens if token in left] == raw_tokens(planted.vault)

    assert places_of(var, PERSON) == set()
    assert places_of(var, DEVICE) == set()
    assert count_rows(planted, "participant <> ?") == others
    with open_warehouse(planted.warehouse, read_only=True) as con:
        people = con.execute("select participant from meta.participant order by 1").fetchall()
        assert people == [(LIKE_THEM,), ("sample",)]
        receipts = con.execute("select receipt, rows > 1000, files > 2 from meta.erasure").fetchall()
        assert receipts == [(receipt, True, True)]
        assert con.execute("select count(*) from feature.night where participant = 'sample'").fetchone() != (
            0,
        )


def raw_tokens(path: Path) -> list[bytes]:
    """The encrypted values of a vault, as they stand in its file."""
    with closing(sqlite3.connect(path)) as db:
        return [value for (value,) in db.execute("select value from entry order by participant, kind")]


def count_rows(settings: Settings, where: str) -> dict[str, int]:
    tables = ("signal.heart_rate", "signal.sleep_stage", "feature.value", "feature.night", "report.insight")
    with open_warehouse(settings.warehouse, read_only=True) as con:
        return {t: scalar(con, f"select count(*) from {t} where {where}", [PERSON]) for t in tables}


def test_the_command_asks_and_refuses_an_unknown_person(
    sample_run: object, sample_copy: Settings, steadyline: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = steadyline("forget", "nobody", "--yes", var=sample_copy.var)
    assert done.returncode == 1
    assert done.stderr.strip() == "There is no participant nobody: 'steadyline status' lists those there are."
    refused = steadyline("forget", "sample", var=sample_copy.var)
    assert refused.returncode == 1
    assert count_rows(sample_copy, "participant <> ?")["signal.heart_rate"] == 1_309_430


def test_names_match_a_pseudonym_as_a_whole() -> None:
    assert names("p-1").search('{"participant": "p-1"}')
    assert names("p-1").search("raw/p-1/export.zip")
    assert names("p-1").search("It was p-1.")
    for other in ("p-12", "xp-1", "p-1.b", "p-1-b"):
        assert not names("p-1").search(other)
