"""WHOOP, pulled from a fake that knows the truth: every value at its night, what is pending later, no day twice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from live_pulls import LAST, WHO, Place, offset_min, played, pull_everybody
from servers import people, whoop
from servers.people import PEOPLE
from servers.service import Service
from servers.visit import NOW
from servers.whoop import MS, Whoop

FAULTS = 3


@pytest.fixture(scope="module")
def fake() -> Iterator[tuple[Service, str]]:
    with played(Whoop) as found:
        yield found


@pytest.fixture(scope="module")
def week(fake: tuple[Service, str], tmp_path_factory: pytest.TempPathFactory) -> Place:
    return pull_everybody(*fake, tmp_path_factory.mktemp("whoop"))


def scored_days(who: str) -> list[date]:
    person = PEOPLE[who]
    return [
        d for d in people.days() if people.night(person, d) is not None and not whoop.is_pending(person, d)
    ]


def wake(who: str, day: date) -> int:
    night = people.night(PEOPLE[who], day)
    assert night is not None
    return night.end_s


@pytest.mark.parametrize("who", WHO)
def test_a_recovery_stands_at_the_wake_of_its_sleep(week: Place, who: str) -> None:
    for table, name, key in (
        ("vital", "resting_heart_rate", "resting_heart_rate"),
        ("vital", "spo2", "spo2_percentage"),
        ("vital", "skin_temperature", "skin_temp_celsius"),
        ("vendor_score", "recovery", "recovery_score"),
    ):
        truth = [(wake(who, day), whoop.values(PEOPLE[who], day)[key]) for day in scored_days(who)]
        assert week.values(who, table, name) == truth
    nights = [n for day in scored_days(who) if (n := people.night(PEOPLE[who], day)) is not None]
    rmssd = [whoop.values(PEOPLE[who], day)["hrv_rmssd_milli"] for day in scored_days(who)]
    assert week.values(who, "hrv_sample", "rmssd_night") == [
        (n.start_s, v) for n, v in zip(nights, rmssd, strict=True)
    ]
    assert week.refused() == []


@pytest.mark.parametrize("who", WHO)
def test_sleeps_and_naps_have_their_edges_and_minutes(week: Place, who: str) -> None:
    person = PEOPLE[who]
    spans = [(n.start_s, n.end_s) for day in people.days() if (n := people.night(person, day)) is not None]
    naps = [span for day in people.days() if (span := whoop.nap(person, day)) is not None]
    # WHOOP names one offset a record, that of its start.
    edges = [(a, b, offset_min(who, a), offset_min(who, a)) for a, b in sorted([*spans, *naps])]
    assert week.sleeps(who) == edges
    by_hand = []
    for day in scored_days(who):
        night = people.night(person, day)
        assert night is not None
        ms = whoop.stages_ms(night)
        by_hand.append((night.end_s, (ms["LIGHT"] + ms["DEEP"] + ms["REM"]) / MS / 60))
    by_hand += [(end, 30.0) for _, end in naps]
    found = week.values(who, "vital", "tst_min")
    assert found == [(t, pytest.approx(value)) for t, value in sorted(by_hand)]
    breaths = [(wake(who, day), people.breaths(person, day)) for day in scored_days(who)]
    assert week.values(who, "vital", "respiration") == breaths, "a nap's is no night's"
    need = week.values(who, "vendor_score", "sleep_need_min")
    assert need == [
        (wake(who, day), pytest.approx((27_000 + 1800 + 600 - 300) / 60)) for day in scored_days(who)
    ]


def test_a_running_cycle_has_no_strain_yet(week: Place) -> None:
    for who in WHO:
        nights = [(n, d) for d in people.days()[:-1] if (n := people.night(PEOPLE[who], d)) is not None]
        truth = [(night.start_s, whoop.strain(PEOPLE[who], day)) for night, day in nights]
        assert week.values(who, "vendor_score", "strain") == truth


def test_what_was_not_granted_is_said_and_stops_nothing(week: Place) -> None:
    runs = [run for day in people.days() if (run := people.workout(PEOPLE["P001"], day)) is not None]
    assert week.workouts("P001") == [(*run, "running") for run in runs]
    assert week.workouts("P002") == []
    assert {who: [gap.what for gap in done.not_given] for who, done in week.results.items()} == {
        "P001": [],
        "P002": ["workout"],
    }


def test_a_week_takes_one_question_a_kind_and_page(week: Place) -> None:
    for who, done in week.results.items():
        counts = [
            sum(len(found(PEOPLE[who], day)) for day in people.days())
            for path, found in whoop.LISTS.items()
            if whoop.SCOPE[path] in Whoop().scopes(PEOPLE[who])
        ]
        least = sum(math.ceil(count / whoop.PAGE) for count in counts) + (4 - len(counts))
        assert done.requests == least + FAULTS + 1, "the page that comes empty"


def test_what_was_pending_comes_with_a_later_pull_and_nothing_comes_twice(
    week: Place, fake: tuple[Service, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = week.signals()
    monkeypatch.setattr(whoop, "is_pending", lambda _person, _day: False)
    fake[0].access_tokens.clear()
    week.pull(*fake, "P001", now=NOW + timedelta(days=1))
    last = people.days()[-1]
    now = week.values("P001", "vital", "resting_heart_rate")
    assert now[-1] == (wake("P001", last), people.resting_bpm(PEOPLE["P001"], last))
    assert len(now) == 1 + sum(row[0] == "P001" and "resting_heart_rate" in row for row in before["vital"]), (
        "every other night stands as it stood"
    )
    assert len(week.sleeps("P001")) == len(people.days())


def test_a_night_that_began_the_evening_before_is_of_its_day(
    fake: tuple[Service, str], tmp_path: Path
) -> None:
    fake[0].reset()
    place = Place(tmp_path)
    place.pull(*fake, "P002", LAST, LAST)
    night = people.night(PEOPLE["P002"], LAST)
    assert night is not None
    assert (night.start_s, night.end_s) in {span[:2] for span in place.sleeps("P002")}
    assert place.values("P002", "vital", "respiration")[-1][0] == night.end_s


def test_without_sleeps_a_recovery_stands_at_the_moment_it_was_made(
    fake: tuple[Service, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, url = fake
    service.reset()
    monkeypatch.setattr(service, "scopes", lambda _: ("offline", "read:recovery"))
    place = Place(tmp_path)
    done = place.pull(service, url, "P002")
    assert [gap.what for gap in done.not_given] == ["sleep", "cycle", "workout"]
    days = scored_days("P002")
    truth = [(wake("P002", day) + 300, whoop.values(PEOPLE["P002"], day)["hrv_rmssd_milli"]) for day in days]
    assert place.values("P002", "hrv_sample", "rmssd_night") == truth
    assert not [secret for secret in place.secrets for text in place.texts() if secret in text]
