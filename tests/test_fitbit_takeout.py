"""The Fitbit export: every record once, at the right instant, with the offset that held."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from fitbit_export import (
    SAMPLE,
    heart_day,
    heart_record,
    load_into,
    rows_of,
    sleep_log,
    stamp,
    table_of,
    vendor_json,
    write_zip,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clock import MINUTE_US, Midnights, settle_clock, zone_offsets, zone_steps
from ingest.context import read_any
from ingest.scan import scan_array
from ingest.source import Field, Stretches, overlay
from ingest.stamps import ISO_STAMP, MISSING, US_STAMP, parse_stamps


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real export, loaded."""
    place = tmp_path_factory.mktemp("sample")
    report = load_into(place, SAMPLE)
    assert (report.refused, report.unclaimed, report.remarks) == (0, (), ())
    return place


def read_sample(pattern: str) -> list[Any]:
    """All records of the sample's files of one kind, by the standard library."""
    with zipfile.ZipFile(SAMPLE) as opened:
        names = [n for n in opened.namelist() if f"/{pattern}-" in n]
        return [record for name in sorted(names) for record in json.loads(opened.read(name))]


def test_the_sample_holds_every_heart_rate_once_at_its_instant(sample: Path) -> None:
    expected = {
        r["dateTime"]: (r["value"]["bpm"], r["value"]["confidence"]) for r in read_sample("heart_rate")
    }
    found = table_of(
        sample, "select strftime(t_utc, '%m/%d/%y %H:%M:%S') as t, hr_bpm, confidence from signal.heart_rate"
    )
    values = zip(found["hr_bpm"].to_pylist(), found["confidence"].to_pylist(), strict=True)
    assert found.num_rows == 1_309_430
    assert dict(zip(found["t"].to_pylist(), values, strict=True)) == expected
    assert sum(confidence == 0 for _, confidence in expected.values()) == 4_442


def test_the_samples_steps_sleeps_and_workouts_are_those_of_its_files(sample: Path) -> None:
    steps = {r["dateTime"]: int(r["value"]) for r in read_sample("steps")}
    assert (
        dict(rows_of(sample, "select strftime(t_utc, '%m/%d/%y %H:%M:%S'), steps from signal.steps")) == steps
    )
    assert len(steps) == 58_945
    logs = read_sample("sleep")
    assert len(logs) == 128
    assert {e for (e,) in rows_of(sample, "select episode from signal.sleep_episode")} == {
        str(log["logId"]) for log in logs
    }
    assert rows_of(
        sample, "select scoring, count(*) from signal.sleep_episode group by all order by all"
    ) == [
        ("classic", 4),
        ("stages", 121),
    ]
    resting = {
        r["value"]["date"]: r["value"]["value"]
        for r in read_sample("resting_heart_rate")
        if r["value"]["date"]
    }
    vital = "select strftime(t_utc + to_minutes(offset_min::int), '%m/%d/%y'), value from signal.vital"
    assert dict(rows_of(sample, vital)) == resting
    (walk,) = rows_of(sample, "select * exclude (file_id) from signal.workout where workout = '29595174370'")
    assert walk == (
        "p",
        "fitbit_takeout",
        "unknown",
        "29595174370",
        datetime(2020, 3, 10, 21, 34, 30),
        660,
        datetime(2020, 3, 10, 22, 1, 49),
        "walk",
        True,
        100.0,
        1710,
        int(datetime.fromisoformat("2020-03-10T22:30:37+00:00").timestamp()),
        0,
    )


def test_each_night_of_the_sample_has_its_own_offset(sample: Path) -> None:
    nights = rows_of(
        sample,
        "select (end_utc + to_minutes(end_offset_min::int))::date, offset_min, end_offset_min, tz_assumed"
        " from signal.sleep_episode where vendor_main order by end_utc",
    )
    change = date(2020, 4, 5)
    assert {(start, end) for day, start, end, _ in nights if day < change} == {(660, 660)}
    assert {(start, end) for day, start, end, _ in nights if day > change} == {(600, 600)}
    assert [(start, end) for day, start, end, _ in nights if day == change] == [(660, 600)]
    assert sum(assumed for *_, assumed in nights) <= 2


