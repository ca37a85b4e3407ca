"""The package `fitbit` at an institution's proxy, with its faults mended, and over answers that were recorded."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import traceback
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import fitbit
import pytest
from fitbit import exceptions
from fitbit_scripts import CHANGE, EVERY_DAY, WEB, Ask, mended, of_day, of_week, outcome
from servers import Server, running
from servers.people import DAYS
from servers.visit import World

from ingest.live.client import LiveError
from ingest.live.fitbit_web.mended import MendedFitbit
from ingest.live.fitbit_web.refusals import FitbitGoneError
from ingest.live.fitbit_web.replay import open_archive


@pytest.fixture(scope="module")
def web() -> Iterator[Server]:
    with running("fitbit_web", "--no-faults", "--per-hour", "1000000") as found:
        yield found


@pytest.fixture(autouse=True)
def _fakes_need_no_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def test_a_proxy_is_asked_through_an_expired_token_a_wait_and_a_fault() -> None:
    world, kept = World(), []
    with running("fitbit_web") as proxy:
        fb = mended(proxy, "P001", world, refresh_cb=kept.append)
        for day in EVERY_DAY:
            assert fb.hrv(day)["hrv"][0]["dateTime"] == str(day)
        statuses = [entry["status"] for entry in proxy.tell("log")]
    assert [token["refresh_token"] for token in kept] == ["rt-secret-P001-1"], "it serves once"
    assert sorted(set(statuses)) == [200, 401, 429, 500]
    assert statuses.count(200) == DAYS + 1
    assert world.rests_s[0] == 1.0, "what was told"


def test_a_token_that_is_known_to_have_expired_is_refreshed_first(web: Server) -> None:
    web.tell("reset")
    kept: list[dict[str, Any]] = []
    fb = mended(web, "P002", refresh_cb=kept.append, expires_at=1.0)
    assert fb.get_devices()[0]["type"] == "TRACKER"
    assert [entry["status"] for entry in web.tell("log")] == [200, 200]
    assert len(kept) == 1


def test_a_refresh_token_without_who_keeps_the_next_is_refused_before_it_is_lost(web: Server) -> None:
    with pytest.raises(LiveError, match="give refresh_cb"):
        mended(web, "P001", refresh_cb=None)


def test_a_refresh_that_is_refused_says_who_can_help_and_no_token(web: Server) -> None:
    web.tell("reset")
    fb = mended(web, "P001", refresh_token="rt-secret-used-before")
    with pytest.raises(exceptions.HTTPUnauthorized, match="no longer good") as caught:
        fb.get_devices()
    assert "rt-secret" not in "".join(traceback.format_exception(caught.value))


def test_no_token_is_in_an_error_or_a_log(web: Server, caplog: pytest.LogCaptureFixture) -> None:
    web.tell("reset")
    caplog.set_level(logging.DEBUG)
    fb = mended(web, "P001")
    assert fb.get_devices()
    web.tell("reset")
    with pytest.raises(exceptions.HTTPUnauthorized, match=r"Access token invalid: …\.") as caught:
        fb.get_devices()
    told = caplog.text + "".join(traceback.format_exception(caught.value)) + repr(fb.client)
    assert "secret" not in told


def test_too_many_requests_without_a_wait_are_still_too_many_requests() -> None:
    with running("fitbit_web", "--no-faults", "--bare-429", "--per-hour", "1") as proxy:
        fb = mended(proxy, "P001")
        assert fb.get_devices()
        with pytest.raises(exceptions.HTTPTooManyRequests, match="Too Many Requests") as caught:
            fb.get_devices()
        assert caught.value.retry_after_secs == 3600
        assert [entry["status"] for entry in proxy.tell("log")].count(429) == 1, "an hour is not waited"


def test_refusals_in_html_are_told_apart_all_the_same() -> None:
    with running("fitbit_web", "--html", "--no-faults") as proxy:
        fb = mended(proxy, "P001")
        with pytest.raises(exceptions.HTTPUnauthorized):
            fb.get_devices()
        fb = mended(proxy, "P001", expires_at=1.0, refresh_token="rt-secret-none")
        with pytest.raises(exceptions.HTTPServerError, match="something else than JSON"):
            fb.get_devices()
    with pytest.raises(exceptions.HTTPServerError, match="cannot be reached"):
        fb.get_devices()


@pytest.mark.parametrize("words", [("--gone",), ("--gone", "--html")])
@pytest.mark.parametrize("expires_at", [None, 1.0])
def test_a_service_that_is_gone_is_asked_once(words: tuple[str, ...], expires_at: float | None) -> None:
    world = World()
    with running("fitbit_web", *words) as proxy:
        fb = mended(proxy, "P001", world, expires_at=expires_at)
        with pytest.raises(FitbitGoneError, match=r"switched off on 2 November 2026.*connect google_health"):
            fb.get_devices()
        assert [entry["status"] for entry in proxy.tell("log")] == [410]
    assert world.rests_s == []


@pytest.mark.parametrize("url", [WEB, "https://www.fitbit.com/", "https://API.fitbit.com:443/x"])
def test_the_vendors_own_address_is_refused_without_a_request(url: str) -> None:
    with pytest.raises(exceptions.HTTPException, match="2 November 2026") as caught:
        mended(url, "P001")
    assert isinstance(caught.value, LiveError)


def test_a_proxy_without_https_is_refused(web: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT")
    with pytest.raises(exceptions.HTTPBadRequest, match="in the clear"):
        mended(web, "P001").get_devices()


def test_every_question_has_a_limit_of_time(web: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    web.tell("reset")
    fb = mended(web, "P001")
    limits: list[object] = []
    send = fb.client.session.send

    def note(request: Any, **words: Any) -> Any:
        limits.append(words["timeout"])
        return send(request, **words)

    monkeypatch.setattr(fb.client.session, "send", note)
    fb.get_devices()
    assert limits == [20.0] * 3, "refused, refreshed, asked again"
    with socket.create_server(("127.0.0.1", 0)) as mute:
        fb = mended(f"http://127.0.0.1:{mute.getsockname()[1]}", "P001")
        monkeypatch.setattr(fb.client, "timeout", 0.05)
        with pytest.raises(exceptions.Timeout, match="No answer within"):
            fb.get_devices()


def test_calls_that_no_server_has_are_not_sent(web: Server) -> None:
    web.tell("reset")
    for ask in (mended(web, "P001").heart, mended(web, "P001").bp):
        with pytest.raises(exceptions.HTTPNotFound, match="since 2015"):
            ask(CHANGE)
    assert web.tell("log") == []


# --- records -----------------------------------------------------------------------------------


def record(fb: MendedFitbit, place: Path, user: str) -> list[Ask]:
    """Write down some answers as they came; gives the questions."""
    asked: list[Ask] = []
    for number, (name, ask) in enumerate({**of_day(CHANGE), **of_week("P001")}.items()):
        urls: list[str] = []
        make = fb.make_request
        fb.make_request = lambda url, *a, make=make, urls=urls, **k: (urls.append(url), make(url, *a, **k))[1]
        found = outcome(fb, ask)
        del fb.make_request
        if isinstance(found, str) or name == "self":
            continue
        version, rest = urls[0].removeprefix(f"{fb.API_ENDPOINT}/").split("/user/-/")
        path = place / user / (f"{version}/{rest}" if version == "1.2" else rest)
        path.parent.mkdir(parents=True, exist_ok=True)
        body = json.dumps(found).encode()
        if number % 2:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(body))
        else:
            path.write_bytes(body)
        asked.append(ask)
    return asked


def test_recorded_answers_are_asked_for_through_the_package_itself(web: Server, tmp_path: Path) -> None:
    web.tell("reset")
    old = mended(web, "P001")
    asked = record(old, tmp_path, "A1B2C3")
    web.tell("reset")
    archive = open_archive(tmp_path, "A1B2C3")
    assert isinstance(archive, fitbit.Fitbit)
    assert archive.API_ENDPOINT == WEB
    old = mended(web, "P001")
    assert len(asked) > 20
    for ask in asked:
        assert ask(archive) == ask(old)


def test_what_was_not_recorded_is_not_found_and_nothing_outside_is_read(tmp_path: Path) -> None:
    (tmp_path / "me" / "hrv" / "date").mkdir(parents=True)
    (tmp_path / "me" / "hrv" / "date" / "2026-10-25.json").write_text("{cut", encoding="utf-8")
    (tmp_path / "you").mkdir()
    (tmp_path / "you" / "profile.json").write_text('{"user": {}}', encoding="utf-8")
    archive = open_archive(tmp_path, "me")
    with pytest.raises(exceptions.HTTPNotFound, match=r"No answer to /1/user/-/profile\.json was recorded"):
        archive.user_profile_get()
    for url in (f"{WEB}/1/user/you/profile.json", f"{WEB}/1/user/-/../you/profile.json"):
        with pytest.raises(exceptions.HTTPNotFound):
            archive.make_request(url)
    with pytest.raises(exceptions.HTTPNotFound):
        archive.log_sleep(datetime(2026, 10, 25), 1000)
    with pytest.raises(exceptions.BadResponse):
        archive.hrv(CHANGE)
    with pytest.raises(exceptions.HTTPNotFound):
        archive.make_request(f"{WEB}/1/user/you/hrv/date/2026-10-25.json")
    for name in ("nobody", "../me", ""):
        with pytest.raises(LiveError, match="name one that is there"):
            open_archive(tmp_path, name)


@pytest.mark.parametrize("data", [b"\x1f\x8bxx", gzip.compress(b"{}" * 99, mtime=0)[:-12]])
def test_a_packed_record_that_is_damaged_says_so(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "me").mkdir()
    (tmp_path / "me" / "profile.json.gz").write_bytes(data)
    with pytest.raises(LiveError, match="record it again"):
        open_archive(tmp_path, "me").user_profile_get()
