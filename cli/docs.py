"""Write the generated pages of docs/: the dictionary and the features. `make docs` runs it."""

from __future__ import annotations

import sys
from pathlib import Path


def write_docs(folder: Path) -> None:
    """Write docs/dictionary.md, docs/features.md and docs/sources.md from the declarations."""
    (folder / "dictionary.md").write_text(dictionary(), encoding="utf-8")
    (folder / "features.md").write_text(features(), encoding="utf-8")
    (folder / "sources.md").write_text(sources(), encoding="utf-8")


def dictionary() -> str:
    """Write every table and column as Markdown."""
    from warehouse.ddl import SQL_TYPES
    from warehouse.tables import TABLES

    parts = [
        "# Dictionary",
        "",
        "Written from `warehouse/tables.py` by `make docs`; units are UCUM codes.",
        "",
    ]
    for table in TABLES:
        parts += [f"## {table.full_name}", "", f"{sentence(table.meaning)} Key: {', '.join(table.key)}.", ""]
        parts += ["| column | type | unit | meaning |", "|---|---|---|---|"]
        parts += [f"| {c.name} | {SQL_TYPES[c.type]} | {c.unit} | {cell(c.meaning)} |" for c in table.columns]
        parts.append("")
    return "\n".join(parts)


def features() -> str:
    """Write the catalogue of features as Markdown."""
    from features.catalog import catalog_rows

    parts = ["# Features", "", "Written from `features/catalog.py` by `make docs`.", ""]
    for row in catalog_rows().to_pylist():
        parts += [f"## {row['feature']}", "", f"{sentence(row['definition'])}", ""]
        shown = ("grain", "unit", "formula", "reads", "window", "minimum_data", "reach_days", "citation")
        parts += ["| | |", "|---|---|"]
        parts += [f"| {key.replace('_', ' ')} | {cell(str(row[key]))} |" for key in shown]
        parts.append("")
    return "\n".join(parts)


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


def sentence(text: str) -> str:
    """Begin with a capital and end with a stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def cell(text: str) -> str:
    """Keep a text inside its table cell."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    write_docs(Path(sys.argv[1]))
