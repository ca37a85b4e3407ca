"""Pulls against a fake of the service: to the last sample, through faults and kills, without a secret anywhere."""

from __future__ import annotations

import hashlib
import logging
import math
import signal
import subprocess
import sys
import traceback
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from servers import Server, running
from servers.people import DAYS, FIRST, PEOPLE, is_unworn
from servers.visit import NOW, ServerTokens, World, visiting

from ingest.ledger import LoadError
from ingest.live import google_health
from ingest.live.client import (
    Client,
    LiveError,
    NeedsReconsentError,
    OfflineError,
    ProviderDownError,
    RateLimitedError,
)
from ingest.load import load
from ingest.pull import WAITING, BusyError, Pulled, first_to_ask, forget_answers, holding, parts, pull
from warehouse.store import content_hashes, open_warehouse

LAST = FIRST + timedelta(days=DAYS - 1)
EVERY_DAY = [(FIRST + timedelta(days=i)).isoformat() for i in range(DAYS)]
PAGE_CAP = 5000
RETRIED = 3
"""Requests of each account that the fake refuses once: with 429, 500 and 503."""


@dataclass
class Place:
    """A warehouse, and what was pulled into it."""

    root: Path
    results: dict[str, Pulled] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    logs: list[str] = field(default_factory=list)
    world: World = field(default_factory=World)

    def pull(
        self, client: Client, who: str, first: date = FIRST, last: date = LAST, now: datetime = NOW
    ) -> Pulled:
        try:
            return pull(
                google_health,
                client,
                participant=who,
                first_day=first,
                last_day=last,
                raw=self.root / "raw",
                warehouse=self.root / "w.duckdb",
                staging=self.root / "staging",
                now=now,
                timezone=PEOPLE[who].zone if who in PEOPLE else "Europe/Berlin",
            )
        finally:
            assert isinstance(client.tokens, ServerTokens)
            self.secrets |= client.tokens.seen

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with open_warehouse(self.root / "w.duckdb", read_only=True) as con:
            return con.execute(sql).fetchall()

    def hashes(self) -> dict[str, str]:
        with open_warehouse(self.root / "w.duckdb", read_only=True) as con:
            found = content_hashes(con)
        return {
            name: found[name] for name in found if name.startswith("signal.") or name == "meta.source_file"
        }

    def signals(self) -> dict[str, list[tuple[Any, ...]]]:
        """Rows of all signals but where they came from."""
        tables = [
            name for name, value in self.hashes().items() if name.startswith("signal.") and value[0] != "0"
        ]
        return {
            t: sorted(self.rows(f"select * exclude (file_id, record) from {t}"), key=repr) for t in tables
        }


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("google_health", "--rotate") as found:
        yield found


