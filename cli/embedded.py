"""Run the DAGs without a server: an Airflow in this process, its metadata in one SQLite file.

The same DAGs as on a server; only the scheduler is this module. Airflow is imported inside the
functions, after its home has been set.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from cli.settings import Settings

DAGS = Path(__file__).resolve().parent.parent / "dags"
QUIET = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    # Every mapped task asks for one XCom too many, and the answer is logged as an error.
    "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "airflow.sdk.api.client=CRITICAL",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}
POOLS = DAGS / "pools.json"
"""The writer's pool and one a provider; a server imports the same file."""


def prepare(settings: Settings) -> None:
    """Set Airflow's home below `var`, and make or upgrade its metadata and the pools."""
    settings.airflow.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ.update(QUIET)
    os.environ["AIRFLOW_HOME"] = str(settings.airflow)
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(DAGS)
    os.environ["STEADYLINE_VAR"] = str(settings.var)
    os.environ["STEADYLINE_WAREHOUSE"] = settings.warehouse
    from airflow.models.pool import Pool
    from airflow.utils.db import initdb

    mask = os.umask(0o077)
    try:
        initdb()
    finally:
        os.umask(mask)
    for name, pool in json.loads(POOLS.read_text(encoding="utf-8")).items():
        Pool.create_or_update_pool(name, **pool)


def run_dag(dag_id: str, conf: Mapping[str, object]) -> str:
    """Run a DAG to its end in this process; returns the run's state, 'success' or 'failed'."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(DAGS))
    if bag.import_errors:
        raise RuntimeError(f"The DAGs in {DAGS} do not import: {bag.import_errors}")
    dag = bag.dags[dag_id]
    for task in dag.tasks:
        # No worker can be lost here, so what fails would fail again: say it at once.
        task.retries = 0
    return str(dag.test(run_conf=dict(conf)).state.value)


def forget_in_airflow(home: Path, names: re.Pattern[str]) -> int:
    """Delete from an embedded Airflow's metadata and logs whatever names a person; counts the places.

    Rows go from every table with a text that names them (XCom, rendered fields, map names, run
    configurations, the audit log), then the file is rewritten, since SQLite leaves deleted bytes.
    """
    count = forget_in_metadata(home / "airflow.db", names)
    logs = home / "logs"
    for path in sorted(logs.rglob("*")) if logs.exists() else ():
        if path.is_file() and (names.search(path.name) or names.search(path.read_text(errors="replace"))):
            path.unlink()
            count += 1
    return count


def forget_in_metadata(path: Path, names: re.Pattern[str]) -> int:
    """Delete the rows of an Airflow SQLite file in which any text or blob names the person."""
    if not path.exists():
        return 0
    count = 0
    with closing(sqlite3.connect(path)) as db:
        db.create_function("names", 1, lambda value: names_in(value, names), deterministic=True)
        db.execute("pragma secure_delete = on")
        tables = [
            name for (name,) in db.execute("select name from sqlite_master where type = 'table'").fetchall()
        ]
        for table in tables:
            columns = [row[1] for row in db.execute(f'pragma table_info("{table}")').fetchall()]
            found = " or ".join(f'names("{c}")' for c in columns)
            count += db.execute(f'delete from "{table}" where {found}').rowcount  # noqa: S608
        db.commit()
        db.execute("vacuum")
    return count


def names_in(value: object, names: re.Pattern[str]) -> bool:
    """Whether a stored value names the person."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return isinstance(text, str) and names.search(text) is not None
