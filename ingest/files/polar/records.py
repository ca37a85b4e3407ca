"""Records of Polar's JSON as rows of text; one that lacks a documented key is refused by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import MISSING, Instants, Rejected, dig, parse_zoned, refuse_one, write_cell

from .layout import File

Value = TypeVar("Value")


class DiffersError(Exception):
    """A record is not as documented: which key, and what was expected of it."""


def need(record: object, path: str, kind: type[Value]) -> Value:
    """The value at a dotted path; raises DiffersError where there is none of that kind."""
    value = dig(record, *path.split("."))
    if value is None or not isinstance(value, kind):
        found = "none" if value is None else type(value).__name__
        raise DiffersError(f"expected the key {path} with {WORDS[kind]}, found {found}")
    return value


WORDS: dict[type, str] = {str: "text", list: "a list", object: "a value"}


def cell_at(record: object, key: str) -> str | None:
    """What an optional key holds, as the text of a cell."""
    return write_cell(record.get(key)) if isinstance(record, dict) else None


Cells = dict[str, str | None]


def gather(
    records: tuple[object, ...], file: File, names: tuple[str, ...], each: Callable[[object], list[Cells]]
) -> tuple[pa.Table, list[Rejected]]:
    """Rows of text out of records, and the records that are not as documented."""
    rows: list[dict[str, object]] = []
    refused = []
    for number, record in enumerate(records):
        try:
            rows += [{"member": file.member, "record": number, **cells} for cells in each(record)]
        except DiffersError as error:
            raw = write_cell(record) or "null"
            refused.append(
                refuse_one(file.member, file.table, number, f"record {number}", str(error), raw[:4096])
            )
    fields = [("member", pa.int32()), ("record", pa.int64()), *((name, pa.string()) for name in names)]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields)), refused


def add_times(day: pa.ChunkedArray, seconds: npt.NDArray[np.float64]) -> Instants:
    """Dates and seconds of the day as times of the local clock; MISSING without either."""
    midnight = parse_zoned(pc.binary_join_element_wise(day.combine_chunks(), "00:00:00", "T")).t_us
    good = (midnight != MISSING) & (seconds >= 0) & (seconds < 90_000)
    return np.where(good, midnight + (np.where(good, seconds, 0) * 1e6).astype(np.int64), MISSING)
