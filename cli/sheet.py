"""The command that writes the sheet for a professional, as a PDF through a browser that is there, or as HTML."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from cli.look import Wait
from cli.nightly import Day, day_or_today
from cli.settings import read_settings

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
"""Names of a Chromium, the first that is there is used."""
PRINT_S = 60
MOST_WEEKS = 8


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(sheet)


def sheet(
    participant: Annotated[str, typer.Option(help="The pseudonym of the person.")],
    out: Annotated[Path, typer.Option(help="The file to write: .pdf or .html.")],
    of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="A day of the last week wanted. Else: the last complete one with data."
        ),
    ] = None,
    weeks: Annotated[int, typer.Option(min=1, max=MOST_WEEKS, help="How many weeks.")] = 4,
    day: Day = None,
    wait: Wait = 60.0,
) -> None:
    """Write one A4 page of some weeks, which the person may print for a therapist or a doctor."""
    from reports.sheet import read_sheet
    from reports.sheet_page import render_sheet
    from reports.weekly import explain_unwritten, write_private
    from reports.wishes import choose_language
    from warehouse.errors import ExplainedError
    from warehouse.status import list_participants

    suffix = out.suffix.lower()
    if suffix not in (".pdf", ".html"):
        raise ExplainedError(f"The sheet is a .pdf or a .html file, not '{out.name}'.")
    if not out.absolute().parent.is_dir():
        raise ExplainedError(f"There is no folder {out.absolute().parent}: make it, or name another file.")
    before = day_or_today(day)
    warehouse = read_settings(os.environ).warehouse
    if participant not in list_participants(warehouse, wait_s=wait):
        raise ExplainedError(
            f"There is no participant {participant}: 'steadyline status' lists those there are."
        )
    found, settings = read_sheet(
        warehouse,
        participant,
        before=before,
        of=None if of is None else of.date(),
        weeks=weeks,
        wait_s=wait,
    )
    html = render_sheet(found, choose_language(settings), version=version("steadyline")).encode()
    path = out.absolute()
    try:
        content = html if suffix == ".html" else print_pdf(html, path.parent)
    except OSError as error:
        raise explain_unwritten(path, error) from error
    write_private(path, content)
    typer.echo(str(out))


def print_pdf(html: bytes, near: Path) -> bytes:
    """Print a page to PDF in a headless browser that reaches no network.

    Its files lie in a folder of their own below `near` while it works: a browser in a sandbox of its
    system may read there and not in /tmp.

    Raises
    ------
    ExplainedError
        If there is no browser, or it prints nothing.
    """
    from warehouse.errors import ExplainedError

    instead = "Write the sheet as --out FILE.html, and print that from any browser."
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ExplainedError(
            f"A PDF needs Chromium, and none was found ({', '.join(BROWSERS[:3])}). {instead}"
        )
    with tempfile.TemporaryDirectory(prefix="printing-", dir=near, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        page, printed = folder / "sheet.html", folder / "sheet.pdf"
        page.write_bytes(html)
        try:
            done = subprocess.run(  # noqa: S603 (our own words, and the path of a browser)
                [browser, *options(folder), f"--print-to-pdf={printed}", page.as_uri()],
                capture_output=True,
                timeout=PRINT_S,
                check=False,
            )
        except (subprocess.TimeoutExpired, OSError) as error:
            raise ExplainedError(f"{browser} could not print ({type(error).__name__}). {instead}") from error
        if done.returncode or not printed.exists():
            raise ExplainedError(f"{browser} printed nothing (exit code {done.returncode}). {instead}")
        return printed.read_bytes()


def options(folder: Path) -> list[str]:
    """How the browser is run: without a window, a profile of its own, a network, or the user's extensions."""
    quiet = [
        "--headless",
        "--disable-gpu",
        "--disable-extensions",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-dev-shm-usage",
        "--disable-sync",
        "--no-first-run",
        "--no-default-browser-check",
        "--no-pdf-header-footer",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={folder / 'profile'}",
    ]
    # Chromium's own sandbox does not start as root.
    return [*quiet, "--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else quiet
