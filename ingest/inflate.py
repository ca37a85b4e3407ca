"""Members of a zip as streams, inflated by ISA-L: zlib took a fifth of the time of a load.

A zip inside a zip is read at any place without being unpacked to disk or held in memory.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from isal import igzip_lib, isal_zlib

LOCAL_HEADER = struct.Struct("<4s22xHH")
LOCAL_MAGIC = b"PK\x03\x04"
RAW_BYTES = 1 << 18
STEP_BYTES = 1 << 14
"""So much is read of a zip inside a zip at once; every mark may hold as much."""
MARKS = 32
"""Places of a zip inside a zip from which inflating can go on; each costs some 60 kB."""
MARK_BYTES = 1 << 20
"""Marks are at least so far apart."""
DIRECTORY_BYTES = 8 << 20
"""At most so long is the list of files of a zip inside a zip: some 80,000 of them."""


def seek_data(file: IO[bytes], entry: zipfile.ZipInfo) -> None:
    """Go to where the packed bytes of a member begin, behind its own header.

    Raises
    ------
    zipfile.BadZipFile
        If there is no header.
    """
    file.seek(entry.header_offset)
    header = file.read(LOCAL_HEADER.size)
    if len(header) < LOCAL_HEADER.size or not header.startswith(LOCAL_MAGIC):
        raise zipfile.BadZipFile(f"no member begins where the zip says that {entry.filename!r} does")
    _, name_bytes, extra_bytes = LOCAL_HEADER.unpack(header)
    file.seek(name_bytes + extra_bytes, io.SEEK_CUR)


class Inflated(io.RawIOBase):
    """One deflated member of a zip, read from its beginning; no more is read than the zip declares.

    Raises
    ------
    zipfile.BadZipFile
        While reading, if the bytes are not those that the zip declares.
    zlib.error
        If they are damaged.
    EOFError
        If they end too early.
    """

    def __init__(self, path: Path, entry: zipfile.ZipInfo) -> None:
        self.name, self.declared_crc = entry.filename, entry.CRC
        self.left, self.raw_left, self.crc = entry.file_size, entry.compress_size, 0
        self.inflate = isal_zlib.decompressobj(wbits=-15)
        self.file = path.open("rb")
        try:
            seek_data(self.file, entry)
        except BaseException:
            self.close()
            raise

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def close(self) -> None:
        """Close the zip."""
        self.file.close()
        super().close()

    def readall(self) -> bytes:
        """All bytes that are left."""
        return self.read(self.left)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer; returns how many bytes came."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, all that are left where it is negative."""
        wanted = self.left if size < 0 else min(size, self.left)
        parts = []
        while wanted:
            part = self.inflate_some(wanted)
            wanted -= len(part)
            parts.append(part)
        found = parts[0] if len(parts) == 1 else b"".join(parts)
        self.left -= len(found)
        self.crc = isal_zlib.crc32(found, self.crc)
        if not self.left and found and self.crc != self.declared_crc:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {self.name!r}")
        return found

    def inflate_some(self, most: int) -> bytes:
        """Inflate at least one byte and at most so many."""
        while True:
            raw = self.inflate.unconsumed_tail
            if not raw and self.raw_left:
                raw = self.file.read(min(RAW_BYTES, self.raw_left))
                self.raw_left -= len(raw)
                if not raw:
                    raise EOFError("the zip ends inside of it")
            try:
                part = bytes(self.inflate.decompress(raw, most))
            except igzip_lib.IsalError as error:  # type: ignore[misc] # its stub declares an instance
                raise zlib.error(str(error)) from error
            if part:
                return part
            if self.inflate.eof or not (raw or self.raw_left):
                raise EOFError("it is shorter than the zip declares")


@dataclass(frozen=True)
class Mark:
    """A place inside, how many packed bytes were read up to there, and the inflater as it was."""

    place: int
    raw_place: int
    inflater: Any


