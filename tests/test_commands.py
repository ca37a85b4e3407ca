"""What commands answer: what was typed wrong is one sentence, what was done is told as it is, numbers can be reused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from build_weeks import HEAVY_WEEK, MONDAY, NOW, fill
from typer.testing import CliRunner, Result

from cli.diary import say_span, tell_own_word
from cli.look import print_table, show_exact
from cli.main import app
from cli.nightly import day_or_today, utc_now
from warehouse.errors import ExplainedError
from warehouse.preferences import write_preferences
from warehouse.store import open_warehouse

WHO = ["--participant", "p-heavy"]
AFTER = ["--date", (MONDAY + timedelta(days=7)).isoformat()]
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of one person with a heavy week and the weeks before it."""
    folder = tmp_path_factory.mktemp("commands")
    fill(folder / "w.duckdb", folder / "staging", {"p-heavy": HEAVY_WEEK})
    with open_warehouse(folder / "w.duckdb") as con:
        con.execute("insert into meta.participant values ('p-heavy', 'Europe/Berlin', ?)", [NOW])
        con.execute(
            "insert into meta.zone_segment values ('p-heavy', '1970-01-01', null, 'Europe/Berlin', 'given')"
        )
    return folder / "w.duckdb"


@pytest.fixture
def run(filled: Path, tmp_path: Path) -> Run:
    """Run a command in this process, on a copy of the warehouse."""
    copy = tmp_path / "w.duckdb"
    shutil.copy(filled, copy)

    def invoke(*words: object) -> Result:
        environ = {"STEADYLINE_WAREHOUSE": str(copy), "STEADYLINE_VAR": str(tmp_path / "var")}
        return CliRunner().invoke(app, [str(word) for word in words], env=environ)

    return invoke


def explained(result: Result) -> str:
    """The one sentence that a command ended with."""
    assert isinstance(result.exception, ExplainedError), (result.output, result.exception)
    assert len(str(result.exception).splitlines()) == 1
    assert result.output == ""
    return str(result.exception)


# ---------------------------------------------------------------- week and sheet


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--of", MONDAY + timedelta(days=8)], "is not over on 2020-07-20: ask for a day before 2020-07-20"),
        (["--of", "2018-01-01"], "Nothing was recorded in the week of 2018-01-01: ask for a day of the record"),
        (["--participant", "p-zzz"], "There is no participant p-zzz: 'steadyline status' lists those there are."),
    ],
)  # fmt: skip
def test_a_week_that_cannot_be_written_says_why(
    run: Run, tmp_path: Path, words: list[str], said: str
) -> None:
    assert said in explained(run("week", *words, *AFTER))
    assert not (tmp_path / "var" / "reports").exists()


