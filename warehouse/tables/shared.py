"""Columns that many tables have."""

from __future__ import annotations

from warehouse.schema import BIG, DAY, REAL, SMALL, TEXT, Column

ALWAYS = "always there"
"""The least data of a column that is never null."""
DESIGN = "docs/design.md"

PARTICIPANT = Column("participant", TEXT, "pseudonym of the person", reference="given at enrolment")
DAY_COLUMN = Column(
    "day", DAY, "local day; a night has the local date of its final wake", reference=f"{DESIGN}, Time"
)
SOURCE = Column("source", TEXT, "the source (a module of ingest/files) that read the row")
DEVICE = Column("device", TEXT, "the device as the export or --device names it, else 'unknown'")
OFFSET = Column(
    "offset_min",
    SMALL,
    "offset from UTC that held at the instant",
    "min",
    minimum=ALWAYS,
    reference=f"{DESIGN}, Time",
)
ORIGIN = (
    Column("file_id", BIG, "the file it came from (meta.source_file)"),
    Column("record", BIG, "the record's number in that file, from 0"),
)
PROVENANCE = (
    Column(
        "source",
        TEXT,
        "source and device of the data used, 'source/device'; null if none",
        minimum="a row of data",
        reference=f"{DESIGN}, From signals to features",
    ),
    Column("method_version", TEXT, "version of the method that made the row", minimum=ALWAYS),
    Column("input_hash", TEXT, "hash of the inputs that made the row", minimum=ALWAYS),
)
REASON = Column(
    "reason", TEXT, "why the value is null; null where there is a value", minimum="a missing value"
)
QUALITY = Column("quality", TEXT, "good, fair or low; null where there is no value", minimum="a value")
COVERAGE = Column("coverage", REAL, "share of what would be complete data, 0 to 1", "1")
N_OBS = Column("n_obs", BIG, "observations that entered the value", "{count}", minimum=ALWAYS)