class ZipInside(io.RawIOBase):
    """A zip that is a member of another, as a file that can be read at any place.

    Its bytes are inflated again from the nearest of a few marks, and never held: memory stays at some
    2 MB however large it is. `open_inside` makes one.

    Raises
    ------
    zipfile.BadZipFile, zlib.error, EOFError
        While reading, if its packed bytes are damaged, or end before what was declared.
    """

    def __init__(self, path: Path, entry: zipfile.ZipInfo) -> None:
        self.path, self.size, self.raw_size = path, entry.file_size, entry.compress_size
        self.packed = entry.compress_type != zipfile.ZIP_STORED
        self.most = self.size
        """More than this is not read at once."""
        with path.open("rb") as file:
            seek_data(file, entry)
            self.begins = file.tell()
        self.place = 0
        self.now = Mark(0, 0, zlib.decompressobj(-zlib.MAX_WBITS))
        self.marks = [Mark(0, 0, self.now.inflater.copy())]
        self.apart = max(MARK_BYTES, self.size // MARKS)

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read at any place: yes."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise zipfile.BadZipFile("its list of files points before its beginning")
        self.place = start + offset
        return self.place

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, all that are left where it is negative."""
        left = max(self.size - self.place, 0)
        wanted = left if size < 0 else min(size, left)
        if wanted > self.most:
            raise zipfile.BadZipFile(f"its list of files is longer than {self.most} bytes")
        if not wanted:
            return b""
        with self.path.open("rb") as file:
            found = self.inflate(file, wanted) if self.packed else self.copy(file, wanted)
        self.place += len(found)
        return found

    def copy(self, file: IO[bytes], wanted: int) -> bytes:
        """Read bytes that are stored as they are."""
        file.seek(self.begins + self.place)
        found = file.read(max(min(wanted, self.raw_size - self.place), 0))
        if len(found) < wanted:
            raise EOFError("it is shorter than the zip declares")
        return found

    def inflate(self, file: IO[bytes], wanted: int) -> bytes:
        """Inflate from the nearest mark, or from where the last read ended, up to and through what is wanted."""
        near = max((m for m in self.marks if m.place <= self.place), key=lambda m: m.place)
        if not near.place <= self.now.place <= self.place:
            self.now = Mark(near.place, near.raw_place, near.inflater.copy())
        file.seek(self.begins + self.now.raw_place)
        while self.now.place < self.place:
            self.go_on(file, self.place - self.now.place)
        parts = []
        while wanted:
            parts.append(self.go_on(file, wanted))
            wanted -= len(parts[-1])
        return b"".join(parts)

    def go_on(self, file: IO[bytes], most: int) -> bytes:
        """Inflate at least one byte and at most so many from where it stands, setting a mark where one is due."""
        at, raw_at, inflater = self.now.place, self.now.raw_place, self.now.inflater
        while True:
            raw = inflater.unconsumed_tail
            if not raw:
                raw = file.read(min(STEP_BYTES, self.raw_size - raw_at))
                raw_at += len(raw)
            part: bytes = inflater.decompress(raw, min(most, self.apart))
            if part:
                break
            if inflater.eof or not raw:
                raise EOFError("it is shorter than the zip declares")
        self.now = Mark(at + len(part), raw_at, inflater)
        if self.now.place >= self.marks[-1].place + self.apart:
            self.marks.append(Mark(self.now.place, raw_at, inflater.copy()))
        return part


def open_inside(path: Path, entry: zipfile.ZipInfo) -> zipfile.ZipFile:
    """Open a zip that is a member of the zip at `path`, for reading.

    Raises
    ------
    zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError
        If it is broken, or its list of files too long to be honest.
    """
    inside = ZipInside(path, entry)
    # The list is read at once: one that would fill the memory must not be.
    inside.most = DIRECTORY_BYTES
    opened = zipfile.ZipFile(inside)
    inside.most = inside.size
    return opened
