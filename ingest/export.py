"""Walk folders and zips: which members there are, with what would harm left out and said.

A zip is read as a stream; nothing is unpacked to disk. Sizes that a zip declares are what is read at
most, so limits on them hold whatever the bytes say. Zips inside a zip are read where they lie, one level
deep, since Garmin's account export holds its FIT files so.
"""

from __future__ import annotations

import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from ingest.inflate import Inflated, open_inside
from ingest.source import Member

MAX_MEMBERS = 200_000
MAX_MEMBER_BYTES = 1 << 30
MAX_TOTAL_BYTES = 256 << 30
MAX_RATIO = 250
"""Fitbit's heart rates shrink 27 times, a month of zero steps about 100 times; a bomb 1000 times."""
RATIO_FROM_BYTES = 1 << 20
"""Members below this size may shrink as they like."""
MAX_DEPTH = 32
MAX_INSIDE_BYTES = 256 << 20
MAX_INSIDE = 100
"""Zips inside a zip that are read: each costs some 2 MB of memory while the load lasts."""
ENCRYPTED = 0x1
ZIP_MAGIC = b"PK\x03\x04"
PART = re.compile(r"-\d{3}$")
"""Google cuts a large export into whole zips named …-001.zip, …-002.zip: they are one export."""
SPLIT = re.compile(r"\.(z\d\d|zip\.\d{3})$", re.IGNORECASE)

MAGIC = {
    ZIP_MAGIC: "a zip inside: unpack it and load the folder",
    b"%PDF": "PDF",
    b"\x89PNG": "PNG image",
    b"\xff\xd8\xff": "JPEG image",
    b"SQLite format 3": "SQLite database",
    b"\x1f\x8b": "gzip",
    b"7z\xbc\xaf": "7z archive",
}
"""First bytes of files that are often found beside an export."""

READ_ERRORS = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
)
"""What reading a member's bytes may raise."""
OPEN_ERRORS = (*READ_ERRORS, ValueError, struct.error)
"""What reading a zip's list of files may raise: its names and dates may be damaged too."""


