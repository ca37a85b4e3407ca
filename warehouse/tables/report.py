"""Tables of the reports: what was said of a day and of a week."""

from __future__ import annotations

from warehouse.schema import BIG, DAY, INT, REAL, TEXT, Column, Table
from warehouse.tables.shared import DAY_COLUMN, PARTICIPANT, PROVENANCE, REASON

REPORT = (
    Table(
        "report",
        "insight",
        "what is worth saying of a day: values first, the sentence is rendered from them",
        "result",
        (
            PARTICIPANT,
            DAY_COLUMN,
            Column("rank", INT, "1 is said first", "{count}"),
            Column("kind", TEXT, "which template: ordinary, index, feature, too_little, learning"),
            Column("feature", TEXT, "the feature it speaks of; null for the day as a whole"),
            Column("direction", INT, "+1 more than usual, -1 less, 0 neither"),
            Column("value", REAL, "the value that it names, in the feature's unit"),
            Column("usual_lo", REAL, "low end of usual, same unit"),
            Column("usual_hi", REAL, "high end of usual, same unit"),
            Column("certainty", REAL, "probability that the value is away from usual in that direction", "1"),
            Column("text", TEXT, "the sentence"),
            *PROVENANCE,
        ),
        ("participant", "day", "rank"),
        partition="day",
    ),
    Table(
        "report",
        "week",
        "the weekly page: what it says and where it lies",
        "result",
        (
            PARTICIPANT,
            Column("day", DAY, "the Monday that the week starts with"),
            Column("iso_week", TEXT, "2020-W28"),
            Column("valid_days", INT, "days with enough wear", "d"),
            Column("valid_nights", INT, "nights with enough wear", "d"),
            Column("index_days", INT, "days with an index", "d"),
            Column("high_days", INT, "days above the usual range", "d"),
            Column("calm_days", INT, "days below the usual range", "d"),
            Column("tst_mean_min", REAL, "mean sleep a night", "min"),
            Column("sentence", TEXT, "the one sentence of the week"),
            Column("page_sha256", TEXT, "hash of the page"),
            Column("page_bytes", BIG, "its size", "By"),
            Column("page_path", TEXT, "where it lies, below the reports folder"),
            REASON,
            *PROVENANCE,
        ),
        ("participant", "day"),
        partition="day",
    ),
)
