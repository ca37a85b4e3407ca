"""The watch and the DAGs that pull: what is found, when it is told again, and that Airflow keeps no secret."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from mail_servers import Post, run_server
from servers import running
from servers.run_live import BEFORE, connect, make_environ
from test_connect import CLOSED, TOKENS, House

from cli.apps import PROVIDERS
from cli.settings import make_places, read_settings
from cli.watch import describe, look, read_told, watch
from ingest.connections import Connection
from ingest.live.sunsets import Sunset, read_sunsets
from ingest.vault import Note
from ingest.watch import (
    Finding,
    choose_news,
    find_all,
    find_drift,
    find_ended,
    find_expiring,
    find_missing,
    find_stuck,
    find_sunsets,
    list_dates,
    name_finding,
)
from warehouse.commit import commit
from warehouse.freshness import Came, read_came, read_last
from warehouse.staging import stage
from warehouse.store import open_warehouse

TODAY = date(2026, 11, 23)
DAYS = 17


def day(back: int) -> date:
    """So many days before today."""
    return TODAY - timedelta(days=back)


def at(back: int, hour: int = 3) -> datetime:
    return datetime.combine(day(back), datetime.min.time()) + timedelta(hours=hour)


def linked(status: str = "active", **more: Any) -> Connection:
    note = Note(status, **{"succeeded": at(0), **more})
    return Connection("p-a", "google_health", note)


def texts(found: Iterator[Finding] | list[Finding]) -> list[str]:
    return [one.text for one in found]


# --- what there is to hear of ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("newest", "told"),
    [
        (None, "connected, but nothing was ever recorded: is the app on the phone set up?"),
        (at(0), None),
        (at(3, 0), None),  # the last recorded day is one of the three
        (at(4, 23), "nothing recorded for 3 days, since 2026-11-19: does the device still sync?"),
        (at(11), "nothing recorded for 10 days, since 2026-11-12: does the device still sync?"),
    ],
)
def test_three_whole_days_without_anything_are_missing(newest: datetime | None, told: str | None) -> None:
    last = {} if newest is None else {"p-a": newest}
    assert texts(find_missing([linked()], last, TODAY)) == ([] if told is None else [told])
    assert texts(find_missing([linked(succeeded=None)], last, TODAY)) == [], "no pull has ended yet"
    assert texts(find_missing([linked("needs_reconsent")], last, TODAY)) == [], "that has another reason"


def test_what_is_missing_is_told_on_the_third_day_and_every_second_day_for_two_weeks() -> None:
    """A watch run every morning, of a device that lies in a drawer from the first of the month on."""
    told: dict[str, date] = {}
    heard = []
    for n in range(1, 31):
        before = date(2026, 11, n)
        found = list(find_missing([linked()], {"p-a": datetime(2026, 11, 1, 22)}, before))
        news = choose_news(found, told, before)
        heard += [before.day for _ in news]
        told |= {name_finding(one): before for one in news}
    assert heard == [5, 7, 9, 11, 13, 15]


def test_a_consent_that_ended_is_told_once_with_its_reason() -> None:
    (one,) = find_ended([linked("needs_reconsent", failed=at(2), error="withdrawn")], TODAY)
    assert one.text == "google_health has to be connected again: withdrawn"
    assert choose_news([one], {}, TODAY) == [one]
    assert choose_news([one], {name_finding(one): day(9)}, TODAY) == []
    assert list(find_ended([linked()], TODAY)) == []


@pytest.mark.parametrize(("back", "verb"), [(-4, None), (-3, "ends"), (0, "ends"), (1, "ended")])
def test_a_consent_that_ends_is_told_three_days_ahead(back: int, verb: str | None) -> None:
    found = texts(find_expiring([linked(expires=at(back))], TODAY))
    assert found == (
        []
        if verb is None
        else [f"the consent at google_health {verb} on {day(back)}: the person connects again"]
    )


def test_pulls_that_do_not_end_well_for_days_are_told_with_their_reason() -> None:
    stuck = linked(succeeded=at(4), failed=at(0), error="a fault of its own (503)")
    assert texts(find_stuck([stuck], TODAY)) == [
        "no pull from google_health ended well since 2026-11-19: a fault of its own (503)"
    ]
    assert texts(find_stuck([linked(succeeded=at(3), failed=at(0))], TODAY)) == []
    assert texts(find_stuck([linked(succeeded=at(9))], TODAY)) == [], "nobody ran it: nothing went wrong"


def came(stream: str, backs: Iterator[int] | range | list[int], **filled: int) -> list[Came]:
    return [Came("p-a", "google_health", stream, day(back), 10, {"value": 10, **filled}) for back in backs]


def test_a_stream_that_fell_to_nothing_while_the_rest_goes_on_is_told_once() -> None:
    hearts = came("heart_rate", range(1, DAYS + 1))
    gone = came("hrv_sample.rmssd_5min", range(4, DAYS + 1))
    assert texts(find_drift(hearts + gone, TODAY)) == [
        "hrv_sample.rmssd_5min from google_health fell to nothing after 2026-11-19, while the rest goes on"
    ]
    assert texts(find_drift(hearts + gone[:9], TODAY)) == [], "it came on 9 of 14 days only"
    assert len(texts(find_drift(hearts + gone[:10], TODAY))) == 1
    assert texts(find_drift(gone, TODAY)) == [], "all is silent: that is missing data, not drift"
    assert texts(find_drift(hearts[1:] + gone, TODAY)) == [], "yesterday may still come"
    back_again = came("hrv_sample.rmssd_5min", [1, *range(4, DAYS + 1)])
    assert texts(find_drift(hearts + back_again, TODAY)) == []


def test_a_field_that_fell_to_nothing_is_told_where_its_rows_go_on() -> None:
    before = came("heart_rate", range(4, DAYS + 1), confidence=9)
    renamed = came("heart_rate", range(1, 4), confidence=0)
    assert texts(find_drift(before + renamed, TODAY)) == [
        "the field confidence of heart_rate from google_health fell to nothing after 2026-11-19, while the rest goes on"
    ]
    assert texts(find_drift(before + came("heart_rate", range(1, 4), confidence=1), TODAY)) == []


def test_a_vendor_that_turns_something_off_is_told_ahead_and_after_to_who_uses_it() -> None:
    one = Sunset("google_health", TODAY + timedelta(days=60), "v4 ends", "move to v5", "a page")
    (ahead,) = find_sunsets([linked()], [one], TODAY)
    assert ahead.text == "google_health, 2027-01-22: v4 ends; move to v5"
    (past,) = find_sunsets([linked()], [one], one.day)
    assert name_finding(ahead) != name_finding(past), "it is told once before and once after"
    assert list(find_sunsets([linked()], [replace(one, day=one.day + timedelta(days=1))], TODAY)) == []
    assert list(find_sunsets([linked()], read_sunsets(), TODAY)) == [], "nobody here uses the Fitbit Web API"


def test_the_calendar_has_the_dates_that_are_known() -> None:
    rows = list_dates([linked(expires=at(-5))], read_sunsets())
    assert [row["day"] for row in rows] == sorted(row["day"] for row in rows)  # type: ignore[type-var]
    assert {"day": date(2026, 11, 2), "provider": "fitbit_web"}.items() <= rows[-2].items()
    assert rows[-1] == {
        "day": day(-5),
        "provider": "google_health",
        "participant": "p-a",
        "what": "the consent ends",
    }


@given(st.lists(st.integers(1, DAYS), max_size=40), st.lists(st.integers(1, DAYS), max_size=40))
@hypothesis_settings(deadline=None, max_examples=60)
def test_drift_is_a_matter_of_days_only_and_never_of_their_order(one: list[int], other: list[int]) -> None:
    rows = came("a", one, x=1) + came("b", other)
    found = texts(find_all([], rows, {}, (), TODAY))
    assert found == texts(find_all([], rows[::-1], {}, (), TODAY))
    for text in found:
        stream = "a" if re.search(r"\ba from", text) else "b"
        mine = one if stream == "a" else other
        assert set(mine) & {1, 2, 3} == set()
        assert {1, 2, 3} <= set(one) | set(other)
        assert len(set(mine) & set(range(4, DAYS + 1))) >= 10


# --- from the tables, and how it is told -------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A person whose variability stopped five days ago, and one whose phone syncs no more."""
    environ = {"STEADYLINE_VAR": str(tmp_path / "var")}
    settings = read_settings(environ)
    make_places(settings)
    found = House(settings, environ)
    rows = [(who, back) for who, first in (("p-a", 1), ("p-b", 5)) for back in range(first, 20)]
    hearts = {
        "participant": [who for who, _ in rows],
        "source": ["google_health"] * len(rows),
        "device": ["Charge 6"] * len(rows),
        "t_utc": [at(back) for _, back in rows],
        "offset_min": [0] * len(rows),
        "file_id": [1] * len(rows),
        "record": list(range(len(rows))),
    }
    gone = {
        name: [v for v, (_, back) in zip(column, rows, strict=True) if back > 5]
        for name, column in hearts.items()
    }
    n = len(gone["t_utc"])
    with stage(settings.staging, "ingest", method_version="1") as staged:
        staged.add(
            "signal.heart_rate",
            pa.table({**hearts, "hr_bpm": [60.0] * len(rows), "confidence": [None] * len(rows)}),
        )
        hrv = {"hrv": ["rmssd_5min"] * n, "span_s": [300] * n, "value_ms": [40.0] * n, "coverage": [None] * n}
        staged.add("signal.hrv_sample", pa.table({**gone, **hrv}))
    commit(settings.warehouse, [staged.folder], now=at(0))
    for who in ("p-a", "p-b"):
        found.give(who, "rt-X")
        found.vault.mark(
            who,
            "token",
            "google_health",
            Note("active", expires=at(-2), succeeded=at(0)),
            compare_version=version_of(found, who),
        )
    return found