def test_the_night_of_the_change_lasts_as_long_as_the_vendor_says(sample: Path) -> None:
    (night,) = rows_of(
        sample,
        "select t_utc, end_utc, (select count(*) from signal.sleep_stage s where s.episode = e.episode"
        " and s.end_utc > e.end_utc) from signal.sleep_episode e where episode = '26606164143'",
    )
    start = datetime(2020, 4, 4, 12, 30)  # 23:30 at +11; the file says 35,340 s and 09:19 on the same clock
    assert night == (start, start + timedelta(seconds=35_340), 0)


AT_ODDS = (27039371122, 26713723041, 27589938760)
"""Logs whose own summary differs from their own levels, by up to three minutes."""


def test_stages_cover_each_log_in_order_and_add_up_to_the_vendors_minutes(sample: Path) -> None:
    spans: dict[str, list[tuple[datetime, datetime, str]]] = {}
    for episode, start, end, stage in rows_of(
        sample, "select episode, t_utc, end_utc, stage from signal.sleep_stage order by all"
    ):
        spans.setdefault(episode, []).append((start, end, stage))
    logs = {
        e: (s, t) for e, s, t in rows_of(sample, "select episode, t_utc, end_utc from signal.sleep_episode")
    }
    compared = 0
    for log in read_sample("sleep"):
        parts = spans[str(log["logId"])]
        assert all(a[1] <= b[0] and a[0] < a[1] for a, b in pairwise(parts))
        assert all(a[2] != b[2] for a, b in pairwise(parts) if a[1] == b[0])
        unknown_s = sum(d["seconds"] for d in log["levels"]["data"] if d["level"] == "unknown")
        covered_s = sum((b - a).total_seconds() for a, b, _ in parts)
        start, end = logs[str(log["logId"])]
        assert abs((end - start).total_seconds() - unknown_s - covered_s) <= 60
        seconds = Counter[str]()
        for a, b, stage in parts:
            seconds[stage] += int((b - a).total_seconds())
        # The vendor counts a classic log's restless minutes only after the first sleep.
        levels = log["levels"]["summary"] if log["type"] == "stages" else ["asleep"]
        for level in levels:
            if not (unknown_s and level in ("light", "wake")):
                said_s = 60 * log["levels"]["summary"][level]["minutes"]
                allowed_s = 180 if log["logId"] in AT_ODDS else 60
                assert abs(seconds[level] - said_s) <= allowed_s, (log["logId"], level)
                compared += 1
    assert compared > 480


# --- the fast scan, the parser and the standard library agree -------------------------------------

HR_FIELDS = (
    Field("stamp", "dateTime", pa.string()),
    Field("bpm", "value.bpm", pa.float64()),
    Field("confidence", "value.confidence", pa.float64()),
)
record = st.builds(
    heart_record,
    st.datetimes(datetime(2010, 1, 1), datetime(2026, 1, 1)).map(lambda t: t.replace(microsecond=0)),
    st.integers(0, 400),
    st.integers(0, 3),
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(record, min_size=1, max_size=30),
    st.sampled_from([(",", ":"), (", ", ": "), (",", " : ")]),
    st.sampled_from([None, 1, 2]),
)
def test_the_fast_scan_reads_what_the_parser_reads(
    records: list[dict[str, Any]], separators: tuple[str, str], indent: int | None
) -> None:
    text = json.dumps(records, separators=separators, indent=indent)
    fast = scan_array(text.encode(), [f.path for f in HR_FIELDS], [True, False, False])
    assert fast is not None
    slow = read_any(0, text, "signal.heart_rate", HR_FIELDS).rows
    expected = [(r["dateTime"], r["value"]["bpm"], r["value"]["confidence"]) for r in records]
    assert list(zip(*(c.to_pylist() for c in fast), strict=True)) == expected
    assert list(zip(*(slow[f.name].to_pylist() for f in HR_FIELDS), strict=True)) == expected
    assert slow["record"].to_pylist() == list(range(len(records)))


