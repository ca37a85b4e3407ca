"""Write the generated pages of docs/: the dictionary and the features. `make docs` runs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warehouse.schema import Table


def write_docs(folder: Path) -> None:
    """Write docs/dictionary.md, docs/features.md and docs/sources.md, and the tables of docs/model-card.md."""
    (folder / "dictionary.md").write_text(dictionary(), encoding="utf-8")
    (folder / "features.md").write_text(features(), encoding="utf-8")
    (folder / "sources.md").write_text(sources(), encoding="utf-8")
    write_messages()
    card = folder / "model-card.md"
    card.write_text(model_card(card.read_text(encoding="utf-8"), folder), encoding="utf-8")


def write_messages() -> None:
    """Write reports/locale/messages.pot, the empty form of a translation, from the English catalogue."""
    from reports.catalogue import LOCALES, load_language, make_template

    (LOCALES / "messages.pot").write_bytes(make_template(load_language().messages))


def dictionary() -> str:
    """Write every table and column as Markdown."""
    from itertools import groupby

    from features.catalog import catalog_rows
    from warehouse.dictionary import declare_wide, describe_columns
    from warehouse.publish import PUBLICATION
    from warehouse.tables import TABLES

    catalog = catalog_rows().to_pylist()
    tables = (*TABLES, PUBLICATION)
    wide = declare_wide(catalog)
    about = {(table.schema, table.name): table for table in (*tables, *wide)}
    rows = describe_columns(tables, catalog).to_pylist()
    parts = [
        "# Dictionary",
        "",
        "Written from `warehouse/tables/` and `features/catalog/` by `make docs`; the same is in the table",
        "`meta.column_dictionary` of the warehouse and of the published file. Units are UCUM codes: `{feature}`",
        "is the unit of the row's feature; names, identifiers, flags, dates and instants (UTC) have none. Below",
        "its least data a value is null.",
        "",
    ]
    for key, columns in groupby(rows, key=lambda row: (row["schema_name"], row["table_name"])):
        parts += describe_table(about[key], list(columns))
    return "\n".join(parts)


def describe_table(table: Table, rows: list[dict[str, Any]]) -> list[str]:
    """Lines on a table and its columns; least data and reference where every column has them."""
    lines = [f"## {table.full_name}", "", f"{sentence(table.meaning)} Key: {', '.join(table.key)}.", ""]
    titles = ["column", "type", "unit", "meaning"]
    keys = ["column_name", *titles[1:]]
    if all(row["minimum"] and row["reference"] for row in rows):
        titles, keys = [*titles, "least data", "reference"], [*keys, "minimum", "reference"]
        if table.minimum:
            lines += [f"Where a column says nothing else, its least data: {cell(table.minimum)}.", ""]
        if table.reference:
            lines += [f"Where a column says nothing else, its reference: {cell(table.reference)}.", ""]
    inherited = {("minimum", table.minimum), ("reference", table.reference)}
    lines += [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for row in rows:
        told = ("" if (key, row[key]) in inherited else cell(row[key]) for key in keys)
        lines.append(f"| {' | '.join(told)} |")
    return [*lines, ""]


GRAINS = {
    "night": ("Nights", "Values of `feature.value` and columns of `feature.night`, dated by the final wake."),
    "day": ("Days", "Values of `feature.value` and columns of `feature.day`, of local days."),
    "window": (
        "Windows of five minutes",
        "Columns of `feature.window`: heart rate variability of windows aligned to :00, :05 … of UTC.",
    ),
}
"""Title and meaning of each grain; a grain that is not named here stands under its own name."""

DETAILS = {
    "formula": "formula",
    "window": "looks at",
    "minimum_data": "least data",
    "reads": "reads",
    "direction": "more of it means",
    "reach_days": "a change reaches",
    "since_version": "since",
    "citation": "source",
}
"""What is told of each feature besides its unit and definition: column of the catalogue and its name."""


def features() -> str:
    """Write the catalogue of features as Markdown: an overview of each grain, then each feature."""
    from features.catalog import catalog_rows
    from features.segment_measures import FEATURES

    rows = catalog_rows().to_pylist()
    grains = dict.fromkeys(row["grain"] for row in rows)
    titles = {grain: GRAINS.get(grain, (grain.capitalize(), f"Features of a {grain}.")) for grain in grains}
    parts = ["# Features", "", "Written from `features/catalog/` by `make docs`; units are UCUM codes.", ""]
    parts += ["| features of | how many | |", "|---|---|---|"]
    for grain, (title, meaning) in titles.items():
        parts.append(f"| {link(title)} | {sum(row['grain'] == grain for row in rows)} | {meaning} |")
    parts += [f"| {link(SEGMENTS)} | {len(FEATURES)} | Rows of an export, of any stretch of time. |", ""]
    parts += ["A value below its least data is null, and a reason stands beside it.", ""]
    for grain, (title, meaning) in titles.items():
        mine = [row for row in rows if row["grain"] == grain]
        parts += [f"## {title}", "", meaning, "", "| feature | unit | what it is |", "|---|---|---|"]
        parts += [f"| {link(r['feature'])} | {cell(r['unit'])} | {cell(r['definition'])} |" for r in mine]
        parts.append("")
        for row in mine:
            parts += describe_feature(row)
    return "\n".join([*parts, *describe_segments()])


def describe_feature(row: dict[str, Any]) -> list[str]:
    """Lines on one feature."""
    told = row | {
        "direction": {1: "more load", -1: "less load"}.get(row["direction"], "–"),
        "reach_days": f"{row['reach_days']} day{'s' if row['reach_days'] != 1 else ''}",
        "reads": row["reads"].replace(",", ", "),
    }
    lines = [f"### {row['feature']}", "", f"{sentence(row['definition'])} Unit: `{row['unit']}`.", ""]
    lines += ["| | |", "|---|---|"]
    return [*lines, *(f"| {name} | {cell(str(told[key]))} |" for key, name in DETAILS.items()), ""]


SEGMENTS = "Free segments"


def describe_segments() -> list[str]:
    """Lines on the features of free segments."""
    from features.segment_measures import FEATURES

    lines = [f"## {SEGMENTS}", ""]
    lines += [
        "Made by `steadyline features --segments FILE` ([segments.md](segments.md)) and not stored.",
        "",
    ]
    lines += ["| feature | unit | what it is | least data |", "|---|---|---|---|"]
    return [
        *lines,
        *(f"| {f.name} | {f.unit} | {cell(f.definition)} | {cell(f.needs)} |" for f in FEATURES),
        "",
    ]


def link(title: str) -> str:
    """Link to a heading of the same page."""
    return f"[{title}](#{title.lower().replace(' ', '-')})"


def sources() -> str:
    """Write what each source takes, and how a person gets the export, as Markdown."""
    from ingest.registry import SOURCES

    parts = ["# Sources", "", "Written from the registry (`ingest/registry.py`) by `make docs`.", ""]
    parts += ["| source | device | files | signals |", "|---|---|---|---|"]
    parts += [
        f"| [{s.NAME}](#{s.NAME}) | {cell(s.ABOUT.device)} | {cell(s.ABOUT.layouts)} | {cell(s.ABOUT.signals)} |"
        for s in SOURCES
    ]
    for source in SOURCES:
        about = source.ABOUT
        parts += ["", f"## {source.NAME}", "", sentence(f"{about.device}: {about.signals}"), ""]
        parts += ["| | |", "|---|---|", f"| how to get it | {cell(about.how_to_export)} |"]
        parts += [f"| local time | {cell(about.zone)} |", f"| quirks | {cell(about.quirks)} |"]
    return "\n".join([*parts, ""])


def model_card(card: str, folder: Path) -> str:
    """Lay parameters, simulations and reports, as they stand below a folder, into the model card."""
    import json

    from models.parameters import load_parameters
    from models.validate import card as tables

    def read(name: str) -> Any:
        return json.loads((folder / name).read_text(encoding="utf-8"))

    parameters = load_parameters()
    blocks = {
        "features": tables.lay_features(parameters),
        "choices": tables.lay_choices(parameters),
        "calibration": tables.lay_calibration(read("figures/calibration.json")),
    }
    reports = ("pmdata", "wesad", "sleep_accel")
    return tables.fill(
        card, blocks | {name: tables.lay_report(read(f"validation/{name}.json")) for name in reports}
    )


def sentence(text: str) -> str:
    """Begin with a capital and end with a stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def cell(text: str) -> str:
    """Keep a text inside its table cell."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    write_docs(Path(sys.argv[1]))
