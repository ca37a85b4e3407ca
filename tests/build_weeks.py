"""Fill a warehouse with people whose weeks are known: what reports are tested on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from scipy.special import ndtr, ndtri, stdtrit

from warehouse.commit import commit
from warehouse.staging import stage
from warehouse.tables import find_table

MONDAY = date(2020, 7, 13)
NOW = datetime(2020, 7, 21)
USUAL = {
    "rhr_night": (54.0, 1.8),
    "sleep_short": (0.6, 0.7),
    "sleep_frag": (5.1, 0.9),
    "cpd": (0.7, 0.4),
    "ahr_day": (0.3, 1.5),
    "arousal_min": (4.0, 1.2),
}
"""Mean and scale of each feature of everybody here, in its unit; baselines have κ 20, ν 22."""
WEIGHTS = {
    "rhr_night": 0.3,
    "sleep_short": 0.15,
    "sleep_frag": 0.05,
    "cpd": 0.1,
    "ahr_day": 0.25,
    "arousal_min": 0.15,
}
KAPPA, NU = 20.0, 22.0


@dataclass(frozen=True)
class Day:
    """One day as planned: how far each feature is from usual, in z; what was worn; how it was slept."""

    z: dict[str, float]
    index: float | None = None
    width_z: float = 0.45
    state: str = "settled"
    worn: bool = True
    onset_h: float | None = -0.9
    wake_h: float = 6.6
    usual_days: int = 40
    offset_min: float = 600.0
    workout: tuple[float, float, str] | None = None
    events: tuple[str, ...] = ()
    felt: tuple[float, ...] = ()
    """Answers on felt stress, one an hour from 20:00 on."""


@dataclass(frozen=True)
class Found:
    """What else the models found of a person: alerts by day, moves and agreement by the Monday that judges."""

    alerts: dict[date, tuple[date, tuple[str, ...]]] = field(default_factory=dict)
    shifts: tuple[tuple[date, str, float, float, date], ...] = ()
    agreement: tuple[date, str, int] | None = None


ORDINARY = Day(dict.fromkeys(USUAL, 0.2), 54.0)
NOT_WORN = Day({}, None, worn=False, onset_h=None)


def varied(day: date) -> Day:
    """A day like most, a little different each day, the same in every run."""
    k = (day.toordinal() * 7919) % 13 - 6
    return Day(dict.fromkeys(USUAL, 0.1 * k), 50.0 + 4 * k, onset_h=-0.9 + 0.09 * k, wake_h=6.6 + 0.05 * k)


def planned(week: dict[int, Day], weeks_before: int = 7) -> dict[date, Day]:
    """Weeks of varied days and then the week whose days (0 is Monday) are given; others are varied."""
    first = MONDAY - timedelta(days=7 * weeks_before)
    days = {first + timedelta(days=k): varied(first + timedelta(days=k)) for k in range(7 * weeks_before)}
    for k in range(7):
        days[MONDAY + timedelta(days=k)] = week.get(k, varied(MONDAY + timedelta(days=k)))
    return days


HARD = Day(
    {"rhr_night": 2.3, "sleep_short": 1.6, "cpd": 1.4, "ahr_day": 1.3, "sleep_frag": 0.4, "arousal_min": 0.8},
    94.0,
    onset_h=0.8,
    wake_h=6.3,
)
HEAVY_WEEK = planned(
    {
        1: Day({**ORDINARY.z, "sleep_short": 1.2}, 71.0, onset_h=-0.2),
        2: HARD,
        3: Day({**HARD.z, "rhr_night": 2.8}, 97.5, onset_h=1.1, workout=(18.5, 19.4, "run")),
        4: Day({**HARD.z, "rhr_night": 1.7, "sleep_short": 1.1}, 90.0, onset_h=0.4, wake_h=6.8),
        5: Day({**ORDINARY.z, "sleep_short": -0.8}, 48.0, onset_h=-0.4, wake_h=8.6),
        6: Day(dict.fromkeys(USUAL, -0.3), 33.0, onset_h=-1.1, wake_h=8.0),
    }
)
LASTING_WEEK = HEAVY_WEEK | {
    day: replace(HEAVY_WEEK[day], events=events, felt=felt)
    for day, events, felt in (
        (MONDAY + timedelta(days=1), ("alcohol",), (4.0,)),
        (MONDAY + timedelta(days=3), ("ill", "mindful", "menstruation", "laundry"), (8.0, 7.5)),
    )
}
LASTING = Found(
    alerts={MONDAY + timedelta(days=4): (MONDAY + timedelta(days=2), ("rhr_night", "sleep_short"))},
    shifts=((MONDAY + timedelta(days=7), "rhr_night", 51.2, 54.3, date(2020, 5, 4)),),
    agreement=(MONDAY + timedelta(days=7), "does_not_follow", 34),
)
"""Three heavy days that are told, a usual that has moved, an index that does not follow the person's feelings."""
TRAVEL_WEEK = planned(
    {
        1: replace(ORDINARY, events=("travel",)),
        2: Day({**HARD.z, "cpd": 2.9}, 92.0, onset_h=2.4, wake_h=7.1, offset_min=120.0, events=("travel",)),
        3: Day(
            {**ORDINARY.z, "cpd": 2.2, "sleep_short": 1.4}, 87.0, onset_h=-3.2, wake_h=3.5, offset_min=120.0
        ),
        **{k: replace(ORDINARY, offset_min=120.0) for k in (4, 5, 6)},
    }
)
EXERCISE_WEEK = planned(
    {
        0: replace(ORDINARY, workout=(7.0, 7.8, "run")),
        2: replace(ORDINARY, workout=(19.0, 20.5, "outdoor bike")),
        3: Day({**ORDINARY.z, "rhr_night": 2.1, "ahr_day": 1.4}, 88.0, workout=(12.0, 12.6, "swim")),
        5: replace(ORDINARY, workout=(9.0, 11.5, "hike"), events=("alcohol",)),
        6: Day({**ORDINARY.z, "rhr_night": 2.4, "sleep_frag": 1.6}, 90.0, onset_h=0.6),
    }
)
ORDINARY_WEEK = planned({4: NOT_WORN})
CALM_WEEK = planned({2: Day(dict.fromkeys(USUAL, -1.3), 9.0), 3: Day(dict.fromkeys(USUAL, -1.2), 12.0)})
ONE_DAY_WEEK = planned({2: Day({**ORDINARY.z, "arousal_min": 1.9, "ahr_day": 1.5}, 88.0)})
NEARLY_EMPTY_WEEK = planned(dict.fromkeys((0, 2, 3, 4, 6), NOT_WORN))
FIRST_WEEK = {
    MONDAY + timedelta(days=k): Day(
        {}, None, state="learning", usual_days=k - 2, onset_h=-0.9 + 0.3 * (k % 3)
    )
    if k > 1
    else Day({}, None, state="learning", worn=False, onset_h=None, usual_days=0)
    for k in range(7)
}


