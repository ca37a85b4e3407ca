"""Delimited text (CSV and its kin), whatever state it is in, as columns of text.

Values stay text: what a number or a stamp looks like is the source's business. A row that does not
have as many cells as the header is refused with its number; all others are kept.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv

DELIMITERS = (",", ";", "\t", "|")
BLOCK_BYTES = 4 << 20
"""Read at once; a row may not be longer than that, which a cell of a million characters is not."""


@dataclass(frozen=True)
class Delimited:
    """A table of text: one row a record, null where a cell is empty or the column is not there.

    `rows` has `record` (0 is the row below the header) and the columns asked for. `bad` are rows of
    another width: number, what was expected and found, the text. `ignored` are the header's other names.
    """

    rows: pa.Table
    bad: tuple[tuple[int, str, str], ...]
    ignored: tuple[str, ...]


class HeaderError(Exception):
    """A header lacks a column that is needed: which, and what is there."""


def parse_delimited(
    text: str, columns: Mapping[str, Sequence[str]], *, needed: Sequence[str] = (), skip_lines: int = 0
) -> Delimited:
    """Read delimited text with a header.

    Parameters
    ----------
    text
        The document, without byte order mark.
    columns
        Our name of a column → the spellings its header may have; compared without case, spaces around
        and quotes. Each is text in the result.
    needed
        Our names of columns without which the document is not of this layout.
    skip_lines
        Lines before the header.

    Raises
    ------
    HeaderError
        If a needed column is not in the header, or there is none.
    """
    body = drop_lines(text.replace("\0", ""), skip_lines)
    header_line = body.split("\n", 1)[0].strip("\r")
    if not header_line.strip():
        raise HeaderError("expected a header line; the file has none")
    delimiter = max(DELIMITERS, key=header_line.count)
    header = [name.strip().strip('"').strip() for name in header_line.split(delimiter)]
    places = {name.casefold(): place for place, name in reversed(list(enumerate(header)))}
    found = {ours: place_of(spellings, places) for ours, spellings in columns.items()}
    missing = [ours for ours in needed if found[ours] is None]
    if missing:
        spelled = ", ".join(repr(columns[ours][0]) for ours in missing)
        raise HeaderError(f"expected a column {spelled}; the header has {', '.join(header)[:200]}")
    table, bad, kept = read_rows(body, delimiter, len(header))
    record = np.flatnonzero(kept)
    values = [column_or_null(table, found[ours]) for ours in columns]
    used = {place for place in found.values() if place is not None}
    ignored = tuple(name for place, name in enumerate(header) if place not in used)
    return Delimited(pa.table([pa.array(record), *values], names=["record", *columns]), bad, ignored)


def place_of(spellings: Sequence[str], places: Mapping[str, int]) -> int | None:
    """The place in the header of the first spelling that is there."""
    return next((places[s.casefold()] for s in spellings if s.casefold() in places), None)


def drop_lines(text: str, count: int) -> str:
    """Drop lines at the beginning, and empty ones before the header."""
    for _ in range(count):
        text = text.partition("\n")[2]
    return text.lstrip("\r\n")


def read_rows(
    body: str, delimiter: str, width: int
) -> tuple[pa.Table, tuple[tuple[int, str, str], ...], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Read all cells as text; also the rows of another width, and which row numbers were kept."""
    bad: list[tuple[int, str, str]] = []

    def refuse(row: pcsv.InvalidRow) -> str:
        reason = f"expected {row.expected_columns} cells, found {row.actual_columns}"
        bad.append((int(row.number) - 2, reason, str(row.text)))
        return "skip"

    names = [str(place) for place in range(width)]
    quoted = '"' in body
    try:
        table = pcsv.read_csv(
            # A header that ends without a line end is a header still, with no rows.
            io.BytesIO((body if body.endswith("\n") else body + "\n").encode("utf-8", "replace")),
            read_options=pcsv.ReadOptions(
                column_names=names,
                skip_rows=1,
                use_threads=False,
                block_size=max(BLOCK_BYTES, longest(body) + 2),
            ),
            parse_options=pcsv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=quoted,
                invalid_row_handler=refuse,
                ignore_empty_lines=True,
            ),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid as error:
        if re.search(r"empty", str(error), re.IGNORECASE):
            table = pa.table({name: pa.array([], pa.string()) for name in names})
        else:
            raise HeaderError(f"the rows cannot be told apart: {error}") from error
    kept = np.ones(table.num_rows + len(bad), dtype=bool)
    kept[[number for number, _, _ in bad]] = False
    return table, tuple(bad), kept


def longest(body: str) -> int:
    """Length of the longest line in bytes, at most."""
    return 4 * max(map(len, body.split("\n")))


def column_or_null(table: pa.Table, place: int | None) -> pa.ChunkedArray:
    """The column at a place of the header; nulls where there is no such place."""
    return pa.chunked_array([pa.nulls(table.num_rows, pa.string())]) if place is None else table[str(place)]
