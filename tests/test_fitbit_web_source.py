"""Recorded answers of the Fitbit Web API become rows: local stamps in the profile's zone, an hour that comes twice."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fitbit_export import hashes_of, load_into, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import people
from servers.fitbit_web import answer
from servers.people import PEOPLE
from source_reading import Found, fixture, member, read_members

from ingest.files import fitbit_web as source
from ingest.source import Export

FILES = fixture("fitbit_web")
AT = "A1B2C3/"
EXPORTED = datetime(2023, 10, 31)
SYDNEY = "Australia/Sydney"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2023-10-{text}")


def read(zone: str = SYDNEY, **files: Any) -> Found:
    """The fixture, or answers by path (with ___ for slashes)."""
    given_files = {f"{name.replace('___', '/')}.json": json.dumps(body) for name, body in files.items()}
    return read_members(source, given_files or FILES, zone, EXPORTED)


def hrv(*stamps: str) -> dict[str, Any]:
    values = [{"minute": stamp, "value": {"rmssd": 40.0 + i}} for i, stamp in enumerate(stamps)]
    return {"hrv": [{"minutes": values, "dateTime": "2023-10-29"}]}


def sleep_of(**changes: Any) -> dict[str, Any]:
    """The fixture's night, changed; None leaves a value out."""
    (log,) = json.loads(FILES[f"{AT}1.2/sleep/date/2023-10-29.json"])["sleep"]
    return {"sleep": [{k: v for k, v in (log | changes).items() if v is not None}]}


# --- rows --------------------------------------------------------------------------------------


def test_heart_rates_of_an_hour_that_comes_twice_lie_where_they_were() -> None:
    found = read()
    assert (found.refused, found.unclaimed) == ([], [])
    rows = found.table("signal.heart_rate")
    singles = [(r["t_utc"], r["hr_bpm"], r["offset_min"]) for r in rows if "device" not in r]
    assert singles == [
        (utc("28T23:59:58"), 61.0, 60),
        (utc("29T00:00:03"), 60.0, 60),
        (utc("29T00:59:55"), 59.0, 60),
        (utc("29T01:00:01"), 58.0, 0),
        (utc("29T01:59:59"), 57.0, 0),
        (utc("29T02:00:04"), 56.0, 0),
        (utc("29T23:59:59"), 70.0, 0),
    ]
    means = [(r["t_utc"], r["hr_bpm"]) for r in rows if r.get("device") == "minute means"]
    assert means == [(utc("28T22:00"), 62.0), (utc("28T22:01"), 63.0)]
    assert {row["tz_assumed"] for row in found.table("signal.heart_rate")} == {True}
    assert found.remarks == [
        "The account's own profile says Europe/London: its local times are read with that zone.",
        "Answers with values every 5 or 15 minutes were left out: 1.",
    ]


def test_values_of_days_nights_and_moments() -> None:
    found = read()
    midnight = utc("28T23:00")
    assert found.of("vital", "vital", "t_utc", "value", "unit", "offset_min") == [
        ("respiration", midnight, 14.8, "/min", 60),
        ("respiration", utc("30T00:00"), 14.5, "/min", 0),
        ("resting_heart_rate", midnight, 57.0, "/min", 60),
        ("resting_heart_rate", utc("30T00:00"), 56.0, "/min", 0),
        ("skin_temperature_deviation", midnight, -0.3, "Cel", 60),
        ("spo2", utc("28T22:30"), 95.6, "%", 60),  # 50 is none
        ("spo2", utc("29T05:00"), 96.1, "%", 0),
        ("spo2_night", midnight, 95.4, "%", 60),
        ("steps_day", utc("27T23:00"), 177.0, "{count}", 60),
    ]
    assert found.of("hrv_sample", "hrv", "t_utc", "value_ms", "span_s", "coverage") == [
        ("rmssd_5min", utc("28T23:55"), 41.0, 300, 0.98),
        ("rmssd_5min", utc("29T00:30"), 42.5, 300, 0.95),
        ("rmssd_5min", utc("29T01:05"), 44.0, 300, None),  # a share of 1.5 is none
        ("rmssd_5min", utc("29T02:00"), 45.05, 300, 0.91),
        ("rmssd_deep", midnight, 47.25, None, None),
        ("rmssd_night", midnight, 43.5, None, None),
    ]
    assert found.of("steps", "t_utc", "span_s", "steps") == [
        (utc("28T08:00"), 60, 59),
        (utc("28T08:01"), 60, 118),
    ]


