"""Sleep logs with instants of UTC, and their stages, as rows of their tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ingest.clock import Clock
from ingest.columns import Flags, constant, instants, lay_out
from ingest.moments import Moments
from ingest.stretches import Stretches, overlay


def lay_out_episodes(
    rows: pa.Table, start: Moments, end: Moments, *, staged: Flags, main: pa.Array, in_bed: bool | None
) -> pa.Table:
    """Rows of `signal.sleep_episode`.

    Parameters
    ----------
    rows
        `member`, `record` and `episode`, the identifier of each log.
    start, end
        The logs' edges.
    staged
        Which logs have stages.
    main
        Booleans: whether it is the main sleep; null where not said.
    in_bed
        Whether the logs are of time in bed.
    """
    count = rows.num_rows
    columns = {
        "episode": rows["episode"],
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us),
        "end_offset_min": pa.array(end.offset_min),
        "scoring": pa.array(np.where(staged, "stages", ""), pa.string(), mask=~staged),
        "vendor_main": main,
        "in_bed": pa.nulls(count, pa.bool_()) if in_bed is None else constant(in_bed, count),
        "tz_assumed": pa.array(start.assumed | end.assumed),
        "revision": pa.nulls(count, pa.int64()),
    }
    return lay_out(rows, columns)


def lay_out_stages(rows: pa.Table, parts: Stretches, start: Moments, end: Moments, clock: Clock) -> pa.Table:
    """Rows of `signal.sleep_stage`: stretches cut to their logs, equal neighbours joined, '' left out.

    Parameters
    ----------
    rows
        `member`, `record` and `episode` of the logs.
    parts
        Stretches in microseconds of UTC; `log` is a row of `rows`.
    """
    nothing = parts.filter(np.zeros(parts.log.size, dtype=np.bool_))
    cut = overlay(parts, nothing, start.t_us, end.t_us)
    logs = rows.select(["member", "record", "episode"]).take(pa.array(cut.log))
    columns = {
        "episode": logs["episode"],
        "t_utc": instants(cut.start_us),
        "offset_min": pa.array(clock.of_utc(cut.start_us)[0]),
        "end_utc": instants(cut.end_us),
        "stage": pa.array(cut.stage.tolist(), pa.string()),
        "revision": pa.nulls(cut.log.size, pa.int64()),
    }
    return lay_out(logs, columns)
