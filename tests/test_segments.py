"""Free segments: where they lie on the clock, and what a wrong file is told."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import docs
from features import catalog, zones
from features.segment_export import SCHEMA
from features.segment_measures import FEATURES
from features.segments import (
    AroundEvent,
    DayPart,
    Event,
    Instance,
    Period,
    SegmentError,
    check_shared,
    find_instances,
    margin_days,
    read_segments,
)
from features.wear import Clock
from features.work import to_day

EVERY_DAY = frozenset(range(7))
SYDNEY = ((-1_000_000_000, "Australia/Sydney"),)

# --- where they lie ----------------------------------------------------------------------------


def make_clock(zone: str, first: date, last: date) -> Clock:
    """The axis of some local days and five more on either side."""
    start, end = (to_day(first) - 5) * 1440, (to_day(last) + 6) * 1440
    table = pa.table({"from_min": [-1_000_000_000], "zone": [zone]})
    return Clock(start, zones.zone_offsets(table, start, end))


def utc(text: str) -> int:
    """Minutes since 1970 of an instant of UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 60


def lay(segment: DayPart | Period | AroundEvent, first: date, last: date, *events: Event) -> list[Instance]:
    """Instances in Sydney."""
    clock = make_clock("Australia/Sydney", first, last)
    return find_instances([segment], clock, (to_day(first), to_day(last)), zones=SYDNEY, events=events)


def spans(found: list[Instance]) -> list[tuple[int, int]]:
    return [(one.start_min, one.end_min) for one in found]


@pytest.mark.parametrize(
    ("evening", "start", "end", "hours"),
    [
        (date(2020, 4, 3), "2020-04-03 11:00", "2020-04-03 19:00", 8),
        (date(2020, 4, 4), "2020-04-04 11:00", "2020-04-04 20:00", 9),  # back from 03:00 to 02:00
        (date(2020, 4, 5), "2020-04-05 12:00", "2020-04-05 20:00", 8),
        (date(2020, 10, 3), "2020-10-03 12:00", "2020-10-03 19:00", 7),  # on from 02:00 to 03:00
    ],
)
def test_a_night_by_the_clock_is_an_hour_longer_or_shorter_when_the_clocks_change(
    evening: date, start: str, end: str, hours: int
) -> None:
    found = lay(DayPart("night", 22 * 60, 8 * 60, EVERY_DAY), evening, evening)
    mine = [one for one in found if one.day == to_day(evening)]
    assert spans(mine) == [(utc(start), utc(end))]
    assert mine[0].end_min - mine[0].start_min == 60 * hours
    # The night that began the evening before reaches into the day, and so is there too.
    assert [one.day for one in found] == [to_day(evening) - 1, to_day(evening)]


def test_a_time_the_clock_skips_is_the_minute_after_and_one_it_shows_twice_the_first() -> None:
    part = DayPart("small hours", 150, 60, EVERY_DAY)  # 02:30 to 03:30
    spring, autumn = date(2020, 10, 4), date(2020, 4, 5)
    assert spans(lay(part, spring, spring)) == [(utc("2020-10-03 16:00"), utc("2020-10-03 16:30"))]
    assert spans(lay(part, autumn, autumn)) == [(utc("2020-04-04 15:30"), utc("2020-04-04 17:30"))]
    skipped = DayPart("skipped", 130, 40, EVERY_DAY)  # 02:10 to 02:50: not on that clock at all
    assert lay(skipped, spring, spring) == []


def test_day_parts_start_on_the_weekdays_asked_for() -> None:
    found = lay(DayPart("weekend", 18 * 60, 54 * 60, frozenset({4})), date(2020, 5, 1), date(2020, 5, 31))
    # Friday 18:00 to Sunday 24:00; May 2020 began on a Friday.
    assert [one.day - to_day(date(2020, 5, 1)) for one in found] == [0, 7, 14, 21, 28]
    assert spans(found)[0] == (utc("2020-05-01 08:00"), utc("2020-05-03 14:00"))


