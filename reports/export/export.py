"""Export for others: whom it holds, in which form, and that it leaves whole or not at all.

Who allows it is asked in the transaction that reads their rows, and once more just before the folder is put
in its place, while nobody else can write to the warehouse. What left is noted of each person.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from reports.export import read, tables
from reports.export.anonymity import K, check_anonymity, choose_tags
from reports.export.deidentify import redeclare
from reports.export.dictionary import name_standard, write_dictionary, write_readme
from reports.export.folder import ExportError, check_target, fresh_folder, settle
from reports.export.manifest import describe_files, write_manifest, write_private
from reports.export.read import Leaving
from reports.export.read_standards import copied_rows
from warehouse.aliases import Alias, draw_aliases
from warehouse.consent import VERSION, releasing
from warehouse.copies import FileFormat, copy_rows
from warehouse.dictionary import read_catalog
from warehouse.schema import Table
from warehouse.spool import copy_tables, open_copy
from warehouse.store import Connection, open_warehouse

TABLES: tuple[FileFormat, ...] = ("parquet", "csv")
STANDARDS = {"omh": ("reports.export.omh", "write_omh"), "fhir": ("reports.export.fhir", "write_fhir")}
"""Format → module and function (con, people, folder, *, aliases) that writes it and lists its files and counts."""
FORMATS = (*TABLES, *STANDARDS)

COPY = ".rows"
"""Where in the folder the rows lie from which a standard is written."""
Written = tuple[dict[str, int], dict[str, str]]
"""How many rows are in each file, and what each file is."""
Progress = Callable[[int, int, str], None]
"""Called with the files done, of how many, and the one that is written now."""


@dataclass(frozen=True)
class Wanted:
    """What to export: see docs/export.md.

    `participants` narrows it to these people; `left_out` names columns (age_band, tag) that a de-identified
    export goes without; `k` is how many people at the least share what others may know of them (`anonymity.K`
    where it is not said).
    """

    format: str
    participants: tuple[str, ...] = ()
    deidentify: bool = False
    raw: bool = False
    k: int | None = None
    left_out: frozenset[str] = frozenset()

    @property
    def own(self) -> bool:
        """Whether one person hands over their own data to a clinic: then research is not asked for.

        Several people together are nobody's own.
        """
        return self.format in STANDARDS and len(set(self.participants)) == 1 and not self.deidentify


def export(
    url: str | Path,
    target: Path,
    wanted: Wanted,
    *,
    code: Mapping[str, Any],
    now: datetime,
    wait_s: float = 60.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Export what is wanted into a new folder; gives its manifest.

    Parameters
    ----------
    url, target : str or Path, Path
        The warehouse, and the folder, which is not there yet.
    wanted : Wanted
    code : mapping
        What made it (`manifest.describe_code`, and hashes of parameters): goes into the manifest.
    now : datetime
        For the note of what left; nowhere in the files.

    Raises
    ------
    ExportError
        If it cannot be written there, or there is nothing or nobody to export.
    AnonymityError
        If a de-identified export would let somebody be found.
    ConsentChangedError
        If somebody took their consent back meanwhile.
    WarehouseError
        If the warehouse stays held by another process, or the disk is full.
    """
    check_wanted(wanted)
    check_target(target)
    with open_warehouse(url, read_only=True, wait_s=wait_s) as con:
        people = choose_people(con, wanted)
    aliases = draw_aliases(url, people, wait_s=wait_s) if wanted.deidentify else None
    with fresh_folder(target) as fresh:
        with open_warehouse(url, read_only=True, wait_s=wait_s) as con:
            con.begin()  # who allows it and their rows are read as they stand at one instant
            leaving = choose_leaving(con, wanted, aliases)
            manifest, written = read_all(con, fresh, wanted, leaving, progress)
            con.rollback()
        if wanted.format in STANDARDS:
            # Validation takes long: it works on a copy, so that nobody waits who takes a consent back.
            written = write_standard(fresh, wanted, leaving)
        manifest = finish(fresh, wanted, {**code, **manifest}, *written)
        with releasing(
            url,
            leaving.people,
            way="export",
            format=wanted.format,
            raw=leaving.raw,
            deidentified=wanted.deidentify,
            own=wanted.own,
            now=now,
            wait_s=wait_s,
        ):
            settle(fresh, target)
    return manifest


