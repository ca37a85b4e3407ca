"""Read what is new of each export and stage it, with the ledger of what was read and refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.context import Reading
from ingest.ledger import Person, load_id
from ingest.outcome import MAX_REFUSALS, ExportTaken, FileRefusal, Progress
from ingest.source import Batch, Export, Rejected, Remark
from ingest.take import Inventory, Refused, Taken, drop_known, keep_fresh
from warehouse.consent import Statement
from warehouse.staging import Staged
from warehouse.tables import find_table

METHOD_VERSION = "ingest-1"
DRIFT_SHARE = 0.1
"""More refused than this share of a stream, and the load says so loudly."""
BY_HAND = frozenset(["diary"])
"""Sources that people write themselves: no vendor changes these."""
VENDOR_FOLDERS = frozenset(
    {
        "App Data",
        "DI_CONNECT",
        "Daily Readiness",
        "Fitbit",
        "Global Export Data",
        "Google Health",
        "Health Fitness Data_GoogleData",
        "Heart Rate Variability",
        "Mindfulness",
        "MyFitbitData",
        "Oxygen Saturation (SpO2)",
        "Physical Activity",
        "Physical Activity_GoogleData",
        "Sleep",
        "Sleep Score",
        "Stress Journal",
        "Stress Score",
        "Takeout",
        "Temperature",
        "apple_health_export",
        "user-site-export",
    }
)
ALWAYS = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as everywhere

Counts = npt.NDArray[np.int64]


@dataclass
class Tally:
    """What one export gave; arrays have one place a member."""

    taken: Taken
    device: str
    fresh: tuple[int, ...]
    n_refused_files: int
    """Members refused before they were read."""
    rows: Counts = field(init=False)
    refused: Counts = field(init=False)
    assumed: Counts = field(init=False)
    """Rows whose offset is the person's zone's, without proof."""
    whole: set[int] = field(default_factory=set)
    """Members refused as a whole while they were read."""
    by_table: Counter[str] = field(default_factory=Counter)
    refusals: list[FileRefusal] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows, self.refused, self.assumed = np.zeros((3, len(self.taken.ids)), dtype=np.int64)

    def count_files(self) -> ExportTaken:
        """How its files fared."""
        return ExportTaken(
            self.taken.root,
            self.taken.source.NAME,
            self.device,
            files_read=len(self.fresh) - len(self.whole),
            files_known=len(self.taken.members) - len(self.fresh),
            files_refused=len(self.whole) + self.n_refused_files,
            files_left_out=self.taken.left_out,
        )


@dataclass(frozen=True)
class Plan:
    """What a load is to read, and what it refuses unread."""

    tallies: list[Tally]
    refused: list[Refused]
    n_unclaimed: int

    @property
    def has_fresh(self) -> bool:
        """Whether anything is to be read."""
        return any(tally.fresh for tally in self.tallies)


@dataclass(frozen=True)
class Writing:
    """Where rows go and whose they are."""

    staged: Staged
    person: Person
    now: datetime

    def add(self, table: str, rows: list[dict[str, object]]) -> None:
        """Stage rows of a ledger table that are the person's; none is no part."""
        if rows:
            schema = find_table(table).arrow_schema
            mine = [{"participant": self.person.participant, **row} for row in rows]
            self.staged.add(table, pa.Table.from_pylist(mine, schema=schema))


def make_plan(inventory: Inventory, device: str, mine: pa.Table) -> Plan:
    """Find what is new to a person's ledger `mine`; a file that lies there twice is read once.

    A file that another version of its source has read is new.
    """
    versions = dict(zip(mine["file_id"].to_pylist(), mine["method_version"].to_pylist(), strict=True))
    unsure = set(mine.filter(pc.equal(mine["zone_how"], "assumed"))["file_id"].to_pylist())
    refused = drop_known(inventory.refused, set(versions))
    tallies = []
    for taken in inventory.taken:
        read = {identity for identity in taken.ids if versions.get(identity) == taken.source.METHOD_VERSION}
        fresh = keep_fresh(taken, read, unsure)
        versions |= dict.fromkeys(taken.ids, taken.source.METHOD_VERSION)
        spoilt = sum(r.source == taken.source.NAME and r.root == taken.root for r in inventory.refused)
        tallies.append(Tally(taken, device, fresh, n_refused_files=spoilt))
    return Plan(tallies, refused, len(inventory.unclaimed))


def read_exports(plan: Plan, writing: Writing, progress: Progress | None) -> None:
    """Read all that is fresh and stage its rows; the tallies are filled."""
    total = sum(t.taken.members[i].size_bytes for t in plan.tallies for i in t.fresh)
    done = 0

    def on_read(size: int) -> None:
        nonlocal done
        done += size
        if progress is not None:
            progress(done, total)

    for tally in plan.tallies:
        if tally.fresh:
            taken = tally.taken
            export = Export(taken.root, taken.members, tally.fresh, taken.exported_utc)
            for found in taken.source.read(export, Reading(writing.person.zone, on_read)):
                take_in(found, tally, writing)


