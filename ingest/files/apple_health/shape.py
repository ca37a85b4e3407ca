"""What both readers of a document give: flat records, and texts by number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.void]
Words = dict[str, int]
"""Texts that occurred, each once, with their numbers in order."""

TEXTS = ("source", "version", "device", "unit", "label", "zone")
"""Columns of RECORD that hold numbers of texts; -1 where absent."""

RECORD = np.dtype(
    [
        ("number", np.int64),
        ("at", np.int64),
        ("start_us", np.int64),
        ("end_us", np.int64),
        ("value", np.float64),
        *((name, np.int32) for name in TEXTS),
        ("kind", np.int8),
    ]
)
"""One record: its number and first byte in the file, its time in UTC, what it says.

`value` is NaN where there is none. `label` is a value that is a word. `kind` is a place in KINDS.
"""

BEAT = np.dtype([("row", np.int32), ("wall_ms", np.int32), ("bpm", np.float32)])
"""One entry of a beat list: the row of its record, its wall-clock time within twelve hours, its rate.

Hours are known but for the half of the day: whether a list says 6 PM or 18 does not matter, because
its day and its half are those of the record.
"""

HALF_DAY_MS = 12 * 3_600_000


def number_word(words: Words, text: str) -> int:
    """The number of a text."""
    return words.setdefault(text, len(words))


class Wanted(NamedTuple):
    """The types of records wanted, one behind the other, where each begins, and what their values are."""

    names: Bytes
    edges: Ints
    says: Bytes
    """NUMBER, WORD, NOTHING, or LEAVE for the careful reader."""


class Found(NamedTuple):
    """Arrays that a scan fills: records and entries of beat lists, and beside them what they need.

    `texts` has where each text of a column stands, `later` the row, start and stop of numbers with too
    many digits, `note` where and why the scan stopped.
    """

    rows: Rows
    beats: Rows
    texts: Ints
    later: Ints
    note: Ints
