"""Skin conductance: responses counted against known ones, and what is no skin or no rest left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import electrodermal as skin
from features.measure import NO_DATA

WESAD = Path(__file__).parent.parent.parent / "shared" / "data" / "wesad_e4" / "data" / "S2" / "S2_E4_Data"
START_MIN = 29_000_000 - 29_000_000 % 60
START_S = 60.0 * START_MIN


def conductance(seconds: float, at_s, amplitude_us, *, level_us: float = 2.0) -> np.ndarray:
    """A slowly falling level with a response at each time: .75 s up, 2 s down (Bateman), 4 a second."""
    t_s = np.arange(int(seconds * 4)) / 4
    eda_us = level_us - 0.1 * t_s / seconds
    for at, height in zip(at_s, np.broadcast_to(amplitude_us, len(at_s)), strict=True):
        since = np.maximum(t_s - at, 0)
        shape = np.exp(-since / 2) - np.exp(-since / 0.75)
        eda_us = eda_us + height * shape / 0.3352  # the greatest value of the shape
    return eda_us


def worn(seconds: float, *, seed: int = 1):
    """Temperature and acceleration of a still wrist: 4 and 32 a second."""
    rng = np.random.default_rng(seed)
    n = int(seconds * 32)
    xyz_g = np.array([0.6, 0.0, 0.8]) + rng.normal(0, 0.004, (n, 3))
    # It turns now and then, as a worn wrist does in an hour.
    xyz_g[:, 1] += 0.1 * (np.arange(n) // (32 * 400) % 2)
    xyz_g[:, 0] += 0.1 * (np.arange(n) // (32 * 400) % 2)
    return (START_S + np.arange(int(seconds * 4)) / 4, np.full(int(seconds * 4), 33.0)), (
        START_S + np.arange(n) / 32,
        xyz_g,
    )


def read(eda_us, temperature=None, acceleration=None) -> skin.Skin:
    still = worn(len(eda_us) / 4)
    eda = (START_S + np.arange(len(eda_us)) / 4, eda_us)
    return skin.read_skin(eda, temperature or still[0], acceleration or still[1])


def used_share(found: skin.Skin) -> float:
    return float((found.reason == 0).mean())


@pytest.mark.parametrize("count", [3, 10, 20, 40])
def test_simulated_responses_are_counted_exactly(count) -> None:
    import neurokit2 as nk  # noqa: PLC0415 - takes seconds

    for seed in (1, 2, 3):
        made = nk.eda_simulate(
            duration=300, sampling_rate=100, scr_number=count, noise=0, drift=0.001, random_state=seed
        )
        assert len(skin.find_responses(*skin.part(made[::25]))) == count


@pytest.mark.parametrize("amplitude_us", [0.03, 0.3, 3.0])
def test_large_responses_do_not_ring_and_small_ones_are_seen(amplitude_us) -> None:
    at_s = np.array([40.0, 95, 130, 200, 212, 260])
    found = read(conductance(300, at_s, amplitude_us))
    peak_s = found.start_s - START_S + np.flatnonzero(found.response) / 4
    assert len(peak_s) == len(at_s)
    # The shape is greatest 1.18 s after its start.
    np.testing.assert_allclose(peak_s, at_s + 1.18, atol=0.6)
    assert used_share(found) == 1.0


def test_responses_below_a_hundredth_are_not_counted() -> None:
    at_s = np.arange(30.0, 290, 20)
    assert read(conductance(300, at_s, 0.008)).response.sum() == 0
    # The filters take up to a third of a response off.
    assert read(conductance(300, at_s, 0.017)).response.sum() == len(at_s)


def test_a_high_pass_alone_would_count_its_own_ringing() -> None:
    from scipy.signal import find_peaks  # noqa: PLC0415 - slow

    tonic_us, phasic_us = skin.part(conductance(300, [60.0, 180], 2.0))
    assert len(find_peaks(phasic_us, prominence=0.01, wlen=81)[0]) > 2
    assert len(skin.find_responses(tonic_us, phasic_us)) == 2


def test_a_response_is_a_rise_and_not_a_slower_fall() -> None:
    bump_us = np.zeros(100)
    bump_us[50:58] = [0.005, 0.010, 0.015, 0.020, 0.015, 0.010, 0.005, 0.0]
    ramp_us = 0.008 * np.arange(100)
    # On a steep rise the signal does not fall after the top; on a steep fall it does not rise before it.
    assert skin.find_responses(1 + ramp_us, bump_us).tolist() == [53]
    assert skin.find_responses(2 - ramp_us, bump_us).tolist() == []


def test_the_parts_are_those_of_neurokit_and_add_up() -> None:
    import neurokit2 as nk  # noqa: PLC0415 - takes seconds
    from scipy.signal import butter, sosfiltfilt  # noqa: PLC0415 - slow

    eda_us = conductance(300, np.arange(20.0, 280, 17), 0.4)
    tonic_us, phasic_us = skin.part(eda_us)
    smooth = sosfiltfilt(butter(2, 1.0, fs=4, output="sos"), eda_us)
    theirs = nk.eda_phasic(smooth, sampling_rate=4, method="highpass")
    np.testing.assert_allclose(phasic_us, theirs["EDA_Phasic"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(tonic_us, theirs["EDA_Tonic"], rtol=1e-9)
    np.testing.assert_allclose((tonic_us + phasic_us)[80:-80], smooth[80:-80], atol=1e-3)


def test_windows_hold_their_responses_and_their_level() -> None:
    at_s = np.r_[np.arange(20.0, 290, 30), np.arange(320.0, 590, 60)]
    spans = skin.sum_spans(read(conductance(600, at_s, 0.2)))
    assert spans.start_min.tolist() == [START_MIN, START_MIN + 5]
    assert spans.responses.tolist() == [9, 5]
    np.testing.assert_allclose(spans.scr_per_min, [9 / 5, 1])
    np.testing.assert_allclose(spans.scl_us, [2.0, 1.95], atol=0.03)
    assert spans.used_s.tolist() == [300, 300]
    assert spans.reason.tolist() == [0, 0]


def test_nothing_in_a_moved_stretch_changes_what_is_counted() -> None:
    eda_us = conductance(600, np.arange(30.0, 590, 20), 0.2)
    temperature, (acc_s, xyz_g) = worn(600)
    moving = (acc_s >= START_S + 200) & (acc_s < START_S + 300)
    xyz_g[moving] += np.random.default_rng(4).normal(0, 0.2, (moving.sum(), 3))
    once = read(eda_us, temperature, (acc_s, xyz_g))
    assert used_share(once) == pytest.approx((600 - 100 - 10) / 600)
    assert (once.reason[800:1200] == skin.MOVED).all()
    assert (once.reason[780:800] == skin.BESIDE).all()
    assert (once.reason[1200:1220] == skin.BESIDE).all()
    assert not once.response[780:1220].any()
    assert once.response.sum() == pytest.approx(28 - 6, abs=1)

    eda_us[780:1220] += np.random.default_rng(5).normal(0, 1, 440).cumsum()
    again = read(np.clip(eda_us, 0.1, None), temperature, (acc_s, xyz_g))
    assert (again.response == once.response).all()
    np.testing.assert_array_equal(again.phasic_us, once.phasic_us)


def test_a_cold_band_one_off_the_skin_and_jumps_are_left_out() -> None:
    eda_us = conductance(600, [], 0.2)
    temperature, acceleration = worn(600)
    temperature[1][: 4 * 60] = 24.9
    eda_us[4 * 200 : 4 * 220] = 0.049
    eda_us[4 * 400] += 3.0
    found = read(eda_us, temperature, acceleration)
    assert (found.reason[: 4 * 60] == skin.COLD).all()
    assert (found.reason[4 * 200 : 4 * 220] == skin.LOW).all()
    assert found.reason[4 * 400] == skin.JUMP
    assert (found.reason[4 * 200 - 20 : 4 * 200] == skin.BESIDE).all()
    assert (found.reason[4 * 200 - 21], found.reason[4 * 60 + 20]) == (0, 0)


def test_an_hour_without_any_movement_is_a_band_on_a_table() -> None:
    eda_us = conductance(2 * 3600, [], 0.2)
    temperature, (acc_s, xyz_g) = worn(2 * 3600)
    assert used_share(read(eda_us, temperature, (acc_s, xyz_g))) == 1.0
    on_table = acc_s < START_S + 3600
    xyz_g[on_table] = [0.0, 0.0, 1.0]
    found = read(eda_us, temperature, (acc_s, xyz_g))
    assert (found.reason[: 4 * 3600] == skin.FLAT).all()
    assert used_share(found) == pytest.approx((3600 - 5) / 7200)
    # Half an hour at rest is not non-wear: three quarters that are still are no hour.
    _, (acc_s, xyz_g) = worn(2 * 3600)
    xyz_g[acc_s < START_S + 2700] = [0.0, 0.0, 1.0]
    assert used_share(read(eda_us, temperature, (acc_s, xyz_g))) == 1.0


@pytest.mark.parametrize(
    ("what", "flat"),
    [
        ("nothing", True),
        ("one axis moves", True),
        ("two axes move", False),
        ("turned", False),
        ("a hole", False),
    ],
)
def test_non_wear_is_two_axes_within_13_mg_for_a_whole_hour(what, flat) -> None:
    t_s = np.arange(3600.0)
    xyz_g = np.tile([0.0, 0.0, 1.0], (3600, 1))
    swing_g = 0.014 * (-1.0) ** np.arange(3600)  # its standard deviation is 14 mg
    if what.endswith(("move", "moves")):
        xyz_g[:, : 2 if what.startswith("two") else 1] += swing_g[:, None]
    if what == "turned":  # still in each quarter, and never the same
        xyz_g += 0.1 * (np.arange(3600) // 900)[:, None]
    if what == "a hole":
        t_s[1800:] += 900
    found = skin.find_flat(START_S + t_s, xyz_g)
    assert found.tolist() == ([START_S // 900 + i for i in range(4)] if flat else [])


def test_half_of_a_window_is_enough() -> None:
    level = np.full(1200, 2.0)
    for used, reason in ((600, 0), (599, skin.MOVED)):
        why = np.where(np.arange(1200) < used, 0, skin.MOVED).astype(np.int8)
        made = skin.Skin(START_S, level, np.zeros(1200), why, np.zeros(1200, bool))
        assert skin.sum_spans(made).reason.tolist() == [reason]


def test_without_acceleration_or_temperature_nothing_is_used() -> None:
    eda_us = conductance(300, [100.0], 0.2)
    temperature, acceleration = worn(300)
    none = (np.empty(0), np.empty(0))
    unmoved = read(eda_us, temperature, (np.empty(0), np.empty((0, 3))))
    assert set(unmoved.reason) == {skin.MOVED}
    assert set(read(eda_us, none, acceleration).reason) == {skin.COLD}
    assert not unmoved.response.any()
    nothing = skin.read_skin(none, temperature, acceleration)
    assert len(nothing) == len(skin.sum_spans(nothing).start_min) == 0


def test_a_hole_is_no_skin_conductance_and_a_slip_of_the_clock_is_no_hole() -> None:
    eda_us = conductance(300, [], 0.2)
    t_s = START_S + np.arange(len(eda_us)) / 4
    temperature, acceleration = worn(300)
    keep = np.ones(len(t_s), bool)
    keep[400:440] = False
    keep[600:602] = False
    found = skin.read_skin((t_s[keep], eda_us[keep]), temperature, acceleration)
    assert (found.reason[400:440] == skin.NO_SIGNAL).all()
    assert (found.reason[590:610] == 0).all()
    assert used_share(found) == pytest.approx(1 - (40 + 40) / 1200)


def test_a_faster_recording_means_the_same() -> None:
    at_s = np.arange(25.0, 290, 25)
    slow = read(conductance(300, at_s, 0.2))
    t_s = np.arange(300 * 64) / 64
    fast_us = np.interp(t_s, np.arange(1200) / 4 + 0.1, conductance(300, at_s, 0.2))
    fast = skin.read_skin((START_S + t_s, fast_us), *worn(300))
    assert fast.response.sum() == slow.response.sum() == len(at_s)
    np.testing.assert_allclose(fast.tonic_us, slow.tonic_us, atol=0.02)


def test_a_day_is_its_still_waking_minutes() -> None:
    calm, busy = np.arange(10.0, 3600, 60), np.arange(3610.0, 7190, 15)
    minutes = skin.sum_spans(read(conductance(7200, np.r_[calm, busy], 0.1)), span_min=1)
    rest = START_MIN + np.arange(60)
    day = skin.measure_skin(minutes, rest)
    assert day["scr_rate"].value == pytest.approx(1.0)
    assert (day["scr_rate"].n_obs, day["scr_rate"].coverage, day["scr_rate"].quality) == (60, 1.0, "fair")
    assert day["scl"].value == pytest.approx(1.975, abs=0.03)
    both = skin.measure_skin(minutes, START_MIN + np.arange(120))
    assert both["scr_rate"].value == pytest.approx((60 + 239) / 120, abs=0.02)
    assert both["scr_rate"].quality == "good"
    assert both["scr_rate"].se > 5 * day["scr_rate"].se


def test_too_little_rest_says_how_little_and_why() -> None:
    eda_us = conductance(3600, [], 0.1)
    temperature, (acc_s, xyz_g) = worn(3600)
    moving = acc_s >= START_S + 1200
    xyz_g[moving] += np.random.default_rng(4).normal(0, 0.2, (moving.sum(), 3))
    minutes = skin.sum_spans(read(eda_us, temperature, (acc_s, xyz_g)), span_min=1)
    day = skin.measure_skin(minutes, START_MIN + np.arange(60))
    assert day["scr_rate"].value is None
    assert day["scr_rate"].reason == (
        "skin conductance usable in 20 of 60 still waking minutes; mostly the wrist moved, or no acceleration"
    )
    assert skin.measure_skin(minutes, np.empty(0, np.int64))["scl"].reason == NO_DATA


@settings(deadline=None, max_examples=15)
@given(st.floats(1.0, 8.0), st.integers(-500, 500), st.integers(0, 2**31))
def test_scaling_scales_the_level_and_shifting_in_time_changes_nothing(factor, hours, seed) -> None:
    rng = np.random.default_rng(seed)
    at_s = np.cumsum(rng.uniform(8, 40, 20))
    eda_us = conductance(300, at_s[at_s < 290], rng.uniform(0.05, 0.5, (at_s < 290).sum()))
    temperature, acceleration = worn(300)
    t_s = START_S + np.arange(len(eda_us)) / 4
    once = skin.sum_spans(skin.read_skin((t_s, eda_us), temperature, acceleration))
    scaled = skin.sum_spans(skin.read_skin((t_s, eda_us * factor), temperature, acceleration))
    np.testing.assert_allclose(scaled.scl_us, once.scl_us * factor, rtol=1e-9)
    assert (scaled.responses >= once.responses).all()
    by_s = 3600.0 * hours
    later = skin.sum_spans(
        skin.read_skin(
            (t_s + by_s, eda_us),
            (temperature[0] + by_s, temperature[1]),
            (acceleration[0] + by_s, acceleration[1]),
        )
    )
    assert (later.start_min - once.start_min == 60 * hours).all()
    np.testing.assert_array_equal(later.responses, once.responses)
    np.testing.assert_array_equal(later.scl_us, once.scl_us)


@pytest.mark.shared
def test_a_speech_before_a_jury_shows_in_the_skin() -> None:
    eda_us, cel = (np.loadtxt(WESAD / f"{name}.csv", skiprows=2) for name in ("EDA", "TEMP"))
    xyz_g = np.loadtxt(WESAD / "ACC.csv", delimiter=",", skiprows=2) / 64
    recorded = skin.read_skin(
        (np.arange(len(eda_us)) / 4, eda_us),
        (np.arange(len(cel)) / 4, cel),
        (np.arange(len(xyz_g)) / 32, xyz_g),
    )
    minutes = skin.sum_spans(recorded, span_min=1)

    def rate_and_level(from_min: float, to_min: float) -> tuple[float, float]:
        # Minutes of the protocol are of the chest recorder: the wrist's clock began 1423.5 s before.
        at_min = minutes.start_min - 1423.5 / 60
        within = (at_min >= from_min) & (at_min + 1 <= to_min) & (minutes.used_s > 0)
        used_min = minutes.used_s[within].sum() / 60
        return minutes.responses[within].sum() / used_min, float(np.median(minutes.scl_us[within]))

    (base_rate, base_us), (speech_rate, speech_us) = rate_and_level(7.1, 26.5), rate_and_level(39.9, 50.5)
    assert base_rate < 0.5
    assert speech_rate > 4
    assert speech_us > 4 * base_us
    assert 0.35 < used_share(recorded) < 0.5
