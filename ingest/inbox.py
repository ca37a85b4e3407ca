"""The inbox: files that wait for the next run, a folder a participant, and where they go afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingest.ledger import LoadError
from ingest.load import load
from ingest.outcome import LoadReport


@dataclass(frozen=True)
class Waiting:
    """What became of one person's folder: a report, or the reason why it was left as it is."""

    participant: str
    report: LoadReport | None
    problem: str | None


def load_inbox(
    inbox: Path,
    raw: Path,
    *,
    warehouse: str | Path,
    staging: Path,
    now: datetime,
    wait_s: float = 60.0,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Waiting]:
    """Load every folder of the inbox for the participant that it is named after, then put its files away.

    Files go to `raw/<participant>` as they came. Where anything was refused as a whole (an upload
    that is not finished yet, say) the folder stays and the next run tries again. One person's
    trouble does not stop the others.
    """
    done = []
    for folder in sorted(p for p in inbox.iterdir() if p.is_dir()) if inbox.exists() else ():
        files = list_files(folder)
        if not files:
            continue
        tell(f"loading the inbox of {folder.name}")
        try:
            report = load(
                [folder],
                warehouse=warehouse,
                staging=staging,
                participant=folder.name,
                now=now,
                wait_s=wait_s,
            )
        except LoadError as error:
            done.append(Waiting(folder.name, None, str(error)))
            continue
        if report.refused_wholesale:
            done.append(
                Waiting(folder.name, report, f"{folder} was kept, since part of it could not be read")
            )
        else:
            put_away(files, folder, raw / folder.name)
            done.append(Waiting(folder.name, report, None))
    return done


def list_files(folder: Path) -> list[Path]:
    """The files below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def put_away(files: Sequence[Path], folder: Path, raw: Path) -> None:
    """Move files of a folder to the raw store; two of one name and different bytes are both kept.

    Only what was there before the load began: what came while it ran may not have been read.
    """
    for path in files:
        if path.is_symlink() or not path.exists():
            continue
        target = raw / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest = hash_file(path)
        if target.exists() and hash_file(target) != digest:
            target = target.with_name(f"{target.stem}-{digest[:8]}{target.suffix}")
        path.replace(target)
        target.chmod(0o600)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
