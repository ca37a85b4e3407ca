"""The fast way through `export.xml`: records as Apple writes them, straight from the bytes.

It knows one spelling: `Record` elements with the nine attributes of Apple in double quotes, in any
order, with children `MetadataEntry` and beat lists, and the five entities that XML has by itself.
Whatever else it meets (other elements, comments, single quotes, other entities, control characters,
odd stamps or numbers), it stops before that element and leaves it to the careful reader. So it never
has to be right about what it does not know.

This module needs numba, which takes half a second to import: import it only where a document is long.
"""

from __future__ import annotations

import numpy as np

from ingest.compiled import compiled, load, matches, same_bytes, spell

from .figures import NO, read_number, read_stamp, read_wall
from .shape import Bytes, Found, Ints, Rows, Wanted

# Places in `note`, what a scan found and where it stopped.
POSITION, N_ROWS, N_BEATS, N_LATER, N_ELEMENTS, N_OTHER = range(6)
NOTE_SIZE = 6
MAX_TEXTS = 256
"""Different texts of one column that a scan keeps apart; then it stops, and the next one begins anew."""
PAD = 64
"""Zero bytes that must follow the bytes scanned: no comparison looks further ahead, none matches a zero."""

IS_FULL = -2
NUMBER, WORD, NOTHING, LEAVE = range(4)
TYPE, SOURCE, VERSION, DEVICE, UNIT, CREATED, START, END, VALUE, ZONE = range(10)
N_SPANS = 10
TEXT_SPANS = np.array([SOURCE, VERSION, DEVICE, UNIT, VALUE, ZONE])
"""The attributes that are columns of texts, in the order of TEXTS."""
QUOTE, AMPERSAND, SLASH, LESS, MORE, EQUALS = 34, 38, 47, 60, 62, 61
EIGHT = np.uint64(8)
PLACES = np.uint64(0x0001020304050607)
TOP = np.uint64(56)
ONE = np.uint64(1)

ATTRIBUTES = (
    "type",
    "sourceName",
    "sourceVersion",
    "device",
    "unit",
    "creationDate",
    "startDate",
    "endDate",
    "value",
)
"""The attributes of a record, in the order in which Apple writes them."""
N_ATTRIBUTES = len(ATTRIBUTES)
SPELLED = [spell(f'{name}="'.encode()) for name in ATTRIBUTES]
NAMES = np.stack([np.concatenate([word, np.zeros(4 - word.size, np.uint64)]) for word in SPELLED])
LENGTHS = np.array([len(name) + 2 for name in ATTRIBUTES])
LT = spell(b"&lt;")
GT = spell(b"&gt;")
AMP = spell(b"&amp;")
QUOT = spell(b"&quot;")
APOS = spell(b"&apos;")
ITS_KEY = spell(b' key="')
ITS_VALUE = spell(b'" value="')
CLOSED = spell(b'"/>')
TIME_ZONE = spell(b"HKTimeZone")
ITS_BPM = spell(b' bpm="')
ITS_TIME = spell(b'" time="')
BEAT_TAG = spell(b"<InstantaneousBeatsPerMinute")
LIST_END = spell(b"</HeartRateVariabilityMetadataList>")
ENTRY_TAG = spell(b"<MetadataEntry")
RECORD_END = spell(b"</Record>")
LIST_TAG = spell(b"<HeartRateVariabilityMetadataList>")
DEVICE_HEAD = spell(b"&lt;&lt;HKDevice: 0x")
DEVICE_NEXT = spell(b"&gt;, ")
RECORD_TAG = spell(b"<Record")


@compiled
def skip_space(buf: Bytes, p: int) -> int:
    """The next place that is not white space."""
    while buf[p] == 32 or buf[p] == 10 or buf[p] == 13 or buf[p] == 9:
        p += 1
    return p


@compiled
def skip_entity(buf: Bytes, p: int) -> int:
    """The place behind an entity that XML has by itself; NO for any other."""
    word = load(buf, p)
    if word & LT[1] == LT[0] or word & GT[1] == GT[0]:
        return p + 4
    if word & AMP[1] == AMP[0]:
        return p + 5
    if word & QUOT[1] == QUOT[0] or word & APOS[1] == APOS[0]:
        return p + 6
    return NO


