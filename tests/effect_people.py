"""People who try something, put into a warehouse as loads and the features stage would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from score_rows import NOW, Row, ask, put
from signal_rows import load_rows

from models.effect.judge import judge
from models.effect.outcomes import OTHER_FEATURES
from models.effect.question import Question
from models.effect.questions import Life, Noted, Planned, find_questions, make_life
from models.parameters import load_parameters
from warehouse.commit import commit
from warehouse.store import content_hashes, open_warehouse

P = load_parameters()
FEATURES = tuple(dict.fromkeys((*P.features, *OTHER_FEATURES)))
FIRST = date(2024, 1, 1)  # a Monday
EFFECTS = ("model.effect", "model.effect_day")
Event = tuple[str, str, int]
"""Kind, app and day (from FIRST) of a session at eight in the morning."""


def day_of(number: int) -> date:
    return FIRST + timedelta(days=number)


def draw_body(
    days: int, steps: dict[int, float], *, seed: int = 1, shared: float = 0.5, phi: float = 0.0
) -> np.ndarray:
    """Features of the index (days, features) towards load in SDs, moved from a day on by so many SDs."""
    rng = np.random.default_rng(seed)
    every = rng.normal(size=(days, 1)) * np.sqrt(shared) + rng.normal(size=(days, len(P.features))) * np.sqrt(
        1 - shared
    )
    for t in range(1, days):
        every[t] = phi * every[t - 1] + np.sqrt(1 - phi**2) * every[t]
    for first, size in steps.items():
        every[first:] += size
    return every


def feature_rows(
    who: str,
    body: np.ndarray,
    *,
    device: str = "made/watch",
    from_day: int = 0,
    names: Sequence[str] = P.features,
) -> list[Row]:
    """Rows of feature.value: each feature 50 and 5 to an SD, a valid day, and sleep that goes with the first."""
    rows: list[Row] = []
    for number, z in enumerate(body, start=from_day):
        day = day_of(number)
        told = dict(zip(P.features, 50 + 5 * P.direction * z, strict=True))
        values = {name: told[name] for name in names} | {"valid_day": 1.0, "tst_min": 420 - 20 * z[0]}
        rows += [(who, day, name, float(value), None, "good", device) for name, value in values.items()]
    return rows


def put_features(warehouse: Path, rows: Iterable[Row]) -> None:
    put(warehouse, warehouse.parent / "staging", rows)


def load_events(warehouse: Path, who: str, events: Iterable[Event], *, export: int = 0) -> None:
    """Load sessions of one person as one export would bring them; without any, the person alone."""
    rows = []
    for kind, app, number in events:
        moment = datetime.combine(day_of(number), datetime.min.time()) + timedelta(hours=8)
        rows.append(
            {
                "participant": who,
                "source": "diary",
                "device": "unknown",
                "event": kind,
                "t_utc": moment,
                "offset_min": 0,
                "end_utc": moment + timedelta(minutes=10),
                "app": app or None,
            }
        )
    load_rows(warehouse, participants=(who,), parts=[{"signal.event": rows}], export=export)


def judge_due(warehouse: Path, who: Sequence[str], before: int) -> bool:
    """Judge and commit what is due before a day; whether anything was."""
    judged = judge(warehouse, warehouse.parent / "staging", participants=who, before=day_of(before))
    assert judged.failed == {}
    if judged.folder is not None:
        commit(warehouse, [judged.folder], now=NOW)
    return judged.folder is not None


def effect_hashes(warehouse: Path) -> dict[str, str]:
    with open_warehouse(warehouse, read_only=True) as con:
        return {name: value for name, value in content_hashes(con).items() if name in EFFECTS}


def verdicts(warehouse: Path, more: str = "") -> list[tuple[object, ...]]:
    """Day (from FIRST), question, verdict and reason of the primary rows, in order."""
    return ask(
        warehouse,
        f"select (day - date '{FIRST}')::int, question, verdict, reason from model.effect"
        f" where primary_outcome {more} order by participant, day, question",
    )


HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
ZERO = (FIRST - date(1970, 1, 1)).days
"""A Monday; days below are counted from it."""


def session(
    day: int, event: str = "mindful", app: str = "Headspace", *, hour: float = 8.0, minutes: float | None = 10
) -> Noted:
    start = (ZERO + day) * DAY_US + int(hour * HOUR_US)
    end = None if minutes is None else start + int(minutes * HOUR_US / 60)
    return Noted(event, app, ZERO + day, start, end, timed=True)


def tag(day: int, event: str, app: str = "") -> Noted:
    start = (ZERO + day) * DAY_US
    return Noted(event, app, ZERO + day, start, None, timed=False)


def lived(*noted: Noted, plans: Sequence[Planned] = (), first: int | None = 0) -> Life:
    return make_life(noted, plans, None if first is None else ZERO + first)


def asked(life: Life, before: int) -> dict[tuple[str, str, str], Question]:
    return {(q.event, q.app, q.kind): q for q in find_questions(life, ZERO + before)}
