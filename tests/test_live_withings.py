"""Withings, pulled from a fake that knows the truth: errors in bodies, days of 25 hours, what has changed only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_pulls import LAST, WHO, Place, offset_min, played, pull_everybody
from servers import people, withings
from servers.people import DAYS, FIRST, PEOPLE
from servers.service import Service
from servers.visit import NOW
from servers.withings import PAGE, Withings

from ingest.live.client import BadAnswerError
from ingest.live.withings import explain, restate

STAGES = {"AWAKE": "wake", "REM": "rem", "LIGHT": "light", "DEEP": "deep"}
FAULTS = 3


@pytest.fixture(scope="module")
def fake() -> Iterator[tuple[Service, str]]:
    with played(Withings) as found:
        yield found


@pytest.fixture(scope="module")
def week(fake: tuple[Service, str], tmp_path_factory: pytest.TempPathFactory) -> Place:
    return pull_everybody(*fake, tmp_path_factory.mktemp("withings"))


def nights(who: str) -> list[tuple[date, people.Night]]:
    return [(day, n) for day in people.days() if (n := people.night(PEOPLE[who], day)) is not None]


def of_device(place: Place, who: str, device: str, columns: str, table: str) -> list[Any]:
    return place.rows(
        f"select {columns} from signal.{table} where participant = '{who}' and (device = 'bed') = {device == 'bed'}"
        " order by 1"
    )


@pytest.mark.parametrize("who", WHO)
def test_every_heart_rate_step_and_spo2_is_there_once(week: Place, who: str) -> None:
    person = PEOPLE[who]
    hearts: dict[int, float] = {}
    for day in people.days():
        found = withings.hearts(person, day)
        hearts |= dict(zip(found.t_s.tolist(), found.value.tolist(), strict=True))
    for day, night in nights(who):
        hearts |= withings.watch_hearts(person, day, night)
    columns = "epoch_ms(t_utc) // 1000, hr_bpm"
    assert of_device(week, who, "watch", columns, "heart_rate") == sorted(hearts.items())
    bed = {t: v for day, night in nights(who) for t, v in withings.bed_hearts(person, day, night).items()}
    bed = {t: v for t, v in bed.items() if any(n.start_s <= t < n.end_s for _, n in nights(who))}
    assert of_device(week, who, "bed", columns, "heart_rate") == (
        sorted(bed.items()) if who == "P001" else []
    )
    steps = [people.steps(person, day) for day in people.days()]
    assert week.steps(who) == [
        (int(t), 60, int(v)) for one in steps for t, v in zip(one.t_s, one.value, strict=True)
    ]
    oxygen = [people.oxygen(person, day) for day in people.days()]
    spo2 = [(int(t), round(v)) for one in oxygen for t, v in zip(one.t_s[::30], one.value[::30], strict=True)]
    assert week.values(who, "vital", "spo2") == spo2
    totals = [(str(day), people.steps(person, day).value.sum()) for day in people.days()]
    assert week.by_day(who, "vital", "steps_day") == totals
    assert week.refused() == []


@pytest.mark.parametrize("who", WHO)
def test_the_watchs_nights_have_their_stages_and_the_beds_are_its_own(week: Place, who: str) -> None:
    columns = "epoch_ms(t_utc) // 1000, epoch_ms(end_utc) // 1000, offset_min, end_offset_min, scoring"
    for device, more_s in (("watch", 0), ("bed", 600)):
        edges = [
            (
                n.start_s,
                n.end_s + more_s,
                offset_min(who, n.start_s),
                offset_min(who, n.end_s + more_s),
                "stages",
            )
            for _, n in nights(who)
        ]
        has = device == "watch" or who == withings.PERSON_WITH_BED
        assert of_device(week, who, device, columns, "sleep_episode") == (edges if has else [])
        stages = "epoch_ms(t_utc) // 1000, epoch_ms(end_utc) // 1000, stage"
        found = of_device(week, who, device, stages, "sleep_stage")
        truth: list[tuple[int, int, str]] = []
        for _, night in nights(who) if has else ():
            for name, start, end in night.stages:
                joined = bool(truth) and truth[-1][1:] == (start, STAGES[name])
                truth.append((truth.pop()[0] if joined else start, end, STAGES[name]))
        assert found == truth
    assert week.rows("select count(*) from signal.sleep_episode where revision is null") == [(0,)]


def test_a_nights_values_stand_at_its_wake(week: Place) -> None:
    person = PEOPLE["P002"]
    for name, value in (
        ("rem_min", lambda night: night.minutes("REM")),
        ("tst_min", lambda night: night.minutes("LIGHT") + night.minutes("DEEP") + night.minutes("REM")),
        ("tib_min", lambda night: (night.end_s - night.start_s) / 60),
    ):
        truth = [(night.end_s, pytest.approx(value(night))) for _, night in nights("P002")]
        assert week.values("P002", "vital", name) == truth
    scores = [(night.end_s, withings.score(person, day)) for day, night in nights("P002")]
    assert week.values("P002", "vendor_score", "sleep_score") == scores
    for who in WHO:
        runs = [run for day in people.days() if (run := people.workout(PEOPLE[who], day)) is not None]
        assert week.workouts(who) == [(*run, "run") for run in runs]


def least(who: str, days: int, n_nights: int) -> int:
    """Pages of the three lists, a question a day, one more for a day of 25 hours, one a night of each device."""
    person = PEOPLE[who]
    devices = 2 if who == withings.PERSON_WITH_BED else 1
    runs = sum(people.workout(person, day) is not None for day in people.days())
    counts = (DAYS + 1, runs, len(nights(who)) * devices)
    pages = sum(max(1, -(-count // PAGE)) for count in counts)
    return pages + days + n_nights * devices


def test_a_first_week_takes_a_question_a_day_and_night(week: Place) -> None:
    for who, done in week.results.items():
        long_day = 1 if who == "P001" else 0
        assert done.requests == least(who, DAYS + 1 + long_day, len(nights(who))) + FAULTS


def test_the_next_pull_asks_only_for_what_has_changed_and_changes_nothing_else(
    week: Place, fake: tuple[Service, str], tmp_path: Path
) -> None:
    service, url = fake
    service.reset()
    place = Place(tmp_path)
    service.hidden_days = {str(LAST)}
    place.pull(service, url, "P002")
    again = place.pull(service, url, "P002", now=NOW + timedelta(hours=1))
    before = place.signals()
    assert again.requests <= least("P002", 0, 0)
    service.hidden_days = set()
    service.access_tokens.clear()
    late = place.pull(service, url, "P002", now=NOW + timedelta(days=1))
    refused = 1
    assert late.requests == least("P002", 1, 1) + refused
    mine = {name: [row for row in rows if row[0] == "P002"] for name, rows in week.signals().items()}
    assert place.signals() == {name: rows for name, rows in mine.items() if rows}
    assert len(place.secrets) == 4, "a body told that the token had expired"
    assert not [secret for secret in place.secrets for text in place.texts() if secret in text]
    assert {entry["status"] for entry in service.log} == {200}
    assert len(before["sleep_episode"]) == len(nights("P002")) - 1
    assert place.rows("select count(*) from meta.change") == [(0,)]


def test_what_was_not_granted_is_said(tmp_path: Path) -> None:
    with played(Withings, faults=False) as (service, url):
        assert isinstance(service, Withings)
        service.without_consent = ("P002",)
        done = Place(tmp_path).pull(service, url, "P002", FIRST, FIRST)
    assert sorted(gap.what for gap in done.not_given) == ["activity", "nights", "workouts"]
    assert done.answers == 0


@pytest.mark.parametrize(
    ("said", "code"), [(0, 200), (401, 401), (601, 429), (503, 400), (2554, 403), (522, 503), (525, 500)]
)
def test_a_status_in_a_body_is_said_in_https_words(said: int, code: int) -> None:
    body = f'{{"status": {said}, "body": {{}}}}'.encode()
    answer = httpx.Response(200, content=body, headers={"Retry-After": "7", "Set-Cookie": "x"})
    found = restate(answer)
    assert (found.status_code, found.content) == (code, body)
    if said:
        assert found.headers.get("Retry-After") == "7"


def test_a_question_that_is_wrong_is_no_fault_of_the_service() -> None:
    found = explain(400, b'{"status": 503, "error": "Invalid Params"}')
    assert isinstance(found, BadAnswerError)
    assert str(found) == "Withings refused a question (status 503)."