@settings(deadline=None, max_examples=400)
@given(st.lists(record, min_size=2, max_size=6), st.data())
def test_the_fast_scan_never_reads_a_changed_byte_otherwise_than_json_does(
    records: list[dict[str, Any]], data: st.DataObject
) -> None:
    text = vendor_json(records).encode()
    place = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.sampled_from(b'0195"\\{}[],: \n-.eaZ\x00\xff'))
    changed = text[:place] + bytes([byte]) + text[place + 1 :]
    fast = scan_array(changed, [f.path for f in HR_FIELDS], [True, False, False])
    if fast is not None:
        parsed = json.loads(changed)  # what the scan takes is JSON
        expected = [(r["dateTime"], r["value"]["bpm"], r["value"]["confidence"]) for r in parsed]
        assert list(zip(*(c.to_pylist() for c in fast), strict=True)) == expected


@pytest.mark.parametrize(
    "text",
    [
        '[{"a":"1","b":2},{"b":2,"a":"1"}]',
        '[{"a":"1","b":2},{"a":"1","b":02}]',
        '[{"a":"1","b":12},{"a":"1","b":02}]',
        '[{"a":"1","b":2} {"a":"1","b":2}]',
        '[{"a":"1","b":2},{"a":"1","b":22}0{"a":"1","b":2}]',
        '[{"a":"1","b":2},,{"a":"1","b":2}]',
        '[{"a":"1","b":2},]',
        '[{"a":"1","b":2.5}]',
        '[{"a":"\\u0031","b":2}]',
        '[{"a":"1","b":2,"b":3}]',
        '[{"a":"1"}]',
        '{"a":"1","b":2}',
        "[]",
        "",
    ],
)
def test_the_fast_scan_leaves_all_that_is_irregular_to_the_parser(text: str) -> None:
    assert scan_array(text.encode(), ["a", "b"], [True, False]) is None


def test_a_stamp_that_the_calendar_lacks_is_missing() -> None:
    texts = [
        "02/29/20 23:59:59",
        "02/29/21 00:00:00",
        "13/01/20 00:00:00",
        "01/01/20 24:00:00",
        "1/1/20",
        None,
    ]
    expected = [int(np.datetime64("2020-02-29T23:59:59", "us").astype(int))] + [MISSING] * 5
    assert parse_stamps(pa.array(texts), US_STAMP).tolist() == expected
    assert parse_stamps(pa.array(["01/01/70 00:00:00"]), US_STAMP).tolist() == [0]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2069, 12, 31)), min_size=1))
