"""Withings' account export: unsorted lists in cells become single values, each once, at their own instant."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from fitbit_export import hashes_of, load_into, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import Found, fixture, member, read_members, shuffle_lines, write_zip

from ingest.files import withings

FILES = fixture("withings")
BERLIN = "Europe/Berlin"
HR, STATES = "raw_tracker_hr.csv", "raw_tracker_sleep-state.csv"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


def read(**changed: str | bytes) -> Found:
    return read_members(withings, FILES | changed, zone=BERLIN)


def read_one(name: str, content: str | bytes, zone: str = BERLIN) -> Found:
    return read_members(withings, {name: content}, zone=zone)


def raw(*rows: tuple[str, str, str]) -> str:
    return "start,duration,value\n" + "".join(f'{a},"{b}","{c}"\n' for a, b, c in rows)


def test_lists_follow_each_other_and_zero_is_no_heart_rate() -> None:
    found = read_one(HR, FILES[HR])
    assert found.refused == []
    assert found.of("heart_rate", "t_utc", "hr_bpm", "offset_min", "tz_assumed") == [
        (utc("2024-03-30T21:00"), 58.0, 60, False),
        (utc("2024-03-30T21:03"), 57.0, 60, False),
        (utc("2024-05-01T05:00"), 66.0, 120, False),
        (utc("2024-05-01T06:00"), 71.0, 120, False),
    ]
    assert found.remarks == ["raw_tracker_hr.csv: 2 values repeat an instant; the longest was kept."]


def test_of_one_instant_the_longest_and_then_the_smallest_value_is_kept() -> None:
    at = "2024-05-01T08:00:00+02:00"
    rows = [(at, "[60]", "[80]"), (at, "[60]", "[70]"), (at, "[10]", "[60]"), (at, "[90]", "[0]")]
    for order in (rows, rows[::-1]):
        assert read_one(HR, raw(*order)).of("heart_rate", "hr_bpm") == [(70.0,)]


def test_the_bed_is_a_device_of_its_own() -> None:
    rows = read_one("raw_bed_hr.csv", FILES["raw_bed_hr.csv"]).rows["signal.heart_rate"]
    assert {(r["device"], r["hr_bpm"]) for r in rows} == {("bed", 51.0), ("bed", 52.0)}
    assert "device" not in read_one(HR, FILES[HR]).rows["signal.heart_rate"][0]


def test_steps_and_spo2_have_their_spans_and_units() -> None:
    found = read()
    assert found.of("steps", "t_utc", "steps", "span_s") == [
        (utc("2024-04-30T16:00"), 0, 60),
        (utc("2024-05-01T06:00"), 12, 60),
        (utc("2024-05-01T06:01"), 30, 60),
    ]
    assert found.of("vital", "vital", "t_utc", "value", "unit") == [
        ("spo2", utc("2024-05-01T01:00"), 96.0, "%"),
        ("steps_day", utc("2024-04-30T22:00"), 8123.0, "{count}"),  # local midnight
    ]


def test_states_of_any_row_become_the_stages_of_the_sleep_they_lie_in() -> None:
    found = read()
    assert found.of(
        "sleep_episode", "episode", "t_utc", "end_utc", "scoring", "offset_min", "end_offset_min"
    ) == [
        ("2024-03-30T22:00:00Z", utc("2024-03-30T22:00"), utc("2024-03-31T02:00"), "stages", 60, 120),
        ("2024-04-20T21:00:00Z", utc("2024-04-20T21:00"), utc("2024-04-21T04:00"), None, 120, 120),
        ("2024-04-30T21:45:00Z", utc("2024-04-30T21:45"), utc("2024-05-01T02:30"), "stages", 120, 120),
    ]
    assert found.of("sleep_stage", "t_utc", "end_utc", "stage", "offset_min") == [
        (utc("2024-03-30T22:00"), utc("2024-03-31T00:00"), "light", 60),
        (utc("2024-03-31T00:00"), utc("2024-03-31T02:00"), "deep", 60),
        (utc("2024-04-30T21:45"), utc("2024-04-30T22:00"), "wake", 120),
        (utc("2024-04-30T22:00"), utc("2024-04-30T23:00"), "light", 120),
        (utc("2024-04-30T23:00"), utc("2024-04-30T23:30"), "deep", 120),
        (utc("2024-05-01T00:00"), utc("2024-05-01T01:00"), "rem", 120),
        (utc("2024-05-01T01:00"), utc("2024-05-01T01:10"), "wake", 120),
        (utc("2024-05-01T01:10"), utc("2024-05-01T02:30"), "light", 120),
    ]


def test_stages_without_their_sleeps_are_refused_as_a_file() -> None:
    ((name, record, reason),) = read_one(STATES, FILES[STATES]).refused
    assert (name, record) == (STATES, None)
    assert "load the whole export together" in reason
    alone = read_one("sleep.csv", FILES["sleep.csv"])
    assert alone.of("sleep_episode", "scoring") == [(None,)] * 3
    assert alone.refused == []


def test_of_two_sleeps_with_one_start_the_longer_is_kept() -> None:
    lines = FILES["sleep.csv"].decode().splitlines()
    short = lines[1].replace("2024-05-01T04:30", "2024-05-01T03:30")
    for order in ([lines[0], lines[1], short], [lines[0], short, lines[1]]):
        found = read_one("sleep.csv", "\n".join(order) + "\n")
        assert found.of("sleep_episode", "end_utc") == [(utc("2024-05-01T02:30"),)]


def test_headers_in_english_are_the_same_sleeps() -> None:
    english = FILES["sleep.csv"].replace(b"von,bis,leicht (s),tief (s)", b"from,to,light (s),deep (s)")
    assert read_one("sleep.csv", english).signals() == read_one("sleep.csv", FILES["sleep.csv"]).signals()


def test_workouts_take_their_mean_heart_rate_from_the_data_cell() -> None:
    columns = ("workout", "end_utc", "activity", "hr_mean_bpm", "detected", "revision")
    assert read().of("workout", *columns) == [
        ("2024-04-29T08:00:00Z walking", utc("2024-04-29T08:20"), "walking", None, False, 1_714_381_200),
        ("2024-05-01T16:00:00Z rowing", utc("2024-05-01T16:40"), "rowing", 131.0, None, 1_714_582_800),
    ]


def test_one_offset_across_a_change_of_the_clocks_is_that_of_the_export() -> None:
    content = raw(
        ("2024-01-10T08:00:00+02:00", "[60]", "[61]"), ("2024-06-10T08:00:00+02:00", "[60]", "[62]")
    )
    found = read_one(HR, content)
    assert found.of("heart_rate", "t_utc", "offset_min", "tz_assumed") == [
        (utc("2024-01-10T06:00"), 60, True),
        (utc("2024-06-10T06:00"), 120, True),
    ]
    assert "has one offset for all its dates" in found.remarks[0]
    # Far from home, an offset that the person's zone never has is the place's own.
    tokyo = read_one(HR, content.replace("+02:00", "+09:00"))
    assert tokyo.of("heart_rate", "offset_min", "tz_assumed") == [(540, False)] * 2
    london = read_one(HR, raw(("2024-01-10T08:00:00+00:00", "[60]", "[61]")), zone="Europe/London")
    assert london.of("heart_rate", "offset_min", "tz_assumed") == [(0, False)]


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        (HR, ("2024-05-01T08:00:00+02:00", "[60]", "[300]"), "heart rate (value) outside 20 to 250"),
        (HR, ("2024-05-01T08:00:00+02:00", "[60]", "[inf]"), "expected a number in value"),
        (HR, ("2024-05-01T08:00:00+02:00", "[60,60]", "[70]"), "expected as many durations as values"),
        (HR, ("2024-05-01T08:00:00+02:00", "[60]", "70"), "expected a list such as [60,60]"),
        (HR, ("2024-05-01T08:00:00+02:00", "[]", "[]"), "expected a list such as [60,60]"),
        (HR, ("1970-01-01T00:00:00+00:00", "[60]", "[70]"), "dated before 2009"),
        (HR, ("2099-01-01T00:00:00+00:00", "[60]", "[70]"), "dated after 2024-08-02"),
        (HR, ("soon", "[60]", "[70]"), "expected a date and time"),
        (
            "raw_tracker_steps.csv",
            ("2024-05-01T08:00:00+02:00", "[60]", "[1001]"),
            "more than 1000 steps a minute",
        ),
        ("raw_tracker_steps.csv", ("2024-05-01T08:00:00+02:00", "[60]", "[1.5]"), "outside 0 to 1.44e+06"),
        (
            "raw_tracker_steps.csv",
            ("2024-05-01T08:00:00+02:00", "[-60]", "[10]"),
            "expected a duration in seconds",
        ),
        (
            "raw_spo2_auto_spo2.csv",
            ("2024-05-01T08:00:00+02:00", "[60]", "[12]"),
            "spo2 (value) outside 50 to 100",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_the_others_are_kept(
    name: str, row: tuple[str, str, str], words: str
) -> None:
    good = ("2024-05-02T08:00:00+02:00", "[60]", "[77]")
    found = read_one(name, raw(good, row))
    assert [(n, r) for n, r, _ in found.refused] == [(name, 1)]
    assert words in found.refused[0][2]
    assert sum(map(len, found.rows.values())) == 1


def test_a_value_behind_a_length_that_is_none_has_no_start() -> None:
    found = read_one(HR, raw(("2024-05-01T08:00:00+02:00", "[60,x,60]", "[61,62,63]")))
    assert found.of("heart_rate", "t_utc", "hr_bpm") == [
        (utc("2024-05-01T06:00"), 61.0),
        (utc("2024-05-01T06:01"), 62.0),
    ]
    assert [r for _, _, r in found.refused] == ["a duration before this value is no number of seconds"]


@pytest.mark.parametrize("code", ["4", "9", "-1", "deep"])
def test_a_state_that_is_not_known_is_refused_with_its_row(code: str) -> None:
    bad = FILES[STATES].replace(b'"[3,0,1]"', f'"[3,{code},1]"'.encode())
    found = read(**{STATES: bad})
    ((name, record, reason),) = found.refused
    assert (name, record) == (STATES, 1)
    assert reason.startswith("a sleep state that is not known: expected 0 wake, 1 light, 2 deep, 3 rem")
    assert len(found.of("sleep_stage", "stage")) == 5
    assert (("sleep.csv", "signal.sleep_stage") in found.spans) is False


def test_claims_need_the_header_of_the_layout() -> None:
    assert all(withings.claims(member(name, data)) for name, data in FILES.items())
    assert withings.stream("aggregates_steps.csv") == "signal.vital"
    assert withings.stream("aggregates_distance.csv") is None
    assert withings.stream("raw_location_latitude.csv") is None
    assert withings.claims(member("raw_location_latitude.csv", "start,duration,value\n"))
    assert not withings.claims(member("sleep.csv", "id,bedtime_start,type\n"))
    assert not withings.claims(member("activities.csv", "Activity ID,Activity Date\n"))
    assert not withings.claims(member("raw_tracker_hr.csv", "time,bpm\n"))
    assert not withings.claims(member("weight.csv", "Date,Weight (kg)\n"))


def test_empty_files_and_marks_are_no_trouble() -> None:
    assert read_one(HR, "start,duration,value\n").signals() == {}
    assert read_one(HR, "\ufeff" + FILES[HR].decode().replace("\n", "\r\n")).signals() == (
        read_one(HR, FILES[HR]).signals()
    )
    wide = FILES[HR].decode().encode("utf-16")
    assert read_one(HR, wide).signals() == read_one(HR, FILES[HR]).signals()


@settings(deadline=None, max_examples=6)
@given(st.integers(0, 10_000))
def test_order_and_repetition_of_rows_change_nothing(seed: int) -> None:
    shuffled = {name: shuffle_lines(data, seed) for name, data in FILES.items()}
    assert read_members(withings, shuffled, zone=BERLIN).signals() == read().signals()


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(sorted(set(FILES) - {STATES, "sleep.csv"})), st.data())
def test_a_file_cut_at_any_byte_keeps_every_whole_row(name: str, data: st.DataObject) -> None:
    whole = FILES[name]
    cut = data.draw(st.integers(0, len(whole)))
    found = read_one(name, whole[:cut])
    good = read_one(name, whole[: whole[:cut].rfind(b"\n") + 1])
    for table, rows in good.signals().items():
        assert {dict(r).get("t_utc") for r in rows} <= {dict(r).get("t_utc") for r in found.signals()[table]}


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_no_damage_makes_it_fall_over(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read(**{name: bytes(content)})


def test_twice_in_two_orders_the_warehouse_is_the_same(tmp_path: Path) -> None:
    one = write_zip(tmp_path / "one.zip", FILES, datetime(2024, 7, 1))
    two = write_zip(tmp_path / "two.zip", {HR: FILES[HR]}, datetime(2024, 6, 1))
    for place, order in (("a", (one, two, one)), ("b", (two, one))):
        (tmp_path / place).mkdir()
        for path in order:
            assert load_into(tmp_path / place, path, timezone=BERLIN).refused == 0
    a, b = (
        {table: h for table, h in hashes_of(tmp_path / p).items() if table.startswith("signal.")}
        for p in "ab"
    )
    assert a == b
    assert rows_of(
        tmp_path / "a", "select device, count(*) from signal.heart_rate group by 1 order by 1"
    ) == [
        ("bed", 2),
        ("unknown", 4),
    ]
