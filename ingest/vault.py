"""The vault: the one place outside the warehouse for what must stay secret, encrypted row by row.

A row is (participant, kind, name) with a value in JSON: kind 'token' for a provider's tokens, 'mail' for
an address, 'queue' for a mail that is on its way. Beside the value stand a version and a note about its
state, readable without a key. Values are encrypted by Fernet (AES-128-CBC with HMAC-SHA256), each
together with the name of its row, so that no value can be moved to another row unseen.

The file is SQLite with its rollback journal, where deleted bytes are overwritten. No connection is held
between two calls. Keys are read inside the transaction that needs them: a rotation in another process
can then never leave a row behind that only an old key opens.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ingest.vault_file import VaultError, connect, explained, hold_lock, transact

ERROR_CHARACTERS = 120
PROOF = b"steadyline vault"
Value = dict[str, Any]

ROWS = """
    select participant, kind, name, version, status, expires_utc, succeeded_utc, failed_utc, error from entry
"""
"""Everything of a row but its value; needs no key."""
PUT = """
    insert or replace into entry
        (participant, kind, name, version, value, status, expires_utc, succeeded_utc, failed_utc, error)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
PUT_NOTE = """
    update entry
    set version = ?, status = ?, expires_utc = ?, succeeded_utc = ?, failed_utc = ?, error = ?
    where participant = ? and kind = ? and name = ?
"""
IS_ROW = "where participant = ? and kind = ? and name = ?"


class WrongKeyError(VaultError):
    """No key at hand opens the vault."""


class ChangedMeanwhileError(VaultError):
    """The row is no longer at the version that was read: read it again."""


class KeySource(Protocol):
    """Where the keys of a vault are kept: texts of 44 characters as Fernet makes them, newest first."""

    @property
    def place(self) -> str:
        """Where that is, in words, for a message."""

    @property
    def writable(self) -> bool:
        """Whether `write` can be used."""

    def read(self) -> tuple[str, ...]:
        """Give the keys; none where there is none yet."""

    def write(self, keys: Iterable[str]) -> None:
        """Keep these keys instead: all of them or, after a kill, those from before."""


@dataclass(frozen=True)
class Note:
    """What may be known of a row without a key. Instants are UTC, naive; nothing here may be secret."""

    status: str | None = None
    expires: datetime | None = None
    succeeded: datetime | None = None
    failed: datetime | None = None
    error: str | None = None


@dataclass(frozen=True)
class Row:
    """A row without its value."""

    participant: str
    kind: str
    name: str
    version: int
    note: Note


@dataclass(frozen=True)
class Entry:
    """A row with its decrypted value, which its `repr` leaves out."""

    row: Row
    value: Value = field(repr=False)

    @property
    def version(self) -> int:
        """What to give as `compare_version` when it is written back."""
        return self.row.version

    @property
    def note(self) -> Note:
        """The state of the row."""
        return self.row.note


