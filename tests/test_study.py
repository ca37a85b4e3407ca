"""The data-yield page: counts worked out by hand, nobody named, read by everybody, small."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from html import unescape
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import BROKEN_HEADS, watch
from build_weeks import table
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page
from study_rows import draw_study
from typer.testing import CliRunner

from cli.main import app
from reports import study
from reports.catalogue import load_language
from reports.read_study import PersonDay, Refused, Stream
from reports.study import Contrast, Device, Since, Stopped, Study, Weeks, summarise
from reports.study_page import draw_bars, draw_heat, draw_shades, render_study, write_study
from warehouse.commit import commit
from warehouse.errors import ExplainedError
from warehouse.staging import Staged, stage
from warehouse.store import open_warehouse

ENGLISH = load_language()
MONDAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 30)


def days_of(who: str, start: date, plan: str) -> list[PersonDay]:
    """A day a letter: V valid day and night, v valid day only, h valid and higher, - nothing came."""
    return [
        PersonDay(
            who,
            start + timedelta(days=k),
            sent=letter != "-",
            worn_min={"-": 0.0, "h": 600.0}.get(letter, 900.0),
            valid_day=letter in "Vvh",
            valid_night=letter in "Vh",
            level={"-": None, "h": "higher"}.get(letter, "usual"),
        )
        for k, letter in enumerate(plan)
    ]


def stream(
    who: str, sensor: str, first: date, last: date, *, device: str = "Charge 5", days: int = 10
) -> Stream:
    return Stream(who, sensor, "fitbit_takeout", device, days, first, last, 0.5)


def study_of(
    *records: list[PersonDay], streams: tuple[Stream, ...] = (), before: date = MONDAY + timedelta(days=28)
) -> Study:
    days = [day for record in records for day in record]
    return summarise(days, {}, streams, [], before=before, allowed=len(records), others=0)


# ---------------------------------------------------------------- counts


def test_people_stand_by_valid_days_and_equals_not_by_name() -> None:
    few, most = days_of("a", MONDAY, "V-V"), days_of("b", MONDAY, "VVV")
    alike = [days_of(f"p-{k}", MONDAY, "Vv") for k in range(6)]
    found = study_of(few, most, *alike)
    assert [one.valid_days for one in found.people] == [3] + [2] * 7
    first = found.people[0]
    assert (first.days, first.sent, first.valid_nights) == (3, 3, 3)
    records = {record[0].participant: record for record in (few, most, *alike)}
    order = study.order_people(records)
    assert order[:2] == ["b", "a"]
    assert order[2:] != sorted(order[2:])


def test_weeks_count_days_and_nights_and_the_first_day_has_no_night() -> None:
    # From a Wednesday: five days in the first week, of which one is not valid, and two in the next.
    one = days_of("a", MONDAY + timedelta(days=2), "VV-vVVV")
    two = days_of("b", MONDAY + timedelta(days=7), "VV")
    assert study_of(one, two).weeks == (
        Weeks(MONDAY, 1, 5, 4, 4, 2),
        Weeks(MONDAY + timedelta(days=7), 2, 4, 4, 3, 3),
    )


def test_who_began_lately_is_no_loss_and_who_stopped_is_one() -> None:
    stays, leaves = days_of("a", MONDAY, "V" * 28), days_of("b", MONDAY, "V" * 9 + "-" * 5)
    late = days_of("c", MONDAY + timedelta(days=14), "V" * 14)
    found = study_of(stays, leaves, late).since
    # b sent in its second week and no more; c has two whole weeks.
    assert found == (Since(0, 3, 3), Since(1, 3, 3), Since(2, 2, 1), Since(3, 2, 1))


def test_a_week_that_is_not_over_is_not_told() -> None:
    found = study_of(days_of("a", MONDAY, "V" * 9), before=MONDAY + timedelta(days=9))
    assert found.since == (Since(0, 1, 1),)


def test_attrition_ends_with_the_first_week_without_anybody() -> None:
    found = study_of(days_of("a", MONDAY, "V" * 5), before=MONDAY + timedelta(days=400))
    assert found.since == (Since(0, 1, 1), Since(1, 1, 0))


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.text("Vvh-", min_size=1, max_size=60)), min_size=1, max_size=6)
)
def test_every_day_is_in_one_week_and_nobody_comes_back(plans: list[tuple[int, str]]) -> None:
    records = [days_of(f"p{k}", MONDAY + timedelta(days=d), plan) for k, (d, plan) in enumerate(plans)]
    found = study_of(*records, before=MONDAY + timedelta(days=120))
    assert sum(week.days for week in found.weeks) == sum(len(plan) for _, plan in plans)
    assert sum(week.nights for week in found.weeks) == sum(len(plan) - 1 for _, plan in plans)
    assert sum(week.valid_days for week in found.weeks) == sum(
        len(plan.replace("-", "")) for _, plan in plans
    )
    for row, after in pairwise(found.since):
        assert after.people <= row.people
        assert after.sending <= row.sending <= row.people


def test_long_studies_have_wider_weeks_and_no_more_bars() -> None:
    found = study_of(days_of("a", MONDAY, "V" * 900), before=MONDAY + timedelta(days=900))
    assert found.step_weeks == 4
    assert len(found.weeks) <= study.MOST_BARS
    assert [row.weeks for row in found.since[:3]] == [0, 4, 8]
    assert sum(week.days for week in found.weeks) == 900


def test_sensors_cover_the_days_of_each_person() -> None:
    end = MONDAY + timedelta(days=9)
    half = MONDAY + timedelta(days=4)
    streams = (
        stream("a", "heart_rate", MONDAY, half, days=5),
        stream("a", "heart_rate", half + timedelta(days=1), end, device="Sense 2", days=4),
        stream("a", "steps", MONDAY, end, days=10),
        stream("b", "heart_rate", MONDAY, end, days=7),
        stream("b", "heart_rate", MONDAY, end, device="ring", days=6),
    )
    found = study_of(days_of("a", MONDAY, "V" * 10), days_of("b", MONDAY, "v" * 10), streams=streams)
    heart, steps = found.sensors
    # One device after the other adds up; side by side the better one counts.
    assert heart.shares == (0.9, 0.7)
    assert (heart.people, heart.usual_share, heart.minutes_share) == (2, 0.8, 0.5)
    assert (steps.shares, steps.people, steps.usual_share) == ((1.0, 0.0), 1, 1.0)
    assert [one.sensors for one in found.people] == [2, 1]
    assert found.changed_device == 2


def test_a_sensor_that_ends_two_weeks_before_the_others_has_stopped() -> None:
    end = MONDAY + timedelta(days=27)
    streams = (
        stream("a", "beat", MONDAY, end - timedelta(days=14)),
        stream("a", "heart_rate", MONDAY, end),
        stream("b", "beat", MONDAY, end - timedelta(days=13)),
        stream("b", "heart_rate", MONDAY, end),
    )
    found = study_of(days_of("a", MONDAY, "v" * 28), days_of("b", MONDAY, "V" * 28), streams=streams)
    assert found.stopped == (Stopped(2, "beat", 2),)


def test_a_device_is_named_only_where_three_people_have_it() -> None:
    end = MONDAY + timedelta(days=9)
    streams = [stream(who, "steps", MONDAY, end) for who in "abc"]
    streams += [stream("d", "steps", MONDAY, end, device="Anna's watch")]
    streams += [stream("e", "steps", MONDAY, end - timedelta(days=9), device="Bert's ring", days=1)]
    streams += [stream("e", "steps", MONDAY, end, device="unknown")]
    found = study_of(*(days_of(who, MONDAY, "V" * 10) for who in "abcde"), streams=tuple(streams))
    assert found.devices == (
        Device("fitbit_takeout", "Charge 5", 3, 3),
        Device("fitbit_takeout", "unknown", 1, 1),
        Device("fitbit_takeout", None, 2, 2),
    )
    page = render_study(found, ENGLISH)
    assert "Charge 5" in page
    assert "Anna" not in page
    assert "Bert" not in page


# ---------------------------------------------------------------- missing, and the index


def test_wear_is_compared_within_people_by_hand() -> None:
    # Each wears 15 h on usual days and 10 h on higher ones; the day after a higher one is a usual day.
    plan = "VhV" * 4
    found = study_of(*(days_of(f"p{k}", MONDAY, plan) for k in range(5)))
    assert (found.same_day.people, found.same_day.higher_days, found.same_day.usual_days) == (5, 20, 40)
    assert found.same_day.difference_h == pytest.approx(-5)
    assert found.same_day.differs
    # Usual days are followed by a higher one (10 h) 4 times and by a usual one (15 h) 3 times, the last by none.
    assert found.day_after.difference_h == pytest.approx(15 - (4 * 10 + 3 * 15) / 7)
    usual = next(row for row in found.levels if row.level == "usual")
    assert (usual.days, usual.people, usual.worn_h, usual.next_days) == (40, 5, 15.0, 35)
    assert usual.next_worn_h == pytest.approx((4 * 10 + 3 * 15) / 7)
    assert usual.next_night_share == 1.0


def test_few_people_or_days_are_not_compared() -> None:
    four = study_of(*(days_of(f"p{k}", MONDAY, "VhV" * 4) for k in range(4)))
    assert four.same_day == Contrast(4, 16, 32)
    assert not four.same_day.differs
    two_days = study_of(*(days_of(f"p{k}", MONDAY, "VhVhVVV") for k in range(6)))
    assert two_days.same_day == Contrast(0, 0, 0)
    assert "cannot be compared yet: 4 people have" in render_study(four, ENGLISH)


def test_a_planted_difference_is_told_and_none_is_not() -> None:
    planted, none = draw_study(60, less_h=2.5), draw_study(60, less_h=1e-9)
    assert planted.same_day.differs
    assert planted.same_day.difference_h == pytest.approx(-2.5, abs=0.3)
    assert planted.same_day.lo_h is not None
    assert planted.same_day.hi_h is not None
    assert planted.same_day.lo_h < -2.5 < planted.same_day.hi_h or planted.same_day.hi_h < -2
    assert not none.same_day.differs
    assert "not missing by chance" in render_study(planted, ENGLISH)
    assert "not missing by chance" not in render_study(none, ENGLISH)


def test_the_interval_of_nothing_leaves_nothing_out_nineteen_times_in_twenty() -> None:
    differs = [draw_study(12, seed, less_h=1e-9).same_day.differs for seed in range(60)]
    assert sum(differs) <= 8  # Of 60 at 5 %, more than 8 happens once in 100.


# ---------------------------------------------------------------- from the warehouse


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people of whom two allow research, one of them without data; one took it back."""
    folder = tmp_path_factory.mktemp("study")
    url = folder / "w.duckdb"
    people = ("p-allows", "p-silent", "p-withdrew")
    with stage(folder / "staging", "ingest", method_version="test") as staged:
        staged.add(
            "meta.participant",
            table("meta.participant", [{"participant": p, "timezone": "UTC"} for p in people]),
        )
        said = [(p, 1, True) for p in people] + [("p-withdrew", 2, False)]
        consent = [
            {"participant": p, "purpose": "research", "number": n, "granted": yes, "version": "1"}
            for p, n, yes in said
        ]
        staged.add("meta.consent", table("meta.consent", consent))
        files = [
            {
                "participant": p,
                "file_id": k,
                "source": "oura",
                "rows": 90,
                "refused": 10,
                "exported_utc": when,
            }
            for p in ("p-allows", "p-withdrew")
            for k, when in ((1, datetime(2026, 2, 5)), (2, datetime(2026, 3, 25)))
        ]
        # What they told is no record of a device: refused lines of it are nobody's but theirs.
        files.append(files[0] | {"file_id": 3, "source": "diary"})
        staged.add("meta.source_file", table("meta.source_file", files))
        vitals = [
            {"participant": p, "source": "oura", "device": "ring", "vital": "spo2", "offset_min": 120}
            # 23:30 UTC is the next day where these people live.
            | {"t_utc": datetime(2026, 3, 2, 23, 30), "value": 97.0, "unit": "%", "file_id": 1, "record": 0}
            for p in ("p-allows", "p-withdrew")
        ]
        staged.add("signal.vital", table("signal.vital", vitals))
    commit(url, [staged.folder], now=NOW)
    with stage(folder / "staging", "features", method_version="test") as staged:
        for p in ("p-allows", "p-withdrew"):
            add_days(staged, p)
    commit(url, [staged.folder], now=NOW)
    return url


