"""The post: weekly mails, queued in the vault before they are tried, and kept until a server took them.

A mail is sent at most once as far as anyone can tell: where the server took it and this process died
before it could note so, it goes again, with the same Message-ID. One run sends at a time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from cli.keys import open_store
from cli.settings import Settings
from cli.smtp import Answer, Connection, Server, connect, explain, give, hang_up, read_server
from ingest.vault import ChangedMeanwhileError, Note, Row, Vault
from reports.mail import Mail, build_message, check_address, write_mail
from reports.read import WeekPage, read_week_pages
from reports.week import monday_of
from reports.wishes import choose_language, why_no_page
from warehouse.consent import list_refused
from warehouse.errors import ExplainedError
from warehouse.preferences import read_preferences
from warehouse.status import list_participants
from warehouse.store import open_warehouse, warehouse_exists

INSTALLATION = ""
"""Whose rows are nobody's: the secret that names mails, the mail server's password."""
LATEST_DAYS = 14
"""A week that ended longer ago is not mailed unless it is asked for: its page is there."""
MOST_REFUSALS = 3
MOST_LOST = 3
FIRST_WAIT = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=24)


class PostError(ExplainedError):
    """Mails could not be sent; they wait."""


@dataclass(frozen=True)
class Posted:
    """What a run did: mails sent, mails that wait, who was refused for good just now, who has no address."""

    sent: int = 0
    waiting: int = 0
    refused: tuple[str, ...] = ()
    no_address: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def told(self) -> list[str]:
        """What an operator reads of it: first the counts, then what to do."""
        told = [f"mails: {self.sent} sent, {self.waiting} waiting"]
        told += [
            f"{who}: the mail server refuses the address for good; give another with"
            f" 'steadyline address --participant {who}'"
            for who in self.refused
        ]
        told += [
            f"{who} asked for mails, and has no address: 'steadyline address --participant {who}'"
            for who in self.no_address
        ]
        if self.problem:
            told.append(f"{self.problem}; the next run tries again")
        return told


@dataclass(frozen=True)
class Wanted:
    """Whom mails are for, by participant: their settings, and the pages to send them."""

    settings: dict[str, dict[str, str]]
    pages: dict[str, WeekPage]


def post_weeks(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    before: date,
    now: datetime,
    participants: Sequence[str] | None = None,
    of: date | None = None,
    out: Path | None = None,
    wait_s: float = 60.0,
) -> Posted:
    """Queue the mail of each page whose person wants it, and send all that wait and are due.

    A mail goes to who set mail to yes, has an address, allows mails and pages, is not paused and not under
    18. A week is mailed once; a page that changes before that changes its mail. The mails of who no longer
    wants any are taken out of the queue.

    Raises
    ------
    PostError
        If the server cannot be used: the mails wait.
    VaultError
        If the vault does not open, or another run is sending.
    """
    if not warehouse_exists(settings.warehouse):
        return Posted()
    if (
        not settings.vault.exists()
        and not read_wanted(settings, participants, before, of, wait_s)[1].settings
    ):
        return Posted()
    vault = open_store(settings, environ)
    with vault.hold("queue", wait_s=wait_s):
        # Read inside: who takes a consent back takes their mails out of the queue while no run is at work.
        people, wanted = read_wanted(settings, participants, before, of, wait_s)
        reached = {row.participant for row in vault.list_kind("mail")} & set(wanted.settings)
        drop_unwanted(vault, set(people) - reached)
        for who in sorted(reached & set(wanted.pages)):
            queue_week(vault, who, wanted, out or settings.reports, now)
        posted = send_waiting(vault, environ, reached, now)
    return replace(posted, no_address=tuple(sorted(set(wanted.settings) - reached)))


def read_wanted(
    settings: Settings, participants: Sequence[str] | None, before: date, of: date | None, wait_s: float
) -> tuple[list[str], Wanted]:
    """Read who is looked at in this run, and of those, who wants mails and what page is theirs."""
    last = monday_of(before) - timedelta(days=7)
    first = monday_of(before) - timedelta(days=LATEST_DAYS)
    if of is not None:
        first = last = monday_of(of)
    everyone = list_participants(settings.warehouse, wait_s=wait_s)
    people = everyone if participants is None else list(participants)
    with open_warehouse(settings.warehouse, read_only=True, wait_s=wait_s) as con:
        no_mails, no_pages = (set(list_refused(con, purpose)) for purpose in ("mail", "pages"))
        asked = {
            who: held
            for who, held in read_preferences(con, people).items()
            if held.get("mail") == "yes"
            and who not in no_mails
            and why_no_page(held, allowed=who not in no_pages) is None
        }
        pages = read_week_pages(con, list(asked), first, last)
    return people, Wanted(asked, pages)


def drop_unwanted(vault: Vault, people: Iterable[str]) -> None:
    """Take mails out of the queue that wait for people who want none; what was sent stays noted."""
    gone = set(people)
    for row in vault.list_kind("queue"):
        if row.participant in gone and row.note.status != "sent":
            vault.delete(row.participant, row.kind, row.name)


def stop_mails(vault: Vault, who: str, *, wait_s: float = 60.0) -> None:
    """Delete the mails that wait for a person, those too that a run under way has queued since.

    Raises
    ------
    VaultError
        If another run is still sending after `wait_s`: one that it queued meanwhile may go out.
    """
    drop_unwanted(vault, [who])
    with vault.hold("queue", wait_s=wait_s):
        drop_unwanted(vault, [who])


def queue_week(vault: Vault, who: str, wanted: Wanted, reports_dir: Path, now: datetime) -> None:
    """Put the mail of a person's week into the queue, unless it is there or was sent."""
    page = wanted.pages[who]
    entry = vault.read(who, "queue", page.iso_week)
    if entry is not None and (entry.note.status == "sent" or entry.value["page"] == page.sha256):
        return
    path = reports_dir / page.path
    html = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(html).hexdigest() != page.sha256:
        # Another run is writing it, or it was removed: the next run writes it, and queues it.
        return
    language = choose_language(wanted.settings[who])
    name = mail_name(vault, who, page.iso_week)
    mail = write_mail(html.decode(), page.monday, language, name=name, written=now)
    value: dict[str, Any] = (
        {"refusals": 0, "tries": 0, "not_before": None} if entry is None else dict(entry.value)
    )
    value |= {"page": page.sha256, "mail": asdict(mail) | {"written": now.isoformat()}}
    version, note = (0, Note("waiting")) if entry is None else (entry.version, entry.note)
    vault.write(who, "queue", page.iso_week, value, compare_version=version, note=note)
    if not any(row.kind == "mail" for row in vault.list_participant(who)):
        # Erased since this run began: whoever is erased after this line takes the mail along.
        vault.delete(who, "queue", page.iso_week)


