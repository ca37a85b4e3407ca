"""Heart rate above expected: the fit against a plain one, and known truth planted and found again."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from features import arousal, person
from features.wear import Clock

TRUE = np.array([68.0, -3.0, -4.0, 0.9, 0.6, 0.4, 0.2])
KAPPA = 0.85
NOISE_BPM = 1.5
DAYS = 20


@dataclass(frozen=True)
class Life:
    """Simulated minutes: asleep 23 to 7, walks in the day."""

    clock: Clock
    steps: np.ndarray
    hr_bpm: np.ndarray

    @property
    def usable(self) -> np.ndarray:
        return (self.clock.hour >= 7) & (self.clock.hour < 23) & ~np.isnan(self.rows).any(axis=1)

    @property
    def rows(self) -> np.ndarray:
        return np.column_stack((arousal.regressors(self.clock, self.steps), self.hr_bpm))

    def sums(self) -> dict[int, arousal.DaySums]:
        rows, usable = self.rows, self.usable
        return {
            day: arousal.sum_day(rows[place], usable[place], self.clock.utc_min[place])
            for day, place in self.clock.days.items()
        }


def simulate(seed: int, *, days: int = DAYS, truth: np.ndarray = TRUE, kappa: float = KAPPA) -> Life:
    rng = np.random.default_rng(seed)
    clock = Clock(0, np.zeros(days * 1440, np.int64))
    steps = np.zeros(len(clock))
    for start in rng.integers(0, len(clock) - 60, size=14 * days):
        steps[start : start + rng.integers(1, 40)] = rng.integers(5, 120)
    steps[(clock.hour < 7) | (clock.hour >= 23)] = 0
    error = rng.normal(0, NOISE_BPM, len(clock))
    for t in range(1, len(clock)):
        error[t] += kappa * error[t - 1]
    expected = np.nan_to_num(arousal.regressors(clock, steps)) @ truth
    return Life(clock, steps, expected + error)


@pytest.fixture(scope="module")
def life() -> Life:
    return simulate(7)


def plain_gls(life: Life, days: range, kappa: float) -> np.ndarray:
    """The textbook way: whiten every minute, then ridge least squares with the best set of steps terms."""
    x, y = [], []
    rows, usable = life.rows, life.usable
    for day in days:
        for t in life.clock.minutes_of(day):
            if not usable[t]:
                continue
            follows = t > life.clock.minutes_of(day)[0] and usable[t - 1]
            row = rows[t] - kappa * rows[t - 1] if follows else np.sqrt(1 - kappa**2) * rows[t]
            x.append(row[:-1])
            y.append(row[-1])
    x, y = np.array(x), np.array(y)
    ridge = np.diag([0.0, *[arousal.RIDGE] * 6])
    best, least = np.zeros(7), np.inf
    for chosen in itertools.product([False, True], repeat=4):
        on = np.array([True] * 3 + list(chosen))
        coef = np.zeros(7)
        coef[on] = np.linalg.solve((x.T @ x + ridge)[np.ix_(on, on)], (x.T @ y)[on])
        cost = ((y - x @ coef) ** 2).sum() + coef @ ridge @ coef
        if (coef[3:] >= 0).all() and cost < least:
            best, least = coef, cost
    return best


def test_summed_days_give_the_fit_that_whitening_every_minute_gives(life: Life) -> None:
    model = arousal.fit_before(12, life.sums())
    assert model is not None
    assert model.days == 12
    assert model.coef == pytest.approx(plain_gls(life, range(12), model.kappa), abs=1e-6)


def test_kappa_is_the_correlation_of_neighbouring_errors(life: Life) -> None:
    model = arousal.fit_before(6, life.sums())
    assert model is not None
    error, usable = model.above(life.rows), life.usable
    pair = usable[1:] & usable[:-1] & (life.clock.day[1:] < 6)
    slope = (error[1:] * error[:-1])[pair].sum() / (error[:-1][pair] ** 2).sum()
    assert model.kappa == pytest.approx(slope, abs=1e-6)


def test_planted_values_are_found_again() -> None:
    fits = [arousal.fit_before(14, simulate(seed, days=14).sums()) for seed in range(8)]
    coef = np.array([f.coef for f in fits if f is not None])
    error = coef.mean(axis=0) - TRUE
    assert np.abs(error[0]) < 0.5
    assert np.abs(error[1:3]).max() < 0.5
    assert np.abs(error[3:]).max() < 0.08
    assert np.mean([f.kappa for f in fits if f is not None]) == pytest.approx(KAPPA, abs=0.01)
    one = fits[0]
    assert one is not None
    assert one.amplitude_bpm == pytest.approx(5.0, abs=1.0)
    assert one.phase_h == pytest.approx(np.arctan2(-4, -3) * 12 / np.pi % 24, abs=1.0)
    assert one.hr_per_step == pytest.approx(0.21, abs=0.02)


def test_a_steps_term_that_would_be_negative_is_zero() -> None:
    truth = np.array([68.0, 0, 0, 1.0, -0.8, 0.5, 0.3])
    model = arousal.fit_before(14, simulate(3, days=14, truth=truth).sums())
    assert model is not None
    assert model.coef[4] == 0
    assert (model.coef[3:] >= 0).all()


@pytest.mark.parametrize("seed", range(40))
def test_the_active_set_finds_the_best_of_all_sets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 7)) + rng.normal(size=(30, 1))
    y = x @ rng.normal(size=7) + rng.normal(size=30)
    gram, moment = x.T @ x, x.T @ y
    best = np.inf
    for chosen in itertools.product([False, True], repeat=4):
        on = np.array([True] * 3 + list(chosen))
        coef = np.zeros(7)
        coef[on] = np.linalg.solve(gram[np.ix_(on, on)], moment[on])
        if (coef[3:] >= -1e-12).all():
            best = min(best, 0.5 * coef @ gram @ coef - moment @ coef)
    found = arousal.solve_nonnegative(gram, moment)
    assert (found[3:] >= 0).all()
    assert 0.5 * found @ gram @ found - moment @ found == pytest.approx(best, abs=1e-8)


def test_four_days_are_too_few_and_short_days_do_not_count(life: Life) -> None:
    sums = life.sums()
    assert arousal.fit_before(4, sums) is None
    assert arousal.fit_before(5, sums) is not None
    short = arousal.DaySums(sums[2].now, sums[2].lag, sums[2].before, sums[2].first, 599)
    assert arousal.fit_before(5, {**sums, 2: short}) is None
    assert arousal.days_used(18, sums) == list(range(4, 18))


def test_the_day_scored_is_not_in_its_own_fit(life: Life) -> None:
    sums = life.sums()
    changed = {**sums, 14: arousal.add_days([sums[14], sums[14]])}
    one, two = arousal.fit_before(14, sums), arousal.fit_before(14, changed)
    assert one is not None
    assert two is not None
    assert (one.coef == two.coef).all()


def score(life: Life, day: int) -> dict[str, arousal.Measure]:
    """A day as `features.person` scores it."""
    place = life.clock.minutes_of(day)
    sums = life.sums()
    model = arousal.fit_before(day, sums)
    assert model is not None
    still = arousal.find_still(life.steps)
    past = (life.clock.day < day) & life.usable & still
    now = place[(life.usable & still)[place]]
    return arousal.measure_above(
        model.above(life.rows[now]),
        now,
        run=np.cumsum(~still)[now],
        ready=arousal.settled(still)[now],
        sd_bpm=arousal.robust_sd(model.above(life.rows[past])),
        coverage=1.0,
    )


def with_hour(life: Life, rise_bpm: float, steps_a_min: float) -> Life:
    """The last day with an hour from 15:00 that is higher by so much, and has so many steps."""
    hr, steps = life.hr_bpm.copy(), life.steps.copy()
    place = life.clock.minutes_of(DAYS - 1)
    quiet = place[(life.clock.hour[place] >= 14) & (life.clock.hour[place] < 17)]
    hour = quiet[60:120]
    before = np.nan_to_num(arousal.regressors(life.clock, steps)) @ TRUE
    steps[quiet] = 0
    steps[hour] = steps_a_min
    after = np.nan_to_num(arousal.regressors(life.clock, steps)) @ TRUE
    hr += after - before
    hr[hour] += rise_bpm
    return Life(life.clock, steps, hr)


def test_a_still_hour_eight_beats_up_is_arousal_and_exercise_is_not(life: Life) -> None:
    plain = score(with_hour(life, 0, 0), DAYS - 1)["arousal_min"]
    risen = score(with_hour(life, 8, 0), DAYS - 1)["arousal_min"]
    walked = score(with_hour(life, 0, 110), DAYS - 1)["arousal_min"]
    assert plain.value is not None
    assert risen.value is not None
    assert walked.value is not None
    hours = risen.n_obs / 60
    assert 30 <= (risen.value - plain.value) * hours <= 66
    assert walked.value <= plain.value + 0.3


def test_a_day_four_beats_up_has_an_ahr_four_up(life: Life) -> None:
    higher = life.hr_bpm + np.where(life.clock.day == DAYS - 1, 4.0, 0.0)
    plain = score(life, DAYS - 1)["ahr_day"].value
    risen = score(Life(life.clock, life.steps, higher), DAYS - 1)["ahr_day"].value
    assert plain is not None
    assert risen == pytest.approx(plain + 4)


def test_the_standard_error_of_ahr_day_is_that_of_days_drawn_again() -> None:
    rng = np.random.default_rng(1)
    medians, told = [], []
    for _ in range(300):
        noise = rng.normal(size=700)
        for t in range(1, 700):
            noise[t] += 0.9 * noise[t - 1]
        medians.append(np.median(noise))
        told.append(arousal.block_se(noise, np.arange(700)))
    assert np.median(told) == pytest.approx(np.std(medians), rel=0.25)
    assert arousal.block_se(np.zeros(180), np.arange(180)) is None


def test_too_few_still_minutes_are_said() -> None:
    few = np.zeros(119)
    values = arousal.measure_above(
        few, np.arange(119), run=np.zeros(119, int), ready=few == 0, sd_bpm=1.0, coverage=0.1
    )
    assert {m.reason for m in values.values()} == {"too few still waking minutes: 119 of 120"}


def test_the_smoothed_value_weighs_by_age_and_starts_anew_with_each_run() -> None:
    minute, value = np.array([0, 1, 4, 9]), np.array([10.0, 0.0, 5.0, 7.0])
    smooth = arousal.smooth(value, minute, np.array([0, 0, 0, 1]))
    w = np.exp(-1 / 5)
    assert smooth[0] == 10
    assert smooth[1] == pytest.approx(10 * w / (1 + w))
    assert smooth[2] == pytest.approx((10 * w**4 + 5) / (1 + w**3 + w**4))
    assert smooth[3] == 7
    assert len(arousal.smooth(np.empty(0), np.empty(0, int), np.empty(0, int))) == 0


def test_episodes_last_five_minutes_and_join_over_gaps_under_five() -> None:
    minute = np.arange(100)
    above = np.zeros(100, bool)
    above[[*range(10, 14), *range(20, 25), *range(29, 34), *range(39, 44)]] = True
    # Four minutes are none; gaps of 4 join, the gap of 5 does not.
    assert arousal.find_episodes(above, minute) == [(20, 34), (39, 44)]
    assert arousal.find_episodes(np.zeros(100, bool), minute) == []


def test_arousal_waits_until_ten_minutes_after_the_last_steps() -> None:
    still = np.ones(60, bool)
    still[:20] = False
    now = np.flatnonzero(still)
    above = np.where(now < 30, 20.0, 0.0)
    ready = arousal.settled(still)[now]
    assert now[ready][0] == 29
    inside, _ = arousal.arousal_minutes(above, now, run=np.zeros(40, int), ready=ready, sd_bpm=1.0)
    assert inside > 0
    early, _ = arousal.arousal_minutes(above, now, run=np.zeros(40, int), ready=ready | True, sd_bpm=1.0)
    assert early == inside + 9


def test_minutes_on_two_sides_of_a_jump_in_time_are_no_pair(life: Life) -> None:
    rows, usable = life.rows[600:610], np.ones(10, bool)
    whole = arousal.sum_day(rows, usable, np.arange(10))
    cut = arousal.sum_day(rows, usable, np.array([*range(5), *range(65, 70)]))
    assert (whole.before[0, 0], whole.first[0, 0]) == (9, 1)
    assert (cut.before[0, 0], cut.first[0, 0]) == (8, 2)


def test_still_is_ten_steps_in_five_minutes_and_unknown_is_not_still() -> None:
    steps = np.zeros(20)
    steps[10] = 10
    assert arousal.find_still(steps)[4:].all()
    steps[10] = 11
    assert np.flatnonzero(~arousal.find_still(steps)[4:]).tolist() == [6, 7, 8, 9, 10]
    steps[10] = np.nan
    assert not arousal.find_still(steps)[10:15].any()


def test_steps_terms_are_roots_of_means_over_their_lags() -> None:
    steps = np.zeros(80)
    steps[40] = 64
    terms = arousal.regressors(Clock(0, np.zeros(80, np.int64)), steps)[:, 3:]
    assert terms[40].tolist() == [np.sqrt(32), 0, 0, 0]
    assert terms[[42, 45]].tolist() == [[0, 4, 0, 0]] * 2
    assert terms[[46, 55], 2] == pytest.approx(np.sqrt(6.4))
    assert terms[[56, 70], 3] == pytest.approx(np.sqrt(64 / 15))
    assert not terms[71].any()


def test_a_minute_with_half_a_band_unknown_is_used_and_less_is_not() -> None:
    steps = np.zeros(80)
    steps[40] = np.nan
    assert not np.isnan(arousal.regressors(Clock(0, np.zeros(80, np.int64)), steps)[40:]).any()
    steps[41] = np.nan
    rows = arousal.regressors(Clock(0, np.zeros(80, np.int64)), steps)
    assert np.flatnonzero(np.isnan(rows[31:, 0])).tolist() == [10]


def test_exercise_and_the_hour_after_it_are_left_out() -> None:
    clock = Clock(0, np.zeros(1440, np.int64))
    grid = person.make_grid(
        clock,
        np.full(1440, 70.0),
        np.zeros(1440),
        coarse=np.zeros(1440, bool),
        logs=[],
        unsure=np.zeros(1440, bool),
        workout_s=np.array([[600 * 60, 630 * 60]]),
    )
    out = np.flatnonzero(~grid.usable[100:]) + 100
    assert (out[0], out[-1], len(out)) == (600, 689, 90)