def add_days(staged: Staged, who: str) -> None:
    """Four days: worn, worn, nothing, worn; a heart rate on the first two."""
    days = [MONDAY + timedelta(days=k) for k in range(4)]
    value = [
        {"participant": who, "day": day, "feature": feature, "value": v}
        for day, worn, valid, night in zip(days, (900, 840, 0, 700), (1, 1, 0, 1), (0, 1, 0, 0), strict=True)
        for feature, v in (("worn_min", worn), ("valid_day", valid), ("valid_night", night), ("steps", 7.0))
    ]
    hour = [
        {"participant": who, "day": day, "hour_utc": datetime(2026, 3, 1, 22) + timedelta(days=k, hours=h)}
        | {"offset_min": 120, "worn_min": 30.0 if h == 9 and k < 2 else 0.0}
        for k, day in enumerate(days)
        for h in range(24)
    ]
    given_min = [
        {"participant": who, "day": day, "sensor": "heart_rate", "source": "fitbit_takeout/Anna's watch/2"}
        | {"minutes": 1440, "yielded_min": 720, "valid_h": 12}
        for day in (days[0], days[3])
    ]
    for name, rows in (("feature.value", value), ("feature.hour", hour), ("feature.data_yield", given_min)):
        staged.add(name, table(name, rows))
    staged.replace(pa.table({"participant": [who] * 4, "day": days}))