def test_periods_of_days_go_by_midnights_and_shorter_ones_by_elapsed_time() -> None:
    first, last = date(2020, 4, 3), date(2020, 4, 8)
    days = lay(Period("two days", 2880, in_days=True, from_day=to_day(date(2020, 4, 1))), first, last)
    assert [one.day - to_day(first) for one in days] == [0, 2, 4]
    assert [(b - a) / 60 for a, b in spans(days)] == [48, 49, 48]
    hours = lay(Period("36 h", 2160, in_days=False, from_day=to_day(first)), first, last)
    assert spans(hours)[0] == (utc("2020-04-02 13:00"), utc("2020-04-04 01:00"))
    assert all(b - a == 2160 for a, b in spans(hours))
    assert [b for _, b in spans(hours)][:-1] == [a for a, _ in spans(hours)][1:]
    # Nothing begins before the date, however far back the data goes.
    late = lay(Period("late", 1440, in_days=True, from_day=to_day(last)), first, last)
    assert [one.day for one in late] == [to_day(last)]
    assert lay(Period("later", 1440, in_days=True, from_day=to_day(last) + 9), first, last) == []


def test_short_periods_lie_where_the_date_says_whatever_was_recorded() -> None:
    period = Period("7 h", 420, in_days=False, from_day=to_day(date(2020, 3, 1)))
    whole = lay(period, date(2020, 4, 1), date(2020, 4, 9))
    part = lay(period, date(2020, 4, 6), date(2020, 4, 9))
    assert part == [one for one in whole if one in part]
    assert (part[0].start_min - utc("2020-02-29 13:00")) % 420 == 0


def test_around_an_event_is_from_its_minute_and_a_date_alone_is_no_time() -> None:
    around = AroundEvent("practice", "mindful", -60, 120)
    day = date(2020, 5, 1)
    at = 60 * utc("2020-05-01 03:15") + 42
    events = (Event("mindful", at, 600), Event("alcohol", at, 600), Event("mindful", at - 3_000_000_000, 600))
    found = lay(around, day, day, *events)
    assert spans(found)[0] == (utc("2020-05-01 02:15"), utc("2020-05-01 05:15"))
    assert [one.reason for one in found] == [None, None]
    assert found[1].start_min < 0  # Off the axis, and still there: it is an event the study asked for.
    midnight = Event("mindful", 60 * utc("2020-04-30 14:00"), 600)
    assert (
        lay(around, day, day, midnight)[0].reason
        == "only the date of the event is known, not its time of day"
    )
    assert lay(AroundEvent("day", "mindful", 0, 1440), day, day, midnight)[0].reason is None


@given(
    zone=st.sampled_from(
        [
            "Australia/Sydney",
            "Europe/Berlin",
            "Australia/Lord_Howe",
            "America/Havana",
            "Africa/Casablanca",
            "UTC",
        ]
    ),
    cuts=st.lists(st.integers(1, 1439), min_size=1, max_size=6, unique=True),
    first=st.dates(date(2019, 12, 28), date(2021, 1, 5)),
    count=st.integers(1, 6),
)
@settings(deadline=None, max_examples=60)
def test_parts_that_share_out_the_day_share_out_every_minute(
    zone: str, cuts: list[int], first: date, count: int
) -> None:
    edges = [0, *sorted(cuts), 1440]
    parts = [DayPart(str(a), a, b - a, EVERY_DAY) for a, b in pairwise(edges)]
    last = first + timedelta(days=count - 1)
    clock = make_clock(zone, first, last)
    found = find_instances(parts, clock, (to_day(first), to_day(last)), zones=(), events=())
    ordered = sorted(spans(found))
    assert [b for _, b in ordered[:-1]] == [a for a, _ in ordered[1:]]
    place = ZoneInfo(zone)
    low, high = (
        int(datetime(d.year, d.month, d.day, tzinfo=place).timestamp()) // 60
        for d in (first, last + timedelta(days=1))
    )
    assert (ordered[0][0], ordered[-1][1]) == (low, high)


