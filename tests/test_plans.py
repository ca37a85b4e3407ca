"""Plans: drawn and stored before they start, never changed, given up if a person likes; never about care."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from effect_people import load_events
from typer.testing import CliRunner, Result

from cli.habits import HABITS, judge_word
from cli.main import app
from cli.plan import list_coming, name_practice, next_monday, read_power, tell_new, tell_power
from models.effect.randomise import PLAN_DAYS, draw_plan
from warehouse.errors import ExplainedError
from warehouse.plans import (
    Draft,
    Plan,
    PlanError,
    check_noted,
    find_today,
    read_noted,
    read_plans,
    stop_plan,
    store_plan,
)
from warehouse.store import open_warehouse

NOW = datetime(2026, 3, 1, 12)
MONDAY = date(2026, 3, 2)
DRAWN = (True, True, False, False) * 21
DRAFT = Draft("mindful", "Headspace", "blocks_2", "index", 2**62 + 1, MONDAY, DRAWN)
Steadyline = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A warehouse with two people, far apart on earth; one of them moved."""
    path = tmp_path / "steadyline.duckdb"
    with open_warehouse(path) as con:
        for who, zone in (("p-a", "Europe/Berlin"), ("p-b", "Pacific/Kiritimati")):
            con.execute("insert into meta.participant values (?, ?, ?)", [who, zone, NOW])
        con.execute(
            "insert into meta.zone_segment values ('p-a', '1970-01-01', '2026-05-01', 'Europe/Berlin', 'given'),"
            " ('p-a', '2026-05-01', null, 'America/Los_Angeles', 'found')"
        )
    return path


def stored(warehouse: Path) -> dict[str, tuple[Plan, ...]]:
    with open_warehouse(warehouse, read_only=True) as con:
        return read_plans(con, ["p-a", "p-b", "p-nobody"])


def dues(warehouse: Path) -> list[tuple[object, ...]]:
    with open_warehouse(warehouse, read_only=True) as con:
        return con.execute("select participant, day, stage, reason from meta.due order by all").fetchall()


def test_a_plan_is_kept_as_it_was_drawn_and_its_first_day_is_due(warehouse: Path) -> None:
    kept = store_plan(warehouse, "p-a", DRAFT, now=NOW)
    assert kept == Plan(
        "p-a",
        1,
        "mindful",
        "Headspace",
        "blocks_2",
        "index",
        2**62 + 1,
        MONDAY,
        date(2026, 5, 24),  # 84 days, the first one included
        DRAWN,
        NOW,
    )
    assert stored(warehouse) == {"p-a": (kept,)}
    assert dues(warehouse) == [("p-a", MONDAY, "effects", "plan stored")]


def test_plans_are_numbered_a_person_and_about_different_things_may_run_together(warehouse: Path) -> None:
    for who in ("p-a", "p-b"):
        store_plan(warehouse, who, replace(DRAFT, first_day=date(2026, 3, 3)), now=NOW)
    store_plan(warehouse, "p-a", replace(DRAFT, app="Calm", first_day=date(2026, 3, 3)), now=NOW)
    store_plan(warehouse, "p-a", replace(DRAFT, first_day=date(2026, 5, 26)), now=NOW)  # the day after plan 1
    assert {who: [p.plan for p in plans] for who, plans in stored(warehouse).items()} == {
        "p-a": [1, 2, 3],
        "p-b": [1],
    }
    assert len(dues(warehouse)) == 3, "one due a person and day"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"first_day": date(2026, 3, 1)}, "2026-03-01 is not after today, 2026-03-01"),
        ({"first_day": date(2025, 3, 1)}, "2025-03-01 is not after today"),
        ({"first_day": date(2027, 3, 3)}, "begins within a year, and 2027-03-03 is further ahead"),
        ({"event": "therapy", "app": "BetterHelp"}, "chance has no say in therapy"),
        ({"event": "medicine"}, "chance has no say in medicine"),
        ({"event": "alcohol"}, "'alcohol' is not a practice"),
        ({"design": "blocks_3"}, "There is no design 'blocks-3': there are blocks-2, blocks-7, start"),
        ({"outcome": "mood"}, "A plan cannot be judged by 'mood': there are index, felt_stress"),
        ({"drawn": (True,) * 84}, "days with and days without"),
    ],
)
def test_what_is_no_plan_is_told_in_one_sentence_and_nothing_is_written(
    warehouse: Path, changes: dict[str, object], told: str
) -> None:
    with pytest.raises(PlanError, match=told):
        store_plan(warehouse, "p-a", replace(DRAFT, **changes), now=NOW)
    assert (stored(warehouse), dues(warehouse)) == ({}, [])


