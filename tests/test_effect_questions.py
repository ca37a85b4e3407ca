"""What can be asked of what a person noted, and what stands in the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from effect_people import (
    DAY_US,
    HOUR_US,
    ZERO,
    asked,
    lived,
    session,
    tag,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from models.effect.limits import BEFORE_DAYS
from models.effect.looks import choose_look
from models.effect.question import Question
from models.effect.questions import (
    Life,
    Noted,
    Planned,
    choose_segment,
    find_questions,
    find_span,
    judge_rhythm,
    wears_otherwise,
)
from models.effect.randomise import draw_plan
from models.effect.read import list_noted
from models.effect.terms import weekdays


def days_with(life: Life) -> dict[tuple[str, str], list[int]]:
    return {(t.event, t.app): (t.day - ZERO).tolist() for t in life.things}


# Which sessions there are


def test_a_session_that_two_sources_wrote_counts_once_under_the_app_that_is_named() -> None:
    phone, watch = session(3, hour=8.0), session(3, app="", hour=8.05)
    evening = session(3, app="Calm", hour=20)
    assert days_with(lived(phone, watch)) == {("mindful", "Headspace"): [3]}
    assert days_with(lived(watch, phone, evening)) == {
        ("mindful", "Calm"): [3],
        ("mindful", "Headspace"): [3],
    }
    # The same instant without an end, twice; and a session that begins as another ends is one with it.
    assert days_with(lived(session(1, minutes=None), session(1, app="", minutes=None))) == {
        ("mindful", "Headspace"): [1]
    }
    # A tag without a time is another word for the session of the day, not for one of another kind.
    therapy = session(5, "therapy", "BetterHelp", hour=14, minutes=50)
    assert days_with(lived(therapy, tag(5, "therapy"), tag(6, "mindful"))) == {
        ("mindful", ""): [6],
        ("therapy", "BetterHelp"): [5],
    }
    assert days_with(lived(therapy, tag(5, "medicine"))) == {
        ("medicine", ""): [5],
        ("therapy", "BetterHelp"): [5],
    }


def test_two_clocks_and_a_tag_at_the_end_make_no_second_practice() -> None:
    # Another phone writes each session a second before or after, under a name of its own.
    both = [
        one
        for day in range(3, 33)
        for one in (session(day), session(day, app="com.x.mind", hour=8 + (day % 2 * 2 - 1) / 3600))
    ]
    assert days_with(lived(*both)) == {("mindful", "Headspace"): list(range(3, 33))}
    ended = [one for day in range(3, 33) for one in (session(day), session(day, app="", hour=8.2))]
    assert days_with(lived(*ended)) == {("mindful", "Headspace"): list(range(3, 33))}
    later = [one for day in range(3, 33) for one in (session(day), session(day, app="Calm", hour=8.5))]
    assert set(days_with(lived(*later))) == {("mindful", "Calm"), ("mindful", "Headspace")}, "half an hour on"
    spelled = [session(day, app="headspace" if day % 3 else "Headspace") for day in range(3, 33)]
    assert days_with(lived(*spelled)) == {("mindful", "Headspace"): list(range(3, 33))}


def test_what_is_done_after_midnight_belongs_to_the_day_that_ends_with_the_sleep_after_it() -> None:
    def note(event: str, hour: float, hours: float | None = 0.5) -> tuple[int, bool]:
        start_us = (ZERO + 40) * DAY_US + int(hour * HOUR_US)
        end_us = None if hours is None else start_us + int(hours * HOUR_US)
        row = {"participant": "p", "event": event, "app": "", "start_us": start_us, "end_us": end_us}
        (noted,) = list_noted(pa.Table.from_pylist([row]))["p"]
        return noted.day - ZERO, noted.timed

    assert note("mindful", 1.5) == (39, True)
    assert note("mindful", 3.99) == (39, True)
    assert note("mindful", 4) == (40, True)
    assert note("mindful", 23.5) == (40, True)
    assert note("therapy", 0, 24) == (40, True), "a whole day"
    assert note("medicine", 0, None) == (40, False)
    assert note("ill", 1.5) == (40, True), "it lasts that day"


def test_a_tag_without_an_app_is_of_the_one_app_that_was_used_of_late() -> None:
    app = [session(day) for day in range(60, 90) if day % 3]
    own = [tag(day, "mindful") for day in (*range(20, 50), *range(60, 90))]
    found = days_with(lived(*app, *own))
    # Before the app it is a practice of its own; the first day with the app is its start.
    assert found == {("mindful", ""): [*range(20, 50), 60], ("mindful", "Headspace"): list(range(61, 90))}
    two = days_with(lived(*app, session(61, app="Calm"), tag(63, "mindful")))
    assert two["mindful", ""] == [63], "of two nobody knows"
    named = lived(tag(5, "medicine", "sertraline"), tag(6, "medicine"))
    assert days_with(named) == {("medicine", ""): [6], ("medicine", "sertraline"): [5]}


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["", "Calm", "calm", "Headspace"])), max_size=40)
)
@settings(deadline=None, max_examples=60)
def test_what_is_noted_later_renames_nothing(noted: list[tuple[int, str]]) -> None:
    every = [session(day, app=app, hour=8 + len(app) / 100) for day, app in noted]
    whole = days_with(lived(*every))
    for before in (10, 30, 50):
        cut = days_with(lived(*(one for one in every if one.day < ZERO + before)))
        assert cut == {key: kept for key, days in whole.items() if (kept := [d for d in days if d < before])}


@pytest.mark.parametrize(
    ("start_h", "hours", "days"),
    [(0, 24, [40]), (0, 120, [40, 41, 42, 43, 44]), (20, 36, [40, 41, 42]), (9, 1, [40]), (9, 0, [40])],
)
def test_an_illness_lasts_from_its_first_day_to_its_last(start_h: int, hours: int, days: list[int]) -> None:
    start_us = (ZERO + 40) * DAY_US + start_h * HOUR_US
    ill = Noted("ill", "", ZERO + 40, start_us, start_us + hours * HOUR_US, timed=True)
    assert (lived(ill).apart[0] - ZERO).tolist() == days


def test_a_medicine_that_is_fetched_each_month_begins_once() -> None:
    fetched = [tag(day, "medicine", "sertraline") for day in (40, 71, 102, 133)]
    question = asked(lived(*fetched), 80)["medicine", "sertraline", "since_start"]
    assert question.start == 40
    assert ("medicine", "sertraline", "since_start") not in asked(lived(*fetched), 145), "98 days on"
    again = lived(*fetched, tag(250, "medicine", "sertraline"))
    assert asked(again, 290)["medicine", "sertraline", "since_start"].day[0] == ZERO + 250 - BEFORE_DAYS


def test_a_dated_change_of_habit_is_asked_about_from_its_day_on() -> None:
    life = lived(tag(60, "change", "decaf"))
    assert set(asked(life, 100)) == {("change", "decaf", "since_start")}
    question = asked(life, 100)["change", "decaf", "since_start"]
    assert (question.start, question.day.size, question.hinders) == (60, 100, None)


def test_a_plan_that_is_over_is_judged_before_the_next_one_of_the_same_thing() -> None:
    drawn = draw_plan("blocks_2", 1)
    plans = [Planned("walk", "", "blocks_2", "index", 1, ZERO + first, drawn) for first in (30, 115)]
    life = lived(plans=plans)
    assert asked(life, 110)["walk", "", "plan"].day[0] == ZERO + 30
    assert asked(life, 120)["walk", "", "plan"].day[0] == ZERO + 30, "over, and to be judged"
    assert asked(life, 128)["walk", "", "plan"].day[0] == ZERO + 30
    assert asked(life, 129)["walk", "", "plan"].day[0] == ZERO + 115


def test_a_plan_that_was_given_up_before_it_began_changed_nothing() -> None:
    drawn = draw_plan("blocks_2", 1)
    practice = [session(day) for day in range(60, 100)]
    for stopped, hinders in ((None, "another_change"), (ZERO + 61, None), (ZERO + 70, "another_change")):
        plan = Planned("walk", "", "blocks_2", "index", 1, ZERO + 63, drawn, stopped)
        question = asked(lived(*practice, plans=[plan]), 100)["mindful", "Headspace", "since_start"]
        assert question.hinders == hinders


def test_nobody_asks_about_alcohol_or_illness_and_those_days_are_allowed_for() -> None:
    ill = Noted("ill", "", ZERO + 40, (ZERO + 40) * DAY_US, (ZERO + 42) * DAY_US, timed=True)
    kinds = ("alcohol", "mark", "eda_scan", "menstruation")
    others = [session(d, kind, "") for kind in kinds for d in range(30, 60)]
    life = lived(*others, ill, tag(44, "travel"), *(session(d) for d in range(35, 60)))
    assert set(days_with(life)) == {("mindful", "Headspace")}
    question = asked(life, 57)["mindful", "Headspace", "since_start"]
    day = (question.day - ZERO).tolist()
    assert [day[k] for k in np.flatnonzero(question.others[:, 0])] == [40, 41]
    assert [day[k] for k in np.flatnonzero(question.others[:, 1])] == [44]


# Starts


def test_a_start_is_the_first_day_after_four_weeks_of_record_without_it() -> None:
    daily = [session(d) for d in range(28, 80)]
    question = asked(lived(*daily), 60)["mindful", "Headspace", "since_start"]
    assert int(question.day[0]) - ZERO == 0
    assert (question.start, int(question.day[-1]) - ZERO) == (28, 59)
    assert question.with_it.tolist() == [False] * 28 + [True] * 32
    assert question.hinders is None
    # One day less of record, and it was there from the first days on: that is no start, but a matter of sessions.
    assert set(asked(lived(*daily, first=1), 60)) == {("mindful", "Headspace", "after_sessions")}


def test_an_earlier_time_of_it_is_no_time_without_it() -> None:
    early, again = range(10, 31), range(60, 90)
    question = asked(lived(*(session(d) for d in (*early, *again))), 85)[
        "mindful", "Headspace", "since_start"
    ]
    assert int(question.day[question.start]) - ZERO == 60
    assert int(question.day[0]) - ZERO == 34  # the last day, 30, and the three after it
    far = asked(lived(*(session(d) for d in (5, *range(150, 180)))), 175)[
        "mindful", "Headspace", "since_start"
    ]
    assert far.start == BEFORE_DAYS


@pytest.mark.parametrize(("gap", "is_start"), [(28, False), (29, True)])
def test_a_pause_of_four_weeks_makes_a_start(gap: int, is_start: bool) -> None:
    # `gap` days from one to the next: gap - 1 without it in between.
    again = 50 + gap
    life = lived(*(session(d) for d in (*range(40, 51), *range(again, again + 30))))
    question = asked(life, again + 25)["mindful", "Headspace", "since_start"]
    assert (int(question.day[question.start]) - ZERO == again) is is_start


@pytest.mark.parametrize("event", ["mindful", "gratitude"])
def test_a_practice_begins_only_if_it_goes_on(event: str) -> None:
    six, five = (40, 41, 45, 50, 55, 60), (40, 41, 45, 50, 60)
    key = (event, "", "since_start")
    assert key in asked(lived(*(session(d, event, "") for d in six)), 61)
    assert key not in asked(lived(*(session(d, event, "") for d in six)), 60), "three weeks are not over"
    assert set(asked(lived(*(session(d, event, "") for d in five)), 61)) == {(event, "", "after_sessions")}


def test_nothing_is_asked_of_a_practice_while_it_is_not_known_whether_it_goes_on() -> None:
    life = lived(*(session(d) for d in range(40, 70)))
    assert [set(asked(life, before)) for before in (44, 60)] == [set(), set()]
    assert set(asked(life, 61)) == {("mindful", "Headspace", "since_start")}


def test_one_dose_is_a_change_from_its_day_on_and_not_for_ever() -> None:
    life = lived(tag(40, "medicine"))
    question = asked(life, 41)["medicine", "", "since_start"]
    assert (question.start, question.with_it.tolist()) == (40, [False] * 40 + [True])
    assert question.session.sum() == 1
    assert len(asked(life, 138)) == 1
    assert asked(life, 139) == {}, "98 days on it is an old question"
    assert asked(lived(tag(40, "medicine"), first=13), 60) == {}
    assert asked(lived(tag(-30, "medicine"), tag(10, "medicine")), 60) == {}, "ten days of record without it"


def test_therapy_is_asked_both_ways() -> None:
    life = lived(*(session(d, "therapy", "BetterHelp", hour=15) for d in range(43, 100, 7)))
    assert set(asked(life, 90)) == {
        ("therapy", "BetterHelp", "since_start"),
        ("therapy", "BetterHelp", "after_sessions"),
    }
    # From before the record on there is no start.
    assert set(asked(lived(*(session(d, "therapy", "") for d in range(1, 90, 7))), 90)) == {
        ("therapy", "", "after_sessions")
    }


# Sessions


def test_days_with_a_session_are_its_own_and_the_three_after_it() -> None:
    life = lived(*(session(d, "therapy", "") for d in (30, 44, 45, 60)))
    question = asked(life, 70)["therapy", "", "after_sessions"]
    assert int(question.day[0]) - ZERO == 30
    with_it = [int(d) - ZERO for d in question.day[question.with_it]]
    assert with_it == [*range(30, 34), *range(44, 49), *range(60, 64)]
    assert [int(d) - ZERO for d in question.day[question.session]] == [30, 44, 45, 60]


def test_a_record_of_sessions_ends_twelve_weeks_after_the_last() -> None:
    life = lived(*(session(d, "therapy", "") for d in (2, 9, 16, 101, 105, 109)))
    key = ("therapy", "", "after_sessions")
    assert key in asked(life, 100)
    assert key not in asked(life, 101)
    again = asked(life, 110)[key]
    assert int(again.day[0]) - ZERO == 101


def test_each_record_of_sessions_is_judged_on_its_own_days() -> None:
    life = lived(*(session(d, "therapy", "") for d in range(10, 400, 9)))
    spans = {}
    for known in (83, 84, 167, 168, 335, 336, 380):
        question = asked(life, 10 + known)["therapy", "", "after_sessions"]
        spans[known] = find_span(question, choose_look(question))
    assert spans == {
        83: (0, 83),
        84: (0, 84),
        167: (0, 84),
        168: (0, 168),
        335: (0, 168),
        336: (168, 336),
        380: (168, 336),
    }


def weekly(start: int, count: int, step: int = 7) -> list[int]:
    return [start + step * k for k in range(count)]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (weekly(1, 12), ("same_weekday", 4)),
        (weekly(1, 12, 14), ("same_weekday", 4)),
        # One missed, one moved by a day, one by a week: of a fortnightly rhythm too.
        ([d for d in weekly(1, 12) if d != 29], ("few_moved_sessions", 3)),
        ([30 if d == 29 else d for d in weekly(1, 12)], ("few_moved_sessions", 3)),
        ([36 if d == 29 else d for d in weekly(1, 8, 14)], ("few_moved_sessions", 3)),
        # Two missed and two moved are four.
        ([{29: 30, 43: 44}.get(d, d) for d in weekly(1, 14) if d not in (57, 64)], (None, None)),
        # On two weekdays, without a rhythm, or too few to have one.
        (sorted(weekly(1, 10) + weekly(3, 10)), (None, None)),
        ([1, 29, 50, 85, 113], (None, None)),
        (weekly(1, 3), (None, None)),
    ],
)
def test_sessions_on_one_weekday_are_held_against_their_own_rhythm(
    days: list[int], said: tuple[str | None, int | None]
) -> None:
    assert judge_rhythm(np.array(days) + ZERO) == said


def test_a_weekday_that_never_changes_stands_in_the_way_of_sessions_and_not_of_the_start() -> None:
    life = lived(*(session(d, "therapy", "") for d in weekly(43, 12)))
    found = asked(life, 120)
    assert found["therapy", "", "after_sessions"].hinders == "same_weekday"
    assert found["therapy", "", "since_start"].hinders is None
    assert set(weekdays(np.array([ZERO, ZERO + 6])).tolist()) == {0, 6}


# What else changed


@pytest.mark.parametrize(
    ("other", "hinders"),
    [
        ([tag(74, "medicine")], "another_change"),
        ([tag(75, "medicine")], None),
        ([tag(46, "medicine")], "another_change"),
        ([tag(45, "medicine")], None),
        ([session(d, "therapy", "", hour=20) for d in (70, 77)], "another_change"),
        # Another app that is used a few times only, and one that goes on.
        ([session(d, app="Calm", hour=20) for d in (62, 70)], None),
        ([session(d, app="Calm", hour=20) for d in range(62, 80)], "another_change"),
        # One that was left for it: what went with leaving it cannot be told from what went with the new one.
        ([session(d, app="Calm", hour=20) for d in range(58)], "another_change"),
        ([session(d, app="Calm", hour=20) for d in range(45)], None),
    ],
)
def test_another_change_within_two_weeks_stands_in_the_way(other: list[Noted], hinders: str | None) -> None:
    life = lived(*(session(d) for d in range(60, 110)), *other)
    assert asked(life, 102)["mindful", "Headspace", "since_start"].hinders == hinders


def test_what_is_noted_for_a_later_day_is_not_looked_at() -> None:
    sessions = [session(d) for d in range(60, 110)]
    before = asked(lived(*sessions[:30]), 90)
    after = asked(lived(*sessions, tag(91, "medicine"), tag(95, "ill")), 90)
    assert before.keys() == after.keys()
    for key, question in before.items():
        assert_same(question, after[key])
    dose = asked(lived(tag(60, "medicine"), tag(66, "walk"), session(67, "therapy", "")), 65)
    assert dose["medicine", "", "since_start"].hinders is None


def assert_same(left: Question, right: Question) -> None:
    for name in ("day", "with_it", "session", "others"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
    assert (left.start, left.hinders, left.needed) == (right.start, right.hinders, right.needed)


# Plans


def planned(first: int = 30, stopped: int | None = None, app: str = "Headspace") -> Planned:
    drawn = draw_plan("blocks_7", 7)
    gone = None if stopped is None else ZERO + stopped
    return Planned("mindful", app, "blocks_7", "felt_stress", 7, ZERO + first, drawn, gone)


def test_a_plan_is_asked_as_it_was_drawn_whatever_was_done() -> None:
    plan = planned()
    life = lived(*(session(d) for d in range(31, 100, 3)), plans=[plan])
    question = asked(life, 120)["mindful", "Headspace", "plan"]
    assert question.day.tolist() == list(range(ZERO + 30, ZERO + 114))
    np.testing.assert_array_equal(question.with_it, plan.drawn == 1)
    assert question.outcome == "felt_stress"
    assert question.draw is not None
    np.testing.assert_array_equal(question.draw.possible[0], plan.drawn)
    assert len(question.draw.possible) == 64
    assert asked(life, 30) == {}, "it has not begun"
    assert question.hinders is None


def test_while_a_plan_runs_nothing_else_is_asked_of_the_same() -> None:
    both = [session(d) for d in range(5, 100, 9)] + [
        session(d, app="Calm", hour=20) for d in range(5, 100, 9)
    ]

    def keys(app: str) -> set[tuple[str, str, str]]:
        return set(asked(lived(*both, plans=[planned(app=app)]), 90))

    assert keys("Headspace") == {("mindful", "Headspace", "plan"), ("mindful", "Calm", "after_sessions")}
    assert keys("") == {("mindful", "", "plan")}


def test_a_plan_that_was_given_up_says_so_from_then_on() -> None:
    life = lived(plans=[planned(stopped=60)])
    key = ("mindful", "Headspace", "plan")
    assert asked(life, 60)[key].hinders is None
    assert asked(life, 61)[key].hinders == "plan_given_up"
    assert asked(lived(plans=[planned(stopped=25)]), 61) == {}, "given up before it began"


def test_a_stored_plan_holds_even_if_its_seed_should_draw_another() -> None:
    other = replace(planned(), drawn=1 - planned().drawn)
    question = asked(lived(plans=[other]), 120)["mindful", "Headspace", "plan"]
    assert question.draw is not None
    np.testing.assert_array_equal(question.draw.possible[0], other.drawn)
    np.testing.assert_array_equal(question.with_it, other.drawn == 1)
    assert len(np.unique(question.draw.possible, axis=0)) == len(question.draw.possible) == 64


def test_at_most_five_are_asked_plans_first_then_those_with_most_days() -> None:
    words = {f"word{k}": range(1, 60, 10 - k) for k in range(6)}
    noted = [session(d, word, "", hour=k) for k, (word, days) in enumerate(words.items()) for d in days]
    assert [q.event for q in find_questions(lived(*noted), ZERO + 60)] == [
        f"word{k}" for k in (5, 4, 3, 2, 1)
    ]
    found = find_questions(lived(*noted, plans=[planned()]), ZERO + 60)
    assert [(q.kind, q.event) for q in found][:2] == [("plan", "mindful"), ("after_sessions", "word5")]
    assert len(found) == 5


def test_nothing_is_asked_where_nothing_was_measured() -> None:
    assert asked(lived(*(session(d) for d in range(60)), first=None), 60) == {}
    assert asked(lived(first=0), 60) == {}


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_questions_keep_their_shape_whatever_was_noted(data: st.DataObject) -> None:
    kinds = [
        ("mindful", "Headspace"),
        ("mindful", ""),
        ("therapy", "x"),
        ("medicine", ""),
        ("ill", ""),
        ("walk", ""),
    ]
    noted = data.draw(
        st.lists(
            st.builds(
                lambda kind, day, hour, timed: session(day, *kind, hour=hour) if timed else tag(day, *kind),
                st.sampled_from(kinds),
                st.integers(-40, 300),
                st.integers(0, 23),
                st.booleans(),
            ),
            max_size=60,
        )
    )
    before = data.draw(st.integers(1, 320))
    found = find_questions(lived(*noted), ZERO + before)
    assert len(found) <= 5
    assert len({(q.event, q.app, q.kind) for q in found}) == len(found)
    for question in found:
        days = question.day.size
        assert question.day[-1] == ZERO + before - 1
        assert (np.diff(question.day) == 1).all()
        assert 0 <= question.start < days
        assert question.with_it[question.start]
        assert not question.with_it[: question.start].any()
        assert question.session[question.start]
        assert question.others.shape == (days, 2)
    reordered = find_questions(lived(*reversed(noted)), ZERO + before)
    for left, right in zip(found, reordered, strict=True):
        assert_same(left, right)


# Devices and wear


def test_the_days_of_one_device_are_used_and_another_one_about_the_start_stands_in_the_way() -> None:
    old, new = 5, 9
    away = np.array([new] * 30 + [old] * 40 + [0] * 5 + [old] * 30)
    assert choose_segment(away, 60) == (old, False), "the other one was long before"
    swapped = np.array([old] * 50 + [new] * 40)
    assert choose_segment(swapped, 60) == (old, True)
    assert choose_segment(swapped, 30) == (old, False), (
        "20 days of the one and eight of the other after the start"
    )
    assert choose_segment(swapped, None) == (old, False)
    assert choose_segment(np.zeros(40, dtype=np.int64), 20) == (None, False)
    assert choose_segment(np.array([0] * 20 + [new] * 20), 20) == (new, False)


def test_wear_that_changed_with_the_start_is_seen() -> None:
    always, seldom = np.ones(28, dtype=bool), np.arange(28) % 2 == 0
    known = np.ones(56, dtype=bool)
    assert wears_otherwise(np.concatenate([always, seldom]), known, 28)
    assert wears_otherwise(np.concatenate([seldom, always]), known, 28)
    assert not wears_otherwise(np.concatenate([always, np.arange(28) % 4 > 0]), known, 28)
    assert not wears_otherwise(np.concatenate([always, seldom[:20]]), known[:48], 28), "not known yet"
    few = np.concatenate([always, np.arange(28) < 17])
    assert not wears_otherwise(few, few, 28), "it is the days that are missing"
