"""Write the weekly page of each person, and the row of `report.week` that says what it said."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from reports import gentle, words
from reports.catalogue import load_language
from reports.insights import Insight
from reports.page import choose_lines, read_help_lines, render_page
from reports.read import Person, read_pages, read_people, read_worn
from reports.read_tried import Kept, read_tried
from reports.sentences import told_features
from reports.tried import Tried, choose_tried
from reports.week import USUAL_NIGHTS_DAYS, Week, monday_of, summarise, tell_days
from reports.wishes import choose_language, read_wishes, why_no_page
from warehouse.consent import list_refused
from warehouse.errors import ExplainedError
from warehouse.preferences import read_preferences
from warehouse.staging import stage
from warehouse.store import open_warehouse
from warehouse.tables import find_table

METHOD_VERSION = "weeks-2"
BATCH = 250
"""People read together: some 200 MB."""
PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class WrittenWeeks:
    """The pages, and the staged folder of `report.week` rows to commit (None if nothing is new).

    `unwritten` says why people got no page who would have had one (`reports.wishes.why_no_page`). They
    have no row in `report.week` either: a row is of a page.
    """

    folder: Path | None
    pages: tuple[Path, ...]
    unwritten: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """What a page is made of: the person and their week, what they tried, their settings, what is kept of the last."""

    person: Person
    monday: date
    tried: Kept
    settings: Mapping[str, str]
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

    Only days before `before` are known to a run. A person without any data gets no page, nor does one
    who paused, does not allow pages or is under 18. A page that is there already, with the same bytes,
    is left alone and stages nothing.

    Raises
    ------
    ExplainedError
        If the week of `of` is not over by `before` or in nobody's record, or a page cannot be written.
    """
    with open_warehouse(warehouse, read_only=True) as con:
        weeks = choose_weeks(read_worn(con, participants, monday_of(before)), before, of)
        settings = read_preferences(con, sorted(weeks))
        refused = set(list_refused(con, "pages"))
    reasons = {who: why_no_page(settings[who], allowed=who not in refused) for who in sorted(weeks)}
    unwritten = {who: why for who, why in reasons.items() if why is not None}
    pages: list[Path] = []
    rows: list[dict[str, object]] = []
    for monday in sorted(set(weeks.values())):
        members = sorted(who for who, start in weeks.items() if start == monday and who not in unwritten)
        for k in range(0, len(members), BATCH):
            for told in read_batch(warehouse, members[k : k + BATCH], monday, settings):
                path, row = write_one(told, reports_dir)
                pages.append(path)
                rows += [row] if row is not None else []
    return WrittenWeeks(stage_rows(rows, staging) if rows else None, tuple(pages), unwritten)


def read_batch(
    warehouse: str | Path, members: Sequence[str], monday: date, settings: Mapping[str, Mapping[str, str]]
) -> list[Told]:
    """Read what the pages of some people are made of; the warehouse is free again while they are written."""
    with open_warehouse(warehouse, read_only=True) as con:
        first = monday - timedelta(days=USUAL_NIGHTS_DAYS)
        people = read_people(con, members, first, monday + timedelta(days=6))
        tried = read_tried(con, members, monday + timedelta(days=7))
        kept = read_pages(con, members, monday)
    return [Told(people[who], monday, tried[who], settings[who], kept.get(who)) for who in members]


def stage_rows(rows: list[dict[str, object]], staging: Path) -> Path:
    """Stage rows of `report.week` that replace what the table says of these weeks."""
    table = pa.Table.from_pylist(rows, schema=find_table("report.week").arrow_schema)
    with stage(staging, "weeks", method_version=METHOD_VERSION) as staged:
        staged.add("report.week", table)
        staged.replace(table.select(["participant", "day"]))
    return staged.folder


def choose_weeks(worn: Mapping[str, tuple[date, date]], before: date, of: date | None) -> dict[str, date]:
    """The Monday of each person's week: that of `of`, or of the last day worn in a complete week.

    `worn` has the first and last day worn; whose record does not reach the week of `of` gets none.

    Raises
    ------
    ExplainedError
        If the week of `of` is not over, or there are records and none of them holds it.
    """
    if of is None:
        return {who: monday_of(last) for who, (_, last) in worn.items()}
    check_over(of, before)
    monday = monday_of(of)
    inside = [who for who, (first, last) in worn.items() if monday_of(first) <= monday <= last]
    if worn and not inside:
        check_inside(of, min(first for first, _ in worn.values()), max(last for _, last in worn.values()))
    return dict.fromkeys(inside, monday)


