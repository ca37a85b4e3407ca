"""Lists and objects that vendors put into cells of delimited text."""

from __future__ import annotations

import ast
import json
import re

from ingest.documents import mend_escapes

CELL_MAX = 1 << 20
"""Characters of a cell that is read as a list: a night at 30 s has about 10,000."""
NAN = re.compile(r"\bnan\b", re.IGNORECASE)


def read_cell(text: str | None) -> object:
    """A list or object that stands in a cell as JSON or Python text; None where there is none, or trash.

    Python text is read as a literal and never run; NaN and infinities are None.
    """
    if text is None or not text.strip() or len(text) > CELL_MAX:
        return None
    text = mend_escapes(text)
    try:
        value: object = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(NAN.sub("None", text.strip()))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            return None
    return value


def write_cell(value: object) -> str | None:
    """A value as the text of a cell, which `read_cell` reads back."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