def test_today_is_the_persons_own_day(warehouse: Path) -> None:
    # At noon of 1 March in UTC it is 2 March on Kiritimati (UTC+14).
    with pytest.raises(PlanError, match="2026-03-02 is not after today, 2026-03-02"):
        store_plan(warehouse, "p-b", DRAFT, now=NOW)
    store_plan(warehouse, "p-a", DRAFT, now=NOW)
    # Half an hour before midnight in UTC it is the next day in Berlin, where p-a lives then.
    with pytest.raises(PlanError, match="2026-03-02 is not after today, 2026-03-02"):
        store_plan(warehouse, "p-a", DRAFT, now=datetime(2026, 3, 1, 23, 30))
    # Later p-a lives in Los Angeles, where at 5 in the morning of 2 June in UTC it is 1 June.
    store_plan(warehouse, "p-a", replace(DRAFT, first_day=date(2026, 6, 2)), now=datetime(2026, 6, 2, 5))


def test_nobody_unknown_gets_a_plan(warehouse: Path) -> None:
    with pytest.raises(PlanError, match="There is no participant p-c: 'steadyline status'"):
        store_plan(warehouse, "p-c", DRAFT, now=NOW)


@pytest.mark.parametrize(
    ("app", "first_day", "now", "told"),
    [
        ("Headspace", date(2026, 3, 9), NOW, "is drawn already, from 2026-03-02 to 2026-05-24"),
        ("Headspace", date(2026, 5, 24), datetime(2026, 3, 20), "never changed after its start"),
        ("", date(2026, 3, 9), NOW, "Plan 1 about Headspace"),
    ],
)
def test_a_plan_that_holds_is_not_drawn_anew(
    warehouse: Path, app: str, first_day: date, now: datetime, told: str
) -> None:
    kept = store_plan(warehouse, "p-a", DRAFT, now=NOW)
    with pytest.raises(PlanError, match=told):
        store_plan(warehouse, "p-a", replace(DRAFT, app=app, first_day=first_day, seed=2), now=now)
    assert stored(warehouse) == {"p-a": (kept,)}


def test_a_plan_that_was_given_up_stays_and_another_may_follow(warehouse: Path) -> None:
    kept = store_plan(warehouse, "p-a", DRAFT, now=NOW)
    later = datetime(2026, 3, 20, 12)
    stopped = stop_plan(warehouse, "p-a", 1, date(2026, 3, 20), now=later)
    assert stopped == replace(kept, stopped_day=date(2026, 3, 20))
    assert dues(warehouse) == [("p-a", MONDAY, "effects", "plan stored")]
    again = store_plan(warehouse, "p-a", replace(DRAFT, first_day=date(2026, 3, 21)), now=later)
    assert stored(warehouse) == {"p-a": (stopped, again)}
    assert again.plan == 2


def test_a_plan_may_not_end_on_the_day_on_which_another_begins(warehouse: Path) -> None:
    kept = store_plan(warehouse, "p-a", replace(DRAFT, first_day=date(2026, 5, 24)), now=NOW)
    with pytest.raises(PlanError, match="Plan 1 about Headspace is drawn already, from 2026-05-24"):
        store_plan(warehouse, "p-a", DRAFT, now=NOW)
    assert stored(warehouse) == {"p-a": (kept,)}


def test_the_plan_that_is_named_is_given_up(warehouse: Path) -> None:
    first = store_plan(warehouse, "p-a", DRAFT, now=NOW)
    second = store_plan(warehouse, "p-a", replace(DRAFT, app="Calm"), now=NOW)
    stopped = stop_plan(warehouse, "p-a", 2, date(2026, 3, 1), now=NOW)
    assert stopped == replace(second, stopped_day=date(2026, 3, 1))
    assert stored(warehouse) == {"p-a": (first, stopped)}


