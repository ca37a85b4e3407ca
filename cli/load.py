"""The command that takes files in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import night
from cli.look import AsJson, Wait, print_json, print_table
from cli.nightly import utc_now
from cli.settings import read_settings

if TYPE_CHECKING:
    from ingest.load import Progress
    from ingest.outcome import LoadReport


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(load)


def load(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Exports: zips, folders or single files.")],
    participant: Annotated[
        str | None, typer.Option(help="Pseudonym of the person. Else: whoever has these files, or a new one.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Where a new person lives, such as Europe/Berlin. Given once.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Name of the device where the export has none.")] = None,
    research: Annotated[
        bool, typer.Option("--research", help="This person says that they allow research (docs/consent.md).")
    ] = False,
    wait: Wait = 60.0,
    as_json: AsJson = False,
) -> None:
    """Take in an export, and say what was taken and what was refused and why."""
    with show_progress() as progress:
        report = night.load_export(
            read_settings(os.environ),
            *paths,
            now=utc_now(),
            participant=participant,
            timezone=timezone,
            device=device,
            research=research,
            wait_s=wait,
            progress=progress,
        )
    if as_json:
        print_json(asdict(report))
    else:
        print_report(report)
    if report.refused_wholesale:
        raise typer.Exit(1)


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Show how far reading is, on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_report(report: LoadReport) -> None:
    """Print what a load did, most important first."""
    for remark in report.remarks:
        typer.echo(f"note: {remark}")
    print_table("exports", [asdict(e) for e in report.exports], empty="nothing that a source knows")
    print_table("rows read", [{"table": t, "rows": n} for t, n in report.rows], empty=explain_no_rows(report))
    if report.refused:
        shown = [asdict(r) for r in report.refusals[:10]]
        print_table(f"refused: {report.refused:,} (all in meta.rejected)", shown, empty="")
    if report.unclaimed:
        print_table(
            f"not known to any source: {len(report.unclaimed):,}",
            [asdict(u) for u in report.unclaimed[:10]],
            empty="",
        )
    if report.participant is not None:
        taken = any(e.files_read or e.files_known for e in report.exports)
        verb = "enrolled as" if report.enrolled else "loaded for" if taken else "nothing was loaded for"
        typer.echo(
            f"{verb} {report.participant}" + ("" if report.changed or not taken else "; nothing was new")
        )


def explain_no_rows(report: LoadReport) -> str:
    """Say why no rows were read: all was known, nothing is known to a source, or nothing could be taken."""
    if not report.exports:
        return "none, since no source knows what is here"
    if all(e.files_known and not (e.files_read or e.files_refused) for e in report.exports):
        return "none, all of it was known"
    return "none"