def test_for_others_an_event_starts_on_a_step_of_five_minutes() -> None:
    clock = make_clock("Australia/Sydney", date(2024, 5, 1), date(2024, 5, 2))
    at = utc("2024-05-01 10:08") * 60 + 59
    days = (to_day(date(2024, 5, 1)), to_day(date(2024, 5, 2)))
    midnight = utc("2024-05-01 14:03") * 60
    found = find_instances(
        [AroundEvent("a", "mindful", -60, 120)],
        clock,
        days,
        zones=SYDNEY,
        events=[Event("mindful", at, 600), Event("mindful", midnight, 600)],
        shared=True,
    )
    assert spans(found) == [
        (utc("2024-05-01 09:05"), utc("2024-05-01 12:05")),
        (utc("2024-05-01 13:00"), utc("2024-05-01 16:00")),
    ]
    # 00:03 local has a time of day, though its step begins at midnight.
    assert [one.reason for one in found] == [None, None]


@pytest.mark.parametrize(
    "segment",
    [
        DayPart("m", 361, 60, EVERY_DAY),
        DayPart("m", 360, 61, EVERY_DAY),
        Period("m", 7, in_days=False, from_day=0),
        AroundEvent("m", "mindful", -61, 60),
        AroundEvent("m", "mindful", -60, 62),
    ],
)
def test_of_everyone_no_edge_lies_between_two_steps(segment: DayPart | Period | AroundEvent) -> None:
    good = [DayPart("d", 360, 60, EVERY_DAY), Period("p", 1440, in_days=True, from_day=3)]
    check_shared([*good, AroundEvent("e", "mindful", -60, 120)])
    with pytest.raises(
        SegmentError, match=r"^Segment 'm' begins or ends between two steps of 5 min: .*--participant"
    ):
        check_shared([*good, segment])


