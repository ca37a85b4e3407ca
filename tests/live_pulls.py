"""Pulls from fakes of providers: a client for one account, and a warehouse that is asked what came."""

from __future__ import annotations

import traceback
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from servers.people import DAYS, FIRST, PEOPLE, offset_s
from servers.service import Service, serving
from servers.visit import NOW, ServerTokens, World

from ingest.live.client import Client
from ingest.live.providers import load_module, make_client, moved
from ingest.pull import Pulled, pull
from warehouse.store import open_warehouse

LAST = FIRST + timedelta(days=DAYS - 1)
WHO = ("P001", "P002")
"""London, where summer time ends on the 25th; New York, with a night without the watch, who granted less."""


@dataclass
class Place:
    """A warehouse, and what was pulled into it."""

    root: Path
    results: dict[str, Pulled] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    world: World = field(default_factory=World)
    tokens: dict[str, ServerTokens] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    """What the service was asked, if the test notes it."""

    @contextmanager
    def visiting(self, service: Service, url: str, who: str) -> Iterator[Client]:
        """A client of the service for one account."""
        tokens = self.tokens.setdefault(who, ServerTokens(url, f"rt-{who}"))
        with httpx.Client(timeout=30) as http:
            try:
                yield make_client(moved(service.provider, url), tokens, self.world.outside(), http, ())
            finally:
                self.secrets |= tokens.seen

    def pull(
        self,
        service: Service,
        url: str,
        who: str,
        first: date = FIRST - timedelta(days=1),
        last: date = LAST,
        now: datetime = NOW,
    ) -> Pulled:
        """Pull some days of one account; the evening before the first belongs to the first night."""
        with self.visiting(service, url, who) as client:
            self.results[who] = pull(
                load_module(service.provider.name),  # type: ignore[arg-type]
                client,
                participant=who,
                first_day=first,
                last_day=last,
                raw=self.root / "raw",
                warehouse=self.root / "w.duckdb",
                staging=self.root / "staging",
                now=now,
                timezone=PEOPLE[who].zone,
            )
        return self.results[who]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the warehouse answers."""
        with open_warehouse(self.root / "w.duckdb", read_only=True) as con:
            return con.execute(sql).fetchall()

    def values(
        self, who: str, table: str, name: str, at: str = "epoch_ms(t_utc) // 1000"
    ) -> list[tuple[Any, ...]]:
        """Instants (seconds since 1970) and values of one kind of vital, score or HRV."""
        kind = {"vital": "vital", "vendor_score": "score", "hrv_sample": "hrv"}[table]
        value = "value_ms" if table == "hrv_sample" else "value"
        return self.rows(
            f"select {at}, {value} from signal.{table} where participant = '{who}' and {kind} = '{name}' order by 1, 2"
        )

    def by_day(self, who: str, table: str, name: str) -> list[tuple[str, float]]:
        """Values of one kind with their local date."""
        return self.values(who, table, name, "strftime(t_utc + to_minutes(offset_min), '%Y-%m-%d')")

    def hearts(self, who: str) -> list[tuple[int, float]]:
        """Heart rates at instants."""
        return self.rows(
            f"select epoch_ms(t_utc) // 1000, hr_bpm from signal.heart_rate where participant = '{who}' order by 1"
        )

    def steps(self, who: str) -> list[tuple[int, int, int]]:
        """Steps of spans: start, length in seconds, count."""
        return self.rows(
            f"select epoch_ms(t_utc) // 1000, span_s, steps from signal.steps where participant = '{who}' order by 1"
        )

    def sleeps(self, who: str) -> list[tuple[int, int, int, int]]:
        """Sleeps: start, end, and the offsets there."""
        return self.rows(
            "select epoch_ms(t_utc) // 1000, epoch_ms(end_utc) // 1000, offset_min, end_offset_min"
            f" from signal.sleep_episode where participant = '{who}' order by 1"
        )

    def stages(self, who: str) -> list[tuple[str, int, int]]:
        """Stages of all sleeps, with their edges."""
        return self.rows(
            "select stage, epoch_ms(t_utc) // 1000, epoch_ms(end_utc) // 1000 from signal.sleep_stage"
            f" where participant = '{who}' order by 2"
        )

    def workouts(self, who: str) -> list[tuple[int, int, str]]:
        """Workouts: edges and name."""
        return self.rows(
            "select epoch_ms(t_utc) // 1000, epoch_ms(end_utc) // 1000, activity from signal.workout"
            f" where participant = '{who}' order by 1"
        )

    def signals(self) -> dict[str, list[tuple[Any, ...]]]:
        """Rows of all signals but where they came from."""
        names = self.rows(
            "select table_name from information_schema.tables where table_schema = 'signal' order by 1"
        )
        found = {n: self.rows(f"select * exclude (file_id, record) from signal.{n}") for (n,) in names}
        return {name: sorted(rows, key=repr) for name, rows in found.items() if rows}

    def refused(self) -> list[tuple[Any, ...]]:
        """What was refused of all files."""
        return self.rows("select stream, place, reason from meta.rejected")

    def texts(self) -> list[str]:
        """All that was kept beside the signals: rows about loads, names and contents of the raw answers."""
        found = [repr(self.results)]
        names = self.rows("select table_name from information_schema.tables where table_schema = 'meta'")
        found += [str(self.rows(f"select * from meta.{name}")) for (name,) in names]
        for path in (self.root / "raw").rglob("*.zip"):
            with zipfile.ZipFile(path) as packed:
                found += [
                    path.name,
                    *packed.namelist(),
                    *(packed.read(n).decode() for n in packed.namelist()),
                ]
        return found


def offset_min(who: str, t_s: int) -> int:
    """The offset in minutes that held for a person."""
    return offset_s(PEOPLE[who].zone, t_s // 3600) // 60


def told(error: BaseException) -> str:
    """All that an error would leave in a log."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)


def pull_everybody(service: Service, url: str, root: Path) -> Place:
    """Two people, a week each, with every fault on the way."""
    place = Place(root)
    for who in WHO:
        place.pull(service, url, who)
    place.log = list(service.log)
    return place


@contextmanager
def played(kind: type[Service], *, faults: bool = True) -> Iterator[tuple[Service, str]]:
    """A service and where it listens."""
    service = kind(faults=faults)
    with serving(service) as url:
        yield service, url
