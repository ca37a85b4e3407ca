"""Verdicts as they are stored: on which Mondays, the same however they came about, and in whose units."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from effect_people import (
    EFFECTS,
    FEATURES,
    FIRST,
    P,
    day_of,
    draw_body,
    effect_hashes,
    feature_rows,
    judge_due,
    load_events,
    put_features,
    verdicts,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from score_rows import NOW, ask

import models.effect.judge as verb
from models.effect.judge import answer_now, judge_mondays, list_mondays, next_monday
from models.effect.judge import ask as ask_person
from models.effect.outcomes import Record
from models.effect.question import OUTCOMES, Answer, Estimate, Question
from models.effect.questions import Noted, make_life
from models.effect.randomise import draw_plan
from models.effect.read import REACH_DAYS, Person
from models.effect.rows import BAND_SD, Told, lay_days, lay_row
from warehouse.commit import commit
from warehouse.errors import ExplainedError
from warehouse.plans import Draft, stop_plan, store_plan
from warehouse.store import open_warehouse

ZERO = (FIRST - date(1970, 1, 1)).days
NAMES = ("rhr_night", "ahr_day")
START = 63
DAYS = 125
PRACTICE = [("mindful", "Headspace", d) for d in range(START, DAYS) if d % 2]


def put_person(warehouse: Path, who: str, step: float = -1.0, days: int = DAYS) -> None:
    put_features(warehouse, feature_rows(who, draw_body(days, {START: step}), names=NAMES))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One who began with Headspace and was calmer from then on, judged at once."""
    warehouse = tmp_path_factory.mktemp("judged") / "w.duckdb"
    load_events(warehouse, "p-one", PRACTICE)
    put_person(warehouse, "p-one")
    judge_due(warehouse, ["p-one"], DAYS)
    return warehouse


# Which Mondays


def test_a_row_stands_where_something_is_new_and_nowhere_else(judged: Path) -> None:
    # Begun on a Monday: three weeks later it is told early, then with each week, then for good with six.
    assert verdicts(judged) == [(day, "since_start", "likely_lower", None) for day in (84, 91, 98, 105)]
    assert ask(
        judged, "select early, count(*) from model.effect where primary_outcome group by 1 order by 1"
    ) == [
        (False, 1),
        (True, 3),
    ]
    assert ask(judged, "select distinct start_day, first_day from model.effect where reason is null") == [
        (day_of(START), day_of(0))
    ]
    lasts = ask(judged, "select distinct day - last_day from model.effect order by 1")
    assert lasts == [(1,)], "a Monday is judged with the days up to the Sunday before it"


def test_each_row_has_all_outcomes_one_of_them_primary_and_the_days_of_that_one(judged: Path) -> None:
    told = ask(
        judged, "select outcome, primary_outcome, verdict, reason from model.effect where day = '2024-04-15'"
    )
    assert sorted(told) == [
        ("felt_stress", False, "cannot_tell", "no_outcome"),
        ("index", True, "likely_lower", None),
        ("ln_rmssd", False, "cannot_tell", "no_outcome"),
        ("tst_min", False, "likely_higher", None),
    ]
    days = ask(
        judged,
        "select min(date), max(date), count(*), count(*) filter (with_it) from model.effect_day"
        " where day = '2024-04-15'",
    )
    assert days == [(day_of(0), day_of(START + 41), START + 42, 42)]


def test_the_index_is_told_in_its_own_points_and_everything_else_as_it_is(judged: Path) -> None:
    rows = ask(
        judged,
        "select e.effect, e.effect_sd, e.lo, e.hi, e.p_value, e.q_value from model.effect e"
        " where day = '2024-04-15' and outcome in ('index', 'tst_min') order by outcome",
    )
    (points, points_sd, lo, hi, p, q), (minutes, minutes_sd, *_, p_sleep, q_sleep) = rows
    assert -60 < points < -20
    assert lo < points < hi < 0
    assert points_sd < -0.8
    assert q is None
    assert p < 0.01
    # Sleep was made to go with it: 20 min to an SD.
    assert 5 < minutes < 35
    assert minutes_sd > 0.3
    assert q_sleep == pytest.approx(p_sleep), "the only exploratory outcome that was tested"
    value, expected, low, high = np.array(
        ask(
            judged,
            "select value, expected, expected_lo, expected_hi from model.effect_day where day = '2024-04-15'",
        )
    ).T
    assert 0 <= np.min(value) < 20
    assert 80 < np.max(value) <= 100
    assert ((low < expected) & (expected < high)).all()


