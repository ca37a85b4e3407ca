"""Which verdicts on what was tried are told, for how long, and in which words: in the person's own units."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from build_weeks import MONDAY
from hypothesis import given, settings
from hypothesis import strategies as st
from test_claims import find_claims
from tried_rows import ADVICE, JUDGED, LOWER, OPEN, Noted, effect_of, fill_tried, verdict

from models.effect.limits import AFTER_DAYS
from models.effect.question import Reason
from models.effect.randomise import PLAN_DAYS
from reports.catalogue import load_language, say
from reports.read_tried import Effect, Kept, read_tried
from reports.tried import CARE, LOOKED_DAYS, Finding, Tried, choose_tried, coming_week, is_over
from reports.tried_words import (
    difference_sentence,
    doubt_sentences,
    help_sentence,
    name_tried,
    put_in_words,
    tell_finding,
    tell_notes,
)
from warehouse.plans import Plan
from warehouse.store import open_warehouse

ENGLISH = load_language()
# Which are told


def test_a_verdict_is_told_for_four_weeks_named_for_eight_more_and_then_left() -> None:
    for weeks in range(20):
        found = effect_of("likely_lower", **LOWER, since=JUDGED - timedelta(weeks=weeks))
        told = choose_tried(Kept((found,)), MONDAY)
        assert len(told.findings) == (weeks < 4)
        assert len(told.earlier) == (4 <= weeks < 12)
        assert told.is_empty == (weeks >= 12)


def test_that_it_cannot_be_told_is_said_in_one_week_and_never_named_again() -> None:
    for weeks in range(3):
        held = effect_of("cannot_tell", reason="few_days_after", since=JUDGED - timedelta(weeks=weeks))
        assert choose_tried(Kept((held,)), MONDAY).is_empty == (weeks > 0)


def test_three_are_told_plans_first_then_answers_then_the_newest() -> None:
    kept = Kept(
        (
            effect_of("cannot_tell", event="a", reason="no_variation"),
            effect_of("likely_lower", event="b", since=JUDGED - timedelta(weeks=2)),
            effect_of("likely_higher", event="c"),
            effect_of("cannot_tell", event="d", question="plan", reason="plan_given_up"),
            effect_of("likely_lower", event="b", outcome="tst_min", primary_outcome=False),
        )
    )
    told = choose_tried(kept, MONDAY)
    assert [f.effect.event for f in told.findings] == ["d", "c", "b"]
    assert [e.outcome for e in told.findings[-1].also] == ["tst_min"]
    assert told.earlier == ()  # what did not fit is not yet told


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Verdicts of several Mondays: how long each has been found."""
    folder = tmp_path_factory.mktemp("runs")

    def week(k: int, word: str, event: str, **more: object) -> dict[str, object]:
        return verdict(word, event, day=JUDGED - timedelta(weeks=k), **more)

    found = [(5, {"early": True}), (4, {}), (2, {"last_day": JUDGED - timedelta(days=30)})]
    found.append((1, {"last_day": JUDGED - timedelta(days=30)}))
    rows = (
        *(week(k, "likely_lower", "steady", **more) for k, more in found),
        *(
            week(k, "cannot_tell", "waiting", reason=reason, needed=9 - k, early=k < 2)
            for k, reason in (
                (6, "few_days_with"),
                (3, "same_weekday"),
                (2, "same_weekday"),
                (1, "same_weekday"),
            )
        ),
        week(3, "likely_lower", "turned"),
        week(2, "no_clear_change", "turned"),
        week(1, "likely_lower", "turned"),
        verdict("likely_higher", "later", day=JUDGED + timedelta(weeks=1)),
        week(1, "likely_lower", "turned", outcome="tst_min", primary=False),
        week(3, "likely_lower", "turned", outcome="felt_stress", primary=False),
    )
    fill_tried(folder / "w.duckdb", folder / "staging", {"p": Noted(rows)})
    return folder / "w.duckdb"