def version_of(house: House, who: str) -> int:
    (row,) = house.vault.list_participant(who)
    return row.version


SEEN = [
    "p-a: hrv_sample.rmssd_5min from google_health fell to nothing after 2026-11-17, while the rest goes on",
    "p-a: the consent at google_health ends on 2026-11-25: the person connects again",
    "p-b: the consent at google_health ends on 2026-11-25: the person connects again",
    "p-b: nothing recorded for 4 days, since 2026-11-18: does the device still sync?",
]


def test_what_came_is_counted_by_day_stream_and_field(house: House) -> None:
    with open_warehouse(house.settings.warehouse, read_only=True) as con:
        found = read_came(con, day(DAYS), TODAY)
        assert read_last(con) == {"p-a": at(1), "p-b": at(5)}
    mine = [one for one in found if (one.participant, one.stream) == ("p-a", "heart_rate")]
    assert [one.day for one in mine] == [day(back) for back in range(DAYS, 0, -1)]
    assert {(one.rows, one.filled["hr_bpm"], one.filled["confidence"]) for one in mine} == {(1, 1, 0)}
    assert {one.stream for one in found} == {"heart_rate", "hrv_sample.rmssd_5min"}


def test_the_watch_tells_once_and_again_what_goes_on_or_came_back(house: House) -> None:
    lines, problems = watch(house.settings, {}, before=TODAY)
    assert (sorted(lines), problems) == (sorted(SEEN), [])
    assert watch(house.settings, {}, before=TODAY) == ([], []), "it was told"
    assert [p.stat().st_mode & 0o077 for p in house.settings.watch.rglob("*")] == [0] * 4
    lines, _ = watch(house.settings, {}, before=TODAY + timedelta(days=2))
    assert lines == ["p-b: nothing recorded for 6 days, since 2026-11-18: does the device still sync?"]
    (house.settings.watch / "p-b" / "told.json").write_text("broken", encoding="utf-8")
    assert len(read_told(house.settings)) >= 1


