"""Oura, pulled from a fake that knows the truth: to the last sample, through faults, no question too many."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from live_pulls import LAST, WHO, Place, offset_min, played, pull_everybody, told
from servers import oura, people
from servers.oura import FIVE_MIN_S, Oura
from servers.people import PEOPLE
from servers.service import Service
from servers.visit import NOW

from ingest.live.client import BadAnswerError, NeedsReconsentError
from ingest.live.oura import DOCUMENTS, SPAN_DAYS, explain, pull

PHASES = {"1": "deep", "2": "light", "3": "rem", "4": "wake"}


@pytest.fixture(scope="module")
def fake() -> Iterator[tuple[Service, str]]:
    with played(Oura) as found:
        yield found


@pytest.fixture(scope="module")
def week(fake: tuple[Service, str], tmp_path_factory: pytest.TempPathFactory) -> Place:
    return pull_everybody(*fake, tmp_path_factory.mktemp("oura"))


@pytest.fixture
def again(week: Place, fake: tuple[Service, str]) -> tuple[Service, str]:
    """The service as if nobody had asked it before."""
    fake[0].reset()
    return fake


@pytest.mark.parametrize("who", WHO)
def test_every_heart_rate_and_rmssd_is_there_once(week: Place, who: str) -> None:
    person = PEOPLE[who]
    hearts: dict[int, float] = {}
    rmssd = []
    for day in people.days():
        found = oura.hearts(person, day)
        hearts |= dict(zip(found.t_s.tolist(), found.value.tolist(), strict=True))
        night = people.night(person, day)
        if night is not None:
            bpm, ms = oura.series(person, day, night)
            at = np.arange(len(bpm)) * FIVE_MIN_S + night.start_s
            hearts |= {int(t): float(v) for t, v in zip(at, bpm, strict=True) if v is not None}
            rmssd += [(int(t), v) for t, v in zip(at, ms, strict=True) if v is not None]
    assert week.hearts(who) == sorted(hearts.items())
    assert week.values(who, "hrv_sample", "rmssd_5min") == rmssd
    assert week.refused() == []


@pytest.mark.parametrize("who", WHO)
def test_sleeps_have_their_stages_and_workouts_their_edges(week: Place, who: str) -> None:
    nights = [n for day in people.days() if (n := people.night(PEOPLE[who], day)) is not None]
    assert week.sleeps(who) == [
        (n.start_s, n.end_s, offset_min(who, n.start_s), offset_min(who, n.end_s)) for n in nights
    ]
    epochs = []
    for night in nights:
        for i, digit in enumerate(oura.phases(night)):
            start = night.start_s + i * FIVE_MIN_S
            if epochs and epochs[-1][0] == PHASES[digit] and epochs[-1][2] == start:
                start = epochs.pop()[1]
            epochs.append((PHASES[digit], start, min(night.end_s, night.start_s + (i + 1) * FIVE_MIN_S)))
    assert week.stages(who) == epochs
    runs = [run for day in people.days() if (run := people.workout(PEOPLE[who], day)) is not None]
    assert week.workouts(who) == [(*run, "running") for run in runs]


def test_days_have_ouras_values(week: Place) -> None:
    for who in WHO:
        person = PEOPLE[who]
        nights = [day for day in people.days() if people.night(person, day) is not None]
        steps = [(str(day), oura.steps_of(person, day)) for day in people.days()]
        assert week.by_day(who, "vital", "steps_day") == steps
        for name, kind, days in (
            ("readiness", "daily_readiness", nights),
            ("sleep_score", "daily_sleep", nights),
            ("activity_score", "daily_activity", people.days()),
        ):
            scores = [(str(day), oura.score(person, day, kind)) for day in days]
            assert week.by_day(who, "vendor_score", name) == scores
        spo2 = [(str(day), round(float(people.oxygen(person, day).value.mean()), 3)) for day in nights]
        assert week.by_day(who, "vital", "spo2") == ([] if who == "P002" else spo2)


def test_what_was_not_granted_is_said_and_stops_nothing(week: Place) -> None:
    gaps = {who: [(gap.what, gap.reason) for gap in done.not_given] for who, done in week.results.items()}
    words = "not granted: the person may connect again and allow it"
    assert gaps == {"P001": [], "P002": [("daily_spo2", words)]}


def test_a_week_takes_one_question_a_kind_and_page(week: Place) -> None:
    """Least: for each kind as many pages as its documents fill, one for none; and what a fault makes it ask twice."""
    for who, done in week.results.items():
        person = PEOPLE[who]
        least = 0
        for document in DOCUMENTS:
            if document.by_instant:
                count = sum(oura.hearts(person, day).t_s.size for day in people.days())
                least += math.ceil(count / oura.HEART_PAGE)
            else:
                granted = (who, document.path) != ("P002", "daily_spo2")
                count = sum(len(oura.documents(person, document.path, day)) for day in people.days())
                least += max(1, math.ceil(count / oura.PAGE)) if granted else 1
        empty_page = 1 if who == "P001" else 0
        assert done.requests == least + empty_page + len(FAULTS)
    assert {entry["status"] for entry in week.log} == {200, 401, 429, 500, 503}


FAULTS = (429, 500, 503)


def test_a_wait_that_is_told_is_kept(week: Place) -> None:
    assert sum(rest >= 3 for rest in week.world.rests_s) == len(WHO)


def test_the_same_days_again_change_nothing_and_no_secret_is_kept(
    again: tuple[Service, str], tmp_path: Path
) -> None:
    place = Place(tmp_path)
    place.pull(*again, "P002")
    before = place.signals()
    again[0].access_tokens.clear()
    place.pull(*again, "P002", now=NOW + timedelta(days=1))
    assert place.signals() == before
    assert place.rows("select count(*) from meta.change") == [(0,)]
    assert len(place.secrets) == 4, (
        "what was not granted costs no new token: the one that had expired was refreshed once"
    )
    assert not [secret for secret in place.secrets for text in place.texts() if secret in text]


def test_a_withdrawn_consent_is_told_as_that(again: tuple[Service, str], tmp_path: Path) -> None:
    service, url = again
    del service.refresh_tokens["rt-P001"]
    with pytest.raises(NeedsReconsentError) as caught:
        Place(tmp_path).pull(service, url, "P001")
    assert "rt-P001" not in told(caught.value)


def test_an_account_without_membership_is_told_what_can_be_done() -> None:
    found = explain(403, b'{"title":"Forbidden"}')
    assert isinstance(found, BadAnswerError)
    assert "export" in str(found)
    assert "update the Oura app" in str(explain(426, b"{}"))


def test_as_many_days_as_are_asked_for_at_once_are_given(again: tuple[Service, str], tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.visiting(*again, "P001") as client:
        answers = list(pull(client, LAST - timedelta(days=SPAN_DAYS - 1), LAST))
        with pytest.raises(BadAnswerError):
            list(pull(client, LAST - timedelta(days=SPAN_DAYS + 2), LAST))
    assert len(answers) > len(DOCUMENTS)
