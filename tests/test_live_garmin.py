"""Garmin's Personal API, pulled from a fake that knows the truth: days that changed, at a pace that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from live_pulls import LAST, WHO, Place, offset_min, played, pull_everybody, told
from servers import garmin_personal, people
from servers.garmin_personal import GarminPersonal
from servers.people import DAYS, PEOPLE, Night
from servers.service import Service
from servers.visit import NOW

from ingest.live.client import NeedsReconsentError
from ingest.live.garmin_personal import explain

STAGES = {"AWAKE": "wake", "REM": "rem", "LIGHT": "light", "DEEP": "deep"}
FAULTS, LISTS = 3, 3


@pytest.fixture(scope="module")
def fake() -> Iterator[tuple[Service, str]]:
    with played(GarminPersonal) as found:
        yield found


@pytest.fixture(scope="module")
def week(fake: tuple[Service, str], tmp_path_factory: pytest.TempPathFactory) -> Place:
    return pull_everybody(*fake, tmp_path_factory.mktemp("garmin"))


def nights(who: str) -> list[Night]:
    return [n for day in people.days() if (n := people.night(PEOPLE[who], day)) is not None]


@pytest.mark.parametrize("who", WHO)
def test_every_heart_rate_is_there_once_and_days_have_their_values(week: Place, who: str) -> None:
    person = PEOPLE[who]
    hearts = [garmin_personal.hearts(person, day) for day in people.days()]
    assert week.hearts(who) == [
        pair for one in hearts for pair in zip(one.t_s.tolist(), one.value.tolist(), strict=True)
    ]
    for table, name, value in (
        ("vital", "resting_heart_rate", lambda day: people.resting_bpm(person, day)),
        ("vital", "steps_day", lambda day: people.steps(person, day).value.sum()),
        ("vendor_score", "stress_score", lambda day: garmin_personal.stress(person, day)),
    ):
        assert week.by_day(who, table, name) == [(str(day), value(day)) for day in people.days()]
    assert week.refused() == []


@pytest.mark.parametrize("who", WHO)
def test_nights_have_their_stages_and_readings(week: Place, who: str) -> None:
    person = PEOPLE[who]
    assert week.sleeps(who) == [
        (n.start_s, n.end_s, offset_min(who, n.start_s), offset_min(who, n.end_s)) for n in nights(who)
    ]
    stages = [(STAGES[name], a, b) for night in nights(who) for name, a, b in night.stages]
    assert week.stages(who) == stages
    found = [people.variability(person, day) for day in people.days()] if who == "P001" else []
    rmssd = [(int(t), round(v)) for one in found for t, v in zip(one.t_s, one.value, strict=True)]
    assert week.values(who, "hrv_sample", "rmssd_5min") == rmssd
    means = [(str(day), garmin_personal.rmssd_night(person, day)) for day in people.days()] if rmssd else []
    by_day = week.by_day(who, "hrv_sample", "rmssd_night")
    assert sorted(set(by_day)) == means


def test_a_first_week_takes_three_lists_and_up_to_three_questions_a_day(week: Place) -> None:
    assert {who: done.requests for who, done in week.results.items()} == {
        "P001": LISTS + 3 * DAYS + FAULTS,
        "P002": LISTS + 2 * DAYS + FAULTS,
    }
    assert [gap.what for gap in week.results["P002"].not_given] == ["hrv-nights"]


def test_the_next_pull_asks_only_for_days_that_changed(
    week: Place, fake: tuple[Service, str], tmp_path: Path
) -> None:
    service, url = fake
    service.reset()
    place = Place(tmp_path)
    service.hidden_days = {str(LAST)}
    place.pull(service, url, "P001")
    again = place.pull(service, url, "P001", now=NOW + timedelta(hours=1))
    assert again.requests == LISTS
    service.hidden_days = set()
    service.access_tokens.clear()
    late = place.pull(service, url, "P001", now=NOW + timedelta(days=1))
    expired = 1
    assert late.requests == LISTS + 3 + expired
    mine = {name: [row for row in rows if row[0] == "P001"] for name, rows in week.signals().items()}
    assert place.signals() == {name: rows for name, rows in mine.items() if rows}
    assert len(place.secrets) >= 2
    assert not [secret for secret in place.secrets - {"rt-P001"} for text in place.texts() if secret in text]


def test_bursts_are_spread_over_time(week: Place) -> None:
    counts = [done.requests for done in week.results.values()]
    waits_s = sum((count - 10) / 0.8 for count in counts)
    assert (week.world.moment - NOW).total_seconds() >= waits_s - 4


def test_a_key_that_has_run_out_is_told_as_that(fake: tuple[Service, str], tmp_path: Path) -> None:
    service, url = fake
    service.reset()
    place = Place(tmp_path)
    service.take = lambda *_: service.refuse(garmin_personal.RefusedError(401))  # type: ignore[method-assign]
    try:
        with pytest.raises(NeedsReconsentError, match="makes a new one") as caught:
            place.pull(service, url, "P001")
    finally:
        del service.take
    assert not [secret for secret in place.secrets if secret in told(caught.value)]
    assert "new one" in str(explain(401, b""))
