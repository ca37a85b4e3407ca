"""dictionary.csv: every column of every file of an export, and what makes it; and README.txt."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from reports.export.tables import name_file
from warehouse.ddl import SQL_TYPES
from warehouse.dictionary import describe_columns
from warehouse.schema import INSTANT, Table

COLUMNS = (
    *("table", "column", "position", "type", "unit", "in_key", "meaning", "formula", "reference"),
    *("minimum_data", "since_version"),
)
ONE_LINE = {
    "parquet": """\
  pandas   pandas.read_parquet("feature_night.parquet")
  R        arrow::read_parquet("feature_night.parquet")
  DuckDB   duckdb.sql("from 'feature_night.parquet'")
""",
    "csv": """\
  pandas   pandas.read_csv("feature_night.csv", parse_dates=["day"])
  R        read.csv("feature_night.csv", na.strings = "")
  DuckDB   duckdb.sql("from 'feature_night.csv'")
""",
}

ZONED = "TIMESTAMP WITH TIME ZONE"
BESIDE = {
    "codes.json": "our own codes",
    "quality.csv": "quality and coverage of each point by its uuid",
    "omitted.csv": "what is not here, and why",
}
"""Files of the standards that are not a person's own."""


def name_standard(name: str) -> str:
    """Say what a file of a standard is."""
    return BESIDE.get(name, "what is told of one person")


def write_dictionary(tables: Sequence[Table], catalog: Sequence[dict[str, Any]], *, zoned: bool) -> str:
    """Write the dictionary of these tables as CSV (RFC 4180).

    Parameters
    ----------
    tables : sequence of Table
        As they leave.
    catalog : sequence of dict
        Rows of feature.catalog: what made a column of a feature, and since which version.
    zoned : bool
        Whether instants leave as UTC and say so; else on a clock that has no zone.
    """
    features = {(row["grain"], row["feature"]): row for row in catalog}
    files = {(table.schema, table.name): name_file(table) for table in tables}
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for row in describe_columns(tables).to_pylist():
        schema, name, column = row["schema_name"], row["table_name"], row["column_name"]
        feature = features.get((name, column), {}) if schema == "feature" else {}
        writer.writerow(
            {
                "table": files[schema, name],
                "column": column,
                **{key: row[key] for key in ("position", "unit", "meaning")},
                "type": ZONED if zoned and row["type"] == SQL_TYPES[INSTANT] else row["type"],
                "in_key": "true" if row["in_key"] else "false",
                "formula": feature.get("formula", ""),
                "reference": feature.get("citation") or row["reference"],
                "minimum_data": feature.get("minimum_data") or row["minimum"],
                "since_version": feature.get("since_version", ""),
            }
        )
    return out.getvalue()


def write_readme(kind: str, tables: Mapping[str, str], *, deidentified: bool, raw: bool) -> str:
    """Write README.txt: what lies in the folder, how to read it in one line, what to keep in mind.

    `tables` holds what each file is, by its name.
    """
    ending = "" if kind not in ONE_LINE else f"One line reads a file (in this folder):\n\n{ONE_LINE[kind]}\n"
    listed = "".join(f"  {name:<28} {meaning}".rstrip() + "\n" for name, meaning in tables.items())
    if kind in ONE_LINE:
        notes = [
            "A value that is missing is empty and has a reason beside it; it is never zero and never a guess."
        ]
    else:
        notes = [
            "A value that is missing is never zero and never a guess: omitted.csv says what is not here."
        ]
    if deidentified:
        notes.append(
            "Names and dates are not the true ones: ids are random, the dates of each person are moved by whole"
            " weeks. Somebody who holds other records of a person may still find them: keep this folder to"
            " yourself, and try to find nobody."
        )
        if kind not in ONE_LINE:
            notes.append(
                "'Z' after a time, or an offset of zero, is local time and not UTC: each time is of the person's own"
                " clock, moved; the standard asks for an offset, and the true one would tell where somebody lives."
            )
        else:
            notes.append(
                "Days of 23 and 25 hours are told as of 24, and what goes by the clock (feature_hour, feature_window,"
                " feature_episode) goes without the weekdays on which clocks change: either would tell true dates."
            )
    else:
        notes.append("Pseudonyms and dates are those of the warehouse: this folder is personal data.")
    if raw:
        notes.append("Series of beats and minutes tell who somebody is, whatever their labels.")
    return f"Steadyline export\n\n{listed}\n{ending}" + "".join(f"{note}\n" for note in notes)
