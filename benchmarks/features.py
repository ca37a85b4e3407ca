"""Features of one new day of many people: participant-days a second of one core, and the most memory held.

Made people of a minute's heart rate, steps, sleep with stages, and a breathing rate, a skin temperature and
a variability of each night, all days but the last computed before. Timed is `features.compute` of what a
new day makes due (that day and its eve, whose night it may change), staged and ready to commit, in
seconds of the processor: on a machine that others use too the clock would measure them. The throughput
must not go with how many people there are, nor with how long their history is.

Run: python benchmarks/features.py [--people 10,100,1000] [--history 30,90,365] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if hasattr(os, "sched_setaffinity"):
    # Before DuckDB and Arrow count the processors.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import pyarrow as pa

from features.catalog import METHOD_VERSION
from features.compute import compute
from warehouse.store import Connection, open_warehouse

LAST = date(2026, 3, 1)
DAYS_OF_FEW = 30
"""History of the people whose number grows, and that from which history grows."""
PEOPLE_OF_LONG = 50
"""How many people there are where the history grows."""

STREAMS = """
    insert into meta.stream
    select (hash(p) >> 1)::bigint, 'p-' || lpad(p::varchar, 6, '0'), 'made', 'watch' from range(?) t(p)
"""
PEOPLE = """
    insert into meta.participant (participant, timezone, enrolled_utc)
    select 'p-' || lpad(p::varchar, 6, '0'), 'UTC', timestamp '2025-01-01' from range(?) t(p)
"""
HEART = """
    insert into stored.heart_rate
    select (hash(p) >> 1)::bigint, ?::timestamp + to_minutes(m), 0,
        case when m < 420 then 55 else 70 end + hash(p * 7919 + m + ? * 1440) % 9 + (hash(m + p) % 7 = 0)::int * 12,
        2, 0, m
    from range(?) t(p), range(1440) u(m) order by p, m
"""
STEPS = """
    insert into stored.steps
    select (hash(p) >> 1)::bigint, ?::timestamp + to_minutes(m), 0, 60, 5 + hash(p + m * ?) % 90, 0, m
    from range(?) t(p), range(540, 1260) u(m) where hash(p * 31 + m + ?) % 7 = 0 order by p, m
"""
NIGHT = """
    insert into stored.sleep_episode
    select (hash(p) >> 1)::bigint, 'n' || ?, ?::timestamp - to_minutes(60 + (hash(p + ?) % 60)::bigint), 0,
        ?::timestamp + to_minutes(420), 0, 'stages', true, null, false, null, 0, 0
    from range(?) t(p)
"""
STAGES = """
    insert into stored.sleep_stage
    select e.stream_id, e.episode, e.t_utc + to_minutes(s * 20), 0,
        case when s = 20 then e.end_utc else e.t_utc + to_minutes(s * 20 + 20) end,
        ['light', 'deep', 'rem', 'light', 'wake'][1 + s % 5], null, 0, s
    from stored.sleep_episode e, range(21) u(s) where e.episode = 'n' || ? order by all
"""
VITALS = """
    insert into stored.vital
    select (hash(p) >> 1)::bigint, v.vital, ?::timestamp, 0, v.usual + (hash(p + ? + v.usual::int) % 100) / 100.0,
        v.unit, null, 0, 0
    from range(?) t(p), (values ('respiration', 14.0, '/min'), ('skin_temperature', 33.0, 'Cel'),
        ('resting_heart_rate', 54.0, '/min')) v(vital, usual, unit)
"""
HRV = """
    insert into stored.hrv_sample
    select (hash(p) >> 1)::bigint, 'rmssd_night', ?::timestamp, 0, null, 30 + hash(p * 13 + ?) % 30, null, 0, 0
    from range(?) t(p)
"""
DONE = """
    insert into feature.value (participant, day, feature, value, n_obs, method_version)
    select 'p-' || lpad(p::varchar, 6, '0'), ?::date, 'worn_min', 1440, 1440, ? from range(?) t(p)
"""
DUE = """
    insert into meta.due (participant, day, stage)
    select 'p-' || lpad(p::varchar, 6, '0'), ?::date, 'features' from range(?) t(p)
"""


def make_warehouse(path: Path, *, people: int, history: int) -> None:
    """Write the people's days in the order in which nights load them: a day after the other."""
    with open_warehouse(path) as con:
        con.execute(STREAMS, [people])
        con.execute(PEOPLE, [people])
        for number in range(history + 1):
            day = LAST - timedelta(days=history - number)
            add_day(con, day, number, people)
            if day < LAST:
                con.execute(DONE, [day, METHOD_VERSION, people])
        con.execute(DUE, [LAST, people])


def add_day(con: Connection, day: date, number: int, people: int) -> None:
    """Write one day of everyone."""
    start = datetime.combine(day, datetime.min.time())
    con.execute(HEART, [start, number, people])
    con.execute(STEPS, [start, number, people, number])
    con.execute(NIGHT, [number, start, number, start, people])
    con.execute(STAGES, [number])
    con.execute(VITALS, [start, number, people])
    con.execute(HRV, [start, number, people])


def measure(warehouse: Path, people: int) -> dict[str, float]:
    """Compute the new day of everyone; rate a second of the processor and the process's most memory."""
    names = [f"p-{p:06d}" for p in range(people)]
    staging = warehouse.parent / "staging"
    start = time.process_time()
    folder = compute(warehouse, staging, participants=names, before=LAST + timedelta(days=1))
    took_s = time.process_time() - start
    assert folder is not None
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"days_per_s": round(people / took_s, 1), "s": round(took_s, 2), "peak_mb": round(peak_mb)}


def run_apart(people: int, history: int, rounds: int) -> dict[str, float]:
    """Measure in processes of their own, so that each has its own peak; of some rounds the quickest."""
    with tempfile.TemporaryDirectory() as place:
        warehouse = Path(place) / "w.duckdb"
        make_warehouse(warehouse, people=people, history=history)
        command = [sys.executable, __file__, "--one", str(warehouse), "--people", str(people)]
        each = []
        for _ in range(rounds):
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            each.append(json.loads(done.stdout))
        return max(each, key=lambda one: one["days_per_s"])


def main() -> None:
    """Measure, and print what was measured."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--people", default="10,100,1000")
    options.add_argument("--history", default="30,90,365")
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--json", action="store_true", help="print one line of JSON")
    asked = options.parse_args()
    pa.set_cpu_count(1)
    if asked.one:
        measure(asked.one, 1)  # numba's compiled code, imports and the file's pages
        print(json.dumps(measure(asked.one, int(asked.people))))
        return
    people = {n: run_apart(n, DAYS_OF_FEW, asked.rounds) for n in map(int, asked.people.split(","))}
    history = {n: run_apart(PEOPLE_OF_LONG, n, asked.rounds) for n in map(int, asked.history.split(","))}
    if asked.json:
        print(json.dumps({"people": people, "history_days": history}))
        return
    for what, found in (("people", people), ("days of history", history)):
        for count, one in found.items():
            print(f"{count:>6} {what}: {one['days_per_s']} participant-days/s, peak {one['peak_mb']} MB")


if __name__ == "__main__":
    main()
