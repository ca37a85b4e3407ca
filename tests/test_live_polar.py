"""Polar, pulled from a fake that knows the truth: local times without a date come to the right instants."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from live_pulls import LAST, WHO, Place, offset_min, played, pull_everybody
from servers import people, polar
from servers.people import FIRST, PEOPLE
from servers.polar import Polar
from servers.service import Service
from source_reading import read_members

from ingest.files import polar_api
from ingest.files.polar_api.readers import count_on
from ingest.live.client import NeedsReconsentError

STAGES = {"AWAKE": "wake", "REM": "rem", "LIGHT": "light", "DEEP": "deep"}
FAULTS, KINDS = 3, 5
HOUR_US = 3_600_000_000


@pytest.fixture(scope="module")
def fake() -> Iterator[tuple[Service, str]]:
    with played(Polar) as found:
        yield found


@pytest.fixture(scope="module")
def week(fake: tuple[Service, str], tmp_path_factory: pytest.TempPathFactory) -> Place:
    return pull_everybody(*fake, tmp_path_factory.mktemp("polar"))


def nights(who: str) -> list[tuple[date, people.Night]]:
    return [(day, n) for day in people.days() if (n := people.night(PEOPLE[who], day)) is not None]


@pytest.mark.parametrize("who", WHO)
def test_every_heart_rate_and_step_is_there_once(week: Place, who: str) -> None:
    person = PEOPLE[who]
    hearts = [polar.hearts(person, day) for day in people.days()]
    assert week.hearts(who) == [
        pair for one in hearts for pair in zip(one.t_s.tolist(), one.value.tolist(), strict=True)
    ]
    steps = [people.steps(person, day) for day in people.days()]
    assert week.steps(who) == [
        (int(t), 60, int(v)) for one in steps for t, v in zip(one.t_s, one.value, strict=True)
    ]
    totals = [(str(day), people.steps(person, day).value.sum()) for day in people.days()]
    assert week.by_day(who, "vital", "steps_day") == totals
    assert week.refused() == []


@pytest.mark.parametrize("who", WHO)
def test_a_night_has_its_stages_to_the_minute_that_polar_gives(week: Place, who: str) -> None:
    offsets = [
        (n.start_s, n.end_s, offset_min(who, n.start_s), offset_min(who, n.end_s)) for _, n in nights(who)
    ]
    assert week.sleeps(who) == offsets
    truth = []
    for _, night in nights(who):
        starts = [max(night.start_s, start // 60 * 60) for _, start, _ in night.stages]
        for (name, _, _), left, right in zip(night.stages, starts, [*starts[1:], night.end_s], strict=True):
            joined = bool(truth) and (truth[-1][0], truth[-1][2]) == (STAGES[name], left)
            truth.append((STAGES[name], truth.pop()[1] if joined else left, right))
    assert week.stages(who) == truth
    scores = [(str(day), polar.sleep_score(PEOPLE[who], day)) for day, _ in nights(who)]
    assert week.by_day(who, "vendor_score", "sleep_score") == scores


@pytest.mark.parametrize("who", WHO)
def test_a_nights_values_stand_at_their_night(week: Place, who: str) -> None:
    person = PEOPLE[who]
    for table, name, key in (
        ("hrv_sample", "rmssd_night", "heart_rate_variability_avg"),
        ("vital", "respiration", "breathing_rate_avg"),
        ("vendor_score", "ans_charge", "ans_charge"),
        ("vendor_score", "ans_status", "ans_charge_status"),
        ("vendor_score", "nightly_recharge", "nightly_recharge_status"),
    ):
        truth = [(str(day), polar.recharge(person, day)[key]) for day, _ in nights(who)]
        assert week.by_day(who, table, name) == truth
    rmssd = {}
    for day, _ in nights(who):
        found = people.variability(person, day)
        clocks = [f"{day} {polar.local(person, int(t)):%H:%M}" for t in found.t_s]
        # A minute that is there twice stands once in what Polar gives: the later value, at the first place.
        values = dict(zip(clocks, found.value.tolist(), strict=True))
        times: dict[str, int] = {}
        for clock, t in zip(clocks, found.t_s.tolist(), strict=True):
            times.setdefault(clock, t)
        rmssd |= {times[clock]: round(value) for clock, value in values.items()}
    assert week.values(who, "hrv_sample", "rmssd_5min") == sorted(rmssd.items())


def test_training_sessions_have_their_own_offset_and_the_finer_name(week: Place) -> None:
    for who in WHO:
        runs = [run for day in people.days() if (run := people.workout(PEOPLE[who], day)) is not None]
        assert week.workouts(who) == [(*run, "trail running") for run in runs]


def test_a_week_takes_one_question_a_kind(week: Place) -> None:
    assert {who: done.requests for who, done in week.results.items()} == dict.fromkeys(WHO, KINDS + FAULTS)
    assert {entry["status"] for entry in week.log} == {200, 429, 500, 503}


def test_days_that_polar_no_longer_has_are_named_and_not_asked_for(
    fake: tuple[Service, str], tmp_path: Path
) -> None:
    fake[0].reset()
    place = Place(tmp_path)
    done = place.pull(*fake, "P001", FIRST - timedelta(days=60), LAST)
    assert [(gap.what, gap.reason) for gap in done.not_given] == [
        ("days before 2026-10-02", "Polar gives the last 28 days only; its account export has the others")
    ]
    asked = [entry["query"] for entry in fake[0].log if entry["path"] == "/v3/users/sleep"]
    assert min(entry["from"] for entry in asked) == "2026-10-02"
    assert done.requests <= 2 * KINDS + FAULTS
    assert not [secret for secret in place.secrets for text in place.texts() if secret in text]


def test_an_account_that_never_agreed_is_told_what_to_do(tmp_path: Path) -> None:
    with played(Polar, faults=False) as (service, url):
        assert isinstance(service, Polar)
        service.without_terms = ("P002",)
        with pytest.raises(NeedsReconsentError, match="to agree to Polar"):
            Place(tmp_path).pull(service, url, "P002")


# --- times without a date ----------------------------------------------------------------------


def test_times_count_on_over_midnight_and_through_an_hour_that_is_there_twice() -> None:
    start = 20_000 * 24 * HOUR_US + 23 * HOUR_US
    times = [23 * HOUR_US, 23 * HOUR_US + HOUR_US // 2, 0, HOUR_US, 8 * HOUR_US]
    assert count_on(start, times) == [
        start,
        start + HOUR_US // 2,
        start + HOUR_US,
        start + 2 * HOUR_US,
        start + 9 * HOUR_US,
    ]
    back = [HOUR_US + 50 * 60_000_000, HOUR_US + 10 * 60_000_000]
    found = np.diff(count_on(20_000 * 24 * HOUR_US, back))
    assert found.tolist() == [-40 * 60_000_000], "the clock was put back, no day has gone by"


def test_samples_of_a_night_without_its_sleep_are_left_out_and_counted() -> None:
    name = "polar_nightly-recharge_2024-05-01_2024-05-05_20240506T030000Z.json"
    night = '{"date": "2024-05-02", "heart-rate-variability-avg": 41, "hrv-samples": {"00:41": 38}}'
    found = read_members(polar_api, {name: f'{{"recharges": [{night}]}}'}, zone="Europe/Helsinki")
    assert found.of("hrv_sample", "hrv", "value_ms") == [("rmssd_night", 41.0)]
    assert found.remarks == [
        "HRV samples of nights whose sleep was not given were left out (1): their day is not known."
    ]


@pytest.mark.parametrize(
    ("hypnogram", "why"),
    [('{"00:39": 6}', "codes 0 to 5"), ('{"25:39": 2}', "times of day"), ('"light"', "times of day")],
)
def test_a_hypnogram_that_is_none_leaves_a_sleep_without_stages(hypnogram: str, why: str) -> None:
    name = "polar_sleep_2024-05-01_2024-05-05_20240506T030000Z.json"
    edges = '"sleep_start_time": "2024-05-02T00:39:07+03:00", "sleep_end_time": "2024-05-02T09:19:37+03:00"'
    night = f'{{"date": "2024-05-02", {edges}, "hypnogram": {hypnogram}}}'
    found = read_members(polar_api, {name: f'{{"nights": [{night}]}}'}, zone="Europe/Helsinki")
    assert found.of("sleep_episode", "episode", "scoring", "offset_min") == [("2024-05-02", None, 180)]
    assert found.table("signal.sleep_stage") == []
    (reason,) = (reason for _, _, reason in found.refused)
    assert why in reason


def test_a_record_that_lacks_what_it_needs_is_refused_by_name() -> None:
    name = "polar_sleep_2024-05-01_2024-05-05_20240506T030000Z.json"
    found = read_members(polar_api, {name: '{"nights": [{"date": "2024-05-02"}]}'}, zone="Europe/Helsinki")
    (refusal,) = found.refused
    assert refusal == (name, 0, "expected an object with sleep_start_time, sleep_end_time")