def test_a_night_in_which_clocks_change_has_its_length_and_its_stages_in_order() -> None:
    found = read()
    columns = (
        "episode",
        "t_utc",
        "end_utc",
        "offset_min",
        "end_offset_min",
        "scoring",
        "vendor_main",
        "revision",
    )
    assert found.of("sleep_episode", *columns) == [
        ("41234567001", utc("28T13:00"), utc("28T13:06"), 60, 60, "classic", False, 10),
        ("41234567890", utc("28T22:00"), utc("29T06:00"), 60, 0, "stages", True, 12),
    ]
    assert found.of("sleep_stage", "episode", "t_utc", "end_utc", "stage", "offset_min") == [
        ("41234567001", utc("28T13:00"), utc("28T13:01"), "wake", 60),
        ("41234567001", utc("28T13:01"), utc("28T13:03"), "asleep", 60),
        ("41234567001", utc("28T13:03"), utc("28T13:04"), "restless", 60),
        ("41234567001", utc("28T13:04"), utc("28T13:06"), "asleep", 60),
        ("41234567890", utc("28T22:00"), utc("28T22:10"), "wake", 60),
        ("41234567890", utc("28T22:10"), utc("29T00:30"), "light", 60),
        ("41234567890", utc("29T00:30"), utc("29T01:00"), "deep", 60),
        ("41234567890", utc("29T01:00"), utc("29T02:00"), "rem", 0),
        ("41234567890", utc("29T02:00"), utc("29T03:00"), "light", 0),
        ("41234567890", utc("29T03:00"), utc("29T03:01"), "wake", 0),  # a short one
        ("41234567890", utc("29T03:01"), utc("29T06:00"), "light", 0),
    ]
    whole = {stream for name, stream in found.spans if name == "2023-10-29.json"}
    assert whole == {"signal.sleep_episode", "signal.sleep_stage"}
    assert not [name for name, _ in found.spans if name == "2023-10-28.json"], "minutes take no stages back"


def test_a_log_that_runs_on_one_clock_keeps_it() -> None:
    """Its end, stamped 07:00 by the clock of its start, is 06:00 by then."""
    level = {"dateTime": "2023-10-29T06:00:00.000", "level": "rem", "seconds": 3600}
    found = read("Europe/London", sleep=sleep_of(endTime="2023-10-29T07:00:00.000", levels={"data": [level]}))
    assert found.of("sleep_episode", "t_utc", "end_utc", "end_offset_min") == [
        (utc("28T22:00"), utc("29T06:00"), 0)
    ]
    assert found.of("sleep_stage", "t_utc", "end_utc") == [(utc("29T05:00"), utc("29T06:00"))]


def test_the_persons_zone_counts_where_no_profile_was_recorded() -> None:
    assert read(SYDNEY, hrv___date___2023_10_29=hrv("2023-10-29T12:00:00.000")).of("hrv_sample", "t_utc") == [
        (utc("29T01:00"),)
    ]
    profile = {"user": {"timezone": "Mars/Olympus", "offsetFromUTCMillis": 0}}
    found = read(SYDNEY, profile=profile, hrv___date___2023_10_29=hrv("2023-10-29T12:00:00.000"))
    assert found.of("hrv_sample", "t_utc") == [(utc("29T01:00"),)]
    assert found.remarks == []


