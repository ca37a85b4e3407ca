"""The verb `pull`: ask a provider for a person's days, keep what it answers, load it.

Answers go into a zip below `raw/<participant>/<provider>/`, one a part of a pull, named after its content. It
appears whole or not at all, and waits in a folder of its own until it is loaded: a pull that was killed is
finished by the next one. What is loaded is merged by natural key, so that asking again harms nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from ingest.ledger import PARTICIPANT_ID
from ingest.live.answers import Earlier, NotGiven, RawAnswer
from ingest.live.client import Client, LiveError
from ingest.load import load
from ingest.outcome import LoadReport

WINDOW_DAYS = 14
"""Data come late, as phones sync when they like: so many days are asked for again every time."""
WRITING = ".writing-"
KEPT = re.compile(r"_\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d_\d{8}T\d{6}Z_[0-9a-f]+\.zip")
"""What a kept zip is called, after its provider."""
WAITING = "waiting"
DRIED_UP = "had data in earlier loads"
"""What a load says of a stream that is in no file: a pull brings what is new only, so it proves nothing."""
LOOK_BACK = 30
"""So many zips are looked into for earlier answers."""
LEVEL = 3
"""Of compression: answers are all but repetition, and higher levels take three times as long for a tenth less."""


class Provider(Protocol):
    """A module of `ingest.live` that asks one provider."""

    NAME: str
    SPAN_DAYS: int
    """A pull of more days is done in parts."""

    def pull(
        self, client: Client, first_day: date, last_day: date, earlier: Earlier
    ) -> Iterator[RawAnswer | NotGiven]:
        """Ask for all data of some local days, both included."""


class BusyError(LiveError):
    """Another process pulls for this person."""


@dataclass
class Pulled:
    """What a pull did."""

    participant: str
    provider: str
    first_day: date
    last_day: date
    answers: int = 0
    requests: int = 0
    not_given: list[NotGiven] = field(default_factory=list)
    reports: list[LoadReport] = field(default_factory=list)
    """What was loaded, in order."""


def first_to_ask(last_day: date, reached: date | None, since: date) -> date:
    """The first day that a pull asks for: of two weeks that end with the first day that is new.

    Parameters
    ----------
    last_day
        The last day that is asked for.
    reached
        The last day of the last pull that ended well; None if there was none.
    since
        The first day of which anything is wanted.
    """
    if reached is None:
        return min(since, last_day)
    new = min(reached + timedelta(days=1), last_day)
    return max(since, new - timedelta(days=WINDOW_DAYS - 1))


def pull(  # noqa: PLR0913 - the verb: each is asked for by name
    provider: Provider,
    client: Client,
    *,
    participant: str,
    first_day: date,
    last_day: date,
    raw: Path,
    warehouse: str | Path,
    staging: Path,
    now: datetime,
    timezone: str | None = None,
    wait_s: float = 60.0,
) -> Pulled:
    """Ask for a person's days, keep the answers, load them; what a pull that died left is loaded first.

    Parameters
    ----------
    provider, client
        A module such as `ingest.live.google_health`, and a client with the person's tokens.
    first_day, last_day
        Local days, both included (`first_to_ask`).
    raw
        Where answers are kept, a folder a participant.
    warehouse, staging, timezone, wait_s
        As `ingest.load.load` takes them; a zone is needed to enrol a new person only.
    now
        The present, UTC.

    Raises
    ------
    LiveError
        If the provider could not be asked for all; what came before is kept and loaded.
    LoadError, WarehouseError
        If the answers cannot be loaded; they wait for the next pull.
    """
    now = now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now
    folder = find_folder(raw, participant, provider.NAME)
    done = Pulled(participant, provider.NAME, first_day, last_day)
    take_waiting = partial(
        load_waiting,
        folder,
        done,
        warehouse=warehouse,
        staging=staging,
        timezone=timezone,
        now=now,
        wait_s=wait_s,
    )
    with holding(staging, f"{participant}/{provider.NAME}"):
        sweep(folder)
        take_waiting()
        for first, last in parts(first_day, last_day, provider.SPAN_DAYS):
            sent = client.requests
            try:
                fetch(provider, client, first, last, folder, now, done)
            finally:
                done.requests += client.requests - sent
                take_waiting()
    return done


def find_folder(raw: Path, participant: str, provider: str) -> Path:
    """Where a person's answers of a provider are kept."""
    if not PARTICIPANT_ID.fullmatch(participant):
        raise LiveError(f"{participant[:80]!r} cannot be a participant's id: name one who is enrolled.")
    return raw / participant / provider


def parts(first_day: date, last_day: date, span_days: int) -> Iterator[tuple[date, date]]:
    """Parts of some days, the oldest first, none longer than may be asked for at once."""
    while first_day <= last_day:
        last = min(last_day, first_day + timedelta(days=span_days - 1))
        yield first_day, last
        first_day = last + timedelta(days=1)


