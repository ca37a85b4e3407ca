"""Aliases: the random study id of each person in de-identified exports, and the shift of their dates.

Both are drawn once and kept in `meta.alias`, so that a later export can be joined to an earlier one and
equal data gives equal bytes. Nothing about a person can be computed from them, and only this table joins
them back. They go with everything else when a person is erased.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from warehouse.store import Connection, open_warehouse

WEEKS = 52
"""Dates move back by 1 to 52 whole weeks: weekdays stay, no date is the true one or lies ahead, and a month says
nothing of the season."""
ID_BYTES = 5


@dataclass(frozen=True)
class Alias:
    """Who a person is in de-identified exports, and by how many days their dates are moved."""

    study_id: str
    shift_days: int


def draw_aliases(url: str | Path, participants: Collection[str], *, wait_s: float = 60.0) -> dict[str, Alias]:
    """Give the alias of each of these people, drawing and keeping one for those who have none.

    Raises
    ------
    WarehouseError
        If the warehouse stays held by another process.
    """
    with open_warehouse(url, wait_s=wait_s) as con:
        kept = read_aliases(con, participants)
        new = sorted(set(participants) - set(kept))
        taken = {study_id for (study_id,) in con.execute("select study_id from meta.alias").fetchall()}
        con.begin()
        try:
            for participant in new:
                alias = draw_alias(taken)
                taken.add(alias.study_id)
                con.execute(
                    "insert into meta.alias values (?, ?, ?)", [participant, alias.study_id, alias.shift_days]
                )
                kept[participant] = alias
            con.commit()
        except BaseException:
            con.rollback()
            raise
    return kept


def draw_alias(taken: Collection[str]) -> Alias:
    """Draw a study id that nobody has, and a shift."""
    while (study_id := f"s{secrets.token_hex(ID_BYTES)}") in taken:
        pass
    return Alias(study_id, -7 * (1 + secrets.randbelow(WEEKS)))


def read_aliases(con: Connection, participants: Collection[str]) -> dict[str, Alias]:
    """Read the aliases of those of these people who have one."""
    rows = con.execute(
        "select participant, study_id, shift_days from meta.alias where participant in (select unnest(?))",
        [sorted(participants)],
    ).fetchall()
    return {participant: Alias(*alias) for participant, *alias in rows}
