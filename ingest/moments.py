"""When records were: stamps and dates settled to instants of UTC with the offsets that held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.clock import DAY_US, MINUTE_US, Clock
from ingest.columns import Check, Flags, Instants, to_utc
from ingest.offsets import parse_zoned
from ingest.stamps import MISSING, parse_days


@dataclass(frozen=True)
class Moments:
    """Instants of UTC in microseconds since 1970, offsets, whether these were assumed, and lengths.

    `t_us` MISSING is a record without a time, which takes part in nothing. `span_s` is NaN where not known.
    """

    t_us: Instants
    offset_min: npt.NDArray[np.int16]
    assumed: Flags
    span_s: npt.NDArray[np.float64] | None = None

    def filter(self, keep: Flags) -> Moments:
        """Those where `keep` is true."""
        span = None if self.span_s is None else self.span_s[keep]
        return Moments(self.t_us[keep], self.offset_min[keep], self.assumed[keep], span)


def place_stamps(column: pa.ChunkedArray | pa.Array, clock: Clock) -> Moments:
    """ISO 8601 stamps as moments.

    One with an offset keeps it, as proven; one at Z or +00:00 is an instant and one without any is
    local time, and both take the clock's offset.
    """
    zoned = parse_zoned(column)
    good = zoned.t_us != MISSING
    given_us = np.where(good, zoned.t_us, 0)
    of_local, local_assumed = clock.of_local(given_us)
    t_us = np.where(zoned.naive, to_utc(given_us, of_local), given_us)
    of_utc, utc_assumed = clock.of_utc(t_us)
    own = ~zoned.naive & (zoned.offset_min != 0)
    offset = np.where(own, zoned.offset_min, np.where(zoned.naive, of_local, of_utc)).astype(np.int16)
    assumed = good & ~own & np.where(zoned.naive, local_assumed, utc_assumed)
    return Moments(np.where(good, t_us, MISSING), offset, assumed)


def place_local(local_us: Instants, clock: Clock) -> Moments:
    """Times of the local clock as moments; MISSING stays so."""
    good = local_us != MISSING
    given_us = np.where(good, local_us, 0)
    offset, assumed = clock.of_local(given_us)
    return Moments(np.where(good, to_utc(given_us, offset), MISSING), offset, assumed & good)


def place_days(column: pa.ChunkedArray | pa.Array, clock: Clock) -> Moments:
    """Dates such as 2024-05-01 as local midnights."""
    day = parse_days(column, ("YYYY-MM-DD",))
    return place_local(np.where(day == MISSING, MISSING, np.where(day == MISSING, 0, day) * DAY_US), clock)


def check_end(start_us: Instants, end_us: Instants, hours: int) -> list[Check]:
    """What may be wrong with the end of something that may last some hours."""
    both = (start_us != MISSING) & (end_us != MISSING)
    length_us = np.where(both, end_us, 0) - np.where(both, start_us, 0)
    return [
        (end_us == MISSING, "expected a date and time at which it ends"),
        (both & (length_us <= 0), "ends before it starts"),
        (both & (length_us > hours * 60 * MINUTE_US), f"longer than {hours} hours"),
    ]