def test_giving_up_makes_the_person_due_again(warehouse: Path) -> None:
    store_plan(warehouse, "p-a", DRAFT, now=NOW)
    with open_warehouse(warehouse) as con:
        con.execute("delete from meta.due")
    stop_plan(warehouse, "p-a", 1, date(2026, 3, 1), now=NOW)
    assert dues(warehouse) == [("p-a", MONDAY, "effects", "plan given up")]


@pytest.mark.parametrize(
    ("number", "day", "now", "told"),
    [
        (2, date(2026, 3, 20), datetime(2026, 3, 20, 12), "p-a has no plan 2: there are 1"),
        (1, date(2026, 3, 22), datetime(2026, 3, 20, 12), "2026-03-22 is after 2026-03-20"),
        (1, date(2026, 5, 25), datetime(2026, 5, 26), "Plan 1 was over on 2026-05-24"),
    ],
)
def test_what_cannot_be_given_up_is_told(
    warehouse: Path, number: int, day: date, now: datetime, told: str
) -> None:
    kept = store_plan(warehouse, "p-a", DRAFT, now=NOW)
    with pytest.raises(PlanError, match=told):
        stop_plan(warehouse, "p-a", number, day, now=now)
    assert stored(warehouse) == {"p-a": (kept,)}


def test_a_plan_is_given_up_once(warehouse: Path) -> None:
    store_plan(warehouse, "p-a", DRAFT, now=NOW)
    stop_plan(warehouse, "p-a", 1, date(2026, 3, 1), now=NOW)
    with pytest.raises(PlanError, match="given up on 2026-03-01 already"):
        stop_plan(warehouse, "p-a", 1, date(2026, 3, 1), now=NOW)


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Headspace", ("mindful", "Headspace")),
        ("calm", ("mindful", "Calm")),
        ("practice", ("mindful", "")),
        ("Insight Timer", ("mindful", "Insight Timer")),
        ("Walk", ("walk", "")),
    ],
)
def test_a_practice_is_known_by_its_name(word: str, meant: tuple[str, str]) -> None:
    assert name_practice(word) == meant


@pytest.mark.parametrize(
    "word",
    ["therapy", "BetterHelp", "CBT", "physiotherapy", "chemo", "medicine", "meds", "sertraline", "Lithium",
     "pills", "bisoprolol", "levothyroxine", "insulin", "hydrocodone"],
)  # fmt: skip
def test_no_therapy_and_no_medicine_is_ever_drawn(word: str) -> None:
    with pytest.raises(PlanError, match="chance has no say"):
        name_practice(word)


OFFERED_ONCE = """
    xanax zoloft prozac lexapro valium ritalin adderall concerta quetiapine seroquel lamotrigine abilify wellbutrin
    warfarin gabapentin ventolin semaglutide ozempic ibuprofen aspirin antibiotika cpap psychoanalysis ativan therpay
"""
PRESCRIBED = """
    omeprazole atorvastatin metoprolol candesartan lisinopril amlodipine apixaban empagliflozin sitagliptin
    doxycycline ciprofloxacin montelukast prednisolone amitriptyline escitalopram pregabalin zolpidem zopiclone
    tirzepatide levodopa tamsulosin sildenafil erenumab aciclovir celecoxib haloperidol glimepiride furosemide
    spironolactone estradiol ondansetron clonidine modafinil naloxone memantine verapamil colchicine Metformin
    PREGABALIN zoloft-50 my-zoloft zoloft50 the-pill thérapie terapia medikament melatonin magnesium cannabis fasting
    adderal xanex prosac therapie counceling medicaton mediation
"""


@pytest.mark.parametrize("word", (OFFERED_ONCE + PRESCRIBED).split())
def test_no_medicine_by_any_name_goes_even_if_somebody_calls_it_a_habit(word: str) -> None:
    for is_habit in (False, True):
        with pytest.raises(PlanError, match="chance has no say"):
            name_practice(word, is_habit=is_habit)


@pytest.mark.parametrize(
    ("word", "meant"),
    [("therpay", "therapy"), ("mediation", "meditation or medication"), ("adderal", "adderall")],
)
def test_a_word_spelled_much_like_care_is_asked_about(word: str, meant: str) -> None:
    with pytest.raises(PlanError, match=f"Did you mean {meant}\\?$"):
        name_practice(word, is_habit=True)


@pytest.mark.parametrize("word", sorted(HABITS))
def test_what_is_known_as_a_habit_is_nothing_that_looks_like_care(word: str) -> None:
    assert judge_word(word) == "habit"
    assert name_practice(word)[0] in ("mindful", word)