@given(st.lists(st.integers(0, 24 * 60 - 1), min_size=2, max_size=40, unique=True), st.data())
@settings(deadline=None, max_examples=60)
def test_values_in_order_come_back_at_their_instants_where_the_repeated_hour_shows(
    minutes: list[int], data: st.DataObject
) -> None:
    """Instants of the 25 hours of the day; one before and one after the step make it visible."""
    shown = sorted({*minutes, 30, 65, 125})  # 01:35 first, then 01:05 again, then 02:05
    instants = [datetime(2023, 10, 28, 23) + timedelta(minutes=m) for m in shown]
    first_again = 120
    twice = [m for m in shown if 60 <= m < 180]
    local = [
        f"{t + timedelta(hours=1 if m < first_again else 0):%Y-%m-%dT%H:%M:%S}"
        for m, t in zip(shown, instants, strict=True)
    ]
    before, after = (
        [m for m in twice if part(m)] for part in (lambda m: m < first_again, lambda m: m >= first_again)
    )
    steps_back = bool(before) and bool(after) and max(before) > min(after) - 60
    found = read("Europe/London", hrv___date___2023_10_29=hrv(*local)).of("hrv_sample", "t_utc")
    if steps_back:
        assert found == [(t,) for t in instants]
    assert len(found) == len(instants) or not steps_back


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"logId": None}, "expected a logId"),
        ({"startTime": "soon"}, "expected a date and time"),
        ({"endTime": None}, "expected a date and time at which it ends"),
        ({"endTime": "2023-10-28T22:00:00.000", "duration": None}, "ends before it starts"),
        ({"endTime": "2023-10-31T06:00:00.000", "duration": None}, "longer than 48 hours"),
        (
            {"levels": {"data": [{"dateTime": "2023-10-29T00:00:00.000", "level": "trance", "seconds": 60}]}},
            "not known",
        ),
    ],
)
def test_a_log_that_cannot_be_is_kept_aside(changes: dict[str, Any], words: str) -> None:
    found = read("Europe/London", sleep___date___2023_10_29=sleep_of(**changes))
    ((_, record, reason),) = found.refused
    assert record == 0
    assert words in reason
    assert not found.table("signal.sleep_episode")
    assert not found.spans


def test_impossible_values_are_refused_with_their_number_and_others_stand() -> None:
    entries = [
        {"time": "08:00:00", "value": 400},
        {"time": "25:00:00", "value": 60},
        {"time": "08:00:05", "value": 61},
    ]
    within = {"dataset": entries, "datasetInterval": 1, "datasetType": "second"}
    answer = {
        "activities-heart": [{"dateTime": "2023-10-29", "value": "61.0"}],
        "activities-heart-intraday": within,
    }
    found = read("Europe/London", activities___heart___date___2023_10_29___1d___1sec=answer)
    assert found.of("heart_rate", "hr_bpm") == [(61.0,)]
    assert sorted((record, reason[:20]) for _, record, reason in found.refused) == [
        (0, "heart rate (value) o"),
        (1, "expected a date and "),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b'{"hrv": [{"minutes": [', "no whole JSON document"),
        (b'{"errors": [{"errorType": "expired_token"}], "success": false}', "an error of the Web API"),
        (b'{"auras": []}', "not known"),
        (b"\x1f\x8bnot gzip", "damaged or too large"),
        (gzip.compress(b'{"hrv": []}' * 99, mtime=0)[:-9], "damaged or too large"),
    ],
)
def test_a_file_without_an_answer_says_so(content: bytes, words: str) -> None:
    name = "hrv/date/2023-10-29.json" + (".gz" if content[:1] == b"\x1f" else "")
    found = source.read(read_export(name, content), Context())
    reasons = [row["reason"] for part in found for row in part.rows.to_pylist()]
    assert len(reasons) == 1
    assert words in reasons[0]


class Context:
    zone = "Europe/London"


def read_export(name: str, content: bytes) -> Any:
    return Export("test", (member(name, content),), (0,), EXPORTED)


def test_answers_of_two_accounts_are_never_one_person() -> None:
    others = {name.replace("A1B2C3", "D4E5F6"): data for name, data in FILES.items()}
    found = read_members(source, {**FILES, **others}, exported=EXPORTED)
    assert not found.rows
    assert {reason for _, _, reason in found.refused} == {
        "answers of 2 accounts lie here: load the folder of each account by itself"
    }


