"""Alerts tell what lasts, name what made them, and leave alone what is a device, a weekend or a wrist left bare."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.alerts import (
    NO_DAY,
    NO_FEATURE,
    NONE,
    RED,
    YELLOW,
    Alerts,
    Observed,
    Watch,
    follow,
    mark_night_signal,
    start_watch,
)
from models.parameters import load_parameters
from models.validate import simulation
from models.validate.simulation import (
    MONDAY,
    People,
    lower_rmssd,
    observe_days,
    raise_days,
    switch_device,
    wear_device,
)
from models.wear_profile import compare_wear

P = load_parameters()
F = len(P.features)
WINDOW = P.baseline.window_days
Real = NDArray[np.float64]
Whole = NDArray[np.int64]
PLANTED = [P.features.index(name) for name in simulation.PLANTED]


def observe(u: Real, z: Real | None = None, first: int = MONDAY) -> Observed:
    """Days with a given u, z 1.5 everywhere and contributions in the order of the features unless given."""
    people, days = u.shape
    z = np.full((people, days, F), 1.5) if z is None else z
    day = np.broadcast_to(first + np.arange(days), u.shape)
    yes = np.ones(u.shape, dtype=bool)
    part = u[..., None] * np.arange(F, 0, -1) / 45
    return Observed(day, (day - MONDAY) % 7 >= 5, u, np.ones_like(u), z, part, yes, yes)


def watch(days: Observed) -> Alerts:
    return follow(start_watch(len(days.day), F), days, P)[1]


def cut(days: Observed, start: int, stop: int, people: slice = slice(None)) -> Observed:
    return Observed(*(getattr(days, f.name)[people, start:stop] for f in fields(days)))


def test_the_sum_grows_by_what_is_over_the_allowance_and_tells_over_the_threshold() -> None:
    got = watch(observe(np.array([[-1.0, 2, 2, 2, 2, 2]])))
    assert got.level[0] == pytest.approx([0, 1.4, 2.8, 4.2, 5.6, 1.4])  # .6 a day less, then from 0
    assert got.alert[0].tolist() == [False, False, False, False, True, False]
    assert got.since[0].tolist() == [NO_DAY, *[MONDAY + 1] * 4, MONDAY + 5]
    assert got.causes[0, 4].tolist() == [0, 1, 2]


def test_far_values_and_long_heavy_times_are_bounded() -> None:
    one_domain = np.where(np.arange(F) < 4, 2.0, 0.0)
    got = watch(observe(np.full((1, 9), 50.0), np.tile(one_domain, (1, 9, 1))))
    assert got.level[0, :4] == pytest.approx([2.4, 4.8, 7.2, 7.5])
    assert got.level.max() == 7.5


def test_a_week_of_silence_follows() -> None:
    got = watch(observe(np.full((1, 20), 3.0)))
    assert np.nonzero(got.alert[0])[0].tolist() == [1, 9, 17]  # 7 days between


def test_one_domain_alone_does_not_tell_and_a_second_one_does() -> None:
    z = np.zeros((2, 3, F))
    z[..., :4] = 3.0  # night
    z[1, :, P.features.index("sleep_frag")] = 1.01
    z[0, :, P.features.index("sleep_frag")] = 1.0
    got = watch(observe(np.full((2, 3), 3.0), z))
    assert not got.alert[0].any()
    assert got.alert[1].tolist() == [False, True, False]


def test_causes_are_those_of_the_whole_run_and_only_what_was_above_usual() -> None:
    days = observe(np.array([[2.0, 2, 2, 2]]))
    part = np.zeros((1, 4, F))
    part[0, :, 5] = 0.5
    part[0, 0, 8], part[0, 3, 8] = 3.0, -0.5  # the largest in sum, not on the last day
    part[0, :, 2] = -1.0
    got = watch(replace(days, contribution=part))
    assert got.causes[0, 3].tolist() == [8, 5, NO_FEATURE]


def test_causes_are_weighed_over_the_usual_spread_of_their_day() -> None:
    days = observe(np.full((1, 2), 2.0))
    part = np.zeros((1, 2, F))
    part[0, 0, 1], part[0, 1, 2] = 1.0, 1.5
    got = watch(
        replace(days, contribution=part, latent_sd=np.array([[1.0, 2.0]]), latent=np.array([[2.0, 4.0]]))
    )
    assert got.causes[0, 1].tolist() == [1, 2, NO_FEATURE]


def test_what_made_one_alert_is_not_named_again() -> None:
    days = observe(np.full((1, 3), 3.0))
    part = np.zeros((1, 3, F))
    part[0, :2, 1], part[0, 2, 2] = 1.0, 0.1
    got = watch(replace(days, contribution=part))
    assert got.alert[0].tolist() == [False, True, False]
    assert got.causes[0, 2].tolist() == [2, NO_FEATURE, NO_FEATURE]


def test_days_that_do_not_count_leave_the_sum_as_it_is_and_a_long_gap_ends_it() -> None:
    u = np.full((3, 12), 2.0)
    days = observe(u)
    latent, comparable = u.copy(), np.ones(u.shape, dtype=bool)
    latent[0, 2:9] = np.nan  # 7 days without an index
    comparable[1, 2:9] = False
    latent[2, 2:10] = np.nan  # 8 days
    got = watch(replace(days, latent=latent, comparable=comparable))
    assert got.level[:2, 8] == pytest.approx(2.8)
    assert got.level[:2, 9] == pytest.approx(4.2)
    assert got.level[2, 10] == pytest.approx(1.4)
    assert got.since[2, 10] == MONDAY + 10
    assert not got.alert[:, 2:10].any()


def test_a_baseline_that_is_not_settled_starts_it_anew() -> None:
    days = observe(np.full((1, 6), 2.0))
    settled = np.ones((1, 6), dtype=bool)
    settled[0, 3] = False
    got = watch(replace(days, settled=settled))
    assert got.level[0] == pytest.approx([1.4, 2.8, 4.2, 0, 1.4, 2.8])


def test_eight_days_that_do_not_count_end_it_too_and_teach_no_weekday() -> None:
    days = observe(np.full((2, 12), 2.0))
    comparable = np.ones((2, 12), dtype=bool)
    comparable[1, 2:10] = False
    state, got = follow(start_watch(2, F), replace(days, comparable=comparable), P)
    assert got.level[1, 10] == pytest.approx(1.4)
    assert state.weekdays.days.tolist() == [[10, 2], [4, 0]]


def random_days(people: int = 7, length: int = 120) -> Observed:
    rng = np.random.default_rng(3)
    days = observe(rng.normal(0.4, 1, (people, length)), rng.normal(0.5, 1, (people, length, F)))
    gone = rng.random(days.latent.shape) < 0.1
    return replace(
        days,
        latent=np.where(gone, np.nan, days.latent),
        latent_sd=rng.uniform(0.4, 0.7, gone.shape),
        contribution=np.where(gone[..., None], np.nan, rng.normal(0, 0.3, (*gone.shape, F))),
        settled=rng.random(gone.shape) > 0.02,
        comparable=rng.random(gone.shape) > 0.05,
    )


def equal(one: Alerts, other: Alerts, days: slice = slice(None)) -> bool:
    return all(
        np.array_equal(getattr(one, f.name)[:, days], getattr(other, f.name)[:, days]) for f in fields(one)
    )


def test_a_stored_state_goes_on_to_the_same_bits_in_any_batch() -> None:
    days = random_days()
    state, whole = follow(start_watch(7, F), days, P)
    assert whole.alert.sum() > 5
    half, early = follow(start_watch(7, F), cut(days, 0, 53), P)
    last, late = follow(half, cut(days, 53, 120), P)
    assert equal(early, cut_alerts(whole, slice(0, 53)))
    assert equal(late, cut_alerts(whole, slice(53, 120)))
    for name in ("last", "level", "since", "quiet_until", "run"):
        assert np.array_equal(getattr(last, name), getattr(state, name)), name
    _, alone = follow(start_watch(1, F), cut(days, 0, 120, slice(4, 5)), P)
    assert np.array_equal(alone.level[0], whole.level[4])


def cut_alerts(alerts: Alerts, days: slice) -> Alerts:
    return Alerts(*(getattr(alerts, f.name)[:, days] for f in fields(alerts)))


def test_days_left_out_and_days_without_an_index_are_the_same() -> None:
    days = random_days(1)
    without = np.isnan(days.latent[0])
    kept = Observed(*(getattr(days, f.name)[:, ~without] for f in fields(days)))
    assert np.array_equal(watch(kept).level[0], watch(days).level[0, ~without])


def test_what_comes_later_changes_nothing() -> None:
    days = random_days()
    other = replace(days, latent=days.latent.copy(), z=days.z.copy(), contribution=days.contribution.copy())
    other.latent[:, 60:], other.z[:, 60:], other.contribution[:, 60:] = 3.0, 3.0, 1.0
    assert equal(watch(other), watch(days), slice(0, 60))
    assert not equal(watch(other), watch(days))


# Simulated people


@cache
def simulate(people: int, days: int, phi: float, seed: int) -> People:
    return simulation.simulate_people(people, days, phi, seed, P)


def score(value: Real, segment: Whole | None = None) -> Observed:
    """Score every day after the first window with the real baseline and index."""
    return observe_days(value, wear_device(value) if segment is None else segment, P)


@cache
def ordinary_year(phi: float) -> Observed:
    return score(simulate(60, WINDOW + 365, phi, 11).value)


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_ordinary_people_are_told_at_most_one_point_seven_times_a_year(phi: float) -> None:
    rate = watch(ordinary_year(phi)).alert.sum() / 60
    assert rate <= 1.7
    assert rate > 0.02  # the rule is not asleep


def test_a_weekend_that_is_always_heavy_is_not_an_alert() -> None:
    days = ordinary_year(0.4)
    heavy = days.latent + 1.2 * days.latent_sd * (days.weekend - 2 / 7)
    late = slice(60, None)  # the term is learnt by then
    plain = watch(days).alert[:, late].sum()
    assert watch(replace(days, latent=heavy)).alert[:, late].sum() <= 1.1 * plain
    never = replace(P, adjustments=replace(P.adjustments, weekday_weeks=10**6))
    ignored = follow(start_watch(60, F), replace(days, latent=heavy), never)[1]
    assert ignored.alert[:, late].sum() > 1.3 * plain


@pytest.mark.parametrize("phi", [0.0, 0.4])
@pytest.mark.parametrize("device", ["all", "no_variability"])
def test_a_week_two_sds_heavier_is_told_and_its_features_are_named(phi: float, device: str) -> None:
    value = raise_days(simulate(300, WINDOW + 21, phi, 12), simulation.PLANTED, 2, P, start=WINDOW + 14)
    if device == "no_variability":
        value[..., 1:4] = np.nan
    got = watch(score(value))
    week = got.alert[:, 14:]
    told = week.any(axis=1)
    assert told.mean() >= 0.65
    causes = got.causes[np.nonzero(told)[0], 14 + np.argmax(week, axis=1)[told]]
    right = np.isin(causes, PLANTED)
    assert right[:, 0].mean() > 0.95
    assert right.mean() > 0.9
    assert (right.sum(axis=1) >= 2).mean() > 0.95


def test_a_new_device_that_reads_variability_fifteen_ms_lower_is_no_alarm() -> None:
    value = simulate(150, WINDOW + 90, 0.4, 13).value
    hrv = P.features.index("ln_rmssd_night")
    value = value[np.median(value[..., hrv], axis=1) > np.log(30)]
    switch = WINDOW + 20
    other = lower_rmssd(value, switch, 15, P)
    known = watch(score(other, switch_device(other, switch))).alert[:, 20:]
    plain = watch(score(value)).alert[:, 20:]
    assert len(value) > 80
    assert not known[:, :13].any()  # its baseline is not settled: nothing is said
    assert known.sum() <= plain.sum() + 3  # in 70 days of all of them


def hours_worn(people: int, days: int, seed: int) -> Real:
    """Worn waking minutes by hour: from about 7 to about 22."""
    rng = np.random.default_rng(seed)
    rise, rest = rng.normal(7, 0.8, (2, people, days, 1)) + np.array([0, 15.5])[:, None, None, None]
    hour = np.arange(24)
    return np.asarray(60 * np.clip(np.minimum(hour + 1 - rise, rest - hour), 0, 1))


def test_wear_at_other_hours_alone_is_no_alarm() -> None:
    """Evenings read 6 /min higher than the day's mean in everybody; for two weeks only they are worn."""
    people, length, start = 150, WINDOW + 60, WINDOW + 20
    made = simulate(people, length, 0.4, 14)
    value, sd = made.value, made.sd
    worn = hours_worn(people, length, 15)
    evenings = worn.copy()
    evenings[:, start : start + 14, :18] = 0
    by_hour = np.where(np.arange(24) >= 18, 1.0, 0.0)
    shift = 3.5 * ((evenings * by_hour).sum(-1) / evenings.sum(-1) - (worn * by_hour).sum(-1) / worn.sum(-1))
    moved = value.copy()
    for name in ("ahr_day", "arousal_min"):
        f = P.features.index(name)
        moved[..., f] += shift * sd[:, None, f]
    days = score(moved)
    windows = np.moveaxis(sliding_window_view(evenings, WINDOW, axis=1)[:, :-1], -1, 2)
    check = compare_wear(windows.reshape(-1, WINDOW, 24), evenings[:, WINDOW:].reshape(-1, 24), P.wear)
    differs = check.differs.reshape(people, -1)
    plain = watch(score(value)).alert[:, 20:48].any(axis=1).mean()
    blind = watch(days).alert[:, 20:48].any(axis=1).mean()
    checked = watch(replace(days, comparable=~differs)).alert[:, 20:48].any(axis=1).mean()
    assert differs[:, 20:34].mean() > 0.95
    assert np.delete(differs, np.s_[20:34], axis=1).mean() < 0.02
    assert blind > plain + 0.25
    assert checked < plain + 0.03


