"""What a table looks like without names, zones, hashes and true dates; how rows are changed is in `read`.

Dates are moved by the person's whole weeks (`warehouse.aliases`); instants are told on the person's own
clock and moved as far. Offsets go, and with them the features that tell of offsets: they would tell where
somebody lives, and the night on which clocks change would tell by how many weeks the dates are moved.

For the same reason every day is told as one of 24 hours: of one with 23 or 25, what counts its minutes is scaled,
and how many observations a value has is not told of any. Hours cannot be scaled so that they agree with
everything else, so that tables by the clock go without whole weekdays: those on which clocks change.
"""

from __future__ import annotations

from dataclasses import replace

from warehouse.schema import DAY, INSTANT, Column, Table

ZONE_FEATURES = ("offset_onset_min", "offset_wake_min", "tz_change", "dst")
"""Features that tell the zone, or on which day clocks changed."""
DEVICES = ("source", "segment")
"""Columns that name a device: told as source and number."""
LEFT_OUT = ("offset_min", "input_hash")
VALUE = "feature.value"
COVERAGE_STEPS = 20
"""Of feature.value, coverage is told in steps of .05: 167 of 168 hours would be a week with a day of 23."""
CLOCK_TABLES = ("feature.hour", "feature.window", "feature.episode")
"""Tables by the clock: weekdays on which clocks change are left out of them, and days of travel."""
MINUTES_OF_A_DAY = ("worn_min",)
"""Features that count minutes of the local day, told as of a day of 24 hours.

Not those of waking minutes: clocks change at night, when nobody is taken to be awake of whom no sleep is known.
"""
MINUTE_SHARES = ("yield_minutes", "wear_minutes")
HOUR_SHARES = ("yield_hours", "wear_hours")
"""Features that are shares of the local day: told as whole minutes, or hours, of a day of 24 hours."""
SCALED = ("yielded_min", "valid_h", "worn_min", "worn_h")
"""Columns of feature.data_yield told as of a day of 24 hours, since 23 and 25 would tell which day it is."""
LENGTH = "minutes"
"""The column of feature.data_yield that says how long the day was."""
YIELD = "feature.data_yield"


def redeclare(table: Table) -> Table:
    """Declare a table as it leaves de-identified: columns renamed, gone, or with another meaning."""
    columns = {c.name: redeclare_column(table, c) for c in table.columns}
    kept = tuple(column for column in columns.values() if column is not None)
    key = tuple(column.name for name in table.key if (column := columns[name]) is not None)
    return replace(table, columns=kept, key=key)


def redeclare_column(table: Table, column: Column) -> Column | None:
    """Declare a column as it leaves de-identified; None where it does not."""
    if column.name in LEFT_OUT or (table.full_name, column.name) in ((YIELD, LENGTH), (VALUE, "n_obs")):
        return None
    moved = "moved by the person's whole weeks"
    if column.name == "participant":
        column = replace(column, meaning="random study id, the same in every de-identified export")
    elif column.name in DEVICES and table.kind == "result":
        meaning = "source of the data, and a number for each device in order of the person's first use"
        column = replace(column, meaning=f"{meaning}; null if none")
    elif column.type == DAY:
        column = replace(column, meaning=f"{column.meaning}; {moved}")
    elif column.type == INSTANT:
        name = f"{column.name.removesuffix('_utc')}_local"
        column = replace(column, name=name, meaning=f"{column.meaning}, on the person's own clock, {moved}")
    elif table.full_name == VALUE and column.name == "value":
        column = replace(column, meaning=f"{column.meaning}; of a whole day as of one of 24 h")
    elif table.full_name == VALUE and column.name == "coverage":
        column = replace(column, meaning=f"{column.meaning}, in steps of .05")
    elif table.full_name == YIELD and column.name in SCALED:
        column = replace(column, meaning=f"{column.meaning}; as of a day of 24 h")
    return column