def test_stamps_are_read_as_the_standard_library_reads_them(moments: list[datetime]) -> None:
    moments = [m.replace(microsecond=m.microsecond // 1000 * 1000) for m in moments]
    expected = np.array(moments, dtype="datetime64[us]").astype(np.int64)
    iso = pa.array([m.isoformat(timespec="milliseconds") for m in moments])
    assert parse_stamps(iso, ISO_STAMP).tolist() == expected.tolist()
    seconds = parse_stamps(pa.array([stamp(m) for m in moments]), US_STAMP)
    assert seconds.tolist() == (expected // 1_000_000 * 1_000_000).tolist()


# --- clocks -----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(
        ["Australia/Sydney", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Africa/Casablanca"]
    ),
    st.lists(st.datetimes(datetime(2008, 1, 1), datetime(2035, 1, 1)), min_size=1),
)
def test_a_zones_offsets_are_those_of_the_standard_library(zone: str, moments: list[datetime]) -> None:
    info, steps = ZoneInfo(zone), zone_steps(zone)
    t_us = np.array(moments, dtype="datetime64[us]").astype(np.int64)
    utc = [
        int(m.replace(tzinfo=ZoneInfo("UTC")).astimezone(info).utcoffset().total_seconds()) // 60
        for m in moments
    ]
    local = [int(m.replace(tzinfo=info).utcoffset().total_seconds()) // 60 for m in moments]
    assert zone_offsets(steps, t_us).tolist() == utc
    assert zone_offsets(steps, t_us, local=True).tolist() == local


@pytest.mark.parametrize(
    ("local", "offset"),
    [
        ("2020-04-05T01:59:59", 660),
        ("2020-04-05T02:30:00", 660),  # there twice: the first counts
        ("2020-04-05T03:00:00", 600),
        ("2020-10-04T01:59:59", 600),
        ("2020-10-04T02:30:00", 600),  # never there: read by the clock that still ran
        ("2020-10-04T03:00:00", 660),
    ],
)
def test_a_local_time_at_a_change_of_the_clocks_is_the_first_there_is(local: str, offset: int) -> None:
    t_us = np.array([local], dtype="datetime64[us]").astype(np.int64)
    assert zone_offsets(zone_steps("Australia/Sydney"), t_us, local=True).tolist() == [offset]


def clock_seen(zone: str, days: dict[str, tuple[str, str]]) -> Any:
    as_us = [np.array(v, dtype="datetime64[us]").astype(np.int64) for v in zip(*days.values(), strict=True)]
    day = np.array(list(days), dtype="datetime64[D]").astype(np.int64)
    return settle_clock(zone, Midnights(day, as_us[0], as_us[1]))


def test_day_files_prove_the_offsets_at_their_midnights() -> None:
    clock = clock_seen(
        "Australia/Sydney",
        {
            "2020-04-04": ("2020-04-03T13:00:03", "2020-04-04T12:59:57"),
            "2020-04-05": ("2020-04-04T13:00:02", "2020-04-05T13:59:58"),
        },
    )
    assert clock.proven.tolist() == [True, True, True]
    assert clock.shift_min.tolist() == [0, 0, 0]


def test_where_the_files_contradict_the_zone_the_files_are_right() -> None:
    clock = clock_seen(
        "Europe/Berlin",
        {
            "2020-03-10": ("2020-03-09T13:00:03", "2020-03-10T12:59:57"),
            "2020-03-11": ("2020-03-10T13:00:03", "2020-03-11T12:59:57"),
        },
    )
    noon = np.array(["2020-03-11T02:00:00"], dtype="datetime64[us]").astype(np.int64)
    offset, assumed = clock.of_utc(noon - 600 * MINUTE_US)
    assert clock.shift_min.tolist()[1] == 600  # Sydney's +11 is ten hours ahead of Berlin's +1
    assert (offset.tolist(), assumed.tolist()) == ([660], [False])
    assert clock.of_local(noon)[0].tolist() == [660]


def test_an_unworn_midnight_proves_nothing_but_takes_what_both_sides_show() -> None:
    worn = {
        f"2020-03-{d}": (f"2020-03-{d - 1:02d}T13:00:03", f"2020-03-{d}T12:59:57") for d in (10, 11, 14, 15)
    }
    clock = clock_seen("Asia/Tokyo", worn)
    assert clock.proven.tolist() == [False, True, False, False, False, True, False]
    assert clock.shift_min.tolist() == [0, 120, 120, 120, 120, 120, 0]


def test_a_wrong_zone_is_said_and_the_files_own_offset_is_used(tmp_path: Path) -> None:
    days = [f"2020-03-{d}" for d in range(10, 14)]
    members = {f"heart_rate-{d}.json": vendor_json(heart_day(d, 11)) for d in days}
    report = load_into(tmp_path, write_zip(tmp_path / "e.zip", members), timezone="Europe/Berlin")
    assert any("+10 h off Europe/Berlin" in r and "--timezone" in r for r in report.remarks)
    found = rows_of(
        tmp_path, "select offset_min, count(*) from signal.heart_rate group by all order by 2 desc"
    )
    assert found[0][0] == 660


def test_a_journey_shows_in_the_nights_away(tmp_path: Path) -> None:
    home = {f"2020-03-{d}": 1.0 for d in range(10, 20)}
    away = home | {f"2020-03-{d}": -5.0 for d in (14, 15, 16)}
    members = {f"heart_rate-{d}.json": vendor_json(heart_day(d, h)) for d, h in away.items()}
    night = ("2020-03-15T23:00:00", "2020-03-16T07:00:00")
    members["sleep-2020-03-10.json"] = vendor_json([sleep_log(*night, [(night[0], "light", 8 * 3600)])])
    report = load_into(tmp_path, write_zip(tmp_path / "e.zip", members), timezone="Europe/Berlin")
    assert any("a journey" in r for r in report.remarks)
    assert rows_of(tmp_path, "select t_utc, offset_min, tz_assumed from signal.sleep_episode") == [
        (datetime(2020, 3, 16, 4, 0), -300, False)
    ]


def test_without_heart_rates_the_zone_is_assumed_and_said_so(tmp_path: Path) -> None:
    night = ("2020-04-04T23:00:00", "2020-04-05T07:00:00")
    # Eight hours by the clock, nine by the vendor's duration: these stamps are the wall's own.
    log = sleep_log(*night, [(night[0], "light", 9 * 3600)], duration=9 * 3_600_000)
    members = {"sleep-2020-04-01.json": vendor_json([log])}
    load_into(tmp_path, write_zip(tmp_path / "e.zip", members))
    assert rows_of(
        tmp_path, "select t_utc, end_utc, offset_min, end_offset_min, tz_assumed from signal.sleep_episode"
    ) == [(datetime(2020, 4, 4, 12), datetime(2020, 4, 4, 21), 660, 600, True)]
    assert rows_of(tmp_path, "select zone_how from meta.source_file") == [("assumed",)]


# --- sleep stages -------------------------------------------------------------------------------


def test_a_short_wake_cuts_the_stage_around_it() -> None:
    minute = MINUTE_US
    parts = Stretches(
        *(np.array(v) for v in ([0, 0], [0, 60 * minute], [60 * minute, 90 * minute], ["light", "deep"]))
    )
    blinks = Stretches(*(np.array(v) for v in ([0], [58 * minute], [61 * minute], ["wake"])))
    cut = overlay(parts, blinks, np.array([0]), np.array([90 * minute]))
    rows = zip(cut.start_us // minute, cut.end_us // minute, cut.stage, strict=True)
    assert list(rows) == [(0, 58, "light"), (58, 61, "wake"), (61, 90, "deep")]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_stretches_are_what_a_minute_by_minute_painting_gives(data: st.DataObject) -> None:
    n_logs = data.draw(st.integers(1, 3))
    painted, parts, blinks = [], [], []
    for log in range(n_logs):
        line: list[str] = []
        for _ in range(data.draw(st.integers(1, 5))):
            length = data.draw(st.integers(1, 20))
            stage = data.draw(st.sampled_from(["light", "deep", ""]))
            parts.append((log, len(line), len(line) + length, stage))
            line += [stage] * length
        at = 0
        while (at := at + data.draw(st.integers(1, 30))) < len(line):
            blinks.append((log, at, at + 2, "wake"))
            line[at : at + 2] = ["wake"] * len(line[at : at + 2])
            at += 2
        painted.append(line)
    ends = np.array([len(line) for line in painted]) + 1000
    cut = overlay(
        *(
            Stretches(*(np.array(v, dtype=t) for v, t in zip(zip(*s, strict=True), "qqqU", strict=True)))
            if s
            else Stretches(*(np.zeros(0, t) for t in "qqq"), np.zeros(0, "U8"))
            for s in ([(g, a + 1000, b + 1000, name) for g, a, b, name in p] for p in (parts, blinks))
        ),
        np.full(n_logs, 1000),
        ends,
    )
    found = [[""] * len(line) for line in painted]
    for log, a, b, stage in zip(cut.log, cut.start_us - 1000, cut.end_us - 1000, cut.stage, strict=True):
        assert found[log][a:b] == [""] * (b - a)
        found[log][a:b] = [str(stage)] * (b - a)
    assert found == painted


# --- order and repetition ------------------------------------------------------------------------


@settings(deadline=None, max_examples=8)
@given(st.randoms(use_true_random=False))
def test_shuffled_and_repeated_records_give_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, random: Any
) -> None:
    days = ("2020-03-10", "2020-03-11", "2020-03-12")
    asked = "select * exclude (file_id, record) from signal.heart_rate order by t_utc"
    plain = {d: heart_day(d, 11, step_s=900) for d in days}
    mixed = {d: random.sample(r * 2, len(r) * 2) for d, r in plain.items()}
    tables = []
    for records in (plain, mixed):
        place = tmp_path_factory.mktemp("order")
        members = {f"heart_rate-{d}.json": vendor_json(r) for d, r in records.items()}
        load_into(place, write_zip(place / "e.zip", members))
        tables.append(table_of(place, asked))
    assert tables[0].num_rows == 3 * 96
    assert tables[0].equals(tables[1])