def test_wear_is_compared_by_its_clock_and_not_by_its_amount() -> None:
    day = np.zeros(24)
    day[8:20] = 60
    before = np.tile(day, (1, 10, 1))
    shifted = np.roll(day, 6)  # half of it at hours never worn
    got = compare_wear(np.repeat(before, 3, axis=0), np.stack([day / 4, shifted, np.zeros(24)]), P.wear)
    assert got.distance == pytest.approx([0, 0.5, np.nan], nan_ok=True)
    assert got.differs.tolist() == [False, True, False]
    few = compare_wear(before[:, :6], shifted[None], P.wear)
    assert np.isnan(few.distance[0])
    assert not few.differs[0]


def test_people_who_wear_it_at_any_hour_are_not_flagged_for_it() -> None:
    rng = np.random.default_rng(16)
    worn = np.zeros((200, 43, 24))
    for person, day in np.ndindex(200, 43):
        start = rng.integers(0, 20)
        worn[person, day, start : start + 4] = 60
    got = compare_wear(worn[:, :-1], worn[:, -1], P.wear)
    assert np.median(got.distance) > 0.5
    assert got.differs.mean() < 0.02


# NightSignal


def test_night_signal_wants_two_nights_over_the_median_of_those_before() -> None:
    before = [58.0, 60, 60, 60, 60, 60, 62, np.nan]
    nights = [(64, 64), (64, 63), (63, 63.5), (64, 62.9), (62, 70), (70, np.nan)]
    got = mark_night_signal(np.array([[*before, *two] for two in nights]), P.alerts)
    assert got.tolist() == [RED, YELLOW, YELLOW, NONE, NONE, NONE]
    assert mark_night_signal(np.array([60.0] * 6 + [90, 90]), P.alerts) == NONE  # 6 nights are no median


def test_night_signal_is_unfair_to_people_with_a_wide_spread() -> None:
    """False reds a year under AR(1) noise: about 1, 6 and 12 at a nightly SD of 2, 3 and 4 /min."""
    rng = np.random.default_rng(17)
    noise = rng.standard_normal((80, 365 + WINDOW))
    for night in range(1, noise.shape[1]):
        noise[:, night] = 0.4 * noise[:, night - 1] + np.sqrt(1 - 0.16) * noise[:, night]
    windows = sliding_window_view(noise, WINDOW + 1, axis=1)
    rates = []
    for sd in (2.0, 3.0, 4.0):
        red = mark_night_signal(60 + sd * windows, P.alerts) == RED
        begun = red[:, 1:] & ~red[:, :-1]
        rates.append(begun.sum() / 80)
    assert rates[0] == pytest.approx(1.0, abs=0.6)
    assert rates[1] == pytest.approx(6.5, abs=1.5)
    assert rates[2] == pytest.approx(12.5, abs=2.5)


def test_a_thousand_people_start_with_nothing() -> None:
    state = start_watch(1000, F)
    assert isinstance(state, Watch)
    assert (state.level == 0).all()
    assert (state.last == NO_DAY).all()
