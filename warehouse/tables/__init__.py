"""Every table of the warehouse, declared once.

From these declarations come the DDL (`warehouse.store`), the Arrow schemas that stages stage, the
data dictionary (`meta.column_dictionary`, docs/dictionary.md), the merge of signals and the
replacement of results. A table that is not here does not exist.

Signals are declared as they are read, from views `signal.*`; their rows lie in `stored.*` with a number for
participant, source and device (`meta.stream`).

Instants are UTC and their columns end in `_utc`; a local day is derived from an instant and its
offset (`offset_min`, minutes east of UTC, as it held when and where the instant was recorded).
Units are UCUM codes; an empty unit is a name, an identifier or a flag.
"""

from __future__ import annotations

from warehouse.schema import Table
from warehouse.tables.effect import EFFECT
from warehouse.tables.feature import FEATURE
from warehouse.tables.meta import META
from warehouse.tables.model import MODEL
from warehouse.tables.report import REPORT
from warehouse.tables.signal import SIGNAL

TABLES: tuple[Table, ...] = (*META, *SIGNAL, *FEATURE, *MODEL, *EFFECT, *REPORT)
SCHEMAS: tuple[str, ...] = ("meta", "stored", "signal", "feature", "model", "report")
BY_NAME: dict[str, Table] = {table.full_name: table for table in TABLES}


def find_table(full_name: str) -> Table:
    """The declaration of a table such as `signal.heart_rate`; KeyError names those there are."""
    try:
        return BY_NAME[full_name]
    except KeyError:
        known = ", ".join(BY_NAME)
        raise KeyError(f"no table {full_name}: declared are {known}") from None
