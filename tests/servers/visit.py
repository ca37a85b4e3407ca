"""What a test needs to pull from a fake service: tokens, and a clock whose rests take no time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from ingest.live import google_health
from ingest.live.client import Bucket, Client, NeedsReconsentError, Outside
from servers import Server
from servers.google_health import CLIENT

NOW = datetime(2026, 10, 29, 5, tzinfo=UTC)


@dataclass
class World:
    """A clock that only rests move on; chance is always the middle."""

    moment: datetime = NOW
    rests_s: list[float] = field(default_factory=list)

    def rest(self, seconds: float) -> None:
        """Rest, which takes no time outside of this world."""
        self.rests_s.append(seconds)
        self.moment += timedelta(seconds=seconds)

    def outside(self) -> Outside:
        """What a client sees of it."""
        return Outside(lambda: self.moment, self.rest, lambda: 0.5)


@dataclass
class ServerTokens:
    """Tokens of one account of a fake service, in memory."""

    url: str
    refresh_token: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)
    seen: set[str] = field(default_factory=set, repr=False)
    """All secrets that were ever here."""

    def get(self) -> str:
        """The access token, a first one if there is none."""
        return self.access_token or self.refresh("")

    def refresh(self, stale: str) -> str:
        """Another access token than the stale one."""
        if self.access_token in (None, stale):
            id_, secret = CLIENT
            form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
            answer = httpx.post(f"{self.url}/token", data={**form, "client_id": id_, "client_secret": secret})
            if answer.status_code == 400:
                raise NeedsReconsentError("The consent was withdrawn or has run out: connect again.")
            given = answer.json()
            self.refresh_token = given.get("refresh_token", self.refresh_token)
            self.access_token = str(given["access_token"])
            self.seen |= {self.refresh_token, self.access_token}
        assert self.access_token is not None
        return self.access_token


@contextmanager
def visiting(
    server: Server | str, who: str, world: World | None = None, buckets: tuple[Bucket, ...] = ()
) -> Iterator[Client]:
    """A client of the Google Health API for one account."""
    url = server if isinstance(server, str) else server.url
    tokens = ServerTokens(url, f"rt-{who}")
    with httpx.Client(timeout=30) as http:
        yield Client(
            google_health.LABEL,
            url,
            tokens,
            (world or World()).outside(),
            http,
            buckets,
            google_health.explain,
        )
