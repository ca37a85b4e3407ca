"""The series that are asked about, and a usual that a lasting change does not move."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from effect_people import (
    FEATURES,
    ZERO,
    P,
    asked,
    draw_body,
    feature_rows,
    lived,
    put_features,
    session,
)
from score_rows import ask, run

from models.effect.answer import answer
from models.effect.outcomes import Record, choose_hrv, measure, score_days
from models.effect.question import Question
from models.effect.questions import (
    find_span,
)


def make_record(values: dict[str, np.ndarray], segments: dict[str, np.ndarray] | None = None) -> Record:
    days = len(next(iter(values.values())))
    value, segment = np.full((days, len(FEATURES)), np.nan), np.zeros((days, len(FEATURES)), dtype=np.int64)
    for name, series in values.items():
        column = FEATURES.index(name)
        value[:, column] = series
        own = (segments or {}).get(name, np.ones(days, dtype=np.int64))
        segment[:, column] = np.where(np.isnan(series), 0, own)
    return Record(ZERO, FEATURES, value, segment, {1: "a/x", 2: "b/y"})


def begun(days: int = 120, start: int = 60) -> Question:
    return asked(lived(*(session(d) for d in range(start, days))), days)[
        "mindful", "Headspace", "since_start"
    ]


def test_the_index_is_measured_against_one_usual_of_the_days_before() -> None:
    rng = np.random.default_rng(3)
    days, base = 90, np.arange(90) < 60
    value = np.full((days, len(P.features)), np.nan)
    at = P.features.index("rhr_night")
    value[:, at] = 60 + 3 * rng.normal(size=days)
    found = score_days(value, base, P)
    # One feature alone: its z, pulled to what the others are expected to be with the correlation of nobody else.
    own = value[:60, at]
    middle = np.median(own)
    reach = P.baseline.winsor_mad * 1.4826 * np.median(np.abs(own - middle))
    kept = np.clip(own, middle - reach, middle + reach)
    z = np.clip((value[:, at] - kept.mean()) / kept.std(ddof=1), -3, 3)
    target = np.where(np.eye(len(P.features)) == 1, 1.0, P.index.correlation_target)
    factor = (target[at] @ P.weight) / np.sqrt(P.weight @ target @ P.weight)
    np.testing.assert_allclose(found, factor * z, rtol=1e-12)
    assert 0.3 < factor < 1


def test_an_index_needs_what_the_published_one_needs() -> None:
    rng = np.random.default_rng(4)
    value = np.full((90, len(P.features)), np.nan)
    value[:, P.features.index("sleep_short")] = rng.normal(size=90)
    base = np.arange(90) < 60
    assert np.isnan(score_days(value, base, P)).all(), "sleep alone is no index"
    gate = P.features.index("rhr_night")
    value[:, gate] = rng.normal(size=90)
    value[70:75, gate] = np.nan
    there = np.isfinite(score_days(value, base, P))
    assert there.tolist() == [True] * 70 + [False] * 5 + [True] * 15
    other = P.features.index("resp_night")
    value[46:, other] = 50 * rng.normal(size=44)
    value[86:90, gate] = np.nan
    alone = score_days(np.where(np.arange(len(P.features)) == other, np.nan, value), base, P)
    assert not np.allclose(score_days(value, base, P)[60:70], alone[60:70]), "14 days make a usual"
    value[46, other] = np.nan
    np.testing.assert_array_equal(score_days(value, base, P), alone, "13 days do not")
    # With too few days of all, the answer says that they are few: there is an index.
    value[:50, gate] = value[:50, other] = np.nan
    assert np.isfinite(score_days(value, base, P)[50:70]).all()


def test_direction_counts() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(90, len(P.features)))
    base = np.arange(90) < 60
    for name, towards_load in (("rhr_night", 1), ("ln_rmssd_night", -1)):
        moved = noise.copy()
        moved[60:, P.features.index(name)] += 2 * towards_load
        gained = np.mean(score_days(moved, base, P)[60:] - score_days(noise, base, P)[60:])
        assert gained > 0.2, name


def test_a_step_lasts_against_the_fixed_usual_where_the_published_index_has_lost_it(tmp_path: Path) -> None:
    warehouse, people, start, days = tmp_path / "w.duckdb", [f"p-{k}" for k in range(6)], 84, 168
    rows = [
        row
        for k, who in enumerate(people)
        for row in feature_rows(who, draw_body(days, {start: 0.8}, seed=k))
    ]
    put_features(warehouse, rows)
    run(warehouse, tmp_path / "s", people, before=date(2030, 1, 1))
    late = slice(start + 45, days)
    ours, published = [], []
    for k, who in enumerate(people):
        body = draw_body(days, {start: 0.8}, seed=k)
        latent = score_days(50 + 5 * P.direction * body, np.arange(days) < start, P)
        ours.append(np.mean(latent[late]) - np.mean(latent[start - 28 : start]))
        found = ask(
            warehouse,
            f"select latent / latent_sd from model.index_day where participant = '{who}' order by day",
        )
        told = np.array([row[0] for row in found], dtype=np.float64)
        assert told.size == days
        published.append(np.mean(told[late]) - np.mean(told[start - 28 : start]))
    # .8 SD in each of the features is .8·Σw over the spread of L, whose features go together by .5 (shrunk to .2).
    shared = (0.5 * 84 + 0.2 * 60) / (84 + 60)
    spread = np.sqrt(P.weight @ np.where(np.eye(len(P.weight)) == 1, 1.0, shared) @ P.weight)
    expected = 0.8 * P.weight.sum() / spread
    assert np.mean(ours) == pytest.approx(expected, abs=0.15)
    assert abs(np.mean(published)) < 0.25 * expected


def test_a_start_is_measured_against_the_days_before_it_only() -> None:
    days, start = 120, 60
    values = dict(zip(P.features, draw_body(days, {start: 1.5}).T * P.direction[:, None], strict=True))
    value = measure(begun(days, start), "index", (0, days), make_record(values), P).value
    assert abs(np.mean(value[:start])) < 0.05
    assert np.mean(value[start:]) > 1.5


def test_sessions_are_measured_against_all_days_that_are_judged() -> None:
    rng = np.random.default_rng(6)
    days = 120
    values = {name: rng.normal(size=days) for name in P.features}
    life = lived(*(session(d, "therapy", "") for d in (*range(0, 100, 9), 112)))
    question = asked(life, days)["therapy", "", "after_sessions"]
    series = measure(question, "index", find_span(question, None), make_record(values), P)
    assert abs(np.mean(series.value)) < 0.05
    # Of a later record of sessions, only its own days count.
    span = (50, 110)
    cut = measure(question, "index", span, make_record(values), P).value
    assert np.isnan(cut[:50]).all()
    assert np.isnan(cut[110:]).all()
    assert abs(np.mean(cut[50:110])) < 0.05


def test_the_variability_of_most_nights_is_asked_about_from_beats_where_they_are_equal() -> None:
    beats, vendor = np.full(40, np.nan), np.full(40, np.nan)
    beats[:20], vendor[:20] = 3.5, 3.8
    day = ZERO + np.arange(40)
    both = make_record({"ln_rmssd_night": beats, "ln_rmssd_night_vendor": vendor})
    assert choose_hrv(day, both) == "ln_rmssd_night"
    vendor[20:] = 3.9
    assert choose_hrv(day, both) == "ln_rmssd_night", "what is not read again does not change it"
    more = make_record({"ln_rmssd_night": beats, "ln_rmssd_night_vendor": vendor})
    assert choose_hrv(day, more) == "ln_rmssd_night_vendor"


def test_another_device_from_the_start_on_hides_the_answer_of_what_it_measures_only() -> None:
    days, start = 120, 60
    rng = np.random.default_rng(7)
    swap = np.where(np.arange(days) < start, 1, 2)
    values = {name: rng.normal(size=days) for name in (*P.features, "tst_min", "felt_stress")}
    values["valid_day"] = np.ones(days)
    question, span = begun(days, start), (0, days)
    swapped = make_record(values, dict.fromkeys(P.features, swap))
    hinders = {
        outcome: measure(question, outcome, span, swapped, P).question.hinders
        for outcome in ("index", "ln_rmssd", "tst_min", "felt_stress")
    }
    assert hinders == {
        "index": "device_changed",
        "ln_rmssd": "device_changed",
        "tst_min": None,
        "felt_stress": None,
    }
    # Of one feature that another device gives now, the others tell the index.
    one = make_record(values, {"resp_night": swap})
    series = measure(question, "index", span, one, P)
    assert series.question.hinders is None
    assert np.isfinite(series.value).all()
    assert series.used == (1,)
    # A device that came long after the start ends the days that count.
    late = make_record(values, {"tst_min": np.where(np.arange(days) < 100, 1, 2)})
    sleep = measure(question, "tst_min", span, late, P)
    assert sleep.question.hinders is None
    assert np.isfinite(sleep.value).sum() == 99  # the night that ends on day 100 is of the new device


def test_wear_that_changed_hides_what_is_worn_for_and_not_what_was_said() -> None:
    days = 120
    rng = np.random.default_rng(8)
    values = {name: rng.normal(size=days) for name in (*P.features, "felt_stress")}
    values["valid_day"] = np.where((np.arange(days) < 60) | (np.arange(days) % 2 == 0), 1.0, 0.0)
    record = make_record(values)
    question = begun(days)
    assert measure(question, "index", (0, days), record, P).question.hinders == "wear_changed"
    for other in ("felt_stress", "ln_rmssd"):
        assert measure(question, other, (0, days), record, P).question.hinders is None


def test_a_day_is_asked_about_with_the_night_that_follows_it() -> None:
    record = make_record({name: np.arange(10.0) for name in ("tst_min", "felt_stress")})
    day = ZERO + np.arange(2, 6)
    value, segment = record.take_night("tst_min", day)
    np.testing.assert_array_equal(value, [3, 4, 5, np.nan], "the night after the last day is not over")
    assert segment.tolist() == [1, 1, 1, 0]
    nobody, none = record.take_night("tst_min", day[:0])
    assert (nobody.size, none.size) == (0, 0)
    whole = make_record({name: np.arange(120.0) for name in ("tst_min", "felt_stress")})
    taken = [measure(begun(), outcome, (0, 120), whole, P).value for outcome in ("tst_min", "felt_stress")]
    np.testing.assert_array_equal(taken[0], [*range(1, 120), np.nan])
    np.testing.assert_array_equal(taken[1], np.arange(120))


def test_of_the_index_nights_follow_their_day_and_waking_hours_are_of_it() -> None:
    rng = np.random.default_rng(12)
    days = 90
    for name, late in (("rhr_night", 1), ("ahr_day", 0)):
        alone = rng.normal(size=days)
        alone[70] += 20
        found = measure(begun(days, 60), "index", (0, days), make_record({name: alone}), P).value
        assert int(np.nanargmax(found)) == 70 - late


def test_nights_that_bring_a_session_about_are_not_told_as_what_came_of_it() -> None:
    # A session comes after bad nights: e times as likely with each SD more. Nothing comes of it.
    rng = np.random.default_rng(3)
    verdicts = []
    for _ in range(20):
        bad, days = rng.normal(size=190), 190
        values = {
            name: sign * (bad + rng.normal(size=days))
            for name, sign in zip(P.features, P.direction, strict=True)
        }
        held = [d for d in range(10, days) if rng.random() < 1 / (1 + np.exp(2 - 2 * bad[d]))]
        apart = [d for k, d in enumerate(held) if k == 0 or d - held[k - 1] >= 2]
        life = lived(*(session(d, "therapy", "") for d in apart))
        question = asked(life, apart[0] + 168)["therapy", "", "after_sessions"]
        series = measure(question, "index", (0, question.day.size), make_record(values), P)
        verdicts.append(answer(series.question, series.value).verdict)
    assert sum(verdict.startswith("likely") for verdict in verdicts) <= 1


def test_days_outside_of_what_was_read_have_no_value() -> None:
    record = make_record({"tst_min": np.arange(10.0)})
    value, segment = record.take("tst_min", np.arange(ZERO - 2, ZERO + 12))
    np.testing.assert_array_equal(value, [np.nan] * 2 + list(range(10)) + [np.nan] * 2)
    assert segment.tolist() == [0] * 2 + [1] * 10 + [0] * 2