PERSONAL = re.compile(r"[\w.+%-]+@[\w.-]+?(?=_|\.\w{2,4}$|$)|(?<!\d)(?!(?:19|20)\d{6}(?!\d))\d{7,}(?!\d)")
"""An address, or a number of seven digits or more that is no date: Garmin puts both into file names."""


def take_in(found: Batch | Rejected | Remark, tally: Tally, writing: Writing) -> None:
    """Stage one thing that a source gave, and count it."""
    if isinstance(found, Remark):
        tally.remarks.append(found.text)
    elif isinstance(found, Rejected):
        take_in_refusals(found.rows, tally, writing)
    elif found.rows.num_rows:
        take_in_rows(found, tally, writing)


def take_in_rows(batch: Batch, tally: Tally, writing: Writing) -> None:
    """Stage the rows of a batch and the spans that it completes."""
    rows = batch.rows.combine_chunks()
    member = rows["member"].to_numpy()
    count = member.size
    tally.rows += np.bincount(member, minlength=len(tally.taken.ids))
    if "tz_assumed" in rows.column_names:
        assumed = member[rows["tz_assumed"].to_numpy()]
        tally.assumed += np.bincount(assumed, minlength=len(tally.taken.ids))
    tally.by_table[batch.table] += count
    ids = pa.array(tally.taken.ids, pa.int64())
    columns = {
        "participant": same(writing.person.participant, count),
        "source": same(tally.taken.source.NAME, count),
        "device": same(tally.device, count),
        "file_id": pa.DictionaryArray.from_arrays(pa.array(member.astype(np.int32)), ids),
    }
    if "device" in rows.column_names:
        # An export of several devices names them itself; the label stands where it does not.
        columns["device"] = pc.fill_null(rows["device"], tally.device)
        rows = rows.drop_columns(["device"])
    for name, column in columns.items():
        rows = rows.append_column(name, column)
    writing.staged.add(batch.table, rows)
    writing.add(
        "meta.complete",
        [
            {
                "source": tally.taken.source.NAME,
                "device": tally.device,
                "stream": span.stream,
                "from_utc": to_instant(span.from_us),
                "to_utc": to_instant(span.to_us),
                "file_id": tally.taken.ids[span.member],
            }
            for span in batch.complete
        ],
    )


def take_in_refusals(rows: pa.Table, tally: Tally, writing: Writing) -> None:
    """Stage refused records, and count them."""
    found = rows.to_pylist()
    for row in found:
        member = row["member"]
        tally.refused[member] += 1
        if row["stream"] == "file":
            tally.whole.add(member)
        if len(tally.refusals) < MAX_REFUSALS:
            path = tally.taken.members[member].path
            tally.refusals.append(FileRefusal(path, row["place"], row["reason"]))
    writing.add("meta.rejected", [{**row, "file_id": tally.taken.ids[row["member"]]} for row in found])


def write_ledger(plan: Plan, writing: Writing, mine: pa.Table, consent: Statement | None) -> None:
    """Stage what is known of the person, the files and the exports after this load.

    Parameters
    ----------
    mine : pyarrow.Table
        Rows of `meta.source_file` of this person, before the load.
    consent
        What the person says of research with this load; None for nothing.
    """
    write_person(writing, consent)
    for refused in plan.refused:
        write_refused_file(refused, writing)
    for tally in plan.tallies:
        if tally.fresh:
            tally.remarks += find_drift(tally, mine)
            write_files(tally, writing)
            note_again(tally, writing, mine)
            renew_dates(tally, writing, mine)
            write_load(tally, plan, writing)


def write_person(writing: Writing, consent: Statement | None) -> None:
    """Stage the person's enrolment, and what they say of research with this load."""
    person, now = writing.person, writing.now
    if person.enrols:
        writing.add("meta.participant", [{"timezone": person.zone, "enrolled_utc": now}])
        segment: dict[str, object] = {"from_utc": ALWAYS, "to_utc": None, "zone": person.zone, "how": "given"}
        writing.add("meta.zone_segment", [segment])
    if consent is not None:
        writing.add("meta.consent", [asdict(consent)])


def write_refused_file(refused: Refused, writing: Writing) -> None:
    """Stage a file that was refused unread: its place in the ledger, and why."""
    row = {
        "file_id": refused.file_id,
        "source": refused.source,
        "device": refused.device,
        "member": base_name(refused.path),
        "member_path": hide_folders(refused.path),
        "exported_utc": ALWAYS,
        "rows": 0,
        "refused": 1,
        "zone_how": "none",
        "method_version": METHOD_VERSION,
        "loaded_utc": writing.now,
    }
    writing.add("meta.source_file", [row])
    why = {"file_id": refused.file_id, "stream": "file", "place": "file", "reason": refused.reason}
    writing.add("meta.rejected", [why])


