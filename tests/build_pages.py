"""Write the pages of every kind of week, in every manner that a person can ask for: once for all tests."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from datetime import date, timedelta
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import patch

from build_weeks import (
    CALM_WEEK,
    EXERCISE_WEEK,
    FIRST_WEEK,
    HEAVY_WEEK,
    LASTING,
    LASTING_WEEK,
    MONDAY,
    NEARLY_EMPTY_WEEK,
    NOW,
    ONE_DAY_WEEK,
    ORDINARY_WEEK,
    TRAVEL_WEEK,
    Day,
    Found,
    fill,
)
from pseudo import ACCENTS, RIGHT_TO_LEFT, write_pseudo
from tried_rows import PLANNED, TRIED, Noted, fill_tried

from reports import catalogue
from reports.daily import write_insights
from reports.weekly import write_week
from warehouse.commit import commit
from warehouse.store import open_warehouse

AFTER = MONDAY + timedelta(days=7)
PLANS = {
    "heavy": HEAVY_WEEK,
    "lasting": LASTING_WEEK,
    "ordinary": ORDINARY_WEEK,
    "empty": NEARLY_EMPTY_WEEK,
    "first": FIRST_WEEK,
    "calm": CALM_WEEK,
    "one": ONE_DAY_WEEK,
    "travel": TRAVEL_WEEK,
    "exercise": EXERCISE_WEEK,
    "tried": ORDINARY_WEEK,
    "planned": CALM_WEEK,
}
NOTED = {"tried": TRIED, "planned": PLANNED}
"""The weeks in which what was tried is told too."""
FITS = {"age_band": "30-44", "shift_work": "no", "avoid": "none"}
"""What a person has to say before they get a hint or a card."""
MANNERS = {
    "gentle": {**FITS, "gentle": "yes"},
    "asked": {**FITS, "clock": "12", "units": "us", "prompts": "no"},
    ACCENTS: {**FITS, "language": ACCENTS},
    RIGHT_TO_LEFT: {**FITS, "language": RIGHT_TO_LEFT},
}
Plans = dict[str, dict[date, Day]]
Settings = dict[str, dict[str, str]]


def write_pages(
    folder: Path,
    plans: Plans,
    *,
    device: str = "unknown",
    settings: Settings | None = None,
    found: dict[str, Found] | None = None,
    noted: dict[str, Noted] | None = None,
) -> dict[str, Path]:
    """Fill a warehouse in a folder with these weeks, and write all pages; test languages are there too."""
    warehouse, staging = folder / "w.duckdb", folder / "staging"
    fill(warehouse, staging, plans, device=device, found=found)
    if noted:
        fill_tried(warehouse, staging, noted)
    with open_warehouse(warehouse) as con:
        for who in plans:
            con.execute(
                "insert into meta.participant select ?, 'UTC', ?"
                " where not exists (select 1 from meta.participant where participant = ?)",
                [who, NOW, who],
            )
        for who, wishes in (settings or {}).items():
            for name, value in wishes.items():
                con.execute("insert into meta.setting values (?, ?, ?, ?)", [who, name, value, NOW])
    insights = write_insights(warehouse, staging, participants=list(plans), before=AFTER)
    assert insights is not None
    commit(warehouse, [insights], now=NOW)
    languages = folder / "locale"
    languages.mkdir()
    write_pseudo(languages)
    with patch.object(catalogue, "LOCALES", languages):
        weeks = write_week(warehouse, staging, folder / "reports", participants=list(plans), before=AFTER)
    if weeks.folder is not None:
        commit(warehouse, [weeks.folder], now=NOW)
    written = sorted(set(plans) - set(weeks.unwritten))
    return dict(zip(written, weeks.pages, strict=True))


@cache
def pages() -> dict[str, Path]:
    """The pages of all weeks as they are, and as `<week>-<manner>`; below their folder lies w.duckdb."""
    folder = Path(tempfile.mkdtemp(prefix="steadyline-pages-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = {f"{name}-{manner}": wishes for manner, wishes in MANNERS.items() for name in PLANS}
    plans = PLANS | {f"{name}-{manner}": PLANS[name] for manner in MANNERS for name in PLANS}
    found = {who: LASTING for who in plans if who.startswith("lasting")}
    noted = {who: NOTED[who.split("-")[0]] for who in plans if who.split("-")[0] in NOTED}
    return write_pages(folder, plans, settings=settings, found=found, noted=noted)


def warehouse() -> Path:
    """The warehouse that `pages` were written from."""
    return pages()["heavy"].parents[2] / "w.duckdb"


class Texts(HTMLParser):
    """The texts of a page that a person can read or hear, by the tag they stand in."""

    def __init__(self) -> None:
        super().__init__()
        self.path: list[str] = []
        self.found: list[tuple[tuple[str, ...], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br", "input", "path", "line", "circle", "rect"}:
            self.path.append(f"{tag}.{dict(attrs).get('class') or ''}")

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"path", "line", "circle", "rect"}:
            self.path.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not self.path[-1].startswith("style"):
            self.found.append((tuple(self.path), " ".join(data.split())))


def read_texts(path: Path) -> list[tuple[tuple[str, ...], str]]:
    """Every text of a page with the tags around it, outermost first, each with its class."""
    texts = Texts()
    texts.feed(path.read_text(encoding="utf-8"))
    return texts.found


def read_body(path: Path) -> list[str]:
    """The texts of paragraphs, items and titles: what is read as running text, a sentence or more each."""
    blocks: list[str] = []
    html = re.sub(r"<(/?)(bdi|span|b|strong|br)[^>]*>", " ", path.read_text(encoding="utf-8"))
    texts = Texts()
    texts.feed(html)
    for tags, text in texts.found:
        if tags[-1].split(".")[0] in {"p", "li", "h2", "h3"}:
            blocks.append(text)
    return blocks