def test_a_finding_is_as_old_as_its_verdict_its_look_or_its_reason(runs: Path) -> None:
    with open_warehouse(runs, read_only=True) as con:
        kept = read_tried(con, ["p", "nobody"], JUDGED)
    assert kept["nobody"] == Kept()
    weeks = {e.event: (JUDGED - e.since).days // 7 for e in kept["p"].effects if e.primary}
    # A new last look is a new finding; more days needed for the same reason is none; what comes later is not known.
    assert weeks == {"steady": 2, "waiting": 3, "turned": 1}
    assert [e.outcome for e in kept["p"].effects if not e.primary] == ["tst_min"]
    assert {e.event: e.needed for e in kept["p"].effects if e.primary}["waiting"] == 8


def test_the_days_are_those_of_the_newest_verdict(runs: Path) -> None:
    with open_warehouse(runs, read_only=True) as con:
        days = read_tried(con, ["p"], JUDGED)["p"].days
        ((first, last, count),) = con.execute(
            "select min(date), max(date), count(value) from model.effect_day where event = 'turned' and day = ?",
            [JUDGED - timedelta(weeks=1)],
        ).fetchall()
    turned = days["turned", "", "since_start"]
    assert (turned[0].date, turned[-1].date, sum(d.value is not None for d in turned)) == (first, last, count)
    assert count < len(turned) == 84
    assert ("waiting", "", "since_start") not in days


# Plans


def plan_of(first: date, drawn: str, **more: object) -> Plan:
    days = tuple(sign == "1" for sign in drawn)
    last = first + timedelta(days=len(days) - 1)
    plan = Plan("p", 1, "yoga", "", "blocks_2", "index", 1, first, last, days, datetime(2020, 1, 1))
    return replace(plan, **more)  # type: ignore[arg-type]


def test_the_coming_week_of_a_plan_is_read_off_its_draw() -> None:
    # From the Wednesday before: day 5 of the draw is the Monday of the coming week.
    plan = plan_of(JUDGED - timedelta(days=5), "11111" + "0110011" + "0000")
    coming = coming_week(plan, JUDGED)
    assert coming is not None
    assert [(d - JUDGED).days for d in coming.days_with] == [1, 2, 5, 6]
    assert [(d - JUDGED).days for d in coming.days_without] == [0, 3, 4]
    assert (coming.begins, coming.ends) == (None, None)


def test_a_plan_that_begins_ends_or_is_given_up_in_the_week_says_so() -> None:
    begins = coming_week(plan_of(JUDGED + timedelta(days=2), "10" * 42), JUDGED)
    assert begins is not None
    assert (begins.begins, len(begins.days_with) + len(begins.days_without)) == (
        JUDGED + timedelta(days=2),
        5,
    )
    ends = coming_week(plan_of(JUDGED - timedelta(days=82), "1" * 84), JUDGED)
    assert ends is not None
    assert (ends.ends, len(ends.days_with)) == (JUDGED + timedelta(days=1), 2)
    stopped = plan_of(JUDGED, "10" * 42, stopped_day=JUDGED + timedelta(days=1))
    assert [c and c.days_with for c in (coming_week(stopped, JUDGED),)] == [(JUDGED,)]
    assert coming_week(replace(stopped, stopped_day=JUDGED), JUDGED) is None
    assert coming_week(plan_of(JUDGED + timedelta(days=7), "10" * 42), JUDGED) is None
    assert coming_week(plan_of(JUDGED - timedelta(days=84), "10" * 42), JUDGED) is None


@pytest.mark.parametrize("event", CARE)
def test_nobody_is_reminded_of_a_day_without_care(event: str) -> None:
    assert coming_week(plan_of(JUDGED, "10" * 42, event=event), JUDGED) is None


@pytest.mark.parametrize(
    ("drawn", "line"),
    [
        ("1100110", "with it on Monday, Tuesday, Friday and Saturday, and without it on Wednesday, Thursday"),
        ("1111111", "every day of the week is one with it."),
        ("0000000", "every day of the week is one without it."),
        ("11", "with it on Monday and Tuesday."),
        ("00", "without it on Monday and Tuesday."),
    ],
)
def test_the_reminder_names_the_days(drawn: str, line: str) -> None:
    kept = Kept(plans=(plan_of(JUDGED, drawn),))
    said = put_in_words(choose_tried(kept, MONDAY), ENGLISH)
    assert said is not None
    assert said.plan is not None
    assert line in said.plan.lines[0]
    assert said.plan.lines[0].startswith("\u2068Yoga\u2069: ")
    assert ("The plan ends on Tuesday." in said.plan.lines[0]) == (len(drawn) == 2)
    assert "A missed day is fine." in said.plan.note


def test_a_plan_that_still_runs_is_told_by_its_reminder_alone() -> None:
    held = effect_of("cannot_tell", event="yoga", app="", question="plan", reason="plan_not_over")
    plan = plan_of(JUDGED - timedelta(days=7), "10" * 42)
    assert choose_tried(Kept((held,), plans=(plan,)), MONDAY).findings == ()
    assert len(choose_tried(Kept((held,)), MONDAY).findings) == 1


# Words


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"effect": -9.4, "lo": -15.2, "hi": -3.1}, "about 9 of 100 points lower, between 3 and 15."),
        ({"effect": 9.4, "lo": 3.1, "hi": 15.2}, "about 9 of 100 points higher, between 3 and 15."),
        (
            {"effect": -1.2, "lo": -7.4, "hi": 5.3},
            "about 1 of 100 points lower. It may be from 7 lower to 5 higher.",
        ),
        (
            {"effect": 1.2, "lo": -5.3, "hi": 7.4},
            "about 1 of 100 points higher. It may be from 5 lower to 7 higher.",
        ),
        (
            {"effect": 0.2, "lo": -5.3, "hi": 7.4},
            "was about the same. It may be from 5 points lower to 7 higher.",
        ),
        # An end that is not zero is not written as zero.
        ({"effect": -6.0, "lo": -11.8, "hi": -0.3}, "about 6.0 of 100 points lower, between 0.3 and 11.8."),
        (
            {"outcome": "felt_stress", "effect": -0.8, "lo": -1.4, "hi": -0.2},
            "the stress that you told of was about 0.8 of 10 points lower, between 0.2 and 1.4.",
        ),
        (
            {"outcome": "tst_min", "effect": 74.6, "lo": 6.1, "hi": 131.4},
            "you slept about 1 h 15 min more a night, between 6 min and 2 h 11 min.",
        ),
        # A logarithm, by hand: e^-.1 is .905, e^-.2 is .819, e^-.02 is .980.
        (
            {"outcome": "ln_rmssd", "effect": -0.1, "lo": -0.2, "hi": -0.02},
            "the time between your heartbeats varied about 10 % less in the night, between 2 and 18 %.",
        ),
        (
            {"outcome": "ln_rmssd", "effect": 0.05, "lo": -0.1, "hi": 0.2},
            "varied about 5 % more in the night. It may be from 10 % less to 22 % more.",
        ),
    ],
)
def test_a_difference_is_said_in_the_persons_own_units(numbers: dict[str, object], said: str) -> None:
    text = difference_sentence(effect_of("no_clear_change", **numbers), ENGLISH)
    assert text.startswith("Since then, ")
    assert text.endswith(said)