def write_files(tally: Tally, writing: Writing) -> None:
    """Stage the ledger rows of the files that were read."""
    taken = tally.taken
    rows = []
    for i in tally.fresh:
        how = "none" if tally.rows[i] == 0 else "assumed" if tally.assumed[i] else "export"
        member = taken.members[i]
        row = {
            "file_id": taken.ids[i],
            "source": taken.source.NAME,
            "device": tally.device,
            "member": member.name,
            "member_path": hide_folders(member.path),
            "sha256": member.digest.sha256,
            "size_bytes": member.size_bytes,
            "exported_utc": taken.exported_utc,
            "rows": int(tally.rows[i]),
            "refused": int(tally.refused[i]),
            "zone_how": how,
            "method_version": taken.source.METHOD_VERSION,
            "loaded_utc": writing.now,
        }
        rows.append(row)
    writing.add("meta.source_file", rows)


def note_again(tally: Tally, writing: Writing, mine: pa.Table) -> None:
    """Say which of the files that were read had been read before: what they no longer give is to go."""
    read = pa.array([tally.taken.ids[i] for i in tally.fresh], pa.int64())
    again = mine.filter(pc.is_in(mine["file_id"], read))
    if again.num_rows:
        writing.staged.read_again(again)


def renew_dates(tally: Tally, writing: Writing, mine: pa.Table) -> None:
    """Give known files that this newer export holds too its date: their rows are as new as it is.

    An export that brings nothing new renews nothing, so that loading it again changes no table.
    """
    # Files that were read again have their row already.
    fresh = set(tally.fresh)
    unread = [identity for i, identity in enumerate(tally.taken.ids) if i not in fresh]
    again = pc.is_in(mine["file_id"], pa.array(unread, pa.int64()))
    date = pa.scalar(tally.taken.exported_utc, pa.timestamp("us"))
    older = mine.filter(pc.and_(again, pc.less(mine["exported_utc"], date)))
    if older.num_rows:
        place = older.column_names.index("exported_utc")
        dates = pa.repeat(date, older.num_rows)
        writing.staged.add("meta.source_file", older.set_column(place, "exported_utc", dates))


def write_load(tally: Tally, plan: Plan, writing: Writing) -> None:
    """Stage one row for the export."""
    row = {
        "load_id": load_id(tally.taken.ids[i] for i in tally.fresh),
        "source": tally.taken.source.NAME,
        "device": tally.device,
        "files": len(tally.fresh),
        "rows": int(tally.rows.sum()),
        "refused": int(tally.refused.sum()),
        "unclaimed": plan.n_unclaimed,
        "loaded_utc": writing.now,
    }
    writing.add("meta.load", [row])


def find_drift(tally: Tally, mine: pa.Table) -> Iterator[str]:
    """Say where a stream has much refused, or has dried up: the vendor may have changed its files."""
    source, taken = tally.taken.source, tally.taken
    streams = [str(source.stream(m.name)) for m in taken.members]
    had = streams_with_rows(tally, mine)
    fresh = set(tally.fresh)
    for stream in sorted(set(streams) | had):
        places = [i for i, name in enumerate(streams) if name == stream and i in fresh]
        rows, refused = int(tally.rows[places].sum()), int(tally.refused[places].sum())
        if refused > DRIFT_SHARE * (rows + refused):
            why = (
                "look at meta.rejected for why, mend the table and load it again."
                if source.NAME in BY_HAND
                else f"the vendor may have changed the format of {source.NAME}; look at meta.rejected before you"
                " trust this stream."
            )
            yield f"WARNING: {refused} of {rows + refused} records for {stream} were refused: {why}"
        elif stream in had and rows == 0 and (places or (stream not in streams and len(set(streams)) > 1)):
            yield (
                f"WARNING: {stream} had data in earlier loads of {source.NAME} and has none in {taken.root}:"
                " was everything exported, and are the files still named as before?"
            )


def streams_with_rows(tally: Tally, mine: pa.Table) -> set[str]:
    """Streams of this source and device that had rows before."""
    same_source = pc.and_(
        pc.equal(mine["source"], tally.taken.source.NAME), pc.equal(mine["device"], tally.device)
    )
    before = mine.filter(pc.and_(same_source, pc.greater(mine["rows"], 0)))
    names: Iterable[str] = before["member"].to_pylist()
    return {stream for name in names if (stream := tally.taken.source.stream(name)) is not None}


def base_name(path: str) -> str:
    """The last part of a path, whichever way its slashes lean, without what names a person or an account."""
    name = path.replace("\\", "/").rpartition("/")[2]
    # A calendar is named after its owner or what it is about.
    return "calendar.ics" if name.lower().endswith(".ics") else PERSONAL.sub("…", name)[:255]


def hide_folders(path: str) -> str:
    """A path with only those folders that vendors name: others may be named after the person."""
    *folders, _ = path.replace("\\", "/").split("/")
    shown = [folder if folder in VENDOR_FOLDERS else "…" for folder in folders[-8:]]
    return "/".join([*shown, base_name(path)])


def same(text: str, count: int) -> pa.DictionaryArray:
    """A column of one text, as a dictionary, which costs a byte a row."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int8)), pa.array([text]))


def to_instant(t_us: int) -> datetime:
    """Microseconds since 1970 as a naive UTC instant."""
    moment: datetime = np.datetime64(t_us, "us").astype(datetime)
    return moment
