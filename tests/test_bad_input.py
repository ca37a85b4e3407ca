"""Bad input gets a clear answer, and nothing good is lost."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fitbit_export import (
    heart_day,
    heart_record,
    load_into,
    rows_of,
    sleep_log,
    stamp,
    vendor_json,
    write_folder,
    write_zip,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cells import read_cell
from ingest.context import read_any
from ingest.documents import mend_escapes, parse_documents
from ingest.source import Field

DAY = "2020-03-10"
HR_FILE = f"heart_rate-{DAY}.json"
GOOD = heart_day(DAY, 11, step_s=3600)
NOON = datetime(2020, 3, 10, 1)
REJECTED = (
    "select member, stream, record, place, reason, raw from meta.rejected join meta.source_file"
    " using (participant, file_id) order by member, record"
)
HR_FIELDS = (Field("stamp", "dateTime", pa.string()), Field("hr_bpm", "value.bpm", pa.float64()))


def load_one(place: Path, name: str, content: str | bytes) -> Any:
    return load_into(place, write_zip(place / "e.zip", {name: content}))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (heart_record(NOON, 0), "heart rate outside 20 to 250"),
        (heart_record(NOON, 400), "heart rate outside 20 to 250"),
        (heart_record(NOON, -60), "heart rate outside 20 to 250"),
        (heart_record(NOON, "fast"), "expected a heart rate in value.bpm"),
        (heart_record(NOON, None), "expected a heart rate in value.bpm"),
        (heart_record(NOON, {"a": 1}), "expected a heart rate in value.bpm"),
        (heart_record(NOON, 60, 7), "expected a confidence of 0, 1, 2 or 3"),
        (heart_record(datetime(1970, 1, 1), 60), "dated before 2007"),
        (heart_record(datetime(2006, 12, 31), 60), "dated before 2007"),
        (heart_record(datetime(2020, 7, 24), 60), "dated after 2020-07-23T00:00 UTC"),
        ({"dateTime": "31/12/20 00:00:00", "value": {"bpm": 60}}, "expected a date and time"),
        ({"value": {"bpm": 60}}, "expected a date and time"),
        ({"dateTime": stamp(NOON), "value": 60}, "expected a heart rate"),
        (17, "expected a date and time"),
        (None, "expected a date and time"),
        ([], "expected a date and time"),
        ({}, "expected a date and time"),
    ],
)
def test_an_impossible_heart_rate_is_kept_aside_and_the_others_are_taken(
    tmp_path: Path, bad: Any, words: str
) -> None:
    report = load_one(tmp_path, HR_FILE, vendor_json([*GOOD[:5], bad, *GOOD[5:]]))
    assert rows_of(tmp_path, "select count(*) from signal.heart_rate") == [(len(GOOD),)]
    ((member, stream, record, place, reason, raw),) = rows_of(tmp_path, REJECTED)
    assert (member, stream, record, place) == (HR_FILE, "signal.heart_rate", 5, "record 5")
    assert words in reason
    assert json.loads(raw) == bad
    assert (report.refused, report.refused_wholesale, report.refusals[0].place) == (1, False, "record 5")
    assert report.exports[0].files_read == 1


def test_the_bounds_themselves_are_possible(tmp_path: Path) -> None:
    edge = [(NOON, 20, 0), (datetime(2020, 7, 23), 250, 3), (datetime(2007, 1, 1), 60, 1)]
    records = [heart_record(*values) for values in edge]
    assert load_one(tmp_path, HR_FILE, vendor_json(records)).refused == 0


LEVEL = {"dateTime": "2020-03-10T23:00:00.000", "level": "rem", "seconds": 60}


def sleep(**changes: Any) -> dict[str, Any]:
    night = ("2020-03-10T23:00:00", "2020-03-11T07:00:00")
    return sleep_log(*night, [(night[0], "light", 8 * 3600)]) | changes


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (sleep(endTime="2020-03-10T22:00:00.000"), "ends before it starts"),
        (sleep(endTime="2020-03-20T22:00:00.000"), "longer than 48 hours"),
        (sleep(endTime=None), "expected an endTime"),
        (sleep(startTime="yesterday"), "expected a date and time"),
        (sleep(logId=None), "expected a logId"),
        (sleep(type="dream"), "expected type stages or classic"),
        (sleep(levels={"data": [LEVEL | {"level": "coma"}]}), "'coma'"),
        (sleep(levels={"data": [LEVEL | {"seconds": -1}]}), "without a start"),
        (sleep(levels={"data": [LEVEL | {"dateTime": None}]}), "without a start"),
        (sleep(levels={"data": [LEVEL], "shortData": [LEVEL | {"level": None}]}), "not known"),
    ],
)
def test_an_impossible_sleep_is_kept_aside_and_the_others_are_taken(
    tmp_path: Path, bad: Any, words: str
) -> None:
    good = sleep(logId=2)
    load_one(tmp_path, "sleep-2020-03-09.json", vendor_json([bad, good]))
    assert rows_of(tmp_path, "select episode, record from signal.sleep_episode") == [("2", 1)]
    assert rows_of(tmp_path, "select distinct episode from signal.sleep_stage") == [("2",)]
    ((_, stream, record, _, reason, _),) = rows_of(tmp_path, REJECTED)
    assert (stream, record) == ("signal.sleep_episode", 0)
    assert words in reason
    assert rows_of(tmp_path, "select count(*) from meta.complete") == [(0,)]


@pytest.mark.parametrize("levels", [None, {}, {"data": None}, {"data": []}, {"data": {}, "shortData": 3}])
def test_a_sleep_without_stages_is_a_sleep(tmp_path: Path, levels: Any) -> None:
    assert load_one(tmp_path, "sleep-2020-03-09.json", vendor_json([sleep(levels=levels)])).refused == 0
    assert rows_of(tmp_path, "select count(*) from signal.sleep_episode") == [(1,)]
    assert rows_of(tmp_path, "select count(*) from signal.sleep_stage") == [(0,)]


def test_what_the_vendor_does_not_know_is_no_stage_and_no_refusal(tmp_path: Path) -> None:
    parts = [("2020-03-10T23:00:00", "light", 3600), ("2020-03-11T00:00:00", "unknown", 7 * 3600)]
    log = sleep_log("2020-03-10T23:00:00", "2020-03-11T07:00:00", parts)
    assert load_one(tmp_path, "sleep-2020-03-09.json", vendor_json([log])).refused == 0
    assert rows_of(tmp_path, "select stage, epoch(end_utc - t_utc) from signal.sleep_stage") == [
        ("light", 3600.0)
    ]


@pytest.mark.parametrize("value", ["-1", "1001", "7.5", "many", None])
def test_impossible_steps_are_kept_aside(tmp_path: Path, value: Any) -> None:
    records = [{"dateTime": stamp(NOON), "value": value}, {"dateTime": "03/10/20 02:00:00", "value": "1000"}]
    load_one(tmp_path, "steps-2020-03-09.json", vendor_json(records))
    assert rows_of(tmp_path, "select steps from signal.steps") == [(1000,)]
    assert rows_of(tmp_path, "select record from meta.rejected") == [(0,)]


def test_a_resting_heart_rate_of_zero_or_no_date_is_absent_not_refused(tmp_path: Path) -> None:
    def resting(date: str | None, value: Any) -> dict[str, Any]:
        return {"dateTime": "03/10/20 00:00:00", "value": {"date": date, "value": value, "error": 0.0}}

    records = [
        resting(None, 0.0),
        resting("03/11/20", 0.0),
        resting("03/12/20", 61.5),
        resting("03/13/20", 400),
    ]
    report = load_one(tmp_path, "resting_heart_rate-2020-03-09.json", vendor_json(records))
    assert rows_of(tmp_path, "select t_utc, offset_min, value, unit, error from signal.vital") == [
        (datetime(2020, 3, 11, 13), 660, 61.5, "/min", None)
    ]
    assert [r.place for r in report.refusals] == ["record 3"]


def test_a_workout_that_ends_before_it_starts_is_kept_aside(tmp_path: Path) -> None:
    workout = {
        "logId": 1,
        "activityName": "Walk",
        "startTime": stamp(NOON),
        "duration": -5,
        "logType": "manual",
    }
    load_one(tmp_path, "exercise-0.json", vendor_json([workout, workout | {"logId": 2, "duration": 60_000}]))
    assert rows_of(
        tmp_path, "select workout, end_utc, hr_mean_bpm, steps, revision, detected from signal.workout"
    ) == [("2", datetime(2020, 3, 10, 1, 1), None, None, None, False)]
    assert "ends before it starts" in rows_of(tmp_path, REJECTED)[0][4]


# --- files that are broken -----------------------------------------------------------------------


@settings(deadline=None, max_examples=120)
@given(st.data())
def test_a_file_cut_at_any_byte_keeps_every_whole_record_before_the_cut(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([vendor_json(GOOD[:4]), json.dumps(GOOD[:4])]))
    cut = data.draw(st.integers(0, len(text) - 1))
    found = read_any(0, text[:cut], "signal.heart_rate", HR_FIELDS)
    ends = [text.index(f'"{r["dateTime"]}"') for r in GOOD[:4]]
    whole = sum(text.index("}", text.index("}", start) + 1) < cut for start in ends)
    assert found.rows["stamp"].to_pylist() == [r["dateTime"] for r in GOOD[:whole]]
    assert found.rows["record"].to_pylist() == list(range(whole))
    assert found.broken.num_rows == 1
    place = found.broken["place"][0].as_py()
    if whole:
        assert place.startswith("byte ")
        assert int(place.removeprefix("byte ")) <= cut


def test_a_cut_file_says_where_it_breaks_and_what_was_kept(tmp_path: Path) -> None:
    text = vendor_json(GOOD)
    cut = text.index(GOOD[7]["dateTime"]) + 3
    report = load_one(tmp_path, HR_FILE, text[:cut])
    assert rows_of(tmp_path, "select count(*) from signal.heart_rate") == [(7,)]
    ((_, stream, record, place, reason, raw),) = rows_of(tmp_path, REJECTED)
    assert (stream, record, place) == (
        "signal.heart_rate",
        7,
        f"byte {text.rindex('{', 0, text.index(GOOD[7]['dateTime']))}",
    )
    assert reason == "the JSON breaks off here; the 7 whole records before it were kept"
    assert text[:cut].endswith(raw)
    assert not report.refused_wholesale
    assert rows_of(tmp_path, "select count(*) from meta.complete") == [(0,)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (bytes(500), "nothing but zero bytes"),
        (b"%PDF-1.7 \xff\xfe\x00", "begins with '['"),
        (b'{"dateTime": 1}', "begins with '['"),
        (b"dateTime,bpm\n", "begins with '['"),
    ],
)
def test_a_file_of_no_records_is_refused_as_a_whole_and_the_rest_is_taken(
    tmp_path: Path, content: bytes, words: str
) -> None:
    other = {"heart_rate-2020-03-11.json": vendor_json(heart_day("2020-03-11", 11, step_s=3600))}
    report = load_into(tmp_path, write_zip(tmp_path / "e.zip", {HR_FILE: content, **other}))
    ((member, stream, record, place, reason, _),) = rows_of(tmp_path, REJECTED)
    assert (member, stream, record) == (HR_FILE, "file", None)
    assert words in reason
    assert report.refused_wholesale
    assert (report.exports[0].files_read, report.exports[0].files_refused) == (1, 1)
    assert rows_of(tmp_path, "select count(*) from signal.heart_rate") == [(24,)]
    assert place in ("file", "byte 0")


@pytest.mark.parametrize("content", ["[]", " [ ]\n", "no data", "No data.", "\ufeff[]"])
def test_a_file_that_has_no_data_is_no_trouble(tmp_path: Path, content: str) -> None:
    report = load_one(tmp_path, HR_FILE, content)
    assert (report.refused, report.refused_wholesale, report.exports[0].files_read) == (0, False, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: b"\n\n" + text.encode() + b"\n",
        lambda text: text.replace('"bpm"', '"extra" : {"a" : [1, 2]}, "bpm"').encode(),
        lambda text: text.replace(" 60,", " 60.0,").encode(),
    ],
)
def test_marks_line_ends_and_additions_change_nothing(tmp_path: Path, change: Any) -> None:
    assert load_one(tmp_path, HR_FILE, change(vendor_json(GOOD))).refused == 0
    assert rows_of(tmp_path, "select count(*), min(hr_bpm), max(confidence) from signal.heart_rate") == [
        (24, 60.0, 2)
    ]


def test_a_number_that_json_lacks_costs_its_record_only(tmp_path: Path) -> None:
    text = vendor_json(GOOD).replace(" 60,", " NaN,", 1).replace(" 60,", " -Infinity,", 1)
    load_one(tmp_path, HR_FILE, text)
    assert rows_of(tmp_path, "select count(*) from signal.heart_rate") == [(22,)]
    assert [row[2] for row in rows_of(tmp_path, REJECTED)] == [0, 1]


@settings(deadline=None, max_examples=150)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8) | st.just(GOOD[0]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["dateTime", "value", "bpm"]), inner)
        ),
        max_leaves=8,
    ),
    st.binary(max_size=6),
    st.integers(0, 400),
)
def test_no_document_crashes_the_reader(value: Any, noise: bytes, place: int) -> None:
    text = json.dumps(value).encode()
    for data in (text, text[:place] + noise + text[place:], noise):
        found = read_any(0, data.decode("utf-8", "replace"), "signal.heart_rate", HR_FIELDS)
        # Every document gives rows, a refusal, or is one that says it has none.
        empty = data.decode("utf-8", "replace").strip(" \t\r\n").removeprefix("[").removesuffix("]").strip()
        assert found.rows.num_rows or found.broken.num_rows or not empty


def test_a_very_deep_document_is_refused_not_a_crash(tmp_path: Path) -> None:
    report = load_one(tmp_path, HR_FILE, "[" * 100_000)
    assert report.refused == 1


def test_a_lone_half_character_and_a_nul_can_be_stored(tmp_path: Path) -> None:
    text = vendor_json(GOOD)[:-1] + ',{"dateTime": "\\ud800\\u0000", "value": {"bpm": 60}}]'
    load_one(tmp_path, HR_FILE, text)
    assert rows_of(tmp_path, "select count(*) from signal.heart_rate") == [(24,)]
    load_into(tmp_path, write_zip(tmp_path / "f.zip", {HR_FILE: text[:-1].encode() + b"\x00\x00 \xff\xfe"}))
    assert rows_of(tmp_path, "select count(*) from meta.rejected where length(raw) <= 1024") == [(3,)]


@given(
    st.lists(st.text(st.characters(codec=None) | st.sampled_from("\\u\ud800\udc00"), max_size=8), max_size=4)
)
def test_halves_of_characters_become_marks_and_all_else_stays(texts: list[str]) -> None:
    # How Python itself pairs halves is the oracle: those that are left over are no UTF-8.
    whole = [
        t.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass").encode("utf-8", "surrogatepass")
        for t in texts
    ]
    marked = [w.decode("utf-8", "surrogatepass") for w in whole]
    marked = ["".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in m) for m in marked]
    written = json.dumps(texts)
    assert len(mend_escapes(written)) == len(written)
    assert list(parse_documents(written.encode(), "data").records) == marked
    assert read_cell(written) == marked


def test_a_huge_bad_record_is_cut_to_a_kilobyte(tmp_path: Path) -> None:
    load_one(tmp_path, HR_FILE, vendor_json([*GOOD, {"dateTime": "é" * 5000}]))
    (raw,) = [row[5] for row in rows_of(tmp_path, REJECTED)]
    assert 1000 < len(raw.encode()) <= 1024


# --- zips and folders that are broken ---------------------------------------------------------------


def test_a_cut_zip_is_refused_and_the_folder_beside_it_is_taken(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "whole.zip", {HR_FILE: vendor_json(GOOD)}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    report = load_into(
        tmp_path, tmp_path / "cut.zip", write_folder(tmp_path / "f", {HR_FILE: vendor_json(GOOD)})
    )
    assert report.refused_wholesale
    assert rows_of(tmp_path, "select count(*) from signal.heart_rate") == [(24,)]
    assert [(row[0], row[1], row[3]) for row in rows_of(tmp_path, REJECTED)] == [("cut.zip", "file", "file")]
    assert "download the export again" in report.refusals[0].reason
    again = load_into(tmp_path, tmp_path / "cut.zip")
    assert (again.refused_wholesale, again.changed) == (True, False)


def test_a_cut_zip_alone_enrols_nobody(tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 cut")
    report = load_into(tmp_path, tmp_path / "cut.zip")
    assert (report.participant, report.enrolled, report.refused_wholesale, report.changed) == (
        None,
        False,
        True,
        False,
    )
    assert not (tmp_path / "w.duckdb").exists()


def test_a_damaged_member_is_refused_and_the_others_are_taken(tmp_path: Path) -> None:
    members = {
        HR_FILE: vendor_json(GOOD),
        "heart_rate-2020-03-11.json": vendor_json(heart_day("2020-03-11", 11)),
    }
    made = write_zip(tmp_path / "e.zip", members)
    with zipfile.ZipFile(made) as opened:
        start = opened.infolist()[0].header_offset + 200
    data = bytearray(made.read_bytes())
    data[start : start + 20] = bytes(20)
    made.write_bytes(data)
    report = load_into(tmp_path, made)
    assert (report.exports[0].files_read, report.exports[0].files_refused) == (1, 1)
    assert report.refused_wholesale
    ((member, _, _, _, reason, _),) = rows_of(tmp_path, REJECTED)
    assert member == HR_FILE
    assert "damaged" in reason


def test_a_bomb_among_good_files_is_refused_and_written_down(tmp_path: Path) -> None:
    bomb = "[" + " " * (4 << 20) + "]"
    report = load_into(
        tmp_path, write_zip(tmp_path / "e.zip", {HR_FILE: vendor_json(GOOD), "steps-2020-03-09.json": bomb})
    )
    assert report.refused_wholesale
    assert rows_of(tmp_path, "select count(*) from signal.heart_rate") == [(24,)]
    ((member, _, _, _, reason, _),) = rows_of(tmp_path, REJECTED)
    assert (member, "zip bomb" in reason) == ("steps-2020-03-09.json", True)


def test_a_file_of_no_known_source_is_said_with_what_it_seems_to_be(tmp_path: Path) -> None:
    path = tmp_path / "letter.pdf"
    path.write_bytes(b"%PDF-1.7")
    report = load_into(tmp_path, path)
    assert report.refused_wholesale
    assert (report.unclaimed[0].path, report.unclaimed[0].nature) == ("letter.pdf", "PDF")
    assert "no source knows this file (PDF)" in report.refusals[0].reason
    beside = load_into(
        tmp_path, write_zip(tmp_path / "e.zip", {HR_FILE: vendor_json(GOOD), "letter.pdf": "%PDF"})
    )
    assert (len(beside.unclaimed), beside.refused_wholesale) == (1, False)
    assert rows_of(tmp_path, "select unclaimed from meta.load") == [(1,)]


# --- drift ----------------------------------------------------------------------------------------


def test_much_refused_is_said_loudly(tmp_path: Path) -> None:
    bad = [heart_record(NOON.replace(minute=m), 0) for m in range(3)]
    places = [tmp_path / "few", tmp_path / "many"]
    for place in places:
        place.mkdir()
    assert load_one(places[0], HR_FILE, vendor_json([*GOOD, *bad[:2]])).remarks == ()
    many = load_one(places[1], HR_FILE, vendor_json([*GOOD, *bad]))
    assert any("WARNING: 3 of 27 records for signal.heart_rate were refused" in r for r in many.remarks)


def test_a_stream_that_dries_up_is_said_loudly(tmp_path: Path) -> None:
    first = {HR_FILE: vendor_json(GOOD), "sleep-2020-03-09.json": vendor_json([sleep()])}
    first["steps-2020-03-09.json"] = vendor_json([{"dateTime": stamp(NOON), "value": "5"}])
    assert load_into(tmp_path, write_zip(tmp_path / "a.zip", first)).remarks == ()
    later = {
        "heart_rate-2020-03-11.json": vendor_json(heart_day("2020-03-11", 11)),
        "sleep-2020-04-08.json": "[]",
    }
    report = load_into(tmp_path, write_zip(tmp_path / "b.zip", later))
    assert sorted(r.split(" ")[1] for r in report.remarks) == ["signal.sleep_episode", "signal.steps"]


def test_refusals_are_cut_short_in_the_report_and_whole_in_the_table(tmp_path: Path) -> None:
    bad = [heart_record(NOON.replace(minute=i // 60, second=i % 60), 0) for i in range(150)]
    report = load_one(tmp_path, HR_FILE, vendor_json(bad))
    assert (report.refused, len(report.refusals)) == (150, 100)
    assert rows_of(tmp_path, "select count(*) from meta.rejected") == [(150,)]
