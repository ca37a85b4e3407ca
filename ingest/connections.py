"""Connections: the tokens of a person at a provider, kept in the vault, refreshed by one process at a time.

A refresh token may serve once only. So a refresh happens under a lock and after a second look at what is
kept; what it gives is on the disk before it is used; and it is written only if the row is still as it was
read. One gap stays, since two machines cannot be changed at once: a process that is killed, or a machine
that loses power, after the provider took the old token and before the new one is on the disk has lost the
consent. A mark made before each refresh tells that case from a withdrawn consent (docs/operate.md).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from types import FrameType
from typing import Any, NoReturn

import httpx

from ingest.live import oauth
from ingest.live.client import LiveError, NeedsReconsentError, OfflineError, Outside, ProviderDownError
from ingest.live.oauth import App, Grant, plain
from ingest.live.providers import Provider
from ingest.vault import ChangedMeanwhileError, Entry, Note, Row, Vault

KIND = "token"
ACTIVE, NEEDS_RECONSENT = "active", "needs_reconsent"
EARLY = timedelta(seconds=60)
"""A token that ends so soon is not begun with."""
LOCK_S = 150.0
WRITES = 5
PUT_OFF = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INSTANTS = ("access_ends", "renewing", "not_before")
LOST = "A new token was lost on its way to the disk (docs/operate.md): the person connects the account again."


class NotConnectedError(LiveError):
    """There is no connection of this person to this provider, or no longer."""


@dataclass(frozen=True)
class Held:
    """What the vault keeps of a connection, encrypted. Instants are UTC, naive."""

    access: str | None = field(default=None, repr=False)
    access_ends: datetime | None = None
    refresh: str | None = field(default=None, repr=False)
    identity: str | None = None
    """The account's number at the provider."""
    scopes: tuple[str, ...] = ()
    """What was granted."""
    timezone: str | None = None
    """Where the person lives, to enrol them with the first pull."""
    reached: date | None = None
    """The last day of the last pull that ended well."""
    not_before: datetime | None = None
    """The provider asked not to be asked before this instant."""
    renewing: datetime | None = None
    """A refresh that serves once was begun then, and has not been heard of since."""


@dataclass(frozen=True)
class Connection:
    """What may be known of a connection without a key."""

    participant: str
    provider: str
    note: Note

    @property
    def needs_reconsent(self) -> bool:
        """Whether only the person can help."""
        return self.note.status == NEEDS_RECONSENT


def list_connections(vault: Vault, participant: str | None = None) -> list[Connection]:
    """List connections, of all people or of one; needs no key."""
    rows = vault.list_kind(KIND)
    return [
        Connection(row.participant, row.name, row.note)
        for row in rows
        if participant in (None, row.participant)
    ]


def read_held(vault: Vault, participant: str, provider: str) -> tuple[Held, Entry]:
    """Read a connection.

    Raises
    ------
    NotConnectedError
        If there is none.
    VaultError
        If the vault does not open.
    """
    entry = vault.read(participant, KIND, provider)
    if entry is None:
        raise NotConnectedError(
            f"{participant} is not connected to {provider}: 'steadyline connect {provider} --participant"
            f" {participant}'."
        )
    return as_held(entry.value), entry


def as_held(value: Mapping[str, Any]) -> Held:
    """What a row's value means; keys that are not known are left out."""
    known = {name.name: value[name.name] for name in fields(Held) if value.get(name.name) is not None}
    for name in INSTANTS:
        if name in known:
            known[name] = datetime.fromisoformat(known[name])
    if "reached" in known:
        known["reached"] = date.fromisoformat(known["reached"])
    return Held(**{**known, "scopes": tuple(known.get("scopes", ()))})


