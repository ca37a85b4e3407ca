"""The one form in which a data set is judged: a row a window or a day, with who, when and what was so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from warehouse.errors import ExplainedError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]

DAY_S = 86400


class TableError(ExplainedError):
    """A table cannot be judged: what is wrong with it, and what was expected."""


@dataclass(frozen=True, eq=False)
class Table:
    """What was measured and what was true, in n rows of f features.

    Attributes
    ----------
    name : str
        The data set.
    features : tuple of str
        Names of the f features, units in the name.
    x : (n, f) float array
        Their values; NaN where one is missing.
    label : (n,) float array
        Code of the class (0, 1, …), or the number itself where `classes` is empty; NaN where not known.
    classes : tuple of str
        Name of each code. With two, the second is the one looked for.
    participant : (n,) text array
        Whose row it is.
    start_s, end_s : (n,) float arrays
        First and last moment of what the row was made of, seconds of the person's local clock since 1970.
    since_start_min : (n,) float array
        Minutes since the recording began: what a clock alone would know.
    steps : (n,) float array
        Steps belonging to the row; NaN where not known.
    order : (n,) text array
        Protocol order of the session; '' where there is none.
    """

    name: str
    features: tuple[str, ...]
    x: Floats
    label: Floats
    classes: tuple[str, ...]
    participant: Texts
    start_s: Floats
    end_s: Floats
    since_start_min: Floats
    steps: Floats
    order: Texts

    def __len__(self) -> int:
        return len(self.label)

    @property
    def people(self) -> tuple[str, ...]:
        """Who is in it, in order of name."""
        return tuple(np.unique(self.participant).tolist())

    @property
    def day(self) -> Ints:
        """(n,) local day on which each row ends, days since 1970."""
        return np.asarray(np.floor(self.end_s / DAY_S), np.int64)

    @property
    def codes(self) -> Ints:
        """(n,) codes of the classes, of rows that all have a label."""
        return np.asarray(self.label, np.int64)

    def take(self, rows: Ints | Bools) -> Table:
        """Some of the rows."""
        columns = ("x", "label", "participant", "start_s", "end_s", "since_start_min", "steps", "order")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


def check_table(table: Table) -> Table:
    """Refuse a table that is not of one length, or whose rows end before they begin or have no label."""
    n = len(table.label)
    lengths = {
        name: len(getattr(table, name))
        for name in ("x", "participant", "start_s", "end_s", "since_start_min", "steps", "order")
    }
    wrong = {name: length for name, length in lengths.items() if length != n}
    if wrong or table.x.shape != (n, len(table.features)):
        raise TableError(
            f"{table.name}: {n} labels, but {wrong or table.x.shape}; expected one of each a row"
        )
    if not (table.end_s >= table.start_s).all():
        raise TableError(f"{table.name}: rows end before they begin, or have no time; give each its time")
    if table.classes and not np.isin(table.label[~np.isnan(table.label)], range(len(table.classes))).all():
        raise TableError(f"{table.name}: a label is none of the {len(table.classes)} classes")
    return table


def keep_labelled(table: Table) -> Table:
    """Rows of known label, ordered by person and time, so that the order of loading is no matter."""
    known = table.take(~np.isnan(table.label))
    return known.take(np.lexsort((known.end_s, known.start_s, known.participant)))


def relabel(table: Table, codes: Mapping[int, int], classes: tuple[str, ...]) -> Table:
    """The same rows under other classes; rows whose class is not in `codes` lose their label."""
    label = np.full(len(table), np.nan)
    for old, new in codes.items():
        label[table.label == old] = new
    return replace(table, label=label, classes=classes)


def select_features(table: Table, wanted: Callable[[str], bool]) -> Table:
    """The same rows with only the features whose name is wanted."""
    kept = [i for i, name in enumerate(table.features) if wanted(name)]
    return replace(table, features=tuple(table.features[i] for i in kept), x=table.x[:, kept])


def with_columns(table: Table, columns: Mapping[str, Floats]) -> Table:
    """The same rows with more features."""
    x = np.column_stack([table.x, *columns.values()])
    return replace(table, features=(*table.features, *columns), x=x)
