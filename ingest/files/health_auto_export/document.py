"""JSON files of Health Auto Export, whole or broken off: metrics with their points, and workouts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.source import mend_escapes

DECODER = json.JSONDecoder(parse_constant=lambda _: None)
NOT_JSON = (ValueError, RecursionError)
SPACE = re.compile(r"[ \t\r\n]*")
SECTION = re.compile(r'"(metrics|workouts)"\s*:\s*\[')
RAW = 4096


@dataclass(frozen=True)
class Metric:
    """One metric of a file: its name and units, its points and the number of the first of them."""

    name: str
    units: str
    points: tuple[object, ...]
    first: int


@dataclass
class Document:
    """What a file holds, and what stopped the reading: where, why, and the text from there."""

    metrics: list[Metric] = field(default_factory=list)
    workouts: list[tuple[int, object]] = field(default_factory=list)
    count: int = 0
    place: str = ""
    reason: str = ""
    raw: str = ""

    def add_metric(self, metric: object) -> None:
        """Take in a metric; what is no metric counts as one point without any."""
        if not isinstance(metric, dict):
            metric = {"data": [metric]}
        points = metric.get("data")
        points = tuple(points) if isinstance(points, list) else ()
        self.metrics.append(
            Metric(text_of(metric.get("name")), text_of(metric.get("units")), points, self.count)
        )
        self.count += len(points)

    def add_workout(self, workout: object) -> None:
        """Take in a workout."""
        self.workouts.append((self.count, workout))
        self.count += 1


def text_of(value: object) -> str:
    """A text; '' where it is none."""
    return value.strip() if isinstance(value, str) else ""


def parse_document(data: bytes) -> Document:
    """Read a file; one that breaks off gives its whole points up to there.

    NaN and infinities, which JSON does not have, are read as null.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = mend_escapes(data.decode(encoding, errors="replace"))
    document = Document()
    if not text.strip("\0 \t\r\n"):
        document.place, document.reason = (
            "file",
            'the file is empty: expected JSON with {"data": {"metrics": […]}}',
        )
        return document
    try:
        found = DECODER.decode(text)
    except NOT_JSON:
        salvage(text, document)
        return document
    sections = found.get("data") if isinstance(found, dict) else None
    if not isinstance(sections, dict) or not {"metrics", "workouts"} & sections.keys():
        document.place, document.raw = "file", text[:RAW]
        document.reason = 'expected {"data": {"metrics": […], "workouts": […]}}; neither list is there'
        return document
    for name, add in (("metrics", document.add_metric), ("workouts", document.add_workout)):
        items = sections.get(name)
        for item in items if isinstance(items, list) else ():
            add(item)
    return document


def salvage(text: str, document: Document) -> None:
    """Take in what is whole of a file that is broken, and say where it breaks."""
    stop = 0
    while section := SECTION.search(text, stop):
        add = document.add_metric if section[1] == "metrics" else document.add_workout
        items = list(read_items(text, section.end()))
        for item, _ in items:
            add(item)
        stop = items[-1][1] if items else section.end()
        if closes(text, stop):
            continue
        if section[1] == "metrics":
            stop = salvage_metric(text, stop, document)
        break
    document.place = f"byte {len(text[:stop].encode('utf-8', 'surrogatepass'))}"
    document.reason = f"the JSON breaks off here; the {document.count} whole points before it were kept"
    document.raw = text[stop : stop + RAW]


def closes(text: str, place: int) -> bool:
    """Whether a list ends behind this place."""
    return text[skip(text, place) :][:1] == "]"


def skip(text: str, place: int) -> int:
    """The place of the next character that is not white space."""
    found = SPACE.match(text, place)
    return found.end() if found else place


def read_items(text: str, place: int) -> Iterator[tuple[object, int]]:
    """The whole objects of a list from a place in it on, and where each ends."""
    while True:
        place = skip(text, place)
        if text[place : place + 1] == ",":
            place = skip(text, place + 1)
        if text[place : place + 1] != "{":
            return
        try:
            item, place = DECODER.raw_decode(text, place)
        except NOT_JSON:
            return
        yield item, place


def salvage_metric(text: str, place: int, document: Document) -> int:
    """Take in the whole points of a metric that breaks off, if its name stands before them."""
    place = skip(text, place)
    if text[place : place + 1] == ",":
        place = skip(text, place + 1)
    head: dict[str, object] = {}
    place += 1
    while key := re.compile(r'\s*,?\s*"(name|units|data)"\s*:\s*').match(text, place):
        if key[1] == "data":
            if text[key.end() : key.end() + 1] != "[" or "name" not in head:
                break
            items = list(read_items(text, key.end() + 1))
            document.add_metric({**head, "data": [item for item, _ in items]})
            return items[-1][1] if items else key.end()
        try:
            head[key[1]], place = DECODER.raw_decode(text, key.end())
        except NOT_JSON:
            break
    return place
