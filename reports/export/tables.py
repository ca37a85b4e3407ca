"""Which tables leave: those that are published, wide nights and days, and what an export adds to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from warehouse.dictionary import declare_wide
from warehouse.publish import PUBLISHED
from warehouse.schema import BIG, DAY, REAL, TEXT, Column, Table
from warehouse.tables import find_table
from warehouse.tables.shared import ALWAYS, DAY_COLUMN, PARTICIPANT

RAW = ("beat", "heart_rate", "steps", "eda", "acceleration", "pulse_wave")
"""Signals that are series of beats, minutes or samples: they tell who somebody is whatever their labels."""
ORIGIN = ("file_id", "record")
"""Columns of a signal that are of use only beside the ledger of files."""
MINUTES_OF_DAY = 24 * 60
HOW = "docs/export.md"

PERSON = Table(
    "study",
    "person",
    "the people in this export",
    "meta",
    (
        PARTICIPANT,
        Column("age_band", TEXT, "age band as the person set it; null where they did not"),
        Column("source", TEXT, "source and number of every device, commas between"),
    ),
    ("participant",),
    minimum="null where it is not known or left out",
    reference=HOW,
)
TAG = Table(
    "study",
    "tag",
    "days on which a person noted something; only what enough people noted",
    "meta",
    (PARTICIPANT, DAY_COLUMN, Column("tag", TEXT, "kind of event (signal.event)")),
    ("participant", "day", "tag"),
    minimum=ALWAYS,
    reference=HOW,
)
MISSING = Table(
    "",
    "missing",
    "how many values are missing, and why",
    "meta",
    (
        PARTICIPANT,
        Column("feature", TEXT, "name (feature.catalog), or index"),
        Column("reason", TEXT, "why the value is null, without its figures"),
        Column("days", BIG, "days on which it is null for that", "d"),
    ),
    ("participant", "feature", "reason"),
    minimum=ALWAYS,
    reference=HOW,
)


def list_tables(
    catalog: Sequence[dict[str, Any]], *, raw: bool, study: bool, left_out: Collection[str] = ()
) -> list[Table]:
    """List the tables that leave, in the order in which they are written.

    Parameters
    ----------
    catalog : sequence of dict
        Rows of feature.catalog of the features that leave.
    raw : bool
        Whether series of beats and minutes leave too.
    study : bool
        Whether the people and what they noted leave too, besides the published tables and the wide ones.
    left_out : collection of str
        Columns of these two that do not leave: age_band, tag.
    """
    tables = [*(table for table in PUBLISHED if table.schema != "meta"), *declare_wide(catalog)]
    if study:
        kept = tuple(c for c in PERSON.columns if c.name not in left_out)
        tables += [replace(PERSON, columns=kept), *([] if "tag" in left_out else [TAG])]
    if raw:
        tables += [_without_origin(find_table(f"signal.{name}")) for name in RAW]
    return tables


def name_file(table: Table) -> str:
    """Name the file of a table, without its ending: feature_value."""
    return f"{table.schema}_{table.name}" if table.schema else table.name


def declare_yield(sensors: Sequence[str]) -> Table:
    """Declare the report of data yield: a row a person, a column a sensor."""
    columns = (
        PARTICIPANT,
        Column("first_day", DAY, "first day on which a device recorded something"),
        Column("last_day", DAY, "last such day"),
        Column("days", BIG, "days from the first to the last, both counted", "d"),
        Column("days_with_values", BIG, "of these, days with at least one value", "d"),
        Column("valid_days", BIG, "days with enough wear (valid_day)", "d"),
        Column("valid_nights", BIG, "nights with enough wear (valid_night)", "d"),
        Column("index_days", BIG, "days with an index", "d"),
        Column("worn_share", REAL, "minutes worn over the minutes of all these days", "1"),
        *(
            Column(f"{sensor}_share", REAL, f"minutes with {sensor} over the minutes of all these days", "1")
            for sensor in sensors
        ),
    )
    meaning = "how much data there is of each person; of several devices, the one with most that day"
    minimum = f"{ALWAYS}; 0 where there is none"
    return Table("", "data_yield", meaning, "meta", columns, ("participant",), minimum=minimum, reference=HOW)


def _without_origin(table: Table) -> Table:
    """Declare a signal as it leaves."""
    return replace(
        table,
        columns=tuple(c for c in table.columns if c.name not in ORIGIN),
        minimum=table.minimum or "null where the device does not give it",
        reference=table.reference or "docs/sources.md",
    )