def as_value(held: Held) -> dict[str, Any]:
    """A connection as JSON keeps it."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(held).items()
        if value is not None
    }


def take(held: Held, grant: Grant) -> Held:
    """What is kept after the provider gave tokens."""
    return replace(
        held,
        access=grant.access,
        access_ends=grant.access_ends,
        refresh=grant.refresh or held.refresh,
        scopes=grant.scopes if grant.scopes is not None else held.scopes,
        renewing=None,
    )


def hold_provider(vault: Vault, provider: str) -> AbstractContextManager[None]:
    """The lock under which tokens of a provider change."""
    return vault.hold(f"token-{provider}", wait_s=LOCK_S)


def change(
    vault: Vault, participant: str, provider: str, alter: Callable[[Held, Note], tuple[Held, Note]]
) -> None:
    """Change what is kept of a connection, whatever others change meanwhile; nothing where it is gone."""
    with hold_provider(vault, provider):
        for _ in range(WRITES):
            entry = vault.read(participant, KIND, provider)
            if entry is None:
                return
            held, note = alter(as_held(entry.value), entry.note)
            try:
                vault.write(
                    participant, KIND, provider, as_value(held), compare_version=entry.version, note=note
                )
            except ChangedMeanwhileError:
                continue
            return
    raise ChangedMeanwhileError(f"The connection to {provider} keeps changing: run the same command again.")


def note_success(vault: Vault, participant: str, provider: str, now: datetime, last_day: date) -> None:
    """Note that all days up to `last_day` were asked for."""

    def alter(held: Held, note: Note) -> tuple[Held, Note]:
        reached = last_day if held.reached is None else max(held.reached, last_day)
        kept = replace(held, reached=reached, not_before=None)
        return kept, Note(ACTIVE, expires=note.expires, succeeded=plain_or(now))

    change(vault, participant, provider, alter)


def note_trouble(
    vault: Vault,
    participant: str,
    provider: str,
    now: datetime,
    why: str,
    *,
    needs_reconsent: bool = False,
    not_before: datetime | None = None,
) -> None:
    """Note what kept a pull from ending well."""

    def alter(held: Held, note: Note) -> tuple[Held, Note]:
        status = NEEDS_RECONSENT if needs_reconsent else note.status
        until = held.not_before if not_before is None else plain_or(not_before)
        return replace(held, not_before=until), replace(note, status=status, failed=plain_or(now), error=why)

    change(vault, participant, provider, alter)


def plain_or(moment: datetime) -> datetime:
    """An instant as the vault keeps it, also one that is naive already."""
    return plain(moment) if moment.tzinfo else moment.replace(microsecond=0)


# --- tokens for a client -----------------------------------------------------------------------


@dataclass
class StoredTokens:
    """The tokens of one person at one provider (`ingest.live.tokens.Tokens`), for as many processes as like."""

    vault: Vault
    provider: Provider
    app: App
    participant: str
    outside: Outside = field(repr=False)
    http: httpx.Client = field(repr=False)
    conceal: Callable[[str], None] = field(default=lambda _: None, repr=False)
    """Told every secret that is about to be used, once, so that a log can be kept free of it."""
    concealed: set[str] = field(default_factory=set, repr=False)

    def get(self) -> str:
        """Give an access token that is good as far as is known; a new one if the last has expired."""
        held, _ = read_held(self.vault, self.participant, self.provider.name)
        return self.shown(held) if self.is_good(held) else self.refresh(held.access or "")

    def refresh(self, stale: str) -> str:
        """Give another access token than `stale`; one that another process got meanwhile, where there is one."""
        with hold_provider(self.vault, self.provider.name):
            held, entry = read_held(self.vault, self.participant, self.provider.name)
            if held.access != stale and self.is_good(held):
                return self.shown(held)
            if held.refresh is None:
                self.give_up(entry, f"{self.provider.label} refuses the token: the person connects again.")
            return self.renew(held, entry)

    def is_good(self, held: Held) -> bool:
        """Whether the access token can be used; one without a refresh token is used until it is refused."""
        if held.access is None:
            return False
        if not self.provider.refreshes or held.access_ends is None:
            return True
        return held.access_ends > plain(self.outside.now()) + EARLY

    def shown(self, held: Held) -> str:
        """The access token, once logs are told to conceal it."""
        self.hide(held.access, held.refresh)
        return held.access or ""

    def hide(self, *secrets: str | None) -> None:
        """Have secrets concealed that were not yet."""
        for secret in secrets:
            if secret and secret not in self.concealed:
                self.conceal(secret)
                self.concealed.add(secret)

    def renew(self, held: Held, entry: Entry) -> str:
        """Get new tokens and keep them; the lock is held."""
        used = held.refresh or ""
        self.hide(used)
        lost_before = held.renewing is not None
        if self.provider.rotates and not lost_before:
            held = replace(held, renewing=plain(self.outside.now()))
            entry = self.put(held, entry, entry.note)
        trouble: LiveError
        with unhurried():
            try:
                grant = oauth.renew(self.provider, self.app, self.http, self.outside, used)
            except LiveError as error:
                trouble = error
            else:
                self.hide(grant.access, grant.refresh)
                kept = take(held, grant)
                ends = grant.consent_ends or entry.note.expires
                self.put(kept, entry, replace(entry.note, status=ACTIVE, expires=ends))
                return self.shown(kept)
        if isinstance(trouble, NeedsReconsentError):
            self.give_up(entry, LOST if lost_before else str(trouble))
        if held.renewing is not None and not lost_before and was_not_heard(trouble):
            self.put(replace(held, renewing=None), entry, entry.note)
        raise trouble

    def put(self, held: Held, entry: Entry, note: Note) -> Entry:
        """Write what is kept; the tokens just given are not put over a newer consent, nor where it was ended."""
        who = (self.participant, KIND, self.provider.name)
        used = as_held(entry.value).refresh
        for _ in range(WRITES):
            try:
                version = self.vault.write(*who, as_value(held), compare_version=entry.version, note=note)
            except ChangedMeanwhileError:
                found = self.vault.read(*who)
                if found is None or as_held(found.value).refresh != used:
                    self.drop(held, used, ended=found is None)
                    break
                entry = found
            else:
                return Entry(Row(*who, version, note), as_value(held))
        raise NotConnectedError(
            f"The connection of {self.participant} to {self.provider.label} was ended or made anew meanwhile."
        )

    def drop(self, held: Held, used: str | None, *, ended: bool) -> None:
        """Take back tokens that came after the connection was ended; tokens of a newer consent are left alone."""
        if ended and held.refresh is not None and held.refresh != used:
            token = oauth.choose_token(self.provider, held.access or "", held.refresh)
            oauth.revoke(self.provider, self.http, token, held.identity)

    def give_up(self, entry: Entry, why: str) -> NoReturn:
        """Note that only the person can help, and say so."""
        note = replace(entry.note, status=NEEDS_RECONSENT, failed=plain(self.outside.now()), error=why)
        self.put(replace(as_held(entry.value), access=None, renewing=None), entry, note)
        raise NeedsReconsentError(why)


def was_not_heard(trouble: LiveError) -> bool:
    """Whether a refresh that came to nothing surely left the old token as it was."""
    return isinstance(trouble, OfflineError) or not isinstance(trouble, ProviderDownError)


@contextmanager
def unhurried() -> Iterator[None]:
    """Put off being asked to end (Ctrl-C, SIGTERM, SIGHUP) for a moment; a second time is heard at once.

    What was put off comes when the block is done. SIGKILL and power cannot be put off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    handlers = {int(number): signal.getsignal(number) for number in PUT_OFF}
    before = {number: one for number, one in handlers.items() if one not in (None, signal.SIG_IGN)}

    def later(number: int, _: FrameType | None) -> None:
        asked.append(number)
        put_back()

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, later)
    try:
        yield
    finally:
        put_back()
        for number in asked[:1]:
            signal.raise_signal(number)
