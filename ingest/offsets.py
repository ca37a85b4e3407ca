"""Stamps that carry their own offset from UTC, and the clock that such stamps prove."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.clock import DAY_US, MINUTE_US, Clock, Midnights, settle_clock, zone_offsets, zone_steps
from ingest.stamps import MISSING, parse_stamps

Instants = npt.NDArray[np.int64]
Offsets = npt.NDArray[np.int16]
Flags = npt.NDArray[np.bool_]

STAMP = (
    r"^\s*(?P<day>\d{4}-\d\d-\d\d)[T ](?P<minute>\d\d:\d\d)(?P<second>:\d\d)?(?:[.,](?P<fraction>\d{1,9}))?"
    r"\s*(?P<sign>[Zz+-]?)(?:(?P<hours>\d\d):?(?P<minutes>\d\d)?)?\s*$"
)
"""An ISO 8601 date and time, with a T or a space, to the minute or finer, with or without an offset."""
MAX_OFFSET_MIN = 14 * 60
"""No zone is further from UTC: Kiribati is 14 hours ahead."""


@dataclass(frozen=True)
class Zoned:
    """Stamps read: instants, the offset each was written with, and where none was written.

    `t_us` is in microseconds since 1970, of UTC where an offset (or Z) is written, of the local clock
    where `naive`; MISSING where there is no such date, time or offset. `offset_min` is 0 for Z.
    """

    t_us: Instants
    offset_min: Offsets
    naive: Flags


def parse_zoned(column: pa.ChunkedArray | pa.Array) -> Zoned:
    """Read ISO 8601 stamps such as `2024-03-31 01:59:59.123+01:00`, `…Z`, or without an offset."""
    text = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    found = pc.extract_regex(text, STAMP)
    part = {name: pc.fill_null(pc.struct_field(found, name), "") for name in found.type.names}
    second = pc.if_else(pc.equal(part["second"], ""), ":00", part["second"])
    stamp = pc.binary_join_element_wise(part["day"], "T", part["minute"], second, "")
    t_us = parse_stamps(stamp, ("YYYY-MM-DDThh:mm:ss",))
    fraction_us = whole(pc.utf8_slice_codeunits(pc.utf8_rpad(part["fraction"], 6, "0"), 0, 6))
    sign = np.asarray(part["sign"].to_numpy(zero_copy_only=False), dtype=np.str_)
    signed = (sign == "+") | (sign == "-")
    minutes = whole(part["minutes"])
    offset = np.where(sign == "-", -1, 1) * (whole(part["hours"]) * 60 + minutes)
    digits = np.asarray(pc.not_equal(part["hours"], "").to_numpy(zero_copy_only=False))
    # An offset is a sign with hours, or a Z without any.
    wrong = (signed != digits) | (np.abs(offset) > MAX_OFFSET_MIN) | (minutes > 59) | (t_us == MISSING)
    offset = np.where(wrong, 0, offset)
    utc_us = np.where(wrong, MISSING, t_us + fraction_us - offset * MINUTE_US)
    return Zoned(utc_us, offset.astype(np.int16), np.asarray(sign == "", dtype=np.bool_))


def whole(digits: pa.Array) -> Instants:
    """Texts of digits as numbers; 0 for an empty one."""
    filled = pc.if_else(pc.equal(digits, ""), "0", digits)
    return np.asarray(filled.cast(pa.int64()).to_numpy(), dtype=np.int64)


def prove_clock(zone: str, t_us: Instants, offset_min: Offsets) -> Clock:
    """A clock of the person's zone, corrected at each midnight nearest to an instant whose offset is known.

    For streams without offsets beside others that have them. An offset that is no whole quarter hour
    proves nothing; of two at one midnight the later instant counts.

    Parameters
    ----------
    zone
        IANA zone of the person.
    t_us, offset_min
        Instants of UTC and the offsets that held at them.
    """
    order = np.lexsort((offset_min, t_us))
    t_us, offset = t_us[order], offset_min[order].astype(np.int64)
    local_us = t_us + offset * MINUTE_US
    midnight = (local_us + DAY_US // 2) // DAY_US
    # How far the person is off their zone, carried from the instant to the midnight: between the two
    # the zone's own clocks may change.
    steps = zone_steps(zone)
    shift = offset - zone_offsets(steps, t_us)
    at_midnight = zone_offsets(steps, midnight * DAY_US, local=True) + shift
    edge_us = {int(m): int(m * DAY_US - o * MINUTE_US) for m, o in zip(midnight, at_midnight, strict=True)}
    days = sorted({day for m in edge_us for day in (m - 1, m)})
    # A day's first stamp is at its midnight if that is known, else so late that it says nothing.
    first = [edge_us.get(day, (day + 2) * DAY_US) for day in days]
    last = [edge_us.get(day + 1, (day - 1) * DAY_US) for day in days]
    edges = np.array([first, last], dtype=np.int64).reshape(2, -1)
    return settle_clock(zone, Midnights(np.array(days, dtype=np.int64), edges[0], edges[1]))
