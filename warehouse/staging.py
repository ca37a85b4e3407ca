"""Stage what a stage made: Parquet files in a folder that appears whole or not at all.

A stage writes under a temporary name; when it is done the folder is renamed, and only then can
`warehouse.commit` take it. A process that dies leaves nothing that could be taken by mistake.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.schema import BIG, DAY, STREAM, STREAM_ID, TEXT
from warehouse.store import WarehouseError
from warehouse.tables import find_table

DAYS = pa.schema([("participant", TEXT), ("day", DAY)])
FILES = pa.schema([("participant", TEXT), ("file_id", BIG)])
PART_ROWS = 1 << 19
"""Rows of one Parquet file: half a million, some 20 MB in memory."""
WRITING = ".writing-"
LEFT_OVER_S = 24 * 3600.0


@dataclass
class Staged:
    """A folder of staged rows, in the making."""

    stage: str
    method_version: str
    folder: Path
    parts: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    streams: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """The streams of the signals staged so far, by number."""
    held: dict[str, list[pa.Table]] = field(default_factory=dict)
    """Rows not written yet: many small files cost more than what is in them."""

    def add(self, table: str, rows: pa.Table) -> None:
        """Stage rows of a declared table; columns are put in order and cast, none may be missing.

        Raises
        ------
        ValueError
            If a declared column is missing or a value does not fit its declared type.
        """
        declared = find_table(table)
        names = declared.arrow_schema.names
        missing = [name for name in names if name not in rows.column_names]
        if missing:
            raise ValueError(f"rows for {table} lack {', '.join(missing)}; declared are {', '.join(names)}")
        if declared.kind == "signal":
            rows = rows.append_column(STREAM_ID.name, number_streams(rows, self.streams))
        schema = declared.stored_schema
        self._hold(table, pa.table([fit(rows[f.name], f) for f in schema], names=schema.names))
        self.rows[table] = self.rows.get(table, 0) + rows.num_rows

    def replace(self, days: pa.Table) -> None:
        """Say which participant-days this stage redid: what was there for them is replaced."""
        self._hold("replace", days.select(DAYS.names).cast(DAYS))

    def clear(self, done: pa.Table, later: pa.Table | None = None) -> None:
        """Say which dues of this stage are done, and which days it puts off to a later run."""
        self._hold("clear", done.select(DAYS.names).cast(DAYS))
        if later is not None:
            self._hold("later", later.select(DAYS.names).cast(DAYS))

    def read_again(self, files: pa.Table) -> None:
        """Say which known files were read again: what they gave before and do not give now is withdrawn."""
        self._hold("again", files.select(FILES.names).cast(FILES))

    def finish(self) -> None:
        """Write what is held, and the streams of all signals that were added."""
        if self.streams:
            columns = zip(*((number, *names) for number, names in sorted(self.streams.items())), strict=True)
            self.add("meta.stream", pa.table([pa.array(c) for c in columns], names=[STREAM_ID.name, *STREAM]))
        for name in list(self.held):
            self._write(name)

    def _hold(self, name: str, rows: pa.Table) -> None:
        held = self.held.setdefault(name, [])
        held.append(rows)
        if sum(part.num_rows for part in held) >= PART_ROWS:
            self._write(name)

    def _write(self, name: str) -> None:
        rows = pa.concat_tables(self.held.pop(name)).unify_dictionaries()
        self.parts += 1
        path = self.folder / f"{name}-{self.parts:05d}.parquet"
        try:
            pq.write_table(rows, path, compression="lz4", **encodings(rows.schema))
        except OSError as error:
            raise WarehouseError(
                f"Could not write {path.name} to {self.folder.parent} ({error.strerror or error}):"
                " free some space and run the same command again; nothing was lost."
            ) from error


def number_streams(rows: pa.Table, streams: dict[int, tuple[str, ...]]) -> pa.Array:
    """Number the stream of each row, and add the streams that are new to `streams`.

    A stream's number is a hash of its names, so that it is the same in every warehouse and whatever came first.
    """
    codes = np.zeros(rows.num_rows, np.int32)
    names: list[tuple[str, ...]] = [()]
    for name in STREAM:
        column = rows[name].combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        texts = column.dictionary.to_pylist()
        if len(texts) > 1:
            codes = codes * len(texts) + column.indices.to_numpy(zero_copy_only=False)
        names = [(*stream, text) for stream in names for text in texts]
    numbers = np.array([hash_stream(stream) for stream in names], np.int64)
    used = (
        np.flatnonzero(np.bincount(codes, minlength=len(names))) if len(names) > 1 else np.arange(len(names))
    )
    streams.update({int(numbers[i]): names[i] for i in used})
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(numbers))


def hash_stream(names: tuple[str, ...]) -> int:
    """The number of a stream: the first 63 bits of the hash of its names."""
    return int.from_bytes(hashlib.sha256("\0".join(names).encode()).digest()[:8]) >> 1


def encodings(schema: pa.Schema) -> dict[str, Any]:
    """Choose how columns are written: dictionaries for what repeats, differences for what rises."""
    rising = {f.name: "DELTA_BINARY_PACKED" for f in schema if f.type in (pa.int64(), pa.timestamp("us"))}
    plain = {f.name for f in schema if f.type in (pa.float64(), pa.bool_())}
    repeating = [f.name for f in schema if f.name not in rising | dict.fromkeys(plain)]
    return {"use_dictionary": repeating, "column_encoding": rising or None}


def fit(column: pa.ChunkedArray, declared: pa.Field) -> pa.ChunkedArray:
    """Cast a column to its declared type; a dictionary of it stays one, which is cheap to write."""
    if pa.types.is_dictionary(column.type) and column.type.value_type == declared.type:
        return column
    if pa.types.is_floating(column.type) and pa.types.is_floating(declared.type):
        # NaN is how arrays say missing; tables say null.
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    try:
        return column.cast(declared.type)
    except pa.ArrowInvalid as error:
        raise ValueError(f"column {declared.name} does not fit {declared.type}: {error}") from error


@contextmanager
def stage(root: Path, name: str, *, method_version: str) -> Iterator[Staged]:
    """Stage the rows of stage `name` in a new folder below `root`; it is complete after the block."""
    identity = uuid.uuid4().hex
    writing = root / f"{WRITING}{identity}"
    writing.mkdir(parents=True, mode=0o700)
    staged = Staged(name, method_version, writing)
    try:
        yield staged
        staged.finish()
        manifest = {"stage": name, "method_version": method_version, "rows": staged.rows}
        (writing / "manifest.json").write_text(json.dumps(manifest, sort_keys=True), encoding="utf-8")
        staged.folder = root / f"{name}-{identity}"
        writing.rename(staged.folder)
    except BaseException:
        shutil.rmtree(writing, ignore_errors=True)
        raise


@contextmanager
def staging_folder(root: Path) -> Iterator[Path]:
    """Make a folder for one run below `root`, and remove it afterwards; old left-overs go too."""
    folder = make_run_folder(root)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_run_folder(root: Path) -> Path:
    """Make a folder for one run below `root`, after sweeping away what is left of dead ones."""
    sweep(root)
    folder = root / f"run-{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True, mode=0o700)
    return folder


def sweep(root: Path, *, older_than_s: float = LEFT_OVER_S) -> None:
    """Remove what runs that died left below `root`; younger folders may be of a run that lives."""
    before = time.time() - older_than_s
    for folder in root.iterdir() if root.exists() else ():
        if folder.stat().st_mtime < before:
            shutil.rmtree(folder, ignore_errors=True)
