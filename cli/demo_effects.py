"""`make run`, second part: synthetic people who tried something, and whether each gets the right answer.

Their exports, diaries and calendars are made anew, loaded, worked and judged by the verbs that a night calls, in
a warehouse of their own below `var/effects`. The nightly DAG is not used a second time: it made the sample's
tables with the same verbs, and another Airflow would cost half a minute.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import night
from cli.look import print_table
from cli.settings import Settings, make_places, read_settings

if TYPE_CHECKING:
    from reports.read_tried import Effect

MAKER = Path(__file__).resolve().parent.parent / "sample_data" / "make_effects.py"
WORDS = {
    "likely_lower": "likely lower",
    "no_clear_change": "no clear change",
    "likely_higher": "likely higher",
    "cannot_tell": "cannot tell yet",
}


@dataclass(frozen=True)
class Compared:
    """A person of the cohort: what was planted (`truth.json`), and what was found (None: nothing was asked)."""

    participant: str
    role: str
    planted: Mapping[str, Any]
    found: Effect | None

    @property
    def is_right(self) -> bool:
        """Whether the question, the verdict and the reason are the planted ones."""
        found = self.found
        if found is None:
            return False
        told = found.question, found.verdict, found.reason
        return told == tuple(self.planted[key] for key in ("question", "verdict", "reason"))


def main() -> int:
    """Make the cohort, take it down the road, print what was found; exit code 0 where all of it is right."""
    settings = find_places(read_settings(os.environ))
    shutil.rmtree(settings.var, ignore_errors=True)
    make_places(settings)
    people = make_people(settings.var / "cohort", tell=say)
    before = take_in(settings, people, tell=say)
    run_night(settings, before, tell=say)
    compared = compare(settings, people, before)
    print_table("did it help? synthetic people, and what was planted in them", tabulate(compared), empty="")
    print(f"pages with the answers: {settings.reports}")  # noqa: T201
    return 0 if all(one.is_right for one in compared) else 1


def find_places(settings: Settings) -> Settings:
    """Find the places of this cohort, apart from the sample's."""
    return read_settings({"STEADYLINE_VAR": str(settings.var / "effects")})


def say(text: str) -> None:
    """Say how far it is."""
    print(f"effects: {text}", flush=True)  # noqa: T201


def make_people(folder: Path, *, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Write the files of the cohort, and give what is true of each person."""
    tell("making seven synthetic people of sixteen weeks")
    subprocess.run([sys.executable, str(MAKER), str(folder)], check=True)  # noqa: S603 - our own script
    people: list[dict[str, Any]] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["people"]
    for one in people:
        one["paths"] = [folder / export["path"] for export in one["exports"]]
    return people


def take_in(settings: Settings, people: list[dict[str, Any]], *, tell: Callable[[str], None]) -> date:
    """Load each person's files and store their plans, as of the eve of each; gives the day after the last one."""
    from warehouse.plans import Draft, store_plan

    before = max(after_last_day(one["person"]) for one in people)
    now = datetime.combine(before, time(3))
    for number, one in enumerate(people, 1):
        person = one["person"]
        tell(f"loading {person['participant']} ({number} of {len(people)}): {person['role']}")
        who = {"participant": person["participant"], "timezone": person["zone"], "research": True}
        night.load_export(settings, *one["paths"], now=now, **who)
        for practice in person["practices"]:
            plan = practice["plan"]
            if plan is not None:
                first = date.fromisoformat(plan["first_day"])
                drawn = tuple(day == 1 for day in plan["drawn"])
                design, seed = plan["design"], plan["seed"]
                draft = Draft(practice["event"], practice["app"], design, "index", seed, first, drawn)
                eve = datetime.combine(first - timedelta(days=2), time(12))
                store_plan(settings.warehouse, person["participant"], draft, now=eve)
    return before


def after_last_day(person: Mapping[str, Any]) -> date:
    """Tell the day after a person's last one."""
    return date.fromisoformat(person["first_day"]) + timedelta(days=person["days"])


def run_night(settings: Settings, before: date, *, tell: Callable[[str], None]) -> None:
    """Do all that is due, and write the pages."""
    now = datetime.combine(before, time(3))
    night.run_night(settings, before=before, now=now, tell=tell)
    tell("writing weekly pages")
    night.write_pages(settings, before=before, now=now)


def compare(settings: Settings, people: list[dict[str, Any]], before: date) -> list[Compared]:
    """Hold what was found of each person against what was planted."""
    from reports.read_tried import read_tried
    from warehouse.store import open_warehouse

    names = [one["person"]["participant"] for one in people]
    with open_warehouse(settings.warehouse, read_only=True) as con:
        kept = read_tried(con, names, before)
    return [
        Compared(who, one["person"]["role"], planted, find(kept[who].effects, planted))
        for who, one in zip(names, people, strict=True)
        for planted in one["person"]["practices"]
    ]


def find(effects: tuple[Effect, ...], planted: Mapping[str, Any]) -> Effect | None:
    """Find the answer to a planted question: of the primary outcome."""
    key = planted["event"], planted["app"], planted["question"]
    return next((one for one in effects if one.primary and one.key == key), None)


def tabulate(compared: list[Compared]) -> list[dict[str, Any]]:
    """Lay out a row a person."""
    return [
        {
            "person": one.participant,
            "tried": one.planted["app"] or one.planted["event"],
            "question": one.planted["question"].replace("_", " "),
            "answer": "nothing was asked"
            if one.found is None
            else say_verdict(one.found.verdict, one.found.reason),
            "index points": measure(one.found),
            "planted": f"{one.role}: {say_verdict(one.planted['verdict'], one.planted['reason'])}",
            "right": "yes" if one.is_right else "no",
        }
        for one in compared
    ]


def say_verdict(verdict: str, reason: str | None) -> str:
    """Say a verdict, with its reason where there is one."""
    return WORDS[verdict] + (f", {reason.replace('_', ' ')}" if reason else "")


def measure(found: Effect | None) -> str:
    """Write an estimate with its interval, in points of the index."""
    if found is None or found.effect is None or found.lo is None or found.hi is None:
        return ""
    return f"{found.effect:+.0f} ({found.lo:+.0f} to {found.hi:+.0f})"


if __name__ == "__main__":
    sys.exit(main())
