"""Read `export.xml` as a stream, piece by piece, in bounded memory.

Two readers take turns over one buffer: the fast scan as far as it knows what it sees, the careful
one for the elements that it does not. Where the XML itself is broken, the element is refused with
its place, and reading goes on at the next one that looks whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import IO

import numpy as np

from .careful import Block, Element, has_beats, is_taken, mend, read_beats, read_block, read_record
from .shape import BEAT, RECORD, TEXTS, Bytes, Found, Ints, Rows, Wanted, Words, number_word
from .vocabulary import KINDS, STATE_OF_MIND

CHUNK_BYTES = 4 << 20
MAX_ELEMENT_BYTES = 64 << 20
"""An element longer than this is no element: a workout with a whole day of places has 20 MB."""
EDGE_BYTES = 1 << 16
"""This near to the end of what was read, an element may be cut: more is read before it is judged."""
FIRST_WINDOW_BYTES = 1 << 12
MOST_ELEMENTS = 512
PAD_BYTES = 64
SPACE = b" \t\r\n"
END = b"</HealthData"
WASTE_BYTES = 1 << 30
"""So much is looked at in vain behind elements without an end, each of which costs a look at what follows: half
a minute at most."""
RAW_BYTES = 1024
MIN_RECORD_BYTES, MIN_BEAT_BYTES = 96, 40

SKIPPED = re.compile(
    rb"<!--.*?-->|<\?.*?\?>|\"[^\"<>]*\"|'[^'<>]*'|(?P<root><HealthData(?=[\s/>])[^<>]*>)", re.DOTALL
)
ENCODING = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)[\"']")
UTF8 = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})
NEXT_ELEMENT = re.compile(
    rb"<(?:Record|Workout|Correlation|ActivitySummary|StateOfMind|ClinicalRecord|Audiogram"
    rb"|VisionPrescription|ExportDate|Me)(?=[\s/>])|</HealthData\s*>"
)


@dataclass(frozen=True)
class Refusal:
    """What could not be read: a table or 'file', the element's number, its first byte, why, its text."""

    stream: str
    number: int | None
    at: int
    reason: str
    raw: bytes


@dataclass
class Piece:
    """What some bytes of a document gave."""

    rows: Rows = field(default_factory=lambda: np.zeros(0, RECORD))
    beats: Rows = field(default_factory=lambda: np.zeros(0, BEAT))
    """Sorted by `row`, the place in `rows` of the record of each."""
    elements: list[tuple[int, Element]] = field(default_factory=list)
    """Workouts, states of mind and the date of the export, with their numbers; `at` is from the file's start."""
    refused: list[Refusal] = field(default_factory=list)
    n_other: int = 0
    """Records and other elements of kinds that are left out."""
    raw: Callable[[int], bytes] = lambda _at: b""
    """The text from a byte of the file on, while the piece is at hand."""


@dataclass
class Buffer:
    """A stretch of a stream in memory: bytes `start` to `stop` of `data` are not read yet."""

    stream: IO[bytes]
    data: Bytes
    start: int = 0
    stop: int = 0
    base: int = 0
    """Place in the stream of the first byte of `data`."""
    at_end: bool = False

    @property
    def here(self) -> int:
        """Place in the stream of the first byte not read."""
        return self.base + self.start

    @property
    def left(self) -> int:
        """How many bytes are at hand and not read."""
        return self.stop - self.start

    def peek(self, size: int | None = None) -> bytes:
        """The bytes that come next, at most so many."""
        stop = self.stop if size is None else min(self.start + size, self.stop)
        return self.data[self.start : stop].tobytes()

    def refill(self) -> None:
        """Move what is left to the front and read on; grow where all of it is left."""
        if self.left > self.data.size // 2:
            self.data = np.concatenate([self.data, np.zeros(self.data.size, np.uint8)])
        left = self.left
        self.data[:left] = self.data[self.start : self.stop].copy()
        self.base += self.start
        self.start, self.stop = 0, left
        view = self.data.data
        last = self.data.size - PAD_BYTES
        while not self.at_end and self.stop < last:
            count = self.stream.readinto(view[self.stop : last])  # type: ignore[attr-defined]
            self.at_end = not count
            self.stop += count
        self.data[self.stop : self.stop + PAD_BYTES] = 0