@compiled
def mark(buf: Bytes, marks: Bytes) -> None:
    """Mark the bytes that may not stand in a value as they are: quotes, `&`, `<` and control characters."""
    for p in range(buf.size):
        c = buf[p]
        marks[p] = (c < 32) | (c == QUOTE) | (c == AMPERSAND) | (c == LESS)


@compiled
def find_mark(marks: Bytes, p: int) -> int:
    """The next marked place from `p` on, eight at a time."""
    word = load(marks, p)
    while word == 0:
        p += 8
        word = load(marks, p)
    return p + count_zero_bytes(word)


@compiled
def count_zero_bytes(word: np.uint64) -> int:
    """How many zero bytes stand below the first that is 1, in a word of bytes 0 and 1."""
    lowest = word & (~word + ONE)
    return np.int64((lowest * PLACES) >> TOP)  # type: ignore[return-value]


@compiled
def find_quote(buf: Bytes, marks: Bytes, p: int) -> int:
    """The place of the quote that ends a value; NO where something odd comes first."""
    while True:
        p = find_mark(marks, p)
        if buf[p] == QUOTE:
            return p
        if buf[p] != AMPERSAND:
            return NO
        p = skip_entity(buf, p)
        if p < 0:
            return NO


@compiled
def read_attribute(buf: Bytes, marks: Bytes, p: int, spans: Ints, guess: int) -> tuple[int, int]:
    """Note where the value of one attribute stands; the place behind it (or NO), and which it is.

    They are tried from the `guess` on, which is right where they stand in Apple's order.
    """
    first, second = load(buf, p), load(buf, p + 8)
    for turn in range(N_ATTRIBUTES):
        which = (guess + turn) % N_ATTRIBUTES
        if first & NAMES[which, 1] == NAMES[which, 0] and second & NAMES[which, 3] == NAMES[which, 2]:
            start = p + LENGTHS[which]
            stop = find_quote(buf, marks, start)
            if stop < 0 or spans[which, 0] >= 0:
                return NO, which
            spans[which, 0], spans[which, 1] = start, stop
            return stop + 1, which
    return NO, 0


@compiled
def read_tag(buf: Bytes, marks: Bytes, p: int, spans: Ints) -> tuple[int, bool]:
    """Read the attributes of a record; the place behind its tag (or NO) and whether it has no children."""
    spans[:, 0] = -1
    which = -1
    while True:
        q = skip_space(buf, p)
        if buf[q] == MORE:
            return q + 1, False
        if buf[q] == SLASH:
            return (q + 2 if buf[q + 1] == MORE else NO), True
        if q == p:
            return NO, False
        p, which = read_attribute(buf, marks, q, spans, which + 1)
        if p < 0:
            return NO, False


@compiled
def read_metadata(buf: Bytes, marks: Bytes, p: int, spans: Ints) -> int:
    """Read a `MetadataEntry`, from behind its name; the place behind it, or NO."""
    if not matches(buf, p, ITS_KEY):
        return NO
    start = p + 6
    stop = find_quote(buf, marks, start)
    if stop < 0 or not matches(buf, stop, ITS_VALUE):
        return NO
    value = stop + 9
    end = find_quote(buf, marks, value)
    if end < 0 or not matches(buf, end, CLOSED):
        return NO
    if stop - start == 10 and matches(buf, start, TIME_ZONE):
        spans[ZONE, 0], spans[ZONE, 1] = value, end
    return end + 3


@compiled
def read_beat(buf: Bytes, marks: Bytes, p: int, beat: Rows) -> int:
    """Read an `InstantaneousBeatsPerMinute`, from behind its name; the place behind it, or NO."""
    if not matches(buf, p, ITS_BPM):
        return NO
    start = p + 6
    stop = find_quote(buf, marks, start)
    if stop < 0 or not matches(buf, stop, ITS_TIME):
        return NO
    state, bpm = read_number(buf, start, stop)
    time = stop + 8
    end = find_quote(buf, marks, time)
    if state != 0 or end < 0 or not matches(buf, end, CLOSED):
        return NO
    wall_ms = read_wall(buf, time, end)
    if wall_ms < 0:
        return NO
    beat["bpm"] = bpm
    beat["wall_ms"] = wall_ms
    return end + 3


