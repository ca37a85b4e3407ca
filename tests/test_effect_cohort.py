"""Synthetic people who tried something go down the whole road, and each gets the answer that was planted."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
from synthetic import make_effects

from cli import demo_effects
from cli.settings import Settings, read_settings
from warehouse.plans import read_plans
from warehouse.store import open_warehouse

ROLES = make_effects.EFFECT_ROLES
BEFORE = date(2025, 12, 22)


@dataclass(frozen=True)
class Road:
    """The cohort, what was found of each person by role, where it was taken, and what was printed."""

    printed: str
    settings: Settings
    people: Mapping[str, Any]
    compared: Mapping[str, demo_effects.Compared]

    def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        """Read the warehouse."""
        with open_warehouse(self.settings.warehouse, read_only=True) as con:
            return con.execute(sql, values).fetchall()


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    """Do what the second part of `make run` does."""
    var = tmp_path_factory.mktemp("effects") / "var"
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setenv("STEADYLINE_VAR", str(var))
        patch.setenv("COLUMNS", "200")
        assert demo_effects.main() == 0, printed.getvalue()
    settings = demo_effects.find_places(read_settings({"STEADYLINE_VAR": str(var)}))
    people = json.loads((settings.var / "cohort" / "truth.json").read_text())["people"]
    compared = demo_effects.compare(settings, people, BEFORE)
    return Road(
        printed.getvalue(),
        settings,
        {one["person"]["role"]: one["person"] for one in people},
        {one.role: one for one in compared},
    )


@pytest.mark.parametrize(
    ("role", "question", "verdict", "reason"),
    [
        ("calmer since the start", "since_start", "likely_lower", None),
        ("no difference", "since_start", "no_clear_change", None),
        ("higher since the start", "since_start", "likely_higher", None),
        ("drawn plan", "plan", "likely_lower", None),
        ("moved sessions", "after_sessions", "likely_lower", None),
        ("same weekday", "after_sessions", "cannot_tell", "same_weekday"),
        ("hard week", "since_start", "cannot_tell", "begun_on_hard_days"),
    ],
)
def test_each_person_gets_the_planted_answer(
    road: Road, role: str, question: str, verdict: str, reason: str | None
) -> None:
    one = road.compared[role]
    assert one.found is not None
    assert (one.found.question, one.found.verdict, one.found.reason) == (question, verdict, reason)
    assert one.is_right


def test_nobody_is_told_of_anything_else(road: Road) -> None:
    asked = road.rows("select distinct participant, event, app, question from model.effect order by all")
    planted = [
        (one.participant, *(one.planted[key] for key in ("event", "app", "question")))
        for one in road.compared.values()
    ]
    assert asked == sorted(planted)


def test_intervals_lie_where_the_effect_was_planted(road: Road) -> None:
    side = {
        role: 0 if one.found is None or one.found.lo is None else (one.found.lo > 0) - (one.found.hi < 0)
        for role, one in road.compared.items()
    }
    assert side == dict(zip(ROLES, (-1, 0, 1, -1, -1, 0, 0), strict=True))
    for role in ("same weekday", "hard week"):
        found = road.compared[role].found
        assert found is not None
        assert (found.effect, found.lo, found.hi) == (None, None, None), "no number where nothing can be told"


def test_a_plan_is_judged_by_what_could_have_been_drawn(road: Road) -> None:
    found = {role: one.found for role, one in road.compared.items() if one.found is not None}
    assert {role: one.method for role, one in found.items() if one.method == "randomisation"} == {
        "drawn plan": "randomisation"
    }
    person = road.people["drawn plan"]
    with open_warehouse(road.settings.warehouse, read_only=True) as con:
        (plan,) = read_plans(con, [person["participant"]])[person["participant"]]
    drawn = person["practices"][0]["plan"]
    assert "".join("01"[day] for day in plan.drawn) == "".join(map(str, drawn["drawn"]))
    assert plan.made_utc.date() < plan.first_day == date.fromisoformat(drawn["first_day"])
    assert found["drawn plan"].last == plan.last_day


@pytest.mark.parametrize("role", ROLES)
def test_diaries_and_calendars_come_in_as_they_were_lived(road: Road, role: str) -> None:
    person = road.people[role]
    (practice,) = person["practices"]
    sql = """select (t_utc + to_minutes(offset_min::bigint))::date, event, coalesce(app, '') from signal.event
             where participant = $participant order by 1"""
    assert road.rows(sql, participant=person["participant"]) == [
        (date.fromisoformat(day), practice["event"], practice["app"]) for day in practice["sessions"]
    ]


def test_the_table_shows_each_person_and_whether_the_answer_is_right(road: Road) -> None:
    rows = demo_effects.tabulate(list(road.compared.values()))
    assert [row["person"] for row in rows] == [one.participant for one in road.compared.values()]
    assert {row["right"] for row in rows} == {"yes"}
    shown = {row["planted"].partition(":")[0]: row for row in rows}
    assert shown["same weekday"]["answer"] == "cannot tell yet, same weekday"
    assert shown["same weekday"]["index points"] == ""
    assert shown["calmer since the start"]["index points"].startswith("-")
    assert all(row["person"] in road.printed for row in rows)
    assert sum("loading p-" in line for line in road.printed.splitlines()) == len(ROLES)
    pages = {page.parent.name for page in road.settings.reports.glob("*/2025-W51.html")}
    assert pages == {row["person"] for row in rows}


def test_another_answer_than_the_planted_one_is_shown_as_wrong(road: Road) -> None:
    one = road.compared["same weekday"]
    assert one.found is not None
    for found in (
        None,
        replace(one.found, verdict="likely_lower"),
        replace(one.found, reason="few_days_with"),
        replace(one.found, question="since_start"),
    ):
        wrong = replace(one, found=found)
        assert not wrong.is_right
        assert demo_effects.tabulate([wrong])[0]["right"] == "no"


def test_a_second_night_has_nothing_to_do(road: Road) -> None:
    before = "select count(*), sum(hash(e)) from model.effect e"
    found, runs = road.rows(before), road.rows("select count(*) from meta.run")
    demo_effects.run_night(road.settings, BEFORE, tell=lambda _: None)
    assert road.rows(before) == found
    assert road.rows("select count(*) from meta.run") == runs