def test_what_is_over_is_forgotten_and_told_when_it_comes_back(house: House) -> None:
    watch(house.settings, {}, before=TODAY)
    Path(house.settings.warehouse).unlink()
    house.vault.delete_participant("p-a")
    house.vault.delete_participant("p-b")
    assert watch(house.settings, {}, before=TODAY) == ([], [])
    assert list(house.settings.watch.iterdir()) == []


@contextmanager
def webhook(status: int = 200) -> Iterator[tuple[str, list[bytes]]]:
    """A chat server's webhook; gives its address and what it was sent."""
    sent: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/planted-hook", sent
        finally:
            server.shutdown()
            thread.join()


def test_a_webhook_gets_the_lines_and_one_that_is_down_gets_them_the_next_time(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    lines, problems = watch(
        house.settings, {"STEADYLINE_WATCH_WEBHOOK": f"{CLOSED}/planted-hook"}, before=TODAY
    )
    assert problems == ["the webhook could not be reached"]
    with webhook(500) as (url, _):
        assert watch(house.settings, {"STEADYLINE_WATCH_WEBHOOK": url}, before=TODAY)[1] == [
            "the webhook answered with 500"
        ]
    with webhook() as (url, sent):
        assert watch(house.settings, {"STEADYLINE_WATCH_WEBHOOK": url}, before=TODAY) == (lines, [])
        assert watch(house.settings, {"STEADYLINE_WATCH_WEBHOOK": url}, before=TODAY) == ([], [])
    assert [json.loads(body) for body in sent] == [{"text": "\n".join(lines)}]
    assert "planted-hook" not in caplog.text
    (why,) = watch(house.settings, {"STEADYLINE_WATCH_WEBHOOK": "http://chat.example/x"}, before=day(-9))[1]
    assert "begins with https://" in why


def test_an_operator_may_have_the_lines_by_mail(house: House) -> None:
    environ = {"STEADYLINE_WATCH_MAIL": "ops@example.org", "STEADYLINE_SMTP_FROM": "s@example.org"}
    assert watch(house.settings, environ, before=TODAY)[1] == [
        "STEADYLINE_WATCH_MAIL is set, and no mail server is (STEADYLINE_SMTP_HOST)"
    ]
    post = Post()
    with run_server(post) as running_server:
        environ |= {
            **running_server.environ,
        }
        lines, problems = watch(house.settings, environ, before=TODAY)
    assert problems == []
    ((to, content),) = post.taken
    assert to == "ops@example.org"
    assert "Subject: Steadyline: 4 to look at" in content.decode()
    assert all(line.split(":")[0] in content.decode() for line in lines)


def test_status_shows_connections_dates_and_what_to_look_at(house: House) -> None:
    shown = describe(house.settings, before=TODAY)
    assert [(row["participant"], row["status"]) for row in shown["connections"]] == [
        ("p-a", "active"),
        ("p-b", "active"),
    ]
    assert sorted(f"{row['participant']}: {row['what']}" for row in shown["to look at"]) == sorted(SEEN)
    assert {row["provider"] for row in shown["calendar"]} == {"google_health", "fitbit_web"}
    assert not TOKENS.search(str(shown))
    assert look(read_settings({"STEADYLINE_VAR": str(house.settings.var / "none")}), before=TODAY) == []


# --- Airflow -----------------------------------------------------------------------------------

NIGHT = """
import logging, os, sys
import cli.embedded
# Below this level an Airflow without a server logs what it is told to conceal.
cli.embedded.QUIET["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "INFO"
cli.embedded.QUIET.pop("AIRFLOW__LOGGING__NAMESPACE_LEVELS")
from cli.embedded import prepare, run_dag
from cli.settings import read_settings
prepare(read_settings(os.environ))
for dag_id in ("nightly", "watch", "watch"):
    print("@@", dag_id, run_dag(dag_id, {"date": sys.argv[1]}), flush=True)
"""


@dataclass(frozen=True)
class Night:
    """What a night in Airflow printed and left."""

    output: str
    house: House

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.house.settings.airflow / "airflow.db")) as db:
            return db.execute(sql).fetchall()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """One who is well, one who withdrew, one whose provider is away: connected, and then a night in Airflow."""
    var = tmp_path_factory.mktemp("live") / "var"
    with running("google_health", "--no-faults") as server:
        environ = make_environ(server, var) | {
            "STEADYLINE_OURA_AT": CLOSED,
            "STEADYLINE_OURA_CLIENT_ID": "test-client",
            "STEADYLINE_OURA_CLIENT_SECRET": "test-client-secret",
        }
        house = House(read_settings(environ), environ)
        done = connect("P002", "America/New_York", environ)
        assert done.returncode == 0, done.stderr
        house.give("P001", "rt-Pwithdrawn")
        house.give("P003", "rt-Poura", provider="oura")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "STEADYLINE"))}
        ran = subprocess.run(
            [sys.executable, "-c", NIGHT, str(BEFORE)],
            cwd=ROOT,
            env={**clean, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
    return Night(ran.stdout + ran.stderr, house)


def test_a_night_is_green_though_one_withdrew_and_one_provider_is_away(night: Night) -> None:
    assert re.findall("@@ (.*)", night.output) == ["nightly success", "watch success", "watch success"], (
        night.output
    )
    states = night.ask(
        "select task_id, rendered_map_index, state from task_instance where task_id like 'pull%' and map_index >= 0"
        " order by 1, 2"
    )
    assert states == [
        ("pull_google_health", "P001", "skipped"),
        ("pull_google_health", "P002", "success"),
        ("pull_oura", "P003", "skipped"),
    ]
    with open_warehouse(night.house.settings.warehouse, read_only=True) as con:
        assert con.execute("select distinct participant from feature.value").fetchall() == [("P002",)]
    assert night.house.status("P001").status == "needs_reconsent"
    assert night.house.status("P003").status == "active"


def test_the_operator_is_told_once_in_one_line_each(night: Night) -> None:
    withdrawn = "P001: google_health has to be connected again"
    assert night.output.count(withdrawn) == 1, "two watches ran"
    offline = [
        line for line in night.output.splitlines() if "Oura cannot be reached" in line and "warning" in line
    ]
    assert len(offline) == 1
    assert "Traceback" not in night.output


def test_airflow_keeps_no_secret_and_no_answer(night: Night) -> None:
    assert "httpx" in night.output, "the network library logs: the search is not blind"
    assert not TOKENS.search(night.output)
    for (table,) in night.ask("select name from sqlite_master where type = 'table'"):
        assert not TOKENS.search(str(night.ask(f'select * from "{table}"'))), table
    for path in night.house.settings.airflow.rglob("*"):
        assert not path.is_file() or not TOKENS.search(path.read_bytes().decode("latin-1")), path
    kept = night.ask("select task_id, value from xcom where task_id like 'pull%'")
    assert [value for _, value in kept if value not in (None, "null")] == []


def test_every_pool_that_a_task_waits_for_is_in_the_file_that_servers_import() -> None:
    pools = json.loads((ROOT / "dags" / "pools.json").read_text(encoding="utf-8"))
    assert set(pools) == {"steadyline_writer", *(f"steadyline_{name}" for name in PROVIDERS)}
    assert pools["steadyline_writer"]["slots"] == 1
