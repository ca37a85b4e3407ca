"""Tables of features: the catalogue, their values, wear by hour."""

from __future__ import annotations

from warehouse.schema import INSTANT, INT, REAL, TEXT, Column, Table
from warehouse.tables.shared import (
    COVERAGE,
    DAY_COLUMN,
    N_OBS,
    OFFSET,
    PARTICIPANT,
    PROVENANCE,
    QUALITY,
    REASON,
)

FEATURE = (
    Table(
        "feature",
        "catalog",
        "what each feature is; made from features/catalog.py",
        "meta",
        (
            Column("feature", TEXT, "its name"),
            Column("grain", TEXT, "night or day"),
            Column("unit", TEXT, "UCUM unit"),
            Column("definition", TEXT, "what it is, in one sentence"),
            Column("formula", TEXT, "how it is computed"),
            Column("reads", TEXT, "tables it reads, comma separated"),
            Column("window", TEXT, "the time it looks at"),
            Column("minimum_data", TEXT, "below this it is null"),
            Column("direction", INT, "+1 or -1 where more or less of it means more load; 0 if descriptive"),
            Column("reach_days", INT, "how many later days a change in its input reaches", "d"),
            Column("citation", TEXT, "source, with DOI where there is one"),
            Column("since_version", TEXT, "first version that computes it"),
        ),
        ("feature",),
    ),
    Table(
        "feature",
        "value",
        "every feature of every participant-day, long: the truth behind feature.night and feature.day",
        "result",
        (
            PARTICIPANT,
            DAY_COLUMN,
            Column("feature", TEXT, "name (feature.catalog)"),
            Column("value", REAL, "the value, in the catalogue's unit; null with a reason"),
            Column("se", REAL, "its standard error, same unit; null where not estimated"),
            N_OBS,
            COVERAGE,
            QUALITY,
            REASON,
            *PROVENANCE,
        ),
        ("participant", "day", "feature"),
        partition="day",
    ),
    Table(
        "feature",
        "hour",
        "wear, hour by hour: totals depend on it, so it is shown with them",
        "result",
        (
            PARTICIPANT,
            DAY_COLUMN,
            Column("hour_utc", INSTANT, "start of the hour"),
            OFFSET,
            Column("worn_min", REAL, "minutes with a heart rate of confidence above 0", "min"),
            Column("asleep_min", REAL, "minutes asleep in it", "min"),
            Column("hr_bpm", REAL, "mean heart rate of its worn minutes; null if none", "/min"),
            Column("steps", INT, "steps; null where not worn and none counted", "{count}"),
            *PROVENANCE,
        ),
        ("participant", "day", "hour_utc"),
        partition="day",
    ),
)