def mail_name(vault: Vault, who: str, iso_week: str) -> str:
    """What a mail's Message-ID begins with: always the same for a week, and no way back to the pseudonym.

    A plain hash of the pseudonym would be one: pseudonyms are few, and a mail server knows the address.
    """
    entry = vault.read(INSTALLATION, "secret", "mail-names")
    if entry is None:
        secret = secrets.token_hex(32)
        vault.write(INSTALLATION, "secret", "mail-names", {"secret": secret}, compare_version=0)
    else:
        secret = entry.value["secret"]
    return hmac.new(bytes.fromhex(secret), f"{who}\0{iso_week}".encode(), "sha256").hexdigest()[:32]


def send_waiting(vault: Vault, environ: Mapping[str, str], people: set[str], now: datetime) -> Posted:
    """Send the mails of these people that wait and are due."""
    rows = [r for r in vault.list_kind("queue") if r.participant in people and r.note.status == "waiting"]
    if not rows:
        return Posted()
    server = find_server(vault, environ)
    if server is None:
        return Posted(waiting=len(rows), problem="no mail server is set (STEADYLINE_SMTP_HOST)")
    results: list[str] = []
    problem = None
    for row, answer in deliver(vault, server, rows, now):
        results.append(note_answer(vault, row, answer, now))
        if answer is not None and answer.result == "down":
            problem = f"the mail server {server.place} cannot be used ({answer.code})"
    refused = tuple(row.participant for row, result in zip(rows, results, strict=True) if result == "refused")
    return Posted(results.count("sent"), results.count("waiting"), refused, problem=problem)


def find_server(vault: Vault, environ: Mapping[str, str]) -> Server | None:
    """The mail server as the environment has it, with the password from the vault where that has it."""
    entry = vault.read(INSTALLATION, "secret", "smtp-password")
    return read_server(environ, None if entry is None else entry.value["password"])


def deliver(
    vault: Vault, server: Server, rows: Sequence[Row], now: datetime
) -> Iterator[tuple[Row, Answer | None]]:
    """Hand over one mail after the other on one connection; no answer where one is not due, or gone by now.

    A connection that breaks is opened again. Once none can be had, or three in a row broke, no more is
    tried in this run.
    """
    smtp: Connection | None = None
    down: Answer | None = None
    lost = 0
    try:
        for row in rows:
            letter = prepare(vault, server, row, now)
            if letter is None:
                yield row, None
                continue
            line = down or open_line(server, smtp)
            if isinstance(line, Answer):
                answer = line
            else:
                smtp = line
                answer = give(smtp, *letter)
            lost = lost + 1 if answer.result == "lost" else 0
            if answer.result == "down" or lost == MOST_LOST:
                down = Answer("down", answer.code)
            yield row, answer
    finally:
        hang_up(smtp)


