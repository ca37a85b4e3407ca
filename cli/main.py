"""`steadyline`: the human entrance. Commands live in one module a group; heavy imports in commands."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cli import (
    connect,
    diary,
    effect,
    export,
    features,
    forget,
    load,
    look,
    nightly,
    permit,
    person,
    plan,
    pulls,
    serve,
    sheet,
    validate,
    vault,
)
from warehouse.errors import ExplainedError

app = typer.Typer(
    help="Turn what a wearable recorded into an honest picture of how hard a body has been working.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
load.add_to(app)
nightly.add_to(app)
look.add_to(app)
features.add_to(app)
forget.add_to(app)
validate.add_to(app)
diary.add_to(app)
serve.add_to(app)
person.add_to(app)
permit.add_to(app)
plan.add_to(app)
effect.add_to(app)
vault.add_to(app)
connect.add_to(app)
pulls.add_to(app)
sheet.add_to(app)
export.add_to(app)


def say_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"steadyline {version('steadyline')}")
        raise typer.Exit


@app.callback()
def choose(
    warehouse: Annotated[
        str | None,
        typer.Option(
            help="DuckDB file, or ducklake: URL. Else STEADYLINE_WAREHOUSE, else var/steadyline.duckdb."
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that all commands share."""
    if warehouse is not None:
        os.environ["STEADYLINE_WAREHOUSE"] = warehouse


def main() -> None:
    """Run a command; an error that can be explained is one sentence and exit code 1."""
    try:
        app()
    except ExplainedError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
