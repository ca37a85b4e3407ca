"""What the adapters share: the error they raise, and a table made of parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.errors import ExplainedError

if TYPE_CHECKING:
    from models.validate.table import Floats, Table


class DataSetError(ExplainedError):
    """A data set is not laid out as documented: what was looked for, and where."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """A table with what should be known of it."""

    table: Table
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of one session of one person; arrays of n."""

    participant: str
    x: Floats
    label: Floats
    start_s: Floats
    end_s: Floats
    since_start_min: Floats
    steps: Floats
    order: str = ""


def join_parts(name: str, features: Sequence[str], classes: Sequence[str], parts: Sequence[Part]) -> Table:
    """Put parts together, in the order given."""
    import numpy as np

    from models.validate.table import Table, check_table

    if not parts:
        raise DataSetError(f"{name}: nothing found; point at the folder that holds the set's own folders")

    def column(part_of: str) -> Floats:
        return np.concatenate([getattr(p, part_of) for p in parts])

    table = Table(
        name=name,
        features=tuple(features),
        x=column("x"),
        label=column("label"),
        classes=tuple(classes),
        participant=np.concatenate([np.full(len(p.label), p.participant) for p in parts]),
        start_s=column("start_s"),
        end_s=column("end_s"),
        since_start_min=column("since_start_min"),
        steps=column("steps"),
        order=np.concatenate([np.full(len(p.label), p.order) for p in parts]),
    )
    return check_table(table)


def find_folders(path: Path, pattern: str) -> list[Path]:
    """Folders of that name at or below a path, in order; an error where there is none."""
    found = sorted({p for p in [path, *path.rglob("*")] if p.is_dir() and p.match(pattern)})
    if not found:
        raise DataSetError(f"no folder named {pattern} under {path.name}: point at the data set's own folder")
    return found


def find_file(path: Path, name: str) -> Path:
    """The one file of that name at or below a path."""
    found = [path] if path.is_file() else sorted(path.rglob(name))
    if not found:
        raise DataSetError(f"no file {name} under {path.name}: point at the data set's own folder")
    return found[0]
