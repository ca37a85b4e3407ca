"""The command that tells of features: what there is, and what they are over free segments of time."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.look import AsJson, Wait, print_json, print_table
from cli.nightly import utc_now
from cli.settings import read_settings

if TYPE_CHECKING:
    import pyarrow as pa

TITLES = {"night": "of a night", "day": "of a local day", "window": "of a window of 5 minutes"}
"""What a feature of each grain is of."""


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(features)


def features(
    name: Annotated[str | None, typer.Argument(help="One feature; all of them where left out.")] = None,
    segments: Annotated[
        Path | None,
        typer.Option(help="Measure the segments of time that this YAML file names: see docs/segments.md."),
    ] = None,
    participant: Annotated[
        str | None, typer.Option(help="With --segments: one person. Else: everyone who allowed research.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --segments: write all rows to a .csv or .parquet file.")
    ] = None,
    wait: Wait = 60.0,
    as_json: AsJson = False,
) -> None:
    """List the features: what each is, its unit and where it comes from; or measure segments of time."""
    if segments is not None:
        if name is not None:
            typer.echo(f"Give the name of a feature ({name}) or --segments, not both.", err=True)
            raise typer.Exit(2)
        show_segments(segments, participant=participant, out=out, wait_s=wait, as_json=as_json)
        return
    if participant is not None or out is not None:
        typer.echo("--participant and --out go with --segments FILE: see docs/segments.md.", err=True)
        raise typer.Exit(2)
    show_catalogue(name, as_json=as_json)


def show_catalogue(name: str | None, *, as_json: bool) -> None:
    """Print the catalogue, or one feature of it."""
    from features.catalog import catalog_rows

    rows = catalog_rows().to_pylist()
    if name is not None:
        rows = [row for row in rows if row["feature"] == name]
        if not rows:
            typer.echo(f"There is no feature {name}: 'steadyline features' lists those there are.", err=True)
            raise typer.Exit(2)
    if as_json:
        print_json(rows)
    elif name is not None:
        print_table(name, [{"what": key, "is": value} for key, value in rows[0].items()], empty="")
    else:
        for grain in dict.fromkeys(row["grain"] for row in rows):
            some = [row for row in rows if row["grain"] == grain]
            shown = [{key: row[key] for key in ("feature", "unit", "definition")} for row in some]
            print_table(f"features {TITLES.get(grain, grain)} ({len(some)})", shown, empty="none")
        typer.echo("'steadyline features NAME' tells all of one: formula, least data, source.")


def show_segments(
    file: Path, *, participant: str | None, out: Path | None, wait_s: float, as_json: bool
) -> None:
    """Measure the segments of a file; write the rows, or print them, or say in short what they hold."""
    from features.segment_export import check_target, measure_segments, write_rows
    from features.segments import SegmentError, read_segments

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SegmentError(f"{file} cannot be read as text ({error}): name a file of segments.") from error
    wanted = read_segments(text, file=file.name)
    if out is not None:
        check_target(out)
    warehouse = read_settings(os.environ).warehouse
    tables = measure_segments(warehouse, wanted, participant=participant, wait_s=wait_s)
    form = out.suffix.removeprefix(".") if out is not None else "json" if as_json else "screen"
    release = release_of(form, participant, wait_s)
    if out is not None:
        people, rows = write_rows(tables, out, release=release)
        if as_json:
            print_json({"file": str(out), "people": people, "rows": rows})
        else:
            typer.echo(f"{out}: {count(rows, 'row')} of {count(people, 'person', 'people')}")
        return
    found = list(tables)
    with release([str(table["participant"][0]) for table in found]):
        if as_json:
            print_json([row for table in found for row in table.to_pylist()])
            return
        for segment in wanted:
            print_table(segment.name, summarise(found, segment.name), empty="none in the time with data")
    typer.echo("All rows, each with coverage and reason: add --out FILE.csv, FILE.parquet or --json.")


def release_of(
    form: str, participant: str | None, wait_s: float
) -> Callable[[list[str]], AbstractContextManager[None]]:
    """How segments are handed over: one person's are their own, everybody's leave for others, on a screen too."""
    from functools import partial

    from warehouse.consent import releasing

    if participant is not None:
        return lambda _: nullcontext()
    warehouse = read_settings(os.environ).warehouse
    return partial(releasing, warehouse, way="export", format=form, now=utc_now(), wait_s=wait_s)


def summarise(tables: Sequence[pa.Table], segment: str) -> list[dict[str, Any]]:
    """Say of each feature of a segment in how many instances it is known, its median, and what mostly lacks."""
    from collections import Counter
    from statistics import median

    rows = [
        row
        for table in tables
        for row in table.select(["segment", "feature", "value", "unit", "reason"]).to_pylist()
        if row["segment"] == segment
    ]
    short = []
    for feature in dict.fromkeys(row["feature"] for row in rows):
        mine = [row for row in rows if row["feature"] == feature]
        values = [row["value"] for row in mine if row["value"] is not None]
        reasons = Counter(row["reason"] for row in mine if row["reason"] is not None)
        short.append(
            {
                "feature": feature,
                "median": float(median(values)) if values else None,
                "unit": mine[0]["unit"],
                "known": len(values),
                "of": len(mine),
                "mostly missing for": reasons.most_common(1)[0][0] if reasons else "",
            }
        )
    return short


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number with its word: 1 row, 1,200 rows."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