def fill(
    warehouse: Path,
    staging: Path,
    plans: dict[str, dict[date, Day]],
    *,
    device: str = "unknown",
    found: dict[str, Found] | None = None,
) -> None:
    """Commit the planned days of these people as features and models would."""
    source = f"fitbit_takeout/{device}"
    put(warehouse, staging, "features", plans, {"feature.value": value_rows}, source)
    models = {
        "model.index_day": index_rows,
        "model.baseline": baseline_rows,
        "model.contribution": contribution_rows,
    }
    put(warehouse, staging, "models", plans, models, source, judged(found or {}))
    with stage(staging, "ingest", method_version="ingest-1") as staged:
        for full_name, make in (
            ("signal.workout", workout_rows),
            ("signal.event", event_rows),
            ("signal.checkin", checkin_rows),
        ):
            rows = [
                row for who, plan in plans.items() for d, day in plan.items() for row in make(who, d, day)
            ]
            staged.add(full_name, table(full_name, rows))
    commit(warehouse, [staged.folder], now=NOW)


def judged(found: dict[str, Found]) -> dict[str, list[dict[str, object]]]:
    """Rows of what else was found, by table."""
    rows: dict[str, list[dict[str, object]]] = {"model.alert": [], "model.shift": [], "model.agreement": []}
    for who, one in found.items():
        for day, (since, causes) in one.alerts.items():
            named = dict(zip(("cause_1", "cause_2", "cause_3"), causes, strict=False))
            row = {"participant": who, "day": day, "alert": True, "since_day": since, **named}
            rows["model.alert"].append(row)
        for day, feature, start, end, since in one.shifts:
            row = {"participant": who, "day": day, "feature": feature, "shifted": True, "kind": "step"}
            rows["model.shift"].append({**row, "start": start, "end": end, "since": since})
        if one.agreement is not None:
            day, verdict, checkins = one.agreement
            row = {"participant": who, "day": day, "verdict": verdict, "checkins": checkins, "needed": 30}
            rows["model.agreement"].extend({**row, "lag": lag} for lag in (0, 1))
    return rows


Rows = Callable[[date, Day], Iterable[dict[str, object]]]


def put(
    warehouse: Path,
    staging: Path,
    name: str,
    plans: dict[str, dict[date, Day]],
    makers: dict[str, Rows],
    source: str,
    more: dict[str, list[dict[str, object]]] | None = None,
) -> None:
    """Stage and commit the rows of one stage."""
    days = [(who, d) for who, plan in plans.items() for d in plan]
    proof = {"source": source, "method_version": f"{name}-1", "input_hash": "0" * 16}
    with stage(staging, name, method_version=f"{name}-1") as staged:
        for full_name, make in makers.items():
            rows = [
                {"participant": who, "day": d, **row, **proof}
                for who, d in days
                for row in make(d, plans[who][d])
            ]
            staged.add(full_name, table(full_name, rows))
        for full_name, rows in (more or {}).items():
            staged.add(full_name, table(full_name, [{**row, **proof} for row in rows]))
        judged_days = {(row["participant"], row["day"]) for rows in (more or {}).values() for row in rows}
        redone = sorted({*days, *judged_days})
        staged.replace(pa.table({"participant": [w for w, _ in redone], "day": [d for _, d in redone]}))
    commit(warehouse, [staged.folder], now=NOW)


