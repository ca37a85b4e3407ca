"""A pull from Google Health: requests, and the processor time of fetching, keeping, reading and committing.

Against the fake service that the tests use, without faults, in a process of its own. First a person's week; then
the nightly pull of one new day behind its window; then the same again, when nothing is new. Only this process's
own time is counted: the waits and the service's work are not.

Run: python benchmarks/pulls.py [--json] [--who P001]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from servers import running
from servers.people import DAYS, FIRST, PEOPLE
from servers.visit import NOW, visiting

from ingest.live import google_health
from ingest.pull import Pulled, first_to_ask, pull
from warehouse.store import open_warehouse

LIMIT_S = 1.0
"""Of a person-day with some 17,000 heart rates."""


def pull_days(url: str, who: str, place: Path, first: date, last: date) -> tuple[Pulled, float]:
    """Pull some days into the warehouse of a place; what was done, and the processor time it took."""
    with visiting(url, who) as client:
        began = time.process_time()
        done = pull(
            google_health,
            client,
            participant=who,
            first_day=first,
            last_day=last,
            raw=place / "raw",
            warehouse=place / "w.duckdb",
            staging=place / "staging",
            now=NOW,
            timezone=PEOPLE[who].zone,
        )
        return done, time.process_time() - began


def count_heart_rates(place: Path) -> int:
    """Heart rates in the warehouse of a place."""
    with open_warehouse(place / "w.duckdb", read_only=True) as con:
        (found,) = con.execute("select count(*) from signal.heart_rate").fetchall()
    return int(found[0])


def measure(url: str, who: str) -> dict[str, float]:
    """Every pull's requests and time, after one of another person that pays for what is compiled once."""
    last = FIRST + timedelta(days=DAYS - 1)
    eve = last - timedelta(days=1)
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("warm", "day", "week")]
        for place in places:
            (place / "staging").mkdir(parents=True)
        warm, day, week = places
        pull_days(url, "P003", warm, FIRST, FIRST)
        one, one_s = pull_days(url, who, day, last, last)
        whole, whole_s = pull_days(url, who, week, FIRST, eve)
        night, night_s = pull_days(url, who, week, first_to_ask(last, eve, FIRST), last)
        again, again_s = pull_days(url, who, week, first_to_ask(last, last, FIRST), last)
        return {
            "day_heart_rates": count_heart_rates(day),
            "day_requests": one.requests,
            "day_s": round(one_s, 2),
            "six_days_requests": whole.requests,
            "six_days_s": round(whole_s, 2),
            "night_requests": night.requests,
            "night_s": round(night_s, 2),
            "again_requests": again.requests,
            "again_s": round(again_s, 2),
            "day_ratio_to_limit": round(one_s / LIMIT_S, 2),
        }


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--who", default="P001", choices=sorted(PEOPLE), help="which simulated person")
    asked = parser.parse_args()
    with running("google_health", "--no-faults", "--per-minute", "1000000") as server:
        found = measure(server.url, asked.who)
    if asked.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:20} {value:>10,}")


if __name__ == "__main__":
    main()
