"""What a person asked for: the settings of one person, kept in `meta.setting`.

A setting that nobody made has no row and no default: what reads it takes the careful way (no hint,
no mail, no help lines of a country) and says so. Mail addresses are not among them: they are kept,
encrypted, outside the warehouse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from warehouse.errors import ExplainedError
from warehouse.sql import scalar
from warehouse.store import Connection, open_warehouse

YES_NO = "yes|no"


class PreferenceError(ExplainedError):
    """A setting that is not known, or a value that it cannot have."""


@dataclass(frozen=True)
class Preference:
    """One setting: its name, what its value looks like, what it means, and the stages that read it."""

    name: str
    pattern: str
    form: str
    meaning: str
    stages: tuple[str, ...] = ()


PREFERENCES = (
    Preference("language", "[a-z]{2,3}(_[A-Z]{2})?", "a language, such as en", "language of pages and mails"),
    Preference("units", "metric|us", "metric or us", "degrees Celsius or Fahrenheit"),
    Preference("clock", "12|24", "12 or 24", "how hours are written"),
    Preference("gentle", YES_NO, "yes or no", "words only: no numbers, no alerts"),
    Preference("prompts", YES_NO, "yes or no", "ask how the week felt"),
    Preference("pause", YES_NO, "yes or no", "no page and no mail until it is taken back"),
    Preference("mail", YES_NO, "yes or no", "send the weekly page by mail"),
    Preference("country", "[A-Z]{2}", "two capital letters, such as GB", "whose help lines are shown"),
    Preference(
        "age_band",
        "under18|18-29|30-44|45-59|60plus",
        "under18, 18-29, 30-44, 45-59 or 60plus",
        "which people the first weeks are compared with; no page under 18",
        ("models",),
    ),
    Preference("shift_work", YES_NO, "yes or no", "leaves out hints about fixed hours"),
    Preference(
        "avoid",
        "none|[a-z]+(,[a-z]+)*",
        "topics with commas between, such as sleep,alcohol; or none",
        "topics that hints and cards leave out",
    ),
    Preference(
        "cycle", YES_NO, "yes or no", "also show the index with the menstrual cycle allowed for", ("models",)
    ),
)


def find_preference(name: str) -> Preference:
    """Find a setting by its name.

    Raises
    ------
    PreferenceError
        If there is none of that name.
    """
    for preference in PREFERENCES:
        if preference.name == name:
            return preference
    known = ", ".join(p.name for p in PREFERENCES)
    raise PreferenceError(f"There is no setting '{name}': there are {known}.")


def check_preference(name: str, value: str) -> None:
    """Check that a setting can have a value.

    Raises
    ------
    PreferenceError
        If there is no such setting, or it cannot have that value.
    """
    preference = find_preference(name)
    if re.fullmatch(preference.pattern, value) is None:
        raise PreferenceError(f"The setting '{name}' is {preference.form}, not '{value[:40]}'.")


def read_preferences(con: Connection, participants: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read the settings of these people: name to value, an empty mapping for those who set nothing."""
    found: dict[str, dict[str, str]] = {participant: {} for participant in participants}
    rows = con.execute(
        "select participant, name, value from meta.setting where participant in (select unnest(?))",
        [list(participants)],
    ).fetchall()
    for participant, name, value in rows:
        found[participant][name] = value
    return found


def write_preferences(
    url: str | Path,
    participant: str,
    changes: Mapping[str, str | None],
    *,
    now: datetime,
    wait_s: float = 60.0,
) -> dict[str, str]:
    """Change settings of a person (None takes one back), and give all that hold now.

    A setting that a stage reads makes the person due there, from their first day on.

    Raises
    ------
    PreferenceError
        If a setting or its value is not known, or the person is not.
    WarehouseError
        If the warehouse stays held by another process.
    """
    for name, value in changes.items():
        if value is None:
            find_preference(name)
        else:
            check_preference(name, value)
    with open_warehouse(url, wait_s=wait_s) as con:
        if scalar(con, "select 1 from meta.participant where participant = ?", [participant]) is None:
            raise PreferenceError(f"There is no participant {participant}: 'steadyline status' lists them.")
        before = read_preferences(con, [participant])[participant]
        con.begin()
        try:
            for name, value in changes.items():
                if before.get(name) != value:
                    put_one(con, participant, name, value, now)
            con.commit()
        except BaseException:
            con.rollback()
            raise
        return read_preferences(con, [participant])[participant]


def put_one(con: Connection, participant: str, name: str, value: str | None, now: datetime) -> None:
    """Write or take back one setting, and make the stages due that read it."""
    con.execute("delete from meta.setting where participant = ? and name = ?", [participant, name])
    if value is not None:
        con.execute("insert into meta.setting values (?, ?, ?, ?)", [participant, name, value, now])
    for stage in find_preference(name).stages:
        con.execute(
            "insert into meta.due select i.participant, min(i.day), ?, ? from model.index_day i"
            " where i.participant = ? group by i.participant having not exists (select 1 from meta.due d"
            " where d.participant = i.participant and d.stage = ? and d.day = min(i.day))",
            [stage, f"setting {name} changed", participant, stage],
        )
