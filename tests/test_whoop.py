"""WHOOP's four files: every row at the offset that its own zone column names, nothing guessed of stages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fitbit_export import hashes_of, load_into, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import Found, fixture, member, read_members, shuffle_lines, write_zip

from ingest.files import whoop

FILES = fixture("whoop")
WRITTEN = datetime(2024, 5, 5)
CYCLES, SLEEPS = "physiological_cycles.csv", "sleeps.csv"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


def read(**changes: bytes | str) -> Found:
    """The fixture with some files changed, or only those where `only` says so."""
    return read_members(whoop, {**FILES, **{f"{name}.csv": data for name, data in changes.items()}})


def read_one(name: str, content: bytes | str) -> Found:
    return read_members(whoop, {name: content})


def with_row(name: str, **cells: str) -> str:
    """The header of a fixture's file and its last row, some cells changed."""
    lines = FILES[name].decode().splitlines()
    header, row = lines[0].split(","), lines[-1].split(",")
    changed = [cells.get(column, cell) for column, cell in zip(header, row, strict=True)]
    assert set(cells) <= set(header)
    return f"{lines[0]}\n{','.join(changed)}\n"


def test_each_row_has_the_offset_of_its_own_zone_column() -> None:
    found = read()
    assert found.refused == []
    sleeps = found.of("sleep_episode", "t_utc", "end_utc", "offset_min", "end_offset_min", "vendor_main")
    assert sleeps == [
        (utc("2024-05-01T12:48:03"), utc("2024-05-01T20:18:03"), 600, 600, True),
        (utc("2024-05-02T12:31:12"), utc("2024-05-02T20:31:12"), 600, 600, True),
        (utc("2024-05-04T03:40:00"), utc("2024-05-04T11:10:00"), -300, -300, True),
        (utc("2024-05-04T19:05:00"), utc("2024-05-04T19:35:00"), -300, -300, False),
    ]
    assert {row["tz_assumed"] for rows in found.rows.values() for row in rows} == {False}
    assert found.rows["signal.sleep_episode"][-1]["episode"] == "2024-05-01T12:48:03Z"


def test_a_sleep_has_no_stages_and_no_scoring() -> None:
    found = read()
    assert "signal.sleep_stage" not in found.rows
    assert found.of("sleep_episode", "scoring", "in_bed") == [(None, None)] * 4


def test_a_nights_values_lie_at_its_final_wake_and_its_hrv_at_its_onset() -> None:
    found = read()
    assert found.of("hrv_sample", "t_utc", "hrv", "value_ms", "span_s", "offset_min") == [
        (utc("2024-05-01T12:48:03"), "rmssd_night", 55.0, 27_000, 600),
        (utc("2024-05-02T12:31:12"), "rmssd_night", 64.0, 28_800, 600),
        (utc("2024-05-04T03:40:00"), "rmssd_night", 37.0, 27_000, -300),
    ]
    first = [
        v[1:]
        for v in found.of("vital", "t_utc", "vital", "value", "unit")
        if v[0] == utc("2024-05-01T20:18:03")
    ]
    assert first == [
        ("deep_min", 90.0, "min"),
        ("light_min", 220.0, "min"),
        ("rem_min", 110.0, "min"),
        ("respiration", 14.6, "/min"),
        ("resting_heart_rate", 54.0, "/min"),
        ("skin_temperature", 33.62, "Cel"),
        ("tib_min", 450.0, "min"),
        ("tst_min", 420.0, "min"),
        ("wake_min", 30.0, "min"),
    ]
    nightly = [v for v in found.rows["signal.vital"] if not v["vital"].endswith("_min")]
    assert len(nightly) == 3 + 4 + 4  # one night without blood oxygen
    scores = {
        v[1:]
        for v in found.of("vendor_score", "t_utc", "score", "value")
        if v[0] == utc("2024-05-04T11:10:00")
    }
    assert {
        ("recovery", 41.0),
        ("strain", 12.4),
        ("sleep_performance", 78.0),
        ("sleep_need_min", 510.0),
    } <= scores


def test_an_open_cycle_gives_no_strain_and_no_refusal() -> None:
    found = read_one(CYCLES, with_row(CYCLES, **{"Cycle end time": ""}))
    assert found.refused == []
    assert "strain" not in {s for (s,) in found.of("vendor_score", "score")}
    assert ("recovery",) in found.of("vendor_score", "score")
    assert read().of("vendor_score", "value").count((4.1,)) == 0


def test_workouts_have_their_mean_heart_rate_where_one_is_given() -> None:
    columns = ("workout", "t_utc", "end_utc", "activity", "hr_mean_bpm", "detected")
    assert read().of("workout", *columns) == [
        (
            "2024-05-01T21:15:30Z yoga",
            utc("2024-05-01T21:15:30"),
            utc("2024-05-01T21:45:30"),
            "yoga",
            None,
            None,
        ),
        (
            "2024-05-04T22:00:00Z running",
            utc("2024-05-04T22:00:00"),
            utc("2024-05-04T22:42:00"),
            "running",
            142.0,
            None,
        ),
    ]


