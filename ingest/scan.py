"""The fast way through a JSON array whose records all look alike, as a vendor's printer writes them.

Records of equal length must equal the first of them in every byte but the digits of their values;
then they are read by position, all at once. Whatever is not like that is not read here: the caller
falls back on a parser, which gives the same rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Places = npt.NDArray[np.int64]
Rows = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float64] | Rows

ZERO = np.uint8(ord("0"))
MAX_RECORD_BYTES = 4096
MAX_DIGITS = 15
"""A whole number of more digits is not exact as a double: left to the parser."""
BLOCK = 1024
"""Records looked at together: they stay in the processor's cache."""
MAX_KINDS = 64
"""Lengths of records above which a document is not regular."""


@dataclass(frozen=True)
class Slot:
    """Where a value stands in records of one kind, without its quotes."""

    start: int
    stop: int
    quoted: bool


@dataclass(frozen=True)
class Layout:
    """A document as records that lie side by side, each with the separator that follows it."""

    body: bytes
    starts: Places
    lengths: Places
    gap: bytes
    """The separator."""


def scan_array(data: bytes, paths: Sequence[str], texts: Sequence[bool]) -> list[pa.Array] | None:
    """Read a regular JSON array of objects: one array a path, in the order of the records.

    Parameters
    ----------
    data : bytes
        The whole document.
    paths
        Dotted paths of the values to read, such as `value.bpm`.
    texts
        For each path whether it is a text (string array) or a number (float64 array).

    Returns
    -------
    list of pyarrow.Array or None
        None where the document is not regular: nothing is known about it then.
    """
    layout = find_layout(data)
    if layout is None:
        return None
    parts: list[tuple[Places, list[Values]]] = []
    for length in np.flatnonzero(np.bincount(layout.lengths)):
        rows = np.flatnonzero(layout.lengths == length)
        values = read_kind(layout, layout.starts[rows], int(length), paths, texts)
        if values is None:
            return None
        parts.append((rows, values))
    columns = []
    for place, is_text in enumerate(texts):
        pieces = [(rows, values[place]) for rows, values in parts]
        column = gather_texts(pieces) if is_text else gather_numbers(pieces)
        if column is None:
            return None
        columns.append(column)
    return columns


def find_layout(data: bytes) -> Layout | None:
    """Find where records begin, if the document is an array of objects with one separator."""
    body = data.strip()
    if not (body.startswith(b"[") and body.endswith(b"]")):
        return None
    first = body.find(b"{")
    record = first_record(body, first)
    if record is None or body[1:first].strip():
        return None
    starts = np.flatnonzero(np.frombuffer(body, np.uint8) == ord("{"))
    braces = record.count(b"{")
    if starts.size % braces:
        return None
    starts = starts[::braces]
    gap = body[first + len(record) : int(starts[1])] if starts.size > 1 else b","
    if gap.strip() != b",":
        return None
    # With a separator after the last record too, every byte belongs to one record and is looked at.
    body = body[:-1].rstrip() + gap
    lengths = np.diff(starts, append=len(body))
    regular = lengths.max() <= MAX_RECORD_BYTES and np.count_nonzero(np.bincount(lengths)) <= MAX_KINDS
    return Layout(body, starts, lengths, gap) if regular else None


def first_record(body: bytes, first: int) -> bytes | None:
    """The bytes of the object that begins at `first`; None if there is none, or not in plain ASCII."""
    if first < 0:
        return None
    try:
        text = body[first : first + MAX_RECORD_BYTES].decode("ascii")
        _, stop = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return text[:stop].encode()


