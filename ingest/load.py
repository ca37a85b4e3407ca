"""The verb `load`: take exports, read what is new in them, put it into the warehouse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ingest.ledger import LoadError, Person, check_zone, find_person
from ingest.outcome import MAX_REFUSALS, FileRefusal, LoadReport, Progress
from ingest.read import METHOD_VERSION, Plan, Tally, Writing, make_plan, read_exports, write_ledger
from ingest.take import Inventory, take_inventory
from warehouse.commit import commit
from warehouse.consent import Statement, say
from warehouse.known import Known, read_known
from warehouse.staging import stage

__all__ = ["LoadError", "LoadReport", "Progress", "load"]

UNKNOWN_DEVICE = "unknown"


def load(  # noqa: PLR0913 - the verb: each is asked for by name
    paths: Sequence[Path],
    *,
    warehouse: str | Path,
    staging: Path,
    participant: str | None = None,
    timezone: str | None = None,
    device: str | None = None,
    research: bool = False,
    now: datetime,
    wait_s: float = 60.0,
    progress: Progress | None = None,
) -> LoadReport:
    """Take exports into the warehouse for one person; files whose bytes are known are not read again.

    Parameters
    ----------
    paths
        Files, zips and folders.
    warehouse, staging
        The warehouse, which is made if it is not there, and the folder to stage in.
    participant
        Pseudonym. Without one it is the person whose files are known, or a new one.
    timezone
        IANA zone the person lives in; needed to enrol a new one.
    device
        Name of the device, where the export names none.
    research
        Whether the person says that they allow research; said anew only where it does not hold already.
    now
        The present, UTC.
    progress
        Told how far reading is.

    Raises
    ------
    LoadError
        If the load cannot be done as asked.
    WarehouseError
        If the warehouse is held by another process, or a disk is full.
    """
    now = now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now
    if timezone is not None:
        check_zone(timezone)
    label = device or UNKNOWN_DEVICE
    inventory = take_inventory(paths, device=label, now=now)
    known = read_known(warehouse, participant=participant, sha256=sorted(inventory.hashes), wait_s=wait_s)
    person = choose_person(inventory, known, participant=participant, timezone=timezone)
    if person is None:
        return summarise(inventory, None, [], changed=False)
    mine = known.files.filter(pc.equal(known.files["participant"], person.participant))
    plan = make_plan(inventory, label, mine)
    last = known.research.get(person.participant)
    consent = say("research", granted=True, last=last, now=now) if research else None
    if not plan.has_fresh and (person.enrols or not (plan.refused or consent)):
        return summarise(inventory, None if person.enrols else person, plan.tallies, changed=False)
    folder = stage_all(plan, staging, person, mine, now=now, consent=consent, progress=progress)
    commit(warehouse, [folder], now=now, wait_s=wait_s)
    report = summarise(inventory, person, plan.tallies, changed=True)
    return replace(report, remarks=(*tell_consent(consent, last), *report.remarks))


def tell_consent(consent: Statement | None, last: Statement | None) -> list[str]:
    """Tell that research is allowed again which the person had taken back, or allowed under an older text."""
    if consent is None or last is None:
        return []
    day = f"{last.since_utc:%Y-%m-%d}"
    before = f"allowed on {day} under an older text" if last.granted else f"not allowed since {day}"
    return [f"Research was {before}; with --research it is allowed from now on, as this person says anew."]


def stage_all(
    plan: Plan,
    staging: Path,
    person: Person,
    mine: pa.Table,
    *,
    now: datetime,
    consent: Statement | None,
    progress: Progress | None,
) -> Path:
    """Read what is fresh and stage it with its ledger; returns the staged folder.

    Raises
    ------
    LoadError
        If the disk is full, or the folder cannot be written.
    """
    try:
        with stage(staging, "ingest", method_version=METHOD_VERSION) as staged:
            writing = Writing(staged, person, now)
            read_exports(plan, writing, progress)
            write_ledger(plan, writing, mine, consent)
    except OSError as error:
        raise LoadError(
            f"Could not stage in {staging} ({error.strerror or error}): free some space or name another folder, and"
            " run the same command again; nothing was lost."
        ) from error
    return staged.folder


def choose_person(
    inventory: Inventory, known: Known, *, participant: str | None, timezone: str | None
) -> Person | None:
    """Settle whom the load is for; nobody, if there is nothing to take and nobody enrolled was named."""
    if any(taken.members for taken in inventory.taken):
        return find_person(known, inventory.hashes, participant=participant, timezone=timezone)
    if participant in known.zones:
        return find_person(known, set(), participant=participant, timezone=timezone)
    return None


def summarise(
    inventory: Inventory, person: Person | None, tallies: Sequence[Tally], *, changed: bool
) -> LoadReport:
    """Say what a load did."""
    whole = [FileRefusal(r.path, "file", r.reason) for r in inventory.refused]
    inside = [refusal for tally in tallies for refusal in tally.refusals]
    rows: Counter[str] = Counter()
    for tally in tallies:
        rows.update(tally.by_table)
    return LoadReport(
        participant=person.participant if person else None,
        enrolled=bool(person and person.enrols and changed),
        zone=person.zone if person else None,
        exports=tuple(tally.count_files() for tally in tallies),
        rows=tuple(sorted(rows.items())),
        refused=len(whole) + sum(int(t.refused.sum()) for t in tallies),
        refusals=tuple([*whole, *inside][:MAX_REFUSALS]),
        unclaimed=inventory.unclaimed,
        remarks=tuple(remark for tally in tallies for remark in tally.remarks),
        refused_wholesale=bool(whole) or any(t.whole for t in tallies),
        changed=changed,
    )
