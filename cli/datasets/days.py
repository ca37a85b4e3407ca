"""Days of free living as rows: what was measured before an answer was given, and the answer.

A row of day D holds the night that ended on D before the answer, and resting heart rate and activity
of D − 1: nothing of the hours after the answer. Beside each value stands its distance from the
person's own last 28 days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cli.datasets.tables import Part, join_parts

if TYPE_CHECKING:
    from models.validate.table import Floats, Table

HISTORY_DAYS = 28
LEAST_DAYS = 7
DAY_S = 86400.0
FROM_USUAL = "_from_usual"

Values = Mapping[int, Mapping[str, float]]
"""Values by day (days since 1970) and name."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What one person answered: local seconds of each answer since 1970, and the label."""

    participant: str
    at_s: Floats
    label: Floats


def lay_days(
    name: str,
    classes: Sequence[str],
    people: Sequence[tuple[Answers, Values, Values]],
    same_day: Sequence[str],
    day_before: Sequence[str],
) -> Table:
    """Rows of all people.

    Parameters
    ----------
    name : str
        The data set.
    classes : sequence of str
        As in `Table`.
    people : sequence of (Answers, Values, Values)
        Answers, values of the night that ended on a day, and values of the whole day.
    same_day, day_before : sequence of str
        Names taken from the night of the answer's day, and from the day before it.
    """
    features = (*same_day, *day_before)
    parts = [lay_person(*person, same_day, day_before) for person in people if len(person[0].label)]
    return add_usual(join_parts(name, features, classes, parts))


def lay_person(
    answers: Answers, nights: Values, days: Values, same_day: Sequence[str], day_before: Sequence[str]
) -> Part:
    """Rows of one person, one an answer."""
    import numpy as np

    day = np.floor(answers.at_s / DAY_S).astype(np.int64)
    x = [
        [nights.get(d, {}).get(name, np.nan) for name in same_day]
        + [days.get(d - 1, {}).get(name, np.nan) for name in day_before]
        for d in day.tolist()
    ]
    steps = [days.get(d - 1, {}).get("steps", np.nan) for d in day.tolist()]
    return Part(
        answers.participant,
        np.array(x, np.float64).reshape(len(day), -1),
        answers.label,
        np.asarray((day - 1) * DAY_S, np.float64),
        answers.at_s,
        (answers.at_s - np.min(answers.at_s)) / 60,
        np.array(steps, np.float64),
    )


def add_usual(table: Table) -> Table:
    """The table with each value's distance from the person's last 28 days beside it."""
    import numpy as np

    from models.validate.past import relate_to_past

    away = np.full(table.x.shape, np.nan)
    for person in table.people:
        mine = np.flatnonzero(table.participant == person)
        away[mine] = relate_to_past(
            table.x[mine],
            table.start_s[mine],
            table.end_s[mine],
            least=LEAST_DAYS,
            reach_s=(HISTORY_DAYS + 1) * DAY_S,
        )
    names = tuple(name + FROM_USUAL for name in table.features)
    return replace(table, features=table.features + names, x=np.column_stack([table.x, away]))


def one_a_day(at_s: Floats, label: Floats) -> tuple[Floats, Floats]:
    """The first answer of each day, in order of time."""
    import numpy as np

    order = np.lexsort((label, at_s))
    _, first = np.unique(np.floor(at_s[order] / DAY_S), return_index=True)
    return at_s[order][first], label[order][first]