def read_document(
    stream: IO[bytes], words: Words, *, fast: bool = True, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[Piece]:
    """Read a document piece by piece.

    Parameters
    ----------
    stream
        The bytes of `export.xml`.
    words
        Filled with the texts that the pieces' rows name by number.
    fast
        Whether to scan what can be scanned; the pieces' content is the same either way.
    chunk_bytes
        About how much is in memory at once.
    """
    buffer = Buffer(stream, np.zeros(chunk_bytes + PAD_BYTES, np.uint8))
    buffer.refill()
    problem = enter_root(buffer)
    if problem:
        yield Piece(refused=[Refusal("file", None, 0, problem, buffer.peek(RAW_BYTES))])
        return
    number, waste_bytes = 0, 0
    scan = make_scan(chunk_bytes) if fast else None
    most = 1 if fast else MOST_ELEMENTS
    while True:
        if scan is not None:
            piece, count = scan(buffer, words)
            if count:
                piece.rows["number"] += number
                number += count
                most = 1
                yield piece
                continue
            if not buffer.at_end and buffer.left < EDGE_BYTES:
                buffer.refill()
                continue
        block = read_carefully(buffer, most)
        most = min(2 * most, MOST_ELEMENTS) if block.broken_at is None else 1
        yield take_block(block, buffer, number, words)
        number += len(block.elements)
        buffer.start += block.stop
        if block.ended:
            yield end_document(buffer)
            return
        if block.stop == 0:
            waste_bytes += buffer.left if block.broken_at is None else block.broken_at
            if not pass_break(buffer):
                return
            number += 1
            if waste_bytes > WASTE_BYTES and buffer.peek(len(END)) != END:
                yield Piece(refused=[give_up(buffer, number)])
                return


def enter_root(buffer: Buffer) -> str:
    """Go behind the start tag of the root; returns why not, if there is none.

    What stands before it, the document type among it, is passed over unread: exports of some years
    have one that no conforming parser accepts.
    """
    head = buffer.peek()
    encoding = ENCODING.match(head)
    if encoding and encoding[1].lower() not in UTF8:
        name = encoding[1].decode("ascii", "replace")
        return f"it says that it is encoded as {name}: expected UTF-8, as Apple writes it"
    for found in SKIPPED.finditer(head):
        if found["root"]:
            # An empty root is read as one that has an end tag.
            buffer.start = found.end()
            if found["root"].endswith(b"/>"):
                buffer.start -= len(b"</HealthData>")
                end = np.frombuffer(b"</HealthData>", np.uint8)
                buffer.data[buffer.start : found.end()] = end
            return ""
    if not head.strip(b"\0 \t\r\n"):
        return "the file holds nothing: expected Apple's export.xml"
    return "expected a HealthData element, as Apple's export.xml has; found none"


def read_carefully(buffer: Buffer, most: int) -> Block:
    """Read the next elements with expat, as many bytes as that takes."""
    size = FIRST_WINDOW_BYTES * most
    while True:
        block = read_block(buffer.peek(size), most)
        if block.stop or block.ended or block.broken_at is not None:
            return block
        if size < buffer.left:
            size *= 4
        elif buffer.at_end or buffer.left > MAX_ELEMENT_BYTES:
            return block
        else:
            buffer.refill()


def pass_break(buffer: Buffer) -> bool:
    """Go to the next element that looks whole, behind a broken one; False where there is none."""
    # What is broken begins behind white space: it must not be found again.
    space = len(buffer.peek(RAW_BYTES)) - len(buffer.peek(RAW_BYTES).lstrip(SPACE))
    buffer.start = min(buffer.start + space + 1, buffer.stop)
    while True:
        rest = buffer.data[buffer.start : buffer.stop].data
        found = NEXT_ELEMENT.search(rest)
        if found:
            buffer.start += found.start()
            return True
        if buffer.at_end:
            buffer.start = buffer.stop
            return False
        # An element's name may be cut by the end of the buffer.
        buffer.start = max(buffer.start, buffer.stop - PAD_BYTES)
        buffer.refill()


def end_document(buffer: Buffer) -> Piece:
    """Look at what follows the root: white space at most."""
    while True:
        rest = buffer.peek(RAW_BYTES)
        if rest.strip(b"\0 \t\r\n"):
            reason = "unexpected text follows the export"
            return Piece(refused=[Refusal("element", None, buffer.here, reason, rest)])
        buffer.start += len(rest)
        if buffer.left == 0:
            if buffer.at_end:
                return Piece()
            buffer.refill()


def take_block(block: Block, buffer: Buffer, number: int, words: Words) -> Piece:
    """What the careful reader found, in the shape of a piece."""
    piece = Piece(raw=make_raw(buffer))
    rows: list[Rows] = []
    beats: list[Rows] = []
    for place, element in enumerate(block.elements, start=number):
        row = read_record(element, place, words) if element.name == "Record" else None
        if row is None:
            piece.n_other += not is_taken(element)
            if is_taken(element):
                piece.elements.append((place, replace(element, at=element.at + buffer.here)))
            continue
        row["at"] += buffer.here
        if has_beats(int(row["kind"][0])):
            found = read_beats(element)
            if found is None:
                why = (
                    "a beat list with a time or rate of no known layout: expected times such as 6:14:48.94 PM"
                )
                refusal = Refusal("signal.beat", place, int(row["at"][0]), why, piece.raw(int(row["at"][0])))
                piece.refused.append(refusal)
            else:
                found["row"] = len(rows)
                beats.append(found)
        rows.append(row)
    piece.rows = np.concatenate(rows) if rows else piece.rows
    piece.beats = np.concatenate(beats) if beats else piece.beats
    if block.stop == 0 and not block.ended:
        piece.refused.append(describe_break(block, buffer, number))
    return piece


def describe_break(block: Block, buffer: Buffer, number: int) -> Refusal:
    """Say where the XML is broken, and what is kept."""
    rest = buffer.peek(2 * RAW_BYTES).lstrip(SPACE)
    at = buffer.here + len(buffer.peek(2 * RAW_BYTES)) - len(rest)
    if block.broken_at is not None:
        place = buffer.here + block.broken_at
        reason = f"no well-formed XML ({block.reason} at byte {place}): the element was left out"
    elif buffer.at_end:
        reason = f"the file breaks off here: the {number} whole elements before it were kept; export it again"
    else:
        reason = f"an element of more than {MAX_ELEMENT_BYTES} bytes: it was left out"
    return Refusal("element", number, at, reason, rest[:RAW_BYTES])


def give_up(buffer: Buffer, number: int) -> Refusal:
    """Say from where on a document is not read, because too much before has no end."""
    reason = (
        "the rest of the file, from here on, was not read: too many elements before it have no end,"
        " so that it cannot be told what is inside what; export it again"
    )
    return Refusal("element", number, buffer.here, reason, buffer.peek(RAW_BYTES))


def make_raw(buffer: Buffer) -> Callable[[int], bytes]:
    """A way to the text of elements that are in the buffer now."""
    base, data, stop = buffer.base, buffer.data, buffer.stop

    def raw(at: int) -> bytes:
        text = data[max(at - base, 0) : min(at - base + RAW_BYTES, stop)].tobytes()
        return text.partition(b"\n <")[0]

    return raw


Scan = Callable[[Buffer, Words], tuple[Piece, int]]


def make_scan(chunk_bytes: int) -> Scan:
    """Set up the fast scan; returns what reads a buffer on and gives a piece and its count of elements."""
    from . import scan as fast  # noqa: PLC0415 - numba takes half a second

    wanted, found = Wanted(*spell_kinds(fast)), make_arrays(fast, chunk_bytes)
    marks = np.zeros(0, np.uint8)
    marked = (-1, -1)

    def run(buffer: Buffer, words: Words) -> tuple[Piece, int]:
        nonlocal marks, marked
        data, note = buffer.data, found.note
        if marked != (buffer.base, buffer.stop):
            marks = marks if marks.size == data.size else np.zeros(data.size, np.uint8)
            fast.mark(data[: buffer.stop + PAD_BYTES], marks)
            marked = (buffer.base, buffer.stop)
        fast.scan(data, marks, buffer.start, buffer.stop, wanted, found)
        rows = found.rows[: note[fast.N_ROWS]].copy()
        rows["at"] += buffer.base
        for row, start, stop in found.later[: note[fast.N_LATER]].tolist():
            rows["value"][row] = float(data[start:stop].tobytes())
        name_texts(rows, data, found.texts, words)
        piece = Piece(rows, found.beats[: note[fast.N_BEATS]].copy(), n_other=int(note[fast.N_OTHER]))
        piece.raw = make_raw(buffer)
        buffer.start = int(note[fast.POSITION])
        return piece, int(note[fast.N_ELEMENTS])

    return run


def spell_kinds(fast: ModuleType) -> tuple[Bytes, Ints, Bytes]:
    """The kinds of records as the scan compares them; states of mind are left to the careful reader."""
    names = [kind.type.encode() for kind in KINDS] + [name.encode() for name in sorted(STATE_OF_MIND)]
    says = [fast.NUMBER if k.units else fast.WORD if k.is_word else fast.NOTHING for k in KINDS]
    says += [fast.LEAVE] * len(STATE_OF_MIND)
    text = np.frombuffer(b"".join(names) + bytes(PAD_BYTES), np.uint8)
    return text, np.cumsum([0, *map(len, names)]).astype(np.int64), np.array(says, np.uint8)


def make_arrays(fast: ModuleType, chunk_bytes: int) -> Found:
    """Arrays with room for all that so many bytes may hold."""
    n_rows = chunk_bytes // MIN_RECORD_BYTES + 16
    return Found(
        np.zeros(n_rows, RECORD),
        np.zeros(chunk_bytes // MIN_BEAT_BYTES + 4096, BEAT),
        np.zeros((len(TEXTS), fast.MAX_TEXTS + 1, 2), np.int64),
        np.zeros((n_rows, 3), np.int64),
        np.zeros(fast.NOTE_SIZE, np.int64),
    )


def name_texts(rows: Rows, data: Bytes, texts: Ints, words: Words) -> None:
    """Put the numbers of texts in all pieces in place of their numbers in one scan."""
    for column, name in enumerate(TEXTS):
        spans = texts[column, 1 : texts[column, 0, 1] + 1].tolist()
        found = [number_word(words, plain_text(data[start : start + size])) for start, size in spans]
        rows[name] = np.array([*found, -1], np.int32)[rows[name]]


def plain_text(span: Bytes) -> str:
    """The text of an attribute's bytes, with the entities of XML resolved."""
    text: str = mend(span.tobytes()).decode()
    if "&" in text:
        for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
            text = text.replace(entity, sign)
    return text