def test_a_folder_that_cannot_be_written_is_explained(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told = explained(run("week", "--out", tmp_path / "file" / "pages", *AFTER))
    assert told.startswith(f"Could not write {tmp_path / 'file' / 'pages' / 'p-heavy' / '2020-W29.html'} (")
    assert "nothing was left behind" in told
    missing = tmp_path / "missing"
    assert explained(run("sheet", *WHO, "--out", missing / "x.html", *AFTER)) == (
        f"There is no folder {missing}: make it, or name another file."
    )
    assert not missing.exists()


def test_a_browser_that_may_not_write_is_explained(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("cli.sheet.print_pdf", closed)
    told = explained(run("sheet", *WHO, "--out", tmp_path / "x.pdf", *AFTER))
    assert told.startswith(f"Could not write {tmp_path / 'x.pdf'} (Permission denied): nothing was left")


def test_who_got_no_page_for_a_reason_is_not_told_that_there_are_no_data(run: Run, tmp_path: Path) -> None:
    write_preferences(tmp_path / "w.duckdb", "p-heavy", {"pause": "yes"}, now=NOW)
    done = run("week", *AFTER)
    assert done.exit_code == 0
    assert done.output == "p-heavy: paused by their own setting; nothing was written\n"
    early = run("week", "--date", "2019-01-01")
    assert early.output == "no week to write: there is no complete week with data yet\n"


@pytest.mark.parametrize(
    "words", [["nightly"], ["week"], ["effect", *WHO], ["sheet", *WHO, "--out", "x.html"]], ids=lambda w: w[0]
)
def test_days_that_are_not_lived_yet_are_refused(run: Run, words: list[str]) -> None:
    later = utc_now().date() + timedelta(days=2)
    assert explained(run(*words, "--date", later)).startswith(f"{later} is still to come: name ")


def test_tomorrow_is_somebodys_today() -> None:
    tomorrow = utc_now().replace(hour=0, minute=0, second=0) + timedelta(days=1)
    assert day_or_today(tomorrow) == tomorrow.date()


# ---------------------------------------------------------------- load


def test_what_no_source_knows_is_not_told_as_known_or_loaded(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    told = run("load", *WHO, tmp_path / "notes.txt")
    assert told.exit_code == 1
    assert "rows read: none, since no source knows what is here" in told.output
    assert told.output.endswith("nothing was loaded for p-heavy\n")
    assert "known\n" not in told.output


def test_a_diary_without_dates_is_told_what_it_lacks(run: Run, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("event,app\ntherapy,BetterHelp\n")
    told = run("load", *WHO, tmp_path / "events.csv").output
    assert "a table of a diary needs the columns date and event, or date, scale and value" in told
    (tmp_path / "notes.txt").write_text("hello")
    assert "a table of a diary" not in run("load", *WHO, tmp_path / "notes.txt").output


def test_no_vendor_is_named_for_what_a_person_wrote(run: Run, tmp_path: Path) -> None:
    diary = tmp_path / "events.csv"
    diary.write_text("date,time,event\n2020-07-14,18:00,therapy\n,18:00,therapy\n")
    told = run("load", *WHO, diary).output
    assert "WARNING: 1 of 2 records for signal.event were refused: look at meta.rejected for why" in told
    assert "the vendor may have changed" not in told
    assert told.endswith("loaded for p-heavy\n")
    again = run("load", *WHO, diary).output
    assert "rows read: none, all of it was known" in again
    assert again.endswith("loaded for p-heavy; nothing was new\n")


# ---------------------------------------------------------------- tag


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [
        ("2020-07-14 18:00", "18:50", "2020-07-14 18:00 to 2020-07-14 18:50, 50 min"),
        ("2020-07-14 18:00", "02:30", "2020-07-14 18:00 to 2020-07-15 02:30, 8 h 30 min"),
        ("2020-07-14 18:00", "2020-07-15 17:00", "2020-07-14 18:00 to 2020-07-15 17:00, 23 h"),
        ("2020-07-14", "2020-07-15", "2020-07-14 00:00 to 2020-07-16 00:00, 48 h"),
        # The clocks of Berlin went forward that night: a time of day is that of the wall.
        ("2020-03-28 22:00", "2020-03-29 06:00", "2020-03-28 22:00 to 2020-03-29 06:00, 7 h"),
        ("2020-07-14 18:00+05:30", "18:45", "2020-07-14 18:00 to 2020-07-14 18:45, 45 min"),
        ("2020-07-14 10:00Z", "12:50", "2020-07-14 12:00 to 2020-07-14 12:50, 50 min"),
    ],
)
def test_a_tag_says_from_when_to_when_it_was_understood(run: Run, start: str, end: str, span: str) -> None:
    done = run("tag", "therapy", *WHO, "--from", start, "--to", end)
    assert done.exit_code == 0, done.exception
    assert f"({span}); the next night takes it in" in done.output


@pytest.mark.parametrize(("event", "kept"), [("therapy", False), ("practice", False), ("ill", True)])
def test_no_session_lasts_a_day_because_of_a_slip(run: Run, tmp_path: Path, event: str, kept: bool) -> None:
    done = run("tag", event, *WHO, "--from", "2020-07-14 18:00", "--to", "17:00")
    waiting = list((tmp_path / "var" / "inbox").glob("*/*.csv"))
    if kept:
        assert (len(waiting), done.exit_code) == (1, 0)
    else:
        assert "2020-07-14 18:00 to 2020-07-15 17:00, 23 h" in explained(done)
        assert waiting == []


def test_a_word_that_looks_like_a_known_one_is_asked_about() -> None:
    assert tell_own_word({"event": "therpay"}) == [
        "'therpay' is kept as a word of your own; did you mean therapy?"
    ]
    assert "'tag medicine --app zoloft'" in tell_own_word({"event": "zoloft"})[0]
    for word in ("therapy", "mindful", "walk", "karate"):
        assert tell_own_word({"event": word}) == []
    assert tell_own_word({"scale": "felt_stress"}) == []


def test_a_span_of_no_time_is_said() -> None:
    noon = utc_now()
    assert say_span((noon, noon)).endswith(", 0 min")


# ---------------------------------------------------------------- numbers in the terminal


def test_sql_prints_numbers_that_another_program_can_read(run: Run) -> None:
    query = "select 2025 as year, 1e-5::double as p, 1234567890123 as id, 0.1234567::double as d, null as n"
    lines = run("sql", query).output.splitlines()
    assert [cell.strip() for cell in lines[2].split("│")] == [
        "2025",
        "1e-05",
        "1234567890123",
        "0.123457",
        "",
    ]
    assert [show_exact(value) for value in (True, date(2020, 7, 13), -7, float("inf"))] == [
        "yes", "2020-07-13", "-7", "inf",
    ]  # fmt: skip


def test_a_table_is_as_wide_in_a_pipe_as_it_needs_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    long = "word " * 60
    print_table(
        "a title that is longer than the table", [{"n": 1234, "what": long}, {"n": 5, "what": "x"}], empty=""
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a title that is longer than the table"
    assert lines[3] == f"1,234 │ {long.strip()}"
    assert lines[4] == "    5 │ x", "a cell is padded on the right"
    assert lines[5:] == [""]


def test_consent_is_a_paragraph_a_purpose(run: Run) -> None:
    done = run("consent", *WHO)
    assert done.exit_code == 0, done.exception
    for name in ("pages", "research", "raw", "mail"):
        assert f"\n\n{name}: " in done.output
    assert "research: not allowed (nothing was said, so it is off)\n  " in done.output
    assert len(done.output.splitlines()) < 35
    said = run("consent", *WHO, "research=yes").output
    assert f"research: allowed since {utc_now():%Y-%m-%d}, by text 1 (as it was said)" in said
