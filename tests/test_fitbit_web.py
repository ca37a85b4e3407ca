"""Scripts of the package `fitbit` go on working: answered from the Google Health API, from records, from a proxy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import fitbit
import pytest
from conftest import ROOT
from cryptography.fernet import Fernet
from fitbit import exceptions
from fitbit_scripts import CHANGE, EVERY_DAY, FIRST, LAST, WEB, Ask, mended, newer, of_day, of_week, outcome
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Server, running
from servers.google_health import CLIENT
from servers.people import PEOPLE, is_unworn
from servers.visit import NOW, visiting

import cli.fitbit
from cli.keys import open_store
from cli.settings import make_places, read_settings
from ingest.connections import KIND, Held, NotConnectedError, as_value
from ingest.live.client import LiveError, NeedsReconsentError, OfflineError, RateLimitedError, TooSlowError
from ingest.live.fitbit_web.compat import FitbitCompat
from ingest.live.fitbit_web.fetching import fetch_with
from ingest.live.fitbit_web.nulls import NULLS, find_nulls
from ingest.live.fitbit_web.paths import PathError, Question, read_path
from ingest.live.providers import find_provider


@pytest.fixture(scope="module")
def google() -> Iterator[Server]:
    with running("google_health", "--no-faults", "--per-minute", "1000000") as found:
        yield found


@pytest.fixture(scope="module")
def web() -> Iterator[Server]:
    with running("fitbit_web", "--no-faults", "--per-hour", "1000000") as found:
        yield found


@pytest.fixture(autouse=True)
def _fakes_need_no_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@contextmanager
def compat(server: Server, who: str) -> Iterator[FitbitCompat]:
    with visiting(server, who) as client:
        yield FitbitCompat(fetch_with(client), lambda: NOW)


# --- the same truth, both ways -----------------------------------------------------------------


def without_nulls(found: Any, like: Any) -> Any:
    """The answer `like`, without what is null in `found`."""
    if found is None or found == like:
        return found
    if isinstance(found, dict) and isinstance(like, dict):
        return {
            name: without_nulls(found[name], value) if name in found else value
            for name, value in like.items()
        }
    if isinstance(found, list) and isinstance(like, list) and len(found) == len(like):
        return [without_nulls(one, other) for one, other in zip(found, like, strict=True)]
    return like


@pytest.mark.parametrize("who", PEOPLE)
def test_the_old_answers_come_field_by_field(google: Server, web: Server, who: str) -> None:
    web.tell("reset")
    old = mended(web, who)
    seen: set[str] = set()
    with compat(google, who) as new:
        asked = {f"{day} {name}": ask for day in EVERY_DAY for name, ask in of_day(day).items()}
        for name, ask in {**asked, **of_week(who)}.items():
            was, now = outcome(old, ask), outcome(new, ask)
            assert now == without_nulls(now, was), name
            seen |= set(find_nulls(now, "devices" if name == "devices" else ""))
        assert seen == set(new.not_given), "what is null is listed"
        assert seen <= set(NULLS), "and its reason is known"
    # So that equality is not that of nothing: heart rates of every day, and all that a night has.
    full = outcome(old, of_day(EVERY_DAY[1])["heart 1sec"])["activities-heart-intraday"]["dataset"]
    assert len(full) > 5000
    assert len(old.hrv(FIRST, LAST)["hrv"]) == sum(not is_unworn(PEOPLE[who], day) for day in EVERY_DAY)
    assert len(seen) >= 20


def test_an_hour_that_comes_twice_is_there_twice_and_a_night_without_the_watch_is_empty(
    google: Server,
) -> None:
    with compat(google, "P001") as fb:
        day = fb.intraday_time_series("activities/heart", CHANGE, "1sec", "00:30", "02:10")
        times = [one["time"] for one in day["activities-heart-intraday"]["dataset"]]
        assert sum(after < before for before, after in pairwise(times)) == 1
        assert (
            len([t for t in times if t.startswith("01:")]) > 1.8 * len([t for t in times if t < "01:00"]) * 2
        )
        log = newer(fb, lambda new: new.sleep(CHANGE))["sleep"][0]
        length = datetime.fromisoformat(log["endTime"]) - datetime.fromisoformat(log["startTime"])
        assert log["duration"] == (length + timedelta(hours=1)).total_seconds() * 1000
    with compat(google, "P002") as fb:
        unworn = next(day for day in EVERY_DAY if is_unworn(PEOPLE["P002"], day))
        assert fb.get_sleep(unworn)["sleep"] == []
        assert fb.hrv(unworn) == fb.hrv(unworn, details=True) == {"hrv": []}
        assert fb.spo2(unworn) == {}
        assert fb.skin_temperature(unworn) == {"tempSkin": []}


def test_pages_that_are_capped_lose_nothing(google: Server) -> None:
    with running("google_health", "--no-faults", "--page-cap", "700", "--per-minute", "1000000") as capped:
        ask = of_day(FIRST)["heart 1sec"]
        with compat(google, "P003") as whole, compat(capped, "P003") as parts:
            assert ask(parts) == ask(whole)
            assert sum("heart-rate/dataPoints" in entry["path"] for entry in capped.tell("log")) > 20


def test_a_script_finds_its_way_through_faults_and_an_expired_token() -> None:
    with running("google_health") as google, compat(google, "P002") as fb:
        google.tell("expire")
        days = fb.time_series("activities/steps", base_date=FIRST, end_date=LAST)["activities-steps"]
        assert [day["dateTime"] for day in days] == [str(day) for day in EVERY_DAY]
        assert (
            len(fb.intraday_time_series("activities/heart", FIRST)["activities-heart-intraday"]["dataset"])
            > 1000
        )
        assert {entry["status"] for entry in google.tell("log")} >= {200, 429, 500}


# --- what the package asks ---------------------------------------------------------------------


TODAY = date(2026, 11, 22)


def path(rest: str, version: str = "1") -> Question:
    return read_path(f"{WEB}/{version}/user/-/{rest}.json", TODAY)


@pytest.mark.parametrize(
    ("rest", "kind", "first", "last"),
    [
        ("activities/heart/date/2026-10-25/1d/1sec", "heart intraday", CHANGE, CHANGE),
        ("activities/heart/date/2026-10-25/1sec/time/08:00/09:30", "heart intraday", CHANGE, CHANGE),
        ("activities/steps/date/2026-10-25/2026-10-25/15min", "steps intraday", CHANGE, CHANGE),
        ("activities/heart/date/2026-10-25/7d", "heart", date(2026, 10, 19), CHANGE),
        ("activities/heart/date/2026-10-22/2026-10-25", "heart", FIRST, CHANGE),
        ("activities/steps/date/today/1m", "activity", date(2026, 10, 24), TODAY),
        ("activities/active-zone-minutes/date/2026-10-25/1d", "zone minutes", CHANGE, CHANGE),
        ("activities/date/2026-10-25", "day", CHANGE, CHANGE),
        ("sleep/date/2026-1-5", "sleep", date(2026, 1, 5), date(2026, 1, 5)),
        ("hrv/date/2026-10-25/all", "hrv", CHANGE, CHANGE),
        ("hrv/date/2026-10-22/2026-10-25/all", "hrv", FIRST, CHANGE),
        ("br/date/2026-10-22/2026-10-25", "breathing", FIRST, CHANGE),
        ("temp/skin/date/2026-10-25", "skin", CHANGE, CHANGE),
        ("body/log/weight/date/2026-10-25/1w", "body", date(2026, 10, 19), CHANGE),
    ],
)
def test_an_address_says_what_is_asked_of_which_days(rest: str, kind: str, first: date, last: date) -> None:
    found = path(rest)
    assert (found.kind, found.first, found.last) == (kind, first, last)
    assert found.all is rest.endswith("/all")


def test_a_range_of_clock_times_holds_its_last_minute() -> None:
    assert path("activities/heart/date/2026-10-25/1d/1sec/time/08:00/09:30").clock == (480, 571)
    assert path("activities/heart/date/2026-10-25/1d/1sec/time/00:00/23:59").clock == (0, 1440)
    assert path("activities/heart/date/2026-10-25/1d/1sec").clock == (0, 1440)


@pytest.mark.parametrize(
    ("rest", "status", "words"),
    [
        ("activities/heart/date/2026-10-25/2026-10-26/1sec", 400, "one day a question"),
        ("activities/heart/date/2026-10-25/1d/1sec/time/09:00/08:00", 400, "no range of clock times"),
        ("activities/heart/date/2026-10-25/1d/1sec/time/09:00/24:00", 400, "no range of clock times"),
        ("activities/steps/date/2026-10-25/1d/1sec", 400, "no detail of 1sec"),
        ("activities/heart/date/2026-10-25/max", 400, "name the first and the last day"),
        ("activities/heart/date/2026-10-25/2026-10-24", 400, "must not be before"),
        ("activities/heart/date/2026-02-30/1d", 400, "is no date"),
        ("activities/heart/date/yesterday/1d", 400, "is no date"),
        ("activities/auras/date/2026-10-25/1d", 404, "no time series of 'auras'"),
        ("sleep/date/2026-10-22/2026-10-25", 404, "set API_VERSION = 1.2"),
        ("foods/log/date/2026-10-25", 404, "docs/fitbit.md"),
        ("heart/date/2026-10-25", 404, r"time_series\('activities/heart'"),
        ("bp/date/2026-10-25", 404, "since 2015"),
    ],
)
def test_an_address_that_cannot_be_answered_says_why(rest: str, status: int, words: str) -> None:
    with pytest.raises(PathError, match=words) as caught:
        path(rest)
    assert caught.value.status == status


PIECES = [
    "activities",
    "heart",
    "steps",
    "sleep",
    "hrv",
    "date",
    "today",
    "2026-10-25",
    "0001-01-01",
    "9999-12-31",
]
PIECES += ["1y", "1d", "1sec", "time", "23:59", "all", "max", "..", "٢٠٢٦-01-01", "body/log/fat", ""]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=9))
@settings(deadline=None, max_examples=200)
def test_no_address_does_anything_but_ask_or_be_refused(parts: list[str]) -> None:
    with suppress(PathError):
        found = path("/".join(parts), "1.2")
        assert found.first <= found.last


def nothing(*_: object) -> Iterator[bytes]:
    raise AssertionError("nothing is to be asked")


@pytest.mark.parametrize(
    ("ask", "kind", "words"),
    [
        (lambda fb: fb.foods_log(CHANGE), exceptions.HTTPNotFound, "docs/fitbit.md"),
        (
            lambda fb: fb.make_request("https://api.fitbit.com/1/foods/units.json"),
            exceptions.HTTPNotFound,
            "no address",
        ),
        (lambda fb: fb.heart(CHANGE), exceptions.HTTPNotFound, "activities/heart"),
        (lambda fb: fb.glucose(CHANGE), exceptions.HTTPNotFound, "since 2015"),
        (lambda fb: fb.time_series("activities/heart", period="max"), exceptions.HTTPBadRequest, "max"),
        (lambda fb: fb.log_activity({"activityId": 1}), exceptions.HTTPBadRequest, "only read"),
        (lambda fb: fb.user_profile_update({"gender": "NA"}), exceptions.HTTPBadRequest, "only read"),
        (lambda fb: fb.delete_sleep(1), exceptions.HTTPBadRequest, "only read"),
    ],
)
def test_what_has_no_counterpart_is_refused_in_the_packages_own_classes(
    ask: Ask, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        ask(FitbitCompat(nothing, lambda: NOW))
    assert type(caught.value) is kind
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RateLimitedError("wait", NOW + timedelta(minutes=2)), exceptions.HTTPTooManyRequests),
        (NeedsReconsentError("again"), exceptions.HTTPUnauthorized),
        (OfflineError("offline"), exceptions.HTTPServerError),
        (TooSlowError("slow"), exceptions.Timeout),
        (LiveError("odd"), exceptions.HTTPBadRequest),
    ],
)
def test_trouble_with_the_service_comes_as_the_trouble_that_scripts_know(
    error: LiveError, kind: type[Exception]
) -> None:
    def fail(*_: object) -> Iterator[bytes]:
        raise error

    with pytest.raises(kind, match=str(error)) as caught:
        FitbitCompat(fail, lambda: NOW).hrv("today")
    assert getattr(caught.value, "retry_after_secs", 120) == 120


def test_an_answer_in_an_odd_shape_says_so_without_showing_it() -> None:
    odd = {"heartRate": {"sampleTime": {"physicalTime": "Jane was here"}}}
    with pytest.raises(exceptions.BadResponse, match=r"not known \(ValueError\)") as caught:
        FitbitCompat(pages_of(heart_rate=[odd]), lambda: NOW).intraday_time_series("activities/heart", CHANGE)
    assert caught.value.__context__ is None


def test_nobody_else_can_be_asked_about(google: Server) -> None:
    with compat(google, "P001") as fb:
        assert fb.user_profile_get("A1B2C3")["user"]["timezone"] == "Europe/London"
        with pytest.raises(exceptions.HTTPForbidden, match="name the user '-'"):
            fb.user_profile_get("D4E5F6")


def test_today_is_that_of_the_clock_that_is_given(google: Server) -> None:
    with visiting(google, "P001") as client:
        fb = FitbitCompat(fetch_with(client), lambda: datetime(2026, 10, 28, 12, tzinfo=UTC))
        (day,) = fb.time_series("activities/steps", base_date="today", period="1d")["activities-steps"]
    assert day["dateTime"] == "2026-10-28"
    assert int(day["value"]) > 0


def pages_of(**points: list[dict[str, Any]]) -> Callable[..., Iterator[bytes]]:
    """Answers of the service that are made up: points by data type, with _ for -."""

    def fetch(what: str, *_: object) -> Iterator[bytes]:
        for point in points.get(what.replace("-", "_"), ()):
            yield json.dumps({"dataPoints": [point]}).encode()

    return fetch


def beat(second: int, bpm: str, **source: Any) -> dict[str, Any]:
    time_of = {"physicalTime": f"2026-10-25T08:00:{second:02d}Z", "utcOffset": "0s"}
    return {"dataSource": source, "heartRate": {"sampleTime": time_of, "beatsPerMinute": bpm}}


def test_what_other_devices_measured_is_left_out_and_a_page_that_came_twice_counts_once() -> None:
    points = [
        beat(0, "60", platform="FITBIT"),
        beat(4, "62"),
        beat(4, "62"),
        beat(5, "90", platform="HEALTH_CONNECT"),
        beat(6, "91", platform="FITBIT", device={"formFactor": "PHONE"}),
    ]
    fb = FitbitCompat(pages_of(heart_rate=points), lambda: NOW)
    found = fb.intraday_time_series("activities/heart", CHANGE, "1sec")["activities-heart-intraday"]
    assert found["dataset"] == [{"time": "08:00:00", "value": 60}, {"time": "08:00:04", "value": 62}]
    means = fb.intraday_time_series("activities/heart", CHANGE, "1min")["activities-heart-intraday"]
    assert means == {
        "dataset": [{"time": "08:00:00", "value": 61}],
        "datasetInterval": 1,
        "datasetType": "minute",
    }


def stretch(kind: str, start: str, end: str) -> dict[str, str]:
    return {"type": kind, "startTime": f"2026-10-24T{start}:00Z", "endTime": f"2026-10-24T{end}:00Z"}


def slept(**more: Any) -> FitbitCompat:
    edges = {
        "startTime": "2026-10-24T01:00:00Z",
        "endTime": "2026-10-24T02:00:00Z",
        "startUtcOffset": "3600s",
    }
    point = {"name": "users/1/dataTypes/sleep/dataPoints/77", "sleep": {"interval": edges, **more}}
    fb = FitbitCompat(pages_of(sleep=[point]), lambda: NOW)
    fb.API_VERSION = 1.2
    return fb


def test_short_wakes_lie_apart_and_are_taken_off_the_stage_around_them() -> None:
    stages = [stretch("LIGHT", "01:00", "01:40"), stretch("AWAKE", "01:40", "02:00")]
    found = slept(stages=stages, shortAwakenings=[stretch("AWAKE", "01:10", "01:12")]).sleep(
        date(2026, 10, 24)
    )
    levels = found["sleep"][0]["levels"]
    assert levels["shortData"] == [{"dateTime": "2026-10-24T02:10:00.000", "level": "wake", "seconds": 120}]
    assert {name: (one["count"], one["minutes"]) for name, one in levels["summary"].items()} == {
        "wake": (2, 22), "light": (1, 38), "deep": (0, 0), "rem": (0, 0),
    }  # fmt: skip
    assert found["sleep"][0]["infoCode"] is found["sleep"][0]["minutesAsleep"] is None, "it is not processed"
    assert found["summary"]["totalMinutesAsleep"] == 0


def test_the_services_own_sums_of_stages_count() -> None:
    sums = [{"type": "LIGHT", "minutes": "41", "count": "3"}, {"type": "REM"}]
    fb = slept(
        stages=[stretch("LIGHT", "01:00", "02:00")], summary={"stagesSummary": sums, "minutesAsleep": "41"}
    )
    (log,) = fb.sleep(date(2026, 10, 24))["sleep"]
    assert log["levels"]["summary"]["light"] == {"count": 3, "minutes": 41, "thirtyDayAvgMinutes": None}
    assert log["levels"]["summary"]["rem"] == {"count": 0, "minutes": 0, "thirtyDayAvgMinutes": None}
    assert (log["minutesAsleep"], log["minutesToFallAsleep"]) == (41, 0), "a zero is left out"


def test_a_sleep_without_stages_keeps_its_restless_minutes() -> None:
    stages = [stretch("ASLEEP", "01:00", "01:50"), stretch("RESTLESS", "01:50", "01:53")]
    fb = slept(type="CLASSIC", stages=[*stages, stretch("AWAKE", "01:53", "02:00")])
    (log,) = fb.sleep(date(2026, 10, 24))["sleep"]
    assert (log["type"], list(log["levels"]["summary"])) == ("classic", ["awake", "asleep", "restless"])
    fb.API_VERSION = 1
    (log,) = fb.get_sleep(date(2026, 10, 24))["sleep"]
    assert (log["restlessCount"], log["restlessDuration"], log["awakeningsCount"]) == (1, 3, 2)
    codes = "".join(minute["value"] for minute in log["minuteData"])
    assert codes == "1" * 50 + "2" * 3 + "3" * 7
    assert log["minuteData"][0]["dateTime"] == "02:00:00"


def test_a_day_without_a_record_of_steps_is_null_and_listed() -> None:
    fb = FitbitCompat(pages_of(), lambda: NOW)
    found = fb.intraday_time_series("activities/steps", CHANGE)
    assert found["activities-steps"] == [{"dateTime": "2026-10-25", "value": None}]
    assert found["activities-steps-intraday"]["dataset"] == []
    assert fb.not_given == {"activities-steps.value": NULLS["activities-steps.value"]}


# --- a script of a person who is connected -----------------------------------------------------


def test_a_script_changes_two_lines(google: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {
        "STEADYLINE_VAR": str(tmp_path / "var"),
        "STEADYLINE_VAULT_KEY": Fernet.generate_key().decode(),
        "STEADYLINE_GOOGLE_HEALTH_AT": google.url,
        "STEADYLINE_GOOGLE_HEALTH_CLIENT_ID": CLIENT[0],
        "STEADYLINE_GOOGLE_HEALTH_CLIENT_SECRET": CLIENT[1],
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = read_settings(os.environ)
    make_places(settings)
    store = open_store(settings, os.environ)
    store.write("P002", KIND, "google_health", as_value(Held(refresh="rt-P002")), compare_version=0)
    monkeypatch.setattr(cli.fitbit, "OPEN", ExitStack())
    fb = cli.fitbit.open_fitbit("P002")
    assert isinstance(fb, fitbit.Fitbit)
    assert fb.time_series("activities/steps", base_date=LAST, period="7d")["activities-steps"][0]["value"]
    cli.fitbit.OPEN.close()
    with pytest.raises(NotConnectedError, match="steadyline connect google_health --participant P003"):
        cli.fitbit.open_fitbit("P003")


def test_who_wants_to_connect_the_old_service_is_told_since_when_and_what_next() -> None:
    with pytest.raises(LiveError, match=r"switched off on 2 November 2026.*connect google_health"):
        find_provider("fitbit")


# --- where it may be ---------------------------------------------------------------------------


def test_the_command_line_does_not_pay_for_the_package() -> None:
    code = (
        "import cli.main, cli.connect, cli.pulls, sys; assert not {'fitbit', 'requests'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_guide_lists_all_that_is_null() -> None:
    guide = (ROOT / "docs" / "fitbit.md").read_text(encoding="utf-8")
    missing = [path for path, why in NULLS.items() if f"| `{path}` | {why} |" not in guide]
    assert not missing
