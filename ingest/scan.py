"""The fast way through a JSON array whose records all look alike, as a vendor's printer writes them.

Every record must equal the first one in every byte but the digits of its values; then the values are read
where they stand. Whatever is not like that is not read here: the caller falls back on a parser, which gives
the same rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]

MAX_RECORD_BYTES = 4096
SPACE = b" \t\r\n"
"""What JSON counts as white space; Python counts more."""


@dataclass(frozen=True)
class Slot:
    """Where a value stands in a record, without its quotes; what it is, and its place among those asked for."""

    start: int
    stop: int
    quoted: bool
    is_text: bool
    asked: int


@dataclass(frozen=True)
class Layout:
    """A document of records that lie side by side, as its first ones show it."""

    first: int
    """Where the first record begins."""
    stop: int
    """Where the array is closed."""
    record: bytes
    gap: bytes
    """What stands between two records."""


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
    slots = find_slots(layout.record, paths, texts) if layout else None
    if layout is None or slots is None:
        return None
    return read_slots(data, layout, slots)


def find_layout(data: bytes) -> Layout | None:
    """Find the first record and what separates it from the second, if the document is an array of objects."""
    first, last = data.find(b"{"), data.rfind(b"]")
    record = first_record(data, first)
    if record is None or last < first or data[:first].strip(SPACE) != b"[" or data[last + 1 :].strip(SPACE):
        return None
    second = data.find(b"{", first + len(record))
    gap = data[first + len(record) : second] if second >= 0 else b","
    return Layout(first, last, record, gap) if gap.strip(SPACE) == b"," else None


def first_record(data: bytes, first: int) -> bytes | None:
    """The bytes of the object that begins at `first`; None if there is none, or not in plain ASCII."""
    if first < 0:
        return None
    try:
        text = data[first : first + MAX_RECORD_BYTES].decode("ascii")
        _, stop = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return text[:stop].encode()


def find_slots(record: bytes, paths: Sequence[str], texts: Sequence[bool]) -> list[Slot] | None:
    """Find the values of paths in one record, in the order in which they stand there.

    None where a key is not there exactly once, or where a number is not a whole one of a few digits.
    """
    parsed = json.loads(record)
    slots = []
    for asked, (path, is_text) in enumerate(zip(paths, texts, strict=True)):
        value = parsed
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        name = re.escape(path.rpartition(".")[2].encode())
        found = list(
            re.finditer(rb'"%b"\s*:\s*("?)([^"\\,{}\[\]\s][^"\\,{}\[\]]*?)\1\s*(?=[,}])' % name, record)
        )
        if (
            len(found) != 1
            or len(re.findall(rb'"%b"' % name, record)) != 1
            or str(value).encode() != found[0][2]
        ):
            return None
        quoted, is_digits = found[0][1] != b"", found[0][2].isdigit()
        if (is_text and not quoted) or (not is_text and not is_digits):
            return None
        slots.append(Slot(found[0].start(2), found[0].end(2), quoted, is_text, asked))
    return sorted(slots, key=lambda slot: slot.start)


def read_slots(data: bytes, layout: Layout, slots: Sequence[Slot]) -> list[pa.Array] | None:
    """Read the values of all records; None if one record differs from the first in more than digits."""
    from ingest.compiled import PAD_BYTES  # noqa: PLC0415 - it needs numba
    from ingest.digits import walk_records  # noqa: PLC0415

    widths = np.array([slot.stop - slot.start if slot.is_text else 0 for slot in slots])
    is_text = np.array([slot.is_text for slot in slots])
    columns = np.where(is_text, np.cumsum(widths) - widths, np.cumsum(~is_text) - 1)
    told = [(s.start, s.stop, s.is_text, s.quoted, c) for s, c in zip(slots, columns, strict=True)]
    # A number may have one digit only.
    shortest = len(layout.record + layout.gap) - sum(s.stop - s.start - 1 for s in slots if not s.is_text)
    most = (len(data) - layout.first) // shortest + 1
    numbers = np.empty((np.count_nonzero(~is_text), most))
    texts = np.empty((most, widths.sum()), np.uint8)
    pad = bytes(PAD_BYTES)
    model = np.frombuffer(layout.record + layout.gap + pad, np.uint8)
    count, stop = walk_records(
        np.frombuffer(data + pad, np.uint8),
        layout.first,
        model,
        find_free(model, slots),
        len(layout.gap),
        np.array(told, np.int64),
        numbers,
        texts,
    )
    if stop < 0 or data[stop : layout.stop].strip(SPACE):
        return None
    values = [
        text_array(texts[:count, c : c + width]) if slot.is_text else pa.array(numbers[c, :count])
        for slot, c, width in zip(slots, columns.tolist(), widths.tolist(), strict=True)
    ]
    return [values[place] for place in np.argsort([slot.asked for slot in slots])]


def find_free(model: Bytes, slots: Sequence[Slot]) -> Bytes:
    """Mark the bits in which texts may differ from the model's: the lower half of their digits."""
    free = np.zeros_like(model)
    for slot in slots:
        if slot.is_text:
            part = model[slot.start : slot.stop]
            free[slot.start : slot.stop][(part >= ord("0")) & (part <= ord("9"))] = 0x0F
    return free


def text_array(rows: Bytes) -> pa.Array:
    """Texts of one length, given as rows of bytes, as a string array."""
    count, width = rows.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int64)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(rows))]
    return pa.Array.from_buffers(pa.large_string(), count, buffers)
