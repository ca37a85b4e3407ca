"""The careful way through `export.xml`: expat, a few elements at a time, never trusting a document type.

It is given bytes that begin between two elements of the root and reads whole elements. No document
type is ever passed on, so there are no entities but the five of XML itself: nothing can be expanded
or fetched. Bytes that no XML document may hold (control characters, broken UTF-8) become question
marks, which keeps every place where it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from xml.parsers import expat

import numpy as np

from .shape import BEAT, HALF_DAY_MS, RECORD, TEXTS, Rows, Words, number_word
from .vocabulary import HRV, KINDS, STATE_OF_MIND

OPEN = b"<HealthData>"
CHILDREN = frozenset({"MetadataEntry", "InstantaneousBeatsPerMinute", "WorkoutStatistics"})
TOP = frozenset({"Record", "Workout", "Correlation", "ActivitySummary", "StateOfMind"})
"""Elements that hold none of each other: one inside another shows that an end tag is missing."""
HOLDS = {"Correlation": "Record"}
"""But for this."""
CONTROLS = bytes(63 if byte < 32 and byte not in b"\t\n\r" else byte for byte in range(256))
STAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ([+-])(\d\d)(\d\d)", re.ASCII)
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
WALL = re.compile(r"\D*(\d{1,2})[,\-./:](\d{1,2})[,\-./:](\d{1,2})[,\-./:](\d{1,3})\D*")
ADDRESS = re.compile(r"\A<<HKDevice: 0x[0-9a-f]*>, ")
"""What a device's text begins with: a new address each time."""
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as everywhere
TYPES = {kind.type: place for place, kind in enumerate(KINDS)}
NO_TIME: int = np.iinfo(np.int64).min
"""Stands for a stamp that is absent or none; the same as MISSING of the contract."""

Attributes = dict[str, str]


@dataclass(frozen=True)
class Element:
    """One element below the root, with those of its descendants that matter."""

    name: str
    at: int
    """Its first byte, counted from where the bytes given begin."""
    attributes: Attributes
    children: list[tuple[str, Attributes]]


@dataclass
class Block:
    """Whole elements read from some bytes, and how reading ended."""

    elements: list[Element] = field(default_factory=list)
    stop: int = 0
    """The place behind the last whole element."""
    ended: bool = False
    """The root's end tag follows; `stop` is behind it."""
    broken_at: int | None = None
    """Where the bytes are no XML; None if they merely end too early, or are fine."""
    reason: str = ""


class EnoughError(Exception):
    """Raised inside expat's calls to stop it."""


@dataclass
class Walk:
    """Expat on its way through some bytes, the root's start tag put before them."""

    data: bytes
    most: int
    parser: expat.XMLParserType
    block: Block = field(default_factory=Block)
    depth: int = 0
    first: int = 0
    """Where the open element begins."""
    is_bare: bool = True
    """Nothing has come inside the open element."""
    element: Element | None = None

    def start(self, name: str, attributes: Attributes) -> None:
        """Begin an element below the root, or note one inside it."""
        place = self.parser.CurrentByteIndex
        if self.depth == 1:
            self.first, self.is_bare = place, True
            self.element = Element(name, place - len(OPEN), attributes, [])
        elif self.element is not None:
            self.is_bare = False
            if name in TOP and self.element.name in TOP and HOLDS.get(self.element.name) != name:
                self.block.broken_at = place - len(OPEN)
                self.block.reason = f"{self.element.name} has no end tag before the next {name}"
                raise EnoughError
            if name in CHILDREN:
                self.element.children.append((name, attributes))
        self.depth += 1

    def end(self, _name: str) -> None:
        """End an element; below the root it is whole now."""
        self.depth -= 1
        place = self.parser.CurrentByteIndex
        if self.depth == 0:
            self.block.ended, self.block.stop = True, self.behind(place)
            raise EnoughError
        if self.depth == 1 and self.element is not None:
            # Of an empty element expat gives the place behind it, of others that of the end tag.
            is_empty = self.is_bare and place > self.first and self.data[place - 2 : place] == b"/>"
            self.block.stop = place - len(OPEN) if is_empty else self.behind(place)
            self.block.elements.append(self.element)
            if len(self.block.elements) >= self.most:
                raise EnoughError

    def other(self, *_: object) -> None:
        """Text, a comment or the like."""
        self.is_bare = False

    def behind(self, place: int) -> int:
        """The place behind a tag, in the bytes given."""
        return self.data.index(b">", place) + 1 - len(OPEN)


def mend(data: bytes) -> bytes:
    """Put a question mark for every byte that no XML document may hold; no byte moves."""
    data = data.translate(CONTROLS)
    try:
        data.decode()
    except UnicodeDecodeError:
        data = data.decode("utf-8", "surrogateescape").encode("utf-8", "replace")
    return data.replace(b"\xef\xbf\xbe", b"???").replace(b"\xef\xbf\xbf", b"???")


