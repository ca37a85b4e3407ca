"""HRV of the night: which windows count, what too little means, and kinds that are never pooled."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import night, variability
from features.bootstrap import draw_blocks
from features.measure import NO_DATA, NO_VENDOR_VALUE, found, missing

ONSET_MIN = 29_000_000 - 29_000_000 % 5
SLEEP_MIN = 400
ASLEEP = ONSET_MIN + np.arange(SLEEP_MIN)


def measured(rmssd_ms, *, usable=None, asleep=ASLEEP, first_min=ONSET_MIN, irregular=False):
    rmssd_ms = np.asarray(rmssd_ms, float)
    start_s = 60.0 * (first_min + 5 * np.arange(len(rmssd_ms)))
    usable = np.ones(len(rmssd_ms), bool) if usable is None else usable
    return variability.measure_rmssd(
        start_s, rmssd_ms, usable, asleep_min=asleep, onset_s=60.0 * ONSET_MIN, irregular=irregular
    )


def test_the_night_is_the_median_of_its_windows_and_the_early_part_that_of_four_hours() -> None:
    rmssd_ms = np.arange(80.0)  # window i starts 5·i minutes after onset
    values = measured(rmssd_ms)
    assert values["rmssd_night"].value == 39.5
    assert (values["rmssd_night"].n_obs, values["rmssd_night"].coverage) == (80, 1.0)
    # Half an hour after onset is window 6; four hours are 48 windows, 6 to 53.
    assert values["rmssd_4h"].value == (6 + 53) / 2
    assert (values["rmssd_4h"].n_obs, values["rmssd_4h"].coverage) == (48, 1.0)
    assert values["ln_rmssd_night"].value == pytest.approx(math.log(39.5), rel=1e-15)
    assert values["ln_rmssd_night"].se == pytest.approx(values["rmssd_night"].se / 39.5, rel=1e-15)


def test_windows_awake_unusable_or_without_a_value_do_not_count() -> None:
    rmssd_ms = np.full(80, 30.0)
    rmssd_ms[[10, 11, 12]] = 300.0
    rmssd_ms[20] = np.nan
    usable = np.ones(80, bool)
    usable[10] = False
    awake = ONSET_MIN + np.r_[55:60, 60:63]  # window 11 wholly, window 12 with 2 minutes asleep
    asleep = np.setdiff1d(ASLEEP, awake)
    night_value = measured(rmssd_ms, usable=usable, asleep=asleep)["rmssd_night"]
    assert (night_value.value, night_value.n_obs) == (30.0, 76)
    assert night_value.coverage == 76 / 78
    # With one minute more the window is one of sleep again.
    more = measured(rmssd_ms, usable=usable, asleep=np.append(asleep, ONSET_MIN + 60))["rmssd_night"]
    assert more.n_obs == 77


def test_windows_before_sleep_and_after_it_do_not_count() -> None:
    values = measured(
        np.r_[np.full(12, 99.0), np.full(80, 40.0), np.full(12, 99.0)], first_min=ONSET_MIN - 60
    )
    assert (values["rmssd_night"].value, values["rmssd_night"].n_obs) == (40.0, 80)


@pytest.mark.parametrize(
    ("windows", "quality"), [(0, None), (1, None), (5, None), (6, "low"), (17, "low"), (18, "good")]
)
def test_a_night_of_too_few_windows_says_so(windows, quality) -> None:
    value = measured(np.full(windows, 40.0))["rmssd_night"]
    assert value.quality == quality
    assert (value.value is None) == (windows < 6)
    if quality is None:
        text = f"too few stretches of 5 minutes in sleep: {windows} of 6" if windows else NO_DATA
        assert value.reason == text


def test_an_uneven_rhythm_has_no_variability() -> None:
    values = measured(np.full(80, 90.0), irregular=True)
    assert {m.reason for m in values.values()} == {"too uneven to use"}
    assert all(m.value is None for m in values.values())


def test_the_error_of_the_night_is_that_of_blocks_of_half_an_hour() -> None:
    rng = np.random.default_rng(3)
    alone = variability.median_of_windows(40 + rng.normal(0, 5, 90), of=90)
    # Independent values: the error of a median of n normal values is 1.2533·SD/√n.
    assert alone.se == pytest.approx(1.2533 * 5 / math.sqrt(90), rel=0.35)
    slow = np.repeat(rng.normal(0, 5, 15), 6)  # half hours that hold together: 15 values, not 90
    held = variability.median_of_windows(40 + slow, of=90)
    assert held.se > 1.6 * alone.se


def test_the_blocks_are_those_of_the_resting_heart_rate() -> None:
    bins = 50 + np.random.default_rng(1).normal(0, 2, 61)
    assert np.percentile(bins[draw_blocks(61)], 10, axis=1).std(ddof=1) == night.rhr_se_bpm(bins)
    assert draw_blocks(4).shape == (200, 4)
    assert (np.diff(draw_blocks(12)[:, :6], axis=1) == 1).all()


def test_windows_of_a_vendor_count_by_their_middle() -> None:
    start_s = 60.0 * (ONSET_MIN + 2 + 5 * np.arange(80))  # not aligned to UTC
    value = variability.measure_vendor_windows(start_s, np.full(80, 55.0), asleep_min=ASLEEP)
    # The last starts at minute 397 and has its middle at 399.5, within sleep.
    assert (value.value, value.n_obs, value.coverage) == (55.0, 80, 1.0)
    late = variability.measure_vendor_windows(start_s + 60, np.full(80, 55.0), asleep_min=ASLEEP)
    assert late.n_obs == 79
    few = variability.measure_vendor_windows(start_s[:5], np.full(5, 55.0), asleep_min=ASLEEP)
    assert few.reason == "too few stretches of 5 minutes in sleep: 5 of 6"


def test_a_vendors_night_stands_as_it_is() -> None:
    assert variability.measure_vendor_night(48.25) == found(48.25, n_obs=1, coverage=None)
    assert variability.measure_vendor_night(math.nan) == missing(NO_VENDOR_VALUE)


def test_spot_samples_count_only_asleep() -> None:
    minutes = ONSET_MIN + np.array([-30, 10, 90, 170, 260, 330, 399, 400])
    value = np.array([999.0, 40, 50, 60, 70, np.nan, 80, 999])
    spot = variability.measure_spots(60.0 * minutes + 31, value, asleep_min=ASLEEP)
    assert (spot.value, spot.n_obs, spot.quality) == (60.0, 5, "fair")
    # SD of 40, 50, 60, 70, 80 is √250.
    assert spot.se == pytest.approx(math.sqrt(math.pi / 2 * 250 / 5), rel=1e-12)
    one = variability.measure_spots(60.0 * minutes[1:2], value[1:2], asleep_min=ASLEEP)
    assert (one.value, one.quality, one.se) == (40.0, "low", None)
    none = variability.measure_spots(60.0 * minutes[:1], value[:1], asleep_min=ASLEEP)
    assert none.reason == NO_VENDOR_VALUE


def test_the_logarithm_of_nothing_is_nothing() -> None:
    assert variability.take_log(missing("why")) == missing("why")
    assert variability.take_log(found(0.0, n_obs=9)).value is None


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(5, 200), min_size=1, max_size=60),
    st.floats(0.1, 10),
    st.integers(-300, 300),
)
def test_scaling_scales_and_shifting_whole_days_changes_nothing(rmssd_ms, factor, days) -> None:
    value = np.array(rmssd_ms)
    once = measured(value)["rmssd_night"]
    scaled = measured(value * factor)["rmssd_night"]
    assert (once.value is None) == (scaled.value is None) == (len(value) < 6)
    if once.value is not None:
        assert scaled.value == pytest.approx(once.value * factor, rel=1e-12)
        assert scaled.se == pytest.approx(once.se * factor, rel=1e-9, abs=1e-12)
    later = variability.measure_rmssd(
        60.0 * (ONSET_MIN + 1440 * days + 5 * np.arange(len(value))),
        value,
        np.ones(len(value), bool),
        asleep_min=ASLEEP + 1440 * days,
        onset_s=60.0 * (ONSET_MIN + 1440 * days),
        irregular=False,
    )
    assert later["rmssd_night"] == once
