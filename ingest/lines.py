"""Text that is lines of numbers, whatever state it is in: decoded, cut into lines, read as a matrix."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pcsv

BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class Figures:
    """Lines of numbers as a matrix, and the lines that are none.

    `line` (n,) are the numbers of the lines from 0, `values` (n, width) what stands in them. `bad` are
    the other lines: number, what is wrong, the text.
    """

    line: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    bad: tuple[tuple[int, str, str], ...]


def decode_text(data: bytes) -> str:
    """Read bytes as text with LF line ends.

    A byte order mark is honoured and dropped, what is not UTF-8 is marked, NULs are left out.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = data.decode(encoding, errors="replace").replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def decode_head(head: bytes) -> str:
    """Read first bytes without NULs, as `peek` gives them, as text with LF line ends; UTF-16 stays legible."""
    return decode_text(head.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff"))


def read_figures(body: str, width: int, delimiter: str = ",") -> Figures:
    """Read lines of `width` numbers each; empty lines at the end are none.

    A line that is not `width` finite numbers is given back as bad; the numbers of the lines stay.
    """
    body = body.rstrip()
    if not body:
        return Figures(np.zeros(0, np.int64), np.zeros((0, width)), ())
    return read_clean(body, width, delimiter) or read_each(body, width, delimiter)


def read_clean(body: str, width: int, delimiter: str) -> Figures | None:
    """Read lines that are all good, at once; None if one of them is not."""
    names = [str(place) for place in range(width)]
    if '"' in body:
        return None
    try:
        table = pcsv.read_csv(
            io.BytesIO(body.encode("utf-8", "replace")),
            read_options=pcsv.ReadOptions(column_names=names, use_threads=False, block_size=BLOCK_BYTES),
            parse_options=pcsv.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.float64()), null_values=[]
            ),
        )
    except pa.ArrowInvalid:
        return None
    values = np.column_stack([table[name].to_numpy() for name in names])
    if not np.isfinite(values).all() or len(values) != body.count("\n") + 1:
        return None
    return Figures(np.arange(len(values), dtype=np.int64), values, ())


def read_each(body: str, width: int, delimiter: str) -> Figures:
    """Read lines one by one."""
    lines: list[int] = []
    values: list[list[float]] = []
    bad: list[tuple[int, str, str]] = []
    for number, text in enumerate(body.split("\n")):
        cells = text.split(delimiter)
        found = [to_number(cell) for cell in cells]
        if len(cells) != width:
            bad.append((number, f"expected {width} numbers in the line, found {len(cells)} cells", text))
        elif any(math.isnan(value) for value in found):
            bad.append((number, "expected a number, found another text or none", text))
        else:
            lines.append(number)
            values.append(found)
    return Figures(np.array(lines, np.int64), np.array(values, np.float64).reshape(-1, width), tuple(bad))


def to_number(text: str) -> float:
    """A finite number that a text says; NaN where it says none."""
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