def test_it_reads_who_allows_research_and_nobody_else(warehouse: Path) -> None:
    found = study.read(warehouse, before=date(2026, 3, 30))
    assert (len(found.people), found.silent, found.others) == (1, 1, 1)
    (one,) = found.people
    # Sent on the first and fourth day by heart rate, on the second by a vital of 01:30 local time.
    assert (one.days, one.sent, one.valid_days, one.valid_nights, one.sensors) == (4, 3, 3, 1, 2)
    # Two of four days with half of the hour from 09:00 local worn.
    assert found.hours[0] == tuple(0.25 if h == 9 else 0.0 for h in range(24))
    assert [(s.name, s.shares, s.minutes_share) for s in found.sensors] == [
        ("heart_rate", (0.5,), 0.5),
        ("vital", (0.25,), None),
    ]
    assert found.refused == (Refused("oura", 2, 180, 20, 90, 10),)


def test_days_from_the_asked_one_on_are_not_read(warehouse: Path) -> None:
    found = study.read(warehouse, before=MONDAY + timedelta(days=2))
    assert (found.people[0].days, found.people[0].sent, found.people[0].valid_nights) == (2, 2, 1)
    assert study.read(warehouse, before=MONDAY).people == ()


def test_a_tag_long_after_the_last_wear_is_no_day_of_the_record(warehouse: Path, tmp_path: Path) -> None:
    before = date(2027, 3, 1)
    plain = study.read(warehouse, before=before)
    told = tmp_path / "told.duckdb"
    shutil.copy(warehouse, told)
    with open_warehouse(told) as con:
        # Features make every day up to the one of the tag, and an hour of each: nothing worn, nothing valid.
        con.execute(
            "insert into feature.value by name"
            " select * exclude (k) replace (day + (30 * k)::integer as day, 0.0 as value)"
            " from feature.value, range(1, 12) as later (k) where value is not null"
        )
        con.execute(
            "insert into feature.hour by name"
            " select * exclude (k) replace (day + (30 * k)::integer as day, 0.0 as worn_min,"
            " hour_utc + to_days((30 * k)::integer) as hour_utc) from feature.hour, range(1, 12) as later (k)"
        )
    assert study.read(told, before=before) == plain
    assert sum(week.days for week in plain.weeks) == 4


