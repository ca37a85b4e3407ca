"""Weekdays and cycles are learnt from the past and shrunk; segments are kept apart."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.adjustments import (
    CycleTerm,
    expect_cycle,
    expect_weekday,
    find_phases,
    fit_cycle,
    learn_weekday,
    start_weekdays,
)
from models.parameters import ParameterError, load_parameters
from models.segments import Era, load_eras, name_segments, read_eras

PARAMETERS = load_parameters()
P = PARAMETERS.adjustments
Real = NDArray[np.float64]
WEEKEND = np.arange(364) % 7 >= 5


def ar(people: int, days: int, phi: float, seed: int) -> Real:
    rng = np.random.default_rng(seed)
    value = rng.standard_normal((people, days))
    for day in range(1, days):
        value[:, day] = phi * value[:, day - 1] + np.sqrt(1 - phi**2) * value[:, day]
    return value


def learn(value: Real, weekend: NDArray[np.bool_]) -> tuple[Real, Real]:
    """Term and error for a weekend day after all of `value` (people, days)."""
    memory = start_weekdays(len(value))
    for day in range(value.shape[1]):
        memory = learn_weekday(memory, value[:, day], np.repeat(weekend[day], len(value)), P)
    return expect_weekday(memory, np.ones(len(value), dtype=bool), P)


# Weekdays


def test_there_is_no_weekday_term_before_six_weeks() -> None:
    value = np.tile(2.0 * WEEKEND, (1, 1))
    early = learn(value[:, :41], WEEKEND)
    assert (early[0][0], early[1][0]) == (0, 0)
    term, se = learn(value[:, :42], WEEKEND)
    assert term[0] > 0
    assert se[0] == pytest.approx(0, abs=1e-6)  # no day differs from its kind
    away = np.where(WEEKEND | (np.arange(364) < 35), value, np.nan)  # 25 working days, then weekends only
    assert learn(away[:, :180], WEEKEND)[0][0] == 0


def test_the_term_is_shrunk_by_what_the_days_are_worth() -> None:
    """Six weeks, each day weighing half as much as one 90 days later; worked out beside."""
    value = np.where(WEEKEND[:42], 3.0, 1.0) + np.tile([0.5, -0.5], 21)
    kept = 0.5 ** (np.arange(41, -1, -1) / 90)
    weekend = WEEKEND[:42]
    heavy, light = kept[weekend].sum(), kept[~weekend].sum()
    mean = [np.average(value[w], weights=kept[w]) for w in (weekend, ~weekend)]
    worth = heavy * light / (heavy + light)
    share = light / (heavy + light)
    term, se = learn(value[None], WEEKEND)
    assert term[0] == pytest.approx(share * (mean[0] - mean[1]) * worth / (worth + 8))
    off = kept[weekend] @ (value[weekend] - mean[0]) ** 2 + kept[~weekend] @ (value[~weekend] - mean[1]) ** 2
    assert se[0] == pytest.approx(share * np.sqrt(off / (heavy + light - 2) / (worth + 8)))


def test_terms_of_weekends_and_working_days_balance() -> None:
    memory = start_weekdays(1)
    for day in range(70):
        memory = learn_weekday(memory, np.array([2.0 * WEEKEND[day]]), WEEKEND[day : day + 1], P)
    (free,), (work,) = (expect_weekday(memory, np.array([w]), P)[0] for w in (True, False))
    assert free > 0 > work
    assert free * memory.weight[0, 1] + work * memory.weight[0, 0] == pytest.approx(0)


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_a_weekend_effect_is_found_and_its_error_is_right(phi: float) -> None:
    """Effects drawn as the prior says, N(0, σ²/8): the truth is within 1.28 errors four times in five.

    And a little more: days weigh less as they age, as if they said less than they do.
    """
    rng = np.random.default_rng(1)
    effect = rng.normal(0, np.sqrt(1 / 8), (600, 1))
    value = ar(600, 182, phi, 2) + effect * (WEEKEND[:182] - 2 / 7)
    term, se = learn(value, WEEKEND)
    true = effect[:, 0] * 5 / 7
    assert np.corrcoef(term, true)[0, 1] > 0.75
    assert 0.78 <= np.mean(np.abs(term - true) < 1.2816 * se) <= 0.9


def remove_weekdays(value: Real, weekend: NDArray[np.bool_]) -> tuple[Real, Real]:
    """Take the term out of each day (people, days) as it was known that morning; and its error."""
    memory = start_weekdays(len(value))
    adjusted, se = np.empty_like(value), np.empty_like(value)
    for day in range(value.shape[1]):
        today = np.repeat(weekend[day], len(value))
        term, se[:, day] = expect_weekday(memory, today, P)
        adjusted[:, day] = value[:, day] - term
        memory = learn_weekday(memory, value[:, day], today, P)
    return adjusted, se


def test_where_there_is_no_weekend_effect_little_is_removed() -> None:
    value = ar(300, 182, 0.4, 3)
    adjusted, se = remove_weekdays(value, WEEKEND)
    removed = value - adjusted
    assert (removed[:, :42] == 0).all()
    assert np.sqrt(np.mean(removed[:, 42:] ** 2)) < 0.16  # of a day's SD
    assert (se[:, 43:] > 0).all()


def test_missing_days_teach_nothing() -> None:
    value = ar(1, 120, 0.4, 5)
    gone = np.random.default_rng(6).random(120) < 0.3
    memory, without = start_weekdays(1), start_weekdays(1)
    for day in range(120):
        seen = np.where(gone[day], np.nan, value[:, day])
        memory = learn_weekday(memory, seen, WEEKEND[day : day + 1], P)
        if not gone[day]:
            without = learn_weekday(without, value[:, day], WEEKEND[day : day + 1], P)
    assert np.array_equal(memory.total, without.total)
    assert memory.days.sum() == (~gone).sum()


# Cycles


def test_phases_run_from_start_to_start_and_the_present_one_at_the_usual_pace() -> None:
    starts = np.array([128, 100, 156])  # 28 days each, in any order
    phase, cycles = find_phases(np.array([99, 100, 107, 128, 170, 184, 189, 190]), starts, 190, P)
    assert cycles == 2
    assert phase[1:6] == pytest.approx([0, 0.25, 0, 0.5, 1])
    assert np.isnan(phase[0])  # before the first start
    assert phase[6] == 1  # 5 days late
    assert np.isnan(phase[7])  # 6 days late


def test_starts_that_were_missed_or_logged_twice_are_seen() -> None:
    days = np.array([110, 175, 190])
    phase, cycles = find_phases(days, np.array([100, 103, 128, 184]), 190, P)
    assert cycles == 1  # 128 to 184 is two cycles: one start was not logged
    assert phase[0] == pytest.approx(10 / 28)
    assert np.isnan(phase[1])
    assert phase[2] == pytest.approx(6 / 28)


@given(st.lists(st.integers(0, 400), max_size=14), st.integers(100, 400))
@settings(deadline=None, max_examples=60)
def test_starts_logged_later_change_no_phase(starts: list[int], today: int) -> None:
    days = np.arange(today + 1)
    known = np.array([s for s in starts if s <= today], dtype=np.int64)
    got = find_phases(days, np.array(starts, dtype=np.int64), today, P)
    assert np.array_equal(got[0], find_phases(days, known, today, P)[0], equal_nan=True)
    inside = got[0][~np.isnan(got[0])]
    assert ((inside >= 0) & (inside <= 1)).all()


def cycling(people: int, amplitude: float, seed: int, days: int = 168) -> tuple[Real, Real, int, Real]:
    """People in step: values, phases, cycles and the true term, lowest at a fifth of the cycle."""
    starts = np.arange(0, days, 28)
    phase, cycles = find_phases(np.arange(days), starts, days - 1, P)
    true = -amplitude * np.cos(2 * np.pi * (phase - 0.2))
    return 60 + true + ar(people, days, 0.4, seed), phase, cycles, true


def learn_cycle(value: Real, phase: Real, cycles: int, phi: float = 0.4) -> tuple[Real, Real]:
    """Term and error on the days themselves (people, days): everybody is a feature of one case."""
    term = fit_cycle(value, phase, np.array(cycles), np.full(len(value), phi), P)
    return expect_cycle(term, phase)


def test_a_cycle_is_found_shrunk_with_an_error_that_is_right() -> None:
    value, phase, cycles, true = cycling(300, 0.6, 7)
    expected, se = learn_cycle(value, phase, cycles)
    middle = expected.mean(axis=0)
    assert np.corrcoef(middle, true)[0, 1] > 0.99
    assert 0.5 <= middle.max() / 0.6 <= 0.9  # shrunk
    worse = np.mean((value - true - 60) ** 2)
    assert np.mean((value - expected - 60) ** 2) == pytest.approx(worse, rel=0.06)
    assert np.mean((value - 60) ** 2) > 1.1 * worse
    assert 0.7 <= np.mean(np.abs(expected - true) < 1.2816 * se) <= 0.95
    other_unit = learn_cycle(5 * value, phase, cycles)
    assert other_unit[0] == pytest.approx(5 * expected, abs=1e-6)
    assert other_unit[1] == pytest.approx(5 * se, rel=1e-6)


def test_where_there_is_no_cycle_little_is_removed() -> None:
    value, phase, cycles, _ = cycling(300, 0.0, 8)
    expected, se = learn_cycle(value, phase, cycles)
    assert np.sqrt(np.mean(expected**2)) < 0.25
    assert np.mean(np.abs(expected) < 1.2816 * se) >= 0.75


def test_one_logged_cycle_removes_nothing_and_neither_does_an_unknown_phase() -> None:
    value, phase, _, _ = cycling(2, 1.0, 9)
    few = fit_cycle(value[:, :40], phase[:40], np.array(1), np.full(2, 0.4), P)
    assert (few.coefficient == 0).all()
    assert (expect_cycle(few, phase)[1] == 0).all()
    term = CycleTerm(np.ones((1, 4)), np.eye(4)[None])
    expected, se = expect_cycle(term, np.array([np.nan, 0.0]))
    assert expected[0].tolist() == [0, 2]  # both cosines
    assert se[0] == pytest.approx([0, np.sqrt(2)])
    thin = np.where(np.arange(value.shape[1]) < 15, value, np.nan)
    assert (fit_cycle(thin, phase, np.array(5), np.full(2, 0.4), P).coefficient == 0).all()


def test_missing_days_and_the_level_do_not_move_a_cycle_term() -> None:
    value, phase, cycles, _ = cycling(3, 0.8, 10)
    value[:, 5:160:7] = np.nan
    phi = np.array([0.0, 0.4, 0.6])
    logged = np.array(cycles)
    term = fit_cycle(value, phase, logged, phi, P)
    assert np.isfinite(term.coefficient).all()
    assert fit_cycle(value + 500, phase, logged, phi, P).coefficient == pytest.approx(
        term.coefficient, abs=1e-6
    )
    alone = fit_cycle(value[1:2], phase, logged, phi[1:2], P)
    assert np.array_equal(alone.coefficient[0], term.coefficient[1])


def test_people_are_fitted_apart_each_on_their_own_phases() -> None:
    """Two features of three people whose cycles lie apart, together and alone: the same bits."""
    value = 60 + ar(6, 168, 0.4, 13).reshape(3, 2, 168)
    starts = [np.arange(first, 168, length) for first, length in ((0, 28), (9, 31), (150, 28))]
    found = [find_phases(np.arange(168), own, 167, P) for own in starts]
    phase, cycles = np.stack([f[0] for f in found]), np.array([f[1] for f in found])
    phi = np.full((3, 2), 0.4)
    together = fit_cycle(value, phase, cycles, phi, P)
    expected, se = expect_cycle(together, phase)
    assert cycles.tolist() == [5, 5, 0]
    assert (together.coefficient[:2] != 0).all()
    assert (together.coefficient[2] == 0).all()
    for i in range(3):
        alone = fit_cycle(value[i : i + 1], phase[i : i + 1], cycles[i : i + 1], phi[i : i + 1], P)
        assert np.array_equal(alone.coefficient[0], together.coefficient[i])
        one = expect_cycle(alone, phase[i : i + 1])
        assert np.array_equal(one[0][0], expected[i])
        assert np.array_equal(one[1][0], se[i])
    plain = fit_cycle(value[0], phase[0], cycles[0], phi[0], P)
    assert np.array_equal(plain.coefficient, together.coefficient[0])


# Segments


def test_no_era_is_shipped_without_a_document_and_the_file_reads() -> None:
    assert load_eras() == ()
    assert name_segments(["a/b"], ["rhr_night"], [1], load_eras()) == ["a/b"]


def test_a_listed_era_opens_a_segment_for_its_feature_from_its_day_on(tmp_path: Path) -> None:
    path = tmp_path / "eras.csv"
    path.write_text(
        "# a comment\ndevice,feature,since,era,citation\n"
        "band 2,ln_rmssd_night,2026-05-01,fw3,maker's notes\nband 2,ln_rmssd_night,2026-03-01,fw2,maker's notes\n"
    )
    eras = read_eras(path)
    assert [e.era for e in eras] == ["fw2", "fw3"]
    march = (date(2026, 3, 1) - date(1970, 1, 1)).days
    cases = [
        ("x/band 2", "ln_rmssd_night", march - 1, "x/band 2"),
        ("x/band 2", "ln_rmssd_night", march, "x/band 2@fw2"),
        ("x/band 2", "ln_rmssd_night", march + 61, "x/band 2@fw3"),
        ("x/band 2", "rhr_night", march, "x/band 2"),
        ("x/band 3", "ln_rmssd_night", march, "x/band 3"),
    ]
    source, feature, day, expected = map(list, zip(*cases, strict=True))
    assert name_segments(source, feature, day, eras) == expected


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("band,f,May 2026,a,b", "expected a day as 2026-11-22"),
        ("band,f,2026-05-01,a,", "expected a value in each"),
    ],
)
def test_an_era_without_a_day_or_a_citation_is_refused(tmp_path: Path, row: str, says: str) -> None:
    path = tmp_path / "eras.csv"
    path.write_text(f"device,feature,since,era,citation\n{row}\n")
    with pytest.raises(ParameterError, match=says):
        read_eras(path)
    path.write_text("device,since\n")
    with pytest.raises(ParameterError, match="expected the columns device, feature"):
        read_eras(path)


def test_eras_are_told_apart_by_device_and_feature() -> None:
    eras = [Era("b", "f", 5, "new", "-"), Era("b", "g", 1, "other", "-")]
    assert name_segments(["s/b", "s/b"], ["f", "g"], [4, 4], eras) == ["s/b", "s/b@other"]