@compiled
def read_beats(buf: Bytes, marks: Bytes, p: int, beats: Rows, n_beats: int, row: int) -> tuple[int, int]:
    """Read a beat list, from behind its start tag; the place behind it (or NO, IS_FULL), and how many."""
    while True:
        p = skip_space(buf, p)
        if matches(buf, p, BEAT_TAG):
            if n_beats >= beats.size:
                return IS_FULL, n_beats
            beats[n_beats]["row"] = row
            p = read_beat(buf, marks, p + 28, beats[n_beats])
            if p < 0:
                return NO, n_beats
            n_beats += 1
        elif matches(buf, p, LIST_END):
            return p + 35, n_beats
        else:
            return NO, n_beats


@compiled
def read_children(
    buf: Bytes, marks: Bytes, p: int, spans: Ints, beats: Rows, n_beats: int, row: int
) -> tuple[int, int]:
    """Read the children of a record; the place behind its end tag (or NO, IS_FULL), and beats so far."""
    while True:
        p = skip_space(buf, p)
        if matches(buf, p, ENTRY_TAG):
            p = read_metadata(buf, marks, p + 14, spans)
        elif matches(buf, p, RECORD_END):
            return p + 9, n_beats
        elif matches(buf, p, LIST_TAG):
            p, n_beats = read_beats(buf, marks, p + 34, beats, n_beats, row)
        else:
            return NO, n_beats
        if p < 0:
            return p, n_beats


@compiled
def skip_address(buf: Bytes, p: int) -> int:
    """The place in a device's text behind `<<HKDevice: 0x…>, `: the address is a new one each time."""
    if not matches(buf, p, DEVICE_HEAD):
        return p
    q = p + 20
    while 48 <= buf[q] <= 57 or 97 <= buf[q] <= 102:
        q += 1
    return q + 6 if matches(buf, q, DEVICE_NEXT) else p


@compiled
def intern(buf: Bytes, start: int, stop: int, texts: Ints, latest: Ints, column: int) -> int:
    """The number of a text among those of its column in this scan; MAX_TEXTS where no more fit.

    `texts` has start and length of each; place 0 of a column has, as its length, how many there are.
    """
    length = stop - start
    n_texts: int = texts[column, 0, 1]
    guess = latest[column]
    for turn in range(n_texts + 1):
        place = guess if turn == 0 else turn
        if place == 0 or texts[column, place, 1] != length:
            continue
        if same_bytes(buf, texts[column, place, 0], buf, start, length):
            latest[column] = place
            return place - 1
    if n_texts >= MAX_TEXTS:
        return MAX_TEXTS
    texts[column, 0, 1] = n_texts + 1
    texts[column, n_texts + 1, 0], texts[column, n_texts + 1, 1] = start, length
    latest[column] = n_texts + 1
    return n_texts


@compiled
def find_kind(buf: Bytes, spans: Ints, wanted: Wanted) -> int:
    """The place of a record's type among those wanted; NO for any other."""
    start, length = spans[TYPE, 0], spans[TYPE, 1] - spans[TYPE, 0]
    for kind in range(wanted.edges.size - 1):
        first = wanted.edges[kind]
        if wanted.edges[kind + 1] - first == length and same_bytes(buf, start, wanted.names, first, length):
            return kind
    return NO


@compiled
def take_times(buf: Bytes, spans: Ints, row: Rows) -> bool:
    """Fill in when a record begins and ends; False where that is not plain."""
    good, row["start_us"] = read_stamp(buf, spans[START, 0], spans[START, 1])
    if good:
        good, row["end_us"] = read_stamp(buf, spans[END, 0], spans[END, 1])
    return good


