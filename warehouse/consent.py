"""Consent: which use of their data each person allows, as they said it, and what has left since.

`meta.consent` is what was said, numbered a person and purpose; the last statement holds. Every reader
asks `allowed_sql`, inside the transaction in which it reads the rows, and whatever leaves is handed over
with `releasing`, which asks again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

from warehouse.errors import ExplainedError
from warehouse.sql import quote, scalar
from warehouse.store import Connection, open_warehouse

VERSION = "1"
"""Of the text below. With a new one, who allowed research or raw before says so again, or it no longer holds."""


class ConsentError(ExplainedError):
    """A purpose that there is not, or a person that there is not."""


class ConsentChangedError(ExplainedError):
    """Somebody took a consent back while their data was being written for others."""


@dataclass(frozen=True)
class Purpose:
    """One use of the data.

    `default`: what holds while nobody said anything. `versioned`: whether a statement holds only for the
    text that it was made of. `meaning`: what it means, what it does not, and how it is taken back.
    `ends`: when taking it back takes effect.
    """

    default: bool
    versioned: bool
    meaning: str
    ends: str


PURPOSES: Mapping[str, Purpose] = {
    "pages": Purpose(
        default=True,
        versioned=False,
        meaning="Steadyline writes your weekly page, months and sheet for you alone, on this machine; nobody else is"
        " sent them, and you can take this back at any time.",
        ends="at once: no page, months or sheet is written or shown, and no mail is sent; pages that are there stay"
        " where they are unless you ask for them to be deleted",
    ),
    "research": Purpose(
        default=False,
        versioned=True,
        meaning="Researchers may get the tables made from your data, under a pseudonym: features, the index, workouts,"
        " your devices and age band, and what you noted, such as therapy or travel; they never get your name, how you"
        " said you felt, your cycle or raw signals, and you can take this back at any time, though nobody can call"
        " back what they have by then.",
        ends="with the next publish and the next export, which leave you out",
    ),
    "raw": Purpose(
        default=False,
        versioned=True,
        meaning="Researchers may also get single heartbeats and signals minute by minute or finer, from which somebody"
        " could find out that they are yours; this counts only together with research, and you can take it back at"
        " any time, though nobody can call back what they have by then.",
        ends="with the next export, which leaves your raw signals out",
    ),
    "mail": Purpose(
        default=True,
        versioned=False,
        meaning="Your weekly page may be sent to the address you gave, if you also set mail to yes; nobody else is"
        " written to, and you can take this back at any time.",
        ends="at once: mails that wait are deleted, and none is sent",
    ),
}


@dataclass(frozen=True)
class Statement:
    """What a person said of a purpose: one row of `meta.consent`; the newest holds."""

    purpose: str
    number: int
    granted: bool
    version: str
    since_utc: datetime

    @property
    def is_outdated(self) -> bool:
        """Whether it allowed something under an older text, and has to be said again to hold."""
        return self.granted and PURPOSES[self.purpose].versioned and self.version != VERSION


@dataclass(frozen=True)
class Release:
    """What of a person has left for others: one row of `meta.released`."""

    way: str
    format: str
    deidentified: bool
    raw: bool
    times: int
    first_utc: datetime
    last_utc: datetime


def find_purpose(name: str) -> Purpose:
    """Find a purpose by its name.

    Raises
    ------
    ConsentError
        If there is none of that name.
    """
    if name not in PURPOSES:
        raise ConsentError(f"There is no purpose '{name[:40]}': there are {', '.join(PURPOSES)}.")
    return PURPOSES[name]


def allowed_sql(purpose: str) -> str:
    """Write the SELECT of the participants who allow a purpose now.

    Raises
    ------
    ConsentError
        If there is no such purpose.
    """
    asked = find_purpose(purpose)
    if asked.default:
        return f"select participant from meta.participant where participant not in ({refused_sql(purpose)})"
    sql = f"select participant from ({last_sql(purpose)}) where granted and version = {quote(VERSION)}"
    return f"{sql} and participant in ({allowed_sql('research')})" if purpose == "raw" else sql


def refused_sql(purpose: str) -> str:
    """Write the SELECT of the participants who said no to a purpose last."""
    return f"select participant from ({last_sql(purpose)}) where not granted"


def last_sql(purpose: str) -> str:
    """Write the SELECT of everybody's last statement on a purpose."""
    return (
        f"select * from meta.consent where purpose = {quote(purpose)}"
        " qualify number = max(number) over (partition by participant)"
    )


