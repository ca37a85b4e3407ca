"""The file of the vault: SQLite, readable by its owner only, one transaction at a time, and locks beside it."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from warehouse.errors import ExplainedError

POLL_S = 0.05
BUSY_S = 30.0
ENTRIES = """
    create table if not exists entry (
        participant text not null, kind text not null, name text not null,
        version integer not null, value blob not null,
        status text, expires_utc text, succeeded_utc text, failed_utc text, error text,
        primary key (participant, kind, name)
    )
"""
PROOFS = """
    create table if not exists vault (one integer primary key check (one = 1), proof blob not null, writes integer)
"""
"""One row: what proves the key, and how many writes there were, so that no version comes twice."""


class VaultError(ExplainedError):
    """The vault cannot do what was asked; the sentence names no secret."""


@contextmanager
def transact(path: Path, how: str) -> Iterator[sqlite3.Connection]:
    """One transaction: all of it is on the disk afterwards, or nothing."""
    with explained(path), closing(connect(path)) as db:
        db.execute(f"begin {how}")
        try:
            yield db
            db.execute("commit")
        except BaseException:
            if db.in_transaction:
                db.execute("rollback")
            raise


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, which only its owner may read, and make its tables where it is new."""
    if not path.exists():
        create_file(path)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        for setting in ("secure_delete = on", "synchronous = extra", "temp_store = memory"):
            db.execute(f"pragma {setting}")
        if db.execute("select count(*) from sqlite_master").fetchone() == (0,):
            db.execute(ENTRIES)
            db.execute(PROOFS)
    except BaseException:
        db.close()
        raise
    return db


def create_file(path: Path) -> None:
    """Make an empty file, 0600, that was closed before anyone could lock it: closing one would let locks go."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        with suppress(FileExistsError):
            path.hardlink_to(name)
    finally:
        Path(name).unlink()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say in one sentence what is wrong with the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise VaultError(
            f"The vault {path} could not be used ({error}): end what holds it, free the disk, or restore it."
        ) from error
    except OSError as error:
        raise VaultError(f"The vault {path} could not be opened: {error.strerror}.") from error


@contextmanager
def hold_lock(path: Path, what: str, wait_s: float) -> Iterator[None]:
    """Hold a lock that is a file beside the vault; a process that dies lets go."""
    if re.fullmatch("[a-z0-9_-]{1,60}", what) is None:
        raise ValueError(f"a lock is named by small letters, digits, - and _, not {what!r}")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path.with_name(f"{path.name}.{what}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + wait_s
    try:
        while not try_lock(handle):
            if time.monotonic() >= deadline:
                raise VaultError(f"Another run is at work ({what}): wait until it is done, and try again.")
            time.sleep(POLL_S)
        yield
    finally:
        os.close(handle)


def try_lock(handle: int) -> bool:
    """Take a lock if it is free."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