@dataclass(frozen=True)
class Refusal:
    """A file, a zip or a member that was refused as a whole, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Container:
    """One folder, zip (or parts of one) or single file, and what may be read of it."""

    root: str
    members: tuple[Member, ...]
    refused: tuple[Refusal, ...]
    under: frozenset[Path] = frozenset()
    """Which of the given paths it was found under."""


def walk(paths: Iterable[Path]) -> list[Container]:
    """List what lies under the given files and folders, one container a folder, zip or file.

    Zips inside a folder are containers of their own; parts of one export are put together.
    """
    found: dict[str, list[Container]] = {}
    for path in paths:
        for container in walk_path(path):
            found.setdefault(container.root, []).append(replace(container, under=frozenset({path})))
    return [merge_parts(root, parts) for root, parts in found.items()]


def merge_parts(root: str, parts: list[Container]) -> Container:
    """Put the parts of one export together."""
    members = tuple(m for part in parts for m in part.members)
    refused = tuple(r for part in parts for r in part.refused)
    return Container(root, members, refused, frozenset().union(*(part.under for part in parts)))


def walk_path(path: Path) -> Iterator[Container]:
    """List one file or folder."""
    if path.is_dir():
        files, refused = list_folder(path)
        zips = [f for f in files if is_zip(f)]
        plain = tuple(file_member(f, f.relative_to(path).as_posix()) for f in files if f not in set(zips))
        if plain or refused:
            yield Container(str(path), plain, tuple(refused))
        for inner in zips:
            yield walk_zip(inner)
    elif is_zip(path):
        yield walk_zip(path)
    else:
        yield Container(str(path), (file_member(path, path.name),), ())


def is_zip(path: Path) -> bool:
    """Whether a file is, or says that it is, a zip (or a part of a split one)."""
    if path.suffix.lower() == ".zip" or SPLIT.search(path.name):
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(4) == ZIP_MAGIC
    except OSError:
        return False


def list_folder(folder: Path) -> tuple[list[Path], list[Refusal]]:
    """List the files below a folder, in order; links are not followed."""
    files: list[Path] = []
    refused: list[Refusal] = []
    for path in sorted(Path(place) / name for place, _, names in os.walk(folder) for name in names):
        inside = path.relative_to(folder).as_posix()
        if len(files) >= MAX_MEMBERS:
            return files, [*refused, Refusal(str(folder), f"more than {MAX_MEMBERS} files: load it in parts")]
        reason = file_problem(path)
        if reason is None:
            files.append(path)
        else:
            refused.append(Refusal(inside, reason))
    return files, refused


def file_problem(path: Path) -> str | None:
    """Why a file in a folder is not read; None if it may be."""
    if path.is_symlink():
        return "a link is not followed: load what it points to"
    if not path.is_file():
        return "it is not a regular file"
    size = path.stat().st_size
    return too_big(size) if size > MAX_MEMBER_BYTES and not is_zip(path) else None


def file_member(path: Path, inside: str) -> Member:
    """A file on disk as a member."""
    found = path.stat()
    modified = datetime.fromtimestamp(found.st_mtime, UTC).replace(tzinfo=None)
    return Member(inside, found.st_size, modified, partial(open_file, path))


def open_file(path: Path) -> IO[bytes]:
    """Open a file on disk as a stream."""
    return path.open("rb")


@dataclass
class Found:
    """What was found in a zip so far, the zips inside it included."""

    members: list[Member] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    n_entries: int = 0
    total_bytes: int = 0
    n_inside: int = 0

    def take(self, path: str, entries: list[zipfile.ZipInfo]) -> bool:
        """Count the entries of a zip; False, and the zip is refused, if they are too many or too large."""
        n_entries = self.n_entries + len(entries)
        total_bytes = self.total_bytes + sum(e.file_size for e in entries)
        if n_entries > MAX_MEMBERS or total_bytes > MAX_TOTAL_BYTES:
            reason = (
                f"the zip declares {n_entries} files of {total_bytes} bytes in all, above the limits of"
                f" {MAX_MEMBERS} and {MAX_TOTAL_BYTES}: unpack what you trust and load the folder"
            )
            self.refused.append(Refusal(path, reason))
            return False
        self.n_entries, self.total_bytes = n_entries, total_bytes
        return True


def walk_zip(path: Path) -> Container:
    """List the members of a zip that may be read; the zip as a whole is refused if it is broken or a bomb."""
    root = str(path.with_name(PART.sub("", path.stem) + path.suffix))
    found = Found()
    try:
        # Kept open by its members: reading the list of 33,000 files once a file would take hours.
        opened = zipfile.ZipFile(path)
    except OPEN_ERRORS as error:
        reason = explain_broken_zip(path.name, path.stat().st_size, error)
        return Container(root, (), (Refusal(str(path), reason),))
    entries = list_entries(opened)
    if found.take(str(path), entries):
        for entry in sort_out(entries, "", found):
            if is_zip_inside(entry) and found.n_inside < MAX_INSIDE:
                walk_zip_inside(path, entry, found)
            else:
                found.members.append(zip_member(entry, "", partial(open_entry, path, opened, entry)))
    return Container(root, tuple(found.members), tuple(found.refused))


def walk_zip_inside(path: Path, outer: zipfile.ZipInfo, found: Found) -> None:
    """Add the members of a zip inside a zip to what was found; zips inside it are members as any."""
    found.n_inside += 1
    try:
        opened = open_inside(path, outer)
    except OPEN_ERRORS as error:
        found.refused.append(
            Refusal(outer.filename, explain_broken_zip(outer.filename, outer.file_size, error))
        )
        return
    entries, prefix = list_entries(opened), f"{outer.filename}/"
    if not found.take(outer.filename, entries):
        return
    kept = list(sort_out(entries, prefix, found))
    grows = sum(e.file_size for e in kept)
    # Two steps that each grow moderately may grow immoderately together.
    if grows > RATIO_FROM_BYTES and grows > MAX_RATIO * max(outer.compress_size, 1):
        found.refused.append(Refusal(outer.filename, looks_like_bomb(grows, outer.compress_size)))
        return
    found.members += [zip_member(e, prefix, partial(open_entry_inside, opened, e)) for e in kept]


def list_entries(opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The entries of a zip that are files."""
    return [e for e in opened.infolist() if not e.is_dir()]


