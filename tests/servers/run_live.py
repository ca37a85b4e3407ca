"""`make run-live`: three simulated people consent at a fake of the Google Health API, and a night pulls their week.

Last, a script for the old Fitbit Web API asks for a day's heart rates twice: a fake of the old service, and the
connection to the new one, through the same calls. Both give the same.

Everything is as it would be with the real service, but for the addresses and for the person: whoever opens the
address of a consent here agrees to it. Data lie in `var/live`, which is made anew each time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
from fitbit_scripts import mended

from cli.demo import summarise
from cli.embedded import prepare, run_dag
from cli.fitbit import open_fitbit
from cli.settings import Settings, make_places, read_settings
from servers import Server, running
from servers.google_health import CLIENT
from servers.people import DAYS, FIRST, PEOPLE

BEFORE = FIRST + timedelta(days=DAYS)
"""The day after the simulated week."""


def make_environ(server: Server, var: Path) -> dict[str, str]:
    """The variables with which Steadyline asks the fake."""
    client_id, client_secret = CLIENT
    return {
        "STEADYLINE_VAR": str(var),
        "STEADYLINE_GOOGLE_HEALTH_AT": server.url,
        "STEADYLINE_GOOGLE_HEALTH_CLIENT_ID": client_id,
        "STEADYLINE_GOOGLE_HEALTH_CLIENT_SECRET": client_secret,
    }


def connect(
    who: str, zone: str, environ: Mapping[str, str], *, account: str | None = None, paste: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Connect one person as on a machine without a browser: the address is opened here, and pasted back.

    `account` is whose account they choose, if not their own; `paste` what they paste, if not what came of it.
    """
    words = ["connect", "google_health", "--participant", who, "--timezone", zone, "--headless"]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *words],
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    came_to = paste or (agree(address, account or who) if address else "")
    said, trouble = process.communicate(f"{came_to}\n", timeout=60)
    return subprocess.CompletedProcess(words, process.returncode, said, trouble)


def agree(address: str, who: str) -> str:
    """Agree to a consent, as the person of that account; gives the address that the browser ends at."""
    return httpx.get(f"{address}&{urlencode({'login_hint': who})}").headers["Location"]


def main() -> int:
    """Connect, run both DAGs, and show what came of it; exit code 0 where all succeeded."""
    var = Path(os.environ.get("STEADYLINE_VAR", "var")).absolute() / "live"
    shutil.rmtree(var, ignore_errors=True)
    with running("google_health") as server, running("fitbit_web") as old:
        environ = make_environ(server, var)
        os.environ.update(environ)
        os.environ.pop("STEADYLINE_WAREHOUSE", None)
        settings = read_settings(os.environ)
        make_places(settings)
        for person in PEOPLE.values():
            done = connect(person.name, person.zone, environ)
            print(done.stdout if done.returncode == 0 else done.stderr, end="")  # noqa: T201
            if done.returncode != 0:
                return 1
        return run_night(settings) or run_script(old)


def run_night(settings: Settings) -> int:
    """Run the nightly and the weekly DAG, and print what the tables hold."""
    prepare(settings)
    for dag_id in ("nightly", "weekly"):
        state = run_dag(dag_id, {"date": BEFORE.isoformat()})
        print(f"{dag_id}: {state}")  # noqa: T201
        if state != "success":
            return 1
    summarise(settings)
    for page in sorted(settings.reports.rglob("*.html")):
        print(f"page: {page}")  # noqa: T201
    return 0


def run_script(old: Server) -> int:
    """Run an old script at the old service and through the new one; 0 where both say the same."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the fake listens on this machine, without https
    who = next(iter(PEOPLE))
    asked = {"resource": "activities/heart", "base_date": FIRST, "detail_level": "1sec"}
    told = [
        fb.intraday_time_series(**asked)["activities-heart-intraday"]["dataset"]
        for fb in (mended(old, who), open_fitbit(who))
    ]
    same = "the same" if told[0] == told[1] else "NOT the same"
    print(f"an old script: {len(told[0]):,} heart rates of {FIRST}, {same} from the new service")  # noqa: T201
    return int(told[0] != told[1])


if __name__ == "__main__":
    sys.exit(main())