def read_block(data: bytes, most: int) -> Block:
    """Read at most so many whole elements from bytes that begin between two elements of the root."""
    data = OPEN + mend(data)
    parser = expat.ParserCreate("utf-8")
    walk = Walk(data, most, parser)
    parser.StartElementHandler, parser.EndElementHandler = walk.start, walk.end
    parser.CharacterDataHandler = parser.CommentHandler = walk.other
    parser.ProcessingInstructionHandler = parser.StartCdataSectionHandler = walk.other
    undo_deferral(parser)
    try:
        parser.Parse(data)
    except EnoughError:
        pass
    except expat.ExpatError as error:
        walk.block.broken_at = max(parser.ErrorByteIndex - len(OPEN), 0)
        walk.block.reason = expat.ErrorString(error.code)
    return walk.block


def undo_deferral(parser: expat.XMLParserType) -> None:
    """Have expat read all that it is given at once, where it could put that off."""
    switch = getattr(parser, "SetReparseDeferralEnabled", None)
    if switch is not None:
        switch(False)  # noqa: FBT003 - expat's own


def read_stamp(text: str | None) -> int:
    """A stamp such as `2018-09-10 02:28:55 -0700` as microseconds of UTC since 1970; NO_TIME if none."""
    found = STAMP.fullmatch(text or "")
    if found is None:
        return NO_TIME
    moment, sign, hours, minutes = found.groups()
    if int(hours) > 23 or int(minutes) > 59:
        return NO_TIME
    try:
        local = datetime.fromisoformat(moment) - EPOCH
    except ValueError:
        return NO_TIME
    offset_s = (int(hours) * 60 + int(minutes)) * 60 * (1 if sign == "+" else -1)
    utc_s: int = local.days * 86_400 + local.seconds - offset_s
    return utc_s * 1_000_000


def read_number(text: str | None) -> float:
    """A number; NaN if the text is none (a decimal comma is none: Apple writes a point)."""
    return float(text) if text is not None and NUMBER.fullmatch(text) else np.nan


def read_wall(text: str) -> int:
    """A wall-clock time as milliseconds within twelve hours; -1 if it is of no known layout."""
    found = WALL.fullmatch(text)
    if found is None:
        return -1
    hour, minute, second = (int(part) for part in found.groups()[:3])
    if hour > 23 or minute > 59 or second > 59:
        return -1
    fraction_ms = int(found[4]) * 10 ** (3 - len(found[4]))
    wall_ms: int = (((hour * 60 + minute) * 60 + second) * 1000 + fraction_ms) % HALF_DAY_MS
    return wall_ms


def read_record(element: Element, number: int, words: Words) -> Rows | None:
    """A `Record` as one row of RECORD; None if its kind is not wanted."""
    said = element.attributes
    kind = TYPES.get(said.get("type", ""))
    if kind is None:
        return None
    row = np.zeros(1, RECORD)
    row["number"], row["at"], row["kind"] = number, element.at, kind
    row["start_us"] = read_stamp(said.get("startDate"))
    row["end_us"] = read_stamp(said.get("endDate"))
    row["value"] = read_number(said.get("value")) if KINDS[kind].units is not None else np.nan
    texts = {
        "source": said.get("sourceName"),
        "version": said.get("sourceVersion"),
        "device": ADDRESS.sub("", said["device"], count=1) if "device" in said else None,
        "unit": said.get("unit"),
        "label": said.get("value") if KINDS[kind].is_word else None,
        "zone": find_metadata(element, "HKTimeZone"),
    }
    for name in TEXTS:
        text = texts[name]
        row[name] = -1 if text is None else number_word(words, text)
    return row


def read_beats(element: Element) -> Rows | None:
    """The beat list of a record as rows of BEAT; None if it holds a time or rate that is not known."""
    found = [said for name, said in element.children if name == "InstantaneousBeatsPerMinute"]
    beats = np.zeros(len(found), BEAT)
    beats["wall_ms"] = [read_wall(said.get("time", "")) for said in found]
    beats["bpm"] = [read_number(said.get("bpm")) for said in found]
    return None if (beats["wall_ms"] < 0).any() or np.isnan(beats["bpm"]).any() else beats


def find_metadata(element: Element, key: str) -> str | None:
    """The value of a metadata entry, the last of several; None where there is none."""
    values = [said.get("value") for name, said in element.children if is_entry(name, said, key)]
    return values[-1] if values else None


def is_entry(name: str, said: Attributes, key: str) -> bool:
    """Whether a child is the metadata entry of that key."""
    return name == "MetadataEntry" and said.get("key") == key


def is_state_of_mind(element: Element) -> bool:
    """Whether an element is a state of mind, by either of the names that occur."""
    if element.name == "Record":
        return element.attributes.get("type", "") in STATE_OF_MIND
    return element.name == "StateOfMind"


def is_taken(element: Element) -> bool:
    """Whether an element that is no plain record is of use."""
    return element.name in {"Workout", "ExportDate"} or is_state_of_mind(element)


def has_beats(kind: int) -> bool:
    """Whether the beat lists of a kind of record are read."""
    return kind == HRV