def is_zip_inside(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry says that it is a zip, and may be read where it lies."""
    return (
        entry.filename.lower().endswith(".zip")
        and entry.file_size <= MAX_INSIDE_BYTES
        and entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    )


def sort_out(entries: Iterable[zipfile.ZipInfo], prefix: str, found: Found) -> Iterator[zipfile.ZipInfo]:
    """The entries that may be read; the others are refused."""
    seen: set[str] = set()
    for entry in entries:
        reason_not = entry_problem(entry, seen)
        seen.add(entry.filename)
        if reason_not is None:
            yield entry
        else:
            found.refused.append(Refusal(prefix + entry.filename, reason_not))


def entry_problem(entry: zipfile.ZipInfo, seen: set[str]) -> str | None:  # noqa: PLR0911 - one rule a line
    """Why a member of a zip is not read; None if it may be."""
    path = PurePosixPath(entry.filename)
    if (
        path.is_absolute()
        or ".." in path.parts
        or re.match(r"[A-Za-z]:", entry.filename)
        or "\\" in entry.filename
    ):
        return "its path leads out of the zip: expected a plain relative path"
    if len(path.parts) > MAX_DEPTH:
        return f"its path is {len(path.parts)} folders deep: at most {MAX_DEPTH} are read"
    if entry.filename in seen:
        return "the zip holds this path twice: only the first is read"
    if entry.create_system == 3 and stat.S_ISLNK(entry.external_attr >> 16):
        return "a link is not followed"
    if entry.flag_bits & ENCRYPTED:
        return "it is encrypted: unpack the zip with its password and load the folder"
    if entry.file_size > MAX_MEMBER_BYTES:
        return too_big(entry.file_size)
    if entry.file_size > RATIO_FROM_BYTES and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        return looks_like_bomb(entry.file_size, entry.compress_size)
    return None


def looks_like_bomb(size: int, packed_size: int) -> str:
    """Why what grows so much is not read."""
    times = size // max(packed_size, 1)
    return f"it would grow {times} times when unpacked, more than {MAX_RATIO}: it looks like a zip bomb"


def too_big(size: int) -> str:
    """Why a file of this size is not read."""
    return f"it has {size} bytes: at most {MAX_MEMBER_BYTES} are read of one file"


def zip_member(entry: zipfile.ZipInfo, prefix: str, opener: Callable[[], IO[bytes]]) -> Member:
    """A member of a zip; its date is taken as UTC, which is all that a zip lets us know."""
    try:
        modified = datetime(*entry.date_time)  # noqa: DTZ001 - naive UTC, as everywhere
    except ValueError:
        modified = datetime(1980, 1, 1)  # noqa: DTZ001
    return Member(prefix + entry.filename, entry.file_size, modified, opener, packed=True)


def open_entry(path: Path, opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    """Open a member of a zip as a stream."""
    if entry.compress_type == zipfile.ZIP_DEFLATED:
        return cast("IO[bytes]", Inflated(path, entry))
    return opened.open(entry)


def open_entry_inside(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    """Open a member of a zip inside a zip as a stream."""
    return opened.open(entry)


def explain_broken_zip(name: str, size: int, error: BaseException) -> str:
    """Say why a zip cannot be opened, and what to do."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"it cannot be read ({error.strerror})"
    if SPLIT.search(name) or "multiple disks" in str(error):
        return "it is one piece of a split zip: join the pieces or unpack them, then load the zip or folder"
    if size == 0:
        return "the file is empty: expected a zip; download the export again"
    return "it is no whole zip, perhaps a download that broke off: download the export again, then load it"


def explain_read_error(error: BaseException) -> str:
    """Say why a member's bytes cannot be read, and what to do."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"it cannot be read ({error.strerror})"
    if isinstance(error, NotImplementedError):
        return f"it is packed in a way that is not supported ({error}): unpack the zip and load the folder"
    return f"its packed bytes are damaged ({error}): download the export again"


def nature(head: bytes) -> str:  # noqa: PLR0911 - one kind a line
    """Say what a file seems to be, from its first bytes."""
    if not head:
        return "empty"
    for magic, name in MAGIC.items():
        if head.startswith(magic):
            return name
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] in (b"{", b"["):
        return "JSON"
    if start[:1] == b"<":
        return "XML or HTML"
    try:
        text = head[:-3].decode("utf-8") if len(head) > 3 else head.decode("utf-8")
    except UnicodeDecodeError:
        return "binary"
    if "\0" in text:
        return "binary"
    return "text with commas" if "," in text.partition("\n")[0] else "text"
