"""Answers of the Google Health API become rows; the client tries again where that helps and keeps tokens to itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Server, running
from servers.visit import NOW, World, visiting
from source_reading import Found, fixture, member, read_members

from ingest.files import google_health as source
from ingest.files.google_health.layout import TYPES
from ingest.live import google_health
from ingest.live.answers import NotGiven, RawAnswer
from ingest.live.client import (
    TRIES,
    BadAnswerError,
    Bearer,
    Bucket,
    Client,
    LiveError,
    NeedsReconsentError,
    NotGrantedError,
    OfflineError,
    ProviderDownError,
    RateLimitedError,
    find_text,
)
from ingest.live.google_health import differs, join_hours, read_hours

FILES = fixture("google_health")
BERLIN = "Europe/Berlin"
EXPORTED = datetime(2024, 5, 6, 3)
MIDNIGHT = datetime(2024, 5, 1, 22)
SECRET = "ya29.very-secret-token"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


def stage(name: str, start: str, end: str, **more: str) -> dict[str, str]:
    return {"type": name, "startTime": start, "endTime": end, **more}


BACKWARDS = {"startTime": "2024-05-02T06:00:00Z", "endTime": "2024-05-02T05:00:00Z"}


def file_of(kind: str) -> str:
    (name,) = (n for n in FILES if n.startswith(f"google_health_{kind}_"))
    return name


def points_of(kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(FILES[file_of(kind)])["dataPoints"]
    return found


def read(zone: str = BERLIN, **only: Sequence[Any]) -> Found:
    """The fixture, or points by data type (with _ for -)."""
    files = {
        f"google_health_{kind.replace('_', '-')}_2024-05-01_2024-05-05_0000.json": json.dumps(
            {"dataPoints": points}
        )
        for kind, points in only.items()
    }
    return read_members(source, files or FILES, zone=zone, exported=EXPORTED)


def changed(point: dict[str, Any], kind: str, **values: Any) -> dict[str, Any]:
    """A point with other values; None leaves one out."""
    body = {k: v for k, v in (point[kind] | values).items() if v is not None}
    return {**point, kind: body}


# --- rows --------------------------------------------------------------------------------------


def test_heart_rates_are_numbers_out_of_text_and_other_services_stand_apart() -> None:
    found = read()
    assert (found.refused, found.unclaimed) == ([], ["README.md"] if "README.md" in FILES else [])
    assert found.of("heart_rate", "t_utc", "hr_bpm", "offset_min", "device", "tz_assumed") == [
        (utc("2024-05-01T22:00:04"), 57.0, 120, None, False),
        (utc("2024-05-02T04:00:03"), 55.0, 120, None, False),
        (utc("2024-05-02T15:10:00"), 139.0, 120, None, False),
        (utc("2024-05-02T15:10:00"), 141.0, 120, "com.example.chest", False),
    ], "the one without a number is none"


def test_values_of_nights_moments_and_days() -> None:
    found = read()
    assert found.of("hrv_sample", "hrv", "t_utc", "value_ms", "span_s") == [
        ("rmssd_5min", utc("2024-05-02T00:00"), 41.0, 300),
        ("rmssd_5min", utc("2024-05-02T00:05"), 45.05, 300),
        ("rmssd_deep", MIDNIGHT, 47.25, None),
        ("rmssd_night", MIDNIGHT, 43.5, None),
    ]
    assert found.of("vital", "vital", "t_utc", "value", "unit") == [
        ("active_zone_minutes", utc("2024-05-02T15:10"), 2.0, "min"),
        ("respiration", MIDNIGHT, 14.75, "/min"),
        ("respiration", utc("2024-05-02T05:00"), 14.5, "/min"),
        ("resting_heart_rate", MIDNIGHT, 56.0, "/min"),
        ("skin_temperature", MIDNIGHT, 33.5, "Cel"),
        ("skin_temperature_deviation", MIDNIGHT, -0.25, "Cel"),
        ("spo2", utc("2024-05-02T00:02"), 95.6, "%"),  # 50 is none
        ("spo2_night", MIDNIGHT, 95.4, "%"),
    ]
    assert {assumed for (assumed,) in found.of("vital", "tz_assumed")} == {False}


def test_a_count_that_is_left_out_is_zero_steps() -> None:
    assert read().of("steps", "t_utc", "span_s", "steps", "offset_min") == [
        (utc("2024-05-02T06:00"), 900, 0, 120),
        (utc("2024-05-02T15:00"), 60, 59, 120),
        (utc("2024-05-02T15:01"), 60, 118, 120),
    ]


def test_sleeps_with_stages_short_wakes_and_the_moment_of_their_last_change() -> None:
    found = read()
    columns = ("episode", "t_utc", "end_utc", "scoring", "vendor_main", "in_bed", "revision")
    ms = 1000
    assert found.of("sleep_episode", *columns) == [
        *[("509", utc("2024-05-01T21:30"), utc("2024-05-02T05:00"), "stages", True, False, 1714627800123)],
        *[
            (
                "510",
                utc("2024-05-02T12:00"),
                utc("2024-05-02T12:40"),
                "classic",
                False,
                False,
                1714654800 * ms,
            )
        ],
        *[("511", utc("2024-05-04T21:00"), utc("2024-05-05T04:30"), None, True, False, 1714885200 * ms)],
    ]
    night = [row[1:] for row in found.of("sleep_stage", "episode", "t_utc", "stage") if row[0] == "509"]
    assert [(str(t.time())[:8], stage) for t, stage in night] == [
        ("21:30:00", "wake"),
        ("21:40:00", "light"),
        ("23:00:00", "deep"),
        ("00:30:00", "rem"),
        ("03:00:00", "wake"),  # a short one, cut out of the stage around it
        ("03:01:30", "rem"),
    ]
    nap = [row[1] for row in found.of("sleep_stage", "episode", "stage") if row[0] == "510"]
    assert nap == ["asleep", "restless"]
    assert found.remarks == ["Sleeps that Google has not processed yet: 1; the next pulls read them again."]
    assert {stream for _, stream in found.spans} == {
        "signal.workout",
        "signal.sleep_episode",
        "signal.sleep_stage",
    }


def test_exercise_practice_and_moods() -> None:
    found = read()
    assert found.of("workout", "workout", "activity", "detected", "hr_mean_bpm", "steps", "device") == [
        ("89", "run", False, 128.0, 4210, None),
        ("91", "walk", True, None, 2010, "Pixel 10"),
    ]
    assert found.of("event", "event", "t_utc", "end_utc", "app", "amount") == [
        ("mindful", utc("2024-05-02T19:00"), utc("2024-05-02T19:05"), "Google Health", 5.0)
    ]
    assert found.of("checkin", "scale", "t_utc", "value", "label") == [
        ("mood", utc("2024-05-02T19:10"), None, "calm, tired")
    ]


def test_practice_goes_by_the_name_of_its_app_and_not_of_its_package() -> None:
    points = points_of("exercise")
    for point in points:
        point["dataSource"]["application"] = {"packageName": "com.calm.android"}
    assert read(exercise=points).of("event", "app") == [("Calm",)]


def test_a_night_of_the_spring_change_keeps_both_offsets() -> None:
    (_, _, night) = points_of("sleep")
    spring = {
        "interval": {
            "startTime": "2024-03-30T22:00:00Z",
            "startUtcOffset": "3600s",
            "endTime": "2024-03-31T05:00:00Z",
            "endUtcOffset": "7200s",
        },
        "stages": [
            stage("LIGHT", "2024-03-30T22:00:00Z", "2024-03-31T01:30:00Z", startUtcOffset="3600s"),
            stage("REM", "2024-03-31T01:30:00Z", "2024-03-31T05:00:00Z", startUtcOffset="7200s"),
        ],
        "shortAwakenings": None,
    }
    # The account is at home in New York: what is written counts, not the zone.
    found = read("America/New_York", sleep=[changed(night, "sleep", **spring)])
    assert found.of("sleep_episode", "offset_min", "end_offset_min", "tz_assumed") == [(60, 120, False)]
    assert found.of("sleep_stage", "stage", "offset_min") == [("light", 60), ("rem", 120)]


def test_dates_take_the_offset_that_sleeps_and_steps_prove_and_else_the_persons_zone() -> None:
    resting = points_of("daily-resting-heart-rate")
    with_proof = read(
        "America/New_York",
        daily_resting_heart_rate=resting,
        steps=points_of("steps"),
        sleep=points_of("sleep"),
    )
    assert with_proof.of("vital", "t_utc", "offset_min", "tz_assumed") == [(MIDNIGHT, 120, False)]
    alone = read("America/New_York", daily_resting_heart_rate=resting)
    assert alone.of("vital", "t_utc", "offset_min", "tz_assumed") == [(utc("2024-05-02T04:00"), -240, True)]


def test_an_offset_that_is_not_written_is_the_clocks() -> None:
    (point,) = (p for p in points_of("heart-rate") if p["heartRate"].get("beatsPerMinute") == "57")
    time = {k: v for k, v in point["heartRate"]["sampleTime"].items() if k == "physicalTime"}
    found = read(heart_rate=[changed(point, "heartRate", sampleTime=time)])
    assert found.of("heart_rate", "offset_min", "tz_assumed") == [(120, True)]


def test_spellings_of_previews_are_read_too() -> None:
    night = points_of("sleep")[2]
    named = {k: v for k, v in night.items() if k != "name"} | {"dataPointName": night["name"]}
    metadata = {"processed": True, "main": True}
    body = {"reconciledDataPoints": [changed(named, "sleep", metadata=metadata)]}
    files = {"google_health_sleep_2024-05-01_2024-05-05_0000.json": json.dumps(body)}
    found = read_members(source, files, zone=BERLIN, exported=EXPORTED)
    assert found.of("sleep_episode", "episode", "vendor_main") == [("509", True)]


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("heart-rate", {"beatsPerMinute": "300"}, "outside 20 to 250"),
        ("heart-rate", {"beatsPerMinute": "fast"}, "expected a number"),
        ("heart-rate", {"sampleTime": {"physicalTime": "2024-05-02T04:00:03"}}, "expected a date and time"),
        ("heart-rate", {"sampleTime": None}, "expected a date and time"),
        ("heart-rate", {"sampleTime": {"physicalTime": "1999-05-02T04:00:03Z"}}, "before 2009"),
        ("heart-rate", {"sampleTime": {"physicalTime": "2024-05-09T04:00:03Z"}}, "a day after the export"),
        ("steps", {"count": "1.5"}, "outside 0 to"),
        ("steps", {"interval": BACKWARDS}, "ends before"),
        ("daily-resting-heart-rate", {"date": {"year": 2024, "month": 13, "day": 1}}, "expected a date"),
        ("sleep", {"interval": {"startTime": "2024-05-01T21:30:00Z"}}, "at which it ends"),
        ("sleep", {"stages": [stage("COMA", "2024-05-01T21:30:00Z", "2024-05-01T22:30:00Z")]}, "a stage that is none"),
        ("sleep", {"stages": [{"type": "REM", "startTime": "2024-05-01T22:30:00Z"}]}, "a stage that is none"),
        ("exercise", {"interval": None}, "expected a date and time"),
        ("moods", {"sampleTime": None}, "expected a date and time"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_the_others_are_kept(
    kind: str, values: dict[str, Any], words: str
) -> None:
    good = points_of(kind)[-1 if kind != "heart-rate" else 2]
    key = next(t.field for t in TYPES if t.path == kind)
    bad = changed(good, key, **values)
    found = read(**{kind.replace("-", "_"): [good, bad]})
    ((_, record, reason),) = found.refused
    assert record == 1
    assert words in reason
    assert read(**{kind.replace("-", "_"): [good]}).signals().keys() <= found.signals().keys()


def test_a_sleep_with_stages_that_are_none_stays_a_sleep() -> None:
    night = points_of("sleep")[2]
    found = read(sleep=[changed(night, "sleep", stages=[{"type": "COMA"}])])
    assert found.of("sleep_episode", "episode", "scoring") == [("509", None)]
    assert found.of("sleep_stage", "stage") == []


def test_claims_need_the_name_and_an_object() -> None:
    assert all(source.claims(member(name, data)) for name, data in FILES.items())
    hours = file_of("heart-rate-hours")
    assert source.stream(hours) is None
    assert source.stream(file_of("sleep")) == "signal.sleep_episode"
    assert not source.claims(member("google_health_weight_2024-05-01_0000.json", b"{}"))
    assert not source.claims(member(hours, b"[]"))
    assert not source.claims(member("heart-rate_2024-05-01.json", b"{}"))


@pytest.mark.parametrize("body", ["{}", '{"nextPageToken": "x"}', '{"dataPoints": []}'])
def test_an_answer_with_nothing_in_it_is_no_fault(body: str) -> None:
    found = read_members(source, {file_of("heart-rate"): body}, zone=BERLIN, exported=EXPORTED)
    assert (found.rows, found.refused) == ({}, [])


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_an_answer_cut_at_any_byte_keeps_its_whole_points(data: st.DataObject) -> None:
    name = file_of("steps")
    text = FILES[name]
    ends = [found.end() for found in re.finditer(rb"\n    \}", text)]
    cut = data.draw(st.integers(20, len(text) - 4))
    found = read_members(source, {name: text[:cut]}, zone=BERLIN, exported=EXPORTED)
    assert len(found.of("steps", "t_utc")) == sum(end <= cut for end in ends)
    assert found.refused


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_no_damage_makes_it_fall_over(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(1, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_members(source, {name: bytes(content)}, zone=BERLIN, exported=datetime(2100, 1, 1))


@settings(deadline=None, max_examples=12)
@given(st.permutations(range(5)))
def test_order_and_repetition_change_nothing(order: list[int]) -> None:
    points = points_of("heart-rate")
    mixed = read(heart_rate=[points[i] for i in (*order, order[0])])
    assert mixed.signals() == read(heart_rate=points).signals()


def test_every_type_is_spelled_three_ways_that_agree() -> None:
    for kind in TYPES:
        assert kind.member == kind.path.replace("-", "_")
        first, *rest = kind.path.split("-")
        assert kind.field == first + "".join(part.capitalize() for part in rest)


# --- the client --------------------------------------------------------------------------------


class Fixed:
    """Tokens that change when they are refreshed."""

    def __init__(self) -> None:
        self.token, self.refreshed = SECRET, 0

    def get(self) -> str:
        return self.token

    def refresh(self, stale: str) -> str:
        assert stale == self.token
        self.refreshed += 1
        self.token = f"{SECRET}-{self.refreshed}"
        return self.token


Answer = httpx.Response | Exception


@contextmanager
def client_for(
    *answers: Answer, world: World | None = None, buckets: Sequence[Bucket] = ()
) -> Iterator[Client]:
    """A client whose questions get these answers, one after the other."""
    left = list(answers)

    def reply(_: httpx.Request) -> httpx.Response:
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    with httpx.Client(transport=httpx.MockTransport(reply)) as http:
        yield Client("Vendor", "http://vendor", Fixed(), (world or World()).outside(), http, buckets)


def refusal(status: int, reason: str = "", **headers: str) -> httpx.Response:
    body = {
        "error": {"code": status, "status": "X_STATUS", "details": [{"reason": reason}] if reason else []}
    }
    return httpx.Response(status, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


OK = httpx.Response(200, json={"a": 1})


def test_faults_are_tried_again_with_full_jitter_and_then_given_up() -> None:
    world = World()
    with client_for(*(refusal(status) for status in (500, 502, 503)), OK, world=world) as client:
        assert client.ask("/x") == b'{"a":1}'
    # The middle of nothing to 1, 2 and 4 seconds.
    assert world.rests_s == [0.5, 1.0, 2.0]
    with (
        client_for(*[refusal(503)] * TRIES, world=world) as client,
        pytest.raises(ProviderDownError, match="503"),
    ):
        client.ask("/x")
    assert client.requests == TRIES


@pytest.mark.parametrize(
    ("told", "rest_s"),
    [("7", 7.5), ("Thu, 29 Oct 2026 05:00:09 GMT", 9.5), ("soon", 0.5), ("", 0.5)],
)
def test_a_wait_that_is_told_is_waited(told: str, rest_s: float) -> None:
    world = World()
    with client_for(refusal(429, Retry_After=told), OK, world=world) as client:
        client.ask("/x")
    assert world.rests_s == [rest_s]


def test_a_long_wait_says_until_when() -> None:
    with client_for(refusal(429, Retry_After="3600")) as client, pytest.raises(RateLimitedError) as caught:
        client.ask("/x")
    assert caught.value.until == NOW + timedelta(hours=1)
    assert str(caught.value) == "Vendor asks to wait until 2026-10-29 06:00:00 UTC."


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (httpx.ConnectError("no route"), OfflineError, "is this machine online"),
        (httpx.ConnectTimeout("slow"), OfflineError, "is this machine online"),
        (httpx.ReadTimeout("slow"), ProviderDownError, r"broke \(read timeout\)"),
        (httpx.RemoteProtocolError("cut"), ProviderDownError, r"broke \(remote protocol error\)"),
    ],
)
def test_what_the_network_does_is_told_apart(error: Exception, kind: type[LiveError], words: str) -> None:
    with client_for(*[error] * TRIES) as client, pytest.raises(kind, match=words) as caught:
        client.ask("/x")
    assert caught.value.__cause__ is None, "the library's error holds the request with its token"
    assert caught.value.__context__ is None
    with client_for(error, OK) as client:
        assert client.ask("/x")


def test_a_refused_token_is_refreshed_once_and_then_only_the_person_can_help() -> None:
    with client_for(refusal(401), OK) as client:
        client.ask("/x")
        assert isinstance(client.tokens, Fixed)
        assert client.tokens.refreshed == 1
    with client_for(refusal(401), refusal(401)) as client, pytest.raises(NeedsReconsentError):
        client.ask("/x")


def test_a_refusal_tells_the_machines_reason_and_no_other_text() -> None:
    body = {
        "error": {"status": "INVALID_ARGUMENT", "message": "Jane Doe, 5 Elm Street", "reason": "born 1970"}
    }
    with client_for(httpx.Response(400, json=body)) as client, pytest.raises(BadAnswerError) as caught:
        client.ask("/x")
    assert str(caught.value) == "Vendor refused a question (400, INVALID_ARGUMENT)."
    assert caught.value.status == 400


@pytest.mark.parametrize("body", ["<html>log in</html>", '{"cut": '])
def test_a_login_page_in_place_of_an_answer_is_none(body: str) -> None:
    with (
        client_for(httpx.Response(200, text=body)) as client,
        pytest.raises(BadAnswerError, match="login page"),
    ):
        client.ask("/x")


@pytest.mark.parametrize("body", ["", "[]"])
def test_nothing_at_all_is_not_taken_for_no_data(body: str) -> None:
    with (
        client_for(httpx.Response(200, text=body)) as client,
        pytest.raises(BadAnswerError, match="with nothing, or with a list"),
    ):
        list(google_health.walk(client, TYPES[1], "x", "y"))


def test_no_token_is_shown() -> None:
    with client_for(OK) as client:
        assert SECRET not in repr(client)
    assert SECRET not in repr(Bearer(SECRET))


def page(token: str | None, **more: Any) -> httpx.Response:
    return httpx.Response(200, json={**more, **({} if token is None else {"next": token})})


def test_an_empty_page_with_a_token_is_not_the_end() -> None:
    with client_for(page('a"b'), page("c", points=[1]), page(None, points=[2])) as client:
        bodies = list(client.pages("/x", {"day": "1"}, "next", "token"))
    assert [json.loads(body).get("points") for body in bodies] == [None, [1], [2]]


def test_pages_without_end_are_noticed() -> None:
    with client_for(page("a"), page("b"), page("a")) as client, pytest.raises(BadAnswerError, match="no end"):
        list(client.pages("/x", {}, "next", "token"))


def test_a_token_is_found_where_it_stands_and_not_in_other_text() -> None:
    assert find_text(b'{"points": ["\\"next\\": \\"x\\""], "next" : "a\\"\\u0062"}', "next") == 'a"b'
    assert find_text(b'{"points": [], "next": ""}', "next") is None
    assert find_text(b'{"next": null}', "next") is None
    assert find_text(b"{}", "next") is None


def test_a_bucket_lets_through_a_burst_and_then_its_rate() -> None:
    world = World()
    with client_for(*[OK] * 6, world=world, buckets=[Bucket(per_s=2.0, size=3.0)]) as client:
        for _ in range(6):
            client.ask("/x")
    assert world.rests_s == [0.5, 0.5, 0.5]
    bucket = Bucket(per_s=2.0, size=3.0)
    waits = [bucket.take(NOW + timedelta(seconds=s)) for s in (0, 0, 0, 0, 100, 100, 100, 100)]
    assert waits == [0, 0, 0, 0.5, 0, 0, 0, 0.5], "what is not used does not pile up"


# --- the provider ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "ACCOUNT_NOT_LINKED", NeedsReconsentError),
        (403, "RESOURCE_PERMISSION_DENIED", NeedsReconsentError),
        (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", NotGrantedError),
        (403, "SERVICE_DISABLED", BadAnswerError),
    ],
)
def test_the_providers_reasons_have_their_meaning(status: int, reason: str, kind: type[LiveError]) -> None:
    found = google_health.explain(status, refusal(status, reason).content)
    assert type(found) is kind
    assert google_health.explain(500, b"{}") is None


def hour(number: int) -> datetime:
    return datetime(2026, 10, 1, tzinfo=UTC) + timedelta(hours=number)


def rolled(means: dict[int, float | None]) -> bytes:
    windows = [
        {
            "startTime": f"{hour(n):%Y-%m-%dT%H:%M:%SZ}",
            "heartRate": {
                f"beatsPerMinute{name}": mean for name in ("Avg", "Max", "Min") if mean is not None
            },
        }
        for n, mean in means.items()
    ]
    return json.dumps({"rollupDataPoints": windows}).encode()


def test_hours_are_joined_to_walks_over_what_is_empty_but_not_over_what_is_known() -> None:
    changed_hours = [hour(n) for n in (1, 2, 5, 9)]
    given_hours = {hour(n) for n in (1, 2, 5, 7, 9)}
    assert list(join_hours(changed_hours, given_hours)) == [(hour(1), hour(6)), (hour(9), hour(10))]
    week_h = google_health.WALK_HOURS
    long = [hour(n) for n in range(week_h + 5)]
    assert list(join_hours(long, set(long))) == [(hour(0), hour(week_h)), (hour(week_h), hour(week_h + 5))]
    assert list(join_hours([], {hour(1)})) == []


def test_an_hour_without_all_its_means_always_counts_as_changed() -> None:
    now = read_hours([rolled({0: 60.5, 1: None})])
    assert not differs(now[hour(0)], now[hour(0)])
    assert differs(now[hour(1)], now[hour(1)])
    assert differs(now[hour(0)], None)
    assert differs(None, now[hour(0)])
    assert read_hours([b'{"rollupDataPoints": [{"start": 1}]}']) == {}
    assert read_hours([b"{}"]) == {}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("google_health", "--no-faults", "--per-minute", "1000000") as found:
        yield found


def asked(server: Server) -> list[tuple[str, dict[str, str]]]:
    return [(entry["path"].partition("dataTypes/")[2], entry["query"]) for entry in server.tell("log")]


def test_each_type_is_asked_as_it_wants_to_be(server: Server) -> None:
    server.tell("reset")
    with visiting(server, "P002") as client:
        found = list(google_health.pull(client, date(2026, 10, 27), date(2026, 10, 28)))
    names = [one.name for one in found if isinstance(one, RawAnswer)]
    assert len(set(names)) == len(names)
    filters = {path: query.get("filter") for path, query in asked(server)}
    days = '"2026-10-27" AND {0} < "2026-10-29"'
    for path, member_ in (
        ("sleep/dataPoints", "sleep.interval.civil_end_time"),
        ("exercise/dataPoints", "exercise.interval.civil_start_time"),
        ("steps/dataPoints:reconcile", "steps.interval.civil_start_time"),
        ("oxygen-saturation/dataPoints", "oxygen_saturation.sample_time.civil_time"),
        ("daily-resting-heart-rate/dataPoints", "daily_resting_heart_rate.date"),
    ):
        assert filters[path] == f"{member_} >= " + days.format(member_)
    sizes = {path: query.get("pageSize") for path, query in asked(server)}
    assert sizes["sleep/dataPoints"] == sizes["exercise/dataPoints"] == "25"
    assert sizes["steps/dataPoints:reconcile"] == "10000"
    # From the earliest the days can begin, in Kiribati, to the latest they can end.
    assert filters["heart-rate/dataPoints"] == (
        'heart_rate.sample_time.physical_time >= "2026-10-26T10:00:00Z" AND heart_rate.sample_time.physical_time'
        ' < "2026-10-29T04:00:00Z"'
    )
    rolled_up = [path for path, _ in asked(server)].count("heart-rate/dataPoints:rollUp")
    assert rolled_up == 1


def test_a_service_that_is_too_slow_is_asked_for_smaller_pages(server: Server) -> None:
    server.tell("reset")
    server.tell("faults", who="P002", plan={"3": 504})
    with visiting(server, "P002") as client:
        found = list(google_health.pull(client, date(2026, 10, 27), date(2026, 10, 28)))
    sizes = [int(query["pageSize"]) for path, query in asked(server) if path == "heart-rate/dataPoints"]
    # The first question is for the hours, the second for a page of heart rates.
    assert sizes[:3] == [10_000, 10_000, 5_000]
    hearts = [one.body for one in found if isinstance(one, RawAnswer) and one.name.startswith("heart-rate_")]
    stamps = {
        p["heartRate"]["sampleTime"]["physicalTime"]
        for body in hearts
        for p in json.loads(body)["dataPoints"]
    }
    mine = server.tell("truth", who="P002")
    first = datetime(2026, 10, 26, 10, tzinfo=UTC).timestamp()
    assert len(stamps) == sum(t >= first for day in mine.values() for t, _ in day["heart_rate"])


@pytest.mark.parametrize("status", [400, 504])
def test_without_the_means_of_hours_all_is_asked_for(server: Server, status: int) -> None:
    server.tell("reset")
    server.tell("faults", who="P002", plan={"1": status})
    with visiting(server, "P002") as client:
        kept = [rolled({0: 60.0})]
        found = list(google_health.pull(client, date(2026, 10, 28), date(2026, 10, 28), lambda _: kept))
    names = [one.name for one in found if isinstance(one, RawAnswer)]
    assert [n for n in names if n.startswith("heart-rate_2026-10-27T10_2026-10-29T12")]
    assert not [n for n in names if n.startswith("heart-rate-hours")]


def test_only_hours_that_differ_from_the_last_pull_are_asked_for(server: Server) -> None:
    server.tell("reset")
    with visiting(server, "P002") as client:
        first = list(google_health.pull(client, date(2026, 10, 28), date(2026, 10, 28)))
        hours = [
            one.body
            for one in first
            if isinstance(one, RawAnswer) and one.name.startswith("heart-rate-hours")
        ]
        other = re.sub(
            rb'("startTime": "2026-10-28T15:00:00Z".*?"beatsPerMinuteAvg": )[\d.]+', rb"\g<1>61.0", hours[0]
        )
        again = list(google_health.pull(client, date(2026, 10, 28), date(2026, 10, 28), lambda _: [other]))
    names = [one.name for one in again if isinstance(one, RawAnswer) and one.name.startswith("heart-rate_")]
    assert names == ["heart-rate_2026-10-28T15_2026-10-28T16_10000-0000"]


def test_what_the_service_does_not_offer_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.tell("reset")
    odd = google_health.TYPES[-1].__class__("auras", "auras", "auras", "sample", "signal.vital")
    monkeypatch.setattr(google_health, "TYPES", (odd, *google_health.TYPES[-1:]))
    with visiting(server, "P001") as client:
        found = list(google_health.pull(client, date(2026, 10, 22), date(2026, 10, 28)))
    gap = NotGiven("auras", "the service does not offer it (INVALID_PARENT_DATA_TYPE_COLLECTION)")
    assert found[0] == gap
    assert len(found) == 2
