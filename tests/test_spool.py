"""Answers wait in the inbox: whole, once, whoever holds the warehouse, and the next night takes them in."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import ingest.inbox
from cli.forget import forget_person
from cli.night import load_inbox
from cli.nightly import utc_now
from cli.settings import Settings, read_settings
from cli.spool import (
    Row,
    check_row,
    clean,
    date_now,
    date_said,
    keep,
    list_kept,
    list_unfinished,
    make_checkin,
    make_event,
    make_key,
    name_answer,
    write_table,
)
from warehouse.errors import ExplainedError
from warehouse.store import open_warehouse

Steadyline = Callable[..., subprocess.CompletedProcess[str]]
WHO = "p-a"
NOW = datetime(2026, 11, 20, 10, 15, 30)
KEY = "20261120T101500Z-abcdefgh"


@pytest.fixture
def places(tmp_path: Path) -> Settings:
    """A warehouse with one person, who lives in Sydney: 11 hours ahead of UTC in November."""
    places = read_settings({"STEADYLINE_VAR": str(tmp_path / "var")})
    with open_warehouse(places.warehouse) as con:
        con.execute("insert into meta.participant values (?, 'Australia/Sydney', ?)", [WHO, NOW])
    return places


def rows_of(places: Settings, sql: str) -> list[tuple[Any, ...]]:
    with open_warehouse(places.warehouse, read_only=True) as con:
        return con.execute(sql).fetchall()


def night(places: Settings) -> None:
    waiting = load_inbox(places, now=utc_now())
    assert [w.problem for w in waiting] == [None] * len(waiting)


def waiting_files(places: Settings) -> list[str]:
    return sorted(path.name for path in (places.inbox / WHO).glob("*"))


def checkin(value: int, when: datetime = NOW) -> Row:
    return make_checkin(date_now(when), "felt_stress", str(value))


FELT = "select t_utc, offset_min, value from signal.checkin where scale = 'felt_stress' order by t_utc"


def test_a_tap_twice_is_one_row_of_the_next_night_and_of_all_nights_after_it(places: Settings) -> None:
    name = name_answer(checkin(4), KEY)
    assert keep(places, WHO, name, checkin(4)) is True
    later = checkin(4, NOW + timedelta(seconds=3))
    assert keep(places, WHO, name, later) is False
    night(places)
    assert rows_of(places, FELT) == [(NOW, 660, 4.0)]
    assert waiting_files(places) == []
    assert keep(places, WHO, name, later) is False, "taken in already: the same tap is still the same"
    night(places)
    assert rows_of(places, FELT) == [(NOW, 660, 4.0)]


def test_what_was_cut_short_is_no_answer_and_the_same_tap_again_is_kept(places: Settings) -> None:
    code = (
        "import os, sys; from datetime import datetime; from pathlib import Path; from cli import spool;"
        "from cli.settings import read_settings;"
        # The machine stops while half of the file is written.
        "spool.os.fsync = lambda _: os._exit(9); spool.write_table = lambda row: b'date,time,sca';"
        f"spool.keep(read_settings(os.environ), '{WHO}', 'checkin-{KEY}.csv', {{}})"
    )
    environ = os.environ | {"STEADYLINE_VAR": str(places.var)}
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, check=False).returncode == 9
    assert [p.read_bytes() for p in list_unfinished(places, WHO)] == [b"date,time,sca"]
    night(places)
    assert rows_of(places, FELT) == []
    assert keep(places, WHO, f"checkin-{KEY}.csv", checkin(4))
    night(places)
    assert rows_of(places, FELT) == [(NOW, 660, 4.0)]
    forget_person(places, WHO)
    assert list_unfinished(places, WHO) == []


def test_an_answer_that_comes_while_the_night_loads_is_not_put_away_unread(
    places: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ingest.inbox.load
    late = checkin(9, NOW + timedelta(minutes=1))

    def load_and_tap(*args: Any, **named: Any) -> Any:
        report = real(*args, **named)
        keep(places, WHO, name_answer(late, "20261120T101600Z-ijklmnop"), late)
        return report

    keep(places, WHO, name_answer(checkin(4), KEY), checkin(4))
    monkeypatch.setattr(ingest.inbox, "load", load_and_tap)
    night(places)
    monkeypatch.undo()
    assert waiting_files(places) == ["checkin-20261120T101600Z-ijklmnop.csv"]
    night(places)
    assert [value for *_, value in rows_of(places, FELT)] == [4.0, 9.0]


def test_many_at_once_never_write_over_each_other(places: Settings) -> None:
    def tap(k: int) -> bool:
        return keep(places, WHO, f"checkin-20261120T1015{k // 2:02d}Z-abcdefgh.csv", checkin(k % 11))

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(tap, range(60)))
    assert [sum(kept[k : k + 2]) for k in range(0, 60, 2)] == [1] * 30, "of two with one key one is kept"
    contents = [path.read_text(encoding="utf-8") for path in (places.inbox / WHO).iterdir()]
    assert len(contents) == 30
    assert all(
        text.startswith("date,time,scale,value\n2026-11-20,10:15:30Z,felt_stress,") for text in contents
    )
    assert list_unfinished(places, WHO) == []


def test_answers_are_for_their_owner_alone(places: Settings) -> None:
    keep(places, WHO, name_answer(checkin(4), KEY), checkin(4))
    (path,) = (places.inbox / WHO).iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert (places.inbox / WHO).stat().st_mode & 0o777 == 0o700


def test_of_two_answers_to_one_moment_the_later_one_counts(places: Settings) -> None:
    for value, asked in ((9, "20261120T101500Z-zzzzzzzz"), (3, "20261120T101700Z-aaaaaaaa")):
        row = make_checkin(("2026-11-15", "21:00"), "felt_stress", str(value))
        keep(places, WHO, name_answer(row, asked, "2026-W46"), row)
    assert [row["value"] for row in list_kept(places, WHO, week="2026-W46")] == ["3", "9"]
    night(places)
    assert rows_of(places, FELT) == [(datetime(2026, 11, 15, 10), 660, 3.0)]
    again = make_checkin(("2026-11-15", "21:00"), "felt_stress", "5")
    keep(places, WHO, name_answer(again, "20261121T101700Z-aaaaaaaa", "2026-W46"), again)
    assert [row["value"] for row in list_kept(places, WHO, week="2026-W46")] == ["5", "3", "9"]
    assert list_kept(places, WHO, week="2026-W45") == []
    night(places)
    assert rows_of(places, FELT) == [(datetime(2026, 11, 15, 10), 660, 5.0)]


def test_a_tag_is_an_event_with_its_end_and_who_it_was_with(places: Settings) -> None:
    rows = [
        make_event(date_said("2026-11-10 18:00"), "therapy", app="better help", end="18:50"),
        make_event(date_said("2026-11-11"), "practice", app='Calm, "really"\n\x00\u202e'),
        make_event(date_said("2026-11-12"), "ill", end="2026-11-14"),
    ]
    for k, row in enumerate(rows):
        check_row(row, NOW)
        keep(places, WHO, name_answer(row, f"20261120T10150{k}Z-abcdefgh"), row)
    night(places)
    assert rows_of(places, "select event, app, t_utc, end_utc from signal.event order by t_utc") == [
        ("therapy", "BetterHelp", datetime(2026, 11, 10, 7), datetime(2026, 11, 10, 7, 50)),
        ("mindful", 'Calm, "really"', datetime(2026, 11, 10, 13), None),
        ("ill", None, datetime(2026, 11, 11, 13), datetime(2026, 11, 14, 13)),
    ]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (make_checkin(date_now(NOW), "felt_stress", "11"), "a number of 0 to 10 for felt_stress"),
        (make_checkin(date_now(NOW), "felt_stress", "so-so"), "a number of 0 to 10 for felt_stress"),
        (make_checkin(date_now(NOW), "joy", "4"), "expected a scale of felt_stress"),
        (make_checkin(date_now(NOW), "who5", "3 4 2"), "expected 5 answers of 0 to 5"),
        (make_checkin(date_said("yesterday"), "felt_stress", "4"), "expected a date as YYYY-MM-DD"),
        (make_checkin(date_said("2026-11-20 25:00"), "felt_stress", "4"), "a time as HH:MM"),
        (make_checkin(date_said("2026-12-20"), "felt_stress", "4"), "dated after the day"),
        (make_event(date_said("2026-11-20"), "<script>"), "expected a kind of event"),
        (make_event(date_said("2026-11-20"), "ill", end="2026-11-18"), "expected an end"),
    ],
)
def test_what_the_diary_would_refuse_at_night_is_told_at_once(row: Row, told: str) -> None:
    with pytest.raises(ExplainedError, match=told):
        check_row(row, NOW)


@given(st.text(max_size=80), st.integers(0, 10))
@hypothesis_settings(max_examples=150, deadline=None)
def test_whatever_is_typed_is_one_clean_row(text: str, value: int) -> None:
    row = make_event(date_now(NOW), "therapy", app=text)
    lines = list(csv.reader(io.StringIO(write_table(row).decode(), newline="")))
    assert lines == [
        ["date", "time", "event", "app", "amount", "end"],
        ["2026-11-20", "10:15:30Z", "therapy", clean(text), "", ""],
    ]
    assert len(clean(text)) <= 60
    assert clean(text).isprintable()
    check_row(row, NOW)
    check_row(checkin(value), NOW)


def test_a_full_disk_is_one_sentence(places: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cli.spool.os.fsync", full)
    with pytest.raises(ExplainedError, match=r"No space left on device.*say it again"):
        keep(places, WHO, name_answer(checkin(4), KEY), checkin(4))
    assert waiting_files(places) == []
    assert list_unfinished(places, WHO) == []


def test_a_key_is_new_each_time_and_says_when_it_was_made() -> None:
    keys = {make_key(NOW) for _ in range(100)}
    assert len(keys) == 100
    assert {key[:17] for key in keys} == {"20261120T101530Z-"}


def test_the_commands_keep_an_answer_once_a_minute(steadyline: Steadyline, places: Settings) -> None:
    start = utc_now()
    first = steadyline("checkin", "--participant", WHO, "heavy", var=places.var)
    again = steadyline("checkin", "--participant", WHO, "7", var=places.var)
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert first.stdout.startswith("kept: ")
    done = steadyline("tag", "--participant", WHO, "therapy", "--app", "BetterHelp", var=places.var)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    night(places)
    felt = rows_of(places, FELT)
    assert {value for *_, value in felt} == {7.0}
    # 'heavy' is 7: the same answer. Two rows only where the clock's minute changed between the two.
    assert len(felt) == 1 or felt[0][0].minute != felt[1][0].minute
    assert start <= felt[0][0] <= utc_now()
    assert rows_of(places, "select event, app from signal.event") == [("therapy", "BetterHelp")]


def test_an_unknown_person_is_refused_and_nothing_is_written(
    steadyline: Steadyline, places: Settings
) -> None:
    for who in ("p-b", "../p-a", "."):
        done = steadyline("checkin", "--participant", who, "4", var=places.var)
        assert done.returncode == 1
        assert done.stderr.startswith(f"There is no participant '{who}'")
        assert len(done.stderr.strip().splitlines()) == 1
    assert not places.inbox.exists()
    empty = steadyline("tag", "--participant", WHO, "ill", var=places.var / "other")
    assert (empty.returncode, empty.stderr[:23]) == (1, "There is no participant")


def test_an_answer_is_kept_while_the_warehouse_is_held(steadyline: Steadyline, places: Settings) -> None:
    words = ("--participant", WHO, "4", "--at", "2026-11-20 21:15", "--wait", "0")
    with open_warehouse(places.warehouse):
        done = steadyline("checkin", *words, var=places.var)
    assert done.returncode == 0, done.stderr
    assert "The answer is safe" in done.stderr
    night(places)
    # 21:15 of the person's own clock, though nobody could look up where they live.
    assert rows_of(places, FELT) == [(datetime(2026, 11, 20, 10, 15), 660, 4.0)]