@compiled
def take_texts(buf: Bytes, spans: Ints, row: Rows, texts: Ints, latest: Ints, says: int) -> bool:
    """Fill in the texts of a record; False where no more fit."""
    if spans[DEVICE, 0] >= 0:
        spans[DEVICE, 0] = skip_address(buf, spans[DEVICE, 0])
    numbers = latest[1]
    for column in range(numbers.size):
        which = TEXT_SPANS[column]
        numbers[column] = -1
        if spans[which, 0] >= 0 and (which != VALUE or says == WORD):
            numbers[column] = intern(buf, spans[which, 0], spans[which, 1], texts, latest[0], column)
            if numbers[column] == MAX_TEXTS:
                return False
    row["source"], row["version"], row["device"] = numbers[0], numbers[1], numbers[2]
    row["unit"], row["label"], row["zone"] = numbers[3], numbers[4], numbers[5]
    return True


@compiled
def take_value(buf: Bytes, spans: Ints, row: Rows, later: Ints, note: Ints) -> bool:
    """Fill in the number of a record, or note where it stands if it has too many digits."""
    if spans[VALUE, 0] < 0:
        return False
    state, value = read_number(buf, spans[VALUE, 0], spans[VALUE, 1])
    if state == 1:
        place = later[note[N_LATER]]
        place[0], place[1], place[2] = note[N_ROWS], spans[VALUE, 0], spans[VALUE, 1]
        note[N_LATER] += 1
    row["value"] = value
    return state >= 0


@compiled
def take_record(buf: Bytes, spans: Ints, latest: Ints, kind: int, says: int, found: Found) -> int:
    """Fill in a row from the attributes of a record; 0, or NO, or IS_FULL."""
    note = found.note
    row = found.rows[note[N_ROWS]]
    row["value"] = np.nan
    if not take_times(buf, spans, row):
        return NO
    if not take_texts(buf, spans, row, found.texts, latest, says):
        return IS_FULL
    if says == NUMBER and not take_value(buf, spans, row, found.later, note):
        return NO
    row["kind"], row["number"] = kind, note[N_ELEMENTS]
    return 0


@compiled
def read_record(
    buf: Bytes, marks: Bytes, p: int, wanted: Wanted, found: Found, spans: Ints, latest: Ints
) -> int:
    """Read the record that begins at a place; the place behind it, or NO, or IS_FULL."""
    note = found.note
    end, closed = read_tag(buf, marks, p + 7, spans)
    if end < 0 or spans[TYPE, 0] < 0:
        return NO
    n_beats = note[N_BEATS]
    if not closed:
        end, n_beats = read_children(buf, marks, end, spans, found.beats, n_beats, note[N_ROWS])
        if end < 0:
            return end
    kind = find_kind(buf, spans, wanted)
    if kind < 0:
        note[N_OTHER] += 1
        return end
    if wanted.says[kind] == LEAVE:
        return NO
    state = take_record(buf, spans, latest, kind, wanted.says[kind], found)
    if state < 0:
        return state
    found.rows[note[N_ROWS]]["at"] = p
    note[N_ROWS] += 1
    note[N_BEATS] = n_beats
    return end


@compiled
def scan(buf: Bytes, marks: Bytes, start: int, stop: int, wanted: Wanted, found: Found) -> None:
    """Read records from `start` on, until something is not known, the bytes end, or an array is full.

    Parameters
    ----------
    buf
        The bytes; PAD zero bytes follow at `stop`.
    marks
        What `mark` made of them.
    wanted, found
        What to look for, and what is filled: `rows.number` counts from 0, `rows.at` from `buf`.
    """
    spans = np.empty((N_SPANS, 2), dtype=np.int64)
    latest = np.zeros((2, found.texts.shape[0]), dtype=np.int64)
    note = found.note
    note[:] = 0
    found.texts[:, 0, 1] = 0
    p = start
    note[POSITION] = p
    while p < stop and note[N_ROWS] < found.rows.size:
        p = skip_space(buf, p)
        note[POSITION] = p
        if not matches(buf, p, RECORD_TAG):
            return
        p = read_record(buf, marks, p, wanted, found, spans, latest)
        if p < 0:
            return
        note[N_ELEMENTS] += 1
        note[POSITION] = p