def test_who_only_told_something_has_no_data_yet(warehouse: Path, tmp_path: Path) -> None:
    told = tmp_path / "told.duckdb"
    shutil.copy(warehouse, told)
    with open_warehouse(told) as con:
        con.execute(
            "insert into feature.value by name select * replace ('p-silent' as participant)"
            " from feature.value where participant = 'p-allows'"
        )
    found = study.read(told, before=date(2026, 3, 30))
    assert (len(found.people), found.silent) == (1, 1)


def test_a_record_ends_with_the_last_data_before_the_asked_day(warehouse: Path) -> None:
    # Of four days, the third has no data; what came on the fourth is not known before it.
    assert study.read(warehouse, before=MONDAY + timedelta(days=3)).people[0].days == 2


def test_a_device_with_a_slash_keeps_its_name(warehouse: Path) -> None:
    with open_warehouse(warehouse, read_only=True) as con:
        streams = study.read_study.read_streams(con, date(2026, 3, 30))
    assert [(s.source, s.device) for s in streams] == [("fitbit_takeout", "Anna's watch/2"), ("oura", "ring")]


def test_the_command_writes_the_page_whole_and_private(warehouse: Path, tmp_path: Path) -> None:
    environ = {"STEADYLINE_WAREHOUSE": str(warehouse), "STEADYLINE_VAR": str(tmp_path / "var")}
    path = tmp_path / "study.html"
    ran = CliRunner().invoke(app, ["status", "--study", str(path)], env=environ)
    assert ran.exit_code == 0, ran.output
    assert "people on it: 1; not on it, since they do not allow research: 1" in ran.output
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir() if p.name != "var"] == ["study.html"]
    for name in ("p-allows", "p-silent", "p-withdrew", "Anna", "spo2"):
        assert name not in page
    again = CliRunner().invoke(app, ["status", "--study", str(path)], env=environ)
    assert "is there already: name a new file" in str(again.exception)
    as_pdf = CliRunner().invoke(app, ["status", "--study", str(tmp_path / "study.pdf")], env=environ)
    assert "is a .html file, not 'study.pdf'" in str(as_pdf.exception)
    assert (path.read_text(encoding="utf-8"), (tmp_path / "study.pdf").exists()) == (page, False)


