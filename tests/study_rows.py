"""A made-up study: people who wear a device in their own ways, leave, change devices; what it comes to is known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from reports.read_study import PersonDay, Refused, Stream
from reports.study import Study, summarise

START = date(2026, 3, 2)
BEFORE = date(2026, 8, 31)
LEVELS = ("much_calmer", "calmer", "usual", "higher", "much_higher")


def draw_study(people: int = 100, seed: int = 5, *, less_h: float = 2.5) -> Study:
    """People of 30 to 150 days, each with a habit of wear; on days of higher index less is worn by `less_h`."""
    rng = np.random.default_rng(seed)
    days: list[PersonDay] = []
    hours: dict[str, dict[int, float]] = {}
    streams: list[Stream] = []
    for k in range(people):
        who = f"p-{k:03}"
        habit, nightly = rng.beta(6, 2), rng.random() > 0.25
        length = int(rng.integers(30, 151))
        start = START + timedelta(days=int(rng.integers(0, 28)))
        own = [
            draw_day(rng, who, start + timedelta(days=d), habit, nightly, less_h if d % 7 == 0 else 0.0)
            for d in range(length)
        ]
        days += own
        by_hour = np.clip(habit + 0.15 * np.cos(2 * np.pi * (np.arange(24) - 15) / 24), 0, 1)
        if not nightly:
            by_hour[[23, *range(7)]] *= 0.03
        hours[who] = dict(enumerate(by_hour.tolist()))
        streams += draw_streams(rng, who, own)
    refused = [
        Refused("fitbit_takeout", 4210, 18_402_113, 912, 204_110, 731),
        Refused("oura", 310, 920_440, 0, 0, 0),
    ]
    return summarise(days, hours, streams, refused, before=BEFORE, allowed=people + 3, others=11)


def draw_day(
    rng: np.random.Generator, who: str, day: date, habit: float, nightly: bool, less_h: float
) -> PersonDay:
    """One day: a seventh of them of higher index."""
    worn = bool(rng.random() < 0.55 + 0.45 * habit)
    worn_h = float(np.clip(rng.normal(24 * habit - less_h, 1.5), 0.5, 24)) if worn else 0.0
    level = None if not worn else "higher" if less_h else str(rng.choice(LEVELS[:3], p=(0.02, 0.13, 0.85)))
    night = worn and nightly and bool(rng.random() < 0.93)
    return PersonDay(who, day, worn, 60 * worn_h, worn_h >= 12, night, level)


def draw_streams(rng: np.random.Generator, who: str, days: list[PersonDay]) -> list[Stream]:
    """Streams over all days with data; some change the device half-way, some lose a sensor."""
    sent = [d.day for d in days if d.sent]
    nights = [d.day for d in days if d.valid_night]
    model = str(rng.choice(["Charge 5", "Charge 6", "Sense 2", f"{who}'s watch"], p=(0.5, 0.3, 0.15, 0.05)))
    half = len(sent) // 2
    changed = rng.random() < 0.1
    first, then = (sent[:half], sent[half:]) if changed else (sent, [])
    streams = [make_stream(who, "heart_rate", model, first, 0.93)]
    streams += [make_stream(who, "heart_rate", "Charge 6", then, 0.95)] if then else []
    streams += [make_stream(who, "steps", model, sent, 0.31)]
    if nights:
        streams.append(make_stream(who, "sleep_episode", model, nights, None))
    if rng.random() < 0.3:
        streams.append(make_stream(who, "beat", "unknown", sent[: half + 1], 0.4))
    if rng.random() < 0.6:
        streams.append(make_stream(who, "vital", model, sent[::2], None))
    return streams


def make_stream(who: str, sensor: str, device: str, days: list[date], share: float | None) -> Stream:
    source = "rr_text" if sensor == "beat" else "fitbit_takeout"
    return Stream(who, sensor, source, device, len(days), days[0], days[-1], share)