@pytest.fixture(scope="module")
def calm_server() -> Iterator[Server]:
    with running("google_health", "--no-faults", "--per-minute", "1000000") as found:
        yield found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def week(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Three people, seven days, one warehouse, with every fault on the way; and all that was logged."""
    found = Place(tmp_path_factory.mktemp("week"))
    handler = logging.Handler()
    handler.emit = lambda record: found.logs.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        for who in PEOPLE:
            with visiting(server, who, found.world) as client:
                # The evening before the first day belongs to the first night.
                found.results[who] = found.pull(client, who, FIRST - timedelta(days=1))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return found


@pytest.fixture(scope="module")
def truth(server: Server) -> dict[str, dict[str, Any]]:
    return {who: server.tell("truth", who=who) for who in PEOPLE}


def of_days(truth: dict[str, Any], what: str) -> list[Any]:
    """What the watch recorded of one kind on all days, as tuples in order."""
    return [tuple(row) for day in EVERY_DAY for row in truth[day][what]]


def instant_s(column: str = "t_utc") -> str:
    return f"epoch_ms({column}) // 1000"


# --- three people, seven days ------------------------------------------------------------------


@pytest.mark.parametrize("who", list(PEOPLE))
def test_every_sample_of_heart_rate_and_steps_is_there_once(
    week: Place, truth: dict[str, Any], who: str
) -> None:
    hearts = week.rows(
        f"select {instant_s()}, hr_bpm from signal.heart_rate where participant = '{who}' order by 1"
    )
    assert hearts == of_days(truth[who], "heart_rate")
    steps = week.rows(
        f"select {instant_s()}, steps from signal.steps where participant = '{who}' and span_s = 60 order by 1"
    )
    assert steps == of_days(truth[who], "steps")
    devices = week.rows(f"select distinct device from signal.heart_rate where participant = '{who}'")
    assert devices == week.rows(f"select distinct device from signal.steps where participant = '{who}'")


@pytest.mark.parametrize("who", list(PEOPLE))
def test_values_of_nights_and_days_are_the_watchs(week: Place, truth: dict[str, Any], who: str) -> None:
    def vital(name: str) -> list[tuple[Any, ...]]:
        return week.rows(
            f"select {instant_s()}, value from signal.vital where participant = '{who}' and vital = '{name}' order by 1"
        )

    def daily(name: str) -> list[tuple[Any, ...]]:
        day = "cast(t_utc + to_minutes(offset_min) as date)::varchar"
        midnight = "strftime(t_utc + to_minutes(offset_min), '%H:%M') = '00:00'"
        return week.rows(
            f"select {day}, value from signal.vital where participant = '{who}' and vital = '{name}' and {midnight}"
            " order by 1"
        )

    assert vital("spo2") == of_days(truth[who], "oxygen")
    assert vital("active_zone_minutes") == of_days(truth[who], "zone_minutes")
    rmssd = week.rows(
        f"select {instant_s()}, value_ms from signal.hrv_sample where participant = '{who}' and hrv = 'rmssd_5min'"
        " order by 1"
    )
    assert rmssd == of_days(truth[who], "rmssd")
    mine = truth[who]
    assert daily("resting_heart_rate") == [(day, mine[day]["resting_bpm"]) for day in EVERY_DAY]
    nights = [day for day in EVERY_DAY if mine[day]["breaths"] is not None]
    assert daily("respiration") == [(day, mine[day]["breaths"]) for day in nights]
    assert daily("skin_temperature") == [(day, mine[day]["skin_cel"]) for day in nights]
    assert [day for day, _ in daily("spo2_night")] == nights
    moods = week.rows(
        f"select {instant_s()}, label from signal.checkin where participant = '{who}' order by 1"
    )
    assert moods == [(t, words.replace(" ", ", ")) for t, words in of_days(mine, "moods")]


@pytest.mark.parametrize("who", ["P001", "P002"])
def test_sleeps_have_their_stages_and_workouts_their_edges(
    week: Place, truth: dict[str, Any], who: str
) -> None:
    nights = [truth[who][day]["sleep"] for day in EVERY_DAY if truth[who][day]["sleep"]]
    start, end = instant_s(), instant_s("end_utc")
    sleeps = week.rows(
        f"select episode, {start}, {end} from signal.sleep_episode where participant = '{who}' and scoring = 'stages'"
        " and vendor_main order by 2"
    )
    assert sleeps == [(str(number), first, last) for number, first, last, _ in nights]
    stages = week.rows(
        f"select upper(stage), {start}, {end} from signal.sleep_stage where participant = '{who}' order by 2"
    )
    given = [tuple(stage) for _, _, _, some in nights for stage in some]
    assert [(s if s != "WAKE" else "AWAKE", a, b) for s, a, b in stages] == given
    runs = [tuple(truth[who][day]["workout"]) for day in EVERY_DAY if truth[who][day]["workout"]]
    assert runs == week.rows(
        f"select {start}, {end} from signal.workout where participant = '{who}' and activity = 'run' order by 1"
    )


def test_the_end_of_summer_time_and_an_unworn_night_are_as_they_were(week: Place) -> None:
    change = datetime(2026, 10, 25, 1)
    offsets = week.rows(
        f"select t_utc >= timestamp '{change}', array_agg(distinct offset_min) from signal.heart_rate"
        " where participant = 'P001' group by 1 order by 1"
    )
    assert offsets == [(False, [60]), (True, [0])]
    over_it = week.rows(
        "select offset_min, end_offset_min from signal.sleep_episode where participant = 'P001'"
        f" and timestamp '{change}' between t_utc and end_utc"
    )
    assert over_it == [(60, 0)]
    stages = week.rows(
        f"select t_utc >= timestamp '{change}', array_agg(distinct offset_min) from signal.sleep_stage"
        " where participant = 'P001' group by 1 order by 1"
    )
    assert stages == [(False, [60]), (True, [0])]
    assert week.rows("select distinct tz_assumed from signal.sleep_episode") == [(False,)]
    unworn = next(day for day in map(date.fromisoformat, EVERY_DAY) if is_unworn(PEOPLE["P002"], day))
    of_day = "participant = 'P002' and cast({} + to_minutes({}) as date) = '" + str(unworn) + "'"
    asleep = of_day.format("end_utc", "end_offset_min")
    assert week.rows(f"select * from signal.sleep_episode where {asleep}") == []
    first = week.rows(
        "select min(t_utc + to_minutes(offset_min)) from signal.heart_rate where "
        + of_day.format("t_utc", "offset_min")
    )
    assert first[0][0].hour == 8


def test_what_was_not_granted_is_said_and_stops_nothing(week: Place) -> None:
    assert {who: [gap.what for gap in done.not_given] for who, done in week.results.items()} == {
        "P001": [],
        "P002": [],
        "P003": ["sleep"],
    }
    (gap,) = week.results["P003"].not_given
    assert gap.reason == "not granted: the person may connect again and allow it"
    assert week.rows("select distinct participant from signal.sleep_episode order by 1") == [
        ("P001",),
        ("P002",),
    ]
    assert [report.refused for done in week.results.values() for report in done.reports] == [0, 0, 0]


def test_a_pull_asks_hardly_more_than_the_least_possible(week: Place, truth: dict[str, Any]) -> None:
    """Least: for each data type as many pages as its points fill, one for none."""
    for who, done in week.results.items():
        mine = truth[who]
        hearts = len(of_days(mine, "heart_rate"))
        small = len(google_health.TYPES) - 1
        least = math.ceil(hearts / PAGE_CAP) + small
        # Beside the least: which hours there are, the page that comes empty, and a second walk after a week.
        assert 2 <= done.requests - RETRIED - least <= 3
    assert week.results["P001"].requests - RETRIED <= 39, "5.6 a person-day, 3.3 of them full of heart rates"


def test_nothing_secret_is_logged_or_stored(week: Place) -> None:
    assert len(week.secrets) >= 6, "three people had an access token and a new refresh token each"
    assert week.logs, "the network library logs its requests"
    texts = [*week.logs, repr(week.results)]
    with open_warehouse(week.root / "w.duckdb", read_only=True) as con:
        names = con.execute(
            "select table_schema || '.' || table_name from information_schema.tables where table_schema = 'meta'"
        ).fetchall()
        texts += [str(con.execute(f"select * from {name}").fetchall()) for (name,) in names]
    for path in (week.root / "raw").rglob("*.zip"):
        with zipfile.ZipFile(path) as packed:
            texts += [path.name, *packed.namelist()]
            texts += [packed.read(n).decode() for n in packed.namelist() if "heart-rate_" not in n]
    for secret in week.secrets:
        assert not [text[:200] for text in texts if secret in text]


def test_raw_answers_are_kept_by_their_content_and_give_the_same_rows_again(
    week: Place, tmp_path: Path
) -> None:
    zips = sorted((week.root / "raw" / "P002" / "google_health").iterdir())
    zips = [path for path in zips if path.name != WAITING]
    for path in zips:
        assert path.stem.rpartition("_")[2] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.stat().st_mode & 0o077 == 0
    assert not list((week.root / "raw" / "P002" / "google_health" / WAITING).iterdir())
    again = Place(tmp_path)
    load(
        [week.root / "raw" / "P002"],
        warehouse=tmp_path / "w.duckdb",
        staging=tmp_path / "staging",
        participant="P002",
        timezone="America/New_York",
        now=NOW,
    )
    old = {t: [r for r in rows if r[0] == "P002"] for t, rows in week.signals().items()}
    assert again.signals() == {t: rows for t, rows in old.items() if rows}


# --- again, late, broken off -------------------------------------------------------------------


def test_a_second_pull_fetches_no_heart_rate_again_and_changes_nothing(
    calm_server: Server, place: Place
) -> None:
    first = LAST - timedelta(days=1)
    with visiting(calm_server, "P002") as client:
        place.pull(client, "P002", first)
        before = place.signals()
        again = place.pull(client, "P002", first, now=NOW + timedelta(hours=1))
    assert place.signals() == before
    # One question a data type, one for the hours instead of all heart rates, and the page that comes empty.
    assert again.requests == len(google_health.TYPES) + 1
    assert [text for report in again.reports for text in report.remarks] == []
    assert place.rows("select count(*) from meta.change") == [(0,)]


def test_what_arrives_late_is_merged_and_an_unprocessed_sleep_is_read_again(
    calm_server: Server, place: Place, tmp_path: Path
) -> None:
    late = datetime(2026, 10, 26, 2, tzinfo=UTC)
    hidden = [int(late.timestamp()), int(late.timestamp()) + 36 * 3600]
    first, last = date(2026, 10, 26), date(2026, 10, 27)
    with visiting(calm_server, "P002") as client:
        calm_server.tell("late", who="P002", hidden_s=hidden)
        early = place.pull(client, "P002", first, last)
        waiting = [text for report in early.reports for text in report.remarks]
        assert waiting == ["Sleeps that Google has not processed yet: 2; the next pulls read them again."]
        assert place.rows("select count(*) from signal.sleep_episode where scoring is null") == [(2,)]
        calm_server.tell("late", who="P002", hidden_s=None)
        with_late = place.pull(client, "P002", first, last, NOW + timedelta(days=1))
        at_once = Place(tmp_path / "at once")
        at_once.pull(client, "P002", first, last)
    assert place.rows("select count(*) from signal.sleep_episode where scoring is null") == [(0,)]
    assert place.signals() == at_once.signals()
    hearts = dict(with_late.reports[0].rows)["signal.heart_rate"]
    (late_hearts,) = place.rows(
        f"select count(*) from signal.heart_rate where {instant_s()} between {hidden[0]} and {hidden[1] - 1}"
    )
    # Whole hours are asked for: the hidden span begins and ends with one.
    assert hearts == late_hearts[0]


def test_a_provider_that_fails_on_the_way_loses_nothing_that_came_and_the_next_pull_mends_it(
    calm_server: Server, undisturbed: Place, place: Place
) -> None:
    first, last = LAST, LAST
    with visiting(calm_server, "P002") as client:
        # From the sixth request on the service is down for as long as a client has patience.
        calm_server.tell("faults", who="P002", plan={str(n): 503 for n in range(6, 12)})
        with pytest.raises(ProviderDownError, match="fault of its own"):
            place.pull(client, "P002", first, last)
        assert place.rows("select count(*) > 0 from signal.heart_rate") == [(True,)]
        assert place.rows("select count(*) from signal.sleep_episode") == [(0,)]
        place.pull(client, "P002", first, last, NOW + timedelta(hours=2))
    assert place.signals() == undisturbed.signals()


KILLED = """
import importlib, os, signal, sys
sys.path.insert(0, "tests")
from datetime import date, datetime
from pathlib import Path
from servers.visit import NOW, visiting
from ingest.live import google_health
from ingest.pull import pull

url, root, module, name, fatal, after = sys.argv[1], Path(sys.argv[2]), *sys.argv[3:7]
owner, calls = importlib.import_module(module), 0
function = getattr(owner, name)

def dying(*words, **named):
    global calls
    calls += 1
    last = calls == int(fatal)
    if last and after == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    found = function(*words, **named)
    if last:
        os.kill(os.getpid(), signal.SIGKILL)
    return found

setattr(owner, name, dying)
day = date(2026, 10, 28)
with visiting(url, "P002") as client:
    pull(google_health, client, participant="P002", first_day=day, last_day=day, raw=root / "raw",
        warehouse=root / "w.duckdb", staging=root / "staging", now=NOW, timezone="America/New_York")
"""
MOMENTS = (
    ("ingest.pull", "pack", 6, "after"),
    ("ingest.pull", "keep", 1, "before"),
    ("ingest.load", "commit", 1, "before"),
    ("warehouse.merge", "merge", 3, "after"),
    ("ingest.pull", "load", 1, "after"),
)
"""While it fetches; all fetched; kept and read; amid the transaction; loaded, but not put away."""


@pytest.fixture(scope="module")
def undisturbed(calm_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Place:
    found = Place(tmp_path_factory.mktemp("undisturbed"))
    with visiting(calm_server, "P002") as client:
        found.pull(client, "P002", LAST, LAST)
    return found


@pytest.mark.parametrize(("module", "name", "fatal", "when"), MOMENTS)
def test_a_pull_killed_at_any_moment_and_repeated_has_no_gap_and_nothing_twice(
    calm_server: Server, undisturbed: Place, place: Place, module: str, name: str, fatal: int, when: str
) -> None:
    words = [sys.executable, "-c", KILLED, calm_server.url, str(place.root), module, name, str(fatal), when]
    died = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    with visiting(calm_server, "P002") as client:
        place.pull(client, "P002", LAST, LAST)
    assert place.hashes() == undisturbed.hashes()
    left = list((place.root / "raw" / "P002" / "google_health" / WAITING).iterdir())
    assert not left, "all that came is loaded and put away"


# --- what a person or the network does ---------------------------------------------------------


def test_an_expired_token_is_refreshed_on_the_way_and_a_refresh_token_serves_once(
    server: Server, place: Place
) -> None:
    server.tell("reset")
    with visiting(server, "P002") as client:
        assert isinstance(client.tokens, ServerTokens)
        client.tokens.access_token = "ya29.expired-P002"
        server.tell("faults", who="P002", plan={"4": 401})
        done = place.pull(client, "P002", LAST, LAST)
    assert done.answers > 5
    assert client.tokens.refresh_token != "rt-P002"
    statuses = [entry["status"] for entry in server.tell("log")]
    assert statuses.count(401) == 2


@pytest.mark.parametrize(
    ("who", "words"),
    [("REVOKED", "consent was withdrawn"), ("UNLINKED", "no Google Health profile")],
)
def test_what_only_a_new_consent_mends_is_told_as_that(
    server: Server, place: Place, who: str, words: str
) -> None:
    server.tell("reset")
    with visiting(server, who) as client, pytest.raises(NeedsReconsentError, match=words) as caught:
        place.pull(client, who)
    assert "rt-" not in told(caught.value)
    assert client.requests <= 4, "nobody insists"
    assert not list((place.root / "raw").rglob("*.zip"))


def test_a_consent_withdrawn_in_mid_pull_ends_it_there(calm_server: Server, place: Place) -> None:
    with visiting(calm_server, "P002") as client:
        place.pull(client, "P002", LAST, LAST)
        calm_server.tell("faults", who="P002", plan={"3": 403})
        with pytest.raises(NeedsReconsentError, match="new consent") as caught:
            place.pull(client, "P002", LAST, LAST, NOW + timedelta(days=1))
        calm_server.tell("revoke", who="P002")
        with pytest.raises(NeedsReconsentError, match="consent"):
            place.pull(client, "P002", LAST, LAST, NOW + timedelta(days=2))
        calm_server.tell("reset")
    assert not [secret for secret in place.secrets if secret in told(caught.value)]


def told(error: BaseException) -> str:
    """All that an error would leave in a log."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)


def test_offline_is_one_line(place: Place) -> None:
    closed = "http://127.0.0.1:9"
    with visiting(closed, "P001") as client:
        assert isinstance(client.tokens, ServerTokens)
        client.tokens.access_token = "ya29.secret"
        with pytest.raises(OfflineError) as caught:
            place.pull(client, "P001")
    assert str(caught.value) == "Google Health cannot be reached: is this machine online?"
    assert "ya29.secret" not in told(caught.value)


def test_a_long_wait_is_left_to_whoever_schedules(calm_server: Server, place: Place) -> None:
    with visiting(calm_server, "P002") as client:
        calm_server.tell("faults", who="P002", plan={str(n): 429 for n in range(1, 20)})
        with pytest.raises(RateLimitedError) as caught:
            place.pull(client, "P002", LAST, LAST)
        calm_server.tell("reset")
    assert caught.value.until > NOW


def test_two_pulls_for_one_person_do_not_meet(place: Place, calm_server: Server) -> None:
    with holding(place.root / "staging", "P002/google_health"):
        (lock,) = (place.root / "staging").iterdir()
        assert "P002" not in lock.name, "it outlives the person"
        with visiting(calm_server, "P002") as client, pytest.raises(BusyError):
            place.pull(client, "P002")
        assert client.requests == 0


def test_a_name_that_leads_elsewhere_is_none(place: Place, calm_server: Server) -> None:
    with visiting(calm_server, "P002") as client, pytest.raises(LiveError, match="cannot be a participant"):
        place.pull(client, "../P002")


def test_answers_wait_if_they_cannot_be_loaded(place: Place, calm_server: Server) -> None:
    words: dict[str, Any] = {
        "participant": "P002",
        "first_day": LAST,
        "last_day": LAST,
        "raw": place.root / "raw",
        "warehouse": place.root / "w.duckdb",
        "staging": place.root / "staging",
        "now": NOW,
    }
    with visiting(calm_server, "P002") as client:
        with pytest.raises(LoadError, match="to enrol a new one give the zone"):
            pull(google_health, client, **words)
        assert len(list((place.root / "raw").rglob(f"{WAITING}/*.zip"))) == 1
        done = pull(google_health, client, **words, timezone="America/New_York")
    assert len(done.reports) == 2
    assert place.rows("select count(*) > 0 from signal.heart_rate") == [(True,)]


# --- which days, and how long answers are kept -------------------------------------------------


@pytest.mark.parametrize(
    ("reached", "since", "first"),
    [
        (None, "2026-10-20", "2026-10-20"),  # never pulled: all that is wanted
        (None, "2026-12-01", "2026-11-22"),  # wanted from later on: the last day
        ("2026-11-21", "2026-01-01", "2026-11-09"),  # every night: two weeks with the new day
        ("2026-11-22", "2026-01-01", "2026-11-09"),  # again on the same day
        (
            "2026-10-01",
            "2026-01-01",
            "2026-09-19",
        ),  # after an outage: no gap, and two weeks for what came late
        ("2026-11-21", "2026-11-20", "2026-11-20"),
    ],
)
def test_the_window_looks_back_two_weeks_from_what_is_new(
    reached: str | None, since: str, first: str
) -> None:
    last = date(2026, 11, 22)
    asked = first_to_ask(last, date.fromisoformat(reached) if reached else None, date.fromisoformat(since))
    assert asked == date.fromisoformat(first)


def test_days_are_asked_for_in_parts_without_gap_or_overlap() -> None:
    found = list(parts(date(2026, 1, 1), date(2026, 1, 30), 14))
    assert found == [
        (date(2026, 1, 1), date(2026, 1, 14)),
        (date(2026, 1, 15), date(2026, 1, 28)),
        (date(2026, 1, 29), date(2026, 1, 30)),
    ]


def test_old_answers_are_forgotten_but_never_the_newest(tmp_path: Path) -> None:
    folder = tmp_path / "P001" / "google_health"
    folder.mkdir(parents=True)
    names = [f"google_health_2026-01-01_2026-01-02_2026{month:02d}01T050000Z_ab.zip" for month in (1, 2, 3)]
    for name in names:
        (folder / name).touch()
    assert forget_answers(tmp_path, datetime(2026, 2, 1, 5)) == 1
    assert sorted(path.name for path in folder.iterdir()) == names[1:]
    assert forget_answers(tmp_path, datetime(2027, 1, 1)) == 1
    assert [path.name for path in folder.iterdir()] == names[2:]