@pytest.mark.parametrize("word", ["late-screens", "morning-walk", "no-coffee", "Tai-Chi", "Evening-Walk"])
def test_a_habit_may_say_when_and_how(word: str) -> None:
    assert name_practice(word) == (word.casefold(), "")


@pytest.mark.parametrize(
    "word", ["karate", "podcasts", "breakfast", "dishes", "pillow", "magazine", "alpine"]
)
def test_a_word_that_nobody_knows_goes_only_if_the_person_says_that_it_is_a_habit(word: str) -> None:
    with pytest.raises(PlanError, match=f"'{word}' is not among the practices .* --it-is-a-habit"):
        name_practice(word)
    assert name_practice(word, is_habit=True) == (word, "")


def test_what_a_person_noted_as_care_is_not_drawn_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    load_events(path, "p-c", [("medicine", "Blorp", 1), ("medicine", "Blorp", 2), ("walk", "", 3)])
    load_events(path, "p-d", [("therapy", "", 1)])
    with open_warehouse(path, read_only=True) as con:
        assert read_noted(con, "p-c") == {("medicine", "Blorp"), ("walk", "")}
        assert read_noted(con, "p-nobody") == frozenset()
    with pytest.raises(PlanError, match="no say in Blorp, which was noted as medicine"):
        store_plan(path, "p-c", replace(DRAFT, event="blorp", app=""), now=NOW)
    store_plan(path, "p-c", replace(DRAFT, event="walk", app=""), now=NOW)
    store_plan(path, "p-d", replace(DRAFT, event="blorp", app=""), now=NOW)
    with pytest.raises(PlanError, match="no say in Calm, which was noted as therapy"):
        check_noted({("therapy", "Calm"), ("mindful", "Headspace")}, "mindful", "Calm")
    offered = run_plan(path, "p-c", "--event", "blorp", "--it-is-a-habit")
    assert "no say in Blorp" in str(offered.exception)
    assert run_plan(path, "p-d", "--event", "blorp", "--it-is-a-habit").exit_code == 0


def run_plan(warehouse: Path, who: str, *words: str) -> Result:
    """Run the command in this process."""
    environ = {"STEADYLINE_WAREHOUSE": str(warehouse), "STEADYLINE_VAR": str(warehouse.parent)}
    return CliRunner().invoke(app, ["plan", "--participant", who, *words], env=environ)


def test_a_name_that_was_never_noted_is_told_with_what_was_noted_so_or_nearly() -> None:
    noted = {("mindful", "Headspace"), ("late-screens", "")}
    assert tell_new("headspace", noted) == tell_new("late-screens", noted) == []
    assert tell_new("walk", noted) == ["walk was never noted so far: note it by that name when you do it."]
    (line,) = tell_new("screens", noted)
    assert line.endswith("You noted late-screens: is that what you mean?")


@pytest.mark.parametrize("word", ["wine", "flu", "flight", "period", "cold shower", ""])
def test_what_is_no_practice_is_refused(word: str) -> None:
    with pytest.raises(PlanError, match="practice"):
        name_practice(word)


def test_a_plan_begins_on_the_next_monday() -> None:
    days = [date(2026, 3, 1) + timedelta(days=k) for k in range(9)]  # from a Sunday on
    assert [next_monday(day) for day in days] == [date(2026, 3, 2)] + [date(2026, 3, 9)] * 7 + [
        date(2026, 3, 16)
    ]


def test_the_coming_days_are_those_of_the_draw() -> None:
    plan = Plan("p-a", 1, "mindful", "Calm", "blocks_2", "index", 1, MONDAY, date(2026, 5, 24), DRAWN, NOW)
    eve = list_coming(plan, date(2026, 3, 1))
    assert [row["day"] for row in eve] == [MONDAY + timedelta(days=k) for k in range(7)]
    assert [row["plan"] for row in eve] == [
        f"{word} Calm" for word in ("with", "with", "without", "without", "with", "with", "without")
    ]
    assert eve[0]["weekday"] == "Monday"
    last = list_coming(plan, date(2026, 5, 24))
    assert [(row["day"], row["plan"]) for row in last] == [(date(2026, 5, 24), "without Calm")]
    assert list_coming(plan, date(2026, 5, 25)) == []
    assert list_coming(replace(plan, stopped_day=date(2026, 3, 1)), MONDAY) == []


