"""Polar's export as documented: what is there is read at its own time, what differs is refused by name."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fitbit_export import hashes_of, load_into, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import Found, fixture, member, read_members, write_zip

from ingest.files import polar

FILES = fixture("polar")
HOME = "Europe/Helsinki"


def name_of(start: str) -> str:
    return next(name for name in FILES if name.startswith(start))


SLEEP, HEART, STEPS, SESSION = (name_of(s) for s in ("sleep_result", "247ohr", "activity", "training"))
RR, NIGHTLY = name_of("Polar_H10"), name_of("nightly_recovery_123")
BLOB, SCORE = name_of("nightly_recovery_blob"), name_of("sleep_score")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


def read(**changed: Any) -> Found:
    files = FILES | {n: c if isinstance(c, str | bytes) else json.dumps(c) for n, c in changed.items()}
    return read_members(polar, files, zone=HOME)


def read_one(name: str, content: Any) -> Found:
    content = content if isinstance(content, str | bytes) else json.dumps(content)
    return read_members(polar, {name: content}, zone=HOME)


def parsed(name: str) -> Any:
    return json.loads(FILES[name])


def test_a_sleep_has_its_own_offset_and_states_hold_until_the_next() -> None:
    found = read()
    assert (found.refused, found.remarks) == ([], [])
    assert found.of(
        "sleep_episode", "episode", "t_utc", "end_utc", "offset_min", "tz_assumed", "scoring"
    ) == [("2024-05-02", utc("2024-05-01T22:00"), utc("2024-05-02T06:00"), 60, False, "stages")]
    assert found.of("sleep_stage", "t_utc", "end_utc", "stage", "offset_min") == [
        (utc("2024-05-01T22:00"), utc("2024-05-01T22:30"), "wake", 60),
        (utc("2024-05-01T22:30"), utc("2024-05-02T00:00"), "light", 60),
        (utc("2024-05-02T00:00"), utc("2024-05-02T01:30"), "deep", 60),
        (utc("2024-05-02T01:30"), utc("2024-05-02T05:00"), "rem", 60),
        (utc("2024-05-02T05:30:30.500000"), utc("2024-05-02T06:00"), "light", 60),
    ]
    assert {s for n, s in found.spans if n == SLEEP} == {"signal.sleep_episode", "signal.sleep_stage"}


def test_local_times_take_the_offset_that_the_nearest_sleep_proves_else_the_zones() -> None:
    rates = read().of("heart_rate", "t_utc", "hr_bpm", "offset_min", "tz_assumed")
    assert rates == [
        (utc("2024-05-02T07:00:05"), 61.0, 60, False),
        (utc("2024-05-02T07:01:40"), 64.0, 60, False),
        (utc("2024-07-09T21:00:00"), 70.0, 180, True),
    ]
    alone = read_one(HEART, FILES[HEART])
    assert alone.of("heart_rate", "t_utc", "tz_assumed")[0] == (utc("2024-05-02T05:00:05"), True)


def test_steps_are_of_single_minutes_or_refused() -> None:
    assert read().of("steps", "t_utc", "steps", "span_s", "offset_min") == [
        (utc("2024-05-02T07:00"), 0, 60, 60),
        (utc("2024-05-02T07:01"), 55, 60, 60),
        (utc("2024-05-02T07:03"), 12, 60, 60),
    ]
    other = parsed(STEPS)
    other["samples"]["steps"] = [
        {"localTime": f"08:0{i}:{s:02}", "value": 1} for i in (0, 1) for s in (0, 30)
    ]
    assert [r for *_, r in read_one(STEPS, other).refused] == [
        "expected steps of single minutes in samples.steps, found one every 30 s"
    ]


def test_nightly_values_lie_at_the_midnight_of_their_date() -> None:
    found = read()
    midnight = utc("2024-05-01T23:00")
    assert found.of("hrv_sample", "hrv", "t_utc", "value_ms", "span_s") == [
        ("rmssd_night", midnight, 42.0, None)
    ]
    assert found.of("vital", "vital", "t_utc", "value", "unit") == [
        ("respiration", midnight, 15.0, "/min"),
        ("respiration", utc("2024-07-09T21:00"), pytest.approx(60_000 / 4200), "/min"),
    ]
    assert found.of("vendor_score", "score", "value", "t_utc") == [
        ("ans_charge", 1.5, midnight),
        ("ans_status", 4.0, midnight),
        ("nightly_recharge", 5.0, midnight),
        ("sleep_score", 78.5, midnight),
    ]


def test_sessions_have_the_offset_beside_them() -> None:
    columns = ("workout", "t_utc", "end_utc", "offset_min", "hr_mean_bpm", "activity", "tz_assumed")
    assert read_one(SESSION, FILES[SESSION]).of("workout", *columns) == [
        ("s-1", utc("2024-05-02T17:00"), utc("2024-05-02T17:40"), 60, 131.0, None, False)
    ]
    bare = parsed(SESSION)
    del bare["timezoneOffsetMinutes"], bare["hrAvg"]
    assert read_one(SESSION, bare).of("workout", *columns) == [
        ("s-1", utc("2024-05-02T15:00"), utc("2024-05-02T15:40"), 180, None, None, True)
    ]


def test_beats_lie_end_to_end_and_are_set_anew_behind_a_gap() -> None:
    found = read_one(RR, FILES[RR])
    assert found.of("beat", "t_utc", "rr_ms", "gap_before", "sensor", "offset_min", "tz_assumed") == [
        (utc("2024-07-10T07:00:00.500000"), 800.0, True, "ecg", 180, True),
        (utc("2024-07-10T07:00:01.310000"), 810.0, False, "ecg", 180, True),
        (utc("2024-07-10T07:00:02.100000"), 790.0, False, "ecg", 180, True),
        (utc("2024-07-10T07:00:20.000000"), 805.0, True, "ecg", 180, True),
        (utc("2024-07-10T07:00:20.795000"), 795.0, False, "ecg", 180, True),
    ]


def test_a_refused_beat_leaves_a_gap() -> None:
    found = read_one(RR, FILES[RR].replace(b";810", b";x"))
    assert found.of("beat", "gap_before") == [(False,), (True,), (True,), (True,)]
    assert [(n, r) for n, r, _ in found.refused] == [(RR, 1)]


def without(record: Any, path: str) -> Any:
    """A copy of a record that lacks a key."""
    copy = json.loads(json.dumps(record))
    *way, last = path.split(".")
    inner = copy
    for key in way:
        inner = inner[int(key)] if key.isdigit() else inner[key]
    del inner[last]
    return copy


@pytest.mark.parametrize(
    ("name", "path", "key"),
    [
        (SLEEP, "0.night", "night"),
        (SLEEP, "0.sleepResult.hypnogram.sleepEnd", "sleepResult.hypnogram.sleepEnd"),
        (SLEEP, "0.sleepResult.hypnogram.sleepStateChanges", "sleepResult.hypnogram.sleepStateChanges"),
        (SCORE, "0.sleepScoreResult.sleepScore", "sleepScoreResult.sleepScore"),
        (NIGHTLY, "0.meanNightlyRecoveryRespirationInterval", "meanNightlyRecoveryRespirationInterval"),
        (HEART, "deviceDays.0.date", "date"),
        (HEART, "deviceDays.0.samples", "samples"),
        (HEART, "deviceDays.0.samples.0.heartRate", "heartRate"),
        (STEPS, "samples.steps", "samples.steps"),
        (SESSION, "identifier.id", "identifier.id"),
        (SESSION, "stopTime", "stopTime"),
    ],
)
def test_a_record_that_lacks_a_documented_key_is_refused_by_its_name(name: str, path: str, key: str) -> None:
    found = read_one(name, without(parsed(name), path))
    assert [(n, r) for n, r, _ in found.refused] == [(name, 0)]
    assert f"expected the key {key}" in found.refused[0][2]


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (SLEEP, '"NONREM3"', '"NONREM9"', "a sleep state that is not known ('NONREM9')"),
        (SLEEP, '"PT30M"', '"half an hour"', "expected a duration such as PT1H30M"),
        (SLEEP, "07:00:00+01:00", "07:00:00", "expected a date and time at which it ends"),
        (SLEEP, "2024-05-02T07", "2024-05-01T07", "ends before it starts"),
        (HEART, '"heartRate": 61', '"heartRate": 400', "heart rate (value) outside 20 to 250"),
        (HEART, '"heartRate": 61', '"heartRate": "fast"', "expected a number in value"),
        (HEART, "28805", "99999", "expected a date and time"),
        (HEART, '"2024-07-10"', '"2099-07-10"', "dated after 2024-08-02"),
        (HEART, '"2024-07-10"', '"1970-07-10"', "dated before 2005"),
        (STEPS, '"value": 55', '"value": 5000', "steps (value) outside 0 to 1000"),
        (STEPS, "08:01:00", "8 o'clock", "expected a time such as 08:15:00"),
        (SESSION, '"hrAvg": 131', '"hrAvg": 500', "heart rate outside 20 to 250"),
        (SESSION, "18:40:00", "17:40:00", "ends before it starts"),
        (RR, ";800", ";-5", "expected an interval in milliseconds"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(name: str, old: str, new: str, words: str) -> None:
    text = FILES[name].decode()
    assert old in text
    found = read_one(name, text.replace(old, new))
    assert len(found.refused) == 1
    assert words in found.refused[0][2]


def test_claims_are_by_name_and_content() -> None:
    assert all(polar.claims(member(name, data)) for name, data in FILES.items())
    assert polar.stream(BLOB) is None
    assert not polar.claims(member("activity-2024-05-02.json", '[{"steps": 1}]'))
    assert not polar.claims(member("notes.txt", "800\n810\n"))
    assert not polar.claims(member("sleep_result_1.json", "[]"))
    assert not polar.claims(member("sleep-2024-05-02.json", FILES[SLEEP]))


@pytest.mark.parametrize("change", ["bom", "crlf", "utf-16"])
def test_marks_line_ends_and_encodings_change_nothing(change: str) -> None:
    for name in (HEART, SLEEP, RR):
        text = FILES[name].decode()
        changed = {
            "bom": b"\xef\xbb\xbf" + text.encode(),
            "crlf": text.replace("\n", "\r\n").encode(),
            "utf-16": text.encode("utf-16"),
        }[change]
        assert read_one(name, changed).signals() == read_one(name, FILES[name]).signals()


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_days_cut_at_any_byte_are_kept_while_whole(data: st.DataObject) -> None:
    text = FILES[HEART]
    cut = data.draw(st.integers(20, len(text) - 3))
    found = read_one(HEART, text[:cut])
    whole = text[:cut].count(b"]\n  }")
    assert len(found.of("heart_rate", "t_utc")) == (0, 2, 3)[whole]
    assert len(found.refused) == 1


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_no_damage_makes_it_fall_over(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read(**{name: bytes(content)})


@settings(deadline=None, max_examples=10)
@given(st.randoms(use_true_random=False))
def test_order_and_repetition_of_records_change_nothing(order: Any) -> None:
    nights, days = parsed(NIGHTLY) * 2, parsed(HEART)
    days["deviceDays"] = days["deviceDays"] * 2
    order.shuffle(nights)
    order.shuffle(days["deviceDays"])
    assert read(**{NIGHTLY: nights, HEART: days}).signals() == read().signals()


def test_twice_in_two_orders_the_warehouse_is_the_same(tmp_path: Path) -> None:
    one = write_zip(tmp_path / "one.zip", FILES, datetime(2024, 7, 20))
    early = parsed(HEART) | {"deviceDays": parsed(HEART)["deviceDays"][:1]}
    two = write_zip(tmp_path / "two.zip", {HEART: json.dumps(early)}, datetime(2024, 7, 15))
    for place, order in (("a", (one, two, one)), ("b", (two, one))):
        (tmp_path / place).mkdir()
        for path in order:
            assert load_into(tmp_path / place, path, timezone=HOME).refused == 0
    a, b = (
        {table: h for table, h in hashes_of(tmp_path / p).items() if table.startswith("signal.")}
        for p in "ab"
    )
    # Loaded alone first, the heart rates lay at the zone's offset; the newer export, which has the sleep and
    # is complete, withdraws them.
    assert rows_of(tmp_path / "a", "select count(*) from signal.heart_rate") == [(3,)]
    assert a == b


def test_a_days_steps_are_a_vital_at_local_midnight() -> None:
    day = parsed(STEPS) | {"summary": {"stepCount": 8123}}
    found = read_one(STEPS, day)
    assert found.of("vital", "vital", "t_utc", "value", "unit", "tz_assumed") == [
        ("steps_day", utc("2024-05-01T21:00"), 8123.0, "{count}", True)
    ]
    assert len(found.of("steps", "steps")) == 3
    assert read_one(STEPS, day | {"summary": {"stepCount": 0}}).of("vital", "value") == []
    ((_, record, reason),) = read_one(STEPS, day | {"summary": {"stepCount": "many"}}).refused
    assert (record, reason) == (0, "expected a number in total")
