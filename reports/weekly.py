"""Write the weekly page of each person, and the row of `report.week` that says what it said."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from reports.page import fresh_lines, read_help_lines, render_page, week_sentence
from reports.read import Person, read_last_worn, read_pages, read_people, read_told
from reports.sentences import load_language
from reports.week import USUAL_NIGHTS_DAYS, Week, days_from, monday_of, summarise
from warehouse.staging import stage
from warehouse.store import open_warehouse
from warehouse.tables import find_table

METHOD_VERSION = "weeks-1"
PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class WrittenWeeks:
    """The pages, and the staged folder of `report.week` rows to commit (None if nothing is new)."""

    folder: Path | None
    pages: tuple[Path, ...]


@dataclass(frozen=True)
class Told:
    """What a page is made of: the person, the week's Monday, its sentences, and what is kept of the last one."""

    person: Person
    monday: date
    sentences: list[tuple[date, str]]
    kept: tuple[str, str] | None


def write_week(
    warehouse: str | Path,
    staging: Path,
    reports_dir: Path,
    *,
    participants: Sequence[str],
    before: date,
    of: date | None = None,
) -> WrittenWeeks:
    """Write one page a person, of the week that `of` lies in, or the last complete week with data.

    Only days before `before` are known to a run. A person without any data gets no page. A page
    that is there already, with the same bytes, is left alone and stages nothing.

    Raises
    ------
    ValueError
        If the week of `of` is not over by `before`.
    """
    with open_warehouse(warehouse, read_only=True) as con:
        weeks = choose_weeks(read_last_worn(con, participants, monday_of(before)), before, of)
        told: list[Told] = []
        for monday in sorted(set(weeks.values())):
            members = sorted(who for who, start in weeks.items() if start == monday)
            first = monday - timedelta(days=USUAL_NIGHTS_DAYS)
            people = read_people(con, members, first, monday + timedelta(days=6))
            kept = read_pages(con, members, monday)
            told.extend(Told(people[w], monday, read_told(con, w, monday), kept.get(w)) for w in members)
    written = [write_one(one, reports_dir) for one in told]
    pages = tuple(path for path, _ in written)
    rows = [row for _, row in written if row is not None]
    return WrittenWeeks(stage_rows(rows, staging) if rows else None, pages)


def stage_rows(rows: list[dict[str, object]], staging: Path) -> Path:
    """Stage rows of `report.week` that replace what the table says of these weeks."""
    table = pa.Table.from_pylist(rows, schema=find_table("report.week").arrow_schema)
    with stage(staging, "weeks", method_version=METHOD_VERSION) as staged:
        staged.add("report.week", table)
        staged.replace(table.select(["participant", "day"]))
    return staged.folder


def choose_weeks(last_worn: dict[str, date], before: date, of: date | None) -> dict[str, date]:
    """The Monday of each person's week: that of `of`, or of the last day worn in a complete week."""
    if of is None:
        return {who: monday_of(day) for who, day in last_worn.items()}
    if monday_of(of) + timedelta(days=7) > before:
        raise ValueError(
            f"The week of {of} is not over on {before}:"
            f" ask for a day before {monday_of(before)}, or run it later."
        )
    return dict.fromkeys(last_worn, monday_of(of))


def write_one(told: Told, reports_dir: Path) -> tuple[Path, dict[str, object] | None]:
    """Write the page of one person's week; its row too, unless page and row are there already."""
    week = summarise(told.person, told.monday)
    lines = fresh_lines(read_help_lines(), days_from(told.monday)[-1])
    html = render_page(week, told.sentences, lines, load_language()).encode()
    path = page_path(reports_dir, told.person.participant, week.iso_week)
    row = week_row(told.person, week, told.sentences, html, path.relative_to(reports_dir))
    if not path.exists() or path.read_bytes() != html:
        write_private(path, html)
    return path, None if told.kept == (row["page_sha256"], METHOD_VERSION) else row


def week_row(
    person: Person, week: Week, told: list[tuple[date, str]], html: bytes, path: Path
) -> dict[str, object]:
    """The row of `report.week`; its reason says why a week was not compared."""
    return {
        "participant": person.participant,
        "day": week.monday,
        "iso_week": week.iso_week,
        "valid_days": week.valid_days,
        "valid_nights": week.valid_nights,
        "index_days": week.scored_days,
        "high_days": len(week.high),
        "calm_days": len(week.calm),
        "tst_mean_min": week.sleep.mean_min,
        "sentence": week_sentence(week, load_language()),
        "page_sha256": hashlib.sha256(html).hexdigest(),
        "page_bytes": len(html),
        "page_path": path.as_posix(),
        "reason": {"thin": "too little wear", "learning": "learning the usual"}.get(week.story),
        "source": ", ".join(week.sources) or None,
        "method_version": METHOD_VERSION,
        "input_hash": hashlib.sha256(repr((week, told)).encode()).hexdigest()[:16],
    }


def page_path(reports_dir: Path, participant: str, iso_week: str) -> Path:
    """Where a person's page lies, below their own folder."""
    return person_folder(reports_dir, participant) / f"{iso_week}.html"


def person_folder(reports_dir: Path, participant: str) -> Path:
    """The folder of a person's pages; an id that is no plain name is hashed: none can leave the folder."""
    if PSEUDONYM.fullmatch(participant):
        return reports_dir / participant
    return reports_dir / f"_{hashlib.sha256(participant.encode()).hexdigest()[:24]}"


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read; it appears whole or not at all."""
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