# --- keeping answers ---------------------------------------------------------------------------


def fetch(
    provider: Provider, client: Client, first: date, last: date, folder: Path, now: datetime, done: Pulled
) -> None:
    """Ask for some days and keep what comes, also if the provider fails on the way."""
    waiting = folder / WAITING
    waiting.mkdir(parents=True, exist_ok=True, mode=0o700)
    writing = waiting / f"{WRITING}{os.getpid()}"
    before = done.answers
    try:
        with zipfile.ZipFile(writing, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as packed:
            writing.chmod(0o600)
            gather(provider.pull(client, first, last, partial(read_kept, folder)), packed, now, done)
    finally:
        if done.answers > before:
            keep(writing, waiting, f"{provider.NAME}_{first}_{last}_{now:%Y%m%dT%H%M%SZ}")
        else:
            writing.unlink(missing_ok=True)


def gather(
    found: Iterable[RawAnswer | NotGiven], packed: zipfile.ZipFile, now: datetime, done: Pulled
) -> None:
    """Put what comes into a zip, and count it."""
    for one in found:
        if isinstance(one, RawAnswer):
            pack(packed, f"{done.provider}_{one.name}", one.body, now)
            done.answers += 1
        elif one not in done.not_given:
            done.not_given.append(one)


def pack(packed: zipfile.ZipFile, name: str, body: bytes, now: datetime) -> None:
    """Put one answer into the zip of its pull, as it came, dated with the pull.

    The pull's moment stands in the name too: the same answer at another time is other knowledge.
    """
    info = zipfile.ZipInfo(f"{name}_{now:%Y%m%dT%H%M%SZ}.json", now.timetuple()[:6])
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
    packed.writestr(info, body, compresslevel=LEVEL)


def keep(writing: Path, folder: Path, name: str) -> Path:
    """Give a zip that is written the name of its content, when it is safe on disk."""
    with writing.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        os.fsync(stream.fileno())
    return writing.replace(folder / f"{name}_{digest}.zip")


def kept_zips(folder: Path) -> list[Path]:
    """Zips that are kept or wait, the oldest pull first."""
    found = [*folder.glob("*.zip"), *(folder / WAITING).glob("*.zip")]
    return sorted(found, key=lambda path: (path.name.split("_")[-2:], path.name))


def read_kept(folder: Path, what: str) -> Sequence[bytes]:
    """Answers about one thing, of the last pull that has any; a damaged zip has none."""
    start = f"{folder.name}_{what}_"
    for path in reversed(kept_zips(folder)[-LOOK_BACK:]):
        with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as packed:
            names = [name for name in packed.namelist() if name.startswith(start)]
            if names:
                return [packed.read(name) for name in names]
    return ()


def forget_answers(raw: Path, before: datetime) -> int:
    """Delete answers of pulls before an instant (UTC), but never a provider's newest; returns how many zips."""
    limit, count = f"{before:%Y%m%dT%H%M%SZ}", 0
    for folder in sorted(path for path in raw.glob("*/*") if path.is_dir()):
        # Other files of a person lie beside these: a name that is not one of ours is left alone.
        ours = [path for path in kept_zips(folder) if KEPT.fullmatch(path.name.removeprefix(folder.name))]
        for path in ours[:-1]:
            if path.parent == folder and path.name.split("_")[-2] < limit:
                path.unlink(missing_ok=True)
                count += 1
    return count


# --- loading them ------------------------------------------------------------------------------


def load_waiting(
    folder: Path,
    done: Pulled,
    *,
    warehouse: str | Path,
    staging: Path,
    timezone: str | None,
    now: datetime,
    wait_s: float,
) -> None:
    """Load the zips that wait, then put them with the others."""
    waiting = [path for path in kept_zips(folder) if path.parent.name == WAITING]
    if not waiting:
        return
    report = load(
        waiting,
        warehouse=warehouse,
        staging=staging,
        participant=done.participant,
        timezone=timezone,
        now=now,
        wait_s=wait_s,
    )
    for path in waiting:
        path.replace(folder / path.name)
    remarks = tuple(text for text in report.remarks if DRIED_UP not in text)
    done.reports.append(replace(report, remarks=remarks))


def sweep(folder: Path) -> None:
    """Remove what a pull that died was writing; none other writes while this one holds the lock."""
    for path in (folder / WAITING).glob(f"{WRITING}*"):
        path.unlink(missing_ok=True)


@contextmanager
def holding(staging: Path, name: str) -> Iterator[None]:
    """Hold the lock of a person at a provider; it ends with the process, however that ends.

    The file stays, so its name must not tell whose it is: people are forgotten.

    Raises
    ------
    BusyError
        If another process holds it.
    """
    staging.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark = hashlib.sha256(name.encode()).hexdigest()[:16]
    with (staging / f"pull-{mark}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("Another pull for this person is under way: wait until it has ended.") from None
        yield