small = st.floats(-80, 80, allow_nan=False).filter(lambda x: abs(x) > 0.06)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(["index", "felt_stress", "tst_min", "ln_rmssd"]), small, small, small)
def test_a_range_is_said_to_hold_zero_where_it_does_and_nowhere_else(
    outcome: str, a: float, b: float, c: float
) -> None:
    lo, middle, hi = sorted((a, b, c))
    if outcome == "ln_rmssd":
        lo, middle, hi = lo / 80, middle / 80, hi / 80
    text = difference_sentence(
        effect_of("likely_lower", outcome=outcome, effect=middle, lo=lo, hi=hi), ENGLISH
    )
    assert ("It may be from" in text) == (lo < 0 < hi)
    if not lo < 0 < hi:
        down = {"tst_min": " less a night", "ln_rmssd": "% less"}.get(outcome, " lower")
        assert (down in text) == (hi < 0)
        numbers = [float(x) for x in re.findall(r"\d+(?:\.\d+)?", text.split("between ")[1])]
        assert outcome == "tst_min" or numbers == sorted(numbers)


def test_what_takes_from_a_verdict_is_said() -> None:
    said = {
        "open": doubt_sentences(effect_of("no_clear_change", **OPEN), ENGLISH),
        "back": doubt_sentences(effect_of("no_clear_change", **LOWER, steady=False), ENGLISH),
        "both": doubt_sentences(effect_of("no_clear_change", **OPEN, steady=False), ENGLISH),
        "early": doubt_sentences(effect_of("likely_lower", **LOWER, early=True), ENGLISH),
        "plain": doubt_sentences(effect_of("likely_lower", **LOWER), ENGLISH),
    }
    assert said["open"] == ["A small change can still hide in the ups and downs of days."]
    assert said["both"] == said["open"]  # its range holds 0: no check took it back
    assert said["back"] == ["Other ways to look at it do not agree, so it does not count as a change."]
    assert said["early"] == ["This is an early look, so it can still change."]
    assert said["plain"] == []


