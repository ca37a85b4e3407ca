"""Daily insights: what is chosen, what is said, and that a day redone by itself says the same."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from build_weeks import (
    FIRST_WEEK,
    HARD,
    HEAVY_WEEK,
    KAPPA,
    MONDAY,
    NEARLY_EMPTY_WEEK,
    NOW,
    NU,
    USUAL,
    fill,
    usual_value,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reports.catalogue import load_language, say
from reports.daily import spread, write_insights
from reports.insights import EVENTS, EXPLAINS, Insight, Other, certainty, choose_insights, index_certainty
from reports.read import Event, IndexDay, Part, Person, Workout
from reports.sentences import sure_key, tell, tell_causes, told_features
from warehouse.commit import commit
from warehouse.store import content_hashes, open_warehouse

ENGLISH = load_language()
TOLD = told_features(ENGLISH)
WEDNESDAY = MONDAY + timedelta(days=2)


def part(feature: str, z: float) -> Part:
    mean, scale = USUAL[feature]
    value = usual_value(feature, z)
    lo, hi = usual_value(feature, -1), usual_value(feature, 1)
    return Part(feature, value, lo, hi, z, 0.1 * z, mean, scale, KAPPA, NU)


def scored(index: float, level: str, lo80: float, hi80: float) -> IndexDay:
    return IndexDay(index, lo80, hi80, level, "settled", show_number=True, source="s/d")


USUAL_DAY = scored(50.0, "usual", 35.0, 65.0)
HARD_DAY = scored(95.0, "higher", 88.0, 98.0)


def person(day: date, index: IndexDay, **z: float) -> Person:
    return Person("p", {day: index}, {day: tuple(part(f, v) for f, v in z.items())})


def test_an_ordinary_day_is_one_line_though_features_move_within_their_usual() -> None:
    said = choose_insights(person(MONDAY, USUAL_DAY, rhr_night=0.9, cpd=-1.4, ahr_day=1.6), MONDAY, TOLD)
    assert [(i.kind, i.rank) for i in said] == [("ordinary", 1)]
    assert tell(ENGLISH, said[0]).count(".") == 1


def test_a_striking_feature_is_named_on_a_day_that_was_usual_as_a_whole() -> None:
    said = choose_insights(person(MONDAY, USUAL_DAY, rhr_night=2.1, cpd=1.9), MONDAY, TOLD)
    assert [(i.kind, i.feature, i.direction) for i in said] == [("feature", "rhr_night", 1)]


def test_a_hard_day_says_the_whole_first_and_at_most_three_things_by_size() -> None:
    hard = person(MONDAY, HARD_DAY, rhr_night=1.2, sleep_short=2.4, cpd=1.8, ahr_day=-1.5, arousal_min=1.1)
    said = choose_insights(hard, MONDAY, TOLD)
    assert [i.feature for i in said] == [None, "sleep_short", "cpd"]  # and not what was calmer
    assert [i.rank for i in said] == [1, 2, 3]


def test_novelty_lets_what_is_new_go_first_and_drops_what_is_old() -> None:
    days = [WEDNESDAY - timedelta(days=k) for k in range(3)]
    index = dict.fromkeys(days, HARD_DAY)
    parts = {d: (part("rhr_night", 2.0),) for d in days}
    parts[WEDNESDAY] = (part("rhr_night", 2.0), part("cpd", 1.2))
    said = choose_insights(Person("p", index, parts), WEDNESDAY, TOLD)
    # 2.0 was there on two of the six days before, so it counts a third: below 1.2, and no news.
    assert [i.feature for i in said] == [None, "cpd"]
    assert said[0].seen == 2


def test_certainty_is_the_baseline_predictive_t() -> None:
    p = Part("rhr_night", 59.0, 52.0, 56.0, 2.0, 0.3, 54.0, 1.8, 20.0, 22.0)
    expected = stats.t.cdf((59.0 - 54.0) / (1.8 * (1 + 1 / 20) ** 0.5), df=22)
    assert certainty(p) == pytest.approx(expected)
    assert certainty(replace(p, value=49.0)) == pytest.approx(expected)  # the same way below
    assert certainty(replace(p, mean=None)) is None


def test_index_certainty_is_that_of_being_outside_the_usual_range() -> None:
    at_edge = scored(100 * stats.norm.cdf(1), "higher", 100 * stats.norm.cdf(0.5), 100 * stats.norm.cdf(1.5))
    assert index_certainty(at_edge) == pytest.approx(0.5)
    # The whole 80 % band beyond the edge: nine draws in ten are outside.
    beyond = scored(100 * stats.norm.cdf(1.5), "higher", 100 * stats.norm.cdf(1), 100 * stats.norm.cdf(2))
    assert index_certainty(beyond) == pytest.approx(0.9)
    below = scored(100 * stats.norm.cdf(-1.5), "calmer", 100 * stats.norm.cdf(-2), 100 * stats.norm.cdf(-1))
    assert index_certainty(below) == pytest.approx(0.9)
    assert index_certainty(USUAL_DAY) is None


@pytest.mark.parametrize(
    ("probability", "word"),
    [
        (0.90, "very_likely"),
        (0.899, "likely"),
        (0.66, "likely"),
        (0.659, "cannot_tell"),
        (None, "cannot_tell"),
    ],
)
def test_uncertainty_words_change_at_66_and_90_percent(probability: float | None, word: str) -> None:
    assert sure_key(probability) == word


def test_a_day_that_we_cannot_tell_says_so() -> None:
    vague = scored(86.0, "higher", 60.0, 97.0)
    text = tell(ENGLISH, choose_insights(person(MONDAY, vague), MONDAY, TOLD)[0])
    assert "may have worked harder than usual, but we can't tell" in text


def test_other_explanations_come_before_what_they_explain() -> None:
    hard = person(WEDNESDAY, HARD_DAY, rhr_night=2.5, ahr_day=1.5)
    hard.workouts[WEDNESDAY] = (Workout(18.0, 19.0, "run"),)
    hard.workouts[WEDNESDAY - timedelta(days=1)] = (
        Workout(7.0, 8.0, "swim"),
        Workout(19.0, 20.0, "<b>x</b>"),
    )
    whole, night, still = choose_insights(hard, WEDNESDAY, TOLD)
    assert {o.kind for o in whole.others} == {"workout_evening", "workout_day"}
    assert "your workout on Tuesday evening" in tell(ENGLISH, whole).replace("Your", "your")
    assert "<b>" not in tell(ENGLISH, whole)  # what a vendor calls a workout is never repeated
    # The night to Wednesday was over before Wednesday's run; each is named once a day.
    assert not any(o.kind == "workout_day" for o in night.others)
    assert "can do this too" in tell(ENGLISH, still)


def test_a_short_workout_or_one_in_the_morning_before_explains_nothing() -> None:
    hard = person(WEDNESDAY, HARD_DAY)
    hard.workouts[WEDNESDAY] = (Workout(18.0, 18.1, "walk"),)
    hard.workouts[WEDNESDAY - timedelta(days=1)] = (Workout(7.0, 8.0, "run"),)
    assert choose_insights(hard, WEDNESDAY, TOLD)[0].others == ()


def test_a_clock_that_moved_is_named_on_its_day_only() -> None:
    days = [WEDNESDAY - timedelta(days=k) for k in range(3)]
    offsets = {days[2]: 660.0, days[1]: 600.0, days[0]: 600.0}
    values = {day: {"offset_wake_min": offset} for day, offset in offsets.items()}
    moved = Person("p", dict.fromkeys(days, HARD_DAY), {}, values)
    assert choose_insights(moved, days[1], TOLD)[0].others == (Other("clock", days[1]),)
    assert choose_insights(moved, days[0], TOLD)[0].others == ()


def test_a_trip_over_time_zones_is_named_for_three_days_and_summer_time_for_one() -> None:
    days = [WEDNESDAY + timedelta(days=k) for k in range(-1, 4)]
    for moved, named in ((480.0, 3), (60.0, 1)):
        values = {d: {"offset_wake_min": 600.0 if d < WEDNESDAY else 600.0 - moved} for d in days}
        one = Person("p", dict.fromkeys(days, HARD_DAY), {}, values)
        others = [choose_insights(one, d, TOLD)[0].others for d in days]
        assert [len(found) for found in others] == [0] + [1] * named + [0] * (4 - named)
    zone = Insight(WEDNESDAY, 1, "index", load=1, direction=1, others=(Other("zone", WEDNESDAY),))
    assert "The trip to another time zone by Wednesday or" in tell(ENGLISH, zone)


@pytest.mark.parametrize(
    ("kind", "group", "same"),
    [
        ("alcohol", "whole", "a drink"), ("alcohol_eve", "night", "a glass of wine"), ("ill", "still", "nose"),
        ("zone", "whole", "a long trip"), ("travel_eve", "sleep", "a strange bed"),
        ("workout_evening", "night", "a late workout"), ("warm_night", "sleep", "a stuffy room"),
    ],
)  # fmt: skip
def test_no_everyday_cause_says_again_what_is_known(kind: str, group: str, same: str) -> None:
    days = [MONDAY + timedelta(days=k) for k in range(7)]
    texts = [tell_causes(ENGLISH, group, day, (Other(kind, day, "run"),)) for day in days]
    assert all(" or " in text and same not in text for text in texts)
    assert any(same in tell_causes(ENGLISH, group, day) for day in days)
    # What was on one day is named on the next too, and not in the same words.
    two = [
        [tell_causes(ENGLISH, group, d, (Other(kind, day, "run"),)) for d in pair]
        for day, pair in zip(days, pairwise(days), strict=False)
    ]
    assert all(first != second for first, second in two)


def noted(**days: str) -> dict[date, tuple[Event, ...]]:
    return {
        MONDAY + timedelta(days=int(name[1:])): tuple(map(Event, kinds.split()))
        for name, kinds in days.items()
    }


def test_a_drink_explains_its_day_and_the_night_and_day_after_but_not_the_night_before() -> None:
    hard = {"rhr_night": 2.5, "ahr_day": 1.5, "sleep_frag": 1.4}
    before = replace(person(WEDNESDAY, HARD_DAY, **hard), events=noted(d1="alcohol"))
    assert {i.feature: i.others for i in choose_insights(before, WEDNESDAY, TOLD)} == {
        None: (Other("alcohol_eve", WEDNESDAY - timedelta(days=1)),),
        "rhr_night": (),
        "ahr_day": (),
    }
    by_night = replace(person(WEDNESDAY, USUAL_DAY, rhr_night=2.5), events=noted(d1="alcohol"))
    assert "The drink you noted on Tuesday or" in tell(ENGLISH, choose_insights(by_night, WEDNESDAY, TOLD)[0])
    same = replace(by_night, events=noted(d2="alcohol"))  # the night was over before Wednesday's drink
    assert choose_insights(same, WEDNESDAY, TOLD)[0].others == ()
    earlier = replace(by_night, events=noted(d0="alcohol"))
    assert choose_insights(earlier, WEDNESDAY, TOLD)[0].others == ()


def test_what_was_noted_on_both_days_is_named_once_and_own_words_explain_nothing() -> None:
    hard = person(WEDNESDAY, HARD_DAY)
    both = replace(hard, events=noted(d1="travel ill laundry", d2="travel ill <b>"))
    (whole,) = choose_insights(both, WEDNESDAY, TOLD)
    assert whole.others == (Other("ill", WEDNESDAY), Other("travel", WEDNESDAY))
    assert "laundry" not in tell(ENGLISH, whole)


def test_practice_stands_beside_calm_days_only() -> None:
    calm = scored(6.0, "calmer", 3.0, 12.0)
    for index, others in ((calm, (Other("mindful", WEDNESDAY),)), (HARD_DAY, ())):
        one = replace(person(WEDNESDAY, index), events=noted(d2="mindful"))
        assert choose_insights(one, WEDNESDAY, TOLD)[0].others == others


def test_a_warm_night_is_named_where_the_skin_was_warm_and_never_as_its_own_cause() -> None:
    warm = Part("temp_dev", 0.9, -0.3, 0.3, 2.2, 0.2, 0.0, 0.3, KAPPA, NU)
    hard = person(WEDNESDAY, HARD_DAY, rhr_night=1.2)
    hard.parts[WEDNESDAY] = (*hard.parts[WEDNESDAY], warm)
    others = {i.feature: i.others for i in choose_insights(hard, WEDNESDAY, TOLD)}
    assert others == {None: (Other("warm_night", WEDNESDAY),), "temp_dev": (), "rhr_night": ()}
    alone = replace(hard, index={WEDNESDAY: USUAL_DAY})
    assert [i.others for i in choose_insights(alone, WEDNESDAY, TOLD) if i.feature == "temp_dev"] == [()]
    cool = replace(hard, parts={WEDNESDAY: (part("rhr_night", 1.2),)})
    assert all(i.others == () for i in choose_insights(cool, WEDNESDAY, TOLD))


def test_learning_says_how_far_and_no_wear_says_that_it_is_fine() -> None:
    learning = IndexDay(None, None, None, None, "learning", show_number=False, source=None)
    new = Person("p", {MONDAY: learning}, values={MONDAY: {"valid_night": 1.0}}, usual_days={MONDAY: 3})
    said = choose_insights(new, MONDAY, TOLD)[0]
    assert (said.kind, said.value) == ("learning", 3.0)
    assert tell(ENGLISH, said) == "On Monday we were still learning your usual: 3 of 5 days so far."
    bare = choose_insights(Person("p", {MONDAY: learning}), MONDAY, TOLD)[0]
    assert tell(ENGLISH, bare) == "There was too little wear on Monday to say more, and that is fine."


def test_rounding_never_shows_a_value_inside_the_range_that_it_is_outside_of() -> None:
    said = Insight(MONDAY, 1, "feature", "rhr_night", 1, 1, 56.3, 51.8, 56.2, 0.85)
    assert "56.3 a minute, where 51.8 to 56.2 is your usual" in tell(ENGLISH, said)


zs = st.floats(-3, 3, allow_nan=False).map(lambda z: round(z, 2))
days_of_z = st.lists(st.fixed_dictionaries(dict.fromkeys(USUAL, zs)), min_size=14, max_size=14)


@settings(deadline=None, max_examples=40)
@given(
    days_of_z,
    st.lists(st.sampled_from([USUAL_DAY, HARD_DAY, None]), min_size=14, max_size=14),
    st.lists(st.sets(st.sampled_from(EVENTS), max_size=2), min_size=14, max_size=14),
)
def test_no_sentence_is_said_twice_in_any_seven_days(
    plans: list[dict[str, float]], indexes: list[IndexDay | None], noted_kinds: list[set[str]]
) -> None:
    days = [MONDAY + timedelta(days=k) for k in range(14)]
    index = {d: i for d, i in zip(days, indexes, strict=True) if i is not None}
    parts = {
        d: tuple(part(f, z) for f, z in p.items()) for d, p in zip(days, plans, strict=True) if d in index
    }
    run = (Workout(18.0, 19.0, "run"),)
    events = dict(zip(days, (tuple(map(Event, sorted(kinds))) for kinds in noted_kinds), strict=True))
    one = Person("p", index, parts, workouts={days[3]: run, days[4]: run}, events=events)
    said = {d: [tell(ENGLISH, i) for i in choose_insights(one, d, TOLD)] for d in days}
    assert all(1 <= len(texts) <= 3 for texts in said.values())
    for first in range(8):
        texts = [t for d in days[first : first + 7] for t in said[d]]
        sentences = Counter(s for t in texts for s in re.split(r"(?<=\.) ", t))
        assert [s for s, n in sentences.items() if n > 1] == []


def test_spread_reaches_six_days_on_within_the_span_and_puts_off_the_rest() -> None:
    due, last = date(2020, 7, 10), date(2020, 7, 15)
    work, later = spread([("p", due), ("q", due)], {"p": (date(2020, 1, 1), last)}, date(2020, 7, 14))
    assert [d.day for _, d in work] == [10, 11, 12, 13]
    assert [d.day for _, d in later] == [14, 15]


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "w.duckdb"
    people = {"p-heavy": HEAVY_WEEK, "p-empty": NEARLY_EMPTY_WEEK, "p-first": FIRST_WEEK}
    fill(path, tmp_path / "staging", people)
    return path


PEOPLE = ["p-heavy", "p-empty", "p-first"]
AFTER = MONDAY + timedelta(days=7)


def write_all(warehouse: Path, staging: Path, before: date = AFTER) -> int:
    folder = write_insights(warehouse, staging, participants=PEOPLE, before=before)
    return 0 if folder is None else commit(warehouse, [folder], now=NOW).partitions


def test_every_day_gets_its_rows_and_a_second_run_has_nothing_to_do(warehouse: Path, tmp_path: Path) -> None:
    assert write_all(warehouse, tmp_path / "s") == len(HEAVY_WEEK) + len(NEARLY_EMPTY_WEEK) + len(FIRST_WEEK)
    assert write_insights(warehouse, tmp_path / "s", participants=PEOPLE, before=AFTER) is None
    with open_warehouse(warehouse, read_only=True) as con:
        worst = con.execute(
            "select max(rank), count(*) - count(distinct (participant, day, rank)) from report.insight"
        ).fetchone()
        kinds = con.execute(
            "select day - ?::date, kind, value from report.insight where participant = 'p-first' order by 1",
            [MONDAY],
        ).fetchall()
    assert worst == (3, 0)
    assert kinds == [(0, "too_little", None), (1, "too_little", None)] + [
        (k, "learning", float(k - 2)) for k in range(2, 7)
    ]


def test_one_changed_day_redone_by_itself_equals_a_run_from_nothing(warehouse: Path, tmp_path: Path) -> None:
    write_all(warehouse, tmp_path / "s")
    changed = {**HEAVY_WEEK, MONDAY: replace(HARD, index=96.0)}
    people = {"p-heavy": changed, "p-empty": NEARLY_EMPTY_WEEK, "p-first": FIRST_WEEK}
    fill(warehouse, tmp_path / "s", people)
    assert write_all(warehouse, tmp_path / "s") == 7  # the Monday and the six days that look back on it
    fresh = tmp_path / "fresh.duckdb"
    fill(fresh, tmp_path / "s", people)
    write_all(fresh, tmp_path / "s")
    with open_warehouse(warehouse, read_only=True) as a, open_warehouse(fresh, read_only=True) as b:
        assert content_hashes(a)["report.insight"] == content_hashes(b)["report.insight"]


def test_days_from_before_on_wait_for_a_later_run(warehouse: Path, tmp_path: Path) -> None:
    write_all(warehouse, tmp_path / "s", before=WEDNESDAY)
    with open_warehouse(warehouse, read_only=True) as con:
        newest = con.execute("select max(day) from report.insight").fetchone()
    assert newest == (WEDNESDAY - timedelta(days=1),)
    write_all(warehouse, tmp_path / "s")
    whole = tmp_path / "whole.duckdb"
    fill(whole, tmp_path / "s", {"p-heavy": HEAVY_WEEK, "p-empty": NEARLY_EMPTY_WEEK, "p-first": FIRST_WEEK})
    write_all(whole, tmp_path / "s")
    with open_warehouse(warehouse, read_only=True) as a, open_warehouse(whole, read_only=True) as b:
        assert content_hashes(a)["report.insight"] == content_hashes(b)["report.insight"]
        assert content_hashes(a)["meta.due"] == content_hashes(b)["meta.due"]


def test_values_in_the_row_are_those_in_the_sentence(warehouse: Path, tmp_path: Path) -> None:
    write_all(warehouse, tmp_path / "s")
    with open_warehouse(warehouse, read_only=True) as con:
        rows = con.execute(
            "select i.value, c.value, i.usual_lo, i.usual_hi, i.text from report.insight i"
            " join model.contribution c using (participant, day, feature) where i.feature = 'rhr_night'"
        ).fetchall()
    assert rows
    for value, source, lo, hi, text in rows:
        assert value == source
        assert f"{value:.0f} a minute, where {lo:.0f} to {hi:.0f} is your usual" in text


def test_one_day_names_no_everyday_cause_twice_in_a_group() -> None:
    for k in range(7):
        day = MONDAY + timedelta(days=k)
        texts = [tell_causes(ENGLISH, "sleep", day, turn=turn) for turn in range(3)]
        causes = [say(ENGLISH, f"cause.sleep.{c}") for c in range(7)]
        named = [c for text in texts for c in causes if c in text.lower()]
        assert len(named) == len(set(named)) == 6


def test_every_message_that_code_can_ask_for_is_there() -> None:
    for feature in TOLD:
        sides = (
            f"{start}.{feature}.{side}" for start in ("insight", "went", "moved") for side in ("more", "less")
        )
        gentle = (f"moved.{feature}.words_{side}" for side in ("more", "less"))
        for key in (*sides, *gentle, f"went.{feature}.body", f"lasting.{feature}"):
            assert key in ENGLISH.messages
    for kinds in EXPLAINS.values():
        assert all(f"other.{kind.removesuffix('_eve')}" in ENGLISH.messages for kind in kinds)
    for group in ("whole", "night", "still", "sleep", "calm"):
        assert len({say(ENGLISH, f"cause.{group}.{k}") for k in range(7)}) == 7