def table(full_name: str, rows: list[dict[str, object]]) -> pa.Table:
    """Rows as a table of the declared schema; columns not given are null."""
    return pa.Table.from_pylist(rows, schema=find_table(full_name).arrow_schema)


def value_rows(day: date, plan: Day) -> Iterable[dict[str, object]]:
    """The features that a day has."""
    values: dict[str, float] = {"worn_min": 0.0, "valid_day": 0.0, "valid_night": 0.0}
    if plan.worn:
        values |= {"worn_min": 1300.0, "valid_day": 1.0, "offset_wake_min": plan.offset_min}
    if plan.onset_h is not None:
        spt_min = (plan.wake_h - plan.onset_h) * 60
        values |= {"onset_clock_h": plan.onset_h, "wake_clock_h": plan.wake_h, "tst_min": spt_min * 0.92}
        values |= {"valid_night": 1.0, "sri_7d": 78.0 + (day.toordinal() * 31) % 7}
    values |= {name: usual_value(name, z) for name, z in plan.z.items()}
    return [{"feature": name, "value": value} for name, value in values.items()]


def usual_value(name: str, z: float) -> float:
    """The value of a feature that lies so many z from its usual."""
    mean, scale = USUAL[name]
    return mean + t_of(z) * scale * (1 + 1 / KAPPA) ** 0.5


def t_of(z: float) -> float:
    """The t quantile that is as rare as z is in a normal distribution."""
    return float(stdtrit(NU, ndtr(z)))


def index_rows(day: date, plan: Day) -> Iterable[dict[str, object]]:
    """The index of a day with a band of the planned width."""
    row: dict[str, object] = {"state": plan.state, "show_number": plan.index is not None}
    if plan.index is None:
        return [{**row, "reason": "learning" if plan.state == "learning" else "no night and no day"}]
    z = float(ndtri(plan.index / 100))
    band = {
        f"{side}80": 100 * float(ndtr(z + sign * 1.2816 * plan.width_z))
        for side, sign in (("lo", -1), ("hi", 1))
    }
    return [{**row, "index": plan.index, **band, "level": level(plan.index)}]


def level(index: float) -> str:
    """The word for an index (SCIENCE 5)."""
    for name, most in (("much_calmer", 2.5), ("calmer", 15.5), ("usual", 84.5), ("higher", 97.5)):
        if index < most:
            return name
    return "much_higher"


def baseline_rows(day: date, plan: Day) -> Iterable[dict[str, object]]:
    """The usual of each feature."""
    for name, (mean, scale) in USUAL.items():
        yield {
            "feature": name,
            "n_obs": plan.usual_days,
            "mean": mean,
            "scale": scale,
            "kappa": KAPPA,
            "nu": NU,
            "usual_lo": usual_value(name, -1.0),
            "usual_hi": usual_value(name, 1.0),
            "state": plan.state,
        }


def contribution_rows(day: date, plan: Day) -> Iterable[dict[str, object]]:
    """What each feature gave to the index."""
    if plan.index is None:
        return
    for name, z in plan.z.items():
        yield {
            "feature": name,
            "value": usual_value(name, z),
            "usual_lo": usual_value(name, -1.0),
            "usual_hi": usual_value(name, 1.0),
            "z": z,
            "coefficient": WEIGHTS[name],
            "contribution": WEIGHTS[name] * z,
        }


def workout_rows(who: str, day: date, plan: Day) -> Iterable[dict[str, object]]:
    """The workout of a day, if it has one."""
    if plan.workout is None:
        return
    start_h, end_h, activity = plan.workout
    end_utc = utc(day, end_h, plan)
    yield {
        **recorded(who, day, start_h, plan),
        "workout": day.isoformat(),
        "end_utc": end_utc,
        "activity": activity,
    }


def event_rows(who: str, day: date, plan: Day) -> Iterable[dict[str, object]]:
    """What was noted on a day."""
    for kind in plan.events:
        yield {**recorded(who, day, 0.0, plan), "event": kind}


def checkin_rows(who: str, day: date, plan: Day) -> Iterable[dict[str, object]]:
    """What was answered on a day."""
    for k, value in enumerate(plan.felt):
        yield {**recorded(who, day, 20.0 + k, plan), "scale": "felt_stress", "value": value}


def recorded(who: str, day: date, hour: float, plan: Day) -> dict[str, object]:
    """Whose a record is, of when, and where it came from."""
    return {
        "participant": who,
        "source": "fitbit_takeout",
        "device": "unknown",
        "t_utc": utc(day, hour, plan),
        "offset_min": int(plan.offset_min),
        "file_id": 1,
        "record": 0,
    }


def utc(day: date, hour: float, plan: Day) -> datetime:
    """The instant of an hour of a local day."""
    return datetime(day.year, day.month, day.day) + timedelta(hours=hour, minutes=-plan.offset_min)
