"""What people tried, as the tables have it: verdicts, the days behind them, and plans that run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
from build_weeks import MONDAY, NOW, table

from reports.read_tried import Effect
from warehouse.commit import commit
from warehouse.staging import stage
from warehouse.store import open_warehouse

JUDGED = MONDAY + timedelta(days=7)
"""The Monday after the week that pages are written of."""
KEYS = ("event", "app", "question")
ADVICE = (
    r"\b(works?|worked|cured?|caus\w+|proves?|stop (?:your|the|taking)|start taking|skip (?:your|the)"
    r"|must|should)\b"
)
"""What no sentence about something tried may say."""


@dataclass(frozen=True)
class Noted:
    """What a person tried: rows of model.effect without the participant, by the Monday that judges; and plans."""

    effects: tuple[dict[str, object], ...] = ()
    plans: tuple[dict[str, object], ...] = ()


def verdict(
    word: str,
    event: str,
    app: str = "",
    question: str = "since_start",
    *,
    day: date = JUDGED,
    outcome: str = "index",
    primary: bool = True,
    **more: object,
) -> dict[str, object]:
    """A row of model.effect; numbers stand where something was estimated."""
    row: dict[str, object] = {
        "day": day,
        "event": event,
        "app": app,
        "question": question,
        "outcome": outcome,
    }
    row |= {"primary_outcome": primary, "verdict": word, "last_day": day - timedelta(days=1)}
    row |= {"first_day": day - timedelta(days=84), "start_day": day - timedelta(days=42)}
    row |= {"days_without": 40, "days_with": 41, "sessions": 36, "early": False}
    if word != "cannot_tell":
        row |= {"method": "randomisation" if question == "plan" else "autoregressive", "steady": True}
    return row | more


def effect_of(word: str, **more: object) -> Effect:
    """A verdict on Headspace, found on the Monday that judges the page."""
    row = verdict(word, "mindful", "Headspace") | more
    named = {"start": "start_day", "first": "first_day", "last": "last_day", "primary": "primary_outcome"}
    held = {
        f.name: row[named.get(f.name, f.name)] for f in fields(Effect) if named.get(f.name, f.name) in row
    }
    rest = {"reason": None, "needed": None, "method": None, "since": row["day"]}
    return Effect(**{**rest, **held})  # type: ignore[arg-type]


LOWER = {"effect": -9.4, "lo": -15.2, "hi": -3.1}
LOWER |= {"sd": 18.1, "effect_sd": -0.52, "lo_sd": -0.84, "hi_sd": -0.17, "p_value": 0.003, "phi": 0.34}
LOWER |= {"placebo_share": 0.02, "without_a_week_lo_sd": -0.61, "without_a_week_hi_sd": -0.44}
LOWER |= {"without_weeks_before_sd": -0.47, "phi_low_sd": -0.53, "phi_high_sd": -0.5, "tau": -0.31}
OPEN = {"effect": -1.2, "lo": -7.4, "hi": 5.3, "p_value": 0.6, "phi": 0.28, "placebo_share": 0.55}
OPEN |= {"effect_sd": -0.07, "without_a_week_lo_sd": -0.11, "without_a_week_hi_sd": 0.02}
MORE_SLEEP = {"effect": 18.2, "lo": 6.1, "hi": 31.4, "p_value": 0.02, "effect_sd": 0.41}
TRIED = Noted(
    effects=(
        verdict("likely_lower", "mindful", "Headspace", **LOWER),
        verdict(
            "no_clear_change", "mindful", "Headspace", outcome="tst_min", primary=False,
            effect=4.0, lo=-6.0, hi=14.0, q_value=0.4,
        ),
        verdict(
            "likely_lower", "mindful", "Headspace", outcome="felt_stress", primary=False,
            effect=-0.8, lo=-1.4, hi=-0.2, q_value=0.02,
        ),
        verdict(
            "no_clear_change", "therapy", "BetterHelp", "after_sessions", **OPEN,
            early=True, days_with=44, days_without=38, sessions=11,
        ),
        verdict("cannot_tell", "cold showers", reason="few_days_after", needed=12, early=False),
    )
)  # fmt: skip
PLANNED = Noted(
    effects=(
        verdict("likely_higher", "mindful", "Calm", "plan", outcome="tst_min", **MORE_SLEEP),
        verdict("likely_lower", "therapy", "Talkspace", day=JUDGED - timedelta(days=42), **LOWER),
        verdict("cannot_tell", "medicine", reason="another_change"),
        verdict("cannot_tell", "yoga", question="plan", reason="plan_not_over", needed=37),
    ),
    plans=(
        {
            "event": "yoga",
            "design": "blocks_2",
            "outcome": "index",
            "first_day": JUDGED - timedelta(days=42),
            "drawn": "0110" * 21,
        },
    ),
)


def fill_tried(warehouse: Path, staging: Path, noted: dict[str, Noted]) -> None:
    """Commit what these people tried as the stage of effects would, and store their plans."""
    effects = [{"participant": who, **row} for who, one in noted.items() for row in one.effects]
    days = [row for effect in effects if effect["primary_outcome"] for row in day_rows(effect)]
    proof = {"source": "fitbit_takeout/unknown", "method_version": "effects-1", "input_hash": "0" * 16}
    with stage(staging, "effects", method_version="effects-1") as staged:
        for full_name, rows in (("model.effect", effects), ("model.effect_day", days)):
            staged.add(full_name, table(full_name, [{**row, **proof} for row in rows]))
        redone = sorted({(str(row["participant"]), row["day"]) for row in effects})
        staged.replace(pa.table({"participant": [w for w, _ in redone], "day": [d for _, d in redone]}))
    commit(warehouse, [staged.folder], now=NOW)
    with open_warehouse(warehouse) as con:
        for who, one in noted.items():
            for number, plan in enumerate(one.plans, start=1):
                put_plan(con, {"participant": who, "plan": number, **plan})


def put_plan(con: object, plan: dict[str, object]) -> None:
    """Store one plan as it was drawn."""
    first, drawn = plan["first_day"], str(plan["drawn"])
    assert isinstance(first, date)
    row = {"app": "", "seed": 1, "last_day": first + timedelta(days=len(drawn) - 1), "made_utc": NOW} | plan
    names = ", ".join(row)
    con.execute(  # type: ignore[attr-defined]
        f"insert into meta.plan ({names}) values ({', '.join('?' for _ in row)})", list(row.values())
    )


MIDDLE = {"index": 50.0, "felt_stress": 4.0, "ln_rmssd": 3.7, "tst_min": 430.0}
SPREAD = {"index": 18.0, "felt_stress": 1.2, "ln_rmssd": 0.2, "tst_min": 38.0}


def day_rows(effect: dict[str, object]) -> Iterable[dict[str, object]]:
    """The days behind a verdict: a little different each, two weeks of them with gaps."""
    if effect["verdict"] == "cannot_tell":
        return
    outcome, first, start = str(effect["outcome"]), effect["first_day"], effect["start_day"]
    assert isinstance(first, date)
    assert isinstance(start, date)
    for k in range(84):
        day = first + timedelta(days=k)
        rank = (day.toordinal() * 7919) % 97 / 96 - 0.5
        expected = MIDDLE[outcome] + SPREAD[outcome] * 0.25 * (1 if day.weekday() > 4 else -0.2)
        with_it = {"since_start": day >= start, "after_sessions": k % 7 < 4, "plan": k // 2 % 2 == 1}
        is_with = with_it[str(effect["question"])]
        value = (
            expected
            + SPREAD[outcome] * 2.2 * rank
            + (float(str(effect.get("effect", 0.0))) if is_with else 0.0)
        )
        yield {
            **{name: effect[name] for name in ("participant", "day", *KEYS)},
            "date": day,
            "value": None if k % 29 in (5, 6, 7) else value,
            "expected": expected,
            "expected_lo": expected - 1.2816 * SPREAD[outcome] * 0.7,
            "expected_hi": expected + 1.2816 * SPREAD[outcome] * 0.7,
            "with_it": is_with,
        }