def check_wanted(wanted: Wanted) -> None:
    """Refuse what does not go together."""
    if wanted.format not in FORMATS:
        raise ExportError(f"There is no format '{wanted.format}': there are {', '.join(FORMATS)}.")
    if wanted.raw and wanted.format in STANDARDS:
        raise ExportError(
            f"--raw goes with parquet or csv: {wanted.format} has no series of beats or minutes."
        )
    if wanted.raw and wanted.deidentify:
        raise ExportError(
            "--raw does not go with --deidentify: a series of beats or minutes tells who somebody is, whatever its"
            " labels; export one or the other."
        )
    if wanted.left_out and not wanted.deidentify:
        raise ExportError(
            "--leave-out goes with --deidentify: other exports hold neither age bands nor notes."
        )
    if wanted.k is not None and not wanted.deidentify:
        raise ExportError("--k goes with --deidentify: other exports hide nobody among others.")


def choose_people(con: Connection, wanted: Wanted) -> list[str]:
    """Choose who is exported: those who allow research, or who hands over their own data; in order.

    Raises
    ------
    ExportError
        If a person named is not here, does not allow it or has no data; or if nobody is left.
    """
    here = set(read.find_people(con))
    for person in wanted.participants:
        if person not in here:
            raise ExportError(f"There is no participant {person}: 'steadyline status' lists them.")
    allowed = read.find_with_data(con) if wanted.own else read.find_allowed(con, "research")
    for person in wanted.participants:
        if person not in allowed:
            why = (
                "nothing was computed of their data yet: run 'steadyline nightly' first"
                if wanted.own or person not in read.find_with_data(con)
                else "they do not allow research: 'steadyline consent' says what they allow"
            )
            raise ExportError(f"{person} cannot be exported, since {why}.")
    chosen = [person for person in allowed if not wanted.participants or person in wanted.participants]
    if not chosen:
        raise ExportError(
            "Nobody here can be exported: nobody of whom there is data allows research ('steadyline consent')."
        )
    return chosen


def choose_leaving(con: Connection, wanted: Wanted, aliases: Mapping[str, Alias] | None) -> Leaving:
    """Choose who leaves, and of whom raw series do.

    Raises
    ------
    ExportError
        As `choose_people`; or if raw series are wanted and nobody allows them.
    """
    people = choose_people(con, wanted)
    if aliases is not None:
        return Leaving({person: aliases[person] for person in people if person in aliases})
    raw = frozenset(read.find_allowed(con, "raw")) & frozenset(people) if wanted.raw else frozenset()
    if wanted.raw and not raw:
        raise ExportError(
            "None of these people allows raw series to leave: export without --raw ('steadyline consent')."
        )
    return Leaving(dict.fromkeys(people), raw)


def read_all(
    con: Connection, folder: Path, wanted: Wanted, leaving: Leaving, progress: Progress | None
) -> tuple[dict[str, Any], Written]:
    """Write the tables into an empty folder, or copy there what a standard needs; the manifest without files."""
    hidden = wanted.deidentify
    unsaid = read.unsaid_features(hidden=hidden)
    catalog = [row for row in read_catalog(con) if row["feature"] not in unsaid]
    standard = wanted.format in STANDARDS
    left_out = frozenset(("age_band", "tag")) if standard else wanted.left_out
    written = tables.list_tables(catalog, raw=wanted.raw, study=hidden, left_out=left_out)
    read.hold_people(con, leaving, written)
    counted = hide(con, wanted.k or K, left_out) if hidden else None
    found: Written = ({}, {})
    if standard:
        copy_tables(con, copied_rows(con, hidden=hidden), folder / COPY)
    else:
        found = write_tables(con, folder, wanted, written, catalog, progress)
    manifest = {
        "format": wanted.format,
        "deidentified": hidden,
        "raw": wanted.raw,
        "people": len(leaving.people),
        "consent": None if wanted.own else {"research": VERSION, **({"raw": VERSION} if wanted.raw else {})},
        "anonymity": counted,
        "methods": describe_methods(con, written, hidden=hidden),
    }
    return manifest, found


