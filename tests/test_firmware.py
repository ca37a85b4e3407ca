"""A change of firmware that no list knows: one device, another reading. It is told as a move of the usual, not hidden.

Nothing but the numbers shows it, so nothing can tell it from a change of the person: what is told is a
shift of the usual of that feature, in some people an alert, and for some weeks a higher (or calmer) index.
The shares here are those that docs/design.md states.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr

from models.alerts import follow, start_watch
from models.parameters import load_parameters
from models.validate.simulation import follow_usual, lower_rmssd, observe_days, simulate_people, wear_device

P = load_parameters()
WINDOW, F = P.baseline.window_days, len(P.features)
HRV, RHR = P.features.index("ln_rmssd_night"), P.features.index("rhr_night")
AT = WINDOW + 7 * 20
BEFORE, AFTER = WINDOW + 28, 70
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Told:
    """What people were told after the change. Shares of people; `index` (people, days) from that day on."""

    alert_in_two_weeks: float
    hrv_moved: float
    rhr_moved: float
    anything_moved: float
    weeks_to_hrv: float
    index: Real


@cache
def update_firmware(phi: float, rmssd_ms: float, rhr_bpm: float) -> Told:
    """People of 30 ms and more whose device reads RMSSD and resting heart rate otherwise from a day on."""
    value = simulate_people(150, WINDOW + 7 * 34, phi, 51, P).value
    value = value[np.median(value[..., HRV], axis=1) > np.log(30)]
    value = lower_rmssd(value, AT, -rmssd_ms, P)
    value[:, AT:, RHR] += rhr_bpm
    near = value[:, AT - BEFORE : AT + AFTER]
    days = observe_days(near, wear_device(near), P)
    _, alerts = follow(start_watch(len(value), F), days, P)
    moves = [m for m in follow_usual(value, P) if AT - 7 <= m.day <= AT + 56 and m.feature in (HRV, RHR)]
    hrv, rhr = ({m.person for m in moves if m.feature == f} for f in (HRV, RHR))
    first = [min(m.day for m in moves if m.feature == HRV and m.person == one) for one in hrv]
    start = BEFORE - WINDOW
    return Told(
        alerts.alert[:, start : start + 14].any(axis=1).mean(),
        len(hrv) / len(value),
        len(rhr) / len(value),
        len(hrv | rhr) / len(value),
        # A week is judged when it is over.
        (float(np.median(first)) - AT) / 7 + 1 if first else np.nan,
        100 * ndtr(days.latent / days.latent_sd)[:, start:],
    )


@pytest.mark.parametrize("phi", [0.0, 0.4])
@pytest.mark.parametrize(("rmssd_ms", "rhr_bpm"), [(-15, 3), (15, -3)])
def test_fifteen_ms_and_three_beats_are_told_as_a_move_within_eight_weeks(
    phi: float, rmssd_ms: float, rhr_bpm: float
) -> None:
    told = update_firmware(phi, rmssd_ms, rhr_bpm)
    assert told.hrv_moved >= 0.75
    assert told.weeks_to_hrv <= 4
    assert 0.5 <= told.rhr_moved <= 0.8  # one SD of a day: of some it is never told
    assert told.anything_moved >= 0.85


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_without_a_change_hardly_anything_is_told(phi: float) -> None:
    told = update_firmware(phi, 0, 0)
    assert told.anything_moved <= 0.03
    assert told.alert_in_two_weeks <= 0.1


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_some_get_a_false_alert_and_the_index_leans_until_the_new_level_is_usual(phi: float) -> None:
    plain, load, calm = (update_firmware(phi, *moved) for moved in ((0, 0), (-15, 3), (15, -3)))
    assert 0.15 <= load.alert_in_two_weeks <= 0.45
    assert load.alert_in_two_weeks > plain.alert_in_two_weeks + 0.15
    assert calm.alert_in_two_weeks <= plain.alert_in_two_weeks
    first, last = slice(0, 7), slice(49, 56)
    assert 66 <= np.median(load.index[:, first]) <= 80
    assert 20 <= np.median(calm.index[:, first]) <= 34
    for told in (load, calm):
        assert np.median(told.index[:, last]) == pytest.approx(np.median(plain.index[:, last]), abs=2)
