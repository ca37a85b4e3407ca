"""Steps of whole dates in a Samsung Health export: all that is kept of the time before the last month."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from ingest.source import (
    MISSING,
    Batch,
    Clock,
    Rejected,
    check_instants,
    measure,
    parse_stamps,
    place_local,
    read_numbers,
    refuse_rows,
)

from .layout import DAY_US, FIRST_US, STAMP, STEPS_DAY
from .sheets import label

COMBINED = -2.0
"""Source type of the vendor's own sum over devices, which counts no step twice."""
EARLIEST_MS, LATEST_MS = 1e12, 4.1e12


def read_days(
    rows: pa.Table, clock: Clock, models: Mapping[str, str], latest_us: int
) -> Iterator[Batch | Rejected]:
    """Totals of dates, by device; the sum over devices is one of its own, called `combined`.

    `day_time` is the date's midnight as if it were UTC, in milliseconds since 1970 or as a stamp: the date counts,
    and is put at its local midnight.
    """
    number_ms, _ = read_numbers(rows["day_time"])
    is_number = (number_ms > EARLIEST_MS) & (number_ms < LATEST_MS)
    stamp_us = parse_stamps(rows["day_time"], STAMP)
    given_us = np.where(is_number, np.where(is_number, number_ms, 0).astype(np.int64) * 1000, stamp_us)
    local_us = np.where(given_us == MISSING, MISSING, given_us // DAY_US * DAY_US)
    when = place_local(local_us, clock)
    kind, _ = read_numbers(rows["source_type"])
    checks = [
        *check_instants(when.t_us, FIRST_US, latest_us),
        (np.isnan(kind), "expected a number in source_type"),
        *measure(rows, STEPS_DAY, when).checks,
    ]
    keep, refused = refuse_rows(rows, checks, "signal.vital")
    yield refused
    given = (~np.isnan(read_numbers(rows["count"])[0])) & (read_numbers(rows["count"])[0] != 0)
    keep &= given
    rows, kind = rows.filter(pa.array(keep)), kind[keep]
    pairs = zip(rows["deviceuuid"].to_pylist(), rows["pkg_name"].to_pylist(), kind.tolist(), strict=True)
    device = [
        "combined" if number == COMBINED else label(uuid, package, models) or f"source {number:.0f}"
        for uuid, package, number in pairs
    ]
    found = measure(rows, STEPS_DAY, when.filter(keep)).rows
    yield Batch("signal.vital", found.append_column("device", pa.array(device, pa.string())))
