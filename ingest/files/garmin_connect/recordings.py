"""Recordings of answers of the API, as VCR keeps them: YAML of requests and what came back.

The YAML is read as a flat row of events, so that no alias is followed, no object made, and depth costs
nothing. Of each recorded request only its method, its address and the body of the answer are kept.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import yaml

MARKS = (b"interactions:", b"connectapi.garmin.")
"""What the first kilobyte of a recording holds."""
ANSWERS = "interactions"
METHOD, ADDRESS, BODY = "request/method", "request/uri", "response/body/string"
BODY_MAX_BYTES = 64 << 20
"""Of a packed body: a day of the API has a hundred kilobytes."""
BINARY = "tag:yaml.org,2002:binary"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Answer:
    """One answer: what was asked (the address without its host), the body, why the body could not be had."""

    method: str = ""
    asked: str = ""
    body: bytes = b""
    problem: str = ""


@dataclass(frozen=True)
class Recording:
    """The whole answers of a recording, and where and why reading it stopped."""

    answers: tuple[Answer, ...]
    place: str = ""
    reason: str = ""


def is_recording(name: str, head: bytes) -> bool:
    """Whether a file is a recording of this API, by its ending and first kilobyte."""
    return name.lower().endswith((".yaml", ".yml")) and all(mark in head for mark in MARKS)


def parse_recording(data: bytes) -> Recording:
    """Read a recording; one that breaks off gives its whole answers up to there."""
    answers: list[Answer] = []
    try:
        for answer in read_answers(data):
            answers.append(answer)  # noqa: PERF402 - what was read before an error is kept
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f"line {mark.line + 1}"
        reason = f"the YAML breaks off here; the {len(answers)} whole answers before it were kept"
        return Recording(tuple(answers), line or "file", reason)
    return Recording(tuple(answers))


def read_answers(data: bytes) -> Iterator[Answer]:
    """Answers, each when it is whole."""
    answer = Answer()
    for path, value, tag in read_scalars(data):
        if path == ANSWERS:
            yield answer
            answer = Answer()
        elif path == f"{ANSWERS}/{METHOD}":
            answer = replace(answer, method=value.upper())
        elif path == f"{ANSWERS}/{ADDRESS}":
            answer = replace(answer, asked="/" + value.partition("://")[2].partition("/")[2])
        elif path == f"{ANSWERS}/{BODY}":
            body, problem = unpack(value, packed=tag == BINARY)
            answer = replace(answer, body=body, problem=problem)


def read_scalars(data: bytes) -> Iterator[tuple[str, str, str]]:
    """Scalars with the keys above them, joined by strokes, and their tag; the end of each answer as its path."""
    keys: list[str | None] = []
    mappings: list[bool] = []
    for event in yaml.parse(data, Loader=LOADER):
        opens = isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent)
        if opens:
            keys.append(None)
            mappings.append(isinstance(event, yaml.MappingStartEvent))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            keys.pop()
            mappings.pop()
            path = "/".join(key for key in keys if key is not None)
            if len(keys) == 2 and path == ANSWERS and isinstance(event, yaml.MappingEndEvent):
                yield path, "", ""
            close_value(keys, mappings)
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            value = getattr(event, "value", "")
            if mappings and mappings[-1] and keys[-1] is None:
                keys[-1] = value
                continue
            yield "/".join(key for key in keys if key is not None), value, event.tag if value else ""
            close_value(keys, mappings)


def close_value(keys: list[str | None], mappings: list[bool]) -> None:
    """After a value, a mapping waits for its next key."""
    if mappings and mappings[-1]:
        keys[-1] = None


def unpack(value: str, *, packed: bool) -> tuple[bytes, str]:
    """The bytes of a body, and why they cannot be had."""
    if not packed:
        return value.encode("utf-8", "replace"), ""
    try:
        data = base64.b64decode(value)
        if data[:2] != b"\x1f\x8b":
            return data, ""
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        body = inflater.decompress(data, BODY_MAX_BYTES)
    except (binascii.Error, ValueError, zlib.error) as error:
        return b"", f"its packed bytes are damaged ({error})"
    return (b"", f"it has more than {BODY_MAX_BYTES} bytes") if inflater.unconsumed_tail else (body, "")