def read_kind(
    layout: Layout, starts: Places, length: int, paths: Sequence[str], texts: Sequence[bool]
) -> list[Values] | None:
    """Read all records of one length; None if one of them differs from the first in more than digits.

    Returns for each path a float64 vector, or for a text its bytes as a matrix.
    """
    model = np.frombuffer(layout.body, np.uint8)[starts[0] : starts[0] + length]
    record = model.tobytes().removesuffix(layout.gap)
    slots = find_slots(record, paths) if len(record) + len(layout.gap) == length else None
    if slots is None:
        return None
    fixed = np.full(length, 0xFF, dtype=np.uint8)
    for slot, is_text in zip(slots, texts, strict=True):
        is_digit = (model[slot.start : slot.stop] - ZERO) <= 9
        if is_text != slot.quoted and not (slot.quoted and is_digit.all()):
            return None
        if not is_text and not (is_digit.all() and slot.stop - slot.start <= MAX_DIGITS):
            return None
        fixed[slot.start : slot.stop][is_digit] = 0
    # One window of `length` bytes at every place of the body, of which those at `starts` are copied.
    windows = np.ndarray(
        (len(layout.body) - length + 1,), dtype=f"V{length}", buffer=layout.body, strides=(1,)
    )
    blocks: list[list[Rows]] = []
    for first in range(0, starts.size, BLOCK):
        rows = windows[starts[first : first + BLOCK]].view(np.uint8).reshape(-1, length)
        if ((rows ^ model) & fixed).any():
            return None
        block = [np.ascontiguousarray(rows[:, slot.start : slot.stop]) for slot in slots]
        if not all(keeps_digits(value, slot, fixed) for value, slot in zip(block, slots, strict=True)):
            return None
        blocks.append(block)
    columns = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    return [value if is_text else join_digits(value) for value, is_text in zip(columns, texts, strict=True)]


def keeps_digits(value: Rows, slot: Slot, fixed: Rows) -> bool:
    """Whether values have digits where the first one has, and no leading zero that JSON forbids."""
    digits = value - ZERO
    if ((digits > 9) & (fixed[slot.start : slot.stop] == 0)).any():
        return False
    return slot.quoted or value.shape[1] == 1 or bool((digits[:, 0] != 0).all())


def find_slots(record: bytes, paths: Sequence[str]) -> list[Slot] | None:
    """Find the values of paths in one record; None where a key is not there exactly once."""
    try:
        parsed = json.loads(record)
    except (ValueError, RecursionError):
        return None
    slots = []
    for path in paths:
        value = parsed
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        key = path.rpartition(".")[2]
        found = list(
            re.finditer(
                rb'"%b"\s*:\s*("?)([^"\\,{}\[\]\s][^"\\,{}\[\]]*?)\1\s*(?=[,}])' % key.encode(), record
            )
        )
        if len(found) != 1 or record.count(b'"%b"' % key.encode()) != 1 or str(value).encode() != found[0][2]:
            return None
        slots.append(Slot(found[0].start(2), found[0].end(2), quoted=found[0][1] != b""))
    return slots


def join_digits(value: Rows) -> npt.NDArray[np.float64]:
    """Read a matrix of ASCII digits as whole numbers, one a row."""
    powers = 10.0 ** np.arange(value.shape[1] - 1, -1, -1)
    return (value - ZERO) @ powers


def gather_numbers(pieces: Sequence[tuple[Places, Values]]) -> pa.Array:
    """Put the numbers of all kinds of records back into the order of the document."""
    out = np.empty(sum(rows.size for rows, _ in pieces), dtype=np.float64)
    for rows, values in pieces:
        out[rows] = values
    return pa.array(out)


def gather_texts(pieces: Sequence[tuple[Places, Values]]) -> pa.Array | None:
    """Put the texts of all kinds back into order; None where they differ in length."""
    widths = {values.shape[1] for _, values in pieces}
    if len(widths) != 1:
        return None
    width, count = widths.pop(), sum(rows.size for rows, _ in pieces)
    out = np.empty((count, width), dtype=np.uint8)
    for rows, values in pieces:
        out[rows] = values
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int64)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(out)]
    return pa.Array.from_buffers(pa.large_string(), count, buffers)
