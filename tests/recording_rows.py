"""Rows of what few devices record: beats, waves, skin, single values, and sleeps of known length."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from signal_rows import NOW, instant, load_rows, offset_min

from features.compute import compute
from warehouse.commit import commit
from warehouse.store import content_hashes, open_warehouse

P = "p-aaaaaa"
WATCH = "made/watch"
FAR = date(2020, 8, 1)
Rows = list[dict[str, Any]]
Part = dict[str, Rows]


def stream(device: str, participant: str = P) -> dict[str, Any]:
    return {"participant": participant, "source": "made", "device": device}


def at(moment: datetime) -> dict[str, Any]:
    return {"t_utc": moment, "offset_min": offset_min(moment)}


def sleep(
    day: date,
    *stretches: tuple[str, float],
    device: str = "watch",
    start_h: float = -1.0,
    **facts: Any,
) -> Part:
    """A log of the night of a date, of stages and minutes; a stage of '' is a time without one."""
    start = moment = instant(day, start_h)
    episode = facts.pop("episode", f"{day}")
    stages: Rows = []
    for stage, minutes in stretches:
        end = moment + timedelta(minutes=minutes)
        if stage:
            stages.append(
                {**stream(device), "episode": episode, **at(moment), "end_utc": end, "stage": stage}
            )
        moment = end
    log = {**stream(device), "episode": episode, **at(start), "end_utc": moment}
    log |= {"end_offset_min": offset_min(moment), "scoring": "stages" if stages else None, **facts}
    return {"signal.sleep_episode": [log], "signal.sleep_stage": stages}


def light_night(day: date, device: str = "watch") -> Part:
    """Eight hours of light sleep from 23:00 of the eve."""
    return sleep(day, ("light", 480), device=device)


def beats(
    start: datetime,
    rr_ms: Sequence[float] | np.ndarray[Any, Any],
    *,
    device: str = "watch",
    **facts: Any,
) -> Part:
    """Intervals that follow each other; the first begins at `start`."""
    ends = np.cumsum(np.asarray(rr_ms, float))
    return {
        "signal.beat": [
            {**stream(device), **at(start + timedelta(milliseconds=float(end))), "rr_ms": float(rr), **facts}
            for end, rr in zip(ends, rr_ms, strict=True)
        ]
    }


def alternating(minutes: float, step_ms: float, mean_ms: float = 1000.0) -> np.ndarray[Any, Any]:
    """Intervals that go up and down by a step: their RMSSD is the step, exactly."""
    count = round(minutes * 60_000 / mean_ms)
    return mean_ms + step_ms / 2 * np.where(np.arange(count) % 2, 1.0, -1.0)


def hrv(kind: str, moment: datetime, value_ms: float, device: str = "watch") -> Part:
    row = {**stream(device), "hrv": kind, **at(moment), "value_ms": value_ms}
    return {"signal.hrv_sample": [row]}


def vital(kind: str, moment: datetime, value: float, device: str = "watch") -> Part:
    return {
        "signal.vital": [{**stream(device), "vital": kind, **at(moment), "value": value, "unit": "1"}],
    }


def pulse_wave(start: datetime, beat_s: np.ndarray[Any, Any], rate_hz: float, device: str) -> Part:
    """A wave with a pulse at each of some seconds after the start."""
    t_s = np.arange(0, float(beat_s[-1]) + 1, 1 / rate_hz)
    before = t_s - beat_s[(np.searchsorted(beat_s, t_s) - 1).clip(0)]
    wave = np.exp(-0.5 * ((before - 0.2) / 0.07) ** 2) + 0.3 * np.exp(-0.5 * ((before - 0.45) / 0.1) ** 2)
    return {
        "signal.pulse_wave": [
            {**stream(device), **at(start + timedelta(microseconds=round(1e6 * s))), "bvp": float(v)}
            for s, v in zip(t_s, wave, strict=True)
        ]
    }


def skin(start: datetime, minutes: int, *, every_s: float, device: str = "band") -> Part:
    """Skin conductance of 2 µS with a response at equal times, warm, on a wrist that tilts slowly."""
    second = np.arange(0, 60 * minutes, 0.25)
    since = second % every_s
    eda = 2 + 0.3 * np.where(since < 15, (since / 2) * np.exp(1 - since / 2), 0.0)
    tilt = 0.05 * np.sin(2 * np.pi * second / 600)
    own = stream(device)
    moments = [start + timedelta(seconds=float(s)) for s in second]
    return {
        "signal.eda": [{**own, **at(t), "eda_us": float(v)} for t, v in zip(moments, eda, strict=True)],
        "signal.acceleration": [
            {**own, **at(t), "x_g": float(v), "y_g": float(v), "z_g": 0.99}
            for t, v in zip(moments, tilt, strict=True)
        ],
        "signal.vital": [
            {**own, "vital": "skin_temperature", **at(t), "value": 33.0, "unit": "Cel"} for t in moments[::40]
        ],
    }


def run(warehouse: Path, people: Sequence[str] = (P,), before: date = FAR) -> int:
    """Compute and commit; how many participant-days were written."""
    folder = compute(warehouse, warehouse.parent / "staging", participants=people, before=before)
    return commit(warehouse, [folder], now=NOW).partitions if folder else 0


def ask(warehouse: Path, sql: str, *given: object) -> list[tuple[Any, ...]]:
    with open_warehouse(warehouse, read_only=True) as con:
        return con.execute(sql, list(given)).fetchall()


def content(warehouse: Path) -> dict[str, str]:
    with open_warehouse(warehouse, read_only=True) as con:
        return {name: mark for name, mark in content_hashes(con).items() if name.startswith("feature.")}


def computed(folder: Path, *parts: Part, people: Sequence[str] = (P,)) -> Path:
    """A warehouse of some rows, computed."""
    folder.mkdir(parents=True, exist_ok=True)
    warehouse = folder / "w.duckdb"
    load_rows(warehouse, participants=people, parts=parts)
    run(warehouse, people)
    return warehouse


def values(warehouse: Path, day: date, *names: str) -> dict[str, tuple[Any, ...]]:
    """Of features of a day: value, reason, number of observations, quality, source."""
    rows = ask(
        warehouse,
        "select feature, value, reason, n_obs, quality, source from feature.value"
        " where day = ? and feature in (select unnest(?))",
        day,
        list(names),
    )
    return {row[0]: row[1:] for row in rows}
