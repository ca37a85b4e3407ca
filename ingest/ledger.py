"""Whose data it is and what of it is known: pseudonyms, zones, file ids."""

from __future__ import annotations

import difflib
import hashlib
import re
import secrets
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass

from warehouse.errors import ExplainedError
from warehouse.known import Known

PARTICIPANT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
PSEUDONYM_LETTERS = "23456789bcdfghjkmnpqrstvwxz"
"""No vowels and nothing that looks like something else: no words arise, and it can be read out."""
PSEUDONYM_LENGTH = 6


class LoadError(ExplainedError):
    """A load that cannot be done as asked: what, what was expected and what to do, in one sentence."""


@dataclass(frozen=True)
class Person:
    """Whom a load is for."""

    participant: str
    zone: str
    enrols: bool
    """True if this load is to enrol them."""


def file_id(source: str, device: str, name: str, sha256: str) -> int:
    """The first 63 bits of a hash over what makes a file the same: where it lay is no part of it."""
    digest = hashlib.sha256(f"{source}\0{device}\0{name}\0{sha256}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def load_id(file_ids: Iterable[int]) -> str:
    """The same for the same files taken, in any order."""
    return hashlib.sha256(" ".join(map(str, sorted(file_ids))).encode()).hexdigest()[:16]


def find_person(known: Known, hashes: set[str], *, participant: str | None, timezone: str | None) -> Person:
    """Settle whom a load is for.

    Without an id it is the person whose files have these hashes, else a new one.

    Raises
    ------
    LoadError
        If the id or zone is none, the person is unknown and no zone is given, several people have
        these files, or the zone contradicts the one that the person was enrolled with.
    """
    if timezone is not None:
        check_zone(timezone)
    if participant is None:
        participant = find_owner(known, hashes)
    if participant is not None and participant in known.zones:
        zone = known.zones[participant]
        if timezone not in (None, zone):
            raise LoadError(
                f"Participant {participant} is enrolled with the zone {zone}, not {timezone}: load without"
                " --timezone, or give another --participant; a journey is found in the files."
            )
        return Person(participant, zone, enrols=False)
    if participant is not None and not PARTICIPANT_ID.fullmatch(participant):
        raise LoadError(
            f"{participant[:80]!r} cannot be a participant's id: expected up to 64 letters, digits, dots, dashes"
            " and underscores, beginning with a letter or digit, and no name or address."
        )
    if timezone is None:
        who = (
            f"Participant {participant} is not known"
            if participant
            else "No participant is known for these files"
        )
        raise LoadError(
            f"{who}: to enrol a new one give the zone they live in, such as --timezone Europe/Berlin"
            f"{enrolled(known)}."
        )
    return Person(participant or make_pseudonym(known), timezone, enrols=True)


def find_owner(known: Known, hashes: set[str]) -> str | None:
    """The person who has files with these hashes; None if nobody has."""
    ledger = zip(known.files["participant"].to_pylist(), known.files["sha256"].to_pylist(), strict=True)
    owners = sorted({participant for participant, sha256 in ledger if sha256 in hashes})
    if len(owners) > 1:
        raise LoadError(
            f"These files are known of several participants ({', '.join(owners[:5])}): say which with --participant."
        )
    return owners[0] if owners else None


def enrolled(known: Known) -> str:
    """Name those who are enrolled, for an error message."""
    names = sorted(known.zones)
    if not names:
        return ""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f", or name one who is enrolled ({', '.join(names[:5])}{more})"


def make_pseudonym(known: Known) -> str:
    """A random pseudonym that nobody has, such as p-4f7k2m."""
    while True:
        name = "p-" + "".join(secrets.choice(PSEUDONYM_LETTERS) for _ in range(PSEUDONYM_LENGTH))
        if name not in known.zones:
            return name


def is_zone(timezone: str) -> bool:
    """Whether there is such an IANA zone; to list them all takes a tenth of a second."""
    if timezone.partition("/")[0] in ("posix", "right", "posixrules", "localtime"):
        return False
    try:
        zoneinfo.ZoneInfo(timezone)
    except (KeyError, OSError, ValueError):
        return False
    return True


def check_zone(timezone: str) -> None:
    """Refuse a zone that does not exist, naming the nearest that do."""
    if is_zone(timezone):
        return
    zones = zoneinfo.available_timezones()
    by_lower = {zone.lower(): zone for zone in zones}
    by_lower.update({zone.rpartition("/")[2].lower(): zone for zone in sorted(zones) if "/" in zone})
    near = difflib.get_close_matches(timezone.lower().replace(" ", "_"), by_lower, n=3, cutoff=0.6)
    meant = " or ".join(dict.fromkeys(by_lower[name] for name in near))
    hint = f"did you mean {meant}?" if meant else "expected an IANA name such as Europe/Berlin."
    raise LoadError(f"There is no time zone {timezone[:80]!r}: {hint}")
