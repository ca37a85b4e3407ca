"""The numbers that somebody chose for "did it help?", each with its reason.

They have no part in the index. They stand here and not in parameters.toml because a change there makes
every day of the index due again. docs/effect.md says what each choice gives in simulation.
"""

from __future__ import annotations

import numpy as np

METHOD = "effect-1"
"""Version of the method: a change of any number or formula of this folder is a new one."""

BEFORE_DAYS, AFTER_DAYS = 84, 42
"""At most so many days before a start and from it on are compared: longer ago is another time of life."""
LEAST_DAYS = 21
"""Days with a value that each side needs."""
VALID_SHARE = 0.7
"""Share of a side's days that need a value."""
PLAN_LEAST_DAYS = 10
"""Of a plan, days with a value on each side: its test is exact for any number."""
RECORD_EARLY, RECORD_DAYS = 84, 168
"""Days of a record of sessions until it is looked at early, and for good. Then the next one begins."""
LEVEL, EARLY_LEVEL = 0.95, 0.99
"""Level of an interval at the last look and at an early one."""
OTHER_DAYS = 3
"""An illness, travel or another thing is allowed for from so many days with, and without, it on."""

TREND_SD = 0.5
"""Expected drift, in SDs of a day over TREND_DAYS: with none expected every drift is an effect; with any
drift allowed a step can hardly be told from it."""
TREND_DAYS = 84
PHI_GRID = np.linspace(0.0, 0.9, 16)
"""Lag-1 correlations that are averaged over."""
ROPE_SD = 0.2
"""A difference smaller than this, in SDs of a day, is no difference worth a name."""
PHI_LOW, PHI_HIGH = 0.2, 0.6
"""Fixed correlations, to see whether the answer hangs on it."""
PLAN_PHI = 0.3
"""Correlation by which a plan's days are weighed. Its test is exact whatever the true one is."""
PLAN_LEAST = 20
"""A plan that could have been drawn in fewer ways proves nothing at 5 %."""

STRETCHES = (7, 14)
"""So many days just before a start are held against the days before them."""
LEFT_OUT = (28, 42)
"""A finding since a start is taken back if less than half of it is left without so many days before the start: a
hard time of weeks, at whose end people begin something, passes by itself."""
EVE_DAYS = 4
"""Sessions need so many days before them, outside the days after another, to ask whether those were unusual."""
HARD_P = 0.05
"""They were unusual if chance gives as much less often than this."""
LEAST_VARIATION = 6.0
"""Days' worth of variation of with and without that weekday, trend and the others do not explain."""
PLACEBO_SIDE = 14
"""Days that a made-up start needs on either side."""
PLACEBO_SHARE = 0.25
"""A finding is taken back if more than this share of made-up starts looks as large."""
LEVEL_GRID = np.array([0.0, 0.001, 0.003, 0.01])
"""Variance by which a wandering level moves a day, over that of a day about it, averaged over: at the most, it
moves as far in 100 days as days lie about it. With more, half of true differences of 1 SD would be taken back."""
TREND_P = 0.05
"""The tau takes the drift of the days before out of both sides if Kendall's test finds one at this level."""
