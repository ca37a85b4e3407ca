"""Consent: what was said holds and is kept, nothing leaves of who said no, and what has left is known."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from conftest import ROOT
from fitbit_export import heart_day, load_into, vendor_json, write_zip
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from mail_servers import NOW

from features.segment_export import SCHEMA, write_rows
from warehouse import consent, migrations
from warehouse import publish as publishing
from warehouse.commit import commit
from warehouse.consent import (
    PURPOSES,
    VERSION,
    ConsentChangedError,
    ConsentError,
    Release,
    is_allowed,
    list_allowed,
    list_outdated,
    list_refused,
    list_releases,
    read_statements,
    releasing,
    still_allowed,
    write_consent,
    write_consents,
)
from warehouse.known import read_known
from warehouse.publish import publish
from warehouse.schema import Table
from warehouse.staging import stage
from warehouse.status import describe_outdated
from warehouse.store import open_warehouse
from warehouse.tables import find_table

ANN, BEN = "p-annplanted4711", "p-benplanted4712"
"""Longer than the 12 bytes that DuckDB keeps of a text in place."""
Steadyline = Callable[..., subprocess.CompletedProcess[str]]


def later(days: int) -> datetime:
    return NOW + timedelta(days=days)


def make(path: Path, *people: str) -> Path:
    """A warehouse in which everybody has one feature of one day."""
    with open_warehouse(path) as con:
        con.execute("insert into feature.catalog (feature, grain) values ('steps', 'day')")
        for who in people:
            con.execute("insert into meta.participant values (?, 'Europe/Berlin', ?)", [who, NOW])
            con.execute(
                "insert into feature.value (participant, day, feature, value) values (?, ?, 'steps', 5)",
                [who, date(2026, 7, 13)],
            )
    return path


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return make(tmp_path / "w.duckdb", ANN, BEN)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("shared") / "w.duckdb")


def allowed(url: Path, who: str = ANN) -> set[str]:
    with open_warehouse(url, read_only=True) as con:
        return {purpose for purpose in PURPOSES if is_allowed(con, who, purpose)}


def said(url: Path, who: str = ANN) -> dict[str, list[tuple[int, bool, str]]]:
    with open_warehouse(url, read_only=True) as con:
        found = read_statements(con, who)
    return {k: [(one.number, one.granted, one.version) for one in v] for k, v in found.items() if v}


def releases(url: Path, who: str) -> list[Release]:
    with open_warehouse(url, read_only=True) as con:
        return list_releases(con, who)


# --- what was said -------------------------------------------------------------------------------


def test_own_pages_and_mails_are_on_and_research_and_raw_off_until_somebody_speaks(warehouse: Path) -> None:
    assert allowed(warehouse) == {"pages", "mail"}
    assert allowed(warehouse, "nobody") == set()
    with open_warehouse(warehouse, read_only=True) as con:
        assert list_allowed(con, "pages") == [ANN, BEN]
        assert list_allowed(con, "research") == list_allowed(con, "raw") == list_refused(con, "pages") == []


def test_raw_counts_only_with_research_and_goes_and_stays_away_with_it(warehouse: Path) -> None:
    assert write_consent(warehouse, ANN, "raw", True, now=NOW)
    assert allowed(warehouse) == {"pages", "mail"}
    write_consent(warehouse, ANN, "research", True, now=later(1))
    assert allowed(warehouse) == {"pages", "mail", "research", "raw"}
    assert set(write_consents(warehouse, ANN, {"research": False}, now=later(2))) == {"research", "raw"}
    assert write_consents(warehouse, ANN, {"research": True}, now=later(3)) == ["research"]
    assert allowed(warehouse) == {"pages", "mail", "research"}
    assert allowed(warehouse, BEN) == {"pages", "mail"}


def test_what_holds_already_is_not_written_again(warehouse: Path) -> None:
    assert write_consents(warehouse, ANN, {"research": True, "pages": True}, now=NOW) == ["research", "pages"]
    assert write_consents(warehouse, ANN, {"research": True, "pages": True}, now=later(1)) == []
    assert said(warehouse) == {"pages": [(1, True, VERSION)], "research": [(1, True, VERSION)]}


NUMBERS = count()


@given(steps=st.lists(st.tuples(st.sampled_from(sorted(PURPOSES)), st.booleans()), max_size=7))
@hypothesis_settings(deadline=None, max_examples=25)
def test_the_last_statement_holds_and_the_history_is_complete_and_in_order(
    shared: Path, steps: list[tuple[str, bool]]
) -> None:
    who = f"p-{next(NUMBERS)}"
    with open_warehouse(shared) as con:
        con.execute("insert into meta.participant values (?, 'UTC', ?)", [who, NOW])
    expected: dict[str, list[tuple[bool, datetime]]] = {}
    for day, (purpose, granted) in enumerate(steps):
        write_consent(shared, who, purpose, granted, now=later(day))
        # Whoever takes research back takes raw back.
        both = ["raw"] if purpose == "research" and not granted and "raw" in expected else []
        for name in [purpose, *both]:
            before = expected.setdefault(name, [])
            if not before or before[-1][0] != granted:
                before.append((granted, later(day)))
    with open_warehouse(shared, read_only=True) as con:
        history = read_statements(con, who)
    for name, every in history.items():
        assert [(one.granted, one.since_utc) for one in every] == expected.get(name, [])
        assert [one.number for one in every] == list(range(1, len(every) + 1))
    holds = {name: PURPOSES[name].default for name in PURPOSES}
    holds |= {name: every[-1][0] for name, every in expected.items()}
    holds["raw"] &= holds["research"]
    assert allowed(shared, who) == {name for name, yes in holds.items() if yes}


def test_with_a_new_text_research_has_to_be_allowed_anew(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_consents(warehouse, ANN, {"research": True, "raw": True, "pages": True}, now=NOW)
    write_consents(warehouse, BEN, {"research": False, "pages": False}, now=NOW)
    monkeypatch.setattr(consent, "VERSION", "2")
    assert allowed(warehouse) == {"pages", "mail"}
    with open_warehouse(warehouse, read_only=True) as con:
        assert list_outdated(con) == [(ANN, "raw"), (ANN, "research")], "who said no is not asked again"
        assert describe_outdated(con)[1] == {"participant": ANN, "use": "research"}
    assert write_consent(warehouse, ANN, "research", True, now=later(1))
    assert allowed(warehouse) == {"pages", "mail", "research"}
    assert said(warehouse)["research"] == [(1, True, "1"), (2, True, "2")]


def test_the_text_does_not_change_without_its_version() -> None:
    text = "\n".join(f"{name}: {PURPOSES[name].meaning}" for name in ("research", "raw"))
    known = {"1": "530eacdef7fe4185"}
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == known[VERSION], (
        "the text of research or raw has changed: give it a new VERSION, and put its hash here beside the old"
    )


def test_the_page_about_consent_shows_every_sentence_as_it_stands() -> None:
    page = (ROOT / "docs" / "consent.md").read_text(encoding="utf-8")
    for name, purpose in PURPOSES.items():
        assert f"| `{name}` | {'on' if purpose.default else 'off'} | {purpose.meaning} |" in page
        assert re.fullmatch(r"[^.]+take (this|it) back at any time[^.]*\.", purpose.meaning), "one sentence"
    assert f"This is text {VERSION}." in page


@pytest.mark.parametrize(
    ("who", "purpose", "told"),
    [
        (ANN, "science", "There is no purpose 'science': there are pages, research, raw, mail."),
        ("p-x", "mail", "There is no participant p-x: 'steadyline status' lists them."),
    ],
)
def test_what_cannot_be_said_is_explained_and_nothing_is_written(
    warehouse: Path, who: str, purpose: str, told: str
) -> None:
    with pytest.raises(ConsentError) as caught:
        write_consents(warehouse, who, {"pages": False, purpose: True}, now=NOW)
    assert str(caught.value) == told
    assert said(warehouse) == {}


def test_an_old_warehouse_keeps_what_was_said_and_a_reader_may_be_the_first_to_open_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "old.duckdb"
    before = [one for one in migrations.list_migrations() if one.version < 9]
    with duckdb.connect(str(path)) as con:
        for migration in before:
            con.execute(migration.sql)
            migrations.record(con, migration)
        for who, granted in ((ANN, True), (BEN, False)):
            con.execute("insert into meta.participant values (?, 'UTC', ?)", [who, NOW])
            con.execute("insert into meta.consent values (?, 'research', ?, ?)", [who, granted, NOW])
    known = read_known(path, participant=None, sha256=[], wait_s=0)
    assert {who: (one.granted, one.since_utc) for who, one in known.research.items()} == {
        ANN: (True, NOW),
        BEN: (False, NOW),
    }
    assert said(path) == {"research": [(1, True, "0")]}
    assert said(path, BEN) == {"research": [(1, False, "0")]}
    with open_warehouse(path, read_only=True) as con:
        assert list_allowed(con, "research") == [], "the text says more than was said then: it is asked anew"
        assert list_outdated(con) == [(ANN, "research")]


# --- with a load ---------------------------------------------------------------------------------


def test_a_load_says_research_anew_and_tells_so_of_who_had_taken_it_back(tmp_path: Path) -> None:
    export = write_zip(
        tmp_path / "a.zip", {"heart_rate-2020-05-01.json": vendor_json(heart_day("2020-05-01", 10))}
    )
    assert load_into(tmp_path, export, research=True).remarks == ()
    warehouse = tmp_path / "w.duckdb"
    assert not load_into(tmp_path, export, research=True).changed
    write_consent(warehouse, "p", "research", False, now=datetime(2026, 11, 20))
    again = load_into(tmp_path, export, research=True)
    assert again.changed
    assert again.remarks == (
        (
            "Research was not allowed since 2026-11-20; with --research it is allowed from now on, as this person"
            " says anew."
        ),
    )
    assert said(warehouse, "p") == {"research": [(1, True, "1"), (2, False, "1"), (3, True, "1")]}


def test_who_says_no_while_a_load_runs_is_not_overruled_by_it(warehouse: Path, tmp_path: Path) -> None:
    with stage(tmp_path / "staging", "ingest", method_version="made-1") as staged:
        row = {"purpose": "research", "number": 1, "granted": True, "version": VERSION, "since_utc": NOW}
        schema = find_table("meta.consent").arrow_schema
        rows = [{"participant": who, **row} for who in (ANN, BEN)]
        staged.add("meta.consent", pa.Table.from_pylist(rows, schema=schema))
    write_consent(warehouse, ANN, "research", False, now=later(1))
    commit(warehouse, [staged.folder], now=later(2))
    assert said(warehouse) == {"research": [(1, False, VERSION)]}
    assert said(warehouse, BEN) == {"research": [(1, True, VERSION)]}


# --- what leaves ---------------------------------------------------------------------------------


def published_people(target: Path) -> set[str]:
    with duckdb.connect(str(target), read_only=True) as con:
        return {who for (who,) in con.execute("select participant from feature.value").fetchall()}


def test_of_who_took_research_back_nothing_is_in_the_next_published_file(
    warehouse: Path, tmp_path: Path
) -> None:
    target = tmp_path / "published.duckdb"
    for who in (ANN, BEN):
        write_consent(warehouse, who, "research", True, now=NOW)
    assert publish(warehouse, target, now=later(1))
    assert ANN.encode() in target.read_bytes(), "else the test is blind"
    assert not publish(warehouse, target, now=later(2))
    write_consent(warehouse, ANN, "research", False, now=later(3))
    assert publish(warehouse, target, now=later(4)), "no data changed, but who allowed it"
    assert ANN.encode() not in target.read_bytes()
    assert BEN.encode() in target.read_bytes()
    assert published_people(target) == {BEN}
    what = ("published", "duckdb", False, False)
    assert releases(warehouse, ANN) == [Release(*what, 1, later(1), later(1))]
    assert releases(warehouse, BEN) == [Release(*what, 2, later(1), later(4))]


def test_only_who_is_in_the_published_file_is_noted(warehouse: Path, tmp_path: Path) -> None:
    with open_warehouse(warehouse) as con:
        con.execute("insert into meta.participant values ('p-empty', 'UTC', ?)", [NOW])
    for who in (ANN, "p-empty"):
        write_consent(warehouse, who, "research", True, now=NOW)
    publish(warehouse, tmp_path / "published.duckdb", now=NOW)
    assert [bool(releases(warehouse, who)) for who in (ANN, BEN, "p-empty")] == [True, False, False]


def test_every_published_table_with_people_is_filtered_by_them() -> None:
    def has_people(table: Table) -> bool:
        return any(column.name == "participant" for column in table.columns)

    assert [t.full_name for t in publishing.PUBLISHED if has_people(t) and "participant" not in t.key] == []


def change_after_copy(monkeypatch: pytest.MonkeyPatch, changes: Sequence[Callable[[], object]]) -> None:
    """Let something happen each time a copy is written, before it is moved into place."""
    write, waiting = publishing.write_copy, iter(changes)

    def write_then(*args: object, **more: object) -> object:
        people = write(*args, **more)  # type: ignore[arg-type]
        next(waiting, lambda: None)()
        return people

    monkeypatch.setattr(publishing, "write_copy", write_then)


def test_who_takes_research_back_while_the_copy_is_made_is_not_in_it(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for who in (ANN, BEN):
        write_consent(warehouse, who, "research", True, now=NOW)
    change_after_copy(monkeypatch, [partial(write_consent, warehouse, ANN, "research", False, now=later(1))])
    assert publish(warehouse, tmp_path / "published.duckdb", now=later(1))
    assert published_people(tmp_path / "published.duckdb") == {BEN}
    assert releases(warehouse, ANN) == []


def test_a_publish_that_cannot_go_on_leaves_the_old_file(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "published.duckdb"
    target.write_bytes(b"old")
    people = [f"p-{i}" for i in range(4)]
    make(tmp_path / "many.duckdb", *people)
    for who in people:
        write_consent(tmp_path / "many.duckdb", who, "research", True, now=NOW)
    one = partial(write_consent, tmp_path / "many.duckdb", granted=False, purpose="research", now=later(1))
    change_after_copy(monkeypatch, [partial(one, participant=who) for who in people])
    with pytest.raises(ConsentChangedError, match=r"^p-2 took the consent to research back while"):
        publish(tmp_path / "many.duckdb", target, now=later(1))
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert target.read_bytes() == b"old"


def test_an_export_ends_without_a_file_if_somebody_in_it_says_no_meanwhile(
    warehouse: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "segments.csv"

    def tables() -> Iterator[pa.Table]:
        for who in (ANN, BEN):
            row = dict.fromkeys(SCHEMA.names) | {"participant": who}
            yield pa.Table.from_pylist([row], schema=SCHEMA)
        write_consent(warehouse, ANN, "research", False, now=later(1))

    for who in (ANN, BEN):
        write_consent(warehouse, who, "research", True, now=NOW)
    release = partial(releasing, warehouse, way="export", format="csv", now=later(2))
    with pytest.raises(ConsentChangedError) as caught:
        write_rows(tables(), target, release=release)
    assert str(caught.value) == (
        f"{ANN} took the consent to research back while this was being written: nothing has left; run the same"
        " command again, and it goes without them."
    )
    assert list(target.parent.iterdir()) == []
    assert releases(warehouse, BEN) == []


def test_a_release_asks_for_raw_where_raw_signals_are_in_it(warehouse: Path) -> None:
    write_consent(warehouse, ANN, "research", True, now=NOW)
    release = partial(releasing, warehouse, way="export", format="parquet", deidentified=True)
    with (
        pytest.raises(ConsentChangedError, match="consent to raw"),
        release([ANN], raw=[ANN], now=NOW),
    ):
        pytest.fail("nothing may be moved")
    with release([BEN], own=True, now=NOW):
        pass  # who hands over their own is not asked
    assert releases(warehouse, BEN) == [Release("export", "parquet", True, False, 1, NOW, NOW)]
    still_allowed(warehouse, [ANN], "research")
    with pytest.raises(ConsentChangedError, match=BEN):
        still_allowed(warehouse, [ANN, BEN], "research")
    write_consent(warehouse, ANN, "raw", True, now=NOW)
    for day in (1, 2):
        with release([ANN], raw=[ANN], now=later(day)):
            pass
    assert releases(warehouse, ANN) == [Release("export", "parquet", True, True, 2, later(1), later(2))]


def test_nobody_takes_a_consent_back_between_the_last_look_and_the_move(
    tmp_path: Path, steadyline: Steadyline
) -> None:
    warehouse = make(tmp_path / "steadyline.duckdb", ANN)
    write_consent(warehouse, ANN, "research", True, now=NOW)
    with releasing(warehouse, [ANN], way="export", format="csv", now=NOW):
        done = steadyline("consent", "--participant", ANN, "research=no", "--wait", "0", var=tmp_path)
    assert done.returncode == 1
    assert "is held by another process" in done.stderr
