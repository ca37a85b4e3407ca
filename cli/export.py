"""The command that exports: tables for researchers, or what a clinic's system can take."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from cli.look import AsJson, Wait, print_json
from cli.nightly import utc_now
from cli.settings import Settings, read_settings

ROOT = Path(__file__).resolve().parent.parent
IDENTIFIES = (
    "Series of beats and minutes tell who somebody is, whatever their labels: give this folder only to people"
    " who may know."
)


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(export)


def export(
    *,
    to: Annotated[Path, typer.Option(help="The folder to write; it is not there yet.")],
    kind: Annotated[
        str,
        typer.Option("--format", help="parquet or csv: tables; omh or fhir: what a clinic's system takes."),
    ] = "parquet",
    participant: Annotated[
        list[str] | None,
        typer.Option(help="Only this person; may be given again. Else: everyone who allows research."),
    ] = None,
    deidentify: Annotated[
        bool,
        typer.Option("--deidentify", help="Random ids, dates moved by whole weeks, no zones, no devices."),
    ] = False,
    k: Annotated[
        int | None,
        typer.Option(
            min=2, help="With --deidentify: so many people share what others may know; 10 if not said."
        ),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="With --deidentify: go without age_band or tag; may be given again."),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Also beats and minute series of those who allow that; they identify."),
    ] = False,
    wait: Wait = 60.0,
    as_json: AsJson = False,
) -> None:
    """Write tables of those who allow research, or a person's own data for their clinic, into a new folder."""
    from reports.export.anonymity import MAY_BE_LEFT_OUT, AnonymityError
    from reports.export.export import Wanted
    from reports.export.export import export as write
    from reports.export.folder import ExportError

    for column in leave_out or ():
        if column not in MAY_BE_LEFT_OUT:
            raise ExportError(f"--leave-out takes {' or '.join(MAY_BE_LEFT_OUT)}, not '{column}'.")
    wanted = Wanted(kind, tuple(participant or ()), deidentify, raw, k, frozenset(leave_out or ()))
    if raw:
        typer.echo(IDENTIFIES, err=True)
    settings = read_settings(os.environ)
    try:
        with tidying_up():
            manifest = write(
                settings.warehouse,
                to.absolute(),
                wanted,
                code=describe(settings),
                now=utc_now(),
                wait_s=wait,
                progress=show_progress if sys.stderr.isatty() else None,
            )
    except AnonymityError as error:
        if error.words:
            typer.echo(f"Own words that too few people use: {', '.join(error.words)}", err=True)
        raise
    print_json(manifest) if as_json else typer.echo(summarise(to, manifest))


@contextmanager
def tidying_up() -> Iterator[None]:
    """Let a request to end (SIGTERM, SIGHUP) end by way of an exception, so that nothing half-written stays."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def summarise(folder: Path, manifest: dict[str, Any]) -> str:
    """Say in one line what was written."""
    files = manifest["files"]
    rows = sum(file["rows"] or 0 for file in files.values())
    return f"{folder}: {len(files) + 1} files, {rows:,} rows, people: {manifest['people']}"


def describe(settings: Settings) -> dict[str, Any]:
    """Describe what makes an export: the code, and hashes of the parameters it computes with."""
    from models.parameters import PARAMETERS
    from reports.export.manifest import describe_code, hash_file

    files = [*sorted(PARAMETERS.parent.glob("*.toml")), *sorted(PARAMETERS.parent.glob("*.csv"))]
    files += [settings.sleep_model] if settings.sleep_model.is_file() else []
    return {"code": describe_code(ROOT), "parameters": {path.name: hash_file(path) for path in files}}


def show_progress(done: int, of: int, name: str) -> None:
    """Say on one line which file is written now."""
    done_text = "\r\x1b[2K" if done + 1 == of else ""
    typer.echo(f"\r\x1b[2K{done} of {of} files, now {name}{done_text}", nl=False, err=True)
