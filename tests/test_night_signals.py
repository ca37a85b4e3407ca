"""What a night's beats, breaths and temperatures come to, from rows in a warehouse to rows in a warehouse."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from recording_rows import (
    WATCH,
    alternating,
    ask,
    beats,
    computed,
    hrv,
    light_night,
    pulse_wave,
    sleep,
    values,
    vital,
)
from signal_rows import instant

from features.measure import found, missing
from features.night_signals import choose

DAY = date(2020, 5, 11)
BEATS = ("rmssd_night", "rmssd_4h", "ln_rmssd_night")


def test_rmssd_of_a_night_is_that_of_its_windows_asleep(tmp_path: Path) -> None:
    # Awake from 03:00 to 03:10, with an RMSSD of 100: its two windows count for nothing.
    night = sleep(DAY, ("light", 240), ("wake", 10), ("light", 230))
    parts = [
        beats(instant(DAY, -1.5), alternating(270, 40)),
        beats(instant(DAY, 3), alternating(10, 100), gap_before=True),
        beats(instant(DAY, 3 + 1 / 6), alternating(260, 40)),
    ]
    told = values(computed(tmp_path, night, *parts), DAY, *BEATS)
    assert told["rmssd_night"] == (40.0, None, 94, "good", WATCH)
    # 23:30 to 03:30: 48 windows, of which two are awake.
    assert told["rmssd_4h"] == (40.0, None, 46, "good", WATCH)
    assert told["ln_rmssd_night"] == (pytest.approx(math.log(40), abs=1e-6), None, 94, "good", WATCH)


def test_what_the_clock_of_the_recorder_adds_is_taken_out(tmp_path: Path) -> None:
    rows = beats(instant(DAY, 1), alternating(120, 40), tick_ms=16.0)
    told = values(computed(tmp_path, light_night(DAY), rows), DAY, "rmssd_night")
    assert told["rmssd_night"][:3] == (pytest.approx(math.sqrt(40**2 - 16**2 / 2), abs=1e-6), None, 24)


def test_too_few_windows_are_told(tmp_path: Path) -> None:
    rows = beats(instant(DAY, 1), alternating(25, 40))
    told = values(computed(tmp_path, light_night(DAY), rows), DAY, *BEATS)
    assert told["rmssd_night"][:3] == (None, "too few stretches of 5 minutes in sleep: 5 of 6", 5)
    assert told["rmssd_night"][4] == WATCH


def test_a_rhythm_too_uneven_gives_no_variability_and_no_breath(tmp_path: Path) -> None:
    # None is far from the median, but each third pair falls by more than a fifth: it looks like 20 breaths.
    rows = beats(instant(DAY, 0), np.tile([885.0, 1000.0, 1115.0], 3600))
    told = values(computed(tmp_path, light_night(DAY), rows), DAY, *BEATS, "resp_night")
    assert {told[name][:2] for name in BEATS} == {(None, "too uneven to use")}
    assert told["resp_night"][:2] == (None, "too uneven to use")


def test_beats_found_in_a_pulse_wave_are_marked_so(tmp_path: Path) -> None:
    rr_s = alternating(40, 100, mean_ms=900) / 1000
    wave = pulse_wave(instant(DAY, 1), np.cumsum(rr_s), 25.0, "watch")
    warehouse = computed(tmp_path, light_night(DAY), wave)
    told = values(warehouse, DAY, "rmssd_night")["rmssd_night"]
    assert told[0] == pytest.approx(100, rel=0.05)
    assert told[2:] == (8, "low", WATCH)
    assert ask(warehouse, "select distinct sensor, derived from feature.window") == [("ppg", True)]


def test_what_vendors_compute_stands_by_itself(tmp_path: Path) -> None:
    fives = [hrv("rmssd_5min", instant(DAY, 1) + timedelta(minutes=5 * i), 30 + i) for i in range(19)]
    awake = [hrv("rmssd_5min", instant(DAY, 8) + timedelta(minutes=5 * i), 200) for i in range(19)]
    spots = [hrv("sdnn_spot", instant(DAY, h), v) for h, v in ((0, 40), (2, 90), (5, 50), (9, 300))]
    nightly = hrv("rmssd_night", instant(DAY, 0), 47)
    warehouse = computed(tmp_path, light_night(DAY), *fives, *awake, *spots, nightly)
    told = values(
        warehouse,
        DAY,
        *BEATS,
        "rmssd_5min_vendor_night",
        "ln_rmssd_5min_vendor_night",
        "rmssd_night_vendor",
        "ln_rmssd_night_vendor",
        "sdnn_spot_sleep",
        "rmssd_spot_sleep",
    )
    assert told["rmssd_5min_vendor_night"] == (39.0, None, 19, "good", WATCH)
    assert told["ln_rmssd_5min_vendor_night"][0] == pytest.approx(math.log(39), abs=1e-6)
    assert told["rmssd_night_vendor"] == (47.0, None, 1, "good", WATCH)
    assert told["ln_rmssd_night_vendor"][0] == pytest.approx(math.log(47), abs=1e-6)
    assert told["sdnn_spot_sleep"] == (50.0, None, 3, "fair", WATCH)
    assert told["rmssd_spot_sleep"][:2] == (None, "no value from the vendor")
    assert {told[name][:2] for name in BEATS} == {(None, "no beats from this device")}
    se = ask(warehouse, "select se from feature.value where feature = 'sdnn_spot_sleep' and day = ?", DAY)
    assert se[0][0] == pytest.approx(math.sqrt(math.pi / 2) * np.std([40, 50, 90], ddof=1) / math.sqrt(3))


def test_breaths_are_of_samples_else_of_the_night_else_of_beats(tmp_path: Path) -> None:
    samples = [
        vital("respiration", instant(DAY, -1) + timedelta(minutes=i), 12 + 2 * (i >= 200)) for i in range(480)
    ]
    awake = [vital("respiration", instant(DAY, 7) + timedelta(minutes=i), 25) for i in range(400)]
    of_samples = computed(tmp_path / "1", light_night(DAY), *samples, *awake)
    assert values(of_samples, DAY, "resp_night")["resp_night"] == (14.0, None, 96, "good", WATCH)

    nightly = vital("respiration", instant(DAY, -1), 15.5)
    of_night = computed(tmp_path / "2", light_night(DAY), nightly)
    assert values(of_night, DAY, "resp_night")["resp_night"] == (15.5, None, 1, "good", WATCH)

    at_s = np.arange(0, 3600, 1.0)
    breathing = beats(instant(DAY, 1), 1000 + 40 * np.sin(2 * np.pi * 0.25 * at_s))
    of_beats = computed(tmp_path / "3", light_night(DAY), breathing)
    told = values(of_beats, DAY, "resp_night")["resp_night"]
    assert told[0] == pytest.approx(15, abs=0.2)
    assert told[1:] == (None, 12, "low", WATCH)
    both = computed(tmp_path / "4", light_night(DAY), breathing, nightly)
    assert values(both, DAY, "resp_night")["resp_night"][0] == 15.5


def test_oxygen_is_of_samples_else_of_the_night(tmp_path: Path) -> None:
    few = [vital("spo2", instant(DAY, 2) + timedelta(minutes=5 * i), 94 + i) for i in range(5)]
    nightly = vital("spo2_night", instant(DAY, 0), 96.5)
    told = values(computed(tmp_path / "1", light_night(DAY), *few, nightly), DAY, "spo2_night")
    assert told["spo2_night"] == (96.5, None, 1, "good", WATCH)
    alone = values(computed(tmp_path / "2", light_night(DAY), *few), DAY, "spo2_night")
    assert alone["spo2_night"][:3] == (None, "too few stretches of 5 minutes in sleep: 5 of 6", 5)
    # Every minute for half an hour, one window of it at 80: the median of windows stands.
    dense = [
        vital("spo2", instant(DAY, 4) + timedelta(minutes=i), 80 if i < 5 else 95 + (i // 5) % 2)
        for i in range(35)
    ]
    told = values(computed(tmp_path / "3", light_night(DAY), *dense, nightly), DAY, "spo2_night")
    assert told["spo2_night"] == (95.0, None, 7, "low", WATCH)


def temperatures(nights: int, device: str = "watch", usual: float = 33.0) -> list[dict[str, list]]:  # type: ignore[type-arg]
    """Nights of 33.0, 33.1, 33.2, 33.0 … °C, each one value at local midnight."""
    return [
        part
        for i in range(nights)
        for part in (
            light_night(DAY + timedelta(days=i), device),
            vital(
                "skin_temperature",
                instant(DAY + timedelta(days=i), 0),
                usual + round(0.1 * (i % 3), 1),
                device,
            ),
        )
    ]


def temp_dev(warehouse: Path, since: date = DAY) -> list[tuple]:  # type: ignore[type-arg]
    sql = "select value, reason, n_obs, source from feature.value where feature = 'temp_dev' and day >= ? order by day"
    return ask(warehouse, sql, since)


def test_skin_temperature_is_told_against_28_nights(tmp_path: Path) -> None:
    warehouse = computed(tmp_path, *temperatures(30))
    rows = temp_dev(warehouse)
    assert [row[1:3] for row in rows[:7]] == [("fewer than 7 nights before it", i) for i in range(7)]
    # Night 7: 33.1 against the median of 33.0 ×3, 33.1 ×2, 33.2 ×2. Night 29, of 33.2: the 28 before it are
    # nights 1 to 28, nine of 33.0, ten of 33.1 and nine of 33.2.
    assert rows[7][:3] == (pytest.approx(0.0, abs=1e-6), None, 7)
    assert rows[29][:3] == (pytest.approx(0.1, abs=1e-6), None, 28)
    assert rows[28][:3] == (pytest.approx(0.0, abs=1e-6), None, 28)
    se = ask(
        warehouse,
        "select max(se) from feature.value where feature = 'temp_dev' and n_obs = 28 and day = ?",
        DAY + timedelta(days=29),
    )
    past = [33.0] * 9 + [33.1] * 10 + [33.2] * 9
    assert se[0][0] == pytest.approx(math.sqrt(math.pi / 2) * np.std(past, ddof=1) / math.sqrt(28), abs=1e-6)


def test_a_temperature_is_never_told_against_another_device_or_kind(tmp_path: Path) -> None:
    old, new = temperatures(12), temperatures(24, "ring", usual=36.0)
    # From night 12 on the ring alone; on night 20 it gives samples instead of its one value.
    parts = [*old, *new[24:40], *new[42:]]
    night = DAY + timedelta(days=20)
    samples = [
        vital("skin_temperature", instant(night, 0) + timedelta(minutes=5 * i), 36.5, "ring")
        for i in range(8)
    ]
    warehouse = computed(tmp_path, *parts, light_night(night, "ring"), *samples)
    rows = temp_dev(warehouse, since=DAY + timedelta(days=12))
    assert [row[1:3] for row in rows[:7]] == [("fewer than 7 nights before it", i) for i in range(7)]
    assert rows[7][0] == pytest.approx(36.1 - 36.1, abs=1e-6)
    assert {row[3] for row in rows} == {"made/ring"}
    assert rows[8][1:3] == ("fewer than 7 nights before it", 0), "samples are not told against nightly values"
    assert rows[9][2] == 8, "nor nightly values against samples"


def test_the_device_of_the_sleep_log_comes_first_and_none_is_blended(tmp_path: Path) -> None:
    logs = [light_night(DAY), light_night(DAY + timedelta(days=1))]
    strap = beats(instant(DAY, 0), alternating(240, 60)[:-1], device="strap")
    own = beats(instant(DAY, 0), alternating(60, 40)[:-1], device="watch")
    only = beats(instant(DAY, 24), alternating(120, 60)[:-1], device="strap")
    warehouse = computed(tmp_path, *logs, strap, own, only)
    assert values(warehouse, DAY, "rmssd_night")["rmssd_night"] == (40.0, None, 12, "low", WATCH)
    next_day = values(warehouse, DAY + timedelta(days=1), "rmssd_night")["rmssd_night"]
    assert next_day == (60.0, None, 24, "good", "made/strap")
    sources = ask(warehouse, "select source, count(*) from feature.window group by 1 order by 1")
    assert sources == [("made/strap", 48 + 24), ("made/watch", 12)]


def test_of_several_devices_the_own_one_is_chosen_then_the_one_with_most_then_by_name() -> None:
    a, b, c = found(1, n_obs=5), found(2, n_obs=9), found(3, n_obs=9)
    assert choose({"a": a, "b": b}, "a") == (a, "a")
    assert choose({"a": a, "c": c, "b": b}, "z") == (b, "b")
    assert choose({"a": missing("x"), "b": b}, "a") == (b, "b")
    assert choose({"a": missing("x"), "b": missing("y")}, "b") == (missing("y"), None)
    assert choose({}, "b")[0].value is None


def test_without_a_main_sleep_there_is_no_night_to_speak_of(tmp_path: Path) -> None:
    warehouse = computed(tmp_path, beats(instant(DAY, 1), alternating(60, 40)))
    told = values(warehouse, DAY, *BEATS, "temp_dev", "resp_night", "sdnn_spot_sleep")
    assert {row[:2] for row in told.values()} == {(None, "no main sleep found")}


def test_a_window_that_reaches_out_of_the_sleep_is_not_of_it(tmp_path: Path) -> None:
    # Of the windows of 22:55 and 07:00 three minutes are sleep, and two are not.
    night = sleep(DAY, ("light", 486), start_h=-1.05)
    rows = beats(instant(DAY, -1.5), alternating(9 * 60, 40))
    told = values(computed(tmp_path, night, rows), DAY, "rmssd_night")
    assert told["rmssd_night"][:3] == (40.0, None, 96)