def write_standard(folder: Path, wanted: Wanted, leaving: Leaving) -> Written:
    """Write the files of a standard from the copy of the rows, which is gone afterwards."""
    module, name = STANDARDS[wanted.format]
    write = getattr(import_module(module), name)
    aliases = leaving.aliases if wanted.deidentify else None
    try:
        with open_copy(folder / COPY) as con:
            rows = dict(write(con, leaving.people, folder, aliases=aliases))
    finally:
        shutil.rmtree(folder / COPY)
    return rows, {name: name_standard(name) for name in rows}


def finish(
    folder: Path, wanted: Wanted, manifest: dict[str, Any], rows: dict[str, int], meanings: dict[str, str]
) -> dict[str, Any]:
    """Write README.txt, and last the manifest, which tells of every file; gives it."""
    readme = write_readme(wanted.format, meanings, deidentified=wanted.deidentify, raw=wanted.raw)
    write_private(folder / "README.txt", readme)
    manifest = {**manifest, "files": describe_files(folder, rows)}
    write_manifest(folder, manifest)
    return manifest


def hide(con: Connection, k: int, left_out: frozenset[str]) -> dict[str, Any]:
    """Hold what a de-identified export adds, check that each is hidden among others, and say how well."""
    read.hold_study(con, left_out=left_out)
    columns = [name for name in ("age_band", "source") if name not in left_out]
    tags = read.count_shared(con, columns).tags
    kept = choose_tags(tags, k)
    read.keep_tags(con, kept)
    counted = read.count_shared(con, columns)
    check_anonymity(counted, k)
    return {
        "k": k,
        "columns": columns,
        "smallest_group": min(counted.together),
        "kinds_of_notes_left_out": len(tags) - len(kept),
    }


def write_tables(
    con: Connection,
    folder: Path,
    wanted: Wanted,
    written: Sequence[Table],
    catalog: Sequence[dict[str, Any]],
    progress: Progress | None,
) -> Written:
    """Write a file a table, the report of data yield and the dictionary; rows and meaning of each file."""
    kind: FileFormat = "csv" if wanted.format == "csv" else "parquet"
    hidden, rows, meanings = wanted.deidentify, {}, {}
    for done, table in enumerate(written):
        name = f"{tables.name_file(table)}.{kind}"
        if progress is not None:
            progress(done, len(written), name)
        sql = read.select_rows(table, hidden=hidden, csv=kind == "csv")
        rows[name] = copy_rows(con, sql, folder / name, kind)
        meanings[name] = table.meaning
    sensors = read.find_sensors(con)
    reports = {
        tables.declare_yield(sensors): read.select_yield(sensors, hidden=hidden),
        tables.MISSING: read.select_missing(hidden=hidden),
    }
    for table, sql in reports.items():
        name = f"{table.name}.csv"
        rows[name] = copy_rows(con, sql, folder / name, "csv")
        meanings[name] = table.meaning
    leaving = [redeclare(table) if hidden else table for table in (*written, *reports)]
    text = write_dictionary(leaving, catalog, zoned=not hidden)
    write_private(folder / "dictionary.csv", text)
    rows["dictionary.csv"] = text.count("\r\n") - 1
    meanings |= {"dictionary.csv": "every column of every file", "manifest.json": "what made this folder"}
    return rows, meanings


def describe_methods(con: Connection, written: Sequence[Table], *, hidden: bool) -> dict[str, dict[str, Any]]:
    """Describe what made the rows of each table of results: versions of methods, a hash of all inputs.

    Hidden without the hash: the export under the people's own pseudonyms has the same.
    """
    found = {}
    for table in written:
        if table.kind == "result" and "input_hash" in table.arrow_schema.names:
            versions, inputs = read.find_methods(con, table)
            found[table.full_name] = {"versions": versions} | ({} if hidden else {"inputs": inputs})
    return found
