"""Answers of a person: one small file each in the inbox, in the diary's own layout, until the next run.

An answer needs no warehouse: it is kept while a run holds it. It appears in the inbox whole or not at
all, and never in the place of another. The name of its file is its key, so the same tap twice is one answer.
"""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from cli.settings import Settings, make_places
from warehouse.errors import ExplainedError

Row = Mapping[str, str]
"""One row of the diary: `date`, `time` and either `scale`, `value` or `event`, `app`, `end`."""

STAMP = "%Y%m%dT%H%M%SZ"
KEY = re.compile(r"(?P<asked>\d{8}T\d{6}Z)-[A-Za-z0-9_-]{8,64}")
"""When a question was asked, so that of two answers to one moment the later one wins by name; and a secret."""
NAME = re.compile(r"(?:checkin|event)-(?:\d{4}-W\d\d-)?" + KEY.pattern + r"\.csv")
OWN_WORDS = {"practice": "mindful"}
"""Words of the pages that the diary calls otherwise."""
WEEK_TIME = "21:00"
"""When an answer about a week is dated: on its last evening."""


def make_key(now: datetime) -> str:
    """Make the key of one question that is asked at `now` (UTC)."""
    return f"{now:{STAMP}}-{secrets.token_urlsafe(12)}"


def date_now(now: datetime) -> tuple[str, str]:
    """Date and time of an instant of UTC as the diary writes them: the load finds the person's offset."""
    return f"{now:%Y-%m-%d}", f"{now:%H:%M:%S}Z"


def date_said(text: str) -> tuple[str, str]:
    """Date and time of what a person wrote: a date, or a date and a time of their own clock."""
    day, _, time = text.strip().replace("T", " ", 1).partition(" ")
    return day, time.strip()


def make_checkin(when: tuple[str, str], scale: str, value: str) -> Row:
    """Lay out one check-in."""
    return {"date": when[0], "time": when[1], "scale": scale, "value": clean(value)}


def make_event(when: tuple[str, str], event: str, *, app: str = "", end: str = "") -> Row:
    """Lay out one event; `app` is who or what it was with, `end` a time, a date or both."""
    named = OWN_WORDS.get(event.strip().casefold(), event)
    return {
        "date": when[0],
        "time": when[1],
        "event": clean(named),
        "app": clean(app),
        "amount": "",
        "end": end,
    }


def clean(text: str) -> str:
    """One line of at most 60 signs, as the diary keeps it: no control signs, no line breaks."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:60].strip()


def check_row(row: Row, now: datetime, zone: str = "UTC") -> Mapping[str, object]:
    """Check a row with the reader that will take it in, so that it is told now and not at night.

    Gives the row as it is read where the person lives in `zone`: `t_us`, `end_us`, `event` and so on.

    Raises
    ------
    ExplainedError
        If the diary would refuse it: what it expects.
    """
    import numpy as np

    from ingest.clock import settle_clock
    from ingest.files import diary
    from ingest.source import Midnights, to_us

    clock = settle_clock(zone, Midnights(*np.zeros((3, 0), dtype=np.int64)))
    when = diary.read_start(row["date"], row["time"], clock)
    if when is None:
        raise ExplainedError(f"Not kept: {diary.NO_DATE}.")
    read = diary.read_checkin_row if "scale" in row else diary.read_event_row
    found = diary.check_time(when, to_us(now) + diary.DAY_US) or read(dict(row), when, clock)
    if isinstance(found, str):
        raise ExplainedError(f"Not kept: {found}.")
    return found


def name_answer(row: Row, key: str, week: str = "") -> str:
    """Name the file of an answer; `week` is the ISO week that it is about, if it is about one."""
    return f"{'checkin' if 'scale' in row else 'event'}-{week}{'-' if week else ''}{key}.csv"


def keep(settings: Settings, participant: str, name: str, row: Row) -> bool:
    """Keep an answer in the inbox under its name; False if it was kept, or taken in, already.

    Raises
    ------
    ExplainedError
        If it cannot be written, a full disk say.
    """
    try:
        make_places(settings)
        folder = settings.inbox / participant
        folder.mkdir(exist_ok=True, mode=0o700)
        # In this order: a run moves files from the inbox to the raw store, never back.
        if (folder / name).exists() or (settings.raw / participant / name).exists():
            return False
        # Beside the folder, not in it: a run reads whatever lies in the folder. '~' is in no pseudonym.
        temporary = settings.inbox / f"{unfinished_start(participant)}{secrets.token_hex(8)}"
        try:
            write_private(temporary, write_table(row))
            return put_under(temporary, folder / name)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ExplainedError(
            f"The answer could not be kept in {settings.inbox} ({error.strerror or error}): free some space, or"
            " give yourself the right to write there, and say it again."
        ) from error


def unfinished_start(participant: str) -> str:
    """How names begin of what is being written for a person, or was when the machine stopped."""
    return f".{participant}~"


def list_unfinished(settings: Settings, participant: str) -> list[Path]:
    """List what was being written for a person when the machine stopped: never an answer, but personal."""
    start = unfinished_start(participant)
    return (
        [p for p in settings.inbox.glob(".*") if p.name.startswith(start)] if settings.inbox.is_dir() else []
    )


def write_table(row: Row) -> bytes:
    """Write a row with its header as CSV."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    return text.getvalue().encode()


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read, down to the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def put_under(temporary: Path, target: Path) -> bool:
    """Give a whole file its name; False if the name is taken."""
    try:
        # A link, not a rename: what another process kept under the name in the meantime stays.
        target.hardlink_to(temporary)
    except FileExistsError:
        return False
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def list_kept(settings: Settings, participant: str, *, week: str = "") -> list[dict[str, str]]:
    """List the answers that wait in the inbox, the last one first; with `week` all that are about that week."""
    places = (settings.inbox, settings.raw) if week else (settings.inbox,)
    start = f"checkin-{week}-" if week else ""
    folders = [place / participant for place in places if (place / participant).is_dir()]
    found = [
        (named["asked"], path)
        for folder in folders
        for path in folder.iterdir()
        if (named := NAME.fullmatch(path.name)) and path.name.startswith(start)
    ]
    rows = [read_kept(path) for _, path in sorted(found, reverse=True)]
    return [row for row in rows if row]


def read_kept(path: Path) -> dict[str, str]:
    """Read one answer back; empty if a run has just put it away."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return next(csv.DictReader(file), {})
    except FileNotFoundError:
        return {}


def find_zone(settings: Settings, participant: str, *, wait_s: float) -> str | None:
    """Find the zone of a person; None if the warehouse cannot be asked now.

    Raises
    ------
    ExplainedError
        If there is no such person.
    """
    from ingest.ledger import PARTICIPANT_ID
    from warehouse.known import read_known
    from warehouse.store import WarehouseError

    zones: dict[str, str] = {}
    if PARTICIPANT_ID.fullmatch(participant):
        try:
            zones = read_known(settings.warehouse, participant=None, sha256=[], wait_s=wait_s).zones
        except WarehouseError:
            return None
    if participant not in zones:
        raise ExplainedError(
            f"There is no participant {participant[:80]!r}: 'steadyline status' lists those there are."
        )
    return zones[participant]
