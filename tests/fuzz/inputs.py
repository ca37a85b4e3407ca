"""What the fuzzer feeds: one damaged file of an export, alone or among whole ones of its folder.

An input is one line that says which file it stands for, then the file's bytes. That line makes an
input that was found legible, and valid still when fixtures come and go.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import PurePosixPath

from fitbit_export import SAMPLE
from source_reading import FIXTURES, fixture

from .made_fit import write_kinds

FORMATS = {
    "xml": (".xml",),
    "json": (".json",),
    "csv": (".csv", ".txt", ".hrm", ".ics"),
    "fit": (".fit",),
}
"""File name endings of each target; RR text and calendars go with the delimited text."""
SAMPLE_RECORDS = 4
"""So many records of each kind of file of the sample are seeds: the files themselves are long."""
ALONE, AMONG = "alone", "among"


@dataclass(frozen=True)
class Input:
    """A file of an export."""

    how: str
    """`alone`, or `among` the other files that lie in its folder."""
    folder: str
    """Which fixture it is of."""
    path: str
    content: bytes

    def write(self) -> bytes:
        """The input as one run of bytes."""
        return f"{self.how}\t{self.folder}\t{self.path}\n".encode() + self.content


def read_input(data: bytes) -> Input | None:
    """An input from its bytes; None where its first line is not of our making."""
    line, _, content = data.partition(b"\n")
    head = line.decode("utf-8", "replace").split("\t")
    if len(head) != 3 or head[0] not in (ALONE, AMONG) or head[1] not in exports():
        return None
    return Input(*head, content)


@cache
def exports() -> dict[str, dict[str, bytes]]:
    """Files of all fixtures and of the sample, by fixture and path."""
    names = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
    whole = {name: fixture(name) for name in names}
    whole["garmin_fit"] |= write_kinds()
    return {**whole, "sample": dict(cut_sample())}


def cut_sample() -> Iterator[tuple[str, bytes]]:
    """The first file of each kind in the sample, cut to a few records."""
    seen = set()
    with zipfile.ZipFile(SAMPLE) as opened:
        for path in opened.namelist():
            kind = re.sub(r"-\d{4}-\d\d-\d\d", "", path)
            if kind in seen or not path.endswith((".json", ".csv")):
                continue
            seen.add(kind)
            data = opened.read(path)
            if path.endswith(".csv"):
                yield path, b"".join(data.splitlines(keepends=True)[: SAMPLE_RECORDS + 1])
                continue
            records = json.loads(data)[:SAMPLE_RECORDS]
            if "sleep" in path:
                records = records[:1]
            yield path, json.dumps(records, indent=2, separators=(",", " : ")).encode()


def neighbours(given: Input) -> dict[str, bytes]:
    """What is read along with a file: others of the export that lie in the same folder, and itself."""
    if given.how == ALONE:
        return {given.path: given.content}
    place = PurePosixPath(given.path).parent
    whole = {p: c for p, c in exports()[given.folder].items() if PurePosixPath(p).parent == place}
    return {**whole, given.path: given.content}


def seeds(format_name: str) -> list[Input]:
    """Whole files of a format: each alone, and one of each folder among its neighbours."""
    alone = [
        Input(ALONE, folder, path, content)
        for folder, files in exports().items()
        for path, content in files.items()
        if path.lower().endswith(FORMATS[format_name])
    ]
    firsts = {(seed.folder, PurePosixPath(seed.path).parent): seed for seed in reversed(alone)}
    return [*alone, *(replace(seed, how=AMONG) for seed in firsts.values())]