def test_what_is_no_place_for_a_page_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    found = study_of(days_of("a", MONDAY, "VV"))
    with pytest.raises(ExplainedError, match="is a folder: name a file"):
        write_study(found, tmp_path, ENGLISH)
    with pytest.raises(ExplainedError, match="There is no folder"):
        write_study(found, tmp_path / "nowhere" / "study.html", ENGLISH)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- the page


def test_shades_cover_each_share_once_and_neighbours_are_one() -> None:
    drawn = draw_shades([[0.0, 0.2, 0.2, 0.21, 1.0], [0.005, 0.01, 0.8, 0.81, 0.0]])
    assert (drawn.columns, drawn.rows) == (5, 2)
    assert drawn.paths == (
        "M1 0h2v.9h-2zM1 1h1v.9h-1z",
        "M3 0h1v.9h-1z",
        "",
        "M2 1h1v.9h-1z",
        "M4 0h1v.9h-1zM3 1h1v.9h-1z",
    )


def test_bars_are_parts_of_wholes() -> None:
    drawn = draw_bars([(2, 4), (0, 0), (3, 8)])
    assert (drawn.count, drawn.most) == (3, 8)
    assert drawn.whole == "M0.1 100v-50h0.8V100zM2.1 100v-100h0.8V100z"
    assert drawn.part == "M0.1 100v-25h0.8V100zM2.1 100v-37.5h0.8V100z"


def test_numbers_beside_the_heat_map_leave_each_other_room() -> None:
    for count in (1, 3, 20, 60, 100, 400):
        heat = draw_heat([[0.5] * 24] * count)
        places = [y for _, y in heat.people]
        assert heat.people[0][0] == 1
        assert all(b - a >= 12 for a, b in pairwise(places)), count
        assert heat.height <= max(460, 7 * count)