def test_notes_say_only_what_holds_for_what_was_found() -> None:
    def notes(*found: Effect, gentle: bool = False) -> str:
        return " ".join(tell_notes([Finding(e) for e in found], ENGLISH, gentle=gentle))

    start = effect_of("likely_lower", **LOWER)
    plan = effect_of("likely_lower", question="plan", method="randomisation", effect=-9.0, lo=-15.0, hi=-3.0)
    assert "drawn by chance" not in notes(start)
    assert "99 times in 100" in notes(replace(start, early=True))
    assert "19 times in 20" not in notes(replace(start, early=True))
    assert "what went with it and not why" not in notes(plan)
    assert "drawn by chance" in notes(plan)
    assert not re.search(r"\d", notes(start, plan, gentle=True))
    assert "says nothing against you" in notes(replace(start, verdict="likely_higher"))
    assert "says nothing against you" not in notes(start, plan)
    sleep = effect_of("likely_higher", outcome="tst_min", effect=9.0, lo=3.0, hi=15.0)
    assert "says nothing against you" not in notes(sleep)
    for found in (start, plan, effect_of("cannot_tell", reason="no_variation")):
        assert "no reason to change" in notes(found).replace("None of this is a", "no")


def test_a_range_since_a_start_is_not_promised_whatever_happens() -> None:
    start = effect_of("likely_lower", **LOWER)
    sessions = effect_of("likely_lower", event="therapy", question="after_sessions", **LOWER)
    plan = effect_of("likely_lower", question="plan", effect=-9.0, lo=-15.0, hi=-3.0)

    def about_ranges(*found: Effect) -> str:
        texts = tell_notes([Finding(e) for e in found], ENGLISH, gentle=False)
        return " ".join(text for text in texts if "allowed for" in text or "times in" in text)

    assert about_ranges(start) == (
        "Before and since: weekdays and a small steady change are allowed for. A season, a holiday or a hard time that"
        " ends can look the same as a change. If nothing like that came in between, a range since a start holds the"
        " true difference about 19 times in 20."
    )
    early = about_ranges(replace(start, early=True))
    assert early.endswith(
        "If nothing like that came in between, an early range since a start holds the true difference about 99 times in"
        " 100."
    )
    assert (
        about_ranges(plan)
        == "A range after sessions or in a plan holds the true difference about 19 times in 20."
    )
    assert about_ranges(sessions) == (
        "After sessions: weekdays and slow change over the weeks are allowed for. " + about_ranges(plan)
    )
    assert about_ranges(start, sessions, plan) == f"{about_ranges(start)} {about_ranges(sessions)}"


def test_days_that_were_not_usual_may_have_been_calm_ones() -> None:
    for reason, question in (
        ("begun_on_hard_days", "since_start"),
        ("sessions_on_hard_days", "after_sessions"),
    ):
        card = tell_finding(
            Finding(effect_of("cannot_tell", reason=reason, question=question)), ENGLISH, gentle=False
        )
        assert "not your usual days, and such times often pass by themselves." in card.body
        assert not re.search(r"\b(hard\w*|eas\w+|calm\w*)\b", card.body)


def test_a_change_of_habit_is_called_by_its_word() -> None:
    assert name_tried("change", "less coffee", ENGLISH) == "\u2068less coffee\u2069"
    assert name_tried("change", "", ENGLISH) == "the change"
    assert name_tried("mindful", "Calm", ENGLISH) == "mindful time with \u2068Calm\u2069"


# Once the days are over


def waits(reason: str, days: int, **more: object) -> Effect:
    """Cannot tell, after so many days since the start."""
    last = JUDGED - timedelta(days=1)
    start = last - timedelta(days=days - 1)
    return effect_of("cannot_tell", reason=reason, start_day=start, last_day=last, **more)


def test_the_days_that_are_looked_at_are_those_of_the_models() -> None:
    assert LOOKED_DAYS == {"since_start": AFTER_DAYS, "plan": PLAN_DAYS}
    assert [is_over(waits("few_days_with", k)) for k in (41, 42)] == [False, True]
    assert [is_over(waits("few_days_with", k, question="plan")) for k in (83, 84)] == [False, True]
    assert not is_over(waits("few_days_with", 168, question="after_sessions"))
    assert not is_over(waits("few_days_with", 42, early=True))


