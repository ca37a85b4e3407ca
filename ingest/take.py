"""What a load has before it: exports with their files hashed, what is unclaimed, what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingest.export import READ_ERRORS, Container, Refusal, explain_read_error, nature, walk
from ingest.ledger import LoadError, file_id
from ingest.outcome import Unclaimed
from ingest.registry import claim, find_source
from ingest.source import Member, Source

OLDEST_EXPORT = datetime(2007, 1, 1)  # noqa: DTZ001 - naive UTC, as everywhere
KEEP_BYTES = 256 << 20
"""So much of an export is inflated once: kept in memory from its hash to its reading."""
NOBODY = "none"
"""Source of what is refused before any source could look at it."""


@dataclass(frozen=True)
class Taken:
    """The files of one source under one root that it reads, with their ids."""

    source: Source
    root: str
    members: tuple[Member, ...]
    ids: tuple[int, ...]
    exported_utc: datetime
    left_out: int
    """Files of the layout that are known and left out."""


@dataclass(frozen=True)
class Refused:
    """A file, zip or member refused as a whole: what the ledger says of it."""

    source: str
    device: str
    root: str
    path: str
    file_id: int
    reason: str


@dataclass(frozen=True)
class Inventory:
    """All that lies under the paths of a load."""

    taken: tuple[Taken, ...]
    refused: tuple[Refused, ...]
    unclaimed: tuple[Unclaimed, ...]

    @property
    def hashes(self) -> set[str]:
        """Hashes of all files that would be read."""
        return {m.digest.sha256 for t in self.taken for m in t.members}


def take_inventory(paths: Sequence[Path], *, device: str, now: datetime) -> Inventory:
    """Walk the paths, find the source of each file, and hash what will be read.

    Raises
    ------
    LoadError
        If a path does not exist.
    """
    for path in paths:
        if not path.exists():
            raise LoadError(f"There is nothing at {path}: give a file, a zip or a folder of an export.")
    taken: list[Taken] = []
    refused: list[Refused] = []
    unclaimed: list[Unclaimed] = []
    found = [(container, claim(container.members)) for container in walk(paths)]
    # Notes beside an export are no export that nobody knows.
    claimed = frozenset[Path]().union(*(c.under for c, claims in found if claims.by_source))
    for container, claims in found:
        nobodys = claims.nobodys
        unclaimed += [Unclaimed(m.path, look(m)) for m in nobodys]
        refused += [refuse(NOBODY, device, container.root, r) for r in container.refused]
        for member, names in claims.disputed:
            reason = f"{names} both claim this file, so none reads it: please report its name and first line"
            refused.append(refuse(NOBODY, device, container.root, Refusal(member.path, reason)))
        if nobodys and not container.refused and not container.under & claimed:
            refused.append(
                refuse(NOBODY, device, container.root, Refusal(container.root, describe_unknown(nobodys)))
            )
        for name, members in sorted(claims.by_source.items()):
            export, spoilt = hash_members(find_source(name), container, members, device, now)
            taken.append(export)
            refused += spoilt
    return Inventory(tuple(taken), tuple(refused), tuple(unclaimed))


def hash_members(
    source: Source, container: Container, members: Iterable[Member], device: str, now: datetime
) -> tuple[Taken, list[Refused]]:
    """Hash the members that a source reads; those that cannot be read are refused."""
    good: list[Member] = []
    ids: dict[int, None] = {}
    refused: list[Refused] = []
    left_out = kept_bytes = 0
    # By name, so that the rows of an export come in the same order from a zip and from a folder.
    for member in sorted(members, key=lambda m: (m.name, m.path)):
        if source.stream(member.name) is None:
            left_out += 1
            continue
        try:
            if member.packed and kept_bytes + member.size_bytes <= KEEP_BYTES:
                member = member.keep()  # noqa: PLW2901 - the same, with its bytes
                kept_bytes += member.size_bytes
            identity = file_id(source.NAME, device, member.name, member.digest.sha256)
        except READ_ERRORS as error:
            refusal = Refusal(member.path, explain_read_error(error))
            refused.append(refuse(source.NAME, device, container.root, refusal))
            continue
        if identity not in ids:
            good.append(member)
            ids[identity] = None
    exported = date_export([m.modified_utc for m in members], now)
    return Taken(source, container.root, tuple(good), tuple(ids), exported, left_out), refused


def date_export(dates: Iterable[datetime], now: datetime) -> datetime:
    """When an export was written: the newest date of its files; now where they carry no real date."""
    newest = max(dates)
    return min(newest, now) if newest >= OLDEST_EXPORT else now


def refuse(source: str, device: str, root: str, refusal: Refusal) -> Refused:
    """Give a refusal an id, which is the same when the same file is refused again."""
    name = Path(refusal.path).name
    return Refused(
        source, device, root, refusal.path, file_id(source, device, name, refusal.reason), refusal.reason
    )


def look(member: Member) -> str:
    """What an unclaimed file seems to be."""
    try:
        return nature(member.head())
    except READ_ERRORS:
        return "unreadable"


def describe_unknown(members: Sequence[Member]) -> str:
    """Why a file or folder with nothing of ours in it is refused."""
    what = f"this file ({look(members[0])})" if len(members) == 1 else f"any of its {len(members)} files"
    expected = "an export that docs/sources.md lists, such as a Fitbit account's zip"
    if len(members) == 1 and members[0].name.casefold().endswith(".csv"):
        expected += "; a table of a diary needs the columns date and event, or date, scale and value"
    return f"no source knows {what}: expected {expected}"


def keep_fresh(taken: Taken, known: set[int], unsure: set[int]) -> tuple[int, ...]:
    """Positions of the members to read: those that are not known, and with them the unsure ones.

    Known is what this version of the source has read. An unsure file is known, but its offsets were
    assumed; an export that brings something new may show them, and then the order of loading must not matter.
    """
    if known.issuperset(taken.ids):
        return ()
    return tuple(i for i, identity in enumerate(taken.ids) if identity not in known or identity in unsure)


def drop_known(refused: Iterable[Refused], known: set[int]) -> list[Refused]:
    """Refusals that are not in the ledger yet, each once."""
    return list({r.file_id: r for r in refused if r.file_id not in known}.values())