def test_only_a_clear_yes_to_a_known_question_is_an_event_and_notes_are_never_read() -> None:
    found = read()
    assert found.of("event", "event", "t_utc", "offset_min", "amount") == [
        ("alcohol", utc("2024-05-04T03:40:00"), -300, None)
    ]
    assert found.remarks == ["1 journal answers to 1 other questions were left out."]
    assert "dinner" not in repr(found)
    maybe = FILES["journal_entries.csv"].replace(b",false,", b",perhaps,")
    assert read_one("journal_entries.csv", maybe).refused == [
        ("journal_entries.csv", 2, "expected true or false in Answered yes")
    ]


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [("UTC", 0), ("UTC+05:45", 345), ("UTC-03:30", -210), ("GMT-5", -300), ("Z", 0), ("UTC+14:00", 840)],
)
def test_zone_columns_of_every_spelling(zone: str, minutes: int) -> None:
    found = read_one(SLEEPS, with_row(SLEEPS, **{"Cycle timezone": zone}))
    assert found.of("sleep_episode", "offset_min") == [(minutes,)]
    (start,) = found.of("sleep_episode", "t_utc")[0]
    assert (utc("2024-05-01T22:48:03") - start).total_seconds() == minutes * 60


@pytest.mark.parametrize(
    ("name", "cells", "words"),
    [
        (SLEEPS, {"Cycle timezone": "America/New_York"}, "expected an offset such as UTC+10:00"),
        (SLEEPS, {"Cycle timezone": ""}, "expected an offset such as UTC+10:00"),
        (SLEEPS, {"Cycle timezone": "UTC+15:00"}, "expected an offset"),
        (SLEEPS, {"Sleep onset": ""}, "expected a date and time in Sleep onset"),
        (SLEEPS, {"Sleep onset": "yesterday"}, "expected a date and time in Sleep onset"),
        (SLEEPS, {"Wake onset": "2024-05-01 20:00:00"}, "ends before it starts"),
        (SLEEPS, {"Wake onset": "2024-05-09 20:00:00"}, "longer than 48 hours"),
        (SLEEPS, {"Sleep onset": "1970-01-01 00:00:00"}, "dated before 2012"),
        (SLEEPS, {"Sleep onset": "2099-01-01 00:00:00"}, "dated after 2024-08-02"),
        (SLEEPS, {"Nap": "perhaps"}, "expected true or false in Nap"),
        (CYCLES, {"Cycle start time": "?"}, "expected a date and time in Cycle start time"),
        (CYCLES, {"Wake onset": "?"}, "the cell wake holds no date and time"),
        (CYCLES, {"Heart rate variability (ms)": "501"}, "rmssd_night (hrv) outside 1 to 500 ms"),
        (CYCLES, {"Heart rate variability (ms)": "inf"}, "expected a number in hrv"),
        (CYCLES, {"Skin temp (celsius)": "92.3"}, "skin_temperature (skin_temperature) outside 15 to 45 Cel"),
        (CYCLES, {"Recovery score %": "many"}, "expected a number in recovery"),
        ("workouts.csv", {"Average HR (bpm)": "400"}, "heart rate outside 20 to 250"),
        ("workouts.csv", {"Workout end time": ""}, "expected a date and time in Workout end time"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(name: str, cells: dict[str, str], words: str) -> None:
    refused = read_one(name, with_row(name, **cells)).refused
    assert [(n, r) for n, r, _ in refused] == [(name, 0)]
    assert words in refused[0][2]


def test_one_bad_cell_costs_no_other_value_of_its_row() -> None:
    good = read_one(CYCLES, with_row(CYCLES)).signals()
    found = read_one(CYCLES, with_row(CYCLES, **{"Heart rate variability (ms)": "9000"})).signals()
    assert found == {table: rows for table, rows in good.items() if table != "signal.hrv_sample"}


@pytest.mark.parametrize("cell", ["", "NaN", "0", "null"])
def test_zero_and_empty_are_missing_not_refused(cell: str) -> None:
    found = read_one(CYCLES, with_row(CYCLES, **{"Resting heart rate (bpm)": cell}))
    assert found.refused == []
    assert ("resting_heart_rate",) not in found.of("vital", "vital")


def test_a_cycle_without_sleep_gives_its_scores_at_its_start() -> None:
    found = read_one(CYCLES, with_row(CYCLES, **{"Sleep onset": "", "Wake onset": ""}))
    assert {t for (t,) in found.of("vital", "t_utc")} == {utc("2024-05-01T12:48:03")}
    assert found.of("hrv_sample", "span_s") == [(None,)]


def test_a_decimal_comma_in_a_semicolon_file_is_the_same_number() -> None:
    text = FILES[CYCLES].decode().replace(",", ";").replace(".", ",")
    assert read_one(CYCLES, text).signals() == read_one(CYCLES, FILES[CYCLES]).signals()


@pytest.mark.parametrize("change", ["bom", "crlf", "utf-16", "quoted"])
def test_marks_line_ends_and_encodings_change_nothing(change: str) -> None:
    def spell(data: bytes) -> bytes:
        text = data.decode()
        if change == "quoted":
            return "\n".join(
                ",".join(f'"{c}"' for c in line.split(",")) for line in text.splitlines()
            ).encode()
        changed = {"bom": "\ufeff" + text, "crlf": text.replace("\n", "\r\n"), "utf-16": text}[change]
        return changed.encode("utf-16" if change == "utf-16" else "utf-8")

    for name in (CYCLES, SLEEPS, "workouts.csv"):
        assert read_one(name, spell(FILES[name])).signals() == read_one(name, FILES[name]).signals()


def test_claims_need_the_vendors_first_column() -> None:
    assert whoop.claims(member("my_whoop_data/sleeps.csv", FILES[SLEEPS]))
    assert not whoop.claims(member("workouts.csv", "id,start\n1,2\n"))
    assert not whoop.claims(member("sleep.csv", FILES[SLEEPS]))
    assert not whoop.claims(member("sleeps.csv", b""))


def test_headers_are_held_to_and_new_columns_are_said() -> None:
    assert read_one(CYCLES, FILES[CYCLES].splitlines()[0]).signals() == {}
    lacking = FILES[SLEEPS].replace(b"Wake onset", b"Woke")
    ((_, record, reason),) = read_one(SLEEPS, lacking).refused
    assert (record, reason.startswith("expected a column 'Wake onset'")) == (None, True)
    more = "\n".join(line + ",x" for line in FILES["workouts.csv"].decode().splitlines())
    assert read_one("workouts.csv", more.replace(",x", ",Mood", 1)).remarks == [
        "Columns of workouts.csv that are not known and were not read: 'Mood' (1 files)."
    ]


def test_sleeps_are_complete_unless_something_of_them_was_refused() -> None:
    assert (SLEEPS, "signal.sleep_episode") in read().spans
    assert read_one(SLEEPS, FILES[SLEEPS].replace(b",true\n", b",perhaps\n")).spans == []


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_order_and_repetition_of_rows_change_nothing(seed: int) -> None:
    shuffled = {name: shuffle_lines(data, seed) for name, data in FILES.items()}
    assert read_members(whoop, shuffled).signals() == read_members(whoop, FILES).signals()


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_a_file_cut_at_any_byte_keeps_every_whole_row(name: str, data: st.DataObject) -> None:
    whole = FILES[name]
    cut = data.draw(st.integers(0, len(whole)))
    found = read_one(name, whole[:cut])
    until = whole[:cut].rfind(b"\n") + 1
    good = read_one(name, whole[:until])
    for table, rows in good.signals().items():
        assert rows <= found.signals().get(table, set())


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_no_damage_makes_it_fall_over(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_one(name, bytes(content))


def test_twice_in_two_orders_the_warehouse_is_the_same(tmp_path: Path) -> None:
    one = write_zip(tmp_path / "one.zip", FILES, WRITTEN)
    early = {n: c for n, c in FILES.items() if n != SLEEPS}
    two = write_zip(tmp_path / "two.zip", early, datetime(2024, 5, 4, 23, tzinfo=UTC).replace(tzinfo=None))
    for place, order in ((tmp_path / "a", (one, two, one)), (tmp_path / "b", (two, one))):
        place.mkdir()
        for path in order:
            report = load_into(place, path)
            assert report.refused == 0
    a, b = (
        {table: h for table, h in hashes_of(tmp_path / p).items() if table.startswith("signal.")}
        for p in "ab"
    )
    assert a == b
    assert rows_of(tmp_path / "a", "select count(*), min(source) from signal.vital") == [
        (11 + 4 * 6, "whoop")
    ]
    assert rows_of(tmp_path / "a", "select distinct zone_how from meta.source_file order by all") == [
        ("export",)
    ]


def test_a_nap_has_its_minutes_at_its_own_end() -> None:
    vitals = read().of("vital", "t_utc", "vital", "value")
    nap = {(name, value) for t_utc, name, value in vitals if t_utc == utc("2024-05-04T19:35:00")}
    assert nap == {
        ("tst_min", 28.0),
        ("tib_min", 30.0),
        ("light_min", 20.0),
        ("deep_min", 8.0),
        ("rem_min", 0.0),  # said to be 0, which is no missing value
        ("wake_min", 2.0),
    }