MISSING = (
    "no_outcome",
    "few_days_after",
    "few_days_with",
    "few_days_without",
    "many_days_missing",
    "wear_changed",
)
NO_MORE = "These days are over, and what is missing in them cannot come back."
A_PLAN = "A plan drawn by chance could tell from here on."


@pytest.mark.parametrize("reason", MISSING)
def test_what_cannot_come_back_is_not_asked_for(reason: str) -> None:
    assert help_sentence(waits(reason, 42), ENGLISH) == f"{NO_MORE} {A_PLAN}"
    assert help_sentence(waits(reason, 42), ENGLISH, gentle=True) == f"{NO_MORE} {A_PLAN}"
    assert help_sentence(waits(reason, 84, question="plan"), ENGLISH) == (
        f"{NO_MORE} A new plan can start whenever you like."
    )
    for event in CARE:
        assert help_sentence(waits(reason, 42, event=event), ENGLISH) == NO_MORE
    for going_on in (
        waits(reason, 41),
        waits(reason, 60, early=True),
        waits(reason, 42, question="after_sessions"),
    ):
        assert help_sentence(going_on, ENGLISH) == say(ENGLISH, f"effect.help.{reason}")


def test_a_start_that_is_over_did_not_begin_lately_and_is_told_without_yet() -> None:
    def body(effect: Effect) -> str:
        return tell_finding(Finding(effect), ENGLISH, gentle=False).body

    assert body(waits("few_days_after", 42)) == (
        "Cannot tell, because there are too few days with a value since mindful time with \u2068Headspace\u2069 began."
    )
    assert body(waits("few_days_after", 30, early=True)) == (
        "Cannot tell yet, because mindful time with \u2068Headspace\u2069 began not long ago."
    )
    assert body(waits("another_change", 42)).startswith("Cannot tell yet, because ")


def test_more_days_are_promised_only_where_they_can_help() -> None:
    assert help_sentence(waits("device_changed", 25), ENGLISH) == f"More days do not change that. {A_PLAN}"
    assert (
        help_sentence(waits("no_variation", 42), ENGLISH)
        == "These days are over, and more days do not change that."
    )
    assert help_sentence(waits("no_variation", 30), ENGLISH) == "More days may show more."
    assert help_sentence(waits("few_days_before", 42), ENGLISH) == (
        f"Older days would help, if your watch still knows them. {A_PLAN}"
    )
    # Nobody is told to let chance draw their care.
    for event in CARE:
        told = [help_sentence(waits(reason, 42, event=event), ENGLISH) for reason in get_args(Reason)[:6]]
        assert not [text for text in told if "drawn" in text]


@pytest.mark.parametrize("reason", get_args(Reason))
@pytest.mark.parametrize("needed", [None, 1, 12])
def test_every_reason_has_its_words_and_what_would_help(reason: str, needed: int | None) -> None:
    for event in ("therapy", "medicine", "mindful", "own word"):
        held = effect_of("cannot_tell", reason=reason, needed=needed, event=event)
        card = tell_finding(Finding(held), ENGLISH, gentle=False)
        assert re.match("Cannot tell( yet)?, because ", card.body)
        assert card.aside.endswith(".")
        assert not re.search(ADVICE, f"{card.body} {card.aside}")
        assert not re.search(r"\d", tell_finding(Finding(held), ENGLISH, gentle=True).aside)
        assert not list(find_claims(f"{card.body} {card.aside}"))
    told = re.search(r"\b12\b", card.aside)
    assert bool(told) == (needed == 12 and f"effect.more.{reason}" in ENGLISH.messages)


def test_no_message_says_that_it_works_or_what_to_do() -> None:
    for key, message in ENGLISH.messages.items():
        if key.startswith(("effect.", "plan.", "sheet.tried.")):
            assert not re.search(ADVICE, message, re.IGNORECASE), key


def test_the_same_reason_is_given_once() -> None:
    held = effect_of("cannot_tell", reason="another_change")
    other = replace(held, question="after_sessions")
    said = put_in_words(Tried(JUDGED, (Finding(held), Finding(other))), ENGLISH)
    assert said is not None
    assert [card.body for card in said.cards][1] == "Cannot tell yet, as above."
    assert [bool(card.aside) for card in said.cards] == [True, False]
