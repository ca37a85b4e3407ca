"""What a load did, as values that a command can print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[int, int], None]
"""Told the bytes read so far, and all there are to read."""


@dataclass(frozen=True)
class ExportTaken:
    """One export: how many of its files were read, known already, refused as a whole, left out on purpose."""

    root: str
    source: str
    device: str
    files_read: int
    files_known: int
    files_refused: int
    files_left_out: int


@dataclass(frozen=True)
class FileRefusal:
    """One refusal: the file, the place in it ('file' for all of it), what was wrong."""

    file: str
    place: str
    reason: str


@dataclass(frozen=True)
class Unclaimed:
    """A file that no source knows, and what it seems to be."""

    path: str
    nature: str


@dataclass(frozen=True)
class LoadReport:
    """What a load did.

    `rows` counts rows read by table (what was committed before is not counted, duplicates are).
    `refusals` has at most `MAX_REFUSALS` of `refused` records; meta.rejected has them all.
    """

    participant: str | None
    """None if nothing could be taken and nobody was named."""
    enrolled: bool = False
    zone: str | None = None
    exports: tuple[ExportTaken, ...] = ()
    rows: tuple[tuple[str, int], ...] = ()
    refused: int = 0
    refusals: tuple[FileRefusal, ...] = ()
    unclaimed: tuple[Unclaimed, ...] = ()
    remarks: tuple[str, ...] = ()
    refused_wholesale: bool = False
    """Whether a whole file or zip was refused: then the exit code is 1."""
    changed: bool = False
    """Whether anything was written."""


MAX_REFUSALS = 100
