"""A table of one's own: CSV or Parquet with participant, day or time, label, and features.

Columns: `participant`; `day` (a date) or `time` (a local stamp without zone) and, for windows, `end`;
`label`, numbers, or words of which the alphabetically last of two is the one looked for (empty: not
known); `order`, a protocol order, if there is one. Every other column is a number and a feature;
`steps` is a feature and the baseline of that name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli.datasets.tables import DataSet, DataSetError, Part, join_parts

if TYPE_CHECKING:
    import pyarrow as pa

    from models.validate.table import Floats

NAME = "own"
KNOWN = ("participant", "day", "time", "end", "label", "order")
DAY_S = 86400.0


def read(path: Path) -> DataSet:
    """Read the file."""
    import numpy as np

    rows = read_file(path)
    names = [name for name in rows.column_names if name not in KNOWN]
    if "participant" not in rows.column_names or "label" not in rows.column_names or not names:
        raise DataSetError(
            f"{path.name}: expected columns participant, label, day or time, and at least one feature"
        )
    label, classes = read_label(rows, path.name)
    start_s, end_s = read_times(rows, path.name)
    x = np.column_stack([to_floats(rows[name], f"{path.name}, column {name}") for name in names])
    who = np.array([str(value) for value in rows["participant"].to_pylist()])
    order = np.array(rows["order"].to_pylist() if "order" in rows.column_names else [""] * len(who), np.str_)
    steps = x[:, names.index("steps")] if "steps" in names else np.full(len(who), np.nan)
    parts = []
    for person in np.unique(who).tolist():
        for session in np.unique(order[who == person]).tolist():
            mine = (who == person) & (order == session)
            since_min = (start_s[mine] - start_s[mine].min()) / 60
            parts.append(
                Part(
                    person, x[mine], label[mine], start_s[mine], end_s[mine], since_min, steps[mine], session
                )
            )
    return DataSet(join_parts(NAME, names, classes, parts))


def read_file(path: Path) -> pa.Table:
    """Rows of a CSV or Parquet file."""
    import pyarrow.csv
    import pyarrow.parquet

    if not path.is_file():
        raise DataSetError(f"{path.name} is no file: give a table as .csv or .parquet")
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path)
    return pyarrow.csv.read_csv(path)


def to_floats(column: pa.ChunkedArray, where: str) -> Floats:
    """Numbers; NaN for null."""
    import numpy as np
    import pyarrow as pa

    try:
        return np.asarray(column.cast(pa.float64()).fill_null(np.nan).to_numpy(), np.float64)
    except pa.ArrowInvalid as error:
        raise DataSetError(f"{where}: expected numbers ({error})") from None


def read_label(rows: pa.Table, file: str) -> tuple[Floats, tuple[str, ...]]:
    """Labels, and the classes they name; no classes where they are numbers other than 0 and 1."""
    import numpy as np
    import pyarrow as pa

    column = rows["label"]
    if pa.types.is_string(column.type) or pa.types.is_boolean(column.type):
        told = [None if value in (None, "") else str(value) for value in column.to_pylist()]
        classes = tuple(sorted({value for value in told if value is not None}))
        return np.array([np.nan if v is None else classes.index(v) for v in told], np.float64), classes
    label = to_floats(column, f"{file}, column label")
    two = set(label[np.isfinite(label)].tolist()) <= {0.0, 1.0}
    return label, ("0", "1") if two else ()


def read_times(rows: pa.Table, file: str) -> tuple[Floats, Floats]:
    """First and last moment of each row: those given, or the whole day."""
    import numpy as np
    import pyarrow as pa

    def seconds(name: str) -> Floats:
        try:
            stamps = rows[name].cast(pa.timestamp("us"))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataSetError(f"{file}, column {name}: expected dates or local stamps ({error})") from None
        return np.asarray(stamps.to_numpy().astype("datetime64[us]").astype(np.int64) / 1e6, np.float64)

    if "time" in rows.column_names:
        start_s = seconds("time")
        return start_s, seconds("end") if "end" in rows.column_names else start_s
    if "day" not in rows.column_names:
        raise DataSetError(f"{file}: expected a column day or time")
    start_s = seconds("day")
    return start_s, start_s + DAY_S - 1