def test_a_hundred_people_fit_into_200_kb_and_equal_values_give_equal_bytes() -> None:
    page = render_study(draw_study(100), ENGLISH)
    assert len(page.encode()) <= 200_000
    assert page == render_study(draw_study(100), ENGLISH)
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page


def test_nobody_is_on_the_page_by_name() -> None:
    page = render_study(draw_study(30), ENGLISH)
    assert not re.search(r"p-\d{3}", page)


def test_differences_of_wear_are_told_as_longer_or_shorter() -> None:
    html = unescape(render_study(draw_study(40), ENGLISH))
    assert re.search(
        r"worn \d\.\d\d h shorter than on the same people's usual days \(95 % interval: \d\.\d\d h shorter to ",
        html,
    )
    assert "minus" not in html
    assert not re.search(
        "[−-]0", re.sub(r"<[^>]*>", " ", html.split("Missing, and")[1].split("Wear by level")[0])
    )


@pytest.mark.parametrize(("people", "says"), [(1, "Each bar is a week."), (2, "Each bar is 2 weeks.")])
def test_a_bar_is_said_to_be_what_it_is(people: int, says: str) -> None:
    made = replace(draw_study(12), step_weeks=people)
    html = render_study(made, ENGLISH)
    assert html.count(says) == 2
    assert "a week; the tallest" not in html


def test_an_empty_study_says_so() -> None:
    page = render_study(study_of(), ENGLISH)
    assert "nothing to show" in page
    assert "<table" not in page


def test_every_chart_has_its_numbers_in_a_table() -> None:
    found = draw_study(12)
    page = render_study(found, ENGLISH)
    rows = [re.split(r"<t[hd][^>]*>", line)[1:] for line in page.splitlines() if line.startswith("<tr>")]
    numbers = [[cell.split("<")[0] for cell in row] for row in rows]
    for k, (hours, one) in enumerate(zip(found.hours, found.people, strict=True), start=1):
        assert [str(k), *(f"{100 * share:.0f}" for share in hours)] in numbers
        own = [str(v) for v in (k, one.days, one.sent, one.valid_days, one.valid_nights, one.sensors)]
        assert any(row[:6] == own for row in numbers)
    for week in found.weeks:
        counts = (week.people, week.days, week.valid_days, week.nights, week.valid_nights)
        assert any(row[1:] == [str(count) for count in counts] for row in numbers)
    for row in found.since:
        assert [str(row.weeks), str(row.people), str(row.sending)] in [cells[:3] for cells in numbers]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with watch(browser, width=1200, height=900) as page:
        yield page


def show(page: Page, folder: Path, found: Study) -> None:
    path = folder / "study.html"
    write_study(found, path, ENGLISH)
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, tmp_path: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    show(page, tmp_path, draw_study(9))
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [320, 768, 1200])
@pytest.mark.parametrize("people", [1, 100])
def test_nothing_overflows(page: Page, tmp_path: Path, width: int, people: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    show(page, tmp_path, draw_study(people))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = page.eval_on_selector_all("summary", "es => es.map(e => e.getBoundingClientRect().height)")
    assert min(sizes) >= 24
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate(BROKEN_HEADS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_in_a_language_from_right_to_left_charts_are_mirrored(page: Page, tmp_path: Path) -> None:
    show(page, tmp_path, draw_study(5))
    page.evaluate("document.documentElement.dir = 'rtl'")
    turned = page.eval_on_selector_all(".bars .plot", "es => es.map(e => getComputedStyle(e).transform)")
    assert turned
    assert all(one.startswith("matrix(-1") for one in turned)


def test_every_value_of_a_study_is_on_the_page() -> None:
    template = (Path(study.__file__).parent / "templates" / "study.html.jinja").read_text(encoding="utf-8")
    drawn = {"hours", "same_day", "day_after", "before", "stopped"}
    for field in fields(Study):
        assert f"study.{field.name}" in template or field.name in drawn, field.name
    assert replace(draw_study(3), others=0) != draw_study(3)
