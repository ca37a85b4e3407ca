"""Commands that look and change nothing: status, sql, doctor; and how answers are printed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.settings import Settings, read_settings

Wait = Annotated[float, typer.Option(help="Seconds to wait while another process holds the warehouse.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")]
PIPE_COLUMNS = 10_000
"""What no table needs: in a pipe nothing is folded."""
NUMBER = re.compile(r"(?:-?[\d,]+(?:\.\d+)?(?:e[+-]\d+)?|-?inf|nan)?")
"""A cell that is a number, or empty."""


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (status, sql, doctor):
        app.command()(command)


def status(
    as_json: AsJson = False,
    study: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.html",
            help="Write the data yield of a study as a page instead: of everyone who allows research, without names.",
        ),
    ] = None,
    wait: Wait = 60.0,
) -> None:
    """Say what is here and what to look at: people, connections, streams, days scored, what is still due."""
    from cli.watch import describe
    from warehouse import status as described
    from warehouse.store import open_warehouse

    settings = read_settings(os.environ)
    if study is not None:
        show_study(settings, study, as_json=as_json, wait_s=wait)
        return
    with open_warehouse(settings.warehouse, read_only=True, wait_s=wait) as con:
        parts = {
            "people": described.describe_people(con),
            "consent": described.describe_consent(con),
            "to be allowed anew": described.describe_outdated(con),
            "streams": described.describe_streams(con),
            "refused": described.describe_refusals(con),
            "not scored": described.describe_empty_days(con),
            "pages": described.describe_pages(con),
            "last runs": described.describe_runs(con),
        }
    parts |= describe(settings, before=utc_today(), wait_s=wait)
    if as_json:
        print_json(parts)
        return
    for title, rows in parts.items():
        print_table(title, rows, empty="none")


def show_study(settings: Settings, path: Path, *, as_json: bool, wait_s: float) -> None:
    """Write the data-yield page of everyone who allows research, and say where it is.

    Raises
    ------
    ExplainedError
        If the file is no .html, is there already, or cannot be written.
    """
    from reports import study
    from reports.catalogue import load_language
    from reports.study_page import write_study
    from warehouse.errors import ExplainedError

    if path.suffix.lower() not in (".html", ".htm") and not path.is_dir():
        raise ExplainedError(f"The page of a study is a .html file, not '{path.name}'.")
    if path.is_file():
        raise ExplainedError(f"{path} is there already: name a new file, or delete it if it is not needed.")
    found = study.read(settings.warehouse, before=utc_today(), wait_s=wait_s)
    write_study(found, path, load_language())
    told = {"people": len(found.people), "not_shown": found.others, "page": str(path)}
    if as_json:
        print_json(told)
        return
    typer.echo(
        f"{path}: people on it: {told['people']}; not on it, since they do not allow research: {told['not_shown']}"
    )


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT, such as 'select * from feature.night limit 5'.")],
    published: Annotated[bool, typer.Option(help="Ask the published file instead of the warehouse.")] = False,
    as_json: AsJson = False,
    wait: Wait = 60.0,
) -> None:
    """Ask the warehouse a question in SQL; nothing can be changed by it."""
    from warehouse.status import query as ask

    settings = read_settings(os.environ)
    names, rows = ask(settings.published if published else settings.warehouse, query, wait_s=wait)
    found = [dict(zip(names, row, strict=True)) for row in rows]
    if as_json:
        print_json(found)
    else:
        print_table("", found, empty="no rows", names=names, exact=True)


def doctor(as_json: AsJson = False) -> None:
    """Check the installation, and say what to do about what is wrong."""
    from cli.checks import run_checks

    checks = run_checks(read_settings(os.environ))
    rows = [{"check": c.name, "ok": c.ok, "found": c.found, "do": "" if c.ok else c.advice} for c in checks]
    if as_json:
        print_json(rows)
    else:
        print_table("doctor", rows, empty="")
    if not all(c.ok for c in checks):
        raise typer.Exit(1)


def print_json(value: object) -> None:
    """Print a value as JSON; dates and instants in ISO 8601."""
    typer.echo(json.dumps(value, default=as_text, ensure_ascii=False))


def as_text(value: object) -> str:
    """Write what JSON has no form for."""
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def print_table(
    title: str,
    rows: Sequence[dict[str, Any]],
    *,
    empty: str,
    names: Sequence[str] | None = None,
    exact: bool = False,
) -> None:
    """Print rows as a table; as wide as the terminal, or as wide as it needs to be in a pipe.

    With `exact` numbers are written as another program reads them, without thousands apart.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_COLUMNS)
    if not rows:
        console.print(Text(f"{title}: {empty}" if title else empty))
        return
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    columns = names or list(rows[0])
    cells = [[(show_exact if exact else show)(row[name]) for name in columns] for row in rows]
    for place, name in enumerate(columns):
        numbers = all(NUMBER.fullmatch(line[place]) for line in cells)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for line in cells:
        # Text, not markup: a device named [red] is shown as it is.
        table.add_row(*map(Text, line))
    with console.capture() as drawn:
        if title:
            console.print(Text(title, style="italic"))
        console.print(table)
    lines = drawn.get().splitlines()
    typer.echo("\n".join(lines if console.is_terminal else map(str.rstrip, lines)))
    typer.echo()


def utc_today() -> date:
    """Tell the day, in UTC."""
    return datetime.now(UTC).date()


def show(value: object) -> str:
    """Write a cell: numbers with thousands apart, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return str(value)


def show_exact(value: object) -> str:
    """Write a cell as another program reads it: six digits that count, nothing for null."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else show(value)