def is_allowed(con: Connection, participant: str, purpose: str) -> bool:
    """Whether a person allows a purpose now; nobody who is not here does."""
    sql = f"select 1 from ({allowed_sql(purpose)}) where participant = ?"
    return scalar(con, sql, [participant]) is not None


def list_allowed(con: Connection, purpose: str) -> list[str]:
    """List the participants who allow a purpose now, in order."""
    return [p for (p,) in con.execute(f"{allowed_sql(purpose)} order by 1").fetchall()]


def list_refused(con: Connection, purpose: str) -> list[str]:
    """List the participants who said no to a purpose last: what is on unless they do is off for them."""
    return [p for (p,) in con.execute(f"{refused_sql(purpose)} order by 1").fetchall()]


def read_statements(con: Connection, participant: str) -> dict[str, tuple[Statement, ...]]:
    """Read all that a person ever said, by purpose, in the order in which it was said."""
    rows = con.execute(
        "select purpose, number, granted, version, since_utc from meta.consent where participant = ?"
        " order by purpose, number",
        [participant],
    ).fetchall()
    said = [Statement(*row) for row in rows]
    return {name: tuple(one for one in said if one.purpose == name) for name in PURPOSES}


def read_last(con: Connection, purpose: str) -> dict[str, Statement]:
    """Read the last statement of everyone who said anything of a purpose."""
    rows = con.execute(
        "select participant, purpose, number, granted, version, since_utc"
        f" from ({last_sql(purpose)}) order by participant"
    ).fetchall()
    return {participant: Statement(*row) for participant, *row in rows}


def say(purpose: str, *, granted: bool, last: Statement | None, now: datetime) -> Statement | None:
    """The statement that follows the last one; None where that holds and says the same.

    Raises
    ------
    ConsentError
        If there is no such purpose.
    """
    find_purpose(purpose)
    if last is not None and last.granted == granted and not last.is_outdated:
        return None
    return Statement(purpose, 1 if last is None else last.number + 1, granted, VERSION, now)


def write_consent(
    url: str | Path,
    participant: str,
    purpose: str,
    granted: bool,  # noqa: FBT001 - what was said, after of what
    *,
    now: datetime,
    wait_s: float = 60.0,
) -> bool:
    """Write what a person said of one purpose; says whether it was new (`write_consents`)."""
    return bool(write_consents(url, participant, {purpose: granted}, now=now, wait_s=wait_s))


def write_consents(
    url: str | Path, participant: str, said: Mapping[str, bool], *, now: datetime, wait_s: float = 60.0
) -> list[str]:
    """Write what a person said, all or nothing; names the purposes of which anything new was said.

    What holds already is not written again. Who takes research back takes raw back, so that to allow
    research again one day does not allow raw too.

    Raises
    ------
    ConsentError
        If there is no such purpose, or no such person.
    WarehouseError
        If the warehouse stays held by another process.
    """
    for purpose in said:
        find_purpose(purpose)
    with open_warehouse(url, wait_s=wait_s) as con:
        con.begin()
        try:
            check_person(con, participant)
            held = {name: every[-1] for name, every in read_statements(con, participant).items() if every}
            if said.get("research") is False and "raw" in held:
                said = {"raw": False, **said}
            steps = [say(name, granted=yes, last=held.get(name), now=now) for name, yes in said.items()]
            new = [step for step in steps if step is not None]
            for step in new:
                row = [participant, *astuple(step)]
                con.execute("insert into meta.consent values (?, ?, ?, ?, ?, ?)", row)
            con.commit()
        except BaseException:
            con.rollback()
            raise
    return [step.purpose for step in new]


def check_person(con: Connection, participant: str) -> None:
    """Refuse a person who is not here.

    Raises
    ------
    ConsentError
        If there is no such person.
    """
    if scalar(con, "select 1 from meta.participant where participant = ?", [participant]) is None:
        raise ConsentError(f"There is no participant {participant}: 'steadyline status' lists them.")


