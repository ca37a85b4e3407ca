"""Plans that chance draws, and the exact test of what could have been drawn (Edgington & Onghena 2007).

A plan lasts 84 days. Blocks of 2 or 7 days come in pairs, one with and one without, and the draw says which is
first: 2^21 or 2^6 plans. A drawn start lies on any of the 49 days of weeks 3 to 9. Under no effect the days'
values would have been the same whatever was drawn, so the drawn plan's statistic is one of equals among those
of all possible plans, however days follow each other. Two-sided, the smallest p is 2 of 64 (.031) with blocks
of 7 days (a plan and its opposite look alike), 1 of 49 (.020) with a start and 1 of 5,000 with blocks of 2.

The statistic is z'My / √z'Mz: z the plan, y the values, M takes out what does not depend on the draw (level,
drift, weekday, illness, travel) and weighs days by an ordinary correlation (.3) between them. With no correlation
and even sides it is the difference of means. The test stays exact if the true correlation is another one; only
its power changes. With it, the interval that inverts the test is an interval (Cauchy & Schwarz), found without
search. Analysed as drawn, whatever was done (intention to treat).
"""

from __future__ import annotations

import numpy as np

from models.baseline import Flag, Real, Whole
from models.effect.estimate import whiten
from models.effect.limits import PLAN_LEAST, PLAN_PHI
from models.effect.question import Design, Estimate
from models.effect.terms import Terms

PLAN_DAYS = 84
BLOCK_DAYS: dict[Design, int] = {"blocks_2": 2, "blocks_7": 7}
START_DAYS = np.arange(14, 63)
"""Places of the days of weeks 3 to 9."""
DRAWS = 5000
ALIKE = 1e-9
"""Statistics nearer than this share are the same one."""


def draw_plan(design: Design, seed: int) -> Whole:
    """Draw a plan: 1 on days with it, 0 on days without, (PLAN_DAYS,)."""
    if design == "start":
        place = int(draw_bits(seed, 1)[0]) % START_DAYS.size
        plans = lay_start(START_DAYS[place : place + 1])
    else:
        plans = lay_blocks(draw_orders(design, seed, 1), design)
    return plans.reshape(PLAN_DAYS)


def possible_plans(design: Design, seed: int) -> Whole:
    """Give the plans that could have been drawn (draws, PLAN_DAYS): the drawn one first, then the others.

    All of them, but for blocks of 2 days: there 4,999 further draws of the same seed.
    """
    if design == "blocks_2":
        return lay_blocks(draw_orders(design, seed, DRAWS), design)
    drawn = draw_plan(design, seed)
    if design == "start":
        every = lay_start(START_DAYS)
    else:
        pairs = PLAN_DAYS // BLOCK_DAYS[design] // 2
        every = lay_blocks(np.arange(2**pairs)[:, None] >> np.arange(pairs)[::-1] & 1, design)
    return np.concatenate((drawn[None], every[(every != drawn).any(axis=1)]))


def draw_bits(seed: int, count: int) -> np.ndarray:
    """Draw whole numbers of 64 bits; raw ones, since only they are promised to stay the same for ever."""
    return np.asarray(np.random.PCG64(seed).random_raw(count))


def draw_orders(design: Design, seed: int, draws: int) -> Whole:
    """Draw which block of each pair is with it: (draws, pairs), 1 where it is the first."""
    pairs = PLAN_DAYS // BLOCK_DAYS[design] // 2
    return (draw_bits(seed, draws * pairs) >> np.uint64(63)).astype(np.int64).reshape(draws, pairs)


def lay_blocks(first: Whole, design: Design) -> Whole:
    """Lay pairs of blocks (plans, pairs) out as days."""
    blocks = np.stack((first, 1 - first), axis=2).reshape(len(first), -1)
    return np.repeat(blocks, BLOCK_DAYS[design], axis=1)


def lay_start(start: Whole) -> Whole:
    """Lay starts (plans,) out as days."""
    return (np.arange(PLAN_DAYS) >= start[:, None]).astype(np.int64)


def weigh_days(day: Whole, terms: Terms, used: Flag) -> Real:
    """Matrix (n, n) that takes out what does not depend on the draw and weighs the used days."""
    n = int(used.sum())
    white = whiten(np.column_stack((np.eye(n), terms.column[used])), day[used], np.array([PLAN_PHI]))[0][0]
    root, x = white[:, :n], white[:, n:]
    inner = np.linalg.inv(x.T @ x + np.diag(terms.precision))
    across = x.T @ root
    return np.asarray(root.T @ root - across.T @ inner @ across)


def judge_plan(value: Real, weighing: Real, possible: Whole, level: float, df: int) -> Estimate:
    """Test no effect among the possible plans, and invert the test for an interval.

    Parameters
    ----------
    value : ndarray (n,)
        On the used days.
    weighing : ndarray (n, n)
        As `weigh_days` makes it.
    possible : ndarray (draws, n)
        The plans on the used days, the drawn one first.
    level : float
        Of the interval: the shifts that the test does not refuse at 1 − level.
    df : int
        Days less free coefficients, for the spread of a day.

    Raises
    ------
    ValueError
        If there are fewer than 20 possible plans.
    """
    if len(possible) < PLAN_LEAST:
        raise ValueError(
            f"a plan with {len(possible)} possible draws was given; a test at 5 % needs {PLAN_LEAST}: take a"
            f" design of draw_plan"
        )
    # Days that go together in every plan are one: of 84 days, blocks of 2 leave 42.
    first = np.flatnonzero(np.append(True, (possible[:, 1:] != possible[:, :-1]).any(axis=0)))
    plans = possible[:, first].astype(np.float64)
    weighed = plans @ np.add.reduceat(np.add.reduceat(weighing, first, axis=0), first, axis=1)
    square = (weighed * plans).sum(axis=1)
    told = square > ALIKE * np.max(square)
    size = np.sqrt(np.where(told, square, 1.0))
    # A plan that the used days cannot tell from none counts as one that looks as large.
    statistic = np.where(told, plans @ np.add.reduceat(weighing @ value, first) / size, np.inf)
    shift = np.where(told, weighed @ plans[0] / size, 0.0)
    effect = statistic[0] / shift[0]
    large = np.abs(statistic) >= abs(statistic[0]) * (1 - ALIKE)
    lo, hi = invert(statistic, shift, level)
    residual = value - effect * possible[0]
    sd = np.sqrt(residual @ weighing @ residual / df)
    return Estimate(float(effect), lo, hi, level, float(large.mean()), float(sd))


def invert(statistic: Real, shift: Real, level: float) -> tuple[float, float]:
    """Find the shifts at which more than 1 − level of the plans look as large as the drawn one.

    After a shift by d the statistics are statistic − d·shift. A plan looks as large as the drawn one between
    the two d at which they are equal in size, and the estimate lies between: so the share falls on either side.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        minus = (statistic[0] - statistic) / (shift[0] - shift)
        plus = (statistic[0] + statistic) / (shift[0] + shift)
    whole = np.isclose(np.abs(shift), shift[0], rtol=ALIKE) | ~np.isfinite(statistic)
    low = np.where(whole, -np.inf, np.minimum(minus, plus))
    high = np.where(whole, np.inf, np.maximum(minus, plus))
    # The smallest count that is more than 1 - level of them.
    enough = int(np.floor((1 - level) * statistic.size * (1 + ALIKE))) + 1
    return float(np.sort(low)[enough - 1]), float(np.sort(high)[-enough])
