"""Validation is honest: what is planted is found, what is not there is not, and no fold sees what it may not."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle
from test_acute import make_wesad, write_e4
from typer.testing import CliRunner

from cli.datasets import exam_stress, lifesnaps, own, pmdata, swell_kw, wesad
from cli.datasets.tables import DataSetError
from cli.main import app
from cli.validate import ask_trained, train_model
from models.acute import AcuteError
from models.validate import baselines, gates, metrics, past, plans, splits
from models.validate.learners import call_classes, classify_with, fit_ridge, make_logistic
from models.validate.page import number, render_page
from models.validate.report import make_report, to_document, to_json
from models.validate.table import DAY_S, Table, TableError, check_table, keep_labelled
from models.validate.trial import (
    MODEL,
    NOBODY,
    Plan,
    Scheme,
    Trial,
    Value,
    ask_all,
    draw_people,
    run_trial,
    summarise,
)

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
LOGISTIC = classify_with(make_logistic, 2)


def windows(*, effect: float, people: int = 12, each: int = 40, seed: int = 1) -> Table:
    """Windows of people who differ from each other, with a planted effect (in SD) of the second class."""
    rng = np.random.default_rng(seed)
    n = people * each
    who = np.repeat([f"p{i:02d}" for i in range(people)], each)
    label = (np.arange(n) % each >= each * 2 // 3).astype(float)
    x = rng.normal(size=(n, 3)) + np.repeat(rng.normal(size=people), each)[:, None] * 0.5
    x[:, 0] += effect * label
    start_s = np.tile(np.arange(each) * 60.0, people) + 1e9
    return Table(
        "toy",
        ("a", "b", "c"),
        x,
        label,
        ("calm", "stress"),
        who,
        start_s,
        start_s + 60,
        np.tile(np.arange(each, dtype=float), people),
        np.full(n, np.nan),
        np.full(n, ""),
    )


def days(
    *, people: int = 6, length: int = 70, effect: float = 0.0, seed: int = 2, classes: tuple[str, ...] = ()
) -> Table:
    """Daily answers of people, each around a level of their own."""
    rng = np.random.default_rng(seed)
    n = people * length
    who = np.repeat([f"p{i:02d}" for i in range(people)], length)
    day = np.tile(np.arange(length), people) + 18000
    level = np.repeat(rng.normal(3, 1, people), length)
    x = rng.normal(size=(n, 2))
    label = level + effect * x[:, 0] + rng.normal(0, 0.5, n)
    if classes:
        label = (label > 3).astype(float)
    start_s = (day - 1.0) * DAY_S
    return Table(
        "days",
        ("a", "b"),
        x,
        label,
        classes,
        who,
        start_s,
        day * DAY_S + rng.uniform(7, 11, n) * 3600.0,
        (day - 18000.0) * 1440,
        rng.uniform(0, 1e4, n),
        np.full(n, ""),
    )


def plan(table: Table, protocol: splits.Protocol, fit=LOGISTIC) -> Plan:
    return Plan("toy", protocol, "all", table, fit)


# --- what is there is found ---------------------------------------------------------------------


def test_a_planted_effect_is_found_in_people_never_seen_and_chance_is_chance() -> None:
    trial = run_trial(plan(windows(effect=1.5), "new person"))
    assert trial.people == 12
    assert trial.folds == 12
    model = trial.score(MODEL, "balanced_accuracy")
    # Two normals 1.5 SD apart, with .5 SD of people: Φ(.75/√1.25) = .749 at best.
    assert 0.70 < model.value < 0.80
    assert model.lo95 < model.value < model.hi95
    assert model.worst_tenth < model.value
    assert trial.score("majority", "balanced_accuracy").value == 0.5
    assert abs(trial.score("shuffled labels", "balanced_accuracy").value - 0.5) < 0.08
    assert trial.score("time since start", "balanced_accuracy").value > 0.99, "the protocol gives it away"


def test_without_an_effect_the_interval_holds_chance() -> None:
    table = windows(effect=0.0)
    table = replace(
        table, label=np.random.default_rng(5).permuted(table.label.reshape(12, 40), axis=1).ravel()
    )
    model = run_trial(plan(table, "new person")).score(MODEL, "balanced_accuracy")
    assert model.lo95 < 0.5 < model.hi95


def test_a_daily_effect_beats_the_labels_own_past_and_its_absence_does_not() -> None:
    with_effect = plans.plan_days(days(effect=0.8), "t")[0]
    found = run_trial(with_effect)
    assert found.score(MODEL, "lift_over_label_only").lo95 > 0
    assert found.score(MODEL, "within_spearman").value > 0.6
    nothing = run_trial(plans.plan_days(days(effect=0.0), "t")[0])
    assert nothing.score(MODEL, "lift_over_label_only").lo95 < 0
    assert nothing.score("person mean", "mae").value < nothing.score("majority", "mae").value - 0.1


# --- what may not be seen is not seen ------------------------------------------------------------


@pytest.mark.parametrize("classes", [(), ("low", "high")])
def test_nothing_of_the_future_changes_what_is_said_of_a_day(classes: tuple[str, ...]) -> None:
    fit = LOGISTIC if classes else fit_ridge
    table = keep_labelled(days(classes=classes))
    fold = splits.split(table, "same person later")[0]
    last = table.day[fold.test].max()
    later = table.day > last
    rng = np.random.default_rng(0)
    other = replace(
        table,
        label=np.where(later, rng.permutation(table.label), table.label),
        x=np.where(later[:, None], 1e3, table.x),
        steps=np.where(later, 0.0, table.steps),
    )

    def said(of: Table) -> dict[str, np.ndarray]:
        with_past = plans.plan_days(of, "t")[0]
        first = splits.split(with_past.table, "same person later")[:1]
        return ask_all(replace(with_past, fit=fit), with_past.table, first, lambda _text: None).said

    mine, theirs = said(table), said(other)
    assert len(mine) == 1 + len(baselines.BASELINES)
    for name in mine:
        assert np.array_equal(mine[name], theirs[name]), name


def test_answers_planted_from_the_first_day_asked_on_do_not_help() -> None:
    table = days(classes=("low", "high"), people=20)
    rng = np.random.default_rng(3)
    table = keep_labelled(replace(table, label=rng.integers(0, 2, len(table)).astype(float)))
    first = splits.split(table, "same person later")[0]
    future = table.day >= table.day[first.test].min()
    table = replace(table, x=np.column_stack([table.x[:, 1], np.where(future, table.label, 0.0)]))
    said = ask_all(plan(table, "same person later"), table, [first], lambda _t: None)
    honest = oracle.roc_auc_score(said.truth, said.said[MODEL][:, 1])
    leaky = LOGISTIC(table.x, table.label, table.participant)(table.x[first.test])[:, 1]
    assert oracle.roc_auc_score(said.truth, leaky) > 0.99, (
        "whoever may learn from the future knows the answers"
    )
    assert abs(honest - 0.5) < 0.12


def test_the_usual_and_the_labels_past_look_back_only() -> None:
    table = days(people=2, length=20)
    early = table.day <= 18010
    other = replace(table, x=np.where(early[:, None], table.x, -99), label=np.where(early, table.label, 99))
    mine = past.label_past(table)
    assert np.array_equal(mine[early], past.label_past(other)[early], equal_nan=True)
    one = table.participant == "p00"
    related = [
        past.relate_to_past(t.x[one], t.start_s[one], t.end_s[one], least=3)[early[one]]
        for t in (table, other)
    ]
    assert np.array_equal(*related, equal_nan=True)
    assert np.isnan(related[0][:4]).all(), "a row overlaps the one before it: the fifth has three that ended"
    # By hand: the first label is the only one known on day 2.
    assert mine[1].tolist() == [table.label[0], table.label[0]]
    assert mine[2].tolist() == [table.label[:2].mean(), table.label[1]]
    assert np.isnan(mine[0]).all()


def test_distance_from_usual_by_hand() -> None:
    x = np.array([[1.0], [2.0], [3.0], [4.0], [100.0], [np.nan]])
    t = np.arange(6.0)
    away = past.relate_to_past(x, t, t + 1, least=3)
    # Of 1, 2, 3: median 2, median distance 1; 4 is 2 away. Of 1 … 4: median 2.5, distance 1; clipped at 8.
    assert away[3, 0] == pytest.approx(2 / 1.4826)
    assert away[4, 0] == 8.0
    assert np.isnan(away[[0, 1, 2, 5], 0]).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(0, 9)), min_size=2, max_size=40))
def test_no_moment_of_a_person_lies_on_both_sides(rows: list[tuple[int, int, int]]) -> None:
    who = np.array([f"p{r[0]}" for r in rows])
    start_s = np.array([float(r[1]) for r in rows])
    end_s = start_s + np.array([r[2] + 1.0 for r in rows])
    n = len(rows)
    table = Table(
        "t", (), np.empty((n, 0)), np.zeros(n), (), who, start_s, end_s, start_s, start_s, np.full(n, "")
    )
    half = np.arange(n) % 2 == 0
    fold = splits.keep_apart(table, splits.Fold("f", np.flatnonzero(half), np.flatnonzero(~half)))

    def shares(i: int, j: int) -> bool:
        return bool(who[i] == who[j] and start_s[i] < end_s[j] and end_s[i] > start_s[j])

    kept = set(fold.train.tolist())
    for i in np.flatnonzero(half).tolist():
        assert (i in kept) == (not any(shares(i, j) for j in fold.test.tolist()))


def test_rolling_origin_has_28_days_an_embargo_and_blocks_of_seven() -> None:
    table = keep_labelled(days())
    table = replace(table, start_s=table.end_s - 60)  # rows share no moment: only the embargo parts them
    folds = splits.split(table, "same person later")
    assert len(folds) == 6  # days 29 to 69 of 0 to 69, in sevens
    for fold in folds:
        train, test = table.day[fold.train], table.day[fold.test]
        assert test.min() - train.max() == 2, "one day between"
        assert test.max() - test.min() < 7
        assert train.max() - train.min() + 1 >= 28
    late = table.participant == "p00"
    began_late = table.take(~late | (table.day >= 18030))
    asked = {
        p for f in splits.split(began_late, "same person later")[:4] for p in began_late.participant[f.test]
    }
    assert "p00" not in asked


def test_people_are_left_out_one_by_one_or_in_five_groups() -> None:
    few = keep_labelled(windows(effect=1))
    for fold in splits.split(few, "new person"):
        assert not set(few.participant[fold.train]) & set(few.participant[fold.test])
    many = keep_labelled(windows(effect=1, people=60, each=3))
    folds = splits.split(many, "new person")
    assert len(folds) == 5
    asked = [p for fold in folds for p in np.unique(many.participant[fold.test])]
    assert sorted(asked) == list(many.people), "everyone once"
    assert all(not set(many.participant[f.train]) & set(many.participant[f.test]) for f in folds)


def test_one_order_is_learned_and_the_other_asked() -> None:
    table = windows(effect=1)
    first = np.isin(table.participant, ["p00", "p01", "p02"])
    table = replace(table, order=np.where(first, "stress first", "stress last"))
    folds = splits.split(keep_labelled(table), "cross-order")
    assert [len(f.test) for f in folds] == [3 * 40, 9 * 40]
    assert [len(f.train) for f in folds] == [9 * 40, 3 * 40]
    alone = run_trial(plan(table.take(first), "cross-order"))
    assert "only one protocol order" in alone.reason
    assert not alone.schemes


# --- scores --------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3])
def test_scores_are_those_of_scikit_learn(k: int) -> None:
    rng = np.random.default_rng(k)
    n, people = 240, 6
    truth = rng.integers(0, k, n)
    prob = rng.dirichlet(np.ones(k), n).round(1) + 1e-3  # with ties
    prob /= prob.sum(axis=1, keepdims=True)
    called = np.argmax(prob + 0.3 * np.eye(k)[truth], axis=1)
    person = rng.integers(0, people, n)
    counts = np.array([1, 2, 0, 1, 3, 1])
    rows = np.repeat(np.arange(n), counts[person])
    got = metrics.score_classes(truth, prob, called, person, np.vstack([np.ones(people), counts]))
    for draw, at in ((0, np.arange(n)), (1, rows)):
        t, c, p = truth[at], called[at], prob[at]
        expected = {
            "balanced_accuracy": oracle.balanced_accuracy_score(t, c),
            "accuracy": oracle.accuracy_score(t, c),
            "macro_f1": oracle.f1_score(t, c, average="macro"),
            "mcc": oracle.matthews_corrcoef(t, c),
            "kappa": oracle.cohen_kappa_score(t, c),
        }
        ask = [1] if k == 2 else range(k)
        expected["auroc"] = np.mean([oracle.roc_auc_score(t == i, p[:, i]) for i in ask])
        expected["auprc"] = np.mean([oracle.average_precision_score(t == i, p[:, i]) for i in ask])
        expected["brier"] = np.mean(((p - np.eye(k)[t]) ** 2).sum(axis=1)) / (2 if k == 2 else 1)
        expected["prevalence"] = np.mean([(t == i).mean() for i in ask])
        for name, value in expected.items():
            assert got[name][draw] == pytest.approx(value, abs=1e-9), name


def test_calibration_error_by_hand() -> None:
    truth = np.array([0, 0, 1, 1])
    prob = np.array([[0.95, 0.05], [0.95, 0.05], [0.95, 0.05], [0.05, 0.95]])
    person = np.array([0, 0, 1, 1])
    # Three of four at .05, one of them true: |1/3 − .05| · ¾; one at .95, true: .05 · ¼.
    error = metrics.score_calibration(truth, prob, person, np.ones((1, 2)))[0]
    assert error == pytest.approx(0.75 * (1 / 3 - 0.05) + 0.25 * 0.05)
    assert [b["rows"] for b in metrics.list_reliability(truth, prob)] == [3, 1]


def test_correlation_is_within_people_not_between_them() -> None:
    person = np.repeat([0, 1], 10)
    truth = np.tile(np.arange(10.0), 2) + 100 * person
    said = np.tile(-np.arange(10.0), 2) + 100 * person
    assert metrics.correlate_within(truth, said, person, 2).tolist() == pytest.approx([-1.0, -1.0])
    assert np.isnan(metrics.correlate_within(truth, np.zeros(20), person, 2)).all()


def test_the_interval_over_people_covers() -> None:
    rng = np.random.default_rng(9)
    weights, covered = draw_people(25), 0
    for _ in range(400):
        person_level = rng.normal(0.3, 0.1, 25)
        value = summarise(metrics.average_people(person_level, weights), NOBODY, 25)
        covered += value.lo95 <= 0.3 <= value.hi95
    assert 0.89 <= covered / 400 <= 0.98


def test_few_people_get_no_interval() -> None:
    few = summarise(np.linspace(0, 1, 1001), (0.2, 0.3, 0.4), 4)
    assert few == Value(0.0, None, None, 0.2, 0.3, 0.4)


def test_a_class_is_called_against_its_share() -> None:
    share = np.array([0.8, 0.2])
    prob = np.array([[0.7, 0.3], [0.9, 0.1], [0.8, 0.2]])
    assert call_classes(prob, share).tolist() == [1, 0, 0]
    # Against roots: .7/.894 = .783 and .3/.447 = .671.
    assert call_classes(prob, share, 0.5).tolist() == [0, 0, 0]
    assert call_classes(np.array([[0.1, 0.9]]), np.array([1.0, 0.0])).tolist() == [0]


# --- baselines -----------------------------------------------------------------------------------


def test_baselines_by_hand() -> None:
    table = keep_labelled(days(people=2, length=14))
    train, test = np.flatnonzero(table.day < 18010), np.flatnonzero(table.day >= 18010)
    fold = splits.Fold("f", train, test)
    own_rows = train[table.participant[train] == "p01"]
    asked = table.participant[test] == "p01"

    def say(name: str) -> np.ndarray:
        said = baselines.BASELINES[name](table, fold, "same person later", fit_ridge).said
        assert said is not None
        return said

    assert np.allclose(say("majority"), np.median(table.label[train]))
    assert np.allclose(say("person mean")[asked], table.label[own_rows].mean())
    assert np.allclose(say("person median")[asked], np.median(table.label[own_rows]))
    yesterday = np.flatnonzero((table.participant == "p01") & (table.day >= 18009))[:-1]
    assert np.allclose(say("last value")[asked], table.label[yesterday])
    monday = [r for r in train if past.weekday(table)[r] == past.weekday(table)[test[0]]]
    assert say("day of week")[0] == pytest.approx(table.label[monday].mean())
    for name, baseline in baselines.BASELINES.items():
        guess = baseline(table, fold, "new person", fit_ridge)
        assert (guess.said is None) == (
            name in ("person mean", "person median", "last value", "label only")
        ), name
        assert (guess.said is None) == bool(guess.reason)


def test_weekdays_count_from_monday() -> None:
    table = days(people=1, length=7)
    expected = [np.datetime64(int(d), "D").astype(object).weekday() for d in table.day]
    assert past.weekday(table).tolist() == expected


# --- gates and the report ------------------------------------------------------------------------


def made_up(people: int, model: float, clock: float, protocol: str = "cross-order") -> Trial:
    return Trial(
        "stress or not",
        protocol,
        "all",
        people,
        1000,
        2,
        ("a", "b"),
        (
            Scheme(MODEL, {"balanced_accuracy": Value(model, model - 0.05, model + 0.03, model - 0.04)}),
            Scheme("time since start", {"balanced_accuracy": Value(clock)}),
            Scheme("steps only", {}, "no steps in this data"),
        ),
        [{"from": 0.1, "rows": 5, "stated": 0.12, "came_true": 0.2}],
    )


def outcome(trial: Trial, bound: str) -> str:
    found = [
        r
        for r in gates.judge("wesad", (trial,))
        if (r.gate.protocol, r.gate.variant, r.gate.bound, r.gate.task)
        == (trial.protocol, "all", bound, trial.task)
    ]
    assert len(found) == 1
    return found[0].outcome


def test_gates_are_held_on_whole_sets_only() -> None:
    assert outcome(made_up(15, 0.92, 0.8), "value") == gates.PASSED
    assert outcome(made_up(15, 0.9199, 0.8), "value") == gates.FAILED
    assert outcome(made_up(15, 0.92, 0.8), "lo95") == gates.PASSED
    assert outcome(made_up(15, 0.90, 0.8), "lo95") == gates.FAILED
    assert outcome(made_up(15, 0.93, 0.94), "above the clocks") == gates.FAILED
    assert outcome(made_up(15, 0.93, 0.92), "above the clocks") == gates.PASSED
    assert outcome(made_up(14, 0.99, 0.5), "value") == "not a gate result: too few people"


def test_the_gates_are_those_of_the_specification() -> None:
    wesad = [g.at_least for g in gates.GATES if g.dataset == "wesad"]
    assert wesad == [0.92, 0.86, 0.0, 0.95, 0.87, 0.905, 0.88, 0.89, 0.76]
    assert [g.at_least for g in gates.GATES if g.dataset == "sleep_accel"] == [0.43, 0.51]
    asked = {(p.task, p.protocol, p.variant) for p in plans.plan_wesad(windows(effect=0))}
    assert {(g.task, g.protocol, g.variant) for g in gates.GATES if g.dataset == "wesad"} <= asked
    daily = {(p.task, p.protocol, p.variant) for p in plans.PLANS["lifesnaps"](days(classes=("a", "b")))}
    assert {(g.task, g.protocol, g.variant) for g in gates.GATES if g.dataset == "lifesnaps"} <= daily


def test_the_page_is_whole_without_scripts_or_a_network_and_says_what_the_document_says() -> None:
    trials = (made_up(2, 0.884, 0.731, "new person"), Trial("t<", "p", "v", 0, 0, 0, (), (), [], "too few"))
    report = make_report(
        "wesad", 2, trials, notes=("a <note>",), extra={"x": {"y": None}}, versions={"numpy": "2"}
    )
    document = to_document(report)
    page = render_page(document)
    assert page == render_page(json.loads(to_json(document)))
    assert not re.search(r"<script|https?://|<link|<img|@import", page)
    assert "Not a gate result: too few people (2 of 15)" in page
    assert "a clock alone 0.731" in page
    assert ".884 [.834, .914] | .844" in page
    assert "none: no steps in this data" in page
    assert "a &lt;note&gt;" in page
    assert "t&lt;: p, v" in page
    assert "Schmidt 2018" in page
    assert len(page) < 100_000


def test_verdicts_are_plain() -> None:
    def verdict(*trials: Trial) -> str:
        return make_report("wesad", 15, trials, notes=(), extra={}, versions={}).verdict

    failed = verdict(made_up(15, 0.90, 0.8), made_up(15, 0.96, 0.9, "new person"))
    assert "gates are not passed" in failed
    assert "stress or not, cross-order, all: value" in failed
    assert "In 1 of 2 trials a guess that sees no body does as well or better" in verdict(
        made_up(15, 0.90, 0.95), made_up(15, 0.96, 0.9, "new person")
    )
    assert "(time since start 0.950, the model 0.900)" in verdict(made_up(15, 0.90, 0.95))
    assert "sees no body" not in failed
    unknown = make_report("swell_kw", 25, [made_up(25, 0.6, 0.5)], notes=(), extra={}, versions={}).verdict
    assert unknown.startswith("There is no gate for swell_kw")


def test_of_daily_answers_the_verdict_names_the_persons_own_answers_as_what_to_beat() -> None:
    def told(mae: float, past: float) -> str:
        schemes = (Scheme(MODEL, {"mae": Value(mae)}), Scheme("label only", {"mae": Value(past)}))
        trial = Trial("felt", "same person later", "all", 3, 90, 5, (), schemes, [])
        return make_report("pmdata", 3, [trial], notes=(), extra={}, versions={}).verdict

    better = told(0.4, 0.5)
    assert "mean absolute error 0.400, the person's own earlier answers alone 0.500." in better
    assert "sees no body" not in better
    assert "sees no body does as well or better: felt, same person later, all (label only" in told(0.5, 0.4)
    assert "sees no body" in told(0.5, 0.5), "as well is not better"


def test_the_spread_over_people_is_told_from_the_bad_tenth_to_the_good_one() -> None:
    trial = run_trial(plan(windows(effect=1.5), "new person"))
    value = trial.score(MODEL, "balanced_accuracy")
    assert value.worst_tenth < value.middle_person < value.best_tenth
    asked = ask_all(
        plan(table := keep_labelled(windows(effect=1.5)), "new person"),
        table,
        splits.split(table, "new person"),
        lambda _t: None,
    )
    each = [
        oracle.balanced_accuracy_score(
            asked.truth[asked.person == p], np.asarray(asked.called[MODEL])[asked.person == p]
        )
        for p in range(12)
    ]
    expected = np.percentile(each, [10, 50, 90])
    assert [value.worst_tenth, value.middle_person, value.best_tenth] == pytest.approx(expected)
    errors = run_trial(plans.plan_days(days(), "t")[0]).score(MODEL, "mae")
    assert errors.worst_tenth > errors.middle_person > errors.best_tenth, "a large error is bad"
    document = to_document(make_report("wesad", 12, [trial], notes=(), extra={}, versions={}))
    page = render_page(document)
    row = "".join(f"<td>{number(v)}</td>" for v in expected)
    assert f'<th scope="row">balanced accuracy</th>{row}' in page
    assert page.count("not a gate result: too few people</caption>") == 2, "the table and its spread say so"
    assert "12 people of the 15 of the whole set." in page


def test_a_table_of_the_wrong_shape_is_refused() -> None:
    table = windows(effect=0)
    with pytest.raises(TableError, match="480 labels"):
        check_table(replace(table, steps=table.steps[:5]))
    with pytest.raises(TableError, match="end before they begin"):
        check_table(replace(table, end_s=table.start_s - 1))
    with pytest.raises(TableError, match="none of the 2 classes"):
        check_table(replace(table, label=table.label + 1))


# --- the command and the adapters ----------------------------------------------------------------


def write_own(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def own_rows() -> list[dict[str, object]]:
    rng = np.random.default_rng(4)
    rows: list[dict[str, object]] = []
    for person in range(5):
        for day in range(50):
            x = rng.normal()
            felt = "high" if x + rng.normal() > 0 else "low"
            date = str(np.datetime64("2024-01-01") + np.timedelta64(day, "D"))
            rows.append({"participant": f"p{person}", "day": date, "label": felt, "hr_bpm": x, "steps": day})
    return rows


def test_the_command_writes_the_same_bytes_whatever_the_order_of_rows(tmp_path: Path) -> None:
    rows = own_rows()
    mixed = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    for name, these in (("a", rows), ("b", mixed)):
        path = write_own(tmp_path / f"{name}.csv", these)
        done = CliRunner().invoke(app, ["validate", "own", str(path), "--out", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
        assert "There is no gate for own" in done.output
    for file in ("own.json", "own.html"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    document = json.loads((tmp_path / "a" / "own.json").read_text())
    model = document["trials"][0]["schemes"][0]["scores"]
    assert model["auroc"]["value"] > 0.7
    assert model["lift_over_label_only"]["lo95"] > 0
    assert [s["name"] for s in document["trials"][0]["schemes"]] == [MODEL, *baselines.BASELINES]


def test_own_tables_say_what_they_need(tmp_path: Path) -> None:
    path = write_own(tmp_path / "x.csv", [{"participant": "a", "label": 1, "day": "2024-01-01"}])
    with pytest.raises(DataSetError, match="at least one feature"):
        own.read(path)
    path = write_own(tmp_path / "y.csv", [{"participant": "a", "label": 1, "hr": 3}])
    with pytest.raises(DataSetError, match="column day or time"):
        own.read(path)
    path = write_own(tmp_path / "z.csv", [{"participant": "a", "label": 2.5, "hr": "x", "day": "2024-01-01"}])
    with pytest.raises(DataSetError, match="column hr: expected numbers"):
        own.read(path)


def make_pmdata(folder: Path) -> None:
    fitbit, pmsys = folder / "p01" / "fitbit", folder / "p01" / "pmsys"
    fitbit.mkdir(parents=True)
    pmsys.mkdir()
    (pmsys / "wellness.csv").write_text(
        "effective_time_frame,fatigue,mood,readiness,sleep_duration_h,sleep_quality,soreness,soreness_area,stress\n"
        "2020-01-02T08:00:00.000Z,2,3,5,6,3,2,[],3\n2020-01-02T19:00:00.000Z,2,3,5,6,3,2,[],5\n"
        "2020-01-03T23:30:00.000Z,2,3,5,6,3,2,[],1\n"
    )
    night = {
        "logId": 1,
        "dateOfSleep": "2020-01-02",
        "startTime": "2020-01-01 23:00:00",
        "endTime": "2020-01-02T07:00:00.000",
        "minutesAsleep": 400,
        "minutesAwake": 40,
        "timeInBed": 480,
        "levels": {"summary": {"deep": {"minutes": 60}, "light": {"minutes": 250}, "rem": {"minutes": 90}}},
        "mainSleep": True,
    }
    again = night | {"minutesAsleep": 410}
    after = night | {"logId": 2, "minutesAsleep": 500, "endTime": "2020-01-02T11:00:00.000"}
    (fitbit / "sleep.json").write_text(json.dumps([night, again, after]))
    rates = [
        {"dateTime": f"2020-01-0{d} 00:00:00", "value": {"value": v}}
        for d, v in ((1, 51.0), (2, 0.0), (3, 60.0))
    ]
    (fitbit / "resting_heart_rate.json").write_text(json.dumps(rates))
    steps = [{"dateTime": f"2020-01-01 0{h}:00:00", "value": "100"} for h in (1, 2, 2)]
    (fitbit / "steps.json").write_text(json.dumps(steps))


def test_pmdata_takes_what_lies_before_the_answer_and_turns_stress_round(tmp_path: Path) -> None:
    make_pmdata(tmp_path)
    found = pmdata.read(tmp_path)
    table = found.table
    # 23:30 UTC of the 3rd is 00:30 of the 4th in Norway; of two answers of a day the first counts.
    assert table.label.tolist() == [3.0, 5.0]
    assert table.day.tolist() == [18263, 18265]
    first = dict(zip(table.features, table.x[0].tolist(), strict=True))
    assert first["tst_min"] == 410, "the log's last version, and not the sleep that ended after the answer"
    assert first["onset_clock_h"] == -1.0
    assert first["rhr_vendor"] == 51.0, "of the day before"
    assert table.steps[0] == 200, "a minute once"
    assert table.x[1][table.features.index("rhr_vendor")] == 60.0
    assert np.isnan(table.x[1][0]), "no night before the second answer"
    assert "p01" in found.notes[0]


def test_lifesnaps_takes_the_night_of_the_day_and_the_activity_of_the_day_before(tmp_path: Path) -> None:
    rows = [
        {"id": i, "date": f"2021-06-0{d}", "minutesAsleep": 400 + d, "resting_hr": 50 + d, "steps": 1000 * d}
        | {"stress_score": 80, "TENSE/ANXIOUS": t}
        for i, d, t in (("x", 1, ""), ("x", 2, "1.0"), ("x", 3, "0.0"), ("y", 2, "0.0"))
    ]
    write_own(tmp_path / lifesnaps.FILE, rows)
    table = lifesnaps.read(tmp_path).table
    assert table.participant.tolist() == ["L01", "L01", "L02"]
    assert table.label.tolist() == [1.0, 0.0, 0.0]
    values = dict(zip(table.features, table.x[0].tolist(), strict=True))
    assert (values["tst_min"], values["rhr_vendor"], values["steps"]) == (402.0, 51.0, 1000.0)
    assert not [name for name in table.features if "score" in name or "stress" in name]


def test_lifesnaps_and_swell_run_the_whole_road_on_made_up_sets(tmp_path: Path) -> None:
    """A lasting difference between people and none within them: no lift, and the verdict says no claim."""
    rng = np.random.default_rng(8)
    rows: list[dict[str, object]] = []
    for person in range(6):
        for day in range(50):
            date = np.datetime64("2021-05-24") + np.timedelta64(day, "D")
            tense = float(rng.random() < 0.2 + 0.1 * person)
            rows.append(
                {"id": f"x{person}", "date": str(date), "minutesAsleep": rng.integers(300, 500)}
                | {"resting_hr": 55 + rng.normal(), "steps": rng.integers(1e3, 1e4), "TENSE/ANXIOUS": tense}
            )
    (tmp_path / "lifesnaps").mkdir()
    write_own(tmp_path / "lifesnaps" / lifesnaps.FILE, rows)
    lines = ["PP,Blok,C,timestamp,Condition,HR,RMSSD,SCL"]
    for person in range(3):
        for minute in range(32):
            condition = "RNTI"[minute // 8]
            hr = 70 + 3 * person + 15 * (condition in "TI") + rng.normal()
            lines.append(
                f"PP{person},1,1,20120918T13{minute:02d}00000,{condition},{hr:.1f},{40 + rng.normal():.2f},999"
            )
    (tmp_path / "swell_kw").mkdir()
    (tmp_path / "swell_kw" / swell_kw.FILE).write_text("\n".join(lines))
    documents, printed = {}, {}
    for name in ("lifesnaps", "swell_kw"):
        done = CliRunner().invoke(app, ["validate", name, str(tmp_path / name), "--out", str(tmp_path / "o")])
        assert done.exit_code == 0, done.output
        documents[name], printed[name] = (
            json.loads((tmp_path / "o" / f"{name}.json").read_text()),
            done.output,
        )
    snaps = documents["lifesnaps"]
    assert snaps["verdict"].startswith("Not a gate result: too few people (6 of 71)")
    first = {s["name"]: s["scores"] for s in snaps["trials"][0]["schemes"]}
    assert first["label only"]["auroc"]["value"] > 0.55, "people differ, and their past knows it"
    assert first[MODEL]["lift_over_label_only"]["lo95"] < 0
    assert any("label only .720" in p["number"] for p in snaps["published"])
    swell = documents["swell_kw"]
    assert swell["verdict"].startswith("There is no gate for swell_kw")
    told = {s["name"]: s["scores"] for s in swell["trials"][0]["schemes"]}
    assert told[MODEL]["balanced_accuracy"]["value"] > 0.95
    assert swell["trials"][0]["rows"] == 3 * 24, "rest is left out"
    assert [p["number"] for p in swell["published"]] == ["accuracy .59", "accuracy .90"]
    few = "not a gate result: too few people"
    assert printed["lifesnaps"].count(f"rows); {few}") == 3
    assert few not in printed["swell_kw"]
    assert (
        "Not asked: person mean, person median, last value, label only (a new person" in printed["swell_kw"]
    )


def test_exams_run_the_whole_road_on_made_up_sessions(tmp_path: Path) -> None:
    nine = 1539612000  # 2018-10-15 14:00 UTC: nine in Chicago, summer time
    for subject in ("S1", "S2"):
        write_e4(tmp_path / subject / "Midterm 1", nine - 1200, 1200 + 5400 + 1200, stress=(1200, 6600))
    done = CliRunner().invoke(app, ["validate", "exam_stress", str(tmp_path), "--out", str(tmp_path / "o")])
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "o" / "exam_stress.json").read_text())
    told = {s["name"]: s["scores"] for s in document["trials"][0]["schemes"]}
    assert told[MODEL]["balanced_accuracy"]["value"] > 0.9
    assert told["time of day"]["balanced_accuracy"]["value"] > 0.9, "the clock knows when an exam is"
    assert "No claim is made" in document["verdict"]
    assert "Time of day gives it away" in document["notes"][0]


def test_a_saved_detector_is_asked_another_set_and_never_its_own(tmp_path: Path) -> None:
    nine = 1539612000
    for subject in ("S1", "S2"):
        write_e4(tmp_path / "e" / subject / "Midterm 1", nine - 1200, 1200 + 5400 + 1200, stress=(1200, 6600))
    make_wesad(tmp_path / "w")
    exams, lab = exam_stress.read(tmp_path / "e"), wesad.read(tmp_path / "w")
    train_model("exam_stress", tmp_path / "e", exams, tmp_path)
    trial = ask_trained(lab.table, tmp_path)
    assert (trial.protocol, trial.variant, trial.people) == (
        "another data set",
        "learned from exam_stress",
        2,
    )
    assert trial.classes == ("not stressed", "stressed")
    assert trial.score(MODEL, "balanced_accuracy").value > 0.9
    assert {s.reason for s in trial.schemes[1:]} == {"nothing is learned from this set"}
    rows = keep_labelled(lab.table)
    turned = replace(lab.table, label=np.where(lab.table.label == 1, 0.0, 1.0))
    assert ask_trained(turned, tmp_path).score(MODEL, "balanced_accuracy").value < 0.5, "no label is learned"
    assert trial.rows == len(rows)
    assert "learned from exam_stress" in render_page(
        to_document(make_report("wesad", 2, [trial], notes=(), extra={}, versions={}))
    )
    with pytest.raises(AcuteError, match="has learned from exam_stress"):
        ask_trained(exams.table, tmp_path)
    with pytest.raises(AcuteError, match="other features"):
        ask_trained(windows(effect=1), tmp_path)


def test_swell_leaves_rest_and_999_out(tmp_path: Path) -> None:
    lines = ["PP,Blok,C,timestamp,Condition,HR,RMSSD,SCL"]
    for i, condition in enumerate("RNTI"):
        lines.append(f"PP1,1,1,20120918T13{i:02d}00000,{condition},{70 + i},{999 if i == 1 else 0.05},80")
    (tmp_path / swell_kw.FILE).write_text("\n".join(lines))
    table = swell_kw.read(tmp_path).table
    assert np.array_equal(table.label, [np.nan, 0, 1, 1], equal_nan=True)
    assert np.isnan(table.x[1, 1])
    assert table.x[:, 0].tolist() == [70, 71, 72, 73]
    assert table.since_start_min.tolist() == [0, 1, 2, 3]


def test_what_is_not_laid_out_as_documented_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["validate", "wesad", str(tmp_path), "--out", str(tmp_path / "o")])
    assert isinstance(done.exception, DataSetError)
    assert "no folder named S[0-9]*_E4_Data" in str(done.exception)
    with pytest.raises(DataSetError, match="no file daily_fitbit"):
        lifesnaps.read(tmp_path)


# --- recordings beside the checkout --------------------------------------------------------------


@pytest.mark.shared
def test_pmdata_beside_the_checkout_is_no_gate_result_and_its_direction_is_confirmed(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["validate", "pmdata", str(SHARED / "pmdata"), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "pmdata.json").read_text())
    assert document["verdict"].startswith("Not a gate result: too few people (3 of 16)")
    assert document["trials"][0]["people"] == 3
    rhos = [float(r) for r in re.findall(r"p\d\d (-?[\d.]+\d)", document["notes"][0])]
    assert len(rhos) == 3
    assert min(rhos) > 0
