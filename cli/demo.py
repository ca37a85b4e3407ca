"""`make run`: the whole road over the sample, on an embedded Airflow, and a summary from the tables."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from cli.embedded import prepare, run_dag
from cli.look import print_table
from cli.settings import Settings, make_places, read_settings

SAMPLE = Path(__file__).resolve().parent.parent / "sample_data" / "fitbit" / "MyFitbitData.zip"
DATE = "2020-07-22"
"""The day after the sample's last record."""
EXPORT = {"path": str(SAMPLE), "participant": "sample", "timezone": "Australia/Sydney", "research": True}


def main() -> int:
    """Run both DAGs over the sample; exit code 0 where both succeeded."""
    settings = read_settings(os.environ)
    make_places(settings)
    prepare(settings)
    for dag_id, conf in (("nightly", {"date": DATE, **EXPORT}), ("weekly", {"date": DATE})):
        state = run_dag(dag_id, conf)
        print(f"{dag_id}: {state}")  # noqa: T201
        if state != "success":
            return 1
    summarise(settings)
    return 0


def summarise(settings: Settings) -> None:
    """Print what the tables hold now."""
    from warehouse import status
    from warehouse.store import open_warehouse

    with open_warehouse(settings.warehouse, read_only=True) as con:
        counts = status.count_rows(con)
        parts: dict[str, list[dict[str, Any]]] = {
            "rows a table": [{"table": name, "rows": n} for name, n in counts.items() if n],
            "refused": status.describe_refusals(con),
            "days without an index": status.describe_empty_days(con),
        }
        people, pages = status.describe_people(con), status.describe_pages(con)
    for person in people:
        # Downwards, since nine columns do not fit a narrow terminal.
        rows = [{"what": key.replace("_", " "), "is": value} for key, value in person.items()]
        print_table("", rows, empty="nobody")
    for title, part in parts.items():
        print_table(title, part, empty="none")
    for page in pages[:1]:
        print(f"weekly page: {settings.reports / page['page_path']}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