def open_line(server: Server, smtp: Connection | None) -> Connection | Answer:
    """The connection if it is still open, else a new one, else why there is none."""
    if smtp is not None and smtp.sock is not None:
        return smtp
    try:
        return connect(server)
    except OSError as error:
        return Answer("down", explain(error))


def prepare(vault: Vault, server: Server, row: Row, now: datetime) -> tuple[EmailMessage, str, str] | None:
    """The message with sender and recipient, read at the last moment; None if it is not due, or gone."""
    entry = vault.read(row.participant, "queue", row.name)
    address = vault.read(row.participant, "mail", "address")
    if entry is None or address is None or entry.version != row.version:
        return None
    wait_until = entry.value["not_before"]
    if wait_until is not None and datetime.fromisoformat(wait_until) > now:
        return None
    kept = entry.value["mail"]
    mail = Mail(**{**kept, "written": datetime.fromisoformat(kept["written"])})
    to = address.value["address"]
    return build_message(mail, sender=server.sender, to=to), server.sender.addr_spec, to


def note_answer(vault: Vault, row: Row, answer: Answer | None, now: datetime) -> str:
    """Note what became of a mail; says what it is now: sent, waiting, refused, or gone (erased meanwhile)."""
    who = (row.participant, row.kind, row.name)
    entry = vault.read(*who)
    if entry is None or entry.version != row.version:
        return "gone"
    if answer is None:
        return "waiting"
    value, note = after(entry.value, answer, now)
    try:
        vault.write(*who, value, compare_version=row.version, note=note)
    except ChangedMeanwhileError:
        return "gone"
    return note.status or "waiting"


def after(value: dict[str, Any], answer: Answer, now: datetime) -> tuple[dict[str, Any], Note]:
    """What the queue keeps of a mail after an answer: nothing of it once it was sent."""
    if answer.result == "sent":
        return {}, Note("sent", succeeded=now)
    if answer.result == "down":
        # Not this mail's doing: the next run tries it at once.
        return value, Note("waiting", failed=now, error=answer.code)
    tries = value["tries"] + 1
    refusals = value["refusals"] + (answer.result == "never")
    wait = min(FIRST_WAIT * 4 ** min(tries - 1, 6), LONGEST_WAIT)
    status = "refused" if refusals >= MOST_REFUSALS else "waiting"
    kept = value | {"tries": tries, "refusals": refusals, "not_before": (now + wait).isoformat()}
    return kept, Note(status, failed=now, error=answer.code)


def retry_refused(vault: Vault, who: str) -> None:
    """Let mails wait again that an earlier address could not take."""
    for row in vault.list_participant(who):
        entry = vault.read(who, "queue", row.name) if row.kind == "queue" else None
        if entry is not None and entry.note.status in ("refused", "waiting"):
            value = entry.value | {"tries": 0, "refusals": 0, "not_before": None}
            vault.write(who, "queue", row.name, value, compare_version=entry.version, note=Note("waiting"))


def keep_address(vault: Vault, who: str, address: str, *, wait_s: float = 60.0) -> None:
    """Keep a person's address; mails that waited, or that an earlier address refused, are tried anew.

    Raises
    ------
    AddressError
        If it is none.
    """
    checked = check_address(address)
    # No run is sending meanwhile: what it sends must not be let wait again.
    with vault.hold("queue", wait_s=wait_s):
        put(vault, (who, "mail", "address"), {"address": checked})
        retry_refused(vault, who)


def forget_address(vault: Vault, who: str, *, wait_s: float = 60.0) -> bool:
    """Forget a person's address, and the mails that wait; says whether there was one."""
    with vault.hold("queue", wait_s=wait_s):
        drop_unwanted(vault, [who])
        return vault.delete(who, "mail", "address")


def keep_password(vault: Vault, password: str) -> None:
    """Keep the mail server's password."""
    put(vault, (INSTALLATION, "secret", "smtp-password"), {"password": password})


def put(vault: Vault, row: tuple[str, str, str], value: Mapping[str, str]) -> None:
    """Write a row whatever it held."""
    entry = vault.read(*row)
    vault.write(*row, value, compare_version=0 if entry is None else entry.version)