def test_sure_answers_are_claimed_wherever_they_lie_and_others_by_their_path() -> None:
    loose = {f"{i}.json": data for i, (name, data) in enumerate(FILES.items()) if not name.endswith(".gz")}
    claimed = [name for name, data in loose.items() if source.claims(member(name, data))]
    assert len(claimed) >= len(loose) - 4, "an answer on oxygen could be anybody's"
    for name, content in {
        "notes/2023-10-29.json": '{"hrv": 1}',
        "profile.json": '{"user": {"name": "Jo"}}',
        "sleep/date/2023-10-29.txt": "{}",
        "hrv/date/2023-10-29.json": "<html>",
    }.items():
        assert not source.claims(member(name, content)), name


# --- the whole road ----------------------------------------------------------------------------


def record_week(who: str, place: Path) -> Path:
    """All that was recorded of a simulated person, as the old service gave it."""
    person = PEOPLE[who]
    days = [str(day) for day in people.days()]
    paths = ["profile", *(f"activities/heart/date/{day}/1d/1sec" for day in days)]
    paths += [f"activities/steps/date/{day}/1d/1min" for day in days]
    paths += [f"hrv/date/{day}/all" for day in days]
    paths += [f"sleep/date/{days[0]}/{days[-1]}"] if "sleep" in person.scopes else []
    for path in paths:
        file = place / person.fitbit_id / f"{path}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(answer(person, "1.2", path)), encoding="utf-8")
    return place


@pytest.mark.parametrize("who", ["P001", "P002"])
def test_a_recorded_week_is_what_the_watch_measured_to_the_last_sample(who: str, tmp_path: Path) -> None:
    load_into(tmp_path, record_week(who, tmp_path / "kept"))
    person = PEOPLE[who]
    epoch = "epoch_us(t_utc) // 1000000"
    hearts = [one for day in people.days() for one in pairs(people.heart(person, day))]
    assert rows_of(tmp_path, f"select {epoch}, hr_bpm from signal.heart_rate order by t_utc") == hearts
    steps = [one for day in people.days() for one in pairs(people.steps(person, day))]
    assert rows_of(tmp_path, f"select {epoch}, steps from signal.steps order by t_utc") == steps
    beats = [one for day in people.days() for one in pairs(people.variability(person, day))]
    assert rows_of(tmp_path, f"select {epoch}, value_ms from signal.hrv_sample order by t_utc") == beats
    nights = [one for day in people.days() if (one := people.night(person, day))]
    edges = f"select {epoch}, epoch_us(end_utc) // 1000000 from signal.sleep_episode order by t_utc"
    assert rows_of(tmp_path, edges) == [(one.start_s, one.end_s) for one in nights]
    names = {"AWAKE": "wake", "LIGHT": "light", "DEEP": "deep", "REM": "rem"}
    stages = [(start, names[name]) for one in nights for name, start, _ in one.stages]
    assert rows_of(tmp_path, f"select {epoch}, stage from signal.sleep_stage order by t_utc") == stages


def pairs(values: people.Values) -> list[tuple[int, float]]:
    return list(zip(values.t_s.tolist(), values.value.tolist(), strict=True))


def test_stages_win_over_the_minutes_of_the_same_log_in_any_order(tmp_path: Path) -> None:
    person, day = PEOPLE["P001"], date(2026, 10, 25)
    for version in ("1", "1.2"):
        file = tmp_path / version / person.fitbit_id / version / "sleep" / "date" / f"{day}.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(answer(person, version, f"sleep/date/{day}")), encoding="utf-8")
    found = []
    for order in (("1", "1.2"), ("1.2", "1")):
        place = tmp_path / "-".join(order)
        for version in order:
            load_into(place, tmp_path / version)
        found.append(
            {table: mark for table, mark in hashes_of(place).items() if table.startswith("signal.sleep")}
        )
        assert rows_of(place, "select distinct scoring, revision from signal.sleep_episode") == [
            ("stages", 12)
        ]
        assert rows_of(place, "select count(distinct stage) from signal.sleep_stage") == [(4,)]
    assert found[0] == found[1]
