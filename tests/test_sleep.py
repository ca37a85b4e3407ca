"""Putting sleep logs together, and what a night measures: every value worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import measure, sleep, sleep_measures
from features.sleep import ASLEEP, DEEP, LIGHT, REM, RESTLESS, WAKE, Log, Night, Totals

SYDNEY = ZoneInfo("Australia/Sydney")


def instant(text: str, zone: ZoneInfo = SYDNEY) -> tuple[int, int]:
    """Seconds since 1970 and offset in minutes of a local stamp; 'b' after it is the later of two."""
    local = datetime.fromisoformat(text.rstrip("b")).replace(tzinfo=zone, fold=int(text.endswith("b")))
    offset = local.utcoffset()
    assert offset is not None
    return int(local.timestamp()), int(offset.total_seconds() // 60)


def make_log(start: str, *stretches: tuple[int, float], zone: ZoneInfo = SYDNEY, **facts: Any) -> Log:
    """A log from its local start and (stage, minutes) stretches."""
    start_s, offset = instant(start, zone)
    edges = start_s + np.concatenate(([0], np.cumsum([round(60 * m) for _, m in stretches])))
    end_s = int(edges[-1])
    end_offset = datetime.fromtimestamp(end_s, zone).utcoffset()
    assert end_offset is not None
    return Log(
        start_s,
        end_s,
        offset,
        int(end_offset.total_seconds() // 60),
        edges[:-1],
        edges[1:],
        np.array([stage for stage, _ in stretches]),
        **facts,
    )


def day_number(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def value(night: Night, name: str) -> float:
    found = sleep_measures.measure_night(night, hr_coverage=1.0, known_share=1.0)[name].value
    assert found is not None
    return found


NIGHT = make_log(
    "2020-06-01T22:50",
    (WAKE, 10),
    (LIGHT, 30),
    (DEEP, 60),
    (LIGHT, 20),
    (WAKE, 1),
    (LIGHT, 9),
    (REM, 40),
    (WAKE, 2),
    (LIGHT, 100),
    (REM, 20),
    (LIGHT, 58),
    (WAKE, 15),
)


def test_durations_of_a_night_worked_out_by_hand() -> None:
    night = sleep.assemble([NIGHT])[day_number("2020-06-02")]
    assert value(night, "tib_min") == 365
    assert value(night, "spt_min") == 340
    assert value(night, "tst_min") == 337
    assert value(night, "waso_min") == 3
    assert value(night, "sleep_maint") == pytest.approx(100 * 337 / 340)
    assert value(night, "light_min") == 217
    assert value(night, "deep_min") == 60
    assert value(night, "rem_min") == 60
    assert value(night, "rem_latency_min") == 120


def test_breaks_are_changes_to_a_lighter_state_and_awakenings_last_two_minutes() -> None:
    night = sleep.assemble([NIGHT])[day_number("2020-06-02")]
    # deep→light, light→wake, REM→wake, REM→light; the wakes before onset and after the end do not count.
    assert sleep_measures.count_breaks(NIGHT) == 4
    assert value(night, "sleep_frag") == pytest.approx(4 / (337 / 60))
    assert sleep_measures.count_awakenings(NIGHT) == 1
    assert value(night, "awakenings_h") == pytest.approx(1 / (337 / 60))


def test_neighbouring_wakes_are_one_awakening() -> None:
    log = make_log(
        "2020-06-01T23:00", (LIGHT, 200), (WAKE, 1), (RESTLESS, 1), (LIGHT, 100), (WAKE, 1.5), (REM, 9)
    )
    assert sleep_measures.count_awakenings(log) == 1


def test_clock_times_are_hours_from_local_midnight_of_the_date_of_the_final_wake() -> None:
    night = sleep.assemble([NIGHT])[day_number("2020-06-02")]
    assert value(night, "onset_clock_h") == -1.0
    assert value(night, "wake_clock_h") == pytest.approx(-1 + 340 / 60)
    assert value(night, "midsleep_clock_h") == pytest.approx(-1 + 170 / 60)


def test_the_night_clocks_go_back_is_an_hour_longer_than_it_looks() -> None:
    log = make_log("2020-04-04T23:30", (LIGHT, 600))
    night = sleep.assemble([log])[day_number("2020-04-05")]
    assert value(night, "tst_min") == 600
    # 23:30 at +11 is 22:30 in the zone at wake; ten hours later it is 08:30 there.
    assert value(night, "onset_clock_h") == -1.5
    assert value(night, "midsleep_clock_h") == 3.5
    assert value(night, "wake_clock_h") == 8.5
    assert (value(night, "offset_onset_min"), value(night, "offset_wake_min")) == (660, 600)


def test_the_night_clocks_go_forward_is_an_hour_shorter_than_it_looks() -> None:
    log = make_log("2020-10-03T23:30", (LIGHT, 480))
    night = sleep.assemble([log])[day_number("2020-10-04")]
    assert value(night, "wake_clock_h") == 8.5
    assert value(night, "tst_min") == 480
    assert (value(night, "offset_onset_min"), value(night, "offset_wake_min")) == (600, 660)


@pytest.mark.parametrize(("gap_min", "sleeps"), [(59, 1), (60, 1), (61, 2)])
def test_segments_at_most_an_hour_apart_are_one_sleep(gap_min: int, sleeps: int) -> None:
    first = make_log("2020-06-01T23:00", (LIGHT, 200))
    second = make_log("2020-06-02T02:20", (WAKE, gap_min), (DEEP, 100))
    second = Log(
        int(second.stage_start_s[1]),
        second.end_s,
        600,
        600,
        second.stage_start_s[1:],
        second.stage_end_s[1:],
        second.stage[1:],
    )
    joined = sleep.join_logs([second, first])
    assert len(joined) == sleeps
    if sleeps == 1:
        assert joined[0].tst_min == 300
        assert joined[0].spt_min == 300 + gap_min
        assert joined[0].stage.tolist() == [LIGHT, WAKE, DEEP]


def test_an_overlap_of_two_segments_is_counted_once() -> None:
    first = make_log("2020-06-01T23:00", (LIGHT, 200))
    second = make_log("2020-06-02T02:00", (DEEP, 100))
    (joined,) = sleep.join_logs([first, second])
    assert joined.tst_min == 280
    assert sleep.stage_min(joined, DEEP) == 80


def test_a_segment_within_another_adds_nothing() -> None:
    outer, inner = make_log("2020-06-01T23:00", (LIGHT, 200)), make_log("2020-06-01T23:30", (DEEP, 30))
    (joined,) = sleep.join_logs([outer, inner])
    assert (joined.tst_min, joined.end_s) == (200, outer.end_s)


@pytest.mark.parametrize(("minutes", "kept"), [(19, 0), (20, 1)])
def test_under_twenty_minutes_is_no_sleep(minutes: int, kept: int) -> None:
    assert len(sleep.join_logs([make_log("2020-06-01T15:00", (LIGHT, minutes))])) == kept


def test_a_log_without_any_sleep_is_no_sleep() -> None:
    assert sleep.join_logs([make_log("2020-06-01T23:00", (WAKE, 300))]) == []


@pytest.mark.parametrize(("minutes", "is_main"), [(179, False), (180, True)])
def test_a_main_sleep_has_three_hours(minutes: int, is_main: bool) -> None:
    night = sleep.assemble([make_log("2020-06-01T23:00", (LIGHT, minutes))])[day_number("2020-06-02")]
    assert (night.main is not None) == is_main
    assert len(night.naps) == (0 if is_main else 1)


def test_the_longest_is_the_main_sleep_and_naps_belong_to_the_noon_they_follow() -> None:
    nap = make_log("2020-06-01T17:40", (LIGHT, 60), (WAKE, 5))
    early = make_log("2020-06-01T10:00", (LIGHT, 30))
    nights = sleep.assemble([early, nap, NIGHT])
    night = nights[day_number("2020-06-02")]
    assert night.main is not None
    assert night.main.start_s == NIGHT.start_s
    assert value(night, "nap_min") == 60
    assert value(night, "tst24_min") == 397
    assert nights[day_number("2020-06-01")].main is None
    assert [log.tst_min for log in nights[day_number("2020-06-01")].naps] == [30]


def test_who_works_by_night_gets_the_date_of_the_final_wake() -> None:
    by_day = make_log("2020-06-01T13:00", (LIGHT, 360))
    assert list(sleep.assemble([by_day])) == [day_number("2020-06-01")]


def test_two_main_sleeps_that_end_on_one_date_leave_the_longer_as_main() -> None:
    short, long = make_log("2020-06-01T01:00", (LIGHT, 200)), make_log("2020-06-01T13:00", (LIGHT, 360))
    nights = sleep.assemble([short, long])
    night = nights[day_number("2020-06-01")]
    assert night.main is not None
    assert (night.main.tst_min, value(night, "nap_min"), value(night, "tst24_min")) == (360, 200, 560)


def test_devices_are_chosen_between_by_stages_then_coverage_and_a_conflict_is_marked() -> None:
    classic = Night(1, make_log("2020-06-01T23:00", (ASLEEP, 500), staged=False), (), "a/x")
    staged = Night(1, make_log("2020-06-01T23:00", (LIGHT, 420)), (), "b/y")
    other = Night(1, make_log("2020-06-01T23:00", (LIGHT, 430)), (), "c/z")
    chosen = sleep.choose([classic, staged, other], {"b/y": 0.4, "c/z": 0.9})
    assert (chosen.stream, chosen.conflict) == ("c/z", True)
    assert chosen.main is other.main
    assert not sleep.choose([staged, other], {}).conflict
    assert sleep_measures.measure_night(chosen, hr_coverage=1.0, known_share=1.0)["tst_min"].quality == "low"


def test_what_a_fitbit_log_cannot_tell_is_null_with_its_reason() -> None:
    night = sleep.assemble([NIGHT])[day_number("2020-06-02")]
    values = sleep_measures.measure_night(night, hr_coverage=1.0, known_share=1.0)
    assert values["sol_min"].reason == "no lights-out time from this device"
    assert values["se"].reason == "no true time in bed from this device"
    assert values["tib_min"].quality == "low"
    assert values["spt_min"].quality == "good"


def test_true_time_in_bed_gives_sleep_efficiency() -> None:
    log = make_log("2020-06-01T22:50", (WAKE, 40), (LIGHT, 360), in_bed=True)
    values = sleep_measures.measure_night(Night(1, log), hr_coverage=1.0, known_share=1.0)
    assert values["se"].value == pytest.approx(90)
    assert values["tib_min"].quality == "good"


def test_a_classic_log_has_no_stages_and_restless_is_not_asleep() -> None:
    log = make_log("2020-06-01T23:00", (ASLEEP, 300), (RESTLESS, 20), (ASLEEP, 40), staged=False)
    values = sleep_measures.measure_night(Night(1, log), hr_coverage=1.0, known_share=1.0)
    assert values["tst_min"].value == 340
    assert {values[n].reason for n in sleep_measures.WITH_STAGES} == {measure.NO_STAGES}


def test_no_main_sleep_is_said_and_no_nap_is_zero_only_where_the_day_is_known() -> None:
    worn = sleep_measures.measure_night(None, hr_coverage=0.0, known_share=0.9)
    assert worn["tst_min"].reason == "no main sleep found"
    assert worn["nap_min"].value == 0
    barely = sleep_measures.measure_night(None, hr_coverage=0.0, known_share=0.25)
    assert barely["nap_min"].reason == "not worn enough: 6.0 of 12 h"
    assert sleep_measures.measure_night(None, hr_coverage=0.0, known_share=0.0)["tst_min"].reason == "no data"


def test_rem_latency_without_rem_says_so() -> None:
    night = Night(1, make_log("2020-06-01T23:00", (LIGHT, 300)))
    assert (
        sleep_measures.measure_night(night, hr_coverage=1.0, known_share=1.0)["rem_latency_min"].reason
        == "no REM sleep found"
    )


@pytest.mark.parametrize(("coverage", "quality"), [(0.8, "good"), (0.79, "fair"), (0.49, "low")])
def test_quality_of_a_night_follows_its_heart_rate(coverage: float, quality: str) -> None:
    night = sleep.assemble([NIGHT])[day_number("2020-06-02")]
    assert (
        sleep_measures.measure_night(night, hr_coverage=coverage, known_share=1.0)["tst_min"].quality
        == quality
    )


def test_over_sixteen_hours_asleep_is_low() -> None:
    night = Night(1, make_log("2020-06-01T18:00", (LIGHT, 961)))
    assert sleep_measures.night_quality(night, 1.0) == "low"


def part(night: Night | None, name: str, known_share: float = 1.0) -> measure.Measure:
    shares = sleep_measures.measure_shares(night, hr_coverage=1.0, known_share=known_share)
    return (shares | sleep_measures.measure_counts(night, hr_coverage=1.0, known_share=known_share))[name]


def test_stages_are_shares_of_the_time_asleep() -> None:
    night = Night(1, NIGHT)
    assert part(night, "light_pct").value == pytest.approx(100 * 217 / 337)
    assert part(night, "deep_pct").value == pytest.approx(100 * 60 / 337)
    assert part(night, "rem_pct").value == pytest.approx(100 * 60 / 337)
    assert part(night, "rem_pct").coverage == pytest.approx(1.0)


def test_sleep_without_a_stage_is_in_no_share_but_in_the_whole() -> None:
    share = part(Night(1, make_log("2020-06-01T23:00", (LIGHT, 150), (ASLEEP, 100), (DEEP, 50))), "deep_pct")
    assert share.value == pytest.approx(100 * 50 / 300)
    assert share.coverage == pytest.approx(200 / 300)
    classic = Night(1, make_log("2020-06-01T23:00", (ASLEEP, 300), staged=False))
    assert part(classic, "deep_pct").reason == measure.NO_STAGES


def test_awakenings_and_naps_are_counted_and_none_is_zero_only_where_the_day_is_known() -> None:
    naps = tuple(make_log(f"2020-06-01T{hour}:00", (LIGHT, 30)) for hour in ("13", "16"))
    night = Night(1, NIGHT, naps)
    assert (part(night, "awakenings").value, part(night, "naps").value) == (1, 2)
    assert part(night, "naps", known_share=0.1).value == 2
    assert part(Night(1, NIGHT), "naps").value == 0
    assert part(Night(1, NIGHT), "naps", known_share=0.25).reason == "not worn enough: 6.0 of 12 h"
    assert part(None, "awakenings").reason == "no main sleep found"
    assert part(None, "light_pct", known_share=0.0).reason == "no data"


@pytest.mark.parametrize(("other_min", "conflict"), [(480, 0), (481, 1)])
def test_devices_conflict_when_they_differ_by_more_than_an_hour_of_sleep(
    other_min: int, conflict: int
) -> None:
    nights = [
        Night(1, make_log("2020-06-01T23:00", (LIGHT, minutes)), (), name)
        for minutes, name in ((420, "a/x"), (other_min, "b/y"))
    ]
    flag = part(sleep.choose(nights, {}), "source_conflict")
    assert (flag.value, flag.n_obs) == (conflict, 2)
    naps_only = Night(1, None, (make_log("2020-06-01T15:00", (LIGHT, 30)),), "c/z")
    alone = part(sleep.choose([nights[0], naps_only], {}), "source_conflict")
    assert (alone.value, alone.n_obs) == (0, 1)
    assert part(None, "source_conflict").value is None


def changes(night: str, before: str | None, zones: tuple[str, str]) -> tuple[float | None, float | None]:
    """Flags of a night in the second zone after a night in the first, where the person lived before."""
    home, there = (ZoneInfo(name) for name in zones)
    log = make_log(night, (LIGHT, 480), zone=there)
    last = make_log(before, (LIGHT, 480), zone=home) if before else None
    instants = (last.wake_s if last else log.onset_s, log.onset_s, log.wake_s)
    offsets = [datetime.fromtimestamp(at, home).utcoffset() for at in instants]
    own = np.array([int(offset.total_seconds() // 60) for offset in offsets if offset is not None])
    flags = sleep_measures.measure_changes(Night(2, log), Night(1, last) if last else None, own)
    return flags["tz_change"].value, flags["dst"].value


AU, IN, BRISBANE = "Australia/Sydney", "Asia/Kolkata", "Australia/Brisbane"


@pytest.mark.parametrize(
    ("night", "before", "zones", "expected"),
    [
        ("2020-06-02T23:00", "2020-06-01T23:00", (AU, AU), (0, 0)),
        ("2020-06-02T23:00", "2020-06-01T23:00", (AU, IN), (1, 0)),
        ("2020-04-04T23:00", "2020-04-03T23:00", (AU, AU), (0, 1)),  # clocks go back in the sleep
        ("2020-10-03T23:00", "2020-10-02T23:00", (AU, AU), (0, 1)),  # and forward
        ("2020-10-04T23:00", "2020-10-03T23:00", (AU, AU), (0, 0)),  # once only
        ("2020-12-02T23:00", "2020-12-01T23:00", (AU, BRISBANE), (1, 0)),  # an hour, by travel
        ("2020-04-04T23:00", "2020-04-03T23:00", (IN, IN), (0, 0)),
        ("2020-04-04T23:00", None, (AU, AU), (0, 1)),
        ("2020-06-02T23:00", None, (AU, AU), (None, None)),
    ],
)
def test_a_change_of_clocks_is_told_from_a_journey(
    night: str, before: str | None, zones: tuple[str, str], expected: tuple[float | None, float | None]
) -> None:
    assert changes(night, before, zones) == expected


def test_a_journey_while_the_clocks_change_at_home_is_a_journey() -> None:
    assert sleep_measures.find_changes(np.array([660, 330, 330]), np.array([660, 660, 600])) == (True, False)
    assert sleep_measures.find_changes(np.array([660, 330, 330]), np.array([660, 600, 600])) == (True, False)
    # Half an hour is no journey; Lord Howe's clocks change by half an hour.
    assert sleep_measures.find_changes(np.array([600, 630]), np.array([600, 600])) == (False, False)
    assert sleep_measures.find_changes(np.array([660, 630]), np.array([660, 630])) == (False, True)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 90)), min_size=2, max_size=25), st.integers(1, 9))
@settings(deadline=None, max_examples=100)
def test_a_shift_in_time_changes_no_duration_count_or_share(
    stretches: list[tuple[int, int]], weeks: int
) -> None:
    here = make_log("2020-06-01T22:00", (LIGHT, 200), *stretches)
    there = make_log("2020-06-01T22:00", (LIGHT, 200), *stretches)
    shift = weeks * 7 * sleep.DAY_S
    there = Log(
        there.start_s + shift,
        there.end_s + shift,
        600,
        600,
        there.stage_start_s + shift,
        there.stage_end_s + shift,
        there.stage,
    )
    every = []
    for log, day in ((here, here.wake_day), (there, here.wake_day + 7 * weeks)):
        night = Night(day, log)
        values = sleep_measures.measure_night(night, hr_coverage=1.0, known_share=1.0)
        values |= sleep_measures.measure_shares(night, hr_coverage=1.0, known_share=1.0)
        every.append(values | sleep_measures.measure_counts(night, hr_coverage=1.0, known_share=1.0))
    assert every[0] == every[1]
    shares = [every[0][name].value for name in sleep_measures.SHARES]
    staged = every[0]["light_pct"].coverage
    assert staged is not None
    assert sum(share for share in shares if share is not None) == pytest.approx(100 * staged)


segments = st.lists(
    st.tuples(
        st.integers(0, 4000),
        st.lists(st.tuples(st.integers(0, 5), st.integers(1, 200)), min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=6,
)


@given(segments, st.randoms())
@settings(deadline=None, max_examples=150)
def test_joined_sleeps_are_disjoint_ordered_and_the_same_in_any_order(
    parts: list[tuple[int, list[tuple[int, int]]]], random: object
) -> None:
    start_s, _ = instant("2020-04-03T12:00")
    logs = []
    for at, stretches in parts:
        edges = start_s + 60 * (at + np.concatenate(([0], np.cumsum([m for _, m in stretches]))))
        stage = np.array([s for s, _ in stretches])
        logs.append(Log(int(edges[0]), int(edges[-1]), 660, 660, edges[:-1], edges[1:], stage))
    joined = sleep.join_logs(logs)
    for before, after in pairwise(joined):
        assert after.start_s - before.end_s > sleep.JOIN_S
    for log in joined:
        assert (log.stage_start_s[1:] == log.stage_end_s[:-1]).all()
        assert (log.stage_end_s > log.stage_start_s).all()
        assert log.tst_min <= log.spt_min <= (log.end_s - log.start_s) / 60
    nights = sleep.assemble(logs).values()
    assert sum(len(n.logs) for n in nights) == len(joined)


def hypnogram_log(epochs: np.ndarray) -> Log:
    """A log of time in bed from 30 s epochs in our codes; neighbours of one stage are one stretch."""
    start_s, _ = instant("2020-06-01T22:00")
    edge = np.concatenate(([0], np.flatnonzero(np.diff(epochs)) + 1, [len(epochs)]))
    start, end = start_s + 30 * edge[:-1], start_s + 30 * edge[1:]
    return Log(start_s, int(end[-1]), 600, 600, start, end, epochs[edge[:-1]], in_bed=True)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(8))
def test_yasa_gives_the_same_statistics_of_the_same_night(seed: int) -> None:
    import yasa  # noqa: PLC0415

    hypnogram = yasa.simulate_hypnogram(tib=480, seed=seed)
    theirs = hypnogram.sleep_statistics()
    codes = {"WAKE": WAKE, "N1": LIGHT, "N2": LIGHT, "N3": DEEP, "REM": REM}
    log = hypnogram_log(np.array([codes[stage] for stage in hypnogram.hypno]))
    night = Night(log.wake_day, log)
    ours = sleep_measures.measure_night(night, hr_coverage=1.0, known_share=1.0)
    ours |= sleep_measures.measure_shares(night, hr_coverage=1.0, known_share=1.0)
    expected = {
        "tib_min": theirs["TIB"],
        "spt_min": theirs["SPT"],
        "tst_min": theirs["TST"],
        "waso_min": theirs["WASO"],
        "se": theirs["SE"],
        "sleep_maint": theirs["SME"],
        "light_min": theirs["N1"] + theirs["N2"],
        "deep_min": theirs["N3"],
        "rem_min": theirs["REM"],
        "light_pct": theirs["%N1"] + theirs["%N2"],
        "deep_pct": theirs["%N3"],
        "rem_pct": theirs["%REM"],
        # YASA counts REM latency from the start of the record, AASM (and we) from sleep onset.
        "rem_latency_min": theirs["Lat_REM"] - theirs["SOL"],
    }
    assert {name: ours[name].value for name in expected} == pytest.approx(expected, abs=2e-4)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(4))
def test_yasa_counts_the_final_wake_as_a_break_of_sleep_and_we_do_not(seed: int) -> None:
    import yasa  # noqa: PLC0415

    hypnogram = yasa.simulate_hypnogram(tib=480, n_stages=2, seed=seed)
    epochs = np.where(hypnogram.hypno == "WAKE", WAKE, LIGHT)
    log = hypnogram_log(epochs)
    theirs = hypnogram.sleep_statistics()["SFI"] * log.tst_min / 60
    assert sleep_measures.count_breaks(log) == pytest.approx(theirs - (epochs[-1] == WAKE), abs=2e-3)


def make_total(start: str, minutes: float, **given: float) -> Log:
    """A log of which the device tells start, end and minutes only."""
    bare = make_log(start, (ASLEEP, minutes), staged=False)
    return replace(bare, totals=Totals(**given))


def test_totals_of_joined_logs_are_summed_and_what_is_not_known_of_one_is_not_known() -> None:
    first = make_total("2020-06-01T23:00", 180, tst_min=160, deep_min=50, light_min=80, rem_min=30)
    second = make_log("2020-06-02T02:30", (LIGHT, 100), (WAKE, 20), (DEEP, 60))
    (log,) = sleep.join_logs([second, first])
    assert (log.spt_min, log.tst_min) == (390, 160 + 160)
    assert [log.counted.light_min, log.counted.deep_min, log.counted.rem_min] == [180, 110, 30]
    assert not log.staged
    # The half hour between them is wake: regularity sees it, and the 20 minutes too.
    assert (log.stage_end_s - log.stage_start_s)[log.asleep].sum() == 60 * (180 + 160)
    third = make_total("2020-06-02T06:00", 60, tst_min=50)
    (log,) = sleep.join_logs([first, second, third])
    assert log.tst_min == 370
    assert np.isnan(log.counted.deep_min)
    told = sleep_measures.measure_shares(Night(0, log), hr_coverage=1.0, known_share=1.0)
    assert {m.reason for m in told.values()} == {measure.NO_STAGES}


def test_totals_are_of_low_quality_and_lose_against_stages() -> None:
    total = Night(day_number("2020-06-02"), make_total("2020-06-01T23:00", 480, tst_min=420), stream="a")
    staged = Night(total.day, make_log("2020-06-01T23:30", (LIGHT, 400)), stream="b")
    assert sleep_measures.night_quality(total, 1.0) == "low"
    assert sleep.choose([total, staged], {}).stream == "b"
    assert value(total, "waso_min") == 60
    assert value(total, "tib_min") == 480


@pytest.mark.parametrize("turn", [1, -1])
def test_the_same_night_twice_counts_once(turn: int) -> None:
    staged = make_log("2020-06-01T23:00", (LIGHT, 300))
    longer = make_log("2020-06-01T22:30", (ASLEEP, 400), staged=False)
    assert sleep.drop_twice([staged, longer][::turn]) == [staged]
    early, late = (make_log("2020-06-01T23:00", (LIGHT, 300 - i), revision=i) for i in (9, 3))
    assert sleep.drop_twice([early, late][::turn]) == [early], "the later revision"
    short, long = (make_log("2020-06-01T23:00", (LIGHT, minutes)) for minutes in (200, 420))
    assert sleep.drop_twice([short, long][::turn]) == [long]
    total = make_total("2020-06-01T23:00", 480, tst_min=440)
    assert sleep.drop_twice([total, longer][::turn]) == [longer], "stretches before totals"
    awake = make_log("2020-06-01T23:00", (WAKE, 480))
    assert sleep.drop_twice([total, awake][::turn]) == [total]


def test_segments_that_share_half_or_less_are_joined_but_totals_cannot_be_cut() -> None:
    first, second = make_log("2020-06-01T23:00", (LIGHT, 120)), make_log("2020-06-02T00:00", (DEEP, 120))
    assert sleep.drop_twice([first, second]) == [first, second]
    (log,) = sleep.join_logs([first, second])
    assert (log.tst_min, sleep.stage_min(log, DEEP)) == (180, 60)
    third = make_total("2020-06-02T00:59", 120, tst_min=110)
    assert sleep.drop_twice([first, third]) == [first]
    apart = make_total("2020-06-02T01:00", 120, tst_min=110)
    assert sleep.drop_twice([first, apart]) == [first, apart]
