"""Tables of docs/effect.md, made of what benchmarks/effects.py found. Each stands between its two marks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from models.effect import limits, simulation
from models.effect.simulation import PATHS
from models.validate.card import fill, lay

NAMES = {
    "since_start": "since a start, 42 days before",
    "since_start_84": "since a start, 84 days before",
    "after_sessions_84": "after sessions, 84 days (early, 99 %)",
    "after_sessions": "after sessions, 168 days",
    "blocks_2": "plan, blocks of 2 days",
    "blocks_7": "plan, blocks of 7 days",
    "start": "plan, drawn start",
}
KINDS = {"since_start": "since a start (4 looks)", "after_sessions": "after sessions (2 looks)"}
CHOSEN = {"start": "began after a week 2 SD above usual", "sessions": "sessions after days 1 SD above usual"}
PHIS = ("0", "0.3", "0.5")


def fingerprint() -> str:
    """Sixteen digits that stand for every number that somebody chose."""
    numbers = {
        f"{module.__name__} {name}": getattr(module, name)
        for module in (limits, simulation)
        for name in dir(module)
        if name.isupper()
    }
    return hashlib.sha256(repr(sorted(numbers.items())).encode()).hexdigest()[:16]


def fill_tables(page: str, found: Mapping[str, Any]) -> str:
    """Give the page with each table in its place."""
    return fill(
        page,
        {
            "false findings": lay_false(found["paths"]),
            "looks": lay_looks(found["looks"]),
            "power": lay_power(found["paths"]),
            "refused": lay_refused(found["paths"]),
            "drift": lay_drifts(found["drifts"]),
            "wander": lay_wanders(found["wanders"]),
            "chosen": lay_chosen(found["chosen"]),
            "hard time": lay_hard_times(found["hard_times"]),
            "peers": lay_peers(found["peers"]),
        },
    )


def share(value: float, digits: int = 3) -> str:
    """Write a share without its 0."""
    return f"{value:.{digits}f}".removeprefix("0") if value < 1 else "1"


def three(values: Sequence[float], digits: int = 3) -> str:
    """Write one share a φ."""
    return " / ".join(share(value, digits) for value in values)


def pick(found: Mapping[str, Any], world: str, what: str) -> list[float]:
    """Pick one share of a path, a φ each."""
    return [found[phi][world][what] for phi in PHIS]


def lay_false(paths: Mapping[str, Any]) -> str:
    """Findings where nothing happens, and how often an interval holds .5 SD."""
    head = ("", "found", "found, 20 % of days lost", "p ≤ .05", "interval holds .5 SD", "the same, days lost")
    rows = [
        [
            NAMES[path],
            three(pick(paths[path], "none", "told")),
            three(pick(paths[path], "none, days lost", "told")),
            three(pick(paths[path], "none", "small_p")),
            three(pick(paths[path], "0.5", "held")),
            three(pick(paths[path], "none, days lost", "held")),
        ]
        for path in PATHS
    ]
    return lay(head, rows)


def lay_looks(looks: Mapping[str, Any]) -> str:
    """Findings of any look."""
    return lay(
        ("", "found at any look"),
        [[KINDS[kind], three([looks[phi][kind] for phi in PHIS])] for kind in KINDS],
    )


def lay_power(paths: Mapping[str, Any]) -> str:
    """How often a planted difference is found."""
    rows = [
        [
            NAMES[path],
            three(pick(paths[path], "0.5", "right"), 2),
            three(pick(paths[path], "1", "right"), 2),
            three(
                [
                    a - b
                    for a, b in zip(*(pick(paths[path], "1", k) for k in ("outside", "told")), strict=True)
                ],
                2,
            ),
        ]
        for path in PATHS
    ]
    return lay(("", ".5 SD", "1 SD", "of 1 SD, taken back by a check"), rows)


def lay_refused(paths: Mapping[str, Any]) -> str:
    """Whom an answer is refused, and why, though nothing stands in its way."""
    rows = []
    for path in PATHS:
        worlds = [
            [paths[path][phi][world]["refused"] for phi in PHIS] for world in ("none", "none, days lost")
        ]
        for reason in sorted({reason for world in worlds for refused in world for reason in refused}):
            shares = (three([refused.get(reason, 0.0) for refused in world]) for world in worlds)
            rows.append([NAMES[path], f"`{reason}`", *shares])
    return lay(("", "reason", "all days", "20 % of days lost"), rows)


def lay_wanders(wanders: Mapping[str, Any]) -> str:
    """What a level that wanders does."""
    rows = []
    for key, found in wanders.items():
        slow, part = map(float, key.split())
        name = f"{share(part, 2)} of the variance, {share(slow, 2)} from day to day"
        rows.append([name, *(three([found[path][phi]["told"] for phi in PHIS]) for path in found)])
    return lay(("slow part", *(NAMES[path] for path in next(iter(wanders.values())))), rows)


def lay_drifts(drifts: Mapping[str, Any]) -> str:
    """What a drift does."""
    rows = []
    for drift, found in drifts.items():
        name = (
            "drawn anew for each, as expected"
            if drift == "drawn"
            else f"{share(float(drift), 1)} SD in 84 days"
        )
        told = [found[phi]["told"] for phi in PHIS]
        rows.append([name, three(told), three([found[phi]["held"] for phi in PHIS])])
    return lay(("drift", "found", "interval holds the truth"), rows)


def lay_chosen(chosen: Mapping[str, Any]) -> str:
    """What choosing hard days does."""
    rows = []
    for kind, name in CHOSEN.items():
        found = [chosen[phi][kind] for phi in PHIS]
        reason = "begun_on_hard_days" if kind == "start" else "sessions_on_hard_days"
        refused = [one["refused"].get(reason, 0.0) for one in found]
        told = "nobody is left" if min(refused) == 1 else three([one["told"] for one in found])
        rows.append([name, three(refused), told])
    return lay(("", "refused for it", "found, of the others"), rows)


def lay_hard_times(hard: Mapping[str, Any]) -> str:
    """What a hard time of weeks does that ends with the start."""
    rows = []
    for key, found in hard.items():
        refused = [found[phi]["refused"].get("begun_on_hard_days", 0.0) for phi in PHIS]
        told, held = ([found[phi][what] for phi in PHIS] for what in ("told", "held"))
        rows.append([f"{key} days", three(refused), three(told), three(held)])
    return lay(("hard time", "refused for it", "found, of the others", "interval holds the truth"), rows)


def lay_peers(peers: Mapping[str, Any]) -> str:
    """What plain tests find."""
    return lay(("", "p < .05"), [[name, three([peers[phi][name] for phi in PHIS])] for name in peers["0"]])
