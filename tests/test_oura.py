"""Oura's documents, from the API or the account export: every value once, with the offset bedtimes prove."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fitbit_export import hashes_of, load_into, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import Found, fixture, member, read_members, shuffle_lines, write_zip

from ingest.cells import read_cell
from ingest.context import Reading
from ingest.documents import parse_documents
from ingest.files import oura
from ingest.files.oura.layout import KINDS
from ingest.source import Export

FILES = fixture("oura")
SLEEP = json.loads(FILES["api/sleep.json"])["data"]
BERLIN = "Europe/Berlin"
HEARTRATE = next(kind for kind in KINDS if kind.name == "heartrate")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


def read(**only: Any) -> Found:
    """The fixture, or the documents given by file name."""
    files = {f"{name}.json": json.dumps({"data": docs}) for name, docs in only.items()} or FILES
    return read_members(oura, files, zone=BERLIN)


def sleep(**changes: Any) -> dict[str, Any]:
    return SLEEP[0] | changes


def test_sleeps_have_the_offset_of_their_bedtime_and_rest_and_deleted_are_none() -> None:
    found = read()
    assert found.refused == []
    assert found.of(
        "sleep_episode", "episode", "t_utc", "end_utc", "offset_min", "vendor_main", "scoring"
    ) == [
        ("c1", utc("2024-05-04T22:00"), utc("2024-05-04T22:10"), 120, True, "stages"),
        ("n1", utc("2024-05-01T20:30"), utc("2024-05-01T22:00"), 120, True, "stages"),
        ("n2", utc("2024-05-03T18:00"), utc("2024-05-03T18:03"), -240, False, "stages"),
    ]
    assert found.of("sleep_episode", "in_bed", "tz_assumed") == [(True, False)] * 3
    assert found.remarks == ["1 sleeps that the wearer deleted were left out."]


def test_digits_of_five_minutes_or_thirty_seconds_become_stages() -> None:
    stages = read().of("sleep_stage", "episode", "t_utc", "stage", "end_utc", "offset_min")
    first = [(str(t.time())[:5], stage, str(end.time())[:5]) for e, t, stage, end, _ in stages if e == "n1"]
    assert first == [
        ("20:30", "wake", "20:35"),
        ("20:35", "light", "20:50"),
        ("20:50", "deep", "21:10"),
        ("21:10", "light", "21:15"),
        ("21:15", "rem", "21:35"),
        ("21:35", "light", "21:45"),
        ("21:45", "wake", "22:00"),
    ]
    assert [s[1:] for s in stages if s[0] == "n2"] == [
        (utc("2024-05-03T18:00"), "wake", utc("2024-05-03T18:01"), -240),
        (utc("2024-05-03T18:01"), "light", utc("2024-05-03T18:03"), -240),
    ]


def test_a_hypnogram_longer_than_the_bedtime_is_cut_at_its_end() -> None:
    found = read(sleep=[sleep(sleep_phase_5_min="1" * 40)])
    assert found.of("sleep_stage", "stage", "end_utc") == [("deep", utc("2024-05-01T22:00"))]


def test_series_inside_sleeps_skip_null_and_zero_and_step_by_their_interval() -> None:
    found = read(sleep=SLEEP)
    assert found.of("heart_rate", "t_utc", "hr_bpm", "offset_min") == [
        (utc("2024-05-01T20:35"), 58.0, 120),
        (utc("2024-05-01T20:45"), 56.5, 120),
        (utc("2024-05-01T20:50"), 55.0, 120),
        (utc("2024-05-03T22:00"), 64.0, -240),  # of a rest; the deleted one is gone
    ]
    assert found.of("hrv_sample", "hrv", "t_utc", "value_ms", "span_s") == [
        ("rmssd_5min", utc("2024-05-01T20:35"), 41.0, 300),
        ("rmssd_5min", utc("2024-05-01T20:40"), 44.0, 300),
        ("rmssd_5min", utc("2024-05-01T20:50"), 52.0, 300),
        ("rmssd_night", utc("2024-05-01T20:30"), 48.0, 5400),
    ]


def test_the_account_export_holds_lists_as_json_or_python_text() -> None:
    files = {name: data for name, data in FILES.items() if name.startswith("App Data")}
    found = read_members(oura, files, zone=BERLIN)
    assert (found.refused, found.remarks) == ([], [])
    assert found.of("heart_rate", "t_utc", "hr_bpm", "offset_min", "tz_assumed") == [
        (utc("2024-05-04T22:00"), 50.0, 120, False),
        (utc("2024-05-04T22:05"), 51.0, 120, False),
        (utc("2024-05-05T08:00"), 66.0, 120, False),
    ]
    assert ("rmssd_5min", 60.0) in found.of("hrv_sample", "hrv", "value_ms")
    assert ("skin_temperature", 33.51, "Cel", utc("2024-05-05T08:00")) in found.of(
        "vital", "vital", "value", "unit", "t_utc"
    )
    assert not {row["t_utc"] for row in found.rows["signal.hrv_sample"]} & {utc("2024-05-05T08:00")}


def test_heart_rates_in_utc_take_the_offset_that_the_nearest_bedtime_proves() -> None:
    found = read_members(oura, {n: FILES[n] for n in ("api/heartrate.json", "api/sleep.json")}, zone=BERLIN)
    offsets = {t: (o, a) for t, o, a in found.of("heart_rate", "t_utc", "offset_min", "tz_assumed")}
    assert offsets[utc("2024-05-01T19:00:10")] == (120, False)
    assert offsets[utc("2024-05-03T17:00")] == (-240, False)  # in New York by then
    assert offsets[utc("2024-06-20T10:00")] == (120, True)  # no bedtime near: the zone's
    alone = read_members(oura, {"heartrate.json": FILES["api/heartrate.json"]}, zone=BERLIN)
    assert alone.of("heart_rate", "offset_min", "tz_assumed") == [(120, True)] * 3


def test_a_stamp_without_offset_is_local_even_beside_a_change_of_the_clocks() -> None:
    found = read(heartrate=[{"bpm": 60, "timestamp": "2024-03-31T01:30:00"}])
    assert found.of("heart_rate", "t_utc", "offset_min", "tz_assumed") == [
        (utc("2024-03-31T00:30"), 60, True)
    ]


def test_a_number_that_a_cut_may_have_shortened_is_no_record() -> None:
    found = parse_documents(b'[{"a": 1}, 12', "data")
    assert (found.records, found.place) == (({"a": 1},), "byte 11")
    assert parse_documents(b'{"data": [{"a": 1}, {"a"', "data").records == ({"a": 1},)


def test_bedtimes_all_in_utc_prove_nothing_and_that_is_said() -> None:
    docs = [sleep(bedtime_start="2024-05-01T20:30:00+00:00", bedtime_end="2024-05-01T22:00:00+00:00")]
    found = read(sleep=docs)
    assert found.of("sleep_episode", "t_utc", "offset_min", "tz_assumed") == [
        (utc("2024-05-01T20:30"), 120, True)
    ]
    assert found.remarks[0].startswith("All bedtimes are written at +00:00, where Europe/Berlin never is")
    london = read_members(oura, {"sleep.json": json.dumps(docs)}, zone="Africa/Accra")
    assert london.of("sleep_episode", "offset_min", "tz_assumed") == [(0, False)]
    assert london.remarks == []


def test_a_night_of_the_spring_change_has_both_offsets() -> None:
    night = sleep(
        bedtime_start="2024-03-31T00:30:00+01:00",
        bedtime_end="2024-03-31T07:30:00+02:00",
        heart_rate={"interval": 3600, "items": [50, 51, 52, 53], "timestamp": "2024-03-31T00:30:00+01:00"},
    )
    found = read(sleep=[night])
    assert found.of("sleep_episode", "t_utc", "end_utc", "offset_min", "end_offset_min") == [
        (utc("2024-03-30T23:30"), utc("2024-03-31T05:30"), 60, 120)
    ]
    assert found.of("heart_rate", "t_utc", "offset_min") == [
        (utc("2024-03-30T23:30"), 60),
        (utc("2024-03-31T00:30"), 60),
        (utc("2024-03-31T01:30"), 120),
        (utc("2024-03-31T02:30"), 120),
    ]


def test_daily_documents_are_vendor_scores_and_vitals_at_local_midnight() -> None:
    found = read()
    midnight = utc("2024-05-01T22:00")
    assert {
        s[1:] for s in found.of("vendor_score", "t_utc", "score", "value", "label") if s[0] == midnight
    } == {
        ("readiness", 81.0, None),
        ("sleep_score", 74.0, None),
        ("activity_score", 88.0, None),
        ("stress_high_s", 5400.0, None),
        ("recovery_high_s", 2700.0, None),
        ("stress_day", None, "normal"),
        ("resilience", None, "solid"),
    }
    assert len(found.rows["signal.vendor_score"]) == 7  # null is missing
    assert {v[1:] for v in found.of("vital", "t_utc", "vital", "value", "unit") if v[0] == midnight} == {
        ("skin_temperature_deviation", -0.21, "Cel"),
        ("spo2", 97.125, "%"),
        ("steps_day", 8421.0, "{count}"),
        ("respiration", 14.25, "/min"),  # at the final wake, which here is midnight
    }
    assert "signal.steps" not in found.rows


def test_workouts_say_who_found_them() -> None:
    assert read().of("workout", "workout", "t_utc", "end_utc", "activity", "detected", "offset_min") == [
        ("w1", utc("2024-05-02T16:00"), utc("2024-05-02T16:45"), "cycling", True, 120)
    ]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (sleep(type="coma"), "a type of sleep that is not known"),
        (sleep(bedtime_end="2024-05-01T22:00:00+02:00"), "ends before it starts"),
        (sleep(bedtime_end="2024-05-05T22:00:00+02:00"), "longer than 48 hours"),
        (sleep(bedtime_end=None), "expected a date and time at which it ends"),
        (sleep(bedtime_start="1970-01-01T00:00:00Z"), "dated before 2013"),
        (sleep(bedtime_start="2099-01-01T00:00:00Z"), "dated after 2024-08-02"),
        (sleep(sleep_phase_5_min="4225"), "a sleep phase that is not known"),
        (sleep(heart_rate={"items": [1]}), "expected heart_rate to have a timestamp, an interval"),
        (sleep(heart_rate="[1, 2"), "expected heart_rate to have a timestamp, an interval"),
        (
            sleep(hrv={"interval": 60, "items": [40], "timestamp": SLEEP[0]["bedtime_start"]}),
            "interval of 300 s",
        ),
        (
            sleep(hrv={"interval": 300, "items": ["x"], "timestamp": SLEEP[0]["bedtime_start"]}),
            "expected a number",
        ),
        (
            sleep(hrv={"interval": 300, "items": [900], "timestamp": SLEEP[0]["bedtime_start"]}),
            "outside 1 to 500",
        ),
        (sleep(average_breath=300), "respiration (average_breath) outside 4 to 60"),
        ({"id": 1}, "expected an object with bedtime_start, bedtime_end, type"),
        (17, "expected an object"),
        (None, "expected an object"),
    ],
)
def test_what_cannot_be_is_refused_and_the_others_are_kept(bad: Any, words: str) -> None:
    found = read(sleep=[sleep(id="ok"), bad])
    ((name, record, reason),) = found.refused
    assert (name, record) == ("sleep.json", 1)
    assert words in reason
    assert "ok" in {e for (e,) in found.of("sleep_episode", "episode")}


def test_a_sleep_without_hypnogram_or_with_an_odd_one_stays_a_sleep() -> None:
    found = read(sleep=[sleep(sleep_phase_5_min=None), sleep(id="n9", sleep_phase_5_min="40")])
    assert found.of("sleep_episode", "episode", "scoring") == [("n1", None), ("n9", None)]
    assert found.of("sleep_stage", "episode") == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': [None, 1.5, nan]}", {"a": [None, 1.5, None]}),
        ('{"a": [null, NaN]}', {"a": [None, None]}),
        ("__import__('os').getcwd()", None),
        ("[" * 100_000, None),
        ("9" * 5000, None),
        ("{'a': 1", None),
        ("[1]" + " " * (1 << 20), None),
        (None, None),
    ],
)
def test_cells_are_read_as_literals_and_never_run(text: str | None, value: object) -> None:
    assert read_cell(text) == value


def test_claims_need_a_field_that_only_these_documents_have() -> None:
    assert all(oura.claims(member(name, data)) for name, data in FILES.items())
    assert oura.stream("ringbatterylevel.csv") is None
    assert not oura.claims(member("ringbatterylevel.csv", "timestamp;level\n"))
    assert not oura.claims(member("sleep.csv", "von,bis,leicht (s)\n"))
    assert not oura.claims(member("daily_readiness.csv", "timestamp,score,type,sleep readiness\n"))
    assert not oura.claims(member("heart_rate-2024-05-01.json", '[{"dateTime":"05/01/24 00:00:00"}]'))
    assert oura.claims(member("oura_heartrate.csv", "timestamp,bpm,source\n"))
    assert oura.claims(member("oura_sleep_2024-01.json", FILES["api/sleep.json"]))


@pytest.mark.parametrize("change", ["bom", "crlf", "utf-16", "bare"])
def test_marks_line_ends_encodings_and_bare_lists_change_nothing(change: str) -> None:
    text = FILES["api/sleep.json"].decode()
    changed = {
        "bom": b"\xef\xbb\xbf" + text.encode(),
        "crlf": text.replace("\n", "\r\n").encode(),
        "utf-16": text.encode("utf-16"),
        "bare": json.dumps(SLEEP).encode(),
    }[change]
    found = read_members(oura, {"sleep.json": changed}, zone=BERLIN)
    assert found.refused == []
    assert found.signals() == read(sleep=SLEEP).signals()


def test_python_and_json_spell_the_same_rows_as_a_csv_of_the_api() -> None:
    columns = [
        "id",
        "type",
        "bedtime_start",
        "bedtime_end",
        "average_breath",
        "average_hrv",
        "heart_rate",
        "hrv",
    ]
    columns += ["sleep_phase_30_sec", "sleep_phase_5_min"]

    def cell(value: Any) -> str:
        text = "" if value is None else str(value)
        return '"' + text.replace('"', '""') + '"'

    lines = [",".join(columns), *(",".join(cell(doc.get(c)) for c in columns) for doc in SLEEP)]
    found = read_members(oura, {"oura_sleep.csv": "\n".join(lines) + "\n"}, zone=BERLIN)
    assert found.refused == []
    assert found.signals() == read(sleep=SLEEP).signals()


@settings(deadline=None, max_examples=12)
@given(st.permutations(range(4)), st.integers(0, 1000))
def test_order_and_repetition_change_nothing(order: list[int], seed: int) -> None:
    docs = [SLEEP[i] for i in order] + [SLEEP[order[0]]]
    assert read(sleep=docs).signals() == read(sleep=SLEEP).signals()
    name = "App Data/heartrate.csv"
    shuffled = read_members(oura, {name: shuffle_lines(FILES[name], seed)}, zone=BERLIN)
    assert shuffled.signals() == read_members(oura, {name: FILES[name]}, zone=BERLIN).signals()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_list_cut_at_any_byte_keeps_every_whole_document(data: st.DataObject) -> None:
    text = FILES["api/heartrate.json"]
    cut = data.draw(st.integers(0, len(text) - 3))
    found = read_members(oura, {"heartrate.json": text[:cut]}, zone=BERLIN)
    whole = text[:cut].count(b"}")
    if b"bpm" in text[:cut] and b"timestamp" in text[:cut]:
        assert len(found.of("heart_rate", "t_utc")) == min(whole, 3)
        assert len(found.refused) == 1


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_no_damage_makes_it_fall_over(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_members(oura, {name: bytes(content)}, zone=BERLIN)


@pytest.mark.parametrize("content", [b"", b"\0" * 50, b"[" * 50_000, b"bedtime_start", b'{"bpm": NaN}'])
def test_a_file_of_nothing_is_refused_as_a_whole(content: bytes) -> None:
    rows, refused = oura.load_rows(_export(content), Reading(BERLIN, lambda _: None), 0, HEARTRATE)
    assert rows.num_rows == 0
    assert len(refused) == 1


def _export(content: bytes) -> Any:
    return Export("x", (member("heartrate.json", content),), (0,), datetime(2024, 8, 1))


def test_twice_in_two_orders_the_warehouse_is_the_same(tmp_path: Path) -> None:
    one = write_zip(tmp_path / "one.zip", FILES, datetime(2024, 7, 1))
    part = {n: c for n, c in FILES.items() if "heart" in n}
    two = write_zip(tmp_path / "two.zip", part, datetime(2024, 6, 25))
    for place, order in (("a", (one, one)), ("b", (one, two, one))):
        (tmp_path / place).mkdir()
        for path in order:
            assert load_into(tmp_path / place, path, timezone=BERLIN).refused == 0
    a, b = (
        {table: h for table, h in hashes_of(tmp_path / p).items() if table.startswith("signal.")}
        for p in "ab"
    )
    assert a == b
    assert rows_of(tmp_path / "a", "select count(*) from signal.heart_rate") == [(10,)]


def test_fields_that_nobody_knows_are_said_of_documents_and_of_columns() -> None:
    said = read(daily_sleep=[{"day": "2024-05-02", "score": 74, "contributors": {}, "mood": 3}]).remarks
    assert said == ["Columns of dailysleep that are not known and were not read: 'mood' (1 files)."]
    heart = {"heartrate.csv": "timestamp,bpm,source,mood\n2024-05-05T08:00:00+00:00,66,awake,3\n"}
    found = read_members(oura, heart, zone=BERLIN)
    assert found.remarks == ["Columns of heartrate that are not known and were not read: 'mood' (1 files)."]
    assert found.of("heart_rate", "hr_bpm") == [(66.0,)]
