"""A folder that appears whole or not at all: written beside its place, forced to the disk, then renamed."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.errors import ExplainedError


class ExportError(ExplainedError):
    """Nothing can be exported as asked: what, where, and what to do instead."""


def check_target(target: Path) -> None:
    """Refuse a folder that is there already, or that cannot be made.

    Raises
    ------
    ExportError
        If something of that name is there, even an empty folder, or the folder above it is not.
    """
    if target.exists() or target.is_symlink():
        raise ExportError(f"{target} is there already: give --to a folder that is not there yet.")
    if not target.parent.is_dir():
        raise ExportError(f"There is no folder {target.parent} for {target.name}: make it and run again.")


@contextmanager
def fresh_folder(target: Path) -> Iterator[Path]:
    """Make a hidden folder beside `target`, readable by its owner only; it is gone after the block.

    What a run that was killed left there is removed first; what a run that lives is writing is not.

    Raises
    ------
    ExportError
        If another run is writing to the same place, the folder cannot be made, or the disk refuses a file.
    """
    check_target(target)
    fresh = target.with_name(f".{target.name}.new")
    lock = None
    try:
        try:
            if fresh.exists():
                lock = _hold(fresh, target)
                shutil.rmtree(fresh)
                os.close(lock)
                lock = None
            fresh.mkdir(mode=0o700)
            lock = _hold(fresh, target)
        except OSError as error:
            raise ExportError(_explain(target, error)) from error
        try:
            yield fresh
        except OSError as error:
            raise ExportError(_explain(target, error)) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    finally:
        if lock is not None:
            os.close(lock)


def settle(fresh: Path, target: Path) -> None:
    """Put a finished folder in its place; only its owner may read what is in it.

    Raises
    ------
    ExportError
        If something has come to be there meanwhile, or the disk refuses.
    """
    try:
        for path in sorted(p for p in fresh.rglob("*") if p.is_file()):
            path.chmod(0o600)
            _force(path)
        _force(fresh)
        check_target(target)
        fresh.rename(target)
        _force(target.parent)
    except OSError as error:
        raise ExportError(_explain(target, error)) from error


def _hold(fresh: Path, target: Path) -> int:
    """Lock a folder as long as this process lives; the number of the open file that holds it."""
    lock = os.open(fresh, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ExportError(
            f"Another export is writing to {target} now: wait until it is done, or give --to another folder."
        ) from None
    return lock


def _force(path: Path) -> None:
    """Have the disk keep a file, or the list of a folder, before anything is renamed."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _explain(target: Path, error: OSError) -> str:
    return (
        f"Could not write {target} ({error.strerror or error}): nothing was left behind; free some space or give"
        " --to another folder, and run again."
    )
