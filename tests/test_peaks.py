"""Beats from waves: their times against known ones, and what is not a heart left out with a gap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features import peaks
from features.beats import clean

WESAD = Path(__file__).parent.parent.parent / "shared" / "data" / "wesad_e4" / "data" / "S2" / "S2_E4_Data"
START_S = 1_500_000_000.0


def beat_times(seconds: float, *, bpm: float = 66.0, seed: int = 5) -> np.ndarray:
    """Times of beats with a breath in them and some chance."""
    rng = np.random.default_rng(seed)
    n = int(seconds * bpm / 60) + 5
    rr_s = 60 / bpm + 0.04 * np.sin(np.arange(n) * 2 * np.pi / 4.3) + rng.normal(0, 0.015, n)
    at_s = 0.5 + np.cumsum(rr_s)
    return at_s[at_s < seconds - 1]


def pulse_wave(
    at_s: np.ndarray, seconds: float, *, rate_hz: float = 64.0, noise: float = 0.01, seed: int = 6
):
    """A pulse at each time, the heights changing with breath, on a wandering line, with noise."""
    t_s = np.arange(int(seconds * rate_hz)) / rate_hz
    wave = 0.4 * np.sin(2 * np.pi * t_s / 17)
    for i, at in enumerate(at_s):
        near = slice(max(0, int((at - 0.5) * rate_hz)), int((at + 1) * rate_hz))
        since = t_s[near] - at
        height = 1 + 0.2 * np.sin(i / 2)
        wave[near] += height * np.exp(-((since - 0.10) ** 2) / (2 * 0.055**2))
        wave[near] += 0.35 * height * np.exp(-((since - 0.33) ** 2) / (2 * 0.08**2))
    return t_s, wave + np.random.default_rng(seed).normal(0, noise, len(t_s))


def electrocardiogram(at_s: np.ndarray, seconds: float, *, rate_hz: float):
    """Q, R, S and T at each time, on a wandering line, with noise."""
    t_s = np.arange(int(seconds * rate_hz)) / rate_hz
    wave = 0.2 * np.sin(2 * np.pi * t_s / 5) + np.random.default_rng(8).normal(0, 0.01, len(t_s))
    for at in at_s:
        since = t_s - at
        for height, later, width in (
            (-0.15, -0.03, 0.01),
            (1.2, 0.0, 0.012),
            (-0.3, 0.03, 0.011),
            (0.3, 0.25, 0.05),
        ):
            wave += height * np.exp(-((since - later) ** 2) / (2 * width**2))
    return t_s, wave


def errors_ms(beats, at_s: np.ndarray, *, most_s: float = 0.2) -> np.ndarray:
    """Intervals found less the true ones of the same beats."""
    nearest = np.abs(at_s[:, None] - beats.end_s).argmin(axis=0)
    assert (np.abs(at_s[nearest] - beats.end_s) < most_s).all()
    assert (nearest > 0).all()
    return beats.rr_ms - 1000 * (at_s[nearest] - at_s[nearest - 1])


def rmssd(rr_ms: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.diff(rr_ms) ** 2)))


def test_pulses_are_timed_finer_than_the_samples() -> None:
    at_s = beat_times(300)
    beats = peaks.find_beats(*pulse_wave(at_s, 300), rate_hz=64, sensor="ppg")
    assert len(beats) >= len(at_s) - 5
    assert beats.gap_before.sum() == 1
    assert beats.gap_before[0]
    wrong = errors_ms(beats, at_s)
    # Rounded to the nearest sample the intervals would err by 15.6/√6 = 6.4 ms.
    assert wrong.std() < 2.5
    assert abs(wrong.mean()) < 0.2
    assert rmssd(beats.rr_ms) == pytest.approx(rmssd(1000 * np.diff(at_s)), rel=0.02)
    assert beats.tick_ms == 0.0


@pytest.mark.parametrize("rate_hz", [130.0, 250.0])
def test_r_peaks_are_timed_finer_than_the_samples(rate_hz) -> None:
    at_s = beat_times(120, bpm=75)
    beats = peaks.find_beats(*electrocardiogram(at_s, 120, rate_hz=rate_hz), rate_hz=rate_hz, sensor="ecg")
    assert len(beats) >= len(at_s) - 4
    assert errors_ms(beats, at_s).std() < 0.4 * 1000 / rate_hz / np.sqrt(6)
    assert rmssd(beats.rr_ms) == pytest.approx(rmssd(1000 * np.diff(at_s)), rel=0.01)


def test_simulated_hearts_beat_at_their_rate() -> None:
    import neurokit2 as nk  # noqa: PLC0415 - takes seconds

    ppg = nk.ppg_simulate(duration=120, sampling_rate=64, heart_rate=72, random_state=3)
    beats = peaks.find_beats(np.arange(len(ppg)) / 64, ppg, rate_hz=64, sensor="ppg")
    assert 60000 / beats.rr_ms.mean() == pytest.approx(72, abs=0.5)
    assert len(beats) == pytest.approx(144, abs=4)
    ecg = nk.ecg_simulate(duration=60, sampling_rate=250, heart_rate=65, noise=0.01, random_state=3)
    beats = peaks.find_beats(np.arange(len(ecg)) / 250, ecg, rate_hz=250, sensor="ecg")
    assert 60000 / beats.rr_ms.mean() == pytest.approx(65, abs=1)
    assert len(beats) == pytest.approx(65, abs=3)


def lost(t_s, wave, kind: str, where: slice):
    """The wave with a stretch that holds no heart."""
    if kind == "not recorded":
        keep = np.ones(len(t_s), bool)
        keep[where] = False
        return t_s[keep], wave[keep]
    wave = wave.copy()
    if kind == "null":
        wave[where] = np.nan
    elif kind == "flat":
        wave[where] = wave[where.start]
    else:
        n = where.stop - where.start
        wave[where] += 3 * np.cumsum(np.random.default_rng(2).normal(0, 0.5, n)) / 3
        wave[where] += np.random.default_rng(3).normal(0, 1.5, n)
    return t_s, wave


@pytest.mark.parametrize("kind", ["not recorded", "null", "flat", "motion"])
def test_no_interval_reaches_over_a_stretch_without_a_heart(kind) -> None:
    at_s = beat_times(240)
    t_s, wave = pulse_wave(at_s, 240)
    beats = peaks.find_beats(*lost(t_s, wave, kind, slice(64 * 100, 64 * 125)), rate_hz=64, sensor="ppg")
    begin_s = beats.end_s - beats.rr_ms / 1000
    assert not ((begin_s < 101) & (beats.end_s > 124)).any()
    inside = (beats.end_s > 101) & (beats.end_s < 124)
    # Of chance that was filtered to the band of a pulse, little looks like its neighbours.
    assert inside.sum() <= (4 if kind == "motion" else 0)
    after = np.flatnonzero(beats.end_s > 125)[0]
    assert beats.gap_before[: after + 1].sum() >= 2
    quiet = (beats.end_s < 98) | (begin_s > 128)
    assert quiet.sum() > 0.97 * ((at_s < 98) | (at_s > 129)).sum() - 4
    found = peaks.Beats(beats.end_s[quiet], beats.rr_ms[quiet], beats.gap_before[quiet])
    assert errors_ms(found, at_s).std() < 2.5
    pairs = clean(beats).successive
    assert not pairs[beats.gap_before].any()


def test_a_lost_sample_or_two_break_the_wave() -> None:
    at_s = beat_times(120)
    t_s, wave = pulse_wave(at_s, 120)
    keep = np.ones(len(t_s), bool)
    keep[3000:3002] = False
    beats = peaks.find_beats(t_s[keep], wave[keep], rate_hz=64, sensor="ppg")
    begin_s = beats.end_s - beats.rr_ms / 1000
    assert not ((begin_s < t_s[3000]) & (beats.end_s > t_s[3001])).any()
    assert beats.gap_before.sum() == 2


def test_a_beat_hidden_by_a_lost_contact_does_not_make_a_long_interval() -> None:
    at_s = np.arange(1.0, 119, 0.9)
    t_s, wave = pulse_wave(at_s, 120, noise=0.0)
    hidden = (t_s > at_s[60] - 0.25) & (t_s < at_s[60] + 0.55)
    wave[hidden] = wave[hidden][0]
    beats = peaks.find_beats(t_s, wave, rate_hz=64, sensor="ppg")
    assert beats.rr_ms.max() < 1000
    assert beats.gap_before.sum() == 2


def test_a_clock_that_drifts_is_followed() -> None:
    at_s = beat_times(120)
    t_s, wave = pulse_wave(at_s, 120)
    drifted = START_S + t_s * 1.002
    beats = peaks.find_beats(drifted, wave, rate_hz=64, sensor="ppg")
    assert errors_ms(beats, START_S + at_s * 1.002).std() < 2.5


def test_the_same_beats_come_out_wherever_the_reading_began() -> None:
    at_s = beat_times(420)
    t_s, wave = pulse_wave(at_s, 420)
    t_s = START_S + t_s
    whole = peaks.find_pulses(t_s, wave, rate_hz=64, sensor="ppg")
    part = peaks.find_pulses(t_s[64 * 120 :], wave[64 * 120 :], rate_hz=64, sensor="ppg")
    # A piece starts at a whole minute of the clock; five beats later all neighbours are the same too.
    settled = START_S + 120 + 60 + 10
    late, also = whole.t_s > settled, part.t_s > settled
    assert late.sum() > 200
    np.testing.assert_array_equal(whole.t_s[late], part.t_s[also])
    np.testing.assert_array_equal(whole.likeness[late], part.likeness[also])


def test_borders_of_pieces_neither_lose_nor_double_a_beat() -> None:
    seconds = 300
    for shift in np.arange(0, 0.9, 0.3):
        at_s = np.arange(1.0 + shift, seconds - 1, 0.9)
        found = peaks.find_pulses(*pulse_wave(at_s, seconds), rate_hz=64, sensor="ppg")
        inner = (found.t_s > 5) & (found.t_s < seconds - 5)
        np.testing.assert_allclose(np.diff(found.t_s[inner]), 0.9, atol=0.02)


def test_what_holds_no_heart_holds_no_beat() -> None:
    rng = np.random.default_rng(0)
    t_s = np.arange(64 * 120) / 64
    for wave in (np.zeros(len(t_s)), np.full(len(t_s), np.nan), np.linspace(0, 50, len(t_s))):
        assert len(peaks.find_beats(t_s, wave, rate_hz=64, sensor="ppg")) == 0
    noise = peaks.find_beats(t_s, rng.normal(0, 1, len(t_s)), rate_hz=64, sensor="ppg")
    assert noise.rr_ms.sum() / 1000 < 0.1 * 120
    assert len(peaks.find_beats(np.empty(0), np.empty(0), rate_hz=64, sensor="ppg")) == 0
    assert len(peaks.find_beats(t_s[:300], np.sin(t_s[:300] * 7), rate_hz=64, sensor="ppg")) == 0


def test_a_beat_unlike_the_others_is_left_out_and_leaves_a_gap() -> None:
    at_s = np.arange(1.0, 119, 0.9)
    shapes = np.tile(np.array([0.0, 1, 3, 1, 0]), (20, 1))
    shapes[7] = [3, 2, 0, 2, 3]
    alike = peaks.likeness(shapes)
    assert alike[7] == pytest.approx(-1)
    np.testing.assert_allclose(np.delete(alike, 7), 1)
    pulses = peaks.Pulses(at_s[:20], alike, np.zeros(20, np.int64))
    beats = peaks.make_intervals(pulses, believed=alike > 0.86)
    assert len(beats) == 17
    assert np.flatnonzero(beats.gap_before).tolist() == [0, 6]
    np.testing.assert_allclose(beats.end_s[[5, 6]], at_s[[6, 9]])


def test_intervals_end_at_stretches_and_at_two_seconds() -> None:
    t_s = np.array([0.0, 1, 2, 3, 5.1, 6, 7])
    pulses = peaks.Pulses(t_s, np.ones(7), np.array([0, 0, 1, 1, 1, 1, 1]))
    beats = peaks.make_intervals(pulses, believed=np.ones(7, bool))
    assert beats.end_s.tolist() == [1, 3, 6, 7]
    assert beats.gap_before.tolist() == [True, True, True, False]
    np.testing.assert_allclose(beats.rr_ms, [1000, 1000, 900, 1000])


def test_the_vertex_is_that_of_the_parabola() -> None:
    x = np.arange(9.0)
    np.testing.assert_allclose(peaks.vertex(-((x - 4.3) ** 2), np.array([4])), [4.3])
    assert peaks.vertex(x, np.array([0, 8])).tolist() == [0.0, 8.0]


def test_a_lone_beat_has_no_neighbours_to_be_like() -> None:
    assert np.isnan(peaks.likeness(np.ones((1, 5)) * np.arange(5))).all()
    assert peaks.likeness(np.empty((0, 5))).shape == (0,)


@pytest.mark.parametrize(
    ("t_s", "n", "rate_hz", "said"),
    [
        (np.arange(5.0), 4, 64.0, "5 times and 4 values"),
        (np.arange(5.0), 5, 10.0, "10 samples a second; expected at least 20"),
        (np.zeros(5), 5, 64.0, "times do not increase"),
    ],
)
def test_a_wave_that_cannot_be_read_is_refused(t_s, n, rate_hz, said) -> None:
    with pytest.raises(ValueError, match=said):
        peaks.find_beats(t_s, np.zeros(n), rate_hz=rate_hz, sensor="ppg")


@pytest.mark.shared
def test_pulses_of_a_wrist_agree_with_the_intervals_of_the_device() -> None:
    wave = np.loadtxt(WESAD / "BVP.csv", skiprows=2)
    theirs = np.loadtxt(WESAD / "IBI.csv", delimiter=",", skiprows=1)
    # The device times its intervals with a clock that is 46 parts in a million slower than its samples say.
    t_s = np.arange(len(wave)) / 64 * 1.0000457
    beats = peaks.find_beats(t_s, wave, rate_hz=64, sensor="ppg")
    end_s = theirs[:, 0] - 0.08  # from the rise to where the device puts its beat
    after = np.clip(np.searchsorted(beats.end_s, end_s), 1, len(beats) - 1)
    nearest = np.where(end_s - beats.end_s[after - 1] < beats.end_s[after] - end_s, after - 1, after)
    same = np.abs(beats.end_s[nearest] - end_s) < 0.15
    apart_ms = (beats.rr_ms[nearest] - 1000 * theirs[:, 1])[same]
    assert same.mean() > 0.85
    assert abs(np.median(apart_ms)) < 0.5
    assert np.median(np.abs(apart_ms)) < 11.5
    assert (np.abs(apart_ms) < 50).mean() > 0.95
    assert (np.abs(apart_ms) > 100).mean() < 0.015
    # The device gives intervals for 37.5 % of the session.
    assert 0.42 < beats.rr_ms.sum() / 1000 / t_s[-1] < 0.52