@given(
    st.lists(
        st.tuples(st.integers(0, 287), st.integers(1, 60)).map(
            lambda part: DayPart(f"{part}", 5 * part[0], 5 * part[1], EVERY_DAY)
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(deadline=None, max_examples=40)
def test_no_chain_of_shared_segments_tells_a_single_minute(parts: list[DayPart]) -> None:
    check_shared(parts)
    clock = make_clock("Australia/Sydney", date(2024, 4, 6), date(2024, 4, 8))
    days = (to_day(date(2024, 4, 6)), to_day(date(2024, 4, 8)))
    found = find_instances(parts, clock, days, zones=SYDNEY, events=[], shared=True)
    edges = np.unique([edge for one in found for edge in (one.start_min, one.end_min)])
    assert np.all(np.diff(edges) >= 5)


def test_the_axis_has_room_for_the_longest_segment() -> None:
    long = Period("month", 30 * 1440, in_days=True, from_day=to_day(date(2020, 4, 1)))
    assert margin_days([long, AroundEvent("a", "b", -2880, 0)]) >= 31


# --- the file ----------------------------------------------------------------------------------

GOOD = """
day_parts:
  - name: morning
    start: 10:00
    length: 6 h
    on: [mon, Tue]
  - {name: day, start: "7:05", length: 1 day}
periods:
  - name: two days
    length: 2 days
    from: 2024-01-01
  - {name: half hour, length: 30min, from: 2024-01-01}
around_events:
  - name: practice
    event: mindful
    from: -60 min
    to: +2 h
"""


def test_a_file_names_segments_of_three_kinds() -> None:
    day = to_day(date(2024, 1, 1))
    assert read_segments(GOOD, file="s.yaml") == (
        DayPart("morning", 600, 360, frozenset({0, 1})),
        DayPart("day", 425, 1440, EVERY_DAY),
        Period("two days", 2880, in_days=True, from_day=day),
        Period("half hour", 30, in_days=False, from_day=day),
        AroundEvent("practice", "mindful", -60, 120),
    )


PART = "day_parts:\n  - name: m\n    start: 09:00\n    length: 6 h\n"


@pytest.mark.parametrize(
    ("text", "line", "key", "expected"),
    [
        (PART.replace("09:00", "25:00"), 3, "'start' cannot be '25:00'", "00:00 to 23:59"),
        (PART.replace("start", "strat"), 3, "'strat' is no key", "name, start, length, on"),
        (PART.replace("    length: 6 h\n", ""), 2, "no 'length'", "such as 30 min"),
        (PART.replace("6 h", "6 months"), 4, "'length' cannot be '6 months'", "2 days"),
        (PART.replace("6 h", "0 h"), 4, "'length' cannot be '0 h'", "up to 366 days"),
        (PART.replace("6 h", "9 days"), 2, "'m' is longer than a week", "7 days at most"),
        (PART + "    on: [mon, firday]\n", 5, "'on'", "mon, tue, wed"),
        (PART + "    on: mon\n", 5, "'on'", "a list of days"),
        (PART + "    start: 10:00\n", 5, "'start' is twice", "once"),
        (PART + PART.removeprefix("day_parts:\n"), 5, "two segments 'm'", "another name"),
        (
            PART.replace("day_parts", "dayparts"),
            1,
            "'dayparts' is no kind",
            "day_parts, periods, around_events",
        ),
        ("day_parts: 3\n", 1, "'day_parts' holds no list", "a list"),
        ("day_parts:\n  - morning\n", 2, "holds no keys", "name: morning"),
        ("[1, 2]\n", 1, "holds no keys", "name: morning"),
        (
            "periods:\n  - {name: m, length: 1 min, from: 2020-01-01}\n",
            2,
            "'m' is too short",
            "at least 5 min",
        ),
        (PART.replace("6 h", "4 min"), 2, "'m' is too short", "at least 5 min"),
        ("periods:\n  - {name: m, length: 1 day, from: 2020-13-01}\n", 2, "'from' cannot be", "2024-05-01"),
        (
            "around_events:\n  - {name: a, event: m, from: 1 h, to: 1 h}\n",
            2,
            "'a' ends before",
            "after 'from'",
        ),
        ("around_events:\n  - {name: a, event: m, from: 1, to: 1 h}\n", 2, "'from' cannot be '1'", "-60 min"),
        ("day_parts:\n  - name: [a\n", 3, "not YAML", "expected"),
    ],
)
def test_what_is_wrong_is_said_with_line_key_and_what_was_expected(
    text: str, line: int, key: str, expected: str
) -> None:
    with pytest.raises(SegmentError) as error:
        read_segments(text, file="s.yaml")
    told = str(error.value)
    assert told.startswith(f"s.yaml, line {line}")
    assert key in told
    assert expected in told
    assert "run again" in told
    assert "\n" not in told


@pytest.mark.parametrize("text", ["", "periods: []\n", "# nothing\n"])
def test_a_file_without_a_segment_is_told_what_may_stand_in_it(text: str) -> None:
    with pytest.raises(SegmentError, match=r"names no segment: give one or more of day_parts, periods"):
        read_segments(text, file="s.yaml")


@given(
    st.text(max_size=60) | st.lists(st.sampled_from(re.findall(r"\S+|\s+", GOOD)), max_size=30).map("".join)
)
@settings(deadline=None, max_examples=150)
def test_no_text_does_anything_but_be_read_or_be_explained(text: str) -> None:
    with suppress(SegmentError):
        assert read_segments(text, file="s.yaml")


def test_the_guide_shows_a_file_that_can_be_read_and_its_columns() -> None:
    guide = (ROOT / "docs" / "segments.md").read_text(encoding="utf-8")
    shown = re.search(r"```yaml\n(.+?)```", guide, re.DOTALL)
    assert shown
    assert {type(s) for s in read_segments(shown[1], file="guide")} == {DayPart, Period, AroundEvent}
    assert all(f"`{name}`" in guide for name in SCHEMA.names)


def test_the_page_of_features_lists_every_grain_and_every_feature_once() -> None:
    page = docs.features()
    headings = re.findall(r"^### (.+)$", page, re.MULTILINE)
    assert headings == [feature.feature for feature in catalog.FEATURES]
    anchors = {h.lower().replace(" ", "-") for h in re.findall(r"^##+ (.+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors
    segments = page.split("## Free segments", 1)[1]
    assert all(f"| {feature.name} | {feature.unit} |" in segments for feature in FEATURES)
