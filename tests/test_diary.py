"""Calendars and diaries: what was done and felt comes through at the right time, and nothing private does."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fitbit_export import hashes_of, load_into, rows_of, write_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import Found, read_members

from ingest.apps import name_app
from ingest.files import diary
from ingest.files.diary.words import name_event, name_own, name_provider

FIXTURES = Path(__file__).parent / "fixtures" / "diary"
FILES = {
    path.name: path.read_bytes() for path in sorted(FIXTURES.iterdir()) if path.suffix in (".csv", ".ics")
}
EXPORTED = datetime(2024, 6, 1)
PRIVATE = ("SOMEONE", "private", "Secret", "corner", "secret thing", "someone@")


def read(members: dict[str, bytes], zone: str = "Europe/Berlin") -> Found:
    return read_members(diary, members, zone=zone, exported=EXPORTED)


def events(found: Found) -> list[tuple[Any, ...]]:
    rows = found.table("signal.event")
    return [(r["event"], r["app"], r["t_utc"], r["offset_min"], r["tz_assumed"]) for r in rows]


def ics(*lines: str) -> bytes:
    inner = "\n".join(("BEGIN:VEVENT", "DTSTAMP:20240520T100000Z", *lines, "END:VEVENT"))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{inner}\nEND:VCALENDAR\n".encode()


def test_a_calendar_gives_the_events_that_its_titles_name_in_their_own_zone() -> None:
    found = read({"calendar.ics": FILES["calendar.ics"]})
    assert events(found) == [
        # Weekly at 18:00 in Berlin, five times from 21 March: the clocks change on the 31st; the 4th of
        # April is taken out, the 11th is moved to the 12th at 09:00.
        ("therapy", "BetterHelp", datetime(2024, 3, 21, 17), 60, False),
        ("therapy", "BetterHelp", datetime(2024, 3, 28, 17), 60, False),
        ("therapy", "BetterHelp", datetime(2024, 4, 18, 16), 120, False),
        ("therapy", "BetterHelp", datetime(2024, 4, 12, 7), 120, False),
        ("mindful", "Headspace", datetime(2024, 5, 1, 20), 120, True),
        ("alcohol", None, datetime(2024, 5, 2, 19), 120, True),
        ("ill", None, datetime(2024, 5, 9, 22), 120, True),
        ("travel", None, datetime(2024, 5, 15, 6, 15), 345, False),
        # Daily for ever: up to the last day that the calendar names, which is that of its export.
        *[
            ("mindful", None, datetime(2024, 5, 17, 5) + timedelta(days=n), 120, False)
            for n in range((datetime(2024, 6, 2) - datetime(2024, 5, 17)).days)
        ],
    ]
    ends = [r["end_utc"] for r in found.table("signal.event")]
    assert ends[0] == datetime(2024, 3, 21, 17, 50)
    assert ends[5] == datetime(2024, 5, 2, 21)
    assert ends[6] == datetime(2024, 5, 12, 22)  # the 13th is the day after the last
    assert ends[7] is None
    assert found.refusals == []
    (said,) = found.remarks
    assert said == (
        "Of 11 calendar events 3 have no known word in their title and were not stored;"
        " 1 lie ahead of the export and were left out."
    )


def test_nothing_private_is_kept_not_even_of_what_is_refused() -> None:
    broken = FILES["calendar.ics"].replace(b"DTSTART:20240501T200000Z", b"DTSTART:private")
    found = read(FILES | {"calendar.ics": broken, "more.csv": b"date,event\n2024-05-01,Secret party,x\n"})
    said = f"{found.rows} {found.refusals} {found.remarks}"
    assert not [word for word in PRIVATE if word in said]
    assert ("event 3", "") in [(r["place"], r["raw"]) for r in found.refusals]


def test_a_repetition_without_end_stops_at_the_calendars_own_last_day() -> None:
    text = ics(
        "DTSTART:20240501T100000Z", "RRULE:FREQ=DAILY", "SUMMARY:Calm", "UID:1", "CREATED:20240101T000000Z"
    )
    rows = events(read({"c.ics": text.replace(b"DTSTAMP:20240520", b"DTSTAMP:20240504")}))
    assert [r[2].day for r in rows] == [1, 2, 3, 4, 5]  # the last day wherever on earth


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20240513T235959Z", [1, 6, 8, 13]),
        ("FREQ=WEEKLY;UNTIL=20240508", [1, 8]),
        ("FREQ=MONTHLY;BYMONTHDAY=1,15;COUNT=2", [1, 15]),
        ("FREQ=DAILY;INTERVAL=3;COUNT=3", [1, 4, 7]),
    ],
)
def test_rules_are_followed_on_the_wall_clock(rule: str, days: list[int]) -> None:
    text = ics("DTSTART;TZID=America/New_York:20240501T090000", f"RRULE:{rule}", "SUMMARY:CBT", "UID:1")
    assert [(r[2].day, r[2].hour, r[3]) for r in events(read({"c.ics": text}))] == [
        (d, 13, -240) for d in days
    ]


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "FREQ=DAILY;INTERVAL=0", "FREQ=NEVER", "nonsense", "FREQ=DAILY;BYDAY=XX"]
)
def test_a_rule_that_cannot_be_followed_is_refused(rule: str) -> None:
    found = read({"c.ics": ics("DTSTART:20240501T090000Z", f"RRULE:{rule}", "SUMMARY:Therapy", "UID:1")})
    assert (found.rows, [r["place"] for r in found.refusals]) == ({}, ["event 1"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.ics", ics("DTSTART;VALUE=DATE:20240525", "DTEND;VALUE=DATE:20240620", "SUMMARY:Travel")),
        ("d.csv", b"date,event,end\n2024-05-25,travel,2024-06-19\n"),
    ],
)
def test_of_what_goes_on_the_days_ahead_of_the_export_are_a_plan_and_are_cut_off(
    name: str, content: bytes
) -> None:
    (row,) = read({name: content}).table("signal.event")
    assert (row["t_utc"], row["end_utc"]) == (datetime(2024, 5, 24, 22), datetime(2024, 6, 2))


def test_a_row_without_a_date_says_so() -> None:
    found = read({"d.csv": b"date,event\n,therapy\n2024-05-01,therapy\n"})
    assert [r["reason"] for r in found.refusals] == ["there is no date: expected one as YYYY-MM-DD"]
    assert len(events(found)) == 1


def test_a_change_of_habit_is_dated_and_says_what_changed() -> None:
    found = read({"d.csv": b"date,event,app\n2024-05-25,change,decaf\n"})
    assert events(found) == [("change", "decaf", datetime(2024, 5, 24, 22), 120, True)]


@pytest.mark.parametrize("zone", ["Europe", "x" * 500])
def test_an_event_in_a_zone_that_cannot_be_one_is_refused(zone: str) -> None:
    found = read({"c.ics": ics(f"DTSTART;TZID={zone}:20240501T090000", "SUMMARY:Therapy", "UID:1")})
    assert (found.rows, [r["place"] for r in found.refusals]) == ({}, ["event 1"])


def test_the_words_of_an_alarm_are_not_the_title() -> None:
    alarm = ("BEGIN:VALARM", "SUMMARY:wine", "TRIGGER:-PT10M", "END:VALARM")
    found = read({"c.ics": ics("DTSTART:20240501T100000Z", *alarm, "SUMMARY:Talkspace")})
    assert [e[:2] for e in events(found)] == [("therapy", "Talkspace")]


def test_dates_beyond_reason_are_refused_or_left_out() -> None:
    old = read({"c.ics": ics("DTSTART:19700101T000000Z", "SUMMARY:Therapy")})
    assert (old.rows, old.refusals[0]["reason"][:23]) == ({}, "dated before 2005-01-01")
    late = read({"c.ics": ics("DTSTART:20990101T000000Z", "SUMMARY:Therapy")})
    assert (late.rows, late.refusals) == ({}, [])
    assert "1 lie ahead" in late.remarks[0]


def test_a_table_of_events_is_read_row_by_row() -> None:
    found = read({"diary.csv": FILES["diary.csv"]})
    rows = found.table("signal.event")
    assert [
        (r["event"], r["app"], r["amount"], r["t_utc"], r["end_utc"], r["offset_min"], r["tz_assumed"])
        for r in rows
    ] == [
        ("therapy", "BetterHelp", None, datetime(2024, 5, 1, 16), datetime(2024, 5, 1, 16, 50), 120, True),
        ("alcohol", None, 2.0, datetime(2024, 4, 30, 22), None, 120, True),
        ("alcohol", None, 1.5, datetime(2024, 5, 2, 21, 30), datetime(2024, 5, 2, 22, 30), 120, True),
        ("ill", None, None, datetime(2024, 5, 2, 22), datetime(2024, 5, 5, 22), 120, True),
        ("mindful", "Calm", 10.0, datetime(2024, 5, 3, 22), None, 540, False),
        ("travel", None, None, datetime(2024, 5, 5, 14), datetime(2024, 5, 5, 16, 30), 120, True),
        ("sauna", None, None, datetime(2024, 5, 6, 10), None, 120, True),
    ]
    assert [(r["place"], r["reason"][:24]) for r in found.refusals] == [
        ("record 7", "expected a kind of event"),
        ("record 8", "expected a date as YYYY-"),
    ]


@pytest.mark.parametrize(
    ("time", "utc", "offset_min"),
    [
        ("9:05:07Z", datetime(2024, 5, 1, 9, 5, 7), 120),
        ("09:05 -0330", datetime(2024, 5, 1, 12, 35), -210),
        ("23:00+14:00", datetime(2024, 5, 1, 9), 840),
        ("23:00+14:15", None, None),
        ("09:05+01:75", None, None),
        ("24:00", None, None),
    ],
)
def test_a_time_may_have_an_offset_that_a_zone_can_have(
    time: str, utc: datetime | None, offset_min: int | None
) -> None:
    found = read({"diary.csv": f"date,time,event\n2024-05-01,{time},alcohol\n".encode()})
    rows = [(r["t_utc"], r["offset_min"]) for r in found.table("signal.event")]
    assert rows == ([] if utc is None else [(utc, offset_min)])
    assert len(found.refusals) == (utc is None)


def test_checkins_are_scored_as_their_questionnaires_say() -> None:
    found = read({"checkins.csv": FILES["checkins.csv"]})
    rows = found.table("signal.checkin")
    assert [(r["scale"], r["value"], r["label"]) for r in rows] == [
        ("felt_stress", 4.0, None),
        ("who5", 60.0, None),  # (3 + 4 + 2 + 5 + 1) * 4
        ("who5", 56.0, None),
        ("who5", 64.0, None),
        ("pss4", 4.0, None),  # 1 + (4 - 3) + (4 - 2) + 0
        ("pss4", 7.0, None),
        ("mood", None, "calm"),
    ]
    assert rows[0]["t_utc"] == datetime(2024, 5, 1, 19)
    assert [r["record"] for r in found.refusals] == [1, 3, 9]
    assert "who5_raw" in found.refusals[1]["reason"]


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("Talkspace session", ("therapy", "Talkspace")),
        ("Better Help w/ Dr. X", ("therapy", "BetterHelp")),
        ("Therapist in person", ("therapy", "in person")),
        ("Psychotherapie Vor Ort", ("therapy", "in person")),
        ("Calm", ("mindful", "Calm")),
        ("Calm: sleep story", ("mindful", "Calm")),
        ("Keep calm and carry on", None),
        ("Physical Therapy", None),
        ("Physiotherapy", None),
        ("Flu shot", ("medicine", None)),
        ("Flu", ("ill", None)),
        ("Bill's birthday", None),
        ("Trip to Rome", ("travel", None)),
        ("Tripod delivery", None),
        ("", None),
    ],
)
def test_titles_are_known_by_whole_words(title: str, named: tuple[str, str | None] | None) -> None:
    assert name_event(title) == named


def test_a_diarys_own_words_are_kinds_known_words_or_one_word() -> None:
    assert name_own(" Mindful ") == ("mindful", None)
    assert name_own("headspace") == ("mindful", "Headspace")
    assert name_own("sauna") == ("sauna", None)
    assert name_own("two words") is None
    assert name_own("7") is None
    providers = [name_provider(text) for text in ("talk space", "In-person", " Dr. X ")]
    assert providers == ["Talkspace", "in person", "Dr. X"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Headspace: Meditation & Sleep", "Headspace"),
        ("com.getsomeheadspace.android", "Headspace"),
        ("com.calm.android", "Calm"),
        ("Calm", "Calm"),
        ("Calmness of mind", "Calmness of mind"),
        ("org.wakingup.android", "Waking Up"),
        ("Waking Up", "Waking Up"),
        ("com.fitbit.FitbitMobile", "Fitbit"),
        ("com.example.headspaces", "com.example.headspaces"),
        (" Some App ", "Some App"),
        ("", ""),
    ],
)
def test_an_app_has_one_name_whoever_spells_it(text: str, name: str) -> None:
    assert name_app(text) == name


def test_other_files_are_not_claimed() -> None:
    others = {
        "a.csv": b"date,event,notes\n2024-05-01,therapy,x\n",
        "b.csv": b"date,value\n2024-05-01,4\n",
        "journal.csv": b"Cycle start time,Question text\n",
        "c.ics": b"<html>",
        "d.csv": b"",
        "e.txt": b"date,event\n",
    }
    assert sorted(read(others).unclaimed) == sorted(others)
    assert read(FILES).unclaimed == []


@pytest.mark.parametrize("change", ["bom", "utf16", "crlf", "semicolon"])
def test_encodings_line_ends_and_separators_change_nothing(change: str) -> None:
    plain = {name: FILES[name] for name in ("diary.csv", "checkins.csv")}
    changed = {
        name: {
            "bom": b"\xef\xbb\xbf" + data,
            "utf16": data.decode().encode("utf-16"),
            "crlf": data.replace(b"\n", b"\r\n"),
            "semicolon": data.replace(b",", b";").replace(b"1.5", b"1,5"),
        }[change]
        for name, data in plain.items()
    }
    assert read(changed).rows == read(plain).rows


def test_shuffled_and_repeated_rows_give_the_same_events() -> None:
    head, *lines = FILES["diary.csv"].decode().splitlines()
    mixed = "\n".join([head, *lines[::-1], lines[0]]) + "\n"
    assert set(events(read({"diary.csv": mixed.encode()}))) == set(
        events(read({"diary.csv": FILES["diary.csv"]}))
    )


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_file_cut_anywhere_keeps_its_whole_events(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FILES)))
    cut = data.draw(st.integers(60, len(FILES[name])))
    part, whole = read({name: FILES[name][:cut]}), read({name: FILES[name]})
    if name.endswith(".csv"):
        n_whole = FILES[name][:cut].count(b"\n") - 1
        table = "signal.event" if name == "diary.csv" else "signal.checkin"
        kept = [r for r in part.table(table) if r["record"] < n_whole]
        assert kept == [r for r in whole.table(table) if r["record"] < n_whole]
    else:
        n_whole = FILES[name][:cut].count(b"END:VEVENT")
        kinds = {r["record"] for r in part.table("signal.event")}
        assert {r["record"] for r in whole.table("signal.event") if r["record"] < n_whole} == kinds
    assert all(r["place"] and r["reason"] for r in part.refusals)


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_no_bytes_crash_it(data: bytes) -> None:
    read({"a.ics": b"BEGIN:VCALENDAR\n" + data, "b.csv": b"date,event\n" + data})
    read(
        {
            "a.ics": ics("SUMMARY:Therapy") + data,
            "b.ics": ics("SUMMARY:Therapy\nDTSTART:" + data.decode("latin-1")),
        }
    )
    read({"b.csv": b"date,time,scale,value\n2024-05-01,10:00,who5," + data})


def test_a_folder_loads_twice_into_the_same_tables(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "diary", FILES, written=EXPORTED)
    report = load_into(tmp_path, folder, timezone="Europe/Berlin")
    assert dict(report.rows) == {"signal.event": 8 + 16 + 7, "signal.checkin": 7}
    before = hashes_of(tmp_path)
    load_into(tmp_path, folder, timezone="Europe/Berlin")
    assert hashes_of(tmp_path) == before
    apps = "select app, count(*) from signal.event where app is not null group by app order by app"
    assert rows_of(tmp_path, apps) == [("BetterHelp", 5), ("Calm", 1), ("Headspace", 1)]