def check_over(of: date, before: date) -> None:
    """Check that the week of a day is over by `before`."""
    if monday_of(of) + timedelta(days=7) > before:
        raise ExplainedError(
            f"The week of {of} is not over on {before}:"
            f" ask for a day before {monday_of(before)}, or run it later."
        )


def check_inside(of: date, first: date, last: date) -> None:
    """Check that the week of a day has a day of the record, which goes from `first` to `last`."""
    if not monday_of(first) <= monday_of(of) <= last:
        raise ExplainedError(
            f"Nothing was recorded in the week of {of}: ask for a day of the record, {first} to {last}."
        )


def write_one(told: Told, reports_dir: Path) -> tuple[Path, dict[str, object] | None]:
    """Write the page of one person's week; its row too, unless page and row are there already."""
    week = summarise(told.person, told.monday)
    insights = tell_days(told.person, told.monday, told_features(load_language()))
    tried = choose_tried(told.tried, told.monday)
    wishes, language = read_wishes(told.settings), choose_language(told.settings)
    lines = choose_lines(read_help_lines(), told.monday, wishes.country)
    who = told.person.participant
    html = render_page(week, insights, lines, language, wishes, participant=who, tried=tried).encode()
    sentence = (gentle if wishes.gentle else words).week_sentence(week, language)
    path = page_path(reports_dir, who, week.iso_week)
    row = week_row(who, week, insights, sentence, tried) | page_columns(html, path.relative_to(reports_dir))
    if not path.exists() or path.read_bytes() != html:
        write_private(path, html)
    return path, None if told.kept == (row["page_sha256"], METHOD_VERSION) else row


def week_row(
    participant: str, week: Week, insights: Sequence[Insight], sentence: str, tried: Tried
) -> dict[str, object]:
    """What `report.week` says of a week; its reason says why it was not compared."""
    inputs = (week, insights) if tried.is_empty else (week, insights, tried)
    return {
        "participant": participant,
        "day": week.monday,
        "iso_week": week.iso_week,
        "valid_days": week.valid_days,
        "valid_nights": week.valid_nights,
        "index_days": week.scored_days,
        "high_days": len(week.high),
        "calm_days": len(week.calm),
        "tst_mean_min": week.sleep.mean_min,
        "sentence": sentence,
        "reason": {"thin": "too little wear", "learning": "learning the usual"}.get(week.story),
        "source": ", ".join(week.sources) or None,
        "method_version": METHOD_VERSION,
        "input_hash": hashlib.sha256(repr(inputs).encode()).hexdigest()[:16],
    }


def page_columns(html: bytes, path: Path) -> dict[str, object]:
    """What `report.week` says of a page."""
    sha256 = hashlib.sha256(html).hexdigest()
    return {"page_sha256": sha256, "page_bytes": len(html), "page_path": path.as_posix()}


def page_path(reports_dir: Path, participant: str, iso_week: str) -> Path:
    """Where a person's page lies, below their own folder."""
    return person_folder(reports_dir, participant) / f"{iso_week}.html"


def person_folder(reports_dir: Path, participant: str) -> Path:
    """The folder of a person's pages; an id that is no plain name is hashed: none can leave the folder."""
    if PSEUDONYM.fullmatch(participant):
        return reports_dir / participant
    return reports_dir / f"_{hashlib.sha256(participant.encode()).hexdigest()[:24]}"


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read; it appears whole or not at all.

    Raises
    ------
    ExplainedError
        If it cannot be written: a full disk, or a folder that is closed.
    """
    try:
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_whole(path, content)
    except OSError as error:
        raise explain_unwritten(path, error) from error


def explain_unwritten(path: Path, error: OSError) -> ExplainedError:
    """Explain why a file could not be written, and what to do."""
    return ExplainedError(
        f"Could not write {path} ({error.strerror or error}): nothing was left behind; free some space or name"
        " another place, and run the same command again."
    )


def replace_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, down to the disk, and rename it."""
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