def test_rows_say_where_they_are_from(judged: Path) -> None:
    for table in EFFECTS:
        found = ask(judged, f"select distinct source, method_version, length(input_hash) from {table}")
        assert ("made/watch", "effect-1", 16) in found
    # What was asked of values that nobody has is from nowhere.
    assert ask(judged, "select distinct source from model.effect where outcome = 'ln_rmssd'") == [(None,)]


# The same, however it came about


def pretend(question: Question, value: np.ndarray) -> Answer:
    """A quick verdict that any change of what is asked, or of its days, is likely to change."""
    look = verb.choose_look(question)
    mark = int(np.nansum(np.abs(value)) * 1000) + int(question.session.sum()) + 7 * question.day.size
    last = question.day.size - 1 if look is None else look.last
    reason = None if look else "few_days_after"
    verdict = (
        "cannot_tell" if look is None else ("likely_lower", "no_clear_change", "likely_higher")[mark % 3]
    )
    return Answer(verdict, 0, last, 0, 0, 0, reason=reason, needed=mark % 5 if look is None else None)  # type: ignore[arg-type]


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "answer", pretend)


@pytest.fixture
def at_once(pretended: None, tmp_path: Path) -> dict[str, str]:
    """What one run over everything gives."""
    warehouse = tmp_path / "once" / "w.duckdb"
    warehouse.parent.mkdir()
    load_events(warehouse, "p-one", PRACTICE)
    put_person(warehouse, "p-one")
    judge_due(warehouse, ["p-one"], DAYS)
    assert len(verdicts(warehouse)) == 4
    return effect_hashes(warehouse)