def test_an_offer_says_what_simulated_plans_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = {"0.3": {"none": {"right": 0.0}, "0.5": {"right": 0.614}, "1": {"right": 0.996}}}
    figures = tmp_path / "effects.json"
    figures.write_text(json.dumps({"paths": {"blocks_2": found}}))
    monkeypatch.setattr("cli.plan.FIGURES", figures)
    assert tell_power(read_power("blocks_2")) == [
        "If days with it differ by half your usual ups and downs, about 61 plans in 100 find it.",
        "If days with it differ by as much as your usual ups and downs, about 99 plans in 100 find it.",
    ]
    figures.unlink()
    assert tell_power(read_power("blocks_2")) == []


# ---------------------------------------------------------------- command


def test_the_command_offers_draws_lists_and_gives_up(warehouse: Path, steadyline: Steadyline) -> None:
    var = warehouse.parent

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return steadyline("plan", "--participant", "p-a", *words, var=var)

    offered = run("--event", "Headspace")
    assert offered.returncode == 0, offered.stderr
    assert "A plan for Headspace: 84 days" in offered.stdout
    assert "Add --store" in offered.stdout
    assert stored(warehouse) == {}, "an offer keeps nothing"

    drawn = run("--event", "Headspace", "--design", "blocks-7", "--store", "--json")
    assert drawn.returncode == 0, drawn.stderr
    (kept,) = stored(warehouse)["p-a"]
    said = json.loads(drawn.stdout)
    assert said["drawn"] == "".join("01"[day] for day in kept.drawn)
    assert kept.drawn == tuple(draw_plan("blocks_7", kept.seed) == 1), "anybody can draw it again"
    assert (len(kept.drawn), kept.first_day.weekday()) == (PLAN_DAYS, 0)
    with open_warehouse(warehouse, read_only=True) as con:
        assert kept.first_day > find_today(con, "p-a", kept.made_utc)

    twice = run("--event", "headspace", "--store")
    assert (twice.returncode, twice.stdout) == (1, "")
    assert "Plan 1 about Headspace is drawn already" in twice.stderr

    listed = json.loads(run("--json").stdout)
    assert [row["state"] for row in listed] == ["to come"]
    given_up = run("--stop", "1")
    assert "That is fine." in given_up.stdout
    assert "cannot be told" in given_up.stdout
    assert stored(warehouse)["p-a"][0].stopped_day is not None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--event", "sertraline", "--store"], "chance has no say in medicine"),
        (["--event", "zoloft"], "chance has no say in medicine or therapy, as 'zoloft' is or may be"),
        (["--event", "zoloft", "--it-is-a-habit", "--store"], "chance has no say in medicine"),
        (["--event", "therpay"], "Did you mean therapy?"),
        (["--event", "headspase", "--store"], "Did you mean Headspace?"),
        (["--event", "blorp", "--store"], "say so with --it-is-a-habit"),
        (["--event", "Headspace", "--from", "2020-01-01"], "2020-01-01 is not after today"),
        (["--event", "Headspace", "--from", "9999-12-30"], "begins within a year, and 9999-12-30"),
        (["--event", "Headspace", "--from", "2036-11-25", "--store"], "begins within a year"),
        (["--store"], "--store needs --event NAME"),
        (["--stop", "1", "--store", "--event", "walk"], "goes without --stop"),
        (
            ["--event", "Headspace", "--design", "blocks-5"],
            "There is no design 'blocks-5': there are blocks-2, blocks-7, start.",
        ),
        (["--stop", "1"], "p-a has no plan 1: there are none"),
    ],
)
def test_the_command_explains_what_it_does_not_do(warehouse: Path, words: list[str], told: str) -> None:
    ran = run_plan(warehouse, "p-a", *words)
    assert isinstance(ran.exception, ExplainedError)
    assert told in str(ran.exception)
    assert len(str(ran.exception).splitlines()) == 1
    assert (ran.output, stored(warehouse)) == ("", {})


def test_an_offer_says_what_was_never_noted(warehouse: Path) -> None:
    offered = run_plan(warehouse, "p-a", "--event", "walk")
    assert offered.output.endswith("walk was never noted so far: note it by that name when you do it.\n")
