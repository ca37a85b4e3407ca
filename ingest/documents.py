"""JSON documents that hold a list of records, bare or under a key, whole or broken off."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

MAX_DEPTH_ERRORS = (ValueError, RecursionError)
SPACE = " \t\r\n"
ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(?P<half>u|U0000)[dD][89a-fA-F][\da-fA-F]{2}|.)",
    re.DOTALL,
)
"""What stands behind a backslash: a pair of halves that make a character, a half alone, or anything else."""


@dataclass(frozen=True)
class Documents:
    """Records of a document, in order, and what stopped the reading: where, why, and the text from there."""

    records: tuple[object, ...]
    place: str = ""
    reason: str = ""
    raw: str = ""


def parse_documents(data: bytes, key: str) -> Documents:
    """Read `[…]`, `{"key": […]}`, or one object, which is then the only record.

    NaN and infinities, which JSON does not have, are read as null. A document that breaks off gives its
    whole records up to there.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = mend_escapes(data.decode(encoding, errors="replace"))
    if not text.strip("\0" + SPACE):
        return Documents((), "file", "the file is empty: expected JSON")
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    try:
        found = decoder.decode(text)
    except MAX_DEPTH_ERRORS:
        return salvage(text, key, decoder)
    if isinstance(found, dict) and isinstance(found.get(key), list):
        found = found[key]
    return Documents(tuple(found) if isinstance(found, list) else (found,))


def mend_escapes(text: str) -> str:
    r"""Put the mark of a broken character for every `\ud800` that is half a character: no table can hold one.

    The text keeps its length.
    """
    if "\\u" not in text and "\\U" not in text:
        return text
    return ESCAPE.sub(lambda m: f"\\{m['half']}fffd" if m["half"] else m[0], text)


def salvage(text: str, key: str, decoder: json.JSONDecoder) -> Documents:
    """The whole records of a list that breaks off, and where it does."""
    start = re.match(rf'\s*(?:\{{[^\[\]]*?"{re.escape(key)}"\s*:\s*)?\[', text)
    if start is None:
        return Documents((), "byte 0", "this is no whole JSON document, and no list of records", text[:4096])
    records: list[object] = []
    place = start.end()
    while True:
        while text[place : place + 1] in {*SPACE, ","} and place < len(text):
            place += 1
        try:
            record, stop = decoder.raw_decode(text, place)
        except MAX_DEPTH_ERRORS:
            break
        if not isinstance(record, dict):
            break  # a number or word that the cut may have shortened
        records.append(record)
        place = stop
    where = f"byte {len(text[:place].encode('utf-8', 'surrogatepass'))}"
    reason = f"the JSON breaks off here; the {len(records)} whole records before it were kept"
    return Documents(tuple(records), where, reason, text[place : place + 4096])