def test_night_after_night_gives_what_one_run_gives(at_once: dict[str, str], tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    load_events(warehouse, "p-one", [])
    body = draw_body(DAYS, {START: -1.0})
    edges = [0, 60, 84, 90, 92, 99, 112, DAYS]
    for export, (first, end) in enumerate(pairwise(edges), start=1):
        load_events(warehouse, "p-one", [e for e in PRACTICE if first <= e[2] < end], export=export)
        put_features(warehouse, feature_rows("p-one", body[first:end], from_day=first, names=NAMES))
        judge_due(warehouse, ["p-one"], end)
    assert effect_hashes(warehouse) == at_once


def test_what_comes_late_restates_what_it_touches(at_once: dict[str, str], tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    load_events(warehouse, "p-one", PRACTICE[4:])
    body = draw_body(DAYS, {START: -1.0})
    put_features(warehouse, feature_rows("p-one", body[20:], from_day=20, names=NAMES))
    judge_due(warehouse, ["p-one"], DAYS)
    assert effect_hashes(warehouse) != at_once
    # Years later: the first weeks of the record, and the sessions that were missing.
    put_features(warehouse, feature_rows("p-one", body[:20], names=NAMES))
    judge_due(warehouse, ["p-one"], DAYS + 700)
    load_events(warehouse, "p-one", PRACTICE[:4], export=1)
    judge_due(warehouse, ["p-one"], DAYS + 701)
    assert effect_hashes(warehouse) == at_once


def test_time_alone_brings_the_mondays_that_nobody_recorded_anything_for(tmp_path: Path) -> None:
    found = []
    for name, stops in (("nightly", (80, 84, 100, 300)), ("once", (300,))):
        warehouse = tmp_path / name / "w.duckdb"
        warehouse.parent.mkdir()
        load_events(warehouse, "p-one", [e for e in PRACTICE if e[2] < 80])
        put_person(warehouse, "p-one", days=80)
        done = [judge_due(warehouse, ["p-one"], stop) for stop in stops]
        found.append((effect_hashes(warehouse), verdicts(warehouse)))
        assert done[0]
        assert not judge_due(warehouse, ["p-one"], 301), "it ends: nothing can be new any more"
        assert ask(warehouse, "select count(*) from meta.due where stage = 'effects'") == [(0,)]
    assert found[0] == found[1]
    told = found[0][1]
    assert told[0] == (84, "since_start", "cannot_tell", "few_days_after")
    assert told[-1] == (105, "since_start", "cannot_tell", "few_days_after")


def test_between_mondays_nothing_is_due(judged: Path, tmp_path: Path) -> None:
    (row,) = ask(judged, "select day, reason from meta.due where stage = 'effects'")
    assert row == (day_of(125), "put off"), "the Sunday before the next Monday"
    assert not judge_due(judged, ["p-one"], DAYS), "a second run finds nothing to do"


def test_a_session_that_is_taken_back_takes_its_rows_with_it(tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    load_events(warehouse, "p-one", PRACTICE)
    put_person(warehouse, "p-one")
    judge_due(warehouse, ["p-one"], DAYS)
    assert verdicts(warehouse)
    with open_warehouse(warehouse) as con:
        con.execute("delete from stored.event")
        con.execute("insert into meta.due values ('p-one', ?, 'effects', 'ingest changed')", [day_of(START)])
    judge_due(warehouse, ["p-one"], DAYS)
    assert verdicts(warehouse) == []
    assert ask(warehouse, "select count(*) from model.effect_day") == [(0,)]


def test_rows_of_another_version_are_made_anew(judged: Path, tmp_path: Path) -> None:
    before = effect_hashes(judged)
    with open_warehouse(judged) as con:
        con.execute("update model.effect set method_version = 'effect-0', verdict = 'no_clear_change'")
        con.execute("delete from meta.due")
    assert judge_due(judged, ["p-one"], DAYS)
    assert effect_hashes(judged) == before


def test_people_who_noted_nothing_have_their_dues_cleared_and_no_rows(tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    for who in ("p-one", "p-two"):
        load_events(warehouse, who, [("alcohol", "", 5), ("ill", "", 30)])
        put_person(warehouse, who, days=70)
    assert ask(warehouse, "select count(*) from meta.due where stage = 'effects'") == [(140,)]
    assert judge_due(warehouse, ["p-one"], 60)
    rest = "select participant, count(*) from meta.due where stage = 'effects' group by 1 order by 1"
    assert ask(warehouse, rest) == [("p-one", 10), ("p-two", 70)], (
        "days from the run's date on stay, and others' days"
    )
    assert not judge_due(warehouse, ["p-one"], 60)
    assert ask(warehouse, "select count(*) from model.effect") == [(0,)]


def test_an_error_in_one_persons_numbers_holds_up_nobody_else(
    judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = tmp_path / "w.duckdb"
    for who, app in (("p-one", "Headspace"), ("p-two", "Calm")):
        load_events(warehouse, who, [("mindful", app, day) for _, _, day in PRACTICE])
        put_person(warehouse, who)
    judge_due(warehouse, ["p-one", "p-two"], START + 35)
    before = verdicts(warehouse, "and participant = 'p-two'")

    def fail_for_calm(question: Question, value: np.ndarray) -> Answer:
        if question.app == "Calm":
            raise np.linalg.LinAlgError("Singular matrix")
        return real_answer(question, value)

    real_answer = verb.answer
    monkeypatch.setattr(verb, "answer", fail_for_calm)
    found = verb.judge(warehouse, tmp_path / "staging", participants=["p-one", "p-two"], before=day_of(DAYS))
    assert found.failed == {"p-two": "LinAlgError: Singular matrix"}
    assert found.folder is not None
    commit(warehouse, [found.folder], now=NOW)
    assert verdicts(warehouse, "and participant = 'p-one'") == verdicts(judged)
    assert verdicts(warehouse, "and participant = 'p-two'") == before
    monkeypatch.undo()
    judge_due(warehouse, ["p-one", "p-two"], DAYS)
    assert verdicts(warehouse, "and participant = 'p-two'") == verdicts(judged), "they were still due"


# Any Monday alone


def make_person(noted: list[Noted], before: int, due: int, segments: list[int]) -> Person:
    """As it would be read with the days before `before`, on account of a change on the day `due`."""
    rng = np.random.default_rng(2)
    value = np.full((420, len(FEATURES)), np.nan)
    for name in (*NAMES, "tst_min", "valid_day"):
        value[:, FEATURES.index(name)] = 1 if name == "valid_day" else rng.normal(size=420)
    segment = np.where(np.isnan(value), 0, np.searchsorted(segments, np.arange(420))[:, None] + 1)
    first = due - REACH_DAYS
    rows = np.arange(max(0, first), before)
    record = Record(ZERO + int(rows[0]), FEATURES, value[rows], segment[rows], {})
    seen = [n for n in noted if n.day < ZERO + before]
    return Person("p", make_life(seen, [], ZERO), record, ZERO + due)


def rows_of(person: Person, mondays: list[int]) -> dict[int, list[object]]:
    found: dict[int, list[object]] = {}
    for monday, asked in judge_mondays(person, mondays, P):
        found.setdefault(monday, []).append(
            [
                (t.question.kind, t.question.event, t.question.hinders, t.answer, t.input_hash)
                for t in asked.told
            ]
        )
    return found


@given(st.data())
@settings(deadline=None, max_examples=25)
def test_a_monday_judged_alone_has_the_rows_of_a_run_over_all(data: st.DataObject) -> None:
    noted: list[Noted] = []
    for event in data.draw(
        st.lists(st.sampled_from(["mindful", "therapy", "medicine", "walk", "ill"]), unique=True)
    ):
        start = data.draw(st.integers(0, 330))
        step = data.draw(st.sampled_from([1, 2, 4, 7, 14, 30]))
        gone = data.draw(st.sets(st.integers(0, 60), max_size=10))
        days = [
            d for k, d in enumerate(range(start, data.draw(st.integers(start, 400)), step)) if k not in gone
        ]
        noted += [Noted(event, "", ZERO + d, (ZERO + d) * 86_400_000_000, None, timed=False) for d in days]
    segments = sorted(data.draw(st.sets(st.integers(30, 400), max_size=2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verb, "answer", pretend)
        every = rows_of(make_person(noted, 406, 0, segments), list_mondays(ZERO, ZERO + 406))
        for monday in data.draw(st.lists(st.integers(1, 57), min_size=1, max_size=4, unique=True)):
            day = 7 * monday
            alone = rows_of(make_person(noted, day, day - 1, segments), [ZERO + day])
            assert alone.get(ZERO + day) == every.get(ZERO + day)


def test_the_newest_row_up_to_a_monday_is_what_holds_on_it(pretended: None) -> None:
    noted = [
        Noted("therapy", "", ZERO + d, (ZERO + d) * 86_400_000_000, None, timed=False)
        for d in (*range(40, 120, 7), *range(125, 300, 6))
    ]
    person = make_person(noted, 406, 0, [])
    mondays = list_mondays(ZERO, ZERO + 300)
    held: dict[tuple[str, str, str], object] = {}
    written = 0
    stored = {
        (monday, asked.told[0].question.kind): asked for monday, asked in judge_mondays(person, mondays, P)
    }
    for monday in mondays:
        for key, asked in ask_person(person, monday, P).items():
            if (monday, key[2]) in stored:
                held[key] = stored[monday, key[2]].says
                written += 1
            assert held[key] == asked.says
    assert written == len(stored)
    # What came after a look has no part in what is said, nor in its hash.
    sessions = ("therapy", "", "after_sessions")
    early, late = (ask_person(person, ZERO + day, P)[sessions] for day in (133, 140))
    assert early.last_day == late.last_day == ZERO + 123
    assert early.hashes == late.hashes
    assert 10 < written < 60


def test_mondays_are_those_after_a_day() -> None:
    assert [next_monday(ZERO + k) - ZERO for k in (-1, 0, 6, 7)] == [0, 7, 7, 14]
    assert [m - ZERO for m in list_mondays(ZERO + 6, ZERO + 21)] == [7, 14, 21]
    assert list_mondays(ZERO + 7, ZERO + 13) == []


# Exploratory outcomes


def estimate(p_value: float, effect: float = -1.0, level: float = 0.95) -> Estimate:
    return Estimate(effect, effect - 0.5, effect + 0.5, level, p_value, 1.0)


def test_exploratory_findings_are_held_to_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    p_values = {"index": 0.04, "felt_stress": 0.03, "ln_rmssd": 0.04, "tst_min": 0.9}

    def found(question: Question, value: np.ndarray) -> Answer:
        p = p_values[question.outcome]
        verdict = "likely_lower" if p < 0.05 else "no_clear_change"
        return Answer(verdict, 0, question.day.size - 1, 1, 1, 1, estimate=estimate(p))  # type: ignore[arg-type]

    monkeypatch.setattr(verb, "answer", found)
    noted = [Noted("medicine", "", ZERO + 60, (ZERO + 60) * 86_400_000_000, None, timed=False)]
    person = make_person(noted, 130, 120, [])
    (asked,) = ask_person(person, ZERO + 120, P).values()
    told = {t.question.outcome: t for t in asked.told}
    # Three tests: .03·3/1 and .04·3/2, the smaller of both holds for both.
    assert [round(told[name].q_value, 9) for name in ("felt_stress", "ln_rmssd", "tst_min")] == [
        0.06,
        0.06,
        0.9,
    ]
    assert np.isnan(told["index"].q_value)
    assert {name: t.answer.verdict for name, t in told.items()} == {
        "index": "likely_lower",
        "felt_stress": "no_clear_change",
        "ln_rmssd": "no_clear_change",
        "tst_min": "no_clear_change",
    }
    p_values |= {"felt_stress": 0.01, "ln_rmssd": 0.02}
    (again,) = ask_person(person, ZERO + 120, P).values()
    assert {t.question.outcome for t in again.told if t.answer.verdict == "likely_lower"} == {
        "index",
        "felt_stress",
        "ln_rmssd",
    }
    # With another one asked about, the index is exploratory.
    (other,) = ask_person(person, ZERO + 120, P, "tst_min").values()
    assert [t.question.outcome for t in other.told if t.primary] == ["tst_min"]
    assert {t.question.outcome for t in other.told} == set(OUTCOMES)


# Rows


def told_of(outcome: str, found: Estimate, value: np.ndarray) -> Told:
    day = ZERO + np.arange(value.size)
    with_it = np.arange(value.size) >= 2
    question = Question(
        "since_start", "mindful", "Calm", day, with_it, with_it, 2, np.zeros((value.size, 2)), outcome=outcome
    )  # type: ignore[arg-type]
    told = Answer("likely_lower", 1, value.size - 1, 1, 2, 2, estimate=found)
    return Told(question, value, told, primary=True, q_value=np.nan, source="a/b", input_hash="h")


def test_points_of_the_index_are_those_of_the_mean_of_days_with_it() -> None:
    value = np.array([9.0, 0.3, -0.7, np.nan])
    found = Estimate(
        -0.8, -1.2, -0.4, 0.95, 0.01, 0.9, expected=np.array([0.0, 0.5, 1.5]), expected_sd=np.full(3, 1.0)
    )
    row = lay_row(told_of("index", found, value), "p", ZERO)
    # The day with it and a value is the third: .5 is expected of it. Days lie about that with an SD of 1, and
    # the mean of Φ(.5 + z) over them is Φ(.5 / √2).
    points = [100 * (ndtr((0.5 + away) / 2**0.5) - ndtr(0.5 / 2**0.5)) for away in (-0.8, -1.2, -0.4)]
    assert [row[name] for name in ("effect", "lo", "hi")] == pytest.approx(points)
    assert np.mean(ndtr(0.5 + np.random.default_rng(1).normal(size=200_000))) == pytest.approx(
        ndtr(0.5 / 2**0.5), abs=0.002
    )
    assert row["effect_sd"] == pytest.approx(-0.8 / 0.9)
    assert (row["start_day"], row["first_day"], row["last_day"]) == tuple(day_of(k) for k in (2, 1, 3))
    days = lay_days(told_of("index", found, value), "p", ZERO)
    assert [d["date"] for d in days] == [day_of(1), day_of(2), day_of(3)]
    assert days[0]["value"] == pytest.approx(100 * ndtr(0.3))
    assert days[1]["expected"] == pytest.approx(100 * ndtr(0.5 / 2**0.5))
    assert days[0]["expected_lo"] == pytest.approx(100 * ndtr(-BAND_SD))
    assert (days[2]["value"], days[2]["with_it"], days[0]["with_it"]) == (None, True, False)
    assert ndtr(BAND_SD) == pytest.approx(0.9)


def test_other_outcomes_are_told_as_they_are_and_what_has_no_end_is_null() -> None:
    value = np.array([9.0, 400.0, 420.0, 430.0])
    found = Estimate(
        20.0,
        -np.inf,
        30.0,
        0.95,
        0.3,
        10.0,
        expected=np.array([400.0, 401, 402]),
        expected_sd=np.full(3, 10.0),
    )
    row = lay_row(told_of("tst_min", found, value), "p", ZERO)
    assert (row["effect"], row["effect_sd"], row["lo"], row["lo_sd"], row["hi"]) == (
        20.0,
        2.0,
        None,
        None,
        30.0,
    )
    (first, *_) = lay_days(told_of("tst_min", found, value), "p", ZERO)
    assert (first["value"], first["expected"]) == (400.0, 400.0)
    assert first["expected_hi"] == pytest.approx(400 + 10 * BAND_SD)


# Plans


def test_a_stored_plan_is_judged_when_it_is_over_and_not_before(tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    drawn = draw_plan("blocks_2", 11)
    body = draw_body(160, {})
    body[40:124] -= 1.5 * drawn[:, None]
    done = [("mindful", "Calm", 40 + int(d)) for d in np.flatnonzero(drawn)]
    load_events(warehouse, "p-one", [])
    draft = Draft("mindful", "Calm", "blocks_2", "index", 11, day_of(40), tuple((drawn == 1).tolist()))
    store_plan(warehouse, "p-one", draft, now=NOW.replace(year=2024, month=1, day=20))
    load_events(warehouse, "p-one", done, export=1)
    put_features(warehouse, feature_rows("p-one", body, names=NAMES))
    judge_due(warehouse, ["p-one"], 160)
    told = [row for row in verdicts(warehouse) if row[1] == "plan"]
    assert {row[2:] for row in told[:-1]} == {("cannot_tell", "plan_not_over")}
    assert told[-1] == (126, "plan", "likely_lower", None), "the first Monday after day 123"
    row = ask(
        warehouse,
        "select method, start_day, first_day, last_day, phi, early, days_with from model.effect"
        f" where primary_outcome and question = 'plan' and day = '{day_of(126)}'",
    )
    assert row == [("randomisation", day_of(40), day_of(40), day_of(123), None, False, 42)]


def test_a_plan_that_is_given_up_says_so_and_waits_for_nothing(tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    load_events(warehouse, "p-one", [])
    drawn = tuple((draw_plan("blocks_7", 1) == 1).tolist())
    draft = Draft("mindful", "", "blocks_7", "tst_min", 1, day_of(40), drawn)
    store_plan(warehouse, "p-one", draft, now=NOW.replace(year=2024, month=1, day=20))
    put_features(warehouse, feature_rows("p-one", draw_body(70, {}), names=NAMES))
    judge_due(warehouse, ["p-one"], 56)
    stop_plan(warehouse, "p-one", 1, day_of(58), now=NOW.replace(year=2024, month=3, day=1))
    judge_due(warehouse, ["p-one"], 70)
    assert [row[0] for row in verdicts(warehouse)][:3] == [42, 49, 56]
    assert {row[3] for row in verdicts(warehouse)[:3]} == {"plan_not_over"}
    assert verdicts(warehouse)[3:] == [(63, "plan", "cannot_tell", "plan_given_up")]
    assert ask(warehouse, "select distinct outcome from model.effect where primary_outcome") == [("tst_min",)]


# Now


def test_an_answer_of_today_is_the_row_that_a_monday_has(judged: Path) -> None:
    with open_warehouse(judged, read_only=True) as con:
        now = answer_now(con, "p-one", day_of(105), event="headspace")
        stored = con.execute("select * from model.effect where day = ? order by outcome", [day_of(105)])
        names = [column[0] for column in stored.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in stored.fetchall()]
        days = con.execute("select count(*) from model.effect_day where day = ?", [day_of(105)]).fetchall()
        assert sorted(now.effect, key=lambda row: str(row["outcome"])) == rows
        assert [(len(now.effect_day),)] == days
        other = answer_now(con, "p-one", day_of(105), event="mindful", outcome="tst_min")
        assert [r["outcome"] for r in other.effect if r["primary_outcome"]] == ["tst_min"]
        assert {r["value"] is None or r["value"] > 100 for r in other.effect_day} == {True}
        # Between Mondays too.
        assert answer_now(con, "p-one", day_of(108)).effect[0]["day"] == day_of(108)


def test_what_was_never_noted_is_told_with_what_was(judged: Path) -> None:
    with open_warehouse(judged, read_only=True) as con:
        with pytest.raises(
            ExplainedError, match=r"There is no Calm in .* p-one noted .*Headspace \(mindful\)"
        ):
            answer_now(con, "p-one", day_of(105), event="Calm")
        with pytest.raises(ExplainedError, match="no mindful with Calm"):
            answer_now(con, "p-one", day_of(105), event="mindful", app="Calm")
        with pytest.raises(ExplainedError, match="nothing that is asked about"):
            answer_now(con, "p-one", day_of(START))
        with pytest.raises(ExplainedError, match="There is no participant p-nine"):
            answer_now(con, "p-nine", day_of(105))


def test_what_began_a_few_days_ago_is_no_error_but_too_early(judged: Path) -> None:
    with open_warehouse(judged, read_only=True) as con:
        now = answer_now(con, "p-one", date(2024, 3, 15))
    assert (now.effect, now.effect_day) == ([], [])
    assert now.too_early == (
        "Cannot tell yet as of 2024-03-15: Headspace (mindful) began on 2024-03-04, and can be looked at from"
        " 2024-03-25 on, if it goes on for two days a week."
    )


def test_what_was_told_for_good_is_told_for_ever(judged: Path) -> None:
    told = ("likely_lower", day_of(START), day_of(START + 41))
    with open_warehouse(judged, read_only=True) as con:
        for before in (day_of(START + 98), day_of(START + 99), date(2030, 1, 1)):
            now = answer_now(con, "p-one", before, event="Headspace")
            (primary,) = (row for row in now.effect if row["primary_outcome"])
            assert (primary["verdict"], primary["start_day"], primary["last_day"]) == told
            assert primary["day"] == min(before, day_of(START + 98)), "it says when that was asked last"


def test_a_plan_that_has_not_begun_says_when_it_is_judged(tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    load_events(warehouse, "p-one", [])
    put_person(warehouse, "p-one", days=70)
    drawn = tuple((draw_plan("blocks_2", 11) == 1).tolist())
    made = datetime.combine(day_of(70), datetime.min.time())
    store_plan(warehouse, "p-one", Draft("walk", "", "blocks_2", "index", 11, day_of(77), drawn), now=made)
    with open_warehouse(warehouse, read_only=True) as con:
        now = answer_now(con, "p-one", day_of(70))
    assert now.too_early == (
        f"Cannot tell yet as of {day_of(70)}: the plan of walk runs from {day_of(77)} to {day_of(160)} and is judged"
        " after that."
    )