def still_allowed(
    url: str | Path, participants: Collection[str], purpose: str, *, wait_s: float = 60.0
) -> None:
    """Check that these people allow a purpose still.

    Raises
    ------
    ConsentChangedError
        If one of them does not.
    """
    with open_warehouse(url, read_only=True, wait_s=wait_s) as con:
        check_allowed(con, participants, purpose)


def check_allowed(con: Connection, participants: Collection[str], purpose: str) -> None:
    """Check the same in an open warehouse.

    Raises
    ------
    ConsentChangedError
        If one of them does not allow it.
    """
    gone = sorted(set(participants) - set(list_allowed(con, purpose)))
    if gone:
        raise ConsentChangedError(
            f"{', '.join(gone)} took the consent to {purpose} back while this was being written: nothing has"
            " left; run the same command again, and it goes without them."
        )


@contextmanager
def releasing(  # noqa: PLR0913 - who, what and when: each is a column of the note
    url: str | Path,
    participants: Collection[str],
    *,
    way: str,
    format: str,  # noqa: A002 - the column's name
    raw: Collection[str] = (),
    deidentified: bool = False,
    own: bool = False,
    now: datetime,
    wait_s: float = 60.0,
) -> Iterator[None]:
    """Hold the warehouse while what was written of these people is moved to where others find it.

    Inside, no other process can take a consent back before the move is done (of a lake, this is only the
    last look). The release is noted before the move, since a kill between the two had better leave a note
    too many than one too few.

    Parameters
    ----------
    participants
        Whose data it is: asked once more whether they allow research.
    raw
        Those of them of whom raw signals are in it: asked whether they allow that.
    own
        Whether they hand it over themselves: then they are not asked, and it is noted all the same.

    Raises
    ------
    ConsentError
        If one who hands it over is not here any more: the move is not made.
    ConsentChangedError
        If one of them took it back since their rows were read: the move is not made.
    WarehouseError
        If the warehouse stays held by another process.
    """
    with open_warehouse(url, wait_s=wait_s) as con:
        con.begin()
        try:
            if own:
                for participant in sorted(participants):
                    check_person(con, participant)  # who was erased meanwhile is handed over by nobody
            else:
                check_allowed(con, participants, "research")
                check_allowed(con, raw, "raw")
            for is_raw, people in ((False, set(participants) - set(raw)), (True, set(raw))):
                note_release(
                    con, people, way=way, format=format, deidentified=deidentified, raw=is_raw, now=now
                )
            con.commit()
        except BaseException:
            con.rollback()
            raise
        yield


def note_release(
    con: Connection,
    participants: Collection[str],
    *,
    way: str,
    format: str,  # noqa: A002 - the column's name
    deidentified: bool = False,
    raw: bool = False,
    now: datetime,
) -> None:
    """Note that data of these people leaves now, in the caller's transaction."""
    what = [way, format, deidentified, raw]
    people = sorted(participants)
    con.execute(
        "update meta.released set times = times + 1, last_utc = ? where participant in ("
        "select unnest(?::varchar[])) and way = ? and format = ? and deidentified = ? and raw = ?",
        [now, people, *what],
    )
    con.execute(
        "insert into meta.released select distinct p, ?, ?, ?, ?, 1, ?, ? from unnest(?::varchar[]) t(p)"
        " where p not in (select participant from meta.released"
        " where way = ? and format = ? and deidentified = ? and raw = ?)",
        [*what, now, now, people, *what],
    )


def list_releases(con: Connection, participant: str) -> list[Release]:
    """List what of a person has left for others, first things first."""
    rows = con.execute(
        "select way, format, deidentified, raw, times, first_utc, last_utc from meta.released"
        " where participant = ? order by first_utc, way, format, deidentified, raw",
        [participant],
    ).fetchall()
    return [Release(*row) for row in rows]


def count_allowed(con: Connection) -> dict[str, int]:
    """Count who allows what, by purpose."""
    return {name: len(list_allowed(con, name)) for name in PURPOSES}


def list_outdated(con: Connection) -> list[tuple[str, str]]:
    """List who allowed what under an older text and has to say it again, as participant and purpose."""
    found = [
        (who, name) for name in PURPOSES for who, last in read_last(con, name).items() if last.is_outdated
    ]
    return sorted(found)