@dataclass(frozen=True)
class Vault:
    """A vault file and where its keys are. Cheap to make, holds nothing open, safe in many processes."""

    path: Path
    source: KeySource = field(repr=False)

    def read(self, participant: str, kind: str, name: str) -> Entry | None:
        """Read and decrypt one row; None where there is none.

        Raises
        ------
        WrongKeyError
            If no key at hand opens the vault.
        VaultError
            If the file cannot be used, or the row was tampered with.
        """
        who = (participant, kind, name)
        with self.look() as db:
            found = None if db is None else db.execute(f"{ROWS} {IS_ROW}", who).fetchone()
            if db is None or found is None:
                return None
            (token,) = db.execute(f"select value from entry {IS_ROW}", who).fetchone()  # noqa: S608
            return Entry(as_row(found), unseal(self.cipher(db), token, who, self.path))

    def write(
        self,
        participant: str,
        kind: str,
        name: str,
        value: Mapping[str, Any],
        *,
        compare_version: int,
        note: Note | None = None,
    ) -> int:
        """Encrypt and write one row if it is still at `compare_version` (0: not there); gives its new version.

        The first write of all makes the file, and the key where its source can keep one. What is
        written is on the disk when this returns.

        Raises
        ------
        ChangedMeanwhileError
            If another process wrote or deleted the row.
        WrongKeyError, VaultError
            As for `read`.
        """
        who = (participant, kind, name)
        with self.change() as db:
            cipher = self.cipher(db)
            check_version(db, who, compare_version)
            version = next_version(db)
            columns = (*who, version, seal(cipher, who, value), *as_columns(note or Note(), value))
            db.execute(PUT, columns)
            return version

    def mark(self, participant: str, kind: str, name: str, note: Note, *, compare_version: int) -> int:
        """Write the note of a row and leave its value; needs no key. Gives the new version.

        Raises
        ------
        ChangedMeanwhileError
            If another process wrote or deleted the row.
        """
        who = (participant, kind, name)
        with self.change() as db:
            check_version(db, who, compare_version)
            version = next_version(db)
            db.execute(PUT_NOTE, (version, *as_columns(note), *who))
            return version

    def check(self) -> None:
        """Check that the keys at hand open the vault; one that was never written to is well.

        Raises
        ------
        WrongKeyError, VaultError
            As for `read`.
        """
        with self.look() as db:
            if db is not None and db.execute("select count(*) from vault").fetchone() != (0,):
                self.cipher(db)

    def delete(self, participant: str, kind: str, name: str) -> bool:
        """Delete one row, so that no byte of it is left in the file; says whether there was one."""
        return self.erase(IS_ROW, (participant, kind, name)) > 0

    def delete_participant(self, participant: str) -> int:
        """Delete every row of a person, so that no byte of them is left in the file; counts the rows."""
        return self.erase("where participant = ?", (participant,))

    def list_participant(self, participant: str) -> list[Row]:
        """List the rows of a person, without their values; needs no key."""
        return self.list_rows("where participant = ?", (participant,))

    def list_kind(self, kind: str) -> list[Row]:
        """List the rows of a kind, without their values; needs no key."""
        return self.list_rows("where kind = ?", (kind,))

    def list_all(self) -> list[Row]:
        """List all rows, without their values; needs no key."""
        return self.list_rows("", ())

    def rotate(self) -> int:
        """Encrypt every row with a new key and drop the old ones; counts the rows.

        The new key is kept before it is used, the old ones until every row is written: a kill at any
        moment leaves every row readable, and the next rotation goes on. Where keys cannot be written
        (the environment), the new key is the first of those given.

        Raises
        ------
        VaultError
            If keys cannot be written there and only one is given.
        """
        with self.hold("rotation"):
            with self.change() as db:
                self.cipher(db)
                keys = self.source.read()
            if self.source.writable:
                keys = (make_key(), *keys)
                self.source.write(keys)
            elif len(keys) < 2:
                raise VaultError(
                    f"The key is in {self.source.place}, which this command cannot write: put a new key before"
                    " the old one there, with a comma between ('steadyline vault key' makes one), and rotate."
                )
            count = self.encrypt_anew(make_cipher(keys, self.source.place))
            if self.source.writable:
                self.source.write(keys[:1])
            return count

    def encrypt_anew(self, cipher: MultiFernet) -> int:
        """Encrypt the proof and all rows with the first key, in one transaction; counts the rows."""
        with self.change() as db:
            (proof,) = db.execute("select proof from vault").fetchone()
            db.execute("update vault set proof = ?", (cipher.rotate(proof),))
            numbers = db.execute("select rowid from entry").fetchall()
            for number in numbers:
                (token,) = db.execute("select value from entry where rowid = ?", number).fetchone()
                db.execute("update entry set value = ? where rowid = ?", (cipher.rotate(token), *number))
            return len(numbers)

    @contextmanager
    def hold(self, what: str, *, wait_s: float = 60.0) -> Iterator[None]:
        """Hold the lock `what` (such as 'queue', 'token-oura') against all other processes and threads.

        For work that spans several calls, such as refreshing a token. A process that dies lets go.

        Raises
        ------
        VaultError
            If another process still holds it after `wait_s`.
        """
        with hold_lock(self.path, what, wait_s):
            yield

    def cipher(self, db: sqlite3.Connection) -> MultiFernet:
        """The keys at hand, once they have proved that they open this vault; made at its first use."""
        found = db.execute("select proof from vault").fetchone()
        keys = self.source.read()
        if found is None and not keys and self.source.writable:
            keys = (make_key(),)
            self.source.write(keys)
        if not keys:
            raise WrongKeyError(
                f"There is no key for {self.path} in {self.source.place}: put back the key that it was"
                " made with, or delete the file and enter the addresses and connections again."
            )
        cipher = make_cipher(keys, self.source.place)
        if found is None:
            db.execute("insert into vault values (1, ?, 0)", (cipher.encrypt(PROOF),))
        elif not opens(cipher, found[0]):
            raise WrongKeyError(
                f"The key in {self.source.place} does not open {self.path}: put back the key that it was"
                " made with, or delete the file and enter the addresses and connections again."
            )
        return cipher

    @contextmanager
    def look(self) -> Iterator[sqlite3.Connection | None]:
        """A transaction that reads; None where there is no vault yet."""
        if not self.path.exists():
            yield None
            return
        with transact(self.path, "deferred") as db:
            yield db

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A transaction that alone may write."""
        with transact(self.path, "immediate") as db:
            yield db

    def list_rows(self, where: str, values: tuple[str, ...]) -> list[Row]:
        """List rows without their values, in order."""
        with self.look() as db:
            sql = f"{ROWS} {where} order by participant, kind, name"
            return [] if db is None else [as_row(found) for found in db.execute(sql, values).fetchall()]

    def erase(self, where: str, values: tuple[str, ...]) -> int:
        """Delete rows and write the file anew; needs no key, so that it works where the key is lost."""
        if not self.path.exists():
            return 0
        with self.change() as db:
            count = db.execute(f"delete from entry {where}", values).rowcount  # noqa: S608
        if count:
            with explained(self.path), closing(connect(self.path)) as db:
                db.execute("vacuum")
        return count


def open_vault(path: Path, source: KeySource) -> Vault:
    """Open the vault at `path`, whose keys are in `source`; nothing is made before the first write."""
    return Vault(path, source)


def make_key() -> str:
    """Make a new key."""
    return Fernet.generate_key().decode()


def make_cipher(keys: Iterable[str], place: str) -> MultiFernet:
    """Encrypt with the first key, decrypt with any.

    Raises
    ------
    VaultError
        If one is no key; the sentence does not show it.
    """
    made = [as_fernet(key) for key in keys]
    known = [fernet for fernet in made if fernet is not None]
    if len(known) < len(made):
        raise VaultError(
            f"What is in {place} is not a key of a vault, which has 44 characters:"
            " 'steadyline vault key' makes one."
        )
    return MultiFernet(known)


def as_fernet(key: str) -> Fernet | None:
    """A key, or None where the text is none: the error of the library may show it."""
    try:
        return Fernet(key)
    except ValueError:
        return None


def opens(cipher: MultiFernet, proof: bytes) -> bool:
    """Whether any of the keys wrote the proof."""
    try:
        return cipher.decrypt(proof) == PROOF
    except InvalidToken:
        return False


def seal(cipher: MultiFernet, who: tuple[str, str, str], value: Mapping[str, Any]) -> bytes:
    """Encrypt a value together with the name of its row."""
    return cipher.encrypt(json.dumps([*who, dict(value)], ensure_ascii=False).encode())


def unseal(cipher: MultiFernet, token: bytes, who: tuple[str, str, str], path: Path) -> Value:
    """Decrypt a value, and check that it was written for this row."""
    try:
        *written_for, value = json.loads(cipher.decrypt(token))
    except InvalidToken:
        written_for = []
    if tuple(written_for) != who:
        raise VaultError(
            f"A row of kind '{who[1]}' in {path} was changed by something else than Steadyline:"
            " delete it and enter it again."
        )
    return dict(value)


def check_version(db: sqlite3.Connection, who: tuple[str, str, str], compare_version: int) -> None:
    """Check that a row is where the caller thinks it is; 0 where there is none."""
    found = db.execute(f"select version from entry {IS_ROW}", who).fetchone()  # noqa: S608
    if (found[0] if found else 0) != compare_version:
        raise ChangedMeanwhileError(
            f"A row of kind '{who[1]}' changed meanwhile: run the same command again."
        )


def next_version(db: sqlite3.Connection) -> int:
    """A version that no row ever had."""
    db.execute("update vault set writes = writes + 1")
    (version,) = db.execute("select writes from vault").fetchone()
    return int(version)


def as_row(found: tuple[Any, ...]) -> Row:
    """A row as it was read from the table."""
    participant, kind, name, version, status, *instants, error = found
    expires, succeeded, failed = (None if text is None else datetime.fromisoformat(text) for text in instants)
    return Row(participant, kind, name, version, Note(status, expires, succeeded, failed, error))


def as_columns(note: Note, value: Mapping[str, Any] | None = None) -> tuple[str | None, ...]:
    """A note as it is stored; an error is one short line without any text of the value."""
    error = note.error
    for text in texts_in(value or {}):
        error = error and error.replace(text, "…")
    instants = (None if i is None else i.isoformat() for i in (note.expires, note.succeeded, note.failed))
    return (note.status, *instants, " ".join(error.split())[:ERROR_CHARACTERS] if error else None)


def texts_in(value: object) -> Iterator[str]:
    """Every text of four characters or more in a JSON value."""
    if isinstance(value, str) and len(value) >= 4:
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from texts_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts_in(part)
